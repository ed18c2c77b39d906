//! What lettre's answers and errors mean. Pure.

use crate::lent::Seen;
use lettre::transport::smtp;
use lettre::transport::smtp::response::Response;
use postrider_core::{Address, Error, ErrorKind, Phase, Reply, Result};
use postrider_wire::Redactor;
use std::error::Error as _;

/// The server's words.
pub(crate) fn reply(response: &Response, redactor: &Redactor) -> Reply {
    let text = response.message().collect::<Vec<_>>().join("\n");
    words(&response.code().to_string(), &text, redactor)
}

fn words(status: &str, text: &str, redactor: &Redactor) -> Reply {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let is_code = first.split('.').count() == 3
        && first.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if is_code { redactor.reply(status, Some(first), rest) } else { redactor.reply(status, None, text) }
}

/// lettre's error as ours. What was `seen` tells an end from a bad answer, which are the same to lettre.
pub(crate) fn error(error: &smtp::Error, phase: Phase, seen: &Seen, redactor: &Redactor) -> Error {
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    if let Some(code) = error.status() {
        let kind = if error.is_permanent() { ErrorKind::Rejected } else { ErrorKind::Deferred };
        let reply = words(&code.to_string(), &text, redactor);
        return Error::new(kind, phase, "the server refused").with_reply(reply);
    }
    if seen.is_endless() {
        return Error::new(ErrorKind::Limit, phase, "the server's answer is longer than 32 KiB");
    }
    if seen.has_ended() {
        return Error::new(ErrorKind::Closed, phase, "the server closed the connection");
    }
    let text = redactor.clean(&text);
    let shown: String = text.chars().take(200).collect();
    let (kind, what) = if error.is_response() {
        (ErrorKind::Protocol, "lettre could not read the server's answer")
    } else if error.is_client() {
        (ErrorKind::Unsupported, "lettre could not do it")
    } else {
        (ErrorKind::Closed, "the connection failed")
    };
    Error::new(kind, phase, format!("{what}: {}", shown.escape_debug()))
}

/// An address as lettre has it.
///
/// # Errors
/// `Unsupported` for one that is good mail but not to lettre.
pub(crate) fn address(address: &Address) -> Result<lettre::Address> {
    lettre::Address::new(address.local(), address.domain()).map_err(|why| {
        let what = format!("lettre does not take the address {address}: {why}");
        Error::new(ErrorKind::Unsupported, Phase::Configure, what)
    })
}

/// The message with CRLF for every line end, and without the last: lettre puts one behind whatever it gets, and
/// stuffs no dot behind a lone CR or LF, which some servers take for a line end too.
pub(crate) fn lines(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 32);
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                let _ = bytes.next_if_eq(&b'\n');
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            byte => out.push(byte),
        }
    }
    if out.ends_with(b"\r\n") {
        out.truncate(out.len() - 2);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_is_crlf_and_the_last_is_left_to_lettre() {
        for (from, to) in [
            ("a\r\nb\r\n", "a\r\nb"),
            ("a\n.\nb\r.\r", "a\r\n.\r\nb\r\n."),
            ("a\r\r\n\n", "a\r\n\r\n"),
            ("a", "a"),
            ("", ""),
        ] {
            assert_eq!(lines(from.as_bytes()), to.as_bytes(), "{from:?}");
        }
    }

    #[test]
    fn an_enhanced_code_is_told_apart_from_words() {
        let reply = |text: &str| words("550", text, &Redactor::default());
        assert_eq!(reply("5.1.1 no such user").code(), Some("5.1.1"));
        assert_eq!(reply("no.such.user here").code(), None);
    }
}
