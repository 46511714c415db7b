//! A user agent that behaves like a browser: keeps cookies, follows redirects, checks TLS, sends forms. One for each
//! person; every exchange that is not with the portal (which records its own) is recorded here.
//!
//! Cookies are kept by host **and port**: portal and bank share the host `localhost` on the bench, but never in real life.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contract::exchange::{Body, Exchange, Party, Request, Response};
use reqwest::header;
use url::Url;

use super::http;
use super::pages::Page;
use crate::clock::{self, SandboxClock};

/// Ids of exchanges that the suite recorded itself start here, apart from the portal's.
pub(crate) const OWN_IDS: u64 = 1_000_000_000;
/// Bodies larger than this are cut in the recording.
const KEPT: usize = 512 * 1024;

/// What all browsers of a lane share.
#[derive(Debug)]
pub(crate) struct Agency {
    pub(crate) client: reqwest::Client,
    pub(crate) user_agent: String,
    pub(crate) portal: Url,
    /// Another spelling of the portal's host records everything there; browsers do not go there by themselves.
    pub(crate) bank: Option<Url>,
    pub(crate) sandbox: String,
    pub(crate) clock: SandboxClock,
    ids: AtomicU64,
    /// When the suite's own connections to the portal failed: such handshakes are not the bank's.
    failed: Mutex<Vec<(i64, i64)>>,
    /// What servers showed in handshakes, DER by origin.
    certificates: Mutex<BTreeMap<String, Vec<u8>>>,
}

/// One browser: its cookies and what it saw.
#[derive(Debug, Default)]
pub(crate) struct Browser {
    cookies: Mutex<BTreeMap<(String, String), String>>,
    seen: Mutex<Vec<Exchange>>,
}

/// What a browser got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) at: Url,
    pub(crate) status: u16,
    /// Where the answer sends it.
    pub(crate) location: Option<Url>,
    /// A second answer of the portal that a test opens after the first (a lie that comes before the truth).
    pub(crate) then: Option<Url>,
    pub(crate) page: Option<Page>,
}

/// A request of a browser.
#[derive(Clone, Debug)]
pub(crate) struct Go {
    pub(crate) url: Url,
    pub(crate) form: Option<Vec<(String, String)>>,
}

impl Go {
    pub(crate) fn to(url: Url) -> Self {
        Self { url, form: None }
    }
}

impl Agency {
    pub(crate) fn new(client: reqwest::Client, nonce: &str, portal: Url, bank: Option<Url>, sandbox: &str) -> Self {
        let user_agent = format!("Mozilla/5.0 (compatible; StendBrowser/{}; {nonce})", env!("CARGO_PKG_VERSION"));
        Self {
            client,
            user_agent,
            portal,
            bank,
            sandbox: sandbox.to_owned(),
            clock: SandboxClock::default(),
            ids: AtomicU64::new(OWN_IDS),
            failed: Mutex::default(),
            certificates: Mutex::default(),
        }
    }

    /// Keeps what a server showed in the handshake.
    fn shown(&self, url: &Url, response: &reqwest::Response) {
        let info = response.extensions().get::<reqwest::tls::TlsInfo>();
        if let (Some(der), Ok(mut known)) = (info.and_then(|info| info.peer_certificate()), self.certificates.lock()) {
            let origin = url.origin().ascii_serialization();
            if known.get(&origin).is_none_or(|kept| kept != der) {
                known.insert(origin, der.to_owned());
            }
        }
    }

    /// What the server of this origin showed in the last handshake, PEM.
    pub(crate) fn certificate(&self, origin: &Url) -> Option<String> {
        let known = self.certificates.lock().ok()?;
        let der = known.get(&origin.origin().ascii_serialization())?;
        crypto::Certificate::from_der(der).ok().map(|certificate| certificate.pem())
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a handshake that led to nothing was the suite's own.
    pub(crate) fn failed_at(&self, wall_us: i64) -> bool {
        self.failed.lock().is_ok_and(|failed| failed.iter().any(|(from, to)| (*from..=*to).contains(&wall_us)))
    }

    pub(crate) fn is_portal(&self, url: &Url) -> bool {
        same_origin(url, &self.portal)
    }

    pub(crate) fn is_bank(&self, url: &Url) -> bool {
        self.bank.as_ref().is_some_and(|bank| same_origin(url, bank))
    }

    /// How a stranger of the suite's names itself, so that its calls are not taken for the bank's.
    pub(crate) fn stranger(&self) -> String {
        self.user_agent.replace("StendBrowser", "StendStranger")
    }

    /// One request and its answer, by whomever; recorded into `seen` unless the portal records it.
    pub(crate) async fn exchange(
        &self,
        from: Party,
        request: reqwest::RequestBuilder,
        within: Duration,
    ) -> (Option<Exchange>, Result<(reqwest::StatusCode, header::HeaderMap, Vec<u8>), String>) {
        let built = match request.build() {
            Ok(built) => built,
            Err(error) => return (None, Err(http::cause(&error))),
        };
        let url = built.url().clone();
        let asked = Request {
            method: built.method().to_string(),
            url: url.to_string(),
            headers: headers(built.headers()),
            body: built.body().and_then(reqwest::Body::as_bytes).map_or(Body::Empty, body),
        };
        let started_us = clock::wall_us();
        // Before the answer, which a busy bank takes its time for.
        let at = self.clock.at(started_us);
        let exchange = async {
            let response = self.client.execute(built).await.map_err(|error| http::cause(&error))?;
            self.shown(&url, &response);
            let (status, headers) = (response.status(), response.headers().clone());
            let bytes = response.bytes().await.map_err(|error| http::cause(&error))?;
            Ok((status, headers, bytes.to_vec()))
        };
        let answer = clock::bounded(within, exchange)
            .await
            .unwrap_or_else(|| Err(format!("no answer within {:.1} s", within.as_secs_f64())));
        if self.is_portal(&url) {
            if let (Err(_), Ok(mut failed)) = (&answer, self.failed.lock()) {
                failed.push((started_us, clock::wall_us()));
            }
            return (None, answer);
        }
        let to = if self.is_bank(&url) { Party::Bank } else { Party::Foreign };
        let response = answer.as_ref().ok().map(|(status, got, bytes)| Response {
            status: status.as_u16(),
            headers: headers(got),
            body: body(bytes.get(..KEPT).unwrap_or(bytes)),
        });
        let recorded = Exchange {
            id: self.next_id(),
            sandbox: self.sandbox.clone(),
            from,
            to,
            started_us,
            ended_us: clock::wall_us(),
            at,
            request: asked,
            delivered: response.is_some(),
            response,
            tls: None,
            partner: None,
            citizen: None,
            flow: None,
            faults: Vec::new(),
        };
        (Some(recorded), answer)
    }
}

pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host_str() == b.host_str() && a.port_or_known_default() == b.port_or_known_default()
}

fn headers(map: &header::HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn body(bytes: &[u8]) -> Body {
    use base64::Engine as _;
    match std::str::from_utf8(bytes) {
        Ok("") => Body::Empty,
        Ok(text) => Body::Text(text.to_owned()),
        Err(_) => Body::Base64(base64::engine::general_purpose::STANDARD.encode(bytes)),
    }
}

impl Browser {
    /// One request with this browser's cookies; cookies of the answer are kept.
    pub(crate) async fn go(&self, agency: &Agency, go: &Go, within: Duration) -> Result<Got, String> {
        let got = self.go_as(Party::Browser, agency, go, within).await;
        // The portal hangs up when a lie about connections begins or ends; a browser then simply connects again.
        if got.is_err() && agency.is_portal(&go.url) {
            return self.go_as(Party::Browser, agency, go, within).await;
        }
        got
    }

    /// The same, led by somebody: an attacker's hand shows in the recording.
    pub(crate) async fn go_as(&self, party: Party, agency: &Agency, go: &Go, within: Duration) -> Result<Got, String> {
        let mut request = match &go.form {
            None => agency.client.get(go.url.clone()),
            Some(fields) => agency.client.post(go.url.clone()).form(fields),
        };
        request = request
            .header(header::USER_AGENT, &agency.user_agent)
            .header(header::ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .header(header::ACCEPT_LANGUAGE, "ru,en;q=0.5");
        if let Some(cookies) = self.cookies_for(&go.url) {
            request = request.header(header::COOKIE, cookies);
        }
        let (recorded, answer) = agency.exchange(party, request, within).await;
        if let (Some(recorded), Ok(mut seen)) = (recorded, self.seen.lock()) {
            seen.push(recorded);
        }
        let (status, headers, bytes) = answer?;
        self.keep_cookies(&go.url, &headers);
        let location = headers
            .get(header::LOCATION)
            .filter(|_| status.is_redirection())
            .and_then(|value| value.to_str().ok())
            .and_then(|target| go.url.join(target).ok());
        let then = headers
            .get("stend-then")
            .filter(|_| agency.is_portal(&go.url))
            .and_then(|value| value.to_str().ok())
            .and_then(|target| Url::parse(target).ok());
        let is_html = headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("text/html"));
        let page = is_html.then(|| Page::read(&String::from_utf8_lossy(&bytes), &go.url));
        Ok(Got { at: go.url.clone(), status: status.as_u16(), location, then, page })
    }

    /// Everything recorded since the last call.
    pub(crate) fn take_seen(&self) -> Vec<Exchange> {
        self.seen.lock().map(|mut seen| std::mem::take(&mut *seen)).unwrap_or_default()
    }

    fn cookies_for(&self, url: &Url) -> Option<String> {
        let site = site(url);
        let cookies = self.cookies.lock().ok()?;
        let line: Vec<String> = cookies
            .iter()
            .filter(|((of, _), _)| *of == site)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        (!line.is_empty()).then(|| line.join("; "))
    }

    fn keep_cookies(&self, url: &Url, headers: &header::HeaderMap) {
        let Ok(mut cookies) = self.cookies.lock() else { return };
        for line in headers.get_all(header::SET_COOKIE) {
            let Ok(line) = line.to_str() else { continue };
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let ended = parts.any(|attribute| {
                let attribute = attribute.to_ascii_lowercase();
                attribute == "max-age=0" || attribute.starts_with("max-age=-") || attribute.contains("1970")
            });
            let key = (site(url), name.trim().to_owned());
            if ended {
                cookies.remove(&key);
            } else {
                cookies.insert(key, value.trim().to_owned());
            }
        }
    }
}

fn site(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{header as has_header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn agency(bank: &MockServer) -> Agency {
        let portal = Url::parse("https://localhost:1/").unwrap();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(
                rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
                    rustls::crypto::ring::default_provider(),
                ))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth(),
            )
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Agency::new(client, "n", portal, Some(Url::parse(&bank.uri()).unwrap()), "s")
    }

    #[tokio::test]
    async fn cookies_are_kept_and_sent_back() {
        let bank = MockServer::start().await;
        Mock::given(path("/start"))
            .respond_with(
                ResponseTemplate::new(302)
                    .append_header("set-cookie", "session=abc; Path=/; HttpOnly")
                    .append_header("location", "/next"),
            )
            .mount(&bank)
            .await;
        Mock::given(method("GET"))
            .and(path("/next"))
            .and(has_header("cookie", "session=abc"))
            .respond_with(ResponseTemplate::new(200).set_body_raw("<title>Да</title>", "text/html"))
            .mount(&bank)
            .await;
        let agency = agency(&bank);
        let browser = Browser::default();
        let start = Url::parse(&bank.uri()).unwrap().join("/start").unwrap();
        let got = browser.go(&agency, &Go::to(start), Duration::from_secs(5)).await.unwrap();
        assert_eq!(got.status, 302);
        let next = got.location.unwrap();
        let got = browser.go(&agency, &Go::to(next), Duration::from_secs(5)).await.unwrap();
        assert_eq!(got.page.unwrap().title, "Да");
        let seen = browser.take_seen();
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|exchange| exchange.id >= OWN_IDS && exchange.to == Party::Bank));
    }

    #[tokio::test]
    async fn what_is_seen_has_the_sandboxs_time_of_when_it_began() {
        let bank = MockServer::start().await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).mount(&bank).await;
        let (agency, browser) = (agency(&bank), Browser::default());
        let month = contract::time::Span::from_minutes(30 * 24 * 60);
        agency.clock.advance(month);
        browser.go(&agency, &Go::to(Url::parse(&bank.uri()).unwrap()), Duration::from_secs(5)).await.unwrap();
        let seen = browser.take_seen();
        assert_eq!(seen[0].at.millis(), seen[0].started_us / 1000 + month.millis());
    }

    #[tokio::test]
    async fn another_browser_has_no_cookies_of_the_first() {
        let bank = MockServer::start().await;
        Mock::given(path("/start"))
            .respond_with(ResponseTemplate::new(200).append_header("set-cookie", "session=abc"))
            .mount(&bank)
            .await;
        let agency = agency(&bank);
        let (first, second) = (Browser::default(), Browser::default());
        let url = Url::parse(&bank.uri()).unwrap().join("/start").unwrap();
        first.go(&agency, &Go::to(url.clone()), Duration::from_secs(5)).await.unwrap();
        assert!(first.cookies_for(&url).is_some());
        assert!(second.cookies_for(&url).is_none());
    }

    #[tokio::test]
    async fn a_bank_that_does_not_answer_is_a_fact_not_an_error() {
        let bank = MockServer::start().await;
        Mock::given(path("/slow"))
            .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(30)))
            .mount(&bank)
            .await;
        let agency = agency(&bank);
        let browser = Browser::default();
        let url = Url::parse(&bank.uri()).unwrap().join("/slow").unwrap();
        let got = browser.go(&agency, &Go::to(url), Duration::from_millis(50)).await;
        assert!(got.unwrap_err().contains("no answer within"));
        assert!(browser.take_seen()[0].response.is_none());
    }
}
