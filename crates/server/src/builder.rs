//! The builder: everything a server can be told before it starts.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::Server;
use crate::options::{Options, Service};

/// Settings of a [`Server`] that is yet to start. Made by [`Server::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing listens until `start`"]
pub struct Builder {
    pub(crate) options: Options,
    pub(crate) users: Vec<(String, Credential)>,
    pub(crate) ports: BTreeMap<Service, u16>,
}

/// A password that Debug doesn't print.
#[derive(Clone)]
pub(crate) struct Credential(pub(crate) String);

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Builder {
    /// Adds a user. `alice` has the address `alice@<domain>` and logs in with either; `bob@else.test` has
    /// exactly that address. For XOAUTH2 and OAUTHBEARER the password is the token.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.users.push((name.into(), Credential(password.into())));
        self
    }

    /// The mail domain, `example.test` unless told. Also the name in greetings.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.options.domain = domain.into().to_ascii_lowercase();
        self
    }

    /// The address to listen on, `127.0.0.1` unless told.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.options.host = host.into();
        self
    }

    /// A fixed port for one service; without it (or with 0) any free port.
    pub fn port(mut self, service: Service, port: u16) -> Self {
        self.ports.insert(service, port);
        self
    }

    /// The largest message taken, in bytes; announced by SIZE. 50 MiB unless told.
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.options.message_limit = bytes;
        self
    }

    /// The most that all mailboxes hold together; beyond it mail is deferred (452) or refused (OVERQUOTA).
    /// 1 GiB unless told.
    pub fn storage_limit(mut self, bytes: usize) -> Self {
        self.options.storage_limit = bytes;
        self
    }

    /// How many connections each service serves at once (256 unless told); more are closed at once.
    pub fn connection_limit(mut self, connections: usize) -> Self {
        self.options.connection_limit = connections;
        self
    }

    /// How long a silent client keeps its connection. 30 minutes unless told.
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.options.idle_limit = limit;
        self
    }

    /// Withholds an extension or SASL mechanism by the name it is announced with, in all three protocols:
    /// `PIPELINING`, `CHUNKING`, `STARTTLS`, `STLS`, `AUTH` (any SASL), `SCRAM-SHA-256`, `UIDL`, `IDLE`,
    /// `MOVE`, … Neither announced nor served. Withholding a part of IMAP4rev2 withholds IMAP4rev2.
    pub fn without(mut self, extension: impl AsRef<str>) -> Self {
        self.options.withheld.insert(extension.as_ref().to_ascii_uppercase());
        self
    }

    /// Offers these SASL mechanisms and no other.
    pub fn mechanisms(mut self, names: &[&str]) -> Self {
        for mechanism in crate::sasl::Mechanism::ALL {
            let name = mechanism.name();
            if names.iter().any(|n| n.eq_ignore_ascii_case(name)) {
                self.options.withheld.remove(name);
            } else {
                self.options.withheld.insert(name.to_owned());
            }
        }
        self
    }

    /// Takes mail over SMTP only from clients that logged in.
    pub fn require_auth(mut self) -> Self {
        self.options.require_auth = true;
        self
    }

    /// Refuses every login in clear text (LOGINDISABLED, 538, `[AUTH]`).
    pub fn require_tls(mut self) -> Self {
        self.options.require_tls = true;
        self
    }

    /// Refuses SMTP messages with a bare CR or LF instead of keeping them as they are.
    pub fn refuse_bare_newlines(mut self) -> Self {
        self.options.strict_newlines = true;
        self
    }

    /// Puts mail for addresses that nobody here has into this user's INBOX instead of refusing it.
    pub fn catch_all(mut self, user: impl Into<String>) -> Self {
        self.options.catch_all = Some(user.into());
        self
    }

    /// Writes to clients in pieces of `bytes`, each its own segment or TLS record: for clients that must
    /// not mind how bytes are cut.
    pub fn chunked_writes(mut self, bytes: usize) -> Self {
        self.options.chunk = Some(bytes.max(1));
        self
    }

    /// Issues the certificate for these names only, instead of localhost, the domain and the host.
    pub fn certificate_names(mut self, names: &[&str]) -> Self {
        self.options.certificate_names = Some(names.iter().map(|&n| n.to_owned()).collect());
        self
    }

    /// Issues a certificate that expired long ago.
    pub fn expired_certificate(mut self) -> Self {
        self.options.expired_certificate = true;
        self
    }

    /// Binds every port and starts to serve, on the runtime that polls this.
    ///
    /// # Errors
    /// A port that can't be bound, a name that no certificate can carry, or a `catch_all` that is no user.
    pub async fn start(self) -> io::Result<Server> {
        Server::start(self).await
    }
}
