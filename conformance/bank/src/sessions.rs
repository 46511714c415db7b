//! The bank's own sessions: an unguessable value in a cookie that scripts cannot read, bound to the flows that this
//! browser began. Signing in gives the browser a new value, so that one planted before is worth nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::draw::Draw;

const COOKIE: &str = "__Host-bank";

#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// Flows that this browser began, oldest first.
    pub(crate) flows: Vec<String>,
    /// The customer who is signed in.
    pub(crate) customer: Option<String>,
}

impl Sessions {
    /// The session of a request, if its cookie names a live one.
    pub(crate) fn of(&self, headers: &http::HeaderMap) -> Option<String> {
        let value = cookie(headers)?;
        self.all().contains_key(&value).then_some(value)
    }

    pub(crate) fn begin(&self, draw: &Draw) -> String {
        let id = draw.token();
        self.all().insert(id.clone(), Session::default());
        id
    }

    pub(crate) fn read(&self, id: &str) -> Option<Session> {
        self.all().get(id).cloned()
    }

    pub(crate) fn add_flow(&self, id: &str, flow: &str) {
        if let Some(session) = self.all().get_mut(id) {
            session.flows.retain(|known| known != flow);
            session.flows.push(flow.to_owned());
        }
    }

    /// Signs a customer in under a new value; the flows of the browser go along.
    pub(crate) fn sign_in(&self, id: &str, customer: &str, draw: &Draw) -> String {
        let fresh = draw.token();
        let mut all = self.all();
        let mut session = all.remove(id).unwrap_or_default();
        session.customer = Some(customer.to_owned());
        all.insert(fresh.clone(), session);
        fresh
    }

    pub(crate) fn is_alive(&self, customer: &str) -> bool {
        self.all().values().any(|session| session.customer.as_deref() == Some(customer))
    }

    pub(crate) fn end_of(&self, customer: &str) {
        self.all().retain(|_, session| session.customer.as_deref() != Some(customer));
    }

    pub(crate) fn clear(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn set_cookie(id: &str) -> String {
    format!("{COOKIE}={id}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

fn cookie(headers: &http::HeaderMap) -> Option<String> {
    let lines = headers.get_all(http::header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_changes_the_value_and_keeps_the_flows() {
        let (sessions, draw) = (Sessions::default(), Draw::default());
        let before = sessions.begin(&draw);
        sessions.add_flow(&before, "f-1");
        let after = sessions.sign_in(&before, "c-1", &draw);
        assert_ne!(before, after);
        assert!(sessions.read(&before).is_none());
        assert_eq!(sessions.read(&after).unwrap().flows, ["f-1"]);
        assert!(sessions.is_alive("c-1"));
        sessions.end_of("c-1");
        assert!(!sessions.is_alive("c-1"));
    }
}
