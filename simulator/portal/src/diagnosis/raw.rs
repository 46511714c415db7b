//! Why a raw signature does not verify: tried against everything that clients are known to do.

use crypto::gost::Curve;
use crypto::raw::{Misdigest, Turn};
use crypto::{Family, PublicKey, base64, digest, raw as signature};
use domain::Refusal;
use ring::signature as ring_sig;
use ring::signature::UnparsedPublicKey;

use super::guesses::guesses;
use super::secret::{Registered, Signed, WRONG};
use super::{Cause, causes, certificate};
use crate::oauth::signed;

/// So many of the likeliest strings are tried with the bytes in another order too.
const TURNED: usize = 64;

/// The reason, the first that fits.
pub(super) fn explain(request: &Signed<'_>, named: &[&Registered], secret: &str, bytes: Option<&[u8]>) -> Refusal {
    let order = signed::orders(request.version, request.ask)[0];
    let wanted = format!("signature over {}", signed::shown(order, request.params));
    let refuse = |cause: &Cause, seen: String| cause.refuse(WRONG, seen, wanted.clone());
    let texts: Vec<String> = signed::orders(request.version, request.ask)
        .iter()
        .map(|order| signed::string(order, request.params))
        .collect();
    let keys: Vec<&PublicKey> = named.iter().filter_map(|known| known.key.as_ref()).collect();

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
        if known.key.as_ref().is_some_and(|key| signs(key, &texts, bytes)) {
            let seen = format!("signed by the key of {}", known.certificate.subject());
            return match known.key.as_ref().and_then(|by| on_other_curve(by, &keys)) {
                Some(how) => refuse(causes::SIGNATURE_OTHER_CURVE, format!("{seen}: {how}")),
                None => refuse(causes::SIGNATURE_OTHER_CERTIFICATE, seen),
            };
        }
    }
    let of_other = |known: &&Registered| known.key.as_ref().is_some_and(|key| signs(key, &texts, bytes));
    if let Some(known) = request.others.iter().find(of_other) {
        let seen = format!("signed by the key of {}, registered for {}", known.certificate.subject(), known.client_id);
        return refuse(causes::CERTIFICATE_OF_OTHER_SYSTEM, seen);
    }
    for issued in request.trust.0.issued() {
        let Some(by) = issued.public_key().ok().filter(|key| signs(key, &texts, bytes)) else { continue };
        let seen =
            format!("signed by the key of {}, which our authority issued and nobody registered", issued.subject());
        return match on_other_curve(&by, &keys) {
            Some(how) => refuse(causes::SIGNATURE_OTHER_CURVE, format!("{seen}: {how}")),
            None => refuse(causes::CERTIFICATE_UNREGISTERED, seen),
        };
    }
    let all = guesses(request.version, request.ask, request.params, request.addresses, request.earlier_state);
    for key in &keys {
        for (at, guess) in all.iter().enumerate() {
            if holds(key, &guess.bytes, bytes) {
                return refuse(guess.cause, guess.seen.clone());
            }
            // Two mistakes at once: only with the likely strings, because each order of the bytes is one more try.
            let turn =
                if at < TURNED { signature::verify(key, &guess.bytes, bytes) } else { signature::Outcome::Mismatch };
            if let signature::Outcome::ReversedOnly(_, turn) = turn {
                return refuse(turned(turn), format!("it holds when {turn}, and also: {}", guess.seen));
            }
        }
    }
    if let Some(how) = keys.iter().find_map(|key| out_of_place(key, bytes)) {
        return refuse(causes::SIGNATURE_OTHER_CURVE, how);
    }
    let right_length = keys.iter().any(|key| fits(key, bytes));
    if !right_length {
        let bits = keys.first().map_or(0, |key| key.bits());
        return refuse(causes::SIGNATURE_LENGTH, format!("{} bytes for a key of {bits} bits", bytes.len()));
    }
    let names = named.iter().map(|known| known.certificate.subject()).collect::<Vec<_>>().join(", ");
    refuse(
        causes::SIGNATURE_UNEXPLAINED,
        format!("{} bytes that no key of {names} made over any string tried", bytes.len()),
    )
}

/// The signature is right, its writing is not.
fn wrapping(keys: &[&PublicKey], texts: &[String], secret: &str, bytes: Option<&[u8]>) -> Option<&'static Cause> {
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
            (Turn::EachHalf, _) => {
                (turned(turn), "it verifies when the bytes of each half are reversed in their places")
            }
            (Turn::Whole, _) => (turned(turn), "it verifies when its bytes are reversed"),
        });
    }
    if let Some(wrong) = signature::misdigested(key, text, bytes) {
        return Some(match wrong {
            Misdigest::OfDigest => (causes::SIGNATURE_OF_DIGEST, "the digest was digested once more"),
            Misdigest::OfHexDigest => (causes::SIGNATURE_OF_DIGEST, "the digest's hex text was signed"),
            Misdigest::Reversed => (causes::SIGNATURE_DIGEST_REVERSED, "the digest with its bytes reversed"),
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
        Family::Gost512 => {
            let over_sha = key.gost().is_some_and(|key| key.verify_digest(&digest::sha512(text), bytes));
            over_sha.then_some((causes::SIGNATURE_OTHER_DIGEST, "GOST over SHA-512"))
        }
        Family::Gost256 => None,
    }
}

/// The cause of a signature whose bytes stand in another order.
pub(super) fn turned(turn: Turn) -> &'static Cause {
    match turn {
        Turn::Halves => causes::SIGNATURE_HALVES_SWAPPED,
        Turn::EachHalf => causes::SIGNATURE_HALF_BYTES_REVERSED,
        Turn::Whole => causes::SIGNATURE_BYTES_REVERSED,
    }
}

fn signs(key: &PublicKey, texts: &[String], bytes: &[u8]) -> bool {
    texts.iter().any(|text| holds(key, text.as_bytes(), bytes))
}

/// How the parameter set of the key that signed differs from that of the keys that should have.
fn on_other_curve(by: &PublicKey, named: &[&PublicKey]) -> Option<String> {
    let seen = certificate::curve(by)?;
    let wanted: Vec<Curve> = named.iter().filter_map(|key| certificate::curve(key)).collect();
    let wanted = wanted.first().filter(|_| !wanted.contains(&seen))?;
    Some(format!("it is on {seen}, the certificate named is on {wanted}"))
}

/// What shows that no key on this curve can have made these bytes: they have the length of the other size, or one of the
/// two numbers is not below the order of the curve.
fn out_of_place(key: &PublicKey, bytes: &[u8]) -> Option<String> {
    let curve = certificate::curve(key)?;
    let size = 2 * curve.size();
    if bytes.len() == if size == 64 { 128 } else { 64 } {
        let (seen, wanted) = (bytes.len() * 4, size * 4);
        return Some(format!("{} bytes, a signature of {seen} bits, for a key of {wanted} bits", bytes.len()));
    }
    let beyond = bytes.len() == size && !curve.admits(bytes);
    beyond.then(|| format!("a number in it is not below the order of {curve}, on which the certificate named is"))
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
