//! What the suite could not do: a third kind of outcome beside refusals and findings. Each is one clear line that says
//! what failed and how to mend it; the program ends with exit code 2.

use std::fmt;

/// The run could not be done. `what` says what failed, `mend` how to mend it.
#[derive(Debug)]
pub struct SuiteError {
    pub what: String,
    pub mend: String,
}

impl SuiteError {
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for SuiteError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever the cause printed.
        let flat =
            |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        if self.mend.is_empty() {
            write!(out, "{}", flat(&self.what))
        } else {
            write!(out, "{}; {}", flat(&self.what), flat(&self.mend))
        }
    }
}

impl std::error::Error for SuiteError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_always_one_line() {
        let error = SuiteError::new("bank.yaml:\n  cannot be read", "check the path");
        assert_eq!(error.to_string(), "bank.yaml: cannot be read; check the path");
    }
}
