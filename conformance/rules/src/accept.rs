//! The judge of every oddity that must be taken.

use crate::finding::Judgement;
use crate::reading::Reading;
use crate::rule::{Accept, Rule};

/// Judges one row on one recording.
pub fn judge(_rule: &Rule, _row: &Accept, _reading: &Reading<'_>) -> Judgement {
    Judgement::not_applicable("the oddity was not met", "особенность не встретилась")
}
