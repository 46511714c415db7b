//! Fuzz target: xml, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

use crypto::xmldsig::{Document, Limits};

fuzz_target!(|bytes: &[u8]| {
    let _ = Document::parse(bytes, Limits::default());
});
