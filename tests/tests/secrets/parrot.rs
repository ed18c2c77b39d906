//! A server that repeats what it is told.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// Speaks enough of each protocol to be told a secret, and repeats every line it hears, also decoded.
pub(crate) async fn parrot(transport: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (line, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut line = BufReader::new(line);
                let greeting = match transport {
                    "smtp" => "220 parrot ESMTP\r\n",
                    "pop3" => "+OK parrot\r\n",
                    _ => {
                        "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 AUTH=OAUTHBEARER] parrot\r\n"
                    }
                };
                let mut answer = greeting.to_owned();
                loop {
                    if line.get_mut().write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                    let mut heard = String::new();
                    if line.read_line(&mut heard).await.unwrap_or(0) == 0 {
                        return;
                    }
                    answer = repeat(transport, heard.trim_end());
                }
            });
        }
    });
    port
}

fn repeat(transport: &str, heard: &str) -> String {
    let verb = heard.split(' ').next().unwrap_or_default();
    let decoded: String = heard.split(' ').filter_map(decode).collect();
    let echo = format!("you said {heard} that is {decoded}").replace(['\r', '\n', '\0', '\u{1}'], " ");
    match (transport, verb) {
        ("smtp", "EHLO") => "250-parrot\r\n250 AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n".into(),
        ("smtp", "AUTH") if heard == "AUTH LOGIN" => "334 VXNlcm5hbWU6\r\n".into(),
        ("smtp", "QUIT") => "221 bye\r\n".into(),
        ("smtp", _) => format!("535 5.7.8 {echo}\r\n"),
        ("pop3", "CAPA") => "+OK\r\nSASL PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\nUSER\r\n.\r\n".into(),
        ("pop3", "QUIT") => "+OK\r\n".into(),
        ("pop3", _) => format!("-ERR {echo}\r\n"),
        (_, tag) => format!("* BYE {echo}\r\n{tag} NO {echo}\r\n"),
    }
}

const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 without a library: the parrot shares no code with those it listens to.
fn decode(word: &str) -> Option<String> {
    let mut bits: Vec<u8> = Vec::new();
    for digit in word.trim_end_matches('=').chars() {
        let value = DIGITS.find(digit)?;
        bits.extend((0..6).rev().map(|n| u8::from(value >> n & 1 == 1)));
    }
    let bytes: Vec<u8> =
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Base64 of a text whose length is a multiple of three.
pub(crate) fn encode(text: &str) -> String {
    let bits: Vec<u8> = text.bytes().flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1)).collect();
    let digit =
        |bits: &[u8]| char::from(DIGITS.as_bytes()[bits.iter().fold(0, |v, b| v << 1 | usize::from(*b))]);
    bits.chunks_exact(6).map(digit).collect()
}
