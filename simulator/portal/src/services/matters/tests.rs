//! Matters over the whole router: real tokens and signatures, a frozen clock, no socket.

mod papers;

use axum::body::Body;
use contract::consent::Permission;
use contract::control::Strictness;
use contract::shape::{Shaped, check};
use contract::time::Span;
use crypto::{base64, cms};
use domain::{Application, CitizenAct, Command, MatterCommand, MatterReply, Reply, Secret};
use http::Request;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::edge::caller::Caller;
use crate::faults::Lie;
use crate::oauth::signed::{Ask, Version};
use crate::stand::{Asked, Seen, Stand};

const SCOPES: &[&str] =
    &["analytics", "applications", "certificates", "documents", "duties", "feedback", "tax", "transfers"];

struct Bank {
    stand: Stand,
    slug: &'static str,
    oid: i64,
}

impl Bank {
    async fn of(slug: &'static str) -> Self {
        let stand = Stand::new(Strictness::Strict).await;
        let permission = Permission {
            sysname: "CREDIT".into(),
            responsible_object: None,
            term: Span::from_days(30),
            actions: vec!["ALL_ACTIONS_TO_DATA".into()],
            purposes: vec!["CREDIT".into()],
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
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
        assert!(redeemed["consent"].is_string(), "{redeemed}");
        let oid = stand.citizen(slug).oid.wide();
        Self { stand, slug, oid }
    }

    async fn token(&self, scope: &str) -> String {
        let seen = Asked::new(Version::V3, Ask::Client, "BANK01", &[("scope", scope)])
            .signed(&self.stand.rsa)
            .send(&self.stand)
            .await;
        seen.json()["access_token"].as_str().unwrap_or_else(|| panic!("no token: {seen:?}")).to_owned()
    }

    async fn data_token(&self) -> String {
        self.token(&format!("prm_chg?oid={}", self.oid)).await
    }

    /// A body with person and purpose, under a key, with a fresh token.
    async fn post(&self, path: &str, key: &str, mut body: Value) -> Seen {
        body["person"] = json!(self.oid);
        body["purpose"] = json!("CREDIT");
        let token = self.data_token().await;
        self.send(path, key, &token, &body).await
    }

    async fn send(&self, path: &str, key: &str, token: &str, body: &Value) -> Seen {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        self.stand.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn get(&self, path: &str) -> Seen {
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}person={}&purpose=CREDIT", self.oid);
        self.stand.read(&path, &self.data_token().await).await
    }

    /// The one-time code in the newest message.
    fn code(&self) -> String {
        self.stand.sandbox.read(|world| {
            world.messages.of(self.oid).iter().rev().find_map(|message| message.code.clone()).expect("a code was sent")
        })
    }

    fn lie(&self, slug: &'static str) {
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

    fn signature(&self, content: &[u8]) -> String {
        let held = &self.stand.rsa;
        let der = cms::sign(content, &held.key, &held.certificate, &cms::Options::default()).unwrap();
        base64::encode_standard(&der)
    }

    async fn citizen_does(&self, command: MatterCommand) -> Value {
        match self.stand.sandbox.execute(&Caller::nobody(), Command::Matter(Box::new(command))).await {
            Ok(Reply::Matter(MatterReply::Matter { value, .. })) => value,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_order_is_placed_confirmed_followed_and_ready() {
    let bank = Bank::of("anna-confirmed").await;
    let body = json!({"type": "pension", "reason": "для кредита"});
    let placed = bank.post("/api/v1/orders", "order-key-1", body.clone()).await;
    assert_eq!((placed.status, placed.json()["state"].as_str()), (201, Some("placed")), "{placed:?}");
    check(contract::matter::OrderMatter::SHAPE, &placed.json()).unwrap();
    let again = bank.post("/api/v1/orders", "order-key-1", body).await;
    assert_eq!((again.status, again.json()), (200, placed.json()));
    let id = placed.json()["id"].as_str().unwrap().to_owned();
    let wrong = bank.post(&format!("/api/v1/orders/{id}/confirm"), "order-key-2", json!({"code": "000"})).await;
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (403, Some("code-mismatch")));
    let confirm = json!({"code": bank.code()});
    let confirmed = bank.post(&format!("/api/v1/orders/{id}/confirm"), "order-key-3", confirm).await;
    assert_eq!((confirmed.status, confirmed.json()["state"].as_str()), (200, Some("in_work")), "{confirmed:?}");
    bank.stand.advance(Span::from_minutes(3)).await;
    bank.lie("matter-state-regresses");
    let path = format!("/api/v1/orders/{id}");
    assert_eq!(bank.get(&path).await.json()["state"], "in_work");
    let ready = bank.get(&path).await.json();
    assert_eq!((ready["state"].as_str(), ready["documents"].as_array().map(Vec::len)), (Some("ready"), Some(1)));
    check(contract::matter::OrderMatter::SHAPE, &ready).unwrap();
    let list = bank.get("/api/v1/orders?state=ready").await.json();
    assert_eq!(list["items"][0]["id"], json!(id));
    let deliver = bank.post(&format!("/api/v1/orders/{id}/deliver"), "order-key-4", json!({})).await;
    assert_eq!(deliver.json()["code"], "move-not-allowed");
}

#[tokio::test]
async fn a_duty_is_paid_with_every_requisite_on_the_receipt() {
    let bank = Bank::of("anna-confirmed").await;
    let duties = bank.get("/api/v1/duties").await.json();
    let duty = duties["duties"].as_array().unwrap().iter().find(|duty| duty["state"] == "open").unwrap().clone();
    let sum = duty["discount"]["amount"].as_i64().or(duty["amount"].as_i64()).unwrap();
    let path = format!("/api/v1/duties/{}/payments", duty["uin"].as_str().unwrap());
    let body = |source: &str| json!({"amount": sum, "method": "sbp", "source": source});
    let bare = bank.post(&path, "duty-key-1", body("4111111111111111")).await;
    assert_eq!((bare.status, bare.json()["code"].as_str()), (422, Some("card-number-forbidden")));
    let paid = bank.post(&path, "duty-key-2", body("tok-1")).await;
    assert_eq!(paid.status, 201, "{paid:?}");
    let payment = paid.json();
    assert_eq!(payment["receipt"]["account"], duty["requisites"]["account"]);
    assert_eq!(payment["receipt"]["amount"], json!(sum));
    assert_eq!(payment["uip"].as_str().map(str::len), Some(32));
    let again = bank.post(&path, "duty-key-3", body("tok-1")).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (409, Some("debt-already-paid")));
    let late = payment["state"] == "checking";
    bank.stand.advance(Span::from_minutes(2)).await;
    let settled = bank.get(&format!("/api/v1/payments/{}", payment["id"].as_str().unwrap())).await.json();
    assert_eq!(
        (settled["state"].as_str(), settled["acknowledgment"].as_i64()),
        (Some("settled"), Some(1)),
        "late: {late}"
    );
}

#[tokio::test]
async fn an_application_arrives_unaltered_with_its_attachment() {
    let bank = Bank::of("anna-confirmed").await;
    let bytes = b"%PDF-1.7 a statement";
    let file = contract::matter::Attachment {
        id: "11111111-1111-4111-8111-111111111111".into(),
        name: "справка.pdf".into(),
        media_type: "application/pdf".into(),
        size: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(bytes)),
    };
    let application = Box::new(Application {
        client_id: "BANK01".into(),
        kind: contract::matter::ApplicationType::Card,
        amount: None,
        term_months: None,
        account: None,
        files: vec![(file.clone(), base64::encode_standard(bytes))],
    });
    let draft = bank.citizen_does(MatterCommand::Apply { citizen: bank.oid, application }).await;
    let id = draft["id"].as_str().unwrap().to_owned();
    let act = CitizenAct::Confirm { code: Secret::new(bank.code()) };
    bank.citizen_does(MatterCommand::Act { citizen: bank.oid, id: id.clone(), act }).await;
    let seen = bank.get(&format!("/api/v1/applications/{id}")).await.json();
    check(contract::matter::ApplicationMatter::SHAPE, &seen).unwrap();
    assert_eq!(seen["details"]["form"]["last_name"], json!(bank.stand.citizen(bank.slug).last_name));
    assert_eq!(seen["details"]["documents"][0]["sha256"], json!(file.sha256));
    let path = format!("/api/v1/attachments/{}", file.id);
    assert_eq!(bank.get(&path).await.body.as_bytes(), bytes);
    bank.lie("attachment-altered");
    assert_ne!(bank.get(&path).await.body.as_bytes(), bytes);
    bank.post(&format!("/api/v1/applications/{id}/take"), "app-key-01", json!({})).await;
    let decided = json!({"decision": "approve"});
    let approved = bank.post(&format!("/api/v1/applications/{id}/decide"), "app-key-02", decided).await;
    assert_eq!(approved.json()["state"], "approved", "{approved:?}");
}

#[tokio::test]
async fn signed_documents_are_taken_and_unsigned_ones_refused() {
    let bank = Bank::of("anna-confirmed").await;
    let content = "справка о составе семьи".as_bytes();
    let file = |signature: String| {
        json!({"programme": "housing", "documents": [{
            "name": "a.txt", "media_type": "text/plain", "content": base64::encode_standard(content), "signature": signature,
        }]})
    };
    let wrong = bank.post("/api/v1/intakes", "intake-key-1", file(bank.signature(b"other bytes"))).await;
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (422, Some("signature-invalid")), "{wrong:?}");
    let taken = bank.post("/api/v1/intakes", "intake-key-2", file(bank.signature(content))).await;
    assert_eq!((taken.status, taken.json()["state"].as_str()), (201, Some("received")), "{taken:?}");
    check(contract::matter::IntakeMatter::SHAPE, &taken.json()).unwrap();

    let id = "22222222-2222-4222-8222-222222222222";
    let large = vec![7_u8; 3 * 1024 * 1024];
    let address = format!("/api/v1/attachments/{id}?person={}&purpose=CREDIT&name=big.bin", bank.oid);
    let put = Request::put(address)
        .header("authorization", format!("Bearer {}", bank.data_token().await))
        .header("content-type", "application/octet-stream");
    let put = bank.stand.send(put.body(Body::from(large.clone())).unwrap()).await;
    assert_eq!((put.status, put.json()["size"].as_u64()), (201, Some(3 * 1024 * 1024)), "{put:?}");
    let by_reference = |sha256: &str| {
        json!({"programme": "housing", "documents": [{
            "name": "big.bin", "media_type": "application/octet-stream", "signature": bank.signature(&large),
            "reference": {"uuid": id, "size": large.len(), "sha256": sha256},
        }]})
    };
    let digest = hex::encode(Sha256::digest(&large));
    let other = bank.post("/api/v1/intakes", "intake-key-3", by_reference(&"0".repeat(64))).await;
    assert_eq!(other.json()["code"], "attachment-mismatch", "{other:?}");
    let taken = bank.post("/api/v1/intakes", "intake-key-4", by_reference(&digest)).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    // Each state has its own time, counted from when it was entered.
    bank.stand.advance(Span::from_minutes(2)).await;
    bank.stand.advance(Span::from_minutes(2)).await;
    let id = taken.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(bank.get(&format!("/api/v1/intakes/{id}")).await.json()["state"], "accepted");
}

#[tokio::test]
async fn what_is_about_nobody_names_nobody() {
    let bank = Bank::of("anna-confirmed").await;
    let metrics = |name: &str| json!({"period": "2026-11", "items": [{"name": name, "count": 10, "p50_ms": 20, "p95_ms": 80, "cancelled": 1}]});
    let token = bank.token("consents").await;
    assert_eq!(bank.send("/api/v1/metrics", "metrics-key-1", &token, &metrics("debts.list")).await.status, 202);
    let personal = bank.send("/api/v1/metrics", "metrics-key-2", &token, &metrics("+7 900 123-45-67")).await;
    assert_eq!((personal.status, personal.json()["code"].as_str()), (422, Some("personal-data-forbidden")));
    let spending = |total: i64| json!({"period": "2026-11", "categories": [{"code": "food", "total": 700, "count": 2}], "total": total});
    let differs = bank.post("/api/v1/analytics", "analytics-key-1", spending(701)).await;
    assert_eq!(differs.json()["code"], "totals-differ");
    assert_eq!(bank.post("/api/v1/analytics", "analytics-key-2", spending(700)).await.status, 201);
    assert_eq!(bank.get("/api/v1/analytics?period=2026-11").await.json()["total"], 700);
}
