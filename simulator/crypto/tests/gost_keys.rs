//! GOST keys, signatures, hashes and key agreement from outside: known answers, and that what is wrong is refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crypto::gost::{Curve, GostError, SecretKey, VerifyingKey, hmac256, hmac512, streebog256, streebog512};
use proptest::prelude::*;

/// A number as the standards print it, in little-endian bytes.
fn number(text: &str, size: usize) -> Vec<u8> {
    let mut bytes = hex::decode(format!("{text:0>width$}", width = 2 * size)).unwrap();
    bytes.reverse();
    bytes
}

/// RFC 6986 §10.1 and §10.2, and the empty message.
#[test]
fn streebog_gives_the_answers_of_the_standard() {
    let digits = "012345678901234567890123456789012345678901234567890123456789012";
    let shorter = "9d151eefd8590b89daa6ba6cb74af9275dd051026bb149a452fd84e5e57b5500";
    let longer = "1b54d01a4af5b9d5cc3d86d68d285462b19abc2475222f35c085122be4ba1ffa00ad30f8767b3a82384c6574f024c311e2a481332b08ef7f41797891c1646f48";
    assert_eq!(hex::encode(streebog256(digits.as_bytes())), shorter);
    assert_eq!(hex::encode(streebog512(digits.as_bytes())), longer);
    // «Се ветри, Стрибожи внуци…» in windows-1251; printed in the standard with its last byte first.
    let words = number(
        "fbe2e5f0eee3c820fbeafaebef20fffbf0e1e0f0f520e0ed20e8ece0ebe5f0f2f120fff0eeec20f120faf2fee5e2202ce8f6f3ede220e8e6eee1e8f0f2d1202ce8f0f2e5e220e5d1",
        72,
    );
    let shorter = number("508f7e553c06501d749a66fc28c6cac0b005746d97537fa85d9e40904efed29d", 32);
    let longer = number(
        "28fbc9bada033b1460642bdcddb90c3fb3e56c497ccd0f62b8a2ad4935e85f037613966de4ee00531ae60f3b5a47f8dae06915d5f2f194996fcabf2622e6881e",
        64,
    );
    assert_eq!((streebog256(&words).to_vec(), streebog512(&words).to_vec()), (shorter, longer));
    let empty = "3f539a213e97c802cc229d474c6aa32a825a360b2a933a949fd925208d9ce1bb";
    assert_eq!(hex::encode(streebog256(b"")), empty);
    let text = "0639b3cbb205941a9811f329d893057881382c5ab11d3e7e8423ec0a7a196bbb";
    assert_eq!(hex::encode(streebog256(b"test message")), text);
}

/// RFC 7836 appendix B, examples 1 and 2.
#[test]
fn hmac_gives_the_answers_of_the_standard() {
    let key: Vec<u8> = (0..32).collect();
    let text = hex::decode("0126bdb87800af214341456563780100").unwrap();
    let shorter = "a1aa5f7de402d7b3d323f2991c8d4534013137010a83754fd0af6d7cd4922ed9";
    let longer = "a59bab22ecae19c65fbde6e5f4e9f5d8549d31f037f9df9b905500e171923a773d5f1530f2ed7e964cb2eedc29e9ad2f3afe93b2814f79f5000ffc0366c251e6";
    assert_eq!(hex::encode(hmac256(&key, &text)), shorter);
    assert_eq!(hex::encode(hmac512(&key, &text)), longer);
    // A key longer than a block is hashed first; an empty one is allowed.
    assert_eq!(hmac256(&[7; 65], &text), hmac256(&streebog256(&[7; 65]), &text));
    assert_eq!(hmac512(b"", &text), hmac512(&[0; 64], &text));
}

/// RFC 8133 appendix A.2: alpha·P for every curve of the RFC, and a vector of our own for the form of the bytes.
#[test]
fn public_keys_are_those_of_the_standards() {
    let vectors = [
        (
            Curve::CryptoProA,
            "1F2538097D5A031FA68BBB43C84D12B3DE47B7061C0D5E24993E0C873CDBA6B3",
            "BBC77CF42DC1E62D06227935379B4AA4D14FEA4F565DDF4CB4FA4D31579F9676",
            "8E16604A4AFDF28246684D4996274781F6CB80ABBBA1414C1513EC988509DABF",
        ),
        (
            Curve::CryptoProB,
            "499D72B90299CAB0DA1F8BE19D9122F622A13B32B730C46BD0664044F2144FAD",
            "61D6F916DB717222D74877F179F7EBEF7CD4D24D8C1F523C048E34A1DF30F8DD",
            "3EC48863049CFCFE662904082E78503F4973A4E105E2F1B18C69A5E7FB209000",
        ),
        (
            Curve::CryptoProC,
            "3A54AC3F19AD9D0B1EAC8ACDCEA70E581F1DAC33D13FEAFD81E762378639C1A8",
            "96B7F09C94D297C257A7DA48364C0076E59E48D221CBA604AE111CA3933B446A",
            "54E4953D86B77ECCEB578500931E822300F7E091F79592CA202A020D762C34A6",
        ),
        (
            Curve::Tc26A256,
            "147B72F6684FB8FD1B418A899F7DBECAF5FCE60B13685BAA95328654A7F0707F",
            "33FBAC14EAE538275A769417829C431BD9FA622B6F02427EF55BD60EE6BC2888",
            "22F2EBCF960A82E6CDB4042D3DDDA511B2FBA925383C2273D952EA2D406EAE46",
        ),
        (
            Curve::Tc26A512,
            "3CE54325DB52FE798824AEAD11BB16FA766857D04A4AF7D468672F16D90E7396046A46F815693E85B1CE5464DA9270181F82333B0715057BBE8D61D400505F0E",
            "B93093EB0FCC463239B7DF276E09E592FCFC9B635504EA4531655D76A0A3078E2B4E51CFE2FA400CC5DE9FBE369DB204B3E8ED7EDD85EE5CCA654C1AED70E396",
            "809770B8D910EA30BD2FA89736E91DC31815D2D9B31128077EEDC371E9F69466F497DC64DD5B1FADC587F860EE256109138C4A9CD96B628E65A8F590520FC882",
        ),
        (
            Curve::Tc26B512,
            "715E893FA639BF341296E0623E6D29DADF26B163C278767A7982A989462A3863FE12AEF8BD403D59C4DC4720570D4163DB0805C7C10C4E818F9CB785B04B9997",
            "10C479EA1C04D3C2C02B0576A9C42D96226FF033C1191436777F66916030D87D02FB93738ED7669D07619FFCE7C1F3C4DB5E5DF49E2186D6FA1E2EB5767602B9",
            "039F6044191404E707F26D59D979136A831CCE43E1C5F0600D1DDF8F39D0CA3D52FBD943BF04DDCED1AA2CE8F5EBD7487ACDEF239C07D015084D796784F35436",
        ),
        (
            Curve::Tc26C512,
            "332F930421D14CFE260042159F18E49FD5A54167E94108AD80B1DE60B13DE7999A34D611E63F3F870E5110247DF8EC7466E648ACF385E52CCB889ABF491EDFF0",
            "561655966D52952E805574F4281F1ED3A2D498932B00CBA9DECB42837F09835BFFBFE2D84D6B6B242FE7B57F92E1A6F2413E12DDD6383E4437E13D72693469AD",
            "F6B18328B2715BD7F4178615273A36135BC0BF62F7D8BB9F080164AD36470AD03660F51806C64C6691BADEF30F793720F8E3FEAED631D6A54A4C372DCBF80E82",
        ),
    ];
    for (curve, d, x, y) in vectors {
        let key = SecretKey::from_le_bytes(curve, &number(d, curve.size())).unwrap();
        let point = [number(x, curve.size()), number(y, curve.size())].concat();
        assert_eq!(key.public().to_le_bytes(), point, "{curve}");
        assert_eq!(VerifyingKey::from_le_bytes(curve, &point).unwrap(), *key.public(), "{curve}");
    }
    let d: Vec<u8> = (1..=32).rev().collect();
    let key = SecretKey::from_le_bytes(Curve::CryptoProA, &d).unwrap();
    let point = "1b7beeb499fdd7d3f3f629c2be4c5d0321b6549889c499c3b082f7a269ef35aa88260cc8ff05621f0f09335c6616eb006c19d0eef4a42f09b7e173662a1a9cff";
    assert_eq!(hex::encode(key.public().to_le_bytes()), point);
}

/// RFC 7836 appendix B, examples 7 and 8: both sides agree, by both hashes.
#[test]
fn key_agreement_gives_the_answers_of_the_standard() {
    let key = |text: &str| SecretKey::from_le_bytes(Curve::Tc26A512, &hex::decode(text).unwrap()).unwrap();
    let a = key(
        "c990ecd972fce84ec4db022778f50fcac726f46708384b8d458304962d7147f8c2db41cef22c90b102f2968404f9b9be6d47c79692d81826b32b8daca43cb667",
    );
    let b = key(
        "48c859f7b6f11585887cc05ec6ef1390cfea739b1a18c0d4662293ef63b79e3b8014070b44918590b4b996acfea4edfbbbcccc8c06edd8bf5bda92a51392d0db",
    );
    let public = "192fe183b9713a077253c72c8735de2ea42a3dbc66ea317838b65fa32523cd5efca974eda7c863f4954d1147f1f2b25c395fce1c129175e876d132e94ed5a65104883b414c9b592ec4dc84826f07d0b6d9006dda176ce48c391e3f97d102e03bb598bf132a228a45f7201aba08fc524a2d77e43a362ab022ad4028f75bde3b79";
    assert_eq!(hex::encode(b.public().to_le_bytes()), public);
    let ukm = hex::decode("1d80603c8544c727").unwrap();
    let shorter = "c9a9a77320e2cc559ed72dce6f47e2192ccea95fa648670582c054c0ef36c221";
    let longer = "79f002a96940ce7bde3259a52e015297adaad84597a0d205b50e3e1719f97bfa7ee1d2661fa9979a5aa235b558a7e6d9f88f982dd63fc35a8ec0dd5e242d3bdf";
    for (own, peer) in [(&a, &b), (&b, &a)] {
        assert_eq!(hex::encode(*own.vko256(peer.public(), &ukm).unwrap()), shorter);
        assert_eq!(hex::encode(*own.vko512(peer.public(), &ukm).unwrap()), longer);
    }
    let bytes = |first: u8| (first..first + 32).rev().collect::<Vec<u8>>();
    let key = |first: u8| SecretKey::from_le_bytes(Curve::CryptoProA, &bytes(first)).unwrap();
    let shared = key(1).vko256(key(33).public(), &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    assert_eq!(hex::encode(*shared), "1fd0f8eaf4f51c1a0b436b4196c9e631f4f3c8dab7ac041510a38faa1db9c9be");
}

#[test]
fn agreement_is_mutual_and_refuses_what_is_no_ukm() {
    for curve in Curve::ALL {
        let (a, b) = (SecretKey::generate(curve).unwrap(), SecretKey::generate(curve).unwrap());
        let longest: Vec<u8> = vec![0xff; curve.size()];
        for ukm in [&[1][..], &[0, 0, 3], &[0xa5; 8], &longest] {
            let shared = a.vko256(b.public(), ukm).unwrap();
            assert_eq!(shared, b.vko256(a.public(), ukm).unwrap(), "{curve}");
            assert_eq!(a.vko512(b.public(), ukm).unwrap(), b.vko512(a.public(), ukm).unwrap(), "{curve}");
            assert_ne!(shared, a.vko256(b.public(), &[2]).unwrap(), "{curve}");
        }
        // Zeros at the high end change nothing.
        assert_eq!(a.vko256(b.public(), &[9, 0, 0]).unwrap(), a.vko256(b.public(), &[9]).unwrap());
        for nothing in [&[][..], &[0; 8]] {
            assert_eq!(a.vko256(b.public(), nothing), Err(GostError::ZeroUkm));
        }
        let size = curve.size();
        let wrong = GostError::UkmLength { seen: size + 1, most: size };
        assert_eq!(a.vko512(b.public(), &vec![1; size + 1]), Err(wrong));
        let other = if curve == Curve::CryptoProB { Curve::CryptoProC } else { Curve::CryptoProB };
        let foreign = SecretKey::generate(other).unwrap();
        assert_eq!(a.vko256(foreign.public(), &[1]), Err(GostError::OtherCurve { own: curve, peer: other }));
    }
}

fn any_curve() -> impl Strategy<Value = Curve> {
    prop::sample::select(Curve::EXAMPLES.into_iter().chain(Curve::ALL).collect::<Vec<_>>())
}

/// A key of this curve from any 32 bytes: those and, on the longer curves, zeros above them.
fn key_of(curve: Curve, seed: &[u8; 32]) -> SecretKey {
    let mut bytes = seed.to_vec();
    bytes[31] &= 0x3f;
    bytes[0] |= 1;
    bytes.resize(curve.size(), 0x11);
    SecretKey::from_le_bytes(curve, &bytes).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_signed_verifies_and_one_flipped_bit_does_not(
        curve in any_curve(),
        seed: [u8; 32],
        message: [u8; 64],
        at: prop::sample::Index,
    ) {
        let key = key_of(curve, &seed);
        let digest = &message[..curve.size()];
        let signature = key.sign_digest(digest).unwrap();
        prop_assert_eq!(signature.len(), 2 * curve.size());
        prop_assert!(key.public().verify_digest(digest, &signature));
        prop_assert_ne!(&signature, &key.sign_digest(digest).unwrap());
        let flipped = |bytes: &[u8]| {
            let (mut bytes, bit) = (bytes.to_vec(), at.index(8 * bytes.len()));
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        prop_assert!(!key.public().verify_digest(digest, &flipped(&signature)));
        prop_assert!(!key.public().verify_digest(&flipped(digest), &signature));
        // Another point: beside the curve, or at best somebody else's key.
        let foreign = VerifyingKey::from_le_bytes(curve, &flipped(&key.public().to_le_bytes()));
        prop_assert!(foreign.is_err());
        // The wrong order of the halves, and the bytes turned round.
        let (s, r) = signature.split_at(curve.size());
        prop_assert!(!key.public().verify_digest(digest, &[r, s].concat()));
        let turned: Vec<u8> = signature.iter().rev().copied().collect();
        prop_assert!(!key.public().verify_digest(digest, &turned));
    }

    #[test]
    fn keys_survive_their_bytes(curve in any_curve(), seed: [u8; 32]) {
        let key = key_of(curve, &seed);
        let again = SecretKey::from_le_bytes(curve, &key.to_le_bytes()).unwrap();
        prop_assert_eq!(again.public(), key.public());
        let public = VerifyingKey::from_le_bytes(curve, &key.public().to_le_bytes()).unwrap();
        prop_assert_eq!(&public, key.public());
        prop_assert_eq!(format!("{key:?}"), format!("SecretKey({curve})"));
    }

    /// Whatever bytes come, nothing panics, and a point that is taken is given back as it came.
    #[test]
    fn any_bytes_are_no_more_than_refused(curve in any_curve(), bytes in prop::collection::vec(any::<u8>(), 0..140)) {
        if let Ok(point) = VerifyingKey::from_le_bytes(curve, &bytes) {
            prop_assert_eq!(point.to_le_bytes(), bytes.clone());
        }
        if let Ok(secret) = SecretKey::from_le_bytes(curve, &bytes) {
            prop_assert_eq!(secret.to_le_bytes().to_vec(), bytes.clone());
        }
        let key = key_of(curve, &[3; 32]);
        prop_assert!(!key.public().verify_digest(&bytes, &bytes));
        prop_assert_eq!(key.sign_digest(&bytes).is_ok(), bytes.len() == curve.size());
    }
}

#[test]
fn a_signature_of_the_wrong_form_is_refused() {
    let order = |curve| match curve {
        Curve::CryptoProA => "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF6C611070995AD10045841B09B761B893",
        _ => "400000000000000000000000000000000FD8CDDFC87B6635C115AF556C360C67",
    };
    for curve in [Curve::CryptoProA, Curve::Tc26A256] {
        let key = SecretKey::generate(curve).unwrap();
        let digest = streebog256(b"text");
        let signature = key.sign_digest(&digest).unwrap();
        let (s, r) = signature.split_at(32);
        let q = hex::decode(order(curve)).unwrap();
        let refused = |signature: &[u8]| !key.public().verify_digest(&digest, signature);
        assert!(refused(&[]) && refused(&signature[1..]) && refused(&[&signature[..], &[0]].concat()));
        assert!(refused(&[s, &[0; 32]].concat()) && refused(&[&[0; 32], r].concat()));
        assert!(refused(&[s, &q].concat()) && refused(&[&q, r].concat()) && refused(&[0xff; 64]));
        // s + q is congruent to s and no less wrong.
        let sum = |number: &[u8]| {
            let mut carry = 0;
            let mut sum: Vec<u8> = number
                .iter()
                .zip(&q)
                .rev()
                .map(|(a, b)| {
                    let wide = u16::from(*a) + u16::from(*b) + carry;
                    carry = wide >> 8;
                    wide as u8
                })
                .collect();
            sum.reverse();
            (carry == 0).then_some(sum)
        };
        assert!(sum(s).is_none_or(|s| refused(&[&s, r].concat())));
        assert!(sum(r).is_none_or(|r| refused(&[s, &r].concat())));
        // A digest of the other size is no digest, here or there.
        let longer = streebog512(b"text");
        assert!(!key.public().verify_digest(&longer, &signature));
        assert_eq!(key.sign_digest(&longer), Err(GostError::DigestLength { seen: 64, wanted: 32 }));
        assert!(!SecretKey::generate(curve).unwrap().public().verify_digest(&digest, &signature));
    }
}

#[test]
fn secrets_and_points_out_of_range_are_refused_by_name() {
    let secret = |text: &str| SecretKey::from_le_bytes(Curve::CryptoProA, &number(text, 32)).map(|_| ());
    assert_eq!(secret("0"), Err(GostError::SecretRange));
    assert_eq!(secret("1"), Ok(()));
    assert_eq!(secret("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF6C611070995AD10045841B09B761B892"), Ok(()));
    assert_eq!(secret("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF6C611070995AD10045841B09B761B893"), Err(GostError::SecretRange));
    let length = SecretKey::from_le_bytes(Curve::CryptoProA, &[1; 64]).map(|_| ());
    assert_eq!(length, Err(GostError::SecretLength { seen: 64, wanted: 32 }));

    let point = |bytes: &[u8]| VerifyingKey::from_le_bytes(Curve::CryptoProA, bytes).map(|_| ());
    let y = number("8D91E471E0989CDA27DF505A453F2B7635294F2DDF23E3B122ACC99C9E9F1E14", 32);
    assert_eq!(point(&[number("1", 32), y.clone()].concat()), Ok(()));
    // The same point, its x written as 1 + p.
    let above = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD98";
    assert_eq!(point(&[number(above, 32), y.clone()].concat()), Err(GostError::CoordinateRange));
    assert_eq!(point(&[number("2", 32), y.clone()].concat()), Err(GostError::NotOnCurve));
    // Infinity has no coordinates, and what may stand for it is on no curve.
    for curve in Curve::EXAMPLES.into_iter().chain(Curve::ALL) {
        let zeros = VerifyingKey::from_le_bytes(curve, &vec![0; 2 * curve.size()]);
        assert_eq!(zeros.unwrap_err(), GostError::NotOnCurve, "{curve}");
    }
    for length in [0, 31, 63, 65, 128] {
        assert_eq!(point(&vec![1; length]), Err(GostError::PointLength { seen: length, wanted: 64 }));
    }
    // A key of one curve is none of another.
    let key = SecretKey::generate(Curve::CryptoProB).unwrap().public().to_le_bytes();
    assert!(VerifyingKey::from_le_bytes(Curve::CryptoProA, &key).is_err());
}

/// The curves with cofactor 4 have one point of order 2, (x, 0): the root of x³ + ax + b.
#[test]
fn a_point_of_small_order_is_refused_by_name() {
    for (curve, x) in [
        (Curve::Tc26A256, "100FE73F595FF158E974B44D478D9588744FE5C192AC47EA63075DCE7A14AAA"),
        (
            Curve::Tc26C512,
            "9A628F975594ECEFD89BA28A2539FFB79C8AB238AEED0851FA5C1ABB02B80B44C6734501B83A011DD625CD0B5145091A6D9ACD4B1F5C5B1E21B2B249DDFD1271",
        ),
    ] {
        let point = [number(x, curve.size()), vec![0; curve.size()]].concat();
        assert_eq!(VerifyingKey::from_le_bytes(curve, &point).unwrap_err(), GostError::OutsideSubgroup, "{curve}");
    }
}
