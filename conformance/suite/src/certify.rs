//! One run from options to report: read everything, start the portal, play the lanes, judge, write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use contract::control::Limits;
use contract::exchange::Party;
use contract::time::Span;
use rules::finding::Verdict;
use rules::trace::Protocol;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::clock::{self, Watch};
use crate::drive::lane::Ground;
use crate::drive::portal::{Launch, Portal};
use crate::drive::runner::{self, LaneOutcome, LanePlan, Played};
use crate::error::SuiteError;
use crate::events::{Event, Listener};
use crate::judging::{self, Judged, Run};
use crate::options::Options;
use crate::pki::Pki;
use crate::plan::{self, Case, Plan};
use crate::profile::{self, Bank};
use crate::report::model::{self, Bilingual, Report, ScenarioResult};
use crate::scenario::Library;
use crate::scenario::model::Step;

/// Certifies one bank.
///
/// # Errors
/// What could not be done: a file that cannot be read, an empty selection, a bank that never became ready. What the bank
/// does wrong is in the report, never here.
pub async fn certify(options: Options, listener: Arc<dyn Listener>) -> Result<Report, SuiteError> {
    // Children end with the futures that hold them, so an interrupted run leaves nothing behind.
    tokio::select! {
        report = run(&options, listener, &|_| true) => report,
        () = interrupted() => Err(SuiteError::new("the run was interrupted", "start it again")),
    }
}

/// Ctrl-C or SIGTERM.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Everything that must be right before anything starts.
pub(crate) struct Prepared {
    pub(crate) bank: Bank,
    pub(crate) plan: Plan,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) seed: u64,
}

pub(crate) fn prepare(options: &Options) -> Result<Prepared, SuiteError> {
    let library = Library::sound(&options.scenarios)?;
    let bank = profile::read(&options.bank)?;
    let wanted = |protocol: &&Protocol| options.protocols.is_empty() || options.protocols.contains(protocol);
    let protocols: Vec<Protocol> = bank.protocols.iter().filter(wanted).copied().collect();
    let plan = plan::plan(&library, &options.select, &protocols, &bank.offers())?;
    let seed = options.seed.unwrap_or_else(|| clock::wall_us().unsigned_abs() % 1_000_000_007);
    Ok(Prepared { bank, plan, protocols, seed })
}

/// The same, for the cases that `wanted` picks.
pub(crate) async fn run(
    options: &Options,
    listener: Arc<dyn Listener>,
    wanted: &(dyn Fn(&Case) -> bool + Send + Sync),
) -> Result<Report, SuiteError> {
    let watch = Watch::start();
    let started = clock::now();
    let mut prepared = prepare(options)?;
    prepared.plan.cases.retain(|case| wanted(case));
    let scratch = tempfile::Builder::new()
        .prefix("stend-")
        .tempdir()
        .map_err(|cause| SuiteError::new(format!("cannot make a temporary folder: {cause}"), "free some space"))?;
    let folder = match &options.report {
        Some(report) => report.clone(),
        None => scratch.path().join("report"),
    };
    let traces = folder.join("traces");
    fresh(&traces)?;
    let (playable, unplayed) = split(&prepared.plan);
    let lanes = lanes(playable, &prepared.bank, options);
    listener.on(&Event::Planned { cases: lanes.iter().map(|lane| lane.cases.len()).sum(), lanes: lanes.len() });
    let mut outcome = Vec::new();
    let state = options.state.clone().unwrap_or_else(|| "memory".to_owned());
    if !lanes.is_empty() {
        let ground = ground(options, &prepared, scratch.path()).await?;
        outcome = play(Arc::new(ground), lanes, &traces, &listener, options.jobs).await?;
    }
    let report = conclude(options, &prepared, outcome, unplayed, state, started, watch)?;
    if options.report.is_some() {
        crate::report::har::write(&report, &folder)?;
        crate::report::write(&report, &folder)?;
    }
    listener.on(&Event::Ended);
    Ok(report)
}

/// An empty folder for recordings; those of an earlier run would be taken for this one's.
fn fresh(traces: &Path) -> Result<(), SuiteError> {
    let failed =
        |cause: std::io::Error| SuiteError::new(format!("cannot make {}: {cause}", traces.display()), "check --report");
    if traces.is_dir() {
        for entry in std::fs::read_dir(traces).map_err(failed)?.flatten() {
            if entry.path().extension().is_some_and(|kind| kind == "json") {
                std::fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
    }
    std::fs::create_dir_all(traces).map_err(failed)
}

/// Cases to play, and cases that the bank does not claim.
fn split(plan: &Plan) -> (Vec<Case>, Vec<(ScenarioResult, Vec<String>)>) {
    let (playable, missing): (Vec<Case>, Vec<Case>) =
        plan.cases.iter().cloned().partition(|case| case.missing.is_empty());
    let mut unplayed: Vec<(ScenarioResult, Vec<String>)> = missing
        .into_iter()
        .map(|case| {
            let claims = case.missing.join(", ");
            let why =
                Bilingual::new(format!("банк не заявляет: {claims}"), format!("the bank does not claim {claims}"));
            (unplayed_result(&case, Verdict::NotClaimed, why), case.faults)
        })
        .collect();
    for (id, wanted) in &plan.without_protocol {
        let wanted = wanted.join(", ");
        let result = ScenarioResult {
            id: id.clone(),
            case: id.clone(),
            row: None,
            title: Bilingual::default(),
            protocol: String::new(),
            requirements: Vec::new(),
            verdict: Verdict::NotApplicable,
            why: Some(Bilingual::new(format!("нужен протокол {wanted}"), format!("needs the protocol {wanted}"))),
            duration_ms: 0,
            steps: Vec::new(),
            trace: None,
            trace_sha256: None,
            calls: BTreeMap::new(),
            reached: Default::default(),
        };
        unplayed.push((result, Vec::new()));
    }
    (playable, unplayed)
}

fn unplayed_result(case: &Case, verdict: Verdict, why: Bilingual) -> ScenarioResult {
    ScenarioResult { verdict, why: Some(why), ..blank(case) }
}

fn blank(case: &Case) -> ScenarioResult {
    ScenarioResult {
        id: case.scenario.clone(),
        case: case.id.clone(),
        row: case.row.clone(),
        title: case.title.clone(),
        protocol: case.protocol.as_str().to_owned(),
        requirements: case.requirements.clone(),
        verdict: Verdict::Pass,
        why: None,
        duration_ms: 0,
        steps: Vec::new(),
        trace: None,
        trace_sha256: None,
        calls: BTreeMap::new(),
        reached: Default::default(),
    }
}

/// A lane costs the start of a bank: fewer cases than this are not divided.
const WORTH_A_LANE: usize = 8;

/// One lane for each protocol and portal setting; more where more may play at once. A bank that already runs has one.
fn lanes(cases: Vec<Case>, bank: &Bank, options: &Options) -> Vec<LanePlan> {
    let mut groups: BTreeMap<(Protocol, String), Vec<Case>> = BTreeMap::new();
    for case in cases {
        let setting = case.setting.as_ref().map(|setting| (setting.strictness.clone(), setting.limits.clone()));
        let key =
            serde_json::to_string(&setting.filter(|(strictness, limits)| strictness.is_some() || !limits.is_empty()));
        groups.entry((case.protocol, key.unwrap_or_default())).or_default().push(case);
    }
    // Three of each by default: while one lane waits for its bank, the others have work for the processor.
    let jobs = options.jobs.unwrap_or(3 * groups.len()).max(1);
    // A bank that stands at a fixed port cannot stand beside itself.
    let repeats = bank.profile.start.as_ref().is_some_and(|start| start.ready.http.contains("{port."));
    let copies = if repeats { (jobs / groups.len().max(1)).max(1) } else { 1 };
    let mut lanes = Vec::new();
    for ((protocol, _), cases) in groups {
        let shares = shares(cases, copies);
        for cases in shares.into_iter().filter(|cases| !cases.is_empty()) {
            let setting = cases.first().and_then(|case| case.setting.clone());
            lanes.push(LanePlan { number: lanes.len() + 1, protocol, setting, cases });
        }
    }
    lanes
}

/// The cases of one group on several lanes that take about as long. Rows of one scenario stay together: they share a twin.
fn shares(cases: Vec<Case>, copies: usize) -> Vec<Vec<Case>> {
    let mut shares: Vec<Vec<Case>> = vec![Vec::new(); copies.min(cases.len().div_ceil(WORTH_A_LANE)).max(1)];
    let mut scenarios: Vec<(usize, Vec<Case>)> = Vec::new();
    for case in cases {
        match scenarios.last_mut().filter(|(_, rows)| rows.first().is_some_and(|row| row.scenario == case.scenario)) {
            Some((_, rows)) => rows.push(case),
            None => scenarios.push((scenarios.len(), vec![case])),
        }
    }
    let work = |rows: &[Case]| rows.iter().map(work).sum::<usize>();
    // The longest first, each to the lane that has least to do so far.
    scenarios.sort_by_key(|(place, rows)| (std::cmp::Reverse(work(rows)), *place));
    let mut parts: Vec<Vec<(usize, Vec<Case>)>> = vec![Vec::new(); shares.len()];
    let mut loads = vec![0; shares.len()];
    for scenario in scenarios {
        let least = loads.iter().enumerate().min_by_key(|(_, load)| **load).map_or(0, |(at, _)| at);
        loads[least] += work(&scenario.1);
        parts[least].push(scenario);
    }
    for (share, mut part) in shares.iter_mut().zip(parts) {
        part.sort_by_key(|(place, _)| *place);
        share.extend(part.into_iter().flat_map(|(_, rows)| rows));
    }
    shares
}

/// How long a case takes, roughly: its steps, and the clean flow after a lie; what moves the clock often waits besides, and
/// a bank that follows events waits until none comes any more.
fn work(case: &Case) -> usize {
    let follows = |step: &Step| matches!(step, Step::Bank(bank) if bank.action.value == "events.follow");
    let steps =
        1 + case.steps.len() + if case.is_hostile() { 2 } else { 0 } + if case.clock() > Span::ZERO { 2 } else { 0 };
    if case.steps.iter().any(|step| follows(&step.value)) { 4 * steps } else { steps }
}

/// Starts (or meets) the portal and issues the bank's certificates.
pub(crate) async fn ground(options: &Options, prepared: &Prepared, folder: &Path) -> Result<Ground, SuiteError> {
    let portal = match &options.portal {
        Some(ready) => Portal::running(ready)?,
        None => {
            let home = folder.join("portal");
            std::fs::create_dir_all(&home).map_err(|cause| {
                SuiteError::new(format!("cannot make {}: {cause}", home.display()), "check the temporary folder")
            })?;
            let listen = prepared.bank.profile.portal.as_ref().map(|portal| portal.listen.as_str());
            let launch = Launch {
                exe: &options.exe,
                folder: &home,
                state: options.state.as_deref(),
                seed: prepared.seed,
                listen,
            };
            Portal::start(launch).await?
        }
    };
    let pki = Pki::make(&prepared.bank, options.alg.as_deref(), &portal.authority(), folder)?;
    Ok(Ground {
        exe: options.exe.clone(),
        bank: prepared.bank.clone(),
        portal: Arc::new(portal),
        pki,
        folder: folder.to_owned(),
        nonce: hex::encode(&Sha256::digest(format!("{} {}", prepared.seed, clock::wall_us()))[..6]),
        seed: prepared.seed,
        bank_env: options.bank_env.clone(),
    })
}

/// A lane that has ended, with every rule's word on its cases.
type Ended = (LaneOutcome, Vec<Judged>);

async fn play(
    ground: Arc<Ground>,
    lanes: Vec<LanePlan>,
    traces: &Path,
    listener: &Arc<dyn Listener>,
    jobs: Option<usize>,
) -> Result<Vec<Ended>, SuiteError> {
    let mut waiting = lanes.into_iter();
    // Tasks of their own, so that lanes share the processors; the set ends them when the run is interrupted.
    let mut playing = JoinSet::new();
    let start = |playing: &mut JoinSet<_>, lane: LanePlan| {
        let number = lane.number;
        let played = play_lane(ground.clone(), lane, traces.to_owned(), listener.clone());
        playing.spawn(async move { played.await.map(|ended| (number, ended)) });
    };
    for lane in waiting.by_ref().take(jobs.unwrap_or(usize::MAX).max(1)) {
        start(&mut playing, lane);
    }
    let mut ended = Vec::new();
    while let Some(lane) = playing.join_next().await {
        ended.push(lane.map_err(|_| SuiteError::new("a lane panicked", "report it with the recordings"))??);
        if let Some(lane) = waiting.next() {
            start(&mut playing, lane);
        }
    }
    ended.sort_by_key(|(number, _)| *number);
    Ok(ended.into_iter().map(|(_, ended)| ended).collect())
}

/// Plays a lane, and judges each case while the next ones are played: judging is all computing, playing mostly waiting.
async fn play_lane(
    ground: Arc<Ground>,
    lane: LanePlan,
    traces: PathBuf,
    listener: Arc<dyn Listener>,
) -> Result<Ended, SuiteError> {
    let judging = Mutex::new(Vec::new());
    let judge = |played: &mut Played| {
        let played = played.clone();
        let judged = tokio::task::spawn_blocking(move || judge_played(&played));
        judging.lock().unwrap_or_else(PoisonError::into_inner).push(judged);
        false
    };
    let outcome = runner::run(&ground, lane, &traces, listener.as_ref(), &judge).await?;
    let mut judging = judging.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Late calls were charged to their cases: those are judged again.
    for number in &outcome.grown {
        if let (Some(place), Some(played)) = (judging.get_mut(*number), outcome.played.get(*number)) {
            let played = played.clone();
            *place = tokio::task::spawn_blocking(move || judge_played(&played));
        }
    }
    let mut words = Vec::new();
    for judged in judging {
        let panicked = |_| SuiteError::new("a rule panicked while judging", "report it with the recordings");
        words.push(judged.await.map_err(panicked)??);
    }
    Ok((outcome, words))
}

/// Judges one played case.
pub(crate) fn judge_played(played: &Played) -> Result<Judged, SuiteError> {
    let mut result = blank(&played.case);
    result.duration_ms = u64::try_from(played.duration.as_millis()).unwrap_or(u64::MAX);
    result.steps.clone_from(&played.steps);
    if let Some(error) = &played.error {
        result.verdict = Verdict::Error;
        result.why = Some(Bilingual::new(format!("ошибка стенда: {error}"), format!("the suite's own error: {error}")));
        return Ok(Judged {
            result,
            faults: played.case.faults.clone(),
            words: BTreeMap::new(),
            unmet: Vec::new(),
            algorithms: Default::default(),
        });
    }
    let trace = match &played.recording {
        Some(trace) => trace.clone(),
        None => Arc::new(runner::load(&played.trace)?),
    };
    result.calls = runner::calls(&trace.events, &[Party::Bank, Party::Browser]);
    result.reached = crate::coverage::Reached::of(&trace);
    result.trace = played.trace.file_name().map(|name| format!("traces/{}", name.to_string_lossy()));
    result.trace_sha256 = Some(played.digest.clone());
    Ok(judging::judge(&trace, result, played.case.faults.clone()))
}

fn conclude(
    options: &Options,
    prepared: &Prepared,
    lanes: Vec<Ended>,
    mut unplayed: Vec<(ScenarioResult, Vec<String>)>,
    state: String,
    started: contract::time::Timestamp,
    watch: Watch,
) -> Result<Report, SuiteError> {
    let (outcome, judged): (Vec<LaneOutcome>, Vec<Vec<Judged>>) = lanes.into_iter().unzip();
    let judged = judged.into_iter().flatten().collect();
    for lane in &outcome {
        for (case, verdict, ru, en) in &lane.skipped {
            let result = unplayed_result(case, *verdict, Bilingual::new(ru.as_str(), en.as_str()));
            unplayed.push((result, case.faults.clone()));
        }
    }
    let concluded = judging::conclude(Run {
        judged,
        unplayed,
        everything: options.select.is_everything(),
        protocols: &prepared.protocols,
        gaps: judging::gaps(&prepared.bank.profile),
        today: started.day(),
    });
    let first = outcome.first();
    let profile = &prepared.bank.profile;
    let version = first.map(|lane| lane.bank_version.clone()).filter(|version| !version.is_empty());
    let finished = clock::now();
    let duration_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut summary = concluded.summary;
    summary.duration_ms = duration_ms;
    Ok(Report {
        schema: model::SCHEMA.to_owned(),
        tool: model::Tool { name: "stend".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        run: model::Run {
            id: hex::encode(&Sha256::digest(format!("{} {}", prepared.seed, started.millis()))[..8]),
            seed: prepared.seed,
            started: started.to_string(),
            finished: finished.to_string(),
            duration_ms,
            selection: selection(options),
            dealt_out: prepared.plan.dealt,
        },
        bank: model::Bank {
            name: profile.bank.name.clone(),
            version: version.unwrap_or_else(|| profile.bank.version.clone()),
            contact: profile.bank.contact.clone(),
            client_id: profile.client.id.clone(),
            protocols: prepared.protocols.iter().map(|protocol| protocol.as_str().to_owned()).collect(),
            claims: prepared.bank.claims.clone(),
            algorithms: concluded.algorithms,
            clock: if first.is_some_and(|lane| lane.clock_movable) { "movable" } else { "fixed" }.to_owned(),
            known_gaps: concluded.gaps,
        },
        portal: model::Portal {
            origin: first.map(|lane| lane.portal_origin.clone()).unwrap_or_default(),
            esia_issuer: first.map(|lane| lane.issuers.0.clone()).unwrap_or_default(),
            oidc_issuer: first.map(|lane| lane.issuers.1.clone()).unwrap_or_default(),
            state,
        },
        limits: limits(first.and_then(|lane| lane.limits)),
        algorithms: concluded.exercised,
        summary,
        requirements: concluded.requirements,
        rules: concluded.rules,
        scenarios: concluded.scenarios,
        findings: concluded.findings,
        left_out: concluded.left_out,
    })
}

fn limits(limits: Option<Limits>) -> BTreeMap<String, String> {
    let value = serde_json::to_value(limits.unwrap_or_default()).unwrap_or_default();
    let members = value.as_object().cloned().unwrap_or_default();
    members.into_iter().map(|(name, value)| (name, crate::scenario::fill::written(&value))).collect()
}

fn selection(options: &Options) -> String {
    let select = &options.select;
    let mut words = Vec::new();
    for (kind, list) in [("scenario", &select.scenarios), ("requirement", &select.requirements), ("tag", &select.tags)]
    {
        if !list.is_empty() {
            words.push(format!("{kind}: {}", list.join(", ")));
        }
    }
    words.extend(select.plan.iter().map(|plan| format!("plan: {plan}")));
    if words.is_empty() { "all".to_owned() } else { words.join("; ") }
}

/// Every rule again over the recordings that a report keeps, with no bank and no portal.
///
/// # Errors
/// When the folder holds no report, or a recording cannot be read.
pub fn judge(folder: &Path) -> Result<Report, SuiteError> {
    let old = crate::report::read(folder)?;
    let mut judged = Vec::new();
    let mut unplayed = Vec::new();
    for mut result in old.scenarios {
        match &result.trace {
            None if result.verdict == Verdict::Error => judged.push(Judged {
                result,
                faults: Vec::new(),
                words: BTreeMap::new(),
                unmet: Vec::new(),
                algorithms: Default::default(),
            }),
            None => unplayed.push((result, Vec::new())),
            Some(file) => {
                let path = folder.join(file);
                let trace = runner::load(&path)?;
                result.trace_sha256 = std::fs::read(&path).ok().map(|bytes| hex::encode(Sha256::digest(bytes)));
                let faults = armed(&trace);
                judged.push(judging::judge(&trace, result, faults));
            }
        }
    }
    let protocols: Vec<Protocol> = old.bank.protocols.iter().filter_map(|name| crate::protocol(name).ok()).collect();
    let concluded = judging::conclude(Run {
        judged,
        unplayed,
        everything: old.run.selection == "all",
        protocols: &protocols,
        gaps: old.bank.known_gaps.clone(),
        today: clock::now().day(),
    });
    let mut summary = concluded.summary;
    summary.duration_ms = old.run.duration_ms;
    Ok(Report {
        run: old.run,
        portal: old.portal,
        limits: old.limits,
        bank: model::Bank { algorithms: concluded.algorithms, known_gaps: concluded.gaps, ..old.bank },
        algorithms: concluded.exercised,
        summary,
        requirements: concluded.requirements,
        rules: concluded.rules,
        scenarios: concluded.scenarios,
        findings: concluded.findings,
        left_out: concluded.left_out,
        ..Report::empty()
    })
}

/// Lies and attacks that a recording holds.
fn armed(trace: &rules::trace::Trace) -> Vec<String> {
    trace
        .events
        .iter()
        .filter_map(|event| match &event.what {
            rules::trace::What::Act(act) if act.actor == "portal" && act.what == "fault" => {
                act.data["fault"].as_str().map(str::to_owned)
            }
            rules::trace::What::Act(act) if act.actor == "attacker" => Some(format!("attacker:{}", act.what)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Selection;
    use crate::scenario::Source;

    #[test]
    fn lanes_of_a_kind_have_as_much_to_do_and_share_no_scenario() {
        let scenario = |id: &str, rows: usize| {
            let row = "\n  - { fault: id-token-alg-none }".repeat(rows);
            let text = format!(
                "id: {id}\ntitle: {{ ru: Ложь, en: Lies }}\nrequirements: [IDN-1]\nneeds: [customer.link]\n\
                 citizens: {{ anna: anna-confirmed }}\neach:{row}\nsteps:\n  - portal: {{ fault: \"{{fault}}\", on: anna }}\n  \
                 - bank: {{ do: customer.link, for: anna, with: {{ scopes: [openid] }}, expect: {{ outcome: refused }} }}\n"
            );
            Source { path: format!("identity/{id}.yaml").into(), text }
        };
        let sources = [scenario("a", 6), scenario("b", 2), scenario("c", 10), scenario("d", 4), scenario("e", 2)];
        let library = Library::sound(&sources).unwrap();
        let plan =
            plan::plan(&library, &Selection::default(), &[Protocol::Oidc], &["customer.link".to_owned()]).unwrap();
        let shares = shares(plan.cases, 2);
        let counts: Vec<usize> = shares.iter().map(Vec::len).collect();
        assert_eq!(counts, [12, 12]);
        let scenarios =
            |share: &[Case]| share.iter().map(|case| case.scenario.clone()).collect::<std::collections::BTreeSet<_>>();
        assert!(scenarios(&shares[0]).is_disjoint(&scenarios(&shares[1])));
    }
}
