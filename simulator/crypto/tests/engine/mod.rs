//! OpenSSL's command with its GOST engine as a peer of tests, here and in the crate `certs`. What one test alone asks of
//! it stands beside that test.

use std::path::PathBuf;
use std::process::{Command, Output};

const ENGINE: &str = "openssl_conf = all
[all]
engines = engines
[engines]
gost = gost
[gost]
engine_id = gost
default_algorithms = ALL
";

/// A folder with a configuration of its own, in which the command runs.
pub(crate) struct Peer(tempfile::TempDir);

impl Peer {
    /// Nothing where command or engine is missing, which the feature `peers` makes a failure. `more` is further sections
    /// of the configuration.
    pub(crate) fn find(more: &str) -> Option<Self> {
        let peer = Self(tempfile::tempdir().unwrap());
        peer.write("openssl.cnf", [ENGINE, more].concat().as_bytes());
        match peer.command(&["engine", "gost", "-c"]).output() {
            Ok(Output { status, stdout, .. })
                if status.success() && String::from_utf8_lossy(&stdout).contains("gost2012_512") =>
            {
                Some(peer)
            }
            other if cfg!(feature = "peers") => panic!("openssl with its GOST engine is needed: {other:?}"),
            _ => {
                println!("left out: openssl with its GOST engine is not installed");
                None
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command.current_dir(self.0.path()).env("OPENSSL_CONF", self.path("openssl.cnf")).args(arguments);
        command
    }

    /// What a command that must succeed prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.command(arguments).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {complaint}");
        output.stdout
    }
}
