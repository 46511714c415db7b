//! WebSocket connections of the bank, from the portal's journal: handshake, frames in both directions, end.

use std::collections::BTreeMap;

use contract::exchange::Exchange;
use contract::journal::{Entry, kinds};
use serde_json::Value;

use super::{Reading, wire};

/// One connection.
#[derive(Debug)]
pub struct Socket<'a> {
    /// The handshake.
    pub exchange: Option<&'a Exchange>,
    /// When it was opened; absent where the handshake was refused.
    pub opened: Option<&'a Entry>,
    /// Frames in order.
    pub frames: Vec<&'a Entry>,
    /// How it ended.
    pub closed: Option<&'a Entry>,
}

/// Kinds of frames.
pub mod opcode {
    /// The other side ends it.
    pub const CLOSE: u64 = 8;
    /// A sign of life asked for.
    pub const PING: u64 = 9;
    /// The sign of life.
    pub const PONG: u64 = 10;
}

/// Every connection that was tried, in order.
pub fn read<'a>(reading: &Reading<'a>) -> Vec<Socket<'a>> {
    let mut by_exchange: BTreeMap<u64, Socket<'a>> = BTreeMap::new();
    let tried = reading.by_bank().filter(|exchange| wire::path(&exchange.request.url) == "/ws");
    for exchange in tried {
        let socket = Socket { exchange: Some(exchange), opened: None, frames: Vec::new(), closed: None };
        by_exchange.insert(exchange.id, socket);
    }
    let told = reading.journal.iter().copied().filter(|entry| entry.kind.starts_with("ws."));
    for entry in told.filter(|entry| !reading.is_attackers(entry)) {
        let Some(id) = entry.exchange else { continue };
        let socket = by_exchange.entry(id).or_insert_with(|| Socket {
            exchange: None,
            opened: None,
            frames: Vec::new(),
            closed: None,
        });
        match entry.kind.as_str() {
            kinds::WS_OPENED => socket.opened = Some(entry),
            kinds::WS_FRAME => socket.frames.push(entry),
            kinds::WS_CLOSED => socket.closed = Some(entry),
            _ => {}
        }
    }
    let mut sockets: Vec<Socket<'a>> = by_exchange.into_values().collect();
    sockets.sort_by_key(Socket::started_us);
    sockets
}

/// An event that went out: its number and id, the time, the lie in it.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The frame.
    pub entry: &'a Entry,
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub id: &'a str,
    /// The lie that it is.
    pub fault: Option<&'a str>,
}

impl<'a> Socket<'a> {
    /// When the handshake began.
    pub fn started_us(&self) -> i64 {
        let by_exchange = self.exchange.map(|exchange| exchange.started_us);
        by_exchange.or_else(|| self.opened.map(|entry| entry.wall_us)).unwrap_or_default()
    }

    /// When it was over.
    pub fn ended_us(&self) -> i64 {
        self.closed.map(|entry| entry.wall_us).or_else(|| self.exchange.map(|e| e.ended_us)).unwrap_or_default()
    }

    /// Lies told on it, in the handshake or in frames.
    pub fn lied(&self, faults: &[&str]) -> bool {
        let in_frames = self.frames.iter().filter_map(|frame| frame.data.get("fault").and_then(Value::as_str));
        let at_opening = self.opened.and_then(|entry| entry.data.get("fault")).and_then(Value::as_str);
        let in_handshake = self.exchange.into_iter().flat_map(|exchange| exchange.faults.iter().map(String::as_str));
        in_frames.chain(at_opening).chain(in_handshake).any(|fault| faults.contains(&fault))
    }

    /// Frames of the bank.
    pub fn by_bank(&self) -> impl Iterator<Item = &'a Entry> {
        self.frames.iter().copied().filter(|frame| frame.data["dir"] == "in")
    }

    /// Frames of the portal.
    pub fn by_portal(&self) -> impl Iterator<Item = &'a Entry> {
        self.frames.iter().copied().filter(|frame| frame.data["dir"] == "out")
    }

    /// Events that went out.
    pub fn events(&self) -> Vec<Sent<'a>> {
        let sent = self.by_portal().filter_map(|entry| {
            let event = entry.data.get("event")?;
            let (seq, id) = (event.get("seq")?.as_u64()?, event.get("id")?.as_str()?);
            Some(Sent { entry, seq, id, fault: entry.data.get("fault").and_then(Value::as_str) })
        });
        sent.collect()
    }

    /// Numbers that the bank acknowledged, each with its frame.
    pub fn acks(&self) -> Vec<(u64, &'a Entry)> {
        self.by_bank().filter_map(|entry| Some((entry.data.get("message")?.get("ack")?.as_u64()?, entry))).collect()
    }

    /// The number after which the bank wanted events.
    pub fn resumed_after(&self) -> Option<u64> {
        let subscribed = self.by_bank().find_map(|entry| entry.data.get("message")?.get("subscribe"))?;
        subscribed.get("after")?.as_u64()
    }

    /// Who ended it: `portal`, `bank`, `network`.
    pub fn ended_by(&self) -> &'a str {
        self.closed.and_then(|entry| entry.data.get("by")).and_then(Value::as_str).unwrap_or_default()
    }

    /// The code of its end.
    pub fn code(&self) -> Option<u64> {
        self.closed.and_then(|entry| entry.data.get("code")).and_then(Value::as_u64)
    }

    /// The code with which the bank closed, be it after the portal had.
    pub fn bank_code(&self) -> Option<u64> {
        let frame = self.by_bank().find(|frame| frame.data["opcode"] == opcode::CLOSE);
        let told = frame.and_then(|frame| frame.data.get("code")).and_then(Value::as_u64);
        told.or_else(|| if self.ended_by() == "bank" { self.code() } else { None })
    }
}
