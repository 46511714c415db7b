//! Orders, applications, transfers, payouts, returns, intakes, tickets: one set of handlers for every kind of the table of
//! lifecycles, and what is written once beside them. Paths and their description come from the same table.

mod attachments;
mod describe;
mod parse;
mod voices;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::routing::{get, post, put};
use bytes::Bytes;
use contract::matter::{By, LIFECYCLES, Lifecycle, MatterKind, MoveBody, TaxReturnBody};
use contract::registries::debts::{Payment, PaymentOrder};
use contract::shape::Shaped;
use domain::{BankAct, Command, MatterCommand, MatterReply, Once, PayDebt, Refusal, Reply, Secret};
use http::HeaderMap;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::call::{Call, invalid, serve, unexpected};
use super::payments::idempotency_key;
use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;

pub(crate) use attachments::Attachments;
pub(super) use describe::{paths, shapes};

type Shared = State<Arc<Sandbox>>;

/// The namespace of a kind's XML.
pub(super) fn namespace(kind: MatterKind) -> &'static str {
    match kind {
        MatterKind::Application => "urn:stend:applications:1.0",
        MatterKind::Intake => "urn:stend:intakes:1.0",
        MatterKind::Order => "urn:stend:orders:1.0",
        MatterKind::Payment => "urn:stend:payments:1.0",
        MatterKind::Payout => "urn:stend:payouts:1.0",
        MatterKind::TaxReturn => "urn:stend:returns:1.0",
        MatterKind::Ticket => "urn:stend:tickets:1.0",
        MatterKind::Transfer => "urn:stend:transfers:1.0",
    }
}

/// The kinds that are served here; payments have handlers of their own.
pub(super) fn served() -> impl Iterator<Item = &'static Lifecycle> {
    LIFECYCLES.iter().copied().filter(|cycle| cycle.kind != MatterKind::Payment)
}

/// Moves that a bank may ask for, beside what is no arrow: a fresh code, the bank's own status.
pub(super) fn asked_for(cycle: &Lifecycle) -> Vec<&'static str> {
    let carried = matches!(cycle.kind, MatterKind::Order | MatterKind::Payout);
    let mut names: Vec<&'static str> = cycle
        .moves
        .iter()
        .filter(|step| (step.by == By::Bank && step.name != "deliver") || (carried && step.name == "confirm"))
        .map(|step| step.name)
        .collect();
    match cycle.kind {
        MatterKind::Application => names.push("status"),
        _ if carried => names.push("resend"),
        _ => {}
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Every path of this room.
pub(super) fn matter_routes(mut router: Router<Arc<Sandbox>>) -> Router<Arc<Sandbox>> {
    for cycle in served() {
        let kind = cycle.kind;
        let begin = move |sandbox: Shared, caller: Caller, headers: HeaderMap, query: RawQuery, bytes: Bytes| {
            open(kind, sandbox, caller, headers, query, bytes)
        };
        let all = move |sandbox: Shared, caller: Caller, headers: HeaderMap, query: RawQuery| {
            list(kind, sandbox, caller, headers, query)
        };
        let one = move |sandbox: Shared, caller: Caller, id: Path<String>, headers: HeaderMap, query: RawQuery| {
            show(kind, sandbox, caller, id, headers, query)
        };
        let go = move |sandbox: Shared,
                       caller: Caller,
                       step: Path<(String, String)>,
                       headers: HeaderMap,
                       query: RawQuery,
                       bytes: Bytes| act(kind, sandbox, caller, step, headers, query, bytes);
        let base = format!("/api/v1/{}", cycle.plural);
        router = match kind.body() {
            Some(_) => router.route(&base, get(all).post(begin)),
            None => router.route(&base, get(all)),
        };
        router = router.route(&format!("{base}/{{id}}"), get(one)).route(&format!("{base}/{{id}}/{{step}}"), post(go));
    }
    router
        .route("/api/v1/duties/{uin}/payments", post(pay))
        .route("/api/v1/payments/{id}/reverse", post(reverse))
        .route("/api/v1/attachments/{id}", put(attachments::keep).get(attachments::show))
        .route("/api/v1/surveys", post(voices::survey))
        .route("/api/v1/metrics", post(voices::metrics))
        .route("/api/v1/analytics", post(voices::analyse).get(voices::analytics))
        .route("/api/v1/offers/{opening}", post(voices::offer))
}

/// Idempotency key and what came under it, both digested: method, address and body bytes.
pub(super) fn once(headers: &HeaderMap, path: &str, bytes: &[u8]) -> Result<Once, Refusal> {
    let key = idempotency_key(headers)?;
    let mut body = Sha256::new();
    body.update(path.as_bytes());
    body.update(b"\n");
    body.update(bytes);
    Ok(Once { key, body: hex::encode(body.finalize()) })
}

/// Sends a command to the core.
pub(super) async fn matter(call: &Call<'_>, command: MatterCommand) -> Result<MatterReply, Refusal> {
    match call.sandbox.execute(call.caller, Command::Matter(Box::new(command))).await? {
        Reply::Matter(reply) => Ok(reply),
        _ => Err(unexpected()),
    }
}

/// The answer about a matter. Papers are drawn by the edge, so what they weigh is added here.
fn told(sandbox: &Sandbox, kind: MatterKind, status: u16, mut value: Value) -> Answer {
    weighed(sandbox, &mut value);
    Answer::json(status, value).shaped(kind.answer(), namespace(kind))
}

/// Size and digest of each paper of a matter.
fn weighed(sandbox: &Sandbox, matter: &mut Value) {
    for document in matter.get_mut("documents").and_then(Value::as_array_mut).into_iter().flatten() {
        let described = document["id"].as_str().and_then(|id| crate::documents::described(sandbox, id));
        if let Some((size, sha256)) = described {
            document["size"] = json!(size);
            document["sha256"] = json!(sha256);
        }
    }
}

async fn open(
    kind: MatterKind,
    State(sandbox): Shared,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::MatterOpen, |call| {
        let headers = &headers;
        async move {
            let once = once(headers, kind.lifecycle().plural, &bytes)?;
            let (ask, what) = parse::opening(&call, kind, headers, &bytes).await?;
            let address = format!("person={}&purpose={}", ask.person, ask.purpose);
            let MatterReply::Matter { value, repeated } =
                matter(&call, MatterCommand::Open { ask, once, what }).await?
            else {
                return Err(unexpected());
            };
            let id = value["id"].as_str().unwrap_or_default();
            let location = format!("/api/v1/{}/{id}?{address}", kind.lifecycle().plural);
            Ok(told(call.sandbox, kind, if repeated { 200 } else { 201 }, value).with("location", location))
        }
    })
    .await
}

async fn list(
    kind: MatterKind,
    State(sandbox): Shared,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::MatterList, |call| async move {
        let ask = call.ask()?;
        let state = call.optional("state")?.map(str::to_owned);
        let MatterReply::List(mut items) = matter(&call, MatterCommand::List { ask, kind, state }).await? else {
            return Err(unexpected());
        };
        items.iter_mut().for_each(|item| weighed(call.sandbox, item));
        Ok(Answer::json(200, json!({ "items": items })).shaped(kind.listing(), namespace(kind)))
    })
    .await
}

async fn show(
    kind: MatterKind,
    State(sandbox): Shared,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::MatterRead, |call| async move {
        let ask = call.ask()?;
        let MatterReply::Matter { value, .. } = matter(&call, MatterCommand::Read { ask, kind, id }).await? else {
            return Err(unexpected());
        };
        Ok(told(call.sandbox, kind, 200, value))
    })
    .await
}

async fn act(
    kind: MatterKind,
    State(sandbox): Shared,
    caller: Caller,
    Path((id, step)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::MatterMove, |call| {
        let headers = &headers;
        async move {
            if !asked_for(kind.lifecycle()).contains(&step.as_str()) {
                return Err(match kind.lifecycle().knows(&step) {
                    true => Refusal::new("move-not-allowed", "move-not-allowed").check("move").seen(step),
                    false => Refusal::new("not-found", "not-found").check("path").wanted("a move of /openapi.json"),
                });
            }
            let once = once(headers, &format!("{}/{id}/{step}", kind.lifecycle().plural), &bytes)?;
            let (ask, act) = if step == "correct" {
                let body: TaxReturnBody = call.read(headers, &bytes, namespace(kind))?;
                let ask = call.about(body.person, &body.purpose)?;
                let (details, signed) = parse::tax_return(&call, &body);
                (ask, BankAct::Correct { details, signed })
            } else {
                let body: MoveBody = call.read(headers, &bytes, namespace(kind))?;
                (call.about(body.person, &body.purpose)?, bank_act(&step, body)?)
            };
            let command = MatterCommand::Move { ask, once, kind, id, act };
            let MatterReply::Matter { value, .. } = matter(&call, command).await? else { return Err(unexpected()) };
            Ok(told(call.sandbox, kind, 200, value))
        }
    })
    .await
}

fn bank_act(step: &str, body: MoveBody) -> Result<BankAct, Refusal> {
    let missing = |name: &str| invalid(name, "absent", "a value for this move");
    Ok(match step {
        "ask" => BankAct::Ask { text: body.text.ok_or_else(|| missing("text"))? },
        "cancel" => BankAct::Cancel,
        "confirm" => BankAct::Confirm { code: Secret::new(body.code.ok_or_else(|| missing("code"))?) },
        "decide" => {
            BankAct::Decide { decision: body.decision.ok_or_else(|| missing("decision"))?, reason: body.reason }
        }
        "resend" => BankAct::Resend,
        "reverse" => BankAct::Reverse,
        "status" => BankAct::Status {
            state_text: body.state_text.or_else(|| body.text.clone()).ok_or_else(|| missing("state_text"))?,
            text: body.text,
        },
        _ => BankAct::Take,
    })
}

async fn pay(
    State(sandbox): Shared,
    caller: Caller,
    Path(uin): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::DebtPay, |call| {
        let headers = &headers;
        async move {
            let key = idempotency_key(headers)?;
            let order: PaymentOrder = call.read(headers, &bytes, namespace(MatterKind::Payment))?;
            let ask = call.about(order.person, &order.purpose)?;
            let address = format!("person={}&purpose={}", ask.person, ask.purpose);
            let order = PayDebt { ask, uin, key, amount: order.amount, method: order.method, source: order.source };
            let (payment, repeated) = paid(&call, MatterCommand::PayDuty(Box::new(order))).await?;
            let location = format!("/api/v1/payments/{}?{address}", payment.id);
            Ok(receipted(if repeated { 200 } else { 201 }, &payment).with("location", location))
        }
    })
    .await
}

async fn reverse(
    State(sandbox): Shared,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::MatterMove, |call| {
        let headers = &headers;
        async move {
            // The key is asked for like at every order, though a second reversal finds nothing to do.
            idempotency_key(headers)?;
            let body: MoveBody = call.read(headers, &bytes, namespace(MatterKind::Payment))?;
            let ask = call.about(body.person, &body.purpose)?;
            let (payment, _) = paid(&call, MatterCommand::ReversePayment { ask, id }).await?;
            Ok(receipted(200, &payment))
        }
    })
    .await
}

async fn paid(call: &Call<'_>, command: MatterCommand) -> Result<(Payment, bool), Refusal> {
    match call.sandbox.execute(call.caller, Command::Matter(Box::new(command))).await? {
        Reply::Payment { payment, repeated } => Ok((*payment, repeated)),
        _ => Err(unexpected()),
    }
}

fn receipted(status: u16, payment: &Payment) -> Answer {
    Answer::json(status, serde_json::to_value(payment).unwrap_or_default())
        .shaped(Payment::SHAPE, namespace(MatterKind::Payment))
}

#[cfg(test)]
mod tests;
