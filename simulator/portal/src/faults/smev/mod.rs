//! Lies of the message exchange, told in what the queue hands out. Facts are changed before they are signed
//! ([`facts`]), signatures are made badly ([`seals`]), and the signed envelope is rearranged ([`wraps`], [`markup`]),
//! in this order; every envelope is a text that somebody could have put on the wire.

mod facts;
mod markup;
mod seals;
mod wraps;

use contract::smev::Version;
use crypto::Family;
use crypto::xmldsig::Lies;
use domain::{Refusal, SmevDelivery, SmevPull};

use super::{Answer, Cut, Hooks, Scene};
use crate::edge::caller::Caller;
use crate::keys::Stranger;
use crate::smev::sign::{self, BUS, alg, pen};
use crate::smev::write::Handout;
use crate::smev::{calls, fault, xml_answer};

const QUEUE: &[&str] = &[
    "queue-ack-lost",
    "queue-empty",
    "queue-out-of-order",
    "queue-redelivered",
    "soap-fault-200",
    "soap-fault-internals",
];

/// What becomes of a look into the queue.
pub(crate) enum Looked {
    /// This is answered instead.
    Answer(Box<Answer>),
    /// A message that was acknowledged already comes again.
    Again(Box<SmevDelivery>),
    /// The queue is asked so.
    Honest(SmevPull),
}

/// Every slug of this place.
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    let drafts = facts::DRAFTS.iter().map(|(slug, _)| *slug);
    let facts = facts::FACTS.iter().map(|(slug, _)| *slug);
    let texts = markup::MARKUP.iter().chain(wraps::WRAPS).map(|(slug, _)| *slug);
    facts.chain(drafts).chain(texts).chain(seals::SEALS.iter().copied()).chain(QUEUE.iter().copied())
}

impl Hooks<'_> {
    /// Before the queue is looked into.
    pub(crate) fn smev_queue(&self, caller: &Caller, ask: SmevPull, version: Version) -> Looked {
        let armed = self.sandbox.armed();
        if armed.is_empty() {
            return Looked::Honest(ask);
        }
        let now = self.sandbox.now();
        let waiting = self.sandbox.read(|world| world.smev.peek(&ask, now).map(|held| held.message.person));
        let mut ask = ask;
        if let Some(person) = waiting {
            for lie in armed.matching(caller.exchange, person, |slug| QUEUE.contains(&slug)) {
                match lie.slug {
                    "queue-empty" if self.tell(caller, &lie, "in the answer of the queue") => {
                        return Looked::Answer(Box::new(calls::empty(version, ask.kind)));
                    }
                    "queue-out-of-order" => {
                        let several = self.sandbox.read(|world| world.smev.waiting(&ask, now)) > 1;
                        if several && self.tell(caller, &lie, "in the order of the queue") {
                            ask.newest = true;
                        }
                    }
                    "soap-fault-200" | "soap-fault-internals"
                        if self.tell(caller, &lie, "instead of looking into the queue") =>
                    {
                        return Looked::Answer(Box::new(failure(version, lie.slug)));
                    }
                    _ => {}
                }
            }
        }
        let last = self.sandbox.read(|world| {
            let mine = world.smev.all().filter(|held| {
                held.message.recipient == ask.client_id && held.message.kind == ask.kind && held.is_gone()
            });
            mine.last().cloned()
        });
        if let Some(held) = last {
            let lies = armed.matching(caller.exchange, held.message.person, |slug| slug == "queue-redelivered");
            if lies.into_iter().any(|lie| self.tell(caller, &lie, "in what the queue hands out")) {
                if let Some(person) = held.message.person {
                    caller.tag_citizen(person);
                }
                let attempt = held.attempts + 1;
                return Looked::Again(Box::new(SmevDelivery { message: held.message, delivered_at: now, attempt }));
            }
        }
        Looked::Honest(ask)
    }

    /// An Ack that gets lost on its way: nothing happens, and nothing is answered.
    pub(crate) fn smev_ack(&self, caller: &Caller, id: &str) -> Option<Answer> {
        let person = self.sandbox.read(|world| world.smev.find(id).and_then(|held| held.message.person));
        let lies = self.sandbox.armed().matching(caller.exchange, person, |slug| slug == "queue-ack-lost");
        let told = lies.into_iter().any(|lie| self.tell(caller, &lie, "in place of taking the acknowledgement"));
        told.then(|| Answer { cut: Cut::Before, ..Answer::empty(503) })
    }

    /// Signs and writes what is handed out.
    pub(crate) async fn smev_handout(
        &self,
        caller: &Caller,
        mut handout: Handout,
        family: Family,
    ) -> Result<Answer, Refusal> {
        let citizen = handout.message.person;
        self.each(
            caller,
            citizen,
            facts::FACTS,
            |(slug, _)| slug,
            |(_, change), scene| {
                let mut changed = handout.clone();
                if change(&mut changed, scene) && self.tell(caller, scene.lie, "in what the message says") {
                    handout = changed;
                }
            },
        );
        let (outer, inner) = handout.signed();
        let mut text = handout.text();
        self.each(
            caller,
            citizen,
            facts::DRAFTS,
            |(slug, _)| slug,
            |(_, change), scene| {
                if let Some(changed) =
                    change(&text, scene).filter(|_| self.tell(caller, scene.lie, "before it is signed"))
                {
                    text = changed;
                }
            },
        );
        if handout.has_sender_signature() {
            let sender = pen(self.sandbox, &handout.message.sender, family).await?;
            text = sign::into(&text, inner, "SenderInformationSystemSignature", &sender, Lies::default())?;
        }
        let bus = pen(self.sandbox, BUS, family).await?;
        let armed = self.sandbox.armed();
        let lies = armed.matching(caller.exchange, citizen, |slug| seals::SEALS.contains(&slug));
        let lie = lies.into_iter().find(|lie| self.tell(caller, lie, "in the signature of SMEV"));
        let mut text = match &lie {
            Some(lie) => {
                let foreign = self.sandbox.keys().stranger(Stranger::Foreign, alg(family)).await;
                let foreign = foreign.map(|key| key.private).unwrap_or_else(|_| bus.key.clone());
                let scene = Scene {
                    sandbox: self.sandbox,
                    lie,
                    citizen,
                    earlier_id_token: None,
                    version: contract::shape::Version::V1,
                };
                seals::seal(&text, (outer, inner), &bus, &foreign, &scene)?
            }
            None => sign::into(&text, outer, "SMEVSignature", &bus, Lies::default())?,
        };
        for family in [wraps::WRAPS, markup::MARKUP] {
            self.each(
                caller,
                citizen,
                family,
                |(slug, _)| slug,
                |(_, change), scene| {
                    let changed = change(&text, scene).filter(|changed| *changed != text);
                    if let Some(changed) = changed.filter(|_| self.tell(caller, scene.lie, "in the signed envelope")) {
                        text = changed;
                    }
                },
            );
        }
        let other_version = caller.tags().faults.iter().any(|slug| slug == "soap-other-version");
        let mut answer = xml_answer(200, text);
        if other_version {
            answer.headers = vec![("content-type".to_owned(), "application/soap+xml; charset=utf-8".to_owned())];
        }
        Ok(answer)
    }
}

/// A fault that nothing called for.
fn failure(version: Version, slug: &str) -> Answer {
    let honest = fault::envelope(version, &Refusal::new("internal", slug).into());
    if slug == "soap-fault-200" {
        return xml_answer(200, honest);
    }
    let trace = "java.lang.NullPointerException: queue is null\n\tat ru.voskhod.smev.Broker.poll(Broker.java:118)\n\t\
                 at jdbc:oracle:thin:smev/secret@10.0.0.7:1521";
    let detail = format!("<detail><s:trace xmlns:s=\"urn:stend:trace\">{trace}</s:trace>");
    xml_answer(500, honest.replacen("<detail>", &detail, 1))
}
