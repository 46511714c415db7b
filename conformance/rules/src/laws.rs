//! What must hold of every rule: honest recordings are clean, clients that must fail get no pass, and judging is a function.

use contract::adapter::{Outcome, ReasonClass};
use contract::exchange::Party;
use serde_json::{Value, json};

use crate::finding::{Judgement, Verdict};
use crate::rule::{Judge, Level, Refusal, Rule, Unused};
use crate::testkit::*;
use crate::trace::{Protocol, Trace, What};
use crate::{judge, judge_all, rules};

/// A day of a good bank: two people, consents, debts, a payment, pension.
pub(crate) fn good_day(protocol: Protocol) -> Scene {
    let mut scene = Scene::new(protocol);
    scene.link(ANNA);
    scene.link(BORIS);
    scene.consent(ANNA, "c-1", &["debts", "pension"], &["debts", "pension"]);
    scene.debts_list(ANNA, "c-1");
    let flow = scene.begin("debts.pay", ANNA, json!({"uin": "U1", "amount": 50_000, "method": "card"}));
    let token = scene.data_token(ANNA, "c-1");
    let key = scene.fresh();
    let paid = json!({"id": "p-1", "uin": "U1", "amount": 50_000, "state": "settled"});
    scene.pay(ANNA, "U1", &token, &key, &paid, 201);
    scene.journal("payment.accepted", Some(ANNA), json!({"id": "p-1", "uin": "U1", "amount": 50_000}));
    scene.report(&flow, Outcome::Ok, None, json!({"payment": paid}));
    let flow = scene.begin("pension.view", ANNA, json!({"from": "2026-01-01", "to": "2026-06-30"}));
    let token = scene.data_token(ANNA, "c-1");
    let pension = json!({"balance": 1, "accrued": 2, "paid": 3, "next_payment_date": "2026-07-01",
        "operations": [{"date": "2026-02-01", "amount": 5, "source": "СФР"}]});
    scene.call(
        "GET",
        &format!("/api/v1/pension?person={ANNA}&purpose=CREDIT&from=2026-01-01&to=2026-06-30"),
        &token,
        200,
        &pension,
    );
    scene.report(&flow, Outcome::Ok, None, pension);
    scene.journal(
        "handshake",
        None,
        json!({"result": "completed", "versions": ["TLSv1.2", "TLSv1.3"], "suites": ["TLS_AES_128_GCM_SHA256"]}),
    );
    scene.scanned();
    scene.trace.twin = None;
    scene.trace.alive = None;
    scene
}

#[test]
fn an_honest_day_is_clean() {
    for protocol in Protocol::ALL {
        let trace = good_day(protocol).trace;
        let mut passed = 0;
        for (rule, judgement) in judge_all(&trace) {
            assert!(
                matches!(judgement.verdict, Verdict::Pass | Verdict::NotApplicable),
                "{} in {}: {judgement:?}",
                rule.id,
                protocol.as_str()
            );
            passed += usize::from(judgement.verdict == Verdict::Pass);
        }
        assert!(passed > 20, "{passed} passed in {}", protocol.as_str());
    }
}

/// A bank that says something about every flow and calls nobody.
fn idle(protocol: Protocol, outcome: Outcome, class: Option<ReasonClass>) -> Trace {
    let mut scene = Scene::new(protocol);
    // The portal's records may stand beside such a bank; nothing in them is the bank's doing.
    for rule in rules() {
        let faults = match rule.judge {
            Judge::Refusal(row) => row.faults,
            Judge::Accept(row) => row.faults,
            Judge::Duty(_) | Judge::Shown(_) => &[],
        };
        for fault in faults {
            scene.act("portal", "fault", json!({"fault": fault, "person": "anna"}));
        }
    }
    for attack in ["callback-in-fresh-browser", "inject-code", "hook-by-get", "edit-audit"] {
        scene.act("attacker", attack, json!({"person": "anna", "from": "boris", "for": "anna"}));
        let visit = scene.exchange(Party::Attacker, Party::Bank, "GET", &format!("{BANK}/hooks/portal"));
        scene.respond(visit, 404, &[], "");
    }
    let actions = [
        ("customer.link", json!({"scopes": ["openid"], "level": "confirmed"})),
        ("customer.profile", json!({})),
        ("consent.request", json!({"scopes": ["debts"]})),
        ("consent.revoke", json!({"consent": "c-1"})),
        ("debts.list", json!({})),
        ("debts.feed", json!({"external_id": "loan-17", "amount": 5})),
        ("debts.pay", json!({"uin": "U1"})),
        ("pension.view", json!({"from": "2026-01-01", "to": "2026-02-01"})),
        ("pension.view", json!({"from": "2026-01-01", "to": "2026-02-01", "channel": "xml"})),
        ("loan.decide", json!({})),
        ("factor.confirm", json!({"code": "123456"})),
        ("wallet.sync", json!({})),
        ("tax.file", json!({})),
        ("certificate.order", json!({"type": "income"})),
        ("events.follow", json!({})),
        ("document.pass", json!({"documents": []})),
        ("analytics.push", json!({"operations": []})),
    ];
    for (action, params) in actions {
        for oid in [ANNA, BORIS] {
            let flow = scene.begin(action, oid, params.clone());
            scene.report(&flow, outcome, class, json!({}));
        }
    }
    scene.journal("account.locked", Some(ANNA), json!({}));
    scene.journal("consent.refused", Some(ANNA), json!({"id": "c-1"}));
    scene.probe("data_present", json!({}), Some(json!(false)), "anna");
    scene.probe("audit_verify", json!({}), Some(json!(true)), "anna");
    scene.scanned();
    scene.journal(
        "handshake",
        None,
        json!({"result": "aborted", "fault": "cert-expired", "versions": ["1.3"], "suites": ["TLS_AES"]}),
    );
    if let Some(twin) = &mut scene.trace.twin {
        twin.ended_well = outcome == Outcome::Ok;
        twin.calls.clear();
    }
    scene.trace
}

#[test]
fn a_bank_that_does_nothing_passes_nothing() {
    let says = [
        (Outcome::Ok, None),
        (Outcome::Pending, None),
        (Outcome::Error, None),
        (Outcome::Refused, Some(ReasonClass::Transport)),
        (Outcome::Refused, Some(ReasonClass::Consent)),
    ];
    for protocol in Protocol::ALL {
        for (outcome, class) in says {
            for (rule, judgement) in judge_all(&idle(protocol, outcome, class)) {
                assert_ne!(judgement.verdict, Verdict::Pass, "{} on {outcome:?}: {judgement:?}", rule.id);
            }
        }
        let mut mute = Scene::new(protocol);
        mute.begin("customer.link", ANNA, json!({}));
        for (rule, judgement) in judge_all(&mute.trace) {
            assert_ne!(judgement.verdict, Verdict::Pass, "{}: {judgement:?}", rule.id);
        }
    }
}

/// A recording in which one lie was told, and where its parts stand.
pub(crate) struct Told {
    pub(crate) scene: Scene,
    pub(crate) flow: String,
    /// The refused thing: a code or a token.
    pub(crate) thing: String,
    pub(crate) at: usize,
}

/// The lie of a row told to a bank that has not yet answered it.
pub(crate) fn told(protocol: Protocol, row: &Refusal, fault: &'static str) -> Told {
    let mut scene = Scene::new(protocol);
    match row.unused {
        Unused::Code => {
            let flow = scene.begin("customer.link", ANNA, json!({"scopes": ["openid"]}));
            let (pairs, _) = scene.ask_params("openid");
            let ask = scene.ask(ANNA, &pairs);
            let code = scene.fresh();
            let redirect = scene.redirect_only(ask, &[("code", &code), ("state", "wrong")]);
            let attacker = fault.starts_with("attacker:");
            if attacker {
                scene.act("attacker", fault.trim_start_matches("attacker:"), json!({"person": "anna"}));
            } else {
                scene.lie(redirect, fault);
            }
            let from = if attacker { Party::Attacker } else { Party::Browser };
            let visit = scene.exchange(from, Party::Bank, "GET", &format!("{CALLBACK}?code={code}&state=wrong"));
            scene.respond(visit, 403, &[("Content-Type", "text/html")], "<p>Отказано</p>");
            Told { scene, flow, thing: code, at: visit }
        }
        Unused::Tokens => {
            let link = scene.link_begin(ANNA);
            let at = if fault.starts_with("key") {
                let keys =
                    scene.exchange(Party::Bank, Party::Portal, "GET", &format!("{PORTAL}/.well-known/jwks.json"));
                scene.respond(keys, 200, &[], r#"{"keys":[]}"#);
                keys
            } else {
                link.exchange
            };
            scene.lie(at, fault);
            Told { scene, flow: link.flow, thing: link.access, at }
        }
        Unused::Answer => {
            let link = scene.link_begin(ANNA);
            let path = if fault.starts_with("userinfo") { "/oidc/userinfo" } else { "/api/v1/debts" };
            let at = scene.call("GET", path, &link.access, 200, &json!({"planted": "value of the lie"}));
            scene.lie(at, fault);
            Told { scene, flow: link.flow, thing: "value of the lie".to_owned(), at }
        }
        Unused::Connection => {
            scene.link(BORIS);
            let flow = scene.begin("customer.profile", ANNA, json!({}));
            let at = scene.journal(
                "handshake",
                None,
                json!({"result": "aborted", "alert": "bad_certificate", "fault": fault}),
            );
            Told { scene, flow, thing: String::new(), at }
        }
        Unused::Event => {
            scene.link(ANNA);
            scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
            let flow = "-".to_owned();
            let at = scene.hook("e-1", "c-1", "revoked", 401);
            scene.lie(at, fault);
            Told { scene, flow, thing: "c-1".to_owned(), at }
        }
    }
}

/// The bank uses what it had to refuse.
fn use_it(told: &mut Told, row: &Refusal) {
    let thing = told.thing.clone();
    match row.unused {
        Unused::Code => {
            let body = [("grant_type", "authorization_code"), ("code", thing.as_str())];
            told.scene.token_call(ANNA, &body, &json!({"error": "invalid_grant"}));
        }
        Unused::Tokens => {
            let path = told.scene.person_path(ANNA);
            told.scene.call("GET", &path, &thing, 200, &json!({}));
        }
        Unused::Answer => {
            let flow = told.flow.clone();
            told.scene.report(
                &flow,
                Outcome::Refused,
                row.classes.first().copied(),
                json!({"profile": {"last_name": thing}}),
            );
        }
        Unused::Connection => {
            told.scene.call("GET", "/rs/prns/1", "a-token-of-anna", 200, &json!({}));
        }
        Unused::Event => {
            told.scene.probe("consent_state", json!({"consent": thing}), Some(json!("revoked")), "anna");
        }
    }
}

fn refusal_rows() -> impl Iterator<Item = (&'static Rule, Refusal, &'static str, Protocol)> {
    rules().iter().flat_map(|rule| {
        let row = match rule.judge {
            Judge::Refusal(row) => Some(row),
            _ => None,
        };
        let combine = move |row: Refusal| {
            row.faults
                .iter()
                .flat_map(move |fault| rule.protocols.iter().map(move |protocol| (rule, row, *fault, *protocol)))
        };
        row.into_iter().flat_map(combine)
    })
}

fn word(rule: &Rule, told: &Told) -> Judgement {
    judge(rule, &told.scene.trace)
}

#[test]
fn a_refusal_in_five_points_passes() {
    for (rule, row, fault, protocol) in refusal_rows() {
        let mut told = told(protocol, &row, fault);
        if row.unused != Unused::Event {
            let flow = told.flow.clone();
            told.scene.report(&flow, Outcome::Refused, row.classes.first().copied(), json!({}));
        }
        let judgement = word(rule, &told);
        assert_eq!(judgement.verdict, Verdict::Pass, "{} {fault} {}: {judgement:?}", rule.id, protocol.as_str());
        assert!(judgement.evidence.len() >= 2, "{}", rule.id);
    }
}

#[test]
fn a_refusal_without_a_living_twin_or_afterlife_is_inconclusive() {
    for (rule, row, fault, protocol) in refusal_rows() {
        for missing in 0..4 {
            let mut told = told(protocol, &row, fault);
            if row.unused != Unused::Event {
                let flow = told.flow.clone();
                told.scene.report(&flow, Outcome::Refused, row.classes.first().copied(), json!({}));
            }
            match missing {
                0 => told.scene.trace.twin = None,
                1 => told.scene.trace.twin.as_mut().unwrap().ended_well = false,
                2 => told.scene.trace.twin.as_mut().unwrap().calls.clear(),
                _ => told.scene.trace.alive.as_mut().unwrap().ended_well = false,
            }
            let judgement = word(rule, &told);
            assert_eq!(judgement.verdict, Verdict::Inconclusive, "{} {missing}: {judgement:?}", rule.id);
        }
    }
}

#[test]
fn a_refusal_of_another_class_warns_and_none_at_all_is_inconclusive() {
    for (rule, row, fault, protocol) in refusal_rows().filter(|(_, row, _, _)| row.unused != Unused::Event) {
        let mut other = told(protocol, &row, fault);
        let flow = other.flow.clone();
        let unfit = [ReasonClass::Limit, ReasonClass::Other].into_iter().find(|class| !row.classes.contains(class));
        other.scene.report(&flow, Outcome::Refused, unfit, json!({}));
        let judgement = word(rule, &other);
        assert_eq!(judgement.verdict, Verdict::Warning, "{}: {judgement:?}", rule.id);
        for last in [None, Some(Outcome::Error)] {
            let mut silent = told(protocol, &row, fault);
            if let Some(outcome) = last {
                silent.scene.report(&flow, outcome, None, json!({}));
            }
            let judgement = word(rule, &silent);
            assert_eq!(judgement.verdict, Verdict::Inconclusive, "{} {last:?}: {judgement:?}", rule.id);
        }
    }
}

#[test]
fn taking_the_lie_is_broken_even_when_it_is_late_or_denied() {
    for (rule, row, fault, protocol) in refusal_rows() {
        let broken = rule.level.broken();
        // Used, and reported as refused; then the same an hour later.
        for late_ms in [0, 3_600_000] {
            let mut told = told(protocol, &row, fault);
            if row.unused != Unused::Event {
                let flow = told.flow.clone();
                told.scene.report(&flow, Outcome::Refused, row.classes.first().copied(), json!({}));
            }
            told.scene.pass_ms(late_ms);
            use_it(&mut told, &row);
            let judgement = word(rule, &told);
            assert_eq!(judgement.verdict, broken, "{} {fault} used: {judgement:?}", rule.id);
        }
        // Believed: reported as done.
        let mut believed = told(protocol, &row, fault);
        match row.unused {
            Unused::Event => {
                let at = believed.at;
                believed.scene.respond(at, 204, &[], "");
            }
            Unused::Answer => {
                let flow = believed.flow.clone();
                believed.scene.report(&flow, Outcome::Ok, None, json!({"profile": {"last_name": "Иванова"}}));
            }
            _ => {
                let flow = believed.flow.clone();
                believed.scene.report(&flow, Outcome::Ok, None, json!({}));
            }
        }
        let judgement = word(rule, &believed);
        assert_eq!(judgement.verdict, broken, "{} {fault} believed: {judgement:?}", rule.id);
        // And no twin is needed to see it.
        believed.scene.trace.twin = None;
        assert_eq!(word(rule, &believed).verdict, broken, "{}", rule.id);
    }
}

#[test]
fn a_lie_that_was_not_delivered_proves_nothing() {
    for (rule, row, fault, protocol) in refusal_rows().filter(|(_, row, _, _)| row.unused == Unused::Tokens) {
        let mut told = told(protocol, &row, fault);
        let (flow, at) = (told.flow.clone(), told.at);
        told.scene.wire(at).delivered = false;
        told.scene.report(&flow, Outcome::Refused, row.classes.first().copied(), json!({}));
        assert_eq!(word(rule, &told).verdict, Verdict::Inconclusive, "{}", rule.id);
    }
}

#[test]
fn a_second_honest_answer_is_no_use_of_the_refused_one() {
    let rule = crate::rule("HTTP-20").unwrap();
    let Judge::Refusal(row) = rule.judge else { panic!("a row") };
    let mut told = told(Protocol::Oidc, &row, "answer-empty");
    told.scene.call("GET", "/api/v1/debts", "another-token", 200, &json!({"items": []}));
    let flow = told.flow.clone();
    told.scene.report(&flow, Outcome::Ok, None, json!({"items": []}));
    assert_eq!(word(rule, &told).verdict, Verdict::Pass);
}

#[test]
fn a_key_without_a_name_is_demanded_only_from_a_set_of_one() {
    let rule = crate::rule("IDT-11").unwrap();
    let play = |keys: Value| {
        let mut scene = Scene::new(Protocol::Oidc);
        let link = scene.link_begin(ANNA);
        scene.lie(link.exchange, "id-token-kid-absent");
        if keys.is_array() {
            scene.call("GET", "/.well-known/jwks.json", "", 200, &json!({"keys": keys}));
        }
        scene.report(&link.flow, Outcome::Refused, None, json!({}));
        judge(rule, &scene.trace).verdict
    };
    assert_eq!(play(json!([{"kid": "a"}])), Verdict::Fail);
    assert_eq!(play(json!([{"kid": "a"}, {"kid": "b"}])), Verdict::NotApplicable);
    assert_eq!(play(Value::Null), Verdict::NotApplicable);
}

#[test]
fn oddities_are_taken_or_found() {
    for rule in rules() {
        let Judge::Accept(row) = rule.judge else { continue };
        if row.look.is_some() || row.excuse.is_some() {
            continue;
        }
        for (fault, protocol) in
            row.faults.iter().flat_map(|fault| rule.protocols.iter().map(move |protocol| (fault, *protocol)))
        {
            let play = |outcome: Outcome| {
                let mut scene = Scene::new(protocol);
                let link = scene.link_begin(ANNA);
                let redirect = fault.starts_with("redirect") || *fault == "code-long";
                scene.lie(if redirect { link.redirect } else { link.exchange }, fault);
                scene.report(&link.flow, outcome, None, json!({"profile": {}}));
                scene
            };
            assert_eq!(judge(rule, &play(Outcome::Ok).trace).verdict, Verdict::Pass, "{}", rule.id);
            for outcome in [Outcome::Refused, Outcome::Error, Outcome::Pending] {
                assert_eq!(judge(rule, &play(outcome).trace).verdict, rule.level.broken(), "{} {outcome:?}", rule.id);
            }
            let mut alone = play(Outcome::Ok);
            alone.trace.twin = None;
            assert_eq!(judge(rule, &alone.trace).verdict, Verdict::Inconclusive, "{}", rule.id);
        }
    }
}

#[test]
fn recommendations_only_warn() {
    for (rule, judgement) in judge_all(&idle(Protocol::Oidc, Outcome::Ok, None)) {
        if matches!(rule.level, Level::S | Level::G) {
            assert_ne!(judgement.verdict, Verdict::Fail, "{}", rule.id);
        }
    }
}

#[test]
fn ids_and_slugs_have_their_form() {
    for rule in rules() {
        let (theme, number) = rule.id.split_once('-').unwrap_or_default();
        assert!(theme.len() > 1 && theme.chars().all(|c| c.is_ascii_uppercase()), "{:?} is no id", rule.id);
        assert!(number.len() > 1 && number.chars().all(|c| c.is_ascii_digit()), "{:?} is no id", rule.id);
        let word = |word: &str| !word.is_empty() && word.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9'));
        assert!(
            rule.slug.contains('-') && rule.slug.split(['-', '.']).all(word),
            "{} has the slug {:?}",
            rule.id,
            rule.slug
        );
    }
}

#[test]
fn words_of_reports_are_those_of_the_files() {
    let named = |value: Value| value.as_str().unwrap().to_owned();
    for rule in rules() {
        assert_eq!(named(json!(rule.severity)), rule.severity.as_str());
        assert_eq!(named(json!(rule.level)), rule.level.as_str());
    }
    use Verdict::*;
    for verdict in [Error, Fail, Inconclusive, NotApplicable, NotClaimed, Pass, Warning] {
        assert_eq!(named(json!(verdict)), verdict.as_str());
    }
}

/// Cuts, doubles, moves and blanks parts of a recording.
fn mangle(mut trace: Trace, seeds: &[(usize, u8)]) -> Trace {
    for (at, how) in seeds {
        if trace.events.is_empty() {
            break;
        }
        let index = at % trace.events.len();
        match how % 9 {
            0 => drop(trace.events.remove(index)),
            1 => {
                let copy = trace.events[index].clone();
                trace.events.push(copy);
            }
            2 => trace.events[index].wall_us = i64::MIN,
            3 => trace.events[index].wall_us = i64::MAX,
            4 => trace.events.swap(0, index),
            5 => trace.people.clear(),
            _ => match &mut trace.events[index].what {
                What::Exchange(exchange) => match how % 5 {
                    0 => exchange.response = None,
                    1 => exchange.request.url = "::".to_owned(),
                    2 => exchange.started_us = i64::MAX,
                    3 => exchange.at = contract::time::Timestamp::from_millis(4_000_000_000_000),
                    _ => exchange.citizen = None,
                },
                What::Journal(entry) => entry.data = Value::Null,
                What::Act(act) => act.data = Value::Null,
                What::Reported(reported) => {
                    reported.report.values.clear();
                    reported.params = json!("ü");
                }
                What::Probe(probe) => probe.answer = Some(json!({"state": 1})),
                What::Canary(canary) => canary.place.clear(),
            },
        }
    }
    trace
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn judging_never_panics_and_is_a_function(seeds in proptest::collection::vec((0_usize..400, 0_u8..=255), 0..40), which in 0_usize..3) {
        let trace = mangle(good_day(Protocol::ALL[which]).trace, &seeds);
        let words = |trace: &Trace| judge_all(trace).into_iter().map(|(rule, judgement)| (rule.id, judgement)).collect::<Vec<_>>();
        proptest::prop_assert_eq!(words(&trace), words(&trace));
        let kept: Trace = serde_json::from_str(&serde_json::to_string(&trace).unwrap()).unwrap();
        proptest::prop_assert_eq!(words(&trace), words(&kept));
    }
}
