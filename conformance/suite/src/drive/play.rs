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

/// Keeps flows of different people at the portal until all of them are there, so that steps at the same time do overlap
/// however fast one of them is; then lets them back to the bank one after another, whoever was named first goes first. So
/// a bank that keeps one place for the flow under way, the first or the last one, shows it every time.
#[derive(Debug)]
pub(crate) struct Gate(tokio::sync::watch::Sender<Waiting>);

#[derive(Debug)]
struct Waiting {
    /// Not yet at the portal.
    missing: BTreeSet<String>,
    /// In whose turn the browsers return.
    turns: Vec<String>,
}

impl Gate {
    pub(crate) fn of(people: &[String]) -> Self {
        let missing = people.iter().cloned().collect();
        let mut turns: Vec<String> = Vec::new();
        for who in people {
            if !turns.contains(who) {
                turns.push(who.clone());
            }
        }
        Self(tokio::sync::watch::Sender::new(Waiting { missing, turns }))
    }

    /// This person's step has ended: nobody waits for it any longer.
    pub(crate) fn leave(&self, person: &str) {
        self.0.send_modify(|waiting| {
            waiting.missing.remove(person);
            waiting.turns.retain(|who| who != person);
        });
    }

    /// Until everybody is there and it is this person's turn, no longer than `within`.
    pub(crate) async fn pass(&self, person: &str, within: Duration) {
        self.0.send_modify(|waiting| {
            waiting.missing.remove(person);
        });
        let mut waiting = self.0.subscribe();
        let may_go = |waiting: &Waiting| {
            let is_next = waiting.turns.first().is_none_or(|next| next == person);
            waiting.missing.is_empty() && (is_next || !waiting.turns.iter().any(|who| who == person))
        };
        // In vain: the flow goes on by itself, and what overlapped is judged by what was recorded.
        let _ = clock::bounded(within, waiting.wait_for(may_go)).await;
    }
}

/// A citizen in the case.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Shared: whoever only looks somebody up does not copy a whole life.
    pub(crate) person: Arc<Person>,
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
            Arc::make_mut(&mut member.person).customer = Some(handle.clone());
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
    async fn a_gate_opens_when_everybody_is_there_and_lets_the_first_go_first() {
        let gate = Gate::of(&["anna", "boris"].map(str::to_owned));
        let long = Duration::from_secs(600);
        let order = Mutex::new(Vec::new());
        let go = async |who: &str| {
            gate.pass(who, long).await;
            order.lock().unwrap().push(who.to_owned());
            gate.leave(who);
        };
        tokio::join!(go("boris"), go("anna"));
        assert_eq!(*order.lock().unwrap(), ["anna", "boris"]);
    }

    #[tokio::test]
    async fn who_ended_before_is_not_waited_for() {
        let gate = Gate::of(&["anna", "boris"].map(str::to_owned));
        gate.leave("anna");
        gate.pass("boris", Duration::from_secs(600)).await;
        let gate = Gate::of(&["anna", "boris"].map(str::to_owned));
        gate.pass("anna", Duration::ZERO).await;
        assert_eq!(gate.0.borrow().missing.iter().collect::<Vec<_>>(), ["boris"]);
    }
}
