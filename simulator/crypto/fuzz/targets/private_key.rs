//! Fuzz target: private key, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = crypto::PrivateKey::from_pkcs8_der(bytes) {
        let _ = key.sign(b"text");
    }
});
