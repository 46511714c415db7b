//! One HTTP exchange as the portal's edge (or the suite's user agent) recorded it: raw, complete, with times.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// An exchange seen on the wire. `id` is unique within its recorder; order over recorders is by `started_us`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Unique within its recorder.
    pub id: u64,
    /// The sandbox whose listener took it.
    pub sandbox: String,
    /// Who asked.
    pub from: Party,
    /// Who was asked.
    pub to: Party,
    /// Wall clock of the machine, microseconds since 1970: orders events of several processes, never shown as time.
    pub started_us: i64,
    /// When the answer was over, on the same clock.
    pub ended_us: i64,
    /// The sandbox's clock when the request arrived.
    pub at: Timestamp,
    /// What was asked.
    pub request: Request,
    /// Absent when nothing was answered (connection cut, or still open).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// The whole response was handed to the connection.
    pub delivered: bool,
    /// The connection, where it was TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The client it came from, once known.
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

/// Who takes part in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The suite, playing an attacker.
    Attacker,
    /// The bank under test.
    Bank,
    /// The suite, playing a person's browser.
    Browser,
    /// A stranger's host that must not get anything.
    Foreign,
    /// The portal.
    Portal,
    /// The suite itself.
    Suite,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// Absolute, with the host that the client called.
    pub url: String,
    /// In the order of the wire.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// In the order of the wire.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
}

/// A body: UTF-8 as text, anything else in base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// No byte.
    #[default]
    Empty,
    /// UTF-8.
    Text(String),
    /// Anything else.
    Base64(String),
}

/// The connection beneath an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// `TLSv1.3`.
    pub version: String,
    /// The cipher suite.
    pub suite: String,
    /// The host name that the client asked for.
    #[serde(default)]
    pub sni: Option<String>,
    /// SHA-256 of the client's certificate, hex, where one was shown.
    #[serde(default)]
    pub client_certificate: Option<String>,
}

impl Body {
    /// The text, or nothing where it is none.
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
