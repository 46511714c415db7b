//! A decision on its way: the world as it is, time and chance, and the events told so far.

use contract::control::Channel;
use contract::time::Timestamp;
use serde_json::{Value, json};

use crate::ctx::Ctx;
use crate::event::{Event, Fact};
use crate::world::World;

/// Whom the events concern is set once and stands for all that follow.
pub(crate) struct Draft<'w, 'c, 'd> {
    pub(crate) world: &'w World,
    pub(crate) now: Timestamp,
    pub(crate) partner: Option<String>,
    pub(crate) citizen: Option<i64>,
    pub(crate) flow: Option<String>,
    pub(crate) events: Vec<Event>,
    ctx: &'c mut Ctx<'d>,
}

impl<'w, 'c, 'd> Draft<'w, 'c, 'd> {
    pub(crate) fn new(world: &'w World, ctx: &'c mut Ctx<'d>) -> Self {
        Self { world, now: ctx.now, partner: None, citizen: None, flow: None, events: vec![], ctx }
    }

    pub(crate) fn tell(&mut self, fact: Fact) {
        self.events.push(Event {
            at: self.now,
            partner: self.partner.clone(),
            citizen: self.citizen,
            flow: self.flow.clone(),
            fact,
        });
    }

    pub(crate) fn uuid(&mut self) -> String {
        self.ctx.draw.uuid()
    }

    pub(crate) fn digits(&mut self, count: usize) -> String {
        self.ctx.draw.digits(count)
    }

    pub(crate) fn ip(&self) -> Option<String> {
        self.ctx.ip.clone()
    }

    /// Name of the partner as a citizen reads it.
    pub(crate) fn partner_name(&self, client_id: &str) -> String {
        self.world
            .partners
            .find(client_id)
            .map(|partner| partner.name.ru.clone())
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| client_id.to_owned())
    }

    /// A notice in the citizen's account.
    pub(crate) fn notice(&mut self, subject: &str, text: String) {
        self.tell(Fact::MessageSent { channel: Channel::Portal, subject: subject.to_owned(), text: Some(text) });
    }

    /// Tells a partner: by a web-hook where it wants them, and in its stream. The body is fixed here:
    /// `{id, type, at, <member>: value}`.
    pub(crate) fn hook(&mut self, client_id: &str, kind: &str, member: &str, value: &Value) {
        let Some(partner) = self.world.partners.find(client_id).cloned() else { return };
        let id = self.uuid();
        let body = json!({ "id": id, "type": kind, "at": self.now, member: value }).to_string();
        let (kind, body) = (kind.to_owned(), Some(body));
        let fact = match partner.webhook.clone() {
            Some(url) => Fact::HookQueued { id, kind, due: self.now, url, body },
            None => Fact::StreamTold { id, kind, body },
        };
        let before = self.partner.replace(client_id.to_owned());
        self.tell(fact);
        self.partner = before;
    }
}
