//! Events from the portal: signed messages (RFC 9421 over method, own address and the body's digest, RFC 9530), taken
//! within a window of time, applied once. Verification comes before reading; a message that fails it changes nothing.

use std::sync::Arc;

use crypto::http_signature::{
    Expect, HttpAlg, HttpSignatureError, Message, Verifier, check_content_digest, content_digest, verify,
};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

use crate::bank::Bank;
use crate::conduct::{Diligence, HookCheck, HooksDuty, MatterDuty, RecordDuty};
use crate::consents::State;
use crate::id_token::signature::forms;
use crate::keys::Read;
use crate::protocol::metadata::metadata;

/// Where the portal delivers.
pub(crate) const PATH: &str = "/hooks/portal";
const LONGEST: usize = 256 * 1024;

/// What the bank answers; the portal delivers again after anything but 2xx.
pub(crate) async fn receive(bank: &Arc<Bank>, method: &Method, headers: &HeaderMap, body: &[u8]) -> u16 {
    let by_post = *method == Method::POST;
    if !by_post {
        return if bank.conduct.record(RecordDuty::HookByPostOnly) { 405 } else { 200 };
    }
    let media = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json");
    if !is_json {
        return if bank.conduct.record(RecordDuty::HookByPostOnly) { 415 } else { 200 };
    }
    if body.len() > LONGEST && bank.conduct.keeps(HooksDuty::Bounded) {
        return 413;
    }
    if serde_json::from_slice::<Value>(body).is_err() && !bank.conduct.keeps(HooksDuty::GarbageTold) {
        // The variant that reads before it verifies, and falls over what it cannot read.
        return 500;
    }
    let late = match judge(bank, PATH, headers, body).await {
        Ok(late) => late,
        Err(obstacle) => return refuse(bank, &obstacle),
    };
    let Ok(event) = serde_json::from_slice::<Value>(body) else { return 400 };
    let Some(id) = event["id"].as_str() else { return 400 };
    let name = format!("hook/{}", crypto::digest::sha256_hex(id.as_bytes()));
    let again = bank.store.read::<bool>(&name).is_some();
    let once = bank.conduct.record(RecordDuty::HookOnce);
    if !again || !once {
        visit(bank, &event).await;
        apply(bank, &event, again);
        bank.store.put(&name, &true, true);
        bank.audit.note(bank.clock.now(), id, "hook.applied", None);
    }
    match late {
        Some(obstacle) => refuse(bank, &obstacle),
        None => 204,
    }
}

fn refuse(bank: &Bank, obstacle: &HttpSignatureError) -> u16 {
    bank.audit.note(bank.clock.now(), "hook", "hook.refused", Some(("signature", obstacle.code())));
    bank.diary.note(bank.clock.now(), "hook.refused", &[("why", &obstacle.to_string())]);
    match obstacle {
        HttpSignatureError::Unsigned => 401,
        _ => 403,
    }
}

/// Verifies; what a variant overlooks is set aside and the rest is verified all the same.
pub(crate) async fn judge(
    bank: &Arc<Bank>,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<HttpSignatureError>, HttpSignatureError> {
    let mut keys = read_keys(bank).await;
    let mut refetched = false;
    let mut set_aside: Vec<HookCheck> = Vec::new();
    let mut late = None;
    loop {
        let obstacle = match examine(bank, path, headers, body, &keys, &set_aside) {
            Ok(()) => return Ok(late),
            Err(obstacle) => obstacle,
        };
        if matches!(obstacle, HttpSignatureError::UnknownKey(_)) && !refetched {
            refetched = true;
            keys = read_keys(bank).await;
            continue;
        }
        let ways = ways(&obstacle, headers);
        let way = ways.into_iter().find(|way| bank.conduct.hook(*way) != Diligence::Full && !set_aside.contains(way));
        let Some(way) = way else { return Err(obstacle) };
        match bank.conduct.hook(way) {
            Diligence::Late => late = late.or(Some(obstacle)),
            Diligence::LoggedOnly => {
                bank.diary.note(bank.clock.now(), "overlooked", &[("why", &obstacle.to_string())]);
            }
            Diligence::Full | Diligence::Skipped | Diligence::WrongField => {}
        }
        set_aside.push(way);
    }
}

/// The checks that an obstacle could belong to.
fn ways(obstacle: &HttpSignatureError, headers: &HeaderMap) -> Vec<HookCheck> {
    use HookCheck as Check;
    let names_hmac = headers
        .get("signature-input")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("hmac"));
    match obstacle {
        HttpSignatureError::Unsigned => vec![Check::Signed],
        HttpSignatureError::UnknownKey(_) => vec![Check::KeyKnown],
        HttpSignatureError::TooOld(_) | HttpSignatureError::Expired(_) => vec![Check::TooOld],
        HttpSignatureError::Future(_) => vec![Check::Ahead],
        HttpSignatureError::NotCovered(_) => vec![Check::DigestCovered],
        HttpSignatureError::Digest(_) => vec![Check::Digest, Check::Whitespace],
        HttpSignatureError::AlgorithmDiffers { .. } if names_hmac => vec![Check::Hmac],
        HttpSignatureError::AlgorithmDiffers { .. } => vec![Check::Algorithm],
        HttpSignatureError::Mismatch if names_hmac => vec![Check::Hmac, Check::Signature],
        HttpSignatureError::Mismatch => vec![Check::Signature, Check::Receiver],
        _ => Vec::new(),
    }
}

fn examine(
    bank: &Bank,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
    keys: &Read,
    set_aside: &[HookCheck],
) -> Result<(), HttpSignatureError> {
    let aside = |check: HookCheck| set_aside.contains(&check);
    if [HookCheck::Signed, HookCheck::Signature, HookCheck::Receiver, HookCheck::KeyKnown].into_iter().any(aside) {
        // Who signed is not asked; whether the body is the one that was signed still is.
        return if headers.contains_key("content-digest") { digest(headers, body, &aside) } else { Ok(()) };
    }
    let mut expect = Expect::at(bank.clock.now().seconds());
    if aside(HookCheck::TooOld) {
        expect.max_age = 1 << 40;
    }
    if aside(HookCheck::Ahead) {
        expect.skew = 1 << 40;
    }
    if aside(HookCheck::DigestCovered) {
        expect.required.retain(|name| name != "content-digest");
    }
    let address = format!("{}{path}", bank.origin);
    let message = Message { method: "POST", target_uri: &address, headers, status: None };
    let find = |kid: &str, named: Option<&str>| {
        let jwk = keys.set.named(kid).find(|key| key.use_.as_deref().is_none_or(|use_| use_ == "sig"))?;
        let key = jwk.public_key().ok()?;
        let other = HttpAlg::RsaPssSha512;
        match named {
            Some(name) if aside(HookCheck::Algorithm) && name == other.as_str() => Some(Verifier::Key(key, other)),
            _ => Some(Verifier::of(key)),
        }
    };
    if aside(HookCheck::Hmac) {
        return hmac(&message, body, &expect, keys);
    }
    if aside(HookCheck::Algorithm)
        && !matches!(verify(&message, body, &expect, find), Err(HttpSignatureError::AlgorithmDiffers { .. }))
    {
        return verify(&message, body, &expect, find).map(|_| ());
    }
    if aside(HookCheck::Algorithm) {
        return digest(headers, body, &aside);
    }
    match verify(&message, body, &expect, find) {
        Ok(_) => Ok(()),
        Err(HttpSignatureError::Digest(_)) if aside(HookCheck::Digest) || aside(HookCheck::Whitespace) => {
            digest(headers, body, &aside)
        }
        Err(obstacle) => Err(obstacle),
    }
}

/// The body's digest, as strictly as what was set aside allows.
fn digest(headers: &HeaderMap, body: &[u8], aside: &impl Fn(HookCheck) -> bool) -> Result<(), HttpSignatureError> {
    match check_content_digest(headers, body) {
        Err(obstacle) if aside(HookCheck::Whitespace) => {
            let mut tidy = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(&content_digest(&minified(body))) {
                tidy.insert("content-digest", value);
            }
            if tidy.get("content-digest") == headers.get("content-digest") { Ok(()) } else { Err(obstacle) }
        }
        Err(_) if aside(HookCheck::Digest) => Ok(()),
        judged => judged,
    }
}

/// The variant that takes a published key's text for a shared secret.
fn hmac(message: &Message<'_>, body: &[u8], expect: &Expect, keys: &Read) -> Result<(), HttpSignatureError> {
    let mut outcome = Err(HttpSignatureError::Mismatch);
    for jwk in &keys.set.keys {
        let Ok(key) = jwk.public_key() else { continue };
        for secret in forms(jwk, &key) {
            let verdict = verify(message, body, expect, |_, _| Some(Verifier::Hmac(secret.clone())));
            if verdict.is_ok() {
                outcome = Ok(());
            }
        }
    }
    outcome
}

/// JSON without the white space between its tokens.
fn minified(body: &[u8]) -> Vec<u8> {
    let (mut out, mut in_text, mut escaped) = (Vec::with_capacity(body.len()), false, false);
    for byte in body.iter().copied() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b' ' | b'\t' | b'\r' | b'\n' if !in_text => continue,
            _ => {}
        }
        out.push(byte);
    }
    out
}

async fn read_keys(bank: &Bank) -> Read {
    let address = if bank.options.protocol.is_esia() {
        bank.at("/.well-known/jwks.json")
    } else {
        match metadata(bank).await {
            Ok(metadata) => metadata.keys.clone(),
            Err(_) => bank.at("/.well-known/jwks.json"),
        }
    };
    bank.keys.read(bank, address).await
}

/// An address in an event is nothing to go to (ASVS 1.3.6): asked where a careless bank would.
async fn visit(bank: &Bank, event: &Value) {
    if bank.conduct.keeps(HooksDuty::AddressUnvisited) {
        return;
    }
    let mut waiting = vec![event];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(members) => waiting.extend(members.values()),
            Value::Array(items) => waiting.extend(items),
            Value::String(text) if text.starts_with("https://") => {
                if let Ok(address) = url::Url::parse(text) {
                    let _ = bank.http.send(crate::http::Request::get(address)).await;
                }
            }
            _ => {}
        }
    }
}

/// What an event changes: a consent that ended, ends here. Nothing in an event gives a right.
pub(crate) fn apply(bank: &Bank, event: &Value, again: bool) {
    let (newest, last) = (bank.conduct.keeps(HooksDuty::NewestStays), bank.conduct.keeps(MatterDuty::FinalStays));
    bank.notice_matter(event, newest, last);
    let consent = &event["consent"];
    let state = consent["state"].as_str().and_then(State::read);
    if let (Some(id), Some(state @ (State::Expired | State::Refused | State::Revoked))) =
        (consent["id"].as_str(), state)
    {
        bank.end_consent(id, state, again);
    }
    bank.diary.note(bank.clock.now(), "hook", &[("type", event["type"].as_str().unwrap_or_default())]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_dropped_between_tokens_only() {
        let tidy = minified(
            br#"{ "a" : "b  \" c" ,  "d": [1,
            2] }"#,
        );
        assert_eq!(String::from_utf8(tidy).unwrap(), r#"{"a":"b  \" c","d":[1,2]}"#);
    }
}
