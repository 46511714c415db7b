//! SMEV 3 at the portal: `/smev/{1.1|1.2|1.3}`, a SOAP 1.1 service with signed messages and queues.
//!
//! A call goes through [`envelope`] (SOAP and the rules of hostile XML), [`read`] (elements in their places), [`caller`]
//! (whose signature covers exactly the element used), and [`calls`]. What a request asks is answered by [`provide`]
//! through the types in [`business`]; the answer waits in the queue of the core. Answers are values ([`write`]) until
//! they are signed ([`sign`]); lies are told on the way out, in [`crate::faults`].

pub(crate) mod ask;
mod business;
mod caller;
pub(crate) mod calls;
mod envelope;
pub(crate) mod fault;
mod files;
mod multipart;
mod provide;
mod read;
pub(crate) mod sign;
pub(crate) mod write;
mod wsdl;
pub(crate) mod xml;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use contract::smev::Version;
use http::HeaderMap;

pub(crate) use envelope::ENVELOPE_MAX;

use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::portal::Sandbox;

/// What the exchange keeps beside the world: certificates and files.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) certificates: sign::Certificates,
    pub(crate) files: files::Files,
}

/// The service, its descriptions and its store.
pub fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/smev/{version}", post(serve).get(wsdl::show))
        .route("/smev/files/{uuid}", get(files::get).put(files::put))
        .layer(axum::extract::DefaultBodyLimit::disable())
}

/// What an answer of one of the own types says of these facts.
#[cfg(test)]
pub(crate) fn told(name: &str, facts: &serde_json::Value) -> Option<String> {
    business::own_types().iter().find(|own| own.name() == name).map(|own| own.written(facts))
}

/// XML as an answer.
pub(crate) fn xml_answer(status: u16, text: String) -> Answer {
    Answer::text(status, "text/xml; charset=utf-8", text)
}

async fn serve(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(version): Path<String>,
    RawQuery(_): RawQuery,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let Some(version) = Version::named(&version) else { return Answer::empty(404).into_response() };
    let served = calls::Served { sandbox: &sandbox, caller: &caller, version };
    let outcome = match envelope::read(version, &headers, &bytes, sandbox.is_strict()) {
        Ok(envelope) => served.answer(&envelope).await,
        Err(refusal) => Err(refusal.into()),
    };
    match outcome {
        Ok(answer) => answer.with("cache-control", "no-store").into_response(),
        Err(fault) => fault::answer(&sandbox, &caller, version, &fault).await.into_response(),
    }
}

#[cfg(test)]
mod tests;
