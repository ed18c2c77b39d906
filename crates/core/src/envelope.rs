//! Who a message is from and whom it goes to, apart from what it says.

use crate::{Address, Error, ErrorKind, Phase, Result};
use std::collections::HashSet;

/// The envelope of one message (RFC 5321 §2.3.1) with its delivery-status wishes (RFC 3461).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// The reverse path; `None` is the null path `<>` of bounces and automatic replies.
    pub from: Option<Address>,
    /// At least one recipient, each once.
    pub to: Vec<Recipient>,
    /// ENVID: an identifier that comes back in delivery reports; printable ASCII, at most 100 characters.
    pub id: Option<String>,
    /// RET: how much of the message a failure report carries. `None` leaves it to the server.
    pub returned: Option<ReturnContent>,
}

/// RET of RFC 3461 §4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReturnContent {
    /// The whole message.
    Full,
    /// Its headers.
    Headers,
}

/// NOTIFY of RFC 3461 §4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notify {
    /// Under no conditions.
    Never,
    /// On any of these.
    On {
        /// The message was delivered.
        success: bool,
        /// Delivery failed.
        failure: bool,
        /// Delivery is late.
        delay: bool,
    },
}

/// One recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recipient {
    /// The forward path.
    pub address: Address,
    /// NOTIFY; `None` leaves it to the server.
    pub notify: Option<Notify>,
    /// ORCPT: the address the sender first wrote, of type `rfc822`.
    pub original: Option<Address>,
}

impl Recipient {
    /// A recipient without delivery-status wishes.
    pub fn new(address: Address) -> Self {
        Self { address, notify: None, original: None }
    }
}

impl From<Address> for Recipient {
    fn from(address: Address) -> Self {
        Self::new(address)
    }
}

impl Envelope {
    /// An envelope of a reverse path and its recipients. A recipient given twice stands once, also with
    /// the domain in other letters: case means nothing there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if there is no recipient.
    pub fn new<R: Into<Recipient>>(from: Option<Address>, to: impl IntoIterator<Item = R>) -> Result<Self> {
        let mut recipients: Vec<Recipient> = to.into_iter().map(Into::into).collect();
        if recipients.len() > 1 {
            // A list may have tens of thousands: each is looked up once.
            let mut seen = HashSet::with_capacity(recipients.len());
            let first: Vec<bool> = recipients.iter().map(|r| seen.insert(r.address.mailbox())).collect();
            let mut first = first.into_iter();
            recipients.retain(|_| first.next().unwrap_or(true));
        }
        if recipients.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                Phase::Configure,
                "the envelope has no recipient",
            )
            .with_advice("give at least one address to send to"));
        }
        Ok(Self { from, to: recipients, id: None, returned: None })
    }

    /// Reads addresses from text: `Envelope::parse(Some("a@x"), ["b@y"])`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a text that is no address, or no recipient.
    pub fn parse<'a>(from: Option<&str>, to: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let from = from.map(Address::new).transpose()?;
        let to = to.into_iter().map(Address::new).collect::<Result<Vec<_>>>()?;
        Self::new(from, to)
    }

    /// Sets ENVID.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if it is empty, longer than 100 characters or not printable ASCII.
    pub fn with_id(mut self, id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        if id.is_empty() || id.len() > 100 || !id.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                Phase::Configure,
                "an envelope id must be 1 to 100 printable ASCII characters",
            ));
        }
        self.id = Some(id);
        Ok(self)
    }

    /// Sets RET.
    pub fn with_returned(mut self, returned: ReturnContent) -> Self {
        self.returned = Some(returned);
        self
    }

    /// Sets NOTIFY for every recipient.
    pub fn with_notify(mut self, notify: Notify) -> Self {
        for recipient in &mut self.to {
            recipient.notify = Some(notify);
        }
        self
    }

    /// True if an address needs SMTPUTF8 in its local part (a domain can be written as A-labels).
    pub fn needs_utf8(&self) -> bool {
        let utf8 = |a: &Address| !a.is_ascii() && !a.local().is_ascii();
        self.from.as_ref().is_some_and(utf8) || self.to.iter().any(|r| utf8(&r.address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_given_twice_stands_once_in_the_order_given_also_among_many() {
        let envelope = Envelope::parse(None, ["b@x", "a@x", "b@x", "c@x", "a@X"]).unwrap();
        let order: Vec<&str> = envelope.to.iter().map(|r| r.address.as_str()).collect();
        assert_eq!(order, ["b@x", "a@x", "c@x"]);
        // Compared pair by pair these would take minutes.
        let many = (0..200_000).map(|n| Address::new(format!("{n}@x.example")).unwrap());
        assert_eq!(Envelope::new(None, many).unwrap().to.len(), 200_000);
        assert_eq!(Envelope::parse(None, []).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
