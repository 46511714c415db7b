//! The element `ds:Signature`, read strictly (XML-DSig 1.1 §4): what it names, before anything is computed.

use super::c14n::C14n;
use super::document::Element;
use super::method::{DigestMethod, Role, SignatureMethod, Unsuitable};
use super::names::is_space;
use super::smev::SMEV_TRANSFORM;
use super::transform::{ENVELOPED, Transform};
use super::verify::{Policy, Refused};
use super::{DS, EC};

/// A signature, read but not verified.
pub(super) struct Signature<'d> {
    pub(super) element: Element<'d>,
    pub(super) signed_info: Element<'d>,
    pub(super) form: C14n,
    pub(super) prefixes: Vec<String>,
    pub(super) method: SignatureMethod,
    pub(super) references: Vec<Reference<'d>>,
    pub(super) value: Vec<u8>,
    /// Certificates of KeyInfo, as DER.
    pub(super) certificates: Vec<Vec<u8>>,
}

/// One reference.
pub(super) struct Reference<'d> {
    pub(super) uri: &'d str,
    pub(super) transforms: Vec<Transform>,
    pub(super) digest: DigestMethod,
    pub(super) value: Vec<u8>,
}

/// How many certificates and prefixes of one list are looked at.
const CERTIFICATES: usize = 8;
const PREFIXES: usize = 32;

impl<'d> Signature<'d> {
    pub(super) fn read(element: Element<'d>, policy: &Policy) -> Result<Self, Refused> {
        if !element.is(DS, "Signature") {
            return Err(malformed(element, "is no ds:Signature"));
        }
        let mut parts = Parts::of(element);
        let signed_info = parts.one("SignedInfo")?;
        let value = base64(parts.one("SignatureValue")?)?;
        let key_info = parts.optional("KeyInfo");
        while parts.optional("Object").is_some() {}
        parts.end()?;

        let mut parts = Parts::of(signed_info);
        let canonicalization = parts.one("CanonicalizationMethod")?;
        let form = algorithm(canonicalization)?;
        let form = C14n::from_uri(form).ok_or_else(|| unsuitable(Role::Canonicalization, form))?;
        let prefixes = prefixes(canonicalization, form)?;
        let method = method(parts.one("SignatureMethod")?, policy)?;
        let mut references = Vec::new();
        while let Some(reference) = parts.optional("Reference") {
            if references.len() == policy.references {
                return Err(Refused::TooManyReferences { limit: policy.references });
            }
            references.push(Reference::read(reference, policy)?);
        }
        parts.end()?;
        if references.is_empty() {
            return Err(Refused::NoReference);
        }
        let certificates = key_info.map_or(Ok(Vec::new()), certificates)?;
        Ok(Self { element, signed_info, form, prefixes, method, references, value, certificates })
    }
}

impl<'d> Reference<'d> {
    fn read(element: Element<'d>, policy: &Policy) -> Result<Self, Refused> {
        // Without a URI the receiver would have to know what is meant (XML-DSig 1.1 §4.4.3.1).
        let uri = element.attribute("URI").ok_or_else(|| malformed(element, "has no URI"))?;
        let mut parts = Parts::of(element);
        let mut transforms = Vec::new();
        for transform in parts.optional("Transforms").iter().flat_map(Element::children) {
            if transforms.len() == policy.transforms {
                return Err(Refused::TooManyTransforms { limit: policy.transforms });
            }
            transforms.push(self::transform(transform)?);
        }
        let method = parts.one("DigestMethod")?;
        let name = algorithm(method)?;
        let digest = DigestMethod::from_uri(name).ok_or_else(|| unsuitable(Role::Digest, name))?;
        if !policy.digests.contains(&digest) {
            return Err(Refused::Algorithm(Unsuitable::unwanted(Role::Digest, name)));
        }
        Parts::of(method).end()?;
        let value = base64(parts.one("DigestValue")?)?;
        parts.end()?;
        Ok(Self { uri, transforms, digest, value })
    }
}

/// The elements inside an element, taken one after the other.
struct Parts<'d> {
    of: Element<'d>,
    left: std::iter::Peekable<std::vec::IntoIter<Element<'d>>>,
}

impl<'d> Parts<'d> {
    fn of(of: Element<'d>) -> Self {
        Self { of, left: of.children().collect::<Vec<_>>().into_iter().peekable() }
    }

    fn optional(&mut self, name: &str) -> Option<Element<'d>> {
        self.left.next_if(|element| element.is(DS, name))
    }

    fn one(&mut self, name: &str) -> Result<Element<'d>, Refused> {
        self.optional(name).ok_or_else(|| malformed(self.of, format!("has no ds:{name} in its place")))
    }

    fn end(&mut self) -> Result<(), Refused> {
        match self.left.next() {
            Some(extra) => Err(malformed(self.of, format!("has a {} out of place", extra.name()))),
            None => Ok(()),
        }
    }
}

fn malformed(element: Element<'_>, what: impl Into<String>) -> Refused {
    Refused::Malformed { path: element.path(), what: what.into() }
}

fn unsuitable(role: Role, uri: &str) -> Refused {
    Refused::Algorithm(Unsuitable::new(role, uri))
}

fn algorithm(element: Element<'_>) -> Result<&str, Refused> {
    element.attribute("Algorithm").ok_or_else(|| malformed(element, "names no algorithm"))
}

fn method(element: Element<'_>, policy: &Policy) -> Result<SignatureMethod, Refused> {
    let name = algorithm(element)?;
    let method = SignatureMethod::from_uri(name).ok_or_else(|| unsuitable(Role::Signature, name))?;
    if !policy.methods.contains(&method) {
        return Err(Refused::Algorithm(Unsuitable::unwanted(Role::Signature, name)));
    }
    // None of these methods has parameters; HMACOutputLength would be one (XML-DSig 1.1 §6.3.1).
    Parts::of(element).end()?;
    Ok(method)
}

fn transform(element: Element<'_>) -> Result<Transform, Refused> {
    if !element.is(DS, "Transform") {
        return Err(malformed(element, "is no ds:Transform"));
    }
    let name = algorithm(element)?;
    if let Some(form) = C14n::from_uri(name) {
        return Ok(Transform::C14n { form, prefixes: prefixes(element, form)? });
    }
    let transform = match name {
        ENVELOPED => Transform::Enveloped,
        SMEV_TRANSFORM => Transform::Smev,
        _ => return Err(unsuitable(Role::Transform, name)),
    };
    Parts::of(element).end()?;
    Ok(transform)
}

/// The PrefixList of an exclusive form (Exclusive C14N §4).
fn prefixes(element: Element<'_>, form: C14n) -> Result<Vec<String>, Refused> {
    let mut prefixes = Vec::new();
    for parameter in element.children() {
        if !form.is_exclusive() || !parameter.is(EC, "InclusiveNamespaces") {
            return Err(malformed(element, format!("has a parameter {} that it cannot have", parameter.name())));
        }
        let list = parameter.attribute("PrefixList").unwrap_or("");
        prefixes.extend(list.split(is_space).filter(|prefix| !prefix.is_empty()).map(str::to_owned));
        if prefixes.len() > PREFIXES {
            return Err(malformed(element, format!("lists more than {PREFIXES} prefixes")));
        }
    }
    Ok(prefixes)
}

fn base64(element: Element<'_>) -> Result<Vec<u8>, Refused> {
    let plain: String = element.text().chars().filter(|character| !is_space(*character)).collect();
    crate::base64::decode_standard_strict(&plain)
        .map_err(|error| malformed(element, format!("holds no base64: {error}")))
}

/// Certificates inside. Other forms of key (values, names, links) are passed over: a key of nobody's is worth nothing,
/// and nothing is fetched (XML-DSig 1.1 §4.5).
fn certificates(key_info: Element<'_>) -> Result<Vec<Vec<u8>>, Refused> {
    let data = key_info.children().filter(|part| part.is(DS, "X509Data"));
    let certificates = data.flat_map(|data| data.children()).filter(|part| part.is(DS, "X509Certificate"));
    let certificates: Vec<_> = certificates.take(CERTIFICATES + 1).collect();
    if certificates.len() > CERTIFICATES {
        return Err(malformed(key_info, format!("holds more than {CERTIFICATES} certificates")));
    }
    certificates.into_iter().map(base64).collect()
}
