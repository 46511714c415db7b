//! The pension account for a period: of that person, of that period, and nothing outside it.

use contract::adapter::{ReasonClass, Report};
use contract::time::Day;
use serde_json::{Map, Value};

use super::access::Access;
use super::services;
use crate::bank::done;
use crate::conduct::Shown;
use crate::consents::subject_of;
use crate::flows::debts::up_to_the_rouble;
use crate::refusal::{Refusal, refuse};

pub(crate) async fn view(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let bank = access.bank;
    let day = |name: &str| -> Result<Day, Refusal> {
        let text = access.flow.params.get(name).and_then(Value::as_str).unwrap_or_default();
        text.parse().map_err(|_| refuse(ReasonClass::Format, "PENSION-PERIOD", format!("{name} is no day")))
    };
    let (mut from, to) = (day("from")?, day("to")?);
    if !bank.conduct.shows(Shown::Period) {
        from = from.plus_days(-1);
    }
    let service =
        services::of("pension.view").ok_or_else(|| refuse(ReasonClass::Other, "SERVICE", "no such service"))?;
    let asked = [("from", from.to_string()), ("to", to.to_string())];
    let statement = services::read(access, service, &asked).await?;
    if !statement.is_null() {
        hold(access, &statement, from, to)?;
    }
    access.keep("pension", &statement);
    if let Some(refusal) = access.late.take() {
        return Err(refusal);
    }
    Ok(done(shown(access, &statement)))
}

/// The statement must be of this person and this period, and nothing outside it.
fn hold(access: &Access<'_>, statement: &Value, from: Day, to: Day) -> Result<(), Refusal> {
    let odd = |why: &str| Err(refuse(ReasonClass::Binding, "PENSION-OTHER", why));
    if subject_of(&statement["person"]).as_deref() != Some(access.customer.subject.as_str()) {
        return odd("the statement is another person's");
    }
    let is = |name: &str, day: Day| statement[name].as_str().is_none_or(|text| text == day.to_string());
    if !is("from", from) || !is("to", to) {
        return odd("the statement is of another period");
    }
    let operations = statement["operations"].as_array().cloned().unwrap_or_default();
    let within = |operation: &Value| {
        let date: Option<Day> = operation["date"].as_str().and_then(|text| text.parse().ok());
        date.is_some_and(|date| from <= date && date <= to)
    };
    if operations.iter().all(within) { Ok(()) } else { odd("an operation lies outside the period") }
}

fn shown(access: &Access<'_>, statement: &Value) -> Map<String, Value> {
    let names = ["balance", "accrued", "paid", "next_payment_date", "operations"];
    let mut values: Map<String, Value> = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), statement.get(*name)?.clone())))
        .filter(|(_, value)| !value.is_null())
        .collect();
    if !access.bank.conduct.shows(Shown::Pension)
        && let Some(balance) = values.get_mut("balance")
    {
        *balance = Value::from(up_to_the_rouble(balance.as_i64().unwrap_or_default()));
    }
    values
}
