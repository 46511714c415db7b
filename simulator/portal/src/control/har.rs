//! The recorded exchanges as an HTTP archive (HAR 1.2), for the tools that read it.

use contract::har;
use serde_json::json;

use super::{Named, Problem};
use crate::edge::record::Page;
use crate::faults::Answer;

/// The latest so many exchanges.
const LATEST: usize = 5_000;

pub(super) async fn archive(Named(sandbox): Named) -> Result<Answer, Problem> {
    let failed = |error: std::io::Error| Problem::of("internal", error.to_string());
    let recorder = sandbox.recorder();
    let mut entries = Vec::new();
    let mut after = 0;
    loop {
        match recorder.page(after, 500).map_err(failed)? {
            Page::Gone { oldest } => after = oldest,
            Page::Exchanges { exchanges, .. } if exchanges.is_empty() => break,
            Page::Exchanges { exchanges, next } => {
                entries.extend(exchanges.iter().map(har::entry));
                let surplus = entries.len().saturating_sub(LATEST);
                entries.drain(..surplus);
                after = next;
            }
        }
    }
    let log = json!({"version": har::VERSION, "creator": har::creator(), "entries": entries});
    Ok(Answer::json(200, json!({"log": log})))
}
