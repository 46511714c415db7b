//! Bodies that open matters: read once, files measured, signatures verified. What is proved goes to the core as a proof
//! type, what is not as the cause, so that the core refuses in its own order.

use contract::ids::Oid;
use contract::matter::{
    IntakeBody, IntakeFile, MatterKind, OrderBody, OrderDetails, PayoutBody, PayoutDetails, TaxReturnBody,
    TaxReturnDetails, TicketBody, TicketDetails, TransferBody, TransferDetails,
};
use crypto::cms::Container;
use crypto::{Certificate, base64};
use domain::{Ask, OfferedFile, Opening, Refusal, SignatureProof, Signed};
use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::call::{Call, invalid};
use super::namespace;

/// Longest signature, decoded.
const SIGNATURE_MAX: usize = 64 * 1024;

pub(super) async fn opening(
    call: &Call<'_>,
    kind: MatterKind,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<(Ask, Opening), Refusal> {
    let space = namespace(kind);
    let about = |person: Oid, purpose: &str| call.about(person, purpose);
    Ok(match kind {
        MatterKind::Intake => {
            let body: IntakeBody = call.read(headers, bytes, space)?;
            let ask = about(body.person, &body.purpose)?;
            let mut files = Vec::with_capacity(body.documents.len());
            for file in &body.documents {
                files.push(offered(call, file).await?);
            }
            (ask, Opening::Intake { programme: body.programme, files })
        }
        MatterKind::Order => {
            let body: OrderBody = call.read(headers, bytes, space)?;
            let ask = about(body.person, &body.purpose)?;
            let unattended = body.unattended.unwrap_or_default();
            (
                ask,
                Opening::Order(OrderDetails { kind: body.kind, reason: body.reason, number: body.number, unattended }),
            )
        }
        MatterKind::Payout => {
            let body: PayoutBody = call.read(headers, bytes, space)?;
            let ask = about(body.person, &body.purpose)?;
            (ask, Opening::Payout(PayoutDetails { amount: body.amount, card_token: body.card_token }))
        }
        MatterKind::TaxReturn => {
            let body: TaxReturnBody = call.read(headers, bytes, space)?;
            let ask = about(body.person, &body.purpose)?;
            let (details, signed) = tax_return(call, &body);
            (ask, Opening::TaxReturn { details, signed })
        }
        MatterKind::Ticket => {
            let body: TicketBody = call.read(headers, bytes, space)?;
            let ask = about(body.person, &body.purpose)?;
            let details = TicketDetails {
                topic: body.topic,
                text: body.text,
                operation: body.operation,
                queue: None,
                answer: None,
            };
            (ask, Opening::Ticket(details))
        }
        MatterKind::Transfer => {
            let body: TransferBody = call.read(headers, bytes, space)?;
            let ask = about(body.person, &body.purpose)?;
            let details = TransferDetails {
                kind: body.kind,
                programme: body.programme,
                amount: body.amount,
                from: body.from,
                to: body.to,
            };
            (ask, Opening::Transfer(details))
        }
        MatterKind::Application | MatterKind::Payment => {
            return Err(Refusal::new("method-not-allowed", "method-not-allowed").check("method"));
        }
    })
}

/// A tax return with what became of its signature, which covers the canonical JSON of the body without it.
pub(super) fn tax_return(call: &Call<'_>, body: &TaxReturnBody) -> (TaxReturnDetails, Signed) {
    let mut value = serde_json::to_value(body).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.remove("signature");
    }
    let signed = verify(call, &body.signature, canonical(&value).as_bytes());
    let details = TaxReturnDetails {
        year: body.year,
        form_version: body.form_version.clone(),
        income_total: body.income_total,
        tax: body.tax,
        deductions: body.deductions.clone(),
        signed_by: String::new(),
    };
    (details, signed)
}

/// Members by name, no blanks.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            let inner: Vec<String> = names
                .into_iter()
                .map(|name| format!("{}:{}", Value::from(name.as_str()), canonical(&members[name])))
                .collect();
            format!("{{{}}}", inner.join(","))
        }
        Value::Array(items) => {
            let inner: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", inner.join(","))
        }
        plain => plain.to_string(),
    }
}

async fn offered(call: &Call<'_>, file: &IntakeFile) -> Result<OfferedFile, Refusal> {
    let whole = |size, sha256, reference, signed| OfferedFile {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size,
        sha256,
        reference,
        signed,
    };
    match (&file.content, &file.reference) {
        (Some(content), None) => {
            let bytes = base64::decode_standard_strict(content)
                .map_err(|_| invalid("content", "not base64", "the bytes in base64"))?;
            let signed = verify(call, &file.signature, &bytes);
            Ok(whole(bytes.len() as u64, hex::encode(Sha256::digest(&bytes)), None, signed))
        }
        (None, Some(reference)) => {
            // One at a time, so that hundreds of megabytes never stand in memory at once.
            let held = call.sandbox.attachments().whole(&reference.uuid).await;
            let signed = match held {
                Some(held) => verify(call, &file.signature, &held.bytes),
                None => Err("attachment-gone".to_owned()),
            };
            Ok(whole(reference.size, reference.sha256.to_lowercase(), Some(reference.uuid.clone()), signed))
        }
        _ => Err(invalid("documents", "both or neither of content and reference", "one of them")),
    }
}

/// A detached signature by a registered certificate of the token's client.
fn verify(call: &Call<'_>, signature: &str, content: &[u8]) -> Signed {
    let no = |cause: &str| Err(cause.to_owned());
    let compact: String = signature.chars().filter(|sign| !sign.is_whitespace()).collect();
    let Ok(der) = base64::decode_standard_strict(&compact) else { return no("signature-not-base64") };
    if der.len() > SIGNATURE_MAX {
        return no("signature-not-cms");
    }
    let registered = call.sandbox.read(|world| {
        let client_id = world.tokens.find(&call.bearer.token).map(|token| token.client_id.clone())?;
        world.partners.find(&client_id).map(|partner| partner.certificates.clone())
    });
    let known: Vec<Certificate> = registered
        .unwrap_or_default()
        .iter()
        .filter_map(|held| Certificate::from_der(&base64::decode_standard_strict(&held.der).ok()?).ok())
        .collect();
    let Ok(container) = Container::read(&der) else { return no("signature-not-cms") };
    let Ok(verified) = container.verify(content, &known) else { return no("signature-mismatch") };
    if !known.contains(&verified.signer) {
        return no("signature-certificate-foreign");
    }
    if !verified.signer.is_valid_at(call.sandbox.now().seconds()) {
        return no("signature-certificate-expired");
    }
    Ok(SignatureProof::verified(verified.signer.sha256_hex()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_signed_form_of_a_body_does_not_depend_on_order_or_blanks() {
        let one = json!({"year": 2025, "deductions": [{"code": "218", "amount": 1}], "income_total": 5});
        let text = canonical(&one);
        assert_eq!(text, r#"{"deductions":[{"amount":1,"code":"218"}],"income_total":5,"year":2025}"#);
        assert_eq!(canonical(&serde_json::from_str(&format!(" {one:#} ")).unwrap()), text);
    }
}
