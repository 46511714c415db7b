//! The run's progress on a terminal: one line that says how far it is and what is played. Off a terminal nothing is drawn.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rules::finding::Verdict;

use crate::events::{Event, Listener};

/// Draws on standard error.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    found: AtomicU64,
}

impl Progress {
    pub fn new() -> Self {
        Self::on_target(ProgressDrawTarget::stderr())
    }

    fn on_target(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {prefix}{wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, found: AtomicU64::new(0) }
    }

    fn found(&self, what: &str) {
        let found = self.found.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.set_prefix(format!("{found} {what} · "));
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Listener for Progress {
    fn on(&self, event: &Event) {
        match event {
            Event::Planned { cases, .. } => {
                self.bar.set_length(*cases as u64);
                self.bar.set_position(0);
            }
            Event::LaneReady { lane } => self.bar.set_message(format!("{lane} is ready")),
            Event::CaseStarted { case, .. } => self.bar.set_message(case.clone()),
            Event::CaseEnded { verdict, .. } => {
                self.bar.inc(1);
                if matches!(verdict, Verdict::Fail | Verdict::Inconclusive | Verdict::Error) {
                    self.found("not passed");
                }
            }
            Event::VariantEnded { slug, caught, .. } => {
                self.bar.inc(1);
                self.bar.set_message(slug.clone());
                if !caught {
                    self.found("not caught");
                }
            }
            Event::Note(note) => self.bar.set_message(note.clone()),
            Event::Ended => self.bar.finish_and_clear(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // A run that ends early leaves no half a bar in the terminal.
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_what_ended_and_what_was_not_passed() {
        let progress = Progress::on_target(ProgressDrawTarget::hidden());
        progress.on(&Event::Planned { cases: 3, lanes: 1 });
        for verdict in [Verdict::Pass, Verdict::Fail] {
            let (lane, case) = ("esia-v3".to_owned(), "sign-in/esia-v3".to_owned());
            progress.on(&Event::CaseEnded { lane, case, verdict, duration_ms: 1 });
        }
        assert_eq!((progress.bar.position(), progress.bar.length()), (2, Some(3)));
        assert_eq!(progress.bar.prefix(), "1 not passed · ");
    }
}
