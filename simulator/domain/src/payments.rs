//! Payments (DEB-2): one debt is paid once and only once, however often the order comes. A key names one operation:
//! the same key with the same body gets the same answer, with another body a refusal.

use std::collections::BTreeMap;

use contract::registries::debts::{Payment, PaymentMethod, PaymentState};
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Fact;

/// A payment with whose it is; [`PaymentRecord::payment`] is what travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRecord {
    #[serde(flatten)]
    pub payment: Payment,
    pub method: PaymentMethod,
    pub client_id: String,
    pub person: i64,
    pub purpose: String,
    /// SHA-256 (hex) of the idempotency key.
    pub key: String,
    /// The bank's token of the money's source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When the money arrives.
    pub settles_at: Timestamp,
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payments {
    by_id: BTreeMap<String, PaymentRecord>,
    by_key: BTreeMap<(String, String), String>,
}

impl Payments {
    pub fn find(&self, id: &str) -> Option<&PaymentRecord> {
        self.by_id.get(id)
    }

    /// The payment that a client ordered under a key (its digest).
    pub fn by_key(&self, client_id: &str, key: &str) -> Option<&PaymentRecord> {
        self.by_key.get(&(client_id.to_owned(), key.to_owned())).and_then(|id| self.by_id.get(id))
    }

    pub fn all(&self) -> impl Iterator<Item = &PaymentRecord> {
        self.by_id.values()
    }

    pub(crate) fn due(&self) -> impl Iterator<Item = (Timestamp, &PaymentRecord)> {
        self.by_id
            .values()
            .filter(|record| record.payment.state == PaymentState::Accepted)
            .map(|record| (record.settles_at, record))
    }

    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::PaymentAccepted { record } => {
                let id = record.payment.id.clone();
                self.by_key.insert((record.client_id.clone(), record.key.clone()), id.clone());
                self.by_id.insert(id, (**record).clone());
            }
            Fact::PaymentSettled { id, .. } => {
                if let Some(record) = self.by_id.get_mut(id) {
                    record.payment.state = PaymentState::Settled;
                }
            }
            _ => {}
        }
    }
}
