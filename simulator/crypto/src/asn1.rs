//! The little ASN.1 that signatures need, over exact bytes: signed structures are never re-encoded before they are
//! verified. BER with indefinite lengths, as streaming CMS writers make it, is turned into definite lengths first.
//!
//! Depth is bounded, tags of one byte only; certificates' inner structures are read by `x509-cert`.

pub(crate) const NULL: [u8; 2] = [0x05, 0x00];

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]` constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// `[1]` constructed.
pub(crate) const CONTEXT_1: u8 = 0xa1;

const CONSTRUCTED_OCTET_STRING: u8 = 0x24;
const DEEPEST: usize = 32;

/// Bytes that are not the expected structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read ASN.1: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// One element: its tag, its content and both together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Elements one after another.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    pub(crate) fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let (header, length) = header(self.0)?;
        let Length::Definite(length) = length else { return Err(Malformed("indefinite length")) };
        let end = header.checked_add(length).filter(|end| *end <= self.0.len());
        let end = end.ok_or(Malformed("an element is longer than what holds it"))?;
        let (whole, rest) = self.0.split_at(end);
        self.0 = rest;
        Ok(Element { tag: whole[0], content: &whole[header..], whole })
    }

    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        match self.peek() {
            Some(seen) if seen == tag => self.any(),
            Some(_) => Err(Malformed("another element than expected")),
            None => Err(Malformed("an element is missing")),
        }
    }

    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Malformed> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("bytes are left over")) }
    }
}

/// The one element that the bytes are.
pub(crate) fn single(bytes: &[u8], tag: u8) -> Result<Element<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    let element = reader.expect(tag)?;
    reader.end()?;
    Ok(element)
}

enum Length {
    Definite(usize),
    Indefinite,
}

fn header(bytes: &[u8]) -> Result<(usize, Length), Malformed> {
    let tag = *bytes.first().ok_or(Malformed("an element is missing"))?;
    if tag & 0x1f == 0x1f {
        return Err(Malformed("a tag of several bytes"));
    }
    let first = *bytes.get(1).ok_or(Malformed("a length is missing"))?;
    match first {
        0..=0x7f => Ok((2, Length::Definite(usize::from(first)))),
        0x80 => Ok((2, Length::Indefinite)),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let digits = bytes.get(2..2 + count).ok_or(Malformed("a length is cut"))?;
            let length = digits.iter().fold(0usize, |length, digit| (length << 8) | usize::from(*digit));
            Ok((2 + count, Length::Definite(length)))
        }
        _ => Err(Malformed("a length beyond any sense")),
    }
}

/// Turns BER with indefinite lengths and octet strings in pieces into definite lengths and whole octet strings.
/// Bytes after the element are dropped by nobody: they are an error.
pub(crate) fn definite(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::with_capacity(bytes.len());
    let used = normalise(bytes, &mut out, 0)?;
    if used == bytes.len() { Ok(out) } else { Err(Malformed("bytes are left over")) }
}

fn normalise(bytes: &[u8], out: &mut Vec<u8>, depth: usize) -> Result<usize, Malformed> {
    if depth > DEEPEST {
        return Err(Malformed("nested too deeply"));
    }
    let (header, length) = header(bytes)?;
    let tag = bytes[0];
    let constructed = tag & 0x20 != 0;
    let mut content = Vec::new();
    let used = match length {
        Length::Indefinite if !constructed => return Err(Malformed("indefinite length of a primitive")),
        Length::Indefinite => {
            let mut at = header;
            loop {
                let rest = bytes.get(at..).unwrap_or_default();
                if rest.starts_with(&[0, 0]) {
                    break at + 2;
                }
                at += normalise(rest, &mut content, depth + 1)?;
            }
        }
        Length::Definite(length) => {
            let end = header.checked_add(length).filter(|end| *end <= bytes.len());
            let end = end.ok_or(Malformed("an element is longer than what holds it"))?;
            if constructed {
                let mut at = header;
                while at < end {
                    at += normalise(&bytes[at..end], &mut content, depth + 1)?;
                }
            } else {
                content.extend_from_slice(&bytes[header..end]);
            }
            end
        }
    };
    if tag == CONSTRUCTED_OCTET_STRING {
        let mut joined = Vec::new();
        let mut pieces = Reader::new(&content);
        while !pieces.is_empty() {
            joined.extend_from_slice(pieces.expect(OCTET_STRING)?.content);
        }
        out.extend_from_slice(&tlv(OCTET_STRING, &[&joined]));
    } else {
        out.extend_from_slice(&tlv(tag, &[&content]));
    }
    Ok(used)
}

/// Writes one element out of the parts of its content.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
        out.push(0x80 | digits.len() as u8);
        out.extend_from_slice(&digits);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// Writes a non-negative INTEGER from big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let digits = &bytes[start..];
    let lead: &[u8] = if digits.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    tlv(INTEGER, &[lead, digits])
}

/// The big-endian bytes of a non-negative INTEGER, without leading zeros.
pub(crate) fn unsigned_bytes<'a>(element: &Element<'a>) -> Result<&'a [u8], Malformed> {
    match element.content {
        [] => Err(Malformed("an empty integer")),
        [first, ..] if *first >= 0x80 => Err(Malformed("a negative integer")),
        [0, rest @ ..] => Ok(rest),
        whole => Ok(whole),
    }
}

/// Writes a SET OF in the order that DER wants (X.690 §11.6).
pub(crate) fn set_of(tag: u8, mut members: Vec<Vec<u8>>) -> Vec<u8> {
    members.sort();
    let parts: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
    tlv(tag, &parts)
}

/// Dotted text of an OID's content.
pub(crate) fn dotted(content: &[u8]) -> String {
    der::asn1::ObjectIdentifier::from_bytes(content).map_or_else(|_| hex::encode(content), |oid| oid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_and_read_back() {
        for length in [0usize, 1, 127, 128, 255, 256, 70_000] {
            let written = tlv(OCTET_STRING, &[&vec![7; length]]);
            assert_eq!(single(&written, OCTET_STRING).unwrap().content.len(), length);
        }
    }

    #[test]
    fn indefinite_lengths_become_definite() {
        // SEQUENCE { [0] { OCTET STRING in two pieces } }
        let ber = [0x30, 0x80, 0xa0, 0x80, 0x24, 0x80, 4, 1, b'a', 4, 1, b'b', 0, 0, 0, 0, 0, 0];
        assert_eq!(definite(&ber).unwrap(), [0x30, 6, 0xa0, 4, 4, 2, b'a', b'b']);
        let der = [0x30, 3, 2, 1, 5];
        assert_eq!(definite(&der).unwrap(), der);
    }

    #[test]
    fn nonsense_is_refused_without_panic() {
        for bytes in [&[][..], &[0x30], &[0x30, 5, 1], &[0x30, 0x80], &[0x04, 0x80, 0, 0], &[0x30, 0x85, 1, 1, 1, 1, 1]]
        {
            assert!(definite(bytes).is_err(), "{bytes:x?}");
            assert!(single(bytes, SEQUENCE).is_err(), "{bytes:x?}");
        }
        assert!(definite(&[0x30, 0x80].repeat(10_000)).is_err());
    }

    #[test]
    fn integers_lose_and_gain_their_leading_zero() {
        assert_eq!(unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned(&[0]), [2, 1, 0]);
    }
}
