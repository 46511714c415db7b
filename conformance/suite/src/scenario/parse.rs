//! From text to the model. The parser's own errors become one complaint with file, line, column and the allowed words.

use serde::de::DeserializeOwned;
use serde_saphyr::{Location, Options};

use super::lint::Complaint;
use super::words;

/// Reads one YAML document into a type, or complains at the place.
pub(crate) fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Complaint> {
    if text.trim().is_empty() {
        return Err(Complaint::at(file, 1, 1, "the file is empty", "write the keys of the language into it"));
    }
    if let Some((line, column)) = tab_in_indent(text) {
        return Err(Complaint::at(file, line, column, "a tab in the indentation", "indent with blanks"));
    }
    let mut options = Options::default();
    options.strict_booleans = true;
    options.leading_zero_numbers_as_strings = true;
    serde_saphyr::from_str_with_options(text, options).map_err(|error| complain(file, text, &error))
}

fn tab_in_indent(text: &str) -> Option<(u64, u64)> {
    text.lines().enumerate().find_map(|(row, line)| {
        let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
        indent.find('\t').map(|column| (row as u64 + 1, column as u64 + 1))
    })
}

fn complain(file: &str, text: &str, error: &serde_saphyr::Error) -> Complaint {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let (line, column) = (location.line().max(1), location.column().max(1));
    let at = |message: String, hint: String| Complaint::at(file, line, column, message, hint);
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            let (line, column) = place_of_key(text, line, field).unwrap_or((line, column));
            Complaint::at(file, line, column, format!("unknown key `{field}`"), words::hint(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            let (line, column) = place_of_key(text, line, variant).unwrap_or((line, column));
            Complaint::at(file, line, column, format!("unknown word `{variant}`"), words::hint(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => {
            at(format!("the key `{field}` is missing"), format!("add `{field}: …` here"))
        }
        Error::SerdeInvalidType { unexpected, expected, .. } => {
            at(format!("found {unexpected}"), format!("expected {expected}"))
        }
        Error::SerdeInvalidValue { unexpected, expected, .. } => {
            at(format!("found {unexpected}"), format!("expected {expected}"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            at(format!("the key `{}` stands here twice", key.as_deref().unwrap_or("?")), "keep one of them".to_owned())
        }
        other => {
            // The scanner's own words, without the place that is printed before them.
            let message = other.to_string();
            let message = message.lines().next().unwrap_or_default();
            let message = message.split(" at line ").next().unwrap_or(message).trim().to_owned();
            at(message, "check the indentation: keys of one level start in one column, lists with `- `".to_owned())
        }
    }
}

/// The parser places an unknown key at its map or value at times; the key itself is what a person looks for.
fn place_of_key(text: &str, near: u64, key: &str) -> Option<(u64, u64)> {
    let lines: Vec<&str> = text.lines().collect();
    let near = usize::try_from(near).ok()?.saturating_sub(1);
    let is_key = |line: &str, at: usize| {
        let before = line[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || matches!(c, '{' | ',' | '-'));
        before && line[at + key.len()..].trim_start().starts_with(':')
    };
    let find = |row: usize| {
        let line = lines.get(row)?;
        line.match_indices(key).find(|(at, _)| is_key(line, *at)).map(|(at, _)| (row, line[..at].chars().count()))
    };
    let order = (near..lines.len()).chain((0..near.min(lines.len())).rev());
    order.into_iter().find_map(find).map(|(row, column)| (row as u64 + 1, column as u64 + 1))
}
