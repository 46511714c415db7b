//! Plain OpenID Connect beside ESIA: discovery, keys, code flow with PKCE (S256 only), pushed requests, private_key_jwt
//! and tls_client_auth, certificate-bound tokens, userinfo, introspection, revocation, end of session. A stock client
//! needs nothing but the issuer.

mod authenticate;
mod authorise;
mod end_session;
mod metadata;
mod token;
mod token_care;
mod userinfo;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::portal::Sandbox;

/// The addresses of plain OpenID Connect.
pub fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata::discovery))
        .route("/.well-known/oauth-authorization-server", get(metadata::discovery))
        .route("/.well-known/jwks.json", get(metadata::keys))
        .route("/oidc/authorize", get(authorise::get).post(authorise::post))
        .route("/oidc/par", post(authorise::push))
        .route("/oidc/token", post(token::token))
        .route("/oidc/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .route("/oidc/introspect", post(token_care::introspect))
        .route("/oidc/revoke", post(token_care::revoke))
        .route("/oidc/end-session", get(end_session::ask).post(end_session::answer))
}

/// The parameters each of which may come once.
const KNOWN: &[&str] = &[
    "client_id",
    "redirect_uri",
    "scope",
    "response_type",
    "response_mode",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "prompt",
    "max_age",
    "acr_values",
    "login_hint",
    "permissions",
    "person_filter",
    "request",
    "request_uri",
    "grant_type",
    "code",
    "refresh_token",
    "client_assertion",
    "client_assertion_type",
    "client_secret",
    "token",
    "token_type_hint",
    "consent",
];
