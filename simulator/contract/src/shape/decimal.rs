//! Numbers with a fraction that are no money: an area, a rate. Kept as they were written, never a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Kind, Typed, fits};

/// A number with a fraction, as text: `54.3`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Decimal(String);

/// Text that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read a number such as 12.50")]
pub struct DecimalError;

impl Decimal {
    /// A number of this many tenths: an area in square metres is given so.
    pub fn from_tenths(tenths: i64) -> Self {
        let sign = if tenths < 0 { "-" } else { "" };
        let tenths = tenths.unsigned_abs();
        Self(format!("{sign}{}.{}", tenths / 10, tenths % 10))
    }

    /// A number of this many hundredths: a rate in per cent is given so.
    pub fn from_hundredths(hundredths: i64) -> Self {
        let sign = if hundredths < 0 { "-" } else { "" };
        let hundredths = hundredths.unsigned_abs();
        Self(format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Typed for Decimal {
    const KIND: Kind = Kind::Decimal;
}

impl FromStr for Decimal {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        if fits(Kind::Decimal, text) { Ok(Self(text.to_owned())) } else { Err(DecimalError) }
    }
}

impl TryFrom<String> for Decimal {
    type Error = DecimalError;
    fn try_from(text: String) -> Result<Self, DecimalError> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(number: Decimal) -> Self {
        number.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
