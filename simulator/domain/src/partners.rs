//! Partners: banks as organisations and their OAuth clients. Registered by configuration and control.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::control::{Encryption, HmacAlg, Names, RedirectMatch, TokenAlg};
use serde::{Deserialize, Serialize};

use crate::event::Fact;

/// A partner as registered. Keys are public: certificates only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Mnemonic of the system.
    pub client_id: String,
    /// As citizens read it.
    pub name: Names,
    /// Registered certificates; several may be in use.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
    /// Where the browser may be sent back.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// How these are compared.
    #[serde(default)]
    pub redirect_match: RedirectMatch,
    /// Scopes the partner may ask for, as bare names.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// All purposes.
    #[serde(default)]
    pub purposes: Vec<String>,
    /// Algorithm of its tokens.
    #[serde(default)]
    pub token_alg: TokenAlg,
    /// Where events go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Events are authenticated by a shared secret and this algorithm; the secret is the edge's to keep. Absent: the
    /// portal's key signs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_hmac: Option<HmacAlg>,
    /// Answers of the data services are encrypted always, or where it is asked.
    #[serde(default)]
    pub encryption: Encryption,
    /// ESIA id tokens carry `sub` as text instead of a number.
    #[serde(default)]
    pub sub_as_text: bool,
    /// `expires_in` as text instead of a number.
    #[serde(default)]
    pub expires_in_as_text: bool,
}

/// A registered certificate. The edge computes the digest; the core compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Base64 (standard alphabet) of the DER form.
    pub der: String,
    /// SHA-256 of the DER form, lower-case hex.
    pub sha256: String,
    /// The PEM form.
    pub pem: String,
}

impl Partner {
    /// Whether a browser may be sent to `uri` on behalf of this partner.
    pub fn allows_redirect(&self, uri: &str) -> bool {
        match self.redirect_match {
            RedirectMatch::Exact => self.redirect_uris.iter().any(|known| known == uri),
            RedirectMatch::Domain => {
                // An address without a host has no domain to compare.
                let Some(wanted) = host(uri) else { return false };
                self.redirect_uris.iter().any(|known| host(known) == Some(wanted))
            }
        }
    }

    /// The certificate with this digest (hex, either case).
    pub fn certificate(&self, sha256: &str) -> Option<&Certificate> {
        self.certificates.iter().find(|certificate| certificate.sha256.eq_ignore_ascii_case(sha256))
    }
}

/// Host of an absolute http(s) address without user, port, path.
fn host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let after_user = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let name = after_user.split_once(':').map_or(after_user, |(host, _)| host);
    (!name.is_empty()).then_some(name)
}

/// The room: partners by client id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partners {
    by_id: BTreeMap<String, Arc<Partner>>,
}

impl Partners {
    /// The partner of this client id.
    pub fn find(&self, client_id: &str) -> Option<&Arc<Partner>> {
        self.by_id.get(client_id)
    }

    /// Every one, in order of ids.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Partner>> {
        self.by_id.values()
    }

    /// The partner that registered the certificate with this SHA-256 (hex), and so may use it for mutual TLS.
    pub fn by_certificate(&self, sha256: &str) -> Option<&Arc<Partner>> {
        self.by_id.values().find(|partner| partner.certificate(sha256).is_some())
    }

    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::PartnerRegistered { partner } => {
                self.by_id.insert(partner.client_id.clone(), Arc::new((**partner).clone()));
            }
            Fact::PartnerCertificateAdded { client_id, certificate } => {
                if let Some(partner) = self.by_id.get_mut(client_id) {
                    let partner = Arc::make_mut(partner);
                    if partner.certificate(&certificate.sha256).is_none() {
                        partner.certificates.push(certificate.clone());
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partner(redirect_match: RedirectMatch) -> Partner {
        Partner {
            client_id: "BANK01".into(),
            name: Names::default(),
            certificates: vec![],
            redirect_uris: vec!["https://bank.example/callback".into()],
            redirect_match,
            scopes: vec![],
            purposes: vec![],
            token_alg: TokenAlg::RS256,
            webhook: None,
            webhook_hmac: None,
            encryption: Encryption::Optional,
            sub_as_text: false,
            expires_in_as_text: false,
        }
    }

    #[test]
    fn an_exact_redirect_is_byte_equal() {
        let partner = partner(RedirectMatch::Exact);
        assert!(partner.allows_redirect("https://bank.example/callback"));
        assert!(!partner.allows_redirect("https://bank.example/callback/"));
        assert!(!partner.allows_redirect("https://bank.example/callback?x=1"));
    }

    #[test]
    fn a_domain_redirect_compares_the_host_and_nothing_dressed_as_it() {
        let partner = partner(RedirectMatch::Domain);
        assert!(partner.allows_redirect("https://bank.example:8443/other?x=1"));
        assert!(!partner.allows_redirect("https://bank.example@evil.example/callback"));
        assert!(!partner.allows_redirect("https://evil.example\\@bank.example/"));
        assert!(!partner.allows_redirect("javascript:alert(1)"));
    }
}
