//! GOST keys, raw signatures and signed containers against OpenSSL's GOST engine, in both directions, for every parameter
//! set that the engine makes keys of. Where command or engine is not installed, the tests say what they leave out; the
//! feature `peers` makes that a failure.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod engine;

use crypto::cms::{self, Container, Options};
use crypto::raw::{self, Outcome};
use crypto::{Algorithm, Certificate, PrivateKey, PublicKey};

use engine::Peer;

/// Size and the engine's name of a parameter set.
const SETS: [(&str, &str); 12] = [
    ("256", "A"),
    ("256", "B"),
    ("256", "C"),
    ("256", "XA"),
    ("256", "XB"),
    ("256", "TCA"),
    ("256", "TCB"),
    ("256", "TCC"),
    ("256", "TCD"),
    ("512", "A"),
    ("512", "B"),
    ("512", "C"),
];

const CONTENT: &[u8] = b"openid2026.11.22 13:00:29 +0300BANK01state";

const REQUESTS: &str = "[req]
distinguished_name = name
x509_extensions = one
[name]
[one]
subjectKeyIdentifier = hash
";

/// The peer with the texts that are signed and not signed.
fn find() -> Option<Peer> {
    let peer = Peer::find(REQUESTS)?;
    peer.write("content", CONTENT);
    peer.write("other", b"another text");
    Some(peer)
}

impl Peer {
    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    fn accepts(&self, arguments: &[&str]) -> bool {
        self.command(arguments).output().unwrap().status.success()
    }

    /// A key of the engine's and a certificate that it made of it.
    fn pair(&self, size: &str, set: &str) -> (PrivateKey, Certificate) {
        let (algorithm, set) = (format!("gost2012_{size}"), format!("paramset:{set}"));
        self.run(&["genpkey", "-algorithm", &algorithm, "-pkeyopt", &set, "-out", "key.pem"]);
        let key = PrivateKey::from_pem(&self.text("key.pem")).unwrap();
        (key, self.certified(size))
    }

    /// A self-signed certificate of the key in `key.pem`.
    fn certified(&self, size: &str) -> Certificate {
        let digest = format!("-md_gost12_{size}");
        self.run(&["req", "-new", "-x509", "-key", "key.pem", &digest, "-subj", "/CN=one", "-out", "one.pem"]);
        Certificate::from_pem(&self.text("one.pem")).unwrap()
    }
}

fn forms() -> impl Iterator<Item = Options> {
    (0..16u8).map(|bits| Options {
        attached: bits & 1 != 0,
        signed_attributes: bits & 2 != 0,
        include_certificate: bits & 4 != 0,
        by_key_identifier: bits & 8 != 0,
        signing_time: Some(1_795_000_000),
    })
}

#[test]
fn keys_of_the_engine_are_read_and_its_public_halves_are_the_same() {
    let Some(peer) = find() else { return };
    for (size, set) in SETS {
        let (key, certificate) = peer.pair(size, set);
        let public = peer.run(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"]);
        assert_eq!(key.public().spki_der(), public, "{size} {set}: byte for byte");
        assert_eq!(certificate.public_key().unwrap(), *key.public(), "{size} {set}");
        assert_eq!(certificate.spki_der(), public);
        let hash = format!("-md_gost12_{size}");
        let der = peer.run(&["x509", "-in", "one.pem", "-outform", "DER"]);
        peer.write("one.der", &der);
        let told = peer.run(&["dgst", "-md_gost12_256", "-r", "one.der"]);
        assert!(told.starts_with(certificate.client_certificate_hash().as_bytes()), "{size} {set}");
        peer.run(&["dgst", &hash, "-sign", "key.pem", "-out", "signature", "content"]);
        let scheme = key.family().scheme();
        assert_eq!(raw::verify(key.public(), CONTENT, &peer.read("signature")), Outcome::Valid(scheme));
        assert_eq!(raw::verify(key.public(), b"another text", &peer.read("signature")), Outcome::Mismatch);
    }
}

#[test]
fn the_engine_reads_keys_of_ours_and_holds_their_signatures_good() {
    let Some(peer) = find() else { return };
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.family().is_gost()) {
        let key = PrivateKey::generate(algorithm).unwrap();
        let hash = if key.public().bits() == 256 { "-md_gost12_256" } else { "-md_gost12_512" };
        peer.write("key.pem", key.to_pem().as_bytes());
        peer.write("public.pem", key.public().to_pem().as_bytes());
        let public = peer.run(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"]);
        assert_eq!(PublicKey::from_spki_der(&public).unwrap(), *key.public(), "{algorithm}");
        peer.write("signature", &raw::sign(&key, CONTENT).unwrap());
        for key in [["-prverify", "key.pem"], ["-verify", "public.pem"]] {
            assert!(peer.accepts(&["dgst", hash, key[0], key[1], "-signature", "signature", "content"]), "{algorithm}");
            assert!(!peer.accepts(&["dgst", hash, key[0], key[1], "-signature", "signature", "other"]));
        }
    }
}

#[test]
fn containers_of_the_engine_are_verified_in_every_form() {
    let Some(peer) = find() else { return };
    for (size, set) in SETS {
        let (_, certificate) = peer.pair(size, set);
        let digest = format!("md_gost12_{size}");
        for form in [
            &[][..],
            &["-noattr"],
            &["-nodetach"],
            &["-nodetach", "-noattr"],
            &["-keyid"],
            &["-nocerts"],
            &["-nodetach", "-stream"],
        ] {
            let mut arguments = vec!["cms", "-sign", "-binary", "-in", "content", "-signer", "one.pem"];
            arguments.extend(["-inkey", "key.pem", "-md", &digest, "-outform", "DER", "-out", "made"]);
            arguments.extend(form);
            peer.run(&arguments);
            let container = Container::read(&peer.read("made")).unwrap();
            let verified = container.verify(CONTENT, std::slice::from_ref(&certificate));
            assert_eq!(verified.map(|verified| verified.signer), Ok(certificate.clone()), "{size} {set} {form:?}");
            assert!(container.verify(b"another text", std::slice::from_ref(&certificate)).is_err());
        }
    }
}

#[test]
fn the_engine_verifies_containers_of_ours_in_every_form() {
    let Some(peer) = find() else { return };
    let judge = |what: &str, key: &PrivateKey, certificate: &Certificate, forms: &[Options]| {
        for options in forms {
            peer.write("made", &cms::sign(CONTENT, key, certificate, options).unwrap());
            let verify = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "made", "-noverify", "-out", "out"];
            let known = ["-certfile", "one.pem"];
            let with = |content: &'static str| match options.attached {
                true => [&verify[..], &known].concat(),
                false => [&verify[..], &known, &["-content", content]].concat(),
            };
            assert!(peer.accepts(&with("content")), "{what} {options:?}");
            assert_eq!(peer.read("out"), CONTENT);
            if options.by_key_identifier || !options.include_certificate {
                continue;
            }
            assert!(options.attached || !peer.accepts(&with("other")), "{what} {options:?}");
            let mut broken = peer.read("made");
            let last = broken.len() - 1;
            broken[last] ^= 1;
            peer.write("made", &broken);
            assert!(!peer.accepts(&with("content")), "{what} {options:?}");
        }
    };
    let all: Vec<Options> = forms().collect();
    let plain = [Options::default(), Options { attached: true, signed_attributes: false, ..Options::default() }];
    for (size, set) in SETS {
        let (key, certificate) = peer.pair(size, set);
        let forms = if [("256", "A"), ("512", "C")].contains(&(size, set)) { &all[..] } else { &plain };
        judge(&format!("{size} {set}"), &key, &certificate, forms);
    }
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.family().is_gost()) {
        let key = PrivateKey::generate(algorithm).unwrap();
        peer.write("key.pem", key.to_pem().as_bytes());
        let certificate = peer.certified(if key.public().bits() == 256 { "256" } else { "512" });
        judge(algorithm.as_str(), &key, &certificate, &plain[..1]);
    }
}
