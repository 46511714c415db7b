//! RFC 9421 appendix B.2 and RFC 9530, then the refusals.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::Algorithm;

const URI: &str = "https://example.com/foo?param=Value&Pet=dog";
const SECRET: &str = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
const BODY: &[u8] = br#"{"hello": "world"}"#;
const REQUEST: &[(&str, &str)] = &[
    ("host", "example.com"),
    ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("content-type", "application/json"),
    (
        "content-digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ),
    ("content-length", "18"),
];

fn headers(rows: &[(&str, &str)]) -> HeaderMap {
    let mut out = HeaderMap::new();
    for (name, value) in rows {
        out.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
    }
    out
}

fn loose() -> Expect {
    Expect { required: vec![], now: 1_618_884_473, max_age: 60, skew: 0 }
}

fn pss(_: &str, _: Option<&str>) -> Option<Verifier> {
    let key = PublicKey::from_spki_pem(include_str!("../../tests/vectors/rfc9421-rsa-pss.pub")).unwrap();
    Some(Verifier::Key(key, HttpAlg::RsaPssSha512))
}

fn signed(rows: &[(&str, &str)], input: &str, signature: &str) -> HeaderMap {
    let mut out = headers(rows);
    out.append("signature-input", HeaderValue::try_from(input).unwrap());
    out.append("signature", HeaderValue::try_from(signature).unwrap());
    out
}

#[test]
fn rsa_pss_examples_of_rfc_9421_b_2_1_to_b_2_3_hold() {
    for (input, signature) in [
        (
            r#"sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd""#,
            "sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:",
        ),
        (
            r#"sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example""#,
            "sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:",
        ),
        (
            r#"sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss""#,
            "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:",
        ),
    ] {
        let headers = signed(REQUEST, input, signature);
        let message = Message { method: "POST", target_uri: URI, headers: &headers, status: None };
        let verified = verify(&message, BODY, &loose(), pss).unwrap();
        assert_eq!(verified.created, 1_618_884_473, "{input}");
        let moved = Message { target_uri: "https://example.com/foo?param=Value&Pet=cat", ..message };
        let other = Message { method: "PUT", target_uri: "https://example.org/foo", ..message };
        if input.starts_with("sig-b23") {
            assert_eq!(verify(&moved, BODY, &loose(), pss), Err(HttpSignatureError::Mismatch));
            assert_eq!(verify(&other, BODY, &loose(), pss), Err(HttpSignatureError::Mismatch));
            assert_eq!(verify(&message, b"{}", &loose(), pss).unwrap_err().code(), "content-digest");
        }
    }
}

#[test]
fn ecdsa_response_of_rfc_9421_b_2_4_holds() {
    let headers = signed(
        &[
            ("content-type", "application/json"),
            (
                "content-digest",
                "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
            ),
            ("content-length", "23"),
        ],
        r#"sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256""#,
        "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:",
    );
    let key = PublicKey::from_spki_pem(include_str!("../../tests/vectors/rfc9421-ecc-p256.pub")).unwrap();
    let find = |id: &str, _: Option<&str>| (id == "test-key-ecc-p256").then(|| Verifier::of(key.clone()));
    let message = Message { method: "", target_uri: "", headers: &headers, status: Some(200) };
    let verified = verify(&message, br#"{"message": "good dog"}"#, &loose(), find).unwrap();
    assert_eq!(verified.alg, HttpAlg::EcdsaP256Sha256);
    let other = Message { status: Some(201), ..message };
    assert_eq!(verify(&other, b"", &loose(), find), Err(HttpSignatureError::Mismatch));
}

#[test]
fn hmac_example_of_rfc_9421_b_2_5_is_reproduced_exactly() {
    let secret = decode_standard_strict(SECRET).unwrap();
    let headers = headers(REQUEST);
    let message = Message { method: "POST", target_uri: URI, headers: &headers, status: None };
    let what = Signing {
        label: "sig-b25".into(),
        components: ["date", "@authority", "content-type"].map(str::to_owned).to_vec(),
        created: Some(1_618_884_473),
        keyid: Some("test-shared-secret".into()),
        ..Signing::default()
    };
    let made = sign(&message, &what, Signer::Hmac(&secret)).unwrap();
    let input = r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#;
    assert_eq!(made.signature_input, input);
    assert_eq!(made.signature, "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:");
}

/// A hook as the portal sends it, signed by an ECDSA key `k1` at 1000.
struct Hook {
    key: PrivateKey,
    headers: HeaderMap,
    uri: &'static str,
}

const HOOK: &[u8] = br#"{"id":"1"}"#;

impl Hook {
    fn new(change: impl FnOnce(&mut Signing)) -> Self {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
        let mut hook =
            Self { key, headers: headers(&[("content-digest", &content_digest(HOOK))]), uri: "https://bank/hooks" };
        let mut what = Signing { created: Some(1000), keyid: Some("k1".into()), ..Signing::default() };
        change(&mut what);
        hook.add(&what);
        hook
    }

    fn add(&mut self, what: &Signing) {
        let made = sign(&self.message(), what, Signer::Key(&self.key)).unwrap();
        self.headers.append("signature-input", HeaderValue::try_from(made.signature_input).unwrap());
        self.headers.append("signature", HeaderValue::try_from(made.signature).unwrap());
    }

    fn message(&self) -> Message<'_> {
        Message { method: "POST", target_uri: self.uri, headers: &self.headers, status: None }
    }

    fn verify(&self, body: &[u8]) -> Result<Verified, HttpSignatureError> {
        let key = self.key.public().clone();
        verify(&self.message(), body, &Expect::at(1010), |id, _| (id == "k1").then(|| Verifier::of(key.clone())))
    }
}

#[test]
fn an_honest_hook_is_accepted() {
    let hook = Hook::new(|what| what.alg = Some("ecdsa-p256-sha256".into()));
    assert_eq!(hook.verify(HOOK).unwrap().keyid, "k1");
    assert_eq!(hook.verify(br#"{"id": "1"}"#).unwrap_err().code(), "content-digest");
}

/// The same hook, signed anew by whatever is given and held to whatever is given.
fn judged(signer: Signer<'_>, named: Option<&str>, verifier: &Verifier) -> Result<HttpAlg, HttpSignatureError> {
    let mut headers = headers(&[("content-digest", &content_digest(HOOK))]);
    let what =
        Signing { created: Some(1000), keyid: Some("k1".into()), alg: named.map(str::to_owned), ..Signing::default() };
    let made = sign(&to_bank(&headers), &what, signer)?;
    headers.insert("signature-input", HeaderValue::try_from(made.signature_input).unwrap());
    headers.insert("signature", HeaderValue::try_from(made.signature).unwrap());
    verify(&to_bank(&headers), HOOK, &Expect::at(1010), |_, _| Some(verifier.clone())).map(|verified| verified.alg)
}

fn to_bank(headers: &HeaderMap) -> Message<'_> {
    Message { method: "POST", target_uri: "https://bank/hooks", headers, status: None }
}

#[test]
fn keys_of_gost_sign_messages_under_their_name() {
    for (algorithm, alg) in [(Algorithm::GOST_256, HttpAlg::Gost256), (Algorithm::GOST_512, HttpAlg::Gost512)] {
        let [key, other] = [0, 1].map(|_| PrivateKey::generate(algorithm).unwrap());
        let verifier = Verifier::of(key.public().clone());
        for named in [None, Some(alg.as_str())] {
            assert_eq!(judged(Signer::Key(&key), named, &verifier), Ok(alg));
        }
        assert_eq!(judged(Signer::Key(&other), None, &verifier), Err(HttpSignatureError::Mismatch));
        let lie = judged(Signer::Key(&key), Some("ecdsa-p256-sha256"), &verifier);
        assert_eq!(lie.unwrap_err().code(), "algorithm-differs");
    }
}

#[test]
fn every_kind_of_hmac_holds_under_its_own_secret_and_name_only() {
    let kinds: Vec<HttpAlg> = HttpAlg::ALL.into_iter().filter(|alg| alg.is_hmac()).collect();
    assert_eq!(kinds.len(), 4);
    for alg in &kinds {
        assert_eq!(HttpAlg::named(alg.as_str()), Some(*alg));
        let verifier = Verifier::HmacWith(b"secret".to_vec(), *alg);
        for named in [None, Some(alg.as_str())] {
            assert_eq!(judged(Signer::HmacWith(b"secret", *alg), named, &verifier), Ok(*alg));
        }
        let other = judged(Signer::HmacWith(b"secreT", *alg), None, &verifier);
        assert_eq!(other, Err(HttpSignatureError::Mismatch));
        for wrong in kinds.iter().filter(|wrong| *wrong != alg) {
            let seen = judged(Signer::HmacWith(b"secret", *wrong), None, &verifier);
            assert_eq!(seen, Err(HttpSignatureError::Mismatch), "{} for {}", wrong.as_str(), alg.as_str());
            let seen = judged(Signer::HmacWith(b"secret", *wrong), Some(wrong.as_str()), &verifier);
            assert_eq!(seen.unwrap_err().code(), "algorithm-differs");
        }
    }
    let key = PrivateKey::generate(Algorithm::GOST_256).unwrap();
    let of_key = Verifier::of(key.public().clone());
    assert!(judged(Signer::HmacWith(b"secret", HttpAlg::Gost256), None, &of_key).is_err(), "a secret is no key");
    assert!(judged(Signer::KeyWith(&key, HttpAlg::HmacStreebog256), None, &of_key).is_err(), "a key is no secret");
    let nonsense = Verifier::HmacWith(b"secret".to_vec(), HttpAlg::Gost256);
    assert_eq!(judged(Signer::Hmac(b"secret"), None, &nonsense), Err(HttpSignatureError::Mismatch));
}

#[test]
fn every_lie_about_the_signature_has_its_reason() {
    type Lie = fn(&mut Signing);
    let cases: [(&str, Lie); 8] = [
        ("not-covered", |what| what.components.retain(|name| name != "@target-uri")),
        ("not-covered", |what| what.components.clear()),
        ("created-missing", |what| what.created = None),
        ("too-old", |what| what.created = Some(600)),
        ("future", |what| what.created = Some(1100)),
        ("expired", |what| what.expires = Some(900)),
        ("key-unknown", |what| what.keyid = Some("k2".into())),
        ("algorithm-differs", |what| what.alg = Some("hmac-sha256".into())),
    ];
    for (code, change) in cases {
        assert_eq!(Hook::new(change).verify(HOOK).unwrap_err().code(), code);
    }
    let mut hook = Hook::new(|_| {});
    hook.uri = "https://bank/other";
    assert_eq!(hook.verify(HOOK), Err(HttpSignatureError::Mismatch));
    hook.headers.remove("signature");
    assert_eq!(hook.verify(HOOK), Err(HttpSignatureError::Unsigned));
}

#[test]
fn a_public_key_as_shared_secret_is_refused() {
    let mut hook = Hook::new(|_| {});
    let what = Signing {
        created: Some(1000),
        keyid: Some("k1".into()),
        alg: Some("hmac-sha256".into()),
        ..Signing::default()
    };
    let made = sign(&hook.message(), &what, Signer::Hmac(hook.key.public().to_pem().as_bytes())).unwrap();
    hook.headers.insert("signature-input", HeaderValue::try_from(made.signature_input).unwrap());
    hook.headers.insert("signature", HeaderValue::try_from(made.signature).unwrap());
    assert_eq!(hook.verify(HOOK).unwrap_err().code(), "algorithm-differs");
}

#[test]
fn one_good_signature_among_several_suffices() {
    let mut hook = Hook::new(|what| {
        what.label = "stranger".into();
        what.keyid = Some("k2".into());
    });
    hook.add(&Signing { created: Some(1000), keyid: Some("k1".into()), ..Signing::default() });
    assert_eq!(hook.verify(HOOK).unwrap().label, "sig1");
}

#[test]
fn malformed_fields_are_refused_without_panic() {
    for input in [
        "sig1",
        "sig1=",
        "sig1=(",
        r#"sig1=("@method""#,
        r#"sig1=("@method" "@method");created=1000;keyid="k1""#,
        r#"sig1=("@Method");created=1000;keyid="k1""#,
        r#"sig1=("@method");created="x"#,
        r#"sig1=("@method")created=1"#,
        r#"sig1=(),sig1=()"#,
        r#"sig1=("a""b")"#,
        r#"sig1=("@signature-params")"#,
        "sig1=();x=99999999999999999999",
        ",",
        "sig1=(),",
    ] {
        let hook = Hook::new(|_| {});
        let mut headers = hook.headers.clone();
        headers.insert("signature-input", HeaderValue::try_from(input).unwrap());
        let message = Message { headers: &headers, ..hook.message() };
        let expect = Expect { required: vec![], ..Expect::at(1010) };
        let key = hook.key.public().clone();
        let verdict = verify(&message, HOOK, &expect, |_, _| Some(Verifier::of(key.clone())));
        assert!(verdict.is_err(), "{input}");
    }
}

#[test]
fn digests_of_rfc_9530_are_checked() {
    assert_eq!(content_digest(BODY), "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
    assert_eq!(check_content_digest(&headers(REQUEST), BODY), Ok(()));
    let mixed = headers(&[("content-digest", &format!("{}, sha-512=:AAAA:", content_digest(BODY)))]);
    assert!(check_content_digest(&mixed, BODY).is_err());
    assert!(check_content_digest(&headers(&[("content-digest", "md5=:AAAA:")]), BODY).is_err());
}
