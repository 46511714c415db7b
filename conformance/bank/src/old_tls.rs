//! How the variant behaves that does not mind TLS 1.1: it greets by hand, takes the answer and goes on with the key
//! exchange where an honest bank aborts. The TLS library of this bank speaks nothing older than 1.2, so the few records
//! are written out (RFC 4346 §7.4); nothing readable is ever sent over such a connection.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::draw::Draw;

const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER: u8 = 20;

pub(crate) async fn go_on(portal: &str, draw: &Draw) {
    let Some(address) = url::Url::parse(portal).ok() else { return };
    let (Some(host), Some(port)) = (address.host_str(), address.port_or_known_default()) else { return };
    let done = tokio::time::timeout(Duration::from_secs(5), handshake(host, port, draw)).await;
    if !matches!(done, Ok(Ok(()))) {
        tracing::debug!("the old handshake came to nothing");
    }
}

async fn handshake(host: &str, port: u16, draw: &Draw) -> std::io::Result<()> {
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(&hello(host, draw)).await?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    if head[0] != HANDSHAKE {
        return Ok(());
    }
    let mut rest = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut rest).await?;
    // ClientKeyExchange: 256 bytes of a secret that nobody will ever need to read.
    let mut exchange = vec![16, 0, 1, 2, 1, 0];
    for _ in 0..8 {
        exchange.extend(draw.bytes::<32>());
    }
    stream.write_all(&record(HANDSHAKE, &exchange)).await?;
    stream.write_all(&record(CHANGE_CIPHER, &[1])).await?;
    stream.write_all(&record(HANDSHAKE, &draw.bytes::<48>())).await?;
    stream.flush().await
}

/// A hello that offers 1.1 at most, with the name of the host.
fn hello(host: &str, draw: &Draw) -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend(draw.bytes::<32>());
    body.extend([0, 0, 4, 0, 0x2f, 0, 0x35, 1, 0]);
    let name = host.as_bytes();
    let length = |extra: usize| u16::try_from(name.len() + extra).unwrap_or_default().to_be_bytes();
    let mut extension = vec![0, 0];
    extension.extend(length(5));
    extension.extend(length(3));
    extension.push(0);
    extension.extend(length(0));
    extension.extend(name);
    body.extend(u16::try_from(extension.len()).unwrap_or_default().to_be_bytes());
    body.extend(extension);
    let mut message = vec![1, 0];
    message.extend(u16::try_from(body.len()).unwrap_or_default().to_be_bytes());
    message.extend(body);
    record(HANDSHAKE, &message)
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 2];
    record.extend(u16::try_from(body.len()).unwrap_or_default().to_be_bytes());
    record.extend(body);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hello_is_a_whole_record() {
        let hello = hello("localhost", &Draw::default());
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
        assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])), hello.len() - 9);
    }
}
