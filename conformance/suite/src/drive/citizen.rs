//! The citizen: goes where the bank or the portal sends the browser, signs in, reads the consent page and decides.

use std::time::Duration;

use contract::exchange::Party;
use rules::trace::What;
use serde_json::json;
use url::Url;

use super::attacker;
use super::browser::{Browser, Go, Got, same_origin};
use super::lane::Lane;
use super::pages::{Asked, Form, Page};
use super::play::{Mood, Play};
use crate::error::SuiteError;
use crate::scenario::model::CitizenStep;
use crate::scenario::words;

/// Pages and redirects that one visit may pass.
const HOPS: usize = 40;
/// The same form answered rightly so often and shown again: the portal does not take it.
const PATIENCE: usize = 4;

/// Where a visit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The bank showed a page.
    AtBank,
    /// The person left without deciding.
    Left,
    /// The portal showed a page with nothing to go on with.
    Stuck(String),
    /// No answer, or no TLS connection.
    Lost(String),
}

/// A person follows an address to the end.
pub(crate) async fn visit(
    lane: &Lane,
    play: &Play,
    name: &str,
    start: &str,
    step: Option<usize>,
) -> Result<End, SuiteError> {
    let Ok(start) = Url::parse(start) else {
        play.unmet(step, format!("the bank sends the person to `{start}`, which is no address"), Vec::new());
        return Ok(End::Lost(format!("`{start}` is no address")));
    };
    let Some(member) = play.member(name) else {
        return Err(SuiteError::new(format!("nobody is called `{name}` in this case"), ""));
    };
    let walk = Walk { lane, play, name, step, browser: &member.browser };
    let end = walk.walk(Go::to(start)).await?;
    play.gather();
    Ok(end)
}

pub(super) struct Walk<'a> {
    pub(super) lane: &'a Lane,
    pub(super) play: &'a Play,
    pub(super) name: &'a str,
    pub(super) step: Option<usize>,
    pub(super) browser: &'a Browser,
}

impl Walk<'_> {
    async fn walk(&self, start: Go) -> Result<End, SuiteError> {
        let agency = &self.lane.agency;
        let mut go = start;
        let mut from_portal = false;
        let mut then: Option<Url> = None;
        let mut answered = 0;
        for _ in 0..HOPS {
            if from_portal && agency.is_bank(&go.url) {
                let gate = self.play.state().gate.clone();
                if let Some(gate) = gate {
                    gate.pass(self.name, self.lane.patience()).await;
                }
                self.lane.arm_at_callback(self.play).await?;
                if let Some(end) = attacker::at_callback(self, &go.url).await? {
                    return Ok(end);
                }
                if let Some(member) = self.play.state().people.get_mut(self.name) {
                    member.callback = Some(go.url.clone());
                }
            }
            from_portal = agency.is_portal(&go.url);
            let got = match self.browser.go(agency, &go, self.lane.patience()).await {
                Ok(got) => got,
                Err(why) => {
                    let data = json!({"person": self.name, "url": short(&go.url), "why": why});
                    self.play.act("suite", "lost", self.step, data);
                    return Ok(End::Lost(why));
                }
            };
            if let Some(next) = got.then.clone() {
                then = Some(next);
            }
            if let Some(next) = self.next(&go, &got) {
                go = next;
                continue;
            }
            let Some(page) = got.page.as_ref().filter(|_| from_portal) else {
                // A second answer of the portal that waits behind the first.
                if let Some(next) = then.take() {
                    from_portal = true;
                    go = Go::to(next);
                    continue;
                }
                return Ok(self.arrived(&got));
            };
            let data = json!({
                "person": self.name, "title": page.title, "code": page.code, "url": short(&got.at),
                "asks": page.form.as_ref().map(|form| asks(&form.asked)),
            });
            self.play.act("suite", "page", self.step, data);
            let Some(form) = &page.form else { return Ok(End::Stuck(named(page))) };
            match self.answer(form).await? {
                Answered::Rightly(next) => {
                    answered += 1;
                    if answered > PATIENCE {
                        return Ok(End::Stuck(format!("{}: shown again and again", named(page))));
                    }
                    go = next;
                }
                Answered::Wrongly(next) => go = next,
                Answered::Left => return Ok(End::Left),
            }
        }
        Ok(End::Lost(format!("more than {HOPS} pages and redirects")))
    }

    /// Goes as far as the address of the bank to which the portal sends the browser, and not there.
    pub(super) async fn up_to_callback(&self, start: Go) -> Result<Option<Url>, SuiteError> {
        let agency = &self.lane.agency;
        let mut go = start;
        let mut from_portal = false;
        for _ in 0..HOPS {
            if from_portal && agency.is_bank(&go.url) {
                return Ok(Some(go.url));
            }
            from_portal = agency.is_portal(&go.url);
            let Ok(got) = self.browser.go(agency, &go, self.lane.patience()).await else { return Ok(None) };
            if let Some(next) = self.next(&go, &got) {
                go = next;
                continue;
            }
            let Some(form) = got.page.and_then(|page| page.form) else { return Ok(None) };
            match self.answer(&form).await? {
                Answered::Rightly(next) | Answered::Wrongly(next) => go = next,
                Answered::Left => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Where a redirect leads.
    fn next(&self, go: &Go, got: &Got) -> Option<Go> {
        let url = got.location.clone()?;
        // 307 and 308 repeat the form; a browser sends it to another origin as well.
        let form = go.form.clone().filter(|_| matches!(got.status, 307 | 308));
        Some(Go { url, form })
    }

    fn arrived(&self, got: &Got) -> End {
        let agency = &self.lane.agency;
        let title = got.page.as_ref().map(|page| page.title.clone()).unwrap_or_default();
        if agency.is_bank(&got.at) {
            let data = json!({"person": self.name, "status": got.status, "title": title, "url": short(&got.at)});
            self.play.act("suite", "arrived", self.step, data);
            End::AtBank
        } else {
            End::Stuck(format!("status {} at {}", got.status, short(&got.at)))
        }
    }

    async fn answer(&self, form: &Form) -> Result<Answered, SuiteError> {
        let Some(member) = self.play.member(self.name) else { return Ok(Answered::Left) };
        let view = &member.person.view;
        let text = |key: &str| view[key].as_str().unwrap_or_default().to_owned();
        let send = |fields: Vec<(String, String)>| send(form, fields);
        match &form.asked {
            Asked::Password => match self.play.mood(self.name, &["wrong-password"]) {
                Some(_) => {
                    self.act("wrong-password", json!({"person": self.name}));
                    Ok(Answered::Wrongly(send(form.password(&text("login"), "not-the-password"))))
                }
                None => Ok(Answered::Rightly(send(form.password(&text("login"), &text("password"))))),
            },
            Asked::Code => {
                let right = self.one_time_code(&member.person.slug).await?;
                match self.play.mood(self.name, &["wrong-code"]) {
                    Some(_) => {
                        self.act("wrong-code", json!({"person": self.name}));
                        Ok(Answered::Wrongly(send(form.code(&other_code(&right)))))
                    }
                    None => Ok(Answered::Rightly(send(form.code(&right)))),
                }
            }
            Asked::Decision { scopes } => {
                let mood = self.play.mood(self.name, &["approve", "ignore", "refuse"]);
                let mood = mood.unwrap_or(Mood { act: "approve".to_owned(), left: 0, grant: None });
                let granted: Vec<String> = match &mood.grant {
                    None => scopes.clone(),
                    Some(only) => scopes.iter().filter(|scope| only.contains(scope)).cloned().collect(),
                };
                let data = json!({"person": self.name, "asked": scopes, "granted": granted});
                self.act(&mood.act, data);
                match mood.act.as_str() {
                    "ignore" => Ok(Answered::Left),
                    "refuse" => Ok(Answered::Rightly(send(form.decision("refuse", &[])))),
                    _ => Ok(Answered::Rightly(send(form.decision("approve", &granted)))),
                }
            }
        }
    }

    fn act(&self, what: &str, data: serde_json::Value) {
        self.play.act("citizen", what, self.step, data);
    }

    /// The newest one-time code sent to the person.
    async fn one_time_code(&self, slug: &str) -> Result<String, SuiteError> {
        let messages = self.lane.sandbox.messages(slug).await?;
        Ok(messages
            .into_iter()
            .filter_map(|message| message.code.map(|code| (message.at, code)))
            .max_by_key(|(at, _)| *at)
            .map(|(_, code)| code)
            .unwrap_or_default())
    }
}

enum Answered {
    Rightly(Go),
    Wrongly(Go),
    Left,
}

fn send(form: &Form, fields: Vec<(String, String)>) -> Go {
    if form.post {
        return Go { url: form.action.clone(), form: Some(fields) };
    }
    let mut url = form.action.clone();
    url.query_pairs_mut().clear().extend_pairs(&fields);
    Go::to(url)
}

fn other_code(right: &str) -> String {
    if right == "000000" { "111111".to_owned() } else { "0".repeat(right.len().max(6)) }
}

fn asks(asked: &Asked) -> &'static str {
    match asked {
        Asked::Code => "code",
        Asked::Decision { .. } => "decision",
        Asked::Password => "password",
    }
}

fn named(page: &Page) -> String {
    match &page.code {
        Some(code) => format!("{code} {}", page.title).trim().to_owned(),
        None => page.title.clone(),
    }
}

fn short(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// A step of the citizen.
pub(crate) async fn step(lane: &Lane, play: &Play, step: &CitizenStep, index: usize) -> Result<(), SuiteError> {
    let who = step.who.value.as_str();
    match step.act.value.as_str() {
        "revoke" => {
            let consent = step.consent.as_ref().map(|consent| consent.value.clone()).unwrap_or_default();
            play.act("citizen", "revoke", Some(index), json!({"person": who, "consent": consent}));
            // A consent that the bank never named cannot be revoked: the bank's doing, not ours.
            if let Err(why) = lane.sandbox.revoke(&consent).await {
                play.unmet(Some(index), format!("the consent `{consent}` could not be revoked: {why}"), Vec::new());
            }
            Ok(())
        }
        "reload-callback" => {
            let Some(member) = play.member(who) else { return Ok(()) };
            let Some(url) = member.callback else {
                play.unmet(Some(index), "the portal never sent the browser back to the bank", Vec::new());
                return Ok(());
            };
            play.act("citizen", "reload-callback", Some(index), json!({"person": who, "url": short(&url)}));
            let walk = Walk { lane, play, name: who, step: Some(index), browser: &member.browser };
            walk.walk(Go::to(url)).await?;
            play.gather();
            Ok(())
        }
        "go" => {
            let flow = step.flow.as_ref().map(|flow| flow.value.clone()).unwrap_or_default();
            super::bank::go_on(lane, play, &flow, index).await
        }
        act if words::acts_on_matters().any(|(name, _)| name == act) => {
            super::matters::of_citizen(lane, play, step, index).await
        }
        act => {
            let times = step.times.unwrap_or(if act == "wrong-password" { 3 } else { 1 });
            let mood = Mood { act: act.to_owned(), left: times, grant: step.grant.clone() };
            if let Some(member) = play.state().people.get_mut(who) {
                member.moods.push_back(mood);
            }
            Ok(())
        }
    }
}

/// A browser that nobody signed in with opens an address of the bank and follows it there.
pub(super) async fn stranger(lane: &Lane, play: &Play, url: &Url, within: Duration) -> Option<Got> {
    let browser = Browser::default();
    let mut go = Go::to(url.clone());
    let mut last = None;
    for _ in 0..HOPS {
        if !same_origin(&go.url, url) {
            break;
        }
        match browser.go_as(Party::Attacker, &lane.agency, &go, within).await {
            Ok(got) => {
                let next = got.location.clone();
                last = Some(got);
                match next {
                    Some(next) => go = Go::to(next),
                    None => break,
                }
            }
            Err(_) => break,
        }
    }
    for exchange in browser.take_seen() {
        play.event(What::Exchange(exchange));
    }
    last
}
