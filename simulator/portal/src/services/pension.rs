//! `GET /api/v1/pension` (PEN-1), and deferred answers of this and every other registry.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use contract::registries::pension::Deferred;
use contract::registries::pension::PensionStatement;
use contract::shape::Shaped;
use contract::time::Day;
use contract::time::Timestamp;
use domain::{Command, Refusal, Reply, StatementReply};
use http::HeaderMap;

use super::call::{Call, invalid, serve, unexpected};
use super::registries;
use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;

/// The pension account over a period, both days included.
#[utoipa::path(
    get, path = "/api/v1/pension", tag = "pension",
    params(
        ("person" = i32, Query, description = "Number of the person (OID)"),
        ("purpose" = String, Query, description = "A purpose of the consent"),
        ("from" = String, Query, description = "First day, ISO 8601"),
        ("to" = String, Query, description = "Last day, ISO 8601"),
    ),
    responses(
        (status = 200, description = "The account", body = ref("#/components/schemas/PensionStatement")),
        (status = 202, description = "Deferred: ask at `Location`, not before `Retry-After`", body = ref("#/components/schemas/Deferred")),
        (status = "4XX", description = "Refused", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    ),
    security(("data_token" = [])),
)]
pub(super) async fn view(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::PensionView, |call| async move {
        let ask = call.ask()?;
        let (from, to) = (day(&call, "from")?, day(&call, "to")?);
        let deferred = call.sandbox.faults().pension_deferred(call.caller, ask.person);
        told(&call, Command::ReadPension { ask, from, to, deferred }, None).await
    })
    .await
}

/// A deferred answer.
#[utoipa::path(
    get, path = "/api/v1/answers/{id}", tag = "pension",
    params(
        ("id" = String, Path, description = "From `Location` of the 202"),
        ("cursor" = Option<String>, Query, description = "From `next` of the page before"),
        ("limit" = Option<i32>, Query, description = "Rows on a page"),
    ),
    responses(
        (status = 200, description = "What was asked for", body = ref("#/components/schemas/DeferredAnswer")),
        (status = 202, description = "Not yet", body = ref("#/components/schemas/Deferred")),
        (status = "4XX", description = "Refused", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    ),
    security(("data_token" = [])),
)]
pub(super) async fn answer(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::AnswerRead, |call| async move {
        let page = registries::page(&call)?;
        let question = registries::Question { address: format!("/api/v1/answers/{id}"), ask: None, limit: page.limit };
        let command = Command::ReadAnswer { bearer: call.bearer.clone(), order: id, page };
        told(&call, command, Some(&question)).await
    })
    .await
}

async fn told(
    call: &Call<'_>,
    command: Command,
    question: Option<&registries::Question<'_>>,
) -> Result<Answer, Refusal> {
    match (call.sandbox.execute(call.caller, command).await?, question) {
        (Reply::Pension(StatementReply::Ready(statement)), _) => {
            let value = serde_json::to_value(&*statement).unwrap_or_default();
            Ok(Answer::json(200, value).shaped(PensionStatement::SHAPE, "urn:stend:pension:1.0"))
        }
        (Reply::Pension(StatementReply::Deferred { order, retry_at }), _) => Ok(deferred(call, order, retry_at)),
        (Reply::Facts(reply), Some(question)) => registries::told(call, reply, question),
        _ => Err(unexpected()),
    }
}

/// The answer that says when to ask again.
pub(super) fn deferred(call: &Call<'_>, order: String, retry_at: Timestamp) -> Answer {
    let wait = retry_at.since(call.sandbox.now());
    // Whole seconds, rounded up: nobody is to come too early by keeping to the header.
    let seconds = (wait.millis() + 999) / 1000;
    let location = format!("/api/v1/answers/{order}");
    let body = Deferred { id: order, retry_after: wait };
    Answer::json(202, serde_json::to_value(body).unwrap_or_default())
        .shaped(Deferred::SHAPE, "urn:stend:answers:1.0")
        .with("location", location)
        .with("retry-after", seconds.to_string())
}

fn day(call: &Call<'_>, name: &str) -> Result<Day, Refusal> {
    let text = call.required(name)?;
    text.parse().map_err(|_| invalid(name, text, "a day such as 2026-11-22"))
}
