//! Payment of state duties (DUT-1), as the register of charges and payments has it (ГИС ГМП): a payment gets a number of
//! its own, is matched with the charge, and comes as a receipt with every requisite. A part of the sum and a payment
//! after the term are taken too, and go through an extra check; what is paid already is not paid again.

use contract::ids::{Bik, Uip};
use contract::money::Money;
use contract::registries::debts::{Payment, PaymentMethod, PaymentState, Receipt};
use contract::registries::duties::{DutyState, HeldDuty};
use contract::time::Span;
use serde_json::json;

use super::{PaymentRecord, key_reused, opened, refused, request};
use crate::bearer;
use crate::command::PayDebt;
use crate::draft::Draft;
use crate::event::Fact;
use crate::limits::SETTLEMENT;
use crate::matters;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::world::World;

/// The scope that a consent must cover.
pub(crate) const SCOPE: &str = "duties";
/// An extra check takes this long.
const CHECK: Span = Span::from_minutes(1);
/// The simulated bank's code in the numbers of payments.
const BANK: &str = "044525999";

pub(crate) fn pay(draft: &mut Draft<'_, '_, '_>, order: &PayDebt) -> Result<Reply, Refusal> {
    let ask = &order.ask;
    let (token, _) = bearer::serve(draft, ask, SCOPE, &request(ask.person, &order.key))?;
    if let Some(before) = draft.world.payments.by_key(&token.client_id, &order.key).cloned() {
        if !before.is_same(order) {
            return Err(refused(draft, order, &before.payment.uin, key_reused()));
        }
        draft.tell(Fact::PaymentRepeated { id: before.payment.id.clone(), key: order.key.clone() });
        return Ok(Reply::Payment { payment: Box::new(before.as_answered()), repeated: true });
    }
    let Some(duty) = held(draft.world, ask.person, &order.uin).cloned() else {
        return Err(Refusal::new("unknown-debt", "unknown-debt")
            .check("uin")
            .seen(&order.uin)
            .wanted("a duty of this person"));
    };
    matters::token("source", &order.source)?;
    let day = draft.now.day();
    let left = left(draft.world, &duty, duty.payable(day));
    let closed = matches!(duty.state, DutyState::Accepted | DutyState::Settled | DutyState::Checking);
    if left <= Money::ZERO || closed {
        let refusal = Refusal::new("debt-already-paid", "debt-already-paid")
            .check("state of the duty")
            .seen("paid")
            .wanted(duty.uin.as_str());
        return Err(refused(draft, order, &duty.uin, refusal));
    }
    let whole = left == duty.payable(day) && order.amount == duty.amount;
    if order.amount <= Money::ZERO || (order.amount > left && !whole) {
        let refusal = Refusal::new("amount-mismatch", "amount-mismatch")
            .check("amount to the kopeck")
            .seen(order.amount.kopecks().to_string())
            .wanted(left.kopecks().to_string());
        return Err(refused(draft, order, &duty.uin, refusal));
    }
    let partial = order.amount < left;
    let late = duty.due_date.is_some_and(|due| due < day);
    let checked = partial || late;
    let settles_at = match (checked, order.method) {
        (true, _) => draft.now + CHECK,
        (false, PaymentMethod::Account) => draft.now + SETTLEMENT,
        (false, PaymentMethod::Card | PaymentMethod::Qr | PaymentMethod::Sbp) => draft.now,
    };
    let (state, how) = match (checked, settles_at > draft.now) {
        (true, _) => (PaymentState::Checking, if partial { 3 } else { 2 }),
        (false, true) => (PaymentState::Accepted, 2),
        (false, false) => (PaymentState::Settled, 1),
    };
    let receipt = Receipt {
        amount: Some(order.amount),
        payer: payer(draft.world, ask.person),
        payee: Some(duty.requisites.payee.clone()),
        account: Some(duty.requisites.account.to_string()),
        bik: Some(duty.requisites.bik.to_string()),
        kbk: Some(duty.requisites.kbk.to_string()),
        oktmo: Some(duty.requisites.oktmo.to_string()),
        ..Receipt::plain(draft.digits(10), draft.now)
    };
    let payment = Payment {
        id: draft.uuid(),
        uin: duty.uin.clone(),
        amount: order.amount,
        state,
        uip: uip(draft),
        acknowledgment: Some(how),
        receipt: Some(receipt),
        reason: None,
    };
    let record = PaymentRecord {
        payment: payment.clone(),
        method: order.method,
        client_id: token.client_id.clone(),
        person: ask.person,
        purpose: ask.purpose.clone(),
        key: order.key.clone(),
        source: Some(order.source.clone()),
        settles_at,
        duty: true,
        checked,
    };
    draft.tell(Fact::PaymentAccepted { record: Box::new(record.clone()) });
    opened(draft, &record);
    announce(draft, &record, &payment, "Оплата принята");
    Ok(Reply::Payment { payment: Box::new(payment), repeated: false })
}

/// A notice to the citizen and a web-hook to the bank.
pub(super) fn announce(draft: &mut Draft<'_, '_, '_>, record: &PaymentRecord, payment: &Payment, subject: &str) {
    let title = title(draft.world, record)
        .or_else(|| draft.world.debts.find(payment.uin.as_str()).map(|held| held.debt.title.clone()))
        .unwrap_or_else(|| "Платёж".to_owned());
    let mut text = format!("{title}: {}, {}. УИН {}.", payment.amount, payment.state.ru().to_lowercase(), payment.uin);
    if payment.state == PaymentState::Checking {
        text.push_str(&format!(" Проверка закончится к {} (МСК).", record.settles_at.to_russian()));
    }
    if let Some(reason) = &payment.reason {
        text.push_str(&format!(" Причина: {}", reason.ru));
    }
    draft.notice(subject, text);
    let mut told = json!(payment);
    if let Some(members) = told.as_object_mut() {
        members.insert("person".to_owned(), record.person.into());
        members.insert("changed_at".to_owned(), json!(draft.now));
        // The payer's name is for the receipt, not for an event.
        members.remove("receipt");
    }
    draft.hook(&record.client_id, "payment.changed", "payment", &told);
}

/// The title of the duty that was paid.
pub(super) fn title(world: &World, record: &PaymentRecord) -> Option<String> {
    held(world, record.person, record.payment.uin.as_str())
        .map(|duty| format!("Госпошлина: {}", duty.kind.ru().to_lowercase()))
}

fn held<'w>(world: &'w World, person: i64, uin: &str) -> Option<&'w HeldDuty> {
    world.citizens.find(person)?.holdings.duties.iter().find(|duty| duty.uin.as_str() == uin)
}

/// What is still to be paid of a duty: payments that were given back do not count. The full sum of a discount not taken
/// closes the duty as well.
fn left(world: &World, duty: &HeldDuty, payable: Money) -> Money {
    let paid = world.payments.paid(&duty.uin);
    if paid >= duty.amount || (paid >= payable && paid > Money::ZERO) { Money::ZERO } else { payable - paid }
}

fn payer(world: &World, person: i64) -> Option<String> {
    world.citizens.find(person).map(|citizen| {
        let middle = citizen.middle_name.as_deref().unwrap_or_default();
        format!("{} {} {middle}", citizen.last_name, citizen.first_name).trim().to_owned()
    })
}

fn uip(draft: &mut Draft<'_, '_, '_>) -> Option<Uip> {
    let number = draft.digits(8).parse().ok()?;
    let bank: Bik = BANK.parse().ok()?;
    Uip::new(&bank, 1, draft.now.day(), number)
}
