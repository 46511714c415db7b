//! What a rule concludes, with its evidence in full.

use serde::{Deserialize, Serialize};

/// The words of the contract. Ordered from best to worst as the worst case decides:
/// `error`, `fail`, `inconclusive`, `warning`, `pass`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The bank does not claim what the rule needs.
    NotClaimed,
    /// Nothing in the recording could be judged, with why.
    NotApplicable,
    /// Looked at and found right.
    Pass,
    /// A recommendation missed, or a refusal of another class than fits.
    Warning,
    /// Not proved either way, with why; counts as not passed.
    Inconclusive,
    /// Broken, with evidence.
    Fail,
    /// The suite's own fault, never charged to the bank.
    Error,
}

impl Verdict {
    /// As it stands in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::NotApplicable => "not_applicable",
            Self::NotClaimed => "not_claimed",
            Self::Pass => "pass",
            Self::Warning => "warning",
        }
    }
}

/// One rule's word on one trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The word.
    pub verdict: Verdict,
    /// In English, what was seen, one or two sentences, naming the values.
    pub message: String,
    /// The same in Russian.
    pub message_ru: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// A pointer into the trace with what was seen there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// `exchange:42`, `journal:17`, `report:f-3`, `probe:…`, `act:…`, `canary:…`, `twin:…`.
    pub at: String,
    /// What stands there, in a line.
    pub seen: String,
}

impl Judgement {
    /// Nothing to judge, with why in English and Russian.
    pub fn not_applicable(why: impl Into<String>, why_ru: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotApplicable, message: why.into(), message_ru: why_ru.into(), evidence: Vec::new() }
    }

    /// A judgement from its parts.
    pub fn of(
        verdict: Verdict,
        message: impl Into<String>,
        message_ru: impl Into<String>,
        evidence: Vec<Evidence>,
    ) -> Self {
        Self { verdict, message: message.into(), message_ru: message_ru.into(), evidence }
    }
}
