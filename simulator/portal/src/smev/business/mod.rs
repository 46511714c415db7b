//! The types of business content: which root elements there are, what each asks of the core, how the answer is written.
//!
//! Own types are the data services again, with their records' shapes; public types are written by hand, a file each.

mod estate;
mod gisgmp;
mod income;
mod own;
mod person;

use crypto::xmldsig::{Document, Element, Limits};
use domain::{Authority, Content, Payload, Refusal, SmevMessage};

use super::provide::Desk;
use super::xml::Breach;

/// What the portal asks a participant for: its overdue credits of a person.
pub(super) const OVERDUE: (&str, &str) = ("urn:stend:overdue-credits:1.0", "overdue-creditsRequest");
/// What the portal asks a participant for: how an application fares.
pub(super) const STATUS: (&str, &str) = ("urn:stend:application-status:1.0", "application-statusRequest");

/// Whether the portal asks participants for this.
pub(super) fn is_asked(namespace: &str, root: &str) -> bool {
    [OVERDUE, STATUS].contains(&(namespace, root))
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    Refused(Refusal),
    /// The content does not fit the schema of its type.
    Schema(Breach),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Breach> for Trouble {
    fn from(breach: Breach) -> Self {
        Self::Schema(breach)
    }
}

/// A registered type.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Estate,
    Gmp(gisgmp::Service),
    Income,
    Own(own::Own),
    Passport,
    Person,
}

/// The type of this root element.
pub(super) fn find(namespace: &str, root: &str) -> Option<Kind> {
    if let Some(own) = own::find(namespace, root) {
        return Some(Kind::Own(own));
    }
    if let Some(service) = gisgmp::find(namespace, root) {
        return Some(Kind::Gmp(service));
    }
    match root {
        "NDFL2Request" if namespace == income::NAMESPACE => Some(Kind::Income),
        "Request" if estate::NAMESPACES.contains(&namespace) => Some(Kind::Estate),
        "request" if namespace == person::PASSPORT => Some(Kind::Passport),
        "ESIADataVerifyRequest" if person::VERIFY.contains(&namespace) => Some(Kind::Person),
        _ => None,
    }
}

/// Content as a document of its own.
pub(super) fn parse(xml: &str) -> Result<Document, Trouble> {
    Document::parse(xml.as_bytes(), Limits::default())
        .map_err(|error| Trouble::Schema(Breach { path: String::new(), what: error.to_string() }))
}

impl Kind {
    /// The scope that a consumer must have been given.
    pub(super) fn scope(&self) -> Option<&'static str> {
        match self {
            Self::Estate => Some("estate"),
            Self::Gmp(_) => Some(contract::scope::DEBTS),
            Self::Income => Some("income"),
            Self::Own(own) => Some(own.scope()),
            Self::Passport | Self::Person => None,
        }
    }

    /// In whose name the content asks, so far as it says so.
    pub(super) fn authority(&self, content: &Content) -> Result<Option<Authority>, Trouble> {
        match self {
            Self::Own(own) => own.authority(content).map(Some),
            _ => Ok(content.authority.clone()),
        }
    }

    /// Answers; `None` when the answer takes its time.
    pub(super) async fn serve(
        &self,
        desk: &Desk<'_>,
        message: &SmevMessage,
        content: &Content,
        root: Element<'_>,
    ) -> Result<Option<Payload>, Trouble> {
        match self {
            Self::Estate => estate::serve(desk, content, root).await,
            Self::Gmp(service) => service.serve(desk, message, content, root).await.map(Some),
            Self::Income => income::serve(desk, content, root).await,
            Self::Own(own) => own.serve(desk, content, root).await,
            Self::Passport => person::passport(desk, root).map(Some),
            Self::Person => person::verify(desk, root).map(Some),
        }
    }
}

/// The consent that a public type names outside its content.
fn named(content: &Content) -> Result<&Authority, Trouble> {
    content.authority.as_ref().ok_or_else(|| {
        Trouble::Refused(
            Refusal::new("consent-missing", "smev-authority-absent")
                .check("BusinessProcessMetadata/Authority")
                .seen("absent")
                .wanted("consent, person and purpose"),
        )
    })
}

/// Own types, for the descriptions.
pub(super) fn own_types() -> Vec<own::Own> {
    own::all()
}
