//! The hardened reader. quick-xml cuts the bytes into tokens; everything that it leaves to its caller is decided here:
//! character set, names, references, namespaces, one root, and the limits that keep a hostile document cheap.
//!
//! Invariants. Document type declarations are refused before they are scanned, so there are no entities but the five of
//! XML itself, no defaulted attributes and nothing outside the document (SOAP 1.1 §3). One pass, linear in the size of
//! the document: every table is looked up by hash or is bounded by a limit. Nothing is fetched, XInclude and style
//! sheets are markup like any other.
//!
//! Deliberately absent: XML 1.1, encodings other than UTF-8, DTDs in any measure.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use quick_xml::events::{BytesDecl, BytesPI, BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::names::{self, Binding, Scope, XML, XMLNS};

/// How large a document may be. The defaults take every message of SMEV with attachments inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Attributes of one element, namespace declarations among them.
    pub attributes: usize,
    /// Size in bytes.
    pub bytes: usize,
    /// Elements within one another.
    pub depth: usize,
    /// Bytes of the name of a namespace.
    pub namespace: usize,
    /// Namespace declarations in force at one place.
    pub namespaces: usize,
    /// Elements, texts, comments and processing instructions together.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attributes: 100, bytes: 16 * 1024 * 1024, depth: 100, namespace: 512, namespaces: 100, nodes: 200_000 }
    }
}

impl Limits {
    /// How large a form made of such a document may be. Forms are longer than their sources, though not by much unless
    /// somebody saw to it.
    pub(super) const fn output(&self) -> usize {
        self.bytes.saturating_mul(2).saturating_add(64 * 1024)
    }
}

/// A document that is not accepted, and the byte at which that was seen (a byte order mark not counted).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the XML document: {cause} (byte {at})")]
pub struct XmlError {
    pub at: usize,
    pub cause: XmlCause,
}

/// Why a document is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum XmlCause {
    /// The same attribute twice, by its name or by its namespace and local name.
    AttributeRepeated(String),
    /// A document type declaration.
    Dtd,
    /// The declaration names another encoding than UTF-8.
    Encoding(String),
    /// A reference to an entity that XML does not have of itself.
    Entity(String),
    /// Not well-formed in another way.
    Malformed(String),
    /// A namespace with a longer name than this.
    NamespaceTooLong(usize),
    /// No element at all.
    NoRoot,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A prefix that is declared nowhere around.
    PrefixUndeclared(String),
    TooDeep(usize),
    TooLarge(usize),
    TooManyAttributes(usize),
    TooManyNamespaces(usize),
    TooManyNodes(usize),
    /// Another version than 1.0.
    Version(String),
}

impl XmlCause {
    /// A slug for logs and diagnosis.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AttributeRepeated(_) => "xml-attribute-repeated",
            Self::Dtd => "xml-dtd",
            Self::Encoding(_) => "xml-encoding",
            Self::Entity(_) => "xml-entity",
            Self::Malformed(_) => "xml-malformed",
            Self::NamespaceTooLong(_) => "xml-namespace-too-long",
            Self::NoRoot => "xml-no-root",
            Self::NotUtf8 => "xml-not-utf8",
            Self::PrefixUndeclared(_) => "xml-prefix-undeclared",
            Self::TooDeep(_) => "xml-too-deep",
            Self::TooLarge(_) => "xml-too-large",
            Self::TooManyAttributes(_) => "xml-too-many-attributes",
            Self::TooManyNamespaces(_) => "xml-too-many-namespaces",
            Self::TooManyNodes(_) => "xml-too-many-nodes",
            Self::Version(_) => "xml-version",
        }
    }
}

impl fmt::Display for XmlCause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttributeRepeated(name) => write!(out, "the attribute {name} stands twice in one tag"),
            Self::Dtd => out.write_str("a document type declaration is not allowed"),
            Self::Encoding(name) => write!(out, "the encoding is declared as {name:?}, not UTF-8"),
            Self::Entity(name) => write!(out, "the entity {name:?} is not known"),
            Self::Malformed(what) => write!(out, "not well-formed: {what}"),
            Self::NamespaceTooLong(limit) => write!(out, "the name of a namespace has more than {limit} bytes"),
            Self::NoRoot => out.write_str("there is no element"),
            Self::NotUtf8 => out.write_str("the bytes are not UTF-8"),
            Self::PrefixUndeclared(prefix) => write!(out, "the prefix {prefix:?} is not declared"),
            Self::TooDeep(limit) => write!(out, "elements are nested deeper than {limit}"),
            Self::TooLarge(limit) => write!(out, "the document has more than {limit} bytes"),
            Self::TooManyAttributes(limit) => write!(out, "an element has more than {limit} attributes"),
            Self::TooManyNamespaces(limit) => write!(out, "more than {limit} namespace declarations are in force"),
            Self::TooManyNodes(limit) => write!(out, "the document has more than {limit} nodes"),
            Self::Version(version) => write!(out, "the version is {version:?}, not 1.0"),
        }
    }
}

/// An attribute that is no namespace declaration. Empty prefix and namespace stand for none.
pub(super) struct Attribute {
    pub(super) prefix: String,
    pub(super) local: String,
    pub(super) namespace: Arc<str>,
    /// Normalized as XML 1.0 §3.3.3 says for CDATA.
    pub(super) value: String,
}

/// A start tag, with all names resolved. Empty prefix and namespace stand for none.
pub(super) struct Start {
    pub(super) prefix: String,
    pub(super) local: String,
    pub(super) namespace: Arc<str>,
    pub(super) attributes: Vec<Attribute>,
    /// Namespace declarations of this tag.
    pub(super) declared: Vec<Binding>,
    /// Where the tag lies in the text.
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Who receives what was read. Text comes whole: characters, references and CDATA sections between two tags, comments or
/// instructions are one piece.
pub(super) trait Sink {
    fn start(&mut self, start: Start);
    /// The end tag, or the same tag once more when it is an empty one.
    fn end(&mut self, from: usize, to: usize);
    fn text(&mut self, text: String);
    fn comment(&mut self, text: &str);
    fn instruction(&mut self, target: &str, data: &str);
}

/// The text of a document: size, encoding and characters checked, byte order mark taken off.
pub(super) fn decode<'b>(bytes: &'b [u8], limits: &Limits) -> Result<&'b str, XmlError> {
    if bytes.len() > limits.bytes {
        return Err(XmlError { at: limits.bytes, cause: XmlCause::TooLarge(limits.bytes) });
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text =
        std::str::from_utf8(bytes).map_err(|error| XmlError { at: error.valid_up_to(), cause: XmlCause::NotUtf8 })?;
    // A second mark is text before the root; the tokenizer would skip it, and count it or not.
    if text.starts_with('\u{FEFF}') {
        return Err(malformed(0, "there are two byte order marks".to_owned()));
    }
    match text.char_indices().find(|(_, character)| !names::is_char(*character)) {
        Some((at, character)) => Err(malformed(at, format!("the character {character:?} is not allowed"))),
        None => Ok(text),
    }
}

/// Reads a text that [`decode`] gave.
pub(super) fn read(text: &str, limits: &Limits, sink: &mut impl Sink) -> Result<(), XmlError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut walk = Walk {
        sink,
        limits,
        scope: Scope::default(),
        run: String::new(),
        depth: 0,
        nodes: 0,
        outside: 0,
        rooted: false,
    };
    loop {
        let from = position(reader.buffer_position());
        if text.get(from..).is_some_and(starts_with_doctype) {
            return Err(XmlError { at: from, cause: XmlCause::Dtd });
        }
        let event =
            reader.read_event().map_err(|error| malformed(position(reader.error_position()), error.to_string()))?;
        let to = position(reader.buffer_position());
        if matches!(event, Event::Eof) {
            return walk.finish(from);
        }
        walk.event(event, from, to)?;
    }
}

/// How many comments and instructions may stand outside the root. Canonical forms look at them all for each of them.
const OUTSIDE: usize = 64;

struct Walk<'w, S> {
    sink: &'w mut S,
    limits: &'w Limits,
    scope: Scope,
    /// Text that has been read and not yet been handed on.
    run: String,
    depth: usize,
    nodes: usize,
    outside: usize,
    rooted: bool,
}

impl<S: Sink> Walk<'_, S> {
    fn event(&mut self, event: Event<'_>, from: usize, to: usize) -> Result<(), XmlError> {
        match event {
            Event::Text(text) => {
                if text.contains("]]>") {
                    return Err(malformed(from, "]]> stands in a text".to_owned()));
                }
                self.text(&text.xml10_content(), from)
            }
            Event::CData(text) if self.depth > 0 => {
                self.run.push_str(&text.xml10_content());
                Ok(())
            }
            Event::GeneralRef(reference) if self.depth > 0 => {
                self.run.push(resolve(&reference, from)?);
                Ok(())
            }
            Event::CData(_) | Event::GeneralRef(_) => Err(malformed(from, "there is text outside the root".to_owned())),
            Event::Start(tag) => self.start(&tag, from, to),
            Event::Empty(tag) => {
                self.start(&tag, from, to)?;
                self.end(from, to)
            }
            Event::End(_) => self.end(from, to),
            Event::Comment(text) => {
                self.node(from)?;
                self.sink.comment(&text.xml10_content());
                Ok(())
            }
            Event::PI(instruction) => self.instruction(&instruction, from),
            Event::Decl(declaration) if from == 0 => declared(&declaration),
            Event::Decl(_) => Err(malformed(from, "the XML declaration is not at the start".to_owned())),
            // Refused before the tokenizer came to it; here for the sake of completeness.
            Event::DocType(_) => Err(XmlError { at: from, cause: XmlCause::Dtd }),
            Event::Eof => Ok(()),
        }
    }

    fn text(&mut self, text: &str, at: usize) -> Result<(), XmlError> {
        if self.depth > 0 {
            self.run.push_str(text);
        } else if !names::is_blank(text) {
            return Err(malformed(at, "there is text outside the root".to_owned()));
        }
        Ok(())
    }

    /// Counts one node more, and hands on the text before it.
    fn node(&mut self, at: usize) -> Result<(), XmlError> {
        self.flush();
        self.nodes += 1;
        self.outside += usize::from(self.depth == 0);
        if self.nodes > self.limits.nodes {
            return Err(XmlError { at, cause: XmlCause::TooManyNodes(self.limits.nodes) });
        }
        if self.outside > OUTSIDE {
            return Err(XmlError { at, cause: XmlCause::TooManyNodes(OUTSIDE) });
        }
        Ok(())
    }

    fn flush(&mut self) {
        if !self.run.is_empty() {
            self.nodes += 1;
            self.sink.text(std::mem::take(&mut self.run));
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, from: usize, to: usize) -> Result<(), XmlError> {
        self.node(from)?;
        if self.depth == 0 && std::mem::replace(&mut self.rooted, true) {
            return Err(malformed(from, "there is a second root".to_owned()));
        }
        if self.depth == self.limits.depth {
            return Err(XmlError { at: from, cause: XmlCause::TooDeep(self.limits.depth) });
        }
        self.depth += 1;
        let (plain, declared) = self.attributes(tag, from)?;
        let held = self.scope.enter(&declared);
        if held > self.limits.namespaces {
            return Err(XmlError { at: from, cause: XmlCause::TooManyNamespaces(self.limits.namespaces) });
        }
        let name = tag.name();
        let (prefix, local) = split(name.as_ref(), from)?;
        let namespace = self.namespace(prefix, from)?;
        let none: Arc<str> = Arc::from("");
        let mut attributes = Vec::with_capacity(plain.len());
        for (name, value) in plain {
            let (prefix, local) = split(&name, from)?;
            // An attribute without prefix is in no namespace, whatever the default is.
            let namespace = if prefix.is_empty() { Arc::clone(&none) } else { self.namespace(prefix, from)? };
            attributes.push(Attribute { prefix: prefix.to_owned(), local: local.to_owned(), namespace, value });
        }
        let mut seen = HashSet::new();
        if let Some(twice) = attributes.iter().find(|attribute| !seen.insert((&attribute.namespace, &attribute.local)))
        {
            let name = format!("{{{}}}{}", twice.namespace, twice.local);
            return Err(XmlError { at: from, cause: XmlCause::AttributeRepeated(name) });
        }
        let (prefix, local) = (prefix.to_owned(), local.to_owned());
        self.sink.start(Start { prefix, local, namespace, attributes, declared, from, to });
        Ok(())
    }

    /// Attributes and namespace declarations of a tag, as they are written.
    fn attributes(&self, tag: &BytesStart<'_>, at: usize) -> Result<(Pairs, Vec<Binding>), XmlError> {
        if !spaced(tag.attributes_raw()) {
            return Err(malformed(at, "attributes are not parted by spaces".to_owned()));
        }
        let (mut plain, mut declared) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| malformed(at, error.to_string()))?;
            let name = attribute.key.as_ref();
            if plain.len() + declared.len() == self.limits.attributes {
                return Err(XmlError { at, cause: XmlCause::TooManyAttributes(self.limits.attributes) });
            }
            if !seen.insert(name.to_owned()) {
                return Err(XmlError { at, cause: XmlCause::AttributeRepeated(name.to_owned()) });
            }
            if attribute.value.contains('<') {
                return Err(malformed(at, format!("< stands in the value of {name}")));
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| reference(at, &error))?;
            if let Some(character) = value.chars().find(|character| !names::is_char(*character)) {
                return Err(malformed(at, format!("the value of {name} refers to {character:?}")));
            }
            match name.split_once(':') {
                None if name == "xmlns" => declared.push(self.bound("", &value, at)?),
                Some(("xmlns", prefix)) => declared.push(self.bound(prefix, &value, at)?),
                _ => plain.push((name.to_owned(), value.into_owned())),
            }
        }
        Ok((plain, declared))
    }

    fn namespace(&self, prefix: &str, at: usize) -> Result<Arc<str>, XmlError> {
        let undeclared = || XmlError { at, cause: XmlCause::PrefixUndeclared(prefix.to_owned()) };
        self.scope.namespace(prefix).cloned().ok_or_else(undeclared)
    }

    /// A namespace declaration, when it is one that Namespaces in XML 1.0 §2.2 and §3 allow.
    fn bound(&self, prefix: &str, namespace: &str, at: usize) -> Result<Binding, XmlError> {
        let allowed = match prefix {
            "" => namespace != XML && namespace != XMLNS,
            "xml" => namespace == XML,
            "xmlns" => false,
            _ => names::is_ncname(prefix) && !namespace.is_empty() && namespace != XML && namespace != XMLNS,
        };
        if namespace.len() > self.limits.namespace {
            return Err(XmlError { at, cause: XmlCause::NamespaceTooLong(self.limits.namespace) });
        }
        if !allowed {
            return Err(malformed(at, format!("the prefix {prefix:?} cannot be bound to {namespace:?}")));
        }
        Ok((Arc::from(prefix), Arc::from(namespace)))
    }

    fn end(&mut self, from: usize, to: usize) -> Result<(), XmlError> {
        self.flush();
        // The tokenizer has refused an end tag without start tag or under another name.
        self.depth = self.depth.saturating_sub(1);
        self.scope.leave();
        self.sink.end(from, to);
        Ok(())
    }

    fn instruction(&mut self, instruction: &BytesPI<'_>, at: usize) -> Result<(), XmlError> {
        self.node(at)?;
        let target = instruction.target();
        if !names::is_ncname(target) || target.eq_ignore_ascii_case("xml") {
            return Err(malformed(at, format!("{target:?} is no target of an instruction")));
        }
        let data = instruction.content().trim_start_matches(names::is_space);
        self.sink.instruction(target, &data.replace("\r\n", "\n").replace('\r', "\n"));
        Ok(())
    }

    fn finish(&mut self, at: usize) -> Result<(), XmlError> {
        match (self.rooted, self.depth) {
            (true, 0) => Ok(()),
            (true, open) => Err(malformed(at, format!("the document ends with {open} elements open"))),
            (false, _) => Err(XmlError { at, cause: XmlCause::NoRoot }),
        }
    }
}

/// Names with values, in the order of the tag.
type Pairs = Vec<(String, String)>;

fn malformed(at: usize, what: String) -> XmlError {
    XmlError { at, cause: XmlCause::Malformed(what) }
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn starts_with_doctype(text: &str) -> bool {
    text.as_bytes().get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"<!DOCTYPE"))
}

fn split(name: &str, at: usize) -> Result<(&str, &str), XmlError> {
    names::split(name).ok_or_else(|| malformed(at, format!("{name:?} is no qualified name")))
}

/// Whether every attribute is followed by a space or by the end (XML 1.0, production 40).
fn spaced(raw: &str) -> bool {
    let mut quote = None;
    let mut closed = false;
    for byte in raw.bytes() {
        match (quote, byte) {
            (Some(open), _) if open == byte => (quote, closed) = (None, true),
            (Some(_), _) => {}
            (None, _) if closed && !names::is_space(char::from(byte)) => return false,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, _) => closed = false,
        }
    }
    true
}

/// The character that a reference stands for.
fn resolve(name: &BytesRef<'_>, at: usize) -> Result<char, XmlError> {
    if let Some(character) = name.resolve_char_ref().map_err(|error| malformed(at, error.to_string()))? {
        return if names::is_char(character) {
            Ok(character)
        } else {
            Err(malformed(at, format!("a reference to the character {character:?}")))
        };
    }
    match name.as_ref() {
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "gt" => Ok('>'),
        "lt" => Ok('<'),
        "quot" => Ok('"'),
        other => Err(XmlError { at, cause: XmlCause::Entity(other.to_owned()) }),
    }
}

/// What was wrong with a reference in the value of an attribute.
fn reference(at: usize, error: &quick_xml::Error) -> XmlError {
    match error {
        quick_xml::Error::Escape(quick_xml::escape::EscapeError::UnrecognizedEntity(_, name)) => {
            XmlError { at, cause: XmlCause::Entity(name.clone()) }
        }
        other => malformed(at, other.to_string()),
    }
}

/// The XML declaration: version 1.0, UTF-8 or nothing said, in the order of production 23.
fn declared(declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
    let tag = BytesStart::from_content(&**declaration, 3);
    let mut place = 0;
    if !spaced(tag.attributes_raw()) {
        return Err(malformed(0, "the XML declaration is damaged".to_owned()));
    }
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| malformed(0, error.to_string()))?;
        let (name, value) = (attribute.key.as_ref(), attribute.value.as_ref());
        let here = match name {
            "version" if value == "1.0" => 1,
            "version" => return Err(XmlError { at: 0, cause: XmlCause::Version(value.to_owned()) }),
            "encoding" if value.eq_ignore_ascii_case("utf-8") => 2,
            "encoding" => return Err(XmlError { at: 0, cause: XmlCause::Encoding(value.to_owned()) }),
            "standalone" if matches!(value, "yes" | "no") => 3,
            _ => 0,
        };
        if here <= place || (place == 0 && here != 1) {
            return Err(malformed(0, format!("{name} is out of place in the XML declaration")));
        }
        place = here;
    }
    if place == 0 { Err(malformed(0, "the XML declaration has no version".to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
