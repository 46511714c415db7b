//! Matters on the wire: what the portal answered about each, and what the bank shows of it.

use contract::adapter::Outcome;
use contract::matter::{Lifecycle, MatterKind};
use serde_json::Value;

use super::facts::{Service, decoded};
use super::{DataCall, Flow, Reading, wire};

/// An answer of the portal about a matter, as `/api/v1` names its members.
#[derive(Clone, Debug)]
pub struct Told<'r, 'a> {
    /// The call.
    pub call: &'r DataCall<'a>,
    /// The matter.
    pub matter: Value,
}

/// A matter as a flow of the bank shows it, with what the portal last said of it by then.
#[derive(Clone, Debug)]
pub struct MatterShown<'r, 'a> {
    /// The flow.
    pub flow: &'r Flow<'a>,
    /// As the bank shows it.
    pub shown: &'a Value,
    /// What the portal had said of it, oldest first; empty where it said nothing.
    pub told: Vec<Told<'r, 'a>>,
}

/// Lies that leave the matter as it is.
const HARMLESS: &[&str] = &["answer-extra-members", "hook-duplicated-matter", "matter-answer-lost-once"];

impl DataCall<'_> {
    /// The matter of a good and honest answer.
    pub fn matter(&self) -> Option<(&'static Lifecycle, Value)> {
        let lifecycle = self.lifecycle()?;
        let honest = self.exchange.faults.iter().all(|fault| HARMLESS.contains(&fault.as_str()));
        if !honest || !self.exchange.delivered || wire::status(self.exchange) / 100 != 2 {
            return None;
        }
        let (version, _) = self.place()?;
        let service = Service { name: lifecycle.plural, shape: lifecycle.kind.answer() };
        let body = self.exchange.response.as_ref()?.body.text();
        let matter = decoded(body, wire::got(self.exchange, "content-type"), version, &service)?;
        matter.get("id").is_some().then_some((lifecycle, matter))
    }
}

impl<'a> Reading<'a> {
    /// What the portal said of matters of a kind, in order.
    pub fn matters_told(&self, kind: MatterKind) -> Vec<Told<'_, 'a>> {
        let told = self.data_calls.iter().filter_map(|call| {
            let (lifecycle, matter) = call.matter()?;
            (lifecycle.kind == kind).then_some(Told { call, matter })
        });
        told.collect()
    }

    /// Flows that ended well and show a matter of this kind under a member of their values.
    pub fn matters_shown(&self, kind: MatterKind, member: &str) -> Vec<MatterShown<'_, 'a>> {
        let told = self.matters_told(kind);
        let shown = self.flows.iter().filter(|flow| flow.outcome() == Some(Outcome::Ok)).filter_map(|flow| {
            let shown = flow.value(member).filter(|value| value.is_object())?;
            let of = |known: &&Told<'_, 'a>| {
                known.matter.get("id") == shown.get("id") && known.call.exchange.started_us <= flow.end_us
            };
            Some(MatterShown { flow, shown, told: told.iter().filter(of).cloned().collect() })
        });
        shown.collect()
    }

    /// Requests of the bank that open or move a matter of this kind.
    pub fn matter_posts(&self, kind: MatterKind) -> impl Iterator<Item = &DataCall<'a>> {
        self.data_calls.iter().filter(move |call| {
            call.exchange.request.method == "POST" && call.lifecycle().is_some_and(|cycle| cycle.kind == kind)
        })
    }
}
