//! The conformance suite against Dovecot and Postfix; docs/conformance.md ends with what it finds.
//!
//! `UPDATE=1 cargo test -p postrider-tests --test real conformance` writes that part anew.

use crate::document;
use crate::library::{incoming, outgoing};
use postrider_core::Host;
use postrider_net::TokioHost;
use postrider_testkit::Hang;
use postrider_testkit::conformance::{
    Bench, Condition, Delivered, IncomingBench, Metered, OutgoingBench, Remaining, Work, check_incoming,
    check_outgoing,
};
use postrider_tests::mailbox::{Mailbox, has_flag};
use postrider_tests::servers::{Servers, or_skip};
use postrider_tests::workspace::root;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;

/// What Dovecot's POP3 does to the marks of a mailbox.
const POP3_BREAKS: [&str; 1] = ["reading-changes-nothing"];
const WRONG: &str = "another secret altogether";

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    })
}

/// A server with mailboxes that are emptied for each trial. The first is whose sign-in it is.
struct Real<'m> {
    servers: &'static Servers,
    port: &'static str,
    mailboxes: &'m [Mailbox],
    host: Metered,
    shut_out: bool,
}

impl<'m> Real<'m> {
    fn new(servers: &'static Servers, port: &'static str, mailboxes: &'m [Mailbox]) -> Self {
        for mailbox in mailboxes {
            // What an earlier trial sent must not come into this one.
            mailbox.settled();
            mailbox.clear("INBOX");
            mailbox.create("INBOX");
            mailbox.create("Archive");
            mailbox.clear("Archive");
        }
        let host = Metered::new(Arc::new(TokioHost::new()));
        Self { servers, port, mailboxes, host, shut_out: false }
    }

    /// The messages of INBOX, oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = self.mailboxes[0].files("INBOX");
        files.retain(|file| !has_flag(file, 'T'));
        files.sort_by_key(|file| file.file_name().map(ToOwned::to_owned));
        files
    }
}

impl Bench for Real<'_> {
    fn properties(&self, name: &str) -> String {
        let password = if self.shut_out { WRONG } else { self.servers.password() };
        format!(
            "mail.{name}.host=localhost\nmail.{name}.port={}\nmail.{name}.tls=implicit\n\
             mail.{name}.ssl.cafile={}\nmail.{name}.user={}\nmail.{name}.password={password}\n",
            self.servers.port(self.port),
            self.servers.setting("CA_FILE"),
            self.mailboxes[0].user(),
        )
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::new(self.host.clone())
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.servers.password().into(), WRONG.into()]
    }

    fn arrange(&mut self, condition: &Condition) -> bool {
        self.shut_out = *condition == Condition::RefuseSignIn;
        self.shut_out
    }

    fn drive(&self, work: Work<'_>) -> Result<(), Hang> {
        let limit = Duration::from_secs(60);
        runtime().block_on(async { tokio::time::timeout(limit, work).await.map_err(|_| Hang) })
    }
}

impl OutgoingBench for Real<'_> {
    fn delivered(&self) -> Vec<Delivered> {
        let of = |mailbox: &Mailbox| {
            let recipients = vec![format!("{}@example.org", mailbox.user())];
            let messages = mailbox.settled().into_iter();
            messages.map(|bytes| Delivered { recipients: recipients.clone(), bytes }).collect::<Vec<_>>()
        };
        self.mailboxes.iter().flat_map(of).collect()
    }

    fn taken(&self) -> Option<u64> {
        Some(self.host.sent())
    }
}

impl IncomingBench for Real<'_> {
    fn deliver(&self, message: &[u8]) {
        // As it lies in a maildir: lines end in LF.
        self.mailboxes[0].deposit(&String::from_utf8_lossy(message).replace("\r\n", "\n").into_bytes());
    }

    fn remaining(&self) -> Vec<Remaining> {
        loop {
            // A file that the server renames in between is found under its new name.
            let read = |file: &PathBuf| {
                std::fs::read(file).map(|bytes| Remaining { bytes, seen: has_flag(file, 'S') })
            };
            if let Ok(remaining) = self.files().iter().map(read).collect() {
                return remaining;
            }
        }
    }

    fn moved(&self, mailbox: &str) -> Option<Vec<Vec<u8>>> {
        Some(self.mailboxes[0].messages(mailbox))
    }

    fn deliver_large(&self, size: u64) -> bool {
        let line = "a line of a large message\n";
        let lines = line.repeat(usize::try_from(size).unwrap() / line.len() + 1);
        self.mailboxes[0].deposit(format!("\n{lines}").as_bytes());
        true
    }

    fn given(&self) -> Option<u64> {
        Some(self.host.received())
    }
}

#[test]
fn the_document_says_what_the_suite_finds_at_real_servers() {
    let Some(servers) = or_skip("the_document_says_what_the_suite_finds_at_real_servers") else { return };
    let recipients: &'static [Mailbox] =
        vec![Mailbox::of(servers, "one"), Mailbox::of(servers, "two")].leak();
    let mine: &'static [Mailbox] = vec![Mailbox::claim(servers)].leak();
    let smtp = check_outgoing(&postrider_smtp::FACTORY, || Real::new(servers, "POSTFIX_SMTPS", recipients));
    let imap = check_incoming(&postrider_imap::FACTORY, || Real::new(servers, "DOVECOT_IMAPS", mine));
    let pop3 = check_incoming(&postrider_pop3::FACTORY, || Real::new(servers, "DOVECOT_POP3S", mine));
    // The same out of a shared library.
    let loaded_smtp = check_outgoing(outgoing("smtp"), || Real::new(servers, "POSTFIX_SMTPS", recipients));
    let loaded_imap = check_incoming(incoming("imap"), || Real::new(servers, "DOVECOT_IMAPS", mine));
    let loaded_pop3 = check_incoming(incoming("pop3"), || Real::new(servers, "DOVECOT_POP3S", mine));
    for report in [&smtp, &loaded_smtp, &imap, &loaded_imap] {
        report.assert_kept();
    }
    // Dovecot marks what was retrieved as seen; the document says so.
    for report in [&pop3, &loaded_pop3] {
        let broken: Vec<&str> = report.broken().map(|promise| promise.name.as_str()).collect();
        assert_eq!(broken, POP3_BREAKS, "{report}");
    }
    let found = document::real(
        &[("smtp, Postfix", &smtp), ("smtp, loaded, Postfix", &loaded_smtp)],
        &[
            ("imap, Dovecot", &imap),
            ("imap, loaded, Dovecot", &loaded_imap),
            ("pop3, Dovecot", &pop3),
            ("pop3, loaded, Dovecot", &loaded_pop3),
        ],
    );
    let path = root().join("docs/conformance.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (ours, written) = document::parts(&text);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{ours}{found}")).unwrap();
    } else {
        assert!(written == found, "docs/conformance.md is not up to date: run this test with UPDATE=1");
    }
}
