//! What may be wrong with a signing certificate or with the hash that names it.

use contract::time::Timestamp;
use crypto::cert::HashFinding;
use crypto::chain::{self, ChainError, Usage};
use crypto::{Certificate, base64, digest};
use domain::Refusal;

use super::causes;
use super::secret::{Registered, Trust, WRONG};

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

/// Whose issue a certificate is, dates and usage aside.
fn issued_by_us(certificate: &Certificate, trust: &Trust) -> bool {
    let verdict = chain::verify(&chain::Check {
        leaf: certificate,
        intermediates: &[],
        roots: &trust.roots,
        crls: &[],
        at: certificate.not_before(),
        usage: Usage::Signing,
        host: None,
    });
    matches!(verdict, Ok(()) | Err(ChainError::WrongUsage))
}

/// Why a certificate that is not registered for this client is refused.
pub(super) fn stranger(certificate: &Certificate, others: &[Registered], trust: &Trust, code: &str) -> Refusal {
    let seen = format!("{}, issued by {}", certificate.subject(), certificate.issuer());
    let wanted = "a certificate registered for this client_id";
    if let Some(other) = others.iter().find(|other| other.certificate == *certificate) {
        let seen = format!("{seen}; registered for {}", other.client_id);
        return causes::CERTIFICATE_OF_OTHER_SYSTEM.refuse(code, seen, wanted);
    }
    let cause =
        if issued_by_us(certificate, trust) { causes::CERTIFICATE_UNREGISTERED } else { causes::CERTIFICATE_FOREIGN };
    cause.refuse(code, seen, wanted)
}

/// Why a `client_certificate_hash` names none of the client's certificates.
pub(super) fn hash(given: &str, own: &[Registered], others: &[Registered]) -> Refusal {
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
            HashFinding::Sha256 | HashFinding::Streebog256 | HashFinding::Streebog512 => {
                let digest = match finding {
                    HashFinding::Sha256 => "SHA-256",
                    HashFinding::Streebog256 => "Streebog-256",
                    _ => "Streebog-512",
                };
                return refuse(causes::HASH_OTHER_DIGEST, format!("{given}: {digest} of {name}"));
            }
            HashFinding::Right | HashFinding::Other => {}
        }
        if digest::sha256_hex(known.pem.as_bytes()).eq_ignore_ascii_case(given) {
            return refuse(causes::HASH_OF_PEM, format!("{given}: SHA-256 of the PEM file of {name}"));
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
