//! The bank file: read, checked, and filled with the addresses and files of a lane.

mod model;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::control::TokenAlg;
use contract::time::Span;
use crypto::Algorithm;
use rules::trace::Protocol;
use serde_json::Value;
use serde_saphyr::Spanned;

pub(crate) use model::{Call, Mapping, Profile, Reading, Start};

use crate::error::SuiteError;
use crate::options::BankFile;
use crate::scenario::fill::{self, Name};
use crate::scenario::words;
use crate::scenario::{Complaint, parse};

/// A checked bank file with the folder that its relative paths start from.
#[derive(Clone, Debug)]
pub(crate) struct Bank {
    pub(crate) profile: Profile,
    pub(crate) file: String,
    pub(crate) folder: PathBuf,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) claims: Vec<String>,
    pub(crate) ready_within: Duration,
}

impl Bank {
    /// What scenarios may need of it: its claims, and the facilities that its file names.
    pub(crate) fn offers(&self) -> Vec<String> {
        let has_audit = self.profile.evidence.logs.iter().any(|log| is_audit_trail(Path::new(log)));
        let facilities = [("audit", has_audit), ("webhook", self.profile.client.webhook.is_some())];
        let named = facilities.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name.to_owned());
        self.claims.iter().cloned().chain(named).collect()
    }
}

/// Whether a log is the audit trail: by its file name, as the bank file has no other word for it.
pub(crate) fn is_audit_trail(log: &Path) -> bool {
    log.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains("audit"))
}

const REFERENCE: &str = include_str!("../../profiles/reference.yaml");

/// JSON Schema of a bank file.
pub(crate) fn schema() -> Value {
    let mut schema = schemars::schema_for!(Profile).to_value();
    schema["$id"] = Value::from("https://stend.example/schemas/bank-1.json");
    schema
}

pub(crate) fn read(which: &BankFile) -> Result<Bank, SuiteError> {
    match which {
        BankFile::Reference => parse("reference.yaml", REFERENCE, Path::new(".")),
        BankFile::Path(path) => {
            let text = std::fs::read_to_string(path).map_err(|cause| {
                SuiteError::new(
                    format!("cannot read the bank file {}: {cause}", path.display()),
                    "check --bank, or leave it out to certify the reference bank",
                )
            })?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            parse(&path.display().to_string(), &text, folder)
        }
    }
}

pub(crate) fn parse(file: &str, text: &str, folder: &Path) -> Result<Bank, SuiteError> {
    let one_line = |complaint: Complaint| SuiteError::new(complaint.to_string(), "");
    let profile: Profile = parse::read(file, text).map_err(one_line)?;
    check(file, profile, folder).map_err(one_line)
}

fn check(file: &str, profile: Profile, folder: &Path) -> Result<Bank, Complaint> {
    let at = |line: u64, column: u64, message: String, hint: String| Complaint {
        file: file.to_owned(),
        line: line.max(1),
        column: column.max(1),
        message,
        hint,
    };
    let on = |what: &Spanned<String>, message: String, hint: String| {
        at(what.referenced.line(), what.referenced.column(), message, hint)
    };
    let word = |what: &Spanned<String>, kind: &str, allowed: &[&str]| {
        if allowed.contains(&what.value.as_str()) {
            Ok(())
        } else {
            Err(on(what, format!("unknown {kind} `{}`", what.value), words::hint(&what.value, allowed)))
        }
    };
    let mut protocols = Vec::new();
    for name in &profile.protocols {
        word(name, "protocol", words::PROTOCOLS)?;
        protocols.extend(Protocol::ALL.into_iter().filter(|protocol| protocol.as_str() == name.value));
    }
    protocols.dedup();
    if protocols.is_empty() {
        return Err(at(1, 1, "no protocol is named".to_owned(), "add `protocols: [esia-v3]`".to_owned()));
    }
    for claim in &profile.claims {
        word(claim, "claim", &[words::ACTIONS.as_slice(), words::WAYS].concat())?;
    }
    for class in profile.reasons.values() {
        word(class, "reason class", words::REASONS)?;
    }
    if let Some(alg) = &profile.client.alg {
        word(alg, "key algorithm", &algorithms())?;
    }
    if let Some(alg) = &profile.client.token_alg {
        word(alg, "token algorithm", &TokenAlg::ALL.map(TokenAlg::as_str))?;
    }
    if let Some(policy) = &profile.policy.revocation_check {
        word(policy, "revocation policy", &["crl", "none"])?;
    }
    if profile.client.certificate.value != "generate" && profile.client.key.is_none() {
        let hint = "add `key: file.pem` beside it, or write `certificate: generate`";
        return Err(on(
            &profile.client.certificate,
            "the key of this certificate is missing".to_owned(),
            hint.to_owned(),
        ));
    }
    match (&profile.start, &profile.base_url) {
        // A bank that is driven by a program of its own needs no server of its own either.
        (None, None) if profile.command.is_none() => {
            let hint = "add `start:` with a command, or `base_url:` of a bank that already runs";
            return Err(at(1, 1, "nothing says where the bank is".to_owned(), hint.to_owned()));
        }
        (Some(start), Some(_)) => {
            let place = start.command.referenced;
            let hint = "keep `start:` or `base_url:`";
            return Err(at(
                place.line(),
                place.column(),
                "the bank is both started and running".to_owned(),
                hint.to_owned(),
            ));
        }
        _ => {}
    }
    if let Some(start) = profile.start.as_ref().filter(|start| start.command.value.is_empty()) {
        let place = start.command.referenced;
        return Err(at(place.line(), place.column(), "the command is empty".to_owned(), "name a program".to_owned()));
    }
    let ways = [profile.adapter.is_some(), !profile.actions.is_empty(), profile.command.is_some()];
    if ways.iter().filter(|way| **way).count() != 1 {
        let hint = "exactly one of `adapter:` (an address), `actions:` (the bank's own HTTP), `command:` (a program)";
        return Err(at(1, 1, "how the bank is driven is not clear".to_owned(), hint.to_owned()));
    }
    for action in profile.actions.keys() {
        if !words::ACTIONS.contains(&action.as_str()) {
            let hint = words::hint(action, &words::ACTIONS);
            return Err(at(1, 1, format!("unknown action `{action}` under `actions`"), hint));
        }
    }
    check_paths(&profile).map_err(|(message, hint)| at(1, 1, message, hint))?;
    for gap in &profile.known_gaps {
        match rules::rule(&gap.rule.value) {
            None => {
                return Err(on(
                    &gap.rule,
                    format!("unknown rule `{}`", gap.rule.value),
                    "stend rules lists all of them".to_owned(),
                ));
            }
            Some(rule) if matches!(rule.level, rules::rule::Level::M | rules::rule::Level::P) => {
                return Err(on(
                    &gap.rule,
                    format!("{} is mandatory and cannot be a known gap", rule.id),
                    "strike it and let the report show the finding".to_owned(),
                ));
            }
            Some(_) => {}
        }
        if let Some(until) = &gap.until
            && until.value.parse::<contract::time::Day>().is_err()
        {
            return Err(on(until, format!("`{}` is not a day", until.value), "write 2027-03-01".to_owned()));
        }
    }
    let within = profile.start.as_ref().and_then(|start| start.ready.within.as_ref());
    let ready_within = match within {
        None => Duration::from_secs(20),
        Some(text) => span(&text.value).ok_or_else(|| {
            on(text, format!("`{}` is not a span of time", text.value), "such as 20s, 500ms or PT20S".to_owned())
        })?,
    };
    let claims = profile.claims.iter().map(|claim| claim.value.clone()).collect();
    Ok(Bank { file: file.to_owned(), folder: folder.to_owned(), protocols, claims, ready_within, profile })
}

/// Every name of a key algorithm, aliases included.
pub(crate) fn algorithms() -> Vec<&'static str> {
    Algorithm::ALL
        .iter()
        .map(|algorithm| algorithm.as_str())
        .chain(Algorithm::ALIASES.map(|(alias, _)| alias))
        .collect()
}

fn check_paths(profile: &Profile) -> Result<(), (String, String)> {
    let check = |path: &Option<String>| match path {
        Some(path) => serde_json_path::JsonPath::parse(path)
            .map(|_| ())
            .map_err(|cause| (format!("`{path}` is not a JSONPath: {cause}"), "such as `$.status`".to_owned())),
        None => Ok(()),
    };
    for mapping in profile.actions.values() {
        let readings = std::iter::once(&mapping.outcome)
            .chain(mapping.observe.iter().filter_map(|observe| observe.outcome.as_ref()));
        for reading in readings {
            for path in
                [&reading.state, &reading.code, &reading.message, &reading.customer, &reading.browser, &reading.handle]
            {
                check(path)?;
            }
            for path in reading.values.values() {
                check(&Some(path.clone()))?;
            }
            for word in reading.words.values() {
                if !words::OUTCOMES.contains(&word.as_str()) {
                    return Err((format!("unknown outcome `{word}`"), words::hint(word, words::OUTCOMES)));
                }
            }
        }
    }
    Ok(())
}

/// `20s`, `500ms`, `2m`, or ISO 8601.
fn span(text: &str) -> Option<Duration> {
    if let Ok(span) = text.parse::<Span>() {
        return Some(span.std());
    }
    let number = |suffix: &str| text.strip_suffix(suffix).and_then(|digits| digits.trim().parse::<u64>().ok());
    number("ms")
        .map(Duration::from_millis)
        .or_else(|| number("s").map(Duration::from_secs))
        .or_else(|| number("m").map(|minutes| Duration::from_secs(minutes * 60)))
}

/// What the placeholders of a bank file stand for in one lane: `portal.url`, `port.bank`, `client.cert` …
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(pub(crate) BTreeMap<String, String>);

impl Places {
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Fills a text; a placeholder that nothing stands for is an error of the bank file.
    pub(crate) fn fill(&self, file: &str, text: &str) -> Result<String, SuiteError> {
        let full = |name: &Name| {
            std::iter::once(name.root.as_str()).chain(name.way.iter().map(String::as_str)).collect::<Vec<_>>().join(".")
        };
        if let Some(unknown) = fill::names(text).iter().map(full).find(|name| !self.0.contains_key(name)) {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            return Err(SuiteError::new(
                format!("{file}: `{{{unknown}}}` stands for nothing"),
                words::hint(&unknown, &known),
            ));
        }
        let lookup = |name: &Name| self.0.get(&full(name)).map(|value| Value::from(value.as_str()));
        Ok(fill::written(&fill::fill(text, fill::Lookup::last(&lookup))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(change: &str, to: &str) -> String {
        let text = REFERENCE.replace(change, to);
        assert_ne!(text, REFERENCE, "{change} is in the file");
        parse("bank.yaml", &text, Path::new(".")).unwrap_err().to_string()
    }

    #[test]
    fn the_reference_profile_is_sound() {
        let bank = parse("reference.yaml", REFERENCE, Path::new(".")).unwrap();
        assert_eq!(bank.protocols.len(), 3);
    }

    #[test]
    fn a_misspelt_key_is_shown_with_place_and_meant_word() {
        let line = broken("claims:", "claim:");
        assert!(line.contains("unknown key `claim`; did you mean `claims`?"), "{line}");
        assert!(line.starts_with("bank.yaml:"), "{line}");
    }

    #[test]
    fn an_unknown_protocol_is_refused() {
        let line = broken("esia-v1", "esia-v9");
        assert!(line.contains("unknown protocol `esia-v9`; did you mean `esia-v1`?"), "{line}");
    }

    #[test]
    fn keys_and_tokens_of_gost_are_known() {
        for (alg, token_alg) in [("gost", "GOST3410_2012_256"), ("gost2012-512-tc26-c", "GOST3410_2012_256")] {
            let named = format!("client:\n  alg: {alg}\n  token_alg: {token_alg}");
            assert!(parse("bank.yaml", &REFERENCE.replace("client:", &named), Path::new(".")).is_ok(), "{alg}");
        }
        let line = broken("client:", "client:\n  alg: gost2012-265");
        assert!(line.contains("unknown key algorithm `gost2012-265`; did you mean `gost2012-256`?"), "{line}");
        let line = broken("client:", "client:\n  token_alg: GOST3410_2012_512");
        assert!(line.contains("did you mean `GOST3410_2012_256`?"), "{line}");
    }

    #[test]
    fn a_mandatory_rule_is_no_known_gap() {
        let Some(rule) = rules::rules().iter().find(|rule| rule.level == rules::rule::Level::M) else { return };
        let gap = format!("known_gaps: [ {{ rule: {}, reason: later }} ]\nclaims:", rule.id);
        let line = broken("claims:", &gap);
        assert!(line.contains("is mandatory and cannot be a known gap"), "{line}");
    }

    #[test]
    fn an_unknown_placeholder_names_the_known_ones() {
        let mut places = Places::default();
        places.set("port.bank", "9443");
        assert_eq!(places.fill("bank.yaml", "https://localhost:{port.bank}/x").unwrap(), "https://localhost:9443/x");
        let line = places.fill("bank.yaml", "{port.bnak}").unwrap_err().to_string();
        assert!(line.contains("did you mean `port.bank`?"), "{line}");
    }

    #[test]
    fn spans_are_read_in_both_forms() {
        assert_eq!(span("20s"), Some(Duration::from_secs(20)));
        assert_eq!(span("PT1M"), Some(Duration::from_secs(60)));
        assert_eq!(span("soon"), None);
    }
}
