//! From the core's next step to the browser: a page, or the way back to the bank with a code or a refusal.

use domain::{AuthorisationRequest, IssuedCode, Protocol, Refusal, Step, Verdict};

use http::HeaderMap;

use super::params::append_query;
use super::refuse::{self, oauth_error, to_esia, to_oidc};
use super::{answer, mint};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::pages;
use crate::portal::Sandbox;

/// The cookie of a portal session.
pub const SESSION_COOKIE: &str = "stend_session";

/// Where a refusal may be sent: client and address are trusted.
pub struct Back<'a> {
    pub protocol: Protocol,
    pub redirect_uri: &'a str,
    pub state: Option<&'a str>,
}

impl<'a> Back<'a> {
    pub fn of(request: &'a AuthorisationRequest) -> Self {
        Self { protocol: request.protocol, redirect_uri: &request.redirect_uri, state: request.state.as_deref() }
    }
}

/// The page or redirect that follows a step..
pub async fn respond(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap, flow: &str, step: Step) -> Answer {
    caller.tag_flow(flow);
    let Some(request) = sandbox.read(|world| world.identity.flow(flow).map(|flow| flow.request.clone())) else {
        return pages::error(sandbox, caller, &Refusal::new("flow-unknown", "flow-unknown")).await;
    };
    if let Some(citizen) = sandbox.read(|world| world.identity.flow(flow).and_then(|flow| flow.citizen)) {
        caller.tag_citizen(citizen);
    }
    match step {
        Step::Password { left: None } => see_other(&format!("/login?flow={flow}")),
        Step::Code { left: None } => see_other(&format!("/login/code?flow={flow}")),
        Step::Password { left: Some(left) } => pages::login_again(sandbox, caller, headers, flow, left).await,
        Step::Code { left: Some(left) } => pages::code_again(sandbox, caller, headers, flow, left).await,
        Step::Decision { .. } => see_other(&format!("/consent?flow={flow}")),
        Step::Issued(code) => match issued(sandbox, caller, &request, &code).await {
            Ok(answer) => answer,
            Err(refusal) => back_with(sandbox, caller, &Back::of(&request), &refusal).await,
        },
        Step::Ended(verdict) => ended(sandbox, caller, headers, flow, &request, &verdict).await,
    }
}

/// The code, signed, goes back with the browser; the session's cookie is set.
async fn issued(
    sandbox: &Sandbox,
    caller: &Caller,
    request: &AuthorisationRequest,
    code: &IssuedCode,
) -> Result<Answer, Refusal> {
    let (citizen, alg) = sandbox.read(|world| {
        let alg = world.partners.find(&code.client_id).map_or_else(Default::default, |partner| partner.token_alg);
        (world.citizens.find(code.citizen).cloned(), alg)
    });
    let Some(citizen) = citizen else { return Err(Refusal::new("ESIA-007007", "internal")) };
    let issuer = if request.protocol.is_esia() { sandbox.esia_issuer() } else { sandbox.oidc_issuer() };
    let draft = mint::code(sandbox, code, &citizen, alg, issuer).await;
    let signed = answer::sign(sandbox, caller, Some(code.citizen), draft).await?;
    let mut query = vec![("code".to_owned(), signed)];
    query.extend(code.state.iter().map(|state| ("state".to_owned(), state.clone())));
    if request.protocol == Protocol::Oidc {
        query.push(("iss".to_owned(), sandbox.oidc_issuer().to_owned()));
    }
    let life = code.session_expires_at.since(sandbox.now()).seconds();
    let cookie = format!("{SESSION_COOKIE}={}; Max-Age={life}; Path=/; Secure; HttpOnly; SameSite=Lax", code.session);
    let answer = redirect(sandbox, caller, Some(code.citizen), &code.redirect_uri, query);
    Ok(answer.with("set-cookie", cookie))
}

/// A flow that ended without a code. A lock-out is told to the person first; the way back leads from that page.
async fn ended(
    sandbox: &Sandbox,
    caller: &Caller,
    headers: &HeaderMap,
    flow: &str,
    request: &AuthorisationRequest,
    verdict: &Verdict,
) -> Answer {
    if let Some(until) = verdict.until {
        let refusal = Refusal::new(&verdict.code, &verdict.cause).seen(format!("locked until {until}"));
        refuse::note(sandbox, caller, &refusal).await;
        return refuse::with_diagnosis(sandbox, &refusal, pages::locked(sandbox, headers, Some(flow), until));
    }
    let refusal = Refusal::new(&verdict.code, &verdict.cause);
    back_with(sandbox, caller, &Back::of(request), &refusal).await
}

/// Sends the browser back with a refusal. `state` stands last, as real answers have it.
pub async fn back_with(sandbox: &Sandbox, caller: &Caller, back: &Back<'_>, refusal: &Refusal) -> Answer {
    refuse::note(sandbox, caller, refusal).await;
    let code = if back.protocol.is_esia() { to_esia(&refusal.code) } else { to_oidc(refusal) };
    let (error, description) = oauth_error(&code, refusal);
    let mut query = vec![("error".to_owned(), error), ("error_description".to_owned(), description)];
    query.extend(back.state.map(|state| ("state".to_owned(), state.to_owned())));
    if back.protocol == Protocol::Oidc {
        query.push(("iss".to_owned(), sandbox.oidc_issuer().to_owned()));
    }
    let citizen = caller.tags().citizen;
    let answer = redirect(sandbox, caller, citizen, back.redirect_uri, query);
    refuse::with_diagnosis(sandbox, refusal, answer)
}

/// The redirect back to the bank, where a lie may change the query.
fn redirect(
    sandbox: &Sandbox,
    caller: &Caller,
    citizen: Option<i64>,
    address: &str,
    mut query: Vec<(String, String)>,
) -> Answer {
    let then = sandbox.faults().redirect(caller, citizen, &mut query);
    let there = |query: &[(String, String)]| {
        let pairs: Vec<(&str, &str)> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        append_query(address, &pairs)
    };
    let answer = see_other(&there(&query));
    // A lie that comes before the truth: the user agent of a test opens this address next, a browser passes it by.
    match then {
        Some(honest) => answer.with("stend-then", there(&honest)),
        None => answer,
    }
}

/// 303 to an address; nothing of it is kept.
pub fn see_other(address: &str) -> Answer {
    Answer::empty(303)
        .with("location", address)
        .with("cache-control", "no-store")
        .with("referrer-policy", "no-referrer")
}

/// The value of a cookie.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(http::header::COOKIE);
    let mut pairs = all.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name && !value.is_empty()).then(|| value.to_owned())
    })
}
