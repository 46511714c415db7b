//! The judge of every lie that must be refused: five points, of which silence proves none.
//!
//! 1. twin: the same case without the lie ended well, with calls on the wire;
//! 2. reached: the bank received the lie in full;
//! 3. nothing used: until the end of the recording, none of the calls or displays that need the refused thing happened
//!    (what the bank gets by a new, honest answer is not the refused thing);
//! 4. said so: the bank reported a refusal, and its reason class fits;
//! 5. alive: the next clean flow ended well.
//!
//! Use is proof of acceptance by itself, so point 3 is looked at first: a bank that believes a lie has failed, whatever
//! became of its twin. Everything else that is missing makes the case inconclusive, never a pass.

use contract::adapter::{Outcome, Report};
use contract::exchange::{Exchange, Party};
use serde_json::Value;

use crate::finding::{Evidence, Judgement, Verdict};
use crate::reading::{Area, Flow, Kind, Lie, Reading, lied, line, wire};
use crate::rule::{Refusal, Rule, Unused};

/// Judges one row on one recording.
pub fn judge(rule: &Rule, row: &Refusal, reading: &Reading<'_>) -> Judgement {
    if let Some(policy) = row.policy
        && reading.trace.bank.revocation_check.as_deref() != Some(policy)
    {
        return Judgement::not_applicable(
            format!("the bank does not declare the policy {policy}"),
            format!("банк не заявил политику {policy}"),
        );
    }
    let lies = lies_of(row, reading);
    if lies.is_empty() {
        return untold(row.faults, reading);
    }
    let mut worst: Option<Judgement> = None;
    for lie in &lies {
        let judgement = judge_lie(rule, row, reading, lie);
        if worst.as_ref().is_none_or(|known| known.verdict < judgement.verdict) {
            worst = Some(judgement);
        }
    }
    worst.unwrap_or_else(|| untold(row.faults, reading))
}

/// The word on a lie that was prepared and never told, or not even prepared.
pub(crate) fn untold(faults: &[&str], reading: &Reading<'_>) -> Judgement {
    if reading.armed(faults)
        || faults
            .iter()
            .any(|fault| fault.strip_prefix("attacker:").is_some_and(|deed| !reading.deeds(deed).is_empty()))
    {
        return Judgement::of(
            Verdict::Inconclusive,
            format!("{} was ready but never reached the bank: it did not come so far", faults.join(", ")),
            format!("{}: подготовлено, но до банка не дошло: он не сделал нужного обращения", faults.join(", ")),
            Vec::new(),
        );
    }
    Judgement::not_applicable("the case does not try this", "в этом случае такое не проверяется")
}

fn lies_of<'a>(row: &Refusal, reading: &Reading<'a>) -> Vec<Lie<'a>> {
    let mut lies: Vec<Lie<'a>> = reading.told(row.faults).into_iter().cloned().collect();
    for fault in row.faults {
        let Some(deed) = fault.strip_prefix("attacker:") else { continue };
        for (wall_us, act) in reading.deeds(deed) {
            let person = act.data.get("person").or_else(|| act.data.get("for")).and_then(Value::as_str);
            let citizen = person.and_then(|name| reading.trace.people.iter().find(|p| p.name == name)).map(|p| p.oid);
            // The deed is the visit that follows it, by the attacker where the suite says so.
            let visits = || {
                reading.callbacks.iter().map(|callback| callback.exchange).filter(|visit| visit.started_us >= wall_us)
            };
            let visit = visits().find(|visit| visit.from == Party::Attacker).or_else(|| visits().next());
            if let Some(visit) = visit {
                lies.push(Lie { fault, wall_us: visit.started_us, exchange: Some(visit), entry: None, citizen });
            }
        }
    }
    lies
}

/// What point 3 found.
enum Used {
    /// Proof of use, in English and Russian.
    Yes(String, String, Vec<Evidence>),
    /// No use seen.
    No,
    /// The look itself was not possible.
    Unknown(String, String, Vec<Evidence>),
}

/// What point 4 found.
enum SaidSo {
    Fits(Vec<Evidence>),
    OtherClass(String, String, Vec<Evidence>),
    Took(String, String, Vec<Evidence>),
    Missing(String, String, Vec<Evidence>),
    /// The bank asked again and went on with an honest answer.
    AskedAgain(Vec<Evidence>),
}

fn judge_lie(rule: &Rule, row: &Refusal, reading: &Reading<'_>, lie: &Lie<'_>) -> Judgement {
    let told = lied(lie);
    let with = |mut more: Vec<Evidence>| {
        more.insert(0, told.clone());
        more
    };
    let inconclusive =
        |en: String, ru: String, evidence: Vec<Evidence>| Judgement::of(Verdict::Inconclusive, en, ru, with(evidence));

    match used(row, reading, lie) {
        Used::Yes(en, ru, evidence) => {
            return Judgement::of(rule.level.broken(), en, ru, with(evidence));
        }
        Used::Unknown(en, ru, evidence) => return inconclusive(en, ru, evidence),
        Used::No => {}
    }
    let reached = match reached(row, reading, lie) {
        Ok(evidence) => evidence,
        Err((en, ru)) => return inconclusive(en, ru, Vec::new()),
    };
    let said = said_so(row, reading, lie);
    if let SaidSo::Took(en, ru, evidence) = said {
        return Judgement::of(rule.level.broken(), en, ru, with(evidence));
    }
    if let Err((en, ru)) = twin(reading) {
        return inconclusive(en, ru, reached);
    }
    if let Err((en, ru)) = alive(reading) {
        return inconclusive(en, ru, reached);
    }
    let mut evidence = with(reached);
    evidence.extend(proofs(reading));
    match said {
        SaidSo::Fits(more) => {
            evidence.extend(more);
            let (en, ru) = (
                format!(
                    "{}: received, refused with a fitting reason, nothing of it used, the bank works on",
                    lie.fault
                ),
                format!("{}: получено, отвергнуто с верной причиной, не использовано, банк работает дальше", lie.fault),
            );
            Judgement::of(Verdict::Pass, en, ru, evidence)
        }
        SaidSo::AskedAgain(more) => {
            evidence.extend(more);
            let (en, ru) = (
                format!("{}: received and not used; the bank asked again and went on with an honest answer", lie.fault),
                format!("{}: получено и не использовано; банк спросил снова и взял честный ответ", lie.fault),
            );
            Judgement::of(Verdict::Pass, en, ru, evidence)
        }
        SaidSo::OtherClass(en, ru, more) => {
            evidence.extend(more);
            Judgement::of(Verdict::Warning, en, ru, evidence)
        }
        SaidSo::Missing(en, ru, more) | SaidSo::Took(en, ru, more) => {
            evidence.extend(more);
            Judgement::of(Verdict::Inconclusive, en, ru, evidence)
        }
    }
}

/// Point 1.
pub(crate) fn twin(reading: &Reading<'_>) -> Result<(), (String, String)> {
    let Some(twin) = &reading.trace.twin else {
        return Err((
            "there is no recording of the same case without the lie".to_owned(),
            "нет записи того же случая без лжи".to_owned(),
        ));
    };
    if !twin.ended_well {
        let why = twin.why_not.as_deref().unwrap_or("-");
        return Err((
            format!("the same case without the lie did not end well either ({why}), so the silence proves nothing"),
            format!("тот же случай без лжи тоже не закончился успехом ({why}), поэтому молчание ничего не доказывает"),
        ));
    }
    if twin.calls.values().all(|count| *count == 0) {
        return Err((
            "in the same case without the lie the bank called nothing, so the silence proves nothing".to_owned(),
            "в том же случае без лжи банк не сделал ни одного обращения, поэтому молчание ничего не доказывает"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Point 5.
pub(crate) fn alive(reading: &Reading<'_>) -> Result<(), (String, String)> {
    match &reading.trace.alive {
        Some(alive) if alive.ended_well => Ok(()),
        Some(alive) => {
            let why = alive.why_not.as_deref().unwrap_or("-");
            Err((
                format!("the next clean flow did not end well ({why}): the bank may have crashed instead of refusing"),
                format!("следующий чистый сценарий не закончился успехом ({why}): возможно, банк упал, а не отказал"),
            ))
        }
        None => Err((
            "no clean flow was played afterwards, so nobody knows whether the bank still works".to_owned(),
            "после этого не было чистого сценария, и неизвестно, работает ли банк".to_owned(),
        )),
    }
}

pub(crate) fn proofs(reading: &Reading<'_>) -> Vec<Evidence> {
    let twin = reading.trace.twin.iter().map(|twin| Evidence {
        at: format!("twin:{}", twin.case_id),
        seen: format!("ended well, {} calls", twin.calls.values().sum::<u32>()),
    });
    let alive = reading
        .trace
        .alive
        .iter()
        .map(|_| Evidence { at: "alive:next".to_owned(), seen: "the next clean flow ended well".to_owned() });
    twin.chain(alive).collect()
}

/// Point 2.
fn reached(row: &Refusal, reading: &Reading<'_>, lie: &Lie<'_>) -> Result<Vec<Evidence>, (String, String)> {
    let missing = |en: &str, ru: &str| Err((format!("{}: {en}", lie.fault), format!("{}: {ru}", lie.fault)));
    match row.unused {
        Unused::Connection => match lie.entry {
            Some(entry) => Ok(vec![crate::reading::noted(entry)]),
            None => missing("no handshake was recorded", "рукопожатие не записано"),
        },
        Unused::Code => match delivery(reading, lie) {
            Some(visit) if visit.response.is_some() => Ok(vec![line(visit)]),
            Some(_) => missing("the bank did not answer the browser", "банк не ответил браузеру"),
            None => missing("the browser never brought the answer to the bank", "браузер не принёс ответ в банк"),
        },
        Unused::Answer | Unused::Tokens | Unused::Event => match lie.exchange {
            Some(exchange) if exchange.delivered || exchange.to == Party::Bank && exchange.response.is_some() => {
                Ok(vec![line(exchange)])
            }
            // A body shorter than promised cannot be delivered whole: the status line and the rest of it were.
            Some(exchange) if lie.fault == "answer-truncated" && exchange.response.is_some() => {
                Ok(vec![line(exchange)])
            }
            _ => missing("it was not delivered in full", "сообщение не доставлено полностью"),
        },
    }
}

/// The visit of a browser that brought a lying redirect to the bank.
pub(crate) fn delivery<'a>(reading: &Reading<'a>, lie: &Lie<'a>) -> Option<&'a Exchange> {
    let exchange = lie.exchange?;
    if exchange.to == Party::Bank {
        return Some(exchange);
    }
    let location = wire::got(exchange, "location")?;
    let wanted = wire::query(location);
    let later = || reading.callbacks.iter().filter(|visit| visit.exchange.started_us >= exchange.started_us);
    later()
        .find(|visit| visit.exchange.request.url == location)
        .or_else(|| later().find(|visit| wire::query(&visit.exchange.request.url) == wanted))
        .map(|visit| visit.exchange)
}

/// Point 3.
fn used(row: &Refusal, reading: &Reading<'_>, lie: &Lie<'_>) -> Used {
    match row.unused {
        Unused::Answer => used_answer(reading, lie),
        Unused::Code => used_code(reading, lie),
        Unused::Connection => used_connection(reading, lie),
        Unused::Event => used_event(reading, lie),
        Unused::Tokens => used_tokens(row, reading, lie),
    }
}

fn used_code(reading: &Reading<'_>, lie: &Lie<'_>) -> Used {
    let Some(visit) = delivery(reading, lie) else { return Used::No };
    let brought = wire::query(&visit.request.url);
    for code in wire::all(&brought, "code") {
        if code.len() < 8 {
            continue;
        }
        // The same code brought again by an honest redirect may be redeemed from then on.
        let honest = reading
            .callbacks
            .iter()
            .filter(|other| {
                other.exchange.started_us > visit.started_us && other.exchange.request.url != visit.request.url
            })
            .filter(|other| other.exchange.from == Party::Browser && wire::all(&other.params, "code").contains(&code))
            .map(|other| other.exchange.started_us)
            .min();
        let sends = reading.sends_of_code(code, visit.started_us);
        if let Some(send) = sends.iter().find(|send| honest.is_none_or(|from| send.started_us < from)) {
            let masked = wire::mask(code);
            return Used::Yes(
                format!(
                    "{}: the bank took the code {masked} of the refusable answer to {}",
                    lie.fault,
                    wire::path(&send.request.url)
                ),
                format!(
                    "{}: банк отправил код {masked} из негодного ответа на {}",
                    lie.fault,
                    wire::path(&send.request.url)
                ),
                vec![line(visit), line(send)],
            );
        }
    }
    Used::No
}

/// Tokens that a lie spoils: those of its own answer, or, where the key set lied, those judged by that key set.
fn spoilt<'a>(reading: &Reading<'a>, lie: &Lie<'a>) -> Vec<(&'a str, i64)> {
    let Some(exchange) = lie.exchange else { return Vec::new() };
    let own = reading.token_calls.iter().find(|call| std::ptr::eq(call.exchange, exchange));
    let calls: Vec<_> = match own {
        Some(call) => vec![call],
        None => {
            let Some(flow) = reading.flow_of(lie) else { return Vec::new() };
            let oid = reading.citizen_of_flow(flow);
            reading
                .token_calls
                .iter()
                .filter(|call| call.exchange.started_us >= flow.start_us && call.exchange.started_us <= flow.end_us)
                .filter(|call| oid.is_none() || call.citizen.is_none() || call.citizen == oid)
                .filter(|call| call.answered("id_token").is_some())
                .collect()
        }
    };
    calls
        .into_iter()
        .flat_map(|call| {
            let from = call.exchange.started_us.max(lie.wall_us);
            reading
                .tokens_of(call)
                .into_iter()
                .filter(|(_, kind)| matches!(kind, Kind::Access | Kind::Refresh))
                .map(move |(value, _)| (value, from))
        })
        .collect()
}

fn used_tokens(row: &Refusal, reading: &Reading<'_>, lie: &Lie<'_>) -> Used {
    let honest_keys = again(row, reading, lie).map(|exchange| exchange.started_us);
    for (token, from) in spoilt(reading, lie) {
        let uses = reading.uses_of(token, from);
        if let Some(call) = uses.iter().find(|call| honest_keys.is_none_or(|time| call.started_us < time)) {
            let masked = wire::mask(token);
            return Used::Yes(
                format!(
                    "{}: the bank went on with the token {masked} of that answer: {}",
                    lie.fault,
                    wire::path(&call.request.url)
                ),
                format!(
                    "{}: банк воспользовался маркером {masked} из этого ответа: {}",
                    lie.fault,
                    wire::path(&call.request.url)
                ),
                vec![line(call)],
            );
        }
    }
    // A key or anything else fetched from an address that only the lie could have named.
    let fetched = reading
        .foreign()
        .into_iter()
        .find(|exchange| exchange.from == Party::Bank && exchange.started_us >= lie.wall_us && lie.exchange.is_some());
    if let Some(fetched) = fetched {
        return Used::Yes(
            format!("{}: the bank called the foreign host: {}", lie.fault, wire::path(&fetched.request.url)),
            format!("{}: банк обратился к чужому узлу: {}", lie.fault, wire::path(&fetched.request.url)),
            vec![line(fetched)],
        );
    }
    session(reading, lie)
}

/// A session opened for the person on the strength of the lie: judged only where no honest link came before.
fn session(reading: &Reading<'_>, lie: &Lie<'_>) -> Used {
    let Some(flow) = reading.flow_of(lie) else { return Used::No };
    let Some(person) = flow.person.filter(|_| flow.action == "customer.link") else { return Used::No };
    let linked_otherwise = reading.flows.iter().any(|other| {
        other.id != flow.id
            && other.action == "customer.link"
            && other.person.is_some_and(|whom| whom.oid == person.oid)
            && other.outcome() == Some(Outcome::Ok)
    });
    if linked_otherwise || flow.outcome() == Some(Outcome::Ok) {
        return Used::No;
    }
    let alive = reading.probes.iter().find(|(wall_us, probe)| {
        *wall_us > lie.wall_us
            && probe.question == "session_alive"
            && probe.person.as_deref() == Some(person.name.as_str())
            && probe.answer == Some(Value::Bool(true))
    });
    match alive {
        Some((_, probe)) => Used::Yes(
            format!("{}: the flow was reported as not done, yet {} has a session at the bank", lie.fault, person.name),
            format!("{}: банк сообщил об отказе, но сессия {} у него открыта", lie.fault, person.name),
            vec![Evidence { at: format!("probe:{}", probe.question), seen: "true".to_owned() }],
        ),
        None => Used::No,
    }
}

fn used_connection(reading: &Reading<'_>, lie: &Lie<'_>) -> Used {
    // The lie holds until it is removed, or until a handshake without it was completed.
    let removed = reading
        .journal
        .iter()
        .filter(|entry| entry.kind == contract::journal::kinds::FAULT_REMOVED)
        .filter(|entry| entry.data.get("fault").and_then(Value::as_str).is_none_or(|fault| fault == lie.fault))
        .map(|entry| entry.wall_us);
    let removed_by_act = reading
        .acts
        .iter()
        .filter(|(_, act)| act.actor == "portal" && act.what == "remove")
        .map(|(wall_us, _)| *wall_us);
    let honest = reading.handshakes.iter().filter(|handshake| handshake.completed && handshake.fault.is_none());
    let until = removed
        .chain(removed_by_act)
        .chain(honest.map(|handshake| handshake.entry.wall_us))
        .filter(|wall_us| *wall_us > lie.wall_us)
        .min()
        .unwrap_or(i64::MAX);
    // Bytes in clear where a handshake was due: the request left without any protection at all.
    let clear = reading.handshakes.iter().find(|handshake| {
        handshake.entry.data.get("plain").and_then(Value::as_bool) == Some(true)
            && handshake.entry.wall_us >= lie.wall_us
            && handshake.entry.wall_us < until
    });
    if let Some(clear) = clear {
        return Used::Yes(
            format!("{}: the bank went on in clear on the same port", lie.fault),
            format!("{}: банк продолжил на том же порту открытым текстом", lie.fault),
            vec![crate::reading::noted(clear.entry)],
        );
    }
    let over = reading.by_bank().find(|exchange| {
        exchange.to == Party::Portal
            && (exchange.faults.iter().any(|fault| fault == lie.fault)
                || (exchange.started_us >= lie.wall_us && exchange.started_us < until))
    });
    if let Some(exchange) = over {
        return Used::Yes(
            format!(
                "{}: the bank sent {} over a connection that it had to abort",
                lie.fault,
                wire::path(&exchange.request.url)
            ),
            format!(
                "{}: банк отправил {} по соединению, которое обязан был прервать",
                lie.fault,
                wire::path(&exchange.request.url)
            ),
            vec![line(exchange)],
        );
    }
    let Some(handshake) =
        reading.handshakes.iter().find(|handshake| lie.entry.is_some_and(|entry| entry.n == handshake.entry.n))
    else {
        return Used::No;
    };
    match (handshake.completed, handshake.app_bytes) {
        (true, Some(bytes)) if bytes > 0 => Used::Yes(
            format!("{}: the handshake was completed and {bytes} bytes of a request followed", lie.fault),
            format!("{}: рукопожатие завершено, по соединению ушло {bytes} байт запроса", lie.fault),
            vec![crate::reading::noted(handshake.entry)],
        ),
        (true, None) => Used::Unknown(
            format!("{}: the handshake was completed; whether a request followed was not recorded", lie.fault),
            format!("{}: рукопожатие завершено; ушёл ли по нему запрос, не записано", lie.fault),
            vec![crate::reading::noted(handshake.entry)],
        ),
        (true, Some(_)) | (false, _) => Used::No,
    }
}

fn used_answer(reading: &Reading<'_>, lie: &Lie<'_>) -> Used {
    let Some(exchange) = lie.exchange else { return Used::No };
    let told = wire::answer_json(exchange).map(|answer| wire::leaves(&answer)).unwrap_or_default();
    let honest: Vec<String> = reading
        .exchanges
        .iter()
        .filter(|other| other.faults.is_empty() && other.to == Party::Portal)
        .filter_map(|other| wire::answer_json(other))
        .flat_map(|answer| wire::leaves(&answer))
        .collect();
    let asked: Vec<String> = reading.flows.iter().flat_map(|flow| wire::leaves(flow.params)).collect();
    let own: Vec<&String> = told
        .iter()
        .filter(|leaf| leaf.chars().count() > 2 && !honest.contains(leaf) && !asked.contains(leaf))
        .collect();
    let about =
        |flow: &&Flow<'_>| lie.citizen.is_none() || flow.person.is_none_or(|person| Some(person.oid) == lie.citizen);
    for flow in reading.flows.iter().filter(about).filter(|flow| flow.end_us >= lie.wall_us) {
        for reported in &flow.reports {
            let shown = wire::leaves(&Value::Object(reported.report.values.clone()));
            if let Some(leaf) = own.iter().find(|leaf| shown.contains(leaf)) {
                return Used::Yes(
                    format!(
                        "{}: the bank shows the value {} that stood only in the refusable answer",
                        lie.fault,
                        wire::mask(leaf)
                    ),
                    format!(
                        "{}: банк показывает значение {}, бывшее только в негодном ответе",
                        lie.fault,
                        wire::mask(leaf)
                    ),
                    vec![line(exchange), flow.evidence()],
                );
            }
        }
    }
    // A refused consent record: nothing may be read under that consent.
    if lie.fault.starts_with("consent-record")
        && let Some(oid) = lie.citizen
        && let Some(flow) = reading.flow_of(lie)
    {
        let next =
            reading.flows.iter().filter(|other| other.action == "consent.request" && other.start_us > flow.end_us);
        let until = next.map(|other| other.start_us).min().unwrap_or(i64::MAX);
        let read = reading.data_calls.iter().find(|call| {
            call.area == Area::Service
                && reading.whom(call) == Some(oid)
                && call.exchange.started_us > exchange.ended_us
                && call.exchange.started_us < until
        });
        if let Some(call) = read {
            return Used::Yes(
                format!(
                    "{}: the bank read data under the consent whose record it had to refuse: {}",
                    lie.fault,
                    call.resource()
                ),
                format!(
                    "{}: банк читал данные по согласию, запись о котором обязан был отвергнуть: {}",
                    lie.fault,
                    call.resource()
                ),
                vec![line(exchange), line(call.exchange)],
            );
        }
    }
    Used::No
}

fn used_event(reading: &Reading<'_>, lie: &Lie<'_>) -> Used {
    let Some(exchange) = lie.exchange else { return Used::No };
    let status = wire::status(exchange);
    if status / 100 == 2 {
        return Used::Yes(
            format!("{}: the bank answered {status} to a notice that it had to reject", lie.fault),
            format!("{}: банк ответил {status} на уведомление, которое обязан был отвергнуть", lie.fault),
            vec![line(exchange)],
        );
    }
    // Until the same event comes honestly, the consent it speaks of must stand as before.
    let Some(hook) = reading.hooks.iter().find(|hook| std::ptr::eq(hook.exchange, exchange)) else { return Used::No };
    let until = reading
        .hooks
        .iter()
        .filter(|other| other.exchange.faults.is_empty() && other.exchange.started_us > exchange.started_us)
        .filter(|other| other.id.is_some() && other.id == hook.id)
        .map(|other| other.exchange.started_us)
        .min()
        .unwrap_or(i64::MAX);
    let subject = hook.body.get("consent").and_then(|consent| consent.get("id")).and_then(Value::as_str);
    let ended = |state: &str| matches!(state, "revoked" | "ended" | "expired" | "refused");
    if let Some(subject) = subject {
        for (wall_us, probe) in &reading.probes {
            let within = *wall_us > exchange.started_us && *wall_us < until;
            let about = probe.about.get("consent").and_then(Value::as_str) == Some(subject);
            let state = probe.answer.as_ref().and_then(state_of);
            if within && about && probe.question == "consent_state" && state.is_some_and(ended) {
                return Used::Yes(
                    format!("{}: answered {status}, yet the consent {subject} is over at the bank", lie.fault),
                    format!("{}: ответ {status}, но согласие {subject} в банке прекращено", lie.fault),
                    vec![
                        line(exchange),
                        Evidence { at: "probe:consent_state".to_owned(), seen: state.unwrap_or_default().to_owned() },
                    ],
                );
            }
        }
    }
    Used::No
}

fn state_of(answer: &Value) -> Option<&str> {
    answer.as_str().or_else(|| answer.get("state").and_then(Value::as_str))
}

/// Point 4.
fn said_so(row: &Refusal, reading: &Reading<'_>, lie: &Lie<'_>) -> SaidSo {
    if row.unused == Unused::Event {
        return said_by_status(lie);
    }
    let Some(flow) = reading.flow_of(lie) else {
        return SaidSo::Missing(
            format!("{}: no flow of the bank belongs to it, so no report speaks of it", lie.fault),
            format!("{}: ни один сценарий банка к этому не относится, и отчёта нет", lie.fault),
            Vec::new(),
        );
    };
    let Some(last) = flow.last() else {
        return SaidSo::Missing("no report".to_owned(), "отчёта нет".to_owned(), vec![flow.evidence()]);
    };
    match last.outcome {
        Outcome::Refused => refused(row, lie, flow, last),
        Outcome::Ok => match again(row, reading, lie) {
            Some(honest) => SaidSo::AskedAgain(vec![line(honest), flow.evidence()]),
            None => took(row, reading, lie, flow, last),
        },
        Outcome::Pending if row.faults.iter().any(|fault| fault.starts_with("attacker:")) => {
            // The victim's flow may live on in its own browser; the stranger was told no by the page itself.
            match delivery(reading, lie) {
                Some(visit) if wire::status(visit) / 100 == 4 => SaidSo::Fits(vec![line(visit), flow.evidence()]),
                _ => SaidSo::Missing(
                    format!("{}: the flow is still pending, and the page did not say no", lie.fault),
                    format!("{}: сценарий всё ещё ждёт, и страница не отказала", lie.fault),
                    vec![flow.evidence()],
                ),
            }
        }
        Outcome::Error | Outcome::Pending => SaidSo::Missing(
            format!("{}: nothing was used, but the bank's last word is {:?}, not a refusal", lie.fault, last.outcome)
                .to_lowercase(),
            format!("{}: ничего не использовано, но последнее слово банка — {:?}, а не отказ", lie.fault, last.outcome)
                .to_lowercase(),
            vec![flow.evidence()],
        ),
    }
}

fn said_by_status(lie: &Lie<'_>) -> SaidSo {
    let Some(exchange) = lie.exchange else {
        return SaidSo::Missing(
            "the notice never went out".to_owned(),
            "уведомление не отправлено".to_owned(),
            Vec::new(),
        );
    };
    match wire::status(exchange) {
        400..=499 => SaidSo::Fits(vec![line(exchange)]),
        0 => SaidSo::Missing(
            format!("{}: the bank did not answer the notice", lie.fault),
            format!("{}: банк не ответил на уведомление", lie.fault),
            vec![line(exchange)],
        ),
        status => SaidSo::OtherClass(
            format!("{}: not taken, but answered {status} instead of a 4xx", lie.fault),
            format!("{}: не принято, но ответ {status} вместо 4xx", lie.fault),
            vec![line(exchange)],
        ),
    }
}

fn refused(row: &Refusal, lie: &Lie<'_>, flow: &Flow<'_>, last: &Report) -> SaidSo {
    let wanted: Vec<&str> = row.classes.iter().map(|class| class.as_str()).collect();
    let wanted = wanted.join(", ");
    match &last.reason {
        Some(reason) if row.classes.contains(&reason.class) => SaidSo::Fits(vec![flow.evidence()]),
        Some(reason) => SaidSo::OtherClass(
            format!("{}: refused, but with the reason {}; wanted {wanted}", lie.fault, reason.class.as_str()),
            format!("{}: отказ есть, но причина {}; нужна {wanted}", lie.fault, reason.class.as_str()),
            vec![flow.evidence()],
        ),
        None => SaidSo::OtherClass(
            format!("{}: refused without a reason; wanted {wanted}", lie.fault),
            format!("{}: отказ без причины; нужна {wanted}", lie.fault),
            vec![flow.evidence()],
        ),
    }
}

fn took(row: &Refusal, reading: &Reading<'_>, lie: &Lie<'_>, flow: &Flow<'_>, last: &Report) -> SaidSo {
    let dropped = row.unused == Unused::Answer
        && flow.action.starts_with("customer.")
        && last.values.get("profile").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
    if dropped {
        return SaidSo::Missing(
            format!("{}: reported ok with nothing of the answer shown, and no refusal", lie.fault),
            format!("{}: сообщён успех, из ответа ничего не показано, но и отказа нет", lie.fault),
            vec![flow.evidence()],
        );
    }
    if let Some(other) = new_authorisation(reading, lie, flow) {
        return SaidSo::Missing(
            format!("{}: the bank began again and went on with an honest answer, without saying so", lie.fault),
            format!("{}: банк начал заново и взял честный ответ, но об отказе не сообщил", lie.fault),
            vec![line(other), flow.evidence()],
        );
    }
    SaidSo::Took(
        format!("{}: the lie was told, nothing honest followed, and the bank reported ok", lie.fault),
        format!("{}: ложь сказана, честного ответа после неё не было, а банк сообщил об успехе", lie.fault),
        vec![flow.evidence()],
    )
}

/// A new authorisation of the same person within the flow after the lie, with an honest token answer.
fn new_authorisation<'a>(reading: &Reading<'a>, lie: &Lie<'_>, flow: &Flow<'_>) -> Option<&'a Exchange> {
    let oid = reading.citizen_of_flow(flow);
    let begun = reading.asks.iter().find(|ask| {
        ask.exchange.started_us > lie.exchange.map_or(lie.wall_us, |exchange| exchange.ended_us)
            && ask.exchange.started_us <= flow.end_us
            && (oid.is_none() || ask.citizen.is_none() || ask.citizen == oid)
    })?;
    let answered = reading.token_calls.iter().find(|call| {
        call.exchange.started_us > begun.exchange.started_us && call.answer.is_some() && call.exchange.faults.is_empty()
    })?;
    Some(answered.exchange)
}

/// The same thing asked again after the lie and answered honestly, where the row allows it.
fn again<'a>(row: &Refusal, reading: &Reading<'a>, lie: &Lie<'_>) -> Option<&'a Exchange> {
    if !row.retry {
        return None;
    }
    let first = lie.exchange?;
    let path = wire::path(&first.request.url);
    reading.by_bank().find(|exchange| {
        exchange.started_us > first.started_us
            && exchange.faults.is_empty()
            && wire::status(exchange) / 100 == 2
            && wire::path(&exchange.request.url) == path
            && exchange.request.method == first.request.method
            && (lie.citizen.is_none() || exchange.citizen.is_none() || exchange.citizen == lie.citizen)
    })
}

#[cfg(test)]
mod tests {
    use contract::adapter::ReasonClass;
    use contract::journal::kinds;
    use serde_json::json;

    use super::*;
    use crate::laws::{Told, told};
    use crate::rule::Judge;
    use crate::testkit::*;
    use crate::trace::Protocol;

    fn told_by(id: &str, fault: &'static str) -> Told {
        let Judge::Refusal(row) = crate::rule(id).unwrap().judge else { panic!("{id} is no row") };
        told(Protocol::Oidc, &row, fault)
    }

    #[test]
    fn what_leaves_in_clear_is_use_until_the_lie_is_removed() {
        let play = |removed: bool| {
            let mut told = told_by("CERT-01", "cert-expired");
            if removed {
                told.scene.journal(kinds::FAULT_REMOVED, None, json!({"fault": "cert-expired"}));
            }
            told.scene.journal(kinds::HANDSHAKE, None, json!({"result": "aborted", "plain": true}));
            told.scene.report(&told.flow, Outcome::Refused, Some(ReasonClass::Transport), json!({}));
            verdict("CERT-01", &told.scene)
        };
        assert_eq!(play(false), Verdict::Fail);
        assert_eq!(play(true), Verdict::Pass);
    }

    #[test]
    fn data_read_under_a_refused_consent_record_are_its_use() {
        let play = |reads: i64| {
            let mut scene = Scene::oidc();
            let link = scene.link(ANNA);
            scene.link(BORIS);
            let flow = scene.begin("consent.request", ANNA, json!({"purpose": "CREDIT", "scopes": ["debts"]}));
            let record = scene.call("GET", "/api/v1/consents/c-1", &link.access, 200, &json!({"id": "c-1"}));
            scene.lie(record, "consent-record-wider");
            scene.wire(record).citizen = Some(ANNA);
            scene.call("GET", &format!("/api/v1/debts?person={reads}"), "a-data-token", 200, &json!({}));
            scene.report(&flow, Outcome::Refused, Some(ReasonClass::Consent), json!({}));
            verdict("CST-05", &scene)
        };
        assert_eq!(play(ANNA), Verdict::Fail);
        assert_eq!(play(BORIS), Verdict::Pass);
    }

    #[test]
    fn a_stranger_is_told_no_by_the_page_while_the_victim_may_go_on() {
        let play = |status: u16| {
            let mut told = told_by("RESP-05", "attacker:callback-in-fresh-browser");
            told.scene.respond(told.at, status, &[], "");
            told.scene.report(&told.flow, Outcome::Pending, None, json!({}));
            verdict("RESP-05", &told.scene)
        };
        assert_eq!(play(403), Verdict::Pass);
        assert_eq!(play(200), Verdict::Inconclusive);
        assert_eq!(play(500), Verdict::Inconclusive);
    }

    /// The bank's word on a told lie, and what the rule makes of it.
    fn refuses(id: &str, mut told: Told, class: ReasonClass) -> Verdict {
        told.scene.report(&told.flow, Outcome::Refused, Some(class), json!({}));
        verdict(id, &told.scene)
    }

    #[test]
    fn a_policy_binds_only_the_bank_that_declares_it() {
        let play = |policy: Option<&str>| {
            let mut told = told_by("CERT-09", "cert-revoked");
            told.scene.trace.bank.revocation_check = policy.map(str::to_owned);
            refuses("CERT-09", told, ReasonClass::Transport)
        };
        assert_eq!(play(Some("crl")), Verdict::Pass);
        assert_eq!(play(Some("ocsp")), Verdict::NotApplicable);
        assert_eq!(play(None), Verdict::NotApplicable);
    }

    #[test]
    fn a_code_may_be_redeemed_once_it_came_honestly() {
        let play = |honest: bool, early: bool| {
            let mut told = told_by("RESP-01", "redirect-state-wrong");
            let code = told.thing.clone();
            let redeem = |scene: &mut Scene| {
                let form = [("grant_type", "authorization_code"), ("code", code.as_str())];
                scene.token_call(ANNA, &form, &json!({}));
            };
            if early {
                redeem(&mut told.scene);
            }
            if honest {
                let url = format!("{CALLBACK}?code={code}&state=right");
                told.scene.exchange(Party::Browser, Party::Bank, "GET", &url);
            }
            redeem(&mut told.scene);
            refuses("RESP-01", told, ReasonClass::State)
        };
        assert_eq!(play(true, false), Verdict::Pass);
        assert_eq!(play(false, false), Verdict::Fail);
        assert_eq!(play(true, true), Verdict::Fail);
    }

    #[test]
    fn a_session_opened_on_a_lie_is_its_use() {
        let play = |person: &str, alive: bool, linked_before: bool, late: bool| {
            let mut told = if linked_before {
                let mut scene = Scene::oidc();
                scene.link(ANNA);
                let link = scene.link_begin(ANNA);
                scene.lie(link.exchange, "id-token-jku");
                Told { scene, flow: link.flow, thing: link.access, at: link.exchange }
            } else {
                told_by("IDT-16", "id-token-jku")
            };
            let at = told.scene.probe("session_alive", json!({}), Some(json!(alive)), person);
            if !late {
                let probe = told.scene.trace.events.remove(at);
                told.scene.trace.events.insert(0, crate::trace::Event { wall_us: 1, ..probe });
            }
            refuses("IDT-16", told, ReasonClass::Signature)
        };
        assert_eq!(play("anna", true, false, true), Verdict::Fail);
        assert_eq!(play("anna", false, false, true), Verdict::Pass);
        assert_eq!(play("boris", true, false, true), Verdict::Pass);
        assert_eq!(play("anna", true, true, true), Verdict::Pass);
        assert_eq!(play("anna", true, false, false), Verdict::Pass);
    }

    #[test]
    fn a_call_of_the_foreign_host_after_the_lie_is_its_use() {
        let play = |from: Party, late: bool| {
            let mut told = told_by("IDT-16", "id-token-jku");
            let visit = told.scene.exchange(from, Party::Foreign, "GET", &format!("{FOREIGN}/keys"));
            if !late {
                told.scene.wire(visit).started_us = 1;
            }
            refuses("IDT-16", told, ReasonClass::Signature)
        };
        assert_eq!(play(Party::Bank, true), Verdict::Fail);
        assert_eq!(play(Party::Bank, false), Verdict::Pass);
        assert_eq!(play(Party::Suite, true), Verdict::Pass);
    }

    #[test]
    fn over_a_bad_connection_bytes_are_use_until_an_honest_one() {
        let play = |said: Value, honest: bool, called: bool| {
            let mut told = told_by("CERT-01", "cert-expired");
            let crate::trace::What::Journal(entry) = &mut told.scene.trace.events[told.at].what else { panic!() };
            entry.data = said;
            if honest {
                told.scene.journal(kinds::HANDSHAKE, None, json!({"result": "completed"}));
            }
            if called {
                told.scene.exchange(Party::Bank, Party::Portal, "GET", PORTAL);
            }
            refuses("CERT-01", told, ReasonClass::Transport)
        };
        let said = |result: &str, bytes: Value| json!({"fault": "cert-expired", "result": result, "app_bytes": bytes});
        assert_eq!(play(said("completed", json!(1)), false, false), Verdict::Fail);
        assert_eq!(play(said("completed", json!(0)), false, false), Verdict::Pass);
        assert_eq!(play(said("completed", Value::Null), false, false), Verdict::Inconclusive);
        assert_eq!(play(said("aborted", json!(7)), false, false), Verdict::Pass);
        assert_eq!(play(said("aborted", Value::Null), false, true), Verdict::Fail);
        assert_eq!(play(said("aborted", Value::Null), true, true), Verdict::Pass);
    }

    #[test]
    fn only_what_the_lie_alone_told_shows_that_it_was_used() {
        let play = |id: &str, told_value: &str, shown: &str, flow_of: i64| {
            let mut scene = Scene::oidc();
            let boris = scene.link(BORIS);
            let link = scene.link_begin(ANNA);
            let known = json!({"known": "told honestly elsewhere"});
            scene.call("GET", "/oidc/userinfo", &boris.access, 200, &known);
            let at = scene.call("GET", "/oidc/userinfo", &link.access, 200, &json!({"sub": told_value}));
            scene.lie(at, "userinfo-sub-differs");
            scene.wire(at).citizen = Some(ANNA);
            let flow = if flow_of == ANNA { link.flow.clone() } else { boris.flow.clone() };
            let class = Some(ReasonClass::Binding);
            if flow_of != ANNA {
                scene.report(&link.flow, Outcome::Refused, class, json!({}));
            }
            scene.report(&flow, Outcome::Refused, class, json!({"profile": {"last_name": shown}}));
            verdict(id, &scene)
        };
        assert_eq!(play("UI-01", "only in the lie", "only in the lie", ANNA), Verdict::Fail);
        assert_eq!(play("UI-01", "only in the lie", "something else", ANNA), Verdict::Pass);
        assert_eq!(play("UI-01", "told honestly elsewhere", "told honestly elsewhere", ANNA), Verdict::Pass);
        assert_eq!(play("UI-01", "fullname", "fullname", ANNA), Verdict::Pass);
        assert_eq!(play("UI-01", "ab", "ab", ANNA), Verdict::Pass);
        assert_eq!(play("UI-01", "abc", "abc", ANNA), Verdict::Fail);
        assert_eq!(play("UI-01", "only in the lie", "only in the lie", BORIS), Verdict::Pass);
    }

    #[test]
    fn a_bad_notice_must_not_end_the_consent_before_an_honest_one_does() {
        let play = |consent: &str, state: &str, honest: Option<&str>, status: u16| {
            let mut told = told_by("WH-01", "hook-unsigned");
            told.scene.respond(told.at, status, &[], "");
            if let Some(id) = honest {
                told.scene.hook(id, "c-1", "revoked", 204);
            }
            told.scene.probe("consent_state", json!({"consent": consent}), Some(json!({"state": state})), "anna");
            verdict("WH-01", &told.scene)
        };
        assert_eq!(play("c-1", "revoked", None, 401), Verdict::Fail);
        assert_eq!(play("c-1", "granted", None, 401), Verdict::Pass);
        assert_eq!(play("c-2", "revoked", None, 401), Verdict::Pass);
        assert_eq!(play("c-1", "revoked", Some("e-1"), 401), Verdict::Pass);
        assert_eq!(play("c-1", "revoked", Some("e-2"), 401), Verdict::Fail);
        assert_eq!(play("c-1", "granted", None, 500), Verdict::Warning);
        assert_eq!(play("c-1", "granted", None, 302), Verdict::Warning);
        assert_eq!(play("c-1", "granted", None, 0), Verdict::Inconclusive);
    }

    #[test]
    fn success_without_the_refused_thing_is_no_proof_either_way() {
        let mut dropped = told_by("UI-01", "userinfo-sub-differs");
        dropped.scene.report(&dropped.flow, Outcome::Ok, None, json!({"profile": {}}));
        assert_eq!(verdict("UI-01", &dropped.scene), Verdict::Inconclusive);

        let anew = |oid: i64, answered: bool| {
            let mut told = told_by("IDT-01", "id-token-signature-broken");
            let (pairs, _) = told.scene.ask_params("openid");
            told.scene.ask(oid, &pairs);
            if answered {
                told.scene.token_call(
                    oid,
                    &[("grant_type", "authorization_code")],
                    &json!({"access_token": "another"}),
                );
            }
            told.scene.report(&told.flow, Outcome::Ok, None, json!({}));
            verdict("IDT-01", &told.scene)
        };
        assert_eq!(anew(ANNA, true), Verdict::Inconclusive);
        assert_eq!(anew(ANNA, false), Verdict::Fail);
        assert_eq!(anew(BORIS, true), Verdict::Fail);
    }

    #[test]
    fn of_several_lies_the_worst_taken_decides() {
        let play = |outcomes: [Outcome; 2]| {
            let mut scene = Scene::oidc();
            for (oid, outcome) in [ANNA, BORIS].into_iter().zip(outcomes) {
                let link = scene.link_begin(oid);
                scene.lie(link.exchange, "id-token-jku");
                let class = (outcome == Outcome::Refused).then_some(ReasonClass::Signature);
                scene.report(&link.flow, outcome, class, json!({}));
            }
            verdict("IDT-16", &scene)
        };
        assert_eq!(play([Outcome::Refused, Outcome::Refused]), Verdict::Pass);
        assert_eq!(play([Outcome::Refused, Outcome::Ok]), Verdict::Fail);
        assert_eq!(play([Outcome::Ok, Outcome::Refused]), Verdict::Fail);
        assert_eq!(play([Outcome::Refused, Outcome::Pending]), Verdict::Inconclusive);
    }

    #[test]
    fn a_deed_of_an_attacker_is_about_the_person_that_it_names() {
        let play = |key: &str, name: &str| {
            let mut scene = Scene::oidc();
            let [anna, boris] = [ANNA, BORIS].map(|oid| scene.begin("customer.link", oid, json!({})));
            scene.act("attacker", "callback-in-fresh-browser", json!({key: name}));
            // What comes of the person's own visit is no use of the attacker's.
            let own = format!("{CALLBACK}?code=own-code-of-somebody&state=right");
            scene.exchange(Party::Browser, Party::Bank, "GET", &own);
            scene.token_call(ANNA, &[("code", "own-code-of-somebody")], &json!({}));
            let url = format!("{CALLBACK}?code=code-of-somebody&state=wrong");
            let visit = scene.exchange(Party::Attacker, Party::Bank, "GET", &url);
            scene.respond(visit, 403, &[], "");
            scene.report(&anna, Outcome::Refused, Some(ReasonClass::State), json!({}));
            scene.report(&boris, Outcome::Ok, None, json!({}));
            verdict("RESP-05", &scene)
        };
        assert_eq!(play("person", "anna"), Verdict::Pass);
        assert_eq!(play("for", "anna"), Verdict::Pass);
        assert_eq!(play("person", "boris"), Verdict::Fail);
    }
}
