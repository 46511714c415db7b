//! Lies as a client meets them: a whole sign-in by OpenID Connect, with one thing wrong.

use std::collections::BTreeMap;

use certs::{Authority, Key, Profile, Subject};
use contract::time::Timestamp;
use crypto::http_signature::HttpAlg;
use crypto::jwk::JwkSet;
use crypto::jws::{Alg, Jws, Signer, build};
use crypto::{Algorithm, PrivateKey};
use serde_json::{Map, Value, json};
use url::Url;

use crate::running::{Running, start};

const REDIRECT: &str = "https://localhost:9443/callback";

pub(crate) struct Bank {
    pub(crate) portal: Running,
    key: PrivateKey,
    /// Of its own word and of its tokens.
    alg: Alg,
    kid: String,
    flows: u32,
    /// What events to it are authenticated by, where not by the portal's key.
    pub(crate) secret: Option<(Vec<u8>, HttpAlg)>,
}

/// What came of a sign-in.
struct Flow {
    state: String,
    nonce: String,
    query: BTreeMap<String, Vec<String>>,
    status: u16,
    answer: Value,
}

impl Flow {
    fn one(&self, name: &str) -> &str {
        self.query.get(name).map_or("", |values| values[0].as_str())
    }

    fn id_token(&self) -> Jws {
        Jws::parse(self.answer["id_token"].as_str().unwrap()).unwrap()
    }

    fn claims(&self) -> Map<String, Value> {
        self.id_token().claims().unwrap()
    }
}

impl Bank {
    pub(crate) async fn start(folder: &std::path::Path, webhook: Option<&str>) -> Self {
        Self::start_with(folder, json!({"webhook": webhook})).await
    }

    /// A bank whose tokens are signed with GOST, as is its own word.
    async fn of_gost(folder: &std::path::Path) -> Self {
        Self::start_with(folder, json!({"token_alg": "GOST3410_2012_256"})).await
    }

    /// A bank with these members in its registration. Its own key is of the kind that it wants its tokens signed with.
    pub(crate) async fn start_with(folder: &std::path::Path, more: Value) -> Self {
        Self::start_in(folder, "memory", more).await
    }

    pub(crate) async fn start_in(folder: &std::path::Path, state: &str, more: Value) -> Self {
        let now = Timestamp::from_millis(portal::clock::wall_us() / 1000);
        let authority = Authority::open_or_create(&folder.join("pki"), now, Algorithm::EcdsaP256).unwrap();
        let alg = if more["token_alg"] == "GOST3410_2012_256" { Alg::Gost256 } else { Alg::Es256 };
        let algorithm = if alg == Alg::Gost256 { Algorithm::GOST_256 } else { Algorithm::EcdsaP256 };
        let key = PrivateKey::generate(algorithm).unwrap();
        let profile = Profile::named("partner").unwrap();
        let issued = authority.issue(profile, &Subject::named("BANK01"), Key::Own(&key), now).unwrap();
        let portal = start(folder, state, "").await;
        let mut partner = json!({
            "client_id": "BANK01", "certificates": [issued.cert_pem], "redirect_uris": [REDIRECT],
            "token_alg": alg.as_str(),
        });
        partner.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let (status, body) = portal.call("POST", "/partners", Some(partner)).await;
        assert_eq!(status, 201, "{body}");
        Self { portal, key, alg, kid: issued.certificate.thumbprint(), flows: 0, secret: None }
    }

    pub(crate) async fn arm(&self, fault: &str, about: Option<&str>, params: Value) {
        let mut ask = json!({"fault": fault, "times": 1, "params": params});
        if let Some(citizen) = about {
            ask["citizen"] = citizen.into();
        }
        let (status, body) = self.portal.call("POST", "/faults", Some(ask)).await;
        assert_eq!(status, 201, "{body}");
    }

    /// Signs a person in; stops after the redirect when there is no code in it.
    async fn sign_in(&mut self, citizen: &str) -> Flow {
        self.flows += 1;
        let (state, nonce) = (format!("state-{}", self.flows), format!("nonce-{}", self.flows));
        let verifier = format!("verifier-{:0>50}", self.flows);
        let challenge = crypto::digest::sha256_base64url(verifier.as_bytes());
        let url = Url::parse_with_params(
            &format!("{}/oidc/authorize", self.portal.ready.portal),
            [
                ("response_type", "code"),
                ("client_id", "BANK01"),
                ("redirect_uri", REDIRECT),
                ("scope", "openid fullname birthdate"),
                ("state", &state),
                ("nonce", &nonce),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        )
        .unwrap();
        let (status, acted) =
            self.portal.call("POST", "/citizen/act", Some(json!({"url": url.as_str(), "citizen": citizen}))).await;
        assert_eq!(status, 200, "{acted}");
        let sent = Url::parse(acted["redirect"].as_str().unwrap()).unwrap();
        assert!(sent.as_str().starts_with(REDIRECT), "{sent}");
        let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in sent.query_pairs() {
            query.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        let mut flow = Flow { state, nonce, query, status: 0, answer: Value::Null };
        if !flow.query.contains_key("code") {
            return flow;
        }
        let code = flow.one("code").to_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", &verifier),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &self.assertion()),
        ];
        let token = format!("{}/oidc/token", self.portal.ready.portal);
        if let Ok(response) = self.portal.client.post(token).form(&form).send().await {
            flow.status = response.status().as_u16();
            let text = response.text().await.unwrap();
            flow.answer = serde_json::from_str(&text).unwrap_or(Value::String(text));
        }
        flow
    }

    fn assertion(&self) -> String {
        let now = portal::clock::wall_us() / 1_000_000;
        let claims = json!({
            "iss": "BANK01", "sub": "BANK01", "aud": self.portal.ready.oidc_issuer, "iat": now, "exp": now + 60,
            "jti": format!("assertion-{}", portal::clock::wall_us()),
        });
        let header = json!({"alg": self.alg.as_str(), "kid": self.kid});
        build(&header, &claims, Signer::Key(&self.key, self.alg)).unwrap()
    }

    pub(crate) async fn keys(&self) -> (u16, JwkSet) {
        let response = self.portal.client.get(format!("{}/.well-known/jwks.json", self.portal.ready.portal));
        let response = response.send().await.unwrap();
        let status = response.status().as_u16();
        (status, JwkSet::parse(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    /// A citizen consents to a data request; answers the consent's id.
    pub(crate) async fn consent(&mut self, citizen: &str) -> String {
        self.flows += 1;
        let permissions = json!([{
            "sysname": "CREDIT", "expire": 60, "actions": [{"sysname": "ALL_ACTIONS_TO_DATA"}],
            "purposes": [{"sysname": "CREDIT"}], "scopes": [{"sysname": "debts"}, {"sysname": "fullname"}, {"sysname": "accounts"}],
        }]);
        let challenge = crypto::digest::sha256_base64url(b"verifier");
        let url = Url::parse_with_params(
            &format!("{}/oidc/authorize", self.portal.ready.portal),
            [
                ("response_type", "code"),
                ("client_id", "BANK01"),
                ("redirect_uri", REDIRECT),
                ("scope", "openid"),
                ("state", &format!("state-{}", self.flows)),
                ("nonce", "n"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
                ("permissions", &crypto::base64::encode_url(permissions.to_string().as_bytes())),
            ],
        )
        .unwrap();
        let act = json!({"url": url.as_str(), "citizen": citizen});
        let (status, acted) = self.portal.call("POST", "/citizen/act", Some(act)).await;
        assert_eq!(status, 200, "{acted}");
        assert!(acted["redirect"].as_str().is_some_and(|sent| sent.contains("code=")), "{acted}");
        let (_, consents) = self.portal.call("GET", &format!("/citizens/{citizen}/consents"), None).await;
        let all = consents["consents"].as_array().unwrap();
        all.iter().max_by_key(|one| one["granted_at"].as_str()).unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// A token of the client itself.
    pub(crate) async fn partner_token(&mut self) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "consents"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &self.assertion()),
        ];
        let token = format!("{}/oidc/token", self.portal.ready.portal);
        let answer: Value = self.portal.client.post(token).form(&form).send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// An access token of a person's sign-in.
    pub(crate) async fn access_token(&mut self, citizen: &str) -> String {
        self.sign_in(citizen).await.answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Whether the id token verifies with the key set as it is served now.
    async fn verifies(&self, flow: &Flow) -> bool {
        flow.id_token().verify_with(&self.keys().await.1, &[self.alg]).is_ok()
    }
}

#[tokio::test]
async fn an_honest_sign_in_goes_through_and_its_token_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::start(folder.path(), None).await;
    let flow = bank.sign_in("anna-confirmed").await;
    assert_eq!((flow.one("state"), flow.one("iss")), (flow.state.as_str(), bank.portal.ready.oidc_issuer.as_str()));
    assert_eq!(flow.status, 200, "{}", flow.answer);
    assert_eq!(flow.claims()["nonce"], flow.nonce);
    assert!(bank.verifies(&flow).await);
    let (_, journal) = bank.portal.call("GET", "/journal?kind=fault.told", None).await;
    assert_eq!(journal["entries"], json!([]));
    bank.portal.stop().await;
}

#[tokio::test]
async fn lies_in_the_redirect_are_told_once_and_journalled() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::start(folder.path(), None).await;
    let anna = "anna-confirmed";
    bank.sign_in(anna).await;
    let told = |flow: Flow, fault: &'static str| match fault {
        "redirect-state-wrong" => assert_ne!(flow.one("state"), flow.state),
        "redirect-state-missing" => assert!(!flow.query.contains_key("state")),
        "redirect-state-of-finished-flow" => {
            assert!(flow.one("state").starts_with("state-") && flow.one("state") != flow.state)
        }
        "redirect-state-twice" => assert_eq!(flow.query["state"].len(), 2),
        "redirect-code-twice" => assert_eq!(flow.query["code"].len(), 2),
        "redirect-code-and-error" => assert!(flow.query.contains_key("error")),
        "redirect-iss-absent" => assert!(!flow.query.contains_key("iss")),
        "redirect-iss-slash" => assert!(flow.one("iss").ends_with('/')),
        "redirect-iss-wrong" => assert!(flow.one("iss").contains("127.0.0.1")),
        "redirect-extra-params" => assert!(flow.query.contains_key("session_state")),
        "redirect-token-in-query" => assert!(flow.query.contains_key("access_token")),
        "code-long" => {
            assert!(flow.one("code").len() > 4_000);
            assert_eq!(flow.status, 200, "{}", flow.answer);
        }
        _ => {
            assert!(!flow.query.contains_key("code"), "{fault}");
            assert_eq!(flow.one("error"), "access_denied", "{fault}");
        }
    };
    let all = [
        "redirect-state-wrong",
        "redirect-state-missing",
        "redirect-state-of-finished-flow",
        "redirect-state-twice",
        "redirect-code-twice",
        "redirect-code-and-error",
        "redirect-iss-absent",
        "redirect-iss-slash",
        "redirect-iss-wrong",
        "redirect-extra-params",
        "redirect-token-in-query",
        "code-long",
        "redirect-error",
        "redirect-error-markup",
    ];
    for fault in all {
        bank.arm(fault, Some(anna), json!({})).await;
        let flow = bank.sign_in(anna).await;
        told(flow, fault);
    }
    let honest = bank.sign_in(anna).await;
    assert_eq!((honest.status, honest.one("state")), (200, honest.state.as_str()));
    let (_, journal) = bank.portal.call("GET", "/journal?kind=fault.told", None).await;
    let told: Vec<&str> =
        journal["entries"].as_array().unwrap().iter().map(|entry| entry["data"]["fault"].as_str().unwrap()).collect();
    assert_eq!(told, all);
    bank.portal.stop().await;
}

#[tokio::test]
async fn lies_in_the_id_token_are_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    id_token_lies(Bank::start(folder.path(), None).await).await;
}

#[tokio::test]
async fn lies_in_an_id_token_of_gost_are_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    id_token_lies(Bank::of_gost(folder.path()).await).await;
}

async fn id_token_lies(mut bank: Bank) {
    let anna = "anna-confirmed";
    let honest = bank.sign_in(anna).await;
    for fault in contract::fault::FAULTS.iter().filter(|fault| fault.place == contract::fault::Place::IdToken) {
        bank.arm(fault.slug, Some(anna), json!({})).await;
        let flow = bank.sign_in(anna).await;
        assert_eq!(flow.status, 200, "{}: {}", fault.slug, flow.answer);
        let token = flow.id_token();
        let verifies = bank.verifies(&flow).await;
        let claims = flow.claims();
        match fault.slug {
            "id-token-alg-none" => assert_eq!(token.alg(), Some("none")),
            "id-token-alg-none-cased" => assert_eq!(token.alg(), Some("nOnE")),
            "id-token-aud-absent" => assert!(!claims.contains_key("aud") && verifies),
            "id-token-aud-array" => assert!(claims["aud"] == json!(["BANK01"]) && verifies),
            "id-token-at-hash-absent" => assert!(!claims.contains_key("at_hash") && verifies),
            "id-token-crit" => assert!(!verifies),
            "id-token-exp-string" => assert!(claims["exp"].is_string() && verifies),
            "id-token-exp-past" => assert!(claims["exp"].as_i64() < honest.claims()["iat"].as_i64() && verifies),
            "id-token-foreign-key" | "id-token-signature-broken" => {
                assert!(!verifies && token.kid() == honest.id_token().kid());
            }
            "id-token-hs256-public-key" => assert_eq!(token.alg(), Some("HS256")),
            "id-token-iss-wrong" | "id-token-iss-slash" => {
                assert!(claims["iss"] != bank.portal.ready.oidc_issuer && verifies);
            }
            "id-token-jku" => {
                let jku = bank.portal.client.get(token.header["jku"].as_str().unwrap()).send().await.unwrap();
                let foreign = JwkSet::parse(&jku.bytes().await.unwrap()).unwrap();
                assert!(!verifies && token.verify_with(&foreign, &[bank.alg]).is_ok());
            }
            "id-token-kid-absent" => {
                let (_, published) = bank.keys().await;
                assert!(token.kid().is_none() && published.keys.len() == 1 && verifies);
            }
            "id-token-kid-unknown" | "id-token-jwk-header" => assert!(!verifies),
            "id-token-nonce-wrong" => assert!(claims["nonce"] != flow.nonce && verifies),
            "id-token-nonce-absent" => assert!(!claims.contains_key("nonce") && verifies),
            "id-token-other-algorithm" => {
                let other = if bank.alg == Alg::Es256 { Alg::Rs256 } else { Alg::Es256 };
                assert!(token.alg() == Some(other.as_str()));
                assert!(token.verify_with(&bank.keys().await.1, &[other]).is_ok());
            }
            "id-token-other-kind" => assert_eq!(flow.answer["id_token"], flow.answer["access_token"]),
            "id-token-replayed" => assert_ne!(claims["nonce"], json!(flow.nonce)),
            "id-token-sub-absent" => assert!(!claims.contains_key("sub") && verifies),
            _ => assert!(verifies, "{}", fault.slug),
        }
    }
    bank.portal.stop().await;
}

#[tokio::test]
async fn lies_about_keys_end_with_the_next_honest_token() {
    let folder = tempfile::tempdir().unwrap();
    key_lies(Bank::start(folder.path(), None).await).await;
}

#[tokio::test]
async fn lies_about_keys_of_gost_end_with_the_next_honest_token() {
    let folder = tempfile::tempdir().unwrap();
    key_lies(Bank::of_gost(folder.path()).await).await;
}

async fn key_lies(mut bank: Bank) {
    let anna = "anna-confirmed";
    bank.sign_in(anna).await;
    for fault in contract::fault::FAULTS.iter().filter(|fault| fault.place == contract::fault::Place::Keys) {
        let (_, before) = bank.keys().await;
        bank.arm(fault.slug, Some(anna), json!({})).await;
        let flow = bank.sign_in(anna).await;
        let kid = flow.id_token().kid().unwrap().to_owned();
        let known = before.keys.iter().any(|key| key.kid.as_deref() == Some(&kid));
        let (status, after) = bank.keys().await;
        let good = bank.verifies(&flow).await;
        match fault.slug {
            "keys-rotated" | "keys-unknown-type-beside" => assert!(!known && good, "{}", fault.slug),
            "keys-same-kid-other-key" => assert!(known && !good),
            "keys-unreachable" => assert!(!known && status == 503),
            "keys-empty" => assert!(after.keys.is_empty() && status == 200),
            _ => assert!(!known && !good, "{}", fault.slug),
        }
        let honest = bank.sign_in(anna).await;
        assert!(bank.verifies(&honest).await, "{}", fault.slug);
        assert_eq!(bank.keys().await.0, 200);
    }
    bank.portal.stop().await;
}

#[tokio::test]
async fn lies_of_the_token_endpoint_are_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::start(folder.path(), None).await;
    let anna = "anna-confirmed";
    for fault in contract::fault::FAULTS.iter().filter(|fault| fault.place == contract::fault::Place::Token) {
        if fault.slug == "token-refresh-absent" {
            // This client asks for none.
            continue;
        }
        bank.arm(fault.slug, Some(anna), json!({"status": "308"})).await;
        let flow = bank.sign_in(anna).await;
        let answer = &flow.answer;
        match fault.slug {
            "token-access-absent" => assert!(answer.get("access_token").is_none()),
            "token-connection-cut" => assert_eq!(flow.status, 0),
            "token-error-with-200" => assert!(flow.status == 200 && answer["error"].is_string()),
            "token-expires-absent" => assert!(answer.get("expires_in").is_none()),
            "token-html" => assert!(flow.status == 200 && answer.is_string()),
            "token-id-absent" => assert!(answer.get("id_token").is_none()),
            "token-invalid-client" | "token-signature-refused" => {
                assert!(flow.status == 401 && answer["error"] == "invalid_client", "{}", fault.slug);
            }
            "token-invalid-grant" => assert!(flow.status == 400 && answer["error"] == "invalid_grant"),
            "token-large" => assert!(answer["access_token"].as_str().unwrap().len() > 16_000),
            "token-redirect-foreign" => assert_eq!(flow.status, 308),
            "token-scope-absent" => assert!(answer.get("scope").is_none()),
            "token-scope-narrower" => assert_eq!(answer["scope"], "openid fullname"),
            "token-status-500" => assert_eq!(flow.status, 500),
            "token-type-case" => assert_eq!(answer["token_type"], "bearer"),
            "token-type-unknown" => assert_ne!(answer["token_type"], "Bearer"),
            _ => assert!(answer.get("x_note").is_some(), "{}", fault.slug),
        }
    }
    bank.portal.stop().await;
}
