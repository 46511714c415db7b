//! The conformance suite: drives a bank through scenarios against the portal, over the wire only, and judges what was
//! recorded. A library; the program `stend` parses the command line and calls it.
//!
//! Invariants: nothing here knows portal, domain or bank by type; everything is parsed before anything runs; a failure of
//! the suite ([`SuiteError`]) is never a finding against the bank.

mod clock;
mod collect;
mod drive;
mod error;
mod events;
mod options;
mod pki;
mod plan;
mod profile;
pub mod report;
pub mod scenario;
mod vocabulary;

pub use error::SuiteError;
pub use events::{Event, Listener, Silent};
pub use options::{BankFile, Options, Selection};
pub use report::Report;
