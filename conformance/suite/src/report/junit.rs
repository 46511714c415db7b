//! `junit.xml`: a suite for each protocol, a case for each case, so that a CI system shows the run in its own way.
//!
//! Failures here and the exit code 1 are one thing: a warning, a known gap that holds and an open question of a rule that
//! does not bind are told in the output of a case, but do not fail it.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};
use rules::finding::Verdict;

use super::digest::{self, Group};
use super::model::{Finding, Report, ScenarioResult};
use super::plain::visible;
use crate::error::SuiteError;

/// The suite that holds what belongs to no single case: rules that judged nothing, gaps that are none any more.
const RUN: &str = "the whole run";

/// The report as JUnit XML.
///
/// # Errors
/// When the XML cannot be written.
pub fn junit(report: &Report) -> Result<String, SuiteError> {
    let groups = digest::groups(report);
    let mut xml = Xml::new(format!("{} {}", report.tool.name, visible(&report.bank.name)));
    xml.set_time(Duration::from_millis(report.run.duration_ms));
    let mut suites: BTreeMap<&str, Vec<&ScenarioResult>> = BTreeMap::new();
    for result in &report.scenarios {
        let name = if result.protocol.is_empty() { RUN } else { result.protocol.as_str() };
        suites.entry(name).or_default().push(result);
    }
    for (name, results) in suites {
        let mut suite = TestSuite::new(name);
        suite.set_time(Duration::from_millis(results.iter().map(|result| result.duration_ms).sum()));
        suite.add_property(("seed", report.run.seed.to_string().as_str()));
        for result in results {
            suite.add_test_case(case(result, &groups));
        }
        xml.add_test_suite(suite);
    }
    let mut whole = TestSuite::new("rules");
    for (group, finding) in of_case(&groups, "") {
        let mut status = if group.counts() && finding.verdict >= Verdict::Inconclusive {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        } else {
            TestCaseStatus::skipped()
        };
        status.set_message(visible(&finding.message.en).as_ref());
        status.set_type(finding.verdict.as_str());
        status.set_description(told(group, finding));
        let mut case = TestCase::new(format!("{} {}", group.id, group.slug).trim(), status);
        case.set_classname(RUN);
        whole.add_test_case(case);
    }
    if whole.tests > 0 {
        xml.add_test_suite(whole);
    }
    xml.to_string().map_err(|cause| SuiteError::new(format!("cannot write junit.xml: {cause}"), ""))
}

fn case(result: &ScenarioResult, groups: &[Group<'_>]) -> TestCase {
    let of_case: Vec<_> = of_case(groups, &result.case).collect();
    let why = result.why.as_ref().map_or("", |why| why.en.as_str());
    let deciding: Vec<_> =
        of_case.iter().filter(|(group, finding)| group.counts() && finding.verdict >= Verdict::Inconclusive).collect();
    let mut rest = String::new();
    let status = match result.verdict {
        Verdict::Error => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(visible(why).as_ref());
            status.set_type("error");
            status
        }
        Verdict::NotApplicable | Verdict::NotClaimed => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(visible(why).as_ref());
            status.set_type(result.verdict.as_str());
            status
        }
        Verdict::Fail | Verdict::Inconclusive | Verdict::Pass | Verdict::Warning => match deciding.first() {
            Some((_, first)) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(visible(&first.message.en).as_ref());
                status.set_type(result.verdict.as_str());
                let all: Vec<String> = of_case.iter().map(|(group, finding)| told(group, finding)).collect();
                status.set_description(all.join("\n"));
                status
            }
            None if of_case.is_empty() && matches!(result.verdict, Verdict::Fail | Verdict::Inconclusive) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(if why.is_empty() { "the case shows nothing" } else { why });
                status.set_type(result.verdict.as_str());
                status
            }
            None => {
                rest = of_case.iter().map(|(group, finding)| told(group, finding)).collect::<Vec<_>>().join("\n");
                TestCaseStatus::success()
            }
        },
    };
    let mut case = TestCase::new(visible(&result.case).as_ref(), status);
    case.set_classname(visible(&result.id).as_ref());
    case.set_time(Duration::from_millis(result.duration_ms));
    if !rest.is_empty() {
        case.set_system_out(rest);
    }
    case
}

fn of_case<'a>(groups: &'a [Group<'a>], case: &'a str) -> impl Iterator<Item = (&'a Group<'a>, &'a Finding)> {
    groups
        .iter()
        .flat_map(|group| group.findings.iter().map(move |finding| (group, *finding)))
        .filter(move |(_, finding)| finding.case == case)
}

/// One finding in full, in lines.
fn told(group: &Group<'_>, finding: &Finding) -> String {
    let known = group.gap.map_or(String::new(), |gap| format!(" (known gap: {})", gap.reason));
    let mut text = format!(
        "{} · {} · {} {}{known}\n{}\n",
        finding.verdict.as_str(),
        finding.severity,
        group.id,
        group.slug,
        finding.message.en
    );
    for evidence in &finding.evidence {
        text.push_str(&format!("  {}: {}\n", evidence.at, evidence.seen));
    }
    if !finding.advice.en.is_empty() {
        text.push_str(&format!("  mend: {}\n", finding.advice.en));
    }
    visible(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::{BytesStart, Event};

    use super::*;
    use crate::report::sample;

    /// Names of suites and cases, and what became of each case, read back as a CI system does.
    fn read(xml: &str) -> Vec<(String, String)> {
        fn name(tag: &BytesStart<'_>) -> String {
            tag.try_get_attribute("name").unwrap().unwrap().value.into_owned()
        }
        let mut reader = Reader::from_str(xml);
        let mut cases: Vec<(String, String)> = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => return cases,
                Event::Empty(tag) | Event::Start(tag) => match tag.name().as_ref() {
                    "testcase" => cases.push((name(&tag), "success".to_owned())),
                    kind @ ("failure" | "error" | "skipped") => {
                        cases.last_mut().unwrap().1 = kind.to_owned();
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    #[test]
    fn each_case_is_told_once_with_what_became_of_it() {
        let cases = read(&junit(&sample::report()).unwrap());
        let cases: Vec<(&str, &str)> = cases.iter().map(|(name, end)| (name.as_str(), end.as_str())).collect();
        assert_eq!(
            cases,
            [
                ("debt-paid/esia-v3", "failure"),
                ("id-token-signature-lies[none]/esia-v3", "failure"),
                ("id-token-signature-lies[none]/oidc", "failure"),
                ("pension-shown/oidc", "skipped"),
                ("sign-in/oidc", "success"),
                ("TOK-09 token-kept", "failure"),
            ]
        );
    }

    #[test]
    fn a_known_gap_and_a_warning_fail_no_case() {
        let mut report = sample::report();
        report.findings.retain(|finding| matches!(finding.rule_id.as_deref(), Some("POLL-07" | "REQ-30")));
        report.scenarios.retain(|result| matches!(result.id.as_str(), "debt-paid" | "sign-in"));
        let xml = junit(&report).unwrap();
        assert!(read(&xml).iter().all(|(_, end)| end != "failure"), "{xml}");
        assert!(xml.contains("known gap: planned for 1.5") && xml.contains("the nonce has 8 characters"));
    }

    #[test]
    fn a_case_that_shows_nothing_is_no_success() {
        let mut report = sample::report();
        report.findings.clear();
        report.scenarios.iter_mut().for_each(|result| result.verdict = Verdict::Inconclusive);
        assert!(read(&junit(&report).unwrap()).iter().all(|(_, end)| end == "failure"));
    }

    #[test]
    fn what_a_bank_wrote_is_text_and_never_markup() {
        let xml = junit(&sample::report()).unwrap();
        assert!(!xml.contains("<script") && !xml.contains('\u{1b}'));
        assert!(xml.contains("&lt;script"));
    }
}
