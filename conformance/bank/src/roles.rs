//! Who may look at what inside the bank: a teller sees that customers exist, an auditor reads the trail, nobody both by
//! the same key. The keys are made at the first start and lie in a file that only the bank may read.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::BankError;
use crate::draw::Draw;
use crate::store::write_private;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Auditor,
    Teller,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Roles {
    auditor: String,
    teller: String,
}

impl Roles {
    pub(crate) fn open(path: &Path, draw: &Draw) -> Result<Self, BankError> {
        let failed = |source| BankError::Store { path: path.to_owned(), source };
        if let Ok(bytes) = std::fs::read(path) {
            return serde_json::from_slice(&bytes).map_err(|error| failed(error.into()));
        }
        let roles = Self { auditor: draw.token(), teller: draw.token() };
        let text = serde_json::to_vec(&roles).map_err(|error| failed(error.into()))?;
        write_private(path, &text).map_err(failed)?;
        Ok(roles)
    }

    /// The role whose key the request bears.
    pub(crate) fn of(&self, headers: &http::HeaderMap) -> Option<Role> {
        let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let key = value.strip_prefix("Bearer ")?.as_bytes();
        match key {
            key if crypto::compare::same(key, self.auditor.as_bytes()) => Some(Role::Auditor),
            key if crypto::compare::same(key, self.teller.as_bytes()) => Some(Role::Teller),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_one_role_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roles.json");
        let roles = Roles::open(&path, &Draw::default()).unwrap();
        let again = Roles::open(&path, &Draw::default()).unwrap();
        let bearing = |key: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(http::header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
            headers
        };
        assert_eq!(again.of(&bearing(&roles.teller)), Some(Role::Teller));
        assert_eq!(again.of(&bearing(&roles.auditor)), Some(Role::Auditor));
        assert_eq!(again.of(&bearing("")), None);
    }
}
