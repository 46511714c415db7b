//! Encrypted messages against OpenSSL: what it encrypts is opened here, and it opens what is encrypted here. GOST through
//! its engine, RSA and ECDSA keys by itself. The ciphers themselves are compared in [`ciphers`].
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod ciphers;
mod engine;

use crypto::cms::enveloped::{ContentCipher, EnvelopeError, Options, decrypt, encrypt};
use crypto::gost::cipher::Sbox;
use crypto::{Certificate, PrivateKey};

use self::engine::Engine;

/// Parameter sets in the engine's words; it writes several under two identifiers.
const SETS: [(usize, &str); 10] = [
    (256, "A"),
    (256, "B"),
    (256, "C"),
    (256, "TCA"),
    (256, "TCB"),
    (256, "TCC"),
    (256, "TCD"),
    (512, "A"),
    (512, "B"),
    (512, "C"),
];

const GOST_CIPHERS: [ContentCipher; 5] = [
    ContentCipher::Gost28147(Sbox::Tc26Z),
    ContentCipher::KuznyechikCtrAcpkm,
    ContentCipher::KuznyechikCtrAcpkmOmac,
    ContentCipher::MagmaCtrAcpkm,
    ContentCipher::MagmaCtrAcpkmOmac,
];

/// Whether the engine (3.0.1) opens what it encrypts. It writes with the sections that CMS wants, 256 KiB with Kuznyechik
/// and 8 KiB with Magma, but reads with those of its `enc`, 4 KiB and 1 KiB: of longer messages, its own among them, it
/// makes garbage. The code behind the content counts too.
fn engine_opens(cipher: ContentCipher, length: usize) -> bool {
    match cipher {
        ContentCipher::KuznyechikCtrAcpkm => length <= 4096,
        ContentCipher::KuznyechikCtrAcpkmOmac => length + 16 <= 4096,
        ContentCipher::MagmaCtrAcpkm => length <= 1024,
        ContentCipher::MagmaCtrAcpkmOmac => length + 8 <= 1024,
        ContentCipher::Aes256Cbc | ContentCipher::Aes256Gcm | ContentCipher::Gost28147(_) => true,
    }
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 11 + at / 253) as u8).collect()
}

impl Engine {
    /// A message by the command for these certificates (files).
    fn encrypts(&self, cipher: &str, content: &[u8], options: &[&str], certificates: &[&str]) -> Vec<u8> {
        self.write("content", content);
        let fixed = ["cms", "-encrypt", "-binary", "-outform", "DER", "-in", "content", "-out", "message"];
        let mut arguments = [&fixed[..], &[cipher]].concat();
        for certificate in certificates {
            arguments.extend(["-recip", certificate]);
            arguments.extend(options);
        }
        self.must(&arguments);
        self.read("message")
    }

    /// What the command makes of a message, if anything.
    fn decrypts(&self, message: &[u8], name: &str) -> Option<Vec<u8>> {
        self.write("message", message);
        let (key, crt) = (format!("{name}.key"), format!("{name}.crt"));
        let output = self.openssl(&[
            "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "message", "-recip", &crt, "-inkey", &key, "-out",
            "opened",
        ]);
        output.status.success().then(|| self.read("opened"))
    }

    fn both_ways(&self, name: &str, key: &PrivateKey, certificate: &Certificate, cipher: ContentCipher, length: usize) {
        let content = text(length);
        let theirs = self.encrypts(&format!("-{cipher}"), &content, &[], &[&format!("{name}.crt")]);
        let opened = decrypt(&theirs, certificate, key);
        let refused = opened.as_ref().err();
        assert!(opened.as_deref() == Ok(&content), "{name}, {cipher}, {length} bytes from openssl: {refused:?}");
        if !engine_opens(cipher, length) {
            return;
        }
        for by_key_identifier in [false, true] {
            let options = Options { by_key_identifier, ..Options::default() };
            let ours = encrypt(&content, std::slice::from_ref(certificate), cipher, &options).unwrap();
            let opened = self.decrypts(&ours, name);
            assert!(opened.as_ref() == Some(&content), "{name}, {cipher}, {length} bytes to openssl, {options:?}");
        }
    }
}

#[test]
fn gost_messages_pass_both_ways_on_every_curve_of_the_engine() {
    let Some(engine) = Engine::find() else { return };
    for (bits, set) in SETS {
        let (name, key, certificate) = engine.gost_pair(bits, set);
        for cipher in GOST_CIPHERS {
            engine.both_ways(&name, &key, &certificate, cipher, 6_700);
            engine.both_ways(&name, &key, &certificate, cipher, 900);
        }
    }
}

/// Past a section of each cipher (1 KiB, 8 KiB, 256 KiB), within a block, and nothing at all.
#[test]
fn gost_messages_pass_both_ways_with_every_length() {
    let Some(engine) = Engine::find() else { return };
    let (name, key, certificate) = engine.gost_pair(256, "A");
    for cipher in GOST_CIPHERS {
        for length in [1, 8, 15, 1024, 1025, 4096, 8192, 8193, 20_001, 262_144, 262_145, 600_007] {
            engine.both_ways(&name, &key, &certificate, cipher, length);
        }
    }
}

#[test]
fn every_box_of_a_message_passes_both_ways() {
    let Some(engine) = Engine::find() else { return };
    let (name, key, certificate) = engine.gost_pair(256, "TCA");
    let crt = format!("{name}.crt");
    for (sbox, parameters) in [
        (Sbox::CryptoProA, "id-Gost28147-89-CryptoPro-A-ParamSet"),
        (Sbox::CryptoProB, "id-Gost28147-89-CryptoPro-B-ParamSet"),
        (Sbox::CryptoProC, "id-Gost28147-89-CryptoPro-C-ParamSet"),
        (Sbox::CryptoProD, "id-Gost28147-89-CryptoPro-D-ParamSet"),
    ] {
        engine.write("content", text(3000));
        let arguments =
            ["cms", "-encrypt", "-binary", "-gost89", "-outform", "DER", "-in", "content", "-out", "message", &crt];
        engine.must_with(&arguments, &[("CRYPT_PARAMS", parameters)]);
        assert!(*decrypt(&engine.read("message"), &certificate, &key).unwrap() == text(3000), "{parameters}");
        let certificates = std::slice::from_ref(&certificate);
        let ours = encrypt(&text(3000), certificates, ContentCipher::Gost28147(sbox), &Options::default()).unwrap();
        assert!(engine.decrypts(&ours, &name) == Some(text(3000)), "{parameters}");
    }
}

/// The engine writes no key agreement, but reads it under Kuznyechik and Magma.
#[test]
fn the_engine_opens_key_agreement() {
    let Some(engine) = Engine::find() else { return };
    for (bits, set) in SETS {
        let (name, _, certificate) = engine.gost_pair(bits, set);
        for cipher in GOST_CIPHERS {
            if cipher == ContentCipher::Gost28147(Sbox::Tc26Z) {
                continue;
            }
            let options = Options { agreement: true, ..Options::default() };
            let ours = encrypt(&text(900), std::slice::from_ref(&certificate), cipher, &options).unwrap();
            assert!(engine.decrypts(&ours, &name) == Some(text(900)), "{name}, {cipher}");
        }
    }
}

#[test]
fn messages_in_pieces_and_for_several_are_opened() {
    let Some(engine) = Engine::find() else { return };
    let people = [(256, "A"), (512, "A"), (256, "TCA")].map(|(bits, set)| engine.gost_pair(bits, set));
    let files = people.each_ref().map(|(name, ..)| format!("{name}.crt"));
    let files = files.each_ref().map(String::as_str);
    for cipher in GOST_CIPHERS {
        for options in [&["-stream"][..], &["-keyid"], &["-stream", "-keyid"]] {
            let message = engine.encrypts(&format!("-{cipher}"), &text(50_000), options, &files);
            for (name, key, certificate) in &people {
                assert_eq!(
                    *decrypt(&message, certificate, key).unwrap(),
                    text(50_000),
                    "{name}, {cipher}, {options:?}"
                );
            }
        }
        let certificates = people.each_ref().map(|(.., certificate)| certificate.clone());
        let ours = encrypt(&text(700), &certificates, cipher, &Options::default()).unwrap();
        for (name, ..) in &people {
            assert!(engine.decrypts(&ours, name) == Some(text(700)), "{name}, {cipher}");
        }
        let (_, key, stranger) = engine.gost_pair(256, "B");
        let refused = decrypt(&ours, &stranger, &key);
        assert_eq!(refused, Err(EnvelopeError::NotForThisCertificate { recipients: 3 }));
    }
}

/// Content under a code is refused by both when a byte of it differs; other content comes out as another text.
#[test]
fn damage_is_judged_as_openssl_judges_it() {
    let Some(engine) = Engine::find() else { return };
    let (name, key, certificate) = engine.gost_pair(256, "A");
    for cipher in GOST_CIPHERS {
        let message = engine.encrypts(&format!("-{cipher}"), &text(500), &[], &[&format!("{name}.crt")]);
        // The last 60 bytes hold the end of the content, and the code where there is one.
        let mut damaged = message.clone();
        let at = damaged.len() - 60;
        damaged[at] ^= 1;
        let ours = decrypt(&damaged, &certificate, &key);
        let theirs = engine.decrypts(&damaged, &name);
        match cipher.authenticates() {
            true => assert_eq!((ours, theirs), (Err(EnvelopeError::ContentDamaged), None), "{cipher}"),
            false => {
                assert!(ours.as_deref().ok() == theirs.as_ref(), "{cipher}");
                assert!(theirs != Some(text(500)), "{cipher}");
            }
        }
    }
}

#[test]
fn messages_for_rsa_and_ec_keys_pass_both_ways() {
    let Some(engine) = Engine::find() else { return };
    let (rsa_key, rsa) = engine.pair("rsa", &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "-sha256");
    let (ec_key, ec) = engine.pair("ec", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "-sha256");
    let ways: [(&str, &PrivateKey, &Certificate, &[&[&str]]); 2] = [
        (
            "rsa",
            &rsa_key,
            &rsa,
            &[
                &[],
                &["-keyopt", "rsa_padding_mode:oaep"],
                &["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"],
                &["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha512"],
                &["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256", "-keyopt", "rsa_mgf1_md:sha1"],
                &["-keyid"],
            ],
        ),
        (
            "ec",
            &ec_key,
            &ec,
            &[
                &[],
                &["-keyopt", "ecdh_kdf_md:sha256"],
                &["-keyopt", "ecdh_kdf_md:sha384"],
                &["-keyopt", "ecdh_kdf_md:sha512"],
                &["-keyopt", "ecdh_cofactor_mode:1", "-keyopt", "ecdh_kdf_md:sha256"],
                &["-keyid"],
            ],
        ),
    ];
    for (name, key, certificate, options) in ways {
        for cipher in ["-aes-128-cbc", "-aes-256-cbc", "-aes-128-gcm", "-aes-256-gcm"] {
            for options in options {
                for length in [1, 16, 5000] {
                    let message = engine.encrypts(cipher, &text(length), options, &[&format!("{name}.crt")]);
                    let opened = decrypt(&message, certificate, key);
                    assert!(opened.as_deref() == Ok(&text(length)), "{name}, {cipher}, {options:?}");
                }
            }
        }
        for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
            for length in [0, 1, 16, 5000] {
                engine.both_ways(name, key, certificate, cipher, length);
            }
        }
    }
    let both = engine.encrypts("-aes-256-cbc", &text(99), &["-stream"], &["rsa.crt", "ec.crt"]);
    assert!(*decrypt(&both, &rsa, &rsa_key).unwrap() == text(99));
    assert!(*decrypt(&both, &ec, &ec_key).unwrap() == text(99));
    let ours = encrypt(&text(99), &[rsa, ec], ContentCipher::Aes256Gcm, &Options::default()).unwrap();
    assert!(engine.decrypts(&ours, "rsa") == Some(text(99)));
    assert!(engine.decrypts(&ours, "ec") == Some(text(99)));
}

/// A key under RSAES-PKCS1-v1_5 that is not padded rightly is not told from damaged content.
#[test]
fn a_wrong_padding_is_not_told() {
    let Some(engine) = Engine::find() else { return };
    let (key, certificate) = engine.pair("rsa", &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "-sha256");
    let message = engine.encrypts("-aes-256-gcm", &text(100), &[], &["rsa.crt"]);
    let oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let start = message.windows(oid.len()).position(|window| window == oid).unwrap() + oid.len() + 4;
    for at in (0..256).step_by(7) {
        let mut damaged = message.clone();
        damaged[start + at] ^= 0x10;
        let refused = decrypt(&damaged, &certificate, &key).unwrap_err();
        // A number above the modulus is seen by everybody, and refused as such.
        let above = at == 0 && refused == EnvelopeError::KeyDamaged;
        assert!(above || refused == EnvelopeError::ContentDamaged, "byte {at}: {refused}");
    }
}
