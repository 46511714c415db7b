//! Requests, passwords, codes, sessions, lock-out.

use contract::time::Span;
use domain::{Answer, AuthorisationRequest, Challenge, Command, Protocol, RedeemCode, Step, Verifier};

use crate::stage::{CALLBACK, OTHER_BANK, Stage, anna, boris, person, proof, request};

#[test]
fn a_person_signs_in_and_the_bank_gets_tokens() {
    let mut stage = Stage::new();
    let code = stage.sign_in(request(), anna());
    assert_eq!(code.expires_at, stage.now + Span::from_seconds(240));
    assert_eq!(code.state.as_deref(), Some("state"));
    let grant = stage.redeem(&code).unwrap();
    assert_eq!(grant.access.scopes, ["openid", "fullname"]);
    assert!(grant.id_token.is_some() && grant.refresh.is_none());
    assert_eq!(grant.access.expires_at, stage.now + Span::from_seconds(3600));
}

#[test]
fn what_was_allowed_once_is_not_asked_again_but_more_is() {
    let mut stage = Stage::new();
    let code = stage.sign_in(request(), anna());
    let (_, step) = stage.begin_with(request(), Some(code.session.clone())).unwrap();
    assert!(matches!(step, Step::Issued(_)), "{step:?}");
    let wider = AuthorisationRequest { scopes: vec!["openid".into(), "snils".into()], ..request() };
    let (_, step) = stage.begin_with(wider, Some(code.session.clone())).unwrap();
    assert_eq!(step, Step::Decision { scopes: vec!["snils".into()], consent: None });
    stage.run(Command::EndSession { session: code.session.clone() }).unwrap();
    let (_, step) = stage.begin_with(request(), Some(code.session)).unwrap();
    assert_eq!(step, Step::Password { left: None });
}

#[test]
fn without_a_session_a_silent_request_ends() {
    let mut stage = Stage::new();
    let silent = AuthorisationRequest { prompt: vec!["none".into()], ..request() };
    let (_, step) = stage.begin(silent).unwrap();
    let Step::Ended(verdict) = step else { panic!("{step:?}") };
    assert_eq!(verdict.code, "oidc-login-required");
}

#[test]
fn three_failures_lock_the_account_and_end_the_flow() {
    let mut stage = Stage::new();
    let (flow, _) = stage.begin(request()).unwrap();
    assert_eq!(stage.password(&flow, anna(), "wrong"), Step::Password { left: Some(2) });
    assert_eq!(stage.password(&flow, anna(), "wrong"), Step::Password { left: Some(1) });
    let Step::Ended(verdict) = stage.password(&flow, anna(), "wrong") else { panic!("not locked") };
    assert_eq!((verdict.code.as_str(), verdict.cause.as_str()), ("ESIA-007004", "account-locked"));
    let until = verdict.until.unwrap();

    // The right password does not help while the lock-out lasts.
    let (flow, _) = stage.begin(request()).unwrap();
    let step = stage.password(&flow, anna(), &format!("password-{}", anna()));
    assert!(matches!(step, Step::Ended(_)), "{step:?}");
    // Others are not concerned.
    stage.sign_in(request(), boris());

    assert_eq!(stage.world.due().unwrap(), stage.world.due().unwrap().min(until));
    stage.advance(until.since(stage.now));
    assert_eq!(stage.count("account.unlocked"), 1);
    stage.sign_in(request(), anna());
}

#[test]
fn wrong_codes_count_towards_the_lock_out_and_a_full_sign_in_ends_the_count() {
    let mut stage = Stage::new();
    let strong = AuthorisationRequest { second_factor: true, ..request() };
    let (flow, _) = stage.begin(strong.clone()).unwrap();
    stage.password(&flow, anna(), "wrong");
    let right = format!("password-{}", anna());
    assert_eq!(stage.password(&flow, anna(), &right), Step::Code { left: None });
    assert_eq!(stage.otp(&flow, "nothing"), Step::Code { left: Some(1) });
    let code = stage.sent_code(anna());
    assert!(matches!(stage.otp(&flow, &code), Step::Decision { .. }));
    assert!(
        stage.world.messages.of(anna()).iter().all(|message| message.code.is_none()),
        "a used code is shown nowhere"
    );

    let (flow, _) = stage.begin(strong).unwrap();
    assert_eq!(stage.password(&flow, anna(), "wrong"), Step::Password { left: Some(2) });
}

#[test]
fn control_unlocks() {
    let mut stage = Stage::new();
    let (flow, _) = stage.begin(request()).unwrap();
    for _ in 0..3 {
        stage.password(&flow, anna(), "wrong");
        if stage.world.citizens.locked_until(anna()).is_some() {
            break;
        }
    }
    stage.run(Command::UnlockAccount { citizen: anna() }).unwrap();
    stage.sign_in(request(), anna());
}

#[test]
fn an_old_code_does_not_serve_after_its_time() {
    let mut stage = Stage::new();
    let (flow, _) = stage.begin(AuthorisationRequest { second_factor: true, ..request() }).unwrap();
    stage.password(&flow, anna(), &format!("password-{}", anna()));
    let code = stage.sent_code(anna());
    stage.advance(Span::from_minutes(6));
    assert_eq!(stage.otp(&flow, &code), Step::Code { left: Some(2) });
    stage.run(Command::ResendCode { flow: flow.clone() }).unwrap();
    let code = stage.sent_code(anna());
    assert!(matches!(stage.otp(&flow, &code), Step::Decision { .. }));
}

#[test]
fn each_wrong_request_has_its_code_and_way_back() {
    let cases: Vec<(&str, bool, AuthorisationRequest)> = vec![
        ("ESIA-007005", false, AuthorisationRequest { client_id: "NOBODY".into(), ..request() }),
        ("ESIA-007023", false, AuthorisationRequest { redirect_uri: format!("{CALLBACK}/"), ..request() }),
        ("ESIA-007009", true, AuthorisationRequest { response_type: "token".into(), ..request() }),
        ("ESIA-007013", true, AuthorisationRequest { scopes: vec![], ..request() }),
        ("ESIA-007006", true, AuthorisationRequest { scopes: vec!["full_name".into()], ..request() }),
        ("ESIA-007006", true, AuthorisationRequest { scopes: vec!["usr_inf".into()], ..request() }),
        ("ESIA-007019", true, AuthorisationRequest { scopes: vec!["inn".into()], ..request() }),
        ("ESIA-007003", true, AuthorisationRequest { person_filter: Some("all".into()), ..request() }),
        ("oidc-pkce-missing", true, AuthorisationRequest { protocol: Protocol::Oidc, ..request() }),
        (
            "ESIA-007003",
            true,
            AuthorisationRequest {
                challenge: Some(Challenge { value: "a".repeat(43), method: "plain".into() }),
                ..request()
            },
        ),
    ];
    for (code, redirectable, request) in cases {
        let refusal = Stage::new().begin(request).unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.redirectable), (code, redirectable), "{refusal:?}");
    }
}

#[test]
fn an_unconfirmed_account_does_not_pass_the_filter() {
    let mut stage = Stage::new();
    let simple =
        contract::citizen::Citizen { account: contract::citizen::Account::Standard, ..person(1_000_000_003, vec![]) };
    stage.run(Command::AddCitizen(simple.into())).unwrap();
    let (flow, _) = stage.begin(AuthorisationRequest { person_filter: Some("conf_acc".into()), ..request() }).unwrap();
    let Step::Ended(verdict) = stage.password(&flow, 1_000_000_003, "password-1000000003") else { panic!() };
    assert_eq!(verdict.code, "ESIA-007055");
}

#[test]
fn people_who_share_an_address_sign_in_by_their_own_logins_only() {
    let mut stage = Stage::new();
    assert!(stage.world.citizens.by_login("shared@mail.example").is_none());
    let phone = stage.world.citizens.find(anna()).unwrap().phone.clone();
    assert_eq!(stage.world.citizens.by_login(&phone.replace("+7", "8")).unwrap().oid.wide(), anna());
    let snils = stage.world.citizens.find(boris()).unwrap().snils.unwrap();
    assert_eq!(stage.world.citizens.by_login(&snils.to_string()).unwrap().oid.wide(), boris());
    stage.sign_in(request(), boris());
}

#[test]
fn a_partial_yes_grants_a_part_and_a_yes_to_nothing_is_a_no() {
    let mut stage = Stage::new();
    let asked = AuthorisationRequest { scopes: vec!["openid".into(), "fullname".into(), "snils".into()], ..request() };
    let (flow, _) = stage.begin(asked.clone()).unwrap();
    stage.password(&flow, anna(), &format!("password-{}", anna()));
    let part = Answer::Approve { grant: Some(vec!["snils".into(), "inn".into()]) };
    let Step::Issued(code) = stage.answer(&flow, part) else { panic!() };
    assert_eq!(code.scopes, ["openid", "snils"]);

    let (flow, _) = stage.begin(asked).unwrap();
    stage.password(&flow, anna(), &format!("password-{}", anna()));
    let step = stage.answer(&flow, Answer::Approve { grant: Some(vec![]) });
    assert!(matches!(step, Step::Ended(verdict) if verdict.cause == "access-refused"));
}

#[test]
fn a_code_is_good_once_for_its_client_and_its_address_and_in_time() {
    let mut stage = Stage::new();
    let code = stage.sign_in(request(), anna());
    let ask = |client: &str, uri: &str| {
        Command::RedeemCode(Box::new(RedeemCode {
            proof: proof(client),
            code: code.id.clone(),
            redirect_uri: uri.into(),
            verifier: None,
            refresh_digest: "digest".into(),
            certificate: None,
        }))
    };
    assert_eq!(stage.run(ask(OTHER_BANK, CALLBACK)).unwrap_err().cause, "code-of-other-client");
    assert_eq!(stage.run(ask("BANK01", "https://bank.example/other")).unwrap_err().cause, "redirect-uri-changed");
    let grant = stage.redeem(&code).unwrap();
    assert!(stage.world.tokens.is_active(&grant.access.id, stage.now));
    assert_eq!(stage.redeem(&code).unwrap_err().cause, "code-reused");
    assert!(!stage.world.tokens.is_active(&grant.access.id, stage.now), "what the first use gave is taken back");

    let late = stage.sign_in(request(), boris());
    stage.advance(Span::from_seconds(240));
    assert_eq!(stage.redeem(&late).unwrap_err().cause, "code-expired");
}

#[test]
fn the_verifier_must_fit_the_challenge() {
    let mut stage = Stage::new();
    let challenge = Challenge { value: "c".repeat(43), method: "S256".into() };
    let request = AuthorisationRequest { protocol: Protocol::Oidc, challenge: Some(challenge), ..request() };
    let code = stage.sign_in(request, anna());
    let with = |verifier: Option<&str>| {
        Command::RedeemCode(Box::new(RedeemCode {
            proof: proof("BANK01"),
            code: code.id.clone(),
            redirect_uri: CALLBACK.into(),
            verifier: verifier.map(|s256| Verifier { plain: "plain".into(), s256: s256.into() }),
            refresh_digest: "digest".into(),
            certificate: None,
        }))
    };
    assert_eq!(stage.run(with(None)).unwrap_err().cause, "pkce-verifier-missing");
    assert_eq!(stage.run(with(Some("other"))).unwrap_err().cause, "pkce-verifier-mismatch");
    assert!(stage.run(with(Some(&"c".repeat(43)))).is_ok());
}

#[test]
fn an_abandoned_sign_in_lapses() {
    let mut stage = Stage::new();
    let (flow, _) = stage.begin(request()).unwrap();
    stage.advance(Span::from_minutes(15));
    assert_eq!(stage.count("authorisation.refused"), 1);
    let late = stage.run(Command::ResendCode { flow }).unwrap_err();
    assert_eq!(late.code, "flow-expired");
    assert_eq!(stage.world.due(), None);
}

#[test]
fn signing_out_ends_what_leans_on_the_session_and_no_other() {
    let mut stage = Stage::new();
    let given = stage.sign_in(request(), anna());
    let grant = stage.redeem(&given).unwrap();
    // The same session, a second bank's page still open, and a code that nobody has redeemed yet.
    let wider = AuthorisationRequest { scopes: vec!["openid".into(), "snils".into()], ..request() };
    let (open, step) = stage.begin_with(wider, Some(given.session.clone())).unwrap();
    assert!(matches!(step, Step::Decision { .. }), "{step:?}");
    let (_, step) = stage.begin_with(request(), Some(given.session.clone())).unwrap();
    let Step::Issued(unused) = step else { panic!("{step:?}") };
    let boris = stage.sign_in(request(), boris());

    stage.run(Command::EndSession { session: given.session.clone() }).unwrap();
    let late = stage.run(Command::Answer { flow: open, answer: Answer::Approve { grant: None } }).unwrap_err();
    assert_eq!(late.code, "flow-expired");
    assert_eq!(stage.redeem(&unused).unwrap_err().cause, "code-session-ended");
    assert!(stage.world.tokens.is_active(&grant.access.id, stage.now), "tokens live by their own life");
    stage.redeem(&boris).unwrap();
    assert_eq!(stage.count("session.ended"), 1);
    stage.run(Command::EndSession { session: given.session }).unwrap();
    assert_eq!(stage.count("session.ended"), 1, "once is enough");
}

#[test]
fn a_pushed_request_is_used_once_by_its_client_and_in_time() {
    let mut stage = Stage::new();
    let push = || Command::PushAuthorisation { proof: proof("BANK01"), request: Box::new(request()) };
    let domain::Reply::Pushed { request_uri, .. } = stage.run(push()).unwrap() else { panic!() };
    let begin = |client: &str| Command::BeginPushed {
        client_id: client.into(),
        request_uri: request_uri.clone(),
        session: None,
    };
    assert_eq!(stage.run(begin(OTHER_BANK)).unwrap_err().code, "oidc-request-uri-invalid");
    assert!(stage.run(begin("BANK01")).is_ok());
    assert_eq!(stage.run(begin("BANK01")).unwrap_err().code, "oidc-request-uri-invalid");
}
