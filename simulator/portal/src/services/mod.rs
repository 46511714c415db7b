//! The data services: REST under `/api/v1` and `/api/v2`, in JSON, XML and CSV, one file per matter. A handler parses, asks the core, encodes;
//! what may be read or done is decided there. The OpenAPI document is written from these handlers.

mod call;
mod consents;
mod debts;
mod document;
mod documents;
pub(crate) mod encryption;
mod errors;
pub(crate) mod matters;
mod negotiate;
mod payments;
mod pension;
mod reference;
mod registries;
mod versions;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, Request, State};
use axum::routing::{any, get};
use domain::registries::REGISTRIES;
use http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::documents::CHECK;
use crate::edge::caller::Caller;
use crate::edge::exchange::TooLong;
use crate::portal::Sandbox;

pub use document::openapi;
pub(crate) use negotiate::PROBLEM_NAMESPACE;

/// Every path of `/api/v1`, described.
pub fn routes() -> OpenApiRouter<Arc<Sandbox>> {
    OpenApiRouter::new()
        .routes(routes!(debts::list))
        .routes(routes!(debts::feed))
        .routes(routes!(payments::pay))
        .routes(routes!(payments::find))
        .routes(routes!(payments::show))
        .routes(routes!(pension::view))
        .routes(routes!(pension::answer))
        .routes(routes!(consents::show))
        .routes(routes!(consents::revoke))
        .routes(routes!(errors::list))
        .routes(routes!(reference::show))
}

/// The services with their document, `/openapi.json` and `/docs`, and with a problem document for what is not there.
/// Whatever is asked of `/api` goes through [`versions::enter`].
pub fn router(sandbox: &Arc<Sandbox>) -> Router<Arc<Sandbox>> {
    let (mut inner, _) = routes().split_for_parts();
    for registry in REGISTRIES.iter().copied() {
        let ask =
            move |State(sandbox): State<Arc<Sandbox>>,
                  caller: Caller,
                  headers: HeaderMap,
                  RawQuery(query): RawQuery| registries::ask(registry, sandbox, caller, headers, query);
        inner = inner.route(&format!("/api/v1/{}", registry.meta().name), get(ask));
    }
    let inner = inner
        .route(CHECK, get(documents::check))
        .route("/api/v1/documents/{id}", get(documents::paper))
        .route("/api/v1/documents/{id}/data", get(documents::data))
        .route("/api/v1/documents/{id}/signature", get(documents::signature))
        .route("/api/v1/payments/{id}/receipt", get(documents::receipt));
    let inner = matters::matter_routes(inner)
        .method_not_allowed_fallback(call::wrong_method)
        .fallback(call::nothing_here)
        // The edge knows how long a body may be at each address.
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(sandbox));
    let enter = move |State(sandbox): State<Arc<Sandbox>>, request: Request| {
        let (inner, served_by) = (inner.clone(), Arc::clone(&sandbox));
        async move {
            if request.extensions().get::<TooLong>().is_some() {
                // What was not read can be opened by nobody.
                return versions::enter(served_by, inner, request).await;
            }
            encryption::around(sandbox, request, move |request| versions::enter(served_by, inner, request)).await
        }
    };
    Router::new()
        .route("/api", any(enter.clone()))
        .route("/api/{*rest}", any(enter))
        .route("/openapi.json", get(document::json))
        .route("/docs", get(document::page))
}

#[cfg(test)]
mod tests;
