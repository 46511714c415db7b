//! X.509 certificates as values: what the portal, the bank and the suite ask of one. Instants are Unix seconds.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex, PoisonError};

use der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName, SubjectKeyIdentifier};

use crate::gost::{VerifyingKey, streebog256, streebog512};
use crate::key::gost::{KEY_256, KEY_512};
use crate::{KeyError, PublicKey, digest};

mod name;

pub use name::{Identifier, identifiers};

/// EKU of a TLS server (RFC 5280 §4.2.1.12).
pub const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
/// EKU of a TLS client.
pub const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// A certificate, read once.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    subject: String,
    issuer: String,
    common_name: Option<String>,
    serial: String,
    not_before: i64,
    not_after: i64,
    spki: Vec<u8>,
    key_usage: Option<KeyUsage>,
    extended_key_usage: Vec<String>,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    is_ca: bool,
    key_identifier: Option<Vec<u8>>,
    issuer_der: Vec<u8>,
    subject_der: Vec<u8>,
    serial_der: Vec<u8>,
    identifiers: Vec<(Identifier, String)>,
    is_gost: bool,
}

/// What the key may be used for (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage {
    pub digital_signature: bool,
    pub non_repudiation: bool,
    pub key_encipherment: bool,
    pub key_agreement: bool,
    pub key_cert_sign: bool,
    pub crl_sign: bool,
}

/// Bytes that are no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("read the certificate: {0}")]
    Malformed(String),
    #[error("find a certificate: the text has no block CERTIFICATE")]
    NoBlock,
}

/// What the text in `client_certificate_hash` turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFinding {
    /// A digest of the PEM text or of its Base64 body instead of the DER.
    OfPemText,
    /// A digest of the public key.
    OfPublicKey,
    /// A digest of something else, or no digest.
    Other,
    /// The right digest with its bytes turned round.
    Reversed,
    /// The digest that goes with the certificate's key, of the DER, in any letter case.
    Right,
    /// SHA-1 of the DER.
    Sha1,
    /// SHA-256 of the DER where Streebog-256 is wanted.
    Sha256,
    /// Streebog-256 of the DER where SHA-256 is wanted.
    Streebog256,
    /// Streebog-512 of the DER.
    Streebog512,
}

/// Certificates read before, by their DER: the same few are met in every handshake, request and recording.
static KNOWN: LazyLock<Mutex<HashMap<Vec<u8>, Certificate>>> = LazyLock::new(Mutex::default);
/// So many are remembered at most, and none that is larger; beyond that they are forgotten all at once.
const REMEMBERED: usize = 256;
const REMEMBERED_BYTES: usize = 8 * 1024;

impl Certificate {
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if let Some(known) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(der) {
            return Ok(known.clone());
        }
        let read = Self::read(der)?;
        if der.len() <= REMEMBERED_BYTES {
            let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(der.to_vec(), read.clone());
        }
        Ok(read)
    }

    fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let malformed = |error: der::Error| CertificateError::Malformed(error.to_string());
        let read = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        let tbs = read.tbs_certificate();
        let mut out = Self {
            der: der.to_vec(),
            subject: name::text(tbs.subject()),
            issuer: name::text(tbs.issuer()),
            common_name: tbs.subject().common_name().ok().flatten().map(|name| name.value().into_owned()),
            serial: hex::encode(tbs.serial_number().as_bytes()),
            not_before: seconds(tbs.validity().not_before),
            not_after: seconds(tbs.validity().not_after),
            spki: tbs.subject_public_key_info().to_der().map_err(malformed)?,
            key_usage: None,
            extended_key_usage: Vec::new(),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            is_ca: false,
            key_identifier: None,
            issuer_der: tbs.issuer().to_der().map_err(malformed)?,
            subject_der: tbs.subject().to_der().map_err(malformed)?,
            serial_der: tbs.serial_number().to_der().map_err(malformed)?,
            identifiers: name::identifiers(tbs.subject()),
            is_gost: [KEY_256, KEY_512].contains(&tbs.subject_public_key_info().algorithm.oid),
        };
        if let Some((_, usage)) = tbs.get_extension::<x509_cert::ext::pkix::KeyUsage>().map_err(malformed)? {
            out.key_usage = Some(KeyUsage {
                digital_signature: usage.digital_signature(),
                non_repudiation: usage.non_repudiation(),
                key_encipherment: usage.key_encipherment(),
                key_agreement: usage.key_agreement(),
                key_cert_sign: usage.key_cert_sign(),
                crl_sign: usage.crl_sign(),
            });
        }
        if let Some((_, usages)) = tbs.get_extension::<ExtendedKeyUsage>().map_err(malformed)? {
            out.extended_key_usage = usages.0.iter().map(ToString::to_string).collect();
        }
        if let Some((_, names)) = tbs.get_extension::<SubjectAltName>().map_err(malformed)? {
            for name in &names.0 {
                match name {
                    GeneralName::DnsName(name) => out.dns_names.push(name.to_string()),
                    GeneralName::IpAddress(address) => out.ip_addresses.extend(ip(address.as_bytes())),
                    _ => {}
                }
            }
        }
        if let Some((_, constraints)) = tbs.get_extension::<BasicConstraints>().map_err(malformed)? {
            out.is_ca = constraints.ca;
        }
        if let Some((_, identifier)) = tbs.get_extension::<SubjectKeyIdentifier>().map_err(malformed)? {
            out.key_identifier = Some(identifier.0.as_bytes().to_vec());
        }
        Ok(out)
    }

    /// The first certificate of a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::all_from_pem(text)?.into_iter().next().ok_or(CertificateError::NoBlock)
    }

    /// All certificates of a PEM text, in order. A damaged one is an error.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        let blocks = crate::pem::blocks(text).into_iter();
        blocks.filter(|block| block.label == "CERTIFICATE").map(|block| Self::from_der(&block.der)).collect()
    }

    /// PEM or DER, whichever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN ") => Self::from_pem(text),
            _ => Self::from_der(bytes),
        }
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn pem(&self) -> String {
        crate::pem::encode("CERTIFICATE", &self.der)
    }

    /// Subject in RFC 4514 text; OGRN, INN, INNLE, OGRNIP and SNILS by these names.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Issuer in RFC 4514 text.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// OGRN, INN, INNLE, OGRNIP or SNILS of the subject, in digits.
    pub fn identifier(&self, wanted: Identifier) -> Option<&str> {
        self.identifiers.iter().find(|(identifier, _)| *identifier == wanted).map(|(_, value)| value.as_str())
    }

    /// Serial number in lower-case hex, without leading zero bytes.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// Whether this instant lies within the validity, both ends included.
    pub fn is_valid_at(&self, at: i64) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The key; refused by name for algorithms that are not known here.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki_der(&self.spki)
    }

    /// What ESIA calls `client_certificate_hash`, in lower-case hex (64 digits): the digest of the DER that goes with the
    /// certificate's key, Streebog-256 for GOST of either size and SHA-256 for RSA and ECDSA. Bytes stand in the order in
    /// which OpenSSL prints them.
    pub fn client_certificate_hash(&self) -> String {
        hex::encode(self.hash())
    }

    fn hash(&self) -> [u8; 32] {
        if self.is_gost { streebog256(&self.der) } else { digest::sha256(&self.der) }
    }

    /// SHA-256 of the DER in lower-case hex.
    pub fn sha256_hex(&self) -> String {
        digest::sha256_hex(&self.der)
    }

    /// SHA-256 of the DER in base64url: `x5t#S256` (RFC 8705 §3.1).
    pub fn thumbprint(&self) -> String {
        digest::sha256_base64url(&self.der)
    }

    /// `None` when the certificate does not limit its key.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.key_usage
    }

    /// Dotted OIDs; empty when the certificate does not limit its purpose.
    pub fn extended_key_usage(&self) -> &[String] {
        &self.extended_key_usage
    }

    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.ip_addresses
    }

    pub fn is_ca(&self) -> bool {
        self.is_ca
    }

    /// Whether subject and issuer are the same name. Says nothing of the signature.
    pub fn is_self_issued(&self) -> bool {
        self.issuer_der == self.subject_der
    }

    pub fn key_identifier(&self) -> Option<&[u8]> {
        self.key_identifier.as_deref()
    }

    pub(crate) fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    pub(crate) fn serial_der(&self) -> &[u8] {
        &self.serial_der
    }

    /// What a given certificate hash is a hash of, for the diagnosis of error ESIA-007053.
    pub fn explain_hash(&self, given: &str) -> HashFinding {
        let Ok(given) = hex::decode(given.trim()) else { return HashFinding::Other };
        let right = self.hash();
        // The honest case costs one digest, not all of them.
        if given == right {
            return HashFinding::Right;
        }
        let of_der: [(&[u8], HashFinding); 5] = [
            (&reversed(&right), HashFinding::Reversed),
            (&digest::sha1(&self.der), HashFinding::Sha1),
            (&digest::sha256(&self.der), HashFinding::Sha256),
            (&streebog256(&self.der), HashFinding::Streebog256),
            (&streebog512(&self.der), HashFinding::Streebog512),
        ];
        if let Some((_, finding)) = of_der.into_iter().find(|(digest, _)| *digest == given) {
            return finding;
        }
        let is_digest_of = |bytes: &[u8]| {
            let digests: [&[u8]; 3] = [&digest::sha256(bytes), &digest::sha1(bytes), &streebog256(bytes)];
            digests.contains(&&*given)
        };
        let key = self.public_key().ok();
        let inner = key.as_ref().map(PublicKey::subject_public_key);
        // The point of a GOST key stands within one more OCTET STRING.
        let point = key.as_ref().and_then(PublicKey::gost).map(VerifyingKey::to_le_bytes);
        if [Some(&*self.spki), inner, point.as_deref()].into_iter().flatten().any(is_digest_of) {
            return HashFinding::OfPublicKey;
        }
        let of_text = self.texts().iter().any(|text| is_digest_of(text.as_bytes()));
        if of_text { HashFinding::OfPemText } else { HashFinding::Other }
    }

    /// What people take for the certificate: its PEM and parts of it, with the line ends of every system.
    fn texts(&self) -> [String; 8] {
        let unix = self.pem();
        let body = crate::base64::encode_standard(&self.der);
        let lines: String = unix.lines().filter(|line| !line.starts_with("-----")).collect::<Vec<_>>().join("\n");
        [
            unix.trim_end().to_owned(),
            unix.replace('\n', "\r\n"),
            unix.trim_end().replace('\n', "\r\n"),
            format!("{lines}\n"),
            lines.replace('\n', "\r\n"),
            lines,
            body,
            unix,
        ]
    }
}

fn reversed(digest: &[u8; 32]) -> [u8; 32] {
    let mut out = *digest;
    out.reverse();
    out
}

impl fmt::Debug for Certificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Certificate({}, serial {})", self.subject, self.serial)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

fn seconds(time: x509_cert::time::Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}
