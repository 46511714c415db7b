//! To whom and to what flow a reading gives what it finds: exchanges, tokens, codes, lies.

use contract::adapter::{Outcome, ReasonClass};
use contract::exchange::Party;
use contract::journal::kinds;
use serde_json::{Value, json};

use crate::finding::Verdict;
use crate::reading::{Area, Kind, Reading};
use crate::testkit::*;
use crate::trace::{Trace, What};

const JWKS: &str = "/.well-known/jwks.json";

#[test]
fn the_journal_says_whom_a_lie_was_told_where_the_wire_does_not() {
    let told = |by: &str, citizen: i64| {
        let mut scene = Scene::oidc();
        let [anna, boris] = [ANNA, BORIS].map(|oid| scene.begin("customer.link", oid, json!({})));
        let keys = scene.exchange(Party::Bank, Party::Portal, "GET", &format!("{PORTAL}{JWKS}"));
        scene.lie(keys, "keys-empty");
        let id = scene.wire(keys).id;
        let entry = scene.journal(kinds::FAULT_TOLD, Some(citizen), json!({"fault": by}));
        let What::Journal(entry) = &mut scene.trace.events[entry].what else { panic!() };
        entry.exchange = Some(id);
        scene.report(&anna, Outcome::Refused, Some(ReasonClass::Signature), json!({}));
        scene.report(&boris, Outcome::Ok, None, json!({}));
        verdict("KEY-13", &scene)
    };
    assert_eq!(told("keys-empty", ANNA), Verdict::Pass);
    assert_eq!(told("keys-empty", BORIS), Verdict::Fail);
    assert_eq!(told("key-use-enc", ANNA), Verdict::Fail);
}

#[test]
fn a_code_belongs_to_the_flow_of_its_answer_or_to_the_state_beside_it() {
    let mut scene = Scene::oidc();
    let link = scene.link(ANNA);
    let other = scene.link(BORIS);
    let of = |scene: &Scene, code: &str| Reading::of(&scene.trace).ask_of_code(code).and_then(|ask| ask.citizen);
    assert_eq!(of(&scene, &link.code), Some(ANNA));
    assert_eq!(of(&scene, &other.code), Some(BORIS));
    assert_eq!(of(&scene, "no-such-code"), None);
    scene.wire(link.redirect).flow = None;
    assert_eq!(of(&scene, &link.code), Some(ANNA));
}

#[test]
fn tokens_lead_to_their_call_and_person() {
    let mut scene = Scene::oidc();
    let (anna, boris) = (scene.link(ANNA), scene.link(BORIS));
    let reading = Reading::of(&scene.trace);
    assert_eq!(reading.citizen_of_token(&anna.access), Some(ANNA));
    assert_eq!(reading.citizen_of_token(&boris.refresh), Some(BORIS));
    assert_eq!(reading.citizen_of_token("unknown"), None);
    let call = reading.origin_of_token(&anna.access).unwrap();
    let mut kinds: Vec<Kind> = reading.tokens_of(call).into_iter().map(|(_, kind)| kind).collect();
    kinds.sort();
    assert_eq!(kinds, [Kind::Access, Kind::Id, Kind::Refresh]);
    assert_eq!(reading.all_tokens().count(), 6);
}

#[test]
fn giving_a_token_up_is_no_use_of_it() {
    let mut scene = Scene::oidc();
    let link = scene.link(ANNA);
    let used = |scene: &Scene| Reading::of(&scene.trace).uses_of(&link.access, i64::MIN).len();
    let before = used(&scene);
    for path in ["/oidc/revoke", "/oidc/introspect", "/oidc/end-session"] {
        scene.call("POST", path, &link.access, 200, &Value::Null);
    }
    assert_eq!(used(&scene), before);
    scene.call("GET", "/oidc/userinfo", &link.access, 200, &Value::Null);
    assert_eq!(used(&scene), before + 1);
}

#[test]
fn a_moment_belongs_to_the_latest_open_flow_of_its_person() {
    let mut scene = Scene::oidc();
    let first = scene.begin("customer.link", ANNA, json!({}));
    let other = scene.begin("customer.link", BORIS, json!({}));
    let second = scene.begin("customer.profile", ANNA, json!({}));
    let at = |scene: &Scene, index: usize| scene.trace.events[index].wall_us;
    for flow in [&second, &other, &first] {
        scene.report(flow, Outcome::Ok, None, json!({}));
    }
    let id = |scene: &Scene, wall_us: i64, oid: Option<i64>| {
        Reading::of(&scene.trace).flow_at(wall_us, oid).map(|flow| flow.id.to_owned())
    };
    // Between the three beginnings and the three ends; then after the second flow has ended; then after all.
    assert_eq!(id(&scene, at(&scene, 2) + 1, Some(ANNA)), Some(second.clone()));
    assert_eq!(id(&scene, at(&scene, 2) + 1, Some(BORIS)), Some(other.clone()));
    assert_eq!(id(&scene, at(&scene, 2) + 1, None), Some(second.clone()));
    assert_eq!(id(&scene, at(&scene, 3) + 1, Some(ANNA)), Some(first.clone()));
    assert_eq!(id(&scene, at(&scene, 5) + 1, Some(ANNA)), Some(second.clone()));
    assert_eq!(id(&scene, at(&scene, 0) - 1, Some(ANNA)), None);
}

#[test]
fn a_flow_whose_beginning_was_not_seen_reaches_back_from_its_first_report() {
    let mut scene = Scene::oidc();
    let flow = scene.begin("customer.link", ANNA, json!({}));
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene.trace.events.remove(0);
    let before = scene.trace.events[0].wall_us - 1;
    let found = |wall_us: i64| Reading::of(&scene.trace).flow_at(wall_us, Some(ANNA)).map(|flow| flow.id.to_owned());
    assert_eq!(found(before), Some(flow.clone()));
    assert_eq!(found(before + 2), Some(flow));
}

#[test]
fn addresses_name_the_area_of_a_call_and_its_person() {
    let read = |method: &str, path: &str, body: Value| {
        let mut scene = Scene::oidc();
        let call = scene.call(method, path, "t", 200, &Value::Null);
        scene.wire(call).request.body = contract::exchange::Body::Text(body.to_string());
        Reading::of(&scene.trace).data_calls.first().map(|call| (call.area, call.asked))
    };
    let get = |path: &str| read("GET", path, Value::Null);
    assert_eq!(get("/rs/prns/7/ctts?person=8"), Some((Area::Person, Some(7))));
    assert_eq!(get("/oidc/userinfo"), Some((Area::Person, None)));
    assert_eq!(get("/esia-rs/api/public"), Some((Area::Person, None)));
    assert_eq!(get("/api/v1/consents/c-1?person=8"), Some((Area::Consent, Some(8))));
    assert_eq!(get("/api/v1/debts?person=8"), Some((Area::Service, Some(8))));
    assert_eq!(get("/api/v1/answers/a-1"), Some((Area::Service, None)));
    assert_eq!(get("/other/v1/debts"), None);
    assert_eq!(read("POST", "/api/v1/debts", json!({"person": 9})), Some((Area::Service, Some(9))));
    assert_eq!(read("POST", "/api/v1/debts", json!({"person": "9"})), Some((Area::Service, Some(9))));
    assert_eq!(read("POST", "/api/v1/debts?person=8", json!({"person": 9})), Some((Area::Service, Some(8))));
}

#[test]
fn a_lie_of_the_wire_and_one_of_the_journal_alone_both_count_once() {
    let mut scene = Scene::oidc();
    let keys = scene.exchange(Party::Bank, Party::Portal, "GET", &format!("{PORTAL}{JWKS}"));
    scene.lie(keys, "keys-empty");
    let id = scene.wire(keys).id;
    let entry = scene.journal(kinds::FAULT_TOLD, None, json!({"fault": "keys-empty"}));
    let What::Journal(entry) = &mut scene.trace.events[entry].what else { panic!() };
    entry.exchange = Some(id);
    scene.journal(kinds::FAULT_TOLD, Some(ANNA), json!({"fault": "keys-unreachable"}));
    let lies = |trace: &Trace| -> Vec<(String, Option<i64>)> {
        Reading::of(trace).lies.iter().map(|lie| (lie.fault.to_owned(), lie.citizen)).collect()
    };
    let wanted = [("keys-empty".to_owned(), None), ("keys-unreachable".to_owned(), Some(ANNA))];
    assert_eq!(lies(&scene.trace), wanted);
}

#[test]
fn a_lie_is_ready_by_the_word_of_the_suite_or_of_the_journal() {
    let armed = |kind: &str, actor: &str, fault: &str| {
        let mut scene = Scene::oidc();
        scene.journal(kind, None, json!({"fault": fault}));
        scene.act(actor, "fault", json!({"fault": fault}));
        Reading::of(&scene.trace).armed(&["keys-empty"])
    };
    assert!(armed(kinds::FAULT_ARMED, "bank", "keys-empty"));
    assert!(armed(kinds::FAULT_REMOVED, "portal", "keys-empty"));
    assert!(!armed(kinds::FAULT_REMOVED, "bank", "keys-empty"));
    assert!(!armed(kinds::FAULT_ARMED, "portal", "key-use-enc"));
}

#[test]
fn service_calls_are_those_for_data_of_that_person() {
    let mut scene = Scene::oidc();
    let link = scene.link(ANNA);
    scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
    scene.debts_list(ANNA, "c-1");
    scene.call("GET", "/api/v1/consents/c-1", &link.access, 200, &json!({"id": "c-1"}));
    let reading = Reading::of(&scene.trace);
    assert_eq!(reading.service_calls(ANNA).map(|call| call.path.as_str()).collect::<Vec<_>>(), ["/api/v1/debts"]);
    assert_eq!(reading.service_calls(BORIS).count(), 0);
}

#[test]
fn whom_a_portal_flow_is_about_may_be_told_by_a_later_step_or_the_journal() {
    let asked_by = |wire: bool| {
        let mut scene = Scene::oidc();
        let (pairs, _) = scene.ask_params("openid");
        let ask = scene.ask(ANNA, &pairs);
        scene.wire(ask).citizen = None;
        let flow = scene.wire(ask).flow.clone();
        if wire {
            let step = scene.exchange(Party::Browser, Party::Portal, "POST", &format!("{PORTAL}/login"));
            scene.wire(step).flow = flow;
            scene.wire(step).citizen = Some(ANNA);
        } else {
            let entry = scene.journal("signed.in", Some(ANNA), json!({}));
            let What::Journal(entry) = &mut scene.trace.events[entry].what else { panic!() };
            entry.flow = flow;
        }
        Reading::of(&scene.trace).asks[0].citizen
    };
    assert_eq!(asked_by(true), Some(ANNA));
    assert_eq!(asked_by(false), Some(ANNA));
}

/// An entry of the journal whose exchange is of this party.
fn noted_of(scene: &mut Scene, from: Party, url: &str, kind: &str, data: &Value) {
    let call = scene.exchange(from, Party::Portal, "POST", &format!("{PORTAL}{url}"));
    let id = scene.wire(call).id;
    let entry = scene.journal(kind, Some(ANNA), data.clone());
    let What::Journal(entry) = &mut scene.trace.events[entry].what else { panic!() };
    entry.exchange = Some(id);
}

/// What the suite does with the bank's key is no deed of the bank, whatever the journal tells of it.
#[test]
fn what_an_attacker_did_is_charged_to_nobody() {
    let misused = |id: &str, reason: &str, from: Party| {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        scene.link(BORIS);
        scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
        scene.debts_list(ANNA, "c-1");
        noted_of(&mut scene, from, "/api/v1/debts", kinds::TOKEN_MISUSED, &json!({"id": "t", "reason": reason}));
        verdict(id, &scene)
    };
    let reasons = [
        ("ATU-05", "expired", Verdict::NotApplicable),
        ("ATU-11", "other-citizen", Verdict::Pass),
        ("CST-06", "other-request", Verdict::Pass),
        ("CST-06", "other-citizen", Verdict::Pass),
        ("CST-07", "second-use", Verdict::Pass),
    ];
    for (id, reason, honest) in reasons {
        assert_eq!(misused(id, reason, Party::Attacker), honest, "{id} {reason}");
        assert_eq!(misused(id, reason, Party::Bank), Verdict::Fail, "{id} {reason}");
    }

    let again = |from: Party| {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
        scene.data_token(ANNA, "c-1");
        scene.journal(kinds::CONSENT_REVOKED, Some(ANNA), json!({"id": "c-1", "by": "citizen"}));
        scene.consent(ANNA, "c-2", &["debts"], &["debts"]);
        scene.debts_list(ANNA, "c-2");
        noted_of(
            &mut scene,
            from,
            "/api/v1/debts",
            kinds::TOKEN_MISUSED,
            &json!({"id": "t", "reason": "consent-over"}),
        );
        verdict("CST-17", &scene)
    };
    assert_eq!(again(Party::Attacker), Verdict::Pass);
    assert_eq!(again(Party::Bank), Verdict::Fail);
}

#[test]
fn a_payment_of_an_attacker_is_no_second_one_of_the_bank() {
    let paid = |second: Party| {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
        let flow = scene.begin("debts.pay", ANNA, json!({"uin": "U1", "amount": 50_000, "method": "card"}));
        let token = scene.data_token(ANNA, "c-1");
        let answer = json!({"id": "p-1", "uin": "U1", "amount": 50_000, "state": "settled"});
        for status in [0, 201] {
            let call = scene.pay(ANNA, "U1", &token, "9f1c2d6e-6a10-4f0a-9c3b-7f0f5a6b8c21", &answer, status);
            if status == 0 {
                scene.lie(call, "payment-answer-lost");
                scene.wire(call).response = None;
            }
        }
        for from in [Party::Bank, second] {
            let url = "/api/v1/debts/U1/payments";
            noted_of(&mut scene, from, url, kinds::PAYMENT_ACCEPTED, &json!({"uin": "U1"}));
        }
        scene.report(&flow, Outcome::Ok, None, json!({"payment": answer}));
        verdict("IDEM-04", &scene)
    };
    assert_eq!(paid(Party::Attacker), Verdict::Pass);
    assert_eq!(paid(Party::Bank), Verdict::Fail);
}

#[test]
fn a_consent_that_an_attacker_asks_for_or_gives_up_binds_the_bank_to_nothing() {
    let lapsed = |from: Party| {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        let asked = json!({"id": "c-1", "purposes": ["CREDIT"], "scopes": ["debts"]});
        noted_of(&mut scene, from, "/aas/oauth2/v2/ac", kinds::CONSENT_REQUESTED, &asked);
        scene.journal(kinds::CONSENT_EXPIRED, Some(ANNA), json!({"id": "c-1"}));
        verdict("CST-03", &scene)
    };
    assert_eq!(lapsed(Party::Attacker), Verdict::NotApplicable);
    assert_eq!(lapsed(Party::Bank), Verdict::Fail);

    let given_up = |from: Party| {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        scene.consent(ANNA, "c-1", &["debts"], &["debts"]);
        scene.debts_list(ANNA, "c-1");
        let revoked = json!({"id": "c-1", "by": "bank"});
        noted_of(&mut scene, from, "/api/v1/consents/c-1/revoke", kinds::CONSENT_REVOKED, &revoked);
        scene.probe("data_present", json!({"customer": "x"}), Some(json!(true)), "anna");
        verdict("CST-14", &scene)
    };
    assert_eq!(given_up(Party::Attacker), Verdict::NotApplicable);
    assert_eq!(given_up(Party::Bank), Verdict::Fail);
}

#[test]
fn what_is_told_to_an_attacker_was_not_told_to_the_bank() {
    let told = |from: Party| {
        let mut scene = Scene::oidc();
        scene.link(ANNA);
        let keys = scene.exchange(from, Party::Portal, "GET", &format!("{PORTAL}{JWKS}"));
        scene.lie(keys, "keys-empty");
        let id = scene.wire(keys).id;
        for kind in [kinds::FAULT_TOLD, kinds::WS_OPENED] {
            let entry = scene.journal(kind, None, json!({"fault": "key-use-enc"}));
            let What::Journal(entry) = &mut scene.trace.events[entry].what else { panic!() };
            entry.exchange = Some(id);
        }
        let reading = Reading::of(&scene.trace);
        (reading.lies.len(), reading.sockets.len())
    };
    assert_eq!(told(Party::Attacker), (0, 0));
    assert_eq!(told(Party::Bank), (2, 1));
}
