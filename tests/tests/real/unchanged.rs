//! Mail written by Python's smtplib is fetched unchanged, byte for byte.

use crate::as_sent;
use postrider::Query;
use postrider_tests::mailbox::Mailbox;
use postrider_tests::properties::Text;
use postrider_tests::servers::{Servers, or_skip};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Sends each message on its standard input, with its length before it, to argument 2 by the port of argument 1.
const SMTPLIB: &str = r#"
import smtplib, sys
client = smtplib.SMTP("localhost", int(sys.argv[1]), timeout=60)
client.ehlo()
while length := sys.stdin.buffer.readline():
    text = sys.stdin.buffer.read(int(length))
    assert client.sendmail("python@example.test", [sys.argv[2]], text, ["BODY=8BITMIME"]) == {}
client.quit()
"#;

/// Puts a message into the mailbox by IMAP's APPEND, which unlike SMTP leaves the end as it is.
const IMAPLIB: &str = r#"
import imaplib, sys
client = imaplib.IMAP4("localhost", int(sys.argv[1]))
client.login(sys.argv[2], sys.argv[3])
while length := sys.stdin.buffer.readline():
    text = sys.stdin.buffer.read(int(length))
    client.literal = text
    kind, data = client._simple_command("APPEND", "INBOX")
    assert kind == "OK", data
client.logout()
"#;

/// What a careless client, relay or server would touch.
fn bodies() -> Vec<Vec<u8>> {
    let all_bytes: Vec<u8> = (1..=255u8).filter(|b| !b"\r\n".contains(b)).collect();
    vec![
        b"plain\r\n".to_vec(),
        b"".to_vec(),
        b"\r\n".to_vec(),
        b".\r\n".to_vec(),
        b"..\r\n.\r\n...\r\n.a\r\n..b\r\n".to_vec(),
        b"\r\n\r\n\r\nafter blank lines\r\n\r\n\r\n".to_vec(),
        b"trailing blanks   \r\n\t\r\n \r\n".to_vec(),
        "grüße, 日本語 and 😀 unencoded\r\n".into(),
        [all_bytes.as_slice(), b"\r\n"].concat(),
        [&vec![b'x'; 998][..], b"\r\n", &vec![b'y'; 4_000][..], b"\r\n.", &vec![b'.'; 5_000][..], b"\r\n"]
            .concat(),
        b"From the start of a line\r\n>From another\r\nFrom: not a header\r\n".to_vec(),
        b") OK FETCH completed\r\n* 1 EXISTS\r\n+OK\r\n-ERR\r\n{10}\r\n".to_vec(),
        "a line of the many\r\n".repeat(20_000).into_bytes(),
    ]
}

fn messages(bodies: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let head =
        |n: usize| format!("X-Case: {n}.\r\nSubject: b\u{e4}re UTF-8\r\nX-Folded: a\r\n\tb  \r\n c\r\n\r\n");
    bodies.into_iter().enumerate().map(|(n, body)| [head(n).into_bytes(), body].concat()).collect()
}

fn python(script: &str, arguments: &[&str], messages: &[Vec<u8>]) {
    let mut python = Command::new("python3")
        .args(["-c", script])
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("python3 is installed with the servers");
    let mut stdin = python.stdin.take().unwrap();
    for message in messages {
        stdin.write_all(format!("{}\n", message.len()).as_bytes()).unwrap();
        stdin.write_all(message).unwrap();
    }
    drop(stdin);
    assert!(python.wait().unwrap().success());
}

async fn fetched(
    servers: &Servers,
    mailbox: &Mailbox,
    transport: &'static str,
    server: &str,
    tls: &str,
) -> Vec<Vec<u8>> {
    let mut inbox = Text::new(servers, transport, server, tls).signed_in(servers, mailbox.user()).inbox();
    let mut found = Vec::new();
    for info in inbox.list(&Query::all()).await.unwrap().messages {
        let whole = inbox.fetch(&info.id).await.unwrap().read_all(10 << 20).await.unwrap();
        assert_eq!(info.size, Some(whole.len() as u64), "{transport} {tls} {}", info.id);
        found.push(whole.to_vec());
    }
    inbox.close().await.unwrap();
    found
}

const WAYS: &[(&str, &str, &str)] = &[
    ("pop3", "DOVECOT_POP3", "none"),
    ("pop3", "DOVECOT_POP3", "starttls"),
    ("pop3", "DOVECOT_POP3S", "implicit"),
    ("imap", "DOVECOT_IMAP", "none"),
    ("imap", "DOVECOT_IMAP", "starttls"),
    ("imap", "DOVECOT_IMAPS", "implicit"),
];

#[tokio::test]
async fn mail_of_smtplib_is_fetched_unchanged_over_pop3_and_imap() {
    let Some(servers) = or_skip("mail_of_smtplib_is_fetched_unchanged_over_pop3_and_imap") else { return };
    let mailbox = Mailbox::claim(servers);
    let sent = messages(bodies());
    python(SMTPLIB, &[&servers.port("POSTFIX_SMTP").to_string(), &mailbox.address()], &sent);
    mailbox.arrived(sent.len());
    for (transport, server, tls) in WAYS {
        let found = fetched(servers, &mailbox, transport, server, tls).await;
        assert_eq!(found.len(), sent.len());
        for (n, sent) in sent.iter().enumerate() {
            // Mail may overtake mail.
            let mark = format!("X-Case: {n}.");
            let is_it = |m: &&Vec<u8>| m.windows(mark.len()).any(|w| w == mark.as_bytes());
            let got = as_sent(found.iter().find(is_it).unwrap(), &mark);
            assert!(
                got == *sent,
                "{transport} {tls}, case {n}:\n{}\n{}",
                got.escape_ascii(),
                sent.escape_ascii()
            );
        }
    }
}

#[tokio::test]
async fn a_message_without_a_final_line_end_is_fetched_without_one() {
    let Some(servers) = or_skip("a_message_without_a_final_line_end_is_fetched_without_one") else { return };
    let mailbox = Mailbox::claim(servers);
    let written =
        messages(vec![b"no line end".to_vec(), b"\r\n.".to_vec(), vec![b'z'; 100_000], b"".to_vec()]);
    let port = servers.port("DOVECOT_IMAP").to_string();
    python(IMAPLIB, &[&port, mailbox.user(), servers.password()], &written);
    for (transport, server, tls) in WAYS.iter().filter(|(transport, ..)| *transport == "imap") {
        assert!(fetched(servers, &mailbox, transport, server, tls).await == written, "{tls}");
    }
    // POP3 can't say where a message ends but at a line's end (RFC 1939 §3): there it gains one.
    let mut inbox =
        Text::new(servers, "pop3", "DOVECOT_POP3S", "implicit").signed_in(servers, mailbox.user()).inbox();
    let ids: Vec<_> = inbox.list(&Query::all()).await.unwrap().messages.into_iter().map(|m| m.id).collect();
    for (id, written) in ids.iter().zip(&written) {
        let whole = inbox.fetch(id).await.unwrap().read_all(1 << 20).await.unwrap();
        let ended = written.ends_with(b"\r\n");
        assert!(whole == if ended { written.clone() } else { [written, &b"\r\n"[..]].concat() });
    }
    inbox.close().await.unwrap();
}

#[tokio::test]
async fn what_we_send_is_what_smtplib_would_have_sent() {
    let Some(servers) = or_skip("what_we_send_is_what_smtplib_would_have_sent") else { return };
    let (ours, theirs) = (Mailbox::claim(servers), Mailbox::claim(servers));
    let sent = messages(bodies());
    python(SMTPLIB, &[&servers.port("POSTFIX_SMTP").to_string(), &theirs.address()], &sent);
    let mailer = Text::new(servers, "smtp", "POSTFIX_SMTPS", "implicit").signed_in(servers, "bob").mailer();
    for message in &sent {
        mailer.send(&crate::envelope(&ours), message.clone().into()).await.unwrap();
    }
    mailer.close().await;
    let sorted = |mailbox: &Mailbox| {
        let mut all: Vec<_> = mailbox.arrived(sent.len()).iter().map(|m| as_sent(m, "X-Case: ")).collect();
        all.sort();
        all
    };
    assert!(sorted(&ours) == sorted(&theirs));
}
