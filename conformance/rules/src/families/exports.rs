//! DATA of matters as shown: state, form, reason, and the same facts in every format and export.

use std::ops::RangeInclusive;

use contract::adapter::Outcome;
use contract::exchange::Body;
use contract::matter::MatterKind;
use serde_json::Value;

use super::matters::{SENT, flows, text};
use super::t;
use crate::finding::{Evidence, Judgement};
use crate::reading::check::Check;
use crate::reading::facts::{self, differences, disagreements};
use crate::reading::{Flow, Reading, line, wire};
use crate::rule::{Judge, Rule, Severity};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "DATA-29",
        slug: "order-state-skipped",
        requirements: &["CRT-1"],
        title: t("Состояние заказа показано таким, как сказал портал", "An order’s state is shown as the portal said"),
        judge: Judge::Duty(order_shown),
        ..SENT
    },
    Rule {
        id: "DATA-30",
        slug: "prefill-changed",
        requirements: &["APP-1", "APP-3"],
        title: t(
            "Заявление в банке — то же, что на портале: форма, вложения, состояние",
            "An application at the bank is that of the portal: form, attachments, state",
        ),
        judge: Judge::Duty(application_shown),
        ..SENT
    },
    Rule {
        id: "DATA-32",
        slug: "format-value-changed",
        requirements: &["API-4"],
        title: t(
            "Одни и те же сведения в любом формате показаны одинаково",
            "The same facts are shown alike in every format",
        ),
        looked_at: t(
            "Одно и то же действие для одного человека в JSON, XML, CSV, второй версии и СМЭВ: значения банка.",
            "One action for one person in JSON, XML, CSV, the second version and SMEV: the bank’s values.",
        ),
        why: t("Формат — обёртка; факты от неё не зависят.", "A format is a wrapper; facts do not depend on it."),
        advice: t(
            "Переводите каждый формат в одну внутреннюю запись.",
            "Bring every format to one record of your own.",
        ),
        judge: Judge::Duty(formats),
        ..SENT
    },
    Rule {
        id: "DATA-33",
        slug: "export-differs",
        requirements: &["PEN-2", "EST-1"],
        title: t("Выгрузка равна исходным сведениям", "An export equals its source"),
        why: t(
            "С этой бумагой человек идёт дальше; она должна говорить то же.",
            "People go on with this paper; it must say the same.",
        ),
        advice: t(
            "Делайте CSV и форму из ответа портала без округления; PDF отдавайте как получили.",
            "Make CSV and form from the portal’s answer without rounding; hand a PDF on as it came.",
        ),
        judge: Judge::Duty(export),
        ..SENT
    },
    Rule {
        id: "DATA-36",
        slug: "transfer-state-changed",
        requirements: &["PAY-1", "PAY-2", "PAY-3"],
        severity: Severity::Critical,
        title: t(
            "Переводы и выплаты показаны такими, как сказал портал",
            "Transfers and payouts are shown as the portal said",
        ),
        judge: Judge::Duty(money_shown),
        ..SENT
    },
    Rule {
        id: "DATA-38",
        slug: "reason-hidden",
        requirements: &["CRT-1", "APP-2", "DUT-1"],
        severity: Severity::Medium,
        title: t("Причина отказа показана человеку", "The reason of a refusal is shown to the person"),
        why: t("Без причины человек не знает, что исправить.", "Without a reason nobody knows what to mend."),
        advice: t("Покажите причину и совет из ответа портала.", "Show reason and advice of the portal’s answer."),
        judge: Judge::Duty(reason),
        ..SENT
    },
];

// ---- matters as shown ----

/// The cells of a table, whatever its separator.
fn cells(table: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for letter in table.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' | ';' | '\t' | '\n' | '\r' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    cells
        .into_iter()
        .map(|cell| cell.trim().trim_start_matches('\'').to_owned())
        .filter(|cell| !cell.is_empty())
        .collect()
}

/// Whether a value stands in the cells: as it is, or kopecks as roubles.
fn stands(cells: &[String], leaf: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|c| *c != '"').collect::<String>();
    let roubles = leaf.parse::<i64>().ok().map(|kopecks| {
        let sign = if kopecks < 0 { "-" } else { "" };
        format!("{sign}{}.{:02}", kopecks.unsigned_abs() / 100, kopecks.unsigned_abs() % 100)
    });
    let wanted = plain(leaf);
    cells.iter().any(|cell| {
        *cell == wanted || roubles.as_ref().is_some_and(|roubles| cell == roubles || cell.replace(',', ".") == *roubles)
    })
}

fn matter_shown(reading: &Reading<'_>, pairs: &[(MatterKind, &str)], said: [(&str, &str); 2]) -> Judgement {
    let mut check = Check::new();
    let [nothing, fine] = said;
    for (kind, member) in pairs {
        for shown in reading.matters_shown(*kind, member) {
            let Some(last) = shown.told.last() else {
                // Where every answer about it was a lie, others judge what became of the lie.
                let id = shown.shown["id"].as_str().unwrap_or("-");
                let lied = |call: &&crate::reading::DataCall<'_>| {
                    !call.exchange.faults.is_empty() && call.exchange.request.url.contains(id)
                };
                if reading.data_calls.iter().any(|call| lied(&call)) {
                    continue;
                }
                check.saw(shown.flow.evidence());
                check.wrong(
                    format!("{member} {} is shown, and the portal said nothing of it", shown.shown["id"]),
                    format!("{member} {} показано, хотя портал о нём не говорил", shown.shown["id"]),
                    vec![shown.flow.evidence()],
                );
                continue;
            };
            check.saw(line(last.call.exchange));
            let mut found = Vec::new();
            differences("", &last.matter, shown.shown, &mut found);
            // A notice may have told of a newer state than the last answer.
            let since = last.call.exchange.started_us..=shown.flow.end_us;
            found.retain(|(place, _, seen)| {
                place != "/state" || !noticed(reading, *kind, &shown.shown["id"], seen, &since)
            });
            for (place, wanted, seen) in found {
                check.wrong(
                    format!("{member}{place}: shown {seen}, served {wanted}"),
                    format!("{member}{place}: показано {seen}, отдано {wanted}"),
                    vec![line(last.call.exchange), shown.flow.evidence()],
                );
            }
        }
    }
    check.end(nothing, fine)
}

/// Whether a good notice told of this state of the matter within this time.
fn noticed(reading: &Reading<'_>, kind: MatterKind, id: &Value, state: &str, within: &RangeInclusive<i64>) -> bool {
    reading.hooks.iter().any(|hook| {
        let told = hook.body.get(kind.as_str());
        within.contains(&hook.exchange.started_us)
            && hook.exchange.faults.is_empty()
            && wire::status(hook.exchange) / 100 == 2
            && told.is_some_and(|told| told.get("id") == Some(id) && text(told, "state") == state)
    })
}

fn order_shown(reading: &Reading<'_>) -> Judgement {
    let said = [
        ("no order was shown", "заказы не показывались"),
        ("orders are shown as the portal said", "заказы показаны так, как сказал портал"),
    ];
    matter_shown(reading, &[(MatterKind::Order, "order")], said)
}

fn application_shown(reading: &Reading<'_>) -> Judgement {
    let said = [
        ("no application was shown", "заявления не показывались"),
        ("applications are those of the portal", "заявления те же, что на портале"),
    ];
    matter_shown(reading, &[(MatterKind::Application, "application")], said)
}

fn money_shown(reading: &Reading<'_>) -> Judgement {
    let said = [
        ("no transfer or payout was shown", "переводы и выплаты не показывались"),
        ("transfers and payouts are shown as the portal said", "переводы и выплаты показаны так, как сказал портал"),
    ];
    matter_shown(reading, &[(MatterKind::Transfer, "transfer"), (MatterKind::Payout, "payout")], said)
}

fn reason(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let members = [
        (MatterKind::Application, "application"),
        (MatterKind::Intake, "intake"),
        (MatterKind::Order, "order"),
        (MatterKind::Payout, "payout"),
        (MatterKind::TaxReturn, "tax_return"),
        (MatterKind::Transfer, "transfer"),
    ];
    for (kind, member) in members {
        for shown in reading.matters_shown(kind, member) {
            let Some(last) = shown.told.last() else { continue };
            let Some(wanted) = last.matter.get("reason").filter(|reason| reason.is_object()) else { continue };
            check.saw(line(last.call.exchange));
            if !shown.shown.get("reason").is_some_and(|shown| gives(wanted, shown)) {
                check.wrong(
                    format!("{member}: the portal gave the reason {}, the bank shows none or another", wanted["code"]),
                    format!(
                        "{member}: портал назвал причину {}, банк её не показал или показал другую",
                        wanted["code"]
                    ),
                    vec![line(last.call.exchange), shown.flow.evidence()],
                );
            }
        }
    }
    check.end(
        ("nothing was turned down", "отказов не было"),
        ("every reason is shown as the portal gave it", "каждая причина показана так, как её назвал портал"),
    )
}

/// A reason in the portal's words: the whole, a part of it, or one of its texts.
fn gives(wanted: &Value, shown: &Value) -> bool {
    match shown {
        Value::Object(members) => {
            let mut found = Vec::new();
            differences("", wanted, shown, &mut found);
            !members.is_empty() && found.is_empty()
        }
        Value::String(text) => !text.is_empty() && wire::leaves(wanted).contains(text),
        _ => false,
    }
}

// ---- formats, exports ----

fn formats(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    // Values that nobody asked the portal for agree with each other at no cost.
    let called = |flow: &&Flow<'_>| {
        reading.by_bank().any(|exchange| (flow.start_us..=flow.end_us).contains(&exchange.started_us))
    };
    let ended: Vec<&Flow<'_>> =
        reading.flows.iter().filter(|flow| flow.outcome() == Some(Outcome::Ok)).filter(called).collect();
    let plain = |flow: &Flow<'_>| {
        let mut params = flow.params.clone();
        if let Some(params) = params.as_object_mut() {
            params.remove("channel");
        }
        params
    };
    let channel = |flow: &Flow<'_>| flow.params.get("channel").and_then(Value::as_str).unwrap_or("json").to_owned();
    for (at, one) in ended.iter().enumerate() {
        for other in &ended[at + 1..] {
            let same = one.action == other.action
                && reading.citizen_of_flow(one).is_some()
                && reading.citizen_of_flow(one) == reading.citizen_of_flow(other)
                && plain(one) == plain(other)
                && channel(one) != channel(other);
            if !same {
                continue;
            }
            check.saw(other.evidence());
            for (place, wanted, seen) in disagreements(reading, one, other) {
                check.wrong(
                    format!("{} {place}: {seen} by {}, {wanted} by {}", one.action, channel(other), channel(one)),
                    format!("{} {place}: {seen} в {}, {wanted} в {}", one.action, channel(other), channel(one)),
                    vec![one.evidence(), other.evidence()],
                );
            }
        }
    }
    check.end(
        ("nothing was read in two formats", "одно и то же в двух форматах не читалось"),
        ("the values are the same in every format", "значения во всех форматах одни и те же"),
    )
}

fn export(reading: &Reading<'_>) -> Judgement {
    use sha2::{Digest, Sha256};
    let mut check = Check::new();
    let exports = [("estate.export", "estate"), ("pension.export", "pension")];
    for (action, name) in exports {
        let Some(service) = facts::service(name) else { continue };
        for flow in flows(reading, action) {
            let Some(document) = flow.value("document") else { continue };
            let bytes = wire::base64(text(document, "content")).unwrap_or_default();
            check.saw(flow.evidence());
            if hex::encode(Sha256::digest(&bytes)) != text(document, "sha256") {
                check.wrong(
                    "the document’s digest is not that of its bytes",
                    "дайджест документа не от его байтов",
                    vec![flow.evidence()],
                );
            }
            let served = facts::served(reading, flow, service);
            if served.is_none() && text(document, "media_type") != "application/pdf" {
                check.unproved(
                    "there is no answer of the portal to hold the export against",
                    "нет ответа портала, с которым сравнить выгрузку",
                    vec![flow.evidence()],
                );
            }
            if let Some((calls, facts)) = &served {
                let mut evidence: Vec<Evidence> = calls.iter().map(|call| line(call.exchange)).collect();
                evidence.push(flow.evidence());
                let mut found = Vec::new();
                if text(document, "media_type").starts_with("text/csv") {
                    let table = String::from_utf8_lossy(&bytes).into_owned();
                    let media_type = Some("text/csv");
                    match facts::decoded(&table, media_type, contract::shape::Version::V1, service) {
                        Some(exported) => differences("", facts, &exported, &mut found),
                        // A table of the bank's own making: every value served must stand in it.
                        None => {
                            let cells = cells(&table);
                            let lost = wire::leaves(facts).into_iter().find(|leaf| !stands(&cells, leaf));
                            found.extend(lost.map(|leaf| (String::new(), leaf, "a table without it".to_owned())));
                        }
                    }
                }
                if let Some(Value::Object(form)) = flow.value("form") {
                    for (member, value) in form.iter().filter(|(member, _)| facts.get(member.as_str()).is_some()) {
                        differences(&format!("/form/{member}"), &facts[member.as_str()], value, &mut found);
                    }
                }
                for (place, wanted, seen) in found {
                    check.wrong(
                        format!("{action} {place}: exported {seen}, served {wanted}"),
                        format!("{action} {place}: выгружено {seen}, отдано {wanted}"),
                        evidence.clone(),
                    );
                }
            }
            if text(document, "media_type") == "application/pdf" {
                let of_portal =
                    reading.exchanges.iter().any(|exchange| match exchange.response.as_ref().map(|r| &r.body) {
                        Some(Body::Base64(served)) => wire::base64(served).is_some_and(|served| served == bytes),
                        _ => false,
                    });
                if !of_portal {
                    check.wrong(
                        "the PDF is not the one that the portal issued",
                        "PDF — не тот, что выдал портал",
                        vec![flow.evidence()],
                    );
                }
            }
        }
    }
    check.end(
        ("nothing was exported", "выгрузок не было"),
        ("exports equal their source", "выгрузки равны исходным сведениям"),
    )
}
