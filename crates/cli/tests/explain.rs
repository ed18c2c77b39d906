//! `postrider explain`: every key as it stands, safe to paste.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::Value;
use std::process::Command;

const FILE: &str = "locked = ['mail.smtp.ssl.timeout']\n\
                    [mail]\nhost = 'mail.example.org'\nuser = 'me'\nstore.protocol = 'imap'\n\
                    smtp.port = 587\nsmtp.password = 'hunter2'\nsmtp.ssl.timeout = '10s'\npop3.port = 110\n\
                    [accounts.work.mail]\nsmtp.port = 465\n";

/// Standard output, standard error and how it ended.
fn explain(more: &[&str]) -> (String, String, i32) {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.toml");
    std::fs::write(&file, FILE).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.args(["explain", "--account-file", "a.toml"]).args(more).current_dir(directory.path());
    let done = command.env_remove("POSTRIDER_FILE").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(done.stdout), text(done.stderr));
    assert!(!format!("{out}{err}").contains("hunter2"), "{out}{err}");
    (out, err, done.status.code().unwrap())
}

/// The cells of a key's row in the table of a direction.
fn row(out: &str, direction: &str, key: &str) -> Vec<String> {
    let from = out.find(&format!("{direction}: ")).unwrap();
    let line = out[from..].lines().find(|line| line.split("  ").next() == Some(key));
    let cells = line.unwrap_or_else(|| panic!("{key} in {out}")).split("  ").map(str::trim);
    cells.filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

#[test]
fn both_directions_are_shown_with_origins_defaults_and_what_is_beaten() {
    let (out, _, code) = explain(&[]);
    assert_eq!(code, 0);
    assert!(out.starts_with("outgoing: smtp (mail.transport.protocol is not set)"), "{out}");
    assert!(out.contains("incoming: imap (mail.store.protocol at a.toml:5 (system))"), "{out}");
    assert_eq!(
        row(&out, "outgoing", "mail.smtp.port"),
        ["mail.smtp.port", "465", "a.toml:11 (account)", "yes", "587 at a.toml:6 (system)"]
    );
    assert_eq!(row(&out, "outgoing", "mail.smtp.password")[1..4], ["***", "a.toml:7 (system)", "yes"]);
    assert_eq!(row(&out, "outgoing", "mail.smtp.ehlo")[1..4], ["true", "default", "yes"]);
    assert_eq!(row(&out, "outgoing", "mail.smtp.ssl.timeout")[2], "a.toml:8 (system), locked");
    assert_eq!(row(&out, "incoming", "mail.host")[1..4], ["mail.example.org", "a.toml:3 (system)", "yes"]);
    assert_eq!(row(&out, "incoming", "mail.pop3.port")[3], "no", "the chosen transport has no use for it");
    assert_eq!(
        row(&out, "incoming", "mail.smtp.port")[3],
        "no",
        "the other direction reads it, not this one"
    );
    assert_eq!(row(&out, "incoming", "mail.imap.folder")[1..3], ["INBOX", "default"]);
    let (set, _, _) = explain(&["--set"]);
    assert!(!set.contains("default") && set.contains("mail.pop3.port"), "{set}");
}

#[test]
fn one_key_is_told_with_its_declaration_and_all_its_values() {
    let (out, _, code) = explain(&["mail.smtp.port", "-p", "mail.smtps.port=2525"]);
    assert_eq!(code, 0);
    for part in [
        "mail.smtp.port: number, default none, since 0.1\n",
        "TCP port of the server.",
        "outgoing smtp: mail.smtps.port = 2525   --property (overrides), read",
        "  beats mail.smtp.port = 465   a.toml:11 (account)",
        "  beats mail.smtp.port = 587   a.toml:6 (system)",
        "incoming imap: mail.smtp.port = 465   a.toml:11 (account), not read",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (out, _, _) = explain(&["mail.imap.peek"]);
    assert!(out.contains("incoming imap: mail.imap.peek = true   default, read"), "{out}");
    let (out, _, _) = explain(&["mail.smtp.socketFactory.fallback"]);
    assert!(out.contains("can only be false"), "{out}");
}

#[test]
fn a_key_that_is_none_is_answered_with_what_was_meant() {
    for (key, part) in [
        ("mail.smtp.prot", "did you mean mail.smtp.port?"),
        ("mail.session.mail.smtp.port", "write mail.smtp.port"),
        ("mail.smtp.class", "names a Java class"),
    ] {
        let (out, err, code) = explain(&[key]);
        assert!(out.is_empty() && err.contains(part) && code == 64, "{out}{err}");
    }
}

#[test]
fn settings_that_can_not_be_used_are_explained_all_the_same() {
    let (out, _, code) = explain(&["-p", "mail.smtp.port=many"]);
    assert_eq!(code, 0);
    assert!(out.contains("It can't be used: configuration: mail.smtp.port is \"many\""), "{out}");
    assert_eq!(row(&out, "outgoing", "mail.smtp.port")[1], "many");
    let (out, _, _) = explain(&["-p", "mail.transport.protocol=smpt"]);
    assert!(out.contains("outgoing: none") && out.contains("did you mean \"smtp\"?"), "{out}");
}

#[test]
fn a_machine_gets_every_row_with_its_declaration() {
    let (out, _, code) = explain(&["--json"]);
    assert_eq!(code, 0);
    let value: Value = serde_json::from_str(&out).unwrap();
    let sides = value["directions"].as_array().unwrap();
    assert_eq!((&sides[0]["transport"], &sides[1]["transport"]), (&"smtp".into(), &"imap".into()));
    let rows = sides[0]["properties"].as_array().unwrap();
    let port = rows.iter().find(|row| row["key"] == "mail.smtp.port").unwrap();
    assert_eq!(port["origin"]["position"], "a.toml:11");
    assert_eq!(port["covered"][0]["value"], "587");
    assert_eq!((&port["read"], &port["property"]["value"]), (&true.into(), &"number".into()));
    let (out, _, _) = explain(&["--json", "mail.smtp.port"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["property"]["name"], "port");
    assert_eq!(value["jakarta"]["status"], "honoured");
}
