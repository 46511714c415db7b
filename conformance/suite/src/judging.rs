//! From recordings to a report: every rule on every recording, verdicts put together as the contract says, findings with
//! their evidence. Used after a run and, years later, on kept recordings; it does no more than read them.

use std::collections::{BTreeMap, BTreeSet};

use contract::exchange::Party;
use rules::finding::Verdict;
use rules::rule::{Judge, Level, Rule};
use rules::trace::{Protocol, Trace, What};

use crate::algorithms::{self, Counted};
use crate::profile::Profile;
use crate::report::model::{
    AlgorithmUse, Bilingual, Evidence, Finding, KnownGap, LeftOut, RequirementResult, RuleCase, RuleResult,
    ScenarioResult, Summary,
};

/// A case after judging: a line of the report, and each rule's word on it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) result: ScenarioResult,
    /// Lies and attacks of the case.
    pub(crate) faults: Vec<String>,
    /// Rule id → word. Rules that had nothing to judge are there too.
    pub(crate) words: BTreeMap<&'static str, RuleCase>,
    pub(crate) unmet: Vec<Finding>,
    pub(crate) algorithms: Counted,
}

/// Every rule on one recording.
pub(crate) fn judge(trace: &Trace, mut result: ScenarioResult, faults: Vec<String>) -> Judged {
    let silent = is_silent(trace);
    let mut words = BTreeMap::new();
    for (rule, judgement) in rules::judge_all(trace) {
        let mut word = RuleCase {
            case: result.case.clone(),
            verdict: limited(rule, judgement.verdict),
            message: Bilingual::new(judgement.message_ru, judgement.message),
            evidence: judgement
                .evidence
                .into_iter()
                .map(|evidence| Evidence { at: evidence.at, seen: evidence.seen, trace: result.trace.clone() })
                .collect(),
        };
        // A bank that calls nobody has shown nothing, whatever it did not do wrong.
        if silent && matches!(word.verdict, Verdict::Pass | Verdict::Warning) {
            word.verdict = Verdict::Inconclusive;
            word.message = Bilingual::new(
                "банк не сделал порталу ни одного обращения, поэтому ничего не показано",
                "the bank made no call to the portal, so nothing was shown",
            );
        }
        words.insert(rule.id, word);
    }
    let unmet: Vec<Finding> = trace
        .unmet
        .iter()
        .map(|unmet| Finding {
            rule_id: None,
            slug: None,
            scenario_id: result.id.clone(),
            case: result.case.clone(),
            verdict: Verdict::Fail,
            severity: "medium".to_owned(),
            message: Bilingual::new(
                format!("Ожидание сценария не выполнено: {}", unmet.message),
                format!("An expectation of the scenario does not hold: {}", unmet.message),
            ),
            evidence: unmet
                .evidence
                .iter()
                .map(|at| Evidence { at: at.clone(), seen: String::new(), trace: result.trace.clone() })
                .collect(),
            advice: Bilingual::new(
                "Посмотрите шаги случая и запись обмена; рядом стоят выводы правил о том же случае.",
                "Look at the steps of the case and at its recording; the rules' findings on the same case stand beside.",
            ),
        })
        .collect();
    let worst = words
        .values()
        .filter(|word| !matches!(word.verdict, Verdict::NotApplicable | Verdict::NotClaimed))
        .map(|word| word.verdict)
        .chain(unmet.iter().map(|finding| finding.verdict))
        .max();
    // A case in which no rule had anything to judge, but whose own expectations held, has shown what it was for.
    result.verdict =
        worst.unwrap_or(if silent && !is_of_strangers(trace) { Verdict::Inconclusive } else { Verdict::Pass });
    Judged { result, faults, words, unmet, algorithms: algorithms::of(trace) }
}

/// Whether strangers alone took part: such a case is about the portal, and a silent bank has no share in it.
fn is_of_strangers(trace: &Trace) -> bool {
    let acts =
        || trace.events.iter().filter_map(|event| if let What::Act(act) = &event.what { Some(act) } else { None });
    acts().any(|act| act.what == "stranger-call") && !acts().any(|act| act.actor == "bank")
}

/// What a rule of this level can say at worst.
fn limited(rule: &Rule, verdict: Verdict) -> Verdict {
    match (rule.level, verdict) {
        (Level::S | Level::G, Verdict::Fail) => Verdict::Warning,
        (Level::I, Verdict::Fail | Verdict::Warning | Verdict::Inconclusive) => Verdict::Pass,
        (_, verdict) => verdict,
    }
}

fn is_silent(trace: &Trace) -> bool {
    !trace.events.iter().any(|event| match &event.what {
        What::Exchange(exchange) => {
            exchange.to == Party::Portal && matches!(exchange.from, Party::Bank | Party::Browser)
                || exchange.from == Party::Portal && exchange.to == Party::Bank
        }
        _ => false,
    })
}

/// What decides over a whole run.
pub(crate) struct Run<'a> {
    pub(crate) judged: Vec<Judged>,
    /// Cases that were not played, with their verdict and reason.
    pub(crate) unplayed: Vec<(ScenarioResult, Vec<String>)>,
    /// Nothing was left out by a selection.
    pub(crate) everything: bool,
    pub(crate) protocols: &'a [Protocol],
    pub(crate) gaps: Vec<KnownGap>,
    /// What today is, for gaps that have run out.
    pub(crate) today: contract::time::Day,
}

/// The verdicts of a run.
pub(crate) struct Concluded {
    pub(crate) summary: Summary,
    pub(crate) requirements: Vec<RequirementResult>,
    pub(crate) rules: Vec<RuleResult>,
    pub(crate) scenarios: Vec<ScenarioResult>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) gaps: Vec<KnownGap>,
    pub(crate) algorithms: Vec<String>,
    pub(crate) exercised: Vec<AlgorithmUse>,
}

pub(crate) fn conclude(run: Run<'_>) -> Concluded {
    let Run { mut judged, unplayed, everything, protocols, mut gaps, today } = run;
    judged.sort_by(|a, b| a.result.case.cmp(&b.result.case));
    let results: Vec<RuleResult> =
        rules::rules().iter().map(|rule| rule_result(rule, &judged, &unplayed, everything, protocols)).collect();
    let mut findings = findings(&judged, &results);
    settle_gaps(&mut gaps, &results, today, &mut findings);
    let known: BTreeSet<String> = gaps.iter().filter(|gap| gap.state == "holds").map(|gap| gap.rule.clone()).collect();
    let mut scenarios: Vec<ScenarioResult> = judged.iter().map(|judged| judged.result.clone()).collect();
    scenarios.extend(unplayed.iter().map(|(result, _)| result.clone()));
    scenarios.sort_by(|a, b| a.case.cmp(&b.case));
    let requirements = requirements(&scenarios);
    let left_out = left_out(&scenarios, &results);
    let mut summary = Summary { findings: findings.len() as u64, ..Summary::default() };
    for result in &scenarios {
        summary.cases += 1;
        match result.verdict {
            Verdict::Error => summary.error += 1,
            Verdict::Fail => summary.fail += 1,
            Verdict::Inconclusive => summary.inconclusive += 1,
            Verdict::NotApplicable => summary.not_applicable += 1,
            Verdict::NotClaimed => summary.not_claimed += 1,
            Verdict::Pass => summary.pass += 1,
            Verdict::Warning => summary.warning += 1,
        }
    }
    summary.scenarios = scenarios.iter().map(|result| result.id.as_str()).collect::<BTreeSet<_>>().len() as u64;
    summary.exit_code = exit_code(&summary, &results, &findings, &known);
    let mut exercised = Counted::new();
    for (row, times) in judged.iter().flat_map(|judged| &judged.algorithms) {
        *exercised.entry(row.clone()).or_default() += times;
    }
    Concluded {
        summary,
        requirements,
        rules: results,
        scenarios,
        findings,
        left_out,
        gaps,
        algorithms: algorithms::words(&exercised),
        exercised: algorithms::table(&exercised),
    }
}

fn mandatory(rule: &Rule) -> bool {
    matches!(rule.level, Level::M | Level::P)
}

fn rule_result(
    rule: &'static Rule,
    judged: &[Judged],
    unplayed: &[(ScenarioResult, Vec<String>)],
    everything: bool,
    protocols: &[Protocol],
) -> RuleResult {
    let all = || judged.iter().filter_map(|judged| judged.words.get(rule.id));
    let cases: Vec<RuleCase> = all().filter(|word| word.verdict != Verdict::NotApplicable).cloned().collect();
    let silent = all().filter(|word| word.verdict == Verdict::NotApplicable).count() as u64;
    let worst = cases.iter().map(|word| word.verdict).max();
    let (verdict, why) = match worst {
        Some(worst) => (worst, None),
        None => unjudged(rule, judged, unplayed, everything, protocols),
    };
    RuleResult {
        id: rule.id.to_owned(),
        slug: rule.slug.to_owned(),
        verdict,
        level: level(rule.level).to_owned(),
        severity: severity(rule).to_owned(),
        title: Bilingual::new(rule.title.ru, rule.title.en),
        requirement_ids: rule.requirements.iter().map(|id| (*id).to_owned()).collect(),
        clauses: rule.clauses.iter().map(|clause| (*clause).to_owned()).collect(),
        why,
        not_applicable_cases: silent,
        cases,
    }
}

/// A rule that judged nothing: why, and whether that may be. Silence is not a pass.
fn unjudged(
    rule: &Rule,
    judged: &[Judged],
    unplayed: &[(ScenarioResult, Vec<String>)],
    everything: bool,
    protocols: &[Protocol],
) -> (Verdict, Option<Bilingual>) {
    if !rule.protocols.iter().any(|protocol| protocols.contains(protocol)) {
        let why = Bilingual::new(
            "банк не говорит ни на одном протоколе, к которому относится правило",
            "the bank speaks none of the protocols that the rule is about",
        );
        return (Verdict::NotApplicable, Some(why));
    }
    if !everything {
        let why = Bilingual::new(
            "в выбранных сценариях правилу нечего было судить",
            "the selected scenarios gave the rule nothing to judge",
        );
        return (Verdict::NotApplicable, Some(why));
    }
    let arms: &[&str] = match &rule.judge {
        Judge::Accept(row) => row.faults,
        Judge::Refusal(row) => row.faults,
        Judge::Duty(_) | Judge::Shown(_) => &[],
    };
    let armed = |faults: &[String]| faults.iter().any(|fault| arms.contains(&fault.as_str()));
    // Its lie was told, and the rule itself says why it does not count here: a policy that the bank did not declare.
    if let Some(word) =
        judged.iter().filter(|judged| armed(&judged.faults)).find_map(|judged| judged.words.get(rule.id))
    {
        return (Verdict::NotApplicable, Some(word.message.clone()));
    }
    let serves =
        |result: &ScenarioResult| result.requirements.iter().any(|id| rule.requirements.contains(&id.as_str()));
    let unclaimed = unplayed.iter().find(|(result, faults)| {
        result.verdict == Verdict::NotClaimed && (armed(faults) || (arms.is_empty() && serves(result)))
    });
    if let Some((result, _)) = unclaimed {
        return (Verdict::NotClaimed, result.why.clone());
    }
    let fixed = unplayed.iter().find(|(result, faults)| {
        result.verdict == Verdict::NotApplicable && (armed(faults) || (arms.is_empty() && serves(result)))
    });
    if let Some((result, _)) = fixed {
        return (Verdict::NotApplicable, result.why.clone());
    }
    let why = Bilingual::new(
        "ни один сыгранный случай не дал правилу ничего, что можно судить; молчание не зачёт",
        "no case that was played gave the rule anything to judge; silence is not a pass",
    );
    (if mandatory(rule) { Verdict::Inconclusive } else { Verdict::NotApplicable }, Some(why))
}

pub(crate) const fn level(level: Level) -> &'static str {
    match level {
        Level::G => "G",
        Level::I => "I",
        Level::M => "M",
        Level::P => "P",
        Level::S => "S",
    }
}

pub(crate) const fn severity(rule: &Rule) -> &'static str {
    match rule.severity {
        rules::rule::Severity::Critical => "critical",
        rules::rule::Severity::High => "high",
        rules::rule::Severity::Low => "low",
        rules::rule::Severity::Medium => "medium",
    }
}

fn findings(judged: &[Judged], results: &[RuleResult]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for result in results {
        let Some(rule) = rules::rule(&result.id) else { continue };
        let told = |verdict: Verdict| matches!(verdict, Verdict::Fail | Verdict::Inconclusive | Verdict::Warning);
        let finding =
            |case: &str, scenario: &str, verdict: Verdict, message: Bilingual, evidence: Vec<Evidence>| Finding {
                rule_id: Some(rule.id.to_owned()),
                slug: Some(rule.slug.to_owned()),
                scenario_id: scenario.to_owned(),
                case: case.to_owned(),
                verdict,
                severity: severity(rule).to_owned(),
                message,
                evidence,
                advice: Bilingual::new(rule.advice.ru, rule.advice.en),
            };
        for word in result.cases.iter().filter(|word| told(word.verdict)) {
            let scenario = word.case.split(['[', '/']).next().unwrap_or(&word.case);
            findings.push(finding(&word.case, scenario, word.verdict, word.message.clone(), word.evidence.clone()));
        }
        if result.cases.is_empty() && told(result.verdict) {
            let why = result.why.clone().unwrap_or_default();
            findings.push(finding("", "", result.verdict, why, Vec::new()));
        }
    }
    findings.extend(judged.iter().flat_map(|judged| judged.unmet.iter().cloned()));
    let weight = |finding: &Finding| {
        let severity = ["critical", "high", "medium", "low"].iter().position(|word| *word == finding.severity);
        (
            std::cmp::Reverse(finding.verdict),
            severity,
            finding.rule_id.is_none(),
            finding.rule_id.clone(),
            finding.case.clone(),
        )
    };
    findings.sort_by_key(weight);
    findings
}

/// Known gaps are strict: one that passes, or whose day is over, is a finding too.
fn settle_gaps(gaps: &mut [KnownGap], results: &[RuleResult], today: contract::time::Day, findings: &mut Vec<Finding>) {
    for gap in gaps {
        let Some(rule) = rules::rule(&gap.rule) else { continue };
        gap.rule = rule.id.to_owned();
        let verdict = results.iter().find(|result| result.id == rule.id).map(|result| result.verdict);
        let over = gap.until.as_ref().and_then(|day| day.parse().ok()).is_some_and(|until| today > until);
        let failing = matches!(verdict, Some(Verdict::Fail | Verdict::Inconclusive | Verdict::Warning));
        let (state, message) = match (failing, over, verdict) {
            (true, false, _) => ("holds", None),
            (true, true, _) => (
                "overdue",
                Some(Bilingual::new(
                    format!("Срок известного пробела {} истёк, а он не устранён", rule.id),
                    format!("The known gap {} has run out and is still there", rule.id),
                )),
            ),
            (false, _, Some(Verdict::Pass)) => (
                "passes",
                Some(Bilingual::new(
                    format!("Известный пробел {} больше не пробел: правило пройдено", rule.id),
                    format!("The known gap {} is none any more: the rule passes", rule.id),
                )),
            ),
            _ => ("not judged", None),
        };
        state.clone_into(&mut gap.state);
        if let Some(message) = message {
            findings.push(Finding {
                rule_id: Some(rule.id.to_owned()),
                slug: Some(rule.slug.to_owned()),
                scenario_id: String::new(),
                case: String::new(),
                verdict: Verdict::Fail,
                severity: "low".to_owned(),
                message,
                evidence: Vec::new(),
                advice: Bilingual::new("Исправьте `known_gaps` в файле банка.", "Mend `known_gaps` in the bank file."),
            });
        }
    }
}

fn requirements(scenarios: &[ScenarioResult]) -> Vec<RequirementResult> {
    let mut cases: BTreeMap<&str, Vec<&ScenarioResult>> = BTreeMap::new();
    for result in scenarios {
        for id in &result.requirements {
            cases.entry(id).or_default().push(result);
        }
    }
    rules::requirements()
        .iter()
        .filter_map(|row| {
            let cases = cases.get(row.id.as_str())?;
            let played =
                |result: &&&ScenarioResult| !matches!(result.verdict, Verdict::NotApplicable | Verdict::NotClaimed);
            let verdict = cases
                .iter()
                .filter(played)
                .map(|result| result.verdict)
                .max()
                .or_else(|| cases.iter().map(|result| result.verdict).min())?;
            Some(RequirementResult {
                id: row.id.clone(),
                verdict,
                cases: cases.iter().map(|result| result.case.clone()).collect(),
            })
        })
        .collect()
}

fn left_out(scenarios: &[ScenarioResult], results: &[RuleResult]) -> Vec<LeftOut> {
    let unplayed = scenarios
        .iter()
        .filter(|result| matches!(result.verdict, Verdict::NotApplicable | Verdict::NotClaimed | Verdict::Error))
        .map(|result| LeftOut {
            what: result.case.clone(),
            verdict: result.verdict,
            why: result.why.clone().unwrap_or_default(),
        });
    let unjudged = results.iter().filter(|result| result.cases.is_empty()).map(|result| LeftOut {
        what: format!("{} {}", result.id, result.slug),
        verdict: result.verdict,
        why: result.why.clone().unwrap_or_default(),
    });
    unplayed.chain(unjudged).collect()
}

/// The contract's exit code: 2 for an error of the suite's own, 1 for anything found, 0 otherwise.
fn exit_code(summary: &Summary, results: &[RuleResult], findings: &[Finding], known: &BTreeSet<String>) -> u8 {
    if summary.error > 0 {
        return 2;
    }
    let failed = findings.iter().any(|finding| {
        finding.verdict == Verdict::Fail && !finding.rule_id.as_ref().is_some_and(|id| known.contains(id))
    });
    let unproved = results
        .iter()
        .any(|result| result.verdict == Verdict::Inconclusive && matches!(result.level.as_str(), "M" | "P"));
    // A case without a verdict of its own is not proved either.
    let open = summary.inconclusive > 0 && results.iter().all(|result| result.cases.is_empty());
    u8::from(failed || unproved || open)
}

/// The bank file's gaps, for the report.
pub(crate) fn gaps(profile: &Profile) -> Vec<KnownGap> {
    profile
        .known_gaps
        .iter()
        .map(|gap| KnownGap {
            rule: gap.rule.value.clone(),
            reason: gap.reason.clone(),
            until: gap.until.as_ref().map(|until| until.value.clone()),
            state: String::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn result(case: &str, verdict: Verdict) -> ScenarioResult {
        ScenarioResult {
            id: case.split(['[', '/']).next().unwrap().to_owned(),
            case: case.to_owned(),
            row: None,
            title: Bilingual::default(),
            protocol: "oidc".to_owned(),
            requirements: vec!["IDN-1".to_owned()],
            verdict,
            why: None,
            duration_ms: 1,
            steps: Vec::new(),
            trace: None,
            trace_sha256: None,
            calls: BTreeMap::new(),
            reached: Default::default(),
        }
    }

    fn empty_trace() -> Trace {
        Trace {
            schema: String::new(),
            case: rules::trace::Case {
                id: "a/oidc".to_owned(),
                scenario: "a".to_owned(),
                row: None,
                protocol: Protocol::Oidc,
                seed: 1,
                requirements: Vec::new(),
            },
            bank: Default::default(),
            portal: Default::default(),
            people: Vec::new(),
            events: Vec::new(),
            twin: None,
            alive: None,
            unmet: Vec::new(),
        }
    }

    #[test]
    fn a_bank_that_calls_nobody_passes_no_rule() {
        let judged = judge(&empty_trace(), result("a/oidc", Verdict::Pass), Vec::new());
        assert!(judged.words.values().all(|word| word.verdict != Verdict::Pass));
        assert_ne!(judged.result.verdict, Verdict::Pass);
    }

    #[test]
    fn silence_of_a_mandatory_rule_is_no_pass_and_exits_with_one() {
        let judged = vec![judge(&empty_trace(), result("a/oidc", Verdict::Pass), Vec::new())];
        let today = contract::time::Day::new(2026, 11, 22).unwrap();
        let run =
            Run { judged, unplayed: Vec::new(), everything: true, protocols: &Protocol::ALL, gaps: Vec::new(), today };
        let concluded = conclude(run);
        for rule in concluded.rules.iter().filter(|rule| rule.level == "M") {
            assert_eq!(rule.verdict, Verdict::Inconclusive, "{}", rule.id);
        }
        assert_eq!(concluded.summary.exit_code, 1);
    }

    #[test]
    fn what_is_not_claimed_does_not_fail_a_requirement() {
        let rows = requirements(&[result("a/oidc", Verdict::NotClaimed), result("b/oidc", Verdict::Pass)]);
        assert_eq!(rows[0].verdict, Verdict::Pass);
        let rows = requirements(&[result("a/oidc", Verdict::NotClaimed)]);
        assert_eq!(rows[0].verdict, Verdict::NotClaimed);
    }

    #[test]
    fn the_worst_case_decides() {
        let rows = requirements(&[result("a/oidc", Verdict::Warning), result("b/oidc", Verdict::Inconclusive)]);
        assert_eq!(rows[0].verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_known_gap_that_passes_is_reported() {
        let Some(rule) = rules::rules().iter().find(|rule| rule.level == Level::S) else { return };
        let results = vec![RuleResult {
            id: rule.id.to_owned(),
            slug: rule.slug.to_owned(),
            verdict: Verdict::Pass,
            level: "S".to_owned(),
            severity: "low".to_owned(),
            title: Bilingual::default(),
            requirement_ids: Vec::new(),
            clauses: Vec::new(),
            why: None,
            not_applicable_cases: 0,
            cases: Vec::new(),
        }];
        let mut gaps =
            vec![KnownGap { rule: rule.id.to_owned(), reason: String::new(), until: None, state: String::new() }];
        let mut findings = Vec::new();
        settle_gaps(&mut gaps, &results, contract::time::Day::new(2026, 1, 1).unwrap(), &mut findings);
        assert_eq!(gaps[0].state, "passes");
        assert_eq!(findings.len(), 1);
    }
}
