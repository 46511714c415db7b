//! Banks whose keys are of GOST R 34.10-2012: the whole way through every interface, and every mistake that such clients
//! are known to make, by its name.

use certs::{Authority, Key, Profile, Subject};
use contract::control::{KeyType, Strictness, TokenAlg};
use crypto::gost::{Curve, streebog256, streebog512};
use crypto::jwk::JwkSet;
use crypto::jws::{Alg, Jws, Signer, build};
use crypto::raw::Turn;
use crypto::{Algorithm, Certificate, PrivateKey, base64, cms, digest};
use serde_json::{Value, json};

use super::{Asked, CALLBACK, HOST, Held, Seen, Stand, noon};
use crate::oauth::signed::{self, Ask, Version};

const BANK: &str = "BANK-GOST";
const GOST: TokenAlg = TokenAlg::GOST3410_2012_256;
const TC26_A: Algorithm = Algorithm::Gost(Curve::Tc26A256);
const KEYS: [Algorithm; 3] = [Algorithm::GOST_256, TC26_A, Algorithm::GOST_512];

async fn tokens(stand: &Stand, version: Version, held: &Held) -> Value {
    stand.forget_cookies();
    let first = if version == Version::V1 { Version::V1 } else { Version::V2 };
    let first = Asked::new(first, Ask::Authorise, BANK, &[("access_type", "offline")]).signed(held).send(stand).await;
    let back = stand.sign_in(first, "anna-confirmed", "approve").await;
    let code = back.back("code").unwrap_or_else(|| panic!("no code: {back:#?}"));
    let answer = Asked::new(version, Ask::Code, BANK, &[("code", &code)]).signed(held).send(stand).await;
    assert_eq!(answer.status, 200, "{answer:#?}");
    answer.json()
}

/// Verifies a token with the published set and with the certificate beside the key, as a client of ESIA does.
async fn checked(stand: &Stand, token: &str) -> Jws {
    let served = stand.open("/.well-known/jwks.json").await;
    let set = JwkSet::parse(served.body.as_bytes()).unwrap();
    let read = Jws::parse(token).unwrap();
    assert_eq!((read.alg(), read.signature.len()), (Some("GOST3410_2012_256"), 64));
    let key = read.verify_with(&set, &[Alg::Gost256]).unwrap();
    let der = base64::decode_standard_strict(&key.x5c.as_ref().unwrap()[0]).unwrap();
    let certificate = Certificate::from_der(&der).unwrap();
    assert_eq!(read.verify(&certificate.public_key().unwrap(), &[Alg::Gost256]), Ok(Alg::Gost256));
    if let Some(named) = read.header.get("x5t#St256") {
        assert_eq!(named, &hex::encode_upper(streebog256(&der)));
    }
    read
}

#[tokio::test]
async fn every_version_gives_gost_tokens_to_keys_of_gost() {
    for algorithm in KEYS {
        let stand = Stand::new(Strictness::Strict).await;
        let before = stand.open("/.well-known/jwks.json").await.json();
        assert!(before["keys"].as_array().unwrap().iter().all(|key| key["alg"] != "GOST3410_2012_256"), "{before}");
        let held = stand.enrol(BANK, algorithm, GOST).await;
        for version in [Version::V1, Version::V2, Version::V3] {
            let answer = tokens(&stand, version, &held).await;
            let access = checked(&stand, answer["access_token"].as_str().unwrap()).await;
            assert_eq!(access.header["sbt"], "access");
            checked(&stand, answer["id_token"].as_str().unwrap()).await;
            // The token opens what a token opens, and the refresh token gives another like it.
            let oid = stand.citizen("anna-confirmed").oid;
            let token = answer["access_token"].as_str().unwrap();
            assert_eq!(stand.read(&format!("/rs/prns/{oid}"), token).await.status, 200);
            let refresh = answer["refresh_token"].as_str().unwrap();
            let again = Asked::new(version, Ask::Refresh, BANK, &[("refresh_token", refresh)]).signed(&held);
            let again = again.send(&stand).await;
            assert_eq!(again.status, 200, "{again:#?}");
            checked(&stand, again.json()["access_token"].as_str().unwrap()).await;
        }
    }
}

/// What a client signs with and what its tokens are signed with are two choices (ESIA page §7.2).
#[tokio::test]
async fn keys_and_tokens_choose_their_algorithms_apart() {
    let stand = Stand::new(Strictness::Strict).await;
    let held = stand.enrol(BANK, Algorithm::GOST_256, TokenAlg::ES256).await;
    let answer = tokens(&stand, Version::V3, &held).await;
    assert_eq!(Jws::parse(answer["access_token"].as_str().unwrap()).unwrap().alg(), Some("ES256"));
    let held = stand.enrol(BANK, Algorithm::EcdsaP256, GOST).await;
    let answer = tokens(&stand, Version::V3, &held).await;
    checked(&stand, answer["access_token"].as_str().unwrap()).await;
}

#[tokio::test]
async fn the_certificates_of_the_token_keys_can_be_downloaded() {
    let stand = Stand::new(Strictness::Strict).await;
    let archive = stand.open("/public/esia.zip").await;
    assert_eq!((archive.status, archive.header("content-type")), (200, "application/zip"));
    let key = stand.sandbox.keys().current(GOST).await.unwrap();
    assert!(archive.body.contains(&key.certificate.pem()) && archive.body.contains("gost256.crt"));
}

#[tokio::test]
async fn rotated_keys_of_gost_overlap() {
    let stand = Stand::new(Strictness::Strict).await;
    let held = stand.enrol(BANK, Algorithm::GOST_256, GOST).await;
    let answer = tokens(&stand, Version::V3, &held).await;
    let old = answer["access_token"].as_str().unwrap();
    let kid = checked(&stand, old).await.kid().unwrap().to_owned();
    stand.sandbox.rotate_keys(true).await.unwrap();
    checked(&stand, old).await;
    let answer = tokens(&stand, Version::V3, &held).await;
    let new = answer["access_token"].as_str().unwrap();
    assert_ne!(checked(&stand, new).await.kid(), Some(kid.as_str()));
    stand.sandbox.rotate_keys(false).await.unwrap();
    let oid = stand.citizen("anna-confirmed").oid;
    assert_eq!(stand.read(&format!("/rs/prns/{oid}"), old).await.cause(), "token-unknown");
}

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn assertion(by: &PrivateKey, jti: &str, header: Value) -> String {
    let now = noon().seconds();
    let claims = json!({
        "iss": BANK, "sub": BANK, "aud": format!("https://{HOST}"), "jti": jti, "iat": now, "exp": now + 60,
    });
    let alg = by.family().jws();
    let mut whole = json!({"alg": alg.as_str()});
    whole.as_object_mut().unwrap().extend(header.as_object().cloned().unwrap_or_default());
    build(&whole, &claims, Signer::Key(by, alg)).unwrap()
}

async fn asserted(stand: &Stand, assertion: &str, more: &[(&str, &str)]) -> Seen {
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    stand.post("/oidc/token", &[&[kind, ("client_assertion", assertion)], more].concat()).await
}

#[tokio::test]
async fn openid_connect_takes_assertions_of_gost_and_gives_gost_tokens() {
    for algorithm in KEYS {
        let stand = Stand::new(Strictness::Strict).await;
        let held = stand.enrol(BANK, algorithm, GOST).await;
        let metadata = stand.open("/.well-known/openid-configuration").await.json();
        let name = algorithm.jws().as_str();
        for list in ["token_endpoint_auth_signing_alg_values_supported", "id_token_signing_alg_values_supported"] {
            let listed = metadata[list].as_array().unwrap().iter().any(|alg| alg == name);
            assert!(listed || (list.starts_with("id_") && algorithm == Algorithm::GOST_512), "{list}: {metadata}");
        }
        let challenge = digest::sha256_base64url(VERIFIER.as_bytes());
        let ask = super::form(&[
            ("client_id", BANK),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid fullname"),
            ("state", "s"),
            ("nonce", "n"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let first = stand.open(&format!("/oidc/authorize?{ask}")).await;
        let code = stand.sign_in(first, "anna-confirmed", "approve").await.back("code").unwrap();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let answer = asserted(&stand, &assertion(&held.key, "1", json!({})), &fields).await;
        assert_eq!(answer.status, 200, "{answer:#?}");
        let answer = answer.json();
        let access = answer["access_token"].as_str().unwrap();
        checked(&stand, access).await;
        let id = checked(&stand, answer["id_token"].as_str().unwrap()).await;
        // OpenID Connect Core §3.1.3.6: the digest of the token's own algorithm.
        assert_eq!(id.claims().unwrap()["at_hash"], base64::encode_url(&streebog256(access.as_bytes())[..16]));
        assert_eq!(stand.read("/oidc/userinfo", access).await.status, 200);
    }
}

/// A stand whose authority keeps what it issues, with a bank of this algorithm.
struct Scene {
    stand: Stand,
    held: Held,
    algorithm: Algorithm,
    wrong: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new(algorithm: Algorithm) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Authority::open_or_create(folder.path(), noon(), Algorithm::EcdsaP256).unwrap();
        let stand = Stand::made(Strictness::Strict, pki, KeyType::ALL.to_vec(), |_| {}).await;
        let held = stand.enrol(BANK, algorithm, GOST).await;
        Self { stand, held, algorithm, wrong: Vec::new(), _folder: folder }
    }

    fn ask(&self, version: Version) -> Asked {
        Asked::new(version, Ask::Authorise, BANK, &[("access_type", "offline")])
    }

    async fn expect(&mut self, asked: Asked, slug: &str) {
        self.expect_coded(asked, slug, "ESIA-007053").await;
    }

    async fn expect_coded(&mut self, asked: Asked, slug: &str, code: &str) {
        let seen = asked.send(&self.stand).await;
        self.told(&seen, slug, code);
    }

    fn told(&mut self, seen: &Seen, slug: &str, code: &str) {
        let coded = seen.description().starts_with(code) || seen.body.contains(code);
        if seen.cause() != slug || !coded {
            let algorithm = self.algorithm;
            self.wrong.push(format!("{algorithm}: {slug} {code}: {} {seen:#?}", seen.header("stend-diagnosis")));
        }
    }

    /// An own key of this algorithm with a certificate in the authority's folder that nobody registered.
    fn unregistered(&self, name: &str, algorithm: Algorithm) -> Held {
        let key = PrivateKey::generate(algorithm).unwrap();
        let profile = Profile::named("partner").unwrap();
        let issued = self.stand.pki.issue(profile, &Subject::named(name), Key::Own(&key), noon()).unwrap();
        self.stand.pki.keep(&name.to_lowercase(), "partner", &issued, noon()).unwrap();
        Held { key, certificate: issued.certificate }
    }

    fn streebog(&self, bytes: &[u8]) -> Vec<u8> {
        match self.algorithm {
            Algorithm::GOST_512 => streebog512(bytes).to_vec(),
            _ => streebog256(bytes).to_vec(),
        }
    }

    /// A digest of SHA-2 in the size of the key.
    fn sha2(&self, bytes: &[u8]) -> Vec<u8> {
        match self.algorithm {
            Algorithm::GOST_512 => digest::sha512(bytes).to_vec(),
            _ => digest::sha256(bytes).to_vec(),
        }
    }

    /// A curve of the same size that is not the bank's.
    fn neighbour(&self) -> Algorithm {
        match self.algorithm {
            Algorithm::GOST_512 => Algorithm::Gost(Curve::Tc26C512),
            Algorithm::GOST_256 => TC26_A,
            _ => Algorithm::GOST_256,
        }
    }

    /// A curve of the other size.
    fn other_size(&self) -> Algorithm {
        if self.algorithm == Algorithm::GOST_512 { Algorithm::GOST_256 } else { Algorithm::GOST_512 }
    }
}

async fn raw(scene: &mut Scene) {
    let held = scene.held.clone();
    let asked = scene.ask(Version::V2).signed(&held);
    let text = asked.text();
    let right = held.key.sign(text.as_bytes()).unwrap();
    let by_digest = |digest: &[u8]| held.key.gost().unwrap().sign_digest(digest).unwrap();
    let mut reversed = scene.streebog(text.as_bytes());
    reversed.reverse();
    let mut turned_v1 = held.key.sign(asked.text_of(signed::V1).as_bytes()).unwrap();
    turned_v1.reverse();
    for (bytes, slug) in [
        (Turn::Whole.apply(&right), "signature-bytes-reversed"),
        (Turn::Halves.apply(&right), "signature-halves-swapped"),
        (Turn::EachHalf.apply(&right), "signature-half-bytes-reversed"),
        // Two mistakes at once: the bytes are told, and what else.
        (turned_v1, "signature-bytes-reversed"),
        (by_digest(&scene.sha2(text.as_bytes())), "signature-other-digest"),
        (by_digest(&reversed), "signature-digest-reversed"),
        (held.key.sign(&scene.streebog(text.as_bytes())).unwrap(), "signature-of-digest"),
        (held.key.sign(hex::encode(scene.streebog(text.as_bytes())).as_bytes()).unwrap(), "signature-of-digest"),
        (right[..right.len() - 4].to_vec(), "signature-length"),
        (
            cms::sign(text.as_bytes(), &held.key, &held.certificate, &cms::Options::default()).unwrap(),
            "cms-instead-of-raw",
        ),
        (base64::encode_url(&right).into_bytes(), "secret-encoded-twice"),
    ] {
        scene.expect(asked.clone().with("client_secret", &base64::encode_url(&bytes)), slug).await;
    }
    scene.expect(asked.clone().with("client_secret", &hex::encode(&right)), "secret-hex").await;
    let wanted = asked.text();
    for (text, slug) in [
        (asked.text_of(signed::V1), "signed-v1-order"),
        (format!("{wanted}\n"), "signed-with-newline"),
        (asked.text_of(&["client_id", "scope", "timestamp", "state"]), "signed-parameter-missing"),
        (asked.text_of(&["scope", "client_id", "timestamp", "state", "redirect_uri"]), "signed-parameters-reordered"),
        (wanted.replace("openid fullname snils", "openid+fullname+snils"), "signed-scope-encoding"),
        ("something else entirely".to_owned(), "signature-unexplained"),
    ] {
        scene.expect(asked.clone().signed_text(&held, &text), slug).await;
    }
}

async fn other_keys(scene: &mut Scene) {
    let held = scene.held.clone();
    let asked = scene.ask(Version::V2).signed(&held);
    let text = asked.text();
    let by = |key: &PrivateKey| {
        asked.clone().with("client_secret", &base64::encode_url(&key.sign(text.as_bytes()).unwrap()))
    };
    let fresh = |algorithm| PrivateKey::generate(algorithm).unwrap();
    // Known by nothing: on the same curve no more can be said than that the key is another.
    scene.expect(by(&fresh(scene.algorithm)), "signature-unexplained").await;
    scene.expect(by(&fresh(scene.other_size())), "signature-other-curve").await;
    if scene.algorithm == TC26_A {
        // The order of CryptoPro-A is four times as large: three in four of its numbers do not fit.
        let beyond = std::iter::repeat_with(|| by(&fresh(Algorithm::GOST_256)))
            .find(|asked| !Curve::Tc26A256.admits(&base64::decode_url_strict(asked.value("client_secret")).unwrap()));
        scene.expect(beyond.unwrap(), "signature-other-curve").await;
    }
    // Issued by the portal's authority, never registered.
    let near = scene.unregistered("NEAR", scene.algorithm);
    scene.expect(by(&near.key), "certificate-unregistered").await;
    let curved = scene.unregistered("CURVED", scene.neighbour());
    scene.expect(by(&curved.key), "signature-other-curve").await;
    // Registered beside, and registered for another.
    let second = scene.stand.registered_for(BANK, "partner", &fresh(scene.algorithm)).await;
    scene.expect(by(&second.key), "signature-other-certificate").await;
    let other = scene.stand.enrol("OTHER-GOST", scene.algorithm, GOST).await;
    scene.expect(by(&other.key), "certificate-of-other-system").await;
    let hash = other.hash();
    scene.expect(asked.clone().with("client_certificate_hash", &hash), "hash-of-other-certificate").await;
    for (issued, slug, code) in
        [(&near, "certificate-unregistered", "ESIA-007053"), (&curved, "certificate-other-curve", "ESIA-007053")]
    {
        scene.expect_coded(asked.clone().with("client_certificate_hash", &issued.hash()), slug, code).await;
    }
    // The same in a container: the certificate inside tells.
    for (signer, slug) in [
        (&near, "certificate-unregistered"),
        (&curved, "certificate-other-curve"),
        (&other, "certificate-of-other-system"),
        (&scene.stand.issued("partner-foreign-authority", &held.key), "certificate-foreign"),
        (&scene.stand.issued("partner-foreign-authority", &curved.key), "certificate-other-curve"),
    ] {
        let asked = scene.ask(Version::V1).signed(signer);
        let seen = asked.send(&scene.stand).await;
        scene.told(&seen, slug, "ESIA-007002");
    }
    // Now that a key on the other curve is registered too, it is the wrong one of two.
    let beside = scene.stand.registered_for(BANK, "partner", &fresh(scene.neighbour())).await;
    scene.expect(by(&beside.key), "signature-other-curve").await;
}

async fn certificates(scene: &mut Scene) {
    let asked = scene.ask(Version::V2).signed(&scene.held.clone());
    let certificate = scene.held.certificate.clone();
    let der = certificate.der();
    let mut reversed = streebog256(der);
    reversed.reverse();
    for (hash, slug) in [
        (digest::sha1_hex(der), "hash-sha1"),
        (digest::sha256_hex(der), "hash-sha256"),
        (hex::encode(streebog512(der)), "hash-other-digest"),
        (hex::encode(digest::sha512(der)), "hash-other-digest"),
        (hex::encode(streebog256(certificate.pem().as_bytes())), "hash-of-pem"),
        (digest::sha256_hex(certificate.pem().as_bytes()), "hash-of-pem"),
        (hex::encode(streebog256(certificate.spki_der())), "hash-of-public-key"),
        (base64::encode_standard(&streebog256(der)), "hash-not-hex"),
        (hex::encode(reversed), "hash-reversed"),
        (hex::encode(streebog256(b"nothing")), "hash-unknown"),
    ] {
        scene.expect(asked.clone().with("client_certificate_hash", &hash), slug).await;
    }
    for (profile, slug) in [
        ("partner-expired", "certificate-expired"),
        ("partner-not-yet-valid", "certificate-not-yet-valid"),
        ("partner-revoked", "certificate-revoked"),
        ("partner-key-usage-wrong", "certificate-key-usage"),
    ] {
        let held = scene.stand.registered_for(BANK, profile, &scene.held.key).await;
        for version in [Version::V1, Version::V2] {
            scene.expect(scene.ask(version).signed(&held), slug).await;
        }
    }
}

async fn containers(scene: &mut Scene) {
    let held = scene.held.clone();
    let asked = scene.ask(Version::V1);
    let text = asked.text();
    let options = cms::Options::default();
    let signed = |options: &cms::Options| cms::sign(text.as_bytes(), &held.key, &held.certificate, options).unwrap();
    let (der, bare) = (signed(&options), signed(&cms::Options { signed_attributes: false, ..options }));
    let right = scene.streebog(text.as_bytes());
    let reversed: Vec<u8> = right.iter().rev().copied().collect();
    let turned = |der: &[u8], turn: Turn| {
        let (head, signature) = der.split_at(der.len() - 2 * right.len());
        [head, &turn.apply(signature)].concat()
    };
    let attached = cms::Options { attached: true, ..options };
    let renamed = renamed(&der, certificate_of(&held));
    for (der, slug) in [
        (turned(&der, Turn::Whole), "signature-bytes-reversed"),
        (turned(&der, Turn::Halves), "signature-halves-swapped"),
        (turned(&bare, Turn::EachHalf), "signature-half-bytes-reversed"),
        (with_digest(&der, &right, &scene.sha2(text.as_bytes()), &held.key), "signature-other-digest"),
        (with_digest(&der, &right, &reversed, &held.key), "signature-digest-reversed"),
        (with_digest(&der, &right, &scene.streebog(&right), &held.key), "signature-of-digest"),
        (renamed, "signature-other-digest"),
        (signed(&attached), "cms-attached"),
        (turned(&der, Turn::Whole)[..der.len() / 2].to_vec(), "cms-broken"),
        (held.key.sign(text.as_bytes()).unwrap(), "raw-instead-of-cms"),
    ] {
        scene.expect(asked.clone().with("client_secret", &base64::encode_url(&der)), slug).await;
    }
    for options in [options, cms::Options { signed_attributes: false, ..options }] {
        for (text, slug) in [
            (asked.text_of(signed::V2), "signed-v2-order"),
            (format!("{}\n", asked.text()), "signed-with-newline"),
            ("something else entirely".to_owned(), "signature-unexplained"),
        ] {
            scene.expect(asked.clone().with("client_secret", &held.cms(&text, &options)), slug).await;
        }
    }
}

fn certificate_of(held: &Held) -> &[u8] {
    held.certificate.der()
}

/// The content of the first element, and what follows it.
fn element(bytes: &[u8]) -> (usize, &[u8], &[u8]) {
    let (length, head) = match bytes[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        0x81 => (usize::from(bytes[2]), 3),
        _ => (usize::from(bytes[2]) << 8 | usize::from(bytes[3]), 4),
    };
    (head, &bytes[head..head + length], &bytes[head + length..])
}

/// The container with another message-digest of the same length, signed anew over the changed attributes.
fn with_digest(der: &[u8], right: &[u8], other: &[u8], key: &PrivateKey) -> Vec<u8> {
    let mut changed = der.to_vec();
    let at = changed.windows(right.len()).rposition(|window| window == right).unwrap();
    changed[at..at + right.len()].copy_from_slice(other);
    // The attributes are the element [0] around it: the last one that reaches over the digest.
    let start = (0..at).rev().find(|start| {
        changed[*start] == 0xa0 && {
            let (head, content, rest) = element(&changed[*start..]);
            // Three attributes may stand in it; the algorithm of the signature follows.
            start + head + content.len() >= at + right.len() && rest.first() == Some(&0x30)
        }
    });
    let start = start.unwrap();
    let (head, content, _) = element(&changed[start..]);
    let mut set = changed[start..start + head + content.len()].to_vec();
    set[0] = 0x31;
    let signature = key.sign(&set).unwrap();
    let end = changed.len() - signature.len();
    changed[end..].copy_from_slice(&signature);
    changed
}

/// The container with the identifier of Streebog of the other size in place of the right one, certificate apart.
fn renamed(der: &[u8], certificate: &[u8]) -> Vec<u8> {
    const STREEBOG: &[u8] = &[0x06, 0x08, 0x2a, 0x85, 0x03, 0x07, 0x01, 0x01, 0x02];
    let kept = der.windows(certificate.len()).position(|window| window == certificate).unwrap();
    let mut changed = der.to_vec();
    for at in 0..der.len() - STREEBOG.len() {
        let inside = (kept..kept + certificate.len()).contains(&at);
        if !inside && changed[at..].starts_with(STREEBOG) {
            changed[at + STREEBOG.len()] ^= 1;
        }
    }
    changed
}

async fn assertions(scene: &mut Scene) {
    let plain = [("grant_type", "client_credentials"), ("scope", "consents")];
    let (near, curved) = (scene.unregistered("NEAR", scene.algorithm), scene.unregistered("CURVED", scene.neighbour()));
    let chain = |held: &Held| json!({"x5c": [base64::encode_standard(held.certificate.der())]});
    let foreign = scene.stand.issued("partner-foreign-authority", &PrivateKey::generate(scene.algorithm).unwrap());
    for (held, header, slug) in [
        (&near, json!({}), "certificate-unregistered"),
        (&curved, json!({}), "certificate-other-curve"),
        (&foreign, json!({}), "assertion-signature"),
        (&foreign, chain(&foreign), "certificate-foreign"),
    ] {
        let seen = asserted(&scene.stand, &assertion(&held.key, "a", header), &plain).await;
        scene.told(&seen, slug, "");
    }
    let other = PrivateKey::generate(scene.other_size()).unwrap();
    let seen = asserted(&scene.stand, &assertion(&other, "a", json!({})), &plain).await;
    scene.told(&seen, "assertion-algorithm", "");
    let good = assertion(&scene.held.key.clone(), "good", json!({}));
    assert_eq!(asserted(&scene.stand, &good, &plain).await.status, 200);
}

#[tokio::test]
async fn every_mistake_of_a_client_of_gost_has_its_name() {
    for algorithm in KEYS {
        let scene = &mut Scene::new(algorithm).await;
        raw(scene).await;
        containers(scene).await;
        certificates(scene).await;
        assertions(scene).await;
        other_keys(scene).await;
        assert!(scene.wrong.is_empty(), "{}", scene.wrong.join("\n"));
    }
}

#[tokio::test]
async fn a_portal_as_strict_as_the_real_one_takes_keys_of_gost_only() {
    let pki = Authority::new(noon(), Algorithm::EcdsaP256).unwrap();
    let stand = Stand::made(Strictness::Strict, pki, vec![KeyType::Gost], |_| {}).await;
    for version in [Version::V1, Version::V2] {
        for (held, client_id) in [(&stand.rsa, "BANK01"), (&stand.ec, "BANK02")] {
            let seen = Asked::new(version, Ask::Authorise, client_id, &[]).signed(held).send(&stand).await;
            assert_eq!(seen.cause(), "certificate-key-type", "{seen:#?}");
            assert!(seen.description().starts_with("ESIA-007053"), "{seen:#?}");
        }
    }
    let held = stand.enrol(BANK, Algorithm::GOST_256, GOST).await;
    tokens(&stand, Version::V1, &held).await;
    tokens(&stand, Version::V3, &held).await;
}
