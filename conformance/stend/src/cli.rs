//! The command line, as the contract gives it.

use std::path::PathBuf;

use certs::Identifier;
use clap::{Args, Parser, Subcommand};

/// Stend (стенд): a simulator of the state portal and a conformance suite for the banks that work with it.
#[derive(Parser)]
#[command(name = "stend", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The reference bank alone, configured by its environment.
    Bank(Bank),
    /// The main job: drive a bank through every scenario, judge it, write the report.
    Certify(Box<Certify>),
    /// One rule in full: what, why, clause, how it is observed, how to mend it.
    Explain {
        /// Catalogue id (`IDT-01`) or slug.
        id: String,
        /// Only this language: `ru` or `en`.
        #[arg(long, value_parser = ["ru", "en"])]
        lang: Option<String>,
    },
    /// Every rule again over the traces of a report, with no bank and no portal.
    Judge {
        /// The report folder.
        dir: PathBuf,
        /// Print the summary as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Certificate authority, partner and server certificates, revocation list.
    #[command(subcommand)]
    Pki(Pki),
    /// Reports.
    #[command(subcommand)]
    Report(ReportCommand),
    /// The coverage table: requirement, end points, scenarios, rules, broken variants, holes.
    Requirements {
        #[arg(long)]
        json: bool,
        /// Only how far scenarios reach: end points, error codes, transitions, each with the scenarios that reach it.
        #[arg(long)]
        reach: bool,
        /// File that lists the holes known so far, strictly: a hole that is not there, and a line that is no hole, count.
        #[arg(long, value_name = "FILE")]
        allow: Option<PathBuf>,
        /// Kept evidence; default: what is committed beside the suite.
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
    },
    /// The rule book.
    Rules {
        #[arg(long)]
        json: bool,
    },
    /// Authoring: list, lint, schema.
    #[command(subcommand)]
    Scenario(ScenarioCommand),
    /// The suite tests itself against every broken variant of the reference bank.
    Selftest(Selftest),
    /// The portal alone.
    Serve(Serve),
}

#[derive(Args)]
pub(crate) struct Certify {
    /// The bank to certify (its bank.yaml); default: the reference bank.
    #[arg(long, value_name = "FILE")]
    pub(crate) bank: Option<PathBuf>,
    /// A portal that already runs: a file with the ready line of `stend serve`.
    #[arg(long, value_name = "FILE")]
    pub(crate) portal: Option<PathBuf>,
    /// Only these scenarios.
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) scenario: Vec<String>,
    /// Only scenarios that cite these requirements.
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) requirement: Vec<String>,
    /// Only scenarios with these tags.
    #[arg(long, value_name = "TAG", num_args = 1..)]
    pub(crate) tag: Vec<String>,
    /// A plan of scenarios/plans.
    #[arg(long)]
    pub(crate) plan: Option<String>,
    /// Only this protocol: esia-v3, esia-v1, oidc.
    #[arg(long, value_name = "PROTOCOL", num_args = 1..)]
    pub(crate) protocol: Vec<String>,
    /// Every case in every protocol, also where a scenario is dealt out over them.
    #[arg(long)]
    pub(crate) every_row: bool,
    /// Key algorithm of the bank: rsa2048 (rsa), rsa3072, ecdsa-p256 (ecdsa), gost2012-256 (gost), gost2012-512, or GOST on
    /// another curve, such as gost2012-512-tc26-c (`stend pki init --alg ?` names all).
    #[arg(long)]
    pub(crate) alg: Option<String>,
    /// The portal's store: memory or sqlite:PATH.
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Lanes that play at once.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Makes people, numbers and order repeatable.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Where the report is written.
    #[arg(long, value_name = "DIR", default_value = "report")]
    pub(crate) report: PathBuf,
    /// Scenario folder; default: `scenarios` here, else the ones shipped in the program.
    #[arg(long, value_name = "DIR")]
    pub(crate) scenarios: Option<PathBuf>,
    /// A broken variant of the reference bank in place of the honest one.
    #[arg(long, value_name = "NAME", conflicts_with = "bank")]
    pub(crate) defect: Option<String>,
    /// Print the summary as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// Configuration; its folder is the data folder. Default: no file, data in `.stend`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address of the portal; port 0 picks a free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Address of the control API.
    #[arg(long, value_name = "ADDR")]
    pub(crate) control: Option<String>,
    /// memory or sqlite:PATH.
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Makes people and numbers repeatable.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Size of the seeded population.
    #[arg(long, value_name = "N")]
    pub(crate) citizens: Option<u32>,
}

#[derive(Args)]
#[command(after_help = "\
Environment, needed:
  PORT, PROTOCOL (esia-v3, esia-v1, oidc), PORTAL, CA, ISSUER (addresses and authority, as the ready line of `serve` gives them),
  CERT, KEY (the partner's certificate, registered at the portal), TLS_CERT, TLS_KEY (of the bank's web server)
Environment, optional:
  CLIENT_ID (BANK01), DATA (folder, here), DEFECT, REVOCATION (crl), CRL, TOKEN_ALG (RS256), ENCRYPTION (cms), SMEV (1.2),
  CLIENT_TLS_CERT, CLIENT_TLS_KEY

`stend certify` starts this bank by itself.")]
pub(crate) struct Bank {
    /// Be this broken variant.
    #[arg(long, value_name = "NAME")]
    pub(crate) defect: Option<String>,
    /// Name the broken variants and what each breaks.
    #[arg(long)]
    pub(crate) list_defects: bool,
    /// With --list-defects: as JSON.
    #[arg(long, requires = "list_defects")]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Selftest {
    /// Every variant over every scenario.
    #[arg(long)]
    pub(crate) full: bool,
    /// One part of the variants, `I/N` from 1.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<(u32, u32)>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the evidence that `requirements` leans on.
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,
    /// Lanes that play at once.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Key algorithm of the banks, as for `certify`.
    #[arg(long)]
    pub(crate) alg: Option<String>,
    /// Only these variants.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) defect: Vec<String>,
}

fn shard(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((part, of)) if part >= 1 && part <= of => Ok((part, of)),
        _ => Err("give I/N with 1 <= I <= N, such as 2/4".to_owned()),
    }
}

#[derive(Subcommand)]
pub(crate) enum Pki {
    /// Make an authority in a folder, or show the one that is there.
    Init {
        #[arg(long, default_value = "pki")]
        dir: PathBuf,
        /// Key algorithm of the authority: ecdsa-p256, rsa2048, rsa3072, gost2012-256, gost2012-512 and more; a wrong
        /// name lists them all.
        #[arg(long, default_value = "ecdsa-p256")]
        alg: String,
    },
    /// Issue a certificate: from a CSR, or with a fresh key.
    Issue {
        /// File name and common name of the certificate.
        name: String,
        #[arg(long, default_value = "pki")]
        dir: PathBuf,
        /// Key algorithm, where no CSR is given; the names are those of `pki init`.
        #[arg(long, default_value = "rsa2048")]
        alg: String,
        /// A PKCS#10 request, PEM; the key then stays where it was made.
        #[arg(long, value_name = "FILE")]
        csr: Option<PathBuf>,
        /// A profile of profiles.toml: partner, server, or a deliberately bad one.
        #[arg(long, default_value = "partner")]
        profile: String,
        #[command(flatten)]
        who: Who,
    },
    /// Revoke a certificate and write the list anew.
    Revoke {
        /// File name or serial number.
        name: String,
        #[arg(long, default_value = "pki")]
        dir: PathBuf,
    },
}

/// Russian identifiers of a certificate's subject.
#[derive(Args)]
pub(crate) struct Who {
    /// Registration number of a legal entity, 13 digits.
    #[arg(long, value_name = "DIGITS")]
    ogrn: Option<String>,
    /// Registration number of a sole trader, 15 digits.
    #[arg(long, value_name = "DIGITS")]
    ogrnip: Option<String>,
    /// Tax number of a person, 12 digits.
    #[arg(long, value_name = "DIGITS")]
    inn: Option<String>,
    /// Tax number of a legal entity, 10 digits.
    #[arg(long, value_name = "DIGITS")]
    innle: Option<String>,
    /// Number of a person's pension account, 11 digits.
    #[arg(long, value_name = "DIGITS")]
    snils: Option<String>,
}

impl Who {
    pub(crate) fn identifiers(self) -> Vec<(Identifier, String)> {
        let given = [
            (Identifier::Ogrn, self.ogrn),
            (Identifier::Ogrnip, self.ogrnip),
            (Identifier::Inn, self.inn),
            (Identifier::InnLe, self.innle),
            (Identifier::Snils, self.snils),
        ];
        given.into_iter().filter_map(|(identifier, digits)| Some((identifier, digits?))).collect()
    }
}

#[derive(Subcommand)]
pub(crate) enum ReportCommand {
    /// Read a report as text.
    Show {
        /// The report folder.
        #[arg(default_value = "report")]
        dir: PathBuf,
    },
    /// The JSON Schema of report.json.
    Schema,
}

#[derive(Subcommand)]
pub(crate) enum ScenarioCommand {
    /// Id, file, title, requirements and needs of each.
    List {
        #[arg(long)]
        json: bool,
        #[arg(long, value_name = "DIR")]
        scenarios: Option<PathBuf>,
    },
    /// Point at what is wrong: file:line:column with a hint.
    Lint {
        /// Files or a folder; default: `scenarios` here, else the ones shipped in the program.
        paths: Vec<PathBuf>,
    },
    /// The JSON Schema that editors use.
    Schema {
        /// That of the actions.
        #[arg(long)]
        actions: bool,
    },
}
