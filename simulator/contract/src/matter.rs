//! Matters: what takes its course over several steps. One table per lifecycle says which states there are and which
//! moves lead from one to another; the core makes no other move, and coverage is measured against the same table.
//!
//! Bodies and details are records ([`crate::shape`]), so that they come in every format. Payments have a lifecycle here
//! and records of their own in [`crate::registries::debts`].

mod bodies;
mod table;
mod voices;

pub use bodies::*;
pub use table::*;
pub use voices::*;

use crate::shape::{Shape, Shaped};
use crate::time::{Span, Timestamp};
use crate::{record, words};

words! {
    /// The kinds of matter; the word names the event `<kind>.changed` and the member of its body.
    pub enum MatterKind {
        Application = "application", "Заявление в банк" / "Application to the bank";
        Intake = "intake", "Приём документов" / "Intake of documents";
        Order = "order", "Заказ справки или выписки" / "Order of a certificate or extract";
        Payment = "payment", "Платёж" / "Payment";
        Payout = "payout", "Вывод на карту" / "Payout to a card";
        TaxReturn = "tax_return", "Налоговая декларация" / "Tax return";
        Ticket = "ticket", "Обращение" / "Ticket";
        Transfer = "transfer", "Перевод" / "Transfer";
    }
}

words! {
    /// Who makes a move.
    pub enum By {
        Bank = "bank", "Банк" / "Bank";
        Citizen = "citizen", "Гражданин" / "Citizen";
        Portal = "portal", "Портал" / "Portal";
    }
}

/// One arrow of a lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Whose lifecycle.
    pub kind: MatterKind,
    /// What it is called: the last part of the path for a bank's move.
    pub name: &'static str,
    /// Before.
    pub from: &'static str,
    /// After.
    pub to: &'static str,
    /// Whose it is.
    pub by: By,
    /// The portal makes it by itself so long after the state was entered; zero means in the same breath.
    pub after: Option<Span>,
}

/// A state of a lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The word on the wire.
    pub name: &'static str,
    /// For a Russian reader.
    pub ru: &'static str,
    /// For an English reader.
    pub en: &'static str,
}

/// A lifecycle: states in the order of a life, the first one is where it begins.
#[derive(Debug)]
pub struct Lifecycle {
    /// Whose.
    pub kind: MatterKind,
    /// Part of the path: `/api/v1/<plural>`.
    pub plural: &'static str,
    /// The scope of the consent that opens it.
    pub scope: &'static str,
    /// In order.
    pub states: &'static [State],
    /// Every arrow.
    pub moves: &'static [Move],
}

impl Lifecycle {
    /// Where it begins.
    pub fn first(&self) -> &'static str {
        self.states.first().map_or("", |state| state.name)
    }

    /// The state of this word.
    pub fn state(&self, name: &str) -> Option<&'static State> {
        self.states.iter().find(|state| state.name == name)
    }

    /// No arrow leads away.
    pub fn is_final(&self, state: &str) -> bool {
        !self.moves.iter().any(|step| step.from == state)
    }

    /// The arrow of this name from here, to `to` where a name forks.
    pub fn step(&self, from: &str, name: &str, to: Option<&str>) -> Option<&'static Move> {
        self.moves
            .iter()
            .find(|step| step.from == from && step.name == name && to.is_none_or(|wanted| step.to == wanted))
    }

    /// What the portal does next by itself, and when.
    pub fn timed(&self, state: &str) -> Option<&'static Move> {
        self.moves.iter().find(|step| step.from == state && step.after.is_some())
    }

    /// Moves of this name exist at all.
    pub fn knows(&self, name: &str) -> bool {
        self.moves.iter().any(|step| step.name == name)
    }
}

impl MatterKind {
    /// Its lifecycle.
    pub fn lifecycle(self) -> &'static Lifecycle {
        // The table has a row for every kind: a test of this file says so.
        LIFECYCLES.iter().copied().find(|cycle| cycle.kind == self).expect("every kind has a lifecycle")
    }

    /// The kind whose path this is.
    pub fn of_plural(plural: &str) -> Option<Self> {
        LIFECYCLES.iter().find(|cycle| cycle.plural == plural).map(|cycle| cycle.kind)
    }

    /// What an answer about it looks like.
    pub const fn answer(self) -> &'static Shape {
        match self {
            Self::Application => ApplicationMatter::SHAPE,
            Self::Intake => IntakeMatter::SHAPE,
            Self::Order => OrderMatter::SHAPE,
            Self::Payment => crate::registries::debts::Payment::SHAPE,
            Self::Payout => PayoutMatter::SHAPE,
            Self::TaxReturn => TaxReturnMatter::SHAPE,
            Self::Ticket => TicketMatter::SHAPE,
            Self::Transfer => TransferMatter::SHAPE,
        }
    }

    /// What a list of them looks like.
    pub const fn listing(self) -> &'static Shape {
        match self {
            Self::Application => ApplicationList::SHAPE,
            Self::Intake => IntakeList::SHAPE,
            Self::Order => OrderList::SHAPE,
            // Payments are asked for one by one.
            Self::Payment => crate::registries::debts::Payment::SHAPE,
            Self::Payout => PayoutList::SHAPE,
            Self::TaxReturn => TaxReturnList::SHAPE,
            Self::Ticket => TicketList::SHAPE,
            Self::Transfer => TransferList::SHAPE,
        }
    }

    /// What a bank sends to begin one; an application is begun by the citizen.
    pub const fn body(self) -> Option<&'static Shape> {
        match self {
            Self::Application => None,
            Self::Intake => Some(IntakeBody::SHAPE),
            Self::Order => Some(OrderBody::SHAPE),
            Self::Payment => Some(crate::registries::debts::PaymentOrder::SHAPE),
            Self::Payout => Some(PayoutBody::SHAPE),
            Self::TaxReturn => Some(TaxReturnBody::SHAPE),
            Self::Ticket => Some(TicketBody::SHAPE),
            Self::Transfer => Some(TransferBody::SHAPE),
        }
    }
}

/// Every arrow of every lifecycle; what a run went through is measured against it.
pub fn all_moves() -> impl Iterator<Item = &'static Move> {
    LIFECYCLES.iter().flat_map(|cycle| cycle.moves)
}

record! {
    /// A step that a matter has made.
    pub struct MatterStep("matter_step", "Шаг" / "A step of the course") {
        state: String, "Состояние" / "The state entered";
        at: Timestamp, v2 "entered_at", "Когда" / "When";
        by: By, "Кем" / "Who made the move";
    }
}

record! {
    /// Why a matter was turned down.
    pub struct MatterReason("matter_reason", "Причина" / "Why it was turned down") {
        code: String, "Код" / "A row of the error registry";
        ru: String, "По-русски" / "In Russian";
        en: String, "По-английски" / "In English";
    }
}

record! {
    /// A document that was issued in a matter.
    pub struct MatterDocument("matter_document", "Документ" / "A document issued in the matter") {
        id: String, "Номер документа на портале" / "Its id, at /documents/{id}";
        name: String, "Название" / "As the citizen reads it";
        number: String, "Номер" / "Its number";
        media_type: String, "Тип" / "Media type";
        issued_at: Timestamp, "Выдан" / "When it was issued";
        size: Option<u64>, "Размер" / "Bytes, once it was made";
        sha256: Option<String>, "Дайджест" / "SHA-256 (hex) of the bytes, once it was made";
    }
}

record! {
    /// A file, by name and digest.
    pub struct Attachment("attachment", "Вложение" / "A file, by name and digest") {
        id: String, "Номер" / "Its id, at /attachments/{id}";
        name: String, "Имя файла" / "Name of the file";
        media_type: String, "Тип" / "Media type";
        size: u64, "Размер" / "Bytes";
        sha256: String, "Дайджест" / "SHA-256 (hex) of the bytes";
    }
}

/// Largest attachment by reference.
pub const ATTACHMENT_MAX: u64 = 100 * 1024 * 1024;
/// Largest document inside a body, decoded.
pub const INLINE_MAX: usize = 5 * 1024 * 1024;
/// Orders of one person within a day.
pub const ORDER_QUOTA: usize = 20;
/// A one-time code of an operation is good for this long.
pub const CODE_LIFE: Span = Span::from_minutes(5);
/// So often a code may be tried.
pub const CODE_TRIES: u32 = 3;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_one_lifecycle_whose_arrows_stay_within_its_states() {
        let kinds: Vec<MatterKind> = LIFECYCLES.iter().map(|cycle| cycle.kind).collect();
        assert_eq!(kinds, MatterKind::ALL);
        for cycle in LIFECYCLES {
            let mut seen = BTreeSet::new();
            for step in cycle.moves {
                assert_eq!(step.kind, cycle.kind);
                assert!(cycle.state(step.from).is_some() && cycle.state(step.to).is_some(), "{step:?}");
                assert!(seen.insert((step.from, step.to, step.name, step.by)), "{step:?} stands twice");
                assert!(step.after.is_none() || step.by == By::Portal, "only the portal moves by time: {step:?}");
            }
            for state in cycle.states {
                let timed = cycle.moves.iter().filter(|step| step.from == state.name && step.after.is_some());
                assert!(timed.count() <= 1, "two things cannot happen by themselves in {}", state.name);
                let entered = cycle.moves.iter().any(|step| step.to == state.name);
                assert!(entered || state.name == cycle.first(), "nothing leads to {}", state.name);
            }
            assert!(cycle.states.iter().any(|state| cycle.is_final(state.name)), "{} never ends", cycle.plural);
            assert!(crate::scope::find(cycle.scope).is_some(), "{} is no scope", cycle.scope);
        }
        assert!(all_moves().count() > 40);
    }

    #[test]
    fn an_answer_shows_the_states_of_its_own_lifecycle() {
        for cycle in LIFECYCLES {
            let state = cycle.kind.answer().field("state").expect("an answer has a state");
            let crate::shape::Kind::Word(words) = state.kind else { panic!("{}: {:?}", cycle.plural, state.kind) };
            let names: Vec<&str> = cycle.states.iter().map(|state| state.name).collect();
            assert_eq!(words, names, "{}", cycle.plural);
        }
    }
}
