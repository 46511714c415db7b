//! Fuzz target: jws, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(token) = crypto::jws::Jws::parse(text) {
        let _ = token.claims();
    }
});
