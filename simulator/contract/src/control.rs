//! The management interface of the portal and the parts of its configuration that it shares: what a tester, the suite
//! or a script sends to the control address and gets back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exchange::Exchange;
use crate::ids::Oid;
use crate::journal::Entry;
use crate::time::{Span, Timestamp};

mod partner;

pub use partner::{Encryption, HmacAlg, KeyType, PartnerConfig, RedirectMatch, Secret, TokenAlg, WebhookHmac};

/// The header that names the sandbox.
pub const SANDBOX_HEADER: &str = "Stend-Sandbox";
/// The sandbox meant when the header is absent.
pub const DEFAULT_SANDBOX: &str = "default";
/// The header in which the portal says why it refused.
pub const DIAGNOSIS_HEADER: &str = "Stend-Diagnosis";

/// The line that `stend serve` prints when it is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyLine {
    /// Origin of the portal.
    pub portal: String,
    /// Origin of the control API.
    pub control: String,
    /// File with the authority's certificate (PEM).
    pub ca: String,
    /// File with the control API's bearer token.
    pub token_file: String,
    /// `iss` of ESIA tokens.
    pub esia_issuer: String,
    /// `iss` of OpenID Connect tokens.
    pub oidc_issuer: String,
}

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Russian.
    pub ru: String,
    /// English.
    pub en: String,
}

/// How tolerant the portal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// As the guidelines prescribe; for certification.
    #[default]
    Strict,
    /// As real clients need; for first steps.
    Lenient,
}

/// How a sandbox's clock starts: `real`, `{offset: PT2H}` or `{frozen: 2026-11-22T10:00:00Z}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClockSetting {
    /// The wall clock.
    #[default]
    Real,
    /// Ahead of the wall clock.
    Offset(Span),
    /// Stands still until advanced.
    Frozen(Timestamp),
}

/// Every number that a rule leans on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A revoked consent may be used no longer than this.
    pub revocation_delay: Span,
    /// A deferred answer may be asked for this often.
    pub poll_interval: Span,
    /// Clocks may differ by this.
    pub clock_skew: Span,
    /// How old or new the signed `timestamp` may be.
    pub timestamp_window: Span,
    /// After a refusal the person is left in peace for this long.
    pub quiet_time: Span,
    /// Life of an authorisation code.
    pub code_life: Span,
    /// Life of access and id tokens.
    pub token_life: Span,
    /// Life of a data token.
    pub data_token_life: Span,
    /// Life of a refresh token.
    pub refresh_life: Span,
    /// A consent request that nobody answers ends after this.
    pub consent_answer: Span,
    /// How long an account stays locked after failed attempts.
    pub lock_out: Span,
    /// Failed attempts before the lock-out.
    pub attempts: u32,
    /// A deferred answer is ready after this.
    pub deferral: Span,
    /// A message of the exchange that is not acknowledged comes back after this.
    pub smev_redelivery: Span,
    /// Bytes of the attachments inside one message of the exchange.
    pub smev_inline: u32,
    /// Bytes of one file in the store of the exchange.
    pub smev_file: u32,
    /// The latest so many events of a partner are kept for its stream.
    pub stream_events: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            revocation_delay: Span::from_seconds(5),
            poll_interval: Span::from_seconds(1),
            clock_skew: Span::from_seconds(60),
            timestamp_window: Span::from_minutes(10),
            quiet_time: Span::from_seconds(1),
            code_life: Span::from_seconds(240),
            token_life: Span::from_seconds(3600),
            data_token_life: Span::from_minutes(10),
            refresh_life: Span::from_days(30),
            consent_answer: Span::from_minutes(15),
            lock_out: Span::from_minutes(15),
            attempts: 3,
            deferral: Span::from_seconds(2),
            smev_redelivery: Span::from_minutes(15),
            smev_inline: 5 * 1024 * 1024,
            smev_file: 1024 * 1024 * 1024,
            stream_events: 1000,
        }
    }
}

/// `POST /sandboxes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxAsk {
    /// Seed of everything drawn; from the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How the clock starts; from the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockSetting>,
    /// Partners; those of the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partners: Option<Vec<PartnerConfig>>,
    /// Limits; those of the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Strictness; that of the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strictness: Option<Strictness>,
    /// Whether the diagnosis header is sent; as in the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<bool>,
    /// Kinds of keys that the ESIA interface takes; those of the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_types: Option<Vec<KeyType>>,
    /// When the first version of the data services ends; as in the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_v1: Option<VersionLife>,
    /// Kinds of keys that the message exchange takes; those of the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smev_algorithms: Option<Vec<KeyType>>,
    /// Whether the message exchange takes unsigned calls; as in the configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smev_unsigned: Option<Unsigned>,
}

/// Versions of the data services: `GET|PUT /api-versions`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApiVersions {
    /// The first version.
    pub v1: VersionLife,
}

/// The announced end of a version. Nothing is announced by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VersionLife {
    /// From when on it should not be used any more: an instant, or a day (RFC 9745).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "moment")]
    pub deprecated: Option<Timestamp>,
    /// From when on it is not served any more: an instant, or a day (RFC 8594).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "moment")]
    pub sunset: Option<Timestamp>,
}

/// An instant, or the beginning of a day.
fn moment<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(input)? else { return Ok(None) };
    let day = text.parse().map(crate::time::Day::midnight);
    text.parse().or(day).map(Some).map_err(serde::de::Error::custom)
}

/// What becomes of a message that nobody signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unsigned {
    /// It is refused.
    #[default]
    Refused,
    /// It is taken for a message of the one partner that there is, or that the certificate of the connection belongs to.
    Allowed,
}

/// Answer to [`SandboxAsk`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxOpened {
    /// Value of the header [`SANDBOX_HEADER`].
    pub id: String,
    /// Origin of its portal.
    pub portal: String,
    /// Origin of a stranger's host that records whatever arrives.
    pub foreign: String,
    /// `iss` of OpenID Connect tokens.
    pub oidc_issuer: String,
    /// `iss` of ESIA tokens.
    pub esia_issuer: String,
    /// The authority's certificate (PEM text).
    pub ca: String,
    /// The limits in force.
    pub limits: Limits,
}

/// `POST /citizens`: a fresh person with this story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CitizenAsk {
    /// Slug of the story.
    pub like: String,
}

/// `POST /faults`: tell this lie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultAsk {
    /// One of [`crate::fault::FAULTS`].
    pub fault: String,
    /// Only in exchanges about this citizen (slug).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizen: Option<String>,
    /// How many times; absent means until removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Parameters of the fault (`status`, `error`, `field` …).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

/// A fault that is armed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultArmed {
    /// For `DELETE /faults/{id}`.
    pub id: String,
    /// Its slug.
    pub fault: String,
    /// Only about this citizen (slug).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizen: Option<String>,
    /// How often it will still be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
    /// How often it was told.
    #[serde(default)]
    pub told: u32,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

/// `POST /citizen/act`: a person goes through an authorisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActAsk {
    /// The authorisation address that the bank made.
    pub url: String,
    /// Who (slug).
    pub citizen: String,
    /// What is typed.
    #[serde(default)]
    pub factors: Factors,
    /// What is pressed on the consent page.
    #[serde(default)]
    pub decision: Decision,
    /// Scopes left ticked; absent means all asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Vec<String>>,
}

/// What a person types at sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Factors {
    /// The password.
    pub password: Factor,
    /// The one-time code, where one is asked.
    pub second: Factor,
}

/// Whether a factor is typed rightly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Factor {
    /// As it should be.
    #[default]
    Right,
    /// Something else.
    Wrong,
    /// Nothing at all.
    None,
}

/// What a person does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Says yes.
    #[default]
    Approve,
    /// Says no.
    Refuse,
    /// Leaves.
    Ignore,
}

/// Answer to [`ActAsk`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActAnswer {
    /// Where the browser would be sent; absent where the person left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// Titles of the pages passed.
    pub pages: Vec<String>,
}

/// A message to a citizen, from `GET /citizens/{slug}/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// When.
    pub at: Timestamp,
    /// By which way.
    pub channel: Channel,
    /// What about.
    pub subject: String,
    /// The whole text.
    pub text: String,
    /// The one-time code in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Ways to reach a citizen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// E-mail.
    Email,
    /// The portal's own account.
    Portal,
    /// Push.
    Push,
    /// Text message.
    Sms,
}

/// `POST /clock/advance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockAdvance {
    /// By how much.
    pub by: Span,
}

/// `GET /clock`, and the answer to every change of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockState {
    /// The sandbox's time now.
    pub now: Timestamp,
    /// How it runs.
    pub clock: ClockSetting,
}

/// `POST /keys/rotate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RotateAsk {
    /// Old keys stay published beside the new ones.
    pub overlap: bool,
}

impl Default for RotateAsk {
    fn default() -> Self {
        Self { overlap: true }
    }
}

/// `GET /exchanges?after=N`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExchangesPage {
    /// Finished exchanges, in order of ids.
    pub exchanges: Vec<Exchange>,
    /// Value of `after` for the next call.
    pub next: u64,
}

/// `GET /journal?after=N`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalPage {
    /// Entries, in order.
    pub entries: Vec<Entry>,
    /// Value of `after` for the next call.
    pub next: u64,
}

/// `GET /records?exchange=N&entry=M`: both kinds of record at once, for whoever follows a sandbox closely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordsPage {
    /// Finished exchanges, in order of ids.
    pub exchanges: Vec<Exchange>,
    /// Value of `exchange` for the next call.
    pub next_exchange: u64,
    /// Entries of the journal, in order.
    pub entries: Vec<Entry>,
    /// Value of `entry` for the next call.
    pub next_entry: u64,
}

/// `GET /journal/verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalVerdict {
    /// The chain is whole.
    pub ok: bool,
    /// Entries looked at.
    pub entries: u64,
    /// The first entry that does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<u64>,
}

/// A delivery of an event, from `GET /hooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HookDelivery {
    /// Stable over retries.
    pub id: String,
    /// `consent.revoked`, `debt.changed` …
    #[serde(rename = "type")]
    pub kind: String,
    /// To whom.
    pub client_id: String,
    /// About whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizen: Option<Oid>,
    /// Attempts so far.
    pub attempts: u32,
    /// Status of the last attempt, where one was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether the receiver took it.
    pub delivered: bool,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

/// A problem document (RFC 9457), of `/api` and of the control API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `https://stend.example/errors/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short, the same for every problem of this type.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened this time.
    #[serde(default)]
    pub detail: String,
    /// Row of the error registry.
    pub code: String,
    /// Why.
    #[serde(default)]
    pub reason: Names,
    /// What to do.
    #[serde(default)]
    pub advice: Names,
    /// What else a problem tells.
    #[serde(flatten, default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, Value>,
}
