//! The command `postrider`: `send` by Postfix and `fetch` from Dovecot in each TLS mode.

use crate::as_sent;
use postrider_tests::mailbox::Mailbox;
use postrider_tests::servers::{Servers, or_skip};
use postrider_tests::workspace::executable;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const LETTER: &[u8] = b"X-Letter: one\r\nSubject: by hand\r\n\r\n.dot\r\n..\r\n\xff 8 bits\r\nlast\r\n";

struct Desk {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(servers: &Servers) -> Self {
        let desk = Self { program: executable("postrider-cli"), folder: tempfile::tempdir().unwrap() };
        fs::write(desk.folder.path().join("password"), servers.password()).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command with the settings of a server.
    fn run(&self, servers: &Servers, way: (&str, &str, &str), user: &str, arguments: &[&str]) -> Output {
        let (transport, server, tls) = way;
        let mut run = Command::new(&self.program);
        run.args(arguments).arg("--password-file").arg(self.path("password"));
        for (key, value) in [
            ("host", "localhost"),
            ("port", &servers.port(server).to_string()),
            ("tls", tls),
            ("ssl.cafile", servers.setting("CA_FILE")),
            ("user", user),
        ] {
            run.arg("-p").arg(format!("mail.{transport}.{key}={value}"));
        }
        if transport != "smtp" {
            run.arg("-p").arg(format!("mail.store.protocol={transport}"));
        } else {
            run.args(["-p", "mail.send.allowreserved=true"]);
        }
        let mut run =
            run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        run.stdin.take().unwrap().write_all(LETTER).unwrap();
        run.wait_with_output().unwrap()
    }

    fn works(&self, servers: &Servers, way: (&str, &str, &str), user: &str, arguments: &[&str]) -> String {
        let done = self.run(servers, way, user, arguments);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{way:?} {arguments:?}: {said}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn send_and_fetch_work_in_each_tls_mode() {
    let Some(servers) = or_skip("send_and_fetch_work_in_each_tls_mode") else { return };
    let desk = Desk::new(servers);
    let mailbox = Mailbox::claim(servers);
    let sends = [
        ("smtp", "POSTFIX_SMTP", "none"),
        ("smtp", "POSTFIX_SUBMISSION", "starttls"),
        ("smtp", "POSTFIX_SMTPS", "implicit"),
    ];
    let to = mailbox.address();
    for way in sends {
        desk.works(servers, way, "bob", &["send", "--from", "bob@example.test", "--to", &to, "--raw", "-"]);
    }
    mailbox.arrived(sends.len());
    for (n, way) in [
        ("pop3", "DOVECOT_POP3", "none"),
        ("pop3", "DOVECOT_POP3", "starttls"),
        ("pop3", "DOVECOT_POP3S", "implicit"),
        ("imap", "DOVECOT_IMAP", "none"),
        ("imap", "DOVECOT_IMAP", "starttls"),
        ("imap", "DOVECOT_IMAPS", "implicit"),
    ]
    .into_iter()
    .enumerate()
    {
        let output = desk.path(&n.to_string());
        let output_text = output.to_str().unwrap();
        desk.works(servers, way, mailbox.user(), &["fetch", "--output", output_text]);
        let found = files(&output);
        assert_eq!(found.len(), sends.len(), "{way:?}");
        assert!(found.iter().all(|m| as_sent(m, "X-Letter: ") == LETTER), "{way:?}");
    }
    let last = ("imap", "DOVECOT_IMAPS", "implicit");
    let (one, rest) = (desk.path("one"), desk.path("rest"));
    let settle = |how: &str, limit: &str, output: &Path| {
        let output = output.to_str().unwrap();
        desk.works(
            servers,
            last,
            mailbox.user(),
            &["fetch", "--output", output, "--limit", limit, "--settle", how],
        );
    };
    settle("move:Archive", "1", &one);
    assert_eq!((mailbox.files("INBOX").len(), mailbox.files("Archive").len()), (2, 1));
    settle("delete", "9", &rest);
    assert_eq!((mailbox.files("INBOX").len(), files(&rest).len()), (0, 2));
}

#[test]
fn a_wrong_password_and_a_bad_certificate_end_in_one_line_each() {
    let Some(servers) = or_skip("a_wrong_password_and_a_bad_certificate_end_in_one_line_each") else {
        return;
    };
    let desk = Desk::new(servers);
    let refused = |server: &str, words: &str| {
        let way = ("imap", server, "implicit");
        let done = desk.run(servers, way, "bob", &["fetch", "--list"]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && done.stdout.is_empty(), "{server}: {said}");
        assert!(said.contains(words), "{server}: {said}");
    };
    refused("BAD_EXPIRED", "expired");
    refused("BAD_HOST", "other.example.test");
    fs::write(desk.path("password"), "wrong").unwrap();
    refused("DOVECOT_IMAPS", "password");
}
