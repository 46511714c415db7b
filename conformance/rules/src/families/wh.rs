//! WH: notices that the bank receives. A forged one is answered 4xx and changes nothing; a repeated one counts once.

use contract::adapter::ReasonClass::*;
use serde_json::Value;

use super::{LOOKED_EVENT, ROW, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Reading, line, wire};
use crate::refusal::{alive, untold};
use crate::rule::{Judge, Level, Rule, Severity, Unused};

const LIE: Rule =
    Rule { requirements: &["SEC-3", "CNS-5"], severity: Severity::Critical, looked_at: LOOKED_EVENT, ..ROW };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "WH-01",
        slug: "unsigned-hook-accepted",
        clauses: &["ASVS 4.1.5"],
        title: t("Уведомление без подписи отвергается", "An unsigned notice is refused"),
        why: t(
            "Адрес уведомлений открыт всем; без подписи отправить его может кто угодно.",
            "The notice address is open to all; without a signature anybody can send one.",
        ),
        advice: t(
            "Отвечайте 401, если нет Signature и Signature-Input.",
            "Answer 401 where Signature and Signature-Input are missing.",
        ),
        judge: refuse(&["hook-unsigned"], &[Signature], Unused::Event),
        ..LIE
    },
    Rule {
        id: "WH-02",
        slug: "hook-signature-unchecked",
        clauses: &["RFC 8935 2.4", "ASVS 9.1.1"],
        title: t("Уведомление с неверной подписью отвергается", "A notice with a wrong signature is refused"),
        why: t("Подпись, которую не проверяют, ничего не стоит.", "A signature that nobody checks is worth nothing."),
        advice: t(
            "Проверяйте подпись RFC 9421 ключом портала.",
            "Verify the RFC 9421 signature with the portal’s key.",
        ),
        judge: refuse(&["hook-signature-wrong"], &[Signature], Unused::Event),
        ..LIE
    },
    Rule {
        id: "WH-04",
        slug: "hook-whitespace-ignored",
        severity: Severity::Medium,
        clauses: &["RFC 9421 3.2"],
        title: t("Изменённые пробелы в теле — уже другое тело", "Changed white space makes another body"),
        why: t(
            "Подписаны байты, а не смысл; разбор до проверки впускает подделку.",
            "Bytes are signed, not meaning; parsing before checking lets forgeries in.",
        ),
        advice: t(
            "Считайте хэш по полученным байтам, до разбора JSON.",
            "Compute the digest over the bytes received, before parsing.",
        ),
        judge: refuse(&["hook-whitespace-changed"], &[Signature], Unused::Event),
        ..LIE
    },
    Rule {
        id: "WH-05",
        slug: "old-hook-accepted",
        level: Level::S,
        severity: Severity::Medium,
        clauses: &["RFC 9421 7.2.2"],
        title: t("Устаревшее уведомление отвергается", "A notice with an old time is refused"),
        why: t(
            "Перехваченное уведомление можно прислать снова через месяц.",
            "An intercepted notice can be sent again a month later.",
        ),
        advice: t("Отвергайте created старше нескольких минут.", "Refuse a created older than a few minutes."),
        judge: refuse(&["hook-too-old"], &[Time, Signature], Unused::Event),
        ..LIE
    },
    Rule {
        id: "WH-06",
        slug: "future-hook-accepted",
        level: Level::S,
        severity: Severity::Medium,
        clauses: &["RFC 9421 7.2.2"],
        title: t("Уведомление из будущего отвергается", "A notice from the future is refused"),
        why: t(
            "Время впереди часов продлевает жизнь украденной подписи.",
            "A time ahead of the clock prolongs a stolen signature.",
        ),
        advice: t("Допускайте created впереди не больше чем на минуту.", "Allow created a minute ahead at most."),
        judge: refuse(&["hook-ahead"], &[Time, Signature], Unused::Event),
        ..LIE
    },
    Rule {
        id: "WH-07",
        slug: "hook-applied-twice",
        severity: Severity::Medium,
        requirements: &["CNS-5", "SEC-3"],
        clauses: &["RFC 8417 2.2", "RFC 8935 2"],
        title: t(
            "Повторное уведомление принимается и действует один раз",
            "A repeated notice is taken and takes effect once",
        ),
        why: t(
            "Портал повторяет доставку, пока не получит 2xx; отказ от повтора заставит его слать дальше.",
            "The portal repeats a delivery until 2xx; refusing a repeat makes it send on.",
        ),
        looked_at: t(
            "Доставки одного события: на каждую честную ответ 2xx, и после повтора банк не сделал ничего, чего не сделал после первой.",
            "Deliveries of one event: each honest one answered 2xx, and after the repeat the bank did nothing that it had not done after the first.",
        ),
        advice: t(
            "Запоминайте id события; на повтор отвечайте 2xx и ничего не делайте.",
            "Remember the event’s id; answer a repeat with 2xx and do nothing.",
        ),
        judge: Judge::Duty(repeated),
        ..LIE
    },
    Rule {
        id: "WH-09",
        slug: "hook-unknown-key-accepted",
        clauses: &["RFC 8725 3.10"],
        title: t("Уведомление с неизвестным ключом отвергается", "A notice with an unknown key is refused"),
        why: t("Неизвестный ключ — не повод пропустить проверку.", "An unknown key is no reason to skip the check."),
        advice: t(
            "Обновите набор ключей один раз и, если ключа нет, откажите.",
            "Fetch the key set once; if the key is not there, refuse.",
        ),
        judge: refuse(&["hook-key-unknown"], &[Signature], Unused::Event),
        ..LIE
    },
    Rule {
        id: "WH-10",
        slug: "hook-hmac-with-public-key-accepted",
        clauses: &["RFC 8725 3.1, 3.2"],
        title: t("HMAC на открытом ключе портала отвергается", "An HMAC keyed with the portal’s public key is refused"),
        why: t(
            "Открытый ключ знают все, и подписать им может каждый.",
            "Everybody knows the public key, so everybody can sign with it.",
        ),
        advice: t(
            "Привяжите алгоритм к ключу и не читайте его из запроса.",
            "Tie the algorithm to the key; do not read it from the request.",
        ),
        judge: refuse(&["hook-hmac-public-key"], &[Signature], Unused::Event),
        ..LIE
    },
    Rule {
        id: "WH-11",
        slug: "hook-for-other-receiver-accepted",
        clauses: &["RFC 8417 2.2", "RFC 8725 3.9"],
        title: t(
            "Уведомление, подписанное для другого адреса, отвергается",
            "A notice signed for another address is refused",
        ),
        why: t(
            "Чужое настоящее уведомление, пересланное вам, подписано верно.",
            "A real notice of somebody else, sent on to you, is well signed.",
        ),
        advice: t(
            "Сверяйте @target-uri со своим адресом уведомлений.",
            "Compare @target-uri with your own notice address.",
        ),
        judge: refuse(&["hook-other-receiver"], &[Signature, Audience], Unused::Event),
        ..LIE
    },
    Rule {
        id: "WH-20",
        slug: "hook-by-get-accepted",
        severity: Severity::Low,
        requirements: &["SEC-3", "SEC-9"],
        clauses: &["RFC 9110 15.5.6, 15.5.16"],
        title: t("Адрес уведомлений принимает только POST с JSON", "The notice address takes POST with JSON only"),
        why: t("Лишний способ обращения — лишний вход.", "One more way in is one more way in."),
        looked_at: t(
            "GET на адрес уведомлений — 405; POST с другим типом — 4xx.",
            "A GET of the notice address: 405; a POST of another media type: 4xx.",
        ),
        advice: t(
            "Отвечайте 405 на другие методы и 415 на другие типы.",
            "Answer 405 to other methods and 415 to other media types.",
        ),
        judge: Judge::Duty(by_get),
        ..LIE
    },
];

fn repeated(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for (index, hook) in reading.hooks.iter().enumerate() {
        let Some(id) = &hook.id else { continue };
        let honest =
            |other: &crate::reading::Hook<'_>| other.exchange.faults.iter().all(|fault| fault == "hook-repeated");
        let first = reading.hooks[..index].iter().find(|other| other.id.as_ref() == Some(id) && honest(other));
        let Some(first) = first.filter(|first| honest(hook) && wire::status(first.exchange) / 100 == 2) else {
            continue;
        };
        check.saw(line(first.exchange));
        check.saw(line(hook.exchange));
        let status = wire::status(hook.exchange);
        if status / 100 != 2 {
            check.wrong(
                format!("the repeat of event {id} was answered {status}, wanted 2xx"),
                format!("на повтор события {id} ответ {status}, нужен 2xx"),
                vec![line(first.exchange), line(hook.exchange)],
            );
        }
        effect(&mut check, reading, first.exchange, hook.exchange, id);
        history(&mut check, reading, hook, id);
        if let Err((en, ru)) = alive(reading) {
            check.unproved(en, ru, vec![line(hook.exchange)]);
        }
    }
    if !check.looked() {
        return untold(&["hook-repeated"], reading);
    }
    check.end(
        ("no event was repeated", "повторов не было"),
        ("the repeat was taken and had no second effect", "повтор принят и второй раз не подействовал"),
    )
}

/// A second effect that can be seen on the wire: the same call to the portal, made once after each delivery.
fn effect(
    check: &mut Check,
    reading: &Reading<'_>,
    first: &contract::exchange::Exchange,
    second: &contract::exchange::Exchange,
    id: &str,
) {
    let caused = |from: i64, to: i64| -> Vec<String> {
        let asked = |at: i64| reading.flows.iter().any(|flow| flow.start_us <= at && at <= flow.end_us);
        reading
            .by_bank()
            .filter(|call| call.started_us >= from && call.started_us < to && !asked(call.started_us))
            .filter(|call| call.request.method != "GET" || wire::path(&call.request.url).starts_with("/api/"))
            .map(|call| format!("{} {}", call.request.method, wire::path(&call.request.url)))
            .collect()
    };
    let after_first = caused(first.started_us, second.started_us);
    let after_second = caused(second.started_us, i64::MAX);
    if let Some(call) = after_second.iter().find(|call| after_first.contains(call)) {
        check.wrong(
            format!("event {id} came twice and the bank did {call} each time"),
            format!("событие {id} пришло дважды, и банк каждый раз сделал {call}"),
            vec![line(first), line(second)],
        );
    }
}

/// Where the bank shows a consent's history, the event's state stands there once.
fn history(check: &mut Check, reading: &Reading<'_>, hook: &crate::reading::Hook<'_>, id: &str) {
    let of_event = |name: &str| hook.body.get("consent").and_then(|consent| consent.get(name)).and_then(Value::as_str);
    let (Some(consent), Some(state)) = (of_event("id"), of_event("state")) else { return };
    for flow in reading.flows.iter().filter(|flow| flow.end_us > hook.exchange.started_us) {
        let Some(shown) =
            flow.value("consent").filter(|shown| shown.get("id").and_then(Value::as_str) == Some(consent))
        else {
            continue;
        };
        let entries = shown.get("history").and_then(Value::as_array).cloned().unwrap_or_default();
        let count = entries.iter().filter(|entry| entry.get("state").and_then(Value::as_str) == Some(state)).count();
        check.saw(flow.evidence());
        if count > 1 {
            check.wrong(
                format!("event {id} came twice, and the bank booked the state {state} {count} times"),
                format!("событие {id} пришло дважды, и банк записал состояние {state} {count} раза"),
                vec![line(hook.exchange), flow.evidence()],
            );
        }
    }
}

fn by_get(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    // Only a bank that is known to live can say no; an empty address says 404 to everything.
    let lives = reading.token_calls.iter().any(|call| call.answer.is_some());
    let honest =
        reading.hooks.iter().any(|hook| hook.exchange.faults.is_empty() && wire::status(hook.exchange) / 100 == 2);
    for (wall_us, act) in reading.deeds("hook-by-get").into_iter().chain(reading.deeds("hook-by-text")) {
        let visit = reading.exchanges.iter().copied().find(|exchange| {
            exchange.from == contract::exchange::Party::Attacker
                && exchange.to == contract::exchange::Party::Bank
                && exchange.started_us >= wall_us
                && (act.what == "hook-by-get") == (exchange.request.method == "GET")
        });
        let Some(visit) = visit.filter(|visit| visit.response.is_some()) else {
            check.unproved("the bank did not answer", "банк не ответил", Vec::new());
            continue;
        };
        let status = wire::status(visit);
        match (status, visit.request.method.as_str()) {
            (200..=399, _) => check.wrong(
                format!("a {} of the notice address was answered {status}", visit.request.method),
                format!("{} на адрес уведомлений — ответ {status}", visit.request.method),
                vec![line(visit)],
            ),
            (405, "GET") | (415, _) if lives => check.saw(line(visit)),
            (400..=499, _) if lives && honest => check.saw(line(visit)),
            (400..=499, _) => check.unproved(
                format!("answered {status}, which an address that takes no notices at all would answer too"),
                format!("ответ {status}, но так же ответил бы и адрес, не принимающий уведомлений вовсе"),
                vec![line(visit)],
            ),
            _ => check.odd(
                format!("answered {status} instead of a 4xx"),
                format!("ответ {status} вместо 4xx"),
                vec![line(visit)],
            ),
        }
    }
    check.end(
        ("nobody tried another method", "другим способом не обращались"),
        ("only POST with JSON is taken", "принимается только POST с JSON"),
    )
}
