//! `/aas/oauth2/te`, `/v2/te`, `/v3/te`: code, refresh token or the client's own word for tokens. Parameters are taken
//! from body or query alike.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bytes::Bytes;
use domain::{ClientProof, Command, Refusal, Reply};
use http::{HeaderMap, header};

use super::{KNOWN, protocol};
use crate::diagnosis::secret::{Proved, Signed, prove};
use crate::diagnosis::{causes, timestamp};
use crate::edge::caller::Caller;
use crate::faults::{Answer, Grant};
use crate::oauth::answer::{Wanted, tokens};
use crate::oauth::client::{self, Client};
use crate::oauth::grant::{self, Code};
use crate::oauth::params::Params;
use crate::oauth::refuse;
use crate::oauth::request::ESIA;
use crate::oauth::signed::{Ask, Version};
use crate::portal::Sandbox;

macro_rules! versions {
    ($($name:ident: $version:expr),*) => {$(
        pub(super) async fn $name(
            State(sandbox): State<Arc<Sandbox>>,
            caller: Caller,
            headers: HeaderMap,
            RawQuery(query): RawQuery,
            body: Bytes,
        ) -> Answer {
            token(&sandbox, &caller, &headers, query.as_deref(), &body, $version).await
        }
    )*};
}
versions!(v1: Version::V1, v2: Version::V2, v3: Version::V3);

async fn token(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    query: Option<&str>,
    body: &[u8],
    version: Version,
) -> Answer {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let params = match Params::read(query, media, body) {
        Ok(params) => params,
        Err(why) => return refuse::esia_token(sandbox, caller, &ESIA.unreadable(&why), None).await,
    };
    let mut notes = Vec::new();
    let kind = grant_kind(&params);
    let mut answer = match exchange(sandbox, caller, &params, version, &mut notes).await {
        Ok(answer) => answer,
        Err(refusal) => refuse::esia_token(sandbox, caller, &refusal, params.text("state")).await,
    };
    if let Some(value) = refuse::tolerated_header(sandbox, &notes).filter(|_| answer.is_success()) {
        answer = answer.with(contract::control::DIAGNOSIS_HEADER, value);
    }
    sandbox.faults().token_answer(caller, caller.tags().citizen, kind, &mut answer);
    answer
}

fn grant_kind(params: &Params) -> Grant {
    match params.text("grant_type") {
        Some("refresh_token") => Grant::Refresh,
        Some("client_credentials") => Grant::Client,
        _ => Grant::Code,
    }
}

async fn exchange(
    sandbox: &Sandbox,
    caller: &Caller,
    params: &Params,
    version: Version,
    notes: &mut Vec<&'static crate::diagnosis::Cause>,
) -> Result<Answer, Refusal> {
    ESIA.form(params, KNOWN)?;
    let client_id = ESIA.mandatory(params, "client_id")?;
    let client = client::find(sandbox, client_id, "ESIA-007005")?;
    caller.tag_partner(client_id);
    let ask = match ESIA.mandatory(params, "grant_type")? {
        "authorization_code" => Ask::Code,
        "refresh_token" => Ask::Refresh,
        "client_credentials" => Ask::Client,
        other => {
            let wanted = "authorization_code, refresh_token or client_credentials";
            return Err(causes::GRANT_TYPE_UNSUPPORTED.refuse("ESIA-007012", other, wanted));
        }
    };
    let given = present(sandbox, params, ask)?;
    let code = match given {
        Some(text) if ask == Ask::Code => Some(grant::read_code(sandbox, caller, text, "ESIA-007011").await?),
        _ => None,
    };
    let earlier_state = code.as_ref().and_then(|code| code.state.as_deref());
    let Proved { proof, notes: told } = proved(sandbox, params, &client, version, ask, earlier_state)?;
    notes.extend(told);
    let refresh = grant::next_refresh(sandbox, caller, params.text("refresh_token").unwrap_or_default());
    let command = command(caller, params, ask, proof, code, &refresh)?;
    let reply = sandbox.execute(caller, command).await.map_err(|refusal| grant::explained(params, refusal))?;
    let Reply::Tokens(granted) = reply else {
        return Err(Refusal::new("ESIA-007007", "internal"));
    };
    grant::tag(caller, &granted);
    let wanted = Wanted { protocol: protocol(version), state: params.text("state"), refresh: &refresh };
    tokens(sandbox, caller, &granted, &wanted).await
}

/// What every request must hold; answers the code or refresh token.
fn present<'a>(sandbox: &Sandbox, params: &'a Params, ask: Ask) -> Result<Option<&'a str>, Refusal> {
    if params.text("scope").is_none() {
        return Err(causes::SCOPE_MISSING.refuse("ESIA-007013", "", "the scopes of the authorisation request"));
    }
    ESIA.mandatory(params, "state")?;
    // A known client leaves it out at a refresh.
    match params.text("token_type") {
        Some(kind) if !kind.eq_ignore_ascii_case("bearer") => {
            return Err(causes::PARAMETER_VALUE.refuse(ESIA.malformed, kind, "[token_type] Bearer"));
        }
        None if sandbox.is_strict() && ask != Ask::Refresh => {
            ESIA.mandatory(params, "token_type")?;
        }
        Some(_) | None => {}
    }
    match ask {
        Ask::Code => {
            ESIA.mandatory(params, "redirect_uri")?;
            ESIA.mandatory(params, "code").map(Some)
        }
        Ask::Refresh => ESIA.mandatory(params, "refresh_token").map(Some),
        Ask::Authorise | Ask::Client => Ok(None),
    }
}

fn proved(
    sandbox: &Sandbox,
    params: &Params,
    client: &Client,
    version: Version,
    ask: Ask,
    earlier_state: Option<&str>,
) -> Result<Proved, Refusal> {
    let now = sandbox.now();
    timestamp::check(params, now, sandbox.limits().timestamp_window)?;
    prove(&Signed {
        version,
        ask,
        params,
        client_id: &client.partner.client_id,
        own: &client.own,
        others: &client.others,
        addresses: &client.partner.redirect_uris,
        earlier_state,
        trust: &client.trust,
        now,
        strict: sandbox.is_strict(),
        key_types: &sandbox.settings().key_types,
    })
}

fn command(
    caller: &Caller,
    params: &Params,
    ask: Ask,
    proof: ClientProof,
    code: Option<Code>,
    refresh: &str,
) -> Result<Command, Refusal> {
    let certificate = client::shown(caller);
    match (ask, code) {
        (Ask::Code, Some(code)) => Ok(grant::redeem(params, proof, code, refresh, certificate)),
        (Ask::Refresh, _) => {
            let scopes = ESIA.names(params.text("scope").unwrap_or_default())?;
            Ok(grant::renew(params, proof, Some(scopes), refresh, certificate))
        }
        _ => grant::own_word(&ESIA, params, proof, certificate),
    }
}
