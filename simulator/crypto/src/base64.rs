//! Base64: strict where a standard is strict (JOSE), tolerant where real ESIA clients disagree (ESIA guidelines: URL-safe
//! without padding officially; standard alphabet, any padding and blanks for lost pluses are met in the wild).

use ::base64::Engine;
use ::base64::alphabet;
use ::base64::engine::DecodePaddingMode;
use ::base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD};

const LOOSE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Something about a Base64 text that the official form does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// Blanks stand where pluses were: the text went through a form decoder unencoded.
    BlanksForPlus,
    /// Line breaks or tabs within the text.
    LineBreaks,
    /// `+ /` and `- _` in one text.
    MixedAlphabet,
    /// Padding of the right length is there.
    Padded,
    /// Some padding is there, but not as much as belongs there.
    PaddingWrong,
    /// `+` or `/`: the standard alphabet instead of the URL-safe one.
    StandardAlphabet,
    /// Unused bits at the end are set: a cut or damaged text.
    TrailingBits,
}

/// What a tolerant reading found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    pub bytes: Vec<u8>,
    pub oddities: Vec<Oddity>,
}

/// Text that is Base64 in no reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBase64 {
    #[error("read base64: the character {0:?} at {1} belongs to no alphabet")]
    Character(char, usize),
    #[error("read base64: {0} characters cannot encode whole bytes")]
    Length(usize),
    #[error("read base64: padding stands in the middle")]
    PaddingInside,
}

/// URL-safe, without padding: the form of JOSE and of ESIA.
pub fn encode_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Standard alphabet with padding: PEM, structured fields.
pub fn encode_standard(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads URL-safe Base64 without padding and nothing else (RFC 7515 §2).
pub fn decode_url_strict(text: &str) -> Result<Vec<u8>, NotBase64> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| explain(text, &error))
}

/// Reads the standard alphabet with padding and nothing else (RFC 4648 §4).
pub fn decode_standard_strict(text: &str) -> Result<Vec<u8>, NotBase64> {
    STANDARD.decode(text).map_err(|error| explain(text, &error))
}

/// Reads both alphabets, with any or no padding, blanks for pluses and line breaks, and says what was odd.
pub fn tolerant(text: &str) -> Result<Decoded, NotBase64> {
    let mut oddities = Vec::new();
    let mut plain = String::with_capacity(text.len());
    let (mut standard, mut url, mut padding) = (false, false, 0usize);
    for (at, character) in text.char_indices() {
        let mut odd = |oddity| {
            if !oddities.contains(&oddity) {
                oddities.push(oddity);
            }
        };
        match character {
            '\r' | '\n' | '\t' => odd(Oddity::LineBreaks),
            '=' => padding += 1,
            _ if padding > 0 => return Err(NotBase64::PaddingInside),
            ' ' => {
                odd(Oddity::BlanksForPlus);
                plain.push('+');
            }
            '+' | '/' => {
                standard = true;
                plain.push(character);
            }
            '-' => {
                url = true;
                plain.push('+');
            }
            '_' => {
                url = true;
                plain.push('/');
            }
            'A'..='Z' | 'a'..='z' | '0'..='9' => plain.push(character),
            _ => return Err(NotBase64::Character(character, at)),
        }
    }
    let bytes = LOOSE.decode(&plain).map_err(|_| NotBase64::Length(plain.len()))?;
    match (standard, url) {
        (true, true) => oddities.push(Oddity::MixedAlphabet),
        (true, false) => oddities.push(Oddity::StandardAlphabet),
        (false, _) => {}
    }
    let wanted = (4 - plain.len() % 4) % 4;
    if padding > 0 {
        oddities.push(if padding == wanted { Oddity::Padded } else { Oddity::PaddingWrong });
    }
    if ::base64::engine::general_purpose::STANDARD_NO_PAD.encode(&bytes) != plain {
        oddities.push(Oddity::TrailingBits);
    }
    oddities.sort_unstable();
    Ok(Decoded { bytes, oddities })
}

fn explain(text: &str, error: &::base64::DecodeError) -> NotBase64 {
    match error {
        ::base64::DecodeError::InvalidByte(at, byte) => NotBase64::Character(char::from(*byte), *at),
        _ => NotBase64::Length(text.len()),
    }
}

impl Oddity {
    /// A slug for diagnosis.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlanksForPlus => "blanks-for-plus",
            Self::LineBreaks => "line-breaks",
            Self::MixedAlphabet => "mixed-alphabet",
            Self::Padded => "padded",
            Self::PaddingWrong => "padding-wrong",
            Self::StandardAlphabet => "standard-alphabet",
            Self::TrailingBits => "trailing-bits",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerant_reading_takes_every_form_and_names_what_is_odd() {
        let bytes = [0xfb, 0xff, 0xbf, 0x01];
        for (text, oddities) in [
            ("-_-_AQ", vec![]),
            ("-_-_AQ==", vec![Oddity::Padded]),
            ("-_-_AQ=", vec![Oddity::PaddingWrong]),
            ("+/+/AQ==", vec![Oddity::Padded, Oddity::StandardAlphabet]),
            (" / /AQ", vec![Oddity::BlanksForPlus, Oddity::StandardAlphabet]),
            ("-/+_AQ", vec![Oddity::MixedAlphabet]),
            ("-_-_\r\nAQ", vec![Oddity::LineBreaks]),
            ("-_-_AR", vec![Oddity::TrailingBits]),
        ] {
            assert_eq!(tolerant(text), Ok(Decoded { bytes: bytes.to_vec(), oddities }), "{text}");
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        assert_eq!(tolerant("ab!d"), Err(NotBase64::Character('!', 2)));
        assert_eq!(tolerant("abcde"), Err(NotBase64::Length(5)));
        assert_eq!(tolerant("ab==cd"), Err(NotBase64::PaddingInside));
    }

    #[test]
    fn strict_reading_takes_the_official_form_only() {
        assert_eq!(decode_url_strict("-_-_AQ"), Ok(vec![0xfb, 0xff, 0xbf, 0x01]));
        for text in ["-_-_AQ==", "+/+/AQ", "-_-_AR", "-_-_A", "-_-_ AQ"] {
            assert!(decode_url_strict(text).is_err(), "{text}");
        }
    }
}
