//! Certificates, requests and lists, put together from the types of `x509-cert` and signed by a key of any algorithm.
//!
//! The builders at hand either have a closed list of algorithms, without GOST, or no NumericString, which the Russian
//! identifiers need, or keep what is signed to themselves; the two structures that are signed are a few lines each.

use std::net::IpAddr;

use contract::time::{Span, Timestamp};
use crypto::cert::Identifier;
use crypto::{PrivateKey, PublicKey, chain, digest};
use der::asn1::{Any, AnyRef, BitStringRef, Ia5String, OctetString, PrintableStringRef, SetOfVec, Utf8StringRef};
use der::oid::db::rfc4519::{COMMON_NAME, COUNTRY_NAME, ORGANIZATION_NAME};
use der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use der::oid::{AssociatedOid, ObjectIdentifier};
use der::{DateTime, Decode, Encode, Sequence, Tag};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::crl::{RevokedCert, TbsCertList};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CrlNumber, CrlReason, ExtendedKeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, Extensions, pkix};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::request::{CertReqInfo, Version as RequestVersion};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity as Times};
use x509_cert::{TbsCertificate, Version};

use crate::{CertError, KeyUsage, Names, Profile, Subject, Usage, Validity};

/// Host of certificates that are for another host.
const OTHER_HOST: &str = "other-host.stend.example";

const DAY: i64 = 86_400;

/// What is signed of a certificate (RFC 5280 §4.1). The type of the crate cannot be made outside it.
#[derive(Sequence)]
struct Tbs {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Times,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Extensions,
}

/// A certificate, request or list: what is signed, the algorithm, the signature.
#[derive(Sequence)]
pub(crate) struct Signed<'a> {
    pub(crate) data: AnyRef<'a>,
    pub(crate) algorithm: AnyRef<'a>,
    pub(crate) signature: BitStringRef<'a>,
}

/// Who signs: the name, and the mark of the key that others point to.
pub(crate) struct Issuer<'a> {
    name: Name,
    key: &'a PrivateKey,
    key_identifier: Vec<u8>,
}

/// The content of a certificate but for issuer and key.
pub(crate) struct Content {
    serial: SerialNumber,
    times: Times,
    subject: Name,
    own_extensions: Extensions,
    names_issuer_key: bool,
}

impl<'a> Issuer<'a> {
    /// An authority by its certificate.
    pub(crate) fn of(certificate: &crypto::Certificate, key: &'a PrivateKey) -> Result<Self, CertError> {
        let read = x509_cert::Certificate::from_der(certificate.der())?;
        let tbs: &TbsCertificate = read.tbs_certificate();
        let kept = certificate.key_identifier().map(<[u8]>::to_vec);
        let key_identifier = kept.unwrap_or_else(|| key_identifier(key.public()));
        Ok(Self { name: tbs.subject().clone(), key, key_identifier })
    }

    /// Whoever certifies itself.
    pub(crate) fn itself(content: &Content, key: &'a PrivateKey) -> Self {
        Self { name: content.subject.clone(), key, key_identifier: key_identifier(key.public()) }
    }
}

impl Content {
    /// Of the authority's own certificate.
    pub(crate) fn authority(subject: &Subject, now: Timestamp) -> Result<Self, CertError> {
        let usage = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
        Ok(Self {
            serial: serial(&[])?,
            times: times(authority_time(now))?,
            subject: name(subject)?,
            own_extensions: vec![
                extension(&pkix::KeyUsage(usage), true)?,
                extension(&BasicConstraints { ca: true, path_len_constraint: Some(0) }, true)?,
            ],
            names_issuer_key: false,
        })
    }

    /// Of a certificate of this profile, within the authority's time. The serial number begins with the mark.
    pub(crate) fn new(
        profile: &Profile,
        subject: &Subject,
        now: Timestamp,
        within: [Timestamp; 2],
        mark: &[u8],
    ) -> Result<Self, CertError> {
        let mut own_extensions = Vec::new();
        let names = match profile.names {
            Names::Other => vec![dns(OTHER_HOST)?],
            Names::SubjectAlternative => alternative_names(&subject.dns, &subject.ips)?,
            Names::SubjectOnly => Vec::new(),
        };
        if !names.is_empty() {
            own_extensions.push(extension(&SubjectAltName(names), false)?);
        }
        let mut usage = pkix::KeyUsage(Default::default());
        for wanted in &profile.key_usage {
            usage.0 |= match wanted {
                KeyUsage::DigitalSignature => KeyUsages::DigitalSignature,
                KeyUsage::KeyAgreement => KeyUsages::KeyAgreement,
                KeyUsage::KeyCertSign => KeyUsages::KeyCertSign,
                KeyUsage::KeyEncipherment => KeyUsages::KeyEncipherment,
                KeyUsage::NonRepudiation => KeyUsages::NonRepudiation,
            };
        }
        if !profile.key_usage.is_empty() {
            own_extensions.push(extension(&usage, true)?);
        }
        let purpose = |usage: &Usage| match usage {
            Usage::ClientAuth => ID_KP_CLIENT_AUTH,
            Usage::ServerAuth => ID_KP_SERVER_AUTH,
        };
        if !profile.usage.is_empty() {
            let purposes: Vec<ObjectIdentifier> = profile.usage.iter().map(purpose).collect();
            own_extensions.push(extension(&ExtendedKeyUsage(purposes), false)?);
        }
        own_extensions.push(extension(&BasicConstraints { ca: false, path_len_constraint: None }, true)?);
        Ok(Self {
            serial: serial(mark)?,
            times: times(time(profile.validity, now, within))?,
            subject: name(subject)?,
            own_extensions,
            names_issuer_key: true,
        })
    }

    /// Of a certificate that its owner makes itself, for signatures only.
    pub(crate) fn self_made(subject: &Subject, within: [Timestamp; 2]) -> Result<Self, CertError> {
        Ok(Self {
            serial: serial(&[])?,
            times: times(within)?,
            subject: name(subject)?,
            own_extensions: vec![
                extension(&pkix::KeyUsage(KeyUsages::DigitalSignature.into()), true)?,
                extension(&BasicConstraints { ca: false, path_len_constraint: None }, true)?,
            ],
            names_issuer_key: false,
        })
    }

    /// The certificate of this key, in DER.
    pub(crate) fn signed_by(self, key: &PublicKey, issuer: &Issuer<'_>) -> Result<Vec<u8>, CertError> {
        let mut extensions = self.own_extensions;
        extensions.push(extension(&SubjectKeyIdentifier(OctetString::new(key_identifier(key))?), false)?);
        if self.names_issuer_key {
            extensions.push(authority_key(issuer)?);
        }
        let tbs = Tbs {
            version: Version::V3,
            serial_number: self.serial,
            signature: chain::signature_algorithm(issuer.key.family()),
            issuer: issuer.name.clone(),
            validity: self.times,
            subject: self.subject,
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(key.spki_der())?,
            extensions,
        };
        signed(&tbs.to_der()?, issuer.key)
    }
}

/// A revocation list (RFC 5280 §5): the revoked serial numbers with their instants, in DER.
pub(crate) fn list(
    issuer: &Issuer<'_>,
    number: u64,
    time: [Timestamp; 2],
    revoked: &[(SerialNumber, Timestamp)],
) -> Result<Vec<u8>, CertError> {
    let entry = |(serial, at): &(SerialNumber, Timestamp)| {
        Ok(RevokedCert {
            serial_number: serial.clone(),
            revocation_date: moment(*at)?,
            crl_entry_extensions: Some(vec![extension(&CrlReason::CessationOfOperation, false)?]),
        })
    };
    let entries = revoked.iter().map(entry).collect::<Result<Vec<_>, CertError>>()?;
    let tbs = TbsCertList {
        version: Version::V2,
        signature: chain::signature_algorithm(issuer.key.family()),
        issuer: issuer.name.clone(),
        this_update: moment(time[0])?,
        next_update: Some(moment(time[1])?),
        // An empty list is left out (RFC 5280 §5.1.2.6).
        revoked_certificates: (!entries.is_empty()).then_some(entries),
        crl_extensions: Some(vec![authority_key(issuer)?, extension(&CrlNumber::try_from(number)?, false)?]),
    };
    signed(&tbs.to_der()?, issuer.key)
}

/// A certificate request (PKCS#10, RFC 2986) of this key for this subject, in DER.
pub(crate) fn request(key: &PrivateKey, subject: &Subject) -> Result<Vec<u8>, CertError> {
    let info = CertReqInfo {
        version: RequestVersion::V1,
        subject: name(subject)?,
        public_key: SubjectPublicKeyInfoOwned::from_der(key.public().spki_der())?,
        attributes: SetOfVec::new(),
    };
    signed(&info.to_der()?, key)
}

fn signed(data: &[u8], key: &PrivateKey) -> Result<Vec<u8>, CertError> {
    let algorithm = chain::signature_algorithm(key.family()).to_der()?;
    let signature = key.sign(data)?;
    let whole = Signed {
        data: AnyRef::from_der(data)?,
        algorithm: AnyRef::from_der(&algorithm)?,
        signature: BitStringRef::from_bytes(&signature)?,
    };
    Ok(whole.to_der()?)
}

fn extension(value: &(impl Encode + AssociatedOid), critical: bool) -> Result<Extension, CertError> {
    Ok(Extension { extn_id: oid_of(value), critical, extn_value: OctetString::new(value.to_der()?)? })
}

fn oid_of<T: AssociatedOid>(_: &T) -> ObjectIdentifier {
    T::OID
}

fn authority_key(issuer: &Issuer<'_>) -> Result<Extension, CertError> {
    let key_identifier = Some(OctetString::new(issuer.key_identifier.clone())?);
    extension(&AuthorityKeyIdentifier { key_identifier, ..Default::default() }, false)
}

/// Twenty bytes of the key's SHA-256 (RFC 7093 §2, method 1).
fn key_identifier(key: &PublicKey) -> Vec<u8> {
    digest::sha256(key.subject_public_key())[..20].to_vec()
}

/// Validity of the authority itself: five years back, ten ahead.
pub(crate) fn authority_time(now: Timestamp) -> [Timestamp; 2] {
    [now - Span::from_days(5 * 365), now + Span::from_days(10 * 365)]
}

/// Validity of a certificate, kept within that of its authority.
fn time(validity: Validity, now: Timestamp, within: [Timestamp; 2]) -> [Timestamp; 2] {
    let at = |days: i64| Timestamp::from_seconds(now.seconds() + days * DAY);
    let [from, to] = match validity {
        Validity::Current => [at(-30), at(9 * 365)],
        Validity::Future => [at(4 * 365), at(9 * 365)],
        Validity::Past => [at(-4 * 365), at(-2)],
    };
    [from.max(within[0]), to.min(within[1])]
}

fn times([from, to]: [Timestamp; 2]) -> Result<Times, CertError> {
    Ok(Times::new(moment(from)?, moment(to)?))
}

/// UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5): the conversion's own choice. Before 1970 there is
/// nothing.
fn moment(at: Timestamp) -> Result<Time, CertError> {
    let since_1970 = std::time::Duration::from_secs(u64::try_from(at.seconds()).unwrap_or_default());
    Ok(DateTime::from_unix_duration(since_1970)?.into())
}

/// A serial number of 128 bits from the system after a mark, positive and without a leading zero.
fn serial(mark: &[u8]) -> Result<SerialNumber, CertError> {
    use ring::rand::SecureRandom;
    let mut bytes = [0u8; 16];
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| CertError::NoRandomness)?;
    if mark.is_empty() {
        bytes[0] = bytes[0] & 0x7f | 0x40;
    }
    Ok(SerialNumber::new(&[mark, &bytes[..]].concat())?)
}

/// Country, organisation, Russian identifiers, common name, in this order.
fn name(subject: &Subject) -> Result<Name, CertError> {
    let mut parts = vec![(COUNTRY_NAME, Any::encode_from(&PrintableStringRef::new("RU")?)?)];
    if let Some(organization) = &subject.organization {
        parts.push((ORGANIZATION_NAME, Any::encode_from(&Utf8StringRef::new(organization)?)?));
    }
    for (identifier, digits) in &subject.identifiers {
        parts.push((identifier.oid(), numeric(*identifier, digits)?));
    }
    parts.push((COMMON_NAME, Any::encode_from(&Utf8StringRef::new(&subject.common_name)?)?));
    let mut sequence = RdnSequence::default();
    for (oid, value) in parts {
        sequence.push(RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid, value }])?);
    }
    // The crate makes no name of parts, but reads one.
    Ok(Name::from_der(&sequence.to_der()?)?)
}

/// NumericString, which `der` has no type for. A legal entity's tax number stands with two zeros before it in older
/// certificates, so the count of digits is only bounded.
fn numeric(identifier: Identifier, digits: &str) -> Result<Any, CertError> {
    let fits = (1..=identifier.digits().max(12)).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !fits {
        return Err(CertError::UnfitIdentifier { name: identifier.as_str(), value: digits.to_owned() });
    }
    Ok(Any::new(Tag::NumericString, digits.as_bytes())?)
}

fn alternative_names(hosts: &[String], addresses: &[IpAddr]) -> Result<Vec<GeneralName>, CertError> {
    let names = hosts.iter().map(|host| dns(host));
    names.chain(addresses.iter().map(|address| Ok(GeneralName::from(*address)))).collect()
}

fn dns(host: &str) -> Result<GeneralName, CertError> {
    Ok(GeneralName::DnsName(Ia5String::new(host)?))
}
