//! Traces and records, and the clients that must fail at large: together they show that the catalogue cannot be passed by
//! accident. What these break is what a scenario must show of them; nearly every rule is their relative.

use super::Slip::{self, AcceptsEverything, Breaks, Leaks, MixesPeople};
use super::{Part, Row, row};
use crate::conduct::{Course, RecordDuty};

pub(super) const ROWS: &[Row] = &[
    row(
        "secrets-in-traces",
        &["OBS-01"],
        &["ATU-15"],
        Breaks(Part::Record(RecordDuty::SecretsOutOfLog)),
        "logs codes and personal numbers",
    ),
    row(
        "log-line-split",
        &["OBS-03"],
        &["RESP-22"],
        Breaks(Part::Record(RecordDuty::LinesWhole)),
        "writes values into its log as they come",
    ),
    row(
        "refusal-without-reason",
        &["OBS-06"],
        &["*"],
        Breaks(Part::Record(RecordDuty::ReasonGiven)),
        "refuses without saying why",
    ),
    row(
        "audit-edit-unnoticed",
        &["OBS-07"],
        &[],
        Breaks(Part::Record(RecordDuty::AuditVerified)),
        "says that its audit trail is whole without looking",
    ),
    row("does-nothing", &[], &["*"], Slip::Course(Course::Idle), "answers `ok` to everything and calls nobody"),
    row("starts-then-stops", &[], &["*"], Slip::Course(Course::StopsHalfway), "begins every flow and ends none"),
    row(
        "crashes-on-surprise",
        &[],
        &["*"],
        Slip::Course(Course::Crashes),
        "dies at the first thing that is not as expected",
    ),
    row(
        "accepts-everything",
        &["IDT-01", "IDT-03", "IDT-26", "IDT-29", "IDT-35", "RESP-01", "WH-02"],
        &["*"],
        AcceptsEverything,
        "makes no check at all",
    ),
    row("refuses-everything", &[], &["*"], Slip::Course(Course::RefusesAll), "refuses whatever comes back"),
    row(
        "says-refused-but-goes-on",
        &["IDT-01", "IDT-26", "RESP-01"],
        &["*"],
        Slip::Course(Course::GoesOn),
        "says that it refused, and uses the thing all the same",
    ),
    row(
        "goes-on-late",
        &["IDT-01", "IDT-26"],
        &["*"],
        Slip::Course(Course::GoesOnLate),
        "uses what it refused as soon as nobody seems to look",
    ),
    row("leaks", &["ATU-14", "ATU-15", "OBS-01"], &["ATU-02", "REQ-09"], Leaks, "leaves tokens and secrets everywhere"),
    row(
        "storms",
        &["HTTP-01", "HTTP-05", "TOK-05"],
        &["*"],
        Slip::Course(Course::Storms),
        "sends everything many times",
    ),
    row("mixes-people", &["ATU-11"], &["*"], MixesPeople, "confuses two people who are active at once"),
];
