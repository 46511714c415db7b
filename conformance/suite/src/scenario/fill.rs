//! `{name}` in texts: cells of a row, citizens, saved answers. A text that is nothing but one `{…}` takes the value as it
//! is (a number stays a number); inside a longer text it is written out. `{{` is a brace.

use serde_json::{Map, Value};

use super::model::{Expect, Step, Text};

/// What a `{…}` names: a first word and the way from there (`items[0].uin` → `items`, `0`, `uin`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) root: String,
    pub(crate) way: Vec<String>,
}

enum Part<'a> {
    Plain(&'a str),
    Name(&'a str),
    /// `{{`.
    Brace,
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (plain, from) = rest.split_at(open);
        if !plain.is_empty() {
            parts.push(Part::Plain(plain));
        }
        if let Some(after) = from.strip_prefix("{{") {
            parts.push(Part::Brace);
            rest = after;
            continue;
        }
        let Some(close) = from.find('}') else {
            parts.push(Part::Plain(from));
            return parts;
        };
        let name = &from[1..close];
        let is_name = !name.is_empty()
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']'))
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        parts.push(if is_name { Part::Name(name) } else { Part::Plain(&from[..=close]) });
        rest = &from[close + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Plain(rest));
    }
    parts
}

/// The names used in a text.
pub(crate) fn names(text: &str) -> Vec<Name> {
    parts(text)
        .into_iter()
        .filter_map(|part| match part {
            Part::Name(name) => Some(parse_name(name)),
            Part::Plain(_) | Part::Brace => None,
        })
        .collect()
}

pub(crate) fn parse_name(name: &str) -> Name {
    let mut words = name.split(['.', '[', ']']).filter(|word| !word.is_empty()).map(str::to_owned);
    Name { root: words.next().unwrap_or_default(), way: words.collect() }
}

/// Where names lead. `None` leaves the text as it is, for a later filling.
pub(crate) type Find<'a> = &'a dyn Fn(&Name) -> Option<Value>;

/// Where names lead, and whether the text is filled once more afterwards: then `{{` must wait, or the next filling would
/// take the one brace left of it for the beginning of a name.
#[derive(Clone, Copy)]
pub(crate) struct Lookup<'a> {
    find: Find<'a>,
    is_last: bool,
}

impl<'a> Lookup<'a> {
    pub(crate) const fn first(find: Find<'a>) -> Self {
        Self { find, is_last: false }
    }

    pub(crate) const fn last(find: Find<'a>) -> Self {
        Self { find, is_last: true }
    }
}

/// Every name that a filling looks up, in its order.
pub(crate) fn wanted(filling: impl FnOnce(Lookup<'_>)) -> Vec<Name> {
    let seen = std::cell::RefCell::new(Vec::new());
    filling(Lookup::last(&|name| {
        seen.borrow_mut().push(name.clone());
        None
    }));
    seen.into_inner()
}

/// Fills every name that the lookup knows.
pub(crate) fn fill(text: &str, lookup: Lookup<'_>) -> Value {
    let parts = parts(text);
    if let [Part::Name(name)] = parts.as_slice() {
        return (lookup.find)(&parse_name(name)).unwrap_or_else(|| Value::from(text));
    }
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Plain(plain) => out.push_str(plain),
            Part::Brace => out.push_str(if lookup.is_last { "{" } else { "{{" }),
            Part::Name(name) => match (lookup.find)(&parse_name(name)) {
                Some(value) => out.push_str(&written(&value)),
                None => {
                    out.push('{');
                    out.push_str(name);
                    out.push('}');
                }
            },
        }
    }
    Value::String(out)
}

/// A value as it stands inside a text.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(crate) fn fill_value(value: &mut Value, lookup: Lookup<'_>) {
    match value {
        Value::String(text) => *value = fill(text, lookup),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_value(item, lookup)),
        Value::Object(members) => fill_map(members, lookup),
        _ => {}
    }
}

pub(crate) fn fill_map(map: &mut Map<String, Value>, lookup: Lookup<'_>) {
    map.values_mut().for_each(|value| fill_value(value, lookup));
}

pub(crate) fn fill_string(text: &mut String, lookup: Lookup<'_>) {
    *text = written(&fill(text, lookup));
}

fn fill_text(text: &mut Text, lookup: Lookup<'_>) {
    fill_string(&mut text.value, lookup);
}

/// Follows a way into a value.
pub(crate) fn follow(value: &Value, way: &[String]) -> Option<Value> {
    way.iter()
        .try_fold(value, |value, word| match value {
            Value::Array(items) => items.get(word.parse::<usize>().ok()?),
            Value::Object(members) => members.get(word),
            _ => None,
        })
        .cloned()
}

/// Everything in a step that can hold a name, so that filling and checking see the same texts.
pub(crate) fn fill_step(step: &mut Step, lookup: Lookup<'_>) {
    match step {
        Step::Attacker(step) => {
            fill_text(&mut step.act, lookup);
            [&mut step.person, &mut step.from].into_iter().flatten().for_each(|text| fill_text(text, lookup));
        }
        Step::Await(step) => {
            [&mut step.flow, &mut step.journal, &mut step.person]
                .into_iter()
                .flatten()
                .for_each(|text| fill_text(text, lookup));
            fill_words(step.outcome.as_mut().map(|words| &mut words.value.0), lookup);
        }
        Step::Bank(step) => {
            fill_text(&mut step.action, lookup);
            step.person.iter_mut().for_each(|text| fill_text(text, lookup));
            fill_map(&mut step.with, lookup);
            step.operation.iter_mut().for_each(|text| fill_string(text, lookup));
            if let Some(expect) = &mut step.expect {
                fill_words(Some(&mut expect.outcome.value.0), lookup);
                fill_words(expect.clean.as_mut().map(|words| &mut words.value.0), lookup);
                fill_words(expect.reason.as_mut().map(|words| &mut words.value.0), lookup);
            }
        }
        Step::Citizen(step) => {
            fill_text(&mut step.who, lookup);
            fill_text(&mut step.act, lookup);
            [&mut step.consent, &mut step.flow].into_iter().flatten().for_each(|text| fill_text(text, lookup));
            fill_map(&mut step.with, lookup);
            step.grant.iter_mut().flatten().for_each(|scope| fill_string(scope, lookup));
        }
        Step::Clock(step) => fill_text(&mut step.advance, lookup),
        Step::Parallel(steps) => steps.iter_mut().for_each(|step| fill_step(&mut step.value, lookup)),
        Step::Partner(step) => {
            fill_text(&mut step.call, lookup);
            [&mut step.sign, &mut step.code].into_iter().flatten().for_each(|text| fill_text(text, lookup));
            if let Some(token) = &mut step.token {
                fill_text(&mut token.person, lookup);
                fill_text(&mut token.consent, lookup);
            }
            [&mut step.form, &mut step.instead, &mut step.claims].into_iter().for_each(|map| fill_map(map, lookup));
            step.headers.values_mut().chain(step.answers.values_mut()).for_each(|text| fill_string(text, lookup));
            step.body.iter_mut().for_each(|body| fill_value(body, lookup));
            fill_value(&mut step.status, lookup);
        }
        Step::Portal(step) => {
            [&mut step.fault, &mut step.on, &mut step.when, &mut step.remove, &mut step.rotate, &mut step.act]
                .into_iter()
                .flatten()
                .for_each(|text| fill_text(text, lookup));
            fill_map(&mut step.params, lookup);
            fill_map(&mut step.with, lookup);
        }
        Step::Stranger(step) => {
            fill_text(&mut step.call, lookup);
            step.code.iter_mut().for_each(|text| fill_text(text, lookup));
            step.headers.values_mut().for_each(|text| fill_string(text, lookup));
            step.answers.values_mut().for_each(|text| fill_string(text, lookup));
            step.body.iter_mut().for_each(|body| fill_value(body, lookup));
            fill_value(&mut step.status, lookup);
        }
    }
}

fn fill_words(words: Option<&mut Vec<String>>, lookup: Lookup<'_>) {
    words.into_iter().flatten().for_each(|word| fill_string(word, lookup));
}

pub(crate) fn fill_expect(expect: &mut Expect, lookup: Lookup<'_>) {
    match expect {
        Expect::Journal(expect) => {
            fill_text(&mut expect.kind, lookup);
            expect.person.iter_mut().for_each(|text| fill_text(text, lookup));
            expect.only.values_mut().for_each(|value| fill_value(value, lookup));
        }
        Expect::Message(expect) => {
            fill_text(&mut expect.to, lookup);
            fill_string(&mut expect.has, lookup);
        }
        Expect::Probe(expect) => {
            fill_text(&mut expect.ask, lookup);
            [&mut expect.person, &mut expect.consent].into_iter().flatten().for_each(|text| fill_text(text, lookup));
            fill_value(&mut expect.is, lookup);
        }
        Expect::Value(expect) => {
            fill_text(&mut expect.of, lookup);
            fill_text(&mut expect.path, lookup);
            fill_value(&mut expect.is, lookup);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOOKUP: Lookup<'static> = Lookup::last(&lookup);

    fn lookup(name: &Name) -> Option<Value> {
        let known = json!({"debts": {"items": [{"uin": "17", "amount": 1250}]}, "anna": {"oid": 7}});
        follow(known.get(&name.root)?, &name.way)
    }

    #[test]
    fn a_lone_name_keeps_its_type() {
        assert_eq!(fill("{debts.items[0].amount}", LOOKUP), json!(1250));
        assert_eq!(fill("{debts.items[0].uin}", LOOKUP), json!("17"));
    }

    #[test]
    fn a_name_inside_a_text_is_written_out() {
        assert_eq!(fill("oid={anna.oid}!", LOOKUP), json!("oid=7!"));
    }

    #[test]
    fn what_is_unknown_or_no_name_stays() {
        assert_eq!(fill("{boris.oid} and {}", LOOKUP), json!("{boris.oid} and {}"));
        assert_eq!(fill("{{anna.oid}", LOOKUP), json!("{anna.oid}"));
    }

    #[test]
    fn a_doubled_brace_outlives_the_filling_of_the_rows() {
        let rows = |name: &Name| (name.root == "fault").then(|| json!("cut"));
        let once = fill("{fault}: {{anna.oid} of {anna.oid}", Lookup::first(&rows));
        assert_eq!(once, json!("cut: {{anna.oid} of {anna.oid}"));
        assert_eq!(fill(once.as_str().unwrap(), LOOKUP), json!("cut: {anna.oid} of 7"));
    }
}
