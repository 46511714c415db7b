//! The journal: an append-only, hash-chained record, which is also the store. Each sandbox keeps a [`Book`] of its own;
//! all books of a portal share one place where lines are kept, memory or an SQLite file.
//!
//! A line is visible, and a reply leaves, only once its line is durable. Personal values stand beside the chain: the
//! line holds a salted commitment, so that value and salt can be erased (CNS-6) and the chain still holds.

pub mod book;
pub(crate) mod chain;
pub(crate) mod store;

pub use book::{Book, Line};
pub use chain::Broken;
pub use store::{Store, StoreError};
