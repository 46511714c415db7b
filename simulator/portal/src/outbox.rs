//! The outbox: delivers web-hooks that are due, signed by RFC 9421, and tells the core what became of them. Retries and
//! their number are the core's; each delivery is an exchange from portal to bank.
//!
//! A partner whose tokens are signed with GOST gets its events signed so too; every other gets ECDSA. One that shares a
//! secret with the portal gets an HMAC instead, whose key id is the partner's own client id.

use std::sync::Arc;

use contract::control::{HmacAlg, Secret, TokenAlg};
use contract::exchange::{Body, Exchange, Party, Request, Response};
use contract::time::Span;
use crypto::http_signature::{DEFAULT_COMPONENTS, HttpAlg, Message, Signer, Signing, content_digest, sign};
use domain::{Command, Hook};
use http::{HeaderMap, HeaderValue};

use crate::clock::{wall_us, within};
use crate::edge::caller::Caller;
use crate::edge::exchange::body_of;
use crate::faults::Lie;
use crate::faults::delivery::{By, Plan};
use crate::keys::{KeysError, SigningKey, Stranger};
use crate::portal::Sandbox;

/// A bank that takes longer has not answered.
const PATIENCE: Span = Span::from_seconds(10);
/// More of a bank's answer is not read.
const ANSWER_MAX: usize = 64 * 1024;

/// Delivers what is due, again and again, for as long as the sandbox lives.
pub(crate) async fn run(sandbox: Arc<Sandbox>) {
    loop {
        let changed = sandbox.changed();
        flush(&sandbox).await;
        match sandbox.read(|world| world.hooks.next_due()) {
            Some(due) => tokio::select! {
                () = sandbox.clock().reaches(due) => {}
                () = changed => {}
            },
            None => changed.await,
        }
    }
}

/// Delivers everything that is due now; answers when nothing is.
pub(crate) async fn flush(sandbox: &Sandbox) {
    // One delivery at a time: a bank hears of changes in the order they happened.
    let _turn = sandbox.delivering().await;
    loop {
        let due: Option<Hook> =
            sandbox.read(|world| world.hooks.due(sandbox.now()).first().map(|hook| (*hook).clone()));
        let Some(hook) = due else { return };
        let outcome = match sandbox.faults().holds_back(&hook) {
            // As if it were lost on the way: the core sees to it that it comes again.
            true => None,
            false => deliver(sandbox, &hook, None).await,
        };
        let is_delivered = outcome.is_some_and(is_good);
        if !report(sandbox, &hook.id, outcome).await {
            return;
        }
        let late = if is_delivered { sandbox.faults().held_for(&hook) } else { None };
        if let Some((id, lie)) = late
            && let Some(hook) = sandbox.read(|world| world.hooks.find(&id).cloned())
        {
            let outcome = deliver(sandbox, &hook, Some(&lie)).await;
            if !report(sandbox, &hook.id, outcome).await {
                return;
            }
        }
    }
}

const fn is_good(status: u16) -> bool {
    status >= 200 && status < 300
}

/// Tells the core what became of an attempt; false when it did not take that.
async fn report(sandbox: &Sandbox, id: &str, outcome: Option<u16>) -> bool {
    let id = id.to_owned();
    let command = match outcome {
        Some(status) if is_good(status) => Command::HookDelivered { id, status },
        status => Command::HookFailed { id, status },
    };
    let told = sandbox.execute(&Caller::nobody(), command).await;
    if let Err(refusal) = &told {
        tracing::error!(code = refusal.code, "the core did not take the outcome of a delivery");
    }
    told.is_ok()
}

/// One attempt: the status of the bank's answer, or `None` when nothing answered. An event that a lie has held back so
/// long comes as it is.
async fn deliver(sandbox: &Sandbox, hook: &Hook, late: Option<&Lie>) -> Option<u16> {
    let caller = Caller::outward(sandbox.recorder().begin());
    let mut plan = Plan::honest(&hook.url, &hook.body, sandbox.now());
    caller.tag_partner(&hook.client_id);
    if let Some(citizen) = hook.citizen {
        caller.tag_citizen(citizen);
    }
    match late {
        Some(lie) => sandbox.faults().comes_late(&caller, lie),
        None => sandbox.faults().delivery(&caller, hook.citizen, &mut plan),
    }
    let headers = match headers(sandbox, &hook.client_id, &plan).await {
        Ok(Some(headers)) => headers,
        Ok(None) => {
            tracing::error!(hook.client_id, "an event could not be signed: the partner's secret is not there");
            return None;
        }
        Err(error) => {
            tracing::error!(%error, "an event could not be signed");
            return None;
        }
    };
    let mut status = None;
    for attempt in 0..plan.times {
        let caller = if attempt == 0 { caller.clone() } else { caller.again(sandbox.recorder().begin()) };
        let response = send(sandbox, &caller, &hook.url, &headers, &plan.sent_body).await;
        status = response.map(|response| response.status);
    }
    if let Some(body) = plan.then.take() {
        let caller = caller.again(sandbox.recorder().begin());
        let after = Plan { signed_body: body.clone(), sent_body: body, ..plan };
        if let Ok(Some(headers)) = self::headers(sandbox, &hook.client_id, &after).await {
            send(sandbox, &caller, &hook.url, &headers, &after.sent_body).await;
        }
    }
    status
}

/// What makes the signature of a delivery, and what is said about it.
struct Hand {
    keyid: String,
    alg: HttpAlg,
    by: Means,
}

enum Means {
    Key(Box<SigningKey>),
    Secret(Vec<u8>),
}

/// The honest hand for this partner; nothing where its secret got lost.
async fn honest(sandbox: &Sandbox, client_id: &str) -> Result<Option<Hand>, KeysError> {
    let (token_alg, hmac) = asked(sandbox, client_id);
    if let Some(alg) = hmac {
        let secret = sandbox.secrets().of(client_id);
        return Ok(secret.map(|secret| by_secret(client_id.to_owned(), alg, &secret)));
    }
    Ok(Some(by_key(sandbox.keys().current(token_alg).await?)))
}

/// The hand that this lie wants.
async fn lying(sandbox: &Sandbox, client_id: &str, by: By) -> Result<Option<Hand>, KeysError> {
    let ring = sandbox.keys();
    let (token_alg, hmac) = asked(sandbox, client_id);
    Ok(match (by, hmac) {
        (By::Honest, _) => honest(sandbox, client_id).await?,
        (By::Nobody, _) => None,
        (By::OtherAlgorithm, _) => {
            Some(Hand { alg: HttpAlg::RsaPssSha512, ..by_key(ring.current(TokenAlg::RS256).await?) })
        }
        (By::HmacWithPublicKey, _) => {
            let key = ring.current(token_alg).await?;
            let secret = key.private.public().to_pem().into_bytes();
            Some(Hand { keyid: key.kid, alg: HttpAlg::HmacSha256, by: Means::Secret(secret) })
        }
        (By::Stranger, Some(alg)) => Some(by_secret(sandbox.draw().uuid(), alg, &Secret::new(sandbox.draw().uuid()))),
        (By::Stranger, None) => Some(by_key(ring.stranger(Stranger::Foreign, token_alg).await?)),
    })
}

/// Which key signs a partner's events, and by which HMAC it wants them instead.
fn asked(sandbox: &Sandbox, client_id: &str) -> (TokenAlg, Option<HmacAlg>) {
    let partner = sandbox.read(|world| world.partners.find(client_id).cloned());
    let token_alg = partner.as_ref().map_or_else(TokenAlg::default, |partner| partner.token_alg);
    let signed_by = match token_alg {
        TokenAlg::GOST3410_2012_256 => token_alg,
        TokenAlg::ES256 | TokenAlg::RS256 => TokenAlg::ES256,
    };
    (signed_by, partner.and_then(|partner| partner.webhook_hmac))
}

fn by_key(key: SigningKey) -> Hand {
    Hand { keyid: key.kid.clone(), alg: HttpAlg::of(key.private.family()), by: Means::Key(Box::new(key)) }
}

fn by_secret(keyid: String, alg: HmacAlg, secret: &Secret) -> Hand {
    let alg = match alg {
        HmacAlg::Sha256 => HttpAlg::HmacSha256,
        HmacAlg::Sha512 => HttpAlg::HmacSha512,
        HmacAlg::Streebog256 => HttpAlg::HmacStreebog256,
        HmacAlg::Streebog512 => HttpAlg::HmacStreebog512,
    };
    Hand { keyid, alg, by: Means::Secret(secret.bytes().to_vec()) }
}

/// The headers of a delivery; nothing where it cannot be signed.
pub(crate) async fn headers(sandbox: &Sandbox, client_id: &str, plan: &Plan) -> Result<Option<HeaderMap>, KeysError> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    insert(&mut headers, "content-digest", &content_digest(plan.signed_body.as_bytes()));
    if plan.by == By::Nobody {
        return Ok(Some(headers));
    }
    let Some(hand) = lying(sandbox, client_id, plan.by).await? else { return Ok(None) };
    let covered = DEFAULT_COMPONENTS.iter().filter(|name| plan.covers_digest || **name != "content-digest");
    let signing = Signing {
        components: covered.map(|name| (*name).to_owned()).collect(),
        created: Some(plan.created),
        keyid: Some(hand.keyid),
        alg: Some(hand.alg.as_str().to_owned()),
        ..Signing::default()
    };
    let signer = match &hand.by {
        Means::Key(key) => Signer::KeyWith(&key.private, hand.alg),
        Means::Secret(secret) => Signer::HmacWith(secret, hand.alg),
    };
    let message = Message { method: "POST", target_uri: &plan.signed_target, headers: &headers, status: None };
    let signed = match sign(&message, &signing, signer) {
        Ok(signed) => signed,
        Err(error) => {
            tracing::error!(%error, "an event could not be signed");
            return Ok(Some(headers));
        }
    };
    insert(&mut headers, "signature-input", &signed.signature_input);
    let signature = if plan.break_signature { turn_a_bit(&signed.signature) } else { signed.signature };
    insert(&mut headers, "signature", &signature);
    Ok(Some(headers))
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // Base64, names and numbers only: always a header value.
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// `sig1=:…:` with one bit of the signature turned.
fn turn_a_bit(value: &str) -> String {
    let Some((label, rest)) = value.split_once("=:") else { return value.to_owned() };
    let mut bytes = crypto::base64::decode_standard_strict(rest.trim_end_matches(':')).unwrap_or_default();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    format!("{label}=:{}:", crypto::base64::encode_standard(&bytes))
}

/// Sends and records; the answer, where there is one.
pub(crate) async fn send(
    sandbox: &Sandbox,
    caller: &Caller,
    url: &str,
    headers: &HeaderMap,
    body: &str,
) -> Option<Response> {
    let started_us = wall_us();
    let at = sandbox.now();
    let response = within(PATIENCE, post(sandbox, url, headers, body)).await.flatten();
    let answered = response.clone();
    let tags = caller.tags();
    let pairs = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    sandbox.recorder().finish(&Exchange {
        id: caller.exchange,
        sandbox: sandbox.id().to_owned(),
        from: Party::Portal,
        to: Party::Bank,
        started_us,
        ended_us: wall_us(),
        at,
        request: Request {
            method: "POST".into(),
            url: url.to_owned(),
            headers: pairs.collect(),
            body: Body::Text(body.to_owned()),
        },
        delivered: response.is_some(),
        response,
        tls: None,
        partner: tags.partner,
        citizen: tags.citizen,
        flow: tags.flow,
        faults: tags.faults,
    });
    answered
}

async fn post(sandbox: &Sandbox, url: &str, headers: &HeaderMap, body: &str) -> Option<Response> {
    let client = sandbox.client()?;
    let sent = client.post(url).headers(headers.clone()).body(body.to_owned()).send().await;
    let mut response = match sent {
        Ok(response) => response,
        Err(error) => {
            tracing::info!(url, %error, "a bank did not take an event");
            return None;
        }
    };
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let mut read = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        read.extend_from_slice(&chunk);
        if read.len() > ANSWER_MAX {
            break;
        }
    }
    Some(Response { status, headers, body: body_of(&read) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hmac_is_called_the_same_in_the_contract_and_on_the_wire() {
        for alg in HmacAlg::ALL {
            assert_eq!(by_secret(String::new(), alg, &Secret::new("s")).alg.as_str(), alg.as_str());
        }
    }

    #[test]
    fn a_turned_bit_leaves_the_form_as_it_was() {
        let turned = turn_a_bit("sig1=:AAAA:");
        assert_eq!(turned, "sig1=:AAEA:");
    }
}
