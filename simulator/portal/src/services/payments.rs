//! `POST /api/v1/debts/{uin}/payments` and the state of payments (DEB-2). The idempotency key goes to the core as a
//! digest: whoever reads the journal cannot repeat an order with it.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use contract::registries::debts::{Payment, PaymentOrder};
use contract::shape::Shaped;
use domain::{Command, PayDebt, PaymentRef, Refusal, Reply};
use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::call::{Call, invalid, serve, unexpected};
use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;

/// Of the XML of this matter.
const NAMESPACE: &str = "urn:stend:payments:1.0";
/// Lengths of an idempotency key. The shortest that is not plainly guessable; banks are judged more strictly elsewhere.
const KEY_LENGTH: std::ops::RangeInclusive<usize> = 8..=255;

/// Pays a debt, once: a repeat under the same key gets the same answer.
#[utoipa::path(
    post, path = "/api/v1/debts/{uin}/payments", tag = "payments",
    params(
        ("uin" = String, Path, description = "Number of the charge"),
        ("Idempotency-Key" = String, Header, description = "Names this operation; a repeat bears the same key and body"),
    ),
    request_body(content = ref("#/components/schemas/PaymentOrder"), content_type = "application/json"),
    responses(
        (status = 201, description = "Accepted", body = ref("#/components/schemas/Payment")),
        (status = 200, description = "The same order came before: its answer", body = ref("#/components/schemas/Payment")),
        (status = 409, description = "Paid already", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
        (status = 422, description = "The amount is wrong, or the key had another body", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    ),
    security(("data_token" = [])),
)]
pub(super) async fn pay(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(uin): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::DebtPay, |call| {
        let headers = &headers;
        async move {
            let key = idempotency_key(headers)?;
            let order: PaymentOrder = call.read(headers, &bytes, NAMESPACE)?;
            let ask = call.about(order.person, &order.purpose)?;
            let address = format!("person={}&purpose={}", ask.person, ask.purpose);
            let command = PayDebt { ask, uin, key, amount: order.amount, method: order.method, source: order.source };
            let reply = call.sandbox.execute(call.caller, Command::PayDebt(Box::new(command))).await?;
            let Reply::Payment { payment, repeated } = reply else { return Err(unexpected()) };
            let status = if repeated { 200 } else { 201 };
            let location = format!("/api/v1/payments/{}?{address}", payment.id);
            Ok(Answer::json(status, serde_json::to_value(&*payment).unwrap_or_default())
                .shaped(Payment::SHAPE, NAMESPACE)
                .with("location", location))
        }
    })
    .await
}

/// The state of a payment.
#[utoipa::path(
    get, path = "/api/v1/payments/{id}", tag = "payments",
    params(
        ("id" = String, Path, description = "The portal's id of the payment"),
        ("person" = i32, Query, description = "Number of the person (OID)"),
        ("purpose" = String, Query, description = "A purpose of the consent"),
    ),
    responses(
        (status = 200, description = "The payment", body = ref("#/components/schemas/Payment")),
        (status = "4XX", description = "Refused", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    ),
    security(("data_token" = [])),
)]
pub(super) async fn show(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::PaymentRead, |call| async move {
        state(&call, PaymentRef::Id(id)).await
    })
    .await
}

/// The state of a payment of unknown fate, by its idempotency key.
#[utoipa::path(
    get, path = "/api/v1/payments", tag = "payments",
    params(
        ("key" = String, Query, description = "The idempotency key of the order"),
        ("person" = i32, Query, description = "Number of the person (OID)"),
        ("purpose" = String, Query, description = "A purpose of the consent"),
    ),
    responses(
        (status = 200, description = "The payment", body = ref("#/components/schemas/Payment")),
        (status = 404, description = "No order came under this key", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    ),
    security(("data_token" = [])),
)]
pub(super) async fn find(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::PaymentRead, |call| async move {
        let key = digest(call.required("key")?)?;
        state(&call, PaymentRef::Key(key)).await
    })
    .await
}

async fn state(call: &Call<'_>, payment: PaymentRef) -> Result<Answer, Refusal> {
    let ask = call.ask()?;
    let reply = call.sandbox.execute(call.caller, Command::ReadPayment { ask, payment }).await?;
    let Reply::Payment { payment, .. } = reply else { return Err(unexpected()) };
    Ok(Answer::json(200, serde_json::to_value(&*payment).unwrap_or_default()).shaped(Payment::SHAPE, NAMESPACE))
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let mut lines = headers.get_all("idempotency-key").iter();
    let Some(line) = lines.next() else {
        return Err(Refusal::new("idempotency-key-missing", "idempotency-key-missing")
            .check("Idempotency-Key")
            .seen("absent")
            .wanted("a fresh random value for each operation"));
    };
    if lines.next().is_some() {
        return Err(invalid("Idempotency-Key", "given twice", "one value"));
    }
    digest(line.to_str().unwrap_or_default())
}

/// The draft standard writes the key as a quoted string; most clients do without quotes. Both name the same key.
fn digest(key: &str) -> Result<String, Refusal> {
    let bare = key.trim();
    let bare = bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(bare);
    if !KEY_LENGTH.contains(&bare.len()) || !bare.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::new("idempotency-key-invalid", "idempotency-key-invalid")
            .check("Idempotency-Key")
            .seen(format!("{} bytes", bare.len()))
            .wanted("8 to 255 visible ASCII characters"));
    }
    Ok(hex::encode(Sha256::digest(bare.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_means_the_same_with_and_without_quotes() {
        let plain = digest("6f1d2c1e-8f0a-4c35-9d55-0c8b9d4d7a11").unwrap();
        assert_eq!(digest("\"6f1d2c1e-8f0a-4c35-9d55-0c8b9d4d7a11\"").unwrap(), plain);
        assert_ne!(digest("6f1d2c1e-8f0a-4c35-9d55-0c8b9d4d7a12").unwrap(), plain);
        assert_eq!(digest("short").unwrap_err().code, "idempotency-key-invalid");
        assert_eq!(digest("with a blank").unwrap_err().code, "idempotency-key-invalid");
    }
}
