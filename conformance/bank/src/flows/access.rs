//! One access request under a standing consent: a data token of its own, bound to it (CNS-3), used for its pages, polls
//! and repeats and for nothing else. What an answer that got lost may have spent is taken for spent. An answer that was
//! asked for encrypted is opened here, before anything looks at it (SEC-11).

use std::sync::Arc;

use contract::adapter::ReasonClass;
use contract::error::PROBLEM_BASE;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::bank::{Bank, Flow};
use crate::conduct::{CacheDuty, ConsentDuty, DataCheck, Diligence, RecordDuty, SealedCheck, TokenDuty};
use crate::consents::{Consent, State};
use crate::customers::Customer;
use crate::http::{Answer, Request};
use crate::protocol::{self, Grant};
use crate::refusal::{Refusal, refuse};
use crate::retry::{Next, Retry};

const ENCRYPTION: HeaderName = HeaderName::from_static("stend-encryption");
const INNER_TYPE: &str = "stend-content-type";
const SEALED: &str = "application/pkcs7-mime";

pub(crate) struct Access<'a> {
    pub(crate) bank: &'a Arc<Bank>,
    pub(crate) flow: &'a Flow,
    pub(crate) customer: &'a Customer,
    pub(crate) consent: Consent,
    token: Option<String>,
    /// The token serves repeats also after a lost answer: that of a payment (its key makes a repeat harmless).
    pub(crate) token_outlives_loss: bool,
    /// Found wanting too late: empty in an honest bank.
    pub(crate) late: Option<Refusal>,
    /// Answers are asked for encrypted.
    encrypted: bool,
}

impl<'a> Access<'a> {
    pub(crate) fn new(bank: &'a Arc<Bank>, flow: &'a Flow, customer: &'a Customer, consent: Consent) -> Self {
        let asked = flow.params.get("encrypted").and_then(Value::as_bool);
        let encrypted = asked.unwrap_or(bank.options.encryption);
        Self { bank, flow, customer, consent, token: None, token_outlives_loss: false, late: None, encrypted }
    }

    /// The next call is another access request, with a token of its own.
    pub(crate) fn afresh(&mut self) {
        if self.bank.conduct.consent(ConsentDuty::TokenOfThisRequest) {
            self.token = None;
        }
    }

    /// The person as requests name them.
    pub(crate) fn person(&self) -> Value {
        let subject = &self.customer.subject;
        subject.parse::<i64>().map_or_else(|_| Value::from(subject.as_str()), Value::from)
    }

    /// The purpose that the request names: that of the consent.
    pub(crate) fn purpose(&self) -> &str {
        let kept = self.bank.conduct.consent(ConsentDuty::PurposeKept);
        match self.consent.purpose.as_str() {
            purpose if kept => purpose,
            "FIN_SERVICES_OFFER" => "CREDIT",
            _ => "FIN_SERVICES_OFFER",
        }
    }

    /// Calls until there is an answer to take or a reason to stop.
    pub(crate) async fn call(&mut self, make: impl Fn() -> Request) -> Result<Answer, Refusal> {
        let bank = self.bank;
        let mut retry = Retry::new(bank, true);
        let mut gone = 0;
        loop {
            self.still_standing()?;
            let token = self.token().await?;
            let mut request =
                make().bearer(&token).running_after_redirect(!bank.conduct.token(TokenDuty::DataNotAfterRedirect));
            if self.encrypted {
                request = request.with(ENCRYPTION, "cms");
            }
            let next = retry.next(bank.http.send(request).await).await?;
            if retry.answer_lost && !self.token_outlives_loss && bank.conduct.consent(ConsentDuty::FreshToken) {
                self.token = None;
            }
            match next {
                Next::Again => {}
                Next::Done(answer)
                    if answer.status == 410 && gone < 6 && !bank.conduct.keeps(CacheDuty::GoneReported) =>
                {
                    gone += 1;
                }
                Next::Done(answer) => {
                    let answer = self.open(answer)?;
                    self.note_end(&answer);
                    return Ok(answer);
                }
            }
        }
    }

    /// What was sent encrypted, in clear. An answer that should have been encrypted and is not is no answer.
    fn open(&mut self, answer: Answer) -> Result<Answer, Refusal> {
        let bank = self.bank;
        let media = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if !media.starts_with(SEALED) {
            if self.encrypted && (200..300).contains(&answer.status) {
                let plain = refuse(ReasonClass::Transport, "SEALED-NOT", "the answer was to be encrypted and is not");
                crate::json::weigh(bank, SealedCheck::Plain, plain, &mut self.late)?;
            }
            return Ok(answer);
        }
        let opened = crypto::cms::enveloped::decrypt(&answer.body, &bank.signer.certificate, &bank.signer.key);
        let inner = answer.header(INNER_TYPE).unwrap_or("application/json").to_owned();
        match opened {
            Ok(content) => {
                let mut answer = Answer { body: content.to_vec().into(), ..answer };
                if let Ok(value) = HeaderValue::from_str(&inner) {
                    answer.headers.insert(CONTENT_TYPE, value);
                }
                Ok(answer)
            }
            Err(error) => {
                // One class for whatever is wrong inside, so that nobody can learn from it by trying.
                let refusal = refuse(ReasonClass::Signature, "SEALED-BROKEN", error.code());
                crate::json::weigh(bank, SealedCheck::Tampered, refusal, &mut self.late)?;
                let mut answer = Answer { body: "null".into(), ..answer };
                answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Ok(answer)
            }
        }
    }

    /// The token of this request, for a caller that sends by itself.
    pub(crate) async fn bearer(&mut self) -> Result<String, Refusal> {
        self.still_standing()?;
        self.token().await
    }

    /// Whether the consent still stands, for a call that names it instead of a token.
    pub(crate) fn stands(&self) -> Result<(), Refusal> {
        self.still_standing()
    }

    /// The consent may end while a call is under way or waited for.
    fn still_standing(&self) -> Result<(), Refusal> {
        let (bank, now) = (self.bank, self.bank.clock.now());
        let state = bank.consent(&self.consent.id).map_or(State::Revoked, |consent| consent.state_at(now));
        let heeds = match state {
            State::Granted => return Ok(()),
            State::Expired => bank.conduct.consent(ConsentDuty::EndHeeded),
            _ => bank.conduct.consent(ConsentDuty::RevocationHeeded),
        };
        if heeds { Err(refuse(ReasonClass::Consent, "CONSENT-OVER", "the consent is over")) } else { Ok(()) }
    }

    async fn token(&mut self) -> Result<String, Refusal> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let bank = self.bank;
        let conduct = bank.conduct;
        let handle = &self.customer.handle;
        let (last, spare) = (format!("last/{handle}"), format!("spare/{handle}"));
        let action = &self.flow.action;
        let kept = bank.common().spare.get(&last).cloned();
        let kept = kept.and_then(|kept| kept.split_once(' ').map(|(of, token)| (of.to_owned(), token.to_owned())));
        if let Some((of, token)) = &kept {
            let again = of == action && !conduct.consent(ConsentDuty::FreshToken);
            let astray = of != action && !conduct.consent(ConsentDuty::TokenOfThisRequest);
            if again || astray {
                self.token = Some(token.clone());
                return Ok(token.clone());
            }
        }
        let hoards = !conduct.consent(ConsentDuty::TokenOfThisConsent);
        if hoards && let Some(token) = bank.common().spare.remove(&spare) {
            self.token = Some(token.clone());
            return Ok(token);
        }
        let grant = Grant::Data { subject: &self.customer.subject, consent: &self.consent.id };
        let token = match protocol::token_call(bank, &self.flow.id, grant).await {
            Ok(answer) => answer.access,
            Err(refusal) => {
                let deaf = [ConsentDuty::EndHeeded, ConsentDuty::RevocationHeeded, ConsentDuty::RefusalHeeded];
                if deaf.into_iter().all(|duty| conduct.consent(duty)) {
                    if refusal.class == ReasonClass::Consent {
                        bank.end_consent(&self.consent.id, State::Revoked, false);
                    }
                    return Err(refusal);
                }
                kept.map_or_else(|| self.customer.tokens.access.clone(), |(_, token)| token)
            }
        };
        if hoards && let Ok(more) = protocol::token_call(bank, &self.flow.id, grant).await {
            bank.common().spare.insert(spare, more.access);
        }
        bank.common().spare.insert(last, format!("{action} {token}"));
        self.token = Some(token.clone());
        Ok(token)
    }

    /// A refusal by consent ends it in the register too (CST-12).
    fn note_end(&self, answer: &Answer) {
        let over = [("consent-expired", State::Expired), ("consent-revoked", State::Revoked)];
        let missing = [("consent-missing", State::Revoked), ("consent-unknown", State::Revoked)];
        let code = problem_code(answer);
        let ended = over.iter().chain(&missing).find(|(name, _)| code.as_deref() == Some(*name));
        if let Some((_, state)) = ended
            && self.bank.conduct.consent(ConsentDuty::RefusalHeeded)
        {
            self.bank.end_consent(&self.consent.id, *state, false);
        }
    }

    /// The data of an answer of status 200 or 201, whole and of the right kind.
    pub(crate) fn data(&mut self, answer: &Answer) -> Result<Value, Refusal> {
        if !(200..300).contains(&answer.status) {
            return Err(problem(self.bank, answer));
        }
        let odd = |code: &'static str, why: &str| refuse(ReasonClass::Format, code, why);
        if !answer.whole {
            self.weigh(DataCheck::BodyWhole, refuse(ReasonClass::Transport, "HTTP-CUT", "the body was cut"))?;
            return Ok(answer.json().unwrap_or_default());
        }
        if answer.body.is_empty() {
            self.weigh(DataCheck::BodyPresent, odd("HTTP-EMPTY", "an empty body where data are due"))?;
            return Ok(Value::Null);
        }
        if !answer.is_json() {
            self.weigh(DataCheck::MediaType, odd("HTTP-MEDIA", "no JSON where data are due"))?;
            return Ok(Value::Null);
        }
        crate::json::read(self.bank, &answer.body, &mut self.late)
    }

    /// The bytes of an answer of this media type, whole.
    pub(crate) fn bytes(&mut self, answer: &Answer, media: &str) -> Result<bytes::Bytes, Refusal> {
        if !(200..300).contains(&answer.status) {
            return Err(problem(self.bank, answer));
        }
        if !answer.whole {
            let cut = refuse(ReasonClass::Transport, "HTTP-CUT", "the body was cut");
            self.weigh(DataCheck::BodyWhole, cut)?;
        }
        let is = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if !is.starts_with(media) {
            let odd = refuse(ReasonClass::Format, "HTTP-MEDIA", format!("{is:?} where {media} is due"));
            self.weigh(DataCheck::MediaType, odd)?;
        }
        Ok(answer.body.clone())
    }

    pub(crate) fn weigh(&mut self, check: DataCheck, refusal: Refusal) -> Result<(), Refusal> {
        match self.bank.conduct.data(check) {
            Diligence::Full => Err(refusal),
            Diligence::Late => {
                self.late = Some(refusal);
                Ok(())
            }
            Diligence::LoggedOnly => {
                self.bank.diary.note(self.bank.clock.now(), "overlooked", &[("why", &refusal.detail)]);
                Ok(())
            }
            Diligence::Skipped | Diligence::WrongField => Ok(()),
        }
    }

    /// Keeps a copy that will be erased with the consent.
    pub(crate) fn keep(&self, what: &str, data: &Value) {
        self.bank.keep_copy(&self.customer.handle, &self.consent.id, what, data);
    }
}

/// The registry's code of a problem document, by its type.
fn problem_code(answer: &Answer) -> Option<String> {
    let value = answer.json()?;
    let code = value["type"].as_str()?.strip_prefix(PROBLEM_BASE)?;
    contract::error::find(code).map(|row| row.code.clone())
}

/// What a problem document means for the person: the registry's words for a known type, neutral ones for another.
pub(crate) fn problem(bank: &Bank, answer: &Answer) -> Refusal {
    let value = answer.json().unwrap_or_default();
    let code = problem_code(answer);
    let detail = format!("the portal answered {}: {} {}", answer.status, value["type"], value["title"]);
    if (300..400).contains(&answer.status) {
        return refuse(ReasonClass::Transport, "HTTP-REDIRECT", "the data are said to be elsewhere");
    }
    let mut refusal = Refusal::of_portal(answer.status, code.as_deref(), detail);
    if !bank.conduct.record(RecordDuty::InternalsHidden) {
        refusal.message = format!("{} {}", value["title"], value["detail"]);
    }
    if code.is_none() && !bank.conduct.record(RecordDuty::UnknownProblemNeutral) {
        refusal.code = "token-expired".into();
        refusal.message = String::from_utf8_lossy(&answer.body).into_owned();
    }
    refusal
}

/// The variants that help themselves without a consent: a data call with the person's sign-in token.
pub(crate) async fn snatch(bank: &Arc<Bank>, flow: &Flow) {
    let Ok(customer) = super::customer(bank, flow) else { return };
    let service = super::services::of(&flow.action).map_or("debts", |service| service.name);
    let address = bank.at(&format!("/api/v1/{service}?person={}&purpose=CREDIT", customer.subject));
    let got = bank.http.send(Request::get(address).bearer(&customer.tokens.access)).await;
    bank.diary.note(bank.clock.now(), "helped-itself", &[("ok", if got.is_ok() { "yes" } else { "no" })]);
}

/// The variant that orders without a consent: with the person's sign-in token.
pub(crate) async fn order_anyway(bank: &Arc<Bank>, flow: &Flow, customer: &Customer) {
    let body = serde_json::json!({
        "person": customer.subject.parse::<i64>().unwrap_or_default(),
        "purpose": "CREDIT",
        "type": flow.params.get("type"),
        "reason": flow.params.get("reason"),
        "unattended": true,
    });
    let request = Request::json(http::Method::POST, bank.at("/api/v1/orders"), &body)
        .with(super::matters::KEY, &bank.draw.uuid())
        .bearer(&customer.tokens.access);
    let got = bank.http.send(request).await;
    bank.diary.note(bank.clock.now(), "helped-itself", &[("ok", if got.is_ok() { "yes" } else { "no" })]);
}
