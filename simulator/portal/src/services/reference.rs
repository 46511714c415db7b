//! `GET /api/v1/reference/{name}`: codes and what they mean, for everybody, to be kept for a while (RFC 9111). A new
//! edition has another `ETag`; a cache that does not ask again shows the old one.

use std::sync::Arc;

use axum::extract::{Path, State};
use contract::reference::{self, MAX_AGE, ReferenceList};
use contract::shape::Shaped;
use domain::Refusal;
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use super::negotiate::{self, Accept};
use crate::edge::caller::Caller;
use crate::faults::answer::Form;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;
use crate::refuse;

/// The namespace of reference data.
const NAMESPACE: &str = "urn:stend:reference:1.0";

/// A reference list: kbk, oktmo, bik, purposes, scopes, errors, document-kinds, duties, regions.
#[utoipa::path(
    get, path = "/api/v1/reference/{name}", tag = "reference",
    params(
        ("name" = String, Path, description = "Name of the list"),
        ("If-None-Match" = Option<String>, Header, description = "Editions that the caller has: their `ETag`"),
    ),
    responses(
        (status = 200, description = "The list; keep it for `max-age`, then ask with `If-None-Match`", body = ref("#/components/schemas/ReferenceList")),
        (status = 304, description = "The caller has this edition"),
    ),
)]
pub(super) async fn show(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let served = async {
        match list(&sandbox, &name) {
            Ok((list, at)) => answered(&caller, &headers, &list, &at),
            Err(refusal) => refuse::problem(&sandbox, &caller, &refusal).await,
        }
    };
    sandbox.faults().api(&caller, None, Operation::ReferenceRead, served).await
}

fn list(sandbox: &Sandbox, name: &str) -> Result<(ReferenceList, String), Refusal> {
    let meta = reference::find(name).ok_or_else(|| {
        let seen: String = name.chars().take(80).collect();
        Refusal::new("not-found", "reference-unknown")
            .check("reference list")
            .seen(seen)
            .wanted("a list of /openapi.json")
    })?;
    let edition = sandbox.read(|world| world.publications.edition(meta.name));
    let list = ReferenceList {
        name: meta.name.to_owned(),
        title: meta.ru.to_owned(),
        edition: edition.number,
        revised_on: edition.at.day(),
        items: reference::items(meta.name),
    };
    Ok((list, edition.at.to_http()))
}

fn answered(caller: &Caller, headers: &HeaderMap, list: &ReferenceList, modified: &str) -> Answer {
    // Text, numbers and lists always become JSON.
    let value = serde_json::to_value(list).unwrap_or_default();
    let form = Form { shape: ReferenceList::SHAPE, namespace: NAMESPACE };
    let (media, text) = negotiate::written(form, &value, caller.version, &Accept::of(headers));
    let tag = format!("\"{}\"", &hex::encode(Sha256::digest(text.as_bytes()))[..32]);
    let answer = if known(headers, &tag) { Answer::empty(304) } else { Answer::text(200, media, text) };
    answer.with("etag", tag).with("last-modified", modified).with("cache-control", format!("public, max-age={MAX_AGE}"))
}

/// Whether the caller says that it has this representation (RFC 9110 §13.1.2: by weak comparison).
fn known(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
