//! What portal and bank may both know: pure types and published documents, no I/O.

pub mod adapter;
pub mod citizen;
pub mod exchange;
pub mod journal;
pub mod money;
pub mod time;
