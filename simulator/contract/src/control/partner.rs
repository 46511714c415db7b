//! A partner as the configuration and the control API describe one, and what it may choose: how its tokens are signed,
//! how events to it are, which keys it may sign with.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Names;

/// A partner as the configuration and the control API describe one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartnerConfig {
    /// Mnemonic of the information system.
    pub client_id: String,
    /// Name of the organisation.
    #[serde(default)]
    pub name: Names,
    /// Files (PEM or DER, relative to the configuration), or PEM text.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// Where the browser may be sent back.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// How strictly redirect addresses are compared.
    #[serde(default)]
    pub redirect_match: RedirectMatch,
    /// Scopes it may ask for; absent means all that are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Purposes it may name; absent means all that are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purposes: Option<Vec<String>>,
    /// Algorithm of the tokens it gets.
    #[serde(default)]
    pub token_alg: TokenAlg,
    /// Where events go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Events are authenticated by a shared secret; absent means that the portal's key signs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_hmac: Option<WebhookHmac>,
    /// Whether answers of the data services are encrypted to its certificate.
    #[serde(default)]
    pub encryption: Encryption,
    /// `sub` of the ESIA id token as text instead of a number.
    #[serde(default)]
    pub sub_as_text: bool,
    /// `expires_in` as text instead of a number.
    #[serde(default)]
    pub expires_in_as_text: bool,
}

/// When answers of the data services are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Where the request asks for it: `Stend-Encryption: cms`.
    #[default]
    Optional,
    /// Always.
    Required,
}

/// How redirect addresses are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RedirectMatch {
    /// Byte by byte.
    #[default]
    Exact,
    /// Scheme and host only, as the real portal does.
    Domain,
}

/// Algorithms of tokens, by their JOSE names. ESIA lets each system choose, whatever key the system itself signs with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TokenAlg {
    /// RSA PKCS#1 v1.5 with SHA-256.
    #[default]
    RS256,
    /// ECDSA P-256 with SHA-256.
    ES256,
    /// GOST R 34.10-2012 of 256 bits over Streebog-256: s ‖ r, as in all of ESIA.
    GOST3410_2012_256,
}

impl TokenAlg {
    /// Every one, the default first.
    pub const ALL: [Self; 3] = [Self::RS256, Self::ES256, Self::GOST3410_2012_256];

    /// The JOSE name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::GOST3410_2012_256 => "GOST3410_2012_256",
        }
    }
}

/// How events to a partner are authenticated by a secret that both sides hold (RFC 9421 §3.3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookHmac {
    /// The algorithm, named in the signature's `alg`.
    pub alg: HmacAlg,
    /// The secret itself: the UTF-8 bytes of this text are the key. Only for the control API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// A file with the secret, relative to the configuration: its bytes but for a line end at their end. Only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<String>,
}

/// HMAC algorithms of events. Only the first is registered for RFC 9421; the others are named alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HmacAlg {
    /// SHA-256.
    #[serde(rename = "hmac-sha256")]
    Sha256,
    /// SHA-512.
    #[serde(rename = "hmac-sha512")]
    Sha512,
    /// HMAC_GOSTR3411_2012_256 (RFC 7836 §4.1.1).
    #[serde(rename = "hmac-gostr3411-2012-256")]
    Streebog256,
    /// HMAC_GOSTR3411_2012_512 (RFC 7836 §4.1.2).
    #[serde(rename = "hmac-gostr3411-2012-512")]
    Streebog512,
}

impl HmacAlg {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Sha256, Self::Sha512, Self::Streebog256, Self::Streebog512];

    /// The name in a signature.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "hmac-sha256",
            Self::Sha512 => "hmac-sha512",
            Self::Streebog256 => "hmac-gostr3411-2012-256",
            Self::Streebog512 => "hmac-gostr3411-2012-512",
        }
    }
}

/// A text that is nobody else's business: it goes over the wire and into files of mode 0600, and is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key that the text is.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// Kinds of keys that partners sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// ECDSA.
    Ecdsa,
    /// GOST R 34.10-2012 of either size, on any parameter set.
    Gost,
    /// RSA.
    Rsa,
}

impl KeyType {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Ecdsa, Self::Gost, Self::Rsa];

    /// Its name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ecdsa => "ecdsa",
            Self::Gost => "gost",
            Self::Rsa => "rsa",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire() {
        let written = |value: serde_json::Value| value.as_str().map(str::to_owned);
        for alg in TokenAlg::ALL {
            assert_eq!(written(serde_json::to_value(alg).unwrap()).as_deref(), Some(alg.as_str()));
        }
        for alg in HmacAlg::ALL {
            assert_eq!(written(serde_json::to_value(alg).unwrap()).as_deref(), Some(alg.as_str()));
        }
        for kind in KeyType::ALL {
            assert_eq!(written(serde_json::to_value(kind).unwrap()).as_deref(), Some(kind.as_str()));
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let text = r#"{"client_id":"B","webhook_hmac":{"alg":"hmac-sha256","secret":"hush-hush"}}"#;
        let partner: PartnerConfig = serde_json::from_str(text).unwrap();
        assert!(!format!("{partner:?}").contains("hush"));
        assert_eq!(partner.webhook_hmac.unwrap().secret.unwrap().bytes(), b"hush-hush");
    }
}
