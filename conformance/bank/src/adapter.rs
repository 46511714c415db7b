//! The verbs by which the bank is driven from outside (`/stend/…`), its pages, and its counters for staff. A real bank
//! would not open the first to the world; here they are the point.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Json};
use axum::routing::{any, get, post};
use contract::adapter::{ActionCall, BankClock, Description, ProbeAnswer, ProbeCall, Question};
use contract::time::Span;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::conduct::RecordDuty;
use crate::consents;
use crate::customers::Customer;
use crate::flows::{self, callback};
use crate::pages::{Page, encoded};
use crate::roles::Role;
use crate::{banking, hooks, sessions};

type Answer = Response<Body>;
type Here = State<Arc<Bank>>;

pub(crate) fn routes(bank: Arc<Bank>) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/stend/describe", post(describe))
        .route("/stend/actions/{action}", post(action))
        .route("/stend/observe", post(observe))
        .route("/stend/probe", post(probe))
        .route("/stend/clock", post(clock))
        .route("/stend/reset", post(reset))
        .route("/link/{entry}", get(link))
        .route("/callback", get(come_back))
        .route(hooks::PATH, any(hook))
        .route(banking::PATH, any(portal_asks))
        .route("/staff/customers", get(staff_customers))
        .route("/staff/audit", get(staff_audit))
        .route("/", get(home))
        .with_state(bank)
}

async fn describe() -> Json<Description> {
    Json(Description {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        claims: flows::CLAIMS.iter().chain(flows::FACILITIES).map(|claim| (*claim).to_owned()).collect(),
        clock: BankClock::Movable,
    })
}

/// A body of the wrong shape is the caller's fault, said plainly.
fn wrong(what: &str) -> Answer {
    (StatusCode::BAD_REQUEST, Json(json!({"error": what}))).into_response()
}

fn unknown(what: &str) -> Answer {
    (StatusCode::NOT_FOUND, Json(json!({"error": what}))).into_response()
}

async fn action(State(bank): Here, Path(action): Path<String>, body: Bytes) -> Answer {
    let Ok(call) = serde_json::from_slice::<ActionCall>(&body) else { return wrong("no action call") };
    match flows::act(&bank, &action, call).await {
        Some(report) => Json(report).into_response(),
        None => unknown("no such action"),
    }
}

async fn observe(State(bank): Here, body: Bytes) -> Answer {
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(flow) = call["flow"].as_str() else { return wrong("no flow") };
    match flows::observe(&bank, flow).await {
        Some(report) => Json(report).into_response(),
        None => unknown("no such flow"),
    }
}

async fn probe(State(bank): Here, body: Bytes) -> Answer {
    let Ok(call) = serde_json::from_slice::<ProbeCall>(&body) else { return wrong("no probe call") };
    let about = |name: &str| call.about.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let answer = match call.question {
        Question::AuditVerify => Value::from(bank.audit.verify() || !bank.conduct.record(RecordDuty::AuditVerified)),
        Question::ConsentState => {
            let consent = bank.consent(&about("consent"));
            consent.map_or(Value::Null, |consent| Value::from(consent.state_at(bank.clock.now()).as_str()))
        }
        Question::DataPresent => Value::from(bank.has_copies(&about("customer"))),
        Question::SessionAlive => Value::from(bank.sessions.is_alive(&about("customer"))),
    };
    Json(ProbeAnswer { answer }).into_response()
}

/// `{"offset": "PT2H"}`, absolute from the machine's time; a leading minus goes back.
async fn clock(State(bank): Here, body: Bytes) -> Answer {
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = call["offset"].as_str().unwrap_or_default();
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let Ok(span) = text.parse::<Span>() else { return wrong("offset is no ISO 8601 duration") };
    bank.clock.set_offset(sign * span.millis());
    flows::sweep(&bank).await;
    Json(json!({"now": bank.clock.now()})).into_response()
}

async fn reset(State(bank): Here) -> Json<Value> {
    bank.reset();
    Json(json!({"reset": true}))
}

async fn link(State(bank): Here, Path(entry): Path<String>, headers: HeaderMap) -> Answer {
    callback::enter(&bank, &entry, bank.sessions.of(&headers)).await.into_response()
}

async fn come_back(State(bank): Here, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let session = bank.sessions.of(&headers);
    callback::come_back(&bank, query.as_deref().unwrap_or_default(), session).await.into_response()
}

async fn hook(State(bank): Here, method: Method, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = hooks::receive(&bank, &method, &headers, &body).await;
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn portal_asks(State(bank): Here, method: Method, headers: HeaderMap, body: Bytes) -> Answer {
    let (status, answer) = banking::receive(&bank, &method, &headers, &body).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let media = if status.is_success() { "application/json" } else { "application/problem+json" };
    (status, [(http::header::CONTENT_TYPE, media)], answer.to_string()).into_response()
}

async fn home(State(bank): Here, headers: HeaderMap) -> Answer {
    let session: Option<sessions::Session> = bank.sessions.of(&headers).and_then(|id| bank.sessions.read(&id));
    let customer = session.and_then(|session| bank.customer(&session.customer?));
    let Some(customer) = customer else {
        return Page::text(200, "Банк-образец", "Вы не вошли.").into_response();
    };
    Page::html(200, "Личный кабинет", &cabinet(&bank, &customer)).into_response()
}

fn cabinet(bank: &Bank, customer: &Customer) -> String {
    let name = ["first_name", "middle_name"].iter().filter_map(|part| customer.profile.get(*part)?.as_str());
    let name = encoded(&name.collect::<Vec<_>>().join(" "));
    let now = bank.clock.now();
    let consent = |consent: consents::Consent| {
        let scopes = encoded(&consent.scopes.join(", "));
        format!("<li>{}: {scopes}</li>", encoded(consent.state_at(now).as_str()))
    };
    let consents: String = bank.consents_of(&customer.handle).into_iter().map(consent).collect();
    format!("<p>Здравствуйте, {name}!</p><h2>Согласия</h2><ul>{consents}</ul>")
}

/// A teller learns that customers exist, not who they are to the state.
async fn staff_customers(State(bank): Here, headers: HeaderMap) -> Answer {
    if bank.roles.of(&headers) != Some(Role::Teller) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let customers: Vec<Customer> = bank.store.all("customer/");
    bank.audit.note(bank.clock.now(), "staff", "staff.customers", None);
    Json(json!({"customers": customers.iter().map(|known| &known.handle).collect::<Vec<_>>()})).into_response()
}

async fn staff_audit(State(bank): Here, headers: HeaderMap) -> Answer {
    if bank.roles.of(&headers) != Some(Role::Auditor) {
        return StatusCode::FORBIDDEN.into_response();
    }
    bank.audit.text().into_response()
}
