//! A sandbox: one isolated world with its journal, clock, chance, keys and armed lies. Endpoints see nothing else.

use std::sync::{Arc, OnceLock};

use contract::time::Timestamp;

use crate::clock::Clock;
use crate::config::{Limits, Strictness};
use crate::entropy::Entropy;
use crate::faults::Hooks;

/// What a sandbox was told at its start; nothing of it changes later.
#[derive(Clone, Debug)]
pub struct Settings {
    pub strictness: Strictness,
    /// Whether refusals carry the header `Stend-Diagnosis`.
    pub diagnosis: bool,
    pub limits: Limits,
    pub esia_issuer: String,
    /// Absent: the origin that the sandbox's listener is bound to.
    pub oidc_issuer: Option<String>,
}

/// Where a sandbox listens: origins without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// `https://localhost:8443`
    pub portal: String,
    /// `https://127.0.0.1:40001`: a host that is not the portal; it answers 404 and records who came.
    pub foreign: String,
}

/// One isolated world.
pub struct Sandbox {
    id: String,
    settings: Settings,
    clock: Clock,
    entropy: Entropy,
    addresses: OnceLock<Addresses>,
}

impl Sandbox {
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Chance: uuids, random bytes, digits.
    pub fn draw(&self) -> &Entropy {
        &self.entropy
    }

    pub fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    pub fn strictness(&self) -> Strictness {
        self.settings.strictness
    }

    pub fn is_strict(&self) -> bool {
        self.settings.strictness == Strictness::Strict
    }

    /// Whether refusals carry the header `Stend-Diagnosis`.
    pub fn diagnosis(&self) -> bool {
        self.settings.diagnosis
    }

    /// `iss` of ESIA tokens, and the host part of its scope URLs.
    pub fn esia_issuer(&self) -> &str {
        &self.settings.esia_issuer
    }

    /// `iss` of OpenID Connect tokens: as configured, else the origin that the listener is bound to.
    pub fn oidc_issuer(&self) -> &str {
        self.settings.oidc_issuer.as_deref().unwrap_or_else(|| self.origin())
    }

    /// `https://localhost:<port>`; empty before the listener is bound.
    pub fn origin(&self) -> &str {
        self.addresses.get().map_or("", |addresses| &addresses.portal)
    }

    /// An origin that is not the portal, for lies that send somebody there.
    pub fn foreign_origin(&self) -> &str {
        self.addresses.get().map_or("", |addresses| &addresses.foreign)
    }

    /// The hooks through which lies are told; without an armed lie they do nothing.
    pub fn faults(&self) -> Hooks<'_> {
        Hooks::new(self)
    }
}

/// For handlers: `State(sandbox): State<Arc<Sandbox>>`.
pub type Shared = Arc<Sandbox>;
