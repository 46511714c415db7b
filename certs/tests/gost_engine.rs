//! Certificates, requests and revocation lists of GOST against OpenSSL's GOST engine, in both directions, for every
//! parameter set that the engine makes keys of. Where command or engine is not installed, the tests say what they leave
//! out; the feature `peers` makes that a failure.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../simulator/crypto/tests/engine/mod.rs"]
mod engine;

use certs::{Authority, Identifier, Key, Profile, Request, Subject, pki};
use contract::time::{Span, Timestamp};
use crypto::chain::{self, ChainError, Check, Usage};
use crypto::{Algorithm, Certificate, PrivateKey};

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

const CONFIGURATION: &str = "[req]
distinguished_name = name
x509_extensions = authority
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = list
[list]
database = index.txt
crlnumber = crlnumber
default_crl_days = 30
";

impl Peer {
    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn told(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.command(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// What a command that must succeed prints, complaints and verdicts with it.
    fn said(&self, arguments: &[&str]) -> String {
        let (good, text) = self.told(arguments);
        assert!(good, "openssl {arguments:?}: {text}");
        text
    }

    fn key(&self, size: &str, set: &str, file: &str) {
        let (algorithm, set) = (format!("gost2012_{size}"), format!("paramset:{set}"));
        self.run(&["genpkey", "-algorithm", &algorithm, "-pkeyopt", &set, "-out", file]);
    }
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn trusted(leaf: &Certificate, roots: &[Certificate], crls: &[Vec<u8>], at: i64) -> Result<(), ChainError> {
    chain::verify(&Check { leaf, intermediates: &[], roots, crls, at, usage: Usage::Client, host: None })
}

#[test]
fn chains_and_lists_of_the_engine_are_judged_alike() {
    let Some(peer) = Peer::find(CONFIGURATION) else { return };
    for (size, set) in SETS {
        let digest = format!("-md_gost12_{size}");
        peer.key(size, set, "ca.key");
        peer.key(size, set, "leaf.key");
        peer.run(&["req", "-new", "-x509", "-key", "ca.key", &digest, "-subj", "/CN=Root", "-out", "ca.pem"]);
        let subject = "/C=RU/OGRN=1177700000004/SNILS=11223344595/CN=BANK01";
        peer.run(&["req", "-new", "-key", "leaf.key", &digest, "-subj", subject, "-out", "leaf.csr"]);
        let mut issue = vec!["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", &digest];
        issue.extend(["-extfile", "openssl.cnf", "-extensions", "leaf", "-set_serial", "0x77", "-out", "leaf.pem"]);
        peer.run(&issue);
        peer.write("index.txt", b"");
        peer.write("crlnumber", b"01\n");
        let list = |file: &str| {
            let name = format!("md_gost12_{size}");
            let ca = ["-cert", "ca.pem", "-keyfile", "ca.key", "-md", &name];
            peer.run(&[&["ca", "-gencrl", "-out", file][..], &ca].concat());
            crypto::pem::find(&peer.text(file), "X509 CRL").unwrap()
        };
        let empty = list("empty.pem");
        peer.run(&["ca", "-revoke", "leaf.pem", "-cert", "ca.pem", "-keyfile", "ca.key", "-md", &digest[1..]]);
        let full = list("full.pem");
        let leaf = Certificate::from_pem(&peer.text("leaf.pem")).unwrap();
        let root = [Certificate::from_pem(&peer.text("ca.pem")).unwrap()];
        let at = leaf.not_before() + 60;
        assert_eq!(trusted(&leaf, &root, &[empty], at), Ok(()), "{size} {set}");
        assert_eq!(trusted(&leaf, &root, &[full], at), Err(ChainError::Revoked), "{size} {set}");
        assert_eq!(leaf.subject(), "CN=BANK01,SNILS=11223344595,OGRN=1177700000004,C=RU");
        let request = Request::from_pem(&peer.text("leaf.csr")).unwrap();
        assert_eq!(request.key, leaf.public_key().unwrap(), "{size} {set}");
        assert_eq!(request.common_name.as_deref(), Some("BANK01"));
        let wanted = [(Identifier::Ogrn, "1177700000004".to_owned()), (Identifier::Snils, "11223344595".to_owned())];
        assert_eq!(request.identifiers, wanted);
    }
}

#[test]
fn the_engine_takes_the_good_and_refuses_the_bad() {
    let Some(peer) = Peer::find(CONFIGURATION) else { return };
    let at = now().seconds().to_string();
    let gost = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.family().is_gost());
    // Every curve as authority and as key; and a key of GOST under the second root of an authority of ECDSA.
    for (root, algorithm) in gost.map(|one| (one, one)).chain([(Algorithm::EcdsaP256, Algorithm::GOST_512)]) {
        let authority = Authority::new(now(), root).unwrap();
        let key = PrivateKey::generate(algorithm).unwrap();
        let profiles: Vec<_> = Profile::all().filter(|profile| profile.name.starts_with("partner")).collect();
        for profile in &profiles {
            let subject = Subject::named("BANK01").with_identifier(Identifier::Ogrn, "1177700000004");
            let made = authority.issue(profile, &subject, Key::Own(&key), now()).unwrap();
            peer.write(&profile.name, made.cert_pem.as_bytes());
        }
        let roots: String = authority.roots().iter().map(Certificate::pem).collect();
        let lists: String = authority.crls(now()).unwrap().into_iter().map(|list| list.pem).collect();
        peer.write("ca.pem", roots.as_bytes());
        peer.write("crl.pem", lists.as_bytes());
        for profile in profiles {
            let mut verify = vec!["verify", "-x509_strict", "-crl_check", "-attime", &at, "-CAfile", "ca.pem"];
            verify.extend(["-CRLfile", "crl.pem"]);
            if profile.usage.contains(&certs::Usage::ClientAuth) {
                verify.extend(["-purpose", "sslclient"]);
            }
            verify.push(&profile.name);
            let (good, text) = peer.told(&verify);
            assert_eq!(good, profile.is_good(), "{} {algorithm} under {root}: {text}", profile.name);
        }
        let shown = peer.said(&["x509", "-in", "partner", "-noout", "-subject", "-nameopt", "RFC2253,show_type,oid"]);
        assert!(shown.contains("1.2.643.100.1=NUMERICSTRING:1177700000004"), "{shown}");
        let issuer = authority.roots().len() - 1;
        peer.write("list", authority.crls(now()).unwrap()[issuer].pem.as_bytes());
        peer.write("root", authority.roots()[issuer].pem().as_bytes());
        assert!(peer.said(&["crl", "-in", "list", "-CAfile", "root", "-noout"]).contains("verify OK"), "{algorithm}");
    }
}

#[test]
fn requests_go_both_ways_and_keys_stay_where_they_are_made() {
    let Some(peer) = Peer::find(CONFIGURATION) else { return };
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.family().is_gost()) {
        let key = PrivateKey::generate(algorithm).unwrap();
        let subject = Subject::named("BANK01").with_identifier(Identifier::Ogrn, "1177700000004");
        peer.write("ours.csr", Request::make_for(&key, &subject).unwrap().as_bytes());
        let told = peer.said(&["req", "-in", "ours.csr", "-verify", "-noout", "-subject"]);
        assert!(told.contains("OGRN = 1177700000004"), "{algorithm}: {told}");
    }
    let folder = peer.path("pki");
    pki::init(&folder, Algorithm::GOST_256, now()).unwrap();
    for (size, set) in SETS {
        peer.key(size, set, "theirs.key");
        let digest = format!("-md_gost12_{size}");
        let subject = "/C=RU/INN=770123456703/CN=BANK01";
        peer.run(&["req", "-new", "-key", "theirs.key", &digest, "-subj", subject, "-out", "theirs.csr"]);
        let csr = peer.path("theirs.csr");
        let ask = pki::Ask {
            name: "bank",
            profile: "partner",
            algorithm: Algorithm::EcdsaP256,
            csr: Some(&csr),
            dns: &[],
            ips: &[],
            identifiers: &[],
        };
        let told = pki::issue(&folder, &ask, now()).unwrap();
        assert!(told.contains("INN=770123456703") && told.contains("stays where the request was made"), "{told}");
        let at = (now() + Span::from_days(1)).seconds().to_string();
        let verify = ["verify", "-x509_strict", "-attime", &at, "-CAfile", "pki/ca.pem", "pki/issued/bank.pem"];
        peer.run(&verify);
        let issued = Certificate::from_pem(&peer.text("pki/issued/bank.pem")).unwrap();
        let key = PrivateKey::from_pem(&peer.text("theirs.key")).unwrap();
        assert_eq!(issued.spki_der(), key.public().spki_der(), "{size} {set}: as the peer wrote it");
    }
    // A key made here, in a file of the folder, serves the engine.
    let ask = pki::Ask {
        name: "made",
        profile: "partner",
        algorithm: Algorithm::GOST_512,
        csr: None,
        dns: &[],
        ips: &[],
        identifiers: &[],
    };
    pki::issue(&folder, &ask, now()).unwrap();
    let of_key = peer.said(&["pkey", "-in", "pki/issued/made.key", "-pubout"]);
    assert_eq!(of_key, peer.said(&["x509", "-in", "pki/issued/made.pem", "-noout", "-pubkey"]));
}
