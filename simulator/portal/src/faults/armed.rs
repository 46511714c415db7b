//! Which lies are armed, how often they may still be told, and what earlier flows left behind for lies to use.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use domain::{Event, Fact};
use serde_json::{Map, Value};

use super::answer::Answer;

/// How many flows and id tokens are remembered.
const REMEMBERED: usize = 256;

/// An armed lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Lie {
    pub id: String,
    pub slug: &'static str,
    /// Only in exchanges about this citizen.
    pub citizen: Option<i64>,
    /// The citizen's slug, as it was armed.
    pub citizen_slug: Option<String>,
    /// How often it will still be told; `None`: until removed.
    pub left: Option<u32>,
    pub told: u32,
    pub params: Map<String, Value>,
}

impl Lie {
    /// A whole number among the parameters, as a number or as text (tables of scenarios hold text).
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let value = self.params.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name)?.as_str()
    }
}

/// The lies of one sandbox.
#[derive(Debug, Default)]
pub struct Armed {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    lies: Vec<Lie>,
    /// Exchanges in which a lie was counted: a lie that shows in two places of one answer counts once.
    last_told: BTreeMap<String, u64>,
    flows: VecDeque<Remembered>,
    /// Latest honest id token by citizen.
    id_tokens: VecDeque<(i64, String)>,
    keys: Option<KeysLie>,
    /// The next page that a lie has promised, by the lie's id.
    pages: BTreeMap<String, Answer>,
}

#[derive(Clone, Debug)]
struct Remembered {
    flow: String,
    client_id: String,
    state: Option<String>,
    over: bool,
}

/// A lie about the key set that belongs to the id token signed last.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeysLie {
    pub(crate) lie: Lie,
    /// What the lie shows: keys to add, or a key to put in another's place.
    pub(crate) keys: Vec<Value>,
}

impl Armed {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn arm(&self, lie: Lie) {
        self.inner().lies.push(lie);
    }

    /// Takes a lie away; answers it when it was there.
    pub fn disarm(&self, id: &str) -> Option<Lie> {
        let mut inner = self.inner();
        let place = inner.lies.iter().position(|lie| lie.id == id)?;
        let lie = inner.lies.remove(place);
        inner.last_told.remove(id);
        inner.pages.remove(id);
        if inner.keys.as_ref().is_some_and(|keys| keys.lie.id == id) {
            inner.keys = None;
        }
        Some(lie)
    }

    /// Every lie that was armed and not removed, those told as often as they may included.
    pub fn list(&self) -> Vec<Lie> {
        self.inner().lies.clone()
    }

    pub fn is_empty(&self) -> bool {
        self.inner().lies.is_empty()
    }

    /// Lies among `slugs` that apply to this citizen, in the order of arming. A lie that was counted in this very
    /// exchange applies again, though it may have nothing left.
    pub(crate) fn matching(&self, exchange: u64, citizen: Option<i64>, fits: impl Fn(&str) -> bool) -> Vec<Lie> {
        let inner = self.inner();
        let here = |lie: &&Lie| {
            let again = exchange != 0 && inner.last_told.get(&lie.id) == Some(&exchange);
            (lie.left != Some(0) || again) && (lie.citizen.is_none() || lie.citizen == citizen) && fits(lie.slug)
        };
        inner.lies.iter().filter(here).cloned().collect()
    }

    /// Counts a lie as told in this exchange; false when it has nothing left, so that it must not be told.
    pub(crate) fn take(&self, id: &str, exchange: u64) -> bool {
        let mut inner = self.inner();
        if exchange != 0 && inner.last_told.get(id) == Some(&exchange) {
            return true;
        }
        let Some(lie) = inner.lies.iter_mut().find(|lie| lie.id == id) else { return false };
        match &mut lie.left {
            Some(0) => return false,
            Some(left) => *left -= 1,
            None => {}
        }
        lie.told += 1;
        inner.last_told.insert(id.to_owned(), exchange);
        true
    }

    /// Learns from what happened in the world.
    pub(crate) fn observe(&self, event: &Event) {
        let Some(flow) = &event.flow else { return };
        match &event.fact {
            Fact::AuthorisationBegun { request, .. } => {
                let mut inner = self.inner();
                inner.flows.push_back(Remembered {
                    flow: flow.clone(),
                    client_id: request.client_id.clone(),
                    state: request.state.clone(),
                    over: false,
                });
                if inner.flows.len() > REMEMBERED {
                    inner.flows.pop_front();
                }
            }
            Fact::CodeRedeemed { .. } | Fact::AuthorisationRefused { .. } => {
                if let Some(known) = self.inner().flows.iter_mut().find(|known| known.flow == *flow) {
                    known.over = true;
                }
            }
            _ => {}
        }
    }

    /// The latest `state` of another flow of the same client that is still under way, or that is over.
    pub(crate) fn other_state(&self, own: &str, over: bool) -> Option<String> {
        let inner = self.inner();
        let client_id = inner.flows.iter().find(|known| known.state.as_deref() == Some(own)).map(|own| &own.client_id);
        let fits = |known: &&Remembered| {
            known.over == over
                && known.state.as_deref() != Some(own)
                && client_id.is_none_or(|client_id| *client_id == known.client_id)
        };
        inner.flows.iter().rev().find(fits).and_then(|known| known.state.clone())
    }

    /// Keeps the honest id token of a citizen and answers the one before it.
    pub(crate) fn remember_id_token(&self, citizen: i64, token: &str) -> Option<String> {
        let mut inner = self.inner();
        let before = inner.id_tokens.iter().position(|(whose, _)| *whose == citizen);
        let before = before.and_then(|place| inner.id_tokens.remove(place)).map(|(_, token)| token);
        inner.id_tokens.push_back((citizen, token.to_owned()));
        if inner.id_tokens.len() > REMEMBERED {
            inner.id_tokens.pop_front();
        }
        before
    }

    pub(crate) fn set_keys_lie(&self, lie: Option<KeysLie>) {
        self.inner().keys = lie;
    }

    /// Keeps the page that a lie tells next, or forgets it.
    pub(crate) fn keep_page(&self, id: &str, page: Option<Answer>) {
        let mut inner = self.inner();
        match page {
            Some(page) => inner.pages.insert(id.to_owned(), page),
            None => inner.pages.remove(id),
        };
    }

    pub(crate) fn page_of(&self, id: &str) -> Option<Answer> {
        self.inner().pages.get(id).cloned()
    }

    pub(crate) fn keys_lie(&self) -> Option<KeysLie> {
        self.inner().keys.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lie(left: Option<u32>, citizen: Option<i64>) -> Lie {
        Lie { id: "1".into(), slug: "id-token-crit", citizen, citizen_slug: None, left, told: 0, params: Map::new() }
    }

    #[test]
    fn a_lie_is_told_as_often_as_it_was_armed_for() {
        let armed = Armed::default();
        armed.arm(lie(Some(1), None));
        assert!(armed.take("1", 10));
        assert!(armed.take("1", 10), "two places of one answer count once");
        assert!(!armed.take("1", 11));
        assert!(armed.matching(11, None, |_| true).is_empty());
    }

    #[test]
    fn a_lie_about_one_citizen_leaves_others_alone() {
        let armed = Armed::default();
        armed.arm(lie(None, Some(7)));
        assert!(armed.matching(1, Some(8), |_| true).is_empty());
        assert!(armed.matching(1, None, |_| true).is_empty());
        assert_eq!(armed.matching(1, Some(7), |_| true).len(), 1);
    }
}
