//! Known answers of RFC 7515 appendix A, and: one flipped bit anywhere is refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crypto::jwk::{Jwk, JwkSet};
use crypto::jws::{Alg, Jws};
use proptest::prelude::*;

fn example(name: &str) -> (Jwk, String) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");
    let jwk = std::fs::read(format!("{folder}/rfc7515-{name}.json")).unwrap();
    let token = std::fs::read_to_string(format!("{folder}/rfc7515-{name}.jws")).unwrap();
    (serde_json::from_slice(&jwk).unwrap(), token)
}

#[test]
fn examples_of_rfc_7515_hold() {
    for (name, alg) in [("a2", Alg::Rs256), ("a3", Alg::Es256)] {
        let (jwk, token) = example(name);
        let read = Jws::parse(&token).unwrap();
        assert_eq!(read.verify(&jwk.public_key().unwrap(), &Alg::ALL), Ok(alg));
        assert_eq!(read.claims().unwrap()["iss"], "joe");
        let set = JwkSet { keys: vec![jwk] };
        assert!(read.verify_with(&set, &[alg]).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_flipped_bit_of_a_token_is_refused(rsa: bool, at: usize, bit in 0..7u8) {
        let (jwk, token) = example(if rsa { "a2" } else { "a3" });
        let key = jwk.public_key().unwrap();
        let mut bytes = token.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let changed = String::from_utf8(bytes).unwrap();
        let accepted = Jws::parse(&changed).is_ok_and(|read| read.verify(&key, &Alg::ALL).is_ok());
        prop_assert!(!accepted, "bit {bit} of character {at}");
    }

    #[test]
    fn parsing_never_panics(text in ".{0,200}") {
        let _ = Jws::parse(&text);
        let _ = crypto::base64::tolerant(&text);
        let _ = crypto::pem::blocks(&text);
        let _ = JwkSet::parse(text.as_bytes());
    }
}
