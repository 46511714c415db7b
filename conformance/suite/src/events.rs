//! What the runner tells while it works. Progress bars and logs are readers of these events; the runner knows none of them.

use rules::finding::Verdict;

/// Something that a watcher of the run may want to show.
#[derive(Clone, Debug)]
pub enum Event {
    /// Everything is parsed; so many cases will be played on so many lanes.
    Planned {
        cases: usize,
        lanes: usize,
    },
    /// One copy of the bank is up with its own sandbox.
    LaneReady {
        lane: String,
    },
    CaseStarted {
        lane: String,
        case: String,
    },
    CaseEnded {
        lane: String,
        case: String,
        verdict: Verdict,
        duration_ms: u64,
    },
    /// A broken bank was judged by the self-test.
    VariantEnded {
        slug: String,
        caught: bool,
        duration_ms: u64,
    },
    Note(String),
    Ended,
}

/// A reader of the run's events. Calls come from several lanes at once and must be quick.
pub trait Listener: Send + Sync {
    fn on(&self, event: &Event);
}

/// Hears nothing.
pub struct Silent;

impl Listener for Silent {
    fn on(&self, _: &Event) {}
}
