//! Lies in header and claims of a JWT, before it is signed well.

use serde_json::{Value, json};

use super::{Draft, Kind, Scene};

/// Changes the draft; false when there is nothing to lie about.
type Change = fn(&mut Draft, &Scene<'_>) -> bool;

const HOUR: i64 = 3_600;

pub(super) const ID_TOKEN: &[(&str, Change)] = &[
    ("id-token-acr-lower", |draft, _| {
        // OpenID Connect: acr and amr; ESIA: the object acr names the second factor, amr and urn:esia:amd the first.
        if let Some(acr) = draft.claims.get_mut("acr") {
            *acr = if acr.is_object() { json!({}) } else { json!("urn:esia:acr:pwd") };
        }
        for name in ["amr", "urn:esia:amd"] {
            if let Some(amr) = draft.claims.get_mut(name) {
                *amr = if amr.is_array() { json!(["pwd"]) } else { json!("PWD") };
            }
        }
        draft.claims.get("acr").is_some_and(|acr| acr == &json!({})).then(|| draft.claims.remove("acr"));
        true
    }),
    ("id-token-at-hash-absent", |draft, _| draft.claims.remove("at_hash").is_some()),
    ("id-token-at-hash-wrong", |draft, scene| {
        let wrong = crypto::base64::encode_url(&scene.draw().bytes::<16>());
        draft.claims.contains_key("at_hash").then(|| draft.claims.insert("at_hash".into(), wrong.into())).is_some()
    }),
    ("id-token-aud-absent", |draft, _| draft.claims.remove("aud").is_some()),
    ("id-token-aud-array", |draft, _| match draft.claims.get_mut("aud") {
        Some(audience) if audience.is_string() => {
            *audience = json!([audience.take()]);
            true
        }
        _ => false,
    }),
    ("id-token-aud-extra", |draft, _| match draft.claims.get_mut("aud") {
        Some(audience) => {
            let mut all = match audience.take() {
                Value::Array(all) => all,
                one => vec![one],
            };
            all.push(json!("SOMEBODY-ELSE"));
            *audience = Value::Array(all);
            true
        }
        None => false,
    }),
    ("id-token-aud-other", |draft, _| set(draft, "aud", json!("SOMEBODY-ELSE"))),
    ("id-token-azp-other", |draft, _| set(draft, "azp", json!("SOMEBODY-ELSE"))),
    ("id-token-exp-absent", |draft, _| draft.claims.remove("exp").is_some()),
    ("id-token-exp-past", |draft, scene| {
        // The whole life lies in the past, so that only the expiry is wrong.
        let now = scene.now();
        set(draft, "exp", json!(now - 2 * HOUR))
            && set(draft, "iat", json!(now - 3 * HOUR))
            && set(draft, "nbf", json!(now - 3 * HOUR))
    }),
    ("id-token-exp-string", |draft, _| match draft.claims.get("exp").cloned() {
        Some(exp) => set(draft, "exp", json!(exp.to_string())),
        None => false,
    }),
    ("id-token-iat-absent", |draft, _| draft.claims.remove("iat").is_some()),
    ("id-token-iat-ahead", |draft, scene| {
        let now = scene.now();
        set(draft, "iat", json!(now + 24 * HOUR)) && set(draft, "exp", json!(now + 25 * HOUR))
    }),
    ("id-token-iat-old", |draft, scene| set(draft, "iat", json!(scene.now() - 30 * 24 * HOUR))),
    ("id-token-iss-absent", |draft, _| draft.claims.remove("iss").is_some()),
    ("id-token-iss-slash", |draft, _| match draft.claims.get("iss").and_then(Value::as_str).map(str::to_owned) {
        Some(issuer) => {
            let other = issuer.strip_suffix('/').map_or_else(|| format!("{issuer}/"), str::to_owned);
            set(draft, "iss", other.into())
        }
        None => false,
    }),
    ("id-token-iss-wrong", |draft, scene| set(draft, "iss", scene.foreign().into())),
    ("id-token-nbf-ahead", |draft, scene| set(draft, "nbf", json!(scene.now() + 24 * HOUR))),
    ("id-token-nonce-absent", |draft, _| draft.claims.remove("nonce").is_some()),
    ("id-token-nonce-wrong", |draft, scene| {
        let wrong = scene.draw().uuid();
        draft.claims.contains_key("nonce") && set(draft, "nonce", wrong.into())
    }),
    ("id-token-sub-absent", |draft, _| {
        let gone = ["sub", "urn:esia:sbj", "urn:esia:sbj_id"].map(|name| draft.claims.remove(name).is_some());
        gone.contains(&true)
    }),
];

/// A code of more than four thousand characters, and tokens of many kilobytes.
pub(super) const PADDING: &[(&str, &[Kind], usize)] =
    &[("code-long", &[Kind::Code], 4_096), ("token-large", &[Kind::Access, Kind::Id], 12_288)];

pub(super) fn pad(draft: &mut Draft, size: usize) {
    draft.claims.insert("urn:stend:padding".into(), "0123456789abcdef".repeat(size.div_ceil(16)).into());
}

fn set(draft: &mut Draft, name: &str, value: Value) -> bool {
    draft.claims.insert(name.to_owned(), value);
    true
}
