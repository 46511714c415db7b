//! The rule book: pure functions over a recorded trace.

pub mod finding;
pub mod rule;
pub mod trace;
