//! Status lines (RFC 1939 §3) with response codes (RFC 2449 §8, RFC 3206).

use postrider_core::{Error, ErrorKind, Phase, Reply, Result};
use postrider_wire::Redactor;

/// Longest status line, in bytes.
pub(crate) const LINE: usize = 4 * 1024;

/// An answer's first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// `+OK`
    Ok { text: String },
    /// `-ERR`
    Err { code: Option<String>, text: String },
    /// `+ `: a challenge, or a request to go on (RFC 5034 §4).
    Continue { text: String },
}

impl Status {
    pub(crate) fn parse(line: &[u8], phase: Phase) -> Result<Self> {
        let text = String::from_utf8_lossy(line);
        let after = |word: &str| {
            let rest = text.strip_prefix(word)?;
            (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim().to_owned())
        };
        if let Some(text) = after("+OK") {
            return Ok(Self::Ok { text });
        }
        if let Some(text) = after("-ERR") {
            let (code, text) = split_code(&text);
            return Ok(Self::Err { code, text });
        }
        if let Some(text) = after("+") {
            return Ok(Self::Continue { text });
        }
        let shown: String = text.chars().take(200).collect();
        let advice = if text.starts_with("220") {
            "this is an SMTP port: set the port of the incoming server, 995 or 110"
        } else if text.starts_with("* ") {
            "this is an IMAP port: use the imap transport, or port 995 or 110"
        } else {
            "check that host and port are those of a POP3 server"
        };
        Err(Error::new(
            ErrorKind::Protocol,
            phase,
            format!("not a POP3 answer: \"{}\"", shown.escape_debug()),
        )
        .with_advice(advice))
    }

    /// The text of `+OK`, or the error that a refusal is.
    pub(crate) fn ok(self, phase: Phase, what: &str, redactor: &Redactor) -> Result<String> {
        match self {
            Self::Ok { text } => Ok(text),
            Self::Err { code, text } => Err(refusal(phase, what, code.as_deref(), &text, redactor)),
            Self::Continue { .. } => Err(Error::new(
                ErrorKind::Protocol,
                phase,
                "the server asks for more where nothing is left to say",
            )),
        }
    }
}

/// The error for a `-ERR`.
fn refusal(phase: Phase, what: &str, code: Option<&str>, text: &str, redactor: &Redactor) -> Error {
    let reply: Reply = redactor.reply("-ERR", code, text);
    let upper = code.unwrap_or_default().to_ascii_uppercase();
    let (kind, advice) = match upper.as_str() {
        "IN-USE" => (ErrorKind::Deferred, "another session has the maildrop open: try again later"),
        "LOGIN-DELAY" => {
            (ErrorKind::Deferred, "the server wants more time between two sign-ins: raise the poll interval")
        }
        "SYS/TEMP" => (ErrorKind::Deferred, "the server has a passing trouble: try again later"),
        "SYS/PERM" => (ErrorKind::Rejected, "ask the server's administrator"),
        _ if phase == Phase::Authenticate => (
            ErrorKind::Authentication,
            "check user and password; many providers want an app password or an OAuth token here",
        ),
        _ => (ErrorKind::Rejected, "see the server's words"),
    };
    Error::new(kind, phase, what).with_reply(reply).with_advice(advice)
}

fn split_code(text: &str) -> (Option<String>, String) {
    match text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        Some((code, rest)) if !code.is_empty() && code.len() <= 64 => {
            (Some(code.to_owned()), rest.trim().to_owned())
        }
        _ => (None, text.to_owned()),
    }
}

/// The timestamp that APOP needs, wherever it stands in the greeting (RFC 1939 §7).
pub(crate) fn timestamp(greeting: &str) -> Option<&str> {
    let start = greeting.find('<')?;
    let rest = greeting.get(start..)?;
    let end = rest.find('>')?;
    let stamp = rest.get(..=end)?;
    (stamp.contains('@') && stamp.bytes().all(|b| (0x21..0x7f).contains(&b))).then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_told_apart() {
        let parse = |l: &str| Status::parse(l.as_bytes(), Phase::Greeting);
        assert_eq!(parse("+OK").unwrap(), Status::Ok { text: String::new() });
        assert_eq!(parse("+ abc=").unwrap(), Status::Continue { text: "abc=".into() });
        let busy = Status::Err { code: Some("IN-USE".into()), text: "busy".into() };
        assert_eq!(parse("-ERR [IN-USE] busy").unwrap(), busy);
        for bad in ["", "+OKAY", "OK", "-ERROR", "220 hi", "* OK", "\0"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(timestamp("POP3 <1896.697@dbc.mtview.ca.us> ready"), Some("<1896.697@dbc.mtview.ca.us>"));
        assert_eq!(timestamp("<no at sign> x"), None);
    }
}
