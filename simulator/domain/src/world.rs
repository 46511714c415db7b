//! The world of one sandbox: its rooms, folded from events.

use contract::control::Limits;
use contract::time::Timestamp;

use crate::citizens::Citizens;
use crate::consent::Consents;
use crate::debts::Debts;
use crate::event::Event;
use crate::hooks::Hooks;
use crate::identity::Identity;
use crate::messages::Messages;
use crate::partners::Partners;
use crate::payments::Payments;
use crate::pension::Pensions;
use crate::tokens::Tokens;

/// Everything a sandbox knows. Queries read the rooms; changes come by [`World::apply`] alone.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    pub limits: Limits,
    pub partners: Partners,
    pub citizens: Citizens,
    pub identity: Identity,
    pub consents: Consents,
    pub tokens: Tokens,
    pub debts: Debts,
    pub payments: Payments,
    pub pensions: Pensions,
    pub messages: Messages,
    pub hooks: Hooks,
}

impl World {
    /// An empty world.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            partners: Partners::default(),
            citizens: Citizens::default(),
            identity: Identity::default(),
            consents: Consents::default(),
            tokens: Tokens::default(),
            debts: Debts::default(),
            payments: Payments::default(),
            pensions: Pensions::default(),
            messages: Messages::default(),
            hooks: Hooks::default(),
        }
    }

    /// Folds one event. Never refuses: what stands in the journal has happened.
    pub fn apply(&mut self, event: &Event) {
        let (partner, citizen, flow) = (event.partner.as_deref(), event.citizen, event.flow.as_deref());
        self.partners.apply(&event.fact);
        self.citizens.apply(citizen, &event.fact);
        self.identity.apply(event);
        self.consents.apply(event.at, &event.fact);
        self.tokens.apply(&event.fact);
        self.debts.apply(&event.fact);
        self.payments.apply(&event.fact);
        self.pensions.apply(&event.fact);
        self.messages.apply(event.at, citizen, flow, &event.fact);
        self.hooks.apply(event.at, partner, citizen, &event.fact);
    }

    /// When the next thing falls due that [`crate::Command::Settle`] lets happen. Hook deliveries are apart:
    /// [`Hooks::next_due`].
    pub fn due(&self) -> Option<Timestamp> {
        let consents = self.consents.due().map(|(at, _)| at);
        let flows = self.identity.due().map(|(at, _)| at);
        let locks = self.citizens.due().map(|(at, _)| at);
        let payments = self.payments.due().map(|(at, _)| at);
        consents.chain(flows).chain(locks).chain(payments).min()
    }
}
