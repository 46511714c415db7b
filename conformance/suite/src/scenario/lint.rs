//! What is wrong with a scenario though it can be read: unknown words, names that lead nowhere, things never used.
//! Each complaint points at file, line and column and says what would be right.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use contract::time::Span;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::fill::{self, Name};
use super::library::Library;
use super::model::{BankStep, Expect, Scenario, Step, Text};
use super::words;

/// One thing to mend in one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    pub file: String,
    pub line: u64,
    pub column: u64,
    pub message: String,
    pub hint: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if !self.hint.is_empty() {
            write!(out, "; {}", self.hint)?;
        }
        Ok(())
    }
}

impl Complaint {
    pub(crate) fn at(file: &str, line: u64, column: u64, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, column, message: message.into(), hint: hint.into() }
    }

    fn on<T>(file: &str, what: &Spanned<T>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let place = what.referenced;
        Self::at(file, place.line().max(1), place.column().max(1), message, hint)
    }
}

/// Checks one scenario against the vocabulary and the shared steps.
pub(crate) fn check(file: &str, text: &str, scenario: &Scenario, library: &Library) -> Vec<Complaint> {
    let mut check = Check {
        file,
        text,
        library,
        names: BTreeMap::new(),
        used: BTreeSet::new(),
        people: scenario.citizens.keys().cloned().collect(),
        cells: scenario.each.iter().flat_map(|row| row.keys().cloned()).collect(),
        found: Vec::new(),
    };
    check.head(scenario);
    let shared: Vec<&Spanned<Step>> =
        scenario.shared.iter().filter_map(|name| library.shared.get(&name.value)).flatten().collect();
    for step in shared {
        check.step(step, true);
    }
    for step in &scenario.steps {
        check.step(step, false);
    }
    for expect in &scenario.expect {
        check.expect(expect);
    }
    check.unused(scenario);
    check.found
}

struct Check<'a> {
    file: &'a str,
    text: &'a str,
    library: &'a Library,
    /// Saved so far.
    names: BTreeMap<String, ()>,
    used: BTreeSet<String>,
    people: BTreeSet<String>,
    cells: BTreeSet<String>,
    found: Vec<Complaint>,
}

impl Check<'_> {
    fn say<T>(&mut self, what: &Spanned<T>, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Complaint::on(self.file, what, message, hint));
    }

    fn word(&mut self, what: &Text, kind: &str, allowed: &[&str]) {
        if fill::names(&what.value).is_empty() && !allowed.contains(&what.value.as_str()) {
            self.say(what, format!("unknown {kind} `{}`", what.value), words::hint(&what.value, allowed));
        }
    }

    fn head(&mut self, scenario: &Scenario) {
        let good =
            |id: &str| !id.is_empty() && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !good(&scenario.id.value) {
            self.say(
                &scenario.id,
                format!("the id `{}` cannot be used", scenario.id.value),
                "lower-case letters, digits and dashes",
            );
        }
        let requirements: Vec<&str> = rules::requirements().iter().map(|row| row.id.as_str()).collect();
        for id in &scenario.requirements {
            self.word(id, "requirement", &requirements);
        }
        if scenario.requirements.is_empty() {
            self.say(
                &scenario.id,
                "no requirement is named",
                "add `requirements: [IDN-1]` or what the scenario serves",
            );
        }
        let needs = [words::ACTIONS.as_slice(), words::FACILITIES, words::WAYS].concat();
        for claim in &scenario.needs {
            self.word(claim, "claim", &needs);
        }
        for bank in asked_of_the_bank(&scenario.steps) {
            let is_needed = scenario.needs.iter().any(|claim| claim.value == bank.action.value);
            if !bank.if_claimed && !is_needed && words::ACTIONS.contains(&bank.action.value.as_str()) {
                let action = &bank.action.value;
                self.say(
                    &bank.action,
                    format!("`{action}` is asked of every bank, and `needs` does not name it"),
                    format!("add {action} to `needs`, or `if_claimed: true` to the step"),
                );
            }
        }
        for protocol in &scenario.protocols {
            self.word(protocol, "protocol", words::PROTOCOLS);
        }
        let stories: Vec<&str> = self.library.stories.iter().map(String::as_str).collect();
        for story in scenario.citizens.values() {
            for name in fill::names(&story.value) {
                self.name(&name, story);
            }
            if !stories.is_empty() {
                self.word(story, "citizen", &stories);
            }
        }
        for row in &scenario.each {
            if row.keys().collect::<Vec<_>>() != scenario.each[0].keys().collect::<Vec<_>>() {
                self.say(&scenario.id, "the rows of `each` have different cells", "give each row the same names");
                break;
            }
        }
        self.cells_of(scenario);
        for name in &scenario.shared {
            let shared: Vec<&str> = self.library.shared.keys().map(String::as_str).collect();
            self.word(name, "shared step list", &shared);
        }
        for fault in scenario.portal.iter().flat_map(|setting| &setting.faults) {
            self.fault(fault);
        }
    }

    /// Cells that stand for a word of the vocabulary are checked by the place that uses them.
    fn cells_of(&mut self, scenario: &Scenario) {
        let uses = |step: &Step, cell: &str| {
            let wanted = format!("{{{cell}}}");
            match step {
                Step::Portal(step) => step.fault.as_ref().is_some_and(|fault| fault.value == wanted),
                _ => false,
            }
        };
        let all_faults = self.library.fault_words();
        let stories: Vec<String> = self.library.stories.iter().cloned().collect();
        for row in &scenario.each {
            for (cell, value) in row {
                let Value::String(value) = value else { continue };
                let is_fault = scenario.steps.iter().any(|step| uses(&step.value, cell));
                let is_story = scenario.citizens.values().any(|story| story.value == format!("{{{cell}}}"));
                let (kind, allowed): (&str, Vec<&str>) = if is_fault {
                    ("fault", all_faults.clone())
                } else if is_story {
                    ("citizen", stories.iter().map(String::as_str).collect())
                } else {
                    continue;
                };
                if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
                    let (line, column) = self.find(value);
                    let hint = words::hint(value, &allowed);
                    self.found.push(Complaint::at(self.file, line, column, format!("unknown {kind} `{value}`"), hint));
                }
            }
        }
    }

    /// Where a word first stands in the file.
    fn find(&self, word: &str) -> (u64, u64) {
        self.text
            .lines()
            .enumerate()
            .find_map(|(row, line)| line.find(word).map(|at| (row as u64 + 1, line[..at].chars().count() as u64 + 1)))
            .unwrap_or((1, 1))
    }

    fn fault(&mut self, fault: &Text) {
        let allowed = self.library.fault_words();
        if !allowed.is_empty() {
            self.word(fault, "fault", &allowed);
        }
    }

    fn person(&mut self, who: &Text) {
        if fill::names(&who.value).is_empty() && !self.people.contains(&who.value) {
            let people: Vec<&str> = self.people.iter().map(String::as_str).collect();
            let hint = if people.is_empty() {
                "add it under `citizens:`, such as `citizens: { anna: anna-confirmed }`".to_owned()
            } else {
                words::hint(&who.value, &people)
            };
            let message = format!("`{}` is not among the citizens of this scenario", who.value);
            self.say(who, message, hint);
        }
        self.used.insert(who.value.clone());
    }

    fn name<T>(&mut self, name: &Name, place: &Spanned<T>) {
        self.used.insert(name.root.clone());
        let known =
            self.people.contains(&name.root) || self.cells.contains(&name.root) || self.names.contains_key(&name.root);
        let is_fresh = name.root == "fresh"
            && matches!(name.way.as_slice(), [what] if crate::drive::partner::FRESH.contains(&what.as_str()));
        if !known && !is_fresh {
            let mut allowed: Vec<&str> = self.people.iter().map(String::as_str).collect();
            allowed.extend(self.cells.iter().map(String::as_str));
            allowed.extend(self.names.keys().map(String::as_str));
            let hint = if allowed.is_empty() {
                "nothing has been saved yet; use `save:` on an earlier step".to_owned()
            } else {
                words::hint(&name.root, &allowed)
            };
            let line = place.referenced.line().max(1);
            let (line, column) = self
                .text
                .lines()
                .enumerate()
                .skip(usize::try_from(line).unwrap_or(1) - 1)
                .find_map(|(row, text)| {
                    let at = text.find(&format!("{{{}", name.root))?;
                    Some((row as u64 + 1, text[..at].chars().count() as u64 + 1))
                })
                .unwrap_or((line, place.referenced.column().max(1)));
            self.found.push(Complaint::at(self.file, line, column, format!("`{{{}}}` names nothing", name.root), hint));
        }
    }

    fn step(&mut self, step: &Spanned<Step>, shared: bool) {
        // Every text of the step, through the very function that fills them later.
        for name in fill::wanted(|lookup| fill::fill_step(&mut step.value.clone(), lookup)) {
            self.name(&name, step);
        }
        // Words of a shared list are checked in its own file.
        let before = self.found.len();
        self.vocabulary(step);
        if shared {
            let people: Vec<Complaint> = self
                .found
                .drain(before..)
                .filter(|complaint| complaint.message.contains("not among the citizens"))
                .collect();
            for mut complaint in people {
                (complaint.line, complaint.column) = self.find("use:");
                complaint.message = format!("{} (a shared step list needs it)", complaint.message);
                self.found.push(complaint);
            }
        }
    }

    fn vocabulary(&mut self, step: &Spanned<Step>) {
        match &step.value {
            Step::Attacker(attack) => {
                self.word(&attack.act, "attack", words::ATTACKS);
                attack.person.iter().chain(&attack.from).for_each(|who| self.person(who));
                let needs_from = attack.act.value == "inject-code" && attack.from.is_none();
                let needs_for = matches!(attack.act.value.as_str(), "inject-code" | "callback-in-fresh-browser")
                    && attack.person.is_none();
                if needs_for {
                    self.say(&attack.act, format!("`{}` needs a victim", attack.act.value), "add `for: <citizen>`");
                }
                if needs_from {
                    self.say(&attack.act, "`inject-code` needs an owner of the code", "add `from: <citizen>`");
                }
            }
            Step::Await(wait) => {
                wait.person.iter().for_each(|who| self.person(who));
                if let Some(kind) = &wait.journal {
                    self.word(kind, "kind of journal entry", contract::journal::kinds::ALL);
                }
                wait.outcome.iter().for_each(|words| self.outcomes(words));
                if wait.flow.is_none() && wait.journal.is_none() {
                    self.say(step, "`await` waits for nothing", "name `flow:` with `outcome:`, or `journal:`");
                }
            }
            Step::Bank(bank) => {
                self.word(&bank.action, "action", &words::ACTIONS);
                if let Some(params) = super::actions::params(&bank.action.value) {
                    let params: Vec<&str> = params.iter().map(String::as_str).collect();
                    for name in bank.with.keys().filter(|name| !params.contains(&name.as_str())) {
                        let message = format!("`{}` takes no parameter `{name}`", bank.action.value);
                        self.say(&bank.action, message, words::hint(name, &params));
                    }
                }
                bank.person.iter().for_each(|who| self.person(who));
                if let Some(expect) = &bank.expect {
                    self.outcomes(&expect.outcome);
                    expect.clean.iter().for_each(|words| self.outcomes(words));
                    expect.reason.iter().for_each(|words| self.words_of(words, "reason", super::words::REASONS));
                }
                bank.save.iter().for_each(|save| self.saved(save));
            }
            Step::Citizen(citizen) => {
                self.person(&citizen.who);
                self.word(&citizen.act, "act of a citizen", words::CITIZEN_ACTS);
                match (citizen.act.value.as_str(), &citizen.consent, &citizen.flow) {
                    ("revoke", None, _) => {
                        self.say(&citizen.act, "`revoke` needs a consent", "add `consent: \"{asked.consent.id}\"`");
                    }
                    ("go", _, None) => self.say(&citizen.act, "`go` needs a flow", "add `flow: \"{saved}\"`"),
                    (act, ..) => {
                        let needs =
                            words::acts_on_matters().find(|known| known.0 == act).map_or(&[][..], |known| known.1);
                        for name in needs.iter().filter(|name| !citizen.with.contains_key(**name)) {
                            let hint = format!("add `with: {{ {name}: … }}`");
                            self.say(&citizen.act, format!("`{act}` needs `{name}`"), hint);
                        }
                    }
                }
                citizen.save.iter().for_each(|save| self.saved(save));
            }
            Step::Clock(clock) => {
                if fill::names(&clock.advance.value).is_empty() && clock.advance.value.parse::<Span>().is_err() {
                    self.say(
                        &clock.advance,
                        format!("`{}` is not a span of time", clock.advance.value),
                        "ISO 8601, such as PT2H or P30D",
                    );
                }
            }
            Step::Parallel(steps) => {
                for inner in steps {
                    if !matches!(inner.value, Step::Bank(_)) {
                        self.say(
                            inner,
                            "only bank steps can go on at the same time",
                            "move it before or after `parallel`",
                        );
                    }
                    self.vocabulary(inner);
                }
            }
            Step::Portal(portal) => {
                portal.fault.iter().for_each(|fault| self.fault(fault));
                portal.on.iter().for_each(|who| self.person(who));
                portal.when.iter().for_each(|when| self.word(when, "moment", &["callback", "now"]));
                portal.remove.iter().for_each(|what| self.word(what, "thing to remove", &["fault"]));
                portal.rotate.iter().for_each(|what| self.word(what, "thing to rotate", &["keys"]));
                portal.act.iter().for_each(|act| self.word(act, "act of the portal", words::PORTAL_ACTS));
                portal.save.iter().for_each(|save| self.saved(save));
                let told = [&portal.fault, &portal.remove, &portal.rotate, &portal.act];
                if told.iter().all(|what| what.is_none()) {
                    self.say(
                        step,
                        "the portal is told to do nothing",
                        "one of `fault:`, `remove: fault`, `rotate: keys`, `do:`",
                    );
                }
            }
            Step::Partner(partner) => {
                self.call(&partner.call, partner.code.as_ref());
                partner.sign.iter().for_each(|sign| self.word(sign, "way of signing", words::SIGNINGS));
                partner.token.iter().for_each(|token| self.person(&token.person));
                partner.save.iter().for_each(|save| self.saved(save));
            }
            Step::Stranger(stranger) => {
                self.call(&stranger.call, stranger.code.as_ref());
                stranger.save.iter().for_each(|save| self.saved(save));
            }
        }
    }

    fn call(&mut self, call: &Text, code: Option<&Text>) {
        let path = call.value.split_once(' ').map(|(_, path)| path);
        if !path.is_some_and(|path| path.starts_with('/')) && fill::names(&call.value).is_empty() {
            let hint = "method and path, such as `GET /api/v1/estate`";
            self.say(call, format!("`{}` is no call", call.value), hint);
        }
        if let Some(code) = code {
            let codes: Vec<&str> = contract::error::all().iter().map(|row| row.code.as_str()).collect();
            self.word(code, "error code", &codes);
        }
    }

    fn saved(&mut self, save: &Text) {
        self.names.insert(save.value.clone(), ());
        if self.people.contains(&save.value) || self.cells.contains(&save.value) {
            self.say(save, format!("`{}` already names something else", save.value), "save under another name");
        }
    }

    fn outcomes(&mut self, words: &Spanned<super::model::Words>) {
        self.words_of(words, "outcome", super::words::OUTCOMES);
    }

    fn words_of(&mut self, words: &Spanned<super::model::Words>, kind: &str, allowed: &[&str]) {
        for word in &words.value.0 {
            if fill::names(word).is_empty() && !allowed.contains(&word.as_str()) {
                self.say(words, format!("unknown {kind} `{word}`"), super::words::hint(word, allowed));
            }
        }
    }

    fn expect(&mut self, expect: &Spanned<Expect>) {
        for name in fill::wanted(|lookup| fill::fill_expect(&mut expect.value.clone(), lookup)) {
            self.name(&name, expect);
        }
        match &expect.value {
            Expect::Journal(journal) => {
                self.word(&journal.kind, "kind of journal entry", contract::journal::kinds::ALL);
                journal.person.iter().for_each(|who| self.person(who));
            }
            Expect::Message(message) => self.person(&message.to),
            Expect::Probe(probe) => {
                self.word(&probe.ask, "question", words::PROBES);
                probe.person.iter().for_each(|who| self.person(who));
            }
            Expect::Value(value) => {
                let saved: Vec<String> = self.names.keys().cloned().collect();
                let saved: Vec<&str> = saved.iter().map(String::as_str).collect();
                self.word(&value.of, "saved answer", &saved);
                if let Err(cause) = serde_json_path::JsonPath::parse(&value.path.value) {
                    self.say(
                        &value.path,
                        format!("`{}` is not a JSONPath: {cause}", value.path.value),
                        "such as `$.items[0].uin`",
                    );
                }
            }
        }
    }

    fn unused(&mut self, scenario: &Scenario) {
        for (name, story) in &scenario.citizens {
            if !self.used.contains(name) {
                self.say(story, format!("the citizen `{name}` is never used"), "use it in a step or strike it");
            }
        }
        for cell in &self.cells.clone() {
            if !self.used.contains(cell) {
                let (line, column) = self.find(&format!("{cell}:"));
                self.found.push(Complaint::at(
                    self.file,
                    line,
                    column,
                    format!("the cell `{cell}` is never used"),
                    format!("use it as `{{{cell}}}` or strike it"),
                ));
            }
        }
    }
}

/// The steps that ask the bank for an action, those inside `parallel` too.
fn asked_of_the_bank(steps: &[Spanned<Step>]) -> Vec<&BankStep> {
    let mut found = Vec::new();
    for step in steps {
        match &step.value {
            Step::Bank(bank) => found.push(bank),
            Step::Parallel(inner) => found.extend(asked_of_the_bank(inner)),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Source, lint};

    const GOOD: &str = "id: sign-in
title: { ru: Вход, en: Sign-in }
requirements: [IDN-1]
needs: [customer.link]
citizens: { anna: anna-confirmed }
each:
  - { fault: id-token-alg-none }
steps:
  - portal: { fault: \"{fault}\", on: anna }
  - bank: { do: customer.link, for: anna, with: { scopes: [openid] }, save: linked, expect: { outcome: [refused, error] } }
expect:
  - value: { of: linked, path: \"$.outcome\", is: refused }
";

    fn complaints(text: &str) -> Vec<String> {
        let source = Source { path: "identity/sign-in.yaml".into(), text: text.to_owned() };
        lint(&[source]).iter().map(ToString::to_string).collect()
    }

    /// The one complaint after this change to the good file.
    fn changed(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        let found = complaints(&GOOD.replacen(from, to, 1));
        assert_eq!(found.len(), 1, "{found:#?}");
        found.into_iter().next().unwrap()
    }

    #[test]
    fn a_good_file_has_no_complaint() {
        assert_eq!(complaints(GOOD), Vec::<String>::new());
    }

    #[test]
    fn a_misspelt_key_is_shown_where_it_stands() {
        let line = changed("requirements:", "requirments:");
        assert!(
            line.starts_with("identity/sign-in.yaml:3:1: unknown key `requirments`; did you mean `requirements`?"),
            "{line}"
        );
    }

    #[test]
    fn a_misspelt_key_inside_a_step_is_shown_where_it_stands() {
        let line = changed("save: linked", "sav: linked");
        assert!(line.starts_with("identity/sign-in.yaml:10:"), "{line}");
        assert!(line.contains("unknown key `sav`; did you mean `save`?"), "{line}");
    }

    #[test]
    fn an_unknown_actor_names_the_known_ones() {
        let line = changed("- bank:", "- bnak:");
        assert!(line.contains("unknown word `bnak`; did you mean `bank`?"), "{line}");
    }

    #[test]
    fn a_bad_indent_is_one_clear_line() {
        let line = changed("  - portal:", " - portal:");
        assert!(line.starts_with("identity/sign-in.yaml:"), "{line}");
        assert_eq!(line.lines().count(), 1);
        let line = changed("  - portal:", "\t- portal:");
        assert!(line.starts_with("identity/sign-in.yaml:9:1: a tab in the indentation"), "{line}");
    }

    #[test]
    fn unknown_words_of_the_vocabulary_name_the_nearest() {
        let cases = [
            ("IDN-1", "IDN-99", "unknown requirement `IDN-99`"),
            ("anna-confirmed", "anna-confirmd", "unknown citizen `anna-confirmd`; did you mean `anna-confirmed`?"),
            (
                "id-token-alg-none",
                "id-token-alg-nun",
                "unknown fault `id-token-alg-nun`; did you mean `id-token-alg-none`?",
            ),
            ("do: customer.link", "do: customer.lnk", "unknown action `customer.lnk`; did you mean `customer.link`?"),
            ("[refused, error]", "[refsed, error]", "unknown outcome `refsed`; did you mean `refused`?"),
            ("of: linked", "of: linkd", "unknown saved answer `linkd`; did you mean `linked`?"),
        ];
        for (from, to, wanted) in cases {
            let line = changed(from, to);
            assert!(line.contains(wanted), "{line}");
        }
    }

    #[test]
    fn somebody_who_is_not_in_the_cast_is_named() {
        let found = complaints(&GOOD.replace("for: anna", "for: ana"));
        assert!(
            found[0].contains("`ana` is not among the citizens of this scenario; did you mean `anna`?"),
            "{found:?}"
        );
    }

    #[test]
    fn names_that_lead_nowhere_and_things_never_used_are_found() {
        let found = complaints(&GOOD.replace("\"{fault}\"", "\"{falt}\""));
        assert!(found.iter().any(|line| line.contains("`{falt}` names nothing; did you mean `fault`?")), "{found:?}");
        assert!(found.iter().any(|line| line.contains("the cell `fault` is never used")), "{found:?}");
        let line = changed("{ anna: anna-confirmed }", "{ anna: anna-confirmed, boris: anna-confirmed }");
        assert!(line.contains("the citizen `boris` is never used"), "{line}");
    }

    #[test]
    fn two_files_cannot_have_one_id() {
        let file = |path: &str| Source { path: path.into(), text: GOOD.to_owned() };
        let found = lint(&[file("a/one.yaml"), file("b/two.yaml")]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "b/two.yaml:1:5: the id `sign-in` is already taken by a/one.yaml; give each scenario an id of its own"
        );
    }

    #[test]
    fn an_empty_file_and_a_list_are_refused() {
        assert!(complaints("")[0].contains("the file is empty"));
        assert_eq!(complaints("- a\n- b\n").len(), 1);
    }

    #[test]
    fn the_schema_takes_the_good_file() {
        let value: Value = serde_saphyr::from_str(GOOD).unwrap();
        let schema = crate::scenario::schema();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        let mut wrong = value;
        wrong["steps"][0] = serde_json::json!({"portal": {"falt": "x"}});
        assert!(!validator.is_valid(&wrong));
    }
}
