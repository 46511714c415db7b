//! Who lives in a sandbox: the named citizens from the start, copies of their stories on request, and a seeded
//! population that is computed when somebody asks for one of them.

use std::sync::Arc;

use contract::citizen::Citizen;
use domain::{Command, World};

use crate::edge::caller::Caller;
use crate::portal::Sandbox;

/// When somebody signs in by a name that nobody in the world bears, so many of the population are looked through.
const LOOKED_THROUGH: u64 = 2_000;

/// Adds the named citizens that are not there yet: all of them in a new world.
pub(crate) fn settle_in(sandbox: &Sandbox, world: &mut World) {
    for story in fixtures::stories() {
        if world.citizens.by_slug(story.slug).is_none() {
            add(sandbox, world, &Caller::nobody(), find(sandbox, story.slug));
        }
    }
}

/// Brings a person of the population into the world when the command is about to look for one.
pub(crate) fn introduce(sandbox: &Sandbox, world: &mut World, who: &Caller, command: &Command) {
    if let Command::PresentPassword { login, .. } = command
        && sandbox.settings().population > 0
        && world.citizens.by_login(login).is_none()
    {
        let population = fixtures::population(seed(sandbox), sandbox.now().day());
        let people = u64::from(sandbox.settings().population).min(LOOKED_THROUGH);
        let login = login.trim();
        let found = (0..people)
            .map(|index| population.person(index))
            .find(|person| person.login == login || person.phone == login || person.email.eq_ignore_ascii_case(login));
        // Whoever was looked at through the control API is in the world already, under the same number.
        add(sandbox, world, who, found.filter(|person| world.citizens.by_slug(&person.slug).is_none()));
    }
}

/// The citizen of this slug, brought into the world when the world has not met them yet.
pub(crate) fn meet(sandbox: &Sandbox, slug: &str) -> Option<Arc<Citizen>> {
    let mut world = sandbox.world();
    if let Some(known) = world.citizens.by_slug(slug) {
        return Some(known.clone());
    }
    let found = find(sandbox, slug)?;
    add(sandbox, &mut world, &Caller::nobody(), Some(found));
    world.citizens.by_slug(slug).cloned()
}

/// A fresh person with this story; `None` for a story that nobody tells.
pub(crate) fn another(sandbox: &Sandbox, story: &str) -> Option<Arc<Citizen>> {
    let mut world = sandbox.world();
    let told = world.citizens.all().filter(|citizen| citizen.story == story).count();
    // Copies may have been met out of order, so the next free number is looked for.
    let copy = (1..).map(|ahead: usize| told + ahead - 1).find(|copy| {
        let slug = if *copy == 0 { story.to_owned() } else { format!("{story}-{copy}") };
        world.citizens.by_slug(&slug).is_none()
    })?;
    let person = fixtures::citizen(story, u32::try_from(copy).ok()?, seed(sandbox), sandbox.now().day())?;
    let slug = person.slug.clone();
    add(sandbox, &mut world, &Caller::nobody(), Some(person));
    world.citizens.by_slug(&slug).cloned()
}

fn find(sandbox: &Sandbox, slug: &str) -> Option<Citizen> {
    let (seed, today) = (seed(sandbox), sandbox.now().day());
    if let Some(named) = fixtures::citizen(slug, 0, seed, today) {
        return Some(named);
    }
    let (story, number) = slug.rsplit_once('-')?;
    let number: u32 = number.parse().ok()?;
    if story == "person" {
        let inside = number < sandbox.settings().population;
        return inside.then(|| fixtures::population(seed, today).person(u64::from(number)));
    }
    fixtures::citizen(story, number, seed, today)
}

fn add(sandbox: &Sandbox, world: &mut World, who: &Caller, citizen: Option<Citizen>) {
    let Some(citizen) = citizen else { return };
    let (outcome, _) = sandbox.decide(world, &who.unnoticed(), Command::AddCitizen(Arc::new(citizen)));
    if let Err(refusal) = outcome {
        tracing::error!(code = refusal.code, cause = refusal.cause, "a citizen could not be added");
    }
}

fn seed(sandbox: &Sandbox) -> u64 {
    sandbox.settings().seed.unwrap_or_default()
}
