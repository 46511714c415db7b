//! Introspection (RFC 7662) and revocation (RFC 7009): a client asks about its own tokens only.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bytes::Bytes;
use contract::time::Timestamp;
use crypto::digest;
use domain::{ClientProof, Command, Refusal, TokenKind, TokenRef};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::KNOWN;
use super::authenticate::authenticate;
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::params::Params;
use crate::oauth::refuse;
use crate::oauth::request::OIDC;
use crate::portal::Sandbox;
use crate::tokens;

/// The client and the token that it asks about.
async fn asked(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    query: Option<&str>,
    body: &[u8],
    endpoint: &str,
) -> Result<(ClientProof, TokenRef), Refusal> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let params = Params::read(query, media, body).map_err(|why| OIDC.unreadable(&why))?;
    OIDC.form(&params, KNOWN)?;
    let proof = authenticate(sandbox, caller, headers, &params, endpoint).await?;
    let text = OIDC.mandatory(&params, "token")?;
    let token = match tokens::verified(sandbox, text).await {
        Ok(id) => TokenRef::Id(id),
        Err(_) => TokenRef::Digest(digest::sha256_hex(text.as_bytes())),
    };
    Ok((proof, token))
}

pub(super) async fn introspect(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    match asked(&sandbox, &caller, &headers, query.as_deref(), &body, "/oidc/introspect").await {
        Ok((proof, token)) => refuse::uncached(Answer::json(200, seen(&sandbox, &proof, &token, sandbox.now()))),
        Err(refusal) => refuse::oidc_token(&sandbox, &caller, &refusal).await,
    }
}

fn seen(sandbox: &Sandbox, proof: &ClientProof, token: &TokenRef, now: Timestamp) -> Value {
    let inactive = json!({"active": false});
    let found = sandbox.read(|world| {
        let token = world.tokens.resolve(token)?;
        world.tokens.is_active(&token.id, now).then(|| token.clone())
    });
    let Some(token) = found.filter(|token| token.client_id == proof.client_id()) else { return inactive };
    let mut answer = json!({
        "active": true,
        "iss": sandbox.oidc_issuer(),
        "client_id": token.client_id,
        "scope": token.scopes.join(" "),
        "iat": token.issued_at.seconds(),
        "exp": token.expires_at.seconds(),
        "jti": token.id,
        "token_type": if token.kind == TokenKind::Refresh { "refresh_token" } else { "Bearer" },
    });
    if let Some(citizen) = token.citizen {
        answer["sub"] = json!(citizen.to_string());
    }
    if let Some(thumbprint) = &token.thumbprint {
        answer["cnf"] = json!({"x5t#S256": thumbprint});
    }
    answer
}

pub(super) async fn revoke(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    let revoked = async {
        let (proof, token) = asked(&sandbox, &caller, &headers, query.as_deref(), &body, "/oidc/revoke").await?;
        sandbox.execute(&caller, Command::RevokeToken { proof, token }).await
    };
    match revoked.await {
        Ok(_) => refuse::uncached(Answer::empty(200)),
        Err(refusal) => refuse::oidc_token(&sandbox, &caller, &refusal).await,
    }
}
