//! Which protocol a server speaks: by its first words, and by the name of the transport that wants it.

use postrider_core::{Direction, Ports, TlsMode, TransportFactory};
use std::fmt;

/// What speaks at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    Smtp,
    Pop3,
    Imap,
    Http,
    Ssh,
    Ftp,
}

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smtp => "SMTP",
            Self::Pop3 => "POP3",
            Self::Imap => "IMAP",
            Self::Http => "HTTP",
            Self::Ssh => "SSH",
            Self::Ftp => "FTP",
        })
    }
}

impl Spoken {
    /// What begins with these words. An FTP server says 220 as an SMTP server does: only a word tells.
    pub(crate) fn of(words: &str) -> Option<Self> {
        let words = words.trim_start().to_ascii_lowercase();
        let begins = |with: &[&str]| with.iter().any(|w| words.starts_with(w));
        if begins(&["* ok", "* preauth", "* bye"]) {
            Some(Self::Imap)
        } else if begins(&["+ok", "-err"]) {
            Some(Self::Pop3)
        } else if begins(&["http/", "<!doctype", "<html"]) {
            Some(Self::Http)
        } else if begins(&["ssh-"]) {
            Some(Self::Ssh)
        } else if begins(&["220 ", "220-", "554 ", "554-", "421 "]) {
            Some(if words.contains("ftp") && !words.contains("smtp") { Self::Ftp } else { Self::Smtp })
        } else {
            None
        }
    }

    /// The protocol of one of this project's transports; of another nothing is known.
    pub(crate) fn by(factory: &TransportFactory) -> Option<Self> {
        match (factory.name, factory.direction()) {
            ("smtp" | "gmail", Direction::Outgoing) => Some(Self::Smtp),
            ("imap" | "gmail", Direction::Incoming) => Some(Self::Imap),
            ("pop3" | "gmail-pop3", Direction::Incoming) => Some(Self::Pop3),
            _ => None,
        }
    }

    /// Its registered ports, if it is a mail protocol.
    pub(crate) fn ports(self) -> Option<Ports> {
        match self {
            Self::Smtp => Some(Ports::new(465, 587, 25)),
            Self::Pop3 => Some(Ports::new(995, 110, 110)),
            Self::Imap => Some(Ports::new(993, 143, 143)),
            _ => None,
        }
    }

    /// The transport that speaks it.
    pub(crate) fn transport(self) -> Option<&'static str> {
        match self {
            Self::Smtp => Some("smtp"),
            Self::Pop3 => Some("pop3"),
            Self::Imap => Some("imap"),
            _ => None,
        }
    }

    /// Its ports in words.
    pub(crate) fn usual(self) -> String {
        match self.ports() {
            Some(ports) if ports.starttls == ports.clear => {
                format!("{} with TLS from the start, {} with STARTTLS", ports.implicit, ports.starttls)
            }
            Some(ports) => format!(
                "{} with TLS from the start, {} with STARTTLS, {} between servers",
                ports.implicit, ports.starttls, ports.clear
            ),
            None => String::new(),
        }
    }
}

/// A kind of encryption in words.
pub(crate) fn in_words(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Implicit => "TLS from the start",
        TlsMode::StartTls => "STARTTLS",
        TlsMode::StartTlsIfOffered => "STARTTLS where it is offered",
        _ => "no encryption",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_tell_the_protocol() {
        for (words, spoken) in [
            ("220 mx.example ESMTP", Some(Spoken::Smtp)),
            ("220 ProFTPD ready", Some(Spoken::Ftp)),
            ("554 no service", Some(Spoken::Smtp)),
            ("+OK ready", Some(Spoken::Pop3)),
            ("-ERR busy", Some(Spoken::Pop3)),
            ("* OK [CAPABILITY IMAP4rev1]", Some(Spoken::Imap)),
            ("HTTP/1.1 400 Bad Request", Some(Spoken::Http)),
            ("<!DOCTYPE html><title>Sign in", Some(Spoken::Http)),
            ("SSH-2.0-OpenSSH", Some(Spoken::Ssh)),
            ("hello", None),
            ("", None),
        ] {
            assert_eq!(Spoken::of(words), spoken, "{words}");
        }
    }
}
