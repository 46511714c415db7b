//! The data services: REST with JSON under `/api/v1`, one file per matter. A handler parses, asks the core, encodes;
//! what may be read or done is decided there. The OpenAPI document is written from these handlers.

mod call;
mod consents;
mod debts;
mod document;
mod errors;
mod payments;
mod pension;

use std::sync::Arc;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::portal::Sandbox;

pub use document::openapi;

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
}

/// The services with their document, `/openapi.json` and `/docs`, and with a problem document for what is not there.
pub fn router() -> Router<Arc<Sandbox>> {
    let (router, _) = routes().split_for_parts();
    router
        .method_not_allowed_fallback(call::wrong_method)
        .route("/api", axum::routing::any(call::nothing_here))
        .route("/api/{*rest}", axum::routing::any(call::nothing_here))
        .route("/openapi.json", axum::routing::get(document::json))
        .route("/docs", axum::routing::get(document::page))
}

#[cfg(test)]
mod tests;
