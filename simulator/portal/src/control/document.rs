//! The control API's own OpenAPI document. Shapes come from the contract's types; the list of calls stands here.

use contract::control as shapes;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::faults::Answer;

/// Method, path, what it does, body, answer.
type Row = (&'static str, &'static str, &'static str, Option<&'static str>, Option<&'static str>);

pub(super) const CALLS: &[Row] = &[
    ("get", "/sandboxes", "All sandboxes", None, None),
    ("post", "/sandboxes", "Opens a sandbox with a listener of its own", Some("SandboxAsk"), Some("SandboxOpened")),
    ("get", "/sandboxes/{id}", "One sandbox", None, Some("SandboxOpened")),
    ("delete", "/sandboxes/{id}", "Closes a sandbox and forgets its journal", None, None),
    (
        "post",
        "/sandboxes/{id}/reset",
        "Puts the world back to a snapshot, or to the beginning",
        None,
        Some("SandboxOpened"),
    ),
    ("post", "/sandboxes/{id}/snapshot", "Remembers where the world stands", None, None),
    ("post", "/sandboxes/{id}/fork", "A new sandbox that begins where this one stands", None, Some("SandboxOpened")),
    ("get", "/partners", "All partners", None, None),
    ("post", "/partners", "Registers a partner, or replaces what is known of it", Some("PartnerConfig"), None),
    ("post", "/partners/{client_id}/certificates", "Adds a certificate (PEM)", None, None),
    ("get", "/citizens", "Citizens in the world; ?story= of one story", None, None),
    ("post", "/citizens", "A fresh person with a story", Some("CitizenAsk"), None),
    ("get", "/citizens/{slug}", "All that is known of a citizen", None, None),
    ("patch", "/citizens/{slug}", "Changes members of the record (RFC 7396)", None, None),
    ("get", "/citizens/{slug}/messages", "Messages to a citizen, one-time codes included", None, None),
    ("get", "/citizens/{slug}/consents", "A citizen's consents", None, None),
    ("post", "/citizens/{slug}/unlock", "Ends a lock-out before its time", None, None),
    ("post", "/citizens/{slug}/applications", "The citizen begins an application to a bank", None, None),
    ("get", "/citizens/{slug}/matters", "A citizen's matters; ?kind= of one kind", None, None),
    ("get", "/citizens/{slug}/matters/{id}", "A matter, with the copy that the bank was handed", None, None),
    ("post", "/citizens/{slug}/matters/{id}/{step}", "The citizen confirms, corrects, withdraws, closes", None, None),
    (
        "post",
        "/citizens/{slug}/banking",
        "The portal asks a bank for balance, history or a transfer: client_id, ask, consent?, person?, acr?, amount?, \
         account?, from?, to?, key?, repeat?",
        None,
        None,
    ),
    ("post", "/citizens/{slug}/opt-out", "The citizen wants no offers", None, None),
    ("post", "/citizens/{slug}/opt-in", "The citizen takes offers again", None, None),
    ("get", "/citizens/{slug}/analytics", "Spending as banks told it", None, None),
    ("get", "/citizens/{slug}/offers", "Offers made to the citizen", None, None),
    ("post", "/matters/{id}/{step}", "The portal moves a matter or a payment", None, None),
    ("post", "/citizen/act", "A person goes through an authorisation", Some("ActAsk"), Some("ActAnswer")),
    ("post", "/citizen/consents/{id}/revoke", "The citizen takes a consent back", None, None),
    ("get", "/stories", "Stories that citizens tell", None, None),
    ("get", "/faults", "Armed faults, and the catalogue", None, None),
    ("post", "/faults", "Arms a fault", Some("FaultAsk"), Some("FaultArmed")),
    ("delete", "/faults/{id}", "Removes a fault", None, Some("FaultArmed")),
    ("get", "/clock", "The sandbox's time", None, Some("ClockState")),
    ("put", "/clock", "How the clock runs", Some("ClockSetting"), Some("ClockState")),
    (
        "post",
        "/clock/advance",
        "Moves the clock; answers when all that fell due has happened",
        Some("ClockAdvance"),
        Some("ClockState"),
    ),
    ("get", "/api-versions", "When the first version of the data services ends", None, Some("ApiVersions")),
    ("put", "/api-versions", "Announces the end of the first version", Some("ApiVersions"), Some("ApiVersions")),
    ("put", "/reference/{name}", "A new edition of a reference list", None, None),
    ("post", "/keys/rotate", "New keys sign from now on", Some("RotateAsk"), None),
    ("get", "/hooks", "Deliveries of events", None, None),
    ("post", "/hooks/flush", "Delivers what is due; answers when nothing is", None, None),
    ("get", "/smev", "How the message exchange takes messages", None, None),
    ("post", "/smev/ask", "The portal asks a participant: client_id, type, person?, application?, within?", None, None),
    ("get", "/journal", "Entries; ?after=N&kind=…&wait=5s", None, None),
    ("get", "/journal/verify", "Checks the chain", None, Some("JournalVerdict")),
    ("delete", "/journal/{n}/beside", "Erases personal values beside an entry", None, None),
    ("get", "/journal.har", "Exchanges as an HTTP archive", None, None),
    ("get", "/exchanges", "Finished exchanges in full; ?after=N&wait=5s", None, None),
    ("get", "/records", "Finished exchanges and entries at once; ?exchange=N&entry=M", None, None),
];

pub(super) async fn openapi() -> Answer {
    Answer::json(200, document())
}

fn document() -> Value {
    let mut generator = SchemaGenerator::new(schemars::generate::SchemaSettings::openapi3());
    shape::<shapes::SandboxAsk>(&mut generator);
    shape::<shapes::SandboxOpened>(&mut generator);
    shape::<shapes::ApiVersions>(&mut generator);
    shape::<shapes::PartnerConfig>(&mut generator);
    shape::<shapes::CitizenAsk>(&mut generator);
    shape::<shapes::ActAsk>(&mut generator);
    shape::<shapes::ActAnswer>(&mut generator);
    shape::<shapes::FaultAsk>(&mut generator);
    shape::<shapes::FaultArmed>(&mut generator);
    shape::<shapes::ClockSetting>(&mut generator);
    shape::<shapes::ClockState>(&mut generator);
    shape::<shapes::ClockAdvance>(&mut generator);
    shape::<shapes::RotateAsk>(&mut generator);
    shape::<shapes::JournalVerdict>(&mut generator);
    shape::<shapes::Problem>(&mut generator);
    let schemas: Map<String, Value> = generator.take_definitions(true).into_iter().collect();
    let mut paths = Map::new();
    for (method, path, summary, body, answer) in CALLS {
        let reference = |name: &str| json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
        let mut call = json!({
            "summary": summary,
            "parameters": parameters(path),
            "responses": {
                "2XX": {"description": "done"},
                "default": {"description": "refused", "content": {"application/problem+json": reference("Problem")}},
            },
        });
        if let Some(name) = body {
            call["requestBody"] = json!({"content": {"application/json": reference(name)}});
        }
        if let Some(name) = answer {
            call["responses"]["2XX"]["content"] = json!({"application/json": reference(name)});
        }
        let place = paths.entry((*path).to_owned()).or_insert_with(|| json!({}));
        place[*method] = call;
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Stend control API", "version": env!("CARGO_PKG_VERSION")},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    })
}

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) {
    generator.subschema_for::<T>();
}

fn parameters(path: &str) -> Vec<Value> {
    let mut all = vec![json!({"name": shapes::SANDBOX_HEADER, "in": "header", "schema": {"type": "string"}})];
    for name in path.split('/').filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}')) {
        all.push(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_that_is_named_is_described() {
        let document = document();
        for (_, path, _, body, answer) in CALLS {
            for name in body.iter().chain(answer) {
                assert!(document["components"]["schemas"].get(name).is_some(), "{path}: {name}");
            }
        }
    }
}
