//! A host app.
fn main() {}
