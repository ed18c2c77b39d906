//! What a test holds.

use crate::state::{Sent, State, Stored, canonical};
use crate::{MemoryConfig, MemoryIncoming, MemoryOutgoing};
use bytes::Bytes;
use postrider_core::{Flags, Host, MessageId};
use std::sync::Arc;

/// Messages in memory, seen by a test. Clones, and transports made of it, share what is in it.
#[derive(Clone, Debug)]
pub struct Memory(pub(crate) Arc<State>);

impl Memory {
    /// A new one that no name leads to, so that nobody else can have it.
    pub fn new() -> Self {
        Self(State::unnamed())
    }

    /// The one of this name, made if nobody in this process holds it: what a transport with
    /// `mail.memory.name=<name>` works with.
    pub fn named(name: &str) -> Self {
        Self(State::named(name))
    }

    /// Its name, for `mail.memory.name`. A [`new`](Self::new) one can't be had by it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A way out that ends here.
    pub fn outgoing(&self) -> MemoryOutgoing {
        MemoryOutgoing::new(self, MemoryConfig::default())
    }

    /// The mailbox `INBOX`. The host lends time to wait by.
    pub fn incoming(&self, host: Arc<dyn Host>) -> MemoryIncoming {
        MemoryIncoming::new(self, MemoryConfig::default(), host)
    }

    /// What has been sent and accepted, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.0.lock().sent.clone()
    }

    /// What has been sent and accepted since the last call.
    pub fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.0.lock().sent)
    }

    /// Puts a new message into `INBOX` and wakes whoever waits for it.
    pub fn deliver(&self, message: impl Into<Bytes>) -> MessageId {
        self.deliver_to("INBOX", message, Flags::default())
    }

    /// Puts a message with these flags into a mailbox, which is made if it is not there.
    pub fn deliver_to(&self, folder: &str, message: impl Into<Bytes>, flags: Flags) -> MessageId {
        let stored = Stored { message: message.into(), flags };
        let number = self.0.lock().store(canonical(folder), stored);
        self.id(folder, number)
    }

    /// Makes an empty mailbox, for messages to be moved to; one that is there already stays as it is. `INBOX` is
    /// always there.
    pub fn create(&self, folder: &str) {
        self.0.lock().folders.entry(canonical(folder).to_owned()).or_default();
    }

    /// What is in a mailbox now, oldest first.
    pub fn mailbox(&self, folder: &str) -> Vec<(MessageId, Stored)> {
        let shared = self.0.lock();
        let messages = shared.folders.get(canonical(folder)).into_iter().flatten();
        messages.map(|(number, stored)| (self.id(folder, *number), stored.clone())).collect()
    }

    /// Takes a message away, as another program might. False if it was not there.
    pub fn remove(&self, id: &MessageId) -> bool {
        let Ok([name, folder, number]) = id.parts::<3>("memory") else { return false };
        let Some(number) = number.parse::<u64>().ok().filter(|_| name == self.0.name) else { return false };
        self.0.lock().folders.get_mut(&folder).is_some_and(|messages| messages.remove(&number).is_some())
    }

    pub(crate) fn id(&self, folder: &str, number: u64) -> MessageId {
        MessageId::new("memory", [self.0.name.as_str(), canonical(folder), number.to_string().as_str()])
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}
