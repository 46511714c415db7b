//! Shapes as JSON Schema (2020-12, as OpenAPI 3.1 takes it): a component for each, nested ones by reference.

use serde_json::{Map, Value, json};

use super::{Field, Kind, Shape, Version};

/// Where references lead.
const COMPONENTS: &str = "#/components/schemas/";

/// The name of a shape's component: `debts_page` is `DebtsPage`, and `DebtsPageV2` where the second version differs.
pub fn component_name(shape: &'static Shape, version: Version) -> String {
    let mut name: String = shape.name.split('_').map(capital).collect();
    if version == Version::V2 && shape.differs() {
        name.push_str("V2");
    }
    name
}

/// The component of a shape; what it nests is referred to.
pub fn schema(shape: &'static Shape, version: Version) -> Value {
    let properties: Map<String, Value> =
        shape.fields.iter().map(|field| (field.name(version).to_owned(), property(field, version))).collect();
    let required: Vec<&str> =
        shape.fields.iter().filter(|field| !field.optional).map(|field| field.name(version)).collect();
    json!({
        "type": "object",
        "title": shape.ru,
        "description": shape.en,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The components of these shapes and of all that they nest.
pub fn components(shapes: &[&'static Shape], version: Version) -> Map<String, Value> {
    let all = shapes.iter().flat_map(|shape| shape.all());
    all.map(|shape| (component_name(shape, version), schema(shape, version))).collect()
}

/// A reference to the component of a shape.
pub fn reference(shape: &'static Shape, version: Version) -> Value {
    json!({"$ref": format!("{COMPONENTS}{}", component_name(shape, version))})
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn property(field: &'static Field, version: Version) -> Value {
    let mut schema = match field.kind {
        Kind::List(shape) => json!({"type": "array", "items": reference(shape, version)}),
        Kind::Record(shape) => reference(shape, version),
        kind => scalar(kind),
    };
    schema["title"] = json!(field.ru);
    schema["description"] = match field.kind {
        Kind::Money => json!(format!("{}; in kopecks", field.en)),
        _ => json!(field.en),
    };
    schema
}

/// The schema of a kind that is no record: of a member, and of a parameter.
pub fn scalar(kind: Kind) -> Value {
    match kind {
        Kind::Day => json!({"type": "string", "format": "date"}),
        Kind::Decimal => json!({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Int | Kind::Money => json!({"type": "integer", "format": "int64"}),
        Kind::Text => json!({"type": "string"}),
        Kind::Time => json!({"type": "string", "format": "date-time"}),
        Kind::Word(words) => json!({"type": "string", "enum": words}),
        Kind::List(_) | Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Record(_) => json!({"type": "object"}),
    }
}
