//! The two faces of Liberation Sans (SIL OFL 1.1, see `fonts/LICENSE`): their glyphs and widths. Russian needs no shaping
//! beyond one glyph per letter.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

static REGULAR: &[u8] = include_bytes!("../../fonts/LiberationSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/LiberationSans-Bold.ttf");

/// A face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Bold,
    Regular,
}

struct Metrics {
    font: FontRef<'static>,
    per_em: f32,
    /// Glyph and advance of letters seen before: a paper has the same few hundred again and again.
    known: Mutex<HashMap<char, (u32, f32)>>,
}

impl Metrics {
    fn look_up(&self, letter: char) -> (u32, f32) {
        let map = self.font.charmap();
        let glyph = map.map(letter).or_else(|| map.map('?')).unwrap_or_default();
        let widths = self.font.glyph_metrics(Size::unscaled(), LocationRef::default());
        (glyph.to_u32(), widths.advance_width(glyph).unwrap_or_default() / self.per_em)
    }
}

fn metrics(face: Face) -> &'static Metrics {
    static BOTH: LazyLock<[Metrics; 2]> = LazyLock::new(|| {
        [BOLD, REGULAR].map(|bytes| {
            // The files are part of the program, and every test of this room reads them.
            let font = FontRef::new(bytes).expect("the fonts of the program are fonts");
            let per_em = font.metrics(Size::unscaled(), LocationRef::default()).units_per_em;
            Metrics { font, per_em: f32::from(per_em), known: Mutex::default() }
        })
    });
    &BOTH[usize::from(face == Face::Regular)]
}

/// The face for the library that writes the file.
pub(super) fn font(face: Face) -> Option<Font> {
    let bytes = if face == Face::Bold { BOLD } else { REGULAR };
    Font::new(bytes.into(), 0)
}

/// A letter that the face has, in the place of one that it has not.
fn drawn(letter: char) -> char {
    match letter {
        letter if letter.is_control() || letter.is_whitespace() => ' ',
        letter => letter,
    }
}

/// The glyphs of a text, one per letter.
pub(super) fn glyphs(face: Face, text: &str) -> Vec<KrillaGlyph> {
    let metrics = metrics(face);
    let mut known = metrics.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let glyph = |(at, letter): (usize, char)| {
        let (id, advance) = *known.entry(drawn(letter)).or_insert_with_key(|letter| metrics.look_up(*letter));
        KrillaGlyph::new(GlyphId::new(id), advance, 0.0, 0.0, 0.0, at..at + letter.len_utf8(), None)
    };
    text.char_indices().map(glyph).collect()
}

/// How wide a text is at this size, in points.
pub(super) fn width(face: Face, size: f32, text: &str) -> f32 {
    glyphs(face, text).iter().map(|glyph| glyph.x_advance * size).sum()
}

/// Breaks a text into lines that are no wider than this; a word that is wider is broken itself.
pub(super) fn wrap(face: Face, size: f32, text: &str, limit: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    // A no-break space holds together what it joins: sums stay on one line.
    for word in text.split([' ', '\n', '\t', '\r']).filter(|word| !word.is_empty()) {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if width(face, size, &longer) <= limit {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            line.push(letter);
            if width(face, size, &line) > limit && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, letter.to_string()));
            }
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}
