//! Frames of RFC 6455 as they stand on the wire: read strictly, written as told. A library would hide what a rule must
//! see (masks, fragments) and would not write what a lie must show, so both are done here; the limits are those of the
//! reader's caller, and nothing is read into memory before its declared length is known to be within them.

use tokio::io::{AsyncRead, AsyncReadExt};

/// `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2).
pub(super) fn accept(key: &str) -> String {
    let joined = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, joined.as_bytes());
    crypto::base64::encode_standard(digest.as_ref())
}

pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// Longest payload of a control frame (RFC 6455 §5.5).
const CONTROL_MAX: usize = 125;

/// The name of an opcode as it is journalled.
pub(super) fn name(opcode: u8) -> &'static str {
    match opcode {
        CONTINUATION => "continuation",
        TEXT => "text",
        BINARY => "binary",
        CLOSE => "close",
        PING => "ping",
        PONG => "pong",
        _ => "reserved",
    }
}

/// A frame, its payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) fin: bool,
    /// The three reserved bits.
    pub(super) reserved: u8,
    pub(super) opcode: u8,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn whole(opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { fin: true, reserved: 0, opcode, mask: None, payload: payload.into() }
    }

    /// A closing frame; the reason is cut to what fits (§5.5.1).
    pub(super) fn close(code: u16, reason: &str) -> Self {
        let mut payload = code.to_be_bytes().to_vec();
        let fits =
            reason.char_indices().map(|(at, letter)| at + letter.len_utf8()).take_while(|end| *end <= 123).last();
        payload.extend_from_slice(&reason.as_bytes()[..fits.unwrap_or_default()]);
        Self::whole(CLOSE, payload)
    }

    /// The bytes on the wire, whatever the frame says.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.fin) << 7 | self.reserved << 4 | self.opcode];
        let masked = u8::from(self.mask.is_some()) << 7;
        match self.payload.len() {
            short @ 0..=125 => bytes.push(masked | short as u8),
            middle @ 126..=0xffff => {
                bytes.push(masked | 126);
                bytes.extend_from_slice(&(middle as u16).to_be_bytes());
            }
            long => {
                bytes.push(masked | 127);
                bytes.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        match self.mask {
            Some(mask) => {
                bytes.extend_from_slice(&mask);
                bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
            }
            None => bytes.extend_from_slice(&self.payload),
        }
        bytes
    }
}

/// What a frame of the client comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Text(String),
    Binary,
    Ping(Vec<u8>),
    Pong,
    /// The code, where one was given.
    Close(Option<u16>),
    /// A fragment, not the last.
    Part,
}

/// Why reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The connection is gone.
    Gone,
    /// §7.1.7: fail the connection with 1002.
    Protocol(&'static str),
    /// 1007.
    NotUtf8,
    /// 1009.
    TooLong,
}

/// Reads what a client sends.
pub(super) struct Reader<R> {
    from: R,
    message_max: usize,
    /// Opcode and payload of a message whose last fragment has not come.
    begun: Option<(u8, Vec<u8>)>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(super) fn new(from: R, message_max: usize) -> Self {
        Self { from, message_max, begun: None }
    }

    /// The next frame and what it comes to. The frame of a fragment or message is answered without its payload.
    pub(super) async fn next(&mut self) -> Result<(Frame, usize, Message), Bad> {
        let mut frame = self.frame().await?;
        let length = frame.payload.len();
        let payload = std::mem::take(&mut frame.payload);
        let message = match frame.opcode {
            PING => Message::Ping(payload),
            PONG => Message::Pong,
            CLOSE => Message::Close(closing(&payload)?),
            opcode => self.assembled(opcode, frame.fin, payload)?,
        };
        Ok((frame, length, message))
    }

    /// Takes what still comes and drops it, until the other side ends.
    pub(super) async fn drain(&mut self) {
        let mut dropped = [0; 8 * 1024];
        while self.from.read(&mut dropped).await.is_ok_and(|count| count > 0) {}
    }

    fn assembled(&mut self, opcode: u8, fin: bool, payload: Vec<u8>) -> Result<Message, Bad> {
        let (opcode, whole) = match (self.begun.take(), opcode) {
            (None, CONTINUATION) => return Err(Bad::Protocol("a continuation that continues nothing")),
            (Some(_), TEXT | BINARY) => return Err(Bad::Protocol("a new message within another")),
            (Some((opcode, mut begun)), _) => {
                begun.extend_from_slice(&payload);
                (opcode, begun)
            }
            (None, opcode) => (opcode, payload),
        };
        if !fin {
            self.begun = Some((opcode, whole));
            return Ok(Message::Part);
        }
        if opcode == BINARY {
            return Ok(Message::Binary);
        }
        String::from_utf8(whole).map(Message::Text).map_err(|_| Bad::NotUtf8)
    }

    async fn frame(&mut self) -> Result<Frame, Bad> {
        let [first, second] = self.exact().await?;
        let (fin, reserved, opcode) = (first & 0x80 != 0, first >> 4 & 7, first & 0x0f);
        if reserved != 0 {
            return Err(Bad::Protocol("a reserved bit is set"));
        }
        if !matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG) {
            return Err(Bad::Protocol("a reserved opcode"));
        }
        if second & 0x80 == 0 {
            return Err(Bad::Protocol("a frame without a mask"));
        }
        let short = second & 0x7f;
        if opcode >= CLOSE && (!fin || usize::from(short) > CONTROL_MAX) {
            return Err(Bad::Protocol("a control frame in fragments or too long"));
        }
        let (length, least) = match short {
            126 => (u64::from(u16::from_be_bytes(self.exact().await?)), 126),
            127 => (u64::from_be_bytes(self.exact().await?), 0x1_0000),
            short => (u64::from(short), 0),
        };
        if length < least || length >> 63 != 0 {
            return Err(Bad::Protocol("a length that is not written in the shortest way"));
        }
        let begun = self.begun.as_ref().map_or(0, |(_, begun)| begun.len());
        let length = usize::try_from(length).map_err(|_| Bad::TooLong)?;
        if opcode < CLOSE && length.saturating_add(begun) > self.message_max {
            return Err(Bad::TooLong);
        }
        let mask: [u8; 4] = self.exact().await?;
        let mut payload = vec![0; length];
        self.from.read_exact(&mut payload).await.map_err(|_| Bad::Gone)?;
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
        Ok(Frame { fin, reserved, opcode, mask: Some(mask), payload })
    }

    async fn exact<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).await.map_err(|_| Bad::Gone)?;
        Ok(bytes)
    }
}

/// The code of a closing frame (§5.5.1, §7.4).
fn closing(payload: &[u8]) -> Result<Option<u16>, Bad> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        [_] => return Err(Bad::Protocol("half a close code")),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Bad::Protocol("a close code that must not be on the wire"));
    }
    std::str::from_utf8(reason).map(|_| Some(code)).map_err(|_| Bad::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(frame: Frame) -> Vec<u8> {
        Frame { mask: Some([1, 2, 3, 4]), ..frame }.bytes()
    }

    async fn read(bytes: &[u8]) -> Vec<Result<Message, Bad>> {
        let mut reader = Reader::new(bytes, 1000);
        let mut seen = Vec::new();
        loop {
            match reader.next().await {
                Ok((_, _, message)) => seen.push(Ok(message)),
                Err(bad) => {
                    seen.push(Err(bad));
                    return seen;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_message_comes_whole_or_in_fragments_with_a_ping_between() {
        let mut bytes = masked(Frame::whole(TEXT, "один".as_bytes()));
        let (head, tail) = "два".as_bytes().split_at(3);
        bytes.extend(masked(Frame { fin: false, ..Frame::whole(TEXT, head) }));
        bytes.extend(masked(Frame::whole(PING, *b"?")));
        bytes.extend(masked(Frame::whole(CONTINUATION, tail)));
        bytes.extend(masked(Frame::whole(TEXT, vec![b'a'; 300])));
        bytes.extend(masked(Frame::close(4009, "replaced")));
        let wanted = [
            Ok(Message::Text("один".into())),
            Ok(Message::Part),
            Ok(Message::Ping(b"?".to_vec())),
            Ok(Message::Text("два".into())),
            Ok(Message::Text("a".repeat(300))),
            Ok(Message::Close(Some(4009))),
            Err(Bad::Gone),
        ];
        assert_eq!(read(&bytes).await, wanted);
    }

    #[tokio::test]
    async fn what_breaks_the_protocol_is_told_by_its_class() {
        let text = || Frame::whole(TEXT, *b"x");
        let long = |length: usize| masked(Frame::whole(TEXT, vec![b'x'; length]));
        let twice = [masked(Frame { fin: false, ..text() }), masked(text())].concat();
        let parts = [
            masked(Frame { fin: false, ..Frame::whole(TEXT, vec![b'x'; 900]) }),
            masked(Frame::whole(CONTINUATION, vec![b'x'; 101])),
        ]
        .concat();
        for (bytes, wanted) in [
            (text().bytes(), "Protocol"),
            (masked(Frame { reserved: 4, ..text() }), "Protocol"),
            (masked(Frame::whole(3, *b"x")), "Protocol"),
            (masked(Frame::whole(CONTINUATION, *b"x")), "Protocol"),
            (masked(Frame { fin: false, ..Frame::whole(PING, *b"x") }), "Protocol"),
            (masked(Frame::whole(PING, vec![b'x'; 126])), "Protocol"),
            (masked(Frame::whole(CLOSE, *b"x")), "Protocol"),
            (masked(Frame::close(1005, "")), "Protocol"),
            (masked(Frame::whole(CLOSE, vec![3, 232, 0xff])), "NotUtf8"),
            (vec![0x81, 0xfe, 0, 5, 0, 0, 0, 0, 1, 1, 1, 1, 1], "Protocol"),
            (twice, "Protocol"),
            (masked(Frame::whole(TEXT, vec![0xff])), "NotUtf8"),
            (long(1001), "TooLong"),
            (parts, "TooLong"),
            (vec![0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "TooLong"),
        ] {
            let last = read(&bytes).await.pop().unwrap().unwrap_err();
            assert!(format!("{last:?}").starts_with(wanted), "{bytes:?}: {last:?}");
        }
    }

    #[test]
    fn the_accept_value_is_that_of_the_standard() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
