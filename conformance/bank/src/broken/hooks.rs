//! Variants of receiving events.

use super::Slip::{Breaks, Hook};
use super::{Part, Row, row};
use crate::conduct::{Diligence::*, HookCheck as Check, RecordDuty};

pub(super) const ROWS: &[Row] = &[
    row(
        "hook-uncovered-component-accepted",
        &["SIG-19"],
        &[],
        Hook(Check::DigestCovered, Skipped),
        "does not ask what the signature covers",
    ),
    row(
        "hook-wrong-algorithm-accepted",
        &["SIG-20"],
        &[],
        Hook(Check::Algorithm, Skipped),
        "lets the message choose its algorithm",
    ),
    row(
        "hook-digest-not-compared",
        &["SIG-21"],
        &["WH-04"],
        Hook(Check::Digest, Skipped),
        "does not compare the body with its digest",
    ),
    row(
        "hook-digest-not-compared.late",
        &["SIG-21"],
        &["WH-04"],
        Hook(Check::Digest, Late),
        "compares the body with its digest after it has acted",
    ),
    row("unsigned-hook-accepted", &["WH-01"], &[], Hook(Check::Signed, Skipped), "takes events that nobody signed"),
    row(
        "unsigned-hook-accepted.logged-only",
        &["WH-01"],
        &[],
        Hook(Check::Signed, LoggedOnly),
        "logs that nobody signed an event",
    ),
    row(
        "hook-signature-unchecked",
        &["WH-02"],
        &["WH-11", "SIG-20", "WH-10"],
        Hook(Check::Signature, Skipped),
        "does not verify the signature of an event",
    ),
    row(
        "hook-signature-unchecked.late",
        &["WH-02"],
        &["WH-11", "SIG-20", "WH-10"],
        Hook(Check::Signature, Late),
        "verifies the signature of an event after it has acted",
    ),
    row(
        "hook-signature-unchecked.logged-only",
        &["WH-02"],
        &["WH-11", "SIG-20", "WH-10"],
        Hook(Check::Signature, LoggedOnly),
        "logs that the signature of an event is wrong",
    ),
    row(
        "hook-whitespace-ignored",
        &["WH-04"],
        &["SIG-21"],
        Hook(Check::Whitespace, Skipped),
        "verifies what the body means, not the bytes that were signed",
    ),
    row("old-hook-accepted", &["WH-05"], &[], Hook(Check::TooOld, Skipped), "takes an event of any age"),
    row(
        "old-hook-accepted.late",
        &["WH-05"],
        &[],
        Hook(Check::TooOld, Late),
        "looks at the age of an event after it has acted",
    ),
    row("future-hook-accepted", &["WH-06"], &[], Hook(Check::Ahead, Skipped), "takes an event from the future"),
    row(
        "hook-applied-twice",
        &["WH-07"],
        &[],
        Breaks(Part::Record(RecordDuty::HookOnce)),
        "acts again on an event that it has had",
    ),
    row(
        "hook-unknown-key-accepted",
        &["WH-09"],
        &[],
        Hook(Check::KeyKnown, Skipped),
        "passes the signature over when it does not know the key",
    ),
    row(
        "hook-hmac-with-public-key-accepted",
        &["WH-10"],
        &[],
        Hook(Check::Hmac, Skipped),
        "takes a published key for a shared secret",
    ),
    row(
        "hook-for-other-receiver-accepted",
        &["WH-11"],
        &["WH-02"],
        Hook(Check::Receiver, Skipped),
        "does not ask to whom an event was sent",
    ),
    row(
        "hook-by-get-accepted",
        &["WH-20"],
        &[],
        Breaks(Part::Record(RecordDuty::HookByPostOnly)),
        "answers 200 to any method and any media type",
    ),
];
