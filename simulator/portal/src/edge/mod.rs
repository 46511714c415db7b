//! The portal's outer skin: TLS, who calls, limits, and the recording of every exchange.

pub mod caller;
