//! `exchanges.har`: what went over the wire, case by case, for the tools that read HTTP archives (HAR 1.2). Made from the
//! kept recordings, one after the other, so that memory stays bounded however long the run was.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use contract::exchange::Exchange;
use contract::har;
use rules::trace::{Event, What};
use serde_json::{Value, json};

use super::model::{Report, ScenarioResult};
use crate::drive::runner;
use crate::error::SuiteError;

const NAME: &str = "exchanges.har";

/// Writes the archive beside the recordings that the report names: a page for each case in which something was
/// exchanged. The file appears whole or not at all.
///
/// # Errors
/// When a recording cannot be read, or the file not be written.
pub(crate) fn write(report: &Report, folder: &Path) -> Result<(), SuiteError> {
    let failed = |cause: String| {
        SuiteError::new(format!("cannot write {}: {cause}", folder.join(NAME).display()), "check --report")
    };
    let part = folder.join(format!("{NAME}.part"));
    let file = fs::File::create(&part).map_err(|cause| failed(cause.to_string()))?;
    let mut archive = Archive::begin(BufWriter::new(file)).map_err(|cause| failed(cause.to_string()))?;
    for (result, file) in report.scenarios.iter().filter_map(|result| Some((result, result.trace.as_ref()?))) {
        let trace = runner::load(&folder.join(file))?;
        archive.case(result, exchanges(trace.events)).map_err(|cause| failed(cause.to_string()))?;
    }
    archive.end().map_err(|cause| failed(cause.to_string()))?;
    fs::rename(&part, folder.join(NAME)).map_err(|cause| failed(cause.to_string()))
}

/// What was exchanged, in the order of its beginning.
fn exchanges(events: Vec<Event>) -> Vec<Exchange> {
    let exchanged = |event: Event| match event.what {
        What::Exchange(exchange) => Some(exchange),
        _ => None,
    };
    let mut exchanges: Vec<Exchange> = events.into_iter().filter_map(exchanged).collect();
    exchanges.sort_by_key(|exchange| exchange.started_us);
    exchanges
}

/// An archive being written: entries as they come, their pages at the end.
struct Archive<W: Write> {
    out: W,
    pages: Vec<Value>,
    entries: usize,
}

impl<W: Write> Archive<W> {
    fn begin(mut out: W) -> std::io::Result<Self> {
        write!(out, "{{\"log\":{{\"version\":{},\"creator\":{},\"entries\":[", json!(har::VERSION), har::creator())?;
        Ok(Self { out, pages: Vec::new(), entries: 0 })
    }

    fn case(&mut self, result: &ScenarioResult, exchanges: Vec<Exchange>) -> std::io::Result<()> {
        for (number, exchange) in exchanges.iter().enumerate() {
            let mut entry = har::entry(exchange);
            if number == 0 {
                self.pages.push(json!({
                    "startedDateTime": entry["startedDateTime"], "id": result.case,
                    "title": format!("{}: {}", result.case, result.title.ru), "pageTimings": {},
                    "_title": result.title, "_verdict": result.verdict,
                }));
            }
            entry["pageref"] = json!(result.case);
            self.out.write_all(if self.entries == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut self.out, &entry)?;
            self.entries += 1;
        }
        Ok(())
    }

    fn end(mut self) -> std::io::Result<()> {
        write!(self.out, "\n],\"pages\":{}}}}}\n", Value::Array(self.pages))?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use contract::exchange::{Body, Party, Request};
    use contract::time::Timestamp;

    use super::*;
    use crate::report::sample;

    fn event(id: u64, started_us: i64) -> Event {
        let request = Request {
            method: "GET".to_owned(),
            url: "https://localhost:8443/health".to_owned(),
            headers: Vec::new(),
            body: Body::Empty,
        };
        let exchange = Exchange {
            id,
            sandbox: "s1".to_owned(),
            from: Party::Bank,
            to: Party::Portal,
            started_us,
            ended_us: started_us + 1_000,
            at: Timestamp::from_millis(0),
            request,
            response: None,
            delivered: false,
            tls: None,
            partner: None,
            citizen: None,
            flow: None,
            faults: Vec::new(),
        };
        Event { wall_us: started_us, what: What::Exchange(exchange) }
    }

    fn archive(cases: &[Vec<Event>]) -> Value {
        let report = sample::report();
        let mut out = Vec::new();
        let mut archive = Archive::begin(&mut out).unwrap();
        for (result, events) in report.scenarios.iter().zip(cases) {
            archive.case(result, exchanges(events.clone())).unwrap();
        }
        archive.end().unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn each_case_is_a_page_and_its_exchanges_stand_in_their_order() {
        let log = &archive(&[vec![event(2, 2_000_000), event(1, 1_000_000)], vec![], vec![event(3, 500_000)]])["log"];
        let cases: Vec<_> = sample::report().scenarios.into_iter().map(|result| result.case).collect();
        let entries = log["entries"].as_array().unwrap();
        let told: Vec<_> = entries.iter().map(|entry| (entry["_exchange"].as_u64(), &entry["pageref"])).collect();
        assert_eq!(told, [(Some(1), &json!(cases[0])), (Some(2), &json!(cases[0])), (Some(3), &json!(cases[2]))]);
        let pages: Vec<_> = log["pages"].as_array().unwrap().iter().map(|page| &page["id"]).collect();
        assert_eq!(pages, [&json!(cases[0]), &json!(cases[2])]);
        assert_eq!(log["pages"][0]["startedDateTime"], "1970-01-01T00:00:01Z");
    }

    #[test]
    fn nothing_exchanged_is_an_archive_too() {
        assert_eq!(archive(&[])["log"]["entries"], json!([]));
    }

    #[test]
    fn a_lost_recording_is_one_clear_line_and_no_archive() {
        let folder = tempfile::tempdir().unwrap();
        let line = write(&sample::report(), folder.path()).unwrap_err().to_string();
        assert!(line.contains("traces") && line.contains("keep the report's folder whole"), "{line}");
        assert!(!folder.path().join(NAME).exists());
    }
}
