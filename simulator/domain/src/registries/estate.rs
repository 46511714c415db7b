//! Real estate (EST-1): one object by its number or address, for its owner or somebody with a power of attorney. Whether
//! an object exists is looked for in the holdings of everybody whom the sandbox knows.

use std::collections::BTreeSet;

use contract::citizen::Citizen;
use contract::ids::CadastralNumber;
use contract::registries::estate::{
    Authority, EstateOwner, EstateRecord, HIDDEN, HolderKind, TRANSFER_YEARS, normalised_address,
};
use contract::registries::holdings::{HeldEstate, HeldRight};
use contract::shape::{Kind, Shaped};
use contract::time::Day;
use serde_json::Value;

use super::{Inquiry, Param, Registry, RegistryMeta};
use crate::refusal::Refusal;
use crate::world::World;

pub(super) struct Estate;

static META: RegistryMeta = RegistryMeta {
    name: "estate",
    scope: "estate",
    shape: EstateRecord::SHAPE,
    params: &[
        Param {
            name: "number",
            kind: Kind::Text,
            required: false,
            ru: "Кадастровый номер; вместо адреса",
            en: "cadastral number, instead of an address",
        },
        Param {
            name: "address",
            kind: Kind::Text,
            required: false,
            ru: "Адрес с квартирой; вместо номера",
            en: "address with the flat, instead of a number",
        },
    ],
    purposes: None,
    pages: None,
    ru: "Сведения о недвижимости (ЕГРН)",
    en: "Real estate (state register)",
    requirement: &["EST-1"],
    namespace: "urn:stend:estate:1.0",
};

/// What is asked for.
enum Wanted {
    Number(CadastralNumber),
    Address(String),
}

impl Registry for Estate {
    fn meta(&self) -> &'static RegistryMeta {
        &META
    }

    fn answer(&self, world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal> {
        let wanted = Wanted::of(ask)?;
        let (estate, authority) = find(world, ask.person, &wanted, ask.now.day())?;
        // A record of text, numbers and lists always becomes JSON.
        Ok(serde_json::to_value(told(estate, authority, ask)).unwrap_or_default())
    }
}

fn read(number: &str) -> Result<CadastralNumber, Refusal> {
    number.trim().parse().map_err(|_| {
        Refusal::new("cadastral-number-invalid", "cadastral-number-invalid")
            .check("number")
            .seen(number.chars().take(40).collect::<String>())
            .wanted("a number such as 77:01:0001001:1234")
    })
}

impl Wanted {
    fn of(ask: &Inquiry<'_>) -> Result<Self, Refusal> {
        let wrong = |seen: &str| {
            Refusal::new("parameter-invalid", "parameter-invalid")
                .check("number, address")
                .seen(seen)
                .wanted("one of the two")
                .mend("ask by the cadastral number or by the address")
        };
        match (ask.param("number"), ask.param("address")) {
            (Some(number), None) => read(number).map(Self::Number),
            (None, Some(address)) => Ok(Self::Address(normalised_address(address))),
            (Some(_), Some(_)) => Err(wrong("both")),
            (None, None) => Err(wrong("neither")),
        }
    }

    fn fits(&self, estate: &HeldEstate) -> bool {
        match self {
            Self::Number(number) => estate.object.cad_number == *number,
            Self::Address(address) => normalised_address(&estate.object.address) == *address,
        }
    }
}

fn find<'w>(
    world: &'w World,
    person: &'w Citizen,
    wanted: &Wanted,
    on: Day,
) -> Result<(&'w HeldEstate, Authority), Refusal> {
    let own = person.holdings.estates.iter().filter(|estate| wanted.fits(estate));
    let others = world.citizens.all().filter(|citizen| citizen.oid != person.oid);
    let others = others.flat_map(|citizen| &citizen.holdings.estates).filter(|estate| wanted.fits(estate));
    let found: Vec<&HeldEstate> = own.chain(others).collect();
    // One object stands with each of those who hold it.
    let numbers: BTreeSet<&CadastralNumber> = found.iter().map(|estate| &estate.object.cad_number).collect();
    if numbers.len() > 1 {
        return Err(Refusal::new("address-ambiguous", "address-ambiguous")
            .check("address")
            .seen(format!("{} objects", numbers.len()))
            .wanted("one object")
            .mend("ask by the cadastral number"));
    }
    let Some(first) = found.first().copied() else {
        return Err(Refusal::new("estate-not-found", "estate-not-found").check("object").seen("none").wanted("one"));
    };
    let grounds = found.iter().find_map(|estate| Some((*estate, authority(estate, person, on)?)));
    grounds.ok_or_else(|| {
        let over = person.holdings.estates.iter().any(|estate| estate.object.cad_number == first.object.cad_number);
        Refusal::new("authority-missing", if over { "attorney-expired" } else { "authority-missing" })
            .check("right of the person to the object")
            .seen(if over { "a power of attorney that has run out" } else { "none" })
            .wanted("owner, or a power of attorney in force")
    })
}

/// On what ground the person may ask. An entry with a power of attorney counts only among the person's own.
fn authority(estate: &HeldEstate, person: &Citizen, on: Day) -> Option<Authority> {
    if estate.owners.iter().any(|owner| owner.person == Some(person.oid)) {
        return Some(Authority::Owner);
    }
    let own = person.holdings.estates.iter().any(|held| std::ptr::eq(held, estate));
    let stands = estate.attorney_until.is_some_and(|until| on <= until);
    (own && stands).then_some(Authority::PowerOfAttorney)
}

fn told(estate: &HeldEstate, authority: Authority, ask: &Inquiry<'_>) -> EstateRecord {
    let today = ask.now.day();
    let since = today.plus_months(-12 * TRANSFER_YEARS);
    let owner = |(at, right): (usize, &HeldRight)| {
        // Who acts for somebody knows for whom: the first of the owners.
        let known = right.person == Some(ask.person.oid)
            || right.opened
            || right.kind != HolderKind::Individual
            || (authority == Authority::PowerOfAttorney && at == 0);
        EstateOwner {
            holder: if known { right.holder.clone() } else { HIDDEN.to_owned() },
            kind: right.kind,
            share: right.share,
            right_type: right.right_type,
            right_number: right.right_number.clone(),
            since: right.since,
        }
    };
    EstateRecord {
        person: ask.person.oid,
        as_of: ask.now,
        object: estate.object.clone(),
        owners: estate.owners.iter().enumerate().map(owner).collect(),
        encumbrances: estate
            .encumbrances
            .iter()
            .filter(|one| one.since <= today && one.until.is_none_or(|until| today <= until))
            .cloned()
            .collect(),
        transfers: estate.transfers.iter().filter(|one| since <= one.date && one.date <= today).cloned().collect(),
        authority,
    }
}
