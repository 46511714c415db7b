//! Decisions of the exchange: what is taken, handed out, acknowledged, returned.

use contract::consent::ConsentState;
use contract::scope;
use contract::smev::{Category, PORTAL};
use contract::time::Timestamp;

use super::uuid::{self, Form};
use super::{Anomaly, Authority, Delivery, Held, MessageKind, Payload, Place, SmevMessage, SmevPull, SmevSend};
use crate::draft::Draft;
use crate::event::Fact;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::tokens::{Token, TokenKind};

/// Life of the token that a request stands for: it is used at once.
const LIFE: contract::time::Span = contract::time::Span::from_minutes(1);

fn odd(draft: &mut Draft<'_, '_, '_>, what: Anomaly, id: Option<&str>, seen: &str) {
    let seen = (!seen.is_empty()).then(|| seen.to_owned());
    draft.tell(Fact::SmevAnomaly { what, id: id.map(str::to_owned), seen });
}

/// What the edge noticed.
pub(crate) fn note(draft: &mut Draft<'_, '_, '_>, client_id: Option<&str>, what: Anomaly, seen: &str) -> Reply {
    draft.partner = client_id.map(str::to_owned);
    odd(draft, what, None, seen);
    Reply::Done
}

fn rejected(draft: &mut Draft<'_, '_, '_>, id: &str, refusal: Refusal) -> Refusal {
    draft.tell(Fact::SmevRejected { id: id.to_owned(), code: refusal.code.clone(), cause: refusal.cause.clone() });
    refusal
}

/// SendRequest and SendResponse of a participant.
pub(crate) fn send(draft: &mut Draft<'_, '_, '_>, ask: SmevSend) -> Result<Reply, Refusal> {
    let SmevSend { mut message, to, known, scope } = ask;
    draft.partner = Some(message.sender.clone());
    draft.citizen = message.person;
    if let Err(refusal) = admit(draft, &message) {
        return Err(rejected(draft, &message.id, refusal));
    }
    let outcome = match message.kind {
        MessageKind::Request => request(draft, &mut message, known, scope),
        MessageKind::Response => response(draft, &mut message, to.as_deref()),
    };
    if let Err(refusal) = outcome {
        return Err(rejected(draft, &message.id, refusal));
    }
    message.sent_at = draft.now;
    draft.citizen = message.person;
    draft.tell(Fact::SmevSent { message: Box::new(message.clone()) });
    Ok(Reply::SmevSent(Box::new(message)))
}

/// The id and the end of life: what is asked of every message.
fn admit(draft: &mut Draft<'_, '_, '_>, message: &SmevMessage) -> Result<(), Refusal> {
    let id = message.id.as_str();
    let clock = match uuid::form(id) {
        Form::Clock(clock) => clock,
        Form::Version(version) => {
            odd(draft, Anomaly::UuidNotVersion1, Some(id), &format!("version {version}"));
            return Err(Refusal::new("smev-message-id-format", "smev-uuid-not-version-1")
                .check("MessageID")
                .seen(format!("a UUID of version {version}"))
                .wanted("a UUID of version 1 (RFC 4122)")
                .mend("draw message ids by a version 1 generator: their clock is read"));
        }
        Form::Wrong => {
            return Err(Refusal::new("smev-message-id-format", "smev-uuid-form")
                .check("MessageID")
                .seen(id.chars().take(60).collect::<String>())
                .wanted("lower-case hex, 8-4-4-4-12"));
        }
    };
    if draft.world.smev.find(id).is_some() {
        odd(draft, Anomaly::DuplicateId, Some(id), "");
        return Err(Refusal::new("smev-message-already-sent", "smev-duplicate-id")
            .check("MessageID")
            .seen("an id that was taken before")
            .wanted("a new id")
            .mend("the message is there already: poll for its answer"));
    }
    let now = draft.now.seconds();
    let skew = draft.world.limits.clock_skew.seconds();
    if clock > now + skew {
        odd(draft, Anomaly::ClockAhead, Some(id), &format!("{} s", clock - now));
        return Err(Refusal::new("smev-message-id-stale", "smev-uuid-clock-ahead")
            .check("clock of MessageID")
            .seen(Timestamp::from_seconds(clock).to_string())
            .wanted(format!("not after {}", draft.now))
            .mend("set the clock by NTP"));
    }
    if clock < now - uuid::STALE.seconds() {
        odd(draft, Anomaly::ClockStale, Some(id), &format!("{} s", now - clock));
        return Err(Refusal::new("smev-message-id-stale", "smev-uuid-clock-stale")
            .check("clock of MessageID")
            .seen(Timestamp::from_seconds(clock).to_string())
            .wanted(format!("within two days of {}", draft.now))
            .mend("draw a new id, or set the clock"));
    }
    Ok(())
}

fn request(
    draft: &mut Draft<'_, '_, '_>,
    message: &mut SmevMessage,
    known: bool,
    scope: Option<&'static str>,
) -> Result<(), Refusal> {
    if !known {
        return Err(Refusal::new("smev-type-unknown", "smev-type-unknown")
            .check("root of MessagePrimaryContent")
            .seen(format!("{{{}}}{}", message.namespace, message.root))
            .wanted("a registered type; see /smev/1.3?wsdl"));
    }
    if message.eol.is_some_and(|eol| eol <= draft.now) {
        return Err(Refusal::new("smev-end-of-life", "smev-end-of-life")
            .check("EOL")
            .seen(message.eol.map(|eol| eol.to_string()).unwrap_or_default())
            .wanted(format!("after {}", draft.now)));
    }
    let partner = draft.world.partners.find(&message.sender);
    let may = |name: &str| partner.is_some_and(|partner| scope::opens_service(&partner.scopes, name));
    if let Some(name) = scope.filter(|name| !may(name)) {
        return Err(Refusal::new("smev-access-denied", "smev-access-denied")
            .check("rights of the sender")
            .seen(message.sender.as_str())
            .wanted(format!("a system that was given {name}")));
    }
    if message.transaction.as_ref().is_some_and(|code| code.trim().is_empty()) {
        return Err(Refusal::new("smev-transaction-code", "smev-transaction-code")
            .check("TransactionCode")
            .seen("blank")
            .wanted("a code, or no element"));
    }
    message.recipient = PORTAL.to_owned();
    Ok(())
}

fn response(draft: &mut Draft<'_, '_, '_>, message: &mut SmevMessage, to: Option<&str>) -> Result<(), Refusal> {
    let asked = to.and_then(|id| draft.world.smev.find(id)).filter(|held| held.message.recipient == message.sender);
    let Some(asked) = asked.map(|held| held.message.clone()) else {
        odd(draft, Anomaly::WrongTo, Some(&message.id), "");
        return Err(Refusal::new("smev-recipient-unknown", "smev-wrong-to")
            .check("To")
            .seen("no request's ReplyTo")
            .wanted("ReplyTo of the request, byte for byte"));
    };
    let content = matches!(message.payload.as_deref(), Some(Payload::Content(_)));
    let wanted =
        asked.root.strip_suffix("Request").map_or_else(|| asked.root.clone(), |root| format!("{root}Response"));
    if content && (message.namespace != asked.namespace || message.root != wanted) {
        return Err(Refusal::new("smev-response-type", "smev-response-type")
            .check("root of MessagePrimaryContent")
            .seen(format!("{{{}}}{}", message.namespace, message.root))
            .wanted(format!("{{{}}}{wanted}", asked.namespace)));
    }
    message.namespace = asked.namespace;
    message.root = asked.root;
    message.recipient = asked.sender;
    message.original = Some(asked.id.clone());
    message.reference = asked.reference.or(Some(asked.id));
    message.transaction = asked.transaction;
    message.person = asked.person;
    Ok(())
}

/// GetRequest and GetResponse.
pub(crate) fn pull(draft: &mut Draft<'_, '_, '_>, ask: &SmevPull) -> Reply {
    draft.partner = Some(ask.client_id.clone());
    let Some(held) = draft.world.smev.peek(ask, draft.now).cloned() else {
        let before = draft.world.smev.empty_polls.get(&(ask.client_id.clone(), ask.kind)).copied();
        let least = draft.world.limits.poll_interval;
        if let Some(before) = before.filter(|before| draft.now < *before + least) {
            let pause = draft.now.since(before).millis();
            odd(draft, Anomaly::PollTooFast, None, &format!("{pause} ms after an empty answer"));
        }
        draft.tell(Fact::SmevPolled { kind: ask.kind });
        return Reply::SmevPulled(None);
    };
    draft.citizen = held.message.person;
    let (id, attempt) = (held.message.id.clone(), held.attempts + 1);
    let until = draft.now + draft.world.limits.smev_redelivery;
    if attempt == 1 {
        draft.tell(Fact::SmevDelivered { id, until, attempt });
    } else {
        missing_ack(draft, &held);
        draft.tell(Fact::SmevRedelivered { id, until, attempt });
    }
    Reply::SmevPulled(Some(Box::new(Delivery { message: held.message, delivered_at: draft.now, attempt })))
}

fn missing_ack(draft: &mut Draft<'_, '_, '_>, held: &Held) {
    if held.missed < held.attempts {
        odd(draft, Anomaly::MissingAck, Some(&held.message.id), &format!("delivery {}", held.attempts));
    }
}

/// A message of the queue is stored at its recipient; `accepted: false` says that SMEV's signature did not hold there.
pub(crate) fn ack(draft: &mut Draft<'_, '_, '_>, client_id: &str, id: &str, accepted: bool) -> Result<Reply, Refusal> {
    draft.partner = Some(client_id.to_owned());
    let smev = &draft.world.smev;
    let found =
        smev.find(id).filter(|held| held.message.recipient == client_id && held.attempts > 0 && !held.is_gone());
    if let Some(held) = found {
        draft.citizen = held.message.person;
        draft.tell(Fact::SmevAcked { id: id.to_owned(), accepted });
        if !accepted {
            odd(draft, Anomaly::AckRejected, Some(id), "the recipient says that SMEV's signature does not hold");
        }
        return Ok(Reply::Done);
    }
    let own_request = smev.find(id).is_some_and(|held| held.message.sender == client_id);
    let acked = smev.find(id).is_some_and(|held| held.message.recipient == client_id && held.is_gone());
    let (what, cause) = if own_request {
        (Anomaly::AckOfRequestId, "smev-ack-of-request-id")
    } else {
        (Anomaly::AckUnknown, if acked { "smev-ack-repeated" } else { "smev-ack-unknown" })
    };
    odd(draft, what, Some(id), "");
    Err(Refusal::new("smev-target-not-found", cause)
        .check("AckTargetMessage")
        .seen(if acked { "a message that was acknowledged before" } else { id })
        .wanted("MessageID of the message that was handed out")
        .mend("acknowledge the response by its own MessageID, not by that of the request"))
}

/// GetStatus: the oldest news about what the participant sent.
pub(crate) fn status(draft: &mut Draft<'_, '_, '_>, client_id: &str) -> Reply {
    draft.partner = Some(client_id.to_owned());
    let news = draft.world.smev.all().find(|held| held.message.sender == client_id && held.untold).cloned();
    if let Some(held) = &news {
        draft.citizen = held.message.person;
        let (id, details) = (held.message.id.clone(), held.details.clone());
        draft.tell(Fact::SmevStatus { id, status: held.status, details, told: true });
    }
    Reply::SmevStatus(news.map(Box::new))
}

/// A data token for one request to the portal: the signed request with its named consent stands for one.
pub(crate) fn authorise(
    draft: &mut Draft<'_, '_, '_>,
    client_id: &str,
    authority: &Authority,
) -> Result<Reply, Refusal> {
    draft.partner = Some(client_id.to_owned());
    draft.citizen = Some(authority.person);
    let consents = &draft.world.consents;
    let found = match &authority.consent {
        Some(id) => {
            consents.find(id).filter(|consent| consent.client_id == client_id && consent.person == authority.person)
        }
        None => consents.standing(client_id, authority.person, draft.now),
    };
    let Some(consent) = found.cloned() else {
        return Err(Refusal::new("consent-missing", "consent-absent")
            .check("consent named in the request")
            .seen(authority.consent.as_deref().unwrap_or("none"))
            .wanted(ConsentState::Granted.as_str())
            .mend("name a standing consent of this person for the system whose certificate signed"));
    };
    let token = Token {
        id: draft.uuid(),
        kind: TokenKind::Data,
        client_id: client_id.to_owned(),
        citizen: Some(consent.person),
        scopes: consent.scopes.clone(),
        issued_at: draft.now,
        expires_at: draft.now + LIFE,
        consent: Some(consent.id.clone()),
        flow: Some(consent.flow.clone()),
        session: None,
        thumbprint: None,
        digest: None,
    };
    draft.flow = Some(consent.flow);
    let id = token.id.clone();
    draft.tell(Fact::TokensIssued { tokens: vec![token], code: None, rotated: None });
    Ok(Reply::SmevToken(id))
}

/// The portal, or SMEV itself, answers a request.
pub(crate) fn respond(draft: &mut Draft<'_, '_, '_>, original: &str, sender: &str, payload: Payload) -> Reply {
    let Some(asked) = draft.world.smev.find(original).map(|held| held.message.clone()) else { return Reply::Done };
    draft.partner = Some(asked.sender.clone());
    draft.citizen = asked.person;
    let refused = match &payload {
        Payload::Async { category, details, .. } => Some((*category, details.clone())),
        _ => None,
    };
    let message = SmevMessage {
        id: fresh(draft),
        kind: MessageKind::Response,
        sender: sender.to_owned(),
        recipient: asked.sender,
        original: Some(asked.id.clone()),
        reference: asked.reference.or(Some(asked.id.clone())),
        transaction: asked.transaction,
        node: asked.node,
        namespace: asked.namespace,
        root: asked.root,
        sent_at: draft.now,
        eol: None,
        test: asked.test,
        person: asked.person,
        payload: Some(std::sync::Arc::new(payload)),
    };
    draft.tell(Fact::SmevSent { message: Box::new(message.clone()) });
    if let Some((status, details)) = refused {
        draft.tell(Fact::SmevStatus { id: asked.id, status, details, told: false });
    }
    Reply::SmevSent(Box::new(message))
}

/// The portal asks a participant.
pub(crate) fn ask(draft: &mut Draft<'_, '_, '_>, mut message: SmevMessage) -> Result<Reply, Refusal> {
    draft.partner = Some(message.recipient.clone());
    draft.citizen = message.person;
    if draft.world.partners.find(&message.recipient).is_none() {
        return Err(Refusal::new("partner-unknown", "client-unknown").check("client_id").seen(message.recipient));
    }
    message.id = fresh(draft);
    message.sent_at = draft.now;
    draft.tell(Fact::SmevSent { message: Box::new(message.clone()) });
    Ok(Reply::SmevSent(Box::new(message)))
}

/// The portal has read a response to it and needs it no more.
pub(crate) fn taken(draft: &mut Draft<'_, '_, '_>, id: &str) -> Reply {
    let Some(held) = draft.world.smev.find(id).filter(|held| !held.is_gone()) else { return Reply::Done };
    draft.partner = Some(held.message.sender.clone());
    draft.citizen = held.message.person;
    draft.tell(Fact::SmevAcked { id: id.to_owned(), accepted: true });
    Reply::Done
}

fn fresh(draft: &mut Draft<'_, '_, '_>) -> String {
    let tail = draft.digits(21);
    uuid::make(draft.now, &tail)
}

/// Reservations that ended without an Ack, and requests that outlived themselves.
pub(crate) fn settle(draft: &mut Draft<'_, '_, '_>) {
    let now = draft.now;
    let due: Vec<Held> = draft.world.smev.due().filter(|(at, _)| *at <= now).map(|(_, held)| held.clone()).collect();
    for held in due {
        draft.citizen = held.message.person;
        draft.flow = None;
        if matches!(held.place, Place::Reserved(until) if until <= now) {
            draft.partner = Some(held.message.recipient.clone());
            missing_ack(draft, &held);
        }
        if held.message.eol.is_some_and(|eol| eol <= now) {
            draft.partner = Some(held.message.sender.clone());
            let details = Some("EOL".to_owned());
            draft.tell(Fact::SmevStatus { id: held.message.id, status: Category::Cancelled, details, told: false });
        }
    }
}
