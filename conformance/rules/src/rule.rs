//! The form of a rule.

use contract::adapter::ReasonClass;
use serde::{Deserialize, Serialize};

use crate::finding::Judgement;
use crate::trace::Trace;

/// One duty of a bank, and how a recording is judged by it.
pub struct Rule {
    /// The catalogue's id, `IDT-01`.
    pub id: &'static str,
    /// Names the wrong, and the broken bank that does it: `id-token-signature-unchecked`.
    pub slug: &'static str,
    pub level: Level,
    pub severity: Severity,
    /// Standard and clause, or law and article.
    pub clauses: &'static [&'static str],
    pub requirements: &'static [&'static str],
    pub title: Text,
    /// Why it matters, for `explain`.
    pub why: Text,
    /// What is looked at, for `explain`.
    pub looked_at: Text,
    /// How to mend it.
    pub advice: Text,
    pub judge: Judge,
}

/// How a recording is judged: by code of its own, or as a row of a table.
pub enum Judge {
    /// A duty, judged by a function of its own on every trace.
    Duty(fn(&Trace) -> Judgement),
    /// A lie that the bank must refuse, proved in five points.
    Refusal(Refusal),
    /// A harmless oddity that the bank must accept.
    Accept(Accept),
}

/// A row of the refusal table.
pub struct Refusal {
    /// Any of these lies arms the rule.
    pub faults: &'static [&'static str],
    /// Reason classes that fit.
    pub classes: &'static [ReasonClass],
    /// What must not happen after the lie.
    pub unused: Unused,
}

/// A row of the acceptance table.
pub struct Accept {
    pub faults: &'static [&'static str],
}

/// What "nothing used" means for a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unused {
    /// No token call for this authorisation code (lies in the redirect back to the bank).
    Code,
    /// No call with the tokens of the answer that held the lie, no session opened for the person.
    Tokens,
    /// Not one byte of a request over the connection that held the lie, and none over another to the same place.
    Connection,
    /// The data of the answer is neither shown nor stored.
    Answer,
    /// The event has no effect at the bank (web-hooks).
    Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    pub ru: &'static str,
    pub en: &'static str,
}

/// The catalogue's levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Required by the cited text or by law.
    M,
    /// Required by a profile or by the portal's protocol, if that is chosen.
    P,
    /// Recommended by the cited text.
    S,
    /// Good practice.
    G,
    /// Recorded, not judged.
    I,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Critical,
    High,
    Medium,
    Low,
}
