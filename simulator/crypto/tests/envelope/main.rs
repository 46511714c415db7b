//! Encrypted messages without a peer: every cipher for every kind of key, what is refused and by which name, one flipped
//! bit, BER, and damage at random. Messages of others are in [`vectors`]; what OpenSSL thinks is in `envelope_engine`.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod certificates;
mod vectors;

use std::ops::Range;
use std::sync::LazyLock;

use crypto::cms::enveloped::{ContentCipher, EnvelopeError, LARGEST, Options, decrypt, encrypt};
use crypto::gost::Curve;
use crypto::gost::cipher::Sbox;
use crypto::{Algorithm, Certificate, Family, PrivateKey};
use der::{Any, AnyRef, Decode, Encode, Tag};
use proptest::prelude::*;

use self::certificates::{certificate, elements, sequence, vector};

const GOST_CIPHERS: [ContentCipher; 9] = [
    ContentCipher::Gost28147(Sbox::Tc26Z),
    ContentCipher::Gost28147(Sbox::CryptoProA),
    ContentCipher::Gost28147(Sbox::CryptoProB),
    ContentCipher::Gost28147(Sbox::CryptoProC),
    ContentCipher::Gost28147(Sbox::CryptoProD),
    ContentCipher::KuznyechikCtrAcpkm,
    ContentCipher::KuznyechikCtrAcpkmOmac,
    ContentCipher::MagmaCtrAcpkm,
    ContentCipher::MagmaCtrAcpkmOmac,
];
const AES_CIPHERS: [ContentCipher; 2] = [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm];

fn options() -> [Options; 4] {
    [(false, false), (false, true), (true, false), (true, true)]
        .map(|(agreement, by_key_identifier)| Options { agreement, by_key_identifier })
}

/// Somebody who can be written to.
struct Person {
    /// The serial number of the certificate.
    number: u8,
    key: PrivateKey,
    certificate: Certificate,
}

impl Person {
    fn new(algorithm: Algorithm, number: u8) -> Self {
        let key = PrivateKey::generate(algorithm).unwrap();
        let certificate = certificate(&key, number);
        Self { number, key, certificate }
    }

    fn opens(&self, message: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
        decrypt(message, &self.certificate, &self.key).map(|content| content.to_vec())
    }
}

/// One of each kind. RSA keys take their time.
static PEOPLE: LazyLock<Vec<Person>> = LazyLock::new(|| {
    let algorithms = [Algorithm::GOST_256, Algorithm::GOST_512, Algorithm::EcdsaP256, Algorithm::Rsa2048];
    algorithms.into_iter().zip(101..).map(|(algorithm, number)| Person::new(algorithm, number)).collect()
});

fn fitting(person: &Person) -> &'static [ContentCipher] {
    match person.key.family() {
        Family::Gost256 | Family::Gost512 => &GOST_CIPHERS,
        Family::EcdsaP256 | Family::Rsa => &AES_CIPHERS,
    }
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 13 + at / 251) as u8).collect()
}

fn written_to(person: &Person, cipher: ContentCipher, options: &Options, content: &[u8]) -> Vec<u8> {
    encrypt(content, std::slice::from_ref(&person.certificate), cipher, options).unwrap()
}

#[test]
fn every_cipher_passes_for_every_kind_of_key() {
    for person in &*PEOPLE {
        for cipher in fitting(person) {
            for options in options() {
                for length in [0, 1, 16, 1025, 9_000] {
                    let message = written_to(person, *cipher, &options, &text(length));
                    assert!(person.opens(&message) == Ok(text(length)), "{cipher}, {options:?}, {length} bytes");
                }
            }
        }
    }
}

#[test]
fn every_curve_is_written_to() {
    let curves = [Curve::CryptoProB, Curve::CryptoProC, Curve::Tc26A256, Curve::Tc26B512, Curve::Tc26C512];
    for curve in curves {
        let person = Person::new(Algorithm::Gost(curve), 9);
        for cipher in GOST_CIPHERS {
            for options in options() {
                let message = written_to(&person, cipher, &options, &text(300));
                assert!(person.opens(&message) == Ok(text(300)), "{curve}, {cipher}, {options:?}");
            }
        }
    }
}

#[test]
fn several_recipients_open_the_same_message_and_a_stranger_does_not() {
    for (cipher, people) in
        [(GOST_CIPHERS[0], &PEOPLE[..2]), (GOST_CIPHERS[6], &PEOPLE[..2]), (AES_CIPHERS[1], &PEOPLE[2..])]
    {
        let certificates: Vec<_> = people.iter().map(|person| person.certificate.clone()).collect();
        for options in options() {
            let message = encrypt(&text(40), &certificates, cipher, &options).unwrap();
            for person in people {
                assert!(person.opens(&message) == Ok(text(40)));
            }
            let stranger = Person::new(Algorithm::GOST_256, 77);
            assert_eq!(stranger.opens(&message), Err(EnvelopeError::NotForThisCertificate { recipients: 2 }));
        }
    }
}

#[test]
fn what_does_not_go_together_is_refused_by_name() {
    for person in &*PEOPLE {
        let family = person.key.family();
        for cipher in GOST_CIPHERS.into_iter().chain(AES_CIPHERS) {
            let made = encrypt(b"x", std::slice::from_ref(&person.certificate), cipher, &Options::default());
            match fitting(person).contains(&cipher) {
                true => assert!(made.is_ok(), "{cipher} for {family}"),
                false => assert_eq!(made, Err(EnvelopeError::CipherUnfit { cipher, family })),
            }
        }
        assert!(fitting(person).contains(&ContentCipher::usual(family)));
    }
    let nobody = encrypt(b"x", &[], AES_CIPHERS[0], &Options::default());
    assert_eq!(nobody, Err(EnvelopeError::NoRecipient));
    let large = vec![0; LARGEST + 1];
    let person = &PEOPLE[0];
    let made = encrypt(&large, std::slice::from_ref(&person.certificate), GOST_CIPHERS[0], &Options::default());
    assert_eq!(made, Err(EnvelopeError::TooLarge(LARGEST + 1)));
    assert_eq!(person.opens(&large), Err(EnvelopeError::TooLarge(LARGEST + 1)));
}

#[test]
fn what_is_no_message_is_refused_by_name() {
    let person = &PEOPLE[0];
    assert_eq!(person.opens(b"").unwrap_err().code(), "not-cms");
    assert_eq!(person.opens(&vector("cms/rsa-raw.bin")).unwrap_err().code(), "not-cms");
    assert_eq!(person.opens(&vector("cms/ec-attached.der")).unwrap_err().code(), "not-enveloped");
    assert_eq!(person.opens(&vector("cms/data-only.der")).unwrap_err().code(), "not-enveloped");
    // Depth without end, and lengths without bytes.
    assert_eq!(person.opens(&[0x30, 0x80].repeat(1 << 20)).unwrap_err().code(), "not-cms");
    assert_eq!(person.opens(&[0xa0, 0x84, 0x7f, 0xff, 0xff, 0xff].repeat(1000)).unwrap_err().code(), "not-cms");
    let message = written_to(person, GOST_CIPHERS[0], &Options::default(), &text(64));
    assert_eq!(person.opens(&[&message[..], &[0]].concat()).unwrap_err().code(), "not-cms");
    let other = Person::new(Algorithm::GOST_256, person.number);
    assert_eq!(decrypt(&message, &person.certificate, &other.key), Err(EnvelopeError::WrongKey));
    // The same name and number, another key: what a re-issued certificate looks like.
    assert_eq!(other.opens(&message), Err(EnvelopeError::KeyDamaged));
    let curve = Person::new(Algorithm::Gost(Curve::Tc26A256), person.number);
    assert_eq!(curve.opens(&message).unwrap_err().code(), "not-cms");
}

/// The message with one sequence of bytes in place of another.
fn with(message: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let at = message.windows(old.len()).position(|window| window == old).unwrap();
    [&message[..at], new, &message[at + old.len()..]].concat()
}

fn oid(text: &str) -> Vec<u8> {
    der::asn1::ObjectIdentifier::new_unwrap(text).to_der().unwrap()
}

#[test]
fn what_is_not_known_is_named() {
    let by = |person: &Person, cipher, agreement| {
        written_to(person, cipher, &Options { agreement, ..Options::default() }, &text(10))
    };
    let cases = [
        (
            0,
            by(&PEOPLE[0], GOST_CIPHERS[5], false),
            "1.2.643.7.1.1.5.2.1",
            "1.2.643.7.1.1.5.2.9",
            "the content's cipher 1.2.643.7.1.1.5.2.9",
        ),
        (
            0,
            by(&PEOPLE[0], GOST_CIPHERS[1], false),
            "1.2.643.2.2.31.1",
            "1.2.643.2.2.31.9",
            "the substitution box 1.2.643.2.2.31.9",
        ),
        // Known, and not for messages.
        (
            0,
            by(&PEOPLE[0], GOST_CIPHERS[1], false),
            "1.2.643.2.2.31.1",
            "1.2.643.2.2.31.0",
            "the substitution box 1.2.643.2.2.31.0",
        ),
        (
            0,
            by(&PEOPLE[0], GOST_CIPHERS[5], false),
            "1.2.643.7.1.1.7.2.1",
            "1.2.643.7.1.1.7.9.1",
            "the key transport 1.2.643.7.1.1.7.9.1",
        ),
        (
            0,
            by(&PEOPLE[0], GOST_CIPHERS[5], true),
            "1.2.643.7.1.1.7.2.1",
            "1.2.643.7.1.1.7.9.1",
            "the key agreement 1.2.643.7.1.1.7.9.1",
        ),
        (
            0,
            by(&PEOPLE[0], GOST_CIPHERS[5], true),
            "1.2.643.7.1.1.6.1",
            "1.2.643.7.1.1.6.2",
            "the key agreement 1.2.643.7.1.1.6.2",
        ),
        (
            0,
            by(&PEOPLE[0], GOST_CIPHERS[0], true),
            "1.2.643.2.2.13.1",
            "1.2.643.2.2.13.7",
            "the key wrap 1.2.643.2.2.13.7",
        ),
        (
            2,
            by(&PEOPLE[2], AES_CIPHERS[0], false),
            "2.16.840.1.101.3.4.1.42",
            "2.16.840.1.101.3.4.1.22",
            "the content's cipher id-aes192-CBC (2.16.840.1.101.3.4.1.22)",
        ),
        (
            2,
            by(&PEOPLE[2], AES_CIPHERS[0], false),
            "1.3.132.1.11.1",
            "1.3.132.1.11.7",
            "the key agreement 1.3.132.1.11.7",
        ),
        (
            3,
            by(&PEOPLE[3], AES_CIPHERS[0], false),
            "1.2.840.113549.1.1.7",
            "1.2.840.113549.1.1.4",
            "the key transport md5WithRSAEncryption (1.2.840.113549.1.1.4)",
        ),
        (
            3,
            by(&PEOPLE[3], AES_CIPHERS[0], false),
            "2.16.840.1.101.3.4.2.1",
            "2.16.840.1.101.3.4.2.9",
            "the digest id-shake128 (2.16.840.1.101.3.4.2.9)",
        ),
    ];
    for (person, message, old, new, name) in cases {
        let refused = PEOPLE[person].opens(&with(&message, &oid(old), &oid(new))).unwrap_err();
        assert_eq!(refused.code(), "algorithm-unknown", "{refused}");
        let wanted = name.split_once(" (").map_or(name, |(_, number)| number.trim_end_matches(')'));
        let told = refused.to_string();
        assert!(told.contains(wanted.rsplit(' ').next().unwrap()), "{told}, not {name}");
    }
}

/// A message of recipients, however many, costs one look at each up to a thousand and no more.
#[test]
fn more_recipients_than_anybody_has_are_refused() {
    let person = &PEOPLE[0];
    let certificates: Vec<_> = (0..100).map(|number| certificate(&person.key, number)).collect();
    let message = encrypt(b"text", &certificates, GOST_CIPHERS[0], &Options::default()).unwrap();
    assert_eq!(person.opens(&message), Err(EnvelopeError::NotForThisCertificate { recipients: 100 }));
    let (outer, id_data) = (elements(&message), oid("1.2.840.113549.1.7.1"));
    let inner = elements(outer[1]).concat();
    let mut parts = elements(&inner);
    assert!(parts[2].windows(id_data.len()).any(|window| window == id_data));
    let many = Any::new(Tag::Set, elements(parts[1]).repeat(20).concat()).unwrap().to_der().unwrap();
    parts[1] = &many;
    let explicit = [&[0xa0, 0x80][..], &sequence(&parts), &[0, 0]].concat();
    let message = [&[0x30, 0x80][..], outer[0], &explicit, &[0, 0]].concat();
    assert_eq!(person.opens(&message), Err(EnvelopeError::NotCms("2000 recipients; 1000 are the most".to_owned())));
}

#[test]
fn names_of_ciphers_are_read_back() {
    for cipher in GOST_CIPHERS.into_iter().chain(AES_CIPHERS) {
        assert_eq!(cipher.as_str().parse(), Ok(cipher));
    }
    assert_eq!("rot13".parse::<ContentCipher>().unwrap_err().code(), "algorithm-unknown");
}

/// Where the recipient's part behind its name stands: algorithm, keys, wrapped key. The serial number ends the name; the
/// content's type (id-data) starts what follows the recipients. With key agreement the keys stand before the name.
fn wrapping(message: &[u8], person: &Person) -> Range<usize> {
    let after_name = message.windows(3).position(|window| window == [2, 1, person.number]).unwrap() + 3;
    let originator = message.windows(4).position(|window| window == [2, 1, 3, 0xa0]).map(|at| at + 3);
    originator.unwrap_or(after_name)..end_of_recipients(message)
}

fn end_of_recipients(message: &[u8]) -> usize {
    let id_data = oid("1.2.840.113549.1.7.1");
    message.windows(id_data.len()).position(|window| window == id_data).unwrap()
}

/// Bytes that the standard has and that nothing depends on: the seed of a content's keys where no code makes it two of
/// them, the part of the export's material that KEG leaves out with 512-bit keys, and what Magma leaves over of eight
/// bytes of initial value.
fn idle(message: &[u8], person: &Person, cipher: ContentCipher, agreement: bool) -> Vec<Range<usize>> {
    let (number, iv) = match cipher {
        ContentCipher::KuznyechikCtrAcpkm | ContentCipher::KuznyechikCtrAcpkmOmac => ("1.2.643.7.1.1.5.2", 8),
        ContentCipher::MagmaCtrAcpkm | ContentCipher::MagmaCtrAcpkmOmac => ("1.2.643.7.1.1.5.1", 4),
        _ => return Vec::new(),
    };
    let value = oid(number)[2..].to_vec();
    let at = message.windows(value.len()).rposition(|window| window == value).unwrap();
    let parameter = at + value.len() + 1 + 4;
    let material = match agreement {
        true => message.windows(4).position(|window| window == [0xa1, 0x22, 0x04, 0x20]).unwrap() + 4,
        // The last of the wrapped key; a sequence's tag and length stand between it and the content's type.
        false => end_of_recipients(message) - 2 - 32,
    };
    let seed = (!cipher.authenticates()).then(|| parameter + iv..parameter + iv + 8);
    let middle = (person.key.family() == Family::Gost512).then(|| material + 16..material + 24);
    [Some(material + 24 + iv..material + 32), seed, middle].into_iter().flatten().collect()
}

/// Whatever bit of the wrapping or of the content's parameters is flipped, the content does not come out: the wrapping is
/// refused, and other parameters give another text or none.
#[test]
fn one_flipped_bit_of_keys_and_parameters_never_gives_the_content() {
    let content = text(48);
    for (person, cipher, agreement) in [
        (0, GOST_CIPHERS[1], false),
        (0, GOST_CIPHERS[1], true),
        (0, GOST_CIPHERS[5], false),
        (0, GOST_CIPHERS[8], true),
        (1, GOST_CIPHERS[0], false),
        (1, GOST_CIPHERS[6], false),
        (2, AES_CIPHERS[0], false),
        (2, AES_CIPHERS[1], false),
        (3, AES_CIPHERS[1], false),
    ] {
        let person = &PEOPLE[person];
        let message = written_to(person, cipher, &Options { agreement, ..Options::default() }, &content);
        let wrapping = wrapping(&message, person);
        let idle = idle(&message, person, cipher, agreement);
        // Everything behind the recipients: type, parameters, content, code. The type of the content (id-data) is not
        // looked at, so the 11 bytes of it are left alone.
        let behind = wrapping.end + 11..message.len();
        for at in wrapping.clone().chain(behind) {
            if idle.iter().any(|idle| idle.contains(&at)) {
                continue;
            }
            // Every bit of the wrapping of GOST 28147-89; elsewhere one of each byte, which is a tenth of the time.
            let bits = if cipher == GOST_CIPHERS[1] { 0..8 } else { at % 8..at % 8 + 1 };
            for bit in bits {
                let mut bad = message.clone();
                bad[at] ^= 1 << bit;
                let seen = person.opens(&bad);
                assert!(
                    seen != Ok(content.clone()),
                    "{cipher}, {agreement}: byte {at} ({:02x?}), bit {bit}",
                    &message[at - 4..at + 4]
                );
                if cipher.authenticates() {
                    assert!(seen.is_err(), "{cipher}, {agreement}: byte {at}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn damaged_content_is_told_where_a_code_stands_over_it_and_only_there() {
    for person in &*PEOPLE {
        for cipher in fitting(person) {
            let message = written_to(person, *cipher, &Options::default(), &text(600));
            let mut bad = message.clone();
            let at = message.len() - 300;
            bad[at] ^= 0x40;
            match (cipher.authenticates(), person.opens(&bad)) {
                (true, refused) => assert_eq!(refused, Err(EnvelopeError::ContentDamaged), "{cipher}"),
                // CFB, CTR and CBC: as long, and another text.
                (false, opened) => {
                    let opened = opened.unwrap();
                    assert!(opened.len() == 600 && opened != text(600), "{cipher}");
                }
            }
        }
    }
}

/// The same element with indefinite lengths from the outside down to this depth; the content in pieces if it is reached.
fn streamed(der: &[u8], depth: usize, deepest: usize) -> Vec<u8> {
    let whole = AnyRef::from_der(der).unwrap();
    // Within the sequence of the content: [0] IMPLICIT OCTET STRING.
    if depth == 4 && der[0] == 0x80 && depth <= deepest {
        let piece = |bytes: &[u8]| Any::new(Tag::OctetString, bytes).unwrap().to_der().unwrap();
        let (first, second) = whole.value().split_at(whole.value().len() / 3);
        return [&[0xa0, 0x80][..], &piece(first), &piece(second), &[0, 0]].concat();
    }
    if depth > deepest || der[0] & 0x20 == 0 {
        return der.to_vec();
    }
    let inner: Vec<u8> = elements(der).iter().flat_map(|element| streamed(element, depth + 1, deepest)).collect();
    [&[der[0], 0x80][..], &inner, &[0, 0]].concat()
}

#[test]
fn indefinite_lengths_and_content_in_pieces_are_read() {
    for person in &*PEOPLE {
        for cipher in fitting(person) {
            for agreement in [false, true] {
                let options = Options { agreement, ..Options::default() };
                let message = written_to(person, *cipher, &options, &text(500));
                for deepest in 0..5 {
                    let ber = streamed(&message, 0, deepest);
                    assert_ne!(ber, message);
                    let opened = person.opens(&ber);
                    assert!(opened == Ok(text(500)), "{cipher}, {options:?}, to depth {deepest}: {:?}", opened.err());
                    assert!(person.opens(&[&ber[..], &[0]].concat()).is_err(), "a byte left over");
                }
            }
        }
    }
}

#[test]
fn a_recipient_that_cannot_be_read_does_not_spoil_the_message() {
    let people = &PEOPLE[..2];
    let certificates: Vec<_> = people.iter().map(|person| person.certificate.clone()).collect();
    let message = encrypt(&text(30), &certificates, GOST_CIPHERS[0], &Options::default()).unwrap();
    // The version of the first recipient becomes 9, which nobody has.
    let bad = with(&message, &[0x02, 0x01, 0x00, 0x30], &[0x02, 0x01, 0x09, 0x30]);
    let opened: Vec<_> = people.iter().map(|person| person.opens(&bad)).collect();
    assert_eq!(opened.iter().filter(|seen| seen.is_ok()).count(), 1);
    assert_eq!(opened.iter().filter(|seen| seen.as_ref().is_err_and(|seen| seen.code() == "not-cms")).count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any damage whatever: an answer, and never a panic. The seeds of failures are kept by proptest.
    #[test]
    fn damaged_messages_never_panic(
        which in 0..4usize,
        cipher: usize,
        agreement: bool,
        damage in proptest::collection::vec((any::<usize>(), any::<u8>(), 0..4u8), 1..6),
    ) {
        let person = &PEOPLE[which];
        let cipher = fitting(person)[cipher % fitting(person).len()];
        let options = Options { agreement, ..Options::default() };
        let mut bytes = written_to(person, cipher, &options, &text(200));
        for (at, byte, kind) in damage {
            let at = at % bytes.len().max(1);
            match kind {
                0 => if let Some(place) = bytes.get_mut(at) { *place = byte },
                1 => bytes.truncate(at),
                2 => bytes.insert(at, byte),
                _ => {
                    let piece = bytes[at..].iter().copied().take(usize::from(byte)).collect::<Vec<_>>();
                    bytes.splice(at..at, piece);
                }
            }
        }
        let _ = person.opens(&bytes);
    }
}
