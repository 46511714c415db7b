//! Who is calling, as the edge saw it, and what the handlers learnt about the exchange meanwhile.
//! The edge puts a [`Caller`] into the request's extensions; handlers take it as an extractor and tag it;
//! the recorder reads the tags when the exchange ends.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use contract::shape::Version;
use http::StatusCode;
use http::request::Parts;

/// One request's caller. Clones share their tags.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The exchange's id, unique within the sandbox.
    pub exchange: u64,
    /// The certificate that the client showed and proved to own; whether it is trusted is the endpoint's question.
    pub peer: Option<Arc<PeerCertificate>>,
    pub remote_ip: IpAddr,
    /// Host and port that the client called, as it wrote them: `localhost:8443`.
    pub host: String,
    /// The version of the data services that was called; handlers know only one.
    pub version: Version,
    tags: Arc<Mutex<Tags>>,
}

/// A client certificate whose private key the client has proved to hold in the handshake. Nothing else was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    pub der: Vec<u8>,
    /// The certificates that the client sent along, leaf excluded.
    pub chain: Vec<Vec<u8>>,
    /// SHA-256 of `der`, lower-case hex.
    pub sha256: String,
}

/// What the exchange turned out to be about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    pub partner: Option<String>,
    pub citizen: Option<i64>,
    pub flow: Option<String>,
    pub faults: Vec<String>,
}

impl Caller {
    pub fn new(exchange: u64, peer: Option<Arc<PeerCertificate>>, remote_ip: IpAddr, host: String) -> Self {
        Self { exchange, peer, remote_ip, host, version: Version::V1, tags: Arc::default() }
    }

    /// For what the portal does by itself: no exchange, no peer.
    pub fn nobody() -> Self {
        Self::new(0, None, IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), String::new())
    }

    /// For an exchange that the portal begins.
    pub(crate) fn outward(exchange: u64) -> Self {
        Self { exchange, ..Self::nobody() }
    }

    /// Another exchange about the same things.
    pub(crate) fn again(&self, exchange: u64) -> Self {
        Self { exchange, tags: Arc::new(Mutex::new(self.tags())), ..self.clone() }
    }

    /// The same caller, whose tags nobody reads: for what happens beside the matter of the exchange.
    pub(crate) fn unnoticed(&self) -> Self {
        Self { tags: Arc::default(), ..self.clone() }
    }

    /// The exchange's id for the journal; none when the portal acts by itself.
    pub fn exchange_id(&self) -> Option<u64> {
        (self.exchange != 0).then_some(self.exchange)
    }

    /// `https://` and the host that the client called: absolute addresses in answers begin with it.
    pub fn origin(&self) -> String {
        format!("https://{}", self.host)
    }

    pub fn tag_partner(&self, client_id: &str) {
        self.tag(|tags| tags.partner = Some(client_id.to_owned()));
    }

    pub fn tag_citizen(&self, oid: i64) {
        self.tag(|tags| tags.citizen = Some(oid));
    }

    pub fn tag_flow(&self, flow: &str) {
        self.tag(|tags| tags.flow = Some(flow.to_owned()));
    }

    /// Notes that a lie was told in this exchange. Called by the fault hooks.
    pub fn tag_fault(&self, slug: &str) {
        self.tag(|tags| {
            if !tags.faults.iter().any(|known| known == slug) {
                tags.faults.push(slug.to_owned());
            }
        });
    }

    /// What is known by now.
    pub fn tags(&self) -> Tags {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tag(&self, change: impl FnOnce(&mut Tags)) {
        change(&mut self.tags.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or((StatusCode::INTERNAL_SERVER_ERROR, "the edge did not announce the caller"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_what_was_learnt() {
        let caller = Caller::new(1, None, IpAddr::from([127, 0, 0, 1]), "localhost:1".into());
        caller.clone().tag_citizen(7);
        caller.tag_fault("hook-lost");
        caller.tag_fault("hook-lost");
        assert_eq!(caller.tags().citizen, Some(7));
        assert_eq!(caller.tags().faults, ["hook-lost"]);
    }
}
