//! Citizens by OID, with the ways in which a person may name themselves at the sign-in page. The records come from
//! outside as `citizen.added` and `citizen.changed`; personal values stand beside the chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::citizen::Citizen;
use contract::time::Timestamp;

use crate::event::Fact;

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Citizens {
    by_oid: BTreeMap<i64, Arc<Citizen>>,
    by_slug: BTreeMap<String, i64>,
    locks: BTreeMap<i64, Lock>,
}

/// Failed attempts since the last full sign-in, and the lock-out they led to (IDN-3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) failures: u32,
    pub(crate) until: Option<Timestamp>,
}

impl Citizens {
    /// The person of this OID.
    pub fn find(&self, oid: i64) -> Option<&Arc<Citizen>> {
        self.by_oid.get(&oid)
    }

    /// The person of this slug.
    pub fn by_slug(&self, slug: &str) -> Option<&Arc<Citizen>> {
        self.by_slug.get(slug).and_then(|oid| self.by_oid.get(oid))
    }

    /// Every one, in order of ids.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Citizen>> {
        self.by_oid.values()
    }

    /// The person who signs in by this login, SNILS, phone or e-mail. E-mails may be shared, logins may not: where a
    /// name fits several people none of them is meant.
    pub fn by_login(&self, login: &str) -> Option<&Arc<Citizen>> {
        let login = login.trim();
        if let Some(found) = self.by_oid.values().find(|citizen| citizen.login == login) {
            return Some(found);
        }
        let typed = digits(login);
        let mut fitting = self.by_oid.values().filter(|citizen| {
            (!citizen.email.is_empty() && citizen.email.eq_ignore_ascii_case(login))
                || citizen.snils.is_some_and(|snils| snils.plain() == typed)
                || same_phone(&digits(&citizen.phone), &typed)
        });
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }

    /// The end of the lock-out, while there is one.
    pub fn locked_until(&self, oid: i64) -> Option<Timestamp> {
        self.locks.get(&oid).and_then(|lock| lock.until)
    }

    pub(crate) fn lock(&self, oid: i64) -> Lock {
        self.locks.get(&oid).copied().unwrap_or_default()
    }

    pub(crate) fn due(&self) -> impl Iterator<Item = (Timestamp, i64)> {
        self.locks.iter().filter_map(|(oid, lock)| lock.until.map(|until| (until, *oid)))
    }

    pub(crate) fn apply(&mut self, citizen: Option<i64>, fact: &Fact) {
        match fact {
            Fact::CitizenAdded { slug, citizen } | Fact::CitizenChanged { slug, citizen } => {
                // An erased record leaves the entry and takes the person: what stands beside the chain may go.
                let Some(record) = citizen else { return };
                self.by_slug.insert(slug.clone(), record.oid.wide());
                self.by_oid.insert(record.oid.wide(), Arc::clone(record));
            }
            Fact::PasswordRejected { .. } | Fact::OtpRejected { .. } => {
                if let Some(oid) = citizen {
                    let lock = self.locks.entry(oid).or_default();
                    lock.failures = lock.failures.saturating_add(1);
                }
            }
            Fact::AccountLocked { until } => {
                if let Some(oid) = citizen {
                    self.locks.entry(oid).or_default().until = Some(*until);
                }
            }
            Fact::AccountUnlocked {} | Fact::SessionOpened { .. } => {
                if let Some(oid) = citizen {
                    self.locks.remove(&oid);
                }
            }
            _ => {}
        }
    }
}

/// Years of age at an instant, by the calendar of Moscow.
pub(crate) fn age(citizen: &Citizen, now: Timestamp) -> i16 {
    citizen.birth_date.years_until(now.day())
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Russian numbers are written with 7 or 8 in front.
fn same_phone(one: &str, other: &str) -> bool {
    one.len() == 11 && other.len() == 11 && one.get(1..) == other.get(1..)
}
