//! The recorded exchanges as an HTTP archive (HAR 1.2), for the tools that read it.

use contract::exchange::{Body, Exchange};
use contract::time::Timestamp;
use serde_json::{Value, json};

use super::{Named, Problem};
use crate::edge::record::Page;
use crate::faults::Answer;

/// The latest so many exchanges.
const LATEST: usize = 5_000;

pub(super) async fn har(Named(sandbox): Named) -> Result<Answer, Problem> {
    let failed = |error: std::io::Error| Problem::of("internal", error.to_string());
    let recorder = sandbox.recorder();
    let mut entries = Vec::new();
    let mut after = 0;
    loop {
        match recorder.page(after, 500).map_err(failed)? {
            Page::Gone { oldest } => after = oldest,
            Page::Exchanges { exchanges, .. } if exchanges.is_empty() => break,
            Page::Exchanges { exchanges, next } => {
                entries.extend(exchanges.iter().map(entry));
                let surplus = entries.len().saturating_sub(LATEST);
                entries.drain(..surplus);
                after = next;
            }
        }
    }
    let creator = json!({"name": "stend", "version": env!("CARGO_PKG_VERSION")});
    Ok(Answer::json(200, json!({"log": {"version": "1.2", "creator": creator, "entries": entries}})))
}

fn entry(exchange: &Exchange) -> Value {
    let took = (exchange.ended_us - exchange.started_us) as f64 / 1000.0;
    let started = Timestamp::from_millis(exchange.started_us.div_euclid(1000));
    let request = &exchange.request;
    let query: Vec<Value> = url::Url::parse(&request.url)
        .map(|url| url.query_pairs().map(|(name, value)| json!({"name": name, "value": value})).collect())
        .unwrap_or_default();
    let mut sent = json!({
        "method": request.method, "url": request.url, "httpVersion": "HTTP", "cookies": [],
        "headers": headers(&request.headers), "queryString": query, "headersSize": -1, "bodySize": -1,
    });
    if request.body != Body::Empty {
        sent["postData"] = content(&request.body, &request.headers);
    }
    let received = match &exchange.response {
        Some(response) => json!({
            "status": response.status, "statusText": "", "httpVersion": "HTTP", "cookies": [],
            "headers": headers(&response.headers), "content": content(&response.body, &response.headers),
            "redirectURL": contract::exchange::header(&response.headers, "location").unwrap_or_default(),
            "headersSize": -1, "bodySize": -1,
        }),
        None => json!({
            "status": 0, "statusText": "no answer", "httpVersion": "", "cookies": [], "headers": [],
            "content": {"size": 0, "mimeType": ""}, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        }),
    };
    json!({
        "startedDateTime": started, "time": took, "request": sent, "response": received, "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "_exchange": exchange.id, "_from": exchange.from, "_to": exchange.to, "_faults": exchange.faults,
    })
}

fn headers(pairs: &[(String, String)]) -> Vec<Value> {
    pairs.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn content(body: &Body, headers: &[(String, String)]) -> Value {
    let mime = contract::exchange::header(headers, "content-type").unwrap_or_default();
    match body {
        Body::Empty => json!({"size": 0, "mimeType": mime, "text": ""}),
        Body::Text(text) => json!({"size": text.len(), "mimeType": mime, "text": text}),
        Body::Base64(text) => json!({"size": text.len() / 4 * 3, "mimeType": mime, "text": text, "encoding": "base64"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_without_an_answer_has_status_zero() {
        let entry = entry(&crate::edge::record::tests::exchange(3));
        assert_eq!(entry["response"]["status"], 0);
        assert_eq!(entry["_exchange"], 3);
    }
}
