//! Who signed a token: the algorithm is the registered one, the key is one that the portal publishes for signatures under
//! the name that the token gives, and nothing that the token brings along is trusted.

use contract::adapter::ReasonClass;
use crypto::jwk::{Jwk, JwkSet};
use crypto::jws::{Alg, Jws};
use crypto::{PublicKey, compare};
use serde::Deserialize;

use super::{Bench, Expect, is_of_kind};
use crate::conduct::{IdTokenCheck, Oddity};
use crate::refusal::{Refusal, refuse};

fn unsigned(code: &'static str, why: impl Into<String>) -> Refusal {
    refuse(ReasonClass::Signature, code, why)
}

pub(super) fn check(jws: &Jws, expect: &Expect<'_>, bench: &mut Bench<'_>) -> Result<(), Refusal> {
    let name = jws.alg().unwrap_or_default();
    if name == "none" {
        return bench.weigh(IdTokenCheck::AlgNone, false, || true, || unsigned("ID-ALG-NONE", "alg none"));
    }
    if name.eq_ignore_ascii_case("none") {
        return bench.weigh(
            IdTokenCheck::AlgNoneCased,
            false,
            || true,
            || unsigned("ID-ALG-NONE", format!("alg {name}")),
        );
    }
    if name.starts_with("HS") {
        bench.weigh(IdTokenCheck::Hmac, false, || true, || unsigned("ID-ALG-HMAC", format!("alg {name}")))?;
        return if is_hmac_by_published_key(jws, expect) {
            Ok(())
        } else {
            Err(unsigned("ID-SIGNATURE", "the code over the token is wrong"))
        };
    }
    let Ok(alg) = name.parse::<Alg>() else {
        return Err(unsigned("ID-ALG", format!("alg {name:?} is not the registered one")));
    };
    bench.weigh(
        IdTokenCheck::AlgRegistered,
        alg == expect.algorithm,
        || true,
        || unsigned("ID-ALG", format!("alg {name}, registered is {}", expect.algorithm)),
    )?;
    if brings_its_own_key(jws, alg, expect, bench) {
        return Ok(());
    }
    by_published_key(jws, alg, expect, bench)
}

/// An honest bank asks nothing of `jwk` and `jku` (RFC 8725 §3.10).
fn brings_its_own_key(jws: &Jws, alg: Alg, expect: &Expect<'_>, bench: &Bench<'_>) -> bool {
    if bench.overlooks(IdTokenCheck::EmbeddedKey)
        && let Some(embedded) = jws.header.get("jwk")
        && let Ok(key) = Jwk::deserialize(embedded)
    {
        return holds(jws, &key, alg);
    }
    if bench.overlooks(IdTokenCheck::Jku) && jws.header.contains_key("jku") {
        // The named set could not be read: a bank that fetches it at all goes on as if it had.
        return expect.named_keys.is_none_or(|set| set.keys.iter().any(|key| holds(jws, key, alg)));
    }
    false
}

fn by_published_key(jws: &Jws, alg: Alg, expect: &Expect<'_>, bench: &mut Bench<'_>) -> Result<(), Refusal> {
    let set = &expect.keys.set;
    if set.has_unknown_kind && !bench.conduct.tolerates(Oddity::UnknownKeyType) {
        return Err(unsigned("ID-KEYS", "the key set has a key of an unknown kind"));
    }
    let known: Vec<&Jwk> = match jws.kid() {
        Some(kid) => set.named(kid).collect(),
        None if !bench.conduct.tolerates(Oddity::KidAbsent) => return Err(unsigned("ID-KID", "no key is named")),
        None => set.keys.iter().filter(|key| is_of_kind(key, alg)).collect(),
    };
    if known.is_empty() {
        let why = || unsigned("ID-KEY", format!("no published key is {:?}", jws.kid()));
        if !expect.keys.reachable {
            return bench.weigh(IdTokenCheck::KeysReachable, false, || true, why);
        }
        if set.keys.is_empty() {
            return bench.weigh(IdTokenCheck::KeysEmpty, false, || true, why);
        }
        let check =
            if bench.overlooks(IdTokenCheck::ForeignKey) { IdTokenCheck::ForeignKey } else { IdTokenCheck::UnknownKid };
        return bench.weigh(check, false, || access_token_holds(expect), why);
    }
    let mut obstacle = None;
    for key in known {
        let unfit = if !is_of_kind(key, alg) {
            Some((None, "the key is of another kind"))
        } else if key.use_.as_deref().is_some_and(|use_| use_ != "sig") {
            Some((Some(IdTokenCheck::KeyUse), "the key is not for signatures"))
        } else if key.alg.as_deref().is_some_and(|declared| declared != alg.as_str()) {
            Some((Some(IdTokenCheck::KeyAlgorithm), "the key is for another algorithm"))
        } else {
            None
        };
        if !holds(jws, key, alg) {
            continue;
        }
        match unfit {
            None => return Ok(()),
            Some(unfit) => obstacle = Some(unfit),
        }
    }
    match obstacle {
        Some((Some(check), why)) => bench.weigh(check, false, || true, || unsigned("ID-KEY", why)),
        Some((None, why)) => Err(unsigned("ID-KEY", why)),
        None => {
            // Three ways of passing over a wrong signature; an honest bank has none of them.
            let ways = [IdTokenCheck::ForeignKey, IdTokenCheck::KeyOfKid, IdTokenCheck::Signature];
            let check = ways.into_iter().find(|way| bench.overlooks(*way)).unwrap_or(IdTokenCheck::Signature);
            bench.weigh(
                check,
                false,
                || access_token_holds(expect),
                || unsigned("ID-SIGNATURE", "the signature is not that of the named key"),
            )
        }
    }
}

fn holds(jws: &Jws, key: &Jwk, alg: Alg) -> bool {
    // `verify` refuses `crit` by itself; whether that is an obstacle was weighed before.
    key.public_key().is_ok_and(|key| key.verify(alg.scheme(), jws.signing_input(), &jws.signature).is_ok())
}

fn access_token_holds(expect: &Expect<'_>) -> bool {
    let set = JwkSet { keys: expect.keys.set.keys.clone() };
    Jws::parse(expect.access_token).is_ok_and(|access| access.verify_with(&set, &Alg::ALL).is_ok())
}

/// The confusion of RFC 8725 §2.1: a published key's text as the secret of a symmetric code.
fn is_hmac_by_published_key(jws: &Jws, expect: &Expect<'_>) -> bool {
    let keys = expect.keys.set.keys.iter();
    keys.filter_map(|jwk| Some((jwk, jwk.public_key().ok()?))).any(|(jwk, key)| {
        forms(jwk, &key).iter().any(|secret| {
            let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
            let code = ring::hmac::sign(&secret, jws.signing_input());
            compare::same(code.as_ref(), &jws.signature)
        })
    })
}

/// The texts that a public key is handed round in.
pub(crate) fn forms(jwk: &Jwk, key: &PublicKey) -> Vec<Vec<u8>> {
    let pem = key.to_pem();
    let mut forms = vec![
        key.spki_der().to_vec(),
        key.subject_public_key().to_vec(),
        pem.trim_end().as_bytes().to_vec(),
        pem.into_bytes(),
    ];
    forms.extend(serde_json::to_vec(jwk).ok());
    forms.extend(jwk.n.as_ref().map(|n| n.as_bytes().to_vec()));
    forms.extend(jwk.n.as_ref().and_then(|n| crypto::base64::decode_url_strict(n).ok()));
    forms
}
