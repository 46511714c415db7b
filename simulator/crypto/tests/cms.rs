//! CMS against the OpenSSL command: golden files that it made (`vectors/cms/make.sh`), and, where it is installed, its
//! judgement of ours.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::PathBuf;
use std::process::Command;

use ::cms::content_info::ContentInfo;
use ::cms::signed_data::{SignedAttributes, SignedData};
use crypto::cms::{self, CmsError, Container, Digest, Options};
use crypto::raw::{self, Outcome, Turn};
use crypto::{Algorithm, Certificate, PrivateKey, Scheme};
use der::asn1::OctetString;
use der::{Any, AnyRef, Decode, Encode, Tag, Tagged};
use proptest::prelude::*;
use x509_cert::attr::Attribute;

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
    assert_eq!(verify("rsa-sha1.der"), Err(CmsError::DigestUnsupported(Digest::Sha1)));
    assert_eq!(verify("two-signers.der"), Err(CmsError::SeveralSigners(2)));
    assert_eq!(verify("certificates-only.der"), Err(CmsError::NoSigner));
    assert_eq!(verify("data-only.der").unwrap_err().code(), "not-signed-data");
    assert_eq!(verify("rsa-raw.bin").unwrap_err().code(), "not-cms");
    assert_eq!(verify("rsa.crt").unwrap_err().code(), "not-cms");
    assert_eq!(Container::read(b"").unwrap_err().code(), "not-cms");
}

/// A certificate for this key: that of the EC vectors with another key put in. Its own signature is broken, which CMS
/// does not look at.
fn certificate_of(key: &PrivateKey) -> Certificate {
    let (der, spki) = (certificate("ec").der().to_vec(), certificate("ec").spki_der().to_vec());
    let at = der.windows(spki.len()).position(|window| window == spki).unwrap();
    let der = [&der[..at], key.public().spki_der(), &der[at + spki.len()..]].concat();
    Certificate::from_der(&der).unwrap()
}

/// The container with other signed attributes, in the order given; signed anew over just that order where a key is given.
fn with_attributes(
    container: &[u8],
    key: Option<&PrivateKey>,
    change: impl FnOnce(Vec<Attribute>) -> Vec<Attribute>,
) -> Vec<u8> {
    let mut outer = ContentInfo::from_der(container).unwrap();
    let mut data: SignedData = outer.content.decode_as().unwrap();
    let mut info = data.signer_infos.0.into_vec().pop().unwrap();
    let members = change(info.signed_attrs.take().unwrap().into_vec());
    let content: Vec<u8> = members.iter().flat_map(|member| member.to_der().unwrap()).collect();
    let set = Any::new(Tag::Set, content).unwrap().to_der().unwrap();
    if let Some(key) = key {
        info.signature = OctetString::new(key.sign(&set).unwrap()).unwrap();
    }
    // Only reading by BER rules leaves a set in the order in which it stands.
    info.signed_attrs = Some(SignedAttributes::from_ber(&set).unwrap());
    data.signer_infos = vec![info].try_into().unwrap();
    outer.content = Any::encode_from(&data).unwrap();
    outer.to_der().unwrap()
}

fn turned_round(mut members: Vec<Attribute>) -> Vec<Attribute> {
    members.reverse();
    members
}

/// What OpenSSL says of a container; nothing where the command is not installed.
fn openssl_accepts(container: &[u8], content: &[u8], known: &Certificate) -> Option<bool> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("made.der"), container).unwrap();
    std::fs::write(path("content"), content).unwrap();
    std::fs::write(path("known.pem"), known.pem()).unwrap();
    let mut command = Command::new("openssl");
    command.args(["cms", "-verify", "-binary", "-inform", "DER", "-noverify", "-out", "/dev/null"]);
    command.arg("-in").arg(path("made.der")).arg("-certfile").arg(path("known.pem"));
    if Container::read(container).is_ok_and(|read| read.attached.is_none()) {
        command.arg("-content").arg(path("content"));
    }
    match command.output() {
        Ok(output) => Some(output.status.success()),
        other if cfg!(feature = "peers") => panic!("openssl is needed: {other:?}"),
        _ => {
            println!("left out: the openssl command is not installed");
            None
        }
    }
}

/// RFC 5652 §5.4 signs the DER of a SET OF. OpenSSL verifies the attributes in the order in which they came.
#[test]
fn attributes_out_of_order_are_judged_as_openssl_judges_them() {
    let content = vector("content.txt");
    let judge = |container: &[u8], signer: &Certificate, wanted: Result<(), &str>| {
        let seen = Container::read(container).unwrap().verify(&content, std::slice::from_ref(signer));
        assert_eq!(seen.map(|_| ()).map_err(|error| error.code()), wanted);
        let openssl = openssl_accepts(container, &content, signer);
        assert_eq!(openssl.unwrap_or(wanted.is_ok()), wanted.is_ok());
    };
    for form in ["detached", "attached", "keyid", "nocerts"] {
        for kind in ["rsa", "ec"] {
            let (golden, signer) = (vector(&format!("{kind}-{form}.der")), certificate(kind));
            assert_eq!(with_attributes(&golden, None, |members| members), golden);
            judge(&golden, &signer, Ok(()));
            judge(&with_attributes(&golden, None, turned_round), &signer, Err("signature-mismatch"));
        }
    }
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let signer = certificate_of(&key);
    let options = Options { signing_time: Some(1_763_800_000), ..Options::default() };
    let made = cms::sign(&content, &key, &signer, &options).unwrap();
    judge(&made, &signer, Ok(()));
    judge(&with_attributes(&made, None, turned_round), &signer, Err("signature-mismatch"));
    judge(&with_attributes(&made, Some(&key), turned_round), &signer, Ok(()));
}

#[test]
fn an_attribute_that_is_repeated_or_has_two_values_does_not_count() {
    let content = vector("content.txt");
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let signer = certificate_of(&key);
    let made = cms::sign(&content, &key, &signer, &Options::default()).unwrap();
    // In DER order: content-type, message-digest.
    for (at, code) in [(0, "content-type-wrong"), (1, "message-digest-missing")] {
        let twice = with_attributes(&made, Some(&key), |members| [members.clone(), vec![members[at].clone()]].concat());
        let two_values = with_attributes(&made, Some(&key), |mut members| {
            let value = members[at].values.get(0).unwrap().clone();
            members[at].values.insert(value).unwrap();
            members
        });
        let absent = with_attributes(&made, Some(&key), |mut members| {
            members.remove(at);
            members
        });
        for container in [twice, two_values, absent] {
            let seen = Container::read(&container).unwrap().verify(&content, &[]).unwrap_err();
            assert_eq!(seen.code(), code);
            assert_ne!(openssl_accepts(&container, &content, &signer), Some(true), "{code}");
        }
    }
}

/// The same element with indefinite lengths from the outside down to this depth, and the content, if it is inside, in
/// pieces.
fn streamed(der: &[u8], depth: usize, deepest: usize) -> Vec<u8> {
    let whole = AnyRef::from_der(der).unwrap();
    if depth > deepest {
        return der.to_vec();
    }
    if depth == 5 && whole.tag() == Tag::OctetString {
        let piece = |bytes: &[u8]| Any::new(Tag::OctetString, bytes).unwrap().to_der().unwrap();
        let (first, second) = whole.value().split_at(whole.value().len() / 3);
        return [&[0x24, 0x80][..], &piece(first), &piece(second), &[0, 0]].concat();
    }
    if der[0] & 0x20 == 0 {
        return der.to_vec();
    }
    let (mut out, mut rest) = (vec![der[0], 0x80], whole.value());
    while !rest.is_empty() {
        let (_, after) = AnyRef::from_der_partial(rest).unwrap();
        out.extend(streamed(&rest[..rest.len() - after.len()], depth + 1, deepest));
        rest = after;
    }
    out.extend([0, 0]);
    out
}

#[test]
fn indefinite_lengths_are_read() {
    let content = vector("content.txt");
    for kind in ["rsa", "ec"] {
        for form in ["detached", "noattr", "attached", "attached-noattr", "keyid", "nocerts"] {
            let golden = vector(&format!("{kind}-{form}.der"));
            let wanted = Container::read(&golden).unwrap();
            // Down to depth 3 are the sets and the content; what is inside the sets stays in DER.
            for deepest in 0..4 {
                let ber = streamed(&golden, 0, deepest);
                let container =
                    Container::read(&ber).unwrap_or_else(|error| panic!("{kind}-{form} {deepest}: {error}"));
                let verified = container.verify(&content, &[certificate(kind)]).unwrap();
                assert_eq!(verified.signer, certificate(kind), "{kind}-{form} {deepest}");
                assert_eq!(container.attached, wanted.attached);
                assert_eq!(container.certificates, wanted.certificates);
                assert!(Container::read(&[&ber[..], &[0]].concat()).is_err(), "a byte left over");
                if deepest == 3 {
                    assert_ne!(openssl_accepts(&ber, &content, &certificate(kind)), Some(false), "{kind}-{form}");
                }
            }
        }
    }
}

#[test]
fn content_in_pieces_is_put_together() {
    let content = vector("content.txt");
    for kind in ["rsa", "ec"] {
        for form in ["attached", "attached-noattr"] {
            // Within a container of indefinite lengths, so that no outer length has to be written anew.
            let ber = streamed(&vector(&format!("{kind}-{form}.der")), 0, 3);
            let explicit = [&[0xa0, 0x4b, 0x04, 0x49][..], &content].concat();
            let at = ber.windows(explicit.len()).position(|window| window == explicit).unwrap();
            let with =
                |element: &[u8]| [&ber[..at], &[0xa0, 0x80], element, &[0, 0], &ber[at + explicit.len()..]].concat();
            let piece = |bytes: &[u8]| [&[4, bytes.len() as u8][..], bytes].concat();
            let (one, two) = (piece(&content[..20]), piece(&content[20..]));
            let pieces = [one.clone(), two].concat();
            let definite = [&[0x24, pieces.len() as u8][..], &pieces].concat();
            let indefinite = [&[0x24, 0x80][..], &pieces, &[0, 0]].concat();
            for element in [definite, indefinite] {
                let container = Container::read(&with(&element)).unwrap();
                assert_eq!(container.attached.as_deref(), Some(&content[..]));
                assert!(container.verify(&content, &[]).is_ok());
                assert_ne!(openssl_accepts(&with(&element), &content, &certificate(kind)), Some(false));
            }
            // A whole octet string whose content looks like pieces is what it says.
            let alike = Container::read(&with(&piece(&pieces))).unwrap();
            assert_eq!(alike.attached.as_deref(), Some(&pieces[..]));
            assert_eq!(alike.verify(&content, &[]).unwrap_err().code(), "attached-content-differs");
            // A piece that says that it has pieces itself.
            let mut nested = [&[0x24, 0x80][..], &pieces, &[0, 0]].concat();
            nested[2] = 0x24;
            assert_eq!(Container::read(&with(&nested)).unwrap_err().code(), "not-cms");
        }
    }
}

#[test]
fn a_certificate_that_cannot_be_read_does_not_spoil_the_container() {
    let content = vector("content.txt");
    let good = vector("ec-detached.der");
    let at = good.windows(4).position(|window| window == [0xa0, 0x03, 0x02, 0x01]).unwrap();
    // The certificate's version 3 becomes 131, which no reader of certificates takes.
    let mut bad = good.clone();
    bad[at + 4] = 0x83;
    let container = Container::read(&bad).unwrap();
    assert!(container.certificates.is_empty());
    assert_eq!(container.verify(&content, &[]), Err(CmsError::SignerCertificateMissing));
    assert!(container.verify(&content, &[certificate("ec")]).is_ok());
}

#[test]
fn what_is_made_is_read_back_and_stands_in_der_order() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let signer = certificate_of(&key);
    for bits in 0..16u8 {
        let options = Options {
            attached: bits & 1 != 0,
            signed_attributes: bits & 2 != 0,
            include_certificate: bits & 4 != 0,
            by_key_identifier: bits & 8 != 0,
            signing_time: Some(if bits & 4 != 0 { 1_763_800_000 } else { 2_600_000_000 }),
        };
        let made = cms::sign(b"text", &key, &signer, &options).unwrap();
        let container = Container::read(&made).unwrap();
        let verified = container.verify(b"text", std::slice::from_ref(&signer)).unwrap();
        assert_eq!(verified.signer.der(), signer.der(), "the certificate's bytes are not changed");
        assert_eq!(
            (verified.attached, verified.signed_attributes, verified.certificate_inside),
            (options.attached, options.signed_attributes, options.include_certificate)
        );
        // Reading by DER rules sorts every set.
        let mut outer = ContentInfo::from_der(&made).unwrap();
        let data: SignedData = outer.content.decode_as().unwrap();
        outer.content = Any::encode_from(&data).unwrap();
        assert_eq!(outer.to_der().unwrap(), made, "{options:?}");
    }
}

/// The signed attributes are stored under another tag than they are signed under; nothing else may differ.
#[test]
fn one_flipped_bit_of_the_signed_attributes_is_refused() {
    let content = vector("content.txt");
    let golden = vector("ec-nocerts.der");
    let known = &[certificate("ec")];
    for (form, good) in [("der", golden.clone()), ("ber", streamed(&golden, 0, 3))] {
        assert!(Container::read(&good).unwrap().verify(&content, known).is_ok());
        let first = good.windows(4).position(|window| window == [0x30, 0x18, 0x06, 0x09]).unwrap();
        let tag = good[..first].iter().rposition(|byte| *byte == 0xa0).unwrap();
        let end = first + AnyRef::from_der_partial(&good[tag..]).unwrap().0.value().len();
        for at in tag..end {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let seen = Container::read(&bytes).and_then(|read| read.verify(&content, known));
                assert!(seen.is_err(), "{form}: byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn tags_that_say_primitive_are_refused() {
    for form in ["rsa-detached", "rsa-stream"] {
        let good = vector(&format!("{form}.der"));
        let certificates = good.windows(2).position(|window| window == [0xa0, 0x82]).unwrap();
        let at = match form {
            // The first such tag is the explicit one around the whole.
            "rsa-detached" => {
                certificates + 2 + good[certificates + 2..].windows(2).position(|two| two == [0xa0, 0x82]).unwrap()
            }
            _ => certificates,
        };
        assert_eq!(good[at + 4], 0x30, "a certificate follows");
        let mut bytes = good;
        bytes[at] = 0x80;
        assert_eq!(Container::read(&bytes).unwrap_err().code(), "not-cms", "{form}");
    }
}

#[test]
fn raw_signatures_of_openssl_hold() {
    let content = vector("content.txt");
    for (kind, scheme) in [("rsa", Scheme::RsaPkcs1Sha256), ("ec", Scheme::EcdsaSha256Der)] {
        let key = certificate(kind).public_key().unwrap();
        let mut sign = vector(&format!("{kind}-raw.bin"));
        assert_eq!(raw::verify(&key, &content, &sign), Outcome::Valid(scheme));
        sign.reverse();
        assert_eq!(raw::verify(&key, &content, &sign), Outcome::ReversedOnly(scheme, Turn::Whole));
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
    let content = b"openid2026.11.22 13:00:29 +0300BANK01state";
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
            assert_eq!(openssl_accepts(&container, content, &certificate), Some(true), "{options:?}");
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
