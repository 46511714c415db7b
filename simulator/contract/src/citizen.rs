//! A citizen as the control API tells of one: all that the simulated state knows, in one JSON.
//! The people themselves are made in `fixtures`; none of them exists.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Inn, Kpp, Ogrn, Oid, Snils};
use crate::registries::debts::Debt;
use crate::registries::holdings::Holdings;
use crate::registries::pension::PensionAccount;
use crate::time::Day;

/// A person and their account at the portal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Citizen {
    /// Name within a sandbox: the story's slug for the named person, `<slug>-<copy>` for its copies.
    pub slug: String,
    /// The story this person tells.
    pub story: String,
    /// Number in ESIA.
    pub oid: Oid,
    /// What the person types at sign-in: a phone, an e-mail address or a word.
    pub login: String,
    /// A test person's password is no secret.
    pub password: String,
    /// Insurance number; absent where the portal does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snils: Option<Snils>,
    /// Taxpayer number; absent where the portal does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inn: Option<Inn>,
    /// Family name.
    pub last_name: String,
    /// Given name.
    pub first_name: String,
    /// Patronymic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    /// Gender.
    pub gender: Gender,
    /// Day of birth.
    pub birth_date: Day,
    /// Place of birth.
    pub birth_place: String,
    /// ISO 3166-1 alpha-3, `RUS`.
    pub citizenship: String,
    /// How far the account was confirmed.
    pub account: Account,
    /// Sign-in asks for a one-time code by the person's own wish.
    pub second_factor: bool,
    /// The account was blocked by its owner or the operator: nobody signs in.
    #[serde(default, skip_serializing_if = "is_false")]
    pub locked: bool,
    /// Day of death.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deceased: Option<Day>,
    /// Registered as self-employed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub self_employed: bool,
    /// Mobile phone, `+7(900)0000006`.
    pub phone: String,
    /// Whether the phone was verified.
    pub phone_verified: bool,
    /// E-mail address.
    pub email: String,
    /// Whether the e-mail address was verified.
    pub email_verified: bool,
    /// Contacts beside phone and e-mail; [`Citizen::contacts`] gives all.
    #[serde(default)]
    pub other_contacts: Vec<Contact>,
    /// Identity and other documents, former ones included.
    pub documents: Vec<Document>,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Vehicles.
    pub vehicles: Vec<Vehicle>,
    /// Children under eighteen.
    pub children: Vec<Child>,
    /// Organisations where the person works or which the person heads.
    pub organisations: Vec<Employment>,
    /// Debts, paid ones included.
    pub debts: Vec<Debt>,
    /// The pension account.
    pub pension: PensionAccount,
    /// What the other registers hold.
    #[serde(default, skip_serializing_if = "Holdings::is_empty")]
    pub holdings: Holdings,
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

/// As ESIA writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Gender {
    /// Female.
    F,
    /// Male.
    M,
}

/// Levels of an account, in the order in which a person climbs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    /// Name and a contact.
    Simplified,
    /// Data checked against registers.
    Standard,
    /// The person was identified.
    Confirmed,
}

/// A way to reach the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// Its id within the account.
    pub id: u32,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ContactKind,
    /// The number or address.
    pub value: String,
    /// `vrfStu` is `VERIFIED`.
    pub verified: bool,
}

/// ESIA's types of contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ContactKind {
    /// Work e-mail.
    Cem,
    /// E-mail.
    Eml,
    /// Mobile phone.
    Mbt,
    /// Home phone.
    Phn,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Its id within the account.
    pub id: u32,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: DocumentKind,
    /// Series, leading zeros kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Number, leading zeros kept.
    pub number: String,
    /// Given on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_date: Option<Day>,
    /// Good until.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_date: Option<Day>,
    /// Code of the office, six digits without dash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_id: Option<String>,
    /// The office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_by: Option<String>,
    /// Family name in Latin letters (foreign passport).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name_latin: Option<String>,
    /// Given name in Latin letters (foreign passport).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name_latin: Option<String>,
    /// `vrfStu` is `VERIFIED`.
    pub verified: bool,
    /// In force, replaced or lost.
    pub state: DocumentState,
}

/// ESIA's types of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DocumentKind {
    /// Birth certificate.
    BrthCert,
    /// Identity document of a foreign citizen.
    FidDoc,
    /// Foreign passport.
    FrgnPass,
    /// Policy of the compulsory health insurance.
    MdclPlcy,
    /// Military identity card.
    MltrId,
    /// Birth certificate of a child.
    RfBrthCert,
    /// Driving licence.
    RfDrivingLicense,
    /// Passport of a citizen.
    RfPassport,
}

/// Whether a document holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentState {
    /// In force.
    #[default]
    Valid,
    /// Replaced by a newer one.
    Replaced,
    /// Reported lost.
    Lost,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// Its id within the account.
    pub id: u32,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: AddressKind,
    /// The whole in one line, without flat.
    pub address_str: String,
    /// ISO 3166-1 alpha-3.
    pub country_id: String,
    /// Six digits.
    pub zip_code: String,
    /// Code in the address register.
    pub fias_code: String,
    /// Region.
    pub region: String,
    /// District of the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// City; absent where region and city are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Settlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<String>,
    /// Street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// House.
    pub house: String,
    /// Building («строение»).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<String>,
    /// Block («корпус»).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// Flat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat: Option<String>,
}

/// ESIA's types of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum AddressKind {
    /// Residence.
    Plv,
    /// Registration.
    Prg,
    /// Temporary registration.
    Pta,
}

/// A vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vehicle {
    /// Its id within the account.
    pub id: u32,
    /// As the owner calls it.
    pub name: String,
    /// `А001АА77`.
    pub number_plate: String,
    /// Series of the registration certificate.
    pub certificate_series: String,
    /// Number of the registration certificate.
    pub certificate_number: String,
}

/// A child in a parent's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Child {
    /// Its id within the account.
    pub id: u32,
    /// Family name.
    pub last_name: String,
    /// Given name.
    pub first_name: String,
    /// Patronymic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    /// Gender.
    pub gender: Gender,
    /// Day of birth.
    pub birth_date: Day,
    /// Insurance number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snils: Option<Snils>,
    /// Taxpayer number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inn: Option<Inn>,
    /// The child's own documents.
    pub documents: Vec<Document>,
}

/// A person's place in an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Employment {
    /// The organisation's number in ESIA.
    pub oid: Oid,
    /// Full name.
    pub full_name: String,
    /// Short name.
    pub short_name: String,
    /// Registration number; of a sole trader where [`Employment::kind`] is `BUSINESS`.
    pub ogrn: Ogrn,
    /// Taxpayer number.
    pub inn: Inn,
    /// Absent for a sole trader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kpp: Option<Kpp>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: OrganisationKind,
    /// Code of the legal form (ОКОПФ).
    pub leg: String,
    /// The person heads it.
    pub chief: bool,
    /// The person administers its account.
    pub admin: bool,
}

/// ESIA's types of organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrganisationKind {
    /// A body of power.
    Agency,
    /// A sole trader.
    Business,
    /// A legal entity.
    Legal,
}

impl Citizen {
    /// Whether the account is confirmed: ESIA's `trusted`.
    pub fn trusted(&self) -> bool {
        self.account == Account::Confirmed
    }

    /// The main identity document: ESIA's `rIdDoc`.
    pub fn main_document(&self) -> Option<&Document> {
        let main = |document: &&Document| {
            matches!(document.kind, DocumentKind::RfPassport | DocumentKind::FidDoc)
                && document.state == DocumentState::Valid
        };
        self.documents.iter().find(main)
    }

    /// Every contact, phone and e-mail first.
    pub fn contacts(&self) -> Vec<Contact> {
        // Ids grow from the OID's, as the real ones do; 32 bits hold them because OIDs end below 2^31.
        let first = self.oid.get().unsigned_abs() / 16;
        let own = [
            (ContactKind::Mbt, &self.phone, self.phone_verified),
            (ContactKind::Eml, &self.email, self.email_verified),
        ];
        let own = own.into_iter().enumerate().filter(|(_, (_, value, _))| !value.is_empty());
        own.map(|(at, (kind, value, verified))| Contact { id: first + at as u32, kind, value: value.clone(), verified })
            .chain(self.other_contacts.iter().cloned())
            .collect()
    }
}

impl Gender {
    /// `male` or `female`, as OpenID Connect writes it.
    pub const fn as_oidc(self) -> &'static str {
        match self {
            Self::F => "female",
            Self::M => "male",
        }
    }

    /// `M` or `F`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::F => "F",
            Self::M => "M",
        }
    }
}

impl DocumentKind {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BrthCert => "BRTH_CERT",
            Self::FidDoc => "FID_DOC",
            Self::FrgnPass => "FRGN_PASS",
            Self::MdclPlcy => "MDCL_PLCY",
            Self::MltrId => "MLTR_ID",
            Self::RfBrthCert => "RF_BRTH_CERT",
            Self::RfDrivingLicense => "RF_DRIVING_LICENSE",
            Self::RfPassport => "RF_PASSPORT",
        }
    }
}
