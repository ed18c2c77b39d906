//! `postrider check`: what it prints, for people and machines, and how it ends.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ALICE, BOB, Office, Run, run};
use serde_json::Value;

/// `postrider check` as Alice.
async fn check(office: &Office, more: &[&str]) -> Run {
    let (account, password) = (office.account(ALICE), office.path("password"));
    let mut args = vec!["check", "--account-file", &account, "--password-file", &password];
    args.extend_from_slice(more);
    run(&args, b"").await
}

fn step<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["steps"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap()
}

#[tokio::test]
async fn all_is_well_in_both_directions_and_nothing_is_sent_or_touched() {
    let office = Office::open().await;
    office.server.deliver(ALICE, "Subject: there\r\n\r\nmail\r\n").unwrap();
    let run = check(&office, &["-p", "mail.store.protocol=imap"]).await.ended(0);
    let text = run.text();
    for part in [
        "outgoing by smtp: 127.0.0.1:",
        "incoming by imap: 127.0.0.1:",
        "  ok       settings      smtp to 127.0.0.1:",
        "  ok       dns           127.0.0.1\n",
        "  ok       tcp           connected\n",
        "  ok       tls           TLSv1.3",
        "  ok       greeting      220 example.test ESMTP Postrider test server\n",
        "  ok       sign-in       as alice@example.test, by AUTH SCRAM-SHA-256-PLUS\n",
        "  ok       mailbox       it can be read, and there is mail\n",
        "password is set: --password-file (host code)",
        "  skipped  test message  not asked for\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    assert_eq!(run.err, "");
    assert!(office.server.accepted().is_empty());
    assert_eq!(office.server.flags(ALICE, "INBOX"), [Vec::<String>::new()]);
    // One way in only, or what is set up.
    let run = check(&office, &[]).await.ended(0);
    assert!(run.text().starts_with("outgoing") && !run.text().contains("incoming"));
    let run = check(&office, &["--only", "incoming", "-p", "mail.store.protocol=pop3"]).await.ended(0);
    assert!(run.text().starts_with("incoming by pop3") && !run.text().contains("outgoing"));
}

#[tokio::test]
async fn a_test_message_goes_out_only_when_it_is_asked_for() {
    let office = Office::open().await;
    let run = check(&office, &["--send-to", BOB]).await.ended(0);
    assert!(run.text().contains("  ok       test message  accepted; the server said: 250"), "{}", run.text());
    assert_eq!(office.server.messages(BOB, "INBOX").len(), 1);
    let run = check(&office, &["--send-to", "nobody@example.test"]).await.ended(69);
    assert!(run.text().contains("  FAILED   test message"), "{}", run.text());
    check(&office, &["--send-to", "no address"]).await.ended(64);
}

#[tokio::test]
async fn the_exit_code_is_that_of_the_first_step_that_failed() {
    let office = Office::open().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let closed = format!("mail.smtp.port={port}");
    let clear = format!("mail.smtp.port={}", office.server.smtp_port());
    std::fs::write(office.path("wrong"), "hunter3\n").unwrap();
    for (property, code, failed) in [
        ("mail.smtp.port=many", 78, "settings"),
        ("mail.smtp.host=", 78, "settings"),
        (closed.as_str(), 74, "tcp"),
        (clear.as_str(), 76, "tls"),
        ("mail.smtp.host=no-such-name.invalid", 68, "dns"),
    ] {
        let run = check(&office, &["-p", property, "--json"]).await.ended(code);
        let report = &run.json()[0];
        assert_eq!(report["ok"], false, "{property}");
        assert_eq!(step(report, failed)["status"], "failed", "{property}");
        assert!(!step(report, failed)["findings"].as_array().unwrap().is_empty(), "{property}");
    }
    let (account, wrong) = (office.account(ALICE), office.path("wrong"));
    let run = run(&["check", "--file", &account, "--password-file", &wrong, "--json"], b"").await.ended(77);
    assert_eq!(step(&run.json()[0], "sign-in")["status"], "failed");
    assert!(!run.text().contains("hunter3"));
}

#[tokio::test]
async fn corrections_come_as_properties_and_put_it_right() {
    let office = Office::open().await;
    let port = format!("mail.imap.port={}", office.server.imap_port());
    let wrong = ["-p", "mail.store.protocol=imap", "-p", port.as_str(), "--only", "incoming", "--json"];
    let run = check(&office, &wrong).await.ended(76);
    let report = &run.json()[0];
    let corrections = report["corrections"].as_array().unwrap();
    assert_eq!(corrections.len(), 1, "{report}");
    let correction =
        format!("{}={}", corrections[0]["key"].as_str().unwrap(), corrections[0]["value"].as_str().unwrap());
    assert_eq!(correction, "mail.imap.tls=starttls");
    let mut right = wrong.to_vec();
    right.extend_from_slice(&["-p", &correction]);
    let run = check(&office, &right).await.ended(0);
    assert_eq!(run.json()[0]["ok"], true);
}

#[tokio::test]
async fn without_a_password_or_a_terminal_it_says_which_setting_is_missing() {
    let office = Office::open().await;
    let run = run(&["check", "--account-file", &office.account(ALICE)], b"").await.ended(78);
    assert!(run.text().contains("--password-file"), "{}", run.text());
    let usage = common::run(&["check", "-p", "mail.smtp.password=s3cret"], b"").await.ended(64);
    usage.says(&["is a secret"]);
}
