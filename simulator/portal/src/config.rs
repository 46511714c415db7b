//! What `serve` can be told: the configuration file of the contract, every key with a default.

use contract::time::Span;
use serde::{Deserialize, Serialize};

/// What the portal accepts beyond the letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    Lenient,
    #[default]
    Strict,
}

/// Every number that a rule leans on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub revocation_delay: Span,
    pub poll_interval: Span,
    pub clock_skew: Span,
    pub timestamp_window: Span,
    pub quiet_time: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            revocation_delay: Span::from_seconds(5),
            poll_interval: Span::from_seconds(1),
            clock_skew: Span::from_seconds(60),
            timestamp_window: Span::from_minutes(10),
            quiet_time: Span::from_seconds(1),
        }
    }
}
