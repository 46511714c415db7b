//! Fuzz target: envelope, as a stranger may send it.

#![no_main]

use std::sync::OnceLock;

use contract::time::{Span, Timestamp};
use crypto::{Algorithm, Certificate, PrivateKey};
use libfuzzer_sys::fuzz_target;

/// Made once for each process.
static OWN: OnceLock<(Certificate, PrivateKey)> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let (certificate, key) = OWN.get_or_init(|| {
        let now = Timestamp::from_seconds(1_800_000_000);
        let key = PrivateKey::generate("gost2012-256".parse::<Algorithm>().unwrap()).unwrap();
        let certificate = certs::self_made(&key, &certs::Subject::named("fuzz"), [now, now + Span::from_days(1)]);
        (certificate.unwrap(), key)
    });
    let _ = crypto::cms::enveloped::decrypt(bytes, certificate, key);
});
