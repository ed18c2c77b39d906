//! Settings swapped under load between two real servers, over sockets and TLS. They sign in by PLAIN: the key
//! derivations of SCRAM for a thousand connections would take longer than all the rest.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(all(feature = "net", feature = "smtp"))]

mod common;

use common::in_time;
use postrider::*;
use postrider_server::Server;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::sync::Semaphore;

const MESSAGES: usize = 10_000;
const TASKS: usize = 32;
const CHANGES: usize = 100;
const PASSWORD: &str = "hunter2secret";

async fn server() -> Server {
    let builder = Server::builder().user("alice", PASSWORD).require_auth();
    // Every settings' address is there: where a message is tells its envelope.
    let all = (0..=CHANGES).fold(builder, |builder, number| builder.user(address_of(number), "unused"));
    all.start().await.unwrap()
}

/// The settings number `number`: the server of its turn, and an address that tells them from all others, in
/// the envelope of whatever is sent by them.
fn settings(servers: &[Server; 2], number: usize) -> SessionBuilder {
    let server = &servers[number % 2];
    let host = TokioHost::builder().roots_pem(server.ca_pem()).build().unwrap();
    let text = format!(
        "mail.mailer.connections=8\nmail.smtp.host=localhost\nmail.smtp.port={}\nmail.smtp.tls=implicit\nmail.smtp.auth.mechanisms=PLAIN\nmail.smtp.user=alice\n\
         mail.smtp.password={PASSWORD}\nmail.send.redirect={}",
        server.smtps_port(),
        address_of(number)
    );
    Session::builder().overrides(&text).unwrap().host(Arc::new(host))
}

fn address_of(number: usize) -> String {
    format!("settings-{number}@example.test")
}

fn number_of(address: &Address) -> usize {
    address.local().strip_prefix("settings-").unwrap().parse().unwrap()
}

/// A message and the settings it was sent by, in what order everything was.
struct Sent {
    message: usize,
    // The settings in force before the send began, and the last that were asked for before it ended.
    earliest: usize,
    latest: usize,
    by: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_of_32_tasks_arrive_once_each_where_their_settings_say_while_these_change_100_times()
 {
    let servers = Arc::new([server().await, server().await]);
    let session = settings(&servers, 0).build().unwrap();
    let mailer = session.mailer().unwrap();
    let (next, in_force, asked) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let progress = Arc::new(Semaphore::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (mailer, next, progress) = (mailer.clone(), Arc::clone(&next), Arc::clone(&progress));
            let (in_force, asked) = (Arc::clone(&in_force), Arc::clone(&asked));
            tokio::spawn(async move {
                let envelope = Envelope::parse(Some("alice@example.test"), ["bob@example.test"]).unwrap();
                let mut all = Vec::new();
                loop {
                    let message = next.fetch_add(1, SeqCst);
                    if message >= MESSAGES {
                        return all;
                    }
                    let earliest = in_force.load(SeqCst);
                    let body = format!("Subject: {message}\r\n\r\nx\r\n").into_bytes();
                    let receipt = mailer.send(&envelope, body.into()).await.unwrap();
                    let latest = asked.load(SeqCst);
                    let by = number_of(receipt.recipients[0].instead.as_ref().unwrap());
                    all.push(Sent { message, earliest, latest, by });
                    progress.add_permits(1);
                }
            })
        })
        .collect();
    for number in 1..=CHANGES {
        // Spread evenly over the messages.
        in_time(progress.acquire_many((MESSAGES / (CHANGES + 1)) as u32)).await.unwrap().forget();
        asked.store(number, SeqCst);
        let applied = in_time(session.apply(settings(&servers, number))).await.unwrap();
        assert_eq!(applied.outgoing, Trial::Passed);
        in_force.store(number, SeqCst);
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(in_time(task).await.unwrap());
    }
    mailer.close().await;
    // Where each message is, how often, and by which settings as its envelope says it there.
    let mut arrived: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
    for (place, server) in servers.iter().enumerate() {
        for by in 0..=CHANGES {
            for text in server.messages(&address_of(by), "INBOX") {
                let text = String::from_utf8(text).unwrap();
                let (_, rest) = text.split_once("Subject: ").unwrap();
                let message = rest.split_once("\r\n").unwrap().0.parse().unwrap();
                arrived.entry(message).or_default().push((place, by));
            }
        }
    }
    assert_eq!((all.len(), arrived.len()), (MESSAGES, MESSAGES));
    let mut used = std::collections::BTreeSet::new();
    for sent in all {
        // Once, on the server its settings named, and these are the ones its receipt tells.
        assert_eq!(arrived[&sent.message], [(sent.by % 2, sent.by)], "{}", sent.message);
        // New settings count at once, and none before they were asked for.
        assert!(
            (sent.earliest..=sent.latest).contains(&sent.by),
            "{}: {} {} {}",
            sent.message,
            sent.earliest,
            sent.by,
            sent.latest
        );
        used.insert(sent.by);
    }
    assert!(used.len() > CHANGES / 2, "hardly any settings were used: {}", used.len());
}

#[cfg(all(feature = "pop3", feature = "imap"))]
#[tokio::test]
async fn a_trial_signs_in_by_the_transports_themselves_and_a_wrong_password_in_either_direction_is_refused() {
    let servers = [server().await, server().await];
    let session = settings(&servers, 0).build().unwrap();
    let mailer = session.mailer().unwrap();
    let incoming = |protocol: &str, smtp: &str, password: &str| {
        let (server, host) =
            (&servers[1], TokioHost::builder().roots_pem(servers[1].ca_pem()).build().unwrap());
        let text = format!(
            "mail.host=localhost\nmail.user=alice\nmail.smtp.port={}\nmail.smtp.tls=implicit\nmail.smtp.password={smtp}\n\
             mail.store.protocol={protocol}\nmail.pop3.port={}\nmail.imap.port={}\n\
             mail.pop3.password={password}\nmail.imap.password={password}\nmail.send.redirect={}",
            server.smtps_port(),
            server.pop3s_port(),
            server.imaps_port(),
            address_of(1),
        );
        Session::builder().overrides(&text).unwrap().host(Arc::new(host))
    };
    let envelope = Envelope::parse(Some("alice@example.test"), ["bob@example.test"]).unwrap();
    for protocol in ["pop3s", "imaps"] {
        for (smtp, password) in [("wrong-hunter3", PASSWORD), (PASSWORD, "wrong-hunter3")] {
            let error = in_time(session.apply(incoming(protocol, smtp, password))).await.unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Authentication, Phase::Authenticate));
            assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
        }
        assert_eq!(session.properties().read(&session_property::STORE_PROTOCOL).unwrap(), None);
    }
    in_time(mailer.send(&envelope, "Subject: 0\r\n\r\n".into())).await.unwrap();
    for protocol in ["pop3s", "imaps"] {
        let applied = in_time(session.apply(incoming(protocol, PASSWORD, PASSWORD))).await.unwrap();
        assert_eq!((applied.outgoing, applied.incoming), (Trial::Passed, Trial::Passed));
        in_time(mailer.send(&envelope, "Subject: 1\r\n\r\n".into())).await.unwrap();
    }
    // Nothing was sent by a trial.
    let count = |place: usize, by: usize| servers[place].messages(&address_of(by), "INBOX").len();
    assert_eq!((count(0, 0), count(1, 1), count(0, 1), count(1, 0)), (1, 2, 0, 0));
}
