//! What a citizen does with applications, orders and tickets in their account at the portal, banking through it, and
//! what the portal does of its own accord: announces the end of a version, renews reference data, asks the bank.

use contract::time::{Span, Timestamp};
use serde_json::{Map, Value, json};

use super::lane::Lane;
use super::play::Play;
use super::portal::Asked;
use crate::error::SuiteError;
use crate::scenario::model::CitizenStep;

/// An act of a citizen; what it needs stands under `with`.
pub(crate) async fn of_citizen(lane: &Lane, play: &Play, step: &CitizenStep, index: usize) -> Result<(), SuiteError> {
    let (who, act) = (step.who.value.as_str(), step.act.value.as_str());
    let Some(member) = play.member(who) else { return Ok(()) };
    let slug = member.person.slug.clone();
    let mut with = step.with.clone();
    let of_matter = |with: &mut Map<String, Value>| {
        let id = taken(with, "matter");
        format!("/citizens/{slug}/matters/{id}/{act}")
    };
    let path = match act {
        "read-code" => {
            let messages = lane.sandbox.messages(&slug).await?;
            let newest = messages.into_iter().filter(|message| message.code.is_some()).max_by_key(|message| message.at);
            let Some(newest) = newest else {
                play.unmet(Some(index), format!("{who} got no one-time code"), Vec::new());
                return Ok(());
            };
            play.act("citizen", act, Some(index), json!({"person": who, "text": newest.text}));
            let kept = json!({"code": newest.code, "text": newest.text, "subject": newest.subject});
            return keep(play, step.save.as_ref().map(|save| save.value.as_str()), kept);
        }
        "apply" => {
            with.entry("client_id").or_insert_with(|| Value::from(lane.bank_facts.client_id.as_str()));
            format!("/citizens/{slug}/applications")
        }
        "bank-at-portal" => {
            with.entry("client_id").or_insert_with(|| Value::from(lane.bank_facts.client_id.as_str()));
            format!("/citizens/{slug}/banking")
        }
        "opt-in" | "opt-out" => format!("/citizens/{slug}/{act}"),
        _ => of_matter(&mut with),
    };
    play.act("citizen", act, Some(index), json!({"person": who, "with": step.with}));
    ask(lane, play, ("POST", &path), Value::Object(with), step.save.as_ref().map(|save| save.value.as_str()), index)
        .await
}

/// An honest change at the portal.
pub(crate) async fn of_portal(
    lane: &Lane,
    play: &Play,
    act: &str,
    mut with: Map<String, Value>,
    save: Option<&str>,
    index: usize,
) -> Result<(), SuiteError> {
    play.act("portal", act, Some(index), json!({"with": with}));
    let call = match act {
        "announce-sunset" => {
            dated(&mut with, lane.agency.clock.now());
            ("PUT", "/api-versions".to_owned())
        }
        "renew-reference" => {
            let name = taken(&mut with, "name");
            ("PUT", format!("/reference/{name}"))
        }
        "ask-bank" => {
            with.entry("client_id").or_insert_with(|| Value::from(lane.bank_facts.client_id.as_str()));
            ("POST", "/smev/ask".to_owned())
        }
        "change-citizen" => {
            let slug = taken(&mut with, "person");
            ("PATCH", format!("/citizens/{slug}"))
        }
        "move-matter" => {
            let (matter, step) = (taken(&mut with, "matter"), taken(&mut with, "move"));
            ("POST", format!("/matters/{matter}/{step}"))
        }
        other => return Err(SuiteError::new(format!("the portal does nothing called `{other}`"), "")),
    };
    ask(lane, play, (call.0, &call.1), Value::Object(with), save, index).await
}

/// A word that belongs into the address and not into the body.
fn taken(with: &mut Map<String, Value>, name: &str) -> String {
    with.remove(name).and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Days from now on, such as `P10D`, become instants of the sandbox's clock.
fn dated(with: &mut Map<String, Value>, now: Timestamp) {
    for life in with.values_mut().filter_map(Value::as_object_mut) {
        for moment in life.values_mut() {
            let span = moment.as_str().and_then(|text| text.parse::<Span>().ok());
            if let Some(span) = span {
                *moment = json!(now + span);
            }
        }
    }
}

/// A refusal is what the case comes to, not a failure of the suite: it is kept like an answer, and is an unmet step only
/// where nothing was to be saved.
async fn ask(
    lane: &Lane,
    play: &Play,
    (method, path): (&str, &str),
    body: Value,
    save: Option<&str>,
    index: usize,
) -> Result<(), SuiteError> {
    match lane.sandbox.ask(method, path, &body).await? {
        Asked::Done(answer) => keep(play, save, answer),
        Asked::Refused { code, .. } if save.is_some() => keep(play, save, json!({"refused": code})),
        Asked::Refused { why, .. } => {
            play.unmet(Some(index), format!("the portal refused: {why}"), Vec::new());
            Ok(())
        }
    }
}

fn keep(play: &Play, save: Option<&str>, value: Value) -> Result<(), SuiteError> {
    if let Some(save) = save {
        play.state().saved.insert(save.to_owned(), value);
    }
    Ok(())
}
