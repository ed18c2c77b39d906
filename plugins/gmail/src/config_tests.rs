use super::*;

#[test]
fn only_what_looks_like_an_app_password_is_joined() {
    for (given, used) in [
        ("abcd efgh ijkl mnop", "abcdefghijklmnop"),
        (" abcd\u{a0}efgh\u{a0}ijkl\u{a0}mnop ", "abcdefghijklmnop"),
        ("abcdefghijklmnop", "abcdefghijklmnop"),
        ("abcd efgh ijkl mno1", "abcd efgh ijkl mno1"),
        ("correct horse", "correct horse"),
    ] {
        assert_eq!(joined(&given.into()).expose(), used);
    }
}

#[test]
fn names_are_compared_whole() {
    assert!(same("user", "user") && !same("user", "use") && !same("", "a") && same("", ""));
}
