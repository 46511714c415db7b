//! Applications that citizens begin at the portal (APP-1, APP-2): taken over with the form exactly as it was confirmed
//! there, attachments by their digests, decided, and told of at every step in the bank's own words.

use contract::adapter::{ReasonClass, Report};
use contract::matter::MatterKind;
use serde_json::{Map, Value, json};

use super::access::Access;
use super::certificates::ended;
use super::matters;
use crate::bank::done;
use crate::conduct::{MatterCheck, MatterDuty, ServiceShown};
use crate::http::Request;
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};

const KIND: MatterKind = MatterKind::Application;

pub(crate) async fn process(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let id = matters::text(access, "application")?;
    let decision = matters::text(access, "decision")?;
    let reason = matters::text(access, "reason")?;
    let mut application = matters::read(access, KIND, &id).await?;
    if matches!(application["state"].as_str(), Some("registered" | "overdue")) {
        application = matters::step(access, KIND, &id, "take", &[]).await?;
        tell(access, &id, "in_review", "Банк рассматривает ваше заявление.").await?;
    }
    attachments(access, &application).await?;
    let (step, more, told) = match decision.as_str() {
        "ask" => ("ask", vec![("text", Value::from(reason.as_str()))], "Банку нужны уточнения."),
        "approve" => {
            let more = vec![("decision", Value::from("approve")), ("reason", Value::from(reason.as_str()))];
            ("decide", more, "Банк одобрил ваше заявление.")
        }
        "decline" => {
            let more = vec![("decision", Value::from("decline")), ("reason", Value::from(reason.as_str()))];
            ("decide", more, "Банк отказал по вашему заявлению.")
        }
        other => {
            return Err(refuse(ReasonClass::Format, "DECISION", format!("{other:?} is none of approve, ask, decline")));
        }
    };
    if access.late.is_none() || step == "ask" {
        tell(access, &id, &decision, told).await?;
        application = matters::step(access, KIND, &id, step, &more).await?;
    }
    access.bank.audit.note(access.bank.clock.now(), &access.flow.id, "application.decided", None);
    ended(access)?;
    Ok(done(values(access, application)))
}

pub(crate) async fn status(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let id = matters::text(access, "application")?;
    if access.flow.params.get("from").and_then(Value::as_str) == Some("book") {
        let known = access.bank.matter(&id);
        let known =
            known.ok_or_else(|| refuse(ReasonClass::State, "MATTER-UNKNOWN", "the bank knows no such matter"))?;
        let application = json!({"id": known.id, "state": known.state, "changed_at": known.at});
        let values = [("application".to_owned(), application), ("history".to_owned(), Value::from(known.history))];
        return Ok(done(Map::from_iter(values)));
    }
    let application = matters::read(access, KIND, &id).await?;
    ended(access)?;
    Ok(done(values(access, application)))
}

fn values(access: &Access<'_>, application: Value) -> Map<String, Value> {
    let mut application = application;
    let conduct = access.bank.conduct;
    if !(conduct.keeps(MatterDuty::PrefillKept) && conduct.keeps(ServiceShown::Prefill)) {
        let name = application["details"]["form"]["last_name"].as_str().unwrap_or_default().to_uppercase();
        application["details"]["form"]["last_name"] = Value::from(name);
    }
    let history = application["history"].clone();
    Map::from_iter([("application".to_owned(), application), ("history".to_owned(), history)])
}

/// The bank's own state and words, for the citizen's page at the portal.
async fn tell(access: &mut Access<'_>, id: &str, state: &str, text: &str) -> Result<(), Refusal> {
    if !access.bank.conduct.keeps(MatterDuty::OwnStatusTold) {
        return Ok(());
    }
    let more = [("text", Value::from(text)), ("state_text", Value::from(state))];
    matters::step(access, KIND, id, "status", &more).await.map(|_| ())
}

/// What the citizen attached, each of the digest and size that the application names.
async fn attachments(access: &mut Access<'_>, application: &Value) -> Result<(), Refusal> {
    let bank = access.bank;
    for told in application["details"]["documents"].as_array().cloned().unwrap_or_default() {
        let Some(id) = told["id"].as_str().map(str::to_owned) else { continue };
        access.afresh();
        let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let at = matters::with_person(access, bank.at(&format!("/api/v1/attachments/{encoded}")));
        let media = told["media_type"].as_str().unwrap_or("application/octet-stream").to_owned();
        let answer = access.call(|| Request::get(at.clone()).accepting("*/*")).await?;
        let bytes = access.bytes(&answer, &media)?;
        let digest = crypto::digest::sha256_hex(&bytes);
        let same = told["sha256"].as_str().is_some_and(|told| told.eq_ignore_ascii_case(&digest))
            && told["size"].as_u64() == Some(bytes.len() as u64);
        if !same {
            let refusal = refuse(ReasonClass::Binding, "ATTACHMENT", "an attachment is not the one that was confirmed")
                .saying("Вложение повреждено или подменено. Заявление не рассмотрено.");
            weigh(bank, MatterCheck::AttachmentDigest, refusal, &mut access.late)?;
        }
        access.keep(&format!("attachment/{id}"), &json!({"sha256": digest, "size": bytes.len()}));
    }
    Ok(())
}
