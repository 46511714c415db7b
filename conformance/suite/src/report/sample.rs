//! A small report for tests, with one of everything, and with a bank that writes markup and terminal escapes.

use std::collections::BTreeMap;

use rules::finding::Verdict;

use super::model::{
    AlgorithmUse, Bank, Bilingual, Evidence, Finding, KnownGap, LeftOut, Portal, Report, RequirementResult, RuleCase,
    RuleResult, Run, SCHEMA, ScenarioResult, StepResult, Summary, Tool,
};

const NONE_ESIA: &str = "id-token-signature-lies[none]/esia-v3";
const NONE_OIDC: &str = "id-token-signature-lies[none]/oidc";
const PAID: &str = "debt-paid/esia-v3";
const PLAIN: &str = "sign-in/oidc";

pub(crate) fn report() -> Report {
    Report {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "stend".to_owned(), version: "0.1.0".to_owned() },
        run: Run {
            id: "5f1d2c3b4a596877".to_owned(),
            seed: 17,
            started: "2026-11-22T10:00:00Z".to_owned(),
            finished: "2026-11-22T10:00:24.180Z".to_owned(),
            duration_ms: 24_180,
            selection: "all".to_owned(),
            dealt_out: 14,
        },
        bank: Bank {
            name: "Example <Bank>".to_owned(),
            version: "1.4.2".to_owned(),
            contact: "integration@bank.example".to_owned(),
            client_id: "BANK01".to_owned(),
            protocols: words(&["esia-v3", "oidc"]),
            claims: words(&["customer.link", "debts.list", "debts.pay"]),
            algorithms: words(&["id_token RS256"]),
            clock: "movable".to_owned(),
            known_gaps: vec![KnownGap {
                rule: "POLL-07".to_owned(),
                reason: "planned for 1.5".to_owned(),
                until: Some("2027-03-01".to_owned()),
                state: "holds".to_owned(),
            }],
        },
        portal: Portal {
            origin: "https://localhost:8443".to_owned(),
            esia_issuer: "http://esia.gosuslugi.ru/".to_owned(),
            oidc_issuer: "https://localhost:8443".to_owned(),
            state: "memory".to_owned(),
        },
        limits: BTreeMap::from([
            ("attempts".to_owned(), "3".to_owned()),
            ("clock_skew".to_owned(), "PT60S".to_owned()),
            ("of_tomorrow".to_owned(), "PT1S".to_owned()),
        ]),
        algorithms: algorithms(),
        summary: Summary {
            cases: 5,
            pass: 1,
            fail: 3,
            not_claimed: 1,
            scenarios: 4,
            findings: 6,
            duration_ms: 24_180,
            exit_code: 1,
            ..Summary::default()
        },
        requirements: vec![
            RequirementResult {
                id: "IDN-1".to_owned(),
                verdict: Verdict::Fail,
                cases: words(&[NONE_ESIA, NONE_OIDC, PLAIN]),
            },
            RequirementResult { id: "DEB-2".to_owned(), verdict: Verdict::Fail, cases: words(&[PAID]) },
        ],
        rules: rules(),
        scenarios: scenarios(),
        findings: findings(),
        left_out: left_out(),
    }
}

fn algorithms() -> Vec<AlgorithmUse> {
    let gost = ("GOST R 34.10-2012 256", "id-tc26-gost-3410-2012-256-paramSetB (1.2.643.2.2.35.1)");
    let row = |used_for: &str, key: (&str, &str), signature: &str, digest: &str, why: Option<Bilingual>| AlgorithmUse {
        protocol: "esia-v3".to_owned(),
        used_for: used_for.to_owned(),
        key: key.0.to_owned(),
        parameters: key.1.to_owned(),
        signature: signature.to_owned(),
        digest: digest.to_owned(),
        times: 12,
        why,
    };
    let tls = Bilingual::new("TLS не знает <ГОСТ>", "TLS knows no <GOST>");
    vec![
        row("request_signature", gost, "s ‖ r (64)", "Streebog-256", None),
        row("certificate_hash", gost, "", "Streebog-256", None),
        row("id_token", gost, "GOST3410_2012_256", "Streebog-256", None),
        row(
            "portal_tls",
            ("ECDSA 256", "P-256 (1.2.840.10045.3.1.7)"),
            "TLSv1.3 TLS13_AES_256_GCM_SHA384",
            "",
            Some(tls),
        ),
    ]
}

/// The counts of a run in which nothing was found.
pub(crate) fn clean_summary() -> Summary {
    Summary { cases: 3, pass: 3, scenarios: 3, duration_ms: 900, ..Summary::default() }
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn evidence(at: &str, seen: &str, trace: &str) -> Evidence {
    Evidence { at: at.to_owned(), seen: seen.to_owned(), trace: Some(trace.to_owned()) }
}

fn rule(
    id: &str,
    slug: &str,
    level: &str,
    severity: &str,
    verdict: Verdict,
    title: (&str, &str),
    cases: &[&str],
) -> RuleResult {
    RuleResult {
        id: id.to_owned(),
        slug: slug.to_owned(),
        verdict,
        level: level.to_owned(),
        severity: severity.to_owned(),
        title: Bilingual::new(title.0, title.1),
        requirement_ids: words(&["IDN-1"]),
        clauses: words(&["RFC 7519 §7.2"]),
        why: None,
        not_applicable_cases: 3,
        cases: cases
            .iter()
            .map(|case| RuleCase {
                case: (*case).to_owned(),
                verdict,
                message: Bilingual::default(),
                evidence: Vec::new(),
            })
            .collect(),
    }
}

fn rules() -> Vec<RuleResult> {
    vec![
        rule(
            "IDT-01",
            "id-token-signature-unchecked",
            "M",
            "critical",
            Verdict::Fail,
            ("Подпись id-токена проверяется", "The signature of the id token is checked"),
            &[NONE_ESIA, NONE_OIDC],
        ),
        rule(
            "POLL-07",
            "polls-too-often",
            "M",
            "medium",
            Verdict::Fail,
            ("Опрос не чаще срока", "Polls no sooner than told"),
            &[PAID],
        ),
        rule(
            "REQ-02",
            "state-repeated",
            "M",
            "high",
            Verdict::Pass,
            ("state не повторяется", "state is never repeated"),
            &[PLAIN],
        ),
        rule(
            "REQ-30",
            "nonce-short",
            "S",
            "low",
            Verdict::Warning,
            ("nonce достаточной длины", "nonce is long enough"),
            &[PLAIN],
        ),
        RuleResult {
            why: Some(Bilingual::new("нечего судить", "nothing to judge")),
            ..rule(
                "TOK-09",
                "token-kept",
                "M",
                "high",
                Verdict::Inconclusive,
                ("Токен не хранится", "The token is not kept"),
                &[],
            )
        },
    ]
}

fn scenario(id: &str, row: Option<&str>, protocol: &str, requirements: &[&str], verdict: Verdict) -> ScenarioResult {
    let case = match row {
        Some(row) => format!("{id}[{row}]/{protocol}"),
        None => format!("{id}/{protocol}"),
    };
    let played = verdict != Verdict::NotClaimed;
    ScenarioResult {
        id: id.to_owned(),
        row: row.map(str::to_owned),
        title: Bilingual::new(format!("Сценарий {id}"), format!("Scenario {id}")),
        protocol: protocol.to_owned(),
        requirements: words(requirements),
        verdict,
        why: (!played)
            .then(|| Bilingual::new("банк не заявляет: pension.view", "the bank does not claim pension.view")),
        duration_ms: 310,
        steps: vec![StepResult {
            index: 0,
            step: "bank: customer.link".to_owned(),
            state: if verdict == Verdict::Fail { "unmet" } else { "done" }.to_owned(),
            seen: Some("outcome ok".to_owned()),
        }],
        trace: played.then(|| format!("traces/{id}_{protocol}.json")),
        trace_sha256: played.then(|| "0f".repeat(32)),
        calls: BTreeMap::from([("GET /rs/prns/{id}".to_owned(), 1), ("POST /aas/oauth2/v3/te".to_owned(), 1)]),
        reached: Default::default(),
        case,
    }
}

fn scenarios() -> Vec<ScenarioResult> {
    vec![
        scenario("debt-paid", None, "esia-v3", &["DEB-2"], Verdict::Fail),
        scenario("id-token-signature-lies", Some("none"), "esia-v3", &["IDN-1"], Verdict::Fail),
        scenario("id-token-signature-lies", Some("none"), "oidc", &["IDN-1"], Verdict::Fail),
        scenario("pension-shown", None, "oidc", &["PEN-1"], Verdict::NotClaimed),
        scenario("sign-in", None, "oidc", &["IDN-1"], Verdict::Pass),
    ]
}

fn finding(rule: Option<(&str, &str)>, case: &str, verdict: Verdict, severity: &str, message: (&str, &str)) -> Finding {
    Finding {
        rule_id: rule.map(|(id, _)| id.to_owned()),
        slug: rule.map(|(_, slug)| slug.to_owned()),
        scenario_id: case.split(['[', '/']).next().unwrap_or_default().to_owned(),
        case: case.to_owned(),
        verdict,
        severity: severity.to_owned(),
        message: Bilingual::new(message.0, message.1),
        evidence: Vec::new(),
        advice: Bilingual::new(
            "Проверяйте подпись до чтения содержимого.",
            "Check the signature before reading the claims.",
        ),
    }
}

fn findings() -> Vec<Finding> {
    let signature = Some(("IDT-01", "id-token-signature-unchecked"));
    let accepted = (
        "Банк принял id-токен без подписи и открыл сеанс.",
        "The bank took an unsigned id token and opened a session for <b>Анна</b>\u{1b}[2J.",
    );
    vec![
        Finding {
            evidence: vec![
                evidence(
                    "exchange:42",
                    "the id token served had alg none",
                    "traces/id-token-signature-lies_esia-v3.json",
                ),
                evidence("report:f-3", "<script>alert(1)</script> outcome ok", "javascript:alert(1)"),
            ],
            ..finding(signature, NONE_ESIA, Verdict::Fail, "critical", accepted)
        },
        finding(signature, NONE_OIDC, Verdict::Fail, "critical", accepted),
        finding(
            Some(("POLL-07", "polls-too-often")),
            PAID,
            Verdict::Fail,
            "medium",
            ("Опрос через 200 мс при сроке 1 с.", "Polled after 200 ms, told to wait 1 s."),
        ),
        finding(
            None,
            PAID,
            Verdict::Fail,
            "medium",
            (
                "Ожидание сценария не выполнено: нет payment.accepted",
                "An expectation does not hold: no payment.accepted",
            ),
        ),
        finding(
            Some(("TOK-09", "token-kept")),
            "",
            Verdict::Inconclusive,
            "high",
            ("нечего судить", "nothing to judge"),
        ),
        finding(
            Some(("REQ-30", "nonce-short")),
            PLAIN,
            Verdict::Warning,
            "low",
            ("nonce из 8 знаков", "the nonce has 8 characters"),
        ),
    ]
}

fn left_out() -> Vec<LeftOut> {
    vec![
        LeftOut {
            what: "pension-shown/oidc".to_owned(),
            verdict: Verdict::NotClaimed,
            why: Bilingual::new("банк не заявляет: pension.view", "the bank does not claim pension.view"),
        },
        LeftOut {
            what: "TOK-09 token-kept".to_owned(),
            verdict: Verdict::Inconclusive,
            why: Bilingual::new("нечего судить", "nothing to judge"),
        },
    ]
}
