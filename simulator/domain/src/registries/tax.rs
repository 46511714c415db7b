//! The tax return filled in beforehand (TAX-1). Nothing of it is kept: incomes come from the registry of incomes, the
//! deductions for children from the children, the others from what the tax service knows.

use contract::citizen::Citizen;
use contract::money::Money;
use contract::registries::income::{IncomeYear, RECEIPTS};
use contract::registries::tax::{Deduction, FORM_VERSION, TaxPrefill, TaxSource};
use contract::shape::{Kind, Shaped};
use contract::time::{Day, Timestamp};
use serde_json::Value;

use super::{Inquiry, Param, Registry, RegistryMeta, income};
use crate::refusal::Refusal;
use crate::world::World;

pub(super) struct Tax;

/// Tax paid too much is given back for so many years (Tax Code art. 78).
const YEARS_BACK: i64 = 3;

static META: RegistryMeta = RegistryMeta {
    name: "tax",
    scope: "tax",
    shape: TaxPrefill::SHAPE,
    params: &[Param {
        name: "year",
        kind: Kind::Int,
        required: false,
        ru: "Год: один из трёх прошедших; по умолчанию последний",
        en: "the year: one of the last three; the last where nobody says",
    }],
    purposes: None,
    pages: None,
    ru: "Налоговая декларация, заполненная заранее",
    en: "Tax return filled in beforehand",
    requirement: &["TAX-1"],
    namespace: "urn:stend:tax:1.0",
};

impl Registry for Tax {
    fn meta(&self) -> &'static RegistryMeta {
        &META
    }

    fn answer(&self, _world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal> {
        let this = i64::from(ask.now.day().year());
        let year = ask.parsed::<i64>("year").unwrap_or(this - 1);
        if !(this - YEARS_BACK..this).contains(&year) {
            return Err(Refusal::new("parameter-invalid", "parameter-invalid")
                .check("year")
                .seen(year.to_string())
                .wanted(format!("from {} to {}", this - YEARS_BACK, this - 1)));
        }
        // A record of text, numbers and lists always becomes JSON.
        Ok(serde_json::to_value(prefill(ask.person, year, ask.now)).unwrap_or_default())
    }
}

/// The return of a year as the portal fills it in.
pub(crate) fn prefill(person: &Citizen, year: i64, now: Timestamp) -> TaxPrefill {
    let taxed = |income: &IncomeYear| income.months.iter().any(|month| month.code != RECEIPTS);
    let incomes: Vec<IncomeYear> = income::year(person, year, now).into_iter().filter(taxed).collect();
    let income_total: Money = incomes.iter().map(|income| income.total).sum();
    let tax_withheld: Money = incomes.iter().map(|income| income.tax).sum();
    let mut deductions = for_children(person, year, &incomes);
    let known = person.holdings.deductions.iter().filter(|known| known.year == year);
    deductions.extend(known.map(|known| known.deduction.clone()));
    TaxPrefill {
        person: person.oid,
        year,
        inn: person.inn,
        income_total,
        tax_withheld,
        refund: refund(income_total, tax_withheld, &deductions, year),
        deductions,
        form_version: FORM_VERSION.to_owned(),
        sources: incomes
            .into_iter()
            .map(|income| TaxSource { employer: income.employer, amount: income.total, tax: income.tax })
            .collect(),
    }
}

/// Tax withheld less the tax on what is left after the deductions; never below nothing, never more than was withheld.
pub(crate) fn refund(income: Money, withheld: Money, deductions: &[Deduction], year: i64) -> Money {
    let off: Money = deductions.iter().map(|deduction| deduction.amount).sum();
    let base = Money::from_kopecks((income - off).kopecks().max(0));
    Money::from_kopecks((withheld - income::tax(base, year)).kopecks().clamp(0, withheld.kopecks().max(0)))
}

/// The standard deductions for children (Tax Code art. 218, sums and limit since 2025 and before), for each month in
/// which the child was under eighteen and the income of the year had not passed the limit.
fn for_children(person: &Citizen, year: i64, incomes: &[IncomeYear]) -> Vec<Deduction> {
    const KINDS: [(&str, &str); 3] =
        [("126", "На первого ребёнка"), ("127", "На второго ребёнка"), ("128", "На третьего и следующих детей")];
    let (monthly, limit) =
        if year < 2025 { ([140_000, 140_000, 300_000], 35_000_000) } else { ([140_000, 280_000, 600_000], 45_000_000) };
    let mut births: Vec<Day> = person.children.iter().map(|child| child.birth_date).collect();
    births.sort();

    let mut sums = [0_i64; 3];
    let mut earned = 0;
    for month in 1..=12_i8 {
        let paid = incomes.iter().flat_map(|income| &income.months).filter(|paid| paid.month == i64::from(month));
        let paid: i64 = paid.map(|paid| paid.amount.kopecks()).sum();
        let Some(first) = i16::try_from(year).ok().and_then(|year| Day::new(year, month, 1)) else { continue };
        earned += paid;
        if paid == 0 || earned > limit {
            continue;
        }
        let under_age = |birth: &Day| *birth < first.plus_months(1) && birth.plus_months(12 * 18) > first;
        for (at, _) in births.iter().enumerate().filter(|(_, birth)| under_age(birth)) {
            sums[at.min(2)] += monthly[at.min(2)];
        }
    }
    let told = KINDS.iter().zip(sums).filter(|(_, sum)| *sum > 0);
    told.map(|((code, title), sum)| Deduction {
        code: (*code).to_owned(),
        title: (*title).to_owned(),
        amount: Money::from_kopecks(sum),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refund_is_the_tax_on_the_deductions_and_never_more_than_was_withheld() {
        let roubles = |roubles: i64| Money::from_kopecks(roubles * 100);
        let deduction =
            |sum| Deduction { code: "324".to_owned(), title: "Лечение".to_owned(), amount: roubles(sum) };
        let refund = |income, sum| {
            let withheld = income::tax(roubles(income), 2025);
            refund(roubles(income), withheld, &[deduction(sum)], 2025)
        };
        assert_eq!(refund(1_000_000, 100_000), roubles(13_000));
        assert_eq!(refund(1_000_000, 5_000_000), roubles(130_000));
        assert_eq!(refund(1_000_000, 0), Money::ZERO);
    }
}
