//! From one command to a verdict: the real binary starts portal and bank, and judges.

use std::path::Path;

use crate::common::{run, stend};
use serde_json::Value;

fn certify(report: &Path, more: &[&str]) -> (i32, Value, String) {
    let (code, _, stderr) = run(stend().arg("certify").arg("--report").arg(report).args(more));
    let text = std::fs::read_to_string(report.join("report.json")).unwrap_or_else(|why| panic!("{why}: {stderr}"));
    (code, serde_json::from_str(&text).unwrap(), stderr)
}

#[test]
fn the_reference_bank_passes_the_smoke_scenarios_in_every_protocol() {
    let report = tempfile::tempdir().unwrap();
    let (code, read, stderr) = certify(report.path(), &["--tag", "smoke", "--alg", "ecdsa"]);
    assert_eq!(code, 0, "{stderr}\n{:#}", read["findings"]);
    for word in ["fail", "inconclusive", "error"] {
        assert_eq!(read["summary"][word].as_u64().unwrap_or(0), 0, "{word}: {stderr}");
    }
    let mut protocols: Vec<&str> =
        read["scenarios"].as_array().unwrap().iter().map(|scenario| scenario["protocol"].as_str().unwrap()).collect();
    protocols.sort_unstable();
    protocols.dedup();
    assert_eq!(protocols, ["esia-v1", "esia-v3", "oidc"]);
    for file in ["report.html", "junit.xml"] {
        assert!(report.path().join(file).is_file(), "{file} is missing");
    }
    assert!(std::fs::read_dir(report.path().join("traces")).unwrap().count() > 20);

    // Judging the kept traces again comes to the same end, with no bank and no portal.
    let (code, _, stderr) = run(stend().arg("judge").arg(report.path()));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn a_broken_variant_is_found_with_its_evidence() {
    let report = tempfile::tempdir().unwrap();
    let (code, read, stderr) = certify(
        report.path(),
        &[
            "--alg",
            "ecdsa",
            "--defect",
            "id-token-issuer-unchecked",
            "--scenario",
            "id-token-claim-lies",
            "--protocol",
            "esia-v3",
        ],
    );
    assert_eq!(code, 1, "{stderr}");
    let findings = read["findings"].as_array().unwrap();
    let found =
        findings.iter().find(|finding| finding["rule_id"] == "IDT-26").unwrap_or_else(|| panic!("{findings:?}"));
    assert!(!found["evidence"].as_array().unwrap().is_empty());
    assert!(!found["advice"].as_str().unwrap_or_else(|| found["advice"]["en"].as_str().unwrap()).is_empty());
}

/// A bank that is only a command: it reads the call and does `rest`.
fn commanded(rest: &str) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let bank = format!(
        r#"bank: {{ name: Hollow, version: "1", contact: nobody@bank.example }}
client: {{ id: HOLLOW, alg: ecdsa-p256, certificate: generate, redirect_uri: "https://localhost:9443/callback" }}
protocols: [esia-v3, oidc]
claims: [customer.link, customer.profile, consent.request, debts.list, debts.pay, pension.view]
command: [sh, -c, 'cat >/dev/null; {rest}']
"#
    );
    std::fs::write(folder.path().join("bank.yaml"), bank).unwrap();
    let path = folder.path().join("bank.yaml");
    let (code, read, _) = certify(&folder.path().join("report"), &["--bank", path.to_str().unwrap(), "--tag", "smoke"]);
    (code, read)
}

fn passed(report: &Value) -> Vec<&str> {
    let rules = report["rules"].as_array().unwrap();
    rules.iter().filter(|rule| rule["verdict"] == "pass").map(|rule| rule["id"].as_str().unwrap()).collect()
}

#[test]
fn a_bank_that_answers_nothing_passes_no_rule() {
    let (code, report) = commanded("true");
    assert_eq!((code, passed(&report)), (1, Vec::new()));
}

#[test]
fn a_bank_that_says_ok_and_does_nothing_passes_no_rule() {
    let (code, report) = commanded(r#"echo "{\"outcome\":\"ok\"}""#);
    assert_eq!((code, passed(&report)), (1, Vec::new()));
}
