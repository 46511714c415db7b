//! A whole sandbox for tests: every route, a frozen clock, a journal in memory, no socket. Banks sign with real keys.

mod gost;
mod provoke;
mod through;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Body;
use certs::{Authority, Key, Profile, Subject};
use contract::citizen::Citizen;
use contract::control::{ClockSetting, KeyType, Limits, Names, PartnerConfig, RedirectMatch, Strictness, TokenAlg};
use contract::time::{Span, Timestamp};
use crypto::cms;
use crypto::{Algorithm, Certificate, PrivateKey, base64};
use domain::{Command, World};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::edge::caller::{Caller, PeerCertificate};
use crate::hub::read_partner;
use crate::journal::{Book, Store};
use crate::keys::{Keyring, SharedKeys};
use crate::oauth::params::{encode, encode_form};
use crate::oauth::signed::{Ask, Version, orders};
use crate::people;
use crate::portal::{Addresses, Parts, Sandbox, Settings};
use crate::secrets::Secrets;

pub(crate) const HOST: &str = "localhost:8443";
pub(crate) const CALLBACK: &str = "https://localhost:9443/callback";

/// A bank's key with a certificate for it.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Certificate,
}

impl Held {
    pub(crate) fn hash(&self) -> String {
        self.certificate.client_certificate_hash().to_uppercase()
    }

    pub(crate) fn raw(&self, text: &str) -> String {
        base64::encode_url(&self.key.sign(text.as_bytes()).unwrap())
    }

    pub(crate) fn cms(&self, text: &str, options: &cms::Options) -> String {
        base64::encode_url(&cms::sign(text.as_bytes(), &self.key, &self.certificate, options).unwrap())
    }
}

/// Keys are slow to make, so all tests share them.
struct Shared {
    keys: Arc<SharedKeys>,
    rsa: [PrivateKey; 2],
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| Shared {
        keys: Arc::new(SharedKeys::open(None).unwrap()),
        rsa: [Algorithm::Rsa2048; 2].map(|algorithm| PrivateKey::generate(algorithm).unwrap()),
    })
}

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// The sandbox with its banks: `BANK01` (RSA), `BANK02` (ECDSA), `OTHER`.
pub(crate) struct Stand {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) pki: Arc<Authority>,
    pub(crate) rsa: Held,
    pub(crate) ec: Held,
    pub(crate) other: Held,
    /// A second certificate of `BANK01`.
    pub(crate) second: Held,
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
    exchange: AtomicU64,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) bytes: bytes::Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A parameter of the redirect.
    pub(crate) fn back(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(self.location()).ok()?;
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// `cause` in the diagnosis header.
    pub(crate) fn cause(&self) -> String {
        let text = self.header("stend-diagnosis");
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let slug = value.get("cause").or_else(|| value.get("tolerated"));
        slug.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The error that the wire carries, wherever it stands.
    pub(crate) fn description(&self) -> String {
        if let Some(text) = self.back("error_description") {
            return text;
        }
        let value: Value = serde_json::from_str(&self.body).unwrap_or_default();
        value["error_description"].as_str().or(value["code"].as_str()).unwrap_or_default().to_owned()
    }
}

impl Stand {
    pub(crate) async fn new(strictness: Strictness) -> Self {
        Self::with(strictness, |_| {}).await
    }

    pub(crate) async fn with(strictness: Strictness, change: impl FnOnce(&mut [PartnerConfig])) -> Self {
        let pki = Authority::new(noon(), Algorithm::EcdsaP256).unwrap();
        Self::made(strictness, pki, KeyType::ALL.to_vec(), change).await
    }

    pub(crate) async fn made(
        strictness: Strictness,
        pki: Authority,
        key_types: Vec<KeyType>,
        change: impl FnOnce(&mut [PartnerConfig]),
    ) -> Self {
        let (now, pki) = (noon(), Arc::new(pki));
        let issue = |key: &PrivateKey, name: &str| {
            let profile = Profile::named("partner").unwrap();
            let issued = pki.issue(profile, &Subject::named(name), Key::Own(key), now).unwrap();
            Held { key: key.clone(), certificate: issued.certificate }
        };
        let ec_key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let other_key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let rsa = issue(&shared().rsa[0], "BANK01");
        let second = issue(&shared().rsa[1], "BANK01 second");
        let (ec, other) = (issue(&ec_key, "BANK02"), issue(&other_key, "OTHER"));
        let partner = |client_id: &str, held: &[&Held]| PartnerConfig {
            client_id: client_id.to_owned(),
            name: Names { ru: "Банк Пример".to_owned(), en: "Example Bank".to_owned() },
            certificates: held.iter().map(|held| held.certificate.pem()).collect(),
            redirect_uris: vec![CALLBACK.to_owned()],
            redirect_match: RedirectMatch::Exact,
            token_alg: TokenAlg::ES256,
            ..PartnerConfig::default()
        };
        let mut partners = vec![
            partner("BANK01", &[&rsa, &second]),
            partner("BANK02", &[&ec]),
            partner("OTHER", &[&other]),
            partner("EMPTY", &[]),
        ];
        change(&mut partners);
        let settings = Settings {
            strictness,
            diagnosis: true,
            limits: Limits::default(),
            clock: ClockSetting::Frozen(now),
            seed: Some(7),
            population: 0,
            esia_issuer: "http://esia.gosuslugi.ru/".to_owned(),
            oidc_issuer: None,
            partners: partners.clone(),
            key_types,
            api_v1: contract::control::VersionLife::default(),
            smev_algorithms: KeyType::ALL.to_vec(),
            smev_unsigned: contract::control::Unsigned::Refused,
        };
        let store = Arc::new(Store::memory());
        let sandbox = Arc::new(Sandbox::new(Parts {
            id: "test".to_owned(),
            world: World::new(settings.limits),
            book: Arc::new(Book::new("test", store.clone())),
            store,
            keys: Keyring::open(shared().keys.clone(), "test").unwrap(),
            secrets: Secrets::default(),
            pki: pki.clone(),
            client: Arc::default(),
            trusted: Arc::default(),
            settings,
        }));
        sandbox.bound(Addresses { portal: format!("https://{HOST}"), foreign: "https://127.0.0.1:1".to_owned() });
        people::settle_in(&sandbox, &mut sandbox.world());
        for config in &partners {
            let partner = Box::new(read_partner(config).unwrap());
            sandbox.execute(&Caller::nobody(), Command::RegisterPartner(partner)).await.unwrap();
        }
        let router = crate::router(sandbox.clone());
        Self { sandbox, pki, rsa, ec, other, second, router, cookies: Mutex::default(), exchange: AtomicU64::new(1) }
    }

    pub(crate) fn citizen(&self, slug: &str) -> Arc<Citizen> {
        self.sandbox.read(|world| world.citizens.by_slug(slug).cloned()).unwrap()
    }

    /// A certificate of another profile for a bank's key, registered for `BANK01`.
    pub(crate) async fn registered(&self, profile: &str, key: &PrivateKey) -> Held {
        self.registered_for("BANK01", profile, key).await
    }

    pub(crate) async fn registered_for(&self, client_id: &str, profile: &str, key: &PrivateKey) -> Held {
        let held = self.issued(profile, key);
        let certificate = crate::hub::read_certificate(&held.certificate.pem()).unwrap();
        let command = Command::AddCertificate { client_id: client_id.to_owned(), certificate };
        self.sandbox.execute(&Caller::nobody(), command).await.unwrap();
        held
    }

    /// Another bank, with a key of this algorithm and tokens of that one.
    pub(crate) async fn enrol(&self, client_id: &str, algorithm: Algorithm, token_alg: TokenAlg) -> Held {
        let config = PartnerConfig {
            client_id: client_id.to_owned(),
            redirect_uris: vec![CALLBACK.to_owned()],
            token_alg,
            ..PartnerConfig::default()
        };
        let partner = Box::new(read_partner(&config).unwrap());
        self.sandbox.execute(&Caller::nobody(), Command::RegisterPartner(partner)).await.unwrap();
        self.registered_for(client_id, "partner", &PrivateKey::generate(algorithm).unwrap()).await
    }

    /// A certificate of a profile that nobody registered.
    pub(crate) fn issued(&self, profile: &str, key: &PrivateKey) -> Held {
        let issued = self.pki.issue(Profile::named(profile).unwrap(), &Subject::named("BANK01"), Key::Own(key), noon());
        Held { key: key.clone(), certificate: issued.unwrap().certificate }
    }

    pub(crate) async fn advance(&self, by: Span) {
        self.sandbox.clock().advance(by);
        self.sandbox.settle().await;
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Seen {
        self.send_as(request, None).await
    }

    pub(crate) async fn send_as(&self, mut request: Request<Body>, peer: Option<&Certificate>) -> Seen {
        let peer = peer.map(|certificate| {
            let der = certificate.der().to_vec();
            Arc::new(PeerCertificate { der, chain: Vec::new(), sha256: certificate.sha256_hex() })
        });
        let exchange = self.exchange.fetch_add(1, Ordering::Relaxed);
        request.extensions_mut().insert(Caller::new(exchange, peer, IpAddr::from([127, 0, 0, 1]), HOST.to_owned()));
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let seen = Seen {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            bytes: body,
        };
        for line in seen.headers.get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        seen
    }

    fn cookie_line(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Another browser.
    pub(crate) fn forget_cookies(&self) {
        self.cookies.lock().unwrap().clear();
    }

    /// The browser opens an address.
    pub(crate) async fn open(&self, path: &str) -> Seen {
        let path = path.strip_prefix(&format!("https://{HOST}")).unwrap_or(path);
        self.send(Request::get(path).header("cookie", self.cookie_line()).body(Body::empty()).unwrap()).await
    }

    /// The browser sends a form.
    pub(crate) async fn press(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let request = Request::post(path)
            .header("cookie", self.cookie_line())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form(fields)))
            .unwrap();
        self.send(request).await
    }

    /// The bank posts a form.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form(fields)))
            .unwrap();
        self.send(request).await
    }

    /// The bank reads with a token.
    pub(crate) async fn read(&self, path: &str, token: &str) -> Seen {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The browser goes through the pages as this person and ends where it would leave the portal.
    pub(crate) async fn sign_in(&self, first: Seen, slug: &str, decision: &str) -> Seen {
        let citizen = self.citizen(slug);
        let mut seen = first;
        for _ in 0..8 {
            let location = seen.location().to_owned();
            if !location.starts_with('/') {
                return seen;
            }
            let page = self.open(&location).await;
            let (flow, csrf) = (hidden(&page.body, "flow"), hidden(&page.body, "csrf"));
            let path = location.split('?').next().unwrap();
            let mut fields = vec![("flow", flow.as_str()), ("csrf", csrf.as_str())];
            let code = self.newest_code(&citizen);
            let boxes = ticked(&page.body);
            match path {
                "/login" => fields.extend([("login", citizen.login.as_str()), ("password", citizen.password.as_str())]),
                "/login/code" => fields.push(("code", code.as_str())),
                "/consent" => {
                    fields.extend([("decision", decision), ("choice", "partial")]);
                    fields.extend(boxes.iter().map(|name| ("grant", name.as_str())));
                }
                _ => panic!("no page of the way: {location} {page:?}"),
            }
            seen = self.press(path, &fields).await;
        }
        seen
    }

    pub(crate) fn newest_code(&self, citizen: &Citizen) -> String {
        self.sandbox.read(|world| {
            world
                .messages
                .of(citizen.oid.wide())
                .iter()
                .rev()
                .find_map(|message| message.code.clone())
                .unwrap_or_default()
        })
    }
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", encode_form(value))).collect::<Vec<_>>().join("&")
}

/// The value of a hidden field.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let Some(at) = page.find(&mark) else { return String::new() };
    page[at + mark.len()..].split('"').next().unwrap_or_default().to_owned()
}

fn ticked(page: &str) -> Vec<String> {
    page.split("name=\"grant\" value=\"").skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect()
}

/// A signed request in the making. Parameters may be changed before the signing and after it.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) version: Version,
    pub(crate) ask: Ask,
    pub(crate) fields: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn new(version: Version, ask: Ask, client_id: &str, fields: &[(&str, &str)]) -> Self {
        let timestamp = noon().to_esia();
        let mut all = vec![
            ("client_id", client_id),
            ("scope", "openid fullname snils"),
            ("timestamp", timestamp.as_str()),
            ("redirect_uri", CALLBACK),
        ];
        match ask {
            Ask::Authorise => {
                all.extend([("state", "0b1f6a6e-6a4e-4c7e-9c0e-0f3c1a2b3c4d"), ("response_type", "code")])
            }
            _ => all.extend([("state", "5d2c1f0e-1111-4222-8333-944455556666"), ("token_type", "Bearer")]),
        }
        let grant = match ask {
            Ask::Authorise => None,
            Ask::Client => Some("client_credentials"),
            Ask::Code => Some("authorization_code"),
            Ask::Refresh => Some("refresh_token"),
        };
        all.extend(grant.map(|grant| ("grant_type", grant)));
        let owned = all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let asked = Self { version, ask, fields: owned };
        fields.iter().fold(asked, |asked, (name, value)| asked.with(name, value))
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        self.text_of(orders(self.version, self.ask)[0])
    }

    pub(crate) fn text_of(&self, order: &[&str]) -> String {
        order.iter().map(|name| self.value(name)).collect()
    }

    /// Signed as it should be.
    pub(crate) fn signed(self, by: &Held) -> Self {
        let text = self.text();
        self.signed_text(by, &text)
    }

    /// Signed over another text.
    pub(crate) fn signed_text(self, by: &Held, text: &str) -> Self {
        match self.version {
            Version::V1 => {
                let secret = by.cms(text, &cms::Options::default());
                self.with("client_secret", &secret)
            }
            Version::V2 | Version::V3 => {
                let secret = by.raw(text);
                self.with("client_certificate_hash", &by.hash()).with("client_secret", &secret)
            }
        }
    }

    fn path(&self) -> &'static str {
        match (self.ask, self.version) {
            (Ask::Authorise, Version::V1) => "/aas/oauth2/ac",
            (Ask::Authorise, _) => "/aas/oauth2/v2/ac",
            (_, Version::V1) => "/aas/oauth2/te",
            (_, Version::V2) => "/aas/oauth2/v2/te",
            (_, Version::V3) => "/aas/oauth2/v3/te",
        }
    }

    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    pub(crate) fn query(&self) -> String {
        self.pairs().iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
    }

    pub(crate) async fn send(&self, stand: &Stand) -> Seen {
        match self.ask {
            Ask::Authorise => stand.open(&format!("{}?{}", self.path(), self.query())).await,
            _ => stand.post(self.path(), &self.pairs()).await,
        }
    }
}
