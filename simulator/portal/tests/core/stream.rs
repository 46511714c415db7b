//! The stream of events over a real socket, read by a client that shares no code with the portal.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Request, header};
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::lies::Bank;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

const ANNA: &str = "anna-confirmed";

/// A TLS connection to the portal.
async fn tls(bank: &Bank) -> TlsStream<TcpStream> {
    let pem = std::fs::read(&bank.portal.ready.ca).unwrap();
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&pem) {
        // The bundle has a root of GOST too, which the TLS library passes by.
        let _ = roots.add(root.unwrap());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = bank.portal.ready.portal.trim_start_matches("https://").to_owned();
    let stream = TcpStream::connect(&address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

fn handshake(bank: &Bank, token: &str) -> Request<()> {
    let url = format!("{}/ws", bank.portal.ready.portal.replace("https://", "wss://"));
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_static("stend.events.v1"));
    if !token.is_empty() {
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    }
    request
}

async fn connect(bank: &Bank, token: &str) -> Result<Socket, Error> {
    let (socket, _) = tokio_tungstenite::client_async(handshake(bank, token), tls(bank).await).await?;
    Ok(socket)
}

async fn connected(bank: &Bank, token: &str, consent: &str, after: Option<u64>) -> Socket {
    let mut socket = connect(bank, token).await.unwrap();
    let mut subscribe = json!({"consent": consent});
    if let Some(after) = after {
        subscribe["after"] = after.into();
    }
    say(&mut socket, &json!({"subscribe": subscribe})).await;
    socket
}

async fn say(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

/// The next message that is no ping; what the connection ended with otherwise.
async fn hear(socket: &mut Socket) -> Result<Value, String> {
    loop {
        match tokio::time::timeout(std::time::Duration::from_secs(20), socket.next()).await.expect("silence") {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(Some(close)))) => return Err(u16::from(close.code).to_string()),
            Some(Ok(other)) => return Err(format!("{other:?}")),
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("gone".to_owned()),
        }
    }
}

async fn event(socket: &mut Socket) -> Value {
    loop {
        let heard = hear(socket).await.unwrap();
        if heard.get("event").is_some() {
            return heard["event"].clone();
        }
    }
}

/// How the connection ends, events passed over.
async fn end(socket: &mut Socket) -> String {
    loop {
        if let Err(end) = hear(socket).await {
            return end;
        }
    }
}

/// One of Anna's debts is another from now on, and every bank with her consent hears of it.
async fn change_debt(bank: &Bank, at: u64) {
    let path = format!("/citizens/{ANNA}");
    let (_, anna) = bank.portal.call("GET", &path, None).await;
    let mut debts = anna["debts"].clone();
    debts[0]["title"] = format!("Задолженность № {at}").into();
    let (status, body) = bank.portal.call("PATCH", &path, Some(json!({ "debts": debts }))).await;
    assert_eq!(status, 200, "{body}");
}

async fn journal(bank: &Bank, kind: &str) -> Vec<Value> {
    let (_, page) = bank.portal.call("GET", &format!("/journal?kind={kind}"), None).await;
    page["entries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_client_that_is_cut_off_a_hundred_times_gets_every_event_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::start(folder.path(), None).await;
    let consent = bank.consent(ANNA).await;
    let token = bank.partner_token().await;
    let ask = json!({"fault": "ws-cut", "times": 100});
    assert_eq!(bank.portal.call("POST", "/faults", Some(ask)).await.0, 201);
    let wanted = 101_u64;
    let changes = async {
        for at in 1..wanted {
            change_debt(&bank, at).await;
        }
    };
    let follow = async {
        let (mut seen, mut connections) = (Vec::<Value>::new(), 0);
        while (seen.len() as u64) < wanted {
            let mut socket = connected(&bank, &token, "all", Some(seen.len() as u64)).await;
            connections += 1;
            while let Ok(heard) = hear(&mut socket).await {
                if let Some(event) = heard.get("event") {
                    let seq = event["seq"].as_u64().unwrap();
                    assert_eq!(seq, seen.len() as u64 + 1, "none left out, none twice");
                    seen.push(event.clone());
                    if socket.send(Message::text(json!({"ack": seq}).to_string())).await.is_err() {
                        break;
                    }
                }
                if seen.len() as u64 == wanted {
                    break;
                }
            }
        }
        (seen, connections)
    };
    let ((), (seen, connections)) = tokio::join!(changes, follow);
    assert_eq!(connections, 101);
    assert_eq!(seen[0]["consent"]["id"], consent);
    let ids: std::collections::BTreeSet<&str> = seen.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len() as u64, wanted);
    bank.portal.stop().await;
}

#[tokio::test]
async fn numbers_and_acknowledgements_survive_a_restart_and_old_events_leave_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let state = format!("sqlite:{}", folder.path().join("stend.db").display());
    let mut bank = Bank::start_in(folder.path(), &state, json!({})).await;
    let consent = bank.consent(ANNA).await;
    for at in 1..4 {
        change_debt(&bank, at).await;
    }
    let token = bank.partner_token().await;
    let mut socket = connected(&bank, &token, "all", None).await;
    assert_eq!(hear(&mut socket).await.unwrap(), json!({"subscribed": {"consent": "all"}, "at": 0}));
    let first = event(&mut socket).await;
    assert_eq!(first["seq"], 1);
    event(&mut socket).await;
    say(&mut socket, &json!({"ack": 2})).await;
    event(&mut socket).await;
    while journal(&bank, "stream.acked").await.is_empty() {
        tokio::task::yield_now().await;
    }
    bank.portal = bank.portal.restarted(folder.path(), &state).await;
    let token = bank.partner_token().await;
    // What was not acknowledged comes again, under the same number.
    let mut socket = connected(&bank, &token, "all", None).await;
    assert_eq!(event(&mut socket).await["seq"], 3);
    let mut socket = connected(&bank, &token, &consent, Some(0)).await;
    assert_eq!(event(&mut socket).await, first);
    say(&mut socket, &json!({"subscribe": {"consent": "all", "after": 99}})).await;
    assert_eq!(end(&mut socket).await, "4010");
    bank.portal.stop().await;
}

#[tokio::test]
async fn a_connection_ends_with_the_code_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::start(folder.path(), None).await;
    let consent = bank.consent(ANNA).await;
    let token = bank.partner_token().await;
    let mut first = connected(&bank, &token, "all", None).await;
    event(&mut first).await;
    let mut second = connected(&bank, &token, &consent, None).await;
    assert_eq!(end(&mut first).await, "4009");
    event(&mut second).await;
    say(&mut second, &json!({"ack": 1})).await;
    bank.portal.call("POST", &format!("/citizen/consents/{consent}/revoke"), None).await;
    let last = event(&mut second).await;
    assert_eq!((&last["type"], &last["consent"]["state"]), (&json!("consent.revoked"), &json!("revoked")));
    say(&mut second, &json!({"ack": last["seq"]})).await;
    assert_eq!(end(&mut second).await, "4003", "nothing more can come");
    for (message, code) in [
        (json!({"subscribe": {"consent": "no-such"}}), "4003"),
        (json!({"hello": 1}), "4004"),
        (json!({"ack": 77}), "4010"),
    ] {
        let mut socket = connect(&bank, &token).await.unwrap();
        say(&mut socket, &message).await;
        assert_eq!(end(&mut socket).await, code, "{message}");
    }
    let mut socket = connect(&bank, &token).await.unwrap();
    socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(end(&mut socket).await, "1003");
    let mut socket = connected(&bank, &token, "all", None).await;
    socket.send(Message::text("x".repeat(65 * 1024))).await.unwrap();
    assert_eq!(end(&mut socket).await, "1009");
    let mut socket = connected(&bank, &token, "all", None).await;
    hear(&mut socket).await.unwrap();
    bank.portal.call("POST", "/clock/advance", Some(json!({"by": "PT2H"}))).await;
    assert_eq!(end(&mut socket).await, "4001", "the token's life is over");
    for entry in journal(&bank, "ws.closed").await {
        assert!(entry["exchange"].is_u64() && entry["partner"] == "BANK01", "{entry}");
    }
    bank.portal.stop().await;
}

#[tokio::test]
async fn a_refused_handshake_is_an_ordinary_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::start(folder.path(), None).await;
    let token = bank.partner_token().await;
    let refused = |got: Result<Socket, Error>| match got {
        Err(Error::Http(answer)) => answer,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(connect(&bank, "").await).status(), 401);
    assert_eq!(refused(connect(&bank, "no.such.token").await).status(), 401);
    let access = bank.access_token(ANNA).await;
    assert_eq!(refused(connect(&bank, &access).await).status(), 403);
    let mut without = handshake(&bank, &token);
    without.headers_mut().remove("sec-websocket-protocol");
    let got = tokio_tungstenite::client_async(without, tls(&bank).await).await;
    assert_eq!(refused(got.map(|(socket, _)| socket)).status(), 400);
    let plain = bank.portal.client.get(format!("{}/ws", bank.portal.ready.portal)).bearer_auth(&token);
    let answer = plain.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["sec-websocket-version"]), (426, &"13".parse().unwrap()));
    bank.portal.stop().await;
}

/// RFC 6455 §7.1.7: what a library would never send.
#[tokio::test]
async fn bad_frames_end_the_connection_with_their_code() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::start(folder.path(), None).await;
    let token = bank.partner_token().await;
    for (frame, code) in [
        (vec![0x81, 1, b'x'], 1002),
        (vec![0xc1, 0x81, 0, 0, 0, 0, b'x'], 1002),
        (vec![0x83, 0x81, 0, 0, 0, 0, b'x'], 1002),
        (vec![0x09, 0x81, 0, 0, 0, 0, b'x'], 1002),
        (vec![0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
        (vec![0x81, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0], 1009),
    ] {
        let mut stream = tls(&bank).await;
        let text = format!(
            "GET /ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: stend.events.v1\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.write_all(&frame).await.unwrap();
        let mut heard = Vec::new();
        // The portal ends the connection; that it says no farewell of TLS first is its right.
        let _ = stream.read_to_end(&mut heard).await;
        let body = heard.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert!(heard.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&heard));
        assert!(heard[..body].windows(28).any(|some| some == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        // A ping may come first, then the closing frame.
        let first = &heard[body..];
        let close = if first[0] == 0x89 { &first[usize::from(first[1]) + 2..] } else { first };
        assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, code), "{frame:?}");
    }
    bank.portal.stop().await;
}

#[tokio::test]
async fn lies_show_and_the_honest_event_comes_after_resuming() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::start(folder.path(), None).await;
    bank.consent(ANNA).await;
    for at in 1..4 {
        change_debt(&bank, at).await;
    }
    let token = bank.partner_token().await;
    for fault in contract::fault::FAULTS.iter().filter(|fault| fault.place == contract::fault::Place::Ws) {
        let slug = fault.slug;
        let ask = json!({"fault": slug, "times": 1, "params": {"seconds": 3}});
        let (_, armed) = bank.portal.call("POST", "/faults", Some(ask)).await;
        let got = connect(&bank, &token).await;
        let mut socket = match (slug, got) {
            ("ws-401-once" | "ws-429" | "ws-503" | "ws-redirect-foreign", Err(Error::Http(answer))) => {
                let wanted = [("ws-401-once", 401), ("ws-429", 429), ("ws-503", 503), ("ws-redirect-foreign", 307)];
                assert!(wanted.contains(&(slug, answer.status().as_u16())), "{slug}");
                assert_eq!(answer.headers().contains_key("retry-after"), matches!(slug, "ws-429" | "ws-503"));
                continue;
            }
            ("ws-bad-accept" | "ws-subprotocol-unknown", Err(Error::Protocol(_))) => continue,
            // This library does not look at extensions.
            ("ws-extension-unknown", Ok(_)) => continue,
            (_, got) => got.unwrap_or_else(|why| panic!("{slug}: {why}")),
        };
        say(&mut socket, &json!({"subscribe": {"consent": "all", "after": 0}})).await;
        assert!(hear(&mut socket).await.unwrap().get("subscribed").is_some());
        let mut heard = Vec::new();
        if slug != "ws-no-pong" {
            let wanted = if slug == "ws-gap" { 3 } else { 4 };
            while heard.len() < wanted {
                match hear(&mut socket).await {
                    Ok(message) => heard.push(message["event"].clone()),
                    Err(end) => {
                        heard.push(json!(end));
                        break;
                    }
                }
            }
        }
        let seqs: Vec<u64> = heard.iter().filter_map(|event| event["seq"].as_u64()).collect();
        match slug {
            "ws-binary" => assert!(heard[0].as_str().unwrap().contains("Binary"), "{heard:?}"),
            "ws-close-4009" => assert_eq!(heard, [json!("4009")]),
            "ws-token-expired" => assert_eq!(heard, [json!("4001")]),
            "ws-cut" => assert_eq!(seqs, [1]),
            "ws-duplicate" => assert_eq!(seqs, [1, 1, 2, 3]),
            "ws-foreign-consent-event" => assert_ne!(heard[0]["consent"]["id"], heard[1]["consent"]["id"]),
            "ws-fragmented" | "ws-pong-unasked" | "ws-unknown-event" => assert_eq!(seqs, [1, 2, 3, 4], "{slug}"),
            "ws-gap" => assert_eq!(seqs, [2, 3, 4]),
            "ws-no-pong" => {}
            "ws-oversize" => assert_eq!(heard[0]["padding"].as_str().unwrap().len(), 2 * 1024 * 1024),
            "ws-reorder" => assert_eq!(seqs, [2, 1, 3, 4]),
            _ => assert!(heard[0].is_string(), "{slug}: a strict client ends it: {heard:?}"),
        }
        let told = journal(&bank, "fault.told").await;
        assert_eq!(told.last().unwrap()["data"]["fault"], slug);
        let path = format!("/faults/{}", armed["id"].as_str().unwrap());
        bank.portal.call("DELETE", &path, None).await;
        let mut honest = connected(&bank, &token, "all", Some(0)).await;
        for seq in 1..5 {
            assert_eq!(event(&mut honest).await["seq"], seq, "{slug}");
        }
    }
    bank.portal.stop().await;
}
