//! What a citizen sees: sign-in, one-time code, permission and consent, the list of consents, errors. Plain forms that
//! work without scripts; every form carries a token that must equal the browser's cookie, so that no other site can
//! press its buttons. Nothing is decided here: a page asks the core and shows what it answers.

pub(crate) mod consents;
mod sign_in;
mod templates;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::routing::{get, post};
use contract::time::Timestamp;
use domain::Refusal;
use http::HeaderMap;

use crate::diagnosis::words::with_nearest;
use crate::edge::caller::Caller;
use crate::faults::Answer;
use crate::oauth::flow::cookie;
use crate::oauth::params::Params;
use crate::oauth::refuse;
use crate::portal::Sandbox;

pub use sign_in::{code_again, locked, login_again};

/// The cookie that a form's hidden token must equal.
const FORM_COOKIE: &str = "stend_form";

/// The pages' addresses.
pub fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/login", get(sign_in::show_login).post(sign_in::login))
        .route("/login/code", get(sign_in::show_code).post(sign_in::code))
        .route("/consent", get(sign_in::show_consent).post(sign_in::consent))
        .route("/lk", get(consents::list))
        .route("/lk/consents", get(consents::list))
        .route("/lk/login", get(consents::show_login))
        .route("/lk/consents/{id}/revoke", post(consents::revoke))
        .route("/lk/logout", post(consents::logout))
}

/// The token of this browser's forms, and whether its cookie is still to be set.
struct FormToken {
    value: String,
    fresh: bool,
}

impl FormToken {
    fn of(sandbox: &Sandbox, headers: &HeaderMap) -> Self {
        match cookie(headers, FORM_COOKIE) {
            Some(value) => Self { value, fresh: false },
            None => Self { value: sandbox.draw().hex(16), fresh: true },
        }
    }

    /// The page with the cookie, where it is new.
    fn on(&self, answer: Answer) -> Answer {
        if !self.fresh {
            return answer;
        }
        answer.with("set-cookie", format!("{FORM_COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.value))
    }
}

/// Whether the form was sent by a page of ours in this browser.
fn form_is_ours(headers: &HeaderMap, params: &Params) -> Result<(), Refusal> {
    let kept = cookie(headers, FORM_COOKIE).unwrap_or_default();
    let sent = params.text("csrf").unwrap_or_default();
    if !kept.is_empty() && crypto::compare::same(kept.as_bytes(), sent.as_bytes()) {
        return Ok(());
    }
    Err(Refusal::new("form-token-wrong", "form-token-wrong")
        .check("csrf")
        .seen("a form without the token of this browser")
        .wanted("the token of the page's cookie"))
}

/// Reads a form; what cannot be read has no fields.
fn form(query: Option<&str>, body: &[u8]) -> Params {
    Params::read(query, None, body).unwrap_or_default()
}

/// A page with the headers that every page has.
fn page(status: u16, template: &impl Template) -> Answer {
    let text = template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be rendered");
        "<!doctype html><html lang=\"ru\"><title>Ошибка</title><p>Внутренняя ошибка портала.".to_owned()
    });
    Answer::html(status, text)
        .with("cache-control", "no-store")
        .with(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        )
        .with("x-content-type-options", "nosniff")
        .with("x-frame-options", "DENY")
        .with("referrer-policy", "no-referrer")
}

/// The error page: the code in `data-code`, title, reason and advice in Russian. Journals the refusal.
pub async fn error(sandbox: &Sandbox, caller: &Caller, refusal: &Refusal) -> Answer {
    refuse::note(sandbox, caller, refusal).await;
    let row = contract::error::row(&refusal.code);
    // 401 would have to name a way for the browser to prove itself (RFC 9110 §15.5.2), and there is none.
    let status = if (400..500).contains(&row.status) && row.status != 401 { row.status } else { 400 };
    let page = page(
        status,
        &templates::Error { code: &row.code, title: &row.title.ru, text: &row.reason.ru, advice: &row.advice.ru },
    );
    refuse::with_diagnosis(sandbox, refusal, page)
}

/// A page with a title and a text.
pub fn notice(name: &str, title: &str, text: &str) -> Answer {
    page(200, &templates::Notice { page: name, title, text })
}

/// Asks whether the portal session should end; the fields go back with the answer.
pub fn goodbye(sandbox: &Sandbox, headers: &HeaderMap, client: Option<&str>, fields: &[(&str, &str)]) -> Answer {
    let token = FormToken::of(sandbox, headers);
    token.on(page(200, &templates::Goodbye { client, csrf: &token.value, fields }))
}

/// Whether the form that says goodbye is ours.
pub fn goodbye_is_ours(headers: &HeaderMap, params: &Params) -> bool {
    form_is_ours(headers, params).is_ok()
}

/// `22.11.2026 13:05`
fn moment(at: Timestamp) -> String {
    format!("{} (МСК)", at.to_russian())
}

/// A flow that nobody knows, or that is over.
fn lost(flow: &str) -> Refusal {
    let seen = with_nearest(flow, []);
    Refusal::new("flow-unknown", "flow-unknown").check("flow").seen(seen).wanted("a sign-in that is under way")
}
