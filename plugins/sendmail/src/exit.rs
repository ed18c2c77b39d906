//! What an exit code means: sysexits.h, as Sendmail's own table reads it.

use postrider_core::{Error, ErrorKind, Phase, Reply};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// How much of a message the program had got when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// Not all of it, so it can't have accepted it.
    Part,
    /// All of it and the end.
    Whole,
}

const CODES: &[(i32, &str, ErrorKind)] = &[
    (64, "EX_USAGE", ErrorKind::Configuration),
    (65, "EX_DATAERR", ErrorKind::Rejected),
    (66, "EX_NOINPUT", ErrorKind::Configuration),
    (67, "EX_NOUSER", ErrorKind::Rejected),
    (68, "EX_NOHOST", ErrorKind::Rejected),
    (69, "EX_UNAVAILABLE", ErrorKind::Rejected),
    (71, "EX_OSERR", ErrorKind::Deferred),
    (72, "EX_OSFILE", ErrorKind::Configuration),
    (73, "EX_CANTCREAT", ErrorKind::Rejected),
    (74, "EX_IOERR", ErrorKind::Deferred),
    (75, "EX_TEMPFAIL", ErrorKind::Deferred),
    (76, "EX_PROTOCOL", ErrorKind::Rejected),
    (77, "EX_NOPERM", ErrorKind::Rejected),
    (78, "EX_CONFIG", ErrorKind::Configuration),
];

/// The reply of a program that took the message, or why it did not.
pub(crate) fn outcome(status: ExitStatus, got: Got, recipients: usize, said: &str) -> Result<Reply, Error> {
    let code = status.code();
    let known = CODES.iter().find(|(number, ..)| code == Some(*number));
    let name = match (code, known) {
        (Some(0), _) => "EX_OK".to_owned(),
        (_, Some((_, name, _))) => (*name).to_owned(),
        (Some(code), None) => format!("exit code {code}"),
        (None, None) => format!("signal {}", status.signal().unwrap_or_default()),
    };
    let reply = Reply::new(name.clone(), None, said);
    if code == Some(0) && got == Got::Whole {
        return Ok(reply);
    }
    let (kind, message) = match (known, got) {
        // One of them is not there, and the others may have got it.
        (Some((67 | 68, ..)), Got::Whole) if recipients > 1 => {
            (ErrorKind::Unsure, "the program refuses a recipient")
        }
        (Some((.., kind)), _) => (*kind, "the program did not take the message"),
        (None, Got::Part) if code == Some(0) => {
            (ErrorKind::Protocol, "the program says that all is well, and has not read the whole message")
        }
        (None, Got::Part) => (ErrorKind::Closed, "the program ended before it had got the whole message"),
        (None, Got::Whole) => {
            (ErrorKind::Unsure, "the program failed in a way that does not say what it has done")
        }
    };
    let phase = if got == Got::Whole { Phase::EndOfData } else { Phase::Data };
    Err(Error::new(kind, phase, message).with_advice(advice(kind, code)).with_reply(reply))
}

fn advice(kind: ErrorKind, code: Option<i32>) -> &'static str {
    match (kind, code) {
        (ErrorKind::Configuration, _) => {
            "check the properties program and arguments, and the program's own configuration"
        }
        (ErrorKind::Deferred, _) => "try again later",
        (ErrorKind::Unsure, Some(67 | 68)) => {
            "look into the program's log; with mail.send.recipientspertransaction=1 each recipient has an outcome"
        }
        (ErrorKind::Unsure, _) => "look into the program's log before sending it again",
        (ErrorKind::Rejected, _) => {
            "see what the program said; the same message to the same recipients fails again"
        }
        _ => "check that the property program names a program that takes mail as Sendmail's does",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::Outcome;

    fn kind(code: i32, got: Got, recipients: usize) -> Option<ErrorKind> {
        outcome(ExitStatus::from_raw(code << 8), got, recipients, "").err().map(|e| e.kind())
    }

    #[test]
    fn every_code_has_one_meaning_and_no_unknown_end_is_safe_to_repeat() {
        assert_eq!(kind(0, Got::Whole, 1), None);
        assert_eq!(kind(0, Got::Part, 1), Some(ErrorKind::Protocol));
        for code in 1..=255 {
            let kind = kind(code, Got::Whole, 1).unwrap();
            let want = match code {
                64 | 66 | 72 | 78 => ErrorKind::Configuration,
                65 | 67..=69 | 73 | 76 | 77 => ErrorKind::Rejected,
                71 | 74 | 75 => ErrorKind::Deferred,
                _ => ErrorKind::Unsure,
            };
            assert_eq!(kind, want, "{code}");
        }
        assert_eq!(kind(67, Got::Whole, 2), Some(ErrorKind::Unsure));
        assert_eq!(kind(1, Got::Part, 1), Some(ErrorKind::Closed));
    }

    #[test]
    fn a_killed_program_is_unsure_only_when_it_had_the_whole_message() {
        let killed = ExitStatus::from_raw(9);
        let whole = outcome(killed, Got::Whole, 1, "last words").unwrap_err();
        assert_eq!(whole.outcome(), Outcome::Unsure);
        assert!(whole.to_string().contains("signal 9 last words"), "{whole}");
        assert_eq!(outcome(killed, Got::Part, 1, "").unwrap_err().outcome(), Outcome::NotSent);
    }
}
