//! Every check of an ID token, on tokens built for it.

use std::sync::Arc;

use crypto::jws::Signer;
use crypto::{Algorithm, PrivateKey};
use serde_json::json;

use super::*;
use crate::broken::Slip;
use crate::conduct::Honest;

const ISSUER: &str = "https://portal.example";
const NOW: i64 = 1_800_000_000;

struct Room {
    alg: Alg,
    key: PrivateKey,
    foreign: PrivateKey,
    read: Read,
    nonces: Vec<String>,
    access: String,
    header: Value,
    claims: Value,
}

impl Room {
    fn new() -> Self {
        Self::of(Algorithm::EcdsaP256)
    }

    fn of(algorithm: Algorithm) -> Self {
        let make = || PrivateKey::generate(algorithm).unwrap();
        let (key, foreign, alg) = (make(), make(), algorithm.jws());
        let jwk = Jwk::from_public(key.public(), Some(alg)).with_kid("k1");
        let access = "access-token".to_owned();
        let digest = if alg == Alg::Gost256 {
            streebog256(access.as_bytes())
        } else {
            crypto::digest::sha256(access.as_bytes())
        };
        let hash = crypto::base64::encode_url(&digest[..16]);
        Self {
            alg,
            read: Read { set: Arc::new(KeySet { keys: vec![jwk], has_unknown_kind: false }), reachable: true },
            nonces: vec!["this".into(), "earlier".into()],
            access,
            header: json!({"alg": alg.as_str(), "typ": "JWT", "kid": "k1"}),
            claims: json!({
                "iss": ISSUER, "aud": "BANK01", "sub": "1000299944", "iat": NOW, "exp": NOW + 600, "nbf": NOW,
                "nonce": "this", "at_hash": hash, "acr": "urn:esia:acr:2fa",
            }),
            key,
            foreign,
        }
    }

    fn token(&self) -> String {
        crypto::jws::build(&self.header, &self.claims, Signer::Key(&self.key, self.alg)).unwrap()
    }

    fn judge(&self, token: &str, conduct: &dyn Conduct) -> Result<Accepted, Refusal> {
        let expect = Expect {
            issuer: ISSUER,
            client: "BANK01",
            algorithm: self.alg,
            nonce: Some("this"),
            nonces: &self.nonces,
            access_token: &self.access,
            has_at_hash: true,
            level: Some("2fa"),
            now: Timestamp::from_seconds(NOW),
            keys: &self.read,
            named_keys: None,
        };
        check(token, &expect, conduct)
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    fn code(&self) -> String {
        self.judge(&self.token(), &Honest).map_or_else(|refusal| refusal.code.to_string(), |_| "accepted".to_owned())
    }
}

#[test]
fn an_honest_token_is_accepted() {
    let room = Room::new();
    let accepted = room.judge(&room.token(), &Honest).unwrap();
    assert_eq!(accepted.subject, "1000299944");
    assert!(accepted.late.is_empty() && accepted.noticed.is_empty());
}

#[test]
fn oddities_are_taken_in_stride() {
    assert_eq!(Room::new().with("aud", json!(["BANK01"])).code(), "accepted");
    assert_eq!(Room::new().without("at_hash").code(), "accepted");
    assert_eq!(Room::new().with("sub", json!(1_000_299_944)).code(), "accepted");
    assert_eq!(Room::new().with("exp", json!(NOW - 30)).code(), "accepted");
    let mut room = Room::new();
    room.header.as_object_mut().unwrap().remove("kid");
    assert_eq!(room.code(), "accepted");
}

#[test]
fn each_lie_in_the_claims_has_its_own_reason() {
    for (room, code) in [
        (Room::new().with("iss", json!("https://evil.example")), "ID-ISSUER"),
        (Room::new().with("iss", json!("https://portal.example/")), "ID-ISSUER"),
        (Room::new().without("iss"), "ID-ISSUER-ABSENT"),
        (Room::new().with("aud", json!("OTHER")), "ID-AUDIENCE"),
        (Room::new().with("aud", json!([])), "ID-AUDIENCE-ABSENT"),
        (Room::new().without("aud"), "ID-AUDIENCE-ABSENT"),
        (Room::new().with("aud", json!(["BANK01", "OTHER"])), "ID-AUDIENCE-EXTRA"),
        (Room::new().with("azp", json!("OTHER")), "ID-AZP"),
        (Room::new().with("exp", json!(NOW - 3600)), "ID-EXPIRED"),
        (Room::new().without("exp"), "ID-EXPIRY-ABSENT"),
        (Room::new().with("exp", json!((NOW + 600).to_string())), "ID-EXPIRY-FORM"),
        (Room::new().without("iat"), "ID-IAT-ABSENT"),
        (Room::new().with("iat", json!(NOW - 7 * 86_400)), "ID-IAT-OLD"),
        (Room::new().with("iat", json!(NOW + 600)), "ID-IAT-AHEAD"),
        (Room::new().with("nbf", json!(NOW + 600)), "ID-EARLY"),
        (Room::new().with("nonce", json!("other")), "ID-NONCE"),
        (Room::new().with("nonce", json!("earlier")), "ID-NONCE-EARLIER"),
        (Room::new().without("nonce"), "ID-NONCE-ABSENT"),
        (Room::new().without("sub"), "ID-SUBJECT-ABSENT"),
        (Room::new().with("sub", json!("")), "ID-SUBJECT-ABSENT"),
        (Room::new().with("acr", json!("urn:esia:acr:pwd")), "ID-LEVEL"),
        (Room::new().with("at_hash", json!("AAAA")), "ID-AT-HASH"),
        (Room::new().header("crit", json!(["exp"])), "ID-CRIT"),
        (Room::new().header("typ", json!("at+jwt")), "ID-KIND"),
        (Room::new().header("sbt", json!("access")), "ID-KIND"),
        (Room::new().header("kid", json!("k2")), "ID-KEY"),
        (Room::new().header("alg", json!("RS256")), "ID-ALG"),
        (Room::new().header("alg", json!("none")), "ID-ALG-NONE"),
        (Room::new().header("alg", json!("nOnE")), "ID-ALG-NONE"),
        (Room::new().header("alg", json!("HS256")), "ID-ALG-HMAC"),
        (Room::new().header("alg", json!("ES512")), "ID-ALG"),
    ] {
        assert_eq!(room.code(), code);
    }
}

#[test]
fn a_signature_by_anybody_else_is_refused() {
    let room = Room::new();
    let mut broken = room.token();
    let last = broken.len() - 10;
    broken.replace_range(last..=last, if &broken[last..=last] == "A" { "B" } else { "A" });
    assert_eq!(room.judge(&broken, &Honest).unwrap_err().code, "ID-SIGNATURE");
    let embedded = Jwk::from_public(room.foreign.public(), Some(Alg::Es256));
    for header in [
        json!({"alg": "ES256", "kid": "k1"}),
        json!({"alg": "ES256", "kid": "k1", "jwk": embedded}),
        json!({"alg": "ES256", "kid": "k1", "jku": "https://127.0.0.1/jwks.json"}),
        json!({"alg": "ES256"}),
    ] {
        let token = crypto::jws::build(&header, &room.claims, Signer::Key(&room.foreign, Alg::Es256)).unwrap();
        assert_eq!(room.judge(&token, &Honest).unwrap_err().code, "ID-SIGNATURE");
    }
    let secret = room.key.public().to_pem();
    let token = crypto::jws::build(&json!({"alg": "HS256"}), &room.claims, Signer::Hmac(secret.as_bytes())).unwrap();
    assert_eq!(room.judge(&token, &Honest).unwrap_err().code, "ID-ALG-HMAC");
}

#[test]
fn keys_that_are_not_for_this_are_refused() {
    let change = |change: fn(&mut Jwk)| {
        let mut room = Room::new();
        let mut keys = room.read.set.keys.clone();
        change(&mut keys[0]);
        room.read = Read { set: Arc::new(KeySet { keys, has_unknown_kind: false }), reachable: true };
        room.code()
    };
    assert_eq!(change(|key| key.use_ = Some("enc".into())), "ID-KEY");
    assert_eq!(change(|key| key.alg = Some("ES512".into())), "ID-KEY");
    assert_eq!(change(|key| key.alg = None), "accepted");
    let mut room = Room::new();
    room.read = Read { set: Arc::default(), reachable: false };
    assert_eq!(room.code(), "ID-KEY");
}

#[test]
fn a_variant_overlooks_its_own_lie_and_no_other() {
    for (check, liar) in [
        (IdTokenCheck::IssuerSame, Room::new().with("iss", json!("https://evil.example"))),
        (IdTokenCheck::AudienceSame, Room::new().with("aud", json!("OTHER"))),
        (IdTokenCheck::ExpiryNumber, Room::new().with("exp", json!((NOW + 600).to_string()))),
        (IdTokenCheck::AlgNone, Room::new().header("alg", json!("none"))),
        (IdTokenCheck::UnknownKid, Room::new().header("kid", json!("k2"))),
        (IdTokenCheck::SubjectPresent, Room::new().without("sub")),
    ] {
        for depth in [Diligence::Skipped, Diligence::Late, Diligence::LoggedOnly] {
            let slip = Slip::IdToken(check, depth);
            let accepted = liar.judge(&liar.token(), &slip).unwrap();
            assert_eq!(accepted.late.is_empty(), depth != Diligence::Late);
            assert_eq!(accepted.noticed.is_empty(), depth != Diligence::LoggedOnly);
            let other = Room::new().with("nonce", json!("other"));
            assert_eq!(other.judge(&other.token(), &slip).unwrap_err().code, "ID-NONCE");
        }
    }
}

#[test]
fn the_variants_of_the_signature_take_what_they_should_not() {
    let room = Room::new();
    let header = json!({"alg": "ES256", "kid": "k1"});
    let foreign = crypto::jws::build(&header, &room.claims, Signer::Key(&room.foreign, Alg::Es256)).unwrap();
    for check in [IdTokenCheck::Signature, IdTokenCheck::ForeignKey, IdTokenCheck::KeyOfKid] {
        assert!(room.judge(&foreign, &Slip::IdToken(check, Diligence::Skipped)).is_ok());
    }
    let embedded = Jwk::from_public(room.foreign.public(), Some(Alg::Es256));
    let header = json!({"alg": "ES256", "kid": "k1", "jwk": embedded});
    let own = crypto::jws::build(&header, &room.claims, Signer::Key(&room.foreign, Alg::Es256)).unwrap();
    assert!(room.judge(&own, &Slip::IdToken(IdTokenCheck::EmbeddedKey, Diligence::Skipped)).is_ok());
    let secret = room.key.public().to_pem();
    let hmac = crypto::jws::build(&json!({"alg": "HS256"}), &room.claims, Signer::Hmac(secret.as_bytes())).unwrap();
    assert!(room.judge(&hmac, &Slip::IdToken(IdTokenCheck::Hmac, Diligence::Skipped)).is_ok());
}

/// The same checks under GOST: the registered algorithm, the key by its curve, the digest of `at_hash`.
#[test]
fn a_token_of_gost_is_taken_and_its_lies_are_not() {
    let room = Room::of(Algorithm::GOST_256);
    let judge = |room: &Room, token: &str| {
        room.judge(token, &Honest).map_or_else(|refusal| refusal.code.to_string(), |_| "accepted".to_owned())
    };
    assert_eq!(judge(&room, &room.token()), "accepted");
    assert_eq!(judge(&room, &Room::new().token()), "ID-ALG", "ES256 is not the registered one");
    assert_eq!(judge(&Room::new(), &room.token()), "ID-ALG", "GOST is not the registered one there");
    let foreign = crypto::jws::build(&room.header, &room.claims, Signer::Key(&room.foreign, Alg::Gost256)).unwrap();
    assert_eq!(judge(&room, &foreign), "ID-SIGNATURE");
    let (head, signature) = room.token().rsplit_once('.').map(|(head, end)| (head.to_owned(), end.to_owned())).unwrap();
    let mut bytes = crypto::base64::decode_url_strict(&signature).unwrap();
    bytes.reverse();
    assert_eq!(judge(&room, &format!("{head}.{}", crypto::base64::encode_url(&bytes))), "ID-SIGNATURE");
    let by_sha = crypto::base64::encode_url(&crypto::digest::sha256(room.access.as_bytes())[..16]);
    let other = Room::of(Algorithm::GOST_256).with("at_hash", json!(by_sha));
    assert_eq!(judge(&other, &other.token()), "ID-AT-HASH");
    let long = Room::of(Algorithm::GOST_512);
    assert_eq!(judge(&room, &long.token()), "ID-ALG");
}
