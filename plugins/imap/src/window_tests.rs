use super::*;

fn window(uids: &[u32]) -> Window {
    let mut window = Window::default();
    let uids = uids.iter().map(|uid| (*uid, 10)).collect();
    window.ask("a".into(), Portion { uids, set: "x".into() });
    window
}

fn head(uid: u32) -> Head {
    Head { uid: Some(uid), size: None }
}

#[test]
fn the_wanted_one_is_read_and_others_wait_for_their_turn() {
    let mut w = window(&[1, 2, 3]);
    assert_eq!(w.begin(3, head(2), Some(1), 3), Ok(Begun::Other));
    assert_eq!(w.chunk(Bytes::from_static(b"two")), None);
    w.finish(None).unwrap();
    assert_eq!(w.begin(3, head(3), Some(1), 3), Err(Misfit), "no room");
    let mut w = window(&[1, 2, 3]);
    assert_eq!(w.begin(3, head(2), Some(2), 0), Ok(Begun::Wanted));
    assert!(w.chunk(Bytes::from_static(b"two")).is_some() && w.is_reading());
    w.finish(Some(2)).unwrap();
    assert_eq!((w.waiting(), w.bytes(), w.holds(2), w.holds(1)), (2, 20, false, true));
    assert_eq!(w.begin(3, head(2), Some(1), 9), Ok(Begun::Other), "a second time: passed over");
    w.finish(None).unwrap();
    assert_eq!(w.take(2), None);
}

#[test]
fn a_message_is_gone_only_when_its_command_has_ended_without_it() {
    let mut w = window(&[1, 2]);
    w.begin(1, head(2), Some(1), 9).unwrap();
    w.chunk(Bytes::from_static(b"x"));
    w.finish(None).unwrap();
    assert!(w.take(1).is_none() && !w.ended("b", true));
    assert!(w.ended("a", true) && w.is_idle());
    assert_eq!((w.take(1), w.take(2)), (Some(Fate::Missing), Some(Fate::Parked("x".into()))));
    let mut w = window(&[1]);
    assert!(w.ended("a", false));
    assert_eq!((w.take(1), w.waiting(), w.bytes()), (Some(Fate::Unclear), 0, 0));
}

#[test]
fn a_name_behind_the_text_counts_and_none_at_all_does_not() {
    let mut w = window(&[1, 2]);
    w.begin(1, Head::default(), Some(1), 9).unwrap();
    w.chunk(Bytes::from_static(b"x"));
    w.finish(Some(1)).unwrap();
    assert_eq!(w.take(1), Some(Fate::Parked("x".into())));
    w.begin(1, Head::default(), Some(2), 9).unwrap();
    assert_eq!(w.finish(None), Err(Misfit));
    w.begin(1, head(2), Some(2), 9).unwrap();
    assert_eq!(w.finish(Some(1)), Err(Misfit), "two names");
}

#[test]
fn what_nobody_wants_any_more_is_passed_over() {
    let mut w = window(&[1, 2, 3]);
    w.forget_but(|uid| uid == 3);
    assert_eq!((w.waiting(), w.bytes()), (1, 10));
    assert_eq!(w.begin(1 << 40, head(1), Some(3), 0), Ok(Begun::Other));
    w.finish(None).unwrap();
    w.begin(5, head(3), Some(3), 0).unwrap();
    w.leave();
    assert_eq!(w.chunk(Bytes::from_static(b"half")), None);
}
