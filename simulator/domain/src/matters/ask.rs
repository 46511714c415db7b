//! What may be asked of matters, and what is answered.

use contract::matter::{
    ApplicationType, Attachment, MatterKind, MatterReason, MetricItem, OrderDetails, PayoutDetails, Spending,
    TaxReturnDetails, TicketDetails, TransferDetails, Verdict,
};
use contract::money::Money;
use contract::time::Day;
use serde_json::Value;

use super::document::IssuedDocument;
use super::room::KeptFile;
use crate::command::{Ask, Bearer, PayDebt};
use crate::proof::{Secret, Signed};

/// An idempotency key and what came under it, both as SHA-256 (hex).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// Digest of the key.
    pub key: String,
    /// Digest of method, path and body.
    pub body: String,
}

/// A command about matters. Answers are [`MatterReply`].
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "fields bear the names of what they hold; what is not plain is told")]
pub enum MatterCommand {
    /// A bank opens a matter.
    Open {
        ask: Ask,
        once: Once,
        what: Opening,
    },
    Read {
        ask: Ask,
        kind: MatterKind,
        id: String,
    },
    /// Those of one person and client, newest first.
    List {
        ask: Ask,
        kind: MatterKind,
        state: Option<String>,
    },
    /// A bank makes a move, or hands in the citizen's code.
    Move {
        ask: Ask,
        once: Once,
        kind: MatterKind,
        id: String,
        act: BankAct,
    },
    /// Pays a state duty; answers with [`crate::Reply::Payment`].
    PayDuty(Box<PayDebt>),
    /// Takes a payment back while the money has not arrived; answers with [`crate::Reply::Payment`].
    ReversePayment {
        ask: Ask,
        id: String,
    },
    /// The citizen begins an application at the portal.
    Apply {
        citizen: i64,
        application: Box<Application>,
    },
    /// The citizen acts on a matter at the portal.
    Act {
        citizen: i64,
        id: String,
        act: CitizenAct,
    },
    /// The portal's operator moves a matter; what the law, a check or an accident would do.
    Force {
        id: String,
        name: String,
        reason: Option<MatterReason>,
    },
    ReadDocument {
        bearer: Bearer,
        id: String,
        part: DocumentPart,
    },
    /// Whether a file may be put under this id; asked before its bytes are read.
    AdmitFile {
        ask: Ask,
        id: String,
    },
    KeepFile {
        ask: Ask,
        file: Attachment,
    },
    ReadFile {
        ask: Ask,
        id: String,
    },
    Survey {
        ask: Ask,
        once: Once,
        operation: String,
        score: i32,
        comment: Option<String>,
    },
    /// By a token of the client itself: metrics are about nobody.
    Metrics {
        bearer: Bearer,
        once: Once,
        period: String,
        items: Vec<MetricItem>,
    },
    Analyse {
        ask: Ask,
        once: Once,
        period: String,
        categories: Vec<Spending>,
        total: Money,
    },
    ReadAnalytics {
        ask: Ask,
        period: String,
    },
    Offer {
        ask: Ask,
        once: Once,
        opening: String,
        product: String,
        title: String,
        rate: Option<String>,
        until: Day,
    },
    /// The citizen wants no marketing of this client (of any), or does again.
    Marketing {
        citizen: i64,
        client_id: Option<String>,
        declined: bool,
    },
}

/// What opens a matter, parsed; what only the edge can prove comes proved.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "variants bear the names of the kinds")]
pub enum Opening {
    Intake { programme: String, files: Vec<OfferedFile> },
    Order(OrderDetails),
    Payout(PayoutDetails),
    TaxReturn { details: TaxReturnDetails, signed: Signed },
    Ticket(TicketDetails),
    Transfer(TransferDetails),
}

impl Opening {
    /// Which kind it opens.
    pub const fn kind(&self) -> MatterKind {
        match self {
            Self::Intake { .. } => MatterKind::Intake,
            Self::Order(_) => MatterKind::Order,
            Self::Payout(_) => MatterKind::Payout,
            Self::TaxReturn { .. } => MatterKind::TaxReturn,
            Self::Ticket(_) => MatterKind::Ticket,
            Self::Transfer(_) => MatterKind::Transfer,
        }
    }
}

/// A document of an intake, as the edge has measured it.
#[derive(Clone, Debug)]
pub struct OfferedFile {
    /// Name of the file.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 (hex) of the bytes.
    pub sha256: String,
    /// It was put before, under this id; size and digest are what the bank says of it.
    pub reference: Option<String>,
    /// Who signed the bytes.
    pub signed: Signed,
}

/// What a citizen applies for.
#[derive(Clone, Debug)]
pub struct Application {
    /// The bank.
    pub client_id: String,
    /// What for.
    pub kind: ApplicationType,
    /// How much.
    pub amount: Option<Money>,
    /// For how long.
    pub term_months: Option<u32>,
    /// The citizen's account, where one was given.
    pub account: Option<String>,
    /// Attached, with the bytes in base64.
    pub files: Vec<(Attachment, String)>,
}

/// What a bank does.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "variants bear the names of the moves")]
pub enum BankAct {
    Ask {
        text: String,
    },
    Cancel,
    Confirm {
        code: Secret,
    },
    Correct {
        details: TaxReturnDetails,
        signed: Signed,
    },
    Decide {
        decision: Verdict,
        reason: Option<String>,
    },
    /// A fresh code, while the matter waits for one.
    Resend,
    Reverse,
    /// The bank's own words reach the citizen; the matter stays where it is.
    Status {
        state_text: String,
        text: Option<String>,
    },
    Take,
}

/// What a citizen does at the portal.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "variants bear the names of the moves")]
pub enum CitizenAct {
    Close,
    Confirm {
        code: Secret,
    },
    /// Members of the form, amount or term, replaced.
    Correct {
        changes: Value,
    },
    Reopen {
        text: Option<String>,
    },
    Resend,
    Withdraw,
}

/// Which part of a document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentPart {
    /// The facts behind it.
    Data,
    /// The paper itself; whoever has it has got what was ordered.
    Paper,
    /// Its detached signature.
    Signature,
}

/// The answer to a [`MatterCommand`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "variants and fields bear the names of what they hold")]
pub enum MatterReply {
    Analytics(Option<Box<contract::matter::Analytics>>),
    Document(Box<IssuedDocument>),
    File(Box<KeptFile>),
    List(Vec<Value>),
    /// An answer under the shape of its kind; `repeated`: the same order came before, and this was its answer.
    Matter {
        value: Value,
        repeated: bool,
    },
    Offer(Box<contract::matter::Offer>),
    Taken {
        id: String,
        repeated: bool,
    },
}
