//! The judge of every lie that must be refused.

use crate::finding::Judgement;
use crate::reading::Reading;
use crate::rule::{Refusal, Rule};

/// Judges one row on one recording.
pub fn judge(_rule: &Rule, _row: &Refusal, _reading: &Reading<'_>) -> Judgement {
    Judgement::not_applicable("the lie was not told", "ложь не была сказана")
}
