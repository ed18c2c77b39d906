//! `postrider watch`: its answers, and what it keeps when it is killed with the program it runs.

use crate::host::{Random, kill_group};
use crate::{report, trials};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::servers::{Servers, or_skip};
use postrider_tests::workspace::executable;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

struct Desk {
    servers: &'static Servers,
    mailbox: Mailbox,
    folder: tempfile::TempDir,
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| executable("postrider-cli"))
}

impl Desk {
    fn new(servers: &'static Servers) -> Self {
        let desk = Self { servers, mailbox: Mailbox::claim(servers), folder: tempfile::tempdir().unwrap() };
        fs::write(desk.path("password"), servers.password()).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn deposit(&self, subject: &str) {
        self.mailbox
            .deposit(format!("From: <them@example.test>\r\nSubject: {subject}\r\n\r\nBody\r\n").as_bytes());
    }

    /// `postrider watch --once` with these arguments, and the state in a folder of the test's.
    fn watch(&self, protocol: &str, arguments: &[&str]) -> Command {
        let server = if protocol == "imap" { "DOVECOT_IMAP" } else { "DOVECOT_POP3" };
        let mut watch = Command::new(program());
        watch.args(["watch", "--once", "--password-file"]).arg(self.path("password")).args(arguments);
        let settings = [
            ("store.protocol".to_owned(), protocol.to_owned()),
            (format!("{protocol}.host"), "localhost".to_owned()),
            (format!("{protocol}.port"), self.servers.port(server).to_string()),
            (format!("{protocol}.tls"), "none".to_owned()),
            (format!("{protocol}.user"), self.mailbox.user().to_owned()),
            ("watch.interruptions".to_owned(), "1000".to_owned()),
        ];
        for (key, value) in settings {
            watch.arg("-p").arg(format!("mail.{key}={value}"));
        }
        watch.env("XDG_STATE_HOME", self.path("state")).env("OUT", self.folder.path()).stdin(Stdio::null());
        watch
    }

    fn works(&self, protocol: &str, arguments: &[&str]) -> (String, String) {
        let done = self.watch(protocol, arguments).output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{arguments:?}: {told}");
        (String::from_utf8(done.stdout).unwrap(), told)
    }
}

#[test]
fn a_programs_exit_code_is_the_answer_and_it_gets_the_message_and_its_marks() {
    let Some(servers) = or_skip("a_programs_exit_code_is_the_answer") else { return };
    let desk = Desk::new(servers);
    for subject in ["done", "later", "refuse", "fail"] {
        desk.deposit(subject);
    }
    desk.mailbox.deposit(
        b"From: <them@example.test>\r\nSubject: auto\r\nAuto-Submitted: auto-replied\r\n\r\nBody\r\n",
    );
    let script = r#"
        cat >"$OUT/$POSTRIDER_FINGERPRINT"
        subject=$(sed -n 's/^Subject: \([a-z]*\).*/\1/p' "$OUT/$POSTRIDER_FINGERPRINT")
        echo "$subject $POSTRIDER_ATTEMPT $POSTRIDER_SIZE [$POSTRIDER_MARKS] $POSTRIDER_ID" >>"$OUT/log"
        case $subject in later) exit 75 ;; refuse) exit 65 ;; fail) exit 3 ;; esac"#;
    let aside = format!("folder:{}", desk.path("aside").display());
    let arguments = ["--exec", script, "--settle", "delete", "--quarantine", &aside];
    let (out, told) = desk.works("imap", &arguments);
    assert_eq!(out, "");
    assert!(
        told.contains("the command ended with 3") && told.contains("2 handled, 1 refused, 1 failed, 1 later"),
        "{told}"
    );
    let log = fs::read_to_string(desk.path("log")).unwrap();
    assert!(log.contains("auto 1") && log.contains("[auto-submitted] imap:"), "{log}");
    // Left: the one for later and the one that failed. The refused one is a file, with the reason.
    assert_eq!(desk.mailbox.files("INBOX").len(), 2);
    let aside: Vec<String> = fs::read_dir(desk.path("aside"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(
        aside.len() == 2 && aside.iter().any(|text| text.contains("the command ended with 65")),
        "{aside:?}"
    );
    // Started again, only those two are handed over; that they were is known.
    fs::remove_file(desk.path("log")).unwrap();
    desk.works("imap", &arguments);
    let log = fs::read_to_string(desk.path("log")).unwrap();
    assert!(log.lines().count() == 2 && log.contains("later 1 ") && log.contains("fail 2 "), "{log}");
}

#[test]
fn a_maildir_gets_each_message_once_and_json_prints_it_whole() {
    let Some(servers) = or_skip("a_maildir_gets_each_message_once") else { return };
    for protocol in ["imap", "pop3"] {
        let desk = Desk::new(servers);
        desk.deposit("one");
        desk.deposit("two");
        let maildir = desk.path("maildir");
        let arguments = ["--maildir", maildir.to_str().unwrap()];
        desk.works(protocol, &arguments);
        desk.deposit("three");
        desk.works(protocol, &arguments);
        let delivered = || fs::read_dir(maildir.join("new")).unwrap().count();
        assert_eq!((delivered(), desk.mailbox.files("INBOX").len()), (3, 3), "{protocol}");
        // With another ledger all of them are new.
        let ledger = desk.path("other.db");
        let (out, _) =
            desk.works(protocol, &["--json", "--ledger", ledger.to_str().unwrap(), "--settle", "delete"]);
        let lines: Vec<serde_json::Value> =
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), desk.mailbox.files("INBOX").len()), (3, 0));
        assert_eq!(lines[0]["subject"], "one");
        assert!(lines[0]["message"].as_str().unwrap().starts_with("RnJvbTog"), "{}", lines[0]);
    }
}

#[test]
fn two_commands_on_one_ledger_are_told_so() {
    let Some(servers) = or_skip("two_commands_on_one_ledger_are_told_so") else { return };
    let desk = Desk::new(servers);
    desk.deposit("one");
    let ready = desk.path("ready");
    let mut first = desk.watch("imap", &["--exec", "touch $OUT/ready; exec sleep 60"]);
    let mut first = first.process_group(0).stderr(Stdio::null()).spawn().unwrap();
    postrider_tests::mailbox::until("the first to be at work", || ready.exists());
    let second = desk.watch("imap", &["--exec", "true"]).output().unwrap();
    kill_group(&first);
    first.wait().unwrap();
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(78), "{told}");
    assert!(
        told.contains("another process (") && told.contains("ledger-") && told.contains("PostgreSQL"),
        "{told}"
    );
    // It is free again, and nothing is lost.
    desk.works("imap", &["--exec", "true", "--settle", "delete"]);
    assert!(desk.mailbox.files("INBOX").is_empty());
}

#[test]
fn killed_with_its_program_it_loses_nothing_and_repeats_at_most_one_message_a_kill() {
    let Some(servers) = or_skip("killed_with_its_program") else { return };
    let (trials, messages) = ((trials(50) / 10).max(1), 40);
    let (mut kills, mut repeated) = (0, 0);
    for number in 0..trials {
        let desk = Desk::new(servers);
        let mut random = Random(number as u64);
        let protocol = if number % 2 == 0 { "imap" } else { "pop3" };
        for n in 0..messages {
            desk.deposit(&format!("k{n:02}"));
        }
        let script = r#"sed -n 's/^Subject: //p' >>"$OUT/work""#;
        let arguments = ["--exec", script, "--settle", "delete"];
        for _ in 0..6 {
            let mut watch = desk.watch(protocol, &arguments);
            let mut watch = watch.process_group(0).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(20 + random.below(180)));
            kill_group(&watch);
            kills += usize::from(!watch.wait().unwrap().success());
        }
        desk.works(protocol, &arguments);
        let mut work: BTreeMap<String, usize> = BTreeMap::new();
        for line in fs::read_to_string(desk.path("work")).unwrap().lines() {
            *work.entry(line.trim().to_owned()).or_default() += 1;
        }
        assert_eq!((work.len(), desk.mailbox.files("INBOX").len()), (messages, 0), "{work:?}");
        repeated += work.values().map(|count| count - 1).sum::<usize>();
    }
    report(&format!(
        "postrider watch --exec: {trials} trials of {messages} messages, {kills} kills: 0 lost, {repeated} handled again"
    ));
    assert!(repeated <= kills, "{repeated} repeats for {kills} kills");
}
