//! SIGKILL in the middle of payments: what was answered is there afterwards, nothing is there twice, the chain holds.

use std::collections::BTreeMap;
use std::path::Path;

use crate::client::Client;
use crate::common::Served;
use serde_json::{Value, json};

const ROUNDS: usize = 12;

fn start(folder: &Path) -> Served {
    Served::start(folder, &["--state", "sqlite:state.db"])
}

fn debts(served: &Served, client: &Client, folder: &Path, oid: i64, consent: &str) -> Vec<Value> {
    let token = client.data_token(served, folder, oid, consent);
    let (mut items, mut page) = (Vec::new(), Some(format!("/api/v1/debts?person={oid}&purpose=CREDIT")));
    while let Some(path) = page {
        let answer = served.http().get(format!("{}{path}", served.portal())).bearer_auth(&token).send().unwrap();
        let body: Value = answer.json().unwrap();
        items.extend(body["items"].as_array().unwrap_or_else(|| panic!("{body}")).iter().cloned());
        page = body["next"].as_str().map(str::to_owned);
    }
    items
}

#[test]
fn no_answered_payment_is_lost_and_none_is_doubled() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let client = Client::new();
    let mut served = start(folder);
    client.register(&served, folder);
    let (_, person) = served.control(folder, "GET", "/citizens/many-debts", None);
    let oid = person["oid"].as_i64().expect("an OID");
    let consent = client.consent(&served, folder, "many-debts");

    let mut answered: BTreeMap<String, Value> = BTreeMap::new();
    for round in 0..ROUNDS {
        let open = debts(&served, &client, folder, oid, &consent);
        for item in &open {
            assert!(
                !answered.contains_key(item["uin"].as_str().unwrap()),
                "a paid debt is open again after round {round}"
            );
        }
        // Two payments are answered; the third is on its way when the process is killed.
        for (place, item) in open.iter().take(3).enumerate() {
            let token = client.data_token(&served, folder, oid, &consent);
            let uin = item["uin"].as_str().unwrap().to_owned();
            let payment = served
                .http()
                .post(format!("{}/api/v1/debts/{uin}/payments", served.portal()))
                .bearer_auth(&token)
                .header("Idempotency-Key", format!("key-of-{uin}-0123456789abcdef"))
                .json(&json!({
                    "person": oid, "purpose": "CREDIT", "amount": item["discount"]["amount"].as_i64().or(item["amount"].as_i64()),
                    "method": "card", "source": "tok_1",
                }));
            if place < 2 {
                let answer = payment.send().unwrap();
                let status = answer.status().as_u16();
                let body: Value = answer.json().unwrap();
                assert_eq!(status, 201, "{body}");
                answered.insert(uin, body);
                continue;
            }
            let flying =
                std::thread::spawn(move || payment.send().ok().filter(|answer| answer.status().as_u16() == 201));
            if round % 2 == 0 {
                std::thread::yield_now();
            }
            served.kill();
            if let Some(answer) = flying.join().unwrap() {
                // The head of the answer came before the kill: then it counts as answered.
                answered.insert(uin, answer.json().unwrap_or(Value::Null));
            }
        }
        served.kill();
        served = start(folder);

        let (status, chain) = served.control(folder, "GET", "/journal/verify", None);
        assert_eq!((status, &chain["ok"]), (200, &json!(true)), "{chain}");
        let (_, journal) = served.control(folder, "GET", "/journal?kind=payment.accepted", None);
        let entries = journal["entries"].as_array().unwrap_or_else(|| panic!("{journal}"));
        let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
        for entry in entries {
            *counted.entry(entry["data"]["uin"].as_str().unwrap()).or_default() += 1;
        }
        assert!(counted.values().all(|count| *count == 1), "paid twice: {counted:?}");
        for uin in answered.keys() {
            assert!(counted.contains_key(uin.as_str()), "the answered payment of {uin} is lost");
        }
    }
    assert!(answered.len() >= 2 * ROUNDS.min(8), "the test paid {} debts only", answered.len());
}
