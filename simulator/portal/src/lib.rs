//! The portal's edge: it listens, proves who calls, asks the domain, signs what it decided and records every exchange.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contract::control::TokenAlg;
use http::header;
use serde_json::json;

pub mod clock;
pub mod config;
mod control;
pub mod diagnosis;
pub mod documents;
pub mod edge;
pub mod entropy;
pub mod esia;
pub mod events;
pub mod faults;
pub mod hub;
pub mod journal;
pub mod keys;
pub mod oauth;
pub mod oidc;
mod outbox;
pub mod pages;
mod people;
pub mod portal;
pub mod refuse;
pub mod secrets;
pub mod serve;
pub mod services;
pub mod smev;
#[cfg(test)]
mod stand;
pub mod tokens;

use edge::caller::Caller;
use faults::Answer;
use portal::Sandbox;

/// Everything that a sandbox serves.
pub fn router(sandbox: Arc<Sandbox>) -> Router {
    Router::new()
        .merge(services::router(&sandbox))
        .merge(esia::routes())
        .merge(oidc::routes())
        .merge(pages::routes())
        .merge(smev::routes())
        .merge(events::routes())
        .route("/health", get(|| async { Answer::json(200, json!({"status": "ok"})) }))
        .route("/metrics", get(metrics))
        .route("/pki/ca.pem", get(authority))
        .route("/pki/ca-gost.pem", get(gost_authority))
        .route("/pki/encryption.pem", get(|State(sandbox): State<Arc<Sandbox>>| lock(sandbox, TokenAlg::RS256)))
        .route("/pki/encryption-ec.pem", get(|State(sandbox): State<Arc<Sandbox>>| lock(sandbox, TokenAlg::ES256)))
        .route(
            "/pki/encryption-gost.pem",
            get(|State(sandbox): State<Arc<Sandbox>>| lock(sandbox, TokenAlg::GOST3410_2012_256)),
        )
        .route("/pki/crl.pem", get(revoked))
        .route("/pki/crl-gost.pem", get(gost_revoked))
        .fallback(unknown)
        .with_state(sandbox)
}

/// The stranger's host: it has nothing, and keeps a record of who came. Its one document is the key set that the lie
/// `id-token-jku` points to, so that a bank that fetches it goes all the way.
pub(crate) fn foreign_router(sandbox: Arc<Sandbox>) -> Router {
    Router::new()
        .route(faults::signature::FOREIGN_KEYS, get(foreign_keys))
        .fallback(|| async { Answer::json(404, json!({"error": "not_found"})) })
        .with_state(sandbox)
}

async fn foreign_keys(State(sandbox): State<Arc<Sandbox>>) -> Answer {
    let mut keys = Vec::new();
    for alg in sandbox.token_algs() {
        keys.extend(sandbox.keys().stranger(keys::Stranger::Foreign, alg).await.map(|key| key.jwk()));
    }
    Answer::json(200, json!({ "keys": keys }))
}

async fn unknown(State(sandbox): State<Arc<Sandbox>>, caller: Caller) -> Answer {
    let refusal = domain::Refusal::new("not-found", "path-unknown").check("path").mend("see /openapi.json and /docs");
    refuse::problem(&sandbox, &caller, &refusal).await
}

/// The authority of this run: what a client must trust.
async fn authority(State(sandbox): State<Arc<Sandbox>>) -> Response {
    pem("application/x-pem-file", sandbox.pki().ca_pem())
}

/// The root under which certificates of GOST are issued. Nothing of TLS hangs under it.
async fn gost_authority(State(sandbox): State<Arc<Sandbox>>) -> Response {
    let roots = sandbox.pki().roots();
    let root = roots.iter().find(|root| root.public_key().is_ok_and(|key| key.family().is_gost()));
    root.map_or_else(|| Answer::empty(404).into_response(), |root| pem("application/x-pem-file", root.pem()))
}

/// The certificate for which one encrypts what is meant for the portal (SEC-11): RSA, ECDSA P-256 or GOST.
async fn lock(sandbox: Arc<Sandbox>, alg: TokenAlg) -> Response {
    match services::encryption::lock(&sandbox, alg).await {
        Ok(certificate) => pem("application/x-pem-file", certificate.pem()),
        Err(refusal) => {
            tracing::error!(seen = refusal.seen, "no certificate for encryption");
            Answer::empty(503).into_response()
        }
    }
}

/// Revoked certificates of GOST.
async fn gost_revoked(State(sandbox): State<Arc<Sandbox>>) -> Response {
    match sandbox.pki().crls(sandbox.now()) {
        Ok(mut lists) => {
            // In the order of the roots: where there is but one, it is of GOST itself or there is none of GOST.
            let of_gost =
                sandbox.pki().roots().iter().position(|root| root.public_key().is_ok_and(|key| key.family().is_gost()));
            match of_gost {
                Some(at) if at < lists.len() => pem("application/x-pem-file", lists.swap_remove(at).pem),
                _ => Answer::empty(404).into_response(),
            }
        }
        Err(error) => {
            tracing::error!(%error, "no revocation list");
            Answer::empty(503).into_response()
        }
    }
}

/// Revoked certificates of the authority. The certificate that the lie `cert-revoked` shows is on it from the first
/// time anybody asks: clients read the list once.
async fn revoked(State(sandbox): State<Arc<Sandbox>>) -> Response {
    edge::tls::prepare_revoked(&sandbox);
    match sandbox.pki().crl(sandbox.now()) {
        Ok(list) => pem("application/x-pem-file", list.pem),
        Err(error) => {
            tracing::error!(%error, "no revocation list");
            Answer::empty(503).into_response()
        }
    }
}

fn pem(content_type: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// A few numbers in the text form of Prometheus.
async fn metrics(State(sandbox): State<Arc<Sandbox>>) -> Response {
    let (people, partners) = sandbox.read(|world| (world.citizens.all().count(), world.partners.all().count()));
    let mut text = String::new();
    for (name, help, value) in [
        ("stend_exchanges_total", "Exchanges begun", sandbox.recorder().last_id()),
        ("stend_journal_entries_total", "Durable journal entries", sandbox.book().last()),
        ("stend_faults_armed", "Lies armed", sandbox.armed().list().len() as u64),
        ("stend_citizens", "Citizens in the world", people as u64),
        ("stend_partners", "Partners registered", partners as u64),
    ] {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
    }
    pem("text/plain; version=0.0.4; charset=utf-8", text)
}
