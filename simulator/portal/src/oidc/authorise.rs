//! `/oidc/authorize` by GET and POST, and pushed requests at `/oidc/par` (RFC 9126). PKCE with S256 is demanded.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bytes::Bytes;
use contract::time::Span;
use domain::{AuthorisationRequest, Command, Partner, Protocol, Refusal, Reply};
use http::{HeaderMap, header};
use serde_json::json;

use super::KNOWN;
use super::authenticate::authenticate;
use crate::diagnosis::causes;
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::flow::{Back, SESSION_COOKIE, back_with, cookie, respond};
use crate::oauth::mint::ACR_TWO_FACTORS;
use crate::oauth::params::Params;
use crate::oauth::request::OIDC;
use crate::oauth::{client, refuse};
use crate::pages;
use crate::portal::Sandbox;

pub(super) async fn get(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    match Params::read(query.as_deref(), None, b"") {
        Ok(params) => authorise(&sandbox, &caller, &headers, &params).await,
        Err(why) => pages::error(&sandbox, &caller, &OIDC.unreadable(&why)).await,
    }
}

pub(super) async fn post(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    match Params::read(query.as_deref(), media(&headers), &body) {
        Ok(params) => authorise(&sandbox, &caller, &headers, &params).await,
        Err(why) => pages::error(&sandbox, &caller, &OIDC.unreadable(&why)).await,
    }
}

fn media(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

async fn authorise(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap, params: &Params) -> Answer {
    let session = cookie(headers, SESSION_COOKIE);
    let malformed = OIDC.form(params, KNOWN).err();
    let found = OIDC.mandatory(params, "client_id").and_then(|id| client::find(sandbox, id, "oidc-client-unknown"));
    let partner = match found {
        Ok(client) => client.partner,
        Err(refusal) => return pages::error(sandbox, caller, &malformed.unwrap_or(refusal)).await,
    };
    caller.tag_partner(&partner.client_id);
    if let Some(request_uri) = params.text("request_uri") {
        let request_uri = request_uri.to_owned();
        let command = Command::BeginPushed { client_id: partner.client_id.clone(), request_uri, session };
        return begin(sandbox, caller, headers, command, None).await;
    }
    let redirect_uri = match OIDC.redirect_uri(params, &partner) {
        Ok(redirect_uri) => redirect_uri,
        Err(refusal) => return pages::error(sandbox, caller, &malformed.unwrap_or(refusal)).await,
    };
    let back = Back { protocol: Protocol::Oidc, redirect_uri, state: params.text("state") };
    if let Some(refusal) = malformed {
        let about_address = refusal.seen == "client_id" || refusal.seen == "redirect_uri";
        return match about_address {
            true => pages::error(sandbox, caller, &refusal).await,
            false => back_with(sandbox, caller, &back, &refusal).await,
        };
    }
    match request(params, &partner) {
        Ok(request) => {
            let command = Command::BeginAuthorisation { proof: None, request: Box::new(request), session };
            begin(sandbox, caller, headers, command, Some(&back)).await
        }
        Err(refusal) => back_with(sandbox, caller, &back, &refusal).await,
    }
}

async fn begin(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    command: Command,
    back: Option<&Back<'_>>,
) -> Answer {
    let refusal = match sandbox.execute(caller, command).await {
        Ok(Reply::Flow { flow, step }) => return respond(sandbox, caller, headers, &flow, step).await,
        Ok(_) => Refusal::new("ESIA-007007", "internal"),
        Err(refusal) => refusal,
    };
    match back {
        Some(back) => back_with(sandbox, caller, back, &refusal).await,
        None => pages::error(sandbox, caller, &refusal).await,
    }
}

/// Everything but client and redirect address.
fn request(params: &Params, partner: &Partner) -> Result<AuthorisationRequest, Refusal> {
    let response_type = OIDC.response_type(params)?;
    if let Some(mode) = params.text("response_mode").filter(|mode| *mode != "query") {
        return Err(causes::PARAMETER_VALUE.refuse(OIDC.malformed, mode, "[response_mode] query"));
    }
    if params.came("request") {
        return Err(causes::PARAMETER_VALUE.refuse(OIDC.malformed, "a request object", "plain or pushed parameters"));
    }
    let scopes = OIDC.scopes(params, partner)?;
    let challenge = OIDC.challenge(params)?;
    if challenge.is_none() {
        return Err(causes::PKCE_MISSING.refuse("oidc-pkce-missing", "no code_challenge", "[code_challenge] by S256"));
    }
    let max_age = match params.text("max_age").map(str::parse::<i64>) {
        None => None,
        Some(Ok(seconds)) if seconds >= 0 => Some(Span::from_seconds(seconds)),
        Some(_) => return Err(causes::PARAMETER_VALUE.refuse(OIDC.malformed, "not a number", "[max_age] in seconds")),
    };
    let words = |name| params.text(name).map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let offline = scopes.iter().any(|name| name == "offline_access") || params.text("access_type") == Some("offline");
    Ok(AuthorisationRequest {
        protocol: Protocol::Oidc,
        client_id: partner.client_id.clone(),
        redirect_uri: params.text("redirect_uri").unwrap_or_default().to_owned(),
        response_type,
        scopes,
        scopes_org: Vec::new(),
        state: params.text("state").map(str::to_owned),
        nonce: params.text("nonce").map(str::to_owned),
        challenge,
        offline,
        person_filter: params.text("person_filter").map(str::to_owned),
        second_factor: words("acr_values").is_some_and(|values| values.iter().any(|value| value == ACR_TWO_FACTORS)),
        max_age,
        prompt: words("prompt").unwrap_or_default(),
        permissions: OIDC.permissions(params)?,
    })
}

/// `/oidc/par`: the same checks before the browser is involved.
pub(super) async fn push(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    match pushed(&sandbox, &caller, &headers, query.as_deref(), &body).await {
        Ok(answer) => answer,
        Err(refusal) => refuse::oidc_token(&sandbox, &caller, &refusal).await,
    }
}

async fn pushed(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    query: Option<&str>,
    body: &[u8],
) -> Result<Answer, Refusal> {
    let params = Params::read(query, media(headers), body).map_err(|why| OIDC.unreadable(&why))?;
    OIDC.form(&params, KNOWN)?;
    let proof = authenticate(sandbox, caller, headers, &params, "/oidc/par").await?;
    if params.came("request_uri") {
        return Err(causes::PARAMETER_VALUE.refuse(
            OIDC.malformed,
            "request_uri",
            "the parameters themselves (RFC 9126 section 2.1)",
        ));
    }
    let partner = client::find(sandbox, proof.client_id(), "oidc-client-unknown")?.partner;
    OIDC.redirect_uri(&params, &partner)?;
    let request = Box::new(request(&params, &partner)?);
    let Reply::Pushed { request_uri, expires_at } =
        sandbox.execute(caller, Command::PushAuthorisation { proof, request }).await?
    else {
        return Err(Refusal::new("ESIA-007007", "internal"));
    };
    let life = expires_at.since(sandbox.now()).seconds();
    Ok(refuse::uncached(Answer::json(201, json!({"request_uri": request_uri, "expires_in": life}))))
}
