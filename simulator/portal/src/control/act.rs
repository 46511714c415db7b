//! `POST /citizen/act`: a person goes through an authorisation. The sandbox's real pages are called over its real
//! listener, with cookies and forms, and are recorded like any browser's; the bank's address is not called.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use contract::citizen::Citizen;
use contract::control::{ActAnswer, ActAsk, Decision, Factor};
use http::{HeaderMap, header};
use serde_json::json;
use url::Url;

use super::form::{Form, Page};
use super::{Named, Problem, json as answer, read_json};
use crate::faults::Answer;
use crate::people;
use crate::portal::Sandbox;

/// Pages and redirects that one authorisation may take.
const STEPS_MAX: usize = 20;

pub(super) async fn act(Named(sandbox): Named, body: Bytes) -> Result<Answer, Problem> {
    let ask: ActAsk = read_json(&body)?;
    let citizen = people::meet(&sandbox, &ask.citizen)
        .ok_or_else(|| Problem::of("citizen-unknown", format!("no citizen {:?}", ask.citizen)))?;
    let url = Url::parse(&ask.url)
        .map_err(|error| Problem::of("parameter-invalid", format!("url {:?}: {error}", ask.url)))?;
    let mut browser = Browser { sandbox, cookies: BTreeMap::new() };
    if !browser.is_at_home(&url) {
        let home = browser.sandbox.origin();
        return Err(Problem::of("parameter-invalid", format!("url is not of this sandbox: it begins {home}")));
    }
    let mut pages = Vec::new();
    let mut tried = Tried::default();
    let mut next = Step::Open(url);
    for _ in 0..STEPS_MAX {
        let seen = browser.take(next).await?;
        let here = match seen {
            Seen::Sent(location) if !browser.is_at_home(&location) => {
                return Ok(answer(200, &ActAnswer { redirect: Some(location.into()), pages }));
            }
            Seen::Sent(location) => {
                next = Step::Open(location);
                continue;
            }
            Seen::Page(url, page) => (url, page),
        };
        pages.push(here.1.title.clone());
        match press(&browser.sandbox, &ask, &citizen, &here.1, &mut tried) {
            Pressed::Submit(form, button) => {
                let Some(pairs) = form.submitted(&button) else { return Err(stuck(&here.1, pages)) };
                let action = here.0.join(&form.action).unwrap_or(here.0);
                next = Step::Post(action, pairs);
            }
            Pressed::Leave => return Ok(answer(200, &ActAnswer { redirect: None, pages })),
            Pressed::Stuck => return Err(stuck(&here.1, pages)),
        }
    }
    Err(Problem::of("act-refused", format!("the sign-in did not end in {STEPS_MAX} steps")))
}

/// The portal's page instead of a way back to the bank.
fn stuck(page: &Page, pages: Vec<String>) -> Problem {
    let code = if page.code.is_empty() { String::new() } else { format!("{}: ", page.code) };
    let mut problem = Problem::of("act-refused", format!("{code}{}", page.text));
    if let Some(members) = problem.0.object() {
        members.insert("page".into(), json!({"title": page.title, "kind": page.kind, "code": page.code}));
        members.insert("pages".into(), json!(pages));
    }
    problem
}

/// What was typed before: a page that comes again after a right answer has said no to it.
#[derive(Default)]
struct Tried {
    password: bool,
    second: bool,
}

enum Pressed {
    Leave,
    Stuck,
    Submit(Form, String),
}

fn press(sandbox: &Sandbox, ask: &ActAsk, citizen: &Citizen, page: &Page, tried: &mut Tried) -> Pressed {
    let Some(mut form) = page.form.clone() else { return Pressed::Stuck };
    match page.kind.as_str() {
        "login" => {
            if std::mem::replace(&mut tried.password, true) {
                return Pressed::Stuck;
            }
            form.type_in("login", &citizen.login);
            match ask.factors.password {
                Factor::Right => form.type_in("password", &citizen.password),
                Factor::Wrong => form.type_in("password", &format!("{}-wrong", citizen.password)),
                Factor::None => return Pressed::Leave,
            }
            Pressed::Submit(form, "continue".into())
        }
        "code" => {
            if std::mem::replace(&mut tried.second, true) {
                return Pressed::Stuck;
            }
            let sent = sandbox.read(|world| {
                world.messages.of(citizen.oid.wide()).iter().rev().find_map(|message| message.code.clone())
            });
            match (ask.factors.second, sent) {
                (Factor::Right, Some(code)) => form.type_in("code", &code),
                (Factor::Wrong, Some(code)) => form.type_in("code", &other_code(&code)),
                (Factor::Right | Factor::Wrong, None) => return Pressed::Stuck,
                (Factor::None, _) => return Pressed::Leave,
            }
            let button = form.first_button().unwrap_or_default().to_owned();
            Pressed::Submit(form, button)
        }
        "consent" | "permission" => {
            if let Some(grant) = &ask.grant {
                for field in form.fields.iter_mut().filter(|field| field.name == "grant") {
                    field.checked = grant.contains(&field.value);
                }
            }
            match ask.decision {
                Decision::Approve => Pressed::Submit(form, "approve".into()),
                Decision::Refuse => Pressed::Submit(form, "refuse".into()),
                Decision::Ignore => Pressed::Leave,
            }
        }
        _ => Pressed::Stuck,
    }
}

/// A code of the same length that is not this one.
fn other_code(code: &str) -> String {
    code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
}

enum Step {
    Open(Url),
    Post(Url, Vec<(String, String)>),
}

enum Seen {
    Page(Url, Page),
    Sent(Url),
}

struct Browser {
    sandbox: Arc<Sandbox>,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn is_at_home(&self, url: &Url) -> bool {
        Url::parse(self.sandbox.origin()).is_ok_and(|home| home.origin() == url.origin())
    }

    async fn take(&mut self, step: Step) -> Result<Seen, Problem> {
        let failed =
            |what: String| Problem::of("unavailable", format!("the portal's page could not be opened: {what}"));
        let client = self.sandbox.client().ok_or_else(|| failed("no client".into()))?;
        let (url, request) = match step {
            Step::Open(url) => (url.clone(), client.get(url)),
            Step::Post(url, pairs) => (url.clone(), client.post(url).form(&pairs)),
        };
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header(header::COOKIE, cookies.join("; ")) };
        let response = request.send().await.map_err(|error| failed(error.to_string()))?;
        self.keep_cookies(response.headers());
        if response.status().is_redirection() {
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let location = location.and_then(|location| url.join(location).ok());
            return location.map(Seen::Sent).ok_or_else(|| failed("a redirect without an address".into()));
        }
        let html = response.text().await.map_err(|error| failed(error.to_string()))?;
        Ok(Seen::Page(url, Page::read(&html)))
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            if value.is_empty() || parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_code_has_the_same_length_and_differs() {
        assert_eq!(other_code("102030"), "010101");
    }
}
