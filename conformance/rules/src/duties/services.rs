//! Duties of the services, matters and banking: what is shown, sent and done agrees with what the portal said.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::adapter::Outcome;
use contract::exchange::{Body, Party};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Case;
use crate::finding::Verdict;
use crate::testkit::*;

const INSURED: &str = contract::consent::INSURANCE[0];
const ADVERTISED: &str = contract::consent::MARKETING[0];

/// A flow of Anna's under a consent of this purpose, with a data token; nothing called yet.
fn begun(action: &str, purpose: &str, params: Value) -> (Scene, String, String) {
    let mut scene = Scene::oidc();
    scene.link(ANNA);
    scene.journal("consent.requested", Some(ANNA), json!({"id": "c-1", "purposes": [purpose]}));
    scene.journal("consent.granted", Some(ANNA), json!({"id": "c-1"}));
    let flow = scene.begin(action, ANNA, params);
    let token = scene.data_token(ANNA, "c-1");
    (scene, flow, token)
}

fn get(scene: &mut Scene, token: &str, service: &str, purpose: &str, answer: &Value) -> usize {
    scene.call("GET", &format!("/api/v1/{service}?person={ANNA}&purpose={purpose}"), token, 200, answer)
}

fn post(scene: &mut Scene, token: &str, path: &str, body: Value, status: u16, answer: &Value) -> usize {
    let call = scene.call("POST", &format!("/api/v1/{path}"), token, status, answer);
    scene.wire(call).request.body = Body::Text(body.to_string());
    call
}

/// A service read and shown.
fn read(action: &str, service: &str, purpose: &str, answer: Value, values: Value) -> Scene {
    let (mut scene, flow, token) = begun(action, purpose, json!({}));
    get(&mut scene, &token, service, purpose, &answer);
    scene.report(&flow, Outcome::Ok, None, values);
    scene
}

fn loan(value: i64, beside: bool) -> Scene {
    let (mut scene, flow, token) = begun("loan.decide", "CREDIT", json!({}));
    get(&mut scene, &token, "income", "CREDIT", &json!({"years": [{"year": 2025, "total": 100}]}));
    if beside {
        get(&mut scene, &token, "estate", "CREDIT", &json!({"object": {}}));
    }
    let claim = json!({"at": "/years/0/total", "value": value});
    scene.report(&flow, Outcome::Ok, None, json!({"decision": "yes", "based_on": [claim]}));
    scene
}

fn wallet(balance: i64, sequences: &[i64]) -> Scene {
    let entries =
        |numbers: &[i64]| -> Vec<Value> { numbers.iter().map(|n| json!({"sequence": n, "amount": 250})).collect() };
    let served = json!({"person": ANNA, "balance": 500, "sequence": 2, "entries": entries(&[1, 2])});
    let shown = json!({"balance": balance, "sequence": 2, "entries": entries(sequences)});
    read("wallet.sync", "subsidies", "CREDIT", served, shown)
}

fn insured(value: i64, purpose: &str) -> Scene {
    let served = json!({"vehicles": [{"power_hp": 150}], "estates": []});
    let claim = json!({"at": "/vehicles/0/power_hp", "value": value});
    read("insurance.offer", "insurance", purpose, served, json!({"offers": [{"based_on": [claim]}]}))
}

fn tax(income: i64, sum: i64) -> Scene {
    let (mut scene, flow, token) = begun("tax.file", "CREDIT", json!({}));
    let prefill = json!({
        "income_total": 1_000, "tax_withheld": 130, "refund": 13, "deductions": [{"amount": 100}],
        "sources": [{"amount": 600}, {"amount": 400}],
    });
    get(&mut scene, &token, "tax", "CREDIT", &prefill);
    let body = json!({"person": ANNA, "income_total": income, "deductions": [{"amount": 100}], "tax": sum});
    post(&mut scene, &token, "returns", body, 201, &json!({"id": "t-1", "state": "draft"}));
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn offered(purpose: &str) -> Scene {
    read("offer.list", "offers", purpose, json!({"items": []}), json!({}))
}

fn declined(again: bool) -> Scene {
    let (mut scene, flow, token) = begun("offer.list", ADVERTISED, json!({}));
    let call = get(&mut scene, &token, "offers", ADVERTISED, &json!({}));
    scene.respond(call, 403, &[], r#"{"code":"marketing-declined"}"#);
    if again {
        post(&mut scene, &token, "offers", json!({"person": ANNA}), 403, &json!({}));
    }
    scene.report(&flow, Outcome::Refused, None, json!({}));
    scene
}

/// A matter told by the portal and shown by the bank.
fn matter(action: &str, plural: &str, member: &str, told: Value, shown: Value) -> Scene {
    let (mut scene, flow, token) = begun(action, "CREDIT", json!({}));
    scene.call("GET", &format!("/api/v1/{plural}/m-1?person={ANNA}"), &token, 200, &told);
    scene.report(&flow, Outcome::Ok, None, json!({member: shown}));
    scene
}

fn state(plural: &str, member: &str, shown: &str) -> Scene {
    matter(
        "certificate.status",
        plural,
        member,
        json!({"id": "m-1", "state": "sent"}),
        json!({"id": "m-1", "state": shown}),
    )
}

/// An order last read as sent, then perhaps told ready by a notice; shown as ready.
fn noticed(id: &str, fault: Option<&str>) -> Scene {
    let (mut scene, flow, token) = begun("certificate.status", "CREDIT", json!({}));
    let told = json!({"id": "m-1", "state": "sent"});
    scene.call("GET", &format!("/api/v1/orders/m-1?person={ANNA}"), &token, 200, &told);
    let notice = scene.hook("e-1", "c-1", "granted", 204);
    let body = json!({"id": "e-1", "type": "order.changed", "order": {"id": id, "state": "ready"}});
    scene.wire(notice).request.body = Body::Text(body.to_string());
    if let Some(fault) = fault {
        scene.lie(notice, fault);
    }
    scene.report(&flow, Outcome::Ok, None, json!({"order": {"id": "m-1", "state": "ready"}}));
    scene
}

fn turned_down(shown: Value) -> Scene {
    let reason = json!({"code": "no-record", "ru": "Записи нет", "en": "There is no record"});
    let told = json!({"id": "m-1", "state": "refused", "reason": reason});
    let mut values = json!({"id": "m-1", "state": "refused"});
    if !shown.is_null() {
        values["reason"] = shown;
    }
    matter("certificate.status", "orders", "order", told, values)
}

fn in_formats(second: i64) -> Scene {
    let (mut scene, flow, token) = begun("payments.list", "CREDIT", json!({}));
    get(&mut scene, &token, "state-payments", "CREDIT", &json!({"total": 5}));
    scene.report(&flow, Outcome::Ok, None, json!({"total": 5, "as_of": "1"}));
    let flow = scene.begin("payments.list", ANNA, json!({"channel": "xml"}));
    get(&mut scene, &token, "state-payments", "CREDIT", &json!({"total": 5}));
    scene.report(&flow, Outcome::Ok, None, json!({"total": second, "as_of": "2"}));
    scene
}

fn exported(media_type: &str, content: &str, digest_of: &str, cost: i64) -> Scene {
    let document = json!({
        "media_type": media_type,
        "content": STANDARD.encode(content),
        "sha256": hex::encode(Sha256::digest(digest_of)),
    });
    let served = json!({"object": {"cost": 100}, "owners": [{"holder": "И."}]});
    let form = json!({"object": {"cost": cost}});
    read("estate.export", "estate", "CREDIT", served, json!({"document": document, "form": form}))
}

fn pension_csv(change: impl Fn(String) -> String) -> Scene {
    let service = crate::reading::facts::service("pension").unwrap();
    let pension = json!({
        "person": ANNA, "from": "2026-01-01", "to": "2026-06-30", "balance": 500, "accrued": 1, "paid": 2,
        "operations": [{"date": "2026-02-01", "amount": 5, "source": "СФР", "kind": "accrual"}],
    });
    let table = change(contract::shape::csv::write(service.shape, &pension, contract::shape::Version::V1));
    let document = json!({
        "media_type": "text/csv; charset=utf-8",
        "content": STANDARD.encode(&table),
        "sha256": hex::encode(Sha256::digest(&table)),
    });
    read("pension.export", "pension", "CREDIT", pension, json!({"document": document}))
}

fn pushed(params: Value, body: Value) -> Scene {
    let (mut scene, flow, token) = begun("analytics.push", "CREDIT", params);
    let mut body = body;
    body["person"] = json!(ANNA);
    post(&mut scene, &token, "analytics", body, 200, &json!({}));
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn spent() -> Value {
    json!({"operations": [
        {"category": "food", "amount": 100, "payee": "Гастроном на углу"},
        {"category": "food", "amount": 50, "payee": "Рынок"},
    ]})
}

fn sums(total: i64, note: &str) -> Value {
    json!({"categories": [{"code": "food", "total": 150, "note": note}], "total": total})
}

fn ticket(said: &str) -> Scene {
    let (mut scene, flow, token) = begun("feedback.send", "CREDIT", json!({}));
    post(&mut scene, &token, "tickets", json!({"person": ANNA, "text": said, "contact": null}), 201, &json!({}));
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn order_body() -> Value {
    json!({"person": ANNA, "purpose": "CREDIT", "type": "income", "unattended": true})
}

fn unattended(after_end: bool) -> Scene {
    let (mut scene, flow, token) = begun("certificate.order", "CREDIT", json!({}));
    if after_end {
        scene.journal("consent.revoked", Some(ANNA), json!({"id": "c-1"}));
        scene.pass_ms(20_000);
    }
    let made = json!({"id": "m-1", "state": "sent"});
    post(&mut scene, &token, "orders", order_body(), 201, &made);
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn quota(code: &str, again: &[&str]) -> Scene {
    let (mut scene, flow, token) = begun("certificate.order", "CREDIT", json!({}));
    post(&mut scene, &token, "orders", order_body(), 429, &json!({"code": code}));
    for path in again {
        post(&mut scene, &token, path, order_body(), 201, &json!({"id": "m-2", "state": "sent"}));
    }
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn processed(about: &str) -> Scene {
    let (mut scene, flow, token) = begun("application.process", "CREDIT", json!({"application": "a-1"}));
    let path = format!("applications/{about}/status");
    post(&mut scene, &token, &path, json!({"person": ANNA, "state": "in-work"}), 200, &json!({"id": about}));
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

/// One-time codes sent, each with its key.
fn confirmed(sent: &[(&str, &str)]) -> Scene {
    let (mut scene, flow, token) = begun("factor.confirm", "CREDIT", json!({}));
    for (code, key) in sent {
        let body = json!({"person": ANNA, "code": code});
        let call = post(&mut scene, &token, "orders/m-1/confirm", body, 200, &json!({"id": "m-1", "state": "sent"}));
        scene.wire(call).request.headers.push(("Idempotency-Key".to_owned(), (*key).to_owned()));
    }
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene.scanned();
    scene
}

fn code_found() -> Scene {
    let mut scene = confirmed(&[("123456", KEY_A)]);
    scene.canary("one_time_code", "log:bank.log");
    scene
}

const KEY_A: &str = "9f1c2d6e-6a10-4f0a-9c3b-7f0f5a6b8c21";
const KEY_B: &str = "0b8e7f6a-1c2d-4e3f-8a9b-c0d1e2f3a4b5";

fn paid_out(card: &str) -> Scene {
    let (mut scene, flow, token) = begun("payout.receive", "CREDIT", json!({}));
    post(&mut scene, &token, "payouts", json!({"person": ANNA, "card_token": card}), 201, &json!({"id": "m-1"}));
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn passed(given: Value, sent: Value) -> Scene {
    let (mut scene, flow, token) = begun("document.pass", "CREDIT", json!({"documents": given}));
    post(&mut scene, &token, "intakes", json!({"person": ANNA, "documents": sent}), 201, &json!({"id": "m-1"}));
    scene.report(&flow, Outcome::Ok, None, json!({}));
    scene
}

fn paper(content: &str) -> Value {
    json!([{"name": "a.pdf", "media_type": "application/pdf", "content": content}])
}

/// What the portal asks of the bank, and how the bank answers.
fn bank_asked(scene: &mut Scene, body: &Value, status: u16, answer: &Value) {
    let call = scene.exchange(Party::Portal, Party::Bank, "POST", &format!("{BANK}/portal/banking"));
    scene.wire(call).request.body = Body::Text(body.to_string());
    scene.respond(call, status, &[], &answer.to_string());
}

fn banked(person: i64, status: u16) -> Scene {
    let (mut scene, _, _) = begun("customer.profile", "CREDIT", json!({}));
    let body = json!({"ask": "accounts", "consent": "c-1", "person": person});
    bank_asked(&mut scene, &body, status, &json!({"accounts": []}));
    scene
}

fn moved(acr: &str, ids: &[&str]) -> Scene {
    let (mut scene, _, _) = begun("customer.profile", "CREDIT", json!({}));
    let body = json!({"ask": "transfer", "consent": "c-1", "person": ANNA, "acr": acr, "key": "k-1"});
    for id in ids {
        bank_asked(&mut scene, &body, 200, &json!({"transfer": {"id": id}}));
    }
    scene
}

/// Asked after a revocation that the bank was told of, or not.
fn banked_after_end(told: bool, status: u16) -> Scene {
    let (mut scene, _, _) = begun("customer.profile", "CREDIT", json!({}));
    scene.journal("consent.revoked", Some(ANNA), json!({"id": "c-1"}));
    if told {
        scene.hook("e-1", "c-1", "revoked", 204);
    }
    let body = json!({"ask": "accounts", "consent": "c-1", "person": ANNA});
    bank_asked(&mut scene, &body, status, &json!({}));
    scene
}

const STRONG: &str = "urn:esia:acr:2fa";

pub(super) const CASES: &[Case] = &[
    ("DATA-21", || loan(100, false), || loan(90, false)),
    (
        "DATA-21",
        || loan(100, false),
        || read("loan.decide", "income", "CREDIT", json!({"years": []}), json!({"based_on": []})),
    ),
    ("DATA-57", || loan(100, false), || loan(100, true)),
    ("DATA-23", || wallet(500, &[1, 2]), || wallet(250, &[1, 2])),
    ("DATA-23", || wallet(500, &[1, 2]), || wallet(500, &[2])),
    ("DATA-23", || wallet(500, &[1, 2]), || wallet(500, &[1, 2, 3])),
    ("DATA-24", || insured(150, INSURED), || insured(70, INSURED)),
    ("DATA-25", || tax(1_000, 117), || tax(999, 117)),
    ("DATA-25", || tax(1_000, 117), || tax(1_000, 130)),
    ("DATA-28", || offered(ADVERTISED), || offered("CREDIT")),
    ("DATA-55", || declined(false), || declined(true)),
    ("DATA-42", || insured(150, INSURED), || insured(150, "CREDIT")),
    ("DATA-29", || state("orders", "order", "sent"), || state("orders", "order", "ready")),
    ("DATA-29", || noticed("m-1", None), || noticed("m-2", None)),
    ("DATA-29", || noticed("m-1", None), || noticed("m-1", Some("hook-signature-wrong"))),
    ("DATA-30", || state("applications", "application", "sent"), || state("applications", "application", "ready")),
    ("DATA-36", || state("transfers", "transfer", "sent"), || state("transfers", "transfer", "credited")),
    ("DATA-36", || state("payouts", "payout", "sent"), || state("payouts", "payout", "credited")),
    ("DATA-32", || in_formats(5), || in_formats(6)),
    ("DATA-33", || exported("application/json", "x", "x", 100), || exported("application/json", "x", "y", 100)),
    ("DATA-33", || exported("application/json", "x", "x", 100), || exported("application/json", "x", "x", 101)),
    ("DATA-33", || pension_csv(|table| table), || pension_csv(|table| table.replace("500", "501"))),
    ("DATA-33", || pension_csv(|table| table), || exported("application/pdf", "%PDF", "%PDF", 100)),
    (
        "DATA-38",
        || turned_down(json!({"code": "no-record", "ru": "Записи нет", "en": "There is no record"})),
        || turned_down(Value::Null),
    ),
    ("DATA-38", || turned_down(json!({"ru": "Записи нет"})), || turned_down(json!({"ru": "Так вышло"}))),
    ("DATA-38", || turned_down(json!("Записи нет")), || turned_down(json!({}))),
    ("DATA-34", || pushed(spent(), sums(150, "")), || pushed(spent(), sums(151, ""))),
    ("DATA-34", || pushed(spent(), sums(150, "")), || pushed(spent(), sums(150, "Гастроном на углу"))),
    ("DATA-34", || pushed(json!({}), sums(150, "")), || pushed(json!({}), sums(151, ""))),
    ("DATA-37", || ticket("всё хорошо"), || ticket("мой СНИЛС 000-000-600 06")),
    ("DATA-37", || ticket("всё хорошо"), || ticket("пишет Иванова")),
    ("DATA-40", || unattended(false), || unattended(true)),
    ("DATA-51", || quota("quota-exceeded", &[]), || quota("quota-exceeded", &["orders"])),
    ("DATA-51", || quota("quota-exceeded", &["orders/m-1/cancel"]), || quota("quota-exceeded", &["orders"])),
    ("DATA-41", || processed("a-1"), || processed("a-11")),
    ("DATA-43", || confirmed(&[("123456", KEY_A)]), code_found),
    (
        "DATA-56",
        || confirmed(&[("000000", KEY_A), ("123456", KEY_B)]),
        || confirmed(&[("123456", KEY_A), ("123456", KEY_B)]),
    ),
    (
        "DATA-56",
        || confirmed(&[("123456", KEY_A), ("123456", KEY_A)]),
        || confirmed(&[("123456", KEY_A), ("123456", KEY_B)]),
    ),
    ("DATA-53", || paid_out("card-7f3a91c2"), || paid_out("4111 1111 1111 1111")),
    ("DATA-54", || passed(paper("YWJj"), paper("YWJj")), || passed(paper("YWJj"), paper("YWJk"))),
    ("DATA-54", || passed(json!([{"name": "a.pdf"}]), paper("YWJj")), || passed(paper("YWJj"), json!([]))),
    ("DATA-46", || banked(ANNA, 200), || banked(BORIS, 200)),
    ("DATA-46", || banked(BORIS, 403), || banked(BORIS, 200)),
    ("DATA-47", || moved(STRONG, &["t-1"]), || moved("urn:esia:acr:pwd", &["t-1"])),
    ("DATA-48", || banked_after_end(true, 403), || banked_after_end(true, 200)),
    ("DATA-48", || banked_after_end(false, 200), || banked_after_end(true, 200)),
    ("DATA-49", || moved(STRONG, &["t-1", "t-1"]), || moved(STRONG, &["t-1", "t-2"])),
];

#[test]
fn one_transfer_says_nothing_of_repeats_and_a_slow_down_is_no_quota() {
    assert_eq!(verdict("DATA-49", &moved(STRONG, &["t-1"])), Verdict::NotApplicable);
    assert_eq!(verdict("DATA-51", &quota("rate-limited", &["orders"])), Verdict::NotApplicable);
}

#[test]
fn amounts_beyond_reason_do_not_fell_the_judge() {
    let body =
        json!({"categories": [{"code": "food", "total": i64::MAX}, {"code": "x", "total": i64::MAX}], "total": 1});
    assert_eq!(verdict("DATA-34", &pushed(json!({}), body)), Verdict::Fail);
    let served = json!({"balance": 1, "sequence": i64::MAX, "entries": []});
    let shown = json!({"balance": 1, "sequence": i64::MAX, "entries": [{"sequence": 1}]});
    assert_eq!(verdict("DATA-23", &read("wallet.sync", "subsidies", "CREDIT", served, shown)), Verdict::Fail);
}

#[test]
fn what_a_person_does_not_have_is_nowhere() {
    let mut scene = ticket("всё хорошо");
    scene.trace.people[0].view["inn"] = Value::Null;
    assert_eq!(verdict("DATA-37", &scene), Verdict::Pass);
}
