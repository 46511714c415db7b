//! Whether the `timestamp` of a signed request can be read and lies within the window, and what happened to it if not.

use contract::time::{Span, Timestamp};
use domain::Refusal;

use super::causes;
use crate::oauth::params::Params;

const FORM: &str = "yyyy.MM.dd HH:mm:ss Z, for example 2026.11.22 13:00:29 +0300";
const UNREADABLE: &str = "ESIA-007014";
const WRONG: &str = "ESIA-007015";

/// The instant of the request.
pub fn check(params: &Params, now: Timestamp, window: Span) -> Result<Timestamp, Refusal> {
    let Some(param) = params.param("timestamp") else {
        return Err(causes::PARAMETER_MISSING.refuse(UNREADABLE, "", "[timestamp]"));
    };
    let text = param.value.as_str();
    let at = Timestamp::from_esia(text).map_err(|_| unreadable(text, &param.raw))?;
    let off = at.millis() - now.millis();
    if off.abs() <= window.millis() {
        return Ok(at);
    }
    Err(outside(text, off, now, window))
}

fn unreadable(text: &str, raw: &str) -> Refusal {
    let seen = format!("{text:?}");
    let tail: Vec<char> = text.chars().rev().take(5).collect();
    let four_digits = tail.len() == 5 && tail[..4].iter().all(char::is_ascii_digit);
    // `…:29  0300`: the blank before the digits was the plus sign.
    if four_digits && tail[4] == ' ' && Timestamp::from_esia(&restored(text)).is_ok() {
        let seen = format!("{seen}, raw {raw:?}");
        return causes::TIMESTAMP_PLUS_LOST.refuse(UNREADABLE, seen, "[timestamp] with %2B0300");
    }
    if Timestamp::from_esia(&format!("{text} +0000")).is_ok() {
        return causes::TIMESTAMP_WITHOUT_ZONE.refuse(UNREADABLE, seen, format!("[timestamp] {FORM}"));
    }
    causes::TIMESTAMP_UNREADABLE.refuse(UNREADABLE, seen, format!("[timestamp] {FORM}"))
}

/// The text with the plus sign that a URL turned into a blank.
fn restored(text: &str) -> String {
    match text.char_indices().rev().nth(4) {
        Some((at, ' ')) => format!("{}+{}", &text[..at], &text[at + 1..]),
        _ => text.to_owned(),
    }
}

fn outside(text: &str, off: i64, now: Timestamp, window: Span) -> Refusal {
    let seconds = off / 1000;
    let way = if off > 0 { "ahead" } else { "behind" };
    let seen = format!("{text:?}: {} seconds {way} of the portal's clock", seconds.abs());
    let wanted = format!("within {} seconds of {}", window.seconds(), now.to_esia());
    // Off by whole hours (or halves), as far as zones reach: the time of one zone under the sign of another.
    let half_hours = (off as f64 / 1_800_000.0).round() as i64;
    let rest = (off - half_hours * 1_800_000).abs();
    let cause = if half_hours != 0 && half_hours.abs() <= 28 && rest <= window.millis().min(60_000) {
        causes::TIMESTAMP_ZONE_WRONG
    } else {
        causes::CLOCK_OFF
    };
    cause.refuse(WRONG, seen, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(text: &str) -> String {
        let now = Timestamp::from_esia("2026.11.22 13:00:29 +0300").unwrap();
        let params = Params::of([("timestamp", text)]);
        match check(&params, now, Span::from_minutes(10)) {
            Ok(_) => "fine".to_owned(),
            Err(refusal) => refusal.cause,
        }
    }

    #[test]
    fn each_mistake_has_its_name() {
        for (text, name) in [
            ("2026.11.22 13:00:29 +0300", "fine"),
            ("2026.11.22 10:05:00 +0000", "fine"),
            ("2026.11.22 13:00:29  0300", "timestamp-plus-lost"),
            ("2026.11.22 13:00:29", "timestamp-without-zone"),
            ("2026-11-22T10:00:29Z", "timestamp-unreadable"),
            ("2026.11.22 13:00:29 +0000", "timestamp-zone-wrong"),
            ("2026.11.22 12:40:29 +0300", "clock-off"),
            ("2026.11.21 13:00:29 +0300", "clock-off"),
        ] {
            assert_eq!(cause(text), name, "{text}");
        }
    }
}
