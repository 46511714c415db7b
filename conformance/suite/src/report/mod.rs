//! The report: one model, and its readers.

pub mod model;
mod store;

pub use model::Report;
pub(crate) use store::{read, write};
