use super::*;
use proptest::prelude::*;

/// Runs the framer over the bytes in pieces of this size; adjacent pieces of a body become one event.
fn events(bytes: &[u8], piece: usize, wanted: Option<u64>) -> Result<Vec<Event>, Fault> {
    framed(bytes, piece, wanted, false)
}

fn framed(bytes: &[u8], piece: usize, wanted: Option<u64>, quick: bool) -> Result<Vec<Event>, Fault> {
    let mut framer = Framer::new();
    framer.be_quick(quick);
    if let Some(max) = wanted {
        framer.want_body(0, max);
    }
    let mut input = BytesMut::new();
    let mut all: Vec<Event> = Vec::new();
    for part in bytes.chunks(piece.max(1)) {
        input.extend_from_slice(part);
        while let Some(event) = framer.next(&mut input)? {
            match (all.last_mut(), event) {
                (Some(Event::Body(before)), Event::Body(more)) => {
                    *before = [&before[..], &more[..]].concat().into()
                }
                (_, event) => all.push(event),
            }
        }
    }
    Ok(all)
}

fn response(text: &'static str) -> Event {
    Event::Response(Bytes::from_static(text.as_bytes()))
}

#[test]
fn a_body_is_streamed_out_of_its_literal_wherever_the_bytes_are_cut() {
    let text = "* 1 FETCH (UID 7 FLAGS () body[] {11}\r\nFrom: x\r\n\r\n RFC822.SIZE 11)\r\nA1 OK done\r\n";
    for piece in 1..text.len() {
        let all = events(text.as_bytes(), piece, Some(11)).unwrap();
        assert_eq!(all.len(), 5, "{piece}: {all:?}");
        assert_eq!(all[0], Event::BodyStart { size: 11, head: Head { uid: Some(7), size: None } });
        assert_eq!(all[1], Event::Body(Bytes::from_static(b"From: x\r\n\r\n")));
        assert_eq!(all[2], Event::BodyEnd);
        assert_eq!(all[3], response("* 1 FETCH (UID 7 FLAGS () body[] {0}\r\n RFC822.SIZE 11)"));
    }
}

#[test]
fn small_literals_stay_in_their_response_and_long_ones_are_passed_over() {
    let list = "* LIST () \"/\" {5}\r\na\r\n{9}\r\n";
    assert_eq!(events(list.as_bytes(), 1, Some(9)).unwrap(), [response("* LIST () \"/\" {5}\r\na\r\n{9}")]);
    let long = format!("* 1 FETCH (X {{70000}}\r\n{} UID 5)\r\n", "y".repeat(70_000));
    assert_eq!(events(long.as_bytes(), 999, None).unwrap(), [response("* 1 FETCH (X {0}\r\n UID 5)")]);
}

#[test]
fn text_that_only_looks_like_a_literal_is_none() {
    for text in
        ["* OK done {5}\r\n", "A1 NO {9999999999}\r\n", "+ {3}\r\n", "* bye {1}\r\n", "* 1 FETCH (X {a}\r\n"]
    {
        assert_eq!(events(text.as_bytes(), 3, Some(5)).unwrap().len(), 1, "{text}");
    }
}

#[test]
fn sizes_that_can_not_be_are_refused_before_anything_is_kept() {
    for size in ["-1", "99999999999999999999", "5+", "18446744073709551616", "4294967295", "--"] {
        let text = format!("* 1 FETCH (BODY[] {{{size}}}\r\n");
        assert!(events(text.as_bytes(), 64, Some(1000)).is_err(), "{size}");
        let text = format!("* LIST () \"/\" {{{size}}}\r\n");
        assert!(events(text.as_bytes(), 64, None).is_err(), "{size}");
    }
}

#[test]
fn a_line_without_an_end_is_refused() {
    let line = "* X ".to_owned() + &"y".repeat(2 * MAX_TEXT);
    assert!(events(line.as_bytes(), 4096, None).is_err());
}

#[test]
fn a_body_in_the_disguise_of_a_string_is_no_body() {
    // A literal whose bytes end in BODY[] and look like an item's name.
    let text = "* 1 FETCH (X {6}\r\nBODY[] {3}\r\nabc UID 2)\r\n";
    let all = events(text.as_bytes(), 1, Some(9)).unwrap();
    assert!(all.iter().all(|e| matches!(e, Event::Response(_))), "{all:?}");
}

#[test]
fn very_many_literals_in_one_response_take_linear_time() {
    // 200,000 literals: looking at all that came before at each of them would take minutes.
    for start in ["* 1 FETCH (BODY[] {0}\r\n", "* XXXXXXXX"] {
        let text = start.to_owned() + &"X".repeat(100_000) + &" {0}\r\n".repeat(150_000) + ")\r\n";
        assert!(events(text.as_bytes(), 65_536, Some(9)).is_ok());
    }
}

/// What was heard, in a form in which both ways of reading are alike.
fn heard(all: Result<Vec<Event>, Fault>) -> Option<Vec<String>> {
    let mut told: Vec<String> = Vec::new();
    for event in all.ok()? {
        told.push(match event {
            Event::Response(text) => {
                let tail = text.rsplit(|b| *b == b'\n').next().unwrap_or_default();
                String::from_utf8_lossy(tail).into_owned()
            }
            Event::BodyClosed => [format!("{:?}", Event::BodyEnd), ")".into()].join("|"),
            Event::BodyEnd => format!("{:?}|", Event::BodyEnd),
            other => format!("{other:?}"),
        });
        // The rest of a response is told with its end.
        if let Some([end, rest]) = told.last_chunk::<2>().filter(|[end, _]| end.ends_with('|')) {
            let whole = format!("{end}{rest}");
            told.truncate(told.len() - 2);
            told.push(whole);
        }
    }
    // One whose rest is still to come may be told of then.
    let waits = told.last().is_some_and(|last| last.ends_with('|'));
    told.truncate(told.len() - usize::from(waits));
    Some(told)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn quick_or_not_the_same_is_heard(
        text in "(\\* 1 FETCH \\(UID [0-9]{1,2} BODY\\[\\] \\{[0-9]\\}\r\n|\\)\r\n|\\)\r\n|\r\n| FLAGS|\\* OK|[a-z]{1,9}|\\)){0,30}",
        piece in 1usize..40,
    ) {
        let slow = heard(framed(text.as_bytes(), piece, Some(7), false));
        prop_assert_eq!(heard(framed(text.as_bytes(), piece, Some(7), true)), slow);
    }

    #[test]
    fn pieces_never_change_what_is_heard(
        text in "(\\* 1 FETCH \\(|\\* LIST |UID 5 |BODY\\[\\] |\\{[0-9]\\}\r\n|\\)\r\n|\r\n|\n|\\* OK |[a-z]{1,5}|\"|\\{|\\}){0,40}",
        piece in 1usize..9,
    ) {
        let whole = events(text.as_bytes(), usize::MAX, Some(7));
        prop_assert_eq!(events(text.as_bytes(), piece, Some(7)), whole);
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, piece in 1usize..9) {
        let _ = events(&bytes, piece, Some(100));
    }
}
