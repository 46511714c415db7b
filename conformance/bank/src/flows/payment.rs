//! Paying a debt once: one key for the operation, kept before anything is sent; an answer that got lost is asked for, not
//! paid again; a conflict is waited out under the same key (Idempotency-Key draft §2.6, §2.7).

use contract::adapter::{ReasonClass, Report};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use super::access::{Access, problem};
use super::matters::{KEY, TRIES, UNDER_WAY};
use crate::bank::{Bank, done};
use crate::conduct::{Course, DataCheck, Fresh, PaymentDuty, Shown, Trouble};
use crate::http::{Answer, Lost, Request};
use crate::refusal::{Refusal, refuse};
use crate::retry::{Next, Retry};

/// What is kept of an operation before it is sent, so that a restart asks instead of paying.
#[derive(Serialize, Deserialize)]
struct Order {
    key: String,
    uin: String,
    body: Value,
}

pub(crate) async fn pay(access: &mut Access<'_>) -> Result<Report, Refusal> {
    access.token_outlives_loss = true;
    let bank = access.bank;
    let params = &access.flow.params;
    let unclear = |what: &str| refuse(ReasonClass::Format, "PAY-ORDER", format!("the order has no {what}"));
    let uin = params.get("uin").and_then(Value::as_str).ok_or_else(|| unclear("uin"))?.to_owned();
    let amount = params.get("amount").and_then(Value::as_i64).ok_or_else(|| unclear("amount"))?;
    let method = params.get("method").and_then(Value::as_str).unwrap_or("card");
    let body = json!({
        "person": access.customer.subject.parse::<i64>().map_or_else(|_| json!(access.customer.subject), |n| json!(n)),
        "purpose": access.purpose(),
        "amount": amount,
        "method": method,
        "source": access.customer.card_token,
    });
    let name = format!("payment/{}", access.flow.operation);
    let known =
        bank.store.read::<Order>(&name).filter(|order| order.uin == uin && bank.conduct.payment(PaymentDuty::OnePress));
    let is_known = known.is_some();
    let mut order = known.unwrap_or_else(|| Order { key: new_key(bank), uin, body });
    bank.store.put(&name, &order, true);
    let payment = match if is_known { ask(access, &order).await? } else { None } {
        Some(payment) => payment,
        None => send(access, &mut order).await?,
    };
    let is_same = payment["uin"] == order.uin.as_str() && payment["amount"].as_i64() == Some(amount);
    if !is_same && !payment.is_null() {
        let refusal = refuse(ReasonClass::Binding, "PAY-DIFFERS", "the payment is not the one that was ordered")
            .saying("Портал подтвердил не ту сумму. Платёж проверяется, не платите повторно.");
        access.weigh(DataCheck::PaymentAmount, refusal)?;
    }
    access.keep(&format!("payment/{}", order.uin), &payment);
    if let Some(refusal) = access.late.take() {
        return Err(refusal);
    }
    let mut shown = payment;
    if !bank.conduct.shows(Shown::PaymentState) {
        let other = if shown["state"] == "settled" { "accepted" } else { "settled" };
        shown["state"] = Value::from(other);
    }
    let mut values = Map::new();
    values.insert("payment".to_owned(), shown);
    Ok(done(values))
}

fn new_key(bank: &Bank) -> String {
    bank.make(Fresh::IdempotencyKey).unwrap_or_default()
}

/// Sends the order until its fate is known.
async fn send(access: &mut Access<'_>, order: &mut Order) -> Result<Value, Refusal> {
    let bank = access.bank;
    let address = bank.at(&format!("/api/v1/debts/{}/payments", order.uin));
    let mut tries = 0;
    let mut refused = 0;
    loop {
        tries += 1;
        let outcome = once(access, &address, order).await?;
        let spent = tries >= TRIES;
        let answer = match outcome {
            Ok(answer) if answer.whole => answer,
            Ok(_) | Err(_) if spent => return Err(unknown()),
            Ok(_) | Err(_) => {
                if !bank.conduct.payment(PaymentDuty::FateAsked) || !bank.conduct.payment(PaymentDuty::SameKeyOnRepeat)
                {
                    order.key = new_key(bank);
                    continue;
                }
                if let Some(payment) = ask(access, order).await? {
                    return Ok(payment);
                }
                continue;
            }
        };
        match answer.status {
            200..=299 => return access.data(&answer),
            409 if !spent => {
                if is_paid_already(&answer) {
                    return ask(access, order).await?.ok_or_else(|| problem(bank, &answer));
                }
                bank.clock.wait(UNDER_WAY).await;
                if !bank.conduct.payment(PaymentDuty::SameKeyOnConflict) {
                    order.key = new_key(bank);
                }
            }
            422 if refused < 3 && bank.conduct.resends(Trouble::Unprocessable) => refused += 1,
            _ => return Err(problem(bank, &answer)),
        }
    }
}

fn is_paid_already(answer: &Answer) -> bool {
    answer.json().is_some_and(|value| value["code"] == "debt-already-paid")
}

fn unknown() -> Refusal {
    refuse(ReasonClass::Transport, "PAY-UNKNOWN", "the fate of the payment is not known")
        .saying("Судьба платежа уточняется. Не платите повторно: банк сообщит, когда портал ответит.")
}

/// One sending; waits that the portal orders are kept, a lost answer is told to the caller.
async fn once(access: &mut Access<'_>, address: &Url, order: &mut Order) -> Result<Result<Answer, Lost>, Refusal> {
    let bank = access.bank;
    let token = access.bearer().await?;
    let mut retry = Retry::new(bank, true);
    loop {
        let request = Request::json(Method::POST, address.clone(), &order.body).with(KEY, &order.key);
        let outcome = bank.http.send(request.clone().bearer(&token)).await;
        if bank.conduct.course() == Course::Storms {
            let _ = bank.http.send(request.bearer(&token)).await;
        }
        match outcome {
            Err(lost @ Lost::Untrusted(_)) => return Err(lost.refusal()),
            Err(lost) => return Ok(Err(lost)),
            Ok(answer) if !answer.whole || matches!(answer.status, 409 | 422) => return Ok(Ok(answer)),
            Ok(answer) => match retry.next(Ok(answer)).await? {
                Next::Again if !bank.conduct.payment(PaymentDuty::SameKeyOnRepeat) => order.key = new_key(bank),
                Next::Again => {}
                Next::Done(answer) => return Ok(Ok(answer)),
            },
        }
    }
}

/// What became of the payment under this key; none when the portal never had it.
async fn ask(access: &mut Access<'_>, order: &Order) -> Result<Option<Value>, Refusal> {
    let person = access.customer.subject.clone();
    let purpose = access.purpose().to_owned();
    let address = access.bank.at(&format!("/api/v1/payments?person={person}&purpose={purpose}&key={}", order.key));
    let answer = access.call(|| Request::get(address.clone())).await?;
    if answer.status == 404 {
        return Ok(None);
    }
    let value = access.data(&answer)?;
    let payment = value["items"].as_array().map(|items| items.first().cloned()).unwrap_or(Some(value.clone()));
    Ok(payment.filter(|payment| payment.get("id").is_some()))
}
