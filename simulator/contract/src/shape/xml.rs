//! Records as XML 1.0 with namespaces: an element per field, a list as repeated elements, no attributes. UTF-8, no
//! document type declaration; [`read`] takes none either, so there are no entities but the five of XML itself.
//!
//! The tokens are quick-xml's. What it leaves to its caller (namespaces of every element, one root, depth, references)
//! is looked at here.

use std::fmt::Write;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use serde_json::{Map, Value};

use super::breach::carried;
use super::{Breach, Field, Kind, Shape, Version, check};
use crate::time::Timestamp;

pub use super::xsd::xsd;

/// Elements within one another.
pub const DEEPEST: usize = 64;
/// Elements in all.
pub const MOST: usize = 500_000;

/// A document that is not the record it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlBreach {
    /// An attribute that is no namespace declaration.
    #[error("attribute {0} is not expected")]
    Attribute(String),
    /// Deeper than [`DEEPEST`].
    #[error("elements are nested deeper than {DEEPEST}")]
    Deep,
    /// A document type declaration.
    #[error("a document type declaration is not allowed")]
    Dtd,
    /// A reference to an entity.
    #[error("the entity {0} is not known")]
    Entity(String),
    /// A processing instruction.
    #[error("a processing instruction is not allowed")]
    Instruction,
    /// Not well-formed.
    #[error("not well-formed: {0}")]
    Malformed(String),
    /// More elements than [`MOST`].
    #[error("there are more than {MOST} elements")]
    Many,
    /// An element of another namespace, or of none.
    #[error("element {0} is not of the namespace wanted")]
    Namespace(String),
    /// Well-formed, but not this record.
    #[error(transparent)]
    Record(#[from] Breach),
}

/// A value as a document. What departs from the shape is left out: [`check`] tells of it.
pub fn write(shape: &Shape, namespace: &str, value: &Value, version: Version) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&element(shape, namespace, value, version));
    out.push('\n');
    out
}

/// The root element alone, fit to stand inside another document.
pub fn element(shape: &Shape, namespace: &str, value: &Value, version: Version) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(out, "<{} xmlns=\"{}\">", shape.name, escaped(namespace));
    members(&mut out, shape, value, version);
    let _ = write!(out, "</{}>", shape.name);
    out
}

fn members(out: &mut String, shape: &Shape, value: &Value, version: Version) {
    for field in shape.fields {
        let name = field.name(version);
        match (value.get(field.name), field.kind) {
            (None, _) => {}
            (Some(Value::Array(items)), Kind::List(inner)) => {
                items.iter().for_each(|item| nested(out, name, inner, item, version));
            }
            (Some(Value::Array(items)), _) => items.iter().for_each(|item| plain(out, name, item)),
            (Some(held), Kind::Record(inner)) => nested(out, name, inner, held, version),
            (Some(held), _) => plain(out, name, held),
        }
    }
}

fn nested(out: &mut String, name: &str, shape: &Shape, value: &Value, version: Version) {
    let _ = write!(out, "<{name}>");
    members(out, shape, value, version);
    let _ = write!(out, "</{name}>");
}

fn plain(out: &mut String, name: &str, value: &Value) {
    let text = match value {
        Value::String(text) => escaped(text),
        other => other.to_string(),
    };
    let _ = write!(out, "<{name}>{text}</{name}>");
}

/// Text as element content and attribute values take it. A carriage return would become a line feed on its way in.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            letter if carried(letter) => out.push(letter),
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

/// An element on its way.
#[derive(Default)]
struct Node {
    name: String,
    text: String,
    inside: Vec<Node>,
}

/// Reads what [`write`] wrote, and what any other writer of the same schema writes: other prefixes, white space between
/// elements, comments, fields in another order. The value comes back under its first names and fits its shape.
pub fn read(shape: &Shape, namespace: &str, text: &str, version: Version) -> Result<Value, XmlBreach> {
    let root = tree(namespace, text)?;
    if root.name != shape.name {
        return Err(Breach::new(&root.name, format!("the element {} is wanted", shape.name)).into());
    }
    let value = record(shape, &root, shape.name, version)?;
    check(shape, &value)?;
    Ok(value)
}

fn malformed(what: impl ToString) -> XmlBreach {
    XmlBreach::Malformed(what.to_string())
}

fn tree(namespace: &str, text: &str) -> Result<Node, XmlBreach> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(letter) = text.chars().find(|letter| !carried(*letter)) {
        return Err(malformed(format!("the character {letter:?} is not allowed")));
    }
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    // The bottom of the stack stands for the document.
    let mut open = vec![Node::default()];
    let mut count = 0;
    loop {
        let (resolved, event) = reader.read_resolved_event().map_err(malformed)?;
        match event {
            Event::Start(tag) => {
                let node = opened(namespace, &resolved, &tag, &open, &mut count)?;
                open.push(node);
            }
            Event::Empty(tag) => {
                let node = opened(namespace, &resolved, &tag, &open, &mut count)?;
                settle(&mut open, node);
            }
            Event::End(_) => match open.pop() {
                Some(node) if !open.is_empty() => settle(&mut open, node),
                _ => return Err(malformed("an end tag without a start")),
            },
            Event::Text(text) => characters(&mut open, &text.xml10_content())?,
            Event::CData(text) if open.len() > 1 => characters(&mut open, &text.xml10_content())?,
            Event::CData(_) => return Err(malformed("text outside the root")),
            Event::GeneralRef(reference) => {
                let letter = match reference.resolve_char_ref().map_err(malformed)? {
                    Some(letter) if carried(letter) => letter,
                    Some(letter) => return Err(malformed(format!("the character {letter:?} is not allowed"))),
                    None => named(reference.as_ref())?,
                };
                if open.len() == 1 {
                    return Err(malformed("text outside the root"));
                }
                characters(&mut open, letter.encode_utf8(&mut [0; 4]))?;
            }
            Event::Comment(_) => {}
            Event::Decl(declaration) => declared(&declaration, count, &open)?,
            Event::DocType(_) => return Err(XmlBreach::Dtd),
            Event::PI(_) => return Err(XmlBreach::Instruction),
            Event::Eof => break,
        }
    }
    let document = open.pop().filter(|_| open.is_empty()).ok_or_else(|| malformed("an element is not closed"))?;
    let mut roots = document.inside.into_iter();
    match (roots.next(), roots.next()) {
        (Some(root), None) => Ok(root),
        (None, _) => Err(malformed("there is no element")),
        (_, Some(_)) => Err(malformed("there is a second root")),
    }
}

fn named(name: &str) -> Result<char, XmlBreach> {
    match name {
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "gt" => Ok('>'),
        "lt" => Ok('<'),
        "quot" => Ok('"'),
        other => Err(XmlBreach::Entity(other.to_owned())),
    }
}

fn declared(declaration: &quick_xml::events::BytesDecl<'_>, count: usize, open: &[Node]) -> Result<(), XmlBreach> {
    let fresh = count == 0 && open.len() == 1 && open[0].text.is_empty();
    let version = declaration.version().map_err(malformed)?;
    let encoding = declaration.encoding().transpose().map_err(malformed)?;
    let plain = encoding.is_none_or(|encoding| encoding.eq_ignore_ascii_case("utf-8"));
    if fresh && plain && &*version == "1.0" { Ok(()) } else { Err(malformed("the XML declaration is not ours")) }
}

fn opened(
    namespace: &str,
    resolved: &ResolveResult<'_>,
    tag: &BytesStart<'_>,
    open: &[Node],
    count: &mut usize,
) -> Result<Node, XmlBreach> {
    let name = tag.local_name().as_ref().to_owned();
    *count += 1;
    if *count > MOST {
        return Err(XmlBreach::Many);
    }
    if open.len() > DEEPEST {
        return Err(XmlBreach::Deep);
    }
    if !matches!(resolved, ResolveResult::Bound(Namespace(bound)) if *bound == namespace) {
        return Err(XmlBreach::Namespace(name));
    }
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(malformed)?;
        if attribute.key.as_namespace_binding().is_none() {
            return Err(XmlBreach::Attribute(attribute.key.as_ref().to_owned()));
        }
    }
    Ok(Node { name, ..Node::default() })
}

fn settle(open: &mut [Node], node: Node) {
    if let Some(parent) = open.last_mut() {
        parent.inside.push(node);
    }
}

fn characters(open: &mut [Node], text: &str) -> Result<(), XmlBreach> {
    let outside = open.len() == 1;
    if outside && !blank(text) {
        return Err(malformed("text outside the root"));
    }
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
    Ok(())
}

fn blank(text: &str) -> bool {
    text.chars().all(|letter| matches!(letter, ' ' | '\t' | '\n' | '\r'))
}

fn record(shape: &Shape, node: &Node, path: &str, version: Version) -> Result<Value, Breach> {
    if !blank(&node.text) {
        return Err(Breach::new(path, "text stands between the elements"));
    }
    let mut members: Map<String, Value> = Map::new();
    for field in shape.fields.iter().filter(|field| matches!(field.kind, Kind::List(_) | Kind::Texts)) {
        members.insert(field.name.to_owned(), Value::Array(Vec::new()));
    }
    for inner in &node.inside {
        let path = format!("{path}/{}", inner.name);
        let Some(field) = shape.fields.iter().find(|field| field.name(version) == inner.name) else {
            return Err(Breach::new(&path, "is unknown"));
        };
        let held = match field.kind {
            Kind::List(shape) | Kind::Record(shape) => record(shape, inner, &path, version)?,
            _ => scalar(field, inner, &path)?,
        };
        match members.get_mut(field.name) {
            Some(Value::Array(items)) => items.push(held),
            Some(_) => return Err(Breach::new(&path, "stands twice")),
            None => {
                members.insert(field.name.to_owned(), held);
            }
        }
    }
    Ok(Value::Object(members))
}

fn scalar(field: &Field, node: &Node, path: &str) -> Result<Value, Breach> {
    if !node.inside.is_empty() {
        return Err(Breach::new(path, "holds elements, text is wanted"));
    }
    // Types of XML Schema other than string collapse white space.
    let bare = node.text.trim_matches([' ', '\t', '\n', '\r']);
    match field.kind {
        Kind::Flag => match bare {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(Breach::new(path, "true or false is wanted")),
        },
        Kind::Int | Kind::Money => {
            bare.parse::<i64>().map(Value::from).map_err(|_| Breach::new(path, "a whole number is wanted"))
        }
        Kind::Text | Kind::Texts => Ok(Value::String(node.text.clone())),
        // Another zone is another way to write the same instant.
        Kind::Time => match bare.parse::<Timestamp>() {
            Ok(instant) => Ok(Value::String(instant.to_string())),
            Err(_) => Err(Breach::new(path, "an instant is wanted")),
        },
        _ => Ok(Value::String(bare.to_owned())),
    }
}
