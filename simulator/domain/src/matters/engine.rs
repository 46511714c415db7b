//! What all matters have in common: authority, idempotency, moves along the arrows, who is told. The one place that
//! tells `matter.moved`; a move that is no arrow is refused here and nowhere else.

use contract::matter::{By, Lifecycle, MatterDocument, MatterKind, MatterReason, Move};
use contract::money::Money;
use contract::time::Timestamp;
use serde_json::{Value, json};

use super::ask::{BankAct, CitizenAct, MatterCommand, MatterReply, Once, Opening};
use super::document::{self, IssuedDocument};
use super::room::{Matter, Opened};
use super::{application, code, intake, order, payout, tax_return, ticket, transfer, voices};
use crate::bearer;
use crate::command::{Ask, Bearer};
use crate::draft::Draft;
use crate::event::Fact;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::world::World;

/// What changes with a move beside the state.
#[derive(Default)]
pub(super) struct Change {
    pub(super) reason: Option<MatterReason>,
    pub(super) details: Option<Value>,
    pub(super) number: Option<String>,
    /// Where a name forks.
    pub(super) to: Option<&'static str>,
}

pub(crate) fn decide(draft: &mut Draft<'_, '_, '_>, command: MatterCommand) -> Result<Reply, Refusal> {
    let reply = match command {
        MatterCommand::PayDuty(order) => return crate::payments::duty::pay(draft, &order),
        MatterCommand::ReversePayment { ask, id } => return crate::payments::reverse(draft, &ask, &id),
        MatterCommand::Open { ask, once, what } => open(draft, &ask, &once, what)?,
        MatterCommand::Read { ask, kind, id } => read(draft, &ask, kind, &id)?,
        MatterCommand::List { ask, kind, state } => list(draft, &ask, kind, state.as_deref())?,
        MatterCommand::Move { ask, once, kind, id, act } => bank_moves(draft, &ask, &once, (kind, &id), act)?,
        MatterCommand::Apply { citizen, application } => application::begin(draft, citizen, *application)?,
        MatterCommand::Act { citizen, id, act } => citizen_moves(draft, citizen, &id, act)?,
        MatterCommand::Force { id, name, reason } => force(draft, &id, &name, reason)?,
        MatterCommand::ReadDocument { bearer, id, part } => document::read(draft, &bearer, &id, part)?,
        other => voices::decide(draft, other)?,
    };
    Ok(Reply::Matter(reply))
}

/// Opens a matter: authority, the same order again, the kind's own checks, and what follows by itself.
fn open(draft: &mut Draft<'_, '_, '_>, ask: &Ask, once: &Once, what: Opening) -> Result<MatterReply, Refusal> {
    let kind = what.kind();
    let (token, consent) = bearer::serve(draft, ask, kind.lifecycle().scope, &by_key(ask.person, &once.key))?;
    if let Some(before) = repeated(draft, &token.client_id, once)? {
        return Ok(MatterReply::Matter { value: before, repeated: true });
    }
    let details = match &what {
        Opening::Intake { programme, files } => intake::check(draft, ask.person, programme, files)?,
        Opening::Order(details) => order::check(draft, &token.client_id, ask.person, details, &consent)?,
        Opening::Payout(details) => payout::check(draft, ask.person, details)?,
        Opening::TaxReturn { details, signed } => tax_return::check(draft, details, signed)?,
        Opening::Ticket(details) => ticket::check(details)?,
        Opening::Transfer(details) => transfer::check(draft, ask.person, details)?,
    };
    let opened = Opened {
        id: draft.uuid(),
        kind,
        to: kind.lifecycle().first().to_owned(),
        by: By::Bank,
        client_id: token.client_id.clone(),
        person: ask.person,
        purpose: ask.purpose.clone(),
        key: Some(once.key.clone()),
        number: Some(draft.digits(10)),
        details: Some(details),
    };
    let mut matter = begin(draft, opened);
    match &what {
        Opening::Order(details) if details.unattended => {
            step(draft, &mut matter, "unattended", None, Change::default())?
        }
        Opening::Order(_) | Opening::Payout(_) => {
            let operation = title(&matter);
            code::send(draft, &mut matter, operation);
        }
        _ => follow(draft, &mut matter)?,
    }
    Ok(finish(draft, &matter, once))
}

/// Tells of a new matter.
pub(super) fn begin(draft: &mut Draft<'_, '_, '_>, opened: Opened) -> Matter {
    let matter = Matter::new(draft.now, &opened);
    draft.tell(Fact::MatterOpened { opened: Box::new(opened) });
    announce(draft, &matter);
    matter
}

/// The answer, kept for whoever sends the same order again.
fn finish(draft: &mut Draft<'_, '_, '_>, matter: &Matter, once: &Once) -> MatterReply {
    let value = answer(draft, matter);
    draft.tell(Fact::MatterAnswered {
        id: matter.id.clone(),
        key: once.key.clone(),
        body: once.body.clone(),
        value: None,
    });
    MatterReply::Matter { value, repeated: false }
}

/// The answer with the documents that were issued on the way here.
pub(super) fn answer(draft: &Draft<'_, '_, '_>, matter: &Matter) -> Value {
    let held = draft.world.matters.documents_of(&matter.id);
    let fresh = draft.events.iter().filter_map(|event| match &event.fact {
        Fact::DocumentIssued { document } if document.matter == matter.id => Some(&**document),
        _ => None,
    });
    let mut documents: Vec<MatterDocument> = held.chain(fresh).map(IssuedDocument::listed).collect();
    documents.sort_by(|one, other| (one.issued_at, &one.id).cmp(&(other.issued_at, &other.id)));
    matter.answer(&documents)
}

/// What came under this key before; another body under it is refused.
pub(super) fn repeated(draft: &mut Draft<'_, '_, '_>, client_id: &str, once: &Once) -> Result<Option<Value>, Refusal> {
    let Some(before) = draft.world.matters.answered(client_id, &once.key) else { return Ok(None) };
    if before.body != once.body {
        return Err(Refusal::new("idempotency-key-reused", "idempotency-key-reused")
            .check("body under the same Idempotency-Key")
            .seen("another body")
            .wanted("the same body")
            .mend("a new operation takes a new key; a repeat sends the same bytes"));
    }
    let value = before.value.clone();
    draft.tell(Fact::MatterRepeated { key: once.key.clone() });
    Ok(Some(value))
}

fn read(draft: &mut Draft<'_, '_, '_>, ask: &Ask, kind: MatterKind, id: &str) -> Result<MatterReply, Refusal> {
    let mut matter = authorised(draft, ask, kind, id)?;
    let fact = Fact::MatterRead { id: matter.id.clone(), kind, token: ask.bearer.token.clone() };
    tell(draft, &mut matter, fact);
    Ok(MatterReply::Matter { value: answer(draft, &matter), repeated: false })
}

fn list(
    draft: &mut Draft<'_, '_, '_>,
    ask: &Ask,
    kind: MatterKind,
    state: Option<&str>,
) -> Result<MatterReply, Refusal> {
    let cycle = kind.lifecycle();
    let request =
        format!("{}?person={}&purpose={}&state={}", cycle.plural, ask.person, ask.purpose, state.unwrap_or("any"));
    let (token, _) = bearer::serve(draft, ask, cycle.scope, &request)?;
    if let Some(unknown) = state.filter(|state| cycle.state(state).is_none()) {
        let words: Vec<&str> = cycle.states.iter().map(|state| state.name).collect();
        return Err(Refusal::new("parameter-invalid", "state-unknown")
            .check("state")
            .seen(unknown)
            .wanted(words.join(", ")));
    }
    let world = draft.world;
    let own = |matter: &&Matter| {
        matter.kind == kind && matter.client_id == token.client_id && state.is_none_or(|state| matter.state == state)
    };
    let found: Vec<&Matter> = world.matters.of(ask.person).into_iter().filter(own).rev().collect();
    for matter in &found {
        draft.tell(Fact::MatterRead { id: matter.id.clone(), kind, token: token.id.clone() });
    }
    bearer::spend(draft, &token);
    Ok(MatterReply::List(found.into_iter().map(|matter| answer(draft, matter)).collect()))
}

/// A matter of this client and person, once the token may serve it.
fn authorised(draft: &mut Draft<'_, '_, '_>, ask: &Ask, kind: MatterKind, id: &str) -> Result<Matter, Refusal> {
    let client_id = client_of(draft, &ask.bearer);
    let found = draft
        .world
        .matters
        .find(id)
        .filter(|matter| matter.kind == kind && matter.client_id == client_id && matter.person == ask.person);
    let found = found.cloned();
    let request = found.as_ref().map_or_else(|| format!("matter?person={}&id={id}", ask.person), request);
    bearer::serve(draft, ask, kind.lifecycle().scope, &request)?;
    found.ok_or_else(|| unknown(id))
}

/// One matter is one request: from its opening through its polls to its moves.
pub(super) fn request(matter: &Matter) -> String {
    match &matter.key {
        Some(key) => by_key(matter.person, key),
        None => format!("matter?person={}&id={}", matter.person, matter.id),
    }
}

pub(super) fn by_key(person: i64, key: &str) -> String {
    format!("matter?person={person}&key={key}")
}

pub(super) fn client_of(draft: &Draft<'_, '_, '_>, bearer: &Bearer) -> String {
    draft.world.tokens.find(&bearer.token).map(|token| token.client_id.clone()).unwrap_or_default()
}

fn bank_moves(
    draft: &mut Draft<'_, '_, '_>,
    ask: &Ask,
    once: &Once,
    (kind, id): (MatterKind, &str),
    act: BankAct,
) -> Result<MatterReply, Refusal> {
    let mut matter = authorised(draft, ask, kind, id)?;
    let client_id = matter.client_id.clone();
    if let Some(before) = repeated(draft, &client_id, once)? {
        return Ok(MatterReply::Matter { value: before, repeated: true });
    }
    match (kind, act) {
        (MatterKind::Application, act) => application::by_bank(draft, &mut matter, act)?,
        (MatterKind::Order, BankAct::Cancel) => step(draft, &mut matter, "cancel", Some(By::Bank), Change::default())?,
        (MatterKind::Order | MatterKind::Payout, BankAct::Confirm { code }) => confirm(draft, &mut matter, &code)?,
        (MatterKind::Order | MatterKind::Payout, BankAct::Resend) => resend(draft, &mut matter)?,
        (MatterKind::TaxReturn, BankAct::Correct { details, signed }) => {
            tax_return::correct(draft, &mut matter, &details, &signed)?;
        }
        (MatterKind::Transfer, BankAct::Reverse) => {
            step(draft, &mut matter, "reverse", Some(By::Bank), Change::default())?
        }
        _ => return Err(not_yours(kind)),
    }
    Ok(finish(draft, &matter, once))
}

fn citizen_moves(
    draft: &mut Draft<'_, '_, '_>,
    citizen: i64,
    id: &str,
    act: CitizenAct,
) -> Result<MatterReply, Refusal> {
    let found = draft.world.matters.find(id).filter(|matter| matter.person == citizen).cloned();
    let Some(mut matter) = found else { return Err(unknown(id)) };
    concern(draft, &matter);
    match (matter.kind, act) {
        (_, CitizenAct::Confirm { code }) => confirm(draft, &mut matter, &code)?,
        (_, CitizenAct::Resend) => resend(draft, &mut matter)?,
        (MatterKind::Application, CitizenAct::Correct { changes }) => {
            application::correct(draft, &mut matter, &changes)?
        }
        (MatterKind::Application, CitizenAct::Withdraw) => {
            step(draft, &mut matter, "withdraw", Some(By::Citizen), Change::default())?;
        }
        (MatterKind::Ticket, CitizenAct::Close) => {
            step(draft, &mut matter, "close", Some(By::Citizen), Change::default())?
        }
        (MatterKind::Ticket, CitizenAct::Reopen { text }) => ticket::reopen(draft, &mut matter, text)?,
        _ => return Err(not_yours(matter.kind)),
    }
    Ok(MatterReply::Matter { value: answer(draft, &matter), repeated: false })
}

/// The citizen's yes: the code, then what the kind asks at the last moment.
fn confirm(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter, given: &crate::proof::Secret) -> Result<(), Refusal> {
    let waits = matter.kind.lifecycle().step(&matter.state, "confirm", None).is_some();
    if !waits && !matter.code.as_ref().is_some_and(|code| code.used) {
        return Err(wrong_state(matter, "a matter that waits for a code"));
    }
    if waits && matter.kind == MatterKind::Payout {
        payout::covered(draft, matter)?;
    }
    code::present(draft, matter, given)?;
    let change = match matter.kind {
        MatterKind::Application => application::registered(draft, matter),
        _ => Change::default(),
    };
    step(draft, matter, "confirm", Some(By::Citizen), change)
}

fn resend(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter) -> Result<(), Refusal> {
    if matter.kind.lifecycle().step(&matter.state, "confirm", None).is_none() {
        return Err(wrong_state(matter, "a matter that waits for a code"));
    }
    let operation = title(matter);
    code::send(draft, matter, operation);
    Ok(())
}

/// What the portal's operator does: any arrow of the portal's.
fn force(
    draft: &mut Draft<'_, '_, '_>,
    id: &str,
    name: &str,
    reason: Option<MatterReason>,
) -> Result<MatterReply, Refusal> {
    if let Some(record) = draft.world.payments.find(id).cloned() {
        return crate::payments::force(draft, &record, name, reason)
            .map(|payment| MatterReply::Matter { value: json!(payment), repeated: false });
    }
    let Some(mut matter) = draft.world.matters.find(id).cloned() else { return Err(unknown(id)) };
    concern(draft, &matter);
    step(draft, &mut matter, name, Some(By::Portal), Change { reason, ..Change::default() })?;
    Ok(MatterReply::Matter { value: answer(draft, &matter), repeated: false })
}

/// Tells of one thing that concerns a matter, and folds it into the copy at hand.
pub(super) fn tell(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter, fact: Fact) {
    matter.fold(draft.now, &fact);
    draft.tell(fact);
}

/// Makes a move, tells of it, and lets happen what follows by itself. `by`: whose move it has to be.
pub(super) fn step(
    draft: &mut Draft<'_, '_, '_>,
    matter: &mut Matter,
    name: &str,
    by: Option<By>,
    change: Change,
) -> Result<(), Refusal> {
    let cycle = matter.kind.lifecycle();
    let Some(arrow) = cycle.step(&matter.state, name, change.to) else {
        if !cycle.knows(name) {
            return Err(not_yours(matter.kind));
        }
        let from: Vec<&str> = cycle.moves.iter().filter(|step| step.name == name).map(|step| step.from).collect();
        return Err(wrong_state(matter, &from.join(" or ")));
    };
    if by.is_some_and(|by| by != arrow.by) {
        return Err(not_yours(matter.kind));
    }
    make(draft, matter, arrow, change);
    follow(draft, matter)
}

fn make(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter, arrow: &Move, change: Change) {
    let fact = Fact::MatterMoved {
        id: matter.id.clone(),
        kind: matter.kind,
        name: arrow.name.to_owned(),
        from: arrow.from.to_owned(),
        to: arrow.to.to_owned(),
        by: arrow.by,
        reason: change.reason,
        details: change.details,
        number: change.number,
    };
    tell(draft, matter, fact);
    if matter.kind == MatterKind::Order && matter.state == "ready" {
        order::issue(draft, matter);
    }
    announce(draft, matter);
}

/// What the portal does in the same breath.
fn follow(draft: &mut Draft<'_, '_, '_>, matter: &mut Matter) -> Result<(), Refusal> {
    let at_once = |matter: &Matter| {
        let step = matter.kind.lifecycle().timed(&matter.state)?;
        step.after.is_some_and(|after| after.millis() == 0).then_some(step)
    };
    while let Some(arrow) = at_once(matter) {
        let mut change = Change { reason: matter.reason.clone(), ..Change::default() };
        if matter.kind == MatterKind::Ticket {
            change = ticket::routed(matter);
        }
        make(draft, matter, arrow, change);
    }
    Ok(())
}

/// Lets happen what fell due.
pub(crate) fn settle(draft: &mut Draft<'_, '_, '_>) {
    let (world, now) = (draft.world, draft.now);
    for (_, matter) in world.matters.due().filter(|(at, _)| *at <= now) {
        let mut matter = matter.clone();
        concern(draft, &matter);
        let Some(arrow) = matter.kind.lifecycle().timed(&matter.state) else { continue };
        // Instead of what time brings, a check may bring a refusal.
        let (name, change) = match matter.kind {
            MatterKind::Order if arrow.name == "issue" => order::outcome(draft, &matter),
            MatterKind::TaxReturn if arrow.name == "accept" => tax_return::outcome(draft, &matter),
            MatterKind::Ticket if arrow.name == "answer" => ("answer", ticket::answered(&matter)),
            _ => (arrow.name, Change::default()),
        };
        // The arrow was found in the table a line above, so the move is one.
        let _ = step(draft, &mut matter, name, Some(By::Portal), change);
    }
}

pub(super) fn concern(draft: &mut Draft<'_, '_, '_>, matter: &Matter) {
    draft.partner = Some(matter.client_id.clone());
    draft.citizen = Some(matter.person);
    draft.flow = None;
}

/// A notice to the citizen and a web-hook to the bank: what it is, where it stands, until when.
fn announce(draft: &mut Draft<'_, '_, '_>, matter: &Matter) {
    let cycle = matter.kind.lifecycle();
    let state = cycle.state(&matter.state).map_or("", |state| state.ru);
    let number = matter.number.as_ref().map(|number| format!(" № {number}")).unwrap_or_default();
    let mut text = format!("{}{number}: {}.", title(matter), state.to_lowercase());
    if let Some(deadline) = deadline(cycle, matter) {
        text.push_str(&deadline);
    }
    if let Some(reason) = &matter.reason {
        text.push_str(&format!(" Причина: {}", reason.ru));
    }
    draft.notice(&format!("{}: {}", matter.kind.ru(), state.to_lowercase()), text);
    let mut told = json!({
        "id": matter.id, "kind": matter.kind, "state": matter.state, "person": matter.person,
        "purpose": matter.purpose, "changed_at": matter.changed_at, "step": matter.history.len(),
    });
    if let Some(members) = told.as_object_mut() {
        if let Some(before) = matter.history.iter().rev().nth(1) {
            members.insert("from".to_owned(), json!(before.state));
        }
        if let Some(due) = matter.due {
            members.insert("due".to_owned(), json!(due));
        }
        if let Some(number) = &matter.number {
            members.insert("number".to_owned(), json!(number));
        }
        if let Some(reason) = &matter.reason {
            members.insert("reason".to_owned(), json!(reason));
        }
    }
    draft.hook(&matter.client_id, &format!("{}.changed", matter.kind), matter.kind.as_str(), &told);
}

/// The time to tell the citizen: until when to act, or when it goes on.
fn deadline(cycle: &Lifecycle, matter: &Matter) -> Option<String> {
    let arrow = cycle.timed(&matter.state)?;
    let due: Timestamp = matter.due?;
    if due <= matter.changed_at {
        return None;
    }
    let until = due.to_russian();
    Some(match (arrow.name, matter.kind) {
        ("expire", MatterKind::Application) => format!(" Срок рассмотрения: до {until} (МСК)."),
        ("expire", _) => format!(" Подтвердите до {until} (МСК)."),
        _ => format!(" Следующий шаг ожидается к {until} (МСК)."),
    })
}

/// What the matter is, as the citizen reads it: also what a code is shown with.
pub(super) fn title(matter: &Matter) -> String {
    match matter.kind {
        MatterKind::Application => application::title(matter),
        MatterKind::Intake => format!("Документы по программе «{}»", matter.text("programme")),
        MatterKind::Order => order::title(matter),
        MatterKind::Payment => "Платёж".to_owned(),
        MatterKind::Payout => payout::title(matter),
        MatterKind::TaxReturn => tax_return::title(matter),
        MatterKind::Ticket => "Обращение".to_owned(),
        MatterKind::Transfer => transfer::title(matter),
    }
}

/// What stands on the portal's personal account: what the register opened with, less what was paid out.
pub(super) fn balance(world: &World, person: i64) -> Money {
    let opened = world.citizens.find(person).map(|citizen| citizen.holdings.balance).unwrap_or_default();
    let gone: Money = world
        .matters
        .of(person)
        .into_iter()
        .filter(|matter| {
            matter.kind == MatterKind::Payout && matches!(matter.state.as_str(), "sent" | "paid" | "failed")
        })
        .map(payout::amount)
        .sum();
    opened - gone
}

pub(super) fn unknown(id: &str) -> Refusal {
    Refusal::new("matter-unknown", "matter-unknown")
        .check("matter")
        .seen(id)
        .wanted("a matter of this client and person")
}

pub(super) fn wrong_state(matter: &Matter, wanted: &str) -> Refusal {
    Refusal::new("matter-state-wrong", "matter-state-wrong").check("state").seen(&matter.state).wanted(wanted)
}

fn not_yours(kind: MatterKind) -> Refusal {
    Refusal::new("move-not-allowed", "move-not-allowed")
        .check("move")
        .wanted(format!("a move of {kind} that is yours to make"))
}

/// Journals the opening of what has a room of its own: payments.
pub(crate) fn opened_alone(draft: &mut Draft<'_, '_, '_>, opened: Opened) {
    draft.tell(Fact::MatterOpened { opened: Box::new(opened) });
}

/// Journals a move of what has a room of its own.
pub(crate) fn moved_alone(draft: &mut Draft<'_, '_, '_>, id: &str, arrow: &Move, reason: Option<MatterReason>) {
    draft.tell(Fact::MatterMoved {
        id: id.to_owned(),
        kind: arrow.kind,
        name: arrow.name.to_owned(),
        from: arrow.from.to_owned(),
        to: arrow.to.to_owned(),
        by: arrow.by,
        reason,
        details: None,
        number: None,
    });
}
