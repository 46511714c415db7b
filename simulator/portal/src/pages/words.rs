//! Mnemonics in the words that a citizen reads.

use contract::citizen::Citizen;
use contract::consent::{ACTIONS, ConsentState, purpose};
use contract::scope;
use contract::time::Span;

use super::templates::Scope;

pub(super) fn scopes(names: &[String]) -> Vec<Scope> {
    names.iter().map(|name| Scope { name: name.clone(), words: scope_words(name) }).collect()
}

pub(super) fn scope_words(name: &str) -> String {
    scope::find(name).map_or_else(|| name.to_owned(), |known| known.ru.to_owned())
}

pub(super) fn purpose_words(name: &str) -> String {
    purpose(name).map_or_else(|| name.to_owned(), |known| known.ru.to_owned())
}

pub(super) fn action_words(name: &str) -> String {
    let known = ACTIONS.iter().find(|action| action.sysname == name);
    known.map_or_else(|| name.to_owned(), |known| known.ru.to_owned())
}

pub(super) fn state_words(state: ConsentState) -> &'static str {
    match state {
        ConsentState::Requested => "ждёт вашего ответа",
        ConsentState::Granted => "действует",
        ConsentState::Refused => "вы отказали",
        ConsentState::Expired => "срок истёк",
        ConsentState::Revoked => "отозвано",
    }
}

/// `Анна Сергеевна`, as one speaks to a person.
pub(super) fn address(citizen: &Citizen) -> String {
    match &citizen.middle_name {
        Some(middle) => format!("{} {middle}", citizen.first_name),
        None => citizen.first_name.clone(),
    }
}

/// `30 дней с момента согласия`
pub(super) fn term(term: Span) -> String {
    let minutes = term.seconds() / 60;
    let (count, forms) = match minutes {
        year if year >= 525_600 && year % 525_600 == 0 => (year / 525_600, ["год", "года", "лет"]),
        day if day >= 1440 && day % 1440 == 0 => (day / 1440, ["день", "дня", "дней"]),
        hour if hour >= 60 && hour % 60 == 0 => (hour / 60, ["час", "часа", "часов"]),
        minute => (minute, ["минута", "минуты", "минут"]),
    };
    format!("{count} {} с момента согласия или до отзыва, если он раньше", counted(count, forms))
}

/// The form of a Russian noun after a number.
pub(super) fn counted(count: i64, forms: [&'static str; 3]) -> &'static str {
    match (count % 10, count % 100) {
        (1, tens) if tens != 11 => forms[0],
        (2..=4, tens) if !(12..=14).contains(&tens) => forms[1],
        _ => forms[2],
    }
}

/// `на номер +7 *** ***-**-06`: enough to recognise, too little to learn.
pub(super) fn masked_phone(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    match digits.as_slice() {
        [.., one, two] => format!("на номер +7 *** ***-**-{one}{two}"),
        _ => "в приложение портала".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_read_as_russian() {
        for (minutes, start) in
            [(525_600, "1 год "), (43_200, "30 дней "), (1440, "1 день "), (5, "5 минут "), (120, "2 часа ")]
        {
            assert!(term(Span::from_minutes(minutes)).starts_with(start), "{}", term(Span::from_minutes(minutes)));
        }
        assert_eq!(masked_phone("+7(900)0000006"), "на номер +7 *** ***-**-06");
    }
}
