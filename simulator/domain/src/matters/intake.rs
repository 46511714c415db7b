//! Intake of documents for subsidies and benefits (DOC-1): each signed over its bytes; a large one by reference to what
//! was put before, with the same size and digest.

use contract::matter::{INLINE_MAX, IntakeDetails, TakenFile};
use serde_json::{Value, json};

use super::ask::OfferedFile;
use super::tax_return::proved;
use crate::draft::Draft;
use crate::refusal::Refusal;

/// Documents in one intake.
const MOST: usize = 20;

pub(super) fn check(
    draft: &Draft<'_, '_, '_>,
    person: i64,
    programme: &str,
    files: &[OfferedFile],
) -> Result<Value, Refusal> {
    if programme.trim().is_empty() || programme.chars().count() > 100 {
        return Err(Refusal::new("parameter-invalid", "parameter-invalid")
            .check("programme")
            .wanted("1 to 100 characters"));
    }
    if files.is_empty() || files.len() > MOST {
        return Err(Refusal::new("parameter-invalid", "parameter-invalid")
            .check("documents")
            .seen(files.len().to_string())
            .wanted(format!("1 to {MOST} documents")));
    }
    let documents = files.iter().map(|file| taken(draft, person, file)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!(IntakeDetails { programme: programme.to_owned(), documents }))
}

fn taken(draft: &Draft<'_, '_, '_>, person: i64, file: &OfferedFile) -> Result<TakenFile, Refusal> {
    let mismatch = |seen: &str, wanted: &str| {
        Refusal::new("attachment-mismatch", "attachment-mismatch").check("document").seen(seen).wanted(wanted)
    };
    match &file.reference {
        Some(id) => {
            let client_id = draft.partner.as_deref().unwrap_or_default();
            let held = draft.world.matters.file(id).filter(|kept| kept.person == person && kept.client_id == client_id);
            let held = held.ok_or_else(|| mismatch("a reference to nothing", "a file that was put before"))?;
            if held.file.size != file.size || held.file.sha256 != file.sha256 {
                return Err(mismatch("another size or digest", "those of the file that was put"));
            }
        }
        None if file.size > INLINE_MAX as u64 => {
            return Err(mismatch("more than five mebibytes", "a reference to a file that was put before"));
        }
        None => {}
    }
    let signed_by = proved(&file.signed, "document")?;
    Ok(TakenFile {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size: file.size,
        sha256: file.sha256.clone(),
        signed_by,
    })
}
