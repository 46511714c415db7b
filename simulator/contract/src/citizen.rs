//! The citizen as the control API shows them: everything that is known of a person, in one record. Portal, fixtures and
//! suite share this shape; the bank never sees it. All persons are synthetic.

use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::time::{Day, Timestamp};

/// A person with all their state. `oid` fits a signed 32-bit number, because real clients read it as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Citizen {
    pub slug: String,
    pub story: String,
    pub oid: i64,
    pub login: String,
    pub password: String,
    /// `000-000-600 06`
    pub snils: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inn: Option<String>,
    pub last_name: String,
    pub first_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    pub gender: Gender,
    pub birth_date: Day,
    pub birth_place: String,
    /// ISO 3166 alpha-3.
    pub citizenship: String,
    pub account: Account,
    pub second_factor: bool,
    /// `+7(000)0000006`
    pub phone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default)]
    pub self_employed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    #[serde(default)]
    pub documents: Vec<Document>,
    #[serde(default)]
    pub addresses: Vec<Address>,
    #[serde(default)]
    pub vehicles: Vec<Vehicle>,
    #[serde(default)]
    pub children: Vec<Child>,
    #[serde(default)]
    pub organisations: Vec<Organisation>,
    #[serde(default)]
    pub debts: Vec<Debt>,
    #[serde(default)]
    pub pension: Pension,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deceased: Option<Day>,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gender {
    F,
    M,
}

/// Level of the portal account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    Simplified,
    Standard,
    Confirmed,
}

/// A contact beyond the phone and e-mail of the record itself: home phone (`PHN`), work e-mail (`CEM`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub id: i64,
    pub kind: String,
    pub value: String,
    #[serde(default)]
    pub verified: bool,
}

/// An identity document. `kind` is ESIA's type: `RF_PASSPORT`, `FRGN_PASS`, `RF_DRIVING_LICENSE`, `MDCL_PLCY` …
/// The document whose `main` is set is the person's `rIdDoc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub id: i64,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    pub number: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_on: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Day>,
    /// Department code, six digits without a dash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_by: Option<String>,
    /// Latin names, foreign passport only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latin_last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latin_first_name: Option<String>,
    #[serde(default)]
    pub verified: bool,
    #[serde(default)]
    pub main: bool,
    /// Lost or withdrawn: no longer good.
    #[serde(default)]
    pub lost: bool,
}

/// `kind` is ESIA's type: `PLV` residence, `PRG` registration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub id: i64,
    pub kind: String,
    /// The whole address in one line.
    pub text: String,
    #[serde(default)]
    pub zip: String,
    #[serde(default)]
    pub region: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub house: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fias: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vehicle {
    pub id: i64,
    pub name: String,
    pub number_plate: String,
    pub certificate_series: String,
    pub certificate_number: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    pub id: i64,
    pub last_name: String,
    pub first_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    pub gender: Gender,
    pub birth_date: Day,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snils: Option<String>,
    #[serde(default)]
    pub documents: Vec<Document>,
}

/// An organisation where the person has a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    pub oid: i64,
    pub full_name: String,
    pub short_name: String,
    pub ogrn: String,
    pub inn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kpp: Option<String>,
    /// `LEGAL`, `BUSINESS`, `AGENCY`
    pub kind: String,
    #[serde(default)]
    pub chief: bool,
    #[serde(default)]
    pub admin: bool,
}

/// A debt as it stands when the person enters the world; what happens to it afterwards is the portal's to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    pub uin: String,
    pub kind: DebtKind,
    pub title: String,
    pub amount: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    pub due_date: Day,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction: Option<Restriction>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DebtKind {
    Credit,
    Utilities,
    Fine,
    Tax,
}

/// `amount` settles the debt when paid on or before `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    pub amount: Money,
    pub until: Day,
}

/// What the person may not do while the debt stands: leave the country, sell a car …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// `border`, `vehicle`, `account`
    pub kind: String,
    pub title: String,
    pub since: Day,
}

/// The pension account: what was accrued by employers and paid to the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pension {
    pub balance: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_payment_date: Option<Day>,
    #[serde(default)]
    pub operations: Vec<PensionOperation>,
    /// The registry does not answer at once for this person.
    #[serde(default)]
    pub deferred: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PensionOperation {
    pub date: Day,
    pub amount: Money,
    pub source: String,
    pub kind: PensionKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PensionKind {
    Accrual,
    Payment,
}
