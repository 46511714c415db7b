//! Messages of others that are opened: the control examples of the standards, and Bouncy Castle's. Where they come from is
//! told beside them (`vectors/tc26`).

use crypto::cms::Container;
use crypto::cms::enveloped::{EnvelopeError, decrypt, decrypt_from};
use crypto::gost::{Curve, SecretKey};
use crypto::{Certificate, PrivateKey, pem};

use crate::certificates::{elements, named, vector};

/// The standards print private numbers as such: big-endian.
fn key(curve: Curve, number: &str) -> PrivateKey {
    let mut bytes = hex::decode(number).unwrap();
    bytes.reverse();
    PrivateKey::from_gost(SecretKey::from_le_bytes(curve, &bytes).unwrap()).unwrap()
}

fn message(name: &str) -> Vec<u8> {
    pem::find(&text(name), "CMS").unwrap()
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&text(name)).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(vector(&format!("tc26/{name}.asc"))).unwrap()
}

/// «Контрольный пример для структуры …» in the encoding of Windows.
fn control_example(structure: &str) -> Vec<u8> {
    let start = "caeeedf2f0eeebfcedfbe920eff0e8ece5f020e4ebff20f1f2f0f3eaf2f3f0fb20";
    [&hex::decode(start).unwrap(), structure.as_bytes(), b"."].concat()
}

#[test]
fn control_examples_of_the_standard_are_opened() {
    let own_256 = key(Curve::Tc26A256, "0dc8dc1ff2bc114babc3f1ca8c51e4f58610427e197b1c2fbdba4ae58cbfb7ce");
    let own_512 = key(
        Curve::Tc26A512,
        "a50315981f0a7c7fc05b4eb9591a62b1f84bd6fd518acfcedf0a7c9cf388d1f1\
         8757c056ada5b38cbf24cddb0f1519ef72db1712cef1920952e94af1f9c575dc",
    );
    let (recipient_256, recipient_512) = (certificate("recipient-256"), certificate("recipient-512"));
    let wanted = control_example("EnvelopedData");
    for (name, recipient, own) in [
        ("enveloped-kari-ephemeral-512-kuznyechik-omac", &recipient_512, &own_512),
        ("enveloped-ktri-256-kuznyechik", &recipient_256, &own_256),
        ("enveloped-ktri-512-magma-omac", &recipient_512, &own_512),
    ] {
        let opened = decrypt(&message(name), recipient, own);
        assert_eq!(opened.map(|content| content.to_vec()), Ok(wanted.clone()), "{name}");
    }
    // The originator of this one is named by its certificate.
    let message = message("enveloped-kari-static-256-magma");
    assert_eq!(decrypt(&message, &recipient_256, &own_256), Err(EnvelopeError::OriginatorUnknown));
    let wrong = decrypt_from(&message, &recipient_256, &own_256, std::slice::from_ref(&recipient_512));
    assert_eq!(wrong, Err(EnvelopeError::OriginatorUnknown));
    let opened = decrypt_from(&message, &recipient_256, &own_256, &[recipient_512, certificate("sender-256")]);
    assert_eq!(opened.map(|content| content.to_vec()), Ok(wanted));
}

#[test]
fn signed_control_examples_of_the_standard_hold() {
    for name in ["signed-256-no-attributes", "signed-512-attributes"] {
        let container = Container::read(&message(name)).unwrap();
        let verified = container.verify(&control_example("SignedData"), &[]).unwrap();
        assert_eq!((verified.attached, verified.certificate_inside), (true, true), "{name}");
        assert_eq!(verified.signed_attributes, name.ends_with("-attributes") && !name.contains("-no-"));
    }
}

#[test]
fn examples_by_gost_28147_are_opened() {
    let own_256 = key(Curve::CryptoProA, "bfcf1d623e5cdd3032a7c6eabb4a923c46e43d640ffeaaf2c3ed39a8fa399924");
    let own_512 = key(
        Curve::Tc26B512,
        "3fc01cdcd4ec5f972eb482774c41e66db7f380528dfe9e67992ba05aee462435\
         757530e641077ce587b976c8eeb48c48fd33fd175f0c7de6a44e014e6bcb074b",
    );
    let long = b"Test data to encrypt.\n".repeat(100);
    for (name, own, wanted) in [
        ("gost89-ktri-256", &own_256, &long[..]),
        ("gost89-ktri-512", &own_512, b"Test message"),
        ("gost89-kari-256", &own_256, b"Test message"),
        ("gost89-kari-512", &own_512, b"Test message"),
    ] {
        let message = message(name);
        // The certificates are not printed; issuer and number are those of the message's only recipient.
        let recipients = elements(elements(elements(elements(&message)[1])[0])[1]);
        let fields = elements(recipients[0]);
        let named_by = match name.contains("ktri") {
            true => fields[1],
            false => elements(elements(fields[4])[0])[0],
        };
        let recipient = named(own, Some(elements(named_by)[0]), 1);
        let opened = decrypt(&message, &recipient, own);
        assert_eq!(opened.map(|content| content.to_vec()), Ok(wanted.to_vec()), "{name}");
    }
}

#[test]
fn messages_of_bouncy_castle_are_opened() {
    let content: Vec<u8> = (0..3000).map(|at| (at * 7) as u8).collect();
    for (size, curve, number) in [
        (256, Curve::Tc26A256, "0ce50eca5977deff1a4c82b4d3e1aea9788f6db515ed492b03220fc9f8e777a4"),
        (
            512,
            Curve::Tc26A512,
            "7c4bb096fdf5c2cbc521c4300836c2f1f0d032a5c478c4342a29cafdd5a15fe7\
             41f3f11f532819a5a6a96bf87d913b7c1c9f6a495bd9a830058443ebb6061188",
        ),
    ] {
        let own = key(curve, number);
        let recipient = certificate(&format!("bouncycastle-certificate-{size}"));
        let opened = decrypt(&message(&format!("bouncycastle-kari-{size}")), &recipient, &own);
        assert!(opened.as_deref() == Ok(&content), "{size}: {:?}", opened.err());
    }
}
