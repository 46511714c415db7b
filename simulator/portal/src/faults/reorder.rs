//! The lie `hook-reordered`: an event about a matter is held back until a later one about it was delivered. What comes then
//! is honest in itself: its own id, its own time, a good signature.

use std::sync::{Mutex, PoisonError};

use domain::Hook;
use serde_json::Value;

use super::matters::matter_event;
use super::{Hooks, Lie};
use crate::edge::caller::Caller;

pub(super) const SLUG: &str = "hook-reordered";

/// The events that are held back.
#[derive(Debug, Default)]
pub(crate) struct HeldBack(Mutex<Vec<Held>>);

#[derive(Clone, Debug)]
struct Held {
    hook: String,
    matter: String,
    lie: Lie,
}

/// Id and state of the matter that an event tells of.
fn matter_of(body: &str) -> Option<(String, String)> {
    let event: Value = serde_json::from_str(body).ok()?;
    let told = event.get(matter_event(&event)?.as_str())?;
    Some((told["id"].as_str()?.to_owned(), told["state"].as_str()?.to_owned()))
}

impl HeldBack {
    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Held>> {
        // Every change is one step, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hooks<'_> {
    /// Whether this event is not to be sent now.
    pub(crate) fn holds_back(&self, hook: &Hook) -> bool {
        let mut held = self.sandbox.held_back().all();
        if held.iter().any(|held| held.hook == hook.id) {
            return true;
        }
        let Some((matter, _)) =
            matter_of(&hook.body).filter(|(matter, _)| held.iter().all(|held| held.matter != *matter))
        else {
            return false;
        };
        let armed = self.sandbox.armed();
        let lies = armed.matching(0, hook.citizen, |slug| slug == SLUG);
        let Some(lie) = lies.into_iter().find(|lie| armed.take(&lie.id, 0)) else { return false };
        held.push(Held { hook: hook.id.clone(), matter, lie });
        true
    }

    /// The event that is to come after this one, which was delivered, and the lie for which it was held back.
    pub(crate) fn held_for(&self, hook: &Hook) -> Option<(String, Lie)> {
        let (matter, state) = matter_of(&hook.body)?;
        let mut held = self.sandbox.held_back().all();
        let comes = |held: &Held| held.matter == matter && held.lie.text("until").is_none_or(|until| until == state);
        let at = held.iter().position(comes)?;
        let Held { hook, lie, .. } = held.remove(at);
        Some((hook, lie))
    }

    /// Tells that an event comes late, in the exchange in which it does.
    pub(crate) fn comes_late(&self, caller: &Caller, lie: &Lie) {
        self.note_told(caller, lie, "after a later event");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_tells_of_which_matter_it_is() {
        let body = r#"{"id":"e","type":"order.changed","order":{"id":"o-1","state":"ready"}}"#;
        assert_eq!(matter_of(body), Some(("o-1".to_owned(), "ready".to_owned())));
        assert_eq!(matter_of(r#"{"type":"consent.granted","consent":{"id":"c","state":"granted"}}"#), None);
    }
}
