//! What the bank shows of the services that it reads, and what it decides on them. A decision names the facts that it
//! rests on, by where they stood in the answer; facts given for one purpose serve no other.

use contract::adapter::{ReasonClass, Report};
use http::Method;
use serde_json::{Map, Value, json};

use super::access::{Access, problem};
use super::certificates::ended;
use super::{matters, services};
use crate::bank::done;
use crate::conduct::{OfferDuty, ServiceShown};
use crate::flows::debts::up_to_the_rouble;
use crate::http::Request;
use crate::protocol::{self, Grant};
use crate::refusal::{Refusal, refuse};
use crate::retry::{Next, Retry};

/// Reads what the action of this flow asks for.
pub(crate) async fn facts(access: &mut Access<'_>) -> Result<Value, Refusal> {
    let service = services::of(&access.flow.action);
    let service = service.ok_or_else(|| refuse(ReasonClass::Other, "SERVICE", "no such service"))?;
    let asked = services::asked(access, service);
    let whole = services::read(access, service, &asked).await?;
    access.keep(service.name, &whole);
    Ok(whole)
}

/// The first sum that stands in a value becomes another one: what the variants of one channel show.
pub(crate) fn spoil_money(value: &mut Value, done: &mut bool) {
    match value {
        Value::Object(members) => {
            for (name, held) in members.iter_mut() {
                let is_money = matches!(name.as_str(), "amount" | "balance" | "total" | "cost" | "balance_after");
                if is_money && !*done && held.is_i64() {
                    *held = Value::from(up_to_the_rouble(held.as_i64().unwrap_or_default()));
                    *done = true;
                }
                spoil_money(held, done);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| spoil_money(item, done)),
        _ => {}
    }
}

fn one(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

pub(crate) async fn estate(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let mut estate = facts(access).await?;
    ended(access)?;
    spoil_estate(access, &mut estate);
    Ok(done(one("estate", estate)))
}

/// What the variants show of an estate.
pub(crate) fn spoil_estate(access: &Access<'_>, estate: &mut Value) {
    let conduct = access.bank.conduct;
    if !conduct.keeps(ServiceShown::Estate) {
        estate["object"]["area"] = Value::from("1.0");
    }
    if !conduct.keeps(ServiceShown::Encumbrances)
        && let Some(listed) = estate["encumbrances"].as_array_mut()
        && !listed.is_empty()
    {
        listed.remove(0);
    }
}

pub(crate) async fn state_payments(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let mut whole = facts(access).await?;
    ended(access)?;
    if !access.bank.conduct.keeps(ServiceShown::StatePayments) {
        whole["total"] = Value::from(up_to_the_rouble(whole["total"].as_i64().unwrap_or_default()));
    }
    let shown = ["payments", "programmes", "total"].map(|name| (name.to_owned(), whole[name].take()));
    Ok(done(Map::from_iter(shown)))
}

pub(crate) async fn recommendations(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let conduct = access.bank.conduct;
    let whole = facts(access).await?;
    ended(access)?;
    let mut items = whole["items"].as_array().cloned().unwrap_or_default();
    if !conduct.keeps(ServiceShown::Recommendations)
        && let Some(first) = items.first_mut()
    {
        first["title"] = Value::from("Рекомендация");
    }
    if !conduct.keeps(OfferDuty::NoProductAmongRecommendations) {
        items.push(json!({
            "id": "own-1", "service": "bank-loan", "title": "Кредит наличными от нашего банка",
            "why": "вам это выгодно", "source_scope": "",
        }));
    }
    Ok(done(one("items", Value::from(items))))
}

/// A month's instalment may take so much of a month's income.
const SHARE: i64 = 40;
const TERM: i64 = 12;

pub(crate) async fn loan(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let bank = access.bank;
    let amount = matters::money(access, "amount")?;
    let income = facts(access).await?;
    if !bank.conduct.keeps(ServiceShown::LoanScopes) {
        // The variant that looks further than it was allowed.
        access.afresh();
        let at = matters::with_person(access, bank.at("/api/v1/debts"));
        let _ = access.call(|| Request::get(at.clone())).await;
    }
    ended(access)?;
    let years = income["years"].as_array().cloned().unwrap_or_default();
    let latest = years.iter().filter_map(|year| year["year"].as_i64()).max().unwrap_or_default();
    let mut based_on = Vec::new();
    let (mut total, mut months) = (0, std::collections::BTreeSet::new());
    for (at, year) in years.iter().enumerate().filter(|(_, year)| year["year"].as_i64() == Some(latest)) {
        total += year["total"].as_i64().unwrap_or_default();
        months.extend(year["months"].as_array().into_iter().flatten().filter_map(|month| month["month"].as_i64()));
        based_on.push(json!({"at": format!("/years/{at}/total"), "value": year["total"]}));
    }
    let work = income["work"].as_array().cloned().unwrap_or_default();
    let at_work = work.iter().position(|entry| entry["until"].is_null() && entry["kind"] != "dismissal");
    if let Some(at) = at_work {
        based_on.push(json!({"at": format!("/work/{at}/kind"), "value": work[at]["kind"]}));
    }
    based_on.push(json!({"at": "/self_employed", "value": income["self_employed"]}));
    let monthly = total / i64::try_from(months.len()).unwrap_or(1).max(1);
    let earns = at_work.is_some() || income["self_employed"] == true;
    let approves = earns && amount / TERM <= monthly * SHARE / 100;
    if !bank.conduct.keeps(ServiceShown::LoanFacts) {
        based_on = vec![json!({"at": "/score", "value": 720})];
    }
    if !bank.conduct.keeps(ServiceShown::Income)
        && let Some(first) = based_on.first_mut()
    {
        first["value"] = Value::from(up_to_the_rouble(first["value"].as_i64().unwrap_or_default()));
    }
    bank.audit.note(bank.clock.now(), &access.flow.id, if approves { "loan.approved" } else { "loan.declined" }, None);
    let decision = if approves { "approve" } else { "decline" };
    let lent = if approves { amount } else { 0 };
    let values = [
        ("decision".to_owned(), Value::from(decision)),
        ("based_on".to_owned(), Value::from(based_on)),
        ("amount".to_owned(), Value::from(lent)),
    ];
    Ok(done(Map::from_iter(values)))
}

pub(crate) async fn insurance(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let known = facts(access).await?;
    ended(access)?;
    let today = access.bank.clock.now().to_string();
    let spoils = !access.bank.conduct.keeps(ServiceShown::Insurance);
    let mut offers = Vec::new();
    for (at, vehicle) in known["vehicles"].as_array().into_iter().flatten().enumerate() {
        let until = vehicle["policy"]["until"].as_str().unwrap_or_default();
        let power = vehicle["power_hp"].as_i64().unwrap_or_default() + i64::from(spoils);
        offers.push(json!({
            "product": "osago",
            "for": vehicle["number_plate"],
            "power_hp": power,
            "price": 300_000 + power * 2_000,
            "is_due": until.is_empty() || until < today.get(..10).unwrap_or_default(),
            "based_on": [{"at": format!("/vehicles/{at}/power_hp"), "value": power}],
        }));
    }
    for (at, estate) in known["estates"].as_array().into_iter().flatten().enumerate() {
        let cost = estate["cost"].as_i64().unwrap_or_default() + if spoils { 100 } else { 0 };
        offers.push(json!({
            "product": "estate",
            "for": estate["cad_number"],
            "insured_sum": cost,
            "price": cost / 1_000,
            "based_on": [{"at": format!("/estates/{at}/cost"), "value": cost}],
        }));
    }
    Ok(done(one("offers", Value::from(offers))))
}

/// `wallet.sync`: entries after the last one that is known; where their numbers leave a gap, or the balances do not follow
/// from one another, everything is read again.
pub(crate) async fn wallet(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let bank = access.bank;
    let service =
        services::of("wallet.sync").ok_or_else(|| refuse(ReasonClass::Other, "SERVICE", "no such service"))?;
    let name = format!("copy/{}/{}/wallet", access.customer.handle, access.consent.id);
    let mut entries: Vec<Value> = bank.store.read(&name).unwrap_or_default();
    let keeps = bank.conduct.keeps(ServiceShown::Wallet);
    let mut told = Value::Null;
    for fresh in [false, true, true] {
        if fresh {
            entries.clear();
        }
        let last = entries.last().and_then(|entry| entry["sequence"].as_i64()).unwrap_or_default();
        access.afresh();
        told = services::read(access, service, &[("after", last.to_string())]).await?;
        let new = told["entries"].as_array().cloned().unwrap_or_default();
        entries.extend(new.into_iter().filter(|entry| entry["sequence"].as_i64() > Some(last)));
        if converges(&entries, &told) || !keeps {
            break;
        }
        bank.diary.note(bank.clock.now(), "wallet.again", &[("flow", &access.flow.id)]);
    }
    if keeps && !converges(&entries, &told) {
        return Err(refuse(ReasonClass::Format, "WALLET-GAP", "the entries do not add up to the balance"));
    }
    access.keep("wallet", &Value::from(entries.clone()));
    ended(access)?;
    let last = entries.last().cloned().unwrap_or_default();
    let balance = if keeps {
        told["balance"].clone()
    } else {
        Value::from(entries.iter().filter_map(|entry| entry["amount"].as_i64()).sum::<i64>() + 100)
    };
    let values = [
        ("balance".to_owned(), balance),
        ("sequence".to_owned(), Value::from(last["sequence"].as_i64().unwrap_or_default())),
        ("entries".to_owned(), Value::from(entries)),
    ];
    Ok(done(Map::from_iter(values)))
}

/// No number is missing, each balance follows from the one before, and the last one is the balance told.
fn converges(entries: &[Value], told: &Value) -> bool {
    let mut balance = 0;
    for (at, entry) in (1..).zip(entries) {
        balance += entry["amount"].as_i64().unwrap_or_default();
        if entry["sequence"].as_i64() != Some(at) || entry["balance_after"].as_i64() != Some(balance) {
            return false;
        }
    }
    told["balance"].as_i64() == Some(balance)
        && told["sequence"].as_i64() == Some(i64::try_from(entries.len()).unwrap_or_default())
}

/// `offer.list`: an offer on each state application that is open for them; none to a person who declined.
pub(crate) async fn offers(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let bank = access.bank;
    let declined = format!("declined/{}", access.customer.handle);
    let openings = match facts(access).await {
        Ok(openings) => openings,
        Err(refusal) if refusal.code == "marketing-declined" => {
            bank.store.put(&declined, &bank.clock.now(), true);
            if !bank.conduct.keeps(OfferDuty::OptOut) {
                // The variant that takes a no for a hiccup.
                access.afresh();
                let _ = make_offer(access, "opening-1", "Кредит").await;
            }
            return Err(refusal);
        }
        Err(refusal) => return Err(refusal),
    };
    bank.store.erase(&declined);
    let mut made = Vec::new();
    for opening in openings["openings"].as_array().into_iter().flatten() {
        let Some(id) = opening["id"].as_str() else { continue };
        let title = opening["title"].as_str().unwrap_or_default();
        access.afresh();
        made.push(make_offer(access, id, title).await?);
    }
    ended(access)?;
    Ok(done(one("offers", Value::from(made))))
}

async fn make_offer(access: &mut Access<'_>, opening: &str, title: &str) -> Result<Value, Refusal> {
    let bank = access.bank;
    let encoded: String = url::form_urlencoded::byte_serialize(opening.as_bytes()).collect();
    let to = bank.at(&format!("/api/v1/offers/{encoded}"));
    let until = (bank.clock.now() + contract::time::Span::from_days(30)).to_string();
    let mut body = services::body(access);
    body["product"] = Value::from("loan-for-state-service");
    body["title"] = Value::from(format!("Предложение банка: {title}"));
    body["rate"] = Value::from("14.9");
    body["until"] = Value::from(until.get(..10).unwrap_or_default());
    matters::post(access, to, body).await
}

/// Something said once, without a matter behind it.
pub(crate) async fn tell(access: &mut Access<'_>, path: &str, body: &Value) -> Result<(), Refusal> {
    let to = access.bank.at(path);
    let key = access.bank.draw.uuid();
    let answer = access.call(|| Request::json(Method::POST, to.clone(), body).with(matters::KEY, &key)).await?;
    if (200..300).contains(&answer.status) { Ok(()) } else { Err(problem(access.bank, &answer)) }
}

/// Metrics concern nobody: the bank speaks for itself. That they do not arrive is no matter for the customer.
pub(crate) async fn measure(access: &Access<'_>, body: &Value) {
    let bank = access.bank;
    let Ok(token) = protocol::token_call(bank, &access.flow.id, Grant::Partner).await else { return };
    let key = bank.draw.uuid();
    let request = Request::json(Method::POST, bank.at("/api/v1/metrics"), body).with(matters::KEY, &key);
    let mut retry = Retry::new(bank, true);
    while let Ok(Next::Again) = retry.next(bank.http.send(request.clone().bearer(&token.access)).await).await {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: i64, amount: i64, balance: i64) -> Value {
        json!({"sequence": sequence, "amount": amount, "balance_after": balance})
    }

    #[test]
    fn a_wallet_converges_or_is_read_again() {
        let told = json!({"balance": 70, "sequence": 2});
        assert!(converges(&[entry(1, 100, 100), entry(2, -30, 70)], &told));
        assert!(!converges(&[entry(2, -30, 70)], &told), "a gap");
        assert!(!converges(&[entry(1, 100, 100)], &told), "the last is missing");
        assert!(!converges(&[entry(1, 100, 100), entry(2, -20, 70)], &told), "the sums differ");
    }

    #[test]
    fn one_sum_is_spoilt_and_no_more() {
        let mut value = json!({"items": [{"amount": 101}, {"amount": 202}]});
        spoil_money(&mut value, &mut false);
        assert_eq!(value["items"][0]["amount"], 200);
        assert_eq!(value["items"][1]["amount"], 202);
    }
}
