//! Every profile against the verifier: a good one is trusted, a bad one refused for its own reason. And the folder.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use certs::{Authority, CertError, Identifier, Key, Profile, Request, Subject, pki};
use contract::time::{Span, Timestamp};
use crypto::chain::{self, ChainError, Check, Usage};
use crypto::{Algorithm, Certificate, PrivateKey};

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn check(
    authority: &Authority,
    leaf: &Certificate,
    usage: Usage,
    host: Option<&str>,
    at: Timestamp,
) -> Result<(), ChainError> {
    let roots = authority.roots();
    let crls: Vec<Vec<u8>> = authority.crls(at).unwrap().into_iter().map(|list| list.der).collect();
    chain::verify(&Check { leaf, intermediates: &[], roots: &roots, crls: &crls, at: at.seconds(), usage, host })
}

/// RSA takes its time to make; one size says it for both.
fn algorithms() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::Rsa3072)
}

#[test]
fn every_profile_is_judged_for_its_own_property() {
    for algorithm in algorithms() {
        let authority = Authority::new(now(), algorithm).unwrap();
        let key = PrivateKey::generate(algorithm).unwrap();
        for profile in Profile::all() {
            let server = profile.name.starts_with("server");
            let subject = if server { Subject::localhost() } else { Subject::named("BANK01") };
            let issued = authority.issue(profile, &subject, Key::Own(&key), now()).unwrap();
            let (usage, host) = if server { (Usage::Server, Some("localhost")) } else { (Usage::Signing, None) };
            let verdict = check(&authority, &issued.certificate, usage, host, now()).map_err(|error| error.code());
            let departure = profile.name.split_once('-').map(|(_, departure)| departure);
            let wanted = match departure {
                None | Some("mtls" | "signing") => Ok(()),
                Some("expired") => Err("expired"),
                Some("not-yet-valid") => Err("not-yet-valid"),
                Some("wrong-host" | "name-in-subject-only") => Err("wrong-name"),
                Some("foreign-authority") => Err("unknown-issuer"),
                Some("self-signed") => Err("self-signed"),
                Some("no-server-auth" | "key-usage-wrong") => Err("wrong-usage"),
                Some("revoked") => Err("revoked"),
                Some(other) => panic!("no expectation for {other}"),
            };
            assert_eq!(verdict, wanted, "{} {algorithm}", profile.name);
            assert_eq!(profile.is_good(), wanted.is_ok(), "{}", profile.name);
        }
    }
}

/// Keys of GOST have a root of their own beside one of ECDSA, with serial numbers and a list of its own; an authority of
/// GOST certifies everything under its one root.
#[test]
fn a_key_of_gost_is_certified_under_a_root_of_gost() {
    let partner = Profile::named("partner").unwrap();
    let subject = Subject::named("BANK01");
    let ecdsa = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
    let [tls_root, gost_root] = ecdsa.roots().try_into().unwrap();
    assert_eq!(&tls_root, ecdsa.certificate());
    assert!(gost_root.public_key().unwrap().family().is_gost() && gost_root.subject() != tls_root.subject());
    let issue = |authority: &Authority, profile: &str, algorithm| {
        authority.issue(Profile::named(profile).unwrap(), &subject, Key::Generate(algorithm), now()).unwrap()
    };
    for algorithm in [Algorithm::GOST_256, Algorithm::GOST_512] {
        let leaf = issue(&ecdsa, "partner", algorithm);
        assert_eq!(leaf.certificate.issuer(), gost_root.subject());
        assert_eq!(check(&ecdsa, &leaf.certificate, Usage::Signing, None, now()), Ok(()));
        let stranger = issue(&ecdsa, "partner-foreign-authority", algorithm).certificate;
        assert_eq!(check(&ecdsa, &stranger, Usage::Signing, None, now()), Err(ChainError::UnknownIssuer));
        assert!(!ecdsa.revokes(&leaf.certificate));
        ecdsa.revoke(&leaf.serial, now()).unwrap();
        assert!(ecdsa.revokes(&leaf.certificate) && ecdsa.is_revoked(&leaf.serial));
        assert_eq!(check(&ecdsa, &leaf.certificate, Usage::Signing, None, now()), Err(ChainError::Revoked));
    }
    let tls = issue(&ecdsa, "partner-revoked", Algorithm::EcdsaP256);
    assert_eq!(tls.certificate.issuer(), tls_root.subject());
    assert!(ecdsa.revokes(&tls.certificate));
    let [of_tls, of_gost] = ecdsa.crls(now()).unwrap().try_into().unwrap();
    let lists = |der: &[u8], serial: &str| hex::encode(der).contains(serial);
    assert!(lists(&of_tls.der, &tls.serial) && !lists(&of_gost.der, &tls.serial));
    let gost = Authority::new(now(), Algorithm::GOST_512).unwrap();
    assert_eq!(gost.roots().len(), 1);
    for algorithm in [Algorithm::EcdsaP256, Algorithm::GOST_256, Algorithm::Gost(crypto::gost::Curve::Tc26C512)] {
        let made = gost.issue(partner, &subject, Key::Generate(algorithm), now()).unwrap();
        assert_eq!(check(&gost, &made.certificate, Usage::Signing, None, now()), Ok(()), "{algorithm}");
        // The two authorities bear the same name, so it is the signature that tells.
        assert_eq!(check(&ecdsa, &made.certificate, Usage::Signing, None, now()), Err(ChainError::BadSignature));
    }
}

#[test]
fn identifiers_stand_in_the_subject_by_name_and_come_from_the_request() {
    let key = PrivateKey::generate(Algorithm::GOST_256).unwrap();
    let subject = Subject::named("Иванов Иван")
        .with_organization("ООО «Банк, Пример»")
        .with_identifier(Identifier::Ogrn, "1177700000004")
        .with_identifier(Identifier::InnLe, "7700000009")
        .with_identifier(Identifier::Inn, "770123456703")
        .with_identifier(Identifier::Snils, "11223344595");
    let csr = Request::make_for(&key, &subject).unwrap();
    let read = Request::from_pem(&csr).unwrap();
    let authority = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
    let asked =
        Subject {
            identifiers: read.identifiers, organization: read.organization, ..Subject::named("Иванов Иван")
        };
    let issued = authority.issue(Profile::named("partner").unwrap(), &asked, Key::Csr(&csr), now()).unwrap();
    for (identifier, digits) in &subject.identifiers {
        assert_eq!(issued.certificate.identifier(*identifier), Some(digits.as_str()));
    }
    assert_eq!(issued.certificate.identifier(Identifier::Ogrnip), None);
    let text = r"CN=Иванов Иван,SNILS=11223344595,INN=770123456703,INNLE=7700000009,OGRN=1177700000004,O=ООО «Банк\, Пример»,C=RU";
    assert_eq!(issued.certificate.subject(), text);
    for wrong in ["", "12 34", "12345678901234", "1177700000004x"] {
        let subject = Subject::named("x").with_identifier(Identifier::Ogrn, wrong);
        let refused = authority.issue(Profile::named("partner").unwrap(), &subject, Key::Own(&key), now());
        assert!(matches!(refused, Err(CertError::UnfitIdentifier { name: "OGRN", .. })), "{wrong:?}");
    }
}

#[test]
fn a_certificate_of_one_s_own_is_under_no_authority() {
    let time = ["2020-01-01T00:00:00Z", "2049-12-31T23:59:59Z"].map(|at| at.parse::<Timestamp>().unwrap());
    for algorithm in [Algorithm::EcdsaP256, Algorithm::GOST_256] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let made = certs::self_made(&key, &Subject::named("Token key").with_organization("Stend"), time).unwrap();
        assert!(made.is_self_issued() && !made.is_ca() && made.public_key().unwrap() == *key.public());
        assert_eq!([made.not_before(), made.not_after()], time.map(|at| at.seconds()));
        let authority = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
        assert_eq!(check(&authority, &made, Usage::Signing, None, now()), Err(ChainError::SelfSigned));
    }
}

/// Two programs have one folder open: neither loses what the other wrote.
#[test]
fn two_hands_on_one_folder_keep_each_other_s_work() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("pki");
    let portal = Authority::open_or_create(&dir, now(), Algorithm::EcdsaP256).unwrap();
    let suite = Authority::open(&dir, now()).unwrap();
    assert_eq!(portal.roots(), suite.roots());
    let issue = |authority: &Authority| {
        let key = Key::Generate(Algorithm::GOST_256);
        authority.issue(Profile::named("partner").unwrap(), &Subject::named("BANK01"), key, now()).unwrap()
    };
    let (one, two) = (issue(&portal), issue(&suite));
    portal.revoke(&one.serial, now()).unwrap();
    suite.keep("other-curve", "partner", &two, now()).unwrap();
    assert!(suite.keep("../x", "partner", &two, now()).is_err());
    assert!(suite.revokes(&one.certificate), "read when the book was changed");
    assert_eq!(portal.issued(), std::slice::from_ref(&two.certificate));
    portal.revoke(&two.serial, now()).unwrap();
    let later = Authority::open(&dir, now()).unwrap();
    assert!(later.revokes(&one.certificate) && later.revokes(&two.certificate));
    let told = pki::revoke(&dir, "other-curve", now()).unwrap();
    assert!(told.starts_with("was revoked already"), "{told}");
}

/// A folder of before there was a second root gets one, and its own root stays.
#[test]
fn a_folder_without_a_second_root_gets_one() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let first = Authority::open_or_create(dir, now(), Algorithm::EcdsaP256).unwrap();
    for name in ["ca-gost.pem", "ca-gost.key"] {
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    let again = Authority::open(dir, now()).unwrap();
    assert_eq!(again.certificate(), first.certificate());
    assert_ne!(again.roots()[1], first.roots()[1]);
    assert_eq!(Authority::open(dir, now()).unwrap().roots(), again.roots());
    let bundle = Certificate::all_from_pem(&std::fs::read_to_string(dir.join("ca.pem")).unwrap()).unwrap();
    assert_eq!(bundle, again.roots());
}

#[test]
fn mutual_tls_takes_partner_certificates_that_are_for_it() {
    let authority = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
    for (name, good) in [("partner", true), ("partner-mtls", true), ("server", false)] {
        let key = Key::Generate(Algorithm::EcdsaP256);
        let issued = authority.issue(Profile::named(name).unwrap(), &Subject::named("BANK01"), key, now()).unwrap();
        assert_eq!(check(&authority, &issued.certificate, Usage::Client, None, now()).is_ok(), good, "{name}");
    }
}

#[test]
fn addresses_stand_in_the_certificate_of_the_foreign_twin() {
    let authority = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
    let subject = Subject::localhost().with_ip([127, 0, 0, 1].into());
    let key = Key::Generate(Algorithm::EcdsaP256);
    let issued = authority.issue(Profile::named("server").unwrap(), &subject, key, now()).unwrap();
    for (host, good) in [("127.0.0.1", true), ("localhost", true), ("127.0.0.2", false), ("example.com", false)] {
        let verdict = check(&authority, &issued.certificate, Usage::Server, Some(host), now());
        assert_eq!(verdict.is_ok(), good, "{host}: {verdict:?}");
    }
}

#[test]
fn revocation_counts_from_the_next_list_on() {
    let authority = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
    let key = Key::Generate(Algorithm::EcdsaP256);
    let issued = authority.issue(Profile::named("partner").unwrap(), &Subject::named("BANK01"), key, now()).unwrap();
    assert_eq!(check(&authority, &issued.certificate, Usage::Signing, None, now()), Ok(()));
    authority.revoke(&issued.serial.to_uppercase(), now()).unwrap();
    assert!(authority.is_revoked(&issued.serial));
    assert_eq!(check(&authority, &issued.certificate, Usage::Signing, None, now()), Err(ChainError::Revoked));
    assert!(authority.revoke("xyz", now()).is_err());
}

#[test]
fn certificates_hold_while_the_clock_is_moved_by_years() {
    let authority = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
    let key = Key::Generate(Algorithm::EcdsaP256);
    let issued = authority.issue(Profile::named("server").unwrap(), &Subject::localhost(), key, now()).unwrap();
    for days in [0, 400, 8 * 365] {
        let at = now() + Span::from_days(days);
        assert_eq!(check(&authority, &issued.certificate, Usage::Server, Some("localhost"), at), Ok(()), "{days}");
    }
    let past: Timestamp = "2001-01-01T00:00:00Z".parse().unwrap();
    let old = Authority::new(past, Algorithm::EcdsaP256).unwrap();
    let issued = old.issue(Profile::named("server").unwrap(), &Subject::localhost(), key, past).unwrap();
    assert_eq!(check(&old, &issued.certificate, Usage::Server, Some("localhost"), past), Ok(()));
}

#[test]
fn a_request_keeps_its_key_at_the_bank() {
    let authority = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
    let key = PrivateKey::generate(Algorithm::Rsa2048).unwrap();
    let csr = Request::make(&key, "BANK01").unwrap();
    let issued =
        authority.issue(Profile::named("partner").unwrap(), &Subject::named("BANK01"), Key::Csr(&csr), now()).unwrap();
    assert!(issued.key.is_none());
    assert_eq!(issued.certificate.public_key().unwrap(), *key.public());
    let own = authority.issue(
        Profile::named("partner-self-signed").unwrap(),
        &Subject::named("BANK01"),
        Key::Csr(&csr),
        now(),
    );
    assert!(matches!(own, Err(CertError::Generation(_))));
}

#[test]
fn a_changed_certificate_is_refused() {
    for algorithm in algorithms() {
        let authority = Authority::new(now(), algorithm).unwrap();
        let key = Key::Generate(algorithm);
        let issued =
            authority.issue(Profile::named("partner").unwrap(), &Subject::named("BANK01"), key, now()).unwrap();
        let mut der = issued.cert_der.clone();
        let at = der.windows(6).position(|window| window == b"BANK01").unwrap();
        der[at + 5] = b'2';
        let changed = Certificate::from_der(&der).unwrap();
        assert_eq!(check(&authority, &changed, Usage::Signing, None, now()), Err(ChainError::BadSignature));
    }
}

/// Every byte of the certificate, of its authority's list and of a request, one bit each: names, times, parameters of
/// the key, extensions, algorithm, signature. What is still read is not believed.
#[test]
fn one_flipped_bit_anywhere_is_refused() {
    for algorithm in [Algorithm::GOST_256, Algorithm::Gost(crypto::gost::Curve::Tc26A256), Algorithm::GOST_512] {
        let authority = Authority::new(now(), algorithm).unwrap();
        let (roots, key) = (authority.roots(), PrivateKey::generate(algorithm).unwrap());
        let issue = |profile: &str| {
            let profile = Profile::named(profile).unwrap();
            authority.issue(profile, &Subject::named("BANK01"), Key::Own(&key), now()).unwrap().certificate
        };
        let (good, revoked) = (issue("partner"), issue("partner-revoked"));
        let verify = |leaf: &Certificate, crls: &[Vec<u8>]| {
            let (at, usage) = (now().seconds(), Usage::Signing);
            chain::verify(&Check { leaf, intermediates: &[], roots: &roots, crls, at, usage, host: None })
        };
        let flipped = |bytes: &[u8], at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1 << (at * 5 % 8);
            bytes
        };
        for at in 0..good.der().len() {
            let seen = Certificate::from_der(&flipped(good.der(), at)).map(|leaf| verify(&leaf, &[]));
            assert!(!matches!(seen, Ok(Ok(()))), "{algorithm}: certificate, byte {at}");
        }
        let list = authority.crl(now()).unwrap().der;
        assert_eq!(verify(&revoked, std::slice::from_ref(&list)), Err(ChainError::Revoked));
        for at in 0..list.len() {
            // A list of another issuer says nothing, and then nothing is known of the certificate: webpki's choice.
            let seen = verify(&revoked, &[flipped(&list, at)]);
            let foreign = seen.is_ok() && !is_list_of(&flipped(&list, at), &roots[0]);
            assert!(seen.is_err() || foreign, "{algorithm}: list, byte {at}");
        }
        let csr = crypto::pem::find(&Request::make(&key, "BANK01").unwrap(), "CERTIFICATE REQUEST").unwrap();
        assert!(Request::from_der(&csr).is_ok());
        for at in 0..csr.len() {
            assert!(Request::from_der(&flipped(&csr, at)).is_err(), "{algorithm}: request, byte {at}");
        }
    }
}

/// Whether the issuer's name stands in a list as it stands in the root.
fn is_list_of(list: &[u8], root: &Certificate) -> bool {
    use x509_cert::der::{Decode, Encode};
    let subject = x509_cert::Certificate::from_der(root.der()).unwrap().tbs_certificate().subject().to_der().unwrap();
    list.windows(subject.len()).any(|window| window == subject)
}

/// Seeded changes of what is read from outside: bytes put in, taken out, changed, cut. Nothing may panic; what comes of
/// it is of no matter.
#[test]
fn damaged_certificates_requests_keys_and_lists_never_panic() {
    let mut state = 0x5eed_u64;
    let mut draw = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for algorithm in [Algorithm::GOST_256, Algorithm::GOST_512, Algorithm::EcdsaP256] {
        let authority = Authority::new(now(), algorithm).unwrap();
        let key = PrivateKey::generate(algorithm).unwrap();
        let partner = Profile::named("partner-revoked").unwrap();
        let subject = Subject::named("BANK01").with_identifier(Identifier::Ogrn, "1177700000004");
        let issued = authority.issue(partner, &subject, Key::Own(&key), now()).unwrap();
        let list = authority.crl(now()).unwrap();
        let csr = Request::make_for(&key, &subject).unwrap();
        let inputs = [
            issued.cert_der.clone(),
            issued.cert_pem.clone().into_bytes(),
            csr.clone().into_bytes(),
            crypto::pem::find(&csr, "CERTIFICATE REQUEST").unwrap(),
            key.pkcs8_der().to_vec(),
            key.to_pem().as_bytes().to_vec(),
            key.public().spki_der().to_vec(),
            list.der,
        ];
        for input in inputs {
            for _ in 0..400 {
                let mut bytes = input.clone();
                for _ in 0..=draw(3) {
                    let at = draw(bytes.len());
                    match draw(5) {
                        0 => bytes[at] = draw(256) as u8,
                        1 => bytes[at] ^= 1 << draw(8),
                        2 => drop(bytes.splice(at..at, (0..=draw(5)).map(|_| draw(256) as u8).collect::<Vec<_>>())),
                        3 => drop(bytes.drain(at..(at + draw(5)).min(bytes.len()))),
                        _ => bytes.truncate(at.max(1)),
                    }
                    if bytes.is_empty() {
                        bytes.push(0x30);
                    }
                }
                let _ = Certificate::from_bytes(&bytes).map(|read| {
                    let _ = (read.explain_hash("00"), check(&authority, &read, Usage::Signing, None, now()));
                });
                let _ = (PrivateKey::from_pkcs8_der(&bytes).is_ok(), crypto::PublicKey::from_spki_der(&bytes).is_ok());
                let _ = Request::from_der(&bytes).is_ok();
                let crls = [bytes.clone()];
                let (leaf, at) = (&issued.certificate, now().seconds());
                let roots = authority.roots();
                let (usage, host) = (Usage::Signing, None);
                let _ = chain::verify(&Check { leaf, intermediates: &[], roots: &roots, crls: &crls, at, usage, host });
                if let Ok(text) = String::from_utf8(bytes) {
                    let _ = (Request::from_pem(&text).is_ok(), PrivateKey::from_pem(&text).is_ok());
                    let _ = Certificate::all_from_pem(&text).is_ok();
                }
            }
        }
    }
}

#[test]
fn a_folder_keeps_the_authority_its_certificates_and_its_list() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("pki");
    let text = pki::init(&dir, Algorithm::EcdsaP256, now()).unwrap();
    assert!(text.starts_with("made an authority"), "{text}");
    assert!(pki::init(&dir, Algorithm::Rsa2048, now()).unwrap().starts_with("kept the authority"));
    let ask = pki::Ask {
        name: "bank",
        profile: "partner",
        algorithm: Algorithm::EcdsaP256,
        csr: None,
        dns: &[],
        ips: &[],
        identifiers: &[],
    };
    pki::issue(&dir, &ask, now()).unwrap();
    let leaf = Certificate::from_pem(&std::fs::read_to_string(dir.join("issued/bank.pem")).unwrap()).unwrap();
    let key = PrivateKey::from_pem(&std::fs::read_to_string(dir.join("issued/bank.key")).unwrap()).unwrap();
    assert_eq!(leaf.public_key().unwrap(), *key.public());
    assert_eq!(leaf.common_name(), Some("bank"));
    #[cfg(unix)]
    for name in ["ca.key", "ca-gost.key", "issued/bank.key"] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    pki::revoke(&dir, "bank", now()).unwrap();
    assert!(pki::revoke(&dir, leaf.serial(), now()).unwrap().starts_with("was revoked already"));
    let authority = Authority::open(&dir, now()).unwrap();
    let list = crypto::pem::find(&std::fs::read_to_string(dir.join("crl.pem")).unwrap(), "X509 CRL").unwrap();
    let roots = [authority.certificate().clone()];
    let verdict = chain::verify(&Check {
        leaf: &leaf,
        intermediates: &[],
        roots: &roots,
        crls: &[list],
        at: now().seconds(),
        usage: Usage::Client,
        host: None,
    });
    assert_eq!(verdict, Err(ChainError::Revoked));
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let ask = pki::Ask {
        name: "bank",
        profile: "partner",
        algorithm: Algorithm::EcdsaP256,
        csr: None,
        dns: &[],
        ips: &[],
        identifiers: &[],
    };
    let mut errors = vec![pki::issue(dir, &ask, now()).unwrap_err(), pki::revoke(dir, "x", now()).unwrap_err()];
    pki::init(dir, Algorithm::EcdsaP256, now()).unwrap();
    errors.push(pki::issue(dir, &pki::Ask { profile: "good", ..ask.clone() }, now()).unwrap_err());
    errors.push(pki::issue(dir, &pki::Ask { name: "../x", ..ask.clone() }, now()).unwrap_err());
    errors.push(pki::issue(dir, &pki::Ask { csr: Some(&dir.join("none.csr")), ..ask.clone() }, now()).unwrap_err());
    errors.push(pki::revoke(dir, "nobody", now()).unwrap_err());
    errors.push(Authority::open(dir, now() + Span::from_days(20 * 365)).unwrap_err());
    std::fs::write(dir.join("index.json"), "{").unwrap();
    errors.push(Authority::open(dir, now()).unwrap_err());
    for error in errors {
        let text = error.to_string();
        assert!(!text.contains('\n') && text.len() > 10, "{text:?}");
    }
}
