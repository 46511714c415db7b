//! `/rs/…`: the person's and the organisation's data, as far as the token's scopes open them.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use domain::{Bearer, Command, Refusal, Reply};
use http::HeaderMap;
use serde_json::Value;

use super::view::{self, Unseen, View};
use crate::diagnosis::causes;
use crate::edge::caller::Caller;
use crate::faults::{Answer, Place};
use crate::oauth::params::Params;
use crate::oauth::refuse;
use crate::portal::Sandbox;
use crate::tokens;

pub(super) async fn person(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    Path(oid): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    read(&sandbox, &caller, &headers, &oid, "", query.as_deref()).await
}

pub(super) async fn part(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    Path((oid, path)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer {
    read(&sandbox, &caller, &headers, &oid, &path, query.as_deref()).await
}

async fn read(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    oid: &str,
    path: &str,
    query: Option<&str>,
) -> Answer {
    let place = if path.is_empty() { Place::Person } else { Place::Part };
    let mut answer = match shown(sandbox, caller, headers, oid, path, query).await {
        Ok(value) => Answer::json(200, value).with("cache-control", "no-store"),
        Err(refusal) => refuse::esia_rest(sandbox, caller, &refusal).await,
    };
    sandbox.faults().person(caller, caller.tags().citizen, place, &mut answer);
    answer
}

async fn shown(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    oid: &str,
    path: &str,
    query: Option<&str>,
) -> Result<Value, Refusal> {
    let bearer = tokens::bearer(sandbox, caller, headers, query).await?;
    let citizen: i64 = oid.parse().map_err(|_| unknown(oid))?;
    let params = Params::read(query, None, b"").unwrap_or_default();
    let embed = params.text("embed").or_else(|| params.came("embed").then_some(""));
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let command = Command::ReadPerson { bearer, citizen: Some(citizen), groups: view::groups(&segments, embed) };
    let Reply::Person { citizen, scopes, .. } = sandbox.execute(caller, command).await? else {
        return Err(Refusal::new("ESIA-007007", "internal"));
    };
    let scopes: Vec<String> = scopes.into_iter().collect();
    let view = View { citizen: &citizen, scopes: &scopes, origin: &caller.origin() };
    view.at(&segments, embed).map_err(|unseen| match unseen {
        Unseen::Unknown => unknown(&format!("{oid}/{path}")),
        Unseen::OutOfScope(wanted) => {
            causes::SCOPE_NOT_GRANTED.refuse("ESIA-005029", scopes.join(" "), format!("any of {}", wanted.join(" ")))
        }
    })
}

fn unknown(what: &str) -> Refusal {
    Refusal::new("ESIA-005404", "resource-unknown")
        .check("address")
        .seen(what)
        .wanted("an address that the portal gave")
}

pub(super) async fn organisation(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    Path(oid): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let read = async {
        let bearer: Bearer = tokens::bearer(&sandbox, &caller, &headers, query.as_deref()).await?;
        let organisation: i64 = oid.parse().map_err(|_| unknown(&oid))?;
        match sandbox.execute(&caller, Command::ReadOrganisation { bearer, organisation }).await? {
            Reply::Organisation { organisation, .. } => Ok(view::organisation(&organisation)),
            _ => Err(Refusal::new("ESIA-007007", "internal")),
        }
    };
    let read: Result<Value, Refusal> = read.await;
    let mut answer = match read {
        Ok(value) => Answer::json(200, value).with("cache-control", "no-store"),
        Err(refusal) => refuse::esia_rest(&sandbox, &caller, &refusal).await,
    };
    sandbox.faults().person(&caller, caller.tags().citizen, Place::Part, &mut answer);
    answer
}
