//! Flags, moves and deletions: what is sent, and what is never done to others' messages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_imap::{Imap, ImapConfig};

const STORE: &str = "C: {s} UID STORE 4,9:10 +FLAGS.SILENT (\\Deleted)\nS: {s} OK\n";
/// With UIDPLUS both commands leave at once.
const REMOVE: &str =
    "C: {s} UID STORE 4,9:10 +FLAGS.SILENT (\\Deleted)\nC: {e} UID EXPUNGE 4,9:10\nS: {s} OK\nS: {e} OK\n";

async fn settle(imap: &mut Imap, how: Settle) -> Result<()> {
    imap.settle(&[key(10), key(4), key(9), key(4)], &how).await
}

fn archive() -> Settle {
    Settle::Move("Archive".into())
}

fn done(config: ImapConfig, capabilities: &str, script: &str, how: Settle) {
    let (outcome, host) =
        play(config, &(opened(capabilities) + script), async |imap| settle(imap, how).await);
    assert!(outcome.is_ok(), "{script}: {outcome:?}");
    host.assert_followed();
}

fn refused(capabilities: &str, script: &str, how: Settle) -> Error {
    let script = opened(capabilities) + script;
    let (outcome, host) = play(pipelined(TlsMode::Implicit), &script, async |imap| settle(imap, how).await);
    host.assert_followed();
    outcome.unwrap_err()
}

#[test]
fn each_way_takes_one_set_however_many_and_in_whatever_order() {
    let me = || pipelined(TlsMode::Implicit);
    done(me(), "", "C: {s} UID STORE 4,9:10 +FLAGS.SILENT (\\Seen)\nS: {s} OK\n", Settle::Seen);
    done(me(), "UIDPLUS", REMOVE, Settle::Delete);
    done(me(), "MOVE", "C: {m} UID MOVE 4,9:10 \"Archive\"\nS: {m} OK\n", archive());
    let copy = "C: {c} UID COPY 4,9:10 \"Archive\"\nS: {c} OK\n";
    done(me(), "UIDPLUS", &format!("C: {{n}} NOOP\nS: {{n}} OK\n{copy}{REMOVE}"), archive());
}

#[test]
fn very_many_are_settled_in_portions() {
    let keys: Vec<MessageId> = (1..=2_000).map(|n| key(2 * n)).collect();
    let mut script = opened("");
    let mut set = String::new();
    let mut count = 0;
    for uid in (1..=2_000).map(|n| 2 * n) {
        if set.len() + 1 + uid.to_string().len() > 4_000 {
            script += &format!("C: {{t}} UID STORE {set} +FLAGS.SILENT (\\Seen)\nS: {{t}} OK\n")
                .replace("{t}", ["{ta}", "{tb}", "{tc}"][count]);
            set.clear();
            count += 1;
        }
        set = if set.is_empty() { uid.to_string() } else { format!("{set},{uid}") };
    }
    script += &format!("C: {{z}} UID STORE {set} +FLAGS.SILENT (\\Seen)\nS: {{z}} OK\n");
    let (outcome, host) =
        play(pipelined(TlsMode::Implicit), &script, async |imap| imap.settle(&keys, &Settle::Seen).await);
    outcome.unwrap();
    host.assert_followed();
}

#[test]
fn without_uidplus_what_others_marked_is_never_expunged_unless_the_property_allows_it() {
    let others = "C: {o} UID SEARCH DELETED NOT UID 4,9:10\nS: * SEARCH 77\nS: {o} OK\n";
    let error = refused("", &format!("{others}{STORE}"), Settle::Delete);
    assert_eq!(
        (error.kind(), error.phase(), error.repeat()),
        (ErrorKind::Unsupported, Phase::Settle, Repeat::Never)
    );
    assert!(error.to_string().contains("expungeothers") && error.to_string().contains("marked"), "{error}");
    // Nothing is copied if it could not be removed here.
    let error = refused("", &format!("C: {{n}} NOOP\nS: {{n}} OK\n{others}"), archive());
    assert!(
        error.kind() == ErrorKind::Unsupported && error.to_string().contains("nothing was moved"),
        "{error}"
    );
    let alone = others.replace("SEARCH 77", "SEARCH");
    let expunge = "C: {e} EXPUNGE\nS: * 1 EXPUNGE\nS: {e} OK\n";
    done(pipelined(TlsMode::Implicit), "", &format!("{alone}{STORE}{expunge}"), Settle::Delete);
    let mut bold = pipelined(TlsMode::Implicit);
    bold.expunge_others = true;
    done(bold, "", &format!("{STORE}{expunge}"), Settle::Delete);
}

#[test]
fn a_refusal_at_any_step_is_told_in_the_servers_words() {
    let store = REMOVE.replace("{s} OK", "{s} NO [NOPERM] not yours");
    let expunge = REMOVE.replace("{e} OK", "{e} NO [NOPERM] not yours");
    let gone = "C: {m} UID MOVE 4,9:10 \"Archive\"\nS: {m} NO [TRYCREATE] no such mailbox\n";
    for (capabilities, script, how, kind) in [
        ("UIDPLUS", store.as_str(), Settle::Delete, ErrorKind::Rejected),
        ("UIDPLUS", &expunge, Settle::Delete, ErrorKind::Rejected),
        ("MOVE", gone, archive(), ErrorKind::NotFound),
        ("MOVE", &gone.replace("NO [TRYCREATE]", "NO [OVERQUOTA]"), archive(), ErrorKind::Limit),
        ("MOVE", &gone.replace("NO [TRYCREATE]", "NO [INUSE]"), archive(), ErrorKind::Deferred),
        ("MOVE", &gone.replace("NO [TRYCREATE]", "BAD"), archive(), ErrorKind::Rejected),
    ] {
        let error = refused(capabilities, script, how);
        assert_eq!((error.kind(), error.phase()), (kind, Phase::Settle), "{script}: {error}");
        assert!(error.reply().is_some(), "{error}");
    }
}

#[test]
fn a_copy_that_may_have_been_made_is_never_repeated_by_itself_and_the_error_says_so() {
    let start = "C: {n} NOOP\nS: {n} OK\nC: {c} UID COPY 4,9:10 \"Archive\"\n";
    for end in ["CUT\n", "S: {c} OK\nC~ *\nC~ *\nCUT\n", "S: {c} OK\nC~ *\nC~ *\nS: * BYE\nCUT\n"] {
        let error = refused("UIDPLUS", &format!("{start}{end}"), archive());
        assert_eq!(
            (error.kind(), error.repeat()),
            (ErrorKind::Closed, Repeat::MayDuplicate),
            "{end}: {error}"
        );
    }
    let error = refused("UIDPLUS", &format!("{start}S: {{c}} NO [TRYCREATE] none\n"), archive());
    assert_eq!((error.kind(), error.repeat()), (ErrorKind::NotFound, Repeat::Never));
}

#[test]
fn keys_of_a_rebuilt_mailbox_are_not_touched_and_told_of_after_the_others() {
    let old = MessageId::new("imap", ["me@mail.example", "INBOX", "6", "5"]);
    let script = opened("") + "C: {s} UID STORE 4 +FLAGS.SILENT (\\Seen)\nS: {s} OK\n";
    let (outcome, host) = play(pipelined(TlsMode::Implicit), &script, async |imap| {
        imap.settle(&[old, key(4)], &Settle::Seen).await
    });
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotFound);
    host.assert_followed();
}

#[test]
fn what_changes_nothing_needs_no_server() {
    for (keys, how) in
        [(vec![key(4)], Settle::Keep), (vec![], Settle::Delete), (vec![key(4)], Settle::Move("inbox".into()))]
    {
        let (outcome, host) =
            play(pipelined(TlsMode::Implicit), "SILENCE\n", async |imap| imap.settle(&keys, &how).await);
        assert!(outcome.is_ok() && host.dials() == 0);
    }
}

#[test]
fn a_mailbox_for_reading_only_is_not_written_to() {
    let mut reader = pipelined(TlsMode::Implicit);
    reader.read_only = true;
    for how in [Settle::Seen, Settle::Delete, archive()] {
        let (outcome, host) = play(reader.clone(), "SILENCE\n", async |imap| settle(imap, how).await);
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), host.dials()), (ErrorKind::Unsupported, 0), "{error}");
        assert!(error.to_string().contains("readonly"), "{error}");
    }
    let script = opened("").replace("SELECT", "EXAMINE")
        + "C: {f} UID FETCH 4 (UID BODY.PEEK[])\nS: * 1 FETCH (UID 4 BODY[] \"x\")\nS: {f} OK\n";
    assert_eq!(play(reader, &script, async |imap| read(imap, &key(4)).await).0.unwrap(), "x");
    let script = opened("").replace("READ-WRITE", "READ-ONLY");
    let mut tolerant = pipelined(TlsMode::Implicit);
    tolerant.allow_read_only = true;
    let error = fails(tolerant, &script, async |imap| settle(imap, Settle::Seen).await);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Settle));
    // Unless that is allowed it is told before a message is handled that can't be settled.
    let error = fails(pipelined(TlsMode::Implicit), &script, async |imap| read(imap, &key(4)).await);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Select));
    assert!(error.advice().unwrap().contains("allowreadonlyselect=true"), "{error}");
}

#[test]
fn without_uidplus_nothing_is_expunged_if_the_server_does_not_say_what_others_marked() {
    for answer in ["", "S: * SEARCH what\n", "S: * SEARCH 0\n"] {
        let search = format!("C: {{o}} UID SEARCH DELETED NOT UID 4,9:10\n{answer}S: {{o}} OK\n");
        let error = refused("", &search, Settle::Delete);
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Settle), "{answer}: {error}");
    }
}

#[test]
fn what_a_server_did_to_some_of_the_messages_only_is_not_taken_for_done() {
    // RFC 9738: OK, and no more of them at a time.
    let part = "OK [MESSAGELIMIT 1 10] in part";
    let removed = REMOVE.replace("{s} OK", &format!("{{s}} {part}"));
    for (capabilities, script, how) in [
        ("", format!("C: {{s}} UID STORE 4,9:10 +FLAGS.SILENT (\\Seen)\nS: {{s}} {part}\n"), Settle::Seen),
        ("UIDPLUS", removed, Settle::Delete),
        ("UIDPLUS", REMOVE.replace("{e} OK", &format!("{{e}} {part}")), Settle::Delete),
        ("MOVE", format!("C: {{m}} UID MOVE 4,9:10 \"Archive\"\nS: {{m}} {part}\n"), archive()),
        // Those that were not copied must not be deleted.
        (
            "UIDPLUS",
            format!("C: {{n}} NOOP\nS: {{n}} OK\nC: {{c}} UID COPY 4,9:10 \"Archive\"\nS: {{c}} {part}\n"),
            archive(),
        ),
    ] {
        let error = refused(capabilities, &script, how);
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Limit, Phase::Settle), "{script}");
        assert!(error.reply().is_some() && error.advice().is_some(), "{script}");
        let copied = script.contains("COPY");
        assert_eq!(error.repeat() == Repeat::MayDuplicate, copied, "{script}");
    }
    let error = refused(
        "UIDPLUS",
        "C: {n} NOOP\nS: {n} OK\nC: {c} UID COPY 4,9:10 \"Archive\"\nS: {c} NO [MESSAGELIMIT 1] too many\n",
        archive(),
    );
    assert_ne!(error.repeat(), Repeat::MayDuplicate, "nothing was copied");
}

#[test]
fn all_of_the_mailbox_is_searched_for_what_others_have_marked() {
    let error = refused(
        "",
        "C: {d} UID SEARCH DELETED NOT UID 4,9:10\nS: * SEARCH\nS: {d} OK [MESSAGELIMIT 5 6] in part\n\
         C: {x} UID SEARCH DELETED NOT UID 4,9:10 UID 1:5\nS: * SEARCH 2\nS: {x} OK\n\
         C: {s} UID STORE 4,9:10 +FLAGS.SILENT (\\Deleted)\nS: {s} OK\n",
        Settle::Delete,
    );
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
