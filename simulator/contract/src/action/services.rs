//! Parameters and values of the actions that serve the data services. Where a value is a record of the portal, its
//! members are those of `/openapi.json` under the names of `/api/v1`, whatever the channel it came by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::money::Money;
use crate::time::Day;

/// A record as the portal serves it, under its first names.
pub type Record = Map<String, Value>;

/// How the bank is to ask: the same facts come by every channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// REST, `text/csv`.
    Csv,
    /// REST, JSON: the usual one.
    #[default]
    Json,
    /// SMEV: a signed envelope, an answer from the queue.
    Soap,
    /// REST, JSON of `/api/v2`.
    V2,
    /// REST, `application/xml`.
    Xml,
}

macro_rules! params {
    ($($(#[$about:meta])* $name:ident { $($(#[$field:meta])* $member:ident: $kind:ty,)* })+) => {
        $($(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field])* pub $member: $kind,)* })+
    };
}

macro_rules! values {
    ($($(#[$about:meta])* $name:ident { $($(#[$field:meta])* $member:ident: $kind:ty,)* })+) => {
        $($(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct $name { $($(#[$field])* pub $member: $kind,)* })+
    };
}

params! {
    /// Parameters of a reading without any of its own.
    ReadParams {
        /// By which channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
        /// Ask for an encrypted answer (`Stend-Encryption`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encrypted: Option<bool>,
    }
    /// Parameters of `estate.lookup`: a number or an address, not both.
    EstateParams {
        /// Cadastral number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<String>,
        /// Address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
        /// By which channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
        /// Ask for an encrypted answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encrypted: Option<bool>,
    }
    /// Parameters of `estate.export`.
    EstateExportParams {
        /// Cadastral number.
        number: String,
        /// Form of the document.
        format: ExportFormat,
    }
    /// Parameters of `pension.export`.
    PensionExportParams {
        /// First day.
        from: Day,
        /// Last day.
        to: Day,
        /// Form of the document.
        format: ExportFormat,
        /// Send it to the customer's address as well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<bool>,
    }
    /// Parameters of `certificate.order`.
    OrderParams {
        /// What is ordered.
        #[serde(rename = "type")]
        kind: OrderType,
        /// What for, in the customer's words.
        reason: String,
        /// Cadastral number, for an extract on real estate.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<String>,
        /// No operator and no code: under a standing consent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unattended: Option<bool>,
        /// By which channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
    }
    /// Parameters of `certificate.status` and `certificate.download`.
    OrderIdParams {
        /// Id of the order.
        order: String,
    }
    /// Parameters of `factor.confirm`.
    ConfirmParams {
        /// Id of the order or payout.
        matter: String,
        /// As the customer read it from the message.
        code: String,
    }
    /// Parameters of `duty.list`.
    DutyListParams {
        /// Only of this kind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// By which channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
        /// Ask for an encrypted answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encrypted: Option<bool>,
    }
    /// Parameters of `duty.pay`.
    DutyPayParams {
        /// Which duty.
        uin: String,
        /// How much.
        amount: Money,
        /// How.
        method: DutyMethod,
        /// By which channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
    }
    /// Parameters of `duty.status`.
    PaymentIdParams {
        /// Id of the payment.
        payment: String,
    }
    /// Parameters of `application.process`.
    ProcessParams {
        /// Id of the application.
        application: String,
        /// What the bank does with it.
        decision: Decision,
        /// Why, or what is asked of the citizen.
        reason: String,
    }
    /// Parameters of `application.status`.
    ApplicationIdParams {
        /// Id of the application.
        application: String,
        /// `book`: as the bank knows it from the portal's notices, without asking.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    }
    /// Parameters of `document.pass`.
    PassParams {
        /// Code of the programme.
        programme: String,
        /// What is passed.
        documents: Vec<Passed>,
    }
    /// A document to be passed.
    Passed {
        /// Its file name.
        name: String,
        /// Its media type.
        media_type: String,
        /// Base64.
        content: String,
    }
    /// Parameters of `payments.list`.
    PaymentsParams {
        /// First day.
        from: Day,
        /// Last day.
        to: Day,
        /// By which channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
        /// Ask for an encrypted answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encrypted: Option<bool>,
    }
    /// Parameters of `programme.transfer`.
    ProgrammeTransferParams {
        /// Code of the programme.
        programme: String,
        /// How much.
        amount: Money,
        /// Where to.
        to: Requisites,
    }
    /// Parameters of `budget.transfer`.
    BudgetTransferParams {
        /// How much.
        amount: Money,
        /// Where to.
        to: Requisites,
    }
    /// Where money goes.
    Requisites {
        /// Account of 20 digits.
        account: String,
        /// Code of the bank.
        bik: String,
        /// Budget classification code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kbk: Option<String>,
        /// Code of the municipality.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oktmo: Option<String>,
    }
    /// Parameters of `payout.receive`.
    PayoutParams {
        /// How much.
        amount: Money,
        /// What stands for the card; the bank's own one for the customer where it is absent. Never a card number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        card_token: Option<String>,
    }
    /// Parameters of `account.serve`.
    ServeParams {
        /// Open a demonstration account with this balance.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        balance: Option<Money>,
    }
    /// Parameters of `tax.file`.
    TaxParams {
        /// Of which year.
        year: i32,
    }
    /// Parameters of `loan.decide`.
    LoanParams {
        /// How much is asked for.
        amount: Money,
        /// By which channel the income is read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
        /// Ask for an encrypted answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encrypted: Option<bool>,
    }
    /// Parameters of `analytics.push`.
    AnalyticsParams {
        /// `2026-11`.
        period: String,
        /// What the customer spent.
        operations: Vec<Spending>,
    }
    /// One operation of the customer's account.
    Spending {
        /// Code of the category.
        category: String,
        /// How much.
        amount: Money,
        /// To whom: the bank keeps this to itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payee: Option<String>,
    }
    /// Parameters of `feedback.send`.
    FeedbackParams {
        /// What about.
        topic: Topic,
        /// In the customer's words.
        text: String,
        /// Id of the operation that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
        /// Answer of the survey that goes with it, 1 to 5.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        score: Option<u8>,
    }
    /// Parameters of `events.follow`.
    FollowParams {
        /// The last one that is known; the bank's own book says it where it is absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
        /// Come back once there are so many events, at the latest after two seconds of silence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
    }
}

macro_rules! words {
    ($($(#[$about:meta])* $name:ident { $($(#[$word:meta])* $variant:ident,)* })+) => {
        $($(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$word])* $variant,)* })+
    };
}

words! {
    /// Forms of an exported document.
    ExportFormat {
        /// A table.
        Csv,
        /// To look at and print.
        Pdf,
    }
    /// What can be ordered.
    OrderType {
        /// State of the pension account.
        Account,
        /// Extract on real estate.
        Estate,
        /// Income and tax.
        Income,
        /// Pension rights.
        Pension,
        /// Electronic work book.
        Workbook,
    }
    /// Ways to pay a duty.
    DutyMethod {
        /// From an account.
        Account,
        /// By card token.
        Card,
        /// By the QR string.
        Qr,
        /// By the link of the fast payment system.
        Sbp,
    }
    /// What a bank does with an application.
    Decision {
        /// Yes.
        Approve,
        /// Something is to be corrected or added.
        Ask,
        /// No.
        Decline,
    }
    /// What a word to the portal is about.
    Topic {
        /// A consent.
        Consent,
        /// A document.
        Document,
        /// Something else.
        Other,
        /// A payment.
        Payment,
    }
}

values! {
    /// Values of `estate.lookup`.
    EstateValues {
        /// The answer: object, owners, encumbrances, transfers, authority.
        estate: Record,
    }
    /// Values of `estate.export`.
    ExportValues {
        /// What was made.
        document: Document,
    }
    /// Values of `pension.export`.
    PensionExportValues {
        /// What was made.
        document: Document,
        /// A state form, filled with it.
        form: Record,
        /// Where it was sent, hidden but for its ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_to: Option<String>,
    }
    /// A document in hand.
    Document {
        /// Its media type.
        media_type: String,
        /// Digest of its bytes, hex.
        sha256: String,
        /// Its length.
        size: u64,
        /// Base64.
        content: String,
    }
    /// Values of `certificate.order` and `certificate.status`.
    OrderValues {
        /// `id`, `kind`, `state`, `number`, `history`, `documents`, `reason`, …
        order: Record,
    }
    /// Values of `certificate.download`.
    DownloadValues {
        /// What was downloaded.
        document: Document,
        /// What the bank found of it.
        verified: DocumentVerified,
    }
    /// What was verified of a document.
    DocumentVerified {
        /// The detached signature holds and is the portal's.
        signature: bool,
        /// The portal confirms the code that the QR leads to.
        qr: bool,
    }
    /// Values of `factor.confirm`: the matter that was confirmed, under its kind.
    ConfirmValues {
        /// An order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<Record>,
        /// A payout.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payout: Option<Record>,
    }
    /// Values of `duty.list`.
    DutiesValues {
        /// Each with requisites, QR string and link.
        duties: Vec<Record>,
    }
    /// Values of `duty.pay` and `duty.status`.
    DutyPaymentValues {
        /// `id`, `uin`, `uip`, `amount`, `state`, `receipt`, `acknowledgment`.
        payment: Record,
    }
    /// Values of `application.process`.
    ApplicationValues {
        /// `id`, `state`, `number`, `details` with the form, …
        application: Record,
        /// Where it has been.
        history: Vec<Record>,
    }
    /// Values of `document.pass`.
    IntakeValues {
        /// The portal's receipt.
        intake: Record,
    }
    /// Values of `payments.list`.
    PaymentsValues {
        /// What was paid out.
        payments: Vec<Record>,
        /// Under which programmes.
        programmes: Vec<Record>,
        /// In all.
        total: Money,
    }
    /// Values of `programme.transfer` and `budget.transfer`.
    TransferValues {
        /// `id`, `state`, …
        transfer: Record,
    }
    /// Values of `payout.receive`.
    PayoutValues {
        /// `id`, `state`, …
        payout: Record,
    }
    /// Values of `account.serve`.
    AccountsValues {
        /// What the portal may ask about.
        accounts: Vec<AccountShown>,
    }
    /// An account at the bank.
    AccountShown {
        /// Its id at the bank.
        id: String,
        /// Its last four digits.
        tail: String,
        /// What is on it.
        balance: Money,
        /// `RUB`.
        currency: String,
    }
    /// Values of `tax.file`.
    TaxValues {
        /// `id`, `state`, …
        tax_return: Record,
    }
    /// Values of `loan.decide`.
    LoanValues {
        /// `approve` or `decline`.
        decision: String,
        /// JSON pointers into the answer of the income service, with what stood there.
        based_on: Vec<Fact>,
        /// How much is lent.
        amount: Money,
    }
    /// A fact that a decision rests on.
    Fact {
        /// Where it stood, a JSON pointer.
        at: String,
        /// What stood there.
        value: Value,
    }
    /// Values of `insurance.offer`.
    InsuranceValues {
        /// Each with what it is drawn from.
        offers: Vec<Record>,
    }
    /// Values of `wallet.sync`.
    WalletValues {
        /// What is in it.
        balance: Money,
        /// Of the last entry.
        sequence: u64,
        /// All that the bank holds, in order.
        entries: Vec<Record>,
    }
    /// Values of `offer.list`.
    OffersValues {
        /// What the bank offered.
        offers: Vec<Record>,
    }
    /// Values of `recommendations.list`.
    RecommendationsValues {
        /// As the portal gave them.
        items: Vec<Record>,
    }
    /// Values of `analytics.push`.
    AnalyticsValues {
        /// What the portal took: the sums as they were sent.
        accepted: Record,
    }
    /// Values of `feedback.send`.
    FeedbackValues {
        /// `id`, `state`, …
        ticket: Record,
    }
    /// Values of `events.follow`.
    EventsValues {
        /// Each once, in order.
        events: Vec<Record>,
        /// Of the last one.
        sequence: u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_nobody_knows_are_refused() {
        let read: Result<EstateParams, _> = serde_json::from_str(r#"{"nummer": "77:01:0001001:1"}"#);
        assert!(read.is_err());
        let read: ReadParams = serde_json::from_str(r#"{"channel": "csv"}"#).unwrap();
        assert_eq!(read.channel, Some(Channel::Csv));
    }
}
