//! Ctrl-C and termination.

use crate::exit::Failure;
use std::future::Future;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Is ready when somebody wants the command to end: Ctrl-C, or SIGTERM. It listens from the call on, not
/// from when it is first awaited. Needs the runtime.
pub(crate) fn interrupted() -> impl Future<Output = ()> {
    // Without a handler a signal ends the process all the same.
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt()).ok(), signal(SignalKind::terminate()).ok());
    async move {
        tokio::select! {
            () = next(&mut interrupt) => {}
            () = next(&mut terminate) => {}
        }
    }
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Does the work unless it is interrupted. The work is dropped then, and its connections with it.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let interrupted = interrupted();
    tokio::select! {
        outcome = work => outcome,
        () = interrupted => Err(Failure::interrupted()),
    }
}
