//! Certificates that are enough to be written to.

use std::path::PathBuf;

use crypto::{Certificate, PrivateKey};
use der::{Any, AnyRef, Decode, Encode, Tag};

pub(crate) fn vector(name: &str) -> Vec<u8> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The elements of a constructed one.
pub(crate) fn elements(der: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut out) = (AnyRef::from_der(der).unwrap().value(), Vec::new());
    while !rest.is_empty() {
        let (_, after) = AnyRef::from_der_partial(rest).unwrap();
        out.push(&rest[..rest.len() - after.len()]);
        rest = after;
    }
    out
}

pub(crate) fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    Any::new(Tag::Sequence, elements.concat()).unwrap().to_der().unwrap()
}

/// A certificate of this number for a key, with a key identifier of the same number.
pub(crate) fn certificate(key: &PrivateKey, number: u8) -> Certificate {
    named(key, None, number)
}

/// The EC vector's certificate with another key, number and, if one is given, issuer. Its signature is broken, which
/// nobody looks at who encrypts.
pub(crate) fn named(key: &PrivateKey, issuer: Option<&[u8]>, number: u8) -> Certificate {
    let template = Certificate::from_bytes(&vector("cms/ec.crt")).unwrap();
    let outer = elements(template.der());
    let mut inner = elements(outer[0]);
    let serial = [2, 1, number];
    let mut extensions = inner.pop().unwrap().to_vec();
    let identifier = template.key_identifier().unwrap();
    let at = extensions.windows(identifier.len()).position(|window| window == identifier).unwrap();
    extensions[at] = number;
    let spki = inner.iter().position(|element| *element == template.spki_der()).unwrap();
    inner[1] = &serial;
    // Version, number, algorithm of the signature, issuer.
    inner[3] = issuer.unwrap_or(inner[3]);
    inner[spki] = key.public().spki_der();
    inner.push(&extensions);
    Certificate::from_der(&sequence(&[&sequence(&inner), outer[1], outer[2]])).unwrap()
}
