//! State payments (PAY-1). Pensions paid out stand on the pension account and are told from there; everything else
//! stands in the holdings.

use contract::citizen::Citizen;
use contract::money::Money;
use contract::registries::pension::OperationKind;
use contract::registries::state_payments::{Programme, ProgrammeName, StatePayment, StatePaymentState, StatePayments};
use contract::shape::{Kind, Shaped};
use contract::time::Day;
use serde_json::Value;

use super::{Inquiry, Param, Registry, RegistryMeta};
use crate::refusal::Refusal;
use crate::world::World;

pub(super) struct Payments;

/// The programme under which pensions are told of.
const PENSION: (&str, &str) = ("PENSION", "Страховая пенсия");

static META: RegistryMeta = RegistryMeta {
    name: "state-payments",
    scope: "state_payments",
    shape: StatePayments::SHAPE,
    params: &[
        Param {
            name: "from", kind: Kind::Day, required: true, ru: "Первый день", en: "first day of the period"
        },
        Param {
            name: "to", kind: Kind::Day, required: true, ru: "Последний день", en: "last day of the period"
        },
    ],
    purposes: None,
    pages: None,
    ru: "Государственные выплаты",
    en: "State payments",
    requirement: &["PAY-1"],
    namespace: "urn:stend:state-payments:1.0",
};

impl Registry for Payments {
    fn meta(&self) -> &'static RegistryMeta {
        &META
    }

    fn answer(&self, _world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal> {
        let today = ask.now.day();
        let bound = |name| ask.parsed::<Day>(name).unwrap_or(today);
        let (from, to) = (bound("from"), bound("to"));
        if to < from {
            return Err(Refusal::new("period-invalid", "period-invalid")
                .check("bounds of the period")
                .seen(format!("{from} to {to}"))
                .wanted("from on or before to"));
        }
        let mut payments = received(ask.person, today);
        payments.retain(|payment| from <= payment.date && payment.date <= to);
        let total = payments.iter().filter(|payment| payment.state == StatePaymentState::Paid);
        let record = StatePayments {
            person: ask.person.oid,
            from,
            to,
            total: total.map(|payment| payment.amount).sum(),
            payments,
            programmes: programmes(ask.person, today),
        };
        // A record of text, numbers and lists always becomes JSON.
        Ok(serde_json::to_value(record).unwrap_or_default())
    }
}

/// Every payment, the pension's too, by date, as it stands on this day.
fn received(person: &Citizen, today: Day) -> Vec<StatePayment> {
    let recipient = full_name(person);
    let pension = person.pension.operations.iter().filter(|operation| operation.kind == OperationKind::Payment);
    let pension = pension.enumerate().map(|(at, operation)| StatePayment {
        id: format!("PF-{}-{}", operation.date, at + 1),
        programme: name(PENSION),
        amount: operation.amount,
        date: operation.date,
        recipient: recipient.clone(),
        state: StatePaymentState::Paid,
        account_tail: None,
    });
    let others = person.holdings.payments.iter().cloned().map(|payment| StatePayment {
        state: match payment.state {
            // What was assigned for a day that has come is paid.
            StatePaymentState::Assigned if payment.date <= today => StatePaymentState::Paid,
            state => state,
        },
        ..payment
    });
    let mut all: Vec<StatePayment> = pension.chain(others).collect();
    all.sort_by(|one, other| (one.date, &one.id).cmp(&(other.date, &other.id)));
    all
}

/// The programmes that the person takes part in on this day.
pub(crate) fn programmes(person: &Citizen, today: Day) -> Vec<Programme> {
    let last = person.pension.operations.iter().rfind(|operation| operation.kind == OperationKind::Payment);
    let pension = last.filter(|_| person.pension.next_payment_date.is_some()).map(|operation| Programme {
        code: PENSION.0.to_owned(),
        title: PENSION.1.to_owned(),
        amount: operation.amount,
        until: None,
        transferable: false,
    });
    let own = person.holdings.programmes.iter().cloned();
    let stands =
        |programme: &Programme| programme.until.is_none_or(|until| today <= until) && programme.amount > Money::ZERO;
    pension.into_iter().chain(own).filter(stands).collect()
}

fn name((code, title): (&str, &str)) -> ProgrammeName {
    ProgrammeName { code: code.to_owned(), title: title.to_owned() }
}

/// Family name, given name, patronymic.
pub(super) fn full_name(person: &Citizen) -> String {
    let middle = person.middle_name.as_ref().map(|middle| format!(" {middle}")).unwrap_or_default();
    format!("{} {}{middle}", person.last_name, person.first_name)
}
