//! Encrypted messages (SEC-11): what a bank asks closed it can open, and nobody else.

use contract::control::{Encryption, TokenAlg};
use crypto::cms::enveloped::{ContentCipher, EnvelopeError, Options, decrypt, encrypt};
use crypto::{Algorithm, Certificate, PrivateKey};
use domain::{Command, Partner};

use super::*;
use crate::edge::caller::Caller;
use crate::services::encryption::SEALED;
use crate::stand::Held;

impl Bank {
    async fn closed(&self, accept: &str) -> Seen {
        let token = self.data_token().await;
        let request = Request::get(format!("/api/v1/debts?person={}&purpose=CREDIT", self.oid))
            .header("authorization", format!("Bearer {token}"))
            .header("accept", accept)
            .header("stend-encryption", "cms");
        self.stand.send(request.body(Body::empty()).unwrap()).await
    }

    async fn registered_as(&self, change: impl FnOnce(&mut Partner)) {
        let mut partner = self.stand.sandbox.read(|world| Partner::clone(world.partners.find("BANK01").unwrap()));
        change(&mut partner);
        let command = Command::RegisterPartner(Box::new(partner));
        self.stand.sandbox.execute(&Caller::nobody(), command).await.unwrap();
    }
}

fn opened(seen: &Seen, held: &Held) -> Value {
    assert_eq!((seen.status, seen.header("content-type")), (200, SEALED), "{seen:?}");
    let content = decrypt(&seen.bytes, &held.certificate, &held.key).unwrap();
    serde_json::from_slice(&content).unwrap()
}

#[tokio::test]
async fn an_answer_is_closed_for_every_certificate_of_the_partner() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let plain = bank.debts().await;
    let seen = bank.closed("application/json").await;
    assert_eq!(seen.header("stend-content-type"), "application/json");
    for held in [&bank.stand.rsa, &bank.stand.second] {
        assert_eq!(opened(&seen, held)["totals"], plain["totals"]);
    }
    let foreign = decrypt(&seen.bytes, &bank.stand.other.certificate, &bank.stand.other.key);
    assert_eq!(foreign.unwrap_err().code(), "not-for-this-certificate");
    let seen = bank.closed("application/xml").await;
    assert_eq!(seen.header("stend-content-type"), "application/xml");
    let content = decrypt(&seen.bytes, &bank.stand.rsa.certificate, &bank.stand.rsa.key).unwrap();
    assert!(content.starts_with(b"<"));
    let refused =
        bank.stand.send(Request::get("/api/v1/debts").header("stend-encryption", "pgp").body(Body::empty()).unwrap());
    assert_eq!(refused.await.status, 400);
    let nobody = Request::get("/api/v1/errors").header("stend-encryption", "cms").body(Body::empty()).unwrap();
    assert_eq!(bank.stand.send(nobody).await.json()["code"], "encryption-impossible");
}

#[tokio::test]
async fn lies_about_closed_answers_show_and_are_told_once() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let open = |seen: &Seen| decrypt(&seen.bytes, &bank.stand.rsa.certificate, &bank.stand.rsa.key).map(|_| ());
    for (slug, why) in [
        ("envelope-plain", None),
        ("envelope-tampered", Some(EnvelopeError::ContentDamaged)),
        ("envelope-for-another", Some(EnvelopeError::NotForThisCertificate { recipients: 1 })),
    ] {
        bank.lie_once(slug);
        let seen = bank.closed("application/json").await;
        match why {
            None => assert!(seen.json()["totals"].is_object()),
            Some(why) => assert_eq!(open(&seen), Err(why), "{slug}"),
        }
        assert_eq!(open(&bank.closed("application/json").await), Ok(()), "{slug} is told once");
    }
}

#[tokio::test]
async fn a_partner_may_want_all_answers_closed_whatever_its_keys() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let gost = PrivateKey::generate(Algorithm::GOST_256).unwrap();
    let gost = bank.stand.issued("partner", &gost);
    for held in [&bank.stand.ec, &gost] {
        let token = bank.data_token().await;
        let before = bank.stand.sandbox.read(|world| world.partners.find("BANK01").unwrap().certificates.clone());
        let only = crate::hub::read_certificate(&held.certificate.pem()).unwrap();
        bank.registered_as(|partner| {
            partner.certificates = vec![only];
            partner.encryption = Encryption::Required;
        })
        .await;
        let seen = bank.get("/api/v1/debts", &token).await;
        assert!(opened(&seen, held)["totals"].is_object());
        // A refusal is closed too.
        let spent = bank.get("/api/v1/payments?key=another-request", &token).await;
        assert_eq!((spent.status, spent.header("stend-content-type")), (403, "application/problem+json"));
        bank.registered_as(|partner| partner.certificates = before).await;
    }
}

#[tokio::test]
async fn a_body_closed_for_the_portal_is_opened_before_it_is_read() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let debts = bank.debts().await;
    let items = debts["items"].as_array().unwrap();
    let paths = ["/pki/encryption.pem", "/pki/encryption-ec.pem", "/pki/encryption-gost.pem"];
    for (path, item) in paths.iter().zip(items) {
        let lock = Certificate::from_pem(&bank.stand.open(path).await.body).unwrap();
        assert!(lock.is_valid_at(bank.stand.sandbox.now().seconds()));
        let family = lock.public_key().unwrap().family();
        let order = json!({
            "person": bank.oid, "purpose": "CREDIT", "amount": item["amount"], "method": "card", "source": "tok-17",
        });
        let cipher = ContentCipher::usual(family);
        let mut sealed = encrypt(order.to_string().as_bytes(), &[lock], cipher, &Options::default()).unwrap();
        let uin = item["uin"].as_str().unwrap();
        let ask = |token: String, body: Vec<u8>| {
            Request::post(format!("/api/v1/debts/{uin}/payments"))
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", SEALED)
                .header("stend-content-type", "application/json")
                .header("idempotency-key", format!("key-{uin}"))
                .body(Body::from(body))
                .unwrap()
        };
        let paid = bank.stand.send(ask(bank.data_token().await, sealed.clone())).await;
        assert_eq!(paid.status, 201, "{path}: {paid:?}");
        let middle = sealed.len() / 8;
        sealed[middle] ^= 1;
        sealed.truncate(middle * 4);
        let refused = bank.stand.send(ask(bank.data_token().await, sealed)).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (400, Some("envelope-invalid")));
    }
    assert!(bank.stand.sandbox.keys().encryption(TokenAlg::ES256).await.is_ok());
}
