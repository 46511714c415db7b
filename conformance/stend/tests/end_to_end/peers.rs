//! Strangers against the portal: OpenSSL signs, with its GOST engine too, curl reads, stock clients sign in, follow the
//! stream and exchange messages, and a bank in Python that shares no code with us is certified. Needs openssl with its
//! engine, curl and Python packages, so it stands behind the feature `peers`.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::common::{Served, repository, run, stend};
use serde_json::{Value, json};

const REDIRECT: &str = "https://localhost:9443/callback";

fn python() -> String {
    std::env::var("STEND_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Runs a foreign program; its standard output, or a panic with what it said. OpenSSL has its GOST engine where the
/// folder has a configuration that says so.
fn foreign(program: &str, words: &[&str], folder: &Path) -> Vec<u8> {
    let mut command = Command::new(program);
    let engine = folder.join("engine.cnf");
    if engine.exists() {
        command.env("OPENSSL_CONF", engine);
    }
    let output = command.args(words).current_dir(folder).output().unwrap_or_else(|why| panic!("{program}: {why}"));
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// OpenSSL with the engine of Debian's `libengine-gost-openssl`, found where the distribution keeps engines.
const ENGINE: &str = "openssl_conf = all\n[all]\nengines = engines\n[engines]\ngost = gost\n\
                      [gost]\nengine_id = gost\ndefault_algorithms = ALL\n[req]\ndistinguished_name = name\n[name]\n";

/// Algorithm and parameter set of a GOST key as the engine calls them, and the digest that goes with it.
fn engine_names(alg: &str) -> Option<[&'static str; 3]> {
    match alg {
        "gost-256-cryptopro-a" => Some(["gost2012_256", "paramset:A", "md_gost12_256"]),
        "gost-256-tc26-a" => Some(["gost2012_256", "paramset:TCA", "md_gost12_256"]),
        "gost-512" => Some(["gost2012_512", "paramset:A", "md_gost12_512"]),
        _ => None,
    }
}

/// A key and a self-signed certificate, both by OpenSSL.
fn openssl_keys(folder: &Path, alg: &str) {
    if let Some([algorithm, curve, digest]) = engine_names(alg) {
        std::fs::write(folder.join("engine.cnf"), ENGINE).unwrap();
        foreign("openssl", &["genpkey", "-algorithm", algorithm, "-pkeyopt", curve, "-out", "bank.key"], folder);
        let digest = format!("-{digest}");
        let certificate = ["req", "-x509", "-new", "-key", "bank.key", &digest, "-days", "30", "-subj", "/CN=BANK01"];
        foreign("openssl", &[&certificate[..], &["-out", "bank.crt"]].concat(), folder);
        return;
    }
    let mut words =
        vec!["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=BANK01", "-keyout", "bank.key", "-out", "bank.crt"];
    words.extend(match alg {
        "ecdsa" => vec!["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        _ => vec!["-newkey", "rsa:2048"],
    });
    foreign("openssl", &words, folder);
}

fn serve_with_partner(folder: &Path, alg: &str) -> Served {
    openssl_keys(folder, alg);
    let partner = json!({
        "client_id": "BANK01", "name": { "ru": "Банк Пример", "en": "Example Bank" },
        "certificates": [std::fs::read_to_string(folder.join("bank.crt")).unwrap()],
        "redirect_uris": [REDIRECT],
        "token_alg": if engine_names(alg).is_some() { "GOST3410_2012_256" } else { "RS256" },
        "scopes": ["openid", "fullname", "email", "mobile", "contacts", "id_doc", "snils"], "purposes": ["CREDIT"],
    });
    let served = Served::start(folder, &[]);
    let (status, answer) = served.control(folder, "POST", "/partners", Some(partner));
    assert!(matches!(status, 200 | 201), "{status} {answer}");
    served
}

/// Signs with OpenSSL: a detached CMS for v1, a raw signature for v2/v3.
fn secret(folder: &Path, version: &str, alg: &str, text: &str) -> String {
    std::fs::write(folder.join("text"), text).unwrap();
    let digest = engine_names(alg).map_or("sha256", |[_, _, digest]| digest);
    let signed = match version {
        "v1" => foreign(
            "openssl",
            &[
                "cms", "-sign", "-binary", "-in", "text", "-signer", "bank.crt", "-inkey", "bank.key", "-md", digest,
                "-outform", "DER",
            ],
            folder,
        ),
        _ => foreign("openssl", &["dgst", &format!("-{digest}"), "-sign", "bank.key", "text"], folder),
    };
    base64url(&signed)
}

fn now() -> String {
    String::from_utf8(foreign("date", &["-u", "+%Y.%m.%d %H:%M:%S +0000"], Path::new("."))).unwrap().trim().to_owned()
}

/// Streebog-256 for GOST keys of either size, SHA-256 for the others.
fn certificate_hash(folder: &Path, alg: &str) -> String {
    foreign("openssl", &["x509", "-in", "bank.crt", "-outform", "DER", "-out", "bank.der"], folder);
    let digest = if engine_names(alg).is_some() { "-md_gost12_256" } else { "-sha256" };
    let said = String::from_utf8(foreign("openssl", &["dgst", digest, "-r", "bank.der"], folder)).unwrap();
    said.split(' ').next().unwrap().to_uppercase()
}

fn complete_esia(version: &str, alg: &str) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let served = serve_with_partner(folder, alg);
    let scope = "openid fullname id_doc contacts mobile email";
    let (authorize, token) = match version {
        "v1" => ("/aas/oauth2/ac", "/aas/oauth2/te"),
        _ => ("/aas/oauth2/v2/ac", "/aas/oauth2/v3/te"),
    };
    let sign = |state: &str, stamp: &str, code: Option<&str>| {
        let text = match version {
            "v1" => format!("{scope}{stamp}BANK01{state}"),
            _ => format!("BANK01{scope}{stamp}{state}{REDIRECT}{}", code.unwrap_or_default()),
        };
        secret(folder, version, alg, &text)
    };

    let (state, stamp) = ("7a1d2f30-0f7c-4f6e-9f0e-2f4f5a6b7c8d", now());
    let mut query = vec![
        ("client_id", "BANK01".to_owned()),
        ("client_secret", sign(state, &stamp, None)),
        ("redirect_uri", REDIRECT.to_owned()),
        ("scope", scope.to_owned()),
        ("response_type", "code".to_owned()),
        ("state", state.to_owned()),
        ("timestamp", stamp),
        ("access_type", "offline".to_owned()),
    ];
    if version != "v1" {
        query.push(("client_certificate_hash", certificate_hash(folder, alg)));
    }
    let url = reqwest::Url::parse_with_params(&format!("{}{authorize}", served.portal()), &query).unwrap();
    let (status, act) = served.control(
        folder,
        "POST",
        "/citizen/act",
        Some(json!({
            "url": url.as_str(), "citizen": "anna-confirmed",
            "factors": { "password": "right", "second": "right" }, "decision": "approve",
        })),
    );
    assert_eq!(status, 200, "{act}");
    let back = reqwest::Url::parse(act["redirect"].as_str().unwrap()).unwrap();
    let answer: std::collections::BTreeMap<_, _> = back.query_pairs().into_owned().collect();
    assert_eq!(answer["state"], state);

    let (state, stamp) = ("0b2e4d60-1f8c-4a6e-8f0e-3f4f5a6b7c8e", now());
    let mut form = vec![
        format!("client_id=BANK01"),
        format!("grant_type=authorization_code"),
        format!("token_type=Bearer"),
        format!("code={}", answer["code"]),
        format!("state={state}"),
        format!("timestamp={stamp}"),
        format!("scope={scope}"),
        format!("redirect_uri={REDIRECT}"),
        format!("client_secret={}", sign(state, &stamp, Some(&answer["code"]))),
    ];
    if version != "v1" {
        form.push(format!("client_certificate_hash={}", certificate_hash(folder, alg)));
    }
    let ca = served.ready["ca"].as_str().unwrap().to_owned();
    let endpoint = format!("{}{token}", served.portal());
    let mut words = vec!["--silent", "--cacert", &ca];
    for pair in &form {
        words.extend(["--data-urlencode", pair]);
    }
    words.push(&endpoint);
    let tokens: Value = serde_json::from_slice(&foreign("curl", &words, folder)).unwrap();
    assert_eq!(tokens["state"], state, "{tokens}");
    assert!(tokens["refresh_token"].is_string() && tokens["id_token"].is_string(), "{tokens}");

    let access = tokens["access_token"].as_str().unwrap();
    if engine_names(alg).is_some() {
        for token in [access, tokens["id_token"].as_str().unwrap()] {
            verified_by_the_engine(folder, &served, &ca, token);
        }
    }
    let oid = oid_of(access);
    let person = format!("{}/rs/prns/{oid}?embed=(documents.elements,contacts.elements)", served.portal());
    let bearer = format!("Authorization: Bearer {access}");
    let read: Value = serde_json::from_slice(&foreign(
        "curl",
        &["--silent", "--globoff", "--cacert", &ca, "-H", &bearer, &person],
        folder,
    ))
    .unwrap();
    let (_, anna) = served.control(folder, "GET", "/citizens/anna-confirmed", None);
    assert_eq!(read["lastName"], anna["last_name"], "{read}");
    assert_eq!(read["documents"]["elements"][0]["type"], "RF_PASSPORT", "{read}");
    assert!(read["contacts"]["size"].as_u64().unwrap() >= 1, "{read}");
    assert!(read.get("snils").is_none(), "what was not asked is not given: {read}");
}

/// A token of the portal, verified by OpenSSL with the certificate that the key set shows, as a client of ESIA does.
fn verified_by_the_engine(folder: &Path, served: &Served, ca: &str, token: &str) {
    use base64::Engine;
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (input, signature) = token.rsplit_once('.').unwrap();
    let header: Value = serde_json::from_slice(&url.decode(input.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header["alg"], "GOST3410_2012_256");
    let keys = format!("{}/.well-known/jwks.json", served.portal());
    let set: Value = serde_json::from_slice(&foreign("curl", &["--silent", "--cacert", ca, &keys], folder)).unwrap();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let der = base64::engine::general_purpose::STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
    for (name, bytes) in [("token.der", &der), ("token", &input.into()), ("token.sig", &url.decode(signature).unwrap())]
    {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let public = ["x509", "-inform", "DER", "-in", "token.der", "-pubkey", "-noout", "-out", "token.pub"];
    foreign("openssl", &public, folder);
    let verify = ["dgst", "-md_gost12_256", "-verify", "token.pub", "-signature", "token.sig", "token"];
    let said = String::from_utf8(foreign("openssl", &verify, folder)).unwrap();
    assert_eq!(said.trim(), "Verified OK");
    // The certificate is the key's own, and the header names it by its digest.
    let said = String::from_utf8(foreign("openssl", &["dgst", "-md_gost12_256", "-r", "token.der"], folder)).unwrap();
    assert_eq!(header["x5t#St256"].as_str().unwrap().to_lowercase(), said.split(' ').next().unwrap());
    foreign("openssl", &["x509", "-inform", "DER", "-in", "token.der", "-out", "token.crt"], folder);
    foreign("openssl", &["verify", "-CAfile", "token.crt", "token.crt"], folder);
    // The same certificate as a person downloads it.
    let archive = format!("{}/public/esia.zip", served.portal());
    foreign("curl", &["--silent", "--cacert", ca, "--output", "esia.zip", &archive], folder);
    foreign(&python(), &["-m", "zipfile", "-e", "esia.zip", "esia"], folder);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap().replace("\r\n", "\n");
    assert_eq!(read("esia/gost256.crt").trim(), read("token.crt").trim());
}

fn oid_of(jwt: &str) -> i64 {
    use base64::Engine;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    claims["urn:esia:sbj_id"].as_i64().expect("a number")
}

#[test]
fn openssl_cms_completes_v1_with_rsa() {
    complete_esia("v1", "rsa");
}

#[test]
fn openssl_cms_completes_v1_with_ecdsa() {
    complete_esia("v1", "ecdsa");
}

#[test]
fn openssl_raw_signature_completes_v3_with_rsa() {
    complete_esia("v3", "rsa");
}

#[test]
fn openssl_raw_signature_completes_v3_with_ecdsa() {
    complete_esia("v3", "ecdsa");
}

#[test]
fn openssl_s_engine_completes_v1_with_gost_256_on_cryptopro_a() {
    complete_esia("v1", "gost-256-cryptopro-a");
}

#[test]
fn openssl_s_engine_completes_v1_with_gost_256_on_tc26_a() {
    complete_esia("v1", "gost-256-tc26-a");
}

#[test]
fn openssl_s_engine_completes_v1_with_gost_512() {
    complete_esia("v1", "gost-512");
}

#[test]
fn openssl_s_engine_completes_v3_with_gost_256_on_cryptopro_a() {
    complete_esia("v3", "gost-256-cryptopro-a");
}

#[test]
fn openssl_s_engine_completes_v3_with_gost_256_on_tc26_a() {
    complete_esia("v3", "gost-256-tc26-a");
}

#[test]
fn openssl_s_engine_completes_v3_with_gost_512() {
    complete_esia("v3", "gost-512");
}

fn complete_oidc(alg: &str, jose: &str) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let served = serve_with_partner(folder, alg);
    let ask = json!({
        "portal": served.portal(), "ca": served.ready["ca"], "control": served.ready["control"], "token": served.token(folder),
        "issuer": served.ready["oidc_issuer"], "client_id": "BANK01", "key": folder.join("bank.key"), "alg": jose,
        "redirect_uri": REDIRECT, "citizen": "anna-confirmed",
    });
    let script = repository().join("conformance/stend/tests/end_to_end/oidc_client.py");
    let said = foreign(&python(), &[script.to_str().unwrap(), &ask.to_string()], folder);
    let person: Value = serde_json::from_slice(&said).unwrap();
    let (_, anna) = served.control(folder, "GET", "/citizens/anna-confirmed", None);
    assert_eq!(person["family_name"], anna["last_name"]);
    assert_eq!(person["email"], anna["email"]);
}

#[test]
fn a_stock_oidc_client_completes_the_code_flow_with_rsa() {
    complete_oidc("rsa", "RS256");
}

#[test]
fn a_stock_oidc_client_completes_the_code_flow_with_ecdsa() {
    complete_oidc("ecdsa", "ES256");
}

/// Runs a script of this folder that goes to the portal as a bank whom a citizen lets have these data; what it told.
fn visit(script: &str, alg: &str, scopes: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    openssl_keys(folder, alg);
    let served = Served::start(folder, &[]);
    let registered = [&["openid"], scopes].concat();
    let partner = json!({
        "client_id": "BANK01", "certificates": [std::fs::read_to_string(folder.join("bank.crt")).unwrap()],
        "redirect_uris": [REDIRECT], "scopes": registered, "purposes": ["CREDIT"],
    });
    let (status, answer) = served.control(folder, "POST", "/partners", Some(partner));
    assert_eq!(status, 201, "{answer}");
    let ask = json!({
        "portal": served.portal(), "ca": folder.join(served.ready["ca"].as_str().unwrap()),
        "control": served.ready["control"], "token": served.token(folder), "issuer": served.ready["oidc_issuer"],
        "client_id": "BANK01", "key": folder.join("bank.key"), "certificate": folder.join("bank.crt"),
        "redirect_uri": REDIRECT, "citizen": "anna-confirmed", "scopes": scopes,
    });
    let script = repository().join("conformance/stend/tests/end_to_end").join(script).canonicalize().unwrap();
    let said = foreign(&python(), &[script.to_str().unwrap(), &ask.to_string()], folder);
    serde_json::from_slice(&said).unwrap()
}

/// API-3: cut off a hundred times, a stock client stores every event exactly once by resuming.
#[test]
fn a_stock_websocket_client_resumes_a_hundred_times() {
    let told = visit("stream_client.py", "ecdsa", &["debts"]);
    assert_eq!(told["connections"], 101);
    assert_eq!(told["seqs"], json!((1..=101).collect::<Vec<u64>>()));
    assert_eq!(told["ids"].as_array().unwrap().len(), 101);
}

/// API-2: a stock SOAP client by the WSDL alone, with signatures of its own; whatever was done to an envelope is told by
/// the fault that it deserves.
fn complete_smev(alg: &str) {
    let told = visit("smev_client.py", alg, &["duties"]);
    for version in ["1.1", "1.2", "1.3"] {
        let operations = told["operations"][version].as_array().unwrap();
        for operation in ["SendRequest", "SendResponse", "GetRequest", "GetResponse", "GetStatus", "Ack"] {
            assert!(operations.contains(&json!(operation)), "{version} {operation}");
        }
    }
    assert_eq!(told["person"], told["asked"]);
    assert_eq!(told["uins"], told["held"]);
    assert!(!told["uins"].as_array().unwrap().is_empty());
    let moved = "SignatureVerificationFault/IncorrectSignatureTarget";
    let faults = json!({
        "acknowledged twice": "TargetMessageIsNotFound",
        "replayed": "MessageIsAlreadySent",
        "altered": "SignatureVerificationFault/SignatureIsInvalid",
        "unsigned": "SignatureVerificationFault/NoSignatureFound",
        "wrapped in the header, no id": moved,
        "wrapped in the header, another id": moved,
        "wrapped in the header, the same id": moved,
        "wrapped in the signature, another id": moved,
    });
    assert_eq!(told["faults"], faults);
}

#[test]
fn a_stock_soap_client_completes_the_exchange_with_rsa() {
    complete_smev("rsa");
}

#[test]
fn a_stock_soap_client_completes_the_exchange_with_ecdsa() {
    complete_smev("ecdsa");
}

/// CRT-2: text, attached facts and QR code of every kind of document, and of a receipt, by readers of others.
#[test]
fn documents_are_read_back_by_other_readers() {
    let told = visit("paper_reader.py", "ecdsa", &["certificates", "duties"]);
    assert_eq!(told, json!(["income", "workbook", "pension", "account", "estate", "receipt"]));
}

/// API-1: schemathesis finds nothing in either version that is not as described.
#[test]
fn schemathesis_meets_nothing_that_is_not_described() {
    let scopes = [
        "analytics",
        "applications",
        "certificates",
        "debts",
        "documents",
        "duties",
        "estate",
        "feedback",
        "income",
        "pension",
        "recommendations",
        "state_payments",
        "subsidies",
        "tax",
        "transfers",
    ];
    let told = visit("openapi_client.py", "ecdsa", &scopes);
    let document: Value = serde_json::from_str(contract::api::OPENAPI).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(told["operations"], json!(operations));
    // It came past the door.
    for status in ["200", "201", "400", "403", "404"] {
        assert!(told["statuses"][status].as_u64().unwrap_or_default() > 0, "{told}");
    }
}

/// Certifies the Python sample over the scenarios it has claims for; `defect` switches one of its own mistakes on.
///
/// One run at a time: each starts several copies of the bank, and a process of OpenSSL for each signature.
fn certify_python(defect: &str, more: &[&str]) -> (i32, Value) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let report = tempfile::tempdir().unwrap();
    let interpreter = std::path::PathBuf::from(python());
    let folder = interpreter.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let (code, _, stderr) = run(stend()
        .env("PATH", path)
        .env("SAMPLE_DEFECT", defect)
        .args(["certify", "--bank", "conformance/samples/python/bank.yaml", "--report"])
        .arg(report.path())
        .args(more));
    let text =
        std::fs::read_to_string(report.path().join("report.json")).unwrap_or_else(|why| panic!("{why}: {stderr}"));
    (code, serde_json::from_str(&text).unwrap())
}

fn failed(report: &Value) -> Vec<String> {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|finding| finding["rule_id"].as_str().map(str::to_owned))
        .collect()
}

/// Everything that the sample claims, in both of its protocols.
fn the_python_bank_passes_with(alg: &str) -> Value {
    let (code, report) = certify_python("", &["--jobs", "4", "--alg", alg]);
    assert_eq!(code, 0, "{:#}", report["findings"]);
    assert!(report["summary"]["pass"].as_u64().unwrap() >= 250, "{}", report["summary"]);
    report
}

#[test]
fn the_python_bank_passes_what_it_claims() {
    the_python_bank_passes_with("rsa");
}

#[test]
fn the_python_bank_passes_the_same_with_the_gost_engine_of_openssl() {
    let report = the_python_bank_passes_with("gost");
    // Every signature of the bank is the engine's, and stands in the report as what it is.
    let rows = report["algorithms"].as_array().unwrap();
    for (protocol, used_for) in [("esia-v3", "request_signature"), ("oidc", "client_assertion")] {
        let row = rows.iter().find(|row| row["protocol"] == protocol && row["used_for"] == used_for).unwrap();
        assert_eq!((&row["key"], &row["digest"]), (&json!("GOST R 34.10-2012 256"), &json!("Streebog-256")));
    }
}

#[test]
fn the_python_banks_own_defects_are_caught() {
    for (defect, rule, more) in [
        ("first-page", "DATA-08", ["--scenario", "debts-shown"]),
        ("roubles", "DATA-03", ["--scenario", "debts-shown"]),
        ("one-session", "RESP-05", ["--scenario", "callback-in-a-fresh-browser"]),
    ] {
        let (code, report) = certify_python(defect, &more);
        assert_eq!(code, 1, "{defect}");
        assert!(failed(&report).iter().any(|id| id == rule), "{defect}: {:?}", failed(&report));
    }
}
