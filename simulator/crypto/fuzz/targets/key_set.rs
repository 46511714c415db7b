//! Fuzz target: key set, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(set) = crypto::jwk::JwkSet::parse(bytes) {
        for key in &set.keys {
            let _ = crypto::PublicKey::from_jwk(key);
        }
    }
});
