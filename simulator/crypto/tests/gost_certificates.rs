//! GOST certificates, lists, containers and raw signatures that OpenSSL's engine made (`vectors/gost/make.sh`), and one
//! flipped bit in each of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::PathBuf;

use crypto::cert::{HashFinding, Identifier};
use crypto::chain::{self, ChainError, Check, Usage};
use crypto::cms::{self, CmsError, Container, Digest, Options};
use crypto::gost::{Curve, streebog256, streebog512};
use crypto::raw::{self, Outcome, Turn};
use crypto::{Algorithm, Certificate, Family, PrivateKey, PublicKey, Scheme};
use proptest::prelude::*;

/// Every set that the engine knows, under the name that it writes.
const SETS: [(&str, Curve); 12] = [
    ("256-a", Curve::CryptoProA),
    ("256-b", Curve::CryptoProB),
    ("256-c", Curve::CryptoProC),
    ("256-tca", Curve::Tc26A256),
    ("256-tcb", Curve::CryptoProA),
    ("256-tcc", Curve::CryptoProB),
    ("256-tcd", Curve::CryptoProC),
    ("256-xa", Curve::CryptoProA),
    ("256-xb", Curve::CryptoProC),
    ("512-a", Curve::Tc26A512),
    ("512-b", Curve::Tc26B512),
    ("512-c", Curve::Tc26C512),
];

/// Those with containers of every form.
const FULL: [&str; 4] = ["256-a", "256-tca", "512-a", "512-c"];

/// Ten years after the files were made.
const LATER: i64 = 2_108_000_000;

fn vector(name: &str) -> Vec<u8> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gost")).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_bytes(&vector(&format!("{name}.crt"))).unwrap()
}

fn list(name: &str) -> Vec<u8> {
    crypto::pem::find(std::str::from_utf8(&vector(name)).unwrap(), "X509 CRL").unwrap()
}

fn verify(leaf: &Certificate, root: &Certificate, crls: &[Vec<u8>]) -> Result<(), ChainError> {
    let roots = std::slice::from_ref(root);
    chain::verify(&Check { leaf, intermediates: &[], roots, crls, at: LATER, usage: Usage::Client, host: None })
}

#[test]
fn chains_of_every_curve_and_every_name_of_it_hold() {
    for (name, curve) in SETS {
        let (leaf, root) = (certificate(name), certificate(&format!("{name}-ca")));
        assert_eq!(verify(&leaf, &root, &[]), Ok(()), "{name}");
        let key = leaf.public_key().unwrap();
        let family = if curve.size() == 32 { Family::Gost256 } else { Family::Gost512 };
        assert_eq!((key.family(), key.gost().unwrap().curve()), (family, curve), "{name}");
        assert_eq!(key.spki_der(), leaf.spki_der(), "what the peer wrote is kept");
        assert_eq!(verify(&root, &root, &[]), Err(ChainError::SelfSigned), "{name}");
        let foreign = certificate(if name == "256-b" { "256-a-ca" } else { "256-b-ca" });
        assert_eq!(verify(&leaf, &foreign, &[]), Err(ChainError::UnknownIssuer), "{name}");
    }
}

#[test]
fn russian_identifiers_are_read_by_name() {
    for (name, _) in SETS {
        let leaf = certificate(name);
        let wanted = format!("CN=BANK {name},INN=770123456703,SNILS=11223344595,OGRN=1177700000004,O=ООО Банк,C=RU");
        assert_eq!(leaf.subject(), wanted);
        assert_eq!(leaf.identifier(Identifier::Ogrn), Some("1177700000004"));
        assert_eq!(leaf.identifier(Identifier::InnLe), None);
    }
}

#[test]
fn lists_signed_by_gost_revoke() {
    for name in FULL {
        let (leaf, root) = (certificate(name), certificate(&format!("{name}-ca")));
        assert_eq!(verify(&leaf, &root, &[list(&format!("{name}-empty.crl"))]), Ok(()));
        assert_eq!(verify(&leaf, &root, &[list(&format!("{name}.crl"))]), Err(ChainError::Revoked), "{name}");
        let mut forged = list(&format!("{name}.crl"));
        let last = forged.len() - 1;
        forged[last] ^= 1;
        assert!(matches!(verify(&leaf, &root, &[forged]), Err(ChainError::BadSignature | ChainError::Other(_))));
    }
}

#[test]
fn raw_signatures_hold_and_other_orders_are_told() {
    let content = vector("content.txt");
    for (name, curve) in SETS {
        let key = certificate(name).public_key().unwrap();
        let scheme = if curve.size() == 32 { Scheme::Gost256 } else { Scheme::Gost512 };
        let signature = vector(&format!("{name}-raw.bin"));
        assert_eq!(raw::verify(&key, &content, &signature), Outcome::Valid(scheme), "{name}");
        for turn in [Turn::Whole, Turn::Halves, Turn::EachHalf] {
            let told = raw::verify(&key, &content, &turn.apply(&signature));
            assert_eq!(told, Outcome::ReversedOnly(scheme, turn), "{name}");
        }
        assert_eq!(raw::verify(&key, b"another text", &signature), Outcome::Mismatch);
    }
}

#[test]
fn containers_of_the_engine_are_read_and_verified() {
    let content = vector("content.txt");
    for (name, _) in SETS {
        let signer = certificate(name);
        let forms: &[(&str, bool, bool)] = match FULL.contains(&name) {
            true => &[
                ("detached", false, true),
                ("noattr", false, false),
                ("attached", true, true),
                ("keyid", false, true),
                ("stream", true, true),
                ("nocerts", false, true),
            ],
            false => &[("detached", false, true)],
        };
        for (form, attached, attributes) in forms {
            let container = Container::read(&vector(&format!("{name}-{form}.der"))).unwrap();
            // The engine writes the key's own identifier in the place of the signature's.
            assert!(container.signers[0].algorithm.starts_with("1.2.643.7.1.1.1."), "{name}-{form}");
            let verified = container.verify(&content, std::slice::from_ref(&signer)).unwrap();
            assert_eq!(verified.signer, signer, "{name}-{form}");
            assert_eq!((verified.attached, verified.signed_attributes), (*attached, *attributes), "{name}-{form}");
            assert_eq!(verified.certificate_inside, *form != "nocerts", "{name}-{form}");
            let wrong = container.verify(b"another text", std::slice::from_ref(&signer)).unwrap_err();
            let wanted = match (attached, attributes) {
                (true, _) => "attached-content-differs",
                (false, true) => "message-digest-mismatch",
                (false, false) => "signature-mismatch",
            };
            assert_eq!(wrong.code(), wanted, "{name}-{form}");
        }
    }
}

/// A certificate for this key: one of the files with another key of the same length put in. Its own signature is
/// broken, which containers do not look at.
fn certificate_of(key: &PrivateKey) -> Certificate {
    let template = match key.public().spki_der().len() {
        length if length == certificate("256-a").spki_der().len() => certificate("256-a"),
        length if length == certificate("256-tca").spki_der().len() => certificate("256-tca"),
        _ => certificate("512-c"),
    };
    let (der, spki) = (template.der().to_vec(), template.spki_der().to_vec());
    assert_eq!(spki.len(), key.public().spki_der().len());
    let at = der.windows(spki.len()).position(|window| window == spki).unwrap();
    Certificate::from_der(&[&der[..at], key.public().spki_der(), &der[at + spki.len()..]].concat()).unwrap()
}

fn gost() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.into_iter().filter(|algorithm| algorithm.family().is_gost())
}

#[test]
fn containers_of_ours_are_read_back_in_every_form() {
    for algorithm in gost() {
        let key = PrivateKey::generate(algorithm).unwrap();
        let signer = certificate_of(&key);
        for bits in 0..16u8 {
            let options = Options {
                attached: bits & 1 != 0,
                signed_attributes: bits & 2 != 0,
                include_certificate: bits & 4 != 0,
                by_key_identifier: bits & 8 != 0,
                signing_time: Some(LATER),
            };
            let made = cms::sign(b"text", &key, &signer, &options).unwrap();
            let container = Container::read(&made).unwrap();
            let verified = container.verify(b"text", std::slice::from_ref(&signer)).unwrap();
            assert_eq!(verified.signer.der(), signer.der());
            assert_eq!((verified.attached, verified.signed_attributes), (options.attached, options.signed_attributes));
            assert!(container.verify(b"texT", std::slice::from_ref(&signer)).is_err());
        }
    }
}

/// The signature in another order, and a digest of another family, are told apart from a plain mismatch.
#[test]
fn what_is_wrong_with_a_container_is_named() {
    let key = PrivateKey::generate(Algorithm::GOST_256).unwrap();
    let signer = certificate_of(&key);
    for signed_attributes in [true, false] {
        let options = Options { signed_attributes, include_certificate: false, ..Options::default() };
        let made = cms::sign(b"text", &key, &signer, &options).unwrap();
        for turn in [Turn::Whole, Turn::Halves, Turn::EachHalf] {
            let (rest, signature) = made.split_at(made.len() - 64);
            let turned = [rest, &turn.apply(signature)].concat();
            let seen = Container::read(&turned).unwrap().verify(b"text", std::slice::from_ref(&signer));
            assert_eq!(seen, Err(CmsError::SignatureTurned(turn)));
        }
        let streebog = [0x06, 0x08, 0x2a, 0x85, 0x03, 0x07, 0x01, 0x01, 0x02, 0x02];
        let other: Vec<u8> = {
            let mut bytes = made.clone();
            for at in 0..bytes.len() - streebog.len() {
                if bytes[at..].starts_with(&streebog) {
                    bytes[at + 9] = 0x03;
                }
            }
            bytes
        };
        let seen = Container::read(&other).unwrap().verify(b"text", std::slice::from_ref(&signer));
        assert_eq!(seen, Err(CmsError::DigestUnsupported(Digest::Streebog512)));
    }
    let ec = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let made = cms::sign(b"text", &ec, &signer, &Options::default()).unwrap();
    let seen = Container::read(&made).unwrap().verify(b"text", &[]);
    assert_eq!(seen, Err(CmsError::DigestUnsupported(Digest::Sha256)), "a key of ECDSA under a certificate of GOST");
}

#[test]
fn hash_mistakes_are_told_apart() {
    use crypto::digest::{sha1_hex, sha256_hex};
    let reversed = |bytes: [u8; 32]| hex::encode(bytes.into_iter().rev().collect::<Vec<u8>>());
    for name in ["256-a", "512-a"] {
        let (leaf, pem) = (certificate(name), vector(&format!("{name}.crt")));
        let der = leaf.der();
        let right = hex::encode(streebog256(der));
        assert_eq!(leaf.client_certificate_hash(), right);
        for (given, finding) in [
            (right.clone(), HashFinding::Right),
            (format!(" {} ", right.to_uppercase()), HashFinding::Right),
            (sha256_hex(der), HashFinding::Sha256),
            (sha1_hex(der), HashFinding::Sha1),
            (hex::encode(streebog512(der)), HashFinding::Streebog512),
            (reversed(streebog256(der)), HashFinding::Reversed),
            (hex::encode(streebog256(&pem)), HashFinding::OfPemText),
            (sha256_hex(&pem), HashFinding::OfPemText),
            (hex::encode(streebog256(leaf.spki_der())), HashFinding::OfPublicKey),
            (
                hex::encode(streebog256(&leaf.public_key().unwrap().gost().unwrap().to_le_bytes())),
                HashFinding::OfPublicKey,
            ),
            (hex::encode(streebog256(b"")), HashFinding::Other),
            ("abc".to_owned(), HashFinding::Other),
            (String::new(), HashFinding::Other),
        ] {
            assert_eq!(leaf.explain_hash(&given), finding, "{name}: {given}");
        }
    }
    let text = include_str!("vectors/cms/rsa.crt");
    let rsa = Certificate::from_pem(text).unwrap();
    assert_eq!(rsa.client_certificate_hash(), rsa.sha256_hex());
    assert_eq!(rsa.explain_hash(&hex::encode(streebog256(rsa.der()))), HashFinding::Streebog256);
    assert_eq!(rsa.explain_hash(&hex::encode(streebog256(text.as_bytes()))), HashFinding::OfPemText);
}

/// A known certificate whose signature algorithm has NULL as its parameters, signed by its own key.
#[test]
fn a_certificate_with_null_in_its_algorithm_holds_under_itself_as_root() {
    let root = certificate("esia");
    let spki = PublicKey::from_spki_der(root.spki_der()).unwrap();
    assert_eq!(spki, root.public_key().unwrap());
    assert_eq!(root.subject(), "CN=TESTGOST,C=RU");
    let hash = "A8AFDAC624D12DA4E28E4CEF4BB6E6393269E173F1E0742A47BBCB4059D16199";
    assert_eq!(root.explain_hash(hash), HashFinding::Right);
    let (data, algorithm, signature) = parts(root.der());
    assert_eq!(chain::signed(&data, root.spki_der(), &algorithm, &signature), Ok(()));
}

/// What is signed of a certificate, the algorithm, the signature.
fn parts(der: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    use der::{Decode, Encode};
    let read = x509_cert::Certificate::from_der(der).unwrap();
    let signature = read.signature().as_bytes().unwrap().to_vec();
    (read.tbs_certificate().to_der().unwrap(), read.signature_algorithm().to_der().unwrap(), signature)
}

#[test]
fn one_flipped_bit_of_a_certificate_is_refused_everywhere() {
    for name in ["256-a", "512-c"] {
        let (leaf, root) = (certificate(name), certificate(&format!("{name}-ca")));
        for at in 0..leaf.der().len() {
            let mut der = leaf.der().to_vec();
            der[at] ^= 1 << (at * 3 % 8);
            let seen = Certificate::from_der(&der).map(|leaf| verify(&leaf, &root, &[]));
            assert!(!matches!(seen, Ok(Ok(()))), "{name}: byte {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_flipped_bit_of_content_attributes_or_signature_is_refused(form in 0..8usize, at: usize, bit in 0..8u8) {
        let name = FULL[form % 4];
        let known = [certificate(name)];
        let mut content = vector("content.txt");
        let mut bytes = vector(&format!("{name}-nocerts.der"));
        prop_assert!(Container::read(&bytes).unwrap().verify(&content, &known).is_ok());
        if form < 4 {
            // From the signed attributes on: content type, time, digest, capabilities, algorithm, signature. The
            // parameters of the algorithm are the one thing that nobody reads.
            let from = bytes.windows(4).position(|window| window == [0x30, 0x18, 0x06, 0x09]).unwrap();
            let at = from + at % (bytes.len() - from);
            let unread = bytes[..at + 1].ends_with(&[0x05]) || bytes[..at + 1].ends_with(&[0x05, 0x00]);
            prop_assume!(!unread);
            bytes[at] ^= 1 << bit;
        } else {
            let at = at % content.len();
            content[at] ^= 1 << bit;
        }
        let accepted = Container::read(&bytes).is_ok_and(|read| read.verify(&content, &known).is_ok());
        prop_assert!(!accepted);
    }

    #[test]
    fn damaged_files_never_panic(file in 0..6usize, at: usize, byte: u8, cut: usize) {
        let names = ["256-a.crt", "512-c.crt", "256-a-stream.der", "512-a-detached.der", "256-tca.crl", "512-a.csr"];
        let mut bytes = vector(names[file]);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            bytes = crypto::pem::blocks(text).remove(0).der;
        }
        let at = at % bytes.len();
        bytes[at] = byte;
        let (root, content) = (certificate("256-a-ca"), vector("content.txt"));
        for bytes in [&bytes[..], &bytes[..cut % bytes.len()]] {
            let _ = Container::read(bytes).map(|read| read.verify(&content, std::slice::from_ref(&root)));
            let _ = Certificate::from_bytes(bytes).map(|read| verify(&read, &root, &[]));
            let _ = verify(&certificate("256-a"), &root, &[bytes.to_vec()]);
            let _ = (PrivateKey::from_pkcs8_der(bytes).is_ok(), PublicKey::from_spki_der(bytes).is_ok());
        }
    }
}
