//! Signing. The document's own text is kept byte for byte; the signature is put into it.
//!
//! The signer is honest unless asked: [`Lies`] lets a caller change the signature's markup before or after it is signed,
//! or its value, because a verifier is best tested with signatures that are wrong in exactly one way. Changes of the
//! document outside the signature are left to the caller, who gets text.

use super::DS;
use super::c14n::{C14n, Nodes};
use super::document::{Document, Element};
use super::method::{DigestMethod, SignatureMethod};
use super::read::{Limits, XmlError};
use super::transform::{self, Transform, TransformError};
use crate::{Certificate, KeyError, PrivateKey, base64};

/// What to sign, how, and where to put the signature.
#[derive(Clone, Debug)]
pub struct SignAsk<'a> {
    pub references: Vec<ReferenceAsk<'a>>,
    pub place: Place<'a>,
    /// Canonical form of SignedInfo.
    pub canonicalization: C14n,
    pub method: SignatureMethod,
    /// Put into the signature; without one there is no KeyInfo.
    pub certificate: Option<&'a Certificate>,
    pub key: &'a PrivateKey,
    pub lies: Lies<'a>,
}

/// One reference.
#[derive(Clone, Debug)]
pub struct ReferenceAsk<'a> {
    /// An element with an id; the whole document without one.
    pub element: Option<Element<'a>>,
    pub transforms: Vec<Transform>,
    pub digest: DigestMethod,
}

/// Where the signature goes.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// Right behind an element, which must not be the root.
    After(Element<'a>),
    FirstIn(Element<'a>),
    LastIn(Element<'a>),
}

/// Departures from honesty. None by default.
#[derive(Clone, Copy, Default)]
pub struct Lies<'a> {
    /// Changes the markup of the whole signature before it is signed, its value still being empty: algorithms, URIs and
    /// digests other than the true ones.
    pub before: Option<&'a dyn Fn(String) -> String>,
    /// Changes the bytes of the signature value.
    pub value: Option<&'a dyn Fn(Vec<u8>) -> Vec<u8>>,
    /// Changes the markup once it is signed: indentation, lost parts.
    pub after: Option<&'a dyn Fn(String) -> String>,
}

impl std::fmt::Debug for Lies<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = [self.before.is_some(), self.value.is_some(), self.after.is_some()];
        write!(out, "Lies(before {}, value {}, after {})", told[0], told[1], told[2])
    }
}

/// Why a signature cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The signature would stand in what it covers, and no transform leaves it out.
    #[error("sign: the signature would stand within {0}, which it covers")]
    CoversItself(String),
    #[error("sign: {0} has no id by which to refer to it")]
    NoId(String),
    #[error("sign: the id {0:?} belongs to several elements")]
    IdRepeated(String),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("sign: there is no place beside the root, {0}")]
    Place(String),
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// The markup does not hold together once the signature is in it; only a lie can do that.
    #[error("sign: the signature spoils the document: {0}")]
    Spoilt(XmlError),
    /// A lie took SignedInfo or SignatureValue away.
    #[error("sign: there is no {0} left to sign")]
    Unsignable(&'static str),
}

impl<'a> SignAsk<'a> {
    /// One element, by its id, in exclusive form, with the algorithms that go with the key. Where the signature will
    /// stand within the element, it is enveloped.
    pub fn new(element: Element<'a>, place: Place<'a>, key: &'a PrivateKey) -> Self {
        let mut transforms = vec![Transform::c14n(C14n::Exclusive)];
        if place.is_within(element) {
            transforms.insert(0, Transform::Enveloped);
        }
        let reference = ReferenceAsk { element: Some(element), transforms, digest: DigestMethod::of(key.family()) };
        Self {
            references: vec![reference],
            place,
            canonicalization: C14n::Exclusive,
            method: SignatureMethod::of(key.family()),
            certificate: None,
            key,
            lies: Lies::default(),
        }
    }

    /// The same in the profile of SMEV: its transform behind the exclusive form, the certificate inside.
    pub fn smev(element: Element<'a>, place: Place<'a>, key: &'a PrivateKey, certificate: &'a Certificate) -> Self {
        let mut ask = Self::new(element, place, key);
        for reference in &mut ask.references {
            reference.transforms.push(Transform::Smev);
        }
        Self { certificate: Some(certificate), ..ask }
    }
}

impl Place<'_> {
    fn is_within(&self, element: Element<'_>) -> bool {
        let same = |other: Element<'_>| other.node == element.node;
        let (Self::After(at) | Self::FirstIn(at) | Self::LastIn(at)) = self;
        let behind = matches!(self, Self::After(_));
        std::iter::successors(Some(*at), Element::parent).skip(usize::from(behind)).any(same)
    }

    /// The text with the signature in it, and where it begins.
    fn put(&self, text: &str, signature: &str) -> Result<(String, usize), SignError> {
        let spliced = |from: usize, to: usize, before: &str, after: &str| {
            let parts = [&text[..from], before, signature, after, &text[to..]];
            (parts.concat(), from + before.len())
        };
        match self {
            Self::After(element) if element.parent().is_none() => Err(SignError::Place(element.path())),
            Self::After(element) => {
                let at = element.span().to;
                Ok(spliced(at, at, "", ""))
            }
            Self::FirstIn(element) | Self::LastIn(element) if element.span().is_empty_tag() => {
                let name = element.source()[1..].split(['/', '>', ' ', '\t', '\r', '\n']).next().unwrap_or("");
                let to = element.span().to;
                Ok(spliced(to - 2, to, ">", &format!("</{name}>")))
            }
            Self::FirstIn(element) => {
                let at = element.span().opened;
                Ok(spliced(at, at, "", ""))
            }
            Self::LastIn(element) => {
                let at = element.span().closing;
                Ok(spliced(at, at, "", ""))
            }
        }
    }
}

/// Puts a signature into the text of a document. The references must be to elements of that document. An example stands
/// at [`verify`](super::verify).
pub fn sign(document: &Document, ask: &SignAsk<'_>) -> Result<String, SignError> {
    let mut markup = markup(document, ask)?;
    if let Some(lie) = ask.lies.before {
        markup = lie(markup);
    }
    let (text, at) = ask.place.put(document.text(), &markup)?;
    // SignedInfo is canonicalized where it stands, because an inclusive form takes namespaces from around it.
    let limits = Limits { bytes: usize::MAX, nodes: usize::MAX, ..document.limits };
    let placed = Document::parse(text.as_bytes(), limits).map_err(SignError::Spoilt)?;
    let signature = placed.signatures().find(|signature| signature.span().from == at);
    let part = |name| signature.and_then(|signature| signature.child(DS, name));
    let info = part("SignedInfo").ok_or(SignError::Unsignable("SignedInfo"))?;
    let hole = part("SignatureValue").ok_or(SignError::Unsignable("SignatureValue"))?.span();
    let bytes = Nodes::of(info).canonical(ask.canonicalization, &[]).map_err(TransformError::C14n)?;
    let mut value = ask.key.sign_with(ask.method.scheme(), &bytes)?;
    if let Some(lie) = ask.lies.value {
        value = lie(value);
    }
    let end = signature.map_or(at, |signature| signature.span().to);
    let value = base64::encode_standard(&value);
    let signature = [&text[at..hole.opened], &value, &text[hole.closing..end]].concat();
    let signature = ask.lies.after.map_or(signature.clone(), |lie| lie(signature));
    Ok([&text[..at], &signature, &text[end..]].concat())
}

/// The signature with an empty value.
fn markup(document: &Document, ask: &SignAsk<'_>) -> Result<String, SignError> {
    let mut references = String::new();
    for reference in &ask.references {
        references.push_str(&self::reference(document, ask.place, reference)?);
    }
    let key_info = ask.certificate.map_or(String::new(), |certificate| {
        let certificate = base64::encode_standard(certificate.der());
        format!(
            "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        )
    });
    Ok(format!(
        "<ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"{}\"/>\
         <ds:SignatureMethod Algorithm=\"{}\"/>{references}</ds:SignedInfo>\
         <ds:SignatureValue></ds:SignatureValue>{key_info}</ds:Signature>",
        ask.canonicalization.uri(),
        ask.method.uri(),
    ))
}

fn reference(document: &Document, place: Place<'_>, ask: &ReferenceAsk<'_>) -> Result<String, SignError> {
    let element = ask.element.unwrap_or_else(|| document.root());
    if place.is_within(element) && !ask.transforms.contains(&Transform::Enveloped) {
        return Err(SignError::CoversItself(element.path()));
    }
    let (uri, nodes) = match ask.element {
        None => (String::new(), Nodes::all(document)),
        Some(element) => {
            let id = element.id().ok_or_else(|| SignError::NoId(element.path()))?;
            if document.by_id(id).len() != 1 {
                return Err(SignError::IdRepeated(id.to_owned()));
            }
            (format!("#{id}"), Nodes::of(element))
        }
    };
    // The signature is not there yet, so there is nothing for enveloped-signature to leave out.
    let bytes = transform::run(&ask.transforms, Nodes { comments: false, ..nodes }, None)?;
    let transforms: String = ask.transforms.iter().map(written).collect();
    Ok(format!(
        "<ds:Reference URI=\"{}\"><ds:Transforms>{transforms}</ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{}\"/><ds:DigestValue>{}</ds:DigestValue></ds:Reference>",
        quick_xml::escape::escape(uri),
        ask.digest.uri(),
        base64::encode_standard(&ask.digest.digest(&bytes)),
    ))
}

fn written(transform: &Transform) -> String {
    let uri = transform.uri();
    match transform {
        Transform::C14n { form, prefixes } if form.is_exclusive() && !prefixes.is_empty() => {
            let list = prefixes.join(" ");
            let list = format!("<ec:InclusiveNamespaces xmlns:ec=\"{}\" PrefixList=\"{list}\"/>", super::EC);
            format!("<ds:Transform Algorithm=\"{uri}\">{list}</ds:Transform>")
        }
        _ => format!("<ds:Transform Algorithm=\"{uri}\"/>"),
    }
}
