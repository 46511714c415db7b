//! Reads the portal's own pages as a person's browser would: title, text, the form with its fields, boxes and buttons.
//! Made for plain forms without scripts, which is what the portal's pages are; it is no HTML parser for the wild.

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) title: String,
    /// `data-page` of `main`.
    pub(super) kind: String,
    /// `data-code` of `main`: the code of an error page.
    pub(super) code: String,
    /// What a person reads, tags left out.
    pub(super) text: String,
    pub(super) form: Option<Form>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) action: String,
    pub(super) fields: Vec<Field>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
    /// `text`, `hidden`, `checkbox`, `submit` …
    pub(super) kind: String,
    pub(super) checked: bool,
}

impl Page {
    pub(super) fn read(html: &str) -> Self {
        let mut page = Self::default();
        let mut rest = html;
        let mut reading_title = false;
        let mut skipping = None;
        while let Some(start) = rest.find('<') {
            let (before, tag) = rest.split_at(start);
            let text = unescape(before.trim());
            if reading_title {
                page.title.push_str(&text);
            } else if skipping.is_none() && !text.is_empty() {
                page.text.push_str(&text);
                page.text.push(' ');
            }
            let Some(end) = tag.find('>') else { break };
            let (inside, after) = (&tag[1..end], &tag[end + 1..]);
            rest = after;
            let name: String = inside.chars().take_while(|letter| !letter.is_whitespace()).collect();
            match name.to_ascii_lowercase().as_str() {
                "title" => reading_title = true,
                "/title" => reading_title = false,
                opened @ ("style" | "script" | "head") if skipping.is_none() => skipping = Some(format!("/{opened}")),
                closed if skipping.as_deref() == Some(closed) => skipping = None,
                "main" => {
                    page.kind = attribute(inside, "data-page").unwrap_or_default();
                    page.code = attribute(inside, "data-code").unwrap_or_default();
                }
                "form" if page.form.is_none() => {
                    page.form =
                        Some(Form { action: attribute(inside, "action").unwrap_or_default(), fields: Vec::new() });
                }
                "input" | "button" => {
                    let kind = attribute(inside, "type")
                        .unwrap_or_else(|| if name == "button" { "submit" } else { "text" }.into());
                    let field = Field {
                        name: attribute(inside, "name").unwrap_or_default(),
                        value: attribute(inside, "value").unwrap_or_default(),
                        kind,
                        checked: inside
                            .split_whitespace()
                            .any(|word| word == "checked" || word.starts_with("checked=")),
                    };
                    if let Some(form) = page.form.as_mut().filter(|_| !field.name.is_empty()) {
                        form.fields.push(field);
                    }
                }
                _ => {}
            }
        }
        page.text = page.text.split_whitespace().collect::<Vec<_>>().join(" ");
        page
    }
}

impl Form {
    /// What is posted when the button of this value is pressed: hidden and typed fields, ticked boxes, the button.
    pub(super) fn submitted(&self, button: &str) -> Option<Vec<(String, String)>> {
        let pressed = self.fields.iter().find(|field| field.kind == "submit" && field.value == button)?;
        let mut pairs: Vec<(String, String)> = self
            .fields
            .iter()
            .filter(|field| field.kind != "submit" && (field.kind != "checkbox" || field.checked))
            .map(|field| (field.name.clone(), field.value.clone()))
            .collect();
        pairs.push((pressed.name.clone(), pressed.value.clone()));
        Some(pairs)
    }

    pub(super) fn type_in(&mut self, name: &str, value: &str) {
        if let Some(field) = self.fields.iter_mut().find(|field| field.name == name && field.kind != "submit") {
            value.clone_into(&mut field.value);
        }
    }

    /// The value of the first button.
    pub(super) fn first_button(&self) -> Option<&str> {
        self.fields.iter().find(|field| field.kind == "submit").map(|field| field.value.as_str())
    }
}

/// The value of `name="…"` in the inside of a tag.
fn attribute(inside: &str, name: &str) -> Option<String> {
    let mut rest = inside;
    loop {
        let at = rest.find(name)?;
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        if before.ends_with(char::is_whitespace)
            && let Some(quoted) = after.strip_prefix("=\"")
        {
            return quoted.split_once('"').map(|(value, _)| unescape(value));
        }
        rest = after;
    }
}

/// The character references that templates write.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find(';').filter(|end| *end < 10) else {
            plain.push('&');
            rest = &rest[1..];
            continue;
        };
        let name = &rest[1..end];
        let letter = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some(' '),
            _ => name
                .strip_prefix('#')
                .and_then(|number| match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.parse().ok(),
                })
                .and_then(char::from_u32),
        };
        match letter {
            Some(letter) => plain.push(letter),
            None => plain.push_str(&rest[..=end]),
        }
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_and_submitted_as_a_browser_does() {
        let html = r#"<!doctype html><html><head><title>Согласие</title><style>a > b {}</style></head><body>
            <main data-page="consent"><h1>Банк &#171;А&#187;</h1><form method="post" action="/consent">
            <input type="hidden" name="csrf" value="a&#38;b"><input type="checkbox" name="grant" value="snils" checked>
            <input type="checkbox" name="grant" value="inn"><button type="submit" name="decision" value="approve">Да</button>
            </form></main>"#;
        let page = Page::read(html);
        assert_eq!((page.title.as_str(), page.kind.as_str()), ("Согласие", "consent"));
        assert_eq!(page.text, "Банк «А» Да");
        let pairs = page.form.unwrap().submitted("approve").unwrap();
        let texts: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(texts, ["csrf=a&b", "grant=snils", "decision=approve"]);
    }

    #[test]
    fn an_attribute_is_not_found_inside_another() {
        assert_eq!(attribute(r#"input data-name="x" name="y""#, "name").as_deref(), Some("y"));
    }
}
