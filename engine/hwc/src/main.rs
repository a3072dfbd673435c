//! The program `hwc`.
fn main() {}
