//! What a rule may see: the recording of one case. Everything in it was seen on a wire, read from the portal's journal,
//! said by the bank through its adapter, or done by the suite itself; nothing in it was concluded.

use std::collections::BTreeMap;

use contract::adapter::{Outcome, Report};
use contract::exchange::Exchange;
use contract::journal::Entry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One case: a scenario (a row of its `each` table), in one protocol, played once with one bank.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trace {
    pub schema: String,
    pub case: Case,
    pub bank: BankFacts,
    pub portal: PortalFacts,
    pub people: Vec<Person>,
    /// Ordered by wall time over all recorders.
    pub events: Vec<Event>,
    /// The same case without its faults. Absent where the case has no fault.
    pub twin: Option<Twin>,
    /// The next clean flow of the same bank, played after the case. Absent where the case has no fault.
    pub alive: Option<Alive>,
    /// Scenario expectations that did not hold; findings of their own.
    pub unmet: Vec<Unmet>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Case {
    /// Stable: `<scenario>[<row>]/<protocol>`.
    pub id: String,
    pub scenario: String,
    pub row: Option<String>,
    pub protocol: Protocol,
    pub seed: u64,
    pub requirements: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    #[serde(rename = "esia-v1")]
    EsiaV1,
    #[serde(rename = "esia-v3")]
    EsiaV3,
    #[serde(rename = "oidc")]
    Oidc,
}

impl Protocol {
    pub const ALL: [Self; 3] = [Self::EsiaV3, Self::EsiaV1, Self::Oidc];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EsiaV1 => "esia-v1",
            Self::EsiaV3 => "esia-v3",
            Self::Oidc => "oidc",
        }
    }
}

/// What is known of the bank under test from its profile.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BankFacts {
    pub client_id: String,
    pub redirect_uri: String,
    /// Origin of the bank, `https://localhost:9443`.
    pub origin: String,
    pub claims: Vec<String>,
    /// Partner certificates registered at the portal, PEM.
    pub certificates: Vec<String>,
    /// `crl`, or empty: the declared revocation policy.
    pub revocation_check: Option<String>,
    pub clock_movable: bool,
}

/// What is known of the portal from its ready line, sandbox and configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PortalFacts {
    pub origin: String,
    /// An origin that is not the portal: the `127.0.0.1` twin that faults send credentials to.
    pub foreign_origin: String,
    pub esia_issuer: String,
    pub oidc_issuer: String,
    pub limits: Limits,
    /// The portal's published keys at the end of the case (JWKS).
    pub jwks: Value,
}

/// Every number that a rule leans on, in milliseconds; printed in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub revocation_delay_ms: i64,
    pub poll_interval_ms: i64,
    pub clock_skew_ms: i64,
    pub timestamp_window_ms: i64,
    pub quiet_time_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            revocation_delay_ms: 5_000,
            poll_interval_ms: 1_000,
            clock_skew_ms: 60_000,
            timestamp_window_ms: 600_000,
            quiet_time_ms: 1_000,
        }
    }
}

/// A citizen of the case: `name` as the scenario calls them. `view` is the control API's JSON of the citizen
/// at the start of the case (names, documents, debts, pension …).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub slug: String,
    pub oid: i64,
    pub view: Value,
    /// The handle the bank gave, once linked.
    pub customer: Option<String>,
}

/// Something that happened, at a wall time (microseconds since 1970).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    pub wall_us: i64,
    pub what: What,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The suite did something: a step of the scenario, or what a step made necessary.
    Act(Act),
    /// Files, logs or URLs of the bank hold a planted value.
    Canary(Canary),
    /// Seen by the portal, by the suite's user agent, or by the suite's foreign host. Placed at its start.
    Exchange(Exchange),
    Journal(Entry),
    Probe(Probe),
    /// The bank's word about a flow. `wall_us` is when the suite had it.
    Reported(Reported),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Act {
    /// `bank`, `citizen`, `portal`, `attacker`, `clock`, `suite`.
    pub actor: String,
    /// Such as `debts.pay`, `approve`, `fault`, `reload`, `inject-code`, `advance`.
    pub what: String,
    /// Index of the scenario's step; absent for what the harness adds by itself.
    pub step: Option<usize>,
    pub data: Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reported {
    pub step: Option<usize>,
    pub action: String,
    pub flow: String,
    pub operation: String,
    /// Name of the citizen in the scenario.
    pub person: Option<String>,
    /// Still `pending` reports are kept too; the last report of a flow is its final one.
    pub report: Report,
    /// What was asked of the bank.
    pub params: Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Probe {
    pub question: String,
    pub about: Value,
    /// Absent when the bank offers no such probe.
    pub answer: Option<Value>,
    /// `after`: at the end of the case, by the harness; `step`: the scenario asked.
    pub when: String,
    pub person: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Canary {
    /// What was planted: `access_token`, `snils`, `authorisation code`, `refresh_token`, `private key`, `card` …
    pub planted: String,
    /// How it was found: `raw`, `base64`, `hex`, `url`.
    pub form: String,
    /// Where: `storage:bank.db`, `log:bank.log`, `url`.
    pub place: String,
    /// A few characters around it, the value itself masked.
    pub near: String,
}

/// What became of the same case without its faults.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Twin {
    pub case_id: String,
    /// All its expectations held and every final outcome was `ok` where the scenario does not say otherwise.
    pub ended_well: bool,
    pub why_not: Option<String>,
    /// Calls the bank made to the portal: `METHOD path-shape` → count. A client that calls nothing has no twin.
    pub calls: BTreeMap<String, u32>,
    /// Final outcome by action.
    pub outcomes: BTreeMap<String, Outcome>,
    pub duration_us: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alive {
    pub ended_well: bool,
    pub why_not: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unmet {
    pub step: Option<usize>,
    pub message: String,
    pub evidence: Vec<String>,
}
