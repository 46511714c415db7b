//! PEM (RFC 7468), written with lines of 64 characters and read with text around the blocks tolerated.

/// One block between BEGIN and END.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub label: String,
    pub der: Vec<u8>,
}

/// Writes one block.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = crate::base64::encode_standard(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

/// All well-formed blocks of a text, in order. What is damaged is left out, so callers that need a block must ask for it.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = after.split_once("-----") else { break };
        let end = format!("-----END {label}-----");
        let Some((body, tail)) = body.split_once(&end) else {
            rest = after;
            continue;
        };
        // Header lines of old encrypted keys have a colon; such keys are not read here.
        let plain: String = body.split_ascii_whitespace().collect();
        if let Ok(der) = crate::base64::decode_standard_strict(&plain) {
            out.push(Block { label: label.to_owned(), der });
        }
        rest = tail;
    }
    out
}

/// The first block with this label.
pub fn find(text: &str, label: &str) -> Option<Vec<u8>> {
    blocks(text).into_iter().find(|block| block.label == label).map(|block| block.der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_written_and_read_back_with_text_around_them() {
        let first: Vec<u8> = (0..200).collect();
        let text = format!("bag attributes\r\n{}\nnoise\n{}", encode("A B", &first), encode("C", b"x"));
        let found = blocks(&text.replace('\n', "\r\n"));
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], Block { label: "A B".into(), der: first });
        assert_eq!(find(&text, "C"), Some(b"x".to_vec()));
        assert!(text.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn damaged_blocks_are_left_out() {
        assert_eq!(blocks("-----BEGIN A-----\n!!!\n-----END A-----\n"), vec![]);
        assert_eq!(blocks("-----BEGIN A-----\nAAAA\n-----END B-----\n"), vec![]);
    }
}
