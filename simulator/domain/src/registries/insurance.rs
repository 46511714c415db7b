//! Data for insurance (INS-1): the person's cars with their policies, estates, and the person as a driver. Only for
//! purposes of insurance.

use contract::consent;
use contract::registries::insurance::{InsuranceData, InsuredEstate, InsuredVehicle};
use contract::shape::Shaped;
use serde_json::Value;

use super::{Inquiry, Registry, RegistryMeta};
use crate::refusal::Refusal;
use crate::world::World;

pub(super) struct Insurance;

static META: RegistryMeta = RegistryMeta {
    name: "insurance",
    scope: "insurance",
    shape: InsuranceData::SHAPE,
    params: &[],
    purposes: Some(consent::INSURANCE),
    pages: None,
    ru: "Сведения для страхования",
    en: "Data for insurance",
    requirement: &["INS-1"],
    namespace: "urn:stend:insurance:1.0",
};

impl Registry for Insurance {
    fn meta(&self) -> &'static RegistryMeta {
        &META
    }

    fn answer(&self, _world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal> {
        let (person, today) = (ask.person, ask.now.day());
        // A car that was sold takes its entry here with it: the list of vehicles leads.
        let motors = person.vehicles.iter().filter_map(|vehicle| {
            person.holdings.motors.iter().find(|motor| motor.number_plate == vehicle.number_plate)
        });
        let owned = person.holdings.estates.iter().filter(|estate| {
            estate.attorney_until.is_none() && estate.owners.iter().any(|owner| owner.person == Some(person.oid))
        });
        let record = InsuranceData {
            person: person.oid,
            as_of: ask.now,
            vehicles: motors
                .map(|motor| InsuredVehicle {
                    number_plate: motor.number_plate.clone(),
                    vin: motor.vin.clone(),
                    category: motor.category.clone(),
                    power_hp: motor.power_hp,
                    policy: motor.policy.clone().filter(|policy| today <= policy.until),
                })
                .collect(),
            estates: owned
                .map(|estate| InsuredEstate {
                    cad_number: estate.object.cad_number.clone(),
                    kind: estate.object.kind,
                    area: estate.object.area,
                    cost: estate.object.cost,
                })
                .collect(),
            driver: person.holdings.driver,
        };
        // A record of text, numbers and lists always becomes JSON.
        Ok(serde_json::to_value(record).unwrap_or_default())
    }
}
