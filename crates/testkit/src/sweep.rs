//! One dialogue, every way it can be delivered and every place it can be cut.

use crate::{Delivery, Dialogue, VirtualHost, run};
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

/// What a sweep runs: the client's side of the dialogue.
pub type Work<'a, T> = &'a dyn Fn(VirtualHost) -> Pin<Box<dyn Future<Output = T>>>;

/// Runs the dialogue whole, byte by byte and in 20 random cuts: the results must be equal, and the client
/// must follow the dialogue to its end.
///
/// # Panics
/// If they are not, or it does not, or it hangs.
pub fn deliveries<T: PartialEq + Debug>(dialogue: &Dialogue, work: Work<'_, T>) -> T {
    let mut first: Option<T> = None;
    let random = (0..20).map(Delivery::Random);
    for delivery in [Delivery::Whole, Delivery::OneByOne].into_iter().chain(random) {
        let host = VirtualHost::play(dialogue).delivery(delivery);
        let Ok(result) = run(&host, work(host.clone())) else {
            panic!("{}: {delivery:?}: hangs", dialogue.name)
        };
        let mismatches = host.mismatches();
        assert!(mismatches.is_empty(), "{delivery:?}: {} (result: {result:?})", mismatches.join("\n"));
        host.assert_followed();
        match &first {
            None => first = Some(result),
            Some(first) => assert_eq!(*first, result, "{}: {delivery:?} changes the result", dialogue.name),
        }
    }
    first.expect("at least one delivery ran")
}

/// Cuts the connection after each of the server's bytes, and lets the server fall silent there; `check` gets
/// the number of bytes, the number there are, and the result.
///
/// # Panics
/// If anything hangs or `check` panics.
pub fn cuts<T>(dialogue: &Dialogue, work: Work<'_, T>, check: impl Fn(usize, usize, T)) {
    let host = VirtualHost::play(dialogue);
    assert!(run(&host, work(host.clone())).is_ok(), "{}: hangs", dialogue.name);
    let total = host.received();
    for n in 0..=total {
        for delivery in [Delivery::Whole, Delivery::OneByOne] {
            let cut = VirtualHost::play(dialogue).delivery(delivery).cut_after(n);
            let stalled = VirtualHost::play(dialogue).delivery(delivery).stall_after(n);
            for host in [cut, stalled] {
                match run(&host, work(host.clone())) {
                    Ok(result) => check(n, total, result),
                    Err(_) => panic!("{}: cut after {n} of {total} bytes: hangs", dialogue.name),
                }
            }
        }
    }
}

/// Lets writing fail after each of the client's bytes.
///
/// # Panics
/// If anything hangs or `check` panics.
pub fn client_cuts<T>(dialogue: &Dialogue, work: Work<'_, T>, check: impl Fn(usize, usize, T)) {
    let host = VirtualHost::play(dialogue);
    assert!(run(&host, work(host.clone())).is_ok(), "{}: hangs", dialogue.name);
    let total = host.sent().len();
    for n in 0..=total {
        let host = VirtualHost::play(dialogue).cut_client_after(n);
        match run(&host, work(host.clone())) {
            Ok(result) => check(n, total, result),
            Err(_) => panic!("{}: client cut after {n} of {total} bytes: hangs", dialogue.name),
        }
    }
}
