//! Scenario files: the language in which a behaviour is driven. `scenarios/README.md` tells it to authors.

mod actions;
pub(crate) mod fill;
mod library;
mod lint;
pub(crate) mod model;
pub(crate) mod parse;
mod source;
pub(crate) mod words;

use serde_json::Value;

pub use library::Listed;
pub(crate) use library::{Filed, Library};
pub use lint::Complaint;
pub use source::{Source, read_folder};

use crate::error::SuiteError;

/// Every scenario, in order of the files.
pub fn list(sources: &[Source]) -> Result<Vec<Listed>, SuiteError> {
    Library::sound(sources).map(|library| library.listed())
}

/// Everything that is wrong with the files, in order of place.
pub fn lint(sources: &[Source]) -> Vec<Complaint> {
    Library::read(sources).1
}

/// JSON Schema of a scenario file, for editors.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(model::Scenario).to_value();
    schema["$id"] = Value::from("https://stend.example/schemas/scenario-1.json");
    schema
}

pub use actions::schema as actions_schema;
