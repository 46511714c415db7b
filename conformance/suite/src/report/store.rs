//! The report as a folder: written whole, read back.

use std::path::{Path, PathBuf};

use super::model::Report;
use crate::error::SuiteError;

/// Writes `report.json` and its readers into `folder`.
pub(crate) fn write(report: &Report, folder: &Path) -> Result<(), SuiteError> {
    std::fs::create_dir_all(folder).map_err(|cause| failed("make", folder, &cause))?;
    let json = serde_json::to_string_pretty(report)
        .map_err(|cause| SuiteError::new(format!("cannot write the report: {cause}"), ""))?;
    put(&folder.join("report.json"), json.as_bytes())
}

/// Writes one file of the report.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<(), SuiteError> {
    std::fs::write(path, bytes).map_err(|cause| failed("write", path, &cause))
}

/// Reads `report.json`, named itself or by its folder.
pub(crate) fn read(path: &Path) -> Result<Report, SuiteError> {
    let file: PathBuf = if path.is_dir() { path.join("report.json") } else { path.to_owned() };
    let bytes = std::fs::read(&file).map_err(|cause| failed("read", &file, &cause))?;
    serde_json::from_slice(&bytes).map_err(|cause| {
        SuiteError::new(format!("{} is no report of this version: {cause}", file.display()), "name a folder that certify wrote")
    })
}

fn failed(verb: &str, path: &Path, cause: &std::io::Error) -> SuiteError {
    SuiteError::new(format!("cannot {verb} {}: {cause}", path.display()), "check the folder of the report")
}
