//! The whole way through each interface, and what comes out of it, member by member.

use axum::body::Body;
use contract::control::{Strictness, TokenAlg};
use crypto::jws::{Jws, Signer, build};
use crypto::{Scheme, base64, cms, digest};
use http::Request;
use serde_json::{Value, json};

use super::{Asked, CALLBACK, HOST, Held, Seen, Stand, noon};
use crate::oauth::signed::{self, Ask, Version};

/// Claims of a token that the sandbox signed.
async fn claims(stand: &Stand, token: &str) -> Value {
    let read = Jws::parse(token).unwrap();
    stand.sandbox.keys().verify(&read).unwrap();
    Value::Object(read.claims().unwrap())
}

fn header(token: &str) -> Value {
    Value::Object(Jws::parse(token).unwrap().header)
}

async fn code(stand: &Stand, version: Version, held: &Held, client_id: &str, more: &[(&str, &str)]) -> Seen {
    stand.forget_cookies();
    let first = Asked::new(version, Ask::Authorise, client_id, more).signed(held).send(stand).await;
    assert!(first.location().starts_with("/login"), "{first:#?}");
    stand.sign_in(first, "anna-confirmed", "approve").await
}

async fn tokens(stand: &Stand, version: Version, held: &Held, client_id: &str, more: &[(&str, &str)]) -> Value {
    let back = code(stand, if version == Version::V1 { version } else { Version::V2 }, held, client_id, more).await;
    let given = back.back("code").unwrap_or_else(|| panic!("no code: {back:#?}"));
    assert!(given.len() > 255, "a code is long");
    let answer = Asked::new(version, Ask::Code, client_id, &[("code", &given)]).signed(held).send(stand).await;
    assert_eq!(answer.status, 200, "{answer:#?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

#[tokio::test]
async fn every_version_gives_tokens_for_rsa_and_ecdsa() {
    let stand = Stand::new(Strictness::Strict).await;
    for version in [Version::V1, Version::V2, Version::V3] {
        for (held, client_id) in [(&stand.rsa, "BANK01"), (&stand.ec, "BANK02")] {
            let answer = tokens(&stand, version, held, client_id, &[("access_type", "offline")]).await;
            let anna = stand.citizen("anna-confirmed");
            assert_eq!(answer["token_type"], "Bearer");
            assert_eq!(answer["expires_in"], 3600);
            assert_eq!(answer["state"], "5d2c1f0e-1111-4222-8333-944455556666");
            assert!(answer["refresh_token"].is_string());
            let access = claims(&stand, answer["access_token"].as_str().unwrap()).await;
            assert_eq!(access["urn:esia:sbj_id"], json!(anna.oid));
            assert_eq!(access["scope"], format!("openid fullname?oid={0} snils?oid={0}", anna.oid));
        }
    }
}

#[tokio::test]
async fn esia_s_tokens_say_what_the_guidelines_say() {
    let stand = Stand::with(Strictness::Strict, |partners| {
        partners[0].token_alg = TokenAlg::RS256;
        partners[1].sub_as_text = true;
        partners[1].expires_in_as_text = true;
    })
    .await;
    let anna = stand.citizen("anna-confirmed");
    let back = code(&stand, Version::V2, &stand.rsa, "BANK01", &[]).await;
    assert_eq!(back.back("state").as_deref(), Some("0b1f6a6e-6a4e-4c7e-9c0e-0f3c1a2b3c4d"));
    let given = back.back("code").unwrap();
    let said = claims(&stand, &given).await;
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 240);
    assert_eq!(header(&given)["sbt"], "authorization_code");
    assert_eq!(header(&given)["x5t#St256"].as_str().map(str::len), Some(64));

    let answer =
        Asked::new(Version::V3, Ask::Code, "BANK01", &[("code", &given)]).signed(&stand.rsa).send(&stand).await;
    let mut answer = answer.json();
    let access = answer["access_token"].take();
    let id = answer["id_token"].take();
    assert_eq!(header(id.as_str().unwrap())["alg"], "RS256");
    let mut access = claims(&stand, access.as_str().unwrap()).await;
    let mut id = claims(&stand, id.as_str().unwrap()).await;
    // What is drawn is there; what it is, chance decides.
    for claims in [&mut access, &mut id] {
        for name in ["jti", "urn:esia:sid"] {
            assert_eq!(claims[name].take().as_str().map(str::len), Some(36), "{name}");
        }
    }
    let (now, oid) = (noon().seconds(), anna.oid);
    assert_eq!(
        access,
        json!({
            "iss": "http://esia.gosuslugi.ru/", "jti": null, "client_id": "BANK01", "urn:esia:sid": null,
            "scope": format!("openid fullname?oid={oid} snils?oid={oid}"), "urn:esia:sbj_id": oid,
            "nbf": now, "iat": now, "exp": now + 3600,
        })
    );
    assert_eq!(
        id,
        json!({
            "iss": "http://esia.gosuslugi.ru/", "jti": null, "aud": "BANK01", "sub": oid, "urn:esia:sid": null,
            "iat": now, "nbf": now, "exp": now + 3600, "auth_time": now, "amr": "PWD", "urn:esia:amd": "PWD",
            "urn:esia:sbj": {
                "urn:esia:sbj:lvl": "KD", "urn:esia:sbj:typ": "P", "urn:esia:sbj:oid": oid,
                "urn:esia:sbj:nam": format!("OID.{oid}"), "urn:esia:sbj:is_tru": true,
            },
        })
    );
    assert_eq!(
        answer,
        json!({
            "access_token": null, "id_token": null, "token_type": "Bearer", "expires_in": 3600,
            "scope": format!("openid fullname?oid={oid} snils?oid={oid}"),
            "state": "5d2c1f0e-1111-4222-8333-944455556666",
        })
    );
    let text = tokens(&stand, Version::V3, &stand.ec, "BANK02", &[]).await;
    assert_eq!(text["expires_in"], "3600");
    assert_eq!(claims(&stand, text["id_token"].as_str().unwrap()).await["sub"], oid.to_string());
}

#[tokio::test]
async fn person_data_are_filtered_by_scope_and_embedded_on_the_caller_s_host() {
    let stand = Stand::new(Strictness::Strict).await;
    let anna = stand.citizen("anna-confirmed");
    let scope = "openid fullname birthdate snils id_doc mobile vehicles";
    let answer = tokens(&stand, Version::V3, &stand.ec, "BANK02", &[("scope", scope)]).await;
    let token = answer["access_token"].as_str().unwrap();
    let base = format!("/rs/prns/{}", anna.oid);
    let person = stand.read(&base, token).await.json();
    assert_eq!(person["stateFacts"], json!(["EntityRoot"]));
    assert_eq!(person["lastName"], anna.last_name);
    assert_eq!(person["birthDate"], anna.birth_date.to_esia());
    assert_eq!(person["snils"], anna.snils.unwrap().to_string());
    assert_eq!(person["trusted"], true);
    assert!(person.get("inn").is_none() && person.get("gender").is_none());
    assert_eq!(person["eTag"].as_str().map(str::len), Some(40));

    let documents = stand.read(&format!("{base}/docs"), token).await.json();
    assert_eq!(documents["stateFacts"], json!(["hasSize"]));
    let first = documents["elements"][0].as_str().unwrap();
    assert!(first.starts_with(&format!("https://{HOST}{base}/docs/")), "{first}");
    let document = stand.read(first.strip_prefix(&format!("https://{HOST}")).unwrap(), token).await.json();
    assert_eq!(document["type"], "RF_PASSPORT");
    assert!(document["issueDate"].as_str().is_some_and(|day| day.len() == 10));

    let embed =
        "embed=(documents.elements,contacts.elements,addresses.elements,vehicles.elements,organizations.elements)";
    let whole = stand.read(&format!("{base}?{embed}"), token).await.json();
    assert_eq!(whole["documents"]["elements"][0]["type"], "RF_PASSPORT");
    assert_eq!(whole["contacts"]["size"], 1);
    assert_eq!(whole["contacts"]["elements"][0]["type"], "MBT");
    assert!(whole.get("addresses").is_none() && whole.get("organizations").is_none());
    let contacts = stand.read(&format!("{base}/ctts?embed=(elements)"), token).await.json();
    assert_eq!(contacts["elements"][0]["vrfStu"], "VERIFIED");
    assert_eq!(stand.read(&format!("{base}?embed=()"), token).await.status, 200);
    let out = stand.read(&format!("{base}/addrs"), token).await;
    assert_eq!(
        (out.status, out.json()),
        (403, json!({"code": "ESIA-005029", "message": "SecurityErrorEnum.scopeNotAllowed"}))
    );
    assert_eq!(stand.read(&format!("{base}/docs/999999999"), token).await.status, 404);
}

#[tokio::test]
async fn a_consent_gives_a_data_token_on_every_token_endpoint() {
    let stand = Stand::new(Strictness::Strict).await;
    let asked = json!([{
        "sysname": "CREDIT", "expire": 60, "actions": [{"sysname": "ALL_ACTIONS_TO_DATA"}],
        "purposes": [{"sysname": "CREDIT"}], "scopes": [{"sysname": "debts"}],
    }]);
    let permissions = base64::encode_url(asked.to_string().as_bytes());
    let more = [("permissions", permissions.as_str()), ("scope", "openid")];
    let answer = tokens(&stand, Version::V3, &stand.rsa, "BANK01", &more).await;
    let consent = answer["consent"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let oid = stand.citizen("anna-confirmed").oid;
    let scope = format!("prm_chg?oid={oid}");
    for version in [Version::V1, Version::V2, Version::V3] {
        let more = [("scope", scope.as_str()), ("consent", consent.as_str())];
        let given = Asked::new(version, Ask::Client, "BANK01", &more).signed(&stand.rsa).send(&stand).await;
        assert_eq!((given.status, &given.json()["consent"]), (200, &json!(consent)), "{given:#?}");
    }
    let own =
        Asked::new(Version::V3, Ask::Client, "BANK01", &[("scope", "consents")]).signed(&stand.rsa).send(&stand).await;
    assert_eq!(own.status, 200, "{own:#?}");
    // The person's own page lists it and takes it back.
    let page = stand.open("/lk/consents").await;
    assert!(page.body.contains("data-state=\"granted\"") && page.body.contains("Банк Пример"), "{}", page.body);
    let csrf = super::hidden(&page.body, "csrf");
    let gone = stand.press(&format!("/lk/consents/{consent}/revoke"), &[("csrf", &csrf)]).await;
    assert!(gone.body.contains("data-state=\"revoked\""), "{}", gone.body);
    let forged = stand.press(&format!("/lk/consents/{consent}/revoke"), &[("csrf", "guessed")]).await;
    assert_eq!(forged.status, 403);
}

#[tokio::test]
async fn the_consent_page_tells_everything_the_law_asks_for() {
    let stand = Stand::new(Strictness::Strict).await;
    let asked = json!([{
        "sysname": "CREDIT", "expire": 43200, "actions": [{"sysname": "ALL_ACTIONS_TO_DATA"}],
        "purposes": [{"sysname": "CREDIT"}], "scopes": [{"sysname": "debts"}, {"sysname": "fullname"}],
    }]);
    let permissions = base64::encode_url(asked.to_string().as_bytes());
    let first =
        Asked::new(Version::V2, Ask::Authorise, "BANK01", &[("permissions", &permissions), ("scope", "openid")]);
    let first = first.signed(&stand.rsa).send(&stand).await;
    let anna = stand.citizen("anna-confirmed");
    let page = stand.open(first.location()).await;
    let (flow, csrf) = (super::hidden(&page.body, "flow"), super::hidden(&page.body, "csrf"));
    let next = stand
        .press("/login", &[("flow", &flow), ("csrf", &csrf), ("login", &anna.login), ("password", &anna.password)])
        .await;
    assert!(next.location().starts_with("/login/code"), "a data consent asks for the second factor: {next:#?}");
    let number = stand.newest_code(&anna);
    let next = stand.press("/login/code", &[("flow", &flow), ("csrf", &csrf), ("code", &number)]).await;
    let page = stand.open(next.location()).await;
    for words in [
        "Банк Пример",
        "Задолженности и штрафы",
        "30 дней",
        "152-ФЗ",
        "статья 9",
        "отозвать",
        "lang=\"ru\"",
        "value=\"refuse\"",
    ] {
        assert!(page.body.contains(words), "{words} is not on the page: {}", page.body);
    }
    assert!(!page.body.contains("<script"));
    // A part of it is enough.
    let back = stand
        .press(
            "/consent",
            &[("flow", &flow), ("csrf", &csrf), ("choice", "partial"), ("grant", "debts"), ("decision", "approve")],
        )
        .await;
    let code = back.back("code").unwrap();
    let scope = claims(&stand, &code).await["scope"].as_str().unwrap().to_owned();
    assert!(scope.contains("debts") && !scope.contains("fullname"), "{scope}");
}

#[tokio::test]
async fn a_lenient_sandbox_takes_what_real_clients_send() {
    let stand = Stand::new(Strictness::Lenient).await;
    // NE and PE attach the content and sign no attributes.
    let asked = Asked::new(Version::V1, Ask::Authorise, "BANK01", &[]);
    let options = cms::Options { attached: true, signed_attributes: false, ..cms::Options::default() };
    let secret = stand.rsa.cms(&asked.text(), &options);
    let seen =
        stand.sign_in(asked.with("client_secret", &secret).send(&stand).await, "anna-confirmed", "approve").await;
    let code = seen.back("code").unwrap();
    // PE sends no secret to the token endpoint.
    let answer = Asked::new(Version::V1, Ask::Code, "BANK01", &[("code", &code)]).send(&stand).await;
    assert_eq!(answer.status, 200, "{answer:#?}");
    // FR signs the v1 order while calling v2 and v3.
    let asked = Asked::new(Version::V2, Ask::Authorise, "BANK01", &[]);
    let text = asked.text_of(signed::V1);
    let seen = asked.signed_text(&stand.rsa, &text).send(&stand).await;
    assert!(!seen.location().is_empty() && seen.back("error").is_none(), "{seen:#?}");
}

#[tokio::test]
async fn both_forms_of_the_refresh_are_taken_and_parameters_may_stand_in_the_query() {
    let stand = Stand::new(Strictness::Strict).await;
    let answer = tokens(&stand, Version::V3, &stand.rsa, "BANK01", &[("access_type", "offline")]).await;
    let refresh = answer["refresh_token"].as_str().unwrap();
    // AG signs the refresh token, sends neither redirect_uri nor token_type nor the hash, and the standard alphabet.
    let asked = Asked::new(Version::V3, Ask::Refresh, "BANK01", &[("refresh_token", refresh)])
        .without("redirect_uri")
        .without("token_type");
    let text = asked.text_of(signed::V3_REFRESH);
    let secret = base64::encode_standard(&stand.rsa.key.sign(text.as_bytes()).unwrap());
    let next = asked.with("client_secret", &secret).send(&stand).await;
    assert_eq!(next.status, 200, "{next:#?}");
    // LE puts everything into the query of an empty POST.
    let refresh = next.json()["refresh_token"].as_str().unwrap().to_owned();
    let asked = Asked::new(Version::V3, Ask::Refresh, "BANK01", &[("refresh_token", &refresh)]).signed(&stand.rsa);
    let request = Request::post(format!("/aas/oauth2/v3/te?{}", asked.query())).body(Body::empty()).unwrap();
    let next = stand.send(request).await;
    assert_eq!(next.status, 200, "{next:#?}");
    // A reused code ends what it had given; an error is plain JSON with the state.
    let wrong = Asked::new(Version::V3, Ask::Refresh, "BANK01", &[("refresh_token", "x")])
        .signed(&stand.rsa)
        .send(&stand)
        .await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.json()["error"], "invalid_grant");
    assert_eq!(wrong.json()["state"], "5d2c1f0e-1111-4222-8333-944455556666");
    assert!(wrong.description().starts_with("ESIA-007011: "));
}

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn assertion(stand: &Stand, jti: &str) -> String {
    let now = noon().seconds();
    let claims = json!({
        "iss": "BANK01", "sub": "BANK01", "aud": format!("https://{HOST}/oidc/token"), "jti": jti, "iat": now, "exp": now + 60,
    });
    // PS256, as a client might choose for its RSA key.
    let input = build(&json!({"alg": "PS256"}), &claims, Signer::Bytes(b"")).unwrap();
    let input = input.trim_end_matches('.').to_owned();
    let sign = stand.rsa.key.sign_with(Scheme::RsaPssSha256, input.as_bytes()).unwrap();
    format!("{input}.{}", base64::encode_url(&sign))
}

#[tokio::test]
async fn a_stock_openid_client_gets_through_with_a_pushed_request() {
    let stand = Stand::new(Strictness::Strict).await;
    let metadata = stand.open("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["issuer"], format!("https://{HOST}"));
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    let keys = stand.open("/.well-known/jwks.json").await.json();
    assert!(keys["keys"].as_array().is_some_and(|keys| keys.len() >= 2));
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let challenge = digest::sha256_base64url(VERIFIER.as_bytes());
    let text = assertion(&stand, "p1");
    let fields = [
        ("client_id", "BANK01"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("state", "st"),
        ("nonce", "no"),
        ("scope", "openid profile email phone offline_access"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("acr_values", "urn:esia:acr:2fa"),
        kind,
        ("client_assertion", &text),
    ];
    let pushed = stand.post("/oidc/par", &fields).await;
    assert_eq!(pushed.status, 201, "{pushed:#?}");
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let ask = format!("/oidc/authorize?{}", super::form(&[("client_id", "BANK01"), ("request_uri", &uri)]));
    let back = stand.sign_in(stand.open(&ask).await, "anna-confirmed", "approve").await;
    assert_eq!(back.back("state").as_deref(), Some("st"));
    assert_eq!(back.back("iss"), Some(format!("https://{HOST}")));
    let code = back.back("code").unwrap();
    let text = assertion(&stand, "p2");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        kind,
        ("client_assertion", &text),
    ];
    let answer = stand.post("/oidc/token", &fields).await;
    assert_eq!(answer.status, 200, "{answer:#?}");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let answer = answer.json();
    let access = answer["access_token"].as_str().unwrap();
    let id = claims(&stand, answer["id_token"].as_str().unwrap()).await;
    let anna = stand.citizen("anna-confirmed");
    assert_eq!(
        (&id["sub"], &id["nonce"], &id["acr"]),
        (&json!(anna.oid.to_string()), &json!("no"), &json!("urn:esia:acr:2fa"))
    );
    assert_eq!(id["amr"], json!(["pwd", "otp"]));
    assert_eq!(id["at_hash"], base64::encode_url(&digest::sha256(access.as_bytes())[..16]));
    let person = stand.read("/oidc/userinfo", access).await.json();
    assert_eq!(person["family_name"], anna.last_name);
    assert_eq!(person["birthdate"], anna.birth_date.to_string());
    assert_eq!(person["email"], anna.email);
    assert!(person.get("snils").is_none());

    let text = assertion(&stand, "p3");
    let seen = stand.post("/oidc/introspect", &[("token", access), kind, ("client_assertion", &text)]).await.json();
    assert_eq!((&seen["active"], &seen["client_id"]), (&json!(true), &json!("BANK01")));
    let (text, refresh) = (assertion(&stand, "p4"), answer["refresh_token"].as_str().unwrap());
    let next = stand
        .post(
            "/oidc/token",
            &[("grant_type", "refresh_token"), ("refresh_token", refresh), kind, ("client_assertion", &text)],
        )
        .await;
    assert_eq!(next.status, 200, "{next:#?}");
    // With its own id token the client ends the session at once.
    let hint = answer["id_token"].as_str().unwrap();
    let end = format!(
        "/oidc/end-session?{}",
        super::form(&[
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", "https://localhost:9443/"),
            ("state", "bye")
        ])
    );
    let out = stand.open(&end).await;
    assert_eq!(out.location(), "https://localhost:9443/?state=bye", "{out:#?}");
    // Unknown clients and addresses never get a redirect.
    let strange = stand
        .open(&format!(
            "/oidc/authorize?{}",
            super::form(&[("client_id", "BANK01"), ("redirect_uri", "https://evil.example/")])
        ))
        .await;
    assert!(
        strange.location().is_empty() && strange.body.contains("data-code=\"oidc-redirect-uri-unknown\""),
        "{strange:#?}"
    );
}

#[tokio::test]
async fn a_page_for_an_unknown_client_asks_for_no_credentials() {
    let stand = Stand::new(Strictness::Strict).await;
    for path in ["/oidc/authorize?client_id=NOBODY", "/oidc/end-session?client_id=NOBODY"] {
        let page = stand.open(path).await;
        // 401 would have to say by WWW-Authenticate how a browser proves itself (RFC 9110 §15.5.2).
        assert_eq!(page.status, 400, "{page:#?}");
        assert!(page.body.contains("data-code=\"oidc-client-unknown\""), "{page:#?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_its_code() {
    let stand = Stand::new(Strictness::Strict).await;
    let citizen = stand.citizen("anna-confirmed");
    let first = Asked::new(Version::V2, Ask::Authorise, "BANK01", &[]).signed(&stand.rsa).send(&stand).await;
    let page = stand.open(first.location()).await;
    let (flow, csrf) = (super::hidden(&page.body, "flow"), super::hidden(&page.body, "csrf"));
    let sent = |path: &'static str, more: [(&'static str, String); 2]| {
        let mut fields = vec![("flow", flow.clone()), ("csrf", csrf.clone())];
        fields.extend(more);
        let stand = &stand;
        async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            stand.press(path, &fields).await
        }
    };
    let typed = |password: &str| [("login", citizen.login.clone()), ("password", password.to_owned())];
    let wrong = sent("/login", typed("wrong")).await;
    assert_eq!((wrong.status, wrong.cause().as_str()), (400, "login-wrong"), "{wrong:#?}");
    assert!(wrong.body.contains("data-page=\"login\"") && wrong.body.contains("data-code=\"login-wrong\""));
    assert_eq!(sent("/login", typed(&citizen.password)).await.status, 303);
}

#[tokio::test]
async fn logout_goes_back_to_a_registered_host_only() {
    let stand = Stand::new(Strictness::Strict).await;
    tokens(&stand, Version::V3, &stand.rsa, "BANK01", &[]).await;
    let good = format!(
        "/idp/ext/Logout?{}",
        super::form(&[("client_id", "BANK01"), ("redirect_url", "https://localhost:9443/bye")])
    );
    assert_eq!(stand.open(&good).await.location(), "https://localhost:9443/bye");
    let bad = format!(
        "/idp/ext/Logout?{}",
        super::form(&[("client_id", "BANK01"), ("redirect_url", "https://evil.example/")])
    );
    let seen = stand.open(&bad).await;
    assert!(seen.location().is_empty() && seen.body.contains("ESIA-007023"), "{seen:#?}");
}

#[tokio::test]
async fn a_hint_ends_the_session_that_it_names_wherever_it_comes_from() {
    let stand = Stand::new(Strictness::Strict).await;
    let answer = tokens(&stand, Version::V3, &stand.rsa, "BANK01", &[]).await;
    let hint = answer["id_token"].as_str().unwrap();
    let cookie = stand.cookie_line();
    stand.forget_cookies();
    let end = format!("/oidc/end-session?{}", super::form(&[("id_token_hint", hint)]));
    assert_eq!(stand.open(&end).await.status, 200);
    let page = stand.send(Request::get("/lk/consents").header("cookie", cookie).body(Body::empty()).unwrap()).await;
    assert_eq!(page.location(), "/lk/login", "the session is over in the browser that holds it: {page:#?}");
}

#[tokio::test]
async fn a_second_sign_in_is_silent_and_a_form_without_its_token_is_refused() {
    let stand = Stand::new(Strictness::Strict).await;
    tokens(&stand, Version::V3, &stand.rsa, "BANK01", &[]).await;
    let again = Asked::new(Version::V2, Ask::Authorise, "BANK01", &[]).signed(&stand.rsa).send(&stand).await;
    assert!(again.back("code").is_some(), "session and grant are remembered: {again:#?}");
    stand.forget_cookies();
    let first = Asked::new(Version::V2, Ask::Authorise, "BANK01", &[]).signed(&stand.rsa).send(&stand).await;
    let page = stand.open(first.location()).await;
    let flow = super::hidden(&page.body, "flow");
    let forged =
        stand.press("/login", &[("flow", &flow), ("csrf", "guessed"), ("login", "a"), ("password", "b")]).await;
    assert!(forged.body.contains("data-code=\"form-token-wrong\""), "{forged:#?}");
    let cancelled = stand
        .press("/login", &[("flow", &flow), ("csrf", &super::hidden(&page.body, "csrf")), ("decision", "cancel")])
        .await;
    assert_eq!(cancelled.back("error").as_deref(), Some("access_denied"), "{cancelled:#?}");
}
