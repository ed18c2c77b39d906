//! Benches over real sockets and TLS: the embedded server.

use postrider_core::Host;
use postrider_net::TokioHost;
use postrider_server::Server;
use postrider_testkit::Hang;
use postrider_testkit::conformance::{
    self, Bench, Condition, Delivered, IncomingBench, Metered, OutgoingBench, Remaining, Work,
};
use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;

const PASSWORD: &str = "a secret of the server";
const WRONG: &str = "another secret altogether";
const DOMAIN: &str = "example.org";

/// The server goes on while the transport is not asked for anything.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    })
}

/// A server of its own for each trial, with the users `one` and `two`.
pub(crate) struct Embedded {
    server: Server,
    authority: tempfile::NamedTempFile,
    ports: Ports,
    host: Metered,
    shut_out: bool,
    starttls: bool,
}

/// The port inside TLS and the one in the clear.
pub(crate) type Ports = [fn(&Server) -> u16; 2];

fn started(builder: postrider_server::Builder) -> Server {
    runtime().block_on(builder.domain(DOMAIN).user("one", PASSWORD).user("two", PASSWORD).start()).unwrap()
}

impl Embedded {
    pub(crate) fn new(ports: Ports) -> Self {
        let server = started(Server::builder());
        let mut authority = tempfile::NamedTempFile::new().unwrap();
        authority.write_all(server.ca_pem().as_bytes()).unwrap();
        let host = Metered::new(Arc::new(TokioHost::new()));
        Self { server, authority, ports, host, shut_out: false, starttls: false }
    }

    fn inbox(&self, user: &str) -> Vec<Vec<u8>> {
        self.server.messages(user, "INBOX")
    }
}

impl Bench for Embedded {
    fn properties(&self, name: &str) -> String {
        let password = if self.shut_out { WRONG } else { PASSWORD };
        let [implicit, clear] = self.ports;
        let (tls, port) = if self.starttls { ("starttls", clear) } else { ("implicit", implicit) };
        format!(
            "mail.{name}.host=127.0.0.1\nmail.{name}.port={}\nmail.{name}.tls={tls}\n\
             mail.{name}.ssl.cafile={}\nmail.{name}.user=one\nmail.{name}.password={password}\n",
            port(&self.server),
            self.authority.path().display()
        )
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::new(self.host.clone())
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.into(), WRONG.into()]
    }

    fn arrange(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::RefuseRecipient(who) => self.server.refuse(who.as_str(), 550, "5.1.1 nobody here"),
            Condition::DeferRecipient(who) => self.server.refuse(who.as_str(), 450, "4.2.1 not now"),
            Condition::RefuseSignIn => self.shut_out = true,
            Condition::NoStartTls => {
                self.server = started(Server::builder().without("STARTTLS").without("STLS"));
                self.starttls = true;
            }
            _ => return false,
        }
        true
    }

    fn drive(&self, work: Work<'_>) -> Result<(), Hang> {
        let limit = Duration::from_secs(60);
        runtime().block_on(async { tokio::time::timeout(limit, work).await.map_err(|_| Hang) })
    }
}

impl OutgoingBench for Embedded {
    fn delivered(&self) -> Vec<Delivered> {
        let of = |user: &'static str| {
            let recipients = vec![format!("{user}@{DOMAIN}")];
            self.inbox(user).into_iter().map(move |bytes| Delivered { recipients: recipients.clone(), bytes })
        };
        of("one").chain(of("two")).collect()
    }

    fn taken(&self) -> Option<u64> {
        Some(self.host.sent())
    }
}

impl IncomingBench for Embedded {
    fn deliver(&self, message: &[u8]) {
        self.server.deliver("one", message).unwrap();
    }

    fn remaining(&self) -> Vec<Remaining> {
        let flags = self.server.flags("one", "INBOX");
        let seen = flags.iter().map(|flags| flags.iter().any(|flag| flag == "\\Seen"));
        self.inbox("one").into_iter().zip(seen).map(|(bytes, seen)| Remaining { bytes, seen }).collect()
    }

    fn deliver_large(&self, size: u64) -> bool {
        let line = "a line of a large message\r\n";
        let lines = line.repeat(usize::try_from(size).unwrap() / line.len() + 1);
        self.server.deliver("one", format!("\r\n{lines}")).is_ok()
    }

    fn given(&self) -> Option<u64> {
        Some(self.host.received())
    }

    fn other(&self) -> &str {
        "Trash"
    }

    fn moved(&self, mailbox: &str) -> Option<Vec<Vec<u8>>> {
        Some(self.server.messages("one", mailbox))
    }
}

conformance::outgoing!(smtp: postrider_smtp::FACTORY, || Embedded::new([Server::smtps_port, Server::smtp_port]));
conformance::incoming!(imap: postrider_imap::FACTORY, || Embedded::new([Server::imaps_port, Server::imap_port]));
conformance::incoming!(pop3: postrider_pop3::FACTORY, || Embedded::new([Server::pop3s_port, Server::pop3_port]));
