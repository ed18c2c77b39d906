//! How the command ends: its exit codes and the failures that lead to them.

use postrider::{Error, ErrorKind};
use std::fmt;
use std::io;

/// What `--help` says of the codes. Where sysexits.h has a number for it, it is that one.
pub(crate) const HELP: &str = "\
Exit codes:
   0  all is done; for send: every recipient was accepted
   1  fetch --output -: there was no message; outbox: there was nothing to be done
  64  the command line is wrong
  65  the message or an address can't be used as it is
  66  a file, command or message that was to be read is not there, or can't be
  68  the server's name has no address
  69  the server refused for good
  70  a transport failed in a way it should not have
  73  a file can't be written
  74  no connection, or it was lost; nothing was accepted, a repeat is safe
  75  the server refused for now: try later
  76  TLS failed, the other side broke the protocol, or can't do what was asked
  77  signing in was refused
  78  a setting is wrong
  79  send, outbox run: unsure. The message may have been accepted and no answer came;
      a repeat may send it twice
  80  send: accepted for some recipients and not for others
 130  interrupted (Ctrl-C)";

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// All is done.
    Done = 0,
    /// No message to hand over.
    Nothing = 1,
    /// The command line is wrong.
    Usage = 64,
    /// The message or an address is.
    Data = 65,
    /// Something to be read can't be.
    NoInput = 66,
    /// No such host.
    NoHost = 68,
    /// Refused for good.
    Refused = 69,
    /// A fault in a transport.
    Software = 70,
    /// Something can't be written.
    CantCreate = 73,
    /// No connection, or it was lost, and nothing was accepted.
    Connection = 74,
    /// Refused for now.
    Deferred = 75,
    /// TLS or protocol.
    Protocol = 76,
    /// Not signed in.
    Authentication = 77,
    /// A setting.
    Config = 78,
    /// May have been accepted.
    Unsure = 79,
    /// Accepted for some.
    Partial = 80,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Code {
    /// The number the operating system gets.
    pub(crate) fn number(self) -> i32 {
        i32::from(self as u8)
    }

    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Configuration => Self::Config,
            ErrorKind::InvalidInput | ErrorKind::Body => Self::Data,
            ErrorKind::NotFound => Self::NoInput,
            ErrorKind::Resolve => Self::NoHost,
            ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Closed => Self::Connection,
            ErrorKind::Authentication => Self::Authentication,
            ErrorKind::Rejected | ErrorKind::Limit => Self::Refused,
            ErrorKind::Deferred => Self::Deferred,
            ErrorKind::Unsure => Self::Unsure,
            ErrorKind::Tls | ErrorKind::Protocol | ErrorKind::Unsupported => Self::Protocol,
            _ => Self::Software,
        }
    }
}

/// Why the command ends before its work is done. The text is whole: it names what happened and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// The library's error underneath, for `--json`. In a box: a failure is rare, and should be small.
    pub(crate) error: Option<Box<Error>>,
}

impl Failure {
    /// A failure of the command's own.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), error: None }
    }

    /// A mistake on the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// Something that can't be read.
    pub(crate) fn unreadable(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(Code::NoInput, format!("{what} can't be read: {error}"))
    }

    /// Something that can't be written.
    pub(crate) fn unwritable(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(Code::CantCreate, format!("{what} can't be written: {error}"))
    }

    /// Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self::new(Code::Interrupted, "interrupted")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: Code::of(error.kind()), message: error.to_string(), error: Some(Box::new(error)) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_in_help() {
        let all = [
            Code::Done,
            Code::Nothing,
            Code::Usage,
            Code::Data,
            Code::NoInput,
            Code::NoHost,
            Code::Refused,
            Code::Software,
            Code::CantCreate,
            Code::Connection,
            Code::Deferred,
            Code::Protocol,
            Code::Authentication,
            Code::Config,
            Code::Unsure,
            Code::Partial,
            Code::Interrupted,
        ];
        for code in all {
            assert!(HELP.contains(&format!("\n{:>4}  ", code.number())), "{code:?}");
        }
    }
}
