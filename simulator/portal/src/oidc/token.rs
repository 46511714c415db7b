//! `/oidc/token`: code with PKCE, refresh token, or the client's own word.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bytes::Bytes;
use domain::{Protocol, Refusal, Reply};
use http::{HeaderMap, header};

use super::KNOWN;
use super::authenticate::authenticate;
use crate::diagnosis::causes;
use crate::edge::caller::Caller;
use crate::faults::{Answer, Grant};
use crate::oauth::answer::{Wanted, tokens};
use crate::oauth::params::Params;
use crate::oauth::request::OIDC;
use crate::oauth::{client, grant, refuse};
use crate::portal::Sandbox;

pub(super) async fn token(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    let mut kind = Grant::Code;
    let mut answer = match exchange(&sandbox, &caller, &headers, query.as_deref(), &body, &mut kind).await {
        Ok(answer) => answer,
        Err(refusal) => refuse::oidc_token(&sandbox, &caller, &refusal).await,
    };
    sandbox.faults().token_answer(&caller, caller.tags().citizen, kind, &mut answer);
    answer
}

async fn exchange(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    query: Option<&str>,
    body: &[u8],
    kind: &mut Grant,
) -> Result<Answer, Refusal> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let params = Params::read(query, media, body).map_err(|why| OIDC.unreadable(&why))?;
    OIDC.form(&params, KNOWN)?;
    *kind = match OIDC.mandatory(&params, "grant_type")? {
        "authorization_code" => Grant::Code,
        "refresh_token" => Grant::Refresh,
        "client_credentials" => Grant::Client,
        other => {
            let wanted = "authorization_code, refresh_token or client_credentials";
            return Err(causes::GRANT_TYPE_UNSUPPORTED.refuse("oidc-grant-type-unsupported", other, wanted));
        }
    };
    let proof = authenticate(sandbox, caller, headers, &params, "/oidc/token").await?;
    let certificate = client::shown(caller);
    let refresh = grant::next_refresh(sandbox, caller, params.text("refresh_token").unwrap_or_default());
    let command = match kind {
        Grant::Code => {
            OIDC.mandatory(&params, "redirect_uri")?;
            let text = OIDC.mandatory(&params, "code")?;
            let code = grant::read_code(sandbox, caller, text, "oidc-grant-invalid").await?;
            grant::redeem(&params, proof, code, &refresh, certificate)
        }
        Grant::Refresh => {
            OIDC.mandatory(&params, "refresh_token")?;
            let scopes = params.text("scope").map(|text| OIDC.names(text)).transpose()?;
            grant::renew(&params, proof, scopes, &refresh, certificate)
        }
        Grant::Client => {
            if params.text("scope").is_none() {
                return Err(causes::SCOPE_MISSING.refuse(OIDC.scope_missing, "", "prm_chg?oid=… or consents"));
            }
            grant::own_word(&OIDC, &params, proof, certificate)?
        }
    };
    let reply = sandbox.execute(caller, command).await.map_err(|refusal| grant::explained(&params, refusal))?;
    let Reply::Tokens(granted) = reply else {
        return Err(Refusal::new("ESIA-007007", "internal"));
    };
    grant::tag(caller, &granted);
    let wanted = Wanted { protocol: Protocol::Oidc, state: None, refresh: &refresh };
    tokens(sandbox, caller, &granted, &wanted).await
}
