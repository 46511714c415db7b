//! The one place where the portal lies. A lie is armed through the control API, told through one of the hooks below,
//! counted, journalled as `fault.told` and tagged on the exchange. Unarmed, every hook does nothing.
//!
//! Unknown to the domain: [`Hooks`] work on what an endpoint is about to say.
//!
//! Endpoints call: [`Hooks::redirect`] before each redirect back to the bank, [`crate::portal::Sandbox::sign`] for each
//! JWT, [`Hooks::token_answer`] on each answer of a token endpoint, [`Hooks::person`] on each answer with a person's
//! data, [`Hooks::keys`] on the key set, [`Hooks::api`] around each `/api` call.

pub mod answer;
mod api;
pub mod armed;
mod claims;
pub(crate) mod delivery;
pub(crate) mod envelopes;
mod forms;
mod matters;
mod person;
mod redirect;
pub(crate) mod reorder;
pub(crate) mod signature;
pub(crate) mod smev;
pub(crate) mod stream;
mod token;

use std::sync::Arc;

use contract::citizen::Citizen;
use contract::control::TokenAlg;
use contract::journal::kinds;
use contract::shape::Version;
use contract::time::Span;
use serde_json::{Map, Value, json};

use crate::edge::caller::Caller;
use crate::entropy::Entropy;
use crate::keys::KeysError;
use crate::portal::Sandbox;

pub use answer::{Answer, Content, Cut};
pub use armed::{Armed, Lie};

/// What a JWT is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Access,
    Code,
    Data,
    Id,
    Partner,
}

/// A JWT before it is signed. `alg` and `kid` are added to the header by the signing.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub kind: Kind,
    pub alg: TokenAlg,
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
}

/// Which grant a token answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    Client,
    Code,
    Refresh,
}

/// Where a person's data is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `/rs/prns/{oid}`
    Person,
    /// Anything else under `/rs`.
    Part,
    /// `/oidc/userinfo`
    Userinfo,
}

/// The calls of `/api/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    AnswerRead,
    AttachmentPut,
    AttachmentRead,
    ConsentRead,
    ConsentRevoke,
    DebtFeed,
    DebtsList,
    DebtPay,
    /// A registry, by its name.
    Inquire(&'static str),
    MatterList,
    MatterMove,
    MatterOpen,
    MatterRead,
    /// A document itself.
    PaperRead,
    PaymentRead,
    PensionView,
    ReferenceRead,
    /// The signature of a document.
    SignatureRead,
    /// A survey, metrics, analytics, an offer.
    Voice,
}

impl Operation {
    /// Whether one of these is meant; what is told of the pension account is told of every registry.
    fn is_among(self, operations: &[Self]) -> bool {
        let one = match self {
            Self::Inquire(_) | Self::MatterList | Self::MatterRead | Self::PaperRead | Self::SignatureRead => {
                Self::PensionView
            }
            Self::AttachmentPut | Self::AttachmentRead | Self::MatterMove | Self::MatterOpen | Self::Voice => {
                Self::DebtFeed
            }
            other => other,
        };
        operations.contains(&self) || operations.contains(&one)
    }
}

/// The hooks of one sandbox.
#[derive(Clone, Copy)]
pub struct Hooks<'a> {
    sandbox: &'a Sandbox,
}

/// What a lie may look at.
struct Scene<'a> {
    sandbox: &'a Sandbox,
    lie: &'a Lie,
    citizen: Option<i64>,
    /// The id token of this person's flow before this one.
    earlier_id_token: Option<String>,
    /// The version of the data services that was called.
    version: Version,
}

impl Scene<'_> {
    fn draw(&self) -> &Entropy {
        self.sandbox.draw()
    }

    fn armed(&self) -> &Armed {
        self.sandbox.armed()
    }

    fn foreign(&self) -> &str {
        self.sandbox.foreign_origin()
    }

    /// The sandbox's clock in Unix seconds.
    fn now(&self) -> i64 {
        self.sandbox.now().seconds()
    }

    fn citizen(&self) -> Option<Arc<Citizen>> {
        self.sandbox.read(|world| world.citizens.find(self.citizen?).cloned())
    }
}

impl<'a> Hooks<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox) -> Self {
        Self { sandbox }
    }

    /// The query of a redirect back to the bank, success or failure. A query that is answered is to be sent after it.
    pub fn redirect(
        &self,
        caller: &Caller,
        citizen: Option<i64>,
        query: &mut Vec<(String, String)>,
    ) -> Option<Vec<(String, String)>> {
        let mut then = None;
        self.each(
            caller,
            citizen,
            redirect::LIES,
            |(slug, _)| slug,
            |(_, change), scene| {
                let mut changed = query.clone();
                let told = change(&mut changed, scene);
                if matches!(told, redirect::Told::No) || !self.tell(caller, scene.lie, "in the redirect to the bank") {
                    return;
                }
                *query = changed;
                if let redirect::Told::Before(honest) = told {
                    then = Some(honest);
                }
            },
        );
        then
    }

    /// Signs a JWT, honestly unless a lie about it is armed.
    pub(crate) async fn sign(
        &self,
        caller: &Caller,
        citizen: Option<i64>,
        mut draft: Draft,
    ) -> Result<String, KeysError> {
        let alg = draft.alg;
        self.each(
            caller,
            citizen,
            claims::PADDING,
            |(slug, ..)| slug,
            |(_, kinds, size), scene| {
                if kinds.contains(&draft.kind) && self.tell(caller, scene.lie, "in the claims") {
                    claims::pad(&mut draft, *size);
                }
            },
        );
        if draft.kind == Kind::Id {
            self.each(
                caller,
                citizen,
                claims::ID_TOKEN,
                |(slug, _)| slug,
                |(_, change), scene| {
                    let mut changed = draft.clone();
                    if change(&mut changed, scene) && self.tell(caller, scene.lie, "in the id token's claims") {
                        draft = changed;
                    }
                },
            );
            let armed = self.sandbox.armed();
            for lie in armed.matching(caller.exchange, citizen, |slug| signature::SIGNATURE.contains(&slug)) {
                if self.tell(caller, &lie, "in the id token's header or signature") {
                    return self.forge(&lie, draft, alg).await;
                }
            }
            for lie in armed.matching(caller.exchange, citizen, |slug| signature::KEYS.contains(&slug)) {
                if self.tell(caller, &lie, "in the key that signs the id token") {
                    return self.forge_keys(&lie, draft, alg).await;
                }
            }
            // An honest id token ends what an earlier lie showed in the key set.
            armed.set_keys_lie(None);
        }
        signature::sign_with(draft, &self.sandbox.keys().current(alg).await?)
    }

    /// The answer of a token endpoint, success or failure.
    pub fn token_answer(&self, caller: &Caller, citizen: Option<i64>, grant: Grant, answer: &mut Answer) {
        let id_token = answer.object().and_then(|members| members.get("id_token")?.as_str().map(str::to_owned));
        let earlier =
            citizen.zip(id_token).and_then(|(oid, token)| self.sandbox.armed().remember_id_token(oid, &token));
        self.each(
            caller,
            citizen,
            token::LIES,
            |(slug, ..)| slug,
            |(_, of, change), scene| {
                let scene = Scene { earlier_id_token: earlier.clone(), ..*scene };
                let mut changed = answer.clone();
                if *of == grant && change(&mut changed, &scene) && self.tell(caller, scene.lie, "in the token answer") {
                    *answer = changed;
                }
            },
        );
    }

    /// The answer with a person's data.
    pub fn person(&self, caller: &Caller, citizen: Option<i64>, place: Place, answer: &mut Answer) {
        self.each(
            caller,
            citizen,
            person::LIES,
            |(slug, _)| slug,
            |(_, change), scene| {
                let mut changed = answer.clone();
                if change(&mut changed, place, scene) && self.tell(caller, scene.lie, "in the person's data") {
                    *answer = changed;
                }
            },
        );
    }

    /// The answer with the key set.
    pub fn keys(&self, caller: &Caller, answer: &mut Answer) {
        let Some(keys) = self.sandbox.armed().keys_lie() else { return };
        let Content::Json(honest) = &answer.content else { return };
        match signature::lied_set(keys.lie.slug, honest, &keys.keys) {
            Some(set) if set == *honest => return,
            Some(set) => answer.content = Content::Json(set),
            None => *answer = Answer::empty(503),
        }
        self.note_told(caller, &keys.lie, "in the key set");
    }

    /// Wraps a call of `/api`: a lie may take the honest call's place, or change what it answered.
    pub async fn api(
        &self,
        caller: &Caller,
        citizen: Option<i64>,
        operation: Operation,
        honest: impl Future<Output = Answer>,
    ) -> Answer {
        // The ways are many and the lies the same: they are compiled once, not with every way.
        match self.instead(caller, citizen, operation) {
            Some(answer) => answer,
            None => self.after(caller, citizen, operation, honest.await),
        }
    }

    /// What a lie puts in the place of an honest call.
    fn instead(&self, caller: &Caller, citizen: Option<i64>, operation: Operation) -> Option<Answer> {
        let mut instead = None;
        self.each(
            caller,
            citizen,
            api::INSTEAD,
            |(slug, ..)| slug,
            |(_, operations, make), scene| {
                if instead.is_none() && operation.is_among(operations) {
                    instead = make(scene).filter(|_| self.tell(caller, scene.lie, "instead of serving the call"));
                }
            },
        );
        self.each(
            caller,
            citizen,
            forms::INSTEAD,
            |(slug, ..)| slug,
            |(_, fits, make), scene| {
                if instead.is_none() && fits(operation) {
                    instead = make(scene).filter(|_| self.tell(caller, scene.lie, "instead of serving the call"));
                }
            },
        );
        instead.or_else(|| self.page_kept(caller, citizen, operation))
    }

    /// What lies make of an honest answer.
    fn after(&self, caller: &Caller, citizen: Option<i64>, operation: Operation, mut answer: Answer) -> Answer {
        self.each(
            caller,
            citizen,
            api::AFTER,
            |(slug, ..)| slug,
            |(_, operations, change), scene| {
                let mut changed = answer.clone();
                if operation.is_among(operations)
                    && change(&mut changed, scene)
                    && self.tell(caller, scene.lie, "in the answer of the service")
                {
                    answer = changed;
                }
            },
        );
        self.each(
            caller,
            citizen,
            matters::LIES,
            |(slug, ..)| slug,
            |(_, operations, change), scene| {
                let mut changed = answer.clone();
                if operations.contains(&operation)
                    && change(&mut changed, scene)
                    && self.tell(caller, scene.lie, "in the answer about a matter")
                {
                    answer = changed;
                }
            },
        );
        for slug in forms::PAGES.iter().copied() {
            self.each(
                caller,
                citizen,
                &[slug],
                |slug| slug,
                |_, scene| {
                    let mut changed = answer.clone();
                    if let Some(next) = forms::paged(&mut changed, scene, operation)
                        && self.tell(caller, scene.lie, "in the pages of the list")
                    {
                        self.sandbox.armed().keep_page(&scene.lie.id, Some(next));
                        answer = changed;
                    }
                },
            );
        }
        self.each(
            caller,
            citizen,
            forms::AFTER,
            |(slug, ..)| slug,
            |(_, fits, change), scene| {
                let mut changed = answer.clone();
                if fits(operation)
                    && change(&mut changed, scene)
                    && self.tell(caller, scene.lie, "in the form of the answer")
                {
                    answer = changed;
                }
            },
        );
        self.each(
            caller,
            citizen,
            envelopes::PAPERS,
            |(slug, ..)| slug,
            |(_, of, change), scene| {
                let mut changed = answer.clone();
                if *of == operation && change(&mut changed) && self.tell(caller, scene.lie, "in what was sent of it") {
                    answer = changed;
                }
            },
        );
        answer
    }

    /// The page that an earlier lie about pages promised. It belongs to that lie and is not counted again.
    fn page_kept(&self, caller: &Caller, citizen: Option<i64>, operation: Operation) -> Option<Answer> {
        let armed = self.sandbox.armed();
        if armed.is_empty() || !matches!(operation, Operation::DebtsList | Operation::Inquire(_)) {
            return None;
        }
        let fits = |lie: &&Lie| forms::PAGES.contains(&lie.slug) && (lie.citizen.is_none() || lie.citizen == citizen);
        let lies = armed.list();
        let (lie, page) = lies.iter().filter(fits).find_map(|lie| Some((lie, armed.page_of(&lie.id)?)))?;
        if lie.slug != "page-cycle" {
            armed.keep_page(&lie.id, None);
        }
        self.note_told(caller, lie, "in the pages of the list");
        Some(page)
    }

    /// How long a pension answer is put off although it is ready, where such a lie is armed.
    pub fn pension_deferred(&self, caller: &Caller, citizen: i64) -> Option<Span> {
        let armed = self.sandbox.armed();
        let lies = armed.matching(caller.exchange, Some(citizen), |slug| slug == "pension-deferred");
        let lie = lies.into_iter().find(|lie| self.tell(caller, lie, "in deferring the answer"))?;
        let by = lie.text("by").and_then(|text| text.parse().ok());
        Some(by.unwrap_or(self.sandbox.limits().deferral))
    }

    /// Goes through the armed lies of a family in the order of arming.
    fn each<T>(
        &self,
        caller: &Caller,
        citizen: Option<i64>,
        family: &[T],
        slug: impl Fn(&T) -> &'static str,
        mut tell: impl FnMut(&T, &Scene<'_>),
    ) {
        let armed = self.sandbox.armed();
        if armed.is_empty() {
            return;
        }
        for lie in armed.matching(caller.exchange, citizen, |armed| family.iter().any(|row| slug(row) == armed)) {
            if let Some(row) = family.iter().find(|row| slug(row) == lie.slug) {
                tell(
                    row,
                    &Scene {
                        sandbox: self.sandbox,
                        lie: &lie,
                        citizen,
                        earlier_id_token: None,
                        version: caller.version,
                    },
                );
            }
        }
    }

    /// Counts the lie as told, journals it and tags the exchange; false when it must not be told any more.
    pub(crate) fn tell(&self, caller: &Caller, lie: &Lie, place: &str) -> bool {
        let told = self.sandbox.armed().take(&lie.id, caller.exchange);
        if told {
            self.note_told(caller, lie, place);
        }
        told
    }

    /// Journals a lie without counting it.
    pub(crate) fn note_told(&self, caller: &Caller, lie: &Lie, place: &str) {
        caller.tag_fault(lie.slug);
        let about = contract::fault::find(lie.slug).map_or("", |meta| meta.about_en);
        let message = if about.is_empty() { place.to_owned() } else { format!("{about}, {place}") };
        let data = json!({"id": lie.id, "fault": lie.slug, "message": message});
        self.sandbox.note_now(caller, kinds::FAULT_TOLD, data);
    }
}

/// Every slug that some hook knows how to tell.
pub fn known() -> Vec<&'static str> {
    let mut slugs: Vec<&'static str> = Vec::new();
    slugs.extend(redirect::LIES.iter().map(|(slug, _)| *slug));
    slugs.extend(claims::PADDING.iter().map(|(slug, ..)| *slug));
    slugs.extend(claims::ID_TOKEN.iter().map(|(slug, _)| *slug));
    slugs.extend(signature::SIGNATURE);
    slugs.extend(signature::KEYS);
    slugs.extend(token::LIES.iter().map(|(slug, ..)| *slug));
    slugs.extend(person::LIES.iter().map(|(slug, _)| *slug));
    slugs.extend(api::INSTEAD.iter().map(|(slug, ..)| *slug));
    slugs.extend(api::AFTER.iter().map(|(slug, ..)| *slug));
    slugs.extend(forms::INSTEAD.iter().map(|(slug, ..)| *slug));
    slugs.extend(forms::AFTER.iter().map(|(slug, ..)| *slug));
    slugs.extend(forms::PAGES);
    slugs.extend(matters::LIES.iter().map(|(slug, ..)| *slug));
    slugs.push("pension-deferred");
    slugs.extend([reorder::SLUG, envelopes::CODE, envelopes::FOREIGN]);
    slugs.extend(envelopes::BANKING);
    slugs.extend(envelopes::PAPERS.iter().map(|(slug, ..)| *slug));
    slugs.extend(envelopes::SEALED);
    slugs.extend(delivery::LIES);
    slugs.extend(stream::HANDSHAKE);
    slugs.extend(stream::FRAMES);
    slugs.extend(smev::known());
    slugs.extend(crate::edge::tls::LIES.iter().map(|(slug, _)| *slug));
    slugs.sort_unstable();
    slugs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lie_of_the_contract_can_be_told_and_no_other() {
        let mut catalogue: Vec<&str> = contract::fault::FAULTS.iter().map(|fault| fault.slug).collect();
        catalogue.sort_unstable();
        assert_eq!(known(), catalogue);
    }
}
