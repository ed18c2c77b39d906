//! Messages into a maildir.
#![allow(missing_docs)]

mod common;

use bytes::Bytes;
use common::{Dir, envelope};
use postrider_core::{Body, Envelope, ErrorKind, Outcome, OutgoingTransport};
use postrider_testkit::{body, run_polls};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn a_message_stands_in_new_once_with_lf_and_for_its_owner_only() {
    let dir = Dir::new();
    let mut out = dir.outgoing_with(|_| ());
    let chunks = ["Subject: x\r", "\n\r\nhel", "lo\r\n"];
    let body = Body::generate(0, move |n: usize| async move {
        Ok(chunks.get(n).map(|c| (Bytes::from_static(c.as_bytes()), n + 1)))
    });
    let receipt = out.send(&envelope(), body).await.unwrap();
    assert!(receipt.is_complete() && receipt.recipients.len() == 2);
    let files = dir.files("new");
    assert_eq!(files.len(), 1);
    assert_eq!(fs::read_to_string(&files[0]).unwrap(), "Subject: x\n\nhello\n");
    assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(dir.files("tmp"), [""; 0].map(std::path::PathBuf::from));
    let name = files[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(receipt.reply.text().contains(&name), "{} {name}", receipt.reply);
}

#[tokio::test]
async fn the_envelope_is_recorded_only_if_asked_for() {
    let dir = Dir::new();
    let mut out = dir.outgoing_with(|c| c.headers = true);
    let null = Envelope::parse(None, ["a@example.org"]).unwrap();
    for (envelope, want) in [
        (
            envelope(),
            "Return-Path: <me@example.org>\nDelivered-To: a@example.org\nDelivered-To: b@example.org\nx\n",
        ),
        (null, "Return-Path: <>\nDelivered-To: a@example.org\nx\n"),
    ] {
        out.send(&envelope, Body::from("x\r\n")).await.unwrap();
        let file = dir.files("new").remove(0);
        assert_eq!(fs::read_to_string(&file).unwrap(), want);
        fs::remove_file(file).unwrap();
    }
    let mut raw = dir.outgoing_with(|c| c.convert_line_ends = false);
    raw.send(&envelope(), Body::from("x\r\ny\n")).await.unwrap();
    assert_eq!(fs::read_to_string(dir.files("new").remove(0)).unwrap(), "x\r\ny\n");
}

#[tokio::test]
async fn a_body_that_fails_leaves_nothing() {
    let dir = Dir::new();
    let error = dir.outgoing_with(|_| ()).send(&envelope(), body::failing_after("half")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Body, Outcome::NotSent));
    assert!(dir.files("new").is_empty() && dir.files("tmp").is_empty());
}

#[test]
fn a_dropped_call_leaves_nothing() {
    let dir = Dir::new();
    let mut out = dir.outgoing_with(|_| ());
    let slow = Body::generate(true, |first| async move {
        if !first {
            std::future::pending::<()>().await;
        }
        Ok(Some((Bytes::from_static(b"half"), false)))
    });
    assert!(run_polls(out.send(&envelope(), slow), 5).is_none());
    assert!(dir.files("new").is_empty() && dir.files("tmp").is_empty());
}

#[tokio::test]
async fn a_maildir_that_is_not_there_gets_no_mail_unless_it_may_be_created() {
    let dir = Dir::new();
    let error =
        dir.outgoing_with(|c| c.folder = "A/B".into()).send(&envelope(), "x".into()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::NotFound, Outcome::NotSent));
    let mut out = dir.outgoing_with(|c| (c.folder, c.create) = ("A/B".into(), true));
    out.send(&envelope(), "x".into()).await.unwrap();
    assert_eq!(dir.files(".A.B/new").len(), 1);
}
