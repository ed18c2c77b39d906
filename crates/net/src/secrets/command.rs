//! Secrets that a program prints.

use super::{MOST, missing, secret};
use postrider_core::{Error, ErrorKind, Phase, Result, Secret};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Runs a program, without a shell, and takes the line it prints. What it says on its standard error goes nowhere:
/// it may hold the secret too.
pub(super) async fn run(program: &str, arguments: &[String], patience: Duration) -> Result<Secret> {
    let shown = program.escape_debug().to_string();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn().map_err(|error| {
        missing(format!("the command \"{shown}\" can't be started: {error}"))
            .with_advice("check its name and path; a command that needs a shell is command:sh -c \"…\"")
    })?;
    let Some(output) = child.stdout.take() else {
        return Err(failed(&shown, "its output can't be read"));
    };
    let work = async {
        // Room for all of it from the start: growing would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(MOST).unwrap_or_default() + 1));
        // Closes the pipe when it is read: a program that prints without end ends then.
        let read = output.take(MOST + 1).read_to_end(&mut bytes).await;
        let status = child.wait().await;
        read.and(status).map(|status| (status, bytes))
    };
    // When the time is up the child is dropped, and with it the process.
    let Ok(done) = timeout(patience, work).await else {
        let message = format!("the command \"{shown}\" did not end within {} s", patience.as_secs_f32());
        return Err(Error::new(ErrorKind::Timeout, Phase::Authenticate, message)
            .with_advice("run it by hand: it may be asking for something nobody sees"));
    };
    let (status, bytes) =
        done.map_err(|error| failed(&shown, &format!("its output can't be read: {error}")))?;
    if bytes.len() as u64 > MOST {
        let message = format!("the command \"{shown}\" prints more than a secret: above {MOST} bytes");
        return Err(Error::new(ErrorKind::Limit, Phase::Authenticate, message));
    }
    if !status.success() {
        return Err(failed(&shown, &status.to_string()));
    }
    secret(&bytes, &format!("what the command \"{shown}\" prints"))
}

fn failed(shown: &str, why: &str) -> Error {
    let message = format!("the command \"{shown}\" failed: {why}");
    Error::new(ErrorKind::Authentication, Phase::Authenticate, message)
        .with_advice("run it by hand, as the user this program runs as, to see what it says")
}
