//! Whether a value is what its shape says: every member there, none more, each of its kind.

use serde_json::Value;

use super::{Field, Kind, Shape};
use crate::time::{Day, Timestamp};

/// Where a value departs from its shape. The value itself is not repeated: it may be a person's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct Breach {
    /// Such as `rights[1].since`; lists count from one.
    pub path: String,
    /// What is wrong.
    pub why: String,
}

impl Breach {
    pub(super) fn new(path: &str, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), why: why.into() }
    }
}

/// Refuses what departs from the shape: another type, a missing or an unknown member, text that XML cannot carry.
pub fn check(shape: &Shape, value: &Value) -> Result<(), Breach> {
    record(shape, value, shape.name, true)
}

fn record(shape: &Shape, value: &Value, path: &str, root: bool) -> Result<(), Breach> {
    let Some(members) = value.as_object() else { return Err(Breach::new(path, "an object is wanted")) };
    let inner = |name: &str| if root { name.to_owned() } else { format!("{path}.{name}") };
    for field in shape.fields {
        match members.get(field.name) {
            Some(found) => holds(field, found, &inner(field.name))?,
            None if field.optional => {}
            None => return Err(Breach::new(&inner(field.name), "is missing")),
        }
    }
    match members.keys().find(|name| shape.field(name).is_none()) {
        Some(stranger) => Err(Breach::new(&inner(stranger), "is unknown")),
        None => Ok(()),
    }
}

fn holds(field: &Field, value: &Value, path: &str) -> Result<(), Breach> {
    let each = |value: &Value, one: &dyn Fn(&Value, &str) -> Result<(), Breach>| {
        let Some(items) = value.as_array() else { return Err(Breach::new(path, "a list is wanted")) };
        items.iter().enumerate().try_for_each(|(at, item)| one(item, &format!("{path}[{}]", at + 1)))
    };
    match field.kind {
        Kind::Flag if value.is_boolean() => Ok(()),
        Kind::Flag => Err(Breach::new(path, "true or false is wanted")),
        Kind::Int | Kind::Money if value.is_i64() => Ok(()),
        Kind::Int | Kind::Money => Err(Breach::new(path, "a whole number is wanted")),
        Kind::List(shape) => each(value, &|item, path| record(shape, item, path, false)),
        Kind::Record(shape) => record(shape, value, path, false),
        Kind::Texts => each(value, &|item, path| text(Kind::Text, item, path)),
        kind => text(kind, value, path),
    }
}

fn text(kind: Kind, value: &Value, path: &str) -> Result<(), Breach> {
    let Some(text) = value.as_str() else { return Err(Breach::new(path, "text is wanted")) };
    misfit(kind, text).map_err(|why| Breach::new(path, why))
}

/// Whether a text may stand in a field of this kind (of text).
pub fn fits(kind: Kind, text: &str) -> bool {
    misfit(kind, text).is_ok()
}

pub(super) fn misfit(kind: Kind, text: &str) -> Result<(), String> {
    let good = match kind {
        // The canonical form only: what is read from XML and CSV has to be what was written.
        Kind::Day => text.parse::<Day>().is_ok_and(|day| day.to_string() == text),
        Kind::Decimal => decimal(text),
        Kind::Time => text.parse::<Timestamp>().is_ok_and(|instant| instant.to_string() == text),
        Kind::Word(words) => words.contains(&text),
        _ => text.chars().all(carried),
    };
    if good {
        return Ok(());
    }
    Err(match kind {
        Kind::Day => "a day such as 2026-11-22 is wanted".to_owned(),
        Kind::Decimal => "a number such as 12.50 is wanted".to_owned(),
        Kind::Time => "an instant such as 2026-11-22T10:00:00Z is wanted".to_owned(),
        Kind::Word(words) => format!("one of {} is wanted", words.join(", ")),
        _ => "a character that XML cannot carry".to_owned(),
    })
}

fn decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = text.strip_prefix('-').unwrap_or(text);
    match plain.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(plain),
    }
}

/// `Char` of XML 1.0 §2.2.
pub(super) const fn carried(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}
