//! One sandbox's lines: numbered, chained, handed to the store, and readable once they are durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use contract::journal::Entry;
use contract::time::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::chain::{self, Broken, Checker};
use super::store::{Beside, Row, Store, StoreError};
use crate::clock::wall_us;
use crate::entropy::Entropy;

/// With a file behind it, a book keeps so many of its latest entries in memory and reads older ones from the file.
const KEPT_IN_MEMORY: usize = 20_000;

/// What is to be written; number, time and hash are the book's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub kind: String,
    pub partner: Option<String>,
    pub citizen: Option<i64>,
    pub flow: Option<String>,
    pub exchange: Option<u64>,
    pub data: Value,
    /// Personal values, by name: kept beside the chain, committed to under `data.beside`.
    pub beside: BTreeMap<String, Value>,
}

/// An entry with what stands beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub entry: Entry,
    pub beside: BTreeMap<String, Beside>,
}

/// The record of one sandbox.
pub struct Book {
    sandbox: String,
    store: Arc<Store>,
    inner: Mutex<Inner>,
    /// Number of the last durable entry.
    durable: watch::Sender<u64>,
}

struct Inner {
    /// Number of the last entry.
    last: u64,
    hash: String,
    recent: VecDeque<Arc<Kept>>,
}

impl Book {
    /// An empty book.
    pub fn new(sandbox: &str, store: Arc<Store>) -> Self {
        Self::continued(sandbox, store, 0, chain::GENESIS.to_owned())
    }

    /// A book whose first `last` entries are in the store already.
    pub(crate) fn continued(sandbox: &str, store: Arc<Store>, last: u64, hash: String) -> Self {
        Self {
            sandbox: sandbox.to_owned(),
            store,
            inner: Mutex::new(Inner { last, hash, recent: VecDeque::new() }),
            durable: watch::Sender::new(last),
        }
    }

    /// Appends lines in order and answers the number of the last; they are durable once [`Book::durable`] says so.
    /// Sealing costs a few microseconds, so it is done here, where the order is fixed, and not by the writer.
    pub fn append(self: &Arc<Self>, at: Timestamp, draw: &Entropy, lines: Vec<Line>) -> u64 {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = Vec::with_capacity(lines.len());
        for line in lines {
            let kept = Arc::new(self.seal(&inner, at, draw, line));
            inner.last = kept.entry.n;
            inner.hash.clone_from(&kept.entry.hash);
            inner.recent.push_back(kept.clone());
            rows.push(Row { kept, book: self.clone() });
        }
        if self.store.is_file() {
            while inner.recent.len() > KEPT_IN_MEMORY
                && inner.recent.front().is_some_and(|first| first.entry.n <= *self.durable.borrow())
            {
                inner.recent.pop_front();
            }
        }
        let last = inner.last;
        // Handed over under the lock, so that the store sees the book's order.
        self.store.keep(rows);
        last
    }

    fn seal(&self, inner: &Inner, at: Timestamp, draw: &Entropy, line: Line) -> Kept {
        let mut data = line.data;
        let mut beside = BTreeMap::new();
        if !line.beside.is_empty() {
            let mut commitments = Map::new();
            for (name, value) in line.beside {
                let kept = Beside { salt: draw.hex(16), value };
                commitments.insert(name.clone(), kept.commitment().into());
                beside.insert(name, kept);
            }
            if let Value::Object(members) = &mut data {
                members.insert("beside".into(), Value::Object(commitments));
            }
        }
        let mut entry = Entry {
            n: inner.last + 1,
            at,
            sandbox: self.sandbox.clone(),
            kind: line.kind,
            partner: line.partner,
            citizen: line.citizen,
            flow: line.flow,
            exchange: line.exchange,
            data,
            prev: inner.hash.clone(),
            hash: String::new(),
            wall_us: wall_us(),
        };
        entry.hash = chain::seal(&entry);
        Kept { entry, beside }
    }

    /// Called by the store when everything up to `n` is safe.
    pub(crate) fn is_durable(&self, n: u64) {
        self.durable.send_if_modified(|durable| {
            let later = n > *durable;
            *durable = n.max(*durable);
            later
        });
    }

    /// Waits until entry `n` is durable. Never answers when the store has failed: then the portal stops.
    pub async fn durable(&self, n: u64) {
        let mut durable = self.durable.subscribe();
        // The sender lives in `self`, so the channel cannot be closed here.
        let _ = durable.wait_for(|reached| *reached >= n).await;
    }

    /// Number of the last durable entry.
    pub fn last(&self) -> u64 {
        *self.durable.borrow()
    }

    /// Number of the last entry, durable or not.
    pub fn appended(&self) -> u64 {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    /// Durable entries after `after`, at most `limit`.
    pub async fn read(&self, after: u64, limit: usize) -> Result<Vec<Arc<Kept>>, StoreError> {
        let durable = self.last();
        let recent = {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let first = inner.recent.front().map_or(inner.last + 1, |kept| kept.entry.n);
            (after + 1 >= first || after >= inner.last).then(|| {
                let skip = usize::try_from((after + 1).saturating_sub(first)).unwrap_or(usize::MAX);
                inner
                    .recent
                    .iter()
                    .skip(skip)
                    .take_while(|kept| kept.entry.n <= durable)
                    .take(limit)
                    .cloned()
                    .collect::<Vec<_>>()
            })
        };
        match recent {
            Some(entries) => Ok(entries),
            None => self.store.read(&self.sandbox, after, durable, limit).await,
        }
    }

    /// Checks the whole chain as it is kept now; answers number and hash of its head.
    pub async fn verify(&self) -> Result<Result<(u64, String), Broken>, StoreError> {
        let mut checker = Checker::new();
        loop {
            let after = checker.head().0;
            // From the file where there is one: what is in memory is not what an auditor would find.
            let entries = if self.store.is_file() {
                self.store.read(&self.sandbox, after, self.last(), 1_000).await?
            } else {
                self.read(after, 1_000).await?
            };
            if entries.is_empty() {
                let (n, hash) = checker.head();
                if n < self.last() {
                    let (n, sandbox) = (n + 1, self.sandbox.clone());
                    return Ok(Err(Broken { n, sandbox, what: "is missing" }));
                }
                return Ok(Ok((n, hash.to_owned())));
            }
            for kept in entries {
                if let Err(broken) = checker.check(&kept.entry).and_then(|()| kept.check_beside()) {
                    return Ok(Err(broken));
                }
            }
        }
    }

    /// Waits until there is something after `after`.
    pub async fn grows(&self, after: u64) {
        self.durable(after + 1).await;
    }

    /// Erases one value beside the latest entry of this kind in a flow. Such values are short-lived, so the entry is
    /// looked for among the recent ones only.
    pub async fn erase_member(&self, flow: &str, kind: &str, member: &str) -> Result<(), StoreError> {
        let changed = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let fits = |kept: &&mut Arc<Kept>| kept.entry.kind == kind && kept.entry.flow.as_deref() == Some(flow);
            let Some(kept) = inner.recent.iter_mut().rev().find(fits) else { return Ok(()) };
            let mut without = Kept::clone(kept);
            without.beside.remove(member);
            *kept = Arc::new(without);
            kept.clone()
        };
        self.store.set_beside(&self.sandbox, changed.entry.n, &changed.beside).await
    }

    /// Erases what stands beside an entry, value and salt: the commitment in the chain stays and tells nothing.
    pub async fn erase_beside(&self, n: u64) -> Result<(), StoreError> {
        {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = inner.recent.iter_mut().find(|kept| kept.entry.n == n) {
                *kept = Arc::new(Kept { entry: kept.entry.clone(), beside: BTreeMap::new() });
            }
        }
        self.store.set_beside(&self.sandbox, n, &BTreeMap::new()).await
    }
}

impl Kept {
    /// A value beside the chain that is there at all must be the one that was committed to.
    pub(crate) fn check_beside(&self) -> Result<(), Broken> {
        let committed = |name: &str| self.entry.data.get("beside")?.get(name)?.as_str();
        for (name, beside) in &self.beside {
            if committed(name) != Some(beside.commitment().as_str()) {
                let what = "has a value beside it that is not the one committed to";
                return Err(Broken { n: self.entry.n, sandbox: self.entry.sandbox.clone(), what });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(kind: &str) -> Line {
        Line { kind: kind.into(), data: json!({"id": 1}), ..Line::default() }
    }

    fn at() -> Timestamp {
        Timestamp::from_seconds(1_795_000_000)
    }

    #[tokio::test]
    async fn a_book_in_memory_is_durable_at_once_and_verifies() {
        let book = Arc::new(Book::new("default", Arc::new(Store::memory())));
        let n = book.append(at(), &Entropy::system(), vec![line("code.issued"), line("tokens.issued")]);
        book.durable(n).await;
        assert_eq!(book.read(1, 10).await.unwrap()[0].entry.kind, "tokens.issued");
        assert_eq!(book.verify().await.unwrap().unwrap().0, 2);
    }

    #[tokio::test]
    async fn personal_values_can_be_erased_and_the_chain_still_holds() {
        let book = Arc::new(Book::new("default", Arc::new(Store::memory())));
        let mut personal = line("message.sent");
        personal.beside.insert("text".into(), json!("Код 123456"));
        let n = book.append(at(), &Entropy::system(), vec![personal]);
        let before = book.read(0, 1).await.unwrap().remove(0);
        assert!(!before.entry.data.to_string().contains("123456"));
        assert_eq!(before.beside["text"].value, json!("Код 123456"));
        book.erase_beside(n).await.unwrap();
        assert!(book.read(0, 1).await.unwrap()[0].beside.is_empty());
        book.verify().await.unwrap().unwrap();
    }
}
