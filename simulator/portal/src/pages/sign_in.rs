//! The way through a flow: password, one-time code, permission or consent, and back to the bank.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bytes::Bytes;
use contract::time::Timestamp;
use domain::{Answer as Choice, Command, Flow, Refusal, Reply, Secret, Stage};
use http::HeaderMap;

use super::{FormToken, error, form, form_is_ours, lost, moment, page, templates, words};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::flow::{Back, back_with, respond};
use crate::oauth::params::Params;
use crate::oauth::refuse;
use crate::portal::Sandbox;

/// The flow that a page is about, still under way.
fn flow_of(sandbox: &Sandbox, caller: &Caller, params: &Params) -> Result<Flow, Refusal> {
    let id = params.text("flow").unwrap_or_default();
    let flow = sandbox.read(|world| world.identity.flow(id).cloned()).ok_or_else(|| lost(id))?;
    caller.tag_flow(&flow.id);
    caller.tag_partner(&flow.request.client_id);
    if let Some(citizen) = flow.citizen {
        caller.tag_citizen(citizen);
    }
    Ok(flow)
}

/// The organisation that asks, by its Russian name.
fn organisation(sandbox: &Sandbox, client_id: &str) -> String {
    let name = sandbox.read(|world| world.partners.find(client_id).map(|partner| partner.name.ru.clone()));
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| client_id.to_owned())
}

pub(super) async fn show_login(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let params = form(query.as_deref(), b"");
    match flow_of(&sandbox, &caller, &params) {
        Ok(flow) if is_open(&flow) => login_page(&sandbox, &headers, &flow, "", None),
        Ok(flow) => error(&sandbox, &caller, &over(&flow)).await,
        Err(refusal) => error(&sandbox, &caller, &refusal).await,
    }
}

fn is_open(flow: &Flow) -> bool {
    !matches!(flow.stage, Stage::Coded { .. } | Stage::Ended { .. })
}

fn over(flow: &Flow) -> Refusal {
    Refusal::new("flow-expired", "flow-over").check("flow").seen(format!("{} is over", flow.id)).wanted("a new sign-in")
}

/// A form that was wrong and is shown again: journalled as a refusal, answered with the words of its row and the tries left.
async fn again(
    sandbox: &Sandbox,
    caller: &Caller,
    code: &'static str,
    left: u32,
    show: impl FnOnce(templates::Alert) -> Answer,
) -> Answer {
    let refusal = Refusal::new(code, code).check("form").seen(format!("{left} tries left"));
    refuse::note(sandbox, caller, &refusal).await;
    let count = i64::from(left);
    let text = format!(
        "{} {} {count} {}.",
        contract::error::row(code).reason.ru,
        words::counted(count, ["Осталась", "Осталось", "Осталось"]),
        words::counted(count, ["попытка", "попытки", "попыток"])
    );
    refuse::with_diagnosis(sandbox, &refusal, show(templates::Alert { code, text }))
}

/// 200 for a form, 400 for one that comes again.
fn status(alert: Option<&templates::Alert>) -> u16 {
    alert.map_or(200, |alert| contract::error::row(alert.code).status)
}

fn login_page(
    sandbox: &Sandbox,
    headers: &HeaderMap,
    flow: &Flow,
    login: &str,
    alert: Option<templates::Alert>,
) -> Answer {
    let token = FormToken::of(sandbox, headers);
    let client = organisation(sandbox, &flow.request.client_id);
    let status = status(alert.as_ref());
    let template = templates::Login { client: Some(&client), alert, flow: &flow.id, csrf: &token.value, login };
    token.on(page(status, &template))
}

/// The sign-in page after a failure.
pub async fn login_again(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap, flow: &str, left: u32) -> Answer {
    let Some(flow) = sandbox.read(|world| world.identity.flow(flow).cloned()) else {
        return super::notice("error", "Вход", "Начните вход заново.");
    };
    again(sandbox, caller, "login-wrong", left, |alert| login_page(sandbox, headers, &flow, "", Some(alert))).await
}

pub(super) async fn login(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let params = form(None, &body);
    let flow = match form_is_ours(&headers, &params).and_then(|()| flow_of(&sandbox, &caller, &params)) {
        Ok(flow) => flow,
        Err(refusal) => return error(&sandbox, &caller, &refusal).await,
    };
    if params.text("decision") == Some("cancel") {
        return abandon(&sandbox, &caller, &headers, &flow).await;
    }
    let command = Command::PresentPassword {
        flow: flow.id.clone(),
        login: params.text("login").unwrap_or_default().to_owned(),
        password: Secret::new(params.text("password").unwrap_or_default()),
    };
    go_on(&sandbox, &caller, &headers, &flow, command).await
}

/// The person leaves: back to the bank, which is told so; from a lock-out the same way.
async fn abandon(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap, flow: &Flow) -> Answer {
    if let Stage::Ended { code } = &flow.stage {
        let now = sandbox.now();
        let locked = flow
            .citizen
            .is_some_and(|oid| sandbox.read(|world| world.citizens.locked_until(oid)).is_some_and(|until| now < until));
        let refusal = Refusal::new(code, if locked { "account-locked" } else { "access-refused" });
        return back_with(sandbox, caller, &Back::of(&flow.request), &refusal).await;
    }
    go_on(sandbox, caller, headers, flow, Command::Abandon { flow: flow.id.clone() }).await
}

/// Asks the core and shows what follows. A refusal goes back to the bank where it may, else onto a page.
async fn go_on(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap, flow: &Flow, command: Command) -> Answer {
    match sandbox.execute(caller, command).await {
        Ok(Reply::Flow { flow, step }) => respond(sandbox, caller, headers, &flow, step).await,
        Ok(_) => error(sandbox, caller, &Refusal::new("ESIA-007007", "internal")).await,
        Err(refusal) if refusal.redirectable => back_with(sandbox, caller, &Back::of(&flow.request), &refusal).await,
        Err(refusal) => error(sandbox, caller, &refusal).await,
    }
}

pub(super) async fn show_code(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let params = form(query.as_deref(), b"");
    match flow_of(&sandbox, &caller, &params) {
        Ok(flow) if matches!(flow.stage, Stage::Code { .. }) => code_page(&sandbox, &headers, &flow, None),
        Ok(flow) => error(&sandbox, &caller, &over(&flow)).await,
        Err(refusal) => error(&sandbox, &caller, &refusal).await,
    }
}

fn code_page(sandbox: &Sandbox, headers: &HeaderMap, flow: &Flow, alert: Option<templates::Alert>) -> Answer {
    let token = FormToken::of(sandbox, headers);
    let phone =
        flow.citizen.and_then(|oid| sandbox.read(|world| world.citizens.find(oid).map(|found| found.phone.clone())));
    let whereto = words::masked_phone(phone.as_deref().unwrap_or_default());
    let status = status(alert.as_ref());
    token.on(page(status, &templates::Code { whereto, alert, flow: &flow.id, csrf: &token.value }))
}

/// The page for the one-time code after a failure.
pub async fn code_again(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap, flow: &str, left: u32) -> Answer {
    let Some(flow) = sandbox.read(|world| world.identity.flow(flow).cloned()) else {
        return super::notice("error", "Вход", "Начните вход заново.");
    };
    again(sandbox, caller, "code-wrong", left, |alert| code_page(sandbox, headers, &flow, Some(alert))).await
}

pub(super) async fn code(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let params = form(None, &body);
    let flow = match form_is_ours(&headers, &params).and_then(|()| flow_of(&sandbox, &caller, &params)) {
        Ok(flow) => flow,
        Err(refusal) => return error(&sandbox, &caller, &refusal).await,
    };
    let id = flow.id.clone();
    let command = match params.text("decision") {
        Some("cancel") => return abandon(&sandbox, &caller, &headers, &flow).await,
        Some("resend") => Command::ResendCode { flow: id },
        Some(_) | None => {
            let typed: String =
                params.text("code").unwrap_or_default().chars().filter(|sign| !sign.is_whitespace()).collect();
            Command::PresentCode { flow: id, code: Secret::new(typed) }
        }
    };
    go_on(&sandbox, &caller, &headers, &flow, command).await
}

/// The lock-out page; its button leads back to the bank.
pub fn locked(sandbox: &Sandbox, headers: &HeaderMap, flow: Option<&str>, until: Timestamp) -> Answer {
    let token = FormToken::of(sandbox, headers);
    token.on(page(403, &templates::Locked { until: moment(until), flow, csrf: &token.value }))
}

pub(super) async fn show_consent(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let params = form(query.as_deref(), b"");
    match flow_of(&sandbox, &caller, &params) {
        Ok(flow) if matches!(flow.stage, Stage::Decision) => match decision_page(&sandbox, &headers, &flow) {
            Some(answer) => answer,
            None => error(&sandbox, &caller, &lost(&flow.id)).await,
        },
        Ok(flow) => error(&sandbox, &caller, &over(&flow)).await,
        Err(refusal) => error(&sandbox, &caller, &refusal).await,
    }
}

/// The consent screen where data is asked, the short permission screen otherwise.
fn decision_page(sandbox: &Sandbox, headers: &HeaderMap, flow: &Flow) -> Option<Answer> {
    let token = FormToken::of(sandbox, headers);
    let client_id = flow.request.client_id.as_str();
    let organisation = organisation(sandbox, client_id);
    let (citizen, consent) = sandbox.read(|world| {
        let consent = flow.consent.as_ref().and_then(|id| world.consents.find(id).cloned());
        (flow.citizen.and_then(|oid| world.citizens.find(oid).cloned()), consent)
    });
    let person = words::address(citizen.as_deref()?);
    let Some(consent) = consent else {
        let asked: Vec<String> = flow.request.scopes.iter().filter(|name| *name != "openid").cloned().collect();
        let scopes = words::scopes(&asked);
        let organisation = organisation.as_str();
        let template = templates::Permission { person, organisation, flow: &flow.id, csrf: &token.value, scopes };
        return Some(token.on(page(200, &template)));
    };
    let template = templates::Consent {
        consent: &consent.id,
        person,
        organisation: &organisation,
        client_id,
        responsible: consent.responsible_object.as_deref().filter(|name| *name != organisation),
        kind: words::purpose_words(&consent.kind),
        purposes: consent.purposes.iter().map(|name| words::purpose_words(name)).collect(),
        actions: consent.actions.iter().map(|name| words::action_words(name)).collect(),
        scopes: words::scopes(&consent.scopes),
        term: words::term(consent.term),
        flow: &flow.id,
        csrf: &token.value,
    };
    Some(token.on(page(200, &template)))
}

pub(super) async fn consent(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let params = form(None, &body);
    let flow = match form_is_ours(&headers, &params).and_then(|()| flow_of(&sandbox, &caller, &params)) {
        Ok(flow) => flow,
        Err(refusal) => return error(&sandbox, &caller, &refusal).await,
    };
    let answer = match params.text("decision") {
        Some("approve") => {
            let ticked: Vec<String> =
                params.iter().filter(|param| param.name == "grant").map(|param| param.value.clone()).collect();
            // Our own forms say that their boxes count, so that none ticked is not all granted.
            let by_boxes = params.text("choice") == Some("partial") || !ticked.is_empty();
            Choice::Approve { grant: by_boxes.then_some(ticked) }
        }
        Some(_) | None => Choice::Refuse,
    };
    go_on(&sandbox, &caller, &headers, &flow, Command::Answer { flow: flow.id.clone(), answer }).await
}
