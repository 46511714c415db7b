//! 2-NDFL of the tax service: the facts of the registry `income` in the words of `urn://x-artefacts-fns-ndfl2`.

use std::collections::BTreeMap;

use crypto::xmldsig::Element;
use domain::{Content, Payload};
use serde_json::Value;

use super::super::provide::{Desk, plain};
use super::super::xml::{Breach, Parts, escaped};
use super::{Trouble, named, own};

pub(super) const NAMESPACE: &str = "urn://x-artefacts-fns-ndfl2/root/260-10/4.1.1";

fn roubles(kopecks: i64) -> String {
    format!("{}.{:02}", kopecks / 100, kopecks % 100)
}

/// `NDFL2Request(@ОтчетГод,@ТипЗапросП,@ИдЗапрос){СвНА|СвФЛ}`
pub(super) async fn serve(desk: &Desk<'_>, content: &Content, root: Element<'_>) -> Result<Option<Payload>, Trouble> {
    let attribute = |name: &str| {
        root.attribute(name).map(str::to_owned).ok_or_else(|| Breach::at(root, format!("has no attribute {name}")))
    };
    let year: i64 = attribute("ОтчетГод")?.parse().map_err(|_| Breach::at(root, "has an ОтчетГод that is no year"))?;
    attribute("ТипЗапросП")?;
    let id = attribute("ИдЗапрос")?;
    let mut parts = Parts::of(root)?;
    if parts.opt(NAMESPACE, "СвНА").is_none() {
        parts.one(NAMESPACE, "СвФЛ")?;
    }
    parts.end()?;
    let authority = named(content)?;
    let params = BTreeMap::from([("years".to_owned(), "3".to_owned())]);
    let Some(facts) = own::facts(desk, "income", authority, params).await? else { return Ok(None) };
    let citizen = desk.sandbox.read(|world| world.citizens.find(authority.person).cloned());
    let empty = Vec::new();
    let years = facts.get("years").and_then(Value::as_array).unwrap_or(&empty);
    let of_year: Vec<&Value> = years.iter().filter(|row| row["year"].as_i64() == Some(year)).collect();
    let mut rows = String::new();
    for row in &of_year {
        let employer = &row["employer"];
        let text = |value: &Value| escaped(value.as_str().unwrap_or_default());
        let sum = |name: &str| roubles(row[name].as_i64().unwrap_or(0));
        let months: String = row["months"]
            .as_array()
            .unwrap_or(&empty)
            .iter()
            .map(|month| {
                format!(
                    "<СвСумДох Месяц=\"{:02}\" КодДоход=\"{}\" СумДоход=\"{}\"/>",
                    month["month"].as_i64().unwrap_or(0),
                    text(&month["code"]),
                    roubles(month["amount"].as_i64().unwrap_or(0))
                )
            })
            .collect();
        rows.push_str(&format!(
            "<Свед2НДФЛ ОтчетГод=\"{year}\"><СвНА><НПЮЛ НаимОрг=\"{}\" ИННЮЛ=\"{}\" КПП=\"{}\"/></СвНА>\
             <СведДох Ставка=\"13\"><ДохВыч>{months}</ДохВыч><СГДНалПер СумДохОбщ=\"{}\" НалБаза=\"{}\" НалИсчисл=\"{tax}\" \
             НалУдерж=\"{tax}\"/></СведДох></Свед2НДФЛ>",
            text(&employer["name"]),
            text(&employer["inn"]),
            text(&employer["kpp"]),
            sum("total"),
            sum("tax_base"),
            tax = sum("tax")
        ));
    }
    let person = citizen.map_or(String::new(), |citizen| {
        format!(
            "<ПолучДох ИННФЛ=\"{}\" ДатаРожд=\"{}\"><ФИО Фамилия=\"{}\" Имя=\"{}\" Отчество=\"{}\"/></ПолучДох>",
            citizen.inn.as_ref().map(ToString::to_string).unwrap_or_default(),
            citizen.birth_date,
            escaped(&citizen.last_name),
            escaped(&citizen.first_name),
            escaped(citizen.middle_name.as_deref().unwrap_or_default())
        )
    });
    // 1: there is something to tell; 83: nothing was found.
    let code = if of_year.is_empty() { "83" } else { "1" };
    let inside = if of_year.is_empty() { String::new() } else { format!("<ДохФЛ>{person}{rows}</ДохФЛ>") };
    Ok(Some(plain(format!(
        "<NDFL2Response xmlns=\"{NAMESPACE}\" ИдЗапрос=\"{}\"><КолДокНА>{}</КолДокНА>{inside}<КодОбраб>{code}</КодОбраб></NDFL2Response>",
        escaped(&id),
        of_year.len()
    ))))
}
