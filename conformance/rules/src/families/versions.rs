//! HTTP, the part about time: reference data kept as long as allowed, versions that end, formats and numbers of calls.

use std::collections::BTreeMap;

use contract::adapter::Outcome;
use contract::exchange::Exchange;
use serde_json::Value;

use super::http::http_date_ms;
use super::{ROW, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Area, DataCall, Flow, Reading, line, wire};
use crate::rule::{Judge, Level, Rule, Severity};

const CACHE: Rule = Rule { requirements: &["API-7"], severity: Severity::Medium, ..ROW };
const VERSION: Rule = Rule { requirements: &["API-5"], severity: Severity::Medium, ..ROW };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "HTTP-30",
        slug: "conditional-request-missing",
        level: Level::S,
        clauses: &["RFC 9110 13.1.2, 15.4.5"],
        title: t("Справочник перечитывают по условию", "Reference data are read again by condition"),
        why: t(
            "Справочник меняется редко; с If-None-Match портал отвечает одной строкой.",
            "Reference data change seldom; with If-None-Match the portal answers by one line.",
        ),
        looked_at: t(
            "Повторные чтения справочника, у которого был ETag: в запросе If-None-Match с ним.",
            "Further readings of a list that had an ETag: the request bears If-None-Match with it.",
        ),
        advice: t("Храните ETag рядом с копией и отправляйте его.", "Keep the ETag beside the copy and send it."),
        judge: Judge::Duty(conditional),
        ..CACHE
    },
    Rule {
        id: "HTTP-31",
        slug: "stale-reference-used",
        clauses: &["RFC 9111 4.2.4"],
        title: t("Просроченная копия справочника не используется", "A stale copy of reference data is not used"),
        why: t(
            "По вчерашнему справочнику банк назовёт не ту причину и не тот код.",
            "By yesterday’s list the bank names the wrong reason and the wrong code.",
        ),
        looked_at: t(
            "Действие, в котором банк уже читал справочник, после истечения max-age: справочник спрошен снова.",
            "An action in which the bank has read the list before, after max-age is over: the list is asked for again.",
        ),
        advice: t("Помните, до какого времени копия годна.", "Remember until when the copy is good."),
        judge: Judge::Duty(stale),
        ..CACHE
    },
    Rule {
        id: "HTTP-32",
        slug: "sunset-ignored",
        level: Level::S,
        clauses: &["RFC 9745 2", "RFC 8594 3"],
        title: t("До конца версии банк перешёл на следующую", "Before a version ends the bank uses the next"),
        why: t(
            "Заголовки Deprecation и Sunset предупреждают заранее, чтобы услуга не встала в один день.",
            "Deprecation and Sunset warn in time, so that the service does not stop one day.",
        ),
        looked_at: t(
            "Ответ с Sunset, затем чтения той же услуги после этой даты: они идут в следующую версию.",
            "An answer with Sunset, then readings of that service after the date: they go to the next version.",
        ),
        advice: t("Запишите дату и переключитесь до неё.", "Note the date and change over before it."),
        judge: Judge::Duty(sunset),
        ..VERSION
    },
    Rule {
        id: "HTTP-33",
        slug: "gone-version-loop",
        clauses: &["RFC 9110 15.5.11"],
        title: t("Отменённую версию не спрашивают по кругу", "A version that is gone is not asked again and again"),
        why: t("410 окончателен: повтор ничего не изменит.", "410 is final: a repeat changes nothing."),
        looked_at: t(
            "Ответ 410 на обращение к версии: второго такого же в сценарии нет, о причине сказано.",
            "A 410 to a call of a version: no second one like it in the flow, and the reason is told.",
        ),
        advice: t(
            "Сообщите, что версия отменена, и перейдите на ту, что названа в Link.",
            "Report that the version is gone, and go to the one that Link names.",
        ),
        judge: Judge::Duty(gone),
        ..VERSION
    },
    Rule {
        id: "HTTP-35",
        slug: "accept-any",
        requirements: &["API-4"],
        clauses: &["RFC 9110 12.5.1, 8.3"],
        title: t("Запрос называет формат ответа и тела", "A request names the format of the answer and of its body"),
        why: t(
            "Кто принимает что угодно, получит когда-нибудь не то, что умеет читать.",
            "Whoever takes anything gets one day what it cannot read.",
        ),
        looked_at: t(
            "Обращения к услугам: Accept ведёт к формату выбранного канала (без него приходит JSON); у тела есть Content-Type JSON или XML.",
            "Calls of the services: Accept leads to the format of the chosen channel (without it JSON comes); a body has the Content-Type of JSON or XML.",
        ),
        advice: t(
            "Называйте в Accept ровно тот формат, который разбираете.",
            "Name in Accept exactly the format that you parse.",
        ),
        judge: Judge::Duty(formats),
        ..CACHE
    },
    Rule {
        id: "HTTP-36",
        slug: "correlation-id-missing",
        // The profile says "may": whoever sends none is advised, not failed.
        level: Level::G,
        severity: Severity::Low,
        requirements: &["API-7"],
        clauses: &["FAPI1-BASE 6.2.2(4)(5)"],
        title: t("У каждого обращения свой номер", "Every call has a number of its own"),
        why: t(
            "По номеру банк и портал находят одно и то же обращение в двух журналах.",
            "By the number bank and portal find one call in two logs.",
        ),
        looked_at: t(
            "Обращения к услугам: заголовок X-Request-Id есть.",
            "Calls of the services: the header X-Request-Id is there.",
        ),
        advice: t("Отправляйте X-Request-Id и пишите его в журнал.", "Send X-Request-Id and log it."),
        judge: Judge::Duty(correlation),
        ..CACHE
    },
];

/// Readings of reference lists by the bank, by address, in order.
fn references<'a>(reading: &Reading<'a>) -> BTreeMap<String, Vec<&'a Exchange>> {
    let mut lists: BTreeMap<String, Vec<&Exchange>> = BTreeMap::new();
    for exchange in reading.by_bank().filter(|exchange| exchange.request.method == "GET") {
        let path = wire::path(&exchange.request.url);
        let is_list = path.strip_prefix("/api/").and_then(|rest| rest.split('/').nth(1)) == Some("reference");
        if is_list {
            lists.entry(path).or_default().push(exchange);
        }
    }
    lists
}

fn conditional(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for exchanges in references(reading).values() {
        let mut known: Option<&str> = None;
        for exchange in exchanges {
            if let Some(tag) = known {
                check.saw(line(exchange));
                if !wire::sent(exchange, "if-none-match").is_some_and(|sent| sent.contains(tag)) {
                    check.wrong(
                        format!("the list was read again without If-None-Match: {tag}"),
                        format!("список перечитан без If-None-Match: {tag}"),
                        vec![line(exchange)],
                    );
                }
            }
            if matches!(wire::status(exchange), 200 | 304) && exchange.delivered {
                known = wire::got(exchange, "etag").or(known);
            }
        }
    }
    check.end(
        ("no list was read twice", "списков дважды не читали"),
        ("lists are read again by condition", "списки перечитываются по условию"),
    )
}

/// Until when a copy is good, in milliseconds of the sandbox's clock.
fn good_until(exchange: &Exchange) -> Option<i64> {
    let told = wire::got(exchange, "cache-control")?;
    let age = told.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<i64>().ok())?;
    Some(exchange.at.millis().saturating_add(age.saturating_mul(1000)))
}

fn stale(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let within = |exchange: &Exchange, flow: &Flow<'_>| {
        flow.start_us <= exchange.started_us && exchange.started_us <= flow.end_us
    };
    for (path, exchanges) in references(reading) {
        // Lists that end with their version are no affair of this rule.
        let good = |exchange: &&&Exchange| matches!(wire::status(exchange), 200 | 304);
        for flow in reading.flows.iter().filter(|flow| flow.outcome() == Some(Outcome::Ok)) {
            // The copy that the bank had when this flow began.
            let Some(copy) = exchanges.iter().filter(good).rfind(|exchange| exchange.started_us < flow.start_us) else {
                continue;
            };
            let Some(until) = good_until(copy) else { continue };
            let like = |other: &&Flow<'_>| other.action == flow.action && within(copy, other);
            if !reading.flows.iter().any(|other| like(&other))
                && !reading.flows.iter().any(|other| {
                    other.action == flow.action
                        && other.start_us < flow.start_us
                        && exchanges.iter().any(|read| within(read, other))
                })
            {
                continue;
            }
            let read =
                reading.data_calls.iter().filter(|call| call.area == Area::Service && within(call.exchange, flow));
            let Some(first) =
                read.filter(|call| call.exchange.at.millis() > until).min_by_key(|call| call.exchange.started_us)
            else {
                continue;
            };
            check.saw(line(copy));
            check.saw(line(first.exchange));
            let again = exchanges.iter().any(|read| {
                read.started_us > copy.started_us && read.started_us <= flow.end_us && read.at.millis() >= until
            });
            if !again {
                check.wrong(
                    format!("{path}: the copy is past its life, and the bank worked on without asking"),
                    format!("{path}: копия просрочена, а банк работал дальше, не спросив"),
                    vec![line(copy), line(first.exchange), flow.evidence()],
                );
            }
        }
    }
    check.end(
        ("no copy of a list grew old", "копии справочников не устаревали"),
        ("old copies were asked for again", "устаревшие копии перечитаны"),
    )
}

/// Version and service of a reading of a data service.
fn read_of<'c>(call: &'c DataCall<'_>) -> Option<(&'c str, &'c str)> {
    let mut parts = call.path.strip_prefix("/api/")?.split('/');
    let version = parts.next()?;
    let name = parts.next()?;
    let alone = parts.next().is_none() && call.exchange.request.method == "GET";
    alone.then_some((version, if name == "charges" { "debts" } else { name }))
}

fn sunset(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let mut ends: BTreeMap<String, i64> = BTreeMap::new();
    for call in &reading.data_calls {
        let Some((version, name)) = read_of(call) else { continue };
        let at = call.exchange.at.millis();
        match ends.get(name) {
            Some(end) if version == "v1" && at >= *end => check.wrong(
                format!("{name}: the first version was asked after the day of its end, which had been told"),
                format!("{name}: первая версия спрошена после дня её отмены, о котором было сказано"),
                vec![line(call.exchange)],
            ),
            Some(_) => check.saw(line(call.exchange)),
            None => {}
        }
        let told = wire::got(call.exchange, "sunset").and_then(http_date_ms);
        if let Some(end) = told.filter(|_| version == "v1" && call.exchange.delivered) {
            ends.entry(name.to_owned()).or_insert(end);
        }
    }
    check.end(
        (
            "no version’s end was told, or nothing was read after it",
            "об отмене версии не объявлено, или после этого ничего не читали",
        ),
        ("nothing was asked of a version after its end", "после отмены версию не спрашивали"),
    )
}

fn gone(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in &reading.flows {
        let refused: Vec<&DataCall<'_>> = reading
            .data_calls
            .iter()
            .filter(|call| call.area == Area::Service && wire::status(call.exchange) == 410)
            .filter(|call| flow.start_us <= call.exchange.started_us && call.exchange.started_us <= flow.end_us)
            .filter(|call| call.exchange.faults.is_empty() && is_version_gone(call.exchange))
            .collect();
        let Some(first) = refused.first() else { continue };
        check.saw(line(first.exchange));
        check.saw(flow.evidence());
        let same = refused.iter().filter(|call| call.resource() == first.resource()).count();
        if same > 1 {
            check.wrong(
                format!("{} was asked {same} times though it is gone", first.resource()),
                format!("{}: спрошено {same} раз, хотя версии больше нет", first.resource()),
                refused.iter().map(|call| line(call.exchange)).collect(),
            );
        }
        let said = flow
            .last()
            .and_then(|report| report.reason.as_ref())
            .is_some_and(|reason| !reason.message.trim().is_empty());
        match flow.outcome() {
            Some(Outcome::Ok) => {
                let served = reading.data_calls.iter().any(|call| {
                    call.exchange.started_us > first.exchange.started_us
                        && call.exchange.started_us <= flow.end_us
                        && wire::status(call.exchange) == 200
                        && !call.path.starts_with("/api/v1/")
                });
                if !served {
                    check.wrong(
                        "the version is gone, and the bank reported ok",
                        "версии больше нет, а банк сообщил об успехе",
                        vec![line(first.exchange), flow.evidence()],
                    );
                }
            }
            Some(Outcome::Refused | Outcome::Error) if said => {}
            Some(Outcome::Refused | Outcome::Error) => check.wrong(
                "the bank gave up and told no reason",
                "банк отказался и не назвал причины",
                vec![line(first.exchange), flow.evidence()],
            ),
            Some(Outcome::Pending) | None => {
                check.unproved("the flow never came to an end", "сценарий не закончился", vec![flow.evidence()]);
            }
        }
    }
    check.end(
        ("no version was gone", "отменённых версий не спрашивали"),
        ("asked once, and the reason was told", "спрошено один раз, причина названа"),
    )
}

fn is_version_gone(exchange: &Exchange) -> bool {
    let code = wire::answer_json(exchange).and_then(|problem| Some(problem.get("code")?.as_str()? == "version-gone"));
    code.unwrap_or_else(|| exchange.response.as_ref().is_some_and(|got| got.body.text().contains("version-gone")))
}

/// Files and papers come as they are.
fn is_file(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "attachments" | "documents" | "receipt" | "signature"))
}

fn formats(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let calls = reading.data_calls.iter().filter(|call| call.path.starts_with("/api/") && !is_file(&call.path));
    for call in calls {
        check.saw(line(call.exchange));
        let accept = wire::sent(call.exchange, "accept").unwrap_or_default().trim().to_ascii_lowercase();
        let flow = reading.flow_at(call.exchange.started_us, reading.whom(call));
        let reads = call.exchange.request.method == "GET" && read_of(call).is_some();
        let channel = flow.filter(|_| reads).and_then(|flow| flow.params.get("channel")).and_then(Value::as_str);
        let wanted = match channel {
            Some("csv") => "text/csv",
            Some("xml") => "/xml",
            Some("json" | "v2") => "/json",
            _ => "",
        };
        // Without a word, or with an asterisk, JSON comes (RFC 9110 12.5.1): right for whoever reads JSON, and only then.
        let is_any = (accept.is_empty() || accept.contains("*/*")) && matches!(wanted, "" | "/json");
        if !accept.contains(wanted) && !is_any {
            check.wrong(
                format!("Accept is “{accept}” where {wanted} was asked for"),
                format!("Accept «{accept}», а просили {wanted}"),
                vec![line(call.exchange)],
            );
        }
        let body = call.exchange.request.body.text();
        let media = wire::sent(call.exchange, "content-type").unwrap_or_default().to_ascii_lowercase();
        let named = ["application/json", "application/xml", "text/xml", "application/pkcs7-mime"];
        if !body.is_empty() && !named.iter().any(|name| media.starts_with(name)) {
            check.wrong(
                format!("the body’s Content-Type is “{media}”"),
                format!("Content-Type тела «{media}»"),
                vec![line(call.exchange)],
            );
        }
    }
    check.end(
        ("no data service was called", "к услугам не обращались"),
        ("every call names its formats", "все обращения называют форматы"),
    )
}

fn correlation(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for call in reading.data_calls.iter().filter(|call| call.path.starts_with("/api/")) {
        check.saw(line(call.exchange));
        let id =
            wire::sent(call.exchange, "x-request-id").or_else(|| wire::sent(call.exchange, "x-fapi-interaction-id"));
        if id.is_none_or(|id| id.trim().len() < 8) {
            check.wrong("the call bears no X-Request-Id", "в обращении нет X-Request-Id", vec![line(call.exchange)]);
        }
    }
    check.end(
        ("no data service was called", "к услугам не обращались"),
        ("every call bears a number", "у всех обращений есть номер"),
    )
}

#[cfg(test)]
mod tests {
    use contract::adapter::ReasonClass;
    use contract::exchange::Party;
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    /// The bank reads the list of errors; answers the exchange.
    fn list(scene: &mut Scene, condition: Option<&str>, status: u16) -> usize {
        let url = format!("{PORTAL}/api/v1/reference/errors");
        let call = scene.exchange(Party::Bank, Party::Portal, "GET", &url);
        scene.wire(call).request.headers =
            condition.iter().map(|tag| ("If-None-Match".to_owned(), (*tag).to_owned())).collect();
        scene.respond(call, status, &[("ETag", "\"one\""), ("Cache-Control", "public, max-age=3600")], "{}");
        call
    }

    #[test]
    fn the_second_reading_is_conditional() {
        let play = |condition: Option<&str>| {
            let mut scene = Scene::oidc();
            list(&mut scene, None, 200);
            list(&mut scene, condition, 304);
            verdict("HTTP-30", &scene)
        };
        assert_eq!(play(Some("\"one\"")), Verdict::Pass);
        assert_eq!(play(None), Verdict::Warning);
        assert_eq!(play(Some("\"two\"")), Verdict::Warning);
        let mut once = Scene::oidc();
        list(&mut once, None, 200);
        assert_eq!(verdict("HTTP-30", &once), Verdict::NotApplicable);
    }

    #[test]
    fn a_copy_past_its_life_is_asked_for_again() {
        let play = |hours: i64, again: bool| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            for round in 0..2 {
                let flow = scene.begin("debts.list", ANNA, json!({}));
                if round == 0 || again {
                    list(&mut scene, None, 200);
                }
                scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), "token-of-anna", 200, &json!({}));
                scene.report(&flow, Outcome::Ok, None, json!({"items": []}));
                scene.advance_ms(hours * 3_600_000);
            }
            verdict("HTTP-31", &scene)
        };
        assert_eq!(play(2, true), Verdict::Pass);
        assert_eq!(play(2, false), Verdict::Fail);
        assert_eq!(play(0, false), Verdict::NotApplicable);
    }

    /// Two readings, a year apart; the first is told of the end of the version.
    fn ending(second: &str, status: u16, problem: &Value) -> Scene {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        let flow = scene.begin("debts.list", ANNA, json!({}));
        let first = scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), "token-of-anna", 200, &json!({}));
        let end = contract::time::Timestamp::from_millis(scene.wire(first).at.millis() + 86_400_000).to_http();
        scene.respond(first, 200, &[("Sunset", &end), ("Content-Type", "application/json")], "{}");
        scene.report(&flow, Outcome::Ok, None, json!({}));
        scene.advance_ms(2 * 86_400_000);
        let flow = scene.begin("debts.list", ANNA, json!({}));
        scene.call("GET", &format!("{second}?person={ANNA}"), "token-of-anna", status, problem);
        let gone = status == 410;
        let outcome = if gone { Outcome::Refused } else { Outcome::Ok };
        scene.report(&flow, outcome, gone.then_some(ReasonClass::Format), json!({}));
        scene
    }

    #[test]
    fn after_its_end_a_version_is_not_asked() {
        let gone = json!({"code": "version-gone"});
        assert_eq!(verdict("HTTP-32", &ending("/api/v2/charges", 200, &json!({}))), Verdict::Pass);
        assert_eq!(verdict("HTTP-32", &ending("/api/v1/debts", 410, &gone)), Verdict::Warning);
        assert_eq!(verdict("HTTP-33", &ending("/api/v1/debts", 410, &gone)), Verdict::Pass);
        let mut twice = ending("/api/v1/debts", 410, &gone);
        let flow = twice.begin("debts.list", ANNA, json!({}));
        for _ in 0..2 {
            twice.call("GET", &format!("/api/v1/debts?person={ANNA}"), "token-of-anna", 410, &gone);
        }
        twice.report(&flow, Outcome::Refused, Some(ReasonClass::Format), json!({}));
        assert_eq!(verdict("HTTP-33", &twice), Verdict::Fail);
    }

    #[test]
    fn a_call_names_its_format_and_its_number() {
        let play = |id: &str, name: &str, value: &str, channel: &str| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let flow = scene.begin("debts.list", ANNA, json!({"channel": channel}));
            let call = scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), "token-of-anna", 200, &json!({}));
            let headers = &mut scene.wire(call).request.headers;
            headers.retain(|(known, _)| known != name);
            headers.push((name.to_owned(), value.to_owned()));
            scene.report(&flow, Outcome::Ok, None, json!({}));
            verdict(id, &scene)
        };
        assert_eq!(play("HTTP-35", "Accept", "application/json", "json"), Verdict::Pass);
        assert_eq!(play("HTTP-35", "Accept", "application/json", "xml"), Verdict::Fail);
        assert_eq!(play("HTTP-35", "Accept", "*/*", "json"), Verdict::Pass);
        assert_eq!(play("HTTP-35", "Accept", "", "json"), Verdict::Pass);
        assert_eq!(play("HTTP-35", "Accept", "*/*", "xml"), Verdict::Fail);
        assert_eq!(play("HTTP-35", "Accept", "", "csv"), Verdict::Fail);
        assert_eq!(play("HTTP-36", "X-Request-Id", "0123456789", "json"), Verdict::Pass);
        assert_eq!(play("HTTP-36", "X-Request-Id", "", "json"), Verdict::Warning);
    }
}
