//! Partners, lies, the clock, keys and events of a sandbox.

use std::collections::BTreeMap;

use axum::extract::Path;
use bytes::Bytes;
use contract::control::{
    ClockAdvance, ClockSetting, ClockState, FaultArmed, FaultAsk, HookDelivery, PartnerConfig, RotateAsk,
};
use contract::ids::Oid;
use contract::journal::kinds;
use domain::{Command, HookState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Named, Problem, json as answer, read_json};
use crate::edge::caller::Caller;
use crate::edge::tls;
use crate::faults::{Answer, Lie};
use crate::hub::{read_certificate, read_partner, shared_secret};
use crate::outbox;
use crate::people;
use crate::portal::Sandbox;

async fn command(sandbox: &Sandbox, command: Command) -> Result<(), Problem> {
    sandbox.execute(&Caller::nobody(), command).await.map(|_| ()).map_err(|refusal| Problem::refused(&refusal))
}

pub(super) async fn partners(Named(sandbox): Named) -> Answer {
    let all: Vec<Value> = sandbox.read(|world| {
        world.partners.all().map(|partner| serde_json::to_value(&**partner).unwrap_or_default()).collect()
    });
    Answer::json(200, json!({ "partners": all }))
}

pub(super) async fn register(Named(sandbox): Named, body: Bytes) -> Result<Answer, Problem> {
    let config: PartnerConfig = read_json(&body)?;
    let (partner, secret) = (read_partner(&config)?, shared_secret(&config)?);
    sandbox.secrets().take(&config.client_id, secret).map_err(|error| Problem::of("internal", error.to_string()))?;
    command(&sandbox, Command::RegisterPartner(Box::new(partner))).await?;
    shown(&sandbox, &config.client_id, 201)
}

fn shown(sandbox: &Sandbox, client_id: &str, status: u16) -> Result<Answer, Problem> {
    let partner = sandbox.read(|world| world.partners.find(client_id).cloned());
    let partner = partner.ok_or_else(|| Problem::of("partner-unknown", format!("no partner {client_id:?}")))?;
    Ok(answer(status, &*partner))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateAsk {
    certificate: String,
}

/// Adds a certificate: PEM text as it is, or as the member `certificate` of a JSON object.
pub(super) async fn add_certificate(
    Named(sandbox): Named,
    Path(client_id): Path<String>,
    body: Bytes,
) -> Result<Answer, Problem> {
    let text = if body.trim_ascii_start().starts_with(b"-----BEGIN") {
        String::from_utf8_lossy(&body).into_owned()
    } else {
        read_json::<CertificateAsk>(&body)?.certificate
    };
    shown(&sandbox, &client_id, 200)?;
    let certificate = read_certificate(&text).map_err(|what| Problem::of("certificate-invalid", what))?;
    command(&sandbox, Command::AddCertificate { client_id: client_id.clone(), certificate }).await?;
    shown(&sandbox, &client_id, 201)
}

fn armed(lie: &Lie) -> FaultArmed {
    FaultArmed {
        id: lie.id.clone(),
        fault: lie.slug.to_owned(),
        citizen: lie.citizen_slug.clone(),
        left: lie.left,
        told: lie.told,
        params: lie.params.clone(),
    }
}

pub(super) async fn faults(Named(sandbox): Named) -> Answer {
    let lies: Vec<FaultArmed> = sandbox.armed().list().iter().map(armed).collect();
    answer(200, &json!({ "armed": lies, "known": contract::fault::FAULTS }))
}

pub(super) async fn arm(Named(sandbox): Named, body: Bytes) -> Result<Answer, Problem> {
    let ask: FaultAsk = read_json(&body)?;
    let meta = contract::fault::find(&ask.fault).ok_or_else(|| {
        Problem::of("fault-unknown", format!("no fault {:?}; GET /faults lists them under \"known\"", ask.fault))
    })?;
    let citizen = match &ask.citizen {
        None => None,
        Some(slug) => Some(
            people::meet(&sandbox, slug)
                .ok_or_else(|| Problem::of("citizen-unknown", format!("no citizen {slug:?}")))?,
        ),
    };
    let in_handshake = tls::LIES.iter().any(|(slug, _)| *slug == meta.slug);
    if in_handshake && citizen.is_some() {
        return Err(Problem::of("fault-invalid", "a handshake is about no citizen: arm this lie without one"));
    }
    let lie = Lie {
        id: sandbox.draw().uuid(),
        slug: meta.slug,
        citizen: citizen.as_ref().map(|citizen| citizen.oid.wide()),
        citizen_slug: ask.citizen,
        left: ask.times,
        told: 0,
        params: ask.params,
    };
    if in_handshake {
        // The lie's certificate is dated by the time at which it is told.
        sandbox.chest().renew();
    }
    sandbox.armed().arm(lie.clone());
    let data = json!({"id": lie.id, "fault": lie.slug, "scope": {"citizen": lie.citizen_slug, "times": lie.left}});
    sandbox.note(&Caller::nobody(), kinds::FAULT_ARMED, data).await;
    if in_handshake {
        sandbox.hang_up_all().await;
    }
    Ok(answer(201, &armed(&lie)))
}

pub(super) async fn disarm(Named(sandbox): Named, Path(id): Path<String>) -> Result<Answer, Problem> {
    let lie = sandbox.armed().disarm(&id);
    let lie = lie.ok_or_else(|| Problem::of("fault-not-armed", format!("no armed fault {id:?}")))?;
    if tls::LIES.iter().any(|(slug, _)| *slug == lie.slug) {
        sandbox.hang_up_all().await;
    }
    sandbox
        .note(&Caller::nobody(), kinds::FAULT_REMOVED, json!({"id": lie.id, "fault": lie.slug, "told": lie.told}))
        .await;
    Ok(answer(200, &armed(&lie)))
}

fn state(sandbox: &Sandbox) -> ClockState {
    ClockState { now: sandbox.now(), clock: sandbox.clock().mode() }
}

pub(super) async fn clock(Named(sandbox): Named) -> Answer {
    answer(200, &state(&sandbox))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ClockAsk {
    Bare(ClockSetting),
    Named { clock: ClockSetting },
}

/// Sets how the clock runs: `"real"`, `{"offset": "PT2H"}`, `{"frozen": "…"}`, or the same under `clock`. A clock does
/// not go back: what has happened has happened.
pub(super) async fn set_clock(Named(sandbox): Named, body: Bytes) -> Result<Answer, Problem> {
    let setting = match read_json::<ClockAsk>(&body) {
        Ok(ClockAsk::Bare(setting) | ClockAsk::Named { clock: setting }) => setting,
        Err(_) => {
            return Err(Problem::of(
                "clock-invalid",
                r#"send "real", {"offset": "PT2H"} or {"frozen": "2026-11-22T10:00:00Z"}"#,
            ));
        }
    };
    let wanted = crate::clock::Clock::new(setting).now();
    // Reading two clocks one after the other takes a moment; a second of slack is no way back.
    if wanted + contract::time::Span::from_seconds(1) < sandbox.now() {
        return Err(Problem::of(
            "clock-invalid",
            format!("{wanted} lies before {}: open a new sandbox instead", sandbox.now()),
        ));
    }
    let ahead = wanted.since(sandbox.now());
    sandbox.advance(ahead).await;
    sandbox.clock().set(setting);
    sandbox.clock_moved().await;
    Ok(answer(200, &state(&sandbox)))
}

pub(super) async fn advance(Named(sandbox): Named, body: Bytes) -> Result<Answer, Problem> {
    let ask: ClockAdvance = read_json(&body)?;
    sandbox.advance(ask.by).await;
    Ok(answer(200, &state(&sandbox)))
}

pub(super) async fn rotate(Named(sandbox): Named, body: Bytes) -> Result<Answer, Problem> {
    let ask: RotateAsk = read_json(&body)?;
    let kids = sandbox.rotate_keys(ask.overlap).await.map_err(|error| Problem::of("internal", error.to_string()))?;
    Ok(Answer::json(200, json!({ "kids": kids })))
}

pub(super) async fn hooks(Named(sandbox): Named) -> Answer {
    let all: Vec<HookDelivery> = sandbox.read(|world| {
        let deliveries = world.hooks.all().map(|hook| HookDelivery {
            id: hook.id.clone(),
            kind: hook.kind.clone(),
            client_id: hook.client_id.clone(),
            citizen: hook.citizen.and_then(|oid| i32::try_from(oid).ok()).and_then(Oid::new),
            attempts: u32::try_from(hook.attempts.len()).unwrap_or(u32::MAX),
            status: hook.attempts.last().and_then(|attempt| attempt.status),
            delivered: matches!(hook.state, HookState::Delivered(_)),
            next: if let HookState::Due(at) = hook.state { Some(at) } else { None },
        });
        deliveries.collect()
    });
    answer(200, &json!({ "hooks": all }))
}

pub(super) async fn flush(Named(sandbox): Named) -> Answer {
    outbox::flush(&sandbox).await;
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    sandbox.read(|world| {
        for hook in world.hooks.all() {
            let state = match hook.state {
                HookState::Delivered(_) => "delivered",
                HookState::Due(_) => "waiting",
                HookState::Dead(_) => "given_up",
            };
            *left.entry(state).or_default() += 1;
        }
    });
    answer(200, &left)
}

/// The portal asks a participant of the message exchange.
pub(super) async fn smev_ask(Named(sandbox): Named, body: Bytes) -> Result<Answer, Problem> {
    let ask = read_json(&body)?;
    let sent = crate::smev::ask::ask(&sandbox, ask).await.map_err(|refusal| Problem::refused(&refusal))?;
    Ok(answer(201, &sent))
}

/// How the message exchange takes messages.
pub(super) async fn smev_switches(Named(sandbox): Named) -> Answer {
    answer(200, &crate::smev::ask::switches(&sandbox))
}
