//! The stream under the frames. In an honest bank it hands bytes through. A broken variant looks away from one breach of
//! RFC 6455: its frames are mended here before the library, which would rightly close the connection, sees them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::conduct::{Conduct, Diligence, SocketCheck, SocketDuty};

pub(crate) struct Lenient<S> {
    inner: S,
    conduct: &'static dyn Conduct,
    /// Nothing is mended: bytes go through as they are.
    plain: bool,
    /// The upgrade is not over yet.
    head: bool,
    read: Vec<u8>,
    ready: Vec<u8>,
    within: bool,
}

const MENDED: [SocketCheck; 6] = [
    SocketCheck::Continuation,
    SocketCheck::ControlLong,
    SocketCheck::Masked,
    SocketCheck::Opcode,
    SocketCheck::Reserved,
    SocketCheck::Text,
];

impl<S> Lenient<S> {
    pub(crate) fn new(inner: S, conduct: &'static dyn Conduct) -> Self {
        let strict = MENDED.into_iter().all(|check| conduct.checks(check) == Diligence::Full);
        let answers = conduct.keeps(SocketDuty::PingAnswered) && conduct.keeps(SocketDuty::Fragments);
        let plain = strict && answers;
        Self { inner, conduct, plain, head: true, read: Vec::new(), ready: Vec::new(), within: false }
    }

    /// The stream itself, for an upgrade by hand.
    pub(crate) fn raw(&mut self) -> &mut S {
        self.head = false;
        &mut self.inner
    }

    fn looks_away(&self, check: SocketCheck) -> bool {
        self.conduct.checks(check) != Diligence::Full
    }

    /// Moves what is whole from `read` to `ready`.
    fn mend(&mut self) {
        if self.head {
            let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") else { return };
            self.ready.extend(self.read.drain(..at + 4));
            self.head = false;
        }
        while let Some((frame, length)) = Frame::read(&self.read) {
            self.read.drain(..length);
            if let Some(frame) = self.mended(frame) {
                frame.write(&mut self.ready);
            }
        }
    }

    fn mended(&mut self, frame: Frame) -> Option<Frame> {
        let mut frame = frame;
        let is_control = frame.opcode & 8 != 0;
        if frame.reserved != 0 && self.looks_away(SocketCheck::Reserved) {
            frame.reserved = 0;
        }
        if frame.mask.is_some() && self.looks_away(SocketCheck::Masked) {
            let mask = frame.mask.take().unwrap_or_default();
            frame.payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
        if matches!(frame.opcode, 3..=7 | 11..=15) && self.looks_away(SocketCheck::Opcode) {
            (frame.opcode, frame.last) = (1, true);
        }
        if is_control && self.looks_away(SocketCheck::ControlLong) {
            frame.payload.truncate(125);
            frame.last = true;
        }
        if frame.opcode == 1 && self.looks_away(SocketCheck::Text) {
            frame.payload = String::from_utf8_lossy(&frame.payload).into_owned().into_bytes();
        }
        if frame.opcode == 0 && !self.within && self.looks_away(SocketCheck::Continuation) {
            (frame.opcode, frame.last) = (1, true);
        }
        if !is_control {
            self.within = !frame.last;
        }
        if !frame.last && !is_control && !self.conduct.keeps(SocketDuty::Fragments) {
            // A reserved bit makes the library refuse what the variant cannot read.
            frame.reserved = 4;
        }
        if frame.opcode == 9 && !self.conduct.keeps(SocketDuty::PingAnswered) {
            return None;
        }
        Some(frame)
    }
}

/// A frame of RFC 6455 §5.2.
struct Frame {
    last: bool,
    reserved: u8,
    opcode: u8,
    mask: Option<[u8; 4]>,
    payload: Vec<u8>,
}

impl Frame {
    /// The first frame of these bytes, once it is whole, and its length.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let [first, second, ..] = *bytes else { return None };
        let (length, at) = match second & 0x7F {
            126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
            short => (usize::from(short), 2),
        };
        let (mask, at) =
            if second & 0x80 == 0 { (None, at) } else { (Some(bytes.get(at..at + 4)?.try_into().ok()?), at + 4) };
        let payload = bytes.get(at..at.checked_add(length)?)?.to_vec();
        let frame = Self { last: first & 0x80 != 0, reserved: (first >> 4) & 7, opcode: first & 15, mask, payload };
        Some((frame, at + length))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.last) << 7 | self.reserved << 4 | self.opcode);
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        match self.payload.len() {
            length @ 0..=125 => out.push(masked | u8::try_from(length).unwrap_or_default()),
            length @ 126..=0xFFFF => {
                out.push(masked | 126);
                out.extend(u16::try_from(length).unwrap_or_default().to_be_bytes());
            }
            length => {
                out.push(masked | 127);
                out.extend(u64::try_from(length).unwrap_or_default().to_be_bytes());
            }
        }
        out.extend(self.mask.iter().flatten());
        out.extend(&self.payload);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lenient<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.plain {
            return Pin::new(&mut this.inner).poll_read(context, out);
        }
        while this.ready.is_empty() {
            let mut bytes = [0; 8 * 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.inner).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.read.extend_from_slice(buffer.filled());
            this.mend();
        }
        let count = this.ready.len().min(out.remaining());
        out.put_slice(&this.ready[..count]);
        this.ready.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lenient<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(context, bytes)
    }
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_as_they_were_read() {
        for length in [0, 125, 126, 70_000] {
            let frame = Frame { last: true, reserved: 0, opcode: 1, mask: None, payload: vec![7; length] };
            let mut bytes = Vec::new();
            frame.write(&mut bytes);
            let (again, whole) = Frame::read(&bytes).unwrap();
            assert_eq!((again.payload.len(), whole), (length, bytes.len()));
            assert!(Frame::read(&bytes[..bytes.len() - 1]).is_none());
        }
    }

    #[test]
    fn an_honest_bank_mends_nothing() {
        assert!(Lenient::new((), &crate::conduct::Honest).plain);
    }
}
