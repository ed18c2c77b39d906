//! A message that is handed over.

use super::Marks;
use crate::Spool;
use bytes::Bytes;
use mail_parser::{Message, MessageParser};
use postrider_core::{Body, Flags, MessageId, Result};
use postrider_store::ledger::{Fingerprint, MessageKey};

/// More header than this is not looked at: no mail system takes as much.
const MOST_HEADER: usize = 256 * 1024;

/// A whole message as a [`Handler`](super::Handler) gets it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub(super) id: MessageId,
    pub(super) key: MessageKey,
    pub(super) flags: Flags,
    pub(super) content: Spool,
    pub(super) attempt: u32,
    pub(super) marks: Marks,
}

impl Arrival {
    /// The server's key of the message, to show and to find it by.
    pub fn id(&self) -> &MessageId {
        &self.id
    }

    /// What it is recorded under: to be written down in the same transaction as the work
    /// ([`sqlite::record_in`](crate::ledger::sqlite::record_in) and its like for PostgreSQL), so that the message is
    /// handled exactly once.
    pub fn key(&self) -> &MessageKey {
        &self.key
    }

    /// SHA-256 of all its bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        self.key.fingerprint
    }

    /// Its flags when it was listed.
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// How often it was handed over, this time included. Above 1 the work may have been done in part.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What kind of mail it is, as far as its header tells.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.content.len()
    }

    /// True if there is not a single byte.
    pub fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// The message as it came, from its start; as often as it takes, in constant memory.
    pub fn body(&self) -> Body<'static> {
        self.content.body()
    }

    /// All of it in memory.
    ///
    /// # Errors
    /// `Limit` if the temporary file of a large one can't be read.
    pub fn bytes(&self) -> Result<Bytes> {
        self.content.bytes()
    }

    /// The spooled content.
    pub fn spool(&self) -> &Spool {
        &self.content
    }

    /// Its header fields, parsed now. A header that can't be understood gives a message without fields.
    ///
    /// # Errors
    /// `Limit` if the temporary file of a large one can't be read.
    pub fn headers(&self) -> Result<Message<'static>> {
        parsed(&self.content)
    }
}

/// The header of a message.
pub(super) fn parsed(content: &Spool) -> Result<Message<'static>> {
    let start = content.start(MOST_HEADER)?;
    let end = end_of_header(&start);
    let header = start.get(..end).unwrap_or_default();
    Ok(MessageParser::new().parse_headers(header).map(Message::into_owned).unwrap_or_default())
}

/// Where the first empty line ends.
fn end_of_header(bytes: &[u8]) -> usize {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
    }
    at
}
