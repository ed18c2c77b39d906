//! The phases of a session.

use std::fmt;

/// Where in a session it went wrong. The order is that of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// Before any I/O: properties, arguments.
    Configure,
    /// Looking up the host name.
    Resolve,
    /// Making the connection.
    Connect,
    /// The TLS handshake, at once or after STARTTLS.
    Tls,
    /// The server's first words.
    Greeting,
    /// EHLO, CAPA, CAPABILITY.
    Capability,
    /// STARTTLS or STLS, up to its reply.
    StartTls,
    /// Signing in.
    Authenticate,
    /// Choosing the mailbox.
    Select,
    /// Listing messages or mailboxes.
    List,
    /// Reading a message.
    Fetch,
    /// Flagging, moving or deleting messages.
    Settle,
    /// Storing a message in a mailbox.
    Append,
    /// Waiting for news.
    Wait,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA or the body.
    Data,
    /// From the last octet of the body to the server's reply.
    EndOfData,
    /// RSET between messages.
    Reset,
    /// QUIT or LOGOUT.
    Close,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configure => "configuration",
            Self::Resolve => "name lookup",
            Self::Connect => "connecting",
            Self::Tls => "TLS handshake",
            Self::Greeting => "greeting",
            Self::Capability => "capabilities",
            Self::StartTls => "STARTTLS",
            Self::Authenticate => "signing in",
            Self::Select => "choosing the mailbox",
            Self::List => "listing",
            Self::Fetch => "fetching",
            Self::Settle => "settling",
            Self::Append => "appending",
            Self::Wait => "waiting",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Data => "message data",
            Self::EndOfData => "end of data",
            Self::Reset => "reset",
            Self::Close => "closing",
        })
    }
}
