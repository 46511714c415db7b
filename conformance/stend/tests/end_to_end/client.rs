//! A small client of ESIA v3, written for these tests: enough of a bank to be granted a consent and to pay.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::common::Served;

pub(crate) const REDIRECT: &str = "https://localhost:9443/callback";

/// An ECDSA key and a self-signed certificate for it.
pub(crate) struct Client {
    key: crypto::PrivateKey,
    certificate_pem: String,
    hash: String,
}

impl Client {
    pub(crate) fn new() -> Self {
        let key = crypto::PrivateKey::generate(crypto::Algorithm::EcdsaP256).expect("a key");
        let time = ["2020-01-01T00:00:00Z", "2049-12-31T23:59:59Z"].map(|at| at.parse().expect("an instant"));
        let certificate = certs::self_made(&key, &certs::Subject::named("bank.example"), time).expect("a certificate");
        Self { key, hash: certificate.client_certificate_hash(), certificate_pem: certificate.pem() }
    }

    pub(crate) fn register(&self, served: &Served, folder: &Path) {
        let partner = json!({
            "client_id": "BANK01", "name": { "ru": "Банк Пример", "en": "Example Bank" },
            "certificates": [self.certificate_pem], "redirect_uris": [REDIRECT],
        });
        let (status, answer) = served.control(folder, "POST", "/partners", Some(partner));
        assert!(matches!(status, 200 | 201), "{status} {answer}");
    }

    fn signed(
        &self,
        served: &Served,
        folder: &Path,
        scope: &str,
        state: &str,
        tail: &str,
    ) -> Vec<(&'static str, String)> {
        let (_, clock) = served.control(folder, "GET", "/clock", None);
        let now: contract::time::Timestamp = clock["now"].as_str().expect("an instant").parse().expect("an instant");
        let stamp = now.to_esia();
        let text = format!("BANK01{scope}{stamp}{state}{REDIRECT}{tail}");
        let signature = self.key.sign(text.as_bytes()).expect("a signature");
        vec![
            ("client_id", "BANK01".to_owned()),
            ("scope", scope.to_owned()),
            ("timestamp", stamp),
            ("state", state.to_owned()),
            ("redirect_uri", REDIRECT.to_owned()),
            ("client_certificate_hash", self.hash.clone()),
            ("client_secret", URL_SAFE_NO_PAD.encode(signature)),
        ]
    }

    fn token(&self, served: &Served, mut form: Vec<(&'static str, String)>, more: &[(&'static str, &str)]) -> Value {
        form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let answer =
            served.http().post(format!("{}/aas/oauth2/v3/te", served.portal())).form(&form).send().expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().expect("JSON");
        assert!(status.is_success(), "{status} {body}");
        body
    }

    /// The citizen lets this client see their debts; gives the consent's id.
    pub(crate) fn consent(&self, served: &Served, folder: &Path, citizen: &str) -> String {
        let permissions = json!([{
            "sysname": "CREDIT", "expire": 43200, "actions": [{ "sysname": "ALL_ACTIONS_TO_DATA" }],
            "purposes": [{ "sysname": "CREDIT" }], "scopes": [{ "sysname": "debts" }],
        }]);
        let mut query = self.signed(served, folder, "openid", "5c8f0a52-6f4e-4c52-8a53-0d0f5d2f8b11", "");
        query.push(("response_type", "code".to_owned()));
        query.push(("access_type", "online".to_owned()));
        query.push(("permissions", URL_SAFE_NO_PAD.encode(permissions.to_string())));
        let url =
            reqwest::Url::parse_with_params(&format!("{}/aas/oauth2/v2/ac", served.portal()), &query).expect("a URL");
        let (status, act) = served.control(
            folder,
            "POST",
            "/citizen/act",
            Some(json!({
                "url": url.as_str(), "citizen": citizen,
                "factors": { "password": "right", "second": "right" }, "decision": "approve",
            })),
        );
        assert_eq!(status, 200, "{act}");
        let back = reqwest::Url::parse(act["redirect"].as_str().expect("a redirect")).expect("a URL");
        let code =
            back.query_pairs().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("{back}")).1.into_owned();
        let form = self.signed(served, folder, "openid", "6d9f1b63-7a5f-4d63-9b64-1e1a6e3a9c22", &code);
        let answer = self.token(
            served,
            form,
            &[("grant_type", "authorization_code"), ("code", &code), ("token_type", "Bearer")],
        );
        answer["consent"].as_str().unwrap_or_else(|| panic!("no consent in {answer}")).to_owned()
    }

    /// A data token on a standing consent: good for one request.
    pub(crate) fn data_token(&self, served: &Served, folder: &Path, oid: i64, consent: &str) -> String {
        let state = format!("7e0a2c74-8b60-4e74-ac75-{:012x}", rand_from_clock());
        let form = self.signed(served, folder, &format!("prm_chg?oid={oid}"), &state, "");
        let answer = self.token(
            served,
            form,
            &[("grant_type", "client_credentials"), ("token_type", "Bearer"), ("consent", consent)],
        );
        answer["access_token"].as_str().expect("a token").to_owned()
    }
}

/// Some number that no other call had: the test needs difference, not secrecy.
fn rand_from_clock() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
