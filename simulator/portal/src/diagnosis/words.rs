//! Small helps for telling people what went wrong: the nearest known word, and how two addresses differ.

use url::Url;

/// The known word nearest to `seen`, when it is near enough to be meant.
pub fn nearest<'a>(seen: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = seen.to_lowercase();
    let best = known.into_iter().map(|word| (distance(&lower, &word.to_lowercase()), word)).min_by_key(|(far, _)| *far);
    best.filter(|(far, word)| *far <= 1 + word.chars().count() / 3).map(|(_, word)| word)
}

/// `seen, meant "x"?`
pub fn with_nearest<'a>(seen: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(seen, known) {
        Some(word) => format!("{seen:?}; nearest known: {word:?}"),
        None => format!("{seen:?}"),
    }
}

/// Levenshtein distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (place, wanted) in other.iter().enumerate() {
            let above = row[place + 1];
            let replaced = corner + usize::from(letter != *wanted);
            row[place + 1] = replaced.min(above + 1).min(row[place] + 1);
            corner = above;
        }
    }
    row[other.len()]
}

/// How an address differs from the nearest registered one, in words.
pub fn address_difference(seen: &str, registered: &[String]) -> String {
    let Some(nearest) = registered.iter().min_by_key(|known| distance(seen, known)) else {
        return format!("{seen:?}; no address is registered");
    };
    let how = match (Url::parse(seen), Url::parse(nearest)) {
        (Err(_), _) => "it is no absolute address",
        (Ok(one), Ok(other)) if one.scheme() != other.scheme() => "the scheme differs",
        (Ok(one), Ok(other)) if one.host_str() != other.host_str() => "the host differs",
        (Ok(one), Ok(other)) if one.port_or_known_default() != other.port_or_known_default() => "the port differs",
        (Ok(one), Ok(other)) if one.path() != other.path() => {
            let (one, other) = (one.path(), other.path());
            if one.trim_end_matches('/') == other.trim_end_matches('/') {
                "only a slash at the end differs"
            } else if one.eq_ignore_ascii_case(other) {
                "only the letter case of the path differs"
            } else {
                "the path differs"
            }
        }
        (Ok(one), Ok(other)) if one.query() != other.query() => "the query differs",
        (Ok(one), Ok(other)) if one.fragment() != other.fragment() => "it carries a fragment",
        _ if seen.contains('%') => "it is percent-encoded once too often, or written in another way",
        _ => "it is written in another way (letter case, default port)",
    };
    format!("{seen:?}: {how}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_none() {
        let known = ["fullname", "birthdate", "snils"];
        assert_eq!(nearest("full_name", known), Some("fullname"));
        assert_eq!(nearest("SNILS", known), Some("snils"));
        assert_eq!(nearest("quantum_state", known), None);
    }

    #[test]
    fn addresses_are_told_apart() {
        let registered = vec!["https://localhost:9443/callback".to_owned()];
        for (seen, how) in [
            ("https://localhost:9443/callback/", "only a slash at the end differs"),
            ("http://localhost:9443/callback", "the scheme differs"),
            ("https://localhost:9444/callback", "the port differs"),
            ("https://localhost:9443/Callback", "only the letter case of the path differs"),
            ("https://127.0.0.1:9443/callback", "the host differs"),
            ("/callback", "it is no absolute address"),
            ("https://localhost:9443/callback?x=1", "the query differs"),
        ] {
            assert!(address_difference(seen, &registered).ends_with(how), "{seen}");
        }
    }
}
