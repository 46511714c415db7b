//! Tokens: what each is good for, and for how long. An access token is limited by life and scope; a data token serves
//! one access request and nothing else (CNS-3). JWTs carry the token's id as `jti`; refresh tokens are known by digest.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::citizen::Citizen;
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Fact;

/// A token as it was issued. An id token is listed in the journal and not kept: nobody asks for it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: TokenKind,
    /// The client it belongs to.
    pub client_id: String,
    /// Whose data it opens, by OID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizen: Option<i64>,
    /// Bare names, without `?oid=`.
    pub scopes: Vec<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// The consent it leans on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// The authorisation it came from; refresh tokens of one flow are one family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// The portal session behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// `x5t#S256` of the certificate it is bound to (RFC 8705).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// SHA-256 (hex) of a refresh token's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// A person's data, by life and scope.
    Access,
    /// Who signed in.
    Id,
    /// Fresh tokens.
    Refresh,
    /// One access request (CNS-3).
    Data,
    /// The client itself.
    Partner,
}

/// How a token was used that it was not good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Misuse {
    /// Without the certificate it is bound to.
    Binding,
    /// After the end of its consent.
    ConsentOver,
    /// After its time.
    Expired,
    /// For somebody else.
    OtherCitizen,
    /// For another request than its own.
    OtherRequest,
    /// After its final answer.
    SecondUse,
}

/// How a client names a token that it wants revoked or examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRef {
    /// `jti` of a JWT whose signature the edge has verified.
    Id(String),
    /// SHA-256 (hex) of a refresh token.
    Digest(String),
}

/// The token answer, unsigned: what the edge makes JWTs of.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Access, data or partner token.
    pub access: Token,
    /// The id of the id token (`jti`), where `openid` was granted.
    pub id_token: Option<String>,
    /// The refresh token whose digest the edge gave is now good, until then.
    pub refresh: Option<Token>,
    /// Whose data it opens, by OID.
    pub citizen: Option<Arc<Citizen>>,
    /// Organisation scopes granted beside the person's (`scope_org`).
    pub scopes_org: Vec<String>,
    /// Echoed in the id token.
    pub nonce: Option<String>,
    /// When the person proved who they are.
    pub auth_time: Option<Timestamp>,
    /// A one-time code was given.
    pub second_factor: bool,
    /// The portal session: `urn:esia:sid`.
    pub session: Option<String>,
    /// The consent record behind the token, named in the answer.
    pub consent: Option<String>,
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tokens {
    by_id: BTreeMap<String, Held>,
    by_digest: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Held {
    token: Arc<Token>,
    revoked: bool,
    /// A refresh token that was exchanged for its successor.
    rotated: bool,
    /// The one request of a data token.
    request: Option<String>,
    spent: bool,
}

impl Tokens {
    /// The one of this id.
    pub fn find(&self, id: &str) -> Option<&Arc<Token>> {
        self.by_id.get(id).map(|held| &held.token)
    }

    /// The refresh token of this digest.
    pub fn by_digest(&self, digest: &str) -> Option<&Arc<Token>> {
        self.by_digest.get(digest).and_then(|id| self.find(id))
    }

    /// The token that a client names.
    pub fn resolve(&self, token: &TokenRef) -> Option<&Arc<Token>> {
        match token {
            TokenRef::Id(id) => self.find(id),
            TokenRef::Digest(digest) => self.by_digest(digest),
        }
    }

    /// Whether the token would be taken now, its request and person aside (introspection).
    pub fn is_active(&self, id: &str, now: Timestamp) -> bool {
        self.by_id
            .get(id)
            .is_some_and(|held| !held.revoked && !held.rotated && !held.spent && now < held.token.expires_at)
    }

    pub(crate) fn is_revoked(&self, id: &str) -> bool {
        self.by_id.get(id).is_none_or(|held| held.revoked)
    }

    pub(crate) fn is_rotated(&self, id: &str) -> bool {
        self.by_id.get(id).is_some_and(|held| held.rotated)
    }

    pub(crate) fn is_spent(&self, id: &str) -> bool {
        self.by_id.get(id).is_some_and(|held| held.spent)
    }

    pub(crate) fn request_of(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).and_then(|held| held.request.as_deref())
    }

    /// Live tokens of one authorisation, the refresh family included.
    pub(crate) fn of_flow(&self, flow: &str) -> impl Iterator<Item = &Arc<Token>> {
        self.by_id
            .values()
            .filter(move |held| !held.revoked && held.token.flow.as_deref() == Some(flow))
            .map(|held| &held.token)
    }

    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::TokensIssued { tokens, rotated, .. } => {
                if let Some(held) = rotated.as_ref().and_then(|id| self.by_id.get_mut(id)) {
                    held.rotated = true;
                }
                for token in tokens.iter().filter(|token| token.kind != TokenKind::Id) {
                    if let Some(digest) = &token.digest {
                        self.by_digest.insert(digest.clone(), token.id.clone());
                    }
                    let held = Held {
                        token: Arc::new(token.clone()),
                        revoked: false,
                        rotated: false,
                        request: None,
                        spent: false,
                    };
                    self.by_id.insert(token.id.clone(), held);
                }
            }
            Fact::TokenRevoked { id, .. } => {
                if let Some(held) = self.by_id.get_mut(id) {
                    held.revoked = true;
                }
            }
            Fact::TokenBound { id, request } => {
                if let Some(held) = self.by_id.get_mut(id) {
                    held.request = Some(request.clone());
                }
            }
            Fact::TokenSpent { id } => {
                if let Some(held) = self.by_id.get_mut(id) {
                    held.spent = true;
                }
            }
            _ => {}
        }
    }
}
