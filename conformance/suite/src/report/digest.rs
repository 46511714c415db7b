//! What every reader of a report asks of it: findings put together by rule, counts, the verdict in one sentence.

use std::collections::{BTreeMap, BTreeSet};

use rules::finding::Verdict;
use sha2::{Digest, Sha256};

use super::model::{AlgorithmUse, Bilingual, Finding, KnownGap, LeftOut, Report, RuleResult};

/// Worst first, as tables and counts are read.
pub(crate) const WORDS: [Verdict; 7] = [
    Verdict::Error,
    Verdict::Fail,
    Verdict::Inconclusive,
    Verdict::Warning,
    Verdict::Pass,
    Verdict::NotClaimed,
    Verdict::NotApplicable,
];

/// Findings of one rule, or of the expectations of one scenario.
#[derive(Clone, Debug)]
pub(crate) struct Group<'a> {
    /// Rule id, or the scenario's id.
    pub(crate) id: &'a str,
    /// Absent for a scenario's own expectations, and for a rule that the report does not list.
    pub(crate) rule: Option<&'a RuleResult>,
    pub(crate) by_rule: bool,
    pub(crate) slug: &'a str,
    pub(crate) verdict: Verdict,
    pub(crate) severity: &'a str,
    /// The bank announced this one, and it holds.
    pub(crate) gap: Option<&'a KnownGap>,
    pub(crate) findings: Vec<&'a Finding>,
}

impl Group<'_> {
    /// Decides over the whole run. A known gap, a warning, and what no binding rule left open do not.
    pub(crate) fn counts(&self) -> bool {
        match self.verdict {
            Verdict::Error => true,
            Verdict::Fail => self.gap.is_none(),
            Verdict::Inconclusive => self.rule.is_none_or(|rule| binding(&rule.level)),
            Verdict::NotApplicable | Verdict::NotClaimed | Verdict::Pass | Verdict::Warning => false,
        }
    }
}

/// What an algorithm was used for, in words.
pub(crate) fn used_for(word: &str) -> Bilingual {
    let (ru, en) = match word {
        "access_token" => ("маркер доступа (портал)", "access token (portal)"),
        "bank_tls" => ("TLS: сертификат сервера банка", "TLS: certificate of the bank’s server"),
        "certificate_hash" => ("отпечаток сертификата (банк)", "certificate hash (bank)"),
        "client_assertion" => ("утверждение клиента (банк)", "client assertion (bank)"),
        "client_tls" => ("TLS: клиентский сертификат банка", "TLS: certificate of the bank as a client"),
        "id_token" => ("маркер идентификации (портал)", "ID token (portal)"),
        "portal_tls" => ("TLS: сертификат портала", "TLS: certificate of the portal"),
        "request_signature" => ("подпись запроса (банк)", "signature of a request (bank)"),
        "web_hook" => ("подпись уведомления (портал)", "signature of a notice (portal)"),
        other => (other, other),
    };
    Bilingual::new(ru, en)
}

/// The bank's own key and that of its connections, in one line; nothing where nothing was signed.
pub(crate) fn signed_with(report: &Report) -> Option<String> {
    let keys = |wanted: &[&str], full: bool| {
        let rows = report.algorithms.iter().filter(|row| wanted.contains(&row.used_for.as_str()));
        let name = |row: &AlgorithmUse| match (full, row.parameters.as_str()) {
            (false, _) | (true, "") => row.key.clone(),
            (true, parameters) => format!("{} {parameters}", row.key),
        };
        rows.map(name).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
    };
    let own = keys(&["client_assertion", "request_signature"], true);
    let tls = keys(&["bank_tls", "client_tls", "portal_tls"], false);
    let tls = if tls.is_empty() { String::new() } else { format!("; TLS {tls}") };
    (!own.is_empty()).then(|| format!("{own}{tls}"))
}

/// Levels whose breach fails a bank.
pub(crate) fn binding(level: &str) -> bool {
    matches!(level, "M" | "P")
}

/// Findings by rule, worst first.
pub(crate) fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in &report.findings {
        let by_rule = finding.rule_id.is_some();
        let id = finding.rule_id.as_deref().unwrap_or(&finding.scenario_id);
        match groups.iter_mut().find(|group| group.id == id && group.by_rule == by_rule) {
            Some(group) => {
                group.verdict = group.verdict.max(finding.verdict);
                group.findings.push(finding);
            }
            None => groups.push(Group {
                id,
                rule: report.rules.iter().find(|rule| by_rule && rule.id == id),
                by_rule,
                slug: finding.slug.as_deref().unwrap_or_default(),
                verdict: finding.verdict,
                severity: &finding.severity,
                gap: report.bank.known_gaps.iter().find(|gap| by_rule && gap.rule == id && gap.state == "holds"),
                findings: vec![finding],
            }),
        }
    }
    let weight = |group: &Group<'_>| {
        let severity = ["critical", "high", "medium", "low"].iter().position(|word| *word == group.severity);
        (!group.counts(), std::cmp::Reverse(group.verdict), severity.unwrap_or(9), !group.by_rule)
    };
    groups.sort_by_key(weight);
    groups
}

/// How many of each word, worst first, words that do not occur left out.
pub(crate) fn tally(verdicts: impl Iterator<Item = Verdict>) -> Vec<(Verdict, u64)> {
    let mut counts: BTreeMap<Verdict, u64> = BTreeMap::new();
    for verdict in verdicts {
        *counts.entry(verdict).or_default() += 1;
    }
    WORDS.iter().filter_map(|word| counts.get(word).map(|count| (*word, *count))).collect()
}

/// Cases by verdict.
pub(crate) fn cases(report: &Report) -> Vec<(Verdict, u64)> {
    let of = &report.summary;
    let count = |verdict: Verdict| match verdict {
        Verdict::Error => of.error,
        Verdict::Fail => of.fail,
        Verdict::Inconclusive => of.inconclusive,
        Verdict::NotApplicable => of.not_applicable,
        Verdict::NotClaimed => of.not_claimed,
        Verdict::Pass => of.pass,
        Verdict::Warning => of.warning,
    };
    WORDS.iter().map(|word| (*word, count(*word))).filter(|(_, count)| *count > 0).collect()
}

/// What was left out, put together by verdict and reason.
pub(crate) fn left_out(report: &Report) -> Vec<(Verdict, &Bilingual, Vec<&str>)> {
    let mut groups: Vec<(Verdict, &Bilingual, Vec<&str>)> = Vec::new();
    for LeftOut { what, verdict, why } in &report.left_out {
        match groups.iter_mut().find(|(word, reason, _)| word == verdict && *reason == why) {
            Some((_, _, list)) => list.push(what),
            None => groups.push((*verdict, why, vec![what])),
        }
    }
    groups.sort_by_key(|(verdict, ..)| WORDS.iter().position(|word| word == verdict));
    groups
}

/// Requirements that no case of the run cites.
pub(crate) fn untested(report: &Report) -> Vec<&'static rules::Requirement> {
    let tested: BTreeSet<&str> = report.requirements.iter().map(|row| row.id.as_str()).collect();
    rules::requirements().iter().filter(|row| !tested.contains(row.id.as_str())).collect()
}

/// The rule book that judged: how many rules, and a fingerprint that changes with any id, name or level.
pub(crate) fn rule_book(report: &Report) -> String {
    let rows = report.rules.iter().map(|rule| (rule.id.as_str(), rule.slug.as_str(), rule.level.as_str()));
    fingerprint(rows)
}

/// `105 rules, sha256:3f2a…`.
pub(crate) fn fingerprint<'a>(rows: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> String {
    let mut rows: Vec<String> = rows.map(|(id, slug, level)| format!("{id} {slug} {level}\n")).collect();
    rows.sort();
    let digest = hex::encode(Sha256::digest(rows.concat()));
    format!("{} rules, sha256:{}", rows.len(), &digest[..16])
}

/// The verdict for somebody who reads nothing else.
pub(crate) fn sentence(report: &Report) -> Bilingual {
    let bank = format!("{} {}", report.bank.name, report.bank.version);
    let bank = bank.trim();
    let summary = &report.summary;
    if summary.exit_code > 1 || summary.error > 0 {
        return Bilingual::new(
            format!(
                "Вывода о банке {bank} нет: ошибся сам стенд, случаев: {}. Устраните причину и повторите прогон.",
                summary.error
            ),
            format!(
                "No verdict on {bank}: the suite itself failed, cases: {}. Mend the cause and run again.",
                summary.error
            ),
        );
    }
    let groups = groups(report);
    let (part_ru, part_en) = match report.run.selection.as_str() {
        "all" => (String::new(), String::new()),
        part => (format!("В проверенной части ({part}): "), format!("In the part that was tested ({part}): ")),
    };
    let mut ru = Vec::new();
    let mut en = Vec::new();
    let mut say = |count: usize, russian: &str, english: &str| {
        if count > 0 {
            ru.push(format!("{russian}: {count}"));
            en.push(format!("{english}: {count}"));
        }
    };
    let deciding = |verdict: Verdict, by_rule: bool| {
        groups.iter().filter(move |group| group.counts() && group.verdict == verdict && group.by_rule == by_rule)
    };
    if summary.exit_code == 1 {
        let broken = deciding(Verdict::Fail, true).count();
        let critical = deciding(Verdict::Fail, true).filter(|group| group.severity == "critical").count();
        say(broken, "нарушено правил", "rules broken");
        say(critical, "из них критических", "of them critical");
        say(
            deciding(Verdict::Fail, false).count(),
            "не выполнены ожидания сценариев",
            "scenarios whose expectations do not hold",
        );
        say(
            deciding(Verdict::Inconclusive, true).count(),
            "не доказано обязательных правил",
            "binding rules not proved",
        );
        let (ru, en) = (ru.join(", "), en.join(", "));
        let proved = deciding(Verdict::Fail, true).next().is_some() || deciding(Verdict::Fail, false).next().is_some();
        return if proved {
            Bilingual::new(
                format!("{part_ru}{bank} не соответствует требованиям ({ru})."),
                format!("{part_en}{bank} does not conform ({en})."),
            )
        } else {
            let (ru, en) = if ru.is_empty() {
                ("вывод не получен".into(), "no verdict was reached".into())
            } else {
                (ru, en)
            };
            Bilingual::new(
                format!("{part_ru}соответствие {bank} не доказано ({ru})."),
                format!("{part_en}that {bank} conforms is not proved ({en})."),
            )
        };
    }
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    say(count(summary.pass), "пройдено случаев", "cases passed");
    say(
        groups.iter().filter(|group| group.verdict == Verdict::Warning).count(),
        "правил с замечаниями",
        "rules with warnings",
    );
    say(groups.iter().filter(|group| group.gap.is_some()).count(), "известных пробелов", "known gaps");
    say(count(summary.not_claimed), "случаев вне заявленного банком", "cases outside what the bank claims");
    let (ru, en) = (ru.join(", "), en.join(", "));
    Bilingual::new(
        format!("{part_ru}{bank} соответствует требованиям во всём, что было проверено ({ru})."),
        format!("{part_en}{bank} conforms in all that was tested ({en})."),
    )
}

/// The contract's word in both languages.
pub(crate) fn word(verdict: Verdict) -> Bilingual {
    match verdict {
        Verdict::Error => Bilingual::new("ошибка стенда", "error of the suite"),
        Verdict::Fail => Bilingual::new("нарушено", "fail"),
        Verdict::Inconclusive => Bilingual::new("не доказано", "inconclusive"),
        Verdict::NotApplicable => Bilingual::new("неприменимо", "not applicable"),
        Verdict::NotClaimed => Bilingual::new("не заявлено", "not claimed"),
        Verdict::Pass => Bilingual::new("пройдено", "pass"),
        Verdict::Warning => Bilingual::new("замечание", "warning"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn findings_of_one_rule_stand_together_worst_rule_first() {
        let report = sample::report();
        let order: Vec<(&str, usize)> = groups(&report).iter().map(|group| (group.id, group.findings.len())).collect();
        assert_eq!(order, [("IDT-01", 2), ("debt-paid", 1), ("TOK-09", 1), ("POLL-07", 1), ("REQ-30", 1)]);
    }

    #[test]
    fn a_known_gap_that_holds_does_not_count() {
        let report = sample::report();
        let groups = groups(&report);
        let gap = groups.iter().find(|group| group.id == "POLL-07").unwrap();
        assert!(gap.gap.is_some() && !gap.counts());
    }

    #[test]
    fn the_sentence_says_what_decided() {
        let mut report = sample::report();
        assert_eq!(
            sentence(&report).en,
            "Example <Bank> 1.4.2 does not conform (rules broken: 1, of them critical: 1, scenarios whose expectations do \
             not hold: 1, binding rules not proved: 1)."
        );
        report.findings.retain(|finding| finding.verdict == Verdict::Inconclusive);
        assert!(sentence(&report).en.contains("is not proved (binding rules not proved: 1)."));
        report.findings.clear();
        report.summary = sample::clean_summary();
        assert!(sentence(&report).en.contains("conforms in all that was tested (cases passed: 3"));
        report.run.selection = "tag: smoke".to_owned();
        assert!(sentence(&report).ru.starts_with("В проверенной части (tag: smoke): "));
        report.summary.error = 1;
        report.summary.exit_code = 2;
        assert!(sentence(&report).en.starts_with("No verdict"));
    }

    #[test]
    fn the_fingerprint_does_not_depend_on_the_order() {
        let rows = [("A-1", "one", "M"), ("B-1", "two", "S")];
        assert_eq!(fingerprint(rows.into_iter()), fingerprint(rows.into_iter().rev()));
        assert_ne!(fingerprint(rows.into_iter()), fingerprint(rows.into_iter().take(1)));
    }
}
