//! Variants of money, of calls that fail, and of what is shown.

use super::Slip::{Breaks, Data, Intolerant, Makes, Resends};
use super::{Part, Row, row};
use crate::conduct::{
    CallDuty, DataCheck, Diligence::*, Fresh, Making, Oddity, PaymentDuty, RecordDuty, Shown, TokenDuty, Trouble,
};

const fn pays(duty: PaymentDuty) -> super::Slip {
    Breaks(Part::Payment(duty))
}

const fn shows(what: Shown) -> super::Slip {
    Breaks(Part::Shown(what))
}

pub(super) const ROWS: &[Row] = &[
    row(
        "idempotency-key-weak",
        &["IDEM-01"],
        &["IDEM-03", "IDEM-05"],
        Makes(Fresh::IdempotencyKey, Making::Weak),
        "numbers its payments instead of drawing keys",
    ),
    row(
        "idempotency-key-changed-on-repeat",
        &["IDEM-02"],
        &["CST-06", "IDEM-04", "IDEM-13"],
        pays(PaymentDuty::SameKeyOnRepeat),
        "repeats a payment under a new key",
    ),
    row(
        "idempotency-key-shared",
        &["IDEM-03"],
        &["IDEM-02", "IDEM-06", "IDEM-13"],
        Makes(Fresh::IdempotencyKey, Making::Repeated),
        "has one key for all payments",
    ),
    row(
        "paid-twice",
        &["IDEM-04"],
        &["CST-06", "IDEM-02"],
        pays(PaymentDuty::FateAsked),
        "pays again when the answer got lost",
    ),
    row(
        "new-key-on-conflict",
        &["IDEM-05"],
        &["IDEM-02", "IDEM-04", "IDEM-13"],
        pays(PaymentDuty::SameKeyOnConflict),
        "takes a new key when the first attempt is still under way",
    ),
    row(
        "loop-on-key-mismatch",
        &["IDEM-06"],
        &["HTTP-07"],
        Resends(Trouble::Unprocessable),
        "repeats a payment that was answered 422",
    ),
    row(
        "changed-amount-accepted",
        &["IDEM-11"],
        &["IDEM-12"],
        Data(DataCheck::PaymentAmount, Skipped),
        "does not compare the sum that was paid",
    ),
    row(
        "changed-amount-accepted.logged-only",
        &["IDEM-11"],
        &["IDEM-12"],
        Data(DataCheck::PaymentAmount, LoggedOnly),
        "logs that another sum was paid",
    ),
    row(
        "paid-by-two-presses",
        &["IDEM-13"],
        &["IDEM-02", "IDEM-03", "IDEM-04"],
        pays(PaymentDuty::OnePress),
        "pays once for each press of the button",
    ),
    row(
        "retry-after-ignored",
        &["HTTP-01"],
        &["HTTP-05"],
        Breaks(Part::Call(CallDuty::RetryAfterSeconds)),
        "does not wait as long as it is told in seconds",
    ),
    row(
        "retry-after-date-ignored",
        &["HTTP-02"],
        &["HTTP-05"],
        Breaks(Part::Call(CallDuty::RetryAfterDate)),
        "does not wait until the date it is told",
    ),
    row(
        "retries-without-backoff",
        &["HTTP-05"],
        &["TOK-04"],
        Breaks(Part::Call(CallDuty::BackOff)),
        "repeats ever sooner and many times",
    ),
    row(
        "refused-request-repeated",
        &["HTTP-07"],
        &["IDEM-06", "IDEM-02", "CST-12", "CST-11"],
        Resends(Trouble::ClientError),
        "repeats a request that was refused for its own fault",
    ),
    row(
        "cut-body-accepted",
        &["HTTP-10"],
        &["DATA-01", "DATA-06", "DATA-08"],
        Data(DataCheck::BodyWhole, Skipped),
        "makes do with half an answer",
    ),
    row(
        "cut-body-accepted.logged-only",
        &["HTTP-10"],
        &["DATA-01", "DATA-06", "DATA-08"],
        Data(DataCheck::BodyWhole, LoggedOnly),
        "logs that an answer was cut and goes on",
    ),
    row(
        "redirect-with-credentials",
        &["HTTP-17"],
        &["ATU-03"],
        Breaks(Part::Token(TokenDuty::DataNotAfterRedirect)),
        "takes its data token wherever it is redirected",
    ),
    row(
        "html-accepted-as-data",
        &["HTTP-18"],
        &["DATA-01", "DATA-06", "DATA-08"],
        Data(DataCheck::MediaType, Skipped),
        "takes a page for empty data",
    ),
    row(
        "empty-body-accepted",
        &["HTTP-20"],
        &["DATA-01", "DATA-06", "DATA-08"],
        Data(DataCheck::BodyPresent, Skipped),
        "takes an empty answer for no debts",
    ),
    row(
        "new-members-refused",
        &["HTTP-34"],
        &[],
        Intolerant(Oddity::UnknownMembers),
        "refuses an answer with a member that it does not know",
    ),
    row(
        "unknown-problem-shown-raw",
        &["HTTP-37"],
        &["HTTP-38"],
        Breaks(Part::Record(RecordDuty::UnknownProblemNeutral)),
        "makes up a code for a problem that it does not know and shows it raw",
    ),
    row(
        "internals-shown",
        &["HTTP-38"],
        &["HTTP-37", "OBS-06"],
        Breaks(Part::Record(RecordDuty::InternalsHidden)),
        "shows the person what the portal wrote for engineers",
    ),
    row("totals-differ", &["DATA-01"], &[], shows(Shown::Totals), "shows a total that is not the sum"),
    row("debt-kind-changed", &["DATA-02"], &["DATA-01"], shows(Shown::DebtKind), "shows debts under another kind"),
    row("amount-changed", &["DATA-03"], &["DATA-01", "IDEM-05"], shows(Shown::Amount), "rounds amounts up to roubles"),
    row("date-changed", &["DATA-04"], &[], shows(Shown::DueDate), "moves due dates by a day"),
    row("profile-changed", &["DATA-05"], &["UI-06"], shows(Shown::Profile), "writes surnames in capitals"),
    row("pension-changed", &["DATA-06"], &[], shows(Shown::Pension), "rounds the pension balance up to roubles"),
    row(
        "period-bounds-changed",
        &["DATA-07"],
        &["DATA-06"],
        shows(Shown::Period),
        "asks for a period that begins a day early",
    ),
    row("debt-left-out", &["DATA-08"], &["DATA-01", "JSON-17"], shows(Shown::WholeList), "leaves the last debt out"),
    row("payment-state-changed", &["DATA-09"], &[], shows(Shown::PaymentState), "shows a payment in another state"),
    row(
        "overdue-credit-not-fed",
        &["DATA-10"],
        &[],
        shows(Shown::FedCredit),
        "feeds its credits in roubles for kopecks",
    ),
    row(
        "deferred-answer-lost",
        &["POLL-13"],
        &[],
        Intolerant(Oddity::Deferred),
        "does not come back for a later answer",
    ),
    row(
        "polled-too-early",
        &["POLL-01"],
        &["HTTP-01", "POLL-13"],
        Breaks(Part::Call(CallDuty::PollInterval)),
        "asks for a later answer without waiting",
    ),
];
