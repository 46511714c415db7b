//! What a recording says, read once for all rules.

use crate::trace::Trace;

/// A recording, read.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The recording itself.
    pub trace: &'a Trace,
}

/// A lie that the portal told.
#[derive(Debug)]
pub struct Lie<'a> {
    /// Its slug.
    pub fault: &'a str,
}

/// A flow of the bank, as the adapter names it.
#[derive(Debug)]
pub struct Flow<'a> {
    /// Its id.
    pub id: &'a str,
}

impl<'a> Reading<'a> {
    /// Reads a recording.
    pub fn of(trace: &'a Trace) -> Self {
        Self { trace }
    }
}
