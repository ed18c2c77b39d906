//! POP3 messages asked for ahead, from Dovecot, which offers PIPELINING.

use crate::stored;
use postrider::{MessageId, Query, Settle};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::properties::Text;
use postrider_tests::servers::{Servers, or_skip};

const COUNT: usize = 150;

/// Messages get longer and have lines that begin with dots.
fn subject(n: usize) -> String {
    format!("number {n}")
}

fn deposited(n: usize) -> Vec<u8> {
    let mut message = stored(&subject(n));
    message.extend_from_slice(".a line\n..\n.\n".repeat(10 * n).as_bytes());
    message
}

fn fetched(n: usize) -> Vec<u8> {
    String::from_utf8(deposited(n)).unwrap().replace('\n', "\r\n").into_bytes()
}

fn filled(servers: &'static Servers) -> Mailbox {
    let mailbox = Mailbox::claim(servers);
    (0..COUNT).for_each(|n| mailbox.deposit(&deposited(n)));
    mailbox
}

#[tokio::test]
async fn with_any_window_each_message_is_the_one_that_was_meant() {
    let Some(servers) = or_skip("pop3: with_any_window_each_message_is_the_one_that_was_meant") else {
        return;
    };
    let mailbox = filled(servers);
    for (server, tls) in [("DOVECOT_POP3", "none"), ("DOVECOT_POP3S", "implicit")] {
        for (key, value) in [
            ("window", "1"),
            ("window", "2"),
            ("window", "8"),
            ("window", "64"),
            ("windowsize", "1KiB"),
            ("windowsize", "64MiB"),
        ] {
            let text = Text::new(servers, "pop3", server, tls).signed_in(servers, mailbox.user());
            let mut inbox = text.and(key, value).inbox();
            let listing = inbox.list(&Query::all()).await.unwrap();
            let ids: Vec<MessageId> = listing.messages.into_iter().map(|m| m.id).collect();
            inbox.prefetch(&ids);
            for (n, id) in ids.iter().enumerate() {
                let body = inbox.fetch(id).await.unwrap();
                assert_eq!(body.read_all(1 << 20).await.unwrap(), fetched(n), "{server} {key}={value}: {n}");
            }
            inbox.close().await.unwrap();
        }
    }
    assert_eq!(mailbox.files("INBOX").len(), COUNT);
}

#[tokio::test]
async fn what_comes_in_between_changes_no_message_and_deletes_what_was_settled_alone() {
    let Some(servers) =
        or_skip("pop3: what_comes_in_between_changes_no_message_and_deletes_what_was_settled_alone")
    else {
        return;
    };
    let mailbox = filled(servers);
    let mut inbox =
        Text::new(servers, "pop3", "DOVECOT_POP3S", "implicit").signed_in(servers, mailbox.user()).inbox();
    let listing = inbox.list(&Query::all()).await.unwrap();
    let ids: Vec<MessageId> = listing.messages.into_iter().map(|m| m.id).collect();
    inbox.prefetch(&ids);
    for (n, id) in ids.iter().enumerate() {
        let mut body = inbox.fetch(id).await.unwrap();
        if n % 10 == 7 {
            // Dropped half-way, or before its first byte.
            if n % 20 == 7 {
                body.chunk().await.unwrap();
            }
            continue;
        }
        assert_eq!(body.read_all(1 << 20).await.unwrap(), fetched(n), "{n}");
        if n % 50 == 49 {
            let odd: Vec<MessageId> = ids[n - 49..=n].iter().skip(1).step_by(2).cloned().collect();
            inbox.settle(&odd, &Settle::Delete).await.unwrap();
        }
        if n % 40 == 39 {
            assert!(inbox.list(&Query::all().limit(1)).await.unwrap().more);
        }
    }
    inbox.close().await.unwrap();
    let left: Vec<Vec<u8>> = (0..COUNT).step_by(2).map(deposited).collect();
    assert_eq!(mailbox.messages("INBOX"), left);
}
