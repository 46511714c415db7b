//! The certificates of the token keys as ESIA hands them out: files in an archive, for people who configure a client.
//! The format is ZIP with members stored as they are (APPNOTE 6.3, §4.3): two headers of fixed form per member, so no
//! library is needed for it.

/// An archive of these files, in this order.
pub(crate) fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let offset = size(archive.len());
        let described = described(name, bytes);
        archive.extend_from_slice(b"PK\x03\x04");
        archive.extend_from_slice(&described);
        archive.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(bytes);
        directory.extend_from_slice(b"PK\x01\x02");
        // Made by version 2.0.
        directory.extend_from_slice(&[20, 0]);
        directory.extend_from_slice(&described);
        // No comment, the first disk, no attributes.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset);
        directory.extend_from_slice(name.as_bytes());
    }
    let count = u16::try_from(files.len()).unwrap_or(u16::MAX).to_le_bytes();
    let start = size(archive.len());
    archive.extend_from_slice(&directory);
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    archive.extend_from_slice(&[count, count].concat());
    archive.extend_from_slice(&size(directory.len()));
    archive.extend_from_slice(&start);
    archive.extend_from_slice(&[0; 2]);
    archive
}

/// What both headers of a member say: version 2.0 needed, nothing special, stored, at the beginning of 1980.
fn described(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut head = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    head.extend_from_slice(&crc32(bytes).to_le_bytes());
    head.extend_from_slice(&size(bytes.len()));
    head.extend_from_slice(&size(bytes.len()));
    head.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    head.extend_from_slice(&[0; 2]);
    head
}

/// Certificates are far below the four gigabytes that fit.
fn size(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

/// The checksum of ISO 3309, bit by bit: the archive is small and asked for seldom.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn an_archive_is_laid_out_as_it_says() {
        let archive = zip(&[("one".into(), b"first".to_vec()), ("two".into(), Vec::new())]);
        let end = archive.len() - 22;
        assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
        let number = |at: usize| u32::from_le_bytes(archive[at..at + 4].try_into().unwrap()) as usize;
        let (length, start) = (number(end + 12), number(end + 16));
        assert_eq!((&archive[start..start + 4], start + length), (&b"PK\x01\x02"[..], end));
        assert_eq!(&archive[30..38], b"onefirst");
        let second = number(start + 46 + 3 + 42);
        assert_eq!(
            (&archive[second..second + 4], &archive[second + 30..second + 33]),
            (&b"PK\x03\x04"[..], &b"two"[..])
        );
    }
}
