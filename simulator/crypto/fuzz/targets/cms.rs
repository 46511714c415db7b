//! Fuzz target: cms, as a stranger may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(container) = crypto::cms::Container::read(bytes) {
        let _ = container.verify(b"text", &[]);
    }
});
