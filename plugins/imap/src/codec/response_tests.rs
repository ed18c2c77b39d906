use super::super::status::Code;
use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Response {
    parse(text.as_bytes()).unwrap()
}

#[test]
fn listings_of_mailboxes_are_read() {
    let Response::List(listed) = read("* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent &- more\"") else {
        panic!()
    };
    assert_eq!(listed.attributes, ["\\HasNoChildren", "\\Sent"]);
    assert_eq!((listed.delimiter, listed.name.as_slice()), (Some('/'), &b"Sent &- more"[..]));
    let Response::List(listed) = read("* list () NIL {5}\r\na b\"c (\"CHILDINFO\" (\"SUBSCRIBED\"))") else {
        panic!()
    };
    assert_eq!((listed.delimiter, listed.name.as_slice()), (None, &b"a b\"c"[..]));
    let Response::List(listed) = read("* LIST () \"\\\\\" INBOX") else { panic!() };
    assert_eq!(listed.delimiter, Some('\\'));
    assert_eq!(read("* LIST () \"ab\" INBOX"), Response::Unparsed);
    assert_eq!(read("* LIST () \"/\""), Response::Unparsed);
}

#[test]
fn namespaces_are_read() {
    let Response::Namespace([own, others, shared]) = read(
        "* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\" \"X-PARAM\" (\"F1\" \"F2\"))) NIL ((\"#shared/\" NIL))",
    ) else {
        panic!()
    };
    assert_eq!((own.len(), others.len(), shared.len()), (2, 0, 1));
    assert_eq!((own[1].prefix.as_slice(), own[1].delimiter), (&b"#mh/"[..], Some('/')));
    assert_eq!(shared[0].delimiter, None);
    assert_eq!(read("* NAMESPACE NIL NIL"), Response::Unparsed);
}

#[test]
fn results_of_searches_are_read_in_both_forms() {
    assert_eq!(read("* SEARCH"), Response::Search(UidSet::default()));
    assert_eq!(
        read("* SEARCH 3 1 2 9 (MODSEQ 917162500)"),
        Response::Search(UidSet::of(vec![(1, 3), (9, 9)]))
    );
    assert_eq!(read("* SEARCH 1 x"), Response::Unparsed);
    let Response::Esearch(result) = read("* ESEARCH (TAG \"A282\") UID MIN 2 COUNT 3 ALL 2,10:11 MODSEQ 9")
    else {
        panic!()
    };
    assert_eq!((result.count, result.all.texts(99)), (Some(3), vec!["2,10:11".to_owned()]));
    assert_eq!(read("* ESEARCH (TAG \"A\") UID"), Response::Esearch(Esearch::default()));
    let Response::Esearch(all) = read("* ESEARCH UID ALL 1:4294967295") else { panic!() };
    assert_eq!(all.all.count(), u64::from(u32::MAX));
}

#[test]
fn statuses_are_read_with_and_without_a_tag() {
    let Response::Tagged { tag, status } = read("A1 no [TRYCREATE] no such mailbox") else { panic!() };
    assert_eq!((tag.as_str(), status.kind), ("A1", StatusKind::No));
    let Response::Status(status) = read("* OK [UIDVALIDITY 3857529045] UIDs valid") else { panic!() };
    assert_eq!(status.code, Some(Code::UidValidity(3_857_529_045)));
    assert!(matches!(read("* OK"), Response::Status(_)));
    assert!(matches!(read("A1 OK"), Response::Tagged { .. }));
    assert_eq!(read("+"), Response::Continue(String::new()));
    assert_eq!(read("+ UGFzc3dvcmQ="), Response::Continue("UGFzc3dvcmQ=".into()));
}

#[test]
fn what_nobody_here_knows_is_passed_over() {
    for text in [
        "* VANISHED (EARLIER) 1:4294967295",
        "* X-GM-THING (((",
        "* 5 X",
        "* 1 FETCH",
        "* 99999999999999999999 EXISTS",
        "* STATUS INBOX (MESSAGES 3)",
        "* ",
        "*",
        "",
        "  ",
        "A1 PERHAPS",
        "* QUOTA \"\" (STORAGE 1 2)",
        "* ID NIL",
    ] {
        assert_eq!(read(text), Response::Unparsed, "{text}");
    }
    assert_eq!((read("* 3 expunge"), read("* 7 EXISTS")), (Response::Expunge, Response::Exists(7)));
}

#[test]
fn nesting_without_end_is_an_error_and_no_stack_overflow() {
    let deep = format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(100_000));
    assert!(parse(deep.as_bytes()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_text_panics(text in "(\\* |A1 |\\+ |)(OK |NO |BYE |\\[|\\]|LIST |SEARCH |ESEARCH |NAMESPACE |1 FETCH |UID |ALL |BODY\\[\\] |FLAGS |NIL|\"|\\\\|\\(|\\)| |\\{[0-9]\\}\r\n|[0-9:,*]|ü|\\PC){0,40}") {
        let _ = parse(text.as_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = parse(&bytes);
    }
}
