//! The conformance suite: drives a bank through scenarios against the portal, over the wire only, and judges what was
//! recorded. A library; the program `stend` parses the command line and calls it.
//!
//! Invariants: nothing here knows portal, domain or bank by type; everything is parsed before anything runs; a failure of
//! the suite ([`SuiteError`]) is never a finding against the bank.

mod algorithms;
mod certify;
mod clock;
mod collect;
pub mod coverage;
mod drive;
mod error;
mod events;
mod judging;
mod options;
mod pki;
mod plan;
mod profile;
mod progress;
pub mod report;
pub mod scenario;
pub mod selftest;
mod vocabulary;

use rules::trace::Protocol;

pub use certify::{certify, judge};
pub use coverage::requirements;
pub use error::SuiteError;
pub use events::{Event, Listener, Silent};
pub use options::{BankFile, Options, Selection};
pub use progress::Progress;
pub use report::Report;
pub use selftest::selftest;

/// A protocol by its name.
///
/// # Errors
/// When no protocol has this name.
pub fn protocol(name: &str) -> Result<Protocol, SuiteError> {
    Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == name).ok_or_else(|| {
        SuiteError::new(format!("unknown protocol `{name}`"), scenario::words::hint(name, scenario::words::PROTOCOLS))
    })
}

/// JSON Schema of a bank file.
pub fn bank_schema() -> serde_json::Value {
    profile::schema()
}
