//! CMS against the OpenSSL command: golden files that it made (`vectors/cms/make.sh`), and, where it is installed, its
//! judgement of ours.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::PathBuf;
use std::process::Command;

use crypto::cms::{self, CmsError, Container, Options};
use crypto::raw::{self, Outcome};
use crypto::{Certificate, PrivateKey, Scheme};
use proptest::prelude::*;

fn vector(name: &str) -> Vec<u8> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/cms")).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn certificate(kind: &str) -> Certificate {
    Certificate::from_bytes(&vector(&format!("{kind}.crt"))).unwrap()
}

#[test]
fn every_form_that_openssl_makes_is_read_and_verified() {
    let content = vector("content.txt");
    for kind in ["rsa", "ec"] {
        let signer = certificate(kind);
        for (form, attached, attributes) in [
            ("detached", false, true),
            ("noattr", false, false),
            ("attached", true, true),
            ("attached-noattr", true, false),
            ("stream", true, true),
            ("keyid", false, true),
            ("smime", false, true),
        ] {
            let container = Container::read(&vector(&format!("{kind}-{form}.der"))).unwrap();
            assert_eq!(container.attached.is_some(), attached, "{kind}-{form}");
            let verified = container.verify(&content, &[]).unwrap();
            assert_eq!(verified.signer, signer, "{kind}-{form}");
            assert_eq!((verified.attached, verified.signed_attributes), (attached, attributes), "{kind}-{form}");
            assert!(verified.certificate_inside);
            let wrong = container.verify(b"another text", &[]).unwrap_err();
            let wanted = match (attached, attributes) {
                (true, _) => "attached-content-differs",
                (false, true) => "message-digest-mismatch",
                (false, false) => "signature-mismatch",
            };
            assert_eq!(wrong.code(), wanted, "{kind}-{form}");
        }
    }
    let pss = Container::read(&vector("rsa-pss.der")).unwrap();
    assert!(pss.verify(&content, &[]).is_ok());
}

#[test]
fn a_container_without_certificate_needs_a_known_one() {
    let content = vector("content.txt");
    let container = Container::read(&vector("rsa-nocerts.der")).unwrap();
    assert_eq!(container.verify(&content, &[]), Err(CmsError::SignerCertificateMissing));
    assert_eq!(container.verify(&content, &[certificate("ec")]), Err(CmsError::SignerCertificateMissing));
    let verified = container.verify(&content, &[certificate("ec"), certificate("rsa")]).unwrap();
    assert!(!verified.certificate_inside);
}

#[test]
fn what_is_wrong_is_named() {
    let content = vector("content.txt");
    let verify = |name: &str| Container::read(&vector(name)).and_then(|container| container.verify(&content, &[]));
    assert_eq!(verify("rsa-sha1.der"), Err(CmsError::DigestUnsupported("SHA-1".into())));
    assert_eq!(verify("two-signers.der"), Err(CmsError::SeveralSigners(2)));
    assert_eq!(verify("certificates-only.der"), Err(CmsError::NoSigner));
    assert_eq!(verify("data-only.der").unwrap_err().code(), "not-signed-data");
    assert_eq!(verify("rsa-raw.bin").unwrap_err().code(), "not-cms");
    assert_eq!(verify("rsa.crt").unwrap_err().code(), "not-cms");
    assert_eq!(Container::read(b"").unwrap_err().code(), "not-cms");
}

#[test]
fn raw_signatures_of_openssl_hold() {
    let content = vector("content.txt");
    for (kind, scheme) in [("rsa", Scheme::RsaPkcs1Sha256), ("ec", Scheme::EcdsaSha256Der)] {
        let key = certificate(kind).public_key().unwrap();
        let mut sign = vector(&format!("{kind}-raw.bin"));
        assert_eq!(raw::verify(&key, &content, &sign), Outcome::Valid(scheme));
        sign.reverse();
        assert_eq!(raw::verify(&key, &content, &sign), Outcome::ReversedOnly(scheme));
    }
}

#[test]
fn certificates_of_openssl_are_read() {
    let ec = certificate("ec");
    assert_eq!(ec.common_name(), Some("EC signer"));
    assert_eq!(ec.dns_names(), ["bank.example"]);
    assert_eq!(ec.ip_addresses(), ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(ec.extended_key_usage(), [crypto::cert::CLIENT_AUTH]);
    assert!(ec.is_ca() && ec.is_self_issued());
    let rsa = certificate("rsa");
    assert_eq!(rsa.public_key().unwrap().bits(), 2048);
    assert!(rsa.key_usage().unwrap().digital_signature && !rsa.key_usage().unwrap().key_cert_sign);
    assert_eq!(rsa.subject(), "CN=RSA signer,O=Example Bank,C=RU");
    assert!(rsa.not_after() - rsa.not_before() > 90 * 365 * 86_400);
    assert_eq!(Certificate::from_der(rsa.der()).unwrap(), rsa);
    assert_eq!(Certificate::from_pem(&rsa.pem()).unwrap(), rsa);
}

#[test]
fn certificate_hash_mistakes_are_told_apart() {
    use crypto::cert::HashFinding;
    use crypto::digest::{sha1_hex, sha256_hex};
    let rsa = certificate("rsa");
    let text = String::from_utf8(vector("rsa.crt")).unwrap();
    assert_eq!(rsa.explain_hash(&rsa.sha256_hex().to_uppercase()), HashFinding::Right);
    assert_eq!(rsa.explain_hash(&sha1_hex(rsa.der())), HashFinding::Sha1);
    assert_eq!(rsa.explain_hash(&sha256_hex(text.as_bytes())), HashFinding::OfPemText);
    assert_eq!(rsa.explain_hash(&sha256_hex(text.trim_end().as_bytes())), HashFinding::OfPemText);
    assert_eq!(rsa.explain_hash(&sha256_hex(rsa.spki_der())), HashFinding::OfPublicKey);
    assert_eq!(rsa.explain_hash("abc"), HashFinding::Other);
}

/// A self-signed certificate and its key from OpenSSL, or nothing where the command is not installed.
fn openssl_pair(folder: &std::path::Path, kind: &[&str]) -> Option<(PrivateKey, Certificate)> {
    let (key, crt) = (folder.join("k.pem"), folder.join("c.pem"));
    let run = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "3650", "-subj", "/CN=ours", "-newkey"])
        .args(kind)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&crt)
        .output();
    match run {
        Ok(output) if output.status.success() => {}
        other if cfg!(feature = "peers") => panic!("openssl is needed: {other:?}"),
        _ => {
            println!("left out: the openssl command is not installed");
            return None;
        }
    }
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    Some((PrivateKey::from_pem(&read(&key)).unwrap(), Certificate::from_pem(&read(&crt)).unwrap()))
}

#[test]
fn openssl_verifies_what_is_made_here() {
    let folder = tempfile::tempdir().unwrap();
    let (data, made) = (folder.path().join("data"), folder.path().join("made.der"));
    let content = b"openid2026.11.22 13:00:29 +0300BANK01state";
    std::fs::write(&data, content).unwrap();
    for kind in [&["rsa:2048"][..], &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
        let Some((key, certificate)) = openssl_pair(folder.path(), kind) else { return };
        for bits in 0..16u8 {
            let options = Options {
                attached: bits & 1 != 0,
                signed_attributes: bits & 2 != 0,
                include_certificate: bits & 4 != 0,
                by_key_identifier: bits & 8 != 0,
                signing_time: Some(1_763_800_000),
            };
            let container = cms::sign(content, &key, &certificate, &options).unwrap();
            let known = [certificate.clone()];
            assert!(Container::read(&container).unwrap().verify(content, &known).is_ok(), "{options:?}");
            std::fs::write(&made, &container).unwrap();
            let mut command = Command::new("openssl");
            command.args(["cms", "-verify", "-binary", "-inform", "DER", "-noverify", "-out", "/dev/null", "-in"]);
            command.arg(&made).arg("-certfile").arg(folder.path().join("c.pem"));
            if !options.attached {
                command.arg("-content").arg(&data);
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Flips in the outer certificate set may leave the signature standing (another certificate, unread); what may
    /// never happen is that a changed content or a changed signature is accepted.
    #[test]
    fn one_flipped_bit_of_the_content_is_refused(form in 0..4usize, at: usize, bit in 0..8u8) {
        let form = ["rsa-detached", "rsa-noattr", "ec-detached", "ec-noattr"][form];
        let container = Container::read(&vector(&format!("{form}.der"))).unwrap();
        let mut content = vector("content.txt");
        let at = at % content.len();
        content[at] ^= 1 << bit;
        prop_assert!(container.verify(&content, &[]).is_err());
    }

    #[test]
    fn one_flipped_bit_of_the_signer_info_is_refused(form in 0..2usize, at: usize, bit in 0..8u8) {
        let form = ["rsa-nocerts", "ec-nocerts"][form];
        let known = [certificate("rsa"), certificate("ec")];
        let content = vector("content.txt");
        let mut bytes = vector(&format!("{form}.der"));
        // The signature stands at the very end; 64 bytes of it are of the signature in both forms.
        let at = bytes.len() - 1 - at % 64;
        bytes[at] ^= 1 << bit;
        let accepted = Container::read(&bytes).is_ok_and(|read| read.verify(&content, &known).is_ok());
        prop_assert!(!accepted);
    }

    #[test]
    fn damaged_containers_never_panic(at: usize, byte: u8, cut: usize) {
        let mut bytes = vector("rsa-stream.der");
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Container::read(&bytes).map(|read| read.verify(b"x", &[]));
        let cut = cut % bytes.len();
        let _ = Container::read(&bytes[..cut]).map(|read| read.verify(b"x", &[]));
        let _ = Certificate::from_bytes(&bytes[..cut]);
    }
}
