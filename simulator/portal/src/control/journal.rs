//! The journal and the recorded exchanges, a page at a time, waiting for more where asked.

use axum::extract::{Path, Query};
use contract::control::{JournalPage, JournalVerdict};
use contract::journal::Entry;
use contract::time::Span;
use serde::Deserialize;
use serde_json::json;

use super::{Named, Problem, json as answer};
use crate::clock::within;
use crate::edge::record::Texts;
use crate::faults::Answer;
use crate::portal::Sandbox;

/// Most that one call answers.
const PAGE: usize = 1_000;
/// Longest wait.
const WAIT_MAX: Span = Span::from_seconds(60);

#[derive(Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    after: u64,
    kind: Option<String>,
    /// `5s`, `500ms`, `PT5S`.
    wait: Option<String>,
    limit: Option<usize>,
    /// `beside=true` puts values beside the chain into each entry.
    #[serde(default)]
    beside: bool,
}

/// A wait as people write it.
fn span(text: &str) -> Result<Span, Problem> {
    let wrong = || Problem::of("parameter-invalid", format!("wait={text:?} is no wait: write 5s, 500ms or PT5S"));
    let number = |digits: &str| digits.parse::<i64>().map_err(|_| wrong());
    let span = if text.starts_with('P') {
        text.parse().map_err(|_| wrong())?
    } else if let Some(millis) = text.strip_suffix("ms") {
        Span::from_millis(number(millis)?)
    } else {
        Span::from_seconds(number(text.strip_suffix('s').unwrap_or(text))?)
    };
    Ok(span.clamp(Span::ZERO, WAIT_MAX))
}

impl Ask {
    fn wait(&self) -> Result<Span, Problem> {
        self.wait.as_deref().map_or(Ok(Span::ZERO), span)
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE).clamp(1, PAGE)
    }
}

/// Entries after `after`. With `kind` (several, by comma, and `consent.` for all that begin so) only those, while `next`
/// goes past the others; with `wait` the answer comes when there is one, or when the wait is over.
pub(super) async fn read(Named(sandbox): Named, Query(ask): Query<Ask>) -> Result<Answer, Problem> {
    let fits = |kind: &str| {
        ask.kind.as_deref().is_none_or(|asked| {
            asked.split(',').any(|one| one == kind || (one.ends_with('.') && kind.starts_with(one)))
        })
    };
    let page = async {
        let mut after = ask.after;
        loop {
            let read = sandbox.book().read(after, ask.limit()).await;
            let read = read.map_err(|error| Problem::of("internal", error.to_string()))?;
            after = read.last().map_or(after, |kept| kept.entry.n);
            let fitting: Vec<_> = read.into_iter().filter(|kept| fits(&kept.entry.kind)).collect();
            if !fitting.is_empty() || (ask.wait.is_none() && after >= sandbox.book().last()) {
                return Ok::<_, Problem>((fitting, after));
            }
            sandbox.book().grows(after).await;
        }
    };
    let wait = if ask.wait.is_some() { ask.wait()? } else { WAIT_MAX };
    let (entries, next) = match within(wait, page).await {
        Some(page) => page?,
        None => (Vec::new(), ask.after),
    };
    if ask.beside {
        let entries = entries.iter().map(|kept| {
            let mut entry = serde_json::to_value(&kept.entry).unwrap_or_default();
            let values = kept.beside.iter().map(|(name, beside)| (name.clone(), beside.value.clone()));
            entry["beside"] = values.collect::<serde_json::Map<_, _>>().into();
            entry
        });
        return Ok(Answer::json(200, json!({"entries": entries.collect::<Vec<_>>(), "next": next})));
    }
    let entries = entries.into_iter().map(|kept| kept.entry.clone()).collect();
    Ok(answer(200, &JournalPage { entries, next }))
}

pub(super) async fn verify(Named(sandbox): Named) -> Result<Answer, Problem> {
    let checked = sandbox.book().verify().await.map_err(|error| Problem::of("internal", error.to_string()))?;
    let verdict = match checked {
        Ok((entries, _)) => JournalVerdict { ok: true, entries, broken_at: None },
        Err(broken) => JournalVerdict { ok: false, entries: broken.n.saturating_sub(1), broken_at: Some(broken.n) },
    };
    Ok(answer(200, &verdict))
}

/// CNS-6: the values beside an entry go, salt and all; the chain keeps its commitment.
pub(super) async fn erase(Named(sandbox): Named, Path(n): Path<u64>) -> Result<Answer, Problem> {
    sandbox.book().erase_beside(n).await.map_err(|error| Problem::of("internal", error.to_string()))?;
    Ok(Answer::empty(204))
}

/// Finished exchanges; `after` and `next` count them in the order in which they finished.
pub(super) async fn exchanges(Named(sandbox): Named, Query(ask): Query<Ask>) -> Result<Answer, Problem> {
    let wait = ask.wait()?;
    if wait > Span::ZERO {
        let _ = within(wait, sandbox.recorder().grows(ask.after)).await;
    }
    let (exchanges, next) = texts(&sandbox, ask.after, ask.limit())?;
    Ok(Answer::text(200, "application/json", format!(r#"{{"exchanges":{exchanges},"next":{next}}}"#)))
}

/// Recorded exchanges as they lie on disk, which is JSON already, as a JSON array.
fn texts(sandbox: &Sandbox, after: u64, limit: usize) -> Result<(String, u64), Problem> {
    let page = sandbox.recorder().texts(after, limit);
    match page.map_err(|error| Problem::of("internal", error.to_string()))? {
        Texts::Exchanges { texts, next } => Ok((format!("[{}]", texts.join(",")), next)),
        Texts::Gone { oldest } => {
            Err(Problem::of("journal-trimmed", format!("exchanges up to {oldest} were trimmed; ask after={oldest}")))
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Both {
    #[serde(default)]
    exchange: u64,
    #[serde(default)]
    entry: u64,
}

/// Finished exchanges and entries at once: a [`contract::control::RecordsPage`].
pub(super) async fn records(Named(sandbox): Named, Query(ask): Query<Both>) -> Result<Answer, Problem> {
    let (exchanges, next_exchange) = texts(&sandbox, ask.exchange, PAGE)?;
    // Read after the exchanges: what these did stands in the journal by now.
    let read = sandbox.book().read(ask.entry, PAGE).await;
    let read = read.map_err(|error| Problem::of("internal", error.to_string()))?;
    let next_entry = read.last().map_or(ask.entry, |kept| kept.entry.n);
    let entries: Vec<&Entry> = read.iter().map(|kept| &kept.entry).collect();
    let entries = serde_json::to_string(&entries).unwrap_or_default();
    let text = format!(
        r#"{{"exchanges":{exchanges},"next_exchange":{next_exchange},"entries":{entries},"next_entry":{next_entry}}}"#
    );
    Ok(Answer::text(200, "application/json", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_as_people_write_them() {
        assert_eq!(span("5s").unwrap(), Span::from_seconds(5));
        assert_eq!(span("250ms").unwrap(), Span::from_millis(250));
        assert_eq!(span("PT2S").unwrap(), Span::from_seconds(2));
        assert_eq!(span("3600s").unwrap(), WAIT_MAX);
        assert!(span("soon").is_err());
    }
}
