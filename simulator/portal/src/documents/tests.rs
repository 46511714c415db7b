//! Papers of made-up facts: what is shown, where pages break, and that the same facts give the same bytes. With
//! `STEND_PICTURES=<folder>` the papers are written there, to be looked at.

use std::collections::BTreeSet;

use contract::ids::Uin;
use contract::money::Money;
use contract::record;
use contract::shape::Shaped;
use contract::time::{Day, Timestamp};
use serde_json::Value;

use super::fonts::{Face, glyphs, width, wrap};
use super::layout::{Mark, PAGE, pages};
use super::{Heading, render, shown};

record! {
    pub struct Paper("test_paper", "Справка" / "A paper") {
        person: i64, "Номер гражданина" / "Number";
        name: String, "Фамилия, имя, отчество" / "Name";
        born: Day, "Дата рождения" / "Born";
        as_of: Timestamp, "Сведения на момент" / "As of";
        retired: bool, "Получает пенсию" / "Retired";
        balance: Money, "Состояние счёта" / "Balance";
        holder: Holder, "Держатель реестра" / "Holder";
        entries: Vec<Entry>, "Операции по счёту" / "Operations";
        notes: Vec<String>, "Примечания" / "Notes";
        none: Vec<Entry>, "Ограничения" / "Restrictions";
        years: Vec<Year>, "По годам" / "By year";
    }
}

record! {
    pub struct Holder("test_holder", "Держатель" / "Holder") {
        name: String, "Наименование" / "Name";
        address: String, "Адрес" / "Address";
    }
}

record! {
    pub struct Entry("test_entry", "Операция" / "Operation") {
        date: Day, "Дата" / "Date";
        title: String, "Содержание операции" / "What";
        uin: Option<Uin>, "УИН" / "UIN";
        amount: Money, "Сумма" / "Amount";
    }
}

record! {
    pub struct Year("test_year", "Год" / "Year") {
        year: i64, "Год" / "Year";
        total: Money, "Итого" / "Total";
        months: Vec<Month>, "По месяцам" / "By month";
    }
}

record! {
    pub struct Month("test_month", "Месяц" / "Month") {
        month: i64, "Месяц" / "Month";
        code: String, "Код" / "Code";
        amount: Money, "Сумма" / "Amount";
    }
}

fn facts(entries: i64) -> Value {
    let entry = |at: i64| Entry {
        date: Day::new(2026, 1, 1).unwrap().plus_days(at as i32),
        title: match at % 4 {
            0 => "Взносы".to_owned(),
            1 => "Ежемесячная выплата по обязательному пенсионному страхованию за отчётный период".to_owned(),
            2 => "Перерасчёт после проверки сведений работодателя «Ёлочка и партнёры»".to_owned(),
            _ => "Возврат".to_owned(),
        },
        uin: (at % 3 == 0).then(|| Uin::from_body(&format!("32{at:017}")).unwrap()),
        amount: Money::from_kopecks(if at % 5 == 0 { -123_456 } else { 123_456_789 + at }),
    };
    let month = |month: i64| Month { month, code: "2000".to_owned(), amount: Money::from_kopecks(8_765_432 + month) };
    let year =
        |year: i64| Year { year, total: Money::from_kopecks(105_185_262), months: (1..=12).map(month).collect() };
    let paper = Paper {
        person: 1_000_299_944,
        name: "Ёжикова-Щукина Анна Владимировна".to_owned(),
        born: Day::new(1987, 3, 8).unwrap(),
        as_of: "2026-11-22T09:05:00Z".parse().unwrap(),
        retired: false,
        balance: Money::from_kopecks(12_345_678_901),
        holder: Holder {
            name: "Фонд пенсионного и социального страхования (имитация)".to_owned(),
            address: "119991, город Москва, улица Шаболовка, дом 4, строение 1, этаж 3, кабинет 312: здесь принимают граждан \
                      по предварительной записи; номер дела 0123456789012345678901234567890123456789012345678901234567890123456789"
                .to_owned(),
        },
        entries: (0..entries).map(entry).collect(),
        notes: vec!["Первое".to_owned(), "Второе".to_owned()],
        none: vec![],
        years: vec![year(2026), year(2025)],
    };
    serde_json::to_value(paper).unwrap()
}

fn heading() -> Heading {
    Heading {
        title: "Выписка из индивидуального лицевого счёта застрахованного лица".to_owned(),
        number: "СП-2026-0001234567".to_owned(),
        issued_at: "2026-11-22T09:05:07Z".parse().unwrap(),
        issuer: "Портал государственных услуг (имитатор «Стенд»)".to_owned(),
        check_url: "https://localhost:8443/api/v1/documents/check?code=7K3M-9QTA-1V5X-2026".to_owned(),
        code: "7K3M-9QTA-1V5X-2026".to_owned(),
    }
}

fn texts(marks: &[Mark]) -> impl Iterator<Item = (&[f32; 2], Face, f32, &String)> {
    marks.iter().filter_map(|mark| match mark {
        Mark::Text { at, face, size, text, .. } => Some((at, *face, *size, text)),
        _ => None,
    })
}

#[test]
fn the_same_facts_give_the_same_bytes_and_other_facts_others() {
    let paper = |entries| render(Paper::SHAPE, &facts(entries), &heading()).unwrap();
    assert!(paper(3).starts_with(b"%PDF-"));
    assert_eq!(paper(3), paper(3));
    assert_ne!(paper(3), paper(4));
    if let Some(folder) = std::env::var_os("STEND_PICTURES") {
        for entries in [0, 3, 120] {
            std::fs::write(std::path::Path::new(&folder).join(format!("paper-{entries}.pdf")), paper(entries)).unwrap();
        }
    }
}

#[test]
fn every_value_is_on_the_pages_as_a_citizen_reads_it() {
    let facts = facts(40);
    let pages = pages(Paper::SHAPE, &facts, &heading());
    let squeezed = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
    let all: String = pages.iter().flat_map(|page| texts(page)).map(|(.., text)| squeezed(text)).collect();
    let shown = shown(Paper::SHAPE, &facts);
    assert!(shown.len() > 150);
    for wanted in ["08.03.1987", "22.11.2026\u{a0}12:05\u{a0}(МСК)", "123\u{a0}456\u{a0}789,01\u{a0}руб.", "нет"]
    {
        assert!(shown.iter().any(|text| text == wanted), "{wanted}");
    }
    // A value in the cell of a table stands in lines between those of its neighbours: its words are there.
    for word in shown.iter().flat_map(|text| text.split(' ')).filter(|word| word.chars().count() < 30) {
        assert!(all.contains(&squeezed(word)), "{word}");
    }
}

#[test]
fn nothing_leaves_the_page_or_lies_on_something_else() {
    for entries in [0, 1, 17, 300] {
        let pages = pages(Paper::SHAPE, &facts(entries), &heading());
        assert!(pages.len() as i64 > entries / 60);
        for page in &pages {
            let mut taken = BTreeSet::new();
            for (at, face, size, text) in texts(page) {
                assert!(at[0] >= 50.0 && at[0] + width(face, size, text) <= PAGE[0] - 38.0, "{text}");
                assert!(at[1] >= 40.0 && at[1] <= PAGE[1] - 20.0, "{text}");
                assert!(taken.insert((at[0].to_bits(), at[1].to_bits())), "two texts at {at:?}: {text}");
            }
            let marks = texts(page).filter(|(.., text)| text.contains("Не является официальным")).count();
            assert!(marks >= 1, "each page says that it is a test");
            assert_eq!(page.iter().filter(|mark| matches!(mark, Mark::Qr { .. })).count(), 1);
        }
    }
}

#[test]
fn lines_break_between_words_and_long_words_where_they_must() {
    let lines = wrap(Face::Regular, 10.0, "один два 0123456789012345678901234567890123456789 три", 80.0);
    assert!(lines.len() > 3);
    assert!(lines.iter().all(|line| width(Face::Regular, 10.0, line) <= 80.0), "{lines:?}");
    assert_eq!(lines.concat().replace(' ', ""), "одиндва0123456789012345678901234567890123456789три");
    assert_eq!(wrap(Face::Bold, 10.0, "", 10.0), [""]);
    let sum = "1\u{a0}234,00\u{a0}₽";
    let room = width(Face::Bold, 10.0, sum) + 1.0;
    assert_eq!(wrap(Face::Bold, 10.0, &format!("{sum} и ещё"), room)[0], sum);
}

#[test]
fn the_faces_have_every_letter_that_is_drawn() {
    let unknown = glyphs(Face::Regular, "?")[0].glyph_id;
    let pages = pages(Paper::SHAPE, &facts(17), &heading());
    for (_, face, _, text) in pages.iter().flat_map(|page| texts(page)) {
        for (glyph, letter) in glyphs(face, text).iter().zip(text.chars()) {
            assert!(glyph.glyph_id != unknown || letter == '?', "{letter} of {text}");
        }
    }
}
