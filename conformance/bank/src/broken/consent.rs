//! Variants of consent and its end.

use super::Slip::{Breaks, Data};
use super::{Part, Row, row};
use crate::conduct::{ConsentDuty as Duty, DataCheck, Diligence::*};

const fn breaks(duty: Duty) -> super::Slip {
    Breaks(Part::Consent(duty))
}

pub(super) const ROWS: &[Row] = &[
    row(
        "data-before-consent",
        &["CST-01"],
        &["CST-06", "CST-07", "CST-08", "CST-10", "CST-11", "CST-12", "DATA-28", "DATA-42"],
        breaks(Duty::AskedBeforeData),
        "tries to read the data before the person was asked",
    ),
    row(
        "nagging-after-refusal",
        &["CST-02"],
        &["RESP-12"],
        breaks(Duty::NoNagging),
        "asks again as soon as the person declines",
    ),
    row(
        "unanswered-consent-used",
        &["CST-03"],
        &["CST-01", "CST-06", "CST-08"],
        breaks(Duty::UnansweredIsNo),
        "takes silence for consent",
    ),
    row(
        "partial-grant-exceeded",
        &["CST-04"],
        &["CST-06", "CST-05", "CST-08"],
        breaks(Duty::ScopesKept),
        "reads all that it asked for, also what was not granted",
    ),
    row(
        "changed-consent-record-accepted",
        &["CST-05"],
        &["CST-08"],
        Data(DataCheck::ConsentPurpose, Skipped),
        "does not compare the purpose in the consent's record",
    ),
    row(
        "changed-consent-record-accepted.logged-only",
        &["CST-05"],
        &["CST-08"],
        Data(DataCheck::ConsentPurpose, LoggedOnly),
        "logs that the consent's record names another purpose",
    ),
    row(
        "changed-consent-record-accepted.wider",
        &["CST-05"],
        &["CST-04"],
        Data(DataCheck::ConsentScopes, Skipped),
        "does not compare the scopes in the consent's record",
    ),
    row(
        "token-for-other-request",
        &["CST-06"],
        &["CST-07", "IDEM-05"],
        breaks(Duty::TokenOfThisRequest),
        "uses the data token of one request for another",
    ),
    row(
        "token-reuse",
        &["CST-07"],
        &["CST-06", "CST-10", "CST-11", "CST-12", "CST-17", "ATU-05"],
        breaks(Duty::FreshToken),
        "uses a data token a second time",
    ),
    row(
        "purpose-drift",
        &["CST-08"],
        &["CST-06", "CST-16", "DATA-28", "DATA-42"],
        breaks(Duty::PurposeKept),
        "names another purpose than the consent's",
    ),
    row(
        "expired-consent-used",
        &["CST-10"],
        &["CST-06", "CST-07", "CST-11", "CST-12", "ATU-05"],
        breaks(Duty::EndHeeded),
        "goes on after the consent's end date",
    ),
    row(
        "revoked-consent-used",
        &["CST-11"],
        &["CST-06", "CST-07", "CST-12", "CST-17", "ATU-05"],
        breaks(Duty::RevocationHeeded),
        "goes on after it was told of the revocation",
    ),
    row(
        "revocation-by-refusal-ignored",
        &["CST-12"],
        &["CST-06", "CST-07", "CST-11", "ATU-05"],
        breaks(Duty::RefusalHeeded),
        "does not take the portal's no for the end of a consent",
    ),
    row("revoked-copies-kept", &["CST-14"], &[], breaks(Duty::CopiesErased), "keeps the copies after the revocation"),
    row(
        "revocation-not-told",
        &["CST-15"],
        &[],
        breaks(Duty::RevocationTold),
        "does not tell the portal that the person took the consent back",
    ),
    row(
        "other-consent-ended",
        &["CST-16"],
        &[],
        breaks(Duty::OnlyThatOne),
        "ends every consent of the person when one is revoked",
    ),
    row(
        "old-token-after-new-consent",
        &["CST-17"],
        &["CST-06", "CST-07", "CST-11", "ATU-05"],
        breaks(Duty::TokenOfThisConsent),
        "hoards data tokens and uses one of an ended consent",
    ),
];
