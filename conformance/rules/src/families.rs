//! The rule book itself: a file per theme, each a table of rules.

use crate::rule::Rule;

/// The themes in the catalogue's order.
pub const ALL: &[&[Rule]] = &[];
