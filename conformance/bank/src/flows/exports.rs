//! Documents that the bank makes of what it read (EST-1, PEN-2): a table as CSV by itself; a PDF that is the portal's own,
//! ordered under the same consent, because a paper without the portal's signature proves nothing.

use contract::adapter::{ReasonClass, Report};
use contract::matter::MatterKind;
use contract::time::Span;
use serde_json::{Map, Value};

use super::access::Access;
use super::certificates::{self, ended, in_hand};
use super::{matters, reads, services};
use crate::bank::done;
use crate::conduct::ServiceShown;
use crate::consents::Consent;
use crate::refusal::{Refusal, refuse};
use crate::table::cell;

/// How often the bank looks whether a paper is ready, and how many times.
const LOOK: Span = Span::from_seconds(2);
const LOOKS: u32 = 75;

pub(crate) async fn estate(access: &mut Access<'_>, papers: Option<Consent>) -> Result<Report, Refusal> {
    let mut facts = reads::facts(access).await?;
    ended(access)?;
    reads::spoil_estate(access, &mut facts);
    let number = matters::text(access, "number")?;
    let document = match matters::text(access, "format")?.as_str() {
        "csv" => in_hand("text/csv", csv(access, facts).as_bytes()),
        _ => paper(access, papers, "estate", Some(number)).await?,
    };
    Ok(done(Map::from_iter([("document".to_owned(), document)])))
}

pub(crate) async fn pension(access: &mut Access<'_>, papers: Option<Consent>) -> Result<Report, Refusal> {
    let facts = reads::facts(access).await?;
    ended(access)?;
    let form = form(access, &facts);
    let document = match matters::text(access, "format")?.as_str() {
        "csv" => in_hand("text/csv", csv(access, facts).as_bytes()),
        _ => paper(access, papers, "pension", None).await?,
    };
    let mut values = Map::from_iter([("document".to_owned(), document), ("form".to_owned(), form)]);
    if access.flow.params.get("email").and_then(Value::as_bool) == Some(true) {
        let to = access.customer.profile.get("email").and_then(Value::as_str).unwrap_or_default();
        access.bank.diary.note(access.bank.clock.now(), "mailed", &[("flow", &access.flow.id)]);
        values.insert("sent_to".to_owned(), Value::from(hidden(to)));
    }
    Ok(done(values))
}

/// A state form filled with the statement: nothing is typed anew.
fn form(access: &Access<'_>, facts: &Value) -> Value {
    let mut form = Map::new();
    for name in ["last_name", "first_name", "middle_name", "snils"] {
        form.extend(access.customer.profile.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    for (ours, theirs) in [("period_from", "from"), ("period_to", "to"), ("balance", "balance"), ("accrued", "accrued")]
    {
        form.insert(ours.to_owned(), facts[theirs].clone());
    }
    form.insert("paid".to_owned(), facts["paid"].clone());
    if !access.bank.conduct.keeps(ServiceShown::Export) {
        let rounded = crate::flows::debts::up_to_the_rouble(facts["balance"].as_i64().unwrap_or_default());
        form.insert("balance".to_owned(), Value::from(rounded));
    }
    Value::Object(form)
}

fn csv(access: &Access<'_>, facts: Value) -> String {
    let mut facts = facts;
    if !access.bank.conduct.keeps(ServiceShown::Export) {
        reads::spoil_money(&mut facts, &mut false);
    }
    let mut rows = vec!["field,value".to_owned()];
    flat(&mut rows, String::new(), &facts);
    rows.join("\r\n") + "\r\n"
}

/// Every fact with where it stands: `owners[1].holder,…`.
fn flat(rows: &mut Vec<String>, at: String, value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, held) in members {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                flat(rows, at, held);
            }
        }
        Value::Array(items) => {
            for (n, held) in (1..).zip(items) {
                flat(rows, format!("{at}[{n}]"), held);
            }
        }
        Value::Null => {}
        Value::String(text) => rows.push(format!("{},{}", cell(&at), cell(text))),
        other => rows.push(format!("{},{other}", cell(&at))),
    }
}

/// The portal's own paper: ordered without an operator, waited for, verified.
async fn paper(
    access: &mut Access<'_>,
    papers: Option<Consent>,
    kind: &str,
    number: Option<String>,
) -> Result<Value, Refusal> {
    let Some(papers) = papers else {
        return Err(refuse(ReasonClass::Consent, "EXPORT-CONSENT", "no standing consent to order papers")
            .saying("Чтобы получить документ портала, нужно ваше согласие на заказ справок."));
    };
    let bank = access.bank;
    let mut orders = Access::new(bank, access.flow, access.customer, papers);
    let mut body = services::body(&orders);
    body["type"] = Value::from(kind);
    body["reason"] = Value::from("Выгрузка по просьбе клиента");
    body["unattended"] = Value::from(true);
    body["number"] = number.map_or(Value::Null, Value::from);
    if let Some(members) = body.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    let mut order = matters::open(&mut orders, MatterKind::Order, body).await?;
    let id = order["id"].as_str().unwrap_or_default().to_owned();
    for _ in 0..LOOKS {
        match order["state"].as_str() {
            Some("ready" | "delivered") => {
                let told = order["documents"].get(0).cloned().unwrap_or_default();
                let document = certificates::fetch(&mut orders, &told).await?;
                ended(&mut orders)?;
                return Ok(document.value("application/pdf"));
            }
            Some("placed" | "confirmed" | "in_work") => bank.clock.wait(LOOK).await,
            _ => {
                let reason = order["reason"]["ru"].as_str().unwrap_or("Портал не выдал документ.").to_owned();
                return Err(refuse(ReasonClass::State, "EXPORT-REFUSED", "the order was refused").saying(reason));
            }
        }
        order = matters::read(&mut orders, MatterKind::Order, &id).await?;
    }
    Err(refuse(ReasonClass::Limit, "EXPORT-LATE", "the paper is not ready in time"))
}

/// An address but for its ends.
fn hidden(address: &str) -> String {
    let Some((name, host)) = address.split_once('@') else { return String::new() };
    format!("{}***@{host}", name.chars().take(1).collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_holds_every_fact_once() {
        let mut rows = Vec::new();
        flat(
            &mut rows,
            String::new(),
            &json!({"object": {"address": "Москва, ул. \"А\""}, "owners": [{"holder": "=1"}]}),
        );
        assert_eq!(rows, ["object.address,\"Москва, ул. \"\"А\"\"\"", "owners[1].holder,'=1"]);
    }

    #[test]
    fn an_address_is_hidden_but_for_its_ends() {
        assert_eq!(hidden("anna@mail.example"), "a***@mail.example");
    }
}
