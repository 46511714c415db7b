//! The bank's own key in the suite's hand: calls of the portal that are signed as the bank would sign them, right or
//! wrong, so that what the portal answers can be tried without the bank's help. The bank takes no part, and the recording
//! names such a call as somebody else's.

use contract::exchange::Party;
use contract::smev::{SOAP, Version};
use contract::time::{Span, Timestamp};
use crypto::jws::{self, Alg, Signer};
use crypto::xmldsig::{self, Document, Limits, Place, SignAsk};
use crypto::{Certificate, Family, PrivateKey, cms, raw};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::lane::Lane;
use super::play::Play;
use super::stranger;
use crate::error::SuiteError;
use crate::scenario::fill::{self, Name};
use crate::scenario::model::{DataToken, PartnerStep, StrangerStep};

/// What stands under the name `fresh`, drawn at each use: `{fresh.uuid}`, `{fresh.message}` (an id of the message exchange, a
/// UUID of version 1), `{fresh.now}` (the portal's time as the exchange writes it).
pub(crate) const FRESH: &[&str] = &["message", "now", "uuid"];

/// Life of a client assertion, in seconds.
const ASSERTION: i64 = 60;

pub(crate) fn fresh(lane: &Lane, name: &Name) -> Option<Value> {
    let [what] = name.way.as_slice() else { return None };
    match what.as_str() {
        _ if name.root != "fresh" => None,
        "message" => Some(Value::from(message_id(now(lane)))),
        "now" => Some(Value::from(moscow(now(lane)))),
        "uuid" => Some(Value::from(lane.name_operation())),
        _ => None,
    }
}

pub(crate) async fn step(lane: &Lane, play: &Play, step: &PartnerStep, index: usize) -> Result<String, SuiteError> {
    let hand = Hand::open(lane)?;
    let mut call = StrangerStep {
        call: step.call.clone(),
        headers: step.headers.clone(),
        body: step.body.clone(),
        status: step.status.clone(),
        code: step.code.clone(),
        answers: step.answers.clone(),
        save: step.save.clone(),
    };
    if let Some(wanted) = &step.token {
        match hand.data_token(lane, play, wanted).await {
            Ok(token) => {
                call.headers.insert("authorization".to_owned(), format!("Bearer {token}"));
            }
            Err(why) => {
                play.unmet(Some(index), format!("{}: no data token: {why}", step.call.value), Vec::new());
                return Ok(why);
            }
        }
    }
    match step.sign.as_ref().map(|sign| sign.value.as_str()) {
        Some("smev") => hand.envelope(&mut call, step)?,
        Some(way) => hand.form(lane, &mut call, way, step)?,
        None if !step.form.is_empty() => {
            let pairs = step.form.iter().map(|(name, value)| (name.clone(), fill::written(value))).collect();
            put(&mut call, pairs);
        }
        None => {}
    }
    stranger::step(lane, play, &call, index).await
}

/// The bank's key, its certificate and its name at the portal.
struct Hand<'a> {
    key: PrivateKey,
    certificate: Certificate,
    client_id: &'a str,
    redirect_uri: &'a str,
}

type Pairs = Vec<(String, String)>;

impl<'a> Hand<'a> {
    fn open(lane: &'a Lane) -> Result<Self, SuiteError> {
        let issued = &lane.client;
        let text = std::fs::read_to_string(&issued.key).map_err(|cause| {
            SuiteError::new(format!("cannot read {}: {cause}", issued.key.display()), "keep the folder of the run")
        })?;
        let odd = |why: String| SuiteError::new(format!("the bank's key: {why}"), "give the suite a usable key");
        Ok(Self {
            key: PrivateKey::from_pem(&text).map_err(|error| odd(error.to_string()))?,
            certificate: Certificate::from_pem(&issued.pem).map_err(|error| odd(error.to_string()))?,
            client_id: &lane.bank_facts.client_id,
            redirect_uri: &lane.bank_facts.redirect_uri,
        })
    }

    /// The parameters of a signed request of ESIA, or of one with a client assertion, in the query or in the body.
    fn form(&self, lane: &Lane, call: &mut StrangerStep, way: &str, step: &PartnerStep) -> Result<(), SuiteError> {
        let is_query = step.call.value.starts_with("GET ");
        let mut pairs = match (way, is_query) {
            ("assertion", true) => vec![pair("client_id", self.client_id)],
            ("assertion", false) => {
                [vec![pair("client_id", self.client_id)], self.assertion(lane, &step.claims)?].concat()
            }
            (_, true) => {
                let more = vec![pair("response_type", "code"), pair("access_type", "online")];
                [self.signed_members(lane, "openid"), more].concat()
            }
            (_, false) => self.token_members(lane, "openid"),
        };
        change(&mut pairs, &step.form);
        if way != "assertion" {
            self.sign(way, &mut pairs)?;
        }
        change(&mut pairs, &step.instead);
        put(call, pairs);
        Ok(())
    }

    /// What every signed request of ESIA bears.
    fn signed_members(&self, lane: &Lane, scope: &str) -> Pairs {
        vec![
            pair("client_id", self.client_id),
            pair("scope", scope),
            pair("timestamp", &now(lane).to_esia()),
            pair("state", &lane.name_operation()),
            pair("redirect_uri", self.redirect_uri),
        ]
    }

    /// What a request for a token of the system itself bears.
    fn token_members(&self, lane: &Lane, scope: &str) -> Pairs {
        let more = vec![pair("grant_type", "client_credentials"), pair("token_type", "Bearer")];
        [self.signed_members(lane, scope), more].concat()
    }

    /// `client_secret`, and for v2 and v3 the hash of the certificate beside it (Methodical recommendations for ESIA, B.2, B.7).
    fn sign(&self, way: &str, pairs: &mut Pairs) -> Result<(), SuiteError> {
        let of = |name: &str| pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        let order: &[&str] = match way {
            "v1" => &["scope", "timestamp", "client_id", "state"],
            _ => &["client_id", "scope", "timestamp", "state", "redirect_uri", "code"],
        };
        let text: String = order.iter().map(|name| of(name)).collect();
        let bytes = match way {
            "v1" => cms::sign(text.as_bytes(), &self.key, &self.certificate, &cms::Options::default())
                .map_err(|error| error.to_string()),
            _ => raw::sign(&self.key, text.as_bytes()).map_err(|error| error.to_string()),
        };
        let bytes = bytes.map_err(|why| SuiteError::new(format!("cannot sign: {why}"), "use another key"))?;
        pairs.push(pair("client_secret", &crypto::base64::encode_url(&bytes)));
        if way != "v1" {
            let hash = self.certificate.client_certificate_hash().to_ascii_uppercase();
            pairs.push(pair("client_certificate_hash", &hash));
        }
        Ok(())
    }

    /// RFC 7523 §2.2 and §3.
    fn assertion(&self, lane: &Lane, claims: &Map<String, Value>) -> Result<Pairs, SuiteError> {
        let alg = match self.key.family() {
            Family::EcdsaP256 => Alg::Es256,
            Family::Gost256 => Alg::Gost256,
            Family::Gost512 => Alg::Gost512,
            Family::Rsa => Alg::Ps256,
        };
        let at = now(lane).seconds();
        let mut said = json!({
            "iss": self.client_id, "sub": self.client_id, "aud": lane.portal_facts.oidc_issuer, "iat": at,
            "exp": at + ASSERTION, "jti": lane.name_operation(),
        });
        for (name, value) in claims {
            said[name.as_str()] = value.clone();
        }
        let header = json!({"alg": alg.as_str(), "typ": "JWT", "kid": self.certificate.thumbprint()});
        let assertion = jws::build(&header, &said, Signer::Key(&self.key, alg))
            .map_err(|error| SuiteError::new(format!("cannot sign: {error}"), "use another key"))?;
        Ok(vec![
            pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            pair("client_assertion", &assertion),
        ])
    }

    /// A token for one request under a consent, as a bank takes it (the ESIA page, §11).
    async fn data_token(&self, lane: &Lane, play: &Play, wanted: &DataToken) -> Result<String, String> {
        let member = play.member(&wanted.person.value).ok_or("nobody is called so")?;
        let mut pairs = self.token_members(lane, &format!("prm_chg?oid={}", member.person.oid));
        pairs.push(pair("consent", &wanted.consent.value));
        self.sign("v3", &mut pairs).map_err(|error| error.to_string())?;
        let url = format!("{}/aas/oauth2/v3/te", lane.portal_facts.origin);
        let request = lane.agency.client.post(url).header("user-agent", lane.agency.stranger()).form(&pairs);
        let (_, answer) = lane.agency.exchange(Party::Attacker, request, lane.patience()).await;
        let (status, _, bytes) = answer?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let token = body["access_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| format!("{} {}", status.as_u16(), String::from_utf8_lossy(&bytes)))
    }

    /// Puts the body into a signed envelope of the version and the operation that the call names.
    fn envelope(&self, call: &mut StrangerStep, step: &PartnerStep) -> Result<(), SuiteError> {
        let odd = |why: String| SuiteError::new(format!("`{}`: {why}", step.call.value), "see `partner` in the README");
        let (path, operation) = step
            .call
            .value
            .split_once('#')
            .ok_or_else(|| odd("no operation is named; write `POST /smev/1.2#GetResponse`".to_owned()))?;
        let named = path.rsplit('/').next().and_then(Version::named);
        let version = named.ok_or_else(|| odd("the exchange has no such version".to_owned()))?;
        let inner = step.body.as_ref().map(fill::written).unwrap_or_default();
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"{SOAP}\"><soap:Header/><soap:Body>\
             <m:{operation}Request xmlns:m=\"{}\" xmlns:b=\"{}\">{inner}<m:CallerInformationSystemSignature>\
             </m:CallerInformationSystemSignature></m:{operation}Request></soap:Body></soap:Envelope>",
            version.types(),
            version.basic()
        );
        let document = Document::parse(text.as_bytes(), Limits::default()).map_err(|error| odd(error.to_string()))?;
        let call_element = document.root().child(SOAP, "Body").and_then(|body| body.children().next());
        let parts: Vec<_> = call_element.into_iter().flat_map(|call| call.children()).collect();
        let (Some(first), Some(place)) = (parts.first(), parts.last()) else {
            return Err(odd("the body has no element to sign".to_owned()));
        };
        let ask = SignAsk::smev(*first, Place::LastIn(*place), &self.key, &self.certificate);
        let signed = xmldsig::sign(&document, &ask).map_err(|error| odd(error.to_string()))?;
        // After the signature: what an intermediary or a careless system does to the text.
        let signed = step.instead.iter().fold(signed, |text, (old, new)| text.replacen(old, &fill::written(new), 1));
        call.call.value = path.to_owned();
        call.headers.entry("content-type".to_owned()).or_insert_with(|| "text/xml; charset=utf-8".to_owned());
        call.headers.entry("soapaction".to_owned()).or_insert_with(|| format!("\"urn:{operation}\""));
        call.body = Some(Value::from(signed));
        Ok(())
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Sets or, where the value is null, takes away.
fn change(pairs: &mut Pairs, changes: &Map<String, Value>) {
    for (name, value) in changes {
        let at = pairs.iter().position(|(known, _)| known == name);
        match (at, value) {
            (Some(at), Value::Null) => {
                pairs.remove(at);
            }
            (None, Value::Null) => {}
            (Some(at), value) => pairs[at].1 = fill::written(value),
            (None, value) => pairs.push(pair(name, &fill::written(value))),
        }
    }
}

/// Into the query of a GET, else into the body as a form.
fn put(call: &mut StrangerStep, pairs: Pairs) {
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if call.call.value.starts_with("GET ") {
        let mark = if call.call.value.contains('?') { '&' } else { '?' };
        call.call.value = format!("{}{mark}{text}", call.call.value);
    } else {
        let form = "application/x-www-form-urlencoded".to_owned();
        call.headers.entry("content-type".to_owned()).or_insert(form);
        call.body = Some(Value::from(text));
    }
}

/// The portal's time: the wall's, moved as the scenario moved it.
fn now(lane: &Lane) -> Timestamp {
    lane.agency.clock.now()
}

fn moscow(at: Timestamp) -> String {
    let shifted = (at + Span::from_minutes(180)).to_string();
    let day_and_time: String = shifted.chars().take(19).collect();
    format!("{day_and_time}.{:03}+03:00", at.millis().rem_euclid(1000))
}

fn message_id(at: Timestamp) -> String {
    let nanos = u32::try_from(at.millis().rem_euclid(1000)).unwrap_or_default() * 1_000_000;
    let seconds = u64::try_from(at.seconds()).unwrap_or_default();
    // Ids of one instant differ by the sequence, which counts.
    let stamp = uuid::Timestamp::from_unix(&SEQUENCE, seconds, nanos);
    uuid::Uuid::new_v1(stamp, &[0x01, 0x53, 0x54, 0x45, 0x4e, 0x44]).to_string()
}

static SEQUENCE: uuid::ContextV1 = uuid::ContextV1::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_messages_are_of_version_one_and_never_the_same() {
        let at = Timestamp::from_millis(1_795_369_909_928);
        let (one, two) = (message_id(at), message_id(at));
        assert_ne!(one, two);
        assert_eq!(uuid::Uuid::parse_str(&one).unwrap().get_version_num(), 1);
        let stamp = uuid::Uuid::parse_str(&one).unwrap().get_timestamp().unwrap().to_unix();
        assert_eq!(stamp, (1_795_369_909, 928_000_000));
        assert_eq!(moscow(at), "2026-11-22T20:51:49.928+03:00");
    }

    #[test]
    fn a_change_sets_adds_and_takes_away() {
        let mut pairs = vec![pair("scope", "openid"), pair("state", "1")];
        let changes = json!({"scope": "snils", "state": null, "code": 7, "nonce": null});
        change(&mut pairs, changes.as_object().unwrap());
        assert_eq!(pairs, [pair("scope", "snils"), pair("code", "7")]);
    }
}
