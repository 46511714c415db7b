//! Puts portal, suite and bank together: what the command line says becomes the options of each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use suite::scenario::Source;
use suite::{BankFile, Listener, Options, Selection};

use crate::Obstacle;
use crate::cli::{self, Pki};

/// The scenarios as they were when the program was built; a folder `scenarios` beside the user wins.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios");

/// A small runtime: what runs here waits for sockets most of the time.
pub(crate) fn runtime(workers: usize) -> Result<tokio::runtime::Runtime, Obstacle> {
    install_provider();
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?)
}

/// One TLS provider for the whole program, named here rather than left to feature unification.
fn install_provider() {
    // A second call would find the provider in place, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(crate) fn listener() -> Arc<dyn Listener> {
    Arc::new(suite::Progress::new())
}

pub(crate) fn read(path: &Path) -> Result<String, Obstacle> {
    std::fs::read_to_string(path).map_err(|why| Obstacle(format!("read {}: {why}", path.display())))
}

/// Scenarios of a folder, of `./scenarios`, or the shipped ones.
pub(crate) fn scenarios(folder: Option<&Path>) -> Result<Vec<Source>, Obstacle> {
    match folder {
        Some(folder) => in_folder(folder),
        None if Path::new("scenarios").is_dir() => in_folder(Path::new("scenarios")),
        None => Ok(shipped()),
    }
}

fn in_folder(folder: &Path) -> Result<Vec<Source>, Obstacle> {
    let found = suite::scenario::read_folder(folder)?;
    if found.is_empty() {
        let folder = folder.display();
        return Err(Obstacle(format!(
            "find a scenario: {folder} holds no .yaml file; name the folder that holds them"
        )));
    }
    Ok(found)
}

fn shipped() -> Vec<Source> {
    fn walk(dir: &Dir<'_>, found: &mut Vec<Source>) {
        for file in dir.files() {
            let is_yaml = file.path().extension().is_some_and(|ending| ending == "yaml");
            if let (true, Some(text)) = (is_yaml, file.contents_utf8()) {
                found.push(Source { path: file.path().to_path_buf(), text: text.to_owned() });
            }
        }
        for inner in dir.dirs() {
            walk(inner, found);
        }
    }
    let mut found = Vec::new();
    walk(&SHIPPED, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// What `lint` was pointed at; single files are linted together with the shared steps they may use.
pub(crate) fn scenario_paths(paths: &[PathBuf]) -> Result<Vec<Source>, Obstacle> {
    match paths {
        [] => scenarios(None),
        [folder] if folder.is_dir() => scenarios(Some(folder)),
        files => files
            .iter()
            .map(|path| Ok(Source { path: path.clone(), text: read(path)? }))
            .collect::<Result<Vec<_>, Obstacle>>(),
    }
}

fn this_program() -> Result<PathBuf, Obstacle> {
    std::env::current_exe().map_err(|why| Obstacle(format!("find this program's own file: {why}")))
}

/// The slug again, where a broken variant bears it.
pub(crate) fn known_variant(slug: String) -> Result<String, Obstacle> {
    if bank::defects().iter().any(|known| known.slug == slug) {
        return Ok(slug);
    }
    Err(Obstacle(format!("find the broken variant {slug:?}; `stend bank --list-defects` names them")))
}

pub(crate) fn certify_options(ask: cli::Certify) -> Result<Options, Obstacle> {
    let mut options = Options::reference(this_program()?, scenarios(ask.scenarios.as_deref())?);
    if let Some(path) = ask.bank {
        options.bank = BankFile::Path(path);
    }
    if let Some(defect) = ask.defect {
        options.bank_env.push(("DEFECT".to_owned(), known_variant(defect)?));
    }
    options.protocols = ask.protocol.iter().map(|name| suite::protocol(name)).collect::<Result<Vec<_>, _>>()?;
    options.portal = ask.portal;
    options.select = Selection {
        scenarios: ask.scenario,
        requirements: ask.requirement,
        tags: ask.tag,
        plan: ask.plan,
        every_row: ask.every_row,
    };
    options.alg = ask.alg;
    options.state = ask.state;
    options.jobs = ask.jobs;
    options.seed = ask.seed;
    options.report = Some(ask.report);
    Ok(options)
}

/// Tells the suite which broken variants there are, without the suite knowing the bank.
struct Variants {
    only: Vec<String>,
}

impl suite::selftest::Launcher for Variants {
    fn defects(&self) -> Vec<suite::selftest::Defect> {
        bank::defects()
            .iter()
            .filter(|defect| self.only.is_empty() || self.only.iter().any(|name| name == defect.slug))
            .map(|defect| suite::selftest::Defect {
                slug: defect.slug.to_owned(),
                breaks: defect.breaks.iter().map(|id| (*id).to_owned()).collect(),
                relatives: defect.relatives.iter().map(|id| (*id).to_owned()).collect(),
            })
            .collect()
    }

    fn environment(&self, slug: &str) -> Vec<(String, String)> {
        vec![("DEFECT".to_owned(), slug.to_owned())]
    }
}

pub(crate) async fn selftest(ask: cli::Selftest) -> Result<suite::selftest::SelftestReport, Obstacle> {
    let mut options = Options::reference(this_program()?, scenarios(None)?);
    options.jobs = ask.jobs;
    options.alg = ask.alg;
    let scope = suite::selftest::Scope { full: ask.full, shard: ask.shard, keep: ask.keep };
    let only = ask.defect.into_iter().map(known_variant).collect::<Result<_, _>>()?;
    Ok(suite::selftest(options, scope, &Variants { only }, listener()).await?)
}

pub(crate) async fn serve(ask: cli::Serve) -> Result<(), Obstacle> {
    let overrides = portal::config::Overrides {
        listen: ask.listen,
        control: ask.control,
        state: ask.state,
        seed: ask.seed,
        citizens: ask.citizens,
    };
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    Ok(portal::serve::serve(portal::serve::Options { config: ask.config, overrides }, shutdown).await?)
}

/// Certificates are dated by the wall clock: they are made for use outside any sandbox.
pub(crate) fn pki(ask: Pki) -> Result<String, Obstacle> {
    let now = contract::time::Timestamp::from_millis(portal::clock::wall_us() / 1000);
    match ask {
        Pki::Init { dir, alg } => Ok(certs::pki::init(&dir, algorithm(&alg)?, now)?),
        Pki::Issue { name, dir, alg, csr, profile, who } => {
            let identifiers = who.identifiers();
            let ask = certs::pki::Ask {
                name: &name,
                profile: &profile,
                algorithm: algorithm(&alg)?,
                csr: csr.as_deref(),
                dns: &[],
                ips: &[],
                identifiers: &identifiers,
            };
            Ok(certs::pki::issue(&dir, &ask, now)?)
        }
        Pki::Revoke { name, dir } => Ok(certs::pki::revoke(&dir, &name, now)?),
    }
}

fn algorithm(name: &str) -> Result<crypto::Algorithm, Obstacle> {
    name.parse().map_err(|error: crypto::algorithm::UnknownAlgorithm| Obstacle(error.to_string()))
}
