//! The example against the embedded server: nothing lost, nothing handled twice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use postrider_server::Server;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const PASSWORD: &str = "hunter2secret";

struct Place {
    server: Server,
    directory: tempfile::TempDir,
}

impl Place {
    async fn new(protocol: &str) -> Self {
        let server = Server::builder().user("replies", PASSWORD).start().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let ca = directory.path().join("ca.pem");
        std::fs::write(&ca, server.ca_pem()).unwrap();
        let port = if protocol == "pop3" { server.pop3s_port() } else { server.imaps_port() };
        let settings = format!(
            "mail.store.protocol = {protocol:?}\n[mail.{protocol}]\nhost = \"localhost\"\nport = {port}\n\
             tls = \"implicit\"\nuser = \"replies\"\npassword = {PASSWORD:?}\nssl.cafile = {ca:?}\n"
        );
        std::fs::write(directory.path().join("settings.toml"), settings).unwrap();
        Self { server, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn deliver(&self, subject: &str) {
        let text = format!("From: <you@example.test>\r\nSubject: {subject}\r\n\r\nx\r\n");
        self.server.deliver("replies", text).unwrap();
    }

    fn left(&self) -> usize {
        self.server.messages("replies", "INBOX").len()
    }

    async fn catch_up(&self, record: &Path) -> Output {
        self.command(record, true).output().await.unwrap()
    }

    fn command(&self, record: &Path, once: bool) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_take-replies"));
        command.args(once.then_some("--once")).arg(self.path("settings.toml")).arg(record).kill_on_drop(true);
        command
    }
}

fn subjects(record: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(record).unwrap();
    text.lines().map(|line| line.split('\t').nth(2).unwrap().to_owned()).collect()
}

async fn each_reply_is_handled_once_and_then_gone(protocol: &str) {
    let place = Place::new(protocol).await;
    let record = place.path("replies.tsv");
    for subject in ["one", "=?utf-8?q?tw=C3=B6=0A=09three?=", "four"] {
        place.deliver(subject);
    }
    let output = place.catch_up(&record).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(subjects(&record), ["one", "twö  three", "four"]);
    assert_eq!(place.left(), 0);
    place.deliver("five");
    assert!(place.catch_up(&record).await.status.success());
    assert_eq!(subjects(&record).len(), 4);

    // Stopped in the middle of writing it down: handled again, and the torn line is gone.
    let mut text = std::fs::read(&record).unwrap();
    text.extend_from_slice(b"pop3:half a ke");
    std::fs::write(&record, text).unwrap();
    place.deliver("seven");
    assert!(place.catch_up(&record).await.status.success());
    assert_eq!(subjects(&record)[4..], ["seven"]);
    assert_eq!(place.left(), 0);

    // What is no message stays for a person to look at, and is in nobody's way.
    place.server.deliver("replies", "\u{1}").unwrap();
    place.deliver("eight");
    assert!(place.catch_up(&record).await.status.success());
    assert_eq!(subjects(&record)[5..], ["eight"]);
    assert_eq!(place.left(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_pop3_each_reply_is_handled_once_and_then_gone() {
    each_reply_is_handled_once_and_then_gone("pop3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_imap_each_reply_is_handled_once_and_then_gone() {
    each_reply_is_handled_once_and_then_gone("imap").await;
}

/// Killed at its first words, which come after the record and before anything is settled.
async fn a_crash_loses_nothing_and_doubles_nothing(protocol: &str) {
    let place = Place::new(protocol).await;
    let record = place.path("replies.tsv");
    let all: Vec<String> = (0..50).map(|n| format!("number {n}")).collect();
    all.iter().for_each(|subject| place.deliver(subject));
    let mut child = place.command(&record, true).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next_line().await.unwrap().unwrap();
    child.kill().await.unwrap();
    assert!(place.catch_up(&record).await.status.success());
    assert_eq!(subjects(&record), all);
    assert_eq!(place.left(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_pop3_a_crash_loses_nothing_and_doubles_nothing() {
    a_crash_loses_nothing_and_doubles_nothing("pop3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_imap_a_crash_loses_nothing_and_doubles_nothing() {
    a_crash_loses_nothing_and_doubles_nothing("imap").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_imap_a_reply_that_comes_while_it_waits_is_taken_and_a_second_program_is_kept_out() {
    let place = Place::new("imap").await;
    let record = place.path("replies.tsv");
    let mut child = place.command(&record, false).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for subject in ["one", "two"] {
        place.deliver(subject);
        let line = lines.next_line().await.unwrap().unwrap();
        assert!(line.ends_with(&format!("from you@example.test: {subject}")), "{line}");
    }
    let second = place.catch_up(&record).await;
    assert!(!second.status.success(), "{second:?}");
    child.kill().await.unwrap();
    assert_eq!(subjects(&record), ["one", "two"]);
}
