//! From facts to pages: rows with a label, tables for lists, blocks where a table would not fit. The result is a list of
//! marks per page, so that the number of pages is known before the first is drawn.

use contract::shape::{Field, Kind, Shape};
use serde_json::Value;

use super::fonts::{Face, width, wrap};
use super::{Heading, words};

/// A4 in points.
pub(super) const PAGE: [f32; 2] = [595.0, 842.0];
const LEFT: f32 = 56.0;
const RIGHT: f32 = 553.0;
const TOP: f32 = 50.0;
const BOTTOM: f32 = 728.0;
/// Where the footer begins.
const FOOT: f32 = 742.0;
/// Values stand under each other, however deep their labels are.
const VALUE: f32 = LEFT + 188.0;
const BODY: f32 = 9.5;
const SMALL: f32 = 8.5;
const LEADING: f32 = 1.32;
const CELL: f32 = 4.0;
/// More columns than this are shown as blocks.
const COLUMNS: usize = 8;

/// A shade between black (0) and white (255).
pub(super) type Shade = u8;
const BLACK: Shade = 0;
const GREY: Shade = 95;
const HAIR: Shade = 200;
const TINT: Shade = 240;

/// Something on a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    Box {
        at: [f32; 4],
        shade: Shade,
    },
    Frame {
        at: [f32; 4],
        shade: Shade,
    },
    Line {
        from: [f32; 2],
        to: [f32; 2],
        shade: Shade,
    },
    /// The square of the QR code: its corner and side.
    Qr {
        at: [f32; 2],
        side: f32,
    },
    Text {
        at: [f32; 2],
        face: Face,
        size: f32,
        text: String,
        shade: Shade,
    },
}

pub(super) fn pages(shape: &'static Shape, facts: &Value, heading: &Heading) -> Vec<Vec<Mark>> {
    let mut sheet = Sheet { pages: vec![Vec::new()], y: TOP };
    sheet.heading(heading);
    sheet.record(shape, facts, 0);
    sheet.ending();
    let count = sheet.pages.len();
    for (index, page) in sheet.pages.iter_mut().enumerate() {
        footer(page, heading, index + 1, count);
    }
    sheet.pages
}

/// Every text of a value, in the order of the pages.
pub(super) fn gather(shape: &'static Shape, value: &Value, into: &mut Vec<String>) {
    for (field, value) in present(shape, value) {
        match field.kind {
            Kind::Record(inner) => gather(inner, value, into),
            Kind::List(inner) => value.as_array().into_iter().flatten().for_each(|item| gather(inner, item, into)),
            _ => into.extend(words::text(field, value)),
        }
    }
}

fn present<'v>(shape: &'static Shape, value: &'v Value) -> impl Iterator<Item = (&'static Field, &'v Value)> {
    shape.fields.iter().filter_map(|field| Some((field, value.get(field.name).filter(|value| !value.is_null())?)))
}

struct Sheet {
    pages: Vec<Vec<Mark>>,
    y: f32,
}

impl Sheet {
    fn put(&mut self, mark: Mark) {
        // There is always a page: the sheet begins with one.
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    fn text(&mut self, x: f32, baseline: f32, face: Face, size: f32, text: impl Into<String>, shade: Shade) {
        let text = text.into();
        if !text.is_empty() {
            self.put(Mark::Text { at: [x, baseline], face, size, text, shade });
        }
    }

    fn rule(&mut self, y: f32, shade: Shade) {
        self.put(Mark::Line { from: [LEFT, y], to: [RIGHT, y], shade });
    }

    /// Begins a page where this much does not fit on the present one.
    fn room(&mut self, height: f32) -> bool {
        if self.y + height <= BOTTOM || self.y <= TOP {
            return false;
        }
        self.pages.push(Vec::new());
        self.y = TOP;
        true
    }

    fn lines(&mut self, x: f32, face: Face, size: f32, text: &str, limit: f32, shade: Shade) {
        for line in wrap(face, size, text, limit) {
            self.room(size * LEADING);
            self.text(x, self.y + size, face, size, line, shade);
            self.y += size * LEADING;
        }
    }

    fn heading(&mut self, heading: &Heading) {
        let mark = "Тестовый документ. Не является официальным";
        let mark_width = width(Face::Bold, SMALL, mark) + 16.0;
        self.put(Mark::Frame { at: [RIGHT - mark_width, TOP, mark_width, 18.0], shade: GREY });
        self.text(RIGHT - mark_width + 8.0, TOP + 12.0, Face::Bold, SMALL, mark, GREY);
        self.lines(LEFT, Face::Bold, 10.0, &heading.issuer, RIGHT - LEFT - mark_width - 14.0, BLACK);
        self.y = self.y.max(TOP + 18.0) + 10.0;
        self.rule(self.y, BLACK);
        self.y += 18.0;
        self.lines(LEFT, Face::Bold, 17.0, &heading.title, RIGHT - LEFT, BLACK);
        self.y += 3.0;
        let issued = heading.issued_at.to_russian();
        let (day, time) = issued.split_once(' ').unwrap_or((&issued, ""));
        let line = format!("№\u{a0}{} от\u{a0}{day}, {time}\u{a0}(МСК)", heading.number);
        self.lines(LEFT, Face::Regular, 10.5, &line, RIGHT - LEFT, BLACK);
        self.y += 14.0;
    }

    /// The fields of a record: plain ones first as they stand, then what has an inside.
    fn record(&mut self, shape: &'static Shape, value: &Value, depth: usize) {
        let inset = LEFT + 12.0 * depth as f32;
        for (field, value) in present(shape, value) {
            match field.kind {
                Kind::Record(inner) => {
                    self.section(field.ru, depth);
                    self.record(inner, value, depth + 1);
                    self.y += 4.0;
                }
                Kind::List(inner) => {
                    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    self.section(field.ru, depth);
                    self.list(inner, items, depth);
                    self.y += 4.0;
                }
                _ => {
                    let shown = words::text(field, value).unwrap_or_default();
                    self.row(inset, field.ru, if shown.is_empty() { "—" } else { &shown });
                }
            }
        }
    }

    fn section(&mut self, title: &str, depth: usize) {
        let size = if depth == 0 { 11.5 } else { 10.0 };
        // A title is never the last thing on a page.
        self.room(size * LEADING + 46.0);
        self.y += 8.0;
        self.lines(LEFT + 12.0 * depth as f32, Face::Bold, size, title, RIGHT - LEFT, BLACK);
        self.y += 3.0;
    }

    fn row(&mut self, x: f32, label: &str, value: &str) {
        let labels = wrap(Face::Regular, SMALL, label, VALUE - x - 10.0);
        let values = wrap(Face::Regular, BODY, value, RIGHT - VALUE);
        let step = BODY * LEADING;
        let mut lines = labels.len().max(values.len());
        self.room(step * lines.min(12) as f32 + 6.0);
        self.y += 3.0;
        for at in 0.. {
            if lines == 0 {
                break;
            }
            lines -= 1;
            // A text of many lines goes on over the page.
            self.room(step);
            let baseline = self.y + BODY;
            self.text(x, baseline, Face::Regular, SMALL, labels.get(at).cloned().unwrap_or_default(), GREY);
            self.text(VALUE, baseline, Face::Regular, BODY, values.get(at).cloned().unwrap_or_default(), BLACK);
            self.y += step;
        }
        self.y += 3.0;
        self.put(Mark::Line { from: [x, self.y], to: [RIGHT, self.y], shade: HAIR });
    }

    fn list(&mut self, shape: &'static Shape, items: &[Value], depth: usize) {
        let inset = LEFT + 12.0 * depth as f32;
        if items.is_empty() {
            self.lines(inset, Face::Regular, BODY, "Сведений нет", RIGHT - inset, GREY);
            return;
        }
        if let Some(table) = Table::of(shape, items, RIGHT - inset) {
            return self.table(&table, inset);
        }
        for (index, item) in items.iter().enumerate() {
            self.room(64.0);
            self.y += 5.0;
            let title = format!("{} {}", shape.ru, index + 1);
            self.put(Mark::Box { at: [inset, self.y, RIGHT - inset, 16.0], shade: TINT });
            self.text(inset + CELL, self.y + 11.5, Face::Bold, SMALL, title, BLACK);
            self.y += 17.0;
            self.record(shape, item, depth);
        }
    }

    fn table(&mut self, table: &Table, x: f32) {
        let head: Vec<Vec<String>> = table.cells(&table.heads, Face::Bold);
        self.room(height(&head, SMALL) + 30.0);
        self.cells(table, x, &head, Face::Bold);
        for row in &table.rows {
            let cells = table.cells(row, Face::Regular);
            if self.room(height(&cells, SMALL)) {
                self.cells(table, x, &head, Face::Bold);
            }
            self.cells(table, x, &cells, Face::Regular);
        }
    }

    fn cells(&mut self, table: &Table, x: f32, cells: &[Vec<String>], face: Face) {
        let tall = height(cells, SMALL);
        if face == Face::Bold {
            self.put(Mark::Box { at: [x, self.y, RIGHT - x, tall], shade: TINT });
        }
        let mut left = x;
        for (column, lines) in cells.iter().enumerate() {
            for (at, line) in lines.iter().enumerate() {
                let baseline = self.y + CELL + SMALL + at as f32 * SMALL * LEADING - 1.0;
                let slack = table.widths[column] - 2.0 * CELL - width(face, SMALL, line);
                let shift = if table.right[column] { slack.max(0.0) } else { 0.0 };
                self.text(left + CELL + shift, baseline, face, SMALL, line.clone(), BLACK);
            }
            left += table.widths[column];
        }
        self.y += tall;
        self.put(Mark::Line { from: [x, self.y], to: [RIGHT, self.y], shade: HAIR });
    }

    fn ending(&mut self) {
        self.room(34.0);
        self.y += 14.0;
        let text = "Документ составлен на портале-имитаторе по вымышленным сведениям. Подлинность проверяется по коду внизу \
                    страницы и по отсоединённой электронной подписи.";
        self.lines(LEFT, Face::Regular, SMALL, text, RIGHT - LEFT, GREY);
    }
}

fn height(cells: &[Vec<String>], size: f32) -> f32 {
    let lines = cells.iter().map(Vec::len).max().unwrap_or(1);
    2.0 * CELL + lines as f32 * size * LEADING
}

/// A list as a table, where its columns fit.
struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    widths: Vec<f32>,
    right: Vec<bool>,
}

impl Table {
    fn of(shape: &'static Shape, items: &[Value], room: f32) -> Option<Self> {
        // A column stands for a field that some item has; what has an inside is no cell.
        let has = |field: &Field| items.iter().any(|item| item.get(field.name).is_some_and(|value| !value.is_null()));
        let fields: Vec<&'static Field> = shape.fields.iter().filter(|field| has(field)).collect();
        if fields.len() > COLUMNS || fields.iter().any(|field| field.kind.inner().is_some()) {
            return None;
        }
        let cell = |item: &Value, field: &Field| match item.get(field.name).filter(|value| !value.is_null()) {
            Some(value) => words::text(field, value).unwrap_or_default(),
            None => "—".to_owned(),
        };
        let heads: Vec<String> = fields.iter().map(|field| field.ru.to_owned()).collect();
        let rows: Vec<Vec<String>> =
            items.iter().map(|item| fields.iter().map(|field| cell(item, field)).collect()).collect();
        let right: Vec<bool> = fields.iter().map(|field| words::is_number(field.kind)).collect();
        let widths = Self::widths(&heads, &rows, &right, room)?;
        Some(Self { heads, rows, widths, right })
    }

    /// Every column gets what its longest word needs; what is left goes where the text is long.
    fn widths(heads: &[String], rows: &[Vec<String>], right: &[bool], room: f32) -> Option<Vec<f32>> {
        let mut least = Vec::new();
        let mut wanted = Vec::new();
        for (column, head) in heads.iter().enumerate() {
            let texts = rows.iter().map(|row| (Face::Regular, row[column].as_str()));
            let texts: Vec<(Face, &str)> = texts.chain([(Face::Bold, head.as_str())]).collect();
            let words = texts.iter().flat_map(|(face, text)| text.split(' ').map(|word| width(*face, SMALL, word)));
            least.push(words.fold(0.0, f32::max) + 2.0 * CELL);
            wanted.push(texts.iter().map(|(face, text)| width(*face, SMALL, text)).fold(0.0, f32::max) + 2.0 * CELL);
        }
        let (needed, liked) = (least.iter().sum::<f32>(), wanted.iter().sum::<f32>());
        if needed > room {
            return None;
        }
        if liked <= room {
            // A number stays beside what it belongs to: columns of text take what is left, where there are any.
            let texts = right.iter().filter(|right| !**right).count();
            let more = (room - liked) / if texts == 0 { heads.len() } else { texts } as f32;
            let grows = |right: bool| if right && texts > 0 { 0.0 } else { more };
            return Some(wanted.iter().zip(right).map(|(width, right)| width + grows(*right)).collect());
        }
        let share = (room - needed) / (liked - needed).max(1.0);
        Some(least.iter().zip(&wanted).map(|(least, wanted)| least + (wanted - least) * share).collect())
    }

    fn cells(&self, texts: &[String], face: Face) -> Vec<Vec<String>> {
        // Rounding must not break what was measured to fit.
        let limit = |column: usize| self.widths[column] - 2.0 * CELL + 0.01;
        texts.iter().enumerate().map(|(column, text)| wrap(face, SMALL, text, limit(column))).collect()
    }
}

fn footer(page: &mut Vec<Mark>, heading: &Heading, number: usize, count: usize) {
    const SIDE: f32 = 66.0;
    let text = |x: f32, y: f32, face: Face, text: String, shade: Shade| Mark::Text {
        at: [x, y],
        face,
        size: SMALL,
        text,
        shade,
    };
    page.push(Mark::Line { from: [LEFT, FOOT], to: [RIGHT, FOOT], shade: GREY });
    page.push(Mark::Qr { at: [LEFT, FOOT + 8.0], side: SIDE });
    let x = LEFT + SIDE + 14.0;
    let mut y = FOOT + 18.0;
    page.push(text(x, y, Face::Bold, "Проверка подлинности".to_owned(), BLACK));
    y += SMALL * LEADING;
    for line in wrap(Face::Regular, SMALL, &heading.check_url, RIGHT - x) {
        page.push(text(x, y, Face::Regular, line, BLACK));
        y += SMALL * LEADING;
    }
    page.push(text(x, y, Face::Regular, format!("Код: {}", heading.code), BLACK));
    let pages = format!("Страница {number} из {count}");
    let shift = width(Face::Regular, SMALL, &pages);
    page.push(text(RIGHT - shift, FOOT + 8.0 + SIDE, Face::Regular, pages, GREY));
    page.push(text(x, FOOT + 8.0 + SIDE, Face::Regular, "Тестовый документ. Не является официальным".to_owned(), GREY));
}
