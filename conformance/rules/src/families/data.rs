//! DATA: what the bank shows equals what the portal served: sums, kinds, dates, bounds of the period.
//! The clauses are the requirements' own words: carrying state data over unaltered (152-FZ art. 5(6): accurate data).

use std::collections::BTreeMap;

use contract::adapter::Outcome;
use contract::journal::kinds;
use serde_json::Value;

use super::{ROW, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::facts::service;
use crate::reading::{Area, DataCall, Flow, Reading, line, noted, wire};
use crate::rule::{Judge, Rule, Severity};

const ACCURATE: &[&str] = &["152-FZ art. 5(6)", "portal protocol: /api/v1"];
const DEBTS: Rule = Rule {
    requirements: &["DEB-1"],
    clauses: ACCURATE,
    looked_at: t(
        "Последний честный ответ портала со списком долгов (все страницы) против того, что банк показал.",
        "The portal’s last honest list of debts (all pages) against what the bank shows.",
    ),
    why: t(
        "По этим данным человек платит; любая неточность — чужие деньги.",
        "People pay by these data; any deviation is somebody’s money.",
    ),
    advice: t(
        "Переносите значения как есть, не пересчитывая и не округляя.",
        "Carry values over as they are, without recomputing or rounding.",
    ),
    ..ROW
};
const PENSION: Rule = Rule {
    requirements: &["PEN-1"],
    looked_at: t(
        "Ответ портала по пенсионному счёту против того, что банк показал.",
        "The portal’s pension answer against what the bank shows.",
    ),
    why: t("Человек планирует жизнь по этим цифрам.", "People plan their lives by these numbers."),
    ..DEBTS
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "DATA-01",
        slug: "totals-differ",
        title: t("Итоги равны отданным и сумме показанных строк", "Totals equal those served and the sum of the items"),
        judge: Judge::Duty(totals),
        ..DEBTS
    },
    Rule {
        id: "DATA-02",
        slug: "debt-kind-changed",
        severity: Severity::Medium,
        title: t("Вид долга не изменён", "The kind of a debt is unchanged"),
        judge: Judge::Duty(kind),
        ..DEBTS
    },
    Rule {
        id: "DATA-03",
        slug: "amount-changed",
        severity: Severity::Critical,
        title: t("Сумма долга и скидка не изменены", "Amount and discount of a debt are unchanged"),
        judge: Judge::Duty(amount),
        ..DEBTS
    },
    Rule {
        id: "DATA-04",
        slug: "date-changed",
        severity: Severity::Medium,
        title: t("Срок оплаты не изменён", "The due date of a debt is unchanged"),
        judge: Judge::Duty(date),
        ..DEBTS
    },
    Rule {
        id: "DATA-05",
        slug: "profile-changed",
        requirements: &["IDN-1", "CNS-4"],
        title: t("Профиль показан так, как отдан", "The profile is shown as served"),
        looked_at: t(
            "Ответы портала о человеке против полей профиля, показанных банком.",
            "The portal’s answers about the person against the profile fields shown.",
        ),
        why: t(
            "Ошибка в имени или дате рождения — это другой человек.",
            "A wrong name or birth date is another person.",
        ),
        advice: t(
            "Переносите поля по одному, дату переводите без часового пояса.",
            "Carry fields over one by one; convert dates without a zone.",
        ),
        judge: Judge::Duty(profile),
        ..DEBTS
    },
    Rule {
        id: "DATA-06",
        slug: "pension-changed",
        title: t("Пенсионные данные показаны так, как отданы", "Pension data are shown as served"),
        judge: Judge::Duty(pension),
        ..PENSION
    },
    Rule {
        id: "DATA-07",
        slug: "period-bounds-changed",
        severity: Severity::Medium,
        title: t("Период запрошен и показан в заданных границах", "The period is asked and shown within its bounds"),
        advice: t(
            "Передавайте from и to без сдвига и не показывайте операций вне периода.",
            "Pass from and to unshifted and show no operation outside the period.",
        ),
        judge: Judge::Duty(period),
        ..PENSION
    },
    Rule {
        id: "DATA-08",
        slug: "debt-left-out",
        title: t("Показаны все долги, и только они", "All debts are shown, and no others"),
        advice: t("Читайте все страницы до отсутствия next.", "Read every page until there is no next."),
        judge: Judge::Duty(complete),
        ..DEBTS
    },
    Rule {
        id: "DATA-09",
        slug: "payment-state-changed",
        requirements: &["DEB-2"],
        title: t("Оплата показана так, как её подтвердил портал", "A payment is shown as the portal confirmed it"),
        looked_at: t(
            "Ответ портала об оплате против того, что банк показал.",
            "The portal’s payment answer against what the bank shows.",
        ),
        judge: Judge::Duty(payment),
        ..DEBTS
    },
    Rule {
        id: "DATA-10",
        slug: "overdue-credit-not-fed",
        title: t("Просроченный кредит банка передан порталу точно", "The bank’s overdue credit is fed exactly"),
        looked_at: t(
            "Поручение передать долг против запроса банка и журнала портала.",
            "What was to be fed against the bank’s request and the portal’s journal.",
        ),
        why: t(
            "Обмен двусторонний: человек видит на портале и долг банку.",
            "The exchange runs both ways: the person sees the bank’s credit at the portal as well.",
        ),
        advice: t(
            "Отправьте долг с его номером, суммой в копейках и датой.",
            "Send the debt with its number, amount in kopecks and date.",
        ),
        judge: Judge::Duty(fed),
        ..DEBTS
    },
];

/// Whether the facts came over the message exchange, where no answer of the services is to be held against them.
fn by_exchange(flow: &Flow<'_>) -> bool {
    flow.params.get("channel").and_then(Value::as_str) == Some("soap")
}

/// The last complete reading of a person's debts before a flow's end: the items by UIN, and the totals.
struct Debts<'r, 'a> {
    items: BTreeMap<String, Value>,
    totals: Value,
    /// The last page that was read names a next one.
    goes_on: bool,
    pages: Vec<&'r DataCall<'a>>,
}

fn debts_served<'r, 'a>(reading: &'r Reading<'a>, flow: &Flow<'_>) -> Option<Debts<'r, 'a>> {
    let oid = reading.citizen_of_flow(flow).filter(|_| !by_exchange(flow))?;
    let debts = service("debts")?;
    let calls: Vec<(&DataCall<'a>, Value)> = reading
        .data_calls
        .iter()
        .filter(|call| reading.is_of(call, debts.name) && call.exchange.request.method == "GET")
        .filter(|call| reading.whom(call) == Some(oid) && call.exchange.started_us <= flow.end_us)
        .filter(|call| call.factual())
        .filter_map(|call| Some((call, call.facts(debts)?)))
        .collect();
    let first = calls.iter().rposition(|(call, _)| wire::first(&call.params, "cursor").is_none())?;
    let pages = &calls[first..];
    let mut items = BTreeMap::new();
    for (_, page) in pages {
        for item in page.get("items")?.as_array()? {
            items.insert(item.get("uin")?.as_str()?.to_owned(), item.clone());
        }
    }
    let totals = pages.first()?.1.get("totals").cloned().unwrap_or(Value::Null);
    let goes_on = pages.last()?.1.get("next").is_some_and(Value::is_string);
    Some(Debts { items, totals, goes_on, pages: pages.iter().map(|(call, _)| *call).collect() })
}

fn shown(flow: &Flow<'_>) -> Option<BTreeMap<String, Value>> {
    let items = flow.value("items")?.as_array()?;
    let uin = |item: &Value| item.get("uin").and_then(Value::as_str).unwrap_or("-").to_owned();
    Some(items.iter().map(|item| (uin(item), item.clone())).collect())
}

fn debt_flows<'r, 'a>(reading: &'r Reading<'a>) -> impl Iterator<Item = (&'r Flow<'a>, Debts<'r, 'a>)> {
    reading
        .flows
        .iter()
        .filter(|flow| flow.action == "debts.list" && flow.outcome() == Some(Outcome::Ok))
        .filter_map(|flow| Some((flow, debts_served(reading, flow)?)))
}

const NO_DEBTS: (&str, &str) = ("no debts were served and shown", "долги не отдавались или не показывались");

/// A field that differs: its name, as shown, as served.
type Differs = (&'static str, String, String);

fn per_item(reading: &Reading<'_>, fine: (&str, &str), same: fn(&Value, &Value) -> Result<(), Differs>) -> Judgement {
    let mut check = Check::new();
    for (flow, served) in debt_flows(reading) {
        let Some(shown) = shown(flow) else { continue };
        for (uin, item) in &shown {
            let Some(original) = served.items.get(uin) else { continue };
            if let Some(page) = served.pages.first() {
                check.saw(line(page.exchange));
            }
            if let Err((field, seen, wanted)) = same(original, item) {
                let mut evidence: Vec<_> = served.pages.iter().map(|page| line(page.exchange)).collect();
                evidence.push(flow.evidence());
                check.wrong(
                    format!("debt {uin}: {field} shown {seen}, served {wanted}"),
                    format!("долг {uin}: {field} показано {seen}, отдано {wanted}"),
                    evidence,
                );
            }
        }
    }
    check.end(NO_DEBTS, fine)
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn equal(field: &'static str, served: &Value, shown: &Value) -> Result<(), Differs> {
    let (wanted, seen) = (text(served.get(field)), text(shown.get(field)));
    if wanted == seen { Ok(()) } else { Err((field, seen, wanted)) }
}

fn kind(reading: &Reading<'_>) -> Judgement {
    per_item(
        reading,
        ("kinds are shown as served", "виды долгов показаны как отданы"),
        |served, shown| equal("kind", served, shown),
    )
}

fn amount(reading: &Reading<'_>) -> Judgement {
    per_item(
        reading,
        ("amounts are shown as served", "суммы показаны как отданы"),
        |served, shown| {
            equal("amount", served, shown)?;
            let sum = |value: Option<&Value>| match value {
                Some(Value::Object(discount)) => text(discount.get("amount")),
                other => text(other),
            };
            // The field is optional at the bank; what it shows must be right.
            if shown.get("discount").is_none_or(Value::is_null) {
                return Ok(());
            }
            let (wanted, seen) = (sum(served.get("discount")), sum(shown.get("discount")));
            if wanted == seen { Ok(()) } else { Err(("discount", seen, wanted)) }
        },
    )
}

fn date(reading: &Reading<'_>) -> Judgement {
    per_item(
        reading,
        ("due dates are shown as served", "сроки показаны как отданы"),
        |served, shown| {
            equal("due_date", served, shown)?;
            let until = |value: &Value| value.get("discount").and_then(|discount| discount.get("until")).cloned();
            match (until(served), until(shown)) {
                (Some(wanted), Some(seen)) if wanted != seen => {
                    Err(("discount.until", text(Some(&seen)), text(Some(&wanted))))
                }
                _ => Ok(()),
            }
        },
    )
}

fn totals(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for (flow, served) in debt_flows(reading) {
        let evidence = || {
            let mut evidence: Vec<_> = served.pages.iter().map(|page| line(page.exchange)).collect();
            evidence.push(flow.evidence());
            evidence
        };
        check.saw(flow.evidence());
        let Some(totals) = flow.value("totals").and_then(Value::as_object) else {
            check.wrong("the bank shows no totals", "банк не показывает итогов", evidence());
            continue;
        };
        let mut sums: BTreeMap<&str, i64> = ["credit", "utilities", "fine", "tax", "all"].map(|name| (name, 0)).into();
        let items = shown(flow).unwrap_or_default();
        for item in items.values() {
            let amount = item.get("amount").and_then(Value::as_i64).unwrap_or(0);
            let kind = item.get("kind").and_then(Value::as_str).unwrap_or_default();
            for name in [kind, "all"] {
                if let Some(sum) = sums.get_mut(name) {
                    *sum = sum.saturating_add(amount);
                }
            }
        }
        for (name, sum) in sums {
            let seen = totals.get(name).and_then(Value::as_i64).unwrap_or(0);
            let wanted = served.totals.get(name).and_then(Value::as_i64).unwrap_or(0);
            if seen != wanted {
                check.wrong(
                    format!("total {name}: shown {seen}, served {wanted} kopecks"),
                    format!("итог {name}: показано {seen}, отдано {wanted} копеек"),
                    evidence(),
                );
            } else if seen != sum && items.len() == served.items.len() {
                check.wrong(
                    format!("total {name}: shown {seen}, the items shown add up to {sum} kopecks"),
                    format!("итог {name}: показано {seen}, сумма показанных строк {sum} копеек"),
                    evidence(),
                );
            }
        }
    }
    check.end(NO_DEBTS, ("totals equal those served and the sum of the items", "итоги равны отданным и сумме строк"))
}

fn complete(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for (flow, served) in debt_flows(reading) {
        let evidence = || {
            let mut evidence: Vec<_> = served.pages.iter().map(|page| line(page.exchange)).collect();
            evidence.push(flow.evidence());
            evidence
        };
        check.saw(flow.evidence());
        let items = shown(flow).unwrap_or_default();
        if let Some(uin) = served.items.keys().find(|uin| !items.contains_key(*uin)) {
            check.wrong(
                format!("debt {uin} was served and is not shown ({} of {} are)", items.len(), served.items.len()),
                format!("долг {uin} отдан, но не показан (показано {} из {})", items.len(), served.items.len()),
                evidence(),
            );
        }
        if let Some(uin) = items.keys().find(|uin| !served.items.contains_key(*uin)) {
            check.wrong(
                format!("debt {uin} is shown and was not served"),
                format!("долг {uin} показан, но не отдавался"),
                evidence(),
            );
        }
        if served.goes_on {
            check.wrong(
                "the last page that was read names a next one, which was not read",
                "последняя прочитанная страница указывает на следующую, а она не прочитана",
                evidence(),
            );
        }
    }
    check.end(NO_DEBTS, ("exactly the debts served are shown", "показаны ровно отданные долги"))
}

/// What the portal told of a person: every value under each of its names.
pub(super) struct Served(BTreeMap<String, Vec<String>>);

/// Field of the adapter's profile, names at the portal, scopes that open it.
const FIELDS: &[(&str, &[&str], &[&str])] = &[
    ("last_name", &["lastName", "family_name"], &["fullname", "profile"]),
    ("first_name", &["firstName", "given_name"], &["fullname", "profile"]),
    ("middle_name", &["middleName", "middle_name"], &["fullname", "profile"]),
    ("birth_date", &["birthDate", "birthdate"], &["birthdate", "profile"]),
    ("snils", &["snils"], &["snils"]),
    ("inn", &["inn"], &["inn"]),
    ("phone", &["MBT", "phone_number", "mobile"], &["mobile", "contacts", "phone"]),
    ("email", &["EML", "email"], &["email", "contacts"]),
];

/// Whether the rules know where a profile field comes from.
pub(super) fn is_known(field: &str) -> bool {
    FIELDS.iter().any(|(name, _, _)| *name == field)
}

/// Whether a profile field is opened by one of the scopes.
pub(super) fn opens(field: &str, scopes: &[String]) -> bool {
    let Some((_, _, by)) = FIELDS.iter().find(|(name, _, _)| *name == field) else { return true };
    scopes.iter().any(|scope| by.contains(&scope.as_str()))
}

/// Scopes that a token was given: of its answer, else as asked.
pub(super) fn granted(reading: &Reading<'_>, token: &str) -> Vec<String> {
    let Some(call) = reading.origin_of_token(token) else { return Vec::new() };
    if let Some(scope) = call.answered("scope") {
        return wire::scope_words(scope);
    }
    let ask = call.param("code").and_then(|code| reading.ask_of_code(code));
    ask.and_then(|ask| wire::first(&ask.params, "scope")).map(wire::scope_words).unwrap_or_default()
}

impl Served {
    /// The values served for a profile field, normalised.
    pub(super) fn values(&self, field: &str) -> Vec<String> {
        let Some((_, names, _)) = FIELDS.iter().find(|(name, _, _)| *name == field) else { return Vec::new() };
        names.iter().filter_map(|name| self.0.get(*name)).flatten().map(|value| normal(field, value)).collect()
    }
}

/// One form for each field: ISO dates, digits of numbers.
fn normal(field: &str, value: &str) -> String {
    match field {
        "birth_date" => match value.split('.').collect::<Vec<_>>().as_slice() {
            [day, month, year] => format!("{year}-{month}-{day}"),
            _ => value.get(..10).unwrap_or(value).to_owned(),
        },
        "phone" | "snils" | "inn" => value.chars().filter(char::is_ascii_digit).collect(),
        _ => value.to_owned(),
    }
}

/// Everything the portal told about a person through `/rs`, user info and ID tokens.
pub(super) fn served_person(reading: &Reading<'_>, oid: i64) -> Served {
    let mut served: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |answer: &Value| gather(answer, &mut served);
    for call in reading.data_calls.iter().filter(|call| call.area == Area::Person && reading.whom(call) == Some(oid)) {
        if let Some(answer) = call.answer() {
            add(&answer);
        }
    }
    for call in reading.token_calls.iter().filter(|call| call.citizen == Some(oid)) {
        if let Some(jwt) = call.answered("id_token").and_then(wire::jwt) {
            add(&jwt.claims);
        }
    }
    Served(served)
}

fn gather(value: &Value, served: &mut BTreeMap<String, Vec<String>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, served)),
        Value::Object(members) => {
            // A contact: its type is the name, its value the value.
            if let (Some(kind), Some(contact)) =
                (members.get("type").and_then(Value::as_str), members.get("value").and_then(Value::as_str))
            {
                served.entry(kind.to_owned()).or_default().push(contact.to_owned());
            }
            for (name, member) in members {
                match member {
                    Value::String(text) if !text.is_empty() => {
                        served.entry(name.clone()).or_default().push(text.clone())
                    }
                    other => gather(other, served),
                }
            }
        }
        _ => {}
    }
}

fn profile(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in reading.flows.iter().filter(|flow| flow.outcome() == Some(Outcome::Ok)) {
        let (Some(shown), Some(oid)) =
            (flow.value("profile").and_then(Value::as_object), reading.citizen_of_flow(flow))
        else {
            continue;
        };
        let served = served_person(reading, oid);
        if served.0.is_empty() {
            continue;
        }
        for (field, value) in shown {
            let Some(value) = value.as_str().filter(|text| is_known(field) && !text.is_empty()) else { continue };
            // What was shown without having been served is the matter of another rule only where a lie left it out.
            check.saw(flow.evidence());
            let wanted = served.values(field);
            let left_out = wanted.is_empty() && !reading.told(&["person-field-absent", "person-field-null"]).is_empty();
            if !left_out && !wanted.contains(&normal(field, value)) {
                let of_portal = wanted.first().cloned().unwrap_or_else(|| "-".to_owned());
                check.wrong(
                    format!(
                        "{field} of {}: shown {}, served {}",
                        flow.who(),
                        wire::mask(value),
                        wire::mask(&of_portal)
                    ),
                    format!(
                        "{field} ({}): показано {}, отдано {}",
                        flow.who(),
                        wire::mask(value),
                        wire::mask(&of_portal)
                    ),
                    vec![flow.evidence()],
                );
            }
        }
    }
    check.end(
        ("no profile was served and shown", "профиль не отдавался или не показывался"),
        ("every field is shown as served", "все поля показаны как отданы"),
    )
}

/// Flows that showed a pension, each with the portal’s answer under its first names, whatever the version and the format.
fn pension_flows<'r, 'a>(reading: &'r Reading<'a>) -> impl Iterator<Item = (&'r Flow<'a>, &'r DataCall<'a>, Value)> {
    reading.flows.iter().filter(|flow| flow.action == "pension.view" && flow.outcome() == Some(Outcome::Ok)).filter_map(
        |flow| {
            let oid = reading.citizen_of_flow(flow).filter(|_| !by_exchange(flow))?;
            let pension = service("pension")?;
            let bounds = (flow.params.get("from"), flow.params.get("to"));
            let calls = reading.data_calls.iter().rev().filter(|call| {
                reading.is_of(call, pension.name)
                    && reading.whom(call) == Some(oid)
                    && call.exchange.started_us <= flow.end_us
                    && call.factual()
            });
            let mut answers = calls.filter_map(|call| Some((call, call.facts(pension)?)));
            // An answer for other bounds is still the one that was shown when it was read in this flow.
            let (call, answer) = answers.find(|(call, answer)| {
                answer.get("operations").is_some()
                    && (call.exchange.started_us >= flow.start_us || (answer.get("from"), answer.get("to")) == bounds)
            })?;
            Some((flow, call, answer))
        },
    )
}

const NO_PENSION: (&str, &str) =
    ("no pension data were served and shown", "пенсионные данные не отдавались или не показывались");

fn pension(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for (flow, call, answer) in pension_flows(reading) {
        check.saw(line(call.exchange));
        let evidence = || vec![line(call.exchange), flow.evidence()];
        for name in ["balance", "accrued", "paid", "next_payment_date"] {
            let (wanted, seen) = (text(answer.get(name)), text(flow.value(name)));
            if wanted != seen {
                check.wrong(
                    format!("{name}: shown {seen}, served {wanted}"),
                    format!("{name}: показано {seen}, отдано {wanted}"),
                    evidence(),
                );
            }
        }
        let lines = |value: Option<&Value>| {
            let items = value.and_then(Value::as_array).cloned().unwrap_or_default();
            let mut lines: Vec<String> = items
                .iter()
                .map(|item| ["date", "amount", "source"].map(|name| text(item.get(name))).join(" "))
                .collect();
            lines.sort();
            lines
        };
        let (wanted, seen) = (lines(answer.get("operations")), lines(flow.value("operations")));
        if wanted != seen {
            let odd = seen
                .iter()
                .find(|line| !wanted.contains(line))
                .or_else(|| wanted.iter().find(|line| !seen.contains(line)));
            let odd = odd.cloned().unwrap_or_default();
            check.wrong(
                format!("operations differ: {} shown, {} served, first difference “{odd}”", seen.len(), wanted.len()),
                format!(
                    "операции различаются: показано {}, отдано {}, первое различие «{odd}»",
                    seen.len(),
                    wanted.len()
                ),
                evidence(),
            );
        }
    }
    check.end(NO_PENSION, ("pension data are shown as served", "пенсионные данные показаны как отданы"))
}

fn period(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in reading.flows.iter().filter(|flow| flow.action == "pension.view") {
        let (Some(from), Some(to), Some(oid)) = (
            flow.params.get("from").and_then(Value::as_str),
            flow.params.get("to").and_then(Value::as_str),
            reading.citizen_of_flow(flow),
        ) else {
            continue;
        };
        let calls = reading.service_calls(oid).filter(|call| {
            call.path.ends_with("/pension")
                && call.exchange.started_us >= flow.start_us
                && call.exchange.started_us <= flow.end_us
        });
        for call in calls {
            check.saw(line(call.exchange));
            let asked =
                (wire::first(&call.params, "from").unwrap_or("-"), wire::first(&call.params, "to").unwrap_or("-"));
            if asked != (from, to) {
                check.wrong(
                    format!("asked for {}..{}, wanted {from}..{to}", asked.0, asked.1),
                    format!("запрошено {}..{}, нужно {from}..{to}", asked.0, asked.1),
                    vec![line(call.exchange)],
                );
            }
        }
        let operations = flow.value("operations").and_then(Value::as_array).cloned().unwrap_or_default();
        let outside = operations
            .iter()
            .filter_map(|item| item.get("date")?.as_str().map(str::to_owned))
            .find(|date| date.as_str() < from || date.as_str() > to);
        if let (Some(date), true) = (outside, check.looked()) {
            check.wrong(
                format!("an operation of {date} is shown outside {from}..{to}"),
                format!("показана операция {date} вне периода {from}..{to}"),
                vec![flow.evidence()],
            );
        }
    }
    check.end(NO_PENSION, ("the period was asked and shown as wanted", "период запрошен и показан верно"))
}

fn payment(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in reading.flows.iter().filter(|flow| flow.action == "debts.pay" && flow.outcome() == Some(Outcome::Ok)) {
        let Some(oid) = reading.citizen_of_flow(flow) else { continue };
        let uin = flow.params.get("uin").and_then(Value::as_str).unwrap_or_default();
        let answers: Vec<(&DataCall<'_>, Value)> = reading
            .service_calls(oid)
            .filter(|call| call.path.contains("/payments") && call.exchange.started_us <= flow.end_us && call.factual())
            .filter_map(|call| Some((call, call.answer()?)))
            .filter(|(_, answer)| answer.get("uin").and_then(Value::as_str) == Some(uin))
            .collect();
        let (Some((call, _)), Some(shown)) = (answers.last(), flow.value("payment")) else { continue };
        check.saw(line(call.exchange));
        check.saw(flow.evidence());
        for name in ["id", "uin", "amount", "state"] {
            let seen = text(shown.get(name));
            // The state moves on by itself: any that the portal named is true.
            if !answers.iter().any(|(_, answer)| text(answer.get(name)) == seen) {
                let wanted = answers.last().map_or_else(String::new, |(_, answer)| text(answer.get(name)));
                check.wrong(
                    format!("payment {name}: shown {seen}, served {wanted}"),
                    format!("оплата, {name}: показано {seen}, отдано {wanted}"),
                    vec![line(call.exchange), flow.evidence()],
                );
            }
        }
    }
    check.end(
        ("no payment was served and shown", "оплаты не было или она не показана"),
        ("payments are shown as confirmed", "оплаты показаны как подтверждены"),
    )
}

fn fed(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in reading.flows.iter().filter(|flow| flow.action == "debts.feed" && flow.outcome() == Some(Outcome::Ok)) {
        if !reading.bank_called() {
            continue;
        }
        let asked = |name: &str| text(flow.params.get(name));
        let external = asked("external_id");
        let sent = reading.data_calls.iter().find(|call| {
            call.exchange.request.method == "PUT"
                && call.path.contains("/debts/fed/")
                && call.exchange.started_us >= flow.start_us
                && call.exchange.started_us <= flow.end_us
        });
        let entry =
            reading.entries(kinds::DEBT_FED).into_iter().find(|entry| text(entry.data.get("external_id")) == external);
        check.saw(flow.evidence());
        let Some(entry) = entry else {
            check.wrong(
                format!("the bank reported ok, but the portal’s journal holds no debt {external}"),
                format!("банк сообщил об успехе, но в журнале портала нет долга {external}"),
                vec![flow.evidence()],
            );
            continue;
        };
        check.saw(noted(entry));
        let body = sent.and_then(|call| call.body()).unwrap_or(Value::Null);
        for name in ["amount", "due_date", "title"] {
            let seen = match text(entry.data.get(name)).as_str() {
                "-" => text(body.get(name)),
                journal => journal.to_owned(),
            };
            let wanted = asked(name);
            if wanted != "-" && seen != "-" && seen != wanted {
                check.wrong(
                    format!("debt {external}: {name} fed as {seen}, wanted {wanted}"),
                    format!("долг {external}: {name} передано {seen}, нужно {wanted}"),
                    vec![noted(entry), flow.evidence()],
                );
            }
        }
    }
    check.end(
        ("no credit was to be fed", "передавать долг не требовалось"),
        ("the credit was fed exactly", "долг передан точно"),
    )
}

#[cfg(test)]
mod tests {
    use contract::adapter::ReasonClass;
    use serde_json::json;

    use contract::shape::{self, Version};

    use super::*;
    use crate::finding::Verdict;
    use crate::reading::facts;
    use crate::testkit::*;

    #[test]
    fn fields_of_the_banks_own_are_not_compared() {
        let shown = |profile: Value| {
            let mut scene = Scene::oidc();
            let link = scene.link_begin(ANNA);
            let answer = scene.person_answer(ANNA);
            scene.call("GET", "/oidc/userinfo", &link.access, 200, &answer);
            scene.report(&link.flow, Outcome::Ok, None, json!({"profile": profile}));
            verdict("DATA-05", &scene)
        };
        assert_eq!(shown(json!({"last_name": "Иванова", "greeting": "Здравствуйте"})), Verdict::Pass);
        assert_eq!(shown(json!({"last_name": "Иванова", "first_name": "Здравствуйте"})), Verdict::Fail);
        assert_eq!(shown(json!({"greeting": "Здравствуйте"})), Verdict::NotApplicable);
    }

    /// Facts read in this version and format, shown so, after what an earlier flow had read.
    fn read_as(ids: &[&str], action: &str, name: &str, facts: &[Value; 2], how: (Version, &str), show: &Value) {
        let judged = |shown: &Value| -> Vec<Verdict> {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.consent(ANNA, "c-1", &[name], &[name]);
            let plain = (Version::V1, "application/json");
            for ((version, media_type), facts, shown) in [(plain, &facts[0], &facts[0]), (how, &facts[1], shown)] {
                let flow = scene.begin(action, ANNA, json!({"from": "2026-01-01", "to": "2026-06-30"}));
                let token = scene.data_token(ANNA, "c-1");
                let shape = service(name).unwrap().shape;
                let body = match media_type {
                    "text/csv" => shape::csv::write(shape, facts, version),
                    "application/xml" => {
                        shape::xml::write(shape, &version.namespace(&facts::namespace(name)), facts, version)
                    }
                    _ => shape::renamed(shape, facts, version).to_string(),
                };
                let last = if name == "debts" && version == Version::V2 { "charges" } else { name };
                let period = "from=2026-01-01&to=2026-06-30";
                let path = format!("/api/{}/{last}?person={ANNA}&purpose=CREDIT&{period}", version.as_str());
                let call = scene.call("GET", &path, &token, 200, &json!({}));
                scene.respond(call, 200, &[("Content-Type", media_type)], &body);
                scene.report(&flow, Outcome::Ok, None, shown.clone());
            }
            ids.iter().map(|id| verdict(id, &scene)).collect()
        };
        assert!(judged(&facts[1]).iter().all(|verdict| *verdict == Verdict::Pass), "{ids:?} {how:?}");
        assert!(judged(show).contains(&Verdict::Fail), "{ids:?} {how:?}");
    }

    #[test]
    fn facts_are_compared_in_whatever_version_and_format_they_came() {
        let pension = |balance: i64| {
            json!({
                "person": ANNA, "from": "2026-01-01", "to": "2026-06-30", "balance": balance, "accrued": 5, "paid": 0,
                "next_payment_date": "2026-07-01",
                "operations": [{"date": "2026-02-01", "amount": 5, "source": "СФР; \"Север\"", "kind": "accrual"}],
            })
        };
        let debts = |status: &str| {
            json!({
                "person": ANNA, "as_of": "2026-11-22T10:00:00Z", "currency": "RUB", "items": [{
                    "uin": "U1", "kind": "fine", "title": "Штраф", "amount": 500, "due_date": "2026-12-01", "status": status,
                }],
                "totals": {"credit": 0, "utilities": 0, "fine": 500, "tax": 0, "all": 500},
            })
        };
        for version in Version::ALL {
            for media_type in ["application/json", "application/xml", "text/csv"] {
                let how = (version, media_type);
                let pensions = [pension(1), pension(2)];
                read_as(&["DATA-06", "DATA-07"], "pension.view", "pension", &pensions, how, &pensions[0]);
                let mut other = debts("paid");
                other["items"][0]["due_date"] = json!("2026-12-02");
                let all = ["DATA-01", "DATA-02", "DATA-03", "DATA-04", "DATA-05", "DATA-08"];
                read_as(&all, "debts.list", "debts", &[debts("open"), debts("paid")], how, &other);
            }
        }
    }

    #[test]
    fn pension_data_are_compared_only_where_the_bank_says_it_showed_them() {
        let said = |outcome: Outcome| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.consent(ANNA, "c-1", &["pension"], &["pension"]);
            let flow = scene.begin("pension.view", ANNA, json!({"from": "2026-01-01", "to": "2026-06-30"}));
            let token = scene.data_token(ANNA, "c-1");
            let path = format!("/api/v1/pension?person={ANNA}&from=2026-01-01&to=2026-06-30");
            scene.call("GET", &path, &token, 200, &json!({"balance": 1, "operations": []}));
            let class = (outcome == Outcome::Refused).then_some(ReasonClass::Format);
            scene.report(&flow, outcome, class, json!({}));
            verdict("DATA-06", &scene)
        };
        assert_eq!(said(Outcome::Refused), Verdict::NotApplicable);
        assert_eq!(said(Outcome::Ok), Verdict::Fail);
    }

    #[test]
    fn a_payment_is_shown_as_answered_until_then() {
        let settled = |in_time: bool| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
            let flow = scene.begin("debts.pay", ANNA, json!({"uin": "U1"}));
            let token = scene.data_token(ANNA, "c-1");
            let answer = |state: &str| json!({"id": "p-1", "uin": "U1", "amount": 50_000, "state": state});
            scene.pay(ANNA, "U1", &token, "key", &answer("accepted"), 201);
            let report = |scene: &mut Scene| {
                scene.report(&flow, Outcome::Ok, None, json!({"payment": answer("settled")}));
            };
            if !in_time {
                report(&mut scene);
            }
            let path = format!("/api/v1/payments/p-1?person={ANNA}");
            scene.call("GET", &path, &token, 200, &answer("settled"));
            if in_time {
                report(&mut scene);
            }
            verdict("DATA-09", &scene)
        };
        assert_eq!(settled(true), Verdict::Pass);
        assert_eq!(settled(false), Verdict::Fail);
    }

    #[test]
    fn a_lying_list_of_debts_does_not_stand_for_the_honest_one() {
        let last = |lied: bool, late: bool, whose: i64| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
            let flow = scene.begin("debts.list", ANNA, json!({}));
            let (token, debts) = (scene.data_token(ANNA, "c-1"), scene.debts());
            scene.call("GET", &format!("/api/v1/debts?person={ANNA}"), &token, 200, &debts);
            if late {
                scene.report(&flow, Outcome::Ok, None, debts.clone());
            }
            let mut other = debts.clone();
            other["items"][0]["kind"] = json!("credit");
            let call = scene.call("GET", &format!("/api/v1/debts?person={whose}"), &token, 200, &other);
            if lied {
                scene.lie(call, "answer-html");
            }
            if !late {
                scene.report(&flow, Outcome::Ok, None, debts);
            }
            verdict("DATA-02", &scene)
        };
        assert_eq!(last(false, false, ANNA), Verdict::Fail);
        assert_eq!(last(true, false, ANNA), Verdict::Pass);
        assert_eq!(last(false, true, ANNA), Verdict::Pass);
        assert_eq!(last(false, false, BORIS), Verdict::Pass);
    }

    #[test]
    fn what_the_journal_does_not_name_of_a_fed_debt_is_read_off_its_call() {
        let fed = |method: &str, path: &str, due: &str, late: bool| {
            let mut scene = Scene::oidc();
            scene.link(ANNA);
            let wish = json!({"external_id": "loan-17", "amount": 5, "due_date": "2026-12-01"});
            let flow = scene.begin("debts.feed", ANNA, wish);
            let send = |scene: &mut Scene| {
                let call = scene.call(method, path, "t", 200, &json!({}));
                let body = json!({"person": ANNA, "amount": 5, "due_date": due}).to_string();
                scene.wire(call).request.body = contract::exchange::Body::Text(body);
            };
            if !late {
                send(&mut scene);
            }
            scene.journal(kinds::DEBT_FED, Some(ANNA), json!({"external_id": "loan-17", "amount": 5}));
            scene.report(&flow, Outcome::Ok, None, json!({}));
            if late {
                send(&mut scene);
            }
            verdict("DATA-10", &scene)
        };
        let path = "/api/v1/debts/fed/loan-17";
        assert_eq!(fed("PUT", path, "2026-12-01", false), Verdict::Pass);
        assert_eq!(fed("PUT", path, "2026-12-02", false), Verdict::Fail);
        assert_eq!(fed("POST", path, "2026-12-02", false), Verdict::Pass);
        assert_eq!(fed("PUT", "/api/v1/other/loan-17", "2026-12-02", false), Verdict::Pass);
        assert_eq!(fed("PUT", path, "2026-12-02", true), Verdict::Pass);
    }
}
