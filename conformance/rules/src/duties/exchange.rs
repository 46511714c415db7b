//! Duties of the message exchange: envelopes signed for real, a queue that is emptied, acknowledged and not rushed.

use std::sync::LazyLock;

use contract::adapter::{Outcome, ReasonClass};
use contract::exchange::{Body, Party};
use crypto::xmldsig::{Document, Limits, Place, SignAsk, Transform, sign};
use serde_json::json;

use super::Case;
use crate::finding::Verdict;
use crate::signing::Keys;
use crate::testkit::*;
use crate::trace::What;

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::of(crypto::Algorithm::EcdsaP256));

const FIRST: &str = "5d4a0d52-6f3b-11f0-8de9-0242ac120002";
const SECOND: &str = "6e5b1e63-6f3b-11f0-8de9-0242ac120002";
const HANDED: &str = "7f6c2f74-6f3b-11f0-8de9-0242ac120002";

fn soap(call: &str, inner: &str) -> String {
    let envelope = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>"#;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>{envelope}<m:{call} xmlns:m="urn:m">{inner}</m:{call}></s:Body></s:Envelope>"#
    )
}

/// A call of the exchange with this element, and what the portal answered.
fn call(scene: &mut Scene, operation: &str, element: &str, answer: &str) -> usize {
    let at = scene.exchange(Party::Bank, Party::Portal, "POST", &format!("{PORTAL}/smev/1.3"));
    let signature = "<m:CallerInformationSystemSignature></m:CallerInformationSystemSignature>";
    let exchange = scene.wire(at);
    exchange.request.headers = vec![("SOAPAction".to_owned(), format!("\"urn:{operation}\""))];
    exchange.request.body = Body::Text(soap(&format!("{operation}Request"), &format!("{element}{signature}")));
    scene.respond(at, 200, &[("Content-Type", "text/xml")], &soap(&format!("{operation}Response"), answer));
    at
}

fn send(scene: &mut Scene, id: &str, content: &str) -> usize {
    let content = format!(r#"<q:Ask xmlns:q="urn:q">{content}</q:Ask>"#);
    let element = format!(
        r#"<m:SenderProvidedRequestData Id="SIGNED"><m:MessageID>{id}</m:MessageID><m:MessagePrimaryContent>{content}</m:MessagePrimaryContent></m:SenderProvidedRequestData>"#
    );
    call(scene, "SendRequest", &element, "")
}

const SELECTOR: &str = r#"<m:MessageTypeSelector Id="SIGNED"><m:Timestamp>1</m:Timestamp></m:MessageTypeSelector>"#;

/// A poll that finds an answer to `original` with this content.
fn receive(scene: &mut Scene, id: &str, original: &str, content: &str) -> usize {
    let answer = format!(
        r#"<m:Response><m:OriginalMessageId>{original}</m:OriginalMessageId><m:SenderProvidedResponseData><m:MessageID>{id}</m:MessageID>{content}</m:SenderProvidedResponseData></m:Response>"#
    );
    call(scene, "GetResponse", SELECTOR, &answer)
}

fn poll(scene: &mut Scene, operation: &str) -> usize {
    call(scene, operation, SELECTOR, "")
}

fn ack(scene: &mut Scene, id: &str, accepted: bool) -> usize {
    let element = format!(r#"<m:AckTargetMessage Id="SIGNED" accepted="{accepted}">{id}</m:AckTargetMessage>"#);
    call(scene, "Ack", &element, "")
}

fn begun() -> (Scene, String) {
    let mut scene = Scene::oidc();
    let flow = scene.begin("duty.list", ANNA, json!({"channel": "soap"}));
    (scene, flow)
}

/// Signs a recorded envelope as the bank does, with a change to what is asked and one to what comes out.
fn signed(change: impl Fn(&mut SignAsk<'_>), spoil: impl Fn(String) -> String) -> Scene {
    let (mut scene, _) = begun();
    let at = send(&mut scene, FIRST, "1");
    let text = scene.wire(at).request.body.text().to_owned();
    let document = Document::parse(text.as_bytes(), Limits::default()).unwrap();
    let element = |name: &str| document.elements().find(|element| element.name() == name).unwrap();
    let (key, certificate) = KEYS.own();
    let place = Place::LastIn(element("CallerInformationSystemSignature"));
    let mut ask = SignAsk::smev(element("SenderProvidedRequestData"), place, key, certificate);
    change(&mut ask);
    let text = spoil(sign(&document, &ask).unwrap());
    scene.wire(at).request.body = Body::Text(text);
    scene.trace.bank.certificates = vec![certificate.pem()];
    scene
}

fn well_signed() -> Scene {
    signed(|_| {}, |text| text)
}

fn unregistered() -> Scene {
    let mut scene = well_signed();
    scene.trace.bank.certificates.clear();
    scene
}

fn unsigned() -> Scene {
    let (mut scene, _) = begun();
    send(&mut scene, FIRST, "1");
    scene
}

/// A document that names an address, and whether the bank went there.
fn lured(fault: &str, visits: bool) -> Scene {
    let (mut scene, flow) = begun();
    let at = receive(&mut scene, HANDED, FIRST, "");
    scene.lie(at, fault);
    if visits {
        scene.exchange(Party::Bank, Party::Foreign, "GET", &format!("{FOREIGN}/schema.xsd"));
    }
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

/// One message handed out twice, acknowledged so often; what the bank lists as received.
fn redelivered(acks: usize, received: &[&str]) -> Scene {
    let (mut scene, flow) = begun();
    send(&mut scene, FIRST, "1");
    for time in 0..2 {
        let at = receive(&mut scene, HANDED, FIRST, "");
        if time == 1 {
            scene.lie(at, "queue-redelivered");
        }
        if time < acks {
            ack(&mut scene, HANDED, true);
        }
    }
    let received: Vec<_> = received.iter().map(|id| json!({"message": id})).collect();
    scene.report(&flow, Outcome::Ok, None, json!({"received": received}));
    scene
}

/// The same list shown again in a later flow is no second processing.
fn listed_again() -> Scene {
    let mut scene = redelivered(2, &[HANDED]);
    let flow = scene.begin("duty.list", ANNA, json!({}));
    scene.report(&flow, Outcome::Ok, None, json!({"received": [{"message": HANDED}]}));
    scene
}

fn internals(message: &str) -> Scene {
    let (mut scene, flow) = begun();
    let fault = "<m:Fault><faultstring>ru.portal.Core.run(Core.java:117) failed</faultstring></m:Fault>";
    let at = call(&mut scene, "GetResponse", SELECTOR, fault);
    scene.lie(at, "soap-fault-internals");
    let report = scene.report(&flow, Outcome::Refused, Some(ReasonClass::Transport), json!({}));
    scene.reported(report).report.reason.as_mut().unwrap().message = message.to_owned();
    scene
}

/// A message with this lie, and how it was acknowledged.
fn taken(fault: Option<&str>, accepted: Option<bool>) -> Scene {
    let (mut scene, flow) = begun();
    let at = receive(&mut scene, HANDED, FIRST, "");
    if let Some(fault) = fault {
        scene.lie(at, fault);
    }
    if let Some(accepted) = accepted {
        ack(&mut scene, HANDED, accepted);
    }
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn ack_lost(again: bool) -> Scene {
    let mut scene = taken(None, Some(true));
    let at = scene.trace.events.iter().rposition(|event| matches!(event.what, What::Exchange(_))).unwrap();
    scene.lie(at, "queue-ack-lost");
    if again {
        ack(&mut scene, HANDED, true);
    }
    scene
}

/// Polls of these queues that find nothing, so far from each other.
fn polled(operations: &[&str], gap_ms: i64, clock_ms: i64) -> Scene {
    let (mut scene, _) = begun();
    for operation in operations {
        poll(&mut scene, operation);
        scene.pass_ms(gap_ms);
        if clock_ms > 0 {
            scene.advance_ms(clock_ms);
        }
    }
    scene
}

/// Rejected, then perhaps sent again, in the same flow or by another wish of the person.
fn rejected(again: bool, anew: bool) -> Scene {
    let (mut scene, flow) = begun();
    send(&mut scene, FIRST, "1");
    let why = "<m:RequestRejected><m:RejectionReasonCode>NO_DATA</m:RejectionReasonCode></m:RequestRejected>";
    receive(&mut scene, HANDED, FIRST, why);
    if again {
        send(&mut scene, SECOND, "1");
    }
    scene.report(&flow, Outcome::Refused, Some(ReasonClass::Other), json!({}));
    if anew {
        let flow = scene.begin("duty.list", ANNA, json!({"channel": "soap"}));
        send(&mut scene, SECOND, "1");
        scene.report(&flow, Outcome::Ok, None, json!({}));
    }
    scene
}

fn rejected_in_silence() -> Scene {
    let mut scene = rejected(false, false);
    let last = scene.trace.events.len() - 1;
    scene.reported(last).report.reason = None;
    scene
}

/// Messages of one flow, by id and content.
fn sent(messages: &[(&str, &str)]) -> Scene {
    let (mut scene, flow) = begun();
    for (id, content) in messages {
        send(&mut scene, id, content);
    }
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

/// The id of the first wish on the same wish of another day.
fn id_kept() -> Scene {
    let mut scene = sent(&[(FIRST, "1")]);
    let flow = scene.begin("duty.list", ANNA, json!({"channel": "soap"}));
    send(&mut scene, FIRST, "1");
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

const PUBLIC: &str = "5d4a0d52-6f3b-41f0-8de9-0242ac120002";
const CAPITAL: &str = "5D4A0D52-6F3B-11F0-8DE9-0242AC120002";

pub(super) const CASES: &[Case] = &[
    ("XML-07", || lured("xml-xinclude", false), || lured("xml-xinclude", true)),
    ("XML-08", || lured("xml-schema-location", false), || lured("xml-schema-location", true)),
    ("XML-09", || lured("xml-stylesheet", false), || lured("xml-stylesheet", true)),
    ("XSG-18", well_signed, || signed(|_| {}, |text| text.replace(FIRST, SECOND))),
    ("XSG-18", well_signed, unregistered),
    ("XSG-18", well_signed, unsigned),
    ("XSG-18", well_signed, || signed(|_| {}, |text| text.replace("Envelope>", "Envelope"))),
    ("XSG-19", well_signed, || {
        let bare = |ask: &mut SignAsk<'_>| ask.references[0].transforms.retain(|kept| *kept != Transform::Smev);
        signed(bare, |text| text)
    }),
    ("SOAP-01", || redelivered(2, &[HANDED]), || redelivered(1, &[HANDED])),
    ("SOAP-01", listed_again, || redelivered(2, &[HANDED, HANDED])),
    ("SOAP-10", || internals("Услуга не ответила"), || internals("ru.portal.Core.run(Core.java:117)")),
    ("SOAP-15", || taken(None, Some(true)), || taken(None, None)),
    ("SOAP-15", || taken(Some("xsg-value"), Some(false)), || taken(Some("xsg-value"), Some(true))),
    ("SOAP-15", || taken(Some("xml-stylesheet"), Some(true)), || taken(Some("xsw-1"), Some(true))),
    ("SOAP-17", || ack_lost(true), || ack_lost(false)),
    ("SOAP-19", || polled(&["GetResponse"; 3], 1_000, 0), || polled(&["GetResponse"; 3], 100, 0)),
    (
        "SOAP-19",
        || polled(&["GetResponse"; 3], 10, 1_000),
        || polled(&["GetResponse", "GetRequest", "GetResponse"], 100, 0),
    ),
    ("SOAP-20", || rejected(false, false), || rejected(true, false)),
    ("SOAP-20", || rejected(false, true), rejected_in_silence),
    ("SOAP-21", || sent(&[(FIRST, "1"), (SECOND, "2")]), || sent(&[(FIRST, "1"), (FIRST, "2")])),
    ("SOAP-21", || sent(&[(FIRST, "1"), (FIRST, "1")]), id_kept),
    ("SOAP-21", || sent(&[(FIRST, "1")]), || sent(&[(PUBLIC, "1")])),
    ("SOAP-21", || sent(&[(FIRST, "1")]), || sent(&[(CAPITAL, "1")])),
];

#[test]
fn a_lie_that_comes_twice_is_refused_twice() {
    let (mut scene, flow) = begun();
    for _ in 0..2 {
        let at = receive(&mut scene, HANDED, FIRST, "");
        scene.lie(at, "xsg-value");
        ack(&mut scene, HANDED, false);
    }
    scene.report(&flow, Outcome::Refused, Some(ReasonClass::Signature), json!({}));
    assert_eq!(verdict("SOAP-01", &scene), Verdict::NotApplicable);
    assert_eq!(verdict("SOAP-15", &scene), Verdict::Pass);
}

#[test]
fn a_fault_is_no_empty_queue() {
    let (mut scene, _) = begun();
    call(&mut scene, "GetResponse", SELECTOR, "<m:Fault/>");
    poll(&mut scene, "GetResponse");
    assert_eq!(verdict("SOAP-19", &scene), Verdict::NotApplicable);
}

#[test]
fn what_is_no_envelope_fells_nobody() {
    let (mut scene, _) = begun();
    let at = send(&mut scene, FIRST, "1");
    for body in ["", "Envelope>", "<Envelope>", "</Envelope>\u{434}<", "\u{feff}<?xml Envelope>"] {
        scene.wire(at).request.body = Body::Text(body.to_owned());
        scene.respond(at, 200, &[], body);
        assert_eq!(verdict("XSG-18", &scene), Verdict::Fail, "{body:?}");
    }
}
