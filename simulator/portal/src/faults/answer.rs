//! An endpoint's answer before it is sent: still a value, so that a lie can change it.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contract::shape::{PROBLEM, Shape};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::services::PROBLEM_NAMESPACE;

/// Status, headers and content; becomes a response when the handler returns it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub content: Content,
    /// Of what record the content is, so that it can be written in other formats and names; see `services/negotiate.rs`.
    pub form: Option<Form>,
    /// Set by lies only.
    pub cut: Cut,
}

/// A record and the namespace of its XML.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Form {
    pub shape: &'static Shape,
    pub namespace: &'static str,
}

/// What a response says, beside its bytes: put into its extensions.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) form: Form,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Anything that is no text.
    Bytes(Bytes),
    Empty,
    Json(Value),
    Text(String),
}

/// Where the connection breaks off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// Before the first byte of the answer.
    Before,
    #[default]
    Nowhere,
    /// After half of the body, while `Content-Length` promises all of it.
    Within,
}

impl Answer {
    /// A JSON answer with `Content-Type: application/json`.
    pub fn json(status: u16, value: Value) -> Self {
        Self::of(status, "application/json", Content::Json(value))
    }

    /// RFC 9457: `application/problem+json`.
    pub fn problem(status: u16, value: Value) -> Self {
        Self::of(status, "application/problem+json", Content::Json(value)).shaped(&PROBLEM, PROBLEM_NAMESPACE)
    }

    /// Bytes of another media type.
    pub fn bytes(status: u16, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self::of(status, content_type, Content::Bytes(bytes.into()))
    }

    /// Text of another media type.
    pub fn text(status: u16, content_type: &str, text: impl Into<String>) -> Self {
        Self::of(status, content_type, Content::Text(text.into()))
    }

    /// The same answer, said to be a value of this shape (under its first names).
    #[must_use]
    pub fn shaped(mut self, shape: &'static Shape, namespace: &'static str) -> Self {
        self.form = Some(Form { shape, namespace });
        self
    }

    pub fn html(status: u16, text: impl Into<String>) -> Self {
        Self::of(status, "text/html; charset=utf-8", Content::Text(text.into()))
    }

    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Content::Empty, form: None, cut: Cut::Nowhere }
    }

    fn of(status: u16, content_type: &str, content: Content) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            content,
            form: None,
            cut: Cut::Nowhere,
        }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The JSON object inside, or `None` where there is none: lies about members pass such answers by.
    pub fn object(&mut self) -> Option<&mut serde_json::Map<String, Value>> {
        match &mut self.content {
            Content::Json(Value::Object(members)) => Some(members),
            Content::Bytes(_) | Content::Json(_) | Content::Empty | Content::Text(_) => None,
        }
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let bytes = match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Empty => Bytes::new(),
            Content::Json(value) => value.to_string().into(),
            Content::Text(text) => text.clone().into(),
        };
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), header_value(value)) {
                response.headers_mut().append(name, value);
            }
        }
        if self.status == 204 {
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
        if self.cut != Cut::Nowhere {
            response.extensions_mut().insert(self.cut);
        }
        if let (Some(form), Content::Json(value)) = (self.form, self.content) {
            response.extensions_mut().insert(Facts { form, value });
        }
        response
    }
}

/// A header value; Cyrillic text goes out as UTF-8 bytes, which RFC 9110 §5.5 allows as opaque data.
fn header_value(text: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    HeaderValue::from_bytes(text.as_bytes())
}
