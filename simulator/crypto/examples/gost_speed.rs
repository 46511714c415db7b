//! How many signatures and verifications a second one core makes: GOST on every curve in use, beside OpenSSL's GOST
//! engine on the same machine, and RSA-2048 and ECDSA P-256.
//!
//! `cargo run --release -p crypto --example gost_speed`. GOST rows sign and verify a digest that is there already, on
//! both sides; the others hash 32 bytes as well. Figures are the best of several short runs in processor time, so that a
//! busy machine disturbs little; compare columns of one run only. Without the engine its columns stay empty.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crypto::gost::{Curve, SecretKey};
use crypto::{Algorithm, PrivateKey};

/// Microseconds to sign and to verify.
#[derive(Clone, Copy)]
struct Speed {
    sign_us: f64,
    verify_us: f64,
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed to {error}");
            ExitCode::from(2)
        }
    }
}

fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let engine = engine().unwrap_or_else(|reason| {
        println!("no comparison with OpenSSL's GOST engine: {reason}");
        BTreeMap::new()
    });
    println!("{:14} {:>30} {:>30} {:>15}", "", "here, per second", "engine, per second", "here / engine");
    println!("{:14} {:>15}{:>15} {:>15}{:>15} {:>7} {:>7}", "", "sign", "verify", "sign", "verify", "sign", "verify");
    for curve in Curve::ALL {
        let key = SecretKey::generate(curve)?;
        let digest: Vec<u8> = (0..curve.size() as u8).collect();
        let signature = key.sign_digest(&digest)?;
        let speed = Speed {
            sign_us: best_us(|| key.sign_digest(&digest).is_ok()),
            verify_us: best_us(|| key.public().verify_digest(&digest, &signature)),
        };
        row(curve.as_str(), speed, engine.get(&curve).copied());
    }
    for algorithm in [Algorithm::Rsa2048, Algorithm::EcdsaP256] {
        let (key, message) = (PrivateKey::generate(algorithm)?, [7; 32]);
        let (scheme, signature) = (key.family().scheme(), key.sign(&message)?);
        let speed = Speed {
            sign_us: best_us(|| key.sign(&message).is_ok()),
            verify_us: best_us(|| key.public().verify(scheme, &message, &signature).is_ok()),
        };
        row(algorithm.as_str(), speed, None);
    }
    Ok(())
}

fn row(name: &str, here: Speed, engine: Option<Speed>) {
    let one = |microseconds: f64| format!("{:.0} ({microseconds:.0} µs)", 1e6 / microseconds);
    let mut line = format!("{name:14} {:>15}{:>15}", one(here.sign_us), one(here.verify_us));
    if let Some(engine) = engine {
        let (sign, verify) = (engine.sign_us / here.sign_us, engine.verify_us / here.verify_us);
        line += &format!(" {:>15}{:>15} {sign:>7.2} {verify:>7.2}", one(engine.sign_us), one(engine.verify_us));
    }
    println!("{line}");
}

/// The best time of one call, of twenty runs of a hundredth of a second.
fn best_us(mut call: impl FnMut() -> bool) -> f64 {
    let mut run = |times: u32| {
        let start = processor_time();
        assert!((0..times).all(|_| call()), "what is measured works");
        (processor_time() - start).as_secs_f64() * 1e6 / f64::from(times)
    };
    let once = run(10).max(0.1);
    let times = (10_000.0 / once) as u32 + 1;
    (0..20).map(|_| run(times)).fold(f64::INFINITY, f64::min)
}

/// What this thread has had of the processor, where the system tells it (Linux); otherwise the time that has passed.
fn processor_time() -> Duration {
    // The kernel brings the figure up to date when the thread is looked at anew by the scheduler.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(passed, Duration::from_nanos)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn passed() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The engine's own times, by a driver that calls libcrypto in a loop.
fn engine() -> Result<BTreeMap<Curve, Speed>, String> {
    let python = std::env::var("STEND_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/gost_engine_speed.py");
    let output = Command::new(&python).arg(driver).output().map_err(|error| format!("{python}: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(told).collect())
}

/// A line of the driver: algorithm, parameter set, microseconds to sign and to verify.
fn told(line: &str) -> Option<(Curve, Speed)> {
    let fields: Vec<&str> = line.split(' ').collect();
    let [algorithm, parameter_set, sign, verify] = fields[..] else { return None };
    let curve = match (algorithm, parameter_set) {
        ("gost2012_256", "A") => Curve::CryptoProA,
        ("gost2012_256", "B") => Curve::CryptoProB,
        ("gost2012_256", "C") => Curve::CryptoProC,
        ("gost2012_256", "TCA") => Curve::Tc26A256,
        ("gost2012_512", "A") => Curve::Tc26A512,
        ("gost2012_512", "B") => Curve::Tc26B512,
        ("gost2012_512", "C") => Curve::Tc26C512,
        _ => return None,
    };
    Some((curve, Speed { sign_us: sign.parse().ok()?, verify_us: verify.parse().ok()? }))
}
