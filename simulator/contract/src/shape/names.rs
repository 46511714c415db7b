//! The two sets of names: a value under its first names, and the same facts as `/api/v2` calls them.

use serde_json::{Map, Value};

use super::{Kind, Shape, Version};

/// A value (under its first names) as this version writes it. Members that the shape does not know stay as they are.
#[must_use]
pub fn renamed(shape: &Shape, value: &Value, version: Version) -> Value {
    turned(shape, value, Version::V1, version)
}

/// What this version wrote, under the first names again. A first name where the version has another one is not taken for
/// it: it stays, and [`check`](super::check) calls it unknown, unless it stands there by right.
#[must_use]
pub fn named(shape: &Shape, value: &Value, version: Version) -> Value {
    turned(shape, value, version, Version::V1)
}

fn turned(shape: &Shape, value: &Value, from: Version, to: Version) -> Value {
    let Some(members) = value.as_object() else { return value.clone() };
    let mut out = Map::new();
    for (name, held) in members {
        let Some(field) = shape.fields.iter().find(|field| field.name(from) == name) else {
            // A stranger must not hide behind a name that means something on the other side.
            let taken = shape.fields.iter().any(|field| field.name(to) == name);
            let kept = if taken { format!("{name} ({})", to.as_str()) } else { name.clone() };
            out.insert(kept, held.clone());
            continue;
        };
        let turned = match (field.kind, held) {
            (Kind::Record(inner), _) => turned(inner, held, from, to),
            (Kind::List(inner), Value::Array(items)) => {
                items.iter().map(|item| turned(inner, item, from, to)).collect()
            }
            _ => held.clone(),
        };
        out.insert(field.name(to).to_owned(), turned);
    }
    Value::Object(out)
}
