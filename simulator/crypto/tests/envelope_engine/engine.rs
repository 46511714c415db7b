//! OpenSSL's command with its GOST engine, as a peer. The system's configuration stays as it is: the command gets one of
//! its own.

use std::path::PathBuf;
use std::process::{Command, Output};

use crypto::{Certificate, PrivateKey};

/// The command, with a folder of its own that vanishes.
pub(crate) struct Engine {
    folder: tempfile::TempDir,
}

impl Engine {
    /// The peer, or nothing where it is not installed; with the feature `peers` it has to be.
    pub(crate) fn find() -> Option<Self> {
        let found = Self::look();
        assert!(found.is_some() || !cfg!(feature = "peers"), "OpenSSL with its GOST engine is needed");
        if found.is_none() {
            println!("left out: OpenSSL's GOST engine is not installed");
        }
        found
    }

    fn look() -> Option<Self> {
        let told = Command::new("openssl").args(["version", "-e"]).output().ok()?;
        let told = String::from_utf8(told.stdout).ok()?;
        let module = PathBuf::from(told.split('"').nth(1)?).join("gost.so");
        let engine = Self { folder: tempfile::tempdir().ok()? };
        let text = format!(
            "openssl_conf = all\n[all]\nengines = engines\n[engines]\ngost = gost\n[gost]\nengine_id = gost\n\
             dynamic_path = {}\ndefault_algorithms = ALL\n",
            module.display()
        );
        engine.write("openssl.cnf", text);
        let found = module.exists() && engine.openssl(&["engine", "gost"]).status.success();
        found.then_some(engine)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    /// Runs the command within the folder.
    pub(crate) fn openssl(&self, arguments: &[&str]) -> Output {
        self.openssl_with(arguments, &[])
    }

    /// Runs the command with more in its environment.
    pub(crate) fn openssl_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(self.folder.path()).env("OPENSSL_CONF", "openssl.cnf");
        command.envs(environment.iter().copied()).output().unwrap()
    }

    /// Runs the command, which has to succeed.
    pub(crate) fn must(&self, arguments: &[&str]) {
        self.must_with(arguments, &[]);
    }

    pub(crate) fn must_with(&self, arguments: &[&str], environment: &[(&str, &str)]) {
        let output = self.openssl_with(arguments, environment);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {}: {told}", arguments.join(" "));
    }

    /// A key that the command makes, and its certificate, self-signed: `NAME.key` and `NAME.crt` in the folder.
    pub(crate) fn pair(&self, name: &str, genpkey: &[&str], digest: &str) -> (PrivateKey, Certificate) {
        let (key, crt) = (format!("{name}.key"), format!("{name}.crt"));
        self.must(&[&["genpkey", "-out", &key, "-algorithm"], genpkey].concat());
        let subject = format!("/CN={name}");
        let identifier = "subjectKeyIdentifier=hash";
        self.must(&[
            "req", "-x509", "-new", "-key", &key, digest, "-subj", &subject, "-days", "3650", "-addext", identifier,
            "-out", &crt,
        ]);
        let text = |name: &str| String::from_utf8(self.read(name)).unwrap();
        (PrivateKey::from_pem(&text(&key)).unwrap(), Certificate::from_pem(&text(&crt)).unwrap())
    }

    /// The same with a GOST key of this parameter set, in the engine's words (`A`, `TCA`).
    pub(crate) fn gost_pair(&self, bits: usize, set: &str) -> (String, PrivateKey, Certificate) {
        let name = format!("gost{bits}-{set}");
        let (algorithm, set) = (format!("gost2012_{bits}"), format!("paramset:{set}"));
        let digest = format!("-md_gost12_{bits}");
        let (key, certificate) = self.pair(&name, &[&algorithm, "-pkeyopt", &set], &digest);
        (name, key, certificate)
    }
}
