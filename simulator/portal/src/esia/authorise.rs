//! `/aas/oauth2/ac` and `/aas/oauth2/v2/ac`: the browser arrives with the bank's signed request. While the client or its
//! redirect address cannot be trusted a refusal is a page; from then on it goes back to the bank.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bytes::Bytes;
use domain::{AuthorisationRequest, Command, Refusal, Reply};
use http::{HeaderMap, header};

use super::{KNOWN, protocol};
use crate::diagnosis::secret::{Proved, Signed, prove};
use crate::diagnosis::{causes, timestamp};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::client::{self, Client};
use crate::oauth::flow::{Back, SESSION_COOKIE, back_with, cookie, respond};
use crate::oauth::params::Params;
use crate::oauth::refuse;
use crate::oauth::request::ESIA;
use crate::oauth::signed::{Ask, Version};
use crate::pages;
use crate::portal::Sandbox;

pub(super) async fn v1(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    authorise(&sandbox, &caller, &headers, query.as_deref(), &body, Version::V1).await
}

pub(super) async fn v2(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    authorise(&sandbox, &caller, &headers, query.as_deref(), &body, Version::V2).await
}

async fn authorise(
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
        Err(why) => return pages::error(sandbox, caller, &ESIA.unreadable(&why)).await,
    };
    let malformed = ESIA.form(&params, KNOWN).err();
    // What repeats cannot be trusted to be the client's or its address: those two are judged before the rest.
    let trusted = match trusted(sandbox, &params) {
        Ok(client) => client,
        Err(refusal) => return pages::error(sandbox, caller, &malformed.unwrap_or(refusal)).await,
    };
    caller.tag_partner(&trusted.partner.client_id);
    let redirect_uri = params.text("redirect_uri").unwrap_or_default();
    let back = Back { protocol: protocol(version), redirect_uri, state: params.text("state") };
    if let Some(refusal) = malformed {
        let about_address = refusal.seen == "client_id" || refusal.seen == "redirect_uri";
        return match about_address {
            true => pages::error(sandbox, caller, &refusal).await,
            false => back_with(sandbox, caller, &back, &refusal).await,
        };
    }
    let (proved, request) = match checked(sandbox, &params, &trusted, version) {
        Ok(checked) => checked,
        Err(refusal) => return back_with(sandbox, caller, &back, &refusal).await,
    };
    let command = Command::BeginAuthorisation {
        proof: Some(proved.proof),
        request: Box::new(request),
        session: cookie(headers, SESSION_COOKIE),
    };
    let answer = match sandbox.execute(caller, command).await {
        Ok(Reply::Flow { flow, step }) => respond(sandbox, caller, headers, &flow, step).await,
        Ok(_) => return back_with(sandbox, caller, &back, &Refusal::new("ESIA-007007", "internal")).await,
        Err(refusal) => return back_with(sandbox, caller, &back, &refusal).await,
    };
    match refuse::tolerated_header(sandbox, &proved.notes) {
        Some(value) => answer.with(contract::control::DIAGNOSIS_HEADER, value),
        None => answer,
    }
}

/// The client and its registered redirect address.
fn trusted(sandbox: &Sandbox, params: &Params) -> Result<Client, Refusal> {
    let client_id = ESIA.mandatory(params, "client_id")?;
    let client = client::find(sandbox, client_id, "ESIA-007005")?;
    ESIA.redirect_uri(params, &client.partner)?;
    Ok(client)
}

/// Everything else, in the order in which a client would want to hear of it.
fn checked(
    sandbox: &Sandbox,
    params: &Params,
    client: &Client,
    version: Version,
) -> Result<(Proved, AuthorisationRequest), Refusal> {
    let response_type = ESIA.response_type(params)?;
    if params.text("scope").is_none() {
        ESIA.scopes(params, &client.partner)?;
    }
    let state = ESIA.mandatory(params, "state")?.to_owned();
    let offline = access_type(params)?;
    let now = sandbox.now();
    timestamp::check(params, now, sandbox.limits().timestamp_window)?;
    let proved = prove(&Signed {
        version,
        ask: Ask::Authorise,
        params,
        client_id: &client.partner.client_id,
        own: &client.own,
        others: &client.others,
        addresses: &client.partner.redirect_uris,
        earlier_state: None,
        trust: &client.trust,
        now,
        strict: sandbox.is_strict(),
        key_types: &sandbox.settings().key_types,
    })?;
    let scopes = ESIA.scopes(params, &client.partner)?;
    let scopes_org =
        params.text("scope_org").map(|text| text.split(' ').map(str::to_owned).collect()).unwrap_or_default();
    let person_filter = person_filter(params)?;
    kinds_of_user(params)?;
    let request = AuthorisationRequest {
        protocol: protocol(version),
        client_id: client.partner.client_id.clone(),
        redirect_uri: params.text("redirect_uri").unwrap_or_default().to_owned(),
        response_type,
        scopes,
        scopes_org,
        state: Some(state),
        // ESIA stopped returning it in November 2022.
        nonce: None,
        challenge: ESIA.challenge(params)?,
        offline,
        person_filter,
        second_factor: params.text("acr_values").is_some_and(|values| values.contains("2fa")),
        max_age: None,
        prompt: Vec::new(),
        permissions: ESIA.permissions(params)?,
    };
    Ok((proved, request))
}

fn access_type(params: &Params) -> Result<bool, Refusal> {
    match params.text("access_type") {
        None | Some("online") => Ok(false),
        Some("offline") => Ok(true),
        Some(other) => {
            Err(causes::ACCESS_TYPE_UNKNOWN.refuse(ESIA.malformed, other, "[access_type] online or offline"))
        }
    }
}

fn person_filter(params: &Params) -> Result<Option<String>, Refusal> {
    match params.text("person_filter") {
        None => Ok(None),
        Some(known @ ("conf_acc" | "acc_kid" | "acc_not_kid")) => Ok(Some(known.to_owned())),
        Some(other) => {
            let wanted = "[person_filter] conf_acc, acc_kid or acc_not_kid";
            Err(causes::PERSON_FILTER_UNKNOWN.refuse(ESIA.malformed, other, wanted))
        }
    }
}

/// `obj_type` and `roles`: this portal's people sign in as persons (`P`) only.
fn kinds_of_user(params: &Params) -> Result<(), Refusal> {
    let letters = |name| params.text(name).map(|text| text.split([' ', ',']).collect::<Vec<_>>());
    let kinds = letters("obj_type");
    if let Some(kinds) = &kinds {
        let unknown = kinds.iter().any(|kind| !matches!(*kind, "P" | "B" | "L"));
        let repeated = kinds.iter().enumerate().any(|(at, kind)| kinds[..at].contains(kind));
        if unknown || repeated {
            return Err(causes::OBJ_TYPE_UNKNOWN.refuse("ESIA-007061", kinds.join(" "), "P, B or L, each once"));
        }
    }
    let roles = letters("roles");
    if let Some(roles) = &roles
        && roles.iter().any(|role| !matches!(*role, "P" | "B" | "L" | "A"))
    {
        return Err(causes::ROLES_UNKNOWN.refuse("ESIA-007060", roles.join(" "), "P, B, L or A"));
    }
    for wanted in [kinds, roles].into_iter().flatten() {
        if !wanted.contains(&"P") {
            return Err(causes::PERSON_DOES_NOT_FIT.refuse("ESIA-007062", "a person (P)", wanted.join(" ")));
        }
    }
    Ok(())
}
