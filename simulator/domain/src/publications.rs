//! What the portal publishes about itself: how long a version of the data services lives, and editions of reference data.
//! Nobody's personal data; every partner sees the same.

use std::collections::BTreeMap;

use contract::control::VersionLife;
use contract::time::{Day, Timestamp};

use crate::draft::Draft;
use crate::event::Fact;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publications {
    v1: Option<VersionLife>,
    editions: BTreeMap<String, Edition>,
}

/// An edition of a reference list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Counts from one.
    pub number: i64,
    /// When it came out.
    pub at: Timestamp,
}

impl Publications {
    /// What was announced of the first version, where anything was.
    pub fn v1(&self) -> Option<VersionLife> {
        self.v1
    }

    /// The edition of a list in force.
    pub fn edition(&self, name: &str) -> Edition {
        self.editions.get(name).copied().unwrap_or_else(first)
    }

    pub(crate) fn apply(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::VersionsAnnounced { v1 } => self.v1 = Some(*v1),
            Fact::ReferenceRevised { name, edition } => {
                self.editions.insert(name.clone(), Edition { number: *edition, at });
            }
            _ => {}
        }
    }
}

/// The edition that every list begins with.
fn first() -> Edition {
    let day = Day::new(2026, 1, 1).map(Day::midnight);
    Edition { number: 1, at: day.unwrap_or_default() }
}

pub(crate) fn announce(draft: &mut Draft<'_, '_, '_>, v1: VersionLife) -> Reply {
    draft.tell(Fact::VersionsAnnounced { v1 });
    Reply::Done
}

pub(crate) fn revise(draft: &mut Draft<'_, '_, '_>, name: &str) -> Result<Reply, Refusal> {
    if contract::reference::find(name).is_none() {
        return Err(Refusal::new("not-found", "reference-unknown").check("reference list").seen(name));
    }
    let edition = draft.world.publications.edition(name).number + 1;
    draft.tell(Fact::ReferenceRevised { name: name.to_owned(), edition });
    Ok(Reply::Done)
}
