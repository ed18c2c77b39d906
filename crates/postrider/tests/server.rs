//! The whole session over sockets and TLS, against the embedded server: out by SMTP, in by POP3 and IMAP.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(all(feature = "net", feature = "smtp"))]

mod common;

use common::in_time;
use postrider::message::Message;
use postrider::*;
use postrider_server::Server;
use std::sync::Arc;

const PASSWORD: &str = "hunter2secret";

/// A session for alice, who has all her settings in one text.
fn session(server: &Server, overrides: &str) -> Session {
    let host = TokioHost::builder().roots_pem(server.ca_pem()).build().unwrap();
    let settings = format!(
        "mail.host=localhost\nmail.user=alice\nmail.from=alice@example.test\nmail.send.allowreserved=true\n\
         mail.smtp.port={}\nmail.smtps.port={}\nmail.pop3.port={}\nmail.pop3s.port={}\nmail.imap.port={}\nmail.imaps.port={}\n\
         mail.smtp.password={PASSWORD}\nmail.pop3.password={PASSWORD}\nmail.imap.password={PASSWORD}\n{overrides}",
        server.smtp_port(),
        server.smtps_port(),
        server.pop3_port(),
        server.pop3s_port(),
        server.imap_port(),
        server.imaps_port(),
    );
    Session::builder().overrides(&settings).unwrap().host(Arc::new(host)).build().unwrap()
}

fn message(subject: &str) -> Message {
    Message::builder()
        .from("alice@example.test".parse().unwrap())
        .to("bob@example.test".parse().unwrap())
        .bcc("alice@example.test".parse().unwrap())
        .subject(subject)
        .body(format!("{subject}\r\n.a line with a dot\r\n"))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tasks_send_over_four_connections_and_a_fifth_would_have_been_hung_up_on() {
    for transport in ["smtp", "smtps"] {
        let server = Server::builder()
            .user("alice", PASSWORD)
            .user("bob", "other")
            .require_auth()
            .connection_limit(4)
            .start()
            .await
            .unwrap();
        let mailer = session(&server, &format!("mail.transport.protocol={transport}")).mailer().unwrap();
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let mailer = mailer.clone();
                tokio::spawn(async move { mailer.send_message(&message(&format!("number {n}"))).await })
            })
            .collect();
        for task in tasks {
            let receipt = in_time(task).await.unwrap().unwrap();
            assert!(receipt.is_complete() && receipt.recipients.len() == 2);
        }
        mailer.close().await;
        let (bob, alice) = (server.messages("bob", "INBOX"), server.messages("alice", "INBOX"));
        assert_eq!((bob.len(), alice.len()), (50, 50));
        for n in 0..50 {
            let body = format!("number {n}\r\n.a line with a dot\r\n");
            assert_eq!(bob.iter().filter(|m| m.ends_with(body.as_bytes())).count(), 1, "{n}");
        }
        assert!(bob.iter().all(|m| !String::from_utf8_lossy(m).to_lowercase().contains("bcc")));
        server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_sends_cost_connections_and_no_later_message() {
    let server = Server::builder().user("alice", PASSWORD).user("bob", "other").start().await.unwrap();
    let mailer = session(&server, "mail.mailer.connections=2").mailer().unwrap();
    for n in 0..40u64 {
        let text = message(&format!("cancelled {n}"));
        let limit = std::time::Duration::from_micros(n * 150);
        let _ = tokio::time::timeout(limit, mailer.send_message(&text)).await;
        if n % 4 == 0 {
            in_time(mailer.send_message(&message(&format!("kept {n}")))).await.unwrap();
        }
    }
    let bob = server.messages("bob", "INBOX");
    for n in 0..40 {
        let count = |word: &str| {
            let body = format!("\r\n\r\n{word} {n}\r\n.a line with a dot\r\n");
            bob.iter().filter(|m| m.ends_with(body.as_bytes())).count()
        };
        assert!(count("cancelled") <= 1, "{n}");
        assert_eq!(count("kept"), usize::from(n % 4 == 0), "{n}");
    }
}

/// Bytes that a transport could spoil: a dot at a line start, a line that looks like the end, 8 bits, no
/// line end at the end of a large message.
fn awkward() -> Vec<Vec<u8>> {
    let mut large = b"Subject: large\r\n\r\n".to_vec();
    large.extend(b"0123456789 grosz \xc3\xbc..\r\n".repeat(100_000));
    vec![
        b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n".to_vec(),
        b"Subject: 8\r\n\r\n\xff\xfe\r\n".to_vec(),
        large,
    ]
}

/// Takes everything out of an inbox as a program should, and gives what it took.
async fn take_all(session: &Session) -> Vec<Vec<u8>> {
    let mut inbox = session.inbox().unwrap();
    let listing = inbox.list(&Query::all()).await.unwrap();
    assert!(!listing.more);
    let mut taken = Vec::new();
    for info in &listing.messages {
        let spool = in_time(inbox.receive(&info.id)).await.unwrap();
        taken.push(spool.bytes().unwrap().to_vec());
        inbox.settle(std::slice::from_ref(&info.id), &Settle::Delete).await.unwrap();
    }
    inbox.close().await.unwrap();
    taken
}

async fn comes_in_unchanged_and_goes_once_settled(protocols: &[&str]) {
    let server = Server::builder().user("alice", PASSWORD).start().await.unwrap();
    for protocol in protocols {
        let session = session(&server, &format!("mail.store.protocol={protocol}"));
        for message in awkward() {
            server.deliver("alice", message).unwrap();
        }
        assert_eq!(take_all(&session).await, awkward(), "{protocol}");
        assert!(server.messages("alice", "INBOX").is_empty(), "{protocol}");
        assert!(take_all(&session).await.is_empty(), "{protocol}");
    }
}

/// The body as it comes off one server goes to the other while it comes.
async fn relays(protocol: &str) {
    let from = Server::builder().user("alice", PASSWORD).start().await.unwrap();
    let to = Server::builder().user("alice", PASSWORD).user("bob", "other").start().await.unwrap();
    for message in awkward() {
        from.deliver("alice", message).unwrap();
    }
    let mut inbox = session(&from, &format!("mail.store.protocol={protocol}")).inbox().unwrap();
    let mailer = session(&to, "").mailer().unwrap();
    let envelope = mailer.envelope([Address::new("bob@example.test").unwrap()]).unwrap();
    let listing = inbox.list(&Query::all()).await.unwrap();
    for info in &listing.messages {
        let body = inbox.fetch(&info.id).await.unwrap();
        in_time(mailer.send(&envelope, body)).await.unwrap();
        inbox.settle(std::slice::from_ref(&info.id), &Settle::Delete).await.unwrap();
    }
    inbox.close().await.unwrap();
    assert_eq!(to.messages("bob", "INBOX"), awkward());
    assert!(from.messages("alice", "INBOX").is_empty());
}

#[cfg(feature = "pop3")]
#[tokio::test(flavor = "multi_thread")]
async fn over_pop3_mail_comes_in_unchanged_and_is_gone_once_it_is_settled() {
    comes_in_unchanged_and_goes_once_settled(&["pop3", "pop3s"]).await;
}

#[cfg(feature = "pop3")]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_fetched_over_pop3_is_sent_on_while_it_comes() {
    relays("pop3s").await;
}

#[cfg(feature = "imap")]
#[tokio::test(flavor = "multi_thread")]
async fn over_imap_mail_comes_in_unchanged_and_is_gone_once_it_is_settled() {
    comes_in_unchanged_and_goes_once_settled(&["imap", "imaps"]).await;
}

#[cfg(feature = "imap")]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_fetched_over_imap_is_sent_on_while_it_comes() {
    relays("imaps").await;
}

#[cfg(feature = "imap")]
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_over_imap_ends_with_the_message_that_comes() {
    let server = Server::builder().user("alice", PASSWORD).start().await.unwrap();
    let mut inbox = session(&server, "mail.store.protocol=imaps").inbox().unwrap();
    assert!(inbox.list(&Query::all()).await.unwrap().messages.is_empty());
    let limit = std::time::Duration::from_secs(600);
    let (wake, ()) = in_time(async {
        tokio::join!(inbox.wait(limit), async { server.deliver("alice", "Subject: x\r\n\r\nx\r\n").unwrap() })
    })
    .await;
    assert_eq!(wake.unwrap(), Wake::News);
    assert_eq!(inbox.list(&Query::all()).await.unwrap().messages.len(), 1);
}

#[tokio::test]
async fn addresses_beyond_ascii_arrive_as_they_were_written() {
    let server =
        Server::builder().user("alice", PASSWORD).user("jörg@example.test", "other").start().await.unwrap();
    let message = Message::builder()
        .from("Büro <alice@example.test>".parse().unwrap())
        .to("Jörg <jörg@example.test>".parse().unwrap())
        .subject("Grüße")
        .body("Schöne Grüße\r\n".to_owned())
        .unwrap();
    in_time(session(&server, "").mailer().unwrap().send_message(&message)).await.unwrap();
    assert_eq!(server.accepted()[0].recipients[0].0, "jörg@example.test");
    assert!(server.accepted()[0].mail_parameters.iter().any(|p| p == "SMTPUTF8"));
    // The builder leaves the last line of base64 open; on the wire every line has its end.
    let written = [message.formatted().as_slice(), b"\r\n"].concat();
    assert_eq!(server.messages("jörg@example.test", "INBOX"), [written]);
}

#[tokio::test]
async fn a_wrong_password_is_one_clear_error_and_shows_no_secret() {
    let server = Server::builder().user("alice", "another one").require_auth().start().await.unwrap();
    let session = session(&server, "");
    let mailer = session.mailer().unwrap();
    let error = in_time(mailer.send_message(&message("x"))).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Authentication, Outcome::NotSent));
    let explained = session.explain(Some(Direction::Outgoing)).unwrap();
    let all = format!("{error} {error:?} {mailer:?} {session:?} {explained:?}");
    assert!(!all.contains(PASSWORD), "{all}");
}
