//! The first flight of a TLS handshake, read before the TLS library sees it: what the client offers is evidence
//! (TLS-01, TLS-04, TLS-12), and the lie `tls-old-version` answers it by hand.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest first flight that is read: a hello with large key shares fits many times over.
const HELLO_MAX: usize = 64 * 1024;
const RECORD_HANDSHAKE: u8 = 22;
const RECORD_ALERT: u8 = 21;
const CLIENT_HELLO: u8 = 1;
const EXTENSION_SNI: u16 = 0;
const EXTENSION_ALPN: u16 = 16;
const EXTENSION_VERSIONS: u16 = 43;

/// What a client offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Such as `TLSv1.3`, newest first as the client wrote them.
    pub(crate) versions: Vec<String>,
    /// IANA names where known, else four hex digits.
    pub(crate) suites: Vec<String>,
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Vec<String>,
    session_id: Vec<u8>,
    suite_codes: Vec<u16>,
}

/// What came instead of a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHello {
    /// The peer closed, or sent something broken.
    Broken,
    /// Plain HTTP on the port of TLS.
    PlainHttp,
}

/// Reads the records of the first flight. The bytes are answered too: the TLS library reads them again.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> (Vec<u8>, Result<Hello, NoHello>) {
    let mut raw = Vec::new();
    let mut message = Vec::new();
    loop {
        let start = raw.len();
        if fill(stream, &mut raw, start + 5).await.is_none() {
            return (raw, Err(NoHello::Broken));
        }
        if raw[0].is_ascii_uppercase() {
            return (raw, Err(NoHello::PlainHttp));
        }
        let length = usize::from(u16::from_be_bytes([raw[start + 3], raw[start + 4]]));
        if raw[start] != RECORD_HANDSHAKE || raw.len() + length > HELLO_MAX {
            return (raw, Err(NoHello::Broken));
        }
        if fill(stream, &mut raw, start + 5 + length).await.is_none() {
            return (raw, Err(NoHello::Broken));
        }
        message.extend_from_slice(&raw[start + 5..]);
        if message.len() >= 4 {
            let wanted = 4 + usize::from(message[1]) * 65_536 + usize::from(message[2]) * 256 + usize::from(message[3]);
            if message[0] != CLIENT_HELLO || wanted > HELLO_MAX {
                return (raw, Err(NoHello::Broken));
            }
            if message.len() >= wanted {
                return (raw, parse(&message[4..wanted]).ok_or(NoHello::Broken));
            }
        }
    }
}

async fn fill(stream: &mut (impl AsyncRead + Unpin), raw: &mut Vec<u8>, until: usize) -> Option<()> {
    let start = raw.len();
    raw.resize(until, 0);
    let read = stream.read_exact(&mut raw[start..]).await;
    if read.is_err() {
        raw.truncate(start);
    }
    read.ok().map(|_| ())
}

/// RFC 8446 §4.1.2, which also reads the hellos of all earlier versions.
fn parse(body: &[u8]) -> Option<Hello> {
    let mut reader = Reader(body);
    let legacy = reader.u16()?;
    reader.take(32)?;
    let session_id = reader.vector8()?.to_vec();
    let suite_codes: Vec<u16> =
        reader.vector16()?.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    reader.vector8()?;
    let mut hello = Hello {
        suites: suite_codes.iter().filter(|code| !is_grease(**code)).map(|code| suite(*code)).collect(),
        session_id,
        suite_codes,
        ..Hello::default()
    };
    if let Some(extensions) = reader.vector16() {
        let mut extensions = Reader(extensions);
        while let Some(kind) = extensions.u16() {
            let mut content = Reader(extensions.vector16()?);
            match kind {
                EXTENSION_SNI => {
                    let mut names = Reader(content.vector16()?);
                    names.take(1)?;
                    hello.sni = String::from_utf8(names.vector16()?.to_vec()).ok();
                }
                EXTENSION_ALPN => {
                    let mut names = Reader(content.vector16()?);
                    while let Some(name) = names.vector8() {
                        hello.alpn.push(String::from_utf8_lossy(name).into_owned());
                    }
                }
                EXTENSION_VERSIONS => {
                    let codes = content.vector8()?.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                    hello.versions = codes.filter(|code| !is_grease(*code)).map(version).collect();
                }
                _ => {}
            }
        }
    }
    if hello.versions.is_empty() {
        hello.versions.push(version(legacy));
    }
    Some(hello)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.take(1)?[0]);
        self.take(length)
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u16()?);
        self.take(length)
    }
}

/// Values that clients mix in so that servers stay tolerant (RFC 8701).
fn is_grease(code: u16) -> bool {
    code & 0x0f0f == 0x0a0a && code >> 8 == code & 0xff
}

fn version(code: u16) -> String {
    match code {
        0x0300 => "SSLv3".into(),
        0x0301 => "TLSv1.0".into(),
        0x0302 => "TLSv1.1".into(),
        0x0303 => "TLSv1.2".into(),
        0x0304 => "TLSv1.3".into(),
        other => format!("0x{other:04x}"),
    }
}

fn suite(code: u16) -> String {
    if let Some(name) = older_suite(code) {
        return name.to_owned();
    }
    let name = format!("{:?}", rustls::CipherSuite::from(code));
    // The library prints numbers for what it has no name for.
    if name.contains('(') { format!("0x{code:04x}") } else { name.replacen("TLS13_", "TLS_", 1) }
}

/// Names from the IANA registry that the TLS library does not know: suites that it would never use. Those that nobody
/// should offer are among them, named so that a reader of the evidence need not look them up.
fn older_suite(code: u16) -> Option<&'static str> {
    Some(match code {
        0x0001 => "TLS_RSA_WITH_NULL_MD5",
        0x0002 => "TLS_RSA_WITH_NULL_SHA",
        0x0003 => "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
        0x0004 => "TLS_RSA_WITH_RC4_128_MD5",
        0x0005 => "TLS_RSA_WITH_RC4_128_SHA",
        0x0006 => "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5",
        0x0007 => "TLS_RSA_WITH_IDEA_CBC_SHA",
        0x0008 => "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
        0x0009 => "TLS_RSA_WITH_DES_CBC_SHA",
        0x000a => "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        0x0013 => "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA",
        0x0016 => "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
        0x0017 => "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5",
        0x0018 => "TLS_DH_anon_WITH_RC4_128_MD5",
        0x001a => "TLS_DH_anon_WITH_DES_CBC_SHA",
        0x001b => "TLS_DH_anon_WITH_3DES_EDE_CBC_SHA",
        0x002f => "TLS_RSA_WITH_AES_128_CBC_SHA",
        0x0033 => "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
        0x0034 => "TLS_DH_anon_WITH_AES_128_CBC_SHA",
        0x0035 => "TLS_RSA_WITH_AES_256_CBC_SHA",
        0x0039 => "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
        0x003a => "TLS_DH_anon_WITH_AES_256_CBC_SHA",
        0x003b => "TLS_RSA_WITH_NULL_SHA256",
        0x003c => "TLS_RSA_WITH_AES_128_CBC_SHA256",
        0x003d => "TLS_RSA_WITH_AES_256_CBC_SHA256",
        0x0067 => "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
        0x006b => "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
        0x006c => "TLS_DH_anon_WITH_AES_128_CBC_SHA256",
        0x006d => "TLS_DH_anon_WITH_AES_256_CBC_SHA256",
        0x009c => "TLS_RSA_WITH_AES_128_GCM_SHA256",
        0x009d => "TLS_RSA_WITH_AES_256_GCM_SHA384",
        0x009e => "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        0x009f => "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
        0x00a6 => "TLS_DH_anon_WITH_AES_128_GCM_SHA256",
        0x00a7 => "TLS_DH_anon_WITH_AES_256_GCM_SHA384",
        0x00ff => "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
        0x5600 => "TLS_FALLBACK_SCSV",
        0xc002 => "TLS_ECDH_ECDSA_WITH_RC4_128_SHA",
        0xc007 => "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
        0xc008 => "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
        0xc009 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        0xc00a => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        0xc00c => "TLS_ECDH_RSA_WITH_RC4_128_SHA",
        0xc010 => "TLS_ECDHE_RSA_WITH_NULL_SHA",
        0xc011 => "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
        0xc012 => "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        0xc013 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        0xc014 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        0xc015 => "TLS_ECDH_anon_WITH_NULL_SHA",
        0xc016 => "TLS_ECDH_anon_WITH_RC4_128_SHA",
        0xc017 => "TLS_ECDH_anon_WITH_3DES_EDE_CBC_SHA",
        0xc018 => "TLS_ECDH_anon_WITH_AES_128_CBC_SHA",
        0xc019 => "TLS_ECDH_anon_WITH_AES_256_CBC_SHA",
        0xc023 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        0xc024 => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
        0xc027 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        0xc028 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        0xccaa => "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        _ => return None,
    })
}

/// What the client did about an answer in TLS 1.1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OldVersionOutcome {
    /// The client went on with the handshake.
    pub(crate) accepted: bool,
    pub(crate) alert: Option<String>,
    /// Bytes of any other kind that came back.
    pub(crate) bytes: usize,
}

/// Answers a hello as a server that knows nothing newer than TLS 1.1 would (RFC 4346 §7.4), with the given certificate
/// and RSA key transport, and watches what the client does.
pub(crate) async fn answer_in_old_version(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    hello: &Hello,
    random: [u8; 32],
    certificate: &[u8],
) -> OldVersionOutcome {
    let mut outcome = OldVersionOutcome::default();
    if stream.write_all(&old_flight(hello, random, certificate)).await.is_err() || stream.flush().await.is_err() {
        return outcome;
    }
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    // The next record tells: an alert, a handshake message (it goes on), or the end.
    while seen.len() < 5 {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => seen.extend_from_slice(&buffer[..count]),
        }
    }
    while seen.first() == Some(&RECORD_ALERT) && seen.len() < 7 {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => seen.extend_from_slice(&buffer[..count]),
        }
    }
    match seen.first() {
        Some(&RECORD_ALERT) => {
            outcome.alert = seen.get(6).map(|code| format!("{:?}", rustls::AlertDescription::from(*code)));
        }
        Some(_) => {
            outcome.accepted = true;
            outcome.bytes = seen.len();
        }
        None => {}
    }
    outcome
}

fn old_flight(hello: &Hello, random: [u8; 32], certificate: &[u8]) -> Vec<u8> {
    // TLS_RSA_WITH_AES_128_CBC_SHA needs no key exchange message; taken even where it was not offered, because the
    // version alone must make the client go.
    const PREFERRED: u16 = 0x002f;
    let suite = hello.suite_codes.iter().copied().find(|code| matches!(code, 0x002f | 0x0035 | 0x000a));
    let mut server_hello = vec![3, 2];
    server_hello.extend_from_slice(&random);
    let session = &hello.session_id[..hello.session_id.len().min(32)];
    server_hello.push(u8::try_from(session.len()).unwrap_or_default());
    server_hello.extend_from_slice(session);
    server_hello.extend_from_slice(&suite.unwrap_or(PREFERRED).to_be_bytes());
    server_hello.push(0);
    let mut chain = length24(certificate.len()).to_vec();
    chain.extend_from_slice(certificate);
    let mut list = length24(chain.len()).to_vec();
    list.extend_from_slice(&chain);
    let mut messages = Vec::new();
    for (kind, body) in [(2, server_hello), (11, list), (14, Vec::new())] {
        messages.push(kind);
        messages.extend_from_slice(&length24(body.len()));
        messages.extend_from_slice(&body);
    }
    let mut records = Vec::new();
    for part in messages.chunks(16_000) {
        records.extend_from_slice(&[RECORD_HANDSHAKE, 3, 2]);
        records.extend_from_slice(&u16::try_from(part.len()).unwrap_or_default().to_be_bytes());
        records.extend_from_slice(part);
    }
    records
}

fn length24(length: usize) -> [u8; 3] {
    let [.., high, middle, low] = length.to_be_bytes();
    [high, middle, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(0);
        body.extend([0, 4, 0x13, 0x01, 0x00, 0x0a]);
        body.extend([1, 0]);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let mut message = vec![CLIENT_HELLO];
        message.extend(length24(body.len()));
        message.extend(body);
        let mut record = vec![RECORD_HANDSHAKE, 3, 1];
        record.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        record.extend(message);
        record
    }

    #[tokio::test]
    async fn versions_suites_and_name_are_read() {
        let extensions = [0, 0, 0, 8, 0, 6, 0, 0, 3, b'a', b'.', b'b', 0, 43, 0, 5, 4, 3, 4, 3, 3];
        let bytes = hello(&extensions);
        let (raw, read) = read(&mut bytes.as_slice()).await;
        let read = read.unwrap();
        assert_eq!(raw, bytes);
        assert_eq!(read.versions, ["TLSv1.3", "TLSv1.2"]);
        assert_eq!(read.sni.as_deref(), Some("a.b"));
        assert_eq!(read.suites, ["TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"]);
    }

    #[tokio::test]
    async fn a_hello_without_extensions_offers_the_version_it_bears() {
        let bytes = hello(&[]);
        assert_eq!(read(&mut bytes.as_slice()).await.1.unwrap().versions, ["TLSv1.2"]);
    }

    #[tokio::test]
    async fn plain_http_is_told_apart() {
        assert_eq!(read(&mut b"GET / HTTP/1.1\r\n".as_slice()).await.1, Err(NoHello::PlainHttp));
    }

    #[tokio::test]
    async fn an_alert_to_the_old_version_is_named() {
        let (mut ours, mut theirs) = tokio::io::duplex(65_536);
        theirs.write_all(&[RECORD_ALERT, 3, 1, 0, 2, 2, 70]).await.unwrap();
        let outcome = answer_in_old_version(&mut ours, &Hello::default(), [1; 32], &[0x30, 0]).await;
        assert_eq!(outcome.alert.as_deref(), Some("ProtocolVersion"));
        assert!(!outcome.accepted);
    }
}
