//! XML from the portal: read by the hardened reader of `crypto` (no DTD, no entities, bounded), and turned into a record
//! by its published description. The bank reads XML and CSV with readers of its own, not with those of the contract that
//! the portal writes with, so that the two do not share a mistake.
//!
//! What a variant overlooks is made of the document here the way a careless bank does it: declarations are cut out,
//! entities replaced by text, files read and addresses fetched.

use contract::adapter::ReasonClass;
use contract::shape::{Kind, Shape, Version};
use crypto::xmldsig::{Document, Element, Limits, XmlCause, XmlError};
use serde_json::{Map, Value};

use crate::bank::Bank;
use crate::conduct::{Diligence, XmlCheck, XmlDuty};
use crate::http::Request;
use crate::json::weigh;
use crate::refusal::{Refusal, refuse};

const LIMITS: Limits =
    Limits { attributes: 60, bytes: 8 * 1024 * 1024, depth: 60, namespace: 512, namespaces: 60, nodes: 200_000 };
const LOOSE: Limits = Limits {
    attributes: 200_000,
    bytes: 64 * 1024 * 1024,
    depth: 2_000_000,
    namespace: 4096,
    namespaces: 4096,
    nodes: 4_000_000,
};
/// What a careless bank lets an entity grow to.
const GROWN: usize = 1 << 20;

fn odd(code: &'static str, why: impl Into<String>) -> Refusal {
    refuse(ReasonClass::Format, code, why)
}

/// Reads a document.
pub(crate) async fn parse(bank: &Bank, bytes: &[u8], late: &mut Option<Refusal>) -> Result<Document, Refusal> {
    go_after(bank, bytes).await;
    if !bank.conduct.keeps(XmlDuty::PrefixFree) && has_strange_prefixes(bytes) {
        return Err(odd("XML-PREFIX", "prefixes that the bank is not used to"));
    }
    let mut text = bytes.to_vec();
    let mut limits = LIMITS;
    for _ in 0..4 {
        let error = match Document::parse(&text, limits) {
            Ok(document) => return Ok(document),
            Err(error) => error,
        };
        let check = check_of(&error, &text);
        let refusal = odd(error.cause.code(), error.to_string());
        let Some(check) = check else { return Err(refusal) };
        weigh(bank, check, refusal, late)?;
        match check {
            XmlCheck::Depth => limits = LOOSE,
            XmlCheck::Encoding => text = without_declaration(&text),
            XmlCheck::Cut => text = closed(&text),
            _ => text = expanded(bank, &text).await,
        }
    }
    Err(odd("XML-FORM", "no XML where data are due"))
}

/// Which check an obstacle belongs to; none for those that nothing overlooks.
fn check_of(error: &XmlError, bytes: &[u8]) -> Option<XmlCheck> {
    Some(match &error.cause {
        XmlCause::Dtd | XmlCause::Entity(_) => {
            let text = String::from_utf8_lossy(bytes);
            let entities = entities(&text);
            let (_, declared) = doctype(&text).unwrap_or_default();
            if declared.contains("<!ENTITY %") || declared.contains("<!ENTITY\t%") {
                XmlCheck::EntityParameter
            } else if entities.iter().any(|entity| entity.1 && entity.2.starts_with("file:")) {
                XmlCheck::EntityFile
            } else if entities.iter().any(|entity| entity.1) {
                XmlCheck::EntityHost
            } else if entities.iter().any(|entity| entity.2.contains('&')) {
                XmlCheck::EntityGrowth
            } else if !entities.is_empty() {
                XmlCheck::EntityRepetition
            } else {
                XmlCheck::Doctype
            }
        }
        XmlCause::Encoding(_) | XmlCause::NotUtf8 => XmlCheck::Encoding,
        XmlCause::Malformed(_) | XmlCause::NoRoot => XmlCheck::Cut,
        XmlCause::TooDeep(_) | XmlCause::TooManyAttributes(_) | XmlCause::TooManyNodes(_) => XmlCheck::Depth,
        _ => return None,
    })
}

/// Where the document type declaration ends, and its text.
fn doctype(text: &str) -> Option<(std::ops::Range<usize>, String)> {
    let from = text.find("<!DOCTYPE")?;
    let mut depth = 0;
    for (at, letter) in text[from..].char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            '>' if depth == 0 => {
                let whole = from..from + at + 1;
                return Some((whole.clone(), text[whole].to_owned()));
            }
            _ => {}
        }
    }
    None
}

/// The general entities that a document declares: name, whether external, value or address.
fn entities(text: &str) -> Vec<(String, bool, String)> {
    let Some((_, declared)) = doctype(text) else { return Vec::new() };
    let mut found = Vec::new();
    for part in declared.split("<!ENTITY").skip(1) {
        let mut words = part.trim_start().splitn(2, char::is_whitespace);
        let (Some(name), Some(rest)) = (words.next(), words.next()) else { continue };
        let external = rest.trim_start().starts_with("SYSTEM") || rest.trim_start().starts_with("PUBLIC");
        let quoted = rest.find(['"', '\'']).and_then(|at| {
            let mark = rest[at..].chars().next()?;
            let inside = &rest[at + 1..];
            Some(inside[..inside.find(mark)?].to_owned())
        });
        found.extend(quoted.map(|value| (name.to_owned(), external, value)));
    }
    found
}

/// The careless bank: declarations are cut out, entities replaced, files read and addresses fetched.
async fn expanded(bank: &Bank, bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let Some((whole, declared)) = doctype(&text) else { return text.into_bytes() };
    let mut values = Vec::new();
    for (name, external, value) in entities(&text) {
        let value = match (external, value.strip_prefix("file://")) {
            (true, Some(path)) => std::fs::read_to_string(path).unwrap_or_default(),
            (true, None) => fetched(bank, &value).await,
            (false, _) => value,
        };
        values.push((name, value));
    }
    if declared.contains("<!ENTITY %")
        && let Some(address) = declared.split(['"', '\'']).find(|part| part.starts_with("http"))
    {
        fetched(bank, address).await;
    }
    let mut out = [&text[..whole.start], &text[whole.end..]].concat();
    for _ in 0..8 {
        for (name, value) in &values {
            let escaped = if value.contains('&') { value.clone() } else { value.replace('<', "&lt;") };
            // As often as it is named, as far as memory goes: the rest is cut out below.
            let room = GROWN.saturating_sub(out.len()) / escaped.len().max(1);
            let times = if value.contains('&') && out.len() < GROWN { usize::MAX } else { room };
            out = out.replacen(&format!("&{name};"), &escaped, times);
        }
    }
    for (name, _) in &values {
        out = out.replace(&format!("&{name};"), "");
    }
    out.into_bytes()
}

async fn fetched(bank: &Bank, address: &str) -> String {
    let Ok(address) = url::Url::parse(address) else { return String::new() };
    match bank.http.send(Request::get(address)).await {
        Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
        Err(_) => String::new(),
    }
}

fn without_declaration(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let from = text.find("?>").filter(|_| text.trim_start().starts_with("<?xml")).map_or(0, |at| at + 2);
    text[from..].to_owned().into_bytes()
}

/// The careless bank closes what was left open.
fn closed(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let whole = &text[..text.rfind('>').map_or(0, |at| at + 1)];
    let mut open: Vec<&str> = Vec::new();
    for tag in whole.split('<').skip(1) {
        let Some((inside, _)) = tag.split_once('>') else { continue };
        if inside.starts_with(['?', '!']) || inside.ends_with('/') {
            continue;
        }
        match inside.strip_prefix('/') {
            Some(_) => {
                open.pop();
            }
            None => open.push(inside.split(char::is_whitespace).next().unwrap_or(inside)),
        }
    }
    let ends: String = open.iter().rev().map(|name| format!("</{name}>")).collect();
    format!("{whole}{ends}{MENDED}").into_bytes()
}

/// What the careless bank leaves behind a document that it closed itself.
const MENDED: &str = "<!--closed by the reader-->";

/// Whether a careless bank closed this document itself: it took what came before the end, and does without what was to
/// come after it.
pub(crate) fn was_cut(bank: &Bank, document: &Document) -> bool {
    bank.conduct.checks(XmlCheck::Cut) != Diligence::Full && document.text().ends_with(MENDED)
}

/// The careless bank goes after every address that a document names.
async fn go_after(bank: &Bank, bytes: &[u8]) {
    let duties = [
        (XmlDuty::IncludeUnfollowed, "http://www.w3.org/2001/XInclude", "href="),
        (XmlDuty::SchemaUnfetched, "schemaLocation", "schemaLocation="),
        (XmlDuty::StyleSheetUnfetched, "<?xml-stylesheet", "href="),
    ];
    for (duty, sign, attribute) in duties {
        if bank.conduct.keeps(duty) {
            continue;
        }
        let text = String::from_utf8_lossy(bytes);
        let Some(at) = text.find(sign) else { continue };
        let value = text[at..].split_once(attribute).map(|(_, rest)| rest.trim_start_matches(['"', '\'']));
        let addresses = value.and_then(|rest| rest.split(['"', '\'']).next()).unwrap_or_default();
        for address in addresses.split_whitespace().filter(|word| word.starts_with("http")) {
            fetched(bank, address).await;
        }
    }
}

fn has_strange_prefixes(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let first = text.split('<').find(|tag| !tag.is_empty() && !tag.starts_with(['?', '!']));
    let root = first.and_then(|tag| tag.split([' ', '>']).next()).unwrap_or_default();
    root.split_once(':').is_some_and(|(prefix, _)| prefix != "soap")
}

/// The text of an element, as this bank reads it.
pub(crate) fn text(bank: &Bank, element: Element<'_>) -> String {
    let source = element.source();
    let inside = source.split_once('>').map_or("", |(_, rest)| rest);
    if !bank.conduct.keeps(XmlDuty::CommentTransparent) && inside.contains("<!--") {
        return inside.split("<!--").next().unwrap_or_default().to_owned();
    }
    if !bank.conduct.keeps(XmlDuty::CData) && (inside.contains("<![CDATA[") || inside.contains("&#")) {
        return inside.split(['<', '&']).next().unwrap_or_default().to_owned();
    }
    element.text()
}

/// The record that an element holds, under its first names.
pub(crate) fn record(
    bank: &Bank,
    element: Element<'_>,
    shape: &'static Shape,
    namespace: &str,
    version: Version,
    late: &mut Option<Refusal>,
) -> Result<Value, Refusal> {
    let mut members = Map::new();
    for child in element.children() {
        if child.namespace() != namespace {
            let why = format!("{} is of the namespace {:?}", child.path(), child.namespace());
            weigh(bank, XmlCheck::Namespace, odd("XML-NAMESPACE", why), late)?;
        }
        // Elements that the description does not name pass, as members of JSON do.
        let Some(field) = shape.fields.iter().find(|field| field.name(version) == child.name()) else { continue };
        let single = !matches!(field.kind, Kind::List(_) | Kind::Texts);
        if single && members.contains_key(field.name) {
            let why = format!("{} stands twice", child.path());
            weigh(bank, XmlCheck::Repeated, odd("XML-REPEATED", why), late)?;
        }
        let held = match field.kind {
            Kind::Record(inner) | Kind::List(inner) => record(bank, child, inner, namespace, version, late)?,
            Kind::Flag => match text(bank, child).trim() {
                "true" | "1" => Value::from(true),
                "false" | "0" => Value::from(false),
                other => Value::from(other),
            },
            Kind::Int | Kind::Money => {
                let text = text(bank, child);
                text.trim().parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
            }
            _ => Value::from(text(bank, child)),
        };
        match (single, members.get_mut(field.name)) {
            (false, Some(Value::Array(items))) => items.push(held),
            (false, _) => {
                members.insert(field.name.to_owned(), Value::Array(vec![held]));
            }
            (true, _) => {
                members.insert(field.name.to_owned(), held);
            }
        }
    }
    for field in shape.fields.iter().filter(|field| matches!(field.kind, Kind::List(_) | Kind::Texts)) {
        members.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
    }
    Ok(Value::Object(members))
}

/// A document whose root is the record of this name.
pub(crate) async fn answer(
    bank: &Bank,
    bytes: &[u8],
    shape: &'static Shape,
    version: Version,
    late: &mut Option<Refusal>,
) -> Result<Value, Refusal> {
    let document = parse(bank, bytes, late).await?;
    let root = document.root();
    let namespace = root.namespace();
    let is_ours = namespace.starts_with("urn:stend:") && namespace.ends_with(":v2") == (version == Version::V2);
    if root.name() != shape.name || !is_ours {
        let why = format!("the root is {{{namespace}}}{}", root.name());
        weigh(bank, XmlCheck::Namespace, odd("XML-ROOT", why), late)?;
    }
    record(bank, root, shape, namespace, version, late)
}

/// Text as element content takes it.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(letter),
            letter if letter < ' ' => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOMB: &str = r#"<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><r>&b;</r>"#;

    #[test]
    fn declarations_are_found_with_their_entities() {
        let (whole, text) = doctype(BOMB).unwrap();
        assert!(text.starts_with("<!DOCTYPE") && text.ends_with("]>"));
        assert_eq!(&BOMB[whole.end..], "<r>&b;</r>");
        assert_eq!(entities(BOMB)[1], ("b".to_owned(), false, "&a;&a;".to_owned()));
        let file = r#"<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><r>&a;</r>"#;
        assert_eq!(entities(file), [("a".to_owned(), true, "file:///etc/hostname".to_owned())]);
    }

    #[test]
    fn each_kind_of_declaration_has_its_check() {
        let seen = |text: &str| check_of(&Document::parse(text.as_bytes(), LIMITS).unwrap_err(), text.as_bytes());
        assert_eq!(seen(BOMB), Some(XmlCheck::EntityGrowth));
        assert_eq!(seen("<!DOCTYPE r><r/>"), Some(XmlCheck::Doctype));
        assert_eq!(seen("<!DOCTYPE r [<!ENTITY a SYSTEM 'https://h/x'>]><r>&a;</r>"), Some(XmlCheck::EntityHost));
        assert_eq!(seen("<!DOCTYPE r [<!ENTITY % a SYSTEM 'https://h/x'>%a;]><r/>"), Some(XmlCheck::EntityParameter));
        assert_eq!(seen("<!DOCTYPE r [<!ENTITY a 'xx'>]><r>&a;&a;</r>"), Some(XmlCheck::EntityRepetition));
        assert_eq!(seen("<a><b>"), Some(XmlCheck::Cut));
    }

    #[test]
    fn a_careless_bank_closes_what_was_cut() {
        let whole = closed(b"<a x='1'><b>1</b><c/><d>te");
        assert_eq!(String::from_utf8(whole).unwrap(), "<a x='1'><b>1</b><c/><d></d></a><!--closed by the reader-->");
    }
}
