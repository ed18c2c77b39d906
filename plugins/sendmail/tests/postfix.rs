//! The program of a real Postfix, with a queue of the test's own and no server running.
#![allow(missing_docs, clippy::unwrap_used)]

use postrider_core::{Envelope, Error, Outcome, OutgoingTransport, Receipt};
use postrider_net::TokioHost;
use postrider_sendmail::{Sendmail, SendmailConfig};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// A configuration and an empty queue; `None` where there is no Postfix, or nobody who may use another queue.
fn postfix() -> Option<tempfile::TempDir> {
    let is_postfix = Command::new("/usr/sbin/postconf").arg("-d").arg("mail_version").output();
    let root = Command::new("id").arg("-u").output().ok().is_some_and(|id| id.stdout == b"0\n");
    if !root || !is_postfix.is_ok_and(|out| out.status.success()) {
        // Not eprintln!, which the test harness swallows.
        let _ = writeln!(std::io::stderr(), "SKIPPED: a real Postfix's sendmail needs Postfix and root");
        assert!(std::env::var("CI").is_err(), "with CI=true nothing is skipped");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().display();
    for part in ["queue/maildrop", "queue/public", "queue/pid", "data"] {
        fs::create_dir_all(dir.path().join(part)).unwrap();
    }
    let config = format!(
        "compatibility_level=3.6\nqueue_directory={at}/queue\ndata_directory={at}/data\nmyhostname=test.invalid\n\
         maillog_file={at}/log\nmaillog_file_prefixes={at}\nmessage_size_limit=10000\nalias_maps=\n"
    );
    fs::write(dir.path().join("main.cf"), config).unwrap();
    fs::write(dir.path().join("master.cf"), "").unwrap();
    Some(dir)
}

async fn send(dir: &Path, envelope: &Envelope, body: String) -> Result<Receipt, Error> {
    let mut config = SendmailConfig::default();
    config.arguments = vec!["-C".into(), dir.display().to_string()];
    Sendmail::new(config, Arc::new(TokioHost::new())).send(envelope, body.into_bytes().into()).await
}

/// What stands in the queue, as Postfix itself shows it.
fn queued(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir.join("queue/maildrop")).unwrap().map(|e| e.unwrap().path());
    files
        .map(|file| {
            let shown = Command::new("/usr/sbin/postcat").arg("-c").arg(dir).arg(file).output().unwrap();
            String::from_utf8(shown.stdout).unwrap()
        })
        .collect()
}

#[tokio::test]
async fn postfix_queues_the_message_with_its_envelope() {
    let Some(dir) = postfix() else { return };
    let envelope = Envelope::parse(Some("-sender@example.org"), ["-a@example.org", "b@example.org"]).unwrap();
    send(dir.path(), &envelope, "Subject: hello\r\n\r\n.\r\nbehind the dot\r\n".into()).await.unwrap();
    let queue = queued(dir.path());
    assert_eq!(queue.len(), 1);
    for line in [
        "sender: -sender@example.org",
        "recipient: -a@example.org",
        "recipient: b@example.org",
        "behind the dot",
    ] {
        assert!(queue[0].contains(line), "{line}: {}", queue[0]);
    }
    assert!(!queue[0].contains('\r'));
}

#[tokio::test]
async fn postfix_takes_the_null_sender_and_the_wishes_for_reports() {
    let Some(dir) = postfix() else { return };
    let envelope = Envelope::parse(None, ["jörg@example.org"]).unwrap();
    let envelope = envelope.with_id("QQ314159").unwrap().with_notify(postrider_core::Notify::Never);
    send(dir.path(), &envelope, "x\r\n".into()).await.unwrap();
    let queue = queued(dir.path());
    for line in ["sender: \n", "recipient: jörg@example.org", "QQ314159"] {
        assert!(queue[0].contains(line), "{line}: {}", queue[0]);
    }
}

#[tokio::test]
async fn what_postfix_refuses_is_told_in_its_words_and_not_queued() {
    let Some(dir) = postfix() else { return };
    let envelope = Envelope::parse(None, ["a@example.org"]).unwrap();
    let error = send(dir.path(), &envelope, "too large\r\n".repeat(10_000)).await.unwrap_err();
    // Postfix's own verdict, and its reason.
    assert_eq!(error.outcome(), Outcome::Deferred, "{error:?}");
    assert!(error.reply().unwrap().text().contains("too big"), "{error:?}");
    assert!(queued(dir.path()).is_empty());
}
