//! The program: started without a shell, fed and listened to without ever blocking, and killed with all it has
//! started unless it ended by itself.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};

/// So much of what it writes to stderr is kept.
const SAID: usize = 2 * 1024;

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stderr: Option<ChildStderr>,
    said: Vec<u8>,
    status: Option<ExitStatus>,
}

impl Process {
    pub(crate) fn start(program: &Path, arguments: &[String]) -> io::Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A group of its own: what it starts can be killed with it, and a ^C is for us.
            .process_group(0)
            .spawn()?;
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let process = Self { child, stdin, stderr, said: Vec::new(), status: None };
        // From here on an error kills it.
        if let Some(pipe) = &process.stdin {
            unblock(pipe)?;
        }
        if let Some(pipe) = &process.stderr {
            unblock(pipe)?;
        }
        Ok(process)
    }

    /// Gives it bytes; tells how many it took, `None` if it takes none now.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        self.listen();
        let Some(stdin) = &mut self.stdin else { return Err(io::ErrorKind::BrokenPipe.into()) };
        match stdin.write(bytes) {
            Ok(0) => Err(io::ErrorKind::BrokenPipe.into()),
            Ok(n) => Ok(Some(n)),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The end of its input: the message is whole.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// How it ended, `None` while it runs.
    pub(crate) fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.listen();
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
            // Its last words may have come in between.
            self.listen();
        }
        Ok(self.status)
    }

    /// What it wrote to stderr.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.said).trim().to_owned()
    }

    /// Reads what it says so that it never waits for us, and keeps the beginning.
    fn listen(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        let mut piece = [0; 4096];
        // A program that never stops talking must not keep us here.
        for _ in 0..16 {
            match stderr.read(&mut piece) {
                Ok(n) if n > 0 => {
                    let room = SAID.saturating_sub(self.said.len()).min(n);
                    self.said.extend_from_slice(piece.get(..room).unwrap_or_default());
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                _ => {
                    self.stderr = None;
                    return;
                }
            }
        }
    }

    /// Kills it with all it has started, and waits until it is gone. False if it may not be killed: then its input
    /// is never ended, for what it has got is no whole message.
    pub(crate) fn kill(&mut self) -> bool {
        if self.status.is_some() || matches!(self.child.try_wait(), Ok(Some(_))) {
            return true;
        }
        // It is not reaped yet, so the number is still its own.
        let group = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let kill = |group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        if group.is_none_or(|group| kill(group).is_err()) {
            std::mem::forget(self.stdin.take());
            return false;
        }
        self.status = self.child.wait().ok();
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        // Only now, with the program gone, is its input closed.
    }
}

fn unblock(pipe: impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(&pipe)?;
    Ok(rustix::fs::fcntl_setfl(&pipe, flags | rustix::fs::OFlags::NONBLOCK)?)
}
