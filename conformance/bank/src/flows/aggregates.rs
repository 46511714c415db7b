//! What the bank tells the portal of its own: sums of spending (ANL-1) and feedback (FBK-1). Nothing that could name a
//! person leaves with them: of spending only sums by category, of a customer's words what is left when numbers, addresses
//! and telephones are struck out.

use std::collections::BTreeMap;

use contract::adapter::{ReasonClass, Report};
use contract::matter::MatterKind;
use serde_json::{Map, Value, json};

use super::access::Access;
use super::certificates::ended;
use super::{matters, services};
use crate::bank::done;
use crate::conduct::{AnalyticsDuty, FeedbackDuty};
use crate::refusal::{Refusal, refuse};

pub(crate) async fn analytics(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let conduct = access.bank.conduct;
    let period = matters::text(access, "period")?;
    let operations = access.flow.params.get("operations").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for operation in &operations {
        let amount = operation["amount"].as_i64();
        let amount = amount.ok_or_else(|| refuse(ReasonClass::Format, "ANALYTICS", "an operation without a sum"))?;
        let code = operation["category"].as_str().unwrap_or("other").to_owned();
        let sum = sums.entry(code).or_default();
        *sum = (sum.0 + amount, sum.1 + 1);
    }
    let mut total: i64 = sums.values().map(|(sum, _)| sum).sum();
    if !conduct.keeps(AnalyticsDuty::Totals) {
        total += 1;
    }
    let mut categories: Vec<Value> =
        sums.iter().map(|(code, (total, count))| json!({"code": code, "total": total, "count": count})).collect();
    if !conduct.keeps(AnalyticsDuty::NoPersonalData) {
        for (category, operation) in categories.iter_mut().zip(&operations) {
            category["payee"] = operation["payee"].clone();
            category["card"] = Value::from(access.customer.card_token.as_str());
        }
    }
    let mut body = services::body(access);
    body["period"] = Value::from(period.as_str());
    body["categories"] = Value::from(categories.clone());
    body["total"] = Value::from(total);
    let to = access.bank.at("/api/v1/analytics");
    let answer = matters::post(access, to, body).await?;
    ended(access)?;
    let mut accepted = json!({"period": period, "categories": categories, "total": total});
    for (name, value) in answer.as_object().cloned().unwrap_or_default() {
        accepted[name] = value;
    }
    Ok(done(Map::from_iter([("accepted".to_owned(), accepted)])))
}

pub(crate) async fn feedback(access: &mut Access<'_>) -> Result<Report, Refusal> {
    let bank = access.bank;
    let text = matters::text(access, "text")?;
    let strikes = bank.conduct.keeps(FeedbackDuty::NoPersonalData);
    let text = if strikes { struck(&text) } else { text };
    let operation = access.flow.params.get("operation").cloned().filter(|value| !value.is_null());
    let mut body = services::body(access);
    body["topic"] = Value::from(matters::text(access, "topic")?);
    body["text"] = Value::from(text.as_str());
    if let Some(operation) = &operation {
        body["operation"] = operation.clone();
    }
    let ticket = matters::open(access, MatterKind::Ticket, body).await?;
    if let Some(score) = access.flow.params.get("score").and_then(Value::as_i64) {
        access.afresh();
        let mut body = services::body(access);
        body["operation"] = operation.unwrap_or_else(|| ticket["id"].clone());
        body["score"] = Value::from(score);
        body["comment"] = Value::from(text);
        super::reads::tell(access, "/api/v1/surveys", &body).await?;
        let now = bank.clock.now().to_string();
        let metrics = json!({
            "period": now.get(..10).unwrap_or_default(),
            "items": [{"name": "feedback.send", "count": 1, "p50_ms": 1, "p95_ms": 1, "cancelled": 0}],
        });
        super::reads::measure(access, &metrics).await;
    }
    ended(access)?;
    Ok(done(matters::values(MatterKind::Ticket, ticket)))
}

/// The text without what could name a person: long numbers, addresses of mail, telephones.
fn struck(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit() || letter == '+') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let joins = |letter: char| letter.is_ascii_digit() || matches!(letter, ' ' | '-' | '(' | ')' | '+' | '\u{a0}');
        let end = from.find(|letter: char| !joins(letter)).unwrap_or(from.len());
        let run = from[..end].trim_end_matches([' ', '\u{a0}', '-', '(']);
        let digits = run.chars().filter(char::is_ascii_digit).count();
        out.push_str(if digits >= 9 { "[скрыто]" } else { run });
        rest = &from[run.len().max(1)..];
        if run.is_empty() {
            out.push_str(&from[..1]);
        }
    }
    out.push_str(rest);
    let word = |word: &str| if word.contains('@') { "[скрыто]".to_owned() } else { word.to_owned() };
    out.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_person_is_struck_out() {
        let text = "СНИЛС 112-233-445 95, тел. +7 (900) 000-00-01, почта a@b.example, сумма 1500 руб.";
        let struck = struck(text);
        assert_eq!(struck, "СНИЛС [скрыто], тел. [скрыто], почта [скрыто] сумма 1500 руб.");
        assert_eq!(contract::matter::personal(&struck), None);
    }

    #[test]
    fn plain_words_stay() {
        assert_eq!(struck("Платёж 2 из 3 + комиссия"), "Платёж 2 из 3 + комиссия");
    }
}
