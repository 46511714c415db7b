//! HTTP: failures, waiting, retries, and answers that are not what they should be.

use contract::adapter::{Outcome, ReasonClass::*};
use contract::exchange::Exchange;
use contract::time::Day;

use super::resp::prove;
use super::{LOOKED_ACCEPT, LOOKED_ANSWER, ROW, accept, atu, obs, refuse_or_retry, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Lie, Reading, lied, line, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Level, Rule, Severity, Unused};

const BASE: Rule = Rule { requirements: &["API-1", "SEC-7"], ..ROW };
const DAMAGED: Rule = Rule { requirements: &["API-1", "DEB-1", "PEN-1"], looked_at: LOOKED_ANSWER, ..ROW };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "HTTP-01",
        slug: "retry-after-ignored",
        clauses: &["RFC 6585 4", "RFC 9110 10.2.3"],
        title: t("Retry-After в секундах соблюдается", "Retry-After in seconds is kept"),
        why: t("Портал просит подождать, потому что перегружен.", "The portal asks to wait because it is overloaded."),
        looked_at: t(
            "Ответ 429 с Retry-After: следующее такое же обращение не раньше срока.",
            "A 429 with Retry-After: the next such call comes no earlier.",
        ),
        advice: t(
            "Отложите повтор на указанное время, без опережения.",
            "Put the repeat off for the stated time, not a moment less.",
        ),
        judge: Judge::Duty(in_seconds),
        ..BASE
    },
    Rule {
        id: "HTTP-02",
        slug: "retry-after-date-ignored",
        clauses: &["RFC 9110 10.2.3, 5.6.7"],
        title: t("Retry-After датой соблюдается", "Retry-After as a date is kept"),
        why: t("Обе формы заголовка равноправны.", "Both forms of the header are equal."),
        looked_at: t(
            "Ответ 503 с датой в Retry-After: следующее такое же обращение не раньше этой даты по часам портала.",
            "A 503 with a date in Retry-After: the next such call comes no earlier than that by the portal’s clock.",
        ),
        advice: t("Разбирайте Retry-After и как число, и как дату.", "Read Retry-After as a number and as a date."),
        judge: Judge::Duty(by_date),
        ..BASE
    },
    Rule {
        id: "HTTP-05",
        slug: "retries-without-backoff",
        level: Level::G,
        severity: Severity::Medium,
        clauses: &["RFC 9110 15.6", "ASVS 13.2.6"],
        title: t("Повторы при сбоях ограничены и редеют", "Retries on failures are bounded and grow sparse"),
        why: t(
            "Равномерные повторы тысячи клиентов не дают порталу подняться.",
            "Steady repeats of a thousand clients keep the portal down.",
        ),
        looked_at: t(
            "Обращения к ресурсу, отвечающему 5xx: не больше пяти, промежутки не сокращаются.",
            "Calls of a resource that answers 5xx: five at most, with gaps that do not shrink.",
        ),
        advice: t(
            "Увеличивайте паузу между попытками и ограничьте их число.",
            "Grow the pause between attempts and bound their number.",
        ),
        judge: Judge::Duty(backoff),
        ..BASE
    },
    Rule {
        id: "HTTP-07",
        slug: "refused-request-repeated",
        clauses: &["RFC 9110 15.5"],
        title: t("Отвергнутый запрос не повторяется без изменений", "A refused request is not repeated unchanged"),
        why: t(
            "400, 404, 410 и 422 означают: дело в запросе.",
            "400, 404, 410 and 422 mean that the request is at fault.",
        ),
        looked_at: t(
            "Запрос, на который портал ответил 4xx: второго такого же нет.",
            "A request answered by 4xx: no second one like it.",
        ),
        advice: t("Повторяйте только 429 и 5xx.", "Repeat on 429 and 5xx only."),
        judge: Judge::Duty(unchanged),
        ..BASE
    },
    Rule {
        id: "HTTP-10",
        slug: "cut-body-accepted",
        clauses: &["RFC 9112 6.3, 8"],
        title: t("Обрезанное тело не считается целым", "A cut body is not taken for whole"),
        why: t("Половина списка долгов хуже, чем никакой.", "Half a list of debts is worse than none."),
        advice: t(
            "Сверяйте длину тела с Content-Length и разбирайте JSON целиком.",
            "Compare the body with Content-Length and parse the JSON as a whole.",
        ),
        judge: refuse_or_retry(&["answer-truncated"], &[Format, Transport], Unused::Answer),
        ..DAMAGED
    },
    Rule {
        id: "HTTP-17",
        slug: "redirect-with-credentials",
        severity: Severity::Critical,
        requirements: &["API-1", "SEC-8"],
        clauses: &["RFC 9110 15.4"],
        title: t(
            "Маркер данных не уходит по переадресации на чужой узел",
            "The data token does not follow a redirect to a foreign host",
        ),
        why: t(
            "Переадресация решает, куда идти, но не кому доверять.",
            "A redirect says where to go, not whom to trust.",
        ),
        looked_at: t(
            "Переадресация обращения за данными на чужой узел: маркер туда не пришёл.",
            "A redirect of a data call to a foreign host: the token did not arrive there.",
        ),
        advice: t("Не следуйте переадресациям на другой узел.", "Follow no redirect to another host."),
        judge: Judge::Duty(redirect),
        ..BASE
    },
    Rule {
        id: "HTTP-18",
        slug: "html-accepted-as-data",
        clauses: &["RFC 9110 8.3", "ASVS 4.1.1"],
        title: t("HTML вместо данных не принимается", "HTML in place of data is not taken"),
        why: t(
            "Страница посредника под кодом 200 — не пустой список долгов.",
            "A proxy’s page under status 200 is no empty list of debts.",
        ),
        advice: t("Проверьте тип содержимого до разбора.", "Check the media type before parsing."),
        judge: refuse_or_retry(&["answer-html"], &[Format, Transport], Unused::Answer),
        ..DAMAGED
    },
    Rule {
        id: "HTTP-20",
        slug: "empty-body-accepted",
        clauses: &["RFC 9110 15.3.5"],
        title: t("Пустое тело вместо данных не принимается", "An empty body in place of data is not taken"),
        why: t(
            "«Ничего не пришло» и «долгов нет» — разные вещи.",
            "“Nothing came” and “no debts” are different things.",
        ),
        advice: t("Требуйте тело там, где должны быть данные.", "Demand a body where data are due."),
        judge: refuse_or_retry(&["answer-empty"], &[Format, Transport], Unused::Answer),
        ..DAMAGED
    },
    Rule {
        id: "HTTP-34",
        slug: "new-members-refused",
        severity: Severity::Medium,
        requirements: &["API-1", "DEB-1"],
        clauses: &["OIDC Discovery 4.2 by analogy", "ASVS 1.5.3"],
        title: t("Новые поля в данных не мешают", "New members in the data do not get in the way"),
        why: t("Портал добавляет поля в действующей версии.", "The portal adds members within a version."),
        looked_at: LOOKED_ACCEPT,
        advice: t("Пропускайте незнакомые поля.", "Skip members that you do not know."),
        judge: accept(&["answer-extra-members"]),
        ..BASE
    },
    Rule {
        id: "HTTP-37",
        slug: "unknown-problem-shown-raw",
        severity: Severity::Medium,
        requirements: &["API-6"],
        clauses: &["RFC 9457 3, 4.2"],
        title: t("Незнакомая ошибка показана понятным текстом", "An unknown problem is shown in plain words"),
        why: t(
            "Адрес типа ошибки человеку ничего не говорит.",
            "The address of a problem type tells a person nothing.",
        ),
        looked_at: t(
            "Отчёт банка после ошибки неизвестного вида: причина есть, сырых полей ошибки в тексте нет.",
            "The bank’s report after a problem of unknown type: there is a reason, and no raw member of the problem in the text.",
        ),
        advice: t(
            "Для незнакомого кода показывайте общий текст с советом.",
            "For an unknown code show a general text with advice.",
        ),
        judge: Judge::Duty(unknown_problem),
        ..BASE
    },
    Rule {
        id: "HTTP-38",
        slug: "internals-shown",
        requirements: &["API-6", "SEC-4"],
        clauses: &["ASVS 16.5.1"],
        title: t("Внутренности ошибки не показаны человеку", "A problem’s internals are not shown to the person"),
        why: t(
            "Следы стека рассказывают нападающему об устройстве системы.",
            "Stack traces tell an attacker how the system is built.",
        ),
        looked_at: t(
            "Текст отказа и страницы банка после ошибки со следом стека: его там нет.",
            "The refusal’s text and the bank’s pages after a problem with a stack trace: it stands in neither.",
        ),
        advice: t(
            "Показывайте текст из реестра ошибок, а подробности пишите в журнал.",
            "Show the text of the error registry and log the details.",
        ),
        judge: Judge::Duty(internals),
        ..BASE
    },
];

const NOTHING: (&str, &str) = ("the portal asked for no wait", "портал ждать не просил");

/// The wait that a response asks for, in milliseconds.
pub(super) fn retry_after_ms(exchange: &Exchange) -> Option<i64> {
    let text = wire::got(exchange, "retry-after")?.trim();
    match text.parse::<i64>() {
        Ok(seconds) => Some(seconds.max(0).saturating_mul(1000)),
        Err(_) => Some(http_date_ms(text)?.saturating_sub(exchange.at.millis()).max(0)),
    }
}

/// An HTTP date (RFC 9110 §5.6.7), in milliseconds since 1970.
pub(super) fn http_date_ms(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const MOSCOW_MS: i64 = 3 * 3_600_000;
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = parts.as_slice() else { return None };
    let month = i8::try_from(MONTHS.iter().position(|name| name == month)? + 1).ok()?;
    let clock: Vec<i64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
    let [hours, minutes, seconds] = clock.as_slice() else { return None };
    let midnight =
        Day::new(year.parse().ok()?, month, day.parse().ok()?)?.midnight().millis().checked_add(MOSCOW_MS)?;
    midnight.checked_add((hours.checked_mul(3600)? + minutes.checked_mul(60)? + seconds).checked_mul(1000)?)
}

/// How long a client waited between two calls: by the wall, or by the sandbox's clock where that was moved.
pub(super) fn waited_ms(first: &Exchange, next: &Exchange) -> i64 {
    let wall = next.started_us.saturating_sub(first.started_us) / 1000;
    let clock = next.at.millis().saturating_sub(first.at.millis());
    wall.max(clock)
}

fn like<'a>(reading: &Reading<'a>, lie: &Lie<'_>) -> Vec<&'a Exchange> {
    let Some(first) = lie.exchange else { return Vec::new() };
    let path = wire::path(&first.request.url);
    reading
        .by_bank()
        .filter(|other| other.started_us >= first.started_us && other.request.method == first.request.method)
        .filter(|other| wire::path(&other.request.url) == path)
        .filter(|other| {
            lie.citizen.is_none() || reading.citizen_of_exchange(other).is_none_or(|oid| Some(oid) == lie.citizen)
        })
        .collect()
}

fn waits(reading: &Reading<'_>, fault: &'static str) -> Judgement {
    let lies = reading.told(&[fault]);
    if lies.is_empty() {
        return untold(&[fault], reading);
    }
    let mut check = Check::new();
    for lie in lies {
        let Some(first) = lie.exchange else { continue };
        let Some(wait) = retry_after_ms(first) else { continue };
        check.saw(lied(lie));
        let next = like(reading, lie).into_iter().find(|other| other.started_us > first.started_us);
        match (next, reading.flow_of(lie).and_then(|flow| flow.outcome())) {
            (Some(next), _) => {
                // By a date in whole seconds, the last part of a second is the server's.
                let waited = waited_ms(first, next);
                check.saw(line(next));
                if waited < wait {
                    check.wrong(
                        format!("called again after {waited} ms, the portal asked for {wait} ms"),
                        format!("повтор через {waited} мс, портал просил {wait} мс"),
                        vec![lied(lie), line(next)],
                    );
                }
            }
            (None, Some(Outcome::Ok)) => check.wrong(
                "the call was put off by the portal, never repeated, and reported ok",
                "портал отложил обращение, повтора не было, а банк сообщил об успехе",
                vec![lied(lie)],
            ),
            (None, Some(Outcome::Refused | Outcome::Error)) => {}
            (None, _) => check.unproved("the flow never came to an end", "сценарий не закончился", vec![lied(lie)]),
        }
    }
    check.end(NOTHING, ("no call came before its time", "раньше срока обращений не было"))
}

fn in_seconds(reading: &Reading<'_>) -> Judgement {
    waits(reading, "rate-limited")
}

fn by_date(reading: &Reading<'_>) -> Judgement {
    waits(reading, "unavailable-until")
}

/// Two gaps of which the later is the shorter, though any one gap be left out: a busy machine lengthens a gap, never
/// shortens it, and so makes one look longer than the bank meant it, not two.
fn shrinking(gaps: &[i64]) -> Option<(i64, i64)> {
    let shrunk = |gaps: &[i64]| {
        // A fifth of a gap is left to jitter, a few milliseconds to the machine.
        gaps.windows(2).find(|pair| pair[1].saturating_add(5) < pair[0] * 4 / 5).map(|pair| (pair[0], pair[1]))
    };
    let without = |left_out: usize| [&gaps[..left_out], &gaps[left_out + 1..]].concat();
    (0..gaps.len()).all(|left_out| shrunk(&without(left_out)).is_some()).then(|| shrunk(gaps))?
}

fn backoff(reading: &Reading<'_>) -> Judgement {
    let fault = "server-errors";
    let lies = reading.told(&[fault]);
    let Some(lie) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    check.saw(lied(lie));
    let end = reading.flow_of(lie).map_or(i64::MAX, |flow| flow.end_us);
    let calls: Vec<_> = like(reading, lie).into_iter().filter(|call| call.started_us <= end).collect();
    let evidence = || calls.iter().map(|call| line(call)).collect::<Vec<_>>();
    if calls.len() > 5 {
        check.wrong(
            format!("{} attempts, five are enough", calls.len()),
            format!("{} попыток, достаточно пяти", calls.len()),
            evidence(),
        );
    }
    let gaps: Vec<i64> = calls.windows(2).map(|pair| (pair[1].started_us - pair[0].ended_us).max(0) / 1000).collect();
    if let Some((longer, shorter)) = shrinking(&gaps) {
        check.wrong(
            format!("the gap between attempts shrank from {longer} to {shorter} ms"),
            format!("промежуток между попытками сократился с {longer} до {shorter} мс"),
            evidence(),
        );
    }
    if gaps.iter().any(|gap| *gap < 10) {
        check.wrong("a repeat came at once", "повтор сделан сразу", evidence());
    }
    prove(&mut check, reading);
    check.end(NOTHING, ("attempts are few and grow sparse", "попыток мало, и они редеют"))
}

fn unchanged(reading: &Reading<'_>) -> Judgement {
    let fault = "client-error";
    let lies = reading.told(&[fault]);
    let Some(lie) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    check.saw(lied(lie));
    let Some(first) = lie.exchange else { return untold(&[fault], reading) };
    let end = reading.flow_of(lie).map_or(i64::MAX, |flow| flow.end_us);
    let repeats: Vec<_> = like(reading, lie)
        .into_iter()
        .filter(|call| call.started_us > first.started_us && call.started_us <= end)
        .filter(|call| call.request.url == first.request.url && call.request.body == first.request.body)
        .collect();
    if !repeats.is_empty() {
        let status = wire::status(first);
        check.wrong(
            format!("after {status} the same request was sent {} more times", repeats.len()),
            format!("после {status} тот же запрос отправлен ещё {} раза", repeats.len()),
            std::iter::once(line(first)).chain(repeats.iter().map(|call| line(call))).collect(),
        );
    }
    prove(&mut check, reading);
    check.end(NOTHING, ("the request was not repeated", "запрос не повторён"))
}

fn redirect(reading: &Reading<'_>) -> Judgement {
    atu::redirected(reading, "api-redirect-foreign")
}

/// Texts of a problem document that no person should read.
fn raw_texts(lie: &Lie<'_>, names: &[&str]) -> Vec<String> {
    let Some(problem) = lie.exchange.and_then(wire::answer_json) else { return Vec::new() };
    names
        .iter()
        .filter_map(|name| problem.get(*name)?.as_str().map(str::to_owned))
        .filter(|text| text.chars().count() >= 12)
        .collect()
}

fn said(reading: &Reading<'_>, fault: &'static str, names: &[&str], fine: (&str, &str)) -> Judgement {
    let lies = reading.told(&[fault]);
    if lies.is_empty() {
        return untold(&[fault], reading);
    }
    let mut check = Check::new();
    for lie in lies {
        let Some(flow) = reading.flow_of(lie) else { continue };
        let Some(last) = flow.last() else { continue };
        if matches!(last.outcome, Outcome::Pending) {
            check.unproved("the flow never came to an end", "сценарий не закончился", vec![lied(lie), flow.evidence()]);
            continue;
        }
        if last.outcome == Outcome::Ok {
            // A robust bank may have asked again and got an honest answer; then nothing had to be said.
            continue;
        }
        check.saw(lied(lie));
        check.saw(flow.evidence());
        let message = last.reason.as_ref().map(|reason| reason.message.as_str()).unwrap_or_default();
        if message.trim().is_empty() {
            check.wrong("the person is told nothing", "человеку ничего не сказано", vec![lied(lie), flow.evidence()]);
        }
        let raw = raw_texts(lie, names);
        let pages = reading.exchanges.iter().filter(|page| {
            page.from == contract::exchange::Party::Browser
                && page.to == contract::exchange::Party::Bank
                && page.started_us >= lie.wall_us
        });
        let shown: String =
            pages.filter_map(|page| page.response.as_ref()).map(|response| response.body.text()).collect();
        let first_line =
            |text: &str| text.lines().find(|line| line.trim().chars().count() >= 12).unwrap_or(text).trim().to_owned();
        if let Some(text) = raw
            .iter()
            .map(|text| first_line(text))
            .find(|text| message.contains(text.as_str()) || shown.contains(text.as_str()))
        {
            let head: String = text.chars().take(40).collect();
            check.wrong(
                format!("the person is shown the portal’s raw text “{head}…”"),
                format!("человеку показан сырой текст портала «{head}…»"),
                vec![lied(lie), flow.evidence()],
            );
        } else if obs::internals(message) {
            check.wrong("the message holds a stack trace", "в тексте след стека", vec![lied(lie), flow.evidence()]);
        }
    }
    prove(&mut check, reading);
    check.end(NOTHING, fine)
}

fn unknown_problem(reading: &Reading<'_>) -> Judgement {
    said(
        reading,
        "problem-unknown-type",
        &["type", "title", "detail"],
        ("the person is told plainly", "человеку сказано понятно"),
    )
}

fn internals(reading: &Reading<'_>) -> Judgement {
    let names = ["detail", "trace", "stack", "exception", "debug", "internal", "stacktrace"];
    said(reading, "problem-internals", &names, ("no internals are shown", "внутренности не показаны"))
}

#[cfg(test)]
mod tests {
    use contract::adapter::ReasonClass;
    use serde_json::json;

    use super::*;
    use crate::duties::{failing, problem, waited};
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn a_wait_is_over_at_its_very_end() {
        // Ten milliseconds pass by themselves between two exchanges.
        assert_eq!(verdict("HTTP-01", &waited("rate-limited", 429, "2", 1_990)), Verdict::Pass);
        assert_eq!(verdict("HTTP-01", &waited("rate-limited", 429, "2", 1_989)), Verdict::Fail);
    }

    #[test]
    fn a_wait_may_be_by_the_clock_that_the_suite_moves() {
        let mut scene = Scene::oidc();
        let first = scene.exchange(contract::exchange::Party::Bank, contract::exchange::Party::Portal, "GET", PORTAL);
        scene.advance_ms(60_000);
        let next = scene.exchange(contract::exchange::Party::Bank, contract::exchange::Party::Portal, "GET", PORTAL);
        let (first, next) = (scene.wire(first).clone(), scene.wire(next).clone());
        assert!((60_000..61_000).contains(&waited_ms(&first, &next)));
        assert_eq!(waited_ms(&next, &first), -(next.started_us - first.started_us) / 1000);
    }

    #[test]
    fn a_call_put_off_is_repeated_or_refused() {
        let play = |outcome: Outcome| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let flow = scene.begin("debts.list", ANNA, json!({}));
            let call = scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), "t", 429, &json!({}));
            scene.respond(call, 429, &[("Retry-After", "2")], "");
            scene.lie(call, "rate-limited");
            let class = (outcome == Outcome::Refused).then_some(ReasonClass::Limit);
            scene.report(&flow, outcome, class, json!({}));
            verdict("HTTP-01", &scene)
        };
        assert_eq!(play(Outcome::Refused), Verdict::Pass);
        assert_eq!(play(Outcome::Error), Verdict::Pass);
        assert_eq!(play(Outcome::Ok), Verdict::Fail);
        assert_eq!(play(Outcome::Pending), Verdict::Inconclusive);
    }

    #[test]
    fn five_attempts_are_few_enough_and_one_long_gap_is_the_machines() {
        let tried = |gaps: &[i64]| verdict("HTTP-05", &failing("server-errors", 503, gaps));
        assert_eq!(tried(&[100, 100, 100, 100]), Verdict::Pass);
        assert_eq!(tried(&[100, 100, 100, 100, 100]), Verdict::Warning);
        assert_eq!(tried(&[1_000, 820, 660]), Verdict::Pass);
        assert_eq!(tried(&[1_000, 700, 450]), Verdict::Warning);
        assert_eq!(tried(&[120, 300, 200, 40]), Verdict::Warning);
        assert_eq!(tried(&[696, 299, 580]), Verdict::Pass);
        assert_eq!(tried(&[120, 900, 480, 960]), Verdict::Pass);
        assert_eq!(tried(&[1_000, 700]), Verdict::Pass);
        assert_eq!(tried(&[1_000, 0]), Verdict::Warning);
        assert_eq!(tried(&[5]), Verdict::Pass);
        assert_eq!(tried(&[0]), Verdict::Warning);
    }

    #[test]
    fn the_person_is_told_something_and_nothing_raw() {
        let told = |message: &str| verdict("HTTP-37", &problem("problem-unknown-type", message));
        assert_eq!(told("Портал временно недоступен"), Verdict::Pass);
        assert_eq!(told("  "), Verdict::Fail);
        assert_eq!(told("Причина: Flux capacitor overflow."), Verdict::Fail);
        assert_eq!(told("Traceback (most recent call last)"), Verdict::Fail);
    }

    #[test]
    fn raw_text_counts_on_pages_of_the_bank_too() {
        use contract::exchange::Party;
        let page = |from: Party, late: bool, text: &str| {
            let mut scene = problem("problem-unknown-type", "Портал временно недоступен");
            let page = scene.exchange(from, Party::Bank, "GET", &format!("{BANK}/debts"));
            scene.respond(page, 200, &[("Content-Type", "text/html")], text);
            if !late {
                scene.wire(page).started_us = 1;
            }
            verdict("HTTP-37", &scene)
        };
        let raw = "<p>Flux capacitor overflow</p>";
        assert_eq!(page(Party::Browser, true, raw), Verdict::Fail);
        assert_eq!(page(Party::Browser, true, "<p>Портал недоступен</p>"), Verdict::Pass);
        assert_eq!(page(Party::Browser, false, raw), Verdict::Pass);
        assert_eq!(page(Party::Attacker, true, raw), Verdict::Pass);
    }

    #[test]
    fn http_dates_are_read() {
        assert_eq!(http_date_ms("Thu, 01 Jan 1970 00:00:10 GMT"), Some(10_000));
        assert_eq!(http_date_ms("Sun, 22 Nov 2026 10:00:00 GMT"), Some(1_795_341_600_000));
        assert_eq!(http_date_ms("tomorrow"), None);
    }
}
