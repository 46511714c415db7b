//! What each token is good for.

use contract::time::Span;
use domain::{
    Ask, AuthorisationRequest, Bearer, CertificateProof, Command, Misuse, RedeemCode, RefreshTokens, Reply, TokenRef,
};

use crate::stage::{BANK, CALLBACK, OTHER_BANK, Stage, anna, boris, proof, request};

fn offline() -> AuthorisationRequest {
    AuthorisationRequest { offline: true, ..request() }
}

fn refresh(digest: &str, next: &str, scopes: Option<&[&str]>) -> Command {
    Command::RefreshTokens(Box::new(RefreshTokens {
        proof: proof(BANK),
        digest: digest.into(),
        next_digest: next.into(),
        scopes: scopes.map(|all| all.iter().map(|scope| (*scope).to_owned()).collect()),
        certificate: None,
    }))
}

#[test]
fn a_refresh_token_is_replaced_and_its_reuse_ends_the_family() {
    let mut stage = Stage::new();
    let code = stage.sign_in(offline(), anna());
    let first = stage.redeem(&code).unwrap().refresh.unwrap().digest.unwrap();
    let second = stage.grant(refresh(&first, "second", None)).unwrap();
    assert_eq!(second.access.scopes, ["openid", "fullname"]);
    assert_eq!(stage.run(refresh(&first, "third", None)).unwrap_err().cause, "refresh-reused");
    assert!(!stage.world.tokens.is_active(&second.access.id, stage.now));
    assert_eq!(stage.run(refresh("second", "third", None)).unwrap_err().cause, "refresh-revoked");
}

#[test]
fn a_refresh_may_narrow_and_never_widen() {
    let mut stage = Stage::new();
    let code = stage.sign_in(offline(), anna());
    let first = stage.redeem(&code).unwrap().refresh.unwrap().digest.unwrap();
    let wide = refresh(&first, "second", Some(&["fullname", "snils"]));
    assert_eq!(stage.run(wide).unwrap_err().cause, "scope-widened");
    let narrow = stage.grant(refresh(&first, "second", Some(&["fullname"]))).unwrap();
    assert_eq!(narrow.access.scopes, ["fullname"]);
    let again = stage.grant(refresh("second", "third", None)).unwrap();
    assert_eq!(again.access.scopes, ["openid", "fullname"], "the refresh token stays as wide as it was");
}

#[test]
fn a_refresh_token_may_be_kept() {
    let mut stage = Stage::new();
    let code = stage.sign_in(offline(), anna());
    let digest = stage.redeem(&code).unwrap().refresh.unwrap().digest.unwrap();
    for _ in 0..2 {
        let grant = stage.grant(refresh(&digest, &digest, None)).unwrap();
        assert_eq!(grant.refresh.unwrap().digest.as_deref(), Some(digest.as_str()));
    }
}

#[test]
fn an_access_token_opens_its_own_person_within_its_life() {
    let mut stage = Stage::new();
    let code = stage.sign_in(request(), anna());
    let bearer = Bearer { token: stage.redeem(&code).unwrap().access.id, certificate: None };
    let read = |citizen| Command::ReadPerson { bearer: bearer.clone(), citizen, groups: vec![] };
    let Reply::Person { citizen, scopes, .. } = stage.run(read(None)).unwrap() else { panic!() };
    assert_eq!(citizen.oid.wide(), anna());
    assert!(scopes.contains("fullname") && !scopes.contains("snils"));
    assert_eq!(stage.run(read(Some(boris()))).unwrap_err().code, "token-other-citizen");
    stage.advance(Span::from_seconds(3600));
    assert_eq!(stage.run(read(None)).unwrap_err().code, "token-expired");
    assert_eq!(stage.misuses(), [Misuse::OtherCitizen, Misuse::Expired]);
}

#[test]
fn a_revoked_token_opens_nothing_and_strangers_revoke_nothing() {
    let mut stage = Stage::new();
    let code = stage.sign_in(request(), anna());
    let token = stage.redeem(&code).unwrap().access.id;
    let revoke = |client: &str| Command::RevokeToken { proof: proof(client), token: TokenRef::Id(token.clone()) };
    stage.run(revoke(OTHER_BANK)).unwrap();
    assert!(stage.world.tokens.is_active(&token, stage.now));
    stage.run(revoke(BANK)).unwrap();
    stage.run(revoke(BANK)).unwrap();
    assert_eq!(stage.count("token.revoked"), 1);
    let bearer = Bearer { token, certificate: None };
    let refusal = stage.run(Command::ReadPerson { bearer, citizen: None, groups: vec![] }).unwrap_err();
    assert_eq!(refusal.code, "token-invalid");
}

#[test]
fn a_bound_token_is_useless_without_its_certificate() {
    let mut stage = Stage::new();
    let code = stage.sign_in(request(), anna());
    let ask = RedeemCode {
        proof: proof(BANK),
        code: code.id.clone(),
        redirect_uri: CALLBACK.into(),
        verifier: None,
        refresh_digest: String::new(),
        certificate: Some(CertificateProof::shown("own")),
    };
    let token = stage.grant(Command::RedeemCode(Box::new(ask))).unwrap().access.id;
    let read = |certificate: Option<&str>| Command::ReadPerson {
        bearer: Bearer { token: token.clone(), certificate: certificate.map(CertificateProof::shown) },
        citizen: None,
        groups: vec![],
    };
    assert!(stage.run(read(Some("own"))).is_ok());
    assert_eq!(stage.run(read(None)).unwrap_err().code, "token-binding-wrong");
    assert_eq!(stage.run(read(Some("thief"))).unwrap_err().code, "token-binding-wrong");
    assert_eq!(stage.misuses(), [Misuse::Binding, Misuse::Binding]);
}

#[test]
fn a_data_token_serves_one_request_and_no_second() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts", "pension"]);
    let ask = stage.ask(anna());
    stage.run(Command::ListDebts { ask: ask.clone(), cursor: None }).unwrap();
    let again = stage.run(Command::ListDebts { ask: ask.clone(), cursor: None }).unwrap_err();
    assert_eq!(again.code, "token-spent");
    let day = stage.now.day();
    let other = stage.run(Command::ReadPension { ask, from: day, to: day, deferred: None }).unwrap_err();
    assert_eq!(other.code, "token-other-request");
    assert_eq!(stage.misuses(), [Misuse::SecondUse, Misuse::OtherRequest]);
}

#[test]
fn a_data_token_is_for_its_person_purpose_data_and_time() {
    let mut stage = Stage::new();
    stage.consent(anna(), &["debts"]);
    let ask = stage.ask(anna());
    let day = stage.now.day();
    let list = |ask: Ask| Command::ListDebts { ask, cursor: None };
    assert_eq!(stage.run(list(Ask { person: boris(), ..ask.clone() })).unwrap_err().code, "token-other-citizen");
    assert_eq!(
        stage.run(list(Ask { purpose: "IDENTIFICATION".into(), ..ask.clone() })).unwrap_err().code,
        "purpose-mismatch"
    );
    let pension = Command::ReadPension { ask: ask.clone(), from: day, to: day, deferred: None };
    assert_eq!(stage.run(pension).unwrap_err().code, "scope-missing");
    stage.advance(Span::from_minutes(10));
    assert_eq!(stage.run(list(ask)).unwrap_err().code, "token-expired");
}

#[test]
fn an_access_token_is_not_a_data_token() {
    let mut stage = Stage::new();
    let code = stage.sign_in(crate::stage::consent_request(&["debts"]), anna());
    let bearer = Bearer { token: stage.redeem(&code).unwrap().access.id, certificate: None };
    let ask = Ask { bearer, person: anna(), purpose: "CREDIT".into() };
    assert_eq!(stage.run(Command::ListDebts { ask, cursor: None }).unwrap_err().code, "token-kind-wrong");
}

#[test]
fn a_data_token_may_be_asked_on_a_named_consent_of_ones_own_only() {
    let mut stage = Stage::new();
    let id = stage.consent(anna(), &["debts"]);
    let by = |client: &str, oid: i64, consent: Option<&str>| Command::ClientCredentials {
        proof: proof(client),
        scopes: vec![format!("prm_chg?oid={oid}")],
        consent: consent.map(str::to_owned),
        certificate: None,
    };
    assert_eq!(stage.grant(by(BANK, anna(), Some(&id))).unwrap().consent.as_deref(), Some(id.as_str()));
    for stranger in [by(OTHER_BANK, anna(), Some(&id)), by(BANK, boris(), Some(&id)), by(OTHER_BANK, anna(), None)] {
        assert_eq!(stage.run(stranger).unwrap_err().code, "ESIA-007019");
    }
}
