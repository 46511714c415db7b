//! The three ways of speaking with the portal's identity side: ESIA v1 and v3 (requests signed with the bank's key) and
//! plain OpenID Connect. What they share stands here: the visit of the browser and the token call.

use contract::adapter::ReasonClass;
use contract::time::Span;
use http::header::CONTENT_TYPE;
use url::Url;

use crate::bank::{Attempt, Bank};
use crate::conduct::{Fresh, Making, ProofDuty, RequestDuty, TokenDuty, Trouble};
use crate::http::Request;
use crate::refusal::{Refusal, refuse};
use crate::retry::{Next, Retry};
use crate::tokens::{self, TokenAnswer};

pub(crate) mod esia;
pub(crate) mod metadata;
pub(crate) mod oidc;

pub(crate) type Pairs = Vec<(String, String)>;

/// What a token call asks for.
#[derive(Clone, Copy)]
pub(crate) enum Grant<'a> {
    Code {
        attempt: &'a Attempt,
        code: &'a str,
    },
    /// A data token for one access request under a standing consent.
    Data {
        subject: &'a str,
        consent: &'a str,
    },
    /// The bank itself, for the records of its consents.
    Partner,
    Refresh {
        token: &'a str,
        scopes: &'a [String],
    },
}

impl Grant<'_> {
    pub(crate) fn scope(&self) -> String {
        match self {
            Self::Code { attempt, .. } => attempt.scopes.join(" "),
            Self::Data { subject, .. } => format!("prm_chg?oid={subject}"),
            Self::Partner => "consents".to_owned(),
            Self::Refresh { scopes, .. } => scopes.join(" "),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Code { .. } => "authorization_code",
            Self::Data { .. } | Self::Partner => "client_credentials",
            Self::Refresh { .. } => "refresh_token",
        }
    }
}

/// Where the browser is to go. `attempt` is fresh: nothing of it was sent before.
pub(crate) async fn authorise(
    bank: &Bank,
    attempt: &Attempt,
    hint: Option<(String, String)>,
) -> Result<String, Refusal> {
    if bank.options.protocol.is_esia() {
        esia::authorise(bank, attempt, hint)
    } else {
        oidc::authorise(bank, attempt, hint).await
    }
}

/// One token call, or as many as this bank makes of it.
pub(crate) async fn token_call(bank: &Bank, flow: &str, grant: Grant<'_>) -> Result<TokenAnswer, Refusal> {
    // A code and a rotated refresh token are spent by being sent (RFC 6749 §4.1.2); a client's own grant is not.
    let idempotent = matches!(grant, Grant::Data { .. } | Grant::Partner);
    let mut again = 0;
    let mut retry = Retry::new(bank, idempotent);
    loop {
        let (request, state) = token_request(bank, grant).await?;
        let code_sent = matches!(grant, Grant::Code { .. });
        if let Grant::Code { code, .. } = grant {
            bank.diary.secret(bank.clock.now(), "code", code);
        }
        let outcome = match retry.next(bank.http.send(request).await).await {
            Ok(Next::Again) => continue,
            Ok(Next::Done(answer)) => tokens::read(bank, grant, state.as_deref(), &answer),
            Err(refusal) => Err((Trouble::CodeSent, refusal)),
        };
        match outcome {
            Ok(answer) => {
                bank.diary.token(bank.clock.now(), "token", &answer.access);
                return Ok(answer);
            }
            Err((Trouble::CodeSent, refusal)) if !code_sent => return Err(refusal),
            Err((trouble, refusal)) => {
                bank.diary.note(bank.clock.now(), "token.refused", &[("flow", flow), ("why", &refusal.detail)]);
                again += 1;
                if again > 3 || !bank.conduct.resends(trouble) {
                    return Err(refusal);
                }
                crate::clock::nap(Span::from_millis(20)).await;
            }
        }
    }
}

/// The request of a token call, and the state that its answer must echo.
async fn token_request(bank: &Bank, grant: Grant<'_>) -> Result<(Request, Option<String>), Refusal> {
    let (address, mut pairs, state) =
        if bank.options.protocol.is_esia() { esia::token(bank, grant)? } else { oidc::token(bank, grant).await? };
    let mut address = address;
    if !bank.conduct.request(RequestDuty::ParametersOnce) {
        pairs.push(("grant_type".to_owned(), grant.kind().to_owned()));
    }
    if !bank.conduct.proof(ProofDuty::SecretInBody) {
        let secret = |name: &str| matches!(name, "client_secret" | "client_assertion" | "refresh_token");
        let (out, kept): (Pairs, Pairs) = pairs.into_iter().partition(|(name, _)| secret(name));
        address.query_pairs_mut().extend_pairs(out);
        pairs = kept;
    }
    let mut request = if bank.conduct.request(RequestDuty::TokenRequestInBody) {
        Request::form(address, &pairs)
    } else {
        address.query_pairs_mut().extend_pairs(&pairs);
        Request::form(address, &[])
    };
    if !bank.conduct.proof(ProofDuty::EncodingSafe) {
        request.body = unescaped(&pairs).into();
        request = request.with(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let request = request.running_after_redirect(!bank.conduct.token(TokenDuty::CodeNotAfterRedirect));
    Ok((request, state))
}

/// The pairs every token call has, whatever proves the client.
fn common_pairs(bank: &Bank, grant: Grant<'_>) -> Pairs {
    let mut pairs = vec![
        pair("grant_type", grant.kind()),
        pair("client_id", &bank.options.client_id),
        pair("scope", &grant.scope()),
    ];
    match grant {
        Grant::Code { attempt, code } => {
            let redirect_uri = if bank.conduct.request(RequestDuty::TokenRedirectUriSame) {
                attempt.redirect_uri.clone()
            } else {
                format!("{}?again=1", attempt.redirect_uri)
            };
            pairs.push(pair("redirect_uri", &redirect_uri));
            pairs.push(pair("code", code));
            if let Some(verifier) = &attempt.verifier
                && bank.conduct.request(RequestDuty::VerifierSent)
            {
                pairs.push(pair("code_verifier", verifier));
            }
        }
        Grant::Data { consent, .. } => pairs.push(pair("consent", consent)),
        Grant::Partner => {}
        Grant::Refresh { token, .. } => pairs.push(pair("refresh_token", token)),
    }
    pairs
}

pub(crate) fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The state of a token call, where the protocol has one.
fn token_state(bank: &Bank) -> String {
    bank.make(Fresh::TokenState).unwrap_or_default()
}

/// A query in which the signature is not encoded, as a careless client leaves it.
pub(crate) fn unescaped(pairs: &[(String, String)]) -> String {
    let one = |(name, value): &(String, String)| {
        let value = if name == "client_secret" {
            value.clone()
        } else {
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
        };
        format!("{name}={value}")
    };
    pairs.iter().map(one).collect::<Vec<_>>().join("&")
}

/// The attempt of a flow, ready to be begun by a browser.
pub(crate) fn new_attempt(
    bank: &Bank,
    scopes: Vec<String>,
    level: Option<String>,
    consent: Option<crate::consents::ConsentAsk>,
) -> Attempt {
    let nonce = if bank.options.protocol.is_esia() { None } else { bank.make(Fresh::Nonce) };
    let verifier = match (bank.options.protocol.is_esia(), bank.conduct.making(Fresh::Verifier)) {
        (true, _) => None,
        (_, Making::Derived) => nonce.clone(),
        _ => bank.make(Fresh::Verifier),
    };
    let redirect_uri = if bank.conduct.request(RequestDuty::RedirectUriRegistered) {
        bank.redirect_uri()
    } else {
        format!("{}/", bank.redirect_uri())
    };
    bank.common().nonces.extend(nonce.clone());
    Attempt {
        state: bank.make(Fresh::State).unwrap_or_default(),
        nonce,
        verifier,
        session: String::new(),
        scopes,
        redirect_uri,
        level,
        consent,
        timestamp: bank.clock.now().to_esia(),
        code: None,
        is_over: false,
    }
}

/// The pairs of an authorisation request that all protocols share.
fn authorise_pairs(bank: &Bank, attempt: &Attempt, hint: Option<(String, String)>) -> Pairs {
    let response_type = if bank.conduct.request(RequestDuty::ResponseTypeCode) { "code" } else { "code token" };
    let mut pairs = vec![
        pair("client_id", &bank.options.client_id),
        pair("redirect_uri", &attempt.redirect_uri),
        pair("response_type", response_type),
        pair("state", &attempt.state),
    ];
    match &attempt.consent {
        Some(ask) => {
            pairs.push(pair("access_type", "online"));
            pairs.push(pair("permissions", &ask.permissions()));
        }
        None => pairs.push(pair("access_type", "offline")),
    }
    if attempt.level.as_deref() == Some("2fa") {
        pairs.push(pair("acr_values", "urn:esia:acr:2fa"));
    }
    if !bank.conduct.request(RequestDuty::ParametersOnce) {
        pairs.push(pair("ui_locales", "ru"));
        pairs.push(pair("ui_locales", "ru"));
    }
    if !bank.conduct.request(RequestDuty::NoPersonalData) {
        pairs.extend(hint);
    }
    pairs
}

/// The scopes that are sent for those that the step asked.
fn sent_scope(bank: &Bank, attempt: &Attempt) -> String {
    let mut scopes = attempt.scopes.clone();
    if !bank.conduct.request(RequestDuty::ScopeWithinAsked) && attempt.consent.is_none() {
        let extra =
            ["inn", "mobile", "email", "addresses"].into_iter().find(|extra| !scopes.iter().any(|s| s == extra));
        scopes.extend(extra.map(str::to_owned));
    }
    scopes.join(" ")
}

pub(crate) fn query(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn address(text: &str) -> Result<Url, Refusal> {
    let parsed = Url::parse(text).ok().filter(|url| url.scheme() == "https");
    parsed.ok_or_else(|| refuse(ReasonClass::Transport, "META-ADDRESS", format!("{text:?} is no https address")))
}
