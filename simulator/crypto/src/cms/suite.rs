//! Which digests and signature algorithms a container may name: one row per family of keys. GOST R 34.10-2012 joins as
//! further rows (digest 1.2.643.7.1.1.2.2, signature 1.2.643.7.1.1.3.2, and the key's own OID in its place, as several
//! writers have it); nothing else in [`super`] knows an algorithm.

use der::Any;
use der::asn1::ObjectIdentifier;
use der::oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, ID_RSASSA_PSS, ID_SHA_256, RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION,
};
use spki::AlgorithmIdentifierOwned;

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

const ALL: [&Suite; 2] = [&ECDSA_P256, &RSA];

impl Suite {
    pub(super) const fn of(family: Family) -> &'static Self {
        match family {
            Family::EcdsaP256 => &ECDSA_P256,
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

/// Whether keys of any family sign over this digest.
pub(super) fn knows_digest(oid: ObjectIdentifier) -> bool {
    ALL.iter().any(|suite| suite.digest_oid == oid)
}

/// The name of a digest that is not accepted, for people.
pub(super) fn digest_name(oid: ObjectIdentifier) -> String {
    let oid = oid.to_string();
    let name = match oid.as_str() {
        "1.2.840.113549.2.5" => "MD5",
        "1.3.14.3.2.26" => "SHA-1",
        "2.16.840.1.101.3.4.2.1" => "SHA-256",
        "2.16.840.1.101.3.4.2.2" => "SHA-384",
        "2.16.840.1.101.3.4.2.3" => "SHA-512",
        "1.2.643.7.1.1.2.2" => "Streebog-256",
        "1.2.643.7.1.1.2.3" => "Streebog-512",
        other => other,
    };
    name.to_owned()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    crate::digest::sha256(bytes).to_vec()
}
