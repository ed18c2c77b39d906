//! Who gets a message.

use super::SendingRules;
use super::head::Head;
use super::mailboxes::mailboxes;
use super::pattern::reserved;
use postrider_core::{
    Address, Envelope, Error, ErrorKind, Notify, Phase, Recipient, RecipientOutcome, Result, Verdict,
    session_property as key,
};
use std::collections::HashSet;

/// The most original recipients that X-Original-To names.
const NAMED: usize = 50;

impl SendingRules {
    /// Why nothing is sent to an address, if so.
    pub(super) fn suppressed(&self, address: &Address) -> Option<String> {
        if let Some(pattern) = self.blocked_recipients.find(address) {
            return Some(format!("{pattern} (mail.{})", key::SEND_BLOCKED_RECIPIENTS.name()));
        }
        let name = if self.allow_reserved { None } else { reserved(address) }?;
        Some(format!("{name} is a reserved domain (mail.{}=false)", key::SEND_ALLOW_RESERVED.name()))
    }

    /// True if nothing is sent to an address.
    pub(super) fn suppresses(&self, address: &Address) -> bool {
        self.blocked_recipients.find(address).is_some() || !self.allow_reserved && reserved(address).is_some()
    }

    /// The error of a message that nobody is to get.
    pub(super) fn nobody_left(&self, recipients: Vec<RecipientOutcome>) -> Error {
        if recipients.is_empty() {
            return Error::new(ErrorKind::InvalidInput, Phase::Configure, "the envelope has no recipient");
        }
        let blocked = recipients.iter().any(|r| self.blocked_recipients.find(&r.address).is_some());
        let what = "every recipient is one that nothing is sent to";
        let first = recipients.first().map(|r| match &r.verdict {
            Verdict::Suppressed(rule) => format!("{what}: {}: {rule}", r.address),
            _ => what.to_owned(),
        });
        let what = first.unwrap_or_else(|| what.to_owned());
        let error = if blocked {
            self.refusal(&key::SEND_BLOCKED_RECIPIENTS, what)
        } else {
            let set =
                format!("set mail.{}=true to send to reserved domains", key::SEND_ALLOW_RESERVED.name());
            self.refusal(&key::SEND_ALLOW_RESERVED, what).with_advice(set)
        };
        error.with_recipients(recipients)
    }

    /// The envelope of the audit copy, if one is due: from the same sender, and without reports to them about
    /// it. Who gets the message anyway needs no copy.
    pub(super) fn copy(&self, envelope: &Envelope) -> Result<Option<Envelope>> {
        if self.redirect.is_some() {
            return Ok(None);
        }
        let has_it = |address: &Address| envelope.to.iter().any(|r| r.address.mailbox() == address.mailbox());
        let mut to: Vec<Recipient> =
            self.audit.iter().filter(|a| !has_it(a)).cloned().map(Recipient::new).collect();
        if to.is_empty() {
            return Ok(None);
        }
        for recipient in &mut to {
            recipient.notify = Some(Notify::Never);
        }
        Envelope::new(envelope.from.clone(), to).map(Some)
    }
}

/// X-Original-To for a message that goes elsewhere. It names only those who stand in To or Cc: who was hidden
/// from the others stays hidden, and is counted.
pub(super) fn original_to(envelope: &Envelope, head: &Head) -> String {
    let lists = head.all("to").chain(head.all("cc")).filter_map(mailboxes);
    let shown: HashSet<String> = lists.flatten().map(|a| a.as_str().to_lowercase()).collect();
    let plain = |a: &Address| a.is_ascii() && shown.contains(&a.as_str().to_lowercase());
    let named: Vec<&str> = envelope
        .to
        .iter()
        .map(|r| &r.address)
        .filter(|a| plain(a))
        .map(Address::as_str)
        .take(NAMED)
        .collect();
    let others = envelope.to.len() - named.len();
    let mut parts: Vec<String> = named.into_iter().map(str::to_owned).collect();
    if others > 0 {
        parts.push(format!("({others} not named)"));
    }
    // An address may be 320 octets long: each has a line of its own (RFC 5322 §2.1.1).
    format!("X-Original-To: {}\r\n", parts.join(",\r\n "))
}
