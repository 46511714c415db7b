//! The form of a rule.

use contract::adapter::ReasonClass;
use serde::{Deserialize, Serialize};

use crate::finding::Judgement;
use crate::reading::{Flow, Lie, Reading};
use crate::trace::Protocol;

/// One duty of a bank, and how a recording is judged by it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The catalogue's id, `IDT-01`.
    pub id: &'static str,
    /// Names the wrong, and the broken bank that does it: `id-token-signature-unchecked`.
    pub slug: &'static str,
    /// How binding the cited text is; decides between `fail` and `warning`.
    pub level: Level,
    /// How much harm the wrong does.
    pub severity: Severity,
    /// Protocols in which the rule has a meaning.
    pub protocols: &'static [Protocol],
    /// Standard and clause, or law and article.
    pub clauses: &'static [&'static str],
    /// Requirement ids that the rule serves, `CNS-3`.
    pub requirements: &'static [&'static str],
    /// One line.
    pub title: Text,
    /// Why it matters, for `explain`.
    pub why: Text,
    /// What is looked at, for `explain`.
    pub looked_at: Text,
    /// How to mend it.
    pub advice: Text,
    /// How a recording is judged.
    pub judge: Judge,
}

/// How a recording is judged: by code of its own, or as a row of a table.
#[derive(Clone, Copy, Debug)]
pub enum Judge {
    /// A duty, judged by a function of its own on every trace.
    Duty(fn(&Reading<'_>) -> Judgement),
    /// A lie that the bank must refuse, proved in five points.
    Refusal(Refusal),
    /// A harmless oddity that the bank must accept.
    Accept(Accept),
    /// What the bank shows of a service equals what the portal served.
    Shown(Shown),
}

/// A row of the table of services: what an action shows is what the service told.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// The action whose values are looked at.
    pub action: &'static str,
    /// The service that was to be read, by its part of the path.
    pub service: &'static str,
    /// Where the facts stand: JSON pointer into the values, JSON pointer into the answer.
    pub members: &'static [(&'static str, &'static str)],
}

/// A row of the refusal table.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// Any of these lies arms the rule.
    pub faults: &'static [&'static str],
    /// Reason classes that fit.
    pub classes: &'static [ReasonClass],
    /// What must not happen after the lie.
    pub unused: Unused,
    /// The bank may also ask again and go on with an honest answer (a second fetch, a second call), without a refusal.
    pub retry: bool,
    /// A policy that the bank must have declared for the rule to bind it.
    pub policy: Option<&'static str>,
}

/// A row of the acceptance table.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    /// Any of these oddities arms the rule.
    pub faults: &'static [&'static str],
    /// A further look at the result: what is wrong with it, in English and Russian.
    pub look: Option<Look>,
    /// Why a bank that did not go on was free to do so, in English and Russian; `None` where it must go on.
    pub excuse: Option<Look>,
}

/// What is wrong with the result of a flow that met an oddity: `(en, ru)`, or nothing.
pub type Look = fn(&Reading<'_>, &Lie<'_>, &Flow<'_>) -> Option<(String, String)>;

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

/// A text in both languages of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Russian.
    pub ru: &'static str,
    /// English.
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

/// How much harm the wrong does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Money, identity or consent is open to an attacker.
    Critical,
    /// Data leaks, or a defence is missing that another one must carry.
    High,
    /// Wrong, without direct harm to the citizen.
    Medium,
    /// Untidy.
    Low,
}

impl Severity {
    /// As it stands in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Low => "low",
            Self::Medium => "medium",
        }
    }
}

impl Level {
    /// As it stands in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::G => "G",
            Self::I => "I",
            Self::M => "M",
            Self::P => "P",
            Self::S => "S",
        }
    }

    /// The verdict when a rule of this level is broken: recommendations and good practice only warn.
    pub const fn broken(self) -> crate::finding::Verdict {
        match self {
            Self::M | Self::P => crate::finding::Verdict::Fail,
            Self::G | Self::I | Self::S => crate::finding::Verdict::Warning,
        }
    }
}
