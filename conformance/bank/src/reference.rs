//! Reference data of the portal, kept as long as the portal allows and asked for by condition after that (RFC 9111 §4.2,
//! RFC 9110 §13.1.2). A copy past its life is not used.

use contract::time::{Span, Timestamp};
use http::header::{ETAG, IF_NONE_MATCH};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bank::Bank;
use crate::conduct::CacheDuty;
use crate::http::{Answer, Request};

/// The registry of errors: what the bank explains refusals by.
const ADDRESS: &str = "/api/v1/reference/errors";
const NAME: &str = "reference/errors";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Copy {
    etag: Option<String>,
    until: Timestamp,
    data: Value,
}

/// Sees to it that the copy is fresh; where the portal does not answer, the bank goes on without one.
pub(crate) async fn keep_fresh(bank: &Bank) {
    let known = bank.store.read::<Copy>(NAME);
    let heeds = bank.conduct.keeps(CacheDuty::Fresh);
    if known.as_ref().is_some_and(|copy| copy.until > bank.clock.now() || !heeds) {
        return;
    }
    let mut request = Request::get(bank.at(ADDRESS));
    let etag = known.as_ref().and_then(|copy| copy.etag.clone());
    if let Some(etag) = etag.filter(|_| bank.conduct.keeps(CacheDuty::Conditional)) {
        request = request.with(IF_NONE_MATCH, &etag);
    }
    let Ok(answer) = bank.http.send(request).await else { return };
    let until = bank.clock.now() + life(&answer);
    let etag = answer.header(ETAG.as_str()).map(str::to_owned);
    let copy = match (answer.status, known) {
        (304, Some(copy)) => Copy { until, etag: etag.or(copy.etag), data: copy.data },
        (200, _) if answer.whole => match answer.json() {
            Some(data) => Copy { etag, until, data },
            None => return,
        },
        _ => return,
    };
    bank.store.put(NAME, &copy, true);
}

/// `max-age`, without which nothing may be reused unasked.
fn life(answer: &Answer) -> Span {
    let told = answer.header("cache-control").unwrap_or_default();
    let age = told.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<i64>().ok());
    if told.contains("no-store") || told.contains("no-cache") {
        return Span::ZERO;
    }
    Span::from_seconds(age.unwrap_or_default().clamp(0, 86_400))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_copy_lives_as_long_as_it_was_told() {
        let answer = |told: &'static str| Answer {
            status: 200,
            headers: HeaderMap::from_iter([(http::header::CACHE_CONTROL, HeaderValue::from_static(told))]),
            body: bytes::Bytes::new(),
            whole: true,
        };
        assert_eq!(life(&answer("public, max-age=60")).seconds(), 60);
        assert_eq!(life(&answer("no-cache, max-age=60")).seconds(), 0);
        assert_eq!(life(&answer("public")).seconds(), 0);
    }
}
