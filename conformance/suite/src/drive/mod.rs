//! Playing: a lane is one copy of the bank with a sandbox of its own; an actor each has a file.

pub(crate) mod adapter;
pub(crate) mod attacker;
pub(crate) mod awaiting;
pub(crate) mod bank;
pub(crate) mod browser;
pub(crate) mod citizen;
pub(crate) mod clock;
pub(crate) mod expect;
pub(crate) mod http;
pub(crate) mod lane;
pub(crate) mod matters;
pub(crate) mod pages;
pub(crate) mod partner;
pub(crate) mod play;
pub(crate) mod portal;
pub(crate) mod process;
pub(crate) mod runner;
pub(crate) mod stranger;
