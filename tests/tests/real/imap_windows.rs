//! Many messages at once, from Dovecot: windows, several connections, compression.

use postrider::{
    Error, ErrorKind, IncomingTransport as _, MessageId, Query, Settle, Target, TlsMode, TokioHost,
};
use postrider_imap::{Imap, ImapConfig};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::servers::{Servers, or_skip};
use postrider_wire::Login;
use std::sync::Arc;

const MESSAGES: usize = 120;

/// Messages of every length from a few bytes to 30 KB; each names itself.
fn text(number: usize) -> Vec<u8> {
    let mut text = format!("Subject: bulk {number}\r\n\r\n)\r\nA1 OK {{3}}\r\n").into_bytes();
    text.extend(
        "y".repeat(60).into_bytes().into_iter().chain(*b"\r\n").cycle().take(62 * (number * number % 500)),
    );
    text
}

fn imap(servers: &Servers, mailbox: &Mailbox, change: impl FnOnce(&mut ImapConfig)) -> Imap {
    let mut target = Target::new("localhost", servers.port("DOVECOT_IMAPS"), TlsMode::Implicit).unwrap();
    target.tls_options.ca_file = Some(servers.setting("CA_FILE").into());
    let login = Login::password(&target, mailbox.user(), servers.password());
    let mut config = ImapConfig::new(target, login);
    change(&mut config);
    Imap::new(config, Arc::new(TokioHost::new()))
}

async fn keys(imap: &mut Imap) -> Vec<MessageId> {
    imap.list(&Query::all()).await.unwrap().messages.into_iter().map(|message| message.id).collect()
}

async fn read(imap: &mut Imap, id: &MessageId) -> Result<Vec<u8>, Error> {
    Ok(imap.fetch(id).await?.read_all(1 << 20).await?.to_vec())
}

fn filled(servers: &'static Servers) -> Mailbox {
    let mailbox = Mailbox::claim(servers);
    (0..MESSAGES).for_each(|number| mailbox.deposit(&text(number)));
    mailbox
}

#[tokio::test]
async fn windows_of_every_size_over_any_number_of_connections_give_each_message_in_its_turn() {
    let test = "windows_of_every_size_over_any_number_of_connections_give_each_message_in_its_turn";
    let Some(servers) = or_skip(test) else { return };
    let mailbox = filled(servers);
    for (window, connections, compress) in [
        (1, 1, false),
        (2, 1, true),
        (8, 1, false),
        (64, 1, true),
        (1_000, 1, false),
        (64, 2, false),
        (64, 4, true),
    ] {
        let mut imap = imap(servers, &mailbox, |config| {
            (config.window, config.connections, config.compress) = (window, connections, compress);
        });
        let ids = keys(&mut imap).await;
        assert!(imap.capabilities().unwrap().has("COMPRESS=DEFLATE"), "tests/servers/dovecot.conf offers it");
        imap.prefetch(&ids);
        for (number, id) in ids.iter().enumerate() {
            assert!(read(&mut imap, id).await.unwrap() == text(number), "{window} {connections}: {number}");
        }
        // The newest first: each is asked for by a command of its own.
        let newest: Vec<MessageId> = ids.iter().rev().take(30).cloned().collect();
        imap.prefetch(&newest);
        for (number, id) in (0..MESSAGES).rev().zip(&newest) {
            assert!(read(&mut imap, id).await.unwrap() == text(number), "{window} {connections}: {number}");
        }
        Box::new(imap).close().await.unwrap();
    }
}

#[tokio::test]
async fn messages_that_another_client_removes_meanwhile_are_not_found_and_the_others_come() {
    let test = "messages_that_another_client_removes_meanwhile_are_not_found_and_the_others_come";
    let Some(servers) = or_skip(test) else { return };
    let mailbox = filled(servers);
    let mut first = imap(servers, &mailbox, |config| config.window = 16);
    let mut second = imap(servers, &mailbox, |_| ());
    let ids = keys(&mut first).await;
    let gone = [&ids[20], &ids[21], &ids[60], &ids[119]].map(Clone::clone);
    first.prefetch(&ids);
    for (number, id) in ids.iter().enumerate() {
        if number == 3 {
            second.settle(&gone, &Settle::Delete).await.unwrap();
        }
        match read(&mut first, id).await {
            Ok(whole) => assert!(whole == text(number), "{number}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{number}: {error}");
                assert!(gone.contains(id), "{number}: {error}");
            }
        }
    }
    assert_eq!(read(&mut first, &gone[3]).await.unwrap_err().kind(), ErrorKind::NotFound);
    Box::new(first).close().await.unwrap();
    Box::new(second).close().await.unwrap();
}

#[tokio::test]
async fn messages_are_settled_one_by_one_in_the_middle_of_a_window() {
    let Some(servers) = or_skip("messages_are_settled_one_by_one_in_the_middle_of_a_window") else { return };
    let mailbox = filled(servers);
    let mut imap = imap(servers, &mailbox, |config| config.window = 32);
    let ids = keys(&mut imap).await;
    imap.prefetch(&ids);
    for (number, id) in ids.iter().enumerate() {
        assert!(read(&mut imap, id).await.unwrap() == text(number), "{number}");
        imap.settle(std::slice::from_ref(id), &Settle::Delete).await.unwrap();
    }
    assert!(mailbox.files("INBOX").is_empty());
    Box::new(imap).close().await.unwrap();
}

#[tokio::test]
async fn a_page_tells_what_others_did_since_the_last_one_on_the_same_connection() {
    let test = "a_page_tells_what_others_did_since_the_last_one_on_the_same_connection";
    let Some(servers) = or_skip(test) else { return };
    let mailbox = Mailbox::claim(servers);
    (0..3).for_each(|number| mailbox.deposit(&text(number)));
    let (mut one, mut other) = (imap(servers, &mailbox, |_| {}), imap(servers, &mailbox, |_| {}));
    let ids = keys(&mut one).await;
    assert_eq!((ids.len(), keys(&mut one).await), (3, ids.clone()));
    other.settle(&ids[..1], &Settle::Seen).await.unwrap();
    other.settle(&ids[1..2], &Settle::Delete).await.unwrap();
    mailbox.deposit(&text(3));
    let page = one.list(&Query::all()).await.unwrap().messages;
    let seen: Vec<bool> = page.iter().map(|message| message.flags.seen).collect();
    assert_eq!((seen, &page[0].id, &page[1].id), (vec![true, false, false], &ids[0], &ids[2]));
    other.settle(&ids[2..], &Settle::Seen).await.unwrap();
    let unseen = one.list(&Query::unseen()).await.unwrap().messages;
    assert_eq!(unseen.iter().map(|message| &message.id).collect::<Vec<_>>(), [&page[2].id]);
    Box::new(one).close().await.unwrap();
    Box::new(other).close().await.unwrap();
}
