//! WH: notices that the bank receives. A forged one is answered 4xx and changes nothing; a repeated one counts once.

use contract::adapter::ReasonClass::*;
use contract::time::Timestamp;
use serde_json::Value;

use super::{LOOKED_EVENT, ROW, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Reading, lied, line, wire};
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
        id: "WH-13",
        slug: "hook-order-believed",
        level: Level::G,
        severity: Severity::Medium,
        requirements: &["APP-2", "NTF-1"],
        clauses: &["ASVS 2.3.1"],
        title: t("Запоздавшее уведомление не откатывает состояние", "A late notice does not turn a state back"),
        why: t(
            "Сеть не хранит порядок: старое событие может прийти после нового.",
            "A network keeps no order: an old event may come after a newer one.",
        ),
        looked_at: t(
            "После нового состояния пришло событие о прежнем: банк показывает новое.",
            "After the newer state came an event about the older one: the bank shows the newer.",
        ),
        advice: t(
            "Сравните время изменения с тем, что уже известно.",
            "Compare the time of the change with what is known.",
        ),
        judge: Judge::Duty(order),
        ..LIE
    },
    Rule {
        id: "WH-14",
        slug: "garbage-hook-crashes",
        severity: Severity::Medium,
        requirements: &["SEC-3", "SEC-9"],
        clauses: &["ASVS 16.5.3"],
        title: t("Нечитаемое тело с неверной подписью — 4xx", "An unreadable body with a wrong signature is a 4xx"),
        why: t(
            "5xx на мусор значит, что разбор идёт раньше проверки подписи.",
            "A 5xx to garbage means that the body is parsed before the signature is verified.",
        ),
        looked_at: t(
            "Посторонний прислал на адрес уведомлений мусор: ответ 4xx, банк работает дальше.",
            "A stranger sent garbage to the notice address: a 4xx, and the bank works on.",
        ),
        advice: t(
            "Сначала подпись, потом разбор; ошибка разбора — 400.",
            "Signature first, then parsing; what cannot be parsed is a 400.",
        ),
        judge: Judge::Duty(garbage),
        ..LIE
    },
    Rule {
        id: "WH-15",
        slug: "endless-hook-read",
        level: Level::G,
        severity: Severity::Medium,
        requirements: &["SEC-3", "SEC-9"],
        clauses: &["RFC 9110 15.5.14"],
        title: t("Огромное тело уведомления не читают до конца", "A huge body of a notice is not read to its end"),
        why: t("Тело без предела занимает память у всех.", "A body without a limit takes everybody’s memory."),
        looked_at: t(
            "Посторонний прислал тело больше мегабайта: ответ 413 или соединение закрыто.",
            "A stranger sent a body of more than a megabyte: a 413, or the connection closed.",
        ),
        advice: t("Ограничьте размер тела до его чтения.", "Bound the body’s size before reading it."),
        judge: Judge::Duty(huge),
        ..LIE
    },
    Rule {
        id: "WH-19",
        slug: "hook-address-fetched",
        requirements: &["SEC-9", "APP-2"],
        clauses: &["ASVS 1.3.6"],
        title: t("По адресам из уведомления банк не ходит", "Addresses in a notice are not visited"),
        why: t(
            "Адрес в теле — чужой ввод: за ним может стоять внутренняя сеть банка.",
            "An address in a body is somebody’s input: the bank’s own network may be behind it.",
        ),
        looked_at: t(
            "Верно подписанное событие с адресом чужого узла: обращений банка туда нет.",
            "A well-signed event with an address at a foreign host: the bank does not call there.",
        ),
        advice: t("Обращайтесь только к узлам из своих настроек.", "Call only the hosts of your own settings."),
        judge: Judge::Duty(addresses),
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

/// A state that an event told, and when it was entered.
struct Told<'a> {
    id: &'a str,
    state: &'a str,
    /// As an instant: as texts, `…:12.97Z` would be later than `…:12.977Z`.
    at: (u64, Option<Timestamp>),
}

/// What a notice tells of a matter.
fn told(body: &Value) -> Option<Told<'_>> {
    let kind = body.get("type")?.as_str()?.strip_suffix(".changed")?;
    let matter = body.get(kind)?;
    let text = |name: &str| matter.get(name).and_then(Value::as_str);
    let step = matter.get("step").and_then(Value::as_u64).unwrap_or_default();
    let changed_at = text("changed_at").and_then(|text| text.parse().ok());
    Some(Told { id: text("id")?, state: text("state")?, at: (step, changed_at) })
}

fn order(reading: &Reading<'_>) -> Judgement {
    const FAULTS: &[&str] = &["hook-reordered", "status-out-of-order"];
    let mut check = Check::new();
    for hook in reading.hooks.iter().filter(|hook| hook.exchange.response.is_some()) {
        let Some(late) = told(&hook.body) else { continue };
        let of_same = |other: &&crate::reading::Hook<'_>| {
            other.exchange.started_us < hook.exchange.started_us && wire::status(other.exchange) / 100 == 2
        };
        let newer = reading.hooks.iter().filter(of_same).filter_map(|other| told(&other.body));
        let newer = newer.filter(|known| known.id == late.id && known.at > late.at).max_by_key(|known| known.at);
        let Some(newer) = newer.filter(|newer| newer.state != late.state) else { continue };
        check.saw(line(hook.exchange));
        for flow in reading.flows.iter().filter(|flow| flow.start_us > hook.exchange.started_us) {
            let values = flow.last().map(|report| &report.values);
            let of_it = |value: &&Value| value.get("id").and_then(Value::as_str) == Some(late.id);
            let shown = values.into_iter().flat_map(serde_json::Map::values).find(of_it);
            let Some(state) = shown.and_then(|shown| shown.get("state")).and_then(Value::as_str) else { continue };
            check.saw(flow.evidence());
            if state == late.state {
                check.wrong(
                    format!("{} was told first, {} later but older; the bank shows {state}", newer.state, late.state),
                    format!(
                        "сначала сообщено {}, позже — прежнее {}; банк показывает {state}",
                        newer.state, late.state
                    ),
                    vec![line(hook.exchange), flow.evidence()],
                );
            }
        }
    }
    if !check.looked() {
        return untold(FAULTS, reading);
    }
    check.end(
        ("no notice was late", "запоздавших уведомлений не было"),
        ("the newer state stands", "состояние осталось новым"),
    )
}

/// The visits of an attacker that a deed led to, or what the bank failed to answer.
fn visits<'a>(reading: &Reading<'a>, deed: &str) -> Vec<&'a contract::exchange::Exchange> {
    let deeds = reading.deeds(deed);
    let visit = |from: i64| {
        reading.exchanges.iter().copied().find(|exchange| {
            exchange.from == contract::exchange::Party::Attacker
                && exchange.to == contract::exchange::Party::Bank
                && exchange.request.method == "POST"
                && exchange.started_us >= from
        })
    };
    deeds.into_iter().filter_map(|(at, _)| visit(at)).collect()
}

fn garbage(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let deed = "hook-garbage";
    for visit in visits(reading, deed) {
        check.saw(line(visit));
        match wire::status(visit) {
            400..=499 => {}
            0 => check.unproved("the bank did not answer", "банк не ответил", vec![line(visit)]),
            status => check.wrong(
                format!("garbage was answered {status}"),
                format!("на мусор ответ {status}"),
                vec![line(visit)],
            ),
        }
    }
    if !check.looked() {
        return untold(&["attacker:hook-garbage"], reading);
    }
    if let Err((en, ru)) = alive(reading) {
        check.unproved(en, ru, Vec::new());
    }
    check.end(
        ("nobody sent garbage", "мусора не присылали"),
        ("garbage is told from a failure", "мусор отличён от сбоя"),
    )
}

fn huge(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for visit in visits(reading, "hook-endless") {
        check.saw(line(visit));
        match wire::status(visit) {
            // No answer: the connection was closed on the way.
            0 | 413 => {}
            status => check.wrong(
                format!("more than a megabyte was taken and answered {status}, wanted 413"),
                format!("больше мегабайта прочитано, ответ {status}, нужен 413"),
                vec![line(visit)],
            ),
        }
    }
    if !check.looked() {
        return untold(&["attacker:hook-endless"], reading);
    }
    if let Err((en, ru)) = alive(reading) {
        check.unproved(en, ru, Vec::new());
    }
    check.end(("nobody sent a huge body", "огромных тел не присылали"), ("the body was cut short", "тело не дочитано"))
}

fn addresses(reading: &Reading<'_>) -> Judgement {
    let fault = "hook-address";
    let lies = reading.told(&[fault]);
    if lies.is_empty() {
        return untold(&[fault], reading);
    }
    let mut check = Check::new();
    for lie in lies {
        let Some(exchange) = lie.exchange.filter(|exchange| exchange.response.is_some()) else {
            check.unproved("the bank did not answer the notice", "банк не ответил на уведомление", vec![lied(lie)]);
            continue;
        };
        check.saw(line(exchange));
        let visit = reading
            .foreign()
            .into_iter()
            .find(|visit| visit.from == contract::exchange::Party::Bank && visit.started_us >= exchange.started_us);
        if let Some(visit) = visit {
            check.wrong(
                format!("the bank went where the event pointed: {}", wire::path(&visit.request.url)),
                format!("банк пошёл по адресу из события: {}", wire::path(&visit.request.url)),
                vec![line(exchange), line(visit)],
            );
        }
    }
    if let Err((en, ru)) = alive(reading) {
        check.unproved(en, ru, Vec::new());
    }
    check.end(
        ("no event named an address", "адресов в событиях не было"),
        ("nobody was visited", "по адресам не ходили"),
    )
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

#[cfg(test)]
mod tests {
    use contract::exchange::Party;
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn only_a_bank_that_lives_and_takes_notices_says_no_by_a_4xx() {
        let play = |deed: &str, method: &str, status: u16, lives: bool, honest: bool| {
            let mut scene = Scene::oidc();
            if lives {
                scene.link(ANNA);
            }
            if honest {
                scene.hook("e-1", "c-1", "revoked", 204);
            }
            scene.act("attacker", deed, json!({}));
            let visit = scene.exchange(Party::Attacker, Party::Bank, method, &format!("{BANK}/hooks/portal"));
            scene.respond(visit, status, &[], "");
            verdict("WH-20", &scene)
        };
        assert_eq!(play("hook-by-get", "GET", 405, true, false), Verdict::Pass);
        assert_eq!(play("hook-by-text", "POST", 415, true, false), Verdict::Pass);
        assert_eq!(play("hook-by-get", "GET", 405, false, true), Verdict::Inconclusive);
        assert_eq!(play("hook-by-get", "GET", 404, true, true), Verdict::Pass);
        assert_eq!(play("hook-by-get", "GET", 404, true, false), Verdict::Inconclusive);
        assert_eq!(play("hook-by-get", "GET", 404, false, true), Verdict::Inconclusive);
        assert_eq!(play("hook-by-get", "GET", 302, true, true), Verdict::Fail);
        assert_eq!(play("hook-by-get", "GET", 500, true, true), Verdict::Warning);
        // The visit of another deed is none of this one.
        assert_eq!(play("hook-by-get", "POST", 200, true, true), Verdict::Inconclusive);
        assert_eq!(play("hook-by-text", "GET", 200, true, true), Verdict::Inconclusive);
    }

    #[test]
    fn a_repeat_must_not_take_effect_again() {
        let play = |calls: [Option<(&str, &str)>; 2]| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            for (call, repeat) in calls.into_iter().zip([false, true]) {
                let hook = scene.hook("e-1", "c-1", "revoked", 204);
                if repeat {
                    scene.lie(hook, "hook-repeated");
                }
                if let Some((method, path)) = call {
                    scene.exchange(Party::Bank, Party::Portal, method, &format!("{PORTAL}{path}"));
                }
            }
            verdict("WH-07", &scene)
        };
        let (read, keys, told) = (
            Some(("GET", "/api/v1/consents/c-1")),
            Some(("GET", "/.well-known/jwks.json")),
            Some(("POST", "/oidc/revoke")),
        );
        assert_eq!(play([None, None]), Verdict::Pass);
        assert_eq!(play([read, None]), Verdict::Pass);
        assert_eq!(play([None, read]), Verdict::Pass);
        assert_eq!(play([read, told]), Verdict::Pass);
        assert_eq!(play([read, read]), Verdict::Fail);
        assert_eq!(play([told, told]), Verdict::Fail);
        assert_eq!(play([keys, keys]), Verdict::Pass);
    }

    #[test]
    fn a_repeat_is_booked_once() {
        let play = |states: &[&str], consent: &str| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.hook("e-1", "c-1", "revoked", 204);
            let again = scene.hook("e-1", "c-1", "revoked", 204);
            scene.lie(again, "hook-repeated");
            let flow = scene.begin("consent.show", ANNA, json!({}));
            let history: Vec<Value> = states.iter().map(|state| json!({"state": state})).collect();
            let shown = json!({"consent": {"id": consent, "history": history}});
            scene.report(&flow, contract::adapter::Outcome::Ok, None, shown);
            verdict("WH-07", &scene)
        };
        assert_eq!(play(&["granted", "revoked"], "c-1"), Verdict::Pass);
        assert_eq!(play(&["granted", "revoked", "revoked"], "c-1"), Verdict::Fail);
        assert_eq!(play(&["granted", "granted", "revoked"], "c-1"), Verdict::Pass);
        assert_eq!(play(&["revoked", "revoked"], "c-2"), Verdict::Pass);
    }

    #[test]
    fn what_the_suite_asked_for_is_no_effect_of_a_notice() {
        let play = |asked: bool| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            for repeat in [false, true] {
                let hook = scene.hook("e-1", "c-1", "revoked", 204);
                if repeat {
                    scene.lie(hook, "hook-repeated");
                }
                let flow = asked.then(|| scene.begin("consent.show", ANNA, json!({})));
                scene.exchange(Party::Bank, Party::Portal, "GET", &format!("{PORTAL}/api/v1/consents/c-1"));
                if let Some(flow) = flow {
                    scene.report(&flow, contract::adapter::Outcome::Ok, None, json!({}));
                }
            }
            verdict("WH-07", &scene)
        };
        assert_eq!(play(true), Verdict::Pass);
        assert_eq!(play(false), Verdict::Fail);
    }

    #[test]
    fn a_late_event_does_not_undo_a_newer_state() {
        let play = |shown: &str, states: [(&str, u64); 2]| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            for (index, (state, step)) in states.into_iter().enumerate() {
                let hook = scene.hook(&format!("e-{index}"), "c-1", "granted", 204);
                let order = json!({"id": "o-1", "state": state, "step": step, "changed_at": "2026-11-22T10:00:00Z"});
                let body = json!({"id": format!("e-{index}"), "type": "order.changed", "order": order});
                scene.wire(hook).request.body = contract::exchange::Body::Text(body.to_string());
            }
            let flow = scene.begin("certificate.status", ANNA, json!({"order": "o-1"}));
            let values = json!({"order": {"id": "o-1", "state": shown}});
            scene.report(&flow, contract::adapter::Outcome::Ok, None, values);
            verdict("WH-13", &scene)
        };
        let late = [("ready", 4), ("in_work", 3)];
        assert_eq!(play("ready", late), Verdict::Pass);
        assert_eq!(play("in_work", late), Verdict::Warning);
        assert_eq!(play("in_work", [("confirmed", 2), ("in_work", 3)]), Verdict::NotApplicable);
    }

    #[test]
    fn an_event_is_older_by_its_instant_and_not_by_its_text() {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        for (state, at) in [("settled", "2026-11-22T10:00:12.97Z"), ("returned", "2026-11-22T10:00:12.977Z")] {
            let hook = scene.hook(state, "c-1", "granted", 204);
            let payment = json!({"id": "p-1", "state": state, "changed_at": at});
            let body = json!({"id": state, "type": "payment.changed", "payment": payment});
            scene.wire(hook).request.body = contract::exchange::Body::Text(body.to_string());
        }
        let flow = scene.begin("duty.status", ANNA, json!({"payment": "p-1"}));
        let values = json!({"payment": {"id": "p-1", "state": "returned"}});
        scene.report(&flow, contract::adapter::Outcome::Ok, None, values);
        assert_eq!(verdict("WH-13", &scene), Verdict::NotApplicable, "the later one came later");
    }

    #[test]
    fn what_a_stranger_sends_is_bounded_and_told_from_a_failure() {
        let play = |id: &str, deed: &str, status: u16| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.act("attacker", deed, json!({}));
            let visit = scene.exchange(Party::Attacker, Party::Bank, "POST", &format!("{BANK}/hooks/portal"));
            if status == 0 {
                scene.wire(visit).response = None;
            } else {
                scene.respond(visit, status, &[], "");
            }
            verdict(id, &scene)
        };
        assert_eq!(play("WH-14", "hook-garbage", 401), Verdict::Pass);
        assert_eq!(play("WH-14", "hook-garbage", 500), Verdict::Fail);
        assert_eq!(play("WH-14", "hook-garbage", 204), Verdict::Fail);
        assert_eq!(play("WH-14", "hook-garbage", 0), Verdict::Inconclusive);
        assert_eq!(play("WH-15", "hook-endless", 413), Verdict::Pass);
        assert_eq!(play("WH-15", "hook-endless", 0), Verdict::Pass);
        assert_eq!(play("WH-15", "hook-endless", 401), Verdict::Warning);
    }

    #[test]
    fn addresses_in_events_are_not_visited() {
        let play = |visited: bool| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let hook = scene.hook("e-1", "c-1", "revoked", 204);
            scene.lie(hook, "hook-address");
            if visited {
                scene.exchange(Party::Bank, Party::Foreign, "GET", &format!("{FOREIGN}/events/details"));
            }
            verdict("WH-19", &scene)
        };
        assert_eq!(play(false), Verdict::Pass);
        assert_eq!(play(true), Verdict::Fail);
    }
}
