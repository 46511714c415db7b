//! The suite's only reading of time: to order events of several processes, to bound what never answers, and to say how
//! long a run took. Nothing waits here for a fixed time to pass; a wait is for a condition, and asks for it again.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contract::time::{Span, Timestamp};

/// Wall clock in microseconds since 1970, the order of events over processes.
pub(crate) fn wall_us() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the suite's clock")]
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(wall_us() / 1000)
}

/// The clock that a lane's portal and bank live by: the machine's, moved on by scenarios.
#[derive(Debug, Default)]
pub(crate) struct SandboxClock {
    moved_ms: AtomicI64,
}

impl SandboxClock {
    /// What this clock showed when the wall clock showed that, if it has not been moved since.
    pub(crate) fn at(&self, wall_us: i64) -> Timestamp {
        Timestamp::from_millis(wall_us / 1000) + self.moved()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.at(wall_us())
    }

    /// How far it is ahead of the machine's.
    pub(crate) fn moved(&self) -> Span {
        Span::from_millis(self.moved_ms.load(Ordering::Relaxed))
    }

    /// Moves it on; how far ahead it is then.
    pub(crate) fn advance(&self, by: Span) -> Span {
        self.moved_ms.fetch_add(by.millis(), Ordering::Relaxed);
        self.moved()
    }
}

/// Elapsed time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch(std::time::Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the suite's clock")]
        Self(std::time::Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Pauses between two askings of one condition: short at first, so that a fast bank is not slowed down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    watch: Watch,
    within: Duration,
    pause: Duration,
}

impl Pace {
    pub(crate) fn within(within: Duration) -> Self {
        Self { watch: Watch::start(), within, pause: Duration::from_millis(2) }
    }

    /// Waits a little, or answers `false` when the time is up.
    pub(crate) async fn again(&mut self) -> bool {
        let left = self.within.saturating_sub(self.watch.elapsed());
        if left.is_zero() {
            return false;
        }
        #[expect(clippy::disallowed_methods, reason = "the suite's clock")]
        tokio::time::sleep(self.pause.min(left)).await;
        self.pause = (self.pause * 3 / 2).min(Duration::from_millis(60));
        true
    }
}

/// `future`, or `None` when it is not done within the time.
pub(crate) async fn bounded<T>(within: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(within, future).await.ok()
}
