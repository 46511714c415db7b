//! Documents of every kind from their order to the check of their code. With `STEND_PICTURES=<folder>` the papers are
//! written there, to be looked at.

use contract::matter::{OrderMatter, OrderType};
use contract::shape::{Shaped, check};
use contract::time::Span;
use crypto::digest;
use http::Request;
use serde_json::{Value, json};

use super::Bank;
use crate::documents::{self, forms};

/// The paper as the portal draws it now.
fn drawn(bank: &Bank, id: &str) -> Vec<u8> {
    let document = bank.stand.sandbox.read(|world| world.matters.document(id).cloned()).unwrap();
    let paper = documents::paper(&bank.stand.sandbox, &document).unwrap();
    if let Some(folder) = std::env::var_os("STEND_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{}.pdf", document.kind)), &paper).unwrap();
    }
    paper
}

async fn checked(bank: &Bank, code: &str) -> Value {
    let seen = bank.stand.open(&format!("/api/v1/documents/check?code={code}")).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    check(forms::DocumentCheck::SHAPE, &seen.json()).unwrap();
    seen.json()
}

#[tokio::test]
async fn a_document_of_every_kind_is_drawn_signed_told_and_known_by_its_code() {
    let kinds = [OrderType::Account, OrderType::Estate, OrderType::Income, OrderType::Pension, OrderType::Workbook];
    for kind in kinds {
        // Each has a bank of its own: signed requests bear the time of the stand's beginning.
        let bank = Bank::of("anna-confirmed").await;
        let mut body =
            json!({"type": kind.as_str(), "reason": "для рассмотрения заявки на кредит", "unattended": true});
        if kind == OrderType::Estate {
            body["number"] = json!(bank.stand.citizen(bank.slug).holdings.estates[0].object.cad_number);
        }
        let placed = bank.post("/api/v1/orders", "paper-key-1", body).await;
        assert_eq!(placed.status, 201, "{placed:?}");
        bank.stand.advance(Span::from_minutes(3)).await;
        let order = format!("/api/v1/orders/{}", placed.json()["id"].as_str().unwrap());
        let ready = bank.get(&order).await.json();
        assert_eq!(ready["state"], "ready", "{ready}");
        check(OrderMatter::SHAPE, &ready).unwrap();
        let listed = &ready["documents"][0];
        let id = listed["id"].as_str().unwrap();
        let paper = drawn(&bank, id);
        let sha256 = digest::sha256_hex(&paper);
        assert_eq!((listed["size"].as_u64(), listed["sha256"].as_str()), (Some(paper.len() as u64), Some(&*sha256)));

        let address = format!("/api/v1/documents/{id}");
        let signature = bank.get(&format!("{address}/signature")).await;
        assert_eq!(signature.header("content-type"), "application/pkcs7-signature", "{signature:?}");
        let data = bank.get(&format!("{address}/data")).await;
        assert_eq!(data.status, 200, "{data:?}");
        check(forms::shape_of(kind.as_str()).unwrap(), &data.json())
            .unwrap_or_else(|breach| panic!("{kind:?}: {breach}"));
        let seen = bank.get(&address).await;
        assert_eq!((seen.status, seen.header("content-type")), (200, "application/pdf"), "{seen:?}");
        assert_eq!(seen.header("etag"), format!("\"{sha256}\""));
        assert_eq!(bank.get(&order).await.json()["state"], "delivered", "the paper was fetched");

        let link = seen.header("link").to_owned();
        let code =
            link.split("code=").nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_else(|| panic!("{link}"));
        let known = checked(&bank, code).await;
        assert_eq!((known["valid"].as_bool(), known["sha256"].as_str()), (Some(true), Some(&*sha256)));
        assert_eq!(known["number"], listed["number"]);
        assert_eq!(checked(&bank, "0").await, json!({"valid": false}));
    }
}

#[tokio::test]
async fn a_settled_payment_has_a_receipt_and_what_is_held_is_not_sent_again() {
    let bank = Bank::of("anna-confirmed").await;
    let duties = bank.get("/api/v1/duties").await.json();
    let duty = duties["duties"].as_array().unwrap().iter().find(|duty| duty["state"] == "open").unwrap().clone();
    let sum = duty["discount"]["amount"].as_i64().or(duty["amount"].as_i64()).unwrap();
    let path = format!("/api/v1/duties/{}/payments", duty["uin"].as_str().unwrap());
    let paid = bank.post(&path, "receipt-key-1", json!({"amount": sum, "method": "sbp", "source": "tok-1"})).await;
    let receipt = format!("/api/v1/payments/{}/receipt", paid.json()["id"].as_str().unwrap());
    bank.stand.advance(Span::from_minutes(2)).await;
    let seen = bank.get(&receipt).await;
    assert_eq!((seen.status, seen.header("content-type")), (200, "application/pdf"), "{seen:?}");
    let id = bank.stand.sandbox.read(|world| {
        let payment = paid.json()["id"].as_str().unwrap().to_owned();
        world.matters.documents_of(&payment).last().map(|document| document.id.clone()).unwrap()
    });
    let tag = format!("\"{}\"", digest::sha256_hex(&drawn(&bank, &id)));
    assert_eq!(seen.header("etag"), tag);
    let data = bank.get(&format!("/api/v1/documents/{id}/data")).await;
    check(forms::ReceiptPaper::SHAPE, &data.json()).unwrap_or_else(|breach| panic!("{breach}: {data:?}"));
    let request = Request::get(format!("{receipt}?person={}&purpose=CREDIT", bank.oid))
        .header("authorization", format!("Bearer {}", bank.data_token().await))
        .header("if-none-match", tag);
    let again = bank.stand.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
}
