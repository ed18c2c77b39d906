//! POP3 against Dovecot.

use crate::{assert_clear, message, stored};
use postrider::{ErrorKind, MessageInfo, Phase, Query, Settle, Wake};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::properties::Text;
use postrider_tests::servers::{Servers, or_skip};
use std::time::Duration;

const WAYS: &[(&str, &str)] = &[
    ("DOVECOT_POP3", "none"),
    ("DOVECOT_POP3", "starttls-if-offered"),
    ("DOVECOT_POP3", "starttls"),
    ("DOVECOT_POP3S", "implicit"),
];

fn text(servers: &Servers, mailbox: &Mailbox) -> Text {
    Text::new(servers, "pop3", "DOVECOT_POP3S", "implicit").signed_in(servers, mailbox.user())
}

fn keys(messages: &[MessageInfo]) -> Vec<String> {
    messages.iter().map(|m| m.id.to_string()).collect()
}

#[tokio::test]
async fn mail_comes_in_in_each_tls_mode_with_the_same_keys() {
    let Some(servers) = or_skip("pop3: mail_comes_in_in_each_tls_mode_with_the_same_keys") else { return };
    let mailbox = Mailbox::claim(servers);
    for subject in ["first", "second", "third"] {
        mailbox.deposit(&stored(subject));
    }
    let mut seen = Vec::new();
    for (server, tls) in WAYS {
        let text = Text::new(servers, "pop3", server, tls).signed_in(servers, mailbox.user());
        let mut inbox = text.inbox();
        let messages = inbox.list(&Query::all()).await.unwrap().messages;
        for (info, subject) in messages.iter().zip(["first", "second", "third"]) {
            assert!(info.stable && info.size == Some(message(subject).len() as u64), "{info:?}");
            let whole = inbox.fetch(&info.id).await.unwrap().read_all(1 << 20).await.unwrap();
            assert_eq!(whole, message(subject), "{server} {tls}");
        }
        inbox.close().await.unwrap();
        seen.push(keys(&messages));
    }
    assert!(seen.iter().all(|keys| *keys == seen[0] && keys.len() == 3), "{seen:?}");
    assert!(seen[0][0].starts_with(&format!("pop3:{}@localhost/", mailbox.user())), "{seen:?}");
    assert_eq!(mailbox.files("INBOX").len(), 3);
}

#[tokio::test]
async fn deletions_are_committed_by_close_and_by_nothing_less() {
    let Some(servers) = or_skip("pop3: deletions_are_committed_by_close_and_by_nothing_less") else { return };
    let mailbox = Mailbox::claim(servers);
    for n in 0..4 {
        mailbox.deposit(&stored(&format!("number {n}")));
    }
    let mut inbox = text(servers, &mailbox).inbox();
    let messages = inbox.list(&Query::all()).await.unwrap().messages;
    inbox.settle(&[messages[0].id.clone(), messages[2].id.clone()], &Settle::Delete).await.unwrap();
    drop(inbox);
    let mut inbox = text(servers, &mailbox).inbox();
    let again = inbox.list(&Query::all()).await.unwrap().messages;
    assert_eq!(keys(&again), keys(&messages), "a session that was cut deletes nothing");
    inbox.settle(&[again[0].id.clone(), again[2].id.clone()], &Settle::Delete).await.unwrap();
    inbox.settle(&[again[1].id.clone()], &Settle::Keep).await.unwrap();
    assert_eq!(mailbox.files("INBOX").len(), 4, "before QUIT");
    inbox.close().await.unwrap();
    assert_eq!(mailbox.messages("INBOX"), [stored("number 1"), stored("number 3")]);
    let mut inbox = text(servers, &mailbox).inbox();
    let error = inbox.fetch(&again[0].id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    inbox.settle(&[again[0].id.clone()], &Settle::Delete).await.unwrap();
    inbox.close().await.unwrap();
    assert_eq!(mailbox.files("INBOX").len(), 2);
}

#[tokio::test]
async fn what_pop3_can_not_do_is_unsupported_and_costs_nothing() {
    let Some(servers) = or_skip("pop3: what_pop3_can_not_do_is_unsupported_and_costs_nothing") else {
        return;
    };
    let mailbox = Mailbox::claim(servers);
    mailbox.deposit(&stored("stays"));
    let mut inbox = text(servers, &mailbox).inbox();
    let ids = [inbox.list(&Query::all()).await.unwrap().messages[0].id.clone()];
    for how in [Settle::Seen, Settle::Move("Archive".into())] {
        let error = inbox.settle(&ids, &how).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Settle), "{error:?}");
    }
    assert_eq!(inbox.list(&Query::unseen()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    inbox.close().await.unwrap();
    assert_eq!(mailbox.files("INBOX").len(), 1);
}

#[tokio::test]
async fn pages_follow_each_other_and_new_mail_ends_a_wait() {
    let Some(servers) = or_skip("pop3: pages_follow_each_other_and_new_mail_ends_a_wait") else { return };
    let mailbox = Mailbox::claim(servers);
    for n in 0..7 {
        mailbox.deposit(&stored(&format!("number {n}")));
    }
    let mut inbox = text(servers, &mailbox).and("pollinterval", "100ms").inbox();
    let (mut query, mut all) = (Query::all().limit(3), Vec::new());
    loop {
        let page = inbox.list(&query).await.unwrap();
        all.extend(page.messages);
        if !page.more {
            break;
        }
        query = Query::all().limit(3).after(all[all.len() - 1].id.clone());
    }
    assert_eq!(all.len(), 7);
    assert_eq!(inbox.wait(Duration::from_millis(1)).await.unwrap(), Wake::Elapsed);
    mailbox.deposit(&stored("new"));
    assert_eq!(inbox.wait(Duration::from_secs(30)).await.unwrap(), Wake::News);
    let new = inbox.list(&Query::all().after(all[6].id.clone())).await.unwrap().messages;
    assert_eq!(new.len(), 1);
    assert_eq!(inbox.receive(&new[0].id).await.unwrap().len(), message("new").len() as u64);
    inbox.close().await.unwrap();
}

#[tokio::test]
async fn every_mechanism_signs_in() {
    let Some(servers) = or_skip("pop3: every_mechanism_signs_in") else { return };
    let (token, user) = (servers.setting("OAUTH_TOKEN"), servers.setting("OAUTH_USER"));
    for (server, tls) in WAYS {
        let text = Text::new(servers, "pop3", server, tls);
        for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"] {
            let text = text.clone().and("auth.mechanisms", mechanism);
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
        let mut inbox = text.and("apop.enable", true).signed_in(servers, "bob").inbox();
        inbox.list(&Query::all()).await.unwrap();
        inbox.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_does_not_sign_in_is_told_in_words() {
    let Some(servers) = or_skip("pop3: what_does_not_sign_in_is_told_in_words") else { return };
    let text = Text::new(servers, "pop3", "DOVECOT_POP3", "starttls");
    for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        let wrong =
            text.clone().and("user", "bob").and("password", "wrong").and("auth.mechanisms", mechanism);
        let error = wrong.inbox().list(&Query::all()).await.unwrap_err();
        assert_clear(&error, ErrorKind::Authentication, Phase::Authenticate, &["-ERR", "password"]);
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
async fn a_message_above_the_limit_is_refused_and_the_next_one_comes() {
    let Some(servers) = or_skip("pop3: a_message_above_the_limit_is_refused_and_the_next_one_comes") else {
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
    assert_eq!(mailbox.files("INBOX").len(), 2);
}
