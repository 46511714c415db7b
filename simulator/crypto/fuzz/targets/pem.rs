//! Fuzz target: pem, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = crypto::pem::blocks(text);
    let _ = crypto::Certificate::all_from_pem(text);
});
