//! The AsyncAPI 3.0 document of `/ws`. Messages come from the contract's types, close codes from the error registry and
//! types of events from what the core tells; the committed copy is compared in a test.

use std::sync::OnceLock;

use contract::error::{self, Form};
use contract::stream::{ClientMessage, IN_FLIGHT, MESSAGE_MAX, PING_SECONDS, SUBPROTOCOL, ServerMessage};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::faults::Answer;

pub(super) async fn json() -> Answer {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    Answer::json(200, DOCUMENT.get_or_init(asyncapi).clone())
}

/// The messages, each with who says it, its schema and an example.
fn messages() -> [(&'static str, &'static str, Value, Value); 5] {
    let schema = |name: &str, member: &str| {
        json!({
            "type": "object", "required": [member],
            "properties": {member: {"$ref": format!("#/components/schemas/{name}")}},
        })
    };
    let number = json!({"type": "integer", "minimum": 0});
    [
        (
            "subscribe",
            "Events are wanted: of one consent, or `all`; after a number, or after the last acknowledged one",
            schema("Subscribe", "subscribe"),
            json!({"subscribe": {"consent": "all", "after": 41}}),
        ),
        (
            "ack",
            "Every event up to this number is stored",
            json!({"type": "object", "required": ["ack"], "properties": {"ack": number.clone()}}),
            json!({"ack": 42}),
        ),
        (
            "subscribed",
            "The answer to a subscription: events follow after `at`",
            json!({
                "type": "object", "required": ["subscribed", "at"],
                "properties": {"subscribed": {"$ref": "#/components/schemas/Subscribe"}, "at": number},
            }),
            json!({"subscribed": {"consent": "all", "after": 41}, "at": 41}),
        ),
        (
            "event",
            "Something happened: the body of the web-hook with its number",
            schema("StreamEvent", "event"),
            json!({"event": {
                "seq": 42, "id": "0c7c4a0e-6a3b-4d56-9d2e-8a1f3f6d2b11", "type": "consent.revoked",
                "at": "2026-11-22T12:00:00Z", "consent": {"id": "5d0f5f6c-3f4e-4f0e-9b1e-2f4f5a6b7c8d", "state": "revoked"},
            }}),
        ),
        (
            "gap",
            "These events are not kept any more: read the present state by REST",
            schema("Gap", "gap"),
            json!({"gap": {"from": 1, "to": 41}}),
        ),
    ]
}

/// The document.
pub fn asyncapi() -> Value {
    let message = |name: &str| json!({"$ref": format!("#/channels/events/messages/{name}")});
    let mut channel = Map::new();
    let mut components = Map::new();
    for (name, summary, payload, example) in messages() {
        channel.insert(name.to_owned(), json!({"$ref": format!("#/components/messages/{name}")}));
        let whole = json!({
            "name": name, "summary": summary, "contentType": "application/json", "payload": payload,
            "examples": [{"name": name, "payload": example}],
        });
        components.insert(name.to_owned(), whole);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Stend: stream of events",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0 OR MIT"},
            "description": description(),
        },
        "defaultContentType": "application/json",
        "servers": {"portal": {
            "host": "localhost:8443", "protocol": "wss", "description": "The listener of a sandbox",
            "security": [{"$ref": "#/components/securitySchemes/partner_token"}],
        }},
        "channels": {"events": {
            "address": "/ws",
            "servers": [{"$ref": "#/servers/portal"}],
            "messages": channel,
            "bindings": {"ws": {
                "method": "GET", "bindingVersion": "0.1.0",
                "headers": {"type": "object", "required": ["Authorization", "Sec-WebSocket-Protocol"], "properties": {
                    "Authorization": {"type": "string", "description": "Bearer and a token of the client itself, scope `consents`"},
                    "Sec-WebSocket-Protocol": {"type": "string", "const": SUBPROTOCOL},
                }},
            }},
        }},
        "operations": {
            "follow": {
                "action": "receive", "channel": {"$ref": "#/channels/events"},
                "summary": "The bank subscribes and acknowledges",
                "messages": [message("subscribe"), message("ack")],
            },
            "tell": {
                "action": "send", "channel": {"$ref": "#/channels/events"},
                "summary": "The portal tells what happened",
                "messages": [message("subscribed"), message("event"), message("gap")],
            },
        },
        "components": {
            "messages": components,
            "schemas": schemas(),
            "securitySchemes": {"partner_token": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "Token of the client itself, scope `consents`. Judged before the upgrade: 401 or 403",
            }},
        },
    })
}

fn schemas() -> Map<String, Value> {
    let mut generator = SchemaSettings::draft07()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    generator.subschema_for::<ClientMessage>();
    generator.subschema_for::<ServerMessage>();
    generator.take_definitions(true)
}

/// What the form of the document has no place for.
fn description() -> String {
    let mut text = format!(
        "Every event that a web-hook would carry, numbered from 1 per partner without gaps. Offer the subprotocol \
         `{SUBPROTOCOL}`. Delivery is at least once and in order: store an event, then acknowledge it; after a \
         reconnection subscribe with `after` = the last stored number, or without it to go on after the last \
         acknowledged one. An acknowledgement covers all smaller numbers of its subscription. At most {IN_FLIGHT} events \
         are under way without one. A subscription to one consent gets the events of that consent and those about its \
         person that name no consent; its numbers are some of the partner's. Unknown members and types of events are to \
         be passed over, and acknowledged. The portal sends a ping when the connection opens and every {PING_SECONDS} s \
         after; who says nothing for twice as long is gone. A message is at most {MESSAGE_MAX} bytes, JSON in a text \
         frame. One connection per partner: a newer one takes the stream over. Reconnect after a random delay that \
         grows.\n\nClose codes:\n"
    );
    for row in error::all().iter().filter(|row| row.form == Form::Ws) {
        text.push_str(&format!("\n- {} `{}`: {} {}", row.status, row.code, row.reason.en, row.advice.en));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_the_one_written_from_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../contract/api/asyncapi.json");
        let written = format!("{:#}\n", asyncapi());
        if std::env::var_os("STEND_WRITE").is_some() {
            std::fs::write(path, &written).unwrap();
        }
        let committed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(committed == asyncapi(), "run this test with STEND_WRITE=1 and commit {path}");
    }

    #[test]
    fn every_reference_leads_somewhere_and_examples_are_what_is_read() {
        let document = asyncapi();
        let text = document.to_string();
        for piece in text.split("\"$ref\":\"#").skip(1) {
            let pointer = piece.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        for (name, _, _, example) in messages() {
            match name {
                "subscribe" | "ack" => assert!(serde_json::from_value::<ClientMessage>(example).is_ok(), "{name}"),
                _ => assert!(serde_json::from_value::<ServerMessage>(example).is_ok(), "{name}"),
            }
        }
    }
}
