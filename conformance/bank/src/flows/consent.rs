//! Consents after the person's answer: the portal's record is read and held against what was asked; later its state is
//! shown, or the consent is taken back and the portal told until it confirms.

use std::sync::Arc;

use contract::adapter::{ReasonClass, Report};
use http::Method;
use serde_json::{Value, json};

use super::go_on;
use crate::bank::{Attempt, Bank, Flow, done};
use crate::conduct::ConsentDuty;
use crate::consents::{Consent, State, read_record};
use crate::customers::Customer;
use crate::flows::customer;
use crate::http::{Answer, Request};
use crate::protocol::{self, Grant};
use crate::refusal::{Refusal, refuse};
use crate::retry::{Next, Retry};
use crate::tokens::TokenAnswer;

/// The person approved: the record decides, not the redirect.
pub(crate) async fn conclude(
    bank: &Arc<Bank>,
    flow: &Flow,
    attempt: &Attempt,
    answer: &TokenAnswer,
    subject: &str,
    mut late: Vec<Refusal>,
) -> Result<(), Refusal> {
    let Some(ask) = &attempt.consent else { return Ok(()) };
    let flow = bank.flow(&flow.id).unwrap_or_else(|| flow.clone());
    let customer = customer(bank, &flow)?;
    if subject != customer.subject {
        return Err(refuse(
            ReasonClass::Binding,
            "CONSENT-PERSON",
            "another person signed in than the one who was asked",
        ));
    }
    let id = answer.consent.as_deref();
    let id = id.ok_or_else(|| refuse(ReasonClass::Consent, "CONSENT-ABSENT", "the token answer names no consent"))?;
    let record = record(bank, id, &answer.access).await?;
    let (consent, noticed) = read_record(bank, ask, &customer, id, &record)?;
    late.extend(noticed);
    bank.keep_consent(&consent);
    bank.audit.note(bank.clock.now(), &flow.id, "consent.granted", None);
    if !bank.conduct.consent(ConsentDuty::ScopesKept) {
        read_all_asked(bank, &flow, &customer, &consent).await;
    }
    if let Some(refusal) = late.into_iter().next() {
        return Err(refusal);
    }
    if flow.action == "consent.request" {
        bank.tell(&flow.id, done(consent.values(bank.clock.now())));
        return Ok(());
    }
    bank.change(&flow.id, |flow| flow.report.browser = None);
    go_on(bank, &flow).await
}

/// The variant that reads at once all that it asked for, whatever was granted.
async fn read_all_asked(bank: &Arc<Bank>, flow: &Flow, customer: &Customer, consent: &Consent) {
    for scope in &consent.scopes {
        let mut access = super::access::Access::new(bank, flow, customer, consent.clone());
        let purpose = access.purpose().to_owned();
        let query = format!("person={}&purpose={purpose}&from=2026-01-01&to=2026-01-31", customer.subject);
        let address = bank.at(&format!("/api/v1/{scope}?{query}"));
        let read = access.call(|| Request::get(address.clone())).await;
        bank.diary.note(bank.clock.now(), "hoarded", &[("ok", if read.is_ok() { "yes" } else { "no" })]);
    }
}

/// The portal's record of a consent.
async fn record(bank: &Bank, id: &str, token: &str) -> Result<Value, Refusal> {
    let request = Request::get(bank.at(&format!("/api/v1/consents/{id}"))).bearer(token);
    let answer = patiently(bank, request).await?;
    match answer.json() {
        Some(value) if answer.status == 200 && answer.is_json() && value.is_object() => Ok(value),
        _ => Err(super::access::problem(bank, &answer)),
    }
}

async fn patiently(bank: &Bank, request: Request) -> Result<Answer, Refusal> {
    let mut retry = Retry::new(bank, true);
    loop {
        match retry.next(bank.http.send(request.clone()).await).await? {
            Next::Again => {}
            Next::Done(answer) => return Ok(answer),
        }
    }
}

/// `consent.status`: as the portal has it, taken into the register.
pub(crate) async fn status(bank: &Arc<Bank>, flow: &Flow, customer: &Customer) -> Result<Report, Refusal> {
    let consent = named(bank, flow, customer)?;
    let now = bank.clock.now();
    if consent.state_at(now) == State::Granted {
        let token = protocol::token_call(bank, &flow.id, Grant::Partner).await?;
        let record = record(bank, &consent.id, &token.access).await?;
        match record["state"].as_str().and_then(State::read) {
            Some(State::Granted) | None => {}
            Some(state) => bank.end_consent(&consent.id, state, false),
        }
    }
    let consent = bank.consent(&consent.id).unwrap_or(consent);
    Ok(done(consent.values(now)))
}

/// `consent.revoke`: nothing is used from this moment; the portal is told until it knows (152-FZ art. 9(2)).
pub(crate) async fn revoke(bank: &Arc<Bank>, flow: &Flow, customer: &Customer) -> Result<Report, Refusal> {
    let consent = named(bank, flow, customer)?;
    bank.end_consent(&consent.id, State::Revoked, false);
    if bank.conduct.consent(ConsentDuty::RevocationTold) {
        tell_portal(bank, flow, &consent.id).await?;
    }
    let consent = bank.consent(&consent.id).unwrap_or(consent);
    Ok(done(consent.values(bank.clock.now())))
}

pub(crate) async fn tell_portal(bank: &Arc<Bank>, flow: &Flow, id: &str) -> Result<(), Refusal> {
    let token = protocol::token_call(bank, &flow.id, Grant::Partner).await?;
    let address = bank.at(&format!("/api/v1/consents/{id}/revoke"));
    let request = Request::json(Method::POST, address, &json!({})).bearer(&token.access);
    let answer = patiently(bank, request).await?;
    match answer.status {
        // 409: it is over already, which is what was wanted.
        200..=299 | 409 => Ok(()),
        _ => Err(super::access::problem(bank, &answer)),
    }
}

fn named(bank: &Bank, flow: &Flow, customer: &Customer) -> Result<Consent, Refusal> {
    let id = flow.params.get("consent").and_then(Value::as_str);
    let found = match id {
        Some(id) => bank.consent(id),
        None => bank.consents_of(&customer.handle).into_iter().max_by_key(|consent| consent.granted_at),
    };
    let found = found.filter(|consent| consent.customer == customer.handle);
    found.ok_or_else(|| refuse(ReasonClass::Consent, "CONSENT-UNKNOWN", "no such consent of this customer"))
}
