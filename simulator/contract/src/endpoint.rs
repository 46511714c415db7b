//! Every end point of the portal, so that it can be measured which of them scenarios reach. The data services come from
//! their published document, the rest stands here; a test of the portal holds both against what is served.

use std::fmt;
use std::sync::LazyLock;

use serde_json::Value;

/// Method and path, `{…}` standing for one part; a SOAP operation where there is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// `GET`, or `SOAP`.
    pub method: String,
    /// `/rs/prns/{oid}`.
    pub path: String,
    /// `SendRequest`.
    pub operation: Option<String>,
}

/// Identity, pages, keys, lists of revoked certificates, documents.
const FIXED: &[&str] = &[
    "GET /.well-known/jwks.json",
    "GET /.well-known/oauth-authorization-server",
    "GET /.well-known/openid-configuration",
    "GET /aas/oauth2/ac",
    "GET /aas/oauth2/v2/ac",
    "GET /asyncapi.json",
    "GET /consent",
    "GET /docs",
    "GET /health",
    "GET /idp/ext/Logout",
    "GET /lk",
    "GET /lk/consents",
    "GET /lk/login",
    "GET /login",
    "GET /login/code",
    "GET /metrics",
    "GET /oidc/authorize",
    "GET /oidc/end-session",
    "GET /oidc/userinfo",
    "GET /openapi.json",
    "GET /pki/ca-gost.pem",
    "GET /pki/ca.pem",
    "GET /pki/crl-gost.pem",
    "GET /pki/crl.pem",
    "GET /public/esia.zip",
    "GET /rs/orgs/{oid}",
    "GET /rs/prns/{oid}",
    "GET /rs/prns/{oid}/{part}",
    "GET /smev/{version}",
    "GET /ws",
    "POST /aas/oauth2/te",
    "POST /aas/oauth2/v2/te",
    "POST /aas/oauth2/v3/te",
    "POST /consent",
    "POST /lk/consents/{id}/revoke",
    "POST /lk/logout",
    "POST /login",
    "POST /login/code",
    "POST /oidc/authorize",
    "POST /oidc/end-session",
    "POST /oidc/introspect",
    "POST /oidc/par",
    "POST /oidc/revoke",
    "POST /oidc/token",
    "POST /oidc/userinfo",
];

/// Operations of the message exchange, with the versions that have them (SMEV 3 contracts 1.1 to 1.3).
const OPERATIONS: &[(&str, &[&str])] = &[
    ("Ack", &["1.1", "1.2", "1.3"]),
    ("GetIncomingQueueStatistics", &["1.1"]),
    ("GetRequest", &["1.1", "1.2", "1.3"]),
    ("GetResponse", &["1.1", "1.2", "1.3"]),
    ("GetStatus", &["1.1", "1.2", "1.3"]),
    ("SendRequest", &["1.1", "1.2", "1.3"]),
    ("SendResponse", &["1.1", "1.2", "1.3"]),
];

static ALL: LazyLock<Vec<Endpoint>> = LazyLock::new(|| {
    let mut all: Vec<Endpoint> = FIXED.iter().filter_map(|line| Endpoint::read(line)).collect();
    // The document is part of the program and compared with what is served by a test of the portal.
    let document: Value = serde_json::from_str(crate::api::OPENAPI).unwrap_or_default();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for method in methods.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()) {
            if ["DELETE", "GET", "PATCH", "POST", "PUT"].contains(&method.as_str()) {
                all.push(Endpoint { method, path: path.clone(), operation: None });
            }
        }
    }
    for (operation, versions) in OPERATIONS {
        all.extend(versions.iter().map(|version| Endpoint {
            method: "SOAP".to_owned(),
            path: format!("/smev/{version}"),
            operation: Some((*operation).to_owned()),
        }));
    }
    all.sort();
    all.dedup();
    all
});

/// Every end point, in order.
pub fn all() -> &'static [Endpoint] {
    &ALL
}

/// What a call reached, as [`all`] names it; nothing for an address that is none.
pub fn named(method: &str, path: &str, soap_action: Option<&str>) -> Option<String> {
    if let Some(action) = soap_action.filter(|_| method == "POST" && path.starts_with("/smev/")) {
        let operation = action.strip_prefix("urn:").unwrap_or(action);
        return all()
            .iter()
            .find(|known| known.path == path && known.operation.as_deref() == Some(operation))
            .map(ToString::to_string);
    }
    let fits = |known: &&Endpoint| known.operation.is_none() && known.method == method && known.matches(path);
    // Of several the one with the fewest holes: `/debts/fed/{id}` before `/debts/{uin}/{id}`.
    let best = all().iter().filter(fits).min_by_key(|known| known.path.matches('{').count());
    best.map(ToString::to_string)
}

impl Endpoint {
    fn read(line: &str) -> Option<Self> {
        let (method, path) = line.split_once(' ')?;
        Some(Self { method: method.to_owned(), path: path.to_owned(), operation: None })
    }

    fn matches(&self, path: &str) -> bool {
        let mut known = self.path.split('/').filter(|part| !part.is_empty());
        let mut seen = path.split('/').filter(|part| !part.is_empty());
        loop {
            match (known.next(), seen.next()) {
                (None, None) => return true,
                (Some(known), Some(seen)) if known.starts_with('{') || known == seen => {}
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operation {
            Some(operation) => write!(out, "{} {}#{operation}", self.method, self.path),
            None => write!(out, "{} {}", self.method, self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_named_by_the_address_that_fits_best() {
        assert_eq!(named("GET", "/rs/prns/1000000007", None).as_deref(), Some("GET /rs/prns/{oid}"));
        assert_eq!(named("GET", "/rs/prns/1/docs", None).as_deref(), Some("GET /rs/prns/{oid}/{part}"));
        assert_eq!(named("POST", "/smev/1.2", Some("urn:Ack")).as_deref(), Some("SOAP /smev/1.2#Ack"));
        assert_eq!(named("GET", "/nowhere", None), None);
        assert_eq!(named("POST", "/smev/1.2", Some("urn:GetIncomingQueueStatistics")), None);
    }

    #[test]
    fn the_services_come_from_their_document() {
        assert!(all().iter().any(|known| known.path == "/api/v1/debts" && known.method == "GET"));
    }
}
