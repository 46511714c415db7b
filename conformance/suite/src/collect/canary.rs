//! Planted values: secrets that went to the bank in this case, looked for where they must not stand. Found in logs, in
//! storage or in an address, they are evidence; whether it is a finding is for the rules to say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine as _;
use contract::exchange::{Exchange, Party, header};
use rules::trace::{Canary, Event, Person, What};
use serde_json::Value;
use url::Url;

use crate::drive::lane::Files;

/// Shorter values would be found by accident.
const SHORTEST: usize = 8;
/// A few digits: found only where they stand alone.
const ONE_TIME_CODE: &str = "one_time_code";
/// Of longer secrets only so many last characters are looked for.
const LONGEST: usize = 64;
/// No searched form is longer in bytes.
const WIDEST: usize = LONGEST * 4;
/// Larger files are searched in their last part only.
const LARGEST: u64 = 64 * 1024 * 1024;

/// How long the bank's logs were when the case began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(BTreeMap<PathBuf, u64>);

impl Marks {
    pub(crate) fn set(files: &Files) -> Self {
        let length = |path: &PathBuf| std::fs::metadata(path).map(|file| file.len()).unwrap_or(0);
        Self(files.logs.iter().map(|path| (path.clone(), length(path))).collect())
    }
}

/// The lines of the bank's storage at the last scan. What is planted in a case goes to people who did not exist before it,
/// so it can only stand in what was written since; a storage that grows from case to case is not searched from its first
/// byte each time. A line is known by its digest; those of a file stand in order.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<PathBuf, Vec<u64>>);

impl Known {
    /// What is new in a file: its lines that did not stand there at the last scan, each with as much before and behind it
    /// as a planted value may be long, so that none hides across a border.
    fn fresh<'a>(&mut self, path: &Path, bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let before = self.0.remove(path).unwrap_or_default();
        let mut lines = Vec::with_capacity(before.len());
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        let mut at = 0usize;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let digest = digest(line);
            if before.binary_search(&digest).is_err() {
                let from = at.saturating_sub(WIDEST);
                let to = (at + line.len() + WIDEST).min(bytes.len());
                match ranges.last_mut() {
                    Some((_, end)) if *end >= from => *end = to,
                    _ => ranges.push((from, to)),
                }
            }
            lines.push(digest);
            at += line.len();
        }
        lines.sort_unstable();
        self.0.insert(path.to_owned(), lines);
        ranges.into_iter().map(|(from, to)| &bytes[from..to]).collect()
    }
}

fn digest(line: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = crypto::digest::sha256(line);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// What was looked for, where, and what was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan {
    pub(crate) found: Vec<Canary>,
    /// `log:bank.log`, `storage:bank.db`, `url`: only what could be read.
    pub(crate) places: Vec<String>,
    pub(crate) planted: Vec<String>,
}

struct Needle {
    planted: &'static str,
    form: &'static str,
    text: Vec<u8>,
}

/// Looks for everything planted in these events.
pub(crate) fn scan(files: &Files, marks: &Marks, known: &mut Known, people: &[Person], events: &[Event]) -> Scan {
    let planted = planted(files, people, events);
    let breaks = line_breaks(events);
    let needles = needles(&planted);
    let mut found = Vec::new();
    let mut places = BTreeSet::from(["url".to_owned()]);
    // Each search is used once: what is quick to build wins over what is quick to run.
    let search = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(needles.iter().map(|needle| &needle.text));
    let Ok(search) = search else { return Scan::default() };
    for path in files.logs.iter().filter(|path| path.is_file()) {
        let from = marks.0.get(path).copied().unwrap_or(0);
        let place = format!("log:{}", name(path));
        let bytes = read_from(path, from);
        search_in(&search, &needles, &bytes, &place, &mut found);
        split_lines(&breaks, &bytes, &place, &mut found);
        places.insert(place);
    }
    for path in files.storage.iter().flat_map(|path| walk(path)).filter(|path| path.is_file()) {
        let place = format!("storage:{}", name(&path));
        let bytes = read_from(&path, 0);
        for part in known.fresh(&path, &bytes) {
            search_in(&search, &needles, part, &place, &mut found);
        }
        places.insert(place);
    }
    for exchange in events.iter().filter_map(by_bank) {
        // Codes and states belong into the query of the callback; that is the browser's address, not the bank's.
        let before = found.len();
        search_in(&search, &needles, exchange.request.url.as_bytes(), "url", &mut found);
        for canary in &mut found[before..] {
            canary.near = format!("exchange:{} {}", exchange.id, canary.near);
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|canary| seen.insert((canary.planted.clone(), canary.form.clone(), canary.place.clone())));
    let mut names: BTreeSet<String> = planted.iter().map(|(planted, _)| (*planted).to_owned()).collect();
    if !breaks.is_empty() {
        names.insert("line_break".to_owned());
    }
    Scan { found, places: places.into_iter().collect(), planted: names.into_iter().collect() }
}

/// Texts that stood behind a line break in something the bank was sent: in an address that a browser brought, or in
/// personal data. A log line that begins with one was split in two.
fn line_breaks(events: &[Event]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut take = |text: &str| {
        for line in text.split(['\n', '\r']).skip(1).map(str::trim).filter(|line| line.len() >= SHORTEST) {
            found.insert(line.to_owned());
        }
    };
    for event in events {
        let What::Exchange(exchange) = &event.what else { continue };
        if exchange.to == Party::Bank
            && let Ok(url) = Url::parse(&exchange.request.url)
        {
            url.query_pairs().for_each(|(_, value)| take(&value));
        }
        if exchange.to == Party::Portal
            && exchange.from == Party::Bank
            && let Some(response) = &exchange.response
        {
            let mut texts = Vec::new();
            leaves(&serde_json::from_str(response.body.text()).unwrap_or_default(), &mut texts);
            texts.iter().for_each(|text| take(text));
        }
    }
    found
}

fn split_lines(breaks: &BTreeSet<String>, bytes: &[u8], place: &str, found: &mut Vec<Canary>) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        if let Some(planted) = breaks.iter().find(|planted| line.trim_start().starts_with(planted.as_str())) {
            found.push(Canary {
                planted: "line_break".to_owned(),
                form: "raw".to_owned(),
                place: place.to_owned(),
                near: planted.chars().take(60).collect(),
            });
            return;
        }
    }
}

fn by_bank(event: &Event) -> Option<&Exchange> {
    match &event.what {
        What::Exchange(exchange) if exchange.from == Party::Bank => Some(exchange),
        _ => None,
    }
}

/// What was planted, by what it is.
fn planted(files: &Files, people: &[Person], events: &[Event]) -> BTreeSet<(&'static str, String)> {
    let mut planted = BTreeSet::new();
    for person in people {
        let text = |key: &str| person.view[key].as_str().unwrap_or_default().to_owned();
        planted.insert(("password", text("password")));
        let snils = text("snils");
        planted.insert(("snils", snils.chars().filter(char::is_ascii_digit).collect()));
        planted.insert(("snils", snils));
        for document in person.view["documents"].as_array().into_iter().flatten() {
            let both =
                |joint: &str| Some(format!("{}{joint}{}", document["series"].as_str()?, document["number"].as_str()?));
            planted.extend(both("").map(|text| ("document", text)));
            planted.extend(both(" ").map(|text| ("document", text)));
        }
    }
    for event in events {
        let What::Exchange(exchange) = &event.what else { continue };
        plant_exchange(exchange, people, &mut planted);
    }
    if let Some(pem) = files.key.as_ref().and_then(|path| std::fs::read_to_string(path).ok()) {
        // One full line from the middle of the key is as good as the key.
        let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        planted.extend(lines.get(lines.len() / 2).map(|line| ("private_key", (*line).to_owned())));
    }
    planted.retain(|(name, value)| value.len() >= SHORTEST || (*name == ONE_TIME_CODE && value.len() > 3));
    planted
}

fn plant_exchange(exchange: &Exchange, people: &[Person], planted: &mut BTreeSet<(&'static str, String)>) {
    let Some(response) = &exchange.response else { return };
    if let Some(Ok(location)) = header(&response.headers, "location").map(Url::parse)
        && exchange.to == Party::Portal
    {
        let codes = location.query_pairs().filter(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        planted.extend(codes.map(|code| ("code", code)));
    }
    let answer: Value = serde_json::from_str(response.body.text()).unwrap_or_default();
    if exchange.to == Party::Portal && exchange.from == Party::Bank {
        for name in ["access_token", "refresh_token", "id_token"] {
            planted.extend(answer[name].as_str().map(|token| (name, token.to_owned())));
        }
        // A one-time code that the customer told the bank, which passed it on.
        let sent: Value = serde_json::from_str(exchange.request.body.text()).unwrap_or_default();
        if exchange.request.url.split('?').next().is_some_and(|path| path.ends_with("/confirm")) {
            planted.extend(sent["code"].as_str().map(|code| (ONE_TIME_CODE, code.to_owned())));
        }
        let form = url::form_urlencoded::parse(exchange.request.body.text().as_bytes());
        for (name, value) in form {
            match name.as_ref() {
                "client_secret" => planted.insert(("client_secret", value.into_owned())),
                "client_assertion" => planted.insert(("client_assertion", value.into_owned())),
                "code_verifier" => planted.insert(("code_verifier", value.into_owned())),
                _ => false,
            };
        }
    }
    if exchange.faults.iter().any(|fault| fault == "person-more-than-consented") {
        let known: String = people.iter().map(|person| person.view.to_string()).collect();
        let mut texts = Vec::new();
        leaves(&answer, &mut texts);
        let extra = texts.into_iter().filter(|text| !known.contains(text.as_str()));
        planted.extend(extra.map(|text| ("not_consented", text)));
    }
}

fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, found)),
        Value::String(text) => found.push(text.clone()),
        _ => {}
    }
}

fn needles(planted: &BTreeSet<(&'static str, String)>) -> Vec<Needle> {
    let mut needles = Vec::new();
    let mut known = BTreeSet::new();
    for (planted, value) in planted {
        if *planted == ONE_TIME_CODE {
            needles.push(Needle { planted, form: "raw", text: value.clone().into_bytes() });
            continue;
        }
        let mut add = |form: &'static str, text: String| {
            let text = tail(text);
            if text.len() >= SHORTEST && known.insert(text.clone()) {
                needles.push(Needle { planted, form, text: text.into_bytes() });
            }
        };
        add("raw", value.clone());
        add("base64", base64::engine::general_purpose::STANDARD_NO_PAD.encode(value));
        add("base64", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value));
        add("hex", hex::encode(value));
        add("hex", hex::encode_upper(value));
        add("url", url::form_urlencoded::byte_serialize(value.as_bytes()).collect());
        add("url", url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20"));
        // As it stands inside a JSON text.
        add("json", serde_json::to_string(value).unwrap_or_default().trim_matches('"').to_owned());
    }
    needles
}

/// The end of a long secret is as good as the whole, and much quicker to look for; tokens differ there (their signature).
fn tail(text: String) -> String {
    let from = text.char_indices().rev().nth(LONGEST - 1).map_or(0, |(at, _)| at);
    text[from..].to_owned()
}

fn search_in(search: &AhoCorasick, needles: &[Needle], bytes: &[u8], place: &str, found: &mut Vec<Canary>) {
    let mut seen = BTreeSet::new();
    for hit in search.find_overlapping_iter(bytes) {
        let needle = &needles[hit.pattern().as_usize()];
        let beside = [hit.start().checked_sub(1), Some(hit.end())].into_iter().flatten().filter_map(|at| bytes.get(at));
        if needle.planted == ONE_TIME_CODE && beside.into_iter().any(u8::is_ascii_alphanumeric) {
            continue;
        }
        if seen.insert((needle.planted, needle.form)) {
            found.push(Canary {
                planted: needle.planted.to_owned(),
                form: needle.form.to_owned(),
                place: place.to_owned(),
                near: near(bytes, hit.start(), hit.end()),
            });
        }
    }
}

/// A few characters around a hit, the hit itself masked.
fn near(bytes: &[u8], start: usize, end: usize) -> String {
    let text = |part: &[u8]| {
        String::from_utf8_lossy(part)
            .chars()
            .map(|c| if c.is_control() || c == '\u{fffd}' { '·' } else { c })
            .collect::<String>()
    };
    let hit = text(&bytes[start..end]);
    let shown: String = hit.chars().take(4).collect();
    let before = text(&bytes[start.saturating_sub(24)..start]);
    let after = text(&bytes[end..(end + 12).min(bytes.len())]);
    format!("{before}{shown}…[{} characters]{after}", hit.chars().count())
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read_from(path: &Path, from: u64) -> Vec<u8> {
    use std::io::{Read, Seek, SeekFrom};
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        // A log that became shorter was turned over: it is read from its start.
        let from = if length < from { 0 } else { from };
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(LARGEST))))?;
        file.read_to_end(&mut bytes)
    });
    // A file that the bank has not written yet holds nothing.
    if read.is_err() {
        bytes.clear();
    }
    bytes
}

fn walk(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    entries.flatten().flat_map(|entry| walk(&entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn person() -> Person {
        Person {
            name: "anna".to_owned(),
            slug: "anna-1".to_owned(),
            oid: 7,
            view: json!({"snils": "000-000-600 06", "password": "correct-horse"}),
            customer: None,
        }
    }

    #[test]
    fn finds_a_planted_value_in_every_form() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("bank.log");
        for (text, form) in [
            ("snils=000-000-600 06;", "raw"),
            ("q=000-000-600%2006", "url"),
            ("x=MDAwLTAwMC02MDAgMDY", "base64"),
            ("x=3030302d3030302d363030203036", "hex"),
        ] {
            std::fs::write(&log, text).unwrap();
            let files = Files { logs: vec![log.clone()], ..Files::default() };
            let found = scan(&files, &Marks::default(), &mut Known::default(), &[person()], &[]).found;
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!((found[0].planted.as_str(), found[0].form.as_str()), ("snils", form));
            assert_eq!(found[0].place, "log:bank.log");
            assert!(!found[0].near.contains("600 06"), "{}", found[0].near);
        }
    }

    #[test]
    fn what_was_logged_before_the_case_is_not_its_doing() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("bank.log");
        std::fs::write(&log, "snils=000-000-600 06\n").unwrap();
        let files = Files { logs: vec![log], ..Files::default() };
        let marks = Marks::set(&files);
        assert!(scan(&files, &marks, &mut Known::default(), &[person()], &[]).found.is_empty());
    }

    #[test]
    fn folders_of_storage_are_searched_through() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        std::fs::write(folder.path().join("inner/rows"), "…correct-horse…").unwrap();
        let files = Files { storage: vec![folder.path().to_owned()], ..Files::default() };
        let found = scan(&files, &Marks::default(), &mut Known::default(), &[person()], &[]).found;
        assert_eq!((found[0].planted.as_str(), found[0].place.as_str()), ("password", "storage:rows"));
    }

    #[test]
    fn of_a_storage_only_what_is_new_is_searched_again_and_nothing_hides_at_a_border() {
        let folder = tempfile::tempdir().unwrap();
        let rows = folder.path().join("rows");
        let files = Files { storage: vec![rows.clone()], ..Files::default() };
        let mut known = Known::default();
        let mut found = |text: &str, person: &Person| {
            std::fs::write(&rows, text).unwrap();
            scan(&files, &Marks::default(), &mut known, std::slice::from_ref(person), &[]).found.len()
        };
        let old = Person { view: json!({"password": "battery-staple"}), ..person() };
        assert_eq!(found("a\nbattery-staple\nc\n", &old), 1);
        let long = "x".repeat(1000);
        assert_eq!(found(&format!("a\n{long}\nbattery-staple\nc\n"), &person()), 0);
        assert_eq!(found(&format!("a\n{long}\ncorrect-horse\nbattery-staple\nc\n"), &person()), 1);
        let split = Person { view: json!({"password": "battery-staple\nc"}), ..person() };
        assert_eq!(found(&format!("a\n{long}\nd\nbattery-staple\nc\n"), &split), 1);
    }
}
