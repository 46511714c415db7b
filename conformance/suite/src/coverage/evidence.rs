//! What the coverage table leans on: which scenarios the honest bank played to a good end, which rules passed there, and
//! which rules caught which broken bank. Written by `stend selftest --keep FILE`; the last one is kept in the tree.
//!
//! Nothing counts by being written down in a scenario or a rule: only what was run stands here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use rules::finding::Verdict;
use serde::{Deserialize, Serialize};

use super::reach::Reached;
use crate::error::SuiteError;
use crate::report::Report;
use crate::report::digest::fingerprint;

/// The kept evidence, as it was when the program was built.
const KEPT: &str = include_str!("../../../evidence.json");

/// What was seen in a run of the self-test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Name and version of the program that saw it.
    pub tool: String,
    /// How many rules there were, and their fingerprint.
    pub rule_book: String,
    pub honest: Vec<Honest>,
    pub broken: Vec<Broken>,
}

/// A scenario that the honest bank played in one protocol, every case of it to a good end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Honest {
    pub scenario: String,
    pub protocol: String,
    /// What the scenario cites.
    pub requirements: Vec<String>,
    /// Shapes of the calls that the bank made, `GET /rs/prns/{oid}`.
    pub endpoints: Vec<String>,
    /// Rules that serve a cited requirement and passed here, in no case otherwise.
    pub rules_passed: Vec<String>,
    /// End points, error codes and transitions that its cases reached, by whomever.
    #[serde(default)]
    pub reached: Reached,
}

/// A broken bank, and the rules that failed on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broken {
    pub bank: String,
    pub rules_failed: Vec<String>,
    /// What its cases reached and those of the honest bank did not: the answers to a bank's own mistakes.
    #[serde(default, skip_serializing_if = "Reached::is_empty")]
    pub reached: Reached,
}

impl Evidence {
    /// What a run with the honest bank shows. A scenario with any case that did not end well shows nothing.
    pub fn of(report: &Report) -> Self {
        let mut plays: BTreeMap<(&str, &str), Vec<&crate::report::model::ScenarioResult>> = BTreeMap::new();
        for result in &report.scenarios {
            plays.entry((&result.id, &result.protocol)).or_default().push(result);
        }
        let honest = plays
            .into_iter()
            .filter(|(_, cases)| cases.iter().all(|case| matches!(case.verdict, Verdict::Pass | Verdict::Warning)))
            .map(|((scenario, protocol), cases)| {
                let names: BTreeSet<&str> = cases.iter().map(|case| case.case.as_str()).collect();
                let requirements: BTreeSet<&str> =
                    cases.iter().flat_map(|case| &case.requirements).map(String::as_str).collect();
                let endpoints: BTreeSet<String> =
                    cases.iter().flat_map(|case| case.calls.keys()).map(|call| endpoint(call)).collect();
                let passed = report.rules.iter().filter(|rule| {
                    let mut here = rule.cases.iter().filter(|case| names.contains(case.case.as_str())).peekable();
                    let serves = rule.requirement_ids.iter().any(|id| requirements.contains(id.as_str()));
                    serves && here.peek().is_some() && here.all(|case| case.verdict == Verdict::Pass)
                });
                let mut reached = Reached::default();
                cases.iter().for_each(|case| reached.join(&case.reached));
                Honest {
                    reached,
                    scenario: scenario.to_owned(),
                    protocol: protocol.to_owned(),
                    rules_passed: passed.map(|rule| rule.id.clone()).collect(),
                    requirements: requirements.into_iter().map(str::to_owned).collect(),
                    endpoints: endpoints.into_iter().collect(),
                }
            })
            .collect();
        let rows = report.rules.iter().map(|rule| (rule.id.as_str(), rule.slug.as_str(), rule.level.as_str()));
        Self {
            tool: format!("{} {}", report.tool.name, report.tool.version),
            rule_book: fingerprint(rows),
            honest,
            broken: Vec::new(),
        }
    }

    /// Adds that the rule failed on the broken bank.
    pub fn caught(&mut self, rule: &str, bank: &str) {
        insert(&mut self.broken(bank).rules_failed, rule);
    }

    /// Adds what the cases of a caught broken bank reached, as far as no honest one did.
    pub fn provoked(&mut self, bank: &str, reached: &Reached) {
        let mut new = reached.clone();
        self.honest.iter().for_each(|play| new.leave(&play.reached));
        if !new.is_empty() {
            self.broken(bank).reached.join(&new);
        }
    }

    fn broken(&mut self, bank: &str) -> &mut Broken {
        let at = match self.broken.binary_search_by(|known| known.bank.as_str().cmp(bank)) {
            Ok(at) => at,
            Err(at) => {
                let new = Broken { bank: bank.to_owned(), rules_failed: Vec::new(), reached: Reached::default() };
                self.broken.insert(at, new);
                at
            }
        };
        &mut self.broken[at]
    }

    /// Puts the evidence of another run, such as another shard, beside this one.
    pub fn merge(&mut self, other: Self) {
        for play in other.honest {
            let same = |known: &&mut Honest| known.scenario == play.scenario && known.protocol == play.protocol;
            match self.honest.iter_mut().find(same) {
                Some(known) => {
                    play.requirements.iter().for_each(|id| insert(&mut known.requirements, id));
                    play.endpoints.iter().for_each(|shape| insert(&mut known.endpoints, shape));
                    play.rules_passed.iter().for_each(|id| insert(&mut known.rules_passed, id));
                    known.reached.join(&play.reached);
                }
                None => self.honest.push(play),
            }
        }
        self.honest.sort_by(|a, b| (&a.scenario, &a.protocol).cmp(&(&b.scenario, &b.protocol)));
        for Broken { bank, rules_failed, reached } in other.broken {
            rules_failed.iter().for_each(|rule| self.caught(rule, &bank));
            self.provoked(&bank, &reached);
        }
    }

    /// Reads a file, or what was kept when the program was built.
    ///
    /// # Errors
    /// When the file cannot be read or has another form.
    pub fn read(path: Option<&Path>) -> Result<Self, SuiteError> {
        let (name, text) = match path {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|cause| {
                    let mend = "`stend selftest --keep FILE` writes it; leave --evidence out for the kept one";
                    SuiteError::new(format!("cannot read the evidence {}: {cause}", path.display()), mend)
                })?;
                (path.display().to_string(), text)
            }
            None => ("conformance/evidence.json".to_owned(), KEPT.to_owned()),
        };
        serde_json::from_str(&text).map_err(|cause| {
            SuiteError::new(format!("{name} is no evidence: {cause}"), "write it anew by `stend selftest --keep FILE`")
        })
    }

    /// Writes it, one play and one bank to a line, so that a change reads as one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SuiteError> {
        let failed = |cause: String| {
            SuiteError::new(format!("cannot write the evidence {}: {cause}", path.display()), "check --keep")
        };
        let text = self.lines().map_err(|cause| failed(cause.to_string()))?;
        std::fs::write(path, text).map_err(|cause| failed(cause.to_string()))
    }

    fn lines(&self) -> serde_json::Result<String> {
        fn list<T: Serialize>(rows: &[T]) -> serde_json::Result<String> {
            let rows: Vec<String> = rows.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
            Ok(if rows.is_empty() { "[]".to_owned() } else { format!("[\n    {}\n  ]", rows.join(",\n    ")) })
        }
        let mut text = String::from("{\n");
        for (name, value) in [
            ("tool", serde_json::to_string(&self.tool)?),
            ("rule_book", serde_json::to_string(&self.rule_book)?),
            ("honest", list(&self.honest)?),
            ("broken", list(&self.broken)?),
        ] {
            let end = if name == "broken" { "\n}\n" } else { ",\n" };
            // Writing to a string cannot fail.
            let _ = write!(text, "  \"{name}\": {value}{end}");
        }
        Ok(text)
    }
}

/// Inserts in order, once.
fn insert(list: &mut Vec<String>, word: &str) {
    if let Err(at) = list.binary_search_by(|known| known.as_str().cmp(word)) {
        list.insert(at, word.to_owned());
    }
}

/// Says what an `{id}` in the shape of a call names, by the word before it.
fn endpoint(call: &str) -> String {
    let mut before = "";
    let mut parts = Vec::new();
    for part in call.split('/') {
        parts.push(match (part, before) {
            ("{id}", "orgs" | "prns") => "{oid}",
            ("{id}", "debts") => "{uin}",
            (_, "fed") => "{external_id}",
            (part, _) => part,
        });
        before = part;
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::RuleCase;
    use crate::report::{model::Bilingual, sample};

    #[test]
    fn only_scenarios_that_ended_well_are_evidence() {
        let evidence = Evidence::of(&sample::report());
        assert_eq!(evidence.honest.len(), 1);
        let play = &evidence.honest[0];
        assert_eq!((play.scenario.as_str(), play.protocol.as_str()), ("sign-in", "oidc"));
        assert_eq!(play.requirements, ["IDN-1"]);
        assert_eq!(play.endpoints, ["GET /rs/prns/{oid}", "POST /aas/oauth2/v3/te"]);
        // REQ-02 passed; REQ-30 warned, IDT-01 judged other cases.
        assert_eq!(play.rules_passed, ["REQ-02"]);
    }

    #[test]
    fn a_rule_that_passed_in_one_row_and_not_in_another_did_not_pass() {
        let mut report = sample::report();
        let mut row = report.scenarios.iter().find(|result| result.id == "sign-in").unwrap().clone();
        row.case = "sign-in[b]/oidc".to_owned();
        report.scenarios.push(row);
        let rule = report.rules.iter_mut().find(|rule| rule.id == "REQ-02").unwrap();
        rule.cases.push(RuleCase {
            case: "sign-in[b]/oidc".to_owned(),
            verdict: Verdict::Inconclusive,
            message: Bilingual::default(),
            evidence: Vec::new(),
        });
        assert!(Evidence::of(&report).honest[0].rules_passed.is_empty());
    }

    #[test]
    fn a_scenario_with_one_bad_row_is_no_evidence() {
        let mut report = sample::report();
        let mut row = report.scenarios.iter().find(|result| result.id == "sign-in").unwrap().clone();
        row.case = "sign-in[b]/oidc".to_owned();
        row.verdict = Verdict::Fail;
        report.scenarios.push(row);
        assert!(Evidence::of(&report).honest.is_empty());
    }

    #[test]
    fn what_is_written_reads_back_one_play_to_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.json");
        let mut evidence = Evidence::of(&sample::report());
        evidence.caught("REQ-02", "state-repeated");
        evidence.caught("IDT-01", "state-repeated");
        evidence.caught("IDT-01", "state-repeated");
        evidence.write(&path).unwrap();
        assert_eq!(Evidence::read(Some(&path)).unwrap(), evidence);
        assert_eq!(evidence.broken[0].rules_failed, ["IDT-01", "REQ-02"]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().any(|line| line.starts_with("    {\"scenario\":\"sign-in\"")), "{text}");
    }

    #[test]
    fn shards_are_put_together() {
        let mut one = Evidence::of(&sample::report());
        let mut two = one.clone();
        one.caught("IDT-01", "b");
        two.caught("REQ-02", "a");
        two.honest[0].protocol = "esia-v1".to_owned();
        one.merge(two);
        assert_eq!(one.honest.iter().map(|play| play.protocol.as_str()).collect::<Vec<_>>(), ["esia-v1", "oidc"]);
        assert_eq!(one.broken.iter().map(|known| known.bank.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn ids_in_a_path_are_named_by_what_they_name() {
        assert_eq!(endpoint("POST /api/v1/debts/{id}/payments"), "POST /api/v1/debts/{uin}/payments");
        assert_eq!(endpoint("PUT /api/v1/debts/fed/loan-x"), "PUT /api/v1/debts/fed/{external_id}");
        assert_eq!(endpoint("GET /api/v1/consents/{id}"), "GET /api/v1/consents/{id}");
    }

    #[test]
    fn what_is_kept_in_the_tree_reads() {
        Evidence::read(None).unwrap();
    }

    #[test]
    fn a_missing_file_is_one_clear_line() {
        let line = Evidence::read(Some(Path::new("/nowhere/e.json"))).unwrap_err().to_string();
        assert!(line.contains("/nowhere/e.json") && line.contains("--keep"), "{line}");
    }
}
