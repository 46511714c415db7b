//! Time. This is the only file of the portal that reads the machine's clock or sleeps.
//! Each sandbox has a clock of its own: the wall plus an offset, or frozen. Everything else is handed a [`Timestamp`].

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::control::ClockSetting;
use contract::time::{Span, Timestamp};
use tokio::sync::Notify;

/// The clock of one sandbox.
#[derive(Debug)]
pub struct Clock {
    mode: Mutex<ClockSetting>,
    moved: Notify,
}

impl Clock {
    pub fn new(mode: ClockSetting) -> Self {
        Self { mode: Mutex::new(mode), moved: Notify::new() }
    }

    pub fn now(&self) -> Timestamp {
        match self.mode() {
            ClockSetting::Real => wall(),
            ClockSetting::Offset(offset) => wall() + offset,
            ClockSetting::Frozen(at) => at,
        }
    }

    pub fn mode(&self) -> ClockSetting {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, mode: ClockSetting) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
        self.moved.notify_waiters();
    }

    /// Moves the clock forward; a frozen clock stays frozen at its later instant.
    pub fn advance(&self, by: Span) -> ClockSetting {
        let mode = match self.mode() {
            ClockSetting::Real => ClockSetting::Offset(by),
            ClockSetting::Offset(offset) => ClockSetting::Offset(offset + by),
            ClockSetting::Frozen(at) => ClockSetting::Frozen(at + by),
        };
        self.set(mode);
        mode
    }

    /// Waits until this clock shows `due`. A clock that is moved is read again at once; a frozen one waits to be moved.
    pub async fn reaches(&self, due: Timestamp) {
        loop {
            let moved = self.moved.notified();
            let left = due.since(self.now());
            if left == Span::ZERO {
                return;
            }
            if matches!(self.mode(), ClockSetting::Frozen(_)) {
                moved.await;
            } else {
                tokio::select! {
                    () = moved => {}
                    () = pause(left) => {}
                }
            }
        }
    }

    /// Waits until somebody moves the clock.
    pub async fn is_moved(&self) {
        self.moved.notified().await;
    }
}

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is the one file that reads the wall")]
pub fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn wall() -> Timestamp {
    Timestamp::from_millis(wall_us().div_euclid(1000))
}

/// Waits in the machine's time, whatever the sandbox's clock shows: for limits on sockets and for back-off.
#[expect(clippy::disallowed_methods, reason = "this is the one file that sleeps")]
pub(crate) async fn pause(span: Span) {
    tokio::time::sleep(span.std()).await;
}

/// The future's value, or `None` when it takes longer than `limit` of the machine's time.
pub(crate) async fn within<T>(limit: Span, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit.std(), future).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let clock = Clock::new(ClockSetting::Frozen(noon()));
        assert_eq!(clock.now(), noon());
        clock.advance(Span::from_minutes(60));
        assert_eq!(clock.now(), noon() + Span::from_minutes(60));
    }

    #[test]
    fn modes_read_as_in_the_configuration() {
        let read = |text: &str| serde_json::from_str::<ClockSetting>(text).unwrap();
        assert_eq!(read("\"real\""), ClockSetting::Real);
        assert_eq!(read("{\"offset\": \"PT2H\"}"), ClockSetting::Offset(Span::from_minutes(120)));
        assert_eq!(read("{\"frozen\": \"2026-11-22T12:00:00Z\"}"), ClockSetting::Frozen(noon()));
    }

    #[tokio::test]
    async fn whoever_waits_for_an_instant_wakes_when_the_clock_is_moved_past_it() {
        let clock = std::sync::Arc::new(Clock::new(ClockSetting::Frozen(noon())));
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.reaches(noon() + Span::from_minutes(5)).await }
        });
        while !waiting.is_finished() {
            clock.advance(Span::from_minutes(3));
            tokio::task::yield_now().await;
        }
        waiting.await.unwrap();
    }
}
