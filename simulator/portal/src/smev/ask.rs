//! `POST /smev/ask` of the control API: the portal, as consumer, asks a participant.

use std::sync::Arc;

use contract::control::Unsigned;
use contract::time::Span;
use domain::{Command, Refusal, Reply};
use serde::Deserialize;
use serde_json::{Value, json};

use super::business::{OVERDUE, STATUS};
use super::provide::question;
use super::xml::{el, opt};
use crate::edge::caller::Caller;
use crate::people;
use crate::portal::Sandbox;

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmevAsk {
    client_id: String,
    /// `overdue-credits` or `application-status`.
    #[serde(rename = "type")]
    kind: String,
    /// Slug of the citizen.
    #[serde(default)]
    person: Option<String>,
    /// Which application.
    #[serde(default)]
    application: Option<String>,
    /// The answer is wanted within this.
    #[serde(default)]
    within: Option<Span>,
}

/// Puts the request into the participant's queue; answers its id.
pub(crate) async fn ask(sandbox: &Arc<Sandbox>, ask: SmevAsk) -> Result<Value, Refusal> {
    let wrong = |name: &str, seen: &str, wanted: &str| {
        Refusal::new("parameter-invalid", "parameter-invalid").check(name).seen(seen).wanted(wanted)
    };
    let citizen = match &ask.person {
        Some(slug) => Some(people::meet(sandbox, slug).ok_or_else(|| wrong("person", slug, "the slug of a citizen"))?),
        None => None,
    };
    let person = citizen.as_ref().map(|citizen| citizen.oid.wide());
    let number = person.map(|person| person.to_string());
    let (names, inner) = match ask.kind.as_str() {
        "overdue-credits" => {
            let number = number.ok_or_else(|| wrong("person", "absent", "the slug of a citizen"))?;
            let snils = citizen.as_ref().and_then(|citizen| citizen.snils.as_ref()).map(ToString::to_string);
            (OVERDUE, format!("{}{}", el("person", &number), opt("snils", snils.as_deref())))
        }
        "application-status" => {
            let id = ask.application.as_deref().ok_or_else(|| wrong("application", "absent", "its id"))?;
            (STATUS, format!("{}{}", opt("person", number.as_deref()), el("application", id)))
        }
        other => return Err(wrong("type", other, "overdue-credits or application-status")),
    };
    let xml = format!("<{root} xmlns=\"{}\">{inner}</{root}>", names.0, root = names.1);
    let eol = ask.within.map(|within| sandbox.now() + within);
    let message = question(&ask.client_id, names, person, eol, xml);
    let Reply::SmevSent(sent) = sandbox.execute(&Caller::nobody(), Command::SmevAsk(Box::new(message))).await? else {
        return Err(Refusal::new("internal", "unexpected-reply").check("reply of the core"));
    };
    Ok(json!({"id": sent.id, "namespace": sent.namespace, "root": sent.root}))
}

/// How the sandbox takes messages, for those who look.
pub(crate) fn switches(sandbox: &Sandbox) -> Value {
    let settings = sandbox.settings();
    let unsigned = settings.smev_unsigned == Unsigned::Allowed;
    json!({"smev_unsigned": if unsigned { "allowed" } else { "refused" }, "smev_algorithms": settings.smev_algorithms})
}
