//! OpenSSL's verdict on what is issued, with its strict checks on (as Python 3.13 has them): where the command is
//! installed, left out otherwise.

use std::path::Path;
use std::process::Command;

use certs::{Authority, Key, Profile, Subject};
use contract::time::Timestamp;
use crypto::{Algorithm, PrivateKey};

fn verify(folder: &Path, leaf: &str, now: Timestamp, purpose: &str, host: bool) -> Option<(bool, String)> {
    let mut command = Command::new("openssl");
    command.args(["verify", "-x509_strict", "-crl_check", "-purpose", purpose, "-attime", &now.seconds().to_string()]);
    command.arg("-CAfile").arg(folder.join("ca.pem")).arg("-CRLfile").arg(folder.join("crl.pem"));
    if host {
        command.args(["-verify_hostname", "localhost"]);
    }
    match command.arg(folder.join(leaf)).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) if cfg!(feature = "peers") => panic!("openssl is needed: {error}"),
        Err(_) => {
            println!("left out: the openssl command is not installed");
            None
        }
    }
}

#[test]
fn openssl_takes_the_good_and_refuses_the_bad() {
    let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Rsa2048] {
        let authority = Authority::new(now, algorithm).unwrap();
        let key = PrivateKey::generate(algorithm).unwrap();
        let mut issued = Vec::new();
        for profile in Profile::all() {
            let server = profile.name.starts_with("server");
            let subject = if server { Subject::localhost() } else { Subject::named("BANK01") };
            let made = authority.issue(profile, &subject, Key::Own(&key), now).unwrap();
            std::fs::write(folder.path().join(&profile.name), made.cert_pem).unwrap();
            issued.push((profile, server));
        }
        std::fs::write(folder.path().join("ca.pem"), authority.ca_pem()).unwrap();
        std::fs::write(folder.path().join("crl.pem"), authority.crl(now).unwrap().pem).unwrap();
        for (profile, server) in issued {
            let purpose = if server { "sslserver" } else { "sslclient" };
            let Some((good, text)) = verify(folder.path(), &profile.name, now, purpose, server) else { return };
            // The command falls back to the common name where there are no alternative names: RFC 9525 forbids it.
            let lenient = profile.name == "server-name-in-subject-only";
            // Key agreement is enough for OpenSSL's idea of a TLS server, as the old suites had it.
            let lenient = lenient || profile.name == "server-key-usage-wrong";
            assert_eq!(good, profile.is_good() || lenient, "{} {algorithm}: {text}", profile.name);
        }
    }
}
