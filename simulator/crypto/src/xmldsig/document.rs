//! A document in memory: elements with their names, attributes, texts, ids and places in the source.
//!
//! Nodes lie in one list in document order, so an element with all that is in it is a stretch of that list: going
//! through a document needs no recursion, however deep it is.

use std::collections::HashMap;
use std::fmt;

use super::names;
use super::read::{self, Limits, Sink, Start, XmlError};

/// Namespace of `wsu:Id` (WSS 1.1.1 §4.2).
pub const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// A document that was read. Comments, instructions and the order of everything are kept, as signatures need them.
pub struct Document {
    /// The document node first, then all others in document order.
    pub(super) nodes: Vec<Node>,
    pub(super) limits: Limits,
    text: String,
    root: usize,
    /// Elements by the value of any attribute that looks like an id.
    ids: HashMap<String, Vec<usize>>,
}

pub(super) struct Node {
    /// Place of the node around it; the document node is its own.
    pub(super) parent: usize,
    /// Place behind the last node within it.
    pub(super) end: usize,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Comment(String),
    Document,
    Element(Box<Tag>),
    Instruction { target: String, data: String },
    Text(String),
}

pub(super) struct Tag {
    pub(super) start: Start,
    pub(super) span: Span,
}

/// Where an element lies in the text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    /// Behind the start tag.
    pub(super) opened: usize,
    /// Before the end tag; before the start tag when it is an empty one.
    pub(super) closing: usize,
    pub(super) to: usize,
}

impl Span {
    pub(super) const fn is_empty_tag(&self) -> bool {
        self.closing == self.from
    }
}

impl Document {
    /// Reads a document within limits; see [`XmlCause`](super::XmlCause) for what is not accepted.
    ///
    /// ```
    /// use crypto::xmldsig::{Document, Limits};
    /// let document = Document::parse(b"<a xmlns='urn:x'><b Id='1'>x<!-- - -->y</b></a>", Limits::default())?;
    /// assert_eq!(document.root().child("urn:x", "b").map(|b| b.text()).as_deref(), Some("xy"));
    /// # Ok::<(), crypto::xmldsig::XmlError>(())
    /// ```
    pub fn parse(bytes: &[u8], limits: Limits) -> Result<Self, XmlError> {
        let text = read::decode(bytes, &limits)?;
        let mut build = Build { nodes: Vec::new(), open: Vec::new(), ids: HashMap::new() };
        build.open(Kind::Document);
        read::read(text, &limits, &mut build)?;
        build.close();
        let Build { nodes, ids, .. } = build;
        // The reader has seen to it that there is one.
        let root = nodes.iter().position(|node| matches!(node.kind, Kind::Element(_))).unwrap_or(0);
        Ok(Self { nodes, limits, text: text.to_owned(), root, ids })
    }

    pub fn root(&self) -> Element<'_> {
        Element { document: self, node: self.root }
    }

    pub(super) fn tag(&self, node: usize) -> Option<&Tag> {
        match self.nodes.get(node).map(|node| &node.kind) {
            Some(Kind::Element(tag)) => Some(tag),
            _ => None,
        }
    }

    /// The text that was read, without byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All elements in document order, the root first.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        self.root().descendants()
    }

    /// Every element with an id attribute of this value: `Id`, `ID` or `id` without namespace or in any. More than one
    /// means that a reference to it is ambiguous.
    pub fn by_id(&self, id: &str) -> Vec<Element<'_>> {
        let nodes = self.ids.get(id).map(Vec::as_slice).unwrap_or_default();
        nodes.iter().map(|node| Element { document: self, node: *node }).collect()
    }

    /// All elements `ds:Signature`, wherever they stand, in document order.
    pub fn signatures(&self) -> impl Iterator<Item = Element<'_>> {
        self.elements().filter(|element| element.is(super::DS, "Signature"))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Document({}, {} bytes)", self.root().path(), self.text.len())
    }
}

/// One element of a document. Two are equal when they are the same element of the same document.
#[derive(Clone, Copy)]
pub struct Element<'d> {
    pub(super) document: &'d Document,
    pub(super) node: usize,
}

impl<'d> Element<'d> {
    fn start(&self) -> Option<&'d Start> {
        self.document.tag(self.node).map(|tag| &tag.start)
    }

    /// Local name.
    pub fn name(&self) -> &'d str {
        self.start().map_or("", |start| &start.local)
    }

    /// Namespace, empty for none.
    pub fn namespace(&self) -> &'d str {
        self.start().map_or("", |start| &start.namespace)
    }

    /// Whether this is the element of that namespace (empty for none) and local name. Prefixes mean nothing.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name() == name && self.namespace() == namespace
    }

    /// An attribute without namespace, its value normalized.
    pub fn attribute(&self, name: &str) -> Option<&'d str> {
        self.attribute_in("", name)
    }

    /// An attribute of a namespace.
    pub fn attribute_in(&self, namespace: &str, name: &str) -> Option<&'d str> {
        let mut attributes = self.attributes();
        attributes.find(|(of, local, _)| *local == name && *of == namespace).map(|(_, _, value)| value)
    }

    /// All attributes as (namespace, local name, value), in the order of the tag. Namespace declarations are none.
    pub fn attributes(&self) -> impl Iterator<Item = (&'d str, &'d str, &'d str)> + use<'d> {
        let attributes = self.start().map(|start| start.attributes.as_slice()).unwrap_or_default();
        attributes.iter().map(|attribute| (&*attribute.namespace, attribute.local.as_str(), attribute.value.as_str()))
    }

    /// The id by which a reference finds this element: `Id`, `ID`, `id`, `wsu:Id` or `xml:id`.
    pub fn id(&self) -> Option<&'d str> {
        let known = [("", "Id"), ("", "ID"), ("", "id"), (WSU, "Id"), (names::XML, "id")];
        known.into_iter().find_map(|(namespace, name)| self.attribute_in(namespace, name))
    }

    /// The element around this one; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let node = self.document.nodes.get(self.node)?.parent;
        self.document.tag(node).map(|_| Self { document: self.document, node })
    }

    /// Nodes directly inside, in order.
    fn inside(&self) -> impl Iterator<Item = usize> + use<'d> {
        let nodes = &self.document.nodes;
        let end = self.end();
        let behind = move |node: &usize| nodes.get(*node).map(|node| node.end);
        std::iter::successors(Some(self.node + 1), behind).take_while(move |node| *node < end)
    }

    /// Elements directly inside, in order.
    pub fn children(&self) -> impl Iterator<Item = Self> + use<'d> {
        let document = self.document;
        self.inside().filter(|node| document.tag(*node).is_some()).map(|node| Self { document, node })
    }

    /// The first element of that name directly inside.
    pub fn child(&self, namespace: &str, name: &str) -> Option<Self> {
        self.children().find(|child| child.is(namespace, name))
    }

    /// This element and all elements within it, in document order.
    pub fn descendants(&self) -> impl Iterator<Item = Self> + use<'d> {
        let document = self.document;
        (self.node..self.end()).filter(|node| document.tag(*node).is_some()).map(|node| Self { document, node })
    }

    /// Whether this element is the other one or stands within it.
    pub fn is_within(&self, other: Self) -> bool {
        std::ptr::eq(self.document, other.document) && (other.node..other.end()).contains(&self.node)
    }

    /// All text directly inside: the whole of it, across comments, references and CDATA sections.
    pub fn text(&self) -> String {
        let text = |node: usize| match &self.document.nodes[node].kind {
            Kind::Text(text) => Some(text.as_str()),
            _ => None,
        };
        self.inside().filter_map(text).collect()
    }

    /// The namespace that a prefix means here (empty: the default one), as values of type QName need.
    pub fn namespace_of(&self, prefix: &str) -> Option<&'d str> {
        if prefix == "xml" {
            return Some(names::XML);
        }
        let declared = |element: Self| {
            let declared = element.start().map(|start| start.declared.as_slice()).unwrap_or_default();
            declared.iter().find(|(name, _)| **name == *prefix).map(|(_, namespace)| &**namespace)
        };
        let nearest = std::iter::successors(Some(*self), Self::parent).find_map(declared);
        nearest.or(if prefix.is_empty() { Some("") } else { None })
    }

    /// Where the element stands, for people: local names from the root on, with a number where a name repeats.
    pub fn path(&self) -> String {
        let mut steps = Vec::new();
        for element in std::iter::successors(Some(*self), Self::parent) {
            let alike = |other: &Self| other.is(element.namespace(), element.name());
            let mut siblings: Vec<Self> = Vec::new();
            if let Some(parent) = element.parent() {
                siblings = parent.children().filter(alike).take(1000).collect();
            }
            let place = siblings.iter().position(|sibling| *sibling == element).filter(|_| siblings.len() > 1);
            steps.push(place.map_or(element.name().to_owned(), |place| format!("{}[{}]", element.name(), place + 1)));
        }
        steps.iter().rev().fold(String::new(), |path, step| path + "/" + step)
    }

    /// The element as it is written in the text.
    pub fn source(&self) -> &'d str {
        let span = self.span();
        self.document.text.get(span.from..span.to).unwrap_or("")
    }

    pub(super) fn span(&self) -> Span {
        self.document.tag(self.node).map(|tag| tag.span).unwrap_or_default()
    }

    pub(super) fn end(&self) -> usize {
        self.document.nodes.get(self.node).map_or(self.node, |node| node.end)
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node && std::ptr::eq(self.document, other.document)
    }
}

impl Eq for Element<'_> {}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Element({})", self.path())
    }
}

/// Fills a document.
struct Build {
    nodes: Vec<Node>,
    /// The document node and the elements that are open.
    open: Vec<usize>,
    ids: HashMap<String, Vec<usize>>,
}

impl Build {
    fn leaf(&mut self, kind: Kind) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { parent: self.open.last().copied().unwrap_or(0), end: node + 1, kind });
        node
    }

    fn open(&mut self, kind: Kind) -> usize {
        let node = self.leaf(kind);
        self.open.push(node);
        node
    }

    fn close(&mut self) -> Option<&mut Node> {
        let end = self.nodes.len();
        let node = self.open.pop().and_then(|node| self.nodes.get_mut(node))?;
        node.end = end;
        Some(node)
    }
}

impl Sink for Build {
    fn start(&mut self, start: Start) {
        let node = self.nodes.len();
        for attribute in start.attributes.iter().filter(|attribute| attribute.local.eq_ignore_ascii_case("id")) {
            let same = self.ids.entry(attribute.value.clone()).or_default();
            if same.last() != Some(&node) {
                same.push(node);
            }
        }
        let span = Span { from: start.from, opened: start.to, closing: start.from, to: start.to };
        self.open(Kind::Element(Box::new(Tag { start, span })));
    }

    fn end(&mut self, from: usize, to: usize) {
        if let Some(Node { kind: Kind::Element(tag), .. }) = self.close() {
            (tag.span.closing, tag.span.to) = (from, to);
        }
    }

    fn text(&mut self, text: String) {
        self.leaf(Kind::Text(text));
    }

    fn comment(&mut self, text: &str) {
        self.leaf(Kind::Comment(text.to_owned()));
    }

    fn instruction(&mut self, target: &str, data: &str) {
        self.leaf(Kind::Instruction { target: target.to_owned(), data: data.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse(text.as_bytes(), Limits::default()).unwrap()
    }

    #[test]
    fn elements_are_found_by_namespace_and_name_whatever_the_prefix() {
        let document =
            parse("<p:a xmlns:p='urn:1'><b xmlns='urn:1' k='v' p:k='w'/>t<c/><!-- c --><b xmlns='urn:2'/></p:a>");
        let root = document.root();
        assert!(root.is("urn:1", "a") && !root.is("", "a"));
        let b = root.child("urn:1", "b").unwrap();
        assert_eq!((b.attribute("k"), b.attribute_in("urn:1", "k"), b.attribute("x")), (Some("v"), Some("w"), None));
        assert_eq!(b.attributes().collect::<Vec<_>>(), [("", "k", "v"), ("urn:1", "k", "w")]);
        assert!(root.child("", "c").is_some() && root.child("urn:1", "c").is_none());
        assert_eq!(root.children().map(|child| child.namespace()).collect::<Vec<_>>(), ["urn:1", "", "urn:2"]);
        assert_eq!(b.namespace_of("p"), Some("urn:1"));
        assert_eq!(
            (b.namespace_of(""), root.namespace_of(""), root.namespace_of("q")),
            (Some("urn:1"), Some(""), None)
        );
        assert_eq!(b.source(), "<b xmlns='urn:1' k='v' p:k='w'/>");
        assert_eq!(root.source(), document.text());
    }

    #[test]
    fn document_order_paths_and_containment() {
        let document = parse("<a>\n<b><c/></b> <b/><d><e/>x<e Id='2'/></d>\n</a>");
        let names: String = document.elements().map(|element| element.name()).collect();
        assert_eq!(names, "abcbdee");
        let last = document.by_id("2")[0];
        assert_eq!(last.path(), "/a/d/e[2]");
        assert_eq!(document.root().child("", "b").unwrap().descendants().count(), 2);
        assert!(last.is_within(document.root()) && last.is_within(last) && !document.root().is_within(last));
        assert_eq!(last.parent().and_then(|d| d.parent()), Some(document.root()));
    }

    #[test]
    fn every_attribute_that_looks_like_an_id_counts() {
        let text =
            format!("<a Id='1'><b xmlns:w='{WSU}' w:Id='1'/><c xml:id='2' id='2'/><d xmlns:x='urn:x' x:ID='2'/></a>");
        let document = parse(&text);
        assert_eq!(document.by_id("1").len(), 2);
        assert_eq!(document.by_id("2").iter().map(Element::name).collect::<String>(), "cd");
        assert_eq!(document.by_id("2")[1].id(), None);
        assert_eq!(document.by_id("1")[1].id(), Some("1"));
        assert!(document.by_id("3").is_empty());
    }

    #[test]
    fn a_text_is_whole_across_comments_and_sections() {
        let document = parse("<a>admin<!-- x -->@bank<![CDATA[.ru]]>&lt;<b>no</b>!</a>");
        assert_eq!(document.root().text(), "admin@bank.ru<!");
    }
}
