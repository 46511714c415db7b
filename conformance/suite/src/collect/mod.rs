//! Closing a recording: whose is what, and what was planted and found again.

pub(crate) mod canary;
pub(crate) mod owners;

pub(crate) use owners::{Owner, Owners};
