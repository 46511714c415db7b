//! Lies in the signature of an id token and in the header that names its key; and lies about the key set, which begin
//! with a token that makes the bank look at the set again.

use contract::control::TokenAlg;
use crypto::jws::{Signer, build};
use serde_json::{Value, json};

use super::armed::{KeysLie, Lie};
use super::{Draft, Hooks};
use crate::keys::{KeysError, SigningKey, Stranger};

pub(super) const SIGNATURE: &[&str] = &[
    "id-token-alg-none",
    "id-token-alg-none-cased",
    "id-token-crit",
    "id-token-foreign-key",
    "id-token-hs256-public-key",
    "id-token-jku",
    "id-token-jwk-header",
    "id-token-kid-absent",
    "id-token-kid-unknown",
    "id-token-other-algorithm",
    "id-token-signature-broken",
];

pub(super) const KEYS: &[&str] = &[
    "key-alg-differs",
    "key-use-enc",
    "keys-empty",
    "keys-rotated",
    "keys-same-kid-other-key",
    "keys-unknown-type-beside",
    "keys-unreachable",
];

/// Where a key set of the stranger's is served, on the stranger's host.
pub(crate) const FOREIGN_KEYS: &str = "/keys/jwks.json";

/// Signs as an honest portal does.
pub(super) fn sign_with(mut draft: Draft, key: &SigningKey) -> Result<String, KeysError> {
    draft.header.insert("alg".into(), key.alg.as_str().into());
    draft.header.insert("kid".into(), key.kid.clone().into());
    Ok(build(&draft.header.into(), &draft.claims.into(), key.signer())?)
}

impl Hooks<'_> {
    /// Signs as the lie wants it.
    pub(super) async fn forge(&self, lie: &Lie, draft: Draft, alg: TokenAlg) -> Result<String, KeysError> {
        let ring = self.sandbox.keys();
        let honest = ring.current(alg).await?;
        let stranger = || ring.stranger(Stranger::Foreign, alg);
        let mut header = draft.header.clone();
        let claims = Value::Object(draft.claims.clone());
        header.insert("alg".into(), alg.as_str().into());
        header.insert("kid".into(), honest.kid.clone().into());
        let by = |header, key: &SigningKey| build(&Value::Object(header), &claims, key.signer());
        let token = match lie.slug {
            "id-token-alg-none" | "id-token-alg-none-cased" => {
                let name = if lie.slug == "id-token-alg-none" { "none" } else { "nOnE" };
                header.insert("alg".into(), name.into());
                build(&Value::Object(header), &claims, Signer::None)?
            }
            "id-token-crit" => {
                header.insert("crit".into(), json!(["urn:stend:unheard-of"]));
                header.insert("urn:stend:unheard-of".into(), json!(true));
                by(header, &honest)?
            }
            "id-token-foreign-key" => by(header, &stranger().await?)?,
            "id-token-hs256-public-key" => {
                header.insert("alg".into(), "HS256".into());
                let secret = honest.private.public().to_pem();
                build(&Value::Object(header), &claims, Signer::Hmac(secret.as_bytes()))?
            }
            "id-token-jku" => {
                let stranger = stranger().await?;
                header.insert("kid".into(), stranger.kid.clone().into());
                header.insert("jku".into(), format!("{}{FOREIGN_KEYS}", self.sandbox.foreign_origin()).into());
                by(header, &stranger)?
            }
            "id-token-jwk-header" => {
                let stranger = stranger().await?;
                header.insert("kid".into(), stranger.kid.clone().into());
                header.insert("jwk".into(), stranger.jwk());
                by(header, &stranger)?
            }
            "id-token-kid-absent" => {
                header.remove("kid");
                // Without a name a key can be found only where one alone is published (OpenID Connect Core 1.0 §10.1).
                let keys = vec![honest.jwk()];
                self.sandbox.armed().set_keys_lie(Some(KeysLie { lie: lie.clone(), keys }));
                by(header, &honest)?
            }
            "id-token-kid-unknown" => {
                let stranger = stranger().await?;
                header.insert("kid".into(), stranger.kid.clone().into());
                by(header, &stranger)?
            }
            "id-token-other-algorithm" => {
                let other =
                    ring.current(if alg == TokenAlg::ES256 { TokenAlg::RS256 } else { TokenAlg::ES256 }).await?;
                sign_with(draft, &other)?
            }
            // `id-token-signature-broken`: the honest token with one bit of its signature turned.
            _ => break_signature(&by(header, &honest)?),
        };
        Ok(token)
    }

    /// Signs so that the bank must look at the key set, and prepares what the set will show.
    pub(super) async fn forge_keys(&self, lie: &Lie, mut draft: Draft, alg: TokenAlg) -> Result<String, KeysError> {
        let ring = self.sandbox.keys();
        let mut keys = Vec::new();
        let token = match lie.slug {
            "keys-rotated" | "keys-unknown-type-beside" => {
                if lie.told == 0 {
                    self.sandbox.rotate_keys(true).await?;
                }
                keys.push(
                    json!({"kty": "AKP", "alg": "ML-DSA-65", "use": "sig", "kid": "of-a-kind-to-come", "pub": "AAEC"}),
                );
                sign_with(draft, &ring.current(alg).await?)?
            }
            "keys-same-kid-other-key" => {
                // Neither the key that the bank may remember nor the one that the set shows now has signed this.
                let honest = ring.current(alg).await?;
                let mut double = ring.stranger(Stranger::Double, alg).await?.jwk();
                double["kid"] = honest.kid.clone().into();
                keys.push(double);
                draft.header.insert("alg".into(), alg.as_str().into());
                draft.header.insert("kid".into(), honest.kid.into());
                let stranger = ring.stranger(Stranger::Foreign, alg).await?;
                build(&draft.header.into(), &draft.claims.into(), stranger.signer())?
            }
            _ => {
                let flawed = ring.stranger(Stranger::Flawed, alg).await?;
                let mut jwk = flawed.jwk();
                match lie.slug {
                    "key-use-enc" => jwk["use"] = "enc".into(),
                    "key-alg-differs" => jwk["alg"] = another(alg).into(),
                    _ => {}
                }
                keys.push(jwk);
                sign_with(draft, &flawed)?
            }
        };
        self.sandbox.armed().set_keys_lie(Some(KeysLie { lie: lie.clone(), keys }));
        Ok(token)
    }
}

/// An algorithm of the same kind of key that is not the one that signs.
const fn another(alg: TokenAlg) -> &'static str {
    match alg {
        TokenAlg::ES256 => "ES384",
        TokenAlg::GOST3410_2012_256 => "GOST3410_2012_512",
        TokenAlg::RS256 => "RS512",
    }
}

/// What the key set shows while a lie about it stands. `None`: it does not answer at all.
pub(super) fn lied_set(slug: &str, honest: &Value, extra: &[Value]) -> Option<Value> {
    let mut keys = honest["keys"].as_array().cloned().unwrap_or_default();
    match slug {
        "keys-unreachable" => return None,
        "keys-empty" => keys.clear(),
        "id-token-kid-absent" => keys = extra.to_vec(),
        "keys-same-kid-other-key" => {
            for double in extra {
                keys.retain(|key| key["kid"] != double["kid"]);
                keys.insert(0, double.clone());
            }
        }
        "keys-rotated" => {}
        _ => keys.splice(0..0, extra.iter().cloned()).for_each(drop),
    }
    Some(json!({ "keys": keys }))
}

fn break_signature(token: &str) -> String {
    let Some((input, signature)) = token.rsplit_once('.') else { return token.to_owned() };
    let mut bytes = crypto::base64::decode_url_strict(signature).unwrap_or_default();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    format!("{input}.{}", crypto::base64::encode_url(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_takes_the_place_of_the_key_whose_name_it_bears() {
        let honest = json!({"keys": [{"kid": "a", "n": "1"}, {"kid": "b"}]});
        let set = lied_set("keys-same-kid-other-key", &honest, &[json!({"kid": "a", "n": "2"})]).unwrap();
        assert_eq!(set, json!({"keys": [{"kid": "a", "n": "2"}, {"kid": "b"}]}));
    }

    #[test]
    fn a_broken_signature_differs_in_one_bit() {
        let broken = break_signature("a.b.AAAA");
        assert_eq!(crypto::base64::decode_url_strict(broken.rsplit('.').next().unwrap()).unwrap(), [0, 1, 0]);
    }
}
