//! IMAP between sessions, line by line.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use common::Lines;
use postrider_server::Server;

async fn server_with(messages: usize) -> Server {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    for n in 1..=messages {
        server.deliver("alice", format!("Subject: {n}\r\n\r\nbody {n}\r\n")).unwrap();
    }
    server
}

#[tokio::test]
async fn idle_hears_at_once() {
    let server = server_with(1).await;
    let mut idler = Lines::imap(server.imap_port()).await;
    let mut other = Lines::imap(server.imap_port()).await;
    idler.ask("i IDLE", "+ ").await;
    server.deliver("alice", "new").unwrap();
    idler.until("* 2 EXISTS").await;
    other.ask("a STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK").await;
    idler.until("* 1 FETCH (UID 1 FLAGS (\\Deleted").await;
    other.ask("b EXPUNGE", "b OK").await;
    idler.until("* 1 EXPUNGE").await;
    idler.ask("DONE", "i OK").await;
}

#[tokio::test]
async fn numbers_shift_only_where_they_may() {
    let server = server_with(3).await;
    let mut one = Lines::imap(server.imap_port()).await;
    let mut two = Lines::imap(server.imap_port()).await;
    two.ask("a STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK").await;
    assert_eq!(two.ask("b EXPUNGE", "b OK").await[0], "* 1 EXPUNGE");
    server.deliver("alice", "four").unwrap();
    // The old numbers still hold for FETCH, STORE and SEARCH.
    let fetched = one.ask("a FETCH 2 (UID)", "a OK").await;
    assert_eq!(fetched[..2], ["* 2 FETCH (UID 2)", "* 4 EXISTS"]);
    one.ask("b FETCH 1 (FLAGS)", "b NO [EXPUNGEISSUED]").await;
    assert_eq!(one.ask("c SEARCH ALL", "c OK").await[0], "* SEARCH 2 3 4");
    assert_eq!(one.ask("d NOOP", "d OK").await[0], "* 1 EXPUNGE");
    assert_eq!(one.ask("e UID SEARCH ALL", "e OK").await[0], "* SEARCH 2 3 4");
    one.ask("f FETCH 4 (UID)", "f BAD").await;
}

#[tokio::test]
async fn extended_search_move_and_uidplus() {
    let server = server_with(5).await;
    let mut client = Lines::imap(server.imap_port()).await;
    client.ask("a UID STORE 2,4 +FLAGS (\\Flagged $Work)", "a OK").await;
    let found = client.ask("b UID SEARCH RETURN (MIN MAX COUNT ALL) NOT FLAGGED", "b OK").await;
    assert_eq!(found[0], "* ESEARCH (TAG \"b\") UID MIN 1 MAX 5 COUNT 3 ALL 1,3,5");
    client.ask("c SEARCH RETURN (SAVE) KEYWORD $work", "c OK").await;
    let moved = client.ask("d UID MOVE $ Trash", "d OK").await;
    assert!(moved[0].starts_with("* OK [COPYUID ") && moved[0].contains(" 2,4 1:2]"), "{moved:?}");
    assert_eq!(moved[1..3], ["* 4 EXPUNGE", "* 2 EXPUNGE"]);
    client.ask("e UID STORE 1,3 +FLAGS (\\Deleted)", "e OK").await;
    assert_eq!(client.ask("f UID EXPUNGE 3", "f OK").await[0], "* 2 EXPUNGE");
    assert_eq!(server.messages("alice", "INBOX").len(), 2);
    assert_eq!(server.messages("alice", "Trash").len(), 2);
    client.ask("g ENABLE IMAP4rev2", "* ENABLED IMAP4rev2").await;
    client.until("g OK").await;
    assert_eq!(client.ask("h SEARCH ALL", "h OK").await[0], "* ESEARCH (TAG \"h\") ALL 1:2");
    let lists = client.ask("i LIST (SPECIAL-USE) \"\" (\"*\") RETURN (STATUS (MESSAGES))", "i OK").await;
    assert!(lists.contains(&"* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"".into()), "{lists:?}");
    assert!(lists.contains(&"* STATUS \"Trash\" (MESSAGES 2)".into()), "{lists:?}");
}

#[tokio::test]
async fn literals_wait_or_rush_within_limits() {
    let server = Server::builder().user("alice", "secret").message_limit(100).start().await.unwrap();
    let mut client = Lines::connect(server.imap_port()).await;
    client.until("* OK").await;
    client.send("a LOGIN {5+}\r\nalice {6}\r\n").await;
    client.until("+ ").await;
    client.ask("secret", "a OK").await;
    client.ask("b APPEND INBOX {101}", "b NO [TOOBIG]").await;
    client.send("c APPEND INBOX (\\Seen) \" 1-Jan-2024 00:00:00 +0100\" {3+}\r\nabc\r\n").await;
    client.until("c OK [APPENDUID ").await;
    // RFC 6855 §4: once enabled, a message may come in a wrapping of its own.
    client.ask("e ENABLE UTF8=ACCEPT", "e OK").await;
    client.send("f APPEND Sent UTF8 (~{3+}\r\nabc)\r\n").await;
    client.until("f OK").await;
    assert_eq!(server.messages("alice", "Sent"), [b"abc"]);
    client.send("d APPEND INBOX {101+}\r\n").await;
    assert!(client.rest().await.starts_with("* BYE [TOOBIG]"));
    assert_eq!(server.messages("alice", "INBOX"), [b"abc"]);
    assert_eq!(server.flags("alice", "INBOX"), [["\\Seen"]]);

    let server = Server::builder().without("LITERAL+").without("LITERAL-").start().await.unwrap();
    let mut client = Lines::connect(server.imap_port()).await;
    let greeting = client.line().await;
    assert!(!greeting.contains("LITERAL") && greeting.contains("IMAP4rev2"));
    client.send("a LOGIN {5+}\r\n").await;
    assert!(client.rest().await.starts_with("* BYE"));
}

#[tokio::test]
async fn parts_come_out_whole_and_decoded() {
    let server = server_with(0).await;
    let message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\
        Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--b--\r\n";
    server.deliver("alice", message).unwrap();
    let mut client = Lines::imap(server.imap_port()).await;
    let got = client.ask("a FETCH 1 (BODY.PEEK[1] BINARY.PEEK[2] BINARY.SIZE[2])", "a OK").await;
    assert_eq!(got[..3], ["* 1 FETCH (BODY[1] {3}", "one BINARY[2] {2}", "hi BINARY.SIZE[2] 2)"]);
    let got = client.ask("b UID FETCH 1 BODY.PEEK[2.MIME]", "b OK").await;
    assert_eq!(got[1], "Content-Type: text/html");
}

#[tokio::test]
async fn a_mailbox_that_is_gone_or_renumbered_says_bye() {
    let server = server_with(2).await;
    let mut client = Lines::imap(server.imap_port()).await;
    let before = client.ask("a STATUS INBOX (UIDVALIDITY)", "a OK").await;
    server.renumber("alice", "INBOX");
    client.send("b NOOP\r\n").await;
    assert!(client.rest().await.starts_with("* BYE"));
    let mut client = Lines::imap(server.imap_port()).await;
    assert_ne!(client.ask("a STATUS INBOX (UIDVALIDITY)", "a OK").await, before);
}

#[tokio::test]
async fn starttls_and_what_is_withheld() {
    let server =
        Server::builder().user("alice", "secret").require_tls().without("IDLE").start().await.unwrap();
    let mut client = Lines::connect(server.imap_port()).await;
    let greeting = client.line().await;
    assert!(greeting.contains("LOGINDISABLED") && greeting.contains("STARTTLS"), "{greeting}");
    assert!(
        !greeting.contains("IDLE") && !greeting.contains("IMAP4rev2") && !greeting.contains("AUTH="),
        "{greeting}"
    );
    client.ask("a LOGIN alice secret", "a NO [PRIVACYREQUIRED]").await;
    client.send("b STARTTLS\r\nc LOGIN alice secret\r\n").await;
    assert_eq!(client.rest().await, "* BYE Nothing may follow STARTTLS\r\n");
}
