//! The built command, run against the embedded server.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use postrider_server::{Builder, Server};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// Nobody may ever see it.
pub const PASSWORD: &str = "hunter2-correct-horse";
pub const ALICE: &str = "alice@example.test";
pub const BOB: &str = "bob@example.test";

/// A message with all that framing may trip over, and bytes that no decoder would leave alone.
pub fn tricky() -> Vec<u8> {
    let mut message =
        b"From: Alice <alice@example.test>\r\nTo: bob@example.test\r\nSubject: dots\r\n\r\n".to_vec();
    message.extend_from_slice(b".\r\n..\r\n.hidden\r\n\r\n. \r\nF\xc3\xbcnf\xff\xfe \t\r\n");
    message.extend_from_slice("x".repeat(900).as_bytes());
    message.extend_from_slice(b"\r\nFrom here\r\n.\r\n\r\n");
    message
}

/// A server, and files that say how to reach it.
pub struct Office {
    pub server: Server,
    pub directory: TempDir,
}

impl Office {
    pub async fn open() -> Self {
        Self::with(|builder| builder).await
    }

    pub async fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let builder =
            Server::builder().require_auth().require_tls().user(ALICE, PASSWORD).user(BOB, PASSWORD);
        let server = change(builder).start().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), server.ca_pem()).unwrap();
        std::fs::write(directory.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        let office = Self { server, directory };
        office.write_account(ALICE);
        office.write_account(BOB);
        office
    }

    pub fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// The account file of one of the two, without password.
    pub fn account(&self, user: &str) -> String {
        self.path(&format!("{user}.toml"))
    }

    fn write_account(&self, user: &str) {
        let text = format!(
            "[mail]\nhost = \"127.0.0.1\"\nuser = \"{user}\"\nfrom = \"{user}\"\nsend.allowreserved = true\nssl.cafile = \"{}\"\n\
             smtp = {{ port = {}, tls = \"implicit\" }}\n\
             pop3 = {{ port = {}, tls = \"implicit\" }}\n\
             imap = {{ port = {}, tls = \"implicit\" }}\n",
            self.path("ca.pem"),
            self.server.smtps_port(),
            self.server.pop3s_port(),
            self.server.imaps_port(),
        );
        std::fs::write(self.account(user), text).unwrap();
    }

    /// `postrider send` as Alice.
    pub async fn send(&self, more: &[&str], stdin: &[u8]) -> Run {
        let (account, password) = (self.account(ALICE), self.path("password"));
        let mut args = vec!["send", "--account-file", &account, "--password-file", &password];
        args.extend_from_slice(more);
        run(&args, stdin).await
    }

    /// `postrider fetch` as Bob.
    pub async fn fetch(&self, protocol: &str, more: &[&str]) -> Run {
        let (account, password) = (self.account(BOB), self.path("password"));
        let protocol = format!("mail.store.protocol={protocol}");
        let mut args =
            vec!["fetch", "--account-file", &account, "--password-file", &password, "-p", &protocol];
        args.extend_from_slice(more);
        run(&args, b"").await
    }

    /// Files that were fetched, by name.
    pub fn files(&self, directory: &str) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            std::fs::read_dir(self.path(directory)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Run {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Each line of stdout as JSON.
    pub fn json(&self) -> Vec<Value> {
        let lines = self.text();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// The same, if it ended with this code.
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.text(), self.err);
        self
    }

    /// One line of error that holds all of these, and neither secret nor backtrace anywhere.
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is missing in: {}", self.err);
        }
        assert_eq!(self.err.trim_end().lines().count(), 1, "{}", self.err);
        self
    }
}

/// Runs the command to its end, off the runtime's threads.
pub async fn run(args: &[&str], stdin: &[u8]) -> Run {
    let mut running = spawn(args);
    let mut pipe = running.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    std::thread::spawn(move || pipe.write_all(&stdin));
    ended(running).await
}

/// A command that runs. Nothing hangs: it is killed after a minute, and when the test fails.
pub struct Running {
    pub id: u32,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
    _watched: Sender<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        kill(self.id);
    }
}

/// Starts the command with all three streams piped, no terminal, and none of our variables.
pub fn spawn(args: &[&str]) -> Running {
    let mut child = Command::new("setsid")
        .args(["--wait", env!("CARGO_BIN_EXE_postrider")])
        .args(args)
        .env_remove("POSTRIDER_FILE")
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let id = child.id();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (watched, watch) = channel::<()>();
    std::thread::spawn(move || {
        if watch.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
            kill(id);
        }
    });
    CHILDREN.lock().unwrap().insert(id, child);
    Running { id, stdin, stdout, stderr, _watched: watched }
}

/// Kills and reaps it, if nobody has seen its end yet.
fn kill(id: u32) {
    let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(child) = children.get_mut(&id) {
        let _ = child.kill();
    }
}

static CHILDREN: Mutex<BTreeMap<u32, Child>> = Mutex::new(BTreeMap::new());

/// Waits for its end. No run may show the password.
pub async fn ended(mut running: Running) -> Run {
    let wait = tokio::task::spawn_blocking(move || {
        drop(running.stdin.take());
        let (out, err) = (running.stdout.take(), running.stderr.take());
        let err = std::thread::spawn(move || err.map(drain).unwrap_or_default());
        let out = out.map(drain).unwrap_or_default();
        let err = err.join().unwrap();
        let mut child = CHILDREN.lock().unwrap().remove(&running.id).unwrap();
        let status = child.wait().unwrap();
        (status, out, err)
    });
    let (status, out, err) = wait.await.unwrap();
    let err = String::from_utf8(err).unwrap();
    let code = status.code().unwrap_or_else(|| panic!("{status}: it hung, or crashed: {err}"));
    let run = Run { code, out, err };
    for text in [&run.text(), &run.err] {
        assert!(!text.contains(PASSWORD) && !text.contains("RUST_BACKTRACE"), "{text}");
    }
    run
}

fn drain(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Sends a signal by its name.
pub fn signal(child: u32, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), child.to_string()]).status().unwrap().success());
}

pub fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}
