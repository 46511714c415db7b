//! The bank's clock: the machine's, moved by an offset that `/stend/clock` sets. The only file that reads the machine's
//! time or sleeps; what waits here waits by this clock, so moving it ends the wait.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::time::{Span, Timestamp};
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_ms: AtomicI64,
    moved: Notify,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(machine_ms() + self.offset_ms.load(Ordering::SeqCst))
    }

    /// Sets the offset from the machine's time, absolutely.
    pub(crate) fn set_offset(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Returns once this clock shows `when` or later.
    pub(crate) async fn wait_until(&self, when: Timestamp) {
        loop {
            let moved = self.moved.notified();
            let left = when.since(self.now());
            if left == Span::ZERO {
                return;
            }
            tokio::select! {
                () = nap(left) => {}
                () = moved => {}
            }
        }
    }

    pub(crate) async fn wait(&self, span: Span) {
        self.wait_until(self.now() + span).await;
    }
}

/// A pause of the machine, for what paces the bank itself and not its dealings with the portal.
#[expect(clippy::disallowed_methods, reason = "this is the bank's one way of sleeping")]
pub(crate) async fn nap(span: Span) {
    // One more millisecond: a timer that fires early would be a call made too early.
    tokio::time::sleep(span.std() + Duration::from_millis(1)).await;
}

#[expect(clippy::disallowed_methods, reason = "this is the bank's one reading of the machine's clock")]
fn machine_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_absolute() {
        let clock = Clock::default();
        let before = clock.now();
        clock.set_offset(7_200_000);
        clock.set_offset(7_200_000);
        let moved = clock.now().since(before);
        assert!((7_200_000..7_260_000).contains(&moved.millis()));
    }

    #[tokio::test]
    async fn moving_the_clock_ends_a_wait() {
        let clock = std::sync::Arc::new(Clock::default());
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.wait(Span::from_minutes(60)).await }
        });
        tokio::task::yield_now().await;
        clock.set_offset(3_700_000);
        waiting.await.unwrap();
    }
}
