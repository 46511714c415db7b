//! The room of sign-ins: flows, codes, sessions, and what each person let each client read.
//!
//! A flow goes `Password → Code? → Decision? → Coded`, or ends. A code is good once and for 240 s.

use std::collections::{BTreeMap, BTreeSet};

use contract::consent::Permission;
use contract::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{Event, Fact};

/// Which interface began the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// `/aas/oauth2/ac`, `/te`: CMS signature.
    #[serde(rename = "esia-v1")]
    EsiaV1,
    /// `/aas/oauth2/v2/ac`, `/v3/te`: raw signature.
    #[serde(rename = "esia-v3")]
    EsiaV3,
    /// Plain OpenID Connect.
    #[serde(rename = "oidc")]
    Oidc,
}

impl Protocol {
    /// Whether it speaks ESIA's dialect.
    pub const fn is_esia(self) -> bool {
        !matches!(self, Self::Oidc)
    }
}

/// An authorisation request, parsed. Absent members were absent on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorisationRequest {
    /// The interface it came by.
    pub protocol: Protocol,
    /// The client it belongs to.
    pub client_id: String,
    /// Where the browser is sent back.
    pub redirect_uri: String,
    /// As asked.
    pub response_type: String,
    /// As asked, bare names.
    pub scopes: Vec<String>,
    /// Organisation scopes, as asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_org: Vec<String>,
    /// Echoed unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Echoed in the id token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// PKCE, where it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// `access_type=offline`, or the scope `offline_access`.
    #[serde(default)]
    pub offline: bool,
    /// `conf_acc`, `acc_kid`, `acc_not_kid`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_filter: Option<String>,
    /// The second factor was asked by `acr_values`.
    #[serde(default)]
    pub second_factor: bool,
    /// How old the sign-in may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
    /// `none`, `login`, `consent`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompt: Vec<String>,
    /// The Digital Profile's request for a consent, as [`Permission::parse`] read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<Permission>>,
}

/// PKCE (RFC 7636).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// The challenge itself.
    pub value: String,
    /// `S256` or `plain`.
    pub method: String,
}

/// One sign-in on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Its id.
    pub id: String,
    /// What the bank asked.
    pub request: AuthorisationRequest,
    /// When it began.
    pub began_at: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// Whom it concerns, by OID.
    pub citizen: Option<i64>,
    /// The portal session.
    pub session: Option<String>,
    /// When the person last proved who they are.
    pub auth_time: Option<Timestamp>,
    /// A one-time code was given.
    pub second_factor: bool,
    /// The consent that was asked in it.
    pub consent: Option<String>,
    /// How far it has come.
    pub stage: Stage,
}

/// Where a flow stands; each variant holds what is known then.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "variants and fields bear the names of what they hold")]
pub enum Stage {
    /// The sign-in page is shown.
    Password,
    /// The password was right, a one-time code is waited for.
    Code {
        code: Option<String>,
        expires_at: Timestamp,
    },
    /// Signed in; the consent screen is shown, or nothing needs to be asked any more.
    Decision,
    /// The person has approved.
    Approved {
        scopes: Vec<String>,
    },
    /// The code was issued.
    Coded {
        code: String,
    },
    Ended {
        code: String,
    },
}

/// What the edge does next.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "variants and fields bear the names of what they hold")]
pub enum Step {
    /// Show the sign-in page. `left`: attempts left, after a failed one.
    Password { left: Option<u32> },
    /// Show the page for the one-time code.
    Code { left: Option<u32> },
    /// Show the consent screen with these scopes (`openid` is not listed), and the consent record where data is asked.
    Decision { scopes: Vec<String>, consent: Option<String> },
    /// Sign the code and send the browser back.
    Issued(Box<IssuedCode>),
    /// Send the browser back with this refusal.
    Ended(Verdict),
}

/// Why a flow ended without a code. `code` is a row of the error registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Row of the error registry.
    pub code: String,
    /// Finer than the code.
    pub cause: String,
    /// End of a lock-out, where that is the cause.
    pub until: Option<Timestamp>,
}

/// What the code says (ESIA page §4): the edge signs it.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuedCode {
    /// `jti`.
    pub id: String,
    /// The sign-in.
    pub flow: String,
    /// The client it belongs to.
    pub client_id: String,
    /// Whom it concerns, by OID.
    pub citizen: i64,
    /// Bare names.
    pub scopes: Vec<String>,
    /// Echoed unchanged.
    pub state: Option<String>,
    /// Where the browser is sent back.
    pub redirect_uri: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// A one-time code was given.
    pub second_factor: bool,
    /// The portal session.
    pub session: String,
    /// The portal session was opened by this very sign-in: set the cookie.
    pub session_expires_at: Timestamp,
}

/// A portal session (single sign-on).
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Whom it concerns, by OID.
    pub citizen: i64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// A one-time code was given.
    pub second_factor: bool,
    /// It was ended before its time.
    pub ended: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Code {
    pub(crate) id: String,
    pub(crate) flow: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Timestamp,
    pub(crate) redeemed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pushed {
    pub(crate) request: AuthorisationRequest,
    pub(crate) expires_at: Timestamp,
    pub(crate) used: bool,
}

/// The room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    flows: BTreeMap<String, Flow>,
    codes: BTreeMap<String, Code>,
    sessions: BTreeMap<String, Session>,
    pushed: BTreeMap<String, Pushed>,
    /// What a person let a client read, remembered from sign-in to sign-in.
    remembered: BTreeMap<(i64, String), BTreeSet<String>>,
}

impl Identity {
    /// The sign-in.
    pub fn flow(&self, id: &str) -> Option<&Flow> {
        self.flows.get(id)
    }

    /// The portal session.
    pub fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// A session that is good now.
    pub fn live_session(&self, id: &str, now: Timestamp) -> Option<&Session> {
        self.sessions.get(id).filter(|session| !session.ended && now < session.expires_at)
    }

    pub(crate) fn code(&self, id: &str) -> Option<&Code> {
        self.codes.get(id)
    }

    pub(crate) fn pushed(&self, request_uri: &str) -> Option<&Pushed> {
        self.pushed.get(request_uri)
    }

    pub(crate) fn remembered(&self, citizen: i64, client_id: &str) -> Option<&BTreeSet<String>> {
        self.remembered.get(&(citizen, client_id.to_owned()))
    }

    /// Open flows with the instant at which they lapse.
    pub(crate) fn due(&self) -> impl Iterator<Item = (Timestamp, &Flow)> {
        self.flows
            .values()
            .filter(|flow| !matches!(flow.stage, Stage::Coded { .. } | Stage::Ended { .. }))
            .map(|flow| (flow.expires_at, flow))
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        match &event.fact {
            Fact::AuthorisationPushed { request_uri, expires_at, request, .. } => {
                let pushed = Pushed { request: (**request).clone(), expires_at: *expires_at, used: false };
                self.pushed.insert(request_uri.clone(), pushed);
            }
            Fact::AuthorisationBegun { flow, expires_at, request_uri, request, .. } => {
                if let Some(pushed) = request_uri.as_ref().and_then(|uri| self.pushed.get_mut(uri)) {
                    pushed.used = true;
                }
                let flow = Flow {
                    id: flow.clone(),
                    request: (**request).clone(),
                    began_at: event.at,
                    expires_at: *expires_at,
                    citizen: event.citizen,
                    session: None,
                    auth_time: None,
                    second_factor: false,
                    consent: None,
                    stage: Stage::Password,
                };
                self.flows.insert(flow.id.clone(), flow);
            }
            Fact::SessionOpened { id, second_factor, expires_at } => {
                let Some(citizen) = event.citizen else { return };
                let session = Session {
                    id: id.clone(),
                    citizen,
                    opened_at: event.at,
                    expires_at: *expires_at,
                    second_factor: *second_factor,
                    ended: false,
                };
                self.sessions.insert(id.clone(), session);
                self.on_flow(event, |flow| {
                    flow.session = Some(id.clone());
                    flow.auth_time = Some(event.at);
                    flow.second_factor = *second_factor;
                    flow.stage = Stage::Decision;
                });
            }
            Fact::SessionJoined { id } => {
                let Some(session) = self.sessions.get(id).cloned() else { return };
                self.on_flow(event, |flow| {
                    flow.session = Some(session.id.clone());
                    flow.auth_time = Some(session.opened_at);
                    flow.second_factor = session.second_factor;
                    flow.stage = Stage::Decision;
                });
            }
            Fact::SessionEnded { id } => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.ended = true;
                }
            }
            Fact::PasswordAccepted {} => self.on_flow(event, |_| {}),
            Fact::OtpSent { code, expires_at } => self.on_flow(event, |flow| {
                flow.stage = Stage::Code { code: code.clone(), expires_at: *expires_at };
            }),
            Fact::OtpAccepted {} => self.on_flow(event, |flow| flow.stage = Stage::Decision),
            Fact::ConsentRequested { consent } => self.on_flow(event, |flow| flow.consent = Some(consent.id.clone())),
            Fact::AuthorisationApproved { scopes, remembered, .. } => {
                self.on_flow(event, |flow| flow.stage = Stage::Approved { scopes: scopes.clone() });
                if let (true, Some(citizen), Some(partner)) = (*remembered, event.citizen, &event.partner) {
                    self.remembered.entry((citizen, partner.clone())).or_default().extend(scopes.iter().cloned());
                }
            }
            Fact::AuthorisationRefused { code, .. } => {
                self.on_flow(event, |flow| flow.stage = Stage::Ended { code: code.clone() });
            }
            Fact::CodeIssued { id, scopes, expires_at, .. } => {
                let code = Code {
                    id: id.clone(),
                    flow: event.flow.clone().unwrap_or_default(),
                    scopes: scopes.clone(),
                    expires_at: *expires_at,
                    redeemed: false,
                };
                self.codes.insert(id.clone(), code);
                self.on_flow(event, |flow| flow.stage = Stage::Coded { code: id.clone() });
            }
            Fact::CodeRedeemed { id } => {
                if let Some(code) = self.codes.get_mut(id) {
                    code.redeemed = true;
                }
            }
            _ => {}
        }
    }

    fn on_flow(&mut self, event: &Event, change: impl FnOnce(&mut Flow)) {
        let Some(flow) = event.flow.as_ref().and_then(|id| self.flows.get_mut(id)) else { return };
        if event.citizen.is_some() {
            flow.citizen = event.citizen;
        }
        change(flow);
    }
}
