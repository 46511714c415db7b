//! The rule book: pure functions over a recorded trace.
//!
//! A rule never does I/O and knows neither the portal nor the bank: it sees a [`trace::Trace`], reads it through
//! [`reading::Reading`] and says one [`finding::Judgement`]. Silence is never a pass: a rule that had nothing to look at
//! answers `not_applicable`, and one that could not prove its point answers `inconclusive`.
//!
//! Most rules are rows: a lie that must be refused is judged by [`refusal`] in five points, a harmless oddity that must be
//! taken by [`accept`], a duty by a small function over the reading. The rows stand in [`families`], a file per theme.
#![deny(missing_docs)]

pub mod accept;
#[cfg(test)]
mod attribution;
#[cfg(test)]
mod duties;
pub mod families;
pub mod finding;
#[cfg(test)]
mod laws;
pub mod reading;
pub mod refusal;
pub mod requirements;
pub mod rule;
pub mod shown;
#[cfg(test)]
mod signing;
#[cfg(test)]
mod testkit;
pub mod trace;

use std::sync::LazyLock;

use finding::{Judgement, Verdict};
use reading::Reading;
pub use requirements::{Requirement, Subject, requirements};
use rule::{Judge, Rule};
use trace::Trace;

/// Every rule, in the order of the catalogue's themes.
pub fn rules() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| families::ALL.iter().copied().flatten().copied().collect());
    &RULES
}

/// A rule by its catalogue id (`IDT-01`, in any letter case) or by its slug.
pub fn rule(id_or_slug: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.id.eq_ignore_ascii_case(id_or_slug) || rule.slug == id_or_slug)
}

/// One rule's word on one recording.
pub fn judge(rule: &Rule, trace: &Trace) -> Judgement {
    judge_reading(rule, &Reading::of(trace))
}

/// Every rule's word on one recording, read once.
pub fn judge_all(trace: &Trace) -> Vec<(&'static Rule, Judgement)> {
    let reading = Reading::of(trace);
    rules().iter().map(|rule| (rule, judge_reading(rule, &reading))).collect()
}

fn judge_reading(rule: &Rule, reading: &Reading<'_>) -> Judgement {
    let protocol = reading.trace.case.protocol;
    if !rule.protocols.contains(&protocol) {
        return Judgement::not_applicable(
            format!("has no meaning in {}", protocol.as_str()),
            format!("не имеет смысла в {}", protocol.as_str()),
        );
    }
    match &rule.judge {
        Judge::Duty(judge) => soften(rule, judge(reading)),
        Judge::Refusal(row) => refusal::judge(rule, row, reading),
        Judge::Accept(row) => accept::judge(rule, row, reading),
        Judge::Shown(row) => soften(rule, shown::judge(row, reading)),
    }
}

/// A broken recommendation warns.
fn soften(rule: &Rule, judgement: Judgement) -> Judgement {
    match judgement.verdict {
        Verdict::Fail => Judgement { verdict: rule.level.broken(), ..judgement },
        _ => judgement,
    }
}
