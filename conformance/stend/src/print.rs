//! The text and JSON forms of the rule book and of the list of broken variants.

use std::io::Write;

use rules::rule::{Level, Rule};
use serde::Serialize;
use serde_json::{Value, json};

/// Prints to standard output; a closed pipe is no error of ours.
pub(crate) fn out(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
}

pub(crate) fn json(value: &impl Serialize) {
    out(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Slugs of the broken variants that a rule must catch.
fn broken_banks(rule: &Rule) -> Vec<&'static str> {
    bank::defects().iter().filter(|defect| defect.breaks.contains(&rule.id)).map(|defect| defect.slug).collect()
}

pub(crate) fn rules_json() -> Value {
    rules::rules()
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id, "slug": rule.slug, "level": rule.level, "clauses": rule.clauses,
                "requirement_ids": rule.requirements, "severity": rule.severity,
                "title": { "ru": rule.title.ru, "en": rule.title.en },
                "advice": { "ru": rule.advice.ru, "en": rule.advice.en },
                "broken_banks": broken_banks(rule),
            })
        })
        .collect()
}

pub(crate) fn rules_text() -> String {
    let mut text = String::new();
    for rule in rules::rules() {
        text.push_str(&format!("{:9} {:?} {:42} {}\n", rule.id, rule.level, rule.slug, rule.title.en));
    }
    text.push_str(&format!("{} rules; `stend explain ID` tells one in full\n", rules::rules().len()));
    text
}

pub(crate) fn defects_json() -> Value {
    bank::defects()
        .iter()
        .map(|defect| json!({ "slug": defect.slug, "breaks": defect.breaks, "relatives": defect.relatives }))
        .collect()
}

pub(crate) fn defects_text() -> String {
    let rows = bank::defects();
    let mut text = String::new();
    for defect in rows {
        text.push_str(&format!("{:50} {:20} {}\n", defect.slug, defect.breaks.join(" "), defect.about));
    }
    text.push_str(&format!("{} broken variants; `stend certify --defect NAME` shows one caught\n", rows.len()));
    text
}

pub(crate) fn scenarios_text(rows: &[suite::scenario::Listed]) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&format!("{:36} {:44} {}\n", row.id, row.file, row.title["en"].as_str().unwrap_or_default()));
    }
    text.push_str(&format!("{} scenarios\n", rows.len()));
    text
}

/// Names the nearest ids, so that a slip of the finger costs nothing.
pub(crate) fn unknown_rule(asked: &str) -> String {
    let theme = asked.split('-').next().unwrap_or_default().to_uppercase();
    let near: Vec<&str> =
        rules::rules().iter().map(|rule| rule.id).filter(|id| id.starts_with(&theme)).take(12).collect();
    let hint =
        if near.is_empty() { "`stend rules` lists them".to_owned() } else { format!("near: {}", near.join(" ")) };
    format!("find the rule {asked:?}; {hint}")
}

pub(crate) fn explain(rule: &Rule, lang: Option<&str>) -> String {
    let level = match rule.level {
        Level::G => "G: good practice",
        Level::I => "I: recorded, not judged",
        Level::M => "M: required by the cited text or by law",
        Level::P => "P: required by the profile or the portal's protocol",
        Level::S => "S: recommended by the cited text",
    };
    let mut text = format!(
        "{} · {}\nlevel {level}; severity {:?}\nclauses: {}\nrequirements: {}\nbroken variants: {}\n",
        rule.id,
        rule.slug,
        rule.severity,
        rule.clauses.join("; "),
        rule.requirements.join(", "),
        broken_banks(rule).join(", "),
    );
    for (code, heads) in [
        ("en", ["What is required", "Why", "What is looked at", "How to mend it"]),
        ("ru", ["Что требуется", "Зачем", "На что смотрит правило", "Как исправить"]),
    ] {
        if lang.is_some_and(|wanted| wanted != code) {
            continue;
        }
        let parts = [rule.title, rule.why, rule.looked_at, rule.advice];
        for (head, part) in heads.iter().zip(parts) {
            let body = if code == "ru" { part.ru } else { part.en };
            text.push_str(&format!("\n{head}\n  {body}\n"));
        }
    }
    text
}
