//! Consents from the question to their end.

use contract::consent::ConsentState;
use contract::time::Span;
use domain::{Answer, Ask, Bearer, Command, Fact, HookState, Reply, Step};
use serde_json::Value;

use crate::stage::{BANK, OTHER_BANK, Stage, anna, boris, consent_request, proof, request};

fn asked(stage: &mut Stage) -> (String, String) {
    let (flow, _) = stage.begin(consent_request(&["debts", "pension"])).unwrap();
    stage.password(&flow, anna(), &format!("password-{}", anna()));
    let code = stage.sent_code(anna());
    let Step::Decision { consent: Some(consent), .. } = stage.otp(&flow, &code) else { panic!("no consent screen") };
    (flow, consent)
}

fn last_hook(stage: &Stage) -> Value {
    serde_json::from_str(&stage.world.hooks.all().last().expect("a hook").body).unwrap()
}

#[test]
fn a_consent_is_asked_told_given_and_recorded_in_full() {
    let mut stage = Stage::new();
    let (flow, id) = asked(&mut stage);
    assert_eq!(stage.world.consents.find(&id).unwrap().state, ConsentState::Requested);
    let told = stage.world.messages.of(anna()).last().unwrap();
    assert!(told.text.contains("Банк Пример") && told.text.contains("Задолженности"), "{}", told.text);

    stage.answer(&flow, Answer::Approve { grant: Some(vec!["debts".into()]) });
    let consent = stage.world.consents.find(&id).unwrap();
    assert_eq!((consent.state, consent.scopes.as_slice()), (ConsentState::Granted, &["debts".to_owned()][..]));
    assert_eq!(consent.ip.as_deref(), Some("127.0.0.1"));
    assert_eq!(consent.expires_at, Some(stage.now + Span::from_days(30)));
    let hook = last_hook(&stage);
    assert_eq!((&hook["type"], &hook["consent"]["state"]), (&"consent.granted".into(), &"granted".into()));
    assert_eq!(hook["consent"]["scopes"], serde_json::json!(["debts"]));
    assert_eq!(hook["id"], stage.world.hooks.all().last().unwrap().id.as_str());
}

#[test]
fn a_refused_consent_ends_the_flow_and_opens_nothing() {
    let mut stage = Stage::new();
    let (flow, id) = asked(&mut stage);
    let step = stage.answer(&flow, Answer::Refuse);
    assert!(matches!(step, Step::Ended(verdict) if verdict.code == "ESIA-007004"));
    assert_eq!(stage.world.consents.find(&id).unwrap().state, ConsentState::Refused);
    assert_eq!(stage.data_token(anna()).unwrap_err().code, "ESIA-007019");
    assert_eq!(last_hook(&stage)["consent"]["state"], "refused");
}

#[test]
fn an_unanswered_request_expires_and_the_bank_is_told() {
    let mut stage = Stage::new();
    let (_, id) = asked(&mut stage);
    stage.advance(Span::from_minutes(15));
    assert_eq!(stage.world.consents.find(&id).unwrap().state, ConsentState::Expired);
    assert_eq!(last_hook(&stage)["consent"]["state"], "expired");
    assert!(stage.events.iter().any(|event| matches!(event.fact, Fact::ConsentExpired { unanswered: true, .. })));
}

#[test]
fn revocation_by_the_citizen_stops_the_very_next_read() {
    let mut stage = Stage::new();
    let id = stage.consent(anna(), &["debts"]);
    let held = stage.ask(anna());
    stage.run(Command::RevokeConsentByCitizen { consent: id.clone() }).unwrap();
    let refusal = stage.run(Command::ListDebts { ask: held, cursor: None }).unwrap_err();
    assert_eq!(refusal.code, "consent-revoked");
    assert_eq!(stage.misuses(), [domain::Misuse::ConsentOver]);
    assert_eq!(stage.data_token(anna()).unwrap_err().code, "ESIA-007019");
    assert_eq!(last_hook(&stage)["consent"]["state"], "revoked");
    assert_eq!(stage.run(Command::RevokeConsentByCitizen { consent: id }).unwrap_err().code, "consent-not-standing");
}

#[test]
fn the_bank_gives_up_its_own_consent_and_may_say_so_twice() {
    let mut stage = Stage::new();
    let id = stage.consent(anna(), &["debts"]);
    let command = Command::ClientCredentials {
        proof: proof(BANK),
        scopes: vec!["consents".into()],
        consent: None,
        certificate: None,
    };
    let bearer = Bearer { token: stage.grant(command).unwrap().access.id, certificate: None };
    for _ in 0..2 {
        let revoke = Command::RevokeConsentByBank { bearer: bearer.clone(), consent: id.clone() };
        let Reply::Consent(consent) = stage.run(revoke).unwrap() else { panic!() };
        assert_eq!(consent.state, ConsentState::Revoked);
    }
    assert_eq!(stage.count("consent.revoked"), 1);
    let read = Command::ReadConsent { bearer, consent: id };
    assert!(stage.run(read).is_ok(), "the bank may learn what became of it");
}

#[test]
fn another_banks_consent_is_not_there() {
    let mut stage = Stage::new();
    let id = stage.consent(anna(), &["debts"]);
    let command = Command::ClientCredentials {
        proof: proof(OTHER_BANK),
        scopes: vec!["consents".into()],
        consent: None,
        certificate: None,
    };
    let bearer = Bearer { token: stage.grant(command).unwrap().access.id, certificate: None };
    for command in [
        Command::ReadConsent { bearer: bearer.clone(), consent: id.clone() },
        Command::RevokeConsentByBank { bearer, consent: id.clone() },
    ] {
        assert_eq!(stage.run(command).unwrap_err().code, "consent-unknown");
    }
}

#[test]
fn two_consents_live_apart() {
    let mut stage = Stage::new();
    let first = stage.consent(anna(), &["debts"]);
    let second = stage.consent(anna(), &["pension"]);
    assert_eq!(stage.world.consents.of_person(anna()).len(), 2);
    stage.run(Command::RevokeConsentByCitizen { consent: first }).unwrap();
    assert_eq!(stage.world.consents.standing(BANK, anna(), stage.now).unwrap().id, second);
}

#[test]
fn time_ends_a_consent_before_its_entry_is_written() {
    let mut stage = Stage::new();
    let id = stage.consent(anna(), &["debts"]);
    let held: Ask = stage.ask(anna());
    stage.now = stage.now + Span::from_days(30);
    let consent = stage.world.consents.find(&id).unwrap();
    assert_eq!((consent.state, consent.state_at(stage.now)), (ConsentState::Granted, ConsentState::Expired));
    assert_eq!(stage.data_token(anna()).unwrap_err().code, "ESIA-007019");
    assert_eq!(stage.run(Command::ListDebts { ask: held, cursor: None }).unwrap_err().code, "token-expired");
    stage.advance(Span::ZERO);
    assert_eq!(stage.count("consent.expired"), 1);
}

#[test]
fn purposes_and_data_beyond_the_partner_are_not_asked_of_the_person() {
    let mut stage = Stage::new();
    assert_eq!(stage.begin(consent_request(&["inn"])).unwrap_err().cause, "scope-not-allowed");
    let mut request = consent_request(&["debts"]);
    request.permissions.as_mut().unwrap()[0].purposes = vec!["FIN_AGREEMENT".into()];
    assert_eq!(stage.begin(request).unwrap_err().cause, "consent-purpose-not-allowed");
}

#[test]
fn a_hook_is_tried_again_with_the_same_bytes_and_given_up_in_the_end() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts"]);
    let hook = stage.world.hooks.due(stage.now)[0].clone();
    let mut waits = vec![];
    while let HookState::Due(at) = stage.world.hooks.find(&hook.id).unwrap().state {
        waits.push(at.since(stage.now).millis());
        stage.now = at;
        stage.run(Command::HookFailed { id: hook.id.clone(), status: Some(503) }).unwrap();
    }
    assert!(waits.windows(2).skip(1).all(|pair| pair[0] < pair[1]), "{waits:?}");
    assert_eq!(waits.len(), 8);
    assert_eq!(stage.world.hooks.find(&hook.id).unwrap().body, hook.body);
    stage.run(Command::HookDelivered { id: hook.id.clone(), status: 200 }).unwrap();
    assert_eq!(stage.count("hook.delivered"), 0, "what was given up is not delivered any more");
}

#[test]
fn a_plain_sign_in_makes_no_consent() {
    let mut stage = Stage::new();
    stage.sign_in(request(), boris());
    assert!(stage.world.consents.of_person(boris()).is_empty());
    assert_eq!(stage.data_token(boris()).unwrap_err().cause, "consent-absent");
}
