//! Fuzz target: smev transform, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

use crypto::xmldsig::{Limits, smev_transform};

fuzz_target!(|bytes: &[u8]| {
    let _ = smev_transform(bytes, Limits::default());
});
