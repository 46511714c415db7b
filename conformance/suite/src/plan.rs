//! What will be played: every scenario × row × protocol, decided before anything runs. An empty selection ends here.

use std::collections::BTreeMap;

use contract::time::Span;
use rules::trace::Protocol;
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::error::SuiteError;
use crate::options::Selection;
use crate::report::model::Bilingual;
use crate::scenario::fill::{self, Name};
use crate::scenario::model::{Expect, Scenario, Setting, Step};
use crate::scenario::{Filed, Library, words};

/// One case: a row of a scenario in one protocol, with all that the row fills in.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// `<scenario>[<row>]/<protocol>`.
    pub(crate) id: String,
    pub(crate) scenario: String,
    pub(crate) title: Bilingual,
    pub(crate) row: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) requirements: Vec<String>,
    pub(crate) tags: Vec<String>,
    /// Folder of the file: the theme.
    pub(crate) theme: String,
    /// Name in the scenario → story.
    pub(crate) citizens: BTreeMap<String, String>,
    pub(crate) setting: Option<Setting>,
    pub(crate) steps: Vec<Spanned<Step>>,
    pub(crate) expect: Vec<Spanned<Expect>>,
    /// Lies that it tells.
    pub(crate) faults: Vec<String>,
    /// Claims that it needs and the bank does not make.
    pub(crate) missing: Vec<String>,
}

impl Case {
    pub(crate) fn is_hostile(&self) -> bool {
        self.steps.iter().any(|step| step.value.is_hostile())
            || self.setting.as_ref().is_some_and(|setting| !setting.faults.is_empty())
    }

    /// How far it moves the clock.
    pub(crate) fn clock(&self) -> Span {
        self.steps
            .iter()
            .filter_map(|step| match &step.value {
                Step::Clock(clock) => clock.advance.value.parse::<Span>().ok(),
                _ => None,
            })
            .fold(Span::ZERO, |sum, span| sum + span)
    }
}

/// What is planned, and what was left out and why.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) cases: Vec<Case>,
    /// Scenarios that have no case, because the bank speaks none of their protocols.
    pub(crate) without_protocol: Vec<(String, Vec<String>)>,
    /// Cases left out because they are dealt out, and another protocol plays them.
    pub(crate) dealt: u64,
}

/// Makes the plan, or says why nothing can be played.
pub(crate) fn plan(
    library: &Library,
    select: &Selection,
    protocols: &[Protocol],
    claims: &[String],
) -> Result<Plan, SuiteError> {
    let chosen = chosen(library, select)?;
    let mut plan = Plan::default();
    for filed in chosen {
        let scenario = &filed.scenario;
        let speaks = |protocol: &&Protocol| {
            scenario.protocols.is_empty() || scenario.protocols.iter().any(|name| name.value == protocol.as_str())
        };
        let spoken: Vec<Protocol> = protocols.iter().filter(speaks).copied().collect();
        if spoken.is_empty() {
            let wanted = scenario.protocols.iter().map(|name| name.value.clone()).collect();
            plan.without_protocol.push((scenario.id.value.clone(), wanted));
        }
        let rows: Vec<Option<&BTreeMap<String, Value>>> =
            if scenario.each.is_empty() { vec![None] } else { scenario.each.iter().map(Some).collect() };
        let deals = scenario.deal && !select.every_row;
        let first = first_turn(&scenario.id.value);
        for (number, row) in rows.iter().copied().enumerate() {
            for (place, protocol) in spoken.iter().enumerate() {
                if deals && (first + number) % spoken.len() != place {
                    plan.dealt += 1;
                    continue;
                }
                plan.cases.push(case(library, filed, row, *protocol, claims));
            }
        }
    }
    if plan.cases.is_empty() {
        let spoken: Vec<&str> = protocols.iter().map(|protocol| protocol.as_str()).collect();
        return Err(SuiteError::new(
            "the selection is empty: no scenario fits",
            format!("loosen --scenario, --requirement or --tag; the bank speaks {}", spoken.join(", ")),
        ));
    }
    Ok(plan)
}

/// Where the dealing of a scenario begins: each at a place of its own, whatever other scenarios there are, so that the
/// protocols share the cases about evenly and a new scenario moves no other.
fn first_turn(id: &str) -> usize {
    id.bytes().map(usize::from).sum()
}

fn chosen<'a>(library: &'a Library, select: &Selection) -> Result<Vec<&'a Filed>, SuiteError> {
    let ids: Vec<&str> = library.scenarios.iter().map(|filed| filed.scenario.id.value.as_str()).collect();
    if ids.is_empty() {
        return Err(SuiteError::new("there are no scenarios", "name a folder that holds them"));
    }
    for id in &select.scenarios {
        if !ids.contains(&id.as_str()) {
            return Err(SuiteError::new(format!("unknown scenario `{id}`"), words::hint(id, &ids)));
        }
    }
    let requirements: Vec<&str> = rules::requirements().iter().map(|row| row.id.as_str()).collect();
    for id in &select.requirements {
        if !requirements.contains(&id.as_str()) {
            return Err(SuiteError::new(format!("unknown requirement `{id}`"), words::hint(id, &requirements)));
        }
    }
    let plan = match &select.plan {
        None => None,
        Some(name) => {
            let known: Vec<&str> = library.plans.keys().map(String::as_str).collect();
            let (_, plan) = library
                .plans
                .get(name)
                .ok_or_else(|| SuiteError::new(format!("unknown plan `{name}`"), words::hint(name, &known)))?;
            Some(plan)
        }
    };
    let fits = |scenario: &Scenario, ids: &[String], requirements: &[String], tags: &[String]| {
        (ids.is_empty() || ids.contains(&scenario.id.value))
            && (requirements.is_empty() || scenario.requirements.iter().any(|id| requirements.contains(&id.value)))
            && (tags.is_empty() || scenario.tags.iter().any(|tag| tags.contains(tag)))
    };
    Ok(library
        .scenarios
        .iter()
        .filter(|filed| {
            let scenario = &filed.scenario;
            // A plan is a union of what it names; the command line narrows it down.
            let planned = plan.is_none_or(|plan| {
                let ids: Vec<String> = plan.scenarios.iter().map(|id| id.value.clone()).collect();
                let wanted: Vec<String> = plan.requirements.iter().map(|id| id.value.clone()).collect();
                (!ids.is_empty() && fits(scenario, &ids, &[], &[]))
                    || (!wanted.is_empty() && fits(scenario, &[], &wanted, &[]))
                    || (!plan.tags.is_empty() && fits(scenario, &[], &[], &plan.tags))
                    || (ids.is_empty() && wanted.is_empty() && plan.tags.is_empty())
            });
            planned && fits(scenario, &select.scenarios, &select.requirements, &select.tags)
        })
        .collect())
}

fn case(
    library: &Library,
    filed: &Filed,
    row: Option<&BTreeMap<String, Value>>,
    protocol: Protocol,
    claims: &[String],
) -> Case {
    let scenario = &filed.scenario;
    let of_row = |name: &Name| {
        let value = row?.get(&name.root)?;
        fill::follow(value, &name.way)
    };
    // Steps and expectations are filled once more when they are played.
    let cells = fill::Lookup::first(&of_row);
    let mut steps: Vec<Spanned<Step>> =
        scenario.shared.iter().filter_map(|name| library.shared.get(&name.value)).flatten().cloned().collect();
    steps.extend(scenario.steps.iter().cloned());
    steps.iter_mut().for_each(|step| fill::fill_step(&mut step.value, cells));
    steps.retain(|step| match &step.value {
        Step::Bank(bank) => !bank.if_claimed || claims.contains(&bank.action.value),
        _ => true,
    });
    let mut expect = scenario.expect.clone();
    expect.iter_mut().for_each(|expect| fill::fill_expect(&mut expect.value, cells));
    let citizens = scenario
        .citizens
        .iter()
        .map(|(name, story)| (name.clone(), fill::written(&fill::fill(&story.value, fill::Lookup::last(&of_row)))))
        .collect();
    let label = row.map(|row| row.values().map(fill::written).collect::<Vec<_>>().join(","));
    let shown = label.as_ref().map(|row| format!("[{row}]")).unwrap_or_default();
    let mut faults: Vec<String> = steps
        .iter()
        .filter_map(|step| match &step.value {
            Step::Portal(portal) => portal.fault.as_ref().map(|fault| fault.value.clone()),
            Step::Attacker(attack) => Some(format!("attacker:{}", attack.act.value)),
            _ => None,
        })
        .collect();
    faults.extend(scenario.portal.iter().flat_map(|setting| &setting.faults).map(|fault| fault.value.clone()));
    let missing =
        scenario.needs.iter().map(|claim| claim.value.clone()).filter(|claim| !claims.contains(claim)).collect();
    let theme = filed.file.split('/').rev().nth(1).unwrap_or("").to_owned();
    Case {
        id: format!("{}{shown}/{}", scenario.id.value, protocol.as_str()),
        scenario: scenario.id.value.clone(),
        title: Bilingual::new(&scenario.title.ru, &scenario.title.en),
        row: label,
        protocol,
        requirements: scenario.requirements.iter().map(|id| id.value.clone()).collect(),
        tags: scenario.tags.clone(),
        theme,
        citizens,
        setting: scenario.portal.clone(),
        steps,
        expect,
        faults,
        missing,
    }
}

/// The case without its lies and attacks: what an honest bank must bring to a good end. Bank steps after the first
/// hostile step lose what they were expected to report, because that spoke of the lie; they must end `ok`, or as their
/// `clean` says. `hook.failed` is awaited as `hook.delivered`.
pub(crate) fn clean(steps: &[Spanned<Step>]) -> Vec<Spanned<Step>> {
    let mut hostile_seen = false;
    let mut clean = Vec::new();
    for step in steps {
        if step.value.is_hostile() {
            hostile_seen = true;
            continue;
        }
        let mut step = step.clone();
        if hostile_seen {
            soften(&mut step.value);
        }
        clean.push(step);
    }
    clean
}

fn soften(step: &mut Step) {
    match step {
        Step::Bank(bank) => {
            if let Some(mut expect) = bank.expect.take()
                && let Some(clean) = expect.clean.take()
            {
                expect.outcome = clean;
                expect.reason = None;
                bank.expect = Some(expect);
            }
        }
        Step::Parallel(steps) => steps.iter_mut().for_each(|step| soften(&mut step.value)),
        Step::Await(wait) => {
            if let Some(kind) = &mut wait.journal
                && kind.value == contract::journal::kinds::HOOK_FAILED
            {
                contract::journal::kinds::HOOK_DELIVERED.clone_into(&mut kind.value);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Source;

    const LIES: &str = "id: lies
title: { ru: Ложь, en: Lies }
requirements: [IDN-1]
tags: [smoke]
needs: [customer.link]
citizens: { anna: anna-confirmed }
each:
  - { fault: id-token-alg-none }
  - { fault: id-token-iss-wrong }
steps:
  - portal: { fault: \"{fault}\", on: anna, times: 1 }
  - bank: { do: customer.link, for: anna, with: { scopes: [openid] }, expect: { outcome: refused } }
";

    fn library() -> Library {
        Library::sound(&[Source { path: "identity/lies.yaml".into(), text: LIES.to_owned() }]).unwrap()
    }

    #[test]
    fn each_row_and_protocol_is_a_case() {
        let claims = vec!["customer.link".to_owned()];
        let plan = plan(&library(), &Selection::default(), &Protocol::ALL, &claims).unwrap();
        assert_eq!(plan.cases.len(), 6);
        assert_eq!(plan.cases[0].id, "lies[id-token-alg-none]/esia-v3");
        assert_eq!(plan.cases[0].faults, ["id-token-alg-none"]);
        assert!(plan.cases[0].missing.is_empty());
    }

    #[test]
    fn dealt_cases_are_each_played_once() {
        let text = LIES.replace("each:", "deal: true\neach:");
        let ids = |text: &str, protocols: &[Protocol], every_row: bool| -> Vec<String> {
            let text = text.to_owned();
            let library = Library::sound(&[Source { path: "identity/lies.yaml".into(), text }]).unwrap();
            let select = Selection { every_row, ..Selection::default() };
            let plan = plan(&library, &select, protocols, &[]).unwrap();
            plan.cases.into_iter().map(|case| case.id).collect()
        };
        let dealt = ids(&text, &Protocol::ALL, false);
        assert_eq!(dealt.len(), 2, "{dealt:?}");
        let protocol = |id: &str| id.rsplit('/').next().map(str::to_owned);
        assert_ne!(protocol(&dealt[0]), protocol(&dealt[1]), "the rows go round");
        assert_eq!(ids(&text, &[Protocol::Oidc], false).len(), 2, "one protocol plays them all");
        assert_eq!(ids(&text, &Protocol::ALL, true).len(), 6);

        let rowless = "id: shown
title: { ru: Показано, en: Shown }
requirements: [DEB-1]
tags: [smoke]
needs: [customer.link]
citizens: { anna: anna-confirmed }
deal: true
steps:
  - bank: { do: customer.link, for: anna, with: { scopes: [openid] } }
";
        assert_eq!(ids(rowless, &Protocol::ALL, false).len(), 1);
        assert_eq!(ids(rowless, &Protocol::ALL, true).len(), 3);
    }

    proptest::proptest! {
        #[test]
        fn no_protocol_is_left_without_its_share(ids in proptest::collection::hash_set("[a-z-]{4,24}", 300)) {
            let mut share = [0usize; 3];
            ids.iter().for_each(|id| share[first_turn(id) % 3] += 1);
            proptest::prop_assert!(share.iter().all(|part| *part > 50), "{share:?}");
        }
    }

    #[test]
    fn what_the_bank_does_not_claim_is_known_before_the_run() {
        let plan = plan(&library(), &Selection::default(), &[Protocol::Oidc], &[]).unwrap();
        assert_eq!(plan.cases[0].missing, ["customer.link"]);
    }

    #[test]
    fn an_empty_selection_is_an_error_with_a_mend() {
        let select = Selection { tags: vec!["smokee".to_owned()], ..Selection::default() };
        let error = plan(&library(), &select, &[Protocol::Oidc], &[]).unwrap_err();
        assert!(error.to_string().starts_with("the selection is empty"));
        let select = Selection { scenarios: vec!["lie".to_owned()], ..Selection::default() };
        let error = plan(&library(), &select, &[Protocol::Oidc], &[]).unwrap_err();
        assert!(error.to_string().contains("did you mean `lies`?"));
    }

    #[test]
    fn the_twin_has_no_lie_and_wants_ok() {
        let plan = plan(&library(), &Selection::default(), &[Protocol::Oidc], &[]).unwrap();
        let twin = clean(&plan.cases[0].steps);
        assert_eq!(twin.len(), 1);
        assert!(matches!(&twin[0].value, Step::Bank(bank) if bank.expect.is_none()));
    }
}
