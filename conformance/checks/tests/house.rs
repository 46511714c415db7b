//! The plan of the house, read from the manifests and sources: who may depend on whom, and what may stand where.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed, and says where")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// crate → (its folder, the crates of ours it may depend on).
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("bank", "conformance/bank", &["contract", "crypto"]),
    ("certs", "certs", &["contract", "crypto"]),
    ("checks", "conformance/checks", &[]),
    ("contract", "simulator/contract", &[]),
    ("crypto", "simulator/crypto", &[]),
    ("domain", "simulator/domain", &["contract"]),
    ("fixtures", "fixtures", &["contract"]),
    ("portal", "simulator/portal", &["certs", "contract", "crypto", "domain", "fixtures"]),
    ("rules", "conformance/rules", &["contract", "crypto"]),
    ("stend", "conformance/stend", &["bank", "certs", "contract", "crypto", "portal", "rules", "suite"]),
    ("suite", "conformance/suite", &["certs", "contract", "crypto", "fixtures", "rules"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display())).parse().unwrap()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_member_is_known_to_this_test() {
    let workspace = manifest("");
    let members: Vec<&str> =
        workspace["workspace"]["members"].as_array().unwrap().iter().map(|member| member.as_str().unwrap()).collect();
    let mut known: Vec<&str> = ARROWS.iter().map(|(_, folder, _)| *folder).collect();
    let mut listed = members.clone();
    known.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, known);
}

#[test]
fn the_arrows_point_where_the_plan_says() {
    let ours: BTreeMap<&str, &[&str]> = ARROWS.iter().map(|(name, _, allowed)| (*name, *allowed)).collect();
    for (name, folder, allowed) in ARROWS {
        let manifest = manifest(folder);
        let Some(dependencies) = manifest.get("dependencies").and_then(|value| value.as_table()) else { continue };
        for dependency in dependencies.keys().filter(|key| ours.contains_key(key.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{name} may not depend on {dependency}");
        }
    }
}

#[test]
fn the_pure_crates_have_no_edge_in_them() {
    let edges = ["axum", "hyper", "reqwest", "rustls", "sqlx", "tokio", "rand", "ring"];
    for (name, folder) in
        [("contract", "simulator/contract"), ("domain", "simulator/domain"), ("rules", "conformance/rules")]
    {
        let manifest = manifest(folder);
        let dependencies = manifest["dependencies"].as_table().unwrap();
        for edge in edges {
            assert!(!dependencies.contains_key(edge), "{name} may not depend on {edge}");
        }
    }
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let mut files = Vec::new();
    for (_, folder, _) in ARROWS {
        sources(&root().join(folder), &mut files);
    }
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} opens without a module comment", file.display());
    }
}

#[test]
fn every_folder_that_is_a_room_has_a_readme() {
    for folder in [
        "",
        "simulator",
        "conformance",
        "conformance/bank",
        "conformance/samples/python",
        "fixtures",
        "scenarios",
        "certs",
    ] {
        assert!(root().join(folder).join("README.md").is_file(), "{folder}/README.md is missing");
    }
}

#[test]
fn no_test_is_ignored_and_no_lint_is_silenced() {
    let mut files = Vec::new();
    for (_, folder, _) in ARROWS {
        sources(&root().join(folder), &mut files);
    }
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            assert!(!line.starts_with("#[ignore"), "{}:{} ignores a test", file.display(), number + 1);
            assert!(!line.starts_with("#[allow("), "{}:{} silences a lint", file.display(), number + 1);
        }
    }
}
