//! The v1 secret: a CMS over the string, and why it does not hold.

use crypto::cms::{CmsError, Container, Digest};
use crypto::gost::{streebog256, streebog512};
use crypto::{Family, base64, digest};
use domain::Refusal;

use super::guesses::{Guess, guesses};
use super::secret::{Registered, Signed, WRONG};
use super::{Cause, causes, certificate};
use crate::oauth::signed;

/// The row for a certificate that does not belong to the mnemonic.
const FOREIGN: &str = "ESIA-007002";

pub(super) fn prove(request: &Signed<'_>, secret: &str, bytes: Option<Vec<u8>>) -> Result<(), Refusal> {
    let order = signed::orders(request.version, request.ask)[0];
    let text = signed::string(order, request.params);
    let wanted = format!("detached CMS over {}", signed::shown(order, request.params));
    let refuse = |cause: &Cause, seen: String| cause.refuse(WRONG, seen, wanted.clone());

    let Some(bytes) = bytes else { return Err(unwrapped(request, secret, None, &wanted)) };
    let Ok(container) = Container::read(&bytes) else {
        return Err(unwrapped(request, secret, Some(&bytes), &wanted));
    };
    if container.signers.len() != 1 {
        return Err(refuse(causes::CMS_SIGNERS, format!("{} signers", container.signers.len())));
    }
    let known: Vec<_> = request.own.iter().map(|known| known.certificate.clone()).collect();
    let inside = container.signer_certificate();
    if let Some(stranger) = inside.filter(|inside| !known.contains(inside)) {
        return Err(certificate::stranger(stranger, request, FOREIGN));
    }
    match container.verify(text.as_bytes(), &known) {
        Ok(verified) if verified.attached && request.strict => {
            Err(refuse(causes::CMS_ATTACHED, format!("{} bytes of content inside the container", text.len())))
        }
        Ok(verified) => usable(request, &verified.signer),
        Err(error) => {
            if let Some(signer) = inside {
                usable(request, signer)?;
            }
            Err(explain(request, &container, &known, error, &wanted))
        }
    }
}

/// The signer is registered, or the container would not have verified: see [`certificate::taken`].
fn usable(request: &Signed<'_>, signer: &crypto::Certificate) -> Result<(), Refusal> {
    let known = request.own.iter().find(|known| known.certificate == *signer);
    known.map_or(Ok(()), |known| certificate::taken(known, request))
}

fn explain(
    request: &Signed<'_>,
    container: &Container,
    known: &[crypto::Certificate],
    error: CmsError,
    wanted: &str,
) -> Refusal {
    let refuse = |cause: &Cause, seen: String| cause.refuse(WRONG, seen, wanted);
    let all = || guesses(request.version, request.ask, request.params, request.addresses, request.earlier_state);
    let told = |guess: Option<Guess>, otherwise: &Cause, seen: String| match guess {
        Some(guess) => refuse(guess.cause, guess.seen),
        None => refuse(otherwise, seen),
    };
    match error {
        CmsError::AttachedContentDiffers { seen } => {
            let guess = all().into_iter().find(|guess| guess.bytes == seen);
            let text: String = String::from_utf8_lossy(&seen).chars().take(300).collect();
            told(guess, causes::CMS_CONTENT_DIFFERS, format!("content {text:?}"))
        }
        CmsError::MessageDigestMismatch { inside, .. } => {
            let family = container.signer_certificate().or(known.first()).and_then(|by| by.public_key().ok());
            let family = family.map_or(Family::Rsa, |key| key.family());
            let inside = hex::decode(&inside).unwrap_or_default();
            let order = signed::orders(request.version, request.ask)[0];
            let text = signed::string(order, request.params);
            if let Some((cause, seen)) = misdigested(family, text.as_bytes(), &inside) {
                return refuse(cause, seen.to_owned());
            }
            let guess = all().into_iter().find(|guess| of_family(family, &guess.bytes) == inside);
            let seen = format!("message-digest {} of an unknown text", hex::encode(&inside));
            told(guess, causes::SIGNATURE_UNEXPLAINED, seen)
        }
        CmsError::SignatureMismatch => {
            if container.signers.first().is_some_and(|signer| signer.has_signed_attributes) {
                // Found before message-digest is looked at: nothing is known of that one.
                return refuse(
                    causes::CMS_ATTRIBUTES_MISMATCH,
                    "the signature is not one over the signed attributes".to_owned(),
                );
            }
            let guess = all().into_iter().find(|guess| container.verify(&guess.bytes, known).is_ok());
            told(guess, causes::SIGNATURE_UNEXPLAINED, "a signature over an unknown text or by another key".to_owned())
        }
        CmsError::SignerCertificateMissing => refuse(
            causes::CMS_SIGNER_NOT_INCLUDED,
            "the signer's certificate is neither inside nor registered".to_owned(),
        ),
        CmsError::DigestUnsupported(digest) => {
            let cause = if digest == Digest::Sha1 { causes::SIGNATURE_SHA1 } else { causes::SIGNATURE_OTHER_DIGEST };
            refuse(cause, format!("digest {digest}"))
        }
        CmsError::SignatureTurned(turn) => refuse(super::raw::turned(turn), format!("it holds when {turn}")),
        CmsError::SignatureAlgorithmWrong { algorithm, family } => {
            let cause = match algorithm.as_str() {
                "1.2.840.113549.1.1.10" => causes::SIGNATURE_PSS,
                "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => causes::SIGNATURE_SHA1,
                _ => causes::SIGNATURE_OTHER_DIGEST,
            };
            refuse(cause, format!("algorithm {algorithm} with a key of {family}"))
        }
        CmsError::ContentTypeWrong | CmsError::MessageDigestMissing => {
            refuse(causes::CMS_ATTRIBUTES_MISMATCH, error.to_string())
        }
        CmsError::NoSigner | CmsError::SeveralSigners(_) => refuse(causes::CMS_SIGNERS, error.to_string()),
        CmsError::NotCms(_) | CmsError::NotSignedData(_) | CmsError::Key(_) | CmsError::SignerKey(_) => {
            refuse(causes::CMS_BROKEN, error.to_string())
        }
    }
}

/// The digest that goes with keys of a family.
fn of_family(family: Family, bytes: &[u8]) -> Vec<u8> {
    match family {
        Family::EcdsaP256 | Family::Rsa => digest::sha256(bytes).to_vec(),
        Family::Gost256 => streebog256(bytes).to_vec(),
        Family::Gost512 => streebog512(bytes).to_vec(),
    }
}

/// What else than the digest of the text stands in message-digest: the text is right, the digest is not.
fn misdigested(family: Family, text: &[u8], inside: &[u8]) -> Option<(&'static Cause, &'static str)> {
    let right = of_family(family, text);
    let reversed: Vec<u8> = right.iter().rev().copied().collect();
    if inside == reversed {
        return Some((causes::SIGNATURE_DIGEST_REVERSED, "message-digest with its bytes reversed"));
    }
    if inside == of_family(family, &right) || inside == of_family(family, hex::encode(&right).as_bytes()) {
        return Some((causes::SIGNATURE_OF_DIGEST, "message-digest is the digest of the digest"));
    }
    let others: [(&[u8], _); 4] = [
        (&digest::sha256(text), "message-digest is SHA-256"),
        (&digest::sha512(text), "message-digest is SHA-512"),
        (&streebog256(text), "message-digest is Streebog-256"),
        (&streebog512(text), "message-digest is Streebog-512"),
    ];
    let other = others.into_iter().find(|(digest, _)| *digest == inside);
    other.map(|(_, seen)| (causes::SIGNATURE_OTHER_DIGEST, seen))
}

/// The secret holds no container in DER: what else is it?
fn unwrapped(request: &Signed<'_>, secret: &str, bytes: Option<&[u8]>, wanted: &str) -> Refusal {
    let refuse = |cause: &Cause, seen: String| cause.refuse(WRONG, seen, wanted);
    let length = format!("{} characters", secret.len());
    if hex::decode(secret.trim()).is_ok_and(|bytes| Container::read(&bytes).is_ok()) {
        return refuse(causes::SECRET_HEX, length);
    }
    let inner = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
    if secret.contains("-----BEGIN") || inner.is_some_and(|text| text.contains("-----BEGIN")) {
        return refuse(causes::CMS_PEM, length);
    }
    let Some(bytes) = bytes else {
        let why = base64::tolerant(secret).err().map(|error| error.to_string()).unwrap_or_default();
        return refuse(causes::SECRET_NOT_BASE64, why);
    };
    let twice = inner.and_then(|text| base64::tolerant(text.trim()).ok());
    if twice.is_some_and(|inner| Container::read(&inner.bytes).is_ok()) {
        return refuse(causes::SECRET_ENCODED_TWICE, length);
    }
    if request.own.iter().any(|known| raw_length(known, bytes)) {
        return refuse(causes::RAW_INSTEAD_OF_CMS, format!("{} bytes, the length of a raw signature", bytes.len()));
    }
    let why = Container::read(bytes).err().map(|error| error.to_string()).unwrap_or_default();
    refuse(causes::CMS_BROKEN, format!("{} bytes: {why}", bytes.len()))
}

fn raw_length(known: &Registered, bytes: &[u8]) -> bool {
    let Some(key) = &known.key else { return false };
    match key.family() {
        Family::Rsa => bytes.len() == key.bits().div_ceil(8),
        Family::Gost256 => bytes.len() == 64,
        Family::Gost512 => bytes.len() == 128,
        Family::EcdsaP256 => bytes.len() == 64 || (68..=72).contains(&bytes.len()),
    }
}
