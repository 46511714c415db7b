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
    /// Version of the form of this file.
    pub schema: String,
    /// Which case this is.
    pub case: Case,
    /// The bank under test.
    pub bank: BankFacts,
    /// The portal it was tested against.
    pub portal: PortalFacts,
    /// Citizens of the case.
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

/// Names one case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Case {
    /// Stable: `<scenario>[<row>]/<protocol>`.
    pub id: String,
    /// Id of the scenario.
    pub scenario: String,
    /// Row of the `each` table.
    pub row: Option<String>,
    /// Protocol of the lane.
    pub protocol: Protocol,
    /// Seed of the run.
    pub seed: u64,
    /// Requirements that the scenario cites.
    pub requirements: Vec<String>,
}

/// How bank and portal speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// ESIA with CMS signatures.
    #[serde(rename = "esia-v1")]
    EsiaV1,
    /// ESIA with raw signatures.
    #[serde(rename = "esia-v3")]
    EsiaV3,
    /// Plain OpenID Connect.
    #[serde(rename = "oidc")]
    Oidc,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 3] = [Self::EsiaV3, Self::EsiaV1, Self::Oidc];

    /// As it stands in files.
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
    /// Client id at the portal.
    pub client_id: String,
    /// Registered redirect address.
    pub redirect_uri: String,
    /// Origin of the bank, `https://localhost:9443`.
    pub origin: String,
    /// What the bank says it can do.
    pub claims: Vec<String>,
    /// Partner certificates registered at the portal, PEM.
    pub certificates: Vec<String>,
    /// Certificates of the bank that the suite knows and the portal does not, PEM: those of its TLS connections, and those
    /// that no request may be signed with.
    #[serde(default)]
    pub other_certificates: Vec<String>,
    /// What the bank's listener showed in a handshake, PEM.
    #[serde(default)]
    pub tls_certificate: Option<String>,
    /// `crl`, or empty: the declared revocation policy.
    pub revocation_check: Option<String>,
    /// The bank follows the moved clock.
    pub clock_movable: bool,
}

/// What is known of the portal from its ready line, sandbox and configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PortalFacts {
    /// Origin of the portal.
    pub origin: String,
    /// An origin that is not the portal: the `127.0.0.1` twin that faults send credentials to.
    pub foreign_origin: String,
    /// Issuer in ESIA tokens.
    pub esia_issuer: String,
    /// Issuer in OIDC tokens.
    pub oidc_issuer: String,
    /// Numbers that rules lean on.
    pub limits: Limits,
    /// The portal's published keys at the end of the case (JWKS).
    pub jwks: Value,
    /// What the portal's listener showed in a handshake, PEM.
    #[serde(default)]
    pub tls_certificate: Option<String>,
}

/// Every number that a rule leans on, in milliseconds; printed in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How soon a revocation must be obeyed.
    pub revocation_delay_ms: i64,
    /// Shortest time between polls.
    pub poll_interval_ms: i64,
    /// Tolerated difference of clocks.
    pub clock_skew_ms: i64,
    /// Tolerated age of a signed time stamp.
    pub timestamp_window_ms: i64,
    /// No new request to a person this long after a refusal.
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
    /// As the scenario calls them.
    pub name: String,
    /// As fixtures call them.
    pub slug: String,
    /// Number at the portal.
    pub oid: i64,
    /// All that the control API knew at the start.
    pub view: Value,
    /// The handle the bank gave, once linked.
    pub customer: Option<String>,
}

/// Something that happened, at a wall time (microseconds since 1970).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When, by the wall.
    pub wall_us: i64,
    /// What happened.
    pub what: What,
}

/// The kinds of event.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The suite did something: a step of the scenario, or what a step made necessary.
    Act(Act),
    /// Files, logs or URLs of the bank hold a planted value.
    Canary(Canary),
    /// Seen by the portal, by the suite's user agent, or by the suite's foreign host. Placed at its start.
    Exchange(Exchange),
    /// An entry of the portal's journal.
    Journal(Entry),
    /// A question put to the bank.
    Probe(Probe),
    /// The bank's word about a flow. `wall_us` is when the suite had it.
    Reported(Reported),
}

/// A deed of the suite.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Act {
    /// `bank`, `citizen`, `portal`, `attacker`, `clock`, `suite`.
    pub actor: String,
    /// Such as `debts.pay`, `approve`, `fault`, `reload`, `inject-code`, `advance`.
    pub what: String,
    /// Index of the scenario's step; absent for what the harness adds by itself.
    pub step: Option<usize>,
    /// Details.
    pub data: Value,
}

/// The bank's word, with what was asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reported {
    /// Index of the scenario's step.
    pub step: Option<usize>,
    /// What was asked of the bank.
    pub action: String,
    /// Flow by the adapter.
    pub flow: String,
    /// Idempotency id.
    pub operation: String,
    /// Name of the citizen in the scenario.
    pub person: Option<String>,
    /// Still `pending` reports are kept too; the last report of a flow is its final one.
    pub report: Report,
    /// What was asked of the bank.
    pub params: Value,
}

/// A question put to the bank after the fact, with its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Probe {
    /// Which question.
    pub question: String,
    /// Its parameters.
    pub about: Value,
    /// Absent when the bank offers no such probe.
    pub answer: Option<Value>,
    /// `after`: at the end of the case, by the harness; `step`: the scenario asked.
    pub when: String,
    /// Citizen by name.
    pub person: Option<String>,
}

/// A planted value that was found where it must not be.
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
    /// Case of the twin.
    pub case_id: String,
    /// All its expectations held and every final outcome was `ok` where the scenario does not say otherwise.
    pub ended_well: bool,
    /// Why it did not.
    pub why_not: Option<String>,
    /// Calls the bank made to the portal: `METHOD path-shape` → count. A client that calls nothing has no twin.
    pub calls: BTreeMap<String, u32>,
    /// Final outcome by action.
    pub outcomes: BTreeMap<String, Outcome>,
    /// How long it took.
    pub duration_us: i64,
}

/// Whether the bank still works after the case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alive {
    /// Whether all ended as it should.
    pub ended_well: bool,
    /// Why it did not.
    pub why_not: Option<String>,
}

/// A scenario expectation that did not hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unmet {
    /// Index of the scenario's step.
    pub step: Option<usize>,
    /// What did not hold.
    pub message: String,
    /// Where it is seen.
    pub evidence: Vec<String>,
}
