//! The templates' fields; the texts stand in `simulator/portal/templates`.

use askama::Template;

/// What was wrong with the form that was sent: a code of the registry of errors, and words.
pub(super) struct Alert {
    pub(super) code: &'static str,
    pub(super) text: String,
}

#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct Login<'a> {
    pub(super) client: Option<&'a str>,
    pub(super) alert: Option<Alert>,
    pub(super) flow: &'a str,
    pub(super) csrf: &'a str,
    pub(super) login: &'a str,
}

#[derive(Template)]
#[template(path = "code.html")]
pub(super) struct Code<'a> {
    pub(super) whereto: String,
    pub(super) alert: Option<Alert>,
    pub(super) flow: &'a str,
    pub(super) csrf: &'a str,
}

#[derive(Template)]
#[template(path = "locked.html")]
pub(super) struct Locked<'a> {
    pub(super) until: String,
    pub(super) flow: Option<&'a str>,
    pub(super) csrf: &'a str,
}

/// A scope with its words.
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) words: String,
}

#[derive(Template)]
#[template(path = "permission.html")]
pub(super) struct Permission<'a> {
    pub(super) person: String,
    pub(super) organisation: &'a str,
    pub(super) flow: &'a str,
    pub(super) csrf: &'a str,
    pub(super) scopes: Vec<Scope>,
}

#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct Consent<'a> {
    pub(super) consent: &'a str,
    pub(super) person: String,
    pub(super) organisation: &'a str,
    pub(super) client_id: &'a str,
    pub(super) responsible: Option<&'a str>,
    pub(super) kind: String,
    pub(super) purposes: Vec<String>,
    pub(super) actions: Vec<String>,
    pub(super) scopes: Vec<Scope>,
    pub(super) term: String,
    pub(super) flow: &'a str,
    pub(super) csrf: &'a str,
}

/// A row of the citizen's list.
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) organisation: String,
    pub(super) state: &'static str,
    pub(super) state_words: &'static str,
    pub(super) purposes: String,
    pub(super) data: String,
    pub(super) requested_at: String,
    pub(super) granted_at: Option<String>,
    pub(super) ip: Option<String>,
    pub(super) expires_at: Option<String>,
    pub(super) ended_at: Option<String>,
    pub(super) standing: bool,
}

#[derive(Template)]
#[template(path = "consents.html")]
pub(super) struct Consents<'a> {
    pub(super) person: String,
    pub(super) notice: Option<&'a str>,
    pub(super) consents: Vec<Kept>,
    pub(super) csrf: &'a str,
}

#[derive(Template)]
#[template(path = "error.html")]
pub(super) struct Error<'a> {
    pub(super) code: &'a str,
    pub(super) title: &'a str,
    pub(super) text: &'a str,
    pub(super) advice: &'a str,
}

#[derive(Template)]
#[template(path = "notice.html")]
pub(super) struct Notice<'a> {
    pub(super) page: &'a str,
    pub(super) title: &'a str,
    pub(super) text: &'a str,
}

#[derive(Template)]
#[template(path = "goodbye.html")]
pub(super) struct Goodbye<'a> {
    pub(super) client: Option<&'a str>,
    pub(super) csrf: &'a str,
    pub(super) fields: &'a [(&'a str, &'a str)],
}
