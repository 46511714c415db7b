//! The verbs by which a bank is driven, and what it answers: the adapter calls of the contract.
//! The same shapes travel over HTTP, over the bank's own interface, and over standard input and output.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `POST /stend/actions/{action}`: what the suite asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionCall {
    /// Names the flow in later calls; unique over the run.
    pub flow: String,
    /// Idempotency id: the same value means the same operation, pressed again.
    pub operation: String,
    /// The handle that the bank gave at `customer.link`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// What the bank reports of a flow, from `/stend/actions/…` and `/stend/observe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<Browser>,
}

/// A person must now go to this address; the harness takes the citizen through and ends at the bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Browser {
    pub url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok,
    Refused,
    Pending,
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub class: ReasonClass,
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub message: String,
}

/// Why a bank refused. A class that is none of these is kept as [`ReasonClass::Other`] and fits no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasonClass {
    Audience,
    Binding,
    Consent,
    Format,
    Issuer,
    Level,
    Limit,
    Replay,
    Signature,
    State,
    Time,
    Transport,
    #[serde(other)]
    Other,
}

impl ReasonClass {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audience => "audience",
            Self::Binding => "binding",
            Self::Consent => "consent",
            Self::Format => "format",
            Self::Issuer => "issuer",
            Self::Level => "level",
            Self::Limit => "limit",
            Self::Other => "other",
            Self::Replay => "replay",
            Self::Signature => "signature",
            Self::State => "state",
            Self::Time => "time",
            Self::Transport => "transport",
        }
    }
}

/// `POST /stend/describe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub claims: Vec<String>,
    #[serde(default)]
    pub clock: BankClock,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BankClock {
    #[default]
    Fixed,
    Movable,
}

/// `POST /stend/probe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeCall {
    pub question: Question,
    #[serde(flatten)]
    pub about: Map<String, Value>,
}

/// What a probe may ask. `session_alive`, `data_present` take `customer`; `consent_state` takes `consent`
/// (and `customer`), answered with the contract's consent state; `audit_verify` takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    AuditVerify,
    ConsentState,
    DataPresent,
    SessionAlive,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    pub answer: Value,
}
