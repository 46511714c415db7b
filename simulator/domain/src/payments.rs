//! Payments (DEB-2): one debt is paid once and only once, however often the order comes. A key names one operation:
//! the same key with the same body gets the same answer, with another body a refusal.

use std::collections::BTreeMap;

use contract::ids::Uin;
use contract::registries::debts::{DebtStatus, Payment, PaymentMethod, PaymentState, Receipt};
use contract::scope;
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bearer;
use crate::command::{Ask, PayDebt, PaymentRef};
use crate::debts;
use crate::draft::Draft;
use crate::event::Fact;
use crate::limits::SETTLEMENT;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// A payment with whose it is; [`PaymentRecord::payment`] is what travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRecord {
    /// The payment.
    #[serde(flatten)]
    pub payment: Payment,
    /// How it is paid.
    pub method: PaymentMethod,
    /// The client it belongs to.
    pub client_id: String,
    /// Whom it is about, by OID.
    pub person: i64,
    /// The purpose named.
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
    /// The one of this id.
    pub fn find(&self, id: &str) -> Option<&PaymentRecord> {
        self.by_id.get(id)
    }

    /// The payment that a client ordered under a key (its digest).
    pub fn by_key(&self, client_id: &str, key: &str) -> Option<&PaymentRecord> {
        self.by_key.get(&(client_id.to_owned(), key.to_owned())).and_then(|id| self.by_id.get(id))
    }

    /// Every payment.
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

pub(crate) fn pay(draft: &mut Draft<'_, '_, '_>, order: &PayDebt) -> Result<Reply, Refusal> {
    let ask = &order.ask;
    let (token, _) = bearer::serve(draft, ask, scope::DEBTS, &request(ask.person, &order.key))?;
    if let Some(before) = draft.world.payments.by_key(&token.client_id, &order.key) {
        let before = before.clone();
        if !before.is_same(order) {
            return Err(refused(draft, order, &before.payment.uin, key_reused()));
        }
        draft.tell(Fact::PaymentRepeated { id: before.payment.id.clone(), key: order.key.clone() });
        return Ok(Reply::Payment { payment: Box::new(before.as_answered()), repeated: true });
    }
    let unknown =
        || Refusal::new("unknown-debt", "unknown-debt").check("uin").seen(&order.uin).wanted("a debt of this person");
    let found = draft.world.debts.find(&order.uin).filter(|record| record.person == ask.person);
    let Some(record) = found.cloned() else { return Err(unknown()) };
    let debt = &record.debt;
    if debt.status == DebtStatus::Paid {
        return Err(refused(draft, order, &debt.uin, debts::paid(debt)));
    }
    let day = draft.now.day();
    if !record.settled_by(order.amount, day) {
        let refusal = Refusal::new("amount-mismatch", "amount-mismatch")
            .check("amount to the kopeck")
            .seen(order.amount.kopecks().to_string())
            .wanted(debt.payable(day).kopecks().to_string());
        return Err(refused(draft, order, &debt.uin, refusal));
    }
    let settles_at = match order.method {
        PaymentMethod::Account => draft.now + SETTLEMENT,
        PaymentMethod::Card | PaymentMethod::Qr => draft.now,
    };
    let state = if settles_at > draft.now { PaymentState::Accepted } else { PaymentState::Settled };
    let payment = Payment {
        id: draft.uuid(),
        uin: debt.uin.clone(),
        amount: order.amount,
        state,
        receipt: Some(Receipt { number: draft.digits(10), at: draft.now }),
    };
    let accepted = PaymentRecord {
        payment: payment.clone(),
        method: order.method,
        client_id: token.client_id.clone(),
        person: ask.person,
        purpose: ask.purpose.clone(),
        key: order.key.clone(),
        source: Some(order.source.clone()),
        settles_at,
    };
    draft.tell(Fact::PaymentAccepted { record: Box::new(accepted) });
    if let Some(restriction) = &debt.restriction {
        draft.tell(Fact::RestrictionLifted { uin: debt.uin.clone(), restriction: restriction.clone() });
    }
    draft.notice("Оплата принята", format!("{}: {}. УИН {}.", debt.title, order.amount, debt.uin));
    let mut after = record.clone();
    after.debt.status = DebtStatus::Paid;
    after.debt.restriction = None;
    debts::tell_banks(draft, &after);
    Ok(Reply::Payment { payment: Box::new(payment), repeated: false })
}

/// The state of a payment, also of one whose answer was lost.
pub(crate) fn read(draft: &mut Draft<'_, '_, '_>, ask: &Ask, wanted: &PaymentRef) -> Result<Reply, Refusal> {
    let unknown =
        || Refusal::new("unknown-payment", "unknown-payment").check("payment").wanted("a payment of this client");
    let client_id = draft.world.tokens.find(&ask.bearer.token).map(|token| token.client_id.clone()).unwrap_or_default();
    let payments = &draft.world.payments;
    let found = match wanted {
        PaymentRef::Id(id) => payments.find(id).filter(|record| record.client_id == client_id),
        PaymentRef::Key(key) => payments.by_key(&client_id, key),
    };
    let found = found.filter(|record| record.person == ask.person).cloned();
    let key = match (&found, wanted) {
        (Some(record), _) => record.key.clone(),
        (None, PaymentRef::Key(key)) => key.clone(),
        (None, PaymentRef::Id(id)) => format!("of {id}"),
    };
    bearer::serve(draft, ask, scope::DEBTS, &request(ask.person, &key))?;
    let Some(record) = found else { return Err(unknown()) };
    Ok(Reply::Payment { payment: Box::new(record.payment), repeated: false })
}

impl PaymentRecord {
    /// The same order word for word. A source whose copy was erased is not compared.
    fn is_same(&self, order: &PayDebt) -> bool {
        self.payment.uin.as_str() == order.uin
            && self.payment.amount == order.amount
            && self.method == order.method
            && self.person == order.ask.person
            && self.purpose == order.ask.purpose
            && self.source.as_ref().is_none_or(|source| *source == order.source)
    }

    /// The first answer, which a repeat gets again whatever happened since.
    fn as_answered(&self) -> Payment {
        let at_once = self.payment.receipt.as_ref().is_some_and(|receipt| self.settles_at <= receipt.at);
        let state = if at_once { PaymentState::Settled } else { PaymentState::Accepted };
        Payment { state, ..self.payment.clone() }
    }
}

/// One payment order is one request, from the first attempt to the last question about its fate.
fn request(person: i64, key: &str) -> String {
    format!("payment?person={person}&key={key}")
}

fn key_reused() -> Refusal {
    Refusal::new("idempotency-key-reused", "idempotency-key-reused")
        .check("body under the same Idempotency-Key")
        .seen("another body")
        .wanted("the same body")
        .mend("a new operation takes a new key; a repeat sends the same bytes")
}

fn refused(draft: &mut Draft<'_, '_, '_>, order: &PayDebt, uin: &Uin, refusal: Refusal) -> Refusal {
    draft.tell(Fact::PaymentRefused {
        uin: uin.to_string(),
        code: refusal.code.clone(),
        key: order.key.clone(),
        amount: order.amount,
        method: order.method,
    });
    refusal
}
