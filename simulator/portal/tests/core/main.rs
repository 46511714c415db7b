//! The portal's core over real sockets: started on free ports, asked as its neighbours ask.

mod basics;
mod lies;
mod running;
