//! Reference data that everybody may read: codes and what they mean. No personal data, no token; the same facts for all
//! sandboxes, in editions.

use crate::money::Money;
use crate::time::Day;
use crate::{consent, error, record, scope};

/// Seconds for which a copy may be used without asking again.
pub const MAX_AGE: u32 = 3600;

record! {
    /// `GET /api/v1/reference/{name}`.
    pub struct ReferenceList("reference_list", "Справочник" / "A reference list") {
        name: String, "Имя" / "Its name";
        title: String, "Наименование" / "Its title, in Russian";
        edition: i64, "Редакция" / "Counts up with every change";
        revised_on: Day, v2 "edition_date", "Дата редакции" / "The day of the edition";
        items: Vec<ReferenceItem>, v2 "entries", "Записи" / "The entries";
    }
}

record! {
    pub struct ReferenceItem("reference_item", "Запись справочника" / "An entry") {
        code: String, "Код" / "The code";
        title: String, v2 "title_ru", "Наименование" / "What it means, in Russian";
        en: Option<String>, v2 "title_en", "По-английски" / "The same in English";
        group: Option<String>, "Раздел" / "Where it belongs";
        amount: Option<Money>, "Сумма" / "The sum, where it has one";
        account: Option<String>, "Счёт" / "The account, where it has one";
    }
}

/// A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListMeta {
    /// In the address.
    pub name: &'static str,
    /// For a Russian reader.
    pub ru: &'static str,
    /// For an English reader.
    pub en: &'static str,
}

const fn meta(name: &'static str, ru: &'static str, en: &'static str) -> ListMeta {
    ListMeta { name, ru, en }
}

/// Every list.
pub static LISTS: &[ListMeta] = &[
    meta("bik", "Банковские идентификационные коды", "Bank codes"),
    meta("document-kinds", "Виды документов", "Kinds of documents"),
    meta("duties", "Государственные пошлины", "State duties"),
    meta("errors", "Коды ошибок", "Error codes"),
    meta("kbk", "Коды бюджетной классификации", "Codes of budget incomes"),
    meta("oktmo", "Территории муниципальных образований", "Municipal territories"),
    meta("purposes", "Цели обработки данных", "Purposes of processing"),
    meta("regions", "Субъекты Российской Федерации", "Regions of the Russian Federation"),
    meta("scopes", "Области доступа", "Scopes"),
];

/// The list of this name.
pub fn find(name: &str) -> Option<&'static ListMeta> {
    LISTS.iter().find(|list| list.name == name)
}

/// Code, OKATO, region and city, as the citizens of the simulation live there.
const REGIONS: &[(u32, &str, &str, &str)] = &[
    (2, "80", "Республика Башкортостан", "Уфа"),
    (10, "86", "Республика Карелия", "Петрозаводск"),
    (16, "92", "Республика Татарстан", "Казань"),
    (18, "94", "Удмуртская Республика", "Ижевск"),
    (22, "01", "Алтайский край", "Барнаул"),
    (23, "03", "Краснодарский край", "Краснодар"),
    (24, "04", "Красноярский край", "Красноярск"),
    (25, "05", "Приморский край", "Владивосток"),
    (26, "07", "Ставропольский край", "Ставрополь"),
    (27, "08", "Хабаровский край", "Хабаровск"),
    (29, "11", "Архангельская область", "Архангельск"),
    (30, "12", "Астраханская область", "Астрахань"),
    (31, "14", "Белгородская область", "Белгород"),
    (32, "15", "Брянская область", "Брянск"),
    (33, "17", "Владимирская область", "Владимир"),
    (34, "18", "Волгоградская область", "Волгоград"),
    (35, "19", "Вологодская область", "Вологда"),
    (36, "20", "Воронежская область", "Воронеж"),
    (37, "24", "Ивановская область", "Иваново"),
    (38, "25", "Иркутская область", "Иркутск"),
    (39, "27", "Калининградская область", "Калининград"),
    (40, "29", "Калужская область", "Калуга"),
    (43, "33", "Кировская область", "Киров"),
    (44, "34", "Костромская область", "Кострома"),
    (45, "37", "Курганская область", "Курган"),
    (46, "38", "Курская область", "Курск"),
    (47, "41", "Ленинградская область", "Гатчина"),
    (48, "42", "Липецкая область", "Липецк"),
    (50, "46", "Московская область", "Подольск"),
    (51, "47", "Мурманская область", "Мурманск"),
    (52, "22", "Нижегородская область", "Нижний Новгород"),
    (53, "49", "Новгородская область", "Великий Новгород"),
    (54, "50", "Новосибирская область", "Новосибирск"),
    (55, "52", "Омская область", "Омск"),
    (56, "53", "Оренбургская область", "Оренбург"),
    (57, "54", "Орловская область", "Орёл"),
    (58, "56", "Пензенская область", "Пенза"),
    (59, "57", "Пермский край", "Пермь"),
    (60, "58", "Псковская область", "Псков"),
    (61, "60", "Ростовская область", "Ростов-на-Дону"),
    (62, "61", "Рязанская область", "Рязань"),
    (63, "36", "Самарская область", "Самара"),
    (64, "63", "Саратовская область", "Саратов"),
    (66, "65", "Свердловская область", "Екатеринбург"),
    (67, "66", "Смоленская область", "Смоленск"),
    (68, "68", "Тамбовская область", "Тамбов"),
    (69, "28", "Тверская область", "Тверь"),
    (70, "69", "Томская область", "Томск"),
    (71, "70", "Тульская область", "Тула"),
    (72, "71", "Тюменская область", "Тюмень"),
    (73, "73", "Ульяновская область", "Ульяновск"),
    (74, "75", "Челябинская область", "Челябинск"),
    (76, "78", "Ярославская область", "Ярославль"),
    (77, "45", "Москва", "Москва"),
    (78, "40", "Санкт-Петербург", "Санкт-Петербург"),
];

const DOCUMENTS: &[(&str, &str, &str)] = &[
    ("BRTH_CERT", "Свидетельство о рождении", "Birth certificate"),
    ("FID_DOC", "Документ иностранного гражданина", "Foreign citizen's document"),
    ("FRGN_PASS", "Заграничный паспорт", "Foreign passport"),
    ("MDCL_PLCY", "Полис обязательного медицинского страхования", "Health insurance policy"),
    ("MLTR_ID", "Военный билет", "Military identity card"),
    ("RF_DRIVING_LICENSE", "Водительское удостоверение", "Driving licence"),
    ("RF_PASSPORT", "Паспорт гражданина Российской Федерации", "Passport of a citizen"),
    ("account", "Выписка о состоянии лицевого счёта", "Statement of the account"),
    ("estate", "Выписка из ЕГРН", "Extract of the register of real estate"),
    ("income", "Справка о доходах", "Certificate of income"),
    ("pension", "Выписка из лицевого счёта застрахованного лица", "Statement of the pension account"),
    ("workbook", "Сведения о трудовой деятельности", "Electronic work book"),
];

/// Kind, title in both languages, kopecks (НК art. 333.26, 333.33), code of the income.
const DUTIES: &[(&str, &str, &str, i64, &str)] = &[
    ("driving-licence", "Водительское удостоверение", "Driving licence", 400_000, "18810807141018000110"),
    ("marriage", "Регистрация брака", "Registration of a marriage", 35_000, "31810805000018001110"),
    ("passport", "Паспорт гражданина", "Passport", 30_000, "18810806000018003110"),
    (
        "property-registration",
        "Регистрация права собственности",
        "Registration of property",
        400_000,
        "32110807020018000110",
    ),
    (
        "vehicle-registration",
        "Регистрация транспортного средства",
        "Registration of a vehicle",
        50_000,
        "18810807141028000110",
    ),
];

const INCOMES: &[(&str, &str)] = &[
    ("18210102010011000110", "НДФЛ с доходов, источником которых является налоговый агент"),
    ("18210606041031000110", "Земельный налог с физических лиц"),
    ("18210604012021000110", "Транспортный налог с физических лиц"),
    ("18811601123010001140", "Штрафы за нарушения Правил дорожного движения"),
];

fn item(code: impl Into<String>, title: impl Into<String>, en: Option<&str>) -> ReferenceItem {
    ReferenceItem {
        code: code.into(),
        title: title.into(),
        en: en.map(str::to_owned),
        group: None,
        amount: None,
        account: None,
    }
}

/// The entries of a list, by code.
pub fn items(name: &str) -> Vec<ReferenceItem> {
    let mut items: Vec<ReferenceItem> = match name {
        "bik" => REGIONS.iter().map(treasury).collect(),
        "document-kinds" => DOCUMENTS.iter().map(|(code, ru, en)| item(*code, *ru, Some(en))).collect(),
        "duties" => DUTIES
            .iter()
            .map(|(code, ru, en, kopecks, kbk)| ReferenceItem {
                amount: Some(Money::from_kopecks(*kopecks)),
                group: Some((*kbk).to_owned()),
                ..item(*code, *ru, Some(en))
            })
            .collect(),
        "errors" => error::all()
            .iter()
            .map(|row| ReferenceItem {
                group: Some(row.status.to_string()),
                ..item(&row.code, &row.reason.ru, Some(&row.reason.en))
            })
            .collect(),
        "kbk" => {
            let duties =
                DUTIES.iter().map(|(_, ru, _, _, kbk)| item(*kbk, format!("Государственная пошлина: {ru}"), None));
            INCOMES.iter().map(|(code, title)| item(*code, *title, None)).chain(duties).collect()
        }
        "oktmo" => REGIONS
            .iter()
            .map(|(_, okato, region, city)| item(format!("{okato}999000"), format!("{region}, {city}"), None))
            .collect(),
        "purposes" => consent::TYPES
            .iter()
            .map(|known| ReferenceItem {
                group: Some(format!("{:?}", known.group).to_lowercase()),
                ..item(known.sysname, known.ru, Some(known.en))
            })
            .collect(),
        "regions" => REGIONS.iter().map(|(code, _, region, _)| item(format!("{code:02}"), *region, None)).collect(),
        "scopes" => scope::SCOPES
            .iter()
            .map(|known| ReferenceItem {
                group: Some(format!("{:?}", known.class).to_lowercase()),
                ..item(known.name, known.ru, Some(known.en))
            })
            .collect(),
        _ => Vec::new(),
    };
    items.sort_by(|one, other| one.code.cmp(&other.code));
    items
}

/// The treasury's bank of a region, with the account that stands for its own there.
fn treasury((code, okato, _, city): &(u32, &str, &str, &str)) -> ReferenceItem {
    let bik = format!("01{okato}99900");
    let corr = bik
        .parse()
        .ok()
        .and_then(|bank| crate::ids::Account::with_key(&format!("40102810045370000{code:03}"), &bank).ok());
    ReferenceItem {
        account: corr.map(|account| account.to_string()),
        ..item(bik, format!("Учебное отделение {city}"), None)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_list_has_entries_and_each_code_once() {
        for list in LISTS {
            let items = items(list.name);
            let codes: BTreeSet<&str> = items.iter().map(|item| item.code.as_str()).collect();
            assert!(!items.is_empty() && codes.len() == items.len(), "{}", list.name);
        }
    }
}
