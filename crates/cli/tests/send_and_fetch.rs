//! Messages out and in again, byte for byte.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ALICE, BOB, Office, ended, read, signal, spawn, tricky};
use std::io::{BufRead, BufReader};

async fn comes_back_unchanged(protocol: &str) {
    let office = Office::open().await;
    let message = tricky();
    std::fs::write(office.path("letter.eml"), &message).unwrap();
    let letter = office.path("letter.eml");
    office.send(&["--to", BOB, "--raw", &letter], b"").await.ended(0);
    office.send(&["--to", BOB, "--raw", "-"], &message).await.ended(0);
    assert_eq!(office.server.messages(BOB, "INBOX"), [message.clone(), message.clone()]);

    let mail = office.path("mail");
    let kept = office.fetch(protocol, &["--output", &mail]).await.ended(0);
    assert!(kept.text().contains("Alice <alice@example.test>: dots"), "{}", kept.text());
    let files = office.files("mail");
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| read(file) == message));

    let again =
        office.fetch(protocol, &["--output", &mail, "--settle", "delete", "--limit", "1"]).await.ended(0);
    assert!(
        again.text().contains("(there already)") && again.err.contains("1 message, deleted on the server")
    );
    assert_eq!((office.files("mail").len(), office.server.messages(BOB, "INBOX").len()), (2, 1));

    let out = office.fetch(protocol, &["--output", "-", "--settle", "delete"]).await.ended(0);
    assert_eq!(out.out, message);
    assert!(office.server.messages(BOB, "INBOX").is_empty());
    office.fetch(protocol, &["--output", "-"]).await.ended(1).says(&["there is no message"]);
}

#[tokio::test]
async fn pop3_brings_back_what_smtp_sent_and_deletes_it_when_told() {
    comes_back_unchanged("pop3").await;
}

#[tokio::test]
async fn imap_brings_back_what_smtp_sent_and_deletes_it_when_told() {
    comes_back_unchanged("imap").await;
}

#[tokio::test]
async fn a_built_message_has_its_parts_and_hides_bcc() {
    let office = Office::open().await;
    std::fs::write(office.path("ü.txt"), "attached").unwrap();
    let file = office.path("ü.txt");
    let args = ["--from", "Älice <alice@example.test>", "--to", BOB, "--bcc", ALICE, "--subject", "Grüße"];
    let wishes = ["--attach", &file, "--notify", "failure,delay", "--ret", "headers", "--envid", "x1"];
    office.send(&[&args[..], &wishes[..]].concat(), "Schön!\n".as_bytes()).await.ended(0);
    let (to, bcc) = (office.server.messages(BOB, "INBOX"), office.server.messages(ALICE, "INBOX"));
    assert_eq!((to.len(), &to), (1, &bcc));
    let message = mail_parser::MessageParser::default().parse(&to[0]).unwrap();
    assert_eq!(message.subject(), Some("Grüße"));
    assert_eq!(message.body_text(0).unwrap().trim_end(), "Schön!");
    assert_eq!(message.attachment(0).unwrap().contents(), b"attached");
    assert!(message.message_id().unwrap().ends_with("@example.test") && message.bcc().is_none());
    let accepted = office.server.accepted().pop().unwrap();
    assert!(accepted.tls && accepted.mail_parameters.iter().any(|p| p == "RET=HDRS"), "{accepted:?}");
    assert!(accepted.mail_parameters.iter().any(|p| p == "ENVID=x1"), "{accepted:?}");
    assert!(
        accepted.recipients.iter().all(|(_, p)| p.iter().any(|p| p.starts_with("NOTIFY="))),
        "{accepted:?}"
    );
}

#[tokio::test]
async fn each_recipient_has_a_result_and_the_exit_code_tells_them_apart() {
    let office = Office::open().await;
    office.server.refuse("late@example.test", 451, "4.2.1 later");
    let refused = office.send(&["--to", BOB, "--to", "no@example.test"], b"x").await.ended(69);
    assert!(
        refused.text().contains("not sent") && refused.text().contains("refused   550"),
        "{}",
        refused.text()
    );
    let deferred = office.send(&["--to", "late@example.test", "--json"], b"x").await.ended(75);
    let error = &deferred.json()[0]["error"];
    assert_eq!((&error["kind"], &error["repeat"]), (&"deferred".into(), &"safe".into()));
    assert_eq!(error["recipients"][0]["reply"]["code"], "4.2.1");
    let partial = ["--to", BOB, "--to", "no@example.test", "-p", "mail.smtp.sendpartial=true", "--json"];
    let partial = office.send(&partial, b"x").await.ended(80);
    let report = &partial.json()[0];
    assert_eq!(report["outcome"], "partial");
    assert_eq!(report["recipients"][0]["result"], "accepted");
    assert_eq!(report["recipients"][1]["result"], "refused");
    assert_eq!(office.server.messages(BOB, "INBOX").len(), 1);
}

#[tokio::test]
async fn lists_are_for_people_and_machines() {
    let office = Office::open().await;
    for n in 0..3 {
        office.server.deliver(BOB, format!("Subject: {n}\r\n\r\n")).unwrap();
    }
    let table = office.fetch("pop3", &["--list"]).await.ended(0);
    assert!(table.text().starts_with("KEY ") && table.text().lines().count() == 4, "{}", table.text());
    assert_eq!(table.err, "3 messages\n");
    let lines = office.fetch("pop3", &["--list", "--limit", "2", "--json"]).await.ended(0).json();
    assert_eq!(lines.len(), 2);
    let key = lines[1]["id"].as_str().unwrap();
    assert!(
        office
            .fetch("pop3", &["--output", "-", "--key", key])
            .await
            .ended(0)
            .text()
            .starts_with("Subject: 1")
    );
    let mail = office.path("mail");
    let fetched = office.fetch("pop3", &["--output", &mail, "--json"]).await.ended(0).json();
    assert_eq!(fetched[2]["subject"], "2");
    assert_eq!(fetched[2]["bytes"], 14);
    assert!(fetched[2]["file"].as_str().unwrap().ends_with(".eml"));
}

#[tokio::test]
async fn imap_marks_as_seen_and_moves() {
    let office = Office::open().await;
    for n in 0..3 {
        office.server.deliver(BOB, format!("Subject: {n}\r\n\r\n")).unwrap();
    }
    let mail = office.path("mail");
    office.fetch("imap", &["--output", &mail, "--limit", "1", "--settle", "seen"]).await.ended(0);
    let unseen = office.fetch("imap", &["--list", "--unseen", "--json"]).await.ended(0).json();
    assert_eq!(unseen.len(), 2);
    office.fetch("imap", &["--output", &mail, "--unseen", "--settle", "move:Trash"]).await.ended(0);
    assert_eq!(office.server.messages(BOB, "INBOX").len(), 1);
    assert_eq!(office.server.messages(BOB, "Trash").len(), 2);
    assert_eq!(office.files("mail").len(), 3);
}

// The test reads a pipe while the server has to go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_with_the_news() {
    let office = Office::open().await;
    let (account, password) = (office.account(BOB), office.path("password"));
    let mut child = spawn(&[
        "fetch",
        "-v",
        "--account-file",
        &account,
        "--password-file",
        &password,
        "-p",
        "mail.store.protocol=imap",
        "--wait",
        "10m",
        "--output",
        "-",
    ]);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("IDLE") && line.contains("C: ")), "it never went idle");
    let rest = std::thread::spawn(move || lines.last());
    office.server.deliver(BOB, "Subject: news\r\n\r\n").unwrap();
    assert_eq!(ended(child).await.ended(0).out, b"Subject: news\r\n\r\n");
    rest.join().unwrap();
}

// The test reads a pipe while the server has to go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_send_says_that_nothing_went_out() {
    let office = Office::open().await;
    let (account, password) = (office.account(ALICE), office.path("password"));
    let mut child = spawn(&[
        "send",
        "-v",
        // By BDAT nothing would go out before a whole chunk is there.
        "-p",
        "mail.smtp.chunking=false",
        "--account-file",
        &account,
        "--password-file",
        &password,
        "--to",
        BOB,
        "--raw",
        "-",
    ]);
    // A message that never ends.
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"Subject: never\r\n\r\n").unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("S: 354")), "DATA never began");
    signal(child.id, "INT");
    let last = lines.last().unwrap();
    assert_eq!(last, "postrider: interrupted; the message was not sent");
    ended(child).await.ended(130);
    drop(stdin);
    assert!(office.server.messages(BOB, "INBOX").is_empty());
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_a_list_quietly_and_keeps_a_message_on_the_server() {
    let office = Office::open().await;
    office.server.deliver(BOB, "Subject: keep\r\n\r\n").unwrap();
    let (account, password) = (office.account(BOB), office.path("password"));
    let common =
        ["fetch", "--account-file", &account, "--password-file", &password, "-p", "mail.store.protocol=pop3"];
    let run = |more: &[&str]| {
        let mut child = spawn(&[&common[..], more].concat());
        drop(child.stdout.take());
        ended(child)
    };
    let list = run(&["--list", "--json"]).await.ended(0);
    assert_eq!(list.err, "1 message\n");
    run(&["--output", "-", "--settle", "delete"]).await.ended(73).says(&["stdout can't be written"]);
    assert_eq!(office.server.messages(BOB, "INBOX").len(), 1);
}
