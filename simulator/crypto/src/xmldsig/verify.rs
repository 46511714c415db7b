//! Verifying a signature, and saying which elements it covers.
//!
//! A signature that holds says nothing by itself: what was signed may stand elsewhere than what is read ("signature
//! wrapping"). So the answer lists, for each reference, the very element it covers, and a caller demands that this is
//! the element it is going to use ([`Verified::covering`]). References go to elements of the same document only, by ids
//! that must be unique in it, and are resolved once.
//!
//! Not decided here: whether the certificate is trusted, valid at an instant, or the expected signer's.

use super::c14n::{C14nError, Nodes};
use super::diagnose::{DigestCause, SignatureCause, digest_cause, signature_cause};
use super::document::Element;
use super::method::{DigestMethod, SignatureMethod, Unsuitable};
use super::signature::{Reference, Signature};
use super::transform::{self, Transform, TransformError};
use crate::{Certificate, Family, KeyError, PublicKey, compare};

/// What a verifier accepts.
#[derive(Clone, Debug)]
pub struct Policy {
    pub digests: Vec<DigestMethod>,
    pub methods: Vec<SignatureMethod>,
    /// The key that must have signed. Without one, the certificate in the signature gives it, and the caller has to
    /// decide whether to trust that certificate (XML-DSig 1.1 §8.2).
    pub key: Option<PublicKey>,
    /// References of one signature at most.
    pub references: usize,
    /// Transforms of one reference at most.
    pub transforms: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            digests: DigestMethod::ALL.to_vec(),
            methods: SignatureMethod::ALL.to_vec(),
            key: None,
            references: 16,
            transforms: 4,
        }
    }
}

/// A signature that holds.
#[derive(Clone, Debug)]
pub struct Verified<'d> {
    pub method: SignatureMethod,
    pub key: PublicKey,
    /// The certificate with that key, when the signature brought it.
    pub certificate: Option<Certificate>,
    /// One for each reference, in their order.
    pub covered: Vec<Covered<'d>>,
}

/// What one reference covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered<'d> {
    pub element: Element<'d>,
    /// The whole document was meant (an empty URI), of which the element is the root.
    pub whole: bool,
    /// The signature itself, when it stands within the element and was left out: nothing in it is covered.
    pub without: Option<Element<'d>>,
    pub digest: DigestMethod,
    pub transforms: Vec<Transform>,
    /// The bytes whose digest was compared.
    pub bytes: Vec<u8>,
}

impl<'d> Verified<'d> {
    /// That the signature covers exactly this element: the demand to make before the element is used.
    pub fn covering(&self, element: Element<'d>) -> Result<&Covered<'d>, Refused> {
        self.covered.iter().find(|covered| covered.element == element).ok_or_else(|| Refused::NotCovered {
            path: element.path(),
            covered: self.covered.iter().map(|covered| covered.element.path()).collect(),
        })
    }
}

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("verify the signature: {0}")]
    Algorithm(Unsuitable),
    #[error("verify the signature: {0}")]
    Canonicalization(#[from] C14nError),
    #[error("verify the signature: the certificate in it cannot be read: {0}")]
    CertificateMalformed(String),
    #[error("verify the signature: it holds no X509Certificate")]
    CertificateMissing,
    #[error("verify the signature: the digest of reference {reference} ({uri:?}) differs: {cause}")]
    DigestDiffers { reference: usize, uri: String, cause: DigestCause },
    #[error("verify the signature: the id {id:?} belongs to {} elements: {}", .paths.len(), .paths.join(", "))]
    DuplicateId { id: String, paths: Vec<String> },
    #[error("verify the signature: the signer's key: {0}")]
    Key(KeyError),
    #[error("verify the signature: {method:?} does not go with a key of {family}")]
    KeyUnsuitable { family: Family, method: SignatureMethod },
    #[error("verify the signature: {path} {what}")]
    Malformed { path: String, what: String },
    #[error("verify the signature: there is no reference in it")]
    NoReference,
    #[error("verify the signature: it does not cover {path}, but {}", .covered.join(", "))]
    NotCovered { path: String, covered: Vec<String> },
    #[error("verify the signature: the reference {uri:?} does not go to an element of this document by its id")]
    ReferenceForeign { uri: String },
    #[error("verify the signature: no element has the id of the reference {uri:?}")]
    ReferenceNotFound { uri: String },
    #[error("verify the signature: its value is not one over SignedInfo by the signer's key: {0}")]
    SignatureDiffers(SignatureCause),
    /// It holds, but by the key of the certificate in it and not by the one that was demanded.
    #[error("verify the signature: it is by the key of its own certificate, {0:?}, not by the expected one")]
    SignedByAnother(Box<Certificate>),
    #[error("verify the signature: it has more than {limit} references")]
    TooManyReferences { limit: usize },
    #[error("verify the signature: a reference has more than {limit} transforms")]
    TooManyTransforms { limit: usize },
    #[error("verify the signature: its references are to more than {limit} bytes together")]
    TooMuchReferred { limit: usize },
    #[error("verify the signature: reference {reference}: {error}")]
    Transform { reference: usize, error: TransformError },
}

impl Refused {
    /// A slug for logs and diagnosis.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Algorithm(_) => "algorithm-not-allowed",
            Self::Canonicalization(_) => "canonicalization-impossible",
            Self::CertificateMalformed(_) => "certificate-malformed",
            Self::CertificateMissing => "certificate-missing",
            Self::DigestDiffers { cause, .. } => cause.code(),
            Self::DuplicateId { .. } => "duplicate-id",
            Self::Key(_) => "signer-key",
            Self::KeyUnsuitable { .. } => "key-unsuitable",
            Self::Malformed { .. } => "signature-malformed",
            Self::NoReference => "no-reference",
            Self::NotCovered { .. } => "not-covered",
            Self::ReferenceForeign { .. } => "reference-foreign",
            Self::ReferenceNotFound { .. } => "reference-not-found",
            Self::SignatureDiffers(cause) => cause.code(),
            Self::SignedByAnother(_) => "signed-by-another",
            Self::TooManyReferences { .. } => "too-many-references",
            Self::TooManyTransforms { .. } => "too-many-transforms",
            Self::TooMuchReferred { .. } => "too-much-referred",
            Self::Transform { .. } => "transform-impossible",
        }
    }
}

/// Verifies one `ds:Signature`: the signature over SignedInfo first, then every reference, since nothing that an
/// unsigned reference asks for should be done.
///
/// ```
/// use crypto::xmldsig::{Document, Limits, Place, Policy, SignAsk, sign, verify};
/// # use crypto::{Algorithm, PrivateKey};
/// # let key = PrivateKey::generate(Algorithm::EcdsaP256)?;
/// let plain = Document::parse(b"<a xmlns='urn:x'><b Id='it'>text</b><s/></a>", Limits::default())?;
/// let [b, s] = ["b", "s"].map(|name| plain.root().child("urn:x", name).expect("it is there"));
/// let signed = sign(&plain, &SignAsk::new(b, Place::LastIn(s), &key))?;
///
/// let received = Document::parse(signed.as_bytes(), Limits::default())?;
/// let signature = received.signatures().next().expect("it was put there");
/// let policy = Policy { key: Some(key.public().clone()), ..Policy::default() };
/// let verified = verify(signature, &policy)?;
/// let b = received.root().child("urn:x", "b").expect("it is there");
/// assert!(verified.covering(b).is_ok() && verified.covering(received.root()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify<'d>(signature: Element<'d>, policy: &Policy) -> Result<Verified<'d>, Refused> {
    let signature = Signature::read(signature, policy)?;
    let signer = signer(&signature, policy)?;
    let mut covered = Vec::new();
    // Each reference may be to all of the document; together they may not be to much more than that.
    let most = signature.element.document.limits.output().saturating_mul(2);
    let mut referred = 0;
    for (place, reference) in signature.references.iter().enumerate() {
        let one = covers(&signature, place, reference)?;
        referred += one.bytes.len();
        if referred > most {
            return Err(Refused::TooMuchReferred { limit: most });
        }
        covered.push(one);
    }
    let (key, certificate) = signer;
    Ok(Verified { method: signature.method, key, certificate, covered })
}

/// Whose key holds: the demanded one, or that of the first certificate under which the signature holds. With several
/// certificates (a chain), their order means nothing (XML-DSig 1.1 §4.5.4).
fn signer(signature: &Signature<'_>, policy: &Policy) -> Result<(PublicKey, Option<Certificate>), Refused> {
    let read =
        |der: &Vec<u8>| Certificate::from_der(der).map_err(|error| Refused::CertificateMalformed(error.to_string()));
    let certificates = signature.certificates.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let (mut inside, mut unusable) = (Vec::new(), None);
    for certificate in certificates {
        // Others of a chain may have keys that are of no use here.
        match certificate.public_key() {
            Ok(key) => inside.push((key, Some(certificate))),
            Err(error) => unusable = unusable.or(Some(error)),
        }
    }
    let demanded = policy.key.as_ref().map(|key| {
        let same = inside.iter().find(|(public, _)| public == key);
        same.cloned().unwrap_or_else(|| (key.clone(), None))
    });
    let method = signature.method;
    let suits = |(key, _): &&(PublicKey, Option<Certificate>)| key.family() == method.scheme().family();
    let candidates: &[_] = demanded.as_ref().map_or(&inside, std::slice::from_ref);
    let Some(first) = candidates.iter().find(suits) else {
        let unsuitable = candidates.first().map(|(key, _)| Refused::KeyUnsuitable { family: key.family(), method });
        return Err(unsuitable.or(unusable.map(Refused::Key)).unwrap_or(Refused::CertificateMissing));
    };
    let signed = Nodes::of(signature.signed_info).canonical(signature.form, &signature.prefixes)?;
    let holds = |(key, _): &&(PublicKey, _)| key.verify(method.scheme(), &signed, &signature.value).is_ok();
    if let Some(holding) = candidates.iter().filter(suits).find(holds) {
        return Ok(holding.clone());
    }
    let another = inside.iter().filter(suits).find(holds).and_then(|(_, certificate)| certificate.clone());
    Err(another.map_or_else(
        || Refused::SignatureDiffers(signature_cause(signature, &signed, &first.0)),
        |certificate| Refused::SignedByAnother(Box::new(certificate)),
    ))
}

/// What a reference covers, once its digest was found right.
fn covers<'d>(signature: &Signature<'d>, place: usize, reference: &Reference<'d>) -> Result<Covered<'d>, Refused> {
    let nodes = resolve(signature.element, reference.uri)?;
    let bytes = transform::run(&reference.transforms, nodes, Some(signature.element))
        .map_err(|error| Refused::Transform { reference: place, error })?;
    if !compare::same(&reference.digest.digest(&bytes), &reference.value) {
        let cause = digest_cause(signature, reference, nodes);
        return Err(Refused::DigestDiffers { reference: place, uri: reference.uri.to_owned(), cause });
    }
    let element = nodes.of.unwrap_or_else(|| signature.element.document.root());
    let left_out = reference.transforms.contains(&Transform::Enveloped) && signature.element.is_within(element);
    Ok(Covered {
        element,
        whole: nodes.of.is_none(),
        without: left_out.then_some(signature.element),
        digest: reference.digest,
        transforms: reference.transforms.clone(),
        bytes,
    })
}

/// What a URI means: the document, or the one element of that id. Comments do not belong to either (XML-DSig 1.1
/// §4.4.3.3).
fn resolve<'d>(signature: Element<'d>, uri: &str) -> Result<Nodes<'d>, Refused> {
    let document = signature.document;
    if uri.is_empty() {
        return Ok(Nodes { comments: false, ..Nodes::all(document) });
    }
    let id = uri.strip_prefix('#').filter(|id| !id.is_empty() && !id.contains('('));
    let id = id.ok_or_else(|| Refused::ReferenceForeign { uri: uri.to_owned() })?;
    match document.by_id(id).as_slice() {
        [one] if one.id() == Some(id) => Ok(Nodes { comments: false, ..Nodes::of(*one) }),
        [] | [_] => Err(Refused::ReferenceNotFound { uri: uri.to_owned() }),
        several => {
            let paths = several.iter().map(Element::path).take(8).collect();
            Err(Refused::DuplicateId { id: id.to_owned(), paths })
        }
    }
}
