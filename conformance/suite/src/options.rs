//! What a run is asked to do. The binary fills it from the command line; nothing is read here.

use std::path::PathBuf;

use rules::trace::Protocol;

use crate::scenario::Source;

/// One run of `certify`.
#[derive(Clone, Debug)]
pub struct Options {
    /// This program, started again as `serve` (the portal) and `bank` (the reference bank).
    pub exe: PathBuf,
    /// Every scenario, shared step list and plan there is.
    pub scenarios: Vec<Source>,
    pub bank: BankFile,
    /// The ready line of a portal that already runs.
    pub portal: Option<PathBuf>,
    pub select: Selection,
    /// Fewer protocols than the bank claims; empty means all of them.
    pub protocols: Vec<Protocol>,
    /// `rsa2048`, `ecdsa-p256`, `gost2012-256`, `gost2012-512` …; wins over the bank file.
    pub alg: Option<String>,
    /// `memory`, `sqlite:PATH`; the portal's store.
    pub state: Option<String>,
    /// Lanes that play at once; default one for each protocol.
    pub jobs: Option<usize>,
    pub seed: Option<u64>,
    /// Where the report is written; `None` writes none.
    pub report: Option<PathBuf>,
    /// More environment for the bank, such as `DEFECT`.
    pub bank_env: Vec<(String, String)>,
}

/// Which bank is certified.
#[derive(Clone, Debug)]
pub enum BankFile {
    /// The reference bank, as described by the suite's own `profiles/reference.yaml`.
    Reference,
    Path(PathBuf),
}

/// Which scenarios run. Empty means all; several kinds narrow one another down.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub scenarios: Vec<String>,
    pub requirements: Vec<String>,
    pub tags: Vec<String>,
    pub plan: Option<String>,
    /// Every case in every protocol, also of scenarios that are dealt out over them.
    pub every_row: bool,
}

impl Selection {
    pub fn is_everything(&self) -> bool {
        self.scenarios.is_empty() && self.requirements.is_empty() && self.tags.is_empty() && self.plan.is_none()
    }
}

impl Options {
    /// The reference bank over all of `scenarios`, with nothing else said.
    pub fn reference(exe: PathBuf, scenarios: Vec<Source>) -> Self {
        Self {
            exe,
            scenarios,
            bank: BankFile::Reference,
            portal: None,
            select: Selection::default(),
            protocols: Vec::new(),
            alg: None,
            state: None,
            jobs: None,
            seed: None,
            report: None,
            bank_env: Vec::new(),
        }
    }
}
