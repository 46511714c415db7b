//! What a line of the journal looks like: an append-only, hash-chained record of all that happened in a sandbox.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::Timestamp;

/// One entry. `hash` is SHA-256 (hex) over the canonical JSON of the entry without `hash`, `prev` included,
/// so that a changed, missing or moved line breaks the chain. `wall_us` stands beside the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1 without gaps within a sandbox.
    pub n: u64,
    /// The sandbox's clock.
    pub at: Timestamp,
    /// Whose journal.
    pub sandbox: String,
    /// One of [`kinds`].
    pub kind: String,
    /// The client concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// The citizen's OID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizen: Option<i64>,
    /// The authorisation concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// The exchange in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<u64>,
    /// By kind, see [`kinds`].
    pub data: Value,
    /// `hash` of the entry before; zeros for the first.
    pub prev: String,
    /// Over this entry.
    pub hash: String,
    /// Wall clock of the machine, microseconds since 1970, to order entries beside exchanges; not in the chain.
    #[serde(default)]
    pub wall_us: i64,
}

/// The kinds of entry. Rules and scenarios name them; a new kind is added here first.
pub mod kinds {
    macro_rules! kinds {
        ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
            $($(#[$doc])* pub const $name: &str = $text;)*
            /// Every kind, in the order of this file.
            pub const ALL: &[&str] = &[$($text),*];
        };
    }
    kinds! {
        /// `{seed, clock}`: the world began.
        SANDBOX_OPENED = "sandbox.opened";
        /// `{by}`: the sandbox's clock was moved.
        CLOCK_MOVED = "clock.moved";
        /// `{client_id, …}`: a bank was made known.
        PARTNER_REGISTERED = "partner.registered";
        /// `{client_id, sha256}`
        PARTNER_CERTIFICATE_ADDED = "partner.certificate_added";
        /// `{slug, story}`: a person was made.
        CITIZEN_ADDED = "citizen.added";
        /// `{slug, members[]}`: the control API changed a person.
        CITIZEN_CHANGED = "citizen.changed";
        /// `{flow, client_id, protocol: esia-v1|esia-v3|oidc, redirect_uri, scopes[], state, consent?}`
        AUTHORISATION_BEGUN = "authorisation.begun";
        /// `{flow, code, error}`: the flow ended at the portal without a code.
        AUTHORISATION_REFUSED = "authorisation.refused";
        /// `{scopes[], remembered}`: the citizen let this client read these scopes of the account.
        AUTHORISATION_APPROVED = "authorisation.approved";
        /// `{id, request_uri}`: parameters pushed ahead (RFC 9126).
        AUTHORISATION_PUSHED = "authorisation.pushed";
        /// The password was right.
        PASSWORD_ACCEPTED = "password.accepted";
        /// `{left}`: attempts left before the lock-out.
        PASSWORD_REJECTED = "password.rejected";
        /// `{until}`
        ACCOUNT_LOCKED = "account.locked";
        /// The lock-out is over.
        ACCOUNT_UNLOCKED = "account.unlocked";
        /// `{channel}`: a one-time code went out.
        OTP_SENT = "otp.sent";
        /// The one-time code was right.
        OTP_ACCEPTED = "otp.accepted";
        /// `{left}`: the one-time code was wrong.
        OTP_REJECTED = "otp.rejected";
        /// `{id, client_id, purposes[], scopes[], actions[], expires_at, type}`; ip and text stand beside the chain.
        CONSENT_REQUESTED = "consent.requested";
        /// `{id, granted_at, expires_at, scopes[], ip}`
        CONSENT_GRANTED = "consent.granted";
        /// `{id}`: the citizen declined.
        CONSENT_REFUSED = "consent.refused";
        /// `{id}`: unanswered, or the term is over.
        CONSENT_EXPIRED = "consent.expired";
        /// `{id, by: citizen|bank}`
        CONSENT_REVOKED = "consent.revoked";
        /// `{id, expires_at}`: an authorisation code was given out.
        CODE_ISSUED = "code.issued";
        /// `{id}`: it was exchanged for tokens.
        CODE_REDEEMED = "code.redeemed";
        /// `{tokens: [{kind: access|id|refresh|data|partner, id, scopes[], expires_at, consent?}]}`
        TOKENS_ISSUED = "tokens.issued";
        /// `{id}`
        TOKEN_REVOKED = "token.revoked";
        /// `{id, request}`: a data token met its one request (CNS-3); `request` is the request's digest-free name.
        TOKEN_BOUND = "token.bound";
        /// `{id}`: the final answer of its request was given.
        TOKEN_SPENT = "token.spent";
        /// `{id, reason: second-use|other-request|other-citizen|expired|consent-over|binding}`
        TOKEN_MISUSED = "token.misused";
        /// `{groups[], scopes[]}`: identity data of the citizen was read.
        PERSON_READ = "person.read";
        /// `{consent, count}`
        DEBTS_READ = "debts.read";
        /// `{external_id, uin, amount}`: the bank fed an overdue credit of its own.
        DEBT_FED = "debt.fed";
        /// `{uin, status}`: a debt is not what it was.
        DEBT_CHANGED = "debt.changed";
        /// `{id, uin, amount, method, key}`: `key` is the digest of the idempotency key.
        PAYMENT_ACCEPTED = "payment.accepted";
        /// The same key with the same body came again and got the same answer: `{id, key}`.
        PAYMENT_REPEATED = "payment.repeated";
        /// `{uin, code}`
        PAYMENT_REFUSED = "payment.refused";
        /// `{id, uin}`: the money arrived.
        PAYMENT_SETTLED = "payment.settled";
        /// `{id, uin, to, reason?}`: a payment was put under a check, given back or taken back.
        PAYMENT_MOVED = "payment.moved";
        /// `{id, kind, to, by, client_id, person, purpose, key?, number?}`: a matter began; what it is about stands beside.
        MATTER_OPENED = "matter.opened";
        /// `{id, kind, name, from, to, by, reason?, number?}`: along an arrow of `contract::matter::all_moves`.
        MATTER_MOVED = "matter.moved";
        /// `{id}`: what the matter is about has changed (beside the chain).
        MATTER_NOTED = "matter.noted";
        /// `{id, kind, token}`
        MATTER_READ = "matter.read";
        /// `{id, key, body}`: what was answered under an idempotency key; both are digests.
        MATTER_ANSWERED = "matter.answered";
        /// `{key}`: the same order came again and got the same answer.
        MATTER_REPEATED = "matter.repeated";
        /// `{id, operation, expires_at, tries}`: a one-time code for this operation; the code stands beside the chain.
        MATTER_CODE_SENT = "matter.code_sent";
        /// `{id}`: the code served; it is erased.
        MATTER_CODE_ACCEPTED = "matter.code_accepted";
        /// `{id, left}`
        MATTER_CODE_REJECTED = "matter.code_rejected";
        /// `{id, matter, kind, title, number, code, issued_at}`: the facts stand beside the chain.
        DOCUMENT_ISSUED = "document.issued";
        /// `{id, part: paper|signature|data, token}`
        DOCUMENT_READ = "document.read";
        /// `{id, name, media_type, size, sha256, client_id, person, matter?}`
        FILE_KEPT = "file.kept";
        /// `{id, token}`
        FILE_READ = "file.read";
        /// `{id, operation, score}`: the comment stands beside the chain.
        SURVEY_TAKEN = "survey.taken";
        /// `{id, period, items[]}`
        METRICS_TAKEN = "metrics.taken";
        /// `{person, period, categories[], total, updated_at}`
        ANALYTICS_TAKEN = "analytics.taken";
        /// `{id, opening, client_id, product, title, rate?, until, at}`
        OFFER_MADE = "offer.made";
        /// `{client_id?, declined}`: the citizen wants no offers (of this client, of nobody), or does again.
        MARKETING_DECLINED = "marketing.declined";
        /// `{uin, kind}`
        RESTRICTION_LIFTED = "restriction.lifted";
        /// `{order, from, to, due}`
        PENSION_ORDERED = "pension.ordered";
        /// `{order?, from, to}`
        PENSION_READ = "pension.read";
        /// `{v1: {deprecated?, sunset?}}`: when a version of the data services ends.
        VERSIONS_ANNOUNCED = "versions.announced";
        /// `{name, edition}`: a reference list has a new edition.
        REFERENCE_REVISED = "reference.revised";
        /// `{registry, params, order, due}`: a registry takes its time.
        FACTS_ORDERED = "facts.ordered";
        /// `{registry, params, consent, token, order?}`: a registry answered about the citizen.
        FACTS_READ = "facts.read";
        /// `{id, type, due}`
        HOOK_QUEUED = "hook.queued";
        /// `{id, status, attempt}`
        HOOK_DELIVERED = "hook.delivered";
        /// `{id, status?, attempt, next?}`
        HOOK_FAILED = "hook.failed";
        /// `{channel, subject}`: a message to the citizen; its text stands beside the chain.
        MESSAGE_SENT = "message.sent";
        /// `{id, ask, client_id, person, consent?, acr, key?, amount?, attempt}`: the portal asked a bank on a citizen's
        /// behalf; `key` is a digest.
        BANKING_ASKED = "banking.asked";
        /// `{id, ask, status?, attempt}`: what the bank answered; no status where nothing answered.
        BANKING_ANSWERED = "banking.answered";
        /// `{id, accepted}`: a message of the exchange was acknowledged.
        SMEV_ACKED = "smev.acked";
        /// `{what, id?, seen?}`: a participant of the exchange does something odd.
        SMEV_ANOMALY = "smev.anomaly";
        /// `{id, until, attempt}`: handed out, and reserved until then.
        SMEV_DELIVERED = "smev.delivered";
        /// `{type}`: a poll found nothing.
        SMEV_POLLED = "smev.polled";
        /// `{id, until, attempt}`: handed out again, because no Ack came.
        SMEV_REDELIVERED = "smev.redelivered";
        /// `{id, code, cause}`: a message was not taken.
        SMEV_REJECTED = "smev.rejected";
        /// `{id, type, sender, recipient, namespace, root, …}`: a message was taken; what it says stands beside the chain.
        SMEV_SENT = "smev.sent";
        /// `{id, status, details?, told}`
        SMEV_STATUS = "smev.status";
        /// `{id}`: a person is signed in at the portal.
        SESSION_OPENED = "session.opened";
        /// `{id}`: a new sign-in leaned on a standing session (single sign-on).
        SESSION_JOINED = "session.joined";
        /// `{id}`
        SESSION_ENDED = "session.ended";
        /// `{id, type}`: an event for a partner that has no web-hook; its body stands beside the chain.
        STREAM_TOLD = "stream.told";
        /// `{seq, consents[]}`: the partner has stored its events up to this number (of these consents; none: of all).
        STREAM_ACKED = "stream.acked";
        /// `{protocol, lied?}`: a WebSocket was opened; its entries bear the exchange of its handshake.
        WS_OPENED = "ws.opened";
        /// `{dir: in|out, opcode, fin, length, mask?, message?, event?: {seq, id, type}, fault?}`: one frame.
        WS_FRAME = "ws.frame";
        /// `{code?, reason, by: portal|bank|network, sent, acked}`: a WebSocket is over.
        WS_CLOSED = "ws.closed";
        /// `{overlap}`: new keys sign.
        KEY_ROTATED = "key.rotated";
        /// `{id, fault, scope}`
        FAULT_ARMED = "fault.armed";
        /// `{id, fault, message}`: the lie was told, in `exchange`.
        FAULT_TOLD = "fault.told";
        /// `{id}`
        FAULT_REMOVED = "fault.removed";
        /// `{result: completed|aborted, alert?, fault?, versions[], suites[], sni?}`: a handshake of note.
        HANDSHAKE = "handshake";
        /// `{code, cause, check, seen, wanted, mend}`: the portal said no, and this is why.
        REQUEST_REFUSED = "request.refused";
    }
}
