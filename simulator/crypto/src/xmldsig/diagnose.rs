//! What a digest or a signature that does not hold was really made of: the mistakes that are met in the wild, tried one
//! after the other. Nothing found here makes a signature acceptable.

use std::fmt;

use super::c14n::{C14n, Nodes};
use super::signature::{Reference, Signature};
use super::transform::{self, Transform};
use crate::PublicKey;
use crate::raw::{self, Misdigest, Turn};

/// Why a digest differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestCause {
    /// Of something else: the content was changed after it was signed, or never was this.
    Content,
    /// Right, but with its bytes in the reverse order.
    Reversed,
    /// Of the element as it is written, not of a canonical form.
    Source,
    /// Of the element without the whitespace between its elements: it was indented after it was signed.
    Indented,
    /// Of the element under these transforms (their identifiers), not under those that the reference names.
    Transforms(Vec<&'static str>),
}

/// Why a signature value differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureCause {
    /// Over SignedInfo in this canonical form (its identifier), not in the one that is named.
    Canonicalization(&'static str),
    /// Right, but written as an ASN.1 SEQUENCE instead of two numbers side by side (XML-DSig 1.1 §6.4.3).
    Der,
    /// Over SignedInfo without whitespace between its elements: it was indented after it was signed.
    Indented,
    /// Not as long as signatures of this method are.
    Length { seen: usize, wanted: usize },
    /// Over a wrong digest of SignedInfo.
    Misdigested(Misdigest),
    /// Over something else, or by another key.
    Other,
    /// Over SignedInfo as it is written, not over a canonical form.
    Source,
    /// Right, but with its bytes in another order, as some providers of crypto give it.
    Turned(Turn),
}

impl DigestCause {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Content => "digest-differs",
            Self::Reversed => "digest-reversed",
            Self::Source => "digest-of-source",
            Self::Indented => "digest-indented",
            Self::Transforms(_) => "digest-other-transforms",
        }
    }
}

impl SignatureCause {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Canonicalization(_) => "signature-other-canonicalization",
            Self::Der => "signature-der",
            Self::Indented => "signature-indented",
            Self::Length { .. } => "signature-length",
            Self::Misdigested(_) => "signature-of-wrong-digest",
            Self::Other => "signature-differs",
            Self::Source => "signature-of-source",
            Self::Turned(Turn::Halves) => "signature-halves-swapped",
            Self::Turned(Turn::EachHalf | Turn::Whole) => "signature-reversed",
        }
    }
}

impl fmt::Display for DigestCause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content => out.write_str("the content is not what was signed"),
            Self::Reversed => out.write_str("its bytes are in the reverse order"),
            Self::Source => out.write_str("it is that of the element as written, without canonicalization"),
            Self::Indented => out.write_str("the element was indented after it was signed"),
            Self::Transforms(made) => write!(out, "it was made with the transforms {}", made.join(", ")),
        }
    }
}

impl fmt::Display for SignatureCause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Canonicalization(form) => write!(out, "SignedInfo was canonicalized by {form}"),
            Self::Der => out.write_str("it is written as an ASN.1 sequence"),
            Self::Indented => out.write_str("SignedInfo was indented after it was signed"),
            Self::Length { seen, wanted } => write!(out, "it has {seen} bytes where {wanted} are wanted"),
            Self::Misdigested(how) => write!(out, "{how}"),
            Self::Other => out.write_str("SignedInfo is not what was signed, or another key signed it"),
            Self::Source => out.write_str("it is over SignedInfo as written, without canonicalization"),
            Self::Turned(turn) => write!(out, "it holds once {turn}"),
        }
    }
}

/// Documents larger than this, in bytes, are not guessed about: every guess costs as much as verifying.
const GUESSED: usize = 1024 * 1024;

/// Canonical forms that get mixed up.
const FORMS: [C14n; 3] = [C14n::Exclusive, C14n::Inclusive, C14n::Inclusive11];

pub(super) fn digest_cause(signature: &Signature<'_>, reference: &Reference<'_>, nodes: Nodes<'_>) -> DigestCause {
    if nodes.document.text().len() > GUESSED {
        return DigestCause::Content;
    }
    let given = &reference.value;
    let made = |bytes: &[u8]| reference.digest.digest(bytes);
    let under = |transforms: &[Transform], nodes| transform::run(transforms, nodes, Some(signature.element)).ok();
    let fits = |bytes: Option<Vec<u8>>| bytes.is_some_and(|bytes| made(&bytes) == *given);

    let asked = under(&reference.transforms, nodes);
    if asked.is_some_and(|bytes| made(&bytes).iter().rev().eq(given)) {
        return DigestCause::Reversed;
    }
    let source = nodes.of.map_or(nodes.document.text(), |element| element.source());
    if made(source.as_bytes()) == *given {
        return DigestCause::Source;
    }
    if fits(under(&reference.transforms, Nodes { blanks: false, ..nodes })) {
        return DigestCause::Indented;
    }
    for form in FORMS {
        for chain in [
            vec![Transform::c14n(form)],
            vec![Transform::c14n(form), Transform::Smev],
            vec![Transform::Enveloped, Transform::c14n(form)],
            vec![Transform::Enveloped, Transform::c14n(form), Transform::Smev],
        ] {
            if chain != reference.transforms && fits(under(&chain, nodes)) {
                return DigestCause::Transforms(chain.iter().map(Transform::uri).collect());
            }
        }
    }
    DigestCause::Content
}

pub(super) fn signature_cause(signature: &Signature<'_>, signed: &[u8], key: &PublicKey) -> SignatureCause {
    let (method, value) = (signature.method, signature.value.as_slice());
    let holds = |bytes: &[u8], value: &[u8]| key.verify(method.scheme(), bytes, value).is_ok();

    if let Some(turn) = Turn::of(key, method.scheme(), signed, value) {
        return SignatureCause::Turned(turn);
    }
    if method.other_schemes().iter().any(|scheme| key.verify(*scheme, signed, value).is_ok()) {
        return SignatureCause::Der;
    }
    let nodes = Nodes::of(signature.signed_info);
    let unindented = Nodes { blanks: false, ..nodes }.canonical(signature.form, &signature.prefixes);
    if unindented.is_ok_and(|bytes| holds(&bytes, value)) {
        return SignatureCause::Indented;
    }
    for form in FORMS.into_iter().filter(|form| *form != signature.form) {
        if nodes.canonical(form, &[]).is_ok_and(|bytes| holds(&bytes, value)) {
            return SignatureCause::Canonicalization(form.uri());
        }
    }
    if holds(signature.signed_info.source().as_bytes(), value) {
        return SignatureCause::Source;
    }
    if let Some(how) = raw::misdigested(key, signed, value) {
        return SignatureCause::Misdigested(how);
    }
    match key.verify(method.scheme(), signed, value) {
        Err(crate::VerifyError::Length { seen, wanted }) => SignatureCause::Length { seen, wanted },
        _ => SignatureCause::Other,
    }
}
