//! Debts and fines (DEB-1) and their payment (DEB-2), as `/api/v1` carries them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Oid, Uin, Uip};
use crate::matter::MatterReason;
use crate::money::Money;
use crate::time::{Day, Timestamp};
use crate::words;

/// Per cent taken off a traffic fine that is paid in time (КоАП art. 32.2 as of 490-FZ of 26.12.2024).
pub const FINE_DISCOUNT_PERCENT: i64 = 25;
/// Days from the decree during which [`FINE_DISCOUNT_PERCENT`] is granted.
pub const FINE_DISCOUNT_DAYS: i32 = 30;
/// Debts above this may close the border to the debtor (229-FZ art. 67).
pub const EXIT_BAN_ABOVE: Money = Money::from_kopecks(3_000_000);
/// Debts above this may suspend the driving licence (229-FZ art. 67.1).
pub const LICENCE_SUSPENSION_ABOVE: Money = Money::from_kopecks(1_000_000);
/// Items on a page of `GET /api/v1/debts`.
pub const PAGE_SIZE: usize = 20;

/// The four kinds of debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DebtKind {
    /// An overdue credit.
    Credit,
    /// Housing and utilities.
    Utilities,
    /// An administrative fine.
    Fine,
    /// A tax arrear.
    Tax,
}

/// One debt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Debt {
    /// The charge's number, by which it is paid.
    pub uin: Uin,
    /// Which of the four kinds.
    pub kind: DebtKind,
    /// What it is for, in Russian.
    pub title: String,
    /// The full sum.
    pub amount: Money,
    /// The smaller sum that settles it for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    /// The last day to pay without consequences.
    pub due_date: Day,
    /// What the debtor may not do until it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction: Option<Restriction>,
    /// Open or paid.
    pub status: DebtStatus,
}

/// A smaller sum for those who pay early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Discount {
    /// The sum that settles the debt, not the part taken off.
    pub amount: Money,
    /// The last day on which it does.
    pub until: Day,
}

/// What a debtor may not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restriction {
    /// Its kind.
    pub kind: RestrictionKind,
    /// As the citizen reads it, in Russian.
    pub title: String,
    /// In force since this day.
    pub since: Day,
}

/// Kinds of restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestrictionKind {
    /// Money on accounts is seized.
    AccountSeizure,
    /// The border is closed (above [`EXIT_BAN_ABOVE`]).
    ExitBan,
    /// The driving licence is suspended (above [`LICENCE_SUSPENSION_ABOVE`]).
    LicenceSuspension,
}

/// Whether a debt still stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DebtStatus {
    /// Not paid yet.
    #[default]
    Open,
    /// Paid in full.
    Paid,
}

/// Sums by kind and in all, over every open debt of the person (not only this page).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Overdue credits.
    pub credit: Money,
    /// Utilities.
    pub utilities: Money,
    /// Fines, without regard to discounts.
    pub fine: Money,
    /// Taxes.
    pub tax: Money,
    /// All four.
    pub all: Money,
}

/// `GET /api/v1/debts`: open debts, [`PAGE_SIZE`] at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DebtsPage {
    /// Whose debts.
    pub person: Oid,
    /// The moment they were read.
    pub as_of: Timestamp,
    /// Always `RUB`.
    pub currency: String,
    /// This page.
    pub items: Vec<Debt>,
    /// Over all pages.
    pub totals: Totals,
    /// Relative address of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

words! {
    /// How the person pays.
    pub enum PaymentMethod {
        Account = "account", "Со счёта" / "From an account at the bank";
        Card = "card", "Картой" / "By card";
        Qr = "qr", "По QR-коду" / "By a QR code";
        Sbp = "sbp", "Через СБП" / "By a link of the fast payment system (СБП)";
    }
}

/// Body of `POST /api/v1/debts/{uin}/payments`; the header `Idempotency-Key` comes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentOrder {
    /// Who owes.
    pub person: Oid,
    /// A purpose of the consent.
    pub purpose: String,
    /// [`Debt::payable`] on the day of paying, to the kopeck.
    pub amount: Money,
    /// How it is paid.
    pub method: PaymentMethod,
    /// The bank's own token of the account or card, never its number.
    pub source: String,
}

/// A payment as the portal holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// The portal's id.
    pub id: String,
    /// The debt paid.
    pub uin: Uin,
    /// What was paid.
    pub amount: Money,
    /// Accepted, then settled.
    pub state: PaymentState,
    /// Number of the payment in the register of payments (УИП); of a duty's payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uip: Option<Uip>,
    /// How it was matched with the charge (ГИС ГМП): 1 matched, 2 preliminarily, 3 not matched, 4 and 5 by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgment: Option<u8>,
    /// Proof of payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// Why it was returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<MatterReason>,
}

/// Life of a payment: its lifecycle stands with the others.
pub use crate::matter::PaymentState;

/// Proof of payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// Its number.
    pub number: String,
    /// When it was given.
    pub at: Timestamp,
    /// What was paid; this and the rest stand on the receipt of a duty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Who paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// Who is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payee: Option<String>,
    /// Account of the payee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Bank of the payee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bik: Option<String>,
    /// Code of the budget income.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kbk: Option<String>,
    /// Code of the territory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oktmo: Option<String>,
}

/// Body of `PUT /api/v1/debts/fed/{external_id}`: an overdue credit that the bank tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedOrder {
    /// Who owes.
    pub person: Oid,
    /// A purpose of the consent.
    pub purpose: String,
    /// What it is for.
    pub title: String,
    /// The overdue sum.
    pub amount: Money,
    /// Due since.
    pub due_date: Day,
}

/// Answer to a [`FeedOrder`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fed {
    /// The number given to the debt; the same for the same external id.
    pub uin: Uin,
}

impl Receipt {
    /// Number and time, and nothing else.
    pub const fn plain(number: String, at: Timestamp) -> Self {
        Self { number, at, amount: None, payer: None, payee: None, account: None, bik: None, kbk: None, oktmo: None }
    }
}

impl DebtKind {
    /// All four, in the order of the contract.
    pub const ALL: [Self; 4] = [Self::Credit, Self::Utilities, Self::Fine, Self::Tax];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Utilities => "utilities",
            Self::Fine => "fine",
            Self::Tax => "tax",
        }
    }
}

impl Debt {
    /// What settles the debt on this day: the reduced sum while the discount runs, else all of it.
    pub fn payable(&self, on: Day) -> Money {
        self.discount.filter(|discount| on <= discount.until).map_or(self.amount, |discount| discount.amount)
    }

    /// The debt as it is served on this day: a discount that has run out is gone.
    #[must_use]
    pub fn as_of(&self, on: Day) -> Self {
        Self { discount: self.discount.filter(|discount| on <= discount.until), ..self.clone() }
    }
}

impl Discount {
    /// The discount of a traffic fine from the day of its decree.
    pub fn of_fine(amount: Money, decree: Day) -> Self {
        Self { amount: amount.less_percent(FINE_DISCOUNT_PERCENT), until: decree.plus_days(FINE_DISCOUNT_DAYS) }
    }
}

impl Totals {
    /// Sums of the open debts.
    pub fn of<'a>(debts: impl IntoIterator<Item = &'a Debt>) -> Self {
        debts.into_iter().filter(|debt| debt.status == DebtStatus::Open).fold(Self::default(), |mut totals, debt| {
            let sum = match debt.kind {
                DebtKind::Credit => &mut totals.credit,
                DebtKind::Utilities => &mut totals.utilities,
                DebtKind::Fine => &mut totals.fine,
                DebtKind::Tax => &mut totals.tax,
            };
            *sum = *sum + debt.amount;
            totals.all = totals.all + debt.amount;
            totals
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine(decree: Day) -> Debt {
        let amount = Money::from_kopecks(150_000);
        Debt {
            uin: "18810177261122000017".parse().unwrap(),
            kind: DebtKind::Fine,
            title: "Штраф".to_owned(),
            amount,
            discount: Some(Discount::of_fine(amount, decree)),
            due_date: decree.plus_days(70),
            restriction: None,
            status: DebtStatus::Open,
        }
    }

    #[test]
    fn a_fine_costs_a_quarter_less_for_thirty_days() {
        let decree = Day::new(2026, 11, 1).unwrap();
        let debt = fine(decree);
        assert_eq!(debt.payable(decree.plus_days(30)), Money::from_kopecks(112_500));
        assert_eq!(debt.payable(decree.plus_days(31)), Money::from_kopecks(150_000));
        assert_eq!(debt.as_of(decree.plus_days(31)).discount, None);
    }

    #[test]
    fn totals_count_open_debts_only() {
        let open = fine(Day::new(2026, 11, 1).unwrap());
        let paid = Debt { status: DebtStatus::Paid, ..open.clone() };
        let totals = Totals::of([&open, &paid]);
        assert_eq!((totals.fine, totals.all), (open.amount, open.amount));
    }

    #[test]
    fn absent_members_are_left_out_of_the_json() {
        let debt = Debt { discount: None, ..fine(Day::new(2026, 11, 1).unwrap()) };
        let json = serde_json::to_string(&debt).unwrap();
        assert!(!json.contains("discount") && !json.contains("restriction"), "{json}");
        assert_eq!(serde_json::from_str::<Debt>(&json).unwrap(), debt);
    }
}
