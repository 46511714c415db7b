//! Lies about the form of what `/api` answers: JSON that is none, values that do not fit, pages that lead elsewhere or
//! nowhere, answers that never come. JSON is told as JSON whatever was asked; the rest comes in the caller's own format.

use bytes::Bytes;
use contract::shape::{Field, Kind, Shape, Version, renamed};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Content};
use super::{Operation, Scene};

use Operation::{
    AnswerRead, DebtFeed, DebtPay, DebtsList, Inquire, MatterList, MatterMove, MatterOpen, MatterRead, PaymentRead,
    PensionView,
};

/// Whether a call of this kind is meant.
type Where = fn(Operation) -> bool;
/// An answer instead of the honest call.
type Instead = fn(&Scene<'_>) -> Option<Answer>;
/// Changes the honest answer; false when there is nothing to lie about.
type Change = fn(&mut Answer, &Scene<'_>) -> bool;

/// Stands for bytes that no JSON writer would write.
const MARK: char = '\u{E000}';
/// A word that no list holds.
const UNKNOWN: &str = "of-a-kind-to-come";

fn registries(operation: Operation) -> bool {
    matches!(operation, DebtsList | Inquire(_) | PensionView)
}

fn answers(operation: Operation) -> bool {
    registries(operation)
        || matches!(
            operation,
            AnswerRead | DebtFeed | DebtPay | MatterList | MatterMove | MatterOpen | MatterRead | PaymentRead
        )
}

fn lists(operation: Operation) -> bool {
    matches!(operation, DebtsList | Inquire(_))
}

pub(super) const INSTEAD: &[(&str, Where, Instead)] = &[
    ("answer-elsewhere", registries, |scene| {
        Some(later(scene).with("location", format!("{}/api/v1/answers/0", scene.foreign())).with("retry-after", "0"))
    }),
    ("answer-never", registries, |scene| {
        Some(later(scene).with("retry-after", scene.lie.number("seconds").unwrap_or(1).to_string()))
    }),
    ("answer-no-interval", registries, |scene| (scene.lie.told == 0).then(|| later(scene))),
];

/// "Not yet", about an order that may be asked for at the same address.
fn later(scene: &Scene<'_>) -> Answer {
    Answer::json(202, json!({"id": scene.draw().uuid(), "retry_after": "PT0S"}))
}

pub(super) const AFTER: &[(&str, Where, Change)] = &[
    ("csv-quotes", registries, |answer, _| {
        let Some(shape) = shape(answer) else { return false };
        let Content::Json(value) = &mut answer.content else { return false };
        titled(value, shape)
    }),
    ("json-bad-utf8", answers, |answer, scene| {
        raw(
            answer,
            scene,
            |value, place| place.change(value, is_text, |held| *held = json!(format!("{}{MARK}", text(held)))),
            |text| with_bytes(&text, &[0xC3, 0x28]),
        )
    }),
    ("json-big-number", answers, |answer, scene| {
        let said = scene.lie.text("number").unwrap_or_default().to_owned();
        // A fraction beyond what a double can hold: whoever reads it as one sees the whole number.
        let number = |held: &Value| if said.is_empty() { format!("{held}.00000000000000000001") } else { said.clone() };
        raw(
            answer,
            scene,
            |value, place| {
                place.change(value, is_number, |held| *held = json!(format!("{MARK}{}{MARK}", number(held))))
            },
            |text| text.replace(&format!("\"{MARK}"), "").replace(&format!("{MARK}\""), "").into(),
        )
    }),
    ("json-deep", answers, |answer, scene| {
        let depth = usize::try_from(scene.lie.number("depth").unwrap_or(100_000)).unwrap_or(100_000).min(2_000_000);
        raw(
            answer,
            scene,
            |value, _| value.as_object_mut().map(|members| members.insert("x_deep".into(), json!(MARK))).is_some(),
            |text| {
                let nested = "[".repeat(depth) + &"]".repeat(depth);
                text.replace(&format!("\"{MARK}\""), &nested).into()
            },
        )
    }),
    ("json-duplicate-member", answers, |answer, scene| {
        raw(
            answer,
            scene,
            |value, place| {
                let Some((at, name)) = place.spot(value, is_text) else { return false };
                let Some(members) = value.pointer_mut(&at).and_then(Value::as_object_mut) else { return false };
                let other = format!("{} подменено", text(members.get(name).unwrap_or(&Value::Null)));
                members.insert(format!("{name}{MARK}"), json!(other));
                true
            },
            |text| text.replace(MARK, "").into(),
        )
    }),
    ("json-loose", answers, |answer, scene| {
        raw(
            answer,
            scene,
            |value, _| value.is_object(),
            |text| {
                let inner = text.strip_suffix('}').unwrap_or(&text);
                let inner = inner.strip_prefix('{').unwrap_or(inner);
                format!("{{/* портал */ 'x_note': 'новое', {inner},}}").into()
            },
        )
    }),
    ("json-null", answers, |answer, scene| {
        raw(
            answer,
            scene,
            |value, place| place.change(value, |field| is_text(field) && !field.optional, |held| *held = Value::Null),
            Bytes::from,
        )
    }),
    ("json-trailing", answers, |answer, scene| {
        raw(answer, scene, |_, _| true, |text| format!("{text}\n{{\"x_more\": true}}").into())
    }),
    ("json-unknown-word", answers, |answer, scene| {
        raw(
            answer,
            scene,
            |value, place| {
                let word = |field: &Field| matches!(field.kind, Kind::Word(_));
                let own = value.get("state").is_some_and(Value::is_string) && place.named.is_none();
                if own {
                    value["state"] = json!(UNKNOWN);
                    return true;
                }
                let place = Place { named: place.named.or(Some("state")), ..*place };
                place.change(value, word, |held| *held = json!(UNKNOWN))
            },
            Bytes::from,
        )
    }),
    ("json-wrong-type", answers, |answer, scene| {
        raw(
            answer,
            scene,
            |value, place| place.change(value, is_number, |held| *held = json!(held.to_string())),
            Bytes::from,
        )
    }),
    ("page-elsewhere", lists, |answer, scene| {
        let page = format!("{}/api/v1/debts?cursor=2", scene.foreign());
        turn_page(answer, page)
    }),
    (
        "subsidy-gap",
        |operation| operation == Inquire("subsidies"),
        |answer, scene| {
            let Some(entries) = answer.object().and_then(|members| members.get_mut("entries")?.as_array_mut()) else {
                return false;
            };
            scene.lie.told == 0 && !entries.is_empty() && {
                entries.remove(entries.len() / 2);
                true
            }
        },
    ),
];

/// Lies that go on over several calls: what was told first is kept with the lie.
pub(super) const PAGES: &[&str] = &["page-cycle", "page-repeated"];

/// The first page of such a lie, and what is told on the next call; nothing where the answer has no pages.
pub(super) fn paged(answer: &mut Answer, scene: &Scene<'_>, operation: Operation) -> Option<Answer> {
    let name = match operation {
        DebtsList => "debts",
        Inquire(name) => name,
        _ => return None,
    };
    let list = list_of(shape(answer)?)?;
    let next = format!("/api/v1/{name}?person={}&cursor={}", scene.citizen.unwrap_or_default(), scene.draw().uuid());
    if !turn_page(answer, next) {
        return None;
    }
    if scene.lie.slug == "page-cycle" {
        return Some(answer.clone());
    }
    let mut second = answer.clone();
    let members = second.object()?;
    members.remove("next");
    let line = members.get(list)?.as_array()?.last()?.clone();
    members.insert(list.to_owned(), json!([line.clone()]));
    // The portal counts the line twice itself, so that the sums agree with what it listed.
    for members in [answer.object()?, second.object()?] {
        count(members, &line);
    }
    Some(second)
}

fn count(members: &mut Map<String, Value>, line: &Value) {
    let Some(amount) = line["amount"].as_i64() else { return };
    let kind = line["kind"].as_str().unwrap_or_default();
    if let Some(totals) = members.get_mut("totals").and_then(Value::as_object_mut) {
        for name in [kind, "all"] {
            if let Some(total) = totals.get_mut(name).filter(|total| total.is_i64()) {
                *total = json!(total.as_i64().unwrap_or_default() + amount);
            }
        }
    }
}

fn list_of(shape: &Shape) -> Option<&'static str> {
    shape.field("next")?;
    shape.fields.iter().find(|field| matches!(field.kind, Kind::List(_))).map(|field| field.name)
}

/// Another next page, where there are pages at all and something stands on this one.
fn turn_page(answer: &mut Answer, next: String) -> bool {
    let Some(list) = shape(answer).and_then(list_of) else { return false };
    let Some(members) = answer.object() else { return false };
    let filled = members.get(list).and_then(Value::as_array).is_some_and(|rows| !rows.is_empty());
    filled && {
        members.insert("next".into(), next.into());
        true
    }
}

/// The shape of a good answer.
fn shape(answer: &Answer) -> Option<&'static Shape> {
    answer.form.filter(|_| matches!(answer.status, 200 | 201)).map(|form| form.shape)
}

/// Where in a value a lie looks for something to change.
#[derive(Clone, Copy)]
struct Place<'a> {
    shape: &'static Shape,
    version: Version,
    /// The field that the lie names.
    named: Option<&'a str>,
}

impl Place<'_> {
    /// The object that holds a fitting field, and the field's name there: what stands deepest in the first line of a list
    /// comes first. Whom an answer is about is never touched: that is another lie.
    fn spot(&self, value: &Value, fits: impl Fn(&Field) -> bool + Copy) -> Option<(String, &'static str)> {
        let inside = self.shape.fields.iter().find_map(|field| {
            let name = field.name(self.version);
            let held = value.get(name)?;
            let (inner, held, at) = match field.kind {
                Kind::List(inner) => (inner, held.get(0)?, format!("/{name}/0")),
                Kind::Record(inner) if held.is_object() => (inner, held, format!("/{name}")),
                _ => return None,
            };
            let (rest, found) = Place { shape: inner, ..*self }.spot(held, fits)?;
            Some((format!("{at}{rest}"), found))
        });
        let wanted = |field: &&Field| {
            field.name != "person"
                && fits(field)
                && self.named.is_none_or(|named| named == field.name)
                && value.get(field.name(self.version)).is_some_and(|held| !held.is_null())
        };
        inside.or_else(|| {
            let field = self.shape.fields.iter().find(wanted)?;
            Some((String::new(), field.name(self.version)))
        })
    }

    fn change(&self, value: &mut Value, fits: impl Fn(&Field) -> bool + Copy, change: impl FnOnce(&mut Value)) -> bool {
        let Some((at, name)) = self.spot(value, fits) else { return false };
        let Some(held) = value.pointer_mut(&at).and_then(|object| object.get_mut(name)) else { return false };
        change(held);
        true
    }
}

fn is_text(field: &Field) -> bool {
    matches!(field.kind, Kind::Text | Kind::Day | Kind::Time | Kind::Decimal)
}

fn is_number(field: &Field) -> bool {
    matches!(field.kind, Kind::Int | Kind::Money)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Writes the answer here and now, in the names of the version that was called, and lets the lie spoil the text.
fn raw(
    answer: &mut Answer,
    scene: &Scene<'_>,
    change: impl FnOnce(&mut Value, &Place<'_>) -> bool,
    finish: impl FnOnce(String) -> Bytes,
) -> bool {
    let (Some(shape), Content::Json(value)) = (shape(answer), &answer.content) else { return false };
    let version = scene.version;
    let mut told = renamed(shape, value, version);
    if !change(&mut told, &Place { shape, version, named: scene.lie.text("field") }) {
        return false;
    }
    answer.content = Content::Bytes(finish(told.to_string()));
    answer.form = None;
    true
}

fn with_bytes(text: &str, instead: &[u8]) -> Bytes {
    let mut mark = [0; 4];
    let mark = MARK.encode_utf8(&mut mark).as_bytes();
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if rest.starts_with(mark) {
            out.extend_from_slice(instead);
            rest = &rest[mark.len()..];
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out.into()
}

/// Separators, quotes and a line break in every title.
fn titled(value: &mut Value, shape: &Shape) -> bool {
    let Some(members) = value.as_object_mut() else { return false };
    let mut told = false;
    for field in shape.fields {
        let Some(held) = members.get_mut(field.name) else { continue };
        match (field.kind, held) {
            (Kind::Text, held)
                if matches!(field.name, "holder" | "name" | "programme" | "title") && held.is_string() =>
            {
                *held = json!(format!("{}; \"по описи\", 1,5\nлист; 2", text(held)));
                told = true;
            }
            (Kind::List(inner), Value::Array(rows)) => {
                for row in rows {
                    told |= titled(row, inner);
                }
            }
            (Kind::Record(inner), held) => told |= titled(held, inner),
            _ => {}
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use contract::registries::debts::DebtsPage;
    use contract::shape::Shaped;

    use super::*;

    fn page() -> Value {
        json!({
            "person": 1_000_299_944, "as_of": "2026-11-22T10:00:00Z", "currency": "RUB",
            "items": [{"uin": "1", "kind": "fine", "title": "Штраф", "amount": 150, "due_date": "2026-12-01", "status": "open"}],
            "totals": {"credit": 0, "utilities": 0, "fine": 150, "tax": 0, "all": 150},
        })
    }

    fn place(named: Option<&'static str>) -> Place<'static> {
        Place { shape: DebtsPage::SHAPE, version: Version::V1, named }
    }

    #[test]
    fn a_lie_finds_its_place_in_the_first_line() {
        assert_eq!(place(None).spot(&page(), is_number), Some(("/items/0".to_owned(), "amount")));
        assert_eq!(place(Some("due_date")).spot(&page(), is_text), Some(("/items/0".to_owned(), "due_date")));
        assert_eq!(place(Some("nothing")).spot(&page(), is_text), None);
    }

    #[test]
    fn a_repeated_line_is_counted_twice() {
        let mut page = page();
        let line = page["items"][0].clone();
        count(page.as_object_mut().unwrap(), &line);
        assert_eq!((&page["totals"]["fine"], &page["totals"]["all"]), (&json!(300), &json!(300)));
    }

    #[test]
    fn titles_become_hard_to_split_and_bytes_no_text() {
        let mut page = page();
        assert!(titled(&mut page, DebtsPage::SHAPE));
        let title = page["items"][0]["title"].as_str().unwrap();
        assert!(title.contains('"') && title.contains('\n') && title.contains(';') && title.contains(','));
        assert!(std::str::from_utf8(&with_bytes(&format!("a{MARK}b"), &[0xC3, 0x28])).is_err());
    }
}
