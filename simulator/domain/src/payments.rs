//! Payments (DEB-2): one debt is paid once and only once, however often the order comes. A key names one operation:
//! the same key with the same body gets the same answer, with another body a refusal.

use std::collections::BTreeMap;

use contract::ids::Uin;
use contract::matter::{By, MatterKind, MatterReason};
use contract::registries::debts::{DebtStatus, Payment, PaymentMethod, PaymentState, Receipt};
use contract::registries::duties::DutyState;
use contract::scope;
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bearer;
use crate::command::{Ask, PayDebt, PaymentRef};
use crate::debts;
use crate::draft::Draft;
use crate::event::Fact;
use crate::limits::SETTLEMENT;
use crate::matters::{self, Opened};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::world::World;

pub(crate) mod duty;

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
    /// Of a state duty; else of a debt.
    #[serde(default, skip_serializing_if = "is_false")]
    pub duty: bool,
    /// It went through an extra check.
    #[serde(default, skip_serializing_if = "is_false")]
    pub checked: bool,
}

fn is_false(flag: &bool) -> bool {
    !*flag
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

    /// What was paid of a charge and not given back.
    pub fn paid(&self, uin: &Uin) -> contract::money::Money {
        let stands = |record: &&PaymentRecord| {
            record.payment.uin == *uin
                && !matches!(record.payment.state, PaymentState::Returned | PaymentState::Reversed)
        };
        self.by_id.values().filter(stands).map(|record| record.payment.amount).sum()
    }

    /// Where the payment of a duty stands, if there is one: overrides what the register opened with. `due` is the sum that
    /// closes it; a part of it leaves the duty open.
    pub fn duty_state(&self, uin: &Uin, due: contract::money::Money) -> Option<DutyState> {
        let of_charge = || self.by_id.values().filter(|record| record.duty && record.payment.uin == *uin);
        let newest = of_charge().max_by_key(|record| (record.receipt_at(), record.payment.id.clone()))?;
        Some(match newest.payment.state {
            PaymentState::Accepted => DutyState::Accepted,
            PaymentState::Checking => DutyState::Checking,
            PaymentState::Settled if self.paid(uin) >= due => DutyState::Settled,
            PaymentState::Settled | PaymentState::Reversed => DutyState::Open,
            PaymentState::Returned => DutyState::Returned,
        })
    }

    /// Every payment.
    pub fn all(&self) -> impl Iterator<Item = &PaymentRecord> {
        self.by_id.values()
    }

    pub(crate) fn due(&self) -> impl Iterator<Item = (Timestamp, &PaymentRecord)> {
        self.by_id
            .values()
            .filter(|record| matches!(record.payment.state, PaymentState::Accepted | PaymentState::Checking))
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
                    // Preliminarily matched until the money is there; what was not matched stays so.
                    record.payment.acknowledgment =
                        record.payment.acknowledgment.map(|how| if how == 2 { 1 } else { how });
                }
            }
            Fact::PaymentMoved { id, to, reason, .. } => {
                if let Some(record) = self.by_id.get_mut(id) {
                    record.payment.state = *to;
                    record.payment.reason.clone_from(reason);
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
    let found = draft.world.debts.record(&order.uin).filter(|record| record.person == ask.person);
    let Some(record) = found else { return Err(unknown()) };
    matters::token("source", &order.source)?;
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
        PaymentMethod::Card | PaymentMethod::Qr | PaymentMethod::Sbp => draft.now,
    };
    let state = if settles_at > draft.now { PaymentState::Accepted } else { PaymentState::Settled };
    let payment = Payment {
        id: draft.uuid(),
        uin: debt.uin.clone(),
        amount: order.amount,
        state,
        uip: None,
        acknowledgment: None,
        receipt: Some(Receipt {
            number: draft.digits(10),
            at: draft.now,
            amount: None,
            payer: None,
            payee: None,
            account: None,
            bik: None,
            kbk: None,
            oktmo: None,
        }),
        reason: None,
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
        duty: false,
        checked: false,
    };
    draft.tell(Fact::PaymentAccepted { record: Box::new(accepted.clone()) });
    opened(draft, &accepted);
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
    let service = if found.as_ref().is_some_and(|record| record.duty) { duty::SCOPE } else { scope::DEBTS };
    let key = match (&found, wanted) {
        (Some(record), _) => record.key.clone(),
        (None, PaymentRef::Key(key)) => key.clone(),
        (None, PaymentRef::Id(id)) => format!("of {id}"),
    };
    bearer::serve(draft, ask, service, &request(ask.person, &key))?;
    let Some(record) = found else { return Err(unknown()) };
    Ok(Reply::Payment { payment: Box::new(record.payment), repeated: false })
}

impl PaymentRecord {
    fn receipt_at(&self) -> Option<Timestamp> {
        self.payment.receipt.as_ref().map(|receipt| receipt.at)
    }

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
        if self.checked {
            return Payment { state: PaymentState::Checking, reason: None, ..self.payment.clone() };
        }
        let at_once = self.payment.receipt.as_ref().is_some_and(|receipt| self.settles_at <= receipt.at);
        let state = if at_once { PaymentState::Settled } else { PaymentState::Accepted };
        // A duty whose money is on its way was matched preliminarily.
        let how =
            self.payment.acknowledgment.map(|how| if state == PaymentState::Accepted && how == 1 { 2 } else { how });
        Payment { state, acknowledgment: how, reason: None, ..self.payment.clone() }
    }
}

/// The course of a payment is journalled like that of any matter: opened, and settled at once where it is.
fn opened(draft: &mut Draft<'_, '_, '_>, record: &PaymentRecord) {
    let cycle = MatterKind::Payment.lifecycle();
    matters::opened_alone(
        draft,
        Opened {
            id: record.payment.id.clone(),
            kind: MatterKind::Payment,
            to: cycle.first().to_owned(),
            by: By::Bank,
            client_id: record.client_id.clone(),
            person: record.person,
            purpose: record.purpose.clone(),
            key: None,
            number: None,
            details: None,
        },
    );
    let name = match record.payment.state {
        PaymentState::Settled => "settle",
        PaymentState::Checking => "check",
        _ => return,
    };
    moved(draft, record, cycle.first(), name, None);
    if record.payment.state == PaymentState::Settled {
        issue(draft, record);
    }
}

fn moved(draft: &mut Draft<'_, '_, '_>, record: &PaymentRecord, from: &str, name: &str, reason: Option<MatterReason>) {
    // Only arrows of the table are asked for; what is none is not told.
    if let Some(arrow) = MatterKind::Payment.lifecycle().step(from, name, None) {
        matters::moved_alone(draft, &record.payment.id, arrow, reason);
    }
}

/// The receipt as a document.
fn issue(draft: &mut Draft<'_, '_, '_>, record: &PaymentRecord) {
    let Some(receipt) = record.payment.receipt.clone() else { return };
    let title = draft.world.debts.find(record.payment.uin.as_str()).map(|held| held.debt.title.clone());
    let settled = Payment { state: PaymentState::Settled, ..record.payment.clone() };
    let facts = json!({"payment": settled, "title": title.or_else(|| duty::title(draft.world, record))});
    let whose = (record.client_id.as_str(), record.person, record.purpose.as_str());
    matters::receipt(draft, &record.payment.id, whose, &receipt.number, facts);
}

/// The money has arrived.
pub(crate) fn settle(draft: &mut Draft<'_, '_, '_>, record: &PaymentRecord) {
    draft.tell(Fact::PaymentSettled { id: record.payment.id.clone(), uin: record.payment.uin.clone() });
    moved(draft, record, record.payment.state.as_str(), "settle", None);
    issue(draft, record);
    if record.duty {
        let how = record.payment.acknowledgment.map(|how| if how == 2 { 1 } else { how });
        let payment = Payment { state: PaymentState::Settled, acknowledgment: how, ..record.payment.clone() };
        duty::announce(draft, record, &payment, "Платёж исполнен");
    }
}

/// What the portal's operator does with a payment: checks it, settles it, gives the money back.
pub(crate) fn force(
    draft: &mut Draft<'_, '_, '_>,
    record: &PaymentRecord,
    name: &str,
    reason: Option<MatterReason>,
) -> Result<Payment, Refusal> {
    draft.partner = Some(record.client_id.clone());
    draft.citizen = Some(record.person);
    walk(draft, record, name, By::Portal, reason)
}

/// One move of a payment along its table.
fn walk(
    draft: &mut Draft<'_, '_, '_>,
    record: &PaymentRecord,
    name: &str,
    by: By,
    reason: Option<MatterReason>,
) -> Result<Payment, Refusal> {
    let from = record.payment.state.as_str();
    let cycle = MatterKind::Payment.lifecycle();
    let Some(arrow) = cycle.step(from, name, None) else {
        return Err(Refusal::new("matter-state-wrong", "matter-state-wrong")
            .check("state of the payment")
            .seen(from)
            .wanted(name));
    };
    if arrow.by != by {
        return Err(Refusal::new("move-not-allowed", "move-not-allowed").check("move of the payment").seen(name));
    }
    let to = PaymentState::named(arrow.to).unwrap_or(record.payment.state);
    if to == PaymentState::Settled {
        settle(draft, record);
        return Ok(Payment { state: to, ..record.payment.clone() });
    }
    let reason = reason.filter(|_| to == PaymentState::Returned);
    draft.tell(Fact::PaymentMoved {
        id: record.payment.id.clone(),
        uin: record.payment.uin.clone(),
        to,
        reason: reason.clone(),
    });
    moved(draft, record, from, name, reason.clone());
    let payment = Payment { state: to, reason, ..record.payment.clone() };
    duty::announce(draft, record, &payment, "Состояние платежа изменилось");
    let reopened = draft.world.debts.reopened(record.payment.uin.as_str());
    if let Some(open) = reopened.filter(|_| to != PaymentState::Checking) {
        debts::tell_banks(draft, &open);
    }
    Ok(payment)
}

/// The bank takes its order back while the money has not arrived.
pub(crate) fn reverse(draft: &mut Draft<'_, '_, '_>, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    read(draft, ask, &PaymentRef::Id(id.to_owned()))?;
    // Reading has found it, or this line is not reached.
    let Some(record) = draft.world.payments.find(id).cloned() else {
        return Err(Refusal::new("unknown-payment", "unknown-payment").check("payment"));
    };
    if record.payment.state == PaymentState::Reversed {
        return Ok(Reply::Payment { payment: Box::new(record.payment), repeated: true });
    }
    let payment = walk(draft, &record, "reverse", By::Bank, None)?;
    Ok(Reply::Payment { payment: Box::new(payment), repeated: false })
}

/// Scope and request of a payment whose receipt is read.
pub(crate) fn document_request(world: &World, id: &str) -> (&'static str, String) {
    match world.payments.find(id) {
        Some(record) if record.duty => (duty::SCOPE, request(record.person, &record.key)),
        Some(record) => (scope::DEBTS, request(record.person, &record.key)),
        None => (scope::DEBTS, format!("payment {id}")),
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
