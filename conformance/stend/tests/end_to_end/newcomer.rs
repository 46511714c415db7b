//! What a newcomer meets: a slip gives one clear line that says what is wrong and how to mend it, and the right exit code.

use crate::common::{run, stend};

/// Exit code 2, nothing on standard output, one line on standard error that holds all of `wanted`.
fn one_line(command: &mut std::process::Command, wanted: &[&str]) {
    let (code, stdout, stderr) = run(command);
    assert_eq!(code, 2, "{stderr}");
    assert_eq!(stdout, "");
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    for text in wanted {
        assert!(lines[0].contains(text), "{text:?} is not in {:?}", lines[0]);
    }
}

#[test]
fn a_missing_bank_file_is_named() {
    one_line(stend().args(["certify", "--bank", "no/such/bank.yaml"]), &["no/such/bank.yaml"]);
}

#[test]
fn an_unknown_scenario_is_named() {
    one_line(stend().args(["certify", "--scenario", "no-such-story"]), &["no-such-story"]);
}

#[test]
fn an_unknown_rule_is_answered_with_near_ones() {
    one_line(stend().args(["explain", "IDT-99"]), &["IDT-99", "IDT-01"]);
}

#[test]
fn an_unknown_variant_is_named() {
    for command in ["certify", "selftest"] {
        one_line(stend().args([command, "--defect", "no-such-wrong"]), &["no-such-wrong", "--list-defects"]);
    }
}

#[test]
fn a_bank_started_without_its_environment_says_where_it_is_described() {
    one_line(stend().arg("bank").env_remove("PORT"), &["PORT", "stend bank --help"]);
    one_line(stend().args(["bank", "--defect", "no-such-wrong"]), &["no-such-wrong", "--list-defects"]);
}

#[test]
fn a_folder_without_scenarios_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    one_line(stend().args(["scenario", "lint", path]), &[path, ".yaml"]);
    one_line(stend().args(["certify", "--scenarios", path]), &[path, ".yaml"]);
}

#[test]
fn a_taken_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    one_line(
        stend().current_dir(folder.path()).args(["serve", "--listen", &address, "--control", "localhost:0"]),
        &[&address, "taken"],
    );
}

#[test]
fn an_unreadable_state_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.db");
    std::fs::write(&state, b"this is no database, and must stay as it is").unwrap();
    one_line(
        stend().current_dir(folder.path()).args([
            "serve",
            "--listen",
            "localhost:0",
            "--control",
            "localhost:0",
            "--state",
            "sqlite:state.db",
        ]),
        &["state.db"],
    );
    assert_eq!(std::fs::read(&state).unwrap(), b"this is no database, and must stay as it is");
}

#[test]
fn a_configuration_with_a_misspelt_key_is_pointed_at() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("stend.yaml"), "listen: localhost:0\nstrictnes: strict\n").unwrap();
    let (code, _, stderr) = run(stend().current_dir(folder.path()).args(["serve", "--config", "stend.yaml"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("stend.yaml:2:1") && stderr.contains("strictnes"), "{stderr}");
}

fn linted(text: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.yaml"), text).unwrap();
    let (code, stdout, stderr) = run(stend().arg("scenario").arg("lint").arg(folder.path().join("mine.yaml")));
    (code, stdout + &stderr)
}

const GOOD: &str = r#"id: mine
title: { ru: "Моя", en: "Mine" }
requirements: [IDN-1]
needs: [customer.link]
citizens: { anna: anna-confirmed }
steps:
  - bank: { do: customer.link, for: anna, with: { scopes: [openid] } }
"#;

#[test]
fn a_good_scenario_has_no_complaint() {
    assert_eq!(linted(GOOD), (0, String::new()));
}

#[test]
fn a_misspelt_key_is_pointed_at_with_the_allowed_words() {
    let (code, said) = linted(&GOOD.replace("citizens:", "citizen:"));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("mine.yaml:5:1") && said.contains("citizens"), "{said}");
}

#[test]
fn an_unknown_citizen_is_pointed_at() {
    let (code, said) = linted(&GOOD.replace("anna-confirmed", "anna-confirmd"));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("mine.yaml:5:") && said.contains("anna-confirmed"), "{said}");
}

#[test]
fn a_bad_indent_is_pointed_at() {
    let (code, said) = linted(&GOOD.replace("steps:\n  - bank", "steps:\n  - clock: { advance: PT1H }\n - bank"));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("mine.yaml:8:") || said.contains("mine.yaml:7:"), "{said}");
}

#[test]
fn the_shipped_scenarios_have_no_complaint() {
    let (code, stdout, stderr) = run(stend().args(["scenario", "lint"]));
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
}

#[test]
fn a_broken_scenario_stops_certify_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.yaml"), GOOD.replace("steps:", "stepz:")).unwrap();
    let (code, _, stderr) = run(stend().arg("certify").arg("--scenarios").arg(folder.path()));
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("mine.yaml:6:1"), "{stderr}");
}
