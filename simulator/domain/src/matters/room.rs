//! What is known of matters, folded from events.

use std::collections::{BTreeMap, BTreeSet};

use contract::matter::{
    Analytics, Attachment, By, MatterDocument, MatterKind, MatterReason, MatterStep, MetricItem, Offer,
};
use contract::time::{Day, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::document::IssuedDocument;
use crate::event::{Event, Fact};

/// A matter as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Matter {
    /// The portal's id.
    pub id: String,
    /// Its kind, whose lifecycle it follows.
    pub kind: MatterKind,
    /// A state of the lifecycle.
    pub state: String,
    /// The bank concerned.
    pub client_id: String,
    /// Whom it is about, by OID.
    pub person: i64,
    /// The purpose named when it was opened.
    pub purpose: String,
    /// SHA-256 (hex) of the idempotency key under which a bank opened it.
    pub key: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it came to this state.
    pub changed_at: Timestamp,
    /// When it moves on by itself.
    pub due: Option<Timestamp>,
    /// Registration number.
    pub number: Option<String>,
    /// Every state so far.
    pub history: Vec<MatterStep>,
    /// The kind's record; absent when its copy beside the journal was erased.
    pub details: Option<Value>,
    /// The details as the bank read them last (APP-3: the two copies agree).
    pub handed: Option<Value>,
    /// Why it was turned down.
    pub reason: Option<MatterReason>,
    /// The one-time code that it waits for, or waited for.
    pub code: Option<PassCode>,
}

/// A one-time code of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassCode {
    /// The operation as it was shown to the citizen; the code is for nothing else.
    pub operation: String,
    /// Gone after its use.
    pub code: Option<String>,
    /// Good until.
    pub expires_at: Timestamp,
    /// Tries left.
    pub left: u32,
    /// It served.
    pub used: bool,
}

/// The opening of a matter, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The portal's id.
    pub id: String,
    /// Its kind.
    pub kind: MatterKind,
    /// The first state.
    pub to: String,
    /// Who opened it.
    pub by: By,
    /// The bank concerned.
    pub client_id: String,
    /// Whom it is about, by OID.
    pub person: i64,
    /// The purpose named.
    pub purpose: String,
    /// SHA-256 (hex) of the idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Registration number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The kind's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

/// A file that the portal keeps, or knows to be kept at its edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Name, size, digest.
    #[serde(flatten)]
    pub file: Attachment,
    /// The client that may read it.
    pub client_id: String,
    /// Whose it is, by OID.
    pub person: i64,
    /// The matter that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<String>,
    /// Base64, for small ones; a large one lies at the edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// An offer with whom it was made to.
#[derive(Clone, Debug, PartialEq)]
pub struct Offered {
    /// Whom it was made to, by OID.
    pub person: i64,
    /// The offer.
    pub offer: Offer,
}

/// What was answered under an idempotency key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answered {
    pub(crate) body: String,
    pub(crate) value: Value,
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matters {
    by_id: BTreeMap<String, Matter>,
    answered: BTreeMap<(String, String), Answered>,
    documents: BTreeMap<String, IssuedDocument>,
    files: BTreeMap<String, KeptFile>,
    /// By person, client and month.
    analytics: BTreeMap<(i64, String, String), Analytics>,
    offers: Vec<Offered>,
    /// Whom not to bother; without a client: nobody may.
    declined: BTreeSet<(i64, Option<String>)>,
    metrics: Vec<(String, String, Vec<MetricItem>)>,
}

impl Matter {
    /// The answer about it, under the shape of its kind.
    pub fn answer(&self, documents: &[MatterDocument]) -> Value {
        let mut value = json!({
            "id": self.id, "kind": self.kind, "state": self.state, "created_at": self.created_at,
            "changed_at": self.changed_at, "details": self.details, "history": self.history, "documents": documents,
        });
        if let Some(members) = value.as_object_mut() {
            let mut put = |name: &str, held: Option<Value>| {
                if let Some(held) = held {
                    members.insert(name.to_owned(), held);
                }
            };
            put("due", self.due.map(|due| json!(due)));
            put("number", self.number.clone().map(Value::from));
            put("reason", self.reason.as_ref().map(|reason| json!(reason)));
        }
        value
    }

    /// The details as the record of the kind; an erased copy reads as nothing.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(self.details.clone()?).ok()
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.details.as_ref().and_then(|details| details[name].as_str()).unwrap_or_default()
    }

    fn born(at: Timestamp, opened: &Opened) -> Self {
        let mut matter = Self {
            id: opened.id.clone(),
            kind: opened.kind,
            state: opened.to.clone(),
            client_id: opened.client_id.clone(),
            person: opened.person,
            purpose: opened.purpose.clone(),
            key: opened.key.clone(),
            created_at: at,
            changed_at: at,
            due: None,
            number: opened.number.clone(),
            history: vec![],
            details: opened.details.clone(),
            handed: None,
            reason: None,
            code: None,
        };
        matter.enter(at, &opened.to, opened.by);
        matter
    }

    fn enter(&mut self, at: Timestamp, state: &str, by: By) {
        self.state = state.to_owned();
        self.changed_at = at;
        self.due = self.kind.lifecycle().timed(state).and_then(|step| step.after).map(|after| at + after);
        self.history.push(MatterStep { state: state.to_owned(), at, by });
    }

    /// Folds what concerns this one.
    pub(crate) fn fold(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::MatterMoved { to, by, reason, details, number, .. } => {
                self.enter(at, to, *by);
                self.reason.clone_from(reason);
                if details.is_some() {
                    self.details.clone_from(details);
                }
                if number.is_some() {
                    self.number.clone_from(number);
                }
            }
            Fact::MatterNoted { details, .. } => self.details.clone_from(details),
            Fact::MatterRead { .. } => self.handed.clone_from(&self.details),
            Fact::MatterCodeSent { operation, expires_at, code, tries, .. } => {
                self.code = Some(PassCode {
                    operation: operation.clone(),
                    code: code.clone(),
                    expires_at: *expires_at,
                    left: *tries,
                    used: false,
                });
            }
            Fact::MatterCodeAccepted { .. } => {
                if let Some(code) = &mut self.code {
                    (code.used, code.code) = (true, None);
                }
            }
            Fact::MatterCodeRejected { left, .. } => {
                if let Some(code) = &mut self.code {
                    code.left = *left;
                }
            }
            _ => {}
        }
    }

    pub(crate) fn new(at: Timestamp, opened: &Opened) -> Self {
        Self::born(at, opened)
    }
}

impl Matters {
    /// The one of this id.
    pub fn find(&self, id: &str) -> Option<&Matter> {
        self.by_id.get(id)
    }

    /// Every one.
    pub fn all(&self) -> impl Iterator<Item = &Matter> {
        self.by_id.values()
    }

    /// A person's, oldest first.
    pub fn of(&self, person: i64) -> Vec<&Matter> {
        let mut found: Vec<&Matter> = self.by_id.values().filter(|matter| matter.person == person).collect();
        found.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        found
    }

    /// An issued document.
    pub fn document(&self, id: &str) -> Option<&IssuedDocument> {
        self.documents.get(id)
    }

    /// The document that bears this code of checking.
    pub fn document_by_code(&self, code: &str) -> Option<&IssuedDocument> {
        self.documents.values().find(|document| document.code == code)
    }

    /// Those of a matter, or of a payment.
    pub fn documents_of<'a>(&'a self, matter: &'a str) -> impl Iterator<Item = &'a IssuedDocument> {
        self.documents.values().filter(move |document| document.matter == matter)
    }

    /// A kept file.
    pub fn file(&self, id: &str) -> Option<&KeptFile> {
        self.files.get(id)
    }

    /// What a client told of a person's spending in a month.
    pub fn analytics(&self, person: i64, client_id: &str, period: &str) -> Option<&Analytics> {
        self.analytics.get(&(person, client_id.to_owned(), period.to_owned()))
    }

    /// All that was told of a person's spending, by client.
    pub fn analytics_of(&self, person: i64) -> impl Iterator<Item = (&str, &Analytics)> {
        let held = self.analytics.iter().filter(move |((whose, ..), _)| *whose == person);
        held.map(|((_, client_id, _), analytics)| (client_id.as_str(), analytics))
    }

    /// Offers made to a person.
    pub fn offers_of(&self, person: i64) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(move |offered| offered.person == person).map(|offered| &offered.offer)
    }

    /// The person wants no marketing of this client.
    pub fn declined(&self, person: i64, client_id: &str) -> bool {
        self.declined.contains(&(person, None)) || self.declined.contains(&(person, Some(client_id.to_owned())))
    }

    /// Metrics as they came: client, period, items.
    pub fn metrics(&self) -> &[(String, String, Vec<MetricItem>)] {
        &self.metrics
    }

    /// The answer about a matter.
    pub fn answer(&self, matter: &Matter) -> Value {
        let documents: Vec<MatterDocument> = self.documents_of(&matter.id).map(IssuedDocument::listed).collect();
        matter.answer(&documents)
    }

    pub(crate) fn answered(&self, client_id: &str, key: &str) -> Option<&Answered> {
        self.answered.get(&(client_id.to_owned(), key.to_owned()))
    }

    pub(crate) fn due(&self) -> impl Iterator<Item = (Timestamp, &Matter)> {
        self.by_id.values().filter_map(|matter| matter.due.map(|due| (due, matter)))
    }

    /// Orders of a person by a client on a day.
    pub(crate) fn orders_on(&self, person: i64, client_id: &str, day: Day) -> usize {
        let same = |matter: &&Matter| {
            matter.kind == MatterKind::Order
                && matter.person == person
                && matter.client_id == client_id
                && matter.created_at.day() == day
        };
        self.by_id.values().filter(same).count()
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        match &event.fact {
            // Payments have a room of their own; their course is journalled like any other.
            Fact::MatterOpened { opened } if opened.kind != MatterKind::Payment => {
                self.by_id.insert(opened.id.clone(), Matter::born(event.at, opened));
            }
            Fact::MatterMoved { id, .. }
            | Fact::MatterNoted { id, .. }
            | Fact::MatterRead { id, .. }
            | Fact::MatterCodeSent { id, .. }
            | Fact::MatterCodeAccepted { id }
            | Fact::MatterCodeRejected { id, .. } => {
                if let Some(matter) = self.by_id.get_mut(id) {
                    matter.fold(event.at, &event.fact);
                }
            }
            Fact::MatterAnswered { key, body, id, value } => {
                let value = value.clone().or_else(|| self.by_id.get(id).map(|matter| self.answer(matter)));
                let client_id = event.partner.clone().unwrap_or_default();
                let answered = Answered { body: body.clone(), value: value.unwrap_or_default() };
                self.answered.insert((client_id, key.clone()), answered);
            }
            Fact::DocumentIssued { document } => {
                self.documents.insert(document.id.clone(), (**document).clone());
            }
            Fact::FileKept { kept } => {
                self.files.insert(kept.file.id.clone(), (**kept).clone());
            }
            Fact::AnalyticsTaken { analytics } => {
                let client_id = event.partner.clone().unwrap_or_default();
                let key = (analytics.person.wide(), client_id, analytics.period.clone());
                self.analytics.insert(key, (**analytics).clone());
            }
            Fact::OfferMade { offer } => {
                self.offers.push(Offered { person: event.citizen.unwrap_or_default(), offer: (**offer).clone() });
            }
            Fact::MarketingDeclined { client_id, declined } => {
                let whom = (event.citizen.unwrap_or_default(), client_id.clone());
                if *declined {
                    self.declined.insert(whom);
                } else {
                    self.declined.remove(&whom);
                }
            }
            Fact::MetricsTaken { period, items, .. } => {
                self.metrics.push((event.partner.clone().unwrap_or_default(), period.clone(), items.clone()));
            }
            _ => {}
        }
    }
}
