//! What a registry refuses, and what it leaves out.

use contract::citizen::Citizen;
use contract::registries::estate::HIDDEN;
use contract::time::Day;
use serde_json::Value;

use super::{ask, ask_with, today, world};

fn named(slug: &str) -> Citizen {
    fixtures::citizen(slug, 0, 1, today()).unwrap()
}

fn code(answer: Result<Value, domain::Refusal>) -> String {
    let refusal = answer.unwrap_err();
    assert!(contract::error::find(&refusal.code).is_some(), "{} is no row", refusal.code);
    refusal.code
}

#[test]
fn an_estate_is_asked_by_number_or_address_by_its_owner() {
    let (anna, other) = (named("anna-confirmed"), named("flat-with-mortgage"));
    let world = world(&[anna.clone(), other.clone()]);
    let own = anna.holdings.estates[0].object.clone();
    let number = own.cad_number.to_string();
    let by_number = ask(&world, &anna, "estate", &[("number", &number)]).unwrap();
    let by_address =
        ask(&world, &anna, "estate", &[("address", &own.address.to_uppercase().replace("Г.", "ГОРОД"))]).unwrap();
    assert_eq!(by_number, by_address);
    assert_eq!(by_number["authority"], "owner");
    assert_eq!(by_number["encumbrances"][0]["kind"], "mortgage");

    let theirs = other.holdings.estates[0].object.cad_number.to_string();
    assert_eq!(code(ask(&world, &anna, "estate", &[("number", &theirs)])), "authority-missing");
    assert_eq!(code(ask(&world, &anna, "estate", &[("number", "54:35:1:12")])), "cadastral-number-invalid");
    assert_eq!(code(ask(&world, &anna, "estate", &[("number", "54:35:0000001:12")])), "estate-not-found");
    assert_eq!(code(ask(&world, &anna, "estate", &[("address", "г. Новосибирск")])), "estate-not-found");
    assert_eq!(code(ask(&world, &anna, "estate", &[])), "parameter-invalid");
    assert_eq!(
        code(ask(&world, &anna, "estate", &[("number", &number), ("address", &own.address)])),
        "parameter-invalid"
    );
}

#[test]
fn an_address_of_two_objects_is_ambiguous() {
    let mut anna = named("anna-confirmed");
    let mut second = anna.holdings.estates[0].clone();
    second.object.cad_number = "54:35:0000001:77".parse().unwrap();
    anna.holdings.estates.push(second);
    let address = anna.holdings.estates[0].object.address.clone();
    assert_eq!(
        code(ask(&world(std::slice::from_ref(&anna)), &anna, "estate", &[("address", &address)])),
        "address-ambiguous"
    );
}

#[test]
fn co_owners_are_hidden_unless_they_opened_their_names() {
    let person = named("co-owner-third");
    let number = person.holdings.estates[0].object.cad_number.to_string();
    let told = ask(&world(std::slice::from_ref(&person)), &person, "estate", &[("number", &number)]).unwrap();
    let holders: Vec<&str> =
        told["owners"].as_array().unwrap().iter().map(|owner| owner["holder"].as_str().unwrap()).collect();
    assert!(holders[0].starts_with(&person.last_name) && holders[1] == HIDDEN && holders[2] != HIDDEN, "{holders:?}");
}

#[test]
fn a_couple_asks_about_one_flat_and_each_sees_what_the_other_opened() {
    let (wife, husband) = (named("spouse-wife"), named("spouse-husband"));
    let world = world(&[wife.clone(), husband.clone()]);
    let number = wife.holdings.estates[0].object.cad_number.to_string();
    let holders = |person: &Citizen| {
        let told = ask(&world, person, "estate", &[("number", &number)]).unwrap();
        [told["owners"][0]["holder"].clone(), told["owners"][1]["holder"].clone()]
    };
    let opened = wife.holdings.estates[0].owners[0].holder.clone();
    let his = wife.holdings.estates[0].owners[1].holder.clone();
    assert_eq!(holders(&wife), [Value::from(opened.clone()), HIDDEN.into()]);
    assert_eq!(holders(&husband), [Value::from(opened), his.into()]);
}

#[test]
fn a_power_of_attorney_opens_an_estate_until_it_runs_out() {
    let person = named("power-of-attorney");
    let world = world(std::slice::from_ref(&person));
    let number = person.holdings.estates[0].object.cad_number.to_string();
    let params = [("number", number.as_str())];
    assert_eq!(ask(&world, &person, "estate", &params).unwrap()["authority"], "power_of_attorney");
    let later = today().plus_days(201);
    assert_eq!(code(ask_with(&world, &person, "estate", &params, (None, later))), "authority-missing");
}

#[test]
fn years_and_periods_have_bounds() {
    let anna = named("anna-confirmed");
    let world = world(std::slice::from_ref(&anna));
    for year in ["2022", "2026", "2027"] {
        assert_eq!(code(ask(&world, &anna, "tax", &[("year", year)])), "parameter-invalid", "{year}");
    }
    assert_eq!(ask(&world, &anna, "tax", &[("year", "2024")]).unwrap()["year"], 2024);
    let swapped = [("from", "2026-02-01"), ("to", "2026-01-01")];
    assert_eq!(code(ask(&world, &anna, "state-payments", &swapped)), "period-invalid");
    assert_eq!(code(ask(&world, &anna, "subsidies", &[("after", "-1")])), "parameter-invalid");
}

#[test]
fn a_feed_goes_on_after_the_last_number_known() {
    let anna = named("anna-confirmed");
    let world = world(std::slice::from_ref(&anna));
    let whole = ask(&world, &anna, "subsidies", &[]).unwrap();
    let rest = ask(&world, &anna, "subsidies", &[("after", "3")]).unwrap();
    assert_eq!(whole["entries"].as_array().unwrap()[3..], rest["entries"].as_array().unwrap()[..]);
    assert_eq!((&whole["balance"], &whole["sequence"]), (&rest["balance"], &rest["sequence"]));
    assert_eq!(ask(&world, &anna, "subsidies", &[("after", "10000")]).unwrap()["entries"], serde_json::json!([]));
}

#[test]
fn who_declined_offers_gets_none() {
    let person = named("marketing-declined");
    assert_eq!(code(ask(&world(std::slice::from_ref(&person)), &person, "offers", &[])), "marketing-declined");
}

#[test]
fn recommendations_are_drawn_from_consented_facts_alone() {
    let anna = named("anna-confirmed");
    let world = world(std::slice::from_ref(&anna));
    let scopes = |scopes: &[&str]| {
        let told = ask_with(&world, &anna, "recommendations", &[], (Some(scopes), today())).unwrap();
        let items = told["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["source_scope"].as_str().unwrap().to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert!(scopes(&["recommendations"]).is_empty());
    assert_eq!(scopes(&["recommendations", "debts"]), ["debts".to_owned()].into());
    assert_eq!(scopes(&["recommendations", "tax", "debts"]), ["debts".to_owned(), "tax".to_owned()].into());
}

#[test]
fn duties_are_chosen_by_kind() {
    let anna = named("anna-confirmed");
    let world = world(std::slice::from_ref(&anna));
    assert_eq!(ask(&world, &anna, "duties", &[]).unwrap()["duties"].as_array().unwrap().len(), 3);
    let passports = ask(&world, &anna, "duties", &[("kind", "passport")]).unwrap();
    assert_eq!(passports["duties"].as_array().unwrap().len(), 1);
    assert_eq!(passports["duties"][0]["kind"], "passport");
}

#[test]
fn a_payment_assigned_for_a_day_that_has_come_is_paid() {
    let person = named("large-family");
    let world = world(std::slice::from_ref(&person));
    let at = |day: Day| {
        ask_with(&world, &person, "state-payments", &[("from", "2025-01-01"), ("to", "2030-01-01")], (None, day))
            .unwrap()
    };
    let open = at(today().plus_days(60));
    assert!(open["payments"].as_array().unwrap().iter().all(|payment| payment["state"] == "paid"));
}

#[test]
fn the_pension_is_a_state_payment() {
    let person = named("pensioner");
    let told = ask(
        &world(std::slice::from_ref(&person)),
        &person,
        "state-payments",
        &[("from", "2026-01-01"), ("to", "2026-11-22")],
    )
    .unwrap();
    let codes: std::collections::BTreeSet<&str> = told["payments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|payment| payment["programme"]["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["EDV", "PENSION"].into());
    assert!(told["programmes"].as_array().unwrap().iter().any(|programme| programme["code"] == "PENSION"));
}
