//! Every profile against the verifier: a good one is trusted, a bad one refused for its own reason. And the folder.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use certs::{Authority, CertError, Key, Profile, Request, Subject, pki};
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
    let roots = [authority.certificate().clone()];
    let crls = [authority.crl(at).unwrap().der];
    chain::verify(&Check { leaf, intermediates: &[], roots: &roots, crls: &crls, at: at.seconds(), usage, host })
}

#[test]
fn every_profile_is_judged_for_its_own_property() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Rsa2048] {
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
    let authority = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
    let key = Key::Generate(Algorithm::EcdsaP256);
    let issued = authority.issue(Profile::named("partner").unwrap(), &Subject::named("BANK01"), key, now()).unwrap();
    let mut der = issued.cert_der.clone();
    let at = der.windows(6).position(|window| window == b"BANK01").unwrap();
    der[at + 5] = b'2';
    let changed = Certificate::from_der(&der).unwrap();
    assert_eq!(check(&authority, &changed, Usage::Signing, None, now()), Err(ChainError::BadSignature));
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
    for name in ["ca.key", "issued/bank.key"] {
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
