//! One playing of one case: what is known so far, and the recording as it grows. Steps may go on at the same time, so
//! everything changes behind one short lock that is never held over a wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::adapter::{Outcome, Report};
use contract::control::FaultAsk;
use rules::trace::{Act, Event, Person, Probe, Reported, Unmet, What};
use serde_json::{Map, Value, json};
use url::Url;

use super::browser::Browser;
use crate::clock;
use crate::report::model::StepResult;
use crate::scenario::fill::{self, Name};

/// A case being played.
#[derive(Debug, Default)]
pub(crate) struct Play {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) events: Vec<Event>,
    pub(crate) people: BTreeMap<String, Member>,
    pub(crate) saved: Map<String, Value>,
    pub(crate) flows: BTreeMap<String, Flow>,
    /// Named operations of the case → idempotency id.
    pub(crate) operations: BTreeMap<String, String>,
    /// Lies armed: id, slug.
    pub(crate) armed: Vec<(String, String)>,
    /// Lies to be armed when a browser is about to return to the bank.
    pub(crate) at_callback: Vec<FaultAsk>,
    pub(crate) attack: Option<Attack>,
    pub(crate) unmet: Vec<Unmet>,
    pub(crate) steps: Vec<StepResult>,
    /// Something did not answer in time.
    pub(crate) timed_out: bool,
    /// Where the people of steps at the same time wait for each other.
    pub(crate) gate: Option<Arc<Gate>>,
}

/// Keeps flows of different people at the portal until all of them are there, so that steps at the same time do overlap,
/// however fast one of them is. Who has ended without coming this way is waited for no longer.
#[derive(Debug)]
pub(crate) struct Gate {
    missing: tokio::sync::watch::Sender<BTreeSet<String>>,
}

impl Gate {
    pub(crate) fn of(people: BTreeSet<String>) -> Self {
        Self { missing: tokio::sync::watch::Sender::new(people) }
    }

    /// This person is there, or will never be.
    pub(crate) fn arrive(&self, person: &str) {
        self.missing.send_if_modified(|missing| missing.remove(person));
    }

    /// Until everybody is there, no longer than `within`.
    pub(crate) async fn pass(&self, person: &str, within: Duration) {
        self.arrive(person);
        let mut missing = self.missing.subscribe();
        // In vain: the flow goes on by itself, and what overlapped is judged by what was recorded.
        let _ = clock::bounded(within, missing.wait_for(BTreeSet::is_empty)).await;
    }
}

/// A citizen in the case.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) person: Person,
    pub(crate) browser: Arc<Browser>,
    pub(crate) moods: VecDeque<Mood>,
    /// The last address of the bank to which the portal sent this browser.
    pub(crate) callback: Option<Url>,
}

/// What a person will do at the next page that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mood {
    pub(crate) act: String,
    pub(crate) left: u32,
    pub(crate) grant: Option<Vec<String>>,
}

/// Meddling that waits for the victim's browser to return to the bank.
#[derive(Clone, Debug)]
pub(crate) enum Attack {
    FreshBrowser { victim: String, step: usize },
    InjectCode { victim: String, owner: String, step: usize },
}

/// A flow at the bank.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) action: String,
    pub(crate) operation: String,
    pub(crate) person: Option<String>,
    pub(crate) params: Value,
    pub(crate) step: Option<usize>,
    pub(crate) last: Option<Report>,
    /// Where the person was sent last, and went.
    pub(crate) visited: Option<String>,
}

impl Play {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not hide what was recorded.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_state(self) -> State {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn act(&self, actor: &str, what: &str, step: Option<usize>, data: Value) {
        let act = Act { actor: actor.to_owned(), what: what.to_owned(), step, data };
        self.event(What::Act(act));
    }

    pub(crate) fn event(&self, what: What) {
        let wall_us = match &what {
            What::Exchange(exchange) => exchange.started_us,
            What::Journal(entry) => entry.wall_us,
            _ => clock::wall_us(),
        };
        self.state().events.push(Event { wall_us, what });
    }

    /// What was expected and did not happen.
    pub(crate) fn unmet(&self, step: Option<usize>, message: impl Into<String>, evidence: Vec<String>) {
        self.state().unmet.push(Unmet { step, message: message.into(), evidence });
    }

    pub(crate) fn reported(&self, flow: &str, report: &Report) {
        let mut state = self.state();
        let Some(known) = state.flows.get_mut(flow) else { return };
        if known.last.as_ref() == Some(report) {
            return;
        }
        known.last = Some(report.clone());
        let reported = Reported {
            step: known.step,
            action: known.action.clone(),
            flow: flow.to_owned(),
            operation: known.operation.clone(),
            person: known.person.clone(),
            report: report.clone(),
            params: known.params.clone(),
        };
        let person = known.person.clone();
        if let (Some(handle), Some(person)) = (&report.customer, person)
            && let Some(member) = state.people.get_mut(&person)
        {
            member.person.customer = Some(handle.clone());
        }
        state.events.push(Event { wall_us: clock::wall_us(), what: What::Reported(reported) });
    }

    pub(crate) fn probe(&self, question: &str, about: Value, answer: Option<Value>, when: &str, person: Option<&str>) {
        let probe = Probe {
            question: question.to_owned(),
            about,
            answer,
            when: when.to_owned(),
            person: person.map(str::to_owned),
        };
        self.event(What::Probe(probe));
    }

    /// Keeps the answer of a step under its name: values, and beside them what else is known of it.
    pub(crate) fn save(&self, name: &str, flow: &str, report: &Report) {
        let mut kept = report.values.clone();
        for (key, value) in [
            ("flow", json!(flow)),
            ("outcome", json!(report.outcome)),
            ("customer", json!(report.customer)),
            ("reason", json!(report.reason)),
        ] {
            kept.entry(key.to_owned()).or_insert(value);
        }
        self.state().saved.insert(name.to_owned(), Value::Object(kept));
    }

    /// What `{name}` stands for now.
    pub(crate) fn lookup(&self, name: &Name) -> Option<Value> {
        let state = self.state();
        if let Some(saved) = state.saved.get(&name.root) {
            // The name alone means the flow.
            return if name.way.is_empty() { saved.get("flow").cloned() } else { fill::follow(saved, &name.way) };
        }
        let member = state.people.get(&name.root)?;
        match name.way.as_slice() {
            [] => Some(Value::from(member.person.slug.as_str())),
            [one] if one == "customer" => member.person.customer.clone().map(Value::from),
            way => fill::follow(&member.person.view, way),
        }
    }

    pub(crate) fn member(&self, name: &str) -> Option<Member> {
        self.state().people.get(name).cloned()
    }

    /// The mood for a page of this kind, used up by one.
    pub(crate) fn mood(&self, person: &str, fits: &[&str]) -> Option<Mood> {
        let mut state = self.state();
        let member = state.people.get_mut(person)?;
        let at = member.moods.iter().position(|mood| fits.contains(&mood.act.as_str()))?;
        let mood = member.moods.get_mut(at)?;
        mood.left = mood.left.saturating_sub(1);
        let taken = mood.clone();
        if taken.left == 0 {
            member.moods.remove(at);
        }
        Some(taken)
    }

    /// Exchanges that the people's browsers recorded, into the recording.
    pub(crate) fn gather(&self) {
        let browsers: Vec<Arc<Browser>> = self.state().people.values().map(|member| member.browser.clone()).collect();
        for exchange in browsers.iter().flat_map(|browser| browser.take_seen()) {
            self.event(What::Exchange(exchange));
        }
    }
}

impl Flow {
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.last.as_ref().map(|report| report.outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_gate_opens_when_everybody_is_there_or_has_ended() {
        let both = || Gate::of(["anna", "boris"].map(str::to_owned).into());
        let long = Duration::from_secs(600);
        let gate = both();
        tokio::join!(gate.pass("anna", long), gate.pass("boris", long));
        let gate = both();
        tokio::join!(gate.pass("anna", long), async { gate.arrive("boris") });
        let gate = both();
        gate.pass("anna", Duration::ZERO).await;
        assert_eq!(gate.missing.borrow().iter().collect::<Vec<_>>(), ["boris"]);
    }
}
