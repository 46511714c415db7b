//! `GET /api/v1/{registry}` for every registry of the core, and deferred answers of all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::registries::{MOST_ROWS, Page, Registry, RegistryMeta};
use domain::{Ask, Command, FactsReply, Refusal, Reply};
use http::HeaderMap;
use serde_json::Value;

use super::call::{Call, invalid, serve, unexpected};
use super::pension;
use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;

/// Parameters that every registry knows.
const COMMON: [&str; 2] = ["person", "purpose"];
const PAGING: [&str; 2] = ["cursor", "limit"];

pub(super) async fn ask(
    registry: &'static dyn Registry,
    sandbox: Arc<Sandbox>,
    caller: Caller,
    headers: HeaderMap,
    query: Option<String>,
) -> Answer {
    let meta = registry.meta();
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::Inquire(meta.name), |call| async move {
        let ask = call.ask()?;
        let params = params(&call, meta)?;
        let page = match meta.pages {
            Some(_) => page(&call)?,
            None => Page::default(),
        };
        let deferred = call.sandbox.faults().pension_deferred(call.caller, ask.person);
        let question =
            Question { address: format!("/api/v1/{}", meta.name), ask: Some((&ask, &params)), limit: page.limit };
        let command =
            Command::Inquire { registry: meta.name, ask: ask.clone(), params: params.clone(), page, deferred };
        match call.sandbox.execute(call.caller, command).await? {
            Reply::Facts(reply) => told(&call, reply, &question),
            _ => Err(unexpected()),
        }
    })
    .await
}

/// What was asked, for the address of the next page.
pub(super) struct Question<'a> {
    pub(super) address: String,
    pub(super) ask: Option<(&'a Ask, &'a BTreeMap<String, String>)>,
    pub(super) limit: Option<usize>,
}

/// A reply of a registry.
pub(super) fn told(call: &Call<'_>, reply: FactsReply, question: &Question<'_>) -> Result<Answer, Refusal> {
    match reply {
        FactsReply::Deferred { order, retry_at, .. } => Ok(pension::deferred(call, order, retry_at)),
        FactsReply::Ready { registry, mut value } => {
            let registry = domain::registries::registry(registry).ok_or_else(unexpected)?;
            if let Some(cursor) = value.get("next").and_then(Value::as_str).map(str::to_owned) {
                value["next"] = question.next(&cursor).into();
            }
            let meta = registry.meta();
            Ok(Answer::json(200, *value).shaped(meta.shape, meta.namespace))
        }
    }
}

impl Question<'_> {
    fn next(&self, cursor: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some((ask, params)) = self.ask {
            query.append_pair("person", &ask.person.to_string()).append_pair("purpose", &ask.purpose);
            query.extend_pairs(params);
        }
        query.append_pair("cursor", cursor);
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        format!("{}?{}", self.address, query.finish())
    }
}

/// Everything of the query that is not common to all: the core knows what the registry takes.
fn params(call: &Call<'_>, meta: &RegistryMeta) -> Result<BTreeMap<String, String>, Refusal> {
    let mut params = BTreeMap::new();
    for name in call.names() {
        let common = COMMON.contains(&name) || (meta.pages.is_some() && PAGING.contains(&name));
        if let Some(value) = call.optional(name)?.filter(|_| !common) {
            params.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(params)
}

/// Which part of a long list is wanted.
pub(super) fn page(call: &Call<'_>) -> Result<Page, Refusal> {
    let limit = match call.optional("limit")? {
        None => None,
        Some(text) => {
            let wanted = || invalid("limit", text, "from 1 to 100");
            Some(text.parse().ok().filter(|limit| (1..=MOST_ROWS).contains(limit)).ok_or_else(wanted)?)
        }
    };
    Ok(Page { cursor: call.optional("cursor")?.map(str::to_owned), limit })
}
