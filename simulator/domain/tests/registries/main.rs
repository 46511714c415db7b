//! The registries over the population: every answer fits its shape, says the same in every format and in both versions,
//! and agrees with the other registries about the same person.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::citizen::Citizen;
use contract::consent::ConsentState;
use contract::control::Limits;
use contract::scope::{Opens, SCOPES};
use contract::shape::{self, Version};
use contract::time::{Day, Span, Timestamp};
use domain::registries::{Inquiry, REGISTRIES, registry};
use domain::{Consent, Event, Fact, Refusal, World};
use proptest::prelude::*;
use serde_json::Value;

pub(crate) fn today() -> Day {
    Day::new(2026, 11, 22).unwrap()
}

/// Noon of a day.
fn noon(day: Day) -> Timestamp {
    day.midnight() + Span::from_minutes(720)
}

pub(crate) fn world(citizens: &[Citizen]) -> World {
    let mut world = World::new(Limits::default());
    for citizen in citizens {
        world.apply(&Event {
            at: noon(today()),
            partner: None,
            citizen: Some(citizen.oid.wide()),
            flow: None,
            fact: Fact::CitizenAdded { slug: citizen.slug.clone(), citizen: Some(Arc::new(citizen.clone())) },
        });
    }
    world
}

/// A consent to everything that the portal knows, or to these scopes.
fn consent(person: &Citizen, scopes: Option<&[&str]>) -> Consent {
    let all = || SCOPES.iter().filter(|scope| !matches!(scope.opens, Opens::Nothing)).map(|scope| scope.name);
    let scopes = scopes
        .map_or_else(|| all().map(str::to_owned).collect(), |some| some.iter().map(|s| (*s).to_owned()).collect());
    Consent {
        id: "consent".to_owned(),
        state: ConsentState::Granted,
        client_id: "BANK01".to_owned(),
        person: person.oid.wide(),
        kind: "FIN_AGREEMENT".to_owned(),
        purpose: "FIN_AGREEMENT".to_owned(),
        purposes: vec!["FIN_AGREEMENT".to_owned()],
        scopes,
        actions: vec!["ALL_ACTIONS_TO_DATA".to_owned()],
        responsible_object: None,
        requested_at: noon(today()),
        answer_by: noon(today()),
        granted_at: None,
        expires_at: None,
        ended_at: None,
        revoked_by: None,
        ip: None,
        term: Span::from_days(30),
        flow: "flow".to_owned(),
    }
}

pub(crate) fn ask_with(
    world: &World,
    person: &Citizen,
    name: &str,
    params: &[(&str, &str)],
    (scopes, on): (Option<&[&str]>, Day),
) -> Result<Value, Refusal> {
    let consent = consent(person, scopes);
    let params: BTreeMap<String, String> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let inquiry = Inquiry {
        person,
        client_id: "BANK01",
        purpose: "FIN_AGREEMENT",
        consent: &consent,
        params: &params,
        now: noon(on),
    };
    registry(name).unwrap().answer(world, &inquiry)
}

pub(crate) fn ask(world: &World, person: &Citizen, name: &str, params: &[(&str, &str)]) -> Result<Value, Refusal> {
    ask_with(world, person, name, params, (None, today()))
}

/// Good parameters for each registry; none where the person has nothing to ask about.
fn good_params(person: &Citizen, name: &str) -> Option<Vec<(String, String)>> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    Some(match name {
        "estate" => vec![pair("number", person.holdings.estates.first()?.object.cad_number.to_string())],
        "income" => vec![pair("years", "3".to_owned())],
        "state-payments" => vec![pair("from", "2020-01-01".to_owned()), pair("to", "2030-01-01".to_owned())],
        "offers" if person.holdings.marketing_declined => return None,
        _ => vec![],
    })
}

/// What the same facts look like to a reader of each format.
fn says_the_same_everywhere(name: &str, value: &Value) {
    let meta = registry(name).unwrap().meta();
    shape::check(meta.shape, value).unwrap_or_else(|breach| panic!("{name}: {breach}"));
    for version in Version::ALL {
        let renamed = shape::renamed(meta.shape, value, version);
        assert_eq!(&shape::named(meta.shape, &renamed, version), value, "{name} {version:?}");
        let xml = shape::xml::write(meta.shape, meta.namespace, value, version);
        let read = shape::xml::read(meta.shape, meta.namespace, &xml, version);
        assert_eq!(&read.unwrap_or_else(|breach| panic!("{name}: {breach}: {xml}")), value, "{name} {xml}");
        let csv = shape::csv::write(meta.shape, value, version);
        let read = shape::csv::read(meta.shape, &csv, version);
        assert_eq!(&read.unwrap_or_else(|breach| panic!("{name}: {breach}: {csv}")), value, "{name} {csv}");
    }
}

fn everything(world: &World, person: &Citizen) -> BTreeMap<&'static str, Value> {
    let mut told = BTreeMap::new();
    for name in REGISTRIES.iter().map(|registry| registry.meta().name) {
        let Some(params) = good_params(person, name) else { continue };
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let value = ask(world, person, name, &params).unwrap_or_else(|no| panic!("{}: {name}: {no:?}", person.slug));
        says_the_same_everywhere(name, &value);
        told.insert(name, value);
    }
    told
}

fn sum(items: &Value, member: &str) -> i64 {
    items.as_array().unwrap().iter().map(|item| item[member].as_i64().unwrap()).sum()
}

/// What several registries say of one person agrees.
fn agrees(person: &Citizen, told: &BTreeMap<&'static str, Value>) {
    let who = &person.slug;
    // Incomes add up, and the tax return names the same ones.
    let last = i64::from(today().year()) - 1;
    let mut total = 0;
    for year in told["income"]["years"].as_array().unwrap() {
        assert_eq!(sum(&year["months"], "amount"), year["total"].as_i64().unwrap(), "{who}");
        let receipts = year["months"].as_array().unwrap().iter().all(|month| month["code"] == "НПД");
        if year["year"] == last && !receipts {
            total += year["total"].as_i64().unwrap();
        }
    }
    let tax = &told["tax"];
    assert_eq!(tax["income_total"], total, "{who}");
    assert_eq!(sum(&tax["sources"], "amount"), total, "{who}");
    assert_eq!(sum(&tax["sources"], "tax"), tax["tax_withheld"].as_i64().unwrap(), "{who}");
    assert!((0..=tax["tax_withheld"].as_i64().unwrap()).contains(&tax["refund"].as_i64().unwrap()), "{who}");

    // Balances run, numbers have no gaps.
    let mut balance = 0;
    for (at, entry) in told["subsidies"]["entries"].as_array().unwrap().iter().enumerate() {
        balance += entry["amount"].as_i64().unwrap();
        assert_eq!(
            (entry["sequence"].as_u64(), entry["balance_after"].as_i64()),
            (Some(at as u64 + 1), Some(balance)),
            "{who}"
        );
    }
    assert_eq!(told["subsidies"]["balance"], balance, "{who}");

    let payments = &told["state-payments"];
    let paid: Vec<&Value> =
        payments["payments"].as_array().unwrap().iter().filter(|payment| payment["state"] == "paid").collect();
    assert_eq!(payments["total"], paid.iter().map(|payment| payment["amount"].as_i64().unwrap()).sum::<i64>(), "{who}");

    // Cars of the policies are the person's cars.
    let plates: BTreeSet<&str> = person.vehicles.iter().map(|vehicle| vehicle.number_plate.as_str()).collect();
    for vehicle in told["insurance"]["vehicles"].as_array().unwrap() {
        assert!(plates.contains(vehicle["number_plate"].as_str().unwrap()), "{who}");
    }

    if let Some(estate) = told.get("estate") {
        let owners = estate["owners"].as_array().unwrap();
        let shares = owners.iter().filter_map(|owner| owner.get("share"));
        let thirds: f64 =
            shares.map(|share| share["numerator"].as_f64().unwrap() / share["denominator"].as_f64().unwrap()).sum();
        assert!(owners.len() == 1 || (thirds - 1.0).abs() < 1e-9, "{who}");
    }

    for item in told["recommendations"]["items"].as_array().unwrap() {
        assert!(SCOPES.iter().any(|scope| item["source_scope"] == scope.name), "{who}: {item}");
        let until = item.get("until").and_then(Value::as_str).map(|day| day.parse::<Day>().unwrap());
        assert!(until.is_none_or(|until| until >= today()), "{who}: {item}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everybody_of_the_population_is_told_of_alike_in_every_format(index in 0..fixtures::Population::DISTINCT, seed: u64) {
        let person = fixtures::population(seed, today()).person(index);
        let world = world(std::slice::from_ref(&person));
        agrees(&person, &everything(&world, &person));
    }
}

#[test]
fn every_story_is_told_of_alike_in_every_format() {
    for story in fixtures::stories() {
        for copy in [0, 3] {
            let person = fixtures::citizen(story.slug, copy, 5, today()).unwrap();
            let world = world(std::slice::from_ref(&person));
            agrees(&person, &everything(&world, &person));
        }
    }
}

#[test]
fn names_of_shapes_are_unique_over_the_registries() {
    let mut seen: BTreeMap<&str, &shape::Shape> = BTreeMap::new();
    for shape in REGISTRIES.iter().flat_map(|registry| registry.meta().shape.all()) {
        assert_eq!(*seen.entry(shape.name).or_insert(shape), shape);
    }
}

#[test]
fn anna_has_something_of_everything() {
    let anna = fixtures::citizen("anna-confirmed", 0, 1, today()).unwrap();
    let told = everything(&world(std::slice::from_ref(&anna)), &anna);
    assert_eq!(told.len(), REGISTRIES.len());
    let services: BTreeSet<&str> = told["recommendations"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["service"].as_str().unwrap())
        .collect();
    for wanted in ["fine-payment", "tax-refund", "programme-disposal"] {
        assert!(services.contains(wanted), "{wanted} among {services:?}");
    }
}
