//! One access request under a standing consent: a data token of its own, bound to it (CNS-3), used for its pages, polls
//! and repeats and for nothing else. What an answer that got lost may have spent is taken for spent.

use std::sync::Arc;

use contract::adapter::ReasonClass;
use contract::error::PROBLEM_BASE;
use serde_json::Value;

use crate::bank::{Bank, Flow};
use crate::conduct::{ConsentDuty, DataCheck, Diligence, RecordDuty, TokenDuty};
use crate::consents::{Consent, State};
use crate::customers::Customer;
use crate::http::{Answer, Request};
use crate::protocol::{self, Grant};
use crate::refusal::{Refusal, refuse};
use crate::retry::{Next, Retry};

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
}

impl<'a> Access<'a> {
    pub(crate) fn new(bank: &'a Arc<Bank>, flow: &'a Flow, customer: &'a Customer, consent: Consent) -> Self {
        Self { bank, flow, customer, consent, token: None, token_outlives_loss: false, late: None }
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
        loop {
            self.still_standing()?;
            let token = self.token().await?;
            let request =
                make().bearer(&token).running_after_redirect(!bank.conduct.token(TokenDuty::DataNotAfterRedirect));
            let next = retry.next(bank.http.send(request).await).await?;
            if retry.answer_lost && !self.token_outlives_loss && bank.conduct.consent(ConsentDuty::FreshToken) {
                self.token = None;
            }
            match next {
                Next::Again => {}
                Next::Done(answer) => {
                    self.note_end(&answer);
                    return Ok(answer);
                }
            }
        }
    }

    /// The token of this request, for a caller that sends by itself.
    pub(crate) async fn bearer(&mut self) -> Result<String, Refusal> {
        self.still_standing()?;
        self.token().await
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
        if !answer.is_json() || answer.json().is_none() {
            self.weigh(DataCheck::MediaType, odd("HTTP-MEDIA", "no JSON where data are due"))?;
            return Ok(Value::Null);
        }
        Ok(answer.json().unwrap_or_default())
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
    let service = if flow.action == "pension.view" { "pension" } else { "debts" };
    let address = bank.at(&format!("/api/v1/{service}?person={}&purpose=CREDIT", customer.subject));
    let got = bank.http.send(Request::get(address).bearer(&customer.tokens.access)).await;
    bank.diary.note(bank.clock.now(), "helped-itself", &[("ok", if got.is_ok() { "yes" } else { "no" })]);
}
