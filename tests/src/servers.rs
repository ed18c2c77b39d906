//! Dovecot and Postfix, started once for a test binary by `tests/servers/run` and stopped when it ends,
//! however it ends.

use crate::workspace;
use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Running servers.
#[derive(Debug)]
pub struct Servers {
    env: HashMap<String, String>,
    /// Stops the servers when its standard input ends: with this process, even if it is killed.
    _guardian: Option<Child>,
}

/// Programs that the servers and the tests need; `tests/servers/run install` brings them.
const PROGRAMS: &[&str] = &["dovecot", "postfix", "openssl", "python3", "setpriv", "ps", "flock"];

/// The servers for a test, or `None` after saying on stderr that it is skipped and why.
///
/// With `POSTRIDER_SERVERS=DIR/servers.env` they are those that run there already.
///
/// # Panics
/// If the servers are installed and do not start; with `CI=true` also instead of skipping.
pub fn or_skip(test: &str) -> Option<&'static Servers> {
    static SERVERS: OnceLock<Result<Servers, String>> = OnceLock::new();
    match SERVERS.get_or_init(start) {
        Ok(servers) => Some(servers),
        Err(why) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("real servers: {why}; with CI=true nothing is skipped")
        }
        Err(why) => {
            // Not eprintln!, which the test harness swallows.
            let _ = writeln!(std::io::stderr(), "SKIPPED: real servers: {test}: {why}");
            None
        }
    }
}

fn start() -> Result<Servers, String> {
    if let Some(file) = std::env::var_os("POSTRIDER_SERVERS") {
        return Ok(Servers { env: read(Path::new(&file)), _guardian: None });
    }
    if std::env::var("POSTRIDER_REAL_SERVERS").is_ok_and(|word| word == "skip") {
        return Err("POSTRIDER_REAL_SERVERS=skip".into());
    }
    if workspace::output(Command::new("id").arg("-u")).trim() != "0" {
        return Err("they want root to start".into());
    }
    let missing: Vec<&str> = PROGRAMS.iter().copied().filter(|p| !is_installed(p)).collect();
    if !missing.is_empty() {
        return Err(format!("no {} here; tests/servers/run install brings them", missing.join(", ")));
    }
    let dir = std::env::temp_dir().join(format!("postrider-real-{}", std::process::id()));
    let run = workspace::root().join("tests/servers/run");
    let file = workspace::output(Command::new(&run).arg("start").arg(&dir));
    let guardian = Command::new("bash")
        .args([
            "-c",
            r#"cat >/dev/null; "$1" stop "$2"; [ -n "$POSTRIDER_KEEP" ] || rm -rf "$2""#,
            "guardian",
        ])
        .args([&run, &dir])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A ^C is for the tests; the guardian cleans up behind them.
        .process_group(0)
        .spawn()
        .expect("bash starts");
    Ok(Servers { env: read(Path::new(file.trim())), _guardian: Some(guardian) })
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).any(|folder| folder.join(program).is_file())
}

fn read(file: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

impl Servers {
    /// A setting of `servers.env`.
    ///
    /// # Panics
    /// If there is none of this name.
    pub fn setting(&self, key: &str) -> &str {
        self.env.get(key).unwrap_or_else(|| panic!("servers.env has no {key}"))
    }

    /// The port of a server, `POSTFIX_SMTP` for instance.
    ///
    /// # Panics
    /// If there is no such server.
    pub fn port(&self, server: &str) -> u16 {
        self.setting(&format!("{server}_PORT")).parse().expect("a port")
    }

    /// Every user's password.
    pub fn password(&self) -> &str {
        self.setting("MAIL_PASSWORD")
    }

    /// The folder with the servers' mail, certificates and logs.
    pub fn folder(&self) -> &Path {
        Path::new(self.setting("SERVERS_DIR"))
    }

    /// True if Postfix has nothing left to deliver.
    pub fn is_queue_empty(&self) -> bool {
        let queue = self.folder().join("postfix/queue");
        ["maildrop", "incoming", "active", "deferred"].iter().all(|part| is_without_files(&queue.join(part)))
    }
}

fn is_without_files(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return true };
    entries.flatten().all(|entry| {
        let path = entry.path();
        path.is_dir() && is_without_files(&path)
    })
}
