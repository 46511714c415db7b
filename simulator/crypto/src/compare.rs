//! Comparison of secrets in a time that does not depend on where they differ.

use subtle::ConstantTimeEq;

/// Whether two byte strings are the same. Only their lengths can be learnt from the time it takes.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_are_the_same() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
    }
}
