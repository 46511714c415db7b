//! What comes beside a message: each attachment is announced once and comes once, of the announced digest and size, and
//! is kept under the digest of its bytes, never under a name that somebody else chose.

use contract::adapter::ReasonClass;
use crypto::xmldsig::Element;

use super::verify::Message;
use crate::bank::Bank;
use crate::conduct::{SoapCheck, SoapDuty};
use crate::flows::certificates::signed_by_portal;
use crate::http::Request;
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};

fn odd(code: &'static str, why: impl Into<String>) -> Refusal {
    refuse(ReasonClass::Binding, code, why)
}

fn text(within: Element<'_>, name: &str) -> Option<String> {
    within.children().find(|child| child.name() == name).map(|child| child.text().trim().to_owned())
}

/// Holds the attachments against their headers, and keeps them.
pub(super) async fn take(bank: &Bank, message: &Message<'_>, late: &mut Option<Refusal>) -> Result<(), Refusal> {
    let list = |within: Element<'_>, list: &str, item: &str| -> Vec<usize> {
        // Only how many there are matters to the comparison; the elements are read again below.
        let holder = within.children().find(|child| child.name() == list);
        holder
            .map(|holder| (0..holder.children().filter(|child| child.name() == item).count()).collect())
            .unwrap_or_default()
    };
    let announced = list(message.given, "AttachmentHeaderList", "AttachmentHeader").len();
    let contents: Vec<Element<'_>> = message
        .beside
        .into_iter()
        .flat_map(|beside| beside.children())
        .filter(|child| child.name() == "AttachmentContent")
        .collect();
    if announced != contents.len() {
        let why = format!("{announced} attachments are announced and {} are there", contents.len());
        weigh(bank, SoapCheck::Attachment, odd("SOAP-ATTACHMENT", why), late)?;
    }
    let headers = message.given.children().find(|child| child.name() == "AttachmentHeaderList");
    for header in headers.into_iter().flat_map(|headers| headers.children()) {
        let id = text(header, "contentId").unwrap_or_default();
        let Some(content) = contents.iter().find(|content| text(**content, "Id").as_deref() == Some(id.as_str()))
        else {
            let refusal = odd("SOAP-ATTACHMENT", format!("the attachment {id} is not there"));
            weigh(bank, SoapCheck::Attachment, refusal, late)?;
            continue;
        };
        let encoded = text(*content, "Content").unwrap_or_default();
        let bytes = crypto::base64::tolerant(&encoded).map(|decoded| decoded.bytes).unwrap_or_default();
        if let Some(signature) = text(header, "SignaturePKCS7") {
            let signature = crypto::base64::tolerant(&signature).map(|decoded| decoded.bytes).unwrap_or_default();
            if let Err((why, _)) = signed_by_portal(bank, &bytes, &signature) {
                weigh(bank, SoapCheck::AttachmentDigest, odd("SOAP-ATTACHMENT-SIGNATURE", why), late)?;
            }
        }
        keep(bank, &bytes, text(header, "FileName").as_deref());
    }
    references(bank, message, late).await
}

/// Attachments by reference: each is in the store, announced once, and of the announced digest.
async fn references(bank: &Bank, message: &Message<'_>, late: &mut Option<Refusal>) -> Result<(), Refusal> {
    let within = |holder: Element<'_>, list: &str, item: &str| -> Vec<[String; 4]> {
        let list = holder.children().find(|child| child.name() == list);
        let names = if item == "FSAttachment" {
            ["uuid", "UserName", "Password", "FileName"]
        } else {
            ["uuid", "Hash", "MimeType", "FileName"]
        };
        list.into_iter()
            .flat_map(|list| list.children())
            .filter(|child| child.name() == item)
            .map(|child| names.map(|name| text(child, name).unwrap_or_default()))
            .collect()
    };
    let announced = within(message.given, "RefAttachmentHeaderList", "RefAttachmentHeader");
    let stored = within(message.element, "FSAttachmentsList", "FSAttachment");
    if announced.len() != stored.len() {
        let refusal = odd("SOAP-ATTACHMENT-REFERENCE", "the store holds other files than were announced");
        weigh(bank, SoapCheck::AttachmentSize, refusal, late)?;
    }
    for [uuid, hash, _, name] in announced {
        let Some([_, user, password, file]) = stored.iter().find(|stored| stored[0] == uuid) else {
            let refusal = odd("SOAP-ATTACHMENT-REFERENCE", format!("the store has no {uuid}"));
            weigh(bank, SoapCheck::Attachment, refusal, late)?;
            continue;
        };
        let pass = crypto::base64::encode_standard(format!("{user}:{password}").as_bytes());
        let encoded: String = url::form_urlencoded::byte_serialize(uuid.as_bytes()).collect();
        let request = Request::get(bank.at(&format!("/smev/files/{encoded}")))
            .accepting("*/*")
            .with(http::header::AUTHORIZATION, &format!("Basic {pass}"));
        let bytes = match bank.http.send(request).await {
            Ok(answer) if answer.status == 200 && answer.whole => answer.body,
            _ => {
                let refusal = odd("SOAP-ATTACHMENT-REFERENCE", format!("the file {uuid} cannot be read"));
                weigh(bank, SoapCheck::Attachment, refusal, late)?;
                continue;
            }
        };
        let raw = [crypto::gost::streebog256(&bytes).to_vec(), crypto::digest::sha256(&bytes).to_vec()];
        let same = raw.iter().any(|raw| crypto::base64::encode_standard(raw) == hash || hex::encode(raw) == hash);
        if !same {
            let refusal = odd("SOAP-ATTACHMENT-DIGEST", format!("the file {uuid} is not the announced one"));
            weigh(bank, SoapCheck::AttachmentDigest, refusal, late)?;
        }
        let named = [&name, file].into_iter().find(|name| !name.is_empty());
        keep(bank, &bytes, named.map(String::as_str));
    }
    Ok(())
}

fn keep(bank: &Bank, bytes: &[u8], named: Option<&str>) {
    let folder = bank.options.data.join("attachments");
    if std::fs::create_dir_all(&folder).is_err() {
        return;
    }
    let own = crypto::digest::sha256_hex(bytes);
    let name = named.filter(|_| !bank.conduct.keeps(SoapDuty::AttachmentNameSafe)).unwrap_or(&own);
    let _ = crate::store::write_private(&folder.join(name), bytes);
}
