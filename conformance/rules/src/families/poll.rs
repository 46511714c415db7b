//! POLL: answers that come later.

use contract::adapter::Outcome;
use serde_json::Value;

use super::http::{retry_after_ms, waited_ms};
use super::{LOOKED_ACCEPT, ROW, accept_and_look, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Flow, Lie, Reading, line, wire};
use crate::rule::{Judge, Rule, Severity};

const BASE: Rule = Rule { requirements: &["PEN-1", "SEC-7"], severity: Severity::Medium, ..ROW };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "POLL-01",
        slug: "polled-too-early",
        clauses: &["CIBA 7.3, 11", "RFC 8628 3.5", "RFC 9110 10.2.3"],
        title: t("Отложенный ответ не спрашивают раньше срока", "A deferred answer is not asked for too early"),
        why: t(
            "Ведомство назвало срок; ранние вопросы только множат нагрузку.",
            "The register named the time; early questions only add load.",
        ),
        looked_at: t(
            "Промежутки между ответом 202 с Retry-After и следующим вопросом о нём.",
            "The gaps between a 202 with Retry-After and the next question about it.",
        ),
        advice: t(
            "Ждите не меньше Retry-After, а без него — не меньше заданного промежутка.",
            "Wait for Retry-After, or for the stated interval where there is none.",
        ),
        judge: Judge::Duty(early),
        ..BASE
    },
    Rule {
        id: "POLL-13",
        slug: "deferred-answer-lost",
        clauses: &["RFC 9110 10.2.3, 15.3.3"],
        title: t("Отложенный ответ получен и показан", "A deferred answer is fetched and shown"),
        why: t(
            "202 — не ошибка: ответ будет, за ним надо прийти.",
            "202 is no error: the answer will come and must be fetched.",
        ),
        looked_at: LOOKED_ACCEPT,
        advice: t(
            "Запомните адрес из Location и спрашивайте по Retry-After до ответа.",
            "Keep the Location and ask as Retry-After says until the answer is there.",
        ),
        judge: accept_and_look(&["pension-deferred"], fetched),
        ..BASE
    },
];

fn early(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let interval = reading.trace.portal.limits.poll_interval_ms;
    let deferred = reading.data_calls.iter().filter(|call| wire::status(call.exchange) == 202);
    for call in deferred {
        let Some(location) = wire::got(call.exchange, "location") else { continue };
        let place = url::Url::parse(&call.exchange.request.url).ok().and_then(|base| base.join(location).ok());
        let Some(path) = place.map(|url| wire::path(url.as_str())) else { continue };
        let wait = retry_after_ms(call.exchange).unwrap_or(interval);
        let next = reading
            .data_calls
            .iter()
            .find(|other| other.path == path && other.exchange.started_us > call.exchange.started_us);
        let Some(next) = next else { continue };
        check.saw(line(next.exchange));
        let waited = waited_ms(call.exchange, next.exchange);
        if waited < wait {
            check.wrong(
                format!("asked again after {waited} ms, {wait} ms were wanted"),
                format!("повторный вопрос через {waited} мс, нужно не раньше {wait} мс"),
                vec![line(call.exchange), line(next.exchange)],
            );
        }
    }
    check.end(
        ("no answer was deferred and asked for", "отложенных ответов не спрашивали"),
        ("every question waited its time", "все вопросы заданы вовремя"),
    )
}

fn fetched(reading: &Reading<'_>, lie: &Lie<'_>, flow: &Flow<'_>) -> Option<(String, String)> {
    let read = reading.data_calls.iter().any(|call| {
        call.exchange.started_us > lie.wall_us
            && call.exchange.started_us <= flow.end_us
            && wire::status(call.exchange) == 200
            && call.answer().is_some()
    });
    let shown = flow.outcome() == Some(Outcome::Ok) && flow.value("operations").is_some_and(Value::is_array);
    if read && shown {
        return None;
    }
    Some((
        format!(
            "{}: reported ok, but the deferred answer was {}",
            lie.fault,
            if read { "not shown" } else { "never fetched" }
        ),
        format!("{}: сообщён успех, но отложенный ответ {}", lie.fault, if read { "не показан" } else { "не получен" }),
    ))
}
