//! Real estate (EST-1): what the state register knows of one object, for those who may ask.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{CadastralNumber, Oid, RightNumber};
use crate::money::Money;
use crate::shape::{Kind, Typed};
use crate::time::{Day, Timestamp};
use crate::{record, words};

/// Years of which transfers of rights are told.
pub const TRANSFER_YEARS: i32 = 5;
/// What stands for the name of a co-owner who has not opened it (since 01.03.2023, 218-ФЗ art. 36.3).
pub const HIDDEN: &str = "скрыто по 218-ФЗ";

record! {
    /// `GET /api/v1/estate`.
    pub struct EstateRecord("estate", "Недвижимость" / "Real estate") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        as_of: Timestamp, v2 "read_at", "Прочитано" / "When it was read";
        object: EstateObject, "Объект" / "The object";
        owners: Vec<EstateOwner>, v2 "rights", "Правообладатели" / "Who owns it; shares add up to one";
        encumbrances: Vec<Encumbrance>, "Обременения и ограничения" / "What binds the object now";
        transfers: Vec<RightTransfer>, "Переход прав за пять лет" / "Transfers of rights within five years, the latest first";
        authority: Authority, "Полномочие" / "On what ground the person may ask";
    }
}

record! {
    pub struct EstateObject("estate_object", "Объект недвижимости" / "An object of real estate") {
        cad_number: CadastralNumber, v2 "cadastral_number", "Кадастровый номер" / "Cadastral number";
        kind: EstateKind, "Вид" / "What it is";
        address: String, "Адрес" / "Address";
        area: SquareMetres, "Площадь, м²" / "Area in square metres, one digit after the point";
        purpose: String, "Назначение" / "What it is for";
        name: Option<String>, "Наименование" / "Name, where it has one";
        year_built: Option<i64>, v2 "built_in", "Год постройки" / "Year of completion";
        cost: Money, v2 "cadastral_cost", "Кадастровая стоимость" / "Cadastral value";
        registration_date: Day, v2 "registered_on", "Дата регистрации" / "When the object was entered";
    }
}

words! {
    /// Kinds of objects.
    pub enum EstateKind {
        Land = "land", "Земельный участок" / "Land plot";
        Build = "build", "Здание" / "Building";
        Room = "room", "Помещение" / "Premises";
        Construction = "construction", "Сооружение" / "Construction";
        Parking = "parking", "Машино-место" / "Parking space";
    }
}

record! {
    pub struct EstateOwner("estate_owner", "Правообладатель" / "Who holds a right") {
        holder: String, "Правообладатель" / "Name, or that it is hidden";
        kind: HolderKind, "Вид правообладателя" / "What the holder is";
        share: Option<Share>, "Доля" / "Share, where there are several";
        right_type: RightType, "Вид права" / "Kind of right";
        right_number: RightNumber, "Номер регистрации" / "Number of the entry";
        since: Day, v2 "registered_on", "Дата регистрации" / "When the right was entered";
    }
}

words! {
    /// Kinds of holders.
    pub enum HolderKind {
        Individual = "individual", "Физическое лицо" / "Person";
        Legal = "legal", "Юридическое лицо" / "Legal entity";
        Public = "public", "Публично-правовое образование" / "Public body";
    }
}

words! {
    /// Kinds of rights.
    pub enum RightType {
        Ownership = "ownership", "Собственность" / "Ownership";
        Shared = "shared_ownership", "Общая долевая собственность" / "Ownership in shares";
        Joint = "joint_ownership", "Общая совместная собственность" / "Joint ownership";
    }
}

record! {
    #[derive(Copy)]
    pub struct Share("share", "Доля в праве" / "Share in a right") {
        numerator: i64, "Числитель" / "Above the line";
        denominator: i64, "Знаменатель" / "Below the line";
    }
}

record! {
    pub struct Encumbrance("encumbrance", "Обременение" / "An encumbrance") {
        number: RightNumber, "Номер регистрации" / "Number of the entry";
        kind: EncumbranceKind, "Вид" / "What it is";
        in_favour_of: String, v2 "beneficiary", "В пользу" / "For whom";
        since: Day, v2 "started_on", "Действует с" / "In force since";
        until: Option<Day>, v2 "ends_on", "Действует по" / "The last day, where it is known";
    }
}

words! {
    /// Kinds of encumbrances and restrictions.
    pub enum EncumbranceKind {
        Mortgage = "mortgage", "Ипотека" / "Mortgage";
        Arrest = "arrest", "Арест" / "Arrest";
        Lease = "lease", "Аренда" / "Lease";
        Easement = "easement", "Сервитут" / "Easement";
        Ban = "ban", "Запрет регистрации" / "Ban on registration";
    }
}

record! {
    pub struct RightTransfer("right_transfer", "Переход права" / "A transfer of the right") {
        date: Day, v2 "registered_on", "Дата" / "When it was entered";
        right_number: RightNumber, "Номер регистрации" / "Number of the entry";
        kind: RightType, "Вид права" / "Kind of right";
        document: String, "Документ-основание" / "On what ground";
    }
}

words! {
    /// Grounds on which a person may ask about an object.
    pub enum Authority {
        Owner = "owner", "Собственник" / "Owner";
        PowerOfAttorney = "power_of_attorney", "По доверенности" / "By a power of attorney";
    }
}

/// An area in tenths of a square metre; travels as text, `54.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SquareMetres(i64);

impl SquareMetres {
    /// From tenths.
    pub const fn from_tenths(tenths: i64) -> Self {
        Self(tenths)
    }

    /// In tenths.
    pub const fn tenths(self) -> i64 {
        self.0
    }
}

impl fmt::Display for SquareMetres {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

impl FromStr for SquareMetres {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |part: &str| !part.is_empty() && part.len() < 13 && part.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
        match (whole.parse::<i64>(), tenth.parse::<i64>()) {
            (Ok(whole), Ok(tenths))
                if digits(text.split('.').next().unwrap_or_default()) && tenth.len() == 1 && digits(tenth) =>
            {
                Ok(Self(whole * 10 + tenths))
            }
            _ => Err("an area such as 54.3 is wanted"),
        }
    }
}

impl Typed for SquareMetres {
    const KIND: Kind = Kind::Decimal;
}

impl Serialize for SquareMetres {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SquareMetres {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for SquareMetres {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SquareMetres".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": r"^\d{1,12}\.\d$"})
    }
}

/// An address in the form in which two writings of it meet: small letters, ё as е, no signs, usual words shortened, no
/// country and no post code.
pub fn normalised_address(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .replace('ё', "е")
        .chars()
        .map(|letter| if letter.is_alphanumeric() || letter == '/' || letter == '-' { letter } else { ' ' })
        .collect();
    let short = |word: &str| -> Option<String> {
        Some(match word {
            "россия" | "рф" | "российская" | "федерация" => return None,
            "город" | "гор" => "г".to_owned(),
            "улица" => "ул".to_owned(),
            "дом" => "д".to_owned(),
            "корпус" | "корп" => "к".to_owned(),
            "строение" => "стр".to_owned(),
            "квартира" => "кв".to_owned(),
            "область" => "обл".to_owned(),
            "проспект" | "пр-кт" => "пр".to_owned(),
            code if code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) => return None,
            word => word.to_owned(),
        })
    };
    plain.split_whitespace().filter_map(short).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_has_one_digit_after_the_point() {
        assert_eq!(SquareMetres::from_tenths(543).to_string(), "54.3");
        assert_eq!("600.0".parse(), Ok(SquareMetres::from_tenths(6000)));
        for wrong in ["54,3", "54.33", "-1.0", "", ".", "5.", "1.-1"] {
            assert!(wrong.parse::<SquareMetres>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn writings_of_one_address_meet() {
        let one = normalised_address(
            "630099, Россия, Новосибирская область, г. Новосибирск, ул. Зелёная, д. 5, корп. 2, кв. 17",
        );
        let other =
            normalised_address("Новосибирская обл., город Новосибирск, улица Зеленая, дом 5, корпус 2, квартира 17");
        assert_eq!(one, other);
        assert_ne!(one, normalised_address("Новосибирская обл., г Новосибирск, ул Зеленая, д 5, к 2, кв 18"));
    }
}
