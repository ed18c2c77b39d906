//! Programs that take mail, or don't. Each is a small script that a shell of the test reads: the transport has none.
#![allow(missing_docs, clippy::unwrap_used)]

use bytes::Bytes;
use postrider_core::{
    Body, Envelope, Error, ErrorKind, Host, Outcome, OutgoingTransport, Phase, Receipt, Repeat,
};
use postrider_net::TokioHost;
use postrider_sendmail::{Sendmail, SendmailConfig};
use postrider_testkit::body;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

struct Program {
    dir: tempfile::TempDir,
    config: SendmailConfig,
}

impl Program {
    /// A script; `$D` is its directory.
    fn new(script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("script");
        fs::write(&file, format!("D={}\n{script}\n", dir.path().display())).unwrap();
        let mut config = SendmailConfig::default();
        config.program = "/bin/sh".into();
        config.arguments = vec![file.display().to_string()];
        Self { dir, config }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn transport(&self) -> Sendmail {
        Sendmail::new(self.config.clone(), Arc::new(TokioHost::new()))
    }

    async fn send(&self, body: impl Into<Body<'_>>) -> Result<Receipt, Error> {
        self.transport().send(&envelope(), body.into()).await
    }

    fn is_running(&self) -> bool {
        let pid = fs::read_to_string(self.path("pid")).unwrap();
        Path::new("/proc").join(pid.trim()).exists()
    }
}

async fn appears(file: &Path) {
    while !file.exists() {
        TokioHost::new().sleep(Duration::from_millis(1)).await;
    }
}

fn envelope() -> Envelope {
    Envelope::parse(Some("me@example.org"), ["you@example.org"]).unwrap()
}

#[tokio::test]
async fn the_program_gets_the_addresses_as_they_are_and_the_message_with_lf() {
    let program = Program::new("printf '%s\\n' \"$@\" >$D/args; cat >$D/message");
    let envelope =
        Envelope::parse(Some("-O@example.org"), ["`touch${IFS}x`@example.org", "-bs@example.org"]).unwrap();
    let message = Body::from("Subject: x\r\n\r\n.\r\nhi\r\n");
    let receipt = program.transport().send(&envelope, message).await.unwrap();
    assert!(receipt.is_complete() && receipt.recipients.len() == 2 && receipt.reply.status() == "EX_OK");
    assert_eq!(fs::read_to_string(program.path("message")).unwrap(), "Subject: x\n\n.\nhi\n");
    let args = fs::read_to_string(program.path("args")).unwrap();
    assert_eq!(args, "-i\n-f\n-O@example.org\n--\n`touch${IFS}x`@example.org\n-bs@example.org\n");
}

#[tokio::test]
async fn exit_codes_become_outcomes_with_the_programs_words() {
    for (code, outcome, repeat) in [
        (67, Outcome::Rejected, Repeat::Never),
        (75, Outcome::Deferred, Repeat::Safe),
        (64, Outcome::NotSent, Repeat::Never),
        (1, Outcome::Unsure, Repeat::MayDuplicate),
    ] {
        let program = Program::new(&format!("cat >/dev/null; echo 'it is so' >&2; exit {code}"));
        let error = program.send("x\r\n").await.unwrap_err();
        assert_eq!((error.outcome(), error.repeat()), (outcome, repeat), "{error}");
        assert_eq!(error.reply().unwrap().text(), "it is so");
        assert!(error.advice().is_some());
    }
    let killed = Program::new("cat >/dev/null; kill -9 $$").send("x").await.unwrap_err();
    assert_eq!(killed.outcome(), Outcome::Unsure, "{killed}");
}

#[tokio::test]
async fn a_body_that_fails_is_never_taken_for_a_whole_message() {
    // The message goes through a child of the program too.
    let script = "echo $$ >$D/pid.; mv $D/pid. $D/pid; cat | cat >$D/message; touch $D/accepted";
    let program = Program::new(script);
    let body = Body::generate(true, |first| {
        let pid = program.path("pid");
        async move {
            if first {
                return Ok(Some((Bytes::from_static(b"half"), false)));
            }
            // It is at work when the body breaks off.
            appears(&pid).await;
            Err(Error::new(ErrorKind::Closed, Phase::Fetch, "the body broke off"))
        }
    });
    let error = program.send(body).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Body, Outcome::NotSent));
    // Alive, it would be done with the half message soon.
    while program.is_running() && !program.path("accepted").exists() {
        TokioHost::new().sleep(Duration::from_millis(1)).await;
    }
    assert!(!program.path("accepted").exists());
}

#[tokio::test]
async fn a_dropped_call_kills_the_program_before_its_input_ends() {
    let program = Program::new("echo $$ >$D/pid.; mv $D/pid. $D/pid; cat >$D/message; touch $D/accepted");
    let stuck = Body::generate(true, |first| async move {
        if !first {
            std::future::pending::<()>().await;
        }
        Ok(Some((Bytes::from_static(b"half"), false)))
    });
    let pid = program.path("pid");
    let started = appears(&pid);
    tokio::select! {
        sent = program.send(stuck) => panic!("{sent:?}"),
        () = started => {}
    }
    assert!(!program.is_running() && !program.path("accepted").exists());
}

#[tokio::test]
async fn a_program_that_stops_reading_or_never_ends_is_killed_in_time() {
    let mut deaf = Program::new("echo $$ >$D/pid; sleep 1000");
    deaf.config.timeout = Duration::from_millis(300);
    let error = deaf.send(body::of_size(1 << 20)).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotSent), "{error}");
    assert!(!deaf.is_running());

    let mut endless = Program::new("echo $$ >$D/pid; cat >/dev/null; sleep 1000");
    endless.config.final_timeout = Duration::from_millis(300);
    let error = endless.send("x").await.unwrap_err();
    assert_eq!((error.kind(), error.repeat()), (ErrorKind::Unsure, Repeat::MayDuplicate), "{error}");
    assert!(!endless.is_running());
}

#[tokio::test]
async fn a_program_that_ends_early_has_not_got_the_message_whatever_it_says() {
    let error = Program::new("exit 75").send(body::of_size(1 << 20)).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Deferred);
    for script in ["exit 0", "exit 1", "kill -9 $$"] {
        let error = Program::new(script).send(body::of_size(1 << 20)).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    }
}

#[tokio::test]
async fn a_program_that_talks_much_is_heard_in_part_and_never_waits_for_us() {
    let script = "head -c 3000000 /dev/zero | tr '\\0' e >&2; cat >/dev/null; exit 69";
    let error = Program::new(script).send(body::of_size(1 << 20)).await.unwrap_err();
    assert_eq!((error.outcome(), error.reply().unwrap().text().len()), (Outcome::Rejected, 2048));
}

#[tokio::test]
async fn a_large_message_arrives_whole() {
    let mut program = Program::new("wc -c >$D/count");
    program.config.convert_line_ends = false;
    program.send(body::of_size(20 << 20)).await.unwrap();
    let count = fs::read_to_string(program.path("count")).unwrap();
    assert_eq!(count.trim(), (20 << 20).to_string());
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_fault_of_the_configuration() {
    let mut config = SendmailConfig::default();
    config.program = "/nowhere/sendmail".into();
    let mut transport = Sendmail::new(config, Arc::new(TokioHost::new()));
    for error in
        [transport.connect().await.unwrap_err(), transport.send(&envelope(), "x".into()).await.unwrap_err()]
    {
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Configuration, Outcome::NotSent));
        assert!(error.to_string().contains("/nowhere/sendmail") && error.advice().is_some());
    }
    Program::new("").transport().connect().await.unwrap();
}

#[tokio::test]
async fn more_recipients_than_the_system_passes_on_are_a_limit_and_nothing_is_sent() {
    let program = Program::new("cat >/dev/null; touch $D/ran");
    let many =
        (0..200_000).map(|n| postrider_core::Address::new(format!("someone-{n}@example.org")).unwrap());
    let envelope = Envelope::new(None, many).unwrap();
    let error = program.transport().send(&envelope, "x".into()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Limit, Outcome::NotSent), "{error}");
    assert!(!program.path("ran").exists());
}
