//! Statements ordered at the portal (CRT-1, CRT-2): ordered, confirmed by the customer's one-time code or, without an
//! operator, under a standing consent; followed; downloaded, and believed only when digest, signature and the code behind
//! the QR agree.

use contract::adapter::{ReasonClass, Report};
use contract::matter::MatterKind;
use crypto::Certificate;
use crypto::chain::{self, Check, Usage};
use crypto::cms::Container;
use http::header::ACCEPT;
use serde_json::{Map, Value, json};

use super::access::Access;
use super::{matters, services};
use crate::bank::{Bank, done};
use crate::conduct::{HooksDuty, MatterCheck, MatterDuty, ServiceShown};
use crate::http::Request;
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};

pub(crate) async fn order(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let mut body = services::body(access);
    body["type"] = Value::from(matters::text(access, "type")?);
    body["reason"] = Value::from(matters::text(access, "reason")?);
    for name in ["number", "unattended"] {
        if let Some(value) = access.flow.params.get(name).filter(|value| !value.is_null()) {
            body[name] = value.clone();
        }
    }
    let order = match services::Channel::of(access) {
        services::Channel::Soap => {
            let answer = crate::smev::ask::order(access, "orders", MatterKind::Order.answer(), &body).await?;
            matters::take(access, MatterKind::Order, answer)?
        }
        _ => matters::open(access, MatterKind::Order, body).await?,
    };
    ended(access)?;
    Ok(done(matters::values(MatterKind::Order, order)))
}

pub(crate) async fn status(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let id = matters::text(access, "order")?;
    let noticed = access.bank.matter(&id).map(|known| known.state);
    let mut order = matters::read(access, MatterKind::Order, &id).await?;
    if !access.bank.conduct.keeps(HooksDuty::NewestStays)
        && let Some(state) = noticed
    {
        order["state"] = Value::from(state);
    }
    if !access.bank.conduct.keeps(ServiceShown::OrderState) && order["state"] == "in_work" {
        order["state"] = Value::from("ready");
    }
    ended(access)?;
    Ok(done(matters::values(MatterKind::Order, order)))
}

/// `factor.confirm`: the customer's code goes to the portal once and is kept nowhere.
pub(crate) async fn confirm(access: &mut Access<'_>, kind: MatterKind) -> Result<Report, Refusal> {
    let bank = access.bank;
    let id = matters::text(access, "matter")?;
    let code = matters::text(access, "code")?;
    if !bank.conduct.keeps(MatterDuty::CodeUnkept) {
        bank.diary.note(bank.clock.now(), "code", &[("matter", &id), ("code", &code)]);
    }
    let more = [("code", Value::from(code))];
    let confirmed = matters::step(access, kind, &id, "confirm", &more).await;
    if !bank.conduct.keeps(MatterDuty::CodeOnce) {
        bank.store.erase(&format!("sent/{}/", access.flow.operation));
        let _ = matters::step(access, kind, &id, "confirm", &more).await;
    }
    // What was kept for a repeat holds the code; the fate is known now.
    bank.store.erase(&format!("sent/{}/", access.flow.operation));
    let confirmed = confirmed?;
    ended(access)?;
    Ok(done(matters::values(kind, confirmed)))
}

pub(crate) async fn download(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let id = matters::text(access, "order")?;
    let order = matters::read(access, MatterKind::Order, &id).await?;
    if !matches!(order["state"].as_str(), Some("ready" | "delivered")) {
        let why = format!("the order is {}", order["state"]);
        return Err(refuse(ReasonClass::State, "ORDER-NOT-READY", why).saying("Документ ещё не готов."));
    }
    let told = order["documents"].get(0).cloned().unwrap_or_default();
    let document = fetch(access, &told).await?;
    let verified = document.verified.clone();
    ended(access)?;
    let values = [("document".to_owned(), document.value("application/pdf")), ("verified".to_owned(), verified)];
    Ok(done(Map::from_iter(values)))
}

/// A document in hand.
pub(crate) struct Document {
    pub(crate) bytes: Vec<u8>,
    pub(crate) verified: Value,
}

impl Document {
    pub(crate) fn value(&self, media: &str) -> Value {
        in_hand(media, &self.bytes)
    }
}

/// A document as values show it.
pub(crate) fn in_hand(media: &str, bytes: &[u8]) -> Value {
    json!({
        "media_type": media,
        "sha256": crypto::digest::sha256_hex(bytes),
        "size": bytes.len(),
        "content": crypto::base64::encode_standard(bytes),
    })
}

/// Fetches a document of the portal and verifies it: digest, signature, code.
pub(crate) async fn fetch(access: &mut Access<'_>, told: &Value) -> Result<Document, Refusal> {
    let bank = access.bank;
    let id = told["id"].as_str().unwrap_or_default().to_owned();
    if id.is_empty() {
        return Err(refuse(ReasonClass::Format, "DOCUMENT-NONE", "the portal names no document"));
    }
    let part = |part: &str| {
        let mut address = bank.at("/api/v1/documents");
        if let Ok(mut path) = address.path_segments_mut() {
            path.push(&id).extend(Some(part).filter(|part| !part.is_empty()));
        }
        address
    };
    access.afresh();
    let at = matters::with_person(access, part(""));
    let answer = access.call(|| Request::get(at.clone()).with(ACCEPT, "application/pdf")).await?;
    let paper = access.bytes(&answer, "application/pdf")?.to_vec();
    let printed = answer.headers.clone();
    let digest = crypto::digest::sha256_hex(&paper);
    let same = told["sha256"].as_str().is_none_or(|told| told.eq_ignore_ascii_case(&digest))
        && told["size"].as_u64().is_none_or(|told| told == paper.len() as u64);
    if !same {
        let refusal =
            refuse(ReasonClass::Signature, "DOCUMENT-DIGEST", "the document is not the one that was announced");
        weigh(bank, MatterCheck::DocumentDigest, refusal, &mut access.late)?;
    }
    access.afresh();
    let at = matters::with_person(access, part("signature"));
    let answer = access.call(|| Request::get(at.clone()).with(ACCEPT, "application/pkcs7-signature")).await?;
    let signature = access.bytes(&answer, "application/pkcs7-signature")?.to_vec();
    crate::serve::refresh_lists(bank).await;
    let signed = signed_by_portal(bank, &paper, &signature);
    if let Err(why) = &signed {
        let check = if why.1 { MatterCheck::DocumentSigner } else { MatterCheck::DocumentSignature };
        let refusal = refuse(ReasonClass::Signature, "DOCUMENT-SIGNATURE", why.0.clone())
            .saying("Подпись документа не подтверждена. Документ не принят.");
        weigh(bank, check, refusal, &mut access.late)?;
    }
    let code = code_of(&printed, told, &paper);
    let checked = match &code {
        Some(code) => ask_about(bank, code, &digest).await?,
        None => Err("there is no code on the document".to_owned()),
    };
    if let Err(why) = &checked {
        let refusal = refuse(ReasonClass::Binding, "DOCUMENT-CODE", why.clone())
            .saying("Портал не подтвердил документ по его коду. Документ не принят.");
        weigh(bank, MatterCheck::Code, refusal, &mut access.late)?;
    }
    bank.audit.note(bank.clock.now(), &access.flow.id, "document.received", None);
    access.keep(&format!("document/{id}"), &json!({"sha256": digest}));
    Ok(Document { bytes: paper, verified: json!({"signature": signed.is_ok(), "qr": checked.is_ok()}) })
}

/// Whether this is a signature of the portal over these bytes; else why not, and whether the signer alone is wrong.
pub(crate) fn signed_by_portal(bank: &Bank, content: &[u8], signature: &[u8]) -> Result<(), (String, bool)> {
    let wrong = |error: &dyn std::fmt::Display| (error.to_string(), false);
    let container = Container::read(signature).map_err(|error| wrong(&error))?;
    if container.attached.is_some() {
        return Err(("the signature holds a content of its own".to_owned(), false));
    }
    let verified = container.verify(content, &[]).map_err(|error| wrong(&error))?;
    trusted(bank, &verified.signer, &container.certificates).map_err(|why| (why, true))
}

/// Whether a certificate is one of the portal's own: under its authority, in force, for signing, and not a partner's.
pub(crate) fn trusted(bank: &Bank, signer: &Certificate, between: &[Certificate]) -> Result<(), String> {
    let now = bank.clock.now().seconds();
    let roots = bank.guard.roots();
    let check = Check {
        leaf: signer,
        intermediates: between,
        roots: &roots,
        crls: &bank.guard.lists(),
        at: now,
        usage: Usage::Signing,
        host: None,
    };
    chain::verify(&check).map_err(|error| error.to_string())?;
    if *signer.der() == *bank.signer.certificate.der() {
        return Err("the signer is the bank itself".to_owned());
    }
    Ok(())
}

/// The code that the QR leads to, as the portal prints it beside the picture.
fn code_of(headers: &http::HeaderMap, told: &Value, paper: &[u8]) -> Option<String> {
    let named = told["code"].as_str().map(str::to_owned);
    let mark = b"documents/check?code=";
    let linked = headers.get_all("link").iter().filter_map(|value| value.to_str().ok()).find_map(|link| {
        let (_, rest) = link.split_once("documents/check?code=")?;
        Some(rest.split(['>', '"', ';', '&']).next()?.to_owned())
    });
    named.or(linked).or_else(|| {
        let at = paper.windows(mark.len()).position(|window| window == mark)? + mark.len();
        let code: String = paper[at..]
            .iter()
            .map(|byte| char::from(*byte))
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
            .collect();
        Some(code).filter(|code| !code.is_empty())
    })
}

/// Asks the portal about a code, as anybody may who holds the paper.
async fn ask_about(bank: &Bank, code: &str, digest: &str) -> Result<Result<(), String>, Refusal> {
    let mut address = bank.at("/api/v1/documents/check");
    address.query_pairs_mut().append_pair("code", code);
    let mut retry = crate::retry::Retry::new(bank, true);
    let answer = loop {
        match retry.next(bank.http.send(Request::get(address.clone())).await).await? {
            crate::retry::Next::Again => {}
            crate::retry::Next::Done(answer) => break answer,
        }
    };
    let value = answer.json().unwrap_or_default();
    Ok(match (value["valid"].as_bool(), value["sha256"].as_str()) {
        (Some(true), Some(told)) if told.eq_ignore_ascii_case(digest) => Ok(()),
        (Some(true), Some(_)) => Err("the code is that of another document".to_owned()),
        _ => Err("the portal does not know the code".to_owned()),
    })
}

/// What was found too late ends the flow after all.
pub(crate) fn ended(access: &mut Access<'_>) -> Result<(), Refusal> {
    access.late.take().map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_beside_the_picture() {
        let paper = b"%PDF /URI (https://localhost:8443/api/v1/documents/check?code=AB12-CD34) >>";
        assert_eq!(code_of(&http::HeaderMap::new(), &json!({}), paper).as_deref(), Some("AB12-CD34"));
        assert_eq!(code_of(&http::HeaderMap::new(), &json!({"code": "X"}), b"").as_deref(), Some("X"));
        assert_eq!(code_of(&http::HeaderMap::new(), &json!({}), b"%PDF"), None);
    }
}
