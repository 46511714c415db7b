//! The suite tests itself: every deliberately broken bank must be caught by the rules it breaks, and by no unrelated one.
//!
//! The honest bank plays everything first: what fires there is our own fault, and what each rule had to judge there says
//! which cases arm it. A broken bank then plays the cases that arm its rules, nearest first, until it is caught, and one
//! smoke scenario of each theme, so that an unrelated rule has its chance to fire.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;

use rules::finding::Verdict;
use rules::rule::{Judge, Level, Rule};
use rules::trace::Protocol;
use serde::Serialize;
use std::sync::Arc;
use tokio::task::JoinSet;

use crate::certify::{self, Prepared};
use crate::clock::Watch;
use crate::coverage::Reached;
use crate::drive::lane::Ground;
use crate::drive::runner::{self, LanePlan, Played};
use crate::error::SuiteError;
use crate::events::{Event, Listener, Silent};
use crate::judging::Judged;
use crate::options::{Options, Selection};
use crate::plan::Case;
use crate::report::Report;

/// A deliberately broken bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    pub slug: String,
    /// Rules that must catch it. None: a bank that shows nothing; it is caught when the run is not clean and no lie
    /// counts as refused.
    pub breaks: Vec<String>,
    /// Rules that may fire besides; `*` means any.
    pub relatives: Vec<String>,
}

/// Knows the broken banks without the suite knowing them.
pub trait Launcher: Send + Sync {
    fn defects(&self) -> Vec<Defect>;
    /// Environment that makes the bank be this one.
    fn environment(&self, slug: &str) -> Vec<(String, String)>;
}

/// How much is tried.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Every broken bank over every case.
    pub full: bool,
    /// Only every N-th broken bank, from the I-th on (counted from 1).
    pub shard: Option<(u32, u32)>,
    /// Where the evidence is kept for the coverage table.
    pub keep: Option<PathBuf>,
}

/// What came of it. The first six members are the contract's.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SelftestReport {
    pub rules: usize,
    pub broken_banks: usize,
    pub caught: usize,
    /// Rules that caught no broken bank, among those that were tried.
    pub uncaught_rules: Vec<String>,
    /// Broken banks that nothing caught.
    pub uncaught_banks: Vec<String>,
    /// Rules that fired and have nothing to do with the bank.
    pub unrelated: Vec<Unrelated>,
    pub duration_ms: u64,
    /// What failed on the honest bank; must be empty.
    pub honest: Vec<String>,
    /// Broken banks that could not be tried, and why.
    pub errors: Vec<String>,
    /// Which rule caught which bank, and in which case.
    pub catches: Vec<Catch>,
}

/// A rule that fired without cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unrelated {
    pub bank: String,
    pub rule: String,
    pub case: String,
    pub message: String,
}

/// A bank caught by a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Catch {
    pub bank: String,
    pub rule: String,
    pub case: String,
}

impl SelftestReport {
    pub fn is_clean(&self) -> bool {
        self.uncaught_rules.is_empty()
            && self.uncaught_banks.is_empty()
            && self.unrelated.is_empty()
            && self.honest.is_empty()
            && self.errors.is_empty()
    }

    /// The result for a person.
    pub fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{} rules, {} broken banks, {} caught, in {:.1} s",
            self.rules,
            self.broken_banks,
            self.caught,
            self.duration_ms as f64 / 1000.0
        );
        let mut list = |title: &str, rows: Vec<String>| {
            if !rows.is_empty() {
                let _ = writeln!(out, "{title}:");
                rows.iter().for_each(|row| {
                    let _ = writeln!(out, "  {row}");
                });
            }
        };
        list("rules that catch no broken bank", self.uncaught_rules.clone());
        list("broken banks that nothing catches", self.uncaught_banks.clone());
        let unrelated = |row: &Unrelated| format!("{} on {} in {}: {}", row.rule, row.bank, row.case, row.message);
        list("unrelated rules that fired", self.unrelated.iter().map(unrelated).collect());
        list("fired on the honest bank", self.honest.clone());
        list("could not be tried", self.errors.clone());
        out
    }
}

/// Runs the self-test.
///
/// # Errors
/// When the portal or the honest bank cannot be started, or the shard makes no sense.
pub async fn selftest(
    options: Options,
    scope: Scope,
    launcher: &dyn Launcher,
    listener: Arc<dyn Listener>,
) -> Result<SelftestReport, SuiteError> {
    tokio::select! {
        report = run(&options, &scope, launcher, listener) => report,
        () = certify::interrupted() => Err(SuiteError::new("the run was interrupted", "start it again")),
    }
}

/// One broken bank, after its trial.
struct Trial {
    slug: String,
    fired: BTreeMap<&'static str, (String, String)>,
    caught: bool,
    error: Option<String>,
    reached: Reached,
}

async fn run(
    options: &Options,
    scope: &Scope,
    launcher: &dyn Launcher,
    listener: Arc<dyn Listener>,
) -> Result<SelftestReport, SuiteError> {
    let watch = Watch::start();
    // A rule is tried in its one protocol, so every row must be there.
    let options = &Options { select: Selection { every_row: true, ..options.select.clone() }, ..options.clone() };
    let defects = shard(launcher.defects(), scope.shard)?;
    for id in defects.iter().flat_map(|defect| defect.breaks.iter().chain(&defect.relatives)).filter(|id| *id != "*") {
        if rules::rule(id).is_none() {
            return Err(SuiteError::new(
                format!("a broken bank names the unknown rule `{id}`"),
                "mend the list of variants",
            ));
        }
    }
    let honest_options = Options { report: None, ..options.clone() };
    let honest = Honest::play(&honest_options, scope.full, listener.as_ref()).await?;
    // A trial waits for its bank most of the time: several for each processor.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = options.jobs.unwrap_or(3 * processors).max(1);
    let scratch = tempfile::Builder::new()
        .prefix("stend-selftest-")
        .tempdir()
        .map_err(|cause| SuiteError::new(format!("cannot make a temporary folder: {cause}"), "free some space"))?;
    let prepared = certify::prepare(options)?;
    let ground = certify::ground(options, &prepared, scratch.path()).await?;
    listener.on(&Event::Planned { cases: defects.len(), lanes: jobs });
    let shared = Arc::new(Shared { ground, prepared, honest, full: scope.full, listener });
    let mut waiting = defects.iter().cloned().enumerate();
    // Tasks of their own, so that trials share the processors; the set ends them when the run is interrupted.
    let mut trying = JoinSet::new();
    let start = |trying: &mut JoinSet<_>, (number, defect): (usize, Defect)| {
        let environment = launcher.environment(&defect.slug);
        trying.spawn(trial(shared.clone(), defect, environment, (number + 1) * 10));
    };
    waiting.by_ref().take(jobs).for_each(|next| start(&mut trying, next));
    let mut trials = Vec::new();
    while let Some(trial) = trying.join_next().await {
        trials.push(trial.map_err(|_| SuiteError::new("a trial panicked", "report it with the broken bank"))?);
        if let Some(next) = waiting.next() {
            start(&mut trying, next);
        }
    }
    let honest = &shared.honest;
    let reached: Vec<(String, Reached)> = trials
        .iter()
        .filter(|trial| trial.caught && trial.error.is_none())
        .map(|trial| (trial.slug.clone(), trial.reached.clone()))
        .collect();
    let report = conclude(&defects, trials, honest, scope, watch);
    if let Some(keep) = &scope.keep {
        let mut evidence = crate::coverage::Evidence::of(&honest.report);
        for catch in &report.catches {
            evidence.caught(&catch.rule, &catch.bank);
        }
        for (bank, reached) in &reached {
            evidence.provoked(bank, reached);
        }
        if scope.shard.is_some() && keep.exists() {
            evidence.merge(crate::coverage::Evidence::read(Some(keep))?);
        }
        evidence.write(keep)?;
    }
    shared.listener.on(&Event::Ended);
    Ok(report)
}

fn shard(mut defects: Vec<Defect>, shard: Option<(u32, u32)>) -> Result<Vec<Defect>, SuiteError> {
    defects.sort_by(|a, b| a.slug.cmp(&b.slug));
    let Some((index, of)) = shard else { return Ok(defects) };
    if index == 0 || index > of {
        return Err(SuiteError::new(format!("--shard {index}/{of} makes no sense"), "write 1/4 to 4/4"));
    }
    let mine = |(n, defect): (usize, Defect)| (n % of as usize == (index - 1) as usize).then_some(defect);
    Ok(defects.into_iter().enumerate().filter_map(mine).collect())
}

/// What the honest bank showed: which case arms which rule.
struct Honest {
    report: Report,
    /// Rule id → cases in which it had something to judge.
    arms: BTreeMap<String, Vec<String>>,
    duration: BTreeMap<String, u64>,
}

impl Honest {
    /// Everything in ESIA v3; in the other protocols what is only there, and the short tour.
    async fn play(options: &Options, full: bool, listener: &dyn Listener) -> Result<Self, SuiteError> {
        listener.on(&Event::Note("the honest bank plays first".to_owned()));
        let prepared = certify::prepare(options)?;
        let at_home: BTreeSet<String> = prepared
            .plan
            .cases
            .iter()
            .filter(|case| case.protocol == Protocol::EsiaV3)
            .map(|case| case.scenario.clone())
            .collect();
        let wanted = |case: &Case| {
            full || case.protocol == Protocol::EsiaV3
                || !at_home.contains(&case.scenario)
                || case.tags.iter().any(|tag| tag == "smoke")
        };
        let report = certify::run(options, Arc::new(Silent), &wanted).await?;
        let mut arms: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for rule in &report.rules {
            arms.insert(rule.id.clone(), rule.cases.iter().map(|case| case.case.clone()).collect());
        }
        let duration = report.scenarios.iter().map(|result| (result.case.clone(), result.duration_ms)).collect();
        Ok(Self { report, arms, duration })
    }
}

/// The protocol to try a rule in: ESIA v3 where it has a meaning there.
fn home(rule: &Rule) -> Protocol {
    let order = [Protocol::EsiaV3, Protocol::Oidc, Protocol::EsiaV1];
    order.into_iter().find(|protocol| rule.protocols.contains(protocol)).unwrap_or(Protocol::EsiaV3)
}

/// How near a case is to a rule: its lie first, then a name in common, then how little else it is about.
fn nearness(rule: &Rule, case: &Case, honest: &Honest) -> (u8, usize, u64) {
    let arms: &[&str] = match &rule.judge {
        Judge::Accept(row) => row.faults,
        Judge::Refusal(row) => row.faults,
        Judge::Duty(_) | Judge::Shown(_) => &[],
    };
    let lies = case.faults.iter().any(|fault| arms.contains(&fault.as_str()));
    let words = |text: &str| text.split(['-', '/', ':', '[', ']', ',']).map(str::to_owned).collect::<BTreeSet<_>>();
    let mine = words(rule.slug);
    let mut theirs = words(&case.id);
    theirs.extend(case.faults.iter().flat_map(|fault| words(fault)));
    let common = mine.intersection(&theirs).filter(|word| word.len() > 2).count();
    let serves = case.requirements.iter().any(|id| rule.requirements.contains(&id.as_str()));
    let far = u8::from(!lies) + u8::from(common == 0) + u8::from(!serves);
    (far, usize::MAX - common, honest.duration.get(&case.id).copied().unwrap_or(u64::MAX))
}

/// What all trials share.
struct Shared {
    ground: Ground,
    prepared: Prepared,
    honest: Honest,
    full: bool,
    listener: Arc<dyn Listener>,
}

async fn trial(shared: Arc<Shared>, defect: Defect, environment: Vec<(String, String)>, number: usize) -> Trial {
    let Shared { ground, prepared, honest, full, listener } = &*shared;
    let (defect, full) = (&defect, *full);
    let watch = Watch::start();
    let mut ground = Ground {
        exe: ground.exe.clone(),
        bank: ground.bank.clone(),
        portal: ground.portal.clone(),
        pki: ground.pki.clone(),
        folder: ground.folder.join(&defect.slug),
        nonce: ground.nonce.clone(),
        seed: ground.seed.wrapping_add(number as u64),
        bank_env: ground.bank_env.clone(),
    };
    ground.bank_env.extend(environment);
    let mut trial = Trial {
        slug: defect.slug.clone(),
        fired: BTreeMap::new(),
        caught: false,
        error: None,
        reached: Reached::default(),
    };
    for (offset, wanted) in wanted(prepared, defect, honest, full).into_iter().enumerate() {
        let plan = LanePlan { number: number + offset, ..wanted };
        // A lane that is only there to arm rules is not opened when all of them have fired.
        let fired = |trial: &Trial| {
            !defect.breaks.is_empty() && defect.breaks.iter().all(|id| trial.fired.contains_key(id.as_str()))
        };
        if offset > 0 && !full && plan.setting.is_some() && fired(&trial) {
            continue;
        }
        match one_lane(&ground, plan, defect, full, &mut trial).await {
            Ok(()) => {}
            Err(error) => trial.error = Some(format!("{}: {error}", defect.slug)),
        }
    }
    let duration_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    // The recordings of a trial are not evidence of the report; the verdicts are.
    let _ = std::fs::remove_dir_all(&ground.folder);
    listener.on(&Event::VariantEnded { slug: defect.slug.clone(), caught: trial.caught, duration_ms });
    trial
}

/// The cases of a trial, by protocol: those that arm the rules it breaks, nearest first, and a smoke case of each theme.
fn wanted(prepared: &Prepared, defect: &Defect, honest: &Honest, full: bool) -> Vec<LanePlan> {
    let rules: Vec<&Rule> = defect.breaks.iter().filter_map(|id| rules::rule(id)).collect();
    let mut homes: BTreeSet<Protocol> = rules.iter().map(|rule| home(rule)).collect();
    if homes.is_empty() {
        homes.insert(Protocol::EsiaV3);
    }
    homes
        .into_iter()
        .flat_map(|protocol| {
            let cases: Vec<&Case> = prepared
                .plan
                .cases
                .iter()
                .filter(|case| case.protocol == protocol && case.missing.is_empty())
                .collect();
            let (apart, cases): (Vec<&Case>, Vec<&Case>) = cases.into_iter().partition(|case| case.setting.is_some());
            let mut chosen: Vec<Case> = Vec::new();
            let mut take = |case: &Case| {
                if !chosen.iter().any(|known| known.id == case.id) {
                    chosen.push(case.clone());
                }
            };
            // One clean smoke case of each theme, cheapest first.
            let mut themes: BTreeMap<&str, &Case> = BTreeMap::new();
            for case in cases.iter().filter(|case| case.tags.iter().any(|tag| tag == "smoke")) {
                let known = themes.entry(&case.theme).or_insert(case);
                let cost = |case: &Case| (case.is_hostile(), honest.duration.get(&case.id).copied().unwrap_or(0));
                if cost(case) < cost(known) {
                    *known = case;
                }
            }
            for rule in rules.iter().filter(|rule| home(rule) == protocol) {
                let armed = honest.arms.get(rule.id).map(Vec::as_slice).unwrap_or_default();
                let mut arming: Vec<&&Case> = cases.iter().filter(|case| armed.contains(&case.id)).collect();
                arming.sort_by_key(|case| nearness(rule, case, honest));
                arming.into_iter().for_each(|case| take(case));
            }
            themes.into_values().for_each(&mut take);
            if full || rules.is_empty() {
                let smoke = |case: &&&Case| full || case.tags.iter().any(|tag| tag == "smoke");
                cases.iter().filter(smoke).for_each(|case| take(case));
            }
            let mut plans = vec![LanePlan { number: 0, protocol, setting: None, cases: chosen }];
            // What needs a portal of its own has a lane of its own, after the others.
            let arms =
                |case: &Case| rules.iter().any(|rule| honest.arms.get(rule.id).is_some_and(|by| by.contains(&case.id)));
            plans.extend(apart.into_iter().filter(|case| arms(case)).map(|case| LanePlan {
                number: 0,
                protocol,
                setting: case.setting.clone(),
                cases: vec![case.clone()],
            }));
            plans
        })
        .collect()
}

async fn one_lane(
    ground: &Ground,
    mut plan: LanePlan,
    defect: &Defect,
    full: bool,
    trial: &mut Trial,
) -> Result<(), SuiteError> {
    let traces = ground.folder.join("traces");
    std::fs::create_dir_all(&traces)
        .map_err(|cause| SuiteError::new(format!("cannot make {}: {cause}", traces.display()), "free some space"))?;
    let breaks: Vec<&'static str> = defect.breaks.iter().filter_map(|id| rules::rule(id)).map(|rule| rule.id).collect();
    // Smoke cases are played whatever is caught; those that only arm the rules are left once every rule here has fired.
    let smoke: BTreeSet<String> = plan
        .cases
        .iter()
        .filter(|case| case.tags.iter().any(|tag| tag == "smoke"))
        .map(|case| case.id.clone())
        .collect();
    let mine: BTreeSet<&'static str> =
        breaks.iter().copied().filter(|id| rules::rule(id).is_some_and(|rule| home(rule) == plan.protocol)).collect();
    // Smoke first (they are few, and any of them may catch it already), then what arms, nearest first.
    plan.cases.sort_by_key(|case| !smoke.contains(&case.id));
    let judged: Mutex<BTreeMap<String, Judged>> = Mutex::default();
    let file = |played: &mut Played| {
        let Ok(result) = certify::judge_played(played) else { return false };
        let mut judged = judged.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        judged.insert(played.case.id.clone(), result);
        let toured = smoke.iter().all(|id| judged.contains_key(id));
        let caught = !mine.is_empty() && mine.iter().all(|id| judged.values().any(|judged| fires(judged, id)));
        !full && toured && caught
    };
    let mut outcome = runner::run(ground, plan, &traces, &Silent, &file).await?;
    // Late calls are charged to their cases: those are judged again.
    for number in outcome.grown {
        if let Some(played) = outcome.played.get_mut(number) {
            file(played);
        }
    }
    let judged: Vec<Judged> =
        judged.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().collect();
    for result in &judged {
        trial.reached.join(&result.result.reached);
        if let Some(why) = result.result.why.as_ref().filter(|_| result.result.verdict == Verdict::Error) {
            trial.error = Some(format!("{} in {}: {}", defect.slug, result.result.case, why.en));
        }
        for (id, word) in &result.words {
            if fires(result, id) {
                trial.fired.entry(id).or_insert_with(|| (word.case.clone(), word.message.en.clone()));
            }
        }
    }
    trial.caught |= if breaks.is_empty() {
        // A bank that shows nothing: some case is not well, and not one lie counts as refused.
        let refused = |judged: &Judged| {
            judged.words.iter().any(|(id, word)| {
                word.verdict == Verdict::Pass
                    && rules::rule(id).is_some_and(|rule| matches!(rule.judge, Judge::Refusal(_)))
            })
        };
        judged.iter().any(|judged| judged.result.verdict > Verdict::Warning) && !judged.iter().any(refused)
    } else {
        breaks.iter().any(|id| trial.fired.contains_key(id))
    };
    Ok(())
}

/// A rule fires when it fails, or warns where its level lets it do no more.
fn fires(judged: &Judged, id: &str) -> bool {
    let Some(word) = judged.words.get(id) else { return false };
    match word.verdict {
        Verdict::Fail => true,
        Verdict::Warning => rules::rule(id).is_some_and(|rule| matches!(rule.level, Level::G | Level::S)),
        _ => false,
    }
}

fn conclude(defects: &[Defect], trials: Vec<Trial>, honest: &Honest, scope: &Scope, watch: Watch) -> SelftestReport {
    let mut report =
        SelftestReport { rules: rules::rules().len(), broken_banks: defects.len(), ..SelftestReport::default() };
    let mut catching: BTreeSet<&str> = BTreeSet::new();
    for trial in &trials {
        let Some(defect) = defects.iter().find(|defect| defect.slug == trial.slug) else { continue };
        let ids =
            |list: &[String]| list.iter().filter_map(|id| rules::rule(id)).map(|rule| rule.id).collect::<BTreeSet<_>>();
        let (breaks, relatives) = (ids(&defect.breaks), ids(&defect.relatives));
        report.errors.extend(trial.error.clone());
        if trial.caught {
            report.caught += 1;
        } else {
            report.uncaught_banks.push(defect.slug.clone());
        }
        for (rule, (case, message)) in &trial.fired {
            if breaks.contains(rule) {
                catching.insert(rule);
                report.catches.push(Catch { bank: defect.slug.clone(), rule: (*rule).to_owned(), case: case.clone() });
            } else if !relatives.contains(rule) && !defect.relatives.iter().any(|id| id == "*") {
                report.unrelated.push(Unrelated {
                    bank: defect.slug.clone(),
                    rule: (*rule).to_owned(),
                    case: case.clone(),
                    message: message.clone(),
                });
            }
        }
    }
    // With a shard or a choice of banks only the rules of those banks can be missed.
    let tried: BTreeSet<&str> =
        defects.iter().flat_map(|defect| &defect.breaks).filter_map(|id| rules::rule(id)).map(|rule| rule.id).collect();
    let whole = scope.shard.is_none() && defects.len() > rules::rules().len() / 2;
    report.uncaught_rules = rules::rules()
        .iter()
        .filter(|rule| rule.level != Level::I && !catching.contains(rule.id) && (whole || tried.contains(rule.id)))
        .map(|rule| rule.id.to_owned())
        .collect();
    report.honest = honest
        .report
        .findings
        .iter()
        .filter(|finding| finding.verdict >= Verdict::Inconclusive)
        .map(|finding| {
            format!(
                "{} in {}: {}",
                finding.rule_id.as_deref().unwrap_or("expectation"),
                finding.case,
                finding.message.en
            )
        })
        .collect();
    report.uncaught_banks.sort();
    report.unrelated.sort();
    report.catches.sort();
    report.errors.sort();
    report.duration_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defect(slug: &str) -> Defect {
        Defect { slug: slug.to_owned(), breaks: Vec::new(), relatives: Vec::new() }
    }

    #[test]
    fn shards_share_all_and_overlap_nowhere() {
        let all: Vec<Defect> = ["a", "b", "c", "d", "e"].map(defect).to_vec();
        let mut seen = Vec::new();
        for index in 1..=3 {
            seen.extend(shard(all.clone(), Some((index, 3))).unwrap().into_iter().map(|defect| defect.slug));
        }
        seen.sort();
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
        assert!(shard(all, Some((4, 3))).is_err());
    }

    #[test]
    fn the_json_has_the_members_of_the_contract() {
        let json = serde_json::to_value(SelftestReport::default()).unwrap();
        for member in
            ["rules", "broken_banks", "caught", "uncaught_rules", "uncaught_banks", "unrelated", "duration_ms"]
        {
            assert!(json.get(member).is_some(), "{member}");
        }
    }
}
