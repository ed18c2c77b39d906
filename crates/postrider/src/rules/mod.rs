//! Rules that hold for every message a mailer sends.
//!
//! | file | what is in it |
//! |---|---|
//! | `pattern.rs` | addresses by pattern, reserved domains |
//! | `notice.rs` | headers of messages that programs write |
//! | `head.rs`, `mailboxes.rs` | the header of a message that comes as a stream, and who stands in it |
//! | `senders.rs`, `recipients.rs` | who may send, who gets it |
//! | `dispatch.rs`, `outcome.rs` | one message in one or more transactions, and what became of it |

mod dispatch;
mod head;
mod mailboxes;
mod notice;
mod outcome;
mod pattern;
mod recipients;
mod senders;

pub(crate) use dispatch::{Dispatch, Need, is_broken, send_all, send_one};
pub use notice::{AutoResponseSuppress, AutoSubmitted};
pub use pattern::AddressPatterns;

use postrider_core::{
    Address, Envelope, Error, ErrorKind, Origin, Phase, Properties, Property, PropertyValue, Result,
    session_property,
};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

/// What holds for every message of a mailer, typed. Each field is the property of the same meaning.
///
/// A message that breaks a rule is an error before any server is asked; a recipient that a rule leaves out is
/// reported as [`Verdict::Suppressed`](postrider_core::Verdict::Suppressed) while the others get the message.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SendingRules {
    /// The only senders allowed, in envelope, From and Sender; none: everybody (`mail.send.allowedsenders`).
    pub allowed_senders: AddressPatterns,
    /// Recipients that nothing is sent to (`mail.send.blockedrecipients`).
    pub blocked_recipients: AddressPatterns,
    /// Send to domains reserved for documentation and tests too (`mail.send.allowreserved`).
    pub allow_reserved: bool,
    /// Addresses that get a copy of every message that was sent (`mail.send.audit`).
    pub audit: Vec<Address>,
    /// Most recipients of one transaction; `None`: all in one (`mail.send.recipientspertransaction`).
    pub recipients_per_transaction: Option<NonZeroUsize>,
    /// Auto-Submitted for messages without it (`mail.send.autosubmitted`).
    pub auto_submitted: Option<AutoSubmitted>,
    /// X-Auto-Response-Suppress for messages without it (`mail.send.autoresponsesuppress`).
    pub auto_response_suppress: Option<AutoResponseSuppress>,
    /// Where everything goes instead (`mail.send.redirect`).
    pub redirect: Option<Address>,
    // Where the properties came from, for errors.
    origins: BTreeMap<&'static str, Origin>,
}

impl SendingRules {
    /// Reads everything from the properties of a session.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn read(session: &Properties) -> Result<Self> {
        use session_property as key;
        let words = |property: &Property<_>| -> Result<Vec<String>> {
            Ok(session.read::<postrider_core::Words>(property)?.unwrap_or_default().0)
        };
        let patterns = |property: &Property<_>| {
            AddressPatterns::parse(words(property)?).map_err(|why| session.fault(property, &why))
        };
        let audit = words(&key::SEND_AUDIT)?.into_iter().map(Address::new).collect::<Result<Vec<_>>>();
        let limit = session.read(&key::SEND_RECIPIENTS_PER_TRANSACTION)?;
        let zero = || session.fault(&key::SEND_RECIPIENTS_PER_TRANSACTION, "a number from 1 is expected");
        let submitted = session.read(&key::SEND_AUTO_SUBMITTED)?.map(|text| AutoSubmitted::parse(&text));
        let suppress = words(&key::SEND_AUTO_RESPONSE_SUPPRESS)?;
        let suppress = (!suppress.is_empty()).then(|| AutoResponseSuppress::parse(suppress));
        let mut rules = Self {
            allowed_senders: patterns(&key::SEND_ALLOWED_SENDERS)?,
            blocked_recipients: patterns(&key::SEND_BLOCKED_RECIPIENTS)?,
            allow_reserved: session.require(&key::SEND_ALLOW_RESERVED)?,
            audit: audit.map_err(|e| session.fault(&key::SEND_AUDIT, e.message()))?,
            recipients_per_transaction: limit.map(|n| NonZeroUsize::new(n).ok_or_else(zero)).transpose()?,
            auto_submitted: submitted
                .transpose()
                .map_err(|why| session.fault(&key::SEND_AUTO_SUBMITTED, &why))?,
            auto_response_suppress: suppress
                .transpose()
                .map_err(|why| session.fault(&key::SEND_AUTO_RESPONSE_SUPPRESS, &why))?,
            redirect: session.read(&key::SEND_REDIRECT)?,
            origins: BTreeMap::new(),
        };
        rules.remember(session, &key::SEND_ALLOWED_SENDERS);
        rules.remember(session, &key::SEND_BLOCKED_RECIPIENTS);
        rules.remember(session, &key::SEND_ALLOW_RESERVED);
        Ok(rules)
    }

    fn remember<T: PropertyValue>(&mut self, session: &Properties, property: &Property<T>) {
        if let Some(origin) = session.origin(property) {
            self.origins.insert(property.name(), origin);
        }
    }

    /// An error about a message that a rule does not let pass.
    fn refusal<T: PropertyValue>(&self, property: &Property<T>, what: String) -> Error {
        let origin = self.origins.get(property.name()).cloned();
        Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
            .with_property(format!("mail.{}", property.name()), origin)
    }

    /// True if a message to this envelope goes out as it is: no rule changes, divides or copies it.
    pub(crate) fn let_pass(&self, envelope: &Envelope) -> bool {
        self.let_all_pass([envelope])
    }

    /// True if messages to these envelopes go out as they are. What does not hang on whom one goes to is looked at
    /// once, and where nothing does, no address is.
    pub(crate) fn let_all_pass<'a>(&self, envelopes: impl IntoIterator<Item = &'a Envelope>) -> bool {
        if self.needs_head() || !self.audit.is_empty() {
            return false;
        }
        let most = self.recipients_per_transaction.map_or(usize::MAX, Into::into);
        let any = most == usize::MAX && self.allow_reserved && self.blocked_recipients.is_empty();
        // One that lost its recipients since it was made is none that a server is asked about.
        let passes = |envelope: &Envelope| {
            let count = envelope.to.len();
            count > 0 && count <= most && (any || envelope.to.iter().all(|r| !self.suppresses(&r.address)))
        };
        envelopes.into_iter().all(passes)
    }

    /// True if the header of a message matters to a rule.
    fn needs_head(&self) -> bool {
        !self.allowed_senders.is_empty()
            || self.auto_submitted.is_some()
            || self.auto_response_suppress.is_some()
            || self.redirect.is_some()
    }
}
