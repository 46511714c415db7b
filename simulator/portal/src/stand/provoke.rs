//! Every cause of the table, provoked once: what a client does wrong, and the name that the portal gives it. A cause
//! that nothing here provokes fails the last assertion, so table, document and tests cannot drift apart.

use std::collections::BTreeSet;

use axum::body::Body;
use certs::Authority;
use contract::control::{KeyType, Strictness, TokenAlg};
use contract::time::Span;
use crypto::gost::streebog256;
use crypto::jws::{Alg, Signer, build};
use crypto::raw::Turn;
use crypto::{Algorithm, PrivateKey, Scheme, base64, cms, digest};
use http::Request;
use serde_json::{Value, json};

use super::{Asked, CALLBACK, HOST, Held, Seen, Stand, noon};
use crate::diagnosis::CAUSES;
use crate::oauth::params::encode;
use crate::oauth::signed::{self, Ask, Version};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What was provoked so far.
#[derive(Default)]
struct Told {
    slugs: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Told {
    /// The answer names this cause, and the wire bears this code.
    fn expect(&mut self, seen: &Seen, slug: &str, code: &str) {
        let coded = seen.description().starts_with(code) || seen.body.contains(code);
        if seen.cause() != slug || !coded {
            self.wrong.push(format!("{slug} {code}: {seen:#?}"));
        }
        self.slugs.insert(slug.to_owned());
    }
}

fn ac2(stand: &Stand) -> Asked {
    let _ = stand;
    Asked::new(Version::V2, Ask::Authorise, "BANK01", &[])
}

fn ac1() -> Asked {
    Asked::new(Version::V1, Ask::Authorise, "BANK01", &[])
}

async fn parameters(stand: &Stand, told: &mut Told) {
    let good = ac2(stand).signed(&stand.rsa);
    let url = |query: &str| format!("/aas/oauth2/v2/ac?{query}");
    let seen = stand.open(&url(&good.query().replace('&', "&amp;"))).await;
    told.expect(&seen, "ampersand-escaped", "ESIA-007014");
    let json = Request::post("/aas/oauth2/v3/te").header("content-type", "application/json").body(Body::from("{}"));
    told.expect(&stand.send(json.unwrap()).await, "body-not-a-form", "ESIA-007038");
    told.expect(&stand.open(&url("client_id=%zz")).await, "parameters-unreadable", "ESIA-007038");
    let seen = good.clone().without("state").signed(&stand.rsa).send(stand).await;
    told.expect(&seen, "parameter-missing", "ESIA-007014: Request does not contain mandatory parameter [state]");
    let seen = stand.open(&url(&format!("{}&state=x", good.query()))).await;
    told.expect(&seen, "parameter-repeated", "ESIA-007003");
    for (name, value, slug, code) in [
        ("response_type", "token", "response-type-unsupported", "ESIA-007009"),
        ("access_type", "sometimes", "access-type-unknown", "ESIA-007003"),
        ("obj_type", "X", "obj-type-unknown", "ESIA-007061"),
        ("roles", "Z", "roles-unknown", "ESIA-007060"),
        ("obj_type", "L", "person-does-not-fit", "ESIA-007062"),
        ("person_filter", "everybody", "person-filter-unknown", "ESIA-007003"),
        ("client_id", "BANK1", "client-unknown", "ESIA-007005"),
        ("redirect_uri", "https://localhost:9443/callback/", "redirect-uri-differs", "ESIA-007023"),
        ("scope", "openid,fullname", "scope-separator", "ESIA-007006"),
        ("scope", "openid full_name", "scope-unknown", "ESIA-007006"),
        ("scope", "usr_inf", "scope-withdrawn", "ESIA-007006"),
        ("timestamp", "2026.11.22 15:00:00", "timestamp-without-zone", "ESIA-007014"),
        ("timestamp", "2026-11-22T12:00:00Z", "timestamp-unreadable", "ESIA-007014"),
        ("timestamp", "2026.11.22 15:00:00 +0000", "timestamp-zone-wrong", "ESIA-007015"),
        ("timestamp", "2026.11.22 14:41:00 +0300", "clock-off", "ESIA-007015"),
        ("permissions", "bm8ganNvbg", "permissions-unreadable", "ESIA-007038"),
        ("code_challenge", CHALLENGE, "pkce-method", "ESIA-007003"),
    ] {
        let seen = ac2(stand).with(name, value).signed(&stand.rsa).send(stand).await;
        told.expect(&seen, slug, code);
    }
    let short = ac2(stand).with("code_challenge", "short").with("code_challenge_method", "S256").signed(&stand.rsa);
    told.expect(&short.send(stand).await, "pkce-challenge-malformed", "ESIA-007003");
    told.expect(&ac2(stand).without("scope").send(stand).await, "scope-missing", "ESIA-007013");
    let lost = good.query().replace("%2B0300", "+0300");
    told.expect(&stand.open(&url(&lost)).await, "timestamp-plus-lost", "ESIA-007014");
    let seen = Asked::new(Version::V2, Ask::Authorise, "EMPTY", &[]).signed(&stand.rsa).send(stand).await;
    told.expect(&seen, "client-without-certificate", "ESIA-007002");
    let token = Asked::new(Version::V3, Ask::Code, "BANK01", &[("grant_type", "password")]).signed(&stand.rsa);
    told.expect(&token.send(stand).await, "grant-type-unsupported", "ESIA-007012");
    let token = Asked::new(Version::V3, Ask::Client, "BANK01", &[("token_type", "MAC")]).signed(&stand.rsa);
    told.expect(&token.send(stand).await, "parameter-value", "ESIA-007003");
    let ticket = ac2(stand).with("scope_org", "http://esia.gosuslugi.ru/org_inn?org_oid=5").signed(&stand.rsa);
    let seen = stand.sign_in(ticket.send(stand).await, "anna-confirmed", "approve").await;
    told.expect(&seen, "organisation-not-employed", "ESIA-007194");
    stand.forget_cookies();
}

/// The secret of v2 written in other ways, and made in other ways.
async fn raw(stand: &Stand, told: &mut Told) {
    let code = "ESIA-007053";
    let asked = ac2(stand).signed(&stand.rsa);
    let text = asked.text();
    let bytes = stand.rsa.key.sign(text.as_bytes()).unwrap();
    let with = |secret: &str| asked.clone().with("client_secret", secret);
    let cms = stand.rsa.cms(&text, &cms::Options::default());
    let mut reversed = bytes.clone();
    reversed.reverse();
    let pss = stand.rsa.key.sign_with(Scheme::RsaPssSha256, text.as_bytes()).unwrap();
    for (secret, slug) in [
        ("это не base64".to_owned(), "secret-not-base64"),
        (hex::encode(&bytes), "secret-hex"),
        (base64::encode_url(base64::encode_url(&bytes).as_bytes()), "secret-encoded-twice"),
        (cms, "cms-instead-of-raw"),
        (base64::encode_url(&reversed), "signature-bytes-reversed"),
        (base64::encode_url(&bytes[..200]), "signature-length"),
        (base64::encode_url(&pss), "signature-pss"),
        (
            base64::encode_url(&ring_rsa(&stand.rsa.key, &ring::signature::RSA_PKCS1_SHA384, text.as_bytes())),
            "signature-other-digest",
        ),
        (stand.rsa.raw("something else entirely"), "signature-unexplained"),
        (stand.second.raw(&text), "signature-other-certificate"),
    ] {
        told.expect(&with(&secret).send(stand).await, slug, code);
    }
    let sha1 = sha1_signature(&stand.rsa.key, text.as_bytes());
    told.expect(&with(&base64::encode_url(&sha1)).send(stand).await, "signature-sha1", code);
    let of_digest = stand.rsa.raw(&digest::sha256_hex(text.as_bytes()));
    told.expect(&with(&of_digest).send(stand).await, "signature-of-digest", code);
    let ec = Asked::new(Version::V2, Ask::Authorise, "BANK02", &[]);
    let fixed = stand.ec.key.sign_with(Scheme::EcdsaSha256Fixed, ec.text().as_bytes()).unwrap();
    let swapped = base64::encode_url(&[&fixed[32..], &fixed[..32]].concat());
    let ec = ec.with("client_certificate_hash", &stand.ec.hash()).with("client_secret", &swapped);
    told.expect(&ec.send(stand).await, "signature-halves-swapped", code);
}

fn ring_rsa(key: &PrivateKey, padding: &'static dyn ring::signature::RsaEncoding, text: &[u8]) -> Vec<u8> {
    let pair = ring::signature::RsaKeyPair::from_pkcs8(key.pkcs8_der()).unwrap();
    let mut out = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &ring::rand::SystemRandom::new(), text, &mut out).unwrap();
    out
}

/// PKCS#1 v1.5 with SHA-1, which no library here signs: the padded block raised to the private exponent.
fn sha1_signature(key: &PrivateKey, text: &[u8]) -> Vec<u8> {
    use rsa::pkcs8::DecodePrivateKey;
    let key = rsa::RsaPrivateKey::from_pkcs8_der(key.pkcs8_der()).unwrap();
    let hash = hex::decode(digest::sha1_hex(text)).unwrap();
    let prefix = [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
    let padding = rsa::Pkcs1v15Sign { hash_len: Some(20), prefix: prefix.into() };
    key.sign(padding, &hash).unwrap()
}

/// Other strings than the wanted one.
async fn strings(stand: &Stand, told: &mut Told) {
    let code = "ESIA-007053";
    let asked = ac2(stand).with("access_type", "offline");
    let wanted = asked.text();
    let swapped = ["scope", "client_id", "timestamp", "state", "redirect_uri"];
    let earlier = noon() - Span::from_seconds(2);
    for (text, slug) in [
        (asked.text_of(signed::V1), "signed-v1-order"),
        (asked.text_of(&["client_id", "scope", "timestamp", "state"]), "signed-parameter-missing"),
        (format!("{wanted}offline"), "signed-parameter-extra"),
        (asked.text_of(&swapped), "signed-parameters-reordered"),
        (wanted.replace(asked.value("timestamp"), &earlier.to_esia()), "signed-timestamp-differs"),
        (wanted.replace("openid fullname snils", "openid+fullname+snils"), "signed-scope-encoding"),
        (
            asked
                .pairs()
                .iter()
                .filter(|(name, _)| !matches!(*name, "response_type" | "access_type"))
                .map(|_| "")
                .collect::<String>()
                + &encoded(&asked),
            "signed-values-encoded",
        ),
        (format!("{wanted}/"), "signed-redirect-uri-differs"),
        (separated(&asked), "signed-with-separators"),
        (format!("{wanted}\n"), "signed-with-newline"),
    ] {
        let seen = asked.clone().signed_text(&stand.rsa, &text).send(stand).await;
        told.expect(&seen, slug, code);
    }
    let utf16: Vec<u8> = wanted.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let secret = base64::encode_url(&stand.rsa.key.sign(&utf16).unwrap());
    let seen = asked.signed(&stand.rsa).with("client_secret", &secret).send(stand).await;
    told.expect(&seen, "signed-other-charset", code);
    let v1 = ac1();
    let text = v1.text_of(signed::V2);
    told.expect(&v1.signed_text(&stand.rsa, &text).send(stand).await, "signed-v2-order", code);
}

fn encoded(asked: &Asked) -> String {
    signed::V2.iter().map(|name| encode(asked.value(name))).collect()
}

fn separated(asked: &Asked) -> String {
    let values: Vec<&str> = signed::V2.iter().map(|name| asked.value(name)).filter(|value| !value.is_empty()).collect();
    values.join("&")
}

/// OpenSSL made it with SHA-1, under a certificate that the bank has registered.
#[tokio::test]
async fn a_container_with_sha1_is_told_from_one_with_another_digest() {
    let signer = include_str!("../../../crypto/tests/vectors/cms/rsa.crt").to_owned();
    let stand = Stand::with(Strictness::Strict, |partners| partners[0].certificates.push(signer)).await;
    let made = include_bytes!("../../../crypto/tests/vectors/cms/rsa-sha1.der");
    let seen = ac1().with("client_secret", &base64::encode_url(made)).send(&stand).await;
    assert_eq!(seen.cause(), "signature-sha1", "{seen:#?}");
    assert!(seen.description().starts_with("ESIA-007053"), "{seen:#?}");
}

/// Containers of v1.
async fn containers(stand: &Stand, told: &mut Told) {
    let code = "ESIA-007053";
    let text = ac1().text();
    let options = cms::Options::default();
    let der = cms::sign(text.as_bytes(), &stand.rsa.key, &stand.rsa.certificate, &options).unwrap();
    let pem = format!("-----BEGIN CMS-----\n{}\n-----END CMS-----\n", base64::encode_standard(&der));
    let attached = cms::Options { attached: true, ..options };
    let bare = cms::Options { include_certificate: false, ..options };
    // The last byte belongs to the signature; the attributes and their digest stay as they were.
    let mut broken = der.clone();
    if let Some(last) = broken.last_mut() {
        *last ^= 1;
    }
    for (secret, slug) in [
        (base64::encode_url(pem.as_bytes()), "cms-pem"),
        (base64::encode_url(&der[..der.len() / 2]), "cms-broken"),
        (stand.rsa.raw(&text), "raw-instead-of-cms"),
        (stand.rsa.cms(&text, &attached), "cms-attached"),
        (stand.rsa.cms("not the string of this request", &attached), "cms-content-differs"),
        (base64::encode_url(&broken), "cms-attributes-mismatch"),
        (base64::encode_url(&two_signers(&der)), "cms-signers"),
    ] {
        told.expect(&ac1().with("client_secret", &secret).send(stand).await, slug, code);
    }
    // Neither inside nor registered: another key's container without its certificate.
    let stranger = stand.other.cms(&text, &bare);
    told.expect(&ac1().with("client_secret", &stranger).send(stand).await, "cms-signer-not-included", code);
}

/// The same signer twice: the set of signers is the last element, so its lengths are counted anew.
fn two_signers(der: &[u8]) -> Vec<u8> {
    fn read(bytes: &[u8]) -> (u8, &[u8], &[u8]) {
        let (length, head) = match bytes[1] {
            short @ 0..=0x7f => (usize::from(short), 2),
            0x81 => (usize::from(bytes[2]), 3),
            _ => (usize::from(bytes[2]) << 8 | usize::from(bytes[3]), 4),
        };
        (bytes[0], &bytes[head..head + length], &bytes[head + length..])
    }
    fn write(tag: u8, content: &[u8]) -> Vec<u8> {
        // DER: the shortest form of the length.
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let length = match content.len() {
            0..=0x7f => vec![low],
            0x80..=0xff => vec![0x81, low],
            _ => vec![0x82, high, low],
        };
        [&[tag], length.as_slice(), content].concat()
    }
    let (_, outer, _) = read(der);
    let (_, oid, rest) = read(outer);
    let (_, explicit, _) = read(rest);
    let (_, data, _) = read(explicit);
    let mut parts = Vec::new();
    let mut left = data;
    while !left.is_empty() {
        let (tag, content, rest) = read(left);
        parts.push((tag, content.to_vec()));
        left = rest;
    }
    let signers = parts.last_mut().unwrap();
    signers.1 = [signers.1.clone(), signers.1.clone()].concat();
    let data: Vec<u8> = parts.iter().flat_map(|(tag, content)| write(*tag, content)).collect();
    write(0x30, &[write(0x06, oid), write(0xa0, &write(0x30, &data))].concat())
}

/// Hashes and certificates.
async fn certificates(stand: &Stand, told: &mut Told) {
    let code = "ESIA-007053";
    let good = ac2(stand).signed(&stand.rsa);
    let certificate = &stand.rsa.certificate;
    let mut reversed = digest::sha256(certificate.der());
    reversed.reverse();
    for (hash, slug) in [
        (digest::sha1_hex(certificate.der()), "hash-sha1"),
        (hex::encode(digest::sha512(certificate.der())), "hash-other-digest"),
        (digest::sha256_hex(certificate.pem().as_bytes()), "hash-of-pem"),
        (digest::sha256_hex(certificate.spki_der()), "hash-of-public-key"),
        (digest::sha256_base64url(certificate.der()), "hash-not-hex"),
        (hex::encode(reversed), "hash-reversed"),
        (stand.other.hash(), "hash-of-other-certificate"),
        (digest::sha256_hex(b"nothing"), "hash-unknown"),
    ] {
        told.expect(&good.clone().with("client_certificate_hash", &hash).send(stand).await, slug, code);
    }
    for (profile, slug) in [
        ("partner-expired", "certificate-expired"),
        ("partner-not-yet-valid", "certificate-not-yet-valid"),
        ("partner-revoked", "certificate-revoked"),
        ("partner-key-usage-wrong", "certificate-key-usage"),
    ] {
        let held = stand.registered(profile, &stand.rsa.key).await;
        told.expect(&ac2(stand).signed(&held).send(stand).await, slug, code);
        told.expect(&ac1().signed(&held).send(stand).await, slug, code);
    }
    let foreign = "ESIA-007002";
    let stranger = stand.issued("partner-foreign-authority", &stand.rsa.key);
    told.expect(&ac1().signed(&stranger).send(stand).await, "certificate-foreign", foreign);
    let unregistered = stand.issued("partner", &stand.rsa.key);
    told.expect(&ac1().signed(&unregistered).send(stand).await, "certificate-unregistered", foreign);
    told.expect(&ac1().signed(&stand.other).send(stand).await, "certificate-of-other-system", foreign);
}

/// A code of a person for this bank.
async fn code_of(stand: &Stand, held: &Held, client_id: &str, more: &[(&str, &str)]) -> String {
    let asked = Asked::new(Version::V2, Ask::Authorise, client_id, more).signed(held);
    let first = asked.send(stand).await;
    let seen = stand.sign_in(first, "anna-confirmed", "approve").await;
    seen.back("code").unwrap_or_else(|| panic!("no code: {seen:#?}"))
}

fn redeem(client_id: &str, code: &str) -> Asked {
    Asked::new(Version::V3, Ask::Code, client_id, &[("code", code)])
}

async fn grants(stand: &Stand, told: &mut Told) {
    let code = "ESIA-007011";
    let offline = [("access_type", "offline")];
    let first = code_of(stand, &stand.rsa, "BANK01", &offline).await;
    let seen = redeem("BANK01", &first[..255]).signed(&stand.rsa).send(stand).await;
    told.expect(&seen, "code-malformed", code);
    let foreign = foreign_code();
    told.expect(&redeem("BANK01", &foreign).signed(&stand.rsa).send(stand).await, "code-unknown", code);
    told.expect(&redeem("BANK02", &first).signed(&stand.ec).send(stand).await, "code-of-other-client", code);
    let other_address =
        redeem("BANK01", &first).with("redirect_uri", "https://localhost:9443/other").signed(&stand.rsa);
    told.expect(&other_address.send(stand).await, "redirect-uri-changed", code);
    let unasked = redeem("BANK01", &first).with("code_verifier", VERIFIER).signed(&stand.rsa);
    told.expect(&unasked.send(stand).await, "pkce-verifier-unasked", "ESIA-007039");
    let asked = redeem("BANK01", &first);
    let text = asked.text().replace(asked.value("state"), "0b1f6a6e-6a4e-4c7e-9c0e-0f3c1a2b3c4d");
    let seen = asked.signed_text(&stand.rsa, &text).send(stand).await;
    told.expect(&seen, "signed-authorisation-state", "ESIA-007053");
    let good = redeem("BANK01", &first).signed(&stand.rsa).send(stand).await;
    assert_eq!(good.status, 200, "{good:#?}");
    let refresh = good.json()["refresh_token"].as_str().unwrap().to_owned();

    let again = |token: &str, client_id: &str, held: &Held| {
        Asked::new(Version::V3, Ask::Refresh, client_id, &[("refresh_token", token)]).signed(held)
    };
    told.expect(&again("nobody-knows-me", "BANK01", &stand.rsa).send(stand).await, "refresh-unknown", code);
    told.expect(&again(&refresh, "BANK02", &stand.ec).send(stand).await, "refresh-of-other-client", code);
    let wider = Asked::new(
        Version::V3,
        Ask::Refresh,
        "BANK01",
        &[("refresh_token", &refresh), ("scope", "openid fullname snils inn")],
    );
    told.expect(&wider.signed(&stand.rsa).send(stand).await, "scope-widened", "ESIA-007006");
    let next = again(&refresh, "BANK01", &stand.rsa).send(stand).await;
    assert_eq!(next.status, 200, "{next:#?}");
    let next = next.json()["refresh_token"].as_str().unwrap().to_owned();
    told.expect(&again(&refresh, "BANK01", &stand.rsa).send(stand).await, "refresh-reused", code);
    told.expect(&again(&next, "BANK01", &stand.rsa).send(stand).await, "refresh-revoked", code);
    told.expect(&redeem("BANK01", &first).signed(&stand.rsa).send(stand).await, "code-reused", code);

    for (verifier, challenge, slug) in [
        (None, CHALLENGE.to_owned(), "pkce-verifier-missing"),
        (Some(CHALLENGE), CHALLENGE.to_owned(), "pkce-verifier-is-challenge"),
        (Some(CHALLENGE), digest::sha256_base64url(b"another"), "pkce-verifier-mismatch"),
        (
            Some(VERIFIER),
            digest::sha256_base64url(digest::sha256_hex(VERIFIER.as_bytes()).as_bytes()),
            "pkce-challenge-encoding",
        ),
    ] {
        let more = [("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")];
        let code = code_of(stand, &stand.rsa, "BANK01", &more).await;
        let asked = redeem("BANK01", &code);
        let asked = verifier.map_or(asked.clone(), |verifier| asked.with("code_verifier", verifier));
        told.expect(&asked.signed(&stand.rsa).send(stand).await, slug, "ESIA-007040");
    }
    let nobody = Asked::new(Version::V3, Ask::Client, "BANK01", &[("scope", "prm_chg?oid=1")]).signed(&stand.rsa);
    told.expect(&nobody.send(stand).await, "consent-absent", "ESIA-007019");
}

/// Well made, but elsewhere.
fn foreign_code() -> String {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let claims = json!({"iss": "https://elsewhere.example/", "jti": "x"});
    build(&json!({"alg": "ES256", "sbt": "authorization_code"}), &claims, Signer::Key(&key, Alg::Es256)).unwrap()
}

/// What runs out with time; last, because the clock does not go back.
async fn lateness(stand: &Stand, told: &mut Told) {
    let code = code_of(stand, &stand.rsa, "BANK01", &[("access_type", "offline")]).await;
    let answer = redeem("BANK01", &code).signed(&stand.rsa).send(stand).await.json();
    let (token, refresh) = (answer["access_token"].as_str().unwrap(), answer["refresh_token"].as_str().unwrap());
    let oid = stand.citizen("anna-confirmed").oid;
    let late = code_of(stand, &stand.rsa, "BANK01", &[]).await;
    stand.advance(Span::from_seconds(241)).await;
    let now = |asked: Asked| {
        let stamp = stand.sandbox.now().to_esia();
        asked.with("timestamp", &stamp)
    };
    told.expect(&now(redeem("BANK01", &late)).signed(&stand.rsa).send(stand).await, "code-expired", "ESIA-007011");
    stand.advance(Span::from_seconds(3600)).await;
    told.expect(&stand.read(&format!("/rs/prns/{oid}"), token).await, "token-expired", "ESIA-005013");
    stand.advance(Span::from_days(31)).await;
    let again = now(Asked::new(Version::V3, Ask::Refresh, "BANK01", &[("refresh_token", refresh)])).signed(&stand.rsa);
    told.expect(&again.send(stand).await, "refresh-expired", "ESIA-007011");
}

async fn people(stand: &Stand, told: &mut Told) {
    stand.forget_cookies();
    let seen = stand
        .sign_in(
            ac2(stand).with("scope", "openid inn").signed(&stand.rsa).send(stand).await,
            "anna-confirmed",
            "refuse",
        )
        .await;
    told.expect(&seen, "access-refused", "ESIA-007004");
    stand.forget_cookies();
    let first = ac2(stand).with("person_filter", "conf_acc").signed(&stand.rsa).send(stand).await;
    let seen = stand.sign_in(first, "unconfirmed", "approve").await;
    told.expect(&seen, "account-not-confirmed", "ESIA-007055");
    stand.forget_cookies();
    let citizen = stand.citizen("boris-no-patronymic");
    let flow = ac2(stand).signed(&stand.rsa).send(stand).await.location().to_owned();
    let mut last = stand.open(&flow).await;
    for _ in 0..3 {
        let (flow, csrf) = (super::hidden(&last.body, "flow"), super::hidden(&last.body, "csrf"));
        let fields = [("flow", flow.as_str()), ("csrf", &csrf), ("login", &citizen.login), ("password", "wrong")];
        last = stand.press("/login", &fields).await;
    }
    assert_eq!(last.status, 403);
    told.expect(&last, "account-locked", "data-code=\"account-locked\"");
    let (flow, csrf) = (super::hidden(&last.body, "flow"), super::hidden(&last.body, "csrf"));
    let left = stand.press("/login", &[("flow", &flow), ("csrf", &csrf), ("decision", "cancel")]).await;
    told.expect(&left, "account-locked", "ESIA-007004");
    stand.forget_cookies();
    wrong_code(stand, told).await;
}

/// A wrong one-time code: the page says so and asks again, and the right one still leads on.
async fn wrong_code(stand: &Stand, told: &mut Told) {
    let citizen = stand.citizen("second-factor");
    let asked = ac2(stand).signed(&stand.rsa).send(stand).await.location().to_owned();
    let page = stand.open(&asked).await;
    let (flow, csrf) = (super::hidden(&page.body, "flow"), super::hidden(&page.body, "csrf"));
    let fields = [("flow", flow.as_str()), ("csrf", &csrf), ("login", &citizen.login), ("password", &citizen.password)];
    let first = stand.press("/login", &fields).await;
    let page = stand.open(first.location()).await;
    assert!(page.body.contains("data-page=\"code\""), "{page:#?}");
    let typed = async |page: &Seen, code: &str| {
        let (flow, csrf) = (super::hidden(&page.body, "flow"), super::hidden(&page.body, "csrf"));
        stand.press("/login/code", &[("flow", &flow), ("csrf", &csrf), ("code", code)]).await
    };
    let wrong = typed(&page, "x").await;
    assert_eq!(wrong.status, 400);
    told.expect(&wrong, "code-wrong", "data-code=\"code-wrong\"");
    let right = typed(&wrong, &stand.newest_code(&citizen)).await;
    assert!(right.status == 303 && right.location().starts_with("/consent"), "{right:#?}");
    stand.forget_cookies();
}

async fn consents(stand: &Stand, told: &mut Told) {
    let good = json!({
        "sysname": "CREDIT", "expire": 60, "actions": [{"sysname": "ALL_ACTIONS_TO_DATA"}],
        "purposes": [{"sysname": "CREDIT"}], "scopes": [{"sysname": "fullname"}],
    });
    let change = |name: &str, value: Value| {
        let mut changed = good.clone();
        match value {
            Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
            value => changed[name] = value,
        }
        changed
    };
    let two = json!([{"sysname": "CREDIT"}, {"sysname": "IDENTIFICATION"}]);
    let mut one = change("sysname", json!("PERS_DATA_EXT"));
    one["purposes"] = two;
    for (asked, slug, code) in [
        (change("sysname", Value::Null), "consent-type-missing", "ESIA-036700"),
        (change("sysname", json!("KREDIT")), "consent-type-unknown", "ESIA-036701"),
        (change("sysname", json!("CREDIT_REPORT")), "consent-scope-mandatory", "ESIA-036702"),
        (change("scopes", json!([{"sysname": "income_ext"}])), "consent-scope-beyond", "ESIA-036703"),
        (change("sysname", json!("APIPGU")), "consent-scope-forbidden", "ESIA-036704"),
        (change("actions", json!([])), "consent-action-missing", "ESIA-036705"),
        (change("actions", json!([{"sysname": "DANCE"}])), "consent-action-unknown", "ESIA-036706"),
        (change("purposes", json!([])), "consent-purpose-missing", "ESIA-036707"),
        (change("expire", json!(0)), "consent-expiry-bad", "ESIA-036716"),
        (change("purposes", json!([{"sysname": "FUN"}])), "consent-purpose-unknown", "ESIA-036726"),
        (one, "consent-purpose-one", "ESIA-036727"),
    ] {
        let permissions = base64::encode_url(json!([asked]).to_string().as_bytes());
        let seen = ac2(stand).with("permissions", &permissions).signed(&stand.rsa).send(stand).await;
        told.expect(&seen, slug, code);
    }
    // The narrow bank may ask for names only, and for credit only.
    let narrow = |asked: Asked| asked.with("client_id", "OTHER").signed(&stand.other);
    told.expect(&narrow(ac2(stand)).send(stand).await, "scope-not-allowed", "ESIA-007019");
    let permissions =
        base64::encode_url(json!([change("purposes", json!([{"sysname": "IDENTIFICATION"}]))]).to_string().as_bytes());
    let asked = ac2(stand).with("scope", "openid").with("permissions", &permissions);
    told.expect(&narrow(asked).send(stand).await, "consent-purpose-not-allowed", "ESIA-007019");
}

async fn reading(stand: &Stand, told: &mut Told) {
    let anna = stand.citizen("anna-confirmed").oid;
    let path = format!("/rs/prns/{anna}");
    let code = code_of(stand, &stand.rsa, "BANK01", &[]).await;
    let answer = redeem("BANK01", &code).signed(&stand.rsa).send(stand).await.json();
    let (token, id) = (answer["access_token"].as_str().unwrap(), answer["id_token"].as_str().unwrap());
    told.expect(&stand.open(&path).await, "token-missing", "ESIA-005001");
    told.expect(&stand.open(&format!("{path}?access_token={token}")).await, "token-in-query", "ESIA-005001");
    told.expect(&stand.read(&path, &token[..token.len() - 9]).await, "token-malformed", "ESIA-005001");
    told.expect(&stand.read(&path, id).await, "token-wrong-kind", "ESIA-005001");
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let header = json!({"alg": "ES256", "sbt": "access", "kid": "elsewhere"});
    let unknown = build(&header, &json!({"jti": "x", "client_id": "BANK01"}), Signer::Key(&key, Alg::Es256)).unwrap();
    told.expect(&stand.read(&path, &unknown).await, "token-unknown", "ESIA-005001");
    let boris = stand.citizen("boris-no-patronymic").oid;
    told.expect(&stand.read(&format!("/rs/prns/{boris}"), token).await, "token-of-other-person", "ESIA-005029");
    told.expect(&stand.read(&format!("{path}/addrs"), token).await, "scope-not-granted", "ESIA-005029");
}

/// A client assertion with some claims changed.
fn assertion(held: &Held, client_id: &str, jti: &str, change: impl FnOnce(&mut Value)) -> String {
    let now = noon().seconds();
    let mut claims = json!({
        "iss": client_id, "sub": client_id, "aud": format!("https://{HOST}"), "jti": jti, "iat": now, "exp": now + 60,
    });
    change(&mut claims);
    let alg = held.key.family().jws();
    build(&json!({"alg": alg.as_str()}), &claims, Signer::Key(&held.key, alg)).unwrap()
}

const ASSERTION_TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

async fn assertions(stand: &Stand, told: &mut Told) {
    let ask = |text: String| async move {
        let fields = [
            ("grant_type", "client_credentials"),
            ("scope", "consents"),
            ASSERTION_TYPE,
            ("client_assertion", text.as_str()),
        ];
        stand.post("/oidc/token", &fields).await
    };
    let now = noon().seconds();
    let own = |jti: &str, change: fn(&mut Value)| assertion(&stand.ec, "BANK02", jti, change);
    let hmac =
        build(&json!({"alg": "HS256"}), &json!({"iss": "BANK02", "sub": "BANK02"}), Signer::Hmac(b"secret")).unwrap();
    for (text, slug) in [
        ("no.jws".to_owned(), "assertion-malformed"),
        (hmac, "assertion-algorithm"),
        (assertion(&stand.other, "BANK02", "1", |_| {}), "certificate-of-other-system"),
        (
            assertion(
                &Held { key: PrivateKey::generate(Algorithm::EcdsaP256).unwrap(), ..stand.ec.clone() },
                "BANK02",
                "1",
                |_| {},
            ),
            "assertion-signature",
        ),
        (own("2", |claims| claims["sub"] = json!("SOMEBODY")), "assertion-issuer"),
        (own("3", |claims| claims["aud"] = json!("https://elsewhere.example")), "assertion-audience"),
        (own("4", |claims| drop(claims.as_object_mut().unwrap().remove("jti"))), "assertion-claim-missing"),
        (assertion(&stand.ec, "BANK02", "5", |claims| claims["exp"] = json!(now - 3600)), "assertion-expired"),
        (assertion(&stand.ec, "BANK02", "6", |claims| claims["iat"] = json!(now + 3600)), "assertion-not-yet-valid"),
    ] {
        let seen = ask(text).await;
        told.expect(&seen, slug, "");
        assert_eq!((seen.status, &seen.json()["error"]), (401, &json!("invalid_client")), "{seen:#?}");
        assert!(seen.header("www-authenticate").contains("invalid_client"));
    }
    let good = own("7", |_| {});
    assert_eq!(ask(good.clone()).await.status, 200);
    told.expect(&ask(good).await, "assertion-replayed", "");
    let plain = [("grant_type", "client_credentials"), ("scope", "consents")];
    told.expect(&stand.post("/oidc/token", &plain).await, "client-authentication-missing", "");
    let named = [plain[0], plain[1], ("client_id", "BANK02")];
    told.expect(&stand.post("/oidc/token", &named).await, "tls-certificate-missing", "");
    let secret = [plain[0], plain[1], ("client_id", "BANK02"), ("client_secret", "s")];
    told.expect(&stand.post("/oidc/token", &secret).await, "client-secret-used", "");
    let both = [secret[0], secret[1], secret[3], ("client_assertion", "x"), ASSERTION_TYPE];
    told.expect(&stand.post("/oidc/token", &both).await, "client-authentication-doubled", "");
    let tls = |held: &Held, fields: &[(&str, &str)]| {
        let request = Request::post("/oidc/token").header("content-type", "application/x-www-form-urlencoded");
        (request.body(Body::from(super::form(fields))).unwrap(), held.certificate.clone())
    };
    let (request, certificate) = tls(&stand.ec, &[plain[0], ("scope", "fullname"), named[2]]);
    let seen = stand.send_as(request, Some(&certificate)).await;
    told.expect(&seen, "scope-not-allowed", "");
    assert_eq!((seen.status, &seen.json()["error"]), (400, &json!("invalid_scope")), "{seen:#?}");
    let (request, certificate) = tls(&stand.other, &named);
    told.expect(&stand.send_as(request, Some(&certificate)).await, "tls-certificate-unregistered", "");

    // The answer to a client with a certificate is bound to it, and useless without.
    let (request, certificate) = tls(&stand.ec, &named);
    let bound = stand.send_as(request, Some(&certificate)).await.json();
    let token = bound["access_token"].as_str().unwrap_or_else(|| panic!("{bound}"));
    told.expect(&stand.read("/oidc/userinfo", token).await, "token-binding", "");
}

async fn connect(stand: &Stand, told: &mut Told) {
    stand.forget_cookies();
    let ask = |more: Vec<(&'static str, &'static str)>| {
        let mut fields = vec![
            ("client_id", "BANK02"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid fullname"),
            ("state", "s"),
            ("nonce", "n"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        fields.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        fields.extend(more.into_iter().filter(|(_, value)| !value.is_empty()));
        format!("/oidc/authorize?{}", super::form(&fields))
    };
    told.expect(&stand.open(&ask(vec![("code_challenge", "")])).await, "pkce-missing", "");
    told.expect(&stand.open(&ask(vec![("prompt", "none")])).await, "login-required", "");
    let unknown = ask(vec![("request_uri", "urn:ietf:params:oauth:request_uri:nobody")]);
    told.expect(&stand.open(&unknown).await, "request-uri-unknown", "");
    let first = stand.open(&ask(vec![])).await;
    let seen = stand.sign_in(first, "anna-confirmed", "approve").await;
    assert_eq!(seen.back("iss").as_deref(), Some("https://localhost:8443"));
    let silent = stand.open(&ask(vec![("prompt", "none"), ("scope", "openid fullname inn")])).await;
    told.expect(&silent, "interaction-required", "");
    let code = seen.back("code").unwrap();
    let text = assertion(&stand.ec, "BANK02", "c1", |_| {});
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ASSERTION_TYPE,
        ("client_assertion", &text),
    ];
    let answer = stand.post("/oidc/token", &fields).await;
    assert_eq!(answer.status, 200, "{answer:#?}");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(stand.read("/oidc/userinfo", &token).await.status, 200);
    let text = assertion(&stand.ec, "BANK02", "c2", |_| {});
    let revoked = stand.post("/oidc/revoke", &[("token", &token), ASSERTION_TYPE, ("client_assertion", &text)]).await;
    assert_eq!(revoked.status, 200, "{revoked:#?}");
    told.expect(&stand.read("/oidc/userinfo", &token).await, "token-revoked", "");
    stand.forget_cookies();
}

/// A person whom no one-time code can reach.
async fn unreachable(stand: &Stand, told: &mut Told) {
    let mut citizen = contract::citizen::Citizen::clone(&stand.citizen("boris-no-patronymic"));
    citizen.phone.clear();
    citizen.phone_verified = false;
    let change = domain::Command::ChangeCitizen(citizen.into());
    stand.sandbox.execute(&crate::edge::caller::Caller::nobody(), change).await.unwrap();
    stand.advance(Span::from_minutes(60)).await;
    let stamp = stand.sandbox.now().to_esia();
    let asked = ac2(stand).with("timestamp", &stamp).with("acr_values", "urn:esia:acr:2fa").signed(&stand.rsa);
    let seen = stand.sign_in(asked.send(stand).await, "boris-no-patronymic", "approve").await;
    told.expect(&seen, "second-factor-impossible", "ESIA-007046");
    stand.forget_cookies();
}

/// What only keys of GOST can get wrong; `stand/gost.rs` has the rest of their mistakes.
async fn gost(stand: &Stand, told: &mut Told) {
    let code = "ESIA-007053";
    let held = stand.enrol("GOST", Algorithm::GOST_256, TokenAlg::GOST3410_2012_256).await;
    let key = held.key.gost().unwrap();
    let asked = Asked::new(Version::V2, Ask::Authorise, "GOST", &[]).signed(&held);
    let text = asked.text();
    let with = |bytes: &[u8]| asked.clone().with("client_secret", &base64::encode_url(bytes));
    let halves = Turn::EachHalf.apply(&held.key.sign(text.as_bytes()).unwrap());
    told.expect(&with(&halves).send(stand).await, "signature-half-bytes-reversed", code);
    let mut reversed = streebog256(text.as_bytes());
    reversed.reverse();
    let signature = key.sign_digest(&reversed).unwrap();
    told.expect(&with(&signature).send(stand).await, "signature-digest-reversed", code);
    let other = PrivateKey::generate(Algorithm::GOST_512).unwrap().sign(text.as_bytes()).unwrap();
    told.expect(&with(&other).send(stand).await, "signature-other-curve", code);
    let hash = held.certificate.sha256_hex();
    told.expect(&asked.with("client_certificate_hash", &hash).send(stand).await, "hash-sha256", code);
    let curved = stand.issued("partner", &PrivateKey::generate(Algorithm::GOST_512).unwrap());
    let asked = Asked::new(Version::V1, Ask::Authorise, "GOST", &[]).signed(&curved);
    told.expect(&asked.send(stand).await, "certificate-other-curve", "ESIA-007002");
    let pki = Authority::new(noon(), Algorithm::EcdsaP256).unwrap();
    let strict = Stand::made(Strictness::Strict, pki, vec![KeyType::Gost], |_| {}).await;
    told.expect(&ac2(&strict).signed(&strict.rsa).send(&strict).await, "certificate-key-type", code);
}

/// A code that outlives its session.
async fn logout(stand: &Stand, told: &mut Told) {
    stand.forget_cookies();
    let code = code_of(stand, &stand.rsa, "BANK01", &[]).await;
    stand.open("/idp/ext/Logout?client_id=BANK01").await;
    let seen = redeem("BANK01", &code).signed(&stand.rsa).send(stand).await;
    told.expect(&seen, "code-session-ended", "ESIA-007011");
    stand.forget_cookies();
}

/// Blanks for plus signs are taken and told. A signature without any plus sign in it proves nothing, so one is looked for.
async fn tolerated(stand: &Stand, told: &mut Told) {
    for attempt in 0..200 {
        let asked = Asked::new(Version::V2, Ask::Authorise, "BANK02", &[("state", &format!("state-{attempt}"))])
            .signed(&stand.ec);
        let bytes = base64::decode_url_strict(asked.value("client_secret")).unwrap();
        let standard = base64::encode_standard(&bytes);
        if standard.contains('+') {
            let seen = asked.with("client_secret", &standard.replace('+', " ")).send(stand).await;
            assert_eq!(seen.status, 303, "{seen:#?}");
            assert!(seen.location().starts_with("/login"), "{seen:#?}");
            told.expect(&seen, "secret-plus-blank", "");
            return;
        }
    }
    panic!("no signature with a plus sign in 200");
}

#[tokio::test]
async fn every_cause_is_told_and_named_as_the_table_names_it() {
    let stand = Stand::with(Strictness::Strict, |partners| {
        if let Some(other) = partners.iter_mut().find(|partner| partner.client_id == "OTHER") {
            other.scopes = Some(vec!["openid".to_owned(), "fullname".to_owned()]);
            other.purposes = Some(vec!["CREDIT".to_owned()]);
        }
        if let Some(first) = partners.iter_mut().find(|partner| partner.client_id == "BANK01") {
            first.redirect_uris.push("https://localhost:9443/other".to_owned());
        }
    })
    .await;
    let told = &mut Told::default();
    parameters(&stand, told).await;
    raw(&stand, told).await;
    strings(&stand, told).await;
    containers(&stand, told).await;
    grants(&stand, told).await;
    consents(&stand, told).await;
    reading(&stand, told).await;
    assertions(&stand, told).await;
    connect(&stand, told).await;
    people(&stand, told).await;
    tolerated(&stand, told).await;
    logout(&stand, told).await;
    gost(&stand, told).await;
    certificates(&stand, told).await;
    unreachable(&stand, told).await;
    lateness(&Stand::new(Strictness::Strict).await, told).await;
    assert!(told.wrong.is_empty(), "{}", told.wrong.join("\n"));
    let table: BTreeSet<String> = CAUSES.iter().map(|cause| cause.slug.to_owned()).collect();
    let silent: Vec<&String> = table.difference(&told.slugs).collect();
    assert!(silent.is_empty(), "provoked by nothing: {silent:?}");
}
