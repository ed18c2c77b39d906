//! Ctrl-C and termination.

use crate::exit::Failure;
use std::future::Future;
use tokio::signal::unix::{SignalKind, signal};

/// Is ready when somebody wants the command to end: Ctrl-C, or SIGTERM.
pub(crate) async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without a handler the signal ends the process all the same.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Does the work unless it is interrupted. The work is dropped then, and its connections with it.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        outcome = work => outcome,
        () = interrupted() => Err(Failure::interrupted()),
    }
}
