use super::*;
use proptest::prelude::*;

fn build(list: &[&str], uidl: &[&str]) -> Result<Maildrop> {
    let mut drop = Maildrop::new("S".into());
    list.iter().try_for_each(|l| drop.add_listed(l.as_bytes()))?;
    drop.end_listed()?;
    uidl.iter().try_for_each(|l| drop.add_uidl(l.as_bytes()))?;
    drop.end_uidl()?;
    Ok(drop)
}

fn names(drop: &Maildrop) -> Vec<(u32, &str, bool)> {
    drop.entries().iter().map(|e| (e.number, drop.name(e), e.trust == Trust::Stable)).collect()
}

#[test]
fn messages_stand_in_the_order_of_their_numbers_with_their_uidl() {
    let drop = build(&["2 20", "1 10 extra"], &["1 a", "2  b "]).unwrap();
    assert_eq!(names(&drop), [(1, "a", true), (2, "b", true)]);
    assert_eq!(drop.get(drop.find("b").unwrap()).unwrap().size, Some(20));
    assert!(drop.find("c").is_none());
}

#[test]
fn messages_that_share_a_uidl_go_by_number_and_the_uidl_means_none_of_them() {
    let drop = build(&["1 1", "2 1", "3 1", "4 1", "5 1"], &["1 a", "2 a", "3 a~2", "4 a", "5 b"]).unwrap();
    assert_eq!(
        names(&drop),
        [
            (1, "session-S-1", false),
            (2, "session-S-2", false),
            (3, "a~2", true),
            (4, "session-S-4", false),
            (5, "b", true)
        ]
    );
    assert!(drop.find("a").is_none() && drop.is_shared("a") && !drop.is_gone("a"));
    assert!(!drop.is_shared("b") && drop.is_gone("c") && drop.is_gone("a~3"));
}

#[test]
fn malformed_and_missing_uidls_are_not_stable() {
    let long = format!("2 {}", "x".repeat(71));
    let drop = build(&["1 1", "2 1", "3 1", "4 1"], &["1 a b", &long, "3", "5 e"]).unwrap();
    let names = names(&drop);
    assert_eq!((names[0], names[1].2), ((1, "a b", false), false));
    assert_eq!((names[2], names[3]), ((3, "session-S-3", false), (4, "session-S-4", false)));
    assert_eq!((names[4], drop.entries()[4].size), ((5, "e", true), None));
}

#[test]
fn lines_that_are_none_and_numbers_given_twice_are_errors() {
    for list in [&["x 1"][..], &["0 1"], &["-1 1"], &["99999999999 1"], &[""], &["+OK"], &["1 1", "1 2"]] {
        assert_eq!(build(list, &[]).unwrap_err().kind(), ErrorKind::Protocol, "{list:?}");
    }
    assert!(build(&["1 1"], &["1 a", "1 b"]).is_err() && build(&[], &["1 a", "1 b"]).is_err());
    assert_eq!(build(&["1 99999999999999999999", "2 -1"], &[]).unwrap().entries()[0].size, None);
}

#[test]
fn names_from_content_come_one_by_one_and_equal_ones_are_told_apart() {
    let mut drop = build(&["1 1", "2 1", "3 1"], &[]).map(|_| Maildrop::new("S".into())).unwrap();
    for line in ["1 1", "2 1", "3 1"] {
        drop.add_listed(line.as_bytes()).unwrap();
    }
    drop.end_listed().unwrap();
    for name in ["top-b", "top-a", "top-b"] {
        drop.name_next(name).unwrap();
    }
    assert!(drop.unnamed().is_empty());
    assert_eq!(names(&drop).iter().map(|n| n.1).collect::<Vec<_>>(), ["top-b", "top-a", "top-b~2"]);
    assert_eq!((drop.find("top-a"), drop.find("top-b~2")), (Some(1), Some(2)));
    assert!(
        !drop.is_gone("session-T-1") && !drop.is_gone("a") && drop.is_gone(&Maildrop::content_name(&[7; 32]))
    );
    let drop = build(&["1 1"], &["1 x"]).unwrap();
    assert!(
        drop.is_gone("a") && !drop.is_gone("session-T-1") && !drop.is_gone(&Maildrop::content_name(&[7; 32]))
    );
    assert!(build(&[], &[]).unwrap().is_gone("session-T-1"));
}

proptest! {
    #[test]
    fn whatever_a_server_lists_every_message_has_a_name_that_finds_it(
        list in proptest::collection::vec((1u32..30, any::<u64>()), 0..30),
        uidl in proptest::collection::vec((1u32..30, "[ab~2]{0,4}"), 0..30),
    ) {
        let list: Vec<String> = list.iter().map(|(n, s)| format!("{n} {s}")).collect();
        let uidl: Vec<String> = uidl.iter().map(|(n, u)| format!("{n} {u}")).collect();
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let uidl: Vec<&str> = uidl.iter().map(String::as_str).collect();
        if let Ok(drop) = build(&list, &uidl) {
            for (index, entry) in drop.entries().iter().enumerate() {
                prop_assert_eq!(drop.find(drop.name(entry)), Some(index));
            }
        }
    }

    #[test]
    fn no_bytes_make_the_listings_panic(lines in proptest::collection::vec(any::<Vec<u8>>(), 0..20)) {
        let mut drop = Maildrop::new("S".into());
        for line in &lines { let _ = drop.add_listed(line); }
        let _ = drop.end_listed();
        for line in &lines { let _ = drop.add_uidl(line); }
        let _ = drop.end_uidl();
        let mut capabilities = super::super::capabilities::Capabilities::default();
        for line in &lines {
            let reply = super::super::reply::Line::parse(line);
            if let Some(stamp) = reply.as_ref().and_then(|r| super::super::reply::timestamp(&r.text)) {
                prop_assert!(stamp.starts_with('<') && stamp.ends_with('>'));
            }
            capabilities.add(line);
            let _ = (capabilities.mechanisms().len(), capabilities.login_delay());
        }
    }
}
