//! `postrider outbox`: in, looked at, sent, decided about.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ALICE, BOB, Office, PASSWORD, Run, ended, run, signal, spawn};
use std::io::{BufRead, BufReader};

struct Desk {
    office: Office,
    outbox: String,
}

impl Desk {
    async fn open() -> Self {
        let office = Office::open().await;
        let outbox = office.path("mail.db");
        Self { office, outbox }
    }

    async fn outbox(&self, command: &str, more: &[&str], stdin: &[u8]) -> Run {
        let mut args = vec!["outbox", command, "--outbox", &self.outbox];
        args.extend_from_slice(more);
        run(&args, stdin).await
    }

    async fn add(&self, more: &[&str]) -> Run {
        let account = self.office.account(ALICE);
        let mut args = vec!["--account-file", &account, "--subject", "Hi"];
        args.extend_from_slice(more);
        self.outbox("add", &args, b"Hello!\n").await
    }

    async fn run(&self, more: &[&str]) -> Run {
        let (account, password) = (self.office.account(ALICE), self.office.path("password"));
        let mut args = vec!["--account-file", &account, "--password-file", &password, "--until-idle"];
        args.extend_from_slice(more);
        self.outbox("run", &args, b"").await
    }
}

#[tokio::test]
async fn a_message_goes_in_is_seen_goes_out_and_its_history_stays() {
    let desk = Desk::open().await;
    let added = desk.add(&["--to", BOB, "--json"]).await.ended(0).json();
    let id = added[0]["id"].to_string();
    assert!(added[0]["message_id"].as_str().unwrap().ends_with("@example.test>"));
    let list = desk.outbox("list", &[], b"").await.ended(0);
    assert!(list.text().contains("queued") && list.text().contains(BOB), "{}", list.text());
    let raw = desk.outbox("show", &[&id, "--message"], b"").await.ended(0);
    assert!(raw.text().contains("\r\n\r\nHello!\r\n"), "{:?}", raw.text());

    let ran = desk.run(&[]).await.ended(0);
    assert!(ran.text().contains("accepted") && ran.text().contains("250"), "{}", ran.text());
    assert_eq!(desk.office.server.messages(BOB, "INBOX"), [raw.out], "as it was shown, byte for byte");
    let shown = desk.outbox("show", &[&id, "--json"], b"").await.ended(0).json();
    assert_eq!(shown[0]["message"]["recipients"][0]["state"], "accepted");
    assert_eq!(shown[0]["events"][0]["reply"]["status"], "250");
    assert_eq!(shown[0]["head"]["subject"], "Hi");
    let text = desk.outbox("show", &[&id], b"").await.ended(0).text();
    assert!(text.contains("Subject     Hi") && text.contains("CAME TO BE"), "{text}");
    // Nothing is left to be done, and nothing is done twice.
    desk.run(&[]).await.ended(0);
    assert_eq!(desk.office.server.messages(BOB, "INBOX").len(), 1);
}

#[tokio::test]
async fn what_can_not_be_sent_waits_and_the_exit_code_tells() {
    let desk = Desk::open().await;
    desk.office.server.refuse("late@example.test", 451, "4.2.1 later");
    let id = desk.add(&["--to", "late@example.test", "--json"]).await.ended(0).json()[0]["id"].to_string();
    desk.run(&[]).await.ended(75);
    let list = desk.outbox("list", &["--state", "deferred", "--json"], b"").await.ended(0).json();
    assert_eq!(list[0]["recipients"][0]["reply"]["status"], "451");
    assert!(list[0]["recipients"][0]["due"].as_f64().unwrap() > 1e9);
    desk.outbox("hold", &[&id], b"").await.ended(0);
    desk.office.server.allow("late@example.test");
    desk.run(&[]).await.ended(0);
    assert!(desk.outbox("list", &[], b"").await.text().contains("1 held"));
    desk.outbox("retry", &["--state", "held"], b"").await.ended(0);
    // The server knows nobody of this name.
    desk.run(&[]).await.ended(69);
    desk.outbox("drop", &[&id], b"").await.ended(1).says(&["nothing to be done"]);
    desk.outbox("retry", &["--unsure", &id], b"").await.ended(1).says(&["nobody is in doubt"]);
    desk.outbox("drop", &["99"], b"").await.ended(66).says(&["no message 99"]);
}

#[tokio::test]
async fn a_server_that_is_not_there_defers_and_nothing_is_lost() {
    let desk = Desk::open().await;
    desk.add(&["--to", BOB, "--expire", "24h"]).await.ended(0);
    let down = desk.run(&["-p", "mail.smtp.port=1"]).await.ended(75);
    assert!(down.text().contains("deferred") && !down.text().contains(PASSWORD), "{}", down.text());
    assert!(desk.office.server.messages(BOB, "INBOX").is_empty());
    desk.outbox("retry", &["--state", "deferred"], b"").await.ended(0);
    desk.run(&[]).await.ended(0);
    assert_eq!(desk.office.server.messages(BOB, "INBOX").len(), 1);
}

/// The first account can't be reached: the other one of the same file sends, with its own name and its own secret.
#[tokio::test]
async fn another_account_of_the_file_sends_what_the_first_one_can_not() {
    let desk = Desk::open().await;
    desk.add(&["--to", BOB]).await.ended(0);
    let (file, office) = (desk.office.path("accounts.toml"), &desk.office);
    let text = format!(
        "[mail]\nhost = \"127.0.0.1\"\nsend.allowreserved = true\nssl.cafile = \"{}\"\nsmtp.tls = \"implicit\"\n\
         [accounts.main.mail]\nsmtp = {{ port = 1, user = \"{ALICE}\", password = \"not-the-right-one\" }}\n\
         [accounts.backup.mail]\nsmtp = {{ port = {}, user = \"{BOB}\", password = \"{PASSWORD}\" }}\n",
        office.path("ca.pem"),
        office.server.smtps_port(),
    );
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let place = ["--account-file", &file, "--account", "main", "--until-idle", "--json"];
    let run = async |more: &[&str]| desk.outbox("run", &[&place[..], more].concat(), b"").await;
    run(&["--also", "nobody"]).await.ended(78).says(&["nobody"]);
    let ran = run(&["--also", "backup"]).await.ended(0);
    assert_eq!(ran.json()[0]["via"], "backup", "{}", ran.text());
    assert_eq!(ran.json()[0]["state"], "accepted");
    assert!(!ran.text().contains(PASSWORD) && !ran.err.contains(PASSWORD));
    assert_eq!(office.server.messages(BOB, "INBOX").len(), 1);
}

// The test reads a pipe while the server has to go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_sends_what_others_put_in_until_it_is_interrupted() {
    let desk = Desk::open().await;
    desk.add(&["--to", BOB]).await.ended(0);
    let (account, password) = (desk.office.account(ALICE), desk.office.path("password"));
    let place = ["outbox", "run", "--outbox", &desk.outbox, "--account-file", &account];
    let mut child = spawn(&[&place[..], &["--password-file", &password, "--json"]].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains("\"accepted\""));
    desk.add(&["--to", BOB]).await.ended(0);
    assert!(lines.next().unwrap().contains("\"accepted\""), "of another process");
    signal(child.id, "INT");
    let rest = std::thread::spawn(move || lines.count());
    ended(child).await.ended(0);
    assert_eq!(rest.join().unwrap(), 0);
    assert_eq!(desk.office.server.messages(BOB, "INBOX").len(), 2);
}

#[tokio::test]
async fn mistakes_are_told_in_a_line() {
    let desk = Desk::open().await;
    run(&["outbox", "list"], b"").await.ended(64).says(&["--outbox FILE", "POSTRIDER_OUTBOX"]);
    desk.outbox("list", &[], b"").await.ended(66).says(&["no such outbox", &desk.outbox]);
    let secret = run(&["outbox", "list", "--outbox", "postgres://me:hunter2-x@db/x"], b"").await.ended(64);
    assert!(!secret.err.contains("hunter2"), "{}", secret.err);
    std::fs::write(&desk.outbox, "not a database, and long enough to be seen as none ".repeat(40)).unwrap();
    desk.outbox("list", &[], b"").await.ended(76).says(&["damaged, or no database", &desk.outbox]);
}

/// A file system without room: nothing that was in is lost, and what did not fit is told.
#[tokio::test]
async fn a_limit_on_the_files_size_is_told_as_what_it_is() {
    let desk = Desk::open().await;
    desk.add(&["--to", BOB]).await.ended(0);
    let big = desk.office.path("big.eml");
    std::fs::write(&big, format!("Subject: big\r\n\r\n{}", "x".repeat(900_000))).unwrap();
    let command = format!(
        "ulimit -f 200; trap '' XFSZ; exec {} outbox add --outbox {} --from {ALICE} --to {BOB} --raw {big}",
        env!("CARGO_BIN_EXE_postrider"),
        desk.outbox
    );
    let out = std::process::Command::new("bash").args(["-c", &command]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(69) && said.contains("no room left"), "{:?} {said}", out.status);
    desk.run(&[]).await.ended(0);
    assert_eq!(desk.office.server.messages(BOB, "INBOX").len(), 1);
}
