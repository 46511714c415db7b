//! The stream of events over WebSocket, `/ws` (API-3): what both sides say. A text frame is one JSON message.
//!
//! Every event that a web-hook would carry is here too, numbered from 1 per partner without gaps. Delivery is at least
//! once: what was not acknowledged comes again after the next subscription, and a number names the same event for ever.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::Timestamp;

/// The subprotocol that a client must offer.
pub const SUBPROTOCOL: &str = "stend.events.v1";
/// At most so many events are on their way without an acknowledgement.
pub const IN_FLIGHT: usize = 64;
/// The portal sends a ping this often, in seconds; who says nothing for twice this long is gone.
pub const PING_SECONDS: i64 = 20;
/// The longest message of either side, in bytes.
pub const MESSAGE_MAX: usize = 64 * 1024;
/// Subscribes to every consent of the partner.
pub const ALL: &str = "all";

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientMessage {
    /// Every event up to this number is stored: none of them is sent again.
    Ack(u64),
    /// Events are wanted from now on. A further subscription adds to those of this connection.
    Subscribe(Subscribe),
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The id of a consent, or `all`.
    pub consent: String,
    /// Go on after this number; from the last acknowledged one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// What the portal says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ServerMessage {
    /// Something happened.
    Event {
        /// The event.
        event: StreamEvent,
    },
    /// Events between these numbers are not kept any more: read the present state by REST.
    Gap {
        /// Both ends belong to it.
        gap: Gap,
    },
    /// The answer to a subscription.
    Subscribed {
        /// The subscription as it was understood.
        subscribed: Subscribe,
        /// Events follow after this number.
        at: u64,
    },
}

/// An event: the body of the web-hook, with its number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StreamEvent {
    /// From 1, per partner, without gaps. A subscription to one consent sees some of them only.
    pub seq: u64,
    /// Of the event; the same as the web-hook's.
    pub id: String,
    /// `consent.granted`, `consent.refused`, `consent.revoked`, `consent.expired`, `debt.changed`, `<kind>.changed` …
    /// Unknown ones are to be acknowledged and passed over.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// What it is about: `consent`, `debt`, `application` … as in the web-hook.
    #[serde(flatten)]
    pub about: BTreeMap<String, Value>,
}

/// What is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_as_the_description_says() {
        let read = |text: &str| serde_json::from_str::<ClientMessage>(text);
        assert_eq!(read(r#"{"ack": 7}"#).unwrap(), ClientMessage::Ack(7));
        let all = Subscribe { consent: ALL.to_owned(), after: Some(3) };
        assert_eq!(
            read(r#"{"subscribe": {"consent": "all", "after": 3}}"#).unwrap(),
            ClientMessage::Subscribe(all.clone())
        );
        for wrong in [r#"{"ack": -1}"#, r#"{"ack": 1, "subscribe": {}}"#, r#"{"hello": 1}"#, "[]", "1", ""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let said = serde_json::to_value(ServerMessage::Subscribed { subscribed: all, at: 3 }).unwrap();
        assert_eq!(said, serde_json::json!({"subscribed": {"consent": "all", "after": 3}, "at": 3}));
    }
}
