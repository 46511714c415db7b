//! `stend report show`: a kept report told in the terminal.

use std::path::Path;

use super::read;
use super::text::Look;
use crate::error::SuiteError;

/// The whole of a kept report as plain text: the summary, every finding, every requirement, what was left out.
///
/// # Errors
/// When the folder holds no report of this form.
pub fn show(folder: &Path) -> Result<String, SuiteError> {
    let report = read(folder)?;
    let home = if folder.is_file() { folder.parent() } else { Some(folder) };
    Ok(report.told(&Look { colour: false, folder: home, full: true }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{sample, write};

    #[test]
    fn a_kept_report_is_told_in_full() {
        let folder = tempfile::tempdir().unwrap();
        write(&sample::report(), folder.path()).unwrap();
        let told = show(folder.path()).unwrap();
        assert!(told.contains("id-token-signature-unchecked"));
        assert!(told.contains("not tested"));
    }
}
