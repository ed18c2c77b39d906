use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Vec<(String, String, usize)> {
    entries(text).unwrap().into_iter().map(|e| (e.key, e.value.expose().to_owned(), e.line)).collect()
}

fn expect(text: &str, want: &[(&str, &str, usize)]) {
    let got = read(text);
    let got: Vec<_> = got.iter().map(|(k, v, l)| (k.as_str(), v.as_str(), *l)).collect();
    assert_eq!(got, want, "{text:?}");
}

#[test]
fn a_separator_is_an_equals_sign_a_colon_or_blanks_and_only_the_first_counts() {
    expect("a=b", &[("a", "b", 1)]);
    expect("a : b", &[("a", "b", 1)]);
    expect(" a\t b c ", &[("a", "b c ", 1)]);
    expect("a = = b", &[("a", "= b", 1)]);
    expect("a == b", &[("a", "= b", 1)]);
    expect("a\\=\\:\\ b=c", &[("a=: b", "c", 1)]);
    expect("a", &[("a", "", 1)]);
    expect("=a", &[("", "a", 1)]);
    // Not a blank to Java.
    expect("a\u{a0}b=c", &[("a\u{a0}b", "c", 1)]);
}

#[test]
fn lines_end_in_lf_cr_or_crlf_and_each_is_counted_once() {
    expect(
        "a=1\nb=2\rc=3\r\nd=4\r\r\n\n# no\re=5",
        &[("a", "1", 1), ("b", "2", 2), ("c", "3", 3), ("d", "4", 4), ("e", "5", 8)],
    );
}

#[test]
fn a_line_goes_on_behind_an_odd_number_of_backslashes_without_the_blanks_it_begins_with() {
    expect("a=1\\\n  \t2\\\r\n3\nb=4", &[("a", "123", 1), ("b", "4", 4)]);
    expect("a=1\\\\\nb=2", &[("a", "1\\", 1), ("b", "2", 2)]);
    expect("a=1\\\n#2", &[("a", "1#2", 1)]);
    expect("a=1\\\n\nb=2", &[("a", "1", 1), ("b", "2", 3)]);
    expect("# a\\\nb=2", &[("b", "2", 2)]);
    expect("a=1\\", &[("a", "1", 1)]);
    expect("\n  a\\\n  b = c", &[("ab", "c", 2)]);
}

#[test]
fn escapes_write_controls_characters_by_number_and_themselves() {
    expect("k=\\t\\n\\r\\f\\q\\\"\\u00e9\\ud83d\\ude00\\u005c", &[("k", "\t\n\r\u{c}q\"é😀\\", 1)]);
    expect("k=\\ud83d\\\n\\ude00", &[("k", "😀", 1)]);
}

#[test]
fn a_malformed_number_is_an_error_with_its_line_and_without_the_text() {
    for text in ["a=1\nk=\\u12", "a=1\nk=\\u12g4", "\n\\u+123=1", "#\nk=\\ud83d", "#\nk=\\ude00\\ud83d"] {
        let error = entries(text).unwrap_err();
        assert_eq!(error.line, 2, "{text:?}");
        assert!(!error.to_string().contains("12"), "{error}");
    }
}

#[test]
fn what_stands_behind_a_malformed_entry_can_be_read_all_the_same() {
    let (entries, faults) = read_all("a=1\nb=\\u12\nc=3\n\\ud800=4\ne=5");
    assert_eq!(entries, [("a", 1), ("c", 3), ("e", 5)].map(|(key, line)| (key.to_owned(), line)));
    assert_eq!(faults, [2, 4]);
}

fn read_all(text: &str) -> (Vec<(String, usize)>, Vec<usize>) {
    let (entries, faults) = super::read(text);
    (entries.into_iter().map(|e| (e.key, e.line)).collect(), faults.into_iter().map(|f| f.line).collect())
}

#[test]
fn blanks_at_a_values_end_are_kept_counted_and_told_from_escaped_ones() {
    for (text, trimmed, blanks) in [
        ("k=v", "v", 0),
        ("k=v \t ", "v", 3),
        ("k=v\\ ", "v ", 0),
        ("k=v\\  ", "v ", 1),
        ("k=v\\\\  ", "v\\", 2),
        ("k=v\\u0020 ", "v ", 1),
        ("k=  ", "", 0),
        ("k=é ", "é", 1),
    ] {
        let all = entries(text).unwrap();
        assert_eq!((all[0].trimmed(), all[0].trailing_blanks), (trimmed, blanks), "{text:?}");
    }
}

#[test]
fn bytes_are_utf_8_if_all_of_them_are_and_else_latin_1() {
    let utf8 = "k=é".as_bytes();
    assert_eq!(decode(utf8, JavaEncoding::Detect).unwrap(), "k=é");
    assert_eq!(decode(utf8, JavaEncoding::Latin1).unwrap(), "k=Ã©");
    assert_eq!(decode(b"k=\xe9", JavaEncoding::Detect).unwrap(), "k=é");
    assert_eq!(decode(b"k=1\r\nb=2\rk=\xe9", JavaEncoding::Utf8).unwrap_err().line, 3);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*|[\\\\u0-9a-f=: #!\n\r\t]*") {
        for entry in entries(&text).unwrap_or_default() {
            prop_assert!(entry.value.expose().starts_with(entry.trimmed()));
            prop_assert!(entry.line <= 1 + text.matches(['\n', '\r']).count());
        }
    }
}
