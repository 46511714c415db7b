//! Web-hooks to the banks: an outbox. A body is fixed when it is queued and its id is stable over retries; the edge
//! signs and sends, and tells the outcome back as a command. Retries back off and are bounded.

use std::collections::{BTreeMap, BTreeSet};

use contract::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::event::Fact;
use crate::reply::Reply;

/// What is to be delivered, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Its id.
    pub id: String,
    /// The client it belongs to.
    pub client_id: String,
    /// `consent.granted`, `consent.refused`, `consent.revoked`, `consent.expired`, or `debt.changed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whom it concerns, by OID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizen: Option<i64>,
    /// Where it goes.
    pub url: String,
    /// The very bytes that are sent, at every attempt.
    pub body: String,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Where in its life it is.
    pub state: HookState,
    /// Deliveries tried so far.
    pub attempts: Vec<Delivery>,
}

/// Where a hook stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", content = "at")]
pub enum HookState {
    /// To be sent at this instant or later.
    Due(Timestamp),
    /// The receiver took it then.
    Delivered(Timestamp),
    /// Given up.
    Dead(Timestamp),
}

/// One attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// When.
    pub at: Timestamp,
    /// Absent when nothing answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// Waits between attempts; after the last the hook is given up.
const BACK_OFF: [Span; 7] = [
    Span::from_seconds(1),
    Span::from_seconds(5),
    Span::from_seconds(30),
    Span::from_minutes(2),
    Span::from_minutes(10),
    Span::from_minutes(60),
    Span::from_minutes(360),
];

/// When to try again after attempt number `attempt` (from 1) failed.
pub(crate) fn next_attempt(attempt: usize, now: Timestamp) -> Option<Timestamp> {
    attempt.checked_sub(1).and_then(|place| BACK_OFF.get(place)).map(|wait| now + *wait)
}

/// The receiver took it.
pub(crate) fn delivered(draft: &mut Draft<'_, '_, '_>, id: String, status: u16) -> Reply {
    if let Some(attempt) = attempt(draft, &id) {
        draft.tell(Fact::HookDelivered { id, status, attempt });
    }
    Reply::Done
}

/// The receiver refused it or was not there: it is tried again later, or given up.
pub(crate) fn failed(draft: &mut Draft<'_, '_, '_>, id: String, status: Option<u16>) -> Reply {
    if let Some(attempt) = attempt(draft, &id) {
        let next = next_attempt(attempt, draft.now);
        draft.tell(Fact::HookFailed { id, attempt, status, next });
    }
    Reply::Done
}

/// The number of the attempt that has just been made; nothing for a hook that is not on its way.
fn attempt(draft: &mut Draft<'_, '_, '_>, id: &str) -> Option<usize> {
    let hook = draft.world.hooks.find(id).filter(|hook| matches!(hook.state, HookState::Due(_)))?;
    draft.partner = Some(hook.client_id.clone());
    draft.citizen = hook.citizen;
    Some(hook.attempts.len() + 1)
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hooks {
    by_id: BTreeMap<String, Hook>,
    /// Ids in the order of queueing: a bank hears of changes in the order they happened.
    order: Vec<String>,
    /// Places in the order of those that are still to be sent: few, however long the log grows.
    waiting: BTreeSet<usize>,
}

impl Hooks {
    /// The one of this id.
    pub fn find(&self, id: &str) -> Option<&Hook> {
        self.by_id.get(id)
    }

    /// The delivery log, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Hook> {
        self.order.iter().filter_map(|id| self.by_id.get(id))
    }

    /// What is to be sent by now, in the order of queueing.
    pub fn due(&self, now: Timestamp) -> Vec<&Hook> {
        self.waiting().filter(|hook| matches!(hook.state, HookState::Due(at) if at <= now)).collect()
    }

    fn waiting(&self) -> impl Iterator<Item = &Hook> {
        self.waiting.iter().filter_map(|place| self.by_id.get(self.order.get(*place)?))
    }

    /// Takes off the list what has been delivered or given up.
    fn strike(&mut self, id: &str) {
        let place = self.waiting.iter().copied().find(|place| self.order.get(*place).is_some_and(|known| known == id));
        if let Some(place) = place {
            self.waiting.remove(&place);
        }
    }

    /// When the next delivery falls due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.waiting().filter_map(|hook| if let HookState::Due(at) = hook.state { Some(at) } else { None }).min()
    }

    pub(crate) fn apply(&mut self, at: Timestamp, partner: Option<&str>, citizen: Option<i64>, fact: &Fact) {
        match fact {
            Fact::HookQueued { id, kind, due, url, body } => {
                let hook = Hook {
                    id: id.clone(),
                    client_id: partner.unwrap_or_default().to_owned(),
                    kind: kind.clone(),
                    citizen,
                    url: url.clone(),
                    body: body.clone().unwrap_or_default(),
                    queued_at: at,
                    state: HookState::Due(*due),
                    attempts: vec![],
                };
                self.waiting.insert(self.order.len());
                self.order.push(id.clone());
                self.by_id.insert(id.clone(), hook);
            }
            Fact::HookDelivered { id, status, .. } => {
                if let Some(hook) = self.by_id.get_mut(id) {
                    hook.attempts.push(Delivery { at, status: Some(*status) });
                    hook.state = HookState::Delivered(at);
                }
                self.strike(id);
            }
            Fact::HookFailed { id, status, next, .. } => {
                if let Some(hook) = self.by_id.get_mut(id) {
                    hook.attempts.push(Delivery { at, status: *status });
                    hook.state = next.map_or(HookState::Dead(at), HookState::Due);
                }
                if next.is_none() {
                    self.strike(id);
                }
            }
            _ => {}
        }
    }
}
