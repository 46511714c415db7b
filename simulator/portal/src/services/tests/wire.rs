//! Formats, versions, reference data, and what a hostile or careless client sends.

use contract::control::VersionLife;
use contract::registries::debts::DebtsPage;
use contract::registries::income::IncomeRecord;
use contract::shape::{PROBLEM, Shape, Shaped, Version, check, csv, named, xml};
use contract::time::Day;
use domain::Command;
use http::Method;

use super::*;
use crate::edge::caller::Caller;

impl Bank {
    async fn asked(&self, path: &str, accept: &str, token: &str) -> Seen {
        let sign = if path.contains('?') { '&' } else { '?' };
        let request = Request::get(format!("{path}{sign}person={}&purpose=CREDIT", self.oid))
            .header("authorization", format!("Bearer {token}"))
            .header("accept", accept);
        self.stand.send(request.body(Body::empty()).unwrap()).await
    }

    async fn announce(&self, deprecated: Option<Day>, sunset: Option<Day>) {
        let v1 = VersionLife { deprecated: deprecated.map(Day::midnight), sunset: sunset.map(Day::midnight) };
        self.stand.sandbox.execute(&Caller::nobody(), Command::AnnounceVersions { v1 }).await.unwrap();
    }
}

/// The facts of an answer, whatever its format and names.
fn facts(shape: &'static Shape, namespace: &str, seen: &Seen, version: Version) -> Value {
    assert_eq!(seen.status, 200, "{seen:?}");
    // Whoever is told a length reads no less and no more.
    let told = seen.headers.get("content-length").map(|told| told.to_str().unwrap().to_owned());
    assert!(told.is_none_or(|told| told == seen.bytes.len().to_string()), "{seen:?}");
    let value = match seen.header("content-type") {
        "application/json" => named(shape, &seen.json(), version),
        "application/xml" => xml::read(shape, &version.namespace(namespace), &seen.body, version).unwrap(),
        "text/csv; charset=utf-8; header=present" => csv::read(shape, &seen.body, version).unwrap(),
        other => panic!("{other}"),
    };
    check(shape, &value).unwrap();
    value
}

const FORMATS: [&str; 3] = ["application/json", "application/xml", "text/csv"];

#[tokio::test]
async fn every_format_and_version_tells_the_same_facts() {
    let bank = Bank::with_consent("many-debts", &["debts", "income"]).await;
    let cases: [(&str, &str, &'static Shape, &str); 2] = [
        ("income", "income", IncomeRecord::SHAPE, "urn:stend:income:1.0"),
        ("debts", "charges", DebtsPage::SHAPE, "urn:stend:debts:1.0"),
    ];
    for (first, second, shape, namespace) in cases {
        let mut told: Vec<Value> = Vec::new();
        for (version, name) in [(Version::V1, first), (Version::V2, second)] {
            for format in FORMATS {
                let path = format!("/api/{}/{name}", version.as_str());
                let seen = bank.asked(&path, format, &bank.data_token().await).await;
                let mut value = facts(shape, namespace, &seen, version);
                if let Some(next) = value.as_object_mut().unwrap().remove("next") {
                    assert!(next.as_str().unwrap().starts_with(&format!("{path}?")), "{next}");
                }
                told.push(value);
            }
        }
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{first}");
    }
}

#[tokio::test]
async fn what_is_not_acceptable_is_refused_before_the_token_is_used() {
    let bank = Bank::with_consent("many-debts", &["income"]).await;
    let token = bank.data_token().await;
    let refused = bank.asked("/api/v1/income", "text/html", &token).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (406, Some("not-acceptable")));
    assert_eq!(bank.asked("/api/v1/income", "*/*", &token).await.status, 200);
    let spent = bank.asked("/api/v2/income", "application/xml", &token).await;
    assert_eq!((spent.status, spent.header("content-type")), (403, "application/problem+xml"));
    let problem = xml::read(&PROBLEM, "urn:ietf:rfc:7807", &spent.body, Version::V1).unwrap();
    assert_eq!(problem["code"], "token-spent");
}

#[tokio::test]
async fn a_registry_may_take_its_time_and_asks_what_it_needs() {
    let bank = Bank::with_consent("many-debts", &["income"]).await;
    bank.lie_once("pension-deferred");
    let token = bank.data_token().await;
    let later = bank.get("/api/v2/income?years=1", &token).await;
    assert_eq!(later.status, 202, "{later:?}");
    let location = later.location().to_owned();
    assert!(location.starts_with("/api/v2/answers/"), "{location}");
    bank.stand.advance(Span::from_seconds(3)).await;
    let ready = bank.stand.read(&location, &token).await;
    assert_eq!(ready.status, 200, "{ready:?}");
    check(IncomeRecord::SHAPE, &named(IncomeRecord::SHAPE, &ready.json(), Version::V2)).unwrap();
    let token = bank.data_token().await;
    for query in ["years=9", "years=x", "years=1&years=1", "colour=red", "years=%00"] {
        let refused = bank.get(&format!("/api/v1/income?{query}"), &token).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (400, Some("parameter-invalid")), "{query}");
    }
}

#[tokio::test]
async fn bodies_come_in_both_versions_and_in_xml() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let order =
        json!({"person": bank.oid, "purpose": "CREDIT", "title": "Заём", "amount": 100, "due_date": "2026-01-01"});
    let shape = contract::registries::debts::FeedOrder::SHAPE;
    let mut numbers = Vec::new();
    for (path, version) in [("/api/v1/debts/fed/a-1", Version::V1), ("/api/v2/charges/fed/a-1", Version::V2)] {
        let json = contract::shape::renamed(shape, &order, version).to_string();
        let xml = xml::write(shape, &version.namespace("urn:stend:debts:1.0"), &order, version);
        for (media, text, status) in
            [("application/json", &json, 200), ("application/xml", &xml, 200), ("text/csv", &json, 415)]
        {
            let request = Request::put(path)
                .header("authorization", format!("Bearer {}", bank.data_token().await))
                .header("content-type", media);
            let seen = bank.stand.send(request.body(Body::from(text.clone())).unwrap()).await;
            assert_eq!(seen.status, status, "{media} {seen:?}");
            if status == 200 {
                numbers.push(seen.json()["uin"].clone());
            }
        }
    }
    assert!(numbers.len() == 4 && numbers.iter().all(|uin| *uin == numbers[0]));
}

#[tokio::test]
async fn a_version_is_announced_to_end_and_ends() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let path = "/api/v1/reference/regions";
    let plain = bank.stand.open(path).await;
    assert_eq!((plain.header("deprecation"), plain.header("sunset")), ("", ""));
    assert_eq!(plain.header("link"), "</api/v2/reference/regions>; rel=\"successor-version\"");
    let today = bank.stand.sandbox.now().day();
    bank.announce(Some(today), Some(today.plus_days(2))).await;
    let warned = bank.stand.open(path).await;
    assert_eq!(warned.status, 200);
    assert_eq!(warned.header("deprecation"), format!("@{}", today.midnight().seconds()));
    assert_eq!(warned.header("sunset"), today.plus_days(2).midnight().to_http());
    assert_eq!(bank.stand.open("/api/v2/reference/regions").await.header("sunset"), "");
    bank.stand.advance(Span::from_days(3)).await;
    let gone = bank.stand.open("/api/v1/debts?person=1").await;
    assert_eq!((gone.status, gone.json()["code"].as_str()), (410, Some("version-gone")));
    assert_eq!(gone.header("link"), "</api/v2/charges>; rel=\"successor-version\"");
    assert_eq!(bank.stand.open("/api/v2/reference/regions").await.status, 200);
    bank.announce(None, None).await;
    assert_eq!(bank.stand.open(path).await.status, 200);
    let oldest = bank.stand.open("/api/v0/debts").await;
    assert_eq!((oldest.status, oldest.header("link")), (410, "</api/v1/debts>; rel=\"successor-version\""));
    let moved = bank.stand.open("/api/v2/debts?person=1").await;
    assert_eq!((moved.status, moved.json()["code"].as_str()), (404, Some("address-moved")));
    assert!(moved.json()["advice"]["en"].as_str().unwrap().contains("/api/v2/charges"));
}

#[tokio::test]
async fn documents_inside_a_body_may_be_as_long_as_the_edge_allows() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let request = Request::post("/api/v1/intakes")
        .header("authorization", format!("Bearer {}", bank.data_token().await))
        .header("content-type", "application/json")
        .header("idempotency-key", KEY);
    let seen = bank.stand.send(request.body(Body::from(vec![b' '; 3 * 1024 * 1024])).unwrap()).await;
    assert!(seen.status != 413 && seen.json()["code"].is_string(), "{}", seen.status);
}

#[tokio::test]
async fn an_address_on_paper_outlives_its_version() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let today = bank.stand.sandbox.now().day();
    bank.announce(Some(today), Some(today.plus_days(2))).await;
    for days in [0, 3] {
        bank.stand.advance(Span::from_days(days)).await;
        let checked = bank.stand.open("/api/v1/documents/check?code=nobody").await;
        assert_eq!((checked.status, checked.json()["valid"].as_bool()), (200, Some(false)), "{checked:?}");
        assert_eq!((checked.header("deprecation"), checked.header("sunset")), ("", ""), "it does not end");
    }
    assert_eq!(bank.stand.open("/api/v1/documents/check/more").await.status, 410);
    assert_eq!(bank.stand.open("/api/v2/documents/check?code=nobody").await.status, 200);
}

#[tokio::test]
async fn reference_data_is_kept_until_it_changes() {
    let bank = Bank::with_consent("many-debts", &["debts"]).await;
    let ask = |accept: &'static str, tag: String| {
        let mut request = Request::get("/api/v1/reference/kbk").header("accept", accept);
        if !tag.is_empty() {
            request = request.header("if-none-match", tag);
        }
        bank.stand.send(request.body(Body::empty()).unwrap())
    };
    let mut tags: Vec<String> = Vec::new();
    for format in FORMATS {
        let first = ask(format, String::new()).await;
        assert_eq!((first.status, first.header("cache-control")), (200, "public, max-age=3600"));
        assert!(!first.header("last-modified").is_empty());
        tags.push(first.header("etag").to_owned());
        let again = ask(format, format!("\"other\", W/{}", tags.last().unwrap())).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""));
        assert_eq!(again.header("etag"), tags.last().unwrap());
    }
    assert!(tags[0] != tags[1] && tags[1] != tags[2], "a tag is that of a representation");
    let revise = Command::ReviseReference { name: "kbk".into() };
    bank.stand.sandbox.execute(&Caller::nobody(), revise).await.unwrap();
    let changed = ask("application/json", tags[0].clone()).await;
    assert_eq!((changed.status, changed.json()["edition"].as_i64()), (200, Some(2)));
    assert_ne!(changed.header("etag"), tags[0]);
    for list in contract::reference::LISTS {
        assert_eq!(bank.stand.open(&format!("/api/v2/reference/{}", list.name)).await.status, 200, "{}", list.name);
    }
    assert_eq!(bank.stand.open("/api/v1/reference/nothing").await.json()["code"], "not-found");
}

#[tokio::test]
async fn every_described_call_is_served_and_every_other_method_refused() {
    let stand = Stand::new(Strictness::Strict).await;
    let document = stand.open("/openapi.json").await.json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let concrete = path.replace("{name}", "kbk").replace(['{', '}'], "");
        let operations = operations.as_object().unwrap();
        for (method, operation) in operations {
            let method: Method = method.to_uppercase().parse().unwrap();
            let seen =
                stand.send(Request::builder().method(method.clone()).uri(&concrete).body(Body::empty()).unwrap()).await;
            let open = operation.get("security").is_none();
            assert!(seen.status == 401 || open, "{method} {path}: {seen:?}");
            assert!(operation["responses"].get(seen.status.to_string()).is_some(), "{method} {path}: {}", seen.status);
            assert!(seen.status != 401 || seen.header("www-authenticate").starts_with("Bearer"), "{path}");
        }
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            if operations.contains_key(&method.to_lowercase()) {
                continue;
            }
            let seen = stand.send(Request::builder().method(method).uri(&concrete).body(Body::empty()).unwrap()).await;
            assert_eq!(
                (seen.status, seen.json()["code"].as_str()),
                (405, Some("method-not-allowed")),
                "{method} {path}"
            );
            assert!(!seen.header("allow").is_empty(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn whatever_is_sent_is_answered_with_a_problem() {
    let bank = Bank::with_consent("many-debts", &["debts", "income"]).await;
    let token = bank.data_token().await;
    let long = "1".repeat(5000);
    for path in [
        "/api/v1/debts/%00/payments".to_owned(),
        "/api/v1/debts/%FF%FE/payments".to_owned(),
        "/api/v1/consents/%0d%0a".to_owned(),
        "/api/v3/debts".to_owned(),
        "/api".to_owned(),
        format!("/api/v1/answers/{long}"),
        format!("/api/v1/debts?person={long}&purpose=CREDIT"),
        "/api/v1/debts?person=1&person=2&purpose=CREDIT".to_owned(),
        format!("/api/v1/debts?person={}&purpose=%00", bank.oid),
        format!("/api/v1/debts?person={}&purpose=CREDIT&cursor=%00", bank.oid),
        format!("/api/v1/income?person={}&purpose=CREDIT&years=1&{long}=1", bank.oid),
        format!("/api/v1/payments?person={}&purpose=CREDIT&key=%ff", bank.oid),
    ] {
        let seen = bank.stand.read(&path, &token).await;
        assert!((400..500).contains(&seen.status), "{path}: {seen:?}");
        assert_eq!(seen.header("content-type"), "application/problem+json", "{path}");
        check(&PROBLEM, &seen.json()).unwrap_or_else(|breach| panic!("{path}: {breach}"));
    }
}
