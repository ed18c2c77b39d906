//! Recorded dialogues: however the bytes are delivered, and wherever they are cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider_async_imap::{AsyncImap, AsyncImapConfig, Login};
use postrider_core::*;
use postrider_testkit::{Dialogue, VirtualHost, secrets, sweep};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

type Work = Pin<Box<dyn Future<Output = Vec<String>>>>;

const SECRET: &str = "hunter2secret";
const BODY: &str = "Subject: x\r\n\r\n)\r\n* BYE {5}\r\nend\r\n";

/// In an open mailbox of a server that offers these words.
fn open(offer: &str) -> String {
    format!(
        "S: * OK ready\nC: P1 CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nS: P1 OK\n\
         C: {{a}} AUTHENTICATE PLAIN\nS: + \nC: AG1lAGh1bnRlcjJzZWNyZXQ=\nS: {{a}} OK in\nC: {{b}} CAPABILITY\n\
         S: * CAPABILITY IMAP4rev1 {offer}\nS: {{b}} OK\nC: {{c}} SELECT \"INBOX\"\nS: * 3 EXISTS\n\
         S: * OK [UIDVALIDITY 7] ok\nS: {{c}} OK open\n"
    )
}

fn dialogue(name: &str) -> Dialogue {
    Dialogue::load(format!("{}/tests/dialogues/{name}.txt", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn imap(tls: TlsMode, host: &VirtualHost) -> AsyncImap {
    let target = Target::new("mail.example", 993, tls).unwrap();
    let login = Login::password(&target, "me", SECRET);
    AsyncImap::new(AsyncImapConfig::new(target, login), Arc::new(host.clone()))
}

fn key(uid: u32) -> MessageId {
    MessageId::new("imap", ["me@mail.example", "INBOX", "7", &uid.to_string()])
}

fn word<T>(outcome: Result<T>, show: impl FnOnce(T) -> String) -> String {
    match outcome {
        Ok(value) => show(value),
        Err(error) => {
            secrets::assert_absent(&format!("{error} {error:?}"), &[SECRET]);
            format!("{:?} {:?}", error.kind(), error.phase())
        }
    }
}

async fn read(imap: &mut AsyncImap, uid: u32) -> Result<String> {
    let bytes = imap.fetch(&key(uid)).await?.read_all(1 << 20).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn session(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut imap = imap(TlsMode::Implicit, &host);
        let listed = imap.list(&Query::all()).await;
        let listed = word(listed, |l| {
            l.messages
                .iter()
                .map(|m| format!("{} {:?} {}", m.id, m.size, m.flags.seen))
                .collect::<Vec<_>>()
                .join(",")
        });
        let text = word(read(&mut imap, 4).await, |text| text);
        let settled = word(imap.settle(&[key(4)], &Settle::Delete).await, |()| "settled".into());
        Box::new(imap).close().await.unwrap();
        vec![listed, text, settled]
    })
}

fn starttls(host: VirtualHost) -> Work {
    Box::pin(async move { vec![word(imap(TlsMode::StartTls, &host).connect().await, |()| "in".into())] })
}

/// Plays a script to one piece of work and checks that it was followed.
fn play<T>(script: &str, tls: TlsMode, work: impl AsyncFnOnce(&mut AsyncImap) -> T) -> T {
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let mut imap = imap(tls, &host);
    let Ok(outcome) = postrider_testkit::run(&host, work(&mut imap)) else { panic!("hangs: {script}") };
    assert!(host.mismatches().is_empty(), "{:?}", host.mismatches());
    let clear = String::from_utf8_lossy(&host.sent_in_clear()).into_owned();
    secrets::assert_absent(&format!("{clear} {imap:?}"), &[SECRET]);
    outcome
}

#[test]
fn a_whole_session_is_the_same_however_bytes_arrive() {
    let outcomes = sweep::deliveries(&dialogue("session"), &session);
    let listed = "imap:me@mail.example/INBOX/7/4 Some(33) true,imap:me@mail.example/INBOX/7/9 Some(44) false";
    assert_eq!(outcomes, [listed, BODY, "settled"]);
}

#[test]
fn starttls_is_the_hosts_and_nothing_secret_goes_out_before_it() {
    assert_eq!(sweep::deliveries(&dialogue("starttls"), &starttls), ["in"]);
    let host = VirtualHost::play(&dialogue("starttls"));
    postrider_testkit::run(&host, starttls(host.clone())).unwrap();
    let clear = String::from_utf8_lossy(&host.sent_in_clear()).into_owned();
    assert_eq!(clear, "P1 CAPABILITY\r\nP1 STARTTLS\r\n");
}

#[test]
fn what_is_wrong_before_the_sign_in_has_its_kind() {
    let offer = |words: &str| format!("S: * OK\nC: P1 CAPABILITY\nS: * CAPABILITY {words}\nS: P1 OK\n");
    let injected = offer("STARTTLS AUTH=PLAIN") + "C: P1 STARTTLS\nS| P1 OK\\r\\n* OK injected\\r\\n\n";
    for (tls, script, kind) in [
        (TlsMode::StartTls, offer("AUTH=PLAIN"), ErrorKind::Tls),
        (TlsMode::StartTls, injected, ErrorKind::Protocol),
        (TlsMode::StartTls, offer("STARTTLS") + "C: P1 STARTTLS\nS: P1 NO\n", ErrorKind::Tls),
        (TlsMode::None, offer("AUTH=PLAIN"), ErrorKind::Authentication),
        (TlsMode::Implicit, offer("IMAP4rev1"), ErrorKind::Authentication),
        (TlsMode::Implicit, "S: * PREAUTH hi\n".into(), ErrorKind::Unsupported),
        (TlsMode::Implicit, "S: * BYE busy\n".into(), ErrorKind::Rejected),
        (TlsMode::Implicit, "S: 220 smtp\n".into(), ErrorKind::Protocol),
        (TlsMode::Implicit, "CUT\n".into(), ErrorKind::Closed),
        (TlsMode::Implicit, "SILENCE\n".into(), ErrorKind::Timeout),
    ] {
        let error = play(&script, tls, async |imap| imap.connect().await).unwrap_err();
        assert_eq!(error.kind(), kind, "{script}: {error}");
    }
}

#[test]
fn a_refused_password_names_the_reply_and_no_secret_even_if_the_server_repeats_it() {
    let script = "S: * OK\nC: P1 CAPABILITY\nS: * CAPABILITY AUTH=PLAIN\nS: P1 OK\nC: {a} AUTHENTICATE PLAIN\nS: + \n\
                  C: AG1lAGh1bnRlcjJzZWNyZXQ=\nS: {a} NO [AUTHENTICATIONFAILED] not hunter2secret\n";
    let error = play(script, TlsMode::Implicit, async |imap| imap.connect().await).unwrap_err();
    let text = format!("{error} {error:?}");
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Authentication, Phase::Authenticate));
    assert!(text.contains("NO") && text.contains("***"), "{text}");
    secrets::assert_absent(&text, &[SECRET]);
}

/// async-imap itself takes each of these for a yes.
#[test]
fn a_tagged_no_or_bad_is_an_error_for_every_command() {
    for status in ["NO", "BAD"] {
        let rest = |command: &str| {
            format!("{}C: {{d}} {command}\nS: {{d}} {status} not now\n", open("UIDPLUS MOVE"))
        };
        let search =
            play(&rest("UID SEARCH UID 1:*"), TlsMode::Implicit, async |i| i.list(&Query::all()).await);
        assert_eq!(search.unwrap_err().kind(), ErrorKind::Rejected);
        let fetch = rest("UID FETCH 4 (UID BODY.PEEK[])");
        let fetch = play(&fetch, TlsMode::Implicit, async |i| read(i, 4).await);
        assert_eq!(fetch.unwrap_err().kind(), ErrorKind::Rejected);
        for (how, command) in [
            (Settle::Seen, "UID STORE 4 +FLAGS.SILENT (\\Seen)"),
            (Settle::Delete, "UID STORE 4 +FLAGS.SILENT (\\Deleted)"),
            (Settle::Move("Done".into()), "UID MOVE 4 \"Done\""),
        ] {
            let settled = play(&rest(command), TlsMode::Implicit, async |i| i.settle(&[key(4)], &how).await);
            assert_eq!(settled.unwrap_err().kind(), ErrorKind::Rejected, "{command}");
        }
        let expunge = open("UIDPLUS")
            + "C: {d} UID STORE 4 +FLAGS.SILENT (\\Deleted)\nS: {d} OK\nC: {e} UID EXPUNGE 4\nS: {e} "
            + status
            + " no\n";
        let expunge = play(&expunge, TlsMode::Implicit, async |i| i.settle(&[key(4)], &Settle::Delete).await);
        assert_eq!(expunge.unwrap_err().kind(), ErrorKind::Rejected);
    }
}

#[test]
fn a_refusal_leaves_the_connection_for_the_next_call_and_a_cut_is_dialed_anew() {
    let script = open("")
        + "C: {d} UID FETCH 4 (UID BODY.PEEK[])\nS: {d} NO no\nC: {e} NOOP\nS: {e} OK\n\
        C: {f} UID FETCH 4 (UID BODY.PEEK[])\nS: {f} OK nothing\nC: {g} NOOP\nCUT\nCONNECT\n"
        + &open("").replace("{a}", "{h}").replace("{b}", "{i}").replace("{c}", "{j}")
        + "C: {k} UID FETCH 5 (UID BODY.PEEK[])\nS: * 1 FETCH (UID 5 BODY[] \"hi\")\nS: {k} OK\n";
    let outcomes = play(&script, TlsMode::Implicit, async |imap| {
        let mut outcomes = Vec::new();
        for uid in [4, 4, 5] {
            outcomes.push(word(read(imap, uid).await, |text| text));
        }
        outcomes
    });
    assert_eq!(outcomes, ["Rejected Fetch", "NotFound Fetch", "hi"]);
}

#[test]
fn what_can_not_be_done_is_unsupported_and_says_nothing_to_the_server() {
    for (offer, how) in
        [("", Settle::Delete), ("", Settle::Move("Done".into())), ("MOVE", Settle::Move("Entwürfe".into()))]
    {
        let settled = play(&open(offer), TlsMode::Implicit, async |i| i.settle(&[key(4)], &how).await);
        assert_eq!(settled.unwrap_err().kind(), ErrorKind::Unsupported, "{how:?}");
    }
}

#[test]
fn a_key_of_a_rebuilt_mailbox_stands_for_no_message() {
    let old = MessageId::new("imap", ["me@mail.example", "INBOX", "6", "4"]);
    let fetched = play(&open(""), TlsMode::Implicit, async |i| i.fetch(&old).await.map(drop));
    assert_eq!(fetched.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn an_answer_that_does_not_fit_memory_is_a_limit() {
    let endless = open("") + "C: {d} UID SEARCH UID 1:*\nREPEAT 200000: * 1 FETCH (FLAGS ())\n";
    let listed = play(&endless, TlsMode::Implicit, async |i| i.list(&Query::all()).await);
    assert_eq!(listed.unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn a_wait_ends_by_news_or_by_the_clock() {
    let news = open("") + "C: {d} NOOP\nS: {d} OK\nC: {e} NOOP\nS: * 4 EXISTS\nS: {e} OK\n";
    let woken = play(&news, TlsMode::Implicit, async |i| i.wait(Duration::from_secs(600)).await);
    assert_eq!(woken.unwrap(), Wake::News);
    let none = open("") + "C: {d} NOOP\nS: {d} OK\nC: {e} NOOP\nS: {e} OK\n";
    let woken = play(&none, TlsMode::Implicit, async |i| i.wait(Duration::from_secs(90)).await);
    assert_eq!(woken.unwrap(), Wake::Elapsed);
}

/// A body that was cut never passes for a whole one, and a listing never for one that is shorter.
#[test]
fn a_cut_never_makes_a_false_success() {
    sweep::cuts(&dialogue("session"), &session, |n, total, outcomes| {
        assert!(outcomes[1] == BODY || !outcomes[1].contains("Subject"), "{n} of {total}: {outcomes:?}");
        assert!(!outcomes[0].contains("7/4") || outcomes[0].contains("7/9"), "{n} of {total}: {outcomes:?}");
        let bye = "* BYE\r\nA0009 OK\r\n".len();
        assert!(outcomes[2] != "settled" || n + bye + 4 >= total, "{n} of {total}: {outcomes:?}");
    });
}
