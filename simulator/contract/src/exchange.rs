//! One HTTP exchange as the portal's edge (or the suite's user agent) recorded it: raw, complete, with times.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// An exchange seen on the wire. `id` is unique within its recorder; order over recorders is by `started_us`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    pub id: u64,
    pub sandbox: String,
    pub from: Party,
    pub to: Party,
    /// Wall clock of the machine, microseconds since 1970: orders events of several processes, never shown as time.
    pub started_us: i64,
    pub ended_us: i64,
    /// The sandbox's clock when the request arrived.
    pub at: Timestamp,
    pub request: Request,
    /// Absent when nothing was answered (connection cut, or still open).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// The whole response was handed to the connection.
    pub delivered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// The citizen's OID, once the endpoint knew whom the exchange is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizen: Option<i64>,
    /// The portal's flow (an authorisation), once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// Slugs of the lies told in this exchange.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    Attacker,
    Bank,
    Browser,
    Foreign,
    Portal,
    Suite,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub method: String,
    /// Absolute, with the host that the client called.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

/// A body: UTF-8 as text, anything else in base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    #[default]
    Empty,
    Text(String),
    Base64(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    pub version: String,
    pub suite: String,
    #[serde(default)]
    pub sni: Option<String>,
    /// SHA-256 of the client's certificate, hex, where one was shown.
    #[serde(default)]
    pub client_certificate: Option<String>,
}

impl Body {
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Empty | Self::Base64(_) => "",
        }
    }
}

/// The first value of a header, by name without regard to case.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
