//! Parameters of an OAuth request, from query or body alike: real clients send the token request's parameters in the
//! query string with an empty body, or one of them in both. Kept with their raw text, so that the diagnosis can tell
//! what was lost on the way. Unknown parameters are ignored; an empty one counts as absent.

/// Where a parameter stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Body,
    Query,
}

/// One parameter as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    pub name: String,
    pub value: String,
    /// Before percent-decoding.
    pub raw: String,
    pub source: Source,
}

/// All parameters of a request, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    items: Vec<Param>,
}

/// Why the parameters could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The body is not a form; holds its media type.
    NotAForm(String),
    /// Percent-encoding or UTF-8 is broken; holds the raw piece.
    BadEncoding(String),
}

impl Params {
    /// Reads the query string and, where there is one, a form body.
    pub fn read(query: Option<&str>, content_type: Option<&str>, body: &[u8]) -> Result<Self, Unreadable> {
        let mut items = Vec::new();
        read_form(query.unwrap_or_default(), Source::Query, &mut items)?;
        if !body.is_empty() {
            let media = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
            // A missing media type is forgiven: the bytes say whether they are a form.
            if !media.is_empty() && !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                return Err(Unreadable::NotAForm(media.to_owned()));
            }
            let text = std::str::from_utf8(body).map_err(|_| Unreadable::BadEncoding("body".to_owned()))?;
            if text.trim_start().starts_with('{') {
                return Err(Unreadable::NotAForm("a JSON text".to_owned()));
            }
            read_form(text.trim_end_matches(['\r', '\n']), Source::Body, &mut items)?;
        }
        Ok(Self { items })
    }

    /// For tests and for requests made of stored parameters.
    pub fn of<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let items = pairs
            .into_iter()
            .map(|(name, value)| {
                let value = value.into();
                Param { name: name.into(), raw: value.clone(), value, source: Source::Query }
            })
            .collect();
        Self { items }
    }

    /// The value of a parameter. The body wins over the query; an empty value is an absent one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.param(name).map(|param| param.value.as_str())
    }

    /// The parameter whole, chosen as by [`Params::text`].
    pub fn param(&self, name: &str) -> Option<&Param> {
        let named = || self.items.iter().filter(|param| param.name == name && !param.value.is_empty());
        named().find(|param| param.source == Source::Body).or_else(|| named().next())
    }

    /// Whether the parameter came at all, be it empty.
    pub fn came(&self, name: &str) -> bool {
        self.items.iter().any(|param| param.name == name)
    }

    /// The first of `names` that came more than once in one place, or with two values in query and body.
    /// The timestamp of a query may differ from that of the body: one known client makes it twice.
    pub fn repeated<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        names.iter().copied().find(|name| {
            let of = |source| self.items.iter().filter(move |param| param.name == *name && param.source == source);
            if of(Source::Body).count() > 1 || of(Source::Query).count() > 1 {
                return true;
            }
            match (of(Source::Body).next(), of(Source::Query).next()) {
                (Some(body), Some(query)) => *name != "timestamp" && body.value != query.value,
                _ => false,
            }
        })
    }

    /// The names that show that `&amp;` stood between the parameters.
    pub fn escaped_ampersand(&self) -> Option<&str> {
        self.items.iter().map(|param| param.name.as_str()).find(|name| name.starts_with("amp;"))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.items.iter()
    }

    /// Whether a parameter stands in the query string.
    pub fn in_query(&self, name: &str) -> bool {
        self.items.iter().any(|param| param.name == name && param.source == Source::Query)
    }
}

fn read_form(text: &str, source: Source, items: &mut Vec<Param>) -> Result<(), Unreadable> {
    for piece in text.split('&').filter(|piece| !piece.is_empty()) {
        let (name, raw) = piece.split_once('=').unwrap_or((piece, ""));
        items.push(Param { name: decode(name)?, value: decode(raw)?, raw: raw.to_owned(), source });
    }
    Ok(())
}

/// Form decoding that notices broken escapes instead of keeping them.
fn decode(raw: &str) -> Result<String, Unreadable> {
    let broken = || Unreadable::BadEncoding(raw.chars().take(80).collect());
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let high = rest.next().and_then(hex_digit).ok_or_else(broken)?;
                let low = rest.next().and_then(hex_digit).ok_or_else(broken)?;
                bytes.push(high << 4 | low);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| broken())
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Percent-encodes a value for a query string; blanks as `%20`.
pub fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// Percent-encodes a value as a form does: blanks as `+`.
pub fn encode_form(value: &str) -> String {
    encode(value).replace("%20", "+")
}

/// Appends parameters to an address that may already carry a query; a fragment stays at the end.
pub fn append_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let (base, fragment) = match address.split_once('#') {
        Some((base, fragment)) => (base, Some(fragment)),
        None => (address, None),
    };
    let mut out = base.to_owned();
    for (name, value) in pairs {
        let joint = match out.find('?') {
            None => "?",
            Some(at) if at + 1 == out.len() || out.ends_with('&') => "",
            Some(_) => "&",
        };
        out.push_str(&format!("{joint}{}={}", encode(name), encode(value)));
    }
    if let Some(fragment) = fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

    #[test]
    fn reads_query_and_body_alike() {
        let query = Params::read(Some("a=1&b=x+y&c=%2B0300"), None, b"").unwrap();
        let body = Params::read(None, FORM, b"a=1&b=x%20y&c=%2B0300").unwrap();
        for params in [query, body] {
            assert_eq!(params.text("a"), Some("1"));
            assert_eq!(params.text("b"), Some("x y"));
            assert_eq!(params.text("c"), Some("+0300"));
        }
    }

    #[test]
    fn an_empty_parameter_is_an_absent_one() {
        let params = Params::read(Some("approval_prompt=&x=1"), None, b"").unwrap();
        assert_eq!(params.text("approval_prompt"), None);
        assert!(params.came("approval_prompt"));
    }

    #[test]
    fn tells_repeated_parameters() {
        let params = Params::read(Some("a=1&a=1"), None, b"").unwrap();
        assert_eq!(params.repeated(&["a", "b"]), Some("a"));
        let both = Params::read(Some("timestamp=1&x=1"), FORM, b"timestamp=2&x=1").unwrap();
        assert_eq!(both.repeated(&["timestamp", "x"]), None);
        assert_eq!(both.text("timestamp"), Some("2"));
        let differs = Params::read(Some("x=1"), FORM, b"x=2").unwrap();
        assert_eq!(differs.repeated(&["x"]), Some("x"));
    }

    #[test]
    fn notices_what_is_no_form() {
        assert!(matches!(Params::read(Some("a=%zz"), None, b""), Err(Unreadable::BadEncoding(_))));
        assert!(matches!(Params::read(Some("a=%C3"), None, b""), Err(Unreadable::BadEncoding(_))));
        assert!(matches!(Params::read(None, Some("application/json"), b"{}"), Err(Unreadable::NotAForm(_))));
        assert!(matches!(Params::read(None, FORM, b"{\"a\":1}"), Err(Unreadable::NotAForm(_))));
        let escaped = Params::read(Some("a=1&amp;b=2"), None, b"").unwrap();
        assert_eq!(escaped.escaped_ampersand(), Some("amp;b"));
    }

    #[test]
    fn appends_to_an_address_that_carries_a_query() {
        assert_eq!(append_query("https://b/cb", &[("code", "a b")]), "https://b/cb?code=a%20b");
        assert_eq!(
            append_query("https://b/cb?x=1", &[("code", "c"), ("state", "s")]),
            "https://b/cb?x=1&code=c&state=s"
        );
        assert_eq!(append_query("https://b/cb?", &[("code", "c")]), "https://b/cb?code=c");
    }
}
