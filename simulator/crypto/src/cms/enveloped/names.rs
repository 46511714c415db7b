//! What a message may name, by object identifier, and how it is told to people.

use std::fmt;

use der::asn1::ObjectIdentifier;
use der::oid::db::DB;

use super::EnvelopeError;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// GOST 28147-89 as a content's cipher (RFC 4490 §5.1).
pub(super) const GOST_28147: ObjectIdentifier = oid("1.2.643.2.2.21");
pub(super) const MAGMA_CTR_ACPKM: ObjectIdentifier = oid("1.2.643.7.1.1.5.1.1");
pub(super) const MAGMA_CTR_ACPKM_OMAC: ObjectIdentifier = oid("1.2.643.7.1.1.5.1.2");
pub(super) const KUZNYECHIK_CTR_ACPKM: ObjectIdentifier = oid("1.2.643.7.1.1.5.2.1");
pub(super) const KUZNYECHIK_CTR_ACPKM_OMAC: ObjectIdentifier = oid("1.2.643.7.1.1.5.2.2");

/// The agreement VKO with keys of 2012, of either size.
pub(super) const AGREEMENT_256: ObjectIdentifier = oid("1.2.643.7.1.1.6.1");
pub(super) const AGREEMENT_512: ObjectIdentifier = oid("1.2.643.7.1.1.6.2");
/// What RFC 4490 §4.1.1 names instead, for keys of 2001; some write it for keys of 2012.
pub(super) const AGREEMENT_ESDH: ObjectIdentifier = oid("1.2.643.2.2.96");

/// Wrapping by GOST 28147-89, plain and with a diversified key (RFC 4357 §6.1, §6.3).
pub(super) const WRAP_PLAIN: ObjectIdentifier = oid("1.2.643.2.2.13.0");
pub(super) const WRAP_CRYPTOPRO: ObjectIdentifier = oid("1.2.643.2.2.13.1");
/// KExp15.
pub(super) const MAGMA_KEXP15: ObjectIdentifier = oid("1.2.643.7.1.1.7.1.1");
pub(super) const KUZNYECHIK_KEXP15: ObjectIdentifier = oid("1.2.643.7.1.1.7.2.1");

/// The unprotected attribute with the OMAC of the content (Р 1323565.1.025-2019).
pub(super) const CMS_MAC: ObjectIdentifier = oid("1.2.643.7.1.0.6.1.1");

/// Ephemeral-static ECDH with the derivation of X9.63 (RFC 5753 §7.1.4); on P-256, whose cofactor is 1, both forms of
/// ECDH are the same.
pub(super) const ECDH_SHA1: [ObjectIdentifier; 2] = [oid("1.3.133.16.840.63.0.2"), oid("1.3.133.16.840.63.0.3")];
pub(super) const ECDH_SHA256: [ObjectIdentifier; 2] = [oid("1.3.132.1.11.1"), oid("1.3.132.1.14.1")];
pub(super) const ECDH_SHA384: [ObjectIdentifier; 2] = [oid("1.3.132.1.11.2"), oid("1.3.132.1.14.2")];
pub(super) const ECDH_SHA512: [ObjectIdentifier; 2] = [oid("1.3.132.1.11.3"), oid("1.3.132.1.14.3")];

/// What an unknown algorithm was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Content,
    Digest,
    KeyAgreement,
    KeyTransport,
    KeyWrap,
    MaskGeneration,
    SubstitutionBox,
}

impl Role {
    /// The error that says so, with the algorithm's name where it has one.
    pub(super) fn unknown(self, oid: ObjectIdentifier) -> EnvelopeError {
        let name = match DB.by_oid(&oid) {
            Some(name) => format!("{name} ({oid})"),
            None => oid.to_string(),
        };
        EnvelopeError::AlgorithmUnknown { role: self, name }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Content => "the content's cipher",
            Self::Digest => "the digest",
            Self::KeyAgreement => "the key agreement",
            Self::KeyTransport => "the key transport",
            Self::KeyWrap => "the key wrap",
            Self::MaskGeneration => "the mask generation",
            Self::SubstitutionBox => "the substitution box",
        })
    }
}
