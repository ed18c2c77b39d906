//! Each mistake ends in one clear line and a code of its own.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ALICE, BOB, Office, run};

#[tokio::test]
async fn a_secret_among_the_arguments_is_refused_before_anything_is_done() {
    for (key, value) in [
        ("mail.smtp.password", "s3cret"),
        ("mail.imap.auth.token", "s3cret"),
        ("MAIL.smtp.Password ", "s3cret"),
    ] {
        let pair = format!("{key}={value}");
        let run = run(&["send", "--to", BOB, "-p", &pair], b"").await.ended(64);
        let run = run.says(&["is a secret", "visible to every user", "--password-file"]);
        assert!(!run.err.contains(value));
    }
    for pair in ["mail.smtp.pasword=s3cret", "mail.smtp.password", "=s3cret"] {
        let run = run(&["send", "--from", ALICE, "--to", BOB, "-p", pair], b"").await;
        assert!(run.code == 64 || run.code == 78, "{run:?}");
        assert!(!run.err.contains("s3cret"), "{}", run.err);
    }
}

#[tokio::test]
async fn settings_that_are_wrong_name_their_key_and_place() {
    let office = Office::open().await;
    let send = async |property: &str| office.send(&["--to", BOB, "-p", property], b"x").await.ended(78);
    send("mail.smtp.hots=x").await.says(&["mail.smtp.hots", "mail.smtp.host", "--property"]);
    send("mail.smtp.port=many").await.says(&["mail.smtp.port", "--property"]);
    send("mail.transport.protocol=smpt").await.says(&[
        "smpt",
        "did you mean \"smtp\"?",
        "mail.transport.protocol",
    ]);
    send("mail.transport.protocol=pigeon").await.says(&["pigeon", "there are:", "smtp"]);
    send("mail.transport.protocol=pop3").await.says(&["\"pop3\" is an incoming transport"]);
    run(&["fetch", "--list"], b"").await.ended(78).says(&["mail.store.protocol", "pop3"]);
    let host = run(&["send", "--from", ALICE, "--to", BOB], b"").await.ended(78);
    host.says(&["mail.smtp.host is not set", "--account-file FILE"]);
    run(&["check"], b"").await.ended(78).says(&["mail.smtp.host is not set", "--account-file FILE"]);
}

#[tokio::test]
async fn account_files_that_are_missing_broken_or_ambiguous() {
    let office = Office::open().await;
    let send = async |args: &[&str]| run(&[&["send", "--to", BOB], args].concat(), b"x").await;
    let path = office.path("none.toml");
    send(&["--account-file", &path]).await.ended(66).says(&["none.toml", "can't be read"]);
    send(&["--account", "work"]).await.ended(64).says(&["--account-file"]);
    let path = office.path("two.toml");
    std::fs::write(&path, "[accounts.home.mail]\nsmtp.host='h'\n[accounts.work.mail]\nsmtp.host='w'\n")
        .unwrap();
    send(&["--file", &path]).await.ended(78).says(&["two.toml", "home, work"]);
    send(&["--file", &path, "--account", "x"]).await.ended(78).says(&["\"x\"", "home, work"]);
    std::fs::write(&path, "[mail\nsmtp.password = 's3cret'\n").unwrap();
    let broken = send(&["--file", &path]).await.ended(78).says(&["two.toml:1"]);
    assert!(!broken.err.contains("s3cret"));
}

#[tokio::test]
async fn a_password_in_a_file_that_others_may_read_is_pointed_out() {
    use std::os::unix::fs::PermissionsExt;
    let office = Office::open().await;
    let path = office.account(ALICE);
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(&format!("[accounts.a.mail.smtp]\npassword = '{}'\n", common::PASSWORD));
    std::fs::write(&path, text).unwrap();
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let run = run(&["send", "--account-file", &path, "--to", BOB], b"x").await.ended(0);
        assert_eq!(run.err.contains("chmod 600"), warned, "{}", run.err);
    }
    // Where a password is kept is none; who may change it may have any command run.
    std::fs::write(&path, "[mail.smtp]\npassword = 'file:/run/secrets/mail'\n").unwrap();
    for (mode, warned) in [(0o644, false), (0o666, true)] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let run = run(&["explain", "--set", "--account-file", &path], b"").await.ended(0);
        assert_eq!(run.err.contains("chmod 600"), warned, "{}", run.err);
    }
}

#[tokio::test]
async fn what_can_not_be_read_or_sent_is_named() {
    let office = Office::open().await;
    let none = office.path("none");
    office.send(&["--to", BOB, "--raw", &none], b"").await.ended(66).says(&["none", "can't be read"]);
    office.send(&["--to", BOB, "--attach", &none], b"x").await.ended(66).says(&["none", "can't be read"]);
    office.send(&["--to", BOB, "--body-file", &none], b"").await.ended(66).says(&["none", "can't be read"]);
    office.send(&["--to", BOB, "--password-file", &none], b"").await.ended(64);
    office.send(&["--to", BOB], b"\xff").await.ended(65).says(&["stdin is not UTF-8"]);
    let directory = office.path("");
    office.send(&["--to", BOB, "--raw", &directory], b"").await.ended(66).says(&["is a directory"]);
    for bad in
        ["bob", "bob@exa mple.test", "bob@example.test\r\nRCPT TO:<x@y>", "Bob <bob>", "<a@b>\nBcc: x@y"]
    {
        office.send(&["--to", bad], b"x").await.ended(65).says(&["is not a mail"]);
    }
    office.send(&["--to", BOB, "--subject", "a\r\nBcc: eve@example.test"], b"x").await.ended(0);
    let message = String::from_utf8(office.server.messages(BOB, "INBOX").remove(0)).unwrap();
    assert!(!message.contains("\nBcc:"), "{message}");
    let file = office.path("password");
    office.fetch("pop3", &["--output", &file]).await.ended(73).says(&[
        "password",
        "can't be written",
        "takes a directory",
    ]);
    office.fetch("pop3", &["--output", "-", "--key", "imap:a/b/1/1"]).await.ended(65).says(&["message key"]);
}

#[tokio::test]
async fn a_wrong_password_is_told_as_such_in_the_servers_words() {
    let office = Office::open().await;
    let wrong = office.path("wrong");
    std::fs::write(&wrong, "s3cret\n").unwrap();
    for (command, protocol) in [("send", "smtp"), ("fetch", "pop3"), ("fetch", "imap")] {
        let account = office.account(ALICE);
        let mut args = vec![command, "--account-file", &account, "--password-file", &wrong];
        let store = format!("mail.store.protocol={protocol}");
        if command == "send" {
            args.extend(["--to", BOB])
        } else {
            args.extend(["--list", "-p", &store])
        }
        let run = run(&args, b"x").await.ended(77).says(&["signing in", "the server said:"]);
        assert!(!run.err.contains("s3cret"));
    }
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_and_a_port_where_nobody_listens() {
    let office = Office::open().await;
    // The server's own authority is not the system's: as good as self-signed.
    let untrusted = office.send(&["--to", BOB, "-p", "mail.smtp.ssl.cafile="], b"x").await.ended(76);
    untrusted.says(&["TLS handshake", "ssl.cafile"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = office.send(&["--to", BOB, "-p", &format!("mail.smtp.port={port}")], b"x").await.ended(74);
    closed.says(&["connecting", &port.to_string()]);
    let clear = format!("mail.smtp.port={}", office.server.smtp_port());
    office.send(&["--to", BOB, "-p", &clear], b"x").await.ended(76).says(&["TLS"]);
    let unknown = office.send(&["--to", BOB, "-p", "mail.smtp.host=no.such.host.invalid"], b"x").await;
    unknown.ended(68).says(&["no.such.host.invalid"]);
}

#[tokio::test]
async fn the_command_line_itself() {
    run(&["fetch"], b"").await.ended(64);
    run(&["fetch", "--output", "-", "--json"], b"").await.ended(64);
    run(&["fetch", "--output", "-", "--limit", "2"], b"").await.ended(64);
    run(&["fetch", "--list", "--wait", "30"], b"").await.ended(64);
    let host = "mail.smtp.host=mail.example.test";
    run(&["send", "--to", BOB, "-p", host], b"").await.ended(64).says(&["--from"]);
    run(&["send", "--raw", "-", "--cc", BOB, "-p", host], b"").await.ended(64);
    run(&["send", "--from", ALICE, "-p", host], b"").await.ended(64);
    run(&["plugins", "--properties", "pigeon"], b"").await.ended(64).says(&["pigeon", "smtp"]);
    run(&["plugins", "--properties", "smpt"], b"").await.ended(64).says(&["did you mean \"smtp\"?"]);
    let help = run(&["--help"], b"").await.ended(0).text();
    assert!(help.contains("demo") && help.contains("Exit codes:"), "{help}");
}
