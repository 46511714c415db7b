//! Discovery (RFC 8414, OpenID Connect Discovery) and the key set.

use std::sync::Arc;

use axum::extract::State;
use contract::control::TokenAlg;
use contract::scope;
use crypto::jws::Alg;
use serde_json::json;

use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::mint::{ACR_PASSWORD, ACR_TWO_FACTORS};
use crate::portal::Sandbox;

/// Where the endpoints are: the bound origin, whatever the issuer is called.
fn base(sandbox: &Sandbox, caller: &Caller) -> String {
    match sandbox.origin() {
        "" => caller.origin(),
        origin => origin.to_owned(),
    }
}

pub(super) async fn discovery(State(sandbox): State<Arc<Sandbox>>, caller: Caller) -> Answer {
    let base = base(&sandbox, &caller);
    let at = |path: &str| format!("{base}{path}");
    let algorithms = [Alg::Rs256, Alg::Ps256, Alg::Es256, Alg::Gost256, Alg::Gost512].map(Alg::as_str);
    let token_algs = TokenAlg::ALL.map(TokenAlg::as_str);
    let ways = ["private_key_jwt", "tls_client_auth"];
    let scopes: Vec<&str> = scope::SCOPES.iter().map(|known| known.name).collect();
    let document = json!({
        "issuer": sandbox.oidc_issuer(),
        "authorization_endpoint": at("/oidc/authorize"),
        "token_endpoint": at("/oidc/token"),
        "userinfo_endpoint": at("/oidc/userinfo"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "pushed_authorization_request_endpoint": at("/oidc/par"),
        "require_pushed_authorization_requests": false,
        "introspection_endpoint": at("/oidc/introspect"),
        "revocation_endpoint": at("/oidc/revoke"),
        "end_session_endpoint": at("/oidc/end-session"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": token_algs,
        "token_endpoint_auth_methods_supported": ways,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": ways,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": ways,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "tls_client_certificate_bound_access_tokens": true,
        "authorization_response_iss_parameter_supported": true,
        "acr_values_supported": [ACR_PASSWORD, ACR_TWO_FACTORS],
        "prompt_values_supported": ["none", "login", "consent"],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "scopes_supported": scopes,
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "trusted",
            "family_name", "given_name", "middle_name", "name", "birthdate", "gender",
            "phone_number", "phone_number_verified", "email", "email_verified", "snils", "inn",
        ],
        "ui_locales_supported": ["ru"],
    });
    Answer::json(200, document).with("cache-control", "public, max-age=60")
}

pub(super) async fn keys(State(sandbox): State<Arc<Sandbox>>, caller: Caller) -> Answer {
    let mut answer = match sandbox.keys().jwks(&sandbox.token_algs()).await {
        Ok(set) => Answer::json(200, set).with("cache-control", "no-cache"),
        Err(error) => {
            tracing::error!(%error, "the key set could not be made");
            Answer::json(503, json!({"error": "temporarily_unavailable"}))
        }
    };
    sandbox.faults().keys(&caller, &mut answer);
    answer
}
