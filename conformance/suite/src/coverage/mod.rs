//! The coverage table: requirement → end points, scenarios, rules, broken banks. A row is whole only by kept evidence.

mod evidence;
mod reach;
mod table;

pub use evidence::{Broken, Evidence, Honest};
pub use reach::{Goal, Reached, gaps, goals, reach_table};
pub use table::{Row, holes, requirements, table};
