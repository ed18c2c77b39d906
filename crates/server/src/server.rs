//! The handle on a running server.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::Builder;
use crate::listener::{self, Shared};
use crate::options::Service;
use crate::{Accepted, dates};

/// A running server. Dropping it stops it at once; [`shutdown`](Self::shutdown) says goodbye first.
pub struct Server {
    shared: Arc<Shared>,
    ca_pem: String,
    ports: [u16; 6],
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// A server with no users on free ports of 127.0.0.1, to be told more.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) async fn start(builder: Builder) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (ca_pem, shared) = Shared::new(builder.options, &builder.users)?;
        if let Some(user) =
            shared.options.catch_all.as_deref().filter(|user| shared.store.find(user).is_none())
        {
            return Err(io::Error::other(format!("catch_all names {user:?}, whom nobody added")));
        }
        let mut ports = [0; 6];
        let mut sockets = Vec::new();
        for (port, service) in ports.iter_mut().zip(Service::ALL) {
            let wanted = builder.ports.get(&service).copied().unwrap_or(0);
            let socket = tokio::net::TcpListener::bind((shared.options.host.as_str(), wanted)).await?;
            *port = socket.local_addr()?.port();
            sockets.push((service, socket));
        }
        let serve = |(service, socket)| {
            tokio::spawn(listener::serve(service, socket, Arc::clone(&shared), stopped.clone()))
        };
        let tasks = sockets.into_iter().map(serve).collect();
        Ok(Self { shared, ca_pem, ports, stop, tasks })
    }

    /// The host it listens on, as the builder was told.
    pub fn host(&self) -> &str {
        &self.shared.options.host
    }

    /// The mail domain.
    pub fn domain(&self) -> &str {
        &self.shared.options.domain
    }

    /// The port of a service.
    pub fn port(&self, service: Service) -> u16 {
        let at = Service::ALL.iter().position(|&s| s == service).unwrap_or(0);
        self.ports.get(at).copied().unwrap_or(0)
    }

    /// SMTP in clear, with STARTTLS.
    pub fn smtp_port(&self) -> u16 {
        self.port(Service::Smtp)
    }

    /// SMTP inside TLS.
    pub fn smtps_port(&self) -> u16 {
        self.port(Service::Smtps)
    }

    /// POP3 in clear, with STLS.
    pub fn pop3_port(&self) -> u16 {
        self.port(Service::Pop3)
    }

    /// POP3 inside TLS.
    pub fn pop3s_port(&self) -> u16 {
        self.port(Service::Pop3s)
    }

    /// IMAP in clear, with STARTTLS.
    pub fn imap_port(&self) -> u16 {
        self.port(Service::Imap)
    }

    /// IMAP inside TLS.
    pub fn imaps_port(&self) -> u16 {
        self.port(Service::Imaps)
    }

    /// The certificate of the authority to trust, in PEM. Made anew at every start.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The messages in a mailbox, oldest first, as they came. Empty for an unknown user or mailbox.
    pub fn messages(&self, user: &str, mailbox: &str) -> Vec<Vec<u8>> {
        let Some(user) = self.shared.store.find(user) else { return Vec::new() };
        let mut state = self.shared.store.lock();
        let found = state.account(&user).and_then(|account| account.find(mailbox));
        found.map(|mailbox| mailbox.messages.iter().map(|m| m.bytes.to_vec()).collect()).unwrap_or_default()
    }

    /// The flags of each message in a mailbox, in the order of [`messages`](Self::messages).
    pub fn flags(&self, user: &str, mailbox: &str) -> Vec<Vec<String>> {
        let Some(user) = self.shared.store.find(user) else { return Vec::new() };
        let mut state = self.shared.store.lock();
        let found = state.account(&user).and_then(|account| account.find(mailbox));
        found.map(|mailbox| mailbox.messages.iter().map(|m| m.flags.clone()).collect()).unwrap_or_default()
    }

    /// The last thousand messages that SMTP took, with their envelopes.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.journal.accepted()
    }

    /// Puts a message into a user's INBOX, and wakes whoever waits for it in IDLE.
    ///
    /// # Errors
    /// An unknown user, or the storage limit.
    pub fn deliver(&self, user: &str, message: impl Into<Vec<u8>>) -> io::Result<()> {
        let key =
            self.shared.store.find(user).ok_or_else(|| io::Error::other(format!("no user {user:?}")))?;
        let bytes: Vec<u8> = message.into();
        let kept = self.shared.store.append(&key, "INBOX", bytes.into(), Vec::new(), dates::now());
        kept.map(drop).map_err(|why| io::Error::other(format!("not delivered: {why:?}")))
    }

    /// Refuses a recipient from now on: `refuse("nobody@example.test", 550, "5.1.1 no such user")`, or with
    /// a 4xx code to defer. It needn't be anyone's address. Unknown local addresses are refused anyway.
    pub fn refuse(&self, address: &str, code: u16, text: &str) {
        self.shared.journal.refuse(address, code, text);
    }

    /// Takes back a [`refuse`](Self::refuse).
    pub fn allow(&self, address: &str) {
        self.shared.journal.allow(address);
    }

    /// Gives a mailbox a new UIDVALIDITY and its messages new UIDs, as a server does that lost its index.
    /// IMAP sessions in that mailbox are told BYE.
    pub fn renumber(&self, user: &str, mailbox: &str) {
        let Some(user) = self.shared.store.find(user) else { return };
        let mut state = self.shared.store.lock();
        let validity = state.take_validity();
        if let Some(mailbox) = state.account(&user).and_then(|account| account.find(mailbox)) {
            mailbox.validity = validity;
            mailbox.next_uid = 1;
            for message in &mut mailbox.messages {
                message.uid = mailbox.next_uid;
                mailbox.next_uid = mailbox.next_uid.saturating_add(1);
            }
        }
        drop(state);
        self.shared.store.ring();
    }

    /// Waits until a mailbox holds at least `n` messages. Never ends if it never does: put a timeout round it.
    pub async fn wait_for_messages(&self, user: &str, mailbox: &str, n: usize) {
        let mut bell = self.shared.store.bell();
        while self.count(user, mailbox) < n {
            if bell.changed().await.is_err() {
                return;
            }
        }
    }

    /// Stops listening, tells every client goodbye, and returns when all are gone (within two seconds).
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        for task in std::mem::take(&mut self.tasks) {
            let _ = task.await;
        }
    }

    fn count(&self, user: &str, mailbox: &str) -> usize {
        let Some(user) = self.shared.store.find(user) else { return 0 };
        let mut state = self.shared.store.lock();
        state.account(&user).and_then(|account| account.find(mailbox)).map_or(0, |m| m.messages.len())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ports: Vec<_> = Service::ALL.iter().zip(self.ports).collect();
        f.debug_struct("Server").field("host", &self.host()).field("ports", &ports).finish_non_exhaustive()
    }
}
