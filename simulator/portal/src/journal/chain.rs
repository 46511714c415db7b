//! The hash chain: how an entry is sealed, and how a chain is checked.
//!
//! `hash` is SHA-256 over the canonical JSON (members sorted by name, no blanks) of the entry without `hash` and
//! `wall_us`; `prev` is the hash before it, sixty-four zeros at the start. A changed, missing or moved line shows.

use std::fmt::Write;

use contract::journal::Entry;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// `prev` of the first entry.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash that an entry must bear.
pub(crate) fn seal(entry: &Entry) -> String {
    let mut line = json!({
        "n": entry.n, "at": entry.at, "sandbox": entry.sandbox, "kind": entry.kind, "data": entry.data,
        "prev": entry.prev,
    });
    if let Value::Object(members) = &mut line {
        let mut put = |name: &str, value: Option<Value>| value.map(|value| members.insert(name.into(), value));
        put("partner", entry.partner.clone().map(Value::from));
        put("citizen", entry.citizen.map(Value::from));
        put("flow", entry.flow.clone().map(Value::from));
        put("exchange", entry.exchange.map(Value::from));
    }
    digest(&canonical(&line))
}

/// SHA-256 of a text, lower-case hex.
pub(crate) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// JSON with members sorted by name and no blanks, whatever order the map keeps.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            text.push('{');
            for (index, name) in names.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                // Writing into a String cannot fail.
                let _ = write!(text, "{}:", Value::from(name.as_str()));
                write_canonical(&members[name], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let _ = write!(text, "{value}");
        }
    }
}

/// Where a chain breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {n} of sandbox {sandbox:?}: {what}")]
pub struct Broken {
    pub n: u64,
    pub sandbox: String,
    pub what: &'static str,
}

/// Checks entries one after another, beginning at the first.
#[derive(Debug)]
pub(crate) struct Checker {
    next: u64,
    prev: String,
}

impl Checker {
    pub(crate) fn new() -> Self {
        Self { next: 1, prev: GENESIS.to_owned() }
    }

    pub(crate) fn check(&mut self, entry: &Entry) -> Result<(), Broken> {
        let broken = |what| Err(Broken { n: entry.n, sandbox: entry.sandbox.clone(), what });
        if entry.n != self.next {
            return broken("is out of its place");
        }
        if entry.prev != self.prev {
            return broken("does not follow the entry before it");
        }
        if entry.hash != seal(entry) {
            return broken("was changed after it was written");
        }
        self.next += 1;
        self.prev.clone_from(&entry.hash);
        Ok(())
    }

    /// The number and hash of the last good entry.
    pub(crate) fn head(&self) -> (u64, &str) {
        (self.next - 1, &self.prev)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u64, prev: &str) -> Entry {
        let mut entry = Entry {
            n,
            at: contract::time::Timestamp::from_seconds(1_795_000_000),
            sandbox: "default".into(),
            kind: "payment.accepted".into(),
            partner: Some("BANK01".into()),
            citizen: Some(1_000_000_001),
            flow: None,
            exchange: Some(4),
            data: json!({"b": 1, "a": [true, "ё"]}),
            prev: prev.into(),
            hash: String::new(),
            wall_us: 5,
        };
        entry.hash = seal(&entry);
        entry
    }

    #[test]
    fn members_are_sorted_whatever_order_they_came_in() {
        let first: Value = serde_json::from_str(r#"{"b":1,"a":{"d":2,"c":3}}"#).unwrap();
        assert_eq!(canonical(&first), r#"{"a":{"c":3,"d":2},"b":1}"#);
    }

    #[test]
    fn a_changed_line_breaks_the_chain_where_it_stands() {
        let first = entry(1, GENESIS);
        let mut second = entry(2, &first.hash);
        let mut checker = Checker::new();
        checker.check(&first).unwrap();
        second.data["b"] = json!(2);
        assert_eq!(checker.check(&second).unwrap_err().n, 2);
    }

    #[test]
    fn a_missing_line_breaks_the_chain() {
        let first = entry(1, GENESIS);
        let second = entry(2, &first.hash);
        assert!(Checker::new().check(&second).is_err());
    }

    #[test]
    fn the_wall_clock_stands_beside_the_chain() {
        let mut first = entry(1, GENESIS);
        first.wall_us = 99;
        Checker::new().check(&first).unwrap();
    }
}
