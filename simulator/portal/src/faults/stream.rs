//! Lies in the stream of events: in its handshake, and in what its frames say. Frames of a lie are told to the byte.

use contract::error;
use serde_json::{Value, json};

use super::{Answer, Hooks, Lie};
use crate::edge::caller::Caller;
use crate::events::Agreed;

/// Told instead of, or in, the answer to the handshake.
pub(crate) const HANDSHAKE: &[&str] = &[
    "ws-401-once",
    "ws-429",
    "ws-503",
    "ws-bad-accept",
    "ws-extension-unknown",
    "ws-redirect-foreign",
    "ws-subprotocol-unknown",
];

/// Told when an event is about to go out.
pub(crate) const FRAMES: &[&str] = &[
    "ws-binary",
    "ws-close-4009",
    "ws-close-code-reserved",
    "ws-continuation-alone",
    "ws-control-fragmented",
    "ws-control-long",
    CUT,
    "ws-duplicate",
    "ws-foreign-consent-event",
    "ws-fragmented",
    "ws-gap",
    "ws-invalid-utf8",
    "ws-masked-frame",
    SILENT,
    "ws-oversize",
    "ws-pong-unasked",
    "ws-reorder",
    "ws-reserved-bit",
    "ws-reserved-opcode",
    "ws-token-expired",
    "ws-unknown-event",
];

/// The connection breaks.
pub(crate) const CUT: &str = "ws-cut";
/// The portal says nothing more.
pub(crate) const SILENT: &str = "ws-no-pong";

impl Hooks<'_> {
    /// An answer in the place of a handshake.
    pub(crate) fn handshake(&self, caller: &Caller) -> Option<Answer> {
        let instead = |slug: &str| matches!(slug, "ws-401-once" | "ws-429" | "ws-503" | "ws-redirect-foreign");
        for lie in self.sandbox.armed().matching(caller.exchange, None, instead) {
            if lie.slug == "ws-401-once" && lie.told > 0 || !self.tell(caller, &lie, "instead of the handshake") {
                continue;
            }
            let wait = lie.number("seconds").unwrap_or(1).to_string();
            return Some(match lie.slug {
                "ws-401-once" => problem("token-invalid").with("www-authenticate", "Bearer error=\"invalid_token\""),
                "ws-429" => problem("rate-limited").with("retry-after", wait),
                "ws-503" => problem("unavailable").with("retry-after", wait),
                _ => Answer::empty(307).with("location", format!("{}/ws", self.sandbox.foreign_origin())),
            });
        }
        None
    }

    /// Changes the answer to a good handshake; the lie, where one was told.
    pub(crate) fn agreement(&self, caller: &Caller, agreed: &mut Agreed) -> Option<&'static str> {
        let here = |slug: &str| matches!(slug, "ws-bad-accept" | "ws-extension-unknown" | "ws-subprotocol-unknown");
        let mut told = None;
        for lie in self.sandbox.armed().matching(caller.exchange, None, here) {
            if !self.tell(caller, &lie, "in the answer to the handshake") {
                continue;
            }
            told = Some(lie.slug);
            match lie.slug {
                "ws-bad-accept" => agreed.accept = crypto::base64::encode_standard(&self.sandbox.draw().bytes::<20>()),
                "ws-extension-unknown" => agreed.extension = Some("x-stend-squeeze; level=9".to_owned()),
                _ => agreed.subprotocol = "stend.events.v9".to_owned(),
            }
        }
        told
    }

    /// The lies to tell now, when an event about this citizen goes out after so many others of the connection.
    pub(crate) fn frames(&self, caller: &Caller, citizen: Option<i64>, sent: u64) -> Vec<Lie> {
        self.in_stream(caller, citizen, |lie| {
            !matches!(lie.slug, CUT | SILENT) && sent >= lie.number("after").unwrap_or_default()
        })
    }

    /// Whether the connection breaks now that so many events went out, the last about this citizen.
    pub(crate) fn cut(&self, caller: &Caller, citizen: Option<i64>, sent: u64) -> bool {
        !self.in_stream(caller, citizen, |lie| lie.slug == CUT && sent >= lie.number("after").unwrap_or(1)).is_empty()
    }

    /// Whether the portal says nothing more.
    pub(crate) fn silence(&self, caller: &Caller, citizen: Option<i64>) -> bool {
        !self.in_stream(caller, citizen, |lie| lie.slug == SILENT).is_empty()
    }

    /// A connection is one exchange and has many events, so each telling counts.
    fn in_stream(&self, caller: &Caller, citizen: Option<i64>, now: impl Fn(&Lie) -> bool) -> Vec<Lie> {
        let armed = self.sandbox.armed();
        if armed.is_empty() {
            return Vec::new();
        }
        let mut lies = armed.matching(0, citizen, |slug| FRAMES.contains(&slug));
        lies.retain(|lie| now(lie) && armed.take(&lie.id, 0));
        for lie in &lies {
            self.note_told(caller, lie, "in the stream of events");
        }
        lies
    }
}

fn problem(code: &str) -> Answer {
    let row = error::row(code);
    Answer::problem(row.status, serde_json::to_value(row.problem(row.reason.en.clone())).unwrap_or_default())
}

/// The event with another person's consent in it.
pub(crate) fn foreign(event: &Value, consent: &str) -> Value {
    let mut event = event.clone();
    event["event"]["id"] = json!(format!("{consent}-foreign"));
    event["event"]["type"] = json!("consent.revoked");
    event["event"]["consent"] = json!({
        "id": consent, "state": "revoked", "client_id": "OTHER-BANK", "person": 1_000_000_099,
    });
    event
}
