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
    /// By the action's schema, [`crate::action`].
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// What the bank reports of a flow, from `/stend/actions/…` and `/stend/observe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How the flow stands.
    pub outcome: Outcome,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What the bank would show, by the action's schema.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
    /// The handle under which the bank knows the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Where a person must go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<Browser>,
}

/// A person must now go to this address; the harness takes the citizen through and ends at the bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Browser {
    /// Absolute.
    pub url: String,
}

/// How a flow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Done.
    Ok,
    /// The bank said no.
    Refused,
    /// Not final: a person is awaited, or the bank is still busy.
    Pending,
    /// The bank failed by itself.
    Error,
}

/// Why a bank refused, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// One of the contract's classes.
    pub class: ReasonClass,
    /// The bank's own code.
    #[serde(default)]
    pub code: String,
    /// For people.
    #[serde(default)]
    pub message: String,
}

/// Why a bank refused. A class that is none of these is kept as [`ReasonClass::Other`] and fits no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasonClass {
    /// For another receiver.
    Audience,
    /// Not bound to this flow, key or certificate.
    Binding,
    /// No consent, or not for this.
    Consent,
    /// Cannot be read, or lacks something.
    Format,
    /// Of another issuer.
    Issuer,
    /// The level of authentication is too low.
    Level,
    /// A limit was reached.
    Limit,
    /// Came before.
    Replay,
    /// A signature, or what it covers, is wrong.
    Signature,
    /// `state` does not fit.
    State,
    /// Too old or too new.
    Time,
    /// The connection or its certificate is wrong.
    Transport,
    /// Any other word.
    #[serde(other)]
    Other,
}

impl ReasonClass {
    /// The word on the wire.
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
    /// The bank's own version.
    #[serde(default)]
    pub version: String,
    /// Actions that it offers.
    #[serde(default)]
    pub claims: Vec<String>,
    /// Whether its clock can be moved.
    #[serde(default)]
    pub clock: BankClock,
}

/// Whether a bank's clock can be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BankClock {
    /// It runs with the wall.
    #[default]
    Fixed,
    /// `POST /stend/clock` moves it.
    Movable,
}

/// `POST /stend/probe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeCall {
    /// What is asked.
    pub question: Question,
    /// About what: `customer`, `consent`.
    #[serde(flatten)]
    pub about: Map<String, Value>,
}

/// What a probe may ask. `session_alive`, `data_present` take `customer`; `consent_state` takes `consent`
/// (and `customer`), answered with the contract's consent state; `audit_verify` takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Is the audit trail whole?
    AuditVerify,
    /// How does a consent stand?
    ConsentState,
    /// Is anything of the customer still kept?
    DataPresent,
    /// Is the customer signed in?
    SessionAlive,
}

/// Answer to a [`ProbeCall`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// `true`, `false`, or a word.
    pub answer: Value,
}
