//! Message ids: UUIDs of version 1 in lower-case hex, whose clock is that of the sender.

use contract::time::{Span, Timestamp};

/// An id older than this is not taken any more.
pub(super) const STALE: Span = Span::from_days(2);
/// Between 1582-10-15, from which such clocks count, and 1970, in units of 100 ns.
const GREGORIAN: i64 = 0x01B2_1DD2_1381_4000;

/// What an id turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Version 1, with its clock in Unix seconds.
    Clock(i64),
    /// A UUID of another version.
    Version(u8),
    /// None.
    Wrong,
}

pub(super) fn form(id: &str) -> Form {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let fits = id.len() == 36
        && id
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { hex(byte) });
    if !fits {
        return Form::Wrong;
    }
    let part = |from: usize, to: usize| i64::from_str_radix(id.get(from..to).unwrap_or_default(), 16).unwrap_or(0);
    let version = part(14, 15);
    let variant = part(19, 20);
    if !(8..12).contains(&variant) {
        return Form::Wrong;
    }
    if version != 1 {
        return Form::Version(u8::try_from(version).unwrap_or(0));
    }
    let ticks = (part(15, 18) << 48) | (part(9, 13) << 32) | part(0, 8);
    Form::Clock((ticks - GREGORIAN).div_euclid(10_000_000))
}

/// An id of version 1 for an instant; `tail` are digits that make it unique.
pub(super) fn make(at: Timestamp, tail: &str) -> String {
    let digit = |place: usize| tail.as_bytes().get(place).copied().map_or('0', char::from);
    let below: i64 = tail.get(..6).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let ticks = at.seconds() * 10_000_000 + GREGORIAN + below;
    let node: String = (6..18).map(digit).collect();
    let clock: String = (18..21).map(digit).collect();
    format!("{:08x}-{:04x}-1{:03x}-8{clock}-{node}", ticks & 0xffff_ffff, (ticks >> 32) & 0xffff, (ticks >> 48) & 0xfff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_an_id_is_read() {
        // From a published message of the exchange.
        assert_eq!(form("c232ab00-9414-11ec-b3c8-9f6bdeced846"), Form::Clock(1_645_557_742));
        assert_eq!(form("C232AB00-9414-11EC-B3C8-9F6BDECED846"), Form::Wrong);
        assert_eq!(form("6f1d2c1e-8f0a-4c35-9d55-0c8b9d4d7a11"), Form::Version(4));
        assert_eq!(form("c232ab00-9414-11ec-f3c8-9f6bdeced846"), Form::Wrong);
        assert_eq!(form(""), Form::Wrong);
    }

    #[test]
    fn an_id_that_was_made_tells_its_time() {
        let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let made = make(noon, "123456789012345678901");
        assert_eq!(form(&made), Form::Clock(noon.seconds()));
        assert_ne!(made, make(noon, "223456789012345678901"));
    }
}
