//! The portal asks a bank on a citizen's behalf (ACC-1), and events about a matter that come in another order.

use serde_json::{Value, json};

use crate::deliveries::{Arrived, holds, receiver};
use crate::lies::Bank;

const ANNA: &str = "anna-confirmed";

async fn ask(bank: &Bank, with: Value) -> (u16, Value) {
    let mut body = json!({"client_id": "BANK01"});
    body.as_object_mut().unwrap().extend(with.as_object().cloned().unwrap());
    bank.portal.call("POST", &format!("/citizens/{ANNA}/banking"), Some(body)).await
}

fn said(arrived: &Arrived) -> Value {
    serde_json::from_str(&arrived.body).unwrap()
}

#[tokio::test]
async fn a_bank_is_asked_signed_and_a_repeat_is_the_same_question() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver().await;
    let address = receiver.url.replace("/hooks/portal", "/portal/banking");
    let mut bank = Bank::start(folder.path(), Some(&receiver.url)).await;
    let (status, refused) = ask(&bank, json!({"ask": "balance"})).await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("consent-missing")), "{refused}");
    let consent = bank.consent(ANNA).await;
    bank.portal.call("POST", "/hooks/flush", None).await;
    receiver.take();
    *receiver.status.lock().unwrap() = 200;

    let (status, answer) = ask(&bank, json!({"ask": "balance"})).await;
    assert_eq!((status, &answer["status"], &answer["body"]), (200, &json!(200), &Value::Null), "{answer}");
    let arrived = receiver.take();
    assert_eq!((arrived.len(), arrived[0].path.as_str()), (1, "/portal/banking"));
    assert!(holds(&bank, &address, &arrived[0]).await);
    assert!(!holds(&bank, &receiver.url, &arrived[0]).await, "signed for this address only");
    let question = said(&arrived[0]);
    let (_, anna) = bank.portal.call("GET", &format!("/citizens/{ANNA}"), None).await;
    assert_eq!((&question["person"], &question["consent"]), (&anna["oid"], &json!(consent)));
    assert_eq!((&question["acr"], &question["amr"]), (&json!("urn:esia:acr:2fa"), &json!(["pwd", "otp"])));
    assert!(question.get("key").is_none() && question["id"] == answer["id"]);

    let transfer = json!({"ask": "transfer", "amount": 1000, "to": "40817810700000000001", "acr": "pwd", "repeat": 2});
    assert_eq!(ask(&bank, transfer).await.0, 200);
    let arrived = receiver.take();
    assert_eq!((arrived.len(), &arrived[0].body), (2, &arrived[1].body));
    assert!(holds(&bank, &address, &arrived[1]).await);
    let question = said(&arrived[0]);
    assert_eq!((&question["acr"], &question["amount"]), (&json!("urn:esia:acr:pwd"), &json!(1000)));
    assert_eq!((&question["to"], question["key"].is_string()), (&json!("40817810700000000001"), true));
    let (_, told) = bank.portal.call("GET", &format!("/citizens/{ANNA}/messages"), None).await;
    assert!(told.to_string().contains("Перевод через портал"), "{told}");

    let of_another = json!({"ask": "history", "from": "2026-01-01", "to": "2026-02-01", "person": "1000299953"});
    ask(&bank, of_another).await;
    assert_eq!(said(&receiver.take()[0])["person"], 1_000_299_953);
    for wrong in [
        json!({"ask": "transfer"}),
        json!({"ask": "everything"}),
        json!({"ask": "balance", "repeat": 0}),
        json!({"ask": "balance", "acr": "eid"}),
    ] {
        let (status, problem) = ask(&bank, wrong.clone()).await;
        assert!((400..500).contains(&status), "{wrong}: {problem}");
    }
    let (_, journal) = bank.portal.call("GET", "/journal?kind=banking.asked,banking.answered", None).await;
    assert_eq!(journal["entries"].as_array().unwrap().len(), 8);
    assert!(!journal.to_string().contains(question["key"].as_str().unwrap()), "the key is digested");
    let (_, page) = bank.portal.call("GET", "/exchanges", None).await;
    let exchanges = page["exchanges"].as_array().unwrap().iter();
    let recorded = exchanges.filter(|one| one["request"]["url"] == json!(address));
    assert!(
        recorded.clone().all(|one| one["from"] == "portal" && one["to"] == "bank" && one["citizen"] == anna["oid"])
    );
    assert_eq!(recorded.count(), 4);
    bank.portal.stop().await;
}

#[tokio::test]
async fn a_question_that_is_lied_about_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver().await;
    let address = receiver.url.replace("/hooks/portal", "/portal/banking");
    let mut bank = Bank::start(folder.path(), Some(&receiver.url)).await;
    bank.consent(ANNA).await;
    bank.portal.call("POST", "/hooks/flush", None).await;
    receiver.take();
    for fault in ["banking-unsigned", "banking-signature-wrong"] {
        bank.arm(fault, Some(ANNA), json!({})).await;
        ask(&bank, json!({"ask": "balance"})).await;
        assert!(!holds(&bank, &address, &receiver.take()[0]).await, "{fault}");
        ask(&bank, json!({"ask": "balance"})).await;
        assert!(holds(&bank, &address, &receiver.take()[0]).await, "{fault} is told once");
    }
    let (_, page) = bank.portal.call("GET", "/exchanges", None).await;
    let faults = page["exchanges"].as_array().unwrap().iter().map(|one| &one["faults"]);
    let lied: Vec<&Value> = faults.filter(|faults| faults.get(0).is_some()).collect();
    assert_eq!(lied, [&json!(["banking-unsigned"]), &json!(["banking-signature-wrong"])]);
    let (_, journal) = bank.portal.call("GET", "/journal?kind=fault.told", None).await;
    assert_eq!(journal["entries"].as_array().unwrap().len(), 2);
    bank.portal.stop().await;
}

#[tokio::test]
async fn an_event_that_is_held_back_comes_after_the_next_one_of_its_matter() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = receiver().await;
    let bank = Bank::start(folder.path(), Some(&receiver.url)).await;
    bank.portal.call("PUT", "/clock", Some(json!({"frozen": "2026-12-01T10:00:00Z"}))).await;
    bank.arm("hook-reordered", Some(ANNA), json!({})).await;
    let apply = json!({"client_id": "BANK01", "type": "card"});
    let (status, draft) = bank.portal.call("POST", &format!("/citizens/{ANNA}/applications"), Some(apply)).await;
    assert_eq!(status, 201, "{draft}");
    let path = format!("/citizens/{ANNA}/matters/{}", draft["id"].as_str().unwrap());
    let (_, messages) = bank.portal.call("GET", &format!("/citizens/{ANNA}/messages"), None).await;
    let code = messages["messages"].as_array().unwrap().iter().rev().find_map(|message| message["code"].as_str());
    let confirm = json!({"code": code.unwrap()});
    let (status, registered) = bank.portal.call("POST", &format!("{path}/confirm"), Some(confirm)).await;
    assert_eq!((status, registered["state"].as_str()), (200, Some("registered")), "{registered}");
    bank.portal.call("POST", "/hooks/flush", None).await;
    let first = receiver.take();
    bank.portal.call("POST", &format!("{path}/withdraw"), Some(json!({}))).await;
    bank.portal.call("POST", "/hooks/flush", None).await;
    let arrived: Vec<Arrived> = first.into_iter().chain(receiver.take()).collect();
    let states: Vec<Value> = arrived.iter().map(|event| said(event)["application"]["state"].clone()).collect();
    let rank = |state: &Value| ["draft", "registered", "withdrawn"].iter().position(|known| state == known).unwrap();
    assert!(states.windows(2).any(|pair| rank(&pair[0]) > rank(&pair[1])), "an older one after a newer: {states:?}");
    let (_, journal) = bank.portal.call("GET", "/journal?kind=fault.told", None).await;
    assert_eq!(journal["entries"].as_array().unwrap().len(), 1, "{journal}");
    bank.portal.stop().await;
}
