//! Tax returns (TAX-1): signed by the bank for the citizen, totals that agree, and a check against what the tax service
//! itself knows of the year; what does not agree with it is rejected with the reason and may be corrected.

use contract::matter::{By, MatterReason, TaxReturnDetails, tax_of};
use contract::money::Money;
use serde_json::{Value, json};

use super::engine::{self, Change};
use super::room::Matter;
use crate::draft::Draft;
use crate::proof::Signed;
use crate::refusal::Refusal;
use crate::registries::{income, tax};

/// Years that may still be declared (НК РФ art. 78: three).
const YEARS: i32 = 3;

pub(super) fn check(draft: &Draft<'_, '_, '_>, details: &TaxReturnDetails, signed: &Signed) -> Result<Value, Refusal> {
    let proof = proved(signed, "tax return")?;
    let this_year = i32::from(draft.now.day().year());
    if details.year > this_year || details.year < this_year - YEARS {
        return Err(Refusal::new("parameter-invalid", "parameter-invalid")
            .check("year")
            .seen(details.year.to_string())
            .wanted(format!("{} to {this_year}", this_year - YEARS)));
    }
    let deductions: Money = details.deductions.iter().map(|deduction| deduction.amount).sum();
    let base = Money::from_kopecks((details.income_total - deductions).kopecks().max(0));
    let tax = income::tax(base, i64::from(details.year));
    // Banks reckon by the base rate; beyond the first step of the scale that is too little, and the check will say so.
    let base_rate = tax_of(details.income_total, deductions);
    if (details.tax != tax && details.tax != base_rate) || details.income_total < Money::ZERO {
        return Err(Refusal::new("totals-differ", "totals-differ")
            .check("tax of the income less deductions")
            .seen(details.tax.kopecks().to_string())
            .wanted(tax.kopecks().to_string()));
    }
    Ok(json!(TaxReturnDetails { signed_by: proof, ..details.clone() }))
}

/// The certificate that signed, or the refusal.
pub(super) fn proved(signed: &Signed, what: &str) -> Result<String, Refusal> {
    match signed {
        Ok(proof) => Ok(proof.certificate().to_owned()),
        Err(cause) => Err(Refusal::new("signature-invalid", cause)
            .check(format!("signature of the {what}"))
            .seen(cause)
            .wanted("a detached CMS signature by a registered certificate of this client")),
    }
}

/// A rejected return comes again, corrected.
pub(super) fn correct(
    draft: &mut Draft<'_, '_, '_>,
    matter: &mut Matter,
    details: &TaxReturnDetails,
    signed: &Signed,
) -> Result<(), Refusal> {
    let details = Some(check(draft, details, signed)?);
    engine::step(draft, matter, "correct", Some(By::Bank), Change { details, ..Change::default() })
}

/// Accepted, or rejected because the tax service knows of another income.
pub(super) fn outcome(draft: &Draft<'_, '_, '_>, matter: &Matter) -> (&'static str, Change) {
    let Some(details) = matter.read::<TaxReturnDetails>() else { return ("accept", Change::default()) };
    let known = draft.world.citizens.find(matter.person).and_then(|citizen| {
        let known = tax::prefill(citizen, i64::from(details.year), draft.now).income_total;
        (known > Money::ZERO).then_some(known)
    });
    match known {
        Some(known) if details.income_total < known => {
            let reason = MatterReason {
                code: "totals-differ".to_owned(),
                ru: format!("Доход в декларации меньше сведений налоговых агентов: {known}."),
                en: format!("The income is less than what employers reported: {} kopecks.", known.kopecks()),
            };
            ("reject", Change { reason: Some(reason), ..Change::default() })
        }
        _ => ("accept", Change::default()),
    }
}

pub(super) fn title(matter: &Matter) -> String {
    let year = matter.details.as_ref().and_then(|details| details["year"].as_i64()).unwrap_or_default();
    format!("Налоговая декларация за {year} год")
}
