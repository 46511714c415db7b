//! JSON from the portal, read as strictly as money deserves: no member twice, nothing after the end, no number that would
//! be cut. What a variant overlooks is mended here the way a careless bank does it.

use contract::adapter::ReasonClass;
use contract::shape::{Kind, Shape};
use serde_json::{Map, Value};

use crate::bank::Bank;
use crate::conduct::{Diligence, JsonCheck};
use crate::refusal::{Refusal, refuse};

/// What was found and, in an honest bank, ends the flow.
pub(crate) fn weigh(
    bank: &Bank,
    check: impl Into<crate::conduct::Check>,
    refusal: Refusal,
    late: &mut Option<Refusal>,
) -> Result<(), Refusal> {
    match bank.conduct.checks(check) {
        Diligence::Full => Err(refusal),
        Diligence::Late => {
            late.get_or_insert(refusal);
            Ok(())
        }
        Diligence::LoggedOnly => {
            bank.diary.note(bank.clock.now(), "overlooked", &[("why", &refusal.detail)]);
            Ok(())
        }
        Diligence::Skipped | Diligence::WrongField => Ok(()),
    }
}

/// Reads a body (RFC 8259, RFC 7493 §2).
pub(crate) fn read(bank: &Bank, bytes: &[u8], late: &mut Option<Refusal>) -> Result<Value, Refusal> {
    let odd = |code: &'static str, why: String| refuse(ReasonClass::Format, code, why);
    // A mark at the beginning is no data (RFC 8259 §8.1 lets a reader ignore it).
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            weigh(bank, JsonCheck::Utf8, odd("JSON-UTF8", error.to_string()), late)?;
            String::from_utf8_lossy(bytes).into_owned()
        }
    };
    for _ in 0..3 {
        let error = match crypto::json::strict(text.as_bytes()) {
            Ok(value) => return Ok(value),
            Err(error) => error.to_string(),
        };
        if error.contains("stands twice") {
            weigh(bank, JsonCheck::DuplicateMember, odd("JSON-TWICE", error), late)?;
            return Ok(serde_json::from_str(&text).unwrap_or_default());
        }
        if error.contains("recursion limit") {
            weigh(bank, JsonCheck::Depth, odd("JSON-DEPTH", error), late)?;
            return Ok(serde_json::from_str(&shallow(&text)).unwrap_or_default());
        }
        if error.contains("number out of range") {
            weigh(bank, JsonCheck::BigNumber, odd("JSON-NUMBER", error), late)?;
            return Ok(Value::Object(Map::new()));
        }
        if error.contains("trailing characters") {
            weigh(bank, JsonCheck::Trailing, odd("JSON-TRAILING", error), late)?;
            let first = serde_json::Deserializer::from_str(&text).into_iter::<Value>().next();
            return Ok(first.and_then(Result::ok).unwrap_or_default());
        }
        weigh(bank, JsonCheck::Loose, odd("JSON-FORM", error), late)?;
        text = tightened(&text);
    }
    Err(odd("JSON-FORM", "no JSON where data are due".to_owned()))
}

/// The text with everything deeper than anybody's data replaced by nothing: what a reader without a bound goes on with.
fn shallow(text: &str) -> String {
    const DEEP: usize = 20;
    let (mut out, mut depth, mut within, mut escaped) = (String::with_capacity(text.len()), 0_usize, false, false);
    for sign in text.chars() {
        let opens = !within && matches!(sign, '[' | '{');
        let closes = !within && matches!(sign, ']' | '}');
        if opens {
            depth += 1;
            if depth == DEEP {
                out.push_str("null");
            }
        }
        if depth < DEEP {
            out.push(sign);
        }
        depth -= usize::from(closes && depth > 0);
        within ^= sign == '"' && !escaped;
        escaped = within && sign == '\\' && !escaped;
    }
    out
}

/// What a bank makes of JSON that it reads as its scripting language would.
fn tightened(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '"' => {
                out.push('"');
                let mut escaped = false;
                for inside in rest.by_ref() {
                    out.push(inside);
                    match inside {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '\'' => out.push('"'),
            '/' if rest.peek() == Some(&'*') => {
                let mut last = ' ';
                for inside in rest.by_ref() {
                    if last == '*' && inside == '/' {
                        break;
                    }
                    last = inside;
                }
            }
            '/' if rest.peek() == Some(&'/') => for _ in rest.by_ref().take_while(|inside| *inside != '\n') {},
            '}' | ']' => {
                while out.ends_with([',', ' ', '\n', '\t', '\r']) {
                    out.pop();
                }
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    for word in ["NaN", "-Infinity", "Infinity"] {
        out = out.replace(word, "0");
    }
    out
}

/// Holds a record against its published description: what is required is there, and everything known is of its type.
/// Unknown members pass (tolerant reading); a state that nobody knows does not.
pub(crate) fn expect(
    bank: &Bank,
    shape: &'static Shape,
    value: &mut Value,
    late: &mut Option<Refusal>,
) -> Result<(), Refusal> {
    expect_at(bank, shape, value, shape.name, late)
}

fn expect_at(
    bank: &Bank,
    shape: &'static Shape,
    value: &mut Value,
    path: &str,
    late: &mut Option<Refusal>,
) -> Result<(), Refusal> {
    let odd = |code: &'static str, why: String| refuse(ReasonClass::Format, code, why);
    let Some(members) = value.as_object_mut() else {
        weigh(bank, JsonCheck::Type, odd("DATA-TYPE", format!("{path} is no record")), late)?;
        *value = Value::Object(Map::new());
        return Ok(());
    };
    for field in shape.fields {
        let here = format!("{path}.{}", field.name);
        let held = members.get(field.name).filter(|held| !held.is_null());
        let Some(held) = held else {
            members.remove(field.name);
            if field.optional {
                continue;
            }
            weigh(bank, JsonCheck::Required, odd("DATA-REQUIRED", format!("{here} is not there")), late)?;
            members.insert(field.name.to_owned(), nothing(field.kind));
            continue;
        };
        if !fits(field.kind, held) {
            let exact = match held {
                Value::Number(number) if matches!(field.kind, Kind::Int | Kind::Money) => number.as_f64(),
                _ => None,
            };
            let (check, code) = match exact {
                Some(_) => (JsonCheck::BigNumber, "JSON-NUMBER"),
                None => (JsonCheck::Type, "DATA-TYPE"),
            };
            weigh(bank, check, odd(code, format!("{here} is of another type")), late)?;
            let coerced = coerced(field.kind, held);
            members.insert(field.name.to_owned(), coerced);
            continue;
        }
        if let (Kind::Word(words), Some(word), "state") = (field.kind, held.as_str(), field.name)
            && !words.contains(&word)
        {
            let why = format!("{here} is {word:?}, which the bank does not know");
            weigh(bank, JsonCheck::Word, odd("DATA-WORD", why), late)?;
            let success = words.last().copied().unwrap_or_default();
            members.insert(field.name.to_owned(), Value::from(success));
            continue;
        }
        match field.kind {
            Kind::Record(inner) => {
                if let Some(held) = members.get_mut(field.name) {
                    expect_at(bank, inner, held, &here, late)?;
                }
            }
            Kind::List(inner) => {
                for item in members.get_mut(field.name).and_then(Value::as_array_mut).into_iter().flatten() {
                    expect_at(bank, inner, item, &here, late)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn fits(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Flag => value.is_boolean(),
        Kind::Int | Kind::Money => value.is_i64() || value.is_u64(),
        Kind::List(_) => value.is_array(),
        Kind::Record(_) => value.is_object(),
        Kind::Texts => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        Kind::Day | Kind::Decimal | Kind::Text | Kind::Time | Kind::Word(_) => value.is_string(),
    }
}

/// What a careless bank reads where there is nothing.
fn nothing(kind: Kind) -> Value {
    match kind {
        Kind::Flag => Value::from(false),
        Kind::Int | Kind::Money => Value::from(0),
        Kind::List(_) | Kind::Texts => Value::Array(Vec::new()),
        Kind::Record(_) => Value::Object(Map::new()),
        _ => Value::from(""),
    }
}

/// What a careless bank makes of a value of another type.
fn coerced(kind: Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::Int | Kind::Money, Value::String(text)) => Value::from(text.parse::<i64>().unwrap_or_default()),
        #[expect(clippy::cast_possible_truncation, reason = "cutting is the wrong that this variant does")]
        (Kind::Int | Kind::Money, Value::Number(number)) => Value::from(number.as_f64().unwrap_or_default() as i64),
        (Kind::Flag, other) => Value::from(other == "true" || other == 1),
        (Kind::Text | Kind::Day | Kind::Decimal | Kind::Time | Kind::Word(_), other) => Value::from(other.to_string()),
        (kind, _) => nothing(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_deep_becomes_nothing_and_the_rest_stays() {
        let deep = format!(r#"{{"a":"[\"{{","b":{}1{},"c":[2]}}"#, "[".repeat(500), "]".repeat(500));
        let value: Value = serde_json::from_str(&shallow(&deep)).unwrap();
        assert_eq!((value["a"].as_str(), value["c"][0].as_i64()), (Some("[\"{"), Some(2)));
    }

    #[test]
    fn a_careless_reader_makes_json_of_what_is_none() {
        let text = "{'a': 1, /* b */ \"c\": [NaN, 2,],}";
        let value: Value = serde_json::from_str(&tightened(text)).unwrap();
        assert_eq!(value, serde_json::json!({"a": 1, "c": [0, 2]}));
        assert_eq!(tightened(r#"{"a": "it's /* here */"}"#), r#"{"a": "it's /* here */"}"#);
    }

    #[test]
    fn kinds_are_told_apart() {
        assert!(fits(Kind::Money, &Value::from(9_007_199_254_740_993_i64)));
        assert!(!fits(Kind::Money, &serde_json::json!(1.5)));
        assert!(!fits(Kind::Money, &Value::from("12")));
        assert!(fits(Kind::Texts, &serde_json::json!(["a"])));
    }
}
