//! How a duty is concluded: what was looked at, what was wrong, and a sentence for each outcome.

use crate::finding::{Evidence, Judgement, Verdict};

/// Gathers what a duty saw. Nothing seen is `not_applicable`, anything wrong is `fail`.
#[derive(Debug, Default)]
pub struct Check {
    seen: Vec<Evidence>,
    wrong: Vec<(String, String, Vec<Evidence>)>,
    unproved: Vec<(String, String, Vec<Evidence>)>,
    odd: Vec<(String, String, Vec<Evidence>)>,
}

/// A sentence in English and Russian.
pub type Said<'a> = (&'a str, &'a str);

const KEPT: usize = 6;

impl Check {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something was there to be judged.
    pub fn saw(&mut self, evidence: Evidence) {
        if !self.seen.contains(&evidence) {
            self.seen.push(evidence);
        }
    }

    /// It was wrong: in English, in Russian, where.
    pub fn wrong(&mut self, en: impl Into<String>, ru: impl Into<String>, evidence: Vec<Evidence>) {
        self.wrong.push((en.into(), ru.into(), evidence));
    }

    /// It could not be proved either way.
    pub fn unproved(&mut self, en: impl Into<String>, ru: impl Into<String>, evidence: Vec<Evidence>) {
        self.unproved.push((en.into(), ru.into(), evidence));
    }

    /// It is not forbidden, but not as it should be.
    pub fn odd(&mut self, en: impl Into<String>, ru: impl Into<String>, evidence: Vec<Evidence>) {
        self.odd.push((en.into(), ru.into(), evidence));
    }

    /// Whether anything was looked at.
    pub fn looked(&self) -> bool {
        !self.seen.is_empty()
    }

    /// The judgement: `nothing` says why there was nothing to judge, `fine` what held.
    pub fn end(self, nothing: Said<'_>, fine: Said<'_>) -> Judgement {
        for (verdict, found) in
            [(Verdict::Fail, self.wrong), (Verdict::Inconclusive, self.unproved), (Verdict::Warning, self.odd)]
        {
            let more = found.len().saturating_sub(1);
            let Some((en, ru, first)) = found.first().cloned() else { continue };
            let rest = found.into_iter().skip(1).flat_map(|(_, _, evidence)| evidence);
            let evidence = first.into_iter().chain(rest).take(2 * KEPT).collect();
            if more == 0 {
                return Judgement::of(verdict, en, ru, evidence);
            }
            return Judgement::of(verdict, format!("{en} (and {more} more)"), format!("{ru} (и ещё {more})"), evidence);
        }
        if self.seen.is_empty() {
            return Judgement::not_applicable(nothing.0, nothing.1);
        }
        let evidence = self.seen.into_iter().take(KEPT).collect();
        Judgement::of(Verdict::Pass, fine.0, fine.1, evidence)
    }
}
