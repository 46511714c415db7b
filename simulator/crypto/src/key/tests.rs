//! Keys of every family: made, written, read back, refused by name.

use der::asn1::AnyRef;

use super::*;

#[test]
fn a_key_survives_its_pem_and_prints_nothing() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
    assert_eq!(key.public(), again.public());
    assert_eq!(format!("{key:?}"), "PrivateKey(ecdsa-p256)");
    assert_eq!(PublicKey::from_spki_der(key.public().spki_der()).unwrap(), *key.public());
    assert_eq!(PublicKey::from_spki_pem(&key.public().to_pem()).unwrap(), *key.public());
}

#[test]
fn an_rsa_key_is_made_and_signs_by_all_its_schemes() {
    let key = PrivateKey::generate(Algorithm::Rsa2048).unwrap();
    assert_eq!((key.family(), key.public().bits()), (Family::Rsa, 2048));
    for scheme in [Scheme::RsaPkcs1Sha256, Scheme::RsaPssSha256, Scheme::RsaPssSha512] {
        let sign = key.sign_with(scheme, b"text").unwrap();
        assert_eq!(key.public().verify(scheme, b"text", &sign), Ok(()));
        assert_eq!(key.public().verify(scheme, b"texT", &sign), Err(VerifyError::Mismatch));
        let cut = key.public().verify(scheme, b"text", &sign[1..]);
        assert_eq!(cut, Err(VerifyError::Length { seen: 255, wanted: 256 }));
    }
    assert!(matches!(key.sign_with(Scheme::EcdsaSha256Der, b"x"), Err(KeyError::WrongFamily { .. })));
    let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
    assert_eq!(key.public(), again.public());
    assert_eq!(PublicKey::from_spki_der(key.public().spki_der()).unwrap(), *key.public());
}

#[test]
fn ecdsa_signs_in_both_forms() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    for scheme in [Scheme::EcdsaSha256Der, Scheme::EcdsaSha256Fixed] {
        let sign = key.sign_with(scheme, b"text").unwrap();
        assert_eq!(key.public().verify(scheme, b"text", &sign), Ok(()));
        assert_eq!(key.public().verify(scheme, b"other", &sign), Err(VerifyError::Mismatch));
    }
}

#[test]
fn keys_in_the_form_of_their_family_are_read() {
    for (algorithm, label) in [(Algorithm::EcdsaP256, "EC PRIVATE KEY"), (Algorithm::Rsa2048, "RSA PRIVATE KEY")] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let info = PrivateKeyInfoRef::from_der(key.pkcs8_der()).unwrap();
        let text = crate::pem::encode(label, info.private_key.as_bytes());
        assert_eq!(PrivateKey::from_pem(&text).unwrap().public(), key.public());
    }
}

#[test]
fn a_key_on_another_curve_is_refused_by_name() {
    use der::oid::db::rfc5912::SECP_384_R_1;
    let algorithm = AlgorithmIdentifierRef { oid: ID_EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&SECP_384_R_1)) };
    let info = SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(&[4; 97]).unwrap() };
    let refused = KeyError::UnknownAlgorithm("curve 1.3.132.0.34".to_owned());
    assert_eq!(PublicKey::from_spki_der(&info.to_der().unwrap()), Err(refused));
}

#[test]
fn what_is_no_private_key_is_refused_by_name() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let wrong = PrivateKey::from_pem(&key.public().to_pem()).unwrap_err();
    assert_eq!(wrong, KeyError::NotPrivateKey("PUBLIC KEY".to_owned()));
    assert_eq!(PrivateKey::from_pem("").unwrap_err(), KeyError::NotPrivateKey("no PEM block".to_owned()));
    assert!(matches!(PrivateKey::from_pkcs8_der(&[0x30, 0]), Err(KeyError::Malformed(_))));
}

#[test]
fn keys_of_gost_are_made_on_every_curve_and_survive_their_pem() {
    for algorithm in Algorithm::ALL {
        let Algorithm::Gost(curve) = algorithm else { continue };
        let key = PrivateKey::generate(algorithm).unwrap();
        assert_eq!((key.family(), key.public().bits()), (algorithm.family(), curve.size() * 8));
        assert_eq!(format!("{key:?}"), format!("PrivateKey({})", algorithm.family()));
        assert_eq!(key.gost().map(SecretKey::curve), Some(curve));
        assert_eq!(PrivateKey::from_pem(&key.to_pem()).unwrap().public(), key.public());
        let public = PublicKey::from_spki_pem(&key.public().to_pem()).unwrap();
        assert_eq!((&public, public.spki_der()), (key.public(), key.public().spki_der()));
        let sign = key.sign(b"text").unwrap();
        let scheme = key.family().scheme();
        assert_eq!(public.verify(scheme, b"text", &sign), Ok(()));
        assert_eq!(public.verify(scheme, b"texT", &sign), Err(VerifyError::Mismatch));
        let wanted = curve.size() * 2;
        let cut = public.verify(scheme, b"text", &sign[1..]);
        assert_eq!(cut, Err(VerifyError::Length { seen: wanted - 1, wanted }));
        let other = if curve.size() == 32 { Scheme::Gost512 } else { Scheme::Gost256 };
        assert!(matches!(key.sign_with(other, b"text"), Err(KeyError::WrongFamily { .. })));
        assert!(matches!(public.verify(other, b"text", &sign), Err(VerifyError::WrongFamily { .. })));
    }
}

/// PKCS#8 of one scalar, its parameters and its inside as given.
fn pkcs8(oid: der::asn1::ObjectIdentifier, parameters: &gost::Parameters, inside: &[u8]) -> Vec<u8> {
    let algorithm = AlgorithmIdentifierOwned { oid, parameters: Some(Any::encode_from(parameters).unwrap()) };
    let info = PrivateKeyInfoRef::new(algorithm.owned_to_ref(), OctetStringRef::new(inside).unwrap());
    info.to_der().unwrap()
}

#[test]
fn every_name_of_a_curve_and_every_form_of_a_scalar_is_the_same_key() {
    for curve in Curve::ALL {
        let secret = SecretKey::generate(curve).unwrap();
        let wanted = PrivateKey::from_gost(secret.clone()).unwrap();
        let little = secret.to_le_bytes();
        let big: Vec<u8> = little.iter().rev().copied().collect();
        let inside = [
            little.to_vec(),
            OctetStringRef::new(&little).unwrap().to_der().unwrap(),
            UintRef::new(&big).unwrap().to_der().unwrap(),
        ];
        for (name, inside) in curve.oids().iter().flat_map(|name| inside.iter().map(move |inside| (*name, inside))) {
            for digest in [None, Some(gost::digest_oid(curve))] {
                let parameters = gost::Parameters { curve: name, digest, cipher: None };
                let der = pkcs8(gost::key_oid(curve), &parameters, inside);
                let read = PrivateKey::from_pkcs8_der(&der).unwrap();
                assert_eq!(read.public(), wanted.public(), "{curve} {name}");
                assert_eq!(read.pkcs8_der(), der, "what came is kept");
                // The public half says its curve as the private one did.
                let written = SubjectPublicKeyInfoRef::from_der(read.public().spki_der()).unwrap();
                let params: gost::Parameters = written.algorithm.parameters.unwrap().decode_as().unwrap();
                assert_eq!((params.curve, params.digest), (name, digest));
                let again = PublicKey::from_spki_der(read.public().spki_der()).unwrap();
                assert_eq!(again.spki_der(), read.public().spki_der());
                assert_eq!(&again, wanted.public());
            }
        }
    }
}

#[test]
fn keys_of_gost_that_contradict_themselves_are_refused() {
    let oid = der::asn1::ObjectIdentifier::new_unwrap;
    let scalar = [7; 32];
    let curve = Curve::CryptoProA.oid();
    let with = |curve, digest| gost::Parameters { curve, digest, cipher: None };
    let read = |der: &[u8]| PrivateKey::from_pkcs8_der(der).map(|_| ()).unwrap_err();
    let example = oid("1.2.643.2.2.35.0");
    let refused = KeyError::UnknownAlgorithm("curve 1.2.643.2.2.35.0".to_owned());
    assert_eq!(read(&pkcs8(gost::KEY_256, &with(example, None), &scalar)), refused, "an example of the standard");
    for der in [
        pkcs8(gost::KEY_512, &with(curve, None), &scalar),
        pkcs8(gost::KEY_256, &with(curve, Some(gost::STREEBOG_512)), &scalar),
        pkcs8(gost::KEY_256, &with(curve, None), &[0; 32]),
        pkcs8(gost::KEY_256, &with(curve, None), &[0xff; 32]),
        pkcs8(gost::KEY_256, &with(curve, None), &scalar[1..]),
        pkcs8(gost::KEY_256, &with(curve, None), &[]),
        pkcs8(gost::KEY_256, &with(curve, None), &[4, 2, 1]),
        pkcs8(gost::KEY_256, &with(curve, None), &[&[2, 65, 1][..], &[0; 64]].concat()),
    ] {
        assert!(matches!(read(&der), KeyError::Malformed(_)), "{}", hex::encode(der));
    }
    let without = AlgorithmIdentifierRef { oid: gost::KEY_256, parameters: None };
    let info = PrivateKeyInfoRef::new(without, OctetStringRef::new(&scalar).unwrap());
    assert!(matches!(read(&info.to_der().unwrap()), KeyError::Malformed(_)));
}
