//! What the core answers: unsigned and unencoded. Signing, encoding and lying are the edge's.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::citizen::{Citizen, Employment};
use contract::registries::debts::{DebtsPage, Payment};
use contract::time::Timestamp;

use crate::consent::Consent;
use crate::identity::Step;
use crate::matters::MatterReply;
use crate::pension::StatementReply;
use crate::registries::FactsReply;
use crate::smev::{Delivery as SmevDelivery, Held as SmevHeld, SmevMessage};
use crate::tokens::{Grant, Token};

/// The answer to a command.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "variants and fields bear the names of what they hold")]
pub enum Reply {
    Done,
    /// Where a flow stands now: which page the person sees, or where the browser goes.
    Flow {
        flow: String,
        step: Step,
    },
    Pushed {
        request_uri: String,
        expires_at: Timestamp,
    },
    Tokens(Box<Grant>),
    /// The record behind the token, and the scopes that limit what may be told of it ([`crate::person`]).
    Person {
        citizen: Arc<Citizen>,
        scopes: BTreeSet<String>,
        token: Box<Token>,
    },
    Organisation {
        organisation: Box<Employment>,
        scopes: BTreeSet<String>,
        token: Box<Token>,
    },
    Consent(Box<Consent>),
    /// The stream of this client may be read while the token lives.
    Stream {
        token: Box<Token>,
    },
    /// `next` holds the cursor alone; the edge makes the relative address of it.
    Debts(Box<DebtsPage>),
    /// `repeated`: the same key with the same body came before.
    Payment {
        payment: Box<Payment>,
        repeated: bool,
    },
    Fed {
        uin: String,
        created: bool,
    },
    Pension(StatementReply),
    /// The message that was taken.
    SmevSent(Box<SmevMessage>),
    /// The message handed out, if there was one.
    SmevPulled(Option<Box<SmevDelivery>>),
    /// News about a message that was sent earlier.
    SmevStatus(Option<Box<SmevHeld>>),
    /// Id of the data token that a request stands for.
    SmevToken(String),
    Facts(FactsReply),
    Matter(MatterReply),
}
