//! Waiting for a condition: a flow's end, or entries of the portal's journal.

use contract::journal::kinds;
use serde_json::json;

use super::bank;
use super::lane::Lane;
use super::play::Play;
use crate::clock::Pace;
use crate::error::SuiteError;
use crate::scenario::model::AwaitStep;

pub(crate) async fn step(lane: &Lane, play: &Play, step: &AwaitStep, index: usize) -> Result<(), SuiteError> {
    if let Some(flow) = &step.flow {
        let wanted = step.outcome.as_ref().map(|words| words.value.0.clone()).unwrap_or_default();
        bank::wait(lane, play, &flow.value, &wanted, index).await?;
    }
    let Some(kind) = &step.journal else { return Ok(()) };
    let wanted = step.count.unwrap_or(1);
    let citizen = step.person.as_ref().and_then(|who| play.member(&who.value)).map(|member| member.person.oid);
    let mut pace = Pace::within(lane.patience_for_entries(None));
    loop {
        lane.collect().await?;
        let seen = lane.count(&kind.value, citizen, play);
        if seen >= wanted {
            lane.entries_came(true);
            break;
        }
        if !pace.again().await {
            lane.entries_came(false);
            play.state().timed_out = true;
            let message =
                format!("`{}` was to stand in the journal {wanted} times, and stands there {seen} times", kind.value);
            play.unmet(Some(index), message, Vec::new());
            break;
        }
    }
    if kind.value == kinds::HOOK_FAILED {
        // Between the event that the bank turned away and the honest one: what does it think of the consents now?
        lane.ask_consents(play, "step").await;
    }
    play.act("suite", "awaited", Some(index), json!({"journal": kind.value}));
    Ok(())
}
