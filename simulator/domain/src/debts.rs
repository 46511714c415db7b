//! Debts and fines (DEB-1): four kinds, totals, discounts by date, restrictions that fall with the debts they hang on.
//! They come with the citizen's record, by the control API, and from banks that feed their own overdue credit.

use std::collections::BTreeMap;

use contract::money::Money;
use contract::registries::debts::{Debt, DebtStatus};
use contract::time::Day;
use serde::{Deserialize, Serialize};

use crate::event::Fact;

/// A debt with whose it is; [`DebtRecord::debt`] is what travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebtRecord {
    #[serde(flatten)]
    pub debt: Debt,
    pub person: i64,
    /// The bank that fed it, and under which id of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fed_by: Option<(String, String)>,
}

impl DebtRecord {
    /// Whether this sum settles the debt on this day: what is payable, or the full sum of a discount not taken.
    pub fn settled_by(&self, amount: Money, day: Day) -> bool {
        amount == self.debt.payable(day) || amount == self.debt.amount
    }
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Debts {
    by_uin: BTreeMap<String, DebtRecord>,
}

impl Debts {
    pub fn find(&self, uin: &str) -> Option<&DebtRecord> {
        self.by_uin.get(uin)
    }

    /// A person's debts, paid ones too, by due date.
    pub fn of(&self, person: i64) -> Vec<&Debt> {
        let mut found: Vec<&Debt> =
            self.by_uin.values().filter(|record| record.person == person).map(|record| &record.debt).collect();
        found.sort_by(|one, other| (one.due_date, &one.uin).cmp(&(other.due_date, &other.uin)));
        found
    }

    /// The debt that a bank fed under this id.
    pub fn fed(&self, client_id: &str, external_id: &str) -> Option<&DebtRecord> {
        self.by_uin
            .values()
            .find(|record| record.fed_by.as_ref().is_some_and(|(by, id)| by == client_id && id == external_id))
    }

    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::CitizenAdded { citizen: Some(citizen), .. } => {
                for debt in &citizen.debts {
                    let record = DebtRecord { debt: debt.clone(), person: citizen.oid.wide(), fed_by: None };
                    self.by_uin.entry(debt.uin.as_str().to_owned()).or_insert(record);
                }
            }
            Fact::DebtChanged { record } | Fact::DebtFed { record, .. } => {
                self.by_uin.insert(record.debt.uin.as_str().to_owned(), (**record).clone());
            }
            Fact::PaymentAccepted { record } => {
                if let Some(held) = self.by_uin.get_mut(record.payment.uin.as_str()) {
                    held.debt.status = DebtStatus::Paid;
                }
            }
            Fact::RestrictionLifted { uin, .. } => {
                if let Some(held) = self.by_uin.get_mut(uin.as_str()) {
                    held.debt.restriction = None;
                }
            }
            _ => {}
        }
    }
}
