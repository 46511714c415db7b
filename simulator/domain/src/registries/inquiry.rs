//! One question to a registry, from the token to the page.

use std::collections::BTreeMap;

use contract::shape::{self, Kind};
use contract::time::Span;
use serde_json::Value;

use super::{FactsOrder, FactsReply, Inquiry, MOST_ROWS, PAGE_SIZE, Page, Registry, RegistryMeta};
use crate::bearer;
use crate::command::{Ask, Bearer};
use crate::consent::Consent;
use crate::draft::Draft;
use crate::event::Fact;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::tokens::Token;

/// The longest parameter. Addresses are the longest thing that is asked for.
const LONGEST: usize = 500;

/// Asks a registry.
pub(crate) fn inquire(
    draft: &mut Draft<'_, '_, '_>,
    registry: &str,
    ask: &Ask,
    params: &BTreeMap<String, String>,
    page: &Page,
    deferred: Option<Span>,
) -> Result<Reply, Refusal> {
    let Some(registry) = super::registry(registry) else {
        return Err(Refusal::new("not-found", "registry-unknown").check("registry").seen(registry));
    };
    let meta = registry.meta();
    checked(meta, params)?;
    let request = request(meta.name, ask, params);
    let (token, consent) = bearer::serve(draft, ask, meta.scope, &request)?;
    if let Some(allowed) = meta.purposes.filter(|allowed| !allowed.contains(&ask.purpose.as_str())) {
        return Err(Refusal::new("purpose-not-allowed", "purpose-not-allowed")
            .check("purposes for which the registry may be asked")
            .seen(&ask.purpose)
            .wanted(allowed.join(" ")));
    }
    let asked_before = draft.world.inquiries.same(&token.client_id, meta.name, ask, params).cloned();
    match (asked_before, deferred) {
        (Some(order), _) if order.due > draft.now => Ok(later(draft, meta, &order.id)),
        (None, Some(span)) => {
            // What would be refused at once is not put off.
            answered(draft, registry, ask, &token, &consent, params)?;
            let order = FactsOrder {
                id: draft.uuid(),
                registry: meta.name.to_owned(),
                client_id: token.client_id.clone(),
                person: ask.person,
                purpose: ask.purpose.clone(),
                params: params.clone(),
                due: draft.now + span,
            };
            let reply = later(draft, meta, &order.id);
            draft.tell(Fact::FactsOrdered { order: Box::new(order) });
            Ok(reply)
        }
        (order, _) => {
            let question = Question { registry, ask, params, page, order: order.map(|order| order.id) };
            answer(draft, &token, &consent, &question)
        }
    }
}

/// Asks after a deferred answer.
pub(crate) fn fetch(
    draft: &mut Draft<'_, '_, '_>,
    bearer: &Bearer,
    order: &FactsOrder,
    page: &Page,
) -> Result<Reply, Refusal> {
    let Some(registry) = super::registry(&order.registry) else {
        return Err(Refusal::new("unknown-answer", "registry-unknown").check("registry").seen(&order.registry));
    };
    let meta = registry.meta();
    let ask = Ask { bearer: bearer.clone(), person: order.person, purpose: order.purpose.clone() };
    let (token, consent) = bearer::serve(draft, &ask, meta.scope, &request(meta.name, &ask, &order.params))?;
    if order.due > draft.now {
        return Ok(later(draft, meta, &order.id));
    }
    let question = Question { registry, ask: &ask, params: &order.params, page, order: Some(order.id.clone()) };
    answer(draft, &token, &consent, &question)
}

struct Question<'a> {
    registry: &'static dyn Registry,
    ask: &'a Ask,
    params: &'a BTreeMap<String, String>,
    page: &'a Page,
    order: Option<String>,
}

fn answer(
    draft: &mut Draft<'_, '_, '_>,
    token: &Token,
    consent: &Consent,
    question: &Question<'_>,
) -> Result<Reply, Refusal> {
    let meta = question.registry.meta();
    let mut value = answered(draft, question.registry, question.ask, token, consent, question.params)?;
    let last = match meta.pages {
        Some(list) => cut(meta, list, &mut value, question.page)?,
        None => true,
    };
    if let Err(breach) = shape::check(meta.shape, &value) {
        // Ours to mend, and told as such: a bank must not be asked to live with a record that no document describes.
        return Err(Refusal::new("internal", "record-out-of-shape").check(breach.path).seen(breach.why));
    }
    draft.tell(Fact::FactsRead {
        registry: meta.name.to_owned(),
        params: question.params.clone(),
        order: question.order.clone(),
        consent: consent.id.clone(),
        token: token.id.clone(),
    });
    if last {
        bearer::spend(draft, token);
    }
    Ok(Reply::Facts(FactsReply::Ready { registry: meta.name, value: Box::new(value) }))
}

fn answered(
    draft: &Draft<'_, '_, '_>,
    registry: &dyn Registry,
    ask: &Ask,
    token: &Token,
    consent: &Consent,
    params: &BTreeMap<String, String>,
) -> Result<Value, Refusal> {
    let Some(person) = draft.world.citizens.find(ask.person) else {
        return Err(Refusal::new("person-unknown", "person-unknown").check("person").seen(ask.person.to_string()));
    };
    let inquiry =
        Inquiry { person, client_id: &token.client_id, purpose: &ask.purpose, consent, params, now: draft.now };
    registry.answer(draft.world, &inquiry)
}

fn later(draft: &Draft<'_, '_, '_>, meta: &RegistryMeta, order: &str) -> Reply {
    let retry_at = draft.now + draft.world.limits.poll_interval;
    Reply::Facts(FactsReply::Deferred { registry: meta.name, order: order.to_owned(), retry_at })
}

/// Leaves the page asked for in the list, and the cursor of the next in `next`; tells whether this was the last one.
fn cut(meta: &RegistryMeta, list: &str, value: &mut Value, page: &Page) -> Result<bool, Refusal> {
    let Some(rows) = value.get_mut(list).and_then(Value::as_array_mut) else {
        return Err(Refusal::new("internal", "record-out-of-shape").check(meta.name).seen("no list of pages"));
    };
    let wrong = |seen: &str| {
        Refusal::new("cursor-invalid", "cursor-invalid").check("cursor").seen(seen).wanted("`next` of the page before")
    };
    let start = match page.cursor.as_deref() {
        None => 0,
        Some(text) => text.parse().ok().filter(|start| (1..rows.len()).contains(start)).ok_or_else(|| wrong(text))?,
    };
    let end = start.saturating_add(page.limit.unwrap_or(PAGE_SIZE).clamp(1, MOST_ROWS)).min(rows.len());
    let last = end == rows.len();
    *rows = rows.drain(start..end).collect();
    if !last {
        value["next"] = Value::String(end.to_string());
    }
    Ok(last)
}

/// The request that a data token is bound to: the question, without its pages.
fn request(name: &str, ask: &Ask, params: &BTreeMap<String, String>) -> String {
    let mut request = format!("{name}?person={}&purpose={}", ask.person, ask.purpose);
    for (name, value) in params {
        request.push_str(&format!("&{name}={value}"));
    }
    request
}

/// Only parameters that the registry knows, each of its kind, and all that it needs.
fn checked(meta: &RegistryMeta, params: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let wrong = |name: &str, seen: &str, wanted: &str| {
        let seen: String = seen.chars().take(80).collect();
        Refusal::new("parameter-invalid", "parameter-invalid").check(name).seen(seen).wanted(wanted)
    };
    for param in meta.params {
        match params.get(param.name) {
            None if param.required => return Err(wrong(param.name, "absent", param.en)),
            Some(text) if !fits(param.kind, text) => return Err(wrong(param.name, text, param.en)),
            _ => {}
        }
    }
    match params.keys().find(|name| meta.params.iter().all(|param| param.name != *name)) {
        Some(stranger) => Err(wrong(stranger, "unknown parameter", "a parameter of the registry")),
        None => Ok(()),
    }
}

fn fits(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Flag => matches!(text, "true" | "false"),
        Kind::Int | Kind::Money => text.parse::<i64>().is_ok_and(|number| number.to_string() == text),
        Kind::Text => !text.trim().is_empty() && text.chars().count() <= LONGEST && shape::fits(kind, text),
        kind => shape::fits(kind, text),
    }
}

impl super::Inquiries {
    /// The question that was deferred before and is still open, asked again by the same client.
    fn same(
        &self,
        client_id: &str,
        registry: &str,
        ask: &Ask,
        params: &BTreeMap<String, String>,
    ) -> Option<&FactsOrder> {
        let open = self.orders.values().filter(|held| !held.answered).map(|held| &held.order);
        open.into_iter().find(|order| {
            order.client_id == client_id
                && order.registry == registry
                && order.person == ask.person
                && order.purpose == ask.purpose
                && order.params == *params
        })
    }
}
