//! A program as the handler.

use super::program;
use postrider::{Answer, Arrival, Handler, HandlerError, Marks, WatchHandle, async_trait};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use tokio::process::Command;

/// EX_TEMPFAIL
const LATER: i32 = 75;
/// EX_DATAERR, EX_NOUSER, EX_NOPERM
const REFUSED: [i32; 3] = [65, 67, 77];

/// Runs a command for each message. Its exit code is the answer.
pub(super) struct Exec {
    pub(super) command: String,
    /// Stdout is ours: what the program prints goes to stderr.
    pub(super) is_json: bool,
    /// Known once the watch is made.
    pub(super) handle: Arc<OnceLock<WatchHandle>>,
}

#[async_trait]
impl Handler for Exec {
    async fn handle(&self, arrival: Arrival) -> Result<Answer, HandlerError> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command);
        if self.is_json {
            command.stdout(Stdio::from(io::stderr()));
        }
        command
            .env("POSTRIDER_ID", arrival.id().as_str())
            .env("POSTRIDER_KEY", arrival.key().id.as_str())
            .env("POSTRIDER_FINGERPRINT", arrival.fingerprint().to_string())
            .env("POSTRIDER_SIZE", arrival.len().to_string())
            .env("POSTRIDER_ATTEMPT", arrival.attempt().to_string())
            .env("POSTRIDER_MARKS", marks(arrival.marks()));
        let status = program::run(command, arrival.body()).await?;
        let is_stopped = self.handle.get().is_some_and(WatchHandle::is_stopping);
        answer(status, is_stopped)
    }
}

/// The answer of an exit status. A program that a Ctrl-C ended, which both get, has not failed.
fn answer(status: ExitStatus, is_stopped: bool) -> Result<Answer, HandlerError> {
    match status.code() {
        Some(0) => Ok(Answer::Done),
        Some(LATER) => Ok(Answer::Later),
        Some(code) if REFUSED.contains(&code) => Ok(Answer::Refuse(format!("the command ended with {code}"))),
        Some(130 | 143) if is_stopped => Ok(Answer::Later),
        None if is_stopped && matches!(status.signal(), Some(2 | 15)) => Ok(Answer::Later),
        Some(code) => Err(format!("the command ended with {code}").into()),
        None => {
            Err(format!("the command was ended by signal {}", status.signal().unwrap_or_default()).into())
        }
    }
}

/// The names of the marks, apart by blanks.
pub(super) fn marks(marks: Marks) -> String {
    let all = [
        (marks.auto_submitted, "auto-submitted"),
        (marks.bounce, "bounce"),
        (marks.list, "list"),
        (marks.own, "own"),
    ];
    all.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_answers() {
        let code = |code: i32| answer(ExitStatus::from_raw(code << 8), false);
        assert_eq!(code(0).unwrap(), Answer::Done);
        assert_eq!(code(75).unwrap(), Answer::Later);
        for refused in REFUSED {
            assert!(matches!(code(refused), Ok(Answer::Refuse(_))));
        }
        for failed in [1, 2, 64, 69, 127, 130] {
            assert!(code(failed).unwrap_err().to_string().contains(&failed.to_string()));
        }
        assert!(answer(ExitStatus::from_raw(9), true).is_err());
        assert_eq!(answer(ExitStatus::from_raw(2), true).unwrap(), Answer::Later);
        assert!(answer(ExitStatus::from_raw(2), false).is_err());
    }
}
