//! State duties (DUT-1): charges with the requisites filled in, and where each stands.

use contract::citizen::Citizen;
use contract::registries::duties::{Duties, Duty, DutyKind};
use contract::shape::{Kind, Shaped};
use contract::time::Day;
use serde_json::Value;

use super::{Inquiry, Param, Registry, RegistryMeta};
use crate::refusal::Refusal;
use crate::world::World;

pub(super) struct StateDuties;

static META: RegistryMeta = RegistryMeta {
    name: "duties",
    scope: "duties",
    shape: Duties::SHAPE,
    params: &[Param {
        name: "kind",
        kind: Kind::Word(DutyKind::WORDS),
        required: false,
        ru: "Вид пошлины; по умолчанию все",
        en: "kind of duty; all where nobody says",
    }],
    purposes: None,
    pages: None,
    ru: "Государственные пошлины",
    en: "State duties",
    requirement: &["DUT-1"],
    namespace: "urn:stend:duties:1.0",
};

impl Registry for StateDuties {
    fn meta(&self) -> &'static RegistryMeta {
        &META
    }

    fn answer(&self, world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal> {
        let kind = ask.param("kind").and_then(DutyKind::named);
        let wanted = |duty: &Duty| kind.is_none_or(|kind| duty.kind == kind);
        let today = ask.now.day();
        let mut duties: Vec<Duty> = as_of(world, ask.person, today).into_iter().filter(wanted).collect();
        duties.sort_by(|one, other| one.uin.cmp(&other.uin));
        // A record of text, numbers and lists always becomes JSON.
        Ok(serde_json::to_value(Duties { person: ask.person.oid, duties }).unwrap_or_default())
    }
}

/// The person's duties on this day: what the register opened with, and where payments have led since.
pub(super) fn as_of(world: &World, person: &Citizen, today: Day) -> Vec<Duty> {
    let duties = person.holdings.duties.iter().map(|held| {
        let state = world.payments.duty_state(&held.uin, held.payable(today)).unwrap_or(held.state);
        Duty { state, ..held.as_of(today) }
    });
    duties.collect()
}
