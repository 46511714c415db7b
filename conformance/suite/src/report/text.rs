//! The report in the terminal: short, aligned, worst first. Colour only when the caller asks.

use std::fmt::Write as _;
use std::path::Path;

use rules::finding::Verdict;

use super::digest::{self, Group};
use super::model::Report;
use super::plain::line;

/// Findings told one by one in the short form.
const TOLD: usize = 12;
/// Width that messages are cut to in the short form.
const WIDTH: usize = 100;

/// How a report is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look<'a> {
    /// Paint verdicts; for a terminal without `NO_COLOR`.
    pub colour: bool,
    /// Where the report lies, to be named.
    pub folder: Option<&'a Path>,
    /// Everything: uncut findings with evidence and advice, requirements, what was left out.
    pub full: bool,
}

impl Report {
    /// The summary, plain.
    pub fn text(&self) -> String {
        self.told(&Look::default())
    }

    /// The summary as asked.
    pub fn told(&self, look: &Look<'_>) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = tell(self, look, &mut text);
        text
    }
}

fn tell(report: &Report, look: &Look<'_>, out: &mut String) -> std::fmt::Result {
    let bank = &report.bank;
    writeln!(
        out,
        "{} {} · {} {} · {} · seed {} · {}",
        report.tool.name,
        report.tool.version,
        line(&bank.name, 60),
        line(&bank.version, 30),
        bank.protocols.join(", "),
        report.run.seed,
        duration(report.run.duration_ms),
    )?;
    writeln!(out)?;
    writeln!(out, "  {}", paint(overall(report), &line(&digest::sentence(report).en, 400), look))?;
    writeln!(out)?;
    counts(out, "cases", report.summary.cases, &digest::cases(report), look)?;
    let rules = digest::tally(report.rules.iter().map(|rule| rule.verdict));
    counts(out, "rules", report.rules.len() as u64, &rules, look)?;
    let rows = digest::tally(report.requirements.iter().map(|row| row.verdict));
    counts(out, "requirements", report.requirements.len() as u64, &rows, look)?;
    if let Some(keys) = digest::signed_with(report) {
        writeln!(out, "  {:<12}         {}", "signed with", line(&keys, 200))?;
    }

    let groups = digest::groups(report);
    let told = if look.full { groups.len() } else { TOLD };
    if !groups.is_empty() {
        writeln!(out)?;
    }
    for group in groups.iter().take(told) {
        if look.full { whole(out, group, look)? } else { brief(out, group, look)? }
    }
    if groups.len() > told {
        writeln!(out, "  … and {} more", groups.len() - told)?;
    }
    if look.full {
        requirements(out, report, look)?;
        algorithms(out, report)?;
        left_out(out, report, look)?;
    }
    if let Some(folder) = look.folder {
        writeln!(out)?;
        writeln!(out, "  report: {}", folder.join("report.html").display())?;
    }
    Ok(())
}

fn overall(report: &Report) -> Verdict {
    match report.summary.exit_code {
        0 => Verdict::Pass,
        1 => Verdict::Fail,
        _ => Verdict::Error,
    }
}

fn counts(out: &mut String, what: &str, all: u64, parts: &[(Verdict, u64)], look: &Look<'_>) -> std::fmt::Result {
    let parts: Vec<String> = parts
        .iter()
        .map(|(verdict, count)| paint(*verdict, &format!("{} {count}", digest::word(*verdict).en), look))
        .collect();
    writeln!(out, "  {what:<12} {all:>5}   {}", parts.join(" · "))
}

fn brief(out: &mut String, group: &Group<'_>, look: &Look<'_>) -> std::fmt::Result {
    let times = if group.findings.len() > 1 { format!(" (×{})", group.findings.len()) } else { String::new() };
    let message = group.findings.first().map_or("", |finding| finding.message.en.as_str());
    let known = if group.gap.is_some() { "known gap: " } else { "" };
    writeln!(
        out,
        "  {} {:<8} {:<10} {known}{}{times}",
        paint(group.verdict, &format!("{:<12}", digest::word(group.verdict).en), look),
        group.severity,
        line(group.id, 40),
        line(message, WIDTH),
    )
}

fn whole(out: &mut String, group: &Group<'_>, look: &Look<'_>) -> std::fmt::Result {
    let verdict = paint(group.verdict, digest::word(group.verdict).en.as_str(), look);
    let title = group.rule.map_or("expectations of the scenario", |rule| rule.title.en.as_str());
    let name = line(&format!("{} {}", group.id, group.slug), 140);
    writeln!(out, "  {verdict} · {} · {name} · {}", group.severity, line(title, 200))?;
    if let Some(gap) = group.gap {
        writeln!(out, "    known gap: {}", line(&gap.reason, 200))?;
    }
    for finding in &group.findings {
        let case = if finding.case.is_empty() { "the whole run" } else { &finding.case };
        writeln!(out, "    {} · {}", line(case, 120), line(&finding.message.en, 2_000))?;
        for evidence in &finding.evidence {
            writeln!(out, "      {:<14} {}", line(&evidence.at, 80), line(&evidence.seen, 400))?;
        }
    }
    let advice = group.findings.first().map_or("", |finding| finding.advice.en.as_str());
    if !advice.is_empty() {
        writeln!(out, "    → {}", line(advice, 2_000))?;
    }
    writeln!(out)
}

fn requirements(out: &mut String, report: &Report, look: &Look<'_>) -> std::fmt::Result {
    writeln!(out, "  requirements")?;
    for row in &report.requirements {
        let title =
            rules::requirements().iter().find(|known| known.id == row.id).map_or("", |known| known.title.en.as_str());
        let word = paint(row.verdict, &format!("{:<14}", digest::word(row.verdict).en), look);
        writeln!(out, "    {:<6} {word} {:>4} cases  {title}", line(&row.id, 20), row.cases.len())?;
    }
    let untested: Vec<&str> = digest::untested(report).iter().map(|row| row.id.as_str()).collect();
    if !untested.is_empty() {
        writeln!(out, "    not tested, since no case of this run cites them: {}", untested.join(" "))?;
    }
    Ok(())
}

fn algorithms(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.algorithms.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    writeln!(out, "  algorithms exercised")?;
    for row in &report.algorithms {
        let used_for = digest::used_for(&row.used_for).en;
        let parts = [&row.key, &row.parameters, &row.signature, &row.digest].map(|part| line(part, 120));
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        writeln!(
            out,
            "    {:<8} {:<41} {} ×{}",
            line(&row.protocol, 20),
            line(&used_for, 60),
            parts.join(" · "),
            row.times,
        )?;
        if let Some(why) = &row.why {
            writeln!(out, "             {}", line(&why.en, 300))?;
        }
    }
    Ok(())
}

fn left_out(out: &mut String, report: &Report, look: &Look<'_>) -> std::fmt::Result {
    let groups = digest::left_out(report);
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    writeln!(out, "  left out")?;
    for (verdict, why, list) in groups {
        let word = paint(verdict, digest::word(verdict).en.as_str(), look);
        writeln!(out, "    {word}: {}", line(&why.en, 400))?;
        for what in list {
            writeln!(out, "      {}", line(what, 160))?;
        }
    }
    Ok(())
}

/// `24.1 s`, `3 min 05 s`.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    if seconds < 60 {
        format!("{seconds}.{} s", ms % 1_000 / 100)
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

fn paint(verdict: Verdict, text: &str, look: &Look<'_>) -> String {
    if !look.colour {
        return text.to_owned();
    }
    let colour = match verdict {
        Verdict::Error => 35,
        Verdict::Fail => 31,
        Verdict::Inconclusive | Verdict::Warning => 33,
        Verdict::NotApplicable | Verdict::NotClaimed => 2,
        Verdict::Pass => 32,
    };
    format!("\u{1b}[{colour}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_summary_is_short_and_worst_first() {
        insta::assert_snapshot!(sample::report().told(&Look { folder: Some(Path::new("out")), ..Look::default() }));
    }

    #[test]
    fn the_full_text_holds_evidence_advice_and_what_was_left_out() {
        insta::assert_snapshot!(sample::report().told(&Look { full: true, ..Look::default() }));
    }

    #[test]
    fn colour_comes_only_when_asked() {
        let report = sample::report();
        assert!(!report.text().contains('\u{1b}'));
        assert!(report.told(&Look { colour: true, ..Look::default() }).contains("\u{1b}[31m"));
    }

    #[test]
    fn many_findings_are_counted_rather_than_told() {
        let mut report = sample::report();
        let one = report.findings[0].clone();
        report.findings =
            (0..30).map(|n| super::super::model::Finding { rule_id: Some(format!("X-{n}")), ..one.clone() }).collect();
        assert!(report.text().contains("… and 18 more"));
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        assert_eq!(duration(24_180), "24.1 s");
        assert_eq!(duration(185_000), "3 min 05 s");
    }
}
