//! A refusal of the core as a problem document of `/api` (RFC 9457), journalled with its reason. The identity interfaces
//! have forms of their own in [`crate::oauth`].

use contract::error;
use domain::Refusal;

use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::refuse::{diagnosis_header, note};
use crate::portal::Sandbox;

/// Journals the refusal and answers it from its row of the error registry. What was seen and wanted goes to the journal
/// and, where diagnosis is on, into `Stend-Diagnosis`; the document itself says what the registry says.
pub async fn problem(sandbox: &Sandbox, caller: &Caller, refusal: &Refusal) -> Answer {
    note(sandbox, caller, refusal).await;
    let row = error::row(&refusal.code);
    // A problem document is plain data: it always becomes JSON.
    let body = serde_json::to_value(row.problem(row.reason.en.clone())).unwrap_or_default();
    let mut answer = Answer::problem(row.status, body).with("cache-control", "no-store");
    if row.status == 401 {
        answer = answer.with("www-authenticate", "Bearer error=\"invalid_token\"");
    }
    match diagnosis_header(sandbox, refusal) {
        Some(diagnosis) => answer.with(contract::control::DIAGNOSIS_HEADER, diagnosis),
        None => answer,
    }
}
