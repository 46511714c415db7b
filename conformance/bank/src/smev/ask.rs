//! The bank as a consumer: a request of the portal's own types, which names consent, person and purpose; its answer from
//! the queue, as the same record that REST serves. A refusal by the provider is shown and not sent again.

use contract::adapter::ReasonClass;
use contract::shape::{Shape, Version};
use contract::time::Span;
use crypto::xmldsig::{Document, Element, Limits};
use serde_json::Value;

use super::envelope::{self, Failed, el};
use super::queue;
use crate::bank::Bank;
use crate::conduct::{Diligence, SoapCheck, SoapDuty};
use crate::flows::access::Access;
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};
use crate::xml;

const PAGES: usize = 50;
const SENDINGS: u32 = 4;

/// Reads a service over SMEV, all its pages.
pub(crate) async fn read(
    access: &mut Access<'_>,
    name: &str,
    shape: &'static Shape,
    asked: &[(&'static str, String)],
) -> Result<Value, Refusal> {
    let mut whole = Value::Null;
    let mut asked: Vec<(String, String)> =
        asked.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    for _ in 0..PAGES {
        let page = exchange(access, name, shape, &asked).await?;
        let next = page["next"].as_str().map(str::to_owned);
        match whole.as_object_mut() {
            None => whole = page,
            Some(members) => {
                for (name, value) in page.as_object().cloned().unwrap_or_default() {
                    match (members.get_mut(&name).and_then(Value::as_array_mut), value) {
                        (Some(kept), Value::Array(items)) => kept.extend(items),
                        (_, value) => {
                            members.insert(name, value);
                        }
                    }
                }
            }
        }
        let cursor = next.as_deref().and_then(|next| {
            let (_, query) = next.split_once('?')?;
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == "cursor")
                .map(|(_, value)| value.into_owned())
        });
        let Some(cursor) = cursor else {
            if let Some(members) = whole.as_object_mut() {
                members.remove("next");
            }
            return Ok(whole);
        };
        asked.retain(|(name, _)| name != "cursor");
        asked.insert(0, ("cursor".to_owned(), cursor));
    }
    Err(refuse(ReasonClass::Limit, "SMEV-PAGES", "the list has no end"))
}

/// Sends an order over SMEV: the members of the body that REST takes.
pub(crate) async fn order(
    access: &mut Access<'_>,
    name: &str,
    shape: &'static Shape,
    body: &Value,
) -> Result<Value, Refusal> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let first = ["uin", "type", "reason", "number", "unattended", "amount", "method", "source"];
    let mut asked: Vec<(String, String)> =
        first.iter().filter_map(|name| Some(((*name).to_owned(), text(body.get(*name)?)))).collect();
    asked.push(("key".to_owned(), access.bank.make(crate::conduct::Fresh::IdempotencyKey).unwrap_or_default()));
    exchange(access, name, shape, &asked).await
}

/// One request and its answer.
async fn exchange(
    access: &mut Access<'_>,
    name: &str,
    shape: &'static Shape,
    asked: &[(String, String)],
) -> Result<Value, Refusal> {
    let bank = access.bank;
    let mut content = format!("<{name}Request xmlns=\"urn:stend:{name}:1.0\">");
    content += &el("consent", &access.consent.id);
    content += &el("person", &access.customer.subject);
    content += &el("purpose", access.purpose());
    for (name, value) in asked {
        content += &el(name, value);
    }
    content += &format!("</{name}Request>");
    let mut refused = 0;
    loop {
        access.stands()?;
        let id = match send(access, &content).await {
            Ok(id) => id,
            Err(refusal) => return empty(bank, refusal),
        };
        let stored = match queue::answer_to(bank, &id, &mut access.late).await {
            Ok(stored) => stored,
            Err(refusal) => return empty(bank, refusal),
        };
        match take(access, &stored, name, shape, &id).await {
            Err(refusal) if refusal.detail.starts_with("rejected:") => {
                refused += 1;
                if bank.conduct.keeps(SoapDuty::RejectionHeeded) || refused > 2 {
                    return Err(refusal);
                }
            }
            outcome => return outcome,
        }
    }
}

/// The variant that takes a fault under 200 for an answer finds nothing in it, and that is what it shows; any other bank
/// refuses.
fn empty(bank: &Bank, refusal: Refusal) -> Result<Value, Refusal> {
    let overlooked = bank.conduct.checks(SoapCheck::Fault200) != Diligence::Full;
    if overlooked && refusal.code == envelope::NOTHING { Ok(Value::Null) } else { Err(refusal) }
}

/// Sends the request until its fate is known: the same message under the same id.
async fn send(access: &mut Access<'_>, content: &str) -> Result<String, Refusal> {
    let bank = access.bank;
    let id = envelope::message_id(bank);
    queue::expect(bank, &id, &access.flow.id);
    let data = format!(
        "<m:SenderProvidedRequestData Id=\"SIGNED_BY_CONSUMER\">{}{}<b:MessagePrimaryContent>{content}\
         </b:MessagePrimaryContent></m:SenderProvidedRequestData>",
        el("m:MessageID", &id),
        el("m:ReferenceMessageID", &id),
    );
    for sending in 1..=SENDINGS {
        match envelope::call(bank, "SendRequest", &data, &mut access.late).await {
            Ok(document) => return envelope::holds_something(&document).map(|()| id),
            // It is there already: the answer to the first sending was lost.
            Err(Failed::Fault(name, _)) if name == "MessageIsAlreadySent" && sending > 1 => return Ok(id),
            Err(Failed::Lost(crate::http::Lost::Broken(_))) if sending < SENDINGS => {
                crate::clock::nap(Span::from_millis(120 << sending)).await;
            }
            Err(failed) => return Err(failed.refusal()),
        }
    }
    Err(refuse(ReasonClass::Transport, "SMEV-UNSENT", "the request could not be sent"))
}

/// The record in a stored answer.
async fn take(
    access: &mut Access<'_>,
    stored: &queue::Stored,
    name: &str,
    shape: &'static Shape,
    id: &str,
) -> Result<Value, Refusal> {
    let bank = access.bank;
    let odd = |class, code: &'static str, why: String| refuse(class, code, why);
    let limits = Limits { bytes: 64 * 1024 * 1024, depth: 2_000_000, nodes: 4_000_000, ..Limits::default() };
    let document = Document::parse(stored.xml.as_bytes(), limits)
        .map_err(|error| odd(ReasonClass::Format, error.cause.code(), error.to_string()))?;
    if let Some(detail) = &stored.late {
        access.late.get_or_insert(odd(ReasonClass::Signature, "SOAP-LATE", detail.clone()));
    }
    let version = envelope::version(bank);
    let mut ignored = None;
    // The message was believed when it was stored; it is found again by the same eyes.
    let message = super::verify::message(bank, &document, "Response", &mut ignored).await?;
    if message.original != id
        && bank.conduct.checks(SoapCheck::Relation) == Diligence::Full
        && bank.conduct.keeps(SoapDuty::MatchedById)
    {
        return Err(odd(ReasonClass::Binding, "SMEV-RELATION", "the answer is to another request".to_owned()));
    }
    let said = |name: &str| message.given.children().find(|child| child.name() == name);
    if let Some(rejected) = said("RequestRejected") {
        return Err(rejection(rejected));
    }
    if let Some(status) = said("AsyncProcessingStatus") {
        let details = status.descendants().find(|inner| inner.name() == "StatusDetails").map(|inner| inner.text());
        let why = format!("not taken: {}", details.unwrap_or_default());
        return Err(odd(ReasonClass::Format, "SMEV-ASYNC", why));
    }
    let primary = message.given.child(&version.basic(), "MessagePrimaryContent");
    let root = primary.and_then(|primary| primary.children().next());
    let root = root.ok_or_else(|| odd(ReasonClass::Format, "SMEV-CONTENT", "there is no content".to_owned()))?;
    let namespace = format!("urn:stend:{name}:1.0");
    if !root.is(&namespace, &format!("{name}Response")) {
        let why = format!("the content is {{{}}}{}", root.namespace(), root.name());
        let version = root.namespace().strip_prefix(&format!("urn:stend:{name}:"));
        let of_another_version = version.is_some_and(|version| !version.contains(':'));
        if of_another_version {
            let refusal = odd(ReasonClass::Format, "SMEV-CONTENT-VERSION", why);
            weigh(bank, SoapCheck::ContentVersion, refusal, &mut access.late)?;
        } else {
            let refusal = odd(ReasonClass::Format, "XML-NAMESPACE", why);
            weigh(bank, crate::conduct::XmlCheck::Namespace, refusal, &mut access.late)?;
        }
    }
    let mut value = xml::record(bank, root, shape, root.namespace(), Version::V1, &mut access.late)?;
    crate::json::expect(bank, shape, &mut value, &mut access.late)?;
    Ok(value)
}

/// Why the provider refused, in the registry's words: `<code>: <reason>`.
fn rejection(rejected: Element<'_>) -> Refusal {
    let text = |name: &str| {
        rejected.children().find(|child| child.name() == name).map(|child| child.text()).unwrap_or_default()
    };
    let (code, description) = (text("RejectionReasonCode"), text("RejectionReasonDescription"));
    let named = description.split_once(':').map(|(code, _)| code.trim().to_owned());
    let status = if code == "ACCESS_DENIED" { 403 } else { 422 };
    let detail = format!("rejected: {code} {description}");
    let refusal = Refusal::of_portal(status, named.as_deref(), detail.clone());
    if refusal.code.is_empty() {
        let class = if code == "ACCESS_DENIED" { ReasonClass::Consent } else { ReasonClass::Format };
        return refuse(class, "SMEV-REJECTED", detail);
    }
    refusal
}
