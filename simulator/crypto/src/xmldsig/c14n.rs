//! Canonical XML: 1.0, 1.1 and the exclusive form 1.0, of a document or of one element with all that is in it.
//!
//! Written here because the one kept crate for it (bergshamra-c14n 0.11) is not sound: it inherits `xml:id` in the form
//! 1.1, and the parser it is bound to does not normalize line breaks and tabs in attribute values (XML 1.0 §3.3.3), so
//! that foreign signatures over such documents do not hold. A test behind the feature `peers` compares every form with
//! libxml2.
//!
//! One pass, linear in what is written, and that is bounded. Deliberately absent: sets of nodes other than a whole element less another (no
//! transform that is allowed makes them), and the fix-up of `xml:base` in the form 1.1 (§2.4), which is refused.

use std::sync::Arc;

use super::document::{Document, Element, Kind, Node};
use super::names::{Binding, Scope, XML, is_blank};
use super::read::{Attribute, Start};

/// A canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum C14n {
    /// Exclusive XML Canonicalization 1.0, the form of SMEV.
    Exclusive,
    ExclusiveWithComments,
    /// Canonical XML 1.0.
    Inclusive,
    /// Canonical XML 1.1.
    Inclusive11,
    Inclusive11WithComments,
    InclusiveWithComments,
}

impl C14n {
    pub const ALL: [Self; 6] = [
        Self::Exclusive,
        Self::ExclusiveWithComments,
        Self::Inclusive,
        Self::Inclusive11,
        Self::Inclusive11WithComments,
        Self::InclusiveWithComments,
    ];

    /// Identifier in signatures (XML-DSig 1.1 §6.5, Exclusive C14N §4).
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Exclusive => "http://www.w3.org/2001/10/xml-exc-c14n#",
            Self::ExclusiveWithComments => "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
            Self::Inclusive => "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
            Self::Inclusive11 => "http://www.w3.org/2006/12/xml-c14n11",
            Self::Inclusive11WithComments => "http://www.w3.org/2006/12/xml-c14n11#WithComments",
            Self::InclusiveWithComments => "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
        }
    }

    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.uri() == uri)
    }

    pub const fn is_exclusive(self) -> bool {
        matches!(self, Self::Exclusive | Self::ExclusiveWithComments)
    }

    pub const fn has_comments(self) -> bool {
        matches!(self, Self::ExclusiveWithComments | Self::Inclusive11WithComments | Self::InclusiveWithComments)
    }

    const fn is_11(self) -> bool {
        matches!(self, Self::Inclusive11 | Self::Inclusive11WithComments)
    }
}

/// Why a canonical form cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum C14nError {
    /// Canonical XML 1.1 of an element within others that have `xml:base`: their joining is not done here.
    #[error("canonicalize: an xml:base around the element would have to be joined to it")]
    BaseAround,
    /// More bytes than this come of it: a long namespace that every element has to declare anew multiplies itself.
    #[error("canonicalize: more than {0} bytes come of it")]
    TooLarge(usize),
}

/// The canonical form of an element, comments included where the form has them. `prefixes` is the PrefixList of
/// exclusive forms (`#default` for the default namespace); other forms ignore it.
///
/// ```
/// use crypto::xmldsig::{C14n, Document, Limits, canonical};
/// let document = Document::parse(b"<a xmlns='urn:x' xmlns:p='urn:p'><b c = 'd'/></a>", Limits::default())?;
/// let b = document.root().child("urn:x", "b").expect("it is there");
/// assert_eq!(canonical(b, C14n::Exclusive, &[])?, br#"<b xmlns="urn:x" c="d"></b>"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn canonical(element: Element<'_>, form: C14n, prefixes: &[String]) -> Result<Vec<u8>, C14nError> {
    Nodes::of(element).canonical(form, prefixes)
}

/// The canonical form of a whole document, with what stands before and behind its root.
pub fn canonical_document(document: &Document, form: C14n, prefixes: &[String]) -> Result<Vec<u8>, C14nError> {
    Nodes::all(document).canonical(form, prefixes)
}

/// Which nodes of a document a canonical form is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nodes<'d> {
    pub(super) document: &'d Document,
    /// One element with all that is in it, or the whole document.
    pub(super) of: Option<Element<'d>>,
    /// An element that is left out with all that is in it: the signature, when it is enveloped.
    pub(super) without: Option<Element<'d>>,
    pub(super) comments: bool,
    /// Whether texts of whitespace only are taken along; left out only for a diagnosis.
    pub(super) blanks: bool,
}

impl<'d> Nodes<'d> {
    /// An element and all that is in it.
    pub(super) const fn of(element: Element<'d>) -> Self {
        Self { document: element.document, of: Some(element), without: None, comments: true, blanks: true }
    }

    /// The whole document.
    pub(super) const fn all(document: &'d Document) -> Self {
        Self { document, of: None, without: None, comments: true, blanks: true }
    }

    pub(super) fn canonical(&self, form: C14n, prefixes: &[String]) -> Result<Vec<u8>, C14nError> {
        let nodes = &self.document.nodes;
        let (mut at, end) = self.of.map_or((1, nodes.len()), |element| (element.node, element.end()));
        let mut writer =
            Writer { form, prefixes, scope: Scope::default(), rendered: Scope::default(), out: Vec::new() };
        let mut around = self.around();
        for start in &around {
            writer.enter(start);
        }
        around.reverse();
        let root = self.document.root().node;
        let most = self.document.limits.output();
        let mut open: Vec<&Node> = Vec::new();
        while let Some(node) = nodes.get(at).filter(|_| at < end) {
            while open.last().is_some_and(|open| open.end <= at) {
                writer.close(open.pop());
            }
            if writer.out.len() > most {
                return Err(C14nError::TooLarge(most));
            }
            let left_out = self.without.is_some_and(|without| without.node == at);
            match &node.kind {
                Kind::Element(_) if left_out => {}
                Kind::Element(tag) => {
                    let apex = if open.is_empty() { around.as_slice() } else { &[] };
                    writer.open(&tag.start, open.is_empty(), apex)?;
                    open.push(node);
                }
                Kind::Text(text) if self.blanks || !is_blank(text) => writer.text(text),
                Kind::Comment(text) if self.comments && form.has_comments() => {
                    writer.aside(node.parent == 0, at < root, &format!("<!--{text}-->"));
                }
                Kind::Instruction { target, data } if data.is_empty() => {
                    writer.aside(node.parent == 0, at < root, &format!("<?{target}?>"));
                }
                Kind::Instruction { target, data } => {
                    writer.aside(node.parent == 0, at < root, &format!("<?{target} {data}?>"));
                }
                Kind::Comment(_) | Kind::Document | Kind::Text(_) => {}
            }
            at = if left_out { node.end } else { at + 1 };
        }
        while !open.is_empty() {
            writer.close(open.pop());
        }
        Ok(writer.out)
    }

    /// The elements around the chosen one, the root first.
    fn around(&self) -> Vec<&'d Start> {
        let parents = std::iter::successors(self.of.and_then(|element| element.parent()), Element::parent);
        let mut around: Vec<&Start> =
            parents.filter_map(|element| self.document.tag(element.node)).map(|tag| &tag.start).collect();
        around.reverse();
        around
    }
}

struct Writer<'w> {
    form: C14n,
    prefixes: &'w [String],
    /// What the prefixes mean in the document.
    scope: Scope,
    /// What they mean in the output so far.
    rendered: Scope,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn enter(&mut self, start: &Start) {
        self.scope.enter(&start.declared);
    }

    /// Writes a start tag. `around` are the elements around the apex, the nearest first; empty for all others.
    fn open(&mut self, start: &Start, apex: bool, around: &[&Start]) -> Result<(), C14nError> {
        self.enter(start);
        let namespaces = self.namespaces(start, apex);
        let mut attributes: Vec<&Attribute> = start.attributes.iter().collect();
        if !self.form.is_exclusive() {
            attributes.extend(self.inherited(start, around)?);
        }
        attributes.sort_by(|one, other| (&one.namespace, &one.local).cmp(&(&other.namespace, &other.local)));

        self.write("<");
        self.name(&start.prefix, &start.local);
        for (prefix, uri) in &namespaces {
            self.write(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.write(prefix);
            self.value(uri);
        }
        for attribute in attributes {
            self.write(" ");
            self.name(&attribute.prefix, &attribute.local);
            self.value(&attribute.value);
        }
        self.write(">");
        self.rendered.enter(&namespaces);
        Ok(())
    }

    /// The declarations that this element has to have in the output, in order.
    fn namespaces(&self, start: &Start, apex: bool) -> Vec<Binding> {
        let mut prefixes: Vec<&str> = if self.form.is_exclusive() {
            // Those that are used here, and those that the caller wants carried along (Exclusive C14N §3).
            let used =
                start.attributes.iter().map(|attribute| attribute.prefix.as_str()).filter(|used| !used.is_empty());
            let wanted = self.prefixes.iter().map(|prefix| if prefix == "#default" { "" } else { prefix.as_str() });
            used.chain([start.prefix.as_str()]).chain(wanted).collect()
        } else if apex {
            self.scope.all().map(|(prefix, _)| prefix).chain([""]).collect()
        } else {
            start.declared.iter().map(|(prefix, _)| &**prefix).collect()
        };
        prefixes.sort_unstable();
        prefixes.dedup();
        let binding = |prefix: &str| {
            let meant = self.scope.namespace(prefix).filter(|_| prefix != "xml")?;
            (self.rendered.namespace(prefix) != Some(meant)).then(|| (Arc::from(prefix), Arc::clone(meant)))
        };
        prefixes.into_iter().filter_map(binding).collect()
    }

    /// Attributes of the namespace `xml` that the apex takes over from around it (Canonical XML 1.0 and 1.1, §2.4).
    fn inherited<'s>(&self, start: &'s Start, around: &[&'s Start]) -> Result<Vec<&'s Attribute>, C14nError> {
        let mut taken: Vec<&Attribute> = Vec::new();
        for attribute in
            around.iter().flat_map(|start| &start.attributes).filter(|attribute| *attribute.namespace == *XML)
        {
            match attribute.local.as_str() {
                "base" if self.form.is_11() => return Err(C14nError::BaseAround),
                "lang" | "space" => {}
                // Version 1.1 takes over nothing else, because ids and the like are the element's own.
                _ if self.form.is_11() => continue,
                _ => {}
            }
            let same = |other: &&Attribute| *other.namespace == *XML && other.local == attribute.local;
            if !start.attributes.iter().any(|own| same(&own)) && !taken.iter().any(same) {
                taken.push(attribute);
            }
        }
        Ok(taken)
    }

    fn close(&mut self, node: Option<&Node>) {
        if let Some(Node { kind: Kind::Element(tag), .. }) = node {
            self.write("</");
            self.name(&tag.start.prefix, &tag.start.local);
            self.write(">");
        }
        self.scope.leave();
        self.rendered.leave();
    }

    /// A comment or an instruction, which has a line of its own outside the root.
    fn aside(&mut self, outside: bool, before: bool, text: &str) {
        self.write(if outside && !before { "\n" } else { "" });
        self.write(text);
        self.write(if outside && before { "\n" } else { "" });
    }

    fn name(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.write(prefix);
            self.write(":");
        }
        self.write(local);
    }

    fn value(&mut self, value: &str) {
        self.write("=\"");
        write_value(&mut self.out, value);
        self.write("\"");
    }

    fn text(&mut self, text: &str) {
        write_text(&mut self.out, text);
    }

    fn write(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// Text as canonical XML escapes it.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    escaped(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// The value of an attribute as canonical XML escapes it.
pub(super) fn write_value(out: &mut Vec<u8>, value: &str) {
    escaped(out, value, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

fn escaped(out: &mut Vec<u8>, text: &str, escape: impl Fn(u8) -> Option<&'static str>) {
    // All that is escaped is ASCII, which is never a part of another character.
    for byte in text.bytes() {
        match escape(byte) {
            Some(reference) => out.extend_from_slice(reference.as_bytes()),
            None => out.push(byte),
        }
    }
}
