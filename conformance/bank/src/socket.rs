//! The event stream (API-3): a WebSocket to the portal over the same trust as every call, the token in a header and never
//! in the address. Events are stored in order, each once, and only then acknowledged; a connection that breaks is made
//! again after a delay that grows, and goes on behind the last stored event. What breaks the protocol ends it.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::adapter::{ReasonClass, Report};
use contract::stream::SUBPROTOCOL;
use contract::time::Span;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::bank::{Bank, Flow, done};
use crate::conduct::{Diligence, SocketCheck, SocketDuty};
use crate::hooks;
use crate::json::weigh;
use crate::protocol::{self, Grant};
use crate::refusal::{Refusal, refuse};

mod connect;
mod lenient;

use connect::{Line, Opened};

const LAST: &str = "stream/last";
/// The portal has nothing more to say.
const SILENCE: Span = Span::from_seconds(2);
/// How long the other side may take to end a connection that the bank has closed.
const FAREWELL: Span = Span::from_seconds(1);
/// Connections of one following at most, and the first delay between two.
const CONNECTIONS: u32 = 7;
const FIRST_GAP: Span = Span::from_millis(150);
/// Events of one following at most.
const EVENTS: usize = 2_000;

/// What ended a connection.
enum End {
    /// Enough events, or silence.
    Done,
    /// Broken off: again, later.
    Again,
    /// The token is over: a new one, once.
    Token,
    Refused(Refusal),
}

struct Follower<'a> {
    bank: &'a Arc<Bank>,
    flow: &'a Flow,
    /// Of the last event that is stored.
    last: u64,
    events: Vec<Value>,
    /// Came too early: waiting for those before them.
    early: BTreeMap<u64, Value>,
    /// Of nobody the bank knows: seen so often.
    strange: BTreeMap<String, u32>,
    wanted: usize,
    late: Option<Refusal>,
}

/// `events.follow`.
pub(crate) async fn follow(bank: &Arc<Bank>, flow: &Flow) -> Result<Report, Refusal> {
    let params = &flow.params;
    let number = |name: &str| params.get(name).and_then(Value::as_u64);
    let last = number("after").or_else(|| bank.store.read(LAST)).unwrap_or_default();
    let wanted = number("count").and_then(|count| usize::try_from(count).ok()).unwrap_or(EVENTS).min(EVENTS);
    let mut follower = Follower {
        bank,
        flow,
        last,
        events: Vec::new(),
        early: BTreeMap::new(),
        strange: BTreeMap::new(),
        wanted,
        late: None,
    };
    let mut token = token(bank, flow).await?;
    let (mut tries, mut renewed) = (0, false);
    let patience = if bank.conduct.keeps(SocketDuty::BackOff) { CONNECTIONS } else { 4 * CONNECTIONS };
    loop {
        tries += 1;
        let stored = follower.events.len();
        let end = match connect::open(bank, &token, &mut follower.late).await {
            Ok(Opened::Line(line)) => follower.listen(*line).await,
            Ok(Opened::Refused { status: 401, .. }) => End::Token,
            Ok(Opened::Refused { status, wait }) => refused(bank, status, wait).await,
            Err(crate::http::Lost::Broken(_)) => End::Again,
            Err(lost @ crate::http::Lost::Untrusted(_)) => End::Refused(lost.refusal()),
        };
        if follower.events.len() > stored {
            tries = 1;
        }
        match end {
            End::Done => break,
            End::Refused(refusal) => return Err(refusal),
            // The variant that knocks again comes with the same token.
            End::Token if !bank.conduct.keeps(SocketDuty::RefusalHeeded) && tries <= patience => {}
            End::Token if !renewed && bank.conduct.keeps(SocketDuty::TokenRenewed) => {
                renewed = true;
                token = self::token(bank, flow).await?;
            }
            End::Token => {
                return Err(refuse(ReasonClass::Time, "WS-TOKEN", "the portal does not take the token"));
            }
            End::Again if tries >= patience => {
                return Err(refuse(ReasonClass::Transport, "WS-BROKEN", "the connection breaks off again and again"));
            }
            End::Again => back_off(bank, tries).await,
        }
    }
    if let Some(refusal) = follower.late {
        return Err(refusal);
    }
    let values =
        [("events".to_owned(), Value::from(follower.events)), ("sequence".to_owned(), Value::from(follower.last))];
    Ok(done(Map::from_iter(values)))
}

async fn token(bank: &Arc<Bank>, flow: &Flow) -> Result<String, Refusal> {
    protocol::token_call(bank, &flow.id, Grant::Partner).await.map(|answer| answer.access)
}

/// Random, and longer each time (RFC 6455 §7.2.3).
async fn back_off(bank: &Bank, tries: u32) {
    if !bank.conduct.keeps(SocketDuty::BackOff) {
        return;
    }
    let gap = FIRST_GAP.millis() << tries.min(6);
    crate::clock::nap(Span::from_millis(gap + bank.draw.below(gap / 2))).await;
}

/// What a refused handshake means.
async fn refused(bank: &Bank, status: u16, wait: Option<String>) -> End {
    match (status, wait) {
        (429 | 503, Some(told)) => {
            if bank.conduct.keeps(SocketDuty::RetryAfter) {
                let now = bank.clock.now();
                let until = match told.trim().parse::<i64>() {
                    Ok(seconds) => now + Span::from_seconds(seconds.clamp(0, 60)),
                    Err(_) => crate::retry::http_date(&told).unwrap_or(now),
                };
                bank.clock.wait_until(until).await;
            }
            End::Again
        }
        (429 | 500..=599, _) => End::Again,
        (300..=399, _) => {
            End::Refused(refuse(ReasonClass::Transport, "WS-REDIRECT", "the stream is said to be elsewhere"))
        }
        (403, _) => End::Refused(refuse(ReasonClass::Consent, "WS-FORBIDDEN", "the portal does not open the stream")),
        _ => End::Refused(refuse(ReasonClass::Format, "WS-STATUS", format!("status {status} to the handshake"))),
    }
}

impl Follower<'_> {
    /// Subscribes and takes events until there is nothing more.
    async fn listen(&mut self, line: Line) -> End {
        let mut line = line;
        if !self.subscribe(&mut line).await {
            return End::Again;
        }
        loop {
            if self.events.len() >= self.wanted {
                leave(&mut line, CloseCode::Normal).await;
                return End::Done;
            }
            let next = tokio::select! {
                next = line.next() => next,
                () = crate::clock::nap(SILENCE) => {
                    leave(&mut line, CloseCode::Normal).await;
                    return End::Done;
                }
            };
            match next {
                None => return End::Again,
                Some(Err(error)) => return self.broken(&mut line, error).await,
                Some(Ok(message)) => {
                    if let Some(end) = self.take(&mut line, message).await {
                        return end;
                    }
                }
            }
        }
    }

    async fn subscribe(&self, line: &mut Line) -> bool {
        let after = if self.bank.conduct.keeps(SocketDuty::ResumesAtLast) { self.last } else { 0 };
        let text = json!({"subscribe": {"consent": "all", "after": after}}).to_string();
        line.send(Message::text(text)).await.is_ok()
    }

    /// A breach of the protocol ends the connection with its code; anything else is a broken line.
    async fn broken(&mut self, line: &mut Line, error: tungstenite::Error) -> End {
        let (code, why) = match &error {
            tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
                return End::Again;
            }
            tungstenite::Error::Protocol(breach) => (CloseCode::Protocol, breach.to_string()),
            tungstenite::Error::Utf8(_) => (CloseCode::Invalid, error.to_string()),
            tungstenite::Error::Capacity(_) => (CloseCode::Size, error.to_string()),
            _ => return End::Again,
        };
        leave(line, code).await;
        End::Refused(refuse(ReasonClass::Format, "WS-PROTOCOL", why))
    }

    async fn take(&mut self, line: &mut Line, message: Message) -> Option<End> {
        let bank = self.bank;
        let text = match message {
            Message::Text(text) => text.to_string(),
            Message::Binary(bytes) => {
                let refusal = refuse(ReasonClass::Format, "WS-BINARY", "an event in a binary frame");
                if let Err(refusal) = weigh(bank, SocketCheck::Binary, refusal, &mut self.late) {
                    leave(line, CloseCode::Unsupported).await;
                    return Some(End::Refused(refusal));
                }
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Message::Close(frame) => return Some(self.closed(line, frame).await),
            Message::Pong(_) if !bank.conduct.keeps(SocketDuty::PongIgnored) => {
                return Some(End::Refused(refuse(ReasonClass::Format, "WS-PONG", "a pong that nobody asked for")));
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
                // The answer to a ping stands ready; it goes out with the next flush.
                let _ = line.flush().await;
                return None;
            }
        };
        let Ok(said) = serde_json::from_str::<Value>(&text) else {
            leave(line, CloseCode::Policy).await;
            return Some(End::Refused(refuse(ReasonClass::Format, "WS-FORM", "a message that is no JSON")));
        };
        if let Some(event) = said.get("event") {
            return self.event(line, event.clone()).await;
        }
        if let Some(gap) = said.get("gap") {
            // What was trimmed is not to be had any more: the bank reads the present state when it needs it.
            let to = gap["to"].as_u64().unwrap_or_default();
            bank.diary.note(bank.clock.now(), "stream.gap", &[("to", &to.to_string())]);
            self.last = self.last.max(to);
        }
        None
    }

    async fn closed(&self, line: &mut Line, frame: Option<CloseFrame>) -> End {
        if self.bank.conduct.keeps(SocketDuty::CloseAnswered) {
            let _ = line.flush().await;
        }
        match frame.map(|frame| u16::from(frame.code)) {
            Some(4001) => End::Token,
            Some(4003) if self.bank.conduct.keeps(SocketDuty::RevocationHeeded) => End::Refused(refuse(
                ReasonClass::Consent,
                "WS-CONSENT",
                "the portal closed the stream for want of consent",
            )),
            Some(4009) => End::Refused(refuse(ReasonClass::Replay, "WS-REPLACED", "a newer connection took over")),
            Some(4004 | 4010 | 1002 | 1003 | 1007..=1010) => {
                End::Refused(refuse(ReasonClass::Format, "WS-CLOSED", "the portal did not understand the bank"))
            }
            _ => End::Again,
        }
    }

    /// One event: in its order, once, and of somebody the bank knows.
    async fn event(&mut self, line: &mut Line, event: Value) -> Option<End> {
        let conduct = self.bank.conduct;
        let Some(seq) = event["seq"].as_u64() else {
            leave(line, CloseCode::Policy).await;
            return Some(End::Refused(refuse(ReasonClass::Format, "WS-FORM", "an event without a number")));
        };
        if !conduct.keeps(SocketDuty::AckAfterStore) {
            acknowledge(line, seq).await;
        }
        if seq <= self.last && conduct.keeps(SocketDuty::Applied) {
            self.acknowledge(line).await;
            return None;
        }
        if seq > self.last + 1 && conduct.keeps(SocketDuty::InOrder) {
            let missing = self.early.is_empty();
            self.early.insert(seq, event.clone());
            if missing && conduct.keeps(SocketDuty::GapAsked) && !self.subscribe(line).await {
                return Some(End::Again);
            }
            if !conduct.keeps(SocketDuty::GapAsked) {
                // The variant that goes on as if nothing were missing.
                self.last = seq - 1;
            } else {
                return None;
            }
        }
        if !self.is_ours(&event) {
            return None;
        }
        self.early.remove(&seq);
        self.store(seq, event);
        while let Some(next) = self.early.remove(&(self.last + 1)) {
            let seq = self.last + 1;
            if self.is_ours(&next) {
                self.store(seq, next);
            }
        }
        self.acknowledge(line).await;
        None
    }

    /// An event about a consent that the bank does not hold is nobody's here: not applied, not shown, told to the staff.
    /// One that the portal insists on is passed over.
    fn is_ours(&mut self, event: &Value) -> bool {
        let bank = self.bank;
        let named = event["consent"]["id"].as_str();
        let known = named.is_none_or(|id| bank.consent(id).is_some());
        let begins =
            matches!(event["type"].as_str(), Some("consent.granted" | "consent.requested" | "consent.refused"));
        if known || begins || !bank.conduct.keeps(SocketDuty::OwnEventsOnly) {
            return true;
        }
        let id = event["id"].as_str().unwrap_or_default().to_owned();
        bank.diary.note(bank.clock.now(), "stream.stranger", &[("event", &id)]);
        bank.audit.note(bank.clock.now(), &id, "stream.refused", Some(("binding", "WS-STRANGER")));
        let seen = self.strange.entry(id).or_default();
        *seen += 1;
        let seq = event["seq"].as_u64().unwrap_or_default();
        if *seen > 1 && seq == self.last + 1 {
            self.last = seq;
            bank.store.put(LAST, &self.last, true);
        }
        false
    }

    fn store(&mut self, seq: u64, event: Value) {
        let bank = self.bank;
        let id = event["id"].as_str().unwrap_or_default();
        let name = format!("hook/{}", crypto::digest::sha256_hex(id.as_bytes()));
        let again = bank.store.read::<bool>(&name).is_some();
        if !again || !bank.conduct.keeps(SocketDuty::Applied) {
            hooks::apply(bank, &event, again);
            bank.store.put(&name, &true, true);
        }
        self.last = self.last.max(seq);
        bank.store.put(LAST, &self.last, true);
        bank.audit.note(bank.clock.now(), &self.flow.id, "stream.event", None);
        self.events.push(event);
    }

    async fn acknowledge(&self, line: &mut Line) {
        if self.bank.conduct.keeps(SocketDuty::AckAfterStore) {
            acknowledge_if(self.bank, line, self.last).await;
        }
    }
}

async fn acknowledge_if(bank: &Bank, line: &mut Line, seq: u64) {
    if bank.conduct.keeps(SocketDuty::AckAtAll) {
        acknowledge(line, seq).await;
    }
}

async fn acknowledge(line: &mut Line, seq: u64) {
    let _ = line.send(Message::text(json!({"ack": seq}).to_string())).await;
}

/// Closes in order: says why, then reads and drops what is still under way until the other side ends the connection,
/// which is the server's to do (RFC 6455 §7.1.1). Were it left unread, the connection would be reset, and the closing frame
/// lost with it. What comes is bytes by now: after a bad frame the library reads no more.
async fn leave(line: &mut Line, code: CloseCode) {
    let farewell = async {
        let _ = line.close(Some(CloseFrame { code, reason: "".into() })).await;
        let mut dropped = vec![0; 16 * 1024];
        while matches!(line.get_mut().raw().read(&mut dropped).await, Ok(1..)) {}
    };
    tokio::select! {
        () = farewell => {}
        () = crate::clock::nap(FAREWELL) => {}
    }
}

/// The subprotocol that the bank offers.
pub(crate) const OFFERED: &str = SUBPROTOCOL;

/// Whether the handshake is left to the library, as in an honest bank.
pub(crate) fn trusts_library(bank: &Bank) -> bool {
    [SocketCheck::Accept, SocketCheck::Subprotocol]
        .into_iter()
        .all(|check| bank.conduct.checks(check) == Diligence::Full)
}
