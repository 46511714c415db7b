//! Algorithms by the identifiers that signatures give them: those in use, and those that are refused by name.

use std::fmt;

use crate::{Family, Scheme, digest, gost};

/// How content is digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestMethod {
    Sha256,
    Sha512,
    /// GOST R 34.11-2012 with 256 bits.
    Streebog256,
    Streebog512,
}

/// How `SignedInfo` is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureMethod {
    /// ECDSA P-256 with SHA-256, r ‖ s (XML-DSig 1.1 §6.4.3).
    EcdsaSha256,
    /// GOST R 34.10-2012 with 256 bits over Streebog-256, s ‖ r.
    Gost256,
    /// GOST R 34.10-2012 with 512 bits over Streebog-512, s ‖ r.
    Gost512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
}

impl DigestMethod {
    pub const ALL: [Self; 4] = [Self::Sha256, Self::Sha512, Self::Streebog256, Self::Streebog512];

    pub const fn uri(self) -> &'static str {
        match self {
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
            Self::Streebog256 => "urn:ietf:params:xml:ns:cpxmlsec:algorithms:gostr34112012-256",
            Self::Streebog512 => "urn:ietf:params:xml:ns:cpxmlsec:algorithms:gostr34112012-512",
        }
    }

    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.uri() == uri)
    }

    /// The digest of these bytes.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => digest::sha256(bytes).to_vec(),
            Self::Sha512 => digest::sha512(bytes).to_vec(),
            Self::Streebog256 => gost::streebog256(bytes).to_vec(),
            Self::Streebog512 => gost::streebog512(bytes).to_vec(),
        }
    }

    /// The digest that goes with such a key by custom.
    pub const fn of(family: Family) -> Self {
        match family {
            Family::EcdsaP256 | Family::Rsa => Self::Sha256,
            Family::Gost256 => Self::Streebog256,
            Family::Gost512 => Self::Streebog512,
        }
    }
}

impl SignatureMethod {
    pub const ALL: [Self; 4] = [Self::EcdsaSha256, Self::Gost256, Self::Gost512, Self::RsaSha256];

    pub const fn uri(self) -> &'static str {
        match self {
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::Gost256 => "urn:ietf:params:xml:ns:cpxmlsec:algorithms:gostr34102012-gostr34112012-256",
            Self::Gost512 => "urn:ietf:params:xml:ns:cpxmlsec:algorithms:gostr34102012-gostr34112012-512",
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        }
    }

    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.uri() == uri)
    }

    /// The method that goes with such a key.
    pub const fn of(family: Family) -> Self {
        match family {
            Family::EcdsaP256 => Self::EcdsaSha256,
            Family::Gost256 => Self::Gost256,
            Family::Gost512 => Self::Gost512,
            Family::Rsa => Self::RsaSha256,
        }
    }

    pub const fn scheme(self) -> Scheme {
        match self {
            Self::EcdsaSha256 => Scheme::EcdsaSha256Fixed,
            Self::Gost256 => Scheme::Gost256,
            Self::Gost512 => Scheme::Gost512,
            Self::RsaSha256 => Scheme::RsaPkcs1Sha256,
        }
    }

    /// The other ways in which a signature of this method gets written by mistake.
    pub(super) const fn other_schemes(self) -> &'static [Scheme] {
        match self {
            Self::EcdsaSha256 => &[Scheme::EcdsaSha256Der],
            Self::Gost256 | Self::Gost512 | Self::RsaSha256 => &[],
        }
    }
}

/// What an algorithm was named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Canonicalization,
    Digest,
    Signature,
    Transform,
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Canonicalization => "canonicalization",
            Self::Digest => "digest",
            Self::Signature => "signature",
            Self::Transform => "transform",
        })
    }
}

/// Why an algorithm is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// It can leave out what it is to protect, run for ever or reach beyond the document (XML Signature Best Practices
    /// §2.1): XSLT, XPath and their like.
    Dangerous,
    /// A keyed digest: whoever can verify could have signed (XML-DSig 1.1 §8.3).
    Keyed,
    /// GOST of 1994 and 2001, out of use since 2019.
    Retired,
    /// A name that is not known here.
    Unknown,
    /// Known, but not in the verifier's list.
    Unwanted,
    /// Broken: MD5, SHA-1, DSA (XML-DSig 1.1 §6.1).
    Weak,
}

/// An algorithm that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsuitable {
    pub role: Role,
    /// As the signature names it.
    pub uri: String,
    /// What people call it, where that is known.
    pub name: Option<&'static str>,
    pub why: Objection,
}

impl Unsuitable {
    pub(super) fn new(role: Role, uri: &str) -> Self {
        let known = REFUSED.iter().find(|(known, _, _)| *known == uri);
        let (name, why) = known.map_or((None, Objection::Unknown), |(_, name, why)| (Some(*name), *why));
        Self { role, uri: uri.to_owned(), name, why }
    }

    pub(super) fn unwanted(role: Role, uri: &str) -> Self {
        Self { role, uri: uri.to_owned(), name: None, why: Objection::Unwanted }
    }
}

impl fmt::Display for Unsuitable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Objection::Dangerous => "it is dangerous",
            Objection::Keyed => "it is a keyed digest, not a signature",
            Objection::Retired => "it is retired",
            Objection::Unknown => "it is not known",
            Objection::Unwanted => "it is not wanted here",
            Objection::Weak => "it is broken",
        };
        write!(out, "the {} algorithm {} ({}): {why}", self.role, self.name.unwrap_or("without a name"), self.uri)
    }
}

/// What is refused by name.
const REFUSED: &[(&str, &str, Objection)] = &[
    ("http://www.w3.org/2000/09/xmldsig#base64", "Base64", Objection::Dangerous),
    ("http://www.w3.org/2000/09/xmldsig#dsa-sha1", "DSA with SHA-1", Objection::Weak),
    ("http://www.w3.org/2000/09/xmldsig#hmac-sha1", "HMAC with SHA-1", Objection::Keyed),
    ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "RSA with SHA-1", Objection::Weak),
    ("http://www.w3.org/2000/09/xmldsig#sha1", "SHA-1", Objection::Weak),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1", "ECDSA with SHA-1", Objection::Weak),
    ("http://www.w3.org/2001/04/xmldsig-more#gostr34102001-gostr3411", "GOST R 34.10-2001", Objection::Retired),
    ("http://www.w3.org/2001/04/xmldsig-more#gostr3411", "GOST R 34.11-94", Objection::Retired),
    ("http://www.w3.org/2001/04/xmldsig-more#hmac-md5", "HMAC with MD5", Objection::Keyed),
    ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "HMAC with SHA-256", Objection::Keyed),
    ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha384", "HMAC with SHA-384", Objection::Keyed),
    ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha512", "HMAC with SHA-512", Objection::Keyed),
    ("http://www.w3.org/2001/04/xmldsig-more#md5", "MD5", Objection::Weak),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", "RSA with MD5", Objection::Weak),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-ripemd160", "RSA with RIPEMD-160", Objection::Weak),
    ("http://www.w3.org/2001/04/xmlenc#ripemd160", "RIPEMD-160", Objection::Weak),
    ("http://www.w3.org/2002/06/xmldsig-filter2", "XPath Filter 2.0", Objection::Dangerous),
    ("http://www.w3.org/2002/07/decrypt#XML", "decryption", Objection::Dangerous),
    ("http://www.w3.org/TR/1999/REC-xpath-19991116", "XPath", Objection::Dangerous),
    ("http://www.w3.org/TR/1999/REC-xslt-19991116", "XSLT", Objection::Dangerous),
    ("urn:ietf:params:xml:ns:cpxmlsec:algorithms:gostr34102001-gostr3411", "GOST R 34.10-2001", Objection::Retired),
    ("urn:ietf:params:xml:ns:cpxmlsec:algorithms:gostr3411", "GOST R 34.11-94", Objection::Retired),
    ("urn:ietf:params:xml:ns:cpxmlsec:algorithms:hmac-gostr3411", "HMAC with GOST R 34.11-94", Objection::Keyed),
    ("urn:ietf:params:xml:ns:cpxmlsec:algorithms:hmac-gostr34112012-256", "HMAC with Streebog-256", Objection::Keyed),
    ("urn:ietf:params:xml:ns:cpxmlsec:algorithms:hmac-gostr34112012-512", "HMAC with Streebog-512", Objection::Keyed),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read_back_and_none_is_both_used_and_refused() {
        for method in DigestMethod::ALL {
            assert_eq!(DigestMethod::from_uri(method.uri()), Some(method));
            assert_eq!(Unsuitable::new(Role::Digest, method.uri()).why, Objection::Unknown);
        }
        for method in SignatureMethod::ALL {
            assert_eq!(SignatureMethod::from_uri(method.uri()), Some(method));
            assert_eq!(SignatureMethod::of(method.scheme().family()), method);
            assert_eq!(Unsuitable::new(Role::Signature, method.uri()).why, Objection::Unknown);
        }
    }

    #[test]
    fn refused_algorithms_have_their_names() {
        let refused = Unsuitable::new(Role::Digest, "http://www.w3.org/2000/09/xmldsig#sha1");
        assert_eq!((refused.name, refused.why), (Some("SHA-1"), Objection::Weak));
        let refused = Unsuitable::new(Role::Signature, "urn:x");
        assert_eq!((refused.name, refused.why), (None, Objection::Unknown));
    }
}
