//! One connection: what the client says, what goes out, and when it ends.
//!
//! The loop waits for whatever comes first: a frame, something new in the world, the time for a ping, the end of the
//! token, a newer connection of the same partner, the end of the sandbox. Reading has a task of its own, so that a frame
//! is never half read; the way from it to the loop is short and holds a flood back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use contract::consent::ConsentState;
use contract::error;
use contract::journal::kinds;
use contract::stream::{ALL, ClientMessage, Gap, IN_FLIGHT, MESSAGE_MAX, PING_SECONDS, ServerMessage, Subscribe};
use contract::time::Span;
use domain::{Command, Stream, Token, Told};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::frame::{self, Bad, CONTINUATION, Frame, Message, PING, PONG, Reader, TEXT};
use crate::clock::{pause, wall_us, within};
use crate::edge::caller::Caller;
use crate::faults::Lie;
use crate::faults::stream::foreign;
use crate::portal::Sandbox;

/// A client that does not read for this long is not served any more.
const WRITE_PATIENCE: Span = Span::from_seconds(20);
/// How long events may wait while the client acknowledges none of those under way.
const ACK_PATIENCE_US: i64 = 60_000_000;
/// How long the other side may take to answer a closing frame.
const CLOSE_PATIENCE: Span = Span::from_seconds(1);
/// Consents that one connection may name.
const CONSENTS_MAX: usize = 1000;
/// Frames on their way from the reading task.
const UNREAD: usize = 16;

/// What is served on a connection.
pub(super) struct Session {
    sandbox: Arc<Sandbox>,
    caller: Caller,
    token: Token,
    wanted: Wanted,
    subscribed: bool,
    /// The last number that was passed, sent or not wanted.
    position: u64,
    /// Numbers on their way.
    unacked: VecDeque<u64>,
    acked: u64,
    sent: u64,
    /// Since when nothing more may be sent.
    full_since: Option<i64>,
    /// An event that a lie keeps back for a moment.
    held: Option<Told>,
    silent: bool,
    lie: Option<&'static str>,
}

/// Whose events are wanted.
#[derive(Default)]
struct Wanted {
    all: bool,
    /// The person of each consent.
    consents: BTreeMap<String, i64>,
}

impl Wanted {
    fn fits(&self, told: &Told) -> bool {
        let about = |(id, person): (&String, &i64)| match &told.consent {
            Some(consent) => consent == id,
            None => told.citizen == Some(*person),
        };
        self.all || self.consents.iter().any(about)
    }

    /// As acknowledgements name it.
    fn names(&self) -> Vec<String> {
        if self.all { Vec::new() } else { self.consents.keys().cloned().collect() }
    }
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The bank closed it.
    Bank(Option<u16>),
    /// The portal closes it with a row of the registry.
    Row(&'static str),
    /// The same, for something wrong in a frame.
    Broken(&'static str, &'static str),
    /// A lie closes it, without waiting for an answer.
    Lie(u16),
    /// The connection is gone, or is cut by a lie.
    Gone(&'static str),
}

type Incoming = Result<(Frame, usize, Message), Bad>;

pub(super) async fn run(mut session: Session, io: impl AsyncRead + AsyncWrite + Send + 'static) {
    let sandbox = session.sandbox.clone();
    let open = sandbox.connection_opened();
    let (from, mut to) = tokio::io::split(io);
    let (sender, mut incoming) = mpsc::channel(UNREAD);
    let reading = tokio::spawn(read(from, sender));
    let protocol = contract::stream::SUBPROTOCOL;
    sandbox.note_now(&session.caller, kinds::WS_OPENED, json!({"protocol": protocol, "fault": session.lie}));
    let end = session.talk(&mut incoming, &mut to).await;
    session.close(end, &mut incoming, &mut to).await;
    reading.abort();
    drop(open);
}

async fn read(from: impl AsyncRead + Unpin, to: mpsc::Sender<Incoming>) {
    let mut reader = Reader::new(from, MESSAGE_MAX);
    loop {
        let read = reader.next().await;
        let over = read.is_err();
        if to.send(read).await.is_err() {
            return;
        }
        if over {
            // What follows a bad frame is taken and dropped: were it left lying, the connection would be reset, and the
            // closing frame lost with it.
            return reader.drain().await;
        }
    }
}

impl Session {
    pub(super) fn new(sandbox: Arc<Sandbox>, caller: &Caller, token: Token, lie: Option<&'static str>) -> Self {
        let caller = caller.again(caller.exchange);
        caller.tag_partner(&token.client_id);
        Self {
            sandbox,
            caller,
            token,
            wanted: Wanted::default(),
            subscribed: false,
            position: 0,
            unacked: VecDeque::new(),
            acked: 0,
            sent: 0,
            full_since: None,
            held: None,
            silent: false,
            lie,
        }
    }

    async fn talk<W: AsyncWrite + Unpin>(&mut self, incoming: &mut mpsc::Receiver<Incoming>, to: &mut W) -> End {
        let sandbox = self.sandbox.clone();
        let mut replaced = sandbox.desk().take(&self.token.client_id, self.caller.exchange);
        let hang_up = sandbox.hang_up(false);
        tokio::pin!(hang_up);
        let mut heard_us = wall_us();
        let ping_after = pause(Span::from_seconds(0));
        tokio::pin!(ping_after);
        loop {
            // Made before the world is read, so that nothing between the two goes unnoticed.
            let changed = sandbox.changed();
            if let Some(end) = self.is_over() {
                return end;
            }
            if let Err(end) = self.pump(to).await {
                return end;
            }
            let expiry = sandbox.clock().reaches(self.token.expires_at);
            let step = tokio::select! {
                came = incoming.recv() => {
                    heard_us = wall_us();
                    self.take(came, to).await
                }
                () = changed => Ok(()),
                () = expiry => Ok(()),
                _ = replaced.changed() => Ok(()),
                () = &mut hang_up => Err(End::Row("ws-going-away")),
                () = &mut ping_after => {
                    ping_after.set(pause(Span::from_seconds(PING_SECONDS)));
                    self.ping(heard_us, to).await
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Whether the ground under the connection is gone.
    fn is_over(&self) -> Option<End> {
        let (sandbox, token) = (&self.sandbox, &self.token);
        if !sandbox.desk().is_latest(&token.client_id, self.caller.exchange) {
            return Some(End::Row("ws-replaced"));
        }
        let active = sandbox.read(|world| world.tokens.is_active(&token.id, sandbox.now()));
        (!active).then_some(End::Row("ws-token-invalid"))
    }

    /// Asks whether the client is there.
    async fn ping<W: AsyncWrite + Unpin>(&mut self, heard_us: i64, to: &mut W) -> Result<(), End> {
        if self.silent {
            return Ok(());
        }
        if let Some(row) = given_up(wall_us(), heard_us, self.full_since) {
            return Err(End::Row(row));
        }
        let payload = self.sandbox.draw().hex(8);
        self.send(Frame::whole(PING, payload.clone()), json!({ "payload": payload }), to).await
    }

    /// One frame of the client.
    async fn take<W: AsyncWrite + Unpin>(&mut self, came: Option<Incoming>, to: &mut W) -> Result<(), End> {
        let (frame, length, message) = match came {
            Some(Ok(read)) => read,
            Some(Err(Bad::Protocol(what))) => return Err(End::Broken("ws-protocol-error", what)),
            Some(Err(Bad::NotUtf8)) => return Err(End::Broken("ws-not-utf8", "text that is not UTF-8")),
            Some(Err(Bad::TooLong)) => return Err(End::Broken("ws-message-too-long", "a message over the limit")),
            Some(Err(Bad::Gone)) | None => return Err(End::Gone("network")),
        };
        self.note_taken(&frame, length, &message).await;
        match message {
            Message::Part | Message::Pong => Ok(()),
            Message::Binary => Err(End::Broken("ws-text-only", "a binary message")),
            Message::Close(code) => Err(End::Bank(code)),
            Message::Ping(payload) => {
                self.silent |= self.sandbox.faults().silence(&self.caller, None);
                if self.silent {
                    return Ok(());
                }
                self.send(Frame::whole(PONG, payload), json!({}), to).await
            }
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(ClientMessage::Subscribe(subscribe)) => self.subscribe(subscribe, to).await,
                Ok(ClientMessage::Ack(seq)) => self.ack(seq).await,
                Err(_) => Err(End::Row("ws-message-unknown")),
            },
        }
    }

    /// The frame without its text, but for what the protocol itself says in it.
    async fn note_taken(&self, frame: &Frame, length: usize, message: &Message) {
        let mut data = json!({
            "dir": "in", "opcode": frame::name(frame.opcode), "fin": frame.fin, "length": length,
            "mask": frame.mask.map(hex::encode),
        });
        match message {
            Message::Text(text) => {
                let understood = serde_json::from_str::<ClientMessage>(text);
                data["message"] = understood.map_or(Value::Null, |message| json!(message));
            }
            Message::Ping(payload) => data["payload"] = String::from_utf8_lossy(payload).into(),
            Message::Close(code) => data["code"] = json!(code),
            Message::Binary | Message::Part | Message::Pong => {}
        }
        self.sandbox.note(&self.caller, kinds::WS_FRAME, data).await;
    }

    async fn subscribe<W: AsyncWrite + Unpin>(&mut self, wanted: Subscribe, to: &mut W) -> Result<(), End> {
        let client_id = self.token.client_id.clone();
        if wanted.consent == ALL {
            self.wanted.all = true;
        } else {
            let found = self.sandbox.read(|world| world.consents.find(&wanted.consent).cloned());
            let own = found.filter(|consent| consent.client_id == client_id);
            let consent = own.ok_or(End::Row("ws-consent-missing"))?;
            self.wanted.consents.insert(consent.id, consent.person);
            if self.wanted.consents.len() > CONSENTS_MAX {
                return Err(End::Row("ws-message-too-long"));
            }
        }
        let names = self.wanted.names();
        let (last, acked) = self.sandbox.read(|world| {
            let stream = world.streams.of(&client_id);
            stream.map_or((0, 0), |stream| (stream.last(), stream.acked(&names)))
        });
        let at = wanted.after.unwrap_or(acked);
        if at > last {
            return Err(End::Row("ws-sequence-unknown"));
        }
        // What a further subscription reaches back to comes again: better twice than never.
        self.position = if self.subscribed && wanted.after.is_none() { self.position.min(at) } else { at };
        (self.subscribed, self.acked, self.held) = (true, acked, None);
        self.unacked.clear();
        self.full_since = None;
        let message = ServerMessage::Subscribed { subscribed: wanted, at: self.position };
        self.say(&json!(message), json!({ "subscribed": self.position }), to).await?;
        if self.sandbox.faults().cut(&self.caller, None, self.sent) {
            return Err(End::Gone("portal"));
        }
        Ok(())
    }

    async fn ack(&mut self, seq: u64) -> Result<(), End> {
        if !self.subscribed || seq > self.position.max(self.acked) {
            return Err(End::Row("ws-sequence-unknown"));
        }
        let (client_id, consents) = (self.token.client_id.clone(), self.wanted.names());
        let command = Command::AckStream { client_id, seq, consents };
        self.sandbox
            .execute(&self.caller.again(self.caller.exchange), command)
            .await
            .map_err(|_| End::Row("ws-sequence-unknown"))?;
        self.acked = self.acked.max(seq);
        self.unacked.retain(|sent| *sent > seq);
        self.full_since = None;
        Ok(())
    }

    /// Sends what is there, as far as the window goes.
    async fn pump<W: AsyncWrite + Unpin>(&mut self, to: &mut W) -> Result<(), End> {
        if !self.subscribed || self.silent {
            return Ok(());
        }
        loop {
            let (trimmed, next) = self.sandbox.read(|world| {
                let stream = world.streams.of(&self.token.client_id);
                let next = stream.and_then(|stream| stream.after(self.position).find(|told| self.wanted.fits(told)));
                (stream.map_or(0, Stream::trimmed), next.cloned())
            });
            if trimmed > self.position {
                let gap = Gap { from: self.position + 1, to: trimmed };
                self.position = trimmed;
                self.say(&json!(ServerMessage::Gap { gap }), json!({ "gap": gap }), to).await?;
            }
            let Some(told) = next else { return self.rest() };
            if self.unacked.len() >= IN_FLIGHT {
                self.full_since.get_or_insert_with(wall_us);
                return Ok(());
            }
            self.position = told.seq;
            self.deliver(told, to).await?;
            if self.silent {
                return Ok(());
            }
        }
    }

    /// Everything was sent: a subscription whose consents are all over ends once its events are acknowledged.
    fn rest(&self) -> Result<(), End> {
        if self.wanted.all || !self.unacked.is_empty() || self.held.is_some() {
            return Ok(());
        }
        let now = self.sandbox.now();
        let stands = self.sandbox.read(|world| {
            let mut consents = self.wanted.consents.keys().filter_map(|id| world.consents.find(id));
            consents.any(|consent| matches!(consent.state_at(now), ConsentState::Granted | ConsentState::Requested))
        });
        if stands { Ok(()) } else { Err(End::Row("ws-consent-missing")) }
    }

    /// One event, honestly or with a lie.
    async fn deliver<W: AsyncWrite + Unpin>(&mut self, told: Told, to: &mut W) -> Result<(), End> {
        let caller = self.caller.again(self.caller.exchange);
        if let Some(citizen) = told.citizen {
            caller.tag_citizen(citizen);
        }
        let hooks = self.sandbox.clone();
        let hooks = hooks.faults();
        if hooks.silence(&caller, told.citizen) {
            self.silent = true;
            return Ok(());
        }
        let lies = hooks.frames(&caller, told.citizen, self.sent);
        let Some(lie) = lies.into_iter().next() else {
            self.event(&told, to).await?;
            if let Some(held) = self.held.take() {
                self.event(&held, to).await?;
            }
            return if hooks.cut(&caller, told.citizen, self.sent) { Err(End::Gone("portal")) } else { Ok(()) };
        };
        self.lied(&lie, told, to).await
    }

    async fn lied<W: AsyncWrite + Unpin>(&mut self, lie: &Lie, told: Told, to: &mut W) -> Result<(), End> {
        let mut facts = json!({"event": {"seq": told.seq, "id": told.id, "type": told.kind}, "fault": lie.slug});
        let truth = without(facts.clone(), "fault");
        let text = message(&told);
        let whole = || Frame::whole(TEXT, text.clone());
        // What stands before the honest event, and what stands in its place.
        let (before, instead) = match lie.slug {
            "ws-binary" => (vec![], Some(Frame::whole(frame::BINARY, text.clone()))),
            "ws-close-4009" => return Err(End::Lie(4009)),
            "ws-token-expired" => return Err(End::Lie(4001)),
            "ws-close-code-reserved" => return Err(End::Lie(1005)),
            "ws-continuation-alone" => (vec![Frame::whole(CONTINUATION, *b"{}")], None),
            "ws-control-fragmented" => (vec![Frame { fin: false, ..Frame::whole(PING, *b"half") }], None),
            "ws-control-long" => (vec![Frame::whole(PING, vec![b'x'; 126])], None),
            "ws-duplicate" => (vec![whole()], None),
            "ws-foreign-consent-event" => {
                let event = serde_json::from_str(&text).unwrap_or_default();
                let event = foreign(&event, &self.sandbox.draw().uuid());
                facts["event"]["id"] = event["event"]["id"].clone();
                (vec![Frame::whole(TEXT, event.to_string())], None)
            }
            "ws-fragmented" => {
                let (head, tail) = text.as_bytes().split_at(text.len() / 3);
                let (middle, tail) = tail.split_at(tail.len() / 2);
                let first = Frame { fin: false, ..Frame::whole(TEXT, head) };
                let second = Frame { fin: false, ..Frame::whole(CONTINUATION, middle) };
                let between = vec![first, Frame::whole(PING, *b"between"), second];
                (between, Some(Frame::whole(CONTINUATION, tail)))
            }
            "ws-gap" => {
                self.note_sent(&Frame::whole(TEXT, Vec::new()), facts, 0);
                return Ok(());
            }
            "ws-invalid-utf8" => {
                let mut bytes = text.clone().into_bytes();
                // Within the text of the first member's name: JSON but for this byte.
                bytes.insert(3, 0xff);
                (vec![], Some(Frame::whole(TEXT, bytes)))
            }
            "ws-masked-frame" => (vec![], Some(Frame { mask: Some(self.sandbox.draw().bytes()), ..whole() })),
            "ws-oversize" => {
                let bytes = lie.number("bytes").unwrap_or(2 * 1024 * 1024).min(64 * 1024 * 1024) as usize;
                let padded =
                    text.replacen("{\"event\":{", &format!("{{\"event\":{{\"padding\":\"{}\",", "x".repeat(bytes)), 1);
                (vec![], Some(Frame::whole(TEXT, padded)))
            }
            "ws-pong-unasked" => (vec![Frame::whole(PONG, *b"unasked")], None),
            "ws-reorder" => {
                self.held = Some(told);
                return Ok(());
            }
            "ws-reserved-bit" => (vec![], Some(Frame { reserved: 4, ..whole() })),
            "ws-reserved-opcode" => (vec![Frame::whole(3, *b"{}")], None),
            _ => {
                let command = Command::TellStream {
                    client_id: self.token.client_id.clone(),
                    kind: "weather.changed".to_owned(),
                    about: json!({"of": "a kind to come"}),
                };
                // It can only fail by a slip of ours, and then the lie is left untold.
                let _ = self.sandbox.execute(&self.caller.again(self.caller.exchange), command).await;
                (vec![], None)
            }
        };
        for frame in before {
            self.send(frame, facts.clone(), to).await?;
        }
        let honest = instead.is_none();
        self.send(instead.unwrap_or_else(whole), if honest { truth } else { facts }, to).await?;
        self.passed(told.seq);
        Ok(())
    }

    async fn event<W: AsyncWrite + Unpin>(&mut self, told: &Told, to: &mut W) -> Result<(), End> {
        let facts = json!({"event": {"seq": told.seq, "id": told.id, "type": told.kind}});
        self.send(Frame::whole(TEXT, message(told)), facts, to).await?;
        self.passed(told.seq);
        Ok(())
    }

    fn passed(&mut self, seq: u64) {
        self.sent += 1;
        if seq > self.acked {
            self.unacked.push_back(seq);
        }
    }

    async fn say<W: AsyncWrite + Unpin>(&self, message: &Value, facts: Value, to: &mut W) -> Result<(), End> {
        self.send(Frame::whole(TEXT, message.to_string()), facts, to).await
    }

    async fn send<W: AsyncWrite + Unpin>(&self, frame: Frame, facts: Value, to: &mut W) -> Result<(), End> {
        self.note_sent(&frame, facts, frame.payload.len());
        let bytes = frame.bytes();
        let written = within(WRITE_PATIENCE, async {
            to.write_all(&bytes).await?;
            to.flush().await
        });
        match written.await {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(End::Gone("network")),
            None => Err(End::Row("ws-slow-consumer")),
        }
    }

    fn note_sent(&self, frame: &Frame, facts: Value, length: usize) {
        let mut data = json!({
            "dir": "out", "opcode": frame::name(frame.opcode), "fin": frame.fin, "length": length,
        });
        if let (Some(data), Value::Object(facts)) = (data.as_object_mut(), facts) {
            data.extend(facts);
        }
        self.sandbox.note_now(&self.caller, kinds::WS_FRAME, data);
    }

    /// Closes as RFC 6455 §7 says, and journals how it ended.
    async fn close<W: AsyncWrite + Unpin>(mut self, end: End, incoming: &mut mpsc::Receiver<Incoming>, to: &mut W) {
        self.sandbox.desk().leave(&self.token.client_id, self.caller.exchange);
        let (code, reason, by) = match end {
            End::Bank(code) => (code, "", "bank"),
            End::Row(row) => (Some(error::row(row).status), row, "portal"),
            End::Broken(row, what) => (Some(error::row(row).status), what, "portal"),
            End::Lie(4001) => (Some(4001), "ws-token-invalid", "portal"),
            End::Lie(code) => (Some(code), "ws-replaced", "portal"),
            End::Gone(by) => (None, "", by),
        };
        // The bank's code is sent back; a connection that is gone hears nothing.
        let farewell = match end {
            End::Gone(_) => None,
            End::Bank(None) => Some(Frame::whole(frame::CLOSE, Vec::new())),
            _ => code.map(|code| Frame::close(code, reason)),
        };
        if let Some(farewell) = farewell {
            let facts = json!({ "code": code });
            let sent = within(CLOSE_PATIENCE, self.send(farewell, facts, to)).await;
            if matches!(sent, Some(Ok(()))) && !matches!(end, End::Bank(_)) {
                self.answered(incoming).await;
            }
        }
        let data = json!({"code": code, "reason": reason, "by": by, "sent": self.sent, "acked": self.acked});
        self.sandbox.note(&self.caller, kinds::WS_CLOSED, data).await;
        self.unacked.clear();
        let _ = within(CLOSE_PATIENCE, to.shutdown()).await;
    }

    /// Waits for the closing frame of the other side; what else it says is journalled and passed over.
    async fn answered(&self, incoming: &mut mpsc::Receiver<Incoming>) {
        let answer = async {
            while let Some(came) = incoming.recv().await {
                let Ok((frame, length, message)) = came else { continue };
                self.note_taken(&frame, length, &message).await;
                if matches!(message, Message::Close(_)) {
                    return;
                }
            }
        };
        let _ = within(CLOSE_PATIENCE, answer).await;
    }
}

fn without(mut facts: Value, name: &str) -> Value {
    if let Some(members) = facts.as_object_mut() {
        members.remove(name);
    }
    facts
}

/// The event as it is sent: the very body of the web-hook, with its number in front.
fn message(told: &Told) -> String {
    let members = told.body.strip_prefix('{').unwrap_or("}");
    let comma = if members.starts_with('}') { "" } else { "," };
    format!("{{\"event\":{{\"seq\":{}{comma}{members}}}", told.seq)
}

/// Why a client is not served any longer that was last heard at one time, and may be sent nothing since another for want
/// of acknowledgements.
fn given_up(now_us: i64, heard_us: i64, full_since: Option<i64>) -> Option<&'static str> {
    if now_us - heard_us > 2 * PING_SECONDS * 1_000_000 {
        return Some("ws-silent");
    }
    full_since.filter(|since| now_us - since > ACK_PATIENCE_US).map(|_| "ws-slow-consumer")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn two_pings_without_an_answer_are_silence() {
        let now = 1_000 * SECOND;
        assert_eq!(given_up(now, now - 2 * PING_SECONDS * SECOND, None), None);
        assert_eq!(given_up(now, now - 2 * PING_SECONDS * SECOND - 1, None), Some("ws-silent"));
        assert_eq!(error::row("ws-silent").status, 1008);
    }

    #[test]
    fn who_answers_pings_and_acknowledges_nothing_for_a_minute_is_slow() {
        let now = 1_000 * SECOND;
        assert_eq!(given_up(now, now, Some(now - ACK_PATIENCE_US)), None);
        assert_eq!(given_up(now, now, Some(now - ACK_PATIENCE_US - 1)), Some("ws-slow-consumer"));
        assert_eq!(error::row("ws-slow-consumer").status, 4008);
    }
}
