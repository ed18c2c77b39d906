//! What an author brings: the far end of the transport, set up anew for every trial.

use crate::{Hang, VirtualHost};
use postrider_core::{Address, Host, Properties};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A piece of work that a bench runs to its end.
pub type Work<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What both kinds of bench have. Every trial gets a new one, so nothing has to be cleared away.
///
/// All but three methods have a default, which says that the bench can't do that: the promises that need it are
/// then reported as *not tried*, never as kept.
pub trait Bench: Send + Sync {
    /// The properties that lead the transport called `name` to this backend, as text (`mail.<name>.host=…`). With
    /// a password in them wherever the transport takes one.
    fn properties(&self, name: &str) -> String;

    /// The host that the transport is lent.
    fn host(&self) -> Arc<dyn Host>;

    /// The secrets that stand in [`properties`](Self::properties).
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// The virtual host, if that is what [`host`](Self::host) is. The suite then cuts, delays and divides what goes
    /// over its connections.
    fn line(&self) -> Option<VirtualHost> {
        None
    }

    /// Sets up a condition, before the transport is made. False if this backend can't have it.
    fn arrange(&mut self, _: &Condition) -> bool {
        false
    }

    /// The `Debug` text of the transport or its configuration, made of these properties (those of the
    /// transport's scope, as `make` gets them), where the types have one:
    /// the suite looks for secrets in it.
    fn debug(&self, _: &Properties) -> Option<String> {
        None
    }

    /// Runs work to its end.
    ///
    /// The default runs it on virtual time if there is a [`line`](Self::line), else on this thread for at most 30 s.
    /// A transport that needs a runtime around it overrides this.
    ///
    /// # Errors
    /// [`Hang`] if it has no end.
    fn drive(&self, work: Work<'_>) -> Result<(), Hang> {
        match self.line() {
            Some(host) => crate::run(&host, work),
            None => super::drive::on_this_thread(work, Duration::from_secs(30)),
        }
    }
}

/// A backend that messages are sent to.
///
/// The smallest one, for a transport that writes each message to a file of the folder it is told:
///
/// ```
/// use postrider_core::Host;
/// use postrider_testkit::conformance::{Bench, Delivered, OutgoingBench};
/// use postrider_testkit::{Dialogue, VirtualHost};
/// use std::{fs, path::PathBuf, sync::Arc};
///
/// struct Folder(PathBuf);
///
/// impl Bench for Folder {
///     fn properties(&self, name: &str) -> String {
///         format!("mail.{name}.folder={}", self.0.display())
///     }
///
///     fn host(&self) -> Arc<dyn Host> {
///         // It is lent to a transport that does not dial.
///         Arc::new(VirtualHost::play(&Dialogue::parse("").unwrap()))
///     }
/// }
///
/// impl OutgoingBench for Folder {
///     fn delivered(&self) -> Vec<Delivered> {
///         let files = fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().path());
///         files.map(|file| Delivered { recipients: vec![], bytes: fs::read(file).unwrap() }).collect()
///     }
/// }
/// ```
pub trait OutgoingBench: Bench {
    /// What the backend has taken responsibility for, in order.
    fn delivered(&self) -> Vec<Delivered>;

    /// How many bytes of the message that is being sent have left the transport, where the bench can tell: for the
    /// promise of bounded memory.
    fn taken(&self) -> Option<u64> {
        self.line().map(|line| line.sent_count() as u64)
    }
}

/// A backend that holds one mailbox. It keeps what it is given byte for byte; only the ends of lines may change.
pub trait IncomingBench: Bench {
    /// Puts a message into the mailbox, behind the others.
    fn deliver(&self, message: &[u8]);

    /// What is in the mailbox, oldest first.
    fn remaining(&self) -> Vec<Remaining>;

    /// The name of another mailbox that is there to move messages to.
    fn other(&self) -> &str {
        "Archive"
    }

    /// What is in another mailbox, for transports that can move messages. `None` if there are no others here.
    fn moved(&self, _mailbox: &str) -> Option<Vec<Vec<u8>>> {
        None
    }

    /// Takes a message (0 is the oldest) out of the mailbox behind the transport's back. False if that can't be.
    fn remove(&self, _at: usize) -> bool {
        false
    }

    /// Puts a message of about this many bytes into the mailbox that is made while it is read. False if that can't
    /// be.
    fn deliver_large(&self, _size: u64) -> bool {
        false
    }

    /// How many bytes the transport has read from the backend, where the bench can tell.
    fn given(&self) -> Option<u64> {
        self.line().map(|line| line.received() as u64)
    }
}

/// A message as the backend has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Whom it is for; empty if this backend does not keep that.
    pub recipients: Vec<String>,
    /// The message.
    pub bytes: Vec<u8>,
}

/// A message in the mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// The message.
    pub bytes: Vec<u8>,
    /// True if it is marked as seen.
    pub seen: bool,
}

/// What a backend can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// Refuse this recipient for good.
    RefuseRecipient(Address),
    /// Refuse this recipient for now.
    DeferRecipient(Address),
    /// Refuse the message for good.
    RefuseMessage,
    /// Refuse the message for now.
    DeferMessage,
    /// Take the message and end without saying so; the next session is a good one.
    LoseReply,
    /// Let nobody in.
    RefuseSignIn,
    /// Refuse to settle messages.
    RefuseSettle,
    /// Ask for STARTTLS first and say more behind the answer to it, still in the clear (CVE-2011-0411). The
    /// properties then have `tls=starttls`.
    ExtraAfterStartTls,
    /// Require STARTTLS in the properties, and do not offer it.
    NoStartTls,
    /// Greet with a line that does not end.
    EndlessLine,
    /// Answer to the first command with lines that do not end.
    EndlessReply,
    /// Greet in another protocol, with control characters.
    Garbage,
    /// Announce sizes that no message has.
    BogusSize,
}
