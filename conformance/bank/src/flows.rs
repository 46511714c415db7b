//! The bank's services, a file each. A call of an action becomes a flow with a task of its own; a flow that needs the
//! person waits for the browser and goes on from the callback.

use std::sync::Arc;

use contract::adapter::{ActionCall, Browser, Outcome, ReasonClass, Report};
use contract::matter::MatterKind;
use contract::time::Span;
use serde_json::{Map, Value};

use crate::bank::{Bank, Flow, done, pending};
use crate::conduct::{ConsentDuty, Course, MatterDuty, PaymentDuty};
use crate::consents::ConsentAsk;
use crate::customers::Customer;
use crate::protocol::new_attempt;
use crate::refusal::{Refusal, refuse};

pub(crate) mod access;
pub(crate) mod aggregates;
pub(crate) mod applications;
pub(crate) mod callback;
pub(crate) mod certificates;
pub(crate) mod consent;
pub(crate) mod debts;
pub(crate) mod duties;
pub(crate) mod exports;
pub(crate) mod link;
pub(crate) mod matters;
pub(crate) mod papers;
pub(crate) mod payment;
pub(crate) mod pension;
pub(crate) mod person;
pub(crate) mod reads;
pub(crate) mod services;
pub(crate) mod transfers;

/// What the bank offers through its adapter.
pub(crate) const CLAIMS: &[&str] = &[
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
    "account.serve",
    "analytics.push",
    "application.process",
    "application.status",
    "budget.transfer",
    "certificate.download",
    "certificate.order",
    "certificate.status",
    "document.pass",
    "duty.list",
    "duty.pay",
    "duty.status",
    "estate.export",
    "estate.lookup",
    "events.follow",
    "factor.confirm",
    "feedback.send",
    "insurance.offer",
    "loan.decide",
    "offer.list",
    "payments.list",
    "payout.receive",
    "pension.export",
    "programme.transfer",
    "recommendations.list",
    "tax.file",
    "wallet.sync",
];

/// The facilities that it has beside them.
pub(crate) const FACILITIES: &[&str] =
    &["audit", "channel.soap", "channel.v2", "channel.ws", "encryption", "format.csv", "format.xml", "webhook"];

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

/// Actions of which one press counts, however often the button is pressed.
const MONEY: &[&str] = &[
    "budget.transfer",
    "certificate.order",
    "debts.pay",
    "document.pass",
    "duty.pay",
    "feedback.send",
    "payout.receive",
    "programme.transfer",
    "tax.file",
];

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
        action if MONEY.contains(&action) && bank.conduct.payment(PaymentDuty::OnePress) => {
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
    let report = match flow.action.as_str() {
        "events.follow" => Some(crate::socket::follow(bank, flow).await?),
        action => {
            let customer = customer(bank, flow)?;
            match action {
                "customer.profile" => Some(person::view(bank, flow, customer).await?),
                "customer.unlink" => Some(link::unlink(bank, flow, customer).await?),
                "consent.status" => Some(consent::status(bank, flow, &customer).await?),
                "consent.revoke" => Some(consent::revoke(bank, flow, &customer).await?),
                _ => under_consent(bank, flow, &customer).await?,
            }
        }
    };
    let Some(report) = report else { return Ok(()) };
    bank.diary.note(bank.clock.now(), "done", &[("flow", &flow.id), ("action", &flow.action)]);
    bank.audit.note(bank.clock.now(), &flow.id, &flow.action, None);
    bank.tell(&flow.id, report);
    Ok(())
}

/// The scope that an action needs, and the purposes that its data may serve (any, where none is named).
fn need(bank: &Bank, flow: &Flow) -> Option<(&'static str, &'static [&'static str])> {
    if let Some(service) = services::of(&flow.action) {
        return Some((service.scope, service.purposes));
    }
    let scope = match flow.action.as_str() {
        "debts.pay" | "debts.feed" => "debts",
        "account.serve" => "accounts",
        "analytics.push" => "analytics",
        "application.process" | "application.status" => "applications",
        "budget.transfer" | "payout.receive" | "programme.transfer" => "transfers",
        "certificate.download" | "certificate.order" | "certificate.status" => "certificates",
        "document.pass" => "documents",
        "duty.pay" | "duty.status" => "duties",
        "factor.confirm" => confirmed(bank, flow).lifecycle().scope,
        "feedback.send" => "feedback",
        _ => return None,
    };
    Some((scope, &[]))
}

/// What a code is to confirm: the bank knows its own orders and payouts.
fn confirmed(bank: &Bank, flow: &Flow) -> MatterKind {
    let id = flow.params.get("matter").and_then(Value::as_str).unwrap_or_default();
    bank.matter(id).map_or(MatterKind::Order, |known| known.kind)
}

/// An action on data that a standing consent opens; where there is none, the person is asked first, and nothing to report.
async fn under_consent(bank: &Arc<Bank>, flow: &Flow, customer: &Customer) -> Result<Option<Report>, Refusal> {
    let Some((scope, purposes)) = need(bank, flow) else {
        return Err(refuse(ReasonClass::Other, "ACTION", format!("no such action: {}", flow.action)));
    };
    let unattended = flow.params.get("unattended").and_then(Value::as_bool) == Some(true);
    let Some(consent) = bank.standing(&customer.handle, scope, purposes) else {
        if unattended {
            // Nobody is there to be asked.
            if !bank.conduct.keeps(MatterDuty::StandingConsent) {
                access::order_anyway(bank, flow, customer).await;
            }
            return Err(refuse(
                ReasonClass::Consent,
                "CONSENT-STANDING",
                "no standing consent for an order without an operator",
            ));
        }
        let purpose = purposes.first().copied().unwrap_or(PURPOSE).to_owned();
        let mut scopes = vec![scope.to_owned()];
        if matches!(flow.action.as_str(), "estate.export" | "pension.export")
            && flow.params.get("format") == Some(&Value::from("pdf"))
        {
            scopes.push("certificates".to_owned());
        }
        ask_consent(bank, flow, customer, ConsentAsk { purpose, scopes, term: TERM }).await;
        return Ok(None);
    };
    let papers = bank.standing(&customer.handle, "certificates", &[]);
    let mut access = access::Access::new(bank, flow, customer, consent);
    let access = &mut access;
    let report = match flow.action.as_str() {
        "account.serve" => crate::banking::serve(access).await?,
        "analytics.push" => aggregates::analytics(access).await?,
        "application.process" => applications::process(access).await?,
        "application.status" => applications::status(access).await?,
        "budget.transfer" => transfers::transfer(access, "budget").await?,
        "certificate.download" => certificates::download(access).await?,
        "certificate.order" => certificates::order(access).await?,
        "certificate.status" => certificates::status(access).await?,
        "debts.feed" => debts::feed(access).await?,
        "debts.list" => debts::list(access).await?,
        "debts.pay" => payment::pay(access).await?,
        "document.pass" => papers::pass(access).await?,
        "duty.list" => duties::list(access).await?,
        "duty.pay" => duties::pay(access).await?,
        "duty.status" => duties::status(access).await?,
        "estate.export" => exports::estate(access, papers).await?,
        "estate.lookup" => reads::estate(access).await?,
        "factor.confirm" => certificates::confirm(access, confirmed(bank, flow)).await?,
        "feedback.send" => aggregates::feedback(access).await?,
        "insurance.offer" => reads::insurance(access).await?,
        "loan.decide" => reads::loan(access).await?,
        "offer.list" => reads::offers(access).await?,
        "payments.list" => reads::state_payments(access).await?,
        "payout.receive" => transfers::payout(access).await?,
        "pension.export" => exports::pension(access, papers).await?,
        "pension.view" => pension::view(access).await?,
        "programme.transfer" => transfers::transfer(access, "programme").await?,
        "recommendations.list" => reads::recommendations(access).await?,
        "tax.file" => papers::file(access).await?,
        "wallet.sync" => reads::wallet(access).await?,
        other => return Err(refuse(ReasonClass::Other, "ACTION", format!("no such action: {other}"))),
    };
    Ok(Some(report))
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
