//! Duties of the event stream: handshakes, frames, resumption, acknowledgements, as the portal's journal tells them.

use contract::adapter::Outcome;
use contract::exchange::Party;
use serde_json::{Value, json};

use super::Case;
use crate::finding::Verdict;
use crate::testkit::*;
use crate::trace::What;

/// A stream of events of one bank, being written.
struct Stream {
    scene: Scene,
    flow: String,
}

const TEXT: u64 = 1;
const CLOSE: u64 = 8;

impl Stream {
    fn new() -> Self {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        let flow = scene.begin("events.follow", ANNA, json!({}));
        Self { scene, flow }
    }

    /// A handshake; its number.
    fn shake(&mut self, token: &str, status: u16, headers: &[(&str, &str)]) -> u64 {
        let at = self.scene.exchange(Party::Bank, Party::Portal, "GET", &format!("{PORTAL}/ws"));
        self.scene.respond(at, status, headers, "");
        let exchange = self.scene.wire(at);
        exchange.request.headers = vec![("Authorization".to_owned(), format!("Bearer {token}"))];
        exchange.id
    }

    fn note(&mut self, id: u64, kind: &str, data: Value) {
        let at = self.scene.journal(kind, None, data);
        if let What::Journal(entry) = &mut self.scene.trace.events[at].what {
            entry.exchange = Some(id);
        }
    }

    /// An open connection; its number.
    fn open(&mut self, fault: Option<&str>) -> u64 {
        let id = self.shake("token-of-the-stream", 101, &[]);
        self.note(id, "ws.opened", json!({"fault": fault}));
        id
    }

    fn portal(&mut self, id: u64, data: Value) {
        let mut data = data;
        data["dir"] = json!("out");
        self.note(id, "ws.frame", data);
    }

    fn bank(&mut self, id: u64, data: Value) {
        let mut data = data;
        data["dir"] = json!("in");
        self.note(id, "ws.frame", data);
    }

    fn event(&mut self, id: u64, seq: u64, fault: Option<&str>) {
        let event = json!({"seq": seq, "id": format!("e-{seq}")});
        self.portal(id, json!({"opcode": TEXT, "event": event, "fault": fault}));
    }

    fn says(&mut self, id: u64, message: Value) {
        self.bank(id, json!({"opcode": TEXT, "message": message}));
    }

    fn ended(&mut self, id: u64, by: &str, code: Option<u64>) {
        self.note(id, "ws.closed", json!({"by": by, "code": code}));
    }

    fn shown(&mut self, seqs: &[u64]) {
        let events: Vec<Value> = seqs.iter().map(|seq| json!({"seq": seq, "id": format!("e-{seq}")})).collect();
        let flow = self.flow.clone();
        self.scene.report(&flow, Outcome::Ok, None, json!({"events": events}));
    }
}

/// A bad frame, and how the connection ended.
fn bad(fault: &str, by: &str, code: Option<u64>) -> Scene {
    let mut stream = Stream::new();
    let id = stream.open(None);
    stream.portal(id, json!({"opcode": TEXT, "fault": fault}));
    if by == "bank" {
        stream.bank(id, json!({"opcode": CLOSE, "code": code}));
    }
    stream.ended(id, by, code);
    stream.scene
}

/// A handshake that must fail, and whether the bank went on over it.
fn shaken(fault: &str, talks: bool) -> Scene {
    let mut stream = Stream::new();
    let id = stream.open(Some(fault));
    if talks {
        stream.says(id, json!({"subscribe": {"consent": "all"}}));
    }
    stream.ended(id, "network", None);
    stream.scene
}

/// Tokens shown one after the other, each refused but the last.
fn refused(tokens: &[&str]) -> Scene {
    let mut stream = Stream::new();
    for (at, token) in tokens.iter().enumerate() {
        let last = at + 1 == tokens.len();
        stream.shake(token, if last { 101 } else { 401 }, &[]);
    }
    stream.scene
}

/// Told to wait three seconds; the wall's time and the sandbox's that passed.
fn waited(wall_ms: i64, clock_ms: i64) -> Scene {
    let mut stream = Stream::new();
    stream.shake("token", 503, &[("Retry-After", "3")]);
    stream.scene.pass_ms(wall_ms);
    if clock_ms > 0 {
        stream.scene.advance_ms(clock_ms);
    }
    stream.shake("token", 101, &[]);
    stream.scene
}

fn redirected(leaks: bool) -> Scene {
    let mut stream = Stream::new();
    stream.shake("token", 302, &[("Location", FOREIGN)]);
    let at = stream.scene.trace.events.len() - 1;
    stream.scene.lie(at, "ws-redirect-foreign");
    let visit = stream.scene.exchange(Party::Bank, Party::Foreign, "GET", &format!("{FOREIGN}/ws"));
    if leaks {
        stream.scene.wire(visit).request.headers = vec![("Authorization".to_owned(), "Bearer token".to_owned())];
    }
    stream.scene
}

fn addressed(query: &str) -> Scene {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    let at = scene.exchange(Party::Bank, Party::Portal, "GET", &format!("{PORTAL}/ws{query}"));
    scene.respond(at, 101, &[], "");
    scene
}

fn cut_often(gaps_ms: &[i64]) -> Scene {
    let mut stream = Stream::new();
    for gap in gaps_ms {
        let id = stream.open(None);
        stream.ended(id, "network", None);
        stream.scene.pass_ms(*gap);
    }
    stream.open(None);
    stream.scene
}

/// Events one to three, cut after the second, resumed after `after`; what is shown in the end.
fn cut(after: u64, shown: &[u64]) -> Scene {
    let mut stream = Stream::new();
    let id = stream.open(None);
    for seq in [1, 2] {
        stream.event(id, seq, (seq == 2).then_some("ws-cut"));
        stream.says(id, json!({"ack": seq}));
    }
    stream.ended(id, "network", None);
    let id = stream.open(None);
    stream.says(id, json!({"subscribe": {"consent": "all", "after": after}}));
    stream.event(id, 3, None);
    stream.says(id, json!({"ack": 3}));
    stream.shown(shown);
    stream.scene
}

/// Events in the order told, and those shown.
fn told(fault: &str, seqs: &[u64], shown: &[u64]) -> Scene {
    let mut stream = Stream::new();
    let id = stream.open(None);
    for seq in seqs {
        stream.event(id, *seq, Some(fault));
    }
    stream.shown(shown);
    stream.scene
}

/// Another's event under number one, the right one under two.
fn foreign(shown: &[u64]) -> Scene {
    let mut stream = Stream::new();
    let id = stream.open(None);
    stream.event(id, 1, Some("ws-foreign-consent-event"));
    stream.event(id, 2, None);
    stream.says(id, json!({"ack": 2}));
    stream.shown(shown);
    stream.scene
}

/// Two events, acknowledged up to `ack`; what is shown.
fn acked(ack: Option<u64>, shown: &[u64]) -> Scene {
    let mut stream = Stream::new();
    let id = stream.open(None);
    stream.event(id, 1, None);
    stream.event(id, 2, None);
    if let Some(ack) = ack {
        stream.says(id, json!({"ack": ack}));
    }
    stream.shown(shown);
    stream.scene
}

fn acked_before_it_came() -> Scene {
    let mut stream = Stream::new();
    let id = stream.open(None);
    stream.event(id, 1, None);
    stream.says(id, json!({"ack": 2}));
    stream.event(id, 2, None);
    stream.shown(&[1, 2]);
    stream.scene
}

/// The link broke before the acknowledgement; the bank resumes after what it stored.
fn resumed_unacked() -> Scene {
    let mut stream = Stream::new();
    let id = stream.open(None);
    stream.event(id, 1, None);
    stream.says(id, json!({"ack": 1}));
    stream.event(id, 2, Some("ws-cut"));
    stream.ended(id, "network", None);
    let id = stream.open(None);
    stream.says(id, json!({"subscribe": {"consent": "all", "after": 2}}));
    stream.shown(&[1, 2]);
    stream.scene
}

/// An event that came after the bank's last word on what it stored.
fn acked_later() -> Scene {
    let mut stream = Stream::new();
    let id = stream.open(None);
    stream.event(id, 1, None);
    stream.says(id, json!({"ack": 1}));
    stream.shown(&[1]);
    stream.event(id, 2, None);
    stream.says(id, json!({"ack": 2}));
    stream.scene
}

pub(super) const CASES: &[Case] = &[
    ("WS-02", || shaken("ws-bad-accept", false), || shaken("ws-bad-accept", true)),
    ("WS-03", || refused(&["old", "new"]), || refused(&["old", "old"])),
    ("WS-03", || refused(&["old", "new"]), || refused(&["one", "two", "three", "four"])),
    ("WS-04", || waited(3_100, 0), || waited(1_000, 0)),
    ("WS-04", || waited(10, 3_000), || waited(10, 1_000)),
    ("WS-05", || redirected(false), || redirected(true)),
    ("WS-06", || shaken("ws-subprotocol-unknown", false), || shaken("ws-subprotocol-unknown", true)),
    ("WS-06", || shaken("ws-extension-unknown", false), || shaken("ws-extension-unknown", true)),
    ("WS-07", || addressed("?x=1"), || addressed("?access_token=abcdef")),
    ("WS-08", || bad("ws-masked-frame", "bank", Some(1002)), || bad("ws-masked-frame", "bank", Some(1000))),
    ("WS-10", || bad("ws-reserved-bit", "bank", Some(1002)), || bad("ws-reserved-bit", "portal", Some(1000))),
    ("WS-11", || bad("ws-reserved-opcode", "bank", Some(1002)), || bad("ws-reserved-opcode", "portal", None)),
    ("WS-12", || bad("ws-control-long", "bank", Some(1002)), || bad("ws-control-fragmented", "bank", Some(1007))),
    ("WS-15", || bad("ws-invalid-utf8", "bank", Some(1007)), || bad("ws-invalid-utf8", "bank", Some(1002))),
    ("WS-17", || bad("ws-continuation-alone", "bank", Some(1002)), || bad("ws-continuation-alone", "", None)),
    ("WS-18", || bad("ws-oversize", "bank", Some(1009)), || bad("ws-oversize", "bank", Some(1000))),
    ("WS-21", || cut_often(&[100, 200, 400]), || cut_often(&[100, 100, 90])),
    ("WS-24", || cut(2, &[1, 2, 3]), || cut(0, &[1, 2, 3])),
    ("WS-24", || cut(2, &[1, 2, 3]), || cut(7, &[1, 2, 3])),
    ("WS-24", || cut(2, &[2, 3]), || cut(2, &[1, 3])),
    ("WS-24", || cut(2, &[1, 2, 3]), || cut(2, &[1, 2, 2, 3])),
    ("WS-25", || told("ws-gap", &[1, 3, 2], &[1, 2, 3]), || told("ws-gap", &[1, 3, 2], &[1, 3])),
    ("WS-26", || told("ws-duplicate", &[1, 1, 2], &[1, 2]), || told("ws-duplicate", &[1, 1, 2], &[1, 1, 2])),
    ("WS-26", || told("ws-reorder", &[2, 1], &[1, 2]), || told("ws-reorder", &[2, 1], &[2, 1])),
    ("WS-27", || foreign(&[2]), || foreign(&[1, 2])),
    ("WS-29", || acked(Some(2), &[1, 2]), || acked(Some(2), &[1])),
    ("WS-29", || acked(Some(2), &[1, 2]), || acked(None, &[1, 2])),
    ("WS-29", || foreign(&[2]), || acked(Some(9), &[1, 2])),
    ("WS-29", resumed_unacked, acked_before_it_came),
    ("WS-29", acked_later, || acked(Some(1), &[1, 2])),
    ("WS-32", || bad("ws-binary", "bank", Some(1003)), || bad("ws-binary", "portal", Some(1000))),
];

#[test]
fn a_connection_dropped_without_a_word_only_warns() {
    assert_eq!(verdict("WS-08", &bad("ws-masked-frame", "network", None)), Verdict::Warning);
}

#[test]
fn events_shown_in_any_order_do_not_fell_the_judge() {
    assert_eq!(verdict("WS-24", &cut(2, &[3, 1])), Verdict::Fail);
    assert_eq!(verdict("WS-24", &cut(2, &[u64::MAX, 0])), Verdict::Fail);
}
