//! Events as the bank's receiver meets them: signed, repeated after a refusal, and lied about.

use std::sync::{Arc, Mutex};

use contract::control::HmacAlg;
use contract::journal::kinds;
use crypto::http_signature::{Expect, HttpAlg, Message, Verifier, check_content_digest, verify};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::lies::Bank;

/// One request that arrived.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) path: String,
    headers: HeaderMap,
    pub(crate) body: String,
}

/// A receiver of events that answers what it is told to.
pub(crate) struct Receiver {
    pub(crate) url: String,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    pub(crate) status: Arc<Mutex<u16>>,
}

pub(crate) async fn receiver() -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/portal", listener.local_addr().unwrap());
    let (arrived, status) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(204)));
    let (kept, answer) = (arrived.clone(), status.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut raw = Vec::new();
            let mut buffer = [0; 4096];
            let request = loop {
                let count = stream.read(&mut buffer).await.unwrap();
                raw.extend_from_slice(&buffer[..count]);
                if let Some(request) = parse(&String::from_utf8_lossy(&raw)) {
                    break request;
                }
            };
            kept.lock().unwrap().push(request);
            let head =
                format!("HTTP/1.1 {} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", answer.lock().unwrap());
            stream.write_all(head.as_bytes()).await.unwrap();
        }
    });
    Receiver { url, arrived, status }
}

fn parse(text: &str) -> Option<Arrived> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut headers = HeaderMap::new();
    let path = head.split(' ').nth(1)?.to_owned();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ")?;
        headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    (body.len() >= length).then(|| Arrived { path, headers, body: body.to_owned() })
}

impl Receiver {
    pub(crate) fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut *self.arrived.lock().unwrap())
    }
}

/// Whether an honest receiver takes the event.
pub(crate) async fn holds(bank: &Bank, url: &str, event: &Arrived) -> bool {
    let (_, keys) = bank.keys().await;
    let message = Message { method: "POST", target_uri: url, headers: &event.headers, status: None };
    let find = |kid: &str, _: Option<&str>| match &bank.secret {
        // A shared secret has no key in the set: the client's own id names it.
        Some((secret, alg)) => (kid == "BANK01").then(|| Verifier::HmacWith(secret.clone(), *alg)),
        None => keys.keys.iter().find(|key| key.kid.as_deref() == Some(kid))?.public_key().ok().map(Verifier::of),
    };
    let now = portal::clock::wall_us() / 1_000_000;
    check_content_digest(&event.headers, event.body.as_bytes()).is_ok()
        && verify(&message, event.body.as_bytes(), &Expect::at(now), find).is_ok()
}

#[tokio::test]
async fn events_are_signed_and_lies_about_them_show() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver().await;
    let bank = Bank::start(folder.path(), Some(&receiver.url)).await;
    told(bank, &receiver, HttpAlg::EcdsaP256Sha256).await;
}

#[tokio::test]
async fn events_for_a_bank_with_gost_tokens_are_signed_with_gost() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver().await;
    let more = json!({"webhook": receiver.url, "token_alg": "GOST3410_2012_256"});
    let bank = Bank::start_with(folder.path(), more).await;
    told(bank, &receiver, HttpAlg::Gost256).await;
}

#[tokio::test]
async fn events_by_hmac_hold_for_who_has_the_secret_and_it_stands_nowhere() {
    const SECRET: &str = "shared-and-hushed-up";
    for alg in HmacAlg::ALL {
        let folder = tempfile::tempdir().unwrap();
        let receiver = receiver().await;
        let hmac = json!({"alg": alg, "secret": SECRET});
        let mut bank = Bank::start_with(folder.path(), json!({"webhook": receiver.url, "webhook_hmac": hmac})).await;
        let wanted = HttpAlg::named(alg.as_str()).unwrap();
        bank.secret = Some((SECRET.as_bytes().to_vec(), wanted));
        let (status, opened) = bank
            .portal
            .call("POST", "/sandboxes", Some(json!({"partners": [{"client_id": "B", "webhook_hmac": hmac}]})))
            .await;
        assert_eq!(status, 201, "{opened}");
        for path in ["/journal?beside=true", "/partners", "/exchanges", "/sandboxes", "/journal.har"] {
            for sandbox in ["default", opened["id"].as_str().unwrap()] {
                let (status, shown) = bank.portal.call_in(sandbox, "GET", path, None).await;
                assert_eq!(status, 200, "{path}");
                assert!(!shown.to_string().contains(SECRET), "{path} of {sandbox}");
            }
        }
        for wrong in [
            json!({"alg": alg}),
            json!({"alg": alg, "secret": ""}),
            json!({"alg": alg, "secret_file": "x"}),
            json!({"alg": "hmac-md5", "secret": "s"}),
        ] {
            let partner = json!({"client_id": "BANK02", "webhook_hmac": wrong});
            let (status, body) = bank.portal.call("POST", "/partners", Some(partner)).await;
            assert!(status == 422 || status == 400, "{wrong}: {status} {body}");
        }
        told(bank, &receiver, wanted).await;
    }
}

/// A secret outlives the portal's process, and no longer than the partner wants it.
#[tokio::test]
async fn a_shared_secret_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = format!("sqlite:{}", folder.path().join("stend.db").display());
    let receiver = receiver().await;
    let hmac = json!({"alg": "hmac-gostr3411-2012-256", "secret": "kept"});
    let partner = json!({"webhook": receiver.url, "webhook_hmac": hmac});
    let mut bank = Bank::start_in(folder.path(), &state, partner).await;
    bank.secret = Some((b"kept".to_vec(), HttpAlg::HmacStreebog256));
    bank.portal = bank.portal.restarted(folder.path(), &state).await;
    bank.consent("anna-confirmed").await;
    bank.portal.call("POST", "/hooks/flush", None).await;
    let arrived = receiver.take();
    assert!(holds(&bank, &receiver.url, &arrived[0]).await);
    // Back without a secret: the portal's key signs.
    let plain =
        json!({"client_id": "BANK01", "redirect_uris": ["https://localhost:9443/callback"], "webhook": receiver.url});
    assert_eq!(bank.portal.call("POST", "/partners", Some(plain)).await.0, 201);
    bank.secret = None;
    bank.consent("anna-confirmed").await;
    bank.portal.call("POST", "/hooks/flush", None).await;
    assert!(holds(&bank, &receiver.url, &receiver.take()[0]).await);
    bank.portal.stop().await;
}

/// One honest event, and every lie about events.
async fn told(mut bank: Bank, receiver: &Receiver, alg: HttpAlg) {
    let anna = "anna-confirmed";
    bank.consent(anna).await;
    bank.portal.call("POST", "/hooks/flush", None).await;
    let honest = receiver.take();
    assert_eq!(honest.len(), 1);
    assert!(holds(&bank, &receiver.url, &honest[0]).await);
    let said = honest[0].headers["signature-input"].to_str().unwrap();
    assert!(said.contains(&format!("alg=\"{}\"", alg.as_str())), "{said}");
    let body: Value = serde_json::from_str(&honest[0].body).unwrap();
    assert_eq!(body["consent"]["state"], "granted");
    for fault in contract::fault::FAULTS.iter().filter(|fault| fault.place == contract::fault::Place::Hook) {
        bank.arm(fault.slug, Some(anna), json!({})).await;
        bank.consent(anna).await;
        bank.portal.call("POST", "/hooks/flush", None).await;
        let arrived = receiver.take();
        match fault.slug {
            "hook-lost" => {
                assert!(arrived.is_empty());
                // It is tried again later, honestly.
                bank.portal.call("POST", "/clock/advance", Some(json!({"by": "PT10S"}))).await;
                receiver.take();
            }
            "hook-repeated" => {
                assert_eq!(arrived.len(), 2);
                assert_eq!(arrived[0].body, arrived[1].body);
                assert!(holds(&bank, &receiver.url, &arrived[1]).await);
            }
            "hook-address" => {
                assert!(arrived[0].body.contains("https://127.0.0.1:"));
                assert!(holds(&bank, &receiver.url, &arrived[0]).await);
            }
            // Of matters only.
            "hook-duplicated-matter" | "hook-reordered" | "status-out-of-order" => {
                assert_eq!(arrived.len(), 1);
                assert!(holds(&bank, &receiver.url, &arrived[0]).await);
            }
            slug => {
                assert_eq!(arrived.len(), 1, "{slug}");
                assert!(!holds(&bank, &receiver.url, &arrived[0]).await, "{slug}");
            }
        }
    }
    bank.portal.stop().await;
}

#[tokio::test]
async fn a_refused_event_comes_again_and_is_recorded_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver().await;
    let mut bank = Bank::start(folder.path(), Some(&receiver.url)).await;
    *receiver.status.lock().unwrap() = 401;
    bank.consent("anna-confirmed").await;
    bank.portal.call("POST", "/hooks/flush", None).await;
    let (_, log) = bank.portal.call("GET", "/hooks", None).await;
    assert_eq!((&log["hooks"][0]["delivered"], &log["hooks"][0]["status"]), (&json!(false), &json!(401)));
    *receiver.status.lock().unwrap() = 200;
    bank.portal.call("POST", "/clock/advance", Some(json!({"by": "PT10S"}))).await;
    let (_, log) = bank.portal.call("GET", "/hooks", None).await;
    assert_eq!(log["hooks"][0]["delivered"], true);
    let arrived = receiver.take();
    assert!(arrived.len() >= 2);
    assert!(arrived.iter().all(|event| event.body == arrived[0].body));
    let path = format!("/journal?kind={},{}", kinds::HOOK_FAILED, kinds::HOOK_DELIVERED);
    let (_, journal) = bank.portal.call("GET", &path, None).await;
    let told: Vec<&str> =
        journal["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(told.last(), Some(&kinds::HOOK_DELIVERED));
    let (_, page) = bank.portal.call("GET", "/exchanges", None).await;
    let sent: Vec<&Value> =
        page["exchanges"].as_array().unwrap().iter().filter(|exchange| exchange["from"] == "portal").collect();
    assert_eq!(sent.len(), arrived.len());
    bank.portal.stop().await;
}
