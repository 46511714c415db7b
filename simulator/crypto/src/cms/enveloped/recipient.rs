//! Who a message is for: the recipient that a certificate's holder is, and the ways in which a key reaches one.

use ::cms::cert::IssuerAndSerialNumber;
use ::cms::enveloped_data::{
    KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, KeyTransRecipientInfo, OriginatorIdentifierOrKey,
    RecipientIdentifier, RecipientInfo, RecipientKeyIdentifier,
};
use ::cms::signed_data::SignerIdentifier;
use der::asn1::{OctetString, SetOfVec};
use der::{Any, Decode};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use zeroize::Zeroizing;

use super::content::Method;
use super::{EnvelopeError, Holder, Options, ec, gost, rsa, wire};
use crate::cms::SignerId;
use crate::{Certificate, Family};

/// Recipients that are looked at. Somebody who sends more wants the reader's time.
const MOST: usize = 1000;

/// The content's key as it stands in a message for one recipient.
pub(super) enum Wrapped {
    Agreed(Box<KeyAgreeRecipientInfo>, OctetString),
    Transported(Box<KeyTransRecipientInfo>),
}

/// Wraps the content's key for the holder of a certificate.
pub(super) fn wrap(
    certificate: &Certificate,
    method: &Method,
    key: &[u8; 32],
    options: &Options,
) -> Result<RecipientInfo, EnvelopeError> {
    match certificate.public_key()?.family() {
        Family::EcdsaP256 => ec::wrap(certificate, key, options),
        Family::Gost256 | Family::Gost512 => gost::wrap(certificate, method, key, options),
        Family::Rsa => rsa::wrap(certificate, key, options),
    }
}

impl Wrapped {
    /// What is there for the holder of this certificate: the first that names it.
    pub(super) fn find(recipients: &SetOfVec<Any>, certificate: &Certificate) -> Result<Self, EnvelopeError> {
        if recipients.len() > MOST {
            return Err(EnvelopeError::NotCms(format!("{} recipients; {MOST} are the most", recipients.len())));
        }
        let mut unreadable = None;
        for member in recipients.iter() {
            match Self::of(member, certificate) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                // It may be somebody else's, in a form that is not known here.
                Err(error) => unreadable = unreadable.or(Some(error)),
            }
        }
        match unreadable {
            Some(error) => Err(EnvelopeError::NotCms(format!("a recipient: {error}"))),
            None => Err(EnvelopeError::NotForThisCertificate { recipients: recipients.len() }),
        }
    }

    fn of(member: &Any, certificate: &Certificate) -> der::Result<Option<Self>> {
        match wire::exact::<RecipientInfo>(member)? {
            RecipientInfo::Ktri(info) => Ok(names(&info.rid, certificate)?.then(|| Self::Transported(Box::new(info)))),
            RecipientInfo::Kari(info) => {
                for key in info.recipient_enc_keys.iter().take(MOST) {
                    if names_for_agreement(&key.rid, certificate)? {
                        let key = key.enc_key.clone();
                        return Ok(Some(Self::Agreed(Box::new(info), key)));
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// The content's key, which should be `wanted` bytes long.
    pub(super) fn unwrap(&self, holder: &Holder<'_>, wanted: usize) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let unfit = |text: &str| Err(EnvelopeError::NotCms(text.to_owned()));
        match (holder.key.family(), self) {
            (Family::Gost256 | Family::Gost512, Self::Transported(info)) => gost::from_transport(holder, info),
            (Family::Gost256 | Family::Gost512, Self::Agreed(info, key)) => {
                gost::from_agreement(holder, info, key.as_bytes())
            }
            (Family::Rsa, Self::Transported(info)) => rsa::unwrap(holder.key, info, wanted),
            (Family::EcdsaP256, Self::Agreed(info, key)) => ec::unwrap(holder, info, key.as_bytes()),
            (Family::Rsa, Self::Agreed(..)) => unfit("key agreement with an RSA key"),
            (Family::EcdsaP256, Self::Transported(_)) => unfit("key transport to a key of ECDSA"),
        }
    }
}

/// The key of the other side of an agreement: that in the message, or that of a certificate which it names.
pub(super) fn originator(
    originator: &OriginatorIdentifierOrKey,
    senders: &[Certificate],
) -> Result<SubjectPublicKeyInfoOwned, EnvelopeError> {
    let id = match originator.clone() {
        OriginatorIdentifierOrKey::OriginatorKey(key) => {
            return Ok(SubjectPublicKeyInfoOwned { algorithm: key.algorithm, subject_public_key: key.public_key });
        }
        OriginatorIdentifierOrKey::IssuerAndSerialNumber(named) => RecipientIdentifier::IssuerAndSerialNumber(named),
        OriginatorIdentifierOrKey::SubjectKeyIdentifier(identifier) => {
            RecipientIdentifier::SubjectKeyIdentifier(identifier)
        }
    };
    for certificate in senders {
        if names(&id, certificate)? {
            return Ok(SubjectPublicKeyInfoOwned::from_der(certificate.spki_der())?);
        }
    }
    Err(EnvelopeError::OriginatorUnknown)
}

/// How a recipient of key transport is named.
pub(super) fn name(certificate: &Certificate, options: &Options) -> der::Result<RecipientIdentifier> {
    Ok(match key_identifier(certificate, options)? {
        Some(identifier) => RecipientIdentifier::SubjectKeyIdentifier(identifier),
        None => RecipientIdentifier::IssuerAndSerialNumber(issuer_and_serial(certificate)?),
    })
}

/// How a recipient of key agreement is named.
pub(super) fn name_for_agreement(
    certificate: &Certificate,
    options: &Options,
) -> der::Result<KeyAgreeRecipientIdentifier> {
    Ok(match key_identifier(certificate, options)? {
        Some(subject_key_identifier) => KeyAgreeRecipientIdentifier::RKeyId(RecipientKeyIdentifier {
            subject_key_identifier,
            date: None,
            other: None,
        }),
        None => KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(issuer_and_serial(certificate)?),
    })
}

fn key_identifier(certificate: &Certificate, options: &Options) -> der::Result<Option<SubjectKeyIdentifier>> {
    let identifier = certificate.key_identifier().filter(|_| options.by_key_identifier);
    identifier.map(|bytes| OctetString::new(bytes).map(SubjectKeyIdentifier)).transpose()
}

fn issuer_and_serial(certificate: &Certificate) -> der::Result<IssuerAndSerialNumber> {
    Ok(IssuerAndSerialNumber {
        issuer: Name::from_der(certificate.issuer_der())?,
        serial_number: SerialNumber::from_der(certificate.serial_der())?,
    })
}

/// A recipient is named as a signer is, so that the same comparison serves.
fn names(rid: &RecipientIdentifier, certificate: &Certificate) -> der::Result<bool> {
    let id = match rid.clone() {
        RecipientIdentifier::IssuerAndSerialNumber(named) => SignerIdentifier::IssuerAndSerialNumber(named),
        RecipientIdentifier::SubjectKeyIdentifier(identifier) => SignerIdentifier::SubjectKeyIdentifier(identifier),
    };
    Ok(SignerId::new(&id)?.is(certificate))
}

fn names_for_agreement(rid: &KeyAgreeRecipientIdentifier, certificate: &Certificate) -> der::Result<bool> {
    let id = match rid.clone() {
        KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(named) => RecipientIdentifier::IssuerAndSerialNumber(named),
        KeyAgreeRecipientIdentifier::RKeyId(named) => {
            RecipientIdentifier::SubjectKeyIdentifier(named.subject_key_identifier)
        }
    };
    names(&id, certificate)
}
