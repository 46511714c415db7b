//! Documents that a person can look at: facts of a [`Shape`](contract::shape::Shape) as a PDF/A-3 with Cyrillic text, a QR
//! code that leads to their check, and the facts themselves as an attached file.
//!
//! The same facts give the same bytes, so that a digest of the paper stays what it was: nothing here reads a clock, draws
//! or depends on an order that is not the shape's. Layout is ours (`layout.rs`: lines, rows, tables, page breaks), the
//! file is the library's (`paper.rs`).

mod fonts;
pub(crate) mod forms;
mod layout;
mod paper;
mod words;

use contract::shape::Shape;
use contract::time::Timestamp;
use domain::IssuedDocument;
use serde_json::Value;

use crate::portal::Sandbox;

pub use paper::PaperError;

/// What stands on a document beside its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// `Справка о доходах`
    pub title: String,
    /// Its number.
    pub number: String,
    pub issued_at: Timestamp,
    /// Who answers for it.
    pub issuer: String,
    /// Where the QR code leads: `https://…/api/v1/documents/check?code=…`.
    pub check_url: String,
    /// What a person types where no camera is at hand.
    pub code: String,
}

/// The name of the attached file that holds the facts.
pub const FACTS: &str = "facts.json";

/// The document as a PDF. The attached file is `{shape, number, issued_at, facts}`.
pub fn render(shape: &'static Shape, facts: &Value, heading: &Heading) -> Result<Vec<u8>, PaperError> {
    paper::draw(&layout::pages(shape, facts, heading), shape, facts, heading)
}

/// Each value of these facts as the document shows it, in the order in which it does.
pub fn shown(shape: &'static Shape, facts: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    layout::gather(shape, facts, &mut texts);
    texts
}

/// The address of the check. It stands on paper, where it cannot be changed, and so outlives the version in it.
pub(crate) const CHECK: &str = "/api/v1/documents/check";

/// Where the QR code leads.
pub(crate) fn check_url(sandbox: &Sandbox, document: &IssuedDocument) -> String {
    format!("{}{CHECK}?code={}", sandbox.origin(), document.code)
}

/// The paper of a document that was issued; nothing where its facts were erased.
pub(crate) fn paper(sandbox: &Sandbox, document: &IssuedDocument) -> Option<Vec<u8>> {
    let (shape, facts) = (forms::shape_of(&document.kind)?, document.facts.as_ref()?);
    let heading = Heading {
        title: document.title.clone(),
        number: document.number.clone(),
        issued_at: document.issued_at,
        issuer: "Портал государственных услуг (имитатор «Стенд»)".to_owned(),
        check_url: check_url(sandbox, document),
        code: document.code.clone(),
    };
    match render(shape, facts, &heading) {
        Ok(paper) => Some(paper),
        Err(error) => {
            tracing::error!(%error, id = document.id, "a document could not be drawn");
            None
        }
    }
}

/// Size and SHA-256 (hex) of the paper of a document.
pub(crate) fn described(sandbox: &Sandbox, id: &str) -> Option<(u64, String)> {
    let document = sandbox.read(|world| world.matters.document(id).cloned())?;
    let paper = paper(sandbox, &document)?;
    Some((paper.len() as u64, crypto::digest::sha256_hex(&paper)))
}

#[cfg(test)]
mod alike;
#[cfg(test)]
mod tests;
