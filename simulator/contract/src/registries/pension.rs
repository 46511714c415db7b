//! The pension account (PEN-1) as `/api/v1` carries it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::Oid;
use crate::money::Money;
use crate::time::{Day, Span};
use crate::words;

/// The account of one person, with all that was ever booked on it, in order of dates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PensionAccount {
    /// When money is next paid out; absent for those who do not draw a pension yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_payment_date: Option<Day>,
    /// Every operation.
    pub operations: Vec<Operation>,
}

/// One booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// The day it was booked.
    pub date: Day,
    /// Always positive; [`Operation::kind`] tells the direction.
    pub amount: Money,
    /// Who paid in, or which payment it was.
    pub source: String,
    /// In or out.
    pub kind: OperationKind,
}

words! {
    /// Direction of a booking.
    pub enum OperationKind {
        Accrual = "accrual", "Начисление" / "Credited to the account";
        Payment = "payment", "Выплата" / "Paid out to the person";
    }
}

/// `GET /api/v1/pension`: the account over a period, both days included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PensionStatement {
    /// Whose account.
    pub person: Oid,
    /// First day of the period.
    pub from: Day,
    /// Last day of the period.
    pub to: Day,
    /// What stands on the account at the end of the last day.
    pub balance: Money,
    /// Credited within the period.
    pub accrued: Money,
    /// Paid out within the period.
    pub paid: Money,
    /// When money is next paid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_payment_date: Option<Day>,
    /// Booked within the period, oldest first.
    pub operations: Vec<Operation>,
}

/// Body of a 202: the answer is being prepared; `Location` and `Retry-After` say the same in headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deferred {
    /// Id of the answer, at `/api/v1/answers/{id}`.
    pub id: String,
    /// Not earlier than this from now.
    pub retry_after: Span,
}

impl PensionAccount {
    /// The account over a period, both days included; bookings after `to` do not count, so a later clock changes
    /// nothing about an earlier period.
    pub fn statement(&self, person: Oid, from: Day, to: Day) -> PensionStatement {
        let within: Vec<Operation> = self
            .operations
            .iter()
            .filter(|operation| from <= operation.date && operation.date <= to)
            .cloned()
            .collect();
        let sum = |operations: &[Operation], kind| operations.iter().filter(|o| o.kind == kind).map(|o| o.amount).sum();
        let until: Vec<Operation> = self.operations.iter().filter(|operation| operation.date <= to).cloned().collect();
        let credited: Money = sum(&until, OperationKind::Accrual);
        PensionStatement {
            person,
            from,
            to,
            balance: credited - sum(&until, OperationKind::Payment),
            accrued: sum(&within, OperationKind::Accrual),
            paid: sum(&within, OperationKind::Payment),
            next_payment_date: self.next_payment_date,
            operations: within,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_includes_both_bounds_and_carries_the_balance() {
        let day = |d| Day::new(2026, 1, d).unwrap();
        let operation = |d, kopecks, kind| Operation {
            date: day(d),
            amount: Money::from_kopecks(kopecks),
            source: "СФР".to_owned(),
            kind,
        };
        let account = PensionAccount {
            next_payment_date: None,
            operations: vec![
                operation(1, 100, OperationKind::Accrual),
                operation(10, 200, OperationKind::Accrual),
                operation(20, 50, OperationKind::Payment),
                operation(21, 999, OperationKind::Accrual),
            ],
        };
        let statement = account.statement(Oid::new(1_000_299_944).unwrap(), day(10), day(20));
        assert_eq!(statement.operations.len(), 2);
        assert_eq!(
            (statement.accrued.kopecks(), statement.paid.kopecks(), statement.balance.kopecks()),
            (200, 50, 250)
        );
    }
}
