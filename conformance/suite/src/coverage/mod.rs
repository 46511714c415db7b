//! The coverage table: requirement → end points, scenarios, rules, broken banks. A row is whole only by kept evidence.

mod evidence;
mod table;

pub use evidence::{Broken, Evidence, Honest};
pub use table::{Row, holes, requirements, table};
