//! Fuzz target: http signature, as a stranger may send it.

#![no_main]

use crypto::http_signature::{Expect, Message, verify};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pair: (&[u8], &[u8])| {
    let (Ok(input), Ok(signature)) = (HeaderValue::from_bytes(pair.0), HeaderValue::from_bytes(pair.1)) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("signature-input"), input);
    headers.insert(HeaderName::from_static("signature"), signature);
    let message = Message { method: "POST", target_uri: "https://bank.example/hooks", headers: &headers, status: None };
    let _ = verify(&message, b"{}", &Expect::at(0), |_, _| None);
});
