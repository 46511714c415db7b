//! Debts and fines (DEB-1): four kinds, totals, discounts by date, restrictions that fall with the debts they hang on.
//! They come with the citizen's record, by the control API, and from banks that feed their own overdue credit.

use std::collections::{BTreeMap, BTreeSet};

use contract::citizen::Citizen;
use contract::ids::{Oid, Uin};
use contract::money::Money;
use contract::registries::debts::{
    Debt, DebtKind, DebtStatus, DebtsPage, PAGE_SIZE, PaymentState, Restriction, Totals,
};
use contract::registries::holdings::Bulk;
use contract::scope;
use contract::time::Day;
use serde::{Deserialize, Serialize};

use crate::bearer;
use crate::command::Ask;
use crate::draft::Draft;
use crate::event::Fact;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// A debt with whose it is; [`DebtRecord::debt`] is what travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebtRecord {
    /// The debt.
    #[serde(flatten)]
    pub debt: Debt,
    /// Whom it is about, by OID.
    pub person: i64,
    /// The bank that fed it, and under which id of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fed_by: Option<(String, String)>,
}

impl DebtRecord {
    /// Whether this sum settles the debt on this day: what is payable, or the full sum of a discount not taken.
    pub fn settled_by(&self, amount: Money, day: Day) -> bool {
        amount == self.debt.payable(day) || amount == self.debt.amount
    }
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Debts {
    by_uin: BTreeMap<String, DebtRecord>,
    /// What fell with a payment, by charge number: it stands again when the payment is undone.
    lifted: BTreeMap<String, Restriction>,
    /// Charges by the thousand are computed when asked for; those that were touched stand in `by_uin`.
    bulks: BTreeMap<i64, Bulk>,
}

impl Debts {
    /// The debt of this charge number, computed ones too.
    pub fn record(&self, uin: &str) -> Option<DebtRecord> {
        self.find(uin).cloned().or_else(|| {
            let (person, at) = Bulk::place(uin)?;
            let debt = self.bulks.get(&person.wide())?.charge(person, at)?;
            (debt.uin.as_str() == uin).then(|| DebtRecord { debt, person: person.wide(), fed_by: None })
        })
    }

    /// Open debts by due date, those after this one, as many as wanted; computed ones in their places.
    fn open_after(&self, person: Oid, after: Option<&Debt>, wanted: usize) -> Vec<Debt> {
        let key = |debt: &Debt| (debt.due_date, debt.uin.clone());
        let after = after.map(key);
        let beyond = |debt: &Debt| after.as_ref().is_none_or(|after| key(debt) > *after);
        let kept = self.of(person.wide()).into_iter().filter(|debt| debt.status == DebtStatus::Open && beyond(debt));
        let mut found: Vec<Debt> = kept.take(wanted).cloned().collect();
        if let Some(bulk) = self.bulks.get(&person.wide()) {
            // They go by due date and number, so the first one beyond is found by halving.
            let (mut low, mut high) = (0, bulk.len());
            while low < high {
                let middle = low.midpoint(high);
                if bulk.charge(person, middle).is_some_and(|debt| beyond(&debt)) {
                    high = middle
                } else {
                    low = middle + 1
                }
            }
            let charges = (low..bulk.len()).filter_map(|at| bulk.charge(person, at));
            found.extend(charges.filter(|debt| !self.by_uin.contains_key(debt.uin.as_str())).take(wanted));
            found.sort_by_key(key);
            found.truncate(wanted);
        }
        found
    }

    /// Sums over every open debt of a person.
    fn totals(&self, person: Oid) -> Totals {
        let mut totals = Totals::of(self.of(person.wide()));
        if let Some(bulk) = self.bulks.get(&person.wide()) {
            let all: Money = (0..bulk.len()).map(Bulk::amount).sum();
            let touched = self.by_uin.range("1889".to_owned().."188:".to_owned());
            let touched = touched.filter_map(|(uin, _)| Bulk::place(uin)).filter(|(of, _)| *of == person);
            let sum = all - touched.map(|(_, at)| Bulk::amount(at)).sum();
            totals.fine = totals.fine + sum;
            totals.all = totals.all + sum;
        }
        totals
    }

    /// The debt of this charge number as it is when its payment is undone: open, and with what fell with the payment.
    pub(crate) fn reopened(&self, uin: &str) -> Option<DebtRecord> {
        let mut open = self.find(uin)?.clone();
        open.debt.status = DebtStatus::Open;
        open.debt.restriction = self.lifted.get(uin).cloned().or(open.debt.restriction);
        Some(open)
    }

    /// The debt of this charge number.
    pub fn find(&self, uin: &str) -> Option<&DebtRecord> {
        self.by_uin.get(uin)
    }

    /// A person's debts, paid ones too, by due date.
    pub fn of(&self, person: i64) -> Vec<&Debt> {
        let mut found: Vec<&Debt> =
            self.by_uin.values().filter(|record| record.person == person).map(|record| &record.debt).collect();
        found.sort_by(|one, other| (one.due_date, &one.uin).cmp(&(other.due_date, &other.uin)));
        found
    }

    /// The debt that a bank fed under this id.
    pub fn fed(&self, client_id: &str, external_id: &str) -> Option<&DebtRecord> {
        self.by_uin
            .values()
            .find(|record| record.fed_by.as_ref().is_some_and(|(by, id)| by == client_id && id == external_id))
    }

    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::CitizenAdded { citizen: Some(citizen), .. } => {
                self.bulks.extend(citizen.holdings.bulk.map(|bulk| (citizen.oid.wide(), bulk)));
                for debt in &citizen.debts {
                    let record = DebtRecord { debt: debt.clone(), person: citizen.oid.wide(), fed_by: None };
                    self.by_uin.entry(debt.uin.as_str().to_owned()).or_insert(record);
                }
            }
            Fact::DebtChanged { record } | Fact::DebtFed { record, .. } => {
                self.lifted.remove(record.debt.uin.as_str());
                self.by_uin.insert(record.debt.uin.as_str().to_owned(), (**record).clone());
            }
            Fact::CitizenChanged { citizen: Some(citizen), .. } => match citizen.holdings.bulk {
                Some(bulk) => {
                    self.bulks.insert(citizen.oid.wide(), bulk);
                }
                None => {
                    self.bulks.remove(&citizen.oid.wide());
                }
            },
            Fact::PaymentAccepted { record } => {
                let uin = record.payment.uin.as_str();
                if let Some(computed) = self.record(uin) {
                    self.by_uin.entry(uin.to_owned()).or_insert(computed);
                }
                if let Some(held) = self.by_uin.get_mut(record.payment.uin.as_str()) {
                    held.debt.status = DebtStatus::Paid;
                }
            }
            Fact::PaymentMoved { uin, to: PaymentState::Returned | PaymentState::Reversed, .. } => {
                if let Some(open) = self.reopened(uin.as_str()) {
                    self.by_uin.insert(uin.as_str().to_owned(), open);
                    self.lifted.remove(uin.as_str());
                }
            }
            Fact::RestrictionLifted { uin, restriction } => {
                if let Some(held) = self.by_uin.get_mut(uin.as_str()) {
                    held.debt.restriction = None;
                    self.lifted.insert(uin.as_str().to_owned(), restriction.clone());
                }
            }
            _ => {}
        }
    }
}

pub(crate) fn list(draft: &mut Draft<'_, '_, '_>, ask: &Ask, cursor: Option<&str>) -> Result<Reply, Refusal> {
    let request = format!("debts?person={}&purpose={}", ask.person, ask.purpose);
    let (token, consent) = bearer::serve(draft, ask, scope::DEBTS, &request)?;
    let person = person_number(draft, ask.person)?;
    let day = draft.now.day();
    let room = &draft.world.debts;
    let after = match cursor {
        None => None,
        Some(uin) => {
            let last = room.record(uin).filter(|record| record.person == ask.person);
            Some(last.map(|record| record.debt).ok_or_else(|| {
                Refusal::new("cursor-invalid", "cursor-invalid")
                    .check("cursor")
                    .seen(uin)
                    .wanted("`next` of the page before")
            })?)
        }
    };
    let rest = room.open_after(person, after.as_ref(), PAGE_SIZE + 1);
    let items: Vec<Debt> = rest.iter().take(PAGE_SIZE).map(|debt| debt.as_of(day)).collect();
    let next = (rest.len() > items.len()).then(|| items.last().map(|debt| debt.uin.to_string())).flatten();
    draft.tell(Fact::DebtsRead {
        consent: consent.id,
        token: token.id.clone(),
        count: items.len(),
        uins: items.iter().map(|debt| debt.uin.clone()).collect(),
    });
    if next.is_none() {
        bearer::spend(draft, &token);
    }
    let totals = draft.world.debts.totals(person);
    Ok(Reply::Debts(Box::new(DebtsPage { person, as_of: draft.now, currency: "RUB".to_owned(), items, totals, next })))
}

/// A bank tells of its own overdue credit; the same id tells of the same debt again.
pub(crate) fn feed(
    draft: &mut Draft<'_, '_, '_>,
    ask: &Ask,
    external_id: &str,
    title: &str,
    amount: Money,
    due_date: Day,
) -> Result<Reply, Refusal> {
    let request = format!("feed?person={}&external_id={external_id}", ask.person);
    let (token, _) = bearer::serve(draft, ask, scope::DEBTS, &request)?;
    if amount <= Money::ZERO {
        return Err(Refusal::new("amount-mismatch", "amount-not-positive")
            .check("amount")
            .seen(amount.kopecks().to_string())
            .wanted("kopecks above zero"));
    }
    let known = draft.world.debts.fed(&token.client_id, external_id).cloned();
    if let Some(known) = &known {
        if known.person != ask.person {
            return Err(Refusal::new("unknown-debt", "debt-of-other-person")
                .check("person of the debt fed under this id")
                .seen(ask.person.to_string()));
        }
        if known.debt.status == DebtStatus::Paid {
            return Err(paid(&known.debt));
        }
    }
    let uin = match &known {
        Some(known) => known.debt.uin.clone(),
        None => fresh_uin(draft)?,
    };
    let record = DebtRecord {
        debt: Debt {
            uin: uin.clone(),
            kind: DebtKind::Credit,
            title: title.to_owned(),
            amount,
            discount: None,
            due_date,
            restriction: known.as_ref().and_then(|known| known.debt.restriction.clone()),
            status: DebtStatus::Open,
        },
        person: ask.person,
        fed_by: Some((token.client_id.clone(), external_id.to_owned())),
    };
    let created = known.is_none();
    draft.tell(Fact::DebtFed {
        external_id: external_id.to_owned(),
        uin: uin.clone(),
        amount,
        due_date,
        token: token.id.clone(),
        record: Box::new(record.clone()),
    });
    bearer::spend(draft, &token);
    tell_banks(draft, &record);
    Ok(Reply::Fed { uin: uin.to_string(), created })
}

/// What a changed record of a citizen means for their debts.
pub(crate) fn follow_record(draft: &mut Draft<'_, '_, '_>, citizen: &Citizen) {
    for debt in &citizen.debts {
        let known = draft.world.debts.find(debt.uin.as_str());
        if known.is_some_and(|known| known.debt == *debt) {
            continue;
        }
        let fed_by = known.and_then(|known| known.fed_by.clone());
        let record = DebtRecord { debt: debt.clone(), person: citizen.oid.wide(), fed_by };
        draft.tell(Fact::DebtChanged { record: Box::new(record.clone()) });
        tell_banks(draft, &record);
    }
}

/// Every bank that may know of this person's debts hears of a change (DEB-1).
pub(crate) fn tell_banks(draft: &mut Draft<'_, '_, '_>, record: &DebtRecord) {
    let banks: BTreeSet<String> = draft
        .world
        .consents
        .holders(record.person, scope::DEBTS, draft.now)
        .map(|consent| consent.client_id.clone())
        .collect();
    // A debt holds text, numbers and days: nothing that JSON cannot say.
    let mut value = serde_json::to_value(record.debt.as_of(draft.now.day())).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.insert("person".to_owned(), record.person.into());
    }
    for bank in banks {
        draft.hook(&bank, "debt.changed", "debt", &value);
    }
}

pub(crate) fn paid(debt: &Debt) -> Refusal {
    Refusal::new("debt-already-paid", "debt-already-paid")
        .check("status of the debt")
        .seen("paid")
        .wanted(debt.uin.as_str())
}

pub(crate) fn person_number(draft: &Draft<'_, '_, '_>, person: i64) -> Result<Oid, Refusal> {
    draft
        .world
        .citizens
        .find(person)
        .map(|citizen| citizen.oid)
        .ok_or_else(|| Refusal::new("person-unknown", "person-unknown").check("person").seen(person.to_string()))
}

/// A charge number nobody has yet. Nineteen digits, of which seventeen are drawn.
fn fresh_uin(draft: &mut Draft<'_, '_, '_>) -> Result<Uin, Refusal> {
    for _ in 0..8 {
        let body = format!("32{}", draft.digits(17));
        if let Ok(uin) = Uin::from_body(&body)
            && draft.world.debts.find(uin.as_str()).is_none()
        {
            return Ok(uin);
        }
    }
    Err(Refusal::new("internal", "charge-numbers-exhausted").check("drawing a charge number"))
}
