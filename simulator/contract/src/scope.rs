//! Scopes: what each is called for a citizen, and which data it opens. ESIA's own list, and beside it `debts` and
//! `pension` for the data services, `profile email phone` for stock OpenID Connect clients.

use serde::Serialize;

/// A scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeMeta {
    /// Its name on the wire.
    pub name: &'static str,
    /// Where it belongs.
    pub class: Class,
    /// As the consent page says it.
    pub ru: &'static str,
    /// The same in English.
    pub en: &'static str,
    /// The data that it opens.
    pub opens: Opens,
}

/// Classes of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Biometrics.
    Biometrics,
    /// Children.
    Children,
    /// Civil status.
    Civil,
    /// Declared by the citizen (`*_ext`), only with consent type `PERS_DATA_EXT`.
    Declared,
    /// Documents.
    Documents,
    /// Education and health.
    Education,
    /// Income, work, pension.
    Income,
    /// OpenID Connect's own.
    Oidc,
    /// Organisations.
    Organisations,
    /// The person.
    Person,
    /// Property and money.
    Property,
    /// The data services of `/api`.
    Services,
    /// Technical.
    Technical,
}

/// What a scope opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Opens {
    /// Contacts of these types.
    Contacts(&'static [&'static str]),
    /// Documents of these types.
    Documents(&'static [&'static str]),
    /// Fields of the person, as `/rs/prns/{oid}` names them.
    Fields(&'static [&'static str]),
    /// A whole group of the person: `addresses`, `vehicles`, `organizations`, `kids`.
    Group(&'static str),
    /// Fields of each child.
    KidFields(&'static [&'static str]),
    /// Nothing by itself, or data that this portal does not hold.
    Nothing,
    /// A data service of `/api`: `debts`, `pension`.
    Service(&'static str),
}

/// The scope of OpenID Connect without which there is no id token.
pub const OPENID: &str = "openid";
/// Debts and fines.
pub const DEBTS: &str = "debts";
/// The pension account.
pub const PENSION: &str = "pension";
/// The withdrawn scope that once opened everything.
pub const WITHDRAWN: &str = "usr_inf";
/// The technical scope that asks for a data token on a standing consent.
pub const STANDING_CONSENT: &str = "prm_chg";

/// The scope of this name, without regard to `?oid=` and a host before it.
pub fn find(entry: &str) -> Option<&'static ScopeMeta> {
    let name = bare(entry);
    SCOPES.iter().find(|scope| scope.name == name)
}

/// The name within an entry of a token's `scope`: `http://esia.gosuslugi.ru/fullname?oid=1000` is `fullname`.
pub fn bare(entry: &str) -> &str {
    let path = entry.split('?').next().unwrap_or(entry);
    match path.split_once("://") {
        Some((_, rest)) => rest.rsplit('/').next().unwrap_or(rest),
        None => path,
    }
}

/// Whether any of these scopes opens this field of the person.
pub fn opens_field<S: AsRef<str>>(scopes: &[S], field: &str) -> bool {
    opened(scopes).any(|opens| matches!(opens, Opens::Fields(fields) if fields.contains(&field)))
}

/// Whether any of these scopes opens documents of this type.
pub fn opens_document<S: AsRef<str>>(scopes: &[S], kind: &str) -> bool {
    opened(scopes).any(|opens| matches!(opens, Opens::Documents(kinds) if kinds.contains(&kind)))
}

/// Whether any of these scopes opens contacts of this type.
pub fn opens_contact<S: AsRef<str>>(scopes: &[S], kind: &str) -> bool {
    opened(scopes).any(|opens| matches!(opens, Opens::Contacts(kinds) if kinds.contains(&kind)))
}

/// Whether any of these scopes opens this group of the person, in whole or in part: `contacts`, `addresses`,
/// `documents`, `vehicles`, `organizations`, `kids`.
pub fn opens_group<S: AsRef<str>>(scopes: &[S], group: &str) -> bool {
    opened(scopes).any(|opens| match opens {
        Opens::Contacts(_) => group == "contacts",
        Opens::Documents(_) => group == "documents",
        Opens::Group(name) => group == name,
        Opens::KidFields(_) => group == "kids",
        Opens::Fields(_) | Opens::Nothing | Opens::Service(_) => false,
    })
}

/// Whether any of these scopes opens this field of each child.
pub fn opens_kid_field<S: AsRef<str>>(scopes: &[S], field: &str) -> bool {
    opened(scopes).any(|opens| matches!(opens, Opens::KidFields(fields) if fields.contains(&field)))
}

/// Whether any of these scopes opens this data service.
pub fn opens_service<S: AsRef<str>>(scopes: &[S], service: &str) -> bool {
    opened(scopes).any(|opens| matches!(opens, Opens::Service(name) if name == service))
}

fn opened<S: AsRef<str>>(scopes: &[S]) -> impl Iterator<Item = Opens> {
    scopes.iter().filter_map(|scope| find(scope.as_ref())).map(|scope| scope.opens)
}

macro_rules! scopes {
    ($($class:ident { $($name:literal: $ru:literal / $en:literal => $opens:expr;)* })*) => {
        /// Every scope that the portal knows, by class. The withdrawn [`WITHDRAWN`] is not among them.
        pub const SCOPES: &[ScopeMeta] = &[
            $($(ScopeMeta { name: $name, class: Class::$class, ru: $ru, en: $en, opens: $opens },)*)*
        ];
    };
}

use Opens::{Contacts, Documents, Fields, Group, KidFields, Nothing, Service};

scopes! {
    Person {
        "openid": "Вход через Госуслуги" / "Sign-in through the portal" => Nothing;
        "fullname": "Фамилия, имя и отчество" / "Family name, given name and patronymic" => Fields(&["lastName", "firstName", "middleName"]);
        "birthdate": "Дата рождения" / "Date of birth" => Fields(&["birthDate"]);
        "gender": "Пол" / "Gender" => Fields(&["gender"]);
        "birthplace": "Место рождения" / "Place of birth" => Fields(&["birthPlace"]);
        "snils": "СНИЛС" / "Insurance number (SNILS)" => Fields(&["snils"]);
        "inn": "ИНН" / "Taxpayer number (INN)" => Fields(&["inn"]);
        "id_doc": "Паспортные данные" / "Passport" => Documents(&["RF_PASSPORT", "FID_DOC"]);
        "email": "Адрес электронной почты" / "E-mail address" => Contacts(&["EML"]);
        "mobile": "Номер мобильного телефона" / "Mobile phone number" => Contacts(&["MBT"]);
        "contacts": "Контактные данные" / "Contacts" => Contacts(&["MBT", "EML", "PHN", "CEM"]);
        "addresses": "Адреса регистрации и проживания" / "Addresses of registration and residence" => Group("addresses");
        "vehicles": "Транспортные средства" / "Vehicles" => Group("vehicles");
    }
    Documents {
        "medical_doc": "Полис обязательного медицинского страхования" / "Health insurance policy" => Documents(&["MDCL_PLCY"]);
        "military_doc": "Военный билет" / "Military identity card" => Documents(&["MLTR_ID"]);
        "foreign_passport_doc": "Заграничный паспорт" / "Foreign passport" => Documents(&["FRGN_PASS"]);
        "drivers_licence_doc": "Водительское удостоверение" / "Driving licence" => Documents(&["RF_DRIVING_LICENSE"]);
        "birth_cert_doc": "Свидетельство о рождении" / "Birth certificate" => Documents(&["BRTH_CERT"]);
        "residence_doc": "Вид на жительство" / "Residence permit" => Nothing;
        "temporary_residence_doc": "Разрешение на временное проживание" / "Temporary residence permit" => Nothing;
        "history_passport_doc": "Сведения о ранее выданных паспортах" / "Former passports" => Nothing;
        "vehicle_reg_cert_doc": "Свидетельство о регистрации транспортного средства" / "Vehicle registration certificate" => Group("vehicles");
    }
    Civil {
        "change_fullname_cert_doc": "Свидетельство о перемене имени" / "Certificate of a change of name" => Nothing;
        "death_cert_doc": "Свидетельство о смерти" / "Death certificate" => Nothing;
        "marriage_cert_doc": "Свидетельство о браке" / "Marriage certificate" => Nothing;
        "divorce_cert_doc": "Свидетельство о расторжении брака" / "Divorce certificate" => Nothing;
        "paternity_cert_doc": "Свидетельство об установлении отцовства" / "Certificate of paternity" => Nothing;
        "registry_office_data": "Сведения ЗАГС" / "Data of the registry office" => Nothing;
        "legalcapacity": "Сведения о дееспособности" / "Legal capacity" => Nothing;
    }
    Organisations {
        "usr_org": "Организации, в которых вы работаете" / "Organisations where you work" => Group("organizations");
        "usr_trm": "Территориальная принадлежность" / "Territory" => Nothing;
        "org_shortname": "Краткое наименование организации" / "Short name of the organisation" => Nothing;
        "org_fullname": "Полное наименование организации" / "Full name of the organisation" => Nothing;
        "org_type": "Тип организации" / "Type of the organisation" => Nothing;
        "org_ogrn": "ОГРН организации" / "Registration number of the organisation" => Nothing;
        "org_inn": "ИНН организации" / "Taxpayer number of the organisation" => Nothing;
        "org_leg": "Организационно-правовая форма" / "Legal form of the organisation" => Nothing;
        "org_kpp": "КПП организации" / "Tax registration code of the organisation" => Nothing;
        "org_ctts": "Контактные данные организации" / "Contacts of the organisation" => Nothing;
        "org_addrs": "Адреса организации" / "Addresses of the organisation" => Nothing;
        "org_emps": "Сотрудники организации" / "Staff of the organisation" => Nothing;
    }
    Income {
        "ndfl_person": "Справка о доходах (2-НДФЛ)" / "Statement of income" => Nothing;
        "payout_income": "Сведения о выплатах и доходах" / "Payments and income" => Nothing;
        "electronic_workbook": "Электронная трудовая книжка" / "Electronic work record" => Nothing;
        "ils_doc": "Выписка из индивидуального лицевого счёта" / "Extract of the individual account" => Nothing;
        "pension_reference": "Справка о размере пенсии" / "Statement of the pension" => Nothing;
        "pre_retirement_age": "Сведения о предпенсионном возрасте" / "Pre-retirement age" => Nothing;
        "self_employed": "Сведения о самозанятости" / "Self-employment" => Fields(&["selfEmployed"]);
        "payments_egisso": "Социальные выплаты" / "Social payments" => Nothing;
        "social_support_info": "Меры социальной поддержки" / "Social support" => Nothing;
    }
    Property {
        "reg_realestate": "Недвижимость" / "Real estate" => Nothing;
        "family_assets_balance": "Имущество семьи" / "Assets of the family" => Nothing;
        "bank_account": "Банковские счета" / "Bank accounts" => Nothing;
        "osago_policy": "Полис ОСАГО" / "Motor insurance policy" => Nothing;
        "number_plate_doc": "Государственный номер транспортного средства" / "Vehicle number plate" => Group("vehicles");
    }
    Children {
        "kid_fullname": "Фамилия, имя и отчество ребёнка" / "Child's name" => KidFields(&["lastName", "firstName", "middleName"]);
        "kid_birthdate": "Дата рождения ребёнка" / "Child's date of birth" => KidFields(&["birthDate"]);
        "kid_gender": "Пол ребёнка" / "Child's gender" => KidFields(&["gender"]);
        "kid_snils": "СНИЛС ребёнка" / "Child's insurance number" => KidFields(&["snils"]);
        "kid_inn": "ИНН ребёнка" / "Child's taxpayer number" => KidFields(&["inn"]);
        "kid_birth_cert_doc": "Свидетельство о рождении ребёнка" / "Child's birth certificate" => KidFields(&["RF_BRTH_CERT"]);
        "kid_medical_doc": "Полис ребёнка" / "Child's health insurance policy" => KidFields(&["MDCL_PLCY"]);
        "kid_school_data": "Сведения об обучении ребёнка" / "Child's schooling" => Nothing;
        "kid_mobile": "Телефон ребёнка" / "Child's phone" => Nothing;
        "kid_email": "Электронная почта ребёнка" / "Child's e-mail" => Nothing;
    }
    Education {
        "educational_doc": "Документы об образовании" / "Educational documents" => Nothing;
        "ege_result": "Результаты ЕГЭ" / "Examination results" => Nothing;
        "olympics": "Участие в олимпиадах" / "School contests" => Nothing;
        "student_ticket": "Студенческий билет" / "Student card" => Nothing;
        "volunteer_activity": "Волонтёрская деятельность" / "Volunteering" => Nothing;
        "remd_medical_doc": "Медицинские документы" / "Medical documents" => Nothing;
    }
    Biometrics {
        "bio": "Биометрические данные" / "Biometric data" => Nothing;
        "ext_auth_result": "Результат внешней аутентификации" / "Result of an external authentication" => Nothing;
        "bio_export": "Передача биометрических данных" / "Transfer of biometric data" => Nothing;
    }
    Declared {
        "family_status_ext": "Семейное положение (с ваших слов)" / "Family status, as declared" => Nothing;
        "education_ext": "Образование (с ваших слов)" / "Education, as declared" => Nothing;
        "profession_ext": "Профессия (с ваших слов)" / "Profession, as declared" => Nothing;
        "social_status_ext": "Социальное положение (с ваших слов)" / "Social status, as declared" => Nothing;
        "income_ext": "Доходы (с ваших слов)" / "Income, as declared" => Nothing;
        "birthplace_ext": "Место рождения (с ваших слов)" / "Place of birth, as declared" => Nothing;
        "birthdate_ext": "Дата рождения (с ваших слов)" / "Date of birth, as declared" => Nothing;
        "race_ext": "Национальная принадлежность (с ваших слов)" / "Ethnicity, as declared" => Nothing;
        "politically_ext": "Политические взгляды (с ваших слов)" / "Political views, as declared" => Nothing;
        "religion_ext": "Религиозные убеждения (с ваших слов)" / "Religion, as declared" => Nothing;
        "philosophy_ext": "Философские убеждения (с ваших слов)" / "Philosophy, as declared" => Nothing;
        "health_ext": "Состояние здоровья (с ваших слов)" / "Health, as declared" => Nothing;
        "intimacy_ext": "Личная жизнь (с ваших слов)" / "Private life, as declared" => Nothing;
        "conviction_ext": "Сведения о судимости (с ваших слов)" / "Convictions, as declared" => Nothing;
        "biometric_ext": "Биометрические данные (с ваших слов)" / "Biometrics, as declared" => Nothing;
        "address_ext": "Адрес (с ваших слов)" / "Address, as declared" => Nothing;
        "email_ext": "Электронная почта (с ваших слов)" / "E-mail, as declared" => Nothing;
        "mobile_ext": "Телефон (с ваших слов)" / "Phone, as declared" => Nothing;
        "fullname_ext": "Имя (с ваших слов)" / "Name, as declared" => Nothing;
    }
    Services {
        "debts": "Задолженности и штрафы, их оплата" / "Debts and fines and their payment" => Service("debts");
        "pension": "Пенсионный счёт: остаток, начисления и выплаты" / "Pension account: balance, accruals and payments" => Service("pension");
        "estate": "Недвижимость: сведения ЕГРН" / "Real estate: data of the state register (EGRN)" => Service("estate");
        "certificates": "Справки и выписки" / "Certificates and extracts" => Service("certificates");
        "duties": "Госпошлины и их оплата" / "State duties and their payment" => Service("duties");
        "transfers": "Переводы государственных средств" / "Transfers of state money" => Service("transfers");
        "state_payments": "Государственные выплаты" / "State payments" => Service("state_payments");
        "income": "Доходы и трудовая деятельность" / "Income and work" => Service("income");
        "tax": "Налоговые сведения и декларации" / "Tax data and returns" => Service("tax");
        "insurance": "Сведения для страхования" / "Data for insurance" => Service("insurance");
        "subsidies": "Субсидии" / "Subsidies" => Service("subsidies");
        "applications": "Заявления через Госуслуги" / "Applications through the portal" => Service("applications");
        "accounts": "Ваши счета в банке на Госуслугах" / "Your accounts at the bank, on the portal" => Service("accounts");
        "offers": "Предложения по заявлениям" / "Offers for applications" => Service("offers");
        "analytics": "Аналитика расходов" / "Analytics of spending" => Service("analytics");
        "recommendations": "Рекомендации" / "Recommendations" => Service("recommendations");
        "documents": "Передача документов" / "Passing on documents" => Service("documents");
        "feedback": "Обратная связь" / "Feedback" => Service("feedback");
    }
    Oidc {
        "profile": "Имя, дата рождения и пол" / "Name, date of birth and gender" => Fields(&["lastName", "firstName", "middleName", "birthDate", "gender"]);
        "phone": "Номер мобильного телефона" / "Mobile phone number" => Contacts(&["MBT"]);
        "offline_access": "Доступ, пока вас нет на сайте" / "Access while you are away" => Nothing;
    }
    Technical {
        "prm_chg": "Доступ по действующему согласию" / "Access on a standing consent" => Nothing;
        "consents": "Сведения о согласиях, данных этой организации" / "Consents given to this organisation" => Nothing;
        "api-order": "Подача заявлений через API портала" / "Applications through the portal's API" => Nothing;
        "link": "Связь учётных записей" / "Link of accounts" => Nothing;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_told_in_both_languages() {
        let mut seen = BTreeSet::new();
        for scope in SCOPES {
            assert!(seen.insert(scope.name), "{} stands twice", scope.name);
            assert!(scope.ru.chars().any(|letter| ('А'..='я').contains(&letter)), "{}", scope.name);
            assert!(!scope.en.is_empty() && scope.en.is_ascii(), "{}", scope.name);
        }
        assert!(find(WITHDRAWN).is_none());
    }

    #[test]
    fn an_entry_of_a_token_is_found_with_host_and_person() {
        for entry in ["fullname", "fullname?oid=1000299944", "http://esia.gosuslugi.ru/fullname?oid=1000299944"] {
            assert_eq!(find(entry).unwrap().name, "fullname");
        }
        assert_eq!(find("http://lk.gosuslugi.ru/api-order").unwrap().name, "api-order");
        assert!(find("full_name").is_none());
    }

    #[test]
    fn a_scope_opens_its_own_data_only() {
        let scopes = ["openid", "snils", "email", "id_doc", "debts"];
        assert!(opens_field(&scopes, "snils") && !opens_field(&scopes, "inn"));
        assert!(opens_contact(&scopes, "EML") && !opens_contact(&scopes, "MBT"));
        assert!(opens_document(&scopes, "RF_PASSPORT") && !opens_document(&scopes, "FRGN_PASS"));
        assert!(opens_group(&scopes, "documents") && !opens_group(&scopes, "addresses"));
        assert!(opens_service(&scopes, DEBTS) && !opens_service(&scopes, PENSION));
    }
}
