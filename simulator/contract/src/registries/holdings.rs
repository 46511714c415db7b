//! What registers hold of a citizen beside debts and pension. Only what cannot be derived is kept: sums, balances, codes
//! and answers follow from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duties::HeldDuty;
use super::estate::{Encumbrance, EstateObject, HolderKind, RightTransfer, RightType, Share};
use super::income::{Employer, WorkEntry};
use super::insurance::{Driver, Policy};
use super::offers::Opening;
use super::state_payments::{Programme, StatePayment};
use super::subsidies::SubsidyKind;
use super::tax::Deduction;
use crate::ids::{Oid, RightNumber, Uin, Vin};
use crate::money::Money;
use crate::registries::debts::{Debt, DebtKind, DebtStatus};
use crate::time::Day;

/// Everything held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Holdings {
    /// Real estate: own, and such as the person holds a power of attorney for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub estates: Vec<HeldEstate>,
    /// What was earned, by who paid; the taxes follow from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wages: Vec<Wages>,
    /// Entries of the work book, the latest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<WorkEntry>,
    /// State payments beside the pension, by date.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<StatePayment>,
    /// Programmes of support.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub programmes: Vec<Programme>,
    /// Feed of subsidies, by sequence number, which is the place in this list from one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subsidies: Vec<HeldSubsidy>,
    /// What the register of vehicles adds to [`crate::citizen::Vehicle`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub motors: Vec<Motor>,
    /// The person as a driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// Deductions that the tax service knows of, by year.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deductions: Vec<YearDeduction>,
    /// State duties.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<HeldDuty>,
    /// What stands on the portal's personal account.
    #[serde(skip_serializing_if = "is_nothing")]
    pub balance: Money,
    /// State applications that are open for offers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub openings: Vec<Opening>,
    /// The person wants no marketing, whatever was consented to.
    #[serde(skip_serializing_if = "is_false")]
    pub marketing_declined: bool,
    /// Charges in a number that nobody would keep: computed when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk: Option<Bulk>,
}

/// An estate with all who own it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldEstate {
    /// The object.
    pub object: EstateObject,
    /// Who owns it; shares add up to one.
    pub owners: Vec<HeldRight>,
    /// What binds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encumbrances: Vec<Encumbrance>,
    /// Transfers of rights, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<RightTransfer>,
    /// The person is no owner and acts by a power of attorney, until this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attorney_until: Option<Day>,
}

/// Somebody's right to an estate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldRight {
    /// Name.
    pub holder: String,
    /// The holder's number, where it is a citizen that the portal knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Oid>,
    /// The name may be told to others.
    #[serde(default, skip_serializing_if = "is_false")]
    pub opened: bool,
    /// What the holder is.
    pub kind: HolderKind,
    /// Share; none means the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// Kind of right.
    pub right_type: RightType,
    /// Number of the entry.
    pub right_number: RightNumber,
    /// When it was entered.
    pub since: Day,
}

/// What one employer paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wages {
    /// Who paid. Of a self-employed person: the buyers, under the person's own number.
    pub employer: Employer,
    /// By month, oldest first.
    pub months: Vec<WageMonth>,
}

/// What was paid in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WageMonth {
    /// The first day of the month.
    pub month: Day,
    /// Code of the income.
    pub code: String,
    /// The sum.
    pub amount: Money,
}

/// A movement in the feed of subsidies; number and balance follow from its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldSubsidy {
    /// When it was booked.
    pub date: Day,
    /// The programme.
    pub programme: String,
    /// Signed.
    pub amount: Money,
    /// What it is.
    pub kind: SubsidyKind,
    /// Id of the operation.
    pub id: String,
}

/// What the register of vehicles knows beside plate and certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Motor {
    /// The vehicle that it is about.
    pub number_plate: String,
    /// Vehicle identification number.
    pub vin: Vin,
    /// Category, `B` for cars.
    pub category: String,
    /// Power in metric horsepower.
    pub power_hp: i64,
    /// The last policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
}

/// A deduction of one year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct YearDeduction {
    /// The year.
    pub year: i64,
    /// The deduction.
    pub deduction: Deduction,
}

/// Charges by the thousand, alike but for number, day and sum. None of them is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bulk {
    /// How many.
    pub count: u32,
    /// The last of them falls due on this day, the others before it.
    pub until: Day,
}

impl Holdings {
    /// Nothing is held.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Bulk {
    /// The most that numbers are made for.
    pub const MOST: u32 = 100_000;
    /// Charges of one day.
    const PER_DAY: u32 = 20;

    /// Charge number `at`, from zero; they go by due date.
    pub fn charge(&self, person: Oid, at: u32) -> Option<Debt> {
        let count = self.len();
        if at >= count {
            return None;
        }
        let days_before = (count - 1 - at) / Self::PER_DAY;
        let due_date = self.until.plus_days(-(days_before as i32));
        Some(Debt {
            uin: Uin::from_body(&format!("1889{:010}{at:05}", person.get())).ok()?,
            kind: DebtKind::Fine,
            title: format!("Плата за проезд по платной дороге, начисление № {}", at + 1),
            amount: Self::amount(at),
            discount: None,
            due_date,
            restriction: None,
            status: DebtStatus::Open,
        })
    }

    /// Whose charge of a bulk this number is, and which one.
    pub fn place(uin: &str) -> Option<(Oid, u32)> {
        let body = uin.strip_prefix("1889").filter(|_| uin.len() == 20 && uin.is_ascii())?;
        let person = body.get(..10)?.parse::<i64>().ok().and_then(|number| Oid::try_from(number).ok())?;
        Some((person, body.get(10..15)?.parse().ok()?))
    }

    /// The sum of charge number `at`.
    pub const fn amount(at: u32) -> Money {
        // A prime step spreads the sums without order.
        Money::from_kopecks(10_000 + at as i64 * 7919 % 240_000)
    }

    /// How many charges there are, within what numbers are made for.
    pub fn len(&self) -> u32 {
        self.count.min(Self::MOST)
    }

    /// There are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Every charge, by due date.
    pub fn charges(&self, person: Oid) -> impl Iterator<Item = Debt> {
        let all = *self;
        (0..self.len()).filter_map(move |at| all.charge(person, at))
    }
}

const fn is_false(flag: &bool) -> bool {
    !*flag
}

fn is_nothing(amount: &Money) -> bool {
    *amount == Money::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bulk_is_computed_and_found_by_number() {
        let person = Oid::new(1_000_299_944).unwrap();
        let bulk = Bulk { count: 5_000, until: Day::new(2026, 11, 22).unwrap() };
        let all: Vec<Debt> = bulk.charges(person).collect();
        assert_eq!(all.len(), 5_000);
        assert!(all.windows(2).all(|pair| pair[0].due_date <= pair[1].due_date && pair[0].uin < pair[1].uin));
        assert_eq!(all[4_999].due_date, bulk.until);
        for at in [0, 1, 4_999] {
            let uin = &all[at as usize].uin;
            assert!(uin.as_str().parse::<Uin>().is_ok());
            assert_eq!(Bulk::place(uin.as_str()), Some((person, at)));
        }
        assert_eq!(bulk.charge(person, 5_000), None);
        assert_eq!(Bulk::place("18810177261122000017"), None);
    }

    #[test]
    fn nothing_held_is_an_empty_object() {
        assert_eq!(serde_json::to_string(&Holdings::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Holdings>("{}").unwrap(), Holdings::default());
    }
}
