//! A statement of the register of real estate: the facts of the registry `estate` as the extract that Rosreestr sends,
//! a file of its own beside the answer, because it has no namespace.

use std::collections::BTreeMap;

use crypto::base64;
use crypto::xmldsig::Element;
use domain::{Attachment, Content, Payload};
use serde_json::Value;

use super::super::provide::Desk;
use super::super::xml::{Breach, Parts, el, opt, text};
use super::{Trouble, named, own};

pub(super) const NAMESPACES: [&str; 2] = [
    "urn://x-artefacts-rosreestr-gov-ru/virtual-services/egrn-statement/1.1.2",
    "urn://x-artefacts-rosreestr-gov-ru/virtual-services/egrn-statement/1.2.2",
];

/// `Request{region, externalNumber, senderType, actionCode, cadastralNumber|address}`
pub(super) async fn serve(desk: &Desk<'_>, content: &Content, root: Element<'_>) -> Result<Option<Payload>, Trouble> {
    let namespace = root.namespace();
    let mut parts = Parts::of(root)?;
    text(parts.one(namespace, "region")?)?;
    let external = text(parts.one(namespace, "externalNumber")?)?;
    parts.one(namespace, "senderType")?;
    parts.one(namespace, "actionCode")?;
    let number = parts.opt(namespace, "cadastralNumber").map(text).transpose()?;
    let address = parts.opt(namespace, "address").map(text).transpose()?;
    parts.end()?;
    let params = match (number, address) {
        (Some(number), None) => BTreeMap::from([("number".to_owned(), number)]),
        (None, Some(address)) => BTreeMap::from([("address".to_owned(), address)]),
        _ => return Err(Breach::at(root, "names an object neither by number nor by address").into()),
    };
    let Some(facts) = own::facts(desk, "estate", named(content)?, params).await? else { return Ok(None) };
    let extract = extract(&facts, &external);
    let file = Attachment {
        id: "extract".to_owned(),
        media_type: "application/xml".to_owned(),
        content: base64::encode_standard(extract.as_bytes()),
        pkcs7: None,
    };
    let xml = format!(
        "<Response xmlns=\"{namespace}\">{}{}{}</Response>",
        el("externalNumber", &external),
        el("statusCode", "processed"),
        el("attachment", "extract")
    );
    Ok(Some(Payload::Content(Content { xml, attachments: vec![file], ..Content::default() })))
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn member(value: &Value, name: &str) -> Option<String> {
    value.get(name).filter(|member| !member.is_null()).map(written)
}

/// The extract, in the element names that its readers agree on.
fn extract(facts: &Value, number: &str) -> String {
    let object = &facts["object"];
    let kind = member(object, "kind").unwrap_or_default();
    let (root, record) = match kind.as_str() {
        "land" => ("land", "land_record"),
        "room" => ("room", "room_record"),
        "construction" => ("construction", "construction_record"),
        "parking" => ("car_parking_space", "car_parking_space_record"),
        _ => ("build", "build_record"),
    };
    let cadastral = member(object, "cad_number").unwrap_or_default();
    let quarter = cadastral.rsplit_once(':').map_or("", |(quarter, _)| quarter);
    let area = member(object, "area").unwrap_or_default();
    let area = if kind == "land" { format!("<area>{}</area>", el("value", &area)) } else { el("area", &area) };
    let empty = Vec::new();
    let rows = |name: &str| facts[name].as_array().unwrap_or(&empty).clone();
    let rights: String = rows("owners")
        .iter()
        .map(|owner| {
            let holder = member(owner, "holder").unwrap_or_default();
            let who = match member(owner, "kind").as_deref() {
                Some("legal") => format!("<legal_entity>{}</legal_entity>", el("name", &holder)),
                Some("public") => format!("<public_formation>{}</public_formation>", el("name", &holder)),
                _ => format!("<individual>{}</individual>", el("name", &holder)),
            };
            let share = owner.get("share").filter(|share| share.is_object()).map(|share| {
                let part = |name: &str| el(name, &member(share, name).unwrap_or_default());
                format!("<share>{}{}</share>", part("numerator"), part("denominator"))
            });
            format!(
                "<right_record><record_info>{}</record_info><right_data><right_type>{}</right_type>{}{}</right_data>\
             <right_holders><right_holder>{who}</right_holder></right_holders></right_record>",
                el("registration_date", &member(owner, "since").unwrap_or_default()),
                el("value", &member(owner, "right_type").unwrap_or_default()),
                el("right_number", &member(owner, "right_number").unwrap_or_default()),
                share.unwrap_or_default()
            )
        })
        .collect();
    let bound: String = rows("encumbrances").iter().map(|one| {
        format!(
            "<restrict_record><restrictions_encumbrances_data>{}<restriction_encumbrance_type>{}\
             </restriction_encumbrance_type>{}{}</restrictions_encumbrances_data><right_holders>{}</right_holders></restrict_record>",
            el("restriction_encumbrance_number", &member(one, "number").unwrap_or_default()),
            el("value", &member(one, "kind").unwrap_or_default()),
            opt("start_date", member(one, "since").as_deref()),
            opt("end_date", member(one, "until").as_deref()),
            el("right_holder", &member(one, "in_favour_of").unwrap_or_default())
        )
    }).collect();
    let formed: String = member(facts, "as_of").unwrap_or_default().chars().take(10).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><extract_about_property_{root}><details_statement><group_top_requisites>\
         {}{}{}</group_top_requisites></details_statement><{record}><record_info>{}</record_info><object><common_data>\
         <type>{}</type>{}{}</common_data></object><params>{area}{}{}{}</params><address_room><address><readable_address>{}\
         </readable_address></address></address_room><cost>{}</cost></{record}><right_records>{rights}</right_records>\
         <restrict_records>{bound}</restrict_records><status>Актуальные</status></extract_about_property_{root}>",
        el("organ_registr_rights", "Росреестр (стенд)"),
        el("date_formation", &formed),
        el("registration_number", number),
        el("registration_date", &member(object, "registration_date").unwrap_or_default()),
        el("value", &kind),
        el("cad_number", &cadastral),
        el("quarter_cad_number", quarter),
        opt("name", member(object, "name").as_deref()),
        opt("purpose", member(object, "purpose").as_deref()),
        opt("year_built", member(object, "year_built").as_deref()),
        super::super::xml::escaped(&member(object, "address").unwrap_or_default()),
        el("value", &kopecks(object["cost"].as_i64().unwrap_or(0)))
    )
}

fn kopecks(value: i64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

#[cfg(test)]
mod tests {
    use crypto::xmldsig::{Document, Limits};
    use serde_json::json;

    use super::*;

    #[test]
    fn an_extract_tells_object_owners_and_what_binds_it() {
        let facts = json!({
            "as_of": "2026-11-22T12:00:00Z",
            "object": {"cad_number": "77:01:0001001:1234", "kind": "room", "address": "г. Москва, <1>", "area": "54.3",
                       "purpose": "жилое", "cost": 1_234_500, "registration_date": "2010-01-01"},
            "owners": [{"holder": "Иванова А. А.", "kind": "individual", "share": {"numerator": 1, "denominator": 2},
                        "right_type": "shared_ownership", "right_number": "77:01:0001001:1234-77/011/2024-1", "since": "2024-01-01"}],
            "encumbrances": [{"number": "n", "kind": "mortgage", "in_favour_of": "Банк", "since": "2024-01-02"}],
        });
        let text = extract(&facts, "КУВИ-001/2026-1");
        let document = Document::parse(text.as_bytes(), Limits::default()).unwrap();
        let told = |name: &str| document.elements().find(|element| element.name() == name).unwrap().text();
        assert_eq!(document.root().name(), "extract_about_property_room");
        assert_eq!(told("quarter_cad_number"), "77:01:0001001");
        assert_eq!(told("denominator"), "2");
        assert_eq!(told("restriction_encumbrance_number"), "n");
    }
}
