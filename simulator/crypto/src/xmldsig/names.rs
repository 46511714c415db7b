//! Characters, names and namespaces of XML 1.0 (fifth edition) and Namespaces in XML 1.0 (third edition): what the
//! tokenizer leaves unchecked.

use std::collections::HashMap;
use std::sync::Arc;

/// Namespace to which the prefix `xml` is bound by definition.
pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Namespace to which the prefix `xmlns` is bound by definition.
pub(super) const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Whether a document may hold this character (XML 1.0, production 2).
pub(super) const fn is_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Whitespace as XML means it (production 3), which is less than what Unicode means.
pub(super) const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// Whether the text is blank in the sense of XML.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

const fn starts_name(character: char) -> bool {
    matches!(character,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

const fn continues_name(character: char) -> bool {
    starts_name(character)
        || matches!(character,
            '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether this is a name without colon (Namespaces, production 4).
pub(super) fn is_ncname(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(starts_name) && characters.all(continues_name)
}

/// Prefix (empty for none) and local part of a qualified name, when it is one.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) => (is_ncname(prefix).then_some(prefix)?, local),
        None => ("", name),
    };
    is_ncname(local).then_some((prefix, local))
}

/// A prefix (empty for the default) and the namespace it is bound to (empty for none). Shared, because a namespace that is
/// declared once may be meant by every element after it.
pub(super) type Binding = (Arc<str>, Arc<str>);

/// The prefixes in scope while a document is walked. Looking one up costs the same however many there are.
pub(super) struct Scope {
    bound: HashMap<Arc<str>, Vec<Arc<str>>>,
    opened: Vec<Vec<Arc<str>>>,
    count: usize,
    none: Arc<str>,
    xml: Arc<str>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { bound: HashMap::new(), opened: Vec::new(), count: 0, none: Arc::from(""), xml: Arc::from(XML) }
    }
}

impl Scope {
    /// Enters an element with its declarations. Answers with the number of bindings now held.
    pub(super) fn enter(&mut self, declared: &[Binding]) -> usize {
        for (prefix, namespace) in declared {
            self.bound.entry(Arc::clone(prefix)).or_default().push(Arc::clone(namespace));
        }
        self.count += declared.len();
        self.opened.push(declared.iter().map(|(prefix, _)| Arc::clone(prefix)).collect());
        self.count
    }

    /// Leaves the element entered last.
    pub(super) fn leave(&mut self) {
        for prefix in self.opened.pop().into_iter().flatten() {
            self.count -= 1;
            if let Some(bindings) = self.bound.get_mut(&prefix) {
                bindings.pop();
            }
        }
    }

    /// Every prefix that is bound, with its namespace.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        let bound = self.bound.iter().filter_map(|(prefix, bindings)| Some((&**prefix, bindings.last()?)));
        bound.filter(|(_, namespace)| !namespace.is_empty())
    }

    /// The namespace of a prefix; for the empty prefix the default namespace, which is empty when there is none.
    pub(super) fn namespace(&self, prefix: &str) -> Option<&Arc<str>> {
        match (prefix, self.bound.get(prefix).and_then(|bindings| bindings.last())) {
            ("xml", _) => Some(&self.xml),
            (_, Some(namespace)) => Some(namespace),
            ("", None) => Some(&self.none),
            (_, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_recommendation() {
        for good in ["a", "_", "Ответ", "a-1.b", "a\u{B7}"] {
            assert!(is_ncname(good), "{good}");
        }
        for bad in ["", "1", "-a", "a:b", "a b", "a<", "\u{2028}", ".a", "a\"", "×"] {
            assert!(!is_ncname(bad), "{bad}");
        }
        assert_eq!(split("soap:Body"), Some(("soap", "Body")));
        assert_eq!(split("Body"), Some(("", "Body")));
        for bad in [":a", "a:", "a:b:c", "a:1"] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }

    #[test]
    fn leaving_an_element_gives_its_prefixes_back() {
        let bound = |pairs: [(&str, &str); 2]| pairs.map(|(prefix, uri)| (Arc::from(prefix), Arc::from(uri)));
        let mut scope = Scope::default();
        scope.enter(&bound([("a", "urn:1"), ("", "urn:d")]));
        assert_eq!(scope.enter(&bound([("a", "urn:2"), ("", "")])), 4);
        let meant = |scope: &Scope, prefix: &str| scope.namespace(prefix).map(|uri| uri.to_string());
        assert_eq!((meant(&scope, "a").as_deref(), meant(&scope, "").as_deref()), (Some("urn:2"), Some("")));
        scope.leave();
        assert_eq!((meant(&scope, "a").as_deref(), meant(&scope, "").as_deref()), (Some("urn:1"), Some("urn:d")));
        scope.leave();
        assert_eq!((meant(&scope, "a"), meant(&scope, "").as_deref()), (None, Some("")));
        assert_eq!(meant(&scope, "xml").as_deref(), Some(XML));
    }
}
