//! The report: one model, and its readers.

pub mod model;

pub use model::Report;
