//! All scenario files of a run, read together: scenarios, shared step lists, plans, and the vocabulary around them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::lint::{self, Complaint};
use super::model::{PlanFile, Scenario, Shared, Step};
use super::parse;
use super::source::Source;
use crate::error::SuiteError;

/// Everything that was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Library {
    /// In order of their files.
    pub(crate) scenarios: Vec<Filed>,
    pub(crate) shared: BTreeMap<String, Vec<Spanned<Step>>>,
    pub(crate) plans: BTreeMap<String, (String, PlanFile)>,
    pub(crate) stories: BTreeSet<String>,
    faults: BTreeSet<String>,
}

/// A scenario with the file that holds it.
#[derive(Clone, Debug)]
pub(crate) struct Filed {
    pub(crate) file: String,
    pub(crate) scenario: Scenario,
}

/// A row of `scenario list --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    pub id: String,
    pub file: String,
    pub title: Value,
    pub requirements: Vec<String>,
    pub needs: Vec<String>,
    pub tags: Vec<String>,
    pub cases: usize,
}

impl Library {
    /// Reads and checks all files. What could be read is in the library even when there are complaints.
    pub(crate) fn read(sources: &[Source]) -> (Self, Vec<Complaint>) {
        let mut library =
            Self { stories: crate::vocabulary::stories(), faults: crate::vocabulary::faults(), ..Self::default() };
        let mut complaints = Vec::new();
        let mut texts = Vec::new();
        for source in sources {
            let shown = source.path.to_string_lossy().replace('\\', "/");
            let (path, text) = (shown.as_str(), source.text.as_str());
            let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".yaml").trim_end_matches(".yml");
            if path.starts_with("shared/") || path.contains("/shared/") {
                match parse::read::<Shared>(path, text) {
                    Ok(shared) => {
                        library.shared.insert(name.to_owned(), shared.steps);
                    }
                    Err(complaint) => complaints.push(complaint),
                }
            } else if path.starts_with("plans/") || path.contains("/plans/") {
                match parse::read::<PlanFile>(path, text) {
                    Ok(plan) => {
                        library.plans.insert(name.to_owned(), (path.to_owned(), plan));
                    }
                    Err(complaint) => complaints.push(complaint),
                }
            } else {
                match parse::read::<Scenario>(path, text) {
                    Ok(scenario) => {
                        texts.push(text);
                        library.scenarios.push(Filed { file: path.to_owned(), scenario });
                    }
                    Err(complaint) => complaints.push(complaint),
                }
            }
        }
        for (filed, text) in library.scenarios.iter().zip(&texts) {
            complaints.extend(lint::check(&filed.file, text, &filed.scenario, &library));
        }
        complaints.extend(library.doubles());
        complaints.extend(library.plan_words());
        complaints.sort();
        (library, complaints)
    }

    /// The library, or the first complaint as the one line that ends the run.
    pub(crate) fn sound(sources: &[Source]) -> Result<Self, SuiteError> {
        let (library, complaints) = Self::read(sources);
        match complaints.first() {
            None => Ok(library),
            Some(first) => {
                let more = match complaints.len() {
                    1 => String::new(),
                    many => format!(" (and {} more: stend scenario lint)", many - 1),
                };
                Err(SuiteError::new(format!("{first}{more}"), ""))
            }
        }
    }

    pub(crate) fn fault_words(&self) -> Vec<&str> {
        self.faults.iter().map(String::as_str).collect()
    }

    fn doubles(&self) -> Vec<Complaint> {
        let mut first: BTreeMap<&str, &str> = BTreeMap::new();
        let mut found = Vec::new();
        for filed in &self.scenarios {
            let id = &filed.scenario.id;
            match first.get(id.value.as_str()) {
                Some(other) => found.push(Complaint::at(
                    &filed.file,
                    id.referenced.line().max(1),
                    id.referenced.column().max(1),
                    format!("the id `{}` is already taken by {other}", id.value),
                    "give each scenario an id of its own",
                )),
                None => {
                    first.insert(&id.value, &filed.file);
                }
            }
        }
        found
    }

    fn plan_words(&self) -> Vec<Complaint> {
        let ids: Vec<&str> = self.scenarios.iter().map(|filed| filed.scenario.id.value.as_str()).collect();
        let mut found = Vec::new();
        for (file, plan) in self.plans.values() {
            for id in &plan.scenarios {
                if !ids.contains(&id.value.as_str()) {
                    found.push(Complaint::at(
                        file,
                        id.referenced.line().max(1),
                        id.referenced.column().max(1),
                        format!("unknown scenario `{}`", id.value),
                        super::words::hint(&id.value, &ids),
                    ));
                }
            }
        }
        found
    }

    pub(crate) fn listed(&self) -> Vec<Listed> {
        self.scenarios
            .iter()
            .map(|Filed { file, scenario }| Listed {
                id: scenario.id.value.clone(),
                file: file.clone(),
                title: serde_json::json!({"ru": scenario.title.ru, "en": scenario.title.en}),
                requirements: scenario.requirements.iter().map(|id| id.value.clone()).collect(),
                needs: scenario.needs.iter().map(|claim| claim.value.clone()).collect(),
                tags: scenario.tags.clone(),
                cases: scenario.each.len().max(1),
            })
            .collect()
    }
}
