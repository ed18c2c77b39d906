//! What tells one message from another.

use postrider_core::MessageId;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// SHA-256 of all bytes of a message as the server gave them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a message in memory.
    pub fn of(message: &[u8]) -> Self {
        Self(Sha256::digest(message).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

/// Makes a [`Fingerprint`] chunk by chunk.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The fingerprint of all that was added.
    pub fn finish(self) -> Fingerprint {
        Fingerprint(self.0.finalize().into())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// A message as a ledger knows it. Its Message-ID is no part of it: whoever writes a message chooses that.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageKey {
    /// The name that the mailbox was [claimed](super::Ledger::claim) by.
    pub mailbox: String,
    /// The key it is recorded under: the server's, or `sha256:…` where that does not last.
    pub id: MessageId,
    /// All keys of one generation tell messages apart; over generations only the content does. For IMAP that is
    /// mailbox and UIDVALIDITY (RFC 9051 §2.3.1.1). Empty where keys don't last.
    pub generation: String,
    /// Its content.
    pub fingerprint: Fingerprint,
    /// The [number](super::Lease::token) of the lease that it is handed over under.
    pub token: i64,
}

impl MessageKey {
    /// The key of a message that the server gave under `id`; `stable` as
    /// [`MessageInfo::stable`](postrider_core::MessageInfo::stable) has it.
    pub fn new(lease: &super::Lease, id: &MessageId, stable: bool, fingerprint: Fingerprint) -> Self {
        let (mailbox, token) = (lease.mailbox().to_owned(), lease.token());
        if stable {
            let generation = generation(id).to_owned();
            return Self { mailbox, id: id.clone(), generation, fingerprint, token };
        }
        let id = MessageId::new("sha256", [fingerprint.to_string().as_str()]);
        Self { mailbox, id, generation: String::new(), fingerprint, token }
    }
}

/// What all keys of one generation begin with: everything before the last part.
fn generation(id: &MessageId) -> &str {
    id.as_str().rsplit_once('/').map_or("", |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Lease;

    #[test]
    fn keys_that_last_are_the_servers_and_others_are_the_content() {
        let lease = Lease::of_process("m", 3);
        let print = Fingerprint::of(b"abc");
        let id = MessageId::parse("imap:me@h/INBOX/7/42").unwrap();
        let stable = MessageKey::new(&lease, &id, true, print);
        assert_eq!((stable.id.as_str(), stable.generation.as_str()), (id.as_str(), "imap:me@h/INBOX/7"));
        let other = MessageKey::new(&lease, &id, false, print);
        assert_eq!(
            other.id.as_str(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!((other.generation.as_str(), other.token), ("", 3));
        let mut hasher = Hasher::default();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish(), print);
    }
}
