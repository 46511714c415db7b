//! Child processes that end with the run, with everything that they started themselves.

use std::process::ExitStatus;
use std::time::Duration;

use crate::clock;

/// A child in a process group of its own.
#[derive(Debug)]
pub(crate) struct Group {
    child: tokio::process::Child,
    id: Option<u32>,
}

impl Group {
    pub(crate) fn new(child: tokio::process::Child) -> Self {
        Self { id: child.id(), child }
    }

    /// How it ended, where it did.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for the end, no longer than this.
    pub(crate) async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        clock::bounded(within, self.child.wait()).await.and_then(Result::ok)
    }

    /// Asks it to stop, then makes it.
    pub(crate) async fn stop(&mut self) {
        self.signal("-TERM");
        if self.ended(Duration::from_secs(2)).await.is_none() {
            self.signal("-KILL");
            let _ = self.ended(Duration::from_secs(2)).await;
        }
        self.id = None;
    }

    fn signal(&self, signal: &str) {
        if let Some(id) = self.id {
            // A group that is gone already is as good as stopped.
            let _ = std::process::Command::new("kill")
                .args([signal, "--", &format!("-{id}")])
                .stdin(std::process::Stdio::null())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}
