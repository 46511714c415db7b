//! The one binary: parses the command line, assembles portal, suite and bank, and says how it ended. Nothing is decided here.
//!
//! Machine-readable output goes to standard output, everything else to standard error. Exit codes: 0 fine, 1 something
//! was found, 2 the run could not be done.

mod assemble;
mod cli;
mod print;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, Pki, ReportCommand, ScenarioCommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Fine, or something was found. What could not be done is an [`Obstacle`].
enum Ending {
    Fine,
    Found,
}

/// Why the run could not be done: one clear line.
struct Obstacle(String);

impl<E: std::error::Error> From<E> for Obstacle {
    fn from(error: E) -> Self {
        let mut line = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !line.contains(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            cause = inner.source();
        }
        Self(line)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("STEND_LOG").unwrap_or_else(|_| "off".into()))
        .init();
    match run(cli.command) {
        Ok(Ending::Fine) => ExitCode::SUCCESS,
        Ok(Ending::Found) => ExitCode::from(1),
        Err(Obstacle(line)) => {
            eprintln!("stend: {line}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<Ending, Obstacle> {
    match command {
        Command::Bank(ask) => bank(ask),
        Command::Certify(ask) => certify(*ask),
        Command::Explain { id, lang } => {
            let rule = rules::rule(&id).ok_or_else(|| Obstacle(print::unknown_rule(&id)))?;
            print::out(&print::explain(rule, lang.as_deref()));
            Ok(Ending::Fine)
        }
        Command::Judge { dir, json } => {
            let report = suite::judge(&dir)?;
            say_report(&report, &dir, json)
        }
        Command::Pki(ask) => pki(ask),
        Command::Report(ReportCommand::Show { dir }) => {
            print::out(&suite::report::show(&dir)?);
            Ok(Ending::Fine)
        }
        Command::Report(ReportCommand::Schema) => {
            print::json(&suite::Report::schema());
            Ok(Ending::Fine)
        }
        Command::Requirements { json, reach, allow, evidence } => requirements(json, reach, allow, evidence),
        Command::Rules { json } => {
            if json {
                print::json(&print::rules_json())
            } else {
                print::out(&print::rules_text())
            }
            Ok(Ending::Fine)
        }
        Command::Scenario(ask) => scenario(ask),
        Command::Selftest(ask) => selftest(ask),
        Command::Serve(ask) => serve(ask),
    }
}

fn bank(ask: cli::Bank) -> Result<Ending, Obstacle> {
    if ask.list_defects {
        if ask.json {
            print::json(&print::defects_json())
        } else {
            print::out(&print::defects_text())
        }
        return Ok(Ending::Fine);
    }
    let defect = ask.defect.map(assemble::known_variant).transpose()?;
    let mut options = bank::Options::from_env()?;
    options.defect = defect.or(options.defect);
    assemble::runtime(1)?.block_on(bank::run(options))?;
    Ok(Ending::Fine)
}

fn certify(ask: cli::Certify) -> Result<Ending, Obstacle> {
    let (json, folder) = (ask.json, ask.report.clone());
    let options = assemble::certify_options(ask)?;
    let report = assemble::runtime(2)?.block_on(suite::certify(options, assemble::listener()))?;
    say_report(&report, &folder, json)
}

fn say_report(report: &suite::Report, folder: &Path, json: bool) -> Result<Ending, Obstacle> {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    eprintln!("{}", report.told(&suite::report::Look { colour, folder: Some(folder), full: false }));
    if json {
        print::json(&report.summary);
    }
    match report.exit_code() {
        0 => Ok(Ending::Fine),
        1 => Ok(Ending::Found),
        _ => Err(Obstacle("finish the run: it holds errors of the suite's own, see the report".to_owned())),
    }
}

fn pki(ask: Pki) -> Result<Ending, Obstacle> {
    print::out(&assemble::pki(ask)?);
    Ok(Ending::Fine)
}

fn requirements(
    json: bool,
    reach: bool,
    allow: Option<std::path::PathBuf>,
    evidence: Option<std::path::PathBuf>,
) -> Result<Ending, Obstacle> {
    let rows = suite::requirements(evidence.as_deref())?;
    let known = match &allow {
        Some(path) => Some(assemble::read(path)?),
        None => None,
    };
    let goals = suite::coverage::goals(&suite::coverage::Evidence::read(evidence.as_deref())?);
    let mut holes = suite::coverage::holes(&rows, known.as_deref());
    holes.extend(suite::coverage::gaps(&goals, known.as_deref().unwrap_or_default()));
    match (reach, json) {
        (true, true) => print::json(&goals),
        (true, false) => print::out(&suite::coverage::reach_table(&goals)),
        (false, true) => print::json(&rows),
        (false, false) => {
            print::out(&suite::coverage::table(&rows));
            print::out(&suite::coverage::reach_table(&goals));
        }
    }
    for hole in &holes {
        eprintln!("{hole}");
    }
    Ok(if holes.is_empty() { Ending::Fine } else { Ending::Found })
}

fn scenario(ask: ScenarioCommand) -> Result<Ending, Obstacle> {
    match ask {
        ScenarioCommand::List { json, scenarios } => {
            let sources = assemble::scenarios(scenarios.as_deref())?;
            let rows = suite::scenario::list(&sources)?;
            if json {
                print::json(&rows)
            } else {
                print::out(&print::scenarios_text(&rows))
            }
            Ok(Ending::Fine)
        }
        ScenarioCommand::Lint { paths } => {
            let complaints = suite::scenario::lint(&assemble::scenario_paths(&paths)?);
            for complaint in &complaints {
                print::out(&complaint.to_string());
            }
            Ok(if complaints.is_empty() { Ending::Fine } else { Ending::Found })
        }
        ScenarioCommand::Schema { actions } => {
            let schema = if actions { suite::scenario::actions_schema() } else { suite::scenario::schema() };
            print::json(&schema);
            Ok(Ending::Fine)
        }
    }
}

fn selftest(ask: cli::Selftest) -> Result<Ending, Obstacle> {
    let json = ask.json;
    let report = assemble::runtime(2)?.block_on(assemble::selftest(ask))?;
    if json {
        print::json(&report);
    }
    // Last, so that whoever reads only the end of a CI's output reads what failed.
    eprintln!("{}", report.text());
    Ok(if report.is_clean() { Ending::Fine } else { Ending::Found })
}

fn serve(ask: cli::Serve) -> Result<Ending, Obstacle> {
    assemble::runtime(2)?.block_on(assemble::serve(ask))?;
    Ok(Ending::Fine)
}
