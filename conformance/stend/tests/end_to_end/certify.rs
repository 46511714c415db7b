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
    let archive: Value = serde_json::from_slice(&std::fs::read(report.path().join("exchanges.har")).unwrap()).unwrap();
    let pages: Vec<&Value> = archive["log"]["pages"].as_array().unwrap().iter().map(|page| &page["id"]).collect();
    for case in read["scenarios"].as_array().unwrap() {
        assert!(pages.contains(&&case["case"]), "{} is not among {pages:?}", case["case"]);
    }
    assert!(archive["log"]["entries"].as_array().unwrap().len() > 5 * pages.len());

    // Judging the kept traces again comes to the same end, with no bank and no portal.
    let (code, _, stderr) = run(stend().arg("judge").arg(report.path()));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn gost_keys_sign_everything_but_the_connections() {
    let report = tempfile::tempdir().unwrap();
    let (code, read, stderr) =
        certify(report.path(), &["--alg", "gost2012-512", "--scenario", "sign-in", "revoked-at-the-portal"]);
    assert_eq!(code, 0, "{stderr}\n{:#}", read["findings"]);
    let rows = read["algorithms"].as_array().unwrap();
    let told = |protocol: &str, used_for: &str| {
        let row = rows.iter().find(|row| row["protocol"] == protocol && row["used_for"] == used_for);
        let row = row.unwrap_or_else(|| panic!("no {used_for} in {protocol}: {rows:#?}"));
        assert!(row["times"].as_u64().unwrap() > 0);
        ["key", "signature", "digest"].map(|name| row[name].as_str().unwrap())
    };
    let own = "GOST R 34.10-2012 512";
    for protocol in ["esia-v3", "esia-v1", "oidc"] {
        // Tokens are of 256 bits in ESIA, whatever the bank's key is.
        for used_for in ["access_token", "id_token"] {
            assert_eq!(told(protocol, used_for), ["GOST R 34.10-2012 256", "GOST3410_2012_256", "Streebog-256"]);
        }
        assert_eq!(told(protocol, "web_hook"), ["GOST R 34.10-2012 256", "gostr3410-2012-256", "Streebog-256"]);
        for used_for in ["portal_tls", "bank_tls"] {
            assert_eq!(told(protocol, used_for)[0], "ECDSA 256");
        }
    }
    assert_eq!(told("esia-v3", "request_signature"), [own, "s ‖ r (128)", "Streebog-512"]);
    assert_eq!(told("esia-v3", "certificate_hash"), [own, "", "Streebog-256"]);
    assert_eq!(told("esia-v1", "request_signature"), [own, "CMS, 1.2.643.7.1.1.3.3", "Streebog-512"]);
    assert_eq!(told("oidc", "client_assertion"), [own, "GOST3410_2012_512", "Streebog-512"]);
    assert_eq!(told("oidc", "client_tls")[0], "ECDSA 256");
    for row in rows.iter().filter(|row| row["used_for"].as_str().unwrap().ends_with("_tls")) {
        assert!(row["why"]["ru"].as_str().is_some_and(|why| !why.is_empty()), "{row:#}");
    }
    // The table comes from the recordings alone: judging them again gives the same one.
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
