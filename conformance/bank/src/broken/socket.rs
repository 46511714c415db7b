//! Variants of the event stream.

use super::Slip::{Breaks, Checks};
use super::{Part, Row, row};
use crate::conduct::Diligence::*;
use crate::conduct::{Check, Duty, SocketCheck, SocketDuty};

const fn breaks(duty: Duty) -> super::Slip {
    Breaks(Part::Keeps(duty))
}

pub(super) const ROWS: &[Row] = &[
    row(
        "ws-accept-unchecked",
        &["WS-02"],
        &["WS-06"],
        Checks(Check::Socket(SocketCheck::Accept), Skipped),
        "does not compare the answer of the handshake",
    ),
    row(
        "ws-refusal-loop",
        &["WS-03"],
        &["WS-21"],
        breaks(Duty::Stream(SocketDuty::RefusalHeeded)),
        "knocks again and again after a 401",
    ),
    row(
        "ws-retry-after-ignored",
        &["WS-04"],
        &["WS-21", "HTTP-01"],
        breaks(Duty::Stream(SocketDuty::RetryAfter)),
        "does not wait as long as it is told",
    ),
    row(
        "ws-redirect-followed",
        &["WS-05"],
        &[],
        breaks(Duty::Stream(SocketDuty::NotAfterRedirect)),
        "runs after a redirect with its token",
    ),
    row(
        "ws-subprotocol-unchecked",
        &["WS-06"],
        &["WS-02"],
        Checks(Check::Socket(SocketCheck::Subprotocol), Skipped),
        "takes a subprotocol that it did not offer",
    ),
    row(
        "ws-token-in-address",
        &["WS-07"],
        &["ATU-02"],
        breaks(Duty::Stream(SocketDuty::NotInAddress)),
        "writes its token into the address",
    ),
    row(
        "ws-masked-frame-accepted",
        &["WS-08"],
        &[],
        Checks(Check::Socket(SocketCheck::Masked), Skipped),
        "unmasks frames of the portal",
    ),
    row(
        "ws-reserved-bits-accepted",
        &["WS-10"],
        &[],
        Checks(Check::Socket(SocketCheck::Reserved), Skipped),
        "passes over reserved bits",
    ),
    row(
        "ws-reserved-opcode-accepted",
        &["WS-11"],
        &[],
        Checks(Check::Socket(SocketCheck::Opcode), Skipped),
        "takes an unknown frame for text",
    ),
    row(
        "ws-long-control-accepted",
        &["WS-12"],
        &[],
        Checks(Check::Socket(SocketCheck::ControlLong), Skipped),
        "takes control frames of any form",
    ),
    row(
        "ws-unasked-pong-refused",
        &["WS-14"],
        &["WS-16"],
        breaks(Duty::Stream(SocketDuty::PongIgnored)),
        "refuses a pong that it did not ask for",
    ),
    row(
        "ws-bad-text-accepted",
        &["WS-15"],
        &[],
        Checks(Check::Socket(SocketCheck::Text), Skipped),
        "reads text that is not UTF-8",
    ),
    row(
        "ws-fragments-refused",
        &["WS-16"],
        &[],
        breaks(Duty::Stream(SocketDuty::Fragments)),
        "cannot read a message in parts",
    ),
    row(
        "ws-continuation-accepted",
        &["WS-17"],
        &[],
        Checks(Check::Socket(SocketCheck::Continuation), Skipped),
        "takes a continuation for a beginning",
    ),
    row(
        "ws-oversize-accepted",
        &["WS-18"],
        &[],
        Checks(Check::Socket(SocketCheck::Size), Skipped),
        "reads messages of any length",
    ),
    row(
        "ws-reconnect-storm",
        &["WS-21"],
        &["WS-04"],
        breaks(Duty::Stream(SocketDuty::BackOff)),
        "connects again without pause",
    ),
    row(
        "ws-resumed-from-start",
        &["WS-24"],
        &["WS-25", "WS-26"],
        breaks(Duty::Stream(SocketDuty::ResumesAtLast)),
        "asks for everything anew each time",
    ),
    row(
        "ws-gap-accepted",
        &["WS-25"],
        &["WS-24", "WS-26", "WS-27", "WS-29"],
        breaks(Duty::Stream(SocketDuty::GapAsked)),
        "goes on as if nothing were missing",
    ),
    row(
        "ws-event-applied-twice",
        &["WS-26"],
        &["WS-24", "WH-07"],
        breaks(Duty::Stream(SocketDuty::Applied)),
        "acts again on an event that it has had",
    ),
    row(
        "ws-event-order-believed",
        &["WS-26"],
        &["WS-24", "WS-25", "WS-27", "WS-29"],
        breaks(Duty::Stream(SocketDuty::InOrder)),
        "takes events as they come",
    ),
    row(
        "ws-foreign-event-used",
        &["WS-27"],
        &[],
        breaks(Duty::Stream(SocketDuty::OwnEventsOnly)),
        "takes events about people whom it does not know",
    ),
    row(
        "ws-acknowledged-before-stored",
        &["WS-29"],
        &["WS-24", "WS-25", "WS-27"],
        breaks(Duty::Stream(SocketDuty::AckAfterStore)),
        "acknowledges an event before it looks at it",
    ),
    row(
        "ws-never-acknowledged",
        &["WS-29"],
        &["WS-26"],
        breaks(Duty::Stream(SocketDuty::AckAtAll)),
        "never acknowledges an event",
    ),
    row(
        "ws-binary-accepted",
        &["WS-32"],
        &[],
        Checks(Check::Socket(SocketCheck::Binary), Skipped),
        "takes binary frames for events",
    ),
];
