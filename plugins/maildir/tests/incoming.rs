//! Messages out of a maildir that other programs work in too.
#![allow(missing_docs)]

mod common;

use common::{Dir, deliver};
use postrider_core::{ErrorKind, IncomingTransport, MessageId, Query, Settle, Wake};
use postrider_testkit::run;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

#[tokio::test]
async fn messages_come_oldest_first_with_flags_and_keys_that_stay() {
    let dir = Dir::new();
    fs::write(dir.path("new/1000.M2P1.h"), "c\n").unwrap();
    fs::write(dir.path("cur/1000.M1P1.h:2,FS"), "b\n").unwrap();
    fs::write(dir.path("cur/999.x:2,"), "a\n").unwrap();
    let mut maildir = dir.incoming();
    let all = maildir.list(&Query::all()).await.unwrap();
    let keys: Vec<&str> = all.messages.iter().map(|m| m.id.as_str()).collect();
    assert_eq!(keys, ["maildir:INBOX/999.x", "maildir:INBOX/1000.M1P1.h", "maildir:INBOX/1000.M2P1.h"]);
    assert!(all.messages[1].flags.seen && all.messages[1].flags.flagged && !all.messages[2].flags.seen);
    assert_eq!(all.messages[0].size, Some(2));
    assert!(dir.path("cur/1000.M2P1.h:2,").exists(), "what was listed has left new");
    assert_eq!(maildir.list(&Query::unseen()).await.unwrap().messages.len(), 2);
    // Another program changes flags.
    fs::rename(dir.path("cur/999.x:2,"), dir.path("cur/999.x:2,R")).unwrap();
    let body = maildir.fetch(&all.messages[0].id).await.unwrap().read_all(10).await.unwrap();
    assert_eq!(body, "a\r\n");
}

#[tokio::test]
async fn pages_follow_each_other_also_after_a_message_that_is_gone() {
    let dir = Dir::new();
    for n in 0..25 {
        fs::write(dir.path(&format!("new/{}.M{n}P1.h", 1000 + n / 5)), "x").unwrap();
    }
    let (mut maildir, mut query, mut seen) = (dir.incoming(), Query::all().limit(10), Vec::new());
    loop {
        let page = maildir.list(&query).await.unwrap();
        seen.extend(page.messages.iter().map(|m| m.id.clone()));
        if !page.more {
            break;
        }
        maildir.settle(&seen[seen.len() - 1..], &Settle::Delete).await.unwrap();
        query = query.after(seen.last().unwrap().clone());
    }
    let mut once = seen.clone();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (25, 25));
}

#[tokio::test]
async fn settling_changes_flags_moves_and_deletes_and_gone_counts_as_done() {
    let dir = Dir::new();
    for n in 1..=3 {
        fs::write(dir.path(&format!("new/{n}.h")), "x").unwrap();
    }
    let mut maildir = dir.incoming();
    let ids: Vec<MessageId> =
        maildir.list(&Query::all()).await.unwrap().messages.into_iter().map(|m| m.id).collect();
    maildir.settle(&ids[..1], &Settle::Seen).await.unwrap();
    maildir.settle(&ids[..1], &Settle::Seen).await.unwrap();
    assert!(dir.path("cur/1.h:2,S").exists());
    let missing = maildir.settle(&ids[..1], &Settle::Move("Entwürfe/2026".into())).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(dir.path(".Entw&APw-rfe.2026").join(part)).unwrap();
    }
    maildir.settle(&ids[..1], &Settle::Move("Entwürfe/2026".into())).await.unwrap();
    assert!(dir.path(".Entw&APw-rfe.2026/cur/1.h:2,S").exists());
    // Deleted with other flags than we knew.
    fs::rename(dir.path("cur/2.h:2,"), dir.path("cur/2.h:2,RS")).unwrap();
    fs::remove_file(dir.path("cur/3.h:2,")).unwrap();
    for how in [Settle::Delete, Settle::Seen, Settle::Move("Entwürfe/2026".into())] {
        maildir.settle(&ids, &how).await.unwrap();
    }
    assert_eq!(fs::read_dir(dir.path("cur")).unwrap().count(), 0);
    assert_eq!(maildir.fetch(&ids[2]).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_move_never_overwrites_and_half_a_move_is_finished() {
    let dir = Dir::new();
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(dir.path(".A").join(part)).unwrap();
    }
    fs::write(dir.path("cur/1.h:2,"), "ours").unwrap();
    fs::write(dir.path(".A/cur/1.h:2,"), "theirs").unwrap();
    fs::write(dir.path("cur/2.h:2,"), "half").unwrap();
    fs::hard_link(dir.path("cur/2.h:2,"), dir.path(".A/cur/2.h:2,")).unwrap();
    let mut maildir = dir.incoming();
    let ids: Vec<MessageId> =
        maildir.list(&Query::all()).await.unwrap().messages.into_iter().map(|m| m.id).collect();
    let taken = maildir.settle(&ids[..1], &Settle::Move("A".into())).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Rejected);
    assert_eq!(fs::read(dir.path(".A/cur/1.h:2,")).unwrap(), b"theirs");
    assert_eq!(fs::read(dir.path("cur/1.h:2,")).unwrap(), b"ours");
    maildir.settle(&ids[1..], &Settle::Move("A".into())).await.unwrap();
    assert!(!dir.path("cur/2.h:2,").exists() && dir.path(".A/cur/2.h:2,").exists());
}

#[tokio::test]
async fn two_messages_of_one_name_are_both_kept() {
    let dir = Dir::new();
    fs::write(dir.path("cur/1.h:2,"), "first").unwrap();
    fs::write(dir.path("new/1.h"), "second").unwrap();
    let mut maildir = dir.incoming();
    assert_eq!(maildir.list(&Query::all()).await.unwrap().messages.len(), 2);
}

#[tokio::test]
async fn neither_a_key_nor_a_link_leads_out_of_the_directory() {
    let dir = Dir::new();
    fs::write(dir.path("secret"), "not mail").unwrap();
    symlink(dir.path("secret"), dir.path("cur/1.link:2,")).unwrap();
    symlink(dir.path("secret"), dir.path("new/2.link")).unwrap();
    fs::create_dir(dir.path("cur/3.dir")).unwrap();
    fs::write(dir.path("cur/.hidden"), "x").unwrap();
    let mut maildir = dir.incoming();
    assert_eq!(maildir.list(&Query::all()).await.unwrap().messages, []);
    for (folder, name) in [
        ("INBOX", "../secret"),
        ("INBOX", ".."),
        ("..", "secret"),
        ("INBOX", "a/../../secret"),
        ("INBOX", ""),
    ] {
        let id = MessageId::new("maildir", [folder, name]);
        assert_eq!(maildir.fetch(&id).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{id}");
        let deleted = maildir.settle(&[id], &Settle::Delete).await;
        assert_eq!(deleted.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let link = MessageId::new("maildir", ["INBOX", "1.link"]);
    assert_eq!(maildir.fetch(&link).await.unwrap_err().kind(), ErrorKind::NotFound);
    for mailbox in ["..", "../x", "/etc", "a.b", ""] {
        let moved = maildir.settle(&[], &Settle::Move(mailbox.into())).await;
        assert_eq!(moved.unwrap_err().kind(), ErrorKind::InvalidInput, "{mailbox}");
    }
    assert!(dir.path("secret").exists());
}

#[tokio::test]
async fn a_large_message_streams_in_pieces_and_one_that_is_too_large_is_refused() {
    let dir = Dir::new();
    let line = "0123456789abcdef\n".repeat(100_000);
    fs::write(dir.path("new/1.h"), &line).unwrap();
    let mut maildir = dir.incoming();
    let id = maildir.list(&Query::all()).await.unwrap().messages.remove(0).id;
    let (mut body, mut got) = (maildir.fetch(&id).await.unwrap(), Vec::new());
    while let Some(chunk) = body.chunk().await.unwrap() {
        assert!(chunk.len() <= 128 * 1024);
        got.extend_from_slice(&chunk);
    }
    drop(body);
    assert!(got == line.replace('\n', "\r\n").as_bytes());
    let mut small = dir.incoming_with(|c| c.max_size = 1000);
    assert_eq!(small.fetch(&id).await.unwrap_err().kind(), ErrorKind::Limit);
}

#[tokio::test]
async fn a_file_that_is_cut_short_while_it_is_read_is_no_whole_message() {
    let dir = Dir::new();
    let path = dir.path("cur/1.h:2,");
    fs::write(&path, "x".repeat(300_000)).unwrap();
    let mut maildir = dir.incoming();
    let id = maildir.list(&Query::all()).await.unwrap().messages.remove(0).id;
    let mut body = maildir.fetch(&id).await.unwrap();
    body.chunk().await.unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(70_000).unwrap();
    assert_eq!(body.read_all(1 << 20).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn waiting_ends_with_the_time_or_with_a_message_that_comes_meanwhile() {
    let dir = Dir::new();
    let mut maildir = dir.incoming();
    let wakes = run(&dir.host, async {
        maildir.list(&Query::all()).await.unwrap();
        let elapsed = maildir.wait(Duration::from_secs(60)).await.unwrap();
        deliver(&dir, "x").await;
        let news = maildir.wait(Duration::from_secs(60)).await.unwrap();
        maildir.list(&Query::all()).await.unwrap();
        (elapsed, news, maildir.wait(Duration::from_secs(60)).await.unwrap())
    });
    assert_eq!(wakes.unwrap(), (Wake::Elapsed, Wake::News, Wake::Elapsed));
}

#[tokio::test]
async fn a_path_that_is_not_there_is_an_error_and_not_created_unasked() {
    let dir = Dir::new();
    let mut maildir = dir.incoming_with(|c| c.path = c.path.join("nowhere"));
    let error = maildir.list(&Query::all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.advice().unwrap().contains("create"), "{error}");
    assert!(!dir.path("nowhere").exists());
    let mut created = dir.incoming_with(|c| (c.path, c.create) = (c.path.join("nowhere"), true));
    assert_eq!(created.list(&Query::all()).await.unwrap().messages, []);
}

#[test]
fn two_readers_and_a_deliverer_at_once_lose_nothing_and_fail_at_nothing() {
    let dir = Dir::new();
    let read = |dir: &Dir| {
        let mut maildir = dir.incoming();
        let host = dir.host.clone();
        move || {
            run(&host, async {
                let mut taken = BTreeSet::new();
                for _ in 0..200 {
                    let page = maildir.list(&Query::all().limit(7)).await.unwrap();
                    for info in page.messages {
                        maildir.settle(std::slice::from_ref(&info.id), &Settle::Seen).await.unwrap();
                        match maildir.fetch(&info.id).await {
                            Ok(body) => assert_eq!(body.read_all(100).await.unwrap(), "hello\r\n"),
                            Err(e) => assert_eq!(e.kind(), ErrorKind::NotFound),
                        }
                        maildir.settle(std::slice::from_ref(&info.id), &Settle::Delete).await.unwrap();
                        taken.insert(info.id);
                    }
                }
                taken
            })
            .unwrap()
        }
    };
    let (one, two) = (read(&dir), read(&dir));
    std::thread::scope(|scope| {
        let readers = [scope.spawn(one), scope.spawn(two)];
        run(&dir.host, async {
            for _ in 0..100 {
                deliver(&dir, "hello\n").await;
            }
        })
        .unwrap();
        let mut seen: BTreeSet<MessageId> = readers.into_iter().flat_map(|r| r.join().unwrap()).collect();
        let left = run(&dir.host, async { dir.incoming().list(&Query::all()).await.unwrap().messages });
        seen.extend(left.unwrap().into_iter().map(|info| info.id));
        assert_eq!(seen.len(), 100, "a message was lost, or its key changed");
    });
}
