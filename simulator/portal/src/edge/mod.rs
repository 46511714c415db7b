//! The portal's outer skin: TLS, who calls, limits, and the recording of every exchange.

pub mod caller;
pub(crate) mod exchange;
mod hello;
pub(crate) mod listen;
pub mod record;
pub mod tls;
