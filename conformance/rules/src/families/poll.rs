//! POLL: answers that come later.

use contract::adapter::Outcome;
use serde_json::Value;

use super::http::{retry_after_ms, waited_ms};
use super::resp::prove;
use super::{LOOKED_ACCEPT, ROW, accept_and_look, atu, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{DataCall, Flow, Lie, Reading, facts, lied, line, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Level, Rule, Severity, Shown};

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
        id: "POLL-02",
        slug: "poll-without-interval-too-fast",
        requirements: &["PEN-1", "EST-1", "SEC-7"],
        clauses: &["CIBA 7.3"],
        title: t("Без срока ждут пять секунд", "Without an interval five seconds are waited"),
        why: t(
            "Молчание о сроке — не разрешение спрашивать без остановки.",
            "Silence about the time is no leave to ask without a pause.",
        ),
        looked_at: t(
            "Промежуток между ответом 202 без Retry-After и следующим вопросом о нём.",
            "The gap between a 202 without Retry-After and the next question about it.",
        ),
        advice: t("Заведите промежуток по умолчанию: 5 секунд.", "Have a default interval: 5 seconds."),
        judge: Judge::Duty(unnamed),
        ..BASE
    },
    Rule {
        id: "POLL-12",
        slug: "status-elsewhere-asked",
        severity: Severity::Critical,
        requirements: &["PEN-1", "EST-1", "SEC-8"],
        clauses: &["RFC 9110 15.3.3", "RFC 9700 4.9.1"],
        title: t(
            "За отложенным ответом не ходят на чужой узел с маркером",
            "A deferred answer is not asked for at a foreign host with a token",
        ),
        why: t("Location — данные; доверия новому узлу он не даёт.", "Location is data; it makes no host trusted."),
        looked_at: t(
            "Ответ 202 с Location на чужом узле: маркер туда не пришёл.",
            "A 202 whose Location is at a foreign host: the token did not arrive there.",
        ),
        advice: t("Сверьте узел из Location с узлом портала.", "Compare the host of Location with the portal’s."),
        judge: Judge::Duty(elsewhere),
        ..BASE
    },
    Rule {
        id: "POLL-14",
        slug: "polled-for-ever",
        level: Level::G,
        requirements: &["PEN-1", "EST-1", "CRT-1", "SEC-7"],
        clauses: &["RFC 8628 3.5"],
        title: t("Ответа, который не приходит, не ждут вечно", "An answer that never comes is not waited for for ever"),
        why: t(
            "Человек должен узнать, что ответа не будет, а портал — освободиться.",
            "The person must learn that no answer will come, and the portal must be free again.",
        ),
        looked_at: t(
            "Ответы 202 без конца: вопросов не больше тридцати с небольшим, затем банк говорит, что не дождался.",
            "202 without an end: hardly more than thirty questions, then the bank says that it waited in vain.",
        ),
        advice: t("Ограничьте число вопросов и скажите о пределе.", "Bound the questions and tell of the limit."),
        judge: Judge::Duty(endless),
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

/// Where no time is named, in milliseconds (CIBA §7.3).
const DEFAULT_MS: i64 = 5_000;
/// Questions about one answer; a little more than thirty may be a matter of counting.
const MOST: usize = 35;

fn unnamed(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let silent = |exchange: &contract::exchange::Exchange| {
        wire::status(exchange) == 202 && wire::got(exchange, "retry-after").is_none() && exchange.delivered
    };
    for call in reading.data_calls.iter().filter(|call| call.exchange.request.method == "GET" && silent(call.exchange))
    {
        let base = url::Url::parse(&call.exchange.request.url).ok();
        let named = wire::got(call.exchange, "location").and_then(|to| base.as_ref()?.join(to).ok());
        let path = named.map_or_else(|| call.path.clone(), |url| wire::path(url.as_str()));
        let whom = reading.whom(call);
        let next = reading.data_calls.iter().find(|other| {
            other.path == path
                && other.exchange.started_us > call.exchange.started_us
                && (whom.is_none() || reading.whom(other).is_none_or(|oid| Some(oid) == whom))
        });
        let Some(next) = next else { continue };
        check.saw(line(next.exchange));
        let waited = waited_ms(call.exchange, next.exchange);
        if waited < DEFAULT_MS {
            check.wrong(
                format!("asked again after {waited} ms though no time was named"),
                format!("повторный вопрос через {waited} мс, хотя срок не назван"),
                vec![line(call.exchange), line(next.exchange)],
            );
        }
    }
    if !check.looked() {
        return untold(&["answer-no-interval"], reading);
    }
    check.end(
        ("every deferral named its time", "каждая отсрочка назвала срок"),
        ("five seconds were waited", "пять секунд выждано"),
    )
}

fn elsewhere(reading: &Reading<'_>) -> Judgement {
    atu::redirected(reading, "answer-elsewhere")
}

fn endless(reading: &Reading<'_>) -> Judgement {
    let fault = "answer-never";
    let lies = reading.told(&[fault]);
    let Some(lie) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    for flow in &reading.flows {
        let asked = lies.iter().filter(|lie| flow.start_us <= lie.wall_us && lie.wall_us <= flow.end_us).count();
        if asked == 0 {
            continue;
        }
        check.saw(lied(lie));
        check.saw(flow.evidence());
        let evidence = vec![lied(lie), flow.evidence()];
        if asked > MOST {
            check.wrong(
                format!("asked {asked} times for an answer that does not come"),
                format!("ответ, который не приходит, спрошен {asked} раз"),
                evidence,
            );
            continue;
        }
        match flow.outcome() {
            Some(Outcome::Ok) => {
                check.wrong(
                    "no answer came, and the bank reported ok",
                    "ответа не было, а банк сообщил об успехе",
                    evidence,
                );
            }
            Some(Outcome::Refused | Outcome::Error) => {
                let reason = flow.last().and_then(|report| report.reason.as_ref());
                if reason.is_none_or(|reason| reason.message.trim().is_empty()) {
                    check.wrong("the person is told nothing", "человеку ничего не сказано", evidence);
                }
            }
            Some(Outcome::Pending) | None => {
                check.wrong("the flow never came to an end", "сценарий так и не закончился", evidence);
            }
        }
    }
    prove(&mut check, reading);
    check.end(
        ("no flow of the bank met it", "ни один сценарий с этим не встретился"),
        ("the questions ended and the person was told", "вопросы прекратились, человеку сказано"),
    )
}

/// Facts by which an answer is known again in what a bank shows, where no row of the services tells: JSON pointers into
/// the values and into the answer.
const SHOWN: &[Shown] = &[
    Shown { action: "debts.list", service: "debts", members: &[("/items", "/items"), ("/totals", "/totals")] },
    Shown {
        action: "pension.view",
        service: "pension",
        members: &[
            ("/accrued", "/accrued"),
            ("/balance", "/balance"),
            ("/operations", "/operations"),
            ("/paid", "/paid"),
        ],
    },
];

fn fetched(reading: &Reading<'_>, lie: &Lie<'_>, flow: &Flow<'_>) -> Option<(String, String)> {
    let deferred =
        reading.data_calls.iter().find(|call| lie.exchange.is_some_and(|told| std::ptr::eq(call.exchange, told)));
    let place = deferred.and_then(DataCall::leads_to);
    let service = deferred.and_then(|call| facts::service(call.place()?.1));
    let answer = reading.data_calls.iter().find_map(|call| {
        let is_of_it = place.as_ref().is_none_or(|place| call.path == *place)
            // Whoever asks the service itself again gets the same answer.
            || deferred.is_some_and(|deferred| call.path == deferred.path);
        let came = call.exchange.started_us > lie.wall_us
            && call.exchange.started_us <= flow.end_us
            && wire::status(call.exchange) == 200;
        if !came || !is_of_it {
            return None;
        }
        match service {
            Some(service) => call.facts(service),
            None => call.answer(),
        }
    });
    let lost = match answer {
        None => ("never fetched", "не получен"),
        Some(facts) if flow.outcome() != Some(Outcome::Ok) || is_hidden(flow, service, &facts) => {
            ("not shown", "не показан")
        }
        Some(_) => return None,
    };
    Some((
        format!("{}: reported ok, but the deferred answer was {}", lie.fault, lost.0),
        format!("{}: сообщён успех, но отложенный ответ {}", lie.fault, lost.1),
    ))
}

/// Whether nothing of the facts is shown by an action that is there to show them; whether all is, other rules say.
fn is_hidden(flow: &Flow<'_>, service: Option<&facts::Service>, facts: &Value) -> bool {
    let rows = super::ALL.iter().copied().flatten().filter_map(|rule| match &rule.judge {
        Judge::Shown(row) => Some(row),
        _ => None,
    });
    let row = rows
        .chain(SHOWN)
        .find(|row| row.action == flow.action && service.is_some_and(|service| service.name == row.service));
    let values = flow.last().map(|report| Value::Object(report.values.clone())).unwrap_or_default();
    let mut served = row.into_iter().flat_map(|row| row.members).filter(|(_, origin)| {
        facts
            .pointer(origin)
            .is_some_and(|served| !served.is_null() && served.as_array().is_none_or(|list| !list.is_empty()))
    });
    let is_absent = |(at, _): &(&str, &str)| values.pointer(at).is_none();
    served.next().is_some_and(|first| is_absent(first) && served.all(is_absent))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    /// A deferred pension, fetched with this status and body in the flow, after it, or not at all.
    fn deferred(status: u16, body: &Value, late: bool) -> Verdict {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        scene.consent(ANNA, "c-1", &["pension"], &["pension"]);
        let flow = scene.begin("pension.view", ANNA, json!({"from": "2026-01-01", "to": "2026-06-30"}));
        let token = scene.data_token(ANNA, "c-1");
        let call = scene.call("GET", &format!("/api/v1/pension?person={ANNA}"), &token, 202, &json!({}));
        scene.lie(call, "pension-deferred");
        scene.wire(call).citizen = Some(ANNA);
        scene.pass_ms(5_000);
        let fetch = |scene: &mut Scene| scene.call("GET", "/api/v1/answers/a-1", &token, status, body);
        if !late {
            fetch(&mut scene);
        }
        scene.report(&flow, Outcome::Ok, None, json!({"operations": []}));
        if late {
            fetch(&mut scene);
        }
        verdict("POLL-13", &scene)
    }

    #[test]
    fn a_deferred_answer_is_fetched_whole_and_in_time() {
        let answer = json!({"operations": []});
        assert_eq!(deferred(200, &answer, false), Verdict::Pass);
        assert_eq!(deferred(200, &answer, true), Verdict::Fail);
        assert_eq!(deferred(202, &answer, false), Verdict::Fail);
        assert_eq!(deferred(200, &Value::Null, false), Verdict::Fail);
    }

    /// The lie defers every service, not the pension alone.
    #[test]
    fn a_deferred_answer_of_any_service_is_known_in_what_is_shown() {
        let play = |fetched: bool, values: &Value| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.consent(ANNA, "c-1", &["estate"], &["estate"]);
            let flow = scene.begin("estate.lookup", ANNA, json!({"number": "74:1", "channel": "v2"}));
            let token = scene.data_token(ANNA, "c-1");
            let call = scene.call("GET", &format!("/api/v2/estate?person={ANNA}"), &token, 202, &json!({}));
            scene.respond(call, 202, &[("Location", "/api/v2/answers/a-1")], "");
            scene.lie(call, "pension-deferred");
            scene.wire(call).citizen = Some(ANNA);
            scene.pass_ms(5_000);
            let id = if fetched { "a-1" } else { "a-2" };
            let record = json!({"object": {"cost": 100}, "rights": []});
            let answer = scene.call("GET", &format!("/api/v2/answers/{id}"), &token, 200, &record);
            scene.wire(answer).citizen = Some(ANNA);
            scene.report(&flow, Outcome::Ok, None, values.clone());
            verdict("POLL-13", &scene)
        };
        let estate = json!({"estate": {"object": {"cost": 100}, "rights": []}});
        assert_eq!(play(true, &estate), Verdict::Pass);
        assert_eq!(play(true, &json!({})), Verdict::Fail);
        assert_eq!(play(false, &estate), Verdict::Fail);
    }

    #[test]
    fn where_no_time_is_named_five_seconds_are_waited() {
        let play = |ms: i64| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let path = format!("/api/v1/estate?person={ANNA}");
            let first = scene.call("GET", &path, "token-of-anna", 202, &json!({}));
            scene.lie(first, "answer-no-interval");
            scene.pass_ms(ms);
            scene.call("GET", &path, "token-of-anna", 200, &json!({}));
            verdict("POLL-02", &scene)
        };
        assert_eq!(play(5_000), Verdict::Pass);
        assert_eq!(play(4_900), Verdict::Fail);
    }

    #[test]
    fn questions_end_and_the_person_is_told() {
        let play = |times: usize, outcome: Outcome| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let flow = scene.begin("estate.lookup", ANNA, json!({}));
            for _ in 0..times {
                let path = format!("/api/v1/estate?person={ANNA}");
                let call = scene.call("GET", &path, "token-of-anna", 202, &json!({}));
                scene.lie(call, "answer-never");
            }
            let class = (outcome == Outcome::Refused).then_some(contract::adapter::ReasonClass::Limit);
            scene.report(&flow, outcome, class, json!({}));
            verdict("POLL-14", &scene)
        };
        assert_eq!(play(31, Outcome::Refused), Verdict::Pass);
        assert_eq!(play(60, Outcome::Refused), Verdict::Warning);
        assert_eq!(play(31, Outcome::Ok), Verdict::Warning);
    }

    #[test]
    fn a_status_at_a_stranger_gets_no_token() {
        use contract::exchange::Party;
        let play = |with_token: bool| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let path = format!("/api/v1/estate?person={ANNA}");
            let call = scene.call("GET", &path, "token-of-anna", 202, &json!({}));
            scene.lie(call, "answer-elsewhere");
            let visit = scene.exchange(Party::Bank, Party::Foreign, "GET", &format!("{FOREIGN}/api/v1/answers/0"));
            if with_token {
                scene.wire(visit).request.headers = vec![("Authorization".into(), "Bearer token-of-anna".into())];
            }
            verdict("POLL-12", &scene)
        };
        assert_eq!(play(true), Verdict::Fail);
        assert_eq!(play(false), Verdict::Pass);
    }
}
