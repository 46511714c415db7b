//! DATA of what the bank sends in matters: orders, applications, documents, sums, feedback, codes. What is sent agrees
//! with what was asked, and stops where it must.

use std::collections::BTreeMap;

use contract::adapter::{Outcome, ReasonClass::*};
use contract::journal::kinds;
use contract::matter::MatterKind;
use serde_json::Value;

use super::{LOOKED_ANSWER, ROW, refuse, t};
use crate::finding::{Evidence, Judgement};
use crate::reading::check::Check;
use crate::reading::{DataCall, Flow, Reading, line, wire};
use crate::rule::{Judge, Rule, Severity, Unused};

pub(super) const SENT: Rule = Rule {
    clauses: &["152-FZ art. 5(6)", "portal protocol: /api"],
    looked_at: t(
        "Запросы банка по этому делу, ответы портала и значения, показанные банком.",
        "The bank’s requests in the matter, the portal’s answers, and the values that the bank shows.",
    ),
    why: t(
        "Дело идёт у государства и в банке одновременно; обе копии должны совпадать.",
        "The matter runs at the state and at the bank at once; both copies must agree.",
    ),
    advice: t(
        "Берите состояние и поля из ответа портала, ничего не додумывая.",
        "Take state and members from the portal’s answer and make nothing up.",
    ),
    ..ROW
};
const ANSWER: Rule = Rule { looked_at: LOOKED_ANSWER, ..SENT };

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "DATA-31",
        slug: "attachment-unchecked",
        requirements: &["APP-1"],
        title: t("Вложение с другим дайджестом не принимается", "An attachment of another digest is not taken"),
        clauses: &["ASVS 5.2.1", "portal protocol: /api"],
        why: t("Подменённый документ решает судьбу заявления.", "A swapped document decides the application."),
        advice: t("Сверяйте SHA-256 вложения с названным.", "Compare the attachment’s SHA-256 with the one named."),
        judge: refuse(&["attachment-altered"], &[Binding, Format, Signature], Unused::Answer),
        ..ANSWER
    },
    Rule {
        id: "DATA-34",
        slug: "analytics-raw-data",
        requirements: &["ANL-1"],
        title: t(
            "Порталу передаются только верные суммы по категориям",
            "Only right sums by category are given to the portal",
        ),
        clauses: &["152-FZ art. 5(5)", "395-1-FZ art. 26"],
        why: t("Получатели платежей — банковская тайна.", "To whom a person pays is a bank’s secret to keep."),
        advice: t("Складывайте по категориям; получателей не передавайте.", "Add up by category; leave payees out."),
        judge: Judge::Duty(analytics),
        ..SENT
    },
    Rule {
        id: "DATA-37",
        slug: "feedback-with-personal-data",
        requirements: &["FBK-1"],
        title: t("В обращениях и метриках нет личных данных", "Feedback and metrics hold no personal data"),
        clauses: &["152-FZ art. 5(5)"],
        why: t(
            "Обращения читают многие; личным номерам там не место.",
            "Many read feedback; personal numbers have no place there.",
        ),
        advice: t(
            "Вычёркивайте номера, телефоны и адреса до отправки.",
            "Strike out numbers, phones and addresses first.",
        ),
        judge: Judge::Duty(feedback),
        ..SENT
    },
    Rule {
        id: "DATA-39",
        slug: "tampered-envelope-accepted",
        requirements: &["SEC-11"],
        severity: Severity::Critical,
        title: t(
            "Повреждённое или чужое шифрованное сообщение отвергается",
            "A tampered or foreign encrypted message is refused",
        ),
        clauses: &["RFC 5652 6", "portal protocol: Stend-Encryption"],
        why: t("Шифрование без проверки целостности обманчиво.", "Encryption without integrity deceives."),
        advice: t(
            "Ошибка расшифрования — отказ без подробностей.",
            "A failed decryption is a refusal without details.",
        ),
        judge: refuse(
            &["envelope-for-another", "envelope-tampered"],
            &[Format, Signature, Transport, Binding],
            Unused::Answer,
        ),
        ..ANSWER
    },
    Rule {
        id: "DATA-50",
        slug: "plain-answer-accepted",
        requirements: &["SEC-11"],
        title: t(
            "Открытый ответ на просьбу о шифрованном не принимается",
            "A plain answer to a request for an encrypted one is not taken",
        ),
        clauses: &["portal protocol: Stend-Encryption"],
        why: t("Иначе посредник просто снимает защиту.", "Otherwise whoever stands between takes the protection off."),
        advice: t("Требуйте тип application/pkcs7-mime.", "Demand the media type application/pkcs7-mime."),
        judge: refuse(&["envelope-plain"], &[Format, Signature, Transport, Binding], Unused::Answer),
        ..ANSWER
    },
    Rule {
        id: "DATA-40",
        slug: "unattended-beyond-consent",
        requirements: &["CRT-2"],
        title: t(
            "Заказ без человека — только пока действует согласие",
            "An unattended order only while the consent stands",
        ),
        clauses: &["152-FZ art. 9(2)", "portal protocol: /api"],
        why: t(
            "Расписание не знает об отзыве; банк обязан.",
            "A schedule does not know of a revocation; the bank must.",
        ),
        advice: t("Перед каждым заказом проверяйте согласие.", "Check the consent before each order."),
        judge: Judge::Duty(unattended),
        ..SENT
    },
    Rule {
        id: "DATA-51",
        slug: "unattended-beyond-quota",
        requirements: &["CRT-2"],
        severity: Severity::Medium,
        title: t("После исчерпания квоты заказов нет", "No order follows an exhausted quota"),
        clauses: &["RFC 6585 4", "portal protocol: /api"],
        why: t("Автомат без тормозов мешает всем.", "A machine without brakes hinders everybody."),
        advice: t(
            "Ответ quota-exceeded останавливает расписание до завтра.",
            "`quota-exceeded` stops the schedule until tomorrow.",
        ),
        judge: Judge::Duty(quota),
        ..SENT
    },
    Rule {
        id: "DATA-41",
        slug: "own-status-not-told",
        requirements: &["APP-2"],
        severity: Severity::Medium,
        title: t(
            "Банк сообщает порталу своё состояние заявления",
            "The bank tells the portal its own state of an application",
        ),
        why: t("Человек смотрит в одном месте — на портале.", "People look in one place: the portal."),
        advice: t("После каждого решения отправьте …/status.", "After each decision send `…/status`."),
        judge: Judge::Duty(own_status),
        ..SENT
    },
    Rule {
        id: "DATA-43",
        slug: "one-time-code-kept",
        requirements: &["IDN-10", "APP-1", "SEC-4"],
        title: t("Одноразовый код нигде не остаётся", "A one-time code is kept nowhere"),
        clauses: &["ASVS 16.2.5"],
        looked_at: t(
            "Журналы, хранилище и адреса банка на предмет кода, который назвал человек.",
            "The bank’s logs, store and addresses, searched for the code that the person told.",
        ),
        why: t("Код из журнала годится тому, кто журнал читает.", "A code in a log serves whoever reads the log."),
        advice: t("Передайте код порталу и забудьте.", "Pass the code on and forget it."),
        judge: Judge::Duty(code_kept),
        ..SENT
    },
    Rule {
        id: "DATA-56",
        slug: "one-time-code-reused",
        requirements: &["IDN-10", "CRT-1"],
        title: t("Одноразовый код отправляется один раз", "A one-time code is sent once"),
        clauses: &["NIST SP 800-63B 5.1.3.2"],
        why: t("Второй раз код может значить другое согласие.", "Sent again, a code may mean another yes."),
        advice: t("На новый шаг — новый код.", "A new step takes a new code."),
        judge: Judge::Duty(code_reused),
        ..SENT
    },
    Rule {
        id: "DATA-44",
        slug: "requisites-unchecked",
        requirements: &["DUT-1"],
        severity: Severity::Critical,
        title: t("По неверным реквизитам не платят", "Nothing is paid to wrong requisites"),
        clauses: &["Bank of Russia procedure 515", "portal protocol: /api"],
        why: t("Ключ счёта ловит подмену получателя.", "The account’s key catches a swapped payee."),
        advice: t(
            "Проверяйте ключ счёта по БИК и контрольную цифру УИН до оплаты.",
            "Check the account’s key against the BIK, and the UIN’s check digit, before paying.",
        ),
        judge: refuse(&["requisites-account-altered", "requisites-uin-altered"], &[Format, Binding], Unused::Answer),
        ..ANSWER
    },
    Rule {
        id: "DATA-45",
        slug: "receipt-unchecked",
        requirements: &["DUT-1"],
        severity: Severity::Critical,
        title: t("Квитанция на другую сумму не принимается", "A receipt over another sum is not taken"),
        clauses: &["ASVS 2.2.1", "portal protocol: /api"],
        why: t("Квитанция — доказательство оплаты.", "A receipt is the proof of payment."),
        advice: t("Сверьте сумму и получателя квитанции с оплатой.", "Compare sum and payee with the payment."),
        judge: refuse(&["receipt-amount-changed"], &[Format, Binding], Unused::Answer),
        ..ANSWER
    },
    Rule {
        id: "DATA-52",
        slug: "document-digest-unchecked",
        requirements: &["CRT-1", "SEC-3"],
        severity: Severity::Critical,
        title: t(
            "Документ с чужой подписью, другим дайджестом или кодом не принимается",
            "A document with a foreign signature, another digest or code is not taken",
        ),
        clauses: &["63-FZ art. 11", "RFC 5652 5.6"],
        why: t(
            "По этой справке банк решает; она должна быть подлинной.",
            "The bank decides by this paper; it must be genuine.",
        ),
        advice: t(
            "Проверьте подпись под самими байтами, дайджест и код QR на портале.",
            "Verify the signature over the very bytes, the digest, and the QR’s code at the portal.",
        ),
        judge: refuse(
            &[
                "document-code-wrong",
                "document-signature-foreign",
                "document-signature-wrong",
                "order-document-altered",
            ],
            &[Signature, Binding, Format],
            Unused::Answer,
        ),
        ..ANSWER
    },
    Rule {
        id: "DATA-53",
        slug: "card-number-sent",
        requirements: &["PAY-3", "SEC-4"],
        severity: Severity::Critical,
        title: t("Номер карты не покидает банк", "A card number does not leave the bank"),
        clauses: &["PCI DSS 3.5", "portal protocol: /api"],
        why: t("Портал получает токен; номер карты ему не нужен.", "The portal gets a token; it needs no card number."),
        advice: t("Передавайте токен карты.", "Send the card’s token."),
        judge: Judge::Duty(card),
        ..SENT
    },
    Rule {
        id: "DATA-54",
        slug: "passed-document-changed",
        requirements: &["DOC-1", "APP-3"],
        title: t("Документы переданы байт в байт", "Documents are passed on byte for byte"),
        why: t("Подпись стоит под байтами, а не под смыслом.", "The signature stands under bytes, not under meaning."),
        advice: t("Не перекодируйте и не чините файлы.", "Neither recode nor repair files."),
        judge: Judge::Duty(passed),
        ..SENT
    },
];

pub(super) fn flows<'r, 'a>(reading: &'r Reading<'a>, action: &'static str) -> impl Iterator<Item = &'r Flow<'a>> {
    reading.flows.iter().filter(move |flow| flow.action == action && flow.outcome() == Some(Outcome::Ok))
}

/// Calls of a flow: of its person, within its time.
pub(super) fn calls_of<'r, 'a>(reading: &'r Reading<'a>, flow: &'r Flow<'a>) -> impl Iterator<Item = &'r DataCall<'a>> {
    let oid = reading.citizen_of_flow(flow);
    reading.data_calls.iter().filter(move |call| {
        let at = call.exchange.started_us;
        flow.start_us <= at && at <= flow.end_us && oid.is_some() && reading.whom(call) == oid
    })
}

pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn kopecks(value: Option<&Value>) -> i64 {
    value.and_then(Value::as_i64).unwrap_or_default()
}

/// A sum that no absurd amount overflows.
pub(super) fn total(amounts: impl IntoIterator<Item = i64>) -> i64 {
    amounts.into_iter().fold(0, i64::saturating_add)
}

pub(super) fn list(value: &Value, name: &str) -> Vec<Value> {
    value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

// ---- what is sent ----

fn analytics(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    // What was sent counts, whether the portal took it or not.
    for flow in reading.flows.iter().filter(|flow| flow.action == "analytics.push") {
        let sent = calls_of(reading, flow).filter(|call| {
            call.exchange.request.method == "POST" && call.place().is_some_and(|(_, name)| name == "analytics")
        });
        let Some((call, body)) = sent.filter_map(|call| Some((call, call.body()?))).last() else { continue };
        check.saw(line(call.exchange));
        let evidence = vec![line(call.exchange), flow.evidence()];
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        let operations = flow.params.get("operations").and_then(Value::as_array).cloned().unwrap_or_default();
        for operation in &operations {
            let sum = sums.entry(text(operation, "category")).or_default();
            *sum = sum.saturating_add(kopecks(operation.get("amount")));
        }
        let sent: BTreeMap<String, i64> = list(&body, "categories")
            .iter()
            .map(|category| (text(category, "code").to_owned(), kopecks(category.get("total"))))
            .collect();
        for (category, wanted) in &sums {
            let seen = sent.get(*category).copied();
            if seen != Some(*wanted) {
                check.wrong(
                    format!("category {category}: sent {seen:?}, spent were {wanted} kopecks"),
                    format!("категория {category}: передано {seen:?}, потрачено {wanted} копеек"),
                    evidence.clone(),
                );
            }
        }
        // Without operations of the suite's the bank tells of its own; then the sums must agree with each other.
        let parts: Vec<i64> =
            if operations.is_empty() { sent.into_values().collect() } else { sums.into_values().collect() };
        if kopecks(body.get("total")) != total(parts) {
            check.wrong("the total is not the sum", "итог не равен сумме", evidence.clone());
        }
        let whole = body.to_string();
        let payees = operations.iter().map(|operation| text(operation, "payee")).filter(|payee| !payee.is_empty());
        if let Some(payee) = payees.into_iter().find(|payee| whole.contains(*payee)) {
            check.wrong(
                format!("a payee was sent: {}", wire::mask(payee)),
                format!("передан получатель платежа: {}", wire::mask(payee)),
                evidence.clone(),
            );
        }
    }
    check.end(
        ("no analytics were sent", "сводки не передавались"),
        ("sums are right and name nobody", "суммы верны и никого не называют"),
    )
}

fn feedback(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let sent = reading.data_calls.iter().filter(|call| {
        let name = call.place().map(|(_, name)| name).unwrap_or_default();
        call.exchange.request.method == "POST" && ["metrics", "surveys", "tickets"].contains(&name)
    });
    for call in sent {
        let Some(mut body) = call.body() else { continue };
        check.saw(line(call.exchange));
        // Whose ticket it is stands in a member of its own.
        if let Some(members) = body.as_object_mut() {
            members.remove("person");
        }
        let whole = body.to_string();
        let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
        for person in &reading.trace.people {
            let personal = ["snils", "inn", "phone", "email", "last_name"].into_iter().find(|name| {
                // What the person does not have stands as nothing, and is nowhere.
                person.view.get(*name).and_then(Value::as_str).is_some_and(|value| {
                    let number: String = value.chars().filter(char::is_ascii_digit).collect();
                    let by_digits = number.len() >= 10 && digits.contains(&number);
                    let by_text = number.len() < 10 && value.chars().count() > 3 && whole.contains(value);
                    by_digits || by_text
                })
            });
            if let Some(name) = personal {
                check.wrong(
                    format!("{name} of {} was sent in feedback", person.name),
                    format!("в обращении передано: {name} ({})", person.name),
                    vec![line(call.exchange)],
                );
            }
        }
    }
    check.end(
        ("no feedback was sent", "обращений не было"),
        ("no personal data in feedback", "личных данных в обращениях нет"),
    )
}

fn card(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for call in reading.data_calls.iter().filter(|call| call.exchange.request.method == "POST") {
        let Some(body) = call.body() else { continue };
        let sources = ["card_token", "from", "source"].into_iter().filter_map(|name| body.get(name)?.as_str());
        for source in sources.collect::<Vec<_>>() {
            check.saw(line(call.exchange));
            if is_card(source) {
                check.wrong(
                    format!("a card number was sent: {}", wire::mask(source)),
                    format!("передан номер карты: {}", wire::mask(source)),
                    vec![line(call.exchange)],
                );
            }
        }
    }
    check.end(("no source of money was named", "источники денег не назывались"), ("tokens only", "только токены"))
}

/// 13 to 19 digits whose check digit holds (ISO/IEC 7812-1, annex B).
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let only = text.chars().all(|c| c.is_ascii_digit() || c == ' ' || c == '-');
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { *digit })
        .sum();
    only && (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

fn passed(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in flows(reading, "document.pass") {
        let given = flow.params.get("documents").and_then(Value::as_array).cloned().unwrap_or_default();
        let sent = calls_of(reading, flow).filter(|call| call.exchange.request.method == "POST");
        let Some((call, body)) =
            sent.filter(|call| call.path.ends_with("/intakes")).filter_map(|call| Some((call, call.body()?))).last()
        else {
            continue;
        };
        check.saw(line(call.exchange));
        let evidence = vec![line(call.exchange), flow.evidence()];
        let sent = list(&body, "documents");
        if sent.len() != given.len() {
            check.wrong(
                format!("{} documents were sent of {}", sent.len(), given.len()),
                format!("передано документов {} из {}", sent.len(), given.len()),
                evidence.clone(),
            );
        }
        for (given, sent) in given.iter().zip(&sent) {
            let bytes = |value: &Value| wire::base64(text(value, "content"));
            let by_reference = sent.get("reference").is_some_and(Value::is_object);
            // What the suite left open is the bank's to fill in.
            let renamed = ["name", "media_type"]
                .iter()
                .any(|name| given.get(*name).is_some() && text(given, name) != text(sent, name));
            let altered = !by_reference && given.get("content").is_some() && bytes(given) != bytes(sent);
            if renamed || altered {
                check.wrong(
                    format!("the document {} was changed on the way", text(given, "name")),
                    format!("документ {} изменён по дороге", text(given, "name")),
                    evidence.clone(),
                );
            }
        }
    }
    check.end(
        ("no documents were passed", "документы не передавались"),
        ("documents were passed as they are", "документы переданы как есть"),
    )
}

// ---- orders, applications, codes ----

/// A call that opens a matter, not one that moves it.
fn opens(call: &DataCall<'_>) -> bool {
    call.path.split('/').count() == 4
}

fn unattended(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let delay = reading.trace.portal.limits.revocation_delay_ms * 1000;
    for call in reading.matter_posts(MatterKind::Order).filter(|call| opens(call)) {
        let Some(body) = call.body().filter(|body| body.get("unattended") == Some(&Value::Bool(true))) else {
            continue;
        };
        check.saw(line(call.exchange));
        let oid = reading.whom(call);
        let ended = reading.journal.iter().find(|entry| {
            [kinds::CONSENT_EXPIRED, kinds::CONSENT_REVOKED].contains(&entry.kind.as_str())
                && entry.citizen == oid
                // The end of a term is known beforehand, a revocation has to be told.
                && entry.wall_us + if entry.kind == kinds::CONSENT_EXPIRED { 0 } else { delay }
                    < call.exchange.started_us
                && match reading.consent_of(call) {
                    Some(id) => text(&entry.data, "id") == id,
                    // Whose consent it was is not known: one given since may be it.
                    None => !reading.entries(kinds::CONSENT_GRANTED).iter().any(|granted| {
                        granted.citizen == oid && (entry.wall_us..call.exchange.started_us).contains(&granted.wall_us)
                    }),
                }
        });
        let granted = reading.entries(kinds::CONSENT_GRANTED);
        let ever = granted.iter().any(|entry| entry.citizen == oid && entry.wall_us < call.exchange.started_us);
        if let Some(ended) = ended {
            check.wrong(
                format!("an unattended order ({}) after the end of the consent", text(&body, "type")),
                format!("заказ без человека ({}) после конца согласия", text(&body, "type")),
                vec![crate::reading::noted(ended), line(call.exchange)],
            );
        } else if oid.is_some() && !ever {
            check.wrong(
                format!("an unattended order ({}) without any consent", text(&body, "type")),
                format!("заказ без человека ({}) без всякого согласия", text(&body, "type")),
                vec![line(call.exchange)],
            );
        }
    }
    check.end(
        ("nothing was ordered unattended", "заказов без человека не было"),
        ("unattended orders stand under a consent", "заказы без человека — по действующему согласию"),
    )
}

fn quota(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let orders: Vec<&DataCall<'_>> = reading.matter_posts(MatterKind::Order).filter(|call| opens(call)).collect();
    for refused in orders.iter().filter(|call| wire::status(call.exchange) == 429) {
        // "Slow down" has the same status, and passes.
        if text(&wire::answer_json(refused.exchange).unwrap_or_default(), "code") != "quota-exceeded" {
            continue;
        }
        check.saw(line(refused.exchange));
        let moved = |call: &DataCall<'_>| {
            // A day that has passed since makes a new quota.
            reading
                .entries(kinds::CLOCK_MOVED)
                .iter()
                .any(|entry| (refused.exchange.ended_us..call.exchange.started_us).contains(&entry.wall_us))
        };
        let again = orders.iter().find(|call| {
            call.exchange.started_us > refused.exchange.ended_us
                && reading.whom(call) == reading.whom(refused)
                && !moved(call)
        });
        if let Some(again) = again {
            check.wrong(
                "an order after the quota was exhausted",
                "заказ после исчерпания квоты",
                vec![line(refused.exchange), line(again.exchange)],
            );
        }
    }
    check.end(
        ("no quota was exhausted", "квоты не исчерпывались"),
        ("nothing was ordered beyond the quota", "сверх квоты ничего не заказано"),
    )
}

fn own_status(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for flow in flows(reading, "application.process") {
        let shown = || flow.value("application").and_then(|shown| shown.get("id")?.as_str());
        let Some(id) = flow.params.get("application").and_then(Value::as_str).or_else(shown) else { continue };
        check.saw(flow.evidence());
        let told = reading.matter_posts(MatterKind::Application).any(|call| {
            call.path.ends_with("/status")
                && call.path.split('/').any(|part| part == id)
                && call.exchange.started_us >= flow.start_us
                && wire::status(call.exchange) / 100 == 2
        });
        if !told {
            check.wrong(
                format!("the bank never told its own state of application {id}"),
                format!("банк не сообщил своего состояния заявления {id}"),
                vec![flow.evidence()],
            );
        }
    }
    check.end(
        ("no application was processed", "заявления не рассматривались"),
        ("the bank told its own state", "банк сообщил своё состояние"),
    )
}

fn code_kept(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    if !reading.deeds("scan").is_empty() {
        for flow in reading.flows.iter().filter(|flow| flow.action == "factor.confirm") {
            // A code that never went to the portal was perhaps never told to the bank either.
            if calls_of(reading, flow).any(|call| call.path.ends_with("/confirm")) {
                check.saw(flow.evidence());
            }
        }
    }
    for canary in reading.canaries.iter().filter(|canary| canary.planted == "one_time_code") {
        check.wrong(
            format!("a one-time code stands in clear: {}", canary.place),
            format!("одноразовый код лежит открыто: {}", canary.place),
            vec![Evidence { at: format!("canary:{}", canary.place), seen: "one-time code".to_owned() }],
        );
    }
    check.end(
        ("no one-time code was told to the bank", "одноразовых кодов банку не называли"),
        ("the code is kept nowhere", "код нигде не сохранён"),
    )
}

fn code_reused(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    type Use<'r, 'a> = (&'r DataCall<'a>, Option<&'a str>);
    let mut seen: BTreeMap<(Option<i64>, String), Use<'_, '_>> = BTreeMap::new();
    let confirms = reading.data_calls.iter().filter(|call| call.path.ends_with("/confirm"));
    for call in confirms {
        let Some(code) = call.body().and_then(|body| body.get("code")?.as_str().map(str::to_owned)) else { continue };
        check.saw(line(call.exchange));
        let key = wire::sent(call.exchange, "idempotency-key");
        let place = (reading.whom(call), code);
        match seen.get(&place) {
            // The same operation, repeated after a lost answer, is one use.
            Some((first, used)) if *used != key || first.path != call.path => check.wrong(
                "a one-time code was sent twice",
                "одноразовый код отправлен дважды",
                vec![line(first.exchange), line(call.exchange)],
            ),
            _ => {
                seen.insert(place, (call, key));
            }
        }
    }
    check.end(
        ("no one-time code was sent", "одноразовые коды не отправлялись"),
        ("every code was sent once", "каждый код отправлен один раз"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_told_from_a_token() {
        assert!(is_card("4111 1111 1111 1111"));
        assert!(!is_card("4111 1111 1111 1112"));
        assert!(!is_card("card-7f3a91c2"));
        assert!(!is_card("123"));
    }
}
