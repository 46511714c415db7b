//! Messages as values: what the edge has read out of an envelope, and what stands in a queue.

use std::sync::Arc;

use contract::smev::{Category, Reason};
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a message is to its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// A consumer asks a provider.
    Request,
    /// A provider, or SMEV itself, answers a consumer.
    Response,
}

impl MessageKind {
    /// On the wire (`MessageType`) and in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "REQUEST",
            Self::Response => "RESPONSE",
        }
    }
}

/// A message between participants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `MessageID`: a version 1 UUID that its sender drew.
    pub id: String,
    /// Request or response.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// Mnemonic of the sender; `smev` where SMEV itself answers.
    pub sender: String,
    /// Mnemonic of the recipient.
    pub recipient: String,
    /// The request that a response belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// The first message of its chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// `TransactionCode`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// `NodeID`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Namespace of its business root; of the request's, where a response has none.
    pub namespace: String,
    /// Local name of that root.
    pub root: String,
    /// When SMEV took it.
    pub sent_at: Timestamp,
    /// `EOL`: nobody needs it any more after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eol: Option<Timestamp>,
    /// `TestMessage`: the provider must not change its data.
    #[serde(default)]
    pub test: bool,
    /// Whom it is about, by OID, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<i64>,
    /// What it says. Stands beside the chain; absent once it was erased there.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::event::shared")]
    pub payload: Option<Arc<Payload>>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "variants and fields bear the names of what they hold")]
pub enum Payload {
    /// Business content, in the words of the sender.
    Content(Content),
    /// `RequestRejected`
    Rejected(Vec<Rejection>),
    /// `RequestStatus`
    Status { code: i32, parameters: Vec<(String, String)>, description: String },
    /// `AsyncProcessingStatus`: SMEV itself answers.
    Async { category: Category, details: Option<String>, fault: Option<AsyncFault> },
}

/// Business content with what hangs on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The element within `MessagePrimaryContent`, standing by itself.
    pub xml: String,
    /// `PersonalSignature`: the signature in it, standing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<String>,
    /// The consent named for it, outside the business content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
    /// Files inside the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Files in the store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
}

/// In whose name a person's data is asked for: the SMEV request stands for a data token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// The consent; the newest standing one where it is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// Whom it is about, by OID.
    pub person: i64,
    /// A purpose of the consent.
    pub purpose: String,
}

/// A file inside the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// `contentId` of the header, `Id` of the content.
    pub id: String,
    /// Its media type.
    pub media_type: String,
    /// The bytes in base64.
    pub content: String,
    /// Detached CMS over the bytes, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkcs7: Option<String>,
}

/// A file in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its name in the store.
    pub uuid: String,
    /// Its digest, as the header says it.
    pub hash: String,
    /// Its media type.
    pub media_type: String,
    /// The name it should be kept under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Detached CMS over the bytes, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkcs7: Option<String>,
}

/// One reason of a rejection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Which of the four.
    pub reason: Reason,
    /// For people.
    pub description: String,
}

/// What SMEV found wrong with a message after it had taken it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsyncFault {
    /// Name of the fault's type: `InvalidContent`.
    pub name: String,
    /// For people.
    pub description: String,
    /// `ValidationError`: where, and what.
    #[serde(default)]
    pub errors: Vec<(String, String)>,
}
