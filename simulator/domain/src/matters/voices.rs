//! What is written once: files, surveys, metrics, analytics (ANL-1, FBK-1), offers (OFR-1). Nothing personal in what is
//! about nobody, nothing offered to those who declined.

use contract::consent::MARKETING;
use contract::ids::Oid;
use contract::matter::{ATTACHMENT_MAX, Analytics, Attachment, MetricItem, Offer, Spending};
use contract::money::Money;
use contract::time::Day;
use serde_json::json;

use super::ask::{MatterCommand, MatterReply, Once};
use super::engine;
use super::room::KeptFile;
use super::ticket;
use crate::bearer;
use crate::command::Ask;
use crate::draft::Draft;
use crate::event::Fact;
use crate::refusal::Refusal;
use crate::tokens::TokenKind;

pub(super) fn decide(draft: &mut Draft<'_, '_, '_>, command: MatterCommand) -> Result<MatterReply, Refusal> {
    match command {
        MatterCommand::AdmitFile { ask, id } => admit_file(draft, &ask, &id),
        MatterCommand::KeepFile { ask, file } => keep_file(draft, &ask, file),
        MatterCommand::ReadFile { ask, id } => read_file(draft, &ask, &id),
        MatterCommand::Survey { ask, once, operation, score, comment } => {
            survey(draft, &ask, &once, operation, score, comment)
        }
        MatterCommand::Metrics { bearer, once, period, items } => metrics(draft, &bearer, &once, period, items),
        MatterCommand::Analyse { ask, once, period, categories, total } => {
            analyse(draft, &ask, &once, period, categories, total)
        }
        MatterCommand::ReadAnalytics { ask, period } => read_analytics(draft, &ask, &period),
        MatterCommand::Offer { ask, once, opening, product, title, rate, until } => {
            offer(draft, &ask, &once, opening, (product, title, rate, until))
        }
        MatterCommand::Marketing { citizen, client_id, declined } => {
            draft.citizen = Some(citizen);
            draft.tell(Fact::MarketingDeclined { client_id, declined });
            let word = if declined { "отключены" } else { "включены" };
            draft.notice("Предложения банков", format!("Предложения на основе ваших заявлений {word}."));
            Ok(MatterReply::Taken { id: String::new(), repeated: false })
        }
        // The engine keeps the rest for itself.
        _ => Err(Refusal::new("internal", "unexpected-command").check("command")),
    }
}

fn invalid(name: &str, seen: impl Into<String>, wanted: &str) -> Refusal {
    Refusal::new("parameter-invalid", "parameter-invalid").check(name).seen(seen).wanted(wanted)
}

fn file_request(person: i64, id: &str) -> String {
    format!("attachment?person={person}&id={id}")
}

/// Asked before the bytes are read, so that a stranger's hundred megabytes are not.
fn admit_file(draft: &mut Draft<'_, '_, '_>, ask: &Ask, id: &str) -> Result<MatterReply, Refusal> {
    let (token, _) = bearer::serve(draft, ask, "documents", &file_request(ask.person, id))?;
    let fits = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !fits {
        return Err(invalid("id", id.chars().take(40).collect::<String>(), "a UUID"));
    }
    match draft.world.matters.file(id) {
        Some(kept) if kept.client_id != token.client_id || kept.person != ask.person => Err(conflict()),
        _ => Ok(MatterReply::Taken { id: id.to_owned(), repeated: false }),
    }
}

fn conflict() -> Refusal {
    Refusal::new("attachment-conflict", "attachment-conflict")
        .check("id of the file")
        .seen("other bytes under this id")
        .wanted("a fresh id for each file")
}

fn keep_file(draft: &mut Draft<'_, '_, '_>, ask: &Ask, file: Attachment) -> Result<MatterReply, Refusal> {
    let (token, _) = bearer::serve(draft, ask, "documents", &file_request(ask.person, &file.id))?;
    if file.size > ATTACHMENT_MAX {
        return Err(Refusal::new("body-too-large", "body-too-large")
            .check("size")
            .seen(file.size.to_string())
            .wanted(format!("at most {ATTACHMENT_MAX}")));
    }
    let id = file.id.clone();
    if let Some(kept) = draft.world.matters.file(&id) {
        if kept.client_id != token.client_id || kept.person != ask.person || kept.file.sha256 != file.sha256 {
            return Err(conflict());
        }
        bearer::spend(draft, &token);
        return Ok(MatterReply::Taken { id, repeated: true });
    }
    let kept = KeptFile { file, client_id: token.client_id.clone(), person: ask.person, matter: None, content: None };
    draft.tell(Fact::FileKept { kept: Box::new(kept) });
    bearer::spend(draft, &token);
    Ok(MatterReply::Taken { id, repeated: false })
}

fn read_file(draft: &mut Draft<'_, '_, '_>, ask: &Ask, id: &str) -> Result<MatterReply, Refusal> {
    let client_id = engine::client_of(draft, &ask.bearer);
    let found = draft.world.matters.file(id).filter(|kept| kept.client_id == client_id && kept.person == ask.person);
    let found = found.cloned();
    let matter = found.as_ref().and_then(|kept| draft.world.matters.find(kept.matter.as_deref()?));
    let (service, request) = match matter {
        // What is not confirmed yet is the citizen's alone.
        Some(matter) if matter.state != "draft" => (matter.kind.lifecycle().scope, engine::request(matter)),
        _ => ("documents", file_request(ask.person, id)),
    };
    bearer::serve(draft, ask, service, &request)?;
    let unknown = || Refusal::new("attachment-unknown", "attachment-unknown").check("attachment").seen(id);
    let kept = found.ok_or_else(unknown)?;
    draft.tell(Fact::FileRead { id: id.to_owned(), token: ask.bearer.token.clone() });
    Ok(MatterReply::File(Box::new(kept)))
}

/// The same order again gets the same id.
fn taken_before(draft: &mut Draft<'_, '_, '_>, client_id: &str, once: &Once) -> Result<Option<MatterReply>, Refusal> {
    let before = engine::repeated(draft, client_id, once)?;
    Ok(before
        .map(|value| MatterReply::Taken { id: value["id"].as_str().unwrap_or_default().to_owned(), repeated: true }))
}

fn answered(draft: &mut Draft<'_, '_, '_>, id: &str, once: &Once) {
    draft.tell(Fact::MatterAnswered {
        id: id.to_owned(),
        key: once.key.clone(),
        body: once.body.clone(),
        value: Some(json!({ "id": id })),
    });
}

fn survey(
    draft: &mut Draft<'_, '_, '_>,
    ask: &Ask,
    once: &Once,
    operation: String,
    score: i32,
    comment: Option<String>,
) -> Result<MatterReply, Refusal> {
    let (token, _) = bearer::serve(draft, ask, "feedback", &engine::by_key(ask.person, &once.key))?;
    if let Some(before) = taken_before(draft, &token.client_id, once)? {
        return Ok(before);
    }
    if !(1..=5).contains(&score) {
        return Err(invalid("score", score.to_string(), "1 to 5"));
    }
    if operation.trim().is_empty() || operation.len() > 100 {
        return Err(invalid("operation", "empty or too long", "1 to 100 characters"));
    }
    if let Some(comment) = &comment {
        ticket::text("comment", comment)?;
    }
    let id = draft.uuid();
    draft.tell(Fact::SurveyTaken { id: id.clone(), operation, score, comment });
    answered(draft, &id, once);
    Ok(MatterReply::Taken { id, repeated: false })
}

fn metrics(
    draft: &mut Draft<'_, '_, '_>,
    bearer: &crate::command::Bearer,
    once: &Once,
    period: String,
    items: Vec<MetricItem>,
) -> Result<MatterReply, Refusal> {
    let token = bearer::admitted(draft, bearer)?;
    if token.kind != TokenKind::Partner {
        return Err(Refusal::new("token-kind-wrong", "token-wrong-kind")
            .check("kind of the token")
            .seen(format!("{:?}", token.kind).to_lowercase())
            .wanted("partner")
            .mend("metrics are about nobody: client_credentials with scope consents"));
    }
    if let Some(before) = taken_before(draft, &token.client_id, once)? {
        return Ok(before);
    }
    let month = period.get(..7).is_some_and(is_month);
    let day = period.len() == 10 && period.parse::<Day>().is_ok();
    if !(month && (period.len() == 7 || day)) {
        return Err(invalid("period", period.chars().take(20).collect::<String>(), "a month or a day"));
    }
    if items.is_empty() || items.len() > 200 {
        return Err(invalid("items", items.len().to_string(), "1 to 200"));
    }
    for item in &items {
        if item.name.trim().is_empty() || item.name.len() > 100 {
            return Err(invalid("name", "empty or too long", "1 to 100 characters"));
        }
        ticket::impersonal("name", &item.name)?;
        if item.p50_ms > item.p95_ms || item.cancelled > item.count {
            return Err(Refusal::new("totals-differ", "totals-differ")
                .check("percentiles in order, no more cancelled than counted")
                .seen(&item.name));
        }
    }
    let id = draft.uuid();
    draft.tell(Fact::MetricsTaken { id: id.clone(), period, items });
    answered(draft, &id, once);
    Ok(MatterReply::Taken { id, repeated: false })
}

fn is_month(text: &str) -> bool {
    text.len() == 7 && format!("{text}-01").parse::<Day>().is_ok()
}

fn analyse(
    draft: &mut Draft<'_, '_, '_>,
    ask: &Ask,
    once: &Once,
    period: String,
    categories: Vec<Spending>,
    total: Money,
) -> Result<MatterReply, Refusal> {
    let (token, _) = bearer::serve(draft, ask, "analytics", &engine::by_key(ask.person, &once.key))?;
    if let Some(before) = taken_before(draft, &token.client_id, once)? {
        return Ok(before);
    }
    if !is_month(&period) {
        return Err(invalid("period", period.chars().take(20).collect::<String>(), "a month such as 2026-11"));
    }
    if categories.is_empty() || categories.len() > 100 {
        return Err(invalid("categories", categories.len().to_string(), "1 to 100"));
    }
    for spending in &categories {
        ticket::impersonal("code", &spending.code)?;
        // A category is a code or a word, not a line of somebody's statement.
        let word = |sign: char| sign.is_alphanumeric() || matches!(sign, '-' | '_');
        if spending.code.is_empty() || spending.code.chars().count() > 40 || !spending.code.chars().all(word) {
            return Err(invalid("code", spending.code.chars().take(40).collect::<String>(), "a code or one word"));
        }
    }
    let sum: Money = categories.iter().map(|spending| spending.total).sum();
    let mut codes: Vec<&str> = categories.iter().map(|spending| spending.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    if sum != total || codes.len() != categories.len() {
        return Err(Refusal::new("totals-differ", "totals-differ")
            .check("sum over the categories, each once")
            .seen(total.kopecks().to_string())
            .wanted(sum.kopecks().to_string()));
    }
    // The person is one of this world: the token was issued for them.
    let person = Oid::try_from(ask.person).map_err(|_| invalid("person", "", "the number of the person"))?;
    let analytics = Analytics { person, period, categories, total, updated_at: draft.now };
    draft.tell(Fact::AnalyticsTaken { analytics: Box::new(analytics) });
    let id = draft.uuid();
    answered(draft, &id, once);
    Ok(MatterReply::Taken { id, repeated: false })
}

fn read_analytics(draft: &mut Draft<'_, '_, '_>, ask: &Ask, period: &str) -> Result<MatterReply, Refusal> {
    let request = format!("analytics?person={}&purpose={}&period={period}", ask.person, ask.purpose);
    let (token, _) = bearer::serve(draft, ask, "analytics", &request)?;
    if !is_month(period) {
        return Err(invalid("period", period.chars().take(20).collect::<String>(), "a month such as 2026-11"));
    }
    bearer::spend(draft, &token);
    let held = draft.world.matters.analytics(ask.person, &token.client_id, period).cloned();
    Ok(MatterReply::Analytics(held.map(Box::new)))
}

fn offer(
    draft: &mut Draft<'_, '_, '_>,
    ask: &Ask,
    once: &Once,
    opening: String,
    (product, title, rate, until): (String, String, Option<String>, Day),
) -> Result<MatterReply, Refusal> {
    let (token, _) = bearer::serve(draft, ask, "offers", &engine::by_key(ask.person, &once.key))?;
    if let Some(before) = taken_before(draft, &token.client_id, once)? {
        let made = draft
            .world
            .matters
            .offers_of(ask.person)
            .find(|offer| matches!(&before, MatterReply::Taken { id, .. } if *id == offer.id));
        return Ok(made.map_or(before, |offer| MatterReply::Offer(Box::new(offer.clone()))));
    }
    may_market(draft, &token.client_id, ask)?;
    let holdings = draft.world.citizens.find(ask.person).map(|citizen| citizen.holdings.openings.clone());
    let day = draft.now.day();
    let open = holdings.unwrap_or_default().into_iter().any(|held| held.id == opening && held.until >= day);
    if !open {
        return Err(Refusal::new("opening-unknown", "opening-unknown")
            .check("opening")
            .seen(&opening)
            .wanted("a state application open for offers"));
    }
    if title.trim().is_empty() || title.chars().count() > 200 || product.trim().is_empty() || product.len() > 100 {
        return Err(invalid("title, product", "empty or too long", "1 to 200 and 1 to 100 characters"));
    }
    if until < day {
        return Err(invalid("until", until.to_string(), "a day that is not over"));
    }
    let offer = Offer {
        id: draft.uuid(),
        opening,
        client_id: token.client_id.clone(),
        product,
        title: title.clone(),
        rate,
        until,
        at: draft.now,
    };
    draft.tell(Fact::OfferMade { offer: Box::new(offer.clone()) });
    let bank = draft.partner_name(&token.client_id);
    draft.notice("Предложение банка", format!("{bank}: {title}. Действует до {}.", until.to_esia()));
    answered(draft, &offer.id, once);
    Ok(MatterReply::Offer(Box::new(offer)))
}

/// Marketing needs a consent to marketing (152-FZ art. 15) and a person who has not declined it.
fn may_market(draft: &Draft<'_, '_, '_>, client_id: &str, ask: &Ask) -> Result<(), Refusal> {
    if !MARKETING.contains(&ask.purpose.as_str()) {
        return Err(Refusal::new("purpose-not-allowed", "purpose-not-marketing")
            .check("purpose")
            .seen(&ask.purpose)
            .wanted(MARKETING.join(", ")));
    }
    let citizen = draft.world.citizens.find(ask.person);
    if draft.world.matters.declined(ask.person, client_id)
        || citizen.is_some_and(|held| held.holdings.marketing_declined)
    {
        return Err(Refusal::new("marketing-declined", "marketing-declined")
            .check("the person's will")
            .seen("declined")
            .wanted("no offers to this person"));
    }
    Ok(())
}
