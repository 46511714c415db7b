//! The browser comes and goes: where it enters a flow, and what it brings back from the portal. Nothing that it brings is
//! believed before it is tied to a flow that this very browser began (RFC 9700 §4.7, RFC 9207).

use std::sync::Arc;

use contract::adapter::{Outcome, ReasonClass};
use contract::time::Span;
use serde_json::Map;

use crate::bank::{Bank, Flow, done};
use crate::conduct::{CallbackCheck, ConsentDuty, Course, Diligence, Oddity, RecordDuty, TokenDuty};
use crate::http::Request;
use crate::pages::Page;
use crate::protocol::{self, Grant, metadata::metadata, new_attempt};
use crate::refusal::{Refusal, refuse};

/// How long the page waits for the flow behind it.
const PAGE: Span = Span::from_seconds(12);

/// `GET /link/{entry}`: ties the flow to this browser and sends it to the portal.
pub(crate) async fn enter(bank: &Arc<Bank>, entry: &str, session: Option<String>) -> Page {
    let found = bank.flows().values().find(|flow| flow.entry == entry).cloned();
    let Some(flow) = found.filter(|flow| flow.report.outcome == Outcome::Pending) else {
        return Page::text(404, "Ссылка больше не действует", "Начните заново в личном кабинете банка.");
    };
    let Some(mut attempt) = flow.attempt.clone() else {
        return Page::text(404, "Ссылка больше не действует", "Начните заново в личном кабинете банка.");
    };
    let session = session.unwrap_or_else(|| bank.sessions.begin(&bank.draw));
    if !attempt.session.is_empty() {
        if attempt.session != session {
            return Page::text(403, "Вход уже начат", "Он начат в другом браузере. Продолжите там.");
        }
        // A second press: nothing that was sent before is sent again.
        attempt = new_attempt(bank, attempt.scopes, attempt.level, attempt.consent);
    }
    attempt.session.clone_from(&session);
    attempt.timestamp = bank.clock.now().to_esia();
    bank.sessions.add_flow(&session, &flow.id);
    bank.change(&flow.id, |flow| flow.attempt = Some(attempt.clone()));
    match protocol::authorise(bank, &attempt, hint(bank, &flow)).await {
        Ok(address) => Page::to(address).with_session(&session),
        Err(refusal) => {
            bank.end_refused(&flow.id, &refusal);
            Page::refused(&refusal, None)
        }
    }
}

/// What a careless bank would tell the portal about its customer in the address.
fn hint(bank: &Bank, flow: &Flow) -> Option<(String, String)> {
    let customer = bank.customer(flow.customer.as_deref()?)?;
    let known = ["snils", "phone", "inn", "email"];
    let value = known.iter().find_map(|name| customer.profile.get(*name)?.as_str().map(str::to_owned));
    Some(("login_hint".to_owned(), value.unwrap_or(customer.tokens.access)))
}

/// What the browser brought, each parameter as often as it came.
struct Brought(Vec<(String, String)>);

impl Brought {
    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn is_repeated(&self) -> bool {
        ["code", "state", "iss", "error"].iter().any(|name| self.0.iter().filter(|(key, _)| key == name).count() > 1)
    }

    fn has_extras(&self) -> bool {
        const KNOWN: [&str; 6] = ["code", "state", "iss", "error", "error_description", "error_uri"];
        self.0.iter().any(|(key, _)| !KNOWN.contains(&key.as_str()))
    }
}

/// What a callback comes to, for the flow of this id.
enum Verdict {
    /// Not about any flow here: nothing changes.
    Ignore,
    /// The same answer again: the page is shown again.
    Reloaded(String),
    Refuse(Option<String>, Refusal),
    Use(String, Vec<Refusal>),
}

/// `GET /callback`.
pub(crate) async fn come_back(bank: &Arc<Bank>, query: &str, session: Option<String>) -> Page {
    let brought = Brought(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect());
    match bank.conduct.course() {
        Course::StopsHalfway => return Page::text(200, "Спасибо", "Ожидайте."),
        Course::RefusesAll => {
            let refusal = refuse(ReasonClass::Format, "ALWAYS", "refused as everything is");
            if let Some(flow) = own_flow(bank, session.as_deref()) {
                bank.end_refused(&flow.id, &refusal);
            }
            return Page::refused(&refusal, None);
        }
        _ => {}
    }
    let description = brought.first("error_description").map(str::to_owned);
    match judge(bank, &brought, session.as_deref()).await {
        Verdict::Ignore => Page::text(400, "Ответ не принят", "Он не относится к начатому вами входу."),
        Verdict::Reloaded(id) => {
            let attempt = bank.flow(&id).and_then(|flow| flow.attempt);
            if !bank.conduct.record(RecordDuty::CodeOnce)
                && let (Some(attempt), Some(code)) = (&attempt, brought.first("code"))
            {
                let again = protocol::token_call(bank, &id, Grant::Code { attempt, code }).await;
                bank.diary.note(bank.clock.now(), "again", &[("ok", if again.is_ok() { "yes" } else { "no" })]);
            }
            show(bank, &id, session.as_deref(), None).await
        }
        Verdict::Refuse(id, refusal) => {
            let Some(flow) = id.and_then(|id| bank.flow(&id)) else {
                bank.audit.note(
                    bank.clock.now(),
                    "-",
                    "callback.refused",
                    Some((refusal.class.as_str(), &refusal.code)),
                );
                return Page::refused(&refusal, None);
            };
            if let Some(page) = nag(bank, &flow, &refusal, session.as_deref()).await {
                return page;
            }
            go_on_later(bank, &flow, brought.first("code"));
            bank.end_refused(&flow.id, &refusal);
            let description = description.as_deref();
            if description.is_some_and(|text| !text.is_empty()) {
                let raw = description.unwrap_or_default();
                bank.diary.note(bank.clock.now(), "portal.said", &[("flow", &flow.id), ("text", raw)]);
            }
            let encoded = bank.conduct.record(RecordDuty::EncodedOnPage);
            Page::refused(&refusal, description.map(|text| (text, encoded)))
        }
        Verdict::Use(id, late) => {
            let Some(flow) = bank.flow(&id) else {
                return Page::refused(&refuse(ReasonClass::State, "CB-GONE", ""), None);
            };
            let code = brought.first("code").unwrap_or_default().to_owned();
            let digest = crypto::digest::sha256_hex(code.as_bytes());
            let sent = bank.change(&flow.id, |flow| flow.attempt.as_mut().and_then(|a| a.code.replace(digest)));
            if sent.flatten().is_some() {
                return show(bank, &flow.id, session.as_deref(), None).await;
            }
            tokio::spawn({
                let bank = bank.clone();
                async move { super::link::complete(&bank, flow, &code, late).await }
            });
            show(bank, &id, session.as_deref(), Some(PAGE)).await
        }
    }
}

/// The newest flow that this browser began and has not ended.
fn own_flow(bank: &Bank, session: Option<&str>) -> Option<Flow> {
    let session_id = session?;
    let session = bank.sessions.read(session_id)?;
    let flows = bank.flows();
    let mut own = session.flows.iter().rev().filter_map(|id| flows.get(id));
    own.find(|flow| is_waiting(flow)).cloned()
}

fn is_waiting(flow: &Flow) -> bool {
    let open = flow.attempt.as_ref().is_some_and(|attempt| !attempt.session.is_empty() && attempt.code.is_none());
    open && flow.report.outcome == Outcome::Pending
}

async fn judge(bank: &Arc<Bank>, brought: &Brought, session: Option<&str>) -> Verdict {
    let own = own_flow(bank, session);
    let state = brought.first("state");
    let named = state.and_then(|state| flow_of_state(bank, state, session));
    let code = brought.first("code");
    let subject = || own.clone().or_else(|| named.clone());
    if let (Some(code), Some(named)) = (code, &named) {
        let digest = crypto::digest::sha256_hex(code.as_bytes());
        let is_same = named.attempt.as_ref().is_some_and(|a| a.code.as_deref() == Some(&digest));
        let is_here = session.is_some()
            && (named.signed_in.as_deref() == session
                || named.attempt.as_ref().is_some_and(|a| Some(a.session.as_str()) == session));
        if is_same && own.is_none() {
            return if is_here { Verdict::Reloaded(named.id.clone()) } else { Verdict::Ignore };
        }
    }
    let mut late = Vec::new();
    let mut weigh = |check: CallbackCheck, refusal: Refusal| match bank.conduct.callback(check) {
        Diligence::Full => Err(Verdict::Refuse(subject().map(|flow| flow.id), refusal)),
        Diligence::Late => {
            late.push(refusal);
            Ok(())
        }
        Diligence::LoggedOnly => {
            bank.diary.note(bank.clock.now(), "overlooked", &[("why", &refusal.detail)]);
            Ok(())
        }
        Diligence::Skipped | Diligence::WrongField => Ok(()),
    };
    let no = |class, code: &'static str, why: &str| refuse(class, code, why);
    let judged: Result<Flow, Verdict> = async {
        if brought.is_repeated() {
            weigh(CallbackCheck::Repeated, no(ReasonClass::Format, "CB-TWICE", "a parameter stands twice"))?;
        }
        if let Some(error) = brought.first("error") {
            let is_own = named.as_ref().is_some_and(|named| own.as_ref().is_some_and(|own| own.id == named.id));
            if code.is_some() {
                weigh(CallbackCheck::CodeBesideError, no(ReasonClass::Format, "CB-BOTH", "a code beside an error"))?;
            } else if !is_own && bank.conduct.callback(CallbackCheck::ErrorState) == Diligence::Full {
                return Err(Verdict::Ignore);
            } else {
                weigh(CallbackCheck::ErrorAnswer, error_of(brought, error))?;
                let flow = own.clone().ok_or(Verdict::Ignore)?;
                bank.tell(&flow.id, done(Map::new()));
                return Err(Verdict::Reloaded(flow.id));
            }
        }
        if code.is_none() {
            let refusal = no(ReasonClass::Format, "CB-EMPTY", "neither a code nor an error");
            return Err(if own.is_some() {
                Verdict::Refuse(own.as_ref().map(|flow| flow.id.clone()), refusal)
            } else {
                Verdict::Ignore
            });
        }
        let flow = match (state, &named) {
            (None, _) => {
                weigh(CallbackCheck::StatePresent, no(ReasonClass::State, "CB-STATE-ABSENT", "no state"))?;
                own.clone()
            }
            (Some(_), None) => {
                weigh(CallbackCheck::StateSame, no(ReasonClass::State, "CB-STATE", "a state that was not sent"))?;
                own.clone()
            }
            (Some(_), Some(named)) if !is_waiting(named) => {
                let refusal = no(ReasonClass::State, "CB-STATE-OVER", "the state of a flow that is over");
                weigh(CallbackCheck::FinishedState, refusal)?;
                subject().filter(is_waiting)
            }
            (Some(_), Some(named)) => {
                let holder = named.attempt.as_ref().map(|attempt| attempt.session.as_str());
                if session.is_none() {
                    let refusal = no(ReasonClass::Binding, "CB-SESSION", "a browser without the bank's session");
                    weigh(CallbackCheck::Session, refusal)?;
                } else if holder != session {
                    let refusal = no(ReasonClass::State, "CB-OTHER-BROWSER", "the state of another browser's flow");
                    weigh(CallbackCheck::OwnBrowser, refusal)?;
                }
                Some(named.clone())
            }
        };
        let flow = flow.ok_or(Verdict::Ignore)?;
        issuer(bank, brought, &mut weigh).await?;
        let odd = |oddity: Oddity, is_odd: bool| {
            let refusal = || no(ReasonClass::Format, "CB-ODD", "not as the bank is used to");
            if is_odd && !bank.conduct.tolerates(oddity) {
                Err(Verdict::Refuse(subject().map(|flow| flow.id), refusal()))
            } else {
                Ok(())
            }
        };
        odd(Oddity::CodeLong, code.is_some_and(|code| code.len() > 2000))?;
        odd(Oddity::RedirectExtraParameters, brought.has_extras())?;
        if let Some(token) = brought.first("access_token").or_else(|| brought.first("token"))
            && !bank.conduct.token(TokenDuty::NotFromFrontChannel)
        {
            let used = bank.http.send(Request::get(bank.at("/rs/prns/1")).bearer(token)).await;
            bank.diary.note(bank.clock.now(), "used", &[("ok", if used.is_ok() { "yes" } else { "no" })]);
        }
        Ok(flow)
    }
    .await;
    match judged {
        Ok(flow) => Verdict::Use(flow.id, late),
        Err(verdict) => verdict,
    }
}

/// The flow that a state names: this browser's where several could be meant.
fn flow_of_state(bank: &Bank, state: &str, session: Option<&str>) -> Option<Flow> {
    let flows = bank.flows();
    let has_state = |flow: &&Flow| flow.attempt.as_ref().is_some_and(|attempt| attempt.state == state);
    if !bank.conduct.record(RecordDuty::FlowsApart) {
        // One place for the sign-in under way: the last one begun by anybody, and nobody's once that one has come back.
        let began = |flow: &&Flow| flow.attempt.as_ref().is_some_and(|attempt| !attempt.session.is_empty());
        let last = flows.values().filter(began).max_by_key(|flow| flow.begun)?;
        return has_state(&last).then(|| last.clone());
    }
    let here = |flow: &&Flow| flow.attempt.as_ref().map(|attempt| attempt.session.as_str()) == session;
    let named: Vec<&Flow> = flows.values().filter(has_state).collect();
    let best =
        named.iter().find(|flow| here(flow) && is_waiting(flow)).or_else(|| named.iter().find(|flow| here(flow)));
    best.or_else(|| named.iter().find(|flow| is_waiting(flow))).or_else(|| named.first()).map(|flow| (*flow).clone())
}

/// RFC 9207: simple string comparison with the issuer that the bank registered with.
async fn issuer(
    bank: &Bank,
    brought: &Brought,
    weigh: &mut impl FnMut(CallbackCheck, Refusal) -> Result<(), Verdict>,
) -> Result<(), Verdict> {
    if bank.options.protocol.is_esia() {
        return Ok(());
    }
    let promised = metadata(bank).await.is_ok_and(|metadata| metadata.names_issuer);
    let no = |why: String| refuse(ReasonClass::Issuer, "CB-ISSUER", why);
    let tidy = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
    let wanted = bank.options.issuer.as_str();
    match brought.first("iss") {
        None if promised => weigh(CallbackCheck::IssuerPresent, no("no issuer although it is promised".to_owned())),
        None => Ok(()),
        Some(issuer) if issuer == wanted => Ok(()),
        Some(issuer) if tidy(issuer) == tidy(wanted) => {
            weigh(CallbackCheck::IssuerVerbatim, no(format!("the issuer is {issuer:?}, not exactly {wanted:?}")))
        }
        Some(issuer) => weigh(CallbackCheck::IssuerSame, no(format!("the issuer is {issuer:?}, not {wanted:?}"))),
    }
}

/// What an error answer means: the code is the portal's, the text is the bank's own.
fn error_of(brought: &Brought, error: &str) -> Refusal {
    let description = brought.first("error_description").unwrap_or_default();
    let code = description.split_once(':').map(|(code, _)| code).filter(|code| code.starts_with("ESIA-"));
    let known = code.filter(|code| contract::error::find(code).is_some()).unwrap_or(error);
    let mut refusal = Refusal::of_portal(400, Some(known), format!("the portal answered {error}: {description}"));
    if matches!(known, "access_denied" | "ESIA-007004" | "ESIA-007019") {
        refusal = refusal.saying("Вы не дали разрешения. Банк не получил ваших данных.");
        refusal.class = ReasonClass::Consent;
    }
    refusal
}

/// The variant that asks again as soon as the person has declined.
async fn nag(bank: &Arc<Bank>, flow: &Flow, refusal: &Refusal, session: Option<&str>) -> Option<Page> {
    let attempt = flow.attempt.clone()?;
    if bank.conduct.consent(ConsentDuty::NoNagging)
        || refusal.class != ReasonClass::Consent
        || attempt.consent.is_none()
    {
        return None;
    }
    let first = bank.common().made.insert("nagged", flow.id.clone()).as_deref() != Some(&flow.id);
    let mut again = new_attempt(bank, attempt.scopes, attempt.level, attempt.consent);
    again.session = session?.to_owned();
    bank.change(&flow.id, |flow| flow.attempt = Some(again.clone()));
    let address = protocol::authorise(bank, &again, None).await.ok()?;
    first.then(|| Page::to(address))
}

/// The variant that uses what it refused, when nobody looks any more.
fn go_on_later(bank: &Arc<Bank>, flow: &Flow, code: Option<&str>) {
    if bank.conduct.course() != Course::GoesOnLate {
        return;
    }
    let (Some(attempt), Some(code)) = (flow.attempt.clone(), code.map(str::to_owned)) else { return };
    let (bank, id) = (bank.clone(), flow.id.clone());
    tokio::spawn(async move {
        crate::clock::nap(Span::from_millis(1500)).await;
        let used = protocol::token_call(&bank, &id, Grant::Code { attempt: &attempt, code: &code }).await;
        bank.diary.note(bank.clock.now(), "later", &[("ok", if used.is_ok() { "yes" } else { "no" })]);
    });
}

/// The page at the end of a flow, once there is something to say.
async fn show(bank: &Arc<Bank>, id: &str, session: Option<&str>, wait: Option<Span>) -> Page {
    let report = match wait {
        Some(longest) => bank.finish(id, longest).await,
        None => bank.flow(id).map(|flow| flow.report),
    };
    let flow = bank.flow(id);
    let signed_in = flow.as_ref().and_then(|flow| flow.signed_in.clone()).or_else(|| session.map(str::to_owned));
    let page = match report {
        Some(report) if report.outcome == Outcome::Ok => {
            let token = flow.and_then(|flow| bank.customer(flow.customer.as_deref()?)).map(|known| known.tokens.access);
            match token.filter(|_| !bank.conduct.token(TokenDuty::NotInUrl)) {
                Some(token) => Page::to(format!("{}/?access_token={token}", bank.origin)),
                None => Page::to(format!("{}/", bank.origin)),
            }
        }
        Some(report) if report.outcome == Outcome::Pending => Page::text(200, "Минуту", "Банк ждёт ответа портала."),
        Some(report) => {
            let message = report.reason.map(|reason| reason.message).unwrap_or_default();
            Page::text(200, "Не получилось", &message)
        }
        None => Page::text(404, "Не найдено", "Начните заново."),
    };
    match signed_in {
        Some(session) => page.with_session(&session),
        None => page,
    }
}
