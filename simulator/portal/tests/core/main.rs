//! The portal's core over real sockets: started on free ports, asked as its neighbours ask.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod banking;
mod basics;
mod deliveries;
mod lies;
mod running;
mod stream;
