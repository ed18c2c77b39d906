//! `postrider demo`, as a newcomer and as a program sees it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ended, read, run, signal, spawn};
use serde_json::Value;
use std::io::{BufRead, BufReader};

#[tokio::test]
async fn the_tour_shows_mail_going_out_and_coming_back() {
    let tour = run(&["demo"], b"").await.ended(0);
    let text = tour.text();
    let mut rest = text.as_str();
    for part in [
        "1. A mail server starts",
        "2. Alice writes to Bob: out over SMTP",
        "signed in as alice",
        "The server took it: 250",
        "3. Bob collects it: in over POP3, and deleted",
        "exactly those that Alice sent",
        "0 messages in the mailbox",
        "4. Bob listens",
        "The server woke Bob",
        "Subject: Lunch!",
        "exactly those that Alice sent",
        "5. Alice writes to Bob and to nobody",
        "bob@example.test",
        "accepted",
        "nobody@example.test",
        "refused",
        "550 5.1.1",
        "That was all",
    ] {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing, or not in its place: {text}"));
        rest = &rest[at + part.len()..];
    }
    assert_eq!(tour.err, "");
    assert!(text.lines().all(|line| line.chars().count() <= 120 && line.trim_end() == line), "{text}");
}

#[tokio::test]
async fn a_machine_gets_one_object_a_step() {
    let steps = run(&["demo", "--json"], b"").await.ended(0).json();
    let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["server", "smtp", "pop3", "imap", "refused"]);
    assert_eq!(steps[2]["data"]["left"], 0);
    assert_eq!(steps[3]["data"]["subject"], "Lunch!");
    let results: Vec<_> =
        steps[4]["data"]["recipients"].as_array().unwrap().iter().map(|r| &r["result"]).collect();
    assert_eq!(results, ["accepted", "refused"]);
}

#[tokio::test]
async fn serve_prints_settings_that_work_and_leaves_nothing_behind() {
    let mut child = spawn(&["demo", "--serve", "--json"]);
    let pid = child.id;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(ready["step"], "ready");
    let data = |key: &str| ready["data"][key].as_str().unwrap().to_owned();
    let (file, user, ca) = (data("account_file"), data("user"), data("ca_file"));
    assert!(read(&ca).starts_with(b"-----BEGIN CERTIFICATE-----"));

    run(&["send", "--account-file", &file, "--to", &user, "--subject", "Hi"], b"Hello!\n").await.ended(0);
    for protocol in ["mail.store.protocol=imap", "mail.store.protocol=pop3"] {
        let fetched = run(&["fetch", "--file", &file, "--output", "-", "-p", protocol], b"").await.ended(0);
        assert!(fetched.text().contains("Subject: Hi\r\n") && fetched.text().contains("Hello!"));
    }
    run(&["send", "--account-file", &file, "--to", "nobody@example.test"], b"x").await.ended(69);

    signal(pid, "INT");
    let end = ended(child).await.ended(0);
    assert_eq!(end.err, "");
    assert!(!std::path::Path::new(&file).exists() && !std::path::Path::new(&ca).exists());
}

#[tokio::test]
async fn people_are_told_how_to_stop_it_and_sigterm_does_too() {
    let mut child = spawn(&["demo", "--serve"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "Ready. Ctrl-C stops it."));
    signal(child.id, "TERM");
    ended(child).await.ended(0);
    assert_eq!(lines.last().unwrap(), "Stopped; the mail and the files are gone.");
}
