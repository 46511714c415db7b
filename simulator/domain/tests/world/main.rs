//! The core played through its public face: every event goes through its journal form and back before it is folded.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod consent;
mod debts;
mod matters;
mod pension;
mod properties;
mod registries;
mod sign_in;
mod stage;
mod tokens;
