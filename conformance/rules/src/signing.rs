//! ESIA requests signed for real, by keys of every algorithm, and what the rules of SIG say of each way to do it wrong.

use contract::exchange::Party;
use contract::time::Timestamp;
use crypto::gost::{Curve, streebog256};
use crypto::raw::Turn;
use crypto::{Algorithm, Certificate, PrivateKey, cms, digest};

use crate::finding::{Judgement, Verdict};
use crate::testkit::*;
use crate::trace::Protocol;
use crate::{judge, rule};

type Pairs = Vec<(String, String)>;
type Sign = fn(&PrivateKey, &[u8]) -> Vec<u8>;

/// A bank's keys and certificates.
pub(crate) struct Keys {
    own: Pair,
    /// The own key, certified before.
    expired: Pair,
    foreign: Pair,
    other_curve: Pair,
}

#[derive(Clone)]
struct Pair {
    key: PrivateKey,
    certificate: Certificate,
}

/// How one request is signed. The default is right.
struct Hand {
    key: PrivateKey,
    /// Goes into a container.
    inside: Certificate,
    hash: String,
    turn: Option<Turn>,
    options: cms::Options,
    /// In the place of the signature.
    sign: Option<Sign>,
}

impl Keys {
    pub(crate) fn of(algorithm: Algorithm) -> Self {
        let now = Timestamp::from_millis(CLOCK_MS);
        let authority = certs::Authority::new(now, Algorithm::EcdsaP256).unwrap();
        let issue = |profile: &str, key: &PrivateKey| {
            let profile = certs::Profile::named(profile).unwrap();
            let subject = certs::Subject::named("BANK01");
            let issued = authority.issue(profile, &subject, certs::Key::Own(key), now).unwrap();
            Pair { key: key.clone(), certificate: issued.certificate }
        };
        let own = PrivateKey::generate(algorithm).unwrap();
        let beside = match algorithm {
            Algorithm::Gost(Curve::CryptoProA) => Algorithm::Gost(Curve::Tc26A256),
            _ => Algorithm::GOST_256,
        };
        let stranger = PrivateKey::generate(if algorithm == Algorithm::Rsa2048 { beside } else { algorithm }).unwrap();
        Self {
            expired: issue("partner-expired", &own),
            foreign: issue("partner-foreign-authority", &stranger),
            other_curve: issue("partner", &PrivateKey::generate(beside).unwrap()),
            own: issue("partner", &own),
        }
    }

    /// The key that the bank signs with, and its certificate.
    pub(crate) fn own(&self) -> (&PrivateKey, &Certificate) {
        (&self.own.key, &self.own.certificate)
    }

    fn hand(&self) -> Hand {
        Hand {
            key: self.own.key.clone(),
            inside: self.own.certificate.clone(),
            hash: self.own.certificate.client_certificate_hash(),
            turn: None,
            options: cms::Options::default(),
            sign: None,
        }
    }

    /// Two authorisation requests, signed as the hand says, then changed on their way.
    fn play(&self, protocol: Protocol, hand: &Hand, change: impl Fn(&mut Pairs)) -> Scene {
        use base64::Engine;
        let mut scene = Scene::new(protocol);
        scene.trace.bank.certificates = vec![self.own.certificate.pem(), self.expired.certificate.pem()];
        scene.trace.bank.other_certificates = vec![self.foreign.certificate.pem(), self.other_curve.certificate.pem()];
        for _ in 0..2 {
            scene.pass_ms(3000);
            let (mut pairs, _) = scene.ask_params("openid fullname");
            let probe = scene.exchange(Party::Suite, Party::Suite, "GET", PORTAL);
            let at = scene.wire(probe).at.to_esia();
            let find =
                |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap();
            let (scope, state) = (find("scope"), find("state"));
            let text = match protocol {
                Protocol::EsiaV1 => format!("{scope}{at}BANK01{state}"),
                _ => format!("BANK01{scope}{at}{state}{CALLBACK}"),
            };
            let mut signature = match (protocol, hand.sign) {
                (_, Some(sign)) => sign(&hand.key, text.as_bytes()),
                (Protocol::EsiaV1, None) => cms::sign(text.as_bytes(), &hand.key, &hand.inside, &hand.options).unwrap(),
                _ => crypto::raw::sign(&hand.key, text.as_bytes()).unwrap(),
            };
            if let Some(turn) = hand.turn {
                // In a container the signature is the last member.
                let bare = if protocol == Protocol::EsiaV1 { hand.key.public().bits() / 4 } else { signature.len() };
                let from = signature.len() - bare;
                let turned = turn.apply(&signature[from..]);
                signature.splice(from.., turned);
            }
            pairs.push(("timestamp".to_owned(), at));
            pairs
                .push(("client_secret".to_owned(), base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature)));
            if protocol == Protocol::EsiaV3 {
                pairs.push(("client_certificate_hash".to_owned(), hand.hash.clone()));
            }
            change(&mut pairs);
            scene.ask(ANNA, &pairs);
        }
        scene
    }

    /// With the own key and certificate, changed on the way.
    pub(crate) fn signed(&self, protocol: Protocol, change: impl Fn(&mut Pairs), options: cms::Options) -> Scene {
        self.play(protocol, &Hand { options, ..self.hand() }, change)
    }
}

fn said(id: &str, scene: &Scene) -> Judgement {
    judge(rule(id).unwrap(), &scene.trace)
}

#[track_caller]
fn fails(id: &str, scene: &Scene, words: &str, about: &str) {
    let judgement = said(id, scene);
    assert_eq!(judgement.verdict, Verdict::Fail, "{about}: {id}: {judgement:?}");
    assert!(judgement.message.contains(words), "{about}: {id} says {:?}, not {words:?}", judgement.message);
}

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::EcdsaP256,
    Algorithm::GOST_256,
    Algorithm::Gost(Curve::Tc26A256),
    Algorithm::GOST_512,
    Algorithm::Rsa2048,
];

#[test]
fn requests_of_every_algorithm_keep_every_duty() {
    for algorithm in ALGORITHMS {
        let keys = Keys::of(algorithm);
        for protocol in [Protocol::EsiaV3, Protocol::EsiaV1] {
            let scene = keys.play(protocol, &keys.hand(), |_| {});
            for id in ["SIG-01", "SIG-02", "SIG-04", "SIG-05", "SIG-06", "SIG-08"] {
                let judgement = said(id, &scene);
                let has_meaning = id != "SIG-04" || protocol == Protocol::EsiaV1;
                let wanted = if has_meaning { Verdict::Pass } else { Verdict::NotApplicable };
                assert_eq!(judgement.verdict, wanted, "{algorithm} {protocol:?}: {id}: {judgement:?}");
            }
        }
    }
}

#[test]
fn wrong_strings_and_certificates_are_found_whatever_the_algorithm() {
    for algorithm in ALGORITHMS {
        let keys = Keys::of(algorithm);
        let by = |pair: &Pair| Hand {
            key: pair.key.clone(),
            inside: pair.certificate.clone(),
            hash: pair.certificate.client_certificate_hash(),
            ..keys.hand()
        };
        for protocol in [Protocol::EsiaV3, Protocol::EsiaV1] {
            let about = format!("{algorithm} {protocol:?}");
            let other = |pairs: &mut Pairs| set(pairs, "scope", "openid snils");
            fails("SIG-01", &keys.play(protocol, &keys.hand(), other), "does not hold over", &about);
            let expired = Hand { key: keys.own.key.clone(), ..by(&keys.expired) };
            fails("SIG-06", &keys.play(protocol, &expired, |_| {}), "was not valid at that time", &about);
            let foreign = keys.play(protocol, &by(&keys.foreign), |_| {});
            fails("SIG-06", &foreign, "not one registered for the bank: it is", &about);
            let hand = Hand { hash: keys.hand().hash, ..by(&keys.other_curve) };
            let scene = keys.play(protocol, &hand, |_| {});
            fails("SIG-06", &scene, "a key of GOST R 34.10-2012 256 id-tc26-gost-3410-2012-256-paramSet", &about);
        }
        let attached = Hand { options: cms::Options { attached: true, ..cms::Options::default() }, ..keys.hand() };
        fails("SIG-04", &keys.play(Protocol::EsiaV1, &attached, |_| {}), "attached", algorithm.as_str());
    }
}

#[test]
fn bytes_in_another_order_are_told() {
    for algorithm in ALGORITHMS {
        let keys = Keys::of(algorithm);
        let hand = Hand { turn: Some(Turn::Whole), ..keys.hand() };
        let scene = keys.play(Protocol::EsiaV3, &hand, |_| {});
        fails("SIG-01", &scene, "only when its bytes are turned round", algorithm.as_str());
        if algorithm.family().is_gost() {
            let scene = keys.play(Protocol::EsiaV1, &hand, |_| {});
            fails("SIG-01", &scene, "only when its bytes are turned round", algorithm.as_str());
        }
    }
}

#[test]
fn a_hash_of_the_wrong_thing_or_by_the_wrong_digest_is_told() {
    for algorithm in ALGORITHMS {
        let keys = Keys::of(algorithm);
        let der = keys.own.certificate.der();
        let is_gost = algorithm.family().is_gost();
        let by = |bytes: &[u8], streebog: bool| if streebog { streebog256(bytes) } else { digest::sha256(bytes) };
        let play = |hash: &[u8]| keys.play(Protocol::EsiaV3, &Hand { hash: hex::encode(hash), ..keys.hand() }, |_| {});
        let of_pem = by(keys.own.certificate.pem().as_bytes(), is_gost);
        fails("SIG-06", &play(&of_pem), "the hash is of the PEM text", algorithm.as_str());
        let other = if is_gost {
            "client_certificate_hash is SHA-256, its key prescribes Streebog-256"
        } else {
            "client_certificate_hash is Streebog-256, its key prescribes SHA-256"
        };
        fails("SIG-05", &play(&by(der, !is_gost)), other, algorithm.as_str());
        fails("SIG-05", &play(&digest::sha1(der)), "client_certificate_hash is SHA-1", algorithm.as_str());
    }
}

#[test]
fn a_digest_that_does_not_go_with_the_key_is_told() {
    let keys = Keys::of(Algorithm::GOST_256);
    let over_sha: Sign = |key, text| key.gost().unwrap().sign_digest(&digest::sha256(text)).unwrap();
    let scene = keys.play(Protocol::EsiaV3, &Hand { sign: Some(over_sha), ..keys.hand() }, |_| {});
    fails("SIG-01", &scene, "the digest is SHA-256", "v3");
    fails("SIG-05", &scene, "over SHA-256, Streebog is prescribed", "v3");
    // The container names Streebog-512; its key is one of 256 bits.
    let hand = keys.hand();
    let mut container = cms::sign(b"text", &hand.key, &hand.inside, &hand.options).unwrap();
    let (streebog_256, streebog_512) = ([0x2a, 0x85, 3, 7, 1, 1, 2, 2], [0x2a, 0x85, 3, 7, 1, 1, 2, 3]);
    let last = container.windows(8).rposition(|window| window == streebog_256).unwrap();
    container[last..last + 8].copy_from_slice(&streebog_512);
    let read = cms::Container::read(&container).unwrap();
    assert_eq!(read.signers[0].digest, "1.2.643.7.1.1.2.3");
    let scene = keys.play(Protocol::EsiaV1, &hand, |pairs| {
        use base64::Engine;
        set(pairs, "client_secret", &base64::engine::general_purpose::STANDARD.encode(&container));
    });
    fails("SIG-05", &scene, "uses Streebog-512, its key prescribes Streebog-256", "v1");
}

#[test]
fn a_registered_key_under_another_registered_name_is_told() {
    let (keys, other) = (Keys::of(Algorithm::GOST_256), Keys::of(Algorithm::GOST_256));
    let hand = Hand { key: other.own.key.clone(), ..keys.hand() };
    let mut scene = keys.play(Protocol::EsiaV3, &hand, |_| {});
    scene.trace.bank.certificates.push(other.own.certificate.pem());
    assert_eq!(said("SIG-01", &scene).verdict, Verdict::Pass);
    fails("SIG-06", &scene, "by another registered key than the request names", "v3");
}
