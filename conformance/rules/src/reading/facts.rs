//! What the data services told, in whatever version and format, as the facts of `/api/v1`: JSON, XML and CSV come back
//! to one value by the shape of the record (API-4), so that a rule compares facts and not bytes.

use contract::matter::{LIFECYCLES, Lifecycle};
use contract::registries as of;
use contract::shape::{Shape, Shaped, Version, csv, named, xml};
use serde_json::Value;

use super::{DataCall, Flow, Reading, wire};

/// A service and the record that it answers.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its part of the path under `/api/v1/`.
    pub name: &'static str,
    /// What it answers.
    pub shape: &'static Shape,
}

/// The registries that are read.
pub const SERVICES: &[Service] = &[
    Service { name: "debts", shape: of::debts::DebtsPage::SHAPE },
    Service { name: "duties", shape: of::duties::Duties::SHAPE },
    Service { name: "estate", shape: of::estate::EstateRecord::SHAPE },
    Service { name: "income", shape: of::income::IncomeRecord::SHAPE },
    Service { name: "insurance", shape: of::insurance::InsuranceData::SHAPE },
    Service { name: "offers", shape: of::offers::Openings::SHAPE },
    Service { name: "pension", shape: of::pension::PensionStatement::SHAPE },
    Service { name: "recommendations", shape: of::recommendations::Recommendations::SHAPE },
    Service { name: "state-payments", shape: of::state_payments::StatePayments::SHAPE },
    Service { name: "subsidies", shape: of::subsidies::Subsidies::SHAPE },
    Service { name: "tax", shape: of::tax::TaxPrefill::SHAPE },
];

/// The namespace of a record in XML, and of its message types in SOAP.
pub fn namespace(name: &str) -> String {
    format!("urn:stend:{name}:1.0")
}

/// The registry of this name.
pub fn service(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name)
}

/// Version and first part of a path of the data services, moved addresses brought back to their first ones.
pub fn place(path: &str) -> Option<(Version, &str)> {
    let mut parts = path.strip_prefix("/api/")?.split('/');
    let version = match parts.next()? {
        "v1" => Version::V1,
        "v2" => Version::V2,
        _ => return None,
    };
    let name = parts.next()?;
    Some((version, if name == "charges" { "debts" } else { name }))
}

impl DataCall<'_> {
    /// Version and service, `debts` for `/api/v2/charges`.
    pub fn place(&self) -> Option<(Version, &str)> {
        place(&self.path)
    }

    /// The lifecycle that the call is about.
    pub fn lifecycle(&self) -> Option<&'static Lifecycle> {
        let (_, name) = self.place()?;
        if self.path.ends_with("/payments") || name == "payments" {
            return LIFECYCLES.iter().copied().find(|cycle| cycle.plural == "payments");
        }
        LIFECYCLES.iter().copied().find(|cycle| cycle.plural == name)
    }

    /// Whether a whole answer came, and no lie in it that changes the facts.
    pub fn factual(&self) -> bool {
        self.exchange.delivered && self.exchange.faults.iter().all(|fault| HARMLESS.contains(&fault.as_str()))
    }

    /// Where the answer says that more of it is to be had: the path of its `Location`.
    pub fn leads_to(&self) -> Option<String> {
        let base = url::Url::parse(&self.exchange.request.url).ok()?;
        let place = base.join(wire::got(self.exchange, "location")?).ok()?;
        Some(wire::path(place.as_str()))
    }

    /// The facts of a good answer, as `/api/v1` names them; nothing where it is no record of this shape.
    pub fn facts(&self, service: &Service) -> Option<Value> {
        if wire::status(self.exchange) / 100 != 2 {
            return None;
        }
        let (version, _) = self.place()?;
        decoded(
            self.exchange.response.as_ref()?.body.text(),
            wire::got(self.exchange, "content-type"),
            version,
            service,
        )
    }
}

/// A body as facts.
pub fn decoded(body: &str, media_type: Option<&str>, version: Version, service: &Service) -> Option<Value> {
    let essence = media_type.unwrap_or("application/json").split(';').next().unwrap_or_default().trim();
    match essence {
        "text/csv" => csv::read(service.shape, body, version).ok(),
        "application/xml" | "text/xml" => {
            xml::read(service.shape, &version.namespace(&namespace(service.name)), body, version).ok()
        }
        _ => Some(named(service.shape, &serde_json::from_str(body).ok()?, version)),
    }
}

/// The facts that a flow had before it ended: the last honest answer of the service about its person, all pages of it.
pub fn served<'r, 'a>(
    reading: &'r Reading<'a>,
    flow: &Flow<'_>,
    service: &Service,
) -> Option<(Vec<&'r DataCall<'a>>, Value)> {
    let oid = reading.citizen_of_flow(flow)?;
    let calls: Vec<(&DataCall<'a>, Value)> = reading
        .data_calls
        .iter()
        .filter(|call| call.exchange.request.method == "GET" && call.factual())
        .filter(|call| call.exchange.started_us >= flow.start_us && call.exchange.started_us <= flow.end_us)
        .filter(|call| reading.whom(call) == Some(oid) && reading.is_of(call, service.name))
        .filter_map(|call| Some((call, call.facts(service)?)))
        .collect();
    let first = calls.iter().rposition(|(call, _)| wire::first(&call.params, "cursor").is_none())?;
    let mut pages = calls.into_iter().skip(first);
    let (call, mut facts) = pages.next()?;
    let mut read = vec![call];
    for (call, page) in pages {
        append(&mut facts, page);
        read.push(call);
    }
    Some((read, facts))
}

/// Lies that leave the facts as they are: another form of the same, or a hint beside them.
const HARMLESS: &[&str] =
    &["answer-extra-members", "csv-quotes", "xml-cdata", "xml-comment-in-text", "xml-other-prefixes"];

/// Lists grow by those of the next page.
fn append(facts: &mut Value, page: Value) {
    let (Value::Object(facts), Value::Object(page)) = (facts, page) else { return };
    for (name, value) in page {
        if let (Some(Value::Array(known)), Value::Array(more)) = (facts.get_mut(&name), value) {
            known.extend(more);
        }
    }
}

impl Reading<'_> {
    /// Whether a call is about a service, be it by the address of a deferred answer.
    pub fn is_of(&self, call: &DataCall<'_>, service: &str) -> bool {
        let Some((_, name)) = call.place() else { return false };
        if name != "answers" {
            // `/debts/{uin}/payments` is another matter than `/debts`.
            return name == service && call.path.split('/').count() == 4;
        }
        self.data_calls.iter().any(|other| {
            other.place().is_some_and(|(_, name)| name == service) && other.leads_to().as_deref() == Some(&call.path)
        })
    }
}

/// What two flows of one action show of the same facts: every difference, but for what is of the moment: when it was read
/// or done, and what each flow made anew at the portal, such as an offer with its id.
pub fn disagreements(reading: &Reading<'_>, one: &Flow<'_>, other: &Flow<'_>) -> Vec<(String, String, String)> {
    let values = |flow: &Flow<'_>| flow.last().map(|report| Value::Object(report.values.clone())).unwrap_or_default();
    let made = |flow: &Flow<'_>| -> Vec<String> {
        let answers = reading.by_bank().filter(|exchange| {
            exchange.request.method == "POST" && (flow.start_us..=flow.end_us).contains(&exchange.started_us)
        });
        answers.filter_map(wire::answer_json).flat_map(|answer| wire::leaves(&answer)).collect()
    };
    let (of_one, of_other) = (made(one), made(other));
    let mut found = Vec::new();
    differences("", &values(one), &values(other), &mut found);
    found.retain(|(at, first, second)| {
        let is_of_moment = ["as_of", "at"].iter().any(|name| at.rsplit('/').next() == Some(name));
        !(is_of_moment || of_one.contains(first) && of_other.contains(second))
    });
    found
}

/// What is shown against what was served: every difference, by its place. Members that the bank does not show are its own
/// affair; a list must be whole, and one that is left out altogether hides what stands in it.
pub fn differences(at: &str, served: &Value, shown: &Value, found: &mut Vec<(String, String, String)>) {
    match (served, shown) {
        (Value::Object(served), Value::Object(shown)) => {
            for (name, value) in shown {
                match served.get(name) {
                    Some(original) => differences(&format!("{at}/{name}"), original, value, found),
                    None if value.is_null() => {}
                    None => found.push((format!("{at}/{name}"), "-".to_owned(), text(value))),
                }
            }
            for (name, value) in served.iter().filter(|(name, _)| !shown.contains_key(*name)) {
                if value.as_array().is_some_and(|list| !list.is_empty()) {
                    found.push((format!("{at}/{name}"), text(value), "-".to_owned()));
                }
            }
        }
        (Value::Array(served), Value::Array(shown)) => {
            if served.len() != shown.len() {
                found.push((at.to_owned(), format!("{} rows", served.len()), format!("{} rows", shown.len())));
            }
            for (row, (original, value)) in served.iter().zip(shown).enumerate() {
                differences(&format!("{at}/{row}"), original, value, found);
            }
        }
        (served, shown) if served == shown || text(served) == text(shown) => {}
        (served, shown) => found.push((at.to_owned(), text(served), text(shown))),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string().chars().take(120).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_of_both_versions_name_one_service() {
        assert_eq!(place("/api/v2/charges").map(|(_, name)| name), Some("debts"));
        assert_eq!(place("/api/v1/estate").map(|(_, name)| name), Some("estate"));
        assert_eq!(place("/api/v9/estate").map(|(_, name)| name), None);
        assert_eq!(place("/rs/prns/1").map(|(_, name)| name), None);
    }

    #[test]
    fn the_same_facts_come_back_from_each_format() {
        let subsidies = service("subsidies").unwrap();
        let facts = json!({"person": 1_000_299_944, "balance": 500, "sequence": 1, "entries": [{
            "sequence": 1, "date": "2026-01-02", "programme": "Семья; \"дети\"", "amount": 500, "balance_after": 500,
            "kind": "credit", "id": "S-1",
        }]});
        let namespace = namespace("subsidies");
        for version in Version::ALL {
            let json = contract::shape::renamed(subsidies.shape, &facts, version).to_string();
            let xml = xml::write(subsidies.shape, &version.namespace(&namespace), &facts, version);
            let csv = csv::write(subsidies.shape, &facts, version);
            for (body, media_type) in
                [(json, "application/json"), (xml, "application/xml"), (csv, "text/csv; header=present")]
            {
                assert_eq!(decoded(&body, Some(media_type), version, subsidies), Some(facts.clone()), "{media_type}");
            }
        }
    }

    #[test]
    fn a_change_a_lost_row_and_a_hidden_list_are_seen() {
        let served = json!({"a": 1, "list": [{"b": "x"}, {"b": "y"}], "other": [1]});
        let mut found = Vec::new();
        differences("", &served, &json!({"a": 2, "list": [{"b": "x"}]}), &mut found);
        let places: Vec<&str> = found.iter().map(|(at, _, _)| at.as_str()).collect();
        assert_eq!(places, ["/a", "/list", "/other"]);
        let mut found = Vec::new();
        differences("", &served, &json!({"list": [{"b": "x"}, {}], "other": [1]}), &mut found);
        assert!(found.is_empty(), "{found:?}");
    }
}
