//! Fuzz target: xml signature, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

use crypto::xmldsig::{Document, Limits, Policy, verify};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = Document::parse(bytes, Limits::default()) {
        for signature in document.signatures() {
            let _ = verify(signature, &Policy::default());
        }
    }
});
