//! The file itself: PDF/A-3b with its fonts inside, the QR code as vectors, and the facts as an associated file.

use contract::shape::Shape;
use fast_qr::{ECL, QRBuilder};
use krilla::color::luma;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::{Document, SerializeSettings};
use serde_json::{Value, json};

use super::fonts::{self, Face};
use super::layout::{Mark, PAGE, Shade};
use super::{FACTS, Heading};

/// Why there is no paper. It is always our own slip.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    #[error("write the PDF: {0}")]
    Pdf(String),
    #[error("make the QR code: {0}")]
    Qr(String),
}

pub(super) fn draw(
    pages: &[Vec<Mark>],
    shape: &'static Shape,
    facts: &Value,
    heading: &Heading,
) -> Result<Vec<u8>, PaperError> {
    let failed = |what: &str| PaperError::Pdf(what.to_owned());
    let configuration = ConfigurationBuilder::new().with_archival_validator(Archival::A3_B).finish();
    let configuration = configuration.map_err(|error| PaperError::Pdf(format!("{error:?}")))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let bold = fonts::font(Face::Bold).ok_or_else(|| failed("no bold face"))?;
    let regular = fonts::font(Face::Regular).ok_or_else(|| failed("no regular face"))?;
    let qr = QRBuilder::new(heading.check_url.as_str()).ecl(ECL::M).build();
    let qr = qr.map_err(|error| PaperError::Qr(format!("{error:?}")))?;
    let settings = || PageSettings::from_wh(PAGE[0], PAGE[1]).ok_or_else(|| failed("no such page"));
    for marks in pages {
        let mut page = document.start_page_with(settings()?);
        let mut surface = page.surface();
        for mark in marks {
            match mark {
                Mark::Box { at, shade } => fill(&mut surface, rectangle(*at), *shade),
                Mark::Frame { at, shade } => stroke(&mut surface, rectangle(*at), *shade),
                Mark::Line { from, to, shade } => stroke(&mut surface, line(*from, *to), *shade),
                Mark::Qr { at, side } => {
                    let module = side / qr.size as f32;
                    let mut squares = PathBuilder::new();
                    for row in 0..qr.size {
                        for (column, _) in qr[row].iter().enumerate().filter(|(_, module)| module.value()) {
                            let corner = [at[0] + column as f32 * module, at[1] + row as f32 * module];
                            if let Some(square) = Rect::from_xywh(corner[0], corner[1], module, module) {
                                squares.push_rect(square);
                            }
                        }
                    }
                    fill(&mut surface, squares.finish(), 0);
                }
                Mark::Text { at, face, size, text, shade } => {
                    let font = if *face == Face::Bold { &bold } else { &regular };
                    surface.set_fill(Some(paint(*shade)));
                    surface.set_stroke(None);
                    let start = Point::from_xy(at[0], at[1]);
                    surface.draw_glyphs(start, &fonts::glyphs(*face, text), font.clone(), text, *size, false);
                }
            }
        }
        surface.finish();
        page.finish();
    }
    let (issued, attached) = (date(heading), attachment(shape, facts, heading));
    let file = EmbeddedFile {
        path: FACTS.to_owned(),
        mime_type: MimeType::new("application/json"),
        description: Some("The facts of this document".to_owned()),
        association_kind: AssociationKind::Data,
        data: attached.into_bytes().into(),
        modification_date: Some(issued),
        compress: Some(true),
        location: None,
    };
    document.embed_file(file).ok_or_else(|| failed("attach the facts"))?;
    document.set_metadata(
        Metadata::new()
            .title(format!("{} № {}", heading.title, heading.number))
            .authors(vec![heading.issuer.clone()])
            .creator("Stend".to_owned())
            .language("ru".to_owned())
            .creation_date(issued)
            .document_id(heading.code.clone()),
    );
    document.finish().map_err(|error| PaperError::Pdf(format!("{error:?}")))
}

/// The attached file.
fn attachment(shape: &Shape, facts: &Value, heading: &Heading) -> String {
    json!({"shape": shape.name, "number": heading.number, "issued_at": heading.issued_at, "facts": facts}).to_string()
}

fn date(heading: &Heading) -> DateTime {
    let (day, second) = (heading.issued_at.day(), heading.issued_at.seconds().rem_euclid(86_400));
    // Each part is within its range by construction.
    DateTime::new(u16::try_from(day.year()).unwrap_or_default())
        .month(u8::try_from(day.month()).unwrap_or(1))
        .day(u8::try_from(day.day()).unwrap_or(1))
        .hour((second / 3600) as u8)
        .minute((second / 60 % 60) as u8)
        .second((second % 60) as u8)
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

fn paint(shade: Shade) -> Fill {
    Fill { paint: luma::Color::new(shade).into(), ..Fill::default() }
}

fn fill(surface: &mut Surface<'_>, path: Option<Path>, shade: Shade) {
    let Some(path) = path else { return };
    surface.set_fill(Some(paint(shade)));
    surface.set_stroke(None);
    surface.draw_path(&path);
}

fn stroke(surface: &mut Surface<'_>, path: Option<Path>, shade: Shade) {
    let Some(path) = path else { return };
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke { paint: luma::Color::new(shade).into(), width: 0.6, ..Stroke::default() }));
    surface.draw_path(&path);
}

fn rectangle([x, y, width, height]: [f32; 4]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    builder.push_rect(Rect::from_xywh(x, y, width, height)?);
    builder.finish()
}

fn line(from: [f32; 2], to: [f32; 2]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    builder.move_to(from[0], from[1]);
    builder.line_to(to[0], to[1]);
    builder.finish()
}
