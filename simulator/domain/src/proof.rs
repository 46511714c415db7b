//! What was proved at the edge, as types. The core knows no cryptography: it takes these as given, and the edge makes
//! them only after it has verified a signature, an assertion or a certificate. Outside the edge and tests nobody calls
//! their constructors.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A client proved who it is. Made by the edge, for the `client_id` whose key verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientProof {
    client_id: String,
    means: Means,
}

/// How a client proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// ESIA v1: CMS over the signed string.
    Cms,
    /// ESIA v2/v3: raw signature and certificate hash.
    Raw,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
    /// Mutual TLS (RFC 8705).
    TlsClientAuth,
    /// A lenient sandbox let a missing `client_secret` pass (ESIA page §13).
    Leniency,
}

impl ClientProof {
    /// States that the edge has verified the client by these means.
    pub fn verified(client_id: impl Into<String>, means: Means) -> Self {
        Self { client_id: client_id.into(), means }
    }

    /// The client it belongs to.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// How it was proved.
    pub const fn means(&self) -> Means {
        self.means
    }
}

/// A certificate shown in the TLS handshake, whose key the peer has proved to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateProof {
    thumbprint: String,
}

impl CertificateProof {
    /// `thumbprint` is `x5t#S256` (RFC 8705 §3.1): base64url of the SHA-256 of the DER certificate.
    pub fn shown(thumbprint: impl Into<String>) -> Self {
        Self { thumbprint: thumbprint.into() }
    }

    /// `x5t#S256`.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

/// A detached signature over a document verified under a registered certificate of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureProof {
    certificate: String,
}

impl SignatureProof {
    /// `certificate` is the SHA-256 (hex) of the DER certificate whose key signed.
    pub fn verified(certificate: impl Into<String>) -> Self {
        Self { certificate: certificate.into() }
    }

    /// SHA-256 (hex) of the certificate.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

/// What became of a signature at the edge: a proof, or the cause for which it is none. The core refuses in its own order.
pub type Signed = Result<SignatureProof, String>;

/// A PKCE verifier (RFC 7636) with its digest, which the edge computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// As it was sent.
    pub plain: String,
    /// base64url(SHA-256(plain))
    pub s256: String,
}

/// Text that is never printed, kept or journalled.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Equality without telling by time where the difference is.
    pub fn matches(&self, other: &str) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), other.as_bytes());
        let mut difference = ours.len() ^ theirs.len();
        for (place, byte) in ours.iter().enumerate() {
            difference |= usize::from(byte ^ theirs.get(place).copied().unwrap_or_default());
        }
        difference == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_compared_and_not_printed() {
        let secret = Secret::new("123456");
        assert!(secret.matches("123456"));
        assert!(!secret.matches("123457") && !secret.matches("12345") && !secret.matches("1234567"));
        assert!(!format!("{secret:?}").contains('1'));
    }
}
