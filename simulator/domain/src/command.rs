//! Everything that may be asked of the core. An imperative each; what the edge has proved comes as a proof type, what
//! it has parsed as a checked value, what it has digested as a digest.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::citizen::Citizen;
use contract::control::VersionLife;
use contract::money::Money;
use contract::registries::debts::PaymentMethod;
use contract::time::{Day, Span};

use crate::identity::AuthorisationRequest;
use crate::matters::MatterCommand;
use crate::partners::{Certificate, Partner};
use crate::proof::{CertificateProof, ClientProof, Secret, Verifier};
use crate::registries::Page;
use crate::smev::{Anomaly, Authority, Payload, SmevMessage, SmevPull, SmevSend};
use crate::tokens::TokenRef;

/// A command; the reply to each is told where it is not [`crate::Reply::Done`] or plain from its name.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "fields bear the names of what they hold; what is not plain is told")]
pub enum Command {
    // The world's furniture, by configuration and control.
    /// Registers a partner, or replaces what is known of it.
    RegisterPartner(Box<Partner>),
    AddCertificate {
        client_id: String,
        certificate: Certificate,
    },
    AddCitizen(Arc<Citizen>),
    /// Replaces the record of the citizen with the same OID. New and changed debts are told to the banks concerned.
    ChangeCitizen(Arc<Citizen>),
    /// Ends a lock-out before its time.
    UnlockAccount {
        citizen: i64,
    },
    /// Lets everything happen that fell due by now: consents end, lock-outs end, deferred answers and payments arrive.
    Settle,

    // Identity. Flow commands answer with `Reply::Flow`.
    /// RFC 9126: keeps the parameters; answers with `Reply::Pushed`.
    PushAuthorisation {
        proof: ClientProof,
        request: Box<AuthorisationRequest>,
    },
    /// Begins a flow. In ESIA the client has signed the request (`proof`); in plain OpenID Connect it has not.
    BeginAuthorisation {
        proof: Option<ClientProof>,
        request: Box<AuthorisationRequest>,
        session: Option<String>,
    },
    BeginPushed {
        client_id: String,
        request_uri: String,
        session: Option<String>,
    },
    /// `login` may be the login, SNILS, phone or e-mail.
    PresentPassword {
        flow: String,
        login: String,
        password: Secret,
    },
    PresentCode {
        flow: String,
        code: Secret,
    },
    /// A new one-time code for a flow that waits for one.
    ResendCode {
        flow: String,
    },
    /// The person's answer on the consent screen.
    Answer {
        flow: String,
        answer: Answer,
    },
    /// The person walked away from the sign-in (a cancel button).
    Abandon {
        flow: String,
    },
    RedeemCode(Box<RedeemCode>),
    RefreshTokens(Box<RefreshTokens>),
    /// `prm_chg?oid=…` (data token), `consents` (partner token), or organisation scopes.
    ClientCredentials {
        proof: ClientProof,
        scopes: Vec<String>,
        consent: Option<String>,
        certificate: Option<CertificateProof>,
    },
    /// RFC 7009. Unknown and foreign tokens are passed over in silence.
    RevokeToken {
        proof: ClientProof,
        token: TokenRef,
    },
    EndSession {
        session: String,
    },

    // Reading, by bearer token.
    /// ESIA's `/rs/prns/{oid}…` and OpenID Connect's userinfo (`citizen: None`: whom the token is about).
    ReadPerson {
        bearer: Bearer,
        citizen: Option<i64>,
        groups: Vec<String>,
    },
    /// `/rs/orgs/{oid}`: by a person's token with `usr_org` and a role there, or by an organisation's token.
    ReadOrganisation {
        bearer: Bearer,
        organisation: i64,
    },

    // Consents.
    ReadConsent {
        bearer: Bearer,
        consent: String,
    },
    RevokeConsentByBank {
        bearer: Bearer,
        consent: String,
    },
    RevokeConsentByCitizen {
        consent: String,
    },

    // Data services, by data token.
    ListDebts {
        ask: Ask,
        cursor: Option<String>,
    },
    PayDebt(Box<PayDebt>),
    ReadPayment {
        ask: Ask,
        payment: PaymentRef,
    },
    FeedDebt {
        ask: Ask,
        external_id: String,
        title: String,
        amount: Money,
        due_date: Day,
    },
    /// `deferred`: how long the registry takes, when the edge wants it to take its time (a lie says so).
    ReadPension {
        ask: Ask,
        from: Day,
        to: Day,
        deferred: Option<Span>,
    },
    /// Asks a registry of [`crate::registries::REGISTRIES`]; answers with `Reply::Facts`. `deferred` as above.
    Inquire {
        registry: &'static str,
        ask: Ask,
        params: BTreeMap<String, String>,
        page: Page,
        deferred: Option<Span>,
    },
    /// The person, the purpose and the parameters are those of the order; answers as the registry asked does.
    ReadAnswer {
        bearer: Bearer,
        order: String,
        page: Page,
    },

    // The message exchange.
    SmevAck {
        client_id: String,
        id: String,
        accepted: bool,
    },
    /// The portal asks a participant; answers with `Reply::SmevSent`.
    SmevAsk(Box<SmevMessage>),
    /// A data token for one signed request; answers with `Reply::SmevToken`.
    SmevAuthorise {
        client_id: String,
        authority: Authority,
    },
    /// What the edge noticed in an envelope.
    SmevNote {
        client_id: Option<String>,
        what: Anomaly,
        seen: String,
    },
    SmevPull(SmevPull),
    /// The portal or SMEV itself answers a request.
    SmevRespond {
        original: String,
        sender: String,
        payload: Box<Payload>,
    },
    SmevSend(Box<SmevSend>),
    /// Answers with `Reply::SmevStatus`.
    SmevStatus {
        client_id: String,
    },
    /// The portal has read a response to it.
    SmevTaken {
        id: String,
    },

    // The stream of events.
    /// Whether this token opens the stream of its client; answers with `Reply::Stream`.
    OpenStream {
        bearer: Bearer,
    },
    /// The bank has stored its events up to this one, as far as these consents go; none named: all.
    AckStream {
        client_id: String,
        seq: u64,
        consents: Vec<String>,
    },
    /// An event of this kind for a bank, in its stream only.
    TellStream {
        client_id: String,
        kind: String,
        about: serde_json::Value,
    },

    // What the portal publishes about itself.
    AnnounceVersions {
        v1: VersionLife,
    },
    /// A new edition of a reference list.
    ReviseReference {
        name: String,
    },

    /// Orders, applications, transfers and the like; answers with `Reply::Matter`.
    Matter(Box<MatterCommand>),

    // Consequences, told by the outbox.
    /// What a bank made of a transfer that the citizen asked for through the portal (ACC-1): the citizen is told.
    BankTransfer {
        client_id: String,
        citizen: i64,
        amount: Option<Money>,
        done: bool,
    },
    HookDelivered {
        id: String,
        status: u16,
    },
    HookFailed {
        id: String,
        status: Option<u16>,
    },
}

/// A bearer token as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The `jti` of a token whose signature the edge has verified.
    pub token: String,
    /// The certificate of the connection, for bound tokens.
    pub certificate: Option<CertificateProof>,
}

/// A request for a person's data: who asks, about whom, to what purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The token that came with the request.
    pub bearer: Bearer,
    /// Whom it is about, by OID.
    pub person: i64,
    /// The purpose named.
    pub purpose: String,
}

/// What the person says on the consent screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `grant: None` grants all that was asked. `openid` is always among the granted where it was asked.
    Approve {
        /// What was left ticked.
        grant: Option<Vec<String>>,
    },
    /// No.
    Refuse,
}

/// A code for tokens.
#[derive(Clone, Debug)]
pub struct RedeemCode {
    /// Who asks, as the edge proved it.
    pub proof: ClientProof,
    /// The `jti` of a code whose signature the edge has verified.
    pub code: String,
    /// Where the browser is sent back.
    pub redirect_uri: String,
    /// The PKCE verifier, where one was sent.
    pub verifier: Option<Verifier>,
    /// SHA-256 (hex) of the refresh token that the edge has drawn; used when one is due.
    pub refresh_digest: String,
    /// The certificate of the connection, which binds the tokens.
    pub certificate: Option<CertificateProof>,
}

/// A refresh token for fresh tokens.
#[derive(Clone, Debug)]
pub struct RefreshTokens {
    /// Who asks, as the edge proved it.
    pub proof: ClientProof,
    /// SHA-256 (hex) of the refresh token that came in.
    pub digest: String,
    /// SHA-256 (hex) of its successor, which the edge has drawn.
    pub next_digest: String,
    /// A narrower scope, when one was asked.
    pub scopes: Option<Vec<String>>,
    /// The certificate of the connection, which binds the tokens.
    pub certificate: Option<CertificateProof>,
}

/// An order to pay one debt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayDebt {
    /// Who asks, about whom, for what.
    pub ask: Ask,
    /// Number of the charge.
    pub uin: String,
    /// SHA-256 (hex) of the idempotency key.
    pub key: String,
    /// To the kopeck.
    pub amount: Money,
    /// How it is paid.
    pub method: PaymentMethod,
    /// The bank's token for the source of the money, never the requisites themselves.
    pub source: String,
}

/// Which payment is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentRef {
    /// By the portal's id.
    Id(String),
    /// SHA-256 (hex) of the idempotency key.
    Key(String),
}
