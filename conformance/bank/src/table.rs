//! CSV from the portal (RFC 4180), read by the bank's own reader: a header, then a row for each record, whose first cell
//! says where it belongs (`operations[2]`, `rights[1].holders[2]`), the other cells being its fields. A cell that a
//! spreadsheet could take for a formula has an apostrophe before it.

use contract::adapter::ReasonClass;
use contract::shape::{Field, Kind, Shape, Version};
use serde_json::{Map, Value};

use crate::refusal::{Refusal, refuse};

const PATH: &str = "record";

fn odd(why: impl Into<String>) -> Refusal {
    refuse(ReasonClass::Format, "CSV-FORM", why)
}

/// The rows of a table; quoted cells may hold separators, quotes and line breaks.
pub(crate) fn rows(text: &str) -> Result<Vec<Vec<String>>, Refusal> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut begun) = (false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        begun = true;
        match (letter, quoted) {
            ('"', true) if letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            ('"', true) => quoted = false,
            ('"', false) if cell.is_empty() => quoted = true,
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\r', false) if letters.peek() == Some(&'\n') => {}
            ('\n', false) => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
                begun = false;
            }
            (other, _) => cell.push(other),
        }
    }
    if quoted {
        return Err(odd("a quoted cell has no end"));
    }
    if begun {
        row.push(cell);
        rows.push(row);
    }
    Ok(rows)
}

/// What a bank makes of a table that knows of quotes, but neither that they double inside a cell nor that a line may break
/// there: text behind such a quote or break is lost.
pub(crate) fn split(text: &str) -> Vec<Vec<String>> {
    let Ok(rows) = rows(text) else { return Vec::new() };
    let cut = |cell: String| cell.split(['"', '\n', '\r']).next().unwrap_or_default().trim_end().to_owned();
    rows.into_iter().map(|row| row.into_iter().map(cut).collect()).collect()
}

/// The record that a table holds, under its first names.
pub(crate) fn record(shape: &'static Shape, rows: &[Vec<String>], version: Version) -> Result<Value, Refusal> {
    let (header, rows) = rows.split_first().ok_or_else(|| odd("there is no header"))?;
    if header.first().map(String::as_str) != Some(PATH) {
        return Err(odd("the header does not begin with the place of the record"));
    }
    let mut whole = Value::Null;
    for row in rows.iter().filter(|row| row.iter().any(|cell| !cell.is_empty())) {
        let path = row.first().cloned().unwrap_or_default();
        let cell = |field: &Field| {
            let at = header.iter().skip(1).position(|name| *name == field.name(version))?;
            row.get(at + 1).map(String::as_str).filter(|cell| !cell.is_empty())
        };
        if path == shape.name && whole.is_null() {
            whole = held(shape, &cell);
        } else {
            place(shape, &mut whole, &path, version, &cell)
                .ok_or_else(|| odd(format!("the row {path} leads nowhere")))?;
        }
    }
    if whole.is_null() { Err(odd("there is no row of the record")) } else { Ok(whole) }
}

/// Puts the record or text of a row where its path says.
fn place<'a>(
    shape: &'static Shape,
    whole: &mut Value,
    path: &str,
    version: Version,
    cell: &dyn Fn(&Field) -> Option<&'a str>,
) -> Option<()> {
    let (step, deeper) = path.split_once('.').map_or((path, None), |(step, deeper)| (step, Some(deeper)));
    let (name, at) = match step.split_once('[') {
        Some((name, at)) => (name, at.strip_suffix(']')?.parse::<usize>().ok()?.checked_sub(1)),
        None => (step, None),
    };
    let field = shape.fields.iter().find(|field| field.name(version) == name)?;
    let members = whole.as_object_mut()?;
    match (field.kind, at, deeper) {
        (Kind::List(inner), Some(at), Some(deeper)) => {
            place(inner, members.get_mut(field.name)?.get_mut(at)?, deeper, version, cell)
        }
        (Kind::Record(inner), None, Some(deeper)) => place(inner, members.get_mut(field.name)?, deeper, version, cell),
        (Kind::Record(inner), None, None) => {
            members.insert(field.name.to_owned(), held(inner, cell));
            Some(())
        }
        (Kind::List(_) | Kind::Texts, Some(at), None) => {
            let item = match field.kind {
                Kind::List(inner) => held(inner, cell),
                _ => Value::from(bare(cell(field)?)),
            };
            let items = members.get_mut(field.name)?.as_array_mut()?;
            if items.len() != at {
                return None;
            }
            items.push(item);
            Some(())
        }
        _ => None,
    }
}

/// The fields of one row.
fn held<'a>(shape: &Shape, cell: &dyn Fn(&Field) -> Option<&'a str>) -> Value {
    let mut members = Map::new();
    for field in shape.fields {
        let value = match (field.kind, cell(field)) {
            (Kind::List(_) | Kind::Texts, _) => Value::Array(Vec::new()),
            // An empty cell of a text that must be there is the empty text; of anything else, nothing.
            (Kind::Text, None) if !field.optional => Value::from(""),
            (Kind::Record(_), _) | (_, None) => continue,
            (Kind::Flag, Some("true")) => Value::from(true),
            (Kind::Flag, Some("false")) => Value::from(false),
            (Kind::Int | Kind::Money, Some(text)) => {
                text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
            }
            (Kind::Decimal, Some(text)) => Value::from(text),
            (_, Some(text)) => Value::from(bare(text)),
        };
        members.insert(field.name.to_owned(), value);
    }
    Value::Object(members)
}

fn bare(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

/// One cell as RFC 4180 writes it, harmless to a spreadsheet.
pub(crate) fn cell(text: &str) -> String {
    let is_number = text.parse::<i64>().is_ok();
    let risky = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']) && !is_number;
    let text = if risky { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r', ';']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use contract::shape::Shaped;

    use super::*;

    #[test]
    fn cells_hold_separators_quotes_and_line_breaks() {
        let read = rows("a,b\r\n\"1,\"\"2\"\"\r\n3\",'=x\r\n").unwrap();
        assert_eq!(read, [vec!["a", "b"], vec!["1,\"2\"\r\n3", "'=x"]]);
        assert!(rows("a,\"b").is_err());
        assert_eq!(cell("a\"b,c"), "\"a\"\"b,c\"");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("-15"), "-15");
    }

    #[test]
    fn a_pension_statement_is_read_from_its_rows() {
        let shape = contract::registries::pension::PensionStatement::SHAPE;
        let text = "record,person,from,to,balance,accrued,paid,next_payment_date,date,amount,source,kind\r\n\
                    pension_statement,1000,2026-01-01,2026-02-01,500,100,0,,,,,\r\n\
                    operations[1],,,,,,,,2026-01-10,100,\"СФР, Москва\",accrual\r\n";
        let text = text.replace("pension_statement", shape.name);
        let value = record(shape, &rows(&text).unwrap(), Version::V1).unwrap();
        assert_eq!(value["balance"], 500);
        assert_eq!(value["operations"][0]["source"], "СФР, Москва");
        assert!(value.get("next_payment_date").is_none());
    }
}
