//! Instants, days and spans as values. The wall clock is read in one file of the portal only; everything else is
//! handed a [`Timestamp`]. The calendar library stays behind these types.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant, in milliseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 with `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A length of time in milliseconds, never negative. Written as ISO 8601 (`PT5S`, `P30D`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

/// A calendar day without a zone. Written `2026-11-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(jiff::civil::Date);

/// Text that is not an instant, a day or a span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read {text:?} as {wanted}")]
pub struct TimeError {
    text: String,
    wanted: &'static str,
}

/// The calendar library panics on spans beyond its range; nothing here is longer than this.
const MOST_DAYS: i32 = 7_000_000;

fn refused(text: &str, wanted: &'static str) -> TimeError {
    TimeError { text: text.to_owned(), wanted }
}

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * 1000)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded towards the past: the form of `iat` and `exp`.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Span {
        Span((self.0 - earlier.0).max(0))
    }

    /// The day in Moscow (UTC+3), where the portal keeps its calendar.
    pub fn day(self) -> Day {
        Day(self.zoned(3).date())
    }

    /// Reads the form of the ESIA `timestamp` parameter, `2025.09.02 13:00:29 +0300` (ESIA guidelines, request signing).
    pub fn from_esia(text: &str) -> Result<Self, TimeError> {
        jiff::fmt::strtime::parse("%Y.%m.%d %H:%M:%S %z", text)
            .and_then(|broken| broken.to_timestamp())
            .map(|instant| Self(instant.as_millisecond()))
            .map_err(|_| refused(text, "yyyy.MM.dd HH:mm:ss Z"))
    }

    /// Writes the form of the ESIA `timestamp` parameter in Moscow time.
    pub fn to_esia(self) -> String {
        self.zoned(3).strftime("%Y.%m.%d %H:%M:%S %z").to_string()
    }

    /// Writes the form of HTTP dates (RFC 9110 §5.6.7).
    pub fn to_http(self) -> String {
        self.zoned(0).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Writes `22.11.2026 13:05` in Moscow time, as a citizen reads it.
    pub fn to_russian(self) -> String {
        self.zoned(3).strftime("%d.%m.%Y %H:%M").to_string()
    }

    fn zoned(self, hours: i8) -> jiff::Zoned {
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        instant.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(hours)))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * 1000)
    }

    /// From minutes.
    pub const fn from_minutes(minutes: i64) -> Self {
        Self(minutes * 60_000)
    }

    /// From days of 24 hours.
    pub const fn from_days(days: i64) -> Self {
        Self(days * 86_400_000)
    }

    /// Milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// As the standard library's duration.
    pub const fn std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.unsigned_abs())
    }
}

impl Day {
    /// A day from its parts, or `None` when the calendar has no such day.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        jiff::civil::Date::new(year, month, day).ok().map(Self)
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The month, from 1.
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// The day of the month, from 1.
    pub fn day(self) -> i8 {
        self.0.day()
    }

    /// The day `days` later (earlier when negative), saturating at the ends of the calendar.
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(days.clamp(-MOST_DAYS, MOST_DAYS))))
    }

    /// The same day of a later (earlier) month, or the last day of that month where it is shorter.
    pub fn plus_months(self, months: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().months(months.clamp(-MOST_DAYS / 31, MOST_DAYS / 31))))
    }

    /// Whole years between `self` and a later day: a person's age.
    pub fn years_until(self, later: Self) -> i16 {
        let years = later.year() - self.year();
        if (later.month(), later.day()) < (self.month(), self.day()) { years - 1 } else { years }
    }

    /// Midnight of this day in Moscow.
    pub fn midnight(self) -> Timestamp {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(3));
        self.0.to_zoned(zone).map(|z| Timestamp(z.timestamp().as_millisecond())).unwrap_or_default()
    }

    /// Writes `22.11.2026`, the form of ESIA's REST data.
    pub fn to_esia(self) -> String {
        format!("{:02}.{:02}.{:04}", self.day(), self.month(), self.year())
    }

    /// Reads `22.11.2026`.
    pub fn from_esia(text: &str) -> Result<Self, TimeError> {
        let wanted = "dd.MM.yyyy";
        let parts: Vec<&str> = text.split('.').collect();
        let [day, month, year] = parts.as_slice() else { return Err(refused(text, wanted)) };
        let day = day.parse().map_err(|_| refused(text, wanted))?;
        let month = month.parse().map_err(|_| refused(text, wanted))?;
        let year = year.parse().map_err(|_| refused(text, wanted))?;
        Self::new(year, month, day).ok_or_else(|| refused(text, wanted))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        write!(out, "{instant}")
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        text.parse::<jiff::Timestamp>()
            .map(|instant| Self(instant.as_millisecond()))
            .map_err(|_| refused(text, "an RFC 3339 instant"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0 / 86_400_000;
        let rest = jiff::SignedDuration::from_millis(self.0 % 86_400_000);
        match (days, rest.is_zero()) {
            (0, _) => write!(out, "{rest}"),
            (_, true) => write!(out, "P{days}D"),
            (_, false) => write!(out, "P{days}D{}", rest.to_string().trim_start_matches('P')),
        }
    }
}

impl FromStr for Span {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let wanted = "an ISO 8601 duration such as PT5S or P30D";
        // The calendar library also reads "5 seconds"; files and wires carry ISO 8601 only.
        if !text.starts_with('P') {
            return Err(refused(text, wanted));
        }
        let span: jiff::Span = text.parse().map_err(|_| refused(text, wanted))?;
        let total = span
            .total((jiff::Unit::Millisecond, jiff::SpanRelativeTo::days_are_24_hours()))
            .map_err(|_| refused(text, wanted))?;
        if total < 0.0 { Err(refused(text, wanted)) } else { Ok(Self(total as i64)) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

impl FromStr for Day {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        text.parse().map(Self).map_err(|_| refused(text, "a day such as 2026-11-22"))
    }
}

macro_rules! as_text {
    ($($name:ident: $format:literal),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
            }
        }
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "format": $format})
            }
        }
    )*};
}
as_text!(Timestamp: "date-time", Span: "duration", Day: "date");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn esia_timestamp_reads_and_writes() {
        let instant = Timestamp::from_esia("2025.09.02 13:00:29 +0300").unwrap();
        assert_eq!(instant.to_string(), "2025-09-02T10:00:29Z");
        assert_eq!(instant.to_esia(), "2025.09.02 13:00:29 +0300");
        assert!(Timestamp::from_esia("2025.09.02 13:00:29  0300").is_err());
    }

    #[test]
    fn spans_read_and_write() {
        for text in ["PT5S", "P30D", "PT2H", "PT10M"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert!("5 seconds".parse::<Span>().is_err());
        assert_eq!("P1DT1H".parse::<Span>().unwrap(), Span::from_minutes(25 * 60));
    }

    #[test]
    fn days_count_ages() {
        let born = Day::from_esia("29.02.2000").unwrap();
        assert_eq!(born.years_until(Day::new(2026, 2, 28).unwrap()), 25);
        assert_eq!(born.years_until(Day::new(2026, 3, 1).unwrap()), 26);
        assert_eq!(born.to_string(), "2000-02-29");
    }
}
