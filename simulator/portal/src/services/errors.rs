//! `GET /api/v1/errors`: the one registry of errors, for everybody (API-6).

use contract::error;
use contract::shape::ERROR_LIST;

use crate::faults::Answer;

/// Every code with status, reason and advice, in Russian and English.
#[utoipa::path(
    get, path = "/api/v1/errors", tag = "errors",
    responses((status = 200, description = "The registry", body = ref("#/components/schemas/ErrorList"))),
)]
pub(super) async fn list() -> Answer {
    Answer::json(200, serde_json::to_value(error::all()).unwrap_or_default())
        .shaped(&ERROR_LIST, "urn:stend:errors:1.0")
}
