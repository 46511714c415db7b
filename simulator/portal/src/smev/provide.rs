//! The portal as provider and as consumer: requests to it are answered, responses to it are taken over.
//!
//! A request waits in the portal's queue until it is answered. That happens behind SendRequest and before GetResponse,
//! so a stop in between loses nothing; a registry that takes its time is asked again at the next poll.

use std::sync::Arc;

use contract::smev::{Category, PORTAL, Reason};
use contract::{error, time::Day};
use crypto::xmldsig::{Document, Limits};
use domain::{Ask, AsyncFault, Authority, Bearer, Command, Content, Payload, Refusal, Rejection, Reply, SmevMessage};

use super::business::{self, Trouble};
use super::fault::description;
use super::xml::{Parts, text};
use crate::edge::caller::Caller;
use crate::oauth::refuse::note;
use crate::portal::Sandbox;

/// In whose name something is served.
pub(super) struct Desk<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) caller: &'a Caller,
    pub(super) client_id: &'a str,
}

impl Desk<'_> {
    /// A token for one question of this person's data.
    pub(super) async fn ask(&self, authority: &Authority) -> Result<Ask, Refusal> {
        let command = Command::SmevAuthorise { client_id: self.client_id.to_owned(), authority: authority.clone() };
        let Reply::SmevToken(token) = self.sandbox.execute(self.caller, command).await? else {
            return Err(Refusal::new("internal", "unexpected-reply").check("reply of the core"));
        };
        let bearer = Bearer { token, certificate: None };
        Ok(Ask { bearer, person: authority.person, purpose: authority.purpose.clone() })
    }

    pub(super) async fn execute(&self, command: Command) -> Result<Reply, Refusal> {
        self.sandbox.execute(self.caller, command).await
    }
}

/// Answers what this participant has asked and is not answered yet.
pub(super) async fn pending(sandbox: &Sandbox, caller: &Caller, client_id: &str) {
    let open = sandbox.read(|world| world.smev.pending());
    for message in open.into_iter().filter(|message| message.sender == client_id) {
        let desk = Desk { sandbox, caller, client_id };
        let payload = match served(&desk, &message).await {
            Ok(Some(payload)) => payload,
            Ok(None) => continue,
            Err(Trouble::Refused(refusal)) => {
                note(sandbox, caller, &refusal).await;
                rejected(&refusal)
            }
            Err(Trouble::Schema(breach)) => {
                let refusal = Refusal::new("smev-content", "smev-business-schema")
                    .check("schema of the business content")
                    .seen(format!("{} {}", breach.path, breach.what));
                note(sandbox, caller, &refusal).await;
                Payload::Async {
                    category: Category::RequestIsRejectedBySmev,
                    details: Some(format!("{} {}", breach.path, breach.what)),
                    fault: Some(AsyncFault {
                        name: "InvalidContent".to_owned(),
                        description: description("smev-content"),
                        errors: vec![(breach.path, breach.what)],
                    }),
                }
            }
        };
        let sender = if matches!(payload, Payload::Async { .. }) { "smev" } else { PORTAL };
        let command = Command::SmevRespond {
            original: message.id.clone(),
            sender: sender.to_owned(),
            payload: Box::new(payload),
        };
        if let Err(refusal) = sandbox.execute(caller, command).await {
            tracing::error!(code = refusal.code, "an answer of the exchange was not taken");
        }
    }
}

async fn served(desk: &Desk<'_>, message: &SmevMessage) -> Result<Option<Payload>, Trouble> {
    let erased = || Refusal::new("not-found", "smev-content-erased").check("content of the request").seen("erased");
    let Some(Payload::Content(content)) = message.payload.as_deref() else { return Err(erased().into()) };
    let kind = business::find(&message.namespace, &message.root).ok_or_else(erased)?;
    let document = business::parse(&content.xml)?;
    kind.serve(desk, message, content, document.root()).await
}

/// A refusal as the provider tells it.
pub(super) fn rejected(refusal: &Refusal) -> Payload {
    let row = error::row(&refusal.code);
    let code = row.code.as_str();
    let reason = match row.status {
        401 | 403 | 429 => Reason::AccessDenied,
        404 | 409 | 410 => Reason::NoData,
        500.. => Reason::Failure,
        _ => Reason::UnknownRequestDescription,
    };
    Payload::Rejected(vec![Rejection { reason, description: format!("{code}: {}", row.reason.ru) }])
}

/// What a participant answered the portal: overdue credits become debts of the person.
pub(super) async fn take_over(sandbox: &Sandbox, caller: &Caller, message: &SmevMessage) {
    if message.recipient != PORTAL {
        return;
    }
    let content = match message.payload.as_deref() {
        Some(Payload::Content(content)) if message.root == business::OVERDUE.1 => Some(content),
        _ => None,
    };
    if let Some((content, person)) = content.zip(message.person)
        && let Err(refusal) = overdue(sandbox, caller, message, content, person).await
    {
        note(sandbox, caller, &refusal).await;
    }
    if let Err(refusal) = sandbox.execute(caller, Command::SmevTaken { id: message.id.clone() }).await {
        tracing::error!(code = refusal.code, "a response to the portal was not put away");
    }
}

async fn overdue(
    sandbox: &Sandbox,
    caller: &Caller,
    message: &SmevMessage,
    content: &Content,
    person: i64,
) -> Result<(), Refusal> {
    let schema =
        |what: String| Refusal::new("smev-content", "smev-business-schema").check("overdue-creditsResponse").seen(what);
    let limits = Limits::default();
    let document = Document::parse(content.xml.as_bytes(), limits).map_err(|error| schema(error.to_string()))?;
    let namespace = business::OVERDUE.0;
    let mut parts = Parts::of(document.root()).map_err(|breach| schema(breach.what))?;
    let mut credits = Vec::new();
    for item in parts.many(namespace, "item") {
        credits.push(credit(namespace, item).map_err(|breach| schema(format!("{} {}", breach.path, breach.what)))?);
    }
    parts.end().map_err(|breach| schema(breach.what))?;
    let client_id = message.sender.as_str();
    let now = sandbox.now();
    let purpose = sandbox.read(|world| {
        let standing = world.consents.standing(client_id, person, now);
        standing.and_then(|consent| consent.purposes.first().cloned())
    });
    let purpose = purpose.unwrap_or_else(|| "CREDIT".to_owned());
    let desk = Desk { sandbox, caller, client_id };
    for (external_id, title, amount, due_date) in credits {
        let ask = desk.ask(&Authority { consent: None, person, purpose: purpose.clone() }).await?;
        desk.execute(Command::FeedDebt { ask, external_id, title, amount, due_date }).await?;
    }
    Ok(())
}

type Credit = (String, String, contract::money::Money, Day);

fn credit(namespace: &str, item: crypto::xmldsig::Element<'_>) -> Result<Credit, super::xml::Breach> {
    let mut inner = Parts::of(item)?;
    let external_id = text(inner.one(namespace, "external_id")?)?;
    let title = text(inner.one(namespace, "title")?)?;
    let amount = inner.one(namespace, "amount")?;
    let kopecks = text(amount)?.parse().map_err(|_| super::xml::Breach::at(amount, "is no number of kopecks"))?;
    let day = inner.one(namespace, "due_date")?;
    let due_date = text(day)?.parse().map_err(|_| super::xml::Breach::at(day, "is no day"))?;
    inner.end()?;
    Ok((external_id, title, contract::money::Money::from_kopecks(kopecks), due_date))
}

/// Content without anything hanging on it.
pub(super) fn plain(xml: String) -> Payload {
    Payload::Content(Content { xml, ..Content::default() })
}

/// Shared by the control call: a request of the portal.
pub(super) fn question(
    client_id: &str,
    (namespace, root): (&str, &str),
    person: Option<i64>,
    eol: Option<contract::time::Timestamp>,
    xml: String,
) -> SmevMessage {
    SmevMessage {
        id: String::new(),
        kind: domain::MessageKind::Request,
        sender: PORTAL.to_owned(),
        recipient: client_id.to_owned(),
        original: None,
        reference: None,
        transaction: None,
        node: None,
        namespace: namespace.to_owned(),
        root: root.to_owned(),
        sent_at: contract::time::Timestamp::from_seconds(0),
        eol,
        test: false,
        person,
        payload: Some(Arc::new(plain(xml))),
    }
}
