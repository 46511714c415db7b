//! The bridge to `rcgen`: our keys as its keys, instants as its instants, profiles as its parameters.

use std::net::IpAddr;

use contract::time::{Span, Timestamp};
use crypto::{Family, PrivateKey, PublicKey};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    PublicKeyData, SanType, SerialNumber, SignatureAlgorithm, SigningKey,
};

use crate::{CertError, KeyUsage, Names, Profile, Subject, Usage, Validity};

/// Host of certificates that are for another host.
const OTHER_HOST: &str = "other-host.stend.example";

/// A private key that `rcgen` can sign with.
pub(crate) struct Signing<'a>(pub(crate) &'a PrivateKey);

/// A public key that `rcgen` can certify.
pub(crate) struct Certified<'a>(pub(crate) &'a PublicKey);

fn algorithm(family: Family) -> &'static SignatureAlgorithm {
    match family {
        Family::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        // Refused before it comes to this: see `known`.
        Family::Gost256 | Family::Gost512 => &rcgen::PKCS_ED25519,
        Family::Rsa => &rcgen::PKCS_RSA_SHA256,
    }
}

/// The builder cannot write keys of GOST.
pub(crate) fn known(family: Family) -> Result<(), CertError> {
    if family.is_gost() { Err(CertError::Generation(format!("keys of {family} are not known here"))) } else { Ok(()) }
}

impl PublicKeyData for Signing<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public().subject_public_key()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        algorithm(self.0.family())
    }
}

impl SigningKey for Signing<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

impl PublicKeyData for Certified<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.subject_public_key()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        algorithm(self.0.family())
    }
}

const DAY: i64 = 86_400;

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

/// An instant as the calendar type of `rcgen`, whose crate is not a dependency of ours. Before 1970 there is nothing.
macro_rules! moment {
    ($at:expr) => {
        rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(u64::try_from($at.seconds()).unwrap_or_default())
    };
}
pub(crate) use moment;

/// A serial number of 128 bits from the system, positive and without a leading zero.
pub(crate) fn serial() -> Result<Vec<u8>, CertError> {
    use ring::rand::SecureRandom;
    let mut bytes = [0u8; 16];
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| CertError::NoRandomness)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes.to_vec())
}

fn subject_name(subject: &Subject) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "RU");
    if let Some(organization) = &subject.organization {
        name.push(DnType::OrganizationName, organization.as_str());
    }
    name.push(DnType::CommonName, subject.common_name.as_str());
    name
}

/// Parameters of the authority's own certificate.
pub(crate) fn authority_params(subject: &Subject, now: Timestamp) -> Result<CertificateParams, CertError> {
    let [from, to] = authority_time(now);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject_name(subject);
    params.not_before = moment!(from);
    params.not_after = moment!(to);
    params.serial_number = Some(SerialNumber::from(serial()?));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Parameters of a certificate of this profile.
pub(crate) fn params(
    profile: &Profile,
    subject: &Subject,
    now: Timestamp,
    within: [Timestamp; 2],
) -> Result<CertificateParams, CertError> {
    let [from, to] = time(profile.validity, now, within);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject_name(subject);
    params.not_before = moment!(from);
    params.not_after = moment!(to);
    params.serial_number = Some(SerialNumber::from(serial()?));
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = profile
        .key_usage
        .iter()
        .map(|usage| match usage {
            KeyUsage::DigitalSignature => KeyUsagePurpose::DigitalSignature,
            KeyUsage::KeyAgreement => KeyUsagePurpose::KeyAgreement,
            KeyUsage::KeyCertSign => KeyUsagePurpose::KeyCertSign,
            KeyUsage::KeyEncipherment => KeyUsagePurpose::KeyEncipherment,
            KeyUsage::NonRepudiation => KeyUsagePurpose::ContentCommitment,
        })
        .collect();
    params.extended_key_usages = profile
        .usage
        .iter()
        .map(|usage| match usage {
            Usage::ClientAuth => ExtendedKeyUsagePurpose::ClientAuth,
            Usage::ServerAuth => ExtendedKeyUsagePurpose::ServerAuth,
        })
        .collect();
    params.subject_alt_names = match profile.names {
        Names::Other => vec![dns(OTHER_HOST)?],
        Names::SubjectAlternative => alternative_names(&subject.dns, &subject.ips)?,
        Names::SubjectOnly => Vec::new(),
    };
    Ok(params)
}

fn alternative_names(hosts: &[String], addresses: &[IpAddr]) -> Result<Vec<SanType>, CertError> {
    let names = hosts.iter().map(|host| dns(host));
    names.chain(addresses.iter().map(|address| Ok(SanType::IpAddress(*address)))).collect()
}

fn dns(host: &str) -> Result<SanType, CertError> {
    host.try_into().map(SanType::DnsName).map_err(|error: rcgen::Error| CertError::Generation(error.to_string()))
}
