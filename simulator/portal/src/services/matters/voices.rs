//! What is written once: surveys, metrics, analytics, offers.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use contract::matter::{Analytics, AnalyticsBody, MetricsBody, Offer, OfferBody, SurveyBody, Taken};
use contract::shape::Shaped;
use domain::{MatterCommand, MatterReply, Refusal};
use http::HeaderMap;

use super::super::call::{Call, serve, unexpected};
use super::{matter, once};
use crate::edge::caller::Caller;
use crate::faults::{Answer, Operation};
use crate::portal::Sandbox;

const FEEDBACK: &str = "urn:stend:feedback:1.0";
const ANALYTICS: &str = "urn:stend:analytics:1.0";
const OFFERS: &str = "urn:stend:offers:1.0";

fn taken(
    call: &Call<'_>,
    (fresh, again): (u16, u16),
    reply: MatterReply,
    space: &'static str,
) -> Result<Answer, Refusal> {
    let MatterReply::Taken { id, repeated } = reply else { return Err(unexpected()) };
    let value = serde_json::to_value(Taken { id, at: call.sandbox.now() }).unwrap_or_default();
    Ok(Answer::json(if repeated { again } else { fresh }, value).shaped(Taken::SHAPE, space))
}

pub(super) async fn survey(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::Voice, |call| {
        let headers = &headers;
        async move {
            let once = once(headers, "surveys", &bytes)?;
            let body: SurveyBody = call.read(headers, &bytes, FEEDBACK)?;
            let ask = call.about(body.person, &body.purpose)?;
            let SurveyBody { operation, score, comment, .. } = body;
            let reply = matter(&call, MatterCommand::Survey { ask, once, operation, score, comment }).await?;
            taken(&call, (201, 200), reply, FEEDBACK)
        }
    })
    .await
}

pub(super) async fn metrics(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::Voice, |call| {
        let headers = &headers;
        async move {
            let once = once(headers, "metrics", &bytes)?;
            let MetricsBody { period, items } = call.read(headers, &bytes, FEEDBACK)?;
            let bearer = call.bearer.clone();
            let reply = matter(&call, MatterCommand::Metrics { bearer, once, period, items }).await?;
            taken(&call, (202, 202), reply, FEEDBACK)
        }
    })
    .await
}

pub(super) async fn analyse(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::Voice, |call| {
        let headers = &headers;
        async move {
            let once = once(headers, "analytics", &bytes)?;
            let body: AnalyticsBody = call.read(headers, &bytes, ANALYTICS)?;
            let ask = call.about(body.person, &body.purpose)?;
            let AnalyticsBody { period, categories, total, .. } = body;
            let reply = matter(&call, MatterCommand::Analyse { ask, once, period, categories, total }).await?;
            taken(&call, (201, 200), reply, ANALYTICS)
        }
    })
    .await
}

pub(super) async fn analytics(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::MatterRead, |call| async move {
        let ask = call.ask()?;
        let period = call.required("period")?.to_owned();
        match matter(&call, MatterCommand::ReadAnalytics { ask, period }).await? {
            MatterReply::Analytics(Some(held)) => {
                let value = serde_json::to_value(*held).unwrap_or_default();
                Ok(Answer::json(200, value).shaped(Analytics::SHAPE, ANALYTICS))
            }
            MatterReply::Analytics(None) => Err(Refusal::new("not-found", "analytics-absent").check("period")),
            _ => Err(unexpected()),
        }
    })
    .await
}

pub(super) async fn offer(
    State(sandbox): State<Arc<Sandbox>>,
    caller: Caller,
    Path(opening): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Answer {
    serve(&sandbox, &caller, (&headers, query.as_deref()), Operation::Voice, |call| {
        let headers = &headers;
        async move {
            let once = once(headers, &format!("offers/{opening}"), &bytes)?;
            let body: OfferBody = call.read(headers, &bytes, OFFERS)?;
            let ask = call.about(body.person, &body.purpose)?;
            let OfferBody { product, title, rate, until, .. } = body;
            let command = MatterCommand::Offer { ask, once, opening, product, title, rate, until };
            match matter(&call, command).await? {
                MatterReply::Offer(offer) => {
                    let value = serde_json::to_value(*offer).unwrap_or_default();
                    Ok(Answer::json(201, value).shaped(Offer::SHAPE, OFFERS))
                }
                reply => taken(&call, (201, 200), reply, OFFERS),
            }
        }
    })
    .await
}
