//! Requests and certificates made by `rcgen`, a maker that shares no code with this one: what it asks for is issued, what
//! it certifies is judged by the same verifier.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use certs::{Authority, Key, Profile, Request, Subject};
use contract::time::Timestamp;
use crypto::chain::{self, Check, Usage};
use crypto::{Algorithm, Certificate};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn verdict(leaf: &Certificate, roots: &[Certificate], crls: &[Vec<u8>]) -> Result<(), &'static str> {
    let at = now().seconds();
    chain::verify(&Check { leaf, intermediates: &[], roots, crls, at, usage: Usage::Signing, host: None })
        .map_err(|error| error.code())
}

fn stranger(name: &str) -> (Certificate, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    let made = params.self_signed(&key).unwrap();
    (Certificate::from_der(made.der()).unwrap(), Issuer::new(params, key))
}

fn leaf(issuer: &Issuer<'static, KeyPair>, serial: u64) -> Certificate {
    let mut params = CertificateParams::new(vec!["bank.example".to_owned()]).unwrap();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.serial_number = Some(serial.into());
    let made = params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap();
    Certificate::from_der(made.der()).unwrap()
}

#[test]
fn a_request_of_a_strangers_making_is_issued_on() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "BANK01");
    let asked = params.serialize_request(&key).unwrap();
    let request = asked.pem().unwrap();
    let authority = Authority::new(now(), Algorithm::EcdsaP256).unwrap();
    let profile = Profile::named("partner").unwrap();
    let issued = authority.issue(profile, &Subject::named("BANK01"), Key::Csr(&request), now()).unwrap();
    assert_eq!(issued.certificate.public_key().unwrap().subject_public_key(), key.public_key_raw());
    assert_eq!(verdict(&issued.certificate, &authority.roots(), &[]), Ok(()));
    assert!(Request::from_der(asked.der()).is_ok());
    let mut bent = asked.der().to_vec();
    *bent.last_mut().unwrap() ^= 1;
    assert!(Request::from_der(&bent).is_err());
}

#[test]
fn a_strangers_chain_is_trusted_under_its_own_root_only() {
    let (root, issuer) = stranger("Stranger");
    let (other, _) = stranger("Other");
    let bank = leaf(&issuer, 7);
    assert_eq!(verdict(&bank, std::slice::from_ref(&root), &[]), Ok(()));
    assert_eq!(verdict(&bank, &[other], &[]), Err("unknown-issuer"));
}

#[test]
fn a_strangers_list_revokes_what_stands_on_it() {
    let (root, issuer) = stranger("Stranger");
    let days = |days: i64| rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(at(days));
    let revoked = rcgen::RevokedCertParams {
        serial_number: 7_u64.into(),
        revocation_time: days(-1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = rcgen::CertificateRevocationListParams {
        this_update: days(-1),
        next_update: days(30),
        crl_number: 1_u64.into(),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&issuer).unwrap().der().to_vec();
    let roots = [root];
    assert_eq!(verdict(&leaf(&issuer, 7), &roots, std::slice::from_ref(&list)), Err("revoked"));
    assert_eq!(verdict(&leaf(&issuer, 8), &roots, &[list]), Ok(()));
}

fn at(days: i64) -> u64 {
    u64::try_from(now().seconds() + days * 86_400).unwrap()
}
