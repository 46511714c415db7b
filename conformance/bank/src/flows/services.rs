//! The services that the bank reads, as a table: what each is called at the portal, which scope opens it, what it is asked
//! for, and under which purposes. Whatever the channel, a reading ends in the same record under the same names; what is
//! shown of it, and decided on it, stands in `reads`.

use contract::adapter::ReasonClass;
use contract::consent::{INSURANCE, MARKETING};
use contract::registries::{
    debts, duties, estate, income, insurance, offers, pension, recommendations, state_payments, subsidies, tax,
};
use contract::shape::{Shape, Shaped, Version, named};
use contract::time::{Span, Timestamp};
use serde_json::{Value, json};
use url::Url;

use super::access::Access;
use crate::conduct::{CacheDuty, CallDuty, CallsDuty, JsonCheck, Oddity, ServiceShown};
use crate::consents::subject_of;
use crate::http::{Answer, Request};
use crate::json::{expect, weigh};
use crate::refusal::{Refusal, refuse};
use crate::{smev, table, xml};

/// One service.
pub(crate) struct Service {
    /// The action that reads it.
    pub(crate) action: &'static str,
    /// `/api/v1/<name>`.
    pub(crate) name: &'static str,
    pub(crate) scope: &'static str,
    /// Parameters of the action that go into the address.
    params: &'static [&'static str],
    /// Purposes that it serves; any, where none is named. The first is the one that the bank asks for.
    pub(crate) purposes: &'static [&'static str],
    /// The list that goes on over pages.
    paged: Option<&'static str>,
    shape: &'static Shape,
}

pub(crate) const SERVICES: &[Service] = &[
    service::<debts::DebtsPage>("debts.list", "debts", "debts", &[]).over_pages("items"),
    service::<duties::Duties>("duty.list", "duties", "duties", &["kind"]),
    service::<estate::EstateRecord>("estate.lookup", "estate", "estate", &["number", "address"]),
    service::<estate::EstateRecord>("estate.export", "estate", "estate", &["number"]),
    service::<insurance::InsuranceData>("insurance.offer", "insurance", "insurance", &[]).only_for(INSURANCE),
    service::<income::IncomeRecord>("loan.decide", "income", "income", &[]),
    service::<offers::Openings>("offer.list", "offers", "offers", &[]).only_for(MARKETING),
    service::<state_payments::StatePayments>("payments.list", "state-payments", "state_payments", &["from", "to"]),
    service::<pension::PensionStatement>("pension.view", "pension", "pension", &["from", "to"]),
    service::<pension::PensionStatement>("pension.export", "pension", "pension", &["from", "to"]),
    service::<recommendations::Recommendations>("recommendations.list", "recommendations", "recommendations", &[]),
    service::<subsidies::Subsidies>("wallet.sync", "subsidies", "subsidies", &["after"]).over_pages("entries"),
    service::<tax::TaxPrefill>("tax.file", "tax", "tax", &["year"]),
];

/// The service that an action reads.
pub(crate) fn of(action: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.action == action)
}

const fn service<T: Shaped>(
    action: &'static str,
    name: &'static str,
    scope: &'static str,
    params: &'static [&'static str],
) -> Service {
    Service { action, name, scope, params, purposes: &[], paged: None, shape: T::SHAPE }
}

impl Service {
    const fn over_pages(self, list: &'static str) -> Self {
        Self { paged: Some(list), ..self }
    }

    const fn only_for(self, purposes: &'static [&'static str]) -> Self {
        Self { purposes, ..self }
    }

    /// Its name in this version; one end point has moved.
    const fn path(&self, version: Version) -> &'static str {
        match (version, self.name.as_bytes()) {
            (Version::V2, b"debts") => "charges",
            _ => self.name,
        }
    }
}

/// How the facts come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Csv,
    Json,
    Soap,
    V2,
    Xml,
}

impl Channel {
    pub(crate) fn of(access: &Access<'_>) -> Self {
        match access.flow.params.get("channel").and_then(Value::as_str) {
            Some("csv") => Self::Csv,
            Some("soap") => Self::Soap,
            Some("v2") => Self::V2,
            Some("xml") => Self::Xml,
            _ => Self::Json,
        }
    }

    const fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Xml => "application/xml",
            _ => "application/json",
        }
    }

    /// The decision that a variant gets wrong in this channel alone.
    pub(crate) const fn shown(self) -> Option<ServiceShown> {
        match self {
            Self::Csv => Some(ServiceShown::Csv),
            Self::Json => None,
            Self::Soap => Some(ServiceShown::Soap),
            Self::V2 => Some(ServiceShown::V2),
            Self::Xml => Some(ServiceShown::Xml),
        }
    }
}

/// Pages of one list, and polls of one order, at most: more would be a loop.
const PAGES: usize = 400;
const POLLS: u32 = 30;
/// Where the portal names no time (CIBA §7.3).
const INTERVAL: i64 = 5;
const LONGEST: i64 = 120;

/// What the action's parameters say, as pairs of a query.
pub(crate) fn asked(access: &Access<'_>, service: &Service) -> Vec<(&'static str, String)> {
    let params = &access.flow.params;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    service
        .params
        .iter()
        .filter_map(|name| Some((*name, text(params.get(*name).filter(|held| !held.is_null())?))))
        .collect()
}

/// Reads a service with these parameters: all its pages, however late they come, whole and of this person.
pub(crate) async fn read(
    access: &mut Access<'_>,
    service: &'static Service,
    asked: &[(&'static str, String)],
) -> Result<Value, Refusal> {
    crate::reference::keep_fresh(access.bank).await;
    let channel = Channel::of(access);
    let whole = match channel {
        Channel::Soap => smev::ask::read(access, service.name, service.shape, asked).await?,
        _ => pages(access, service, asked, channel).await?,
    };
    if whole.is_null() {
        return Ok(whole);
    }
    if subject_of(&whole["person"]).as_deref() != Some(access.customer.subject.as_str()) {
        return Err(refuse(ReasonClass::Binding, "DATA-PERSON", "the answer is about another person"));
    }
    let mut whole = whole;
    if let Some(shown) = channel.shown()
        && !access.bank.conduct.keeps(shown)
    {
        let mut done = false;
        crate::flows::reads::spoil_money(&mut whole, &mut done);
    }
    Ok(whole)
}

async fn pages(
    access: &mut Access<'_>,
    service: &'static Service,
    asked: &[(&'static str, String)],
    channel: Channel,
) -> Result<Value, Refusal> {
    let bank = access.bank;
    let version = version(access, service, channel);
    let path = format!("/api/{}/{}", version.as_str(), service.path(version));
    let mut first = bank.at(&path);
    first.query_pairs_mut().append_pair("person", &access.customer.subject).append_pair("purpose", access.purpose());
    for (name, value) in asked {
        let field = service.shape.fields.iter().find(|field| field.name == *name);
        first.query_pairs_mut().append_pair(field.map_or(name, |_| name), value);
    }
    let mut address = first.clone();
    let mut seen = vec![address.clone()];
    let mut whole = Value::Null;
    for _ in 0..PAGES {
        let answer = awaited(access, &address, channel).await?;
        note_version(access, service, version, &answer);
        let page = decoded(access, service, channel, version, &answer).await?;
        if page.is_null() {
            return Ok(whole);
        }
        let next = page["next"].as_str().map(str::to_owned);
        joined(access, service, &mut whole, page)?;
        let Some(next) = next.filter(|_| service.paged.is_some()) else { return Ok(whole) };
        let here = |next: &Url| next.origin() == address.origin() || !bank.conduct.keeps(CallsDuty::PageHere);
        address = address
            .join(&next)
            .ok()
            .filter(here)
            .ok_or_else(|| refuse(ReasonClass::Transport, "DATA-PAGE", "the next page is said to be elsewhere"))?;
        if seen.contains(&address) && bank.conduct.keeps(CallsDuty::PagesEnd) {
            return Err(refuse(ReasonClass::Limit, "DATA-PAGES", "the pages go in a circle"));
        }
        seen.push(address.clone());
    }
    Err(refuse(ReasonClass::Limit, "DATA-PAGES", "the list has no end"))
}

/// One page, asked again at the address that the portal names, never before the time that it names, and not for ever.
async fn awaited(access: &mut Access<'_>, first: &Url, channel: Channel) -> Result<Answer, Refusal> {
    let bank = access.bank;
    let mut address = first.clone();
    let mut polls = 0;
    loop {
        let here = address.clone();
        let answer = access.call(|| Request::get(here.clone()).accepting(channel.media())).await?;
        if answer.status != 202 {
            return Ok(answer);
        }
        if !bank.conduct.tolerates(Oddity::Deferred) {
            return Err(refuse(ReasonClass::Format, "DATA-LATER", "no data in the answer"));
        }
        polls += 1;
        let most = if bank.conduct.keeps(CallsDuty::PollEnd) { POLLS } else { 10 * POLLS };
        if polls > most {
            return Err(refuse(ReasonClass::Limit, "DATA-POLLS", "the portal has not answered in time"));
        }
        if let Some(told) = answer.header("location") {
            let stays = |next: &Url| next.origin() == first.origin() || !bank.conduct.keeps(CallsDuty::StatusHere);
            address = address.join(told).ok().filter(stays).ok_or_else(|| {
                refuse(ReasonClass::Transport, "DATA-ELSEWHERE", "the answer is said to come from elsewhere")
            })?;
        }
        let told: Option<i64> = answer.header("retry-after").and_then(|text| text.trim().parse().ok());
        let seconds = match told {
            Some(seconds) => seconds,
            None if bank.conduct.keeps(CallsDuty::PollDefault) => INTERVAL,
            None => 0,
        };
        if bank.conduct.call(CallDuty::PollInterval) {
            bank.clock.wait(Span::from_seconds(seconds.clamp(0, LONGEST))).await;
        }
    }
}

/// The record of an answer in whatever format it was asked.
async fn decoded(
    access: &mut Access<'_>,
    service: &'static Service,
    channel: Channel,
    version: Version,
    answer: &Answer,
) -> Result<Value, Refusal> {
    let bank = access.bank;
    let shape = service.shape;
    let mut value = match channel {
        Channel::Csv => {
            let bytes = access.bytes(answer, "text/csv")?;
            let text = String::from_utf8(bytes.to_vec())
                .map_err(|error| refuse(ReasonClass::Format, "CSV-UTF8", error.to_string()))?;
            let rows =
                if bank.conduct.keeps(ServiceShown::CsvQuotes) { table::rows(&text)? } else { table::split(&text) };
            table::record(shape, &rows, version)?
        }
        Channel::Xml => {
            let bytes = access.bytes(answer, "application/xml")?;
            xml::answer(bank, &bytes, shape, version, &mut access.late).await?
        }
        _ => {
            let value = access.data(answer)?;
            if value.is_null() {
                return Ok(value);
            }
            let known = |name: &String| shape.fields.iter().any(|field| field.name(version) == name);
            let has_news = value.as_object().is_some_and(|members| !members.keys().all(known));
            if has_news && !bank.conduct.tolerates(Oddity::UnknownMembers) {
                return Err(refuse(ReasonClass::Format, "DATA-MEMBERS", "members that the bank does not know"));
            }
            named(shape, &value, version)
        }
    };
    expect(bank, shape, &mut value, &mut access.late)?;
    Ok(value)
}

/// One page more. A line that was there already is not a second one.
fn joined(access: &mut Access<'_>, service: &'static Service, whole: &mut Value, page: Value) -> Result<(), Refusal> {
    let list = service.paged.unwrap_or_default();
    if whole.is_null() {
        *whole = page;
        return Ok(());
    }
    let mut page = page;
    let items = page[list].take();
    let Some(kept) = whole[list].as_array_mut() else { return Ok(()) };
    for item in items.as_array().cloned().unwrap_or_default() {
        let id = ["uin", "id", "sequence"].into_iter().find(|name| item.get(*name).is_some());
        let again = id.is_some_and(|id| kept.iter().any(|known| known[id] == item[id]));
        if again {
            let refusal = refuse(ReasonClass::Format, "DATA-REPEATED", "a line of the list stands twice");
            if weigh(access.bank, JsonCheck::Repeated, refusal, &mut access.late).is_err() {
                continue;
            }
        }
        kept.push(item);
    }
    for (name, value) in page.as_object().cloned().unwrap_or_default() {
        if name != list {
            whole[name] = value;
        }
    }
    if let Some(members) = whole.as_object_mut()
        && page.get("next").is_none()
    {
        members.remove("next");
    }
    Ok(())
}

/// The version to ask: the first one until the portal says that it will end.
fn version(access: &Access<'_>, service: &Service, channel: Channel) -> Version {
    let known = access.bank.store.read::<Timestamp>(&format!("sunset/{}", service.name)).is_some();
    let heeds = access.bank.conduct.keeps(CacheDuty::SunsetHeeded);
    if channel == Channel::V2 || known && heeds { Version::V2 } else { Version::V1 }
}

/// Keeps what the portal says about the end of a version, and tells the staff (RFC 9745, RFC 8594).
fn note_version(access: &Access<'_>, service: &Service, version: Version, answer: &Answer) {
    let bank = access.bank;
    if version == Version::V2 || answer.header("deprecation").is_none() && answer.header("sunset").is_none() {
        return;
    }
    let name = format!("sunset/{}", service.name);
    if bank.store.read::<Timestamp>(&name).is_some() {
        return;
    }
    let sunset = answer.header("sunset").and_then(crate::retry::http_date);
    bank.store.put(&name, &sunset.unwrap_or(bank.clock.now()), true);
    let until = sunset.map(|day| day.to_string()).unwrap_or_default();
    bank.diary.note(bank.clock.now(), "version.ends", &[("service", service.name), ("until", &until)]);
    bank.audit.note(bank.clock.now(), service.name, "version.ends", None);
}

/// The members that every request of a matter begins with.
pub(crate) fn body(access: &Access<'_>) -> Value {
    json!({"person": access.person(), "purpose": access.purpose()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_reads_one_service() {
        let mut names: Vec<&str> = SERVICES.iter().map(|service| service.action).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SERVICES.len());
        assert_eq!(of("duty.list").map(|service| service.path(Version::V2)), Some("duties"));
        assert_eq!(of("debts.list").map(|service| service.path(Version::V2)), Some("charges"));
    }
}
