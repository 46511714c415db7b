//! Income and work (LON-1). Incomes are those that the holdings tell of; where they tell of none, wages follow from the
//! person's own employers. Every other record which speaks of the same money (tax returns, certificates) agrees with this
//! one by asking it: [`year`].

use contract::citizen::{Citizen, Employment, OrganisationKind};
use contract::money::Money;
use contract::registries::holdings::{WageMonth, Wages};
use contract::registries::income::{
    BONUS, Employer, IncomeMonth, IncomeRecord, IncomeYear, RECEIPTS, WAGES, WorkEntry, WorkKind,
};
use contract::shape::{Kind, Shaped};
use contract::time::{Day, Timestamp};
use serde_json::Value;

use super::{Inquiry, Param, Registry, RegistryMeta};
use crate::refusal::Refusal;
use crate::world::World;

pub(super) struct Income;

/// Years told of, this one among them, where nobody says how many.
const YEARS: i64 = 2;
const MOST_YEARS: i64 = 3;
/// Tax on professional income from people (422-ФЗ art. 10).
const RECEIPTS_PERCENT: i64 = 4;

static META: RegistryMeta = RegistryMeta {
    name: "income",
    scope: "income",
    shape: IncomeRecord::SHAPE,
    params: &[Param {
        name: "years",
        kind: Kind::Int,
        required: false,
        ru: "За сколько лет, считая текущий: от 1 до 3",
        en: "how many years, this one included: from 1 to 3",
    }],
    purposes: None,
    pages: None,
    ru: "Доходы и трудовая деятельность",
    en: "Income and work",
    requirement: &["LON-1"],
    namespace: "urn:stend:income:1.0",
};

impl Registry for Income {
    fn meta(&self) -> &'static RegistryMeta {
        &META
    }

    fn answer(&self, _world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal> {
        let count = ask.parsed::<i64>("years").unwrap_or(YEARS);
        if !(1..=MOST_YEARS).contains(&count) {
            return Err(Refusal::new("parameter-invalid", "parameter-invalid")
                .check("years")
                .seen(count.to_string())
                .wanted("from 1 to 3"));
        }
        let this = i64::from(ask.now.day().year());
        let record = IncomeRecord {
            person: ask.person.oid,
            as_of: ask.now,
            years: (0..count).flat_map(|back| year(ask.person, this - back, ask.now)).collect(),
            work: work(ask.person, ask.now),
            self_employed: ask.person.self_employed,
        };
        // A record of text, numbers and lists always becomes JSON.
        Ok(serde_json::to_value(record).unwrap_or_default())
    }
}

/// What a person earned in a year, by employer, as far as it is over at this instant.
pub(crate) fn year(person: &Citizen, year: i64, now: Timestamp) -> Vec<IncomeYear> {
    let held = &person.holdings.wages;
    if !held.is_empty() {
        return held.iter().filter_map(|wages| of_wages(wages, year, now)).collect();
    }
    employers(person).filter_map(|employment| of_employer(person, employment, year, now)).collect()
}

/// What the register holds of one employer, or of the receipts of a self-employed person, who pays four per cent of them.
fn of_wages(wages: &Wages, year: i64, now: Timestamp) -> Option<IncomeYear> {
    let known = |month: &&WageMonth| i64::from(month.month.year()) == year && month.month.plus_months(1) <= now.day();
    let months: Vec<IncomeMonth> = wages
        .months
        .iter()
        .filter(known)
        .map(|paid| IncomeMonth { month: i64::from(paid.month.month()), code: paid.code.clone(), amount: paid.amount })
        .collect();
    if months.is_empty() {
        return None;
    }
    let total: Money = months.iter().map(|month| month.amount).sum();
    let receipts = months.iter().all(|month| month.code == RECEIPTS);
    let tax = if receipts { total - total.less_percent(RECEIPTS_PERCENT) } else { tax(total, year) };
    Some(IncomeYear { year, employer: wages.employer.clone(), total, tax_base: total, tax, months })
}

/// Those who pay wages: an organisation that employs the person. A sole trader earns otherwise.
fn employers(person: &Citizen) -> impl Iterator<Item = &Employment> {
    person.organisations.iter().filter(|employment| !matches!(employment.kind, OrganisationKind::Business))
}

fn of_employer(person: &Citizen, employment: &Employment, year: i64, now: Timestamp) -> Option<IncomeYear> {
    let (since, wage) = (since(person, employment), wage(person, employment));
    let mut months = Vec::new();
    for month in 1..=12i64 {
        let first = day(year, month)?;
        // Wages of a month are known when the month is over.
        let over = first.plus_months(1) <= now.day();
        let alive = person.deceased.is_none_or(|died| first <= died);
        if !over || !alive || first.plus_months(1) <= since {
            continue;
        }
        months.push(IncomeMonth { month, code: WAGES.to_owned(), amount: wage });
        if month == 12 {
            months.push(IncomeMonth { month, code: BONUS.to_owned(), amount: wage });
        }
    }
    if months.is_empty() {
        return None;
    }
    let total: Money = months.iter().map(|month| month.amount).sum();
    Some(IncomeYear { year, employer: employer(employment), total, tax_base: total, tax: tax(total, year), months })
}

/// Income tax of a person, to the rouble (НК art. 224: two steps until 2024, five since 2025).
pub(crate) fn tax(base: Money, year: i64) -> Money {
    const MILLION: i64 = 100_000_000;
    const OLD: &[(i64, i64)] = &[(0, 13), (5 * MILLION, 15)];
    const NEW: &[(i64, i64)] =
        &[(0, 13), (24 * MILLION / 10, 15), (5 * MILLION, 18), (20 * MILLION, 20), (50 * MILLION, 22)];
    let steps = if year < 2025 { OLD } else { NEW };
    let mut due = 0;
    for (at, (from, percent)) in steps.iter().enumerate() {
        let until = steps.get(at + 1).map_or(i64::MAX, |next| next.0);
        let within = base.kopecks().min(until).saturating_sub(*from).max(0);
        due += within / 100 * percent + within % 100 * percent / 100;
    }
    Money::from_kopecks((due + 50) / 100 * 100)
}

fn work(person: &Citizen, now: Timestamp) -> Vec<WorkEntry> {
    if !person.holdings.work.is_empty() {
        return person.holdings.work.iter().filter(|entry| entry.since <= now.day()).cloned().collect();
    }
    let mut entries: Vec<WorkEntry> = Vec::new();
    for employment in employers(person) {
        let hired = since(person, employment);
        if hired > now.day() {
            continue;
        }
        let ended = person.deceased.filter(|died| *died >= hired);
        let position =
            if employment.chief { "Генеральный директор" } else { "Специалист" };
        let number = person.oid.wide() % 900 + 100;
        let entry = |kind, since: Day, until, prefix: &str| WorkEntry {
            employer: employer(employment),
            since,
            until,
            position: position.to_owned(),
            kind,
            ground: format!("Приказ от {} № {number}-{prefix}", since.to_esia()),
        };
        entries.push(entry(WorkKind::Hire, hired, ended, "к"));
        if let Some(died) = ended {
            entries.push(entry(WorkKind::Dismissal, died, None, "у"));
        }
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.since));
    entries
}

fn employer(employment: &Employment) -> Employer {
    Employer { name: employment.full_name.clone(), inn: employment.inn, kpp: employment.kpp.clone() }
}

/// The day of hire: some years after coming of age, by the numbers of both.
fn since(person: &Citizen, employment: &Employment) -> Day {
    let years = 20 + mixed(person, employment) % 7;
    person.birth_date.plus_months(12 * years as i32).plus_days((mixed(person, employment) % 200) as i32)
}

/// Between forty and two hundred thousand roubles, by the numbers of both; whoever heads the place earns half as much more.
fn wage(person: &Citizen, employment: &Employment) -> Money {
    let roubles = 40_000 + mixed(person, employment) % 161 * 1000;
    Money::from_kopecks(100 * if employment.chief { roubles * 3 / 2 } else { roubles })
}

fn mixed(person: &Citizen, employment: &Employment) -> i64 {
    (person.oid.wide() * 31 + employment.oid.wide() * 17) % 9973
}

fn day(year: i64, month: i64) -> Option<Day> {
    Day::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tax_climbs_by_steps() {
        let roubles = |roubles: i64| Money::from_kopecks(roubles * 100);
        assert_eq!(tax(roubles(1_000_000), 2026), roubles(130_000));
        assert_eq!(tax(roubles(2_500_000), 2026), roubles(327_000));
        assert_eq!(tax(roubles(2_500_000), 2024), roubles(325_000));
        assert_eq!(tax(roubles(6_000_000), 2024), roubles(800_000));
    }
}
