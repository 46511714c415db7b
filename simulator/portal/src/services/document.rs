//! The OpenAPI 3.1 document. Paths come from the handlers, schemas from the contract's own types, so neither can drift
//! from what is served; the committed copy in `simulator/portal/api/openapi.json` is compared in a test.

use std::sync::OnceLock;

use axum::response::Html;
use contract::consent::ConsentRecord;
use contract::control::Problem;
use contract::error::ErrorRow;
use contract::registries::debts::{DebtsPage, Fed, FeedOrder, Payment, PaymentOrder};
use contract::registries::pension::{Deferred, PensionStatement};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::faults::Answer;

/// The document of the data services.
pub fn openapi() -> Value {
    let paths = super::routes().into_openapi();
    // The builder's own types always serialise.
    let mut document = serde_json::to_value(paths).unwrap_or_default();
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Stend: data services",
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "Apache-2.0 OR MIT"},
        "description": "Debts, payments, pension and consents of a simulated state portal. Money is in integer kopecks, \
                        days are ISO 8601. A data token serves one access request and nothing else: get it by \
                        client_credentials with scope=prm_chg?oid=<number of the person> on a standing consent.",
    });
    document["servers"] = json!([{"url": "/"}]);
    document["components"] = json!({"schemas": schemas(), "securitySchemes": {
        "access_token": bearer("Access token of the person's sign-in"),
        "data_token": bearer("Data token: bound to one access request, good until its final answer"),
        "partner_token": bearer("Token of the client itself, scope `consents`"),
    }});
    document
}

fn bearer(description: &str) -> Value {
    json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description})
}

fn schemas() -> Map<String, Value> {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    generator.subschema_for::<ConsentRecord>();
    generator.subschema_for::<DebtsPage>();
    generator.subschema_for::<Deferred>();
    generator.subschema_for::<ErrorRow>();
    generator.subschema_for::<Fed>();
    generator.subschema_for::<FeedOrder>();
    generator.subschema_for::<Payment>();
    generator.subschema_for::<PaymentOrder>();
    generator.subschema_for::<PensionStatement>();
    generator.subschema_for::<Problem>();
    let mut schemas = generator.take_definitions(true);
    schemas
        .insert("ErrorList".to_owned(), json!({"type": "array", "items": {"$ref": "#/components/schemas/ErrorRow"}}));
    schemas
}

fn cached() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(openapi)
}

pub(super) async fn json() -> Answer {
    Answer::json(200, cached().clone())
}

/// The document as a page that needs nothing from elsewhere.
pub(super) async fn page() -> Html<String> {
    let mut rows = String::new();
    for (path, operations) in cached()["paths"].as_object().into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let summary = operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or_default();
            rows.push_str(&format!(
                "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>",
                escaped(&method.to_uppercase()),
                escaped(path),
                escaped(summary)
            ));
        }
    }
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Stend: data services</title>\
         <h1>Stend: data services</h1><p>The whole description: <a href=\"/openapi.json\">/openapi.json</a> \
         (OpenAPI 3.1). Errors: <a href=\"/api/v1/errors\">/api/v1/errors</a>.</p><table>{rows}</table></html>"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_committed_document_is_the_one_written_from_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/api/openapi.json");
        let written = format!("{:#}\n", openapi());
        if std::env::var_os("STEND_WRITE").is_some() {
            std::fs::write(path, &written).unwrap();
        }
        let committed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(committed == openapi(), "run this test with STEND_WRITE=1 and commit {path}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = openapi();
        let known: BTreeSet<&String> = document["components"]["schemas"].as_object().unwrap().keys().collect();
        let text = document.to_string();
        for piece in text.split("\"$ref\":\"").skip(1) {
            let target = piece.split('"').next().unwrap();
            let name = target.strip_prefix("#/components/schemas/").unwrap_or_else(|| panic!("{target}"));
            assert!(known.contains(&name.to_owned()), "{target}");
        }
    }

    #[test]
    fn every_path_names_its_refusals_and_its_token() {
        let document = openapi();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 10);
        for (path, operations) in paths {
            for operation in operations.as_object().unwrap().values().filter(|_| path != "/api/v1/errors") {
                assert!(operation["responses"]["4XX"].is_object(), "{path}");
                assert!(operation["security"].is_array(), "{path}");
            }
        }
    }
}
