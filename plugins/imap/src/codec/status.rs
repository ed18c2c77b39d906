//! Status responses and their codes (RFC 9051 §7.1, RFC 5530).

use super::lexer::Lexer;
use postrider_core::{ErrorKind, Phase, Reply};
use postrider_wire::Redactor;

/// So many words of a capability list are kept.
const MAX_WORDS: usize = 1_000;
const THROTTLED: &str =
    "the server wants less from this account for now: wait some minutes, and ask less often";
/// So much of the server's words goes into an error.
const SHOWN: usize = 1_000;

/// OK, NO, BAD, BYE or PREAUTH, tagged or not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Status {
    pub(crate) kind: StatusKind,
    pub(crate) code: Option<Code>,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusKind {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

/// A response code, as far as anything follows from it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Code {
    Capability(Vec<String>),
    UidValidity(u32),
    UidNext(u32),
    UidNotSticky,
    ReadOnly,
    AppendUid {
        validity: u32,
        uid: u32,
    },
    /// Only so many messages at a time (RFC 9738): of those below this UID nothing was done, if the server says so.
    MessageLimit(Option<u32>),
    /// Any other, by its name in capitals.
    Other(String),
}

impl StatusKind {
    pub(crate) fn parse(word: &[u8]) -> Option<Self> {
        [
            (&b"OK"[..], Self::Ok),
            (b"NO", Self::No),
            (b"BAD", Self::Bad),
            (b"BYE", Self::Bye),
            (b"PREAUTH", Self::Preauth),
        ]
        .into_iter()
        .find_map(|(name, kind)| word.eq_ignore_ascii_case(name).then_some(kind))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
            Self::Preauth => "PREAUTH",
        }
    }
}

impl Status {
    /// True if the command was done to some of its messages only.
    pub(crate) fn is_part(&self) -> bool {
        self.kind == StatusKind::Ok && matches!(self.code, Some(Code::MessageLimit(_)))
    }

    /// What follows the word OK, NO, BAD, BYE or PREAUTH.
    pub(crate) fn parse(kind: StatusKind, rest: &[u8]) -> Self {
        let rest = rest.trim_ascii_start();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
        // The text may hold brackets too: a code is one only if it stands at the front and is closed.
        let code = rest.strip_prefix(b"[").and_then(|inner| {
            let end = memchr::memchr(b']', inner)?;
            Some((parse_code(inner.get(..end)?)?, inner.get(end + 1..)?))
        });
        match code {
            Some((code, after)) => Self { kind, code: Some(code), text: text(after) },
            None => Self { kind, code: None, text: text(rest) },
        }
    }

    /// The server's words for an error, without secrets and not too long.
    pub(crate) fn to_core(&self, redactor: &Redactor) -> Reply {
        // Masked before it is shortened: half a secret would not be known as one.
        let short = |text: &str| redactor.clean(text).chars().take(SHOWN).collect::<String>();
        Reply::new(self.kind.name(), self.code.as_ref().map(|c| short(c.name())), &short(&self.text))
    }
}

impl Code {
    fn name(&self) -> &str {
        match self {
            Self::Capability(_) => "CAPABILITY",
            Self::UidValidity(_) => "UIDVALIDITY",
            Self::UidNext(_) => "UIDNEXT",
            Self::UidNotSticky => "UIDNOTSTICKY",
            Self::ReadOnly => "READ-ONLY",
            Self::AppendUid { .. } => "APPENDUID",
            Self::MessageLimit(_) => "MESSAGELIMIT",
            Self::Other(name) => name,
        }
    }
}

fn parse_code(text: &[u8]) -> Option<Code> {
    let mut lexer = Lexer::new(text);
    let name = lexer.atom().ok()?.to_ascii_uppercase();
    lexer.blanks();
    let known = match name.as_slice() {
        b"CAPABILITY" => Some(Code::Capability(words(lexer.rest()))),
        b"UIDVALIDITY" => lexer.nonzero().ok().map(Code::UidValidity),
        b"UIDNEXT" => lexer.nonzero().ok().map(Code::UidNext),
        b"UIDNOTSTICKY" => Some(Code::UidNotSticky),
        b"READ-ONLY" => Some(Code::ReadOnly),
        b"MESSAGELIMIT" => {
            let _limit = lexer.number();
            lexer.blanks();
            Some(Code::MessageLimit(lexer.nonzero().ok()))
        }
        b"APPENDUID" => lexer.nonzero().ok().and_then(|validity| {
            lexer.blanks();
            Some(Code::AppendUid { validity, uid: lexer.nonzero().ok().filter(|_| lexer.is_end())? })
        }),
        _ => None,
    };
    Some(known.unwrap_or_else(|| Code::Other(String::from_utf8_lossy(&name).into_owned())))
}

/// Words in capitals, as of a capability list.
pub(crate) fn words(text: &[u8]) -> Vec<String> {
    text.split(|b| *b == b' ')
        .filter(|w| !w.is_empty() && w.len() <= 200 && w.is_ascii())
        .take(MAX_WORDS)
        .map(|w| String::from_utf8_lossy(w).to_ascii_uppercase())
        .collect()
}

/// What kind of error a NO or BAD is, and what a person can do about it.
pub(crate) fn refusal_kind(status: &Status, phase: Phase) -> (ErrorKind, Option<&'static str>) {
    let code = match &status.code {
        Some(Code::Other(name)) => name.as_str(),
        _ => "",
    };
    match code {
        "AUTHENTICATIONFAILED" => (
            ErrorKind::Authentication,
            Some("check user and password; many providers want an app password or an OAuth token here"),
        ),
        "AUTHORIZATIONFAILED" => {
            (ErrorKind::Authentication, Some("the user may not act for the one in sasl.authorizationid"))
        }
        "EXPIRED" => (ErrorKind::Authentication, Some("the password or token has expired: renew it")),
        "PRIVACYREQUIRED" => {
            (ErrorKind::Authentication, Some("the server wants TLS first: set tls=implicit or tls=starttls"))
        }
        "UNAVAILABLE" | "INUSE" | "LIMIT" => (ErrorKind::Deferred, Some("try again later")),
        // Microsoft's way to say LIMIT.
        "THROTTLED" => (ErrorKind::Deferred, Some(THROTTLED)),
        _ if status.text.to_ascii_lowercase().contains("is throttled") => {
            (ErrorKind::Deferred, Some(THROTTLED))
        }
        "NONEXISTENT" if phase == Phase::Select => {
            (ErrorKind::NotFound, Some("check the property folder; mailboxes() lists what there is"))
        }
        "TRYCREATE" => (ErrorKind::NotFound, Some("create the mailbox first: Imap::create")),
        "NONEXISTENT" | "EXPUNGEISSUED" => (ErrorKind::NotFound, None),
        "OVERQUOTA" | "TOOBIG" => (ErrorKind::Limit, Some("make room in the account, or ask for more")),
        "CONTACTADMIN" => (in_general(phase), Some("the server's administrator has to act")),
        "UNKNOWN-CTE" => (ErrorKind::Unsupported, None),
        _ if phase == Phase::Authenticate => (
            ErrorKind::Authentication,
            Some("check user and password, and that the account may be read over IMAP"),
        ),
        _ if phase == Phase::Select => {
            (ErrorKind::Rejected, Some("check the property folder, and the right to open it"))
        }
        _ => (in_general(phase), None),
    }
}

fn in_general(phase: Phase) -> ErrorKind {
    if phase == Phase::Authenticate { ErrorKind::Authentication } else { ErrorKind::Rejected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::Secret;

    fn read(text: &str) -> Status {
        Status::parse(StatusKind::No, text.as_bytes())
    }

    #[test]
    fn a_code_is_read_and_what_only_looks_like_one_is_text() {
        assert_eq!(read(" [UIDVALIDITY 7] ok").code, Some(Code::UidValidity(7)));
        assert_eq!(
            read("[APPENDUID 38505 3955] done").code,
            Some(Code::AppendUid { validity: 38505, uid: 3955 })
        );
        assert_eq!(
            read("[capability IMAP4rev1 idle]").code,
            Some(Code::Capability(vec!["IMAP4REV1".into(), "IDLE".into()]))
        );
        assert_eq!(read("[MessageLimit 1000 23221] x").code, Some(Code::MessageLimit(Some(23221))));
        for text in ["[MESSAGELIMIT 1000] x", "[MESSAGELIMIT] x", "[MESSAGELIMIT 5 0] x"] {
            assert_eq!(read(text).code, Some(Code::MessageLimit(None)), "{text}");
            // A command that was refused was done to none.
            let parts =
                [StatusKind::Ok, StatusKind::No].map(|kind| Status::parse(kind, text.as_bytes()).is_part());
            assert_eq!(parts, [true, false], "{text}");
        }
        assert_eq!(read("[UIDNEXT 0] x").code, Some(Code::Other("UIDNEXT".into())));
        assert_eq!(read("[APPENDUID 1 2:3]").code, Some(Code::Other("APPENDUID".into())));
        let alert = read("[ALERT] full [really]");
        assert_eq!((alert.code, alert.text.as_str()), (Some(Code::Other("ALERT".into())), "full [really]"));
        for text in ["[never closed", "no [ALERT]", "", "[] x"] {
            assert_eq!(read(text).code, None, "{text}");
        }
    }

    #[test]
    fn every_code_has_its_kind() {
        for (code, phase, kind) in [
            ("AUTHENTICATIONFAILED", Phase::Authenticate, ErrorKind::Authentication),
            ("UNAVAILABLE", Phase::Authenticate, ErrorKind::Deferred),
            ("LIMIT", Phase::Select, ErrorKind::Deferred),
            ("INUSE", Phase::Settle, ErrorKind::Deferred),
            ("NONEXISTENT", Phase::Select, ErrorKind::NotFound),
            ("TRYCREATE", Phase::Settle, ErrorKind::NotFound),
            ("EXPUNGEISSUED", Phase::Fetch, ErrorKind::NotFound),
            ("OVERQUOTA", Phase::Append, ErrorKind::Limit),
            ("CONTACTADMIN", Phase::Authenticate, ErrorKind::Authentication),
            ("SERVERBUG", Phase::List, ErrorKind::Rejected),
            ("WHATEVER", Phase::Authenticate, ErrorKind::Authentication),
        ] {
            assert_eq!(refusal_kind(&read(&format!("[{code}] no")), phase).0, kind, "{code}");
        }
    }

    #[test]
    fn a_server_that_wants_less_for_now_is_not_one_that_refuses() {
        for text in [
            "Request is throttled. Suggested Backoff Time: 59234 milliseconds",
            "Server busy: User is throttled",
            "[THROTTLED] Too many commands",
        ] {
            for phase in [Phase::Authenticate, Phase::Select, Phase::Fetch, Phase::Settle] {
                assert_eq!(refusal_kind(&read(text), phase).0, ErrorKind::Deferred, "{text}");
            }
        }
    }

    #[test]
    fn secrets_are_masked_before_the_words_are_shortened() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("hunter2secret"));
        let status = read(&format!("{}hunter2secret", "x".repeat(SHOWN - 5)));
        let shown = status.to_core(&redactor).to_string();
        assert!(!shown.contains("hunte") && shown.len() < SHOWN + 20, "{shown}");
    }
}
