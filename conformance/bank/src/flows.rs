//! The bank's services, a file each. A call of an action becomes a flow with a task of its own; a flow that needs the
//! person waits for the browser and goes on from the callback.

use std::sync::Arc;

use contract::adapter::{ActionCall, Browser, Outcome, ReasonClass, Report};
use contract::time::Span;
use serde_json::{Map, Value};

use crate::bank::{Bank, Flow, done, pending};
use crate::conduct::{ConsentDuty, Course, PaymentDuty};
use crate::consents::ConsentAsk;
use crate::customers::Customer;
use crate::protocol::new_attempt;
use crate::refusal::{Refusal, refuse};

pub(crate) mod access;
pub(crate) mod callback;
pub(crate) mod consent;
pub(crate) mod debts;
pub(crate) mod link;
pub(crate) mod payment;
pub(crate) mod pension;
pub(crate) mod person;

/// What the bank offers through its adapter.
pub(crate) const CLAIMS: [&str; 10] = [
    "customer.link",
    "customer.profile",
    "customer.unlink",
    "consent.request",
    "consent.status",
    "consent.revoke",
    "debts.list",
    "debts.pay",
    "debts.feed",
    "pension.view",
];

/// The purpose and term that the bank asks for by itself.
const PURPOSE: &str = "CREDIT";
const TERM: Span = Span::from_days(30);

/// How long a call waits for its flow before it answers `pending`.
const AT_ONCE: Span = Span::from_millis(400);

/// `POST /stend/actions/{action}`; none when the bank has no such action.
pub(crate) async fn act(bank: &Arc<Bank>, action: &str, call: ActionCall) -> Option<Report> {
    if !CLAIMS.contains(&action) {
        return None;
    }
    if bank.conduct.course() == Course::Idle {
        return Some(Report { customer: Some("c-0".to_owned()), ..done(Map::new()) });
    }
    let id = call.flow.clone();
    let is_new = bank.flow(&id).is_none();
    if is_new {
        let flow = Flow {
            id: id.clone(),
            action: action.to_owned(),
            operation: call.operation,
            customer: call.customer,
            params: call.params,
            entry: bank.draw.token(),
            attempt: None,
            report: pending(),
            begun: bank.clock.now(),
            signed_in: None,
        };
        bank.flows().insert(id.clone(), flow.clone());
        bank.diary.note(bank.clock.now(), "begun", &[("flow", &id), ("action", action)]);
        let bank = bank.clone();
        tokio::spawn(async move { run(&bank, flow).await });
    }
    bank.settle(&id, AT_ONCE).await
}

/// `POST /stend/observe`.
pub(crate) async fn observe(bank: &Arc<Bank>, id: &str) -> Option<Report> {
    sweep(bank).await;
    if bank.flow(id)?.report.browser.is_some() {
        return bank.flow(id).map(|flow| flow.report);
    }
    bank.settle(id, AT_ONCE).await
}

/// Ends the flows whose person never answered: no answer is a no (CST-03).
pub(crate) async fn sweep(bank: &Arc<Bank>) {
    let now = bank.clock.now();
    let stale: Vec<Flow> = bank.flows().values().filter(|flow| flow.is_unanswered(now)).cloned().collect();
    for flow in stale {
        let is_consent = flow.attempt.as_ref().is_some_and(|attempt| attempt.consent.is_some());
        if is_consent && !bank.conduct.consent(ConsentDuty::UnansweredIsNo) {
            access::snatch(bank, &flow).await;
        }
        let class = if is_consent { ReasonClass::Consent } else { ReasonClass::Time };
        let refusal = refuse(class, "NO-ANSWER", "the person did not answer in time");
        bank.end_refused(
            &flow.id,
            &refusal.saying("Вы не ответили на запрос. Начните заново, если хотите продолжить."),
        );
    }
}

async fn run(bank: &Arc<Bank>, flow: Flow) {
    let id = flow.id.clone();
    if let Err(refusal) = begin(bank, flow).await {
        bank.end_refused(&id, &refusal);
    }
}

async fn begin(bank: &Arc<Bank>, flow: Flow) -> Result<(), Refusal> {
    match flow.action.as_str() {
        "customer.link" => {
            let level = flow.params.get("level").and_then(Value::as_str).map(str::to_owned);
            let mut scopes = texts(&flow.params, "scopes");
            if !scopes.iter().any(|scope| scope == "openid") {
                scopes.insert(0, "openid".to_owned());
            }
            send_to_portal(bank, &flow.id, scopes, level, None);
            Ok(())
        }
        "consent.request" => {
            let customer = customer(bank, &flow)?;
            let term = flow.params.get("term").and_then(Value::as_str).and_then(|text| text.parse().ok());
            let purpose = flow.params.get("purpose").and_then(Value::as_str).unwrap_or(PURPOSE).to_owned();
            let ask = ConsentAsk { purpose, scopes: texts(&flow.params, "scopes"), term: term.unwrap_or(TERM) };
            ask_consent(bank, &flow, &customer, ask).await;
            Ok(())
        }
        "debts.pay" if bank.conduct.payment(PaymentDuty::OnePress) => {
            let operation = bank.operation(&flow.operation);
            let mut settled = operation.lock().await;
            if let Some(report) = settled.as_ref() {
                bank.tell(&flow.id, report.clone());
                return Ok(());
            }
            go_on(bank, &flow).await?;
            let report = bank.flow(&flow.id).map(|flow| flow.report);
            *settled = report.filter(|report| report.outcome == Outcome::Ok);
            Ok(())
        }
        _ => go_on(bank, &flow).await,
    }
}

/// The part of an action that needs no browser, or no longer.
pub(crate) async fn go_on(bank: &Arc<Bank>, flow: &Flow) -> Result<(), Refusal> {
    let customer = customer(bank, flow)?;
    let report = match flow.action.as_str() {
        "customer.profile" => person::view(bank, flow, customer).await?,
        "customer.unlink" => link::unlink(bank, flow, customer).await?,
        "consent.status" => consent::status(bank, flow, &customer).await?,
        "consent.revoke" => consent::revoke(bank, flow, &customer).await?,
        "debts.list" | "debts.pay" | "debts.feed" | "pension.view" => {
            let scope = if flow.action == "pension.view" { "pension" } else { "debts" };
            let standing = bank.standing(&customer.handle, scope);
            let Some(consent) = standing else {
                let ask = ConsentAsk { purpose: PURPOSE.to_owned(), scopes: vec![scope.to_owned()], term: TERM };
                ask_consent(bank, flow, &customer, ask).await;
                return Ok(());
            };
            let mut access = access::Access::new(bank, flow, &customer, consent);
            match flow.action.as_str() {
                "debts.list" => debts::list(&mut access).await?,
                "debts.pay" => payment::pay(&mut access).await?,
                "debts.feed" => debts::feed(&mut access).await?,
                _ => pension::view(&mut access).await?,
            }
        }
        other => return Err(refuse(ReasonClass::Other, "ACTION", format!("no such action: {other}"))),
    };
    bank.diary.note(bank.clock.now(), "done", &[("flow", &flow.id), ("action", &flow.action)]);
    bank.audit.note(bank.clock.now(), &flow.id, &flow.action, None);
    bank.tell(&flow.id, report);
    Ok(())
}

async fn ask_consent(bank: &Arc<Bank>, flow: &Flow, customer: &Customer, ask: ConsentAsk) {
    if !bank.conduct.consent(ConsentDuty::AskedBeforeData) {
        access::snatch(bank, flow).await;
    }
    bank.change(&flow.id, |flow| flow.customer = Some(customer.handle.clone()));
    bank.audit.note(bank.clock.now(), &flow.id, "consent.requested", None);
    send_to_portal(bank, &flow.id, vec!["openid".to_owned()], None, Some(ask));
}

/// The flow waits for the person at an address of the bank's own, where the browser gets its session.
fn send_to_portal(bank: &Bank, id: &str, scopes: Vec<String>, level: Option<String>, consent: Option<ConsentAsk>) {
    let attempt = new_attempt(bank, scopes, level, consent);
    let entry = bank.change(id, |flow| {
        flow.attempt = Some(attempt);
        flow.entry.clone()
    });
    let url = format!("{}/link/{}", bank.origin, entry.unwrap_or_default());
    bank.tell(id, Report { browser: Some(Browser { url }), ..pending() });
}

pub(crate) fn customer(bank: &Bank, flow: &Flow) -> Result<Customer, Refusal> {
    let unknown = || refuse(ReasonClass::Binding, "CUSTOMER-UNKNOWN", "no such customer");
    flow.customer.as_deref().and_then(|handle| bank.customer(handle)).ok_or_else(unknown)
}

pub(crate) fn texts(params: &Map<String, Value>, name: &str) -> Vec<String> {
    let listed = params.get(name).and_then(Value::as_array);
    listed.map(|all| all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()).unwrap_or_default()
}
