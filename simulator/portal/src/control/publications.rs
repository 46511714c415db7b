//! What the portal publishes about itself: the end of a version, editions of reference data.

use axum::extract::Path;
use bytes::Bytes;
use contract::control::ApiVersions;
use domain::Command;
use serde_json::json;

use super::{Named, Problem, json as answer, read_json};
use crate::edge::caller::Caller;
use crate::faults::Answer;

pub(super) async fn versions(Named(sandbox): Named) -> Answer {
    answer(200, &ApiVersions { v1: sandbox.api_v1() })
}

/// Announces, changes or withdraws the end of the first version.
pub(super) async fn announce(Named(sandbox): Named, body: Bytes) -> Result<Answer, Problem> {
    let ApiVersions { v1 } = read_json(&body)?;
    let command = Command::AnnounceVersions { v1 };
    sandbox.execute(&Caller::nobody(), command).await.map_err(|refusal| Problem::refused(&refusal))?;
    Ok(answer(200, &ApiVersions { v1: sandbox.api_v1() }))
}

/// A new edition of a reference list: its `ETag` changes, so that a stale copy shows.
pub(super) async fn revise(Named(sandbox): Named, Path(name): Path<String>) -> Result<Answer, Problem> {
    let command = Command::ReviseReference { name: name.clone() };
    sandbox.execute(&Caller::nobody(), command).await.map_err(|refusal| Problem::refused(&refusal))?;
    let edition = sandbox.read(|world| world.publications.edition(&name));
    Ok(Answer::json(200, json!({"name": name, "edition": edition.number, "revised_at": edition.at})))
}
