//! Servers that stop in the middle: nothing half is kept, nothing doubtful is called sent.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ended, read, run, signal, spawn};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

/// What a server does after a line.
enum Then {
    Say(&'static str),
    /// Say it, tell the test, and fall silent until the client goes.
    Hold(&'static str),
    /// Say it and hang up.
    End(&'static str),
}

/// A server of one connection after another, in the clear, that answers line by line.
fn serve(greeting: &'static str, answer: impl Fn(&str) -> Then + Send + 'static) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (held, holding) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream: TcpStream = stream.unwrap();
            let mut out = stream.try_clone().unwrap();
            let _ = out.write_all(greeting.as_bytes());
            for line in BufReader::new(stream).lines() {
                let Ok(line) = line else { break };
                match answer(&line) {
                    Then::Say(text) => drop(out.write_all(text.as_bytes())),
                    Then::Hold(text) => {
                        let _ = out.write_all(text.as_bytes());
                        let _ = held.send(());
                    }
                    Then::End(text) => {
                        let _ = out.write_all(text.as_bytes());
                        break;
                    }
                }
            }
        }
    });
    (port, holding)
}

fn smtp(at_the_end: fn() -> Then) -> (String, Receiver<()>) {
    serve("220 fake\r\n", move |line| match line {
        "." => at_the_end(),
        "DATA" => Then::Say("354 go on\r\n"),
        "QUIT" => Then::End("221 bye\r\n"),
        _ if ["EHLO", "MAIL", "RCPT", "RSET"].iter().any(|verb| line.starts_with(verb)) => {
            Then::Say("250 fine\r\n")
        }
        _ => Then::Say(""),
    })
}

fn pop3(retrieved: fn() -> Then) -> (String, Receiver<()>) {
    serve("+OK fake\r\n", move |line| match line.split(' ').next().unwrap() {
        "CAPA" => Then::Say("+OK\r\nUIDL\r\nUSER\r\n.\r\n"),
        "UIDL" => Then::Say("+OK\r\n1 abc\r\n.\r\n"),
        "LIST" => Then::Say("+OK\r\n1 1000\r\n.\r\n"),
        "RETR" => retrieved(),
        "QUIT" => Then::End("+OK\r\n"),
        _ => Then::Say("+OK\r\n"),
    })
}

fn send_args(port: &str) -> Vec<String> {
    let port = format!("mail.smtp.port={port}");
    let fixed = [
        "send",
        "-p",
        "mail.smtp.host=127.0.0.1",
        "-p",
        "mail.smtp.tls=none",
        "-p",
        "mail.send.allowreserved=true",
        "-p",
        &port,
    ];
    let rest = ["--from", "a@example.test", "--to", "b@example.test", "--subject", "Hi"];
    fixed.iter().chain(&rest).map(|&arg| arg.to_owned()).collect()
}

fn fetch_args(port: &str, directory: &str, password: &str) -> Vec<String> {
    let port = format!("mail.pop3.port={port}");
    let fixed = ["fetch", "-p", "mail.store.protocol=pop3", "-p", "mail.pop3.host=127.0.0.1", "-p", &port];
    let rest = ["-p", "mail.pop3.tls=none", "-p", "mail.pop3.user=bob", "--password-file", password];
    let last = ["--output", directory, "--settle", "delete"];
    fixed.iter().chain(&rest).chain(&last).map(|&arg| arg.to_owned()).collect()
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_server_that_hangs_up_after_the_final_dot_leaves_it_unsure() {
    let (port, _) = smtp(|| Then::End(""));
    let args = send_args(&port);
    let run = run(&[&strs(&args)[..], &["--json"]].concat(), b"x").await.ended(79);
    assert_eq!(run.json()[0]["error"]["repeat"], "may-duplicate");
    assert_eq!(run.err.lines().count(), 1);
}

#[tokio::test]
async fn an_interrupt_between_the_final_dot_and_the_answer_is_unsure_too() {
    let (port, holding) = smtp(|| Then::Hold(""));
    let mut running = spawn(&strs(&send_args(&port)));
    drop(running.stdin.take());
    let id = running.id;
    let wait = tokio::task::spawn_blocking(move || {
        holding.recv().unwrap();
        signal(id, "INT");
    });
    wait.await.unwrap();
    ended(running).await.ended(79).says(&["may have been accepted"]);
}

#[tokio::test]
async fn half_a_message_is_never_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(path("password"), common::PASSWORD).unwrap();
    let count = || std::fs::read_dir(path("mail")).unwrap().count();

    // The connection ends half-way.
    let (port, _) = pop3(|| Then::End("+OK\r\nSubject: half\r\n\r\nand then"));
    let run = run(&strs(&fetch_args(&port, &path("mail"), &path("password"))), b"").await;
    run.ended(74).says(&["fetching"]);
    assert_eq!(count(), 0);

    // The person ends it half-way.
    let (port, holding) = pop3(|| Then::Hold("+OK\r\nSubject: half\r\n\r\nand then"));
    let running = spawn(&strs(&fetch_args(&port, &path("mail"), &path("password"))));
    let id = running.id;
    let wait = tokio::task::spawn_blocking(move || {
        holding.recv().unwrap();
        signal(id, "INT");
    });
    wait.await.unwrap();
    ended(running).await.ended(130).says(&["interrupted"]);
    assert_eq!(count(), 0);
}

#[tokio::test]
async fn what_a_stranger_writes_does_not_steer_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(path("password"), common::PASSWORD).unwrap();
    let (port, _) =
        pop3(|| Then::Say("+OK\r\nSubject: =?utf-8?q?=1b]0;x=07?=\r\nFrom: \"\x1b[2J\" <a@b>\r\n\r\n.\r\n"));
    let fetched = run(&strs(&fetch_args(&port, &path("mail"), &path("password"))), b"").await.ended(0);
    assert!(!fetched.text().contains(['\x1b', '\x07']), "{:?}", fetched.text());
    // The file has it as it came.
    let file = std::fs::read_dir(path("mail")).unwrap().next().unwrap().unwrap().path();
    assert!(read(file).contains(&0x1b));

    let (port, _) = smtp(|| Then::Say("554 \x1b[2Jno\r\n"));
    let refused = run(&strs(&send_args(&port)), b"x").await.ended(69);
    assert!(refused.err.contains("[2Jno") && !refused.err.contains('\x1b'), "{:?}", refused.err);
}
