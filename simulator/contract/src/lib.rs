//! What portal and bank may both know: pure types and published documents, no I/O.

pub mod adapter;
pub mod citizen;
pub mod control;
pub mod exchange;
pub mod ids;
pub mod journal;
pub mod money;
pub mod registries;
pub mod time;
