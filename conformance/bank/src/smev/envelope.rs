//! Envelopes on their way out: built as text, signed in the profile of SMEV with the bank's key, sent by POST. And what
//! comes back: an envelope, a fault, or neither.

use contract::adapter::ReasonClass;
use contract::smev::{SOAP, Version};
use contract::time::Timestamp;
use crypto::xmldsig::{Document, Element, Limits, Place, SignAsk, Transform, sign};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, Method};

use crate::bank::Bank;
use crate::conduct::{Diligence, Fresh, Making, SoapCheck, SoapDuty};
use crate::http::{Answer, Lost, Request};
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};
use crate::xml::{self, escaped};

const ACTION: HeaderName = HeaderName::from_static("soapaction");
const SIGNATURE: &str = "<m:CallerInformationSystemSignature></m:CallerInformationSystemSignature>";
/// Between 1582-10-15 and 1970-01-01, in units of 100 nanoseconds (RFC 4122 §4.1.4).
const GREGORIAN: i64 = 0x01B2_1DD2_1381_4000;

/// The version that this bank speaks.
pub(super) fn version(bank: &Bank) -> Version {
    Version::named(&bank.options.smev).unwrap_or(Version::V1_2)
}

/// A message id: a UUID of version 1 by the bank's clock, with a node drawn anew and marked as no machine's.
pub(super) fn message_id(bank: &Bank) -> String {
    if !bank.conduct.keeps(SoapDuty::IdVersion1) {
        return bank.draw.uuid();
    }
    let repeated =
        !bank.conduct.keeps(SoapDuty::IdUnique) || bank.conduct.making(Fresh::AssertionId) == Making::Repeated;
    if repeated && let Some(made) = bank.common().made.get("message-id").cloned() {
        return made;
    }
    let id = uuid_v1(bank.clock.now(), bank.draw.bytes());
    bank.common().made.insert("message-id", id.clone());
    id
}

fn uuid_v1(now: Timestamp, chance: [u8; 8]) -> String {
    // Ten thousand ids fit into a millisecond; two of one instant differ by sequence and node.
    let fine = i64::from(u16::from_be_bytes([chance[0], chance[1]]) % 10_000);
    let ticks = now.millis() * 10_000 + fine + GREGORIAN;
    let (low, mid, high) = (ticks & 0xFFFF_FFFF, (ticks >> 32) & 0xFFFF, (ticks >> 48) & 0x0FFF);
    let sequence = (u16::from_be_bytes([chance[2], chance[3]]) & 0x3FFF) | 0x8000;
    let node: String = [chance[4] | 1, chance[5], chance[6], chance[7], chance[0] ^ chance[7], chance[1] ^ chance[6]]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{low:08x}-{mid:04x}-{:04x}-{sequence:04x}-{node}", high | 0x1000)
}

/// An instant as the exchange writes it.
pub(super) fn moscow(at: Timestamp) -> String {
    let shifted = Timestamp::from_seconds(at.millis().div_euclid(1000) + 3 * 3600).to_string();
    let day_and_time: String = shifted.chars().take(19).collect();
    format!("{day_and_time}.{:03}+03:00", at.millis().rem_euclid(1000))
}

/// An element with text in it.
pub(super) fn el(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// Wraps and signs the element with this id, sends it, and reads what comes back.
pub(super) async fn call(
    bank: &Bank,
    operation: &str,
    inner: &str,
    late: &mut Option<Refusal>,
) -> Result<Document, Failed> {
    let version = version(bank);
    let (types, basic) = (version.types(), version.basic());
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"{SOAP}\"><soap:Header></soap:Header>\
         <soap:Body><m:{operation}Request xmlns:m=\"{types}\" xmlns:b=\"{basic}\">{inner}{SIGNATURE}\
         </m:{operation}Request></soap:Body></soap:Envelope>"
    );
    let signed = signed(bank, &text).map_err(Failed::Refused)?;
    let request = Request::new(Method::POST, bank.at(&format!("/smev/{}", version.as_str())))
        .with(CONTENT_TYPE, "text/xml; charset=utf-8")
        .with(ACCEPT, "text/xml, multipart/related")
        .with(ACTION, &format!("\"urn:{operation}\""))
        .carrying(signed);
    let answer = bank.http.send(request).await.map_err(Failed::Lost)?;
    if !answer.whole {
        return Err(Failed::Lost(Lost::Broken("the body was cut".to_owned())));
    }
    read(bank, &answer, late).await
}

/// Why a call brought no envelope to work with.
pub(super) enum Failed {
    /// A fault of the exchange: its name, and what it says to the person.
    Fault(String, Refusal),
    Lost(Lost),
    Refused(Refusal),
}

impl Failed {
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Fault(_, refusal) | Self::Refused(refusal) => refusal,
            Self::Lost(lost) => lost.refusal(),
        }
    }
}

/// Signs the first child of the call in the body.
fn signed(bank: &Bank, text: &str) -> Result<String, Refusal> {
    let odd = |why: String| refuse(ReasonClass::Other, "SOAP-SIGNING", why);
    let limits = Limits { bytes: 64 * 1024 * 1024, ..Limits::default() };
    let document = Document::parse(text.as_bytes(), limits).map_err(|error| odd(error.to_string()))?;
    let call = document.root().child(SOAP, "Body").and_then(|body| body.children().next());
    let call = call.ok_or_else(|| odd("no call in the body".to_owned()))?;
    let element = call.children().next().ok_or_else(|| odd("nothing to sign".to_owned()))?;
    let holder = call.children().last().ok_or_else(|| odd("no place for the signature".to_owned()))?;
    let hand = bank.signer.hand(bank.conduct);
    let mut ask = SignAsk::smev(element, Place::LastIn(holder), hand.key, hand.inside);
    if !bank.conduct.keeps(SoapDuty::SmevTransform) {
        for reference in &mut ask.references {
            reference.transforms.retain(|transform| *transform != Transform::Smev);
        }
    }
    let signed = sign(&document, &ask).map_err(|error| odd(error.to_string()))?;
    if bank.conduct.keeps(SoapDuty::SignatureOwn) {
        return Ok(signed);
    }
    // The variant that touches the message after it was signed.
    Ok(signed.replacen("</m:MessageID>", "</m:MessageID><!-- --><m:NodeID>1</m:NodeID>", 1).replacen(
        "<b:Timestamp>",
        "<b:Timestamp> ",
        1,
    ))
}

/// An answer as an envelope of SOAP 1.1 with exactly one element in its body; a fault is one under any status.
async fn read(bank: &Bank, answer: &Answer, late: &mut Option<Refusal>) -> Result<Document, Failed> {
    let media = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let is_xml = media.starts_with("text/xml") || media.starts_with("multipart/related");
    let odd = |code: &'static str, why: String| refuse(ReasonClass::Format, code, why);
    if !is_xml {
        if answer.status >= 500 && !media.contains("xml") {
            return Err(Failed::Lost(Lost::Broken(format!("status {} without an envelope", answer.status))));
        }
        let refusal = odd("SOAP-MEDIA", format!("the media type is {media:?}"));
        weigh(bank, SoapCheck::Version, refusal, late).map_err(Failed::Refused)?;
    }
    let document = xml::parse(bank, &answer.body, late).await.map_err(Failed::Refused)?;
    let root = document.root();
    if !root.is(SOAP, "Envelope") {
        let why = format!("the root is {{{}}}{}", root.namespace(), root.name());
        weigh(bank, SoapCheck::Version, odd("SOAP-VERSION", why), late).map_err(Failed::Refused)?;
    }
    understood(bank, root, late).map_err(Failed::Refused)?;
    if let Some(failed) = fault(bank, &document, answer.status) {
        return Err(failed);
    }
    if !(200..300).contains(&answer.status) {
        return Err(Failed::Refused(odd("SOAP-STATUS", format!("status {} without a fault", answer.status))));
    }
    Ok(document)
}

/// The body, of whichever version of SOAP: what else stands there was weighed before.
pub(super) fn body(document: &Document) -> Option<Element<'_>> {
    let root = document.root();
    root.children().find(|child| child.name() == "Body" && child.namespace() == root.namespace())
}

/// The code of an answer that has nothing to read in it.
pub(super) const NOTHING: &str = "SMEV-NOTHING";

/// Whether there is something to read. A fault is seen before, but for the variant that looks at the status alone.
pub(super) fn holds_something(document: &Document) -> Result<(), Refusal> {
    let call = body(document).and_then(|body| body.children().next());
    if call.is_none_or(|call| call.name() == "Fault") {
        return Err(refuse(ReasonClass::Other, NOTHING, "there is nothing in the answer"));
    }
    Ok(())
}

/// SOAP 1.1 §4.2.3: a block that must be understood and is not ends it.
fn understood(bank: &Bank, root: Element<'_>, late: &mut Option<Refusal>) -> Result<(), Refusal> {
    let head = root.children().find(|child| child.name() == "Header");
    for block in head.into_iter().flat_map(|head| head.children()) {
        if matches!(block.attribute_in(root.namespace(), "mustUnderstand"), Some("1" | "true")) {
            let why = format!("{} must be understood and is not known", block.path());
            let refusal = refuse(ReasonClass::Format, "SOAP-MUST-UNDERSTAND", why);
            weigh(bank, SoapCheck::MustUnderstand, refusal, late)?;
        }
    }
    Ok(())
}

/// The fault in the body: the name of the typed one, and plain words for the person. What the portal's programs wrote of
/// themselves is not for people.
fn fault(bank: &Bank, document: &Document, status: u16) -> Option<Failed> {
    let body = body(document)?;
    let fault = body.children().find(|child| child.name() == "Fault")?;
    if status < 400 && bank.conduct.checks(SoapCheck::Fault200) != Diligence::Full {
        return None;
    }
    let text = |name: &str| fault.children().find(|child| child.name() == name).map(|child| child.text());
    let told = text("faultstring").unwrap_or_default();
    let typed = fault.children().find(|child| child.name() == "detail").and_then(|detail| detail.children().next());
    let name = typed.map_or_else(|| text("faultcode").unwrap_or_default(), |typed| typed.name().to_owned());
    let class = match name.as_str() {
        "SignatureVerificationFault" => ReasonClass::Signature,
        "StaleMessageId" | "EndOfLifeReached" => ReasonClass::Time,
        "AccessDenied" | "PersonalAccessDenied" => ReasonClass::Consent,
        "MessageIsAlreadySent" => ReasonClass::Replay,
        "SMEVFailure" | "DestinationOverflow" => ReasonClass::Transport,
        "SenderIsNotRegistered" | "RecipientIsNotFound" | "TargetMessageIsNotFound" => ReasonClass::Binding,
        _ => ReasonClass::Format,
    };
    let mut refusal = refuse(class, format!("SMEV-{name}"), format!("fault {name}: {told}"));
    if !bank.conduct.keeps(SoapDuty::InternalsHidden) {
        refusal.message = format!("{told} {}", fault.source());
    }
    Some(Failed::Fault(name, refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_of_version_1_and_tell_the_time() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let id = uuid_v1(now, [1, 2, 3, 4, 5, 6, 7, 8]);
        let parsed = uuid::Uuid::parse_str(&id).unwrap();
        assert_eq!(parsed.get_version_num(), 1);
        let (seconds, _) = parsed.get_timestamp().unwrap().to_unix();
        assert_eq!(i64::try_from(seconds).unwrap(), now.seconds());
        assert_eq!(id, id.to_lowercase());
        assert_ne!(id, uuid_v1(now, [1, 2, 3, 4, 5, 6, 7, 9]));
    }

    #[test]
    fn times_are_those_of_moscow() {
        let now: Timestamp = "2026-11-22T22:00:00.250Z".parse().unwrap();
        assert_eq!(moscow(now), "2026-11-23T01:00:00.250+03:00");
    }
}
