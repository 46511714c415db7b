//! The actions by which a bank is driven, each with the schema of its parameters and values: the contract's table as
//! types. `stend scenario schema --actions` prints them, the scenario parser checks against them, and a bank may
//! read and write them.

pub mod services;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::consent::ConsentState;
use crate::ids::{Inn, Snils};
use crate::money::Money;
use crate::registries::debts::{Debt, DebtKind, Discount, Payment, PaymentMethod, Restriction, Totals};
use crate::registries::pension::Operation;
use crate::time::{Day, Span, Timestamp};
use services as of;

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

/// Every action of this version. A `static`: of a `const` each crate that looks at it compiles every schema again.
pub static ACTIONS: &[Action] = &[
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
    action::<of::ReadParams, DebtsValues>("debts.list", "Показать долги", "Show the debts"),
    action::<PayParams, PayValues>("debts.pay", "Оплатить долг", "Pay a debt"),
    action::<FeedParams, FeedValues>(
        "debts.feed",
        "Передать порталу просроченный кредит",
        "Tell the portal of an overdue credit",
    ),
    action::<PensionParams, PensionValues>("pension.view", "Показать пенсионный счёт", "Show the pension account"),
    action::<of::AnalyticsParams, of::AnalyticsValues>(
        "analytics.push",
        "Передать порталу сводку расходов",
        "Give the portal the sums of what was spent",
    ),
    action::<of::ApplicationIdParams, of::ApplicationValues>(
        "application.status",
        "Показать состояние заявки",
        "Show where an application stands",
    ),
    action::<of::ProcessParams, of::ApplicationValues>(
        "application.process",
        "Рассмотреть заявку",
        "Process an application",
    ),
    action::<of::BudgetTransferParams, of::TransferValues>(
        "budget.transfer",
        "Перевести на счёт бюджета",
        "Transfer to a budget account",
    ),
    action::<of::OrderIdParams, of::DownloadValues>(
        "certificate.download",
        "Получить и проверить справку",
        "Download a statement and verify it",
    ),
    action::<of::OrderParams, of::OrderValues>("certificate.order", "Заказать справку", "Order a statement"),
    action::<of::OrderIdParams, of::OrderValues>(
        "certificate.status",
        "Показать состояние заказа",
        "Show where an order stands",
    ),
    action::<of::PassParams, of::IntakeValues>(
        "document.pass",
        "Передать подтверждающие документы",
        "Pass supporting documents on",
    ),
    action::<of::DutyListParams, of::DutiesValues>("duty.list", "Показать пошлины", "Show state duties"),
    action::<of::DutyPayParams, of::DutyPaymentValues>("duty.pay", "Оплатить пошлину", "Pay a state duty"),
    action::<of::PaymentIdParams, of::DutyPaymentValues>(
        "duty.status",
        "Показать состояние оплаты",
        "Show where a payment stands",
    ),
    action::<of::EstateExportParams, of::ExportValues>(
        "estate.export",
        "Выгрузить сведения о недвижимости",
        "Export what is known of real estate",
    ),
    action::<of::EstateParams, of::EstateValues>("estate.lookup", "Найти недвижимость", "Look real estate up"),
    action::<of::FollowParams, of::EventsValues>("events.follow", "Принять события", "Follow the portal's events"),
    action::<of::ConfirmParams, of::ConfirmValues>(
        "factor.confirm",
        "Подтвердить действие кодом",
        "Confirm an operation by a code",
    ),
    action::<of::FeedbackParams, of::FeedbackValues>("feedback.send", "Отправить обращение", "Send feedback"),
    action::<of::ReadParams, of::InsuranceValues>("insurance.offer", "Предложить страхование", "Offer insurance"),
    action::<of::LoanParams, of::LoanValues>("loan.decide", "Решить о займе", "Decide on a loan"),
    action::<of::ReadParams, of::OffersValues>(
        "offer.list",
        "Предложить продукты по заявкам",
        "Offer products on state applications",
    ),
    action::<of::PaymentsParams, of::PaymentsValues>("payments.list", "Показать выплаты", "Show state payments"),
    action::<of::PayoutParams, of::PayoutValues>(
        "payout.receive",
        "Вывести деньги на карту",
        "Receive a payout on a card",
    ),
    action::<of::PensionExportParams, of::PensionExportValues>(
        "pension.export",
        "Выгрузить пенсионный счёт",
        "Export the pension account",
    ),
    action::<of::ProgrammeTransferParams, of::TransferValues>(
        "programme.transfer",
        "Перевести по программе",
        "Transfer under a state programme",
    ),
    action::<of::ReadParams, of::RecommendationsValues>(
        "recommendations.list",
        "Показать рекомендации",
        "Show recommendations",
    ),
    action::<of::ServeParams, of::AccountsValues>(
        "account.serve",
        "Открыть счета порталу",
        "Serve accounts through the portal",
    ),
    action::<of::TaxParams, of::TaxValues>("tax.file", "Подать налоговую декларацию", "File a tax return"),
    action::<of::ReadParams, of::WalletValues>(
        "wallet.sync",
        "Сверить кошелёк субсидий",
        "Sync the wallet of subsidies",
    ),
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
    /// By which channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<of::Channel>,
    /// Ask for an encrypted answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
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
