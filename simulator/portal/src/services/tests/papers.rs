//! Documents that were issued: announced by size and digest, signed by the portal, confirmed by their code; and the lies
//! about each of these.

use crypto::chain::{self, Check, Usage};
use crypto::cms::Container;
use crypto::digest::sha256_hex;

use super::*;

impl Bank {
    async fn order(&self, path: &str, key: &str, mut body: Value) -> Value {
        body["person"] = json!(self.oid);
        body["purpose"] = json!("CREDIT");
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.data_token().await))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        self.stand.send(request.body(Body::from(body.to_string())).unwrap()).await.json()
    }

    async fn part(&self, path: &str) -> Seen {
        let seen = self.get(path, &self.data_token().await).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        seen
    }

    /// Whether the signature is good, and whether the portal's authority stands behind it.
    fn signed(&self, paper: &[u8], signature: &[u8]) -> (bool, bool) {
        let Ok(verified) = Container::read(signature).and_then(|read| read.verify(paper, &[])) else {
            return (false, false);
        };
        let roots = self.stand.pki.roots();
        let check = Check {
            leaf: &verified.signer,
            intermediates: &[],
            roots: &roots,
            crls: &[],
            at: self.stand.sandbox.now().seconds(),
            usage: Usage::Signing,
            host: None,
        };
        (true, chain::verify(&check).is_ok())
    }
}

#[tokio::test]
async fn a_document_is_what_was_announced_signed_and_confirmed_unless_a_lie_is_told() {
    let bank = Bank::with_consent("anna-confirmed", &["certificates"]).await;
    let placed = bank.order("/api/v1/orders", "paper-key-1", json!({"type": "pension", "reason": "для кредита"})).await;
    let id = placed["id"].as_str().unwrap_or_else(|| panic!("{placed}")).to_owned();
    let code = bank.stand.newest_code(&bank.stand.citizen("anna-confirmed"));
    bank.order(&format!("/api/v1/orders/{id}/confirm"), "paper-key-2", json!({"code": code})).await;
    bank.stand.advance(Span::from_minutes(3)).await;
    let ready = bank.part(&format!("/api/v1/orders/{id}")).await.json();
    let list = bank.part("/api/v1/orders?state=ready").await.json();
    assert_eq!(list["items"][0]["documents"], ready["documents"]);
    let told = &ready["documents"][0];
    let base = format!("/api/v1/documents/{}", told["id"].as_str().unwrap());
    let signing = format!("{base}/signature");

    let paper = bank.part(&base).await;
    assert_eq!(told["size"], json!(paper.bytes.len()));
    assert_eq!(told["sha256"], json!(sha256_hex(&paper.bytes)));
    let link = paper.header("link").split_once(">; rel=\"verify\"").unwrap().0.to_owned();
    let check = link.split_once("https://localhost:8443").unwrap().1.to_owned();
    let signature = bank.part(&signing).await.bytes;
    assert_eq!(bank.signed(&paper.bytes, &signature), (true, true));
    let confirmed = bank.stand.open(&check).await.json();
    assert_eq!((&confirmed["valid"], &confirmed["sha256"]), (&json!(true), &told["sha256"]));

    bank.lie_once("order-document-altered");
    let altered = bank.part(&base).await.bytes;
    assert_ne!(sha256_hex(&altered), told["sha256"].as_str().unwrap());
    assert_eq!(bank.signed(&altered, &signature), (false, false));
    assert_eq!(bank.part(&base).await.bytes, paper.bytes);
    bank.lie_once("document-signature-wrong");
    assert_eq!(bank.signed(&paper.bytes, &bank.part(&signing).await.bytes), (false, false));
    bank.lie_once("document-signature-foreign");
    assert_eq!(bank.signed(&paper.bytes, &bank.part(&signing).await.bytes), (true, false));
    bank.lie_once("document-code-wrong");
    assert_eq!(bank.stand.open(&check).await.json()["valid"], false);
    assert_eq!(bank.stand.open(&check).await.json()["valid"], true);
}
