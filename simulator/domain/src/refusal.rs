//! An honest no: a value, part of the contract. The edge turns it into the interface's own form by its row of the
//! error registry and journals `request.refused` with the reason.

use serde::{Deserialize, Serialize};

/// Why the portal says no. `code` is a row of `errors.toml`; the rest is diagnosis for the journal and the header
/// `Stend-Diagnosis`, never for the protocol's own answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Row of the error registry.
    pub code: String,
    /// Slug of the cause, finer than the code.
    pub cause: String,
    /// Which check failed.
    pub check: String,
    /// What was seen.
    pub seen: String,
    /// What was wanted.
    pub wanted: String,
    /// How to mend it.
    pub mend: String,
    /// Client and redirect URI were verified before, so the refusal may travel by redirect. Otherwise a page.
    #[serde(skip)]
    pub redirectable: bool,
}

impl Refusal {
    /// A refusal with this row and cause.
    pub fn new(code: &str, cause: &str) -> Self {
        Self {
            code: code.to_owned(),
            cause: cause.to_owned(),
            check: String::new(),
            seen: String::new(),
            wanted: String::new(),
            mend: String::new(),
            redirectable: false,
        }
    }

    /// Names the check.
    #[must_use]
    pub fn check(mut self, text: impl Into<String>) -> Self {
        self.check = text.into();
        self
    }

    /// What was seen.
    #[must_use]
    pub fn seen(mut self, text: impl Into<String>) -> Self {
        self.seen = text.into();
        self
    }

    /// What was wanted.
    #[must_use]
    pub fn wanted(mut self, text: impl Into<String>) -> Self {
        self.wanted = text.into();
        self
    }

    /// How to mend it.
    #[must_use]
    pub fn mend(mut self, text: impl Into<String>) -> Self {
        self.mend = text.into();
        self
    }

    /// It may travel by redirect.
    #[must_use]
    pub const fn by_redirect(mut self) -> Self {
        self.redirectable = true;
        self
    }
}
