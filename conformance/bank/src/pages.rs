//! What a customer sees in the browser: plain pages, everything encoded, nothing loaded from elsewhere, no address handed
//! on to the next site.

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::refusal::Refusal;
use crate::sessions::set_cookie;

pub(crate) struct Page {
    status: u16,
    body: String,
    to: Option<String>,
    session: Option<String>,
}

impl Page {
    /// A heading and a sentence.
    pub(crate) fn text(status: u16, heading: &str, sentence: &str) -> Self {
        Self::html(status, heading, &format!("<p>{}</p>", encoded(sentence)))
    }

    pub(crate) fn html(status: u16, heading: &str, inner: &str) -> Self {
        let heading = encoded(heading);
        let body = format!(
            "<!doctype html><html lang=\"ru\"><meta charset=\"utf-8\"><title>{heading}</title>\
             <main><h1>{heading}</h1>{inner}</main></html>"
        );
        Self { status, body, to: None, session: None }
    }

    /// Why it was refused, and what the portal said about it; only a variant shows that as it came.
    pub(crate) fn refused(refusal: &Refusal, said: Option<(&str, bool)>) -> Self {
        let mut inner = format!("<p>{}</p>", encoded(&refusal.message));
        if let Some((text, is_encoded)) = said {
            let short: String = text.chars().take(300).collect();
            let shown = if is_encoded { encoded(&short) } else { short };
            inner.push_str(&format!("<p>Портал сообщил: {shown}</p>"));
        }
        Self::html(400, "Не получилось", &inner)
    }

    pub(crate) fn to(address: impl Into<String>) -> Self {
        Self { status: 303, body: String::new(), to: Some(address.into()), session: None }
    }

    pub(crate) fn with_session(mut self, session: &str) -> Self {
        self.session = Some(session.to_owned());
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put(CONTENT_TYPE, "text/html; charset=utf-8");
        put(CONTENT_SECURITY_POLICY, "default-src 'none'; form-action 'self'; frame-ancestors 'none'");
        put(REFERRER_POLICY, "no-referrer");
        put(CACHE_CONTROL, "no-store");
        if let Some(to) = &self.to {
            put(LOCATION, to);
        }
        if let Some(session) = &self.session {
            put(SET_COOKIE, &set_cookie(session));
        }
        response
    }
}

pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_are_shown_as_text() {
        assert_eq!(encoded("<b onclick='x'>&\r\n"), "&lt;b onclick=&#39;x&#39;&gt;&amp;  ");
    }

    #[test]
    fn the_cookie_is_for_this_site_and_not_for_scripts() {
        let response = Page::text(200, "a", "b").with_session("s").into_response();
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(attribute));
        }
    }
}
