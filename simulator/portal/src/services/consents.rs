//! `GET /api/v1/consents/{id}` and `POST /api/v1/consents/{id}/revoke` (CNS-4, CNS-5).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use contract::consent::ConsentRecord;
use contract::shape::Shaped;
use domain::{Command, Refusal, Reply};
use http::HeaderMap;

use super::call::{Call, serve, unexpected};
use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;

/// The record of a consent that this client holds.
#[utoipa::path(
    get, path = "/api/v1/consents/{id}", tag = "consents",
    params(("id" = String, Path, description = "From `consent` of the token answer")),
    responses(
        (status = 200, description = "The record", body = ref("#/components/schemas/ConsentRecord")),
        (status = "4XX", description = "Refused", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    ),
    security(("data_token" = []), ("access_token" = []), ("partner_token" = [])),
)]
pub(super) async fn show(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    tag_person(&sandbox, &caller, &id);
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::ConsentRead, |call| async move {
        let command = Command::ReadConsent { bearer: call.bearer.clone(), consent: id };
        told(&call, command).await
    })
    .await
}

/// The bank gives up a consent. A second call about the same end is no error.
#[utoipa::path(
    post, path = "/api/v1/consents/{id}/revoke", tag = "consents",
    params(("id" = String, Path, description = "From `consent` of the token answer")),
    responses(
        (status = 200, description = "Revoked", body = ref("#/components/schemas/ConsentRecord")),
        (status = 409, description = "It does not stand any more", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    ),
    security(("data_token" = []), ("access_token" = []), ("partner_token" = [])),
)]
pub(super) async fn revoke(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    tag_person(&sandbox, &caller, &id);
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::ConsentRevoke, |call| async move {
        let command = Command::RevokeConsentByBank { bearer: call.bearer.clone(), consent: id };
        told(&call, command).await
    })
    .await
}

async fn told(call: &Call<'_>, command: Command) -> Result<Answer, Refusal> {
    let Reply::Consent(consent) = call.sandbox.execute(call.caller, command).await? else { return Err(unexpected()) };
    let record = consent.record(call.sandbox.now());
    let value = serde_json::to_value(record).unwrap_or_default();
    Ok(Answer::json(200, value).shaped(ConsentRecord::SHAPE, "urn:stend:consents:1.0"))
}

/// A partner token names no person: the consent does.
fn tag_person(sandbox: &Sandbox, caller: &Caller, id: &str) {
    if let Some(person) = sandbox.read(|world| world.consents.find(id).map(|consent| consent.person)) {
        caller.tag_citizen(person);
    }
}
