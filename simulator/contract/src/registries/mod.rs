//! The record of each registry as it travels in `/api/v1`: money in integer kopecks, days in ISO 8601.

pub mod debts;
pub mod pension;
