//! IDEM: money moves once.

use std::collections::BTreeMap;

use contract::adapter::{Outcome, ReasonClass::*};
use contract::exchange::{Body, Exchange};
use contract::journal::kinds;
use serde_json::Value;

use super::req::{ENOUGH_BITS, entropy_bits};
use super::{LOOKED_ANSWER, ROW, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Flow, Lie, Reading, lied, line, noted, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Level, Rule, Severity, Unused};

const BASE: Rule = Rule {
    requirements: &["DEB-2"],
    severity: Severity::Critical,
    looked_at: t(
        "Запросы оплаты, их ключи Idempotency-Key и журнал принятых оплат портала.",
        "Payment requests, their Idempotency-Key, and the portal’s journal of accepted payments.",
    ),
    ..ROW
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "IDEM-01",
        slug: "idempotency-key-weak",
        level: Level::P,
        severity: Severity::High,
        clauses: &["Idempotency-Key draft 2.2"],
        title: t("У каждой оплаты есть длинный ключ повторности", "Every payment has a long idempotency key"),
        why: t(
            "Без ключа портал не отличит повтор от второй оплаты.",
            "Without a key the portal cannot tell a repeat from a second payment.",
        ),
        advice: t(
            "Отправляйте Idempotency-Key не короче 128 бит (UUID).",
            "Send an Idempotency-Key of 128 bits or more (a UUID).",
        ),
        judge: Judge::Duty(weak),
        ..BASE
    },
    Rule {
        id: "IDEM-02",
        slug: "idempotency-key-changed-on-repeat",
        level: Level::P,
        clauses: &["Idempotency-Key draft 2.4"],
        title: t(
            "Повтор той же оплаты — с тем же ключом и телом",
            "A repeat of the same payment has the same key and body",
        ),
        why: t("Новый ключ при повторе — это вторая оплата.", "A new key on a repeat is a second payment."),
        advice: t(
            "Сохраните ключ до первой отправки и повторяйте с ним.",
            "Store the key before the first send and repeat with it.",
        ),
        judge: Judge::Duty(changed),
        ..BASE
    },
    Rule {
        id: "IDEM-03",
        slug: "idempotency-key-shared",
        level: Level::P,
        severity: Severity::High,
        clauses: &["Idempotency-Key draft 2.2"],
        title: t("У новой оплаты новый ключ", "A new payment has a new key"),
        why: t(
            "Со старым ключом портал вернёт прошлый ответ, и долг останется.",
            "With an old key the portal returns the old answer and the debt stays.",
        ),
        advice: t(
            "Связывайте ключ с операцией, а не с клиентом или днём.",
            "Tie the key to the operation, not to the customer or the day.",
        ),
        judge: Judge::Duty(shared),
        ..BASE
    },
    Rule {
        id: "IDEM-04",
        slug: "paid-twice",
        clauses: &["RFC 9110 9.2.2", "Idempotency-Key draft 2.6"],
        title: t("Потерянный ответ не приводит ко второй оплате", "A lost answer causes no second payment"),
        why: t(
            "Обрыв связи — обычное дело; деньги списываются один раз.",
            "Connections break every day; money is taken once.",
        ),
        looked_at: t(
            "Ответ об оплате потерян: в журнале портала ровно одна принятая оплата, и банк в конце знает о ней.",
            "The payment’s answer is lost: the portal’s journal holds exactly one accepted payment, and in the end the bank knows of it.",
        ),
        advice: t(
            "Повторите с тем же ключом или спросите состояние по ключу.",
            "Repeat with the same key, or ask for the state by key.",
        ),
        judge: Judge::Duty(lost),
        ..BASE
    },
    Rule {
        id: "IDEM-05",
        slug: "new-key-on-conflict",
        level: Level::P,
        clauses: &["Idempotency-Key draft 2.7"],
        title: t("После 409 — тот же ключ", "After 409 the same key"),
        why: t("409 значит: первая попытка ещё идёт.", "409 means that the first attempt is still under way."),
        looked_at: t(
            "Ответ 409 на оплату: дальнейшие запросы — с тем же ключом, в конце успех.",
            "A 409 to a payment: what follows bears the same key, and ends well.",
        ),
        advice: t("Подождите и спросите снова с тем же ключом.", "Wait and ask again with the same key."),
        judge: Judge::Duty(conflict),
        ..BASE
    },
    Rule {
        id: "IDEM-06",
        slug: "loop-on-key-mismatch",
        level: Level::P,
        severity: Severity::High,
        clauses: &["Idempotency-Key draft 2.7"],
        title: t("После 422 оплата останавливается", "After 422 the payment stops"),
        why: t(
            "Ключ занят другим телом: это ошибка банка, повтор её не исправит.",
            "The key belongs to another body: the bank’s own mistake, not mended by repeating.",
        ),
        looked_at: t(
            "Ответ 422 на оплату: больше запросов нет, сценарий закончен отказом.",
            "A 422 to a payment: no more requests, the flow ends refused.",
        ),
        advice: t(
            "Остановитесь и сообщите; не подбирайте новый ключ сами.",
            "Stop and report; do not make up another key.",
        ),
        judge: Judge::Duty(mismatch),
        ..BASE
    },
    Rule {
        id: "IDEM-11",
        slug: "changed-amount-accepted",
        clauses: &["ASVS 2.2.1"],
        title: t("Ответ с другой суммой не принимается", "An answer with another amount is not taken"),
        why: t(
            "Если подтверждено не то, что просили, оплаты не было.",
            "If something else is confirmed than was asked, it was not this payment.",
        ),
        looked_at: LOOKED_ANSWER,
        advice: t(
            "Сверьте сумму, УИН и валюту ответа с запросом.",
            "Compare amount, UIN and currency of the answer with the request.",
        ),
        judge: refuse(&["payment-amount-differs"], &[Format, Binding], Unused::Answer),
        ..BASE
    },
    Rule {
        id: "IDEM-13",
        slug: "paid-by-two-presses",
        clauses: &["ASVS 2.3.4"],
        title: t("Два нажатия — одна оплата", "Two presses, one payment"),
        why: t("Люди нажимают дважды, когда экран молчит.", "People press twice when the screen is silent."),
        looked_at: t(
            "Одна операция вызвана дважды одновременно: все её запросы оплаты с одним ключом, в журнале портала одна принятая оплата.",
            "One operation called twice at once: one key on all its payment requests, one accepted payment in the portal’s journal.",
        ),
        advice: t(
            "Заведите запись об операции до отправки и не выполняйте её дважды.",
            "Record the operation before sending and run it once.",
        ),
        judge: Judge::Duty(presses),
        ..BASE
    },
];

const NO_PAYMENTS: (&str, &str) = ("nothing was paid", "оплат не было");

struct Pay<'r, 'a> {
    exchange: &'a Exchange,
    key: Option<&'a str>,
    uin: String,
    oid: Option<i64>,
    flow: Option<&'r Flow<'a>>,
}

fn payments<'r, 'a>(reading: &'r Reading<'a>) -> Vec<Pay<'r, 'a>> {
    let posts = reading
        .data_calls
        .iter()
        .filter(|call| call.exchange.request.method == "POST" && call.path.ends_with("/payments"));
    posts
        .map(|call| {
            let parts: Vec<&str> = call.path.split('/').collect();
            let uin = parts.iter().rev().nth(1).copied().unwrap_or_default().to_owned();
            let oid = reading.whom(call);
            let at = call.exchange.started_us;
            let pays = |flow: &&Flow<'a>| {
                flow.action == "debts.pay"
                    && flow.params.get("uin").and_then(Value::as_str).is_none_or(|named| named == uin)
                    && (oid.is_none() || reading.citizen_of_flow(flow).is_none_or(|whom| Some(whom) == oid))
            };
            let open = reading.flows.iter().filter(pays).filter(|flow| flow.start_us <= at && at <= flow.end_us);
            let flow = open.max_by_key(|flow| flow.start_us).or_else(|| reading.flow_at(at, oid));
            Pay { exchange: call.exchange, key: wire::sent(call.exchange, "idempotency-key"), uin, oid, flow }
        })
        .collect()
}

fn weak(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for pay in payments(reading) {
        check.saw(line(pay.exchange));
        match pay.key.map(|key| key.trim_matches('"')) {
            None => check.wrong(
                "the payment bears no Idempotency-Key",
                "в запросе оплаты нет Idempotency-Key",
                vec![line(pay.exchange)],
            ),
            Some(key) => {
                let hex: String = key.chars().filter(|c| *c != '-').collect();
                // Any UUID will do: uniqueness is wanted here, not secrecy.
                let uuid = hex.len() == 32 && hex.chars().all(|c| c.is_ascii_hexdigit()) && entropy_bits(&hex) > 0;
                let bits = if uuid { 128 } else { entropy_bits(key) };
                if bits < ENOUGH_BITS {
                    check.wrong(
                        format!("the key {} holds {bits} bits at most, wanted 128", wire::mask(key)),
                        format!("в ключе {} не больше {bits} бит, нужно 128", wire::mask(key)),
                        vec![line(pay.exchange)],
                    );
                }
            }
        }
    }
    check.end(NO_PAYMENTS, ("every payment has a long key", "у всех оплат длинный ключ"))
}

/// Repeats by operation: those after a 409 or 422 belong to other rules.
fn changed(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let mut first: BTreeMap<(String, String), Pay<'_, '_>> = BTreeMap::new();
    let excused = !reading.told(&["payment-conflict", "payment-unprocessable"]).is_empty();
    for pay in payments(reading) {
        let Some(flow) = pay.flow.filter(|_| !excused) else { continue };
        let operation = (flow.operation.to_owned(), pay.uin.clone());
        let Some(earlier) = first.get(&operation) else {
            first.insert(operation, pay);
            continue;
        };
        check.saw(line(earlier.exchange));
        check.saw(line(pay.exchange));
        let same_body = body(earlier.exchange) == body(pay.exchange);
        if earlier.key != pay.key || !same_body {
            let (en, ru) = if same_body { ("key", "ключом") } else { ("body", "телом") };
            check.wrong(
                format!("the payment of {} was repeated with another {en}", pay.uin),
                format!("оплата {} повторена с другим {ru}", pay.uin),
                vec![line(earlier.exchange), line(pay.exchange)],
            );
        }
    }
    check.end(
        ("no payment was repeated", "повторов оплаты не было"),
        ("repeats bear the same key and body", "повторы с тем же ключом и телом"),
    )
}

fn body(exchange: &Exchange) -> &str {
    match &exchange.request.body {
        Body::Empty => "",
        Body::Text(text) | Body::Base64(text) => text,
    }
}

fn shared(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let list = payments(reading);
    for (index, pay) in list.iter().enumerate() {
        for earlier in &list[..index] {
            let (Some(one), Some(other)) = (earlier.flow, pay.flow) else { continue };
            if one.operation == other.operation {
                continue;
            }
            check.saw(line(earlier.exchange));
            check.saw(line(pay.exchange));
            if pay.key.is_some() && pay.key == earlier.key {
                check.wrong(
                    format!("two operations share the key {}", pay.key.map(wire::mask).unwrap_or_default()),
                    format!("у двух операций один ключ {}", pay.key.map(wire::mask).unwrap_or_default()),
                    vec![line(earlier.exchange), line(pay.exchange)],
                );
            }
        }
    }
    check.end(
        ("fewer than two payments, nothing to compare", "меньше двух оплат, сравнивать нечего"),
        ("each operation has its own key", "у каждой операции свой ключ"),
    )
}

fn accepted(reading: &Reading<'_>, uin: &str) -> Vec<crate::finding::Evidence> {
    let entries = reading.entries(kinds::PAYMENT_ACCEPTED).into_iter();
    entries.filter(|entry| entry.data.get("uin").and_then(Value::as_str) == Some(uin)).map(noted).collect()
}

fn uin_of(lie: &Lie<'_>, reading: &Reading<'_>) -> Option<String> {
    let exchange = lie.exchange?;
    payments(reading).into_iter().find(|pay| std::ptr::eq(pay.exchange, exchange)).map(|pay| pay.uin)
}

fn lost(reading: &Reading<'_>) -> Judgement {
    let fault = "payment-answer-lost";
    let lies = reading.told(&[fault]);
    if lies.is_empty() {
        return untold(&[fault], reading);
    }
    let mut check = Check::new();
    for lie in lies {
        let (Some(uin), Some(flow)) = (uin_of(lie, reading), reading.flow_of(lie)) else {
            check.unproved(
                "no payment belongs to the lost answer",
                "потерянному ответу не соответствует оплата",
                vec![lied(lie)],
            );
            continue;
        };
        let entries = accepted(reading, &uin);
        check.saw(lied(lie));
        entries.iter().cloned().for_each(|entry| check.saw(entry));
        let count = entries.len();
        if count > 1 {
            check.wrong(
                format!("debt {uin} was paid {count} times"),
                format!("долг {uin} оплачен {count} раза"),
                entries,
            );
        } else if count == 0 {
            check.unproved("the portal accepted no payment", "портал не принял ни одной оплаты", vec![lied(lie)]);
        } else {
            match flow.outcome() {
                Some(Outcome::Ok) => check.saw(flow.evidence()),
                Some(Outcome::Pending) | None => {
                    check.unproved("the flow never came to an end", "сценарий не закончился", vec![flow.evidence()])
                }
                Some(Outcome::Refused | Outcome::Error) => check.wrong(
                    format!("debt {uin} is paid, but the bank says it is not"),
                    format!("долг {uin} оплачен, а банк говорит, что нет"),
                    vec![lied(lie), flow.evidence()],
                ),
            }
        }
    }
    check.end(
        NO_PAYMENTS,
        ("paid exactly once although the answer was lost", "оплачено ровно один раз, хотя ответ потерян"),
    )
}

/// Payment requests of the lie's operation after it.
fn later<'r, 'a>(reading: &'r Reading<'a>, lie: &Lie<'_>) -> Vec<Pay<'r, 'a>> {
    let uin = uin_of(lie, reading).unwrap_or_default();
    let citizen = lie.citizen;
    let mut list = payments(reading);
    list.retain(|pay| {
        pay.exchange.started_us > lie.wall_us
            && pay.uin == uin
            && (citizen.is_none() || pay.oid.is_none() || pay.oid == citizen)
    });
    list
}

fn key_of<'a>(lie: &Lie<'a>) -> Option<&'a str> {
    lie.exchange.and_then(|exchange| wire::sent(exchange, "idempotency-key"))
}

fn conflict(reading: &Reading<'_>) -> Judgement {
    let fault = "payment-conflict";
    let lies = reading.told(&[fault]);
    let Some(lie) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    check.saw(lied(lie));
    if let Some(pay) = later(reading, lie).into_iter().find(|pay| pay.key != key_of(lie)) {
        check.wrong(
            "after 409 the payment came with a new key",
            "после 409 оплата отправлена с новым ключом",
            vec![lied(lie), line(pay.exchange)],
        );
    }
    match reading.flow_of(lie).map(|flow| (flow, flow.outcome())) {
        Some((flow, Some(Outcome::Ok))) => check.saw(flow.evidence()),
        Some((flow, Some(Outcome::Refused | Outcome::Error))) => {
            check.wrong(
                "the bank gave up although the payment was under way",
                "банк сдался, хотя оплата ещё шла",
                vec![lied(lie), flow.evidence()],
            );
        }
        _ => check.unproved("the flow never came to an end", "сценарий не закончился", vec![lied(lie)]),
    }
    check.end(NO_PAYMENTS, ("the same key was used until the end", "до конца использован тот же ключ"))
}

fn mismatch(reading: &Reading<'_>) -> Judgement {
    let fault = "payment-unprocessable";
    let lies = reading.told(&[fault]);
    let Some(lie) = lies.first() else { return untold(&[fault], reading) };
    let mut check = Check::new();
    check.saw(lied(lie));
    let more = later(reading, lie);
    if !more.is_empty() {
        check.wrong(
            format!("after 422 the payment was sent {} more times", more.len()),
            format!("после 422 оплата отправлена ещё {} раза", more.len()),
            std::iter::once(lied(lie)).chain(more.iter().map(|pay| line(pay.exchange))).collect(),
        );
    }
    match reading.flow_of(lie).map(|flow| (flow, flow.outcome())) {
        Some((flow, Some(Outcome::Refused | Outcome::Error))) => check.saw(flow.evidence()),
        Some((flow, Some(Outcome::Ok))) => check.wrong(
            "the payment was refused and the bank reported ok",
            "в оплате отказано, а банк сообщил об успехе",
            vec![lied(lie), flow.evidence()],
        ),
        _ => check.unproved("the flow never came to an end", "сценарий не закончился", vec![lied(lie)]),
    }
    super::resp::prove(&mut check, reading);
    check.end(NO_PAYMENTS, ("the bank stopped and said so", "банк остановился и сообщил"))
}

fn presses(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let excused = !reading.told(&["payment-conflict", "payment-unprocessable"]).is_empty();
    let mut by_operation: BTreeMap<&str, Vec<&Flow<'_>>> = BTreeMap::new();
    for flow in reading.flows.iter().filter(|flow| flow.action == "debts.pay" && !flow.operation.is_empty()) {
        by_operation.entry(flow.operation).or_default().push(flow);
    }
    for flows in by_operation.into_values().filter(|flows| flows.len() > 1) {
        let uin = flows[0].params.get("uin").and_then(Value::as_str).unwrap_or_default();
        let entries = accepted(reading, uin);
        let mut evidence: Vec<_> = flows.iter().map(|flow| flow.evidence()).collect();
        evidence.extend(entries.iter().cloned());
        // Two orders under two keys are two payments; that the portal stopped one of them is not the bank's merit.
        let mut sent = payments(reading);
        sent.retain(|pay| pay.uin == uin && pay.flow.is_some_and(|flow| flow.operation == flows[0].operation));
        if let Some(other) = sent.iter().find(|pay| pay.key != sent[0].key).filter(|_| !excused) {
            evidence.extend([line(sent[0].exchange), line(other.exchange)]);
            check.wrong(
                format!("two presses sent two payments of {uin}, each under its own key"),
                format!("два нажатия отправили две оплаты {uin}, каждую со своим ключом"),
                evidence,
            );
            continue;
        }
        match entries.len() {
            0 => check.unproved("pressed twice, and nothing was paid", "нажато дважды, и ничего не оплачено", evidence),
            1 if flows.iter().any(|flow| flow.outcome() == Some(Outcome::Ok)) => {
                evidence.into_iter().for_each(|seen| check.saw(seen))
            }
            1 => check.wrong(
                "paid once, but neither press was told so",
                "оплачено один раз, но ни одно нажатие об этом не узнало",
                evidence,
            ),
            count => check.wrong(
                format!("debt {uin} was paid {count} times by two presses"),
                format!("долг {uin} оплачен {count} раза двумя нажатиями"),
                evidence,
            ),
        }
    }
    check.end(
        ("pay was not pressed twice", "двойных нажатий не было"),
        ("two presses, one payment", "два нажатия, одна оплата"),
    )
}
