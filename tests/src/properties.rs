//! The property text for one server, as a user would write it.

use crate::servers::Servers;
use postrider::{Inbox, Mailer, Session};
use std::fmt::Display;

/// Properties of one transport at one server, built up line by line.
#[derive(Clone, Debug)]
pub struct Text {
    transport: &'static str,
    lines: String,
}

impl Text {
    /// A transport at a server of ours: host, port, kind of encryption and our own authority.
    pub fn new(servers: &Servers, transport: &'static str, server: &str, tls: &str) -> Self {
        Self { transport, lines: String::new() }
            .and("host", "localhost")
            .and("port", servers.port(server))
            .and("tls", tls)
            .and("ssl.cafile", servers.setting("CA_FILE"))
    }

    /// With another property of the transport.
    pub fn and(mut self, key: &str, value: impl Display) -> Self {
        self.lines += &format!("mail.{}.{key}={value}\n", self.transport);
        self
    }

    /// With a property of the session.
    pub fn general(mut self, key: &str, value: impl Display) -> Self {
        self.lines += &format!("mail.{key}={value}\n");
        self
    }

    /// With the user's name and password.
    pub fn signed_in(self, servers: &Servers, user: &str) -> Self {
        self.and("user", user).and("password", servers.password())
    }

    /// A session with these properties.
    ///
    /// # Errors
    /// As building a session from text.
    pub fn session(&self) -> postrider::Result<Session> {
        let direction = if self.transport == "smtp" { "transport" } else { "store" };
        let text = format!(
            "mail.{direction}.protocol={}\nmail.send.allowreserved=true\n{}",
            self.transport, self.lines
        );
        Session::builder().overrides(&text)?.build()
    }

    /// A mailer with these properties.
    ///
    /// # Panics
    /// If they are refused.
    pub fn mailer(&self) -> Mailer {
        self.session().expect("a session").mailer().expect("a mailer")
    }

    /// A mailbox with these properties.
    ///
    /// # Panics
    /// If they are refused.
    pub fn inbox(&self) -> Inbox {
        self.session().expect("a session").inbox().expect("an inbox")
    }
}
