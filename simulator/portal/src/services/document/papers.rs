//! The paths of issued documents: bytes in the main, so their description is written here, beside no record of an answer.

use contract::shape::{Shaped, Version, json as schemas};
use serde_json::{Map, Value, json};

use crate::documents::forms::{self, DocumentCheck};

/// The component that stands for the facts of any document.
pub(super) const DATA: &str = "DocumentData";

/// What a document may hold: one record per kind, and the answer about a code is none of them.
pub(super) fn data(version: Version) -> Value {
    let kinds = forms::SHAPES.iter().filter(|shape| **shape != DocumentCheck::SHAPE);
    let kinds: Vec<Value> = kinds.map(|shape| schemas::reference(shape, version)).collect();
    json!({"anyOf": kinds})
}

/// Every path with its operation, under the names of the first version.
pub(super) fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    let mut put = |path: &str, described: Value| paths.insert(path.to_owned(), json!({"get": described}));
    let paper = bytes("The paper, as PDF/A-3 with its facts inside", "application/pdf");
    put("/api/v1/documents/{id}", held("The paper of a document", &paper));
    put("/api/v1/payments/{id}/receipt", held("The receipt of a settled payment", &paper));
    let signature = bytes("CMS, DER, detached: over the bytes of the paper", "application/pkcs7-signature");
    put("/api/v1/documents/{id}/signature", held("The signature of the paper", &signature));
    let facts = record("What stands on the paper", &format!("#/components/schemas/{DATA}"));
    put("/api/v1/documents/{id}/data", held("The facts of a document", &facts));
    let check = schemas::reference(DocumentCheck::SHAPE, Version::V1);
    let known = record("Whether the portal issued it", check["$ref"].as_str().unwrap_or_default());
    put(
        "/api/v1/documents/check",
        json!({
            "tags": ["documents"],
            "summary": "What is known of a document by the code on it",
            "description": "Anybody may ask who has the paper in hand. There are no personal data in the answer.",
            "parameters": [{"name": "code", "in": "query", "required": true, "description": "The code beside the QR code", "schema": {"type": "string"}}],
            "responses": {"200": known},
        }),
    );
    paths
}

fn held(summary: &str, answer: &Value) -> Value {
    json!({
        "tags": ["documents"],
        "summary": summary,
        "parameters": [
            {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
            {"name": "person", "in": "query", "required": true, "description": "Number of the person (OID)", "schema": {}},
            {"name": "purpose", "in": "query", "required": true, "description": "A purpose of the consent", "schema": {}},
        ],
        "responses": {"200": answer},
        "security": [{"data_token": []}],
    })
}

fn bytes(description: &str, media: &str) -> Value {
    json!({"description": description, "content": {media: {"schema": {"type": "string", "format": "binary"}}}})
}

fn record(description: &str, target: &str) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": {"$ref": target}}}})
}
