//! Words of the neighbours that scenarios may use: stories of citizens, lies of the portal.

use std::collections::BTreeSet;

/// Stories that `POST /citizens {"like": …}` knows.
pub(crate) fn stories() -> BTreeSet<String> {
    fixtures::stories().iter().map(|story| story.slug.to_owned()).collect()
}

/// Lies that `POST /faults` knows.
pub(crate) fn faults() -> BTreeSet<String> {
    contract::fault::FAULTS.iter().map(|fault| fault.slug.to_owned()).collect()
}
