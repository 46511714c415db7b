//! From an HTTP request to the one element in the body of its envelope. Everything that SOAP 1.1 and the rules of
//! hostile XML ask for is settled here, before a signature is looked at.

use std::collections::HashMap;

use bytes::Bytes;
use contract::smev::{Operation, SOAP, Version};
use crypto::xmldsig::{Document, Element, Limits, XmlCause};
use domain::Refusal;
use http::{HeaderMap, header};

use super::multipart::{parameter, related};

const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
const XINCLUDE: &str = "http://www.w3.org/2001/XInclude";
/// The role of whoever is next on the way (SOAP 1.1 §4.2.2).
const NEXT: &str = "http://schemas.xmlsoap.org/soap/actor/next";
/// Longest envelope. What is larger goes through the store.
pub(crate) const ENVELOPE_MAX: usize = 16 * 1024 * 1024;

/// An envelope that may be looked into.
pub(super) struct Envelope {
    pub(super) operation: Operation,
    pub(super) document: Document,
    /// Parts beside the envelope, by content id.
    pub(super) parts: HashMap<String, Bytes>,
}

impl Envelope {
    /// The element in the body.
    pub(super) fn call(&self) -> Option<Element<'_>> {
        self.document.root().child(SOAP, "Body").and_then(|body| body.children().next())
    }
}

pub(super) fn read(version: Version, headers: &HeaderMap, bytes: &Bytes, strict: bool) -> Result<Envelope, Refusal> {
    let (root, parts) = root_part(headers, bytes)?;
    let limits = Limits { bytes: ENVELOPE_MAX, ..Limits::default() };
    let document = Document::parse(&root, limits).map_err(|error| match error.cause {
        XmlCause::TooLarge(limit) => Refusal::new("smev-xml", "smev-xml-too-large")
            .check("size of the envelope")
            .seen(format!("more than {limit} bytes"))
            .wanted("larger files in the store"),
        cause => Refusal::new("smev-xml", &format!("smev-{}", cause.code()))
            .check("XML of the envelope")
            .seen(format!("{cause} (byte {})", error.at))
            .wanted("XML 1.0 in UTF-8 without a document type declaration"),
    })?;
    if let Some(target) = instruction(document.text()) {
        return Err(Refusal::new("smev-xml", "smev-xml-instruction")
            .check("XML of the envelope")
            .seen(format!("the processing instruction {target}"))
            .wanted("none (SOAP 1.1 §3)"));
    }
    if document.elements().any(|element| element.namespace() == XINCLUDE) {
        return Err(Refusal::new("smev-xml", "smev-xml-xinclude")
            .check("XML of the envelope")
            .seen("an element of XInclude")
            .wanted("none: nothing is fetched"));
    }
    let operation = operation(version, &document)?;
    action(headers, operation, strict)?;
    Ok(Envelope { operation, document, parts })
}

fn root_part(headers: &HeaderMap, bytes: &Bytes) -> Result<(Bytes, HashMap<String, Bytes>), Refusal> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let wrong = |seen: &str| {
        Refusal::new("smev-media-type", "smev-media-type")
            .check("Content-Type")
            .seen(seen.chars().take(120).collect::<String>())
            .wanted("text/xml; charset=utf-8, or multipart/related with application/xop+xml")
    };
    let (root, written, parts) = match essence(declared).as_str() {
        "text/xml" => (bytes.clone(), declared.to_owned(), HashMap::new()),
        "application/soap+xml" => {
            return Err(Refusal::new("smev-version-mismatch", "smev-soap-12")
                .check("version of SOAP")
                .seen("SOAP 1.2 (application/soap+xml)")
                .wanted("SOAP 1.1 (text/xml)"));
        }
        "multipart/related" => {
            let related = related(declared, bytes)
                .map_err(|what| Refusal::new("smev-xml", "smev-multipart").check("multipart/related").seen(what))?;
            if essence(&related.root_type) != "application/xop+xml" {
                return Err(wrong(&related.root_type));
            }
            (related.root, related.root_type, related.parts)
        }
        _ => return Err(wrong(declared)),
    };
    match parameter(&written, "charset") {
        Some(charset) if !charset.eq_ignore_ascii_case("utf-8") => {
            Err(Refusal::new("smev-xml", "smev-charset").check("charset of Content-Type").seen(charset).wanted("utf-8"))
        }
        _ => Ok((root, parts)),
    }
}

/// The first processing instruction of a document that was read already.
fn instruction(text: &str) -> Option<String> {
    let mut rest = text;
    let mut at_start = true;
    while let Some(place) = rest.find('<') {
        let here = &rest[place..];
        let skip = |end: &str| here.find(end).map_or("", |at| &here[at + end.len()..]);
        if here.starts_with("<!--") {
            rest = skip("-->");
        } else if here.starts_with("<![CDATA[") {
            rest = skip("]]>");
        } else if let Some(target) = here.strip_prefix("<?") {
            let name: String = target.chars().take_while(|letter| !letter.is_whitespace() && *letter != '?').collect();
            if !(at_start && name == "xml") {
                return Some(name);
            }
            rest = skip("?>");
        } else {
            rest = &here[1..];
        }
        at_start = false;
    }
    None
}

fn poor(seen: impl Into<String>, wanted: &str) -> Refusal {
    Refusal::new("smev-envelope", "smev-envelope").check("form of the envelope").seen(seen).wanted(wanted)
}

fn operation(version: Version, document: &Document) -> Result<Operation, Refusal> {
    let root = document.root();
    if root.is(SOAP_12, "Envelope") {
        return Err(Refusal::new("smev-version-mismatch", "smev-soap-12")
            .check("version of SOAP")
            .seen("an envelope of SOAP 1.2")
            .wanted("an envelope of SOAP 1.1"));
    }
    if !root.is(SOAP, "Envelope") {
        return Err(poor(format!("{{{}}}{}", root.namespace(), root.name()), "an envelope of SOAP 1.1"));
    }
    let children: Vec<Element<'_>> = root.children().collect();
    let [head, body] = children.as_slice() else {
        return Err(poor(format!("{} elements in the envelope", children.len()), "soap:Header, then soap:Body"));
    };
    if !head.is(SOAP, "Header") || !body.is(SOAP, "Body") {
        return Err(poor(format!("{}, {}", head.name(), body.name()), "soap:Header, then soap:Body"));
    }
    for block in head.children() {
        let bound = matches!(block.attribute_in(SOAP, "mustUnderstand"), Some("1" | "true"));
        let for_us = matches!(block.attribute_in(SOAP, "actor"), None | Some("" | NEXT));
        if bound && for_us {
            return Err(Refusal::new("smev-must-understand", "smev-must-understand")
                .check("headers to be understood (SOAP 1.1 §4.2.3)")
                .seen(format!("{{{}}}{}", block.namespace(), block.name()))
                .wanted("none: no header is known here"));
        }
    }
    if document.elements().any(|inner| inner != root && inner.is(SOAP, "Envelope")) {
        return Err(poor("an envelope within the envelope", "one envelope"));
    }
    let calls: Vec<Element<'_>> = body.children().collect();
    let [call] = calls.as_slice() else {
        return Err(poor(format!("{} elements in the body", calls.len()), "one"));
    };
    let unknown = |seen: String| {
        Refusal::new("smev-operation-unknown", "smev-operation-unknown")
            .check("element in the body")
            .seen(seen)
            .wanted(format!("a request of {}", version.types()))
            .mend("the version stands in the address and in the namespaces")
    };
    let name = call.name().strip_suffix("Request").unwrap_or_default();
    let known = Operation::ALL.into_iter().find(|operation| operation.as_str() == name && operation.is_in(version));
    match known {
        Some(operation) if call.namespace() == version.types() => Ok(operation),
        _ => Err(unknown(format!("{{{}}}{}", call.namespace(), call.name()))),
    }
}

/// What the header says and what the body says must be one (SOAP 1.1 §6.1.1).
fn action(headers: &HeaderMap, operation: Operation, strict: bool) -> Result<(), Refusal> {
    let wanted = format!("urn:{}", operation.as_str());
    let refused = |seen: &str| {
        Err(Refusal::new("smev-action", "smev-action").check("SOAPAction").seen(seen).wanted(format!("\"{wanted}\"")))
    };
    let mut lines = headers.get_all("soapaction").iter();
    let Some(line) = lines.next() else { return if strict { refused("absent") } else { Ok(()) } };
    let named = line.to_str().unwrap_or_default().trim().trim_matches('"');
    if lines.next().is_some() || named != wanted {
        return refused(named);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(headers: &[(&'static str, &'static str)], body: &str) -> (String, String) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, http::HeaderValue::from_static(value));
        }
        match read(Version::V1_2, &map, &Bytes::from(body.to_owned()), true) {
            Ok(_) => (String::new(), String::new()),
            Err(refusal) => (refusal.code, refusal.cause),
        }
    }

    const XML: (&str, &str) = ("content-type", "text/xml; charset=utf-8");
    const ACK: (&str, &str) = ("soapaction", "\"urn:Ack\"");

    fn envelope(head: &str, body: &str) -> String {
        format!("<s:Envelope xmlns:s=\"{SOAP}\"><s:Header>{head}</s:Header><s:Body>{body}</s:Body></s:Envelope>")
    }

    fn call() -> String {
        format!("<AckRequest xmlns=\"{}\"/>", Version::V1_2.types())
    }

    #[test]
    fn an_envelope_is_taken_for_what_both_header_and_body_say() {
        let good = envelope("", &call());
        assert_eq!(refused(&[XML, ACK], &good).0, "");
        assert_eq!(refused(&[XML, ("soapaction", "urn:SendRequest")], &good).0, "smev-action");
        assert_eq!(refused(&[XML], &good).0, "smev-action");
        assert_eq!(refused(&[("content-type", "application/json"), ACK], &good).0, "smev-media-type");
        assert_eq!(refused(&[("content-type", "application/soap+xml"), ACK], &good).0, "smev-version-mismatch");
        assert_eq!(refused(&[("content-type", "text/xml; charset=koi8-r"), ACK], &good).1, "smev-charset");
    }

    #[test]
    fn hostile_xml_is_refused_before_anything_else() {
        let good = envelope("", &call());
        for (body, cause) in [
            (format!("<!DOCTYPE a>{good}"), "smev-xml-dtd"),
            (format!("<?xml-stylesheet href='x'?>{good}"), "smev-xml-instruction"),
            (good.replace("AckRequest ", "AckRequest a='&x;' "), "smev-xml-entity"),
            (format!("<?xml version='1.0' encoding='windows-1251'?>{good}"), "smev-xml-encoding"),
            (good[..good.len() - 5].to_owned(), "smev-xml-malformed"),
            (
                good.replace(
                    "/></s:Body>",
                    "><i:include xmlns:i='http://www.w3.org/2001/XInclude'/></AckRequest></s:Body>",
                ),
                "smev-xml-xinclude",
            ),
        ] {
            assert_eq!(refused(&[XML, ACK], &body), ("smev-xml".into(), cause.into()), "{body}");
        }
        assert_eq!(refused(&[XML, ACK], &format!("<?xml version='1.0' encoding='utf-8'?><!-- <?no?> -->{good}")).0, "");
    }

    #[test]
    fn the_form_of_the_envelope_is_that_of_soap() {
        let bare = format!("<s:Envelope xmlns:s=\"{SOAP}\"><s:Body>{}</s:Body></s:Envelope>", call());
        assert_eq!(refused(&[XML, ACK], &bare).0, "smev-envelope");
        assert_eq!(refused(&[XML, ACK], &envelope("", &format!("{0}{0}", call()))).0, "smev-envelope");
        let header = format!("<x xmlns='urn:x' s:mustUnderstand='1' xmlns:s='{SOAP}'/>");
        assert_eq!(refused(&[XML, ACK], &envelope(&header, &call())).0, "smev-must-understand");
        assert_eq!(refused(&[XML, ACK], &envelope("<x xmlns='urn:x'/>", &call())).0, "");
        let other = call().replace("/1.2", "/1.3");
        assert_eq!(refused(&[XML, ACK], &envelope("", &other)).0, "smev-operation-unknown");
        let soap_12 = envelope("", &call()).replace(SOAP, SOAP_12);
        assert_eq!(refused(&[XML, ACK], &soap_12).0, "smev-version-mismatch");
    }
}
