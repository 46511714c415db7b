//! What may be wrong with a signing certificate or with the hash that names it.

use contract::control::KeyType;
use contract::time::Timestamp;
use crypto::cert::HashFinding;
use crypto::chain::{self, ChainError, Usage};
use crypto::gost::{Curve, VerifyingKey, streebog256};
use crypto::{Certificate, Family, PublicKey, base64, digest};
use domain::Refusal;

use super::causes;
use super::secret::{Registered, Signed, Trust, WRONG};

/// Whether a registered certificate may sign now. Registration is the trust: any issuer will do, itself included; only
/// the portal's own authority can revoke.
pub(super) fn usable(known: &Registered, now: Timestamp) -> Result<(), Refusal> {
    let certificate = &known.certificate;
    let at = now.seconds();
    let named = certificate.subject();
    let day = |seconds| Timestamp::from_seconds(seconds).to_string();
    if at > certificate.not_after() {
        let seen = format!("{named}: expired at {}", day(certificate.not_after()));
        return Err(causes::CERTIFICATE_EXPIRED.refuse(WRONG, seen, format!("valid at {now}")));
    }
    if at < certificate.not_before() {
        let seen = format!("{named}: valid from {}", day(certificate.not_before()));
        return Err(causes::CERTIFICATE_NOT_YET_VALID.refuse(WRONG, seen, format!("valid at {now}")));
    }
    if certificate.key_usage().is_some_and(|usage| !usage.digital_signature && !usage.non_repudiation) {
        let seen = format!("{named}: key usage without digitalSignature");
        return Err(causes::CERTIFICATE_KEY_USAGE.refuse(WRONG, seen, "key usage digitalSignature"));
    }
    if known.revoked {
        let seen = format!("{named}, serial {}", certificate.serial());
        return Err(causes::CERTIFICATE_REVOKED.refuse(
            WRONG,
            seen,
            "a certificate that is not on the revocation list",
        ));
    }
    Ok(())
}

/// Whether a registered certificate may sign this request: it is of a kind that the portal takes, and usable.
pub(super) fn taken(known: &Registered, request: &Signed<'_>) -> Result<(), Refusal> {
    let kind = known.key.as_ref().map(|key| match key.family() {
        Family::EcdsaP256 => KeyType::Ecdsa,
        Family::Gost256 | Family::Gost512 => KeyType::Gost,
        Family::Rsa => KeyType::Rsa,
    });
    if let Some(kind) = kind.filter(|kind| !request.key_types.contains(kind)) {
        let seen = format!("{}: a key of the kind {}", known.certificate.subject(), kind.as_str());
        let wanted = request.key_types.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ");
        return Err(causes::CERTIFICATE_KEY_TYPE.refuse(WRONG, seen, format!("a key of the kind {wanted}")));
    }
    usable(known, request.now)
}

/// Whether our authority issued a certificate, dates and usage aside.
fn issued_by_us(certificate: &Certificate, trust: &Trust) -> bool {
    let verdict = chain::verify(&chain::Check {
        leaf: certificate,
        intermediates: &[],
        roots: &trust.0.roots(),
        crls: &[],
        at: certificate.not_before(),
        usage: Usage::Signing,
        host: None,
    });
    matches!(verdict, Ok(()) | Err(ChainError::WrongUsage))
}

/// The parameter set of a key of GOST.
pub(super) fn curve(key: &PublicKey) -> Option<Curve> {
    key.gost().map(VerifyingKey::curve)
}

/// How the parameter set of a key differs from all that are registered, where it is of GOST as they are.
fn other_curve(certificate: &Certificate, own: &[Registered]) -> Option<String> {
    let seen = curve(&certificate.public_key().ok()?)?;
    let mut known: Vec<Curve> = own.iter().filter_map(|known| curve(known.key.as_ref()?)).collect();
    known.dedup();
    let differs = !known.is_empty() && !known.contains(&seen);
    let known = known.iter().map(|curve| curve.as_str()).collect::<Vec<_>>().join(", ");
    differs.then(|| format!("its key is on {seen}, the registered one on {known}"))
}

/// Why a certificate that is not registered for this client is refused.
pub(super) fn stranger(certificate: &Certificate, request: &Signed<'_>, code: &str) -> Refusal {
    unregistered(certificate, request.own, request.others, request.trust, code)
}

/// The same for an interface with a proof of its own.
pub(crate) fn unregistered(
    certificate: &Certificate,
    own: &[Registered],
    others: &[Registered],
    trust: &Trust,
    code: &str,
) -> Refusal {
    let seen = format!("{}, issued by {}", certificate.subject(), certificate.issuer());
    let wanted = "a certificate registered for this client_id";
    if let Some(other) = others.iter().find(|other| other.certificate == *certificate) {
        let seen = format!("{seen}; registered for {}", other.client_id);
        return causes::CERTIFICATE_OF_OTHER_SYSTEM.refuse(code, seen, wanted);
    }
    let ours = issued_by_us(certificate, trust);
    // Whoever bears the name of the registered one means to be the same: then the curve is what went wrong.
    let named_alike = own.iter().any(|known| known.certificate.common_name() == certificate.common_name());
    if let Some(how) = other_curve(certificate, own).filter(|_| ours || named_alike) {
        return causes::CERTIFICATE_OTHER_CURVE.refuse(code, format!("{seen}; {how}"), wanted);
    }
    let cause = if ours { causes::CERTIFICATE_UNREGISTERED } else { causes::CERTIFICATE_FOREIGN };
    cause.refuse(code, seen, wanted)
}

/// Why a `client_certificate_hash` names none of the client's certificates.
pub(super) fn hash(given: &str, request: &Signed<'_>) -> Refusal {
    let (own, others) = (request.own, request.others);
    let wanted = own.iter().map(|known| known.certificate.client_certificate_hash()).collect::<Vec<_>>().join(" or ");
    let refuse = |cause: &causes::Cause, seen: String| cause.refuse(WRONG, seen, wanted.clone());
    for known in own {
        let name = known.certificate.subject();
        let finding = known.certificate.explain_hash(given);
        match finding {
            HashFinding::Sha1 => return refuse(causes::HASH_SHA1, format!("{given}: SHA-1 of {name}")),
            HashFinding::OfPemText => {
                return refuse(causes::HASH_OF_PEM, format!("{given}: hash of the PEM text of {name}"));
            }
            HashFinding::OfPublicKey => {
                return refuse(causes::HASH_OF_PUBLIC_KEY, format!("{given}: hash of the public key of {name}"));
            }
            HashFinding::Reversed => {
                return refuse(causes::HASH_REVERSED, format!("{given}: the right hash of {name}, its bytes reversed"));
            }
            HashFinding::Sha256 => return refuse(causes::HASH_SHA256, format!("{given}: SHA-256 of {name}")),
            HashFinding::Streebog256 | HashFinding::Streebog512 => {
                let size = if finding == HashFinding::Streebog256 { 256 } else { 512 };
                return refuse(causes::HASH_OTHER_DIGEST, format!("{given}: Streebog-{size} of {name}"));
            }
            HashFinding::Right | HashFinding::Other => {}
        }
        // The file may be wrapped in another way than the text that is tried above.
        let pem = known.pem.as_bytes();
        let of_file = [digest::sha256_hex(pem), hex::encode(streebog256(pem))];
        if of_file.iter().any(|digest| digest.eq_ignore_ascii_case(given)) {
            return refuse(causes::HASH_OF_PEM, format!("{given}: hash of the PEM file of {name}"));
        }
        let right = hex::decode(known.certificate.client_certificate_hash()).unwrap_or_default();
        if let Some(seen) = written_otherwise(given, &right) {
            return refuse(causes::HASH_NOT_HEX, format!("{given}: {seen} of {name}"));
        }
        if let Some(seen) = other_digest(given, known.certificate.der()) {
            return refuse(causes::HASH_OTHER_DIGEST, format!("{given}: {seen} of {name}"));
        }
    }
    let of_other = others.iter().find(|other| other.certificate.client_certificate_hash().eq_ignore_ascii_case(given));
    if let Some(other) = of_other {
        let seen = format!("{given}: certificate of {}", other.client_id);
        return refuse(causes::HASH_OF_OTHER_CERTIFICATE, seen);
    }
    let issued = request.trust.0.issued();
    if let Some(issued) = issued.iter().find(|issued| issued.client_certificate_hash().eq_ignore_ascii_case(given)) {
        return unregistered(issued, own, others, request.trust, WRONG);
    }
    let shape = match (given.len(), given.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        (64, true) => "64 hex digits, but of no registered certificate",
        (40, true) => "40 hex digits: SHA-1 of no registered certificate",
        (_, true) => "hex digits of another length",
        (_, false) => "not hex",
    };
    refuse(causes::HASH_UNKNOWN, format!("{given}: {shape}"))
}

/// The right digest in another writing: base64 of any alphabet, or hex with colons or blanks.
fn written_otherwise(given: &str, right: &[u8]) -> Option<&'static str> {
    let bare: String = given.chars().filter(|sign| !matches!(sign, ':' | ' ' | '-')).collect();
    if bare.eq_ignore_ascii_case(&hex::encode(right)) {
        return Some("the hash with separators");
    }
    let read = base64::tolerant(given).ok()?;
    (read.bytes == right).then_some("the hash in base64")
}

fn other_digest(given: &str, der: &[u8]) -> Option<&'static str> {
    use ring::digest::{SHA384, SHA512, SHA512_256, digest};
    let kinds = [(&SHA384, "SHA-384"), (&SHA512, "SHA-512"), (&SHA512_256, "SHA-512/256")];
    kinds.into_iter().find(|(kind, _)| hex::encode(digest(kind, der)).eq_ignore_ascii_case(given)).map(|(_, name)| name)
}
