//! Documents that are issued in matters: what stands in them is fixed when they are issued. Paper, QR code and signature
//! are made of them at the edge.

use contract::matter::{MatterDocument, MatterKind, OrderType};
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ask::{DocumentPart, MatterReply};
use super::engine;
use super::room::Matter;
use crate::bearer;
use crate::command::{Ask, Bearer};
use crate::draft::Draft;
use crate::event::Fact;
use crate::refusal::Refusal;

/// A document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IssuedDocument {
    /// Its id.
    pub id: String,
    /// The matter, or the payment, that it came of.
    pub matter: String,
    /// The client that may read it.
    pub client_id: String,
    /// Whom it is about, by OID.
    pub person: i64,
    /// The purpose of the matter.
    pub purpose: String,
    /// Word of the order's type, or `receipt`.
    pub kind: String,
    /// As the citizen reads it.
    pub title: String,
    /// Its number.
    pub number: String,
    /// By which anybody may check it: the QR code leads there.
    pub code: String,
    /// When.
    pub issued_at: Timestamp,
    /// What stands in it; absent when its copy beside the journal was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Value>,
}

impl IssuedDocument {
    /// As an answer about the matter lists it; size and digest are the edge's to add.
    pub fn listed(&self) -> MatterDocument {
        MatterDocument {
            id: self.id.clone(),
            name: self.title.clone(),
            number: self.number.clone(),
            media_type: "application/pdf".to_owned(),
            issued_at: self.issued_at,
            size: None,
            sha256: None,
        }
    }
}

/// A number and a code are drawn, the facts are fixed.
pub(super) fn issue(draft: &mut Draft<'_, '_, '_>, matter: &Matter, kind: &str, title: &str, facts: Value) {
    let document = IssuedDocument {
        id: draft.uuid(),
        matter: matter.id.clone(),
        client_id: matter.client_id.clone(),
        person: matter.person,
        purpose: matter.purpose.clone(),
        kind: kind.to_owned(),
        title: title.to_owned(),
        number: format!("{}-{}", draft.now.day().year(), draft.digits(8)),
        code: draft.uuid().replace('-', ""),
        issued_at: draft.now,
        facts: Some(facts),
    };
    draft.tell(Fact::DocumentIssued { document: Box::new(document) });
}

/// The receipt of a payment.
pub(crate) fn receipt(
    draft: &mut Draft<'_, '_, '_>,
    payment: &str,
    (client_id, person, purpose): (&str, i64, &str),
    number: &str,
    facts: Value,
) {
    let document = IssuedDocument {
        id: draft.uuid(),
        matter: payment.to_owned(),
        client_id: client_id.to_owned(),
        person,
        purpose: purpose.to_owned(),
        kind: "receipt".to_owned(),
        title: "Квитанция об оплате".to_owned(),
        number: number.to_owned(),
        code: draft.uuid().replace('-', ""),
        issued_at: draft.now,
        facts: Some(facts),
    };
    draft.tell(Fact::DocumentIssued { document: Box::new(document) });
}

/// What stands in a document of this type: the answer of the register concerned, with whom it is about.
pub(super) fn facts(draft: &Draft<'_, '_, '_>, matter: &Matter, kind: OrderType) -> Option<Value> {
    let citizen = draft.world.citizens.find(matter.person)?;
    let mut holder = json!({
        "last_name": citizen.last_name, "first_name": citizen.first_name, "middle_name": citizen.middle_name,
        "birth_date": citizen.birth_date, "snils": citizen.snils, "inn": citizen.inn,
    });
    // Who has no middle name has no such member: `null` is no value of a shape.
    if let Some(members) = holder.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    let today = draft.now.day();
    let body = match kind {
        OrderType::Pension => {
            let from = today.plus_months(-12);
            json!(citizen.pension.statement(citizen.oid, from, today))
        }
        OrderType::Account => {
            let balance = engine::balance(draft.world, matter.person);
            json!({"person": citizen.oid, "as_of": draft.now, "currency": "RUB", "balance": balance})
        }
        OrderType::Income => register(draft, matter, "income", &[("years", "1")])?,
        OrderType::Workbook => {
            let answer = register(draft, matter, "income", &[("years", "3")])?;
            let work = answer.get("work").filter(|work| work.as_array().is_some_and(|entries| !entries.is_empty()))?;
            json!({"person": citizen.oid, "as_of": draft.now, "work": work})
        }
        OrderType::Estate => register(draft, matter, "estate", &[("number", matter.text("number"))])?,
    };
    Some(json!({"holder": holder, "reason": matter.text("reason"), "facts": body}))
}

/// The answer of a register of the read services, as it is now.
fn register(draft: &Draft<'_, '_, '_>, matter: &Matter, name: &str, params: &[(&str, &str)]) -> Option<Value> {
    let registry = crate::registries::registry(name)?;
    let person = draft.world.citizens.find(matter.person)?;
    let consent = draft.world.consents.standing(&matter.client_id, matter.person, draft.now)?;
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let inquiry = crate::registries::Inquiry {
        person,
        client_id: &matter.client_id,
        purpose: &matter.purpose,
        consent,
        params: &params,
        now: draft.now,
    };
    registry.answer(draft.world, &inquiry).ok()
}

/// Gives out a document, or a part of it, to the client that it was issued for.
pub(super) fn read(
    draft: &mut Draft<'_, '_, '_>,
    bearer: &Bearer,
    id: &str,
    part: DocumentPart,
) -> Result<MatterReply, Refusal> {
    let client_id = engine::client_of(draft, bearer);
    let found = draft.world.matters.document(id).filter(|document| document.client_id == client_id).cloned();
    let Some(document) = found else {
        let refusal = Refusal::new("document-unknown", "document-unknown").check("document").seen(id);
        return Err(bearer::admitted(draft, bearer).err().unwrap_or(refusal));
    };
    let matter = draft.world.matters.find(&document.matter).cloned();
    let (service, request) = match &matter {
        Some(matter) => (matter.kind.lifecycle().scope, engine::request(matter)),
        None => crate::payments::document_request(draft.world, &document.matter),
    };
    let ask = Ask { bearer: bearer.clone(), person: document.person, purpose: document.purpose.clone() };
    let (token, _) = bearer::serve(draft, &ask, service, &request)?;
    draft.tell(Fact::DocumentRead {
        id: document.id.clone(),
        part: format!("{part:?}").to_lowercase(),
        token: token.id.clone(),
    });
    if let Some(mut matter) = matter.filter(|matter| matter.kind == MatterKind::Order && matter.state == "ready")
        && part == DocumentPart::Paper
    {
        engine::step(draft, &mut matter, "deliver", None, engine::Change::default())?;
    }
    Ok(MatterReply::Document(Box::new(document)))
}
