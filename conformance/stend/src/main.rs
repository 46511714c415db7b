//! stend
fn main() {}
