//! Against the embedded server, over real sockets and real TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider_core::*;
use postrider_imap::{Imap, ImapConfig, SpecialUse};
use postrider_net::TokioHost;
use postrider_server::{Builder, Server};
use postrider_wire::Login;
use postrider_wire::sasl::Mechanism;
use std::sync::Arc;
use std::time::Duration;

const PASSWORD: &str = "throw-away";
const TEXTS: [&str; 3] =
    ["Subject: one\r\n\r\n.dot\r\n{5}\r\n)\r\n", "Subject: two\r\n\r\n", "no header, no line end"];

async fn start(change: impl FnOnce(Builder) -> Builder) -> Server {
    let server = change(Server::builder().user("alice", PASSWORD)).start().await.unwrap();
    TEXTS.iter().for_each(|text| server.deliver("alice", *text).unwrap());
    server
}

fn config(server: &Server, tls: TlsMode) -> ImapConfig {
    let port = if tls == TlsMode::Implicit { server.imaps_port() } else { server.imap_port() };
    let target = Target::new("localhost", port, tls).unwrap();
    let login = Login::password(&target, "alice", PASSWORD);
    ImapConfig::new(target, login)
}

fn imap(server: &Server, config: ImapConfig) -> Box<Imap> {
    let host = TokioHost::builder().roots_pem(server.ca_pem()).build().unwrap();
    Box::new(Imap::new(config, Arc::new(host)))
}

async fn read(imap: &mut Imap, id: &MessageId) -> Result<Vec<u8>> {
    Ok(imap.fetch(id).await?.read_all(64 << 20).await?.to_vec())
}

/// Reads all, deletes the first, moves the second to Trash, marks the third; what was read.
async fn handle_all(mut imap: Box<Imap>) -> Vec<Vec<u8>> {
    let listing = imap.list(&Query::all()).await.unwrap();
    let ids: Vec<MessageId> = listing.messages.into_iter().map(|m| m.id).collect();
    assert!(!listing.more && ids.len() == 3);
    let mut texts = Vec::new();
    for id in &ids {
        texts.push(read(&mut imap, id).await.unwrap());
    }
    imap.settle(&ids[..1], &Settle::Delete).await.unwrap();
    imap.settle(&ids[1..2], &Settle::Move("Trash".into())).await.unwrap();
    imap.settle(&ids[2..], &Settle::Seen).await.unwrap();
    // Again: all is done already, and gone counts as done.
    imap.settle(&ids, &Settle::Seen).await.unwrap();
    imap.settle(&ids[..2], &Settle::Delete).await.unwrap();
    imap.settle(&ids, &Settle::Keep).await.unwrap();
    assert_eq!(read(&mut imap, &ids[0]).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(imap.list(&Query::unseen()).await.unwrap().messages.is_empty());
    imap.close().await.unwrap();
    texts
}

fn assert_handled(server: &Server, what: &str) {
    assert_eq!(server.messages("alice", "INBOX"), [TEXTS[2].as_bytes()], "{what}");
    assert_eq!(server.messages("alice", "Trash"), [TEXTS[1].as_bytes()], "{what}");
    assert!(server.flags("alice", "INBOX")[0].contains(&"\\Seen".to_owned()), "{what}");
}

#[tokio::test]
async fn mail_comes_unchanged_and_is_settled_every_way_in_each_kind_of_tls() {
    for tls in [TlsMode::Implicit, TlsMode::StartTls, TlsMode::StartTlsIfOffered, TlsMode::None] {
        let server = start(|b| b).await;
        assert_eq!(handle_all(imap(&server, config(&server, tls))).await, TEXTS.map(str::as_bytes), "{tls}");
        assert_handled(&server, &tls.to_string());
        server.shutdown().await;
    }
}

#[tokio::test]
async fn each_missing_extension_and_each_way_to_sign_in_works() {
    for name in [
        "IMAP4rev2",
        "ESEARCH",
        "UIDPLUS",
        "MOVE",
        "LITERAL+",
        "ENABLE",
        "UTF8=ACCEPT",
        "SASL-IR",
        "IDLE",
        "ID",
        "AUTH",
        "LIST-EXTENDED",
        "SPECIAL-USE",
        "NAMESPACE",
    ] {
        let server = start(|b| b.without(name).without(if name == "MOVE" { "UIDPLUS" } else { name })).await;
        handle_all(imap(&server, config(&server, TlsMode::Implicit))).await;
        assert_handled(&server, name);
        server.shutdown().await;
    }
    for mechanism in ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"] {
        for without in ["SASL-IR", "none"] {
            let server = start(|b| b.mechanisms(&[mechanism]).without(without)).await;
            let mut config = config(&server, TlsMode::Implicit);
            config.login.allowed.extend(Mechanism::parse(mechanism));
            if mechanism.contains("AUTH") {
                config.login.token = config.login.password.take();
            }
            assert_eq!(handle_all(imap(&server, config)).await.len(), 3, "{mechanism}");
            server.shutdown().await;
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_every_mechanism() {
    let server = start(|b| b).await;
    for mechanism in [Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login] {
        let mut wrong = config(&server, TlsMode::Implicit);
        wrong.login.password = Some("wrong".into());
        wrong.login.allowed = vec![mechanism];
        let error = imap(&server, wrong).connect().await.unwrap_err();
        assert_eq!((error.kind(), error.repeat()), (ErrorKind::Authentication, Repeat::Never), "{error}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn idle_and_polling_are_woken_by_new_mail_also_by_what_came_before_the_wait() {
    for idle in [true, false] {
        let server = start(|b| b).await;
        let mut config = config(&server, TlsMode::Implicit);
        (config.idle, config.poll_interval) = (idle, Duration::from_millis(20));
        let mut imap = imap(&server, config);
        assert_eq!(imap.wait(Duration::from_secs(60)).await.unwrap(), Wake::News, "nothing was listed yet");
        let last = imap.list(&Query::all()).await.unwrap().messages.pop().unwrap().id;
        assert_eq!(imap.wait(Duration::from_millis(50)).await.unwrap(), Wake::Elapsed);
        server.deliver("alice", "Subject: four\r\n\r\n").unwrap();
        assert_eq!(imap.wait(Duration::from_secs(60)).await.unwrap(), Wake::News);
        let four = imap.list(&Query::all().after(last)).await.unwrap();
        assert_eq!(four.messages.len(), 1);
        let deliver = async {
            tokio::task::yield_now().await;
            server.deliver("alice", "Subject: five\r\n\r\n").unwrap();
        };
        let (wake, ()) = tokio::join!(imap.wait(Duration::from_secs(60)), deliver);
        assert_eq!(wake.unwrap(), Wake::News);
        imap.close().await.unwrap();
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_server_that_goes_away_while_idle_is_found_again_or_told_of() {
    let server = start(|b| b.idle_limit(Duration::from_millis(50))).await;
    let mut imap = imap(&server, config(&server, TlsMode::Implicit));
    let ids = imap.list(&Query::all()).await.unwrap().messages;
    for _ in 0..2 {
        // The server hangs up meanwhile; that is no error of the call after it.
        server.wait_for_messages("alice", "INBOX", 3).await;
        let (done, gone) = tokio::join!(imap.wait(Duration::from_millis(300)), std::future::ready(()));
        let () = gone;
        assert!(done.is_ok() || done.unwrap_err().kind() == ErrorKind::Closed);
        assert_eq!(read(&mut imap, &ids[0].id).await.unwrap(), TEXTS[0].as_bytes());
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_rebuilt_mailbox_makes_old_keys_unfound_and_nothing_is_done_to_their_successors() {
    let server = start(|b| b).await;
    let mut imap = imap(&server, config(&server, TlsMode::Implicit));
    let old = imap.list(&Query::all()).await.unwrap().messages;
    server.renumber("alice", "INBOX");
    for _ in 0..2 {
        let mut errors = vec![
            read(&mut imap, &old[0].id).await.unwrap_err(),
            imap.settle(&[old[0].id.clone()], &Settle::Delete).await.unwrap_err(),
            imap.list(&Query::all().after(old[0].id.clone())).await.unwrap_err(),
        ];
        errors.retain(|e| e.kind() != ErrorKind::NotFound || !e.to_string().contains("UIDVALIDITY"));
        assert!(errors.iter().all(|e| e.kind() == ErrorKind::Closed), "{errors:?}");
    }
    assert_eq!(server.messages("alice", "INBOX").len(), 3);
    let new = imap.list(&Query::all()).await.unwrap().messages;
    assert!(new.len() == 3 && new[0].id != old[0].id);
    server.shutdown().await;
}

#[tokio::test]
async fn a_message_is_appended_as_it_is_and_its_key_fetches_it() {
    for without in ["none", "LITERAL+", "UIDPLUS", "UTF8=ACCEPT"] {
        let server = start(|b| b.without(without)).await;
        let mut imap = imap(&server, config(&server, TlsMode::Implicit));
        for size in [40, 4_096, 4_097, 300_000] {
            let mut text = "Subject: appended\r\n\r\n".to_owned();
            text.extend(std::iter::repeat_n('x', size - text.len()));
            let mut flags = Flags::default();
            flags.seen = true;
            flags.keywords.push("$Kept".into());
            let key = imap.append("INBOX", &flags, text.clone().into_bytes().into()).await.unwrap();
            assert_eq!(key.is_some(), without != "UIDPLUS");
            if let Some(key) = key {
                assert_eq!(read(&mut imap, &key).await.unwrap(), text.as_bytes());
            }
            assert_eq!(server.messages("alice", "INBOX").last().unwrap(), text.as_bytes());
            assert!(server.flags("alice", "INBOX").last().unwrap().contains(&"$Kept".to_owned()));
        }
        let error = imap.append("No/Such", &Flags::default(), "x".into()).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::NotFound, Phase::Append), "{error}");
        imap.create("Entwürfe/neu & alt").await.unwrap();
        imap.create("Entwürfe/neu & alt").await.unwrap();
        imap.append("Entwürfe/neu & alt", &Flags::default(), "x".into()).await.unwrap();
        assert!(imap.mailboxes().await.unwrap().iter().any(|m| m.name == "Entwürfe/neu & alt"));
        assert_eq!(server.messages("alice", "Entwürfe/neu & alt"), [b"x"]);
        let short = Body::from_bytes("short").with_size(10);
        assert_eq!(imap.append("INBOX", &Flags::default(), short).await.unwrap_err().kind(), ErrorKind::Body);
        assert_eq!(imap.list(&Query::all()).await.unwrap().messages.len(), 7, "half a message was stored");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn mailboxes_and_their_uses_are_told() {
    for without in ["none", "LIST-EXTENDED", "UTF8=ACCEPT"] {
        let server = start(|b| b.without(without)).await;
        let mut imap = imap(&server, config(&server, TlsMode::StartTls));
        let all = imap.mailboxes().await.unwrap();
        let sent = all.iter().find(|m| m.special == Some(SpecialUse::Sent)).unwrap();
        assert_eq!((sent.name.as_str(), sent.delimiter, sent.selectable), ("Sent", Some('/'), true));
        assert!(all.iter().any(|m| m.name == "INBOX"));
        assert_eq!(imap.namespaces().await.unwrap().personal.len(), 1);
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_large_message_streams_and_one_over_the_limit_is_refused() {
    let server = start(|b| b.chunked_writes(7_001)).await;
    let large: Vec<u8> = (0..200_000u32).flat_map(|n| format!("{n:08}\r\n").into_bytes()).collect();
    server.deliver("alice", large.clone()).unwrap();
    let mut imap = imap(&server, config(&server, TlsMode::Implicit));
    let id = imap.list(&Query::all()).await.unwrap().messages.pop().unwrap().id;
    let mut body = imap.fetch(&id).await.unwrap();
    assert_eq!(body.size(), Some(large.len() as u64));
    let (mut at, mut widest) = (0, 0);
    while let Some(chunk) = body.chunk().await.unwrap() {
        assert_eq!(chunk, large[at..at + chunk.len()]);
        (at, widest) = (at + chunk.len(), widest.max(chunk.len()));
    }
    assert_eq!(at, large.len());
    assert!(widest <= 128 * 1024, "{widest}");
    drop(body);
    // Dropped half-way: the next call works, on another connection.
    drop(imap.fetch(&id).await.unwrap());
    assert_eq!(imap.list(&Query::all()).await.unwrap().messages.len(), 4);
    let mut small = config(&server, TlsMode::Implicit);
    small.max_size = 1_000_000;
    let error = self::imap(&server, small).fetch(&id).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Limit, Phase::Fetch));
    assert!(error.to_string().contains("maxsize"), "{error}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_message_in_pieces_is_the_one_that_streams_whatever_their_size() {
    let server = start(|b| b.chunked_writes(7_001)).await;
    let large: Vec<u8> = (0..30_000u32).flat_map(|n| format!("{n:08}\r\n").into_bytes()).collect();
    server.deliver("alice", large.clone()).unwrap();
    let mut texts: Vec<Vec<u8>> = TEXTS.iter().map(|text| text.as_bytes().to_vec()).collect();
    texts.push(large);
    // The size of the last message is a multiple of 100,000: its last piece is a full one.
    for step in [1_000, 16_384, 100_000, 1 << 20] {
        let mut config = config(&server, TlsMode::Implicit);
        config.fetch_size = std::num::NonZeroU32::new(step);
        let mut imap = imap(&server, config);
        let ids: Vec<_> =
            imap.list(&Query::all()).await.unwrap().messages.into_iter().map(|m| m.id).collect();
        for (id, text) in ids.iter().zip(&texts) {
            assert_eq!(imap.fetch(id).await.unwrap().size(), Some(text.len() as u64), "{step}");
            assert!(read(&mut imap, id).await.unwrap() == *text, "{step}");
        }
        imap.close().await.unwrap();
    }
    server.shutdown().await;
}

#[tokio::test]
async fn pages_follow_each_other_oldest_first() {
    let server = start(|b| b).await;
    for n in 0..20 {
        server.deliver("alice", format!("Subject: {n}\r\n\r\n")).unwrap();
    }
    let mut imap = imap(&server, config(&server, TlsMode::Implicit));
    let (mut seen, mut query) = (Vec::new(), Query::all().limit(7));
    loop {
        let page = imap.list(&query).await.unwrap();
        assert!(page.messages.len() <= 7);
        seen.extend(page.messages.into_iter().map(|m| m.id));
        if !page.more {
            break;
        }
        query = Query::all().limit(7).after(seen.last().unwrap().clone());
    }
    assert_eq!(seen.len(), 23);
    let mut texts = Vec::new();
    for id in &seen {
        texts.push(read(&mut imap, id).await.unwrap());
    }
    assert_eq!(texts, server.messages("alice", "INBOX"));
    server.shutdown().await;
}
