//! What only IMAP has, through its own type, against Dovecot.

use crate::{message, stored};
use postrider::{Body, ErrorKind, Flags, IncomingTransport as _, Query, Settle, Target, TlsMode, TokioHost};
use postrider_imap::{Imap, ImapConfig, SpecialUse};
use postrider_tests::mailbox::{Mailbox, has_flag};
use postrider_tests::servers::{Servers, or_skip};
use postrider_wire::Login;
use std::sync::Arc;

fn imap(servers: &Servers, mailbox: &Mailbox, change: impl FnOnce(&mut ImapConfig)) -> Imap {
    let mut target = Target::new("localhost", servers.port("DOVECOT_IMAPS"), TlsMode::Implicit).unwrap();
    target.tls_options.ca_file = Some(servers.setting("CA_FILE").into());
    let login = Login::password(&target, mailbox.user(), servers.password());
    let mut config = ImapConfig::new(target, login);
    change(&mut config);
    Imap::new(config, Arc::new(TokioHost::new()))
}

#[tokio::test]
async fn mailboxes_are_listed_with_what_they_are_for_and_made_by_any_name() {
    let Some(servers) = or_skip("mailboxes_are_listed_with_what_they_are_for_and_made_by_any_name") else {
        return;
    };
    let mailbox = Mailbox::claim(servers);
    let mut imap = imap(servers, &mailbox, |_| ());
    for name in ["Ärger/日本 & 😀", "with \"quotes\" \\ and %", " blank "] {
        imap.create(name).await.unwrap();
    }
    let all = imap.mailboxes().await.unwrap();
    let special = |use_: SpecialUse| all.iter().find(|m| m.special == Some(use_)).map(|m| m.name.as_str());
    assert_eq!(special(SpecialUse::Archive), Some("Archive"));
    assert_eq!(special(SpecialUse::Trash), Some("Trash"));
    for name in ["INBOX", "Ärger/日本 & 😀", "with \"quotes\" \\ and %", " blank "] {
        let found = all.iter().find(|m| m.name == name).unwrap_or_else(|| panic!("{name}: {all:?}"));
        assert!(found.selectable && found.delimiter == Some('/'), "{found:?}");
    }
    let namespaces = imap.namespaces().await.unwrap();
    assert_eq!((namespaces.personal.len(), namespaces.personal[0].delimiter), (1, Some('/')));
    Box::new(imap).close().await.unwrap();
}

#[tokio::test]
async fn what_is_appended_is_there_byte_for_byte_under_the_key_that_was_given() {
    let Some(servers) = or_skip("what_is_appended_is_there_byte_for_byte_under_the_key_that_was_given")
    else {
        return;
    };
    let mailbox = Mailbox::claim(servers);
    let mut drafts = imap(servers, &mailbox, |config| config.folder = "Drafts".into());
    let mut flags = Flags::default();
    flags.seen = true;
    for text in
        [&b"Subject: a\r\n\r\nno end"[..], b"Subject: b\r\n\r\n\xff\r\n.\r\n)\r\n", b"Subject: c\r\n\r\n"]
    {
        let key = drafts.append("Drafts", &flags, text.to_vec().into()).await.unwrap();
        let key = key.expect("Dovecot has UIDPLUS");
        let whole = drafts.fetch(&key).await.unwrap().read_all(1_000).await.unwrap();
        assert_eq!(whole, text);
    }
    assert!(mailbox.files("Drafts").iter().all(|file| has_flag(file, 'S')));
    let error = drafts.append("Nowhere", &flags, message("x").into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    // A body that is shorter than it was said to be stores nothing.
    let short = Body::from_bytes("Subject: d\r\n\r\n").with_size(500);
    let error = drafts.append("Drafts", &flags, short).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Body, "{error:?}");
    assert_eq!(drafts.list(&Query::all()).await.unwrap().messages.len(), 3);
    assert_eq!(mailbox.files("Drafts").len(), 3);
    Box::new(drafts).close().await.unwrap();
}

#[tokio::test]
async fn a_mailbox_that_was_numbered_anew_makes_old_keys_void() {
    let Some(servers) = or_skip("a_mailbox_that_was_numbered_anew_makes_old_keys_void") else { return };
    let mailbox = Mailbox::claim(servers);
    for subject in ["first", "second"] {
        mailbox.deposit(&stored(subject));
    }
    let mut before = imap(servers, &mailbox, |_| ());
    let old = before.list(&Query::all()).await.unwrap().messages;
    Box::new(before).close().await.unwrap();
    // Without its lists Dovecot gives the mailbox another UIDVALIDITY; the oldest is gone in the meantime, so
    // that numbers now mean other messages.
    let home = servers.folder().join("mail").join(mailbox.user());
    for entry in std::fs::read_dir(&home).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("dovecot") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    std::fs::remove_file(&mailbox.files("INBOX")[0]).unwrap();
    // UIDVALIDITY is the time in seconds.
    postrider_tests::mailbox::until("the next second", {
        let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let begun = now();
        move || now() > begun + 1
    });
    let mut after = imap(servers, &mailbox, |_| ());
    let new = after.list(&Query::all()).await.unwrap().messages;
    assert_eq!(new.len(), 1);
    assert!(old.iter().all(|m| m.id != new[0].id), "{old:?} {new:?}");
    for id in old.iter().map(|m| &m.id) {
        assert_eq!(after.fetch(id).await.unwrap_err().kind(), ErrorKind::NotFound, "{id}");
        let _ = after.settle(std::slice::from_ref(id), &Settle::Delete).await;
    }
    assert_eq!(mailbox.messages("INBOX"), [stored("second")], "an old key never deletes another message");
    Box::new(after).close().await.unwrap();
}

#[tokio::test]
async fn a_mailbox_opened_to_be_read_only_is_not_changed() {
    let Some(servers) = or_skip("a_mailbox_opened_to_be_read_only_is_not_changed") else { return };
    let mailbox = Mailbox::claim(servers);
    mailbox.deposit(&stored("stays"));
    let mut imap = imap(servers, &mailbox, |config| config.read_only = true);
    let id = imap.list(&Query::all()).await.unwrap().messages[0].id.clone();
    for how in [Settle::Seen, Settle::Delete, Settle::Move("Archive".into())] {
        assert!(imap.settle(std::slice::from_ref(&id), &how).await.is_err(), "{how:?}");
    }
    imap.settle(std::slice::from_ref(&id), &Settle::Keep).await.unwrap();
    assert_eq!(imap.fetch(&id).await.unwrap().read_all(1_000).await.unwrap(), message("stays"));
    Box::new(imap).close().await.unwrap();
    let files = mailbox.files("INBOX");
    assert!(files.len() == 1 && !has_flag(&files[0], 'S') && !has_flag(&files[0], 'T'));
}
