//! Keys for recipients with a key on P-256: ephemeral-static ECDH (RFC 5753 §3.1), the derivation of X9.63 (SEC 1 §3.6.1)
//! and AES key wrap (RFC 3394).

use ::cms::content_info::CmsVersion;
use ::cms::enveloped_data::{
    KeyAgreeRecipientInfo, OriginatorIdentifierOrKey, OriginatorPublicKey, RecipientEncryptedKey, RecipientInfo,
};
use aes_kw::{KeyInit, KwAes128, KwAes256};
use der::asn1::{BitString, ObjectIdentifier, OctetString};
use der::oid::db::rfc5911::{ID_AES_128_WRAP, ID_AES_256_WRAP};
use der::oid::db::rfc5912::{ID_EC_PUBLIC_KEY, SECP_256_R_1};
use der::{Any, Encode, Sequence};
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::DecodePrivateKey;
use p256::{PublicKey, SecretKey};
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::names::{ECDH_SHA1, ECDH_SHA256, ECDH_SHA384, ECDH_SHA512, Role};
use super::{EnvelopeError, Holder, Options, chance, recipient};
use crate::{Certificate, KeyError};

/// ECC-CMS-SharedInfo (RFC 5753 §7.2).
#[derive(Sequence)]
struct SharedInfo {
    wrap: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    ukm: Option<OctetString>,
    /// The length of the wrapping key in bits, in four bytes.
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    bits: OctetString,
}

/// Wraps by dhSinglePass-stdDH-sha256kdf-scheme and AES-256.
pub(super) fn wrap(
    certificate: &Certificate,
    key: &[u8; 32],
    options: &Options,
) -> Result<RecipientInfo, EnvelopeError> {
    let theirs = PublicKey::from_sec1_bytes(certificate.public_key()?.subject_public_key()).map_err(unusable)?;
    let ephemeral = SecretKey::generate_from_rng(&mut chance()?);
    let wrap = AlgorithmIdentifierOwned { oid: ID_AES_256_WRAP, parameters: None };
    let kek = derived(&ephemeral, &theirs, &SHA256, &wrap, None, 32)?;
    let mut wrapped = [0; 40];
    let cipher = KwAes256::new_from_slice(&kek).map_err(unusable)?;
    cipher.wrap_key(key, &mut wrapped).map_err(unusable)?;
    let originator = OriginatorPublicKey {
        algorithm: AlgorithmIdentifierOwned { oid: ID_EC_PUBLIC_KEY, parameters: Some(Any::from(&SECP_256_R_1)) },
        public_key: BitString::from_bytes(ephemeral.public_key().to_sec1_point(false).as_bytes())?,
    };
    let rid = recipient::name_for_agreement(certificate, options)?;
    Ok(RecipientInfo::Kari(KeyAgreeRecipientInfo {
        version: CmsVersion::V3,
        originator: OriginatorIdentifierOrKey::OriginatorKey(originator),
        ukm: None,
        key_enc_alg: AlgorithmIdentifierOwned { oid: ECDH_SHA256[0], parameters: Some(Any::encode_from(&wrap)?) },
        recipient_enc_keys: vec![RecipientEncryptedKey { rid, enc_key: OctetString::new(wrapped)? }],
    }))
}

pub(super) fn unwrap(
    holder: &Holder<'_>,
    info: &KeyAgreeRecipientInfo,
    key: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let theirs = public(&recipient::originator(&info.originator, holder.senders)?)?;
    let digest = digest(info.key_enc_alg.oid)?;
    let absent = || EnvelopeError::NotCms("the parameters of the key agreement are missing".to_owned());
    let wrap: AlgorithmIdentifierOwned = info.key_enc_alg.parameters.as_ref().ok_or_else(absent)?.decode_as()?;
    let size = match wrap.oid {
        ID_AES_128_WRAP => 16,
        ID_AES_256_WRAP => 32,
        other => return Err(Role::KeyWrap.unknown(other)),
    };
    // No content's key is longer than 32 bytes.
    if !(16..=40).contains(&key.len()) {
        return Err(EnvelopeError::KeyDamaged);
    }
    let own = SecretKey::from_pkcs8_der(holder.key.pkcs8_der()).map_err(unusable)?;
    let kek = derived(&own, &theirs, digest, &wrap, info.ukm.as_ref(), size)?;
    let mut out = Zeroizing::new(vec![0; key.len() - 8]);
    let opened = match size {
        16 => KwAes128::new_from_slice(&kek).map_err(unusable)?.unwrap_key(key, &mut out).is_ok(),
        _ => KwAes256::new_from_slice(&kek).map_err(unusable)?.unwrap_key(key, &mut out).is_ok(),
    };
    if opened { Ok(out) } else { Err(EnvelopeError::KeyDamaged) }
}

/// The shared secret, stretched to a key of `size` bytes.
fn derived(
    own: &SecretKey,
    theirs: &PublicKey,
    digest: &'static Algorithm,
    wrap: &AlgorithmIdentifierOwned,
    ukm: Option<&OctetString>,
    size: usize,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let shared = p256::ecdh::diffie_hellman(own.to_nonzero_scalar(), theirs.as_affine());
    let bits = u32::try_from(8 * size).unwrap_or(u32::MAX).to_be_bytes();
    let info = SharedInfo { wrap: wrap.clone(), ukm: ukm.cloned(), bits: OctetString::new(bits)? }.to_der()?;
    let mut out = Zeroizing::new(Vec::with_capacity(size + digest.output_len()));
    for counter in 1u32.. {
        let mut context = Context::new(digest);
        context.update(shared.raw_secret_bytes());
        context.update(&counter.to_be_bytes());
        context.update(&info);
        out.extend_from_slice(context.finish().as_ref());
        if out.len() >= size {
            break;
        }
    }
    out.truncate(size);
    Ok(out)
}

/// The originator's point; its algorithm may leave the curve to the recipient's certificate (RFC 5753 §3.1.1).
fn public(originator: &SubjectPublicKeyInfoOwned) -> Result<PublicKey, EnvelopeError> {
    if originator.algorithm.oid != ID_EC_PUBLIC_KEY {
        return Err(Role::KeyAgreement.unknown(originator.algorithm.oid));
    }
    let names_it = |given: &Any| *given == Any::null() || given.decode_as() == Ok(SECP_256_R_1);
    if !originator.algorithm.parameters.as_ref().is_none_or(names_it) {
        return Err(EnvelopeError::NotCms("the originator's key is on another curve than P-256".to_owned()));
    }
    let point = originator.subject_public_key.as_bytes().and_then(|point| PublicKey::from_sec1_bytes(point).ok());
    point.ok_or_else(|| EnvelopeError::NotCms("the originator's key is not a point of P-256".to_owned()))
}

/// The digest of the derivation.
fn digest(agreement: ObjectIdentifier) -> Result<&'static Algorithm, EnvelopeError> {
    let known = [
        (ECDH_SHA1, &SHA1_FOR_LEGACY_USE_ONLY),
        (ECDH_SHA256, &SHA256),
        (ECDH_SHA384, &SHA384),
        (ECDH_SHA512, &SHA512),
    ];
    let found = known.into_iter().find(|(oids, _)| oids.contains(&agreement));
    found.map(|(_, digest)| digest).ok_or_else(|| Role::KeyAgreement.unknown(agreement))
}

fn unusable(error: impl std::fmt::Display) -> EnvelopeError {
    EnvelopeError::KeyUnusable(KeyError::Malformed(error.to_string()))
}
