//! The recorder: every exchange in full, spilled to disk, so that memory stays bounded however long a sandbox lives.
//! In memory there is one small row per exchange. The files are nameless and vanish with the process; the oldest go
//! first when there is too much, and whoever asks for those is told that they are gone (410).

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use contract::exchange::Exchange;
use tokio::sync::watch;

const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
const SEGMENTS: usize = 6;

/// The exchanges of one sandbox.
pub struct Recorder {
    next_id: AtomicU64,
    inner: Mutex<Inner>,
    finished: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    segments: VecDeque<Segment>,
    rows: VecDeque<Row>,
    /// Finished so far; the `after` of the control API counts these.
    finished: u64,
    trimmed: u64,
}

struct Segment {
    number: u64,
    file: File,
    length: u64,
}

#[derive(Clone, Copy)]
struct Row {
    id: u64,
    finished: u64,
    segment: u64,
    offset: u64,
    length: u64,
}

/// A page of finished exchanges.
#[derive(Clone, Debug, PartialEq)]
pub enum Page {
    Exchanges {
        exchanges: Vec<Exchange>,
        next: u64,
    },
    /// What was asked for was trimmed; the oldest that is left follows this number.
    Gone {
        oldest: u64,
    },
}

/// The same, each exchange as the JSON text that lies on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum Texts {
    Exchanges { texts: Vec<String>, next: u64 },
    Gone { oldest: u64 },
}

impl Recorder {
    pub fn new() -> Self {
        Self { next_id: AtomicU64::new(1), inner: Mutex::default(), finished: watch::Sender::new(0) }
    }

    /// The id of a new exchange.
    pub fn begin(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Keeps a finished exchange. A disk that cannot take it is said once per exchange and costs only the recording.
    pub fn finish(&self, exchange: &Exchange) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = inner.append(exchange) {
            tracing::error!(%error, id = exchange.id, "an exchange could not be recorded");
            return;
        }
        let finished = inner.finished;
        drop(inner);
        self.finished.send_replace(finished);
    }

    /// Exchanges that finished after the `after`-th, in order of ids; `next` is the `after` of the next call.
    pub fn page(&self, after: u64, limit: usize) -> std::io::Result<Page> {
        Ok(match self.texts(after, limit)? {
            Texts::Gone { oldest } => Page::Gone { oldest },
            Texts::Exchanges { texts, next } => {
                let read = |text: &String| Ok(serde_json::from_str(text)?);
                Page::Exchanges { exchanges: texts.iter().map(read).collect::<std::io::Result<_>>()?, next }
            }
        })
    }

    /// What [`Recorder::page`] answers, not read but handed on as it is.
    pub fn texts(&self, after: u64, limit: usize) -> std::io::Result<Texts> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if after < inner.trimmed {
            return Ok(Texts::Gone { oldest: inner.trimmed });
        }
        // Rows are numbered without gaps, the first that is left follows the last that was trimmed.
        let known = usize::try_from(after - inner.trimmed).unwrap_or(usize::MAX);
        let mut rows: Vec<Row> = inner.rows.iter().skip(known).take(limit).copied().collect();
        let next = rows.last().map_or(after, |row| row.finished);
        rows.sort_by_key(|row| row.id);
        let texts = rows.iter().map(|row| inner.read(*row)).collect::<std::io::Result<Vec<_>>>()?;
        Ok(Texts::Exchanges { texts, next })
    }

    /// Waits until something has finished after the `after`-th.
    pub async fn grows(&self, after: u64) {
        let mut finished = self.finished.subscribe();
        // The sender lives in `self`, so the channel cannot be closed here.
        let _ = finished.wait_for(|count| *count > after).await;
    }

    /// The id after which nothing was begun yet.
    pub fn last_id(&self) -> u64 {
        self.next_id.load(Ordering::Relaxed) - 1
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn append(&mut self, exchange: &Exchange) -> std::io::Result<()> {
        let bytes = serde_json::to_vec(exchange)?;
        if self.segments.back().is_none_or(|segment| segment.length >= SEGMENT_BYTES) {
            let number = self.segments.back().map_or(0, |segment| segment.number + 1);
            self.segments.push_back(Segment { number, file: tempfile::tempfile()?, length: 0 });
            if self.segments.len() > SEGMENTS {
                self.trim();
            }
        }
        let Some(segment) = self.segments.back_mut() else { return Ok(()) };
        segment.file.seek(SeekFrom::Start(segment.length))?;
        segment.file.write_all(&bytes)?;
        self.finished += 1;
        let length = bytes.len() as u64;
        self.rows.push_back(Row {
            id: exchange.id,
            finished: self.finished,
            segment: segment.number,
            offset: segment.length,
            length,
        });
        segment.length += length;
        Ok(())
    }

    fn trim(&mut self) {
        let Some(oldest) = self.segments.pop_front() else { return };
        while let Some(row) = self.rows.front().filter(|row| row.segment == oldest.number) {
            self.trimmed = row.finished;
            self.rows.pop_front();
        }
    }

    fn read(&mut self, row: Row) -> std::io::Result<String> {
        let segment = self.segments.iter_mut().find(|segment| segment.number == row.segment);
        let segment = segment.ok_or(std::io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; usize::try_from(row.length).unwrap_or_default()];
        segment.file.seek(SeekFrom::Start(row.offset))?;
        segment.file.read_exact(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::exchange::{Body, Party, Request};

    pub(crate) fn exchange(id: u64) -> Exchange {
        Exchange {
            id,
            sandbox: "default".into(),
            from: Party::Bank,
            to: Party::Portal,
            started_us: 1,
            ended_us: 2,
            at: contract::time::Timestamp::from_seconds(1),
            request: Request {
                method: "GET".into(),
                url: "https://localhost/".into(),
                headers: Vec::new(),
                body: Body::Empty,
            },
            response: None,
            delivered: false,
            tls: None,
            partner: None,
            citizen: None,
            flow: None,
            faults: Vec::new(),
        }
    }

    #[test]
    fn late_finishers_are_not_lost_between_two_pages() {
        let recorder = Recorder::new();
        let (first, second) = (recorder.begin(), recorder.begin());
        recorder.finish(&exchange(second));
        let Page::Exchanges { exchanges, next } = recorder.page(0, 10).unwrap() else { panic!("gone") };
        assert_eq!(exchanges[0].id, second);
        recorder.finish(&exchange(first));
        let Page::Exchanges { exchanges, .. } = recorder.page(next, 10).unwrap() else { panic!("gone") };
        assert_eq!(exchanges[0].id, first);
    }

    #[test]
    fn what_was_trimmed_is_gone_and_said_so() {
        let recorder = Recorder::new();
        recorder.finish(&exchange(recorder.begin()));
        recorder.inner.lock().unwrap().trim();
        assert_eq!(recorder.page(0, 10).unwrap(), Page::Gone { oldest: 1 });
    }
}
