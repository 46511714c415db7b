//! The record of each registry as it travels in `/api/v1`: money in integer kopecks, days in ISO 8601.

pub mod debts;
pub mod duties;
pub mod estate;
pub mod holdings;
pub mod income;
pub mod insurance;
pub mod offers;
pub mod pension;
pub mod recommendations;
pub mod state_payments;
pub mod subsidies;
pub mod tax;
