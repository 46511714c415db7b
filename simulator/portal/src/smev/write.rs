//! Messages on their way out: the text of an envelope before it is signed, as a value that a lie may change.

use contract::smev::{Category, PORTAL, SOAP, Version};
use contract::time::Timestamp;
use crypto::base64;
use crypto::xmldsig::Lies;
use domain::{Content, MessageKind, Payload, Refusal, SmevMessage};
use serde_json::json;

use super::sign::{self, Pen};
use super::xml::{el, escaped, moscow, opt};

/// Id of what SMEV signs.
pub(crate) const BY_SMEV: &str = "SIGNED_BY_SMEV";
/// Id of what the other participant has signed.
pub(crate) const BY_SENDER: &str = "SIGNED_BY_CONSUMER";

/// An envelope around the element of an answer.
pub(crate) fn envelope(head: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"{SOAP}\"><soap:Header>{head}</soap:Header>\
         <soap:Body>{body}</soap:Body></soap:Envelope>"
    )
}

/// The element of an answer, with the namespaces that everything in it uses.
pub(crate) fn answer(version: Version, name: &str, inner: &str) -> String {
    let (types, basic) = (version.types(), version.basic());
    format!("<m:{name} xmlns:m=\"{types}\" xmlns:b=\"{basic}\">{inner}</m:{name}>")
}

/// Where the answer to a message goes: opaque to whoever copies it.
pub(crate) fn reply_to(message: &SmevMessage) -> String {
    let sid = message.id.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 100_000;
    let folded: String = format!("{}_{}", message.namespace, message.root)
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
        .collect();
    let eol = message.eol.map_or(0, Timestamp::millis);
    let token = json!({"sid": sid, "mid": message.id, "eol": eol, "slc": folded, "mnm": message.sender});
    base64::encode_standard(token.to_string().as_bytes())
}

/// `MessageMetadata`, as a value.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) id: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) sender: Option<(String, String)>,
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) recipient: Option<(String, String)>,
    pub(crate) delivered_at: Option<Timestamp>,
    pub(crate) status: Option<Category>,
}

impl Metadata {
    fn text(&self, version: Version, id: &str) -> String {
        let who = |name: &str, who: &Option<(String, String)>| {
            who.as_ref().map_or(String::new(), |(mnemonic, title)| {
                format!("<m:{name}>{}{}</m:{name}>", el("m:Mnemonic", mnemonic), el("m:HumanReadableName", title))
            })
        };
        let sent = self.sent_at.map(moscow);
        let delivered = self.delivered_at.map(moscow);
        let status = self.status.map(|status| status.as_str(version));
        format!(
            "<m:MessageMetadata{}>{}{}{}{}{}{}{}</m:MessageMetadata>",
            if id.is_empty() { String::new() } else { format!(" Id=\"{id}\"") },
            opt("m:MessageId", self.id.as_deref()),
            el("m:MessageType", self.kind),
            who("Sender", &self.sender),
            opt("m:SendingTimestamp", sent.as_deref()),
            who("Recipient", &self.recipient),
            opt("m:DeliveryTimestamp", delivered.as_deref()),
            opt("m:Status", status),
        )
    }
}

/// What a Get* hands out, before it is text.
#[derive(Clone, Debug)]
pub(crate) struct Handout {
    pub(crate) version: Version,
    pub(crate) message: SmevMessage,
    pub(crate) metadata: Metadata,
    pub(crate) reply_to: String,
    /// Name and password for each file of the store.
    pub(crate) passes: Vec<(String, String)>,
    /// Blocks of the envelope's header.
    pub(crate) head: String,
}

impl Handout {
    /// The whole envelope, unsigned; the holders of both signatures are empty.
    pub(crate) fn text(&self) -> String {
        let Self { message, .. } = self;
        let request = message.kind == MessageKind::Request;
        let (outer, inner, given) = if request {
            ("RequestMessage", "Request", "SenderProvidedRequestData")
        } else {
            ("ResponseMessage", "Response", "SenderProvidedResponseData")
        };
        let (said, beside) = self.said();
        let own = if request {
            let reference = message.reference.as_deref().unwrap_or(&message.id);
            let eol = message.eol.map(moscow);
            format!(
                "{}{}{}{}{}{said}{}",
                el("m:MessageID", &message.id),
                el("m:ReferenceMessageID", reference),
                opt("m:TransactionCode", message.transaction.as_deref()),
                opt("m:NodeID", message.node.as_deref()),
                opt("m:EOL", eol.as_deref()),
                if message.test { "<m:TestMessage/>" } else { "" },
            )
        } else {
            format!("{}{}{said}", el("m:MessageID", &message.id), el("m:To", &self.reply_to))
        };
        let before = if request {
            String::new()
        } else {
            [
                opt("m:OriginalMessageId", message.original.as_deref()),
                opt("m:OriginalTransactionCode", message.transaction.as_deref()),
                opt("m:ReferenceMessageID", message.reference.as_deref()),
            ]
            .concat()
        };
        let back = if request { el("m:ReplyTo", &self.reply_to) } else { String::new() };
        let signature = if self.has_sender_signature() { "<m:SenderInformationSystemSignature/>" } else { "" };
        let body = format!(
            "<m:{outer}><m:{inner} Id=\"{BY_SMEV}\">{before}<m:{given} Id=\"{BY_SENDER}\">{own}</m:{given}>{}{}{back}\
             {signature}</m:{inner}>{beside}<m:SMEVSignature/></m:{outer}>",
            self.metadata.text(self.version, ""),
            self.fetch(),
        );
        let name = if request { "GetRequestResponse" } else { "GetResponseResponse" };
        envelope(&self.head, &answer(self.version, name, &body))
    }

    /// SMEV's own messages have no other sender than SMEV.
    pub(crate) fn has_sender_signature(&self) -> bool {
        self.message.sender != "smev"
    }

    /// Which element SMEV signs, and which the sender.
    pub(crate) fn signed(&self) -> (&'static str, &'static str) {
        match self.message.kind {
            MessageKind::Request => ("Request", "SenderProvidedRequestData"),
            MessageKind::Response => ("Response", "SenderProvidedResponseData"),
        }
    }

    /// What the sender says, and the attachments that lie beside the signed element.
    fn said(&self) -> (String, String) {
        match self.message.payload.as_deref() {
            Some(Payload::Content(content)) => self.content(content),
            Some(Payload::Rejected(rejections)) => {
                let one = |rejection: &domain::Rejection| {
                    format!(
                        "<m:RequestRejected>{}{}</m:RequestRejected>",
                        el("m:RejectionReasonCode", rejection.reason.as_str()),
                        el("m:RejectionReasonDescription", &rejection.description)
                    )
                };
                (rejections.iter().map(one).collect(), String::new())
            }
            Some(Payload::Status { code, parameters, description }) => {
                let pairs: String = parameters
                    .iter()
                    .map(|(key, value)| {
                        format!("<m:StatusParameter>{}{}</m:StatusParameter>", el("m:Key", key), el("m:Value", value))
                    })
                    .collect();
                let said = format!(
                    "<m:RequestStatus>{}{pairs}{}</m:RequestStatus>",
                    el("m:StatusCode", &code.to_string()),
                    el("m:StatusDescription", description)
                );
                (said, String::new())
            }
            Some(Payload::Async { category, details, fault }) => {
                let original = self.message.original.as_deref().unwrap_or_default();
                let said = processing(self.version, original, *category, details.as_deref(), fault.as_ref());
                (said, String::new())
            }
            // The copy beside the chain was erased: there is nothing left to hand out.
            None => {
                let said = format!(
                    "<m:RequestRejected>{}{}</m:RequestRejected>",
                    el("m:RejectionReasonCode", "NO_DATA"),
                    el("m:RejectionReasonDescription", "Содержимое сообщения удалено.")
                );
                (said, String::new())
            }
        }
    }

    fn content(&self, content: &Content) -> (String, String) {
        let newer = self.version == Version::V1_3;
        let personal = content.personal.as_ref();
        let personal = personal.map(|text| format!("<m:PersonalSignature>{text}</m:PersonalSignature>"));
        let headers: String = content
            .attachments
            .iter()
            .map(|attachment| {
                format!(
                    "<b:AttachmentHeader>{}{}{}</b:AttachmentHeader>",
                    el("b:contentId", &attachment.id),
                    el("b:MimeType", &attachment.media_type),
                    opt("b:SignaturePKCS7", attachment.pkcs7.as_deref())
                )
            })
            .collect();
        let references: String = content
            .references
            .iter()
            .map(|file| {
                format!(
                    "<b:RefAttachmentHeader>{}{}{}{}{}</b:RefAttachmentHeader>",
                    el("b:uuid", &file.uuid),
                    opt("b:FileName", file.name.as_deref().filter(|_| newer)),
                    el("b:Hash", &file.hash),
                    el("b:MimeType", &file.media_type),
                    opt("b:SignaturePKCS7", file.pkcs7.as_deref())
                )
            })
            .collect();
        let contents: String = content
            .attachments
            .iter()
            .map(|attachment| {
                format!(
                    "<b:AttachmentContent>{}{}</b:AttachmentContent>",
                    el("b:Id", &attachment.id),
                    el("b:Content", &attachment.content)
                )
            })
            .collect();
        let said = format!(
            "<b:MessagePrimaryContent>{}</b:MessagePrimaryContent>{}{}{}",
            content.xml,
            personal.unwrap_or_default(),
            listed("AttachmentHeaderList", &headers),
            listed("RefAttachmentHeaderList", &references)
        );
        (said, listed("AttachmentContentList", &contents))
    }

    /// `FSAttachmentsList`
    fn fetch(&self) -> String {
        let Some(Payload::Content(content)) = self.message.payload.as_deref() else { return String::new() };
        let one = |(file, (user, password)): (&domain::Reference, &(String, String))| {
            format!(
                "<b:FSAttachment>{}{}{}{}</b:FSAttachment>",
                el("b:uuid", &file.uuid),
                el("b:UserName", user),
                el("b:Password", password),
                el("b:FileName", file.name.as_deref().unwrap_or(&file.uuid))
            )
        };
        listed("FSAttachmentsList", &content.references.iter().zip(&self.passes).map(one).collect::<String>())
    }
}

fn listed(name: &str, inner: &str) -> String {
    if inner.is_empty() { String::new() } else { format!("<b:{name}>{inner}</b:{name}>") }
}

/// `AsyncProcessingStatus`
pub(crate) fn processing(
    version: Version,
    original: &str,
    category: Category,
    details: Option<&str>,
    fault: Option<&domain::AsyncFault>,
) -> String {
    let fault = fault.map(|fault| {
        let errors: String = fault
            .errors
            .iter()
            .map(|(at, what)| {
                format!("<f:ValidationError errorPosition=\"{}\">{}</f:ValidationError>", escaped(at), escaped(what))
            })
            .collect();
        format!(
            "<m:SmevFault xmlns:f=\"{}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"f:{}\">{}{}{errors}</m:SmevFault>",
            version.faults(),
            fault.name,
            el("b:Code", "tsmev3:STEND:N1 : TR:ASYNC:PP:BSV:3"),
            el("b:Description", &fault.description),
        )
    });
    let details: Option<String> = details.map(|details| details.chars().take(500).collect());
    format!(
        "<m:AsyncProcessingStatus>{}{}{}{}</m:AsyncProcessingStatus>",
        el("m:OriginalMessageId", original),
        el("m:StatusCategory", category.as_str(version)),
        opt("m:StatusDetails", details.as_deref()),
        fault.unwrap_or_default()
    )
}

/// An answer that is nothing but metadata of the message taken, signed by SMEV.
pub(crate) fn taken(
    version: Version,
    name: &str,
    metadata: &Metadata,
    pen: &Pen,
    lies: Lies<'_>,
) -> Result<String, Refusal> {
    let inner = format!("{}<m:SMEVSignature/>", metadata.text(version, BY_SMEV));
    let text = envelope("", &answer(version, name, &inner));
    sign::into(&text, "MessageMetadata", "SMEVSignature", pen, lies)
}

/// Name of a participant as others read it.
pub(crate) fn title(mnemonic: &str, world: &domain::World) -> String {
    if mnemonic == PORTAL {
        return "Портал «Стенд»".to_owned();
    }
    let named = world.partners.find(mnemonic).map(|partner| partner.name.ru.clone());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| mnemonic.to_owned())
}
