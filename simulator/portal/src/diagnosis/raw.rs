//! Why a raw signature does not verify: tried against everything that clients are known to do.

use crypto::raw::{Misdigest, Turn};
use crypto::{Family, PublicKey, base64, raw as signature};
use domain::Refusal;
use ring::signature as ring_sig;
use ring::signature::UnparsedPublicKey;

use super::guesses::guesses;
use super::secret::{Registered, Signed, WRONG};
use super::{Cause, causes};
use crate::oauth::signed;

/// The reason, the first that fits.
pub(super) fn explain(request: &Signed<'_>, named: &[&Registered], secret: &str, bytes: Option<&[u8]>) -> Refusal {
    let order = signed::orders(request.version, request.ask)[0];
    let wanted = format!("signature over {}", signed::shown(order, request.params));
    let refuse = |cause: &Cause, seen: String| cause.refuse(WRONG, seen, wanted.clone());
    let texts: Vec<String> = signed::orders(request.version, request.ask)
        .iter()
        .map(|order| signed::string(order, request.params))
        .collect();
    let keys: Vec<PublicKey> = named.iter().filter_map(|known| known.certificate.public_key().ok()).collect();

    if let Some(cause) = wrapping(&keys, &texts, secret, bytes) {
        return refuse(cause, format!("{} characters", secret.len()));
    }
    let Some(bytes) = bytes else {
        let why = base64::tolerant(secret).err().map(|error| error.to_string()).unwrap_or_default();
        return refuse(causes::SECRET_NOT_BASE64, why);
    };
    if crypto::cms::Container::read(bytes).is_ok() {
        return refuse(causes::CMS_INSTEAD_OF_RAW, format!("a CMS container of {} bytes", bytes.len()));
    }
    for key in &keys {
        for text in &texts {
            if let Some((cause, seen)) = making(key, text.as_bytes(), bytes) {
                return refuse(cause, seen.to_owned());
            }
        }
    }
    for known in request.own.iter().filter(|known| !named.iter().any(|named| named.certificate == known.certificate)) {
        if signs(known, &texts, bytes) {
            let seen = format!("signed by the key of {}", known.certificate.subject());
            return refuse(causes::SIGNATURE_OTHER_CERTIFICATE, seen);
        }
    }
    if let Some(known) = request.others.iter().find(|known| signs(known, &texts, bytes)) {
        let seen = format!("signed by the key of {}, registered for {}", known.certificate.subject(), known.client_id);
        return refuse(causes::CERTIFICATE_OF_OTHER_SYSTEM, seen);
    }
    let all = guesses(request.version, request.ask, request.params, request.addresses, request.earlier_state);
    for key in &keys {
        for guess in &all {
            match signature::verify(key, &guess.bytes, bytes) {
                signature::Outcome::Valid(_) => return refuse(guess.cause, guess.seen.clone()),
                signature::Outcome::ReversedOnly(_, turn) => {
                    return refuse(turned(turn), format!("it holds when {turn}, and also: {}", guess.seen));
                }
                signature::Outcome::Mismatch => {}
            }
        }
    }
    let right_length = keys.iter().any(|key| fits(key, bytes));
    if !right_length {
        let seen = format!("{} bytes for a key of {} bits", bytes.len(), keys.first().map_or(0, PublicKey::bits));
        return refuse(causes::SIGNATURE_LENGTH, seen);
    }
    let names = named.iter().map(|known| known.certificate.subject()).collect::<Vec<_>>().join(", ");
    refuse(
        causes::SIGNATURE_UNEXPLAINED,
        format!("{} bytes that no key of {names} made over any string tried", bytes.len()),
    )
}

/// The signature is right, its writing is not.
fn wrapping(keys: &[PublicKey], texts: &[String], secret: &str, bytes: Option<&[u8]>) -> Option<&'static Cause> {
    let right = |bytes: &[u8]| keys.iter().any(|key| texts.iter().any(|text| holds(key, text.as_bytes(), bytes)));
    if hex::decode(secret.trim()).is_ok_and(|bytes| right(&bytes)) {
        return Some(causes::SECRET_HEX);
    }
    let inner = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok())?;
    base64::tolerant(inner.trim()).is_ok_and(|inner| right(&inner.bytes)).then_some(causes::SECRET_ENCODED_TWICE)
}

/// The text is right, the signing was not.
fn making(key: &PublicKey, text: &[u8], bytes: &[u8]) -> Option<(&'static Cause, &'static str)> {
    if let signature::Outcome::ReversedOnly(_, turn) = signature::verify(key, text, bytes) {
        return Some(match (turn, key.family().is_gost()) {
            (Turn::Halves, true) => (turned(turn), "r then s"),
            (Turn::Halves, false) => (turned(turn), "s then r"),
            (Turn::EachHalf, _) => (turned(turn), "it verifies when the bytes of each half are reversed"),
            (Turn::Whole, _) => (turned(turn), "it verifies when its bytes are reversed"),
        });
    }
    if let Some(wrong) = signature::misdigested(key, text, bytes) {
        return Some(match wrong {
            Misdigest::OfDigest => (causes::SIGNATURE_OF_DIGEST, "the digest was digested once more"),
            Misdigest::OfHexDigest => (causes::SIGNATURE_OF_DIGEST, "the digest's hex text was signed"),
            Misdigest::Reversed => (causes::SIGNATURE_OTHER_DIGEST, "the digest with its bytes reversed"),
            Misdigest::Sha256 => (causes::SIGNATURE_OTHER_DIGEST, "GOST over SHA-256"),
        });
    }
    let with = |algorithm: &'static dyn ring_sig::VerificationAlgorithm| {
        UnparsedPublicKey::new(algorithm, key.subject_public_key()).verify(text, bytes).is_ok()
    };
    match key.family() {
        Family::Rsa => {
            if with(&ring_sig::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY) {
                return Some((causes::SIGNATURE_SHA1, "RSA PKCS#1 v1.5 with SHA-1"));
            }
            if with(&ring_sig::RSA_PSS_2048_8192_SHA256) {
                return Some((causes::SIGNATURE_PSS, "RSA-PSS with SHA-256"));
            }
            if with(&ring_sig::RSA_PKCS1_2048_8192_SHA384) {
                return Some((causes::SIGNATURE_OTHER_DIGEST, "RSA PKCS#1 v1.5 with SHA-384"));
            }
            with(&ring_sig::RSA_PKCS1_2048_8192_SHA512)
                .then_some((causes::SIGNATURE_OTHER_DIGEST, "RSA PKCS#1 v1.5 with SHA-512"))
        }
        Family::EcdsaP256 => {
            if with(&ring_sig::ECDSA_P256_SHA384_ASN1) {
                return Some((causes::SIGNATURE_OTHER_DIGEST, "ECDSA with SHA-384"));
            }
            None
        }
        Family::Gost256 | Family::Gost512 => None,
    }
}

/// The cause of a signature whose bytes stand in another order.
pub(super) fn turned(turn: Turn) -> &'static Cause {
    match turn {
        Turn::Halves => causes::SIGNATURE_HALVES_SWAPPED,
        Turn::EachHalf | Turn::Whole => causes::SIGNATURE_BYTES_REVERSED,
    }
}

fn signs(known: &Registered, texts: &[String], bytes: &[u8]) -> bool {
    let Ok(key) = known.certificate.public_key() else { return false };
    texts.iter().any(|text| holds(&key, text.as_bytes(), bytes))
}

fn holds(key: &PublicKey, text: &[u8], bytes: &[u8]) -> bool {
    matches!(signature::verify(key, text, bytes), signature::Outcome::Valid(_))
}

/// Whether the length is that of a signature by this key.
fn fits(key: &PublicKey, bytes: &[u8]) -> bool {
    match key.family() {
        Family::Rsa => bytes.len() * 8 == key.bits().div_ceil(8) * 8,
        Family::Gost256 => bytes.len() == 64,
        Family::Gost512 => bytes.len() == 128,
        // r ‖ s, or DER whose outer length agrees.
        Family::EcdsaP256 => {
            bytes.len() == 64 || matches!(bytes, [0x30, length, rest @ ..] if rest.len() == usize::from(*length))
        }
    }
}
