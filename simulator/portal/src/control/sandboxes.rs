//! Sandboxes: open, look at, reset, copy, close.

use std::sync::Arc;

use axum::extract::{Path, State};
use bytes::Bytes;
use contract::control::{SandboxAsk, SandboxOpened};
use serde::Deserialize;
use serde_json::json;

use super::{Desk, Problem, json as answer, read_json};
use crate::faults::Answer;
use crate::portal::Sandbox;

fn opened(desk: &Desk, sandbox: &Arc<Sandbox>) -> SandboxOpened {
    SandboxOpened {
        id: sandbox.id().to_owned(),
        portal: sandbox.origin().to_owned(),
        foreign: sandbox.foreign_origin().to_owned(),
        oidc_issuer: sandbox.oidc_issuer().to_owned(),
        esia_issuer: sandbox.esia_issuer().to_owned(),
        ca: desk.portal.pki.ca_pem(),
        limits: *sandbox.limits(),
    }
}

pub(super) async fn list(State(desk): State<Desk>) -> Answer {
    let all: Vec<SandboxOpened> = desk.portal.all().iter().map(|sandbox| opened(&desk, sandbox)).collect();
    answer(200, &json!({ "sandboxes": all }))
}

pub(super) async fn create(State(desk): State<Desk>, body: Bytes) -> Result<Answer, Problem> {
    let ask: SandboxAsk = read_json(&body)?;
    let sandbox = desk.portal.create(&ask).await?;
    Ok(answer(201, &opened(&desk, &sandbox)))
}

pub(super) async fn show(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Answer, Problem> {
    let sandbox = desk.find(&id)?;
    Ok(answer(200, &opened(&desk, &sandbox)))
}

pub(super) async fn remove(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Answer, Problem> {
    desk.find(&id)?;
    desk.portal.delete(&id).await?;
    Ok(Answer::empty(204))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ResetAsk {
    /// A snapshot's name; absent: the beginning.
    snapshot: Option<String>,
}

pub(super) async fn reset(State(desk): State<Desk>, Path(id): Path<String>, body: Bytes) -> Result<Answer, Problem> {
    let sandbox = desk.find(&id)?;
    let ask: ResetAsk = read_json(&body)?;
    desk.portal.reset(&sandbox, ask.snapshot.as_deref()).await?;
    Ok(answer(200, &opened(&desk, &sandbox)))
}

pub(super) async fn snapshot(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Answer, Problem> {
    let sandbox = desk.find(&id)?;
    Ok(Answer::json(201, json!({"snapshot": desk.portal.snapshot(&sandbox).await})))
}

pub(super) async fn fork(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Answer, Problem> {
    let sandbox = desk.find(&id)?;
    let forked = desk.portal.fork(&sandbox).await?;
    Ok(answer(201, &opened(&desk, &forked)))
}
