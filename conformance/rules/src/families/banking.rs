//! DATA of banking through the portal (ACC-1): whom the bank serves there, at what level, under which consent, how often.

use std::collections::BTreeMap;

use contract::adapter::ReasonClass::*;
use contract::journal::kinds;
use serde_json::Value;

use super::matters::text;
use super::{LOOKED_EVENT, ROW, refuse, t};
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::{Reading, line, wire};
use crate::rule::{Judge, Rule, Severity, Unused};

const BANKING: Rule = Rule {
    requirements: &["ACC-1"],
    clauses: &["portal protocol: /portal/banking"],
    severity: Severity::Critical,
    looked_at: t(
        "Обращения портала к банку за счетами и переводами и ответы банка.",
        "What the portal asks of the bank’s accounts and transfers, and what the bank answers.",
    ),
    why: t(
        "Через портал чужой человек не должен увидеть счёт и двинуть деньги.",
        "Through the portal nobody else may see an account or move its money.",
    ),
    ..ROW
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "DATA-35",
        slug: "banking-unsigned-served",
        title: t(
            "Обращение портала без верной подписи не исполняется",
            "A call of the portal without a good signature is not served",
        ),
        looked_at: LOOKED_EVENT,
        clauses: &["RFC 9421 3.2", "portal protocol: /portal/banking"],
        advice: t("Проверяйте подпись до чтения тела.", "Check the signature before reading the body."),
        judge: refuse(&["banking-signature-wrong", "banking-unsigned"], &[Signature], Unused::Event),
        ..BANKING
    },
    Rule {
        id: "DATA-46",
        slug: "banking-other-customer",
        title: t(
            "Счета показываются только тому, кто дал согласие",
            "Accounts are served only to the person whose consent it is",
        ),
        advice: t(
            "Сверьте человека обращения с человеком согласия.",
            "Compare the person of the call with that of the consent.",
        ),
        judge: Judge::Duty(banking_person),
        ..BANKING
    },
    Rule {
        id: "DATA-47",
        slug: "banking-level-ignored",
        title: t("Перевод — только после второго фактора", "A transfer only after a second factor"),
        clauses: &["683-П п. 5", "portal protocol: /portal/banking"],
        advice: t("Требуйте acr второго фактора для перевода.", "Demand the second factor’s acr for a transfer."),
        judge: Judge::Duty(banking_level),
        ..BANKING
    },
    Rule {
        id: "DATA-48",
        slug: "banking-consent-ignored",
        requirements: &["ACC-1", "CNS-5"],
        title: t("Без действующего согласия счета не показываются", "Without a standing consent nothing is served"),
        advice: t("Проверяйте согласие при каждом обращении.", "Check the consent on every call."),
        judge: Judge::Duty(banking_consent),
        ..BANKING
    },
    Rule {
        id: "DATA-49",
        slug: "banking-transfer-twice",
        title: t("Повтор перевода исполняется один раз", "A repeated transfer is done once"),
        clauses: &["Idempotency-Key draft 2.6", "portal protocol: /portal/banking"],
        advice: t(
            "Помните исполненные ключи и отвечайте тем же.",
            "Remember keys that were served and answer the same.",
        ),
        judge: Judge::Duty(banking_once),
        ..BANKING
    },
];

// ---- banking through the portal ----

const NO_BANKING: (&str, &str) = ("the portal asked nothing of the bank", "портал ни о чём не просил банк");

fn banking_person(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for ask in &reading.banking {
        check.saw(line(ask.exchange));
        let consent = text(&ask.body, "consent");
        let owner =
            reading.entries(kinds::CONSENT_GRANTED).into_iter().find(|entry| text(&entry.data, "id") == consent);
        let person = ask.body.get("person").and_then(Value::as_i64);
        let foreign = owner.is_none_or(|entry| entry.citizen != person);
        if foreign && wire::status(ask.exchange) / 100 == 2 {
            check.wrong(
                "the accounts of somebody else were served",
                "показаны счета другого человека",
                vec![line(ask.exchange)],
            );
        }
    }
    check.end(NO_BANKING, ("only the person of the consent was served", "обслужен только человек согласия"))
}

fn banking_level(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    for ask in reading.banking.iter().filter(|ask| text(&ask.body, "ask") == "transfer") {
        check.saw(line(ask.exchange));
        let strong = text(&ask.body, "acr").contains("2fa");
        if !strong && wire::status(ask.exchange) / 100 == 2 {
            check.wrong(
                format!("a transfer was done at the level {}", text(&ask.body, "acr")),
                format!("перевод исполнен на уровне {}", text(&ask.body, "acr")),
                vec![line(ask.exchange)],
            );
        }
    }
    check.end(NO_BANKING, ("transfers only after a second factor", "переводы только после второго фактора"))
}

fn banking_consent(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let delay = reading.trace.portal.limits.revocation_delay_ms * 1000;
    for ask in &reading.banking {
        check.saw(line(ask.exchange));
        let consent = text(&ask.body, "consent");
        // The bank knows by the notice that it took, or when a notice had its time.
        let known = |entry: &contract::journal::Entry| {
            let told = reading.hooks.iter().any(|hook| {
                hook.body.pointer("/consent/id").and_then(Value::as_str) == Some(consent)
                    && hook.exchange.started_us >= entry.wall_us
                    && hook.exchange.ended_us < ask.exchange.started_us
                    && wire::status(hook.exchange) / 100 == 2
            });
            told || entry.wall_us + delay < ask.exchange.started_us
        };
        let over = reading.journal.iter().copied().find(|entry| {
            [kinds::CONSENT_EXPIRED, kinds::CONSENT_REVOKED].contains(&entry.kind.as_str())
                && text(&entry.data, "id") == consent
                && entry.wall_us < ask.exchange.started_us
                && known(entry)
        });
        if let Some(over) = over.filter(|_| wire::status(ask.exchange) / 100 == 2) {
            check.wrong(
                "the accounts were served after the end of the consent",
                "счета показаны после конца согласия",
                vec![crate::reading::noted(over), line(ask.exchange)],
            );
        }
    }
    check.end(NO_BANKING, ("nothing was served without a consent", "без согласия ничего не показано"))
}

fn banking_once(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let mut done: BTreeMap<&str, (&crate::reading::Hook<'_>, Value)> = BTreeMap::new();
    for ask in reading.banking.iter().filter(|ask| text(&ask.body, "ask") == "transfer") {
        if done.contains_key(text(&ask.body, "key")) {
            check.saw(line(ask.exchange));
        }
        let Some(answer) = wire::answer_json(ask.exchange).filter(|_| wire::status(ask.exchange) / 100 == 2) else {
            continue;
        };
        let id = answer.pointer("/transfer/id").cloned().unwrap_or_default();
        match done.get(text(&ask.body, "key")) {
            Some((first, known)) if *known != id => check.wrong(
                "one transfer was done twice",
                "один перевод исполнен дважды",
                vec![line(first.exchange), line(ask.exchange)],
            ),
            Some(_) => {}
            None => {
                done.insert(text(&ask.body, "key"), (ask, id));
            }
        }
    }
    check.end(
        ("no transfer was asked for again", "ни один перевод не повторялся"),
        ("each transfer was done once", "каждый перевод исполнен один раз"),
    )
}
