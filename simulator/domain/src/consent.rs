//! Consents (CNS-1 to CNS-5): asked, answered, kept with date, time, address, exact data, purposes and term, and ended.
//!
//! `requested → granted | refused | expired`, `granted → revoked | expired`. The citizen is told at every step; the bank
//! is told by a web-hook of every change. Nobody reads a person's data but by a standing consent.

use std::collections::BTreeMap;

use contract::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::Fact;

/// What a bank asks for at `v2/ac` (`permissions`, one object of the array). Members are optional here so that a
/// missing one is refused with its own code and not as malformed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Consent type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sysname: Option<String>,
    #[serde(default, rename = "responsibleObject", skip_serializing_if = "Option::is_none")]
    pub responsible_object: Option<String>,
    /// Minutes from approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire: Option<i64>,
    #[serde(default)]
    pub actions: Vec<Named>,
    #[serde(default)]
    pub purposes: Vec<Named>,
    #[serde(default)]
    pub scopes: Vec<Named>,
}

/// `{"sysname": …}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub sysname: String,
}

/// The consent record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub id: String,
    pub state: ConsentState,
    pub client_id: String,
    pub person: i64,
    /// Consent type, such as `CREDIT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The first of `purposes`.
    pub purpose: String,
    pub purposes: Vec<String>,
    /// Exactly the data that may be read: what was asked, and after the answer what was granted.
    pub scopes: Vec<String>,
    pub actions: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responsible_object: Option<String>,
    pub requested_at: Timestamp,
    /// Unanswered, it ends here.
    pub answer_by: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<Revoker>,
    /// The address from which the person answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// How long it is to stand from approval.
    pub term: Span,
    /// The authorisation in which it was asked.
    pub flow: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsentState {
    Requested,
    Granted,
    Refused,
    Expired,
    Revoked,
}

impl ConsentState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Revoker {
    Bank,
    Citizen,
}

impl Consent {
    /// Whether data may be read by it at this instant. The clock decides, not the entry that will record the end.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.state == ConsentState::Granted && self.expires_at.is_some_and(|end| now < end)
    }
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consents {
    by_id: BTreeMap<String, Consent>,
}

impl Consents {
    pub fn find(&self, id: &str) -> Option<&Consent> {
        self.by_id.get(id)
    }

    /// A person's consents, the oldest first.
    pub fn of_person(&self, person: i64) -> Vec<&Consent> {
        let mut found: Vec<&Consent> = self.by_id.values().filter(|consent| consent.person == person).collect();
        found.sort_by(|one, other| (one.requested_at, &one.id).cmp(&(other.requested_at, &other.id)));
        found
    }

    /// The newest standing consent of a person for a client.
    pub fn standing(&self, client_id: &str, person: i64, now: Timestamp) -> Option<&Consent> {
        self.by_id
            .values()
            .filter(|consent| consent.client_id == client_id && consent.person == person && consent.stands(now))
            .max_by(|one, other| (one.granted_at, &one.id).cmp(&(other.granted_at, &other.id)))
    }

    /// Standing consents about a person that cover a scope, whoever holds them.
    pub(crate) fn holders<'a>(&'a self, person: i64, scope: &'a str, now: Timestamp) -> impl Iterator<Item = &'a Consent> {
        self.by_id.values().filter(move |consent| {
            consent.person == person && consent.stands(now) && consent.scopes.iter().any(|held| held == scope)
        })
    }

    /// Consents with the instant at which time ends them.
    pub(crate) fn due(&self) -> impl Iterator<Item = (Timestamp, &Consent)> {
        self.by_id.values().filter_map(|consent| match consent.state {
            ConsentState::Requested => Some((consent.answer_by, consent)),
            ConsentState::Granted => consent.expires_at.map(|end| (end, consent)),
            ConsentState::Refused | ConsentState::Expired | ConsentState::Revoked => None,
        })
    }

    pub(crate) fn apply(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::ConsentRequested { consent } => {
                self.by_id.insert(consent.id.clone(), (**consent).clone());
            }
            Fact::ConsentGranted { id, granted_at, expires_at, scopes, ip } => {
                if let Some(consent) = self.by_id.get_mut(id) {
                    consent.state = ConsentState::Granted;
                    consent.granted_at = Some(*granted_at);
                    consent.expires_at = Some(*expires_at);
                    consent.scopes.clone_from(scopes);
                    consent.ip.clone_from(ip);
                }
            }
            Fact::ConsentRefused { id, ip } => {
                self.end(id, ConsentState::Refused, at);
                if let Some(consent) = self.by_id.get_mut(id) {
                    consent.ip.clone_from(ip);
                }
            }
            Fact::ConsentExpired { id, .. } => self.end(id, ConsentState::Expired, at),
            Fact::ConsentRevoked { id, by } => {
                self.end(id, ConsentState::Revoked, at);
                if let Some(consent) = self.by_id.get_mut(id) {
                    consent.revoked_by = Some(*by);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, id: &str, state: ConsentState, at: Timestamp) {
        if let Some(consent) = self.by_id.get_mut(id) {
            consent.state = state;
            consent.ended_at = Some(at);
        }
    }
}
