//! The pension account (PEN-1): balance, what was accrued and paid in a period, operations with date and source. An
//! answer may be deferred: then it is ordered and fetched when it is ready.

use std::collections::BTreeMap;

use contract::registries::pension::PensionStatement;
use contract::scope;
use contract::time::{Day, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::bearer;
use crate::command::{Ask, Bearer};
use crate::debts::person_number;
use crate::draft::Draft;
use crate::event::Fact;
use crate::refusal::Refusal;
use crate::registries::{self, Page};
use crate::reply::Reply;
use crate::tokens::Token;

/// What the registry says: the statement, or that it takes its time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "variants and fields bear the names of what they hold")]
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
    /// Its id.
    pub id: String,
    /// The client it belongs to.
    pub client_id: String,
    /// Whom it is about, by OID.
    pub person: i64,
    /// The purpose named.
    pub purpose: String,
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
    /// The answer is ready then.
    pub due: Timestamp,
}

impl Order {
    /// The request that a data token is bound to: the question, however often it is asked after.
    pub(crate) fn request(&self) -> String {
        request(self.person, &self.purpose, self.from, self.to)
    }
}

fn request(person: i64, purpose: &str, from: Day, to: Day) -> String {
    format!("pension?person={person}&purpose={purpose}&from={from}&to={to}")
}

pub(crate) fn read(
    draft: &mut Draft<'_, '_, '_>,
    ask: &Ask,
    from: Day,
    to: Day,
    deferred: Option<Span>,
) -> Result<Reply, Refusal> {
    let (token, consent) = bearer::serve(draft, ask, scope::PENSION, &request(ask.person, &ask.purpose, from, to))?;
    if to < from {
        return Err(Refusal::new("period-invalid", "period-invalid")
            .check("bounds of the period")
            .seen(format!("{from} to {to}"))
            .wanted("from on or before to"));
    }
    let asked_before = draft.world.pensions.same(&token.client_id, ask, from, to).cloned();
    match asked_before {
        Some(order) if order.due <= draft.now => {
            answer(draft, &token, &consent.id, Some(&order), (ask.person, from, to))
        }
        Some(order) => Ok(later(draft, &order)),
        None if deferred.is_some() => {
            let order = Order {
                id: draft.uuid(),
                client_id: token.client_id.clone(),
                person: ask.person,
                purpose: ask.purpose.clone(),
                from,
                to,
                due: draft.now + deferred.unwrap_or_default(),
            };
            draft.tell(Fact::PensionOrdered { order: Box::new(order.clone()) });
            Ok(later(draft, &order))
        }
        None => answer(draft, &token, &consent.id, None, (ask.person, from, to)),
    }
}

/// Asks after a deferred answer, of the pension account or of any registry.
pub(crate) fn fetch(
    draft: &mut Draft<'_, '_, '_>,
    bearer: &Bearer,
    order: &str,
    page: &Page,
) -> Result<Reply, Refusal> {
    let (token, consent, order) = match bearer::serve_answer(draft, bearer, order)? {
        bearer::Deferred::Facts(order) => return registries::fetch(draft, bearer, &order, page),
        bearer::Deferred::Pension(held) => *held,
    };
    if order.due > draft.now {
        return Ok(later(draft, &order));
    }
    answer(draft, &token, &consent.id, Some(&order), (order.person, order.from, order.to))
}

fn later(draft: &Draft<'_, '_, '_>, order: &Order) -> Reply {
    let retry_at = draft.now + draft.world.limits.poll_interval;
    Reply::Pension(StatementReply::Deferred { order: order.id.clone(), retry_at })
}

fn answer(
    draft: &mut Draft<'_, '_, '_>,
    token: &Token,
    consent: &str,
    order: Option<&Order>,
    (person, from, to): (i64, Day, Day),
) -> Result<Reply, Refusal> {
    let number = person_number(draft, person)?;
    let account = draft.world.citizens.find(person).map(|citizen| citizen.pension.clone()).unwrap_or_default();
    draft.tell(Fact::PensionRead {
        order: order.map(|order| order.id.clone()),
        from,
        to,
        consent: consent.to_owned(),
        token: token.id.clone(),
    });
    bearer::spend(draft, token);
    Ok(Reply::Pension(StatementReply::Ready(Box::new(account.statement(number, from, to)))))
}

/// The room: deferred questions. The accounts themselves stand in the citizens' records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pensions {
    orders: BTreeMap<String, Held>,
}

#[derive(Clone, Debug, PartialEq)]
struct Held {
    order: Order,
    /// The answer was given. It may be fetched again by another token, since the first delivery may have been lost; the
    /// same question asked anew is a new one.
    answered: bool,
}

impl Pensions {
    /// The question of this id.
    pub fn order(&self, id: &str) -> Option<&Order> {
        self.orders.get(id).map(|held| &held.order)
    }

    /// The question that was deferred before and is still open, asked again by the same client.
    fn same(&self, client_id: &str, ask: &Ask, from: Day, to: Day) -> Option<&Order> {
        let open = self.orders.values().filter(|held| !held.answered).map(|held| &held.order);
        open.into_iter().find(|order| {
            order.client_id == client_id
                && order.person == ask.person
                && order.purpose == ask.purpose
                && order.from == from
                && order.to == to
        })
    }

    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::PensionOrdered { order } => {
                self.orders.insert(order.id.clone(), Held { order: (**order).clone(), answered: false });
            }
            Fact::PensionRead { order: Some(order), .. } => {
                if let Some(held) = self.orders.get_mut(order) {
                    held.answered = true;
                }
            }
            _ => {}
        }
    }
}
