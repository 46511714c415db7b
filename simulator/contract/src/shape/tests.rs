//! Shapes against the types they describe, and every format against every other.
#![expect(unreachable_pub, reason = "the macros make what other crates read")]

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use super::*;
use crate::registries::debts::DebtsPage;
use crate::registries::income::IncomeRecord;
use crate::registries::pension::PensionStatement;

crate::words! {
    /// Leaves of a tree.
    pub enum Leaf { Broad = "broad", "Лист" / "Leaf"; Needle = "needle", "Хвоя" / "Needle"; }
}

crate::record! {
    pub struct Tree("tree", "Дерево" / "Tree") {
        name: String, v2 "title", "Имя" / "Name";
        by_name as "called": Option<String>, v2 "name", "Прозвище" / "What it is called";
        planted: Day, v2 "planted_on", "Посажено" / "Planted on";
        seen: Option<Timestamp>, "Осмотрено" / "Seen";
        price: Money, "Цена" / "Price";
        height: Decimal, v2 "height_m", "Высота" / "Height";
        age: Option<i64>, "Возраст" / "Age";
        leaf: Leaf, "Листва" / "Leaves";
        alive: bool, "Живое" / "Alive";
        notes: Vec<String>, v2 "remarks", "Заметки" / "Notes";
        crown: Option<Crown>, v2 "top", "Крона" / "Crown";
        branches: Vec<Branch>, v2 "limbs", "Ветви" / "Branches";
    }
}

crate::record! {
    pub struct Crown("crown", "Крона" / "Crown") {
        width: Option<Decimal>, "Ширина" / "Width";
        name: Option<String>, "Имя" / "Name";
    }
}

crate::record! {
    pub struct Branch("branch", "Ветвь" / "Branch") {
        length: Money, v2 "cost", "Длина" / "Length";
        crown: Crown, "Крона" / "Crown";
        fruits: Vec<Fruit>, v2 "crop", "Плоды" / "Fruits";
    }
}

crate::record! {
    pub struct Fruit("fruit", "Плод" / "Fruit") {
        name: String, v2 "sort", "Имя" / "Name";
        ripe: Option<bool>, "Спелый" / "Ripe";
    }
}

const NAMESPACE: &str = "urn:stend:tree:1.0";

/// Text that formats stumble over: formulas, quotes, markup, line ends, wide and astral letters, blanks at the ends.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "=", "+", "-", "@", "'", "\"", ",", ";", "\t", "\r", "\n", "\r\n", " ", "<", ">", "&", "]]>", "&amp;", "<!--",
        "Ж", "𝄞", "＝", "a", "0", "1.5", "\u{85}", "\u{2028}", "\u{feff}", "\u{a0}", "/", ".", "[1]",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Any value of any shape.
fn value_of(shape: &'static Shape) -> BoxedStrategy<Value> {
    let members: Vec<BoxedStrategy<Option<(String, Value)>>> = shape.fields.iter().map(member).collect();
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect::<Map<_, _>>())).boxed()
}

fn member(field: &'static Field) -> BoxedStrategy<Option<(String, Value)>> {
    let held: BoxedStrategy<Value> = match field.kind {
        Kind::Day => (-300..3000i32).prop_map(|days| json!(Day::new(2026, 1, 1).unwrap().plus_days(days * 7))).boxed(),
        Kind::Decimal => any::<i32>().prop_map(|number| json!(Decimal::from_hundredths(number.into()))).boxed(),
        Kind::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Int | Kind::Money => any::<i64>().prop_map(Value::from).boxed(),
        Kind::List(shape) => prop::collection::vec(value_of(shape), 0..3).prop_map(Value::from).boxed(),
        Kind::Record(shape) => value_of(shape),
        Kind::Text => text().prop_map(Value::from).boxed(),
        Kind::Texts => prop::collection::vec(text(), 0..3).prop_map(Value::from).boxed(),
        Kind::Time => (0..4_000_000_000_000i64).prop_map(|at| json!(Timestamp::from_millis(at))).boxed(),
        Kind::Word(words) => prop::sample::select(words).prop_map(Value::from).boxed(),
    };
    let there = if field.optional { any::<bool>().boxed() } else { Just(true).boxed() };
    (there, held).prop_map(|(there, held)| there.then(|| (field.name.to_owned(), held))).boxed()
}

const SHAPES: [&Shape; 4] = [Tree::SHAPE, DebtsPage::SHAPE, PensionStatement::SHAPE, IncomeRecord::SHAPE];

fn anything() -> impl Strategy<Value = (&'static Shape, Value, Version)> {
    let shaped = prop::sample::select(SHAPES.to_vec()).prop_flat_map(|shape| (Just(shape), value_of(shape)));
    (shaped, prop::sample::select(Version::ALL.to_vec())).prop_map(|((shape, value), version)| (shape, value, version))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_format_carries_every_value_there_and_back((shape, value, version) in anything()) {
        check(shape, &value).unwrap();
        let xml = xml::write(shape, NAMESPACE, &value, version);
        prop_assert_eq!(&xml::read(shape, NAMESPACE, &xml, version).unwrap(), &value, "{}", xml);
        let table = csv::write(shape, &value, version);
        prop_assert_eq!(&csv::read(shape, &table, version).unwrap(), &value, "{}", table);
        prop_assert_eq!(named(shape, &renamed(shape, &value, version), version), value);
    }

    #[test]
    fn serde_writes_what_the_shape_says(value in value_of(Tree::SHAPE)) {
        let tree: Tree = serde_json::from_value(value.clone()).unwrap();
        let written = serde_json::to_value(tree).unwrap();
        check(Tree::SHAPE, &written).unwrap();
        prop_assert_eq!(written, value);
    }

    #[test]
    fn no_cell_begins_like_a_formula(value in value_of(Tree::SHAPE)) {
        let table = csv::write(Tree::SHAPE, &value, Version::V1);
        let mut rows = ::csv::Reader::from_reader(table.as_bytes());
        for cell in rows.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()) {
            let number = fits(Kind::Decimal, &cell);
            prop_assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        }
    }

    #[test]
    fn a_document_of_anything_never_ends_the_reader(text in "(<|>|/|tree|xmlns=\"urn:stend:tree:1.0\"|&|;| |<!|\\[|\\]|\\?|a|\")*") {
        let _ = xml::read(Tree::SHAPE, NAMESPACE, &text, Version::V1);
        let _ = csv::read(Tree::SHAPE, &text, Version::V1);
    }
}

fn page() -> Value {
    json!({
        "person": 1_000_299_944, "as_of": "2026-11-22T10:00:00Z", "currency": "RUB", "items": [{
            "uin": "18810177261122000017", "kind": "fine", "title": "Штраф", "amount": 150_000,
            "due_date": "2026-12-22", "status": "open",
        }],
        "totals": {"credit": 0, "utilities": 0, "fine": 150_000, "tax": 0, "all": 150_000},
    })
}

#[test]
fn a_value_changes_names_and_comes_back() {
    let (shape, value) = (DebtsPage::SHAPE, page());
    let second = renamed(shape, &value, Version::V2);
    assert_eq!(second["charges"][0]["due_on"], "2026-12-22");
    assert_eq!(named(shape, &second, Version::V2), value);
    // The first names mean nothing in the second version.
    assert!(check(shape, &named(shape, &value, Version::V2)).is_err());
}

#[test]
fn a_breach_is_found_and_its_place_told() {
    let told = |change: &dyn Fn(&mut Value)| {
        let mut value = page();
        change(&mut value);
        check(DebtsPage::SHAPE, &value).unwrap_err().to_string()
    };
    let item = "/items/0";
    let at = |value: &mut Value, name: &str, held: Value| value.pointer_mut(item).unwrap()[name] = held;
    assert_eq!(told(&|v| at(v, "amount", json!(1.5))), "items[1].amount: a whole number is wanted");
    assert_eq!(told(&|v| at(v, "amount", json!("150000"))), "items[1].amount: a whole number is wanted");
    assert_eq!(
        told(&|v| at(v, "due_date", json!("22.12.2026"))),
        "items[1].due_date: a day such as 2026-11-22 is wanted"
    );
    assert_eq!(
        told(&|v| at(v, "kind", json!("alimony"))),
        "items[1].kind: one of credit, utilities, fine, tax is wanted"
    );
    assert_eq!(told(&|v| at(v, "title", json!("\u{0}"))), "items[1].title: a character that XML cannot carry");
    assert_eq!(told(&|v| at(v, "colour", json!("red"))), "items[1].colour: is unknown");
    assert_eq!(told(&|v| v["items"] = json!({})), "items: a list is wanted");
    assert_eq!(told(&|v| drop(v.as_object_mut().unwrap().remove("totals"))), "totals: is missing");
}

#[test]
fn hostile_documents_are_refused() {
    let read = |text: &str| xml::read(Fruit::SHAPE, NAMESPACE, text, Version::V1);
    let good = format!(
        "<f:fruit xmlns:f='{NAMESPACE}'>\n <!-- x --><f:ripe> 1 </f:ripe><f:name>a<![CDATA[&]]>&#x416;</f:name></f:fruit>"
    );
    assert_eq!(read(&good).unwrap(), json!({"name": "a&Ж", "ripe": true}));
    let within = |inside: &str| read(&format!("<fruit xmlns='{NAMESPACE}'>{inside}</fruit>"));
    let name = "<name>a</name>";
    assert_eq!(within(&format!("{name}{name}")).unwrap_err().to_string(), "fruit/name: stands twice");
    assert_eq!(within("<name>a</name><size/>").unwrap_err().to_string(), "fruit/size: is unknown");
    assert_eq!(within("").unwrap_err().to_string(), "name: is missing");
    assert_eq!(within("<name xmlns=''>a</name>").unwrap_err(), xml::XmlBreach::Namespace("name".into()));
    assert_eq!(within("<x:name>a</x:name>").unwrap_err(), xml::XmlBreach::Namespace("name".into()));
    assert_eq!(within("<name>&file;</name>").unwrap_err(), xml::XmlBreach::Entity("file".into()));
    assert_eq!(within("<name id='1'>a</name>").unwrap_err(), xml::XmlBreach::Attribute("id".into()));
    assert_eq!(within("<?php x?><name>a</name>").unwrap_err(), xml::XmlBreach::Instruction);
    assert!(within("text<name>a</name>").is_err() && within("<name><b/></name>").is_err());
    assert!(within(&format!("{name}</fruit><fruit xmlns='{NAMESPACE}'>{name}")).is_err());
    assert!(within("<name>a&#0;</name>").is_err() && within("<name>a").is_err());
    let bomb = format!(
        "<!DOCTYPE fruit [<!ENTITY file SYSTEM 'file:///etc/passwd'>]><fruit xmlns='{NAMESPACE}'>{name}</fruit>"
    );
    assert_eq!(read(&bomb).unwrap_err(), xml::XmlBreach::Dtd);
    assert_eq!(within(&"<name>".repeat(100)).unwrap_err(), xml::XmlBreach::Deep);
    assert!(read("<?xml version='1.0' encoding='windows-1251'?><fruit/>").is_err());
}

#[test]
fn a_table_looks_as_documented() {
    let value = json!({"name": "=1+1", "planted": "2026-11-22", "price": -5, "height": "-1.5", "leaf": "broad", "alive": true,
        "notes": ["", "a\"b"], "branches": [{"length": 1, "crown": {"name": ""}, "fruits": [{"name": "x"}]}]});
    let table = csv::write(Tree::SHAPE, &value, Version::V1);
    let lines: Vec<&str> = table.split("\r\n").collect();
    assert_eq!(lines[0], "record,name,called,planted,seen,price,height,age,leaf,alive,notes,width,length,ripe");
    assert_eq!(lines[1], "tree,'=1+1,,2026-11-22,,-5,-1.5,,broad,true,,,,");
    assert_eq!(lines[2], "notes[1],,,,,,,,,,,,,");
    assert_eq!(lines[3], "notes[2],,,,,,,,,,\"a\"\"b\",,,");
    assert_eq!(lines[4], "branches[1],,,,,,,,,,,,1,");
    assert_eq!(lines[5], "branches[1].crown,',,,,,,,,,,,,");
    assert_eq!(lines[6], "branches[1].fruits[1],x,,,,,,,,,,,,");
    assert_eq!(csv::read(Tree::SHAPE, &table, Version::V1).unwrap(), value);
    let moved = table.replace("notes[2]", "notes[7]");
    assert!(csv::read(Tree::SHAPE, &moved, Version::V1).is_err());
    assert!(csv::read(Tree::SHAPE, &table.replace("ripe", "size"), Version::V1).is_err());
}

#[test]
fn components_refer_to_one_another() {
    let components = json::components(&[DebtsPage::SHAPE], Version::V2);
    let page = &components["DebtsPageV2"];
    assert_eq!(page["properties"]["charges"]["items"]["$ref"], "#/components/schemas/DebtV2");
    assert_eq!(components["DebtV2"]["properties"]["due_on"]["format"], "date");
    assert_eq!(page["properties"]["totals"]["$ref"], "#/components/schemas/Totals");
    assert_eq!(json::components(&[DebtsPage::SHAPE], Version::V1)["Totals"], components["Totals"]);
}

/// libxml2 judges: a schema processor that is not ours.
#[test]
fn documents_are_valid_by_their_schema() {
    let folder = std::env::temp_dir().join(format!("stend-shapes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut runner = TestRunner::deterministic();
    for shape in SHAPES {
        for version in Version::ALL {
            let namespace = version.namespace(NAMESPACE);
            let schema = folder.join(format!("{}-{}.xsd", shape.name, version.as_str()));
            std::fs::write(&schema, xml::xsd(&namespace, &[shape], version)).unwrap();
            let mut documents = Vec::new();
            for at in 0..24 {
                let value = value_of(shape).new_tree(&mut runner).unwrap().current();
                let document = folder.join(format!("{}-{}-{at}.xml", shape.name, version.as_str()));
                std::fs::write(&document, xml::write(shape, &namespace, &value, version)).unwrap();
                documents.push(document);
            }
            let judged = std::process::Command::new("xmllint")
                .args(["--nonet", "--noout", "--schema"])
                .arg(&schema)
                .args(&documents)
                .output();
            match judged {
                Ok(judged) => assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr)),
                Err(_) => {
                    println!("left out: xmllint is not there");
                    return;
                }
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_word_is_found_by_what_travels_and_read_in_both_languages() {
    for leaf in Leaf::ALL {
        assert_eq!(Leaf::named(leaf.as_str()), Some(*leaf));
    }
    assert_eq!(Leaf::named("Broad"), None);
    assert_eq!((Leaf::Needle.ru(), Leaf::Needle.en()), ("Хвоя", "Needle"));
}
