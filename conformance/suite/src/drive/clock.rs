//! Time moves at the portal and at the bank together; nobody waits.

use contract::time::Span;
use serde_json::json;

use super::lane::Lane;
use super::play::Play;
use crate::error::SuiteError;
use crate::scenario::model::ClockStep;

pub(crate) async fn step(lane: &Lane, play: &Play, step: &ClockStep, index: usize) -> Result<(), SuiteError> {
    let by: Span = step.advance.value.parse().map_err(|_| {
        SuiteError::new(format!("`{}` is not a span of time", step.advance.value), "write PT2H or P30D")
    })?;
    play.act("clock", "advance", Some(index), json!({"by": by}));
    // The bank first: what falls due at the portal (events, expiries) must meet a bank that lives at that time already.
    let offset = lane.agency.clock.advance(by);
    if let Err(silence) = lane.driver.clock(offset, lane.patience()).await {
        play.unmet(Some(index), format!("the bank's clock could not be moved: it {silence}"), Vec::new());
    }
    lane.sandbox.advance(by).await?;
    Ok(())
}
