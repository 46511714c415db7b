//! Export of a key under two others (KExp15, KImp15), and the agreement that yields these two (KEG): RFC 9189 §8.2, §8.3
//! after Р 1323565.1.017-2018.

use zeroize::Zeroizing;

use super::kdf::kdf_tree_gostr3411_2012_256;
use super::{CipherKind, Ctr, Omac, UnwrapError};
use crate::gost::{Curve, GostError, SecretKey, VerifyingKey};

/// The two keys of an export: that of the code and that of the encryption.
pub type ExportKeys = Zeroizing<[[u8; 32]; 2]>;

/// KExp15: the key and a code over initial value and key, encrypted together. As long as the key and a block. The
/// initial value is half a block long.
pub fn kexp15(kind: CipherKind, [mac_key, key]: &[[u8; 32]; 2], iv: &[u8], exported: &[u8; 32]) -> Vec<u8> {
    let mut out = [&exported[..], &code(kind, mac_key, iv, exported)].concat();
    Ctr::new(kind, key, iv).apply(&mut out);
    out
}

/// KImp15: the key out of its export, when the code over it holds.
pub fn kimp15(
    kind: CipherKind,
    [mac_key, key]: &[[u8; 32]; 2],
    iv: &[u8],
    export: &[u8],
) -> Result<Zeroizing<[u8; 32]>, UnwrapError> {
    let wanted = 32 + kind.block();
    let mut out = Zeroizing::new(export.to_vec());
    Ctr::new(kind, key, iv).apply(&mut out);
    let (imported, mac) = out
        .split_first_chunk::<32>()
        .filter(|_| export.len() == wanted)
        .ok_or(UnwrapError::Length { seen: export.len(), wanted })?;
    let holds = crate::compare::same(&code(kind, mac_key, iv, imported), mac);
    if holds { Ok(Zeroizing::new(*imported)) } else { Err(UnwrapError::Mac) }
}

fn code(kind: CipherKind, key: &[u8; 32], iv: &[u8], exported: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let mut code = Omac::new(kind, key);
    code.update(&iv[..kind.iv().min(iv.len())]);
    code.update(exported);
    code.finish()
}

/// KEG (RFC 9189 §8.3.1): the keys of an export from a key pair of ours, a public key of theirs and 32 bytes that both
/// know. The first 16 go into the key agreement, as a big-endian number unlike elsewhere; with 256-bit keys the next 8 go
/// into the derivation; the last 8 are the export's initial value and not touched here. Refused as the key agreement refuses (another curve, no shared point).
pub fn keg(own: &SecretKey, theirs: &VerifyingKey, ukm: &[u8; 32]) -> Result<ExportKeys, GostError> {
    let mut material: [u8; 16] = std::array::from_fn(|at| ukm[15 - at]);
    if material == [0; 16] {
        material[0] = 1;
    }
    match own.curve() {
        Curve::Test512 | Curve::Tc26A512 | Curve::Tc26B512 | Curve::Tc26C512 => {
            let shared = own.vko512(theirs, &material)?;
            let mut keys = Zeroizing::new([[0; 32]; 2]);
            keys.as_flattened_mut().copy_from_slice(&shared[..]);
            Ok(keys)
        }
        Curve::Test256 | Curve::CryptoProA | Curve::CryptoProB | Curve::CryptoProC | Curve::Tc26A256 => {
            let shared = own.vko256(theirs, &material)?;
            Ok(kdf_tree_gostr3411_2012_256(&shared[..], b"kdf tree", &ukm[16..24]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    /// Р 1323565.1.017-2018 A.4.1, the example that the OpenSSL engine tests itself by.
    #[test]
    fn the_export_by_magma_is_that_of_the_standard() {
        let key = bytes("8899aabbccddeeff0011223344556677fedcba98765432100123456789abcdef");
        let keys = [
            bytes("08090a0b0c0d0e0f0001020304050607101112131415161718191a1b1c1d1e1f"),
            bytes("202122232425262728292a2b2c2d2e2f38393a3b3c3d3e3f3031323334353637"),
        ];
        let iv = hex::decode("67bed654").unwrap();
        let export = kexp15(CipherKind::Magma, &keys, &iv, &key);
        assert_eq!(
            hex::encode(&export),
            "cfd5a12d5b81b6e1e99c916d07900c6ac12703fb3abded55567bf3742c899c755dafe7b42e3a8bd9"
        );
        assert_eq!(kimp15(CipherKind::Magma, &keys, &iv, &export), Ok(Zeroizing::new(key)));
    }

    #[test]
    fn one_flipped_bit_of_an_export_is_refused() {
        let (keys, key) = ([[3; 32], [5; 32]], [7; 32]);
        for kind in [CipherKind::Kuznyechik, CipherKind::Magma] {
            let good = kexp15(kind, &keys, &[9; 8], &key);
            assert_eq!(kimp15(kind, &keys, &[9; 8], &good), Ok(Zeroizing::new(key)));
            for bit in 0..8 * good.len() {
                let mut bad = good.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(kimp15(kind, &keys, &[9; 8], &bad), Err(UnwrapError::Mac), "bit {bit}");
            }
            for bit in 0..8 * kind.iv() {
                let mut iv = [9; 8];
                iv[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(kimp15(kind, &keys, &iv, &good), Err(UnwrapError::Mac), "bit {bit} of the initial value");
            }
            let cut = kimp15(kind, &keys, &[9; 8], &good[1..]);
            assert_eq!(cut, Err(UnwrapError::Length { seen: good.len() - 1, wanted: good.len() }));
        }
    }
}
