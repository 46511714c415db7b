//! Calls read out of envelopes: every element in its place, every value of its type, attachments paired.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use contract::smev::{AUTHORITY, Reason, Version, XOP};
use contract::time::Timestamp;
use crypto::base64;
use crypto::xmldsig::{C14n, Element, canonical};
use domain::{Attachment, Authority, Content, MessageKind, Payload, Reference, Refusal, Rejection, SmevMessage};

use super::fault::Fault;
use super::xml::{Breach, Parts, text};
use super::{caller, files::Files};

/// SendRequest or SendResponse.
pub(super) struct Sent {
    pub(super) message: SmevMessage,
    /// `To` of a response.
    pub(super) to: Option<String>,
}

/// What is needed beside the elements.
pub(super) struct Context<'a> {
    pub(super) version: Version,
    pub(super) parts: &'a HashMap<String, Bytes>,
    pub(super) files: &'a Files,
    /// Bytes of the attachments inside together.
    pub(super) inline: u64,
}

/// The parts of a call: the element that is signed, what lies beside it, and the signature's holder.
pub(super) struct Call<'d> {
    pub(super) signed: Element<'d>,
    pub(super) attachments: Option<Element<'d>>,
    pub(super) holder: Option<Element<'d>>,
}

/// Takes a call apart: `signed` is where the schema has it.
pub(super) fn call<'d>(version: Version, element: Element<'d>, signed: (&str, &str)) -> Result<Call<'d>, Breach> {
    let (types, basic) = (version.types(), version.basic());
    let mut parts = Parts::of(element)?;
    if element.name() == "GetIncomingQueueStatisticsRequest" {
        parts.opt(&types, "NodeID");
    }
    let signed = parts.one(signed.0, signed.1)?;
    let sends = element.name().starts_with("Send");
    let attachments = if sends { parts.opt(&basic, "AttachmentContentList") } else { None };
    let holder = parts.opt(&types, "CallerInformationSystemSignature");
    if element.name() == "SendRequestRequest" && version == Version::V1_3 {
        parts.opt(&version.routing(), "Routing");
    }
    parts.end()?;
    Ok(Call { signed, attachments, holder })
}

/// `SenderProvidedRequestData`
pub(super) fn request(context: &Context<'_>, call: &Call<'_>, sender: &str) -> Result<Sent, Fault> {
    let (types, basic) = (context.version.types(), context.version.basic());
    let mut parts = Parts::of(call.signed)?;
    let id = text(parts.one(&types, "MessageID")?)?;
    let reference = optional(parts.opt(&types, "ReferenceMessageID"), 36)?;
    let transaction = optional(parts.opt(&types, "TransactionCode"), 1500)?;
    let node = optional(parts.opt(&types, "NodeID"), 50)?;
    let eol = parts.opt(&types, "EOL").map(time).transpose()?;
    let primary = parts.one(&basic, "MessagePrimaryContent")?;
    let (mut content, root) = content(context, primary, &mut parts, call.attachments)?;
    if let Some(metadata) = parts.opt(&types, "BusinessProcessMetadata") {
        content.authority = authority(metadata)?;
    }
    let test = parts.opt(&types, "TestMessage").is_some();
    parts.end()?;
    let person = content.authority.as_ref().map(|authority| authority.person);
    let message = SmevMessage {
        id,
        kind: MessageKind::Request,
        sender: sender.to_owned(),
        recipient: String::new(),
        original: None,
        reference,
        transaction,
        node,
        namespace: root.namespace().to_owned(),
        root: root.name().to_owned(),
        sent_at: Timestamp::from_seconds(0),
        eol,
        test,
        person,
        payload: Some(Arc::new(Payload::Content(content))),
    };
    Ok(Sent { message, to: None })
}

/// `SenderProvidedResponseData`
pub(super) fn response(context: &Context<'_>, call: &Call<'_>, sender: &str) -> Result<Sent, Fault> {
    let (types, basic) = (context.version.types(), context.version.basic());
    let mut parts = Parts::of(call.signed)?;
    let id = text(parts.one(&types, "MessageID")?)?;
    let to = optional(Some(parts.one(&types, "To")?), 4000)?;
    let mut names = (String::new(), String::new());
    let payload = if let Some(primary) = parts.opt(&basic, "MessagePrimaryContent") {
        let (content, root) = content(context, primary, &mut parts, call.attachments)?;
        names = (root.namespace().to_owned(), root.name().to_owned());
        Payload::Content(content)
    } else if let Some(status) = parts.opt(&types, "RequestStatus") {
        request_status(&types, status)?
    } else {
        let rejections = parts.many(&types, "RequestRejected");
        if rejections.is_empty() {
            return Err(Breach::at(call.signed, "answers nothing").into());
        }
        let rejections = rejections.into_iter().map(|rejected| rejection(&types, rejected));
        Payload::Rejected(rejections.collect::<Result<_, Breach>>()?)
    };
    parts.end()?;
    let message = SmevMessage {
        id,
        kind: MessageKind::Response,
        sender: sender.to_owned(),
        recipient: String::new(),
        original: None,
        reference: None,
        transaction: None,
        node: None,
        namespace: names.0,
        root: names.1,
        sent_at: Timestamp::from_seconds(0),
        eol: None,
        test: false,
        person: None,
        payload: Some(Arc::new(payload)),
    };
    Ok(Sent { message, to })
}

fn rejection(types: &str, rejected: Element<'_>) -> Result<Rejection, Breach> {
    let mut inner = Parts::of(rejected)?;
    let code = inner.one(types, "RejectionReasonCode")?;
    let reason = Reason::named(&text(code)?).ok_or_else(|| Breach::at(code, "is none of the four codes"))?;
    let description = text(inner.one(types, "RejectionReasonDescription")?)?;
    inner.end()?;
    Ok(Rejection { reason, description })
}

fn request_status(types: &str, status: Element<'_>) -> Result<Payload, Breach> {
    let mut inner = Parts::of(status)?;
    let number = inner.one(types, "StatusCode")?;
    let code = text(number)?.parse().map_err(|_| Breach::at(number, "is no whole number"))?;
    let mut parameters = Vec::new();
    for parameter in inner.many(types, "StatusParameter") {
        let mut pair = Parts::of(parameter)?;
        parameters.push((text(pair.one(types, "Key")?)?, text(pair.one(types, "Value")?)?));
        pair.end()?;
    }
    let description = text(inner.one(types, "StatusDescription")?)?;
    inner.end()?;
    Ok(Payload::Status { code, parameters, description })
}

fn optional(element: Option<Element<'_>>, longest: usize) -> Result<Option<String>, Breach> {
    let Some(element) = element else { return Ok(None) };
    let read = text(element)?;
    if read.chars().count() > longest {
        return Err(Breach::at(element, format!("is longer than {longest} characters")));
    }
    Ok(Some(read))
}

pub(super) fn time(element: Element<'_>) -> Result<Timestamp, Breach> {
    text(element)?.parse().map_err(|_| Breach::at(element, "is no xs:dateTime with its zone"))
}

/// `BusinessProcessMetadata/Authority`; other metadata is passed over.
fn authority(metadata: Element<'_>) -> Result<Option<Authority>, Breach> {
    let Some(found) = metadata.child(AUTHORITY, "Authority") else { return Ok(None) };
    let mut inner = Parts::of(found)?;
    let consent = optional(inner.opt(AUTHORITY, "consent"), 64)?;
    let number = inner.one(AUTHORITY, "person")?;
    let person = text(number)?.parse().map_err(|_| Breach::at(number, "is no number of a person"))?;
    let purpose = text(inner.one(AUTHORITY, "purpose")?)?;
    inner.end()?;
    Ok(Some(Authority { consent, person, purpose }))
}

/// The business content with its signature and its files.
fn content<'d>(
    context: &Context<'_>,
    primary: Element<'d>,
    parts: &mut Parts<'d>,
    list: Option<Element<'d>>,
) -> Result<(Content, Element<'d>), Fault> {
    let (types, basic) = (context.version.types(), context.version.basic());
    let mut inside = Parts::of(primary)?;
    let root = inside.any().ok_or_else(|| Breach::at(primary, "is empty"))?;
    inside.end()?;
    if root.namespace().is_empty() || root.namespace() == basic {
        return Err(Breach::at(root, "has no namespace of its own").into());
    }
    let own = |element: Element<'_>| {
        let bytes = canonical(element, C14n::Exclusive, &[]).map_err(|error| Breach::at(element, error.to_string()))?;
        Ok::<_, Breach>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let mut personal = None;
    if let Some(holder) = parts.opt(&types, "PersonalSignature") {
        caller::personal(holder, root)?;
        personal = holder.children().next().map(own).transpose()?;
    }
    let headers = parts.opt(&basic, "AttachmentHeaderList");
    let attachments = attachments(context, headers, list)?;
    let references = match parts.opt(&basic, "RefAttachmentHeaderList") {
        Some(headers) => references(context, headers)?,
        None => Vec::new(),
    };
    Ok((Content { xml: own(root)?, personal, authority: None, attachments, references }, root))
}

fn miscoordination(cause: &str, seen: impl Into<String>) -> Fault {
    Refusal::new("smev-attachments", cause)
        .check("headers and contents of attachments")
        .seen(seen)
        .wanted("one content for each header, by its id")
        .into()
}

fn attachments(
    context: &Context<'_>,
    headers: Option<Element<'_>>,
    list: Option<Element<'_>>,
) -> Result<Vec<Attachment>, Fault> {
    let basic = context.version.basic();
    let mut contents = contents(context, &basic, list)?;
    let total: u64 = contents.values().map(|content| content.len() as u64).sum();
    if total > context.inline {
        return Err(Fault {
            refusal: Refusal::new("smev-attachment-size", "smev-attachment-size")
                .check("attachments inside the message")
                .seen(format!("{total} bytes"))
                .wanted(format!("{} bytes at most; larger ones go through the store", context.inline)),
            fields: vec![
                ("PermittedTotalAttachmentSize", context.inline.to_string()),
                ("RealTotalAttachmentSize", total.to_string()),
            ],
        });
    }
    let mut found = Vec::new();
    for header in headers.iter().flat_map(Element::children) {
        if !header.is(&basic, "AttachmentHeader") {
            return Err(Breach::at(header, "stands among the headers").into());
        }
        let mut inner = Parts::of(header)?;
        let id = text(inner.one(&basic, "contentId")?)?;
        inner.opt(&basic, "NamespaceUri");
        let media_type = text(inner.one(&basic, "MimeType")?)?;
        let pkcs7 = optional(inner.opt(&basic, "SignaturePKCS7"), usize::MAX)?;
        inner.opt(&basic, "Archive");
        inner.end()?;
        let bytes = contents.remove(&id).ok_or_else(|| miscoordination("smev-attachment-absent", &id))?;
        detached(pkcs7.as_deref(), &bytes, &id)?;
        found.push(Attachment { id, media_type, content: base64::encode_standard(&bytes), pkcs7 });
    }
    if let Some(left) = contents.keys().next() {
        return Err(miscoordination("smev-attachment-without-header", left));
    }
    Ok(found)
}

/// The bytes by id, written out or in a part beside the envelope.
fn contents(context: &Context<'_>, basic: &str, list: Option<Element<'_>>) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let mut contents = BTreeMap::new();
    for item in list.iter().flat_map(Element::children) {
        if !item.is(basic, "AttachmentContent") {
            return Err(Breach::at(item, "stands among the contents").into());
        }
        let mut inner = Parts::of(item)?;
        let id = text(inner.one(basic, "Id")?)?;
        let content = inner.one(basic, "Content")?;
        inner.end()?;
        let bytes = match content.child(XOP, "Include") {
            Some(include) => {
                let href = include.attribute("href").unwrap_or_default();
                let part = href.strip_prefix("cid:").and_then(|cid| context.parts.get(cid));
                part.map(|part| part.to_vec()).ok_or_else(|| miscoordination("smev-attachment-part-absent", href))?
            }
            None => {
                let plain: String = content.text().chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
                base64::decode_standard_strict(&plain).map_err(|_| Breach::at(content, "is no base64"))?
            }
        };
        if contents.insert(id.clone(), bytes).is_some() {
            return Err(miscoordination("smev-attachment-id-repeated", id));
        }
    }
    Ok(contents)
}

/// A detached signature over a file, where there is one.
fn detached(pkcs7: Option<&str>, bytes: &[u8], id: &str) -> Result<(), Fault> {
    let Some(written) = pkcs7 else { return Ok(()) };
    let plain: String = written.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    let holds = base64::decode_standard_strict(&plain)
        .map_err(|error| error.to_string())
        .and_then(|der| crypto::cms::Container::read(&der).map_err(|error| error.to_string()))
        .and_then(|container| container.verify(bytes, &[]).map_err(|error| error.to_string()));
    match holds {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::new("smev-signature-invalid", "smev-attachment-signature")
            .check(format!("SignaturePKCS7 of {id}"))
            .seen(error)
            .wanted("a detached CMS over the file, with the signer's certificate")
            .into()),
    }
}

fn references(context: &Context<'_>, headers: Element<'_>) -> Result<Vec<Reference>, Fault> {
    let basic = context.version.basic();
    let mut found = Vec::new();
    for header in headers.children() {
        if !header.is(&basic, "RefAttachmentHeader") {
            return Err(Breach::at(header, "stands among the headers").into());
        }
        let mut inner = Parts::of(header)?;
        let uuid = text(inner.one(&basic, "uuid")?)?;
        let name = optional(inner.opt(&basic, "FileName"), 255)?;
        inner.opt(&basic, "NamespaceUri");
        let hash = text(inner.one(&basic, "Hash")?)?;
        let media_type = text(inner.one(&basic, "MimeType")?)?;
        let pkcs7 = optional(inner.opt(&basic, "SignaturePKCS7"), usize::MAX)?;
        inner.opt(&basic, "Archive");
        inner.end()?;
        let bytes = context.files.find(&uuid).ok_or_else(|| miscoordination("smev-file-absent", &uuid))?;
        if !super::files::digests(&bytes).contains(&hash) {
            return Err(miscoordination("smev-file-digest", &hash));
        }
        detached(pkcs7.as_deref(), &bytes, &uuid)?;
        found.push(Reference { uuid, hash, media_type, name, pkcs7 });
    }
    Ok(found)
}

/// `MessageTypeSelector`
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) root: Option<(String, String)>,
    pub(super) node: Option<String>,
    /// One of the pair stands without the other.
    pub(super) half: bool,
}

pub(super) fn selector(version: Version, element: Element<'_>) -> Result<Selector, Breach> {
    let basic = version.basic();
    let mut parts = Parts::of(element)?;
    let namespace = optional(parts.opt(&basic, "NamespaceURI"), usize::MAX)?;
    let name = optional(parts.opt(&basic, "RootElementLocalName"), usize::MAX)?;
    time(parts.one(&basic, "Timestamp")?)?;
    let node = optional(parts.opt(&basic, "NodeID"), 50)?;
    parts.end()?;
    let half = namespace.is_some() != name.is_some();
    Ok(Selector { root: namespace.zip(name), node, half })
}

/// `AckTargetMessage`
pub(super) fn ack(element: Element<'_>) -> Result<(String, bool), Breach> {
    let accepted = match element.attribute("accepted") {
        Some("true" | "1") => true,
        Some("false" | "0") => false,
        _ => return Err(Breach::at(element, "does not say whether it is accepted")),
    };
    Ok((text(element)?, accepted))
}
