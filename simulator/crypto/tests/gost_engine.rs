//! GOST keys, signatures, agreement and hashes against OpenSSL's GOST engine, in both directions, for every parameter set
//! and every name of it that the engine knows. Where command or engine is not installed, the tests say what they leave
//! out; the feature `peers` makes that a failure. Certificates and messages have a file of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod engine;

use crypto::gost::{Curve, SecretKey, VerifyingKey, hmac256, hmac512, streebog256, streebog512};
use der::asn1::{BitStringRef, OctetString, OctetStringRef};
use der::oid::ObjectIdentifier;
use der::{Decode, Encode};
use rsa::pkcs8::PrivateKeyInfoRef;
use spki::SubjectPublicKeyInfoRef;

use engine::Peer;

/// The engine's algorithm, its name of a parameter set, the identifier it writes for it, and what that is here.
const SETS: &[(&str, &str, &str, Curve)] = &[
    ("gost2012_256", "0", "1.2.643.2.2.35.0", Curve::Test256),
    ("gost2012_256", "A", "1.2.643.2.2.35.1", Curve::CryptoProA),
    ("gost2012_256", "B", "1.2.643.2.2.35.2", Curve::CryptoProB),
    ("gost2012_256", "C", "1.2.643.2.2.35.3", Curve::CryptoProC),
    ("gost2012_256", "XA", "1.2.643.2.2.36.0", Curve::CryptoProA),
    ("gost2012_256", "XB", "1.2.643.2.2.36.1", Curve::CryptoProC),
    ("gost2012_256", "TCA", "1.2.643.7.1.2.1.1.1", Curve::Tc26A256),
    ("gost2012_256", "TCB", "1.2.643.7.1.2.1.1.2", Curve::CryptoProA),
    ("gost2012_256", "TCC", "1.2.643.7.1.2.1.1.3", Curve::CryptoProB),
    ("gost2012_256", "TCD", "1.2.643.7.1.2.1.1.4", Curve::CryptoProC),
    ("gost2012_512", "A", "1.2.643.7.1.2.1.2.1", Curve::Tc26A512),
    ("gost2012_512", "B", "1.2.643.7.1.2.1.2.2", Curve::Tc26B512),
    ("gost2012_512", "C", "1.2.643.7.1.2.1.2.3", Curve::Tc26C512),
];

impl Peer {
    /// Its verdict on a signature in the file `signature` over the digest in `digest`.
    fn verifies(&self, digest: &[u8], signature: &[u8]) -> bool {
        self.write("digest", digest);
        self.write("signature", signature);
        let arguments = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.der", "-keyform", "DER"];
        let mut command = self.command(&arguments);
        command.args(["-in", "digest", "-sigfile", "signature"]).output().unwrap().status.success()
    }

    fn signs(&self, digest: &[u8], key: &str) -> Vec<u8> {
        self.write("digest", digest);
        self.run(&["pkeyutl", "-sign", "-inkey", key, "-keyform", "DER", "-in", "digest"])
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Bytes without pattern that are the same in every run.
fn bytes(of: &str, length: usize) -> Vec<u8> {
    (0u32..).flat_map(|round| streebog512(&[of.as_bytes(), &round.to_be_bytes()].concat())).take(length).collect()
}

#[test]
fn keys_and_signatures_go_both_ways_on_every_curve() {
    let Some(peer) = Peer::find("") else { return };
    for (algorithm, name, oid, curve) in SETS {
        let digest = bytes(name, curve.size());
        let parameter_set = format!("paramset:{name}");
        let made = ["genpkey", "-algorithm", algorithm, "-pkeyopt", &parameter_set, "-outform", "DER"];
        let pkcs8 = peer.run(&made);
        peer.write("theirs.der", &pkcs8);

        // Its private key here: the scalar is raw and little-endian.
        let info = PrivateKeyInfoRef::from_der(&pkcs8).unwrap();
        let wanted = ObjectIdentifier::new_unwrap(oid);
        assert!(contains(&info.algorithm.parameters.unwrap().to_der().unwrap(), &wanted.to_der().unwrap()), "{name}");
        assert!(Curve::EXAMPLES.contains(curve) || Curve::from_oid(wanted) == Some(*curve), "{name}");
        let key = SecretKey::from_le_bytes(*curve, info.private_key.as_bytes()).unwrap();

        // Its public key is the same point.
        let spki = peer.run(&["pkey", "-inform", "DER", "-in", "theirs.der", "-pubout", "-outform", "DER"]);
        let public = SubjectPublicKeyInfoRef::from_der(&spki).unwrap();
        let point = OctetString::from_der(public.subject_public_key.as_bytes().unwrap()).unwrap();
        assert_eq!(key.public().to_le_bytes(), point.as_bytes(), "{name}");
        let public_key = VerifyingKey::from_le_bytes(*curve, point.as_bytes()).unwrap();

        // Its signature holds here and, with one bit flipped, does not.
        let mut signature = peer.signs(&digest, "theirs.der");
        assert!(public_key.verify_digest(&digest, &signature), "{name}");
        signature[curve.size() / 2] ^= 0x10;
        assert!(!public_key.verify_digest(&digest, &signature), "{name}");

        // Ours holds there, by its key and by one made here.
        let own = SecretKey::generate(*curve).unwrap();
        for key in [&key, &own] {
            let point = OctetString::new(key.public().to_le_bytes()).unwrap().to_der().unwrap();
            let bits = BitStringRef::from_bytes(&point).unwrap();
            let spki = SubjectPublicKeyInfoRef { algorithm: info.algorithm, subject_public_key: bits };
            peer.write("public.der", &spki.to_der().unwrap());
            let mut signature = key.sign_digest(&digest).unwrap();
            assert!(peer.verifies(&digest, &signature), "{name}");
            signature[0] ^= 1;
            assert!(!peer.verifies(&digest, &signature), "{name}");
        }

        // A private key made here is read there: it gives the same public key and signs.
        let secret = own.to_le_bytes();
        let info = PrivateKeyInfoRef::new(info.algorithm, OctetStringRef::new(&secret).unwrap());
        peer.write("ours.der", &info.to_der().unwrap());
        let spki = peer.run(&["pkey", "-inform", "DER", "-in", "ours.der", "-pubout", "-outform", "DER"]);
        assert_eq!(spki, std::fs::read(peer.path("public.der")).unwrap(), "{name}");
        let signature = peer.signs(&digest, "ours.der");
        assert!(own.public().verify_digest(&digest, &signature), "{name}");
    }
}

#[test]
fn both_sides_agree_on_the_same_key() {
    let Some(peer) = Peer::find("") else { return };
    for (algorithm, name, _, curve) in SETS {
        let parameter_set = format!("paramset:{name}");
        let read = |file: &str| {
            let made = ["genpkey", "-algorithm", algorithm, "-pkeyopt", &parameter_set, "-outform", "DER"];
            let pkcs8 = peer.run(&made);
            peer.write(file, &pkcs8);
            let secret = PrivateKeyInfoRef::from_der(&pkcs8).unwrap().private_key.as_bytes();
            SecretKey::from_le_bytes(*curve, secret).unwrap()
        };
        let (own, other) = (read("own.der"), read("other.der"));
        peer.run(&["pkey", "-inform", "DER", "-in", "other.der", "-pubout", "-out", "other.pem"]);
        peer.run(&["pkey", "-inform", "DER", "-in", "own.der", "-out", "own.pem"]);
        let ukm = bytes(name, 8);
        let agreed = |bits: &str| {
            let (kind, ukm) = (format!("vko:{bits}"), format!("ukmhex:{}", hex::encode(&ukm)));
            let inputs = ["pkeyutl", "-derive", "-inkey", "own.pem", "-peerkey", "other.pem"];
            peer.run(&[&inputs[..], &["-pkeyopt", &kind, "-pkeyopt", &ukm]].concat())
        };
        let shorter = own.vko256(other.public(), &ukm).unwrap();
        assert_eq!(agreed("256"), shorter.to_vec(), "{name}");
        assert_eq!(agreed("512"), own.vko512(other.public(), &ukm).unwrap().to_vec(), "{name}");
        assert_eq!(shorter, other.vko256(own.public(), &ukm).unwrap(), "{name}");
    }
}

#[test]
fn hashes_of_every_length_are_the_same() {
    let Some(peer) = Peer::find("") else { return };
    for length in [0, 1, 31, 32, 63, 64, 65, 127, 128, 1000, 100_000] {
        let content = bytes("content", length);
        peer.write("content", &content);
        let hashed = |name: &str, more: &[&str]| {
            let arguments = [&["dgst", name, "-binary"], more, &["content"]].concat();
            peer.run(&arguments)
        };
        assert_eq!(hashed("-md_gost12_256", &[]), streebog256(&content), "{length}");
        assert_eq!(hashed("-md_gost12_512", &[]), streebog512(&content), "{length}");
        let key = bytes("key", 1 + length % 100);
        let with_key = ["-mac", "HMAC", "-macopt", &format!("hexkey:{}", hex::encode(&key))];
        assert_eq!(hashed("-md_gost12_256", &with_key), hmac256(&key, &content), "{length}");
        assert_eq!(hashed("-md_gost12_512", &with_key), hmac512(&key, &content), "{length}");
    }
}
