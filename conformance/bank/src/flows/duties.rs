//! State duties (DUT-1): shown with their requisites, paid once to requisites that hold together, followed to the receipt.
//! Account keys and the number of the charge are checked by the bank itself before money moves.

use contract::adapter::{ReasonClass, Report};
use serde_json::{Map, Value};

use super::access::{Access, problem};
use super::certificates::ended;
use super::{matters, services};
use crate::bank::done;
use crate::conduct::{MatterCheck, MatterDuty, ServiceShown, Shown};
use crate::flows::debts::up_to_the_rouble;
use crate::http::Request;
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};

pub(crate) async fn list(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let mut whole = read(access).await?;
    for duty in whole["duties"].as_array().cloned().unwrap_or_default() {
        check_requisites(access, &duty)?;
    }
    access.keep("duties", &whole);
    ended(access)?;
    if !access.bank.conduct.keeps(ServiceShown::Duty)
        && let Some(first) = whole["duties"].get_mut(0)
    {
        first["amount"] = Value::from(up_to_the_rouble(first["amount"].as_i64().unwrap_or_default()));
    }
    Ok(done(Map::from_iter([("duties".to_owned(), whole["duties"].take())])))
}

async fn read(access: &mut Access<'_>) -> Result<Value, Refusal> {
    // The action of a payment reads the same service.
    let service = services::of("duty.list").ok_or_else(|| refuse(ReasonClass::Other, "SERVICE", "no such service"))?;
    let asked = services::asked(access, service);
    services::read(access, service, &asked).await
}

pub(crate) async fn pay(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let uin = matters::text(access, "uin")?;
    let amount = matters::money(access, "amount")?;
    let method = matters::text(access, "method").unwrap_or_else(|_| "card".to_owned());
    let known = read(access).await?;
    access.keep("duties", &known);
    let listed = known["duties"].as_array().cloned().unwrap_or_default();
    let duty = listed.into_iter().find(|duty| duty["uin"] == uin.as_str());
    if let Some(duty) = &duty {
        check_requisites(access, duty)?;
    }
    let mut body = services::body(access);
    body["amount"] = Value::from(amount);
    body["method"] = Value::from(method);
    body["source"] = Value::from(super::transfers::card(access));
    access.afresh();
    let payment = match services::Channel::of(access) {
        services::Channel::Soap => {
            body["uin"] = Value::from(uin.as_str());
            let shape = contract::matter::MatterKind::Payment.answer();
            crate::smev::ask::order(access, "debt-payments", shape, &body).await?
        }
        _ => {
            let id: String = url::form_urlencoded::byte_serialize(uin.as_bytes()).collect();
            let to = access.bank.at(&format!("/api/v1/duties/{id}/payments"));
            matters::post(access, to, body).await?
        }
    };
    let payment = settled(access, payment, Some((&uin, amount)))?;
    ended(access)?;
    Ok(done(Map::from_iter([("payment".to_owned(), payment)])))
}

pub(crate) async fn status(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let id = matters::text(access, "payment")?;
    let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let at = matters::with_person(access, access.bank.at(&format!("/api/v1/payments/{encoded}")));
    let answer = access.call(|| Request::get(at.clone())).await?;
    if answer.status == 404 {
        return Err(problem(access.bank, &answer));
    }
    let payment = access.data(&answer)?;
    let payment = settled(access, payment, None)?;
    ended(access)?;
    Ok(done(Map::from_iter([("payment".to_owned(), payment)])))
}

/// What the portal says of a payment, held against the order and against what was known of it before.
fn settled(access: &mut Access<'_>, payment: Value, ordered: Option<(&str, i64)>) -> Result<Value, Refusal> {
    let bank = access.bank;
    let kind = contract::matter::MatterKind::Payment;
    let mut payment = payment;
    crate::json::expect(bank, kind.answer(), &mut payment, &mut access.late)?;
    if let Some((uin, amount)) = ordered
        && (payment["uin"] != uin || payment["amount"].as_i64() != Some(amount))
    {
        let refusal = refuse(ReasonClass::Binding, "PAY-DIFFERS", "the payment is not the one that was ordered")
            .saying("Портал подтвердил не тот платёж. Он проверяется, не платите повторно.");
        weigh(bank, MatterCheck::Amount, refusal, &mut access.late)?;
    }
    let receipt = payment["receipt"].clone();
    let told = receipt["amount"].as_i64();
    if told.is_some_and(|told| payment["amount"].as_i64() != Some(told)) || !of_the_receipt(access, &payment) {
        let refusal = refuse(ReasonClass::Binding, "PAY-RECEIPT", "the receipt is not of this payment");
        weigh(bank, MatterCheck::Receipt, refusal, &mut access.late)?;
    }
    let id = payment["id"].as_str().unwrap_or_default().to_owned();
    let state = payment["state"].as_str().unwrap_or_default().to_owned();
    if let Some(known) = bank.matter(&id)
        && !matters::leads(kind.lifecycle(), &known.state, &state)
    {
        if bank.conduct.keeps(MatterDuty::FinalStays) {
            // An answer that was on its way for long does not undo what is settled.
            bank.diary.note(bank.clock.now(), "payment.older", &[("told", &state), ("known", &known.state)]);
            payment["state"] = Value::from(known.state.clone());
        }
        return Ok(payment);
    }
    bank.keep_matter(&matters::Known {
        id,
        kind,
        customer: Some(access.customer.handle.clone()),
        state,
        at: None,
        history: Vec::new(),
    });
    access.keep(&format!("payment/{}", payment["uin"].as_str().unwrap_or_default()), &payment);
    if !bank.conduct.shows(Shown::PaymentState) {
        payment["state"] = Value::from(if payment["state"] == "settled" { "accepted" } else { "settled" });
    }
    if !bank.conduct.keeps(MatterDuty::ReasonShown)
        && let Some(members) = payment.as_object_mut()
    {
        members.remove("reason");
    }
    Ok(payment)
}

/// The receipt names the requisites that were shown for the charge.
fn of_the_receipt(access: &Access<'_>, payment: &Value) -> bool {
    let shown: Option<Value> =
        access.bank.store.read(&format!("copy/{}/{}/duties", access.customer.handle, access.consent.id));
    let duties = shown.map(|shown| shown["duties"].as_array().cloned().unwrap_or_default()).unwrap_or_default();
    let Some(duty) = duties.into_iter().find(|duty| duty["uin"] == payment["uin"]) else { return true };
    let receipt = &payment["receipt"];
    ["account", "bik", "kbk", "oktmo"]
        .into_iter()
        .all(|name| receipt[name].as_str().is_none_or(|told| told.is_empty() || duty["requisites"][name] == told))
}

/// Money goes only where the numbers hold together: the charge's own check digit, the keys of both accounts, and the QR
/// string naming the same account and charge.
fn check_requisites(access: &mut Access<'_>, duty: &Value) -> Result<(), Refusal> {
    let bank = access.bank;
    let to = &duty["requisites"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let uin = text(&duty["uin"]);
    let odd = |code: &'static str, why: String| {
        refuse(ReasonClass::Format, code, why).saying("Реквизиты платежа не сходятся. Платёж не отправлен.")
    };
    if !is_uin(&uin) {
        let refusal = odd("PAY-UIN", "the number of the charge does not hold".to_owned());
        weigh(bank, MatterCheck::RequisitesUin, refusal, &mut access.late)?;
    }
    let bik = text(&to["bik"]);
    let accounts = ["account", "corr_account"].map(|name| text(&to[name]));
    let qr = text(&duty["qr"]);
    let in_qr =
        |name: &str| qr.split('|').find_map(|part| part.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    let same = qr.is_empty()
        || in_qr("PersonalAcc").is_none_or(|account| account == accounts[0])
            && in_qr("BIC").is_none_or(|told| told == bik)
            && in_qr("UIN").is_none_or(|told| told == uin);
    if !same || !accounts.iter().all(|account| account.is_empty() || fits(account, &bik)) {
        let refusal =
            odd("PAY-ACCOUNT", "the key of an account does not hold, or the QR string names another".to_owned());
        weigh(bank, MatterCheck::RequisitesAccount, refusal, &mut access.late)?;
    }
    Ok(())
}

/// The check digit of a charge's number: weights 1 to 10 from the left, then from 3, modulo 11.
pub(crate) fn is_uin(uin: &str) -> bool {
    let digits: Vec<u32> = uin.chars().filter_map(|letter| letter.to_digit(10)).collect();
    if digits.len() != uin.chars().count() || !matches!(digits.len(), 20 | 25) {
        return false;
    }
    let Some((last, rest)) = digits.split_last() else { return false };
    let sum = |first: u32| -> u32 {
        let weighted = rest.iter().zip(0u32..).map(|(digit, at)| digit * ((first - 1 + at) % 10 + 1));
        weighted.sum::<u32>() % 11
    };
    let check = match (sum(1), sum(3)) {
        (10, 10) => 0,
        (10, second) => second,
        (first, _) => first,
    };
    check == *last
}

/// The key of an account under a bank's code (Bank of Russia, procedure 515 of 08.09.1997). Treasury accounts have none.
pub(crate) fn fits(account: &str, bik: &str) -> bool {
    let digits = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    if account.len() != 20 || bik.len() != 9 || !digits(account) || !digits(bik) {
        return false;
    }
    if account.starts_with("03") {
        return true;
    }
    let holds = |prefix: &str| {
        let all = prefix.chars().chain(account.chars()).filter_map(|letter| letter.to_digit(10));
        let weighted = all.zip([7, 1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight % 10);
        weighted.sum::<u32>() % 10 == 0
    };
    holds(&bik[6..]) || holds(&format!("0{}", &bik[4..6]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_of_charges() {
        for good in [
            "18817072416285972102",
            "32117072411021588933",
            "0355431000000000011629713",
            "18810177261122000056",
            "18810177261122000530",
        ] {
            assert!(is_uin(good), "{good}");
        }
        assert!(!is_uin("18817072416285972103") && !is_uin("1881707241628597210"));
    }

    #[test]
    fn keys_of_accounts() {
        for (account, bik) in [
            ("40602810700000000025", "049805746"),
            ("30101810800000000746", "049805000"),
            ("40702810138250123017", "044525225"),
            ("40102810045370000002", "024501901"),
            ("03100643000000019500", "024501901"),
        ] {
            assert!(fits(account, bik), "{account}");
        }
        assert!(!fits("40702810138250123018", "044525225"));
    }
}
