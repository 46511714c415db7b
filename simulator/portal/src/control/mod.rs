//! The control API: sandboxes, people, faults, clock, journal, acts of a citizen. It listens on an address of its own,
//! behind a bearer token that stands in a file which only its owner may read. The header `Stend-Sandbox` names the
//! sandbox. Nothing here is part of the portal that banks see.

mod act;
mod banking;
mod citizens;
mod document;
mod form;
mod har;
mod journal;
mod matters;
mod publications;
mod sandboxes;
mod world;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use contract::control::{DEFAULT_SANDBOX, SANDBOX_HEADER};
use contract::error;
use domain::Refusal;
use http::header;
use http::request::Parts;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use crate::faults::Answer;
use crate::hub::Portal;
use crate::portal::{OpenError, Sandbox};

/// What the control listener works on.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) portal: Arc<Portal>,
    token: Arc<str>,
}

/// The control API, behind its token.
pub(crate) fn router(portal: Arc<Portal>, token: &str) -> Router {
    let desk = Desk { portal, token: token.into() };
    Router::new()
        .route("/sandboxes", get(sandboxes::list).post(sandboxes::create))
        .route("/sandboxes/{id}", get(sandboxes::show).delete(sandboxes::remove))
        .route("/sandboxes/{id}/reset", post(sandboxes::reset))
        .route("/sandboxes/{id}/snapshot", post(sandboxes::snapshot))
        .route("/sandboxes/{id}/fork", post(sandboxes::fork))
        .route("/partners", get(world::partners).post(world::register))
        .route("/partners/{client_id}/certificates", post(world::add_certificate))
        .route("/citizens", get(citizens::list).post(citizens::create))
        .route("/citizens/{slug}", get(citizens::show).patch(citizens::change))
        .route("/citizens/{slug}/messages", get(citizens::messages))
        .route("/citizens/{slug}/consents", get(citizens::consents))
        .route("/citizens/{slug}/unlock", post(citizens::unlock))
        .route("/citizens/{slug}/applications", post(matters::apply))
        .route("/citizens/{slug}/matters", get(matters::list))
        .route("/citizens/{slug}/matters/{id}", get(matters::show))
        .route("/citizens/{slug}/matters/{id}/{step}", post(matters::act))
        .route("/citizens/{slug}/banking", post(banking::ask))
        .route("/citizens/{slug}/opt-out", post(matters::opt_out))
        .route("/citizens/{slug}/opt-in", post(matters::opt_in))
        .route("/citizens/{slug}/analytics", get(matters::analytics))
        .route("/citizens/{slug}/offers", get(matters::offers))
        .route("/matters/{id}/{step}", post(matters::force))
        .route("/citizen/act", post(act::act))
        .route("/citizen/consents/{id}/revoke", post(citizens::revoke))
        .route("/stories", get(citizens::stories))
        .route("/faults", get(world::faults).post(world::arm))
        .route("/faults/{id}", delete(world::disarm))
        .route("/clock", get(world::clock).put(world::set_clock))
        .route("/clock/advance", post(world::advance))
        .route("/api-versions", get(publications::versions).put(publications::announce))
        .route("/reference/{name}", put(publications::revise))
        .route("/keys/rotate", post(world::rotate))
        .route("/hooks", get(world::hooks))
        .route("/hooks/flush", post(world::flush))
        .route("/journal", get(journal::read))
        .route("/smev", get(world::smev_switches))
        .route("/smev/ask", post(world::smev_ask))
        .route("/journal/verify", get(journal::verify))
        .route("/journal/{n}/beside", delete(journal::erase))
        .route("/journal.har", get(har::archive))
        .route("/exchanges", get(journal::exchanges))
        .route("/records", get(journal::records))
        .fallback(|| async { Problem::of("not-found", "no such control call: see /openapi.json") })
        .route_layer(middleware::from_fn_with_state(desk.clone(), with_token))
        .route("/openapi.json", get(document::openapi))
        .route("/health", get(|| async { Answer::json(200, serde_json::json!({"status": "ok"})) }))
        .with_state(desk)
}

async fn with_token(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given =
        given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let right = given.is_some_and(|(_, token)| token.trim().as_bytes().ct_eq(desk.token.as_bytes()).into());
    if right {
        next.run(request).await
    } else {
        Problem::of("control-unauthorised", "send Authorization: Bearer and the content of the token file")
            .into_response()
    }
}

/// A problem document of the control API.
#[derive(Debug)]
pub(crate) struct Problem(Answer);

impl Problem {
    pub(crate) fn of(code: &str, detail: impl Into<String>) -> Self {
        let row = error::row(code);
        // A problem document is plain data: it always becomes JSON.
        Self(Answer::problem(row.status, serde_json::to_value(row.problem(detail)).unwrap_or_default()))
    }

    /// What the core said no to.
    fn refused(refusal: &Refusal) -> Self {
        let words = [&refusal.cause, &refusal.seen, &refusal.wanted, &refusal.mend];
        let words: Vec<&str> = words.into_iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        Self::of(&refusal.code, words.join("; "))
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::Partner { .. } => Self::of("partner-invalid", error.to_string()),
            OpenError::Unknown(_) => Self::of("sandbox-unknown", error.to_string()),
            OpenError::Keys(_) | OpenError::Listen { .. } | OpenError::Store(_) => {
                Self::of("internal", error.to_string())
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// The sandbox that the header names.
pub(crate) struct Named(pub(crate) Arc<Sandbox>);

impl FromRequestParts<Desk> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Problem> {
        let id = parts.headers.get(SANDBOX_HEADER).and_then(|value| value.to_str().ok()).unwrap_or(DEFAULT_SANDBOX);
        desk.find(id).map(Self)
    }
}

impl Desk {
    fn find(&self, id: &str) -> Result<Arc<Sandbox>, Problem> {
        self.portal.find(id).ok_or_else(|| {
            let known: Vec<String> = self.portal.all().iter().map(|sandbox| sandbox.id().to_owned()).collect();
            Problem::of("sandbox-unknown", format!("no sandbox {id:?}; there are {}", known.join(", ")))
        })
    }
}

/// The body as JSON; an empty one counts as `{}` where everything has a default.
fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Problem::of("body-invalid", error.to_string()))
}

/// Plain data as a JSON answer.
fn json(status: u16, value: &impl serde::Serialize) -> Answer {
    Answer::text(status, "application/json", serde_json::to_string(value).unwrap_or_default())
}
