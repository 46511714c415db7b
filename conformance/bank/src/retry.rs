//! When a call is made again: never after a refusal of the client's own making; after `Retry-After` not a moment before
//! it; after an error of the server with growing gaps and a cap, and only where a repeat changes nothing.

use contract::adapter::ReasonClass;
use contract::time::{Span, Timestamp};

use crate::bank::Bank;
use crate::conduct::{CallDuty, Course, DataCheck, Diligence, Trouble};
use crate::http::{Answer, Lost};
use crate::refusal::{Refusal, refuse};

/// Calls in all, the first included.
const ATTEMPTS: u32 = 4;
const FIRST_GAP: Span = Span::from_millis(120);
/// The longest wait that the portal may ask for while somebody stands at the counter.
const LONGEST_WAIT: Span = Span::from_seconds(60);

pub(crate) struct Retry<'a> {
    bank: &'a Bank,
    idempotent: bool,
    attempts: u32,
    /// Set when an answer was lost on the way, so that what it spent must be taken for spent.
    pub(crate) answer_lost: bool,
}

pub(crate) enum Next {
    Again,
    Done(Answer),
}

impl<'a> Retry<'a> {
    pub(crate) fn new(bank: &'a Bank, idempotent: bool) -> Self {
        Self { bank, idempotent, attempts: 0, answer_lost: false }
    }

    /// What to do after this call; waits where that is the answer.
    pub(crate) async fn next(&mut self, outcome: Result<Answer, Lost>) -> Result<Next, Refusal> {
        self.attempts += 1;
        self.answer_lost = false;
        let storms = self.bank.conduct.course() == Course::Storms;
        let limit = match (storms, self.bank.conduct.call(CallDuty::BackOff)) {
            (true, _) => 25,
            (_, false) => 8,
            _ => ATTEMPTS,
        };
        let spent = self.attempts >= limit;
        let answer = match outcome {
            Err(lost @ Lost::Untrusted(_)) => return Err(lost.refusal()),
            Err(lost) if spent || !self.idempotent => return Err(lost.refusal()),
            Err(_) => {
                self.answer_lost = true;
                self.back_off().await;
                return Ok(Next::Again);
            }
            Ok(answer) => answer,
        };
        if !answer.whole && self.bank.conduct.data(DataCheck::BodyWhole) == Diligence::Full {
            if spent || !self.idempotent {
                return Err(refuse(ReasonClass::Transport, "HTTP-CUT", "the body ended before its declared length"));
            }
            self.answer_lost = true;
            self.back_off().await;
            return Ok(Next::Again);
        }
        match answer.status {
            429 | 503 if !spent && answer.header("retry-after").is_some() => {
                self.wait_as_told(&answer).await?;
                Ok(Next::Again)
            }
            429 | 500 | 502..=504 if !spent && self.idempotent => {
                self.back_off().await;
                Ok(Next::Again)
            }
            400..=499 if self.bank.conduct.resends(Trouble::ClientError) && self.attempts < 3 => Ok(Next::Again),
            _ => Ok(Next::Done(answer)),
        }
    }

    async fn wait_as_told(&self, answer: &Answer) -> Result<(), Refusal> {
        let now = self.bank.clock.now();
        let told = answer.header("retry-after").unwrap_or_default();
        let (until, duty) = match told.trim().parse::<i64>() {
            Ok(seconds) => (Some(now + Span::from_seconds(seconds.clamp(0, 1 << 32))), CallDuty::RetryAfterSeconds),
            Err(_) => (http_date(told), CallDuty::RetryAfterDate),
        };
        if !self.bank.conduct.call(duty) {
            return Ok(());
        }
        match until {
            Some(until) if until.since(now) > LONGEST_WAIT => Err(refuse(
                ReasonClass::Limit,
                "HTTP-WAIT",
                format!("the portal asks to wait until {until}, longer than the bank does"),
            )),
            Some(until) => {
                self.bank.clock.wait_until(until).await;
                Ok(())
            }
            None => {
                self.back_off().await;
                Ok(())
            }
        }
    }

    /// Doubles with each attempt; the jitter is smaller than the growth.
    async fn back_off(&self) {
        if self.bank.conduct.course() == Course::Storms {
            return;
        }
        if !self.bank.conduct.call(CallDuty::BackOff) {
            // Sooner each time, so that it shows on a slow machine too.
            crate::clock::nap(Span::from_millis(FIRST_GAP.millis() >> self.attempts.min(7))).await;
            return;
        }
        let gap = FIRST_GAP.millis() << self.attempts.min(6).saturating_sub(1);
        crate::clock::nap(Span::from_millis(gap + self.bank.draw.below(gap / 4))).await;
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7), the form that is sent; the two old ones are not read.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let rest = text.trim().split_once(", ")?.1;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts.as_slice() else { return None };
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|name| name == month)? + 1;
    format!("{year}-{month:02}-{day}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_read() {
        let when: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(when));
        assert_eq!(http_date(&when.to_http()), Some(when));
        assert_eq!(http_date("tomorrow"), None);
    }
}
