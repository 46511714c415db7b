//! Banks that sign wrongly, with RSA and with GOST: the portal's journal names the cause, and the suite finds the bank by the
//! rule of its slug. Only the suite's own findings would be half of it: a team needs to be told what to mend.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::common::{run, stend};

/// A broken variant: the cause in the journal for v3 and for v1 (none where the mistake has no meaning there), and the rule.
struct Wrong {
    defect: &'static str,
    v3: &'static str,
    v1: Option<&'static str>,
    rule: &'static str,
}

const fn wrong(defect: &'static str, v3: &'static str, v1: Option<&'static str>, rule: &'static str) -> Wrong {
    Wrong { defect, v3, v1, rule }
}

const ALIKE: [Wrong; 5] = [
    wrong("signed-string-wrong", "signed-v1-order", Some("signed-v2-order"), "SIG-01"),
    wrong("signed-string-wrong.bytes-reversed", "signature-bytes-reversed", Some("signature-bytes-reversed"), "SIG-01"),
    wrong("signing-certificate-wrong.expired", "certificate-expired", Some("certificate-expired"), "SIG-06"),
    // A hash tells nothing of an unknown certificate but that it is unknown.
    wrong("signing-certificate-wrong.foreign", "hash-unknown", Some("certificate-foreign"), "SIG-06"),
    wrong("signing-certificate-wrong.pem-hash", "hash-of-pem", None, "SIG-06"),
];

/// Causes of refused requests by protocol, from the journal in the kept recordings.
fn causes(report: &Path) -> BTreeMap<String, BTreeSet<String>> {
    fn walk(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Object(members) => {
                if members.get("kind").is_some_and(|kind| kind == "request.refused") {
                    found.extend(value["data"]["cause"].as_str().map(str::to_owned));
                }
                members.values().for_each(|member| walk(member, found));
            }
            _ => {}
        }
    }
    let mut causes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(report.join("traces")).unwrap() {
        let trace: Value = serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        walk(&trace["events"], causes.entry(trace["case"]["protocol"].as_str().unwrap().to_owned()).or_default());
    }
    causes
}

fn found(alg: &str, wrong: &Wrong) {
    let report = tempfile::tempdir().unwrap();
    let words = ["--protocol", "esia-v3", "esia-v1", "--scenario", "sign-in", "--alg", alg, "--defect", wrong.defect];
    let (code, _, stderr) = run(stend().arg("certify").args(words).arg("--report").arg(report.path()));
    let about = format!("{alg} {}: {stderr}", wrong.defect);
    assert_eq!(code, 1, "{about}");
    let causes = causes(report.path());
    assert_eq!(causes["esia-v3"], BTreeSet::from([wrong.v3.to_owned()]), "{about}");
    let v1: BTreeSet<String> = wrong.v1.map(str::to_owned).into_iter().collect();
    assert_eq!(causes["esia-v1"], v1, "{about}");
    let read: Value = serde_json::from_slice(&std::fs::read(report.path().join("report.json")).unwrap()).unwrap();
    let finds = |protocol: &str| {
        let finding = |finding: &&Value| {
            finding["rule_id"] == wrong.rule && finding["case"].as_str().unwrap().ends_with(protocol)
        };
        read["findings"].as_array().unwrap().iter().any(|one| finding(&one))
    };
    assert!(finds("/esia-v3"), "{about}");
    assert_eq!(finds("/esia-v1"), wrong.v1.is_some(), "{about}");
}

#[test]
fn each_way_of_signing_wrongly_with_gost_is_named_and_found() {
    ALIKE.iter().for_each(|wrong| found("gost", wrong));
    let curve = "signing-certificate-wrong.other-curve";
    found("gost", &wrong(curve, "signature-other-curve", Some("certificate-other-curve"), "SIG-06"));
    found("gost2012-512", &wrong(curve, "signature-other-curve", Some("certificate-other-curve"), "SIG-06"));
    found("gost", &wrong("signature-algorithm-weak.other-digest", "hash-sha256", None, "SIG-05"));
}

#[test]
fn each_way_of_signing_wrongly_with_rsa_is_named_and_found() {
    ALIKE.iter().for_each(|wrong| found("rsa", wrong));
    // RSA has no curve: the wrong key is an ECDSA one, whose certificate is known and not registered.
    let curve = "signing-certificate-wrong.other-curve";
    found("rsa", &wrong(curve, "certificate-unregistered", Some("certificate-unregistered"), "SIG-06"));
    found("rsa", &wrong("signature-algorithm-weak.other-digest", "hash-other-digest", None, "SIG-05"));
}
