//! The plugin is built as its author would, and the host loads it and sends over a socket.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;

/// Cargo as the plugin's author runs it: in their own folder, with a lock file of their own.
fn cargo(arguments: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../third-party-plugin");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("third-party-plugin");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).args(["--quiet", "--locked", "--target-dir"]).arg(&target).current_dir(source);
    let done = cargo.env("CARGO_INCREMENTAL", "0").env_remove("RUSTFLAGS").output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&said));
    target
}

/// The library, where nobody else can write.
fn plugin() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let target = cargo(&["build", "--package", "postrider-lmtp-plugin"]);
        // As long as the program: a library's file is not taken away from under it.
        let to = tempfile::tempdir().unwrap().keep().join("libpostrider_lmtp_plugin.so");
        std::fs::copy(target.join("debug/libpostrider_lmtp_plugin.so"), &to).unwrap();
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755)).unwrap();
        to
    })
}

/// One session of an LMTP server in which every mailbox called `full` is; gives the message.
fn serve(stream: TcpStream) -> String {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut out = stream;
    let mut recipients = Vec::new();
    let mut message = String::new();
    out.write_all(b"220 test LMTP\r\n").unwrap();
    while let Some(Ok(line)) = lines.next() {
        let answer = match line.split(' ').next().unwrap() {
            "LHLO" => "250-test\r\n250 8BITMIME\r\n".to_owned(),
            "RCPT" => {
                recipients.push(line);
                "250 2.1.5 ok\r\n".to_owned()
            }
            "DATA" => {
                out.write_all(b"354 go on\r\n").unwrap();
                let body = lines.by_ref().map(Result::unwrap).take_while(|line| line != ".");
                message.extend(body.map(|line| line + "\n"));
                let answer =
                    |to: &String| if to.contains("full") { "452 4.2.2 full" } else { "250 2.0.0 saved" };
                recipients.iter().map(|to| format!("{}\r\n", answer(to))).collect()
            }
            "QUIT" => "221 2.0.0 bye\r\n".to_owned(),
            _ => "250 2.0.0 ok\r\n".to_owned(),
        };
        out.write_all(answer.as_bytes()).unwrap();
    }
    message
}

/// Runs the host with a message on its standard input.
fn host(plugin: &Path, port: u16, to: &[&str]) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.properties");
    let text = format!("mail.lmtp.host=127.0.0.1\nmail.lmtp.port={port}\nmail.send.allowreserved=true\n");
    std::fs::write(&settings, text).unwrap();
    let mut host = Command::new(env!("CARGO_BIN_EXE_load-plugin"));
    host.arg(plugin).arg("lmtp").arg(&settings).arg("me@example.test").args(to);
    host.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = host.spawn().unwrap();
    let written = running.stdin.take().unwrap().write_all(b"Subject: loaded\r\n\r\nhello\r\n");
    let output = running.wait_with_output().unwrap();
    // One that refuses the plugin does not read on.
    assert!(written.is_ok() || !output.status.success());
    let said = String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap();
    (output, said)
}

/// They are in no workspace that anybody else tests.
#[test]
fn the_plugins_own_tests_pass_and_with_them_the_conformance_suite() {
    cargo(&["test", "--workspace"]);
}

#[test]
fn the_message_goes_through_the_loaded_transport_and_each_recipient_has_a_verdict() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0));
    let (output, said) = host(plugin(), port, &["one@example.test", "full@example.test"]);
    assert!(output.status.success(), "{said}");
    // Built with the whole workspace it has our transports linked too, for then their features are on.
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains("(postrider-")).collect();
    let loaded = format!("outgoing lmtp ({})", plugin().display());
    assert_eq!(
        lines,
        [
            &*loaded,
            "one@example.test: accepted: 250 2.0.0 saved",
            "full@example.test: not now: 452 4.2.2 full"
        ]
    );
    let message = server.join().unwrap();
    assert!(message.contains("Subject: loaded\n") && message.ends_with("\nhello\n"), "{message}");
}

#[test]
fn a_file_that_is_no_plugin_or_that_others_can_write_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("plugin.so");
    std::fs::copy(plugin(), &copy).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o777)).unwrap();
    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    for file in [&copy, &text, &PathBuf::from("plugin.so")] {
        let (output, said) = host(file, 1, &["one@example.test"]);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(file.to_str().unwrap()), "{said}");
    }
}
