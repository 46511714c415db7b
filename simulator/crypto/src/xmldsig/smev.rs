//! The transform of SMEV 3, `urn://smev-gov-ru/xmldsig/transform`: a form that survives new prefixes, indentation and
//! another order of attributes.
//!
//! Its rules, from the operator's published description: declaration, instructions and comments go; texts of whitespace
//! only go, others stay as they are; every element has a start and an end tag; source prefixes go, and each namespace
//! gets `ns1`, `ns2`, … where it is first used, from one counter that never goes back; attributes are sorted, those of
//! a namespace first. A prefix is in force within the element that declared it, so two siblings may call one namespace
//! by different prefixes.
//!
//! Decided here, where the description is silent: texts are written as canonical XML writes them (`&amp; &lt; &gt;
//! &#xD;`), and so are attributes (`&amp; &lt; &quot; &#x9; &#xA; &#xD;`); `xml:lang` and its like are treated as
//! attributes of any other namespace, because all source prefixes go. Elements without namespace are refused, as the
//! operator's own code cannot transform them.

use std::collections::HashMap;
use std::sync::Arc;

use super::c14n::{write_text, write_value};
use super::names::is_blank;
use super::read::{self, Limits, Sink, Start, XmlError};

/// Identifier of the transform.
pub const SMEV_TRANSFORM: &str = "urn://smev-gov-ru/xmldsig/transform";

/// Why the transform cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmevError {
    #[error("transform for SMEV: the element {0} has no namespace")]
    NoNamespace(String),
    /// More bytes than this come of it.
    #[error("transform for SMEV: more than {0} bytes come of it")]
    TooLarge(usize),
    #[error(transparent)]
    Xml(#[from] XmlError),
}

/// Transforms a document. In a signature its input is what exclusive canonicalization gave.
///
/// ```
/// use crypto::xmldsig::{Limits, smev_transform};
/// let made = smev_transform(b"<p:a xmlns:p='urn:1'> <p:b z='1' y='2'/></p:a>", Limits::default())?;
/// assert_eq!(made, br#"<ns1:a xmlns:ns1="urn:1"><ns1:b y="2" z="1"></ns1:b></ns1:a>"#);
/// # Ok::<(), crypto::xmldsig::SmevError>(())
/// ```
pub fn smev_transform(bytes: &[u8], limits: Limits) -> Result<Vec<u8>, SmevError> {
    let most = limits.output();
    let mut writer = Writer { most, ..Writer::default() };
    read::read(read::decode(bytes, &limits)?, &limits, &mut writer)?;
    match writer.without_namespace {
        Some(name) => Err(SmevError::NoNamespace(name)),
        None if writer.out.len() > most => Err(SmevError::TooLarge(most)),
        None => Ok(writer.out),
    }
}

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    /// Behind this many bytes nothing more is written.
    most: usize,
    /// Numbers of the namespaces in force.
    numbers: HashMap<Arc<str>, usize>,
    counter: usize,
    open: Vec<Open>,
    /// The first element without namespace.
    without_namespace: Option<String>,
}

struct Open {
    name: String,
    /// Namespaces whose prefix was minted here, in that order.
    minted: Vec<Arc<str>>,
}

impl Writer {
    fn number(&mut self, namespace: &Arc<str>, minted: &mut Vec<Arc<str>>) -> usize {
        if let Some(number) = self.numbers.get(namespace) {
            return *number;
        }
        self.counter += 1;
        self.numbers.insert(Arc::clone(namespace), self.counter);
        minted.push(Arc::clone(namespace));
        self.counter
    }

    fn write(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.write(&format!(" {name}=\""));
        write_value(&mut self.out, value);
        self.write("\"");
    }
}

impl Sink for Writer {
    fn start(&mut self, mut start: Start) {
        if start.namespace.is_empty() {
            self.without_namespace.get_or_insert_with(|| start.local.clone());
        }
        if self.out.len() > self.most {
            self.open.push(Open { name: String::new(), minted: Vec::new() });
            return;
        }
        let mut minted = Vec::new();
        let number = self.number(&start.namespace, &mut minted);
        let name = format!("ns{number}:{}", start.local);
        // Those of a namespace first, then those of none; each by namespace and local name.
        start.attributes.sort_by(|one, other| {
            let key = |attribute: &read::Attribute| attribute.namespace.is_empty();
            key(one).cmp(&key(other)).then_with(|| (&one.namespace, &one.local).cmp(&(&other.namespace, &other.local)))
        });
        let mut attributes = Vec::with_capacity(start.attributes.len());
        for attribute in &start.attributes {
            let name = if attribute.namespace.is_empty() {
                attribute.local.clone()
            } else {
                format!("ns{}:{}", self.number(&attribute.namespace, &mut minted), attribute.local)
            };
            attributes.push((name, attribute.value.as_str()));
        }
        self.write(&format!("<{name}"));
        for namespace in &minted {
            let number = self.numbers.get(namespace).copied().unwrap_or_default();
            self.attribute(&format!("xmlns:ns{number}"), namespace);
        }
        for (name, value) in attributes {
            self.attribute(&name, value);
        }
        self.write(">");
        self.open.push(Open { name, minted });
    }

    fn end(&mut self, _: usize, _: usize) {
        if let Some(open) = self.open.pop() {
            self.write(&format!("</{}>", open.name));
            for namespace in &open.minted {
                self.numbers.remove(namespace);
            }
        }
    }

    fn text(&mut self, text: String) {
        if !is_blank(&text) && self.out.len() <= self.most {
            write_text(&mut self.out, &text);
        }
    }

    fn comment(&mut self, _: &str) {}

    fn instruction(&mut self, _: &str, _: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> String {
        String::from_utf8(smev_transform(text.as_bytes(), Limits::default()).unwrap()).unwrap()
    }

    /// Vectors made by an independent implementation, which verified messages of the real bus: what exclusive form gave,
    /// what the transform makes of it, and Streebog-256 of that.
    #[test]
    fn known_answers() {
        for (input, output, digest) in VECTORS {
            assert_eq!(made(input), *output);
            assert_eq!(crate::base64::encode_standard(&crate::gost::streebog256(output.as_bytes())), *digest);
        }
    }

    const VECTORS: &[(&str, &str, &str)] = &[
        (
            r#"<a xmlns="u:1" z="1" y="2" xmlns:p="u:2" p:k="3"/>"#,
            r#"<ns1:a xmlns:ns1="u:1" xmlns:ns2="u:2" ns2:k="3" y="2" z="1"></ns1:a>"#,
            "O+CpxVoeDkHo/lZv+zMerNgLIDwJxZzeHo1vLSvgojA=",
        ),
        (
            r#"<a xmlns="u:1"><b xmlns="u:2"/><c xmlns="u:2"/></a>"#,
            r#"<ns1:a xmlns:ns1="u:1"><ns2:b xmlns:ns2="u:2"></ns2:b><ns3:c xmlns:ns3="u:2"></ns3:c></ns1:a>"#,
            "rt3RzY12BCkbq+H/QU2xPpczUSqZMB/F8wmzfDCUT7Q=",
        ),
        (
            r#"<a xmlns="u:1" t="1"><p:b xmlns:p="u:2" p:i="5" xmlns:r="u:0" r:j="6" n="7"/></a>"#,
            r#"<ns1:a xmlns:ns1="u:1" t="1"><ns2:b xmlns:ns2="u:2" xmlns:ns3="u:0" ns3:j="6" ns2:i="5" n="7"></ns2:b></ns1:a>"#,
            "mas9JeumbHuw3doHBgw2VQuaR/4BccVpqypSqe3pOuA=",
        ),
        (
            r#"<a xmlns="u:1"><b>x &gt; y</b></a>"#,
            r#"<ns1:a xmlns:ns1="u:1"><ns1:b>x &gt; y</ns1:b></ns1:a>"#,
            "lwQ4iOsVOPnGmOn/eqvCows7bccHGu6fqoYBbxEArCI=",
        ),
    ];

    #[test]
    fn each_rule_by_itself() {
        for (input, output) in [
            // 1: declaration, instructions, comments
            (
                "<?xml version='1.0'?><?p q?><!-- c --><a xmlns='u'><?p?>x<!-- c -->y</a><?p?>",
                r#"<ns1:a xmlns:ns1="u">xy</ns1:a>"#,
            ),
            // 2: blank texts go, others stay whole
            (
                "<a xmlns='u'> \n<b>\t</b>\r\n<b> x\n y </b>\u{A0}</a>",
                "<ns1:a xmlns:ns1=\"u\"><ns1:b></ns1:b><ns1:b> x\n y </ns1:b>\u{A0}</ns1:a>",
            ),
            // 3: no empty tags
            ("<a xmlns='u'/>", r#"<ns1:a xmlns:ns1="u"></ns1:a>"#),
            // 4: prefixes are taken over within an element, and the counter never goes back
            (
                "<p:a xmlns:p='u'><q:b xmlns:q='v'><p:c/><q:d/></q:b><e xmlns='w'/><q:f xmlns:q='v'/></p:a>",
                r#"<ns1:a xmlns:ns1="u"><ns2:b xmlns:ns2="v"><ns1:c></ns1:c><ns2:d></ns2:d></ns2:b><ns3:e xmlns:ns3="w"></ns3:e><ns4:f xmlns:ns4="v"></ns4:f></ns1:a>"#,
            ),
            // 4: a prefix that is bound anew is another namespace
            (
                "<p:a xmlns:p='u'><p:b xmlns:p='v'><p:c xmlns:p='u'/></p:b></p:a>",
                r#"<ns1:a xmlns:ns1="u"><ns2:b xmlns:ns2="v"><ns1:c></ns1:c></ns2:b></ns1:a>"#,
            ),
            // 5: unused declarations go
            (
                "<a xmlns='u' xmlns:x='unused'><b xmlns='u' xmlns:y='unused'/></a>",
                r#"<ns1:a xmlns:ns1="u"><ns1:b></ns1:b></ns1:a>"#,
            ),
            // 6 and 7: attributes of namespaces by namespace and name, then the others; an element's own namespace serves too
            (
                "<a xmlns='u' xmlns:p='u' xmlns:q='t' b='1' a='2' q:z='3' p:y='4' q:c='5'/>",
                r#"<ns1:a xmlns:ns1="u" xmlns:ns2="t" ns2:c="5" ns2:z="3" ns1:y="4" a="2" b="1"></ns1:a>"#,
            ),
            // 8: escapes
            (
                "<a xmlns='u&amp;&quot;' b='&lt;&amp;&gt;&quot;&apos;'>&lt;&amp;&gt;\"'&#13;<![CDATA[<&>]]></a>",
                r#"<ns1:a xmlns:ns1="u&amp;&quot;" b="&lt;&amp;>&quot;'">&lt;&amp;&gt;"'&#xD;&lt;&amp;&gt;</ns1:a>"#,
            ),
            ("<a xmlns='u' b='&#9;&#10;&#13;\n'/>", r#"<ns1:a xmlns:ns1="u" b="&#x9;&#xA;&#xD; "></ns1:a>"#),
            (
                "<a xmlns='u' xml:lang='ru'/>",
                r#"<ns1:a xmlns:ns1="u" xmlns:ns2="http://www.w3.org/XML/1998/namespace" ns2:lang="ru"></ns1:a>"#,
            ),
        ] {
            assert_eq!(made(input), output, "{input}");
        }
    }

    #[test]
    fn an_element_without_namespace_is_refused_by_name() {
        let refused = smev_transform(b"<a xmlns='u'><b xmlns=''/></a>", Limits::default());
        assert_eq!(refused, Err(SmevError::NoNamespace("b".to_owned())));
        assert!(matches!(smev_transform(b"<a", Limits::default()), Err(SmevError::Xml(_))));
    }

    #[test]
    fn the_form_does_not_change_when_it_is_made_again() {
        for (_, output, _) in VECTORS {
            assert_eq!(made(output), *output);
        }
    }
}
