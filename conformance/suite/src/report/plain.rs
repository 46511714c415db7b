//! Text from outside made harmless to look at. What a bank wrote may hold terminal escapes, characters that turn the
//! reading direction round, or none that can be seen; each is shown as its number instead of being obeyed.

use std::borrow::Cow;

/// Shows what would otherwise act on the reader's screen. Line breaks and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// The same on one line, cut to `width` characters.
pub(crate) fn line(text: &str, width: usize) -> String {
    let flat = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= width {
        return flat;
    }
    let cut: String = flat.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

fn acts(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_escape_is_shown_and_not_obeyed() {
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("left \u{202e}thgir"), "left \\u{202e}thgir");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        assert_eq!(visible("Ё\tдва\nстроки"), "Ё\tдва\nстроки");
    }

    #[test]
    fn a_line_is_one_line_and_no_longer_than_asked() {
        assert_eq!(line("one\n two\tthree", 40), "one two three");
        assert_eq!(line("слишком длинная строка", 9), "слишком…");
    }
}
