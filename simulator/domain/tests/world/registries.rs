//! Registries asked with tokens: scopes, purposes, one request per token, pages, payments that show.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::registries::debts::PaymentMethod;
use contract::time::Day;
use domain::{Ask, Command, FactsReply, MatterCommand, Page, PayDebt, Refusal, Reply};
use serde_json::Value;

use crate::stage::{BANK, Stage, anna, consent_request, partner, person};

/// A bank that may ask for much, and Anna with the holdings of the one in the fixtures.
fn stage() -> Stage {
    let mut stage = Stage::new();
    let mut bank = partner(BANK);
    for scope in ["insurance", "offers", "subsidies", "duties", "estate"] {
        bank.scopes.push(scope.into());
    }
    for purpose in ["INSURANCE_SERVICES", "FIN_SERVICES_OFFER"] {
        bank.purposes.push(purpose.into());
    }
    stage.run(Command::RegisterPartner(Box::new(bank))).unwrap();
    let named = fixtures::citizen("anna-confirmed", 0, 1, stage.now.day()).unwrap();
    let mut record = person(anna(), vec![]);
    record.holdings = named.holdings;
    for owner in record.holdings.estates.iter_mut().flat_map(|estate| &mut estate.owners) {
        owner.person = Some(record.oid);
    }
    stage.run(Command::ChangeCitizen(Arc::new(record))).unwrap();
    stage
}

fn consented(stage: &mut Stage, scopes: &[&str], purpose: &str) -> Ask {
    let mut request = consent_request(scopes);
    for permission in request.permissions.iter_mut().flatten() {
        permission.purposes = vec![purpose.into()];
    }
    let code = stage.sign_in(request, anna());
    stage.redeem(&code).unwrap();
    Ask { purpose: purpose.into(), ..stage.ask(anna()) }
}

fn inquire(
    stage: &mut Stage,
    registry: &'static str,
    ask: &Ask,
    params: &[(&str, &str)],
    page: Page,
) -> Result<Value, Refusal> {
    let params: BTreeMap<String, String> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    match stage.run(Command::Inquire { registry, ask: ask.clone(), params, page, deferred: None })? {
        Reply::Facts(FactsReply::Ready { value, .. }) => Ok(*value),
        other => panic!("{other:?}"),
    }
}

fn refused(answer: Result<Value, Refusal>) -> String {
    answer.unwrap_err().code
}

#[test]
fn insurance_is_told_for_insurance_and_offers_for_marketing_only() {
    for (registry, purpose) in [("insurance", "INSURANCE_SERVICES"), ("offers", "FIN_SERVICES_OFFER")] {
        let mut stage = stage();
        let ask = consented(&mut stage, &[registry], "CREDIT");
        assert_eq!(refused(inquire(&mut stage, registry, &ask, &[], Page::default())), "purpose-not-allowed");
        let ask = consented(&mut stage, &[registry], purpose);
        assert!(inquire(&mut stage, registry, &ask, &[], Page::default()).is_ok());
    }
}

#[test]
fn a_consent_to_something_else_opens_no_registry() {
    let mut stage = stage();
    let ask = consented(&mut stage, &["duties"], "CREDIT");
    assert_eq!(refused(inquire(&mut stage, "subsidies", &ask, &[], Page::default())), "scope-missing");
}

#[test]
fn a_token_is_bound_to_the_object_asked_about() {
    let mut stage = stage();
    let ask = consented(&mut stage, &["estate"], "CREDIT");
    let wrong = [("number", "54:35:0000001:12")];
    assert_eq!(refused(inquire(&mut stage, "estate", &ask, &wrong, Page::default())), "estate-not-found");
    let held = stage.world.citizens.find(anna()).unwrap().holdings.estates[0].object.cad_number.to_string();
    let right = [("number", held.as_str())];
    assert_eq!(refused(inquire(&mut stage, "estate", &ask, &right, Page::default())), "token-other-request");
    let ask = stage.ask(anna());
    assert!(inquire(&mut stage, "estate", &ask, &right, Page::default()).is_ok());
}

#[test]
fn the_feed_of_subsidies_comes_in_pages_without_gaps() {
    let mut stage = stage();
    let ask = consented(&mut stage, &["subsidies"], "CREDIT");
    let (mut cursor, mut numbers) = (None, vec![]);
    loop {
        let page = Page { cursor, limit: Some(5) };
        let value = inquire(&mut stage, "subsidies", &ask, &[("after", "2")], page).unwrap();
        numbers.extend(value["entries"].as_array().unwrap().iter().map(|entry| entry["sequence"].as_i64().unwrap()));
        match value.get("next") {
            Some(next) => cursor = next.as_str().map(str::to_owned),
            None => {
                assert_eq!(numbers, (3..=value["sequence"].as_i64().unwrap()).collect::<Vec<_>>());
                break;
            }
        }
    }
    let again = Page { cursor: None, limit: Some(5) };
    assert_eq!(refused(inquire(&mut stage, "subsidies", &ask, &[("after", "2")], again)), "token-spent");
}

#[test]
fn a_duty_that_was_paid_is_told_as_paid() {
    let mut stage = stage();
    let ask = consented(&mut stage, &["duties"], "CREDIT");
    let told = inquire(&mut stage, "duties", &ask, &[("kind", "passport")], Page::default()).unwrap();
    let duty = stage.world.citizens.find(anna()).unwrap().holdings.duties.last().unwrap().clone();
    assert_eq!((&told["duties"][0]["uin"], &told["duties"][0]["state"]), (&duty.uin.as_str().into(), &"open".into()));

    let order = PayDebt {
        ask: stage.ask(anna()),
        uin: duty.uin.to_string(),
        key: "duty".into(),
        amount: duty.payable(Day::new(2026, 11, 22).unwrap()),
        method: PaymentMethod::Card,
        source: "card-token".into(),
    };
    stage.run(Command::Matter(Box::new(MatterCommand::PayDuty(Box::new(order))))).unwrap();
    stage.advance(contract::time::Span::from_days(1));
    let ask = stage.ask(anna());
    let told = inquire(&mut stage, "duties", &ask, &[("kind", "passport")], Page::default()).unwrap();
    assert_eq!(told["duties"][0]["state"], "settled");
}
