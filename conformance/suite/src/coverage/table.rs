//! The rows of the coverage table, their holes, and the strict list of the holes known so far.
//!
//! Whose behaviour a row is about makes no difference: a requirement on the portal or on the suite is whole by the same
//! evidence as one on the bank, a rule that passed on the honest subject and failed on a broken one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use rules::Subject;
use serde::Serialize;

use super::evidence::Evidence;
use super::reach::SORTS;
use crate::error::SuiteError;
use crate::scenario::words;

/// One requirement with what was seen for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub id: String,
    pub subject: Subject,
    pub title: String,
    /// Calls that the bank made in the scenarios below.
    pub endpoints: Vec<String>,
    /// Scenarios that cite it and ended well with the honest bank.
    pub scenarios: Vec<String>,
    /// Rules that bear it and passed in one of these scenarios.
    pub rules: Vec<String>,
    /// Broken banks on which one of these rules failed.
    pub broken_banks: Vec<String>,
    /// What is missing for the row to be whole.
    pub holes: Vec<String>,
}

/// What the table needs to know of the rule book.
struct Bearer<'a> {
    id: &'a str,
    requirements: &'a [&'a str],
}

/// The table by the evidence in a file, or by what was kept when the program was built.
///
/// # Errors
/// When the file cannot be read or has another form.
pub fn requirements(evidence: Option<&Path>) -> Result<Vec<Row>, SuiteError> {
    let evidence = Evidence::read(evidence)?;
    let book: Vec<Bearer<'_>> =
        rules::rules().iter().map(|rule| Bearer { id: rule.id, requirements: rule.requirements }).collect();
    Ok(rules::requirements().iter().map(|requirement| row(requirement, &evidence, &book)).collect())
}

fn row(requirement: &rules::Requirement, evidence: &Evidence, book: &[Bearer<'_>]) -> Row {
    let id = requirement.id.as_str();
    let plays: Vec<_> =
        evidence.honest.iter().filter(|play| play.requirements.iter().any(|cited| cited == id)).collect();
    let bearing: Vec<&str> = book.iter().filter(|rule| rule.requirements.contains(&id)).map(|rule| rule.id).collect();
    let passed: BTreeSet<&str> = plays
        .iter()
        .flat_map(|play| &play.rules_passed)
        .map(String::as_str)
        .filter(|rule| bearing.contains(rule))
        .collect();
    let broken: BTreeSet<&str> = evidence
        .broken
        .iter()
        .filter(|broken| broken.rules_failed.iter().any(|rule| passed.contains(rule.as_str())))
        .map(|broken| broken.bank.as_str())
        .collect();
    let mut holes = Vec::new();
    if plays.is_empty() {
        holes.push("no scenario that cites it was run to a good end".to_owned());
    }
    if bearing.is_empty() {
        holes.push("no rule bears it".to_owned());
    } else if !plays.is_empty() && passed.is_empty() {
        holes.push(format!(
            "none of its rules passed on the honest bank in a scenario that cites it: {}",
            bearing.join(" ")
        ));
    } else if !passed.is_empty() && broken.is_empty() {
        let passed: Vec<&str> = passed.iter().copied().collect();
        holes.push(format!("no broken bank was caught by a rule of it: {}", passed.join(" ")));
    }
    let once = |words: BTreeSet<&str>| words.into_iter().map(str::to_owned).collect();
    Row {
        id: id.to_owned(),
        subject: requirement.subject,
        title: requirement.title.en.clone(),
        endpoints: once(plays.iter().flat_map(|play| &play.endpoints).map(String::as_str).collect()),
        scenarios: once(plays.iter().map(|play| play.scenario.as_str()).collect()),
        rules: once(passed),
        broken_banks: once(broken),
        holes,
    }
}

/// Holes that are not listed in `allow`, and listed ones that are none any more. Empty when all is as announced.
///
/// A line of the list is `ID`, for whatever the row lacks, or `ID: hole`, for that hole alone; `#` opens a comment.
pub fn holes(rows: &[Row], allow: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let mut allowed: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    for (number, line) in allow.unwrap_or_default().lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        // End points, error codes and transitions have a table of their own.
        let is_goal = SORTS.iter().any(|(sort, _)| line.split(' ').next() == Some(sort));
        if line.is_empty() || is_goal {
            continue;
        }
        let (id, hole) = match line.split_once(':') {
            Some((id, hole)) => (id.trim(), Some(hole.trim())),
            None => (line, None),
        };
        let number = number + 1;
        let Some(row) = rows.iter().find(|row| row.id == id) else {
            let known: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            found.push(format!(
                "line {number} of the list of holes: unknown requirement `{id}`; {}",
                words::hint(id, &known)
            ));
            continue;
        };
        let entry = allowed.entry(id).or_default();
        if entry.contains(&hole) {
            found.push(format!("line {number} of the list of holes: {id} stands there twice"));
        }
        entry.push(hole);
        let still = match hole {
            Some(hole) => row.holes.iter().any(|known| known == hole),
            None => !row.holes.is_empty(),
        };
        if !still {
            let what = hole.map_or("it is whole".to_owned(), |hole| format!("it has no hole {hole:?}"));
            found.push(format!("{id}: listed as a hole, but {what}; strike line {number} of the list"));
        }
    }
    for row in rows {
        let listed = allowed.get(row.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        for hole in &row.holes {
            if !listed.iter().any(|known| known.is_none_or(|known| known == hole)) {
                found.push(format!("{}: {hole}", row.id));
            }
        }
    }
    found
}

/// The table for a person.
pub fn table(rows: &[Row]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{:<6} {:<6} {:<5} {:>9} {:>9} {:>5} {:>6}  title",
        "id", "of", "", "endpoints", "scenarios", "rules", "broken"
    );
    for row in rows {
        let state = if row.holes.is_empty() { "whole" } else { "hole" };
        let _ = writeln!(
            out,
            "{:<6} {:<6} {state:<5} {:>9} {:>9} {:>5} {:>6}  {}",
            row.id,
            row.subject.as_str(),
            row.endpoints.len(),
            row.scenarios.len(),
            row.rules.len(),
            row.broken_banks.len(),
            row.title,
        );
        for hole in &row.holes {
            let _ = writeln!(out, "{:53}{hole}", "");
        }
    }
    let whole = rows.iter().filter(|row| row.holes.is_empty()).count();
    let _ = writeln!(out, "{whole} of {} requirements are whole by kept evidence", rows.len());
    out
}

#[cfg(test)]
mod tests {
    use rules::Requirement;
    use rules::requirements::Title;

    use super::super::evidence::Honest;
    use super::*;

    const BOOK: &[Bearer<'_>] = &[
        Bearer { id: "IDT-01", requirements: &["IDN-1"] },
        Bearer { id: "DATA-1", requirements: &["DEB-1", "IDN-1"] },
    ];

    fn requirement(id: &str) -> Requirement {
        Requirement {
            id: id.to_owned(),
            subject: Subject::Bank,
            title: Title { ru: "Вход".to_owned(), en: "Sign-in".to_owned() },
            source: "A".to_owned(),
        }
    }

    fn evidence() -> Evidence {
        Evidence {
            honest: vec![Honest {
                scenario: "sign-in".to_owned(),
                protocol: "oidc".to_owned(),
                requirements: vec!["IDN-1".to_owned()],
                endpoints: vec!["POST /oidc/token".to_owned()],
                rules_passed: vec!["IDT-01".to_owned()],
                ..Honest::default()
            }],
            ..Evidence::default()
        }
    }

    fn caught(rule: &str) -> Evidence {
        let mut evidence = evidence();
        evidence.caught(rule, "id-token-signature-unchecked");
        evidence
    }

    #[test]
    fn a_row_is_whole_when_a_rule_passed_and_the_same_rule_caught_a_broken_bank() {
        let whole = row(&requirement("IDN-1"), &caught("IDT-01"), BOOK);
        assert_eq!(whole.holes, Vec::<String>::new());
        assert_eq!(whole.broken_banks, ["id-token-signature-unchecked"]);
        assert_eq!(
            serde_json::to_value(&whole).unwrap(),
            serde_json::json!({
                "id": "IDN-1", "subject": "bank", "title": "Sign-in", "endpoints": ["POST /oidc/token"],
                "scenarios": ["sign-in"], "rules": ["IDT-01"], "broken_banks": ["id-token-signature-unchecked"], "holes": [],
            })
        );
    }

    #[test]
    fn a_bank_caught_by_another_rule_proves_nothing() {
        let row = row(&requirement("IDN-1"), &caught("DATA-1"), BOOK);
        assert_eq!(row.holes, ["no broken bank was caught by a rule of it: IDT-01"]);
    }

    #[test]
    fn a_rule_that_passed_where_the_requirement_is_not_cited_proves_nothing() {
        let mut evidence = caught("DATA-1");
        evidence.honest[0].rules_passed.push("DATA-1".to_owned());
        assert_eq!(
            row(&requirement("DEB-1"), &evidence, BOOK).holes,
            ["no scenario that cites it was run to a good end"]
        );
        evidence.honest[0].requirements.push("DEB-1".to_owned());
        assert!(row(&requirement("DEB-1"), &evidence, BOOK).holes.is_empty());
    }

    #[test]
    fn a_row_that_nothing_touches_says_so() {
        assert_eq!(
            row(&requirement("OPS-1"), &evidence(), BOOK).holes,
            ["no scenario that cites it was run to a good end", "no rule bears it"]
        );
    }

    #[test]
    fn an_unlisted_hole_and_a_listed_row_that_is_whole_are_both_told() {
        let rows = [
            row(&requirement("IDN-1"), &caught("IDT-01"), BOOK),
            row(&requirement("OPS-1"), &evidence(), BOOK),
            row(&requirement("OPS-2"), &evidence(), BOOK),
        ];
        assert_eq!(holes(&rows, None).len(), 4);
        assert_eq!(holes(&rows, Some("# later\nOPS-1\nOPS-2 # scale\n")), Vec::<String>::new());
        assert_eq!(
            holes(&rows, Some("IDN-1\nOPS-1\nOPS-2: no rule bears it\n")),
            [
                "IDN-1: listed as a hole, but it is whole; strike line 1 of the list",
                "OPS-2: no scenario that cites it was run to a good end"
            ]
        );
        assert!(holes(&rows, Some("OPS-1\nOPS-2\nOPS-1\nOPS-9")).iter().any(|line| line.contains("twice")));
        assert!(
            holes(&rows, Some("OPS-1\nOPS-2\nOPS-9")).iter().any(|line| line.contains("unknown requirement `OPS-9`"))
        );
    }

    #[test]
    fn the_kept_list_names_each_row_once_and_none_of_this_piece() {
        let rows: Vec<Row> = rules::requirements().iter().map(|known| row(known, &Evidence::default(), &[])).collect();
        let told = holes(&rows, Some(include_str!("../../../holes.txt")));
        assert!(told.iter().all(|line| !line.contains("line")), "{told:?}");
        let mut open: Vec<&str> = told.iter().filter_map(|line| line.split(':').next()).collect();
        open.dedup();
        for id in [
            "IDN-1", "IDN-3", "CNS-1", "CNS-2", "CNS-3", "CNS-4", "CNS-5", "DEB-1", "DEB-2", "PEN-1", "API-1", "API-6",
            "SEC-1", "SEC-3", "SEC-4",
        ] {
            assert!(open.contains(&id), "{id} may not be listed as a hole");
        }
    }

    #[test]
    fn the_table_names_every_row_and_its_holes() {
        let rows = [row(&requirement("IDN-1"), &caught("IDT-01"), BOOK), row(&requirement("OPS-1"), &evidence(), BOOK)];
        insta::assert_snapshot!(table(&rows));
    }
}
