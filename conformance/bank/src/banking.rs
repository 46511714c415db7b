//! Banking through the portal (ACC-1): the portal asks, on the citizen's behalf and around the clock, for balance, history
//! or a transfer. Served only when the portal signed the question, the person is a customer whose consent to it stands,
//! and for a transfer when the person was there with a second factor. A transfer under a key is made once.

use std::sync::Arc;

use contract::adapter::Report;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::bank::{Bank, done};
use crate::conduct::{BankingCheck, BankingDuty, Diligence};
use crate::consents::subject_of;
use crate::customers::Customer;
use crate::flows::access::Access;
use crate::refusal::Refusal;
use crate::{hooks, smev};

/// Where the portal asks.
pub(crate) const PATH: &str = "/portal/banking";
const LONGEST: usize = 64 * 1024;
/// What a customer of this demonstration has on the account.
const BALANCE: i64 = 10_000_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Account {
    id: String,
    tail: String,
    balance: i64,
    currency: String,
    operations: Vec<Value>,
}

/// `account.serve`: the customer's accounts, opened to the portal.
pub(crate) async fn serve(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let bank = access.bank;
    let handle = &access.customer.handle;
    if accounts(bank, handle).is_empty() {
        let balance = access.flow.params.get("balance").and_then(Value::as_i64).unwrap_or(BALANCE);
        let digits: String =
            (0..4).map(|_| char::from(b'0' + u8::try_from(bank.draw.below(10)).unwrap_or(0))).collect();
        let opened = json!({"id": "o-1", "date": today(bank), "amount": balance, "title": "Открытие счёта"});
        keep(
            bank,
            handle,
            &Account {
                id: format!("a-{}", bank.draw.uuid()),
                tail: digits,
                balance,
                currency: "RUB".to_owned(),
                operations: vec![opened],
            },
        );
    }
    smev::provide::begin(bank);
    let accounts: Vec<Value> = accounts(bank, handle).iter().map(shown).collect();
    Ok(done(Map::from_iter([("accounts".to_owned(), Value::from(accounts))])))
}

fn today(bank: &Bank) -> String {
    bank.clock.now().to_string().chars().take(10).collect()
}

fn accounts(bank: &Bank, handle: &str) -> Vec<Account> {
    bank.store.all(&format!("account/{handle}/"))
}

fn keep(bank: &Bank, handle: &str, account: &Account) {
    bank.store.put(&format!("account/{handle}/{}", account.id), account, true);
}

fn shown(account: &Account) -> Value {
    json!({"id": account.id, "tail": account.tail, "balance": account.balance, "currency": account.currency})
}

/// A refusal as the portal gets it.
fn no(status: u16, code: &str, ru: &str, en: &str) -> (u16, Value) {
    let title = json!({"ru": ru, "en": en});
    (status, json!({"type": format!("urn:bank:{code}"), "title": en, "status": status, "code": code, "reason": title}))
}

/// Answers the portal.
pub(crate) async fn receive(bank: &Arc<Bank>, method: &Method, headers: &HeaderMap, body: &[u8]) -> (u16, Value) {
    if *method != Method::POST {
        return no(405, "method", "Только POST.", "POST only.");
    }
    if body.len() > LONGEST {
        return no(413, "too-long", "Слишком длинный запрос.", "The request is too long.");
    }
    let mut late = None;
    if let Err(obstacle) = signed(bank, headers, body).await {
        let refused =
            no(401, "signature", "Подпись запроса не подтверждена.", "The request is not signed by the portal.");
        bank.diary.note(bank.clock.now(), "banking.refused", &[("why", &obstacle)]);
        if weigh(bank, BankingCheck::Signature, &mut late, &refused) {
            return refused;
        }
    }
    let Ok(ask) = serde_json::from_slice::<Value>(body) else {
        return no(400, "format", "Запрос не читается.", "The request cannot be read.");
    };
    let Some(customer) = whose(bank, &ask) else {
        return no(404, "customer", "Такого клиента нет.", "No such customer.");
    };
    let consent = bank.standing(&customer.handle, "accounts", &[]);
    let named = ask["consent"].as_str();
    let stands = consent.is_some_and(|consent| named.is_none_or(|named| named == consent.id));
    if !stands {
        let refused =
            no(403, "consent", "Согласие на доступ к счетам не действует.", "No consent to serve the accounts.");
        if weigh(bank, BankingCheck::Consent, &mut late, &refused) {
            return refused;
        }
    }
    let acr = ask["acr"].as_str().unwrap_or_default();
    let is_transfer = ask["ask"] == "transfer";
    if is_transfer && !acr.ends_with("2fa") {
        let refused = no(403, "level", "Для перевода нужен второй фактор.", "A transfer needs a second factor.");
        if weigh(bank, BankingCheck::Level, &mut late, &refused) {
            return refused;
        }
    }
    bank.audit.note(bank.clock.now(), ask["id"].as_str().unwrap_or("banking"), "banking.answered", None);
    let answer = answer(bank, &customer, &ask);
    late.unwrap_or(answer)
}

/// Whether the check ends it here.
fn weigh(bank: &Bank, check: BankingCheck, late: &mut Option<(u16, Value)>, refused: &(u16, Value)) -> bool {
    let code = refused.1["code"].as_str().unwrap_or_default();
    bank.audit.note(bank.clock.now(), "banking", "banking.refused", Some((code, code)));
    match bank.conduct.checks(check) {
        Diligence::Full => true,
        Diligence::Late => {
            *late = Some(refused.clone());
            false
        }
        Diligence::LoggedOnly | Diligence::Skipped | Diligence::WrongField => false,
    }
}

async fn signed(bank: &Arc<Bank>, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    match hooks::judge(bank, PATH, headers, body).await {
        Ok(None) => Ok(()),
        Ok(Some(obstacle)) | Err(obstacle) => Err(obstacle.to_string()),
    }
}

/// The customer that the question is about. A careless bank serves whoever is at hand.
fn whose(bank: &Bank, ask: &Value) -> Option<Customer> {
    let subject = subject_of(&ask["person"])?;
    let all = bank.store.all::<Customer>("customer/");
    let mine = all.iter().find(|known| known.subject == subject).cloned();
    if bank.conduct.checks(BankingCheck::Customer) == Diligence::Full {
        return mine;
    }
    let by_consent = ask["consent"].as_str().and_then(|id| bank.consent(id)).map(|consent| consent.customer);
    all.into_iter().find(|known| Some(&known.handle) == by_consent.as_ref()).or(mine)
}

fn answer(bank: &Bank, customer: &Customer, ask: &Value) -> (u16, Value) {
    let mut accounts = accounts(bank, &customer.handle);
    let wanted = ask["account"].as_str();
    accounts.retain(|account| wanted.is_none_or(|wanted| wanted == account.id || wanted == account.tail));
    match ask["ask"].as_str() {
        Some("balance") => (200, json!({"accounts": accounts.iter().map(shown).collect::<Vec<_>>()})),
        Some("history") => {
            let (from, to) = (ask["from"].as_str().unwrap_or(""), ask["to"].as_str().unwrap_or("9999"));
            let within = |operation: &&Value| {
                let date = operation["date"].as_str().unwrap_or_default();
                from <= date && date <= to
            };
            let operations: Vec<Value> =
                accounts.iter().flat_map(|account| account.operations.iter().filter(within).cloned()).collect();
            (200, json!({"operations": operations}))
        }
        Some("transfer") => transfer(bank, customer, accounts.first_mut(), ask),
        _ => no(422, "ask", "Неизвестный вопрос.", "An unknown question."),
    }
}

fn transfer(bank: &Bank, customer: &Customer, account: Option<&mut Account>, ask: &Value) -> (u16, Value) {
    let (Some(key), Some(amount)) = (ask["key"].as_str(), ask["amount"].as_i64().filter(|amount| *amount > 0)) else {
        return no(422, "order", "В поручении нет ключа или суммы.", "The order has no key or no sum.");
    };
    let name = format!("served/{}/{}", customer.handle, crate::digest::short(key));
    if let Some(made) = bank.store.read::<Value>(&name).filter(|_| bank.conduct.keeps(BankingDuty::Once)) {
        return if made["amount"].as_i64() == Some(amount) {
            (200, json!({"transfer": made}))
        } else {
            no(422, "key", "Ключ уже использован для другой суммы.", "The key was used for another sum.")
        };
    }
    let Some(account) = account.filter(|account| account.balance >= amount) else {
        return no(409, "funds", "Недостаточно средств.", "Not enough money.");
    };
    account.balance -= amount;
    let made =
        json!({"id": format!("t-{}", bank.draw.uuid()), "state": "done", "amount": amount, "at": bank.clock.now()});
    account
        .operations
        .push(json!({"id": made["id"], "date": today(bank), "amount": -amount, "title": "Перевод через портал"}));
    keep(bank, &customer.handle, account);
    bank.store.put(&name, &made, true);
    (200, json!({"transfer": made}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why_in_two_languages() {
        let (status, problem) = no(403, "level", "Нужен второй фактор.", "A second factor is needed.");
        assert_eq!((status, problem["code"].as_str()), (403, Some("level")));
        assert_eq!(problem["reason"]["ru"], "Нужен второй фактор.");
    }

    #[test]
    fn an_account_is_shown_by_its_tail() {
        let account =
            Account { id: "a-1".into(), tail: "0042".into(), balance: 5, currency: "RUB".into(), operations: vec![] };
        assert_eq!(shown(&account), json!({"id": "a-1", "tail": "0042", "balance": 5, "currency": "RUB"}));
    }
}
