//! The citizen's own page: every consent given, with its data and term, and the button that takes it back (CNS-5).

use std::sync::Arc;

use axum::extract::{Path, State};
use bytes::Bytes;
use domain::{Command, Consent, Refusal};
use http::HeaderMap;

use super::{FormToken, error, form, form_is_ours, moment, notice, page, templates, words};
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::flow::{SESSION_COOKIE, cookie, see_other};
use crate::portal::Sandbox;

/// Whose portal session this browser holds.
fn signed_in(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap) -> Option<i64> {
    let session = cookie(headers, SESSION_COOKIE)?;
    let now = sandbox.now();
    let citizen = sandbox.read(|world| world.identity.live_session(&session, now).map(|session| session.citizen))?;
    caller.tag_citizen(citizen);
    Some(citizen)
}

pub(super) async fn list(State(sandbox): State<Arc<Sandbox>>, caller: Caller, headers: HeaderMap) -> Answer {
    match signed_in(&sandbox, &caller, &headers) {
        Some(citizen) => list_page(&sandbox, &headers, citizen, None),
        None => see_other("/lk/login"),
    }
}

/// The portal's own sign-in comes with the first bank that the person signs in to.
pub(super) async fn show_login() -> Answer {
    notice(
        "signed-out",
        "Вы не вошли",
        "Войдите на портал через любую подключённую систему: список согласий откроется в этом же браузере.",
    )
}

fn list_page(sandbox: &Sandbox, headers: &HeaderMap, oid: i64, notice: Option<&str>) -> Answer {
    let token = FormToken::of(sandbox, headers);
    let now = sandbox.now();
    let (person, consents) = sandbox.read(|world| {
        let person = world.citizens.find(oid).map(|citizen| words::address(citizen)).unwrap_or_default();
        let named = world.consents.of_person(oid).into_iter().rev().map(|consent| {
            let name = world.partners.find(&consent.client_id).map(|partner| partner.name.ru.clone());
            (name.filter(|name| !name.is_empty()), consent.clone())
        });
        (person, named.collect::<Vec<_>>())
    });
    let row = |(name, consent): (Option<String>, Consent)| {
        let state = consent.state_at(now);
        let join = |names: &[String], say: fn(&str) -> String| {
            names.iter().map(|name| say(name)).collect::<Vec<_>>().join("; ")
        };
        templates::Kept {
            organisation: name.unwrap_or_else(|| consent.client_id.clone()),
            state: state.as_str(),
            state_words: words::state_words(state),
            purposes: join(&consent.purposes, words::purpose_words),
            data: join(&consent.scopes, words::scope_words),
            requested_at: moment(consent.requested_at),
            granted_at: consent.granted_at.map(moment),
            ip: consent.ip.clone(),
            expires_at: consent.expires_at.map(moment),
            ended_at: consent.ended_at.map(moment),
            standing: consent.stands(now),
            id: consent.id,
        }
    };
    let consents = consents.into_iter().map(row).collect();
    token.on(page(200, &templates::Consents { person, notice, consents, csrf: &token.value }))
}

pub(super) async fn revoke(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let Some(citizen) = signed_in(&sandbox, &caller, &headers) else { return see_other("/lk/login") };
    if let Err(refusal) = form_is_ours(&headers, &form(None, &body)) {
        return error(&sandbox, &caller, &refusal).await;
    }
    let own = sandbox.read(|world| world.consents.find(&id).is_some_and(|consent| consent.person == citizen));
    if !own {
        let refusal = Refusal::new("consent-unknown", "consent-unknown").check("consent").seen(id);
        return error(&sandbox, &caller, &refusal).await;
    }
    match sandbox.execute(&caller, Command::RevokeConsentByCitizen { consent: id }).await {
        Ok(_) => list_page(&sandbox, &headers, citizen, Some("Согласие отозвано, организация получит уведомление.")),
        Err(refusal) => error(&sandbox, &caller, &refusal).await,
    }
}

pub(super) async fn logout(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    if let Err(refusal) = form_is_ours(&headers, &form(None, &body)) {
        return error(&sandbox, &caller, &refusal).await;
    }
    end_session(&sandbox, &caller, &headers).await;
    leave(notice("logout", "Вы вышли", "Сеанс на портале завершён."))
}

/// Ends the session of this browser, where there is one.
pub(crate) async fn end_session(sandbox: &Sandbox, caller: &Caller, headers: &HeaderMap) {
    if let Some(session) = cookie(headers, SESSION_COOKIE) {
        end(sandbox, caller, session).await;
    }
}

/// Ends a session.
pub(crate) async fn end(sandbox: &Sandbox, caller: &Caller, session: String) {
    if let Err(refusal) = sandbox.execute(caller, Command::EndSession { session }).await {
        tracing::debug!(cause = refusal.cause, "a session was over already");
    }
}

/// The answer that takes the session's cookie back.
pub(crate) fn leave(answer: Answer) -> Answer {
    answer.with("set-cookie", format!("{SESSION_COOKIE}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"))
}
