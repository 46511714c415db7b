//! Documents that the bank passes to the portal, each signed by its key (DOC-1, APP-3), and the tax return (TAX-1), whose
//! sums are the bank's own and whose signature covers the whole of it.

use contract::adapter::{ReasonClass, Report};
use contract::matter::MatterKind;
use crypto::cms;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::access::{Access, problem};
use super::certificates::ended;
use super::{matters, services};
use crate::bank::{Bank, done};
use crate::conduct::{MatterDuty, ServiceShown};
use crate::http::Request;
use crate::refusal::{Refusal, refuse};

/// What is sent inside the body; more goes by reference.
const INSIDE: usize = 5 * 1024 * 1024;

pub(crate) async fn pass(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let bank = access.bank;
    let programme = matters::text(access, "programme")?;
    let mut documents = Vec::new();
    for given in access.flow.params.get("documents").and_then(Value::as_array).cloned().unwrap_or_default() {
        let content = given["content"].as_str().unwrap_or_default();
        let decoded = crypto::base64::tolerant(content).map(|decoded| decoded.bytes);
        let mut bytes = decoded.map_err(|_| refuse(ReasonClass::Format, "DOCUMENT", "a content is not base64"))?;
        if !bank.conduct.keeps(MatterDuty::PassedUnchanged) {
            bytes.push(b'\n');
        }
        let signature = crypto::base64::encode_standard(&signed(bank, &bytes)?);
        let mut document = json!({"name": given["name"], "media_type": given["media_type"], "signature": signature});
        if bytes.len() > INSIDE {
            document["reference"] = put(access, &given, bytes).await?;
        } else {
            document["content"] = Value::from(crypto::base64::encode_standard(&bytes));
        }
        documents.push(document);
    }
    access.afresh();
    let mut body = services::body(access);
    body["programme"] = Value::from(programme);
    body["documents"] = Value::from(documents);
    let intake = matters::open(access, MatterKind::Intake, body).await?;
    ended(access)?;
    Ok(done(matters::values(MatterKind::Intake, intake)))
}

/// A big one is put beside and named by its digest.
async fn put(access: &mut Access<'_>, given: &Value, bytes: Vec<u8>) -> Result<Value, Refusal> {
    let bank = access.bank;
    let uuid = bank.draw.uuid();
    let reference = json!({"uuid": uuid, "size": bytes.len(), "sha256": crypto::digest::sha256_hex(&bytes)});
    let media = given["media_type"].as_str().unwrap_or("application/octet-stream").to_owned();
    access.afresh();
    let at = matters::with_person(access, bank.at(&format!("/api/v1/attachments/{uuid}")));
    let bytes = bytes::Bytes::from(bytes);
    let answer = access
        .call(|| Request::new(Method::PUT, at.clone()).with(CONTENT_TYPE, &media).carrying(bytes.clone()))
        .await?;
    if !(200..300).contains(&answer.status) {
        return Err(problem(bank, &answer));
    }
    Ok(reference)
}

/// A detached signature by the bank's key.
fn signed(bank: &Bank, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let hand = bank.signer.hand(bank.conduct);
    let options = cms::Options { signing_time: Some(bank.clock.now().seconds()), ..cms::Options::default() };
    cms::sign(bytes, hand.key, hand.inside, &options)
        .map_err(|error| refuse(ReasonClass::Other, "SIGNING", error.to_string()))
}

pub(crate) async fn file(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let service = services::of("tax.file").ok_or_else(|| refuse(ReasonClass::Other, "SERVICE", "no such service"))?;
    let asked = services::asked(access, service);
    let filled = services::read(access, service, &asked).await?;
    access.keep("tax", &filled);
    let sum = |list: &str| -> i64 {
        filled[list].as_array().into_iter().flatten().filter_map(|item| item["amount"].as_i64()).sum()
    };
    let (income, deducted) = (sum("sources"), sum("deductions"));
    if filled["income_total"].as_i64() != Some(income) {
        return Err(refuse(ReasonClass::Format, "TAX-TOTALS", "the sources do not add up to the income"));
    }
    let tax = tax_of(income, deducted);
    let income = if access.bank.conduct.keeps(ServiceShown::Tax) { income } else { income + 100 };
    let deductions: Vec<Value> = filled["deductions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| json!({"code": item["code"], "amount": item["amount"]}))
        .collect();
    access.afresh();
    let mut body = services::body(access);
    body["year"] = filled["year"].clone();
    body["form_version"] = filled["form_version"].clone();
    body["income_total"] = Value::from(income);
    body["tax"] = Value::from(tax);
    body["deductions"] = Value::from(deductions);
    // Members in the order of their names and no spaces: the same bytes for whoever verifies.
    let signature = signed(access.bank, body.to_string().as_bytes())?;
    body["signature"] = Value::from(crypto::base64::encode_standard(&signature));
    let filed = matters::open(access, MatterKind::TaxReturn, body).await?;
    ended(access)?;
    Ok(done(matters::values(MatterKind::TaxReturn, filed)))
}

/// Thirteen per cent of the income less deductions, in whole roubles, half a rouble up.
fn tax_of(income: i64, deducted: i64) -> i64 {
    let kopecks = (income - deducted).max(0).saturating_mul(13) / 100;
    (kopecks + 50) / 100 * 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tax_is_in_whole_roubles() {
        assert_eq!(tax_of(10_000_000, 0), 1_300_000);
        assert_eq!(tax_of(1_003, 0), 100);
        assert_eq!(tax_of(1_000, 2_000), 0);
    }
}
