//! The folder of a report: written after a run, read back by `report show` and `judge`.

use std::fs;
use std::path::Path;

use super::model::{Report, SCHEMA};
use super::{html, junit};
use crate::error::SuiteError;

const JSON: &str = "report.json";

/// Writes `report.json`, `report.html` and `junit.xml`. Each file appears whole or not at all.
///
/// # Errors
/// When the folder cannot be made or a file not be written.
pub fn write(report: &Report, folder: &Path) -> Result<(), SuiteError> {
    let failed = |cause: std::io::Error| {
        SuiteError::new(format!("cannot write the report to {}: {cause}", folder.display()), "check --report")
    };
    let mut json = serde_json::to_string_pretty(report)
        .map_err(|cause| SuiteError::new(format!("cannot write {JSON}: {cause}"), ""))?;
    json.push('\n');
    fs::create_dir_all(folder).map_err(failed)?;
    // The truth comes last: where it stands, its readers stand beside it.
    for (name, text) in [("junit.xml", junit(report)?), ("report.html", html(report)?), (JSON, json)] {
        let part = folder.join(format!("{name}.part"));
        fs::write(&part, text).map_err(failed)?;
        fs::rename(&part, folder.join(name)).map_err(failed)?;
    }
    Ok(())
}

/// Reads `report.json` of a folder; the file itself may be named too.
///
/// # Errors
/// When there is none, or it is not a report of this form.
pub fn read(folder: &Path) -> Result<Report, SuiteError> {
    let path = if folder.is_file() { folder.to_owned() } else { folder.join(JSON) };
    let bytes = fs::read(&path).map_err(|cause| {
        let mend = "name the folder that `stend certify --report DIR` wrote";
        SuiteError::new(format!("cannot read {}: {cause}", path.display()), mend)
    })?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|cause| {
        let mend = "`stend report schema` prints the form that is expected";
        SuiteError::new(format!("{} is no report: {cause}", path.display()), mend)
    })?;
    if report.schema != SCHEMA {
        let what = format!("{} has the form {:?}, this program reads {SCHEMA:?}", path.display(), report.schema);
        return Err(SuiteError::new(what, "use the program that wrote it"));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let report = sample::report();
        write(&report, folder.path()).unwrap();
        let back = read(folder.path()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::to_value(&report).unwrap());
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["junit.xml", "report.html", "report.json"]);
    }

    #[test]
    fn a_folder_without_a_report_is_one_clear_line() {
        let folder = tempfile::tempdir().unwrap();
        let line = read(folder.path()).unwrap_err().to_string();
        assert!(line.contains("report.json") && line.contains("--report DIR") && line.lines().count() == 1, "{line}");
    }

    #[test]
    fn a_report_of_another_form_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let other = Report { schema: "https://stend.example/schemas/report-9.json".to_owned(), ..sample::report() };
        fs::write(folder.path().join(JSON), serde_json::to_vec(&other).unwrap()).unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains("report-9"));
    }
}
