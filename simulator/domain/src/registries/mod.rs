//! The registries: one file each, behind one seam. What is common to all of them happens here, once: authority (data
//! token, consent, scope, purposes), parameters, binding of the token to the question (CNS-3), the deferred answer,
//! pages, the journal. A registry answers honestly, as a value of its shape, or refuses.
//!
//! A new registry is its record in `contract/src/registries`, its file here and its line in [`REGISTRIES`]; REST in
//! three formats, both versions, OpenAPI and SOAP follow from [`RegistryMeta`].

mod duties;
mod estate;
pub(crate) mod income;
mod inquiry;
mod insurance;
mod offers;
mod recommendations;
pub(crate) mod state_payments;
mod subsidies;
pub(crate) mod tax;

use std::collections::BTreeMap;

use contract::citizen::Citizen;
use contract::shape::{Kind, Shape};
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::consent::Consent;
use crate::refusal::Refusal;
use crate::world::World;

pub(crate) use inquiry::{fetch, inquire};

/// A registry.
pub trait Registry: Sync {
    /// What it is and who may ask.
    fn meta(&self) -> &'static RegistryMeta;

    /// The honest answer, as a value of the meta's shape; a refusal where the question is wrong or authority is wanting.
    /// Token, consent, scope, purposes and the form of the parameters have been looked at. Long lists are given whole:
    /// pages are cut here.
    fn answer(&self, world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal>;
}

/// What a registry is.
#[derive(Debug)]
pub struct RegistryMeta {
    /// Path segment under `/api/v1`; stem of the SOAP roots.
    pub name: &'static str,
    /// The scope that a consent must cover.
    pub scope: &'static str,
    /// The record that it answers with.
    pub shape: &'static Shape,
    /// Parameters beside `person`, `purpose`, and `cursor` and `limit` where there are pages.
    pub params: &'static [Param],
    /// The purposes for which it may be asked, where the law names some.
    pub purposes: Option<&'static [&'static str]>,
    /// The list that comes in pages. The shape then has an optional text `next`, which the answer leaves out.
    pub pages: Option<&'static str>,
    /// For a Russian reader.
    pub ru: &'static str,
    /// For an English reader.
    pub en: &'static str,
    /// Ids of the requirements that it serves.
    pub requirement: &'static [&'static str],
    /// Of its XML, in SOAP and in `/api/v1`: `urn:stend:<name>:1.0`.
    pub namespace: &'static str,
}

/// A parameter.
#[derive(Debug)]
pub struct Param {
    /// Its name in the query.
    pub name: &'static str,
    /// What it holds: a scalar.
    pub kind: Kind,
    /// Whether a question without it is refused.
    pub required: bool,
    /// For a Russian reader.
    pub ru: &'static str,
    /// For an English reader.
    pub en: &'static str,
}

/// A question whose authority was proved.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry<'a> {
    /// Whom it is about.
    pub person: &'a Citizen,
    /// Who asks.
    pub client_id: &'a str,
    /// What for; one of the consent's purposes.
    pub purpose: &'a str,
    /// On what ground.
    pub consent: &'a Consent,
    /// What was asked, by name; each fits the kind of its [`Param`].
    pub params: &'a BTreeMap<String, String>,
    /// The sandbox's clock.
    pub now: Timestamp,
}

/// Which part of a long list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// How many rows; [`PAGE_SIZE`] where nobody says.
    pub limit: Option<usize>,
}

/// Rows on a page where nobody says how many.
pub const PAGE_SIZE: usize = 20;
/// The most rows on a page.
pub const MOST_ROWS: usize = 100;

/// Every registry of this seam, by name.
pub static REGISTRIES: &[&dyn Registry] = &[
    &duties::StateDuties,
    &estate::Estate,
    &income::Income,
    &insurance::Insurance,
    &offers::Offers,
    &recommendations::Advice,
    &state_payments::Payments,
    &subsidies::Feed,
    &tax::Tax,
];

/// The registry of this name.
pub fn registry(name: &str) -> Option<&'static dyn Registry> {
    REGISTRIES.iter().copied().find(|registry| registry.meta().name == name)
}

/// What a registry says.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "variants and fields bear the names of what they hold")]
pub enum FactsReply {
    Deferred {
        registry: &'static str,
        order: String,
        /// When the bank may ask (again).
        retry_at: Timestamp,
    },
    /// `next`, where the value has one, holds the cursor alone; the edge makes the relative address of it.
    Ready {
        registry: &'static str,
        /// A value of the registry's shape, under its first names.
        value: Box<Value>,
    },
}

/// A deferred question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsOrder {
    /// Its id.
    pub id: String,
    /// The registry asked.
    pub registry: String,
    /// The client it belongs to.
    pub client_id: String,
    /// Whom it is about, by OID.
    pub person: i64,
    /// The purpose named.
    pub purpose: String,
    /// The parameters. They stand beside the chain: an address or a cadastral number may be a person's.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// The answer is ready then.
    pub due: Timestamp,
}

impl Inquiry<'_> {
    /// A parameter, as its text.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// A parameter that was checked to be of its type.
    pub fn parsed<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.param(name).and_then(|text| text.parse().ok())
    }
}

/// The room: deferred questions of every registry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inquiries {
    orders: BTreeMap<String, Held>,
}

#[derive(Clone, Debug, PartialEq)]
struct Held {
    order: FactsOrder,
    /// The answer was given. It may be fetched again by another token, since the first delivery may have been lost; the
    /// same question asked anew is a new one.
    answered: bool,
}

impl Inquiries {
    /// The question of this id.
    pub fn order(&self, id: &str) -> Option<&FactsOrder> {
        self.orders.get(id).map(|held| &held.order)
    }

    pub(crate) fn apply(&mut self, fact: &crate::event::Fact) {
        use crate::event::Fact;
        match fact {
            Fact::FactsOrdered { order } => {
                self.orders.insert(order.id.clone(), Held { order: (**order).clone(), answered: false });
            }
            Fact::FactsRead { order: Some(order), .. } => {
                if let Some(held) = self.orders.get_mut(order) {
                    held.answered = true;
                }
            }
            _ => {}
        }
    }
}
