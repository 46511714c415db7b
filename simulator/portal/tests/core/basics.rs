//! What the portal is as a program: started, asked over TLS, ended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use portal::config::Overrides;
use portal::serve::{Options, serve_telling};
use serde_json::{Value, json};

use crate::running::{Running, start};

#[tokio::test]
async fn a_portal_without_partners_comes_up_and_lets_one_register() {
    let folder = tempfile::tempdir().unwrap();
    let portal = start(folder.path(), "memory", "").await;
    let (status, body) =
        portal.call("POST", "/partners", Some(json!({"client_id": "BANK01", "redirect_uris": ["https://b/c"]}))).await;
    assert_eq!((status, &body["client_id"]), (201, &json!("BANK01")));
    let (status, body) = portal.call("GET", "/citizens?story=anna-confirmed", None).await;
    assert_eq!(status, 200);
    assert_eq!(body["citizens"][0]["slug"], "anna-confirmed");
    let (status, body) = portal.call("POST", "/citizens", Some(json!({"like": "anna-confirmed"}))).await;
    assert_eq!((status, &body["slug"]), (201, &json!("anna-confirmed-1")));
    assert!(Path::new(&portal.ready.ca).is_absolute());
    portal.stop().await;
}

#[tokio::test]
async fn the_control_api_wants_its_token_and_a_known_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let portal = start(folder.path(), "memory", "").await;
    let bare = portal.client.get(format!("{}/clock", portal.ready.control)).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let (status, body) = portal.call_in("nowhere", "GET", "/clock", None).await;
    assert_eq!((status, &body["code"]), (404, &json!("sandbox-unknown")));
    portal.stop().await;
}

#[tokio::test]
async fn state_survives_a_restart_and_the_chain_holds() {
    let folder = tempfile::tempdir().unwrap();
    let state = format!("sqlite:{}", folder.path().join("stend.db").display());
    let portal = start(folder.path(), &state, "").await;
    portal.call("POST", "/partners", Some(json!({"client_id": "BANK01"}))).await;
    portal.call("POST", "/citizens", Some(json!({"like": "anna-confirmed"}))).await;
    portal.call("POST", "/clock/advance", Some(json!({"by": "PT2H"}))).await;
    let (_, before) = portal.call("GET", "/journal/verify", None).await;
    let (_, keys) = portal.call("GET", "/citizens/anna-confirmed-1", None).await;
    portal.stop().await;
    let portal = start(folder.path(), &state, "").await;
    let (_, after) = portal.call("GET", "/journal/verify", None).await;
    assert_eq!(after["ok"], true);
    assert!(after["entries"].as_u64() >= before["entries"].as_u64());
    assert_eq!(portal.call("GET", "/citizens/anna-confirmed-1", None).await.1, keys);
    assert_eq!(portal.call("GET", "/partners", None).await.1["partners"][0]["client_id"], "BANK01");
    assert_eq!(portal.call("GET", "/clock", None).await.1["clock"], json!({"offset": "PT2H"}));
    portal.stop().await;
}

#[tokio::test]
async fn exchanges_are_recorded_in_full_and_the_foreign_host_too() {
    let folder = tempfile::tempdir().unwrap();
    let portal = start(folder.path(), "memory", "").await;
    let (_, sandbox) = portal.call("GET", "/sandboxes/default", None).await;
    let health = portal.client.get(format!("{}//health/", portal.ready.portal)).send().await.unwrap();
    assert_eq!(health.text().await.unwrap(), r#"{"status":"ok"}"#);
    let foreign = sandbox["foreign"].as_str().unwrap();
    let gone = portal.client.post(format!("{foreign}/take")).bearer_auth("secret").body("x=1").send().await.unwrap();
    assert_eq!(gone.status(), 404);
    let mut seen = Vec::new();
    let mut after = 0;
    while seen.len() < 2 {
        let (_, page) = portal.call("GET", &format!("/exchanges?after={after}&wait=5s"), None).await;
        after = page["next"].as_u64().unwrap();
        seen.extend(page["exchanges"].as_array().unwrap().iter().cloned());
    }
    assert_eq!(seen[0]["to"], "portal");
    assert_eq!(seen[0]["response"]["body"]["text"], r#"{"status":"ok"}"#);
    assert_eq!(seen[0]["delivered"], true);
    assert!(seen[0]["request"]["url"].as_str().unwrap().ends_with("//health/"));
    assert_eq!(seen[1]["to"], "foreign");
    assert_eq!(seen[1]["request"]["body"]["text"], "x=1");
    let (_, journal) = portal.call("GET", "/journal?kind=handshake&wait=2s", None).await;
    let versions = journal["entries"][0]["data"]["versions"].as_array().unwrap();
    assert!(versions.contains(&json!("TLSv1.3")), "{versions:?}");
    portal.stop().await;
}

#[tokio::test]
async fn a_body_too_long_for_a_service_is_refused_like_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let portal = start(folder.path(), "memory", "").await;
    let most = 1024 * 1024;
    let send = |path: &str, length: usize, accept: &'static str| {
        let request = portal.client.post(format!("{}{path}", portal.ready.portal)).header("accept", accept);
        request.body(vec![b'x'; length]).send()
    };
    for (path, accept, media) in [
        ("/api/v1/metrics", "application/json", "application/problem+json"),
        ("/api/v2//metrics/", "application/xml", "application/problem+xml"),
        ("/oidc/token", "application/json", "text/plain; charset=utf-8"),
    ] {
        let refused = send(path, most + 1, accept).await.unwrap();
        assert_eq!(refused.status(), 413, "{path}");
        assert_eq!(refused.headers()["content-type"], media, "{path}");
        let text = refused.text().await.unwrap();
        assert_eq!(text.contains("body-too-large"), path.starts_with("/api"), "{text}");
        assert_ne!(send(path, most, accept).await.unwrap().status(), 413, "{path}");
    }
    let (_, journal) = portal.call("GET", "/journal?kind=request.refused&wait=2s", None).await;
    let entries = journal["entries"].as_array().unwrap().iter();
    assert_eq!(entries.filter(|entry| entry["data"]["code"] == "body-too-large").count(), 2, "{journal}");
    portal.stop().await;
}

#[tokio::test]
async fn lies_in_the_handshake_are_met_and_refused_and_journalled() {
    let folder = tempfile::tempdir().unwrap();
    let portal = start(folder.path(), "memory", "").await;
    let health = format!("{}/health", portal.ready.portal);
    assert_eq!(portal.client.get(&health).send().await.unwrap().status(), 200);
    let (_, crl) = (0, portal.client.get(format!("{}/pki/crl.pem", portal.ready.portal)).send().await.unwrap());
    assert!(crl.text().await.unwrap().contains("BEGIN X509 CRL"));
    for fault in [
        "cert-expired",
        "cert-not-yet-valid",
        "cert-self-signed",
        "cert-foreign-authority",
        "cert-wrong-host",
        "cert-name-in-subject-only",
        "cert-no-server-auth",
        "tls-old-version",
    ] {
        let (status, armed) = portal.call("POST", "/faults", Some(json!({"fault": fault}))).await;
        assert_eq!(status, 201, "{armed}");
        let lied = portal.client.get(&health).timeout(Duration::from_secs(5)).send().await;
        assert!(lied.is_err(), "{fault}");
        let (_, page) = portal.call("GET", "/journal?kind=handshake&wait=1s", None).await;
        let entries = page["entries"].as_array().unwrap().clone();
        let last = entries.iter().rev().find(|entry| entry["data"]["fault"] == fault).expect(fault);
        assert_eq!(last["data"]["result"], "aborted", "{fault}");
        assert!(last["data"]["alert"].is_string(), "{fault}: {last}");
        let id = armed["id"].as_str().unwrap();
        assert_eq!(portal.call("DELETE", &format!("/faults/{id}"), None).await.0, 200);
        assert_eq!(portal.client.get(&health).send().await.unwrap().status(), 200, "{fault}");
    }
    portal.stop().await;
}

#[tokio::test]
async fn sandboxes_are_worlds_of_their_own_and_can_be_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let portal = start(folder.path(), "memory", "").await;
    let ask = json!({"seed": 7, "clock": {"frozen": "2026-11-22T10:00:00Z"}, "partners": [{"client_id": "BANK02"}]});
    let (status, opened) = portal.call("POST", "/sandboxes", Some(ask)).await;
    assert_eq!(status, 201, "{opened}");
    let id = opened["id"].as_str().unwrap();
    assert_ne!(opened["portal"], json!(portal.ready.portal));
    assert_eq!(portal.call("GET", "/partners", None).await.1["partners"], json!([]));
    let (_, snapshot) = portal.call_in(id, "POST", &format!("/sandboxes/{id}/snapshot"), None).await;
    portal.call_in(id, "POST", "/citizens", Some(json!({"like": "anna-confirmed"}))).await;
    assert_eq!(portal.call_in(id, "GET", "/citizens/anna-confirmed-1", None).await.0, 200);
    let (status, forked) = portal.call_in(id, "POST", &format!("/sandboxes/{id}/fork"), None).await;
    assert_eq!(status, 201);
    let (status, body) = portal.call_in(id, "POST", &format!("/sandboxes/{id}/reset"), Some(snapshot.clone())).await;
    assert_eq!(status, 200, "{body}");
    let count = |body: &Value| body["citizens"].as_array().unwrap().len();
    let (_, here) = portal.call_in(id, "GET", "/citizens", None).await;
    let (_, there) = portal.call_in(forked["id"].as_str().unwrap(), "GET", "/citizens", None).await;
    assert_eq!(count(&there), count(&here) + 1);
    assert_eq!(portal.call_in(id, "GET", "/partners", None).await.1["partners"][0]["client_id"], "BANK02");
    assert_eq!(portal.call_in(id, "GET", "/journal/verify", None).await.1["ok"], true);
    assert_eq!(portal.call("DELETE", &format!("/sandboxes/{id}"), None).await.0, 204);
    assert_eq!(portal.call_in(id, "GET", "/clock", None).await.0, 404);
    portal.stop().await;
}

#[tokio::test]
async fn a_snapshot_outlives_the_process_and_other_resets() {
    let folder = tempfile::tempdir().unwrap();
    let state = format!("sqlite:{}", folder.path().join("stend.db").display());
    let portal = start(folder.path(), &state, "").await;
    portal.call("POST", "/citizens", Some(json!({"like": "anna-confirmed"}))).await;
    let (_, snapshot) = portal.call("POST", "/sandboxes/default/snapshot", None).await;
    portal.call("POST", "/partners", Some(json!({"client_id": "BANK01"}))).await;
    let portal = portal.restarted(folder.path(), &state).await;
    let reset = async |portal: &Running, to: Value| {
        assert_eq!(portal.call("POST", "/sandboxes/default/reset", Some(to)).await.0, 200);
    };
    let world = async |portal: &Running| {
        let people = portal.call("GET", "/citizens/anna-confirmed-1", None).await.0;
        (people, portal.call("GET", "/partners", None).await.1["partners"].as_array().unwrap().len())
    };
    // To the beginning first, and from there to the snapshot: what the first reset took away is back.
    reset(&portal, json!({})).await;
    assert_eq!(portal.call("GET", "/partners", None).await.1["partners"], json!([]));
    portal.call("POST", "/partners", Some(json!({"client_id": "BANK02"}))).await;
    reset(&portal, snapshot.clone()).await;
    let before = world(&portal).await;
    assert_eq!(before, (200, 0));
    let portal = portal.restarted(folder.path(), &state).await;
    assert_eq!(world(&portal).await, before);
    for wrong in ["1", "0", "999999", "yesterday"] {
        let ask = json!({"snapshot": wrong});
        let (status, body) = portal.call("POST", "/sandboxes/default/reset", Some(ask)).await;
        assert_eq!((status, &body["code"]), (404, &json!("sandbox-unknown")), "{wrong}");
    }
    assert_eq!(portal.call("GET", "/journal/verify", None).await.1["ok"], true);
    portal.stop().await;
}

/// What the configuration says of algorithms reaches the partner, and a bad key is refused before it is registered.
#[tokio::test]
async fn gost_is_configured_like_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hook.secret"), "kept in a file\n").unwrap();
    let yaml = "key_types: [gost, rsa]\npartners:\n  - client_id: BANK01\n    token_alg: GOST3410_2012_256\n    \
                webhook_hmac: { alg: hmac-gostr3411-2012-256, secret_file: hook.secret }\n";
    let portal = start(folder.path(), "memory", yaml).await;
    let (_, partners) = portal.call("GET", "/partners", None).await;
    assert_eq!(partners["partners"][0]["token_alg"], "GOST3410_2012_256");
    assert_eq!(partners["partners"][0]["webhook_hmac"], "hmac-gostr3411-2012-256");
    let set = portal.client.get(format!("{}/.well-known/jwks.json", portal.ready.portal)).send().await.unwrap();
    let set: Value = serde_json::from_str(&set.text().await.unwrap()).unwrap();
    let listed = |alg: &str| set["keys"].as_array().unwrap().iter().any(|key| key["alg"] == alg);
    assert!(listed("GOST3410_2012_256") && listed("RS256") && listed("ES256"), "{set}");
    let (status, opened) =
        portal.call("POST", "/sandboxes", Some(json!({"key_types": ["gost"], "partners": []}))).await;
    assert_eq!(status, 201, "{opened}");
    let set = portal.client.get(format!("{}/.well-known/jwks.json", opened["portal"].as_str().unwrap()));
    let set: Value = serde_json::from_str(&set.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(set["keys"].as_array().unwrap().len(), 2, "nobody here wants a key of GOST: {set}");
    let (status, document) = portal.call("GET", "/openapi.json", None).await;
    assert_eq!(status, 200);
    let text = document.to_string();
    assert!(text.contains("GOST3410_2012_256") && text.contains("hmac-gostr3411-2012-512"), "{text}");

    // A GOST certificate that OpenSSL's engine made is taken; one with a key of P-384 says why it is not.
    let gost = include_str!("../../../crypto/tests/vectors/gost/esia.crt");
    let (status, body) = portal.call("POST", "/partners/BANK01/certificates", Some(json!({"certificate": gost}))).await;
    assert_eq!(status, 201, "{body}");
    let unknown = include_str!("p384.crt");
    let (status, body) =
        portal.call("POST", "/partners/BANK01/certificates", Some(json!({"certificate": unknown}))).await;
    assert_eq!((status, &body["code"]), (422, &json!("certificate-invalid")), "{body}");
    assert!(body["detail"].as_str().unwrap().contains("CN=p384"), "{body}");
    for (name, mark) in [("ca-gost.pem", "CERTIFICATE"), ("crl-gost.pem", "X509 CRL"), ("crl.pem", "X509 CRL")] {
        let served = portal.client.get(format!("{}/pki/{name}", portal.ready.portal)).send().await.unwrap();
        assert!(served.text().await.unwrap().contains(&format!("BEGIN {mark}")), "{name}");
    }
    portal.stop().await;
}

#[tokio::test]
async fn moving_the_clock_lets_what_fell_due_happen_and_never_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let portal = start(folder.path(), "memory", "clock: { frozen: 2026-11-22T10:00:00Z }\n").await;
    let (_, state) = portal.call("POST", "/clock/advance", Some(json!({"by": "P1D"}))).await;
    assert_eq!(state["now"], "2026-11-23T10:00:00Z");
    let back = json!({"frozen": "2026-11-22T10:00:00Z"});
    let (status, body) = portal.call("PUT", "/clock", Some(back)).await;
    assert_eq!((status, &body["code"]), (422, &json!("clock-invalid")));
    portal.stop().await;
}

async fn refused(config: Option<PathBuf>, overrides: Overrides) -> String {
    let error = serve_telling(Options { config, overrides }, std::future::pending(), |_| ()).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("stend.yaml");
    std::fs::write(&empty, "").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = Overrides {
        listen: Some("localhost:0".into()),
        control: Some("localhost:0".into()),
        state: Some("memory".into()),
        ..Overrides::default()
    };
    let with = |change: &dyn Fn(&mut Overrides)| {
        let mut overrides = free.clone();
        change(&mut overrides);
        overrides
    };
    let port = taken.local_addr().unwrap().port();
    let text = refused(Some(empty.clone()), with(&|it| it.listen = Some(format!("localhost:{port}")))).await;
    assert!(text.contains(&port.to_string()) && text.contains("taken"), "{text}");
    let text = refused(Some(empty.clone()), with(&|it| it.listen = Some("0.0.0.0:0".into()))).await;
    assert!(text.contains("beyond_loopback"), "{text}");
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "no database ".repeat(400)).unwrap();
    let text = refused(Some(empty.clone()), with(&|it| it.state = Some(format!("sqlite:{}", garbage.display())))).await;
    assert!(text.contains("garbage.db"), "{text}");
    let text = refused(Some(folder.path().join("missing.yaml")), free.clone()).await;
    assert!(text.contains("missing.yaml"), "{text}");
    std::fs::write(&empty, "diagnossis: true\n").unwrap();
    let text = refused(Some(empty), free).await;
    assert!(text.contains("stend.yaml:1:1"), "{text}");
}
