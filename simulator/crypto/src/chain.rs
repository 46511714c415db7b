//! Whether a certificate stands under a trusted root at an instant, for a usage, a host, and after the revocation lists.
//! The path is webpki's work; what is added is a typed reason, the check of key usage, which webpki leaves out, and the
//! signatures of GOST R 34.10-2012, which it does not know.

use std::time::Duration;

use der::asn1::{Any, SequenceRef};
use der::oid::db::rfc5912::{ECDSA_WITH_SHA_256, SHA_256_WITH_RSA_ENCRYPTION};
use der::{Decode, Encode};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoRef};
use webpki::{CertRevocationList, EndEntityCert, Error as Pki, OwnedCertRevocationList};

use crate::key::gost::{SIGNATURE_256, SIGNATURE_512};
use crate::{Certificate, Family};

mod gost;

/// What the certificate is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    Client,
    Server,
    /// Signing of documents and requests: `digitalSignature` or `nonRepudiation` where the certificate limits its key.
    Signing,
}

/// One question about one certificate.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    pub leaf: &'a Certificate,
    pub intermediates: &'a [Certificate],
    pub roots: &'a [Certificate],
    /// Revocation lists in DER. One that does not cover the certificate says nothing about it.
    pub crls: &'a [Vec<u8>],
    /// Unix seconds.
    pub at: i64,
    pub usage: Usage,
    /// Name or address that the certificate must be for.
    pub host: Option<&'a str>,
}

/// Why a certificate is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    #[error("trust the certificate: a signature in its chain is wrong")]
    BadSignature,
    #[error("trust the certificate: it expired at {not_after}")]
    Expired { not_after: i64 },
    #[error("trust the certificate: {0}")]
    Malformed(String),
    #[error("trust the certificate: it is valid from {not_before} only")]
    NotYetValid { not_before: i64 },
    #[error("trust the certificate: {0}")]
    Other(String),
    #[error("trust the certificate: it is revoked")]
    Revoked,
    #[error("trust the certificate: it is signed by itself")]
    SelfSigned,
    #[error("trust the certificate: its issuer is not known")]
    UnknownIssuer,
    #[error("trust the certificate: it is not for this name")]
    WrongName,
    #[error("trust the certificate: it is not for this usage")]
    WrongUsage,
}

impl ChainError {
    /// A slug for logs and diagnosis.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadSignature => "bad-signature",
            Self::Expired { .. } => "expired",
            Self::Malformed(_) => "malformed",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::Other(_) => "other",
            Self::Revoked => "revoked",
            Self::SelfSigned => "self-signed",
            Self::UnknownIssuer => "unknown-issuer",
            Self::WrongName => "wrong-name",
            Self::WrongUsage => "wrong-usage",
        }
    }
}

/// Answers the question; the first obstacle is the reason.
pub fn verify(check: &Check<'_>) -> Result<(), ChainError> {
    let leaf_der = CertificateDer::from(check.leaf.der());
    let leaf = EndEntityCert::try_from(&leaf_der).map_err(|error| reason(check, &error))?;
    let root_ders: Vec<CertificateDer<'_>> = check.roots.iter().map(|root| CertificateDer::from(root.der())).collect();
    let anchors = root_ders
        .iter()
        .map(webpki::anchor_from_trusted_cert)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ChainError::Malformed(error.to_string()))?;
    let between: Vec<CertificateDer<'_>> =
        check.intermediates.iter().map(|certificate| CertificateDer::from(certificate.der())).collect();
    let seconds = u64::try_from(check.at).unwrap_or_default();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let usage = Purpose(match check.usage {
        Usage::Client => Some(webpki::KeyUsage::client_auth()),
        Usage::Server => Some(webpki::KeyUsage::server_auth()),
        Usage::Signing => None,
    });
    let lists = check
        .crls
        .iter()
        .map(|der| OwnedCertRevocationList::from_der(der).map(CertRevocationList::from))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ChainError::Malformed(format!("revocation list: {error}")))?;
    let lists: Vec<&CertRevocationList<'_>> = lists.iter().collect();
    let revocation = webpki::RevocationOptionsBuilder::new(&lists).ok().map(|options| {
        options
            .with_depth(webpki::RevocationCheckDepth::Chain)
            .with_status_policy(webpki::UnknownStatusPolicy::Allow)
            .build()
    });
    leaf.verify_for_usage(&gost::ALGORITHMS, &anchors, &between, time, usage, revocation, None)
        .map_err(|error| reason(check, &error))?;
    if let Some(host) = check.host {
        let name = ServerName::try_from(host).map_err(|_| ChainError::WrongName)?;
        leaf.verify_is_valid_for_subject_name(&name).map_err(|error| reason(check, &error))?;
    }
    let may_sign = check
        .leaf
        .key_usage()
        .is_none_or(|usage| usage.digital_signature || (check.usage == Usage::Signing && usage.non_repudiation));
    if may_sign { Ok(()) } else { Err(ChainError::WrongUsage) }
}

/// How the signature that [`crate::PrivateKey::sign`] makes is written in certificates, requests and lists (RFC 4055 §5,
/// 5758 §3.2, 9215 §4.1).
pub fn signature_algorithm(family: Family) -> AlgorithmIdentifierOwned {
    let (oid, parameters) = match family {
        Family::EcdsaP256 => (ECDSA_WITH_SHA_256, None),
        Family::Gost256 => (SIGNATURE_256, None),
        Family::Gost512 => (SIGNATURE_512, None),
        Family::Rsa => (SHA_256_WITH_RSA_ENCRYPTION, Some(Any::null())),
    };
    AlgorithmIdentifierOwned { oid, parameters }
}

/// Whether this is the signature of a certificate, a request or a list by this key, under the algorithm that is written
/// beside it. Everything is in DER: the signed part with its tag, the SubjectPublicKeyInfo, the AlgorithmIdentifier.
pub fn signed(data: &[u8], key: &[u8], algorithm: &[u8], signature: &[u8]) -> Result<(), ChainError> {
    let malformed = |error: der::Error| ChainError::Malformed(error.to_string());
    let key = SubjectPublicKeyInfoRef::from_der(key).map_err(malformed)?;
    let of_key = key.algorithm.to_der().map_err(malformed)?;
    let point = key.subject_public_key.as_bytes();
    let point = point.ok_or_else(|| ChainError::Malformed("a key of unused bits".to_owned()))?;
    // webpki's identifiers are written without the head of the SEQUENCE.
    let of_key = <&SequenceRef>::from_der(&of_key).map_err(malformed)?.as_bytes();
    let algorithm = <&SequenceRef>::from_der(algorithm).map_err(malformed)?.as_bytes();
    let mut named = gost::ALGORITHMS.iter().filter(|known| known.signature_alg_id().as_ref() == algorithm).peekable();
    if named.peek().is_none() {
        return Err(ChainError::Other(format!("its signature is by an unknown algorithm, {}", hex::encode(algorithm))));
    }
    let fitting = named.find(|known| known.public_key_alg_id().as_ref() == of_key);
    let fitting = fitting.ok_or(ChainError::BadSignature)?;
    fitting.verify_signature(point, data, signature).map_err(|_| ChainError::BadSignature)
}

/// An extended key usage to ask for, or none.
struct Purpose(Option<webpki::KeyUsage>);

impl webpki::ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: webpki::KeyPurposeIdIter<'_, '_>) -> Result<(), Pki> {
        match &self.0 {
            Some(usage) => usage.validate(purposes),
            None => Ok(()),
        }
    }
}

fn reason(check: &Check<'_>, error: &Pki) -> ChainError {
    match error {
        Pki::CertExpired { .. } => ChainError::Expired { not_after: check.leaf.not_after() },
        Pki::CertNotValidYet { .. } => ChainError::NotYetValid { not_before: check.leaf.not_before() },
        Pki::CertRevoked => ChainError::Revoked,
        Pki::CertNotValidForName(_) => ChainError::WrongName,
        Pki::RequiredEkuNotFoundContext(_) | Pki::EmptyEkuExtension => ChainError::WrongUsage,
        // The second is an issuer of the right name whose key cannot have signed so.
        Pki::InvalidSignatureForPublicKey | Pki::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            ChainError::BadSignature
        }
        Pki::UnknownIssuer | Pki::CaUsedAsEndEntity if check.leaf.is_self_issued() => ChainError::SelfSigned,
        Pki::UnknownIssuer => ChainError::UnknownIssuer,
        Pki::BadDer | Pki::BadDerTime | Pki::TrailingData(_) | Pki::UnsupportedCertVersion => {
            ChainError::Malformed(error.to_string())
        }
        other => ChainError::Other(other.to_string()),
    }
}
