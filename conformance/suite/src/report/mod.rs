//! The report: one model, and its readers.

pub(crate) mod digest;
mod folder;
pub(crate) mod har;
mod html;
mod junit;
pub mod model;
mod plain;
#[cfg(test)]
pub(crate) mod sample;
mod schema;
mod show;
mod text;

pub use folder::{read, write};
pub use html::html;
pub use junit::junit;
pub use model::Report;
pub use show::show;
pub use text::Look;
