//! ESIA as real clients know it: authorisation and tokens in the signed versions 1, 2 and 3, logout, and the person and
//! organisation data over REST.

mod authorise;
mod logout;
mod rest;
mod token;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{StatusCode, header};

use crate::oauth::signed::Version;
use crate::portal::Sandbox;

pub use view::{Unseen, View};

/// ESIA's addresses. Trailing and double slashes are gone before they arrive here.
pub fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/aas/oauth2/ac", get(authorise::v1).post(authorise::v1))
        .route("/aas/oauth2/v2/ac", get(authorise::v2).post(authorise::v2))
        .route("/aas/oauth2/te", post(token::v1))
        .route("/aas/oauth2/v2/te", post(token::v2))
        .route("/aas/oauth2/v3/te", post(token::v3))
        .route("/idp/ext/Logout", get(logout::logout))
        .route("/public/esia.zip", get(certificates))
        .route("/rs/prns/{oid}", get(rest::person))
        .route("/rs/prns/{oid}/{*path}", get(rest::part))
        .route("/rs/orgs/{oid}", get(rest::organisation))
}

/// The certificates of the keys that sign tokens, for people to download.
async fn certificates(State(sandbox): State<Arc<Sandbox>>) -> Response {
    match sandbox.keys().archive().await {
        Ok(archive) => ([(header::CONTENT_TYPE, "application/zip")], archive).into_response(),
        Err(error) => {
            tracing::error!(%error, "the certificates of the token keys could not be made");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// The protocol as the core names it: the versions with a raw signature are one.
fn protocol(version: Version) -> domain::Protocol {
    match version {
        Version::V1 => domain::Protocol::EsiaV1,
        Version::V2 | Version::V3 => domain::Protocol::EsiaV3,
    }
}

/// The parameters of the signed interfaces, each of which may come once.
const KNOWN: &[&str] = &[
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "scope_org",
    "response_type",
    "state",
    "timestamp",
    "access_type",
    "client_certificate_hash",
    "permissions",
    "person_filter",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "obj_type",
    "roles",
    "grant_type",
    "token_type",
    "code",
    "refresh_token",
    "consent",
];
