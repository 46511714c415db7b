//! The portal's pages as a person sees them: which form is shown, and what filling it in sends. Forms are found by the ids
//! of their fields (`login`, `password`, `code`) and the name of their buttons (`decision`), not by address.

use scraper::{ElementRef, Html, Selector};
use url::Url;

/// What a page asks of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Login and password.
    Password,
    /// A one-time code.
    Code,
    /// Yes or no; the scopes that stand as ticked boxes.
    Decision { scopes: Vec<String> },
}

/// A form that the person can send.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) asked: Asked,
    pub(crate) action: Url,
    pub(crate) post: bool,
    /// Hidden fields and others that are sent unchanged.
    fields: Vec<(String, String)>,
    login: Option<String>,
    password: Option<String>,
    code: Option<String>,
}

/// A page, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// Code of an error page.
    pub(crate) code: Option<String>,
    pub(crate) form: Option<Form>,
}

impl Page {
    pub(crate) fn read(html: &str, at: &Url) -> Self {
        let document = Html::parse_document(html);
        let title = first(&document, "title").map(|element| words(&element)).unwrap_or_default();
        let code = first(&document, "main[data-code]").and_then(|main| main.attr("data-code").map(str::to_owned));
        let form = all(&document, "form").iter().find_map(|form| read_form(form, at));
        Self { title, code, form }
    }
}

impl Form {
    /// What is sent when login and password are typed.
    pub(crate) fn password(&self, login: &str, password: &str) -> Vec<(String, String)> {
        let mut sent = self.fields.clone();
        sent.extend(self.login.clone().map(|name| (name, login.to_owned())));
        sent.extend(self.password.clone().map(|name| (name, password.to_owned())));
        sent
    }

    pub(crate) fn code(&self, code: &str) -> Vec<(String, String)> {
        let mut sent = self.fields.clone();
        sent.extend(self.code.clone().map(|name| (name, code.to_owned())));
        sent
    }

    /// What is sent by the button; only these boxes stay ticked.
    pub(crate) fn decision(&self, decision: &str, granted: &[String]) -> Vec<(String, String)> {
        let mut sent = self.fields.clone();
        sent.extend(granted.iter().map(|scope| ("grant".to_owned(), scope.clone())));
        sent.push(("decision".to_owned(), decision.to_owned()));
        sent
    }
}

fn select(selector: &str) -> Option<Selector> {
    Selector::parse(selector).ok()
}

fn first<'a>(document: &'a Html, selector: &str) -> Option<ElementRef<'a>> {
    let selector = select(selector)?;
    document.select(&selector).next()
}

fn all<'a>(document: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    select(selector).map(|selector| document.select(&selector).collect()).unwrap_or_default()
}

fn inside<'a>(element: &ElementRef<'a>, selector: &str) -> Vec<ElementRef<'a>> {
    select(selector).map(|selector| element.select(&selector).collect()).unwrap_or_default()
}

fn words(element: &ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_form(form: &ElementRef<'_>, at: &Url) -> Option<Form> {
    let name_of = |selector: &str| {
        inside(form, selector)
            .first()
            .and_then(|input| input.attr("name").or_else(|| input.attr("id")).map(str::to_owned))
    };
    let login = name_of("input#login, input[name=login]");
    let password = name_of("input#password, input[name=password], input[type=password]");
    let code = name_of("input#code, input[name=code]");
    let decides = !inside(form, "[name=decision][value=approve]").is_empty();
    let asked = if password.is_some() {
        Asked::Password
    } else if code.is_some() {
        Asked::Code
    } else if decides {
        let ticked = inside(form, "input[type=checkbox][name=grant]");
        let scopes =
            ticked.iter().filter(|input| input.attr("checked").is_some()).filter_map(|input| input.attr("value"));
        Asked::Decision { scopes: scopes.map(str::to_owned).collect() }
    } else {
        return None;
    };
    let action = at.join(form.attr("action").unwrap_or_default()).ok()?;
    let fields = inside(form, "input[type=hidden]")
        .iter()
        .filter_map(|input| Some((input.attr("name")?.to_owned(), input.attr("value").unwrap_or_default().to_owned())))
        .collect();
    let post = form.attr("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
    Some(Form { asked, action, post, fields, login, password, code })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Page {
        Page::read(html, &Url::parse("https://localhost:8443/login?flow=7").unwrap())
    }

    #[test]
    fn the_login_form_is_known_by_its_fields() {
        let page = read(
            "<title>Вход</title><form method=post action='/login'><input type=hidden name=flow value='a&amp;b'>
             <input id=login name=login><input id=password name=password type=password><button>Войти</button></form>",
        );
        let form = page.form.unwrap();
        assert_eq!(page.title, "Вход");
        assert_eq!(form.asked, Asked::Password);
        assert_eq!(form.action.as_str(), "https://localhost:8443/login");
        let sent = form.password("anna", "secret");
        assert!(sent.contains(&("flow".to_owned(), "a&b".to_owned())));
        assert!(sent.contains(&("password".to_owned(), "secret".to_owned())));
    }

    #[test]
    fn the_consent_form_keeps_only_what_is_granted() {
        let page = read(
            "<form method=POST><input type=checkbox name=grant value=debts checked>
             <input type=checkbox name=grant value=pension checked>
             <button name=decision value=approve>Да</button><button name=decision value=refuse>Нет</button></form>",
        );
        let form = page.form.unwrap();
        assert_eq!(form.asked, Asked::Decision { scopes: vec!["debts".to_owned(), "pension".to_owned()] });
        let sent = form.decision("approve", &["debts".to_owned()]);
        assert_eq!(sent, [("grant", "debts"), ("decision", "approve")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn an_error_page_shows_its_code_and_no_form() {
        let page = read("<main data-code='ESIA-007014'><h1>Ошибка</h1></main>");
        assert_eq!(page.code.as_deref(), Some("ESIA-007014"));
        assert!(page.form.is_none());
    }
}
