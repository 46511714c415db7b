//! Reading single messages: addresses, forms, JSON, tokens. Nothing here is trusted; what cannot be read is absent.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use contract::exchange::{Exchange, header};
use serde_json::Value;
use url::Url;

/// Parameters in the order sent, decoded.
pub type Params = Vec<(String, String)>;

const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LOOSE);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LOOSE);

/// Base64 of either alphabet, with or without padding.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text)).ok()
}

/// The path of an address without doubled and trailing slashes, as the portal reads it.
pub fn path(url: &str) -> String {
    let raw = Url::parse(url).map(|url| url.path().to_owned()).unwrap_or_default();
    let mut path = String::with_capacity(raw.len());
    for part in raw.split('/').filter(|part| !part.is_empty()) {
        path.push('/');
        path.push_str(part);
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

/// Scheme, host and port of an address.
pub fn origin(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// Parameters of an address's query.
pub fn query(url: &str) -> Params {
    Url::parse(url).map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

/// Parameters of a form body.
pub fn form(exchange: &Exchange) -> Params {
    let body = exchange.request.body.text();
    let kind = header(&exchange.request.headers, "content-type").unwrap_or_default();
    if body.is_empty() || body.trim_start().starts_with(['{', '<', '[']) || kind.contains("json") {
        return Params::new();
    }
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

/// The first value of a parameter.
pub fn first<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// All values of a parameter.
pub fn all<'a>(params: &'a Params, name: &str) -> Vec<&'a str> {
    params.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

/// The response's JSON.
pub fn answer_json(exchange: &Exchange) -> Option<Value> {
    serde_json::from_str(exchange.response.as_ref()?.body.text()).ok()
}

/// The request's JSON.
pub fn request_json(exchange: &Exchange) -> Option<Value> {
    serde_json::from_str(exchange.request.body.text()).ok()
}

/// Status of the response, 0 when nothing was answered.
pub fn status(exchange: &Exchange) -> u16 {
    exchange.response.as_ref().map_or(0, |response| response.status)
}

/// A header of the request.
pub fn sent<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    header(&exchange.request.headers, name)
}

/// A header of the response.
pub fn got<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    header(&exchange.response.as_ref()?.headers, name)
}

/// The token in `Authorization: Bearer …` (the scheme in any letter case).
pub fn bearer(exchange: &Exchange) -> Option<&str> {
    let value = sent(exchange, "authorization")?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A JWT's header and claims, not verified.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// First part.
    pub header: Value,
    /// Second part.
    pub claims: Value,
}

/// Reads a JWT without trusting it.
pub fn jwt(text: &str) -> Option<Jwt> {
    let mut parts = text.split('.');
    let header = serde_json::from_slice(&base64(parts.next()?)?).ok()?;
    let claims = serde_json::from_slice(&base64(parts.next()?)?).ok()?;
    parts.next()?;
    Some(Jwt { header, claims })
}

/// The person that a token names: `sub`, `urn:esia:sbj_id`, or the OID inside `urn:esia:sbj`.
pub fn subject(claims: &Value) -> Option<i64> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    claims
        .get("sub")
        .and_then(number)
        .or_else(|| claims.get("urn:esia:sbj_id").and_then(number))
        .or_else(|| claims.get("urn:esia:sbj")?.get("urn:esia:sbj:oid").and_then(number))
}

/// A secret as evidence may show it: its beginning and its length.
pub fn mask(secret: &str) -> String {
    let head: String = secret.chars().take(6).collect();
    let length = secret.chars().count();
    if length <= 6 { format!("…({length})") } else { format!("{head}…({length})") }
}

/// The OID in `…?oid=1000…` of an ESIA scope.
pub fn scope_oid(scope: &str) -> Option<i64> {
    let at = scope.find("oid=")?;
    let digits: String = scope[at + 4..].chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Scope words without host and person: `http://…/usr_inf?oid=1` is `usr_inf`.
pub fn scope_words(scope: &str) -> Vec<String> {
    scope
        .split_whitespace()
        .map(|word| word.split('?').next().unwrap_or(word))
        .map(|word| word.rsplit('/').next().unwrap_or(word).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Every text or number at the leaves of a value, as text.
pub fn leaves(value: &Value) -> Vec<String> {
    fn walk(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, out)),
            Value::Object(members) => members.values().for_each(|member| walk(member, out)),
            Value::Number(number) => out.push(number.to_string()),
            Value::String(text) => out.push(text.clone()),
            Value::Bool(_) | Value::Null => {}
        }
    }
    let mut out = Vec::new();
    walk(value, &mut out);
    out
}

/// Whether an exchange carries a value anywhere on its way out: address, headers, body.
pub fn carries(exchange: &Exchange, secret: &str) -> bool {
    if secret.len() < 8 {
        return false;
    }
    let escaped: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let hit = |text: &str| text.contains(secret) || text.contains(&escaped);
    hit(&exchange.request.url)
        || exchange.request.headers.iter().any(|(_, value)| hit(value))
        || hit(exchange.request.body.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_extra_slashes() {
        assert_eq!(path("https://localhost:1/rs//prns/1/?a=b"), "/rs/prns/1");
        assert_eq!(path("no address"), "/");
    }

    #[test]
    fn a_token_names_its_person_in_one_of_three_places() {
        use serde_json::json;
        assert_eq!(subject(&json!({"sub": "7"})), Some(7));
        assert_eq!(subject(&json!({"sub": 7})), Some(7));
        assert_eq!(subject(&json!({"urn:esia:sbj_id": 8, "sub": "client"})), Some(8));
        assert_eq!(subject(&json!({"urn:esia:sbj": {"urn:esia:sbj:oid": 9}})), Some(9));
        assert_eq!(subject(&json!({"iss": "7"})), None);
    }

    #[test]
    fn secrets_are_masked() {
        assert_eq!(mask("abcdefghij"), "abcdef…(10)");
        assert_eq!(mask("ab"), "…(2)");
    }

    #[test]
    fn scopes_lose_host_and_person() {
        assert_eq!(scope_words("openid http://esia.gosuslugi.ru/usr_inf?oid=1"), ["openid", "usr_inf"]);
        assert_eq!(scope_oid("prm_chg?oid=1000299944"), Some(1_000_299_944));
    }
}
