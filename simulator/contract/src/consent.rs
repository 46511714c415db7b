//! Consents of the Digital Profile: types and purposes, the request (`permissions`), the record, the states.
//!
//! Which scopes each real type demands or allows is not public; the sets here are this portal's own and small: what a
//! name plainly implies, so that every code of the 0367xx range can occur and common requests are not hindered.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::Oid;
use crate::scope::{self, Class};
use crate::time::{Span, Timestamp};

/// Longest term of a consent, in minutes: one year. Also the term where the request names none.
pub const MAX_MINUTES: i64 = 525_600;
/// What may be done with the data.
pub const ACTIONS: &[Action] = &[
    Action {
        sysname: "ALL_ACTIONS_TO_DATA", ru: "Любые действия с данными", en: "Any processing of the data"
    },
    Action { sysname: "SHARE_DATA", ru: "Передача данных", en: "Sharing the data" },
    Action { sysname: "USE_DATA", ru: "Использование данных", en: "Using the data" },
];

/// Purposes for which data for insurance may be read (INS-1): those of [`Group::Insurance`].
pub const INSURANCE: &[&str] = &[
    "INSURANCE_SERVICES",
    "AUTO_AGREEMENT",
    "NPF_AGREEMENT",
    "ASV_APPLICATIONS",
    "ASV_APPLICATIONS_APPEAL",
    "ASV_APPLICATIONS_IP",
];
/// Purposes that are marketing: only under these may offers be made (OFR-1).
pub const MARKETING: &[&str] = &["FIN_SERVICES_OFFER", "OFFER_FIN_SERV", "OFFER_FIN_SERV_APPROVAL"];

/// An action with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Its mnemonic.
    pub sysname: &'static str,
    /// As the consent page says it.
    pub ru: &'static str,
    /// The same in English.
    pub en: &'static str,
}

/// A consent type; the same vocabulary serves for purposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ConsentType {
    /// Its mnemonic.
    pub sysname: &'static str,
    /// Where it belongs.
    pub group: Group,
    /// As the consent page says it.
    pub ru: &'static str,
    /// The same in English.
    pub en: &'static str,
    /// Which scopes go with it.
    pub scopes: ScopeRule,
    /// It takes exactly one purpose.
    pub one_purpose: bool,
}

/// Groups of consent types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Accounts and cards.
    Accounts,
    /// Biometrics.
    Biometrics,
    /// Credit.
    Credit,
    /// Credit history.
    CreditHistory,
    /// Insurance, pension, deposits.
    Insurance,
    /// Investment.
    Investment,
    /// Onboarding and identification.
    Onboarding,
    /// Other.
    Other,
    /// Offers and services.
    Services,
}

/// Which scopes go with a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeRule {
    /// Only declared data (`*_ext`).
    Declared,
    /// None at all.
    Forbidden,
    /// These must be asked; others may, declared data apart.
    Mandatory(&'static [&'static str]),
    /// Any but declared data.
    Usual,
}

/// Life of a consent: requested, then granted, refused or expired; granted, then revoked or expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsentState {
    /// The citizen was asked.
    Requested,
    /// The citizen agreed.
    Granted,
    /// The citizen declined.
    Refused,
    /// Nobody answered in time, or the term is over.
    Expired,
    /// Taken back by the citizen or given up by the bank.
    Revoked,
}

/// `GET /api/v1/consents/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRecord {
    /// Its id.
    pub id: String,
    /// Where in its life it is.
    pub state: ConsentState,
    /// To whom it was given.
    pub client_id: String,
    /// Who gave it.
    pub person: Oid,
    /// The first purpose.
    pub purpose: String,
    /// All purposes.
    pub purposes: Vec<String>,
    /// The exact data.
    pub scopes: Vec<String>,
    /// What may be done with it.
    pub actions: Vec<String>,
    /// When it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<Timestamp>,
    /// When its term ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What `permissions` asks for, checked: type, actions, purposes and scopes are known and go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Consent type.
    pub sysname: String,
    /// Name of the organisation, where the bank gives one.
    pub responsible_object: Option<String>,
    /// How long the consent stands after approval.
    pub term: Span,
    /// What may be done with the data.
    pub actions: Vec<String>,
    /// What for.
    pub purposes: Vec<String>,
    /// The exact data.
    pub scopes: Vec<String>,
}

/// Why `permissions` was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read permissions: {code}, seen {seen:?}, wanted {wanted}")]
pub struct PermissionsError {
    /// Row of the error registry.
    pub code: &'static str,
    /// What stood there.
    pub seen: String,
    /// What should.
    pub wanted: String,
}

/// The consent type of this mnemonic.
pub fn find(sysname: &str) -> Option<&'static ConsentType> {
    TYPES.iter().find(|kind| kind.sysname == sysname)
}

/// The purpose of this mnemonic: the vocabulary of the types.
pub fn purpose(sysname: &str) -> Option<&'static ConsentType> {
    find(sysname)
}

impl ConsentState {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl Permission {
    /// Reads the parameter `permissions`: base64url of a JSON array. Padding and the standard alphabet are read too,
    /// as the real portal is known to tolerate in its other parameters.
    pub fn parse(parameter: &str) -> Result<Vec<Self>, PermissionsError> {
        let refused = |wanted: &str| PermissionsError {
            code: "ESIA-007038",
            seen: shortened(parameter),
            wanted: wanted.to_owned(),
        };
        let urlsafe = parameter.trim().replace('+', "-").replace('/', "_");
        let bytes = BASE64URL.decode(urlsafe).map_err(|_| refused("base64url without padding"))?;
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| refused("a JSON array in base64url"))?;
        let Value::Array(items) = json else { return Err(refused("a JSON array, not one object")) };
        if items.is_empty() {
            return Err(PermissionsError {
                code: "ESIA-036700",
                seen: "[]".to_owned(),
                wanted: "at least one permission".to_owned(),
            });
        }
        items
            .iter()
            .map(|item| item.as_object().ok_or_else(|| refused("an array of objects")).and_then(Self::read))
            .collect()
    }

    /// Writes the parameter as a bank sends it.
    pub fn encode(permissions: &[Self]) -> String {
        let names = |all: &[String]| all.iter().map(|name| serde_json::json!({"sysname": name})).collect::<Vec<_>>();
        let items: Vec<Value> = permissions
            .iter()
            .map(|one| {
                let mut item = serde_json::json!({
                    "sysname": one.sysname,
                    "expire": one.term.seconds() / 60,
                    "actions": names(&one.actions),
                    "purposes": names(&one.purposes),
                    "scopes": names(&one.scopes),
                });
                if let Some(name) = &one.responsible_object {
                    item["responsibleObject"] = name.clone().into();
                }
                item
            })
            .collect();
        BASE64URL.encode(Value::Array(items).to_string())
    }

    fn read(item: &Map<String, Value>) -> Result<Self, PermissionsError> {
        let refused = |code, seen: &str, wanted: &str| PermissionsError {
            code,
            seen: shortened(seen),
            wanted: wanted.to_owned(),
        };
        let sysname = item.get("sysname").and_then(Value::as_str).unwrap_or_default();
        if sysname.is_empty() {
            return Err(refused("ESIA-036700", "", "a consent type in sysname"));
        }
        let kind = find(sysname).ok_or_else(|| refused("ESIA-036701", sysname, "a known consent type"))?;

        let actions = sysnames(item, "actions")?;
        if actions.is_empty() {
            return Err(refused("ESIA-036705", "[]", "at least one action"));
        }
        let declared = kind.scopes == ScopeRule::Declared;
        let known =
            |name: &str| ACTIONS.iter().any(|action| action.sysname == name) && (name != "SHARE_DATA" || declared);
        if let Some(stranger) = actions.iter().find(|name| !known(name)) {
            return Err(refused("ESIA-036706", stranger, "an action that goes with the type"));
        }

        let purposes = sysnames(item, "purposes")?;
        if purposes.is_empty() {
            return Err(refused("ESIA-036707", "[]", "at least one purpose"));
        }
        if let Some(stranger) = purposes.iter().find(|name| purpose(name).is_none()) {
            return Err(refused("ESIA-036726", stranger, "a known purpose"));
        }
        if kind.one_purpose && purposes.len() > 1 {
            return Err(refused("ESIA-036727", &purposes.join(" "), "exactly one purpose"));
        }

        let scopes = sysnames(item, "scopes")?;
        kind.scopes.check(&scopes)?;
        let term = minutes(item.get("expire"))?;
        let responsible_object = item.get("responsibleObject").and_then(Value::as_str).map(ToOwned::to_owned);
        Ok(Self { sysname: sysname.to_owned(), responsible_object, term, actions, purposes, scopes })
    }
}

impl ScopeRule {
    fn check(self, scopes: &[String]) -> Result<(), PermissionsError> {
        let refused = |code, seen: &str, wanted: &str| PermissionsError {
            code,
            seen: shortened(seen),
            wanted: wanted.to_owned(),
        };
        if self == Self::Forbidden {
            return if scopes.is_empty() {
                Ok(())
            } else {
                Err(refused("ESIA-036704", &scopes.join(" "), "no scopes with this type"))
            };
        }
        for name in scopes {
            let fits =
                scope::find(name).is_some_and(|meta| (meta.class == Class::Declared) == (self == Self::Declared));
            if !fits {
                return Err(refused("ESIA-036703", name, "a known scope that goes with the type"));
            }
        }
        if let Self::Mandatory(wanted) = self
            && let Some(missing) = wanted.iter().find(|name| !scopes.iter().any(|scope| scope == *name))
        {
            return Err(refused("ESIA-036702", missing, "this scope among the scopes"));
        }
        Ok(())
    }
}

/// The decoder takes padding or none, and does not mind stray last bits.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// `[{"sysname": "A"}, …]`; an absent member is an empty list, and a bare text in the list is read as its mnemonic.
fn sysnames(item: &Map<String, Value>, member: &str) -> Result<Vec<String>, PermissionsError> {
    let refused = |seen: &Value| PermissionsError {
        code: "ESIA-007038",
        seen: shortened(&seen.to_string()),
        wanted: format!("{member}: an array of objects with sysname"),
    };
    match item.get(member) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(all)) => all
            .iter()
            .map(|one| one.get("sysname").unwrap_or(one).as_str().map(ToOwned::to_owned).ok_or_else(|| refused(one)))
            .collect(),
        Some(other) => Err(refused(other)),
    }
}

fn minutes(expire: Option<&Value>) -> Result<Span, PermissionsError> {
    let number = match expire {
        None | Some(Value::Null) => Some(MAX_MINUTES),
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    number.filter(|minutes| (1..=MAX_MINUTES).contains(minutes)).map(Span::from_minutes).ok_or_else(|| {
        PermissionsError {
            code: "ESIA-036716",
            seen: expire.map(ToString::to_string).unwrap_or_default(),
            wanted: format!("whole minutes between 1 and {MAX_MINUTES}"),
        }
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

macro_rules! types {
    ($($group:ident { $($name:literal: $ru:literal / $en:literal => ($rule:expr, $one:literal);)* })*) => {
        /// Every consent type, by group.
        pub const TYPES: &[ConsentType] = &[
            $($(ConsentType { sysname: $name, group: Group::$group, ru: $ru, en: $en, scopes: $rule, one_purpose: $one },)*)*
        ];
    };
}

use ScopeRule::{Declared, Forbidden, Mandatory, Usual};

types! {
    Credit {
        "CREDIT": "Оформление кредита" / "Applying for a credit" => (Usual, false);
        "CREDIT_CARD": "Оформление кредитной карты" / "Applying for a credit card" => (Usual, false);
        "CREDIT_AGREEMENT": "Заключение кредитного договора" / "Credit agreement" => (Usual, false);
        "CREDIT_AGREEMENT_EXEC": "Исполнение кредитного договора" / "Performing a credit agreement" => (Usual, false);
        "CREDIT_AGREEMENT_CHANGE": "Изменение кредитного договора" / "Changing a credit agreement" => (Usual, false);
        "CREDIT_AMOUNT_OF_DEBT": "Сведения о размере задолженности" / "Amount of debt" => (Usual, false);
        "CREDIT_ARREARS": "Работа с просроченной задолженностью" / "Arrears" => (Usual, false);
        "CREDIT_BORROWER_INF": "Сведения о заёмщике" / "Borrower data" => (Usual, false);
        "CREDIT_POSTPONEMENT": "Отсрочка по кредиту" / "Postponement of a credit" => (Usual, false);
        "CREDITOR_GRACE_PERIOD_REQ": "Требование о льготном периоде" / "Request for a grace period" => (Usual, false);
        "AGGREGATOR_CREDIT": "Подбор кредита" / "Choosing a credit" => (Usual, false);
        "MFO_AGREEMENT": "Договор микрозайма" / "Microloan agreement" => (Usual, false);
    }
    CreditHistory {
        "CREDIT_REPORT": "Кредитный отчёт" / "Credit report" => (Mandatory(&["fullname", "id_doc"]), true);
        "CREDIT_REPORT_IE": "Кредитный отчёт предпринимателя" / "Credit report of a sole trader" => (Usual, false);
        "CREDIT_REPORT_LONG": "Кредитный отчёт на длительный срок" / "Credit report over a long term" => (Mandatory(&["fullname", "id_doc"]), true);
        "CREDIT_REPORT_LONG_IE": "Кредитный отчёт предпринимателя на длительный срок" / "Credit report of a sole trader over a long term" => (Usual, false);
        "CREDIT_HISTORY_CHANGES": "Изменения кредитной истории" / "Changes of the credit history" => (Usual, false);
        "CREDIT_HISTORY_CHANGES_IE": "Изменения кредитной истории предпринимателя" / "Changes of the credit history of a sole trader" => (Usual, false);
    }
    Accounts {
        "BANK_CARD": "Оформление банковской карты" / "Bank card" => (Usual, false);
        "BANK_ACC_PERM": "Доступ к сведениям о счетах" / "Access to account data" => (Usual, false);
        "LINK_ACCOUNT": "Связь учётных записей" / "Linking accounts" => (Usual, false);
        "GEPS_BANK": "Государственная электронная почта от банка" / "State mail from the bank" => (Usual, false);
        "DIGITAL_RUBLE": "Счёт цифрового рубля" / "Digital rouble wallet" => (Usual, false);
    }
    Onboarding {
        "REG_QUESTIONNAIRE": "Заполнение анкеты при регистрации" / "Registration form" => (Usual, false);
        "FILL_QUESTIONNAIRE": "Заполнение анкеты" / "Filling a form" => (Usual, false);
        "UPD_CUSTOMER_INF": "Обновление сведений о клиенте" / "Updating customer data" => (Usual, false);
        "IDENTIFICATION": "Идентификация" / "Identification" => (Usual, false);
        "IDENTIFICATION_EBS": "Идентификация по биометрии" / "Identification by biometrics" => (Mandatory(&["bio"]), false);
        "IDENTIFICATION_FIN_SERV": "Идентификация для финансовых услуг" / "Identification for financial services" => (Usual, false);
        "INF_STATUS": "Информирование о статусе" / "Information on a status" => (Usual, false);
        "VERIFY_USER": "Проверка пользователя" / "Verifying a user" => (Usual, false);
    }
    Biometrics {
        "AUTHENTIFICATION_EBS": "Вход по биометрии (ЕБС)" / "Sign-in by biometrics" => (Mandatory(&["bio"]), false);
        "AUTHENTIFICATION_KBS": "Вход по биометрии (КБС)" / "Sign-in by commercial biometrics" => (Usual, false);
        "AUTHENTIFICATION_KBS_ESIA": "Вход по биометрии (КБС через ЕСИА)" / "Sign-in by commercial biometrics through ESIA" => (Usual, false);
        "AUTHENTIFICATION_REBS": "Вход по биометрии (региональная)" / "Sign-in by regional biometrics" => (Usual, false);
        "REGISTRATION_EBS": "Регистрация биометрии" / "Registering biometrics" => (Mandatory(&["bio"]), false);
        "REGISTRATION_REBS": "Регистрация биометрии (региональная)" / "Registering regional biometrics" => (Usual, false);
        "BIO_EXP": "Передача биометрии" / "Transfer of biometrics" => (Mandatory(&["bio_export"]), true);
    }
    Services {
        "FIN_SERVICES_OFFER": "Предложение финансовых услуг" / "Offer of financial services" => (Usual, false);
        "OFFER_FIN_SERV": "Подбор финансовых услуг" / "Choosing financial services" => (Usual, false);
        "OFFER_FIN_SERV_APPROVAL": "Одобрение финансовых услуг" / "Approval of financial services" => (Usual, false);
        "UPDATE_FIN_SERV": "Изменение финансовых услуг" / "Changing financial services" => (Usual, false);
        "FIN_AGREEMENT": "Договор о финансовых услугах" / "Agreement on financial services" => (Usual, false);
        "FINANCIAL_NONFIN_SERVICES": "Финансовые и нефинансовые услуги" / "Financial and other services" => (Usual, false);
        "PAID_AGREEMENT": "Договор о платных услугах" / "Agreement on paid services" => (Usual, false);
    }
    Investment {
        "ACCOUNT_SECURITIES": "Счёт ценных бумаг" / "Securities account" => (Usual, false);
        "INVESTMENT_AGREEMENT": "Инвестиционный договор" / "Investment agreement" => (Usual, false);
        "INVERSTMENT_UNITS": "Паи инвестиционных фондов" / "Investment units" => (Usual, false);
        "QUALIFIED_INVESTOR": "Признание квалифицированным инвестором" / "Qualified investor" => (Usual, false);
        "DIGITAL_FIN_ASSETS": "Цифровые финансовые активы" / "Digital financial assets" => (Usual, false);
        "DIGITAL_FIN_ASSETS_IE": "Цифровые финансовые активы предпринимателя" / "Digital financial assets of a sole trader" => (Usual, false);
        "DIGITAL_RIGHTS": "Цифровые права" / "Digital rights" => (Usual, false);
        "DIGITAL_RIGHTS_IE": "Цифровые права предпринимателя" / "Digital rights of a sole trader" => (Usual, false);
        "ATTRACTING_INVESTMENTS_IE": "Привлечение инвестиций предпринимателем" / "Raising investment by a sole trader" => (Usual, false);
    }
    Insurance {
        "INSURANCE_SERVICES": "Страховые услуги" / "Insurance" => (Usual, false);
        "AUTO_AGREEMENT": "Договор автострахования" / "Motor insurance" => (Usual, false);
        "NPF_AGREEMENT": "Договор с пенсионным фондом" / "Agreement with a pension fund" => (Usual, false);
        "ASV_APPLICATIONS": "Заявления о страховом возмещении" / "Claims for deposit insurance" => (Usual, false);
        "ASV_APPLICATIONS_APPEAL": "Обжалование страхового возмещения" / "Appeals on deposit insurance" => (Usual, false);
        "ASV_APPLICATIONS_IP": "Заявления предпринимателя о страховом возмещении" / "Claims of a sole trader for deposit insurance" => (Usual, false);
    }
    Other {
        "PERS_DATA_EXT": "Сведения, сообщённые вами" / "Data declared by you" => (Declared, true);
        "AGREEMENT_EXTENDED_LIST": "Договор с расширенным перечнем данных" / "Agreement with an extended list of data" => (Usual, false);
        "EMPLOYMENT_INF": "Сведения о работе" / "Employment data" => (Usual, false);
        "KID_EDUCATION": "Образование ребёнка" / "Education of a child" => (Mandatory(&["kid_fullname"]), false);
        "KID_SCHOOL": "Школа ребёнка" / "School of a child" => (Mandatory(&["kid_fullname"]), false);
        "APIPGU": "Подача заявлений через API портала" / "Applications through the portal's API" => (Forbidden, true);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn ask(json: Value) -> Result<Vec<Permission>, PermissionsError> {
        Permission::parse(&BASE64URL.encode(json.to_string()))
    }

    fn good() -> Value {
        json!({
            "sysname": "CREDIT", "expire": 262_800, "actions": [{"sysname": "ALL_ACTIONS_TO_DATA"}],
            "purposes": [{"sysname": "CREDIT"}], "scopes": [{"sysname": "fullname"}, {"sysname": "debts"}],
        })
    }

    fn with(member: &str, value: Value) -> Value {
        let mut item = good();
        item[member] = value;
        json!([item])
    }

    #[test]
    fn a_good_request_is_read_and_written_alike() {
        let permissions = ask(json!([good()])).unwrap();
        assert_eq!(permissions[0].term, Span::from_minutes(262_800));
        assert_eq!(permissions[0].scopes, ["fullname", "debts"]);
        assert_eq!(Permission::parse(&Permission::encode(&permissions)).unwrap(), permissions);
    }

    #[test]
    fn every_code_of_the_range_has_its_request() {
        let names = |all: &[&str]| all.iter().map(|name| json!({"sysname": name})).collect::<Value>();
        let cases = [
            ("ESIA-036700", with("sysname", json!(null))),
            ("ESIA-036700", json!([])),
            ("ESIA-036701", with("sysname", json!("CREDITS"))),
            ("ESIA-036702", with("sysname", json!("IDENTIFICATION_EBS"))),
            ("ESIA-036703", with("scopes", names(&["fullname", "race_ext"]))),
            ("ESIA-036703", with("scopes", names(&["full_name"]))),
            ("ESIA-036704", with("sysname", json!("APIPGU"))),
            ("ESIA-036705", with("actions", json!([]))),
            ("ESIA-036706", with("actions", names(&["SHARE_DATA"]))),
            ("ESIA-036707", with("purposes", json!(null))),
            ("ESIA-036716", with("expire", json!(525_601))),
            ("ESIA-036716", with("expire", json!(0))),
            ("ESIA-036716", with("expire", json!(1.5))),
            ("ESIA-036726", with("purposes", names(&["CURIOSITY"]))),
            (
                "ESIA-036727",
                json!([{"sysname": "APIPGU", "actions": names(&["USE_DATA"]), "purposes": names(&["APIPGU", "CREDIT"])}]),
            ),
            ("ESIA-007038", json!({"sysname": "CREDIT"})),
        ];
        for (code, json) in cases {
            assert_eq!(ask(json.clone()).unwrap_err().code, code, "{json}");
            assert!(crate::error::find(code).is_some(), "{code}");
        }
    }

    #[test]
    fn padding_and_the_standard_alphabet_are_tolerated() {
        let text = json!([with("responsibleObject", json!("ООО «Пример?»"))[0]]).to_string();
        let standard = base64::engine::general_purpose::STANDARD.encode(&text);
        assert_eq!(Permission::parse(&standard).unwrap()[0].responsible_object.as_deref(), Some("ООО «Пример?»"));
        assert_eq!(Permission::parse("не base64").unwrap_err().code, "ESIA-007038");
    }

    #[test]
    fn purposes_of_insurance_and_marketing_are_purposes() {
        let of =
            |group: Group| TYPES.iter().filter(|kind| kind.group == group).map(|kind| kind.sysname).collect::<Vec<_>>();
        assert_eq!(of(Group::Insurance), INSURANCE);
        assert!(MARKETING.iter().all(|name| purpose(name).is_some_and(|kind| kind.group == Group::Services)));
    }

    #[test]
    fn mandatory_scopes_are_scopes() {
        for kind in TYPES {
            if let Mandatory(scopes) = kind.scopes {
                assert!(scopes.iter().all(|name| scope::find(name).is_some()), "{}", kind.sysname);
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,80}") {
            let _ = Permission::parse(&text);
        }
    }
}
