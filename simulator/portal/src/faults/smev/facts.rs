//! Lies about facts, told before anything is signed: the signatures over them hold.

use std::sync::Arc;

use bytes::Bytes;
use contract::smev::Reason;
use contract::time::Span;
use crypto::base64;
use domain::{Payload, Reference, Rejection};

use super::super::Scene;
use crate::smev::write::Handout;

/// Changes what is handed out; false when there is nothing to lie about.
type Change = fn(&mut Handout, &Scene<'_>) -> bool;
/// Changes the text before it is signed.
type Draft = fn(&str, &Scene<'_>) -> Option<String>;

pub(super) const FACTS: &[(&str, Change)] = &[
    ("soap-ahead", |handout, _| moved(handout, Span::from_days(1))),
    ("soap-attachment-digest", |handout, scene| {
        stored(handout, scene, "report.txt", base64::encode_standard(&[0x5a; 32]))
    }),
    ("soap-attachment-path-name", |handout, scene| {
        let digest = base64::encode_standard(&crypto::gost::streebog256(FILE));
        stored(handout, scene, scene.lie.text("name").unwrap_or("../../../../tmp/stend-owned.txt"), digest)
    }),
    ("soap-business-refusal", |handout, _| {
        let description = "Сведения не найдены: повтор того же запроса ответа не изменит.".to_owned();
        let rejection = Rejection { reason: Reason::NoData, description };
        handout.message.payload = Some(Arc::new(Payload::Rejected(vec![rejection])));
        true
    }),
    ("soap-must-understand", |handout, _| {
        handout.head =
            "<x:Session xmlns:x=\"urn:stend:unknown-header\" soap:mustUnderstand=\"1\">1</x:Session>".to_owned();
        true
    }),
    ("soap-no-time", |handout, _| {
        (handout.metadata.sent_at, handout.metadata.delivered_at) = (None, None);
        true
    }),
    ("soap-other-recipient", |handout, _| {
        handout.metadata.recipient = Some(("OTHER-BANK".to_owned(), "Другой банк".to_owned()));
        let Ok(token) = base64::decode_standard_strict(&handout.reply_to) else { return true };
        let token = String::from_utf8_lossy(&token)
            .replace(&format!("\"mnm\":\"{}\"", handout.message.recipient), "\"mnm\":\"OTHER-BANK\"");
        handout.reply_to = base64::encode_standard(token.as_bytes());
        true
    }),
    ("soap-stale", |handout, _| moved(handout, Span::from_days(-3))),
    ("soap-unknown-relation", |handout, scene| {
        let Some(original) = handout.message.original.clone() else { return false };
        // An id of the same clock that nobody has sent.
        let node = scene.draw().hex(6);
        let other = format!("{}-{node}", original.rsplit_once('-').map_or("", |(head, _)| head));
        let token = base64::decode_standard_strict(&handout.reply_to).unwrap_or_default();
        let token = String::from_utf8_lossy(&token).replace(&original, &other);
        handout.reply_to = base64::encode_standard(token.as_bytes());
        handout.message.reference = Some(other.clone());
        handout.message.original = Some(other);
        true
    }),
];

pub(super) const DRAFTS: &[(&str, Draft)] = &[
    ("soap-attachment-missing", |text, _| {
        let list = "<b:AttachmentContentList>";
        if let Some(from) = text.find(list) {
            let to = text.find("</b:AttachmentContentList>")? + "</b:AttachmentContentList>".len();
            return Some([&text[..from], &text[to..]].concat());
        }
        let at = text.find("</b:MessagePrimaryContent>")? + "</b:MessagePrimaryContent>".len();
        let header = "<b:AttachmentHeaderList><b:AttachmentHeader><b:contentId>absent-1</b:contentId>\
                      <b:MimeType>application/pdf</b:MimeType></b:AttachmentHeader></b:AttachmentHeaderList>";
        Some([&text[..at], header, &text[at..]].concat())
    }),
    ("soap-schema-unknown", |text, _| {
        business(text, |namespace| {
            let at = namespace.rfind(['/', ':']).unwrap_or(0);
            format!("{}9.9", &namespace[..=at])
        })
    }),
    ("xml-element-repeated", |text, _| {
        let from = text.find("<m:MessageID>")?;
        let to = text.find("</m:MessageID>")? + "</m:MessageID>".len();
        let second = text[from..to].replacen("<m:MessageID>", "<m:MessageID>0", 1);
        Some([&text[..to], &second, &text[to..]].concat())
    }),
    ("xml-wrong-namespace", |text, _| business(text, |namespace| format!("{namespace}:lookalike"))),
];

const FILE: &[u8] = b"stend: a file of the store\n";

fn moved(handout: &mut Handout, by: Span) -> bool {
    let metadata = &mut handout.metadata;
    metadata.sent_at = metadata.sent_at.map(|at| at + by);
    metadata.delivered_at = metadata.delivered_at.map(|at| at + by);
    true
}

/// Hangs a file of the store on the message.
fn stored(handout: &mut Handout, scene: &Scene<'_>, name: &str, hash: String) -> bool {
    let Some(Payload::Content(content)) = handout.message.payload.as_deref() else { return false };
    let mut content = content.clone();
    let uuid = scene.draw().uuid();
    let pass = (scene.draw().hex(8), scene.draw().hex(16));
    let files = &scene.sandbox.smev().files;
    if files.keep(&uuid, Bytes::from_static(FILE)).is_err() {
        return false;
    }
    files.admit(&uuid, &pass.0, &pass.1);
    handout.passes.push(pass);
    let name = Some(name.to_owned());
    content.references.push(Reference { uuid, hash, media_type: "text/plain".to_owned(), name, pkcs7: None });
    handout.message.payload = Some(Arc::new(Payload::Content(content)));
    true
}

/// Another namespace for the business root.
fn business(text: &str, change: impl Fn(&str) -> String) -> Option<String> {
    let begin = text.find("<b:MessagePrimaryContent>")? + "<b:MessagePrimaryContent>".len();
    let end = text.find("</b:MessagePrimaryContent>")?;
    let inside = &text[begin..end];
    let tag = &inside[..inside.find('>')?];
    let at = tag.find("=\"")? + 2;
    let namespace = &tag[at..at + tag[at..].find('"')?];
    let changed = inside.replace(&format!("\"{namespace}\""), &format!("\"{}\"", change(namespace)));
    Some([&text[..begin], &changed, &text[end..]].concat())
}
