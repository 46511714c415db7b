//! Money: integer kopecks, never a float.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// An amount in kopecks of the Russian rouble. On the wire a JSON integer.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From whole kopecks.
    pub const fn from_kopecks(kopecks: i64) -> Self {
        Self(kopecks)
    }

    /// Whole kopecks.
    pub const fn kopecks(self) -> i64 {
        self.0
    }

    /// `self` less `percent` per cent, the rest rounded down to whole kopecks.
    pub const fn less_percent(self, percent: i64) -> Self {
        Self(self.0 - self.0 * percent / 100)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// `1 234,56 ₽`, as a citizen reads it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = (self.0.unsigned_abs() / 100).to_string();
        let mut grouped = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push('\u{a0}');
            }
            grouped.push(digit);
        }
        let sign = if self.0 < 0 { "−" } else { "" };
        write!(out, "{sign}{grouped},{:02}\u{a0}₽", self.0.unsigned_abs() % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_a_citizen_reads_it() {
        assert_eq!(Money::from_kopecks(123_456_789).to_string(), "1\u{a0}234\u{a0}567,89\u{a0}₽");
        assert_eq!(Money::from_kopecks(-5).to_string(), "−0,05\u{a0}₽");
    }

    #[test]
    fn a_discount_rounds_down() {
        assert_eq!(Money::from_kopecks(1001).less_percent(25), Money::from_kopecks(751));
    }
}
