//! Recommendations of state services (OFR-2). Each is drawn from one fact, looks only at data whose scope the consent
//! covers, and says which fact and which scope that is. There are no products here, so none can hide.

use contract::citizen::{Document, DocumentKind, DocumentState};
use contract::money::Money;
use contract::registries::debts::DebtStatus;
use contract::registries::duties::DutyState;
use contract::registries::estate::EncumbranceKind;
use contract::registries::recommendations::{Recommendation, Recommendations};
use contract::shape::Shaped;
use contract::time::Day;
use serde_json::Value;

use super::{Inquiry, Registry, RegistryMeta, state_payments, tax};
use crate::refusal::Refusal;
use crate::world::World;

pub(super) struct Advice;

static META: RegistryMeta = RegistryMeta {
    name: "recommendations",
    scope: "recommendations",
    shape: Recommendations::SHAPE,
    params: &[],
    purposes: None,
    pages: None,
    ru: "Рекомендации государственных услуг",
    en: "Recommendations of state services",
    requirement: &["OFR-2"],
    namespace: "urn:stend:recommendations:1.0",
};

/// A source of recommendations: the scope that opens its facts, and what follows from them.
type Source = (&'static str, fn(&World, &Inquiry<'_>, &mut Vec<Hint>));

/// A recommendation before it is numbered.
struct Hint {
    service: &'static str,
    title: &'static str,
    why: String,
    until: Option<Day>,
}

const SOURCES: &[Source] = &[
    ("id_doc", passport),
    ("drivers_licence_doc", licence),
    ("foreign_passport_doc", foreign_passport),
    ("kid_birthdate", children),
    ("debts", debts),
    ("duties", duties),
    ("tax", refund),
    ("state_payments", programmes),
    ("estate", estates),
];

impl Registry for Advice {
    fn meta(&self) -> &'static RegistryMeta {
        &META
    }

    fn answer(&self, world: &World, ask: &Inquiry<'_>) -> Result<Value, Refusal> {
        let mut items = Vec::new();
        for (scope, source) in SOURCES {
            if !ask.consent.scopes.iter().any(|granted| granted == scope) {
                continue;
            }
            let mut hints = Vec::new();
            source(world, ask, &mut hints);
            items.extend(hints.into_iter().enumerate().map(|(at, hint)| Recommendation {
                id: format!("{}-{}-{}", ask.person.oid, hint.service, at + 1),
                service: hint.service.to_owned(),
                title: hint.title.to_owned(),
                why: hint.why,
                source_scope: (*scope).to_owned(),
                until: hint.until,
            }));
        }
        items.sort_by(|one, other| {
            (one.until.is_none(), one.until, &one.id).cmp(&(other.until.is_none(), other.until, &other.id))
        });
        // A record of text, numbers and lists always becomes JSON.
        Ok(serde_json::to_value(Recommendations { person: ask.person.oid, items }).unwrap_or_default())
    }
}

fn held<'a>(ask: &'a Inquiry<'_>, kind: DocumentKind) -> impl Iterator<Item = &'a Document> {
    ask.person.documents.iter().filter(move |document| document.kind == kind)
}

/// A passport is changed at twenty and at forty-five, within ninety days; a lost one at once.
fn passport(_: &World, ask: &Inquiry<'_>, hints: &mut Vec<Hint>) {
    let today = ask.now.day();
    let mut in_force = held(ask, DocumentKind::RfPassport).filter(|document| document.state == DocumentState::Valid);
    let lost = held(ask, DocumentKind::RfPassport).any(|document| document.state == DocumentState::Lost);
    let Some(passport) = in_force.next() else {
        if lost {
            hints.push(Hint {
                service: "passport-lost",
                title: "Выдача паспорта взамен утраченного",
                why: "Паспорт значится утраченным, нового нет".to_owned(),
                until: None,
            });
        }
        return;
    };
    for age in [20, 45] {
        let birthday = ask.person.birth_date.plus_months(12 * age);
        let last = birthday.plus_days(90);
        let due = birthday.plus_days(-90) <= today && today <= last;
        if due && passport.issue_date.is_some_and(|issued| issued < birthday) {
            hints.push(Hint {
                service: "passport-exchange",
                title: "Замена паспорта по возрасту",
                why: format!("Паспорт меняют в {age} лет; день рождения {}", russian(birthday)),
                until: Some(last),
            });
        }
    }
}

fn licence(_: &World, ask: &Inquiry<'_>, hints: &mut Vec<Hint>) {
    let runs_out = ends_soon(ask, DocumentKind::RfDrivingLicense);
    hints.extend(runs_out.map(|until| Hint {
        service: "driving-licence-exchange",
        title: "Замена водительского удостоверения",
        why: format!("Удостоверение действует до {}", russian(until)),
        until: Some(until),
    }));
}

fn foreign_passport(_: &World, ask: &Inquiry<'_>, hints: &mut Vec<Hint>) {
    let runs_out = ends_soon(ask, DocumentKind::FrgnPass);
    hints.extend(runs_out.map(|until| Hint {
        service: "foreign-passport",
        title: "Оформление загранпаспорта",
        why: format!("Загранпаспорт действует до {}", russian(until)),
        until: Some(until),
    }));
}

/// The end of a document that runs out within half a year.
fn ends_soon(ask: &Inquiry<'_>, kind: DocumentKind) -> Option<Day> {
    let today = ask.now.day();
    let until = held(ask, kind).filter_map(|document| document.expiry_date).max()?;
    (today <= until && until <= today.plus_days(180)).then_some(until)
}

fn children(_: &World, ask: &Inquiry<'_>, hints: &mut Vec<Hint>) {
    let today = ask.now.day();
    let minors = ask.person.children.iter().filter(|child| child.birth_date.years_until(today) < 18);
    let count = minors.clone().count();
    if count >= 3 {
        hints.push(Hint {
            service: "large-family-status",
            title: "Статус многодетной семьи",
            why: format!("В семье детей до восемнадцати лет: {count}"),
            until: None,
        });
    }
    for child in minors {
        let birthday = |age: i32| child.birth_date.plus_months(12 * age);
        let (service, title, until) = match child.birth_date.years_until(today) {
            1 | 2 => ("kindergarten", "Запись в детский сад", birthday(3)),
            6 => ("school-enrolment", "Запись в школу", birthday(8)),
            14 => ("first-passport", "Первый паспорт", birthday(14).plus_days(90)),
            _ => continue,
        };
        if today <= until {
            let why = format!("Ребёнок родился {}", russian(child.birth_date));
            hints.push(Hint { service, title, why, until: Some(until) });
        }
    }
}

fn debts(world: &World, ask: &Inquiry<'_>, hints: &mut Vec<Hint>) {
    let today = ask.now.day();
    for debt in world.debts.of(ask.person.oid.wide()).iter().filter(|debt| debt.status == DebtStatus::Open) {
        if let Some(discount) = debt.discount.filter(|discount| today <= discount.until) {
            hints.push(Hint {
                service: "fine-payment",
                title: "Оплата штрафа со скидкой",
                why: format!("Штраф {}: до {} к оплате {}", debt.uin, russian(discount.until), discount.amount),
                until: Some(discount.until),
            });
        }
        if let Some(restriction) = &debt.restriction {
            hints.push(Hint {
                service: "enforcement-status",
                title: "Ход исполнительного производства",
                why: format!("{} с {}", restriction.title, russian(restriction.since)),
                until: None,
            });
        }
    }
}

fn duties(world: &World, ask: &Inquiry<'_>, hints: &mut Vec<Hint>) {
    let today = ask.now.day();
    let soon = |due: &Day| today <= *due && *due <= today.plus_days(30);
    for duty in super::duties::as_of(world, ask.person, today) {
        let Some(due) = duty.due_date.filter(soon).filter(|_| duty.state == DutyState::Open) else { continue };
        hints.push(Hint {
            service: "duty-payment",
            title: "Оплата госпошлины",
            why: format!("Пошлина {} не оплачена, срок {}", duty.uin, russian(due)),
            until: Some(due),
        });
    }
}

fn refund(_: &World, ask: &Inquiry<'_>, hints: &mut Vec<Hint>) {
    let year = ask.now.day().year() - 1;
    let prefill = tax::prefill(ask.person, i64::from(year), ask.now);
    if prefill.refund > Money::ZERO {
        hints.push(Hint {
            service: "tax-refund",
            title: "Возврат налога по декларации 3-НДФЛ",
            why: format!("За {year} год к возврату {}", prefill.refund),
            until: Day::new(year + 3, 12, 31),
        });
    }
}

fn programmes(_: &World, ask: &Inquiry<'_>, hints: &mut Vec<Hint>) {
    let open = state_payments::programmes(ask.person, ask.now.day());
    hints.extend(open.into_iter().filter(|programme| programme.transferable).map(|programme| Hint {
        service: "programme-disposal",
        title: "Распоряжение средствами программы",
        why: format!("{}: доступно {}", programme.title, programme.amount),
        until: programme.until,
    }));
}

fn estates(_: &World, ask: &Inquiry<'_>, hints: &mut Vec<Hint>) {
    let today = ask.now.day();
    for estate in ask.person.holdings.estates.iter().filter(|estate| estate.attorney_until.is_none()) {
        for one in &estate.encumbrances {
            let over = one.until.is_some_and(|until| until < today);
            let (service, title) = match one.kind {
                EncumbranceKind::Mortgage if over => ("mortgage-release", "Снятие ипотеки в реестре"),
                EncumbranceKind::Arrest | EncumbranceKind::Ban => ("estate-restrictions", "Сведения об ограничениях"),
                _ => continue,
            };
            let why =
                format!("{}: {} с {}", estate.object.cad_number, one.kind.ru().to_lowercase(), russian(one.since));
            hints.push(Hint { service, title, why, until: None });
        }
    }
}

fn russian(day: Day) -> String {
    format!("{:02}.{:02}.{}", day.day(), day.month(), day.year())
}
