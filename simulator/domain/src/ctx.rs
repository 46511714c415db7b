//! What a decision may know of its surroundings: time and chance as values, and which exchange asked.

use contract::time::Timestamp;

/// Handed to [`crate::World::decide`] by the edge.
pub struct Ctx<'a> {
    /// The sandbox's clock.
    pub now: Timestamp,
    /// Chance.
    pub draw: &'a mut dyn Draw,
    /// The exchange that asked, when one did.
    pub exchange: Option<u64>,
    /// The address of the person's browser or of the bank.
    pub ip: Option<String>,
}

/// Chance. What was drawn always ends in an event, so a replay needs no generator.
pub trait Draw {
    /// A version 4 UUID in its usual text form.
    fn uuid(&mut self) -> String;
    /// `count` decimal digits.
    fn digits(&mut self, count: usize) -> String;
}
