//! The world of one sandbox: its rooms, folded from events.

use contract::control::Limits;
use contract::time::Timestamp;

use crate::bearer;
use crate::citizens::Citizens;
use crate::command::Command;
use crate::consent::{self, Consents, Revoker};
use crate::ctx::Ctx;
use crate::debts::{self, Debts};
use crate::draft::Draft;
use crate::event::{Decision, Event, Fact};
use crate::hooks::{self, Hooks};
use crate::identity::{Identity, begin, exchange, sign_in};
use crate::matters::{self, Matters};
use crate::messages::Messages;
use crate::partners::Partners;
use crate::payments::{self, Payments};
use crate::pension::{self, Pensions};
use crate::publications::{self, Publications};
use crate::refusal::Refusal;
use crate::registries::{self, Inquiries};
use crate::reply::Reply;
use crate::smev::{self, Smev};
use crate::stream::{self, Streams};
use crate::tokens::Tokens;

/// Everything a sandbox knows. Queries read the rooms; changes come by [`World::apply`] alone.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// The numbers in force.
    pub limits: Limits,
    /// Banks.
    pub partners: Partners,
    /// People.
    pub citizens: Citizens,
    /// Sign-ins, codes, sessions.
    pub identity: Identity,
    /// Consents.
    pub consents: Consents,
    /// Tokens.
    pub tokens: Tokens,
    /// Debts.
    pub debts: Debts,
    /// Payments.
    pub payments: Payments,
    /// Deferred pension answers.
    pub pensions: Pensions,
    /// Versions of the services and editions of reference data.
    pub publications: Publications,
    /// Deferred questions to the registries.
    pub inquiries: Inquiries,
    /// Orders, applications, transfers and the like, with their documents.
    pub matters: Matters,
    /// Messages to citizens.
    pub messages: Messages,
    /// Web-hooks to banks.
    pub hooks: Hooks,
    /// The message exchange.
    pub smev: Smev,
    /// Streams of events to banks.
    pub streams: Streams,
}

impl World {
    /// An empty world.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            partners: Partners::default(),
            citizens: Citizens::default(),
            identity: Identity::default(),
            consents: Consents::default(),
            tokens: Tokens::default(),
            debts: Debts::default(),
            payments: Payments::default(),
            pensions: Pensions::default(),
            publications: Publications::default(),
            inquiries: Inquiries::default(),
            matters: Matters::default(),
            messages: Messages::default(),
            hooks: Hooks::default(),
            smev: Smev::default(),
            streams: Streams::default(),
        }
    }

    /// Folds one event. Never refuses: what stands in the journal has happened.
    pub fn apply(&mut self, event: &Event) {
        let (partner, citizen, flow) = (event.partner.as_deref(), event.citizen, event.flow.as_deref());
        self.partners.apply(&event.fact);
        self.citizens.apply(citizen, &event.fact);
        self.identity.apply(event);
        self.consents.apply(event.at, &event.fact);
        self.tokens.apply(&event.fact);
        self.debts.apply(&event.fact);
        self.payments.apply(&event.fact);
        self.pensions.apply(&event.fact);
        self.publications.apply(event.at, &event.fact);
        self.inquiries.apply(&event.fact);
        self.matters.apply(event);
        self.messages.apply(event.at, citizen, flow, &event.fact);
        self.hooks.apply(event.at, partner, citizen, &event.fact);
        self.smev.apply(event.at, partner, &event.fact);
        self.streams.apply(event, self.limits.stream_events);
    }

    /// What a command comes to: events, and a reply or a refusal. Nothing changes here; the edge journals the events and
    /// applies them, also where the outcome is a refusal.
    pub fn decide(&self, command: Command, ctx: &mut Ctx<'_>) -> Decision {
        let mut draft = Draft::new(self, ctx);
        let outcome = decide(&mut draft, command);
        Decision { events: draft.events, outcome }
    }

    /// When the next thing falls due that [`crate::Command::Settle`] lets happen. Hook deliveries are apart:
    /// [`Hooks::next_due`].
    pub fn due(&self) -> Option<Timestamp> {
        let consents = self.consents.due().map(|(at, _)| at);
        let flows = self.identity.due().map(|(at, _)| at);
        let locks = self.citizens.due().map(|(at, _)| at);
        let payments = self.payments.due().map(|(at, _)| at);
        let matters = self.matters.due().map(|(at, _)| at);
        let smev = self.smev.due().map(|(at, _)| at);
        consents.chain(flows).chain(locks).chain(payments).chain(matters).chain(smev).min()
    }
}

fn decide(draft: &mut Draft<'_, '_, '_>, command: Command) -> Result<Reply, Refusal> {
    match command {
        Command::RegisterPartner(partner) => {
            draft.partner = Some(partner.client_id.clone());
            draft.tell(Fact::PartnerRegistered { partner });
            Ok(Reply::Done)
        }
        Command::AddCertificate { client_id, certificate } => {
            if draft.world.partners.find(&client_id).is_none() {
                return Err(Refusal::new("partner-unknown", "client-unknown").check("client_id").seen(client_id));
            }
            draft.partner = Some(client_id.clone());
            draft.tell(Fact::PartnerCertificateAdded { client_id, certificate });
            Ok(Reply::Done)
        }
        Command::AddCitizen(citizen) | Command::ChangeCitizen(citizen) => {
            let known = draft.world.citizens.find(citizen.oid.wide());
            if known.is_some_and(|known| *known == citizen) {
                return Ok(Reply::Done);
            }
            draft.citizen = Some(citizen.oid.wide());
            let slug = citizen.slug.clone();
            if known.is_none() {
                draft.tell(Fact::CitizenAdded { slug, citizen: Some(citizen) });
            } else {
                draft.tell(Fact::CitizenChanged { slug, citizen: Some(citizen.clone()) });
                debts::follow_record(draft, &citizen);
            }
            Ok(Reply::Done)
        }
        Command::UnlockAccount { citizen } => {
            draft.citizen = Some(citizen);
            draft.tell(Fact::AccountUnlocked {});
            Ok(Reply::Done)
        }
        Command::Settle => {
            settle(draft);
            Ok(Reply::Done)
        }

        Command::PushAuthorisation { proof, request } => begin::push(draft, &proof, *request),
        Command::BeginAuthorisation { proof, request, session } => {
            begin::begin(draft, proof.as_ref(), *request, session.as_deref())
        }
        Command::BeginPushed { client_id, request_uri, session } => {
            begin::begin_pushed(draft, &client_id, &request_uri, session.as_deref())
        }
        Command::PresentPassword { flow, login, password } => sign_in::password(draft, &flow, &login, &password),
        Command::PresentCode { flow, code } => sign_in::code(draft, &flow, &code),
        Command::ResendCode { flow } => sign_in::resend(draft, &flow),
        Command::Answer { flow, answer } => sign_in::answer(draft, &flow, &answer),
        Command::Abandon { flow } => sign_in::abandon(draft, &flow),
        Command::RedeemCode(ask) => exchange::redeem(draft, &ask),
        Command::RefreshTokens(ask) => exchange::refresh(draft, &ask),
        Command::ClientCredentials { proof, scopes, consent, certificate } => {
            exchange::credentials(draft, &proof, &scopes, consent.as_deref(), certificate.as_ref())
        }
        Command::RevokeToken { proof, token } => Ok(exchange::revoke(draft, &proof, &token)),
        Command::EndSession { session } => Ok(exchange::end_session(draft, &session)),

        Command::ReadPerson { bearer, citizen, groups } => bearer::read_person(draft, &bearer, citizen, &groups),
        Command::ReadOrganisation { bearer, organisation } => bearer::read_organisation(draft, &bearer, organisation),

        Command::ReadConsent { bearer, consent } => {
            bearer::own_consent(draft, &bearer, &consent).map(|consent| Reply::Consent(Box::new(consent)))
        }
        Command::RevokeConsentByBank { bearer, consent } => {
            bearer::own_consent(draft, &bearer, &consent)?;
            consent::revoke(draft, &consent, Revoker::Bank).map(|consent| Reply::Consent(Box::new(consent)))
        }
        Command::RevokeConsentByCitizen { consent } => {
            consent::revoke(draft, &consent, Revoker::Citizen).map(|consent| Reply::Consent(Box::new(consent)))
        }

        Command::ListDebts { ask, cursor } => debts::list(draft, &ask, cursor.as_deref()),
        Command::PayDebt(order) => payments::pay(draft, &order),
        Command::ReadPayment { ask, payment } => payments::read(draft, &ask, &payment),
        Command::FeedDebt { ask, external_id, title, amount, due_date } => {
            debts::feed(draft, &ask, &external_id, &title, amount, due_date)
        }
        Command::ReadPension { ask, from, to, deferred } => pension::read(draft, &ask, from, to, deferred),
        Command::Inquire { registry, ask, params, page, deferred } => {
            registries::inquire(draft, registry, &ask, &params, &page, deferred)
        }
        Command::ReadAnswer { bearer, order, page } => pension::fetch(draft, &bearer, &order, &page),

        Command::SmevAck { client_id, id, accepted } => smev::ack(draft, &client_id, &id, accepted),
        Command::SmevAsk(message) => smev::ask(draft, *message),
        Command::SmevAuthorise { client_id, authority } => smev::authorise(draft, &client_id, &authority),
        Command::SmevNote { client_id, what, seen } => Ok(smev::note(draft, client_id.as_deref(), what, &seen)),
        Command::SmevPull(ask) => Ok(smev::pull(draft, &ask)),
        Command::SmevRespond { original, sender, payload } => Ok(smev::respond(draft, &original, &sender, *payload)),
        Command::SmevSend(message) => smev::send(draft, *message),
        Command::SmevStatus { client_id } => Ok(smev::status(draft, &client_id)),
        Command::SmevTaken { id } => Ok(smev::taken(draft, &id)),

        Command::AnnounceVersions { v1 } => Ok(publications::announce(draft, v1)),
        Command::ReviseReference { name } => publications::revise(draft, &name),

        Command::Matter(command) => matters::decide(draft, *command),

        Command::BankTransfer { client_id, citizen, amount, done } => {
            concern(draft, Some(&client_id), Some(citizen), None);
            let bank = draft.partner_name(&client_id);
            let sum = amount.map(|amount| format!(" на сумму {amount}")).unwrap_or_default();
            let outcome = if done {
                "принят банком к исполнению"
            } else {
                "банком не исполнен"
            };
            draft.notice("Перевод через портал", format!("Перевод{sum} со счёта в банке «{bank}» {outcome}."));
            Ok(Reply::Done)
        }
        Command::HookDelivered { id, status } => Ok(hooks::delivered(draft, id, status)),
        Command::HookFailed { id, status } => Ok(hooks::failed(draft, id, status)),

        Command::OpenStream { bearer } => bearer::open_stream(draft, &bearer),
        Command::AckStream { client_id, seq, consents } => stream::ack(draft, client_id, seq, consents),
        Command::TellStream { client_id, kind, about } => {
            let id = draft.uuid();
            let body = serde_json::json!({ "id": id, "type": kind, "at": draft.now, "about": about }).to_string();
            draft.partner = Some(client_id);
            draft.tell(Fact::StreamTold { id, kind, body: Some(body) });
            Ok(Reply::Done)
        }
    }
}

/// Lets happen what fell due by now, the earliest first.
fn settle(draft: &mut Draft<'_, '_, '_>) {
    let (world, now) = (draft.world, draft.now);
    for (_, consent) in world.consents.due().filter(|(at, _)| *at <= now) {
        concern(draft, Some(&consent.client_id), Some(consent.person), Some(&consent.flow));
        consent::expire(draft, consent);
    }
    for (_, flow) in world.identity.due().filter(|(at, _)| *at <= now) {
        concern(draft, Some(&flow.request.client_id), flow.citizen, Some(&flow.id));
        sign_in::end(draft, "flow-expired", "flow-expired", None);
    }
    for (_, oid) in world.citizens.due().filter(|(at, _)| *at <= now) {
        concern(draft, None, Some(oid), None);
        draft.tell(Fact::AccountUnlocked {});
    }
    for (_, record) in world.payments.due().filter(|(at, _)| *at <= now) {
        concern(draft, Some(&record.client_id), Some(record.person), None);
        payments::settle(draft, record);
    }
    matters::settle(draft);
    smev::settle(draft);
}

fn concern(draft: &mut Draft<'_, '_, '_>, partner: Option<&str>, citizen: Option<i64>, flow: Option<&str>) {
    draft.partner = partner.map(str::to_owned);
    draft.citizen = citizen;
    draft.flow = flow.map(str::to_owned);
}
