//! The transport from outside the workspace (examples/third-party-plugin), loaded by examples/load-plugin, against Dovecot.

use crate::{message, stored};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::servers::{Servers, or_skip};
use postrider_tests::workspace::{cargo, executable, root};
use std::fs;
use std::io::{self, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

#[test]
fn a_loaded_transport_delivers_to_dovecot_and_tells_of_each_recipient() {
    let Some(servers) = or_skip("a_loaded_transport_delivers_to_dovecot_and_tells_of_each_recipient") else {
        return;
    };
    let mailbox = Mailbox::claim(servers);
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("lmtp.so");
    fs::copy(library(), &plugin).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = folder.path().join("settings.properties");
    let port = bridge(servers);
    fs::write(&settings, format!("mail.lmtp.port={port}\nmail.send.allowreserved=true\n")).unwrap();

    let mut host = Command::new(executable("load-plugin"));
    host.arg(&plugin).arg("lmtp").arg(&settings).arg("sender@example.test");
    host.args([&mailbox.address(), "nobody-of-this-name@example.test"]);
    let mut running = host.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(&message("loaded")).unwrap();
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("{}: accepted: 250 2.0.0", mailbox.address())), "{said}");
    assert!(said.contains("nobody-of-this-name@example.test: refused: 550 5.1.1"), "{said}");
    let arrived = mailbox.arrived(1);
    assert!(arrived.len() == 1 && arrived[0].ends_with(&stored("loaded")), "{}", arrived.len());
}

/// The plugin, built in its own folder as its author would.
fn library() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("third-party-plugin");
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--package", "postrider-lmtp-plugin", "--target-dir"]);
    build.arg(&target).current_dir(root().join("examples/third-party-plugin")).env("CARGO_INCREMENTAL", "0");
    assert!(build.status().unwrap().success(), "the plugin does not build");
    target.join("debug/libpostrider_lmtp_plugin.so")
}

/// A port that leads to Dovecot's socket, for one connection: a host's connections are TCP.
fn bridge(servers: &Servers) -> u16 {
    let socket = servers.folder().join("dovecot/run/lmtp");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut near, mut far) = (listener.accept().unwrap().0, UnixStream::connect(socket).unwrap());
        let (mut to, mut from) = (far.try_clone().unwrap(), near.try_clone().unwrap());
        let there = thread::spawn(move || {
            io::copy(&mut from, &mut to).ok();
            to.shutdown(Shutdown::Write).ok();
        });
        io::copy(&mut far, &mut near).ok();
        near.shutdown(Shutdown::Both).ok();
        there.join().ok();
    });
    port
}
