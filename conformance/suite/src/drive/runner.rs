//! Plays the cases of a lane: the clean twin first, then the case, then a clean flow that shows the bank is still alive;
//! closes the recording of each, and charges late calls to the case that they belong to, to the end of the run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use contract::adapter::Outcome;
use contract::control::FaultAsk;
use contract::exchange::{Exchange, Party};
use contract::journal::{Entry, kinds};
use contract::time::Span;
use futures_util::future::join_all;
use rules::finding::Verdict;
use rules::trace::{Act, Alive, Event, Person, Protocol, Trace, Twin, What};
use serde_json::{Map, json};
use serde_saphyr::{Location, Spanned};
use sha2::{Digest, Sha256};
use url::Url;

use super::browser::Browser;
use super::lane::{Ground, Lane};
use super::play::{Gate, Member, Play, State};
use super::{attacker, awaiting, bank, citizen, clock, expect, matters, partner, stranger};
use crate::clock::{Pace, Watch, wall_us};
use crate::collect::canary::{self, Known, Marks};
use crate::collect::{Owner, Owners};
use crate::error::SuiteError;
use crate::events::{Event as Told, Listener};
use crate::plan::{self, Case};
use crate::report::model::StepResult;
use crate::scenario::fill;
use crate::scenario::model::{BankStep, PortalStep, Setting, Step};

pub(crate) const TRACE_SCHEMA: &str = "https://stend.example/schemas/trace-1.json";

/// The cases of one lane.
#[derive(Clone, Debug)]
pub(crate) struct LanePlan {
    pub(crate) number: usize,
    pub(crate) protocol: Protocol,
    pub(crate) setting: Option<Setting>,
    pub(crate) cases: Vec<Case>,
}

/// A case that was played: its recording, kept as a file, and what the harness knows beside it.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    pub(crate) case: Case,
    pub(crate) trace: PathBuf,
    pub(crate) steps: Vec<StepResult>,
    pub(crate) duration: Duration,
    /// The suite's own failure in this case.
    pub(crate) error: Option<String>,
    /// The recording itself, for whoever wants it at once; the file holds the same.
    pub(crate) recording: Option<Arc<Trace>>,
    /// SHA-256 of the file.
    pub(crate) digest: String,
}

/// What a lane has to tell.
#[derive(Debug, Default)]
pub(crate) struct LaneOutcome {
    pub(crate) played: Vec<Played>,
    /// Cases that were not played, with the verdict and the reason in Russian and English.
    pub(crate) skipped: Vec<(Case, Verdict, String, String)>,
    pub(crate) bank_version: String,
    pub(crate) clock_movable: bool,
    pub(crate) portal_origin: String,
    pub(crate) issuers: (String, String),
    pub(crate) limits: Option<contract::control::Limits>,
    /// Cases whose recording grew after they were closed, by their place in `played`.
    pub(crate) grown: Vec<usize>,
}

/// Takes the recording after each case, and says whether the rest of the lane is still wanted; the self-test stops when a
/// variant is caught.
pub(crate) type Enough<'a> = &'a (dyn Fn(&mut Played) -> bool + Send + Sync);

/// Opens the lane, plays its cases, closes it.
pub(crate) async fn run(
    ground: &Ground,
    mut wanted: LanePlan,
    traces: &std::path::Path,
    listener: &dyn Listener,
    enough: Enough<'_>,
) -> Result<LaneOutcome, SuiteError> {
    let lane = Lane::open(ground, wanted.number, wanted.protocol, wanted.setting.as_ref()).await?;
    listener.on(&Told::LaneReady { lane: lane.name.clone() });
    let mut outcome = LaneOutcome {
        bank_version: lane.version.clone(),
        clock_movable: lane.clock_movable,
        portal_origin: lane.portal_facts.origin.clone(),
        issuers: (lane.portal_facts.esia_issuer.clone(), lane.portal_facts.oidc_issuer.clone()),
        limits: Some(lane.sandbox.opened.limits),
        ..LaneOutcome::default()
    };
    // Time never goes back in a lane: the cases that move it come last, the small steps first.
    wanted.cases.sort_by_key(Case::clock);
    let mut runner = Runner {
        lane: &lane,
        owners: Owners::default(),
        twins: BTreeMap::new(),
        late: BTreeMap::new(),
        known: Known::default(),
        traces,
    };
    let mut stopped = false;
    for (number, case) in wanted.cases.into_iter().enumerate() {
        if case.clock() > Span::ZERO && !lane.clock_movable {
            let ru = "часы банка не переводятся, а сценарий их двигает".to_owned();
            let en = "the bank's clock cannot be moved, and the scenario moves it".to_owned();
            outcome.skipped.push((case, Verdict::NotApplicable, ru, en));
            continue;
        }
        if lane.is_hopeless() {
            let ru = "банк раз за разом ничего не отвечал; случай не сыгран".to_owned();
            let en = "the bank answered nothing again and again; the case was not played".to_owned();
            outcome.skipped.push((case, Verdict::Inconclusive, ru, en));
            continue;
        }
        listener.on(&Told::CaseStarted { lane: lane.name.clone(), case: case.id.clone() });
        let watch = Watch::start();
        let mut played = match runner.case(number, &case).await {
            Ok(mut played) => {
                played.duration = watch.elapsed();
                played
            }
            Err(error) => Played {
                trace: PathBuf::new(),
                steps: Vec::new(),
                duration: watch.elapsed(),
                error: Some(error.to_string()),
                recording: None,
                digest: String::new(),
                case,
            },
        };
        let verdict = match &played.error {
            Some(_) => Verdict::Error,
            // What the rules say is known at the end; here only whether the scenario's own expectations held.
            None if played.steps.iter().all(|step| step.state == "done") => Verdict::Pass,
            None => Verdict::Fail,
        };
        let duration_ms = u64::try_from(played.duration.as_millis()).unwrap_or(u64::MAX);
        listener.on(&Told::CaseEnded { lane: lane.name.clone(), case: played.case.id.clone(), verdict, duration_ms });
        let stop = enough(&mut played);
        played.recording = None;
        outcome.played.push(played);
        if stop {
            stopped = true;
            break;
        }
    }
    if !stopped && !lane.is_hopeless() {
        runner.wait_out().await?;
    }
    outcome.grown = runner.last_look(&mut outcome.played).await?;
    lane.close().await;
    Ok(outcome)
}

struct Runner<'a> {
    lane: &'a Lane,
    owners: Owners,
    twins: BTreeMap<String, Twin>,
    /// Events of cases that were closed already.
    late: BTreeMap<usize, Vec<Event>>,
    /// What the bank's storage held at the last scan.
    known: Known,
    traces: &'a std::path::Path,
}

impl Runner<'_> {
    async fn case(&mut self, number: usize, case: &Case) -> Result<Played, SuiteError> {
        let lane = self.lane;
        let twin = if case.is_hostile() { Some(self.twin(case).await?) } else { None };
        if lane.bank_died().is_some() {
            lane.revive().await?;
        }
        let begun = wall_us();
        let marks = Marks::set(&lane.evidence);
        let play = self.cast(case, Owner::Case(number)).await?;
        for fault in case.setting.iter().flat_map(|setting| &setting.faults) {
            lane.arm(&play, FaultAsk { fault: fault.value.clone(), ..FaultAsk::default() }).await?;
        }
        self.steps(&play, &case.steps).await?;
        lane.collect().await?;
        for expect in &case.expect {
            expect::check(lane, &play, &expect.value).await?;
        }
        self.settle(&play).await?;
        let died = lane.bank_died();
        if let Some(how) = &died {
            play.act("suite", "bank-died", None, json!({"how": how}));
            play.unmet(None, format!("the bank's process ended in this case: {how}"), Vec::new());
        }
        if !case.is_hostile() {
            let entries = lane.entries(&play);
            let missing = effects(&play.state(), &entries);
            for unmet in missing {
                play.unmet(unmet.0, unmet.1, unmet.2);
            }
        }
        let ended = wall_us();
        let alive = if case.is_hostile() { Some(self.alive(case).await?) } else { None };
        if let Some(alive) = &alive {
            play.act("suite", "alive", None, json!({"ended_well": alive.ended_well, "why_not": alive.why_not}));
        }
        if lane.bank_died().is_some() {
            lane.revive().await?;
        }
        let again = case.faults.iter().any(|fault| fault.starts_with("key"))
            || case.steps.iter().any(|step| matches!(&step.value, Step::Portal(portal) if portal.rotate.is_some()));
        let jwks = lane.jwks(again).await;
        lane.collect().await?;
        let (mine, late) = self.divide(Owner::Case(number), begun, ended, number == 0);
        for (owner, event) in late {
            self.late.entry(owner).or_default().push(event);
        }
        let State { mut events, people, unmet, steps, .. } = play.into_state();
        events.extend(mine);
        let people: Vec<Person> = people.into_values().map(|member| Arc::unwrap_or_clone(member.person)).collect();
        let scan = canary::scan(&lane.evidence, &marks, &mut self.known, &people, &events);
        let data = json!({"places": scan.places, "planted": scan.planted});
        let act = Act { actor: "suite".to_owned(), what: "scan".to_owned(), step: None, data };
        events.push(Event { wall_us: ended, what: What::Act(act) });
        events.extend(scan.found.into_iter().map(|canary| Event { wall_us: ended, what: What::Canary(canary) }));
        events.sort_by_key(|event| event.wall_us);
        let mut portal = lane.portal_facts.clone();
        portal.jwks = jwks;
        portal.tls_certificate = lane.agency.certificate(&lane.agency.portal);
        let mut bank = lane.bank_facts.clone();
        bank.tls_certificate = lane.agency.bank.as_ref().and_then(|origin| lane.agency.certificate(origin));
        let trace = Trace {
            schema: TRACE_SCHEMA.to_owned(),
            case: rules::trace::Case {
                id: case.id.clone(),
                scenario: case.scenario.clone(),
                row: case.row.clone(),
                protocol: case.protocol,
                seed: lane.seed(),
                requirements: case.requirements.clone(),
            },
            bank,
            portal,
            people,
            events,
            twin,
            alive,
            unmet,
        };
        let file = self.traces.join(file_name(&case.id));
        let digest = keep(&file, &trace)?;
        Ok(Played {
            case: case.clone(),
            trace: file,
            steps,
            duration: Duration::ZERO,
            error: None,
            recording: Some(Arc::new(trace)),
            digest,
        })
    }

    /// Fresh people for one playing.
    async fn cast(&mut self, case: &Case, owner: Owner) -> Result<Play, SuiteError> {
        let play = Play::default();
        for (name, story) in &case.citizens {
            let view = self.lane.sandbox.citizen(story).await?;
            let oid = view["oid"]
                .as_i64()
                .ok_or_else(|| SuiteError::new(format!("the citizen like `{story}` has no oid"), ""))?;
            let slug = view["slug"].as_str().unwrap_or(story).to_owned();
            self.owners.person(oid, owner);
            let person = Arc::new(Person { name: name.clone(), slug, oid, view, customer: None });
            let member =
                Member { person, browser: Arc::new(Browser::default()), moods: Default::default(), callback: None };
            play.state().people.insert(name.clone(), member);
        }
        Ok(play)
    }

    /// Fills a step with what is known by now; the names that lead nowhere come back.
    fn fill(&self, play: &Play, step: &mut Step) -> Vec<String> {
        let missing = std::cell::RefCell::new(Vec::new());
        let find = |name: &fill::Name| {
            let value = play.lookup(name).or_else(|| partner::fresh(self.lane, name));
            if value.is_none() {
                missing.borrow_mut().push(name.root.clone());
            }
            value
        };
        fill::fill_step(step, fill::Lookup::last(&find));
        missing.into_inner()
    }

    async fn steps(&self, play: &Play, steps: &[Spanned<Step>]) -> Result<(), SuiteError> {
        let mut lied = false;
        for (index, step) in steps.iter().enumerate() {
            let mut step = step.value.clone();
            let missing = self.fill(play, &mut step);
            let described = step.describe();
            if let Some(name) = missing.first() {
                let message =
                    format!("skipped: nothing stands under `{{{name}}}`, because an earlier step gave no such value");
                play.unmet(Some(index), message.clone(), Vec::new());
                let result = StepResult { index, step: described, state: "skipped".to_owned(), seen: Some(message) };
                play.state().steps.push(result);
                continue;
            }
            lied |= step.is_hostile();
            let before = play.state().unmet.len();
            let seen = Box::pin(self.step(play, &step, index, lied)).await?;
            let state = if play.state().unmet.len() > before { "unmet" } else { "done" };
            let result = StepResult { index, step: described, state: state.to_owned(), seen };
            play.state().steps.push(result);
        }
        Ok(())
    }

    async fn step(&self, play: &Play, step: &Step, index: usize, lied: bool) -> Result<Option<String>, SuiteError> {
        let lane = self.lane;
        match step {
            Step::Attacker(step) => attacker::step(lane, play, step, index).await.map(|()| None),
            Step::Await(step) => awaiting::step(lane, play, step, index).await.map(|()| None),
            Step::Bank(step) => bank::step(lane, play, step, index, lied).await.map(Some),
            Step::Citizen(step) => citizen::step(lane, play, step, index).await.map(|()| None),
            Step::Clock(step) => clock::step(lane, play, step, index).await.map(|()| None),
            Step::Parallel(steps) => {
                let steps = steps.iter().filter_map(|step| match &step.value {
                    Step::Bank(bank) => Some(bank),
                    _ => None,
                });
                let steps: Vec<&BankStep> = steps.collect();
                let people: Vec<String> =
                    steps.iter().filter_map(|step| Some(step.person.as_ref()?.value.clone())).collect();
                let gate = Arc::new(Gate::of(&people));
                play.state().gate = Some(gate.clone());
                let all = join_all(steps.into_iter().map(async |step| {
                    let said = bank::step(lane, play, step, index, lied).await;
                    step.person.iter().for_each(|who| gate.leave(&who.value));
                    said
                }))
                .await;
                play.state().gate = None;
                let said = all.into_iter().collect::<Result<Vec<_>, _>>()?;
                Ok(Some(said.join(" | ")))
            }
            Step::Portal(step) => self.portal(play, step, index).await.map(|()| None),
            Step::Partner(step) => partner::step(lane, play, step, index).await.map(Some),
            Step::Stranger(step) => stranger::step(lane, play, step, index).await.map(Some),
        }
    }

    async fn portal(&self, play: &Play, step: &PortalStep, index: usize) -> Result<(), SuiteError> {
        let lane = self.lane;
        if let Some(fault) = &step.fault {
            let citizen =
                step.on.as_ref().and_then(|who| play.member(&who.value)).map(|member| member.person.slug.clone());
            let ask = FaultAsk { fault: fault.value.clone(), citizen, times: step.times, params: step.params.clone() };
            if step.when.as_ref().is_some_and(|when| when.value == "callback") {
                play.state().at_callback.push(ask);
            } else {
                lane.arm(play, ask).await?;
            }
        }
        if step.remove.is_some() {
            lane.disarm(play).await?;
        }
        if step.rotate.is_some() {
            play.act("portal", "rotate", None, json!({"what": "keys"}));
            lane.sandbox.rotate().await?;
        }
        if let Some(act) = &step.act {
            let save = step.save.as_ref().map(|save| save.value.as_str());
            matters::of_portal(lane, play, &act.value, step.with.clone(), save, index).await?;
        }
        Ok(())
    }

    /// Ends the lies, lets events be delivered, asks the bank what has become of people and consents.
    async fn settle(&self, play: &Play) -> Result<(), SuiteError> {
        self.lane.disarm(play).await?;
        self.lane.sandbox.flush_hooks().await?;
        self.lane.ask_consents(play, "after").await;
        self.lane.ask_customers(play, "after").await;
        play.gather();
        self.drain().await
    }

    /// Reads the portal's records until nothing new comes.
    async fn drain(&self) -> Result<(), SuiteError> {
        let mut pace = Pace::within(Duration::from_millis(60));
        while self.lane.collect().await? > 0 {
            if !pace.again().await {
                break;
            }
        }
        Ok(())
    }

    /// Late calls of the last cases: the lane is over when nothing has come for the quiet time that the report states. A
    /// bank that never falls silent is watched for a bounded number of such times.
    async fn wait_out(&self) -> Result<(), SuiteError> {
        let quiet = self.lane.sandbox.opened.limits.quiet_time.std();
        let whole = Watch::start();
        let mut pace = Pace::within(quiet);
        while pace.again().await && whole.elapsed() < quiet * 5 {
            if self.lane.collect().await? > 0 {
                pace = Pace::within(quiet);
            }
        }
        Ok(())
    }

    /// The same case without its lies; one playing serves all cases with the same clean steps.
    async fn twin(&mut self, case: &Case) -> Result<Twin, SuiteError> {
        let steps = plan::clean(&case.steps);
        let key = json!([case.citizens, steps]).to_string();
        if let Some(known) = self.twins.get(&key) {
            return Ok(known.clone());
        }
        if self.lane.bank_died().is_some() {
            self.lane.revive().await?;
        }
        let watch = Watch::start();
        let begun = wall_us();
        let play = self.cast(case, Owner::Aside).await?;
        self.steps(&play, &steps).await?;
        self.settle(&play).await?;
        let entries = self.lane.entries(&play);
        let (mine, late) = self.divide(Owner::Aside, begun, i64::MAX, false);
        for (owner, event) in late {
            self.late.entry(owner).or_default().push(event);
        }
        let state = play.into_state();
        let why_not = first_obstacle(&state, &entries);
        let calls = calls(&mine, &[Party::Bank]);
        let why_not = why_not.or_else(|| calls.is_empty().then(|| "the bank made no call to the portal".to_owned()));
        let outcomes: BTreeMap<String, Outcome> =
            state.flows.values().filter_map(|flow| Some((flow.action.clone(), flow.outcome()?))).collect();
        let duration = watch.elapsed();
        if why_not.is_none() {
            self.lane.paced(duration);
        }
        let twin = Twin {
            case_id: format!("twin of {}", case.id),
            ended_well: why_not.is_none(),
            why_not,
            calls,
            outcomes,
            duration_us: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
        };
        self.twins.insert(key, twin.clone());
        Ok(twin)
    }

    /// The next clean flow after a lie: a stranger becomes a customer, or, where the bank offers no such thing, the clean
    /// steps once more.
    async fn alive(&mut self, case: &Case) -> Result<Alive, SuiteError> {
        let lane = self.lane;
        let mut clean = case.clone();
        if lane.bank_facts.claims.iter().any(|claim| claim == "customer.link") {
            clean.citizens = BTreeMap::from([("next".to_owned(), "anna-confirmed".to_owned())]);
            clean.steps = vec![link()];
        } else {
            clean.steps = plan::clean(&case.steps);
        }
        let play = self.cast(&clean, Owner::Aside).await?;
        self.steps(&play, &clean.steps).await?;
        play.gather();
        lane.collect().await?;
        let entries = lane.entries(&play);
        let state = play.into_state();
        let why_not = first_obstacle(&state, &entries).or_else(|| lane.bank_died());
        Ok(Alive { ended_well: why_not.is_none(), why_not })
    }

    /// Takes what was read from the portal, and says what belongs to the case that is being closed and what to others.
    fn divide(&mut self, current: Owner, begun: i64, ended: i64, first: bool) -> (Vec<Event>, Vec<(usize, Event)>) {
        let (exchanges, journal): (Vec<Exchange>, Vec<Entry>) = {
            let mut book = self.lane.book();
            (std::mem::take(&mut book.exchanges), std::mem::take(&mut book.journal))
        };
        self.owners.learn(&exchanges);
        // Nobody's: what was on the wire while this was played is its own; a twin or alive flow beside it is not.
        let by_time = |wall_us: i64| {
            let inside = wall_us <= ended && (first || wall_us >= begun);
            if inside { current } else { Owner::Aside }
        };
        let (mut mine, mut late) = (Vec::new(), Vec::new());
        let mut file = |owner: Owner, event: Event| match owner {
            owner if owner == current => mine.push(event),
            // What only time did to the people of an earlier case (a later case moved the clock) is not that case's.
            Owner::Case(number) => match &event.what {
                What::Journal(entry) if entry.exchange.is_none() && !entry.kind.starts_with("hook.") => {}
                _ => late.push((number, event)),
            },
            Owner::Aside => {}
        };
        for exchange in exchanges {
            let owner = self.owners.exchange(&exchange).unwrap_or_else(|| by_time(exchange.started_us));
            self.owners.filed(&exchange, owner);
            file(owner, Event { wall_us: exchange.started_us, what: What::Exchange(exchange) });
        }
        for entry in journal {
            // A handshake of the suite's own browsers says nothing of the bank.
            let ours = self.owners.is_browsers(&entry)
                || (entry.exchange.is_none() && self.lane.agency.failed_at(entry.wall_us));
            if entry.kind == kinds::HANDSHAKE && ours {
                continue;
            }
            let owner = self.owners.entry(&entry).unwrap_or_else(|| by_time(entry.wall_us));
            file(owner, Event { wall_us: entry.wall_us, what: What::Journal(entry) });
        }
        (mine, late)
    }

    /// Late calls, to the end of the run: they are added to the recordings of their cases.
    async fn last_look(&mut self, played: &mut [Played]) -> Result<Vec<usize>, SuiteError> {
        let mut grown = Vec::new();
        self.drain().await?;
        let (_, late) = self.divide(Owner::Aside, i64::MAX, i64::MIN, false);
        for (owner, event) in late {
            self.late.entry(owner).or_default().push(event);
        }
        for (number, events) in std::mem::take(&mut self.late) {
            let Some(played) = played.get_mut(number).filter(|played| played.error.is_none()) else { continue };
            let mut trace = load(&played.trace)?;
            trace.events.extend(events);
            trace.events.sort_by_key(|event| event.wall_us);
            played.digest = keep(&played.trace, &trace)?;
            grown.push(number);
        }
        Ok(grown)
    }
}

fn link() -> Spanned<Step> {
    let text = |text: &str| Spanned::new(text.to_owned(), Location::UNKNOWN, Location::UNKNOWN);
    let with = Map::from_iter([("scopes".to_owned(), json!(["openid", "fullname"]))]);
    let step = BankStep {
        action: text("customer.link"),
        person: Some(text("next")),
        with,
        save: None,
        operation: None,
        expect: None,
        if_claimed: false,
        leave: false,
    };
    Spanned::new(Step::Bank(step), Location::UNKNOWN, Location::UNKNOWN)
}

/// Why a clean playing did not end well.
fn first_obstacle(state: &State, journal: &[Entry]) -> Option<String> {
    state
        .unmet
        .first()
        .map(|unmet| unmet.message.clone())
        .or_else(|| effects(state, journal).into_iter().next().map(|(_, message, _)| message))
}

type Missing = (Option<usize>, String, Vec<String>);

/// A bank that reports `ok` must have done it: each of these actions leaves an entry in the portal's journal.
fn effects(state: &State, journal: &[Entry]) -> Vec<Missing> {
    let mut missing = Vec::new();
    for (id, flow) in &state.flows {
        if flow.outcome() != Some(Outcome::Ok) {
            continue;
        }
        let kinds: &[&str] = match flow.action.as_str() {
            "consent.request" => &[kinds::CONSENT_GRANTED],
            "consent.revoke" => &[kinds::CONSENT_REVOKED],
            "customer.link" => &[kinds::CODE_REDEEMED],
            "debts.feed" => &[kinds::DEBT_FED],
            "debts.list" => &[kinds::DEBTS_READ],
            "debts.pay" => &[kinds::PAYMENT_ACCEPTED, kinds::PAYMENT_REPEATED],
            "pension.view" => &[kinds::PENSION_READ],
            _ => continue,
        };
        let oid = flow.person.as_ref().and_then(|name| state.people.get(name)).map(|member| member.person.oid);
        let done =
            journal.iter().any(|entry| kinds.contains(&entry.kind.as_str()) && (oid.is_none() || entry.citizen == oid));
        if !done {
            let message = format!(
                "the bank reports `{}` as ok, but the portal's journal shows no `{}` for it",
                flow.action, kinds[0]
            );
            missing.push((flow.step, message, vec![format!("report:{id}")]));
        }
    }
    missing
}

/// Calls of these parties to the portal, by method and shape of the path.
pub(crate) fn calls(events: &[Event], from: &[Party]) -> BTreeMap<String, u32> {
    let mut calls = BTreeMap::new();
    for event in events {
        if let What::Exchange(exchange) = &event.what
            && from.contains(&exchange.from)
            && exchange.to == Party::Portal
        {
            *calls.entry(shape(&exchange.request.method, &exchange.request.url)).or_insert(0) += 1;
        }
    }
    calls
}

/// `GET /rs/prns/{id}`: numbers, UUIDs and other long ids in a path become `{id}`.
pub(crate) fn shape(method: &str, url: &str) -> String {
    let path = Url::parse(url).map(|url| url.path().to_owned()).unwrap_or_else(|_| url.to_owned());
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let digits = part.chars().filter(char::is_ascii_digit).count();
            let is_version = part.len() <= 3 && part.starts_with('v');
            if !is_version && (digits * 2 >= part.len() || (part.len() >= 16 && digits > 0)) { "{id}" } else { part }
        })
        .collect();
    format!("{method} /{}", parts.join("/"))
}

fn file_name(case: &str) -> String {
    let safe: String =
        case.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '_' }).collect();
    format!("{safe}.json")
}

/// Writes a recording; answers the digest of what stands on file now.
pub(crate) fn keep(path: &std::path::Path, trace: &Trace) -> Result<String, SuiteError> {
    let failed = |cause: String| SuiteError::new(format!("cannot write {}: {cause}", path.display()), "check --report");
    let bytes = serde_json::to_vec(trace).map_err(|cause| failed(cause.to_string()))?;
    std::fs::write(path, &bytes).map_err(|cause| failed(cause.to_string()))?;
    Ok(hex::encode(Sha256::digest(&bytes)))
}

pub(crate) fn load(path: &std::path::Path) -> Result<Trace, SuiteError> {
    let failed = |cause: String| {
        SuiteError::new(format!("cannot read {}: {cause}", path.display()), "keep the report's folder whole")
    };
    let bytes = std::fs::read(path).map_err(|cause| failed(cause.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|cause| failed(cause.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_counted_by_their_shape() {
        assert_eq!(shape("GET", "https://localhost:1/rs/prns/1000000007/docs?embed=x"), "GET /rs/prns/{id}/docs");
        assert_eq!(shape("POST", "https://localhost:1/aas/oauth2/v3/te"), "POST /aas/oauth2/v3/te");
        assert_eq!(
            shape("GET", "https://localhost:1/api/v1/consents/6f1c2d9e-0000-4000-8000-00000000000a"),
            "GET /api/v1/consents/{id}"
        );
    }

    fn state(outcome: Outcome) -> State {
        let report =
            contract::adapter::Report { outcome, reason: None, values: Map::new(), customer: None, browser: None };
        let flow = crate::drive::play::Flow {
            action: "debts.list".to_owned(),
            operation: "o".to_owned(),
            person: None,
            params: json!({}),
            step: Some(0),
            last: Some(report),
            visited: None,
        };
        State { flows: BTreeMap::from([("f-1".to_owned(), flow)]), ..State::default() }
    }

    fn entry(kind: &str) -> Entry {
        serde_json::from_value(json!({
            "n": 1, "at": "2026-11-22T10:00:00Z", "sandbox": "s", "kind": kind, "data": {}, "prev": "", "hash": "",
        }))
        .unwrap()
    }

    #[test]
    fn a_bank_that_says_ok_and_did_nothing_is_found_out() {
        assert_eq!(effects(&state(Outcome::Ok), &[]).len(), 1);
        assert_eq!(effects(&state(Outcome::Ok), &[entry(kinds::DEBTS_READ)]).len(), 0);
        assert_eq!(effects(&state(Outcome::Refused), &[]).len(), 0);
        assert!(
            first_obstacle(&state(Outcome::Ok), &[]).unwrap().contains("the portal's journal shows no `debts.read`")
        );
    }

    #[test]
    fn file_names_are_plain() {
        assert_eq!(file_name("lies[a b]/oidc"), "lies_a_b__oidc.json");
    }
}
