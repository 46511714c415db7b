//! Writing and reading the small parts of messages: text that is safe, times as the exchange writes them, and elements
//! taken in their order, because the schemas of the exchange are sequences.

use contract::time::Timestamp;
use crypto::xmldsig::Element;

/// Text fit to stand in an element or an attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' => out.push(letter),
            // XML has no form for the other controls.
            control if control.is_control() => {}
            '\u{fffe}' | '\u{ffff}' => {}
            plain => out.push(plain),
        }
    }
    out
}

/// An element with text in it.
pub(crate) fn el(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// The same where there is something to say.
pub(crate) fn opt(name: &str, text: Option<&str>) -> String {
    text.map(|text| el(name, text)).unwrap_or_default()
}

/// An instant with milliseconds in the time of Moscow.
pub(crate) fn moscow(at: Timestamp) -> String {
    let shifted = Timestamp::from_seconds(at.millis().div_euclid(1000) + 3 * 3600).to_string();
    let day_and_time: String = shifted.chars().take(19).collect();
    format!("{day_and_time}.{:03}+03:00", at.millis().rem_euclid(1000))
}

/// The elements inside an element, taken one after the other.
pub(crate) struct Parts<'d> {
    of: Element<'d>,
    left: std::iter::Peekable<std::vec::IntoIter<Element<'d>>>,
}

/// What does not stand where it should: the path, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) path: String,
    pub(crate) what: String,
}

impl Breach {
    pub(crate) fn at(element: Element<'_>, what: impl Into<String>) -> Self {
        Self { path: element.path(), what: what.into() }
    }
}

impl<'d> Parts<'d> {
    /// Nothing but blanks may stand between the elements.
    pub(crate) fn of(of: Element<'d>) -> Result<Self, Breach> {
        if !of.text().trim().is_empty() {
            return Err(Breach::at(of, "has text between its elements"));
        }
        Ok(Self { of, left: of.children().collect::<Vec<_>>().into_iter().peekable() })
    }

    pub(crate) fn opt(&mut self, namespace: &str, name: &str) -> Option<Element<'d>> {
        self.left.next_if(|element| element.is(namespace, name))
    }

    pub(crate) fn one(&mut self, namespace: &str, name: &str) -> Result<Element<'d>, Breach> {
        let seen = self.left.peek().map_or("nothing", |element| element.name());
        let message = format!("has {seen} where {{{namespace}}}{name} belongs");
        self.opt(namespace, name).ok_or_else(|| Breach::at(self.of, message))
    }

    pub(crate) fn many(&mut self, namespace: &str, name: &str) -> Vec<Element<'d>> {
        std::iter::from_fn(|| self.opt(namespace, name)).collect()
    }

    /// Any element that is next.
    pub(crate) fn any(&mut self) -> Option<Element<'d>> {
        self.left.next()
    }

    pub(crate) fn end(&mut self) -> Result<(), Breach> {
        match self.left.next() {
            Some(extra) => Err(Breach::at(extra, "stands where nothing belongs")),
            None => Ok(()),
        }
    }
}

/// The text of an element that holds nothing else.
pub(crate) fn text(element: Element<'_>) -> Result<String, Breach> {
    match element.children().next() {
        Some(inner) => Err(Breach::at(inner, "stands where text belongs")),
        None => Ok(element.text().trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_made_safe_and_times_are_those_of_moscow() {
        assert_eq!(el("a", "x<&>\u{1}"), "<a>x&lt;&amp;&gt;</a>");
        assert_eq!(moscow(Timestamp::from_millis(1_795_000_000_123)), "2026-11-18T14:06:40.123+03:00".to_owned());
        let next_day: Timestamp = "2026-11-22T22:00:00Z".parse().unwrap();
        assert_eq!(moscow(next_day), "2026-11-23T01:00:00.000+03:00");
    }
}
