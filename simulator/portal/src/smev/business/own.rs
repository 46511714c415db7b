//! Own types: `{urn:stend:<name>:1.0}<name>Request`, the data services in SOAP. Consent, person and purpose stand first,
//! the parameters of the call behind them, each once and in the order of their declaration.

use std::collections::BTreeMap;

use contract::registries::debts::{DebtsPage, Fed, Payment, PaymentMethod};
use contract::registries::pension::PensionStatement;
use contract::scope;
use contract::shape::{Shape, Shaped, Version, xml};
use crypto::xmldsig::Element;
use domain::registries::REGISTRIES;
use domain::{
    Authority, Command, Content, FactsReply, Page, PayDebt, Payload, PaymentRef, Refusal, Reply, StatementReply,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::provide::{Desk, plain};
use super::super::xml::{Breach, Parts, text};
use super::{Trouble, parse};

/// A type of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Own {
    name: &'static str,
    namespace: String,
    service: Service,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Debts,
    Feed,
    Pay,
    PaymentState,
    Pension,
    Registry,
}

const SERVICES: [(&str, Service); 5] = [
    ("debts", Service::Debts),
    ("feed", Service::Feed),
    ("debt-payments", Service::Pay),
    ("payments", Service::PaymentState),
    ("pension", Service::Pension),
];

/// Every name with its namespace, for the descriptions.
pub(in super::super) fn all() -> Vec<Own> {
    let fixed = SERVICES.map(|(name, service)| Own { name, namespace: format!("urn:stend:{name}:1.0"), service });
    let registries = REGISTRIES.iter().map(|registry| registry.meta());
    let registries = registries.map(|meta| Own {
        name: meta.name,
        namespace: meta.namespace.to_owned(),
        service: Service::Registry,
    });
    fixed.into_iter().chain(registries).collect()
}

pub(super) fn find(namespace: &str, root: &str) -> Option<Own> {
    let name = root.strip_suffix("Request")?;
    all().into_iter().find(|own| own.name == name && own.namespace == namespace)
}

/// What a request says.
struct Said {
    authority: Authority,
    params: BTreeMap<String, String>,
}

impl Said {
    fn optional(&self, name: &str) -> Option<String> {
        self.params.get(name).cloned()
    }

    fn required(&self, name: &str, root: Element<'_>) -> Result<String, Breach> {
        self.optional(name).ok_or_else(|| Breach::at(root, format!("has no {name}")))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str, root: Element<'_>) -> Result<T, Breach> {
        self.required(name, root)?.parse().map_err(|_| Breach::at(root, format!("has a {name} that cannot be read")))
    }
}

impl Own {
    pub(in super::super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn scope(&self) -> &'static str {
        match self.service {
            Service::Pension => scope::PENSION,
            Service::Registry => {
                domain::registries::registry(self.name).map_or(scope::DEBTS, |registry| registry.meta().scope)
            }
            _ => scope::DEBTS,
        }
    }

    /// The shape of its answer.
    pub(in super::super) fn shape(&self) -> &'static Shape {
        match self.service {
            Service::Debts => DebtsPage::SHAPE,
            Service::Feed => Fed::SHAPE,
            Service::Pay | Service::PaymentState => Payment::SHAPE,
            Service::Pension => PensionStatement::SHAPE,
            Service::Registry => {
                domain::registries::registry(self.name).map_or(DebtsPage::SHAPE, |registry| registry.meta().shape)
            }
        }
    }

    /// Names of the parameters in their order, and whether each must be there.
    pub(in super::super) fn params(&self) -> Vec<(&'static str, bool)> {
        match self.service {
            Service::Debts => vec![("cursor", false)],
            Service::Feed => vec![("external_id", true), ("title", true), ("amount", true), ("due_date", true)],
            Service::Pay => vec![("uin", true), ("amount", true), ("method", true), ("source", true), ("key", true)],
            Service::PaymentState => vec![("id", false), ("key", false)],
            Service::Pension => vec![("from", true), ("to", true)],
            Service::Registry => {
                let Some(registry) = domain::registries::registry(self.name) else { return Vec::new() };
                let meta = registry.meta();
                let mut params: Vec<_> = meta.params.iter().map(|param| (param.name, param.required)).collect();
                if meta.pages.is_some() {
                    params.extend([("cursor", false), ("limit", false)]);
                }
                params
            }
        }
    }

    /// The schema of request and answer.
    pub(in super::super) fn schema(&self) -> String {
        let whole = contract::shape::xsd_schema(&self.namespace, &[self.shape()], Version::V1);
        let (name, shape) = (self.name, self.shape().name);
        let params: String = self
            .params()
            .iter()
            .map(|(param, required)| {
                let least = if *required { "" } else { " minOccurs=\"0\"" };
                format!("<xs:element name=\"{param}\" type=\"xs:string\"{least}/>")
            })
            .collect();
        let own = format!(
            "<xs:element name=\"{name}Request\"><xs:complexType><xs:sequence>\
             <xs:element name=\"consent\" type=\"xs:string\" minOccurs=\"0\"/>\
             <xs:element name=\"person\" type=\"xs:long\"/><xs:element name=\"purpose\" type=\"xs:string\"/>{params}\
             </xs:sequence></xs:complexType></xs:element><xs:element name=\"{name}Response\" type=\"tns:{shape}\"/>"
        );
        let cut = whole.rfind("</xs:schema>").unwrap_or(whole.len());
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}{own}{}", &whole[..cut], &whole[cut..])
    }

    fn read(&self, content: &Content, root: Element<'_>) -> Result<Said, Breach> {
        let namespace = self.namespace.as_str();
        let mut parts = Parts::of(root)?;
        let outside = content.authority.as_ref();
        let consent = parts.opt(namespace, "consent").map(text).transpose()?;
        let consent = consent.or_else(|| outside.and_then(|authority| authority.consent.clone()));
        let number = parts.one(namespace, "person")?;
        let person = text(number)?.parse().map_err(|_| Breach::at(number, "is no number of a person"))?;
        let purpose = text(parts.one(namespace, "purpose")?)?;
        let differs = outside.is_some_and(|outside| {
            outside.person != person
                || outside.purpose != purpose
                || outside.consent.as_ref().is_some_and(|named| consent.as_ref() != Some(named))
        });
        if differs {
            return Err(Breach::at(root, "contradicts BusinessProcessMetadata/Authority"));
        }
        let mut params = BTreeMap::new();
        for (name, required) in self.params() {
            let found = if required { Some(parts.one(namespace, name)?) } else { parts.opt(namespace, name) };
            if let Some(element) = found {
                params.insert(name.to_owned(), text(element)?);
            }
        }
        parts.end()?;
        Ok(Said { authority: Authority { consent, person, purpose }, params })
    }

    pub(super) fn authority(&self, content: &Content) -> Result<Authority, Trouble> {
        let document = parse(&content.xml)?;
        Ok(self.read(content, document.root())?.authority)
    }

    pub(super) async fn serve(
        &self,
        desk: &Desk<'_>,
        content: &Content,
        root: Element<'_>,
    ) -> Result<Option<Payload>, Trouble> {
        let said = self.read(content, root)?;
        if contract::consent::purpose(&said.authority.purpose).is_none() {
            return Err(Refusal::new("parameter-invalid", "parameter-invalid")
                .check("purpose")
                .seen(&said.authority.purpose)
                .wanted("a purpose of the Digital Profile")
                .into());
        }
        let command = self.command(&said, root, desk).await?;
        let Some(value) = value(desk.execute(command).await?)? else { return Ok(None) };
        Ok(Some(plain(self.written(&value))))
    }

    async fn command(&self, said: &Said, root: Element<'_>, desk: &Desk<'_>) -> Result<Command, Trouble> {
        // What cannot be read is told before a token is spent on it.
        let command = match self.service {
            Service::Debts => {
                let ask = desk.ask(&said.authority).await?;
                Command::ListDebts { ask, cursor: said.optional("cursor") }
            }
            Service::Feed => {
                let amount = contract::money::Money::from_kopecks(said.parsed("amount", root)?);
                let due_date = said.parsed("due_date", root)?;
                let (external_id, title) = (said.required("external_id", root)?, said.required("title", root)?);
                Command::FeedDebt { ask: desk.ask(&said.authority).await?, external_id, title, amount, due_date }
            }
            Service::Pay => {
                let method: PaymentMethod = serde_json::from_value(Value::String(said.required("method", root)?))
                    .map_err(|_| Breach::at(root, "has a method that is not known"))?;
                let (uin, source) = (said.required("uin", root)?, said.required("source", root)?);
                let amount = contract::money::Money::from_kopecks(said.parsed("amount", root)?);
                let key = digest(&said.required("key", root)?);
                let ask = desk.ask(&said.authority).await?;
                Command::PayDebt(Box::new(PayDebt { ask, uin, key, amount, method, source }))
            }
            Service::PaymentState => {
                let payment = match (said.optional("id"), said.optional("key")) {
                    (Some(id), None) => PaymentRef::Id(id),
                    (None, Some(key)) => PaymentRef::Key(digest(&key)),
                    _ => return Err(Breach::at(root, "names a payment neither by id nor by key").into()),
                };
                Command::ReadPayment { ask: desk.ask(&said.authority).await?, payment }
            }
            Service::Pension => {
                let (from, to) = (said.parsed("from", root)?, said.parsed("to", root)?);
                Command::ReadPension { ask: desk.ask(&said.authority).await?, from, to, deferred: None }
            }
            Service::Registry => {
                let mut params = said.params.clone();
                let limit = params.remove("limit").map(|limit| limit.parse());
                let limit = limit.transpose().map_err(|_| Breach::at(root, "has a limit that is no number"))?;
                let page = Page { cursor: params.remove("cursor"), limit };
                let ask = desk.ask(&said.authority).await?;
                Command::Inquire { registry: self.name, ask, params, page, deferred: None }
            }
        };
        Ok(command)
    }

    /// A value of the shape under the root of the answer.
    pub(in super::super) fn written(&self, value: &Value) -> String {
        let whole = xml::element(self.shape(), &self.namespace, value, Version::V1);
        let inner = whole.split_once('>').map_or("", |(_, rest)| rest);
        let inner = inner.rsplit_once("</").map_or("", |(inner, _)| inner);
        let name = self.name;
        format!("<{name}Response xmlns=\"{}\">{inner}</{name}Response>", self.namespace)
    }
}

/// The idempotency key as the core knows it: whoever reads the journal cannot repeat an order with it.
pub(super) fn digest(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// The record in a reply; `None` when it takes its time.
fn value(reply: Reply) -> Result<Option<Value>, Refusal> {
    let of = |value: Result<Value, serde_json::Error>| Ok(Some(value.unwrap_or_default()));
    match reply {
        Reply::Debts(page) => of(serde_json::to_value(&*page)),
        Reply::Facts(FactsReply::Ready { value, .. }) => Ok(Some(*value)),
        Reply::Fed { uin, .. } => Ok(Some(serde_json::json!({ "uin": uin }))),
        Reply::Payment { payment, .. } => of(serde_json::to_value(&*payment)),
        Reply::Pension(StatementReply::Ready(statement)) => of(serde_json::to_value(&*statement)),
        Reply::Facts(FactsReply::Deferred { .. }) | Reply::Pension(StatementReply::Deferred { .. }) => Ok(None),
        _ => Err(Refusal::new("internal", "unexpected-reply").check("reply of the core")),
    }
}

/// A value of a registry, asked in this authority: for public types that tell the same facts in other words.
pub(super) async fn facts(
    desk: &Desk<'_>,
    registry: &'static str,
    authority: &Authority,
    params: BTreeMap<String, String>,
) -> Result<Option<Value>, Trouble> {
    let ask = desk.ask(authority).await?;
    let command = Command::Inquire { registry, ask, params, page: Page::default(), deferred: None };
    Ok(value(desk.execute(command).await?)?)
}
