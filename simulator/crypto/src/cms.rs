//! CMS SignedData (RFC 5652), the container of ESIA v1's `client_secret`: made, read and verified over its exact bytes.
//!
//! Reading is tolerant of what CMS writers differ in (attached or detached, signed attributes or none, BER or DER,
//! issuer and serial or key identifier), because the caller has to say what was wrong, not merely that something was.

use crate::asn1::{
    self, CONTEXT_0, CONTEXT_1, Element, INTEGER, Malformed, NULL, OCTET_STRING, OID, Reader, SEQUENCE, SET,
};
use crate::{Certificate, Family, KeyError, PrivateKey, Scheme, digest};

const ID_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ID_SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// Primitive `[0]`, the key identifier of a signer.
const KEY_IDENTIFIER: u8 = 0x80;

/// Largest container read.
const LARGEST: usize = 1024 * 1024;

/// How to make a container. The default is ESIA's official form: detached, with signed attributes and certificate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub attached: bool,
    pub signed_attributes: bool,
    pub include_certificate: bool,
    /// Name the signer by key identifier instead of issuer and serial number.
    pub by_key_identifier: bool,
    /// Unix seconds; only with signed attributes.
    pub signing_time: Option<i64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            attached: false,
            signed_attributes: true,
            include_certificate: true,
            by_key_identifier: false,
            signing_time: None,
        }
    }
}

/// A container, read but not verified.
#[derive(Clone, Debug)]
pub struct Container {
    /// The content, when it was put inside.
    pub attached: Option<Vec<u8>>,
    /// The certificates inside that could be read.
    pub certificates: Vec<Certificate>,
    pub signers: Vec<Signer>,
}

/// One signer of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    pub id: SignerId,
    /// Dotted OID of the digest.
    pub digest: String,
    /// Dotted OID of the signature algorithm.
    pub algorithm: String,
    pub has_signed_attributes: bool,
    digest_oid: Vec<u8>,
    algorithm_oid: Vec<u8>,
    /// Signed attributes as the SET OF that is signed: once as they stand, once in DER order.
    signed: Option<[Vec<u8>; 2]>,
    content_type: Option<Vec<u8>>,
    message_digest: Option<Vec<u8>>,
    signature: Vec<u8>,
}

/// How a container names its signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerId {
    IssuerAndSerial { issuer: Vec<u8>, serial: Vec<u8> },
    KeyIdentifier(Vec<u8>),
}

/// A container whose signature holds. Whether the signer is trusted is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub signer: Certificate,
    /// The certificate came in the container; otherwise it was known already.
    pub certificate_inside: bool,
    pub attached: bool,
    pub signed_attributes: bool,
}

/// What is wrong with a container.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    #[error("verify the container: the attached content is not the expected one")]
    AttachedContentDiffers { seen: Vec<u8> },
    #[error("verify the container: the attribute content-type is missing or not id-data")]
    ContentTypeWrong,
    #[error("verify the container: its digest {0} is not SHA-256")]
    DigestUnsupported(String),
    #[error("sign: {0}")]
    Key(KeyError),
    #[error("verify the container: the signer's key: {0}")]
    SignerKey(KeyError),
    #[error("verify the container: the digest inside is not that of the content")]
    MessageDigestMismatch { inside: String, computed: String },
    #[error("verify the container: the attribute message-digest is missing")]
    MessageDigestMissing,
    #[error("verify the container: there is no signer in it")]
    NoSigner,
    #[error("read the container: {0}")]
    NotCms(String),
    #[error("read the container: it holds {0}, not SignedData")]
    NotSignedData(String),
    #[error("verify the container: it has {0} signers, not one")]
    SeveralSigners(usize),
    #[error("verify the container: the signature algorithm {algorithm} does not go with a key of {family}")]
    SignatureAlgorithmWrong { algorithm: String, family: Family },
    #[error("verify the container: the signature is not one over this content by the signer's key")]
    SignatureMismatch,
    #[error("verify the container: the signer's certificate is neither inside nor known")]
    SignerCertificateMissing,
}

impl CmsError {
    /// A slug for logs and diagnosis.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AttachedContentDiffers { .. } => "attached-content-differs",
            Self::ContentTypeWrong => "content-type-wrong",
            Self::DigestUnsupported(_) => "digest-unsupported",
            Self::Key(_) => "key",
            Self::MessageDigestMismatch { .. } => "message-digest-mismatch",
            Self::MessageDigestMissing => "message-digest-missing",
            Self::NoSigner => "no-signer",
            Self::NotCms(_) => "not-cms",
            Self::NotSignedData(_) => "not-signed-data",
            Self::SeveralSigners(_) => "several-signers",
            Self::SignatureAlgorithmWrong { .. } => "signature-algorithm-wrong",
            Self::SignatureMismatch => "signature-mismatch",
            Self::SignerCertificateMissing => "signer-certificate-missing",
            Self::SignerKey(_) => "signer-key-unusable",
        }
    }
}

impl From<Malformed> for CmsError {
    fn from(error: Malformed) -> Self {
        Self::NotCms(error.0.to_owned())
    }
}

/// Makes a container over the content, in DER.
pub fn sign(
    content: &[u8],
    key: &PrivateKey,
    certificate: &Certificate,
    options: &Options,
) -> Result<Vec<u8>, CmsError> {
    let oid = |oid: &[u8]| asn1::tlv(OID, &[oid]);
    let sha256 = asn1::tlv(SEQUENCE, &[&oid(SHA256)]);
    let (version, signer) = match certificate.key_identifier().filter(|_| options.by_key_identifier) {
        Some(identifier) => (3, asn1::tlv(KEY_IDENTIFIER, &[identifier])),
        None => (1, asn1::tlv(SEQUENCE, &[certificate.issuer_der(), certificate.serial_der()])),
    };
    let attributes = options.signed_attributes.then(|| attributes(content, options.signing_time));
    let signed = attributes.as_deref().unwrap_or(content);
    let signature = key.sign(signed).map_err(CmsError::Key)?;
    let algorithm = match key.family() {
        Family::EcdsaP256 => asn1::tlv(SEQUENCE, &[&oid(ECDSA_WITH_SHA256)]),
        Family::Rsa => asn1::tlv(SEQUENCE, &[&oid(RSA_ENCRYPTION), &NULL]),
    };
    // The attributes are signed as a SET and stored under an implicit tag (RFC 5652 §5.4).
    let stored = attributes.map_or_else(Vec::new, |mut set| {
        set[0] = CONTEXT_0;
        set
    });
    let version_der = asn1::tlv(INTEGER, &[&[version]]);
    let signature = asn1::tlv(OCTET_STRING, &[&signature]);
    let info = asn1::tlv(SEQUENCE, &[&version_der, &signer, &sha256, &stored, &algorithm, &signature]);
    let econtent =
        if options.attached { asn1::tlv(CONTEXT_0, &[&asn1::tlv(OCTET_STRING, &[content])]) } else { Vec::new() };
    let encapsulated = asn1::tlv(SEQUENCE, &[&oid(ID_DATA), &econtent]);
    let certificates =
        if options.include_certificate { asn1::tlv(CONTEXT_0, &[certificate.der()]) } else { Vec::new() };
    let data = asn1::tlv(
        SEQUENCE,
        &[&version_der, &asn1::tlv(SET, &[&sha256]), &encapsulated, &certificates, &asn1::tlv(SET, &[&info])],
    );
    Ok(asn1::tlv(SEQUENCE, &[&oid(ID_SIGNED_DATA), &asn1::tlv(CONTEXT_0, &[&data])]))
}

fn attributes(content: &[u8], signing_time: Option<i64>) -> Vec<u8> {
    let attribute =
        |oid: &[u8], value: &[u8]| asn1::tlv(SEQUENCE, &[&asn1::tlv(OID, &[oid]), &asn1::tlv(SET, &[value])]);
    let mut members = vec![
        attribute(CONTENT_TYPE, &asn1::tlv(OID, &[ID_DATA])),
        attribute(MESSAGE_DIGEST, &asn1::tlv(OCTET_STRING, &[&digest::sha256(content)])),
    ];
    if let Some(time) = signing_time.and_then(time) {
        members.push(attribute(SIGNING_TIME, &time));
    }
    asn1::set_of(SET, members)
}

/// UTCTime up to 2049, GeneralizedTime after (RFC 5652 §11.3).
fn time(seconds: i64) -> Option<Vec<u8>> {
    use der::Encode;
    let span = std::time::Duration::from_secs(u64::try_from(seconds).ok()?);
    match der::asn1::UtcTime::from_unix_duration(span) {
        Ok(time) => time.to_der().ok(),
        Err(_) => der::asn1::GeneralizedTime::from_unix_duration(span).ok()?.to_der().ok(),
    }
}

impl Container {
    /// Reads a container in DER or BER.
    pub fn read(bytes: &[u8]) -> Result<Self, CmsError> {
        if bytes.len() > LARGEST {
            return Err(CmsError::NotCms("larger than a megabyte".to_owned()));
        }
        match Self::read_definite(bytes) {
            Err(CmsError::NotCms(_)) => Self::read_definite(&asn1::definite(bytes)?),
            settled => settled,
        }
    }

    fn read_definite(bytes: &[u8]) -> Result<Self, CmsError> {
        let mut outer = Reader::new(asn1::single(bytes, SEQUENCE)?.content);
        let kind = outer.expect(OID)?.content;
        if kind != ID_SIGNED_DATA {
            return Err(CmsError::NotSignedData(asn1::dotted(kind)));
        }
        let explicit = outer.expect(CONTEXT_0)?;
        outer.end()?;
        let mut data = Reader::new(asn1::single(explicit.content, SEQUENCE)?.content);
        data.expect(INTEGER)?;
        data.expect(SET)?;
        let mut encapsulated = Reader::new(data.expect(SEQUENCE)?.content);
        encapsulated.expect(OID)?;
        let attached = match encapsulated.optional(CONTEXT_0)? {
            // Octet strings in pieces are joined by the second reading.
            Some(explicit) => Some(asn1::single(explicit.content, OCTET_STRING)?.content.to_vec()),
            None => None,
        };
        let mut certificates = Vec::new();
        if let Some(set) = data.optional(CONTEXT_0)? {
            let mut members = Reader::new(set.content);
            while !members.is_empty() {
                certificates.extend(Certificate::from_der(members.any()?.whole).ok());
            }
        }
        data.optional(CONTEXT_1)?;
        let mut infos = Reader::new(data.expect(SET)?.content);
        data.end()?;
        let mut signers = Vec::new();
        while !infos.is_empty() {
            signers.push(Signer::read(&infos.expect(SEQUENCE)?)?);
        }
        Ok(Self { attached, certificates, signers })
    }

    /// Verifies the one signature over this content. An attached content must be the same. The signer's certificate is
    /// looked for inside first, then among the known ones.
    pub fn verify(&self, content: &[u8], known: &[Certificate]) -> Result<Verified, CmsError> {
        let signer = match self.signers.as_slice() {
            [] => return Err(CmsError::NoSigner),
            [signer] => signer,
            several => return Err(CmsError::SeveralSigners(several.len())),
        };
        if let Some(seen) = self.attached.as_ref().filter(|seen| *seen != content) {
            return Err(CmsError::AttachedContentDiffers { seen: seen.clone() });
        }
        let inside = self.certificates.iter().find(|certificate| signer.id.is(certificate));
        let found = inside.or_else(|| known.iter().find(|certificate| signer.id.is(certificate)));
        let certificate = found.ok_or(CmsError::SignerCertificateMissing)?;
        signer.verify(content, certificate)?;
        Ok(Verified {
            signer: certificate.clone(),
            certificate_inside: inside.is_some(),
            attached: self.attached.is_some(),
            signed_attributes: signer.has_signed_attributes,
        })
    }

    /// The certificate that the only signer names, when it is inside.
    pub fn signer_certificate(&self) -> Option<&Certificate> {
        let [signer] = self.signers.as_slice() else { return None };
        self.certificates.iter().find(|certificate| signer.id.is(certificate))
    }
}

impl Signer {
    fn read(info: &Element<'_>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(info.content);
        reader.expect(INTEGER)?;
        let id = match reader.optional(KEY_IDENTIFIER)? {
            Some(identifier) => SignerId::KeyIdentifier(identifier.content.to_vec()),
            None => {
                let mut parts = Reader::new(reader.expect(SEQUENCE)?.content);
                let issuer = parts.expect(SEQUENCE)?.whole.to_vec();
                SignerId::IssuerAndSerial { issuer, serial: parts.expect(INTEGER)?.whole.to_vec() }
            }
        };
        let algorithm = |element: Element<'_>| -> Result<Vec<u8>, Malformed> {
            Ok(Reader::new(element.content).expect(OID)?.content.to_vec())
        };
        let digest_oid = algorithm(reader.expect(SEQUENCE)?)?;
        let attributes = reader.optional(CONTEXT_0)?;
        let algorithm_oid = algorithm(reader.expect(SEQUENCE)?)?;
        let signature = reader.expect(OCTET_STRING)?.content.to_vec();
        reader.optional(CONTEXT_1)?;
        reader.end()?;
        let mut signer = Self {
            id,
            digest: asn1::dotted(&digest_oid),
            algorithm: asn1::dotted(&algorithm_oid),
            has_signed_attributes: attributes.is_some(),
            digest_oid,
            algorithm_oid,
            signed: None,
            content_type: None,
            message_digest: None,
            signature,
        };
        if let Some(attributes) = attributes {
            signer.read_attributes(attributes.content)?;
        }
        Ok(signer)
    }

    fn read_attributes(&mut self, content: &[u8]) -> Result<(), Malformed> {
        let mut members = Vec::new();
        let mut reader = Reader::new(content);
        while !reader.is_empty() {
            let attribute = reader.expect(SEQUENCE)?;
            members.push(attribute.whole.to_vec());
            let mut parts = Reader::new(attribute.content);
            let oid = parts.expect(OID)?.content;
            let mut values = Reader::new(parts.expect(SET)?.content);
            match oid {
                CONTENT_TYPE => self.content_type = Some(values.expect(OID)?.content.to_vec()),
                MESSAGE_DIGEST => self.message_digest = Some(values.expect(OCTET_STRING)?.content.to_vec()),
                _ => {}
            }
        }
        self.signed = Some([asn1::tlv(SET, &[content]), asn1::set_of(SET, members)]);
        Ok(())
    }

    fn verify(&self, content: &[u8], certificate: &Certificate) -> Result<(), CmsError> {
        if self.digest_oid != SHA256 {
            return Err(CmsError::DigestUnsupported(digest_name(&self.digest)));
        }
        let key = certificate.public_key().map_err(CmsError::SignerKey)?;
        let scheme = match (self.algorithm_oid.as_slice(), key.family()) {
            (RSA_ENCRYPTION | SHA256_WITH_RSA, Family::Rsa) => Scheme::RsaPkcs1Sha256,
            (RSASSA_PSS, Family::Rsa) => Scheme::RsaPssSha256,
            (ECDSA_WITH_SHA256 | EC_PUBLIC_KEY, Family::EcdsaP256) => Scheme::EcdsaSha256Der,
            (_, family) => {
                return Err(CmsError::SignatureAlgorithmWrong { algorithm: self.algorithm.clone(), family });
            }
        };
        let Some([as_stood, ordered]) = &self.signed else {
            return key.verify(scheme, content, &self.signature).map_err(|_| CmsError::SignatureMismatch);
        };
        if self.content_type.as_deref() != Some(ID_DATA) {
            return Err(CmsError::ContentTypeWrong);
        }
        let inside = self.message_digest.as_deref().ok_or(CmsError::MessageDigestMissing)?;
        let computed = digest::sha256(content);
        // The signature over the attributes is looked at first: a digest in unsigned attributes means nothing.
        let holds = |set: &Vec<u8>| key.verify(scheme, set, &self.signature).is_ok();
        if !holds(ordered) && !holds(as_stood) {
            return Err(CmsError::SignatureMismatch);
        }
        if !crate::compare::same(inside, &computed) {
            return Err(CmsError::MessageDigestMismatch {
                inside: hex::encode(inside),
                computed: hex::encode(computed),
            });
        }
        Ok(())
    }
}

impl SignerId {
    /// Whether this names the certificate.
    pub fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerial { issuer, serial } => {
                issuer == certificate.issuer_der() && serial == certificate.serial_der()
            }
            Self::KeyIdentifier(identifier) => certificate.key_identifier() == Some(identifier),
        }
    }
}

fn digest_name(oid: &str) -> String {
    let name = match oid {
        "1.2.840.113549.2.5" => "MD5",
        "1.3.14.3.2.26" => "SHA-1",
        "2.16.840.1.101.3.4.2.2" => "SHA-384",
        "2.16.840.1.101.3.4.2.3" => "SHA-512",
        "1.2.643.7.1.1.2.2" => "Streebog-256",
        "1.2.643.7.1.1.2.3" => "Streebog-512",
        other => other,
    };
    name.to_owned()
}
