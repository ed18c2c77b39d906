//! Who may send.

use super::SendingRules;
use super::head::Head;
use super::mailboxes::mailboxes;
use postrider_core::{Address, Envelope, Error, Result, session_property};

impl SendingRules {
    /// Holds envelope, From and Sender to the allowed senders. The null reverse path of an automatic message
    /// names nobody: its From is what counts.
    pub(super) fn check_senders(&self, envelope: &Envelope, head: &Head) -> Result<()> {
        if self.allowed_senders.is_empty() {
            return Ok(());
        }
        if let Some(from) = &envelope.from {
            self.check_sender(from, "the envelope")?;
        }
        let mut is_named = envelope.from.is_some();
        for (name, shown) in [("from", "From"), ("sender", "Sender")] {
            for value in head.all(name) {
                let Some(list) = mailboxes(value) else {
                    let what = format!("the {shown} header can't be read for certain");
                    return Err(self.no_sender(what));
                };
                is_named |= name == "from" && !list.is_empty();
                list.iter().try_for_each(|address| self.check_sender(address, shown))?;
            }
        }
        if !is_named {
            return Err(self.no_sender("neither envelope nor message says who sends it".into()));
        }
        Ok(())
    }

    fn check_sender(&self, address: &Address, place: &str) -> Result<()> {
        match self.allowed_senders.find(address) {
            Some(_) => Ok(()),
            None => Err(self.no_sender(format!("{address} in {place} is not allowed to send"))),
        }
    }

    fn no_sender(&self, what: String) -> Error {
        let advice = format!("allowed are: {}", self.allowed_senders);
        self.refusal(&session_property::SEND_ALLOWED_SENDERS, what).with_advice(advice)
    }
}
