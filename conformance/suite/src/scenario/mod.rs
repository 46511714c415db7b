//! Scenario files: the language in which a behaviour is driven.

mod source;

pub use source::{Source, read_folder};
