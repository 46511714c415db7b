//! Records as CSV (RFC 4180): UTF-8, CRLF, a header row, one row for each record inside.
//!
//! The first column, `record`, says which: the shape's own name, then paths such as `operations[2]` or
//! `rights[1].holders[2]`, counted from one. The other columns are all names of fields in the order of the shape; a field
//! of nested records has one column wherever it stands. A list of texts has a row for each text, in the field's column.
//!
//! A spreadsheet must not take a cell for a formula: text that begins with `= + - @`, their wide forms, a tab, a line
//! end or an apostrophe gets an apostrophe before it, which [`read`] takes off again. An optional text that is there and
//! empty is a lone apostrophe, as an empty cell says that it is absent. Numbers stay numbers, minus included.

use serde_json::{Map, Value};

use super::breach::misfit;
use super::{Breach, Field, Kind, Shape, Version, check};

/// A table that is not the record it should be.
#[derive(Debug, thiserror::Error)]
pub enum CsvBreach {
    /// Not a table of our columns.
    #[error("the header is not that of the record")]
    Header,
    /// Not CSV.
    #[error("not CSV: {0}")]
    Malformed(#[from] csv::Error),
    /// A table, but not of this record.
    #[error(transparent)]
    Record(#[from] Breach),
}

const PATH: &str = "record";

/// A value as a table. What departs from the shape is left out: [`check`] tells of it.
pub fn write(shape: &'static Shape, value: &Value, version: Version) -> String {
    let columns = columns(shape, version);
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut table = Table { columns: &columns, version, rows: vec![] };
    table.record(shape, value, shape.name, "");
    // Rows of one length into memory: neither can fail.
    let header: Vec<&str> = std::iter::once(PATH).chain(columns.iter().copied()).collect();
    let _ = out.write_record(&header);
    for row in &table.rows {
        let _ = out.write_record(row);
    }
    out.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Names of all fields that hold no records, in the order of the shape, each once.
pub fn columns(shape: &'static Shape, version: Version) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    for field in shape.all().iter().flat_map(|shape| shape.fields) {
        let name = field.name(version);
        if field.kind.inner().is_none() && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

struct Table<'a> {
    columns: &'a [&'static str],
    version: Version,
    rows: Vec<Vec<String>>,
}

impl Table<'_> {
    fn row(&self, path: &str) -> Vec<String> {
        let mut row = vec![String::new(); self.columns.len() + 1];
        row[0] = path.to_owned();
        row
    }

    fn place(&self, field: &Field) -> usize {
        // Every field without records has its column.
        self.columns.iter().position(|name| *name == field.name(self.version)).map_or(0, |place| place + 1)
    }

    /// The record's own row first, then those inside it. `within` is the path that goes before theirs.
    fn record(&mut self, shape: &Shape, value: &Value, path: &str, within: &str) {
        let mut row = self.row(path);
        for field in shape.fields {
            if let Some(held) = value.get(field.name).filter(|held| !held.is_array() && !held.is_object()) {
                row[self.place(field)] = cell(field, held);
            }
        }
        self.rows.push(row);
        for field in shape.fields {
            let path = format!("{within}{}", field.name(self.version));
            match (value.get(field.name), field.kind) {
                (Some(Value::Array(items)), kind) => {
                    for (at, item) in items.iter().enumerate() {
                        let path = format!("{path}[{}]", at + 1);
                        match kind {
                            Kind::List(inner) => self.record(inner, item, &path, &format!("{path}.")),
                            _ => {
                                let mut row = self.row(&path);
                                row[self.place(field)] = cell(field, item);
                                self.rows.push(row);
                            }
                        }
                    }
                }
                (Some(held), Kind::Record(inner)) => self.record(inner, held, &path, &format!("{path}.")),
                _ => {}
            }
        }
    }
}

fn cell(field: &Field, value: &Value) -> String {
    match value {
        Value::String(text) if field.kind == Kind::Decimal => text.clone(),
        Value::String(text) if text.is_empty() && field.optional => "'".to_owned(),
        Value::String(text) if text.starts_with(risky) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

const fn risky(letter: char) -> bool {
    matches!(letter, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\t' | '\r' | '\n' | '\'')
}

/// Reads what [`write`] wrote, with rows in its order. The value comes back under its first names and fits its shape.
pub fn read(shape: &'static Shape, table: &str, version: Version) -> Result<Value, CsvBreach> {
    let table = table.strip_prefix('\u{feff}').unwrap_or(table);
    let columns = columns(shape, version);
    let mut rows = csv::ReaderBuilder::new().has_headers(true).from_reader(table.as_bytes());
    if !rows.headers()?.iter().eq(std::iter::once(PATH).chain(columns.iter().copied())) {
        return Err(CsvBreach::Header);
    }
    let mut root: Option<Value> = None;
    for row in rows.records() {
        let row = row?;
        let path = row.get(0).unwrap_or_default();
        let cells = Cells { columns: &columns, row: &row, version };
        match &mut root {
            None if path == shape.name => root = Some(cells.record(shape, path)?),
            None => return Err(Breach::new(path, format!("the row {} comes first", shape.name)).into()),
            Some(value) => place(shape, value, path, path, &cells)?,
        }
    }
    let value = root.ok_or_else(|| Breach::new(shape.name, "has no row"))?;
    check(shape, &value)?;
    Ok(value)
}

/// Puts the record or text of a row where its path says.
fn place(shape: &'static Shape, value: &mut Value, rest: &str, path: &str, cells: &Cells<'_>) -> Result<(), Breach> {
    let (step, deeper) = rest.split_once('.').map_or((rest, None), |(step, deeper)| (step, Some(deeper)));
    let (name, index) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
        Some((name, index)) => (name, index.parse::<usize>().ok()),
        None => (step, None),
    };
    let lost = || Breach::new(path, "leads nowhere");
    let field = shape.fields.iter().find(|field| field.name(cells.version) == name).ok_or_else(lost)?;
    let members = value.as_object_mut().ok_or_else(lost)?;
    match (field.kind, index, deeper) {
        (Kind::List(inner), Some(index), Some(deeper)) => {
            let items = members.get_mut(field.name).and_then(Value::as_array_mut).ok_or_else(lost)?;
            let item = index.checked_sub(1).and_then(|at| items.get_mut(at)).ok_or_else(lost)?;
            place(inner, item, deeper, path, cells)
        }
        (Kind::Record(inner), None, Some(deeper)) => {
            place(inner, members.get_mut(field.name).ok_or_else(lost)?, deeper, path, cells)
        }
        (Kind::List(_) | Kind::Texts, Some(index), None) => {
            let items = members.get_mut(field.name).and_then(Value::as_array_mut).ok_or_else(lost)?;
            if items.len() + 1 != index {
                return Err(Breach::new(path, "is out of order"));
            }
            items.push(match field.kind {
                Kind::List(inner) => cells.record(inner, path)?,
                _ => cells.text(field, path)?,
            });
            Ok(())
        }
        (Kind::Record(inner), None, None) => {
            let held = cells.record(inner, path)?;
            match members.insert(field.name.to_owned(), held) {
                None => Ok(()),
                Some(_) => Err(Breach::new(path, "stands twice")),
            }
        }
        _ => Err(lost()),
    }
}

struct Cells<'a> {
    columns: &'a [&'static str],
    row: &'a csv::StringRecord,
    version: Version,
}

impl Cells<'_> {
    fn cell(&self, field: &Field) -> &str {
        let place = self.columns.iter().position(|name| *name == field.name(self.version));
        place.and_then(|place| self.row.get(place + 1)).unwrap_or_default()
    }

    /// Refuses cells that are filled although nothing of this row stands in them.
    fn only(&self, fields: &[&Field], path: &str) -> Result<(), Breach> {
        let known = |name: &str| fields.iter().any(|field| field.name(self.version) == name);
        let strange = |(name, cell): (&&'static str, &str)| !cell.is_empty() && !known(name);
        match self.columns.iter().zip(self.row.iter().skip(1)).any(strange) {
            true => Err(Breach::new(path, "has a cell that is not its own")),
            false => Ok(()),
        }
    }

    fn text(&self, field: &Field, path: &str) -> Result<Value, Breach> {
        self.only(&[field], path)?;
        Ok(Value::String(bare(self.cell(field)).to_owned()))
    }

    fn record(&self, shape: &Shape, path: &str) -> Result<Value, Breach> {
        let plain = |field: &&Field| field.kind.inner().is_none() && field.kind != Kind::Texts;
        let fields: Vec<&Field> = shape.fields.iter().filter(plain).collect();
        self.only(&fields, path)?;
        let mut members = Map::new();
        for field in shape.fields {
            if matches!(field.kind, Kind::List(_) | Kind::Texts) {
                members.insert(field.name.to_owned(), Value::Array(Vec::new()));
            }
        }
        for field in fields {
            let cell = self.cell(field);
            if cell.is_empty() && field.optional {
                continue;
            }
            let wrong = |why: &str| Breach::new(&format!("{path}.{}", field.name(self.version)), why);
            let held = match field.kind {
                Kind::Flag => Value::Bool(cell.parse().map_err(|_| wrong("true or false is wanted"))?),
                Kind::Int | Kind::Money => {
                    Value::from(cell.parse::<i64>().map_err(|_| wrong("a whole number is wanted"))?)
                }
                Kind::Decimal => Value::String(cell.to_owned()),
                kind => {
                    let text = bare(cell);
                    misfit(kind, text).map_err(|why| wrong(&why))?;
                    Value::String(text.to_owned())
                }
            };
            members.insert(field.name.to_owned(), held);
        }
        Ok(Value::Object(members))
    }
}

fn bare(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}
