//! Debts: all pages of the list, as the portal served them; and the bank's own overdue credit, fed to the portal.

use contract::adapter::{ReasonClass, Report};
use contract::time::Day;
use http::Method;
use serde_json::{Map, Value, json};

use super::access::Access;
use super::services;
use crate::bank::done;
use crate::conduct::Shown;
use crate::http::Request;
use crate::refusal::{Refusal, refuse};

const KINDS: [&str; 4] = ["credit", "utilities", "fine", "tax"];

pub(crate) async fn list(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let service = services::of("debts.list").ok_or_else(|| refuse(ReasonClass::Other, "SERVICE", "no such service"))?;
    let whole = services::read(access, service, &[]).await?;
    let items = whole["items"].as_array().cloned().unwrap_or_default();
    let totals = whole["totals"].clone();
    if !whole.is_null() {
        add_up(&items, &totals)?;
    }
    access.keep("debts", &json!({"items": items, "totals": totals}));
    if let Some(refusal) = access.late.take() {
        return Err(refusal);
    }
    Ok(done(shown(access, items, totals)))
}

/// The portal's totals must be the sums of what it listed: money that does not add up is not shown.
fn add_up(items: &[Value], totals: &Value) -> Result<(), Refusal> {
    let of = |kind: Option<&str>| -> Option<i64> {
        let fitting = items.iter().filter(|item| kind.is_none_or(|kind| item["kind"] == kind));
        fitting.map(|item| item["amount"].as_i64()).sum()
    };
    let unequal = |name: &str| totals[name].as_i64() != of(KINDS.contains(&name).then_some(name));
    match KINDS.iter().chain(&["all"]).find(|name| unequal(name)) {
        Some(name) => Err(refuse(ReasonClass::Format, "DEBTS-TOTALS", format!("the total {name} is not the sum"))),
        None => Ok(()),
    }
}

fn shown(access: &Access<'_>, items: Vec<Value>, mut totals: Value) -> Map<String, Value> {
    let conduct = access.bank.conduct;
    let mut items: Vec<Value> = items;
    if !conduct.shows(Shown::WholeList) {
        items.pop();
    }
    for item in &mut items {
        if let Some(item) = item.as_object_mut() {
            item.retain(|name, value| {
                let names = ["uin", "kind", "title", "amount", "discount", "due_date", "restriction"];
                names.contains(&name.as_str()) && !value.is_null()
            });
        }
        if !conduct.shows(Shown::DebtKind) {
            let at = KINDS.iter().position(|kind| item["kind"] == *kind).unwrap_or_default();
            item["kind"] = Value::from(KINDS[(at + 1) % KINDS.len()]);
        }
        if !conduct.shows(Shown::Amount) {
            item["amount"] = Value::from(up_to_the_rouble(item["amount"].as_i64().unwrap_or_default()));
        }
        if !conduct.shows(Shown::DueDate)
            && let Some(due) = item["due_date"].as_str().and_then(|text| text.parse::<Day>().ok())
        {
            item["due_date"] = Value::from(due.plus_days(-1).to_string());
        }
    }
    if !conduct.shows(Shown::Totals) {
        totals["all"] = Value::from(up_to_the_rouble(totals["all"].as_i64().unwrap_or_default()));
    }
    let mut values = Map::new();
    values.insert("items".to_owned(), Value::Array(items));
    values.insert("totals".to_owned(), totals);
    values
}

/// The next whole rouble above: what a bank shows that thinks in roubles and rounds the wrong way.
pub(crate) const fn up_to_the_rouble(kopecks: i64) -> i64 {
    (kopecks / 100 + 1) * 100
}

/// `debts.feed`: the overdue credit, exactly as it stands in the bank's books.
pub(crate) async fn feed(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let params = &access.flow.params;
    let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let amount = params.get("amount").and_then(Value::as_i64);
    let amount = amount.ok_or_else(|| refuse(ReasonClass::Format, "FEED-AMOUNT", "no amount in kopecks"))?;
    let amount = if access.bank.conduct.shows(Shown::FedCredit) { amount } else { amount / 100 };
    let body = json!({
        "person": access.customer.subject.parse::<i64>().map_or_else(|_| json!(access.customer.subject), |n| json!(n)),
        "purpose": access.purpose(),
        "title": text("title"),
        "amount": amount,
        "due_date": text("due_date"),
    });
    let id: String = url::form_urlencoded::byte_serialize(text("external_id").as_bytes()).collect();
    let address = access.bank.at(&format!("/api/v1/debts/fed/{id}"));
    let answer = access.call(|| Request::json(Method::PUT, address.clone(), &body)).await?;
    let fed = access.data(&answer)?;
    let credit = json!({
        "external_id": text("external_id"), "title": text("title"), "amount": amount, "due_date": text("due_date"),
    });
    access.bank.store.put(&format!("credit/{}/{id}", access.customer.subject), &credit, true);
    let mut values = Map::new();
    values.insert("uin".to_owned(), fed["uin"].clone());
    Ok(done(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_that_are_not_the_sums_are_refused() {
        let items = [json!({"kind": "fine", "amount": 150}), json!({"kind": "tax", "amount": 50})];
        let mut totals = json!({"credit": 0, "utilities": 0, "fine": 150, "tax": 50, "all": 200});
        assert!(add_up(&items, &totals).is_ok());
        totals["all"] = json!(201);
        assert!(add_up(&items, &totals).is_err());
    }

    #[test]
    fn rounding_up_always_changes_the_sum() {
        assert_eq!(up_to_the_rouble(100), 200);
        assert_eq!(up_to_the_rouble(101), 200);
    }
}
