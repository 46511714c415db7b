//! Who somebody is: simplified identification through ESIA, and whether a passport is valid. Both say yes or no about
//! what the asker knows already, so no consent is named.

use contract::citizen::{Citizen, Document, DocumentKind, DocumentState};
use crypto::xmldsig::Element;
use domain::Payload;

use super::super::provide::{Desk, plain};
use super::super::xml::{Breach, Parts, el, text};
use super::Trouble;

/// Passport validity (the ministry of the interior).
pub(super) const PASSPORT: &str = "urn://ru/mvd/sovm/p001/1.0.0";
/// Simplified identification.
pub(super) const VERIFY: [&str; 4] = [
    "urn://mincomsvyaz/esia/uprid/1.4.0",
    "urn://mincomsvyaz/esia/uprid/1.4.1",
    "urn://mincomsvyaz/esia/uprid/1.4.2",
    "urn://mincomsvyaz/esia/uprid/1.4.3",
];

fn is_passport(document: &Document, series: &str, number: &str) -> bool {
    let same = |one: &str, other: &str| one.split_whitespace().eq(other.split_whitespace()) || bare(one) == bare(other);
    document.kind == DocumentKind::RfPassport
        && same(document.series.as_deref().unwrap_or_default(), series)
        && same(&document.number, number)
}

fn bare(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

fn holds(citizen: &Citizen, series: &str, number: &str) -> bool {
    citizen.documents.iter().any(|document| {
        is_passport(document, series, number) && document.state == DocumentState::Valid && citizen.deceased.is_none()
    })
}

fn digits(element: Element<'_>, count: usize) -> Result<String, Breach> {
    let read = bare(&text(element)?);
    if read.len() != count || !read.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Breach::at(element, format!("is not of {count} digits")));
    }
    Ok(read)
}

/// `request{requestInfo{passportRFSeries, passportRFNumber}}`
pub(super) fn passport(desk: &Desk<'_>, root: Element<'_>) -> Result<Payload, Trouble> {
    let mut parts = Parts::of(root)?;
    let info = parts.one(PASSPORT, "requestInfo")?;
    parts.end()?;
    let mut inner = Parts::of(info)?;
    let series = digits(inner.one(PASSPORT, "passportRFSeries")?, 4)?;
    let number = digits(inner.one(PASSPORT, "passportRFNumber")?, 6)?;
    inner.end()?;
    let (valid, known) = desk.sandbox.read(|world| {
        let mut all = world.citizens.all();
        let owner = all.find(|citizen| citizen.documents.iter().any(|one| is_passport(one, &series, &number)));
        (owner.is_some_and(|owner| holds(owner, &series, &number)), owner.is_some())
    });
    let status = if valid {
        "VALID"
    } else if known {
        "INVALID"
    } else {
        "NOT_FOUND"
    };
    Ok(plain(format!(
        "<response xmlns=\"{PASSPORT}\"><responseInfo>{}{}{}</responseInfo></response>",
        el("passportRFSeries", &series),
        el("passportRFNumber", &number),
        el("docStatus", status)
    )))
}

/// `ESIADataVerifyRequest`
pub(super) fn verify(desk: &Desk<'_>, root: Element<'_>) -> Result<Payload, Trouble> {
    let namespace = root.namespace();
    let mut parts = Parts::of(root)?;
    let routing = parts.one(namespace, "RoutingCode")?;
    if !matches!(text(routing)?.as_str(), "DEV" | "TESIA" | "PROD") {
        return Err(Breach::at(routing, "is none of DEV, TESIA, PROD").into());
    }
    let series = digits(parts.one(namespace, "passportSeries")?, 4)?;
    let number = digits(parts.one(namespace, "passportNumber")?, 6)?;
    let last = text(parts.one(namespace, "lastName")?)?;
    let first = text(parts.one(namespace, "firstName")?)?;
    let middle = parts.opt(namespace, "middleName").map(text).transpose()?;
    let snils = parts.opt(namespace, "snils").map(text).transpose()?;
    let inn = parts.opt(namespace, "inn").map(text).transpose()?;
    parts.end()?;
    if snils.is_none() && inn.is_none() {
        return Err(Breach::at(root, "has neither snils nor inn").into());
    }
    let same = |one: &str, other: &str| one.trim().to_lowercase() == other.trim().to_lowercase();
    let valid = desk.sandbox.read(|world| {
        world.citizens.all().any(|citizen| {
            let only_digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            let number_fits = |held: Option<String>, asked: &Option<String>| {
                asked.as_ref().is_none_or(|asked| held.is_some_and(|held| only_digits(&held) == only_digits(asked)))
            };
            holds(citizen, &series, &number)
                && same(&citizen.last_name, &last)
                && same(&citizen.first_name, &first)
                && middle.as_ref().is_none_or(|middle| same(citizen.middle_name.as_deref().unwrap_or_default(), middle))
                && number_fits(citizen.snils.as_ref().map(ToString::to_string), &snils)
                && number_fits(citizen.inn.as_ref().map(ToString::to_string), &inn)
        })
    });
    Ok(plain(format!(
        "<ESIADataVerifyResponse xmlns=\"{namespace}\">{}{}</ESIADataVerifyResponse>",
        el("status", if valid { "VALID" } else { "INVALID" }),
        el("requestId", &desk.sandbox.draw().uuid())
    )))
}
