//! What is written once and takes no course: surveys, metrics, analytics, offers. And what none of them may hold.

use crate::ids::{Inn, Oid, Snils};
use crate::money::Money;
use crate::record;
use crate::time::{Day, Timestamp};

record! {
    pub struct SurveyBody("survey", "Оценка" / "The answer to a survey after an operation") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        operation: String, "Операция" / "Id of the operation";
        score: i32, "Оценка" / "From 1 to 5";
        comment: Option<String>, "Отзыв" / "In the citizen's words, without personal data";
    }
}

record! {
    pub struct MetricItem("metric", "Показатель" / "Numbers of one operation") {
        name: String, "Операция" / "Which operation, as the bank calls it";
        count: u64, "Количество" / "How many";
        p50_ms: u64, "Медиана, мс" / "Median of the time to answer";
        p95_ms: u64, "95-й процентиль, мс" / "95th percentile of the time to answer";
        cancelled: u64, "Отменено" / "How many were given up";
    }
}

record! {
    pub struct MetricsBody("metrics", "Показатели" / "Numbers of a period, about nobody") {
        period: String, "Период" / "A month or a day: 2026-11, 2026-11-22";
        items: Vec<MetricItem>, "Показатели" / "By operation";
    }
}

record! {
    pub struct Spending("spending", "Категория" / "What was spent on something") {
        code: String, "Код" / "Of the category: four digits (MCC) or a word";
        total: Money, "Сумма" / "Spent in all";
        count: u64, "Операций" / "How often";
    }
}

record! {
    pub struct AnalyticsBody("analytics_body", "Траты за месяц" / "Spending of a month") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        period: String, "Месяц" / "2026-11";
        categories: Vec<Spending>, "Категории" / "Aggregates";
        total: Money, "Всего" / "The sum over the categories";
    }
}

record! {
    pub struct Analytics("analytics", "Траты за месяц" / "Spending of a month, as the citizen sees it") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        period: String, "Месяц" / "2026-11";
        categories: Vec<Spending>, "Категории" / "Aggregates";
        total: Money, "Всего" / "The sum over the categories";
        updated_at: Timestamp, "Обновлено" / "When the bank told it";
    }
}

record! {
    pub struct OfferBody("offer_body", "Предложение" / "An offer on a state application") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        purpose: String, "Цель" / "A purpose of the consent";
        product: String, "Продукт" / "What is offered, as the bank calls it";
        title: String, "Название" / "As the citizen reads it";
        rate: Option<String>, "Ставка" / "Per cent per year, as text";
        until: Day, "Действует до" / "The last day of the offer";
    }
}

record! {
    pub struct Offer("offer", "Предложение" / "An offer as the portal holds it") {
        id: String, "Номер" / "The portal's id";
        opening: String, "Заявление" / "What it was made on";
        client_id: String, "Банк" / "Who offers";
        product: String, "Продукт" / "What is offered, as the bank calls it";
        title: String, "Название" / "As the citizen reads it";
        rate: Option<String>, "Ставка" / "Per cent per year, as text";
        until: Day, "Действует до" / "The last day of the offer";
        at: Timestamp, "Сделано" / "When it was made";
    }
}

record! {
    pub struct Taken("taken", "Принято" / "What was taken") {
        id: String, "Номер" / "The portal's id";
        at: Timestamp, "Когда" / "When";
    }
}

/// Kinds of personal data that a free text or a metric must not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Personal {
    /// Thirteen to nineteen digits with a right Luhn digit.
    Card,
    /// An e-mail address.
    Email,
    /// A taxpayer's number of a person with right check digits.
    Inn,
    /// A number of ten digits as ESIA gives it, beginning with 1.
    Oid,
    /// Series and number of a passport, after its word.
    Passport,
    /// A Russian mobile phone.
    Phone,
    /// An insurance number with right check digits.
    Snils,
}

impl Personal {
    /// Its word, for a refusal: never the value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Email => "email",
            Self::Inn => "inn",
            Self::Oid => "oid",
            Self::Passport => "passport",
            Self::Phone => "phone",
            Self::Snils => "snils",
        }
    }
}

/// The first personal datum in a text. Numbers with check digits count only where these are right, so that sums, ids and
/// times pass; groups may be parted by blanks, hyphens and brackets.
pub fn personal(text: &str) -> Option<Personal> {
    if text.split(|sign: char| sign.is_whitespace() || ",;()<>\"'«»".contains(sign)).any(is_email) {
        return Some(Personal::Email);
    }
    let lower = text.to_lowercase();
    numbers(text).into_iter().find_map(|(digits, at, plus)| {
        let before: String = lower.get(..at).unwrap_or_default().chars().rev().take(24).collect();
        let before: String = before.chars().rev().collect();
        classify(&digits, plus, before.contains("паспорт") || before.contains("passport"))
    })
}

/// Whether a text is a card's number and nothing else: what must never stand where a token belongs.
pub fn is_card_number(text: &str) -> bool {
    let bare: String = text.chars().filter(|sign| !matches!(sign, ' ' | '-')).collect();
    bare.bytes().all(|byte| byte.is_ascii_digit()) && (13..=19).contains(&bare.len()) && luhn(&bare)
}

fn classify(digits: &str, plus: bool, after_passport: bool) -> Option<Personal> {
    let long = |range: std::ops::RangeInclusive<usize>| range.contains(&digits.len());
    match digits.len() {
        // A phone comes before the other numbers of eleven digits: nobody writes an insurance number with +7.
        11 if (plus && digits.starts_with('7')) || digits.starts_with("79") || digits.starts_with("89") => {
            Some(Personal::Phone)
        }
        11 if digits.parse::<Snils>().is_ok() => Some(Personal::Snils),
        12 if digits.parse::<Inn>().is_ok() => Some(Personal::Inn),
        10 if after_passport => Some(Personal::Passport),
        10 if digits.starts_with("100") => Some(Personal::Oid),
        _ if long(13..=19) && luhn(digits) => Some(Personal::Card),
        _ => None,
    }
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0');
            if at % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    digits.bytes().any(|byte| byte != b'0') && sum.is_multiple_of(10)
}

fn is_email(word: &str) -> bool {
    let Some((name, host)) = word.trim_matches('.').split_once('@') else { return false };
    let sign = |letter: char| letter.is_alphanumeric() || ".-_+".contains(letter);
    !name.is_empty() && name.chars().all(sign) && host.contains('.') && host.chars().all(sign)
}

/// Runs of digits, groups put together, with where they begin and whether a plus stands before.
fn numbers(text: &str) -> Vec<(String, usize, bool)> {
    let mut found = Vec::new();
    let mut run = String::new();
    let (mut start, mut plus, mut gap, mut joined) = (0, false, 0, false);
    let mut last = ' ';
    for (at, sign) in text.char_indices().chain([(text.len(), '.')]) {
        if sign.is_ascii_digit() {
            if run.is_empty() {
                (start, plus) = (at, last == '+');
                // Digits inside a word (an id in hex, a name) are no number of a person.
                joined = last.is_alphanumeric();
            }
            run.push(sign);
            gap = 0;
        } else if !run.is_empty() && gap < 2 && matches!(sign, ' ' | '-' | '(' | ')' | '\u{a0}' | '№') {
            gap += 1;
        } else if !run.is_empty() {
            if !(joined || sign.is_alphanumeric() && gap == 0) {
                found.push((std::mem::take(&mut run), start, plus));
            }
            run.clear();
            gap = 0;
        }
        last = sign;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_found_in_running_text() {
        for (text, wanted) in [
            ("мой СНИЛС 112-233-445 95, помогите", Personal::Snils),
            ("ИНН 500100732259", Personal::Inn),
            ("звоните +7 (900) 123-45-67 вечером", Personal::Phone),
            ("звоните 89001234567", Personal::Phone),
            ("пишите на anna.p@mail.example.", Personal::Email),
            ("карта 4111 1111 1111 1111 не прошла", Personal::Card),
            ("паспорт 4509 000001 устарел", Personal::Passport),
            ("учётная запись 1000299944", Personal::Oid),
        ] {
            assert_eq!(personal(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn sums_days_and_ids_are_not_personal() {
        for text in [
            "платёж 6f1d2c1e-8f0a-4c35-9d55-0c8b9d4d7a11 на 1 234 567 коп. не дошёл",
            "22.11.2026 в 13:05 списали 5000",
            "УИН 18817072416285972103",
            "ответ за 1200 мс, ошибок 3",
            "4111111111111112",
        ] {
            assert_eq!(personal(text), None, "{text}");
        }
    }

    #[test]
    fn a_card_number_is_told_from_a_token() {
        assert!(is_card_number("4111111111111111") && is_card_number("4111 1111 1111 1111"));
        assert!(!is_card_number("tok-4111111111111111") && !is_card_number("4111111111111112"));
        assert!(!is_card_number("0000000000000000"));
    }
}
