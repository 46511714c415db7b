//! The portal's published keys. The set is read anew for each sign-in and kept for when it cannot be read; a key that is
//! not in it is looked for once more, and then not (OpenID Connect Core §10.1.1).

use std::sync::{Arc, Mutex, PoisonError};

use crypto::jwk::{Jwk, JwkSet};
use serde_json::Value;

use crate::bank::Bank;
use crate::conduct::Oddity;
use crate::http::Request;

#[derive(Default)]
pub(crate) struct KeyCache(Mutex<Option<Arc<KeySet>>>);

#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet {
    pub(crate) keys: Vec<Jwk>,
    /// The set has a key of a kind that the bank does not know.
    pub(crate) has_unknown_kind: bool,
}

/// A key set, and whether it was read just now.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) set: Arc<KeySet>,
    pub(crate) reachable: bool,
}

impl KeySet {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let all: Value = serde_json::from_slice(bytes).ok()?;
        let has_unknown_kind =
            all.get("keys")?.as_array()?.iter().any(|key| !matches!(key["kty"].as_str(), Some("EC" | "GOST" | "RSA")));
        Some(Self { keys: JwkSet::parse(bytes).ok()?.keys, has_unknown_kind })
    }

    pub(crate) fn named<'a>(&'a self, kid: &'a str) -> impl Iterator<Item = &'a Jwk> {
        self.keys.iter().filter(move |key| key.kid.as_deref() == Some(kid))
    }
}

impl KeyCache {
    /// Reads the set; falls back to the last one when it cannot be read.
    pub(crate) async fn read(&self, bank: &Bank, address: url::Url) -> Read {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let (Some(set), false) = (&kept, bank.conduct.tolerates(Oddity::KeysRotated)) {
            return Read { set: set.clone(), reachable: true };
        }
        let answer = bank.http.send(Request::get(address)).await.ok();
        let fresh = answer.filter(|answer| answer.status == 200 && answer.whole);
        match fresh.and_then(|answer| KeySet::parse(&answer.body)) {
            Some(set) => {
                let set = Arc::new(set);
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(set.clone());
                Read { set, reachable: true }
            }
            None => Read { set: kept.unwrap_or_default(), reachable: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_unknown_kinds_stand_beside_good_ones() {
        let set = KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"X"},{"kty":"RSA","n":"AQ","e":"AQAB","kid":"1"}]}"#);
        let set = set.unwrap();
        assert!(set.has_unknown_kind);
        assert_eq!(set.named("1").count(), 1);
        assert!(KeySet::parse(b"<html>").is_none());
    }
}
