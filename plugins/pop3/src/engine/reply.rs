//! Status lines (RFC 1939 §3), response codes (RFC 2449 §8, RFC 3206) and greetings.

use postrider_core::{Error, ErrorKind, Phase};
use postrider_wire::Redactor;

/// Longest status or listing line, in bytes. RFC 2449 §4 says 512; servers are not that exact.
pub(crate) const LINE: usize = 4 * 1024;

/// How a reply begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// `+OK`
    Ok,
    /// `-ERR`
    Err,
    /// `+`, a SASL challenge (RFC 5034 §4)
    Challenge,
}

/// A status line taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) status: Status,
    /// The response code in capitals, without brackets.
    pub(crate) code: Option<String>,
    /// The rest.
    pub(crate) text: String,
}

impl Line {
    /// Reads a status line; `None` if it is none.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let (word, rest) = match line.iter().position(|b| *b == b' ') {
            Some(at) => (line.get(..at)?, line.get(at + 1..)?),
            None => (line, &[][..]),
        };
        let status = match word {
            b"+OK" => Status::Ok,
            b"-ERR" => Status::Err,
            b"+" => Status::Challenge,
            _ => return None,
        };
        let text = String::from_utf8_lossy(rest);
        let (code, text) = if status == Status::Challenge { (None, &*text) } else { split_code(&text) };
        Some(Self { status, code, text: text.to_owned() })
    }

    /// True for a success, whose words mean nothing: nothing is made for each message read.
    pub(crate) fn is_plain_ok(line: &[u8]) -> bool {
        line.strip_prefix(b"+OK").is_some_and(|rest| rest.first().is_none_or(|b| *b == b' '))
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// The server refuses for now, whatever was asked.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self.code.as_deref(), Some("IN-USE" | "LOGIN-DELAY" | "SYS/TEMP"))
    }

    /// The server says that the message is not there.
    pub(crate) fn says_gone(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        ["no such message", "expunged", "not found", "does not exist", "doesn't exist"]
            .iter()
            .any(|words| text.contains(words))
    }

    /// The error a refusal is: its code decides the kind, `otherwise` is the kind without one.
    pub(crate) fn refusal(
        &self,
        otherwise: ErrorKind,
        phase: Phase,
        what: &str,
        redactor: &Redactor,
    ) -> Error {
        let (kind, advice) = match self.code.as_deref() {
            Some("IN-USE") => {
                (ErrorKind::Deferred, Some("another client has the maildrop open; try again later"))
            }
            Some("LOGIN-DELAY") => {
                (ErrorKind::Deferred, Some("the server wants more time between sessions; raise pollinterval"))
            }
            Some("SYS/TEMP") => {
                (ErrorKind::Deferred, Some("the server has a passing problem; try again later"))
            }
            Some("SYS/PERM") => {
                (ErrorKind::Rejected, Some("the server's administrator has to look into this"))
            }
            Some("AUTH") => (ErrorKind::Authentication, None),
            // Servers older than response codes say it in words only, in answer to a good password.
            _ if phase == Phase::Authenticate && says_locked(&self.text) => {
                (ErrorKind::Deferred, Some("another client has the maildrop open; try again later"))
            }
            _ => (otherwise, None),
        };
        let status = match self.status {
            Status::Ok => "+OK",
            Status::Err => "-ERR",
            Status::Challenge => "+",
        };
        let error = Error::new(kind, phase, what).with_reply(redactor.reply(
            status,
            self.code.as_deref(),
            &self.text,
        ));
        match advice {
            Some(advice) => error.with_advice(advice),
            None if kind == ErrorKind::Authentication => error.with_advice(
                "check the user and password properties; many providers want an app password, and POP3 access to be \
                 switched on in their settings",
            ),
            None => error,
        }
    }
}

/// What is wrong with a first line that is no POP3 greeting; `words` is what may be shown of it.
pub(crate) fn not_a_greeting(line: &[u8], words: &str) -> Error {
    let is = |start: &[u8]| line.starts_with(start);
    let (what, advice) = if is(b"220 ") || is(b"220-") || is(b"554 ") {
        ("an SMTP server answers on this port", "set the port of the POP3 server: 995 (TLS) or 110")
    } else if is(b"* ") {
        (
            "an IMAP server answers on this port",
            "set the port of the POP3 server: 995 (TLS) or 110, or use imap",
        )
    } else if is(b"\x15\x03") || is(b"\x16\x03") {
        ("the server speaks TLS from the first byte", "set tls=implicit")
    } else {
        ("this is no POP3 server", "check host and port, and whether the port expects TLS from the start")
    };
    Error::new(ErrorKind::Protocol, Phase::Greeting, format!("{what}: \"{words}\"")).with_advice(advice)
}

/// The APOP timestamp of a greeting (RFC 1939 §7), wherever it stands. It must have the form of a message
/// identifier: one made up to break MD5 has not (CVE-2007-1558).
pub(crate) fn timestamp(greeting: &str) -> Option<&str> {
    memchr::memchr_iter(b'<', greeting.as_bytes()).take(16).find_map(|open| {
        let rest = greeting.get(open..)?;
        let stamp = rest.get(..=rest.find('>')?)?;
        let inner = stamp.get(1..stamp.len() - 1)?;
        let (left, right) = inner.split_once('@')?;
        let good = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && b != b'@' && b != b'<')
        };
        (stamp.len() <= 512 && good(left) && good(right)).then_some(stamp)
    })
}

fn split_code(text: &str) -> (Option<String>, &str) {
    let code = text.strip_prefix('[').and_then(|t| t.split_once(']'));
    let good = |c: &str| {
        !c.is_empty() && c.len() <= 64 && c.bytes().all(|b| b.is_ascii_alphanumeric() || b"-/._".contains(&b))
    };
    match code {
        Some((code, rest)) if good(code) => (Some(code.to_ascii_uppercase()), rest.trim_start()),
        _ => (None, text),
    }
}

fn says_locked(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    has(&["maildrop", "mailbox", "mail drop", "mail box"]) && has(&["lock", "in use", "busy"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_status_words_are_replies() {
        for (line, status, code, text) in [
            (&b"+OK"[..], Status::Ok, None, ""),
            (b"+OK 2 messages", Status::Ok, None, "2 messages"),
            (b"-ERR [in-use] locked", Status::Err, Some("IN-USE"), "locked"),
            (b"-ERR [SYS/TEMP]", Status::Err, Some("SYS/TEMP"), ""),
            (b"-ERR [not a code] x", Status::Err, None, "[not a code] x"),
            (b"+ YQ==", Status::Challenge, None, "YQ=="),
            (b"+", Status::Challenge, None, ""),
        ] {
            let got = Line::parse(line).unwrap();
            assert_eq!((got.status, got.code.as_deref(), got.text.as_str()), (status, code, text));
            assert_eq!(Line::is_plain_ok(line), status == Status::Ok);
        }
        for bad in [&b""[..], b"+OKAY", b"+ok", b"OK", b"-ERROR", b" +OK", b"220 x", b"\0+OK"] {
            assert_eq!(Line::parse(bad), None, "{bad:?}");
            assert!(!Line::is_plain_ok(bad), "{bad:?}");
        }
    }

    #[test]
    fn codes_decide_the_kind_and_stand_in_the_reply() {
        use ErrorKind::{Authentication, Deferred, Rejected};
        for (line, kind) in [
            ("-ERR [IN-USE] x", Deferred),
            ("-ERR [LOGIN-DELAY] x", Deferred),
            ("-ERR [SYS/TEMP] x", Deferred),
            ("-ERR [SYS/PERM] x", Rejected),
            ("-ERR [AUTH] x", Authentication),
            ("-ERR maildrop already locked", Deferred),
            ("-ERR account locked", Authentication),
            ("-ERR no", Authentication),
        ] {
            let line_ = Line::parse(line.as_bytes()).unwrap();
            let error = line_.refusal(Authentication, Phase::Authenticate, "no", &Redactor::default());
            assert_eq!(error.kind(), kind, "{line}");
            assert_eq!(error.reply().unwrap().code(), line_.code.as_deref());
        }
    }

    #[test]
    fn a_timestamp_is_found_anywhere_and_has_the_form_of_an_identifier() {
        assert_eq!(timestamp("hi <1896.6971@x.example> there"), Some("<1896.6971@x.example>"));
        assert_eq!(timestamp("a < b <1@x>"), Some("<1@x>"));
        for bad in ["", "<>", "<a>", "<@x>", "<a@>", "<a b@x>", "<a@x", "<a\u{e9}@x>", "<a@b@c>"] {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
    }
}
