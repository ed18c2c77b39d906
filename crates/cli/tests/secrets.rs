//! Passwords come from files, commands and terminals, and show nowhere.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{ALICE, BOB, Office, PASSWORD, ended, run, spawn};
use std::process::Command;

#[tokio::test]
async fn a_command_gives_the_password_and_no_process_shows_it() {
    let office = Office::open().await;
    let (account, pipe) = (office.account(ALICE), office.path("pipe"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let command = format!("cat {pipe}");
    let mut child =
        spawn(&["send", "-v", "--account-file", &account, "--to", BOB, "--password-command", &command]);
    drop(child.stdin.take());
    let pid = child.id;
    // Opening ends when `cat` opens the other end: then both processes are there to be looked at.
    let writer = tokio::task::spawn_blocking(move || {
        let mut pipe = std::fs::OpenOptions::new().write(true).open(pipe).unwrap();
        let seen = everything_shown(pid);
        std::io::Write::write_all(&mut pipe, format!("{PASSWORD}\n").as_bytes()).unwrap();
        seen
    });
    let seen = writer.await.unwrap();
    assert!(seen.contains("send\0") && seen.contains("cat "), "{seen}");
    assert!(!seen.contains(PASSWORD));
    // `ended` looks for the password in stdout and stderr; the transcript is on.
    let run = ended(child).await.ended(0);
    assert!(run.err.contains("C: AUTH "), "{}", run.err);
}

#[tokio::test]
async fn a_failing_command_an_empty_file_and_no_terminal() {
    let office = Office::open().await;
    let account = office.account(ALICE);
    let send = async |args: &[&str]| {
        run(&[&["send", "--account-file", &account, "--to", BOB], args].concat(), b"x").await
    };
    let failed = format!("echo {PASSWORD}; exit 4");
    // The command line holds it here, and still no output does.
    send(&["--password-command", &failed]).await.ended(66).says(&["--password-command failed", "4"]);
    let empty = office.path("empty");
    std::fs::write(&empty, "\n").unwrap();
    send(&["--password-file", &empty]).await.ended(78).says(&["empty"]);
    send(&["--password-file", "/dev/zero"]).await.ended(78).says(&["longer than"]);
    send(&[]).await.ended(78).says(&["no terminal", "--password-file"]);
    // Who does not sign in is not asked.
    send(&["-p", "mail.smtp.auth=false"]).await.ended(69);
}

#[tokio::test]
async fn a_token_goes_where_a_password_would() {
    let office = Office::with(|builder| builder.mechanisms(&["OAUTHBEARER"])).await;
    let (account, token) = (office.account(ALICE), office.path("password"));
    run(&["send", "--account-file", &account, "--to", BOB, "--token-file", &token], b"x").await.ended(0);
    assert_eq!(office.server.messages(BOB, "INBOX").len(), 1);
}

#[tokio::test]
async fn an_option_gives_the_password_itself_and_a_property_may_say_where_it_is_kept() {
    const ODD: &str = "file:/no/such/file";
    let office = Office::with(|builder| builder.user("carol", ODD)).await;
    let (account, kept) = (office.account(ALICE), office.path("kept"));
    std::fs::write(&kept, format!("{ODD}\n")).unwrap();
    let command = format!("mail.smtp.password=command:cat {kept}");
    for credential in
        [["--password-file", &kept], ["-p", &format!("mail.smtp.password=file:{kept}")], ["-p", &command]]
    {
        let args = ["send", "--account-file", &account, "-p", "mail.smtp.user=carol", "--to", BOB];
        run(&[&args[..], &credential].concat(), b"x").await.ended(0);
    }
    assert_eq!(office.server.messages(BOB, "INBOX").len(), 3);
    let missing = ["-p", "mail.smtp.password=env:POSTRIDER_NO_SUCH_VARIABLE"];
    let args = ["send", "--account-file", &account, "--to", BOB];
    let run = run(&[&args[..], &missing].concat(), b"x").await;
    assert!(run.err.contains("mail.smtp.password: the environment variable"), "{}", run.err);
}

/// What `ps` shows to everybody, of a process and of all below it.
fn everything_shown(pid: u32) -> String {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let mut shown = read("cmdline");
    for child in read(&format!("task/{pid}/children")).split_whitespace() {
        shown.push_str(&everything_shown(child.parse().unwrap()));
    }
    shown
}
