//! Where scenario files come from: a folder, or the copies that the binary carries.

use std::path::{Path, PathBuf};

use crate::error::SuiteError;

/// One file: its path as messages show it, relative to the scenario folder, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub path: PathBuf,
    pub text: String,
}

/// Every `.yaml` below `folder`, in order of their paths.
pub fn read_folder(folder: &Path) -> Result<Vec<Source>, SuiteError> {
    let mut found = Vec::new();
    walk(folder, folder, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Source>) -> Result<(), SuiteError> {
    let unreadable = |path: &Path, cause: std::io::Error| {
        SuiteError::new(format!("cannot read {}: {cause}", path.display()), "name a folder of scenario files")
    };
    for entry in std::fs::read_dir(folder).map_err(|cause| unreadable(folder, cause))? {
        let path = entry.map_err(|cause| unreadable(folder, cause))?.path();
        if path.is_dir() {
            walk(root, &path, found)?;
        } else if path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml") {
            let text = std::fs::read_to_string(&path).map_err(|cause| unreadable(&path, cause))?;
            let shown = path.strip_prefix(root).unwrap_or(&path).to_owned();
            found.push(Source { path: shown, text });
        }
    }
    Ok(())
}
