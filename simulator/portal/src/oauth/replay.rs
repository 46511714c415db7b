//! Which client assertions were seen: a `jti` serves once (RFC 7523 §3). Kept only while the assertion could still be
//! taken, so that memory stays bounded by the clients' own haste.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use contract::time::Timestamp;

/// The assertions of one sandbox.
#[derive(Debug, Default)]
pub struct Replays {
    seen: Mutex<BTreeMap<(String, String), Timestamp>>,
}

impl Replays {
    /// Remembers an assertion; false when it was there before.
    pub fn first(&self, client_id: &str, jti: &str, expires_at: Timestamp, now: Timestamp) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, until| *until > now);
        seen.insert((client_id.to_owned(), jti.to_owned()), expires_at).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::time::Span;

    #[test]
    fn an_assertion_serves_once_while_it_lives() {
        let (replays, now) = (Replays::default(), Timestamp::from_seconds(1000));
        let end = now + Span::from_seconds(60);
        assert!(replays.first("BANK01", "a", end, now));
        assert!(!replays.first("BANK01", "a", end, now));
        assert!(replays.first("BANK02", "a", end, now));
        assert!(replays.first("BANK01", "a", end + Span::from_seconds(60), end + Span::from_seconds(1)));
    }
}
