//! CMS SignedData (RFC 5652), the container of ESIA v1's `client_secret`: made, read and verified.
//!
//! The encoding is that of the crates `cms` and `der`; here is what a signature means. Reading is tolerant of what CMS
//! writers differ in (attached or detached, signed attributes or none, DER or BER with indefinite lengths, issuer and
//! serial or key identifier), because the caller has to say what was wrong, not merely that something was.
//!
//! Signed attributes are signed as the DER of a SET OF (RFC 5652 §5.4) and verified in the order in which they came, as
//! OpenSSL does: attributes out of DER order hold only under a signature over just that order.

pub mod enveloped;
mod suite;
mod wire;

use ::cms::cert::IssuerAndSerialNumber;
use ::cms::content_info::CmsVersion;
use ::cms::signed_data::{SignedAttributes, SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNING_TIME};
use der::{Any, Choice, DateTime, Decode, DecodeValue, Encode, EncodeValue, Tagged};
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

pub use self::suite::Digest;
use self::suite::Suite;
use self::wire::{Content, Members, Octets, SignedData};
use crate::raw::Turn;
use crate::{Certificate, Family, KeyError, PrivateKey};

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
    info: SignerInfo,
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
    #[error("verify the container: the attribute content-type is missing, repeated or not id-data")]
    ContentTypeWrong,
    #[error("verify the container: its digest {0} is not the one that goes with the signer's key")]
    DigestUnsupported(Digest),
    #[error("sign: {0}")]
    Key(KeyError),
    #[error("verify the container: the signer's key: {0}")]
    SignerKey(KeyError),
    #[error("verify the container: the digest inside is not that of the content")]
    MessageDigestMismatch { inside: String, computed: String },
    #[error("verify the container: the attribute message-digest is missing or repeated")]
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
    #[error("verify the container: the signature holds only when {0}")]
    SignatureTurned(Turn),
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
            Self::SignatureTurned(_) => "signature-turned",
            Self::SignerCertificateMissing => "signer-certificate-missing",
            Self::SignerKey(_) => "signer-key-unusable",
        }
    }
}

impl From<der::Error> for CmsError {
    fn from(error: der::Error) -> Self {
        Self::NotCms(error.to_string())
    }
}

/// Makes a container over the content, in DER.
pub fn sign(
    content: &[u8],
    key: &PrivateKey,
    certificate: &Certificate,
    options: &Options,
) -> Result<Vec<u8>, CmsError> {
    let suite = Suite::of(key.family());
    let signed_attrs =
        options.signed_attributes.then(|| attributes(content, suite, options.signing_time)).transpose()?;
    let set = signed_attrs.as_ref().map(Encode::to_der).transpose()?;
    let signature = key.sign(set.as_deref().unwrap_or(content)).map_err(CmsError::Key)?;
    let identifier = certificate.key_identifier().filter(|_| options.by_key_identifier);
    let version = if identifier.is_some() { CmsVersion::V3 } else { CmsVersion::V1 };
    let info = SignerInfo {
        version,
        sid: match identifier {
            Some(identifier) => {
                SignerIdentifier::SubjectKeyIdentifier(SubjectKeyIdentifier(OctetString::new(identifier)?))
            }
            None => SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: Name::from_der(certificate.issuer_der())?,
                serial_number: SerialNumber::from_der(certificate.serial_der())?,
            }),
        },
        digest_alg: suite.digest_identifier(),
        signed_attrs,
        signature_algorithm: suite.signature_identifier(),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let data = SignedData {
        version,
        digest_algorithms: SetOfVec::from_iter([suite.digest_identifier()])?,
        content: Content {
            kind: ID_DATA,
            bytes: options.attached.then(|| OctetString::new(content).map(Octets)).transpose()?,
        },
        certificates: match options.include_certificate {
            true => Some(Members(SetOfVec::from_iter([Any::from_der(certificate.der())?])?)),
            false => None,
        },
        crls: None,
        signers: SetOfVec::from_iter([Any::encode_from(&info)?])?,
    };
    Ok(data.to_container()?)
}

fn attributes(content: &[u8], suite: &Suite, signing_time: Option<i64>) -> der::Result<SignedAttributes> {
    let mut members = vec![
        attribute(ID_CONTENT_TYPE, &ID_DATA)?,
        attribute(ID_MESSAGE_DIGEST, &OctetString::new((suite.digest)(content))?)?,
    ];
    let since_1970 = signing_time.and_then(|seconds| u64::try_from(seconds).ok()).map(std::time::Duration::from_secs);
    if let Some(time) = since_1970.and_then(|span| DateTime::from_unix_duration(span).ok()) {
        // UTCTime up to 2049, GeneralizedTime after (RFC 5652 §11.3): the conversion's own choice.
        members.push(attribute(ID_SIGNING_TIME, &Time::from(time))?);
    }
    members.try_into()
}

fn attribute(oid: ObjectIdentifier, value: &(impl Tagged + EncodeValue)) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::from_iter([Any::encode_from(value)?])? })
}

impl Container {
    /// Reads a container in DER or BER.
    pub fn read(bytes: &[u8]) -> Result<Self, CmsError> {
        if bytes.len() > LARGEST {
            return Err(CmsError::NotCms("larger than a megabyte".to_owned()));
        }
        let data = SignedData::from_container(bytes)?;
        let signers = data.signers()?.into_iter().map(Signer::new).collect::<Result<_, _>>()?;
        let mut certificates = Vec::new();
        for member in data.certificates.iter().flat_map(|members| members.0.iter()) {
            certificates.extend(Certificate::from_der(&member.to_der()?).ok());
        }
        Ok(Self { attached: data.content.bytes.map(|octets| octets.0.into()), certificates, signers })
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
    fn new(info: SignerInfo) -> der::Result<Self> {
        Ok(Self {
            id: SignerId::new(&info.sid)?,
            digest: info.digest_alg.oid.to_string(),
            algorithm: info.signature_algorithm.oid.to_string(),
            has_signed_attributes: info.signed_attrs.is_some(),
            info,
        })
    }

    fn verify(&self, content: &[u8], certificate: &Certificate) -> Result<(), CmsError> {
        let key = certificate.public_key().map_err(CmsError::SignerKey)?;
        let suite = Suite::of(key.family());
        if suite.digest_oid != self.info.digest_alg.oid {
            return Err(CmsError::DigestUnsupported(self.info.digest_alg.oid.into()));
        }
        let scheme = suite.scheme(self.info.signature_algorithm.oid).ok_or_else(|| {
            CmsError::SignatureAlgorithmWrong { algorithm: self.algorithm.clone(), family: key.family() }
        })?;
        let holds = |bytes: &[u8]| {
            let signature = self.info.signature.as_bytes();
            key.verify(scheme, bytes, signature).map_err(|_| match Turn::of(&key, scheme, bytes, signature) {
                Some(turn) => CmsError::SignatureTurned(turn),
                None => CmsError::SignatureMismatch,
            })
        };
        let Some(attributes) = &self.info.signed_attrs else { return holds(content) };
        if only::<ObjectIdentifier>(attributes, ID_CONTENT_TYPE) != Some(ID_DATA) {
            return Err(CmsError::ContentTypeWrong);
        }
        let inside = only::<OctetString>(attributes, ID_MESSAGE_DIGEST).ok_or(CmsError::MessageDigestMissing)?;
        // The signature over the attributes is looked at first: a digest in unsigned attributes means nothing. They are
        // stored under an implicit tag and signed as a SET, which this writes in the order in which they were read.
        holds(&attributes.to_der()?)?;
        let computed = (suite.digest)(content);
        if !crate::compare::same(inside.as_bytes(), &computed) {
            return Err(CmsError::MessageDigestMismatch {
                inside: hex::encode(inside.as_bytes()),
                computed: hex::encode(computed),
            });
        }
        Ok(())
    }
}

/// The value of an attribute that must stand once and have one value (RFC 5652 §11.1, §11.2).
fn only<'a, T: Choice<'a> + DecodeValue<'a>>(attributes: &'a SignedAttributes, oid: ObjectIdentifier) -> Option<T> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let (Some(attribute), None) = (found.next(), found.next()) else { return None };
    let [value] = attribute.values.as_slice() else { return None };
    value.decode_as().ok()
}

impl SignerId {
    fn new(sid: &SignerIdentifier) -> der::Result<Self> {
        match sid {
            SignerIdentifier::IssuerAndSerialNumber(named) => Ok(Self::IssuerAndSerial {
                // Read once more by the rules of DER, which put the parts of a name into the order of a certificate's.
                issuer: Name::from_der(&named.issuer.to_der()?)?.to_der()?,
                serial: named.serial_number.to_der()?,
            }),
            SignerIdentifier::SubjectKeyIdentifier(identifier) => {
                Ok(Self::KeyIdentifier(identifier.0.as_bytes().to_vec()))
            }
        }
    }

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
