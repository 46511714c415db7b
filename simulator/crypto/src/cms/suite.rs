//! Which digests and signature algorithms a container may name: one row per family of keys. Nothing else in [`super`]
//! knows an algorithm. For GOST R 34.10-2012 the signature with digest is written, and the key's own identifier in its
//! place is understood, as several writers have it, OpenSSL's engine among them.

use std::fmt;

use der::Any;
use der::asn1::ObjectIdentifier;
use der::oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, ID_RSASSA_PSS, ID_SHA_256, RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION,
};
use spki::AlgorithmIdentifierOwned;

use crate::key::gost::{KEY_256, KEY_512, SIGNATURE_256, SIGNATURE_512, STREEBOG_256, STREEBOG_512};
use crate::{Family, Scheme};

/// How keys of one family sign a container.
pub(super) struct Suite {
    pub(super) digest: fn(&[u8]) -> Vec<u8>,
    pub(super) digest_oid: ObjectIdentifier,
    /// What is written as signature algorithm; RSA has NULL as its parameters, the others have none.
    signature_oid: ObjectIdentifier,
    signature_has_null: bool,
    /// What is understood as signature algorithm.
    understood: &'static [(ObjectIdentifier, Scheme)],
}

const ECDSA_P256: Suite = Suite {
    digest: sha256,
    digest_oid: ID_SHA_256,
    signature_oid: ECDSA_WITH_SHA_256,
    signature_has_null: false,
    understood: &[(ECDSA_WITH_SHA_256, Scheme::EcdsaSha256Der), (ID_EC_PUBLIC_KEY, Scheme::EcdsaSha256Der)],
};

const GOST_256: Suite = Suite {
    digest: |bytes| crate::gost::streebog256(bytes).to_vec(),
    digest_oid: STREEBOG_256,
    signature_oid: SIGNATURE_256,
    signature_has_null: false,
    understood: &[(SIGNATURE_256, Scheme::Gost256), (KEY_256, Scheme::Gost256)],
};

const GOST_512: Suite = Suite {
    digest: |bytes| crate::gost::streebog512(bytes).to_vec(),
    digest_oid: STREEBOG_512,
    signature_oid: SIGNATURE_512,
    signature_has_null: false,
    understood: &[(SIGNATURE_512, Scheme::Gost512), (KEY_512, Scheme::Gost512)],
};

const RSA: Suite = Suite {
    digest: sha256,
    digest_oid: ID_SHA_256,
    signature_oid: RSA_ENCRYPTION,
    signature_has_null: true,
    understood: &[
        (RSA_ENCRYPTION, Scheme::RsaPkcs1Sha256),
        (SHA_256_WITH_RSA_ENCRYPTION, Scheme::RsaPkcs1Sha256),
        (ID_RSASSA_PSS, Scheme::RsaPssSha256),
    ],
};

impl Suite {
    pub(super) const fn of(family: Family) -> &'static Self {
        match family {
            Family::EcdsaP256 => &ECDSA_P256,
            Family::Gost256 => &GOST_256,
            Family::Gost512 => &GOST_512,
            Family::Rsa => &RSA,
        }
    }

    /// The scheme that a container means by this signature algorithm.
    pub(super) fn scheme(&self, algorithm: ObjectIdentifier) -> Option<Scheme> {
        self.understood.iter().find(|(oid, _)| *oid == algorithm).map(|(_, scheme)| *scheme)
    }

    pub(super) fn digest_identifier(&self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.digest_oid, parameters: None }
    }

    pub(super) fn signature_identifier(&self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.signature_oid, parameters: self.signature_has_null.then(Any::null) }
    }
}

/// A digest that a container names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Digest {
    /// GOST R 34.11-94, the digest of the keys of 2001.
    Gost94,
    Md5,
    /// Something else, by its dotted OID.
    Other(String),
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Streebog256,
    Streebog512,
}

impl From<ObjectIdentifier> for Digest {
    fn from(oid: ObjectIdentifier) -> Self {
        let oid = oid.to_string();
        match oid.as_str() {
            "1.2.643.2.2.9" => Self::Gost94,
            "1.2.840.113549.2.5" => Self::Md5,
            "1.3.14.3.2.26" => Self::Sha1,
            "2.16.840.1.101.3.4.2.1" => Self::Sha256,
            "2.16.840.1.101.3.4.2.2" => Self::Sha384,
            "2.16.840.1.101.3.4.2.3" => Self::Sha512,
            "1.2.643.7.1.1.2.2" => Self::Streebog256,
            "1.2.643.7.1.1.2.3" => Self::Streebog512,
            _ => Self::Other(oid),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Gost94 => "GOST R 34.11-94",
            Self::Md5 => "MD5",
            Self::Other(oid) => oid,
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Streebog256 => "Streebog-256",
            Self::Streebog512 => "Streebog-512",
        })
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    crate::digest::sha256(bytes).to_vec()
}
