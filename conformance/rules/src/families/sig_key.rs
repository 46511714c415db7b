//! SIG: which digest and which certificate a request is signed with. What is right follows from the registered
//! certificate's key; nothing is taken from a name.

use crypto::cert::HashFinding;
use crypto::cms::{Container, Signer};
use crypto::raw::Misdigest;
use crypto::{Certificate, Family};

use super::sig::NONE;
use crate::finding::Judgement;
use crate::reading::check::Check;
use crate::reading::signed::{self, Proof, Signed, Version};
use crate::reading::{Reading, line};

pub(super) fn algorithm(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let certificates = signed::registered(reading);
    for (request, proof) in &reading.signed {
        let here = || vec![line(request.exchange)];
        match request.version {
            Version::V1 => {
                let Some(container) = request.container() else { continue };
                check.saw(line(request.exchange));
                for signer in &container.signers {
                    if let Some((digest, prescribed)) = unfit(&container, signer, &certificates) {
                        let (en, ru) = against(prescribed);
                        check.wrong(
                            format!("the signature uses {digest}{en}"),
                            format!("подпись использует {digest}{ru}"),
                            here(),
                        );
                    }
                }
            }
            Version::Raw => {
                if *proof == Proof::Misdigested(Misdigest::Sha256) {
                    check.wrong(
                        "the signature of a GOST key is over SHA-256, Streebog is prescribed",
                        "подпись ключом ГОСТ — от SHA-256, предписан Стрибог",
                        here(),
                    );
                }
                let hash = request.part("client_certificate_hash");
                if hash.is_empty() {
                    continue;
                }
                check.saw(line(request.exchange));
                let found = |digest: &str, prescribed: Option<&'static str>| {
                    let (en, ru) = against(prescribed);
                    (
                        format!("client_certificate_hash is {digest}{en}"),
                        format!("client_certificate_hash — это {digest}{ru}"),
                    )
                };
                // Nearly always: nothing to explain, and explaining costs a dozen digests for each certificate.
                if certificates.iter().any(|known| known.client_certificate_hash().eq_ignore_ascii_case(hash)) {
                    continue;
                }
                let weak = certificates.iter().find_map(|known| {
                    let digest = match known.explain_hash(hash) {
                        HashFinding::Sha1 => "SHA-1",
                        HashFinding::Sha256 => "SHA-256",
                        HashFinding::Streebog256 => "Streebog-256",
                        HashFinding::Streebog512 => "Streebog-512",
                        _ => return None,
                    };
                    Some(found(digest, known.public_key().ok().map(|key| hash_digest(key.family()))))
                });
                let is_hex = hash.chars().all(|c| c.is_ascii_hexdigit());
                let weak = weak.or_else(|| match hash.len() {
                    32 if is_hex => Some(found("as long as MD5", None)),
                    40 if is_hex => Some(found("as long as SHA-1", None)),
                    _ => None,
                });
                if let Some((en, ru)) = weak {
                    check.wrong(en, ru, here());
                }
            }
        }
    }
    check.end(NONE, ("every digest is the one that its key prescribes", "все хэши — те, что предписаны ключом"))
}

/// What a digest is held against, as the end of a sentence.
fn against(prescribed: Option<&'static str>) -> (String, String) {
    match prescribed {
        Some(prescribed) => {
            (format!(", its key prescribes {prescribed}"), format!(", а ключ предписывает {prescribed}"))
        }
        None => Default::default(),
    }
}

/// The digest that goes with a key in a signature: its dotted identifier and its name.
fn digest_of(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::EcdsaP256 | Family::Rsa => ("2.16.840.1.101.3.4.2.1", "SHA-256"),
        Family::Gost256 => ("1.2.643.7.1.1.2.2", "Streebog-256"),
        Family::Gost512 => ("1.2.643.7.1.1.2.3", "Streebog-512"),
    }
}

/// The name of another digest.
fn digest_named(oid: &str) -> &str {
    match oid {
        "1.2.643.2.2.9" => "GOST R 34.11-94",
        "1.2.643.7.1.1.2.2" => "Streebog-256",
        "1.2.643.7.1.1.2.3" => "Streebog-512",
        "1.2.840.113549.2.5" => "MD5",
        "1.3.14.3.2.26" => "SHA-1",
        "2.16.840.1.101.3.4.2.1" => "SHA-256",
        "2.16.840.1.101.3.4.2.2" => "SHA-384",
        "2.16.840.1.101.3.4.2.3" => "SHA-512",
        other => other,
    }
}

/// The digest of a certificate's hash, which is of 256 bits whatever the key's size.
fn hash_digest(family: Family) -> &'static str {
    if family.is_gost() { "Streebog-256" } else { "SHA-256" }
}

/// A digest that must not be used at all, or not with this signer's key; with the one that is prescribed, where it is known.
fn unfit(container: &Container, signer: &Signer, known: &[Certificate]) -> Option<(String, Option<&'static str>)> {
    let weak = match signer.algorithm.as_str() {
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => Some("SHA-1"),
        "1.2.840.113549.1.1.4" => Some("MD5"),
        "1.2.643.2.2.3" | "1.2.643.2.2.19" => Some("GOST R 34.10-2001"),
        _ => None,
    };
    let inside = container.signer_certificate().into_iter();
    let certificate = inside.chain(known).find(|certificate| signer.id.is(certificate));
    let family = certificate.and_then(|certificate| certificate.public_key().ok()).map(|key| key.family());
    let prescribed = family.map(|family| digest_of(family).1);
    if let Some(weak) = weak {
        return Some((weak.to_owned(), prescribed));
    }
    let name = digest_named(&signer.digest);
    let fits = match (name, family) {
        ("GOST R 34.11-94" | "MD5" | "SHA-1", _) => false,
        // SHA-2 of another length is none of ESIA's, but it is not weak.
        ("SHA-256" | "SHA-384" | "SHA-512", Some(family)) => !family.is_gost(),
        (_, Some(family)) => signer.digest == digest_of(family).0,
        (_, None) => true,
    };
    (!fits).then(|| (name.to_owned(), prescribed))
}

pub(super) fn certificate(reading: &Reading<'_>) -> Judgement {
    let mut check = Check::new();
    let certificates = signed::registered(reading);
    for (request, proof) in &reading.signed {
        let here = || vec![line(request.exchange)];
        if certificates.is_empty() {
            check.unproved("no registered certificate is known", "зарегистрированный сертификат неизвестен", here());
            continue;
        }
        if request.version == Version::V1 && request.container().is_none() {
            continue;
        }
        check.saw(line(request.exchange));
        let stranger = || stranger(request, proof, &signed::unregistered(reading));
        let Some(used) = request.names(&certificates) else {
            let (en, ru) = stranger().unwrap_or_else(|| misnamed(request, &certificates));
            check.wrong(
                format!("the signing certificate is not one registered for the bank{en}"),
                format!("подписано не тем сертификатом, что зарегистрирован для банка{ru}"),
                here(),
            );
            continue;
        };
        if let Some((en, ru)) = stranger() {
            check.wrong(
                format!("the signature is not by the key of the certificate that the request names{en}"),
                format!("подпись сделана не ключом того сертификата, что назван в запросе{ru}"),
                here(),
            );
            continue;
        }
        let same_key = |by: &Certificate| by.spki_der() == used.spki_der();
        if matches!(proof, Proof::Holds(by) if !same_key(by)) {
            check.wrong(
                "the signature is by another registered key than the request names",
                "подпись сделана другим зарегистрированным ключом, чем назван в запросе",
                here(),
            );
        }
        if !used.is_valid_at(request.exchange.at.seconds()) {
            check.wrong(
                "the signing certificate was not valid at that time",
                "сертификат подписи в тот момент не действовал",
                here(),
            );
        }
        if used.key_usage().is_some_and(|usage| !usage.digital_signature) {
            check.wrong(
                "the signing certificate is not meant for signatures",
                "сертификат не предназначен для подписи",
                here(),
            );
        }
    }
    check.end(NONE, ("registered, valid certificates signed", "подписывали зарегистрированные действующие сертификаты"))
}

/// Ends of sentences: which certificate that nobody registered a request was signed with, where it is known.
fn stranger(request: &Signed<'_>, proof: &Proof, unregistered: &[Certificate]) -> Option<(String, String)> {
    let inside = request.container().and_then(|container| container.signer_certificate().cloned());
    let by = match (inside, proof) {
        (Some(inside), _) => unregistered.iter().find(|known| **known == inside)?.clone(),
        (None, Proof::Holds(_)) => return None,
        (None, _) => match request.proof(unregistered) {
            Proof::Holds(by) => *by,
            _ => return None,
        },
    };
    let key = by.public_key().map(|key| signed::kind(&key).join(" ")).unwrap_or_default();
    let (subject, issuer) = (by.subject(), by.issuer());
    Some((
        format!(": it is {subject}, issued by {issuer}, a key of {key}"),
        format!(": это {subject}, издатель {issuer}, ключ {key}"),
    ))
}

/// Ends of sentences: what a hash that names no registered certificate is instead.
fn misnamed(request: &Signed<'_>, certificates: &[Certificate]) -> (String, String) {
    let hash = request.part("client_certificate_hash");
    if request.version == Version::V1 {
        return Default::default();
    }
    let found = certificates.iter().map(|known| known.explain_hash(hash)).find(|found| *found != HashFinding::Other);
    let (en, ru) = match found {
        Some(HashFinding::OfPemText) => {
            (": the hash is of the PEM text, not of the DER", ": хэш взят от текста PEM, а не от DER")
        }
        Some(HashFinding::OfPublicKey) => (": the hash is of the public key", ": хэш взят от открытого ключа"),
        Some(HashFinding::Reversed) => (": the bytes of the hash are turned round", ": байты хэша перевёрнуты"),
        Some(HashFinding::Sha1 | HashFinding::Sha256 | HashFinding::Streebog256 | HashFinding::Streebog512) => {
            (": the hash is by another digest", ": хэш по другому алгоритму")
        }
        Some(HashFinding::Right | HashFinding::Other) | None => ("", ""),
    };
    (en.to_owned(), ru.to_owned())
}
