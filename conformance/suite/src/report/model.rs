//! `report.json`: the truth of a run. The other forms (HTML, JUnit, text) are readers of this model.

use std::collections::BTreeMap;

use rules::finding::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::coverage::Reached;

pub const SCHEMA: &str = "https://stend.example/schemas/report-1.json";

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Address of the schema of this document.
    pub schema: String,
    pub tool: Tool,
    pub run: Run,
    pub bank: Bank,
    pub portal: Portal,
    /// Every number that a rule leans on, as ISO 8601 spans.
    pub limits: BTreeMap<String, String>,
    /// Which algorithms were exercised, for what, in each protocol.
    #[serde(default)]
    pub algorithms: Vec<AlgorithmUse>,
    pub summary: Summary,
    pub requirements: Vec<RequirementResult>,
    pub rules: Vec<RuleResult>,
    pub scenarios: Vec<ScenarioResult>,
    pub findings: Vec<Finding>,
    /// What was not tested, and why.
    pub left_out: Vec<LeftOut>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    pub id: String,
    pub seed: u64,
    /// RFC 3339.
    pub started: String,
    pub finished: String,
    pub duration_ms: u64,
    /// `all`, or what was selected.
    pub selection: String,
    /// Cases that were not repeated in a protocol because the way of signing in makes no difference to them, and another
    /// protocol played them; `certify --every-row` leaves none.
    #[serde(default)]
    pub dealt_out: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Bank {
    pub name: String,
    pub version: String,
    pub contact: String,
    pub client_id: String,
    pub protocols: Vec<String>,
    pub claims: Vec<String>,
    /// The report's `algorithms` in single words.
    pub algorithms: Vec<String>,
    pub clock: String,
    pub known_gaps: Vec<KnownGap>,
}

/// One algorithm at work. A signature counts only where the suite verified it again from the recording, a certificate only
/// as a handshake showed it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AlgorithmUse {
    pub protocol: String,
    /// `request_signature`, `certificate_hash`, `client_assertion`: the bank's. `access_token`, `id_token`, `web_hook`: the
    /// portal's. `portal_tls`, `bank_tls`, `client_tls`: certificates of connections.
    pub used_for: String,
    /// Kind and size of the key: `GOST R 34.10-2012 256`, `RSA 2048`, `ECDSA 256`.
    pub key: String,
    /// Parameter set or curve with its object identifier; empty for RSA.
    pub parameters: String,
    /// As it stood on the wire: JOSE name, object identifier of the container, form of the bytes, cipher suite.
    pub signature: String,
    /// The digest that was signed, or that a certificate's hash is by.
    pub digest: String,
    /// How often it was seen.
    pub times: u64,
    /// Why the key is of another kind than the one that the bank signs with, where it is.
    pub why: Option<Bilingual>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KnownGap {
    pub rule: String,
    pub reason: String,
    pub until: Option<String>,
    /// `holds`: the rule failed as announced. `passes`: it did not fail, so the gap must be struck from the bank file.
    pub state: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Portal {
    pub origin: String,
    pub esia_issuer: String,
    pub oidc_issuer: String,
    pub state: String,
}

/// Cases by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub cases: u64,
    pub pass: u64,
    pub fail: u64,
    pub warning: u64,
    pub not_claimed: u64,
    pub not_applicable: u64,
    pub inconclusive: u64,
    pub error: u64,
    pub scenarios: u64,
    pub findings: u64,
    pub duration_ms: u64,
    /// What the process exits with, by the contract.
    pub exit_code: u8,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RequirementResult {
    pub id: String,
    #[schemars(with = "Word")]
    pub verdict: Verdict,
    /// Ids of the cases that cite it.
    pub cases: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RuleResult {
    pub id: String,
    pub slug: String,
    #[schemars(with = "Word")]
    pub verdict: Verdict,
    pub level: String,
    pub severity: String,
    pub title: Bilingual,
    pub requirement_ids: Vec<String>,
    pub clauses: Vec<String>,
    /// Why it was not judged, where it was not.
    pub why: Option<Bilingual>,
    /// How many cases gave it nothing to judge; the others stand in `cases`.
    pub not_applicable_cases: u64,
    pub cases: Vec<RuleCase>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RuleCase {
    pub case: String,
    #[schemars(with = "Word")]
    pub verdict: Verdict,
    pub message: Bilingual,
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioResult {
    pub id: String,
    /// `<scenario>[<row>]/<protocol>`.
    pub case: String,
    pub row: Option<String>,
    pub title: Bilingual,
    pub protocol: String,
    pub requirements: Vec<String>,
    #[schemars(with = "Word")]
    pub verdict: Verdict,
    pub why: Option<Bilingual>,
    pub duration_ms: u64,
    pub steps: Vec<StepResult>,
    /// Kept recording, relative to the report.
    pub trace: Option<String>,
    /// SHA-256 of the kept recording.
    pub trace_sha256: Option<String>,
    /// Calls that the bank made to the portal, `METHOD path-shape` → count.
    pub calls: BTreeMap<String, u32>,
    /// End points, error codes and transitions of the portal that the case reached, by whomever.
    #[serde(default)]
    pub reached: Reached,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    pub index: usize,
    pub step: String,
    /// `done`, `unmet`, `skipped`.
    pub state: String,
    pub seen: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub rule_id: Option<String>,
    pub slug: Option<String>,
    pub scenario_id: String,
    pub case: String,
    #[schemars(with = "Word")]
    pub verdict: Verdict,
    pub severity: String,
    pub message: Bilingual,
    pub evidence: Vec<Evidence>,
    pub advice: Bilingual,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Where in the trace: `exchange:42`, `journal:17`, `report:f-3` …
    pub at: String,
    pub seen: String,
    /// The recording that holds it, relative to the report.
    pub trace: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    pub what: String,
    #[schemars(with = "Word")]
    pub verdict: Verdict,
    pub why: Bilingual,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bilingual {
    pub ru: String,
    pub en: String,
}

impl Bilingual {
    pub fn new(ru: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ru: ru.into(), en: en.into() }
    }
}

/// The verdict words of the contract, for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words of the schema")]
enum Word {
    Pass,
    Fail,
    Warning,
    NotClaimed,
    NotApplicable,
    Inconclusive,
    Error,
}

impl Report {
    pub fn exit_code(&self) -> u8 {
        self.summary.exit_code
    }

    /// Nothing yet: what `..` takes its rest from.
    pub(crate) fn empty() -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            tool: Tool { name: "stend".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            run: Run {
                id: String::new(),
                seed: 0,
                started: String::new(),
                finished: String::new(),
                duration_ms: 0,
                selection: String::new(),
                dealt_out: 0,
            },
            bank: Bank {
                name: String::new(),
                version: String::new(),
                contact: String::new(),
                client_id: String::new(),
                protocols: Vec::new(),
                claims: Vec::new(),
                algorithms: Vec::new(),
                clock: String::new(),
                known_gaps: Vec::new(),
            },
            portal: Portal {
                origin: String::new(),
                esia_issuer: String::new(),
                oidc_issuer: String::new(),
                state: String::new(),
            },
            limits: BTreeMap::new(),
            algorithms: Vec::new(),
            summary: Summary::default(),
            requirements: Vec::new(),
            rules: Vec::new(),
            scenarios: Vec::new(),
            findings: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// The published JSON Schema of `report.json`.
    pub fn schema() -> Value {
        let mut schema = schemars::schema_for!(Self).to_value();
        schema["$id"] = Value::from(SCHEMA);
        schema
    }
}
