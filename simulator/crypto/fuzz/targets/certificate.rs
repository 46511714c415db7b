//! Fuzz target: certificate, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = crypto::Certificate::from_bytes(bytes) {
        let _ = certificate.public_key();
        let _ = certificate.explain_hash("00");
    }
});
