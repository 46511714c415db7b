//! The pension account (PEN-1): balance, what was accrued and paid in a period, operations with date and source. An
//! answer may be deferred: then it is ordered and fetched when it is ready.

use std::collections::BTreeMap;

use contract::registries::pension::PensionStatement;
use contract::time::{Day, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::Fact;

/// What the registry says: the statement, or that it takes its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementReply {
    Deferred {
        order: String,
        /// When the bank may ask (again).
        retry_at: Timestamp,
    },
    Ready(Box<PensionStatement>),
}

/// A deferred question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub id: String,
    pub client_id: String,
    pub person: i64,
    pub purpose: String,
    pub from: Day,
    pub to: Day,
    /// The answer is ready then.
    pub due: Timestamp,
}

/// The room: deferred questions. The accounts themselves stand in the citizens' records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pensions {
    orders: BTreeMap<String, Order>,
}

impl Pensions {
    pub fn order(&self, id: &str) -> Option<&Order> {
        self.orders.get(id)
    }

    /// The question that was deferred before, asked again by the same client.
    pub(crate) fn same(&self, client_id: &str, person: i64, purpose: &str, from: Day, to: Day) -> Option<&Order> {
        self.orders.values().find(|order| {
            order.client_id == client_id
                && order.person == person
                && order.purpose == purpose
                && order.from == from
                && order.to == to
        })
    }

    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::PensionOrdered { order } => {
                self.orders.insert(order.id.clone(), (**order).clone());
            }
            // The answer was fetched: the question is closed, the same one asked later is a new one.
            Fact::PensionRead { order: Some(order), .. } => {
                self.orders.remove(order);
            }
            _ => {}
        }
    }
}
