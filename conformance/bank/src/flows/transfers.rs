//! Money that leaves for the budget or a programme, and a payout to the customer's card (PAY-1, PAY-2, PAY-3): a token
//! stands for the card or account, the key of the account is checked here first.

use contract::adapter::{ReasonClass, Report};
use contract::matter::MatterKind;
use serde_json::Value;

use super::access::Access;
use super::certificates::ended;
use super::{duties, matters, services};
use crate::bank::done;
use crate::conduct::{MatterCheck, MatterDuty, ServiceShown};
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};

/// What stands for the customer's card. A broken variant has only the number.
pub(crate) fn card(access: &Access<'_>) -> String {
    if access.bank.conduct.keeps(MatterDuty::TokenNotNumber) {
        access.customer.card_token.clone()
    } else {
        "2200000000000004".to_owned()
    }
}

pub(crate) async fn transfer(access: &mut Access<'_>, kind: &str) -> Result<Report, Refusal> {
    let amount = matters::money(access, "amount")?;
    let to = access.flow.params.get("to").cloned().unwrap_or_default();
    let text = |name: &str| to[name].as_str().unwrap_or_default().to_owned();
    if !to.is_null() && !duties::fits(&text("account"), &text("bik")) {
        let refusal = refuse(ReasonClass::Format, "TRANSFER-ACCOUNT", "the key of the account does not hold")
            .saying("Счёт получателя указан с ошибкой: контрольный ключ не сходится. Проверьте реквизиты.");
        weigh(access.bank, MatterCheck::RequisitesAccount, refusal, &mut access.late)?;
    }
    let mut body = services::body(access);
    body["kind"] = Value::from(kind);
    body["amount"] = Value::from(amount);
    body["from"] = Value::from(card(access));
    if !to.is_null() {
        body["to"] = to;
    }
    if let Some(programme) = access.flow.params.get("programme") {
        body["programme"] = programme.clone();
    }
    let opened = matters::open(access, MatterKind::Transfer, body).await?;
    same_amount(access, &opened, amount)?;
    ended(access)?;
    Ok(done(matters::values(MatterKind::Transfer, shown(access, opened))))
}

pub(crate) async fn payout(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let amount = matters::money(access, "amount")?;
    let given = access.flow.params.get("card_token").and_then(Value::as_str).map(str::to_owned);
    let keeps = access.bank.conduct.keeps(MatterDuty::TokenNotNumber);
    let token = given.filter(|_| keeps).unwrap_or_else(|| card(access));
    if keeps && contract::matter::is_card_number(&token) {
        return Err(refuse(ReasonClass::Format, "CARD-NUMBER", "a card number where a token is due")
            .saying("Номер карты передавать нельзя: выберите карту из списка."));
    }
    let mut body = services::body(access);
    body["amount"] = Value::from(amount);
    body["card_token"] = Value::from(token);
    let opened = matters::open(access, MatterKind::Payout, body).await?;
    same_amount(access, &opened, amount)?;
    ended(access)?;
    Ok(done(matters::values(MatterKind::Payout, shown(access, opened))))
}

/// The portal confirms the sum that was ordered.
fn same_amount(access: &mut Access<'_>, opened: &Value, amount: i64) -> Result<(), Refusal> {
    let told = opened["details"]["amount"].as_i64();
    if told.is_none_or(|told| told == amount) {
        return Ok(());
    }
    let refusal = refuse(ReasonClass::Binding, "AMOUNT-DIFFERS", "the portal confirms another sum");
    weigh(access.bank, MatterCheck::Amount, refusal, &mut access.late)
}

fn shown(access: &Access<'_>, value: Value) -> Value {
    let mut value = value;
    if !access.bank.conduct.keeps(ServiceShown::Transfer) {
        let other = match value["state"].as_str() {
            Some("accepted" | "sent") => "credited",
            Some("requested") => "sent",
            _ => "accepted",
        };
        value["state"] = Value::from(other);
    }
    value
}
