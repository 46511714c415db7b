//! Lies of the data services. Those that stand for "not served" take the honest call's place, so that a token serves a
//! repeat; the others change what it answered.

use contract::error;
use serde_json::{Value, json};

use super::answer::{Answer, Content, Cut};
use super::{Operation, Scene};

use Operation::{AnswerRead, ConsentRead, ConsentRevoke, DebtFeed, DebtPay, DebtsList, PaymentRead, PensionView};

/// An answer instead of the honest call; `None` when there is nothing to lie about.
type Instead = fn(&Scene<'_>) -> Option<Answer>;
/// Changes the honest answer; false when there is nothing to lie about.
type Change = fn(&mut Answer, &Scene<'_>) -> bool;

/// Calls that give or change a person's data.
const DATA: &[Operation] = &[AnswerRead, DebtFeed, DebtPay, DebtsList, PaymentRead, PensionView];
const READS: &[Operation] = &[AnswerRead, DebtsList, PaymentRead, PensionView];

pub(super) const INSTEAD: &[(&str, &[Operation], Instead)] = &[
    ("api-redirect-foreign", DATA, |scene| {
        let status = scene.lie.number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or(307);
        Some(Answer::empty(status).with("location", format!("{}/api/v1/debts", scene.foreign())))
    }),
    ("client-error", DATA, |scene| {
        let status = scene.lie.number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or(400);
        let code = match status {
            404 => "not-found",
            410 => "unknown-answer",
            422 => "body-invalid",
            _ => "parameter-invalid",
        };
        Some(problem(status, code, "This request cannot be served, now or later."))
    }),
    ("consent-revoke-unavailable", &[ConsentRevoke], |_| {
        Some(problem(503, "unavailable", "The consent service is being maintained.").with("retry-after", "1"))
    }),
    ("payment-conflict", &[DebtPay], |_| {
        Some(
            problem(409, "idempotency-in-progress", "A payment under this key is being worked on.")
                .with("retry-after", "1"),
        )
    }),
    ("payment-unprocessable", &[DebtPay], |_| {
        Some(problem(422, "idempotency-key-reused", "The key was used with another body."))
    }),
    ("problem-internals", DATA, |_| {
        let mut answer = problem(500, "internal", "java.lang.NullPointerException: registry is null");
        if let Some(members) = answer.object() {
            let trace = "java.lang.NullPointerException: registry is null\n\tat ru.portal.debts.DebtService.list(DebtService.java:214)\n\tat ru.portal.web.ApiServlet.doGet(ApiServlet.java:87)\nSELECT * FROM debts WHERE oid = '1'; host=db-internal-07.portal.local password=hunter2-planted";
            members.insert("trace".into(), trace.into());
            members.insert("detail".into(), trace.into());
        }
        Some(answer)
    }),
    ("problem-unknown-type", DATA, |_| {
        let body = json!({
            "type": "https://stend.example/errors/of-a-kind-to-come", "title": "Quota of the third kind exceeded",
            "status": 409, "code": "of-a-kind-to-come", "detail": "<b>Сырой</b> текст, которого никто не ждал",
        });
        Some(Answer::problem(409, body))
    }),
    ("rate-limited", DATA, |scene| {
        let seconds = scene.lie.number("seconds").unwrap_or(1);
        Some(problem(429, "rate-limited", "Too many requests.").with("retry-after", seconds.to_string()))
    }),
    ("server-errors", DATA, |scene| {
        let listed = scene.lie.params.get("statuses").and_then(Value::as_array);
        let listed: Vec<u64> =
            listed.map_or_else(|| vec![500, 502, 503, 504], |all| all.iter().filter_map(Value::as_u64).collect());
        let status = listed.get(scene.lie.told as usize).and_then(|status| u16::try_from(*status).ok())?;
        Some(problem(status, "internal", "The service failed."))
    }),
    ("unavailable-until", DATA, |scene| {
        let seconds = i64::try_from(scene.lie.number("seconds").unwrap_or(1)).unwrap_or(1);
        // HTTP dates have whole seconds: the next full one after the wait, so that it is never shorter than said.
        let until = contract::time::Timestamp::from_seconds(scene.now() + seconds + 1);
        Some(problem(503, "unavailable", "Out of service for a moment.").with("retry-after", until.to_http()))
    }),
];

pub(super) const AFTER: &[(&str, &[Operation], Change)] = &[
    ("answer-empty", READS, |answer, _| {
        served(answer) && {
            answer.content = Content::Empty;
            true
        }
    }),
    ("answer-extra-members", READS, |answer, _| {
        served(answer)
            && answer.object().is_some_and(|members| {
                members.insert("x_new".into(), json!({"since": "v1.9", "list": [1, 2]}));
                for item in members.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
                    if let Some(item) = item.as_object_mut() {
                        item.insert("x_channel".into(), json!("новое"));
                    }
                }
                true
            })
    }),
    ("answer-html", READS, |answer, _| {
        served(answer) && {
            *answer = Answer::html(200, "<!doctype html><title>Портал</title><p>Сервис временно недоступен.</p>");
            true
        }
    }),
    ("answer-lost-once", DATA, |answer, scene| {
        scene.lie.told == 0 && served(answer) && {
            answer.cut = Cut::Before;
            true
        }
    }),
    ("answer-truncated", READS, |answer, _| {
        served(answer) && {
            answer.cut = Cut::Within;
            true
        }
    }),
    ("consent-record-other-purpose", &[ConsentRead], |answer, scene| {
        served(answer)
            && answer.object().is_some_and(|members| {
                let other = scene.lie.text("purpose").unwrap_or("FIN_SERVICES_OFFER");
                members.insert("purpose".into(), json!(other));
                members.insert("purposes".into(), json!([other]));
                true
            })
    }),
    ("consent-record-wider", &[ConsentRead], |answer, _| {
        served(answer)
            && answer.object().is_some_and(|members| match members.get_mut("scopes").and_then(Value::as_array_mut) {
                Some(scopes) => {
                    scopes.extend([json!("payout_income"), json!("electronic_workbook")]);
                    true
                }
                None => false,
            })
    }),
    ("payment-amount-differs", &[DebtPay, PaymentRead], |answer, _| {
        served(answer)
            && answer.object().is_some_and(|members| match members.get("amount").and_then(Value::as_i64) {
                Some(amount) => members.insert("amount".into(), json!(amount + 10_000)).is_some(),
                None => false,
            })
    }),
    ("payment-answer-lost", &[DebtPay], |answer, _| {
        served(answer) && {
            answer.cut = Cut::Before;
            true
        }
    }),
];

/// Lies about content are told about answers that have some: 200 and 201.
fn served(answer: &Answer) -> bool {
    matches!(answer.status, 200 | 201)
}

/// A problem document in the registry's words where the registry has the code, with a status of the lie's choosing.
fn problem(status: u16, code: &str, detail: &str) -> Answer {
    let mut body = match error::find(code) {
        Some(row) => serde_json::to_value(row.problem(detail)).unwrap_or_default(),
        None => {
            json!({"type": format!("{}{code}", error::PROBLEM_BASE), "title": detail, "code": code, "detail": detail})
        }
    };
    body["status"] = status.into();
    Answer::problem(status, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_honest_refusal_is_not_lied_about() {
        assert!(!served(&Answer::problem(403, json!({}))));
        assert!(!served(&Answer::json(202, json!({}))));
    }
}
