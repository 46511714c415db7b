//! The services over the whole router: real tokens, a frozen clock, no socket.

mod papers;
mod sealed;
mod wire;

use axum::body::Body;
use contract::consent::Permission;
use contract::control::Strictness;
use contract::time::Span;
use http::Request;
use serde_json::{Value, json};

use crate::faults::Lie;
use crate::oauth::signed::{Ask, Version};
use crate::stand::{Asked, Seen, Stand};

/// Somebody with debts of each kind and a restriction, and a bank with a consent of theirs.
struct Bank {
    stand: Stand,
    oid: i64,
    consent: String,
    access: String,
}

impl Bank {
    async fn with_consent(slug: &'static str, scopes: &[&str]) -> Self {
        let stand = Stand::new(Strictness::Strict).await;
        let permission = Permission {
            sysname: "CREDIT".into(),
            responsible_object: None,
            term: Span::from_days(30),
            actions: vec!["ALL_ACTIONS_TO_DATA".into()],
            purposes: vec!["CREDIT".into()],
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        let asked = Asked::new(Version::V2, Ask::Authorise, "BANK01", &[("scope", "openid")])
            .with("permissions", &Permission::encode(&[permission]))
            .signed(&stand.rsa);
        let first = asked.send(&stand).await;
        let back = stand.sign_in(first, slug, "approve").await;
        let code = back.back("code").unwrap_or_else(|| panic!("no code: {back:?}"));
        let redeemed = Asked::new(Version::V3, Ask::Code, "BANK01", &[("scope", "openid"), ("code", &code)])
            .signed(&stand.rsa)
            .send(&stand)
            .await
            .json();
        let text = |name: &str| redeemed[name].as_str().unwrap_or_else(|| panic!("no {name}: {redeemed}")).to_owned();
        let oid = stand.citizen(slug).oid.wide();
        Self { consent: text("consent"), access: text("access_token"), oid, stand }
    }

    async fn client_token(&self, scope: &str) -> String {
        let seen = Asked::new(Version::V3, Ask::Client, "BANK01", &[("scope", scope)])
            .signed(&self.stand.rsa)
            .send(&self.stand)
            .await;
        seen.json()["access_token"].as_str().unwrap_or_else(|| panic!("no token: {seen:?}")).to_owned()
    }

    async fn data_token(&self) -> String {
        self.client_token(&format!("prm_chg?oid={}", self.oid)).await
    }

    /// `path` with person and purpose.
    async fn get(&self, path: &str, token: &str) -> Seen {
        let sign = if path.contains('?') { '&' } else { '?' };
        self.stand.read(&format!("{path}{sign}person={}&purpose=CREDIT", self.oid), token).await
    }

    async fn debts(&self) -> Value {
        let token = self.data_token().await;
        self.get("/api/v1/debts", &token).await.json()
    }

    async fn pay(&self, token: &str, uin: &str, key: Option<&str>, amount: i64) -> Seen {
        let body = json!({
            "person": self.oid, "purpose": "CREDIT", "amount": amount, "method": "card", "source": "tok-17",
        });
        let mut request = Request::post(format!("/api/v1/debts/{uin}/payments"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.stand.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    fn payments(&self) -> usize {
        self.stand.sandbox.read(|world| world.payments.all().count())
    }

    fn lie_once(&self, slug: &'static str) {
        self.stand.sandbox.armed().arm(Lie {
            id: slug.to_owned(),
            slug,
            citizen: Some(self.oid),
            citizen_slug: None,
            left: Some(1),
            told: 0,
            params: serde_json::Map::new(),
        });
    }
}

const KEY: &str = "6f1d2c1e-8f0a-4c35-9d55-0c8b9d4d7a11";

#[tokio::test]
async fn debts_are_served_to_a_data_token_once() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let token = bank.data_token().await;
    let mut path = "/api/v1/debts".to_owned();
    let (mut seen, mut sum) = (0, 0);
    let totals = loop {
        let page = bank.get(&path, &token).await;
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        seen += items.len();
        sum += items.iter().map(|item| item["amount"].as_i64().unwrap()).sum::<i64>();
        match page["next"].as_str() {
            // `next` is whole: person and purpose stand in it already.
            Some(next) => {
                assert!(next.starts_with("/api/v1/debts?person="), "{next}");
                path = next.split("&cursor=").nth(1).map(|cursor| format!("/api/v1/debts?cursor={cursor}")).unwrap();
            }
            None => break page["totals"].clone(),
        }
    };
    assert!(seen > 20, "more than one page");
    assert_eq!(totals["all"].as_i64(), Some(sum));
    let again = bank.get("/api/v1/debts", &token).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (403, Some("token-spent")));
    assert_eq!(again.header("content-type"), "application/problem+json");
    assert_eq!(again.cause(), "token-spent");
}

#[tokio::test]
async fn next_is_followed_as_it_stands() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let token = bank.data_token().await;
    let first = bank.get("/api/v1/debts", &token).await.json();
    let second = bank.stand.read(first["next"].as_str().unwrap(), &token).await;
    assert_eq!(second.status, 200, "{second:?}");
}

#[tokio::test]
async fn without_the_right_token_nothing_is_served() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let path = format!("/api/v1/debts?person={}&purpose=CREDIT", bank.oid);
    let none = bank.stand.open(&path).await;
    assert_eq!((none.status, none.json()["code"].as_str()), (401, Some("token-absent")));
    assert!(none.header("www-authenticate").starts_with("Bearer"));
    let garbage = bank.stand.read(&path, "not.a.token").await;
    assert_eq!((garbage.status, garbage.json()["code"].as_str()), (401, Some("token-invalid")));
    let access = bank.stand.read(&path, &bank.access).await;
    assert_eq!((access.status, access.json()["code"].as_str()), (403, Some("token-kind-wrong")));
    let token = bank.data_token().await;
    let other = bank.stand.read(&format!("/api/v1/debts?person={}&purpose=CREDIT", bank.oid + 1), &token).await;
    assert_eq!(other.json()["code"], "token-other-citizen");
    let drift = bank.stand.read(&format!("/api/v1/debts?person={}&purpose=IDENTIFICATION", bank.oid), &token).await;
    assert_eq!(drift.json()["code"], "purpose-mismatch");
    let pension = bank.get("/api/v1/pension?from=2026-01-01&to=2026-02-01", &token).await;
    assert_eq!(pension.json()["code"], "scope-missing");
}

#[tokio::test]
async fn a_payment_is_made_once_and_its_fate_is_told() {
    let bank = Bank::with_consent("border-restriction", &["debts"]).await;
    let debts = bank.debts().await;
    let debt = &debts["items"][0];
    let (uin, amount) = (debt["uin"].as_str().unwrap(), debt["amount"].as_i64().unwrap());
    let token = bank.data_token().await;
    assert_eq!(bank.pay(&token, uin, None, amount).await.json()["code"], "idempotency-key-missing");
    let wrong = bank.pay(&token, uin, Some(KEY), amount + 1).await;
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (422, Some("amount-mismatch")));
    let paid = bank.pay(&token, uin, Some(KEY), amount).await;
    assert_eq!(paid.status, 201, "{paid:?}");
    let repeated = bank.pay(&token, uin, Some(KEY), amount).await;
    assert_eq!((repeated.status, repeated.json()), (200, paid.json()));
    let location = paid.location().to_owned();
    assert_eq!(bank.stand.read(&location, &token).await.json(), paid.json());
    let by_key = bank.get(&format!("/api/v1/payments?key={KEY}"), &token).await;
    assert_eq!(by_key.json()["id"], paid.json()["id"]);
    let other_key = bank.pay(&bank.data_token().await, uin, Some("another-key-of-16+"), amount).await;
    assert_eq!((other_key.status, other_key.json()["code"].as_str()), (409, Some("debt-already-paid")));
    assert_eq!(bank.payments(), 1);
    assert!(bank.debts().await["items"].as_array().unwrap().iter().all(|item| item["uin"] != uin));
}

#[tokio::test]
async fn a_lost_answer_is_repeated_under_the_same_key_and_token() {
    let bank = Bank::with_consent("border-restriction", &["debts"]).await;
    let debts = bank.debts().await;
    let (uin, amount) = (debts["items"][0]["uin"].as_str().unwrap(), debts["items"][0]["amount"].as_i64().unwrap());
    bank.lie_once("payment-answer-lost");
    let token = bank.data_token().await;
    bank.pay(&token, uin, Some(KEY), amount).await;
    let repeated = bank.pay(&token, uin, Some(KEY), amount).await;
    assert_eq!((repeated.status, repeated.json()["uin"].as_str()), (200, Some(uin)));
    assert_eq!(bank.payments(), 1);
}

#[tokio::test]
async fn a_refusal_in_the_services_place_leaves_the_token_good() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    bank.lie_once("rate-limited");
    let token = bank.data_token().await;
    assert_eq!(bank.get("/api/v1/debts", &token).await.status, 429);
    assert_eq!(bank.get("/api/v1/debts", &token).await.status, 200);
}

#[tokio::test]
async fn a_bank_feeds_its_own_overdue_credit() {
    let bank = Bank::with_consent("no-debts", &["debts"]).await;
    let feed = async |body: Value| {
        let request = Request::put("/api/v1/debts/fed/loan-17")
            .header("authorization", format!("Bearer {}", bank.data_token().await))
            .header("content-type", "application/json");
        bank.stand.send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let body = json!({
        "person": bank.oid, "purpose": "CREDIT", "title": "Просрочка", "amount": 1_234_567, "due_date": "2026-12-01",
    });
    let fed = feed(body.clone()).await;
    assert_eq!(fed.status, 200, "{fed:?}");
    assert_eq!(feed(body.clone()).await.json(), fed.json(), "the same id is the same debt");
    let mut strange = body;
    strange["currency"] = json!("USD");
    assert_eq!(feed(strange).await.json()["code"], "body-invalid");
    let debts = bank.debts().await;
    assert_eq!(debts["items"][0]["uin"], fed.json()["uin"]);
    assert_eq!(debts["totals"]["credit"], 1_234_567);
}

#[tokio::test]
async fn a_pension_is_served_at_once_or_deferred() {
    let bank = Bank::with_consent("pensioner", &["pension"]).await;
    let path = "/api/v1/pension?from=2026-01-01&to=2026-11-22";
    let token = bank.data_token().await;
    let at_once = bank.get(path, &token).await;
    assert_eq!(at_once.status, 200, "{at_once:?}");

    bank.lie_once("pension-deferred");
    let token = bank.data_token().await;
    let deferred = bank.get(path, &token).await;
    assert_eq!((deferred.status, deferred.header("retry-after")), (202, "1"));
    let location = deferred.location().to_owned();
    assert_eq!(bank.stand.read(&location, &token).await.status, 202);
    bank.stand.advance(Span::from_seconds(2)).await;
    let ready = bank.stand.read(&location, &token).await;
    assert_eq!((ready.status, ready.json()), (200, at_once.json()));
    assert_eq!(bank.stand.read(&location, &token).await.json()["code"], "token-spent");
    let backwards = bank.get("/api/v1/pension?from=2026-02-02&to=2026-02-01", &bank.data_token().await).await;
    assert_eq!((backwards.status, backwards.json()["code"].as_str()), (400, Some("period-invalid")));
}

#[tokio::test]
async fn a_consent_is_read_and_given_up_by_its_bank() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let path = format!("/api/v1/consents/{}", bank.consent);
    let record = bank.stand.read(&path, &bank.access).await.json();
    assert_eq!((record["state"].as_str(), record["purpose"].as_str()), (Some("granted"), Some("CREDIT")));
    assert_eq!(record["scopes"], json!(["debts"]));
    let held = bank.data_token().await;
    let partner = bank.client_token("consents").await;
    for _ in 0..2 {
        let request = Request::post(format!("{path}/revoke")).header("authorization", format!("Bearer {partner}"));
        let revoked = bank.stand.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((revoked.status, revoked.json()["state"].as_str()), (200, Some("revoked")));
    }
    let stopped = bank.get("/api/v1/debts", &held).await;
    assert_eq!((stopped.status, stopped.json()["code"].as_str()), (403, Some("consent-revoked")));
    assert_eq!(bank.stand.read("/api/v1/consents/nothing", &partner).await.json()["code"], "consent-unknown");
}

#[tokio::test]
async fn what_is_not_there_is_told_as_a_problem() {
    let stand = Stand::new(Strictness::Strict).await;
    for (request, status, code) in [
        (Request::get("/api/v1/nothing"), 404, "not-found"),
        (Request::delete("/api/v1/debts"), 405, "method-not-allowed"),
        (Request::get("/api/v2/debts"), 404, "address-moved"),
    ] {
        let seen = stand.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((seen.status, seen.json()["code"].as_str()), (status, Some(code)));
        assert!(seen.json()["advice"]["ru"].is_string());
    }
    let rows = stand.open("/api/v1/errors").await.json();
    assert!(rows.as_array().unwrap().iter().any(|row| row["code"] == "token-spent"));
    assert_eq!(stand.open("/openapi.json").await.json()["openapi"], "3.1.0");
    assert!(stand.open("/docs").await.body.contains("/api/v1/debts"));
}
