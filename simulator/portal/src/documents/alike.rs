//! The same facts in every form, over the population: what a person's registries tell as JSON stands, value by value, in the
//! answer of the message exchange and on the pages of a paper. XML, CSV and the second version are compared in the domain's
//! tests. Expected texts are written here anew, so that a mistake of the pages' own words shows.

use std::collections::BTreeMap;

use contract::citizen::Citizen;
use contract::consent::ConsentState;
use contract::control::Limits;
use contract::registries::debts::{DebtsPage, Totals};
use contract::registries::pension::PensionStatement;
use contract::scope::{Opens, SCOPES};
use contract::shape::{Kind, Shape, Shaped};
use contract::time::{Day, Span, Timestamp};
use crypto::xmldsig::{Document, Element};
use domain::registries::{Inquiry, REGISTRIES};
use domain::{Consent, World};
use proptest::prelude::*;
use serde_json::Value;

use super::layout::{Mark, pages};
use super::{Heading, render};

fn today() -> Day {
    Day::new(2026, 11, 22).unwrap()
}

fn noon() -> Timestamp {
    today().midnight() + Span::from_minutes(720)
}

fn consent(person: &Citizen) -> Consent {
    let told = SCOPES.iter().filter(|scope| !matches!(scope.opens, Opens::Nothing));
    Consent {
        id: "consent".to_owned(),
        state: ConsentState::Granted,
        client_id: "BANK01".to_owned(),
        person: person.oid.wide(),
        kind: "FIN_AGREEMENT".to_owned(),
        purpose: "FIN_AGREEMENT".to_owned(),
        purposes: vec!["FIN_AGREEMENT".to_owned()],
        scopes: told.map(|scope| scope.name.to_owned()).collect(),
        actions: vec!["ALL_ACTIONS_TO_DATA".to_owned()],
        responsible_object: None,
        requested_at: noon(),
        answer_by: noon(),
        granted_at: None,
        expires_at: None,
        ended_at: None,
        revoked_by: None,
        ip: None,
        term: Span::from_days(30),
        flow: "flow".to_owned(),
    }
}

/// What every service tells of a person; a service without an answer for this person is left out.
fn everything(person: &Citizen) -> BTreeMap<&'static str, (&'static Shape, Value)> {
    let world = World::new(Limits::default());
    let consent = consent(person);
    let mut told = BTreeMap::new();
    for registry in REGISTRIES {
        let meta = registry.meta();
        let number = person.holdings.estates.first().map(|estate| estate.object.cad_number.to_string());
        let params: &[(&str, Option<String>)] = match meta.name {
            "estate" => &[("number", number)],
            "income" => &[("years", Some("3".to_owned()))],
            "state-payments" => &[("from", Some("2020-01-01".to_owned())), ("to", Some("2030-01-01".to_owned()))],
            _ => &[],
        };
        let all: Option<BTreeMap<String, String>> =
            params.iter().map(|(name, value)| Some(((*name).to_owned(), value.clone()?))).collect();
        let declined = meta.name == "offers" && person.holdings.marketing_declined;
        let Some(params) = all.filter(|_| !declined) else { continue };
        let inquiry = Inquiry {
            person,
            client_id: "BANK01",
            purpose: "FIN_AGREEMENT",
            consent: &consent,
            params: &params,
            now: noon(),
        };
        let value =
            registry.answer(&world, &inquiry).unwrap_or_else(|no| panic!("{}: {}: {no:?}", person.slug, meta.name));
        told.insert(meta.name, (meta.shape, value));
    }
    let debts = DebtsPage {
        person: person.oid,
        as_of: noon(),
        currency: "RUB".to_owned(),
        items: person.debts.clone(),
        totals: Totals::of(&person.debts),
        next: None,
    };
    told.insert("debts", (DebtsPage::SHAPE, serde_json::to_value(debts).unwrap()));
    let statement = person.pension.statement(person.oid, Day::new(2025, 1, 1).unwrap(), today());
    told.insert("pension", (PensionStatement::SHAPE, serde_json::to_value(statement).unwrap()));
    told
}

/// Every plain value of a record in the order of its shape.
fn leaves<'v>(shape: &'static Shape, value: &'v Value, into: &mut Vec<(Kind, &'v Value)>) {
    for field in shape.fields {
        let Some(value) = value.get(field.name).filter(|value| !value.is_null()) else { continue };
        match field.kind {
            Kind::Record(inner) => leaves(inner, value, into),
            Kind::List(inner) => value.as_array().unwrap().iter().for_each(|item| leaves(inner, item, into)),
            Kind::Texts => into.extend(value.as_array().unwrap().iter().map(|text| (Kind::Text, text))),
            kind => into.push((kind, value)),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn texts(element: Element<'_>, into: &mut Vec<String>) {
    let mut inner = element.children().peekable();
    if inner.peek().is_none() {
        into.push(element.text());
    }
    inner.for_each(|child| texts(child, into));
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// How a Russian reader expects the value, without spaces; nothing for words, which are translated.
fn read_aloud(kind: Kind, value: &Value) -> Option<String> {
    let date = |text: &str| {
        let parts: Vec<&str> = text.splitn(3, '-').collect();
        format!("{}.{}.{}", parts[2], parts[1], parts[0])
    };
    Some(match kind {
        Kind::Day => date(value.as_str()?),
        Kind::Time => {
            let at: Timestamp = value.as_str()?.parse().unwrap();
            let moscow = (at + Span::from_minutes(180)).to_string();
            let (day, time) = moscow.split_once('T')?;
            format!("{}{}(МСК)", date(day), &time[..5])
        }
        Kind::Money => {
            let kopecks = value.as_i64()?;
            let sign = if kopecks < 0 { "−" } else { "" };
            format!("{sign}{},{:02}руб.", kopecks.abs() / 100, kopecks.abs() % 100)
        }
        Kind::Decimal => plain(value).replace('.', ","),
        Kind::Flag => if value.as_bool()? { "да" } else { "нет" }.to_owned(),
        Kind::Word(_) => return None,
        _ => plain(value),
    })
}

/// `drawn_whole`: the file is written as well, which takes most of the time and adds nothing to the facts.
fn says_the_same(person: &Citizen, drawn_whole: bool) {
    for (name, (shape, facts)) in everything(person) {
        let mut wanted = Vec::new();
        leaves(shape, &facts, &mut wanted);

        let soap = crate::smev::told(name, &facts).unwrap_or_else(|| panic!("{name} is no type of the exchange"));
        let document = Document::parse(soap.as_bytes(), crypto::xmldsig::Limits::default()).unwrap();
        let mut seen = Vec::new();
        document.root().children().for_each(|child| texts(child, &mut seen));
        let asked: Vec<String> = wanted.iter().map(|(_, value)| plain(value)).collect();
        assert_eq!(seen, asked, "{}: {name} over the exchange", person.slug);

        let heading = Heading {
            title: name.to_owned(),
            number: "1".to_owned(),
            issued_at: noon(),
            issuer: "Стенд".to_owned(),
            check_url: "https://localhost/check".to_owned(),
            code: "CODE".to_owned(),
        };
        let pages = pages(shape, &facts, &heading);
        let drawn = pages.iter().flatten().filter_map(|mark| match mark {
            Mark::Text { text, .. } => Some(squeezed(text)),
            _ => None,
        });
        let drawn: String = drawn.collect();
        for (kind, value) in wanted {
            let Some(text) = read_aloud(kind, value) else { continue };
            // A cell's text stands in lines between those of its neighbours: its words are there.
            for word in text.split_whitespace().filter(|word| word.chars().count() < 30) {
                let word = word.replace('₽', "руб.");
                assert!(drawn.contains(&word), "{}: {name} on paper lacks {word:?} of {value}", person.slug);
            }
        }
        if drawn_whole {
            assert!(render(shape, &facts, &heading).unwrap().starts_with(b"%PDF-"), "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everybody_s_facts_are_the_same_over_the_exchange_and_on_paper(
        index in 0..fixtures::Population::DISTINCT,
        seed: u64,
    ) {
        says_the_same(&fixtures::population(seed, today()).person(index), false);
    }
}

#[test]
fn every_story_is_told_alike_over_the_exchange_and_on_paper() {
    for story in fixtures::stories() {
        let citizen = fixtures::citizen(story.slug, 1, 7, today()).unwrap();
        says_the_same(&citizen, story.slug == "anna-confirmed");
    }
}
