//! Running a program and looking at what it used.

use crate::Result;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Instant;
use wait4::Wait4;

/// One run.
pub struct Ran {
    pub seconds: f64,
    /// Of the whole process, by the kernel.
    pub peak_kib: u64,
    /// The last line of JSON it printed, if any.
    pub told: Value,
    /// The cipher suite, as the server told it.
    pub suite: Option<String>,
}

impl Ran {
    pub fn number(&self, name: &str) -> Option<f64> {
        self.told.get(name)?.as_f64()
    }

    /// From before the connection until after its end where it told, so that an interpreter's start is not counted.
    pub fn work_seconds(&self) -> f64 {
        self.number("seconds").unwrap_or(self.seconds)
    }

    /// Its own word where it gave one: what the kernel says counts what was there before exec, too.
    pub fn peak(&self) -> u64 {
        self.number("peak_kib").map_or(self.peak_kib, |kib| kib as u64)
    }
}

/// Runs it to its end. Files for its output, so that nobody waits for a full pipe.
pub fn run(command: &mut Command) -> Result<Ran> {
    let log = std::env::temp_dir().join(format!("postrider-bench-{}.out", std::process::id()));
    let errors = log.with_extension("err");
    command.stdin(Stdio::null()).stdout(std::fs::File::create(&log)?).stderr(std::fs::File::create(&errors)?);
    let start = Instant::now();
    let used = command.spawn()?.wait4()?;
    let seconds = start.elapsed().as_secs_f64();
    let output = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    let said = String::from_utf8_lossy(&std::fs::read(&errors)?).into_owned();
    for file in [log, errors] {
        let _ = std::fs::remove_file(file);
    }
    if !used.status.success() {
        let end: String = said.chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
        return Err(format!("{:?} ended with {}: {}", command.get_program(), used.status, end.trim()).into());
    }
    let told = output.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null);
    Ok(Ran { seconds, peak_kib: used.rusage.maxrss / 1024, told, suite: None })
}

/// What a program prints, without the last line end; `None` if it can't be run.
pub fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let done =
        Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
