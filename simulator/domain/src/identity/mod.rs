//! Signing in: from the bank's request to the code, and from the code to tokens.

pub(crate) mod begin;
pub(crate) mod exchange;
mod flow;
pub(crate) mod sign_in;

pub use flow::{AuthorisationRequest, Challenge, Flow, Identity, IssuedCode, Protocol, Session, Stage, Step, Verdict};
