use super::*;
use crate::codec::BodyItem;
use proptest::prelude::*;

/// Runs the framer over the bytes in pieces of this size; adjacent pieces of a body become one event.
fn events(bytes: &[u8], piece: usize, wanted: Option<u64>) -> Result<Vec<Event>, Fault> {
    let mut framer = Framer::new();
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
        let Event::BodyStart { size: 11, head } = &all[0] else { panic!("{all:?}") };
        assert_eq!((head.uid, &head.body), (Some(7), &Some(BodyItem::Nil)));
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

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
