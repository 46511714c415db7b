//! One flipped bit anywhere in the two header values of a signed message, in its address or in its body is refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crypto::http_signature::{self, Expect, Message, Signer, Signing, Verifier, content_digest};
use crypto::{Algorithm, PrivateKey};
use http::{HeaderMap, HeaderValue};

const URI: &str = "https://localhost:9443/hooks/portal";
const BODY: &[u8] = br#"{"id":"17","type":"consent.changed"}"#;

fn accepted(key: &PrivateKey, uri: &str, body: &[u8], input: &[u8], signature: &[u8]) -> bool {
    let (Ok(input), Ok(signature)) = (HeaderValue::from_bytes(input), HeaderValue::from_bytes(signature)) else {
        return false;
    };
    let mut headers = HeaderMap::new();
    headers.insert("content-digest", HeaderValue::try_from(content_digest(BODY)).unwrap());
    headers.insert("signature-input", input);
    headers.insert("signature", signature);
    let message = Message { method: "POST", target_uri: uri, headers: &headers, status: None };
    let find = |id: &str, _: Option<&str>| (id == "k1").then(|| Verifier::of(key.public().clone()));
    http_signature::verify(&message, body, &Expect::at(1_000_010), find).is_ok()
}

#[test]
fn one_flipped_bit_is_refused() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-digest", HeaderValue::try_from(content_digest(BODY)).unwrap());
    let message = Message { method: "POST", target_uri: URI, headers: &headers, status: None };
    let what = Signing { created: Some(1_000_000), keyid: Some("k1".into()), ..Signing::default() };
    let made = http_signature::sign(&message, &what, Signer::Key(&key)).unwrap();
    let parts = [made.signature_input.as_bytes(), made.signature.as_bytes(), URI.as_bytes(), BODY];
    assert!(accepted(&key, URI, BODY, parts[0], parts[1]));
    for which in 0..parts.len() {
        for at in 0..parts[which].len() * 8 {
            let mut changed = parts.map(<[u8]>::to_vec);
            changed[which][at / 8] ^= 1 << (at % 8);
            let Ok(uri) = std::str::from_utf8(&changed[2]) else { continue };
            assert!(!accepted(&key, uri, &changed[3], &changed[0], &changed[1]), "part {which}, bit {at}");
        }
    }
}
