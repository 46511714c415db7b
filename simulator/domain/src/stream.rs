//! The stream of each partner (API-3): whatever a bank is told of, numbered from 1 without gaps, and how far the bank
//! has acknowledged. It is a fold of the same facts that queue web-hooks, so numbers survive a restart. The latest
//! events are kept; older ones are trimmed and their numbers stay used.

use std::collections::{BTreeMap, VecDeque};

use contract::time::Timestamp;
use serde_json::Value;

use crate::draft::Draft;
use crate::event::{Event, Fact};
use crate::refusal::Refusal;
use crate::reply::Reply;

/// An event of a partner's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its number.
    pub seq: u64,
    /// The id that the web-hook bears too.
    pub id: String,
    /// `consent.granted`, `debt.changed` …
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Whom it concerns, by OID.
    pub citizen: Option<i64>,
    /// The consent that it is about.
    pub consent: Option<String>,
    /// The body of the web-hook, a JSON object. Its personal part may have been erased since.
    pub body: String,
}

/// What a partner was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    last: u64,
    kept: VecDeque<Told>,
    acked: u64,
    /// Acknowledged by subscriptions to single consents.
    acked_of: BTreeMap<String, u64>,
}

impl Stream {
    /// The number of the latest event; zero when there was none.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The number up to which events are not kept any more.
    pub fn trimmed(&self) -> u64 {
        self.last - self.kept.len() as u64
    }

    /// Up to which number a subscription to these consents has acknowledged; none named: to all of them.
    pub fn acked(&self, consents: &[String]) -> u64 {
        let own = consents.iter().map(|id| self.acked_of.get(id).copied().unwrap_or_default()).min();
        own.unwrap_or_default().max(self.acked)
    }

    /// The kept events after this number, in order.
    pub fn after(&self, seq: u64) -> impl Iterator<Item = &Told> {
        let skipped = usize::try_from(seq.saturating_sub(self.trimmed())).unwrap_or(usize::MAX);
        self.kept.iter().skip(skipped)
    }
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams {
    by_client: BTreeMap<String, Stream>,
}

impl Streams {
    /// The stream of a partner, where it was told of anything.
    pub fn of(&self, client_id: &str) -> Option<&Stream> {
        self.by_client.get(client_id)
    }

    pub(crate) fn apply(&mut self, event: &Event, retention: u32) {
        let Some(client_id) = &event.partner else { return };
        match &event.fact {
            Fact::HookQueued { id, kind, body, .. } | Fact::StreamTold { id, kind, body } => {
                let body = body
                    .clone()
                    .unwrap_or_else(|| serde_json::json!({ "id": id, "type": kind, "at": event.at }).to_string());
                let consent = serde_json::from_str::<Value>(&body).ok();
                let consent = consent.and_then(|body| Some(body.get("consent")?.get("id")?.as_str()?.to_owned()));
                let stream = self.by_client.entry(client_id.clone()).or_default();
                stream.last += 1;
                stream.kept.push_back(Told {
                    seq: stream.last,
                    id: id.clone(),
                    kind: kind.clone(),
                    at: event.at,
                    citizen: event.citizen,
                    consent,
                    body,
                });
                while stream.kept.len() > retention.max(1) as usize {
                    stream.kept.pop_front();
                }
            }
            Fact::StreamAcked { seq, consents } => {
                let stream = self.by_client.entry(client_id.clone()).or_default();
                if consents.is_empty() {
                    stream.acked = stream.acked.max(*seq);
                }
                for consent in consents {
                    let known = stream.acked_of.entry(consent.clone()).or_default();
                    *known = (*known).max(*seq);
                }
            }
            _ => {}
        }
    }
}

/// Everything up to `seq` is stored by the bank, as far as this subscription goes. What was known before is no event.
pub(crate) fn ack(
    draft: &mut Draft<'_, '_, '_>,
    client_id: String,
    seq: u64,
    consents: Vec<String>,
) -> Result<Reply, Refusal> {
    let stream = draft.world.streams.of(&client_id);
    let last = stream.map_or(0, Stream::last);
    if seq > last {
        return Err(Refusal::new("ws-sequence-unknown", "sequence-unknown")
            .check("ack")
            .seen(seq.to_string())
            .wanted(format!("at most {last}")));
    }
    let known = stream.map_or(0, |stream| stream.acked(&consents));
    draft.partner = Some(client_id);
    if seq > known {
        draft.tell(Fact::StreamAcked { seq, consents });
    }
    Ok(Reply::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(client_id: &str, id: &str) -> Event {
        let body = serde_json::json!({"id": id, "type": "consent.revoked", "at": 1, "consent": {"id": "c-1"}});
        Event {
            at: Timestamp::from_seconds(1),
            partner: Some(client_id.to_owned()),
            citizen: Some(7),
            flow: None,
            fact: Fact::StreamTold {
                id: id.to_owned(),
                kind: "consent.revoked".to_owned(),
                body: Some(body.to_string()),
            },
        }
    }

    fn acked(seq: u64, consents: &[&str]) -> Event {
        let consents = consents.iter().map(|id| (*id).to_owned()).collect();
        Event { fact: Fact::StreamAcked { seq, consents }, ..told("B", "") }
    }

    #[test]
    fn numbers_have_no_gaps_and_belong_to_one_partner() {
        let mut streams = Streams::default();
        for id in ["1", "2", "3"] {
            streams.apply(&told("A", id), 2);
        }
        streams.apply(&told("B", "4"), 2);
        let of_a = streams.of("A").unwrap();
        assert_eq!((of_a.last(), of_a.trimmed()), (3, 1));
        let seen: Vec<(u64, &str)> = of_a.after(0).map(|told| (told.seq, told.id.as_str())).collect();
        assert_eq!(seen, [(2, "2"), (3, "3")]);
        assert_eq!(of_a.after(2).count(), 1);
        assert_eq!(of_a.after(9).count(), 0);
        assert_eq!(streams.of("B").unwrap().after(0).next().unwrap().consent.as_deref(), Some("c-1"));
    }

    #[test]
    fn an_acknowledgement_of_one_consent_says_nothing_of_the_others() {
        let mut streams = Streams::default();
        streams.apply(&acked(5, &["c-1"]), 10);
        streams.apply(&acked(3, &[]), 10);
        let stream = streams.of("B").unwrap();
        let of = |ids: &[&str]| stream.acked(&ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        assert_eq!((of(&[]), of(&["c-1"]), of(&["c-2"]), of(&["c-1", "c-2"])), (3, 5, 3, 3));
    }
}
