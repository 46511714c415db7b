//! The bank file as types: what a bank team writes once. Unknown keys are refused; positions are kept where a message
//! may have to point.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

type Text = Spanned<String>;

/// `bank.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) bank: About,
    pub(crate) client: Client,
    /// `esia-v3`, `esia-v1`, `oidc`.
    #[schemars(with = "Vec<String>")]
    pub(crate) protocols: Vec<Text>,
    /// How the bank is started; absent for a bank that already runs (`base_url`).
    #[serde(default)]
    pub(crate) start: Option<Start>,
    /// Origin of a bank that already runs.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) base_url: Option<Text>,
    /// The fixed address at which a running bank expects its portal.
    #[serde(default)]
    pub(crate) portal: Option<Listen>,
    /// What the bank offers; the rest is reported as not claimed.
    #[schemars(with = "Vec<String>")]
    pub(crate) claims: Vec<Text>,
    /// Way 1: origin of the adapter calls.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) adapter: Option<Text>,
    /// Way 2: the bank's own HTTP, by action.
    #[serde(default)]
    pub(crate) actions: BTreeMap<String, Mapping>,
    /// The bank's error codes → reason classes.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(crate) reasons: BTreeMap<String, Text>,
    /// Way 3: a program that reads one JSON and writes one.
    #[serde(default)]
    pub(crate) command: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) evidence: Evidence,
    #[serde(default)]
    pub(crate) policy: Policy,
    /// Tokens of the bank's staff by role, sent as `Authorization: Bearer` by calls that name the role.
    #[serde(default)]
    pub(crate) roles: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) known_gaps: Vec<Gap>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) contact: String,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) id: String,
    /// `rsa2048` (or `rsa`), `rsa3072`, `ecdsa-p256` (or `ecdsa`), `gost2012-256` (or `gost`), `gost2012-512`, or GOST on
    /// another curve.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) alg: Option<Text>,
    /// `generate`, or a PEM file.
    #[schemars(with = "String")]
    pub(crate) certificate: Text,
    /// The PEM file of the key, where the certificate is a file.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) key: Option<Text>,
    #[schemars(with = "String")]
    pub(crate) redirect_uri: Text,
    /// Where the portal sends its signed events.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) webhook: Option<Text>,
    /// Scopes registered at the portal; all that are known when absent.
    #[serde(default)]
    pub(crate) scopes: Option<Vec<String>>,
    /// Purposes registered at the portal; all that are known when absent.
    #[serde(default)]
    pub(crate) purposes: Option<Vec<String>>,
    /// `RS256`, `ES256` or `GOST3410_2012_256`: of the tokens that the bank gets.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) token_alg: Option<Text>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    #[schemars(with = "Vec<String>")]
    pub(crate) command: Spanned<Vec<String>>,
    /// Relative to the bank file.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) folder: Option<Text>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) ready: Ready,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ready {
    /// Any answer below 500 means ready.
    pub(crate) http: String,
    /// `20s`, `500ms`, or ISO 8601.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) within: Option<Text>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    pub(crate) listen: String,
}

/// One action in the bank's own HTTP.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping {
    pub(crate) http: Call,
    #[serde(default)]
    pub(crate) outcome: Reading,
    /// How a pending flow is asked about; the same address again when absent.
    #[serde(default)]
    pub(crate) observe: Option<Asking>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asking {
    pub(crate) http: Call,
    #[serde(default)]
    pub(crate) outcome: Option<Reading>,
}

/// An HTTP call. `{customer}`, `{flow}`, `{operation}`, `{handle}` and `{params.…}` are filled in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Sent as JSON.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// Sends the token of this role.
    #[serde(default)]
    pub(crate) role: Option<String>,
}

/// How an answer is read: each entry but `words` and `values` is a JSONPath.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reading {
    /// The bank's own word for the state. Without it the HTTP status decides: 2xx ok, 202 pending, 4xx refused, 5xx error.
    #[serde(default)]
    pub(crate) state: Option<String>,
    /// The bank's words → `ok`, `refused`, `pending`, `error`.
    #[serde(default)]
    pub(crate) words: BTreeMap<String, String>,
    /// The bank's error code, looked up in `reasons`.
    #[serde(default)]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) customer: Option<String>,
    /// Address to which the person must go. Without it a `Location` header counts.
    #[serde(default)]
    pub(crate) browser: Option<String>,
    /// Kept for `observe` as `{handle}`.
    #[serde(default)]
    pub(crate) handle: Option<String>,
    /// Name of the contract's value → JSONPath.
    #[serde(default)]
    pub(crate) values: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evidence {
    /// Files that the bank writes its log to; one with `audit` in its name is its audit trail.
    #[serde(default)]
    pub(crate) logs: Vec<String>,
    /// Files or folders that hold its data.
    #[serde(default)]
    pub(crate) storage: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// `crl`: the bank checks revocation of server certificates.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) revocation_check: Option<Text>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gap {
    #[schemars(with = "String")]
    pub(crate) rule: Text,
    pub(crate) reason: String,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) until: Option<Text>,
}
