//! A person as ESIA's REST data show them: filtered by the token's scopes, with absolute addresses on the host that the
//! client called. Pure: a citizen, a set of scopes and a path go in, JSON comes out.

use contract::citizen::{Address, Child, Citizen, ContactKind, Document, DocumentState, Employment, Vehicle};
use contract::scope;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// What a token may see of one person.
pub struct View<'a> {
    pub citizen: &'a Citizen,
    pub scopes: &'a [String],
    /// `https://localhost:8443`, without a slash at the end.
    pub origin: &'a str,
}

/// Why nothing is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// No such collection or item.
    Unknown,
    /// None of these scopes was granted.
    OutOfScope(&'static [&'static str]),
}

/// The collections that hang on a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Addresses,
    Contacts,
    Documents,
    Kids,
    Organisations,
    Roles,
    Vehicles,
}

const DOCUMENT_SCOPES: &[&str] = &[
    "id_doc",
    "medical_doc",
    "military_doc",
    "foreign_passport_doc",
    "drivers_licence_doc",
    "birth_cert_doc",
    "residence_doc",
    "temporary_residence_doc",
];
const KID_SCOPES: &[&str] =
    &["kid_fullname", "kid_birthdate", "kid_gender", "kid_snils", "kid_inn", "kid_birth_cert_doc", "kid_medical_doc"];

impl Group {
    const ALL: [Self; 7] = [
        Self::Addresses,
        Self::Contacts,
        Self::Documents,
        Self::Kids,
        Self::Organisations,
        Self::Roles,
        Self::Vehicles,
    ];

    /// The segment in the address.
    fn segment(self) -> &'static str {
        match self {
            Self::Addresses => "addrs",
            Self::Contacts => "ctts",
            Self::Documents => "docs",
            Self::Kids => "kids",
            Self::Organisations => "orgs",
            Self::Roles => "roles",
            Self::Vehicles => "vhls",
        }
    }

    /// The name in `embed` and the member that it adds.
    fn name(self) -> &'static str {
        match self {
            Self::Addresses => "addresses",
            Self::Contacts => "contacts",
            Self::Documents => "documents",
            Self::Kids => "kids",
            Self::Organisations => "organizations",
            Self::Roles => "roles",
            Self::Vehicles => "vehicles",
        }
    }

    /// Any of these opens the group.
    fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Addresses => &["addresses"],
            Self::Contacts => &["contacts", "email", "mobile"],
            Self::Documents => DOCUMENT_SCOPES,
            Self::Kids => KID_SCOPES,
            Self::Organisations | Self::Roles => &["usr_org"],
            Self::Vehicles => &["vehicles"],
        }
    }
}

/// The groups asked for by `embed=(documents.elements,contacts.elements)`; blanks and a depth (`elements-1`) are
/// tolerated, unknown names ignored.
fn embedded(embed: &str) -> impl Iterator<Item = (&str, bool)> {
    embed.trim().trim_start_matches('(').trim_end_matches(')').split(',').filter_map(|piece| {
        let piece = piece.trim();
        if piece.is_empty() {
            return None;
        }
        let (name, tail) = piece.split_once('.').unwrap_or((piece, ""));
        Some((name, tail.starts_with("elements")))
    })
}

impl View<'_> {
    /// What stands at `/rs/prns/{oid}/{path…}`; an empty path is the person.
    pub fn at(&self, path: &[&str], embed: Option<&str>) -> Result<Value, Unseen> {
        let Some((first, rest)) = path.split_first() else { return Ok(self.person(embed.unwrap_or_default())) };
        let group = Group::ALL.into_iter().find(|group| group.segment() == *first).ok_or(Unseen::Unknown)?;
        self.open(group)?;
        let objects = embed.is_some_and(|embed| embedded(embed).any(|(name, _)| name.starts_with("elements")));
        match rest {
            [] => Ok(self.collection(group, objects)),
            [id] => self.item(group, id),
            [id, "docs", of_child @ ..] if group == Group::Kids => self.child_documents(id, of_child, objects),
            _ => Err(Unseen::Unknown),
        }
    }

    /// Whether the scopes open this field of the person.
    fn field(&self, name: &str) -> bool {
        scope::opens_field(self.scopes, name)
    }

    /// Whether the scopes open this field of the children.
    fn kid(&self, name: &str) -> bool {
        scope::opens_kid_field(self.scopes, name)
    }

    fn open(&self, group: Group) -> Result<(), Unseen> {
        // Roles are told where the organisations are.
        let name = if group == Group::Roles { Group::Organisations.name() } else { group.name() };
        if scope::opens_group(self.scopes, name) { Ok(()) } else { Err(Unseen::OutOfScope(group.scopes())) }
    }

    fn person(&self, embed: &str) -> Value {
        let citizen = self.citizen;
        let mut person = Map::new();
        person.insert("stateFacts".into(), json!(["EntityRoot"]));
        if self.field("lastName") {
            person.insert("firstName".into(), json!(citizen.first_name));
            person.insert("lastName".into(), json!(citizen.last_name));
            if let Some(middle) = &citizen.middle_name {
                person.insert("middleName".into(), json!(middle));
            }
        }
        if self.field("birthDate") {
            person.insert("birthDate".into(), json!(citizen.birth_date.to_esia()));
        }
        if self.field("birthPlace") {
            person.insert("birthPlace".into(), json!(citizen.birth_place));
        }
        if self.field("gender") {
            person.insert("gender".into(), json!(citizen.gender.as_str()));
        }
        person.insert("trusted".into(), json!(citizen.trusted()));
        if scope::opens_document(self.scopes, "RF_PASSPORT") {
            person.insert("citizenship".into(), json!(citizen.citizenship));
        }
        if let (true, Some(snils)) = (self.field("snils"), citizen.snils) {
            person.insert("snils".into(), json!(snils.to_string()));
        }
        if let (true, Some(inn)) = (self.field("inn"), citizen.inn) {
            person.insert("inn".into(), json!(inn.to_string()));
        }
        if self.field("selfEmployed") {
            person.insert("selfEmployed".into(), json!({"confirmed": citizen.self_employed}));
        }
        person.insert("updatedOn".into(), json!(updated(citizen)));
        person.insert("status".into(), json!("REGISTERED"));
        person.insert("verifying".into(), json!(false));
        if let Some(main) = citizen.main_document() {
            person.insert("rIdDoc".into(), json!(main.id));
        }
        person.insert("containsUpCfmCode".into(), json!(false));
        person.insert("eTag".into(), json!(etag(&Value::Object(person.clone()))));
        for (name, objects) in embedded(embed) {
            let group = Group::ALL.into_iter().find(|group| group.name() == name);
            // What the scopes do not open is left out of the person without a word, as its own fields are.
            if let Some(group) = group.filter(|group| self.open(*group).is_ok()) {
                person.insert(name.to_owned(), self.collection(group, objects));
            }
        }
        Value::Object(person)
    }

    fn collection(&self, group: Group, objects: bool) -> Value {
        let base = format!("{}/rs/prns/{}/{}", self.origin, self.citizen.oid, group.segment());
        // Roles have no address of their own: they are always given whole.
        let whole = objects || group == Group::Roles;
        envelope(self.items(group), whole, |id| match group {
            Group::Organisations => format!("{}/rs/orgs/{id}", self.origin),
            _ => format!("{base}/{id}"),
        })
    }

    fn item(&self, group: Group, id: &str) -> Result<Value, Unseen> {
        let found = self.items(group).into_iter().find(|(known, _)| known.to_string() == id);
        found.map(|(_, item)| item).ok_or(Unseen::Unknown)
    }

    fn child_documents(&self, id: &str, path: &[&str], objects: bool) -> Result<Value, Unseen> {
        const SCOPES: &[&str] = &["kid_birth_cert_doc", "kid_medical_doc"];
        if !self.kid("RF_BRTH_CERT") && !self.kid("MDCL_PLCY") {
            return Err(Unseen::OutOfScope(SCOPES));
        }
        let child = self.citizen.children.iter().find(|child| child.id.to_string() == id).ok_or(Unseen::Unknown)?;
        let documents: Vec<_> = child
            .documents
            .iter()
            .filter(|document| self.kid(document.kind.as_str()))
            .map(|found| (i64::from(found.id), document(found)))
            .collect();
        match path {
            [] => {
                let base = format!("{}/rs/prns/{}/kids/{id}/docs", self.origin, self.citizen.oid);
                Ok(envelope(documents, objects, |id| format!("{base}/{id}")))
            }
            [number] => {
                let found = documents.into_iter().find(|(known, _)| known.to_string() == *number);
                found.map(|(_, item)| item).ok_or(Unseen::Unknown)
            }
            _ => Err(Unseen::Unknown),
        }
    }

    /// The items of a group that the scopes open, each with its id.
    fn items(&self, group: Group) -> Vec<(i64, Value)> {
        let citizen = self.citizen;
        match group {
            Group::Addresses => citizen.addresses.iter().map(|found| (i64::from(found.id), address(found))).collect(),
            Group::Contacts => self.contacts(),
            Group::Documents => citizen
                .documents
                .iter()
                .filter(|found| scope::opens_document(self.scopes, found.kind.as_str()))
                .map(|found| (i64::from(found.id), document(found)))
                .collect(),
            Group::Kids => citizen.children.iter().map(|found| (i64::from(found.id), self.child(found))).collect(),
            Group::Organisations => {
                citizen.organisations.iter().map(|found| (found.oid.wide(), organisation(found))).collect()
            }
            Group::Roles => {
                citizen.organisations.iter().map(|found| (found.oid.wide(), role(citizen, found))).collect()
            }
            Group::Vehicles => citizen.vehicles.iter().map(|found| (i64::from(found.id), vehicle(found))).collect(),
        }
    }

    fn contacts(&self) -> Vec<(i64, Value)> {
        let contacts = self.citizen.contacts();
        let shown = contacts.into_iter().filter(|contact| scope::opens_contact(self.scopes, word(&contact.kind))).map(
            |contact| {
                let item = json!({
                    "stateFacts": ["Identifiable"],
                    "id": contact.id,
                    "type": contact.kind,
                    "vrfStu": verified(contact.verified),
                    "value": contact.value,
                });
                (i64::from(contact.id), tagged(item))
            },
        );
        shown.collect()
    }

    fn child(&self, child: &Child) -> Value {
        let mut item = Map::new();
        item.insert("stateFacts".into(), json!(["Identifiable"]));
        item.insert("id".into(), json!(child.id));
        if self.kid("lastName") {
            item.insert("firstName".into(), json!(child.first_name));
            item.insert("lastName".into(), json!(child.last_name));
            if let Some(middle) = &child.middle_name {
                item.insert("middleName".into(), json!(middle));
            }
        }
        if self.kid("birthDate") {
            item.insert("birthDate".into(), json!(child.birth_date.to_esia()));
        }
        if self.kid("gender") {
            item.insert("gender".into(), json!(child.gender.as_str()));
        }
        if let (true, Some(snils)) = (self.kid("snils"), child.snils) {
            item.insert("snils".into(), json!(snils.to_string()));
        }
        if let (true, Some(inn)) = (self.kid("inn"), child.inn) {
            item.insert("inn".into(), json!(inn.to_string()));
        }
        item.insert("trusted".into(), json!(true));
        tagged(Value::Object(item))
    }
}

/// The word of a contact's type on the wire.
fn word(kind: &ContactKind) -> &'static str {
    match kind {
        ContactKind::Cem => "CEM",
        ContactKind::Eml => "EML",
        ContactKind::Mbt => "MBT",
        ContactKind::Phn => "PHN",
    }
}

/// The groups that an address and its `embed` read, for the journal.
pub(super) fn groups(path: &[&str], embed: Option<&str>) -> Vec<String> {
    let named = |name: &str| Group::ALL.into_iter().find(|group| group.name() == name || group.segment() == name);
    let groups: Vec<String> = match path.first() {
        Some(segment) => vec![named(segment).map_or_else(|| (*segment).to_owned(), |group| group.name().to_owned())],
        None => {
            let embedded = embedded(embed.unwrap_or_default())
                .filter_map(|(name, _)| named(name))
                .map(|group| group.name().to_owned());
            std::iter::once("person".to_owned()).chain(embedded).collect()
        }
    };
    groups
}

/// When the record was last changed: the day on which the main document was given, which moves when it is replaced.
fn updated(citizen: &Citizen) -> i64 {
    let day = citizen.main_document().and_then(|main| main.issue_date);
    day.unwrap_or_else(|| citizen.birth_date.plus_months(14 * 12)).midnight().seconds()
}

fn verified(good: bool) -> &'static str {
    if good { "VERIFIED" } else { "NOT_VERIFIED" }
}

/// The envelope of a collection: addresses, or the items whole.
fn envelope(items: Vec<(i64, Value)>, whole: bool, address: impl Fn(i64) -> String) -> Value {
    let size = items.len();
    let elements: Vec<Value> =
        items.into_iter().map(|(id, item)| if whole { item } else { Value::String(address(id)) }).collect();
    let tag = etag(&json!(elements));
    json!({"stateFacts": ["hasSize"], "size": size, "eTag": tag, "elements": elements})
}

fn document(document: &Document) -> Value {
    let mut item = Map::new();
    item.insert("stateFacts".into(), json!(["EntityRoot"]));
    item.insert("id".into(), json!(document.id));
    item.insert("type".into(), json!(document.kind));
    let good = document.verified && document.state == DocumentState::Valid;
    item.insert("vrfStu".into(), json!(verified(good)));
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            item.insert(name.to_owned(), Value::String(value));
        }
    };
    put("series", document.series.clone());
    put("number", Some(document.number.clone()));
    put("issueDate", document.issue_date.map(|day| day.to_esia()));
    put("expiryDate", document.expiry_date.map(|day| day.to_esia()));
    put("issueId", document.issue_id.clone());
    put("issuedBy", document.issued_by.clone());
    put("lastName", document.last_name_latin.clone());
    put("firstName", document.first_name_latin.clone());
    tagged(Value::Object(item))
}

fn address(address: &Address) -> Value {
    let mut item = Map::new();
    item.insert("stateFacts".into(), json!(["Identifiable"]));
    item.insert("id".into(), json!(address.id));
    item.insert("type".into(), json!(address.kind));
    item.insert("addressStr".into(), json!(address.address_str));
    item.insert("countryId".into(), json!(address.country_id));
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            item.insert(name.to_owned(), json!(value));
        }
    };
    put("fiasCode", Some(&address.fias_code));
    put("fiasCode2", Some(&address.fias_code));
    put("zipCode", Some(&address.zip_code));
    put("region", Some(&address.region));
    put("area", address.area.as_deref());
    put("city", address.city.as_deref());
    put("settlement", address.settlement.as_deref());
    put("street", address.street.as_deref());
    put("house", Some(&address.house));
    put("building", address.building.as_deref());
    put("frame", address.frame.as_deref());
    put("flat", address.flat.as_deref());
    tagged(Value::Object(item))
}

fn vehicle(vehicle: &Vehicle) -> Value {
    tagged(json!({
        "stateFacts": ["Identifiable"],
        "id": vehicle.id,
        "name": vehicle.name,
        "numberPlate": vehicle.number_plate,
        "regCertificate": {"series": vehicle.certificate_series, "number": vehicle.certificate_number},
    }))
}

fn role(person: &Citizen, organisation: &Employment) -> Value {
    json!({
        "oid": organisation.oid,
        "prnOid": person.oid,
        "fullName": organisation.full_name,
        "shortName": organisation.short_name,
        "ogrn": organisation.ogrn,
        "type": organisation.kind,
        "chief": organisation.chief,
        "admin": organisation.admin,
    })
}

/// An organisation as `/rs/orgs/{oid}` shows it.
pub(super) fn organisation(organisation: &Employment) -> Value {
    let mut item = Map::new();
    item.insert("stateFacts".into(), json!(["EntityRoot"]));
    item.insert("oid".into(), json!(organisation.oid));
    item.insert("fullName".into(), json!(organisation.full_name));
    item.insert("shortName".into(), json!(organisation.short_name));
    item.insert("ogrn".into(), json!(organisation.ogrn));
    item.insert("inn".into(), json!(organisation.inn));
    if let Some(kpp) = &organisation.kpp {
        item.insert("kpp".into(), json!(kpp));
    }
    item.insert("type".into(), json!(organisation.kind));
    item.insert("leg".into(), json!(organisation.leg));
    tagged(Value::Object(item))
}

/// The item with its `eTag`.
fn tagged(mut item: Value) -> Value {
    let tag = etag(&item);
    if let Value::Object(members) = &mut item {
        members.insert("eTag".into(), Value::String(tag));
    }
    item
}

/// 40 upper-case hex digits that change with the content.
fn etag(value: &Value) -> String {
    hex::encode_upper(&Sha256::digest(value.to_string().as_bytes())[..20])
}
