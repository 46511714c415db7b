//! The same facts in the format that the caller wants: JSON, XML or CSV by `Accept` (RFC 9110 §12.5.1), problems as JSON
//! or XML. A handler gives a value of a shape; bytes are made of it here, after lies were told.

use contract::shape::{Version, csv, renamed, xml};
use domain::Refusal;
use http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::faults::answer::Form;

/// The namespace of problem documents in XML (RFC 9457 appendix B).
pub(crate) const PROBLEM_NAMESPACE: &str = "urn:ietf:rfc:7807";

/// Formats of answers, the preferred one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
    Csv,
}

impl Format {
    const ALL: [Self; 3] = [Self::Json, Self::Xml, Self::Csv];

    const fn media(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
            Self::Csv => "text/csv",
        }
    }

    /// `Content-Type` of an answer.
    pub(crate) const fn content_type(self, problem: bool) -> &'static str {
        match (self, problem) {
            (Self::Json, false) => "application/json",
            (Self::Xml, false) => "application/xml",
            (Self::Csv, _) => "text/csv; charset=utf-8; header=present",
            (Self::Json, true) => "application/problem+json",
            (Self::Xml, true) => "application/problem+xml",
        }
    }
}

/// What a caller says it takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accept {
    ranges: Vec<Range>,
    said: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Range {
    kind: String,
    subtype: String,
    /// In thousandths.
    quality: u32,
}

impl Accept {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let lines: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
        let said = lines.join(",");
        let ranges = said.split(',').filter_map(range).collect();
        Self { ranges, said: said.chars().take(200).collect() }
    }

    /// The format of a good answer.
    pub(crate) fn format(&self) -> Result<Format, Refusal> {
        if self.ranges.is_empty() && self.said.trim().is_empty() {
            return Ok(Format::Json);
        }
        let mut best: Option<(Format, u32)> = None;
        for format in Format::ALL {
            let quality = self.quality(format.media());
            if quality > best.map_or(0, |(_, known)| known) {
                best = Some((format, quality));
            }
        }
        best.map(|(format, _)| format).ok_or_else(|| {
            Refusal::new("not-acceptable", "not-acceptable")
                .check("Accept")
                .seen(&self.said)
                .wanted("application/json, application/xml or text/csv")
        })
    }

    /// The format of a refusal: XML where that is wanted more than JSON, and JSON in every other case.
    fn of_problem(&self) -> Format {
        let wanted = |plain, problem| self.quality(plain).max(self.quality(problem));
        let xml = wanted("application/xml", "application/problem+xml");
        let json = wanted("application/json", "application/problem+json");
        if xml > json { Format::Xml } else { Format::Json }
    }

    /// The quality that the most specific range gives to a media type; zero where none names it.
    fn quality(&self, media: &str) -> u32 {
        let (kind, subtype) = media.split_once('/').unwrap_or((media, ""));
        let matching = self.ranges.iter().filter_map(|range| match (range.kind.as_str(), range.subtype.as_str()) {
            (one, other) if one == kind && other == subtype => Some((2, range.quality)),
            (one, "*") if one == kind => Some((1, range.quality)),
            ("*", "*") => Some((0, range.quality)),
            _ => None,
        });
        matching.max_by_key(|(specific, _)| *specific).map_or(0, |(_, quality)| quality)
    }
}

/// `text/csv;header=present;q=0.5`; what cannot be read is passed over.
fn range(text: &str) -> Option<Range> {
    let mut parts = text.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    let mut quality = 1000;
    for part in parts {
        if let Some((name, value)) = part.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            let value: f32 = value.trim().parse().ok().filter(|value| (0.0..=1.0).contains(value))?;
            quality = (value * 1000.0) as u32;
        }
    }
    Some(Range { kind: kind.trim().to_ascii_lowercase(), subtype: subtype.trim().to_ascii_lowercase(), quality })
}

/// A value as bytes, with its media type.
pub(crate) fn written(form: Form, value: &Value, version: Version, accept: &Accept) -> (&'static str, String) {
    let problem = form.namespace == PROBLEM_NAMESPACE;
    let format = if problem { accept.of_problem() } else { accept.format().unwrap_or(Format::Json) };
    let text = match format {
        Format::Json if problem => value.to_string(),
        Format::Json => renamed(form.shape, value, version).to_string(),
        Format::Xml if problem => xml::write(form.shape, form.namespace, value, Version::V1),
        Format::Xml => xml::write(form.shape, &version.namespace(form.namespace), &record(form, value), version),
        Format::Csv => csv::write(form.shape, &record(form, value), version),
    };
    (format.content_type(problem), text)
}

/// A list that stands alone in JSON is the one field of its record elsewhere.
fn record(form: Form, value: &Value) -> Value {
    match (value, form.shape.fields) {
        (Value::Array(_), [only]) => json!({ only.name: value }),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(said: &'static str) -> Accept {
        Accept::of(&HeaderMap::from_iter([(header::ACCEPT, http::HeaderValue::from_static(said))]))
    }

    #[test]
    fn the_wanted_format_wins_and_json_where_nobody_cares() {
        for (said, format) in [
            ("*/*", Format::Json),
            ("", Format::Json),
            ("text/csv", Format::Csv),
            ("text/*;q=0.4, application/xml;q=0.5", Format::Xml),
            ("application/*", Format::Json),
            ("application/json;q=0.1, */*;q=0.2", Format::Xml),
            ("application/xml; charset=utf-8, application/json;q=0.9", Format::Xml),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Xml),
            ("APPLICATION/JSON", Format::Json),
        ] {
            assert_eq!(accept(said).format().unwrap(), format, "{said}");
        }
        assert_eq!(Accept::of(&HeaderMap::new()).format().unwrap(), Format::Json);
        for said in ["text/html", "application/json;q=0", "nonsense", "application/json;q=x", "image/*"] {
            assert_eq!(accept(said).format().unwrap_err().code, "not-acceptable", "{said}");
        }
    }

    #[test]
    fn problems_come_in_xml_only_where_xml_is_wanted() {
        assert_eq!(accept("application/xml").of_problem(), Format::Xml);
        assert_eq!(accept("application/problem+xml, application/json;q=0.5").of_problem(), Format::Xml);
        assert_eq!(accept("text/csv").of_problem(), Format::Json);
        assert_eq!(accept("*/*").of_problem(), Format::Json);
    }
}
