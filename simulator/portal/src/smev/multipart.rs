//! `multipart/related` with XOP (MTOM): a root part with the envelope, and parts that stand for content in it.

use std::collections::HashMap;

use bytes::Bytes;

/// A message taken apart.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Related {
    pub(super) root: Bytes,
    /// Media type of the root part, as it is written.
    pub(super) root_type: String,
    /// By content id, without angle brackets.
    pub(super) parts: HashMap<String, Bytes>,
}

/// Most parts of one message.
const PARTS: usize = 100;

/// A parameter of a media type: `boundary="x"`, `type=...`.
pub(super) fn parameter(media_type: &str, name: &str) -> Option<String> {
    let mut rest = media_type.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim().trim_start_matches(';').trim();
        let after = after.trim_start();
        let (value, behind) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"')?;
                (quoted[..end].to_owned(), &quoted[end + 1..])
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = behind;
    }
}

/// Takes a body apart.
pub(super) fn related(media_type: &str, body: &Bytes) -> Result<Related, String> {
    let boundary = parameter(media_type, "boundary").filter(|text| !text.is_empty()).ok_or("it names no boundary")?;
    let start = parameter(media_type, "start").map(|id| bare(&id));
    let mark = format!("--{boundary}");
    let mut related = Related::default();
    let mut first = true;
    let places = find_all(body, mark.as_bytes());
    if places.is_empty() || places.len() > PARTS + 1 {
        return Err(format!("{} boundaries", places.len()));
    }
    let closed = places.last().is_some_and(|at| body.get(at + mark.len()..at + mark.len() + 2) == Some(b"--"));
    if !closed {
        return Err("the last part is not closed".into());
    }
    for pair in places.windows(2) {
        let [from, to] = [pair[0] + mark.len(), pair[1]];
        let piece = body.slice(from..to);
        let piece = piece.strip_prefix(b"\r\n").map_or(piece.clone(), |rest| piece.slice_ref(rest));
        let Some(at) = find(&piece, b"\r\n\r\n") else { return Err("a part without headers".into()) };
        let head = String::from_utf8_lossy(&piece[..at]).into_owned();
        let content = piece.slice(at + 4..);
        let content = content.strip_suffix(b"\r\n").map_or(content.clone(), |rest| content.slice_ref(rest));
        let header = |name: &str| {
            head.split("\r\n")
                .filter_map(|line| line.split_once(':'))
                .find_map(|(key, value)| key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned()))
        };
        let id = header("content-id").map(|id| bare(&id)).unwrap_or_default();
        let is_root = start.as_ref().map_or(first, |start| *start == id);
        first = false;
        if is_root {
            related.root = content;
            related.root_type = header("content-type").unwrap_or_default();
        } else if id.is_empty() || related.parts.insert(id.clone(), content).is_some() {
            return Err(format!("content id {id:?} is absent or stands twice"));
        }
    }
    if related.root_type.is_empty() {
        return Err("there is no root part".into());
    }
    Ok(related)
}

fn bare(id: &str) -> String {
    id.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Boundaries begin a line.
fn find_all(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = bytes.get(at..).and_then(|rest| find(rest, wanted)) {
        let place = at + next;
        if place == 0 || bytes[..place].ends_with(b"\r\n") {
            found.push(place);
        }
        at = place + wanted.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/related; type=\"application/xop+xml\"; boundary=\"b=1\"; start=\"<root@x>\"; start-info=\"text/xml\"";

    #[test]
    fn a_message_is_taken_apart_by_its_boundary() {
        let body = "--b=1\r\nContent-Type: image/png\r\nContent-ID: <p@x>\r\n\r\n\0a\r\nb\r\n--b=1\r\n\
                    Content-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\r\nContent-ID: <root@x>\r\n\r\n<a/>\r\n--b=1--\r\n";
        let related = related(TYPE, &Bytes::from(body)).unwrap();
        assert_eq!(&related.root[..], b"<a/>");
        assert_eq!(&related.parts["p@x"][..], b"\0a\r\nb");
        assert!(related.root_type.starts_with("application/xop+xml"));
        assert_eq!(parameter(TYPE, "start-info").as_deref(), Some("text/xml"));
    }

    #[test]
    fn a_message_cut_short_is_refused() {
        let body = "--b=1\r\nContent-ID: <root@x>\r\nContent-Type: application/xop+xml\r\n\r\n<a/>\r\n--b=1\r\nC";
        assert!(related(TYPE, &Bytes::from(body)).is_err());
        assert!(related("multipart/related", &Bytes::from(body)).is_err());
    }
}
