//! JSON read as security wants it: a repeated member is refused, because two readers would disagree on which one holds
//! (RFC 7515 §10.12, RFC 8725 §2.4).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why bytes are no acceptable JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("read JSON: the member {0:?} stands twice")]
    Duplicate(String),
    #[error("read JSON: {0}")]
    Malformed(String),
}

const TWICE: &str = "stands twice: ";

/// Reads one JSON value, refusing repeated members at any depth and anything after the value.
pub fn strict(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut reader).map_err(|error| explain(&error))?;
    reader.end().map_err(|error| explain(&error))?;
    Ok(value)
}

fn explain(error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    match text.strip_prefix(TWICE) {
        // The library appends the position to the text of our own error.
        Some(rest) => JsonError::Duplicate(rest.rsplit_once(" at line ").map_or(rest, |(name, _)| name).to_owned()),
        None => JsonError::Malformed(text),
    }
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = input.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = input.next_key::<String>()? {
            let value = input.next_value_seed(Strict)?;
            if members.contains_key(&name) {
                return Err(A::Error::custom(format_args!("{TWICE}{name}")));
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_json_is_read_as_usual() {
        let text = br#"{"a":[1,-2,3.5,null,true,"x"],"b":{"a":1}}"#;
        assert_eq!(strict(text), Ok(serde_json::from_slice(text).unwrap()));
    }

    #[test]
    fn repeated_members_are_refused_at_any_depth_and_in_any_spelling() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"b":[{"a":1,"a":2}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert_eq!(strict(text.as_bytes()), Err(JsonError::Duplicate("a".into())), "{text}");
        }
    }

    #[test]
    fn what_follows_the_value_is_refused() {
        assert!(matches!(strict(b"{} x"), Err(JsonError::Malformed(_))));
        assert!(matches!(strict(b"\xff"), Err(JsonError::Malformed(_))));
        let deep = "[".repeat(100_000);
        assert!(matches!(strict(deep.as_bytes()), Err(JsonError::Malformed(_))));
    }
}
