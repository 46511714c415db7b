//! JSON: what the data services answer is read strictly, page by page, and says the same in every format.

use contract::adapter::{Outcome, ReasonClass, ReasonClass::*};
use serde_json::Value;

use super::resp::prove;
use super::{LOOKED_ANSWER, ROW, accept_and_look, atu, refuse_or_retry, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::facts::{disagreements, service};
use crate::reading::{Area, Flow, Lie, Reading, lied, line, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Level, Rule, Severity, Unused};

const BASE: Rule = Rule { requirements: &["API-1", "API-4"], looked_at: LOOKED_ANSWER, ..ROW };
const LISTS: Rule = Rule { requirements: &["API-1", "SEC-8"], ..ROW };

/// The word that the portal puts where a list of words is closed.
const UNKNOWN: &str = "of-a-kind-to-come";
/// The same page may be asked for again after a failure, not for ever.
const SAME_PAGE: usize = 3;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "JSON-01",
        slug: "bad-utf8-accepted",
        clauses: &["RFC 8259 8.1"],
        title: t("Байты не UTF-8 не принимаются", "Bytes that are no UTF-8 are not taken"),
        why: t(
            "Исправленный наугад текст — уже другое имя или другой адрес.",
            "Text mended by guessing is another name or another address.",
        ),
        advice: t(
            "Разбирайте тело строго: неверная последовательность байт — отказ.",
            "Decode strictly: a wrong byte sequence is a refusal.",
        ),
        judge: refuse_or_retry(&["json-bad-utf8"], &[Format], Unused::Answer),
        ..BASE
    },
    Rule {
        id: "JSON-03",
        slug: "duplicate-member-accepted",
        level: Level::S,
        severity: Severity::Medium,
        clauses: &["RFC 8259 4", "RFC 7493 2.3"],
        title: t("Поле, повторённое дважды, не принимается", "A member that stands twice is not taken"),
        why: t(
            "Два читателя одного текста увидят разные значения: подпись проверит один, деньги переведёт другой.",
            "Two readers of one text see different values: one checks the signature, the other moves the money.",
        ),
        advice: t("Отвергайте объекты с повторёнными именами.", "Reject objects with repeated names."),
        judge: refuse_or_retry(&["json-duplicate-member"], &[Format], Unused::Answer),
        ..BASE
    },
    Rule {
        id: "JSON-04",
        slug: "deep-json-accepted",
        level: Level::G,
        severity: Severity::Medium,
        clauses: &["RFC 8259 9"],
        title: t("Сто тысяч скобок не роняют банк", "A hundred thousand brackets do not bring the bank down"),
        why: t("Глубокая вложенность исчерпывает стек разборщика.", "Deep nesting exhausts a parser’s stack."),
        advice: t("Ограничьте глубину разбора.", "Bound the depth of parsing."),
        judge: refuse_or_retry(&["json-deep"], &[Format], Unused::Answer),
        ..BASE
    },
    Rule {
        id: "JSON-05",
        slug: "big-number-cut",
        severity: Severity::Critical,
        clauses: &["RFC 8259 6", "RFC 7493 2.2"],
        title: t(
            "Число, которое не помещается, не обрезается молча",
            "A number that does not fit is not cut in silence",
        ),
        why: t("Округлённая сумма — другая сумма.", "A rounded sum is another sum."),
        looked_at: t(
            "Число точнее double в ответе портала: банк отказывает или показывает его без изменений.",
            "A number beyond a double in the portal’s answer: the bank refuses, or shows it unchanged.",
        ),
        advice: t(
            "Читайте деньги как целые числа и отвергайте то, что целым не является.",
            "Read money as whole numbers and reject what is none.",
        ),
        judge: Judge::Duty(big_number),
        ..BASE
    },
    Rule {
        id: "JSON-06",
        slug: "trailing-text-accepted",
        clauses: &["RFC 8259 2"],
        title: t("Текст после конца JSON не пропускается", "Text after the end of the JSON is not passed over"),
        why: t(
            "Лишний текст говорит, что ответ склеен или подменён.",
            "More text says that the answer was joined or replaced.",
        ),
        advice: t("После значения допустимы только пробелы.", "Allow nothing but white space after the value."),
        judge: refuse_or_retry(&["json-trailing"], &[Format], Unused::Answer),
        ..BASE
    },
    Rule {
        id: "JSON-07",
        slug: "loose-json-accepted",
        clauses: &["RFC 8259 2, 6"],
        title: t("Комментарии и одинарные кавычки — не JSON", "Comments and single quotes are no JSON"),
        why: t("Снисходительный разбор читает не то, что написано.", "A lenient parser reads what is not written."),
        advice: t(
            "Разбирайте по RFC 8259, без расширений языка.",
            "Parse by RFC 8259, without extensions of a language.",
        ),
        judge: refuse_or_retry(&["json-loose"], &[Format], Unused::Answer),
        ..BASE
    },
    Rule {
        id: "JSON-08",
        slug: "null-taken-for-value",
        clauses: &["ASVS 2.2.1"],
        title: t("null вместо обязательного значения — отказ", "null in place of a required value is refused"),
        why: t("Пустота, принятая за ноль, прячет долг.", "Nothing taken for zero hides a debt."),
        advice: t(
            "Сверяйте ответ со схемой и называйте поле, которого нет.",
            "Hold the answer against the schema and name the missing field.",
        ),
        judge: refuse_or_retry(&["json-null"], &[Format], Unused::Answer),
        ..BASE
    },
    Rule {
        id: "JSON-09",
        slug: "wrong-type-accepted",
        clauses: &["ASVS 2.2.1, 15.3.5"],
        title: t("Число текстом не принимается", "A number as text is not taken"),
        why: t(
            "Приведение типов угадывает: «1 000», «1e3», пустая строка.",
            "Coercion guesses: “1 000”, “1e3”, an empty text.",
        ),
        advice: t("Проверяйте типы полей по схеме.", "Check the types of members by the schema."),
        judge: refuse_or_retry(&["json-wrong-type"], &[Format], Unused::Answer),
        ..BASE
    },
    Rule {
        id: "JSON-10",
        slug: "unknown-word-taken-for-success",
        clauses: &["ASVS 2.2.1"],
        title: t("Незнакомое состояние не считается успехом", "An unknown state is not taken for a success"),
        why: t(
            "Новое слово в перечне может значить и отказ, и возврат.",
            "A new word in a list may mean a refusal or a return.",
        ),
        looked_at: t(
            "Состояние, которого нет в перечне: банк отказывает или показывает его как неизвестное.",
            "A state that is in no list: the bank refuses, or shows it as unknown.",
        ),
        advice: t(
            "Показывайте незнакомое слово как неизвестное состояние.",
            "Show an unknown word as an unknown state.",
        ),
        judge: Judge::Duty(unknown_word),
        ..BASE
    },
    Rule {
        id: "JSON-13",
        slug: "foreign-page-fetched",
        severity: Severity::Critical,
        clauses: &["RFC 9700 4.9.1", "ASVS 1.3.6"],
        title: t(
            "За следующей страницей не ходят на чужой узел и по кругу",
            "The next page is not fetched from a foreign host, nor round in a circle",
        ),
        why: t(
            "Адрес страницы — данные; маркер уйдёт туда, куда он укажет.",
            "A page’s address is data; the token would go wherever it points.",
        ),
        looked_at: t(
            "Адрес следующей страницы на чужом узле: маркер туда не пришёл. Страницы по кругу: одна и та же не запрошена больше трёх раз.",
            "The next page’s address at a foreign host: no token arrived there. Pages in a circle: none was asked for more than three times.",
        ),
        advice: t(
            "Проверьте узел адреса и помните пройденные страницы.",
            "Check the address’s host and remember the pages seen.",
        ),
        judge: Judge::Duty(next_page),
        ..LISTS
    },
    Rule {
        id: "JSON-14",
        slug: "repeated-line-shown",
        level: Level::G,
        severity: Severity::Medium,
        clauses: &["ASVS 2.3.1"],
        title: t("Строка, пришедшая дважды, не показана дважды", "A line that came twice is not shown twice"),
        why: t(
            "Список меняется, пока его читают; один долг — одна строка.",
            "A list changes while it is read; one debt is one line.",
        ),
        looked_at: t(
            "Строка первой страницы повторена на второй: банк отказывает или показывает её один раз.",
            "A line of the first page again on the second: the bank refuses, or shows it once.",
        ),
        advice: t(
            "Складывайте страницы по номеру строки, а не подряд.",
            "Join pages by the line’s number, not one after the other.",
        ),
        judge: Judge::Duty(repeated_line),
        ..LISTS
    },
    Rule {
        id: "JSON-16",
        slug: "formats-disagree",
        clauses: &["ASVS 1.5.3"],
        requirements: &["API-4", "API-5"],
        title: t("Одни сведения в каждом формате", "The same facts in every format"),
        why: t(
            "Человек не должен видеть разные суммы оттого, каким путём их прочитал банк.",
            "A person must not see different sums for the way in which the bank read them.",
        ),
        looked_at: t(
            "Одно действие по разным каналам (JSON, XML, CSV, вторая версия, SOAP): банк показал одно и то же.",
            "One action by several channels (JSON, XML, CSV, the second version, SOAP): the bank showed the same.",
        ),
        advice: t("Читайте все форматы в одну и ту же запись.", "Read every format into one and the same record."),
        judge: Judge::Duty(formats),
        ..ROW
    },
    Rule {
        id: "JSON-17",
        slug: "csv-quotes-misread",
        clauses: &["RFC 4180 2"],
        requirements: &["API-4"],
        title: t("Кавычки и переводы строк в CSV прочитаны верно", "Quotes and line breaks in CSV are read right"),
        why: t(
            "Таблицу не делят по каждой запятой и каждой строке.",
            "A table is not split at every comma and every line.",
        ),
        looked_at: t(
            "Названия с разделителями, кавычками и переводом строки в CSV: банк показал их без изменений.",
            "Titles with separators, quotes and a line break in CSV: the bank showed them unchanged.",
        ),
        advice: t("Читайте CSV разборщиком по RFC 4180.", "Read CSV with a parser for RFC 4180."),
        judge: accept_and_look(&["csv-quotes"], titles),
        ..ROW
    },
];

/// Whether the same thing was asked again within the flow and honestly answered: what is shown then is of that answer.
fn asked_again(reading: &Reading<'_>, lie: &Lie<'_>, flow: &Flow<'_>) -> bool {
    let Some(first) = lie.exchange else { return false };
    let path = wire::path(&first.request.url);
    reading.by_bank().any(|other| {
        other.started_us > first.started_us
            && other.started_us <= flow.end_us
            && wire::path(&other.request.url) == path
            && other.faults.is_empty()
            && wire::status(other) / 100 == 2
    })
}

/// What is wrong with a flow that ended well although the lie was told in it.
type Wrong = fn(&Reading<'_>, &Lie<'_>, &Flow<'_>) -> Option<(String, String)>;

fn refused_or(
    reading: &Reading<'_>,
    faults: &'static [&'static str],
    classes: &[ReasonClass],
    wrong: Wrong,
    fine: (&str, &str),
) -> Judgement {
    let lies = reading.told(faults);
    if lies.is_empty() {
        return untold(faults, reading);
    }
    let mut check = Check::new();
    for lie in lies {
        let Some(flow) = reading.flow_of(lie) else {
            check.unproved(
                "no flow of the bank belongs to it",
                "ни один сценарий банка к этому не относится",
                vec![lied(lie)],
            );
            continue;
        };
        let evidence = vec![lied(lie), flow.evidence()];
        evidence.iter().cloned().for_each(|seen| check.saw(seen));
        let reason = flow.last().and_then(|report| report.reason.as_ref());
        match flow.outcome() {
            Some(Outcome::Refused) if reason.is_some_and(|reason| classes.contains(&reason.class)) => {}
            Some(Outcome::Refused) => {
                check.odd("refused, but with another reason", "отказ есть, но причина другая", evidence);
            }
            Some(Outcome::Ok) => {
                if !asked_again(reading, lie, flow)
                    && let Some((en, ru)) = wrong(reading, lie, flow)
                {
                    check.wrong(en, ru, evidence);
                }
            }
            Some(Outcome::Error | Outcome::Pending) | None => {
                check.unproved(
                    "the flow ended neither well nor refused",
                    "сценарий не закончился ни успехом, ни отказом",
                    evidence,
                );
            }
        }
    }
    prove(&mut check, reading);
    check.end(("nothing was told", "ничего не сказано"), fine)
}

/// Everything that the flow ever showed.
fn shown(flow: &Flow<'_>) -> Vec<String> {
    flow.reports.iter().flat_map(|reported| wire::leaves(&Value::Object(reported.report.values.clone()))).collect()
}

fn big_number(reading: &Reading<'_>) -> Judgement {
    refused_or(
        reading,
        &["json-big-number"],
        &[Format],
        |_, lie, flow| {
            let body = lie.exchange.and_then(|exchange| exchange.response.as_ref()).map_or("", |got| got.body.text());
            let (numbers, shown) = (beyond_a_double(body), shown(flow));
            if !numbers.is_empty() && numbers.iter().all(|number| shown.contains(number)) {
                return None;
            }
            let number = numbers.first().cloned().unwrap_or_default();
            Some((
                format!("the portal said {number}; the bank reported ok and did not show it as it is"),
                format!("портал назвал {number}; банк сообщил об успехе и показал не это"),
            ))
        },
        ("refused, or shown exactly", "отвергнуто или показано точно"),
    )
}

/// Numbers of a JSON text, outside of its strings, that a double does not hold exactly.
fn beyond_a_double(body: &str) -> Vec<String> {
    let mut outside = String::with_capacity(body.len());
    let (mut within, mut escaped) = (false, false);
    for letter in body.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if within => escaped = true,
            '"' => {
                within = !within;
                outside.push(' ');
            }
            other if !within => outside.push(other),
            _ => {}
        }
    }
    let parts = outside.split(|letter: char| !(letter.is_ascii_digit() || ".eE+-".contains(letter)));
    let odd = |number: &&str| match (number.parse::<i64>(), number.parse::<f64>()) {
        (Ok(whole), Ok(double)) => format!("{double:.0}") != whole.to_string(),
        (Err(_), Ok(double)) => !double.is_finite() || number.len() > 16,
        _ => false,
    };
    parts.filter(|part| part.chars().any(|letter| letter.is_ascii_digit())).filter(odd).map(str::to_owned).collect()
}

fn unknown_word(reading: &Reading<'_>) -> Judgement {
    const NEUTRAL: &[&str] = &[UNKNOWN, "unknown", "неизвестно"];
    refused_or(
        reading,
        &["json-unknown-word"],
        &[Format, State],
        |_, _, flow| {
            if shown(flow).iter().any(|leaf| NEUTRAL.contains(&leaf.as_str())) {
                return None;
            }
            Some((
                "the state is one that nobody knows, and the bank shows one of its own choice".to_owned(),
                "состояние никому не известно, а банк показывает своё".to_owned(),
            ))
        },
        ("refused, or shown as unknown", "отвергнуто или показано как неизвестное"),
    )
}

fn next_page(reading: &Reading<'_>) -> Judgement {
    const FAULTS: &[&str] = &["page-cycle", "page-elsewhere"];
    if !reading.told(&["page-elsewhere"]).is_empty() {
        return atu::redirected(reading, "page-elsewhere");
    }
    let lies = reading.told(&["page-cycle"]);
    if lies.is_empty() {
        return untold(FAULTS, reading);
    }
    let mut check = Check::new();
    for lie in lies {
        let Some(call) = lie.exchange else { continue };
        let same: Vec<_> = reading.by_bank().filter(|other| other.request.url == call.request.url).collect();
        check.saw(lied(lie));
        if same.len() > SAME_PAGE {
            check.wrong(
                format!("one page was asked for {} times", same.len()),
                format!("одна и та же страница запрошена {} раз", same.len()),
                vec![lied(lie), line(call)],
            );
            break;
        }
        match reading.flow_of(lie).map(|flow| (flow, flow.outcome())) {
            Some((flow, Some(Outcome::Ok | Outcome::Refused | Outcome::Error))) => check.saw(flow.evidence()),
            _ => check.unproved("the flow never came to an end", "сценарий не закончился", vec![lied(lie)]),
        }
    }
    prove(&mut check, reading);
    check.end(("no pages were told", "страниц не было"), ("the circle was left", "из круга банк вышел"))
}

fn repeated_line(reading: &Reading<'_>) -> Judgement {
    refused_or(
        reading,
        &["page-repeated"],
        &[Format, Binding, State],
        |_, _, flow| {
            let values = &flow.last()?.values;
            for rows in values.values().filter_map(Value::as_array) {
                let mut seen: Vec<&Value> = Vec::new();
                for row in rows {
                    let Some(id) = ["uin", "id", "sequence"].iter().find_map(|name| row.get(*name)) else { continue };
                    if seen.contains(&id) {
                        return Some((format!("the line {id} is shown twice"), format!("строка {id} показана дважды")));
                    }
                    seen.push(id);
                }
            }
            None
        },
        ("no line is shown twice", "ни одна строка не показана дважды"),
    )
}

fn formats(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let channel = |flow: &Flow<'_>| flow.params.get("channel").and_then(Value::as_str).unwrap_or("json").to_owned();
    let asked = |flow: &Flow<'_>| {
        let mut params = flow.params.as_object().cloned().unwrap_or_default();
        params.remove("channel");
        params
    };
    // Values for which the portal was never asked agree with each other at no cost.
    let called = |flow: &&Flow<'_>| {
        reading.by_bank().any(|exchange| (flow.start_us..=flow.end_us).contains(&exchange.started_us))
    };
    let well = reading.flows.iter().filter(|flow| flow.outcome() == Some(Outcome::Ok));
    let ended: Vec<&Flow<'_>> = well.filter(called).collect();
    for (index, flow) in ended.iter().enumerate() {
        if flow.params.get("channel").is_none() || lied_in(reading, flow) {
            continue;
        }
        let like = |other: &&&Flow<'_>| {
            other.action == flow.action
                && other.person.map(|person| person.oid) == flow.person.map(|person| person.oid)
                && asked(other) == asked(flow)
                && channel(other) != channel(flow)
                && !lied_in(reading, other)
        };
        let Some(first) = ended[..index].iter().find(like) else { continue };
        let evidence = vec![first.evidence(), flow.evidence()];
        evidence.iter().cloned().for_each(|seen| check.saw(seen));
        for (at, one, other) in disagreements(reading, first, flow) {
            check.wrong(
                format!("{at}: {one} by {}, {other} by {}", channel(first), channel(flow)),
                format!("{at}: {one} ({}), {other} ({})", channel(first), channel(flow)),
                evidence.clone(),
            );
        }
    }
    check.end(
        ("nothing was read by two channels", "по двум каналам одно и то же не читали"),
        ("every channel led to the same", "все каналы привели к одному"),
    )
}

fn lied_in(reading: &Reading<'_>, flow: &Flow<'_>) -> bool {
    reading.lies.iter().any(|lie| flow.start_us <= lie.wall_us && lie.wall_us <= flow.end_us)
}

/// Every hard title of the table stands in what the bank shows.
fn titles(reading: &Reading<'_>, lie: &Lie<'_>, flow: &Flow<'_>) -> Option<(String, String)> {
    let exchange = lie.exchange?;
    let call = reading.data_calls.iter().find(|call| std::ptr::eq(call.exchange, exchange))?;
    let (_, name) = call.place().filter(|_| call.area == Area::Service)?;
    let facts = call.facts(service(name)?)?;
    let shown = shown(flow);
    let hard = wire::leaves(&facts).into_iter().find(|leaf| leaf.contains(['"', '\n']) && !shown.contains(leaf))?;
    let hard = hard.replace('\n', "⏎");
    Some((format!("“{hard}” was served and is not shown so"), format!("отдано «{hard}», показано не так")))
}

#[cfg(test)]
mod tests {
    use contract::exchange::Body;
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    /// A list of debts whose answer is a lie, with the bank's last word.
    fn told(id: &str, fault: &str, body: &str, outcome: Outcome, values: Value) -> Verdict {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        let flow = scene.begin("debts.list", ANNA, json!({}));
        let call = scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), "token-of-anna", 200, &json!({}));
        scene.respond(call, 200, &[("Content-Type", "application/json")], body);
        scene.lie(call, fault);
        scene.wire(call).citizen = Some(ANNA);
        let class = (outcome == Outcome::Refused).then_some(ReasonClass::Format);
        scene.report(&flow, outcome, class, values);
        verdict(id, &scene)
    }

    #[test]
    fn numbers_beyond_a_double_are_found_outside_of_texts_only() {
        let body =
            r#"{"a":100,"b":"9007199254740993","c":9007199254740993,"d":1e400,"e":100.00000000000000000001,"f":1.5}"#;
        assert_eq!(beyond_a_double(body), ["9007199254740993", "1e400", "100.00000000000000000001"]);
    }

    #[test]
    fn a_number_is_refused_or_shown_as_it_is() {
        let body = r#"{"items":[{"amount":9007199254740993}]}"#;
        let play = |outcome, shown: Value| told("JSON-05", "json-big-number", body, outcome, shown);
        assert_eq!(play(Outcome::Refused, json!({})), Verdict::Pass);
        assert_eq!(play(Outcome::Ok, json!({"items": [{"amount": 9_007_199_254_740_993_i64}]})), Verdict::Pass);
        assert_eq!(play(Outcome::Ok, json!({"items": [{"amount": 9_007_199_254_740_992_i64}]})), Verdict::Fail);
        assert_eq!(play(Outcome::Error, json!({})), Verdict::Inconclusive);
    }

    #[test]
    fn an_unknown_word_is_no_success() {
        let body = r#"{"items":[{"state":"of-a-kind-to-come"}]}"#;
        let play = |outcome, state: &str| told("JSON-10", "json-unknown-word", body, outcome, json!({"state": state}));
        assert_eq!(play(Outcome::Ok, "settled"), Verdict::Fail);
        assert_eq!(play(Outcome::Ok, "unknown"), Verdict::Pass);
        assert_eq!(play(Outcome::Ok, UNKNOWN), Verdict::Pass);
        assert_eq!(play(Outcome::Refused, ""), Verdict::Pass);
    }

    #[test]
    fn a_body_that_is_no_json_is_refused_all_the_same() {
        let play = |outcome| told("JSON-07", "json-loose", "{/* */ 'a': 1,}", outcome, json!({"items": []}));
        assert_eq!(play(Outcome::Refused), Verdict::Pass);
        assert_eq!(play(Outcome::Ok), Verdict::Fail);
        assert_eq!(play(Outcome::Pending), Verdict::Inconclusive);
    }

    #[test]
    fn a_line_is_shown_once() {
        let play = |rows: Value| told("JSON-14", "page-repeated", "{}", Outcome::Ok, json!({"items": rows}));
        assert_eq!(play(json!([{"uin": "1"}, {"uin": "2"}])), Verdict::Pass);
        assert_eq!(play(json!([{"uin": "1"}, {"uin": "1"}])), Verdict::Warning);
    }

    #[test]
    fn a_circle_of_pages_is_left() {
        let play = |times: usize| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let flow = scene.begin("debts.list", ANNA, json!({}));
            for _ in 0..times {
                let path = format!("/api/v1/debts?person={ANNA}&cursor=again");
                let call = scene.call("GET", &path, "token-of-anna", 200, &json!({"next": path}));
                scene.lie(call, "page-cycle");
            }
            scene.report(&flow, Outcome::Refused, Some(ReasonClass::Limit), json!({}));
            verdict("JSON-13", &scene)
        };
        assert_eq!(play(1), Verdict::Pass);
        assert_eq!(play(3), Verdict::Pass);
        assert_eq!(play(4), Verdict::Fail);
    }

    #[test]
    fn a_page_at_a_stranger_gets_no_token() {
        let play = |with_token: bool| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let flow = scene.begin("debts.list", ANNA, json!({}));
            let call = scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), "token-of-anna", 200, &json!({}));
            scene.lie(call, "page-elsewhere");
            let (bank, foreign) = (contract::exchange::Party::Bank, contract::exchange::Party::Foreign);
            let visit = scene.exchange(bank, foreign, "GET", &format!("{FOREIGN}/api/v1/debts?cursor=2"));
            if with_token {
                scene.wire(visit).request.headers = vec![("Authorization".into(), "Bearer token-of-anna".into())];
            }
            scene.report(&flow, Outcome::Refused, Some(ReasonClass::Transport), json!({}));
            verdict("JSON-13", &scene)
        };
        assert_eq!(play(true), Verdict::Fail);
        assert_eq!(play(false), Verdict::Pass);
    }

    #[test]
    fn every_channel_shows_the_same() {
        let play = |second: Value, channel: &str| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            for (channel, values) in
                [("json", json!({"estate": {"cost": 100, "as_of": "a"}})), (channel, second.clone())]
            {
                let flow = scene.begin("estate.lookup", ANNA, json!({"number": "1", "channel": channel}));
                scene.call("GET", &format!("/api/v1/estate?person={ANNA}"), "token-of-anna", 200, &json!({}));
                scene.report(&flow, Outcome::Ok, None, values);
            }
            verdict("JSON-16", &scene)
        };
        assert_eq!(play(json!({"estate": {"cost": 100, "as_of": "b"}}), "xml"), Verdict::Pass);
        assert_eq!(play(json!({"estate": {"cost": 101, "as_of": "b"}}), "csv"), Verdict::Fail);
        assert_eq!(play(json!({"estate": {"cost": 101, "as_of": "b"}}), "json"), Verdict::NotApplicable);
    }

    /// A bank makes its offers anew whenever it is asked for them.
    #[test]
    fn what_each_reading_makes_anew_is_no_fact_of_the_format() {
        let play = |id: &str, opening: &str| {
            let second = json!({"id": id, "opening": opening, "rate": "14.9", "at": "2026-11-22T10:00:01Z"});
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let told = |index: usize| {
                let at = format!("2026-11-22T10:00:0{index}Z");
                json!({"id": format!("o-{index}"), "opening": "n-1", "rate": "14.9", "at": at})
            };
            for (index, channel) in ["json", "v2"].into_iter().enumerate() {
                let flow = scene.begin("offer.list", ANNA, json!({"channel": channel}));
                let openings = json!({"person": ANNA, "openings": [{"id": "n-1", "title": "Ипотека"}]});
                scene.call("GET", &format!("/api/v1/offers?person={ANNA}"), "token-of-anna", 200, &openings);
                scene.call("POST", "/api/v1/offers/n-1", "token-of-anna", 201, &told(index));
                let shown = if index == 0 { told(0) } else { second.clone() };
                scene.report(&flow, Outcome::Ok, None, json!({"offers": [shown]}));
            }
            assert_eq!(verdict("JSON-16", &scene), verdict("DATA-32", &scene));
            verdict("JSON-16", &scene)
        };
        assert_eq!(play("o-1", "n-1"), Verdict::Pass);
        assert_eq!(play("o-2", "n-1"), Verdict::Fail);
        assert_eq!(play("o-1", "n-2"), Verdict::Fail);
    }

    #[test]
    fn hard_titles_are_shown_as_served() {
        let record = json!({"person": ANNA, "as_of": "2026-11-22T10:00:00Z", "items": [{
            "id": "r-1", "service": "s", "title": "Льгота; \"дети\"\nлист 2", "why": "w", "source_scope": "snils",
        }]});
        let play = |title: &str| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let flow = scene.begin("recommendations.list", ANNA, json!({"channel": "csv"}));
            let path = format!("/api/v1/recommendations?person={ANNA}");
            let call = scene.call("GET", &path, "token-of-anna", 200, &json!({}));
            let shape = service("recommendations").unwrap().shape;
            let csv = contract::shape::csv::write(shape, &record, contract::shape::Version::V1);
            scene.respond(call, 200, &[("Content-Type", "text/csv; header=present")], &csv);
            assert!(matches!(scene.wire(call).response.as_ref().unwrap().body, Body::Text(_)));
            scene.lie(call, "csv-quotes");
            scene.wire(call).citizen = Some(ANNA);
            scene.report(&flow, Outcome::Ok, None, json!({"items": [{"title": title}]}));
            verdict("JSON-17", &scene)
        };
        assert_eq!(play("Льгота; \"дети\"\nлист 2"), Verdict::Pass);
        assert_eq!(play("Льгота"), Verdict::Fail);
    }
}
