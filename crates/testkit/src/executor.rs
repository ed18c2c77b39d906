//! Runs a future on virtual time, and notices when it hangs.

use crate::VirtualHost;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// The future waits for something that never comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hang;

/// Runs a future to its end. When it can't go on, the virtual clock jumps to the next timer.
///
/// # Errors
/// [`Hang`] if there is no timer either, or no end within a hundred million polls.
pub fn run<T>(host: &VirtualHost, future: impl Future<Output = T>) -> Result<T, Hang> {
    let mut future = pin!(future);
    let (flag, waker) = flag();
    for _ in 0..100_000_000u64 {
        if let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Ok(out);
        }
        // Only who was woken is polled: a timer that wakes nobody helps nobody.
        while !flag.0.swap(false, Ordering::Relaxed) {
            if !host.advance_to_next_timer() {
                return Err(Hang);
            }
        }
    }
    Err(Hang)
}

/// Polls a future at most `polls` times and drops it then: for cancellation at every await. `None` if it
/// did not end. Time stands still.
pub fn run_polls<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let (flag, waker) = flag();
    for _ in 0..polls {
        if let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(out);
        }
        if !flag.0.swap(false, Ordering::Relaxed) {
            return None;
        }
    }
    None
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn flag() -> (Arc<Flag>, Waker) {
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&flag));
    (flag, waker)
}
