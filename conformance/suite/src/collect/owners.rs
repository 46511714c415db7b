//! Whose exchange is it? One that bears a citizen, or a code, token or state once seen with that citizen, belongs to the
//! case of that citizen, however late it comes. The rest belongs to whatever is being played.

use std::collections::{BTreeMap, BTreeSet};

use contract::exchange::{Exchange, Party, header};
use contract::journal::Entry;
use serde_json::Value;
use url::Url;

/// To whom a recording belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The case with this number in the lane.
    Case(usize),
    /// A clean twin or an alive flow: played for a case, not part of it.
    Aside,
}

/// Everything known of owners in a lane, to the end of the run.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    people: BTreeMap<i64, Owner>,
    /// Codes, tokens, states → citizen.
    values: BTreeMap<String, i64>,
    /// Flows of the portal → citizen.
    flows: BTreeMap<String, i64>,
    exchanges: BTreeMap<u64, Owner>,
    /// Exchanges of the suite's own browsers.
    browsers: BTreeSet<u64>,
}

impl Owners {
    pub(crate) fn person(&mut self, oid: i64, owner: Owner) {
        self.people.insert(oid, owner);
    }

    /// Learns from exchanges whose citizen the portal knew.
    pub(crate) fn learn(&mut self, exchanges: &[Exchange]) {
        for exchange in exchanges {
            let Some(oid) = exchange.citizen else { continue };
            if let Some(flow) = &exchange.flow {
                self.flows.insert(flow.clone(), oid);
            }
            for value in marks(exchange) {
                self.values.entry(value).or_insert(oid);
            }
        }
        // What the portal tagged with a flow only: the authorisation request, before anybody signed in.
        for exchange in exchanges.iter().filter(|exchange| exchange.citizen.is_none()) {
            let Some(oid) = exchange.flow.as_ref().and_then(|flow| self.flows.get(flow)).copied() else { continue };
            for value in marks(exchange) {
                self.values.entry(value).or_insert(oid);
            }
        }
    }

    /// The owner, by citizen, flow, or anything that the exchange bears.
    pub(crate) fn exchange(&mut self, exchange: &Exchange) -> Option<Owner> {
        let by_value = || marks(exchange).iter().find_map(|value| self.values.get(value)).copied();
        let oid = exchange
            .citizen
            .or_else(|| exchange.flow.as_ref().and_then(|flow| self.flows.get(flow)).copied())
            .or_else(by_value)?;
        self.people.get(&oid).copied()
    }

    /// Remembers where an exchange went, so that journal entries follow it.
    pub(crate) fn filed(&mut self, exchange: &Exchange, owner: Owner) {
        self.exchanges.insert(exchange.id, owner);
        if matches!(exchange.from, Party::Attacker | Party::Browser) {
            self.browsers.insert(exchange.id);
        }
    }

    /// Whether an entry tells of a browser's connection.
    pub(crate) fn is_browsers(&self, entry: &Entry) -> bool {
        entry.exchange.is_some_and(|exchange| self.browsers.contains(&exchange))
    }

    pub(crate) fn entry(&self, entry: &Entry) -> Option<Owner> {
        let by_citizen = entry.citizen.and_then(|oid| self.people.get(&oid));
        let by_flow = || {
            let oid = self.flows.get(entry.flow.as_ref()?)?;
            self.people.get(oid)
        };
        let by_exchange = || entry.exchange.and_then(|exchange| self.exchanges.get(&exchange));
        by_citizen.or_else(by_flow).or_else(by_exchange).copied()
    }
}

/// Values by which an exchange can be known again: state, code, tokens.
fn marks(exchange: &Exchange) -> Vec<String> {
    const NAMES: &[&str] = &["access_token", "code", "id_token", "refresh_token", "state"];
    // The body of an answer has codes and states that are words, of problem documents and payments, and no mark of anybody.
    const TOKENS: &[&str] = &["access_token", "id_token", "refresh_token"];
    let mut marks = Vec::new();
    let mut pairs = |query: &str| {
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if NAMES.contains(&name.as_ref()) && value.len() >= 8 {
                marks.push(value.into_owned());
            }
        }
    };
    if let Ok(url) = Url::parse(&exchange.request.url) {
        pairs(url.query().unwrap_or_default());
    }
    let form = header(&exchange.request.headers, "content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if form {
        pairs(exchange.request.body.text());
    }
    if let Some(response) = &exchange.response {
        if let Some(location) = header(&response.headers, "location").and_then(|target| Url::parse(target).ok()) {
            pairs(location.query().unwrap_or_default());
        }
        if let Ok(Value::Object(members)) = serde_json::from_str(response.body.text()) {
            let tokens = TOKENS.iter().filter_map(|name| members.get(*name)?.as_str());
            marks.extend(tokens.filter(|value| value.len() >= 8).map(str::to_owned));
        }
    }
    let bearer = header(&exchange.request.headers, "authorization").and_then(|value| value.split_once(' '));
    if let Some((_, token)) = bearer {
        marks.push(token.trim().to_owned());
    }
    marks
}

#[cfg(test)]
mod tests {
    use contract::exchange::{Body, Request, Response};
    use contract::time::Timestamp;

    use super::*;

    fn exchange(url: &str, citizen: Option<i64>, answer: &str, bearer: Option<&str>) -> Exchange {
        Exchange {
            id: 1,
            sandbox: "s".to_owned(),
            from: Party::Bank,
            to: Party::Portal,
            started_us: 0,
            ended_us: 0,
            at: Timestamp::default(),
            request: Request {
                method: "GET".to_owned(),
                url: url.to_owned(),
                headers: bearer
                    .map(|token| ("Authorization".to_owned(), format!("Bearer {token}")))
                    .into_iter()
                    .collect(),
                body: Body::Empty,
            },
            response: Some(Response { status: 200, headers: Vec::new(), body: Body::Text(answer.to_owned()) }),
            delivered: true,
            tls: None,
            partner: None,
            citizen,
            flow: None,
            faults: Vec::new(),
        }
    }

    #[test]
    fn a_late_call_is_charged_by_its_token() {
        let mut owners = Owners::default();
        owners.person(7, Owner::Case(3));
        let issued = exchange("https://p/te", Some(7), r#"{"access_token":"abcdefgh12"}"#, None);
        owners.learn(&[issued]);
        let late = exchange("https://p/rs/prns/9", None, "", Some("abcdefgh12"));
        assert_eq!(owners.exchange(&late), Some(Owner::Case(3)));
        let other = exchange("https://p/rs/prns/9", None, "", Some("zzzzzzzz"));
        assert_eq!(owners.exchange(&other), None);
    }

    #[test]
    fn the_code_of_a_problem_document_is_nobodys() {
        let mut owners = Owners::default();
        owners.person(7, Owner::Case(3));
        let problem = r#"{"code":"rate-limited","state":"completed"}"#;
        owners.learn(&[exchange("https://p/api/v1/debts", Some(7), problem, None)]);
        let handshake = exchange("https://p/ws", None, problem, Some("of-the-bank-itself"));
        assert_eq!(owners.exchange(&handshake), None);
    }
}
