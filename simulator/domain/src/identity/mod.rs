//! Signing in: from the bank's request to the code, and from the code to tokens.

mod flow;

pub use flow::{AuthorisationRequest, Challenge, Flow, Identity, IssuedCode, Protocol, Session, Stage, Step, Verdict};
