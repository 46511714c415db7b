//! DATA of what the bank makes of facts: loan decisions, insurance and other offers, the wallet, the tax return. Every
//! result is traceable to what the portal served, and to a purpose that allows it.

use std::collections::BTreeMap;

use contract::consent::{self, Group};
use contract::journal::kinds;
use serde_json::Value;

use super::matters::{SENT, calls_of, flows, kopecks, list, text, total};
use super::t;
use crate::finding::{Evidence, Judgement};
use crate::reading::check::Check;
use crate::reading::facts::{self, differences};
use crate::reading::{DataCall, Reading, line, wire};
use crate::rule::{Judge, Rule, Severity};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "DATA-21",
        slug: "loan-untraceable",
        requirements: &["LON-1"],
        title: t(
            "Решение по займу выводится из полученных сведений",
            "A loan decision is traceable to the facts that were served",
        ),
        why: t(
            "Отказ без следа нельзя ни объяснить, ни обжаловать (152-ФЗ, ст. 16).",
            "A refusal without a trace can neither be explained nor contested (152-FZ art. 16).",
        ),
        clauses: &["152-FZ art. 16", "portal protocol: /api"],
        advice: t(
            "Назовите факты решения указателями в ответ портала, с их значениями.",
            "Name the facts of the decision by pointers into the portal’s answer, with their values.",
        ),
        judge: Judge::Duty(loan),
        ..SENT
    },
    Rule {
        id: "DATA-57",
        slug: "loan-decided-on-unconsented",
        requirements: &["LON-1", "CNS-8"],
        title: t("Для займа читаются только сведения о доходе", "Only the income is read for a loan"),
        why: t("Лишние сведения — сверх цели согласия.", "More data than needed exceed the purpose of the consent."),
        clauses: &["152-FZ art. 5(5)"],
        advice: t("Не запрашивайте других услуг в этом решении.", "Ask for no other service in this decision."),
        judge: Judge::Duty(loan_alone),
        ..SENT
    },
    Rule {
        id: "DATA-23",
        slug: "wallet-not-converged",
        requirements: &["WAL-1"],
        title: t(
            "Кошелёк сходится с лентой субсидий: остаток и все записи",
            "The wallet converges with the feed of subsidies: balance and every entry",
        ),
        why: t("Пропущенная запись — пропавшие деньги семьи.", "A lost entry is a family’s lost money."),
        advice: t(
            "Ведите ленту по номерам; при пропуске перечитайте с последнего полученного.",
            "Follow the feed by number; on a gap read again from the last one held.",
        ),
        judge: Judge::Duty(wallet),
        ..SENT
    },
    Rule {
        id: "DATA-24",
        slug: "insurance-fact-changed",
        requirements: &["INS-1"],
        title: t(
            "Страховое предложение опирается на полученные сведения",
            "An insurance offer rests on the facts that were served",
        ),
        advice: t(
            "Берите мощность, площадь и даты из ответа портала.",
            "Take power, area and dates from the portal’s answer.",
        ),
        judge: Judge::Duty(insurance),
        ..SENT
    },
    Rule {
        id: "DATA-25",
        slug: "tax-totals-differ",
        requirements: &["TAX-1"],
        severity: Severity::Critical,
        title: t(
            "Декларация сходится с данными портала и сама с собой",
            "A tax return agrees with the portal’s data and with itself",
        ),
        clauses: &["НК РФ art. 52, 80", "portal protocol: /api"],
        why: t("Неверная сумма — недоимка или переплата человека.", "A wrong sum is a person’s arrears or loss."),
        advice: t(
            "Доход — сумма источников; налог — 13 % от дохода без вычетов, в полных рублях.",
            "Income is the sum of its sources; tax is 13 % of income less deductions, in whole roubles.",
        ),
        judge: Judge::Duty(tax),
        ..SENT
    },
    Rule {
        id: "DATA-28",
        slug: "offer-without-marketing-consent",
        requirements: &["OFR-1"],
        title: t("Предложения — только по согласию на маркетинг", "Offers are made only under a marketing consent"),
        clauses: &["38-FZ art. 18", "152-FZ art. 15"],
        why: t(
            "Реклама без предварительного согласия запрещена.",
            "Advertising without consent given before is forbidden.",
        ),
        advice: t(
            "Назовите цель предложений и имейте на неё согласие.",
            "Name the purpose of offers, and hold a consent for it.",
        ),
        judge: Judge::Duty(marketing),
        ..SENT
    },
    Rule {
        id: "DATA-55",
        slug: "offer-after-opt-out",
        requirements: &["OFR-1"],
        title: t("После отказа от рекламы предложений нет", "No offer follows an opt-out"),
        clauses: &["38-FZ art. 18"],
        why: t("Отказ человека действует сразу.", "A person’s no holds at once."),
        advice: t(
            "Ответ marketing-declined запоминается: больше не предлагать.",
            "Remember `marketing-declined`: offer nothing more.",
        ),
        judge: Judge::Duty(opted_out),
        ..SENT
    },
    Rule {
        id: "DATA-42",
        slug: "purpose-limit-ignored",
        requirements: &["INS-1", "CNS-4"],
        title: t(
            "Сведения для страхования — только со страховой целью",
            "Insurance data are read only for an insurance purpose",
        ),
        clauses: &["152-FZ art. 5(2)"],
        why: t("Цель согласия — его граница.", "The purpose of a consent is its bound."),
        advice: t("Попросите согласие со страховой целью.", "Ask for a consent with an insurance purpose."),
        judge: Judge::Duty(purpose),
        ..SENT
    },
];

// ---- loans, insurance, wallet ----

/// `[{at, value}]` against the facts: every place holds what is claimed of it.
fn traced(facts: &Value, claims: &[Value], check: &mut Check, evidence: &[Evidence]) {
    for claim in claims {
        let at = text(claim, "at");
        let (served, claimed) = (facts.pointer(at), claim.get("value"));
        if served.is_none() || served != claimed {
            let show = |value: Option<&Value>| value.map_or_else(|| "-".to_owned(), ToString::to_string);
            check.wrong(
                format!("the fact {at} is given as {}, served was {}", show(claimed), show(served)),
                format!("факт {at} назван {}, отдано {}", show(claimed), show(served)),
                evidence.to_vec(),
            );
        }
    }
}

fn loan(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let Some(income) = facts::service("income") else { return check.end(NO_LOAN, NO_LOAN) };
    for flow in flows(reading, "loan.decide") {
        let Some((calls, facts)) = facts::served(reading, flow, income) else { continue };
        let mut evidence: Vec<Evidence> = calls.iter().map(|call| line(call.exchange)).collect();
        evidence.push(flow.evidence());
        check.saw(flow.evidence());
        match flow.value("based_on").and_then(Value::as_array).filter(|facts| !facts.is_empty()) {
            Some(claims) => traced(&facts, claims, &mut check, &evidence),
            None => check.wrong("the decision names no fact", "решение не называет ни одного факта", evidence),
        }
    }
    check.end(NO_LOAN, ("every fact of the decision is one that was served", "каждый факт решения был отдан порталом"))
}

const NO_LOAN: (&str, &str) = ("no loan was decided", "решений по займам не было");

fn loan_alone(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in flows(reading, "loan.decide") {
        // A decision without a reading says nothing of what was read.
        if calls_of(reading, flow).next().is_some() {
            check.saw(flow.evidence());
        }
        let other = calls_of(reading, flow).find(|call| {
            let name = call.place().map(|(_, name)| name).unwrap_or("answers");
            !["answers", "consents", "income"].contains(&name) && call.area == crate::reading::Area::Service
        });
        if let Some(call) = other {
            check.wrong(
                format!("{} was read for a loan decision", call.path),
                format!("для решения по займу прочитано {}", call.path),
                vec![line(call.exchange), flow.evidence()],
            );
        }
    }
    check.end(NO_LOAN, ("nothing but the income was read", "кроме дохода, ничего не прочитано"))
}

fn insurance(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let nothing = ("no insurance was offered", "страховых предложений не было");
    let Some(service) = facts::service("insurance") else { return check.end(nothing, nothing) };
    for flow in flows(reading, "insurance.offer") {
        let Some((calls, facts)) = facts::served(reading, flow, service) else { continue };
        let mut evidence: Vec<Evidence> = calls.iter().map(|call| line(call.exchange)).collect();
        evidence.push(flow.evidence());
        for offer in flow.value("offers").and_then(Value::as_array).into_iter().flatten() {
            check.saw(flow.evidence());
            match offer.get("based_on").and_then(Value::as_array).filter(|facts| !facts.is_empty()) {
                Some(claims) => traced(&facts, claims, &mut check, &evidence),
                None => check.wrong("an offer names no fact", "предложение не называет факта", evidence.clone()),
            }
        }
    }
    check.end(nothing, ("every offer rests on served facts", "каждое предложение опирается на отданные сведения"))
}

fn wallet(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let nothing = ("no wallet was synced", "кошелёк не сверялся");
    let Some(service) = facts::service("subsidies") else { return check.end(nothing, nothing) };
    for flow in flows(reading, "wallet.sync") {
        let Some(oid) = reading.citizen_of_flow(flow) else { continue };
        // All that honest answers told of this feed so far, by number, and the last word on the whole.
        let mut known: BTreeMap<i64, Value> = BTreeMap::new();
        let mut last: Option<(&DataCall<'_>, Value)> = None;
        let read = reading.data_calls.iter().filter(|call| {
            call.factual()
                && reading.whom(call) == Some(oid)
                && call.exchange.started_us <= flow.end_us
                && reading.is_of(call, "subsidies")
        });
        for (call, facts) in read.filter_map(|call| Some((call, call.facts(service)?))) {
            for entry in facts.get("entries").and_then(Value::as_array).into_iter().flatten() {
                known.insert(kopecks(entry.get("sequence")), entry.clone());
            }
            last = Some((call, facts));
        }
        let fresh = last.filter(|(call, _)| call.exchange.started_us >= flow.start_us);
        // Read by another channel, or not at all: nothing to hold the wallet against.
        let Some((call, facts)) = fresh else { continue };
        check.saw(line(call.exchange));
        let evidence = vec![line(call.exchange), flow.evidence()];
        for member in ["balance", "sequence"] {
            let (wanted, seen) = (facts.get(member), flow.value(member));
            if wanted != seen {
                let show = |value: Option<&Value>| value.map_or_else(|| "-".to_owned(), ToString::to_string);
                check.wrong(
                    format!("{member}: the wallet holds {}, the portal said {}", show(seen), show(wanted)),
                    format!("{member}: в кошельке {}, портал сказал {}", show(seen), show(wanted)),
                    evidence.clone(),
                );
            }
        }
        let held = flow.value("entries").and_then(Value::as_array).cloned().unwrap_or_default();
        let numbers: Vec<i64> = held.iter().map(|entry| kopecks(entry.get("sequence"))).collect();
        let whole = kopecks(facts.get("sequence"));
        if !numbers.iter().copied().eq((1..=whole).take(numbers.len() + 1)) {
            check.wrong(
                format!("the wallet holds {} entries of {whole}, or not in order", numbers.len()),
                format!("в кошельке {} записей из {whole}, или не по порядку", numbers.len()),
                evidence.clone(),
            );
        }
        for entry in &held {
            let Some(original) = known.get(&kopecks(entry.get("sequence"))) else { continue };
            let mut found = Vec::new();
            differences("", original, entry, &mut found);
            for (place, wanted, seen) in found {
                check.wrong(
                    format!("entry {}{place}: {seen}, served {wanted}", entry["sequence"]),
                    format!("запись {}{place}: {seen}, отдано {wanted}", entry["sequence"]),
                    evidence.clone(),
                );
            }
        }
    }
    check.end(nothing, ("balance and entries are those of the feed", "остаток и записи совпадают с лентой"))
}

// ---- tax, offers ----

fn tax(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let nothing = ("no tax return was filed", "деклараций не подавали");
    let Some(service) = facts::service("tax") else { return check.end(nothing, nothing) };
    for flow in flows(reading, "tax.file") {
        let Some((_, prefill)) = facts::served(reading, flow, service) else { continue };
        let filed = calls_of(reading, flow).filter(|call| {
            call.exchange.request.method == "POST" && call.place().is_some_and(|(_, name)| name == "returns")
        });
        let Some((call, body)) = filed.filter_map(|call| Some((call, call.body()?))).last() else { continue };
        let evidence = vec![line(call.exchange), flow.evidence()];
        check.saw(line(call.exchange));
        let income = kopecks(body.get("income_total"));
        let sum = |value: &Value, name: &str| total(list(value, name).iter().map(|row| kopecks(row.get("amount"))));
        let (sources, deductions) = (sum(&prefill, "sources"), sum(&body, "deductions"));
        // What was withheld less what comes back is the tax due; nothing comes back where nothing was deducted.
        let due = kopecks(prefill.get("tax_withheld")).saturating_sub(kopecks(prefill.get("refund")));
        let pairs = [
            ("income_total", income, kopecks(prefill.get("income_total"))),
            ("income_total", income, sources),
            ("deductions", deductions, sum(&prefill, "deductions")),
            ("tax", kopecks(body.get("tax")), due),
        ];
        for (member, seen, wanted) in pairs.into_iter().filter(|(_, seen, wanted)| seen != wanted) {
            check.wrong(
                format!("{member}: filed {seen}, the facts give {wanted} kopecks"),
                format!("{member}: подано {seen}, по сведениям {wanted} копеек"),
                evidence.clone(),
            );
        }
    }
    check.end(nothing, ("income, deductions and tax agree", "доход, вычеты и налог сходятся"))
}

/// The purpose that a call names, in its address or its body.
fn purpose_of(call: &DataCall<'_>) -> String {
    let named = wire::first(&call.params, "purpose").map(str::to_owned);
    named.or_else(|| Some(call.body()?.get("purpose")?.as_str()?.to_owned())).unwrap_or_default()
}

fn limited(reading: &Reading<'_>, service: &str, group: Group, said: [(&str, &str); 2]) -> Judgement {
    let mut check = Check::new();
    let [nothing, fine] = said;
    for call in reading.data_calls.iter().filter(|call| call.place().is_some_and(|(_, name)| name == service)) {
        check.saw(line(call.exchange));
        let purpose = purpose_of(call);
        let fits = consent::purpose(&purpose).is_some_and(|kind| kind.group == group);
        let of_consent = reading.consent_of(call).and_then(|id| purposes(reading, id));
        if !fits || of_consent.is_some_and(|purposes| !purposes.contains(&purpose)) {
            check.wrong(
                format!("{} was called for the purpose {purpose}", call.path),
                format!("{} запрошено с целью {purpose}", call.path),
                vec![line(call.exchange)],
            );
        }
    }
    check.end(nothing, fine)
}

fn purposes(reading: &Reading<'_>, consent: &str) -> Option<Vec<String>> {
    let entries = reading.entries(kinds::CONSENT_REQUESTED);
    let entry = entries.iter().find(|entry| text(&entry.data, "id") == consent)?;
    let named = entry.data.get("purposes")?.as_array()?;
    Some(named.iter().filter_map(|purpose| purpose.as_str().map(str::to_owned)).collect())
}

fn marketing(reading: &Reading<'_>) -> Judgement {
    let said = [
        ("no offers were made", "предложений не было"),
        ("every offer has a marketing purpose", "у каждого предложения маркетинговая цель"),
    ];
    limited(reading, "offers", Group::Services, said)
}

fn purpose(reading: &Reading<'_>) -> Judgement {
    let said = [
        ("no insurance data were read", "сведения для страхования не читались"),
        ("every reading has an insurance purpose", "у каждого чтения страховая цель"),
    ];
    limited(reading, "insurance", Group::Insurance, said)
}

fn opted_out(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let offers: Vec<&DataCall<'_>> =
        reading.data_calls.iter().filter(|call| call.place().is_some_and(|(_, name)| name == "offers")).collect();
    for declined in offers.iter().filter(|call| wire::status(call.exchange) == 403) {
        let code = wire::answer_json(declined.exchange).unwrap_or_default();
        if text(&code, "code") != "marketing-declined" {
            continue;
        }
        check.saw(line(declined.exchange));
        // Asking once more whether offers are wanted now is no offer.
        let again = offers.iter().find(|call| {
            call.exchange.request.method == "POST"
                && call.exchange.started_us > declined.exchange.ended_us
                && reading.whom(call) == reading.whom(declined)
        });
        if let Some(again) = again {
            check.wrong(
                "the person declined advertising, and the bank made an offer",
                "человек отказался от рекламы, а банк сделал предложение",
                vec![line(declined.exchange), line(again.exchange)],
            );
        }
    }
    check.end(
        ("nobody declined advertising", "никто не отказывался от рекламы"),
        ("nothing followed the no", "после отказа обращений не было"),
    )
}
