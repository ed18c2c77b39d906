//! The process that a plugin is checked in, watched from outside: what blocks can only be ended, and what ends its
//! process must not end the check.

use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::plugin_args::PluginCheckArgs;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Names the file of the process inside that tells how far it is.
const VARIABLE: &str = "POSTRIDER_PLUGIN_CHECK_PROGRESS";
/// The last line of that file.
const DONE: &str = "done";
/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How far the process inside is, for the one that watches it.
pub(crate) struct Progress(PathBuf);

impl Progress {
    /// Where this process is the one inside.
    pub(crate) fn of_this_process() -> Option<Self> {
        std::env::var_os(VARIABLE).map(|path| Self(path.into()))
    }

    /// What is done now.
    pub(crate) fn begins(&self, what: &str) {
        // Who can't be told will not wait for ever either.
        drop(self.write(what));
    }

    /// Whatever comes now is no longer the plugin's.
    pub(crate) fn done(&self) {
        self.begins(DONE);
    }

    fn write(&self, line: &str) -> io::Result<()> {
        OpenOptions::new().append(true).open(&self.0)?.write_all(format!("{line}\n").as_bytes())
    }
}

/// How the process inside ended.
enum End {
    /// It came to its end and said what there is to say.
    Done(ExitStatus),
    /// It ended in the middle of this.
    Early(ExitStatus, String),
    /// It did this for too long.
    Blocked(String),
}

/// Does what the command line says, in a process of its own.
pub(crate) fn run(args: &PluginCheckArgs, out: &mut Output) -> Result<Code, Failure> {
    let told = tempfile::NamedTempFile::new().map_err(|e| Failure::unwritable("a temporary file", &e))?;
    let mut child = this_program().env(VARIABLE, told.path()).spawn();
    let end = match &mut child {
        Ok(child) => watch(child, told.path(), Duration::from_secs(args.patience)),
        Err(error) => {
            return Err(Failure::new(Code::Software, format!("no process can be started: {error}")));
        }
    };
    let file = args.file.display();
    let (kind, during, message) = match end {
        End::Done(status) => return Ok(code(status)),
        End::Early(status, during) => {
            let message =
                format!("the plugin {file} ended the process it was checked in ({status}): {during}");
            ("ended", during, message)
        }
        End::Blocked(during) => {
            let seconds = args.patience;
            let message = format!("the plugin {file} blocks: {during} was not over after {seconds} s");
            ("blocked", during, message)
        }
    };
    if out.is_json() {
        let code = Code::Software;
        out.value(&json!({ "file": args.file, kind: during, "message": message, "code": code.number() }))?;
        return Ok(code);
    }
    out.line(format_args!("{kind}: {during}"))?;
    Err(Failure::new(Code::Software, message))
}

/// This program again, with the same arguments. There are no secrets among them.
fn this_program() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| "postrider".into()));
    command.args(std::env::args_os().skip(1)).stdin(Stdio::null());
    command
}

/// Waits for as long as something goes on.
fn watch(child: &mut Child, told: &Path, patience: Duration) -> End {
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        let text = fs::read_to_string(told).unwrap_or_default();
        let during = text.lines().last().unwrap_or("starting").to_owned();
        match child.try_wait() {
            // Read again: it may have told more in between.
            Ok(Some(status)) => {
                let text = fs::read_to_string(told).unwrap_or_default();
                let during = text.lines().last().unwrap_or("starting").to_owned();
                return if during == DONE { End::Done(status) } else { End::Early(status, during) };
            }
            Ok(None) => {}
            Err(error) => return End::Blocked(format!("{during} ({error})")),
        }
        if text.len() != seen {
            (seen, since) = (text.len(), Instant::now());
        }
        if since.elapsed() > patience {
            // It may have ended by itself just now; either way there is nothing left of it.
            drop(child.kill());
            drop(child.wait());
            return End::Blocked(during);
        }
        std::thread::sleep(LOOK);
    }
}

fn code(status: ExitStatus) -> Code {
    let all = [Code::Done, Code::Usage, Code::NoInput, Code::CantCreate, Code::Config];
    all.into_iter().find(|code| Some(code.number()) == status.code()).unwrap_or(Code::Software)
}
