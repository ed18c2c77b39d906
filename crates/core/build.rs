//! Nothing to build: cargo wants a build script where a manifest says `links`.
fn main() {}
