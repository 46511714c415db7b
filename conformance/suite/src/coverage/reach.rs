//! How much of the portal the scenarios reach: end points, error codes, moves of every lifecycle. What was seen in the
//! kept evidence stands against what there is; what nothing reached must stand in a strict list, with a reason each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use contract::exchange::Party;
use contract::journal::kinds;
use contract::lifecycle;
use rules::trace::{Trace, What};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use crate::scenario::words;

/// What one case reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reached {
    /// `GET /api/v1/estate`, by whomever it was called.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub endpoints: BTreeSet<String>,
    /// Codes of the error registry with which the portal honestly refused.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub errors: BTreeSet<String>,
    /// `order: placed → confirmed`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub moves: BTreeSet<String>,
}

/// One thing to reach, and whether it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Goal {
    /// `endpoint`, `error`, `move`.
    pub sort: &'static str,
    /// `GET /api/v1/estate`, `token-spent`, `order: placed → confirmed`.
    pub name: String,
    /// Scenarios that reached it and ended well.
    pub scenarios: Vec<String>,
    /// Broken banks that reached it where no honest play did, by the mistake that they were caught for.
    pub banks: Vec<String>,
}

impl Goal {
    fn is_reached(&self) -> bool {
        !self.scenarios.is_empty() || !self.banks.is_empty()
    }
}

/// Sorts of goals and what a person calls them.
pub(super) const SORTS: [(&str, &str); 3] =
    [("endpoint", "end points"), ("error", "error codes"), ("move", "transitions")];

impl Reached {
    /// What the recording of a case shows.
    pub fn of(trace: &Trace) -> Self {
        let mut reached = Self::default();
        for event in &trace.events {
            match &event.what {
                What::Exchange(exchange) if exchange.to == Party::Portal => {
                    let action =
                        exchange.request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("soapaction"));
                    let action = action.map(|(_, value)| value.trim_matches('"'));
                    let path = path_of(&exchange.request.url);
                    reached.endpoints.extend(contract::endpoint::named(&exchange.request.method, path, action));
                }
                What::Journal(entry) if entry.kind == kinds::REQUEST_REFUSED => {
                    reached.errors.extend(entry.data["code"].as_str().map(str::to_owned));
                }
                What::Journal(entry) => reached.moves.extend(lifecycle::moved(&entry.kind, &entry.data)),
                _ => {}
            }
        }
        reached
    }

    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty() && self.errors.is_empty() && self.moves.is_empty()
    }

    /// Forgets what another case reached as well.
    pub fn leave(&mut self, other: &Self) {
        self.endpoints.retain(|name| !other.endpoints.contains(name));
        self.errors.retain(|name| !other.errors.contains(name));
        self.moves.retain(|name| !other.moves.contains(name));
    }

    fn names(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let seen = self.endpoints.iter().map(|name| ("endpoint", name));
        let seen = seen.chain(self.errors.iter().map(|name| ("error", name)));
        seen.chain(self.moves.iter().map(|name| ("move", name)))
    }

    /// Puts what another case reached beside it.
    pub fn join(&mut self, other: &Self) {
        self.endpoints.extend(other.endpoints.iter().cloned());
        self.errors.extend(other.errors.iter().cloned());
        self.moves.extend(other.moves.iter().cloned());
    }
}

fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Everything that there is to reach, with who reached it.
pub fn goals(evidence: &Evidence) -> Vec<Goal> {
    let mut by: BTreeMap<(&'static str, String), [BTreeSet<&str>; 2]> = BTreeMap::new();
    let endpoints = contract::endpoint::all().iter().map(|endpoint| ("endpoint", endpoint.to_string()));
    let errors = contract::error::all().iter().filter(|row| row.form != contract::error::Form::Control);
    let errors = errors.map(|row| ("error", row.code.clone()));
    let moves = lifecycle::all().into_iter().map(|name| ("move", name));
    for goal in endpoints.chain(errors).chain(moves) {
        by.insert(goal, Default::default());
    }
    let honest = evidence.honest.iter().map(|play| (0, play.scenario.as_str(), &play.reached));
    let broken = evidence.broken.iter().map(|broken| (1, broken.bank.as_str(), &broken.reached));
    for (place, who, reached) in honest.chain(broken) {
        for (sort, name) in reached.names() {
            if let Some(known) = by.get_mut(&(sort, name.clone())) {
                known[place].insert(who);
            }
        }
    }
    by.into_iter()
        .map(|((sort, name), [scenarios, banks])| Goal {
            sort,
            name,
            scenarios: scenarios.into_iter().map(str::to_owned).collect(),
            banks: banks.into_iter().map(str::to_owned).collect(),
        })
        .collect()
}

/// What was not reached and is not listed, and listed things that were reached or do not exist. Empty when all is as
/// announced. A line of the list is `sort name # reason`, and the reason must be there; lines of other sorts are holes of
/// the table.
pub fn gaps(goals: &[Goal], list: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut listed = BTreeSet::new();
    for (number, line) in list.lines().enumerate() {
        let number = number + 1;
        let (entry, reason) = line.split_once(" # ").unwrap_or((line, ""));
        let (entry, reason) = (entry.trim(), reason.trim());
        if entry.is_empty() || entry.starts_with('#') {
            continue;
        }
        let (sort, name) = entry.split_once(' ').unwrap_or((entry, ""));
        if !SORTS.iter().any(|(known, _)| *known == sort) {
            continue;
        }
        if reason.is_empty() {
            found.push(format!("line {number} of the list of the unreached: {entry} has no reason; add ` # why`"));
        }
        match goals.iter().find(|goal| goal.sort == sort && goal.name == name) {
            None => {
                let known: Vec<&str> =
                    goals.iter().filter(|goal| goal.sort == sort).map(|goal| goal.name.as_str()).collect();
                let hint = words::hint(name, &known);
                found.push(format!("line {number} of the list of the unreached: there is no {entry}; {hint}"));
            }
            Some(goal) if goal.is_reached() => {
                let by: Vec<&str> = goal.scenarios.iter().chain(&goal.banks).map(String::as_str).collect();
                let by = by.join(", ");
                found.push(format!("{entry}: listed as unreached, but {by} reach it; strike line {number}"));
            }
            Some(_) => {}
        }
        if !listed.insert((sort, name)) {
            found.push(format!("line {number} of the list of the unreached: {entry} stands there twice"));
        }
    }
    let open = goals.iter().filter(|goal| !goal.is_reached());
    let open = open.filter(|goal| !listed.contains(&(goal.sort, goal.name.as_str())));
    found.extend(open.map(|goal| format!("no scenario reaches {} {}", goal.sort, goal.name)));
    found
}

/// The table for a person: how many of each sort, and what is not reached.
pub fn reach_table(goals: &[Goal]) -> String {
    let mut out = String::new();
    for (sort, title) in SORTS {
        let of: Vec<&Goal> = goals.iter().filter(|goal| goal.sort == sort).collect();
        let reached = of.iter().filter(|goal| goal.is_reached()).count();
        let by_broken = of.iter().filter(|goal| goal.is_reached() && goal.scenarios.is_empty()).count();
        // Writing to a string cannot fail.
        let _ = write!(out, "{reached} of {} {title} are reached by scenarios", of.len());
        let _ = match by_broken {
            0 => writeln!(out),
            some => writeln!(out, ", {some} of them only by broken banks"),
        };
        for goal in of.iter().filter(|goal| !goal.is_reached()) {
            let _ = writeln!(out, "  not reached: {}", goal.name);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Honest;
    use super::*;

    fn goals() -> Vec<Goal> {
        let mut play = Honest { scenario: "debts-shown".to_owned(), ..Honest::default() };
        play.reached.endpoints.insert("GET /api/v1/debts".to_owned());
        super::goals(&Evidence { honest: vec![play], ..Evidence::default() })
            .into_iter()
            .filter(|goal| ["GET /api/v1/debts", "GET /health", "token-spent"].contains(&goal.name.as_str()))
            .collect()
    }

    #[test]
    fn what_a_scenario_reached_is_no_gap_and_the_rest_is_one() {
        let open = gaps(&goals(), "");
        assert_eq!(open, ["no scenario reaches endpoint GET /health", "no scenario reaches error token-spent"]);
        let list = "endpoint GET /health # for machines alone\nerror token-spent # later\nONB-1\n";
        assert_eq!(gaps(&goals(), list), Vec::<String>::new());
    }

    #[test]
    fn the_list_is_strict_and_wants_reasons() {
        let list =
            "endpoint GET /api/v1/debts # no\nendpoint GET /health\nerror token-spend # x\nerror token-spent # y\n";
        let told = gaps(&goals(), list).join("\n");
        assert!(told.contains("debts-shown reach it; strike line 1"), "{told}");
        assert!(told.contains("line 2") && told.contains("has no reason"), "{told}");
        assert!(told.contains("there is no error token-spend") && told.contains("token-spent"), "{told}");
    }

    #[test]
    fn the_path_of_an_address_bears_no_query() {
        assert_eq!(path_of("https://localhost:1/ws?x=1"), "/ws");
        assert_eq!(path_of("https://localhost:1"), "/");
    }
}
