//! Consents (CNS-1 to CNS-5): asked, answered, kept with date, time, address, exact data, purposes and term, and ended.
//!
//! `requested → granted | refused | expired`, `granted → revoked | expired`. The citizen is told at every step; the bank
//! is told by a web-hook of every change. Nobody reads a person's data but by a standing consent.

use std::collections::BTreeMap;

use contract::consent::{ConsentRecord, ConsentState, Permission};
use contract::ids::Oid;
use contract::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::event::Fact;
use crate::identity::AuthorisationRequest;
use crate::refusal::Refusal;

/// The consent record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Its id.
    pub id: String,
    /// Where in its life it is.
    pub state: ConsentState,
    /// The client it belongs to.
    pub client_id: String,
    /// Whom it is about, by OID.
    pub person: i64,
    /// Consent type, such as `CREDIT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The first of `purposes`.
    pub purpose: String,
    /// All purposes.
    pub purposes: Vec<String>,
    /// Exactly the data that may be read: what was asked, and after the answer what was granted.
    pub scopes: Vec<String>,
    /// What may be done with the data.
    pub actions: Vec<String>,
    /// The name that the bank gave for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responsible_object: Option<String>,
    /// When the person was asked.
    pub requested_at: Timestamp,
    /// Unanswered, it ends here.
    pub answer_by: Timestamp,
    /// When the person agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<Timestamp>,
    /// When its time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Who ended it, where somebody did.
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

/// Who ended a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Revoker {
    /// The bank that held it.
    Bank,
    /// The citizen who gave it.
    Citizen,
}

impl Consent {
    /// Whether data may be read by it at this instant. The clock decides, not the entry that will record the end.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.state == ConsentState::Granted && self.expires_at.is_some_and(|end| now < end)
    }

    /// The state at an instant: a term that is over is over, also before the entry that will record it.
    pub fn state_at(&self, now: Timestamp) -> ConsentState {
        let lapsed = match self.state {
            ConsentState::Granted => self.expires_at.is_some_and(|end| end <= now),
            ConsentState::Requested => self.answer_by <= now,
            ConsentState::Refused | ConsentState::Expired | ConsentState::Revoked => false,
        };
        if lapsed { ConsentState::Expired } else { self.state }
    }

    /// The record as banks read it.
    pub fn record(&self, now: Timestamp) -> ConsentRecord {
        ConsentRecord {
            id: self.id.clone(),
            state: self.state_at(now),
            client_id: self.client_id.clone(),
            // A consent is only ever asked of a citizen of this world, whose OID was one.
            person: Oid::try_from(self.person).unwrap_or(NOBODY),
            purpose: self.purpose.clone(),
            purposes: self.purposes.clone(),
            scopes: self.scopes.clone(),
            actions: self.actions.clone(),
            granted_at: self.granted_at,
            expires_at: self.expires_at,
            kind: self.kind.clone(),
        }
    }
}

/// The number of no citizen.
pub(crate) const NOBODY: Oid = match Oid::new(i32::MAX) {
    Some(oid) => oid,
    None => panic!("the greatest number is positive"),
};

/// Asks the citizen: the request is recorded and told to them with all its limits (CNS-1).
pub(crate) fn request(
    draft: &mut Draft<'_, '_, '_>,
    asked: &AuthorisationRequest,
    permission: &Permission,
    answer_by: Timestamp,
) -> Consent {
    let consent = Consent {
        id: draft.uuid(),
        state: ConsentState::Requested,
        client_id: asked.client_id.clone(),
        person: draft.citizen.unwrap_or_default(),
        kind: permission.sysname.clone(),
        purpose: permission.purposes.first().cloned().unwrap_or_default(),
        purposes: permission.purposes.clone(),
        scopes: permission.scopes.clone(),
        actions: permission.actions.clone(),
        responsible_object: permission.responsible_object.clone(),
        requested_at: draft.now,
        answer_by,
        granted_at: None,
        expires_at: None,
        ended_at: None,
        revoked_by: None,
        ip: None,
        term: permission.term,
        flow: draft.flow.clone().unwrap_or_default(),
    };
    draft.tell(Fact::ConsentRequested { consent: Box::new(consent.clone()) });
    let text = format!(
        "{} просит согласие на доступ к вашим данным: {}. Цель: {}. Срок: до {} с момента согласия. Ответьте до {}.",
        draft.partner_name(&consent.client_id),
        data_list(&consent.scopes),
        purpose_list(&consent.purposes),
        term_text(consent.term),
        answer_by.to_russian(),
    );
    draft.notice("Запрос согласия", text);
    consent
}

/// The citizen agreed, to all that was asked or to a part (CNS-2, CNS-4).
pub(crate) fn grant(draft: &mut Draft<'_, '_, '_>, consent: &Consent, scopes: Vec<String>) -> Consent {
    let expires_at = draft.now + consent.term;
    let ip = draft.ip();
    let granted = Consent {
        state: ConsentState::Granted,
        granted_at: Some(draft.now),
        expires_at: Some(expires_at),
        scopes: scopes.clone(),
        ip: ip.clone(),
        ..consent.clone()
    };
    draft.tell(Fact::ConsentGranted { id: consent.id.clone(), granted_at: draft.now, expires_at, scopes, ip });
    let text = format!(
        "Вы дали согласие: {} может получать данные «{}». Цель: {}. Согласие действует до {}. Отозвать его можно в любое время в разделе «Согласия».",
        draft.partner_name(&consent.client_id),
        data_list(&granted.scopes),
        purpose_list(&granted.purposes),
        expires_at.to_russian(),
    );
    draft.notice("Согласие дано", text);
    tell_bank(draft, &granted);
    granted
}

/// The citizen said no (CNS-2).
pub(crate) fn refuse(draft: &mut Draft<'_, '_, '_>, consent: &Consent) {
    let ip = draft.ip();
    draft.tell(Fact::ConsentRefused { id: consent.id.clone(), ip });
    tell_bank(draft, &Consent { state: ConsentState::Refused, ..consent.clone() });
}

/// Time ended it: nobody answered, or the term is over.
pub(crate) fn expire(draft: &mut Draft<'_, '_, '_>, consent: &Consent) {
    let unanswered = consent.state == ConsentState::Requested;
    draft.tell(Fact::ConsentExpired { id: consent.id.clone(), unanswered });
    let name = draft.partner_name(&consent.client_id);
    if unanswered {
        draft.notice("Запрос согласия закрыт", format!("Запрос ({name}) остался без ответа и закрыт."));
    } else {
        draft.notice("Срок согласия истёк", format!("Срок вашего согласия ({name}) истёк, доступ к данным закрыт."));
    }
    tell_bank(draft, &Consent { state: ConsentState::Expired, ..consent.clone() });
}

/// The end at will of the citizen or of the bank (CNS-5). A bank's second call about the same end is no refusal.
pub(crate) fn revoke(draft: &mut Draft<'_, '_, '_>, id: &str, by: Revoker) -> Result<Consent, Refusal> {
    let Some(consent) = draft.world.consents.find(id) else { return Err(unknown(id)) };
    draft.partner = Some(consent.client_id.clone());
    draft.citizen = Some(consent.person);
    draft.flow = Some(consent.flow.clone());
    if !consent.stands(draft.now) {
        if by == Revoker::Bank && consent.state == ConsentState::Revoked {
            return Ok(consent.clone());
        }
        return Err(Refusal::new("consent-not-standing", "consent-not-standing")
            .check("state of the consent")
            .seen(consent.state_at(draft.now).as_str())
            .wanted("granted"));
    }
    draft.tell(Fact::ConsentRevoked { id: consent.id.clone(), by });
    let revoked =
        Consent { state: ConsentState::Revoked, ended_at: Some(draft.now), revoked_by: Some(by), ..consent.clone() };
    let name = draft.partner_name(&consent.client_id);
    let who = if by == Revoker::Citizen {
        "Вы отозвали согласие"
    } else {
        "Банк отказался от согласия"
    };
    draft.notice("Согласие отозвано", format!("{who} ({name}). Доступ к данным закрыт."));
    tell_bank(draft, &revoked);
    Ok(revoked)
}

pub(crate) fn unknown(id: &str) -> Refusal {
    Refusal::new("consent-unknown", "consent-unknown").check("consent id").seen(id).wanted("a consent of this client")
}

/// A change of a consent is told to the bank that holds it.
fn tell_bank(draft: &mut Draft<'_, '_, '_>, consent: &Consent) {
    // The record holds text, numbers and lists: nothing that JSON cannot say.
    let record = serde_json::to_value(consent.record(draft.now)).unwrap_or_default();
    let kind = format!("consent.{}", consent.state_at(draft.now).as_str());
    draft.hook(&consent.client_id, &kind, "consent", &record);
}

fn data_list(scopes: &[String]) -> String {
    let names = scopes.iter().map(|scope| contract::scope::find(scope).map_or(scope.as_str(), |known| known.ru));
    names.collect::<Vec<_>>().join("; ")
}

fn purpose_list(purposes: &[String]) -> String {
    let names = purposes.iter().map(|name| contract::consent::purpose(name).map_or(name.as_str(), |known| known.ru));
    names.collect::<Vec<_>>().join("; ")
}

fn term_text(term: Span) -> String {
    let minutes = term.seconds() / 60;
    match (minutes / 1440, minutes / 60, minutes) {
        (days, _, _) if days > 0 => format!("{days} дн."),
        (_, hours, _) if hours > 0 => format!("{hours} ч."),
        (_, _, minutes) => format!("{minutes} мин."),
    }
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consents {
    by_id: BTreeMap<String, Consent>,
}

impl Consents {
    /// The one of this id.
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
    pub(crate) fn holders<'a>(
        &'a self,
        person: i64,
        scope: &'a str,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Consent> {
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
