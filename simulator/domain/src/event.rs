//! What happened: a past participle each. An event is a journal entry and back; the world is the fold of them.
//!
//! Personal values stand beside the chain: [`Event::to_entry`] takes them out of `data` into `beside` (member → value),
//! the journal commits to them, and [`Event::from_entry`] puts back what is still there. Every such member may be absent.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::citizen::Citizen;
use contract::control::{Channel, VersionLife};
use contract::ids::Uin;
use contract::matter::{Analytics, By, MatterKind, MatterReason, MetricItem, Offer};
use contract::money::Money;
use contract::registries::debts::{PaymentMethod, PaymentState, Restriction};
use contract::smev::Category;
use contract::time::{Day, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::consent::{Consent, Revoker};
use crate::debts::DebtRecord;
use crate::identity::AuthorisationRequest;
use crate::matters::{IssuedDocument, KeptFile, Opened};
use crate::partners::{Certificate, Partner};
use crate::payments::PaymentRecord;
use crate::pension::Order;
use crate::refusal::Refusal;
use crate::registries::FactsOrder;
use crate::reply::Reply;
use crate::smev::{Anomaly, MessageKind, SmevMessage};
use crate::tokens::{Misuse, Token};

/// What [`crate::World::decide`] comes to. The events are journalled and applied in both cases: a refusal counts
/// attempts, tells of misuse, revokes what was stolen.
#[derive(Debug)]
pub struct Decision {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What is answered.
    pub outcome: Result<Reply, Refusal>,
}

/// One thing that happened, with whom it concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Which client it concerns.
    pub partner: Option<String>,
    /// Whom it concerns, by OID.
    pub citizen: Option<i64>,
    /// The sign-in it belongs to.
    pub flow: Option<String>,
    /// What happened.
    pub fact: Fact,
}

/// The parts of a journal entry that an event fills.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryParts {
    /// The kind of entry.
    pub kind: String,
    /// Which client it concerns.
    pub partner: Option<String>,
    /// Whom it concerns, by OID.
    pub citizen: Option<i64>,
    /// The sign-in it belongs to.
    pub flow: Option<String>,
    /// What stands in the chain.
    pub data: Value,
    /// Personal values, to be kept next to the entry; the chain holds a salted commitment to each.
    pub beside: Map<String, Value>,
}

/// A journal entry whose kind is ours and whose data is not.
#[derive(Debug, thiserror::Error)]
#[error("read a journal entry of kind {kind}")]
pub struct EntryError {
    kind: String,
    #[source]
    source: serde_json::Error,
}

/// The facts, named by the kind of their journal entry. In JSON `{kind: data}`: a tag beside its content would have every
/// fact read twice over, by the reader of values and by serde's buffer for a content that comes first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is told where its kind is: contract::journal::kinds")]
pub enum Fact {
    #[serde(rename = "partner.registered")]
    PartnerRegistered { partner: Box<Partner> },
    #[serde(rename = "partner.certificate_added")]
    PartnerCertificateAdded { client_id: String, certificate: Certificate },
    #[serde(rename = "citizen.added")]
    CitizenAdded {
        slug: String,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "shared")]
        citizen: Option<Arc<Citizen>>,
    },
    #[serde(rename = "citizen.changed")]
    CitizenChanged {
        slug: String,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "shared")]
        citizen: Option<Arc<Citizen>>,
    },

    #[serde(rename = "authorisation.pushed")]
    AuthorisationPushed { id: String, request_uri: String, expires_at: Timestamp, request: Box<AuthorisationRequest> },
    #[serde(rename = "authorisation.begun")]
    AuthorisationBegun {
        flow: String,
        expires_at: Timestamp,
        /// The pushed request that this flow used up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_uri: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ip: Option<String>,
        #[serde(flatten)]
        request: Box<AuthorisationRequest>,
    },
    /// The person let the client read these scopes.
    #[serde(rename = "authorisation.approved")]
    AuthorisationApproved { flow: String, scopes: Vec<String>, remembered: bool },
    #[serde(rename = "authorisation.refused")]
    AuthorisationRefused { flow: String, code: String, error: String },
    #[serde(rename = "password.accepted")]
    PasswordAccepted {},
    #[serde(rename = "password.rejected")]
    PasswordRejected { left: u32 },
    #[serde(rename = "account.locked")]
    AccountLocked { until: Timestamp },
    #[serde(rename = "account.unlocked")]
    AccountUnlocked {},
    #[serde(rename = "otp.sent")]
    OtpSent {
        expires_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    #[serde(rename = "otp.accepted")]
    OtpAccepted {},
    #[serde(rename = "otp.rejected")]
    OtpRejected { left: u32 },
    #[serde(rename = "session.opened")]
    SessionOpened { id: String, second_factor: bool, expires_at: Timestamp },
    /// Single sign-on: the flow leans on a standing session.
    #[serde(rename = "session.joined")]
    SessionJoined { id: String },
    #[serde(rename = "session.ended")]
    SessionEnded { id: String },

    #[serde(rename = "consent.requested")]
    ConsentRequested {
        #[serde(flatten)]
        consent: Box<Consent>,
    },
    #[serde(rename = "consent.granted")]
    ConsentGranted {
        id: String,
        granted_at: Timestamp,
        expires_at: Timestamp,
        scopes: Vec<String>,
        #[serde(default)]
        ip: Option<String>,
    },
    #[serde(rename = "consent.refused")]
    ConsentRefused {
        id: String,
        #[serde(default)]
        ip: Option<String>,
    },
    #[serde(rename = "consent.expired")]
    ConsentExpired { id: String, unanswered: bool },
    #[serde(rename = "consent.revoked")]
    ConsentRevoked { id: String, by: Revoker },

    #[serde(rename = "code.issued")]
    CodeIssued {
        id: String,
        scopes: Vec<String>,
        expires_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        consent: Option<String>,
    },
    #[serde(rename = "code.redeemed")]
    CodeRedeemed { id: String },
    #[serde(rename = "tokens.issued")]
    TokensIssued {
        tokens: Vec<Token>,
        /// The code they were exchanged for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The refresh token that the new one replaces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rotated: Option<String>,
    },
    #[serde(rename = "token.revoked")]
    TokenRevoked { id: String, reason: String },
    #[serde(rename = "token.misused")]
    TokenMisused { id: String, reason: Misuse },
    #[serde(rename = "token.bound")]
    TokenBound { id: String, request: String },
    #[serde(rename = "token.spent")]
    TokenSpent { id: String },

    #[serde(rename = "person.read")]
    PersonRead { token: String, groups: Vec<String>, scopes: Vec<String> },
    #[serde(rename = "debts.read")]
    DebtsRead { consent: String, token: String, count: usize, uins: Vec<Uin> },
    #[serde(rename = "debt.fed")]
    DebtFed { external_id: String, uin: Uin, amount: Money, due_date: Day, token: String, record: Box<DebtRecord> },
    #[serde(rename = "debt.changed")]
    DebtChanged {
        #[serde(flatten)]
        record: Box<DebtRecord>,
    },
    #[serde(rename = "payment.accepted")]
    PaymentAccepted {
        #[serde(flatten)]
        record: Box<PaymentRecord>,
    },
    #[serde(rename = "payment.settled")]
    PaymentSettled { id: String, uin: Uin },
    #[serde(rename = "payment.repeated")]
    PaymentRepeated { id: String, key: String },
    #[serde(rename = "payment.refused")]
    PaymentRefused { uin: String, code: String, key: String, amount: Money, method: PaymentMethod },
    #[serde(rename = "restriction.lifted")]
    RestrictionLifted { uin: Uin, restriction: Restriction },
    #[serde(rename = "pension.ordered")]
    PensionOrdered {
        #[serde(flatten)]
        order: Box<Order>,
    },
    #[serde(rename = "pension.read")]
    PensionRead {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<String>,
        from: Day,
        to: Day,
        consent: String,
        token: String,
    },

    #[serde(rename = "versions.announced")]
    VersionsAnnounced { v1: VersionLife },
    #[serde(rename = "reference.revised")]
    ReferenceRevised { name: String, edition: i64 },
    #[serde(rename = "facts.ordered")]
    FactsOrdered {
        #[serde(flatten)]
        order: Box<FactsOrder>,
    },
    #[serde(rename = "facts.read")]
    FactsRead {
        registry: String,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        params: BTreeMap<String, String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<String>,
        consent: String,
        token: String,
    },

    #[serde(rename = "payment.moved")]
    PaymentMoved {
        id: String,
        uin: Uin,
        to: PaymentState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<MatterReason>,
    },

    #[serde(rename = "matter.opened")]
    MatterOpened {
        #[serde(flatten)]
        opened: Box<Opened>,
    },
    #[serde(rename = "matter.moved")]
    MatterMoved {
        id: String,
        kind: MatterKind,
        name: String,
        from: String,
        to: String,
        by: By,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<MatterReason>,
        /// What the matter is about, where the move changed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<String>,
    },
    /// What a matter is about has changed, and it stays where it is.
    #[serde(rename = "matter.noted")]
    MatterNoted {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Value>,
    },
    #[serde(rename = "matter.read")]
    MatterRead { id: String, kind: MatterKind, token: String },
    #[serde(rename = "matter.answered")]
    MatterAnswered {
        id: String,
        key: String,
        body: String,
        /// Absent: the answer is the matter as it stands now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    #[serde(rename = "matter.repeated")]
    MatterRepeated { key: String },
    #[serde(rename = "matter.code_sent")]
    MatterCodeSent {
        id: String,
        operation: String,
        expires_at: Timestamp,
        tries: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    #[serde(rename = "matter.code_accepted")]
    MatterCodeAccepted { id: String },
    #[serde(rename = "matter.code_rejected")]
    MatterCodeRejected { id: String, left: u32 },
    #[serde(rename = "document.issued")]
    DocumentIssued {
        #[serde(flatten)]
        document: Box<IssuedDocument>,
    },
    #[serde(rename = "document.read")]
    DocumentRead { id: String, part: String, token: String },
    #[serde(rename = "file.kept")]
    FileKept {
        #[serde(flatten)]
        kept: Box<KeptFile>,
    },
    #[serde(rename = "file.read")]
    FileRead { id: String, token: String },
    #[serde(rename = "survey.taken")]
    SurveyTaken {
        id: String,
        operation: String,
        score: i32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    #[serde(rename = "metrics.taken")]
    MetricsTaken { id: String, period: String, items: Vec<MetricItem> },
    #[serde(rename = "analytics.taken")]
    AnalyticsTaken {
        #[serde(flatten)]
        analytics: Box<Analytics>,
    },
    #[serde(rename = "offer.made")]
    OfferMade {
        #[serde(flatten)]
        offer: Box<Offer>,
    },
    #[serde(rename = "marketing.declined")]
    MarketingDeclined {
        /// Absent: of nobody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        declined: bool,
    },

    #[serde(rename = "hook.queued")]
    HookQueued {
        id: String,
        #[serde(rename = "type")]
        kind: String,
        due: Timestamp,
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    #[serde(rename = "hook.delivered")]
    HookDelivered { id: String, status: u16, attempt: usize },
    #[serde(rename = "hook.failed")]
    HookFailed {
        id: String,
        attempt: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Timestamp>,
    },
    #[serde(rename = "smev.acked")]
    SmevAcked { id: String, accepted: bool },
    #[serde(rename = "smev.anomaly")]
    SmevAnomaly {
        what: Anomaly,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<String>,
    },
    #[serde(rename = "smev.delivered")]
    SmevDelivered { id: String, until: Timestamp, attempt: u32 },
    #[serde(rename = "smev.polled")]
    SmevPolled {
        #[serde(rename = "type")]
        kind: MessageKind,
    },
    #[serde(rename = "smev.redelivered")]
    SmevRedelivered { id: String, until: Timestamp, attempt: u32 },
    #[serde(rename = "smev.rejected")]
    SmevRejected { id: String, code: String, cause: String },
    #[serde(rename = "smev.sent")]
    SmevSent {
        #[serde(flatten)]
        message: Box<SmevMessage>,
    },
    #[serde(rename = "smev.status")]
    SmevStatus {
        id: String,
        status: Category,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<String>,
        /// Its sender was told of it; else it is new.
        told: bool,
    },
    /// An event for a partner that has no web-hook: the others' are queued as such.
    #[serde(rename = "stream.told")]
    StreamTold {
        id: String,
        #[serde(rename = "type")]
        kind: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    #[serde(rename = "stream.acked")]
    StreamAcked {
        seq: u64,
        /// Of these consents; none: of all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        consents: Vec<String>,
    },
    #[serde(rename = "message.sent")]
    MessageSent {
        channel: Channel,
        subject: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
}

/// Members that stand beside the chain, by kind.
const BESIDE: &[(&str, &[&str])] = &[
    ("authorisation.begun", &["ip"]),
    ("citizen.added", &["citizen"]),
    ("citizen.changed", &["citizen"]),
    ("facts.ordered", &["params"]),
    ("facts.read", &["params"]),
    ("hook.queued", &["body"]),
    ("message.sent", &["text"]),
    ("otp.sent", &["code"]),
    ("document.issued", &["facts"]),
    ("file.kept", &["content"]),
    ("matter.code_sent", &["code"]),
    ("matter.moved", &["details"]),
    ("matter.noted", &["details"]),
    ("matter.opened", &["details"]),
    ("payment.accepted", &["source"]),
    ("survey.taken", &["comment"]),
    ("smev.sent", &["payload"]),
    ("stream.told", &["body"]),
];

impl Fact {
    /// The kind of the journal entry.
    pub const fn kind(&self) -> &'static str {
        use contract::journal::kinds;
        match self {
            Self::PartnerRegistered { .. } => kinds::PARTNER_REGISTERED,
            Self::PartnerCertificateAdded { .. } => kinds::PARTNER_CERTIFICATE_ADDED,
            Self::CitizenAdded { .. } => kinds::CITIZEN_ADDED,
            Self::CitizenChanged { .. } => kinds::CITIZEN_CHANGED,
            Self::AuthorisationPushed { .. } => kinds::AUTHORISATION_PUSHED,
            Self::AuthorisationBegun { .. } => kinds::AUTHORISATION_BEGUN,
            Self::AuthorisationApproved { .. } => kinds::AUTHORISATION_APPROVED,
            Self::AuthorisationRefused { .. } => kinds::AUTHORISATION_REFUSED,
            Self::PasswordAccepted {} => kinds::PASSWORD_ACCEPTED,
            Self::PasswordRejected { .. } => kinds::PASSWORD_REJECTED,
            Self::AccountLocked { .. } => kinds::ACCOUNT_LOCKED,
            Self::AccountUnlocked {} => kinds::ACCOUNT_UNLOCKED,
            Self::OtpSent { .. } => kinds::OTP_SENT,
            Self::OtpAccepted {} => kinds::OTP_ACCEPTED,
            Self::OtpRejected { .. } => kinds::OTP_REJECTED,
            Self::SessionOpened { .. } => kinds::SESSION_OPENED,
            Self::SessionJoined { .. } => kinds::SESSION_JOINED,
            Self::SessionEnded { .. } => kinds::SESSION_ENDED,
            Self::ConsentRequested { .. } => kinds::CONSENT_REQUESTED,
            Self::ConsentGranted { .. } => kinds::CONSENT_GRANTED,
            Self::ConsentRefused { .. } => kinds::CONSENT_REFUSED,
            Self::ConsentExpired { .. } => kinds::CONSENT_EXPIRED,
            Self::ConsentRevoked { .. } => kinds::CONSENT_REVOKED,
            Self::CodeIssued { .. } => kinds::CODE_ISSUED,
            Self::CodeRedeemed { .. } => kinds::CODE_REDEEMED,
            Self::TokensIssued { .. } => kinds::TOKENS_ISSUED,
            Self::TokenRevoked { .. } => kinds::TOKEN_REVOKED,
            Self::TokenMisused { .. } => kinds::TOKEN_MISUSED,
            Self::TokenBound { .. } => kinds::TOKEN_BOUND,
            Self::TokenSpent { .. } => kinds::TOKEN_SPENT,
            Self::PersonRead { .. } => kinds::PERSON_READ,
            Self::DebtsRead { .. } => kinds::DEBTS_READ,
            Self::DebtFed { .. } => kinds::DEBT_FED,
            Self::DebtChanged { .. } => kinds::DEBT_CHANGED,
            Self::PaymentAccepted { .. } => kinds::PAYMENT_ACCEPTED,
            Self::PaymentSettled { .. } => kinds::PAYMENT_SETTLED,
            Self::PaymentRepeated { .. } => kinds::PAYMENT_REPEATED,
            Self::PaymentRefused { .. } => kinds::PAYMENT_REFUSED,
            Self::RestrictionLifted { .. } => kinds::RESTRICTION_LIFTED,
            Self::PensionOrdered { .. } => kinds::PENSION_ORDERED,
            Self::PensionRead { .. } => kinds::PENSION_READ,
            Self::VersionsAnnounced { .. } => kinds::VERSIONS_ANNOUNCED,
            Self::ReferenceRevised { .. } => kinds::REFERENCE_REVISED,
            Self::FactsOrdered { .. } => kinds::FACTS_ORDERED,
            Self::FactsRead { .. } => kinds::FACTS_READ,
            Self::PaymentMoved { .. } => kinds::PAYMENT_MOVED,
            Self::MatterOpened { .. } => kinds::MATTER_OPENED,
            Self::MatterMoved { .. } => kinds::MATTER_MOVED,
            Self::MatterNoted { .. } => kinds::MATTER_NOTED,
            Self::MatterRead { .. } => kinds::MATTER_READ,
            Self::MatterAnswered { .. } => kinds::MATTER_ANSWERED,
            Self::MatterRepeated { .. } => kinds::MATTER_REPEATED,
            Self::MatterCodeSent { .. } => kinds::MATTER_CODE_SENT,
            Self::MatterCodeAccepted { .. } => kinds::MATTER_CODE_ACCEPTED,
            Self::MatterCodeRejected { .. } => kinds::MATTER_CODE_REJECTED,
            Self::DocumentIssued { .. } => kinds::DOCUMENT_ISSUED,
            Self::DocumentRead { .. } => kinds::DOCUMENT_READ,
            Self::FileKept { .. } => kinds::FILE_KEPT,
            Self::FileRead { .. } => kinds::FILE_READ,
            Self::SurveyTaken { .. } => kinds::SURVEY_TAKEN,
            Self::MetricsTaken { .. } => kinds::METRICS_TAKEN,
            Self::AnalyticsTaken { .. } => kinds::ANALYTICS_TAKEN,
            Self::OfferMade { .. } => kinds::OFFER_MADE,
            Self::MarketingDeclined { .. } => kinds::MARKETING_DECLINED,
            Self::HookQueued { .. } => kinds::HOOK_QUEUED,
            Self::HookDelivered { .. } => kinds::HOOK_DELIVERED,
            Self::HookFailed { .. } => kinds::HOOK_FAILED,
            Self::MessageSent { .. } => kinds::MESSAGE_SENT,
            Self::SmevAcked { .. } => kinds::SMEV_ACKED,
            Self::SmevAnomaly { .. } => kinds::SMEV_ANOMALY,
            Self::SmevDelivered { .. } => kinds::SMEV_DELIVERED,
            Self::SmevPolled { .. } => kinds::SMEV_POLLED,
            Self::SmevRedelivered { .. } => kinds::SMEV_REDELIVERED,
            Self::SmevRejected { .. } => kinds::SMEV_REJECTED,
            Self::SmevSent { .. } => kinds::SMEV_SENT,
            Self::SmevStatus { .. } => kinds::SMEV_STATUS,
            Self::StreamAcked { .. } => kinds::STREAM_ACKED,
            Self::StreamTold { .. } => kinds::STREAM_TOLD,
        }
    }
}

impl Event {
    /// The kind of the journal entry.
    pub const fn kind(&self) -> &'static str {
        self.fact.kind()
    }

    /// The parts of the journal entry.
    pub fn to_entry(&self) -> EntryParts {
        let kind = self.kind();
        // The facts hold text, numbers, lists and maps with text keys: nothing that JSON cannot say.
        let mut whole = serde_json::to_value(&self.fact).unwrap_or_default();
        let mut data = whole.get_mut(kind).map(Value::take).unwrap_or_else(|| Value::Object(Map::new()));
        let mut beside = Map::new();
        if let Some(members) = data.as_object_mut() {
            for name in BESIDE.iter().filter(|(of, _)| *of == kind).flat_map(|(_, names)| names.iter()) {
                if let Some(value) = members.remove(*name).filter(|value| !value.is_null()) {
                    beside.insert((*name).to_owned(), value);
                }
            }
        }
        EntryParts {
            kind: kind.to_owned(),
            partner: self.partner.clone(),
            citizen: self.citizen,
            flow: self.flow.clone(),
            data,
            beside,
        }
    }

    /// Reads an entry back. `None` for the kinds that are the edge's own (faults, handshakes, refusals).
    pub fn from_entry(at: Timestamp, parts: EntryParts) -> Result<Option<Self>, EntryError> {
        if !is_ours(&parts.kind) {
            return Ok(None);
        }
        let mut data = parts.data;
        if let Some(members) = data.as_object_mut() {
            members.extend(parts.beside);
        }
        let whole = Value::Object(Map::from_iter([(parts.kind.clone(), data)]));
        let fact = serde_json::from_value(whole).map_err(|source| EntryError { kind: parts.kind, source })?;
        Ok(Some(Self { at, partner: parts.partner, citizen: parts.citizen, flow: parts.flow, fact }))
    }

    /// The member beside an earlier entry (kind, of the same flow) whose time is over: a used one-time code is kept nowhere.
    pub const fn erases(&self) -> Option<(&'static str, &'static str)> {
        match self.fact {
            Fact::OtpAccepted {} => Some((contract::journal::kinds::OTP_SENT, "code")),
            Fact::MatterCodeAccepted { .. } => Some((contract::journal::kinds::MATTER_CODE_SENT, "code")),
            _ => None,
        }
    }
}

/// Whether a kind of entry is folded by the world. The rest tells of the edge.
fn is_ours(kind: &str) -> bool {
    use contract::journal::kinds;
    !matches!(
        kind,
        kinds::SANDBOX_OPENED
            | kinds::BANKING_ANSWERED
            | kinds::BANKING_ASKED
            | kinds::CLOCK_MOVED
            | kinds::KEY_ROTATED
            | kinds::FAULT_ARMED
            | kinds::FAULT_TOLD
            | kinds::FAULT_REMOVED
            | kinds::HANDSHAKE
            | kinds::REQUEST_REFUSED
            | kinds::WS_OPENED
            | kinds::WS_FRAME
            | kinds::WS_CLOSED
    ) && kinds::ALL.contains(&kind)
}

/// `Option<Arc<T>>` through serde, which has no `rc` feature here.
pub(crate) mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &Option<Arc<T>>, out: S) -> Result<S::Ok, S::Error> {
        value.as_deref().serialize(out)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<Arc<T>>, D::Error> {
        Option::<T>::deserialize(input).map(|value| value.map(Arc::new))
    }
}
