use super::*;

fn names(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// Fetches one message, of 4 KiB as all are, and asks ahead as the driver does. How many are in flight then.
fn fetch(window: &mut Window, name: &str) -> usize {
    if !window.is_next(name) {
        assert!(window.is_idle());
        window.ask(name, Some(4096));
    }
    window.goes_on();
    while window.is_low_or_filling() && window.next_wanted().is_some() && window.fits(Some(4096), false) {
        window.ask_wanted(Some(4096));
    }
    let flying = window.asked.len();
    window.answered(true);
    window.body().unwrap().read = 4096;
    window.end();
    flying
}

impl Window {
    fn is_low_or_filling(&self) -> bool {
        self.following
    }
}

#[test]
fn the_window_opens_as_messages_are_read_in_order_and_holds_no_more_than_it_may() {
    let mut window = Window::new(100, 1 << 20);
    window.want(names(0..1_000));
    let flying: Vec<usize> = (0..900).map(|n| fetch(&mut window, &n.to_string())).collect();
    assert_eq!((flying[0], flying[1], flying[2]), (FIRST, FIRST + 3, FIRST + 6));
    assert_eq!(flying.iter().max(), Some(&100));
    // Three more for each of 28 messages: 16 and 84.
    assert!(flying[27] < 100 && flying[28..].iter().all(|n| *n == 100));
}

#[test]
fn bytes_bound_what_is_asked_ahead_by_what_is_still_to_come() {
    let mut window = Window::new(1_000, 1 << 20);
    window.want(names(0..2_000));
    let flying: Vec<usize> = (0..1_500).map(|n| fetch(&mut window, &n.to_string())).collect();
    assert_eq!(flying.iter().max(), Some(&256), "1 MiB of 4 KiB messages");
}

#[test]
fn another_call_in_between_closes_the_window_until_two_messages_in_a_row_are_read_in_order() {
    let mut window = Window::new(100, 1 << 20);
    window.want(names(0..100));
    assert_eq!(fetch(&mut window, "0"), FIRST);
    window.interrupted();
    window.lost();
    for n in 1..10 {
        assert_eq!(fetch(&mut window, &n.to_string()), 1, "{n}");
        window.interrupted();
    }
    assert_eq!((fetch(&mut window, "10"), fetch(&mut window, "11")), (1, 4));
}

#[test]
fn what_was_lost_is_wanted_still_and_what_was_passed_over_is_not() {
    let mut window = Window::new(100, 1 << 20);
    window.want(names(0..50));
    fetch(&mut window, "0");
    window.lost();
    assert_eq!((window.asked.len(), window.wanted.len(), window.wanted[0].as_str()), (0, 49, "1"));
    fetch(&mut window, "20");
    assert_eq!(window.due_before(Some("21")), 0);
    assert_eq!(window.due_before(Some("23")), 2 * 4096);
    assert_eq!(window.due_before(None), window.due_before(Some("x")));
}

#[test]
fn what_is_in_flight_is_not_asked_for_twice() {
    let mut window = Window::new(100, 1 << 20);
    window.want(names(0..50));
    fetch(&mut window, "0");
    let flying = window.asked.len();
    window.want(names(1..50));
    assert_eq!((window.asked.len(), window.wanted.len()), (flying, 49 - flying));
    window.want(["1", "5", "6"].map(str::to_owned));
    assert_eq!(window.wanted, ["5", "6"]);
}

#[test]
fn what_could_not_be_thrown_away_is_asked_ahead_only_of_readers_that_read_on_and_never_if_strict() {
    let mut window = Window::new(100, 64 << 20);
    window.want(names(0..10));
    window.ask("0", Some(5 << 20));
    window.goes_on();
    window.answered(true);
    window.body().unwrap().read = 5 << 20;
    assert!(!window.fits(Some(5 << 20), false) && window.fits(Some(4096), true) && !window.fits(None, true));
    window.end();
    window.ask("1", Some(5 << 20));
    window.goes_on();
    window.answered(true);
    window.body().unwrap().read = 4 << 20;
    assert!(window.fits(Some(5 << 20), false) && !window.fits(Some(5 << 20), true));
}
