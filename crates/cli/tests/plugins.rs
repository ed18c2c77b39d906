//! What the command says of itself and its transports.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::run;
use std::process::Command;

#[tokio::test]
async fn every_linked_transport_is_listed_in_columns() {
    let text = run(&["plugins"], b"").await.ended(0).text();
    let lines: Vec<&str> = text.lines().collect();
    let column = lines[0].find("DIRECTION").unwrap();
    for (name, direction) in [
        ("smtp", "outgoing"),
        ("pop3", "incoming"),
        ("imap", "incoming"),
        ("gmail", "incoming"),
        ("gmail", "outgoing"),
        ("gmail-pop3", "incoming"),
    ] {
        let found = lines.iter().any(|line| {
            line.split_whitespace().next() == Some(name)
                && line.get(column..).is_some_and(|l| l.starts_with(direction))
        });
        assert!(found, "{direction} {name} is missing in:\n{text}");
    }
    let imap = lines.iter().find(|line| line.starts_with("imap ")).unwrap();
    assert!(
        lines[0].contains("CAPABILITIES") && imap.contains("connect, unseen, seen, move, delete"),
        "{text}"
    );
}

#[tokio::test]
async fn properties_are_listed_with_key_type_default_and_meaning() {
    let text = run(&["plugins", "--properties", "imaps"], b"").await.ended(0).text();
    assert!(text.starts_with("imap (incoming)"), "{text}");
    let line = text.lines().find(|line| line.starts_with("mail.imap.ssl.timeout ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[1..5], ["*", "duration", "30s", "Longest"]);
    let all = run(&["plugins", "-v"], b"").await.ended(0).text();
    assert!(
        all.contains("mail.smtp.sendpartial") && all.contains("mail.pop3.port") && all.contains("mail.debug")
    );
}

#[tokio::test]
async fn a_machine_gets_the_whole_tables() {
    let json = &run(&["plugins", "--json"], b"").await.ended(0).json()[0];
    let transports = json["transports"].as_array().unwrap();
    let smtp = transports.iter().find(|t| t["name"] == "smtp").unwrap();
    assert_eq!((&smtp["direction"], &smtp["aliases"][0]), (&"outgoing".into(), &"smtps".into()));
    let capabilities = smtp["capabilities"].as_array().unwrap();
    assert!(capabilities.contains(&"recipients".into()), "{smtp}");
    let password = smtp["properties"].as_array().unwrap().iter().find(|p| p["name"] == "password").unwrap();
    assert_eq!(password["value"], "secret");
    assert!(json["session"].as_array().unwrap().iter().any(|p| p["name"] == "store.protocol"));
}

#[test]
fn the_environment_may_name_the_account_file() {
    let run = Command::new(env!("CARGO_BIN_EXE_postrider"))
        .args(["fetch", "--list"])
        .env("POSTRIDER_FILE", "/no/such/accounts.toml")
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(66));
    assert!(String::from_utf8(run.stderr).unwrap().contains("/no/such/accounts.toml can't be read"));
}
