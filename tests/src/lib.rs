//! Tests that cross crates or talk to real servers; see `tests/` beside this file.
