//! The GOST ciphers against OpenSSL's engine, byte for byte.

use crypto::gost::cipher::{CipherKind, Ctr, Sbox, cfb_decrypt, cfb_encrypt, cnt, imit_meshed};

use crate::engine::Engine;

const KEY: &str = "30017acda5c4c7b1b2c7fdc8e2f0a3f7165a4e6e10fe2b9a63d6f3b8a8d2c1e0";
const LENGTHS: [usize; 12] = [1, 7, 8, 9, 1000, 1023, 1024, 1025, 1032, 2049, 4097, 10_007];

fn key() -> [u8; 32] {
    hex::decode(KEY).unwrap().try_into().unwrap()
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 256) as u8).collect()
}

impl Engine {
    fn enc(&self, cipher: &str, direction: &str, iv: &str, data: &[u8], environment: &[(&str, &str)]) -> Vec<u8> {
        self.write("in", data);
        let arguments = ["enc", direction, cipher, "-K", KEY, "-iv", iv, "-in", "in", "-out", "out"];
        self.must_with(&arguments, environment);
        self.read("out")
    }
}

#[test]
fn gost_28147_in_cfb_is_the_engines_with_every_box_and_length() {
    let Some(engine) = Engine::find() else { return };
    let iv = [1, 2, 3, 4, 5, 6, 7, 8];
    for (sbox, name) in [
        (Sbox::Tc26Z, "id-tc26-gost-28147-param-Z"),
        (Sbox::CryptoProA, "id-Gost28147-89-CryptoPro-A-ParamSet"),
        (Sbox::CryptoProB, "id-Gost28147-89-CryptoPro-B-ParamSet"),
        (Sbox::CryptoProC, "id-Gost28147-89-CryptoPro-C-ParamSet"),
        (Sbox::CryptoProD, "id-Gost28147-89-CryptoPro-D-ParamSet"),
        (Sbox::Test, "id-Gost28147-89-TestParamSet"),
    ] {
        for length in LENGTHS {
            let mut ours = text(length);
            cfb_encrypt(&key(), sbox, &iv, &mut ours);
            let theirs = engine.enc("-gost89", "-e", "0102030405060708", &text(length), &[("CRYPT_PARAMS", name)]);
            assert!(ours == theirs, "{name}, {length} bytes");
            let back = engine.enc("-gost89", "-d", "0102030405060708", &ours, &[("CRYPT_PARAMS", name)]);
            assert_eq!(back, text(length));
            cfb_decrypt(&key(), sbox, &iv, &mut ours);
            assert_eq!(ours, text(length));
        }
    }
}

#[test]
fn gost_28147_in_cnt_is_the_engines_with_every_length() {
    let Some(engine) = Engine::find() else { return };
    for (sbox, cipher) in [(Sbox::CryptoProA, "-gost89-cnt"), (Sbox::Tc26Z, "-gost89-cnt-12")] {
        for length in LENGTHS {
            for iv in ["0102030405060708", "fffefdfcfbfaf9f8"] {
                let mut ours = text(length);
                cnt(&key(), sbox, &hex::decode(iv).unwrap().try_into().unwrap(), &mut ours);
                assert!(ours == engine.enc(cipher, "-e", iv, &text(length), &[]), "{cipher}, {length} bytes");
                cnt(&key(), sbox, &hex::decode(iv).unwrap().try_into().unwrap(), &mut ours);
                assert_eq!(ours, text(length));
            }
        }
    }
}

/// Of the engine's own section sizes, which are not those of CMS.
#[test]
fn counters_with_new_keys_are_the_engines_with_every_length() {
    let Some(engine) = Engine::find() else { return };
    for (kind, cipher, iv, section) in [
        (CipherKind::Kuznyechik, "-kuznyechik-ctr-acpkm", "f1f2f3f4f5f6f7f80000000000000000", 4096),
        (CipherKind::Magma, "-magma-ctr-acpkm", "f1f2f3f400000000", 1024),
    ] {
        for length in LENGTHS {
            let mut ours = text(length);
            let start = hex::decode(iv).unwrap();
            Ctr::with_acpkm(kind, &key(), &start[..kind.iv()], section).apply(&mut ours);
            assert!(ours == engine.enc(cipher, "-e", iv, &text(length), &[]), "{cipher}, {length} bytes");
        }
    }
}

#[test]
fn authentication_codes_are_the_engines_with_every_length() {
    let Some(engine) = Engine::find() else { return };
    let option = format!("hexkey:{KEY}");
    for (sbox, mac) in [(Sbox::CryptoProA, "gost-mac"), (Sbox::Tc26Z, "gost-mac-12")] {
        for length in LENGTHS {
            engine.write("in", text(length));
            engine.must(&["dgst", "-binary", "-mac", mac, "-macopt", &option, "-out", "out", "in"]);
            assert_eq!(imit_meshed(&key(), sbox, &text(length))[..], engine.read("out"), "{mac}, {length} bytes");
        }
    }
}
