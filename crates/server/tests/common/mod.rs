//! What the tests share: other people's clients, and a client of bare lines.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use postrider_server::Server;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A message with all that framing may trip over: dots, a line of one dot, long lines, 8-bit.
pub fn tricky() -> Vec<u8> {
    let mut message = b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: dots\r\n\r\n".to_vec();
    message.extend_from_slice(b".\r\n..\r\n.hidden\r\n\r\n. \r\nend.\r\nF\xc3\xbcnf\r\n");
    message.extend_from_slice("x".repeat(900).as_bytes());
    message.extend_from_slice(b"\r\n.\r\n");
    message
}

/// Whether a program is there; says loudly when not.
pub fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        // Not eprintln: the test harness would keep that to itself.
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: {program} is not installed ***\n");
    }
    found
}

/// Runs a program off the runtime's threads; it has 60 seconds.
pub async fn run(mut command: Command) -> Output {
    let work = tokio::task::spawn_blocking(move || command.output().expect("the program starts"));
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("done in a minute").unwrap()
}

pub fn assert_success(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
}

/// A directory with `ca.pem` in it.
pub fn ca_directory(server: &Server) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, server.ca_pem()).unwrap();
    (directory, path)
}

/// Runs one of `tests/clients/*.py`, told of the server by its environment.
pub async fn python(script: &str, server: &Server) {
    if !has("python3") {
        return;
    }
    let (_directory, ca) = ca_directory(server);
    let mut command = Command::new("python3");
    command
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script))
        .env("CA", ca)
        .env("SMTP", server.smtp_port().to_string())
        .env("SMTPS", server.smtps_port().to_string())
        .env("POP3", server.pop3_port().to_string())
        .env("POP3S", server.pop3s_port().to_string())
        .env("IMAP", server.imap_port().to_string())
        .env("IMAPS", server.imaps_port().to_string());
    assert_success(&run(command).await);
}

/// A client that says lines and hears lines.
pub struct Lines(pub BufReader<TcpStream>);

impl Lines {
    pub async fn connect(port: u16) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.unwrap()))
    }

    pub async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(text.as_ref()).await.unwrap();
    }

    /// The next line without its end; empty when the server hung up.
    pub async fn line(&mut self) -> String {
        self.raw_line().await.trim_end().to_owned()
    }

    async fn raw_line(&mut self) -> String {
        let mut line = Vec::new();
        let read = self.0.read_until(b'\n', &mut line);
        // A connection reset is an end like any other.
        let _ = tokio::time::timeout(Duration::from_secs(10), read).await.expect("a line in time");
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Sends a line and returns what comes up to the line that starts with `until`.
    pub async fn ask(&mut self, text: &str, until: &str) -> Vec<String> {
        self.send(format!("{text}\r\n")).await;
        self.until(until).await
    }

    pub async fn until(&mut self, until: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.raw_line().await;
            assert!(!line.is_empty(), "hung up before {until:?}, after {lines:#?}");
            let last = line.starts_with(until);
            lines.push(line.trim_end().to_owned());
            if last {
                return lines;
            }
        }
    }

    /// Everything to the end of the connection.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let read = self.0.read_to_end(&mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(10), read).await.expect("an end in time");
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// An IMAP session of alice's in INBOX.
    pub async fn imap(port: u16) -> Self {
        let mut client = Self::connect(port).await;
        client.until("* OK").await;
        client.ask("l LOGIN alice secret", "l OK").await;
        client.ask("s SELECT INBOX", "s OK").await;
        client
    }
}
