//! Calls dropped at any of their await points, against real servers: then the messages are counted.

use crate::{message, stored};
use postrider::{
    Envelope, IncomingTransport, MessageId, OutgoingTransport, Query, Settle, Target, TlsMode, TokioHost,
};
use postrider_imap::{Imap, ImapConfig};
use postrider_pop3::{Pop3, Pop3Config};
use postrider_smtp::{Smtp, SmtpConfig};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::properties::Text;
use postrider_tests::servers::{Servers, or_skip};
use postrider_wire::Login;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

/// Awaits a call but drops it before its poll number `polls + 1`.
async fn cut<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        call.as_mut().poll(cx).map(Some)
    })
    .await
}

fn door(servers: &Servers, server: &str, tls: TlsMode, user: &str) -> (Target, Login) {
    let mut target = Target::new("localhost", servers.port(server), tls).unwrap();
    target.tls_options.ca_file = Some(servers.setting("CA_FILE").into());
    let login = Login::password(&target, user, servers.password());
    (target, login)
}

fn count(messages: &[Vec<u8>], subject: &str) -> usize {
    messages.iter().filter(|m| m.ends_with(&stored(subject))).count()
}

/// Polls enough for the longest of the calls here to end.
const MOST: usize = 60;

#[tokio::test]
async fn a_dropped_send_is_sent_once_or_not_at_all_and_the_next_one_once() {
    let Some(servers) = or_skip("a_dropped_send_is_sent_once_or_not_at_all_and_the_next_one_once") else {
        return;
    };
    for (server, tls) in [
        ("POSTFIX_SMTP", TlsMode::None),
        ("POSTFIX_SUBMISSION", TlsMode::StartTls),
        ("POSTFIX_SMTPS", TlsMode::Implicit),
    ] {
        let mailbox = Mailbox::claim(servers);
        let to = Envelope::parse(Some("a@example.test"), [mailbox.address().as_str()]).unwrap();
        let (target, login) = door(servers, server, tls, "bob");
        let host = Arc::new(TokioHost::new());
        let make = || Smtp::new(SmtpConfig::new(target.clone(), login.clone()), host.clone());
        let mut smtp = make();
        let (mut dropped, mut sent) = (Vec::new(), Vec::new());
        for polls in 0..MOST {
            // Every other one begins on a connection that is there.
            if polls % 2 == 0 {
                smtp = make();
            }
            let subject = format!("cut after {polls}.");
            match cut(polls, smtp.send(&to, message(&subject).into())).await {
                Some(outcome) => {
                    outcome.unwrap();
                    sent.push(subject);
                }
                None => dropped.push(subject),
            }
            let next = format!("after {polls}.");
            smtp.send(&to, message(&next).into()).await.unwrap();
            sent.push(next);
        }
        Box::new(smtp).close().await.unwrap();
        assert!(!dropped.is_empty() && sent.len() > MOST, "{server}: the cuts reach the end of a send");
        mailbox.arrived(sent.len());
        let arrived = mailbox.settled();
        for subject in &sent {
            assert_eq!(count(&arrived, subject), 1, "{server}: {subject}");
        }
        for subject in &dropped {
            assert!(count(&arrived, subject) <= 1, "{server}: {subject} came twice");
        }
    }
}

fn incoming(servers: &Servers, transport: &str, user: &str) -> Box<dyn IncomingTransport> {
    let host = Arc::new(TokioHost::new());
    if transport == "pop3" {
        let (target, login) = door(servers, "DOVECOT_POP3", TlsMode::StartTls, user);
        return Box::new(Pop3::new(Pop3Config::new(target, login), host));
    }
    let (target, login) = door(servers, "DOVECOT_IMAP", TlsMode::StartTls, user);
    Box::new(Imap::new(ImapConfig::new(target, login), host))
}

async fn keys(inbox: &mut Box<dyn IncomingTransport>) -> Vec<MessageId> {
    inbox.list(&Query::all()).await.unwrap().messages.into_iter().map(|m| m.id).collect()
}

async fn whole(inbox: &mut Box<dyn IncomingTransport>, id: &MessageId) -> Vec<u8> {
    inbox.fetch(id).await.unwrap().read_all(1 << 20).await.unwrap().to_vec()
}

#[tokio::test]
async fn a_dropped_list_or_fetch_changes_nothing_and_the_next_one_is_whole() {
    let Some(servers) = or_skip("a_dropped_list_or_fetch_changes_nothing_and_the_next_one_is_whole") else {
        return;
    };
    for transport in ["pop3", "imap"] {
        let mailbox = Mailbox::claim(servers);
        let text = |n: usize| format!("Subject: {n}\n\n{}", format!(".line of {n}\n").repeat(20_000));
        for n in 0..3 {
            mailbox.deposit(text(n).as_bytes());
        }
        let mut inbox = incoming(servers, transport, mailbox.user());
        let ids = keys(&mut inbox).await;
        let mut ends = 0;
        for polls in 0..MOST {
            if let Some(listing) = cut(polls, inbox.list(&Query::all())).await {
                assert_eq!(listing.unwrap().messages.len(), 3);
            }
            let id = &ids[polls % 3];
            let got = cut(polls, async { inbox.fetch(id).await?.read_all(1 << 20).await }).await;
            let want = text(polls % 3).replace('\n', "\r\n").into_bytes();
            if let Some(got) = got {
                assert!(got.unwrap() == want, "{transport}, {polls} polls: another text");
                ends += 1;
            }
            assert!(whole(&mut inbox, id).await == want, "{transport}, after {polls} polls: another text");
        }
        assert!(ends < MOST);
        assert_eq!(keys(&mut inbox).await, ids);
        inbox.close().await.unwrap();
        assert_eq!(mailbox.files("INBOX").len(), 3, "{transport}");
    }
}

#[tokio::test]
async fn a_dropped_settle_repeated_loses_nothing_and_doubles_nothing() {
    let Some(servers) = or_skip("a_dropped_settle_repeated_loses_nothing_and_doubles_nothing") else {
        return;
    };
    for (transport, how) in [
        ("imap", Settle::Delete),
        ("imap", Settle::Move("Archive".into())),
        ("imap", Settle::Seen),
        ("pop3", Settle::Delete),
    ] {
        let mailbox = Mailbox::claim(servers);
        let count = if transport == "pop3" { 20 } else { 40 };
        for n in 0..count {
            mailbox.deposit(&stored(&format!("number {n}.")));
        }
        let mut inbox = incoming(servers, transport, mailbox.user());
        let ids = keys(&mut inbox).await;
        // Every other message is to be settled; the rest has to stay.
        for (polls, id) in ids.iter().enumerate().filter(|(n, _)| n % 2 == 0) {
            let only = std::slice::from_ref(id);
            let _ = cut(polls / 2, inbox.settle(only, &how)).await;
            inbox.settle(only, &how).await.unwrap();
        }
        if transport == "pop3" {
            // What was dropped here is a QUIT: the next session may begin while this one still ends.
            inbox.close().await.unwrap();
        } else {
            let left = keys(&mut inbox).await;
            assert_eq!(left.len(), if how == Settle::Seen { count } else { count / 2 }, "{how:?}");
            inbox.close().await.unwrap();
        }
        let (here, there) = (mailbox.messages("INBOX"), mailbox.messages("Archive"));
        for n in 0..count {
            let subject = format!("number {n}.");
            let found = (self::count(&here, &subject), self::count(&there, &subject));
            let want = match &how {
                Settle::Delete if n % 2 == 0 => (0, 0),
                Settle::Move(_) if n % 2 == 0 => (0, 1),
                _ => (1, 0),
            };
            assert_eq!(found, want, "{transport} {how:?} {subject}");
        }
    }
}

#[tokio::test]
async fn a_dropped_wait_is_followed_by_a_whole_session() {
    let Some(servers) = or_skip("a_dropped_wait_is_followed_by_a_whole_session") else { return };
    for transport in ["pop3", "imap"] {
        let mailbox = Mailbox::claim(servers);
        mailbox.deposit(&stored("there"));
        let mut inbox = incoming(servers, transport, mailbox.user());
        for polls in 0..8 {
            let limit = std::time::Duration::from_millis(200);
            let _ = tokio::time::timeout(limit, cut(polls, inbox.wait(limit))).await;
            let ids = keys(&mut inbox).await;
            assert_eq!(whole(&mut inbox, &ids[0]).await, message("there"), "{transport}, {polls} polls");
        }
        inbox.close().await.unwrap();
    }
}

/// Numbers that differ from run to run; the seed is printed where a test fails.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        let seed = since.as_secs() ^ u64::from(since.subsec_nanos()) << 20;
        println!("seed {seed}");
        Self(seed | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_share_a_mailer_are_aborted_at_random_and_every_message_is_sent_once_at_most() {
    let name = "tasks_that_share_a_mailer_are_aborted_at_random_and_every_message_is_sent_once_at_most";
    let Some(servers) = or_skip(name) else { return };
    let mut dice = Dice::new();
    for (server, tls) in [("POSTFIX_SMTP", "none"), ("POSTFIX_SMTPS", "implicit")] {
        let mailbox = Mailbox::claim(servers);
        let text = Text::new(servers, "smtp", server, tls).signed_in(servers, "bob");
        let mailer = text.general("mailer.connections", 3).mailer();
        let to = Envelope::parse(None, [mailbox.address().as_str()]).unwrap();
        let (mut sent, mut aborted) = (Vec::new(), Vec::new());
        let tasks: Vec<_> = (0..80)
            .map(|n| {
                let (mailer, to) = (mailer.clone(), to.clone());
                tokio::spawn(async move { mailer.send(&to, message(&format!("task {n}.")).into()).await })
            })
            .collect();
        for task in tasks.iter().step_by(2) {
            tokio::time::sleep(std::time::Duration::from_micros(dice.below(5_000))).await;
            task.abort();
        }
        for (n, task) in tasks.into_iter().enumerate() {
            match task.await {
                Ok(outcome) => {
                    outcome.unwrap();
                    sent.push(format!("task {n}."));
                }
                Err(stopped) => {
                    assert!(stopped.is_cancelled());
                    aborted.push(format!("task {n}."));
                }
            }
        }
        for n in 0..5 {
            let subject = format!("afterwards {n}.");
            mailer.send(&to, message(&subject).into()).await.unwrap();
            sent.push(subject);
        }
        mailer.close().await;
        mailbox.arrived(sent.len());
        let arrived = mailbox.settled();
        for subject in &sent {
            assert_eq!(count(&arrived, subject), 1, "{server}: {subject}");
        }
        for subject in &aborted {
            assert!(count(&arrived, subject) <= 1, "{server}: {subject} came twice");
        }
        println!("{server}: {} sent, {} aborted, {} arrived", sent.len(), aborted.len(), arrived.len());
    }
}
