//! Matters: orders, applications, transfers, payouts, tax returns, intakes, tickets; and the documents that come of them.
//!
//! The engine moves a matter along the arrows of its lifecycle ([`contract::matter`]) and no others. Every move is an
//! event, a notice to the citizen and a web-hook to the bank concerned. What a kind asks before it is opened or moved,
//! and what it does on entering a state, stands in the file of the kind.

mod application;
mod ask;
mod code;
mod document;
mod engine;
mod intake;
mod order;
mod payout;
mod room;
mod tax_return;
mod ticket;
mod transfer;
mod voices;

pub use ask::*;
pub use document::IssuedDocument;
pub(crate) use document::receipt;
pub(crate) use engine::{decide, moved_alone, opened_alone, settle};
pub(crate) use payout::token;
pub use room::{KeptFile, Matter, Matters, Offered, Opened, PassCode};
