//! Where lines are kept: nowhere but memory, or an SQLite file through sqlx `Any`, so that PostgreSQL can follow.
//!
//! One task writes. It takes all that was handed over meanwhile as one transaction; with `synchronous = FULL` SQLite
//! syncs the write-ahead log before a commit returns, so a line that was called durable survives a SIGKILL and a power
//! cut. A failed write is final: nothing more becomes durable and the portal stops with the reason.
//!
//! The file is locked while it is open: two portals on one file would each believe in a world of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use contract::journal::Entry;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row as _};
use tokio::sync::{Notify, watch};

use super::book::{Book, Kept};
use super::chain;

/// The layout that this program writes.
const SCHEMA: i64 = 1;
/// More lines than this are never waiting: whoever wants to write waits instead.
const WAITING_MAX: usize = 4_096;

/// Why the state cannot be read or written. Says whose fault it is and how to mend it, in one line.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("open the state file {}: {cause}; check path and rights, or start with --state memory", path.display())]
    Open { path: PathBuf, cause: String },
    #[error(
        "use the state file {}: another process holds it; stop that portal or name another file with --state",
        path.display()
    )]
    Held { path: PathBuf },
    #[error("use the state file {}: {what}; name another file with --state, or move this one away", path.display())]
    Foreign { path: PathBuf, what: String },
    #[error(
        "trust the state file {}: {what}; restore a copy, or move the file away to begin anew",
        path.display()
    )]
    Corrupt { path: PathBuf, what: String },
    #[error("write the state file {}: {cause}", path.display())]
    Write { path: PathBuf, cause: String },
}

/// A value beside the chain, with the salt of its commitment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    pub salt: String,
    pub value: Value,
}

impl Beside {
    /// What the chain holds in the value's place.
    pub fn commitment(&self) -> String {
        chain::digest(&format!("{}{}", self.salt, chain::canonical(&self.value)))
    }
}

/// A line on its way into the store.
pub(crate) struct Row {
    pub(crate) kept: Arc<Kept>,
    pub(crate) book: Arc<Book>,
}

impl File {
    fn failed(&self, cause: String) -> StoreError {
        StoreError::Write { path: self.path.clone(), cause }
    }
}

/// Where all books of a portal are kept.
pub struct Store {
    file: Option<File>,
}

struct File {
    path: PathBuf,
    connection: tokio::sync::Mutex<Option<AnyConnection>>,
    waiting: Mutex<Vec<Row>>,
    handed: Notify,
    taken: Notify,
    failure: watch::Sender<Option<StoreError>>,
}

impl Store {
    pub fn memory() -> Self {
        Self { file: None }
    }

    /// Opens or creates an SQLite file. Call [`Store::run`] on a task of its own afterwards.
    pub async fn sqlite(path: &Path) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let mut connection = open(path).await?;
        prepare(&mut connection, path).await?;
        let file = File {
            path: path.to_owned(),
            connection: tokio::sync::Mutex::new(Some(connection)),
            waiting: Mutex::default(),
            handed: Notify::new(),
            taken: Notify::new(),
            failure: watch::Sender::new(None),
        };
        Ok(Self { file: Some(file) })
    }

    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Takes lines in order. In memory they are durable at once.
    pub(crate) fn keep(&self, rows: Vec<Row>) {
        match &self.file {
            None => rows.iter().for_each(|row| row.book.is_durable(row.kept.entry.n)),
            Some(file) => {
                file.waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
                file.handed.notify_one();
            }
        }
    }

    /// Waits while the writer is too far behind, so that what waits stays bounded.
    pub async fn has_room(&self) {
        let Some(file) = &self.file else { return };
        loop {
            let taken = file.taken.notified();
            if file.waiting.lock().unwrap_or_else(PoisonError::into_inner).len() < WAITING_MAX {
                return;
            }
            taken.await;
        }
    }

    /// The writer: runs until a write fails, and then says why to [`Store::failed`].
    pub async fn run(&self) {
        let Some(file) = &self.file else { return };
        loop {
            file.handed.notified().await;
            if self.flush().await.is_err() {
                return;
            }
        }
    }

    /// Writes all that waits, as one transaction. The first failure is the last attempt: lines that follow lost ones
    /// would be a chain with a hole.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut guard = file.connection.lock().await;
        let rows = std::mem::take(&mut *file.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        file.taken.notify_waiters();
        if rows.is_empty() {
            return Ok(());
        }
        let earlier = file.failure.borrow().clone();
        let written = match (earlier, guard.as_mut()) {
            (Some(error), _) => Err(error),
            (None, None) => Err(file.failed("the file was closed already".into())),
            (None, Some(connection)) => write(connection, &rows).await.map_err(|error| file.failed(short(&error))),
        };
        if let Err(error) = written {
            file.failure.send_replace(Some(error.clone()));
            return Err(error);
        }
        for row in &rows {
            row.book.is_durable(row.kept.entry.n);
        }
        Ok(())
    }

    /// Answers when the store has failed for good.
    pub async fn failed(&self) -> StoreError {
        let Some(file) = &self.file else { return std::future::pending().await };
        let mut failure = file.failure.subscribe();
        loop {
            if let Some(error) = failure.borrow_and_update().clone() {
                return error;
            }
            if failure.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Writes what waits and closes the file, so that nothing but the one file is left behind.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.flush().await?;
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(mut connection) = file.connection.lock().await.take() {
            // Merging the log into the file is a courtesy: without it the next start does it.
            let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
            let _ = connection.close().await;
        }
        Ok(())
    }

    /// The sandboxes that have lines.
    pub(crate) async fn sandboxes(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.fetch("SELECT DISTINCT sandbox FROM journal ORDER BY sandbox", |query| query).await?;
        rows.iter().map(|row| self.column(row, 0)).collect()
    }

    /// Entries with `after < n <= until`.
    pub(crate) async fn read(
        &self,
        sandbox: &str,
        after: u64,
        until: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Kept>>, StoreError> {
        let bounds = [integer(after), integer(until), integer(limit as u64)];
        let rows = self
            .fetch(
                "SELECT body, beside, wall_us FROM journal WHERE sandbox = $1 AND n > $2 AND n <= $3 ORDER BY n LIMIT $4",
                |query| query.bind(sandbox.to_owned()).bind(bounds[0]).bind(bounds[1]).bind(bounds[2]),
            )
            .await?;
        rows.iter().map(|row| self.kept(row)).collect()
    }

    /// Puts these values beside an entry, in the place of those that are there.
    pub(crate) async fn set_beside(
        &self,
        sandbox: &str,
        n: u64,
        beside: &BTreeMap<String, Beside>,
    ) -> Result<(), StoreError> {
        self.flush().await?;
        let text = serde_json::to_string(beside).unwrap_or_else(|_| "{}".into());
        self.fetch("UPDATE journal SET beside = $1 WHERE sandbox = $2 AND n = $3", |query| {
            query.bind(text).bind(sandbox.to_owned()).bind(integer(n))
        })
        .await
        .map(|_| ())
    }

    /// Forgets a sandbox.
    pub(crate) async fn drop_sandbox(&self, sandbox: &str) -> Result<(), StoreError> {
        self.flush().await?;
        self.fetch("DELETE FROM journal WHERE sandbox = $1", |query| query.bind(sandbox.to_owned())).await.map(|_| ())
    }

    async fn fetch<'q>(
        &self,
        sql: &'static str,
        bind: impl FnOnce(Query<'q>) -> Query<'q>,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        let mut guard = file.connection.lock().await;
        let Some(connection) = guard.as_mut() else { return Ok(Vec::new()) };
        bind(sqlx::query(sql)).fetch_all(connection).await.map_err(|error| blame(&file.path, &error))
    }

    fn kept(&self, row: &AnyRow) -> Result<Arc<Kept>, StoreError> {
        let body: String = self.column(row, 0)?;
        let beside: String = self.column(row, 1)?;
        let wall_us: i64 = row.try_get(2).map_err(|error| self.corrupt(short(&error)))?;
        let mut entry: Entry = serde_json::from_str(&body)
            .map_err(|error| self.corrupt(format!("a line of the journal cannot be read ({error})")))?;
        entry.wall_us = wall_us;
        let beside: BTreeMap<String, Beside> = serde_json::from_str(&beside)
            .map_err(|error| self.corrupt(format!("a value beside entry {} cannot be read ({error})", entry.n)))?;
        Ok(Arc::new(Kept { entry, beside }))
    }

    fn column(&self, row: &AnyRow, index: usize) -> Result<String, StoreError> {
        row.try_get(index).map_err(|error| self.corrupt(short(&error)))
    }

    /// The error for content that this program did not write like this.
    pub(crate) fn corrupt(&self, what: String) -> StoreError {
        let path = self.file.as_ref().map_or_else(PathBuf::new, |file| file.path.clone());
        StoreError::Corrupt { path, what }
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

async fn open(path: &Path) -> Result<AnyConnection, StoreError> {
    let refused = |cause: String| StoreError::Open { path: path.to_owned(), cause };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| refused(error.to_string()))?;
    }
    if path.is_dir() {
        return Err(refused("it is a folder".into()));
    }
    // Opening for append tells about missing rights in the system's words, and makes the file, which Any does not.
    std::fs::OpenOptions::new().append(true).create(true).open(path).map_err(|error| refused(error.to_string()))?;
    let text = path.to_str().ok_or_else(|| refused("the path is not UTF-8".into()))?;
    let address = url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    AnyConnection::connect(&format!("sqlite://{}", address.replace("%2F", "/")))
        .await
        .map_err(|error| blame(path, &error))
}

/// Settings of the connection, and the tables. Refuses a file that is some other program's.
async fn prepare(connection: &mut AnyConnection, path: &Path) -> Result<(), StoreError> {
    for pragma in [
        "PRAGMA busy_timeout = 2000",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
    ] {
        sqlx::query(pragma).fetch_all(&mut *connection).await.map_err(|error| blame(path, &error))?;
    }
    let rows = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| blame(path, &error))?;
    let tables: Vec<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
    let foreign = |what: String| StoreError::Foreign { path: path.to_owned(), what };
    if tables.is_empty() {
        for statement in [
            "CREATE TABLE stend (schema BIGINT NOT NULL)".to_owned(),
            format!("INSERT INTO stend (schema) VALUES ({SCHEMA})"),
            "CREATE TABLE journal (sandbox TEXT NOT NULL, n BIGINT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, \
             beside TEXT NOT NULL, wall_us BIGINT NOT NULL, PRIMARY KEY (sandbox, n))"
                .to_owned(),
        ] {
            // The only thing spliced in is a constant.
            let query = sqlx::query(AssertSqlSafe(statement));
            query.execute(&mut *connection).await.map_err(|error| blame(path, &error))?;
        }
        return Ok(());
    }
    if !tables.iter().any(|table| table == "stend") {
        return Err(foreign("it is another program's database".into()));
    }
    let rows =
        sqlx::query("SELECT schema FROM stend").fetch_all(connection).await.map_err(|error| blame(path, &error))?;
    match rows.first().and_then(|row| row.try_get::<i64, _>(0).ok()) {
        Some(SCHEMA) => Ok(()),
        Some(other) => Err(foreign(format!("its layout is version {other}, this program writes version {SCHEMA}"))),
        None => Err(foreign("it names no layout".into())),
    }
}

async fn write(connection: &mut AnyConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for row in rows {
        let entry = &row.kept.entry;
        let (body, beside) = (json_text(entry)?, json_text(&row.kept.beside)?);
        sqlx::query("INSERT INTO journal (sandbox, n, kind, body, beside, wall_us) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(entry.sandbox.clone())
            .bind(integer(entry.n))
            .bind(entry.kind.clone())
            .bind(body)
            .bind(beside)
            .bind(entry.wall_us)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

fn json_text(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

fn integer(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// SQLite's complaint in the words of whoever has to mend it.
fn blame(path: &Path, error: &sqlx::Error) -> StoreError {
    let path = path.to_owned();
    let text = short(error);
    if text.contains("locked") || text.contains("busy") {
        StoreError::Held { path }
    } else if text.contains("not a database") {
        StoreError::Foreign { path, what: "it is not an SQLite database".into() }
    } else if text.contains("malformed") || text.contains("corrupt") {
        StoreError::Corrupt { path, what: text }
    } else {
        StoreError::Open { path, cause: text }
    }
}

/// One line, whatever the driver says.
fn short(error: &sqlx::Error) -> String {
    let text = match error {
        sqlx::Error::Database(inner) => inner.message().to_owned(),
        other => other.to_string(),
    };
    text.lines().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::book::Line;
    use super::*;
    use crate::entropy::Entropy;
    use contract::time::Timestamp;
    use serde_json::json;

    fn line(kind: &str) -> Line {
        Line { kind: kind.into(), data: json!({}), ..Line::default() }
    }

    async fn write_three(path: &Path) {
        let store = Arc::new(Store::sqlite(path).await.unwrap());
        let book = Arc::new(Book::new("default", store.clone()));
        for kind in ["a", "b", "c"] {
            book.append(Timestamp::from_seconds(1), &Entropy::system(), vec![line(kind)]);
        }
        store.close().await.unwrap();
        assert_eq!(book.last(), 3);
    }

    #[tokio::test]
    async fn lines_survive_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.db");
        write_three(&path).await;
        let store = Store::sqlite(&path).await.unwrap();
        let kept = store.read("default", 1, 9, 10).await.unwrap();
        assert_eq!(kept.iter().map(|kept| kept.entry.kind.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(store.sandboxes().await.unwrap(), ["default"]);
    }

    #[tokio::test]
    async fn a_second_portal_on_the_same_file_is_told_that_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stend.db");
        let first = Store::sqlite(&path).await.unwrap();
        assert!(matches!(Store::sqlite(&path).await, Err(StoreError::Held { .. })));
        first.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stend.db");
        std::fs::write(&path, "dear diary, ".repeat(100)).unwrap();
        let Err(error) = Store::sqlite(&path).await else { panic!("opened") };
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
    }

    #[tokio::test]
    async fn a_folder_in_the_place_of_the_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Store::sqlite(folder.path()).await, Err(StoreError::Open { .. })));
    }
}
