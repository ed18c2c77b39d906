//! Ready-made benches, for transports that speak SMTP, POP3 or IMAP over the connections of their host.

use super::bench::{Bench, Condition, Delivered, IncomingBench, OutgoingBench, Remaining};
use super::servers::mailbox::Mailbox;
use super::servers::{imap, pop3, smtp::Post};
use crate::VirtualHost;
use postrider_core::{Host, Properties};
use std::sync::Arc;

const PASSWORD: &str = "a secret of the suite";

/// Makes a transport, or its configuration, and shows it by `Debug`.
type Show = fn(&Properties, Arc<dyn Host>) -> String;

/// What is common to the three.
struct Setup {
    line: VirtualHost,
    properties: Option<fn(&str) -> String>,
    debug: Option<Show>,
    starttls: bool,
}

impl Setup {
    fn new(line: VirtualHost) -> Self {
        Self { line, properties: None, debug: None, starttls: false }
    }

    fn properties(&self, name: &str) -> String {
        let tls = if self.starttls { "starttls" } else { "implicit" };
        let usual = |name: &str| {
            format!(
                "mail.{name}.host=mail.example.org\nmail.{name}.tls={tls}\nmail.{name}.user=me\n\
                 mail.{name}.password={PASSWORD}\n"
            )
        };
        self.properties.map_or_else(|| usual(name), |own| own(name))
    }

    /// Notes conditions about TLS, which need properties that are ours.
    fn allows(&mut self, condition: &Condition) -> bool {
        let tls = matches!(condition, Condition::ExtraAfterStartTls | Condition::NoStartTls);
        self.starttls |= tls;
        !tls || self.properties.is_none()
    }
}

macro_rules! scripted {
    ($name:ident, $state:ty, $session:expr, $doc:literal) => {
        #[doc = $doc]
        ///
        /// The transport gets `host`, `tls`, `user` and `password`; one that wants other properties gets them by
        /// [`with_properties`](Self::with_properties).
        pub struct $name {
            setup: Setup,
            state: $state,
        }

        impl $name {
            /// A server that nothing has happened to.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                let state = <$state>::default();
                let shared = state.clone();
                let session: fn(&$state) -> Box<dyn crate::Script> = $session;
                let line = VirtualHost::serve(move || session(&shared));
                Self { setup: Setup::new(line), state }
            }

            /// Sets the properties for a transport of this name. The password must be that of
            /// [`Self::PASSWORD`]. STARTTLS is then left out of the trials.
            pub fn with_properties(mut self, properties: fn(&str) -> String) -> Self {
                self.setup.properties = Some(properties);
                self
            }

            /// Shows the transport, or its configuration, by `Debug`: the suite looks for secrets in it.
            pub fn with_debug(mut self, debug: fn(&Properties, Arc<dyn Host>) -> String) -> Self {
                self.setup.debug = Some(debug);
                self
            }

            /// The password that the transport has to sign in with.
            pub const PASSWORD: &'static str = PASSWORD;
        }

        impl Bench for $name {
            fn properties(&self, name: &str) -> String {
                self.setup.properties(name)
            }

            fn host(&self) -> Arc<dyn Host> {
                Arc::new(self.setup.line.clone())
            }

            fn secrets(&self) -> Vec<String> {
                vec![PASSWORD.to_owned()]
            }

            fn line(&self) -> Option<VirtualHost> {
                Some(self.setup.line.clone())
            }

            fn arrange(&mut self, condition: &Condition) -> bool {
                if !Self::can(condition) || !self.setup.allows(condition) {
                    return false;
                }
                self.keep(condition.clone());
                true
            }

            fn debug(&self, properties: &Properties) -> Option<String> {
                self.setup.debug.map(|show| show(properties, self.host()))
            }
        }
    };
}

scripted!(ScriptedSmtp, Post, Post::session, "An SMTP server in the test.");
scripted!(ScriptedPop3, Mailbox, |m| Box::new(pop3::Session::new(m)), "A POP3 server in the test.");
scripted!(ScriptedImap, Mailbox, |m| Box::new(imap::Session::new(m)), "An IMAP server in the test.");

impl ScriptedSmtp {
    fn can(condition: &Condition) -> bool {
        !matches!(condition, Condition::RefuseSettle | Condition::BogusSize)
    }

    fn keep(&self, condition: Condition) {
        self.state.lock().conditions.push(condition);
    }
}

impl OutgoingBench for ScriptedSmtp {
    fn delivered(&self) -> Vec<Delivered> {
        self.state.lock().delivered.clone()
    }
}

/// What an incoming server can have.
fn incoming(condition: &Condition) -> bool {
    use Condition::*;
    matches!(
        condition,
        RefuseSignIn | RefuseSettle | ExtraAfterStartTls | NoStartTls | EndlessLine | EndlessReply | Garbage
    )
}

impl ScriptedPop3 {
    fn can(condition: &Condition) -> bool {
        incoming(condition)
    }

    fn keep(&self, condition: Condition) {
        self.state.mail().conditions.push(condition);
    }
}

impl ScriptedImap {
    fn can(condition: &Condition) -> bool {
        incoming(condition) || *condition == Condition::BogusSize
    }

    fn keep(&self, condition: Condition) {
        self.state.mail().conditions.push(condition);
    }
}

macro_rules! mailbox {
    ($name:ident, $moved:expr) => {
        impl IncomingBench for $name {
            fn deliver(&self, message: &[u8]) {
                self.state.mail().deliver(message);
            }

            fn remaining(&self) -> Vec<Remaining> {
                self.state.mail().remaining()
            }

            fn moved(&self, mailbox: &str) -> Option<Vec<Vec<u8>>> {
                let moved: fn(&Mailbox, &str) -> Option<Vec<Vec<u8>>> = $moved;
                moved(&self.state, mailbox)
            }

            fn remove(&self, at: usize) -> bool {
                self.state.mail().remove(at)
            }

            fn deliver_large(&self, size: u64) -> bool {
                self.state.mail().deliver_large(size);
                true
            }
        }
    };
}

mailbox!(ScriptedPop3, |_, _| None);
mailbox!(ScriptedImap, |state, name| (name == "Archive").then(|| state.mail().archive.clone()));
