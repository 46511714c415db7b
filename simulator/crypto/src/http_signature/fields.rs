//! The parts of structured fields (RFC 9651) that signatures need: dictionaries of inner lists and of byte sequences.
//! Read strictly; a label that stands twice is refused, although the standard would let the last one win.

use std::fmt;

/// One covered component with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    pub name: String,
    pub params: Vec<(String, Param)>,
}

/// A parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    Flag(bool),
    Integer(i64),
    Text(String),
    Token(String),
}

/// What a member of `Signature-Input` says, in the order in which it says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub components: Vec<Component>,
    pub params: Vec<(String, Param)>,
}

impl Parameters {
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.params.iter().find(|(param, _)| param == name).and_then(|(_, value)| match value {
            Param::Integer(value) => Some(*value),
            _ => None,
        })
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(param, _)| param == name).and_then(|(_, value)| match value {
            Param::Text(value) => Some(value.as_str()),
            _ => None,
        })
    }
}

impl Component {
    /// Reads `@method`, `content-digest` or `@query-param;name="Pet"`, the name quoted or not.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut reader = Reader(text);
        let name = if text.starts_with('"') {
            reader.string()?
        } else {
            let end = text.find(';').unwrap_or(text.len());
            reader.0 = &text[end..];
            text[..end].to_owned()
        };
        let params = reader.params()?;
        reader.end()?;
        Self { name, params }.checked()
    }

    fn checked(self) -> Result<Self, &'static str> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "!#$%&'*+-.^_`|~@".contains(c);
        match self.name.as_str() {
            "" | "@signature-params" => Err("a component that cannot be covered"),
            name if name.chars().all(legal) => Ok(self),
            _ => Err("a component name in capitals or with odd characters"),
        }
    }

    /// The form that [`Component::parse`] takes: no quotes round the name.
    pub fn plain(&self) -> String {
        let quoted = self.to_string();
        quoted.replacen('"', "", 2)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", Quoted(&self.name))?;
        params(&self.params, out)
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(")?;
        for (at, component) in self.components.iter().enumerate() {
            write!(out, "{}{component}", if at == 0 { "" } else { " " })?;
        }
        out.write_str(")")?;
        params(&self.params, out)
    }
}

fn params(params: &[(String, Param)], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (name, value) in params {
        match value {
            Param::Flag(true) => write!(out, ";{name}")?,
            Param::Flag(false) => write!(out, ";{name}=?0")?,
            Param::Integer(value) => write!(out, ";{name}={value}")?,
            Param::Text(value) => write!(out, ";{name}={}", Quoted(value))?,
            Param::Token(value) => write!(out, ";{name}={value}")?,
        }
    }
    Ok(())
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Reads the value of `Signature-Input`.
pub(super) fn input_dictionary(text: &str) -> Result<Vec<(String, Parameters)>, &'static str> {
    dictionary(text, |reader| {
        reader.take('(', "a list of components is missing")?;
        let mut components = Vec::new();
        loop {
            reader.spaces();
            if reader.skip(')') {
                break;
            }
            let name = reader.string()?;
            let params = reader.params()?;
            components.push(Component { name, params }.checked()?);
            if !reader.0.starts_with([' ', ')']) {
                return Err("components are not separated");
            }
        }
        Ok(Parameters { components, params: reader.params()? })
    })
}

/// Reads a dictionary of byte sequences, such as the values of `Signature` and `Content-Digest`.
pub(super) fn byte_dictionary(text: &str) -> Result<Vec<(String, Vec<u8>)>, &'static str> {
    dictionary(text, |reader| {
        reader.take(':', "a byte sequence is missing")?;
        let (encoded, rest) = reader.0.split_once(':').ok_or("a byte sequence does not end")?;
        let bytes = super::decode_standard_strict(encoded).map_err(|_| "a byte sequence is no Base64")?;
        reader.0 = rest;
        reader.params()?;
        Ok(bytes)
    })
}

fn dictionary<'a, T>(
    text: &'a str,
    read: impl Fn(&mut Reader<'a>) -> Result<T, &'static str>,
) -> Result<Vec<(String, T)>, &'static str> {
    let mut reader = Reader(text.trim_matches(' '));
    let mut out: Vec<(String, T)> = Vec::new();
    while !reader.0.is_empty() {
        let label = reader.key()?;
        reader.take('=', "a member has no value")?;
        let value = read(&mut reader)?;
        if out.iter().any(|(seen, _)| *seen == label) {
            return Err("a label stands twice");
        }
        out.push((label, value));
        reader.blanks();
        if reader.0.is_empty() {
            break;
        }
        reader.take(',', "members are not separated")?;
        reader.blanks();
        if reader.0.is_empty() {
            return Err("a comma stands at the end");
        }
    }
    Ok(out)
}

struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn skip(&mut self, character: char) -> bool {
        match self.0.strip_prefix(character) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn take(&mut self, character: char, otherwise: &'static str) -> Result<(), &'static str> {
        if self.skip(character) { Ok(()) } else { Err(otherwise) }
    }

    fn spaces(&mut self) {
        self.0 = self.0.trim_start_matches(' ');
    }

    fn blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn end(&self) -> Result<(), &'static str> {
        if self.0.is_empty() { Ok(()) } else { Err("characters are left over") }
    }

    fn while_of(&mut self, legal: impl Fn(char) -> bool) -> String {
        let end = self.0.find(|c: char| !legal(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken.to_owned()
    }

    fn key(&mut self) -> Result<String, &'static str> {
        if !self.0.starts_with(|c: char| c.is_ascii_lowercase() || c == '*') {
            return Err("a label is missing");
        }
        Ok(self.while_of(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c)))
    }

    fn string(&mut self) -> Result<String, &'static str> {
        self.take('"', "a quoted text is missing")?;
        let mut out = String::new();
        let mut characters = self.0.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Ok(out);
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => out.push(escaped),
                    _ => return Err("an unknown escape in a quoted text"),
                },
                ' '..='~' => out.push(character),
                _ => return Err("a character outside ASCII in a quoted text"),
            }
        }
        Err("a quoted text does not end")
    }

    fn params(&mut self) -> Result<Vec<(String, Param)>, &'static str> {
        let mut out: Vec<(String, Param)> = Vec::new();
        while self.skip(';') {
            self.spaces();
            let name = self.key()?;
            let value = if self.skip('=') { self.item()? } else { Param::Flag(true) };
            if out.iter().any(|(seen, _)| *seen == name) {
                return Err("a parameter stands twice");
            }
            out.push((name, value));
        }
        Ok(out)
    }

    fn item(&mut self) -> Result<Param, &'static str> {
        match self.0.chars().next() {
            Some('"') => self.string().map(Param::Text),
            Some('?') => {
                self.skip('?');
                if self.skip('1') {
                    Ok(Param::Flag(true))
                } else {
                    self.take('0', "an unknown truth value").map(|()| Param::Flag(false))
                }
            }
            Some(c) if c == '-' || c.is_ascii_digit() => {
                let digits = self.while_of(|c| c == '-' || c.is_ascii_digit());
                digits.parse().map(Param::Integer).map_err(|_| "a number is malformed")
            }
            Some(c) if c.is_ascii_alphabetic() || c == '*' => {
                Ok(Param::Token(self.while_of(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c))))
            }
            _ => Err("a parameter's value is missing"),
        }
    }
}
