//! The pure core of the portal: what a sandbox knows and what may happen in it.
//!
//! [`World`] is the fold of [`Event`]s. [`World::decide`] takes a [`Command`] and a [`Ctx`] (time and chance as values)
//! and answers with events and a [`Reply`] or a [`Refusal`]; [`World::apply`] folds events and nothing else.
//! Invariants: nothing here reads a clock, draws by itself, signs, waits or does I/O; everything drawn stands in the
//! event; secrets are in no event (passwords are compared with the citizen's record, refresh tokens come as digests);
//! the domain never lies, a lie is a fault at the edge.

#![warn(missing_docs)]

mod bearer;
mod citizens;
mod command;
mod consent;
mod ctx;
mod debts;
mod draft;
mod event;
mod hooks;
mod identity;
mod limits;
mod matters;
mod messages;
mod partners;
mod payments;
mod pension;
mod proof;
mod publications;
mod refusal;
pub mod registries;
mod reply;
mod smev;
mod stream;
mod tokens;
mod world;

pub use citizens::Citizens;
pub use command::*;
pub use consent::{Consent, Consents, Revoker};
pub use ctx::{Ctx, Draw};
pub use debts::{DebtRecord, Debts};
pub use event::{Decision, EntryError, EntryParts, Event, Fact};
pub use hooks::{Delivery, Hook, HookState, Hooks};
pub use identity::{
    AuthorisationRequest, Challenge, Flow, Identity, IssuedCode, Protocol, Session, Stage, Step, Verdict,
};
pub use matters::{
    Application, BankAct, CitizenAct, DocumentPart, IssuedDocument, KeptFile, Matter, MatterCommand, MatterReply,
    Matters, Offered, OfferedFile, Once, Opened, Opening, PassCode,
};
pub use messages::{Message, Messages};
pub use partners::{Certificate, Partner, Partners};
pub use payments::{PaymentRecord, Payments};
pub use pension::{Order, Pensions, StatementReply};
pub use proof::{CertificateProof, ClientProof, Means, Secret, SignatureProof, Signed, Verifier};
pub use publications::{Edition, Publications};
pub use refusal::Refusal;
pub use registries::{FactsOrder, FactsReply, Inquiries, Page};
pub use reply::Reply;
pub use smev::{
    Anomaly, AsyncFault, Attachment, Authority, Content, Delivery as SmevDelivery, Held as SmevHeld, MessageKind,
    Payload, Reference, Rejection, Smev, SmevMessage, SmevPull, SmevSend,
};
pub use stream::{Stream, Streams, Told};
pub use tokens::{Grant, Misuse, Token, TokenKind, TokenRef, Tokens};
pub use world::World;
