//! OBS: traces the bank leaves, what it says to people, and whether its audit trail holds.

use contract::adapter::Outcome;
use serde_json::Value;

use super::{ROW, t};
use crate::finding::{Evidence, Judgement};
use crate::reading::check::Check;
use crate::reading::{Reading, line, wire};
use crate::rule::{Judge, Rule, Severity};
use crate::trace::Canary;

const BASE: Rule = Rule { requirements: &["SEC-4", "SEC-6"], ..ROW };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "OBS-01",
        slug: "secrets-in-traces",
        severity: Severity::Critical,
        clauses: &["ASVS 16.2.5, 14.2.1", "152-FZ art. 19"],
        title: t(
            "Секреты и личные номера не лежат открытым текстом в журналах, адресах и хранилище",
            "No secrets or personal numbers in clear in logs, addresses and storage",
        ),
        why: t(
            "Журналы и копии баз пересылают и хранят годами.",
            "Logs and copies of databases are mailed around and kept for years.",
        ),
        looked_at: t(
            "Поиск посеянных значений (коды, ключи, карты, секреты, СНИЛС, номера документов) в журналах, адресах и файлах хранилища банка, в разных записях.",
            "A search for planted values (codes, keys, cards, secrets, SNILS, document numbers), in several encodings, in the bank’s logs, addresses and storage files.",
        ),
        advice: t(
            "Маскируйте значения до записи; карту заменяйте её знаком.",
            "Mask values before they are written; replace cards by tokens.",
        ),
        judge: Judge::Duty(secrets),
        ..BASE
    },
    Rule {
        id: "OBS-03",
        slug: "log-line-split",
        severity: Severity::Medium,
        clauses: &["ASVS 16.4.1"],
        title: t("Перевод строки в данных не рвёт запись журнала", "A line break in data does not split a log record"),
        why: t("Подделанная строка журнала скрывает настоящую.", "A forged log line hides the real one."),
        looked_at: t(
            "Переводы строк, посеянные в данных: в журнале банка за ними не начинается новая запись.",
            "Line breaks planted in data: no new record begins after them in the bank’s log.",
        ),
        advice: t(
            "Экранируйте управляющие символы или пишите журнал в JSON.",
            "Escape control characters or log in JSON.",
        ),
        judge: Judge::Duty(split),
        ..BASE
    },
    Rule {
        id: "OBS-06",
        slug: "refusal-without-reason",
        severity: Severity::Medium,
        requirements: &["API-6", "SEC-6"],
        clauses: &["ASVS 16.5.1"],
        title: t("Каждый отказ объяснён", "Every refusal is explained"),
        why: t(
            "Без причины человек не знает, что делать, а дежурный — что чинить.",
            "Without a reason the person does not know what to do, nor the operator what to mend.",
        ),
        looked_at: t(
            "Отказы банка после событий на проводе: класс причины и понятный текст без внутренностей.",
            "The bank’s refusals after something on the wire: a reason class and a plain text without internals.",
        ),
        advice: t(
            "К каждому отказу добавьте класс и одну фразу для человека.",
            "Give each refusal a class and one sentence for a person.",
        ),
        judge: Judge::Duty(explained),
        ..BASE
    },
    Rule {
        id: "OBS-07",
        slug: "audit-edit-unnoticed",
        requirements: &["SEC-6"],
        clauses: &["ASVS 16.4.2"],
        title: t("Правка журнала аудита обнаруживается", "An edited audit trail is detected"),
        why: t("След, который можно поправить, ничего не доказывает.", "A trail that can be edited proves nothing."),
        looked_at: t(
            "Вопрос audit_verify до правки файла аудита (да) и после неё (нет).",
            "The question audit_verify before the audit file is edited (yes) and after (no).",
        ),
        advice: t(
            "Свяжите записи цепочкой хэшей и проверяйте её.",
            "Chain the records by hashes and verify the chain.",
        ),
        judge: Judge::Duty(audit),
        ..BASE
    },
];

/// Evidence: a planted value found.
pub(super) fn found(canary: &Canary) -> Evidence {
    Evidence {
        at: format!("canary:{}", canary.place),
        seen: format!("{} ({}): {}", canary.planted, canary.form, canary.near),
    }
}

/// Names under which tokens are planted.
pub(super) fn is_token(planted: &str) -> bool {
    planted.replace([' ', '-'], "_").to_lowercase().contains("token")
}

/// Places that the suite searched, from its own word, and what it searched them for (nothing named: everything).
fn scanned(reading: &Reading<'_>, place: &str, planted: Option<&str>) -> Vec<Evidence> {
    let list = |value: Option<&Value>| -> Vec<String> {
        let items = value.and_then(Value::as_array).cloned().unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut places = Vec::new();
    for (_, act) in reading.deeds("scan") {
        let wanted = list(act.data.get("planted"));
        if planted.is_some_and(|name| !wanted.iter().any(|known| known == name)) {
            continue;
        }
        places.extend(list(act.data.get("places")).into_iter().filter(|known| known.starts_with(place)));
    }
    places.dedup();
    places.into_iter().map(|place| Evidence { at: format!("canary:{place}"), seen: "searched".to_owned() }).collect()
}

/// A search for planted values at one kind of place: clean only where the search was made and there was something to find.
pub(super) fn scan(reading: &Reading<'_>, place: &str, planted: &[&str], worth: bool) -> Judgement {
    let mut check = Check::new();
    if worth {
        scanned(reading, place, None).into_iter().for_each(|evidence| check.saw(evidence));
    }
    let plain = |name: &str| name.replace([' ', '-'], "_").to_lowercase();
    for canary in reading.canaries.iter().filter(|canary| canary.place.starts_with(place)) {
        if planted.contains(&plain(&canary.planted).as_str()) {
            check.wrong(
                format!("{} was found in {} ({})", canary.planted, canary.place, canary.form),
                format!("{} найдено в {} ({})", canary.planted, canary.place, canary.form),
                vec![found(canary)],
            );
        }
    }
    check.end(
        (
            "nothing of this kind was issued, or no such file of the bank may be read",
            "таких значений не выдавали, или файлов банка для чтения нет",
        ),
        ("none of the planted values was found", "посеянные значения не найдены"),
    )
}

fn secrets(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    if reading.bank_called() {
        for place in ["log", "storage"] {
            scanned(reading, place, None).into_iter().for_each(|evidence| check.saw(evidence));
        }
    }
    let others = ["line_break", "not_consented"];
    for canary in reading
        .canaries
        .iter()
        .filter(|canary| !is_token(&canary.planted) && !others.contains(&canary.planted.as_str()))
    {
        check.wrong(
            format!("{} was found in {} ({})", canary.planted, canary.place, canary.form),
            format!("{} найдено в {} ({})", canary.planted, canary.place, canary.form),
            vec![found(canary)],
        );
    }
    check.end(
        ("no file of the bank may be read", "файлов банка для чтения нет"),
        ("none of the planted values was found", "посеянные значения не найдены"),
    )
}

fn split(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let planted = reading.told(&["redirect-error-markup"]).into_iter().any(|lie| {
        let location =
            lie.exchange.and_then(|exchange| wire::got(exchange, "location")).map(wire::query).unwrap_or_default();
        wire::first(&location, "error_description").is_some_and(|text| text.contains(['\n', '\r']))
    });
    if planted {
        scanned(reading, "log", Some("line_break")).into_iter().for_each(|evidence| check.saw(evidence));
    }
    for canary in
        reading.canaries.iter().filter(|canary| canary.planted == "line_break" && canary.place.starts_with("log"))
    {
        check.wrong(
            format!("a planted line break began a new record in {}", canary.place),
            format!("посеянный перевод строки начал новую запись в {}", canary.place),
            vec![found(canary)],
        );
    }
    check.end(
        (
            "no line break was planted, or no log of the bank may be read",
            "переводов строк не сеяли, или журналов банка для чтения нет",
        ),
        ("one record stayed one record", "одна запись осталась одной"),
    )
}

fn explained(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in reading.flows.iter().filter(|flow| flow.outcome() == Some(Outcome::Refused)) {
        // A refusal out of nothing explains nothing: something must have happened on the wire.
        let cause = reading.exchanges.iter().find(|exchange| {
            exchange.started_us >= flow.start_us
                && exchange.started_us <= flow.end_us
                && (exchange.from == contract::exchange::Party::Bank
                    || reading.callbacks.iter().any(|visit| std::ptr::eq(visit.exchange, **exchange)))
        });
        let Some(cause) = cause else { continue };
        check.saw(flow.evidence());
        let evidence = || vec![line(cause), flow.evidence()];
        match flow.last().and_then(|report| report.reason.as_ref()) {
            None => check.wrong("refused without a reason", "отказ без причины", evidence()),
            Some(reason) if reason.message.trim().chars().count() < 3 => {
                check.wrong("refused with an empty message", "отказ с пустым текстом", evidence());
            }
            Some(reason) if internals(&reason.message) => check.wrong(
                format!("the message holds internals: {}", wire::mask(&reason.message)),
                format!("в тексте внутренности: {}", wire::mask(&reason.message)),
                evidence(),
            ),
            Some(_) => {}
        }
    }
    check.end(
        ("the bank refused nothing", "банк ни в чём не отказал"),
        ("every refusal has a reason that a person can read", "у каждого отказа понятная причина"),
    )
}

/// Signs of a stack trace or of a query in a text meant for people.
pub(super) fn internals(text: &str) -> bool {
    [
        "Traceback (most recent",
        "\tat ",
        "\n    at ",
        "panicked at",
        "Exception in thread",
        ".java:",
        ".py\", line",
        "SELECT ",
        "stack backtrace",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

fn audit(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for (wall_us, _) in reading.deeds("edit-audit") {
        let asked = |after: bool| {
            reading
                .probes
                .iter()
                .filter(move |(at, probe)| probe.question == "audit_verify" && (*at > wall_us) == after)
        };
        let (before, after) = (asked(false).next_back(), asked(true).next());
        let answer = |probe: Option<&(i64, &crate::trace::Probe)>| probe.and_then(|(_, probe)| probe.answer.clone());
        let shown = |name: &str, value: &Option<Value>| Evidence {
            at: format!("probe:audit_verify {name}"),
            seen: value.as_ref().map_or_else(|| "no answer".to_owned(), Value::to_string),
        };
        let (before, after) = (answer(before), answer(after));
        let evidence = vec![shown("before", &before), shown("after", &after)];
        match (before.as_ref().and_then(Value::as_bool), after.as_ref().and_then(Value::as_bool)) {
            (Some(true), Some(false)) => evidence.into_iter().for_each(|seen| check.saw(seen)),
            (Some(true), Some(true)) => check.wrong(
                "the audit file was edited and the bank finds it whole",
                "файл аудита изменён, а банк считает его целым",
                evidence,
            ),
            (Some(false), _) => check.wrong(
                "the bank finds its audit trail broken before anybody touched it",
                "банк считает след аудита нарушенным ещё до правки",
                evidence,
            ),
            _ => check.unproved("the bank did not answer audit_verify", "банк не ответил на audit_verify", evidence),
        }
    }
    check.end(("the audit file was not edited", "файл аудита не правили"), ("the edit was noticed", "правка замечена"))
}

#[cfg(test)]
mod tests {
    use contract::adapter::ReasonClass;
    use contract::exchange::Party;
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn a_refusal_explains_only_what_happened_in_its_own_flow() {
        let play = |inside: bool| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let flow = scene.begin("customer.profile", ANNA, json!({}));
            scene.exchange(Party::Browser, Party::Bank, "GET", &format!("{BANK}/"));
            if inside {
                scene.exchange(Party::Bank, Party::Portal, "GET", PORTAL);
            }
            scene.report(&flow, Outcome::Refused, Some(ReasonClass::Transport), json!({}));
            scene.link(BORIS);
            verdict("OBS-06", &scene)
        };
        assert_eq!(play(true), Verdict::Pass);
        assert_eq!(play(false), Verdict::NotApplicable);
    }
}
