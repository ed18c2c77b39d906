//! IMAP against Dovecot.

use crate::{assert_clear, envelope, message, stored};
use postrider::{ErrorKind, MessageId, Phase, Query, Settle, Wake};
use postrider_tests::mailbox::{Mailbox, has_flag};
use postrider_tests::properties::Text;
use postrider_tests::servers::{Servers, or_skip};
use std::time::Duration;

const WAYS: &[(&str, &str)] = &[
    ("DOVECOT_IMAP", "none"),
    ("DOVECOT_IMAP", "starttls-if-offered"),
    ("DOVECOT_IMAP", "starttls"),
    ("DOVECOT_IMAPS", "implicit"),
];

fn text(servers: &Servers, mailbox: &Mailbox) -> Text {
    Text::new(servers, "imap", "DOVECOT_IMAPS", "implicit").signed_in(servers, mailbox.user())
}

async fn keys(text: &Text, query: &Query) -> Vec<MessageId> {
    let mut inbox = text.inbox();
    let listing = inbox.list(query).await.unwrap();
    inbox.close().await.unwrap();
    listing.messages.into_iter().map(|m| m.id).collect()
}

#[tokio::test]
async fn mail_comes_in_in_each_tls_mode_with_the_same_keys_and_unseen() {
    let Some(servers) = or_skip("imap: mail_comes_in_in_each_tls_mode_with_the_same_keys_and_unseen") else {
        return;
    };
    let mailbox = Mailbox::claim(servers);
    for subject in ["first", "second", "third"] {
        mailbox.deposit(&stored(subject));
    }
    let mut seen = Vec::new();
    for (server, tls) in WAYS {
        let text = Text::new(servers, "imap", server, tls).signed_in(servers, mailbox.user());
        let mut inbox = text.inbox();
        let messages = inbox.list(&Query::unseen()).await.unwrap().messages;
        for (info, subject) in messages.iter().zip(["first", "second", "third"]) {
            assert!(info.stable && info.size == Some(message(subject).len() as u64), "{info:?}");
            let whole = inbox.fetch(&info.id).await.unwrap().read_all(1 << 20).await.unwrap();
            assert_eq!(whole, message(subject), "{server} {tls}");
        }
        inbox.close().await.unwrap();
        seen.push(messages.iter().map(|m| m.id.to_string()).collect::<Vec<_>>());
    }
    assert!(seen.iter().all(|keys| *keys == seen[0] && keys.len() == 3), "{seen:?}");
    assert!(seen[0][0].starts_with(&format!("imap:{}@localhost/INBOX/", mailbox.user())), "{seen:?}");
    assert!(mailbox.files("INBOX").iter().all(|file| !has_flag(file, 'S')), "fetching marks nothing");
}

#[tokio::test]
async fn a_message_is_settled_as_asked_and_the_others_stay() {
    let Some(servers) = or_skip("imap: a_message_is_settled_as_asked_and_the_others_stay") else { return };
    let mailbox = Mailbox::claim(servers);
    for how in ["keep", "see", "move", "delete", "stay"] {
        mailbox.deposit(&stored(how));
    }
    let text = text(servers, &mailbox);
    let ids = keys(&text, &Query::all()).await;
    let mut inbox = text.inbox();
    let archive = Settle::Move("Archive".into());
    for (id, how) in ids.iter().zip([&Settle::Keep, &Settle::Seen, &archive, &Settle::Delete]) {
        inbox.settle(std::slice::from_ref(id), how).await.unwrap();
        // Settled is settled: asking again is no error.
        inbox.settle(std::slice::from_ref(id), how).await.unwrap();
    }
    inbox.close().await.unwrap();
    assert_eq!(mailbox.messages("Archive"), [stored("move")]);
    assert_eq!(mailbox.messages("INBOX").len(), 3);
    for file in mailbox.files("INBOX") {
        let is_seen = std::fs::read(&file).unwrap() == stored("see");
        assert_eq!(has_flag(&file, 'S'), is_seen, "{file:?}");
        assert!(!has_flag(&file, 'T'), "marked as deleted and left: {file:?}");
    }
    assert_eq!(keys(&text, &Query::unseen()).await, [ids[0].clone(), ids[4].clone()]);
    let mut inbox = text.inbox();
    let error = inbox.fetch(&ids[3]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    let error = inbox.settle(&ids[..1], &Settle::Move("No such mailbox".into())).await.unwrap_err();
    assert_eq!(error.phase(), Phase::Settle, "{error:?}");
    assert!(error.to_string().contains("No such mailbox") && error.advice().is_some(), "{error}");
    assert_eq!(mailbox.messages("INBOX").len(), 3);
}

#[tokio::test]
async fn a_mailbox_beyond_ascii_is_moved_to_and_read() {
    let Some(servers) = or_skip("imap: a_mailbox_beyond_ascii_is_moved_to_and_read") else { return };
    let mailbox = Mailbox::claim(servers);
    mailbox.deposit(&stored("über"));
    let text = text(servers, &mailbox);
    let ids = keys(&text, &Query::all()).await;
    // On disk its name is in modified UTF-7.
    mailbox.create("Entw&APw-rfe &- mehr");
    let name = "Entwürfe & mehr";
    let mut inbox = text.inbox();
    inbox.settle(&ids, &Settle::Move(name.into())).await.unwrap();
    inbox.close().await.unwrap();
    assert!(mailbox.files("INBOX").is_empty());
    let there = text.and("folder", name);
    let moved = keys(&there, &Query::all()).await;
    assert_eq!(moved.len(), 1);
    let mut inbox = there.inbox();
    let whole = inbox.fetch(&moved[0]).await.unwrap().read_all(1 << 20).await.unwrap();
    assert_eq!(whole, message("über"));
    inbox.close().await.unwrap();
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_is_told_by_name() {
    let Some(servers) = or_skip("imap: a_mailbox_that_is_not_there_is_told_by_name") else { return };
    let mailbox = Mailbox::claim(servers);
    let mut inbox = text(servers, &mailbox).and("folder", "Nowhere").inbox();
    let error = inbox.list(&Query::all()).await.unwrap_err();
    // Dovecot says so in words for people only, and without the code NONEXISTENT.
    assert_clear(&error, ErrorKind::Rejected, Phase::Select, &["Nowhere", "folder"]);
}

#[tokio::test]
async fn idle_ends_when_mail_is_delivered_and_not_before() {
    let Some(servers) = or_skip("imap: idle_ends_when_mail_is_delivered_and_not_before") else { return };
    let mailbox = Mailbox::claim(servers);
    mailbox.deposit(&stored("old"));
    for (server, tls) in [("DOVECOT_IMAP", "none"), ("DOVECOT_IMAPS", "implicit")] {
        // Polling would not notice within the limit: only the server's word does.
        let text = Text::new(servers, "imap", server, tls).signed_in(servers, mailbox.user());
        let mut inbox = text.and("pollinterval", "1h").inbox();
        let before = inbox.list(&Query::all()).await.unwrap().messages;
        assert_eq!(inbox.wait(Duration::from_millis(300)).await.unwrap(), Wake::Elapsed);
        let mailer = Text::new(servers, "smtp", "POSTFIX_SMTP", "none").mailer();
        let (to, text) = (envelope(&mailbox), message("new"));
        let (woken, sent) = tokio::join!(inbox.wait(Duration::from_secs(60)), mailer.send(&to, text.into()));
        sent.unwrap();
        assert_eq!(woken.unwrap(), Wake::News);
        let last = before.last().unwrap().id.clone();
        let mut new = Vec::new();
        // LMTP may still be at it when the first sign arrives.
        while new.is_empty() {
            new = inbox.list(&Query::all().after(last.clone())).await.unwrap().messages;
        }
        let whole = inbox.fetch(&new[0].id).await.unwrap().read_all(1 << 20).await.unwrap();
        assert!(whole.ends_with(&message("new")), "the session goes on after IDLE");
        // What came before the wait began ends it at once.
        mailbox.deposit(&stored("meanwhile"));
        assert_eq!(inbox.wait(Duration::from_secs(60)).await.unwrap(), Wake::News);
        inbox.close().await.unwrap();
    }
}

#[tokio::test]
async fn polling_serves_where_idle_is_switched_off() {
    let Some(servers) = or_skip("imap: polling_serves_where_idle_is_switched_off") else { return };
    let mailbox = Mailbox::claim(servers);
    let mut inbox = text(servers, &mailbox).and("idle", false).and("pollinterval", "100ms").inbox();
    assert!(inbox.list(&Query::all()).await.unwrap().messages.is_empty());
    assert_eq!(inbox.wait(Duration::from_millis(250)).await.unwrap(), Wake::Elapsed);
    mailbox.deposit(&stored("new"));
    assert_eq!(inbox.wait(Duration::from_secs(60)).await.unwrap(), Wake::News);
    assert_eq!(inbox.list(&Query::all()).await.unwrap().messages.len(), 1);
    inbox.close().await.unwrap();
}

#[tokio::test]
async fn pages_follow_each_other() {
    let Some(servers) = or_skip("imap: pages_follow_each_other") else { return };
    let mailbox = Mailbox::claim(servers);
    for n in 0..25 {
        mailbox.deposit(&stored(&format!("number {n}")));
    }
    let text = text(servers, &mailbox);
    let whole = keys(&text, &Query::all()).await;
    assert_eq!(whole.len(), 25);
    let mut inbox = text.inbox();
    let (mut query, mut all) = (Query::all().limit(10), Vec::new());
    loop {
        let page = inbox.list(&query).await.unwrap();
        assert!(page.messages.len() <= 10);
        all.extend(page.messages.into_iter().map(|m| m.id));
        if !page.more {
            break;
        }
        query = Query::all().limit(10).after(all[all.len() - 1].clone());
    }
    assert_eq!(all, whole);
    inbox.close().await.unwrap();
}

#[tokio::test]
async fn every_mechanism_signs_in() {
    let Some(servers) = or_skip("imap: every_mechanism_signs_in") else { return };
    let (token, user) = (servers.setting("OAUTH_TOKEN"), servers.setting("OAUTH_USER"));
    for (server, tls) in WAYS {
        for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"] {
            let text = Text::new(servers, "imap", server, tls).and("auth.mechanisms", mechanism);
            let text = match mechanism {
                "XOAUTH2" | "OAUTHBEARER" => text.and("user", user).and("auth.token", token),
                _ => text.signed_in(servers, "bob"),
            };
            let mut inbox = text.inbox();
            if let Err(error) = inbox.list(&Query::all()).await {
                panic!("{server} {tls} {mechanism}: {error:?}");
            }
            inbox.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_does_not_sign_in_is_told_in_words() {
    let Some(servers) = or_skip("imap: what_does_not_sign_in_is_told_in_words") else { return };
    let text = Text::new(servers, "imap", "DOVECOT_IMAP", "starttls");
    for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        let wrong =
            text.clone().and("user", "bob").and("password", "wrong").and("auth.mechanisms", mechanism);
        let error = wrong.inbox().list(&Query::all()).await.unwrap_err();
        assert_clear(
            &error,
            ErrorKind::Authentication,
            Phase::Authenticate,
            &["AUTHENTICATIONFAILED", "password"],
        );
    }
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let expired = servers.setting("OAUTH_EXPIRED_TOKEN");
        let text =
            text.clone().and("user", "alice").and("auth.token", expired).and("auth.mechanisms", mechanism);
        let error = text.inbox().list(&Query::all()).await.unwrap_err();
        assert_clear(&error, ErrorKind::Authentication, Phase::Authenticate, &["token"]);
    }
}

#[tokio::test]
async fn a_client_certificate_signs_in_by_external() {
    let Some(servers) = or_skip("imap: a_client_certificate_signs_in_by_external") else { return };
    let bare = Text::new(servers, "imap", "DOVECOT_CERT_IMAPS", "implicit");
    let shown = bare
        .clone()
        .and("ssl.certfile", servers.setting("CLIENT_CERT"))
        .and("ssl.keyfile", servers.setting("CLIENT_KEY"));
    for text in [shown.clone(), shown.and("auth.mechanisms", "EXTERNAL")] {
        let mut inbox = text.inbox();
        inbox.list(&Query::all()).await.unwrap();
        inbox.close().await.unwrap();
    }
    let error = bare.signed_in(servers, "alice").inbox().list(&Query::all()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Tls | ErrorKind::Authentication), "{error:?}");
    assert!(error.advice().is_some(), "{error}");
}

#[tokio::test]
async fn a_message_above_the_limit_is_refused_and_the_next_one_comes() {
    let Some(servers) = or_skip("imap: a_message_above_the_limit_is_refused_and_the_next_one_comes") else {
        return;
    };
    let mailbox = Mailbox::claim(servers);
    mailbox.deposit(&[stored("large"), vec![b'x'; 5_000]].concat());
    mailbox.deposit(&stored("small"));
    let mut inbox = text(servers, &mailbox).and("maxsize", "4KiB").inbox();
    let messages = inbox.list(&Query::all()).await.unwrap().messages;
    let error = inbox.receive(&messages[0].id).await.unwrap_err();
    assert_clear(&error, ErrorKind::Limit, Phase::Fetch, &["maxsize"]);
    let small = inbox.fetch(&messages[1].id).await.unwrap().read_all(4_096).await.unwrap();
    assert_eq!(small, message("small"));
    inbox.close().await.unwrap();
}

#[tokio::test]
async fn a_message_in_pieces_is_the_one_that_streams() {
    let Some(servers) = or_skip("imap: a_message_in_pieces_is_the_one_that_streams") else { return };
    let mailbox = Mailbox::claim(servers);
    // It lies there with bare LF: what is sent, and the size that is told, are longer.
    let lines: String = (0..4_000).map(|n| format!("line {n}\n")).collect();
    mailbox.deposit(&[stored("long"), lines.clone().into_bytes()].concat());
    let whole = [message("long"), lines.replace('\n', "\r\n").into_bytes()].concat();
    for (key, value) in
        [("partialfetch", "true"), ("fetchsize", "1000"), ("fetchsize", "1MiB"), ("fetchsize", "97")]
    {
        let mut inbox = text(servers, &mailbox).and(key, value).inbox();
        let id = inbox.list(&Query::all()).await.unwrap().messages.remove(0).id;
        let body = inbox.fetch(&id).await.unwrap();
        assert_eq!(body.size(), Some(whole.len() as u64), "{key}={value}");
        assert!(body.read_all(1 << 20).await.unwrap() == whole, "{key}={value}");
        inbox.close().await.unwrap();
    }
}
