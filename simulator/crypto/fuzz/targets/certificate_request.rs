//! Fuzz target: certificate request, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = certs::Request::from_der(bytes);
});
