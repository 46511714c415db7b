//! Keys for RSA recipients: RSAES-OAEP (RFC 3560) written and read, RSAES-PKCS1-v1_5 (RFC 3370 §4.2.1) read.
//!
//! The latter is open to Bleichenbacher's question whether a ciphertext was padded rightly, so it is never answered: what
//! is not padded rightly, or is not as long as the content's key, becomes another key that depends on the ciphertext
//! alone (the crate's implicit rejection, and a digest for the length). The content then fails as damaged content does.
//! The arithmetic is blinded; the crate `rsa` says of itself that it is not proven to be constant in time.

use ::cms::content_info::CmsVersion;
use ::cms::enveloped_data::{KeyTransRecipientInfo, RecipientIdentifier, RecipientInfo};
use ::rsa::pkcs1::RsaOaepParamsOwned;
use ::rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ::rsa::{Oaep, Pkcs1v15Encrypt, RsaPrivateKey, RsaPublicKey};
use der::Any;
use der::asn1::{ObjectIdentifier, OctetString};
use der::oid::db::rfc5912::{
    ID_MGF_1, ID_P_SPECIFIED, ID_RSAES_OAEP, ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION,
};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::names::Role;
use super::{EnvelopeError, Options, chance, recipient};
use crate::{Certificate, KeyError, PrivateKey};

/// Wraps by RSAES-OAEP with SHA-256 and MGF1 with the same.
pub(super) fn wrap(
    certificate: &Certificate,
    key: &[u8; 32],
    options: &Options,
) -> Result<RecipientInfo, EnvelopeError> {
    let public = RsaPublicKey::from_public_key_der(certificate.public_key()?.spki_der()).map_err(unusable)?;
    let wrapped = public.encrypt(&mut chance()?, Oaep::<Sha256>::new(), key).map_err(unusable)?;
    let digest = AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: Some(Any::null()) };
    let parameters = RsaOaepParamsOwned {
        hash: digest.clone(),
        mask_gen: spki::AlgorithmIdentifier { oid: ID_MGF_1, parameters: Some(digest) },
        ..Default::default()
    };
    let rid = recipient::name(certificate, options)?;
    let version = match rid {
        RecipientIdentifier::IssuerAndSerialNumber(_) => CmsVersion::V0,
        RecipientIdentifier::SubjectKeyIdentifier(_) => CmsVersion::V2,
    };
    let key_enc_alg = AlgorithmIdentifierOwned { oid: ID_RSAES_OAEP, parameters: Some(Any::encode_from(&parameters)?) };
    let enc_key = OctetString::new(wrapped)?;
    Ok(RecipientInfo::Ktri(KeyTransRecipientInfo { version, rid, key_enc_alg, enc_key }))
}

/// Unwraps a key of `wanted` bytes.
pub(super) fn unwrap(
    private: &PrivateKey,
    info: &KeyTransRecipientInfo,
    wanted: usize,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let own = RsaPrivateKey::from_pkcs8_der(private.pkcs8_der()).map_err(unusable)?;
    let bytes = info.enc_key.as_bytes();
    match info.key_enc_alg.oid {
        RSA_ENCRYPTION => {
            if info.key_enc_alg.parameters.as_ref().is_some_and(|given| *given != Any::null()) {
                return Err(EnvelopeError::NotCms("parameters of the key transport that are not NULL".to_owned()));
            }
            // An error here is of what everybody sees: the length of the ciphertext, a number above the modulus.
            let message = own.decrypt_blinded(&mut chance()?, Pkcs1v15Encrypt, bytes);
            let message = Zeroizing::new(message.map_err(|_| EnvelopeError::KeyDamaged)?);
            let mut other = Zeroizing::new(crate::digest::sha512(&message).to_vec());
            other.truncate(wanted);
            Ok(if message.len() == wanted { message } else { other })
        }
        ID_RSAES_OAEP => {
            let absent = || EnvelopeError::NotCms("the parameters of the key transport are missing".to_owned());
            let parameters = info.key_enc_alg.parameters.as_ref().ok_or_else(absent)?;
            from_oaep(&own, &parameters.decode_as()?, bytes)
        }
        other => Err(Role::KeyTransport.unknown(other)),
    }
}

fn from_oaep(
    own: &RsaPrivateKey,
    parameters: &RsaOaepParamsOwned,
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    if parameters.mask_gen.oid != ID_MGF_1 {
        return Err(Role::MaskGeneration.unknown(parameters.mask_gen.oid));
    }
    let label = &parameters.p_source;
    let is_empty = |given: &Any| given.decode_as::<OctetString>().is_ok_and(|label| label.as_bytes().is_empty());
    if label.oid != ID_P_SPECIFIED || !label.parameters.as_ref().is_some_and(is_empty) {
        return Err(EnvelopeError::NotCms("a label of RSAES-OAEP that is not empty".to_owned()));
    }
    let mask = parameters.mask_gen.parameters.as_ref();
    let mask = mask.ok_or_else(|| EnvelopeError::NotCms("the mask generation without its digest".to_owned()))?;
    let mut chance = chance()?;
    let message = match (digest(&parameters.hash)?, digest(mask)?) {
        (ID_SHA_1, ID_SHA_1) => own.decrypt_blinded(&mut chance, Oaep::<Sha1>::new(), bytes),
        (ID_SHA_256, ID_SHA_256) => own.decrypt_blinded(&mut chance, Oaep::<Sha256>::new(), bytes),
        (ID_SHA_384, ID_SHA_384) => own.decrypt_blinded(&mut chance, Oaep::<Sha384>::new(), bytes),
        (ID_SHA_512, ID_SHA_512) => own.decrypt_blinded(&mut chance, Oaep::<Sha512>::new(), bytes),
        // What Java calls OAEPWithSHA-256AndMGF1Padding and its sister with 512.
        (ID_SHA_256, ID_SHA_1) => own.decrypt_blinded(&mut chance, Oaep::<Sha256, Sha1>::new_with_mgf_hash(), bytes),
        (ID_SHA_512, ID_SHA_1) => own.decrypt_blinded(&mut chance, Oaep::<Sha512, Sha1>::new_with_mgf_hash(), bytes),
        (_, mask) => return Err(Role::MaskGeneration.unknown(mask)),
    };
    Ok(Zeroizing::new(message.map_err(|_| EnvelopeError::KeyDamaged)?))
}

/// A digest by name, with NULL as its parameters or none.
fn digest(algorithm: &AlgorithmIdentifierOwned) -> Result<ObjectIdentifier, EnvelopeError> {
    let is_known = [ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512].contains(&algorithm.oid);
    if !is_known {
        return Err(Role::Digest.unknown(algorithm.oid));
    }
    if algorithm.parameters.as_ref().is_some_and(|given| *given != Any::null()) {
        return Err(EnvelopeError::NotCms("parameters of a digest that are not NULL".to_owned()));
    }
    Ok(algorithm.oid)
}

fn unusable(error: impl std::fmt::Display) -> EnvelopeError {
    EnvelopeError::KeyUnusable(KeyError::Malformed(error.to_string()))
}
