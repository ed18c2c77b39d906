//! A page that is asked for along with the opening of the mailbox: all that is there, each message as it is, and one
//! flight of commands where UIDs are dense.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_imap::{Imap, ImapConfig};

fn me() -> ImapConfig {
    pipelined(TlsMode::Implicit)
}

/// The beginning of a session and the flight of a listing with this limit, up to what the server says of the search.
fn flight(limit: u32, exists: u32) -> String {
    format!(
        "S: * PREAUTH [CAPABILITY IMAP4rev1] hi\nC: {{open}} SELECT \"INBOX\"\nC: {{s}} UID SEARCH UID 1:50000\n\
         C: {{d}} UID FETCH 1:{limit} (UID FLAGS RFC822.SIZE)\nS: * {exists} EXISTS\nS: * OK [UIDVALIDITY 7] ok\n\
         S: * OK [UIDNEXT 12] ok\nS: {{open}} OK [READ-WRITE]\n"
    )
}

const THREE: &str = "S: * 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE 10)\nS: * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 20)\n\
                     S: * 3 FETCH (UID 3 FLAGS () RFC822.SIZE 30)\n";

/// UID, size and whether it is seen of each message of the page.
async fn page(imap: &mut Imap, query: Query) -> Result<String> {
    let listing = imap.list(&query).await?;
    let show = |m: &MessageInfo| {
        let uid = m.id.as_str().rsplit('/').next().unwrap_or_default();
        format!("{uid}:{}{}", m.size.unwrap_or(0), if m.flags.seen { "s" } else { "" })
    };
    let shown: Vec<String> = listing.messages.iter().map(show).collect();
    Ok(shown.join(" ") + if listing.more { " more" } else { "" })
}

/// The page of these answers to the flight, at most `limit` messages; the script is followed to its end.
fn listed(limit: u32, exists: u32, answers: &str) -> String {
    let script = flight(limit, exists) + answers;
    let query = Query::all().limit(limit as usize);
    let (seen, host) = play(me(), &script, async |imap| page(imap, query.clone()).await);
    host.assert_followed();
    word(&seen, Clone::clone)
}

#[test]
fn a_page_of_dense_uids_is_one_flight_and_another_page_too() {
    let answers = format!("S: * SEARCH 1 2 3\nS: {{s}} OK\n{THREE}S: {{d}} OK\n");
    assert_eq!(listed(1000, 3, &answers), "1:10s 2:20 3:30");
    let script = flight(2, 3)
        + "S: * SEARCH 1 2 3\nS: {s} OK\nS: * 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE 10)\n\
           S: * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 20)\nS: {d} OK\n\
           C: {n} NOOP\nC: {t} UID SEARCH UID 3:*\nC: {e} UID FETCH 3:4 (UID FLAGS RFC822.SIZE)\n\
           S: {n} OK\nS: * SEARCH 3\nS: {t} OK\nS: * 3 FETCH (UID 3 FLAGS () RFC822.SIZE 30)\nS: {e} OK\n";
    let (seen, host) = play(me(), &script, async |imap| {
        let first = page(imap, Query::all().limit(2)).await?;
        Ok(first + " | " + &page(imap, Query::all().limit(2).after(key(2))).await?)
    });
    host.assert_followed();
    assert_eq!(seen.unwrap(), "1:10s 2:20 more | 3:30");
}

#[test]
fn who_connects_first_has_no_round_trip_more() {
    let script = "S: * PREAUTH [CAPABILITY IMAP4rev1 ID ENABLE UTF8=ACCEPT] hi\nC~ {i} ID *\nC: {u} ENABLE UTF8=ACCEPT\n\
                  C: {open} SELECT \"INBOX\"\nC: {s} UID SEARCH UID 1:50000\n\
                  C: {d} UID FETCH 1:1000 (UID FLAGS RFC822.SIZE)\nS: {i} OK\nS: * ENABLED UTF8=ACCEPT\nS: {u} OK\n\
                  S: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] ok\nS: * OK [UIDNEXT 4] ok\nS: {open} OK [READ-WRITE]\n\
                  S: * SEARCH 1 2 3\nS: {s} OK\n"
        .to_owned()
        + THREE
        + "S: {d} OK\n";
    let (seen, host) = play(me(), &script, async |imap| {
        assert!(imap.connect().await?.iter().any(|word| word == "UTF8=ACCEPT"));
        page(imap, Query::all()).await
    });
    host.assert_followed();
    assert_eq!(seen.unwrap(), "1:10s 2:20 3:30");
}

#[test]
fn what_was_not_told_along_is_asked_for() {
    // Sparse; refused; told of others, or not in full; gone meanwhile.
    for (answers, want) in [
        (
            "S: * SEARCH 2 9\nS: {s} OK\nS: * 1 FETCH (UID 2 FLAGS () RFC822.SIZE 20)\nS: {d} OK\n\
             C: {f} UID FETCH 9 (UID FLAGS RFC822.SIZE)\nS: * 2 FETCH (UID 9 FLAGS () RFC822.SIZE 90)\nS: {f} OK\n",
            "2:20 9:90",
        ),
        (
            "S: * SEARCH 1\nS: {s} OK\nS: {d} NO [SERVERBUG] not now\n\
             C: {f} UID FETCH 1 (UID FLAGS RFC822.SIZE)\nS: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)\nS: {f} OK\n",
            "1:10",
        ),
        (
            "S: * SEARCH 1 2\nS: {s} OK\nS: * 1 FETCH (UID 1 FLAGS ())\nS: * 2 FETCH (FLAGS () RFC822.SIZE 20)\n\
             S: * 3 FETCH (UID 4 FLAGS () RFC822.SIZE 40)\nS: {d} OK\nC: {f} UID FETCH 1:2 (UID FLAGS RFC822.SIZE)\n\
             S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)\nS: * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 20)\nS: {f} OK\n",
            "1:10 2:20",
        ),
        (
            "S: * SEARCH 1 2\nS: {s} OK\nS: * 2 EXPUNGE\nS: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)\nS: {d} OK\n\
             C: {f} UID FETCH 2 (UID FLAGS RFC822.SIZE)\nS: {f} OK\n",
            "1:10",
        ),
    ] {
        assert_eq!(listed(5, 2, answers), want, "{answers}");
    }
}

#[test]
fn a_message_that_comes_during_the_flight_is_listed_at_once_or_is_news() {
    // It came behind the search, or behind both: neither the search counts nor is it taken for gone.
    for answers in [
        "S: * SEARCH 1\nS: {s} OK\nS: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)\nS: * 2 EXISTS\nS: {d} OK\n",
        "S: * SEARCH 1\nS: * 2 EXISTS\nS: {s} OK\nS: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)\nS: {d} OK\n",
    ] {
        let again = "C: {x} UID SEARCH UID 1:*\nS: * SEARCH 1 2\nS: {x} OK\n\
                     C: {f} UID FETCH 2 (UID FLAGS RFC822.SIZE)\nS: * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 20)\nS: {f} OK\n";
        assert_eq!(listed(5, 1, &format!("{answers}{again}")), "1:10 2:20", "{answers}");
    }
}

#[test]
fn commands_of_a_flight_may_end_in_any_order() {
    // As Dovecot does it, and the other way about. A search that is over first is as good.
    for answers in [
        "S: * SEARCH 1 2 3\n{three}S: {s} OK\nS: {d} OK\n",
        "{three}S: {d} OK\nS: * SEARCH 1 2 3\nS: {s} OK\n",
    ] {
        assert_eq!(listed(1000, 3, &answers.replace("{three}", THREE)), "1:10s 2:20 3:30", "{answers}");
    }
    let twice = format!("S: * SEARCH 1 2 3\nS: {{s}} OK\n{THREE}S: {{s}} OK\n");
    assert_eq!(listed(1000, 3, &twice), "Protocol List");
}

#[test]
fn a_mailbox_that_can_not_be_opened_is_no_listing_whatever_else_is_answered() {
    let script =
        flight(1000, 3).replace("S: {open} OK [READ-WRITE]", "S: {open} NO [NONEXISTENT] no such mailbox");
    let script = script + "S: {s} BAD no mailbox\nS: {d} BAD no mailbox\n";
    let error = fails(me(), &script, async |imap| page(imap, Query::all()).await);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::NotFound, Phase::Select));
}

#[test]
fn where_only_unseen_messages_are_wanted_no_others_are_described() {
    let script = "S: * PREAUTH [CAPABILITY IMAP4rev1] hi\nC: {open} SELECT \"INBOX\"\nC: {s} UID SEARCH UID 1:50000 UNSEEN\n\
                  S: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] ok\nS: * OK [UIDNEXT 4] ok\nS: {open} OK [READ-WRITE]\n\
                  S: * SEARCH 2\nS: {s} OK\nC: {f} UID FETCH 2 (UID FLAGS RFC822.SIZE)\n\
                  S: * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 20)\nS: {f} OK\n";
    let (seen, host) = play(me(), script, async |imap| page(imap, Query::unseen()).await);
    host.assert_followed();
    assert_eq!(seen.unwrap(), "2:20");
}

#[test]
fn a_page_made_before_the_server_looked_for_changes_counts_only_if_there_were_none() {
    // Dovecot does what came along with NOOP first, and looks then.
    let first = flight(5, 2)
        + "S: * SEARCH 1 2\nS: {s} OK\nS: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)\n\
           S: * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 20)\nS: {d} OK\nC: {n} NOOP\nC: {t} UID SEARCH UID 1:*\n\
           C: {e} UID FETCH 1:5 (UID FLAGS RFC822.SIZE)\nS: * SEARCH 1 2\nS: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)\n\
           S: * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 20)\n";
    let done = "S: {n} OK\nS: {t} OK\nS: {e} OK\n";
    let again = |found: &str, told: &str| {
        format!(
            "C: {{u}} UID SEARCH UID 1:*\nS: * SEARCH {found}\nS: {{u}} OK\n\
                 C~ {{f}} UID FETCH *\n{told}S: {{f}} OK\n"
        )
    };
    for (change, again, want) in [
        ("", String::new(), "1:10 2:20"),
        ("S: * 2 EXPUNGE\n", again("1", "S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)\n"), "1:10"),
        (
            "S: * 2 FETCH (FLAGS (\\Seen))\n",
            again(
                "1 2",
                "S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)\nS: * 2 FETCH (UID 2 FLAGS (\\Seen) RFC822.SIZE 20)\n",
            ),
            "1:10 2:20s",
        ),
        ("S: * 3 EXISTS\n", again("1 2 3", THREE), "1:10s 2:20 3:30"),
    ] {
        let script = format!("{first}{change}{done}{again}");
        let (seen, host) = play(me(), &script, async |imap| {
            page(imap, Query::all().limit(5)).await?;
            page(imap, Query::all().limit(5)).await
        });
        host.assert_followed();
        assert_eq!(seen.unwrap(), want, "{change}");
    }
}

#[test]
fn that_a_mailbox_can_not_be_opened_is_known_also_if_the_server_bears_no_command_behind_it() {
    let refused = "S: {open} NO [NONEXISTENT] no such mailbox";
    let script = flight(1000, 3).replace("S: {open} OK [READ-WRITE]", refused);
    for ending in ["CUT\n", "S: {s} BAD no mailbox\nS: * BYE too many of them\nCUT\n", "SILENCE\n"] {
        let error = fails(me(), &format!("{script}{ending}"), async |imap| page(imap, Query::all()).await);
        let seen = (error.kind(), error.phase(), error.reply().is_some());
        assert_eq!(seen, (ErrorKind::NotFound, Phase::Select, true), "{ending}: {error}");
    }
}

#[test]
fn a_server_that_does_only_so_many_at_a_time_hides_no_message() {
    // RFC 9738 §3.3: from the highest down, and the last one that was looked at is told.
    let one = |n: u32| format!("S: * {n} FETCH (UID {n} FLAGS () RFC822.SIZE {n}0)\n");
    let (one, two, three) = (one(1), one(2), one(3));
    let described = format!(
        "C: {{f}} UID FETCH 1:3 (UID FLAGS RFC822.SIZE)\n{two}{three}S: {{f}} OK [MESSAGELIMIT 2 2] in part\n\
         C: {{g}} UID FETCH 1 (UID FLAGS RFC822.SIZE)\n{one}S: {{g}} OK\n"
    );
    let along = "S: * SEARCH 1 2 3\nS: {s} OK\nS: {d} NO [SERVERBUG] not now\n";
    assert_eq!(listed(5, 3, &format!("{along}{described}")), "1:10 2:20 3:30");
    let part = "S: * SEARCH 3\nS: {s} OK [MESSAGELIMIT 1 3] in part\n";
    let again = "C: {x} UID SEARCH UID 1:*\nS: * SEARCH 3\nS: {x} OK [MESSAGELIMIT 1 3] in part\n\
                 C: {y} UID SEARCH UID 1:* UID 1:2\nS: * SEARCH\nS: {y} OK [MESSAGELIMIT 1 2] in part\n\
                 C: {z} UID SEARCH UID 1:* UID 1:1\nS: * SEARCH 1\nS: {z} OK\n";
    let answers = format!("{part}{one}{two}{three}S: {{d}} OK\n{again}");
    assert_eq!(listed(5, 3, &answers), "1:10 3:30");
}

#[test]
fn a_server_that_does_part_of_it_and_never_more_is_an_error() {
    let part = "S: * SEARCH 3\nS: {s} OK [MESSAGELIMIT 1 3] in part\nS: {d} OK\n";
    let first = "C: {x} UID SEARCH UID 1:*\nS: * SEARCH 3\nS: {x} OK";
    let rest = "C: {y} UID SEARCH UID 1:* UID 1:2\nS: * SEARCH\nS: {y} OK";
    for again in [
        format!("{first} [MESSAGELIMIT 1 3]\n{rest} [MESSAGELIMIT 1 3]\n"),
        format!("{first} [MESSAGELIMIT 1 3]\n{rest} [MESSAGELIMIT 1 9]\n"),
        format!("{first} [MESSAGELIMIT 1]\n"),
    ] {
        let script = format!("{part}{again}");
        assert_eq!(listed(5, 3, &script), "Limit List", "{again}");
    }
    let along = "S: * SEARCH 1 2\nS: {s} OK\nS: {d} OK\nC: {f} UID FETCH 1:2 (UID FLAGS RFC822.SIZE)\n\
                 S: {f} OK [MESSAGELIMIT 1 3]\n";
    assert_eq!(listed(5, 3, along), "Limit List");
}
