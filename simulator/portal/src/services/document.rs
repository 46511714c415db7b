//! The OpenAPI 3.1 document of both versions. Paths come from the handlers and from the table of registries, schemas from
//! the shapes by which answers are written, so neither can drift from what is served; the committed copy in
//! `simulator/contract/api/openapi.json` is compared in a test.

mod papers;

use std::sync::OnceLock;

use axum::response::Html;
use contract::consent::ConsentRecord;
use contract::error::{self, ErrorRow};
use contract::reference::ReferenceList;
use contract::registries::debts::{DebtsPage, Fed, FeedOrder, Payment, PaymentOrder};
use contract::registries::pension::{Deferred, PensionStatement};
use contract::shape::{PROBLEM, Shape, Shaped, Version, json};
use domain::registries::{MOST_ROWS, REGISTRIES, RegistryMeta};
use serde_json::{Map, Value, json};

use super::versions;
use crate::documents::{CHECK, forms};
use crate::faults::Answer;

/// The document of the data services.
pub fn openapi() -> Value {
    // The builder's own types always serialise.
    let mut document = serde_json::to_value(super::routes().into_openapi()).unwrap_or_default();
    let mut first: Map<String, Value> = document["paths"].as_object().cloned().unwrap_or_default();
    for registry in REGISTRIES {
        first.insert(format!("/api/v1/{}", registry.meta().name), json!({"get": inquiry(registry.meta())}));
    }
    first.extend(super::matters::paths());
    first.extend(papers::paths());
    document["paths"] = Value::Object(both_versions(&first));
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Stend: data services",
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "Apache-2.0 OR MIT"},
        "description": "Data services of a simulated state portal, in two versions that differ in names. Money is in \
                        integer kopecks, days are ISO 8601. A data token serves one access request and nothing else: get it by \
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

/// Records that travel, beside those of the registries. A handler that answers with another one names it here.
const SHAPES: &[&Shape] = &[
    ConsentRecord::SHAPE,
    DebtsPage::SHAPE,
    Deferred::SHAPE,
    Fed::SHAPE,
    FeedOrder::SHAPE,
    Payment::SHAPE,
    PaymentOrder::SHAPE,
    PensionStatement::SHAPE,
    ReferenceList::SHAPE,
    ErrorRow::SHAPE,
    &PROBLEM,
];

/// Every record that travels, those within others too.
fn shapes() -> Vec<&'static Shape> {
    let registries = REGISTRIES.iter().map(|registry| registry.meta().shape);
    let kept = SHAPES.iter().chain(forms::SHAPES).copied();
    kept.chain(registries).chain(super::matters::shapes()).flat_map(|shape| shape.all()).collect()
}

fn schemas() -> Map<String, Value> {
    let all = shapes();
    let mut schemas = Map::new();
    for version in Version::ALL {
        schemas.extend(json::components(&all, version));
        // What an order comes to is the answer of the registry that was asked.
        let answers = REGISTRIES.iter().map(|registry| registry.meta().shape);
        let answers: Vec<Value> =
            answers.chain([PensionStatement::SHAPE]).map(|shape| json::reference(shape, version)).collect();
        schemas.insert(in_version("DeferredAnswer", version), json!({"anyOf": answers}));
        schemas.insert(in_version(papers::DATA, version), papers::data(version));
    }
    schemas
        .insert("ErrorList".to_owned(), json!({"type": "array", "items": {"$ref": "#/components/schemas/ErrorRow"}}));
    // A problem may tell more, and a row says only what its interface has.
    schemas["Problem"]["additionalProperties"] = json!(true);
    schemas
}

/// The component of this version.
fn in_version(name: &str, version: Version) -> String {
    let differs = ["DeferredAnswer", papers::DATA].contains(&name)
        || shapes().iter().any(|shape| shape.differs() && json::component_name(shape, Version::V1) == name);
    if version == Version::V2 && differs { format!("{name}V2") } else { name.to_owned() }
}

/// The call of a registry.
fn inquiry(meta: &RegistryMeta) -> Value {
    let mut parameters = vec![
        json!({"name": "person", "in": "query", "required": true, "description": "Number of the person (OID)", "schema": {}}),
        json!({"name": "purpose", "in": "query", "required": true, "description": "A purpose of the consent", "schema": {}}),
    ];
    for param in meta.params {
        parameters.push(json!({
            "name": param.name, "in": "query", "required": param.required, "description": param.en,
            "schema": json::scalar(param.kind),
        }));
    }
    if meta.pages.is_some() {
        parameters.push(json!({"name": "cursor", "in": "query", "required": false, "description": "From `next` of the page before", "schema": {"type": "string"}}));
        parameters.push(
            json!({"name": "limit", "in": "query", "required": false, "description": "Rows on a page", "schema": {}}),
        );
    }
    let body = |name: String| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
    json!({
        "tags": [meta.name],
        "summary": meta.en,
        "description": format!("{} ({}).", meta.ru, meta.requirement.join(", ")),
        "parameters": parameters,
        "responses": {
            "200": {"description": meta.en, "content": body(json::component_name(meta.shape, Version::V1))},
            "202": {"description": "Deferred: ask at `Location`, not before `Retry-After`", "content": body("Deferred".to_owned())},
        },
        "security": [{"data_token": []}],
    })
}

/// The paths of the first version, and the same under the addresses and with the records of the second.
fn both_versions(first: &Map<String, Value>) -> Map<String, Value> {
    let mut paths = Map::new();
    for version in Version::ALL {
        for (path, operations) in first {
            let path = versions::outward(path, version);
            let mut operations = operations.clone();
            for (method, operation) in operations.as_object_mut().into_iter().flatten() {
                complete(&path, method, operation, version);
            }
            paths.insert(path, operations);
        }
    }
    paths
}

/// What the attributes of a handler leave out because it is the same for all: formats, refusals, narrow parameters.
fn complete(path: &str, method: &str, operation: &mut Value, version: Version) {
    let words: Vec<&str> = path.split(['/', '{', '}', '-']).filter(|word| !word.is_empty()).collect();
    operation["operationId"] = json!(format!("{method}_{}", words.join("_")));
    if version == Version::V1 && path != CHECK {
        operation["x-sunset"] = json!("announced by the headers Deprecation and Sunset");
    }
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        narrow(parameter);
    }
    let with_body = operation.get("requestBody").is_some();
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        formats(content, version, false);
    }
    let secured = operation.get("security").is_some();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    responses.remove("4XX");
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        if let Some(content) = response.get_mut("content") {
            formats(content, version, true);
        }
    }
    // What stands on paper is served whatever becomes of its version.
    let always: &[u16] =
        if path == CHECK { &[400, 404, 405, 406, 500, 503] } else { &[400, 404, 405, 406, 410, 500, 503] };
    let token: &[u16] = if secured { &[401, 403, 409, 422, 429] } else { &[] };
    let body: &[u16] = if with_body { &[413, 415, 422] } else { &[] };
    for status in always.iter().chain(token).chain(body) {
        let known = responses.get(&status.to_string()).and_then(|known| known["description"].as_str());
        let codes: Vec<&str> = error::all()
            .iter()
            .filter(|row| row.form == error::Form::Api && row.status == *status)
            .map(|row| row.code.as_str())
            .collect();
        let words = [known.unwrap_or_default().to_owned(), codes.join(", ")];
        let description = words.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(": ");
        let mut response = json!({"description": description, "content": problem()});
        if *status == 401 {
            response["headers"] = json!({"WWW-Authenticate": {"schema": {"type": "string"}}});
        }
        if *status == 405 {
            response["headers"] = json!({"Allow": {"schema": {"type": "string"}}});
        }
        responses.insert(status.to_string(), response);
    }
}

fn problem() -> Value {
    let schema = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
    json!({"application/problem+json": schema.clone(), "application/problem+xml": schema})
}

/// The same record in every format, under the names of the version.
fn formats(content: &mut Value, version: Version, answer: bool) {
    let Some(media) = content.get_mut("application/json") else { return };
    if let Some(name) = media["schema"]["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        media["schema"]["$ref"] = json!(format!("#/components/schemas/{}", in_version(name, version)));
    }
    let media = media.clone();
    content["application/xml"] = media;
    if answer {
        content["text/csv"] = json!({"schema": {"type": "string"}});
    }
}

/// Parameters that are the same everywhere take no more than the service does.
fn narrow(parameter: &mut Value) {
    let schema = match parameter["name"].as_str().unwrap_or_default() {
        "person" => json!({"type": "integer", "format": "int32", "minimum": 1, "maximum": i32::MAX}),
        "purpose" => {
            let known: Vec<&str> = contract::consent::TYPES.iter().map(|known| known.sysname).collect();
            json!({"type": "string", "enum": known})
        }
        "from" | "to" => json!({"type": "string", "format": "date"}),
        "limit" => json!({"type": "integer", "minimum": 1, "maximum": MOST_ROWS}),
        "cursor" => json!({"type": "string", "minLength": 1}),
        "Idempotency-Key" => json!({"type": "string", "minLength": 8, "maxLength": 255, "pattern": "^[!#-~]+$"}),
        _ => return,
    };
    parameter["schema"] = schema;
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
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../contract/api/openapi.json");
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
    fn every_call_says_its_formats_its_refusals_and_its_token() {
        let document = openapi();
        let mut ids = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses["406"]["content"]["application/problem+xml"].is_object(), "{path}");
                let open = ["/errors", "/reference/", "/documents/check"].iter().any(|part| path.contains(part));
                assert_eq!(responses.contains_key("401"), !open, "{path}");
                for content in responses.values().filter_map(|response| response["content"].as_object()) {
                    let three = content.contains_key("application/xml") && content.contains_key("text/csv");
                    assert_eq!(content.contains_key("application/json"), three, "{path}");
                }
            }
        }
        let paths = document["paths"].as_object().unwrap();
        let of = |version: &str| paths.keys().filter(|path| path.starts_with(version)).count();
        assert_eq!(of("/api/v1/"), of("/api/v2/"));
        assert!(paths.contains_key("/api/v2/charges") && !paths.contains_key("/api/v2/debts"));
    }

    #[test]
    fn names_of_records_are_given_once() {
        let mut known: std::collections::BTreeMap<&str, &Shape> = std::collections::BTreeMap::new();
        for shape in shapes() {
            let first = known.entry(shape.name).or_insert(shape);
            assert_eq!(*first, shape, "{} is the name of two records", shape.name);
        }
    }
}
