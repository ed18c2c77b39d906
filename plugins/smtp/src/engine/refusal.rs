//! From a refusing reply to an error that says what to do about it. Pure.

use super::SmtpReply;
use postrider_core::{Error, ErrorKind, Phase};
use postrider_wire::Redactor;

/// An error for a reply that refuses: Rejected for 5xx, Deferred for 4xx, Protocol for what should not be.
pub(crate) fn refusal(
    phase: Phase,
    reply: &SmtpReply,
    what: impl Into<String>,
    redactor: &Redactor,
) -> Error {
    let kind = match reply.code {
        552 if phase == Phase::Recipient && !reply.refuses_recipient() => ErrorKind::Deferred,
        500.. => ErrorKind::Rejected,
        400.. => ErrorKind::Deferred,
        _ => ErrorKind::Protocol,
    };
    let error = Error::new(kind, phase, what).with_reply(reply.to_core(redactor));
    match advice(phase, reply) {
        Some(advice) => error.with_advice(advice),
        None => error,
    }
}

/// The same error once more: what ended a connection ended it for every message on it.
pub(crate) fn repeated(error: &Error) -> Error {
    let mut again = Error::new(error.kind(), error.phase(), error.message()).with_repeat(error.repeat());
    if let Some(advice) = error.advice() {
        again = again.with_advice(advice);
    }
    if let Some(reply) = error.reply() {
        again = again.with_reply(reply.clone());
    }
    again
}

fn advice(phase: Phase, reply: &SmtpReply) -> Option<&'static str> {
    let text = reply.text().to_ascii_lowercase();
    let enhanced = reply.enhanced().unwrap_or_default();
    Some(match reply.code {
        530 if text.contains("tls") => {
            "the server wants TLS first: set tls=starttls, or tls=implicit and port 465"
        }
        530 | 550 | 554 if text.contains("authent") => "the server wants a sign-in: set user and password",
        530 => "the server wants a sign-in or TLS first: set user and password, or tls=starttls",
        552 if phase == Phase::Recipient && reply.refuses_recipient() => "the mailbox is full",
        552 if phase == Phase::Recipient => {
            "too many recipients at once: send to the rest in another message"
        }
        552 | 523 => "make the message smaller, or ask for a larger limit",
        450..=452 if phase == Phase::Recipient && enhanced.ends_with(".5.3") => {
            "too many recipients at once: send to the rest in another message"
        }
        400..=499 => "try again later",
        550 | 554 if phase == Phase::Recipient && text.contains("relay") => {
            "the server does not forward to this domain: sign in, or use the server of your own provider"
        }
        550 | 551 | 553 if phase == Phase::Recipient => "check the recipient's address",
        550 | 553 if phase == Phase::Sender => "check that this account may send from this address",
        550 | 554 if text.contains("client host") || text.contains("access denied") => {
            "the server takes nothing from this machine as it is: set user and password, or use another server"
        }
        500.. if phase == Phase::EndOfData => "change what the server's words name in the message",
        500.. => "the server's words say what has to change",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_follows_the_code_and_the_advice_the_cause() {
        let of = |phase, code, text: &str| {
            let reply = SmtpReply::new(code, None, text.into());
            let error = refusal(phase, &reply, "no", &Redactor::default());
            (error.kind(), error.advice().unwrap_or_default().to_owned())
        };
        assert_eq!(of(Phase::Sender, 451, "").0, ErrorKind::Deferred);
        assert_eq!(of(Phase::Sender, 354, "").0, ErrorKind::Protocol);
        let (kind, advice) = of(Phase::Sender, 530, "Must issue a STARTTLS command first");
        assert!(kind == ErrorKind::Rejected && advice.contains("tls=starttls"), "{advice}");
        assert!(of(Phase::Recipient, 554, "Relay access denied").1.contains("sign in"));
        let denied = of(Phase::Sender, 554, "<unknown[192.0.2.1]>: Client host rejected: Access denied").1;
        assert!(denied.contains("user and password"), "{denied}");
        for phase in [Phase::Sender, Phase::Recipient, Phase::Data, Phase::EndOfData] {
            for code in [421, 450, 500, 550, 571, 599] {
                assert!(!of(phase, code, "").1.is_empty(), "{code} to {phase} has no advice");
            }
        }
    }
}
