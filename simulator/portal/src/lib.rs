//! The portal's edge: it listens, proves who calls, asks the domain, signs what it decided and records every exchange.

pub mod clock;
pub mod config;
pub mod edge;
pub mod entropy;
pub mod faults;
pub mod portal;
