//! IDEM: money moves once.

use std::collections::BTreeMap;

use contract::adapter::{Outcome, ReasonClass::*};
use contract::exchange::{Body, Exchange};
use contract::journal::kinds;
use contract::matter::{LIFECYCLES, MatterKind};
use serde_json::Value;

use super::req::{ENOUGH_BITS, entropy_bits};
use super::{LOOKED_ANSWER, ROW, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{DataCall, Flow, Lie, Reading, lied, line, noted, wire};
use crate::refusal::untold;
use crate::rule::{Judge, Level, Rule, Severity, Unused};

const BASE: Rule = Rule {
    requirements: &["DEB-2", "DUT-1", "PAY-2", "PAY-3", "TAX-1", "CRT-1"],
    severity: Severity::Critical,
    looked_at: t(
        "Запросы оплаты, заказов, переводов, выводов, деклараций и документов, их ключи Idempotency-Key и журнал портала.",
        "Requests that pay, order, transfer, file or pass on, their Idempotency-Key, and the portal’s journal.",
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
        id: "IDEM-10",
        slug: "final-state-overwritten",
        level: Level::G,
        severity: Severity::High,
        clauses: &["ASVS 2.3.1"],
        title: t("Окончательное состояние остаётся", "A final state stays"),
        why: t(
            "Старый ответ, пришедший последним, не должен отменить исполненное.",
            "An old answer that comes last must not undo what is done.",
        ),
        looked_at: t(
            "После окончательного состояния портал называет прежнее (ответом или уведомлением): банк показывает окончательное или отказывает.",
            "After a final state the portal names an older one (by answer or notice): the bank shows the final one, or refuses.",
        ),
        advice: t(
            "Не меняйте состояние, из которого нет переходов.",
            "Do not change a state that no move leads out of.",
        ),
        judge: Judge::Duty(final_stays),
        ..BASE
    },
    Rule {
        id: "IDEM-12",
        slug: "amount-rounded",
        clauses: &["RFC 8259 6", "ASVS 2.2.1"],
        title: t("Суммы точны до копейки при любой длине", "Amounts are exact to the kopeck at any length"),
        why: t(
            "Плавающая точка теряет копейки уже на пятнадцатом знаке.",
            "Floating point loses kopecks from the fifteenth digit on.",
        ),
        looked_at: t(
            "Сумма поручения, сумма в запросе банка к порталу и сумма, показанная банком, — одно число.",
            "The amount of the order, that of the bank’s request to the portal and the one that the bank shows are one number.",
        ),
        advice: t("Храните деньги целым числом копеек.", "Keep money as a whole number of kopecks."),
        judge: Judge::Duty(exact),
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

/// Actions that pay, or open a matter, by the last part of the path.
const OPENING: &[(&str, &[&str])] = &[
    ("intakes", &["document.pass"]),
    ("orders", &["certificate.order"]),
    ("payments", &["debts.pay", "duty.pay"]),
    ("payouts", &["payout.receive"]),
    ("returns", &["tax.file"]),
    ("tickets", &["feedback.send"]),
    ("transfers", &["budget.transfer", "programme.transfer"]),
];

/// What an opening request begins: the number of what is paid, or the name of the matter.
fn opened(call: &DataCall<'_>) -> Option<(&'static str, String)> {
    let parts: Vec<&str> = call.path.split('/').collect();
    let last = *parts.last()?;
    let (plural, _) = OPENING.iter().find(|(plural, _)| *plural == last)?;
    match (last, parts.len()) {
        // `/api/v1/debts/{uin}/payments`
        ("payments", 6) => Some((plural, parts[4].to_owned())),
        // `/api/v1/orders`
        (_, 4) if last != "payments" => Some((plural, last.to_owned())),
        _ => None,
    }
}

/// A request that pays or opens a matter.
struct Pay<'r, 'a> {
    exchange: &'a Exchange,
    key: Option<&'a str>,
    /// The number of what is paid, or the name of the matter.
    uin: String,
    plural: &'static str,
    oid: Option<i64>,
    flow: Option<&'r Flow<'a>>,
}

fn payments<'r, 'a>(reading: &'r Reading<'a>) -> Vec<Pay<'r, 'a>> {
    let posts = reading.data_calls.iter().filter(|call| call.exchange.request.method == "POST");
    posts
        .filter_map(|call| {
            let (plural, uin) = opened(call)?;
            let actions = OPENING.iter().find(|(known, _)| *known == plural).map_or(&[][..], |(_, actions)| *actions);
            let oid = reading.whom(call);
            let at = call.exchange.started_us;
            let pays = |flow: &&Flow<'a>| {
                actions.contains(&flow.action)
                    && (plural != "payments"
                        || flow.params.get("uin").and_then(Value::as_str).is_none_or(|named| named == uin))
                    && (oid.is_none() || reading.citizen_of_flow(flow).is_none_or(|whom| Some(whom) == oid))
            };
            let open = reading.flows.iter().filter(pays).filter(|flow| flow.start_us <= at && at <= flow.end_us);
            let flow = open.max_by_key(|flow| flow.start_us).or_else(|| reading.flow_at(at, oid));
            Some(Pay {
                exchange: call.exchange,
                key: wire::sent(call.exchange, "idempotency-key"),
                uin,
                plural,
                oid,
                flow,
            })
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

/// What the portal took of a payment, or how often it opened such a matter for the person within the flows.
fn accepted(
    reading: &Reading<'_>,
    (plural, uin): (&str, &str),
    oid: Option<i64>,
    flows: &[&Flow<'_>],
) -> Vec<crate::finding::Evidence> {
    if plural == "payments" {
        let entries = reading.entries(kinds::PAYMENT_ACCEPTED).into_iter();
        let of_it = |entry: &&contract::journal::Entry| entry.data.get("uin").and_then(Value::as_str) == Some(uin);
        return entries.filter(of_it).map(noted).collect();
    }
    let kind = MatterKind::of_plural(plural).map_or("", MatterKind::as_str);
    let start = flows.iter().map(|flow| flow.start_us).min().unwrap_or_default();
    let end = flows.iter().map(|flow| flow.end_us).max().unwrap_or(i64::MAX);
    let entries = reading.entries(kinds::MATTER_OPENED).into_iter().filter(|entry| {
        entry.data.get("kind").and_then(Value::as_str) == Some(kind)
            && start <= entry.wall_us
            && entry.wall_us <= end
            && (oid.is_none() || entry.citizen.is_none() || entry.citizen == oid)
    });
    entries.map(noted).collect()
}

fn pay_of<'r, 'a>(lie: &Lie<'_>, reading: &'r Reading<'a>) -> Option<Pay<'r, 'a>> {
    let exchange = lie.exchange?;
    payments(reading).into_iter().find(|pay| std::ptr::eq(pay.exchange, exchange))
}

fn uin_of(lie: &Lie<'_>, reading: &Reading<'_>) -> Option<String> {
    pay_of(lie, reading).map(|pay| pay.uin)
}

fn lost(reading: &Reading<'_>) -> Judgement {
    const FAULTS: &[&str] = &["matter-answer-lost-once", "payment-answer-lost"];
    let lies = reading.told(FAULTS);
    if lies.is_empty() {
        return untold(FAULTS, reading);
    }
    let mut check = Check::new();
    for lie in lies {
        let (Some(pay), Some(flow)) = (pay_of(lie, reading), reading.flow_of(lie)) else {
            if lie.fault == "matter-answer-lost-once" {
                // The answer to a move was lost: the matter was there already.
                continue;
            }
            check.unproved(
                "no payment belongs to the lost answer",
                "потерянному ответу не соответствует оплата",
                vec![lied(lie)],
            );
            continue;
        };
        let entries = accepted(reading, (pay.plural, &pay.uin), pay.oid, &[flow]);
        let uin = pay.uin;
        check.saw(lied(lie));
        entries.iter().cloned().for_each(|entry| check.saw(entry));
        let count = entries.len();
        if count > 1 {
            check.wrong(format!("{uin} was taken {count} times"), format!("{uin}: принято {count} раза"), entries);
        } else if count == 0 {
            check.unproved("the portal accepted nothing", "портал ничего не принял", vec![lied(lie)]);
        } else {
            match flow.outcome() {
                Some(Outcome::Ok) => check.saw(flow.evidence()),
                Some(Outcome::Pending) | None => {
                    check.unproved("the flow never came to an end", "сценарий не закончился", vec![flow.evidence()])
                }
                Some(Outcome::Refused | Outcome::Error) => check.wrong(
                    format!("{uin} is done at the portal, but the bank says it is not"),
                    format!("{uin}: на портале исполнено, а банк говорит, что нет"),
                    vec![lied(lie), flow.evidence()],
                ),
            }
        }
    }
    check.end(
        NO_PAYMENTS,
        ("done exactly once although the answer was lost", "исполнено ровно один раз, хотя ответ потерян"),
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

/// What the portal said of matters, by answers and by notices: id, state and time.
fn said(reading: &Reading<'_>) -> Vec<(i64, MatterKind, String, String)> {
    let mut said = Vec::new();
    for cycle in LIFECYCLES {
        for told in reading.matters_told(cycle.kind) {
            let text = |name: &str| told.matter.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(id), Some(state)) = (text("id"), text("state")) {
                said.push((told.call.exchange.started_us, cycle.kind, id, state));
            }
        }
        for hook in reading.hooks.iter().filter(|hook| wire::status(hook.exchange) / 100 == 2) {
            let Some(matter) = hook.body.get(cycle.kind.as_str()) else { continue };
            let text = |name: &str| matter.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(id), Some(state)) = (text("id"), text("state")) {
                said.push((hook.exchange.started_us, cycle.kind, id, state));
            }
        }
    }
    said.sort_by_key(|(at, ..)| *at);
    said
}

fn final_stays(reading: &Reading<'_>) -> Judgement {
    const FAULTS: &[&str] = &["hook-reordered", "matter-state-regresses", "status-out-of-order"];
    let lies = reading.told(FAULTS);
    if lies.is_empty() {
        return untold(FAULTS, reading);
    }
    let mut check = Check::new();
    let said = said(reading);
    for flow in reading.flows.iter().filter(|flow| flow.outcome() == Some(Outcome::Ok)) {
        let values = flow.last().map(|report| &report.values);
        for shown in values.into_iter().flat_map(serde_json::Map::values) {
            let text = |name: &str| shown.get(name).and_then(Value::as_str);
            let (Some(id), Some(state)) = (text("id"), text("state")) else { continue };
            let is_final = |(at, kind, known, state): &&(i64, MatterKind, String, String)| {
                *at < flow.start_us && known == id && kind.lifecycle().is_final(state)
            };
            let Some((.., last)) = said.iter().find(is_final) else { continue };
            if !lies.iter().any(|lie| lie.wall_us <= flow.end_us) {
                continue;
            }
            check.saw(flow.evidence());
            if state != last {
                check.wrong(
                    format!("{id} had come to {last}, and the bank shows {state}"),
                    format!("{id}: было {last}, банк показывает {state}"),
                    vec![flow.evidence()],
                );
            }
        }
    }
    if !check.looked() {
        return Judgement::not_applicable(
            "no matter had come to its end when the older state was told",
            "прежнее состояние названо до окончательного",
        );
    }
    check.end(NO_PAYMENTS, ("the final state stands", "окончательное состояние осталось"))
}

fn exact(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for pay in payments(reading) {
        let Some(flow) = pay.flow else { continue };
        let Some(asked) = flow.params.get("amount").filter(|amount| amount.is_i64()) else { continue };
        let Some(sent) = wire::request_json(pay.exchange).and_then(|body| body.get("amount").cloned()) else {
            continue;
        };
        check.saw(line(pay.exchange));
        if sent != *asked {
            check.wrong(
                format!("asked to move {asked}, the bank sent {sent}"),
                format!("поручено {asked}, банк отправил {sent}"),
                vec![line(pay.exchange), flow.evidence()],
            );
        }
        if flow.outcome() != Some(Outcome::Ok) {
            continue;
        }
        let values = flow.last().map(|report| &report.values);
        for shown in values.into_iter().flat_map(serde_json::Map::values) {
            let amount = shown.get("amount").or_else(|| shown.get("details")?.get("amount"));
            if let Some(amount) = amount.filter(|amount| *amount != asked) {
                check.wrong(
                    format!("asked to move {asked}, the bank shows {amount}"),
                    format!("поручено {asked}, банк показывает {amount}"),
                    vec![line(pay.exchange), flow.evidence()],
                );
            }
        }
    }
    check.end(NO_PAYMENTS, ("every amount is exact", "все суммы точны"))
}

fn presses(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let excused = !reading.told(&["payment-conflict", "payment-unprocessable"]).is_empty();
    let mut by_operation: BTreeMap<&str, Vec<&Flow<'_>>> = BTreeMap::new();
    let opens = |flow: &&Flow<'_>| OPENING.iter().any(|(_, actions)| actions.contains(&flow.action));
    for flow in reading.flows.iter().filter(opens).filter(|flow| !flow.operation.is_empty()) {
        by_operation.entry(flow.operation).or_default().push(flow);
    }
    for flows in by_operation.into_values().filter(|flows| flows.len() > 1) {
        let mut sent = payments(reading);
        sent.retain(|pay| pay.flow.is_some_and(|flow| flow.operation == flows[0].operation));
        let named = flows[0].params.get("uin").and_then(Value::as_str).unwrap_or_default();
        let (plural, uin) = match sent.first() {
            Some(first) => (first.plural, first.uin.clone()),
            None if !named.is_empty() => ("payments", named.to_owned()),
            None => continue,
        };
        let entries = accepted(reading, (plural, &uin), reading.citizen_of_flow(flows[0]), &flows);
        let mut evidence: Vec<_> = flows.iter().map(|flow| flow.evidence()).collect();
        evidence.extend(entries.iter().cloned());
        // Two orders under two keys are two payments; that the portal stopped one of them is not the bank's merit.
        let of_it: Vec<&Pay<'_, '_>> = sent.iter().filter(|pay| pay.uin == uin).collect();
        if let Some(other) = of_it.iter().find(|pay| pay.key != of_it[0].key).filter(|_| !excused) {
            evidence.extend([line(of_it[0].exchange), line(other.exchange)]);
            check.wrong(
                format!("two presses sent two requests for {uin}, each under its own key"),
                format!("два нажатия отправили два запроса ({uin}), каждый со своим ключом"),
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
                format!("{uin} was taken {count} times by two presses"),
                format!("{uin}: двумя нажатиями принято {count} раза"),
                evidence,
            ),
        }
    }
    check.end(
        ("pay was not pressed twice", "двойных нажатий не было"),
        ("two presses, one payment", "два нажатия, одна оплата"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::finding::Verdict;
    use crate::testkit::*;

    #[test]
    fn any_uuid_is_a_key_and_nothing_shorter() {
        let paid = |key: &str| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
            scene.begin("debts.pay", ANNA, json!({"uin": "U1"}));
            let token = scene.data_token(ANNA, "c-1");
            scene.pay(ANNA, "U1", &token, key, &json!({"uin": "U1"}), 201);
            verdict("IDEM-01", &scene)
        };
        assert_eq!(paid("2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d"), Verdict::Pass);
        assert_eq!(paid("\"2c5ea4c0406711e98bad9b1deb4d3b7d\""), Verdict::Pass);
        assert_eq!(paid("00000000-0000-0000-0000-000000000000"), Verdict::Fail);
        assert_eq!(paid("2c5ea4c0-4067-11e9"), Verdict::Fail);
    }

    /// A transfer opened within a flow, once or twice, under these keys.
    fn transferred(keys: &[&str], amount: i64, opened: usize) -> Scene {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        scene.consent(ANNA, "c-1", &["transfers"], &["transfers"]);
        let flow = scene.begin("budget.transfer", ANNA, json!({"amount": 9_007_199_254_740_993_i64}));
        let token = scene.data_token(ANNA, "c-1");
        for (index, key) in keys.iter().enumerate() {
            let call = scene.call("POST", "/api/v1/transfers", &token, 201, &json!({"id": "t-1", "state": "sent"}));
            let body = json!({"person": ANNA, "purpose": "CREDIT", "amount": amount});
            let exchange = scene.wire(call);
            exchange.request.headers.push(("Idempotency-Key".to_owned(), (*key).to_owned()));
            exchange.request.body = contract::exchange::Body::Text(body.to_string());
            exchange.citizen = Some(ANNA);
            if index == 0 && keys.len() > 1 {
                scene.lie(call, "matter-answer-lost-once");
            }
            if index < opened {
                scene.journal(
                    "matter.opened",
                    Some(ANNA),
                    json!({"id": "t-1", "kind": "transfer", "state": "accepted"}),
                );
            }
        }
        let shown = json!({"transfer": {"id": "t-1", "state": "sent", "details": {"amount": amount}}});
        scene.report(&flow, contract::adapter::Outcome::Ok, None, shown);
        scene
    }

    const KEYS: [&str; 2] = ["2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d", "7d444840-9dc0-11d1-b245-5ffdce74fad2"];
    const LARGE: i64 = 9_007_199_254_740_993;

    #[test]
    fn what_opens_a_matter_is_repeated_under_its_key() {
        assert_eq!(verdict("IDEM-01", &transferred(&KEYS[..1], LARGE, 1)), Verdict::Pass);
        assert_eq!(verdict("IDEM-01", &transferred(&["short"], LARGE, 1)), Verdict::Fail);
        assert_eq!(verdict("IDEM-02", &transferred(&[KEYS[0], KEYS[0]], LARGE, 1)), Verdict::Pass);
        assert_eq!(verdict("IDEM-02", &transferred(&KEYS, LARGE, 2)), Verdict::Fail);
        assert_eq!(verdict("IDEM-04", &transferred(&[KEYS[0], KEYS[0]], LARGE, 1)), Verdict::Pass);
        assert_eq!(verdict("IDEM-04", &transferred(&KEYS, LARGE, 2)), Verdict::Fail);
    }

    #[test]
    fn an_amount_keeps_every_digit() {
        assert_eq!(verdict("IDEM-12", &transferred(&KEYS[..1], LARGE, 1)), Verdict::Pass);
        assert_eq!(verdict("IDEM-12", &transferred(&KEYS[..1], LARGE - 1, 1)), Verdict::Fail);
    }

    #[test]
    fn a_final_state_is_not_undone() {
        let play = |shown: &str, known: &str| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            for (index, state) in [known, "accepted"].into_iter().enumerate() {
                let hook = scene.hook(&format!("e-{index}"), "c-1", "granted", 204);
                let transfer = json!({"id": "t-1", "state": state});
                let body = json!({"id": format!("e-{index}"), "type": "transfer.changed", "transfer": transfer});
                scene.wire(hook).request.body = contract::exchange::Body::Text(body.to_string());
                if index == 1 {
                    scene.lie(hook, "status-out-of-order");
                }
            }
            let flow = scene.begin("budget.transfer", ANNA, json!({}));
            let values = json!({"transfer": {"id": "t-1", "state": shown}});
            scene.report(&flow, contract::adapter::Outcome::Ok, None, values);
            verdict("IDEM-10", &scene)
        };
        assert_eq!(play("returned", "returned"), Verdict::Pass);
        assert_eq!(play("accepted", "returned"), Verdict::Warning);
        assert_eq!(play("accepted", "sent"), Verdict::NotApplicable);
    }
}
