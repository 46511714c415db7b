//! The bank: asked to do something, taken through the browser where it says so, observed until its word is final.

use std::time::Duration;

use contract::adapter::{ActionCall, Outcome, Report};
use serde_json::{Value, json};

use super::adapter::Silence;
use super::citizen::{self, End};
use super::lane::Lane;
use super::play::{Flow, Play};
use crate::clock::Pace;
use crate::error::SuiteError;
use crate::scenario::model::BankStep;

/// Addresses that one flow may send the person to.
const VISITS: usize = 5;

pub(crate) async fn step(
    lane: &Lane,
    play: &Play,
    step: &BankStep,
    index: usize,
    lied: bool,
) -> Result<String, SuiteError> {
    let action = step.action.value.as_str();
    let person = step.person.as_ref().map(|who| who.value.clone());
    let flow = lane.name_flow();
    let operation = match &step.operation {
        None => lane.name_operation(),
        Some(name) => {
            let mut state = play.state();
            state.operations.entry(name.clone()).or_insert_with(|| lane.name_operation()).clone()
        }
    };
    let customer = person.as_ref().and_then(|name| play.member(name)).and_then(|member| member.person.customer.clone());
    let call = ActionCall { flow: flow.clone(), operation: operation.clone(), customer, params: step.with.clone() };
    let params = Value::Object(step.with.clone());
    let asked = json!({"flow": flow, "operation": operation, "person": person, "params": params});
    let started = Flow {
        action: action.to_owned(),
        operation,
        person: person.clone(),
        params,
        step: Some(index),
        last: None,
        visited: None,
    };
    play.state().flows.insert(flow.clone(), started);
    play.act("bank", action, Some(index), asked);
    let patience = lane.patience();
    let first = lane.driver.action(action, &call, patience).await;
    let report = match first {
        Ok(report) => {
            play.reported(&flow, &report);
            if step.leave {
                Some(report)
            } else {
                settle(lane, play, &flow, report, accepts_pending(step), Some(index)).await?
            }
        }
        Err(silence) => {
            silent(lane, play, action, &silence, Some(index));
            None
        }
    };
    if let Some(save) = &step.save {
        let kept = report.clone().unwrap_or_else(|| Report {
            outcome: Outcome::Error,
            reason: None,
            values: serde_json::Map::new(),
            customer: None,
            browser: None,
        });
        play.save(&save.value, &flow, &kept);
    }
    judge(play, step, index, &flow, report.as_ref(), lied);
    Ok(report.map_or_else(|| "no report".to_owned(), |report| said(&report)))
}

fn accepts_pending(step: &BankStep) -> bool {
    step.expect.as_ref().is_some_and(|expect| expect.outcome.value.0.iter().any(|word| word == "pending"))
}

/// Takes the person where the bank sends them, and asks the bank until its word is final.
async fn settle(
    lane: &Lane,
    play: &Play,
    flow: &str,
    first: Report,
    may_stay_pending: bool,
    step: Option<usize>,
) -> Result<Option<Report>, SuiteError> {
    let mut report = first;
    for _ in 0..VISITS {
        let mut unfinished = false;
        if report.outcome == Outcome::Pending
            && let Some(url) = fresh_address(play, flow, &report)
        {
            let person = play.state().flows.get(flow).and_then(|known| known.person.clone());
            let Some(person) = person else {
                play.unmet(step, "the bank wants a person, but the step names none", vec![format!("report:{flow}")]);
                return Ok(Some(report));
            };
            let end = citizen::visit(lane, play, &person, &url, step).await?;
            unfinished = matches!(end, End::Left | End::Stuck(_));
        }
        if report.outcome != Outcome::Pending {
            lane.answered();
            return Ok(Some(report));
        }
        // A person who left, or was left standing at the portal, ends nothing: one look is enough.
        let within = match (unfinished, may_stay_pending) {
            (true, _) => Duration::from_millis(150),
            (false, true) => lane.patience_for_entries(Some(Duration::from_millis(1500))),
            (false, false) => lane.patience(),
        };
        match observe(lane, play, flow, within).await {
            Some(seen) => report = seen,
            None => return Ok(None),
        }
        if report.outcome != Outcome::Pending {
            lane.answered();
        }
        if report.outcome == Outcome::Pending {
            if fresh_address(play, flow, &report).is_some() {
                continue;
            }
            if !unfinished && !may_stay_pending {
                lane.waited_in_vain();
                play.state().timed_out = true;
            }
            return Ok(Some(report));
        }
    }
    Ok(Some(report))
}

fn fresh_address(play: &Play, flow: &str, report: &Report) -> Option<String> {
    let url = report.browser.as_ref()?.url.clone();
    let mut state = play.state();
    let known = state.flows.get_mut(flow)?;
    if known.visited.as_deref() == Some(url.as_str()) {
        return None;
    }
    known.visited = Some(url.clone());
    Some(url)
}

/// Asks until the word is final, another address is named, or the time is up.
async fn observe(lane: &Lane, play: &Play, flow: &str, within: Duration) -> Option<Report> {
    let mut pace = Pace::within(within);
    let visited = play.state().flows.get(flow).and_then(|known| known.visited.clone());
    let mut last = None;
    loop {
        match lane.driver.observe(flow, lane.patience()).await {
            Ok(report) => {
                play.reported(flow, &report);
                let moved = report.browser.as_ref().is_some_and(|browser| visited.as_deref() != Some(&browser.url));
                let done = report.outcome != Outcome::Pending || moved;
                last = Some(report);
                if done {
                    return last;
                }
            }
            Err(silence) => {
                silent(lane, play, "observe", &silence, None);
                return last;
            }
        }
        if !pace.again().await {
            return last;
        }
    }
}

/// What the bank did not say, into the recording.
fn silent(lane: &Lane, play: &Play, call: &str, silence: &Silence, step: Option<usize>) {
    if matches!(silence, Silence::Late(_)) {
        lane.waited_in_vain();
        play.state().timed_out = true;
    }
    play.act("suite", "no-answer", step, json!({"call": call, "why": silence.to_string()}));
    let message = match silence {
        Silence::NotOffered(_) => format!("the bank claims `{call}` and {silence}"),
        _ => format!("the bank, asked for `{call}`, {silence}"),
    };
    play.unmet(step, message, Vec::new());
}

/// The step's expectation. Without one it is `ok`, unless a lie was told before.
fn judge(play: &Play, step: &BankStep, index: usize, flow: &str, report: Option<&Report>, lied: bool) {
    let Some(report) = report else { return };
    let evidence = vec![format!("report:{flow}")];
    let word = word(report.outcome);
    match &step.expect {
        Some(expect) => {
            if !expect.outcome.value.0.iter().any(|wanted| wanted == word) {
                let wanted = expect.outcome.value.0.join(" or ");
                let message =
                    format!("`{}` was to end {wanted}, and the bank says {}", step.action.value, said(report));
                play.unmet(Some(index), message, evidence);
            } else if let Some(reasons) = &expect.reason
                && report.outcome == Outcome::Refused
            {
                let class = report.reason.as_ref().map_or("none", |reason| reason.class.as_str());
                if !reasons.value.0.iter().any(|wanted| wanted == class) {
                    let wanted = reasons.value.0.join(" or ");
                    let message =
                        format!("`{}` was to be refused for {wanted}, the bank names {class}", step.action.value);
                    play.unmet(Some(index), message, evidence);
                }
            }
        }
        None if !lied && report.outcome != Outcome::Ok => {
            let message = format!("`{}` was to end ok, and the bank says {}", step.action.value, said(report));
            play.unmet(Some(index), message, evidence);
        }
        None => {}
    }
}

pub(crate) const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Error => "error",
        Outcome::Ok => "ok",
        Outcome::Pending => "pending",
        Outcome::Refused => "refused",
    }
}

pub(crate) fn said(report: &Report) -> String {
    match &report.reason {
        None => word(report.outcome).to_owned(),
        Some(reason) => {
            let text: String = reason.message.chars().take(120).collect();
            format!("{} ({}: {text})", word(report.outcome), reason.class.as_str())
        }
    }
}

/// A person takes up an address that was left before.
pub(crate) async fn go_on(lane: &Lane, play: &Play, flow: &str, index: usize) -> Result<(), SuiteError> {
    let last = play.state().flows.get(flow).and_then(|known| known.last.clone());
    let Some(last) = last else {
        play.unmet(Some(index), format!("no flow `{flow}` is known"), Vec::new());
        return Ok(());
    };
    settle(lane, play, flow, last, false, Some(index)).await?;
    Ok(())
}

/// Waits for a flow to end in one of these ways.
pub(crate) async fn wait(
    lane: &Lane,
    play: &Play,
    flow: &str,
    wanted: &[String],
    index: usize,
) -> Result<(), SuiteError> {
    let last = play.state().flows.get(flow).and_then(|known| known.last.clone());
    let Some(last) = last else {
        play.unmet(Some(index), format!("no flow `{flow}` is known"), Vec::new());
        return Ok(());
    };
    let pending = wanted.iter().any(|word| word == "pending");
    let seen = settle(lane, play, flow, last, pending, Some(index)).await?;
    let seen_word = seen.as_ref().map_or("no report", |report| word(report.outcome));
    if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == seen_word) {
        let seen = seen.as_ref().map_or_else(|| "no report".to_owned(), said);
        let message = format!("the flow was to end {}, and the bank says {seen}", wanted.join(" or "));
        play.unmet(Some(index), message, vec![format!("report:{flow}")]);
    }
    Ok(())
}
