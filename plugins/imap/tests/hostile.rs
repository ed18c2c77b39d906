//! Servers that mean harm, or are broken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_imap::Imap;
use postrider_testkit::{Dialogue, Ending, Script, VirtualHost, run};

async fn list(imap: &mut Imap) -> Result<Listing> {
    imap.list(&Query::all()).await
}

async fn fetch(imap: &mut Imap) -> Result<String> {
    read(imap, &key(4)).await
}

/// The kind and phase of what a listing fails with.
fn listing(tls: TlsMode, script: &str) -> (ErrorKind, Phase) {
    let error = fails(config(tls), script, list);
    (error.kind(), error.phase())
}

/// The same of a fetch, after what the server says to it.
fn fetching(answer: &str) -> (ErrorKind, Phase) {
    let script = opened("") + "C: {f} UID FETCH 4 (UID BODY.PEEK[])\n" + answer;
    let error = fails(config(TlsMode::Implicit), &script, fetch);
    (error.kind(), error.phase())
}

#[test]
fn bytes_that_follow_starttls_in_the_clear_are_never_read_inside_tls() {
    for injected in ["S: * CAPABILITY IMAP4rev1 AUTH=PLAIN\n", "S| *\n", "S: x OK\n"] {
        let script = format!(
            "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: {{a}} STARTTLS\nS: {{a}} OK go\n{injected}TLS\n"
        );
        assert_eq!(listing(TlsMode::StartTls, &script), (ErrorKind::Protocol, Phase::StartTls), "{injected}");
    }
}

#[test]
fn what_was_said_before_tls_counts_for_nothing_inside_it() {
    let script = "S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hi\nC: {a} STARTTLS\nS: * 9 EXISTS\n\
                  S: * LIST () \"/\" evil\nS: {a} OK go\nTLS\nC: {b} CAPABILITY\n\
                  S: * CAPABILITY IMAP4rev1 LOGINDISABLED\nS: {b} OK\n";
    assert_eq!(listing(TlsMode::StartTls, script), (ErrorKind::Authentication, Phase::Authenticate));
}

#[test]
fn what_was_enabled_before_tls_is_not_enabled_inside_it() {
    let script = "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: {a} STARTTLS\nS: * ENABLED UTF8=ACCEPT\nS: {a} OK go\n\
                  TLS\nC: {b} CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\nS: {b} OK\n";
    let script = format!(
        "{script}C: {{c}} AUTHENTICATE PLAIN {PLAIN}\nS: {{c}} OK [CAPABILITY IMAP4rev1] in\n\
         C: {{d}} SELECT \"Entw&APw-rfe\"\nS: {{d}} NO [NONEXISTENT] none\n"
    );
    let mut config = config(TlsMode::StartTls);
    config.folder = "Entwürfe".into();
    let error = fails(config, &script, list);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::NotFound, Phase::Select), "{error}");
}

#[test]
fn tls_that_is_required_and_not_to_be_had_ends_the_session_before_anything_is_sent() {
    for (script, kind) in [
        ("S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n", ErrorKind::Tls),
        ("S: * PREAUTH [CAPABILITY IMAP4rev1] welcome back\n", ErrorKind::Tls),
        (
            "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: {a} STARTTLS\nS: {a} NO not today\n",
            ErrorKind::Tls,
        ),
        ("S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: {a} STARTTLS\nS: {a} BAD what\n", ErrorKind::Tls),
        ("S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: {a} STARTTLS\nS: + go on\n", ErrorKind::Protocol),
        (
            "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: {a} STARTTLS\nS: {a} NO [UNAVAILABLE] later\n",
            ErrorKind::Deferred,
        ),
        (
            "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: {a} STARTTLS\nS: {a} OK go\nFAIL-TLS\n",
            ErrorKind::Tls,
        ),
        ("S: * OK hi\nC: {a} CAPABILITY\nS: {a} BAD what\n", ErrorKind::Rejected),
    ] {
        assert_eq!(listing(TlsMode::StartTls, script).0, kind, "{script}");
    }
}

#[test]
fn an_answer_to_what_was_not_asked_is_fatal() {
    for script in [
        "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nS: a1 OK Begin TLS negotiation now\n",
        "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: {a} STARTTLS\nS: a1 OK Begin TLS negotiation now\n",
        "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: {a} STARTTLS\nS: {a} BYE\n",
    ] {
        assert_eq!(listing(TlsMode::StartTls, script).0, ErrorKind::Protocol, "{script}");
    }
    for answer in ["S: other OK\n", "S: + more\n", "S: {f} PREAUTH\n"] {
        assert_eq!(fetching(answer), (ErrorKind::Protocol, Phase::Fetch), "{answer}");
    }
}

#[test]
fn what_is_no_imap_server_is_told_in_its_own_words() {
    for (script, kind) in [
        ("S: 220 mail.example ESMTP\n", ErrorKind::Protocol),
        ("S: +OK POP3 ready\n", ErrorKind::Protocol),
        ("S: \n", ErrorKind::Protocol),
        ("S: * 3 EXISTS\n", ErrorKind::Protocol),
        ("S: * BYE [UNAVAILABLE] too busy\n", ErrorKind::Closed),
        ("S: * NO not you\n", ErrorKind::Rejected),
        ("CUT\n", ErrorKind::Closed),
        ("RESET\n", ErrorKind::Closed),
        ("SILENCE\n", ErrorKind::Timeout),
    ] {
        assert_eq!(listing(TlsMode::Implicit, script), (kind, Phase::Greeting), "{script}");
    }
    let error = fails(config(TlsMode::Implicit), "S: * BYE \x1b[31mtoo busy\n", list).to_string();
    assert!(error.contains("too busy") && !error.contains('\x1b'), "{error}");
    let script = "S: * OK [CAPABILITY IMAP4 AUTH=PLAIN] ancient\nC: {a} CAPABILITY\nS: * CAPABILITY IMAP4\nS: {a} OK\n";
    let script = script.replace("[CAPABILITY IMAP4 AUTH=PLAIN] ", "");
    assert_eq!(listing(TlsMode::Implicit, &script), (ErrorKind::Unsupported, Phase::Capability));
}

#[test]
fn sizes_and_nesting_without_measure_are_refused_before_anything_is_kept() {
    for literal in ["{4294967295}", "{2147483648}", "{-1}", "{99999999999999999999}", "{52428801}"] {
        for item in ["UID 4 BODY[]", "BODY[]", "UID 5 BODY[]", "X-GM-LABELS"] {
            let answer = format!("S: * 1 FETCH ({item} {literal}\nSILENCE\n");
            let (kind, phase) = fetching(&answer);
            // 50 MiB and a byte of something else are passed over, and never come.
            let skipped = item == "X-GM-LABELS" && literal == "{52428801}";
            let want = if skipped { ErrorKind::Timeout } else { ErrorKind::Limit };
            assert_eq!((kind, phase), (want, Phase::Fetch), "{answer}");
        }
    }
    let deep = format!("S: * 1 FETCH (BODYSTRUCTURE {}\n", "(".repeat(10_000));
    assert_eq!(fetching(&deep), (ErrorKind::Limit, Phase::Fetch));
    let many = format!("S: * 1 FETCH (X {})\nS: {{f}} OK\n", "() ".repeat(100_000));
    assert_eq!(fetching(&many), (ErrorKind::NotFound, Phase::Fetch));
}

#[test]
fn a_message_that_is_not_where_it_belongs_is_an_error_and_never_an_empty_one() {
    let text = "x".repeat(70_000);
    let answer = format!(
        "S: * 1 FETCH (UID 4 X (BODY[] {{3}}\nS| abc\nS: ) BODY[] {{70000}}\nS| {text}\nS: )\nS: {{f}} OK\n"
    );
    assert_eq!(fetching(&answer), (ErrorKind::Limit, Phase::Fetch));
}

/// Says a start and then the same again and again, without end.
struct Endless {
    start: Vec<u8>,
    again: &'static [u8],
}

impl Script for Endless {
    fn greet(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.start)
    }

    fn receive(&mut self, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn more(&mut self) -> Vec<u8> {
        self.again.repeat(65_536 / self.again.len())
    }

    fn ending(&self) -> Ending {
        Ending::Open
    }
}

#[test]
fn talk_without_end_is_ended_by_a_limit_wherever_it_begins() {
    let known = "* PREAUTH [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n";
    for (start, again, kinds) in [
        ("* OK ", "a", &[ErrorKind::Limit][..]),
        ("", "* OK hi\r\n", &[ErrorKind::Limit]),
        (known, "a", &[ErrorKind::Limit]),
        (known, "* 1 EXISTS\r\n", &[ErrorKind::Limit]),
        (known, "* LIST () \"/\" {2}\r\nab\r\n", &[ErrorKind::Limit]),
        (known, "* SEARCH 1 2 3 4\r\n", &[ErrorKind::Limit]),
        (known, "+ more\r\n", &[ErrorKind::Protocol]),
        (known, "* X {0}\r\n", &[ErrorKind::Limit]),
    ] {
        let bytes = start.as_bytes().to_vec();
        let host =
            VirtualHost::serve(move || Box::new(Endless { start: bytes.clone(), again: again.as_bytes() }));
        let mut imap = imap(config(TlsMode::Implicit), &host);
        let error = run(&host, list(&mut imap)).expect("hangs").unwrap_err();
        assert!(kinds.contains(&error.kind()), "{start:?} {again:?}: {error:?}");
    }
}

#[test]
fn lists_without_measure_are_refused() {
    let script = opened("").replace(
        "C: {open} SELECT \"INBOX\"\n",
        "C: {l} LIST \"\" \"*\"\nREPEAT 100001: * LIST () \"/\" x\nS: {l} OK\n",
    );
    let script = script.split("S: * 3 EXISTS").next().unwrap();
    let error = fails(config(TlsMode::Implicit), script, async |imap| imap.mailboxes().await);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Limit, Phase::List));
    let script = opened("") + "C: {a} UID SEARCH UID 1:*\nREPEAT 201: * SEARCH 1\nS: {a} OK\n";
    assert_eq!(listing(TlsMode::Implicit, &script), (ErrorKind::Limit, Phase::List));
}

#[test]
fn a_page_holds_what_was_asked_for_whatever_the_server_tells_of() {
    let script = opened("")
        + "C: {a} UID SEARCH UID 1:*\nS: * SEARCH 9 4 4\nS: {a} OK\n\
        C: {b} UID FETCH 4,9 (UID FLAGS RFC822.SIZE)\nREPEAT 5000: * 1 FETCH (UID 77 FLAGS (a b c) RFC822.SIZE 1)\n\
        S: * 1 FETCH (UID 4 RFC822.SIZE 1)\nS: * 1 FETCH (UID 4 FLAGS (\\Seen))\nS: * 1 FETCH (RFC822.SIZE 9)\n\
        S: {b} OK\n";
    let (page, _) = play(config(TlsMode::Implicit), &script, list);
    let page = page.unwrap();
    // 9 went between the search and the fetch.
    assert_eq!(uids(&page), "4");
    assert!(page.messages[0].size == Some(1) && page.messages[0].flags.seen);
}

#[test]
fn keywords_without_measure_are_refused() {
    let keywords: String = (0..100).map(|n| format!("{n:0240} ")).collect();
    let script = opened("ESEARCH")
        + "C: {a} UID SEARCH RETURN (ALL) UID 1:*\nS: * ESEARCH (TAG \"x\") UID ALL 1:3\nS: {a} OK\n\
           C: {b} UID FETCH 1:3 (UID FLAGS RFC822.SIZE)\n"
        + &format!("REPEAT 1500: * 1 FETCH (UID 2 FLAGS ({keywords}))\nS: {{b}} OK\n");
    assert_eq!(listing(TlsMode::Implicit, &script), (ErrorKind::Limit, Phase::List));
}

#[test]
fn messages_that_are_found_and_never_told_of_do_not_make_a_page_of_nothing() {
    let find = |tag: &str, from: u32, to: u32| {
        format!(
            "C: {{{tag}}} UID SEARCH UID {from}:*\nS: * SEARCH {from} {to}\nS: {{{tag}}} OK\n\
             C: {{{tag}x}} UID FETCH {from} (UID FLAGS RFC822.SIZE)\n"
        )
    };
    let one = async |imap: &mut Imap| imap.list(&Query::all().limit(1)).await;
    let told = opened("")
        + &find("a", 1, 2)
        + "S: {ax} OK\n"
        + &find("b", 2, 3)
        + "S: * 1 FETCH (UID 2)\nS: {bx} OK\n";
    let (page, _) = play(config(TlsMode::Implicit), &told, one);
    assert_eq!((uids(page.as_ref().unwrap()), page.unwrap().more), ("2".to_owned(), true));
    let mut never = opened("");
    for n in 1..=5 {
        let tag = ["", "a", "b", "c", "d", "e"][n as usize];
        never += &(find(tag, n, n + 1) + &format!("S: {{{tag}x}} OK\n"));
    }
    assert_eq!(fails(config(TlsMode::Implicit), &never, one).kind(), ErrorKind::Protocol);
}

#[test]
fn the_last_message_is_not_new_just_because_a_star_means_it() {
    let script = opened("") + "C: {a} UID SEARCH UID 11:*\nS: * SEARCH 10\nS: {a} OK\n";
    let (page, _) =
        play(config(TlsMode::Implicit), &script, async |imap| imap.list(&Query::all().after(key(10))).await);
    assert_eq!(page.unwrap(), Listing::default());
}

#[test]
fn a_mailbox_that_is_rebuilt_while_it_is_open_is_found_out() {
    for answer in [
        "S: * OK [UIDVALIDITY 8] surprise\nS: * 1 FETCH (UID 4 BODY[] \"x\")\nS: {f} OK\n",
        "S: * 1 FETCH (UID 4 BODY[] {1}\nS| x\nS: )\nS: * OK [UIDVALIDITY 8] surprise\nS: {f} OK\n",
    ] {
        assert_eq!(fetching(answer), (ErrorKind::NotFound, Phase::Fetch), "{answer}");
    }
    let script = opened("").replace("UIDVALIDITY 7", "UIDVALIDITY 8");
    let error = fails(config(TlsMode::Implicit), &script, fetch);
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("UIDVALIDITY"), "{error}");
    for none in ["UIDVALIDITY 0", "X"] {
        let script = opened("").replace("UIDVALIDITY 7", none);
        assert_eq!(listing(TlsMode::Implicit, &script), (ErrorKind::Unsupported, Phase::Select));
    }
}

#[test]
fn nothing_is_asked_of_a_mailbox_that_is_known_to_have_been_rebuilt() {
    let list =
        "C: {a} UID SEARCH UID 1:*\nS: * SEARCH\nS| {a} OK done\\r\\n* OK [UIDVALIDITY 8] rebuilt\\r\\n\n";
    for how in [Settle::Delete, Settle::Move("Archive".into()), Settle::Seen] {
        let script = opened("UIDPLUS MOVE") + list;
        let (outcome, host) = play(config(TlsMode::Implicit), &script, async |imap| {
            imap.list(&Query::all()).await?;
            imap.settle(&[key(4)], &how).await
        });
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotFound);
        host.assert_followed();
        let sent = host.sent_text();
        assert!(sent.lines().last().unwrap().contains("SEARCH"), "{sent}");
    }
}

/// Has more messages than there are, finds none, and says OK to everything.
struct Huge;

impl Script for Huge {
    fn greet(&mut self) -> Vec<u8> {
        b"* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let line = String::from_utf8_lossy(bytes);
        let tag = line.split(' ').next().unwrap();
        let data = if line.contains("SELECT") {
            "* 4294967295 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n"
        } else {
            "* SEARCH\r\n"
        };
        format!("{data}{tag} OK\r\n").into_bytes()
    }

    fn ending(&self) -> Ending {
        Ending::Open
    }
}

#[test]
fn a_mailbox_of_impossible_size_does_not_make_a_listing_without_end() {
    let host = VirtualHost::serve(|| Box::new(Huge));
    let mut imap = imap(config(TlsMode::Implicit), &host);
    let page = run(&host, imap.list(&Query::unseen())).expect("hangs").unwrap();
    assert!(page.messages.is_empty() && !page.more);
    assert!(host.sent().len() < 100_000, "{} bytes of commands", host.sent().len());
}

#[test]
fn uids_that_do_not_last_make_keys_that_are_not_stable() {
    let script = opened("").replace("* OK [UIDNEXT 12] ok", "* NO [UIDNOTSTICKY] sorry")
        + "C: {a} UID SEARCH UID 1:*\nS: * SEARCH 4\nS: {a} OK\nC: {b} UID FETCH 4 (UID FLAGS RFC822.SIZE)\n\
           S: * 1 FETCH (UID 4)\nS: {b} OK\n";
    let (page, _) = play(config(TlsMode::Implicit), &script, list);
    assert!(!page.unwrap().messages[0].stable);
}

#[test]
fn text_that_could_be_a_command_is_refused_before_anything_is_dialed() {
    let host = VirtualHost::play(&Dialogue::parse("SILENCE").unwrap());
    for evil in ["a\r\nx LOGOUT", "a\nb", "a\r", "a\0", "a\u{7f}", "", "a\u{85}"] {
        let mut folder = config(TlsMode::Implicit);
        folder.folder = evil.into();
        let mut user = config(TlsMode::Implicit);
        user.login.user = format!("x{evil}\n");
        let mut password = config(TlsMode::Implicit);
        password.login.password = Some(format!("x{evil}\n").into());
        for config in [folder, user, password] {
            let error = run(&host, imap(config, &host).list(&Query::all())).unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
        let mut imap = imap(config(TlsMode::Implicit), &host);
        let mut flags = Flags::default();
        flags.keywords.push(evil.into());
        let errors = [
            run(&host, imap.settle(&[key(4)], &Settle::Move(evil.into()))).unwrap().unwrap_err(),
            run(&host, imap.append(evil, &Flags::default(), "x".into())).unwrap().unwrap_err(),
            run(&host, imap.append("INBOX", &flags, "x".into())).unwrap().unwrap_err(),
        ];
        assert!(errors.iter().all(|e| e.kind() == ErrorKind::InvalidInput), "{errors:?}");
    }
    let mut imap = imap(config(TlsMode::Implicit), &host);
    for id in [
        "imap:me@mail.example/INBOX/7/4:*",
        "imap:me@mail.example/INBOX/7/0",
        "imap:me@mail.example/INBOX/07/4",
        "imap:you@mail.example/INBOX/7/4",
        "imap:me@mail.example/Sent/7/4",
        "pop3:me@mail.example/4",
        "imap:x",
    ] {
        let id = MessageId::parse(id).unwrap();
        assert_eq!(
            run(&host, read(&mut imap, &id)).unwrap().unwrap_err().kind(),
            ErrorKind::InvalidInput,
            "{id}"
        );
    }
    let unsized_body = Body::from_reader(&b"x"[..]);
    let error = run(&host, imap.append("INBOX", &Flags::default(), unsized_body)).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!((host.dials(), host.sent().len()), (0, 0));
}
