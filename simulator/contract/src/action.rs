//! The actions by which a bank is driven, each with the schema of its parameters and values: the contract's table as
//! types. `stend scenario schema --actions` prints them, the scenario parser checks against them, and a bank may
//! read and write them.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::consent::ConsentState;
use crate::ids::{Inn, Snils};
use crate::money::Money;
use crate::registries::debts::{Debt, DebtKind, Discount, Payment, PaymentMethod, Restriction, Totals};
use crate::registries::pension::Operation;
use crate::time::{Day, Span, Timestamp};

/// An action.
pub struct Action {
    /// `debts.pay`.
    pub name: &'static str,
    /// What it is, in Russian.
    pub ru: &'static str,
    /// The same in English.
    pub en: &'static str,
    /// Schema of `params`.
    pub params: fn() -> Schema,
    /// Schema of `values` once the outcome is `ok`.
    pub values: fn() -> Schema,
}

/// Every action of this version.
pub const ACTIONS: &[Action] = &[
    action::<LinkParams, ProfileValues>(
        "customer.link",
        "Связать клиента с порталом",
        "Link the customer through the portal",
    ),
    action::<Nothing, ProfileValues>("customer.profile", "Показать профиль клиента", "Show the customer's profile"),
    action::<Nothing, Nothing>(
        "customer.unlink",
        "Отвязать клиента и стереть данные",
        "Unlink the customer and erase the data",
    ),
    action::<ConsentRequestParams, ConsentValues>("consent.request", "Запросить согласие", "Ask for a consent"),
    action::<ConsentParams, ConsentValues>(
        "consent.status",
        "Показать состояние согласия",
        "Show the state of a consent",
    ),
    action::<ConsentParams, ConsentValues>(
        "consent.revoke",
        "Отозвать согласие со стороны банка",
        "Revoke a consent at the bank's side",
    ),
    action::<Nothing, DebtsValues>("debts.list", "Показать долги", "Show the debts"),
    action::<PayParams, PayValues>("debts.pay", "Оплатить долг", "Pay a debt"),
    action::<FeedParams, FeedValues>(
        "debts.feed",
        "Передать порталу просроченный кредит",
        "Tell the portal of an overdue credit",
    ),
    action::<PensionParams, PensionValues>("pension.view", "Показать пенсионный счёт", "Show the pension account"),
];

const fn action<P: JsonSchema, V: JsonSchema>(name: &'static str, ru: &'static str, en: &'static str) -> Action {
    Action { name, ru, en, params: schema::<P>, values: schema::<V> }
}

fn schema<T: JsonSchema>() -> Schema {
    schemars::SchemaGenerator::default().into_root_schema_for::<T>()
}

/// The action of this name.
pub fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

/// Every action with its schemas, as `stend scenario schema --actions` prints it.
pub fn published() -> Value {
    let all = ACTIONS.iter().map(|action| {
        json!({
            "name": action.name,
            "title": {"ru": action.ru, "en": action.en},
            "params": (action.params)(),
            "values": (action.values)(),
        })
    });
    Value::Array(all.collect())
}

/// No parameters, or no values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

/// Parameters of `customer.link`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkParams {
    /// What to ask for.
    pub scopes: Vec<String>,
    /// What the sign-in must have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}

/// Levels that an operation may demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Level {
    /// A second factor was used.
    #[serde(rename = "2fa")]
    SecondFactor,
    /// The account is confirmed.
    #[serde(rename = "confirmed")]
    Confirmed,
}

/// Values of `customer.link` and `customer.profile`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileValues {
    /// Only what was consented.
    pub profile: Profile,
}

/// What the bank knows of a customer: only what was consented.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Patronymic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    /// Day of birth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Day>,
    /// Insurance number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snils: Option<Snils>,
    /// Taxpayer number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inn: Option<Inn>,
    /// Mobile phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Parameters of `consent.request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequestParams {
    /// What for.
    pub purpose: String,
    /// The exact data.
    pub scopes: Vec<String>,
    /// For how long.
    pub term: Span,
}

/// Parameters of `consent.status` and `consent.revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentParams {
    /// Its id.
    pub consent: String,
}

/// Values of the consent actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentValues {
    /// As the bank's register holds it.
    pub consent: Consent,
}

/// A consent in the bank's register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consent {
    /// Its id at the portal.
    pub id: String,
    /// Its state.
    pub state: ConsentState,
    /// What for.
    pub purpose: String,
    /// The exact data.
    pub scopes: Vec<String>,
    /// When it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<Timestamp>,
    /// When its term ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Values of `debts.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DebtsValues {
    /// Every open debt.
    pub items: Vec<DebtShown>,
    /// Sums by kind and in all.
    pub totals: Totals,
}

/// A debt as the bank shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DebtShown {
    /// The charge's number.
    pub uin: String,
    /// Its kind.
    pub kind: DebtKind,
    /// What it is for.
    pub title: String,
    /// The full sum.
    pub amount: Money,
    /// The smaller sum and its last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    /// The last day to pay.
    pub due_date: Day,
    /// What the debtor may not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction: Option<Restriction>,
}

impl From<&Debt> for DebtShown {
    fn from(debt: &Debt) -> Self {
        Self {
            uin: debt.uin.to_string(),
            kind: debt.kind,
            title: debt.title.clone(),
            amount: debt.amount,
            discount: debt.discount,
            due_date: debt.due_date,
            restriction: debt.restriction.clone(),
        }
    }
}

/// Parameters of `debts.pay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PayParams {
    /// Which debt.
    pub uin: String,
    /// How much.
    pub amount: Money,
    /// How.
    pub method: PaymentMethod,
}

/// Values of `debts.pay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PayValues {
    /// As the portal answered it.
    pub payment: Payment,
}

/// Parameters of `debts.feed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedParams {
    /// The bank's own id of the credit.
    pub external_id: String,
    /// What it is for.
    pub title: String,
    /// The overdue sum.
    pub amount: Money,
    /// Due since.
    pub due_date: Day,
}

/// Values of `debts.feed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedValues {
    /// The number that the portal gave.
    pub uin: String,
}

/// Parameters of `pension.view`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PensionParams {
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
}

/// Values of `pension.view`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PensionValues {
    /// At the end of the last day.
    pub balance: Money,
    /// Credited within the period.
    pub accrued: Money,
    /// Paid out within the period.
    pub paid: Money,
    /// When money is next paid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_payment_date: Option<Day>,
    /// Booked within the period.
    pub operations: Vec<Operation>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_publishes_both_schemas() {
        let published = published();
        assert_eq!(published.as_array().unwrap().len(), ACTIONS.len());
        assert_eq!(published[0]["params"]["required"], json!(["scopes"]));
        assert_eq!(published[7]["name"], "debts.pay");
        assert!(find("debts.pai").is_none());
    }

    #[test]
    fn a_level_is_written_as_scenarios_write_it() {
        assert_eq!(serde_json::to_string(&Level::SecondFactor).unwrap(), "\"2fa\"");
    }
}
