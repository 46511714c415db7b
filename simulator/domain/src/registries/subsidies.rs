//! The feed of subsidies (WAL-1). Numbers and balances follow from the order of the entries, so they cannot disagree.

use contract::citizen::Citizen;
use contract::money::Money;
use contract::registries::subsidies::{Subsidies, SubsidyEntry};
use contract::shape::{Kind, Shaped};
use contract::time::Day;
use serde_json::Value;

use super::{Inquiry, Param, Registry, RegistryMeta};
use crate::refusal::Refusal;
use crate::world::World;

pub(super) struct Feed;

static META: RegistryMeta = RegistryMeta {
    name: "subsidies",
    scope: "subsidies",
    shape: Subsidies::SHAPE,
    params: &[Param {
        name: "after",
        kind: Kind::Int,
        required: false,
        ru: "Номер последней известной записи; по умолчанию 0",
        en: "number of the last entry known; 0 where nobody says",
    }],
    purposes: None,
    pages: Some("entries"),
    ru: "Субсидии: остаток и история",
    en: "Subsidies: balance and history",
    requirement: &["WAL-1"],
    namespace: "urn:stend:subsidies:1.0",
};

impl Registry for Feed {
    fn meta(&self) -> &'static RegistryMeta {
        &META
    }

    fn answer(&self, _world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal> {
        let after = ask.parsed::<i64>("after").unwrap_or(0);
        if after < 0 {
            return Err(Refusal::new("parameter-invalid", "parameter-invalid")
                .check("after")
                .seen(after.to_string())
                .wanted("zero or the number of an entry"));
        }
        let entries = entries(ask.person, ask.now.day());
        let last = entries.last();
        let record = Subsidies {
            person: ask.person.oid,
            balance: last.map_or(Money::ZERO, |entry| entry.balance_after),
            sequence: last.map_or(0, |entry| entry.sequence),
            // Who asks after a number beyond the last gets nothing, and sees by `sequence` that it is ahead of us.
            entries: entries.into_iter().filter(|entry| entry.sequence > after).collect(),
            next: None,
        };
        // A record of text, numbers and lists always becomes JSON.
        Ok(serde_json::to_value(record).unwrap_or_default())
    }
}

/// Every entry booked by this day, with number and balance.
fn entries(person: &Citizen, today: Day) -> Vec<SubsidyEntry> {
    let booked = person.holdings.subsidies.iter().filter(|entry| entry.date <= today);
    let mut balance = Money::ZERO;
    let numbered = (1..).zip(booked).map(|(sequence, entry)| {
        balance = balance + entry.amount;
        SubsidyEntry {
            sequence,
            date: entry.date,
            programme: entry.programme.clone(),
            amount: entry.amount,
            balance_after: balance,
            kind: entry.kind,
            id: entry.id.clone(),
        }
    });
    numbered.collect()
}
