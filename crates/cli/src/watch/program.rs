//! A program that is fed a message, and nothing of which works on when it is not waited for.

use postrider::{Body, HandlerError};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::{ExitStatus, Stdio};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

/// Runs a command with this on its stdin. Its end is what counts, whether it has read all or something that it left
/// behind still holds its stdin.
///
/// # Cancellation
/// The command is killed, and what it has started.
pub(super) async fn run(mut command: Command, body: Body<'_>) -> Result<ExitStatus, HandlerError> {
    // In our process group: what ends that by force, or by Ctrl-C, ends the program too.
    command.stdin(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().map_err(|error| format!("the command can't be started: {error}"))?;
    let mut running = Running(child);
    if let Some(stdin) = running.0.stdin.take() {
        tokio::select! {
            status = running.0.wait() => return Ok(status?),
            fed = feed(stdin, body) => fed?,
        }
    }
    Ok(running.0.wait().await?)
}

async fn feed(mut stdin: ChildStdin, mut body: Body<'_>) -> Result<(), HandlerError> {
    while let Some(chunk) = body.chunk().await? {
        match stdin.write_all(&chunk).await {
            Ok(()) => {}
            // It has read enough: its exit code tells.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A child, killed with its descendants unless it has ended: the shell alone would leave what it runs at work on a
/// message that is handed over again.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Without a number it has ended.
        if let Some(pid) = self.0.id().and_then(|pid| i32::try_from(pid).ok()) {
            end(pid);
        }
    }
}

/// Stops a process and all that come of it, so that no more come, then kills them.
fn end(root: i32) {
    let mut all = BTreeSet::from([root]);
    signal(root, Signal::STOP);
    loop {
        let new: Vec<i32> = parents()
            .filter(|(pid, parent)| all.contains(parent) && !all.contains(pid))
            .map(|(pid, _)| pid)
            .collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            signal(pid, Signal::STOP);
            all.insert(pid);
        }
    }
    all.into_iter().for_each(|pid| signal(pid, Signal::KILL));
}

/// All processes with their parents, from `/proc` (proc(5)); none where there is no such thing.
fn parents() -> impl Iterator<Item = (i32, i32)> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read(entry.path().join("stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        // The name of the program, in brackets, may hold anything.
        let (_, rest) = stat.rsplit_once(')')?;
        Some((pid, rest.split_whitespace().nth(1)?.parse().ok()?))
    })
}

fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::Duration;

    fn shell(script: &str, folder: &Path) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).current_dir(folder);
        command
    }

    fn large() -> Body<'static> {
        Body::from_bytes(vec![b'x'; 4 << 20])
    }

    async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(60), work).await.expect(what)
    }

    async fn number(path: &Path) -> i32 {
        loop {
            match fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()) {
                Some(number) => return number,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Gone, or dead and not yet fetched by whoever is its parent now.
    async fn ended(pid: i32) {
        loop {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            match stat.rsplit_once(')') {
                Some((_, rest)) if !rest.trim_start().starts_with(['Z', 'X']) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                _ => return,
            }
        }
    }

    #[tokio::test]
    async fn a_program_that_reads_nothing_and_one_that_leaves_its_stdin_to_another_end_with_their_code() {
        let folder = tempfile::tempdir().unwrap();
        for script in ["exit 3", "sleep 300 <&0 & echo $! >left; exit 3"] {
            let status = within(script, run(shell(script, folder.path()), large())).await.unwrap();
            assert_eq!(status.code(), Some(3), "{script}");
        }
        signal(number(&folder.path().join("left")).await, Signal::KILL);
    }

    #[tokio::test]
    async fn a_program_that_is_not_waited_for_is_killed_with_all_that_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        let script = "(sh -c 'echo $$ >part; mv part inner; sleep 300; :'; :); exit 0";
        let pid = tokio::select! {
            status = run(shell(script, folder.path()), large()) => panic!("it ended: {status:?}"),
            pid = within("it starts", number(&inner)) => pid,
        };
        within("nothing of it works on", ended(pid)).await;
    }
}
