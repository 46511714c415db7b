//! Exchanges as entries of an HTTP archive (HAR 1.2), for the tools that read it. What the format has no word for stands
//! in members that begin with an underscore, as it asks.

use serde_json::{Value, json};

use crate::exchange::{Body, Exchange, header};
use crate::time::Timestamp;

/// Version of the format.
pub const VERSION: &str = "1.2";

/// Who wrote the archive.
pub fn creator() -> Value {
    json!({"name": "stend", "version": env!("CARGO_PKG_VERSION")})
}

/// One entry. An exchange that was never answered has status 0, as browsers write it.
pub fn entry(exchange: &Exchange) -> Value {
    let took = (exchange.ended_us - exchange.started_us).max(0) as f64 / 1000.0;
    let request = &exchange.request;
    let query: Vec<Value> = url::Url::parse(&request.url)
        .map(|url| url.query_pairs().map(|(name, value)| json!({"name": name, "value": value})).collect())
        .unwrap_or_default();
    let mut sent = json!({
        "method": request.method, "url": request.url, "httpVersion": "HTTP", "cookies": [],
        "headers": headers(&request.headers), "queryString": query, "headersSize": -1, "bodySize": -1,
    });
    if let Some(posted) = posted(&request.body, &request.headers) {
        sent["postData"] = posted;
    }
    let received = match &exchange.response {
        Some(response) => json!({
            "status": response.status, "statusText": "", "httpVersion": "HTTP", "cookies": [],
            "headers": headers(&response.headers), "content": content(&response.body, &response.headers),
            "redirectURL": header(&response.headers, "location").unwrap_or_default(),
            "headersSize": -1, "bodySize": -1,
        }),
        None => json!({
            "status": 0, "statusText": "no answer", "httpVersion": "HTTP", "cookies": [], "headers": [],
            "content": {"size": 0, "mimeType": ""}, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        }),
    };
    json!({
        "startedDateTime": Timestamp::from_millis(exchange.started_us.div_euclid(1000)), "time": took,
        "request": sent, "response": received, "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "_exchange": exchange.id, "_from": exchange.from, "_to": exchange.to, "_faults": exchange.faults,
    })
}

fn headers(pairs: &[(String, String)]) -> Vec<Value> {
    pairs.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn mime(headers: &[(String, String)]) -> &str {
    header(headers, "content-type").unwrap_or_default()
}

fn posted(body: &Body, headers: &[(String, String)]) -> Option<Value> {
    let mime = mime(headers);
    match body {
        Body::Empty => None,
        Body::Text(text) => Some(json!({"mimeType": mime, "text": text})),
        Body::Base64(text) => Some(json!({"mimeType": mime, "text": text, "_encoding": "base64"})),
    }
}

fn content(body: &Body, headers: &[(String, String)]) -> Value {
    let mime = mime(headers);
    match body {
        Body::Empty => json!({"size": 0, "mimeType": mime, "text": ""}),
        Body::Text(text) => json!({"size": text.len(), "mimeType": mime, "text": text}),
        Body::Base64(text) => {
            let size = text.trim_end_matches('=').len() * 3 / 4;
            json!({"size": size, "mimeType": mime, "text": text, "encoding": "base64"})
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;
    use crate::exchange::{Party, Request, Response};

    fn exchange(body: Body, response: Option<Response>) -> Exchange {
        let request = Request {
            method: "POST".to_owned(),
            url: "https://localhost:8443/aas/oauth2/v3/te?a=1&b=%D1%8F".to_owned(),
            headers: vec![("Content-Type".to_owned(), "text/plain".to_owned())],
            body,
        };
        Exchange {
            id: 3,
            sandbox: "s1".to_owned(),
            from: Party::Bank,
            to: Party::Portal,
            started_us: 1_764_000_000_000_250,
            ended_us: 1_764_000_000_002_250,
            at: Timestamp::from_millis(0),
            request,
            response,
            delivered: true,
            tls: None,
            partner: None,
            citizen: None,
            flow: None,
            faults: vec!["cut".to_owned()],
        }
    }

    #[test]
    fn an_entry_tells_the_exchange() {
        let response = Response {
            status: 302,
            headers: vec![("Location".to_owned(), "/there".to_owned())],
            body: Body::Text("я".to_owned()),
        };
        let entry = entry(&exchange(Body::Text("x".to_owned()), Some(response)));
        assert_eq!(entry["time"], 2.0);
        assert_eq!(entry["request"]["queryString"][1], json!({"name": "b", "value": "я"}));
        assert_eq!(entry["request"]["postData"], json!({"mimeType": "text/plain", "text": "x"}));
        assert_eq!(entry["response"]["redirectURL"], "/there");
        assert_eq!(entry["response"]["content"]["size"], 2);
        assert_eq!((&entry["_from"], &entry["_faults"]), (&json!("bank"), &json!(["cut"])));
    }

    #[test]
    fn an_exchange_without_an_answer_has_status_zero() {
        let entry = entry(&exchange(Body::Empty, None));
        assert_eq!(entry["response"]["status"], 0);
        assert_eq!(entry["_exchange"], 3);
        assert!(entry["request"].get("postData").is_none());
    }

    #[test]
    fn the_size_of_other_bytes_is_told_exactly() {
        for length in 0..9 {
            let bytes = vec![0xFF; length];
            let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
            assert_eq!(content(&Body::Base64(text), &[])["size"], length);
        }
    }
}
