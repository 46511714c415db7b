//! `GET /api/v1/debts`, `PUT /api/v1/debts/fed/{external_id}` (DEB-1).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use contract::ids::Uin;
use contract::registries::debts::{DebtsPage, Fed, FeedOrder};
use contract::shape::Shaped;
use domain::{Ask, Command, Reply};
use http::HeaderMap;

use super::call::{invalid, serve, unexpected};
use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;

/// Of the XML of this matter.
const NAMESPACE: &str = "urn:stend:debts:1.0";
/// Longest id and title of a fed debt.
const LONGEST: usize = 200;

/// Open debts and fines of a person, twenty at a time, by due date.
#[utoipa::path(
    get, path = "/api/v1/debts", tag = "debts",
    params(
        ("person" = i32, Query, description = "Number of the person (OID)"),
        ("purpose" = String, Query, description = "A purpose of the consent"),
        ("cursor" = Option<String>, Query, description = "From `next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of debts, with totals over all pages", body = ref("#/components/schemas/DebtsPage")),
        (status = "4XX", description = "Refused", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    ),
    security(("data_token" = [])),
)]
pub(super) async fn list(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::DebtsList, |call| async move {
        let ask = call.ask()?;
        let cursor = call.optional("cursor")?.map(str::to_owned);
        let reply = call.sandbox.execute(call.caller, Command::ListDebts { ask: ask.clone(), cursor }).await?;
        let Reply::Debts(page) = reply else { return Err(unexpected()) };
        let next = page.next.as_ref().map(|cursor| next_address(&ask, cursor));
        let value = serde_json::to_value(DebtsPage { next, ..*page }).unwrap_or_default();
        Ok(Answer::json(200, value).shaped(DebtsPage::SHAPE, NAMESPACE))
    })
    .await
}

fn next_address(ask: &Ask, cursor: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("person", &ask.person.to_string())
        .append_pair("purpose", &ask.purpose)
        .append_pair("cursor", cursor)
        .finish();
    format!("/api/v1/debts?{query}")
}

/// The bank tells of an overdue credit of its own; the same id tells of the same debt again.
#[utoipa::path(
    put, path = "/api/v1/debts/fed/{external_id}", tag = "debts",
    params(("external_id" = String, Path, description = "The bank's own id of the debt")),
    request_body(content = ref("#/components/schemas/FeedOrder"), content_type = "application/json"),
    responses(
        (status = 200, description = "Known now", body = ref("#/components/schemas/Fed")),
        (status = "4XX", description = "Refused", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    ),
    security(("data_token" = [])),
)]
pub(super) async fn feed(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(external_id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::DebtFeed, |call| {
        let headers = &headers;
        async move {
            let order: FeedOrder = call.read(headers, &bytes, NAMESPACE)?;
            let ask = call.about(order.person, &order.purpose)?;
            let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= LONGEST;
            if !fits(&external_id) || !fits(&order.title) {
                return Err(invalid("external_id, title", "empty or too long", "1 to 200 characters"));
            }
            let command = Command::FeedDebt {
                ask,
                external_id,
                title: order.title,
                amount: order.amount,
                due_date: order.due_date,
            };
            let Reply::Fed { uin, .. } = call.sandbox.execute(call.caller, command).await? else {
                return Err(unexpected());
            };
            let uin: Uin = uin.parse().map_err(|_| unexpected())?;
            Ok(Answer::json(200, serde_json::to_value(Fed { uin }).unwrap_or_default()).shaped(Fed::SHAPE, NAMESPACE))
        }
    })
    .await
}
