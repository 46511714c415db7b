//! The reference bank: a small honest bank on axum, a program like any other bank's. It knows the published contract
//! and cryptography, and nothing of the portal, the suite or the right answers.
//!
//! Every decision that a bank can get wrong is asked of `conduct::Conduct` once; the broken variants in `broken`
//! override one such decision each and are what the suite proves its rules with.

mod adapter;
mod audit;
mod bank;
mod banking;
mod broken;
mod clock;
mod conduct;
mod consents;
mod customers;
mod diary;
mod digest;
mod draw;
mod flows;
mod hooks;
mod http;
mod id_token;
mod json;
mod keys;
mod old_tls;
pub mod options;
mod pages;
mod protocol;
mod reference;
mod refusal;
mod retry;
mod roles;
mod serve;
mod sessions;
mod signer;
mod smev;
mod socket;
mod store;
mod table;
mod tokens;
mod trust;
mod xml;

pub use options::{BankError, Options};

/// A broken variant of the bank, as `stend bank --list-defects` prints it.
#[derive(Clone, Copy, Debug)]
pub struct Defect {
    /// The rule's slug, with `.late`, `.logged-only`, `.wrong-field` … for another depth of the same wrong.
    pub slug: &'static str,
    /// Ids of the rules that must catch it.
    pub breaks: &'static [&'static str],
    /// Ids of rules that may rightly fire as well.
    pub relatives: &'static [&'static str],
    /// What it does wrong, in a line.
    pub about: &'static str,
}

/// Every broken variant, in the order of the rule table.
pub fn defects() -> &'static [Defect] {
    broken::defects()
}

/// Runs the bank until SIGTERM or Ctrl-C. Prints one JSON line `{"bank": "https://localhost:PORT"}` when it is ready.
pub async fn run(options: Options) -> Result<(), BankError> {
    serve::serve(options).await
}
